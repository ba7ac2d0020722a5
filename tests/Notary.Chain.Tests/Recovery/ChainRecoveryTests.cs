using Notary.Chain.Index;
using Notary.Chain.Recovery;
using Notary.Chain.Sqlite;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Recovery;

public sealed class ChainRecoveryTests
{
    [Fact]
    public async Task A_database_that_was_put_back_is_refilled_and_the_chain_goes_on_with_every_acknowledged_record()
    {
        await using var network = new RecoveringNetwork();
        var before = await network.Grow(40, 1);
        network.Backup();
        var leaves = await network.Grow(600, 2);
        network.Restore();

        network.Network.Open();
        using (var stopped = await network.Network.Deposit(RecoveringNetwork.Region, TestChain.Line(new Random(3))))
        {
            Assert.Equal(DepositOutcome.ChainStopped, stopped.Outcome);
            Assert.Equal(StopReason.Stale, network.Network.Chains[RecoveringNetwork.Region].Stopped!.Reason);
            Assert.Contains("notary chain recover", network.Network.Chains[RecoveringNetwork.Region].Stopped!.Sentence, StringComparison.Ordinal);
        }

        await network.Network.Close();
        // The index may be newer than the database that was put back: a run that reaches above it.
        using (RunFile.Write(network.Folder.IndexPath, 0, leaves.Count, []))
        {
        }

        Assert.Contains("notary chain recover", Assert.Throws<ChainRefusedException>(() => ChainHost.Open(network.Folder, TestChain.Password, TimeProvider.System)).Message, StringComparison.Ordinal);
        // And the feed of what a run held is gone, as in any chain of some size.
        using (var database = SqliteDatabase.OpenWriter(network.Folder.DatabasePath, create: false))
        {
            database.Execute("DELETE FROM feed WHERE first < 6");
        }

        var report = await network.Recover();
        Assert.Equal((before.Count, leaves.Count, leaves.Count, true), (report.Before, report.Size, report.MirroredSize, report.IndexRebuilt));
        Assert.Equal(new LostRange(before.Count, leaves.Count - 1, 600), Assert.Single(report.Lost));
        Assert.Empty(report.Warnings);
        Assert.Single(report.From);

        var check = network.Check();
        Assert.True(check.Clean, string.Join('\n', check.Findings));
        var lost = Assert.Single(check.Findings);
        Assert.Equal(("items-lost", (long)before.Count, false), (lost.Code, lost.Index, lost.IsError));
        Assert.Contains($"600 records, {before.Count} to {leaves.Count - 1}", lost.Sentence, StringComparison.Ordinal);
        Assert.Equal((40, 40), (check.Items, check.ItemsOpened));

        network.Network.Open();
        var chain = network.Network.Chains[RecoveringNetwork.Region];
        Assert.True(Admission.AdmitForm(leaves[^1], out var facts).Ok);
        Assert.True(await chain.Index.WaitAsync(leaves.Count, TimeSpan.FromSeconds(20), CancellationToken.None));
        Assert.Equal(leaves.Count - 1, chain.Reader.FindId(facts.Id));
        Assert.NotNull(chain.Reader.Receipt(before.Count - 1));
        Assert.Null(chain.Reader.Receipt(leaves.Count - 1));
        Assert.NotNull(chain.Reader.InclusionProof(leaves.Count - 1));
        await network.Network.Close();
        await network.GoesOn(leaves);
        Assert.True(network.Check().Clean);
    }

    [Fact]
    public async Task A_database_that_is_gone_is_made_anew_from_the_first_leaf_on()
    {
        await using var network = new RecoveringNetwork();
        var leaves = await network.Grow(300, 1);
        network.LoseDatabase();
        Directory.Delete(network.Folder.IndexPath, recursive: true);
        foreach (var file in Directory.GetFiles(network.Folder.Root, "finality.db*"))
        {
            File.Delete(file);
        }

        var report = await network.Recover();
        Assert.Equal((0, leaves.Count), (report.Before, report.Size));
        Assert.Equal(300, Assert.Single(report.Lost).Count);
        Assert.True(network.Check().Clean);
        await network.GoesOn(leaves);

        // A further run finds nothing to do, and changes nothing.
        var again = await network.Recover();
        Assert.Equal((leaves.Count + 1L, leaves.Count + 1L, false), (again.Before, again.Size, again.IndexRebuilt));
        Assert.Empty(again.From);
    }

