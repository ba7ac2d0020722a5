using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Proves that one leaf lies at an index of a tree: RFC 6962 section 2.1.1 (<c>PATH</c>), from the leaf's sibling up to the
/// root's child. It is the range proof of a single leaf.
/// </summary>
public static class InclusionProof
{
    /// <summary>The most hashes that a proof can have.</summary>
    public const int MaxLength = 63;

    /// <summary>The nodes to fetch for proving leaf <paramref name="index"/> in the tree of <paramref name="size"/> leaves.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The leaf does not lie in the tree.</exception>
    public static ProofPlan Plan(long index, long size) => RangeProof.Plan(index, 1, size);

    /// <summary>The proof, from the hashes of the planned nodes in the plan's order.</summary>
    public static Hash32[] Compute(TreeHasher hasher, ProofPlan plan, ReadOnlySpan<Hash32> fetched) => plan.Fold(hasher, fetched);

    /// <summary>Checks that <paramref name="leaf"/> (a leaf hash) is leaf <paramref name="index"/> of the tree with this size and root.</summary>
    /// <remarks>Size and root must come from one signed checkpoint: see <see cref="RangeProof.Check"/>.</remarks>
    public static ProofCheck Check(
        TreeHasher hasher, long index, long size, in Hash32 leaf, IReadOnlyList<Hash32> proof, in Hash32 root) =>
        RangeProof.Check(hasher, index, size, [leaf], proof as Hash32[] ?? [.. proof], root);
}
