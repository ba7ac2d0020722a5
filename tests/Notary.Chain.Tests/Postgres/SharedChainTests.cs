using System.Globalization;
using Notary.Chain.Store;
using Notary.Crypto.Keys;
using Notary.Evidence;

namespace Notary.Chain.Tests.Postgres;

/// <summary>Several servers append to one chain in PostgreSQL.</summary>
public sealed class SharedChainTests
{
    [Theory]
    [InlineData("sm")]
    [InlineData("intl")]
    public async Task Two_servers_append_to_one_chain_without_a_gap_and_each_proves_what_the_other_sealed(string suite)
    {
        using var first = new TestChain(suite, postgres: PostgresCluster.Shared);
        using var second = new TestChain(first);
        var sealedBy = new List<(long First, int Count)>[] { [], [] };
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async caller =>
        {
            var server = caller % 2 == 0 ? first : second;
            for (var round = 0; round < 12; round++)
            {
                using var result = await server.DepositMany(1 + (round * 7), (caller * 1000) + round);
                Assert.Equal(DepositOutcome.Sealed, result.Outcome);
                DepositTests.AssertProves(server, result.ReceiptOf(0), result.First);
                lock (sealedBy)
                {
                    sealedBy[caller % 2].Add((result.First, result.Count));
                }
            }
        }));

        var all = sealedBy.SelectMany(static s => s).Order().ToList();
        long next = 6;
        foreach (var (start, count) in all)
        {
            Assert.Equal(next, start);
            next += count;
        }

        await Reaches(first, next);
        await Reaches(second, next);
        foreach (var (server, other) in new[] { (first, sealedBy[1]), (second, sealedBy[0]) })
        {
            var (start, _) = other[^1];
            DepositTests.AssertProves(server, server.Host.Reader.Receipt(start)!, start);
            Assert.True(Admission.AdmitForm(server.Host.Reader.Entry(start), out var facts).Ok);
            Assert.Equal(start, server.Host.Reader.FindId(facts.Id));
        }

        Assert.Equal(first.Host.Reader.RootAt(next), second.Host.Reader.RootAt(next));
        var report = Fsck.Run(first.Folder, new FsckOptions { Password = TestChain.Password, Against = second.Host.Reader.Checkpoint });
        Assert.Empty(report.Findings);
        Assert.Equal(next, report.Size);
    }

    [Fact]
    public async Task A_request_that_is_repeated_at_another_server_gets_the_answer_of_the_first()
    {
        using var first = new TestChain(postgres: PostgresCluster.Shared);
        using var second = new TestChain(first);
        using var sealedOnce = await first.DepositMany(5, 1, "key-1");
        using var again = await second.DepositMany(5, 1, "key-1");
        Assert.Equal(DepositOutcome.Replayed, again.Outcome);
        Assert.Equal((sealedOnce.First, sealedOnce.Count), (again.First, again.Count));
        Assert.Equal(again.ReceiptOf(4).Secret, sealedOnce.ReceiptOf(4).Secret);
        using var other = await second.DepositMany(5, 2, "key-1");
        Assert.Equal(DepositOutcome.IdempotencyConflict, other.Outcome);
    }

    [Fact]
    public async Task An_idle_server_learns_what_another_sealed_and_signs_a_head_that_another_left_unsigned()
    {
        using var first = new TestChain(postgres: PostgresCluster.Shared);
        using var second = new TestChain(first);
        Assert.Equal(6, second.Host.Reader.Size);
        using (await first.DepositMany(40, 1))
        {
        }

        // The first has answered, and its note is stored by nobody yet.
        await Reaches(second, 46);
        Assert.Equal(46L, PostgresCluster.Shared.Scalar("SELECT note_size FROM notary.head", first.DatabaseName!));
        Assert.NotNull(ChainAppender.Verified(second.Host.Reader.Checkpoint.Span, first.Created.Genesis, null, out _));
    }

    [Theory]
    [InlineData("UPDATE notary.segment SET entries = set_byte(entries, 60, 255 - get_byte(entries, 60)) WHERE first = 6", "not taken over: at leaf 6")]
    [InlineData("UPDATE notary.segment SET first = 7 WHERE first = 6", "not taken over: at leaf 6 its batch is missing")]
    [InlineData("UPDATE notary.segment SET entries = substr(entries, 1, length(entries) - 3) WHERE first = 6", "not taken over: at leaf 7 its batch is cut off")]
    [InlineData("UPDATE notary.head SET root = set_byte(root, 3, 255 - get_byte(root, 3))", "signs size 8 and another root than the head")]
    [InlineData("UPDATE notary.head SET note = convert_to(replace(convert_from(note, 'UTF8'), 'beijing', 'qingdao'), 'UTF8')", "not signed by the chain's log key")]
    public async Task What_another_process_wrote_is_taken_over_only_after_the_checks_of_a_node(string edit, string reason)
    {
        using var first = new TestChain(postgres: PostgresCluster.Shared);
        using var appender = OpenAppender(first, out var closing);
        using (closing)
        {
            using var second = new TestChain(first);
            using (await second.DepositMany(2, 7))
            {
            }

            second.Close();
            PostgresCluster.Shared.Execute(edit, first.DatabaseName!);
            var stopped = Assert.Throws<ChainStoppedException>(appender.Follow);
            Assert.Equal(StopReason.HeadChanged, stopped.Reason);
            Assert.Contains(reason, stopped.Message, StringComparison.Ordinal);
            Assert.Equal(6, appender.Head.Size);
        }
    }

    [Fact]
    public async Task A_database_that_lost_leaves_stops_a_process_that_has_seen_them()
    {
        using var chain = new TestChain(postgres: PostgresCluster.Shared);
        var backup = chain.DatabaseName + "_backup";
        _ = chain.Host.Reader.Size;
        chain.Close();
        PostgresCluster.Shared.Execute($"CREATE DATABASE {backup} TEMPLATE {chain.DatabaseName}");
        using (await chain.DepositMany(3, 1))
        {
        }

        // Restored from the backup under a running server.
        PostgresCluster.Shared.Execute($"ALTER DATABASE {chain.DatabaseName} WITH ALLOW_CONNECTIONS false");
        PostgresCluster.Shared.Execute($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{chain.DatabaseName}'");
        PostgresCluster.Shared.Execute($"ALTER DATABASE {chain.DatabaseName} RENAME TO {chain.DatabaseName}_lost");
        PostgresCluster.Shared.Execute($"ALTER DATABASE {backup} RENAME TO {chain.DatabaseName}");
        var until = Environment.TickCount64 + 20_000;
        while (chain.Host.Stopped is null && Environment.TickCount64 < until)
        {
            using var refused = await chain.DepositMany(1, 2);
            Assert.Contains(refused.Outcome, new[] { DepositOutcome.DatabaseLost, DepositOutcome.ChainStopped });
            await Task.Delay(50);
        }

        Assert.Equal(StopReason.Stale, chain.Host.Stopped?.Reason);
        Assert.Contains("holds 6 leaves, and this process has seen 9", chain.Host.Stopped!.Sentence, StringComparison.Ordinal);
    }

    private static ChainAppender OpenAppender(TestChain chain, out IDisposable closing)
    {
        var database = ChainDatabase.Of(chain.Folder);
        var reads = new ChainReads(database.OpenReader);
        var signer = KeyFile.Load(chain.Folder.LogKeyPath, TestChain.Password);
        closing = new Closing(reads, signer);
        return ChainAppender.Open(database.OpenStore(), reads, chain.Created.Genesis, LogSigner.Of(chain.Created.Genesis, signer), TimeProvider.System, static () => 0);
    }

    private sealed class Closing(params IDisposable[] parts) : IDisposable
    {
        public void Dispose() => Array.ForEach(parts, static part => part.Dispose());
    }

    internal static async Task Reaches(TestChain server, long size)
    {
        var until = Environment.TickCount64 + 20_000;
        while (server.Host.Reader.Size < size)
        {
            Assert.True(Environment.TickCount64 < until, string.Create(CultureInfo.InvariantCulture, $"the server knows {server.Host.Reader.Size} leaves of {size}: {server.Host.Stopped?.Sentence ?? server.Host.DatabaseLost}"));
            await Task.Delay(20);
        }
    }
}
