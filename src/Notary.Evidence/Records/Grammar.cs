using System.Buffers;

namespace Notary.Evidence;

/// <summary>Closed grammars of the short ASCII names in leaves and requests.</summary>
public static class Grammar
{
    /// <summary>Longest account, evidence type or policy name, in bytes.</summary>
    public const int MaxName = 64;

    /// <summary>Longest media type, in bytes.</summary>
    public const int MaxMedia = 127;

    /// <summary>Longest origin, in bytes.</summary>
    public const int MaxOrigin = 192;

    private static readonly SearchValues<byte> NameBytes = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789.-_"u8);

    // RFC 6838 section 4.2 restricted names, without the characters that JSON or a shell would have to escape.
    private static readonly SearchValues<byte> MediaBytes = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&-^_.+"u8);

    /// <summary>An account, an evidence type: a lower-case letter or digit, then letters, digits, '.', '-' or '_'; 1 to 64 bytes.</summary>
    public static bool IsName(ReadOnlySpan<byte> text) =>
        text.Length is > 0 and <= MaxName && char.IsAsciiLetterOrDigit((char)text[0]) && !text.ContainsAnyExcept(NameBytes);

    /// <summary>As <see cref="IsName(ReadOnlySpan{byte})"/>.</summary>
    public static bool IsName(string text) => IsAscii(text, out var ascii) && IsName(ascii);

    /// <summary>type "/" subtype of RFC 6838 restricted names, no parameters, 3 to 127 bytes.</summary>
    public static bool IsMedia(ReadOnlySpan<byte> text)
    {
        if (text.Length is < 3 or > MaxMedia)
        {
            return false;
        }

        var slash = text.IndexOf((byte)'/');
        return slash > 0 && slash < text.Length - 1
            && char.IsAsciiLetterOrDigit((char)text[0]) && char.IsAsciiLetterOrDigit((char)text[slash + 1])
            && !text[..slash].ContainsAnyExcept(MediaBytes) && !text[(slash + 1)..].ContainsAnyExcept(MediaBytes);
    }

    /// <summary>"deployment/chain": two names with one '/' between; at most 192 bytes.</summary>
    public static bool IsOrigin(ReadOnlySpan<byte> text)
    {
        var slash = text.IndexOf((byte)'/');
        return slash > 0 && text.Length <= MaxOrigin && IsDeployment(text[..slash]) && IsName(text[(slash + 1)..]);
    }

    /// <summary>As <see cref="IsOrigin(ReadOnlySpan{byte})"/>.</summary>
    public static bool IsOrigin(string text) => IsAscii(text, out var ascii) && IsOrigin(ascii);

    /// <summary>A deployment's name: as a name, to 127 bytes.</summary>
    public static bool IsDeployment(ReadOnlySpan<byte> text) =>
        text.Length is > 0 and <= 127 && char.IsAsciiLetterOrDigit((char)text[0]) && !text.ContainsAnyExcept(NameBytes);

    /// <summary>Lower-case hex of a whole number of bytes.</summary>
    public static bool IsHex(string text, int minBytes, int maxBytes) =>
        text.Length % 2 == 0 && text.Length / 2 >= minBytes && text.Length / 2 <= maxBytes && text.All(static c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f'));

    private static bool IsAscii(string text, out byte[] ascii)
    {
        ascii = new byte[text.Length];
        return text.Length <= MaxOrigin && System.Text.Ascii.FromUtf16(text, ascii, out _) == OperationStatus.Done;
    }
}
