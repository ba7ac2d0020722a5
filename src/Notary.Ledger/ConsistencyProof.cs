using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Proves that a tree extends an older one: RFC 6962 section 2.1.2 (<c>PROOF</c>). From size 0 and between equal sizes the proof
/// is empty, and then the roots themselves are compared.
/// </summary>
public static class ConsistencyProof
{
    /// <summary>The nodes to fetch for proving that the tree of <paramref name="newSize"/> leaves extends the one of <paramref name="oldSize"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The sizes are out of range or out of order.</exception>
    public static ProofPlan Plan(long oldSize, long newSize)
    {
        var refused = CheckBounds(oldSize, newSize);
        if (refused != ProofFailure.None)
        {
            throw new ArgumentOutOfRangeException(nameof(oldSize), $"{refused}: {oldSize} to {newSize}.");
        }

        var plan = new ProofPlan();
        if (oldSize > 0)
        {
            Walk(plan, oldSize, 0, newSize, whole: true);
        }

        return plan;

        // SUBPROOF(m, D[low:high], b): whole is the RFC's b, "this subtree is the whole older tree, whose root the checker has".
        static void Walk(ProofPlan plan, long old, long low, long high, bool whole)
        {
            if (old == high)
            {
                if (!whole)
                {
                    plan.Add(low, high);
                }

                return;
            }

            var middle = low + RangeProof.Split(high - low);
            if (old <= middle)
            {
                Walk(plan, old, low, middle, whole);
                plan.Add(middle, high);
            }
            else
            {
                Walk(plan, old, middle, high, whole: false);
                plan.Add(low, middle);
            }
        }
    }

    /// <summary>The proof, from the hashes of the planned nodes in the plan's order.</summary>
    public static Hash32[] Compute(TreeHasher hasher, ProofPlan plan, ReadOnlySpan<Hash32> fetched) => plan.Fold(hasher, fetched);

    /// <summary>Checks that the tree (<paramref name="newSize"/>, <paramref name="newRoot"/>) extends the tree (<paramref name="oldSize"/>, <paramref name="oldRoot"/>).</summary>
    /// <remarks>
    /// <see cref="ProofFailure.OldRootMismatch"/> carries the older roots, <see cref="ProofFailure.RootMismatch"/> the newer ones;
    /// the older is compared first. Each size must come from the same signed checkpoint as its root.
    /// </remarks>
    public static ProofCheck Check(
        TreeHasher hasher, long oldSize, long newSize, in Hash32 oldRoot, in Hash32 newRoot, ReadOnlySpan<Hash32> proof)
    {
        var refused = CheckBounds(oldSize, newSize);
        if (refused != ProofFailure.None)
        {
            return ProofCheck.Refused(refused);
        }

        var length = oldSize == 0 ? 0 : Length(oldSize, newSize);
        if (proof.Length != length)
        {
            return ProofCheck.Lengths(length, proof.Length);
        }

        if (oldSize == 0)
        {
            // Every tree extends the empty one, whose root is no choice.
            var empty = ProofCheck.Roots(hasher.Empty, oldRoot, 0, ProofFailure.OldRootMismatch);
            return empty.Ok && newSize == 0 ? ProofCheck.Roots(hasher.Empty, newRoot, 0) : empty;
        }

        var rest = proof;
        var (computedOld, computedNew) = Walk(hasher, oldSize, 0, newSize, whole: true, oldRoot, ref rest);
        var old = ProofCheck.Roots(computedOld, oldRoot, length, ProofFailure.OldRootMismatch);
        return old.Ok ? ProofCheck.Roots(computedNew, newRoot, length) : old;

        static (Hash32 Old, Hash32 New) Walk(
            TreeHasher hasher, long old, long low, long high, bool whole, in Hash32 oldRoot, ref ReadOnlySpan<Hash32> rest)
        {
            if (old == high)
            {
                var hash = whole ? oldRoot : Take(ref rest);
                return (hash, hash);
            }

            var middle = low + RangeProof.Split(high - low);
            if (old <= middle)
            {
                var (lowerOld, lowerNew) = Walk(hasher, old, low, middle, whole, oldRoot, ref rest);
                return (lowerOld, hasher.Node(lowerNew, Take(ref rest)));
            }

            var (upperOld, upperNew) = Walk(hasher, old, middle, high, whole: false, oldRoot, ref rest);
            var left = Take(ref rest);
            return (hasher.Node(left, upperOld), hasher.Node(left, upperNew));
        }
    }

    private static ProofFailure CheckBounds(long oldSize, long newSize)
    {
        if (oldSize is < 0 or > TreeEdge.MaxSize || newSize is < 0 or > TreeEdge.MaxSize)
        {
            return ProofFailure.SizeOutOfRange;
        }

        return oldSize > newSize ? ProofFailure.SizesOutOfOrder : ProofFailure.None;
    }

    private static int Length(long old, long high)
    {
        var length = 0;
        var whole = true;
        for (long low = 0; old != high; length++)
        {
            var middle = low + RangeProof.Split(high - low);
            if (old <= middle)
            {
                high = middle;
            }
            else
            {
                low = middle;
                whole = false;
            }
        }

        return whole ? length : length + 1;
    }

    private static Hash32 Take(ref ReadOnlySpan<Hash32> rest)
    {
        var hash = rest[0];
        rest = rest[1..];
        return hash;
    }
}
