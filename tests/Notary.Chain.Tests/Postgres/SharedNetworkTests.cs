using System.Collections.Concurrent;
using Notary.Chain.Folders;
using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Chain.Tests.Network;
using Notary.Evidence;

namespace Notary.Chain.Tests.Postgres;

/// <summary>Two servers share main chain and region: one leads, both prove with the same bytes, and the other takes its place.</summary>
public sealed class SharedNetworkTests
{
    [Fact]
    public async Task One_server_leads_both_tell_the_same_and_the_other_takes_its_place()
    {
        await using var shared = new SharedNetwork();
        await using var first = shared.Open("first");
        var early = await first.Deposit("early");
        Assert.True(await first.Reaches(early, RecordState.Anchored));
        await using var second = shared.Open("second");
        var late = await second.Deposit("late");

        // The second waits for what the first does.
        Assert.True(await second.Reaches(late, RecordState.Anchored));
        Assert.True(await first.Reaches(late, RecordState.Anchored));
        foreach (var name in shared.Chains)
        {
            Assert.True(first.Network.FinalityOf(name)!.Leads && !first.Network.FinalityOf(name)!.LedElsewhere);
            Assert.True(!second.Network.FinalityOf(name)!.Leads && second.Network.FinalityOf(name)!.LedElsewhere);
        }

        foreach (var index in new[] { early, late })
        {
            Assert.Equal(first.Proof(index), second.Proof(index));
        }

        // The leader's process ends, and with it its sessions.
        await first.DisposeAsync();
        var after = await second.Deposit("after");
        Assert.True(await second.Reaches(after, RecordState.Anchored));
        Assert.All(shared.Chains, name => Assert.True(second.Network.FinalityOf(name)!.Leads));
        await using var third = shared.Open("first");
        Assert.True(await third.Reaches(after, RecordState.Anchored));
        foreach (var index in new[] { early, late, after })
        {
            Assert.Equal(second.Proof(index), third.Proof(index));
        }

        AssertAnchorsInOrder(second);
    }

    [Fact]
    public async Task What_nodes_say_is_sealed_once_by_whoever_leads_and_known_to_both()
    {
        await using var shared = new SharedNetwork();
        ChainFolder folder;
        await using (var before = shared.Open("first"))
        {
            folder = before.Folder("beijing");
            Assert.True(await before.Reaches(await before.Deposit("before"), RecordState.Anchored));
        }

        var at = ForgedLeaf.Append(folder, "no JSON");
        await using var first = shared.Open("first");
        Assert.True(await first.Reaches(await first.Deposit("first"), RecordState.Anchored));
        await using var second = shared.Open("second");
        await Eventually(() => first.Chains["beijing"].SealedStatements.Alarms == 3);
        Assert.True(await second.Reaches(await second.Deposit("second"), RecordState.Anchored));
        await Eventually(() => second.Chains["beijing"].SealedStatements.Alarms == 3);
        Assert.Equal((at, "not-json"), (second.Chains["beijing"].SealedStatements.NewestAlarm!.Alarm.Index, second.Chains["beijing"].SealedStatements.NewestAlarm!.Alarm.Code));

        // Who takes the lead hears the nodes from the beginning, and finds all of it on the chain.
        await first.DisposeAsync();
        Assert.True(await second.Reaches(await second.Deposit("after"), RecordState.Anchored));
        await Eventually(() => second.Network.FinalityOf("beijing")!.Leads);
        await Task.Delay(2_500);
        Assert.Equal((3L, 0), (second.Chains["beijing"].SealedStatements.Alarms, second.Network.UnsealedStatements("beijing").Count));
    }

    private static async Task Eventually(Func<bool> holds)
    {
        for (var turn = 0; turn < 800 && !holds(); turn++)
        {
            await Task.Delay(50);
        }

        Assert.True(holds());
    }

