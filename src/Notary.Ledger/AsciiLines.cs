using System.Text;

namespace Notary.Ledger;

/// <summary>Lines of the C2SP texts before a note.</summary>
internal static class AsciiLines
{
    /// <summary>The next line without its newline, or null when no whole line is left. Bytes outside ASCII become '?', which no line takes.</summary>
    public static string? Next(ReadOnlySpan<byte> bytes, ref int offset, out int start)
    {
        start = offset;
        var length = bytes[offset..].IndexOf((byte)'\n');
        if (length < 0)
        {
            return null;
        }

        offset += length + 1;
        return Encoding.ASCII.GetString(bytes.Slice(start, length));
    }
}
