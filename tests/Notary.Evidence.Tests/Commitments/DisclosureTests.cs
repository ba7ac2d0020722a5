using System.Text;
using Notary.Crypto;

namespace Notary.Evidence.Tests;

public sealed class DisclosureTests
{
    private static readonly Suite Sm = Suite.Sm;
    private static readonly Guid Id = Samples.Id(1);
    private static readonly Hash32 Secret = Samples.Hash(2);
    private static readonly Dictionary<string, CanonicalValue> Metadata = Samples.Metadata(8, 1);
    private static readonly Hash32 Root = CommitmentTree.Root(Sm, FieldOpenings.Commitments(Sm, Samples.Origin, Id, Secret, Metadata));

    [Fact]
    public void Every_subset_of_one_two_or_all_fields_opens()
    {
        foreach (var a in Metadata.Keys)
        {
            foreach (var b in Metadata.Keys)
            {
                var openings = FieldOpenings.Prove(Sm, Samples.Origin, Id, Secret, Metadata, name => name == a || name == b);
                Assert.Equal(a == b ? 1 : 2, openings.Opened.Count);
                Assert.True(openings.Check(Sm, Samples.Origin, Id, Root).Ok);
            }
        }

        Assert.True(FieldOpenings.Prove(Sm, Samples.Origin, Id, Secret, Metadata, static _ => true).Check(Sm, Samples.Origin, Id, Root).Ok);
    }

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
    public void Absent_and_withheld_fields_look_alike()
    {
        var openings = FieldOpenings.Prove(Sm, Samples.Origin, Id, Secret, Metadata, static _ => false);
        Assert.Equal(MetadataFields.Names, openings.Hidden.Select(static h => h.Name));
        Assert.Equal(20, openings.Hidden.Select(static h => h.Commitment).Distinct().Count());
        Assert.True(openings.Check(Sm, Samples.Origin, Id, Root).Ok);
    }

    [Fact]
    public void Openings_that_miss_double_or_reorder_a_name_are_refused()
    {
        var good = FieldOpenings.Prove(Sm, Samples.Origin, Id, Secret, Metadata, static _ => true);
        Assert.Equal(DisclosureFailure.Names, (good with { Opened = [.. good.Opened.Skip(1)] }).Check(Sm, Samples.Origin, Id, Root).Failure);
        Assert.Equal(DisclosureFailure.Names, (good with { Opened = [.. good.Opened, good.Opened[0]] }).Check(Sm, Samples.Origin, Id, Root).Failure);
        Assert.Equal(DisclosureFailure.Names, (good with { Opened = [.. good.Opened.Reverse()] }).Check(Sm, Samples.Origin, Id, Root).Failure);
        Assert.Equal(DisclosureFailure.Names, (good with { Hidden = [.. good.Hidden, (good.Opened[0].Name, Samples.Hash(1))] }).Check(Sm, Samples.Origin, Id, Root).Failure);
        Assert.Equal(DisclosureFailure.Mismatch, (good with { Hidden = [.. good.Hidden.Select(static h => (h.Name, Samples.Hash(1)))] }).Check(Sm, Samples.Origin, Id, Root).Failure);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(17)]
    public void Parts_open_against_the_leaf(int count)
    {
        var parts = Enumerable.Range(0, count).Select(static i => i == 0 ? Samples.Tree(1) : Samples.Part(i)).ToArray();
        var record = RecordOf(parts);
        var openings = PartOpenings.Prove(Sm, Secret, parts);
        Assert.True(openings.Check(Sm, record, out var opened).Ok);
        Assert.Equal(parts, opened);
        Assert.Equal(DisclosureFailure.Names, new PartOpenings([.. openings.Opened.Skip(1)]).Check(Sm, record, out _).Failure);
        var changed = openings.Opened.Select((o, i) => i == count - 1 ? o with { Value = Samples.Part(99).ToValue().ToBytes() } : o);
        Assert.Equal(DisclosureFailure.Mismatch, new PartOpenings([.. changed]).Check(Sm, record, out _).Failure);
        var spoiled = openings.Opened.Select((o, i) => i == 0 ? o with { Value = (byte[])[.. o.Value.Span, (byte)' '] } : o);
        Assert.Equal(DisclosureFailure.Value, new PartOpenings([.. spoiled]).Check(Sm, record, out _).Failure);
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
            Assert.Equal(expected.Select(static (row, i) => Opening.Of(Sm, Secret, Commitment.RowName(0, i), Encoding.ASCII.GetBytes(row)).Commit(Sm, Samples.Origin, Id)), commitments);
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
        var partProof = partCount > 16 ? CommitmentTree.Prove(Sm, PartOpenings.Prove(Sm, Secret, parts).Opened.Select(o => o.Commit(Sm, Samples.Origin, Id)).ToArray(), 0) : [];
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

    private static EvidenceRecord RecordOf(EvidencePart[] parts)
    {
        var commitments = PartOpenings.Prove(Sm, Secret, parts).Opened.Select(static o => o.Commit(Sm, Samples.Origin, Id)).ToArray();
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
                    matches += CommitmentTree.Root(suite, FieldOpenings.Commitments(suite, Samples.Origin, record.Facts.Id, guess, request.Metadata!)) == record.FieldRoot ? 1 : 0;
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
                CommitmentTree.Root(suite, FieldOpenings.Commitments(suite, Samples.Origin, record.Facts.Id, batch.Secrets[sealedContent], Request(contents[i]).Metadata!)) == record.FieldRoot);
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
