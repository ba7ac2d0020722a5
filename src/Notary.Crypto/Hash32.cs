using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Notary.Crypto;

/// <summary>32 bytes by value: a digest, a MAC or a secret of either suite. Ordered as unsigned bytes, first byte first.</summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
public readonly struct Hash32 : IEquatable<Hash32>, IComparable<Hash32>
{
    public const int Size = 32;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    private readonly ulong _0;
    private readonly ulong _1;
    private readonly ulong _2;
    private readonly ulong _3;

    /// <param name="bytes">exactly 32 bytes; any other length is a programming error and throws.</param>
    public static Hash32 FromSpan(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Size);
        return MemoryMarshal.Read<Hash32>(bytes);
    }

    /// <summary>The 32 bytes in place; lives as long as the variable.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> AsSpan() => MemoryMarshal.AsBytes(new ReadOnlySpan<Hash32>(in this));

    public void CopyTo(Span<byte> destination) => AsSpan().CopyTo(destination);

    public byte[] ToArray() => AsSpan().ToArray();

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public string ToHex() => Convert.ToHexStringLower(AsSpan());

    public override string ToString() => ToHex();

    /// <summary>Exactly 64 lower-case digits; upper case is refused, because what is hashed has one spelling.</summary>
    public static bool TryParseHex(ReadOnlySpan<char> text, out Hash32 value)
    {
        value = default;
        if (text.Length != 2 * Size || text.ContainsAnyExcept(HexDigits))
        {
            return false;
        }
        Span<byte> bytes = stackalloc byte[Size];
        Convert.FromHexString(text, bytes, out _, out _);
        value = FromSpan(bytes);
        return true;
    }

    public bool IsZero => (_0 | _1 | _2 | _3) == 0;

    /// <summary>Not constant-time: for public digests. MACs and secrets are compared with <c>CryptographicOperations.FixedTimeEquals</c>.</summary>
    public bool Equals(Hash32 other) => _0 == other._0 && _1 == other._1 && _2 == other._2 && _3 == other._3;

    public override bool Equals(object? obj) => obj is Hash32 other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_0, _1);

    public int CompareTo(Hash32 other)
    {
        var c = Big(_0).CompareTo(Big(other._0));
        if (c == 0)
        {
            c = Big(_1).CompareTo(Big(other._1));
        }
        if (c == 0)
        {
            c = Big(_2).CompareTo(Big(other._2));
        }
        return c != 0 ? c : Big(_3).CompareTo(Big(other._3));
    }

    public static bool operator ==(Hash32 left, Hash32 right) => left.Equals(right);

    public static bool operator !=(Hash32 left, Hash32 right) => !left.Equals(right);

    public static bool operator <(Hash32 left, Hash32 right) => left.CompareTo(right) < 0;

    public static bool operator >(Hash32 left, Hash32 right) => left.CompareTo(right) > 0;

    public static bool operator <=(Hash32 left, Hash32 right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Hash32 left, Hash32 right) => left.CompareTo(right) >= 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Big(ulong value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;
}

/// <summary>A message inside an arena: <c>arena[Offset .. Offset + Length]</c>, in bytes.</summary>
public readonly record struct Slice(int Offset, int Length);
