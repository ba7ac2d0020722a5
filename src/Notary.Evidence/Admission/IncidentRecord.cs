using System.Diagnostics.CodeAnalysis;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>What governance says of how the entries were lost. Numbers frozen; a leaf carries the lower-case name.</summary>
public enum IncidentReason : byte
{
    /// <summary>Nothing is said.</summary>
    None = 0,
    /// <summary>Disks or databases failed.</summary>
    Storage = 1,
    /// <summary>The places that held them are gone.</summary>
    Disaster = 2,
    /// <summary>Whoever has them does not hand them out.</summary>
    Withheld = 3,
}

/// <summary>
/// The body of an incident leaf of the main chain: nobody holds the entries under a checkpoint that another chain's log has signed, and governance closes that chain for good. The largest
/// checkpoint whose entries exist (<see cref="Available"/>) and the one that shows the loss (<see cref="Lost"/>) are the log's own words; that nothing lies between them is governance's.
/// </summary>
/// <remarks>Parsed and well formed, not verified: that is <see cref="Admission.AdmitState"/>'s.</remarks>
public sealed class IncidentRecord
{
    /// <summary>The most bytes of a proposal: a leaf without what sealing gives it, and a newline.</summary>
    public static readonly int MaxProposalBytes = CanonicalLimits.Leaf.MaxBytes + 1;

    private static readonly string[] Members = ["available", "chain", "governance", "id", "kind", "lost", "proof", "reason", "received", "sealed", "successor", "v"];
    private static readonly string[] ProposalMembers = ["available", "chain", "governance", "kind", "lost", "proof", "reason", "successor", "v"];
    private static readonly string[] Optional = ["available", "reason"];
    private static readonly string[] Reasons = ["", .. Enum.GetNames<IncidentReason>().Skip(1).Select(static name => name.ToLowerInvariant())];

    private IncidentRecord(SignedNote? available, Checkpoint? availableCheckpoint, SignedNote lost, Checkpoint lostCheckpoint, string successor, IncidentReason reason)
    {
        Available = available;
        AvailableCheckpoint = availableCheckpoint;
        Lost = lost;
        LostCheckpoint = lostCheckpoint;
        Successor = successor;
        Reason = reason;
    }

    /// <summary>The largest checkpoint of the closed chain under which every entry exists, with one line of its log; null when none exists.</summary>
    public SignedNote? Available { get; }

    /// <summary>Its text, parsed.</summary>
    public Checkpoint? AvailableCheckpoint { get; }

    /// <summary>The largest checkpoint that the log is known to have signed, with one line of the log.</summary>
    public SignedNote Lost { get; }

    /// <summary>Its text, parsed.</summary>
    public Checkpoint LostCheckpoint { get; }

    /// <summary>Origin of the closed chain.</summary>
    public string Origin => LostCheckpoint.Origin;

    /// <summary>How many entries exist, from the first on; those from here to below the size of <see cref="Lost"/> are lost.</summary>
    public long Size => AvailableCheckpoint?.Size ?? 0;

    /// <summary>Origin of the chain that takes its place; it need not exist yet.</summary>
    public string Successor { get; }

    /// <summary>How they were lost.</summary>
    public IncidentReason Reason { get; }

    /// <summary>Consistency proof from the newest anchor of the chain on the main chain to <see cref="Available"/>; empty where that anchor is not smaller, or there is none. At most 63 hashes.</summary>
    public IReadOnlyList<Hash32> Proof { get; private init; } = [];

    /// <summary>Governance signatures over <see cref="Message"/>.</summary>
    public IReadOnlyList<GovernanceSignature> Signatures { get; private init; } = [];

    /// <summary>An incident without signatures; null when its parts do not make one.</summary>
    /// <param name="available">With exactly one line, or null.</param>
    /// <param name="lost">With exactly one line.</param>
    /// <param name="proof">From the newest anchor to <paramref name="available"/>.</param>
    /// <param name="successor">An origin.</param>
    /// <param name="reason">How it came.</param>
    public static IncidentRecord? TryCreate(SignedNote? available, SignedNote lost, IReadOnlyList<Hash32> proof, string successor, IncidentReason reason)
    {
        ArgumentNullException.ThrowIfNull(lost);
        ArgumentNullException.ThrowIfNull(proof);
        ArgumentNullException.ThrowIfNull(successor);
        return TryRead(CanonicalValue.OfObject([.. Signed(available, lost, successor, reason), ("governance", CanonicalValue.OfArray([])), ("proof", LeafForm.Path(proof))]), out var record).Ok ? record : null;
    }

