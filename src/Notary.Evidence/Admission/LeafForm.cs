using System.Diagnostics.CodeAnalysis;
using System.Text;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>Checks that several kinds of leaf share.</summary>
internal static class LeafForm
{
    /// <summary>Exactly these members, the optional ones perhaps absent.</summary>
    public static AdmissionResult CheckMembers(CanonicalValue leaf, string[] members, string[] optional)
    {
        foreach (var name in leaf.Names)
        {
            if (Array.BinarySearch(members, name, StringComparer.Ordinal) < 0)
            {
                // The name is the sender's text: it is not repeated.
                return AdmissionResult.Of(AdmissionFailure.UnknownMember);
            }
        }

        foreach (var member in members)
        {
            if (leaf[member] is null && !optional.Contains(member))
            {
                return AdmissionResult.Of(AdmissionFailure.MissingMember, member);
            }
        }

        return default;
    }

    /// <summary>
    /// A whole signed note. It is ASCII, as all of a leaf is, but for the em dash with which C2SP begins a signature line.
    /// </summary>
    public static bool TryNote(CanonicalValue json, int maxBytes, [NotNullWhen(true)] out string? text, [NotNullWhen(true)] out SignedNote? note)
    {
        note = null;
        text = json.AsString;
        return text is not null && text.Length <= maxBytes && Encoding.UTF8.GetBytes(text) is var bytes && bytes.Length <= maxBytes
            && SignedNote.TryParse(bytes, out note).Ok && Ascii.IsValid(note!.Text) && note.Signatures.All(static line => Ascii.IsValid(line.Name));
    }

    /// <summary>The hashes of a proof, as they stand in a leaf.</summary>
    public static CanonicalValue Path(IReadOnlyList<Hash32> path) => CanonicalValue.OfStrings(path.Select(static hash => hash.ToHex()));

    /// <summary>At most as many hashes as any tree asks for.</summary>
    public static bool TryPath(CanonicalValue json, out Hash32[] path)
    {
        path = [];
        if (json.Type != CanonicalType.Array || json.Items.Count > InclusionProof.MaxLength)
        {
            return false;
        }

        path = new Hash32[json.Items.Count];
        for (var i = 0; i < path.Length; i++)
        {
            if (!Hash32.TryParseHex(json.Items[i].AsString, out path[i]))
            {
                return false;
            }
        }

        return true;
    }

    public static bool TryTime(CanonicalValue? json, out long milliseconds)
    {
        milliseconds = 0;
        return json?.AsString is { } text && RecordTime.TryParse(text, out milliseconds);
    }
}
