using System.Collections.Concurrent;
using System.Text;
using Notary.Crypto;

namespace Notary.Ledger.Tests;

/// <summary>
/// The worked examples of docs/spec/{tree,note,proof}.md, computed. The documents hold them in fenced blocks named after the
/// keys here (<c>```text example=NAME</c>); <see cref="SpecTests"/> compares.
/// </summary>
internal static class Examples
{
    public const int Size = 7;
    public const long Time = 1_790_000_000;

    // Textbook signing is slow, and every test wants the same notes.
    private static readonly ConcurrentDictionary<SuiteId, SignedNote> Cosigned = new();

    public static SortedDictionary<string, string> Of(string document) => document switch
    {
        "tree.md" => Tree(),
        "note.md" => Note(),
        "proof.md" => Proof(),
        "mirror.md" => Mirror(),
        _ => throw new ArgumentOutOfRangeException(nameof(document)),
    };

    /// <summary>Leaf i of the example tree is the hash of the entry <c>record i</c>.</summary>
    public static Hash32[] Leaves(TreeHasher hasher) =>
        [.. Enumerable.Range(0, Size).Select(i => hasher.Leaf(Encoding.ASCII.GetBytes($"record {i}")))];

    public static ISigner LogSigner(Suite suite) => TestSigners.Of(suite.Id, "example log");

    public static NoteKey LogKey(Suite suite) => Key(suite, "log.example/bj", LogSigner(suite), cosignature: false);

    public static string CheckpointText(Suite suite)
    {
        var hasher = new TreeHasher(suite);
        return new Checkpoint("log.example/bj", Size, hasher.Root(Leaves(hasher))).Format();
    }

    public static (NoteKey Key, ISigner Signer) Node(Suite suite, string name)
    {
        var signer = TestSigners.Of(suite.Id, "example " + name);
        return (Key(suite, $"{name}.example/node", signer, cosignature: true), signer);
    }

    public static string PolicyText(Suite suite) =>
        $"""
        # A region with three nodes, of which two make a checkpoint final.
        log {LogKey(suite).Format()} https://log.example/bj/

        witness court {Node(suite, "court").Key.Format()}
        witness archive {Node(suite, "archive").Key.Format()}
        witness auditor {Node(suite, "auditor").Key.Format()}
        group nodes 2 court archive auditor
        quorum nodes

        """;

    public static SignedNote LogNote(Suite suite)
    {
        SignedNote.TryParse(Encoding.UTF8.GetBytes(NoteSigner.Sign(LogSigner(suite), LogKey(suite), CheckpointText(suite))), out var note);
        return note!;
    }

    public static SignedNote CosignedNote(Suite suite) => Cosigned.GetOrAdd(suite.Id, _ => Cosign(suite));

    private static SignedNote Cosign(Suite suite)
    {
        var note = LogNote(suite);
        foreach (var name in new[] { "auditor", "court", "archive" })
        {
            var (key, signer) = Node(suite, name);
            note = note.With(NoteSigner.Cosign(signer, key, note.Text, Time));
        }

        return note;
    }

    private static NoteKey Key(Suite suite, string name, ISigner signer, bool cosignature) =>
        NoteKey.Create(name, NoteKey.TypeFor(suite.Id == SuiteId.Sm ? KeyAlgorithm.Sm2 : KeyAlgorithm.Ed25519, cosignature), signer.PublicKey.Span);

    private static SortedDictionary<string, string> Tree()
    {
        var examples = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var suite in new[] { Suite.Sm, Suite.Intl })
        {
            var hasher = new TreeHasher(suite);
            var l = Leaves(hasher);
            var edge = TreeEdge.Empty(hasher);
            edge.AppendMany(l);
            var text = new StringBuilder($"empty     {hasher.Empty.ToHex()}\n");
            for (var i = 0; i < l.Length; i++)
            {
                text.Append($"leaf {i}    {l[i].ToHex()}\n");
            }

            Hash32 n01 = hasher.Node(l[0], l[1]), n23 = hasher.Node(l[2], l[3]), n45 = hasher.Node(l[4], l[5]);
            text.Append($"node 1/0  {n01.ToHex()}\nnode 1/1  {n23.ToHex()}\nnode 1/2  {n45.ToHex()}\nnode 2/0  {hasher.Node(n01, n23).ToHex()}\n");
            text.Append($"root 7    {edge.Root().ToHex()}\n");
            examples[$"tree-{suite.Name}"] = text.ToString();
            examples[$"edge-{suite.Name}"] = Wrapped(edge.ToBytes());
            examples[$"tile-{suite.Name}"] = Wrapped(TileEdge.Empty(hasher).Append(l)[0].Bytes.ToArray());
        }

