using Notary.Chain.Folders;
using Notary.Chain.Tests.Network;
using Notary.Evidence;

namespace Notary.Chain.Tests.Postgres;

/// <summary>What an operator, or a tool that promotes standbys, can do to a primary: each ends in a stopped chain with its reason, or in one that extends all that was acknowledged.</summary>
public sealed class FailoverTests
{
    [Fact]
    public async Task After_the_synchronous_standby_was_promoted_every_acknowledged_record_is_there_and_the_chain_goes_on()
    {
        using var primary = PostgresCluster.Create();
        using var standby = PostgresCluster.StandbyOf(primary, "one");
        primary.Execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
        primary.Execute("SELECT pg_reload_conf()");
        using var chain = new TestChain(postgres: primary);
        chain.Connect(Both(primary, standby, chain));
        var acknowledged = new List<(int Seed, long First)>();
        for (var seed = 0; seed < 20; seed++)
        {
            using var result = await chain.DepositMany(3, seed, FormattableString.Invariant($"k{seed}"));
            Assert.Equal(DepositOutcome.Sealed, result.Outcome);
            acknowledged.Add((seed, result.First));
        }

        var inFlight = chain.DepositMany(3, 99, "k99");
        primary.Kill();
        using (var lost = await inFlight)
        {
            Assert.Contains(lost.Outcome, new[] { DepositOutcome.Sealed, DepositOutcome.DatabaseLost, DepositOutcome.OutcomeUnknown });
        }

        standby.Promote();
        foreach (var (seed, first) in acknowledged)
        {
            using var again = await LostDatabaseTests.Persist(chain, 3, seed, FormattableString.Invariant($"k{seed}"));
            Assert.Equal((DepositOutcome.Replayed, first), (again.Outcome, again.First));
            DepositTests.AssertProves(chain, again.ReceiptOf(2), first + 2);
        }

        Assert.Null(chain.Host.Stopped);
        using var next = await LostDatabaseTests.Persist(chain, 3, 99, "k99");
        Assert.Contains(next.Outcome, new[] { DepositOutcome.Sealed, DepositOutcome.Replayed });
        Assert.Equal(66, next.First);
        Assert.Empty(Fsck.Run(chain.Folder, new FsckOptions { Password = TestChain.Password }).Findings);
    }

    [Fact]
    public async Task A_standby_that_lacks_the_last_commits_stops_the_chain_when_it_is_promoted()
    {
        using var primary = PostgresCluster.Create();
        using var chain = new TestChain(postgres: primary);
        using var standby = PostgresCluster.StandbyOf(primary, "late");
        standby.Kill();
        chain.Connect(Both(primary, standby, chain));
        using (await chain.DepositMany(3, 1))
        {
        }

        primary.Kill();
        File.Delete(Path.Combine(standby.DataPath, "standby.signal"));
        standby.Start();
        var until = Environment.TickCount64 + 30_000;
        while (chain.Host.Stopped is null && Environment.TickCount64 < until)
        {
            await Task.Delay(50);
        }

        Assert.Equal(StopReason.Stale, chain.Host.Stopped?.Reason);
        Assert.Contains("this process has seen 9", chain.Host.Stopped!.Sentence, StringComparison.Ordinal);
        using var refused = await chain.DepositMany(1, 2);
        Assert.Equal(DepositOutcome.ChainStopped, refused.Outcome);
    }

