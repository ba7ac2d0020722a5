using System.Globalization;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Names a tile: <paramref name="Width"/> consecutive hashes of tree level <c>8 · Level</c> from node <c>256 · Index</c> on.
/// </summary>
/// <param name="Level">Tile level, 0 to 63; level 0 holds leaf hashes.</param>
/// <param name="Index">Position among the tiles of its level, from 0.</param>
/// <param name="Width">Hashes in it: 256 (full) or 1 to 255 (partial).</param>
public readonly record struct TileId(int Level, long Index, int Width)
{
    public bool IsFull => Width == Tiles.FullWidth;

    /// <summary>Bytes of the tile: 32 a hash.</summary>
    public int Length => Width * Hash32.Size;
}

/// <summary>
/// Tiles as C2SP tlog-tiles has them (height 8): which exist at a size, which one holds a node, the hash of a node inside one,
/// and their paths <c>tile/&lt;L&gt;/&lt;N&gt;[.p/&lt;W&gt;]</c>. Nothing here reads a tile: see <see cref="TilePlan"/>.
/// </summary>
public static class Tiles
{
    /// <summary>Tree levels in a tile.</summary>
    public const int Height = 8;

    /// <summary>Hashes in a full tile.</summary>
    public const int FullWidth = 1 << Height;

    /// <summary>Bytes of a full tile.</summary>
    public const int FullLength = FullWidth * Hash32.Size;

    /// <summary>Hashes on tree level <c>8 · level</c> in the tree of <paramref name="size"/> leaves.</summary>
    public static long HashesAt(int level, long size) => level * Height > 62 ? 0 : size >> (level * Height);

    /// <summary>Width of tile (<paramref name="level"/>, <paramref name="index"/>) in the tree of <paramref name="size"/> leaves; 0 when it does not exist.</summary>
    public static int WidthAt(int level, long index, long size) =>
        (int)Math.Clamp(HashesAt(level, size) - (index << Height), 0, FullWidth);

    /// <summary>The tile that holds a node, as wide as it is in the tree of <paramref name="size"/> leaves.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The node does not exist in that tree.</exception>
    public static TileId TileOf(NodeId node, long size)
    {
        if (node.Level is < 0 or > 62 || node.Index < 0 || node.Index >= size >> node.Level)
        {
            throw new ArgumentOutOfRangeException(nameof(node), $"No node {node.Level}/{node.Index} in a tree of {size}.");
        }

        var level = node.Level / Height;
        var index = node.Index >> (Height - (node.Level % Height));
        return new TileId(level, index, WidthAt(level, index, size));
    }

    /// <summary>The hashes of its tile that lie below a node: <c>[Start, Start + Count)</c>, Count a power of two up to 128.</summary>
    public static (int Start, int Count) SpanInTile(NodeId node)
    {
        var height = node.Level % Height;
        return ((int)(node.Index << height & (FullWidth - 1)), 1 << height);
    }

    /// <summary>
    /// Hash of a node from the bytes of the tile that holds it (they may be more than the node needs).
    /// False when they end before the node does.
    /// </summary>
    public static bool TryComputeNode(TreeHasher hasher, ReadOnlySpan<byte> tile, NodeId node, out Hash32 hash)
    {
        ArgumentNullException.ThrowIfNull(hasher);
        hash = default;
        var (start, count) = SpanInTile(node);
        if (tile.Length < (start + count) * Hash32.Size)
        {
            return false;
        }

        Span<Hash32> row = stackalloc Hash32[count];
        for (var i = 0; i < count; i++)
        {
            row[i] = Hash32.FromSpan(tile.Slice((start + i) * Hash32.Size, Hash32.Size));
        }

        hash = Root(hasher, row);
        return true;
    }

