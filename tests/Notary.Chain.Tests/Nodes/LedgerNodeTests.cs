using System.Text;
using Notary.Chain.Nodes;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Nodes;

/// <summary>A node against an honest log, a clumsy one and dishonest ones: what it answers, keeps and never signs.</summary>
public sealed class LedgerNodeTests : IDisposable
{
    // Deriving a key file's key is slow on purpose: one node is made, and copied for every test.
    private static readonly Lazy<(TemporaryFolder Folder, NoteKey Key, ISigner Signer)> Original = new(static () =>
    {
        var folder = new TemporaryFolder();
        var place = new NodeFolder(Path.Combine(folder.Path, "node"));
        return (folder, place.Create("court.example/node", Suite.Sm, TestChain.Password), KeyFile.Load(place.KeyPath, TestChain.Password));
    });

    private readonly TemporaryFolder _folder = new();
    private readonly TestChain _chain;
    private readonly NodeFolder _place;
    private readonly NoteKey _key;
    private LedgerNode? _node;

    public LedgerNodeTests()
    {
        _chain = new TestChain();
        _place = new NodeFolder(Path.Combine(_folder.Path, "node"));
        _key = Original.Value.Key;
        TestChain.Copy(Path.Combine(Original.Value.Folder.Path, "node"), _place.Root);
    }

    private LedgerNode Node => _node ??= LedgerNode.Open(_place, _chain.Host.Genesis, new MoodySigner(Original.Value.Signer), TimeProvider.System);

    [Fact]
    public async Task An_honest_log_is_mirrored_and_cosigned_through_restarts()
    {
        using var log = ForgedLog.Of(_chain);
        var random = new Random(21);
        var held = 0;
        foreach (var (records, cut) in new[] { (0, 0), (3, 1), (600, 2), (1, 0), (255, 1), (900, 3) })
        {
            if (records > 0)
            {
                using (await _chain.DepositMany(records, records))
                {
                }

                log.Follow(_chain);
            }

            Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(held, log.Size)).Status);
            Assert.Equal(log.Size, Node.Standing.Pending);

            // The upload comes in pieces, the last of which may repeat what is there; the node may have been started again in between.
            var start = Math.Max(0, held - random.Next(3));
            for (var piece = 0; piece < cut; piece++)
            {
                var part = new UploadRange(log.Genesis.Origin, start, log.Size, default);
                Assert.Null(Node.BeginUpload(part));
                if (part.PackageCount > 1)
                {
                    Assert.Null(Node.TakePackage(part, 0, log.Package(part, 0)));
                    var accepted = Node.EndUpload(part, 1);
                    Assert.Equal((NodeStatus.Accepted, MirrorInfo.MediaType), (accepted.Status, accepted.MediaType));
                    var info = MirrorInfo.TryParse(Encoding.ASCII.GetBytes(accepted.Body))!;
                    Assert.Equal((log.Size, Node.Standing.NextEntry), (info.Size, info.NextEntry));
                    start = (int)info.NextEntry;
                }

                Restart();
            }

