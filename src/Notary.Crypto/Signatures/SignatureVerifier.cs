namespace Notary.Crypto;

/// <summary>Why a signature does not count. Everything but <see cref="None"/> means refused.</summary>
public enum SignatureFailure
{
    None,
    UnknownAlgorithm,

    /// <summary>Not 04‖X‖Y of 65 bytes (Sm2, P256) or 32 bytes (Ed25519).</summary>
    BadKeyLength,

    /// <summary>Not a point of the curve; for Ed25519 also a non-canonical encoding or a point of small order.</summary>
    KeyNotOnCurve,

    /// <summary>A raw signature that is not 64 bytes.</summary>
    BadSignatureLength,

    /// <summary>A DER signature in any but its one canonical encoding (BER, long form, padding, negative, trailing bytes).</summary>
    NotCanonicalDer,

    /// <summary>r or s is 0 or at least n; SM2: r + s = n; Ed25519: S is at least L.</summary>
    OutOfRange,

    /// <summary>SM2 ID longer than its 16-bit length can say.</summary>
    BadId,

    /// <summary>All well formed, and not a signature of this message by this key.</summary>
    Mismatch,
}

/// <summary>
/// Verifies public-key signatures. SM2 and Ed25519 are managed code and P-256 the base library's: no native library of ours is loaded.
/// Any bytes may come in; the answer is a reason, never an exception.
/// </summary>
public static class SignatureVerifier
{
    /// <param name="publicKey">Sm2, P256: 04‖X‖Y; Ed25519: 32 bytes</param>
    /// <param name="signature">64 bytes: r‖s, or R‖S for Ed25519</param>
    public static bool Verify(KeyAlgorithm algorithm, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
        => Check(algorithm, publicKey, message, signature) == SignatureFailure.None;

    /// <summary>As <see cref="Verify"/>, with the reason.</summary>
    public static SignatureFailure Check(KeyAlgorithm algorithm, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
        => algorithm switch
        {
            KeyAlgorithm.Sm2 => Sm2Verifier.Verify(publicKey, message, signature, Sm2Verifier.DefaultId),
            KeyAlgorithm.Ed25519 => Ed25519Verifier.Verify(publicKey, message, signature),
            KeyAlgorithm.P256 => P256Verifier.Verify(publicKey, message, signature),
            _ => SignatureFailure.UnknownAlgorithm,
        };

    /// <summary>For Sm2 and P256: the signature as canonical DER (see <see cref="SignatureDer"/>).</summary>
    public static bool VerifyDer(KeyAlgorithm algorithm, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> derSignature)
        => CheckDer(algorithm, publicKey, message, derSignature) == SignatureFailure.None;

    /// <summary>As <see cref="VerifyDer"/>, with the reason.</summary>
    public static SignatureFailure CheckDer(KeyAlgorithm algorithm, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> derSignature)
    {
        if (algorithm is not (KeyAlgorithm.Sm2 or KeyAlgorithm.P256))
        {
            return SignatureFailure.UnknownAlgorithm;
        }
        Span<byte> raw = stackalloc byte[SignatureDer.RawSize];
        return SignatureDer.TryToRaw(derSignature, raw) ? Check(algorithm, publicKey, message, raw) : SignatureFailure.NotCanonicalDer;
    }
}
