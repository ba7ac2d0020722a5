using Notary.Crypto;

namespace Notary.Ledger.Tests;

public sealed class TreeTests
{
    public static TheoryData<string> Suites => ["intl", "sm"];

    [Fact]
    public void Hashes_are_those_of_RFC_6962()
    {
        // The known answers of the Certificate Transparency reference implementation (transparency-dev/merkle, rfc6962 tests).
        var hasher = new TreeHasher(Suite.Intl);
        Assert.Equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", hasher.Empty.ToHex());
        Assert.Equal("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", hasher.Leaf([]).ToHex());
        Assert.Equal("395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56", hasher.Leaf("L123456"u8).ToHex());
    }

    [Fact]
    public void Roots_are_those_of_the_reference_tree()
    {
        // Leaves and roots of the reference tree of RFC 6962 implementations (certificate-transparency, merkle_tree_test).
        string[] leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        string[] roots =
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        var edge = TreeEdge.Empty(new TreeHasher(Suite.Intl));
        for (var i = 0; i < leaves.Length; i++)
        {
            edge.Append(edge.Hasher.Leaf(Convert.FromHexString(leaves[i])));
            Assert.Equal(roots[i], edge.Root().ToHex());
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Edge_has_the_root_of_every_size_whether_leaves_come_singly_or_in_batches(string name)
    {
        var suite = Suite.FromName(name)!;
        var hasher = new TreeHasher(suite);
        var tree = NaiveTree.OfNumbers(suite, 600);
        var single = TreeEdge.Empty(hasher);
        var random = new Random(6962);
        for (var size = 0; size <= 300; size++)
        {
            Assert.Equal(tree.Root(size), single.Root());
            Assert.Equal(size, single.Size);
            var batch = single.Clone();
            var more = random.Next(1, 300);
            batch.AppendMany([.. tree.Leaves.Skip(size).Take(more)]);
            Assert.Equal(tree.Root(size + more), batch.Root());
            Assert.Equal(tree.Root(size), single.Root());
            single.Append(tree.Leaves[size]);
        }
    }

    [Fact]
    public void Edge_reads_back_what_it_wrote_and_refuses_any_other_length()
    {
        var hasher = new TreeHasher(Suite.Intl);
        var tree = NaiveTree.OfNumbers(Suite.Intl, 301);
        var edge = TreeEdge.Empty(hasher);
        for (var size = 0; size <= 300; size++)
        {
            var bytes = edge.ToBytes();
            Assert.True(TreeEdge.TryParse(hasher, size, bytes, out var back));
            Assert.Equal(tree.Root(size), back.Root());
            Assert.Equal(bytes, back.ToBytes());
            Assert.False(TreeEdge.TryParse(hasher, size, [.. bytes, 0], out _));
            Assert.False(bytes.Length > 0 && TreeEdge.TryParse(hasher, size, bytes.AsSpan(1), out _));
            back.Append(tree.Leaves[size]);
            edge.Append(tree.Leaves[size]);
            Assert.Equal(edge.Root(), back.Root());
        }

        Assert.False(TreeEdge.TryParse(hasher, -1, [], out _));
        Assert.False(TreeEdge.TryParse(hasher, long.MaxValue, new byte[63 * 32], out _));
        Assert.True(TreeEdge.TryParse(hasher, TreeEdge.MaxSize, new byte[32], out var full));
        Assert.Throws<InvalidOperationException>(() => full.Append(default));
        Assert.Throws<InvalidOperationException>(() => full.AppendMany([default]));
    }

    [Fact]
    public void Leaves_hashes_an_arena_and_throws_for_a_message_without_its_prefix()
    {
        var hasher = new TreeHasher(Suite.Sm);
        byte[] arena = [0, 1, 2, 3, 0, 9];
        var hashes = new Hash32[2];
        hasher.Leaves(arena, [new Slice(0, 4), new Slice(4, 2)], hashes);
        Assert.Equal(hasher.Leaf([1, 2, 3]), hashes[0]);
        Assert.Equal(hasher.Leaf([9]), hashes[1]);
        Assert.Throws<ArgumentException>(() => hasher.Leaves(arena, [new Slice(1, 2)], new Hash32[1]));
        Assert.Throws<ArgumentException>(() => hasher.Leaves(arena, [new Slice(0, 0)], new Hash32[1]));
    }

    [Fact]
    public void Batch_prover_gives_every_proof_of_its_batch_without_fetching()
    {
        var hasher = new TreeHasher(Suite.Intl);
        var tree = NaiveTree.OfNumbers(Suite.Intl, 200);
        for (var before = 0; before <= 70; before++)
        {
            var edge = TreeEdge.Empty(hasher);
            edge.AppendMany([.. tree.Leaves.Take(before)]);
            foreach (var count in new[] { 1, 2, 3, 5, 8, 31, 64, 100 })
            {
                var size = before + count;
                Hash32[] leaves = [.. tree.Leaves.Skip(before).Take(count)];
                var prover = new BatchProver(edge, leaves);
                Assert.Equal(tree.Root(size), prover.Root);
                Assert.Equal(size, prover.Size);
                Assert.Equal(tree.Range(before, size, 0, size), prover.Range());
                Assert.Equal(before, edge.Size);
                for (var index = before; index < size; index++)
                {
                    Assert.Equal(tree.Path(index, 0, size), prover.Inclusion(index));
                }
            }
        }
    }

    [Fact]
    public void Range_proof_of_an_appended_batch_is_the_edge_before_it_smallest_first()
    {
        var tree = NaiveTree.OfNumbers(Suite.Intl, 100);
        var edge = TreeEdge.Empty(new TreeHasher(Suite.Intl));
        edge.AppendMany([.. tree.Leaves.Take(77)]);
        var proof = new BatchProver(edge, [.. tree.Leaves.Skip(77).Take(20)]).Range();
        Assert.Equal(edge.ToBytes(), proof.Reverse().SelectMany(hash => hash.ToArray()));
    }
}
