using System.Text;
using Notary.Chain.Folders;
using Notary.Chain.Nodes;
using Notary.Chain.Tests.Nodes;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Network;

/// <summary>
/// A region's operator who holds the log's key and does with it what he must not, against honest nodes, and together with some that sign whatever they are asked: when two conflicting checkpoints can be
/// final, when not, and what is kept of each attempt.
/// </summary>
public sealed class DishonestOperatorTests
{
    [Theory]
    [InlineData(2, 3)]
    [InlineData(4, 5)]
    public async Task Two_conflicting_checkpoints_are_final_only_with_2k_minus_m_nodes_that_sign_both(int k, int m)
    {
        using var chain = new TestChain();
        using (await chain.DepositMany(20, 1))
        {
        }

        using var log = ForgedLog.Of(chain);
        using var other = log.Fork(10);
        using var nodes = new Organisations(log, m);
        var policy = nodes.Policy(k);
        NoteKey[] logKeys = [log.Genesis.LogKey];
        (SignedNote A, SignedNote B) notes = (log.Note(log.Size), other.Note(log.Size));

        // Honest nodes share nothing: what each does depends only on which history it is shown first.
        var honest = Enumerable.Range(0, m).Select(i => (AFirst: nodes.Honest(i, log, other), BFirst: nodes.Honest(i, other, log))).ToList();
        foreach (var (first, second) in honest)
        {
            Assert.Equal((1, 0), (first.Signed.Count, first.SignedOther.Count));
            Assert.Equal((1, 0), (second.Signed.Count, second.SignedOther.Count));
            AssertBothNotes(first.Alarms, notes.A, notes.B, log.Genesis.LogKey);
            AssertBothNotes(second.Alarms, notes.B, notes.A, log.Genesis.LogKey);
        }

        for (var doubles = 0; doubles <= m; doubles++)
        {
            var conflicting = 0;
            for (var shown = 0; shown < 1 << (m - doubles); shown++)
            {
                var (a, b) = (notes.A, notes.B);
                for (var i = 0; i < m; i++)
                {
                    if (i < doubles)
                    {
                        (a, b) = (a.With(nodes.Cosign(i, a.Text)), b.With(nodes.Cosign(i, b.Text)));
                        continue;
                    }

                    var aFirst = (shown >> (i - doubles) & 1) == 0;
                    a = aFirst ? a.With(honest[i].AFirst.Signed[0]) : a;
                    b = aFirst ? b : b.With(honest[i].BFirst.Signed[0]);
                }

                conflicting += policy.SelectFinal(a, out _, logKeys) is not null && policy.SelectFinal(b, out _, logKeys) is not null ? 1 : 0;
            }

            // The bound is exact: below it no way of showing histories succeeds, from it on one does.
            Assert.Equal(doubles >= (2 * k) - m, conflicting > 0);
        }
    }

