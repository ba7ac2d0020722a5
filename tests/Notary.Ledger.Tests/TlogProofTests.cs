using System.Text;
using Notary.Crypto;

namespace Notary.Ledger.Tests;

public sealed class TlogProofTests
{
    public static TheoryData<string> Suites => ["intl", "sm"];

    [Theory]
    [MemberData(nameof(Suites))]
    public void Proof_verifies_and_no_byte_of_it_can_be_changed(string name)
    {
        var suite = Suite.FromName(name)!;
        var proof = Proof(suite, 4, null);
        Assert.True(QuorumPolicy.TryParse(Examples.PolicyText(suite).Replace("group nodes 2", "group nodes all", StringComparison.Ordinal), out var policy).Ok);
        var leaf = new TreeHasher(suite).Leaf("record 4"u8);
        var bytes = Encoding.UTF8.GetBytes(proof.Format());
        Assert.Equal(TlogProofFailure.None, proof.Verify(leaf, policy!).Failure);
        Assert.True(Verify(bytes, leaf, policy!));
        var random = new Random(11);

        // Every fifth byte, from a seeded start; every one with NOTARY_LONG=1: a verification takes four signatures.
        var step = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? 1 : 5;
        for (var at = random.Next(step); at < bytes.Length; at += step)
        {
            var bit = (byte)(1 << random.Next(8));
            bytes[at] ^= bit;
            Assert.False(Verify(bytes, leaf, policy!), $"byte {at}");
            bytes[at] ^= bit;
        }

        Assert.False(Verify(bytes, new TreeHasher(suite).Leaf("record 5"u8), policy!));
    }

    [Fact]
    public void Proof_is_refused_with_its_reason()
    {
        var suite = Suite.Intl;
        QuorumPolicy.TryParse(Examples.PolicyText(suite), out var policy);
        QuorumPolicy.TryParse("quorum none\n", out var foreign);
        var leaf = new TreeHasher(suite).Leaf("record 4"u8);
        var proof = Proof(suite, 4, null);
        var refused = proof.Verify(leaf, foreign!);
        Assert.Equal((TlogProofFailure.PolicyNotSatisfied, QuorumFailure.UnknownLog), (refused.Failure, refused.Quorum.Failure));
        Assert.Null(refused.Inclusion);

        // An sm header over an intl log's checkpoint.
        var mixed = TlogProof.Create(Suite.Sm, 4, proof.Hashes, proof.Note);
        Assert.Equal(TlogProofFailure.SuiteMismatch, mixed.Verify(leaf, policy!).Failure);

        foreach (var (index, hashes, reason) in new (long, Hash32[], ProofFailure)[]
        {
            (3, [.. proof.Hashes], ProofFailure.RootMismatch),
            (5, [.. proof.Hashes], ProofFailure.RootMismatch),
            (6, [.. proof.Hashes], ProofFailure.ProofTooLong),
            (7, [.. proof.Hashes], ProofFailure.IndexOutOfRange),
            (4, [.. proof.Hashes.Skip(1)], ProofFailure.ProofTooShort),
            (4, [.. proof.Hashes, leaf], ProofFailure.ProofTooLong),
            (4, [.. proof.Hashes.Reverse()], ProofFailure.RootMismatch),
        })
        {
            var check = TlogProof.Create(suite, index, hashes, proof.Note).Verify(leaf, policy!);
            Assert.Equal((TlogProofFailure.NotIncluded, reason), (check.Failure, check.Inclusion!.Value.Failure));
            Assert.True(check.Quorum.Ok);
        }
    }

