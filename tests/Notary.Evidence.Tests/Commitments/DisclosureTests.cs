using System.Text;
using Notary.Crypto;

namespace Notary.Evidence.Tests;

public sealed class DisclosureTests
{
    private static readonly Suite Sm = Suite.Sm;
    private static readonly Guid Id = Samples.Id(1);
    private static readonly Hash32 Secret = Samples.Hash(2);
    private static readonly Dictionary<string, CanonicalValue> Metadata = Samples.Metadata(8, 1);
    private static readonly Hash32 Root = CommitmentTree.Root(Sm, FieldTree.Commitments(Sm, Samples.Origin, Id, Secret, Metadata));

    [Fact]
    public void Each_field_is_proved_alone_and_every_mutation_is_refused()
    {
        foreach (var field in Metadata.Keys)
        {
            var proved = FieldDisclosure.Prove(Sm, Samples.Origin, Id, Secret, Metadata, field);
            DisclosureFailure Check(FieldDisclosure d, string? origin = null, Guid? id = null, Hash32? root = null) =>
                d.Check(Sm, origin ?? Samples.Origin, id ?? Id, root ?? Root).Failure;
            Assert.Equal(DisclosureFailure.None, Check(proved));
            Assert.Equal(DisclosureFailure.Mismatch, Check(proved, origin: "notary.test/beijing"));
            Assert.Equal(DisclosureFailure.Mismatch, Check(proved, id: Samples.Id(2)));
            Assert.Equal(DisclosureFailure.Mismatch, Check(proved, root: Samples.Hash(9)));
            Assert.Equal(DisclosureFailure.Names, Check(proved with { Opening = proved.Opening with { Name = "colour" } }));
            Assert.NotEqual(DisclosureFailure.None, Check(proved with { Opening = proved.Opening with { Name = field == "title" ? "tool" : "title" } }));
            Assert.Equal(DisclosureFailure.Mismatch, Check(proved with { Opening = proved.Opening with { Salt = Samples.Hash(8) } }));
            Assert.Equal(DisclosureFailure.Mismatch, Check(proved with { Opening = proved.Opening with { Value = field == "files" ? "[\"x\"]"u8.ToArray() : "\"x\""u8.ToArray() } }));
            Assert.Equal(DisclosureFailure.Value, Check(proved with { Opening = proved.Opening with { Value = "7"u8.ToArray() } }));
            Assert.Equal(DisclosureFailure.Value, Check(proved with { Opening = proved.Opening with { Value = " \"x\""u8.ToArray() } }));
            Assert.Equal(DisclosureFailure.Mismatch, Check(proved with { Proof = [.. proved.Proof.Skip(1)] }));
            Assert.Equal(DisclosureFailure.Mismatch, Check(proved with { Proof = [.. proved.Proof, Samples.Hash(1)] }));
            for (var i = 0; i < proved.Proof.Count; i++)
            {
                Assert.Equal(DisclosureFailure.Mismatch, Check(proved with { Proof = [.. proved.Proof.Select((h, at) => at == i ? Samples.Hash(1) : h)] }));
            }
        }
    }

    [Fact]
    public void Absent_fields_have_commitments_like_any_other()
    {
        var commitments = FieldTree.Commitments(Sm, Samples.Origin, Id, Secret, Metadata);
        Assert.Equal(20, commitments.Distinct().Count());
        Assert.DoesNotContain(default(Hash32), commitments);
        Assert.NotEqual(Commitment.Absent(Sm, Secret, "title"), Commitment.Salt(Sm, Secret, "title"));
    }

    [Fact]
    public void Value_of_a_part_is_refused_in_any_other_spelling()
    {
        foreach (var part in (EvidencePart[])[Samples.Part(1), Samples.Tree(1)])
        {
            var value = part.ToValue().ToBytes();
            Assert.True(EvidencePart.TryParse(value, out var back));
            Assert.Equal(part, back);
            var random = new Random(4);
            for (var i = 0; i < 5_000; i++)
            {
                var mutated = Mutation.Of(random, (byte[])value.Clone());
                if (EvidencePart.TryParse(mutated, out var other))
                {
                    Assert.Equal(mutated, other.ToValue().ToBytes());
                }
            }
        }
    }