    [Fact]
    public async Task What_is_interrupted_between_two_transactions_is_a_prefix_and_the_next_run_goes_on()
    {
        await using var network = new RecoveringNetwork();
        var leaves = await network.Grow(10_000, 1);
        network.LoseDatabase();
        using (var stop = new CancellationTokenSource())
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => network.Recover(progress: new Told(_ => stop.Cancel()), cancellation: stop.Token));
        }

        // Neither a start nor a check takes it for a whole chain.
        var refused = Assert.Throws<ChainRefusedException>(() => ChainHost.Open(network.Folder, TestChain.Password, TimeProvider.System));
        Assert.Contains("notary chain recover", refused.Message, StringComparison.Ordinal);
        Assert.Contains(network.Check().Findings, static finding => finding.Code == "note-signature");
        var told = new List<long>();
        var report = await network.Recover(progress: new Told(told.Add));
        Assert.Equal((4096, leaves.Count), (report.Before, report.Size));
        Assert.Equal([8192, leaves.Count], told);
        Assert.True(network.Check().Clean);
        await network.GoesOn(leaves);
    }

    [Fact]
    public async Task A_database_ahead_of_its_nodes_is_left_as_it_is()
    {
        await using var network = new RecoveringNetwork();
        var leaves = await network.Grow(20, 1);
        network.SealUnseen(5, 2);
        var report = await network.Recover();
        Assert.Equal((leaves.Count + 5L, leaves.Count + 5L, (long)leaves.Count), (report.Before, report.Size, report.MirroredSize));
        Assert.Empty(report.From);
        Assert.Empty(report.Lost);
        Assert.True(network.Check().Clean);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(3, true)]
    [InlineData(30)]
    [InlineData(80)]
    public async Task A_database_with_another_history_than_the_log_signed_is_refused_and_not_touched(int records, bool crashed = false)
    {
        await using var network = new RecoveringNetwork();
        await network.Grow(10, 1);
        network.Backup();
        await network.Grow(30, 2);
        network.Restore();
        var before = network.Head;
        network.SealUnseen(records, 3);
        if (crashed)
        {
            // The head as a crash leaves it, above the stored note: what lies in between no note tells.
            using var database = SqliteDatabase.OpenWriter(network.Folder.DatabasePath, create: false);
            using var head = database.Prepare("UPDATE head SET note = ?, note_size = ?");
            head.Bind(1, before.Note).Bind(2, before.NoteSize).Run();
        }

        var own = network.Check();
        var refused = await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover());
        Assert.Equal(ChainRefusal.Forked, refused.Refusal);
        // Both sides by size and root.
        Assert.Contains("the checkpoint that ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(records == 80 ? "the first " : own.Root.ToHex(), refused.Message, StringComparison.Ordinal);
        Assert.Equal((own.Size, own.Root), (network.Check().Size, network.Check().Root));
        Assert.True(network.Check().Clean);
    }

    [Fact]
    public async Task What_one_node_gives_and_what_it_leaves_out_is_seen_and_another_node_is_used()
    {
        await using var network = new RecoveringNetwork();
        var leaves = await network.Grow(700, 1);
        foreach (var lie in new Action<ChangedMirror>[]
                 {
                     // A byte of an entry, late in the chain: what came before it is stored already.
                     static mirror => mirror.Entries = static (number, bytes) => number == 2 ? Flipped(bytes, bytes.Length / 2) : bytes,
                     static mirror => mirror.Entries = static (_, bytes) => bytes[..^1],
                     static mirror => mirror.Entries = static (_, bytes) => throw new IOException("the connection was reset"),
                     static mirror => mirror.Tile = static (_, bytes) => Flipped(bytes, bytes.Length - 1),
                     static mirror => mirror.Tile = static (_, bytes) => bytes[..^32],
                 })
        {
            network.LoseDatabase();
            var report = await network.Recover((name, mirror) =>
            {
                if (name == "court")
                {
                    lie(mirror);
                }
            });
            Assert.Equal(leaves.Count, report.Size);
            Assert.StartsWith("court: ", Assert.Single(report.Warnings), StringComparison.Ordinal);
            Assert.NotEqual("court", report.From[^1]);
            Assert.True(network.Check().Clean);
        }

        // All of them: nothing that does not fit is stored.
        network.LoseDatabase();
        var refused = await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover(static (_, mirror) => mirror.Entries = static (_, bytes) => Flipped(bytes, 100)));
        Assert.Equal(ChainRefusal.MirrorsMissing, refused.Refusal);
        Assert.False(File.Exists(network.Folder.DatabasePath));
        await network.Recover();
        await network.GoesOn(leaves);
    }

    [Fact]
    public async Task Two_histories_that_the_log_signed_are_refused_and_both_are_named()
    {
        await using var network = new RecoveringNetwork();
        var leaves = await network.Grow(20, 1);
        network.LoseDatabase();
        foreach (var size in new[] { leaves.Count, leaves.Count - 7 })
        {
            var forged = network.Sign(size, network.Genesis.Suite.Hash([1]));
            var refused = await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover((name, mirror) =>
            {
                if (name == "notary-office")
                {
                    mirror.Answer = answer => answer with { Taken = forged };
                }
            }));
            Assert.Equal(ChainRefusal.Forked, refused.Refusal);
            Assert.Contains("the checkpoint that notary-office has taken (size " + size, refused.Message, StringComparison.Ordinal);
            Assert.Contains(network.Genesis.Suite.Hash([1]).ToHex(), refused.Message, StringComparison.Ordinal);
            Assert.Contains(" cosigned (size " + leaves.Count, refused.Message, StringComparison.Ordinal);
            Assert.False(File.Exists(network.Folder.DatabasePath));
        }
    }

    [Fact]
    public async Task Entries_that_no_node_holds_under_a_checkpoint_that_the_log_signed_end_the_chain()
    {
        await using var network = new RecoveringNetwork();
        var leaves = await network.Grow(20, 1);
        network.LoseDatabase();
        var above = network.Sign(leaves.Count + 5, network.Genesis.Suite.Hash([1]));
        var refused = await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover((name, mirror) => mirror.Answer = answer => answer with { Taken = above }, fewer: true));
        Assert.Equal(ChainRefusal.EntriesLost, refused.Refusal);
        Assert.Contains($"those from {leaves.Count} to {leaves.Count + 4} are lost", refused.Message, StringComparison.Ordinal);
        Assert.Contains("notary chain close hainan --successor", refused.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(network.Folder.DatabasePath));
    }

    [Fact]
    public async Task Too_few_nodes_decide_nothing_unless_the_operator_says_so()
    {
        await using var network = new RecoveringNetwork();
        var leaves = await network.Grow(20, 1);
        network.LoseDatabase();
        await Refused(static (name, mirror) => mirror.Answer = name == "court" ? static answer => answer : static _ => throw new IOException("the connection was refused"), "the connection was refused");
        // What only one of them says proves nothing, and is told.
        await Refused(static (name, mirror) => mirror.Held = name == "court" ? static held => held + 1 : static held => held, "court: says that the log has had size");
        // An answer that its key did not sign, or the log did not, is none.
        var forged = network.Sign(5, network.Genesis.Suite.Hash([1]));
        await Refused((name, mirror) => mirror.Answer = answer => name == "court" ? answer : answer with { Mirrored = forged }, "not signed by its key");

        var away = Path.Combine(network.Network.DataPath, "away");
        Directory.CreateDirectory(away);
        foreach (var name in new[] { "court", "notary-office" })
        {
            Directory.Move(Path.Combine(network.NodesPath, name), Path.Combine(away, name));
        }

        var refused = await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover());
        Assert.Equal(ChainRefusal.MirrorsMissing, refused.Refusal);
        Assert.False(File.Exists(network.Folder.DatabasePath));
        var report = await network.Recover(fewer: true);
        Assert.Equal(leaves.Count, report.Size);
        Assert.Equal(2, report.Warnings.Count);
        foreach (var name in new[] { "court", "notary-office" })
        {
            Directory.Move(Path.Combine(away, name), Path.Combine(network.NodesPath, name));
        }

        await network.GoesOn(leaves);

        async Task Refused(Action<string, ChangedMirror> change, string says)
        {
            var refused = await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover(change));
            Assert.Equal(ChainRefusal.MirrorsMissing, refused.Refusal);
            Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_main_chain_comes_back_with_its_anchors_and_trust_file()
    {
        await using var network = new RecoveringNetwork();
        await network.Grow(5, 1);
        var main = new Folders.ChainFolder(Path.Combine(network.Network.DataPath, "chains", "main"));
        foreach (var file in Directory.GetFiles(main.Root, "*.db*"))
        {
            File.Delete(file);
        }

        using (var data = Folders.DataFolder.Take(network.Network.DataPath, create: false))
        {
            var report = await ChainRecovery.RunAsync(data, "main", new RecoveryOptions { Password = TestChain.Password }, null, CancellationToken.None);
            Assert.True(report.Size > 6);
            Assert.Empty(report.Lost);
        }

        Assert.Empty(Fsck.Run(main, new FsckOptions { Password = TestChain.Password }).Findings);
        network.Network.Open();
        using var more = await network.Network.Deposit(RecoveringNetwork.Region, TestChain.Line(new Random(9)));
        Assert.True(await network.Network.Reaches(RecoveringNetwork.Region, more.First, RecordState.Anchored));
    }

    [Fact]
    public async Task A_folder_that_does_not_say_what_it_is_is_refused()
    {
        await using var network = new RecoveringNetwork();
        await network.Grow(5, 1);
        network.LoseDatabase();
        File.WriteAllText(network.Folder.DatabasePath + "-wal", "left over");
        Assert.Equal(ChainRefusal.Storage, (await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover())).Refusal);
        File.Delete(network.Folder.DatabasePath + "-wal");
        File.WriteAllText(network.Folder.DatabasePath + ".moved", "moved");
        Assert.Contains("lies in PostgreSQL", (await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover())).Message, StringComparison.Ordinal);
        File.Delete(network.Folder.DatabasePath + ".moved");
        var trust = Path.Combine(network.Network.DataPath, "trust.note");
        File.Move(trust, trust + ".away");
        Assert.Equal(ChainRefusal.Trust, (await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover())).Refusal);
        File.Move(trust + ".away", trust);
        File.Move(network.Folder.GenesisPath, network.Folder.GenesisPath + ".away");
        Assert.Equal(ChainRefusal.NotCreated, (await Assert.ThrowsAsync<ChainRefusedException>(() => network.Recover())).Refusal);
    }

    private static ReadOnlyMemory<byte> Flipped(ReadOnlyMemory<byte> bytes, int at)
    {
        var changed = bytes.ToArray();
        changed[at] ^= 1;
        return changed;
    }

    private sealed class Told(Action<long> tell) : IProgress<long>
    {
        public void Report(long value) => tell(value);
    }
}
