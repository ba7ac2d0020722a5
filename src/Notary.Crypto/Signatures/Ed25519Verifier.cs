using System.Security.Cryptography;
using Notary.Crypto.Arithmetic;
using Field = Notary.Crypto.Arithmetic.Fe<Notary.Crypto.Arithmetic.Ed25519Prime>;

namespace Notary.Crypto;

/// <summary>
/// Pure Ed25519 verification (RFC 8032 5.1.7), managed, for public data. Decided where implementations differ:
/// S must be below L; the equation is the cofactorless one, [S]B − [k]A must encode to exactly the bytes of R, as in Go's crypto/ed25519
/// and OpenSSL; so a non-canonical R never passes. Stricter than Go: a public key in a non-canonical encoding (y ≥ p, or −0; RFC 8032 5.1.3) or
/// of small order is no key, since an honest one is neither.
/// </summary>
public static class Ed25519Verifier
{
    /// <summary>Canonically encoded, on the curve, and not of small order.</summary>
    public static bool IsUsableKey(ReadOnlySpan<byte> publicKey)
        => Ed25519Point.TryParse(publicKey, out var a) && !a.IsSmallOrder;

    /// <param name="publicKey">32 bytes</param>
    /// <param name="signature">R‖S, 64 bytes</param>
    public static SignatureFailure Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        if (publicKey.Length != 32)
        {
            return SignatureFailure.BadKeyLength;
        }
        if (signature.Length != SignatureDer.RawSize)
        {
            return SignatureFailure.BadSignatureLength;
        }
        var s = U256.FromLittleEndian(signature[32..]);
        if (!s.LessThan(Ed25519Order.Value))
        {
            return SignatureFailure.OutOfRange;
        }
        if (!Ed25519Point.TryParse(publicKey, out var a) || a.IsSmallOrder)
        {
            return SignatureFailure.KeyNotOnCurve;
        }
        Span<byte> hash = stackalloc byte[64];
        using (var sha512 = IncrementalHash.CreateHash(HashAlgorithmName.SHA512))
        {
            sha512.AppendData(signature[..32]);
            sha512.AppendData(publicKey);
            sha512.AppendData(message);
            sha512.GetHashAndReset(hash);
        }
        var k = Fe<Ed25519Order>.Reduce(U256.FromLittleEndian(hash), U256.FromLittleEndian(hash[32..]));
        Span<byte> r = stackalloc byte[32];
        Ed25519Point.Combine(s, k, a.Negate()).Write(r);
        return r.SequenceEqual(signature[..32]) ? SignatureFailure.None : SignatureFailure.Mismatch;
    }
}