    /// <summary>Root of a power of two of hashes.</summary>
    internal static Hash32 Root(TreeHasher hasher, ReadOnlySpan<Hash32> row)
    {
        if (row.Length == 1)
        {
            return row[0];
        }

        Span<Hash32> even = stackalloc Hash32[FullWidth / 2];
        Span<Hash32> odd = stackalloc Hash32[FullWidth / 4];
        var count = row.Length / 2;
        hasher.Suite.HashNodes(row, even[..count]);
        while (count > 1)
        {
            count /= 2;
            hasher.Suite.HashNodes(even[..(2 * count)], odd[..count]);
            if (count == 1)
            {
                return odd[0];
            }

            count /= 2;
            hasher.Suite.HashNodes(odd[..(2 * count)], even[..count]);
        }

        return even[0];
    }

    /// <summary>Path of a hash tile under the log's prefix.</summary>
    public static string Path(TileId tile) =>
        string.Create(CultureInfo.InvariantCulture, $"tile/{tile.Level}/") + Number(tile.Index, tile.Width);

    /// <summary>Path of an entry bundle under the log's prefix.</summary>
    public static string EntriesPath(long index, int width) => "tile/entries/" + Number(index, width);

    /// <summary>
    /// Parses <see cref="Path"/>. Strict: only what <see cref="Path"/> writes is read, so that every tile has one address.
    /// </summary>
    public static bool TryParsePath(ReadOnlySpan<char> path, out TileId tile)
    {
        tile = default;
        if (!path.StartsWith("tile/", StringComparison.Ordinal))
        {
            return false;
        }

        var rest = path["tile/".Length..];
        var slash = rest.IndexOf('/');
        if (slash < 0 || !TryDecimal(rest[..slash], 63, out var level) || !TryNumber(rest[(slash + 1)..], out var index, out var width))
        {
            return false;
        }

        tile = new TileId((int)level, index, width);
        return true;
    }

    /// <summary>Parses <see cref="EntriesPath"/>, as strictly.</summary>
    public static bool TryParseEntriesPath(ReadOnlySpan<char> path, out long index, out int width)
    {
        index = 0;
        width = 0;
        const string prefix = "tile/entries/";
        return path.StartsWith(prefix, StringComparison.Ordinal) && TryNumber(path[prefix.Length..], out index, out width);
    }

    /// <summary>An ASCII decimal without sign or leading zeros, at most <paramref name="maximum"/>.</summary>
    internal static bool TryDecimal(ReadOnlySpan<char> text, long maximum, out long value)
    {
        value = 0;
        if (text.Length is 0 or > 19 || (text[0] == '0' && text.Length > 1) || text.ContainsAnyExceptInRange('0', '9'))
        {
            return false;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= maximum;
    }

    // 1234067 → x001/x234/067; partial tiles end in .p/W.
    private static string Number(long index, int width)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, FullWidth);
        var text = (index % 1000).ToString("000", CultureInfo.InvariantCulture);
        for (index /= 1000; index > 0; index /= 1000)
        {
            text = string.Create(CultureInfo.InvariantCulture, $"x{index % 1000:000}/{text}");
        }

        return width == FullWidth ? text : string.Create(CultureInfo.InvariantCulture, $"{text}.p/{width}");
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out long index, out int width)
    {
        index = 0;
        width = FullWidth;
        var partial = text.IndexOf(".p/", StringComparison.Ordinal);
        if (partial >= 0)
        {
            if (!TryDecimal(text[(partial + 3)..], FullWidth - 1, out var value) || value == 0)
            {
                return false;
            }

            width = (int)value;
            text = text[..partial];
        }

        for (var first = true; ; first = false)
        {
            var more = text.Length > 0 && text[0] == 'x';
            var digits = more ? text[1..] : text;
            if (digits.Length < 3 || digits[..3].ContainsAnyExceptInRange('0', '9') || (first && more && digits[..3].SequenceEqual("000")))
            {
                return false;
            }

            var group = int.Parse(digits[..3], NumberStyles.None, CultureInfo.InvariantCulture);
            if (index > (long.MaxValue - group) / 1000)
            {
                return false;
            }

            index = (index * 1000) + group;
            if (!more)
            {
                return digits.Length == 3;
            }

            if (digits.Length < 5 || digits[3] != '/')
            {
                return false;
            }

            text = digits[4..];
        }
    }
}