    [Theory]
    [InlineData("", TlogProofProblem.UnknownHeader, 0)]
    [InlineData("c2sp.org/tlog-proof@v1", TlogProofProblem.UnknownHeader, 0)]
    [InlineData("c2sp.org/tlog-proof@v2\n", TlogProofProblem.UnknownHeader, 0)]
    [InlineData("H\n", TlogProofProblem.BadIndex, 23)]
    [InlineData("H\nextra \nindex 0\n\n", TlogProofProblem.BadExtra, 23)]
    [InlineData("H\nextra AA\nindex 0\n\n", TlogProofProblem.BadExtra, 23)]
    [InlineData("H\nextra AB==\nindex 0\n\n", TlogProofProblem.BadExtra, 23)]
    [InlineData("H\nextra AA==\nextra AA==\nindex 0\n\n", TlogProofProblem.BadIndex, 34)]
    [InlineData("H\nindex\n\n", TlogProofProblem.BadIndex, 23)]
    [InlineData("H\nindex 00\n\n", TlogProofProblem.BadIndex, 23)]
    [InlineData("H\nindex -1\n\n", TlogProofProblem.BadIndex, 23)]
    [InlineData("H\nindex 9223372036854775807\n\n", TlogProofProblem.BadIndex, 23)]
    [InlineData("H\nindex 0\n", TlogProofProblem.NoSeparator, 31)]
    [InlineData("H\nindex 0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", TlogProofProblem.NoSeparator, 76)]
    [InlineData("H\nindex 0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n\n", TlogProofProblem.BadHash, 31)]
    [InlineData("H\nindex 0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n\n", TlogProofProblem.BadHash, 31)]
    [InlineData("H\nindex 0\nAAAA\n\n", TlogProofProblem.BadHash, 31)]
    [InlineData("H\nindex 0\n\n", TlogProofProblem.BadNote, 32)]
    [InlineData("H\nindex 0\n\ntext\n\n— a AAAAAAE=\n", TlogProofProblem.BadCheckpoint, 32)]
    public void Bytes_that_are_no_proof_are_refused_with_reason_and_offset(string text, TlogProofProblem problem, int offset)
    {
        var parse = TlogProof.TryParse(Encoding.UTF8.GetBytes(text.Replace("H\n", TlogProof.IntlHeader + "\n", StringComparison.Ordinal)), out var proof);
        Assert.Equal((problem, offset), (parse.Problem, parse.Offset));
        Assert.Null(proof);
    }

    [Fact]
    public void More_hashes_than_a_tree_can_ask_for_are_refused()
    {
        var hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
        var note = Examples.LogNote(Suite.Intl).Format();
        var head = TlogProof.IntlHeader + "\nindex 0\n";
        Assert.True(TlogProof.TryParse(Encoding.UTF8.GetBytes(head + string.Concat(Enumerable.Repeat(hash, 63)) + "\n" + note), out _).Ok);
        Assert.Equal(TlogProofProblem.TooManyHashes, TlogProof.TryParse(Encoding.UTF8.GetBytes(head + string.Concat(Enumerable.Repeat(hash, 64)) + "\n" + note), out _).Problem);
        Assert.Equal(TlogProofProblem.TooLong, TlogProof.TryParse(new byte[TlogProof.MaxLength + 1], out _).Problem);
    }

    [Fact]
    public void Extra_data_is_carried_and_empty_extra_data_is_none()
    {
        var proof = Proof(Suite.Intl, 0, [1, 2, 3]);
        Assert.Contains("\nextra AQID\nindex 0\n", proof.Format(), StringComparison.Ordinal);
        Assert.True(TlogProof.TryParse(Encoding.UTF8.GetBytes(proof.Format()), out var back).Ok);
        Assert.Equal([1, 2, 3], back!.Extra!.Value.ToArray());
        Assert.Null(Proof(Suite.Intl, 0, []).Extra);
        Assert.DoesNotContain("extra", Proof(Suite.Intl, 0, null).Format(), StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_parse_format_to_themselves_and_none_throw()
    {
        var random = new Random(13);
        var good = Encoding.UTF8.GetBytes(Proof(Suite.Sm, 4, [9, 9]).Format());
        var parsed = 0;
        for (var round = 0; round < 40_000; round++)
        {
            var bytes = Mutation.Of(good, random);
            if (TlogProof.TryParse(bytes, out var proof).Ok)
            {
                parsed++;
                Assert.Equal(bytes, Encoding.UTF8.GetBytes(proof!.Format()));
            }
        }

        Assert.True(parsed > 100, $"{parsed}");
    }

    private static TlogProof Proof(Suite suite, int index, byte[]? extra)
    {
        var tree = new NaiveTree(suite, Examples.Leaves(new TreeHasher(suite)));
        return TlogProof.Create(suite, index, tree.Path(index, 0, Examples.Size), Examples.CosignedNote(suite), extra);
    }

    private static bool Verify(byte[] bytes, Hash32 leaf, QuorumPolicy policy) =>
        TlogProof.TryParse(bytes, out var proof).Ok && proof!.Verify(leaf, policy).Ok;
}
