using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Reads nodes out of tiles in three steps: plan which tiles hold them, let the caller fetch those once, compute the nodes.
/// A proof in any tree needs at most a few tiles a level.
/// </summary>
/// <example>
/// <code>
/// var plan = InclusionProof.Plan(index, size);
/// var tiles = TilePlan.For(plan, size);
/// var bytes = await fetch(tiles.Tiles);               // in that order; more than Width hashes is fine
/// if (tiles.TryCompute(hasher, bytes, out var nodes, out var missing)) { proof = InclusionProof.Compute(hasher, plan, nodes); }
/// </code>
/// </example>
public sealed class TilePlan
{
    private readonly NodeId[] _nodes;
    private readonly int[] _tileOf;

    private TilePlan(NodeId[] nodes, int[] tileOf, TileId[] tiles)
    {
        _nodes = nodes;
        _tileOf = tileOf;
        Tiles = tiles;
    }

    /// <summary>
    /// The tiles to fetch, each once, with the width that they have in the tree of the plan. Where that one has since grown,
    /// the wider tile serves as well: tiles only ever get longer.
    /// </summary>
    public IReadOnlyList<TileId> Tiles { get; }

    /// <summary>Plans the reading of nodes that exist in the tree of <paramref name="size"/> leaves.</summary>
    public static TilePlan For(IReadOnlyList<NodeId> nodes, long size)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        var tiles = new List<TileId>();
        var tileOf = new int[nodes.Count];
        for (var i = 0; i < tileOf.Length; i++)
        {
            var tile = Ledger.Tiles.TileOf(nodes[i], size);
            tileOf[i] = tiles.IndexOf(tile);
            if (tileOf[i] < 0)
            {
                tileOf[i] = tiles.Count;
                tiles.Add(tile);
            }
        }

        return new TilePlan([.. nodes], tileOf, [.. tiles]);
    }

    /// <summary>
    /// The hashes of the planned nodes, in their order, from the fetched tiles, in the order of <see cref="Tiles"/>. False when
    /// a tile is shorter than planned: <paramref name="tooShort"/> is the first such.
    /// </summary>
    /// <exception cref="ArgumentException">Not one byte string a tile.</exception>
    public bool TryCompute(TreeHasher hasher, IReadOnlyList<ReadOnlyMemory<byte>> fetched, out Hash32[] hashes, out TileId tooShort)
    {
        ArgumentNullException.ThrowIfNull(fetched);
        if (fetched.Count != Tiles.Count)
        {
            throw new ArgumentException($"{Tiles.Count} tiles planned, {fetched.Count} fetched.", nameof(fetched));
        }

        hashes = [];
        tooShort = default;
        for (var i = 0; i < fetched.Count; i++)
        {
            if (fetched[i].Length < Tiles[i].Length)
            {
                tooShort = Tiles[i];
                return false;
            }
        }

        var computed = new Hash32[_nodes.Length];
        for (var i = 0; i < computed.Length; i++)
        {
            if (!Ledger.Tiles.TryComputeNode(hasher, fetched[_tileOf[i]].Span, _nodes[i], out computed[i]))
            {
                throw new InvalidOperationException("A planned node does not lie in its tile.");
            }
        }

        hashes = computed;
        return true;
    }

    /// <summary>The root of the tree of that size, out of its tiles.</summary>
    /// <param name="hasher">The log's hash.</param>
    /// <param name="size">Leaves; 0 is the empty tree.</param>
    /// <param name="fetch">The bytes of a tile; fewer than its width says, or none, when it is not all there.</param>
    /// <param name="root">The root.</param>
    /// <param name="tooShort">When this is false, the first tile that is not all there.</param>
    public static bool TryRoot(TreeHasher hasher, long size, Func<TileId, ReadOnlyMemory<byte>> fetch, out Hash32 root, out TileId tooShort)
    {
        ArgumentNullException.ThrowIfNull(hasher);
        ArgumentNullException.ThrowIfNull(fetch);
        root = hasher.Empty;
        tooShort = default;
        if (size == 0)
        {
            return true;
        }

        var plan = For(TreeEdge.Nodes(size), size);
        if (!plan.TryCompute(hasher, [.. plan.Tiles.Select(fetch)], out var hashes, out tooShort))
        {
            return false;
        }

        root = hashes[^1];
        for (var i = hashes.Length - 2; i >= 0; i--)
        {
            root = hasher.Node(hashes[i], root);
        }

        return true;
    }
}
