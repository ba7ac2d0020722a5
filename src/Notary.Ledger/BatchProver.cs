using System.Numerics;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Proves what a batch has just appended, from the edge before it and its leaf hashes alone: every node above a new leaf's path
/// is either in the batch or on that edge, so nothing is fetched.
/// </summary>
public sealed class BatchProver
{
    private readonly TreeEdge _before;

    // _rows[l] holds the nodes of level l that the batch completed, from index First on.
    private readonly List<(long First, Hash32[] Nodes)> _rows;

    // _ragged[l] is the hash over the last Size mod 2^l leaves: the one node of level l that is no perfect subtree.
    private readonly Hash32[] _ragged;

    /// <param name="before">The edge before the batch; copied.</param>
    /// <param name="leaves">The leaf hashes of the batch, at least one.</param>
    public BatchProver(TreeEdge before, ReadOnlySpan<Hash32> leaves)
    {
        ArgumentNullException.ThrowIfNull(before);
        if (leaves.IsEmpty)
        {
            throw new ArgumentException("A batch has leaves.", nameof(leaves));
        }

        _before = before.Clone();
        var after = before.Clone();
        var rows = new List<(long, Hash32[])>();
        after.AppendMany(leaves, (_, first, nodes) => rows.Add((first, nodes.ToArray())));
        _rows = rows;
        Size = after.Size;
        _ragged = Ragged(after);
        Root = _ragged[^1];
    }

    internal BatchProver(TreeEdge before, List<(long First, Hash32[] Nodes)> rows, TreeEdge after)
    {
        _before = before;
        _rows = rows;
        Size = after.Size;
        _ragged = Ragged(after);
        Root = _ragged[^1];
    }

    /// <summary>Index of the first leaf of the batch.</summary>
    public long First => _before.Size;

    /// <summary>Leaves in the batch.</summary>
    public int Count => (int)(Size - First);

    /// <summary>Size of the tree after the batch.</summary>
    public long Size { get; }

    /// <summary>Root of the tree after the batch.</summary>
    public Hash32 Root { get; }

    /// <summary>The inclusion proof of a leaf of the batch in the tree after it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The leaf is not one of the batch.</exception>
    public Hash32[] Inclusion(long index)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(index, First);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Size);
        Span<Hash32> proof = stackalloc Hash32[64];
        var length = 0;
        for (var level = 0; (Size - 1) >> level > 0; level++)
        {
            var sibling = (index >> level) ^ 1;
            if (sibling <= (Size - 1) >> level)
            {
                proof[length++] = sibling < Size >> level ? Node(new NodeId(level, sibling)) : _ragged[level];
            }
        }

        return proof[..length].ToArray();
    }

    /// <summary>The range proof of the whole batch in the tree after it.</summary>
    public Hash32[] Range() => Range(First, Count);

    /// <summary>The range proof of leaves of the batch in the tree after it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A leaf is not one of the batch.</exception>
    public Hash32[] Range(long first, long count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(first, First);
        var plan = RangeProof.Plan(first, count, Size);
        var fetched = new Hash32[plan.Count];
        for (var i = 0; i < fetched.Length; i++)
        {
            fetched[i] = Node(plan[i]);
        }

        return RangeProof.Compute(_before.Hasher, plan, fetched);
    }

    private static Hash32[] Ragged(TreeEdge after)
    {
        var levels = 64 - BitOperations.LeadingZeroCount((ulong)after.Size);
        var ragged = new Hash32[levels + 1];
        var some = false;
        for (var level = 0; level < levels; level++)
        {
            ragged[level + 1] = ragged[level];
            if (after.TryGetNode(level, out var node))
            {
                ragged[level + 1] = some ? after.Hasher.Node(node, ragged[level]) : node;
                some = true;
            }
        }

        return ragged;
    }

    private Hash32 Node(NodeId node)
    {
        if (node.Level < _rows.Count && node.Index >= _rows[node.Level].First)
        {
            return _rows[node.Level].Nodes[node.Index - _rows[node.Level].First];
        }

        // Left of the batch: the maximal subtrees there are the edge's.
        return node.Index == (_before.Size >> node.Level) - 1 && _before.TryGetNode(node.Level, out var hash)
            ? hash
            : throw new InvalidOperationException($"Node {node.Level}/{node.Index} is neither in the batch nor on the edge.");
    }
}
