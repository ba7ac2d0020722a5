using System.Diagnostics.CodeAnalysis;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>A tile with its bytes (32 a hash, <see cref="TileId.Width"/> hashes).</summary>
public sealed record Tile(TileId Id, ReadOnlyMemory<byte> Bytes);

/// <summary>Why stored partial tiles and edge were not taken as one state.</summary>
public enum TileEdgeFailure
{
    None = 0,

    /// <summary>A partial tile that this size has was not given; <c>Tile</c> names it.</summary>
    TileMissing = 1,

    /// <summary>A tile was given that is no right-most partial tile of this size, or twice.</summary>
    TileUnexpected = 2,

    /// <summary>A tile's bytes are not as many as its width says.</summary>
    TileLength = 3,

    /// <summary>A tile hashes to another node than the edge holds: <c>Computed</c> against <c>Expected</c>.</summary>
    TileMismatch = 4,
}

/// <summary>Result of joining edge and partial tiles, with the evidence.</summary>
public readonly record struct TileEdgeCheck(TileEdgeFailure Failure, TileId Tile, Hash32 Computed, Hash32 Expected)
{
    public bool Ok => Failure == TileEdgeFailure.None;
}

/// <summary>
/// All that a writer of tiles keeps between appends: the edge and the partial right-most tile of each level. An append yields
/// every tile that it completed or changed. Mutable; one owner; <see cref="Clone"/> it, append to the clone, and keep the clone
/// when the batch has been committed.
/// </summary>
public sealed class TileEdge
{
    private const int Levels = 8;

    // _partial[l] holds the hashes of the right-most tile of level l, _width[l] of them; a full tile leaves 0.
    private readonly byte[][] _partial;
    private readonly int[] _width;

    private TileEdge(TreeEdge edge, byte[][] partial, int[] width)
    {
        Edge = edge;
        _partial = partial;
        _width = width;
    }

    /// <summary>The tree's right edge. Append through this object only.</summary>
    public TreeEdge Edge { get; }

    /// <summary>The state of an empty log.</summary>
    public static TileEdge Empty(TreeHasher hasher) => new(TreeEdge.Empty(hasher), NewRows(), new int[Levels]);

    /// <summary>The ids of the partial right-most tiles in the tree of <paramref name="size"/> leaves: what a store must give to <see cref="TryCreate"/>.</summary>
    public static IReadOnlyList<TileId> PartialTiles(long size)
    {
        var ids = new List<TileId>();
        for (var level = 0; level < Levels; level++)
        {
            var hashes = Tiles.HashesAt(level, size);
            if (hashes % Tiles.FullWidth != 0)
            {
                ids.Add(new TileId(level, hashes / Tiles.FullWidth, (int)(hashes % Tiles.FullWidth)));
            }
        }

        return ids;
    }

    /// <summary>
    /// Joins a stored edge with the stored partial tiles of its size, and checks that every tile hashes to the edge: what is then
    /// appended cannot build on a damaged tile. <paramref name="edge"/> is owned by the result.
    /// </summary>
    public static TileEdgeCheck TryCreate(TreeEdge edge, IEnumerable<Tile> partial, out TileEdge? result)
    {
        ArgumentNullException.ThrowIfNull(edge);
        ArgumentNullException.ThrowIfNull(partial);
        result = null;
        var given = new Dictionary<TileId, Tile>();
        var wanted = PartialTiles(edge.Size);
        foreach (var tile in partial)
        {
            if (!wanted.Contains(tile.Id) || !given.TryAdd(tile.Id, tile))
            {
                return new TileEdgeCheck(TileEdgeFailure.TileUnexpected, tile.Id, default, default);
            }
        }

        var rows = NewRows();
        var width = new int[Levels];
        foreach (var id in wanted)
        {
            if (!given.TryGetValue(id, out var tile))
            {
                return new TileEdgeCheck(TileEdgeFailure.TileMissing, id, default, default);
            }

            if (tile.Bytes.Length != id.Length)
            {
                return new TileEdgeCheck(TileEdgeFailure.TileLength, id, default, default);
            }

            var mismatch = CompareWithEdge(edge, tile);
            if (!mismatch.Ok)
            {
                return mismatch;
            }

            tile.Bytes.Span.CopyTo(rows[id.Level]);
            width[id.Level] = id.Width;
        }

        result = new TileEdge(edge, rows, width);
        return default;
    }

