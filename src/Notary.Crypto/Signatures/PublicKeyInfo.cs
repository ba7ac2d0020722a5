using System.Formats.Asn1;

namespace Notary.Crypto;

public enum PublicKeyFailure
{
    None,

    /// <summary>Not one DER SubjectPublicKeyInfo (RFC 5280 4.1.2.7).</summary>
    NotDer,

    /// <summary>An algorithm that is none of ours.</summary>
    UnknownAlgorithm,

    /// <summary>An elliptic-curve key that names another curve than SM2's or P-256, or gives explicit parameters.</summary>
    UnknownCurve,

    /// <summary>SM2 named outside and another curve inside, or the other way round.</summary>
    CurveMismatch,

    /// <summary>The key bits have the wrong length or form (compressed, hybrid, unused bits).</summary>
    NotUncompressed,

    /// <summary>Not a point of the curve, or one of small order.</summary>
    NotOnCurve,
}

/// <summary>
/// A public key as DER SubjectPublicKeyInfo. SM2 is met as id-ecPublicKey with the curve 1.2.156.10197.1.301, and with 1.2.156.10197.1.301
/// as the algorithm, its parameters absent, NULL or that curve again (GM/T 0015, GB/T 35276); we write the first form. For ECDSA only P-256.
/// </summary>
public static class PublicKeyInfo
{
    internal const string EcPublicKey = "1.2.840.10045.2.1";
    internal const string Sm2Curve = "1.2.156.10197.1.301";
    internal const string P256Curve = "1.2.840.10045.3.1.7";
    internal const string Ed25519 = "1.3.101.112";

    /// <summary>65 for Sm2 and P256 (04‖X‖Y), 32 for Ed25519.</summary>
    public static int RawLength(KeyAlgorithm algorithm) => algorithm switch
    {
        KeyAlgorithm.Sm2 or KeyAlgorithm.P256 => 65,
        KeyAlgorithm.Ed25519 => 32,
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    public static byte[] Format(KeyAlgorithm algorithm, ReadOnlySpan<byte> publicKey)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(publicKey.Length, RawLength(algorithm));
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(algorithm == KeyAlgorithm.Ed25519 ? Ed25519 : EcPublicKey);
                if (algorithm != KeyAlgorithm.Ed25519)
                {
                    writer.WriteObjectIdentifier(algorithm == KeyAlgorithm.Sm2 ? Sm2Curve : P256Curve);
                }
            }
            writer.WriteBitString(publicKey);
        }
        return writer.Encode();
    }

    /// <summary>Reads DER only, and only a key that lies on its curve.</summary>
    public static PublicKeyFailure TryParse(ReadOnlyMemory<byte> spki, out KeyAlgorithm algorithm, out byte[] publicKey)
    {
        algorithm = default;
        publicKey = [];
        string oid;
        string? curve = null;
        byte[] bits;
        try
        {
            var reader = new AsnReader(spki, AsnEncodingRules.DER);
            var outer = reader.ReadSequence();
            reader.ThrowIfNotEmpty();
            var identifier = outer.ReadSequence();
            oid = identifier.ReadObjectIdentifier();
            if (identifier.HasData && oid != Ed25519)
            {
                if (identifier.PeekTag().HasSameClassAndValue(Asn1Tag.Null) && oid == Sm2Curve)
                {
                    identifier.ReadNull();
                }
                else if (identifier.PeekTag().HasSameClassAndValue(Asn1Tag.ObjectIdentifier))
                {
                    curve = identifier.ReadObjectIdentifier();
                }
                else
                {
                    return oid is EcPublicKey or Sm2Curve ? PublicKeyFailure.UnknownCurve : PublicKeyFailure.UnknownAlgorithm;
                }
            }
            identifier.ThrowIfNotEmpty();
            bits = outer.ReadBitString(out var unused);
            outer.ThrowIfNotEmpty();
            if (unused != 0)
            {
                return PublicKeyFailure.NotUncompressed;
            }
        }
        catch (AsnContentException)
        {
            return PublicKeyFailure.NotDer;
        }
        var failure = Identify(oid, curve, out var found);
        if (failure == PublicKeyFailure.None)
        {
            failure = Check(found, bits);
        }
        if (failure == PublicKeyFailure.None)
        {
            algorithm = found;
            publicKey = bits;
        }
        return failure;
    }

    /// <summary>Length, form and curve membership of a raw key.</summary>
    public static PublicKeyFailure Check(KeyAlgorithm algorithm, ReadOnlySpan<byte> publicKey)
    {
        if (algorithm is not (KeyAlgorithm.Sm2 or KeyAlgorithm.P256 or KeyAlgorithm.Ed25519))
        {
            return PublicKeyFailure.UnknownAlgorithm;
        }
        if (publicKey.Length != RawLength(algorithm) || (algorithm != KeyAlgorithm.Ed25519 && publicKey[0] != 4))
        {
            return PublicKeyFailure.NotUncompressed;
        }
        var onCurve = algorithm switch
        {
            KeyAlgorithm.Sm2 => Sm2Verifier.IsOnCurve(publicKey),
            KeyAlgorithm.P256 => P256Verifier.IsOnCurve(publicKey),
            _ => Ed25519Verifier.IsUsableKey(publicKey),
        };
        return onCurve ? PublicKeyFailure.None : PublicKeyFailure.NotOnCurve;
    }

    private static PublicKeyFailure Identify(string oid, string? curve, out KeyAlgorithm algorithm)
    {
        algorithm = default;
        switch (oid)
        {
            case Ed25519:
                algorithm = KeyAlgorithm.Ed25519;
                return PublicKeyFailure.None;
            case Sm2Curve:
                algorithm = KeyAlgorithm.Sm2;
                return curve is null or Sm2Curve ? PublicKeyFailure.None : PublicKeyFailure.CurveMismatch;
            case EcPublicKey when curve == Sm2Curve:
                algorithm = KeyAlgorithm.Sm2;
                return PublicKeyFailure.None;
            case EcPublicKey when curve == P256Curve:
                algorithm = KeyAlgorithm.P256;
                return PublicKeyFailure.None;
            case EcPublicKey:
                return PublicKeyFailure.UnknownCurve;
            default:
                return PublicKeyFailure.UnknownAlgorithm;
        }
    }
}
