using System.Text;
using Notary.Crypto;
using Notary.Ledger;
using Notary.Ledger.Tests;

namespace Notary.Evidence.Tests;

/// <summary>
/// A main chain (suite sm) of its five policies and, at index 5, a trust file that knows it and one region (suite intl, three nodes of which two make a
/// checkpoint final); anchors of that region, which has as many leaves as are asked for.
/// </summary>
internal sealed class MainChain
{
    public const string Deployment = "notary.test";
    public const string RegionOrigin = "notary.test/guangzhou";

    private static readonly TreeHasher Hasher = new(Suite.Intl);
    private static readonly ISigner RegionLog = TestSigners.Of(SuiteId.Intl, "region log");
    private static readonly ISigner[] Nodes = [.. Enumerable.Range(0, 3).Select(static i => TestSigners.Of(SuiteId.Intl, $"region node {i}"))];
    private static readonly NoteKey[] NodeKeys = [.. Nodes.Select(static (node, i) => Key($"node-{i}.example", node, true))];

    public static readonly ISigner Stranger = TestSigners.Of(SuiteId.Intl, "stranger");

    public MainChain(string name = "main", int k = 1, bool withTrust = true, Func<TrustedChain, TrustedChain>? region = null)
    {
        Genesis = Genesis.Create(
            Deployment, name, name == "main" ? "MAIN" : "BJ", Suite.Sm, k, [Governance(0), Governance(1)], Key($"{Deployment}/{name}", TestKeys.Log, false), Samples.Received.AddDays(-1));
        foreach (var policy in PolicyNames.InOrder)
        {
            var document = TestChain.Document(policy);
            Append(SystemLeaves.Policy(Genesis, document, [.. Enumerable.Range(0, k).Select(i => Evidence.Governance.Sign(
                Genesis, Governance(i), GovernanceSigner(i), policy, document))], State.Size == 0, Samples.Id(1), Samples.Received));
        }

        if (withTrust)
        {
            var content = Content(1, null, 1, [0]);
            Append(TrustLeaf(TrustFile.Create(content with { Chains = [content.Chains[0], (region ?? (static r => r))(content.Chains[1])] }, GovernanceSigner(0))));
        }
    }

    public Genesis Genesis { get; }

    public ChainState State { get; } = new();

    public static ISigner GovernanceSigner(int key) => key switch
    {
        0 => TestKeys.Governance,
        1 => TestKeys.SecondGovernance,
        _ => TestKeys.Stranger,
    };

    public static NoteKey Governance(int key) => Key($"notary.test/governance-{key + 1}", GovernanceSigner(key), false);

    public static NoteKey Key(string name, ISigner signer, bool cosigns) => NoteKey.Create(name, NoteKey.TypeFor(signer.Algorithm, cosigns), signer.PublicKey.Span);

    public static TrustedChain Region(string origin = RegionOrigin, ISigner? log = null) => TrustedChain.Create(
        origin, "GZ", Suite.Intl, [Key(origin, log ?? RegionLog, false)],
        string.Concat(NodeKeys.Select(static (key, i) => $"witness n{i} {key.Format()}\n")) + "group two 2 n0 n1 n2\nquorum two\n");

    public TrustContent Content(long version, TrustFile? previous, int k, int[] keys) => new(
        Deployment, version, previous?.Fingerprint, TrustMode.Development, RecordState.Sealed, k, [.. keys.Select(Governance)],
        [TrustedChain.Create(Genesis.Origin, Genesis.Code, Suite.Sm, [Genesis.LogKey], "quorum none\n"), Region()]);

    /// <summary>A version with these governance keys, signed by these of them and by keys of a version before.</summary>
    public TrustFile Trust(long version, TrustFile? previous, int k, int[] keys, int[] signers)
    {
        var file = TrustFile.Create(Content(version, previous, k, keys), [.. signers.Where(keys.Contains).Select(GovernanceSigner)]);
        var note = signers.Where(key => !keys.Contains(key)).Aggregate(
            file.Note, (current, key) => current.With(NoteSigner.SignLine(GovernanceSigner(key), Governance(key), current.Text)));
        Assert.Null(TrustFile.TryParse(note.ToBytes(), out var back));
        return back!;
    }

