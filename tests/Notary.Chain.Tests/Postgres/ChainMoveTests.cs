using Notary.Chain.Folders;
using Notary.Chain.Index;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain.Tests.Postgres;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class ChainMoveTests
{
    [Fact]
    public async Task A_moved_chain_is_the_same_chain()
    {
        using var chain = new TestChain();
        using var before = await chain.DepositMany(700, 1, "key");
        byte[] checkpoint = chain.Host.Reader.Checkpoint.ToArray();
        Assert.True(Admission.AdmitForm(chain.Host.Reader.Entry(500), out var facts).Ok);
        chain.Close();
        Assert.Equal(706, ChainMove.ToPostgres(chain.Folder, PostgresCluster.Shared.Database(), standbyWaived: true));
        Assert.False(File.Exists(chain.Folder.DatabasePath));
        Assert.True(File.Exists(chain.Folder.DatabasePath + ".moved"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(chain.Folder.DatabaseAddressPath));

        var report = Fsck.Run(chain.Folder, new FsckOptions { Password = TestChain.Password, Against = checkpoint });
        Assert.Empty(report.Findings);
        Assert.Equal((706, 700), (report.Size, report.ItemsOpened));
        Assert.Equal(checkpoint, chain.Host.Reader.Checkpoint.ToArray());
        Assert.Equal(500, chain.Host.Reader.FindId(facts.Id));
        using var again = await chain.DepositMany(700, 1, "key");
        Assert.Equal((DepositOutcome.Replayed, before.First), (again.Outcome, again.First));
        Assert.Equal(before.ReceiptOf(699).Secret, again.ReceiptOf(699).Secret);
        using var more = await chain.DepositMany(2, 2);
        Assert.Equal(706, more.First);
    }

    [Fact]
    public async Task A_move_that_failed_leaves_the_chain_where_it_was_and_one_that_was_interrupted_is_completed()
    {
        using var chain = new TestChain();
        using (await chain.DepositMany(20, 1))
        {
        }

        chain.Close();
        var connection = PostgresCluster.Shared.Database();
        var name = new Npgsql.NpgsqlConnectionStringBuilder(connection).Database!;
        // A trigger that fails the last row: all of it is undone.
        PostgresCluster.Shared.Execute("CREATE FUNCTION public.no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; CREATE EVENT TRIGGER no ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.no()", name);
        Assert.ThrowsAny<Store.DatabaseFailureException>(() => ChainMove.ToPostgres(chain.Folder, connection, standbyWaived: true));
        Assert.False(File.Exists(chain.Folder.DatabaseAddressPath));
        Assert.Equal(26, chain.Host.Reader.Size);
        chain.Close();
        PostgresCluster.Shared.Execute("DROP EVENT TRIGGER no", name);

        ChainMove.ToPostgres(chain.Folder, connection, standbyWaived: true);
        // What a crash between the commit and the address leaves.
        File.Delete(chain.Folder.DatabaseAddressPath);
        File.Move(chain.Folder.DatabasePath + ".moved", chain.Folder.DatabasePath);
        Assert.Equal(26, ChainMove.ToPostgres(chain.Folder, connection, standbyWaived: true));
        Assert.Equal(26, chain.Host.Reader.Size);
        chain.Close();

        Assert.Equal(ChainRefusal.Exists, Assert.Throws<ChainRefusedException>(() => ChainMove.ToPostgres(chain.Folder, connection, standbyWaived: true)).Refusal);
        using var other = new TestChain();
        var taken = Assert.Throws<ChainRefusedException>(() => ChainMove.ToPostgres(other.Folder, connection, standbyWaived: true));
        Assert.Equal(ChainRefusal.Exists, taken.Refusal);
        Assert.Contains("a database of its own", taken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_look_up_table_is_filled_anew_from_leaves_and_items()
    {
        using var chain = new TestChain(postgres: PostgresCluster.Shared);
        using (await chain.DepositMany(30, 4))
        {
        }

        chain.Close();
        PostgresCluster.Shared.Execute("CREATE TABLE public.before AS SELECT * FROM notary.lookup; DELETE FROM notary.lookup WHERE leaf % 2 = 0", chain.DatabaseName!);
        Assert.Equal(36, IndexRebuild.Run(chain.Folder, TestChain.Password));
        Assert.Equal(0L, PostgresCluster.Shared.Scalar("SELECT count(*) FROM (SELECT * FROM notary.lookup EXCEPT SELECT * FROM public.before) x", chain.DatabaseName!));
        Assert.Equal(0L, PostgresCluster.Shared.Scalar("SELECT count(*) FROM (SELECT * FROM public.before EXCEPT SELECT * FROM notary.lookup) x", chain.DatabaseName!));
        Assert.Empty(chain.Host.Reader.FindDigest(Suite.Sm.Hash([1]), 10));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("not json")]
    [InlineData("{\"connection\":\"Host=/nowhere;Database=x\",\"standby\":\"perhaps\"}")]
    [InlineData("{\"connection\":\"Host=/nowhere\",\"standby\":\"waived\"}")]
    [InlineData("{\"connection\":\"Host=/nowhere;Database=x;Colour=red\",\"standby\":\"waived\"}")]
    [InlineData("{\"connection\":\"Host=/nowhere;Database=x\",\"standby\":\"waived\",\"more\":1}")]
    public void A_malformed_address_is_refused_in_one_sentence(string address)
    {
        using var chain = new TestChain();
        File.WriteAllText(chain.Folder.DatabaseAddressPath, address);
        File.SetUnixFileMode(chain.Folder.DatabaseAddressPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var refused = Assert.Throws<ChainRefusedException>(() => chain.Host);
        Assert.Equal(ChainRefusal.Storage, refused.Refusal);
        Assert.Contains("database.json", refused.Message, StringComparison.Ordinal);
        File.SetUnixFileMode(chain.Folder.DatabaseAddressPath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.Contains("chmod 600", Assert.Throws<ChainRefusedException>(() => chain.Host).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_database_that_does_not_answer_is_refused_with_its_name()
    {
        using var chain = new TestChain();
        chain.Connect("Host=/nowhere;Database=notary_x;Username=notary");
        var refused = Assert.Throws<ChainRefusedException>(() => chain.Host);
        Assert.Equal(ChainRefusal.Storage, refused.Refusal);
        Assert.Contains("PostgreSQL database 'notary_x' at '/nowhere'", refused.Message, StringComparison.Ordinal);
    }
}
