using System.Numerics;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Proves that contiguous leaves <c>[first, first + count)</c> lie in a tree: the hashes of everything outside them. Defined as
/// RFC 6962 <c>PATH</c> is, over the same split of <c>n</c> leaves at <c>k</c>, the largest power of two below <c>n</c>:
/// <code>
/// RANGE(f, e, D[n]) = []                                          when f = 0 and e = n
///                   = RANGE(f, e, D[0:k]) : MTH(D[k:n])           when e ≤ k
///                   = RANGE(f-k, e-k, D[k:n]) : MTH(D[0:k])       when f ≥ k
///                   = RANGE(f, k, D[0:k]) : RANGE(0, e-k, D[k:n]) otherwise
/// </code>
/// so that the proof of a single leaf is its RFC 6962 inclusion proof, and the proof of what a batch appended is the edge
/// before the batch, smallest subtree first. Byte for byte: <c>docs/spec/proof.md</c>.
/// </summary>
public static class RangeProof
{
    /// <summary>The nodes to fetch for proving the range in the tree of <paramref name="size"/> leaves.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty or not inside the tree.</exception>
    public static ProofPlan Plan(long first, long count, long size)
    {
        var refused = CheckBounds(first, count, size);
        if (refused != ProofFailure.None)
        {
            throw new ArgumentOutOfRangeException(nameof(first), $"{refused}: leaves {first} + {count} of {size}.");
        }

        var plan = new ProofPlan();
        Walk(plan, first, first + count, 0, size);
        return plan;

        static void Walk(ProofPlan plan, long first, long end, long low, long high)
        {
            if (first == low && end == high)
            {
                return;
            }

            var middle = low + Split(high - low);
            if (end <= middle)
            {
                Walk(plan, first, end, low, middle);
                plan.Add(middle, high);
            }
            else if (first >= middle)
            {
                Walk(plan, first, end, middle, high);
                plan.Add(low, middle);
            }
            else
            {
                Walk(plan, first, middle, low, middle);
                Walk(plan, middle, end, middle, high);
            }
        }
    }

    /// <summary>The proof, from the hashes of the planned nodes in the plan's order.</summary>
    public static Hash32[] Compute(TreeHasher hasher, ProofPlan plan, ReadOnlySpan<Hash32> fetched) => plan.Fold(hasher, fetched);

    /// <summary>
    /// Checks that <paramref name="leaves"/> (leaf hashes) are the leaves from <paramref name="first"/> on of the tree of
    /// <paramref name="size"/> leaves with this root.
    /// </summary>
    /// <remarks>
    /// Size and root belong together only through the signature over both. With a root from elsewhere, two sizes that give the
    /// leaves the same path (leaf 0 of 3 and of 4) cannot be told apart: never take the size from another place than the root.
    /// </remarks>
    public static ProofCheck Check(
        TreeHasher hasher, long first, long size, ReadOnlySpan<Hash32> leaves, ReadOnlySpan<Hash32> proof, in Hash32 root)
    {
        var refused = CheckBounds(first, leaves.Length, size);
        if (refused != ProofFailure.None)
        {
            return ProofCheck.Refused(refused);
        }

        var length = Length(first, first + leaves.Length, 0, size);
        if (proof.Length != length)
        {
            return ProofCheck.Lengths(length, proof.Length);
        }

        var rest = proof;
        var computed = Walk(hasher, first, first + leaves.Length, 0, size, leaves, ref rest);
        return ProofCheck.Roots(computed, root, length);

        static Hash32 Walk(
            TreeHasher hasher, long first, long end, long low, long high, ReadOnlySpan<Hash32> leaves, ref ReadOnlySpan<Hash32> rest)
        {
            if (first == low && end == high)
            {
                return leaves.Length == 1 ? leaves[0] : hasher.Root(leaves);
            }

            var middle = low + Split(high - low);
            if (end <= middle)
            {
                var left = Walk(hasher, first, end, low, middle, leaves, ref rest);
                return hasher.Node(left, Take(ref rest));
            }

            if (first >= middle)
            {
                var right = Walk(hasher, first, end, middle, high, leaves, ref rest);
                return hasher.Node(Take(ref rest), right);
            }

            var mine = (int)(middle - first);
            var lower = Walk(hasher, first, middle, low, middle, leaves[..mine], ref rest);
            var upper = Walk(hasher, middle, end, middle, high, leaves[mine..], ref rest);
            return hasher.Node(lower, upper);
        }
    }

    /// <summary>The largest power of two below <paramref name="count"/> (at least 2): where RFC 6962 splits.</summary>
    internal static long Split(long count) => 1L << BitOperations.Log2((ulong)(count - 1));

    private static ProofFailure CheckBounds(long first, long count, long size)
    {
        if (size is < 0 or > TreeEdge.MaxSize)
        {
            return ProofFailure.SizeOutOfRange;
        }

        if (count == 0)
        {
            return ProofFailure.RangeEmpty;
        }

        return first < 0 || count < 0 || first >= size || count > size - first ? ProofFailure.IndexOutOfRange : ProofFailure.None;
    }

    private static int Length(long first, long end, long low, long high)
    {
        var length = 0;
        while (first != low || end != high)
        {
            var middle = low + Split(high - low);
            if (end <= middle)
            {
                high = middle;
                length++;
            }
            else if (first >= middle)
            {
                low = middle;
                length++;
            }
            else
            {
                return length + Length(first, middle, low, middle) + Length(middle, end, middle, high);
            }
        }

        return length;
    }

    /// <summary>The proof's next hash; the length was checked before.</summary>
    internal static Hash32 Take(ref ReadOnlySpan<Hash32> rest)
    {
        var hash = rest[0];
        rest = rest[1..];
        return hash;
    }
}
