using System.Buffers;
using System.Text;
using System.Text.Json;
using Notary.Chain.Tests.Postgres;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests;

public sealed class SqliteDepositTests : DepositTests
{
    protected override TestChain NewChain(string suite = "sm") => new(suite);
}

public sealed class PostgresDepositTests : DepositTests
{
    protected override TestChain NewChain(string suite = "sm") => new(suite, postgres: PostgresCluster.Shared);
}

/// <summary>What holds of a chain on every store.</summary>
public abstract class DepositTests
{
    protected abstract TestChain NewChain(string suite = "sm");

    [Theory]
    [InlineData("sm")]
    [InlineData("intl")]
    public async Task A_chain_seals_a_batch_that_proves_against_its_checkpoint_and_reads_back(string suite)
    {
        using var chain = NewChain(suite);
        Assert.Equal(6, chain.Host.Reader.Size);
        using var result = await chain.DepositMany(700, 1);
        Assert.Equal(DepositOutcome.Sealed, result.Outcome);
        Assert.Equal(6, result.First);
        Assert.Equal(700, result.Count);
        Assert.Equal(706, chain.Host.Reader.Size);

        foreach (var k in new[] { 0, 1, 255, 256, 699 })
        {
            AssertProves(chain, result.ReceiptOf(k), 6 + k);
            var later = chain.Host.Reader.Receipt(6 + k);
            Assert.Equal(result.ReceiptOf(k).Proof, later!.Proof);
            Assert.Equal(result.ReceiptOf(k).Secret, later.Secret);
        }

        AssertRange(chain, result);
        Assert.Empty(Fsck.Run(chain.Folder, new FsckOptions { Password = TestChain.Password }).Findings);
    }

    [Fact]
    public async Task Records_are_found_by_id_and_by_either_digest_after_many_batches_and_a_restart()
    {
        using var chain = NewChain();
        var random = new Random(3);
        var lines = Enumerable.Range(0, 40).Select(_ => TestChain.Line(random)).ToList();
        lines.Add(lines[7]);
        foreach (var chunk in lines.Chunk(7))
        {
            using var result = await chain.Deposit(string.Join('\n', chunk));
            Assert.Equal(chunk.Length, result.Count);
        }

        for (var round = 0; round < 2; round++)
        {
            Assert.True(await chain.Host.Index.WaitAsync(chain.Host.Reader.Size, TimeSpan.FromSeconds(20), CancellationToken.None));
            for (var i = 0; i < lines.Count; i++)
            {
                using var json = JsonDocument.Parse(lines[i]);
                var part = json.RootElement.GetProperty("parts")[0];
                foreach (var name in new[] { "sm3", "sha256" })
                {
                    Assert.True(Hash32.TryParseHex(part.GetProperty(name).GetString(), out var digest));
                    var expected = i is 7 or 40 ? new long[] { 13, 46 } : [6 + i];
                    Assert.Equal(expected, chain.Host.Reader.FindDigest(digest, 10));
                }

                Assert.True(Admission.AdmitForm(chain.Host.Reader.Entry(6 + i), out var facts).Ok);
                Assert.Equal(6 + i, chain.Host.Reader.FindId(facts.Id));
            }

            Assert.Empty(chain.Host.Reader.FindDigest(Suite.Sm.Hash([1]), 10));
            Assert.Null(chain.Host.Reader.FindId(Guid.CreateVersion7()));
            chain.Close();
        }
    }

    [Fact]
    public async Task Bad_lines_are_refused_one_by_one_and_the_good_ones_lie_without_a_gap()
    {
        using var chain = NewChain();
        var random = new Random(4);
        var good = TestChain.Line(random);
        using var result = await chain.Deposit(string.Join('\n', good, "{", TestChain.Line(random, ",\"x\":1"), TestChain.Line(random), TestChain.Line(random).Replace("document", "no-such type", StringComparison.Ordinal)));
        Assert.Equal(5, result.Lines);
        Assert.Equal(2, result.Count);
        Assert.Null(result.ErrorOf(0));
        Assert.Equal("json-syntax", result.ErrorOf(1)!.Code);
        Assert.Equal("unknown-member", result.ErrorOf(2)!.Code);
        Assert.Null(result.ErrorOf(3));
        Assert.Equal("type-invalid", result.ErrorOf(4)!.Code);
        AssertRange(chain, result);
        Assert.Equal(8, chain.Host.Reader.Size);
    }

