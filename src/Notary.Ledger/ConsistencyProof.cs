using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Proves that a tree extends an older one: RFC 6962 section 2.1.2 (<c>PROOF</c>), which is the <see cref="SubtreeProof"/> of the subtree from leaf 0.
/// From size 0 and between equal sizes the proof is empty, and then the roots themselves are compared.
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

        return oldSize == 0 ? new ProofPlan() : SubtreeProof.Plan(0, oldSize, newSize);
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

        if (oldSize > 0)
        {
            return SubtreeProof.Check(hasher, 0, oldSize, newSize, oldRoot, newRoot, proof);
        }

        if (proof.Length > 0)
        {
            return ProofCheck.Lengths(0, proof.Length);
        }

        // Every tree extends the empty one, whose root is no choice.
        var empty = ProofCheck.Roots(hasher.Empty, oldRoot, 0, ProofFailure.OldRootMismatch);
        return empty.Ok && newSize == 0 ? ProofCheck.Roots(hasher.Empty, newRoot, 0) : empty;
    }

    private static ProofFailure CheckBounds(long oldSize, long newSize)
    {
        if (oldSize is < 0 or > TreeEdge.MaxSize || newSize is < 0 or > TreeEdge.MaxSize)
        {
            return ProofFailure.SizeOutOfRange;
        }

        return oldSize > newSize ? ProofFailure.SizesOutOfOrder : ProofFailure.None;
    }
}