    /// <summary>The name of a reason in a leaf; empty for <see cref="IncidentReason.None"/>.</summary>
    public static string Name(IncidentReason reason) => Reasons[(int)reason];

    /// <summary>The reason of a name; false for another text.</summary>
    public static bool TryReason(string name, out IncidentReason reason)
    {
        var at = Array.IndexOf(Reasons, name, 1);
        reason = at < 0 ? default : (IncidentReason)at;
        return at >= 0;
    }

    /// <summary>The 32 bytes that a governance key signs: all of the body but proof and signatures, for the main chain on which the leaf will stand.</summary>
    public Hash32 Message(Suite suite, string main) =>
        Governance.Message(suite, main, Governance.IncidentDocument, CanonicalValue.OfObject(Signed(Available, Lost, Successor, Reason)).ToBytes());

    /// <summary>The same with one more signature.</summary>
    public IncidentRecord With(GovernanceSignature signature) => new(Available, AvailableCheckpoint, Lost, LostCheckpoint, Successor, Reason) { Proof = Proof, Signatures = [.. Signatures, signature] };

    /// <summary>Signs for the main chain on which the leaf will stand.</summary>
    public IncidentRecord SignedBy(ISigner signer, NoteKey key, Suite suite, string main)
    {
        ArgumentNullException.ThrowIfNull(signer);
        ArgumentNullException.ThrowIfNull(key);
        return With(new GovernanceSignature(key.Name, signer.Sign(Message(suite, main).AsSpan())));
    }

    /// <summary>
    /// The proposal that governance signs and that is handed in: one line of canonical JSON, the leaf without the members that sealing gives it; <paramref name="main"/> is its <c>chain</c>.
    /// </summary>
    public byte[] ToProposal(string main) => [.. CanonicalValue.OfObject(
    [
        .. ToMembers(), ("chain", CanonicalValue.Of(main)), ("kind", CanonicalValue.Of(RecordKinds.Name(RecordKind.Incident))), ("v", CanonicalValue.Of(1)),
    ]).ToBytes(), (byte)'\n'];

    /// <summary>Parses a proposal, signed or not; what it says is as unverified as in a leaf. False when it is none.</summary>
    public static bool TryParseProposal(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out IncidentRecord? record, out string main)
    {
        record = null;
        main = string.Empty;
        if (!bytes.EndsWith("\n"u8) || !CanonicalValue.TryParseCanonical(bytes[..^1], CanonicalLimits.Leaf, out var json).Ok || json.Type != CanonicalType.Object
            || !LeafForm.CheckMembers(json, ProposalMembers, Optional).Ok || json["kind"]!.AsString != RecordKinds.Name(RecordKind.Incident) || json["v"]!.AsInteger != 1
            || json["chain"]!.AsString is not { } chain || !Grammar.IsOrigin(chain) || !TryRead(json, out record).Ok)
        {
            return false;
        }

        main = chain;
        return record is not null;
    }

    /// <summary>Whether a checkpoint of the closed chain may still be anchored: it lies in what is available.</summary>
    internal bool Leaves(Checkpoint checkpoint) => checkpoint.Size < Size || (checkpoint.Size == Size && checkpoint.Root.Equals(AvailableCheckpoint!.Root));

    /// <summary>Whether it may stand on the chain. The cheap questions first; signatures of the log before those of governance, for the log's say whether there is anything to close.</summary>
    internal AdmissionResult Admit(Genesis genesis, ChainState state)
    {
        if (genesis.Chain != TrustFile.MainChain)
        {
            return AdmissionResult.Of(AdmissionFailure.IncidentNotOnMain, "kind");
        }

        if (state.Trust is not { } trust)
        {
            return AdmissionResult.Of(AdmissionFailure.IncidentWithoutTrust, "lost");
        }

        if (Origin == genesis.Origin)
        {
            return AdmissionResult.Of(AdmissionFailure.IncidentOfMain, "lost");
        }

        if (trust.Find(Origin) is not { } chain)
        {
            return AdmissionResult.Of(AdmissionFailure.IncidentOriginUnknown, "lost");
        }

        if (state.Closed(Origin) is not null)
        {
            return AdmissionResult.Of(AdmissionFailure.IncidentTwice, "lost");
        }

        if (Successor == Origin || Successor == genesis.Origin || state.Closed(Successor) is not null
            || !Successor.StartsWith(genesis.Deployment + "/", StringComparison.Ordinal))
        {
            return AdmissionResult.Of(AdmissionFailure.IncidentSuccessor, "successor");
        }

        var logKeys = trust.EntriesOf(Origin).SelectMany(static entry => entry.LogKeys).Distinct().ToList();
        if (!Lost.Verify(logKeys).Ok || (Available is { } available && !available.Verify(logKeys).Ok))
        {
            return AdmissionResult.Of(AdmissionFailure.IncidentSignature, Lost.Verify(logKeys).Ok ? "available" : "lost");
        }

        if (!FitsAnchor(state.LatestAnchor(Origin), chain.Suite))
        {
            return AdmissionResult.Of(AdmissionFailure.IncidentInconsistent, "proof");
        }

        return Governance.Check(Message(genesis.Suite, genesis.Origin), trust.Content.GovernanceKeys, trust.Content.GovernanceThreshold, Signatures)
            ? default
            : AdmissionResult.Of(AdmissionFailure.GovernanceMissing, "governance");
    }

