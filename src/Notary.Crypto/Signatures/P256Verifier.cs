using System.Security.Cryptography;
using Notary.Crypto.Arithmetic;
using Field = Notary.Crypto.Arithmetic.Fe<Notary.Crypto.Arithmetic.P256Prime>;

namespace Notary.Crypto;

/// <summary>
/// ECDSA with P-256 and SHA-256 (FIPS 186-5 6.4.2) by the base library, behind own checks of key and signature. The curve is given by
/// its name and never read from a key: on Linux the base library would otherwise take the SM2 curve and silently do SM2.
/// </summary>
public static class P256Verifier
{
    // SP 800-186 3.2.1.3.
    private static readonly Field B = Field.FromHex("5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B");

    private static readonly U256 Order = new(0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000);

    /// <param name="publicKey">04‖X‖Y</param>
    public static bool IsOnCurve(ReadOnlySpan<byte> publicKey)
    {
        if (publicKey.Length != 65 || publicKey[0] != 4)
        {
            return false;
        }
        var xn = U256.FromBigEndian(publicKey[1..33]);
        var yn = U256.FromBigEndian(publicKey[33..]);
        if (!xn.LessThan(P256Prime.Value) || !yn.LessThan(P256Prime.Value))
        {
            return false;
        }
        var x = Field.From(xn);
        var right = ((x.Square() - (Field.One.Double() + Field.One)) * x) + B;
        return Field.From(yn).Square().SameAs(right);
    }

    /// <param name="publicKey">04‖X‖Y, 65 bytes</param>
    /// <param name="signature">r‖s, 64 bytes</param>
    public static SignatureFailure Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (publicKey.Length != 65 || publicKey[0] != 4)
        {
            return SignatureFailure.BadKeyLength;
        }
        if (signature.Length != SignatureDer.RawSize)
        {
            return SignatureFailure.BadSignatureLength;
        }
        var r = U256.FromBigEndian(signature[..32]);
        var s = U256.FromBigEndian(signature[32..]);
        if (r.IsZero || s.IsZero || !r.LessThan(Order) || !s.LessThan(Order))
        {
            return SignatureFailure.OutOfRange;
        }
        if (!IsOnCurve(publicKey))
        {
            return SignatureFailure.KeyNotOnCurve;
        }
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = publicKey[1..33].ToArray(), Y = publicKey[33..].ToArray() },
        });
        return key.VerifyData(message, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)
            ? SignatureFailure.None
            : SignatureFailure.Mismatch;
    }
}
