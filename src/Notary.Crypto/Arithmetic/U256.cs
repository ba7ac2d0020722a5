using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Notary.Crypto.Arithmetic;

/// <summary>A 256-bit unsigned number in four limbs, least significant first. For public data: nothing here runs in constant time.</summary>
internal readonly struct U256(ulong l0, ulong l1, ulong l2, ulong l3)
{
    public readonly ulong L0 = l0;
    public readonly ulong L1 = l1;
    public readonly ulong L2 = l2;
    public readonly ulong L3 = l3;

    public bool IsZero => (L0 | L1 | L2 | L3) == 0;

    public bool IsOdd => (L0 & 1) != 0;

    public static U256 FromBigEndian(ReadOnlySpan<byte> bytes32) => new(
        BinaryPrimitives.ReadUInt64BigEndian(bytes32[24..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes32[16..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes32[8..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes32));

    public static U256 FromLittleEndian(ReadOnlySpan<byte> bytes32) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(bytes32),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes32[8..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes32[16..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes32[24..]));

    public void WriteLittleEndian(Span<byte> bytes32)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes32, L0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes32[8..], L1);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes32[16..], L2);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes32[24..], L3);
    }

    public bool LessThan(in U256 other)
    {
        if (L3 != other.L3)
        {
            return L3 < other.L3;
        }
        if (L2 != other.L2)
        {
            return L2 < other.L2;
        }
        return L1 != other.L1 ? L1 < other.L1 : L0 < other.L0;
    }

    public bool SameAs(in U256 other) => ((L0 ^ other.L0) | (L1 ^ other.L1) | (L2 ^ other.L2) | (L3 ^ other.L3)) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static U256 Add(in U256 a, in U256 b, out ulong carry)
    {
        carry = 0;
        var r0 = AddLimb(a.L0, b.L0, ref carry);
        var r1 = AddLimb(a.L1, b.L1, ref carry);
        var r2 = AddLimb(a.L2, b.L2, ref carry);
        var r3 = AddLimb(a.L3, b.L3, ref carry);
        return new U256(r0, r1, r2, r3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static U256 Subtract(in U256 a, in U256 b, out ulong borrow)
    {
        borrow = 0;
        var r0 = SubtractLimb(a.L0, b.L0, ref borrow);
        var r1 = SubtractLimb(a.L1, b.L1, ref borrow);
        var r2 = SubtractLimb(a.L2, b.L2, ref borrow);
        var r3 = SubtractLimb(a.L3, b.L3, ref borrow);
        return new U256(r0, r1, r2, r3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong AddLimb(ulong a, ulong b, ref ulong carry)
    {
        var sum = a + b;
        var over = sum < a ? 1ul : 0;
        var result = sum + carry;
        carry = over + (result < sum ? 1ul : 0);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong SubtractLimb(ulong a, ulong b, ref ulong borrow)
    {
        var difference = a - b;
        var under = a < b ? 1ul : 0;
        var result = difference - borrow;
        borrow = under + (difference < borrow ? 1ul : 0);
        return result;
    }

    public U256 ShiftRight1() => new((L0 >> 1) | (L1 << 63), (L1 >> 1) | (L2 << 63), (L2 >> 1) | (L3 << 63), L3 >> 1);

    public bool Bit(int index) => ((index switch { < 64 => L0, < 128 => L1, < 192 => L2, _ => L3 } >> (index & 63)) & 1) != 0;

    /// <summary>Width-w non-adjacent form: digits are 0 or odd in (-2^(w-1), 2^(w-1)), at most one in w is not 0. Least significant first.</summary>
    /// <param name="digits">257 places, cleared here</param>
    /// <returns>the number of digits in use</returns>
    public int ToWnaf(int width, Span<sbyte> digits)
    {
        digits.Clear();
        var carry = 0;
        var used = 0;
        for (var i = 0; i < 257;)
        {
            var bit = i < 256 && Bit(i) ? 1 : 0;
            if ((bit ^ carry) == 0)
            {
                // An even digit: 0 + 0, or 1 + 1, which carries on.
                i++;
                continue;
            }
            var window = carry;
            for (var k = 0; k < width && i + k < 256; k++)
            {
                window += Bit(i + k) ? 1 << k : 0;
            }
            carry = window >> (width - 1);
            window -= carry << width;
            digits[i] = (sbyte)window;
            used = i + 1;
            i += width;
        }
        return used;
    }
}
