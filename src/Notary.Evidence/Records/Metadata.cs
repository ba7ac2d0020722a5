namespace Notary.Evidence;

/// <summary>The metadata fields of version 1: exactly these twenty, frozen, in ASCII order. Each is a string but <c>files</c>, a list of file names.</summary>
public static class MetadataFields
{
    /// <summary>Number of fields of version 1.</summary>
    public const int Count = 20;

    /// <summary>Longest value, in UTF-8 bytes; of <c>files</c> all names together.</summary>
    public const int MaxValueBytes = 4096;

    /// <summary>All metadata of a record as canonical JSON, in bytes.</summary>
    public const int MaxTotalBytes = 16 * 1024;

    /// <summary>Names in <c>files</c>: one for each part of a record with at most 16 parts.</summary>
    public const int MaxFiles = 16;

    /// <summary>Position of <c>files</c> among the names.</summary>
    public const int FilesIndex = 6;

    private static readonly string[] All =
    [
        "authority", "case", "collected", "collector", "description", "environment", "files", "generated", "generator", "holder",
        "mechanism", "method", "personal", "related", "source", "storage", "title", "tool", "transport", "witness",
    ];

    private static readonly byte[][] Utf8 = [.. All.Select(System.Text.Encoding.ASCII.GetBytes)];

    /// <summary>The names in ASCII order, which is the order of the field tree's leaves.</summary>
    public static IReadOnlyList<string> Names => All;

    /// <summary>A name's bytes.</summary>
    internal static ReadOnlySpan<byte> NameBytes(int index) => Utf8[index];

    /// <summary>The position of a name, or −1.</summary>
    public static int IndexOf(string name) => Array.BinarySearch(All, name, StringComparer.Ordinal);

    /// <summary>The position of a name, or −1.</summary>
    internal static int IndexOf(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < Count; i++)
        {
            if (name.SequenceEqual(Utf8[i]))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Whether bytes are the canonical value of a field: a string, or for <c>files</c> an array of 1 to 16 strings; at most 4,096 bytes of text.</summary>
    /// <param name="index">Position in <see cref="Names"/>.</param>
    /// <param name="value">Canonical JSON.</param>
    public static bool IsValue(int index, ReadOnlySpan<byte> value)
    {
        // A byte of text takes at most six in canonical JSON (a control character).
        var limits = new CanonicalLimits((6 * MaxValueBytes) + 64, 1, false);
        if (!CanonicalValue.TryParseCanonical(value, limits, out var json).Ok)
        {
            return false;
        }

        return index == FilesIndex
            ? json.Type == CanonicalType.Array && json.Items.Count is >= 1 and <= MaxFiles && json.Items.All(static item => item.AsString is not null)
            : json.AsString is not null;
    }

    /// <summary>
    /// Whether text is a file's name and no path: 1 to 255 UTF-8 bytes, no control character, no '/' or '\', not "." or "..". What a package calls the
    /// file is the package's rule.
    /// </summary>
    internal static bool IsFileName(ReadOnlySpan<byte> name) =>
        name.Length is > 0 and <= 255 && !name.ContainsAnyInRange((byte)0, (byte)0x1f) && !name.ContainsAny((byte)'/', (byte)'\\', (byte)0x7f)
        && !name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8);
}
