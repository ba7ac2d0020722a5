using Notary.Crypto;

namespace Notary.Ledger.Tests;

public sealed class ProofBoundsTests
{
    private static readonly TreeHasher Hasher = new(Suite.Intl);

    [Theory]
    [InlineData(-1, 1, ProofFailure.IndexOutOfRange)]
    [InlineData(1, 1, ProofFailure.IndexOutOfRange)]
    [InlineData(0, 0, ProofFailure.IndexOutOfRange)]
    [InlineData(0, -1, ProofFailure.SizeOutOfRange)]
    [InlineData(0, long.MaxValue, ProofFailure.SizeOutOfRange)]
    [InlineData(long.MinValue, TreeEdge.MaxSize, ProofFailure.IndexOutOfRange)]
    [InlineData(long.MaxValue, TreeEdge.MaxSize, ProofFailure.IndexOutOfRange)]
    [InlineData(0, TreeEdge.MaxSize, ProofFailure.ProofTooShort)]
    public void Inclusion_refuses_places_outside_the_tree(long index, long size, ProofFailure expected)
    {
        Assert.Equal(expected, InclusionProof.Check(Hasher, index, size, default, [], default).Failure);
    }

    [Fact]
    public void Range_refuses_no_leaves_and_more_leaves_than_the_tree_has()
    {
        Assert.Equal(ProofFailure.RangeEmpty, RangeProof.Check(Hasher, 0, 5, [], [], default).Failure);
        Assert.Equal(ProofFailure.IndexOutOfRange, RangeProof.Check(Hasher, 4, 5, new Hash32[2], [], default).Failure);
        Assert.Throws<ArgumentOutOfRangeException>(() => RangeProof.Plan(4, 2, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => RangeProof.Plan(4, long.MaxValue, 5));
    }

    [Theory]
    [InlineData(2, 1, ProofFailure.SizesOutOfOrder)]
    [InlineData(-1, 1, ProofFailure.SizeOutOfRange)]
    [InlineData(0, long.MaxValue, ProofFailure.SizeOutOfRange)]
    public void Consistency_refuses_sizes_that_no_proof_is_between(long old, long size, ProofFailure expected)
    {
        Assert.Equal(expected, ConsistencyProof.Check(Hasher, old, size, default, default, []).Failure);
        Assert.Throws<ArgumentOutOfRangeException>(() => ConsistencyProof.Plan(old, size));
    }

    [Fact]
    public void Consistency_from_the_empty_tree_is_empty_and_compares_the_roots_that_are_no_choice()
    {
        var some = Hasher.Leaf("x"u8);
        Assert.Empty(ConsistencyProof.Plan(0, 5));
        Assert.True(ConsistencyProof.Check(Hasher, 0, 5, Hasher.Empty, some, []).Ok);
        Assert.True(ConsistencyProof.Check(Hasher, 0, 0, Hasher.Empty, Hasher.Empty, []).Ok);
        Assert.Equal(ProofFailure.OldRootMismatch, ConsistencyProof.Check(Hasher, 0, 5, some, some, []).Failure);
        Assert.Equal(ProofFailure.RootMismatch, ConsistencyProof.Check(Hasher, 0, 0, Hasher.Empty, some, []).Failure);
        Assert.Equal(ProofFailure.ProofTooLong, ConsistencyProof.Check(Hasher, 0, 5, Hasher.Empty, some, [some]).Failure);
    }

    [Fact]
    public void Consistency_between_equal_sizes_is_empty_and_compares_the_roots()
    {
        Hash32 a = Hasher.Leaf("a"u8), b = Hasher.Leaf("b"u8);
        Assert.True(ConsistencyProof.Check(Hasher, 7, 7, a, a, []).Ok);
        var fork = ConsistencyProof.Check(Hasher, 7, 7, a, b, []);
        Assert.Equal(new ProofCheck(ProofFailure.RootMismatch, a, b, 0, 0), fork);
    }

    [Fact]
    public void Plans_of_the_largest_tree_stay_small()
    {
        Assert.Equal(62, InclusionProof.Plan(TreeEdge.MaxSize - 1, TreeEdge.MaxSize).ProofLength);
        Assert.True(InclusionProof.Plan(0, TreeEdge.MaxSize - 1).Count <= 2 * 62);
        Assert.True(ConsistencyProof.Plan(12345, TreeEdge.MaxSize - 1).Count <= 2 * 63);
    }

    [Fact]
    public void Compute_throws_when_not_exactly_the_planned_nodes_were_fetched()
    {
        Assert.Throws<ArgumentException>(() => InclusionProof.Compute(Hasher, InclusionProof.Plan(0, 3), []));
    }

    [Fact]
    public void Reasons_keep_their_numbers()
    {
        Assert.Equal(
            "None=0 SizeOutOfRange=1 IndexOutOfRange=2 RangeEmpty=3 SizesOutOfOrder=4 ProofTooShort=5 ProofTooLong=6 RootMismatch=7 OldRootMismatch=8 NotASubtree=9",
            string.Join(' ', Enum.GetValues<ProofFailure>().Select(failure => $"{failure}={(int)failure}")));
    }
}
