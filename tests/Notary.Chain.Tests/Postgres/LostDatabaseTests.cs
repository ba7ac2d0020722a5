using System.Diagnostics;

namespace Notary.Chain.Tests.Postgres;

/// <summary>Connections that break, servers that restart, commits that nobody confirms.</summary>
public sealed class LostDatabaseTests
{
    [Theory]
    [InlineData(CommitFate.LostBefore, DepositOutcome.DatabaseLost)]
    [InlineData(CommitFate.LostAfter, DepositOutcome.Sealed)]
    public async Task A_connection_that_breaks_in_COMMIT_ends_in_a_known_outcome(CommitFate fate, DepositOutcome expected)
    {
        using var proxy = new PostgresProxy(PostgresCluster.Shared);
        using var chain = Through(proxy);
        using (await chain.DepositMany(3, 1))
        {
        }

        proxy.NextCommit = fate;
        using (var result = await chain.DepositMany(4, 2, "key"))
        {
            Assert.Equal(expected, result.Outcome);
            Assert.Equal(1, proxy.Lost);
            if (expected == DepositOutcome.Sealed)
            {
                DepositTests.AssertProves(chain, result.ReceiptOf(3), 12);
            }
        }

        // The same request again: it is sealed once, whatever became of the first.
        using var again = await chain.DepositMany(4, 2, "key");
        Assert.Equal(expected == DepositOutcome.Sealed ? DepositOutcome.Replayed : DepositOutcome.Sealed, again.Outcome);
        Assert.Equal((9, 4), (again.First, again.Count));
        Assert.Null(chain.Host.Stopped);
        Assert.Equal(13, chain.Host.Reader.Size);
        Assert.Empty(Fsck.Run(chain.Folder, new FsckOptions { Password = TestChain.Password }).Findings);
    }

    [Fact]
    public async Task While_the_database_is_away_deposits_are_refused_at_once_and_reads_fail_and_both_go_on_when_it_is_back()
    {
        using var proxy = new PostgresProxy(PostgresCluster.Shared);
        using var chain = Through(proxy);
        using (await chain.DepositMany(3, 1))
        {
        }

        proxy.Down = true;
        using (var refused = await chain.DepositMany(1, 2, "key"))
        {
            Assert.Equal(DepositOutcome.DatabaseLost, refused.Outcome);
        }

        Assert.NotNull(chain.Host.DatabaseLost);
        Assert.Null(chain.Host.Stopped);
        Assert.ThrowsAny<Store.DatabaseFailureException>(() => chain.Host.Reader.Entry(6));
        proxy.Down = false;
        await Returns(chain);
        Assert.NotNull(chain.Host.Reader.Entry(6));
        using var again = await chain.DepositMany(1, 2, "key");
        Assert.Equal((DepositOutcome.Sealed, 9L), (again.Outcome, again.First));
    }

    [Fact]
    public async Task A_server_that_crashes_again_and_again_under_load_loses_no_acknowledged_record()
    {
        using var cluster = PostgresCluster.Create();
        using var chain = new TestChain(postgres: cluster);
        var acknowledged = new List<(string Key, int Seed, long First)>();
        var stop = false;
        var load = Task.WhenAll(Enumerable.Range(0, 4).Select(async caller =>
        {
            for (var round = 0; !Volatile.Read(ref stop); round++)
            {
                var seed = (caller * 100_000) + round;
                var key = FormattableString.Invariant($"k{seed}");
                while (true)
                {
                    using var result = await chain.DepositMany(3, seed, key);
                    Assert.Null(chain.Host.Stopped);
                    if (result.Outcome is DepositOutcome.Sealed or DepositOutcome.Replayed)
                    {
                        lock (acknowledged)
                        {
                            acknowledged.Add((key, seed, result.First));
                        }

                        break;
                    }

                    Assert.Contains(result.Outcome, new[] { DepositOutcome.DatabaseLost, DepositOutcome.OutcomeUnknown });
                    await Task.Delay(20);
                }
            }
        }));
        for (var crash = 0; crash < 4; crash++)
        {
            await Task.Delay(400 + (crash * 173));
            cluster.Kill();
            await Task.Delay(200);
            cluster.Start();
            await Returns(chain);
        }

        Volatile.Write(ref stop, true);
        await load;
        var starts = acknowledged.Select(static a => a.First).Order().ToList();
        Assert.True(starts.Count > 20, $"only {starts.Count} requests were acknowledged");
        Assert.Equal(starts.Distinct(), starts);
        // Every batch is of three leaves and sealed once: acknowledged ones and, beside them, none.
        Assert.Equal(Enumerable.Range(0, starts.Count).Select(static i => 6L + (3 * i)), starts);
        foreach (var (key, seed, first) in acknowledged)
        {
            using var again = await Persist(chain, 3, seed, key);
            Assert.Equal((DepositOutcome.Replayed, first), (again.Outcome, again.First));
        }

        Assert.Empty(Fsck.Run(chain.Folder, new FsckOptions { Password = TestChain.Password }).Findings);
    }

