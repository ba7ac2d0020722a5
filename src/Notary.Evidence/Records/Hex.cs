using System.Buffers;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>Lower-case hex of digests without strings in between; both directions.</summary>
internal static class Hex
{
    /// <summary>Digits of a digest.</summary>
    public const int DigestLength = 2 * Hash32.Size;

    private static readonly SearchValues<byte> Digits = SearchValues.Create("0123456789abcdef"u8);

    public static bool TryParse(ReadOnlySpan<byte> text, out Hash32 hash)
    {
        hash = default;
        Span<byte> bytes = stackalloc byte[Hash32.Size];
        if (text.Length != DigestLength || text.ContainsAnyExcept(Digits) || Convert.FromHexString(text, bytes, out _, out _) != OperationStatus.Done)
        {
            return false;
        }

        hash = Hash32.FromSpan(bytes);
        return true;
    }

    public static void Write(in Hash32 hash, Span<byte> text)
    {
        Span<byte> bytes = stackalloc byte[Hash32.Size];
        hash.CopyTo(bytes);
        Convert.TryToHexStringLower(bytes, text, out _);
    }
}