    /// <summary>Whether what the main chain has anchored of the chain allows what this says: nothing above what is lost, and what is available extends it where it is not itself lost.</summary>
    private bool FitsAnchor(AnchorInForce? anchor, Suite suite)
    {
        if (anchor is not null && (anchor.Size > LostCheckpoint.Size || (anchor.Size == LostCheckpoint.Size && !anchor.Root.Equals(LostCheckpoint.Root))))
        {
            return false;
        }

        return anchor is null || anchor.Size > Size
            ? Proof.Count == 0
            : ConsistencyProof.Check(new TreeHasher(suite), anchor.Size, Size, anchor.Root, AvailableCheckpoint!.Root, [.. Proof]).Ok;
    }

    internal IEnumerable<(string, CanonicalValue?)> ToMembers() =>
        [.. Signed(Available, Lost, Successor, Reason), ("governance", CanonicalValue.OfArray(Signatures.Select(static s => s.ToValue()))), ("proof", LeafForm.Path(Proof))];

    internal static AdmissionResult TryParse(CanonicalValue leaf, out IncidentRecord? record)
    {
        record = null;
        var members = LeafForm.CheckMembers(leaf, Members, Optional);
        return members.Ok ? TryRead(leaf, out record) : members;
    }

    private static AdmissionResult TryRead(CanonicalValue json, out IncidentRecord? record)
    {
        record = null;
        if (!TryCheckpoint(json["lost"]!, out var lost, out var lostCheckpoint))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "lost");
        }

        SignedNote? available = null;
        Checkpoint? availableCheckpoint = null;
        if (json["available"] is { } note
            && (!TryCheckpoint(note, out available, out availableCheckpoint) || availableCheckpoint.Origin != lostCheckpoint.Origin || availableCheckpoint.Size >= lostCheckpoint.Size))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "available");
        }

        if (json["successor"]!.AsString is not { } successor || !Grammar.IsOrigin(successor))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "successor");
        }

        var reason = IncidentReason.None;
        if (json["reason"] is { } name && !TryReason(name.AsString ?? string.Empty, out reason))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "reason");
        }

        if (!LeafForm.TryPath(json["proof"]!, out var proof) || (available is null && proof.Length > 0))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "proof");
        }

        if (!Governance.TryParse(json["governance"], out var signatures))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "governance");
        }

        record = new IncidentRecord(available, availableCheckpoint, lost, lostCheckpoint, successor, reason) { Proof = proof, Signatures = signatures };
        return default;
    }

    private static IEnumerable<(string, CanonicalValue?)> Signed(SignedNote? available, SignedNote lost, string successor, IncidentReason reason) =>
    [
        ("available", available is null ? null : CanonicalValue.Of(available.Format())),
        ("lost", CanonicalValue.Of(lost.Format())),
        ("reason", reason == IncidentReason.None ? null : CanonicalValue.Of(Name(reason))),
        ("successor", CanonicalValue.Of(successor)),
    ];

    // One line: which one counts is not for a reader to choose.
    private static bool TryCheckpoint(CanonicalValue json, [NotNullWhen(true)] out SignedNote? note, [NotNullWhen(true)] out Checkpoint? checkpoint)
    {
        checkpoint = null;
        return LeafForm.TryNote(json, CanonicalLimits.Leaf.MaxBytes, out _, out note) && note.Signatures.Count == 1
            && Checkpoint.TryParse(note.Text, out checkpoint) == CheckpointProblem.None && Grammar.IsOrigin(checkpoint!.Origin) && checkpoint.Size >= 1;
    }
}
