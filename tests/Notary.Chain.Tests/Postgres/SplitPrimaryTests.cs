using System.Collections.Concurrent;
using System.Diagnostics;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Postgres;

/// <summary>A standby is promoted while the old primary goes on, a server stays connected to each, and both hold the log's key: the ledger nodes between them decide.</summary>
public sealed class SplitPrimaryTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Of_two_primaries_that_both_confirm_the_nodes_follow_one_and_the_other_stops()
    {
        using var primary = PostgresCluster.Create();
        await using var shared = new SharedNetwork(primary);
        using var standby = PostgresCluster.StandbyOf(primary, "late");
        using var proxy = new PostgresProxy(primary);
        await using var stays = shared.Open("stays");
        await using var moves = shared.Open("moves", proxy.Connection);
        await using var finals = new Finals(shared, stays, moves);
        var early = await stays.Deposit("early");
        Assert.True(await stays.Reaches(early, RecordState.Anchored));
        Assert.True(await moves.Reaches(early, RecordState.Anchored));
        await Until(() => shared.Databases.All(name => Equals(standby.Scalar("SELECT size FROM notary.head", name), primary.Scalar("SELECT size FROM notary.head", name))), "the standby does not follow");

        standby.Promote();
        proxy.LeadTo(standby);
        await Until(() => moves.Chains["beijing"] is { DatabaseLost: null, FreshnessPending: null } && moves.Network.FinalityOf("beijing")!.Leads && stays.Network.FinalityOf("beijing")!.Leads, "each has its own lead");

        // Both seal, and the nodes hear of neither before both have.
        shared.Links.ForEach(static link => link.Hangs = true);
        var here = await stays.Deposit("here", patient: true);
        var there = await moves.Deposit("there", patient: true);
        Assert.Equal(here, there);
        shared.Links.ForEach(static link => link.Hangs = false);

        var servers = new[] { stays, moves };
        await Until(() => servers.Any(server => server.Chains["beijing"].Stopped is not null), "neither side stops");
        var stopped = servers.First(server => server.Chains["beijing"].Stopped is not null);
        Assert.Equal(StopReason.Stale, stopped.Chains["beijing"].Stopped!.Reason);
        Assert.Contains("follow another history", stopped.Chains["beijing"].Stopped!.Sentence, StringComparison.Ordinal);
        Assert.Contains("signed by the log", stopped.Chains["beijing"].Stopped!.Sentence, StringComparison.Ordinal);
        Assert.True(shared.Alarms > 0, "no node has kept the fork");

        // The other goes on, and what it told to be final it holds.
        var goesOn = servers.Single(server => server != stopped);
        Assert.Null(goesOn.Chains["beijing"].Stopped);
        Assert.True(await goesOn.Reaches(here, RecordState.Anchored));
        Assert.True(await goesOn.Reaches(await goesOn.Deposit("after", patient: true), RecordState.Anchored));
        using (var refused = await stopped.Chains["beijing"].DepositAsync(SharedNetwork.Request("too late")))
        {
            Assert.Equal(DepositOutcome.ChainStopped, refused.Outcome);
        }

        await finals.AssertOneHistory(goesOn);
        Assert.Equal(RecordState.Sealed, stopped.Network.StateOf(stopped.Chains["beijing"], here));
    }

    [Fact]
    public async Task A_primary_whose_synchronous_standby_was_promoted_acknowledges_nothing_and_its_server_goes_on_with_the_other()
    {
        using var primary = PostgresCluster.Create();
        await using var shared = new SharedNetwork(primary);
        using var standby = PostgresCluster.StandbyOf(primary, "one");
        primary.Execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
        primary.Execute("SELECT pg_reload_conf()");
        using var mine = new PostgresProxy(primary);
        using var proxy = new PostgresProxy(primary);
        await using var stays = shared.Open("stays", mine.Connection);
        await using var moves = shared.Open("moves", proxy.Connection);
        await using var finals = new Finals(shared, stays, moves);
        var acknowledged = new List<(string Text, long Index)>();
        for (var i = 0; i < 5; i++)
        {
            var text = FormattableString.Invariant($"early {i}");
            acknowledged.Add((text, await stays.Deposit(text)));
        }

        Assert.True(await stays.Reaches(acknowledged[^1].Index, RecordState.Anchored));
        standby.Promote();
        proxy.LeadTo(standby);
        var here = stays.Chains["beijing"].DepositAsync(SharedNetwork.Request("here", "key"));
        var there = await moves.Deposit("there", patient: true);
        Assert.Equal(acknowledged[^1].Index + 1, there);
        Assert.True(await moves.Reaches(there, RecordState.Anchored));
        using (var unknown = await here.WaitAsync(Patience))
        {
            Assert.Equal(DepositOutcome.OutcomeUnknown, unknown.Outcome);
        }

        Assert.Contains("No standby has confirmed", stays.Chains["beijing"].DatabaseLost, StringComparison.Ordinal);
        Assert.Equal(there, stays.Chains["beijing"].Reader.Size);

        // Led to the new primary it goes on: what was in doubt is not there, and is sealed when it is sent again.
        mine.LeadTo(standby);
        await Until(() => stays.Chains["beijing"] is { DatabaseLost: null, FreshnessPending: null } && stays.Chains["beijing"].Reader.Size > there, "it does not go on");
        using (var again = await stays.Chains["beijing"].DepositAsync(SharedNetwork.Request("here", "key")))
        {
            Assert.Equal((DepositOutcome.Sealed, there + 1), (again.Outcome, again.First));
        }

        Assert.True(await stays.Reaches(there + 1, RecordState.Anchored));
        Assert.Null(stays.Chains["beijing"].Stopped);
        await finals.AssertOneHistory(stays);
        foreach (var (text, index) in acknowledged)
        {
            Assert.Contains(index, stays.Chains["beijing"].Reader.FindDigest(Notary.Crypto.Suite.Sm.Hash(System.Text.Encoding.UTF8.GetBytes(text)), 10));
        }
    }

    private static async Task Until(Func<bool> met, string otherwise)
    {
        for (var clock = Stopwatch.StartNew(); !met(); await Task.Delay(20))
        {
            Assert.True(clock.Elapsed < Patience, otherwise);
        }
    }

    /// <summary>Every final checkpoint that any of the servers ever told.</summary>
    private sealed class Finals : IAsyncDisposable
    {
        private readonly ConcurrentDictionary<(string Chain, string Text), bool> _told = new();
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _watching;

        public Finals(SharedNetwork shared, params SharedNetwork.Server[] servers)
        {
            _watching = Task.Run(async () =>
            {
                while (!_stop.IsCancellationRequested)
                {
                    foreach (var (server, chain) in servers.SelectMany(server => shared.Chains.Select(chain => (server, chain))))
                    {
                        if (server.Network.FinalityOf(chain)!.Newest is { } newest)
                        {
                            _told[(chain, newest.Note.Text)] = true;
                        }
                    }

                    await Task.Delay(2);
                }
            });
        }

        public async Task AssertOneHistory(SharedNetwork.Server server)
        {
            await _stop.CancelAsync();
            await _watching;
            Assert.Contains(_told.Keys, static told => told.Chain == "main");
            Assert.True(_told.Keys.Count(static told => told.Chain == "beijing") > 1);
            foreach (var (chain, text) in _told.Keys)
            {
                Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(text, out var checkpoint));
                Assert.True(server.Chains[chain].Reader.Size >= checkpoint!.Size, text);
                Assert.Equal(checkpoint.Root, server.Chains[chain].Reader.RootAt(checkpoint.Size));
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _watching;
            _stop.Dispose();
        }
    }
}
