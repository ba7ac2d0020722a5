namespace Notary.Ledger;

/// <summary>
/// Names a perfect subtree: the node over the <c>2^Level</c> leaves from leaf <c>Index · 2^Level</c> on. Its hash never changes
/// once those leaves exist, whatever the size of the tree; level 0 is the leaves.
/// </summary>
/// <param name="Level">0 to 62.</param>
/// <param name="Index">Position among the nodes of its level, from 0.</param>
public readonly record struct NodeId(int Level, long Index)
{
    /// <summary>First leaf below this node.</summary>
    public long FirstLeaf => Index << Level;

    /// <summary>The leaf after the last one below this node: the smallest tree that holds the node.</summary>
    public long EndLeaf => (Index + 1) << Level;

    /// <summary>
    /// The perfect subtrees that make up leaves <c>[first, end)</c> of a tree, left to right. <paramref name="first"/> must be
    /// where a subtree of the RFC 6962 recursion starts (0, or a multiple of a power of two not below the width).
    /// </summary>
    internal static void Cover(long first, long end, List<NodeId> nodes)
    {
        while (first < end)
        {
            var level = System.Numerics.BitOperations.Log2((ulong)(end - first));
            nodes.Add(new NodeId(level, first >> level));
            first += 1L << level;
        }
    }
}
