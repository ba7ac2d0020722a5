using System.Numerics;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Proves that a subtree, the tree over leaves <c>[start, end)</c> alone, is part of a larger tree (Merkle Tree Certificates,
/// draft-ietf-plants-merkle-tree-certs, section 4.4). A subtree begins at a multiple of the power of two that holds it; one from leaf 0 is
/// an older tree, and its proof is RFC 6962's consistency proof.
/// <code>
/// SUBTREE(s, e, D[n], b) = []  or  [MTH(D[n])] when not b              when s = 0 and e = n
///                        = SUBTREE(s, e, D[0:k], b) : MTH(D[k:n])      when e ≤ k
///                        = SUBTREE(s-k, e-k, D[k:n], b) : MTH(D[0:k])  when s ≥ k
///                        = SUBTREE(0, e-k, D[k:n], false) : MTH(D[0:k]) otherwise (then s = 0)
/// </code>
/// </summary>
public static class SubtreeProof
{
    /// <summary>The nodes to fetch for proving the subtree in the tree of <paramref name="size"/> leaves.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no subtree, or not inside the tree.</exception>
    public static ProofPlan Plan(long start, long end, long size)
    {
        var refused = CheckBounds(start, end, size);
        if (refused != ProofFailure.None)
        {
            throw new ArgumentOutOfRangeException(nameof(start), $"{refused}: leaves {start} to {end} of {size}.");
        }

        var plan = new ProofPlan();
        Walk(plan, start, end, 0, size, whole: true);
        return plan;

        // whole is the draft's b, "this is the whole subtree, whose hash the checker has".
        static void Walk(ProofPlan plan, long start, long end, long low, long high, bool whole)
        {
            if (start == low && end == high)
            {
                if (!whole)
                {
                    plan.Add(low, high);
                }

                return;
            }

            var middle = low + RangeProof.Split(high - low);
            if (end <= middle)
            {
                Walk(plan, start, end, low, middle, whole);
                plan.Add(middle, high);
            }
            else if (start >= middle)
            {
                Walk(plan, start, end, middle, high, whole);
                plan.Add(low, middle);
            }
            else
            {
                Walk(plan, middle, end, middle, high, whole: false);
                plan.Add(low, middle);
            }
        }
    }

    /// <summary>The proof, from the hashes of the planned nodes in the plan's order.</summary>
    public static Hash32[] Compute(TreeHasher hasher, ProofPlan plan, ReadOnlySpan<Hash32> fetched) => plan.Fold(hasher, fetched);

    /// <summary>Checks that <paramref name="subtree"/> is the hash of leaves <c>[start, end)</c> of the tree (<paramref name="size"/>, <paramref name="root"/>).</summary>
    /// <remarks>
    /// <see cref="ProofFailure.OldRootMismatch"/> carries the subtree's hashes, <see cref="ProofFailure.RootMismatch"/> the roots; the subtree is compared first. Size and
    /// root must come from the same signed checkpoint.
    /// </remarks>
    public static ProofCheck Check(TreeHasher hasher, long start, long end, long size, in Hash32 subtree, in Hash32 root, ReadOnlySpan<Hash32> proof)
    {
        var refused = CheckBounds(start, end, size);
        if (refused != ProofFailure.None)
        {
            return ProofCheck.Refused(refused);
        }

        var length = Length(start, end, size);
        if (proof.Length != length)
        {
            return ProofCheck.Lengths(length, proof.Length);
        }

        var rest = proof;
        var (computedSubtree, computedRoot) = Walk(hasher, start, end, 0, size, whole: true, subtree, ref rest);
        var part = ProofCheck.Roots(computedSubtree, subtree, length, ProofFailure.OldRootMismatch);
        return part.Ok ? ProofCheck.Roots(computedRoot, root, length) : part;

        static (Hash32 Subtree, Hash32 Root) Walk(
            TreeHasher hasher, long start, long end, long low, long high, bool whole, in Hash32 subtree, ref ReadOnlySpan<Hash32> rest)
        {
            if (start == low && end == high)
            {
                var hash = whole ? subtree : RangeProof.Take(ref rest);
                return (hash, hash);
            }

            var middle = low + RangeProof.Split(high - low);
            if (end <= middle)
            {
                var (part, lower) = Walk(hasher, start, end, low, middle, whole, subtree, ref rest);
                return (part, hasher.Node(lower, RangeProof.Take(ref rest)));
            }

            if (start >= middle)
            {
                var (part, upper) = Walk(hasher, start, end, middle, high, whole, subtree, ref rest);
                return (part, hasher.Node(RangeProof.Take(ref rest), upper));
            }

            var (tail, all) = Walk(hasher, middle, end, middle, high, whole: false, subtree, ref rest);
            var left = RangeProof.Take(ref rest);
            return (hasher.Node(left, tail), hasher.Node(left, all));
        }
    }

    /// <summary>Whether <c>[start, end)</c> has the form of a subtree: not empty, and <paramref name="start"/> a multiple of the smallest power of two that is not below its width.</summary>
    public static bool IsSubtree(long start, long end) =>
        start >= 0 && end > start && (start & ((long)BitOperations.RoundUpToPowerOf2((ulong)(end - start)) - 1)) == 0;

    private static ProofFailure CheckBounds(long start, long end, long size)
    {
        if (size is < 0 or > TreeEdge.MaxSize)
        {
            return ProofFailure.SizeOutOfRange;
        }

        if (start == end)
        {
            return ProofFailure.RangeEmpty;
        }

        if (start < 0 || end < start || end > size)
        {
            return ProofFailure.IndexOutOfRange;
        }

        return IsSubtree(start, end) ? ProofFailure.None : ProofFailure.NotASubtree;
    }

    private static int Length(long start, long end, long high)
    {
        var length = 0;
        var whole = true;
        for (long low = 0; start != low || end != high; length++)
        {
            var middle = low + RangeProof.Split(high - low);
            if (end <= middle)
            {
                high = middle;
                continue;
            }

            low = middle;
            if (start < middle)
            {
                start = middle;
                whole = false;
            }
        }

        return whole ? length : length + 1;
    }
}
