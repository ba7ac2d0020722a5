using System.Text;

namespace Notary.Ledger.Tests;

/// <summary>Every worked example in the documents is recomputed, and every computed one is in its document.</summary>
public sealed class SpecTests
{
    private const string Fence = "```text example=";

    [Theory]
    [InlineData("tree.md")]
    [InlineData("note.md")]
    [InlineData("proof.md")]
    [InlineData("mirror.md")]
    public void Examples_of_the_document_are_what_the_code_computes(string document)
    {
        var written = Blocks(document);
        var computed = Examples.Of(document);
        Assert.Equal(computed.Keys, written.Keys);
        foreach (var (name, text) in computed)
        {
            Assert.Equal(text, written[name]);
        }
    }

    [Theory]
    [InlineData("sm")]
    [InlineData("intl")]
    public void Note_and_proof_of_the_documents_verify_with_what_the_documents_say_alone(string suite)
    {
        var notes = Blocks("note.md");
        var proofs = Blocks("proof.md");
        Assert.True(QuorumPolicy.TryParse(notes[$"policy-{suite}"], out var policy).Ok);
        Assert.True(SignedNote.TryParse(Encoding.UTF8.GetBytes(notes[$"final-{suite}"]), out var final).Ok);
        Assert.True(policy!.Evaluate(final!).Ok);
        Assert.Equal(notes[$"final-{suite}"], Encoding.UTF8.GetString(policy.SelectFinal(final!)!));

        // The proof carries the log's note alone: enough where the quorum is none.
        var log = notes[$"policy-{suite}"].Split('\n').Single(line => line.StartsWith("log ", StringComparison.Ordinal));
        Assert.True(QuorumPolicy.TryParse(log + "\nquorum none\n", out var none).Ok);
        Assert.True(TlogProof.TryParse(Encoding.UTF8.GetBytes(proofs[$"tlog-proof-{suite}"]), out var proof).Ok);
        var leaf = new TreeHasher(proof!.Suite).Leaf("record 4"u8);
        Assert.True(proof.Verify(leaf, none!).Ok);
        Assert.Equal(TlogProofFailure.PolicyNotSatisfied, proof.Verify(leaf, policy).Failure);
        Assert.Equal(proofs[$"inclusion-{suite}"], string.Concat(proof.Hashes.Select(hash => hash.ToHex() + "\n")));
    }

    private static SortedDictionary<string, string> Blocks(string document)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "docs", "spec", document)))
        {
            folder = folder.Parent ?? throw new FileNotFoundException(document);
        }

        var blocks = new SortedDictionary<string, string>(StringComparer.Ordinal);
        string? name = null;
        foreach (var line in File.ReadAllLines(Path.Combine(folder.FullName, "docs", "spec", document)))
        {
            if (name is null && line.StartsWith(Fence, StringComparison.Ordinal))
            {
                name = line[Fence.Length..];
                blocks.Add(name, "");
            }
            else if (name is not null && line == "```")
            {
                name = null;
            }
            else if (name is not null)
            {
                blocks[name] += line + "\n";
            }
        }

        return blocks;
    }
}
