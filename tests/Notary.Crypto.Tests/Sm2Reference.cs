using System.Globalization;
using System.Numerics;

namespace Notary.Crypto.Tests;

/// <summary>SM2 straight from the textbook over BigInteger, to compare with and to make signatures that no honest signer makes.</summary>
internal static class Sm2Reference
{
    public static readonly BigInteger P = Hex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF");
    public static readonly BigInteger N = Hex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123");
    public static readonly BigInteger B = Hex("28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93");

    public static readonly Point G = new(
        Hex("32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"),
        Hex("BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"));

    public sealed record Point(BigInteger X, BigInteger Y)
    {
        public byte[] Encode() => [4, .. Bytes(X), .. Bytes(Y)];

        public Point Negate() => new(X, Mod(-Y, P));
    }

    public static BigInteger Hex(string hex) => BigInteger.Parse("0" + hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    public static BigInteger Mod(BigInteger a, BigInteger m) => ((a % m) + m) % m;

    public static BigInteger Invert(BigInteger a, BigInteger m) => BigInteger.ModPow(Mod(a, m), m - 2, m);

    public static byte[] Bytes(BigInteger value)
    {
        var bytes = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[32 - bytes.Length], .. bytes];
    }

    public static BigInteger Random(Random random)
    {
        var bytes = new byte[40];
        random.NextBytes(bytes);
        return Mod(new BigInteger(bytes, isUnsigned: true), N - 1) + 1;
    }

    public static Point? Add(Point? a, Point? b)
    {
        if (a is null || b is null)
        {
            return a ?? b;
        }
        if (a.X == b.X && a.Y != b.Y)
        {
            return null;
        }
        var slope = a == b
            ? Mod(((3 * a.X * a.X) - 3) * Invert(2 * a.Y, P), P)
            : Mod((b.Y - a.Y) * Invert(b.X - a.X, P), P);
        var x = Mod((slope * slope) - a.X - b.X, P);
        return new Point(x, Mod((slope * (a.X - x)) - a.Y, P));
    }

    /// <summary>Double and add in homogeneous coordinates (Cohen, Miyaji, Ono 1998), one inversion at the end.</summary>
    public static Point? Multiply(BigInteger k, Point? point)
    {
        k = Mod(k, N);
        if (point is null || k.IsZero)
        {
            return null;
        }
        var (x, y, z) = (BigInteger.Zero, BigInteger.One, BigInteger.Zero);
        for (var bit = (int)k.GetBitLength() - 1; bit >= 0; bit--)
        {
            (x, y, z) = Double(x, y, z);
            if (!((k >> bit) & 1).IsZero)
            {
                (x, y, z) = AddAffine(x, y, z, point);
            }
        }
        if (z.IsZero)
        {
            return null;
        }
        var inverse = Invert(z, P);
        return new Point(Mod(x * inverse, P), Mod(y * inverse, P));
    }

    private static (BigInteger X, BigInteger Y, BigInteger Z) Double(BigInteger x, BigInteger y, BigInteger z)
    {
        var w = Mod((3 * x * x) - (3 * z * z), P);
        var s = y * z % P;
        var b = x * y % P * s % P;
        var h = Mod((w * w) - (8 * b), P);
        return (2 * h * s % P, Mod((w * ((4 * b) - h)) - (8 * y * y % P * s % P * s), P), 8 * s * s % P * s % P);
    }

    private static (BigInteger X, BigInteger Y, BigInteger Z) AddAffine(BigInteger x, BigInteger y, BigInteger z, Point q)
    {
        if (z.IsZero)
        {
            return (q.X, q.Y, BigInteger.One);
        }
        var u = Mod((q.Y * z) - y, P);
        var v = Mod((q.X * z) - x, P);
        if (v.IsZero)
        {
            return u.IsZero ? Double(x, y, z) : (BigInteger.Zero, BigInteger.One, BigInteger.Zero);
        }
        var vv = v * v % P;
        var vvv = v * vv % P;
        var r = vv * x % P;
        var a = Mod((u * u % P * z) - vvv - (2 * r), P);
        return (v * a % P, Mod((u * (r - a)) - (vvv * y), P), vvv * z % P);
    }

    /// <summary>The lowest point whose x is at least the given one.</summary>
    public static Point WithX(BigInteger x)
    {
        for (; ; x++)
        {
            var square = Mod((x * x * x) - (3 * x) + B, P);
            // p = 3 mod 4
            var y = BigInteger.ModPow(square, (P + 1) / 4, P);
            if (Mod(y * y, P) == square)
            {
                return new Point(x, y);
            }
        }
    }

    /// <summary>GB/T 32918.2 clause 7, steps B5 to B7, word by word.</summary>
    public static bool Verify(Point q, BigInteger e, BigInteger r, BigInteger s)
    {
        if (r < 1 || r >= N || s < 1 || s >= N)
        {
            return false;
        }
        var t = Mod(r + s, N);
        if (t.IsZero)
        {
            return false;
        }
        var point = Add(Multiply(s, G), Multiply(t, q));
        return point is not null && Mod(e + point.X, N) == r;
    }
}
