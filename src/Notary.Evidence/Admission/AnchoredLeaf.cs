using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>Where the proof of another chain's leaf breaks, see <see cref="AnchoredLeaf.Check"/>.</summary>
/// <param name="Failure">Why, or none.</param>
/// <param name="OnMain">True when it is the hop from the anchor to the main chain's checkpoint, false when it is that from the leaf to its own chain's.</param>
/// <param name="LineInvalid">With <see cref="AdmissionFailure.CustodyProofSignature"/>: a line of a known key does not verify; false when none of the log's stands there.</param>
internal readonly record struct AnchoredLeafCheck(AdmissionFailure Failure, bool OnMain = false, bool LineInvalid = false)
{
    public bool Ok => Failure == AdmissionFailure.None;
}

/// <summary>
/// A leaf of another chain with all that proves it, as one chain's leaf carries another's: leaf → checkpoint of its chain, which is the note in the anchor leaf → main
/// checkpoint. Each hash and each signature stands once, so that a leaf of 16 KiB holds it (docs/spec/custody.md, "Size").
/// </summary>
/// <remarks>
/// JSON: <c>{"anchor":{…},"anchor_index":n,"anchor_path":[hex…],"index":n,"leaf":{…},"main":note,"path":[hex…]}</c>; <c>leaf</c> and <c>anchor</c> are the sealed leaves as
/// objects: their canonical bytes are what was hashed. Parsed and well formed, not verified: that is <see cref="Check"/>.
/// </remarks>
public sealed class AnchoredLeaf
{
    private static readonly string[] Members = ["anchor", "anchor_index", "anchor_path", "index", "leaf", "main", "path"];

    private readonly byte[] _leaf;
    private readonly byte[] _anchor;
    private readonly Hash32[] _path;
    private readonly Hash32[] _anchorPath;
    private readonly string _mainText;
    private readonly SignedNote _main;
    private readonly Checkpoint _mainCheckpoint;
    private readonly AnchorRecord _anchorRecord;

    private AnchoredLeaf(
        byte[] leaf, in LeafFacts facts, long index, Hash32[] path, byte[] anchor, AnchorRecord anchorRecord, long anchorIndex, Hash32[] anchorPath, string mainText, SignedNote main, Checkpoint mainCheckpoint)
    {
        _leaf = leaf;
        Facts = facts;
        Index = index;
        _path = path;
        _anchor = anchor;
        _anchorRecord = anchorRecord;
        MainIndex = anchorIndex;
        _anchorPath = anchorPath;
        _mainText = mainText;
        _main = main;
        _mainCheckpoint = mainCheckpoint;
    }

    /// <summary>Facts of the leaf, whose form is right.</summary>
    public LeafFacts Facts { get; }

    /// <summary>Index of the leaf on its chain.</summary>
    public long Index { get; }

    /// <summary>Index of the anchor on the main chain.</summary>
    public long MainIndex { get; }

    /// <summary>The leaf's bytes, as they were sealed.</summary>
    public ReadOnlyMemory<byte> Leaf => _leaf;

    /// <summary>The checkpoint of the leaf's chain.</summary>
    internal Checkpoint Checkpoint => _anchorRecord.Checkpoint;

    /// <summary>The checkpoint of the main chain.</summary>
    internal Checkpoint MainCheckpoint => _mainCheckpoint;

    /// <summary>Who claims to have signed the two checkpoints.</summary>
    internal string Lines => string.Join(", ", _anchorRecord.Note.Signatures.Concat(_main.Signatures).Select(static line => $"{line.Name}+{line.KeyId:x8}"));

    /// <summary>Puts the pieces of a record's proof together.</summary>
    /// <param name="leaf">The stored bytes of the leaf.</param>
    /// <param name="proof">The leaf's own proof.</param>
    /// <param name="anchor">How that proof's checkpoint is anchored.</param>
    /// <returns>Null when they do not belong together, or are not of the form that a leaf may carry.</returns>
    public static AnchoredLeaf? TryCreate(ReadOnlySpan<byte> leaf, TlogProof proof, AnchorProof anchor)
    {
        ArgumentNullException.ThrowIfNull(proof);
        ArgumentNullException.ThrowIfNull(anchor);
        if (!CanonicalValue.TryParseCanonical(leaf, CanonicalLimits.Leaf, out var leafJson).Ok || !CanonicalValue.TryParseCanonical(anchor.Leaf.Span, CanonicalLimits.Leaf, out var anchorJson).Ok
            || !TlogProof.TryParse(System.Text.Encoding.UTF8.GetBytes(anchor.Proof), out var main).Ok || anchorJson["note"]?.AsString != proof.Note.Format())
        {
            return null;
        }

        var json = CanonicalValue.OfObject(
            ("anchor", anchorJson), ("anchor_index", CanonicalValue.Of(main!.Index)), ("anchor_path", LeafForm.Path(main.Hashes)), ("index", CanonicalValue.Of(proof.Index)),
            ("leaf", leafJson), ("main", CanonicalValue.Of(main.Note.Format())), ("path", LeafForm.Path(proof.Hashes)));
        return TryParse(json, out var created) ? created : null;
    }

