using System.Text;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>One signature of a governance key: the key's name in the genesis and the raw signature.</summary>
/// <param name="Key">Name of the verifier key.</param>
/// <param name="Signature">64 bytes.</param>
public sealed record GovernanceSignature(string Key, ReadOnlyMemory<byte> Signature)
{
    /// <summary>The JSON of a signature in a leaf: <c>{"key":name,"signature":hex}</c>.</summary>
    public CanonicalValue ToValue() => CanonicalValue.OfObject(
        ("key", CanonicalValue.Of(Key)), ("signature", CanonicalValue.Of(Convert.ToHexStringLower(Signature.Span))));
}

/// <summary>
/// Governance: k of the genesis' keys (of an incident: of those of the trust version in force) sign <c>H("notary/v1/governance" ‖ 0x00 ‖ origin, document name, canonical document)</c>; the signed message is
/// that 32-byte hash. Signing and checking are twins.
/// </summary>
public static class Governance
{
    /// <summary>Most signatures in a leaf.</summary>
    public const int MaxSignatures = 32;

    /// <summary>The document name under which key records are signed.</summary>
    public const string KeyDocument = "key";

    /// <summary>The document name under which incidents are signed, on the main chain.</summary>
    public const string IncidentDocument = "incident";

    /// <summary>The 32 bytes that a governance key signs.</summary>
    public static Hash32 Message(Genesis genesis, string name, ReadOnlySpan<byte> document)
    {
        ArgumentNullException.ThrowIfNull(genesis);
        return Message(genesis.Suite, genesis.Origin, name, document);
    }

    /// <summary>The same, by the suite and the origin of the chain on which the leaf will stand.</summary>
    public static Hash32 Message(Suite suite, string origin, string name, ReadOnlySpan<byte> document) =>
        DomainHash.Compute(suite, DomainPurpose.Governance, Encoding.ASCII.GetBytes(origin), Encoding.ASCII.GetBytes(name), document);

    /// <summary>Signs a document.</summary>
    /// <param name="genesis">The chain.</param>
    /// <param name="key">The governance key's verifier key.</param>
    /// <param name="signer">Holds the private half.</param>
    /// <param name="name">The policy's name, or <see cref="KeyDocument"/>.</param>
    /// <param name="document">Canonical bytes.</param>
    public static GovernanceSignature Sign(Genesis genesis, NoteKey key, ISigner signer, string name, ReadOnlySpan<byte> document) =>
        new(key.Name, signer.Sign(Message(genesis, name, document).AsSpan()));

    /// <summary>Whether k distinct keys of the genesis signed, and nobody else.</summary>
    public static bool Check(Genesis genesis, string name, ReadOnlySpan<byte> document, IReadOnlyList<GovernanceSignature> signatures)
    {
        ArgumentNullException.ThrowIfNull(genesis);
        return Check(Message(genesis, name, document), genesis.GovernanceKeys, genesis.K, signatures);
    }

    /// <summary>Whether <paramref name="k"/> distinct ones of these keys signed the message, and nobody else.</summary>
    public static bool Check(Hash32 message, IReadOnlyList<NoteKey> keys, int k, IReadOnlyList<GovernanceSignature> signatures)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(signatures);
        var signed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var signature in signatures)
        {
            var key = keys.FirstOrDefault(one => one.Name == signature.Key);
            if (key is null || !signed.Add(key.Name) || !SignatureVerifier.Verify(key.Algorithm, key.PublicKey, message.AsSpan(), signature.Signature.Span))
            {
                return false;
            }
        }

        return signed.Count >= k;
    }

    internal static bool TryParse(CanonicalValue? json, out IReadOnlyList<GovernanceSignature> signatures)
    {
        var list = new List<GovernanceSignature>();
        signatures = list;
        if (json is not { Type: CanonicalType.Array } || json.Items.Count > MaxSignatures)
        {
            return false;
        }

        foreach (var item in json.Items)
        {
            if (item.Names.Count != 2 || item["key"]?.AsString is not { Length: > 0 and <= 255 } key || !System.Text.Ascii.IsValid(key)
                || item["signature"]?.AsString is not { } signature || !Grammar.IsHex(signature, 64, 64))
            {
                return false;
            }

            list.Add(new GovernanceSignature(key, Convert.FromHexString(signature)));
        }

        return true;
    }
}
