using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>Why a Merkle proof was refused. Numbers are frozen: reports carry them.</summary>
public enum ProofFailure
{
    /// <summary>The proof holds.</summary>
    None = 0,

    /// <summary>A tree size is negative or above <see cref="TreeEdge.MaxSize"/>.</summary>
    SizeOutOfRange = 1,

    /// <summary>The leaf, or a leaf of the range, does not lie in the tree.</summary>
    IndexOutOfRange = 2,

    /// <summary>A range without leaves proves nothing.</summary>
    RangeEmpty = 3,

    /// <summary>The older tree is larger than the newer one.</summary>
    SizesOutOfOrder = 4,

    /// <summary>Fewer hashes than the shape of the tree asks for.</summary>
    ProofTooShort = 5,

    /// <summary>More hashes than the shape of the tree asks for.</summary>
    ProofTooLong = 6,

    /// <summary>The hashes lead to another root than the one expected (for consistency: the newer root).</summary>
    RootMismatch = 7,

    /// <summary>Consistency: the hashes lead to another older root, or hash of the subtree, than the one expected.</summary>
    OldRootMismatch = 8,

    /// <summary>The leaves are no subtree: their first is no multiple of the power of two that holds them.</summary>
    NotASubtree = 9,
}

/// <summary>
/// Result of checking a proof: the reason and the raw evidence. <see cref="Computed"/> and <see cref="Expected"/> are set when
/// roots were compared; the two lengths (in hashes) always are, except when sizes or indexes were refused before.
/// </summary>
public readonly record struct ProofCheck(ProofFailure Failure, Hash32 Computed, Hash32 Expected, int ExpectedLength, int ActualLength)
{
    public bool Ok => Failure == ProofFailure.None;

    internal static ProofCheck Refused(ProofFailure failure) => new(failure, default, default, 0, 0);

    internal static ProofCheck Lengths(int expected, int actual) =>
        new(actual < expected ? ProofFailure.ProofTooShort : ProofFailure.ProofTooLong, default, default, expected, actual);

    internal static ProofCheck Roots(in Hash32 computed, in Hash32 expected, int length, ProofFailure mismatch = ProofFailure.RootMismatch) =>
        new(computed.Equals(expected) ? ProofFailure.None : mismatch, computed, expected, length, length);
}
