using Notary.Client;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Cli.Verifying;

/// <summary>
/// A receipt holds the secret but no values. With the files at hand their descriptions are made anew, as <c>notarize</c> and <c>submit</c> make
/// them; that they are the sealed ones, the commitments in the leaf decide.
/// </summary>
internal static class ReceiptOpenings
{
    /// <summary>The openings that lead to the leaf's commitments, or null when these files, under these names, do not.</summary>
    public static Openings? TryFind(Receipt receipt, IReadOnlyList<FileDigest> files)
    {
        if (!CanonicalValue.TryParseCanonical(receipt.LeafBytes, CanonicalLimits.Leaf, out CanonicalValue leaf).Ok
            || leaf["chain"]?.AsString is not { } origin
            || leaf["id"]?.AsString is not { } text
            || !RecordId.TryParse(text, out Guid id))
        {
            return null;
        }

        EvidencePart[] parts = [.. files.Select(f => new EvidencePart(PartKind.File, f.Media, f.Sm3, f.Sha256, f.Size))];
        CanonicalValue? names = leaf["fields"] is null ? null : CanonicalValue.OfObject(("files", CanonicalValue.OfStrings(files.Select(f => Normalization.ToNfc(f.Name)))));
        foreach (Suite suite in new[] { Suite.Sm, Suite.Intl })
        {
            Openings openings = Openings.FromSecret(suite, origin, id, receipt.Secret, parts, names);
            if (leaf["parts"] is { } listed && listed.Items.Select(i => i.AsString).SequenceEqual(openings.Parts.Select(p => p.Commitment(suite, origin, id).ToHex())))
            {
                return openings;
            }
        }

        return null;
    }
}
