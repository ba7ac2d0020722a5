using System.Buffers.Binary;
using Notary.Crypto.Arithmetic;
using Notary.Crypto.Sm3;
using Field = Notary.Crypto.Arithmetic.Fe<Notary.Crypto.Arithmetic.Sm2Prime>;
using Scalar = Notary.Crypto.Arithmetic.Fe<Notary.Crypto.Arithmetic.Sm2Order>;

namespace Notary.Crypto;

/// <summary>SM2 signature verification (GB/T 32918.2-2016 clause 7; GM/T 0003.2-2012), managed: it touches public data only and needs no native library.</summary>
public static class Sm2Verifier
{
    /// <summary>The signer's ID of GM/T 0009-2012 clause 10, used for every signature of this platform.</summary>
    public static ReadOnlySpan<byte> DefaultId => "1234567812345678"u8;

    // a, b, xG, yG as they enter Z (GB/T 32918.2 5.5).
    private static readonly byte[] CurveBytes = Convert.FromHexString(
        "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC" +
        "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93" +
        "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7" +
        "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0");

    /// <param name="publicKey">04‖X‖Y</param>
    public static bool IsOnCurve(ReadOnlySpan<byte> publicKey) => Sm2Point.TryParse(publicKey, out _);

    /// <param name="publicKey">04‖X‖Y, 65 bytes</param>
    /// <param name="signature">r‖s, 64 bytes</param>
    /// <param name="id">at most 8,191 bytes</param>
    public static SignatureFailure Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> id)
    {
        if (id.Length > 8191)
        {
            return SignatureFailure.BadId;
        }
        return Verify(publicKey, Digest(publicKey, message, id), signature);
    }

    /// <summary>e = SM3(Z ‖ M), Z = SM3(ENTL ‖ ID ‖ a ‖ b ‖ xG ‖ yG ‖ xA ‖ yA) (GB/T 32918.2 5.5 and 7.1).</summary>
    internal static Hash32 Digest(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> id)
    {
        if (publicKey.Length != 65)
        {
            return default;
        }
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)(8 * id.Length));
        var z = Sm3Stream.Start();
        z.Append(length);
        z.Append(id);
        z.Append(CurveBytes);
        z.Append(publicKey[1..]);
        var e = Sm3Stream.Start();
        e.Append(z.Finish().AsSpan());
        e.Append(message);
        return e.Finish();
    }

    internal static SignatureFailure Verify(ReadOnlySpan<byte> publicKey, Hash32 digest, ReadOnlySpan<byte> signature)
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
        if (r.IsZero || s.IsZero || !r.LessThan(Sm2Order.Value) || !s.LessThan(Sm2Order.Value))
        {
            return SignatureFailure.OutOfRange;
        }
        if (!Sm2Point.TryParse(publicKey, out var q))
        {
            return SignatureFailure.KeyNotOnCurve;
        }
        var rn = Scalar.From(r);
        var t = rn + Scalar.From(s);
        if (t.IsZero)
        {
            return SignatureFailure.OutOfRange;
        }
        var point = Sm2Point.Combine(s, t.ToNumber(), q);
        if (point.IsInfinity)
        {
            return SignatureFailure.Mismatch;
        }
        // Valid when (e + x1) mod n = r, with x1 = X/Z² reduced mod p first. Instead of dividing, the possible x1 are compared:
        // r - e mod n, and that plus n where it is still below p.
        var x1 = (rn - Scalar.From(U256.FromBigEndian(digest.AsSpan()))).ToNumber();
        var zz = point.Z.Square();
        if ((Field.From(x1) * zz).SameAs(point.X))
        {
            return SignatureFailure.None;
        }
        var second = U256.Add(x1, Sm2Order.Value, out var carry);
        return carry == 0 && second.LessThan(Sm2Prime.Value) && (Field.From(second) * zz).SameAs(point.X)
            ? SignatureFailure.None
            : SignatureFailure.Mismatch;
    }
}
