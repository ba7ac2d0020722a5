using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Notary.Crypto;
using Notary.Ledger;
using Notary.Ledger.Tests;

namespace Notary.Evidence.Tests.Verification;

/// <summary>A deployment with one chain, two nodes and fixed keys: what trust files, checkpoints and cosignatures are made with.</summary>
internal sealed class World
{
    public const string Deployment = "test.notary";

    private static readonly ConcurrentDictionary<(NoteKey Key, string Text), NoteSignature> Lines = new();

    private World(Suite suite)
    {
        Suite = suite;
        Origin = $"{Deployment}/{(suite.Id == SuiteId.Sm ? "guangzhou" : "dubai")}";
        Code = suite.Id == SuiteId.Sm ? "GZ" : "DXB";
        LogSigner = TestSigners.Of(suite.Id, "log");
        LogKey = Note(Origin, LogSigner, false);
        NodeSigners = [TestSigners.Of(suite.Id, "node court"), TestSigners.Of(suite.Id, "node archive")];
        NodeKeys = [Note("court.example", NodeSigners[0], true), Note("archive.example", NodeSigners[1], true)];
        GovernanceSigners = [TestSigners.Of(suite.Id, "governance 1"), TestSigners.Of(suite.Id, "governance 2")];
        GovernanceKeys = [Note("governance-1", GovernanceSigners[0], false), Note("governance-2", GovernanceSigners[1], false)];
    }

    public static World Sm { get; } = new(Suite.Sm);

    public static World Intl { get; } = new(Suite.Intl);

    public Suite Suite { get; }

    public string Origin { get; }

    public string Code { get; }

    public ISigner LogSigner { get; }

    public NoteKey LogKey { get; }

    public IReadOnlyList<ISigner> NodeSigners { get; }

    public IReadOnlyList<NoteKey> NodeKeys { get; }

    public IReadOnlyList<ISigner> GovernanceSigners { get; }

    public IReadOnlyList<NoteKey> GovernanceKeys { get; }

    public string PolicyNone => "quorum none\n";

    public string PolicyTwo =>
        $"witness court {NodeKeys[0].Format()}\nwitness archive {NodeKeys[1].Format()}\ngroup both 2 court archive\nquorum both\n";

    public static NoteKey Note(string name, ISigner signer, bool cosigns) => NoteKey.Create(name, NoteKey.TypeFor(signer.Algorithm, cosigns), signer.PublicKey.Span);

    public TrustContent Content(TrustMode mode = TrustMode.Development, RecordState required = RecordState.Sealed, string? policy = null) => new(
        Deployment, 1, null, mode, required, 1, [GovernanceKeys[0]], [TrustedChain.Create(Origin, Code, Suite, [LogKey], policy ?? PolicyNone)]);

    public TrustFile Trust(TrustMode mode = TrustMode.Development, RecordState required = RecordState.Sealed, string? policy = null) =>
        TrustFile.Create(Content(mode, required, policy), GovernanceSigners[0]);

    /// <summary>A signed checkpoint over these leaves.</summary>
    public SignedNote Checkpoint(IReadOnlyList<byte[]> leaves, string? origin = null, ISigner? signer = null, NoteKey? key = null, params int[] cosigners)
    {
        var hasher = new TreeHasher(Suite);
        var text = new Checkpoint(origin ?? Origin, leaves.Count, hasher.Root([.. leaves.Select(leaf => hasher.Leaf(leaf))])).Format();
        var note = SignedNote.Create(text, [Line(key ?? LogKey, text, () => NoteSigner.SignLine(signer ?? LogSigner, key ?? LogKey, text))]);
        return cosigners.Aggregate(note, (current, node) =>
            current.With(Line(NodeKeys[node], text, () => NoteSigner.Cosign(NodeSigners[node], NodeKeys[node], text, 1_795_392_000))));
    }

    /// <summary>Textbook signatures are slow and always the same: each is made once.</summary>
    public static NoteSignature Line(NoteKey key, string text, Func<NoteSignature> sign) => Lines.GetOrAdd((key, text), _ => sign());

    /// <summary>The proof of one leaf under the checkpoint of all.</summary>
    public TlogProof Prove(IReadOnlyList<byte[]> leaves, int index, SignedNote note)
    {
        var hasher = new TreeHasher(Suite);
        var hashes = leaves.Select(leaf => hasher.Leaf(leaf)).ToArray();
        var plan = InclusionProof.Plan(index, leaves.Count);
        var fetched = plan.Select(node => Root(hasher, hashes.AsSpan((int)(node.Index << node.Level), 1 << node.Level))).ToArray();
        return TlogProof.Create(Suite, index, InclusionProof.Compute(hasher, plan, fetched), note);

        static Hash32 Root(TreeHasher hasher, ReadOnlySpan<Hash32> leaves) => hasher.Root(leaves);
    }
}

