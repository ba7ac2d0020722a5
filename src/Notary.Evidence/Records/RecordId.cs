using System.Buffers.Text;

namespace Notary.Evidence;

/// <summary>A record's id: a UUID of version 7 (RFC 9562 section 5.7), lower-case text in JSON, 16 big-endian bytes in hashes.</summary>
public static class RecordId
{
    /// <summary>Length of the text in bytes.</summary>
    public const int TextLength = 36;

    /// <summary>Length of the raw bytes.</summary>
    public const int Size = 16;

    /// <summary>Parses the one spelling; false for another version, variant, case or form.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out Guid id)
    {
        if (text.Length != TextLength || !Utf8Parser.TryParse(text, out id, out var used, 'D') || used != TextLength
            || text[14] != '7' || text[19] is not ((byte)'8' or (byte)'9' or (byte)'a' or (byte)'b') || text.ContainsAnyInRange((byte)'A', (byte)'F'))
        {
            id = default;
            return false;
        }

        return true;
    }

    /// <summary>Parses the one spelling.</summary>
    public static bool TryParse(string text, out Guid id)
    {
        Span<byte> ascii = stackalloc byte[TextLength];
        id = default;
        return text.Length == TextLength && System.Text.Ascii.FromUtf16(text, ascii, out _) == System.Buffers.OperationStatus.Done && TryParse(ascii, out id);
    }

    /// <summary>Writes the 36 bytes of text.</summary>
    public static void Write(Guid id, Span<byte> text) => id.TryFormat(text, out _, "D");

    /// <summary>Writes the 16 raw bytes, big-endian.</summary>
    public static void WriteRaw(Guid id, Span<byte> raw) => id.TryWriteBytes(raw, bigEndian: true, out _);
}