    public LeafDraft TrustLeaf(TrustFile file) => SystemLeaves.Trust(Genesis, file, Samples.Id(5), Samples.Received);

    public static Hash32 RegionRoot(int size, string leaf = "region leaf") => Hasher.Root(Hashes(size, leaf));

    /// <summary>The region's note: its log's line and these nodes', in this order.</summary>
    public static SignedNote Note(int size, int[] cosigners, string origin = RegionOrigin, ISigner? log = null, string leaf = "region leaf")
    {
        var text = new Checkpoint(origin, size, RegionRoot(size, leaf)).Format();
        var signer = log ?? RegionLog;
        var note = SignedNote.Create(text, [NoteSigner.SignLine(signer, Key(origin, signer, false), text)]);
        return cosigners.Aggregate(note, (current, node) => current.With(NoteSigner.Cosign(Nodes[node], NodeKeys[node], text, 1_795_392_000 + node)));
    }

    /// <summary>The consistency proof between two sizes of the region.</summary>
    public static Hash32[] Extends(int from, int to)
    {
        var hashes = Hashes(to, "region leaf");
        var plan = ConsistencyProof.Plan(from, to);
        return ConsistencyProof.Compute(Hasher, plan, [.. plan.Select(node => Hasher.Root(hashes.AsSpan((int)(node.Index << node.Level), 1 << node.Level)))]);
    }

    /// <summary>The anchor that follows the newest one, as it should be.</summary>
    public LeafDraft Anchor(int size)
    {
        var before = State.LatestAnchor(RegionOrigin);
        return Anchor(Note(size, [0, 1]), before?.Index ?? -1, before is null ? [] : Extends((int)before.Size, size));
    }

    public LeafDraft Anchor(SignedNote note, long prevIndex = -1, params Hash32[] proof) =>
        SystemLeaves.Anchor(Genesis, note.Format(), prevIndex, proof, Samples.Id(6), Samples.Received);

    /// <summary>The region is closed with so many entries left of so many, signed by these governance keys, the proof from the newest anchor as it should be.</summary>
    public IncidentRecord Incident(int available, int lost, int[] signers, string successor = "notary.test/guangzhou-2")
    {
        var before = State.LatestAnchor(RegionOrigin);
        var record = IncidentRecord.TryCreate(
            available == 0 ? null : Note(available, []), Note(lost, []), before is null || before.Size >= available ? [] : Extends((int)before.Size, available), successor, IncidentReason.Storage)!;
        return Signed(record, signers);
    }

    public IncidentRecord Signed(IncidentRecord record, params int[] signers) =>
        signers.Aggregate(record, (current, key) => current.SignedBy(GovernanceSigner(key), Governance(key), Genesis.Suite, Genesis.Origin));

    public LeafDraft IncidentLeaf(IncidentRecord record)
    {
        Assert.True(SystemLeaves.TryIncident(Genesis, record, Samples.Id(7), Samples.Received, out var draft).Ok);
        return draft!;
    }

    public void Append(LeafDraft draft)
    {
        var result = Admission.Admit(Genesis, State, draft.Bytes.Span, State.Size, out var facts);
        Assert.True(result.Ok, result.Code);
        State.Apply(facts, State.Size);
    }

    public AdmissionResult Try(LeafDraft draft) => Admission.Admit(Genesis, State, draft.Bytes.Span, State.Size, out _);

    private static Hash32[] Hashes(int size, string leaf) => [.. Enumerable.Range(0, size).Select(i => Hasher.Leaf(Encoding.ASCII.GetBytes($"{leaf} {i}")))];
}
