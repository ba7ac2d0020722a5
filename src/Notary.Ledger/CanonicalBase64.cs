using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Base64 of RFC 4648 section 4, read strictly: padded, no white space, unused bits zero (section 3.5). One value has one
/// spelling, so bytes that parse are the bytes that would be written.
/// </summary>
internal static class CanonicalBase64
{
    /// <summary>Characters of a hash.</summary>
    public const int HashLength = 44;

    public static bool TryDecode(ReadOnlySpan<char> text, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        var buffer = new byte[(text.Length / 4 * 3) + 3];
        if (text.Length % 4 != 0 || !Convert.TryFromBase64Chars(text, buffer, out var written))
        {
            return false;
        }

        // The base library skips white space and takes any unused bits; writing the value again shows both.
        if (!text.SequenceEqual(Convert.ToBase64String(buffer, 0, written)))
        {
            return false;
        }

        bytes = buffer[..written];
        return true;
    }

    public static bool TryDecodeHash(ReadOnlySpan<char> text, out Hash32 hash)
    {
        hash = default;
        if (text.Length != HashLength || !TryDecode(text, out var bytes) || bytes.Length != Hash32.Size)
        {
            return false;
        }

        hash = Hash32.FromSpan(bytes);
        return true;
    }

    public static string Encode(in Hash32 hash)
    {
        Span<byte> bytes = stackalloc byte[Hash32.Size];
        hash.CopyTo(bytes);
        return Convert.ToBase64String(bytes);
    }

    /// <summary>Writes the <see cref="HashLength"/> characters of a hash, ASCII.</summary>
    public static void Encode(in Hash32 hash, Span<byte> text)
    {
        Span<byte> bytes = stackalloc byte[Hash32.Size];
        hash.CopyTo(bytes);
        if (Base64.EncodeToUtf8(bytes, text, out _, out _) != OperationStatus.Done)
        {
            throw new ArgumentException("There is no room for a hash.", nameof(text));
        }
    }
}