            var line = Upload(log, start, log.Size);
            held = log.Size;
            Assert.Equal(held, Node.Standing.NextEntry);
            var note = Node.Cosigned!;
            Assert.Equal(line, note.Signatures[^1].Format());
            Assert.True(note.Verify([log.Genesis.LogKey, _key]) is { Ok: true, Verified.Count: 2 });
            Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(note.Text, out var checkpoint));
            Assert.Equal((held, _chain.Host.Reader.Head.Root), (checkpoint!.Size, checkpoint.Root));

            // Asked again it repeats itself.
            Assert.Equal(line, Upload(log, held, held));
        }

        Restart();
        Assert.Equal(held, Node.Standing.NextEntry);
        Assert.Equal(held, Checkpoint.TryParse(Node.Cosigned!.Text, out var last) == CheckpointProblem.None ? last!.Size : 0);
        Assert.Empty(Node.Alarms());
    }

    [Fact]
    public void A_checkpoint_is_answered_with_the_statuses_of_the_specification()
    {
        using var log = ForgedLog.Of(_chain);
        Assert.Equal(NodeStatus.Unprocessable, Node.BeginUpload(new UploadRange(log.Genesis.Origin, 0, 3, default))!.Status);
        Assert.Equal(NodeStatus.BadRequest, Node.TakeCheckpoint("old 0\n"u8).Status);
        Assert.Equal(NodeStatus.NotFound, Node.TakeCheckpoint(log.Offer(0, 3, log.Sign("test.other/log", 3, log.Root(3)))).Status);
        var unsigned = SignedNote.Create(log.Note(3).Text, [new NoteSignature("somebody", 1, [1, 2, 3])]);
        Assert.Equal(NodeStatus.Forbidden, Node.TakeCheckpoint(log.Offer(0, 3, unsigned)).Status);
        var broken = SignedNote.Create(log.Note(3).Text, [log.Note(4).Signatures[0]]);
        Assert.Equal(NodeStatus.Forbidden, Node.TakeCheckpoint(log.Offer(0, 3, broken)).Status);
        Assert.Equal(NodeStatus.BadRequest, Node.TakeCheckpoint(log.Offer(4, 3)).Status);
        Assert.Equal(NodeStatus.Conflict, Node.TakeCheckpoint(log.Offer(2, 3)).Status);
        Assert.Equal(NodeStatus.Unprocessable, Node.TakeCheckpoint(log.Offer(0, 0, log.Sign(log.Genesis.Origin, 0, log.Root(3)))).Status);
        Assert.Equal(0, Node.Standing.Pending);

        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 3)).Status);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(3, 3)).Status);
        var stale = Node.TakeCheckpoint(log.Offer(0, 5));
        Assert.Equal((NodeStatus.Conflict, "3\n", NodeAnswer.SizeMediaType), (stale.Status, stale.Body, stale.MediaType));
        var unproved = new AddCheckpoint(3, [log.Root(1), log.Root(2), log.Root(3)], log.Note(5), CheckpointOf(log.Note(5)));
        Assert.Equal(NodeStatus.Unprocessable, Node.TakeCheckpoint(unproved.ToBytes()).Status);
        Assert.Equal(3, Node.Standing.Pending);
        Assert.Null(Node.Cosigned);

        // Of all this only the empty tree with another root is evidence: nobody but the log can have signed it.
        var alarm = Assert.Single(Node.Alarms());
        Assert.Equal((AlarmKind.ForkedPrefix, 0L, log.Root(3)), (alarm.Kind, alarm.Place, alarm.About));
    }

    [Fact]
    public void Entries_are_stored_only_under_a_checkpoint_that_proves_them()
    {
        using var log = ForgedLog.Of(_chain);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 6)).Status);
        Assert.Equal(NodeStatus.NotFound, Node.BeginUpload(new UploadRange("test.other/log", 0, 6, default))!.Status);
        foreach (var (start, end) in new[] { (0, 5), (1, 6), (0, 7) })
        {
            var away = Node.BeginUpload(new UploadRange(log.Genesis.Origin, start, end, default))!;
            Assert.Equal((NodeStatus.Conflict, "6\n0\n\n"), (away.Status, away.Body));
        }

        var range = new UploadRange(log.Genesis.Origin, 0, 6, default);
        Assert.Null(Node.BeginUpload(range));
        Assert.Equal(NodeStatus.BadRequest, Node.EndUpload(range, 0).Status);
        using var other = log.Fork(4);
        Assert.Equal(NodeStatus.Unprocessable, Node.TakePackage(range, 0, other.Package(range, 0))!.Status);
        Assert.Equal(0, Node.Standing.NextEntry);
        Assert.Null(Node.TakePackage(range, 0, log.Package(range, 0)));
        Assert.Equal(6, Node.Standing.NextEntry);
        Assert.Null(Node.TakePackage(range, 0, log.Package(range, 0)));
        Assert.Equal(6, Node.Standing.NextEntry);
        Assert.Equal(NodeStatus.Success, Node.EndUpload(range, 1).Status);
        Assert.Empty(Node.Alarms());
    }

    [Fact]
    public void Forks_are_refused_and_kept_with_both_sides()
    {
        using var log = ForgedLog.Of(_chain);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 4)).Status);
        Upload(log, 0, 4);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(4, 6)).Status);
        var cosigned = Node.Cosigned!.Format();

        using var fork = log.Fork(2);
        // The same size with another root; a smaller one, although the size that it starts from is wrong; and one that goes on from the other history.
        Assert.Equal(NodeStatus.Unprocessable, Node.TakeCheckpoint(fork.Offer(6, 6)).Status);
        Assert.Equal(NodeStatus.Conflict, Node.TakeCheckpoint(fork.Offer(0, 3)).Status);
        fork.Append("one more");
        Assert.Equal(NodeStatus.Unprocessable, Node.TakeCheckpoint(fork.Offer(6, 7)).Status);
        Assert.Equal(NodeStatus.Unprocessable, Node.TakeCheckpoint(fork.Offer(6, 6)).Status);
        Restart();

        var alarms = Node.Alarms();
        Assert.Equal([(AlarmKind.ForkedNote, 6L), (AlarmKind.ForkedPrefix, 3L)], alarms.Select(a => (a.Kind, a.Place)));
        Assert.Equal(log.Note(6).Text, Parsed(alarms[0].Ours).Text);
        foreach (var theirs in alarms.Select(a => Parsed(a.Theirs)))
        {
            Assert.True(theirs.Verify([log.Genesis.LogKey]).Ok);
        }

        Assert.Equal(log.Root(3).ToArray(), alarms[1].Ours.ToArray());
        Assert.Equal(cosigned, Node.Cosigned!.Format());
        Upload(log, 4, 6);
        Assert.NotEqual(cosigned, Node.Cosigned!.Format());
    }

    [Fact]
    public void A_leaf_that_admission_refuses_is_alarmed_and_does_not_stop_the_chain()
    {
        using var log = ForgedLog.Of(_chain);
        log.Append("no JSON");
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 7)).Status);
        Upload(log, 0, 7);
        var alarm = Assert.Single(Node.Alarms());
        Assert.Equal((AlarmKind.LeafRefused, 6L, "not-json", log.Hasher.Leaf("no JSON"u8)), (alarm.Kind, alarm.Place, alarm.Reason, alarm.About));
        Assert.Equal("no JSON", Encoding.UTF8.GetString(Node.Entry(6)!));
        Restart();
        log.Append("again none");
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(7, 8)).Status);
        Upload(log, 7, 8);
        Assert.Equal([6L, 7L], Node.Alarms().Select(a => a.Place));
        Assert.Equal(8, CheckpointOf(Node.Cosigned!).Size);
        var said = Node.Statements().Cast<AlarmRecord>().ToList();
        Assert.Equal([(6L, 2, "not-json"), (7L, 2, "not-json")], said.Select(a => (a.Index, a.Failure, a.Code)));
        Assert.All(said, a => Assert.Equal((Node.Key, log.Genesis.Origin), (a.Key, a.Chain)));
        Assert.Equal(log.Hasher.Leaf("again none"u8), said[1].Leaf);
        Restart();
        Assert.Equal(said.Select(a => Convert.ToHexString(a.ToBytes())), Node.Statements().Select(s => Convert.ToHexString(s.ToBytes())));
        Assert.Equal([7L], Node.Statements(1).Cast<AlarmRecord>().Select(a => a.Index));
        Assert.Empty(Node.Statements(2));
        Assert.Empty(Node.Statements(long.MaxValue));
    }

    [Fact]
    public void Alarms_are_given_once_a_leaf_to_a_limit_and_never_about_what_a_node_said()
    {
        using var log = ForgedLog.Of(_chain);
        foreach (var kind in (string[])["alarm", "node"])
        {
            log.Append($$"""{"kind":"{{kind}}","v":1}""");
        }

        for (var i = 0; i < AlarmRecord.MaxOfOneKey + 40; i++)
        {
            log.Append($"no JSON {i}");
        }

        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 200)).Status);
        Upload(log, 0, 200);
        Restart();
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(200, log.Size)).Status);
        Upload(log, 200, log.Size);
        Assert.Equal(log.Size - 6, Node.AlarmCount);
        Assert.Equal(LedgerNode.StatementsAtOnce, Node.Statements().Count);
        var said = Node.Statements(limit: 1000).Cast<AlarmRecord>().Select(a => a.Index).ToList();
        Assert.Equal(Enumerable.Range(8, AlarmRecord.MaxOfOneKey).Select(i => (long)i), said);
        Restart();
        Assert.Equal(said, Node.Statements(limit: 1000).Cast<AlarmRecord>().Select(a => a.Index));
    }

    [Fact]
    public void A_node_that_cannot_sign_its_alarm_does_not_cosign_and_gives_it_later()
    {
        using var log = ForgedLog.Of(_chain);
        log.Append("no JSON");
        using var key = KeyFile.Load(_place.KeyPath, TestChain.Password);
        var signer = new MoodySigner(key) { Fails = true };
        Restart();
        _node = LedgerNode.Open(_place, log.Genesis, signer, TimeProvider.System);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 7)).Status);
        Assert.Equal(NodeStatus.Unavailable, log.TryUpload(Node, 0, 7));
        Assert.Empty(Node.Statements());
        Restart();
        _node = LedgerNode.Open(_place, log.Genesis, signer, TimeProvider.System);
        Assert.Empty(Node.Statements());
        signer.Fails = false;
        Upload(log, 7, 7);
        Assert.Equal(6, Assert.IsType<AlarmRecord>(Assert.Single(Node.Statements())).Index);
    }

    [Fact]
    public void A_copy_of_before_there_were_statements_gets_them_and_answers_what_it_had_kept()
    {
        using var log = ForgedLog.Of(_chain);
        log.Append("no JSON");
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 7)).Status);
        Upload(log, 0, 7);
        Restart();
        using (var database = Sqlite.SqliteDatabase.OpenWriter(_place.DatabasePath, create: false))
        {
            database.Execute("DROP TABLE statement");
            database.Checkpoint();
        }

        Assert.Empty(NodeStore.StatementsUnverified(_place.DatabasePath));
        log.Append("again none");
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(7, 8)).Status);
        Upload(log, 7, 8);
        Assert.Equal([6L, 7L], Node.Statements().Cast<AlarmRecord>().Select(a => a.Index));
    }

    [Theory]
    [InlineData("anchor")]
    [InlineData("custody")]
    public void No_tree_is_cosigned_that_holds_what_other_chains_rely_on_and_admission_refuses(string kind)
    {
        using var log = ForgedLog.Of(_chain);
        log.Append($$"""{"account":"x","auth":"none","chain":"{{log.Genesis.Origin}}","id":"0193a5f0-1234-7abc-8def-001122330002","key":5,"kind":"{{kind}}","policy":0,"received":"2026-11-25T00:00:00.000Z","sealed":"2026-11-25T00:00:00.000Z","v":1}""");
        log.Append("later");
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 6)).Status);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(6, 8)).Status);
        var all = new UploadRange(log.Genesis.Origin, 0, 8, default);
        Assert.Null(Node.BeginUpload(all));
        Assert.Null(Node.TakePackage(all, 0, log.Package(all, 0)));
        Assert.Equal(NodeStatus.Unprocessable, Node.EndUpload(all, 1).Status);
        Restart();
        Assert.Equal(NodeStatus.Unprocessable, Node.EndUpload(all, 1).Status);
        Assert.Contains(Node.Alarms(), a => a is { Kind: AlarmKind.TreeRefused, Place: 6 });
        Assert.Equal(6, Assert.IsType<AlarmRecord>(Node.Statements()[0]).Index);
        Assert.Null(Node.Cosigned);
        Upload(log, 6, 6);
        Assert.Equal(6, CheckpointOf(Node.Cosigned!).Size);
    }

    [Fact]
    public void A_copy_of_another_chain_or_key_or_of_changed_bytes_is_not_opened()
    {
        using var log = ForgedLog.Of(_chain);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 6)).Status);
        Upload(log, 0, 6);
        Refused(ChainRefusal.Locked, "Another process", () => LedgerNode.Open(_place, log.Genesis, TestChain.Password, TimeProvider.System));
        Restart();

        using var governance = KeyFile.Load(Path.Combine(_chain.DataPath, "keys", "governance.pem"), TestChain.Password);
        var other = Evidence.Genesis.Create(log.Genesis.Deployment, "other", "OT", log.Genesis.Suite, 1, log.Genesis.GovernanceKeys, NoteKey.Create("notary.test/other", log.Genesis.LogKey.Type, governance.PublicKey.Span), DateTimeOffset.UnixEpoch);
        Refused(ChainRefusal.Inconsistent, "another chain", () => LedgerNode.Open(_place, other, TestChain.Password, TimeProvider.System));

        // Another node's key beside this copy: first its key file alone, then with its verifier key.
        var elsewhere = new NodeFolder(Path.Combine(_folder.Path, "elsewhere"));
        elsewhere.Create("court.example/node", Suite.Sm, TestChain.Password);
        Swap(_place.KeyPath, elsewhere.KeyPath);
        Refused(ChainRefusal.Key, "not the one", () => LedgerNode.Open(_place, log.Genesis, TestChain.Password, TimeProvider.System));
        Swap(_place.VerifierKeyPath, elsewhere.VerifierKeyPath);
        Refused(ChainRefusal.Inconsistent, "not signed by", () => LedgerNode.Open(_place, log.Genesis, TestChain.Password, TimeProvider.System));
        Swap(_place.KeyPath, elsewhere.KeyPath);
        Swap(_place.VerifierKeyPath, elsewhere.VerifierKeyPath);
        Assert.Equal(6, Node.Standing.Cosigned);
        Restart();

        using (var database = Sqlite.SqliteDatabase.OpenWriter(_place.DatabasePath, create: false))
        {
            database.Execute("UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 0");
        }

        Refused(ChainRefusal.Inconsistent, "tile", () => _ = Node);
    }

    [Fact]
    public void A_node_that_lost_its_copy_does_not_sign_on_with_its_key()
    {
        using var log = ForgedLog.Of(_chain);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 6)).Status);
        Upload(log, 0, 6);
        Restart();
        foreach (var file in Directory.GetFiles(_place.Root, "mirror.db*"))
        {
            File.Delete(file);
        }

        Refused(ChainRefusal.Inconsistent, "lost its copy", () => _ = Node);
        Refused(ChainRefusal.Exists, "exists already", () => _place.Create("court.example/node", Suite.Sm, TestChain.Password));
        Refused(ChainRefusal.NotCreated, "no ledger node", () => LedgerNode.Open(new NodeFolder(Path.Combine(_folder.Path, "nowhere")), log.Genesis, TestChain.Password, TimeProvider.System));
        Refused(ChainRefusal.Template, "name", () => new NodeFolder(Path.Combine(_folder.Path, "named")).Create("two words", Suite.Sm, TestChain.Password));
        Assert.False(Directory.Exists(Path.Combine(_folder.Path, "named")));
    }

    [Fact]
    public void A_copied_folder_does_not_sign_and_one_that_was_moved_does_when_its_organisation_says_so()
    {
        using var log = ForgedLog.Of(_chain);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 6)).Status);
        Upload(log, 0, 6);
        Restart();

        // Renamed it is the same folder; a file by file copy is another one, whatever it takes along, and so is one that is put back.
        Directory.Move(_place.Root, _place.Root + ".away");
        Directory.Move(_place.Root + ".away", _place.Root);
        Assert.Equal(6, Node.Standing.Cosigned);
        var copy = new NodeFolder(_place.Root + "-copy");
        using (var cp = System.Diagnostics.Process.Start("/bin/cp", ["-a", _place.Root, copy.Root]))
        {
            cp.WaitForExit();
            Assert.Equal(0, cp.ExitCode);
        }

        Refused(ChainRefusal.Copied, "notary node move", () => LedgerNode.Open(copy, log.Genesis, TestChain.Password, TimeProvider.System));
        Assert.Equal(6, Node.Standing.Cosigned);
        Refused(ChainRefusal.Locked, "Another process", () => _place.Move());

        Restart();
        Directory.Move(_place.Root, _place.Root + ".gone");
        Directory.Move(copy.Root, _place.Root);
        Refused(ChainRefusal.Copied, "put back from a backup", () => _ = Node);
        Assert.Equal("court.example/node", _place.Move().Name);
        Assert.Equal(6, Node.Standing.Cosigned);
        Restart();
        File.Delete(Path.Combine(_place.Root, "node.place"));
        Refused(ChainRefusal.Copied, "was copied", () => _ = Node);
        Refused(ChainRefusal.NotCreated, "no ledger node", () => new NodeFolder(Path.Combine(_folder.Path, "nowhere")).Move());
    }

    [Fact]
    public void An_upload_may_end_at_the_last_sixteen_checkpoints_and_at_the_mirrors_own()
    {
        using var log = ForgedLog.Of(_chain);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 6)).Status);
        Upload(log, 0, 6);
        for (var i = 0; i < 20; i++)
        {
            log.Append($"leaf {i}");
            Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(log.Size - 1, log.Size)).Status);
        }

        Restart();
        foreach (var (end, taken) in new[] { (6, true), (7, false), (10, false), (11, true), (26, true), (27, false) })
        {
            var answer = Node.BeginUpload(new UploadRange(log.Genesis.Origin, 6, end, default));
            Assert.Equal(taken ? null : NodeStatus.Conflict, answer?.Status);
        }

        // Trimmed as it is, the mirror checkpoint is answered with its line again, without a package and with a repeated one.
        Upload(log, 6, 6);
        Upload(log, 0, 6);
        Upload(log, 6, 11);
        Assert.Equal(NodeStatus.Conflict, Node.BeginUpload(new UploadRange(log.Genesis.Origin, 6, 6, default))!.Status);

        // A fork at a size whose note was trimmed, above what is stored, shows when the entries get there.
        using var fork = log.Fork(12);
        for (var i = 0; i < 20; i++)
        {
            log.Append($"more {i}");
            Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(log.Size - 1, log.Size)).Status);
        }

        Assert.Equal(NodeStatus.Conflict, Node.TakeCheckpoint(fork.Offer(0, 20)).Status);
        Assert.DoesNotContain(Node.Alarms(), a => a.Kind is AlarmKind.ForkedNote or AlarmKind.ForkedPrefix);
        Restart();
        Upload(log, 11, log.Size);
        var alarm = Assert.Single(Node.Alarms(), a => a.Kind is AlarmKind.ForkedNote or AlarmKind.ForkedPrefix);
        Assert.Equal((AlarmKind.ForkedPrefix, 20L, fork.Root(20)), (alarm.Kind, alarm.Place, alarm.About));
        Assert.Equal(fork.Note(20).Text, Parsed(alarm.Theirs).Text);
    }

    [Fact]
    public void What_an_operator_sends_without_end_fills_no_disk()
    {
        using var log = ForgedLog.Of(_chain);
        Assert.Equal(NodeStatus.BadRequest, Node.TakeCheckpoint(log.Offer(0, 6, log.Sign(log.Genesis.Origin, 6, log.Root(6), new string('x', LedgerNode.MaximumNote)))).Status);
        Assert.Equal(0, Node.Standing.Pending);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 6)).Status);
        Upload(log, 0, 6);
        var roots = new byte[32];
        for (var i = 0; i < 300; i++)
        {
            roots[0] = (byte)i;
            roots[1] = (byte)(i >> 8);
            Assert.Equal(NodeStatus.Unprocessable, Node.TakeCheckpoint(log.Offer(6, 6, log.Sign(log.Genesis.Origin, 6, Hash32.FromSpan(roots)))).Status);
            Assert.Equal(NodeStatus.Conflict, Node.TakeCheckpoint(log.Offer(0, 6, log.Sign(log.Genesis.Origin, 1000 + i, Hash32.FromSpan(roots)), [])).Status);
        }

        Assert.Equal(256, Node.Alarms().Count);
        Assert.Equal(10, Node.Alarms(after: Node.Alarms()[5].Id, limit: 10).Count);
        using var database = Sqlite.SqliteDatabase.OpenReader(_place.DatabasePath);
        using var count = database.Prepare("SELECT COUNT(*) FROM unheld");
        Assert.True(count.Step());
        Assert.Equal(64, count.Number(0));
    }

    [Fact]
    public void After_a_failure_of_its_store_nothing_is_answered_any_more()
    {
        using var log = ForgedLog.Of(_chain);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 6)).Status);
        Upload(log, 0, 6);
        log.Append("no JSON");
        using (var database = Sqlite.SqliteDatabase.OpenWriter(_place.DatabasePath, create: false))
        {
            database.Execute("UPDATE head SET note_size = 5");
        }

        Refused(ChainRefusal.Storage, "changed its database", () => Node.TakeCheckpoint(log.Offer(6, 7)));
        var range = new UploadRange(log.Genesis.Origin, 6, 6, default);
        foreach (var use in new Action[] { () => _ = Node.Standing, () => _ = Node.Cosigned, () => Node.Entry(0), () => Node.Entries(0, 1), () => Node.Tile(0, 0, 1), () => Node.Alarms(), () => Node.BeginUpload(range), () => Node.EndUpload(range, 0) })
        {
            Refused(ChainRefusal.Storage, "stopped", use);
        }
    }

    [Fact]
    public void A_signer_that_fails_and_a_clock_that_goes_back_change_no_history()
    {
        using var log = ForgedLog.Of(_chain);
        var time = new TestClock(DateTimeOffset.UnixEpoch.AddYears(56));
        var signer = new MoodySigner(Original.Value.Signer);
        _node = LedgerNode.Open(_place, log.Genesis, signer, time);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, 5)).Status);
        signer.Fails = true;
        var range = new UploadRange(log.Genesis.Origin, 0, 5, default);
        Assert.Null(Node.TakePackage(range, 0, log.Package(range, 0)));
        Assert.Equal(NodeStatus.Unavailable, Node.EndUpload(range, 1).Status);
        Assert.Null(Node.Cosigned);
        signer.Fails = false;
        Upload(log, 0, 5);
        var first = Node.Standing.CosignedAt;
        Assert.Equal(time.Now.ToUnixTimeSeconds(), first);

        time.Now -= TimeSpan.FromHours(3);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(5, 6)).Status);
        Upload(log, 5, 6);
        Assert.Equal((6, first), (Node.Standing.Cosigned, Node.Standing.CosignedAt));
        time.Now += TimeSpan.FromHours(4);
        log.Append("no JSON");
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(6, 7)).Status);
        Upload(log, 6, 7);
        Assert.Equal(time.Now.ToUnixTimeSeconds(), Node.Standing.CosignedAt);
    }

    [Fact]
    public async Task What_a_mirror_serves_is_what_the_log_serves()
    {
        using (await _chain.DepositMany(700, 5))
        {
        }

        using var log = ForgedLog.Of(_chain);
        Assert.Equal(NodeStatus.Success, Node.TakeCheckpoint(log.Offer(0, log.Size)).Status);
        Assert.Null(Node.Tile(0, 0, 1));
        Upload(log, 0, log.Size);
        var reader = _chain.Host.Reader;
        foreach (var (level, number, width) in new[] { (0, 0, 256), (0, 2, 194), (0, 2, 10), (1, 0, 2), (0, 3, 1), (1, 0, 3) })
        {
            Assert.Equal(reader.Tile(level, number, width), Node.Tile(level, number, width));
        }

        Assert.NotNull(Node.Tile(0, 2, 194));
        Assert.Equal(reader.Entries(0, log.Size), Node.Entries(0, log.Size));
    }

    public void Dispose()
    {
        _node?.Dispose();
        _chain.Dispose();
        _folder.Dispose();
    }

    private static void Refused(ChainRefusal refusal, string says, Action act)
    {
        var refused = Assert.Throws<ChainRefusedException>(act);
        Assert.Equal(refusal, refused.Refusal);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    private static void Swap(string one, string other)
    {
        File.Move(one, one + ".kept");
        File.Move(other, one);
        File.Move(one + ".kept", other);
    }

    private static SignedNote Parsed(ReadOnlyMemory<byte> bytes)
    {
        Assert.True(SignedNote.TryParse(bytes.Span, out var note).Ok);
        return note!;
    }

    private static Checkpoint CheckpointOf(SignedNote note)
    {
        Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(note.Text, out var checkpoint));
        return checkpoint!;
    }

    private void Restart()
    {
        _node?.Dispose();
        _node = null;
    }

    private string Upload(ForgedLog log, int start, int end)
    {
        var answer = log.Upload(Node, start, end);
        Assert.Equal(NodeStatus.Success, answer.Status);
        return answer.Body;
    }

    private sealed class TestClock(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class MoodySigner(ISigner inner) : ISigner
    {
        public bool Fails { get; set; }

        public KeyAlgorithm Algorithm => inner.Algorithm;

        public ReadOnlyMemory<byte> PublicKey => inner.PublicKey;

        public byte[] Sign(ReadOnlySpan<byte> message) => Fails ? throw new IOException("the socket is gone") : inner.Sign(message);

        public void Dispose()
        {
            // The key is every test's.
        }
    }
}
