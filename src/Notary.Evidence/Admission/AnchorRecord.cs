using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// The body of an anchor leaf of the main chain: the whole final note of another chain's checkpoint (text, log's line, exactly the quorum's
/// cosignatures, <see cref="QuorumPolicy.SelectFinal(SignedNote)"/>), and the proof that it extends that chain's previous anchor. From the leaf on, the
/// main chain's nodes stand behind the other chain's history as well.
/// </summary>
/// <remarks>
/// Parsed and well formed, not verified: whose signatures stand under the note, and whether the proof holds, <see cref="Admission.AdmitState"/> says.
/// </remarks>
public sealed class AnchorRecord
{
    private static readonly string[] Members = ["chain", "id", "kind", "note", "prev_index", "proof", "received", "sealed", "v"];

    private AnchorRecord(string text, SignedNote note, Checkpoint checkpoint, long prevIndex, IReadOnlyList<Hash32> proof)
    {
        NoteText = text;
        Note = note;
        Checkpoint = checkpoint;
        PrevIndex = prevIndex;
        Proof = proof;
    }

    /// <summary>The whole note, as it stands in the leaf; its UTF-8 bytes are the note.</summary>
    public string NoteText { get; }

    /// <summary>The note, parsed.</summary>
    public SignedNote Note { get; }

    /// <summary>The note's text, parsed: another chain's origin, a size of at least 1, the root in that chain's hash.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>Index on the main chain of that origin's previous anchor, or −1 for its first.</summary>
    public long PrevIndex { get; }

    /// <summary>Consistency proof (RFC 6962 section 2.1.2) from the previous anchor's size to this one's, in that chain's hash; empty for the first; at most 63 hashes.</summary>
    public IReadOnlyList<Hash32> Proof { get; }

    internal IEnumerable<(string, CanonicalValue?)> ToMembers() => ToMembers(NoteText, PrevIndex, Proof);

    internal static IEnumerable<(string, CanonicalValue?)> ToMembers(string note, long prevIndex, IReadOnlyList<Hash32> proof) =>
    [
        ("note", CanonicalValue.Of(note)),
        ("prev_index", CanonicalValue.Of(prevIndex)),
        ("proof", LeafForm.Path(proof)),
    ];

    internal static AdmissionResult TryParse(CanonicalValue leaf, out AnchorRecord? record)
    {
        record = null;
        var members = LeafForm.CheckMembers(leaf, Members, []);
        if (!members.Ok)
        {
            return members;
        }

        if (!LeafForm.TryNote(leaf["note"]!, CanonicalLimits.Leaf.MaxBytes, out var text, out var note)
            || Checkpoint.TryParse(note.Text, out var checkpoint) != CheckpointProblem.None || !Grammar.IsOrigin(checkpoint!.Origin) || checkpoint.Size < 1)
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "note");
        }

        if (leaf["prev_index"]!.AsInteger is not (>= -1 and var prevIndex))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "prev_index");
        }

        if (!LeafForm.TryPath(leaf["proof"]!, out var proof) || (prevIndex < 0 && proof.Length > 0))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "proof");
        }

        record = new AnchorRecord(text, note, checkpoint, prevIndex, proof);
        return default;
    }
}