    internal CanonicalValue ToValue() => CanonicalValue.OfObject(
        ("anchor", Parsed(_anchor)), ("anchor_index", CanonicalValue.Of(MainIndex)), ("anchor_path", LeafForm.Path(_anchorPath)), ("index", CanonicalValue.Of(Index)),
        ("leaf", Parsed(_leaf)), ("main", CanonicalValue.Of(_mainText)), ("path", LeafForm.Path(_path)));

    internal static bool TryParse(CanonicalValue json, out AnchoredLeaf? parsed)
    {
        parsed = null;
        if (json.Type != CanonicalType.Object || !LeafForm.CheckMembers(json, Members, []).Ok
            || json["leaf"]!.Type != CanonicalType.Object || json["anchor"]!.Type != CanonicalType.Object
            || json["index"]!.AsInteger is not (>= 0 and var index) || json["anchor_index"]!.AsInteger is not (>= 0 and var anchorIndex)
            || !LeafForm.TryPath(json["path"]!, out var path) || !LeafForm.TryPath(json["anchor_path"]!, out var anchorPath)
            || !LeafForm.TryNote(json["main"]!, CanonicalLimits.Leaf.MaxBytes, out var mainText, out var main) || Checkpoint.TryParse(main.Text, out var mainCheckpoint) != CheckpointProblem.None)
        {
            return false;
        }

        var anchor = json["anchor"]!.ToBytes();
        var leaf = json["leaf"]!.ToBytes();
        if (!Admission.AdmitForm(anchor, out var anchorFacts).Ok || anchorFacts.AnchorRecord is not { } record || !Admission.AdmitForm(leaf, out var facts).Ok
            || record.Checkpoint.Origin != facts.Chain || mainCheckpoint!.Origin != anchorFacts.Chain || facts.Chain == anchorFacts.Chain)
        {
            return false;
        }

        parsed = new AnchoredLeaf(leaf, facts, index, path, anchor, record, anchorIndex, anchorPath, mainText, main, mainCheckpoint);
        return true;
    }

    /// <summary>
    /// Walks both hops under a version of the trust file: each checkpoint is judged by the entry that holds there, the chain's at the anchor's main index and main's at its
    /// own last index, and must be final by it. Hashes come first: they cost little.
    /// </summary>
    internal AnchoredLeafCheck Check(TrustFile trust)
    {
        if (trust.Find(Facts.Chain) is null)
        {
            return new AnchoredLeafCheck(AdmissionFailure.CustodyProofUnknownChain);
        }

        if (trust.Main is not { } newest || newest.Origin != _mainCheckpoint.Origin)
        {
            return new AnchoredLeafCheck(AdmissionFailure.CustodyProofUnknownChain, OnMain: true);
        }

        if (trust.Find(Facts.Chain, MainIndex) is not { } region)
        {
            return new AnchoredLeafCheck(AdmissionFailure.CustodyProofOutsideRange);
        }

        if (trust.Find(newest.Origin, _mainCheckpoint.Size - 1) is not { } entry)
        {
            return new AnchoredLeafCheck(AdmissionFailure.CustodyProofOutsideRange, OnMain: true);
        }

        if (!IsIncluded(region.Suite, _leaf, Index, _path, _anchorRecord.Checkpoint))
        {
            return new AnchoredLeafCheck(AdmissionFailure.CustodyProofNotIncluded);
        }

        if (!IsIncluded(entry.Suite, _anchor, MainIndex, _anchorPath, _mainCheckpoint))
        {
            return new AnchoredLeafCheck(AdmissionFailure.CustodyProofNotIncluded, OnMain: true);
        }

        var check = CheckNote(region, _anchorRecord.Note, _anchorRecord.NoteText);
        return check.Ok ? CheckNote(entry, _main, _mainText) with { OnMain = true } : check;
    }

    private static bool IsIncluded(Suite suite, byte[] leaf, long index, Hash32[] path, Checkpoint checkpoint)
    {
        var hasher = new TreeHasher(suite);
        return InclusionProof.Check(hasher, index, checkpoint.Size, hasher.Leaf(leaf), path, checkpoint.Root).Ok;
    }

    private static AnchoredLeafCheck CheckNote(TrustedChain chain, SignedNote note, string text)
    {
        var final = chain.Policy.SelectFinal(note, out var verdict, chain.LogKeys);
        return final is not null
            ? new AnchoredLeafCheck(final.AsSpan().SequenceEqual(System.Text.Encoding.UTF8.GetBytes(text)) ? AdmissionFailure.None : AdmissionFailure.CustodyProofNotExact)
            : verdict.Failure == QuorumFailure.QuorumNotReached ? new AnchoredLeafCheck(AdmissionFailure.CustodyProofNotFinal)
            : new AnchoredLeafCheck(AdmissionFailure.CustodyProofSignature, LineInvalid: verdict.Failure == QuorumFailure.SignatureInvalid);
    }

    private static CanonicalValue Parsed(byte[] leaf) => CanonicalValue.TryParseCanonical(leaf, CanonicalLimits.Leaf, out var json).Ok
        ? json
        : throw new InvalidOperationException("A leaf whose form is right is canonical JSON.");
}