    [Fact]
    public async Task A_leader_whose_sessions_are_cut_off_leads_again_or_follows_and_nothing_is_final_twice()
    {
        await using var shared = new SharedNetwork();
        await using var first = shared.Open("first");
        await using var second = shared.Open("second");
        var finals = new ConcurrentDictionary<long, string>();
        using var stop = new CancellationTokenSource();
        var watching = new[] { first, second }.Select(server => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                if (server.Network.FinalityOf("beijing")!.Newest is { } newest)
                {
                    var note = newest.Note.Format();
                    Assert.Equal(note, finals.GetOrAdd(newest.Size, note));
                }

                await Task.Delay(5);
            }
        })).ToArray();
        for (var round = 0; round < 5; round++)
        {
            var server = round % 2 == 0 ? first : second;
            var index = await server.Deposit(FormattableString.Invariant($"round {round}"));
            foreach (var database in shared.Databases)
            {
                // Every advisory lock's session: whoever leads, leads no more.
                PostgresCluster.Shared.Execute($"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = '{database}')");
            }

            Assert.True(await first.Reaches(index, RecordState.Anchored));
            Assert.True(await second.Reaches(index, RecordState.Anchored));
            Assert.Equal(first.Proof(index), second.Proof(index));
        }

        await stop.CancelAsync();
        await Task.WhenAll(watching);
        Assert.True(finals.Count >= 5);
        Assert.All(shared.Chains, name => Assert.True(first.Network.FinalityOf(name)!.Leads != second.Network.FinalityOf(name)!.Leads));
        AssertAnchorsInOrder(first);
        foreach (var name in shared.Chains)
        {
            Assert.Empty(Fsck.Run(first.Folder(name), new FsckOptions { Password = TestChain.Password }).Findings);
        }
    }

    [Fact]
    public async Task A_leader_whose_chain_has_stopped_leaves_the_lead_to_the_other()
    {
        await using var shared = new SharedNetwork();
        await using var first = shared.Open("first");
        Assert.True(await first.Reaches(await first.Deposit("one"), RecordState.Anchored));
        await using var second = shared.Open("second");
        first.Chains["beijing"].StopStale("It is stopped by a test.");
        var after = await second.Deposit("two");
        Assert.True(await second.Reaches(after, RecordState.Anchored));
        Assert.True(second.Network.FinalityOf("beijing")!.Leads && first.Network.FinalityOf("beijing")!.LedElsewhere);
        Assert.True(first.Network.FinalityOf("main")!.Leads);
    }

    [Fact]
    public async Task Finality_goes_on_by_itself_when_a_database_that_was_refused_is_fit_again()
    {
        using var cluster = PostgresCluster.Create();
        await using var shared = new SharedNetwork(cluster);
        await using var server = shared.Open("first");
        var early = await server.Deposit("early");
        Assert.True(await server.Reaches(early, RecordState.Anchored));
        var proof = server.Proof(early);
        cluster.Kill();
        cluster.Set("fsync = off");
        cluster.Start();
        for (var turn = 0; server.Network.FinalityOf("beijing")!.Failure?.Message.Contains("fsync off", StringComparison.Ordinal) != true; turn++)
        {
            Assert.True(turn < 300, server.Network.FinalityOf("beijing")!.Failure?.Message);
            await Task.Delay(100);
        }

        cluster.Kill();
        cluster.Set("fsync = on");
        cluster.Start();
        var late = await server.Deposit("late", patient: true);
        Assert.True(await server.Reaches(late, RecordState.Anchored));
        Assert.Equal(proof, server.Proof(early));
        Assert.Null(server.Network.FinalityOf("beijing")!.Failure);
    }

    [Fact]
    public async Task Whoever_asks_does_not_wait_for_a_commit_that_no_standby_confirms()
    {
        using var cluster = PostgresCluster.Create();
        await using var shared = new SharedNetwork(cluster);
        await using var server = shared.Open("first");
        var early = await server.Deposit("early");
        Assert.True(await server.Reaches(early, RecordState.Anchored));

        // Sealed, and not yet final: then the standby is gone, and after that the nodes sign.
        shared.Links.ForEach(static link => link.Hangs = true);
        var late = await server.Deposit("late");
        cluster.Execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
        cluster.Execute("SELECT pg_reload_conf()");
        shared.Links.ForEach(static link => link.Hangs = false);
        for (var turn = 0; cluster.Scalar("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") is 0L; turn++)
        {
            Assert.True(turn < 300, "No commit waits for the standby.");
            await Task.Delay(100);
        }

        var asking = System.Diagnostics.Stopwatch.StartNew();
        var finality = server.Network.FinalityOf("beijing")!;
        for (var turn = 0; turn < 20; turn++)
        {
            Assert.NotEmpty(server.Proof(early));
            Assert.NotEmpty(finality.Nodes);
            Assert.True(finality.WaitingSince is null or > 0);
            Assert.Equal(RecordState.Sealed, server.Network.StateOf(server.Chains["beijing"], late));
            await Task.Delay(20);
        }

        Assert.True(asking.Elapsed < TimeSpan.FromSeconds(10), asking.Elapsed.ToString());
        cluster.Execute("ALTER SYSTEM RESET synchronous_standby_names");
        cluster.Execute("SELECT pg_reload_conf()");
        Assert.True(await server.Reaches(late, RecordState.Anchored));
    }

    [Fact]
    public async Task What_was_final_and_anchored_before_a_move_is_proved_by_the_same_bytes_after_it()
    {
        await using var network = new TestNetwork("beijing");
        network.Open();
        using (var result = await network.Deposit("beijing", SharedNetwork.Body("before")))
        {
            Assert.True(await network.Reaches("beijing", result.First, RecordState.Anchored));
        }

        var before = network.Receipt("beijing", 7).ToJson();
        await network.Close();
        var folder = new ChainFolder(Path.Combine(network.DataPath, "chains", "beijing"));
        ChainMove.ToPostgres(folder, PostgresCluster.Shared.Database(), standbyWaived: true);
        Assert.False(File.Exists(folder.FinalityPath));
        network.Open();
        Assert.Equal(before, network.Receipt("beijing", 7).ToJson());
        using var next = await network.Deposit("beijing", SharedNetwork.Body("after"));
        Assert.True(await network.Reaches("beijing", next.First, RecordState.Anchored));
    }

    [Fact]
    public void Tables_of_the_first_version_are_brought_forward_once()
    {
        using var chain = new TestChain(postgres: PostgresCluster.Shared);
        chain.Close();
        var database = new Npgsql.NpgsqlConnectionStringBuilder(System.Text.Json.JsonDocument.Parse(File.ReadAllText(chain.Folder.DatabaseAddressPath)).RootElement.GetProperty("connection").GetString()).Database!;
        PostgresCluster.Shared.Execute("DROP TABLE notary.final, notary.anchored, notary.judged; UPDATE notary.schema_version SET version = 1", database);
        Parallel.For(0, 4, _ =>
        {
            using var store = Notary.Chain.Store.ChainDatabase.Of(chain.Folder).OpenStore();
        });
        Assert.Equal(2L, PostgresCluster.Shared.Scalar("SELECT version FROM notary.schema_version", database));
        Assert.Equal(0L, PostgresCluster.Shared.Scalar("SELECT count(*) FROM notary.final", database));
        PostgresCluster.Shared.Execute("UPDATE notary.schema_version SET version = 3", database);
        Assert.Equal(ChainRefusal.OtherVersion, Assert.Throws<ChainRefusedException>(() => Notary.Chain.Store.ChainDatabase.Of(chain.Folder).OpenStore()).Refusal);
    }

    // Each anchor names the one before, and none stands twice.
    private static void AssertAnchorsInOrder(SharedNetwork.Server server)
    {
        var main = server.Chains[TrustFile.MainChain].Reader;
        (long Index, long Size) last = (-1, 0);
        for (long index = 0; index < main.Size; index++)
        {
            Assert.True(Admission.AdmitForm(main.Entry(index)!, out var facts).Ok);
            if (facts.AnchorRecord is { } anchor)
            {
                Assert.Equal(last.Index, anchor.PrevIndex);
                Assert.Equal(Notary.Ledger.CheckpointProblem.None, Notary.Ledger.Checkpoint.TryParse(anchor.Note.Text, out var checkpoint));
                Assert.True(checkpoint!.Size > last.Size);
                last = (index, checkpoint.Size);
            }
        }

        Assert.True(last.Size > 0);
    }
}