    [Fact]
    public async Task A_region_whose_quorum_signed_two_histories_gets_the_second_anchored_by_nobody()
    {
        await using var network = new TestNetwork("beijing");
        network.Open();
        using (var result = await network.Deposit("beijing", Lines(5, 1)))
        {
            Assert.True(await network.Reaches("beijing", result.First + 4, RecordState.Anchored));
        }

        var (region, main) = (network.Chains["beijing"], network.Chains["main"]);
        using var log = ForgedLog.Of(region, KeyFile.Load(network.Folder("beijing").LogKeyPath, TestChain.Password));
        using var other = log.Fork(8);
        other.Append("one more");
        var conflicting = other.Note(other.Size);
        foreach (var name in new[] { "court", "notary-office" })
        {
            var node = new NodeFolder(Path.Combine(network.DataPath, "nodes", "beijing", name));
            using var signer = KeyFile.Load(node.KeyPath, TestChain.Password);
            conflicting = conflicting.With(NoteSigner.Cosign(signer, node.ReadVerifierKey(), conflicting.Text, DateTimeOffset.UtcNow.ToUnixTimeSeconds()));
        }

        var final = network.Trust.Find(region.Genesis.Origin)!.Policy.SelectFinal(conflicting, out _, [log.Genesis.LogKey])!;
        Assert.NotNull(final);
        var anchored = main.LatestAnchor(region.Genesis.Origin)!;
        var now = DateTimeOffset.UtcNow;
        var draft = SystemLeaves.Anchor(main.Genesis, Encoding.UTF8.GetString(final), anchored.Index, other.Consistency((int)anchored.Size, other.Size), Guid.CreateVersion7(now), now);

        // An honest main chain does not take it.
        Assert.Equal((-1L, "anchor-inconsistent"), await main.AppendAsync(draft));
        var before = main.Reader.Size;

        // A hostile one has it in its log all the same: no honest node cosigns that tree.
        using var mainLog = ForgedLog.Of(main, KeyFile.Load(network.Folder("main").LogKeyPath, TestChain.Password));
        await network.Close();
        using (var leaf = new SystemLeaf(mainLog.Genesis.Suite, draft))
        {
            leaf.Seal(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
            mainLog.Append(Encoding.UTF8.GetString(leaf.Leaf(0)));
        }

        foreach (var place in Directory.GetDirectories(Path.Combine(network.DataPath, "nodes", "main")))
        {
            using var node = LedgerNode.Open(new NodeFolder(place), mainLog.Genesis, TestChain.Password, TimeProvider.System);
            var held = (int)node.Standing.Held;
            Assert.InRange(held, 1, before);
            Assert.Equal(NodeStatus.Success, node.TakeCheckpoint(mainLog.Offer(held, mainLog.Size)).Status);
            Assert.Equal(NodeStatus.Unprocessable, mainLog.Upload(node, (int)node.Standing.NextEntry, mainLog.Size).Status);
            var alarm = Assert.Single(node.Alarms());
            Assert.Equal((AlarmKind.TreeRefused, before, "anchor-inconsistent"), (alarm.Kind, alarm.Place, alarm.Reason));
            Assert.Equal(mainLog.Hasher.Leaf(node.Entry(before)!), alarm.About);
            Assert.True(node.Standing.Cosigned <= before);
        }
    }

    [Theory]
    [InlineData("dropped record", AlarmKind.ForkedPrefix)]
    [InlineData("changed entry", AlarmKind.ForkedNote)]
    [InlineData("history that goes on from a changed one", AlarmKind.ForkedPrefix)]
    [InlineData("wrong consistency proof", null)]
    [InlineData("replayed checkpoint", null)]
    [InlineData("another chain's checkpoint", null)]
    [InlineData("entries that are not the checkpoint's", null)]
    [InlineData("time set back", AlarmKind.LeafRefused)]
    [InlineData("leaf that breaks admission", AlarmKind.LeafRefused)]
    public async Task What_the_operator_tries_changes_nothing_that_was_cosigned(string attempt, AlarmKind? kept)
    {
        using var chain = new TestChain();
        using (await chain.DepositMany(10, 1))
        {
        }

        using var log = ForgedLog.Of(chain);
        using var nodes = new Organisations(log, 1);
        using var node = nodes.Open(0);
        var size = log.Size;
        Assert.Equal(NodeStatus.Success, node.TakeCheckpoint(log.Offer(0, size)).Status);
        Assert.Equal(NodeStatus.Success, log.Upload(node, 0, size).Status);
        var cosigned = node.Cosigned!.Format();
        switch (attempt)
        {
            case "dropped record":
                using (var shorter = log.Without(size - 2))
                {
                    Assert.Equal(NodeStatus.Conflict, node.TakeCheckpoint(shorter.Offer(0, shorter.Size)).Status);
                    shorter.Append("in its place");
                    shorter.Append("and on");
                    Assert.Equal(NodeStatus.Unprocessable, node.TakeCheckpoint(shorter.Offer(size, shorter.Size)).Status);
                }

                break;
            case "changed entry":
                using (var changed = log.Fork(7))
                {
                    Assert.Equal(NodeStatus.Unprocessable, node.TakeCheckpoint(changed.Offer(size, size)).Status);
                    changed.TryUpload(node, 0, size);
                }

                break;
            case "history that goes on from a changed one":
                using (var changed = log.Fork(7))
                {
                    changed.Append("one more");
                    Assert.Equal(NodeStatus.Unprocessable, node.TakeCheckpoint(changed.Offer(size, changed.Size)).Status);
                    Assert.Equal(NodeStatus.Conflict, node.TakeCheckpoint(changed.Offer(0, size - 3)).Status);
                    Assert.Equal(NodeStatus.Conflict, node.TakeCheckpoint(changed.Offer(0, size - 1)).Status);
                }

                break;
            case "wrong consistency proof":
                log.Append("no JSON");
                Assert.Equal(NodeStatus.Unprocessable, node.TakeCheckpoint(log.Offer(size, log.Size, log.Note(log.Size), [.. log.Consistency(size - 1, log.Size)])).Status);
                break;
            case "replayed checkpoint":
                Assert.Equal(NodeStatus.Conflict, node.TakeCheckpoint(log.Offer(0, size - 4)).Status);
                Assert.Equal(NodeStatus.BadRequest, node.TakeCheckpoint(log.Offer(size, size - 4)).Status);
                Assert.NotEqual(NodeStatus.Success, log.TryUpload(node, 0, size - 4));
                break;
            case "another chain's checkpoint":
                Assert.Equal(NodeStatus.NotFound, node.TakeCheckpoint(log.Offer(size, size, log.Sign("notary.test/dubai", size, log.Root(size)))).Status);
                break;
            case "entries that are not the checkpoint's":
                using (var changed = log.Fork(7))
                {
                    log.Append("no JSON");
                    changed.Append("none either");
                    Assert.Equal(NodeStatus.Success, node.TakeCheckpoint(log.Offer(size, log.Size)).Status);
                    Assert.Equal(NodeStatus.Unprocessable, changed.TryUpload(node, size, log.Size));
                }

                break;
            case "time set back":
                // The last record once more, under an earlier time than the one before it.
                log.Append(Encoding.UTF8.GetString(chain.Host.Reader.Entry(size - 1)!).Replace("\"sealed\":\"20", "\"sealed\":\"19", StringComparison.Ordinal));
                Cosigned();
                break;
            case "leaf that breaks admission":
                log.Append("""{"kind":"evidence"}""");
                Cosigned();
                break;
            default:
                throw new ArgumentException(attempt);
        }

        var alarms = node.Alarms();
        if (kept is { } kind)
        {
            Assert.Contains(alarms, alarm => alarm.Kind == kind);
            Assert.All(alarms.Where(static alarm => alarm.Theirs.Length > 0), alarm =>
            {
                Assert.True(SignedNote.TryParse(alarm.Theirs.Span, out var theirs).Ok);
                Assert.True(theirs!.Verify([log.Genesis.LogKey]).Ok);
            });
        }
        else
        {
            Assert.Empty(alarms);
        }

        if (kept != AlarmKind.LeafRefused)
        {
            Assert.Equal(cosigned, node.Cosigned!.Format());
        }

        // Cosigned, alarmed, and without effect: one bad leaf stops no chain, and the next good one is taken.
        void Cosigned()
        {
            Assert.Equal(NodeStatus.Success, node.TakeCheckpoint(log.Offer(size, log.Size)).Status);
            Assert.Equal(NodeStatus.Success, log.Upload(node, size, log.Size).Status);
            Assert.Equal(log.Size, node.Standing.Cosigned);
        }
    }

    private static void AssertBothNotes(IReadOnlyList<NodeAlarm> alarms, SignedNote ours, SignedNote theirs, NoteKey key)
    {
        var fork = Assert.Single(alarms, static alarm => alarm.Kind == AlarmKind.ForkedNote);
        Assert.True(SignedNote.TryParse(fork.Ours.Span, out var kept).Ok);
        Assert.True(SignedNote.TryParse(fork.Theirs.Span, out var shown).Ok);
        Assert.Equal((ours.Text, theirs.Text), (kept!.Text, shown!.Text));
        Assert.True(kept.Verify([key]).Ok && shown.Verify([key]).Ok);
    }

    private static string Lines(int count, int seed)
    {
        var random = new Random(seed);
        return string.Concat(Enumerable.Range(0, count).Select(_ => TestChain.Line(random) + "\n"));
    }

    /// <summary>The nodes of one log, each an organisation with a key of its own.</summary>
    private sealed class Organisations : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly ForgedLog _log;
        private readonly List<NoteKey> _keys = [];
        private readonly List<ISigner> _signers = [];
        private int _opened;

        public Organisations(ForgedLog log, int count)
        {
            _log = log;
            for (var i = 0; i < count; i++)
            {
                var place = new NodeFolder(Path.Combine(_folder.Path, FormattableString.Invariant($"original{i}")));
                _keys.Add(place.Create(FormattableString.Invariant($"node{i}.example/beijing"), Suite.Sm, TestChain.Password));
                _signers.Add(KeyFile.Load(place.KeyPath, TestChain.Password));
            }
        }

        public QuorumPolicy Policy(int k)
        {
            var names = string.Join(' ', Enumerable.Range(0, _keys.Count).Select(static i => FormattableString.Invariant($"n{i}")));
            var witnesses = string.Concat(_keys.Select(static (key, i) => FormattableString.Invariant($"witness n{i} {key.Format()}\n")));
            return TrustedChain.Create(_log.Genesis.Origin, _log.Genesis.Code, _log.Genesis.Suite, [_log.Genesis.LogKey], FormattableString.Invariant($"{witnesses}group nodes {k} {names}\nquorum nodes\n")).Policy;
        }

        public NoteSignature Cosign(int i, string text) => NoteSigner.Cosign(_signers[i], _keys[i], text, DateTimeOffset.UtcNow.ToUnixTimeSeconds());

        /// <summary>An honest node with an empty copy.</summary>
        public LedgerNode Open(int i)
        {
            var path = Path.Combine(_folder.Path, FormattableString.Invariant($"copy{_opened++}"));
            TestChain.Copy(Path.Combine(_folder.Path, FormattableString.Invariant($"original{i}")), path);
            return LedgerNode.Open(new NodeFolder(path), _log.Genesis, TestChain.Password, TimeProvider.System);
        }

        /// <summary>An honest node that is shown one history and then the other in every way that the protocol has.</summary>
        public (List<NoteSignature> Signed, List<NoteSignature> SignedOther, IReadOnlyList<NodeAlarm> Alarms) Honest(int i, ForgedLog first, ForgedLog then)
        {
            using var node = Open(i);
            var size = first.Size;
            Assert.Equal(NodeStatus.Success, node.TakeCheckpoint(first.Offer(0, size)).Status);
            var signed = first.Upload(node, 0, size);
            foreach (var old in new[] { size, 0, size - 1 })
            {
                node.TakeCheckpoint(then.Offer(old, size));
                then.TryUpload(node, 0, size);
                then.TryUpload(node, size, size);
            }

            var note = node.Cosigned!;
            List<NoteSignature> lines = [.. note.Signatures.Where(_keys[i].Matches)];
            Assert.Equal(signed.Body, lines[0].Format());
            return note.Text == first.Note(size).Text ? (lines, [], node.Alarms()) : ([], lines, node.Alarms());
        }

        public void Dispose()
        {
            _signers.ForEach(static signer => signer.Dispose());
            _folder.Dispose();
        }
    }
}
