using System.Text;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>Why bytes are not a receipt.</summary>
public enum ReceiptProblem
{
    /// <summary>They are one.</summary>
    None = 0,
    /// <summary>More than 256 KiB.</summary>
    TooLarge = 1,
    /// <summary>Not JSON of the profile.</summary>
    NotJson = 2,
    /// <summary>A member is missing or of another type.</summary>
    MissingMember = 3,
    /// <summary>Another version than 1.</summary>
    UnknownVersion = 4,
    /// <summary>Not a number with its check character.</summary>
    Number = 5,
    /// <summary>Not the canonical text of a leaf of known form.</summary>
    Leaf = 6,
    /// <summary>Not 64 lower-case hex digits.</summary>
    Secret = 7,
    /// <summary>A proof beyond 128 KiB.</summary>
    Proof = 8,
    /// <summary>An anchor that is not exactly a leaf of at most 16 KiB and a proof of at most 128 KiB, both texts.</summary>
    Anchor = 9,
}

/// <summary>
/// What a submitter keeps: number, leaf, secret and proof. It verifies alone; the checkpoint inside the proof carries the only signature. A receipt is
/// parsed, not verified: the verifier decides whether leaf and proof belong together.
/// </summary>
/// <remarks>JSON: <c>{"anchor":{"leaf":text,"proof":text},"leaf":text,"number":text,"proof":text,"secret":hex,"v":1}</c>, without <c>anchor</c> until there is one; other members (an answer's id, index, state) are ignored.</remarks>
public sealed class Receipt
{
    /// <summary>Longest receipt, in bytes.</summary>
    public const int MaxLength = 256 * 1024;

    private const int MaxProof = 128 * 1024;

    /// <summary>The record's number, see <see cref="RecordNumber"/>.</summary>
    public required string Number { get; init; }

    /// <summary>The canonical text of the leaf: exactly the bytes that were sealed.</summary>
    public required string LeafJson { get; init; }

    /// <summary>The record's secret; whoever holds it can open every commitment of the record.</summary>
    public required Hash32 Secret { get; init; }

    /// <summary>The tlog-proof text: index, hashes and signed checkpoint.</summary>
    public required string Proof { get; init; }

    /// <summary>How the checkpoint in the proof is anchored on the main chain; null until it is, and for a record of the main chain itself.</summary>
    public AnchorProof? Anchor { get; init; }

    /// <summary>The leaf's bytes.</summary>
    public byte[] LeafBytes => Encoding.UTF8.GetBytes(LeafJson);

    /// <summary>The canonical JSON.</summary>
    public byte[] ToJson() => CanonicalValue.OfObject(ToMembers()).ToBytes();

    /// <summary>The members, for an answer that adds its own.</summary>
    public IEnumerable<(string Name, CanonicalValue? Value)> ToMembers() =>
    [
        ("anchor", Anchor is null ? null : CanonicalValue.OfObject(
            ("leaf", CanonicalValue.Of(Encoding.UTF8.GetString(Anchor.Leaf.Span))), ("proof", CanonicalValue.Of(Anchor.Proof)))),
        ("leaf", CanonicalValue.Of(LeafJson)), ("number", CanonicalValue.Of(Number)), ("proof", CanonicalValue.Of(Proof)),
        ("secret", CanonicalValue.Of(Secret.ToHex())), ("v", CanonicalValue.Of(1)),
    ];

    /// <summary>Parses a receipt; white space and member order do not matter.</summary>
    public static ReceiptProblem TryParse(ReadOnlySpan<byte> json, out Receipt? receipt)
    {
        receipt = null;
        if (json.Length > MaxLength)
        {
            return ReceiptProblem.TooLarge;
        }

        if (!CanonicalValue.TryParse(json, new CanonicalLimits(MaxLength, 8, false), out var value).Ok || value.Type != CanonicalType.Object)
        {
            return ReceiptProblem.NotJson;
        }

        if (value["v"]?.AsInteger is not { } version || value["number"]?.AsString is not { } number || value["leaf"]?.AsString is not { } leaf
            || value["secret"]?.AsString is not { } secretText || value["proof"]?.AsString is not { } proof)
        {
            return ReceiptProblem.MissingMember;
        }

        if (version != 1)
        {
            return ReceiptProblem.UnknownVersion;
        }

        if (!RecordNumber.TryParse(number, out var code, out var index) || RecordNumber.Format(code, index) != number)
        {
            return ReceiptProblem.Number;
        }

        // A leaf of an unknown kind still has a receipt: what it means is the verifier's question.
        var form = Admission.AdmitForm(Encoding.UTF8.GetBytes(leaf), out _);
        if (!form.Ok && !form.Indeterminate)
        {
            return ReceiptProblem.Leaf;
        }

        if (!Hash32.TryParseHex(secretText, out var secret))
        {
            return ReceiptProblem.Secret;
        }

        if (Encoding.UTF8.GetByteCount(proof) > MaxProof)
        {
            return ReceiptProblem.Proof;
        }

        AnchorProof? anchor = null;
        if (value["anchor"] is { } anchorJson && !TryAnchor(anchorJson, out anchor))
        {
            return ReceiptProblem.Anchor;
        }

        receipt = new Receipt { Number = number, LeafJson = leaf, Secret = secret, Proof = proof, Anchor = anchor };
        return ReceiptProblem.None;
    }

    // What the two texts say is the verifier's question.
    private static bool TryAnchor(CanonicalValue json, out AnchorProof? anchor)
    {
        anchor = null;
        if (json.Names.Count != 2 || json["leaf"]?.AsString is not { } leaf || json["proof"]?.AsString is not { } proof
            || Encoding.UTF8.GetByteCount(leaf) > CanonicalLimits.Leaf.MaxBytes || Encoding.UTF8.GetByteCount(proof) > MaxProof)
        {
            return false;
        }

        anchor = new AnchorProof(Encoding.UTF8.GetBytes(leaf), proof);
        return true;
    }
}