    [Fact]
    public async Task The_nodes_stop_a_chain_whose_database_was_restored_from_an_old_backup_or_from_a_copy_that_went_its_own_way()
    {
        await using var network = new TestNetwork("hainan");
        var folder = new ChainFolder(Path.Combine(network.DataPath, "chains", "hainan"));
        var connection = PostgresCluster.Shared.Database();
        var name = new Npgsql.NpgsqlConnectionStringBuilder(connection).Database!;
        ChainMove.ToPostgres(folder, connection, standbyWaived: true);
        PostgresCluster.Shared.Execute($"CREATE DATABASE {name}_backup TEMPLATE {name}");
        network.Open();
        long last;
        using (var result = await network.Deposit("hainan", TestChain.Line(new Random(1))))
        {
            Assert.Equal(DepositOutcome.Sealed, result.Outcome);
            last = result.First;
        }

        Assert.True(await network.Reaches("hainan", last, RecordState.Anchored));
        await network.Close();

        // From the old backup, with nothing beside it that remembers: the nodes do.
        PostgresCluster.Shared.Execute($"CREATE DATABASE {name}_restored TEMPLATE {name}_backup");
        await AssertStale($"{name}_restored");

        // A copy of the folder that a server without nodes went on with.
        PostgresCluster.Shared.Execute($"CREATE DATABASE {name}_copy TEMPLATE {name}_backup");
        Address($"{name}_copy");
        using (var alone = ChainHost.Open(folder, TestChain.Password, TimeProvider.System))
        {
            for (var seed = 5; seed < 8; seed++)
            {
                using var result = await alone.DepositAsync(new Deposit
                {
                    Body = System.Text.Encoding.UTF8.GetBytes(TestChain.Line(new Random(seed))), SingleRequest = false, Account = ChainCreation.DevelopmentAccount, Auth = AuthMethod.ClientSecret, Received = DateTimeOffset.UtcNow,
                });
                Assert.Equal(DepositOutcome.Sealed, result.Outcome);
            }
        }

        await AssertStale($"{name}_copy");

        // The database that extends them all goes on.
        Address(name);
        network.Open();
        using var more = await network.Deposit("hainan", TestChain.Line(new Random(9)));
        Assert.Equal((DepositOutcome.Sealed, last + 1), (more.Outcome, more.First));
        Assert.True(await network.Reaches("hainan", last + 1, RecordState.Final));

        async Task AssertStale(string database)
        {
            Address(database);
            File.Delete(folder.FinalityPath);
            network.Open();
            using var refused = await network.Deposit("hainan", TestChain.Line(new Random(2)));
            Assert.Equal(DepositOutcome.ChainStopped, refused.Outcome);
            Assert.Equal(StopReason.Stale, network.Chains["hainan"].Stopped!.Reason);
            Assert.Contains("behind its own history", network.Chains["hainan"].Stopped!.Sentence, StringComparison.Ordinal);
            await network.Close();
        }

        void Address(string database) => Chain.Postgres.PostgresChainDatabase.Save(folder.DatabaseAddressPath, PostgresCluster.Shared.Connection(database), standbyWaived: true);
    }

    [Fact]
    public async Task A_chain_in_a_network_asks_its_nodes_again_when_its_database_was_lost()
    {
        await using var network = new TestNetwork("hainan");
        var folder = new ChainFolder(Path.Combine(network.DataPath, "chains", "hainan"));
        using var proxy = new PostgresProxy(PostgresCluster.Shared);
        var name = new Npgsql.NpgsqlConnectionStringBuilder(PostgresCluster.Shared.Database()).Database!;
        ChainMove.ToPostgres(folder, PostgresCluster.Shared.Connection(name), standbyWaived: true);
        Chain.Postgres.PostgresChainDatabase.Save(folder.DatabaseAddressPath, proxy.Connection(name), standbyWaived: true);
        network.Open();
        using (var first = await network.Deposit("hainan", TestChain.Line(new Random(1))))
        {
            Assert.True(await network.Reaches("hainan", first.First, RecordState.Final));
        }

        proxy.Down = true;
        using (var refused = await network.Deposit("hainan", TestChain.Line(new Random(2))))
        {
            Assert.Equal(DepositOutcome.DatabaseLost, refused.Outcome);
        }

        var held = false;
        network.Chains["hainan"].Reconnected += () => held = network.Chains["hainan"].FreshnessPending is not null;
        proxy.Down = false;
        var until = Environment.TickCount64 + 20_000;
        while (network.Chains["hainan"].DatabaseLost is not null && Environment.TickCount64 < until)
        {
            await Task.Delay(20);
        }

        Assert.True(held, "the nodes were not asked");
        using var next = await network.Deposit("hainan", TestChain.Line(new Random(3)));
        Assert.Equal(DepositOutcome.Sealed, next.Outcome);
        Assert.True(await network.Reaches("hainan", next.First, RecordState.Anchored));
    }

    [Theory]
    [InlineData("synchronous_commit = off", false, "synchronous_commit = off")]
    [InlineData("synchronous_commit = local", true, "synchronous_commit = local")]
    [InlineData("fsync = off", true, "fsync off")]
    [InlineData("full_page_writes = off", true, "full_page_writes off")]
    [InlineData("synchronous_standby_names = ''", false, "no synchronous standby")]
    public void A_server_that_would_not_keep_what_it_confirms_is_refused_with_the_remedy(string setting, bool waived, string reason)
    {
        using var cluster = PostgresCluster.Create(setting);
        using var chain = new TestChain();
        var refused = Assert.Throws<ChainRefusedException>(() => ChainMove.ToPostgres(chain.Folder, cluster.Database(), waived));
        Assert.Equal(ChainRefusal.Durability, refused.Refusal);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(chain.Folder.DatabasePath));
        Assert.Equal(6, chain.Host.Reader.Size);
    }

    private static string Both(PostgresCluster primary, PostgresCluster standby, TestChain chain) =>
        $"Host={Path.GetDirectoryName(primary.SocketPath)},{Path.GetDirectoryName(standby.SocketPath)};Database={chain.DatabaseName};Username=postgres;Target Session Attributes=primary";
}
