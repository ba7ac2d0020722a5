using System.Collections;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// The nodes that a proof is made of, in the order in which they are to be fetched. A proof hash over a ragged right edge is no
/// perfect subtree: it is folded from several nodes, so a plan may hold more nodes than the proof has hashes.
/// </summary>
public sealed class ProofPlan : IReadOnlyList<NodeId>
{
    private readonly List<NodeId> _nodes = [];
    private readonly List<int> _widths = [];

    internal ProofPlan()
    {
    }

    public int Count => _nodes.Count;

    /// <summary>Number of hashes in the proof itself.</summary>
    public int ProofLength => _widths.Count;

    public NodeId this[int index] => _nodes[index];

    public IEnumerator<NodeId> GetEnumerator() => _nodes.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => _nodes.GetEnumerator();

    /// <summary>Adds one proof hash: the subtree over leaves <c>[first, end)</c>.</summary>
    internal void Add(long first, long end)
    {
        var before = _nodes.Count;
        NodeId.Cover(first, end, _nodes);
        _widths.Add(_nodes.Count - before);
    }

    /// <summary>The proof, from the hashes of the planned nodes in the plan's order.</summary>
    /// <exception cref="ArgumentException">Not one hash a node.</exception>
    internal Hash32[] Fold(TreeHasher hasher, ReadOnlySpan<Hash32> fetched)
    {
        if (fetched.Length != _nodes.Count)
        {
            throw new ArgumentException($"The plan has {_nodes.Count} nodes, {fetched.Length} hashes were fetched.", nameof(fetched));
        }

        var proof = new Hash32[_widths.Count];
        var next = 0;
        for (var i = 0; i < proof.Length; i++)
        {
            var last = next + _widths[i] - 1;
            var hash = fetched[last];
            for (var j = last - 1; j >= next; j--)
            {
                hash = hasher.Node(fetched[j], hash);
            }

            proof[i] = hash;
            next = last + 1;
        }

        return proof;
    }
}
