using Notary.Chain.Folders;
using Notary.Chain.Recovery;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Recovery;

/// <summary>A chain of which nobody holds the entries under a checkpoint that its log has signed is closed by governance; one that can be refilled is not.</summary>
public sealed class ChainClosingTests
{
    private const string Region = RecoveringNetwork.Region;
    private const string About = "is about to be closed";

    [Fact]
    public async Task A_chain_that_sealed_more_than_any_node_saw_is_closed_and_what_is_available_is_read_on()
    {
        await using var network = new RecoveringNetwork();
        var leaves = await network.Grow(20, 1);
        network.SealUnseen(5, 2);
        var saved = network.StoredNote;
        network.LoseDatabase();

        var report = await network.Propose(saved: saved);
        Assert.Equal((leaves.Count, leaves.Count + 5L, 0L), ((int)report.Record.Size, report.Record.LostCheckpoint.Size, report.Before));
        Assert.Equal((network.Genesis.Origin, "notary.test/hainan-2", "notary.test/main"), (report.Record.Origin, report.Record.Successor, report.Main.Origin));
        Assert.Single(report.From);
        Assert.Equal(leaves.Count, network.Check().Size);
        Assert.True(network.Check().Clean);

        // Whoever of the nodes answers from now on: what the saved checkpoint showed is remembered, and nothing is sealed in its place.
        Assert.Equal(ChainRefusal.EntriesLost, (await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover())).Refusal);
        network.Network.Open();
        var chain = network.Network.Chains[Region];
        await RefusesDeposits(network, About);
        Assert.Equal(leaves, chain.Reader.Entries(0, leaves.Count));
        Assert.True(await network.Network.Reaches(Region, leaves.Count - 1, RecordState.Anchored));
        Assert.NotNull(network.Network.Network.Prove(chain, leaves.Count - 1)!.Anchor);

        // Governance: fewer than k, another's key, another document.
        var signed = network.Signed(report);
        Assert.Equal(AdmissionFailure.GovernanceMissing, (await network.Close(report.Record)).Refusal.Failure);
        using (var stranger = AnotherKey(network))
        {
            var key = network.Network.Trust.Content.GovernanceKeys[0];
            Assert.Equal(AdmissionFailure.GovernanceMissing, (await network.Close(report.Record.SignedBy(stranger, key, report.Main.Suite, report.Main.Origin))).Refusal.Failure);
        }

        var other = IncidentRecord.TryCreate(report.Record.Available, report.Record.Lost, report.Record.Proof, "notary.test/hainan-3", IncidentReason.None)!;
        Assert.Equal(AdmissionFailure.GovernanceMissing, (await network.Close(other.With(signed.Signatures[0]))).Refusal.Failure);
        Assert.Null(network.Network.Chains["main"].Closed(network.Genesis.Origin));

        var applied = await network.Close(signed);
        Assert.True(applied.Index > 0, applied.Detail);
        Assert.True(await network.Network.Reaches("main", applied.Index, RecordState.Final));
        Assert.Equal(applied.Index, (await network.Close(signed)).Index);
        Assert.Equal(AdmissionFailure.IncidentTwice, (await network.Close(other)).Refusal.Failure);
        await RefusesDeposits(network, $"is closed by leaf {applied.Index} of the main chain: its entries from {leaves.Count} to {leaves.Count + 4} are lost. notary.test/hainan-2 takes its place");

        // A version of the trust file does not wait for a chain that seals nothing.
        var version = NextVersion(network);
        var trust = await network.Network.Apply(version);
        Assert.Equal((Chain.Network.TrustRefusal.None, 0), (trust.Refusal, trust.Waiting.Count));
        Assert.All(network.Network.Network.Nodes.Values, static node => Assert.Empty(node.Alarms()));
        await network.Network.Close();

