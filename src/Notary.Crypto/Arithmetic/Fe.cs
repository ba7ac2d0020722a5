using System.Runtime.CompilerServices;

namespace Notary.Crypto.Arithmetic;

/// <summary>
/// A residue in Montgomery form (a·2^256 mod m), always below m. Multiplication is the coarsely integrated operand scanning of
/// Koç, Acar, Kaliski (1996). For public data only: additions branch on the carry.
/// </summary>
internal readonly struct Fe<TModulus>(U256 value)
    where TModulus : struct, IModulus
{
    private readonly U256 _v = value;

    public static Fe<TModulus> One { get; } = From(new U256(1, 0, 0, 0));

    public static Fe<TModulus> Zero => default;

    public bool IsZero => _v.IsZero;

    /// <summary>Any 256-bit number; it is reduced.</summary>
    public static Fe<TModulus> From(in U256 number) => new(Multiply(number, TModulus.R2));

    public static Fe<TModulus> FromHex(string bigEndian) => From(U256.FromBigEndian(Convert.FromHexString(bigEndian)));

    /// <summary>The number itself, below m.</summary>
    public U256 ToNumber() => Multiply(_v, new U256(1, 0, 0, 0));

    /// <summary>A 512-bit number high·2^256 + low mod m.</summary>
    public static U256 Reduce(in U256 low, in U256 high)
    {
        var h = new Fe<TModulus>(Multiply(high, TModulus.R2));
        var l = new Fe<TModulus>(From(low).ToNumber());
        return (h + l)._v;
    }

    public bool SameAs(in Fe<TModulus> other) => _v.SameAs(other._v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Fe<TModulus> operator +(in Fe<TModulus> a, in Fe<TModulus> b)
    {
        var sum = U256.Add(a._v, b._v, out var carry);
        var reduced = U256.Subtract(sum, TModulus.Value, out var borrow);
        return new(carry >= borrow ? reduced : sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Fe<TModulus> operator -(in Fe<TModulus> a, in Fe<TModulus> b)
    {
        var difference = U256.Subtract(a._v, b._v, out var borrow);
        return new(borrow == 0 ? difference : U256.Add(difference, TModulus.Value, out _));
    }

    public static Fe<TModulus> operator -(in Fe<TModulus> a) => Zero - a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Fe<TModulus> operator *(in Fe<TModulus> a, in Fe<TModulus> b) => new(Multiply(a._v, b._v));

    public Fe<TModulus> Square() => new(Multiply(_v, _v));

    public Fe<TModulus> Double() => this + this;

    public Fe<TModulus> Power(in U256 exponent)
    {
        var result = One;
        for (var i = 255; i >= 0; i--)
        {
            result = result.Square();
            if (exponent.Bit(i))
            {
                result *= this;
            }
        }
        return result;
    }

    /// <summary>1/a by Fermat (m is prime); 0 for 0.</summary>
    public Fe<TModulus> Invert() => Power(U256.Subtract(TModulus.Value, new U256(2, 0, 0, 0), out _));

    // a·b/2^256 mod m. One operand may be as large as 2^256-1 as long as the other is below m: the result before the
    // last subtraction is below 2m.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static U256 Multiply(in U256 a, in U256 b)
    {
        var m = TModulus.Value;
        ulong t0 = 0, t1 = 0, t2 = 0, t3 = 0, t4 = 0;
        Row(a.L0, b, m, ref t0, ref t1, ref t2, ref t3, ref t4);
        Row(a.L1, b, m, ref t0, ref t1, ref t2, ref t3, ref t4);
        Row(a.L2, b, m, ref t0, ref t1, ref t2, ref t3, ref t4);
        Row(a.L3, b, m, ref t0, ref t1, ref t2, ref t3, ref t4);
        var sum = new U256(t0, t1, t2, t3);
        var reduced = U256.Subtract(sum, m, out var borrow);
        return t4 >= borrow ? reduced : sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(ulong x, in U256 b, in U256 m, ref ulong t0, ref ulong t1, ref ulong t2, ref ulong t3, ref ulong t4)
    {
        ulong carry = 0;
        t0 = MultiplyAdd(t0, x, b.L0, ref carry);
        t1 = MultiplyAdd(t1, x, b.L1, ref carry);
        t2 = MultiplyAdd(t2, x, b.L2, ref carry);
        t3 = MultiplyAdd(t3, x, b.L3, ref carry);
        var top = t4 + carry;
        var over = top < carry ? 1ul : 0;

        if (typeof(TModulus) == typeof(Sm2Prime))
        {
            ReduceSm2(t0, ref t1, ref t2, ref t3, ref top, ref over);
            (t0, t1, t2, t3, t4) = (t1, t2, t3, top, over);
            return;
        }
        var q = t0 * TModulus.Inverse;
        carry = 0;
        MultiplyAdd(t0, q, m.L0, ref carry);
        t0 = MultiplyAdd(t1, q, m.L1, ref carry);
        t1 = MultiplyAdd(t2, q, m.L2, ref carry);
        t2 = MultiplyAdd(t3, q, m.L3, ref carry);
        t3 = top + carry;
        t4 = over + (t3 < carry ? 1ul : 0);
    }

    // SM2's p is -1 mod 2^64, so q is t0 itself; and q·p = q·(2^256 - 2^224 - 2^96 + 2^64) - q needs shifts in the place of
    // products. What is added here is (q·p + q) / 2^64 = q·(2^192 - 2^160 - 2^32 + 1).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ReduceSm2(ulong q, ref ulong t1, ref ulong t2, ref ulong t3, ref ulong t4, ref ulong t5)
    {
        var low = q << 32;
        var high = q >> 32;
        var r0 = q - low;
        var borrow = q < low ? 1ul : 0;
        var r1 = 0 - high - borrow;
        borrow = (high | borrow) != 0 ? 1ul : 0;
        var r2 = 0 - low - borrow;
        borrow = (low | borrow) != 0 ? 1ul : 0;
        var r3 = q - high - borrow;

        t1 += r0;
        var carry = t1 < r0 ? 1ul : 0;
        t2 = AddCarry(t2, r1, ref carry);
        t3 = AddCarry(t3, r2, ref carry);
        t4 = AddCarry(t4, r3, ref carry);
        t5 += carry;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong AddCarry(ulong a, ulong b, ref ulong carry)
    {
        var sum = a + b;
        var over = sum < a ? 1ul : 0;
        var result = sum + carry;
        carry = over + (result < sum ? 1ul : 0);
        return result;
    }

    // carry:result = a + x·y + carry, which never overflows 128 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong MultiplyAdd(ulong a, ulong x, ulong y, ref ulong carry)
    {
        var high = Math.BigMul(x, y, out var low);
        low += a;
        high += low < a ? 1ul : 0;
        low += carry;
        high += low < carry ? 1ul : 0;
        carry = high;
        return low;
    }
}