    [Fact]
    public async Task A_commit_that_no_standby_confirmed_is_not_acknowledged_before_one_does()
    {
        using var cluster = PostgresCluster.Create();
        using var standby = Synchronous(cluster);
        using var chain = new TestChain(postgres: cluster);
        using (await chain.DepositMany(3, 1))
        {
        }

        standby.Kill();
        var waiting = chain.DepositMany(2, 2, "key");
        var patience = Stopwatch.StartNew();
        // Whoever cancels the wait gets a warning with the commit: it stands on the primary alone.
        while (cluster.Scalar("SELECT count(*) FROM (SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'notary') c") is 0L)
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(10), "no commit waits for the standby");
            await Task.Delay(20);
        }

        await Task.Delay(500);
        Assert.False(waiting.IsCompleted);
        standby.Start();
        using var result = await waiting;
        Assert.Equal((DepositOutcome.Sealed, 9L), (result.Outcome, result.First));
        Assert.Equal(11L, standby.Scalar("SELECT size FROM notary.head", chain.DatabaseName!));
    }

    [Fact]
    public async Task Who_waits_for_a_commit_that_no_standby_confirms_is_told_so_and_learns_by_the_key_what_became_of_it()
    {
        using var cluster = PostgresCluster.Create();
        using var standby = Synchronous(cluster);
        using var chain = new TestChain(postgres: cluster);
        using (await chain.DepositMany(3, 1))
        {
        }

        standby.Kill();
        var asked = Stopwatch.StartNew();
        var waiting = chain.DepositMany(2, 2, "key");
        await InCommit(cluster, 1);
        var queued = chain.DepositMany(1, 3, "queued");
        using (var unknown = await waiting.WaitAsync(TimeSpan.FromSeconds(60)))
        {
            Assert.Equal(DepositOutcome.OutcomeUnknown, unknown.Outcome);
            Assert.InRange(asked.Elapsed, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(30));
        }

        using (var behind = await queued.WaitAsync(TimeSpan.FromSeconds(10)))
        {
            Assert.Equal(DepositOutcome.DatabaseLost, behind.Outcome);
        }

        // The connection waits on, the chain says so, and nobody else waits.
        Assert.Equal(1L, cluster.Scalar(Committing));
        Assert.Contains("No standby has confirmed the COMMIT", chain.Host.DatabaseLost, StringComparison.Ordinal);
        asked.Restart();
        using (var refused = await chain.DepositMany(2, 2, "key"))
        {
            Assert.Equal(DepositOutcome.DatabaseLost, refused.Outcome);
            Assert.True(asked.Elapsed < TimeSpan.FromSeconds(2), asked.Elapsed.ToString());
        }

        standby.Start();
        await Returns(chain);
        using var again = await Persist(chain, 2, 2, "key");
        Assert.Equal((DepositOutcome.Replayed, 9L), (again.Outcome, again.First));
        DepositTests.AssertProves(chain, again.ReceiptOf(1), 10);
        using var next = await Persist(chain, 1, 3, "queued");
        Assert.Equal((DepositOutcome.Sealed, 11L), (next.Outcome, next.First));
        Assert.Null(chain.Host.Stopped);
        Assert.Empty(Fsck.Run(chain.Folder, new FsckOptions { Password = TestChain.Password }).Findings);
    }

    [Fact]
    public async Task A_chain_is_closed_in_bounded_time_while_no_standby_confirms_and_the_next_start_finds_all()
    {
        using var cluster = PostgresCluster.Create();
        using var standby = Synchronous(cluster);
        using var chain = new TestChain(postgres: cluster);
        using (await chain.DepositMany(3, 1, "before"))
        {
        }

        standby.Kill();
        var waiting = chain.DepositMany(2, 2, "key");
        await InCommit(cluster, 1);
        var closing = Stopwatch.StartNew();
        await Task.Run(chain.Close).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.InRange(closing.Elapsed, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(30));
        using (var unknown = await waiting.WaitAsync(TimeSpan.FromSeconds(5)))
        {
            Assert.Equal(DepositOutcome.OutcomeUnknown, unknown.Outcome);
        }

        // Closing has cancelled nothing: what no standby has is shown to nobody.
        Assert.Equal(9L, cluster.Scalar("SELECT size FROM notary.head", chain.DatabaseName!));
        standby.Start();
        await InCommit(cluster, 0);
        using var before = await chain.DepositMany(3, 1, "before");
        Assert.Equal((DepositOutcome.Replayed, 6L), (before.Outcome, before.First));
        using var again = await chain.DepositMany(2, 2, "key");
        Assert.Equal((DepositOutcome.Replayed, 9L), (again.Outcome, again.First));
        DepositTests.AssertProves(chain, again.ReceiptOf(1), 10);
    }

    private const string Committing = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'notary'";

    private static PostgresCluster Synchronous(PostgresCluster primary)
    {
        var standby = PostgresCluster.StandbyOf(primary, "one");
        primary.Execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
        primary.Execute("SELECT pg_reload_conf()");
        return standby;
    }

    private static async Task InCommit(PostgresCluster cluster, long count)
    {
        var patience = Stopwatch.StartNew();
        while (cluster.Scalar(Committing) is not long waiting || waiting != count)
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(15), $"not {count} commits wait for the standby");
            await Task.Delay(20);
        }
    }

    /// <summary>Deposits until the database answers: an idle server notices a lost one only when it asks.</summary>
    internal static async Task<DepositResult> Persist(TestChain chain, int count, int seed, string key)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            var result = await chain.DepositMany(count, seed, key);
            if (result.Outcome != DepositOutcome.DatabaseLost)
            {
                return result;
            }

            result.Dispose();
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(30), chain.Host.DatabaseLost);
            await Task.Delay(50);
        }
    }

    internal static async Task Returns(TestChain chain)
    {
        var patience = Stopwatch.StartNew();
        while (chain.Host.DatabaseLost is { } lost)
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(30), lost);
            await Task.Delay(20);
        }
    }

    private static TestChain Through(PostgresProxy proxy)
    {
        var chain = new TestChain(postgres: PostgresCluster.Shared);
        chain.Connect(proxy.Connection(chain.DatabaseName!));
        return chain;
    }
}
