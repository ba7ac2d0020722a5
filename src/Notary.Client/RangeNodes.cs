using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Client;

/// <summary>
/// Makes the inclusion proof of every leaf of a range out of the range's own leaves and its proof. Whatever lies beside a leaf's path is
/// inside the range, or is one of the maximal subtrees outside it, and of those the range proof holds the hashes.
/// </summary>
internal sealed class RangeNodes
{
    private readonly Dictionary<(long Low, long High), Hash32> _known = [];
    private readonly long _size;

    /// <summary>Walks the tree once, as <see cref="RangeProof"/> does, and keeps the hash of every subtree it meets. The proof has been checked before.</summary>
    public RangeNodes(TreeHasher hasher, long first, Hash32[] leaves, long size, Hash32[] proof)
    {
        _size = size;
        int used = 0;
        Walk(0, size);

        Hash32 Walk(long low, long high)
        {
            Hash32 hash;
            if (high <= first || low >= first + leaves.Length)
            {
                throw new InvalidOperationException("A subtree outside the range is taken, not walked.");
            }

            if (high - low == 1)
            {
                hash = leaves[low - first];
            }
            else
            {
                long middle = Middle(low, high);
                if (first + leaves.Length <= middle)
                {
                    Hash32 left = Walk(low, middle);
                    hash = hasher.Node(left, Take(middle, high));
                }
                else if (first >= middle)
                {
                    Hash32 right = Walk(middle, high);
                    hash = hasher.Node(Take(low, middle), right);
                }
                else
                {
                    Hash32 left = Walk(low, middle);
                    hash = hasher.Node(left, Walk(middle, high));
                }
            }

            _known[(low, high)] = hash;
            return hash;
        }

        Hash32 Take(long low, long high)
        {
            Hash32 hash = proof[used++];
            _known[(low, high)] = hash;
            return hash;
        }
    }

    /// <summary>RFC 6962 inclusion proof of a leaf of the range, from its sibling up.</summary>
    public Hash32[] Inclusion(long index)
    {
        var proof = new List<Hash32>();
        long low = 0;
        long high = _size;
        while (high - low > 1)
        {
            long middle = Middle(low, high);
            if (index < middle)
            {
                proof.Add(_known[(middle, high)]);
                high = middle;
            }
            else
            {
                proof.Add(_known[(low, middle)]);
                low = middle;
            }
        }

        proof.Reverse();
        return [.. proof];
    }

    // Where RFC 6962 (2.1) splits: the largest power of two below the number of leaves.
    private static long Middle(long low, long high) => low + (1L << System.Numerics.BitOperations.Log2((ulong)(high - low - 1)));
}
