namespace Notary.Crypto;

/// <summary>
/// SEQUENCE { r INTEGER, s INTEGER } in DER (SEC 1 C.5; GB/T 35276 for SM2), for numbers of at most 256 bits. Written out by hand because
/// exactly one encoding may pass: shortest lengths, no needless zero, no negative number, nothing behind the end (ITU-T X.690 10.1, 8.3.2).
/// </summary>
public static class SignatureDer
{
    /// <summary>r‖s, 32 bytes each, big-endian.</summary>
    public const int RawSize = 64;

    /// <summary>Longest encoding: two integers of 33 bytes.</summary>
    public const int MaxSize = 72;

    /// <summary>False for anything but the one canonical encoding of two non-negative numbers below 2^256. Their range is not checked here.</summary>
    public static bool TryToRaw(ReadOnlySpan<byte> der, Span<byte> raw64)
    {
        raw64[..RawSize].Clear();
        // At most 72 bytes: the sequence's length is always in the short form.
        if (der.Length is < 8 or > MaxSize || der[0] != 0x30 || der[1] != der.Length - 2)
        {
            return false;
        }
        var rest = der[2..];
        return TryInteger(ref rest, raw64[..32]) && TryInteger(ref rest, raw64[32..64]) && rest.IsEmpty;
    }

    private static bool TryInteger(ref ReadOnlySpan<byte> rest, Span<byte> value)
    {
        if (rest.Length < 3 || rest[0] != 0x02)
        {
            return false;
        }
        int length = rest[1];
        if (length is 0 or > 33 || rest.Length < 2 + length)
        {
            return false;
        }
        var digits = rest.Slice(2, length);
        rest = rest[(2 + length)..];
        if (digits[0] >= 0x80)
        {
            return false;
        }
        if (digits[0] == 0 && length > 1)
        {
            if (digits[1] < 0x80)
            {
                return false;
            }
            digits = digits[1..];
        }
        if (digits.Length > 32)
        {
            return false;
        }
        digits.CopyTo(value[(32 - digits.Length)..]);
        return true;
    }

    /// <summary>The canonical encoding of a raw signature.</summary>
    public static byte[] FromRaw(ReadOnlySpan<byte> raw64)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(raw64.Length, RawSize);
        Span<byte> der = stackalloc byte[MaxSize];
        var at = 2;
        at = Integer(der, at, raw64[..32]);
        at = Integer(der, at, raw64[32..]);
        der[0] = 0x30;
        der[1] = (byte)(at - 2);
        return der[..at].ToArray();
    }

    private static int Integer(Span<byte> der, int at, ReadOnlySpan<byte> value)
    {
        while (value.Length > 1 && value[0] == 0)
        {
            value = value[1..];
        }
        var lead = value[0] >= 0x80 ? 1 : 0;
        der[at] = 0x02;
        der[at + 1] = (byte)(value.Length + lead);
        der[at + 2] = 0;
        value.CopyTo(der[(at + 2 + lead)..]);
        return at + 2 + lead + value.Length;
    }
}