        // The main chain says so at every start, and to whoever has lost the database again.
        File.Delete(network.Folder.ClosingPath);
        network.LoseDatabase();
        Assert.Equal(ChainRefusal.Closed, (await Assert.ThrowsAsync<ChainRefusedException>(() => network.Propose(saved: saved))).Refusal);
        Assert.Equal((0L, (long)leaves.Count), ((await network.Recover()).Before, network.Check().Size));
        network.Network.Open();
        await RefusesDeposits(network, "is closed by leaf");
        Assert.Equal(leaves, network.Network.Chains[Region].Reader.Entries(0, leaves.Count));
    }

    [Fact]
    public async Task Nodes_and_database_behind_what_the_main_chain_anchored_close_the_chain_and_what_was_handed_out_verifies_as_before()
    {
        await using var network = new RecoveringNetwork();
        var before = await network.Grow(20, 1);
        network.Backup();
        network.CopyNodes(back: false);
        var leaves = await network.Grow(30, 2);
        network.Network.Open();
        var receipt = await Provable(network, leaves.Count - 1);
        await network.Network.Close();
        network.Restore();
        network.CopyNodes(back: true);
        foreach (var file in Directory.GetFiles(network.Folder.Root, "finality.db*"))
        {
            File.Delete(file);
        }

        // The nodes agree with each other; only the main chain knows better.
        Assert.Equal(ChainRefusal.EntriesLost, (await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover())).Refusal);
        var report = await network.Propose();
        Assert.Equal((before.Count, leaves.Count), ((int)report.Record.Size, (int)report.Record.LostCheckpoint.Size));
        Assert.Empty(report.Record.Proof);
        long index;
        using (var data = DataFolder.Take(network.Network.DataPath, create: false))
        {
            Assert.True(ChainClosing.MaySeal(data));
            index = await ChainClosing.SealAsync(data, report, TestChain.Password, TimeProvider.System);
            Assert.Equal(index, await ChainClosing.SealAsync(data, report, TestChain.Password, TimeProvider.System));
        }

        network.Network.Open();
        await RefusesDeposits(network, $"is closed by leaf {index} of the main chain: its entries from {before.Count} to {leaves.Count - 1} are lost.");
        Assert.Equal(before, network.Network.Chains[Region].Reader.Entries(0, before.Count));
        // A record in the lost range: its receipt carries all that proves it.
        var verdict = Verifier.VerifyReceipt(receipt, null, [], network.Network.Network.Trust);
        Assert.True(verdict.State.AnchorIndex >= 0);
        Assert.Equal(SubIndication.SignedDataNotFound, verdict.SubIndication);
    }

    [Fact]
    public async Task What_is_available_and_no_node_had_seen_is_still_made_final_and_anchored()
    {
        await using var network = new RecoveringNetwork();
        var leaves = await network.Grow(20, 1);
        network.SealUnseen(5, 2);
        network.Backup();
        network.SealUnseen(3, 3);
        var saved = network.StoredNote;
        network.Restore();
        var report = await network.Propose(saved: saved);
        Assert.Equal((leaves.Count + 5L, leaves.Count + 8L, leaves.Count + 5L), (report.Record.Size, report.Record.LostCheckpoint.Size, report.Before));
        Assert.NotEmpty(report.Record.Proof);
        Assert.Empty(report.From);
        using (var data = DataFolder.Take(network.Network.DataPath, create: false))
        {
            await ChainClosing.SealAsync(data, report, TestChain.Password, TimeProvider.System);
        }

        network.Network.Open();
        await RefusesDeposits(network, "is closed by leaf");
        Assert.True(await network.Network.Reaches(Region, leaves.Count + 4, RecordState.Anchored));
        Assert.NotNull(network.Network.Receipt(Region, leaves.Count + 4));
        Assert.Equal(leaves.Count + 5L, network.Network.Chains["main"].LatestAnchor(network.Genesis.Origin)!.Size);
    }

    [Fact]
    public async Task A_chain_of_which_nothing_is_left_is_closed_too()
    {
        await using var network = new RecoveringNetwork();
        var leaves = await network.Grow(5, 1);
        network.LoseDatabase();
        Directory.Delete(network.NodesPath, recursive: true);
        Assert.Equal(ChainRefusal.MirrorsMissing, (await Assert.ThrowsAsync<ChainRefusedException>(() => network.Propose())).Refusal);
        Assert.False(File.Exists(network.Folder.ClosingPath));
        var report = await network.Propose(fewer: true);
        Assert.Equal((0L, (long)leaves.Count), (report.Record.Size, report.Record.LostCheckpoint.Size));
        Assert.Null(report.Record.Available);
        Assert.Equal(3, report.Warnings.Count);
        Assert.False(File.Exists(network.Folder.DatabasePath));
        using var data = DataFolder.Take(network.Network.DataPath, create: false);
        Assert.True(await ChainClosing.SealAsync(data, report, TestChain.Password, TimeProvider.System) > 0);
        var refused = await Assert.ThrowsAsync<ChainRefusedException>(() => ChainRecovery.RunAsync(data, Region, new RecoveryOptions { Password = TestChain.Password, FewerMirrors = true }, null, CancellationToken.None));
        Assert.Equal(ChainRefusal.Closed, refused.Refusal);
    }

    [Fact]
    public async Task A_chain_that_can_be_refilled_is_not_closed_and_nothing_is_written()
    {
        await using var network = new RecoveringNetwork();
        await network.Grow(20, 1);
        await Refused(ChainRefusal.Recoverable, "Nothing is lost");
        network.LoseDatabase();
        await Refused(ChainRefusal.Recoverable, "notary chain recover hainan");
        await Refused(ChainRefusal.NotClosable, "The main chain cannot be closed", name: "main");
        await Refused(ChainRefusal.NotCreated, "There is no chain", name: "lhasa");
        var above = network.Sign(99, network.Genesis.Suite.Hash([1]));
        await Refused(ChainRefusal.NotClosable, "incident-successor", successor: network.Genesis.Origin, saved: above);
        await Refused(ChainRefusal.NotClosable, "incident-successor", successor: "notary.test/main", saved: above);
        await Refused(ChainRefusal.NotClosable, "is no origin", successor: "hainan-2", saved: above);
        await Refused(ChainRefusal.NotClosable, "is no checkpoint of", saved: SignedNote.Create(above.Text, [new NoteSignature(above.Signatures[0].Name, above.Signatures[0].KeyId, new byte[64])]));
        await Refused(ChainRefusal.Forked, "two trees of one size", saved: [above, network.Sign(99, network.Genesis.Suite.Hash([2]))]);

        // A checkpoint that the available entries do not lead to is a fork as well, and seen when they are read.
        var forked = network.Sign(10, network.Genesis.Suite.Hash([3]));
        Assert.Equal(ChainRefusal.Forked, (await Assert.ThrowsAsync<ChainRefusedException>(() => network.Propose(saved: [above, forked]))).Refusal);

        async Task Refused(ChainRefusal refusal, string says, string successor = "notary.test/hainan-2", string name = Region, params SignedNote[] saved)
        {
            var refused = await Assert.ThrowsAsync<ChainRefusedException>(() => network.Propose(successor: successor, name: name, saved: saved));
            Assert.Equal(refusal, refused.Refusal);
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
            Assert.False(File.Exists(network.Folder.ClosingPath));
        }
    }

    [Fact]
    public async Task A_proposal_is_void_when_the_node_that_has_the_entries_comes_back()
    {
        await using var network = new RecoveringNetwork();
        await network.Grow(20, 1);
        network.CopyNodes(back: false);
        var leaves = await network.Grow(10, 2);
        network.LoseDatabase();
        var whole = Path.Combine(network.Network.DataPath, "away");
        Directory.Move(network.NodesPath, whole);
        network.CopyNodes(back: true);
        var report = await network.Propose();
        Assert.Equal(leaves.Count, (int)report.Record.LostCheckpoint.Size);
        Assert.True(File.Exists(network.Folder.ClosingPath));
        Directory.Delete(network.NodesPath, recursive: true);
        Directory.Move(whole, network.NodesPath);
        Assert.Equal(leaves.Count, (int)(await network.Recover()).Size);
        Assert.False(File.Exists(network.Folder.ClosingPath));
        await network.GoesOn(leaves);
    }

    [Fact]
    public async Task What_is_interrupted_has_stopped_the_chain_already_and_the_next_run_completes_it()
    {
        await using var network = new RecoveringNetwork();
        var leaves = await network.Grow(5_000, 1);
        network.SealUnseen(1, 2);
        var saved = network.StoredNote;
        network.LoseDatabase();
        using (var stop = new CancellationTokenSource())
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => network.Propose(progress: new Stopping(stop), cancellation: stop.Token, saved: saved));
        }

        Assert.True(File.Exists(network.Folder.ClosingPath));
        // The saved checkpoint is in the proposal that lies there.
        var report = await network.Propose();
        Assert.Equal((4_096L, (long)leaves.Count), (report.Before, report.Record.Size));
        Assert.Equal(leaves.Count, network.Check().Size);
        Assert.True(network.Check().Clean);
        File.WriteAllText(network.Folder.ClosingPath, "{}");
        Assert.Equal(ChainRefusal.Inconsistent, Assert.Throws<ChainRefusedException>(network.Network.Open).Refusal);
    }

    private static async Task RefusesDeposits(RecoveringNetwork network, string says)
    {
        using var refused = await network.Network.Deposit(Region, TestChain.Line(new Random(9)));
        Assert.Equal(DepositOutcome.ChainStopped, refused.Outcome);
        var stopped = network.Network.Chains[Region].Stopped!;
        Assert.Equal(says == About ? StopReason.Closing : StopReason.ClosedForGood, stopped.Reason);
        Assert.Contains(says, stopped.Sentence, StringComparison.Ordinal);
    }

    // After a start the main chain's part of the proof has to be at hand first.
    private static async Task<Receipt> Provable(RecoveringNetwork network, long index)
    {
        Assert.True(await network.Network.Reaches(Region, index, RecordState.Anchored));
        return network.Network.Receipt(Region, index);
    }

    private static TrustFile NextVersion(RecoveringNetwork network)
    {
        using var governance = network.Network.Governance();
        var now = network.Network.Trust;
        return TrustFile.Create(now.Content with { Version = 2, Previous = now.Fingerprint, Required = RecordState.Final }, governance);
    }

    private static Notary.Crypto.ISigner AnotherKey(RecoveringNetwork network) => Notary.Crypto.Keys.KeyFile.Load(network.Folder.LogKeyPath, TestChain.Password);

    private sealed class Stopping(CancellationTokenSource stop) : IProgress<long>
    {
        public void Report(long value) => stop.Cancel();
    }
}
