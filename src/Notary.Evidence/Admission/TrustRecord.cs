namespace Notary.Evidence;

/// <summary>
/// The body of a trust leaf: a whole version of the trust file, carried to every chain with its signatures before a leaf there may depend on it. It is
/// in force from the index behind its leaf.
/// </summary>
/// <param name="File">Well formed and signed by k of its own governance keys; whether it may stand on this chain <see cref="Admission.AdmitState"/> says.</param>
public sealed record TrustRecord(TrustFile File)
{
    /// <summary>Longest trust file in a leaf, in bytes, so that the leaf's own limit is not what is met first.</summary>
    public const int MaxBytes = 14 * 1024;

    private static readonly string[] Members = ["chain", "id", "kind", "received", "sealed", "trust", "v"];

    internal IEnumerable<(string, CanonicalValue?)> ToMembers() => [("trust", CanonicalValue.Of(File.Note.Format()))];

    internal static AdmissionResult TryParse(CanonicalValue leaf, out TrustRecord? record)
    {
        record = null;
        var members = LeafForm.CheckMembers(leaf, Members, []);
        if (!members.Ok)
        {
            return members;
        }

        if (!LeafForm.TryNote(leaf["trust"]!, MaxBytes, out _, out var note) || TrustFile.TryParse(note.ToBytes(), out var file) is not null)
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "trust");
        }

        record = new TrustRecord(file!);
        return default;
    }
}
