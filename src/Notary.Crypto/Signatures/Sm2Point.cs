using Notary.Crypto.Arithmetic;
using Field = Notary.Crypto.Arithmetic.Fe<Notary.Crypto.Arithmetic.Sm2Prime>;

namespace Notary.Crypto;

/// <summary>A point of the SM2 curve in Jacobian coordinates (x = X/Z², y = Y/Z³); Z = 0 is the point at infinity. Public data only.</summary>
internal readonly struct Sm2Point(Field x, Field y, Field z)
{
    public readonly Field X = x;
    public readonly Field Y = y;
    public readonly Field Z = z;

    private const int KeyWidth = 5;
    private const int BaseWidth = 8;

    // GB/T 32918.5: b, and the base point.
    private static readonly Field B = Field.FromHex("28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93");
    private static readonly Affine[] BaseTable = MakeBaseTable();

    public static Sm2Point Infinity => default;

    public static Sm2Point Base => new(
        Field.FromHex("32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"),
        Field.FromHex("BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"),
        Field.One);

    public bool IsInfinity => Z.IsZero;

    /// <summary>From 04‖X‖Y; false unless both coordinates are below p and on the curve y² = x³ − 3x + b.</summary>
    public static bool TryParse(ReadOnlySpan<byte> uncompressed, out Sm2Point point)
    {
        point = default;
        if (uncompressed.Length != 65 || uncompressed[0] != 4)
        {
            return false;
        }
        var xn = U256.FromBigEndian(uncompressed[1..33]);
        var yn = U256.FromBigEndian(uncompressed[33..]);
        if (!xn.LessThan(Sm2Prime.Value) || !yn.LessThan(Sm2Prime.Value))
        {
            return false;
        }
        var x = Field.From(xn);
        var y = Field.From(yn);
        var right = ((x.Square() - (Field.One.Double() + Field.One)) * x) + B;
        point = new Sm2Point(x, y, Field.One);
        return y.Square().SameAs(right);
    }

    /// <summary>u·G + v·Q by interleaved non-adjacent forms (Shamir's trick).</summary>
    public static Sm2Point Combine(in U256 u, in U256 v, in Sm2Point q)
    {
        Span<sbyte> baseDigits = stackalloc sbyte[257];
        Span<sbyte> keyDigits = stackalloc sbyte[257];
        var top = Math.Max(u.ToWnaf(BaseWidth, baseDigits), v.ToWnaf(KeyWidth, keyDigits));
        Span<Cached> table = stackalloc Cached[1 << (KeyWidth - 2)];
        FillOdd(q, table);
        var sum = Infinity;
        for (var i = top - 1; i >= 0; i--)
        {
            sum = sum.Double();
            int digit = keyDigits[i];
            if (digit != 0)
            {
                ref readonly var entry = ref table[Math.Abs(digit) >> 1];
                sum = sum.Add(digit > 0 ? entry : entry.Negate());
            }
            digit = baseDigits[i];
            if (digit != 0)
            {
                ref readonly var entry = ref BaseTable[Math.Abs(digit) >> 1];
                sum = sum.Add(entry.X, digit > 0 ? entry.Y : -entry.Y);
            }
        }
        return sum;
    }

    // dbl-2001-b for a = -3 (Explicit-Formulas Database).
    public Sm2Point Double()
    {
        var delta = Z.Square();
        var gamma = Y.Square();
        var beta = X * gamma;
        var t = (X - delta) * (X + delta);
        var alpha = t.Double() + t;
        var beta4 = beta.Double().Double();
        var x = alpha.Square() - beta4.Double();
        var z = (Y + Z).Square() - gamma - delta;
        var gamma8 = gamma.Square().Double().Double().Double();
        return new Sm2Point(x, (alpha * (beta4 - x)) - gamma8, z);
    }

    // Mixed addition with an affine point; equal and opposite points take their own path.
    private Sm2Point Add(in Field x2, in Field y2)
    {
        if (IsInfinity)
        {
            return new Sm2Point(x2, y2, Field.One);
        }
        var zz = Z.Square();
        return Finish(X, Y, x2 * zz, y2 * zz * Z, Z);
    }

    private Sm2Point Add(in Cached p)
    {
        if (p.Z.IsZero)
        {
            return this;
        }
        if (IsInfinity)
        {
            return new Sm2Point(p.X, p.Y, p.Z);
        }
        var zz = Z.Square();
        return Finish(X * p.ZZ, Y * p.ZZZ, p.X * zz, p.Y * zz * Z, Z * p.Z);
    }

    private Sm2Point Finish(in Field u1, in Field s1, in Field u2, in Field s2, in Field z)
    {
        var h = u2 - u1;
        var r = s2 - s1;
        if (h.IsZero)
        {
            return r.IsZero ? Double() : Infinity;
        }
        var hh = h.Square();
        var hhh = h * hh;
        var v = u1 * hh;
        var x = r.Square() - hhh - v.Double();
        return new Sm2Point(x, (r * (v - x)) - (s1 * hhh), z * h);
    }

    private static void FillOdd(in Sm2Point q, Span<Cached> table)
    {
        var twice = new Cached(q.Double());
        var p = q;
        table[0] = new Cached(p);
        for (var i = 1; i < table.Length; i++)
        {
            p = p.Add(twice);
            table[i] = new Cached(p);
        }
    }

    private static Affine[] MakeBaseTable()
    {
        var table = new Affine[1 << (BaseWidth - 2)];
        var twice = new Cached(Base.Double());
        var p = Base;
        for (var i = 0; i < table.Length; i++)
        {
            var inverse = p.Z.Invert();
            var square = inverse.Square();
            table[i] = new Affine(p.X * square, p.Y * square * inverse);
            p = p.Add(twice);
        }
        return table;
    }

    private readonly record struct Affine(Field X, Field Y);

    private readonly struct Cached
    {
        public readonly Field X;
        public readonly Field Y;
        public readonly Field Z;
        public readonly Field ZZ;
        public readonly Field ZZZ;

        public Cached(in Sm2Point p)
            : this(p.X, p.Y, p.Z, p.Z.Square(), p.Z.Square() * p.Z)
        {
        }

        private Cached(in Field x, in Field y, in Field z, in Field zz, in Field zzz)
        {
            X = x;
            Y = y;
            Z = z;
            ZZ = zz;
            ZZZ = zzz;
        }

        public Cached Negate() => new(X, -Y, Z, ZZ, ZZZ);
    }
}