    [Theory]
    [InlineData(TreeRule.Line, "a\nb\r\n\nlast", "a\n|b\r\n|\n|last")]
    [InlineData(TreeRule.Line, "a\n", "a\n")]
    [InlineData(TreeRule.Row, "id,text\n1,\"two\nlines\"\n2,\"a \"\"quoted\"\"\n\"\n3,x", "id,text\n|1,\"two\nlines\"\n|2,\"a \"\"quoted\"\"\n\"\n|3,x")]
    public void File_is_cut_into_rows_that_are_the_file(TreeRule rule, string file, string rows)
    {
        var expected = rows.Split('|');
        var bytes = Encoding.ASCII.GetBytes(file);
        for (var chunk = 1; chunk <= bytes.Length; chunk++)
        {
            var builder = new TreePartBuilder(Sm, Samples.Origin, Id, Secret, 0, rule);
            for (var at = 0; at < bytes.Length; at += chunk)
            {
                Assert.True(builder.TryAppend(bytes.AsSpan(at, Math.Min(chunk, bytes.Length - at))));
            }

            var commitments = builder.Finish();
            Assert.Equal(expected.Select(static (row, i) => SaltedValue.Of(Sm, Secret, Commitment.RowName(0, i), Encoding.ASCII.GetBytes(row)).Commit(Sm, Samples.Origin, Id)), commitments);
            Assert.All(expected, row => Assert.True(TreePartBuilder.IsRow(rule, Encoding.ASCII.GetBytes(row))));
            Assert.False(TreePartBuilder.IsRow(rule, Encoding.ASCII.GetBytes(expected[0] + "more\n" + expected[0])));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    public void One_row_is_proved_alone_and_every_mutation_is_refused(int partCount)
    {
        var rows = Enumerable.Range(0, 37).Select(static i => Encoding.ASCII.GetBytes($"{i},{i * i}\n")).ToArray();
        var builder = new TreePartBuilder(Sm, Samples.Origin, Id, Secret, 0, TreeRule.Row);
        Assert.True(builder.TryAppend([.. rows.SelectMany(static r => r)]));
        var commitments = builder.Finish();
        var tree = Samples.Part(1) with { Kind = PartKind.Tree, Rule = TreeRule.Row, Rows = rows.Length, Root = CommitmentTree.Root(Sm, [.. commitments]) };
        EvidencePart[] parts = [tree, .. Enumerable.Range(1, partCount - 1).Select(Samples.Part)];
        var record = RecordOf(parts);
        var partProof = partCount > 16 ? CommitmentTree.Prove(Sm, Commitments(parts), 0) : [];
        for (var i = 0; i < rows.Length; i++)
        {
            var proved = RowDisclosure.Prove(Sm, Secret, tree, 0, commitments, i, rows[i]);
            DisclosureFailure Check(RowDisclosure d) => d.Check(Sm, record, partProof).Failure;
            Assert.Equal(DisclosureFailure.None, Check(proved));
            Assert.Equal(DisclosureFailure.Mismatch, Check(proved with { Opening = proved.Opening with { Value = "0,1\n"u8.ToArray() } }));
            Assert.Equal(DisclosureFailure.Row, Check(proved with { Opening = proved.Opening with { Value = "0,1\n2,3\n"u8.ToArray() } }));
            Assert.Equal(DisclosureFailure.Names, Check(proved with { Row = i + 1 }));
            Assert.Equal(DisclosureFailure.Row, Check(proved with { Row = 37, Opening = proved.Opening with { Name = Commitment.RowName(0, 37) } }));
            Assert.Equal(DisclosureFailure.Absent, Check(proved with { Part = partCount }));
            Assert.Equal(DisclosureFailure.Mismatch, Check(proved with { PartOpening = proved.PartOpening with { Salt = Samples.Hash(1) } }));
            Assert.Equal(DisclosureFailure.Mismatch, Check(proved with { PartOpening = proved.PartOpening with { Value = (tree with { Rows = 38 }).ToValue().ToBytes() } }));
            Assert.Equal(DisclosureFailure.Mismatch, Check(proved with { Proof = [.. proved.Proof, Samples.Hash(1)] }));
        }
    }

    private static Hash32[] Commitments(EvidencePart[] parts) =>
        [.. parts.Select(static (part, i) => SaltedValue.Of(Sm, Secret, Commitment.PartName(i), part.ToValue().ToBytes()).Commit(Sm, Samples.Origin, Id))];

    private static EvidenceRecord RecordOf(EvidencePart[] parts)
    {
        var commitments = Commitments(parts);
        var record = TestChain.Evidence();
        return record with
        {
            Parts = parts.Length > 16 ? [] : commitments, PartRoot = parts.Length > 16 ? CommitmentTree.Root(Sm, commitments) : null,
            Facts = record.Facts with { Id = Id, PartCount = parts.Length },
        };
    }
}

/// <summary>The ledger holds nothing that can be guessed back into the content, however few values the content can have.</summary>
public sealed class GuessingTests
{
    [Fact]
    public void Ledger_bytes_alone_do_not_tell_which_of_a_thousand_contents_was_sealed()
    {
        const int sealedContent = 417;
        var contents = Enumerable.Range(0, 1000).Select(static i => Encoding.ASCII.GetBytes($"amount: {i:D3} yuan")).ToArray();
        foreach (var suite in (Suite[])[Suite.Sm, Suite.Intl])
        {
            using var requests = RequestBatch.Parse(Samples.Body(contents.Select(static c => Request(c))));
            using var batch = LeafBatch.Build(
                suite, Samples.Origin, Samples.Submitter, requests, Enumerable.Repeat(Samples.Id(1), 1000).ToArray(), Samples.Secrets(1000), Samples.Received);
            EvidenceRecord.TryParse(batch.Leaf(sealedContent), out var record);
            var leaf = Encoding.ASCII.GetString(batch.Leaf(sealedContent));

            // Everything that stands in the leaf, tried as a salt or as a secret, and none at all.
            var guesses = new List<Hash32> { default, record!.Parts[0], record.FieldRoot!.Value, suite.Hash(batch.Leaf(sealedContent)), suite.Hash(record.Facts.Id.ToByteArray(true)) };
            var matches = 0;
            for (var i = 0; i < contents.Length; i++)
            {
                var request = Request(contents[i]);
                var value = request.Parts[0].ToValue().ToBytes();
                foreach (var guess in guesses)
                {
                    matches += Commitment.Compute(suite, Samples.Origin, record.Facts.Id, "part/0", guess, value) == record.Parts[0] ? 1 : 0;
                    matches += Commitment.Compute(suite, Samples.Origin, record.Facts.Id, "part/0", Commitment.Salt(suite, guess, "part/0"), value) == record.Parts[0] ? 1 : 0;
                    matches += CommitmentTree.Root(suite, FieldTree.Commitments(suite, Samples.Origin, record.Facts.Id, guess, request.Metadata!)) == record.FieldRoot ? 1 : 0;
                }

                // No digest of the content, of its value or of its metadata stands in the leaf in the clear.
                foreach (var plain in (ReadOnlySpan<byte[]>)[contents[i], value, request.Metadata!["title"].ToBytes()])
                {
                    matches += leaf.Contains(Suite.Sm.Hash(plain).ToHex(), StringComparison.Ordinal) || leaf.Contains(Suite.Intl.Hash(plain).ToHex(), StringComparison.Ordinal) ? 1 : 0;
                }

                Assert.Equal(batch.Leaf(0).Length, batch.Leaf(i).Length);
            }

            Assert.Equal(0, matches);

            var salt = Commitment.Salt(suite, batch.Secrets[sealedContent], "part/0");
            var opened = Enumerable.Range(0, 1000).Where(i =>
                Commitment.Compute(suite, Samples.Origin, record.Facts.Id, "part/0", salt, Request(contents[i]).Parts[0].ToValue().ToBytes()) == record.Parts[0]);
            Assert.Equal([sealedContent], opened);
            var opened2 = Enumerable.Range(0, 1000).Where(i =>
                CommitmentTree.Root(suite, FieldTree.Commitments(suite, Samples.Origin, record.Facts.Id, batch.Secrets[sealedContent], Request(contents[i]).Metadata!)) == record.FieldRoot);
            Assert.Equal([sealedContent], opened2);
        }
    }

    [Fact]
    public void Leaves_of_two_contents_differ_only_where_commitments_stand_and_their_digits_spread_alike()
    {
        var counts = new int[2, 16];
        for (var content = 0; content < 2; content++)
        {
            using var requests = RequestBatch.Parse(Samples.Body(Enumerable.Repeat(Request([(byte)content]), 1000)));
            using var batch = Samples.Build(Suite.Sm, requests);
            for (var i = 0; i < batch.Count; i++)
            {
                EvidenceRecord.TryParse(batch.Leaf(i), out var record);
                foreach (var digit in record!.Parts[0].ToHex() + record.FieldRoot!.Value.ToHex())
                {
                    counts[content, Convert.ToInt32(digit.ToString(), 16)]++;
                }

                var blank = Encoding.ASCII.GetString(batch.Leaf(i)).Replace(record.Parts[0].ToHex(), "", StringComparison.Ordinal)
                    .Replace(record.FieldRoot.Value.ToHex(), "", StringComparison.Ordinal).Replace(record.Facts.Id.ToString(), "", StringComparison.Ordinal);
                Assert.Equal(Blank(content, i), blank);
            }
        }

        // 128,000 digits a content: 8,000 of each, and a deviation of five sigma is 433. Seeds are fixed, so this cannot flicker.
        foreach (var count in counts)
        {
            Assert.InRange(count, 8000 - 433, 8000 + 433);
        }
    }

    private static string? _blank;

    private static string Blank(int content, int i)
    {
        if (_blank is null && content == 0 && i == 0)
        {
            using var requests = RequestBatch.Parse(Samples.Body([Request([0])]));
            using var batch = Samples.Build(Suite.Sm, requests);
            EvidenceRecord.TryParse(batch.Leaf(0), out var record);
            _blank = Encoding.ASCII.GetString(batch.Leaf(0)).Replace(record!.Parts[0].ToHex(), "", StringComparison.Ordinal)
                .Replace(record.FieldRoot!.Value.ToHex(), "", StringComparison.Ordinal).Replace(record.Facts.Id.ToString(), "", StringComparison.Ordinal);
        }

        return _blank!;
    }

    private static EvidenceRequest Request(byte[] content) => new()
    {
        Type = "contract",
        Parts = [new EvidencePart(PartKind.File, "text/plain", Suite.Sm.Hash(content), Suite.Intl.Hash(content), content.Length)],
        Metadata = new Dictionary<string, CanonicalValue> { ["title"] = CanonicalValue.Of(Convert.ToHexString(content)) },
    };
}