    public TileEdge Clone() => new(Edge.Clone(), [.. _partial.Select(row => (byte[])row.Clone())], (int[])_width.Clone());

    /// <summary>
    /// Appends leaf hashes and returns every tile that is new or longer, by level, then index: full ones, and at most one partial
    /// one a level. A partial tile replaces the one of the same level and index with a smaller width.
    /// </summary>
    public IReadOnlyList<Tile> Append(ReadOnlySpan<Hash32> leaves)
    {
        var tiles = new List<Tile>();
        Edge.AppendMany(leaves, (level, first, nodes) => AppendRow(level, first, nodes, tiles));
        return tiles;
    }

    /// <summary>The same, and a prover of the batch from the nodes that were computed on the way: nothing is hashed twice.</summary>
    public IReadOnlyList<Tile> Append(ReadOnlySpan<Hash32> leaves, out BatchProver prover)
    {
        var before = Edge.Clone();
        var tiles = new List<Tile>();
        var rows = new List<(long First, Hash32[] Nodes)>();
        Edge.AppendMany(leaves, (level, first, nodes) =>
        {
            rows.Add((first, nodes.ToArray()));
            AppendRow(level, first, nodes, tiles);
        });
        prover = new BatchProver(before, rows, Edge);
        return tiles;
    }

    /// <summary>The partial right-most tiles as they are now.</summary>
    public IReadOnlyList<Tile> Partial() =>
        [.. PartialTiles(Edge.Size).Select(id => new Tile(id, _partial[id.Level].AsSpan(0, id.Length).ToArray()))];

    private void AppendRow(int treeLevel, long first, ReadOnlySpan<Hash32> nodes, List<Tile> tiles)
    {
        if (treeLevel % Tiles.Height != 0)
        {
            return;
        }

        var level = treeLevel / Tiles.Height;
        var row = _partial[level];
        var index = first / Tiles.FullWidth;
        if (_width[level] != first % Tiles.FullWidth)
        {
            throw new InvalidOperationException("Partial tile and edge do not belong together: append through one object only.");
        }

        while (!nodes.IsEmpty)
        {
            var count = Math.Min(Tiles.FullWidth - _width[level], nodes.Length);
            for (var i = 0; i < count; i++)
            {
                nodes[i].CopyTo(row.AsSpan((_width[level] + i) * Hash32.Size, Hash32.Size));
            }

            nodes = nodes[count..];
            _width[level] += count;
            var id = new TileId(level, index, _width[level]);
            tiles.Add(new Tile(id, row.AsSpan(0, id.Length).ToArray()));
            if (id.IsFull)
            {
                _width[level] = 0;
                index++;
            }
        }
    }

    // The set bits of the width are the edge's nodes of the eight tree levels of this tile, largest first.
    private static TileEdgeCheck CompareWithEdge(TreeEdge edge, Tile tile)
    {
        var start = 0L;
        for (var height = Tiles.Height - 1; height >= 0; height--)
        {
            if ((tile.Id.Width >> height & 1) == 0)
            {
                continue;
            }

            var level = (tile.Id.Level * Tiles.Height) + height;
            var node = new NodeId(level, ((tile.Id.Index * Tiles.FullWidth) + start) >> height);
            if (!Tiles.TryComputeNode(edge.Hasher, tile.Bytes.Span, node, out var computed) || !edge.TryGetNode(level, out var expected))
            {
                throw new InvalidOperationException("The widths of partial tiles are the digits of the size.");
            }

            if (!computed.Equals(expected))
            {
                return new TileEdgeCheck(TileEdgeFailure.TileMismatch, tile.Id, computed, expected);
            }

            start += 1L << height;
        }

        return default;
    }

    private static byte[][] NewRows() => [.. Enumerable.Range(0, Levels).Select(_ => new byte[Tiles.FullLength])];
}