/// <summary>A record with its contents, sealed as leaf <see cref="Index"/> of a small chain; what a test changes it changes before <see cref="Package"/>.</summary>
internal sealed class Deposit
{
    private static readonly SubmitterContext Submitter = new() { Account = "agency-1", Key = 5, Policy = 0, Auth = AuthMethod.ClientSecret };

    public Deposit(World world, IReadOnlyList<(string Media, byte[] Content)> files, IReadOnlyDictionary<string, CanonicalValue>? metadata, EvidencePart[]? parts = null, string? origin = null)
    {
        World = world;
        Origin = origin ?? world.Origin;
        Contents = [.. files.Select(file => file.Content)];
        Parts = parts ?? [.. files.Select(file => new EvidencePart(PartKind.File, file.Media, Suite.Sm.Hash(file.Content), Suite.Intl.Hash(file.Content), file.Content.Length))];
        Metadata = metadata is null ? null : CanonicalValue.OfObject(metadata.Select(field => (field.Key, (CanonicalValue?)field.Value)));
        Id = Guid.Parse("0193a5f0-1234-7abc-8def-00112233" + files.Count.ToString("x4", CultureInfo.InvariantCulture));
        Secret = world.Suite.Hash("secret of the record"u8);
        var request = new EvidenceRequest
        {
            Type = "document", Parts = Parts, Metadata = metadata, Sent = new DateTimeOffset(2026, 11, 23, 1, 2, 2, TimeSpan.Zero), Drawn = (Id, Secret),
        };
        using var requests = RequestBatch.ParseOne(request.ToJsonLine());
        Assert.True(requests.Count == 1, requests.ProblemOf(0)?.ToString());
        using var batch = LeafBatch.Build(world.Suite, Origin, Submitter, requests, [Id], [Secret], new DateTimeOffset(2026, 11, 23, 1, 2, 3, TimeSpan.Zero));
        batch.Seal(new DateTimeOffset(2026, 11, 23, 1, 2, 3, 456, TimeSpan.Zero));
        Leaf = batch.Leaf(0).ToArray();
        Openings = Openings.FromSecret(world.Suite, Origin, Id, Secret, Parts, Metadata);
    }

    public World World { get; }

    public EvidencePart[] Parts { get; }

    public CanonicalValue? Metadata { get; }

    public Guid Id { get; }

    public Hash32 Secret { get; }

    public byte[] Leaf { get; set; }

    public Openings Openings { get; set; }

    public List<byte[]?> Contents { get; }

    public int Index { get; } = 5;

    public int[] Cosigners { get; set; } = [];

    /// <summary>The chain on which the record lies, when it is not the world's own.</summary>
    public string Origin { get; }

    /// <summary>Made from the checkpoint note; null for a record that is not anchored.</summary>
    public Func<SignedNote, AnchorProof>? Anchor { get; set; }

    public string? CheckpointOrigin { get; set; }

    public ISigner? CheckpointSigner { get; set; }

    public NoteKey? CheckpointKey { get; set; }

    public IReadOnlyList<byte[]> Leaves => [.. Enumerable.Range(0, 11).Select(i => i == Index ? Leaf : Encoding.UTF8.GetBytes($"another leaf {i}"))];

    /// <summary>The usual record: two files, some metadata.</summary>
    public static Deposit Usual(World world, string? origin = null) => new(world,
        [("text/plain", "合同正文\n"u8.ToArray()), ("application/pdf", "%PDF-1.7 not really\n"u8.ToArray())],
        new Dictionary<string, CanonicalValue>
        {
            ["title"] = CanonicalValue.Of("租赁合同 lease"),
            ["generated"] = CanonicalValue.Of("2026-11-20T08:00:00.000Z"),
            ["files"] = CanonicalValue.OfStrings(["合同.txt", "scan.pdf"]),
            ["case"] = CanonicalValue.Of("(2026)粤01民初1号"),
        }, origin: origin);

    public static Deposit Many(World world, int count) => new(world, [.. Enumerable.Range(0, count).Select(i => ("text/plain", Encoding.UTF8.GetBytes($"part {i}\n")))], null);

    public TlogProof Proof() => World.Prove(Leaves, Index, World.Checkpoint(Leaves, CheckpointOrigin, CheckpointSigner, CheckpointKey, Cosigners));

    public Receipt Receipt()
    {
        var proof = Proof();
        return new Receipt { Number = RecordNumber.Format(World.Code, Index), LeafJson = Encoding.UTF8.GetString(Leaf), Secret = Secret, Proof = proof.Format(), Anchor = Anchor?.Invoke(proof.Note) };
    }

    public byte[] Package() => Package(Proof());

    public byte[] Package(TlogProof proof)
    {
        using var output = new MemoryStream();
        PackageWriter.Write(output, Leaf, Openings, proof, [.. Contents.Select(content => content is null ? null : new MemoryStream(content))], Anchor?.Invoke(proof.Note));
        return output.ToArray();
    }
}