/// <summary>A point of edwards25519 in extended coordinates (RFC 8032 5.1.4): x = X/Z, y = Y/Z, xy = T/Z.</summary>
internal readonly struct Ed25519Point(Field x, Field y, Field z, Field t)
{
    private readonly Field _x = x;
    private readonly Field _y = y;
    private readonly Field _z = z;
    private readonly Field _t = t;

    private const int KeyWidth = 5;
    private const int BaseWidth = 8;

    // RFC 8032 5.1: d = -121665/121666; and a square root of -1, 2^((p-1)/4).
    private static readonly Field D = Field.FromHex("52036CEE2B6FFE738CC740797779E89800700A4D4141D8AB75EB4DCA135978A3");
    private static readonly Field D2 = D.Double();
    private static readonly Field RootOfMinusOne = Field.FromHex("2B8324804FC1DF0B2B4D00993DFBD7A72F431806AD2FE478C4EE1B274A0EA0B0");
    private static readonly Cached[] BaseTable = MakeBaseTable();

    public static Ed25519Point Identity => new(Field.Zero, Field.One, Field.One, Field.Zero);

    /// <summary>RFC 8032 5.1.3, with both of its refusals: y at or above p, and x = 0 with the sign bit set.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out Ed25519Point point)
    {
        point = default;
        if (bytes.Length != 32)
        {
            return false;
        }
        Span<byte> copy = stackalloc byte[32];
        bytes.CopyTo(copy);
        var sign = copy[31] >= 0x80;
        copy[31] &= 0x7f;
        var yn = U256.FromLittleEndian(copy);
        if (!yn.LessThan(Ed25519Prime.Value))
        {
            return false;
        }
        var y = Field.From(yn);
        var y2 = y.Square();
        var u = y2 - Field.One;
        var v = (D * y2) + Field.One;
        // x = u·v³·(u·v⁷)^((p-5)/8)
        var v3 = v.Square() * v;
        var x = u * v3 * (u * v3.Square() * v).Power(new U256(0xfffffffffffffffd, ulong.MaxValue, ulong.MaxValue, 0x0fffffffffffffff));
        var check = v * x.Square();
        if (!check.SameAs(u))
        {
            if (!check.SameAs(-u))
            {
                return false;
            }
            x *= RootOfMinusOne;
        }
        if (x.IsZero && sign)
        {
            return false;
        }
        if (x.ToNumber().IsOdd != sign)
        {
            x = -x;
        }
        point = new Ed25519Point(x, y, Field.One, x * y);
        return true;
    }

    public bool IsSmallOrder
    {
        get
        {
            var p = Double().Double().Double();
            return p._x.IsZero && p._y.SameAs(p._z);
        }
    }

    public void Write(Span<byte> bytes32)
    {
        var inverse = _z.Invert();
        (_y * inverse).ToNumber().WriteLittleEndian(bytes32);
        if ((_x * inverse).ToNumber().IsOdd)
        {
            bytes32[31] |= 0x80;
        }
    }

    public Ed25519Point Negate() => new(-_x, _y, _z, -_t);

    /// <summary>s·B + k·A.</summary>
    public static Ed25519Point Combine(in U256 s, in U256 k, in Ed25519Point a)
    {
        Span<sbyte> baseDigits = stackalloc sbyte[257];
        Span<sbyte> keyDigits = stackalloc sbyte[257];
        var top = Math.Max(s.ToWnaf(BaseWidth, baseDigits), k.ToWnaf(KeyWidth, keyDigits));
        Span<Cached> table = stackalloc Cached[1 << (KeyWidth - 2)];
        FillOdd(a, table);
        var sum = Identity;
        for (var i = top - 1; i >= 0; i--)
        {
            sum = sum.Double();
            int digit = keyDigits[i];
            if (digit != 0)
            {
                sum = sum.Add(table[Math.Abs(digit) >> 1], digit < 0);
            }
            digit = baseDigits[i];
            if (digit != 0)
            {
                sum = sum.Add(BaseTable[Math.Abs(digit) >> 1], digit < 0);
            }
        }
        return sum;
    }

    // dbl-2008-hwcd with a = -1.
    private Ed25519Point Double()
    {
        var a = _x.Square();
        var b = _y.Square();
        var c = _z.Square().Double();
        var e = (_x + _y).Square() - a - b;
        var g = b - a;
        var f = g - c;
        var h = -(a + b);
        return new Ed25519Point(e * f, g * h, f * g, e * h);
    }

    // add-2008-hwcd-3: complete on this curve, so it needs no special cases.
    private Ed25519Point Add(in Cached p, bool subtract)
    {
        var a = (_y - _x) * (subtract ? p.Sum : p.Difference);
        var b = (_y + _x) * (subtract ? p.Difference : p.Sum);
        var c = _t * p.T2d;
        var d = _z * p.Z2;
        var e = b - a;
        var h = b + a;
        var f = subtract ? d + c : d - c;
        var g = subtract ? d - c : d + c;
        return new Ed25519Point(e * f, g * h, f * g, e * h);
    }

    private static void FillOdd(in Ed25519Point a, Span<Cached> table)
    {
        var twice = new Cached(a.Double());
        var p = a;
        for (var i = 0; i < table.Length; i++)
        {
            table[i] = new Cached(p);
            p = p.Add(twice, subtract: false);
        }
    }

    private static Cached[] MakeBaseTable()
    {
        // y = 4/5, x even (RFC 8032 5.1).
        var encoded = new byte[32];
        encoded.AsSpan().Fill(0x66);
        encoded[0] = 0x58;
        if (!TryParse(encoded, out var b))
        {
            throw new InvalidOperationException("The base point of edwards25519 does not decode.");
        }
        var table = new Cached[1 << (BaseWidth - 2)];
        FillOdd(b, table);
        return table;
    }

    private readonly struct Cached(in Ed25519Point p)
    {
        public readonly Field Sum = p._y + p._x;
        public readonly Field Difference = p._y - p._x;
        public readonly Field Z2 = p._z.Double();
        public readonly Field T2d = p._t * D2;
    }
}
