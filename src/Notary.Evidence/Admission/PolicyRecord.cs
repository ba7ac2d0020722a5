using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>The five policy documents, in the order of leaves 0 to 4.</summary>
public static class PolicyNames
{
    /// <summary>What may be sealed.</summary>
    public const string Admission = "admission";

    /// <summary>Who may transfer custody, and to whom.</summary>
    public const string Custody = "custody";

    /// <summary>admission, access, custody, consent, retention.</summary>
    public static IReadOnlyList<string> InOrder { get; } = [Admission, "access", Custody, "consent", "retention"];
}

/// <summary>The body of a policy leaf: which document comes into force, with its whole canonical text and the governance signatures.</summary>
/// <param name="Name">One of <see cref="PolicyNames"/>.</param>
/// <param name="Document">Canonical bytes, at most 12 KiB.</param>
/// <param name="Genesis">Fingerprint of the genesis; in leaf 0 only.</param>
/// <param name="Signatures">Governance signatures over name and document.</param>
public sealed record PolicyRecord(string Name, ReadOnlyMemory<byte> Document, Hash32? Genesis, IReadOnlyList<GovernanceSignature> Signatures)
{
    private static readonly string[] Members = ["chain", "document", "genesis", "governance", "id", "kind", "name", "received", "sealed", "v"];

    internal IEnumerable<(string, CanonicalValue?)> ToMembers()
    {
        if (!CanonicalValue.TryParseCanonical(Document.Span, CanonicalLimits.Document, out var document).Ok)
        {
            throw new InvalidOperationException("A policy record holds a canonical document.");
        }

        return
        [
            ("document", document),
            ("genesis", Genesis is { } fingerprint ? CanonicalValue.Of(fingerprint.ToHex()) : null),
            ("governance", CanonicalValue.OfArray(Signatures.Select(static s => s.ToValue()))),
            ("name", CanonicalValue.Of(Name)),
        ];
    }

    internal static AdmissionResult TryParse(CanonicalValue leaf, out PolicyRecord? record)
    {
        record = null;
        var members = LeafForm.CheckMembers(leaf, Members, ["genesis"]);
        if (!members.Ok)
        {
            return members;
        }

        Hash32? genesis = null;
        if (leaf["genesis"] is { } fingerprint)
        {
            if (!Hash32.TryParseHex(fingerprint.AsString, out var hash))
            {
                return AdmissionResult.Of(AdmissionFailure.BadValue, "genesis");
            }

            genesis = hash;
        }

        if (leaf["name"]!.AsString is not { } name || !PolicyNames.InOrder.Contains(name))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "name");
        }

        if (!Governance.TryParse(leaf["governance"], out var signatures))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "governance");
        }

        var document = leaf["document"]!.ToBytes();
        if (document.Length > CanonicalLimits.Document.MaxBytes || leaf["document"]!.Type != CanonicalType.Object)
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "document");
        }

        record = new PolicyRecord(name, document, genesis, signatures);
        return default;
    }
}