    [Fact]
    public async Task A_repeated_request_gets_the_same_outcomes_and_another_body_under_its_key_a_conflict()
    {
        using var chain = NewChain();
        var random = new Random(5);
        var body = string.Join('\n', TestChain.Line(random), "[]", TestChain.Line(random));
        using var first = await chain.Deposit(body, "k1");
        Assert.Equal(DepositOutcome.Sealed, first.Outcome);
        using (await chain.DepositMany(3, 6))
        {
        }

        chain.Close();
        using var again = await chain.Deposit(body, "k1");
        Assert.Equal(DepositOutcome.Replayed, again.Outcome);
        Assert.Equal((first.First, first.Count, first.Lines), (again.First, again.Count, again.Lines));
        Assert.Equal(first.ErrorOf(1), again.ErrorOf(1));
        Assert.Equal(Answer(first).Take(3), Answer(again).Take(3));
        AssertRange(chain, again);
        using var other = await chain.Deposit(body + "\n" + body, "k1");
        Assert.Equal(DepositOutcome.IdempotencyConflict, other.Outcome);
        Assert.Equal(11, chain.Host.Reader.Size);
    }

    [Fact]
    public async Task Requests_from_many_callers_share_batches_and_each_gets_its_own_proof()
    {
        using var chain = NewChain();
        // Opened before the callers block the pool's threads on it: what it reads then needs one of them.
        _ = chain.Host;
        var results = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(() => chain.Deposit(TestChain.Line(new Random(i)), oneRequest: true))));
        Assert.Equal(Enumerable.Range(6, 200).Select(i => (long)i), results.Select(r => r.First).Order());
        foreach (var result in results)
        {
            AssertProves(chain, result.ReceiptOf(0), result.First);
            result.Dispose();
        }

        chain.Close();
        Assert.Empty(Fsck.Run(chain.Folder, new FsckOptions()).Findings);
    }

    [Fact]
    public async Task An_account_without_a_key_record_seals_nothing()
    {
        using var chain = NewChain();
        using var result = await chain.Host.DepositAsync(new Deposit
        {
            Body = Encoding.UTF8.GetBytes(TestChain.Line(new Random(1))), SingleRequest = true, Account = "somebody", Auth = AuthMethod.ClientSecret, Received = chain.Time.GetUtcNow(),
        });
        Assert.Equal(DepositOutcome.NoKey, result.Outcome);
        Assert.Equal(6, chain.Host.Reader.Size);
    }

    private static string[] Answer(DepositResult result)
    {
        var buffer = new ArrayBufferWriter<byte>();
        result.WriteNdjson(buffer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan).TrimEnd('\n').Split('\n');
    }

    internal static void AssertProves(TestChain chain, Receipt receipt, long index)
    {
        var genesis = chain.Host.Genesis;
        Assert.Equal(RecordNumber.Format(genesis.Code, index), receipt.Number);
        Assert.True(TlogProof.TryParse(Encoding.UTF8.GetBytes(receipt.Proof), out var proof).Ok);
        Assert.Equal(index, proof!.Index);
        Assert.True(proof.Note.Verify([genesis.LogKey]).Ok);
        Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(proof.Note.Text, out var checkpoint));
        var hasher = new TreeHasher(genesis.Suite);
        Assert.True(InclusionProof.Check(hasher, index, checkpoint!.Size, hasher.Leaf(receipt.LeafBytes), proof.Hashes, checkpoint.Root).Ok);
    }

    // What a client does with a batch's answer: its own lines, hashed, lie in the tree that the checkpoint signs.
    private static void AssertRange(TestChain chain, DepositResult result)
    {
        var lines = Answer(result);
        using var last = JsonDocument.Parse(lines[^1]);
        var range = last.RootElement.GetProperty("range");
        var hasher = new TreeHasher(chain.Host.Genesis.Suite);
        var leaves = lines[..^1].Select(l => JsonDocument.Parse(l).RootElement).Where(l => l.TryGetProperty("leaf", out _))
            .Select(l => hasher.Leaf(Encoding.UTF8.GetBytes(l.GetProperty("leaf").GetRawText()))).ToList();
        var proof = range.GetProperty("proof").EnumerateArray().Select(p => Hash32.FromSpan(p.GetBytesFromBase64())).ToList();
        Assert.True(SignedNote.TryParse(Encoding.UTF8.GetBytes(last.RootElement.GetProperty("checkpoint").GetString()!), out var note).Ok);
        Assert.True(note!.Verify([chain.Host.Genesis.LogKey]).Ok);
        Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(note.Text, out var checkpoint));
        Assert.Equal(checkpoint!.Size, range.GetProperty("size").GetInt64());
        Assert.True(RangeProof.Check(hasher, range.GetProperty("first").GetInt64(), checkpoint.Size, leaves.ToArray(), proof.ToArray(), checkpoint.Root).Ok);
    }
}