        examples["tile-paths"] = string.Concat(new TileId[] { new(0, 0, 256), new(0, 273, 112), new(1, 1, 17), new(2, 0, 1), new(0, 1234067, 256), new(63, 999, 255) }
            .Select(tile => $"{tile.Level} {tile.Index} {tile.Width} {Tiles.Path(tile)}\n"));
        examples["tiles-70000"] = string.Concat(TileEdge.PartialTiles(70_000).Select(tile => $"{Tiles.Path(tile)}\n"));
        examples["tile-of-node"] = string.Concat(new NodeId[] { new(0, 69_999), new(3, 100), new(7, 33), new(8, 33), new(12, 16), new(16, 0) }
            .Select(node =>
            {
                var (start, count) = Tiles.SpanInTile(node);
                return $"{node.Level}/{node.Index} {Tiles.Path(Tiles.TileOf(node, 70_000))} {start} {count}\n";
            }));
        return examples;
    }

    private static SortedDictionary<string, string> Note()
    {
        var examples = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var suite in new[] { Suite.Sm, Suite.Intl })
        {
            var court = Node(suite, "court").Key;
            examples[$"keys-{suite.Name}"] = Describe(LogKey(suite)) + Describe(court);
            examples[$"note-{suite.Name}"] = LogNote(suite).Format();
            examples[$"cosignature-message-{suite.Name}"] = $"cosignature/v1\ntime {Time}\n{CheckpointText(suite)}";
            examples[$"cosigned-{suite.Name}"] = CosignedNote(suite).Format();
            examples[$"policy-{suite.Name}"] = PolicyText(suite);
            QuorumPolicy.TryParse(PolicyText(suite), out var policy);
            examples[$"final-{suite.Name}"] = Encoding.UTF8.GetString(policy!.SelectFinal(CosignedNote(suite)) ?? []);
        }

        return examples;

        static string Describe(NoteKey key) =>
            $"name        {key.Name}\ntype        {Convert.ToHexStringLower(NoteKey.TypeIdentifier(key.Type))}\npublic key  {Convert.ToHexStringLower(key.PublicKey)}\nkey id      {key.KeyId:x8}\nvkey        {key.Format()}\n";
    }

    private static SortedDictionary<string, string> Mirror()
    {
        var hasher = new TreeHasher(Suite.Sm);
        var tree = new NaiveTree(Suite.Sm, Leaves(hasher));
        var note = LogNote(Suite.Sm);
        Checkpoint.TryParse(note.Text, out var checkpoint);
        var range = new UploadRange("log.example/bj", 5, Size, "t"u8.ToArray());
        var entries = new byte[2 * EntryBundle.Length("record 5".Length)];
        EntryBundle.Write(entries.AsSpan(EntryBundle.Write(entries, "record 5"u8)), "record 6"u8);
        var upload = new System.Buffers.ArrayBufferWriter<byte>();
        range.Write(upload);
        new EntryPackage(entries, 2, tree.SubtreeSubproof(0, Size, 0, Size, true)).Write(upload);
        return new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["add-checkpoint-sm"] = Encoding.UTF8.GetString(new AddCheckpoint(3, tree.Subproof(3, 0, Size, true), note, checkpoint!).ToBytes()),
            ["add-entries-sm"] = Wrapped(upload.WrittenSpan.ToArray()),
            ["mirror-info"] = new MirrorInfo(Size, 5, "t"u8.ToArray()).Format(),
        };
    }

    private static SortedDictionary<string, string> Proof()
    {
        var examples = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var suite in new[] { Suite.Sm, Suite.Intl })
        {
            var tree = new NaiveTree(suite, Leaves(new TreeHasher(suite)));
            examples[$"inclusion-{suite.Name}"] = Lines(InclusionProof.Plan(4, Size));
            examples[$"range-{suite.Name}"] = Lines(RangeProof.Plan(1, 4, Size));
            examples[$"consistency-{suite.Name}"] = Lines(ConsistencyProof.Plan(3, Size));
            examples[$"subtree-{suite.Name}"] = Lines(SubtreeProof.Plan(4, 6, Size));
            examples[$"tlog-proof-{suite.Name}"] = TlogProof.Create(suite, 4, tree.Path(4, 0, Size), LogNote(suite), Encoding.ASCII.GetBytes("record 4")).Format();

            string Lines(ProofPlan plan)
            {
                Hash32[] fetched = [.. plan.Select(node => tree.Mth((int)node.FirstLeaf, (int)node.EndLeaf))];
                return string.Concat(RangeProof.Compute(new TreeHasher(suite), plan, fetched).Select(hash => hash.ToHex() + "\n"));
            }
        }

        return examples;
    }

    private static string Wrapped(byte[] bytes) => string.Concat(bytes.Chunk(32).Select(line => Convert.ToHexStringLower(line) + "\n"));
}
