using System.Text;
using Notary.Crypto;

namespace Notary.Evidence.Tests;

public sealed class LeafBatchTests
{
    public static TheoryData<string> Suites => ["sm", "intl"];

    [Theory]
    [MemberData(nameof(Suites))]
    public void Batch_makes_the_leaf_that_the_definitions_make_one_by_one(string suiteName)
    {
        var suite = Suite.FromName(suiteName)!;
        var requests = Samples.Requests();
        using var parsed = RequestBatch.Parse(Samples.Body(requests));
        Assert.Equal(requests.Count, parsed.Count);
        using var batch = Samples.Build(suite, parsed);
        batch.Seal(Samples.Sealed);
        var hashes = new Hash32[batch.Count];
        batch.HashLeaves(suite, hashes);
        for (var i = 0; i < requests.Count; i++)
        {
            var expected = OneByOne(suite, requests[i], Samples.Id(i), Samples.Secrets(requests.Count)[i]);
            Assert.Equal(Encoding.UTF8.GetString(expected.ToCanonical()), Encoding.UTF8.GetString(batch.Leaf(i)));
            Assert.Equal(suite.Hash([0], expected.ToCanonical()), hashes[i]);
            Assert.Equal(requests[i].Drawn?.Secret ?? Samples.Secrets(requests.Count)[i], batch.Secrets[i]);
        }
    }

    [Fact]
    public void Facts_of_the_batch_equal_those_of_the_final_bytes_and_of_the_placeholder()
    {
        using var parsed = RequestBatch.Parse(Samples.Body(Samples.Requests()));
        using var batch = Samples.Build(Suite.Sm, parsed);
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < batch.Count; i++)
            {
                Assert.True(Admission.AdmitForm(batch.Leaf(i), out var facts).Ok);
                Assert.Equal(facts, batch.Facts(i));
                Assert.True(Canonical.Check(batch.Leaf(i)).Ok);
            }

            batch.Seal(Samples.Sealed);
        }
    }

    [Fact]
    public void Full_reader_gives_back_the_record()
    {
        using var parsed = RequestBatch.Parse(Samples.Body(Samples.Requests()));
        using var batch = Samples.Build(Suite.Intl, parsed);
        for (var i = 0; i < batch.Count; i++)
        {
            Assert.True(EvidenceRecord.TryParse(batch.Leaf(i), out var record).Ok);
            Assert.Equal(batch.Leaf(i).ToArray(), record!.ToCanonical());
        }
    }

    [Fact]
    public void Item_plaintext_gives_back_parts_metadata_and_nonce()
    {
        var requests = Samples.Requests();
        using var parsed = RequestBatch.Parse(Samples.Body(requests));
        using var batch = Samples.Build(Suite.Sm, parsed);
        for (var i = 0; i < batch.Count; i++)
        {
            Assert.Equal(ItemProblem.None, ItemPlaintext.TryParse(batch.ItemPlaintext(i), out var item));
            Assert.Equal(requests[i].Parts, item!.Parts);
            Assert.Equal(requests[i].Statement?.Nonce, item.StatementNonce);
            Assert.Equal(
                requests[i].Metadata?.OrderBy(static m => m.Key, StringComparer.Ordinal).Select(static m => (m.Key, Encoding.UTF8.GetString(m.Value.ToBytes()))) ?? [],
                item.MetadataValues().Select(static m => (m.Key, Encoding.UTF8.GetString(m.Value.ToBytes()))));
        }
    }

    [Fact]
    public void Item_plaintext_is_refused_when_cut_or_longer_at_any_place()
    {
        using var parsed = RequestBatch.Parse(Samples.Body(Samples.Requests().Take(8)));
        using var batch = Samples.Build(Suite.Sm, parsed);
        for (var i = 0; i < batch.Count; i++)
        {
            var bytes = batch.ItemPlaintext(i).ToArray();
            for (var cut = 0; cut < bytes.Length; cut++)
            {
                Assert.NotEqual(ItemProblem.None, ItemPlaintext.TryParse(bytes.AsSpan(0, cut), out _));
            }

            Assert.NotEqual(ItemProblem.None, ItemPlaintext.TryParse([.. bytes, 0], out _));
        }
    }

    [Fact]
    public void Refused_rows_make_no_leaf_and_the_others_keep_their_line()
    {
        var requests = Samples.Requests();
        using var parsed = RequestBatch.Parse(Samples.Body(requests));
        parsed.Refuse(0, new RequestProblem("type-not-accepted", "refused"));
        parsed.Refuse(5, new RequestProblem("type-not-accepted", "refused"));
        using var batch = Samples.Build(Suite.Sm, parsed);
        Assert.Equal(requests.Count - 2, batch.Count);
        Assert.Equal([1, 2, 3, 4, 6], Enumerable.Range(0, 5).Select(batch.LineOf));
        Assert.Equal("type-not-accepted", parsed.ProblemOf(5)!.Value.Code);
        Assert.Equal(Samples.Id(6), batch.Id(4));
        using var whole = RequestBatch.Parse(Samples.Body(requests));
        using var all = Samples.Build(Suite.Sm, whole);
        Assert.Equal(all.Leaf(6).ToArray(), batch.Leaf(4).ToArray());
    }

    [Fact]
    public void Sealing_before_the_receipt_is_a_contradiction()
    {
        using var parsed = RequestBatch.Parse(Samples.Body(Samples.Requests().Take(1)));
        using var batch = Samples.Build(Suite.Sm, parsed);
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Seal(Samples.Received.AddMilliseconds(-1)));
    }

    [Fact]
    public void Building_allocates_almost_nothing_per_record()
    {
        var line = Encoding.ASCII.GetString(new EvidenceRequest { Type = "contract", Parts = [Samples.Part(1)] }.ToJsonLine());
        var body = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(line + "\n", 1000)));
        var (ids, secrets) = (Samples.Ids(1000), Samples.Secrets(1000));
        var hashes = new Hash32[1000];
        void Run()
        {
            using var parsed = RequestBatch.Parse(body);
            using var batch = LeafBatch.Build(Suite.Sm, Samples.Origin, Samples.Submitter, parsed, ids, secrets, Samples.Received);
            batch.Seal(Samples.Sealed);
            batch.HashLeaves(Suite.Sm, hashes);
        }

        for (var i = 0; i < 5; i++)
        {
            Run();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        Run();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 512 * 1000);
    }

    private static EvidenceRecord OneByOne(Suite suite, EvidenceRequest request, Guid drawnId, Hash32 drawnSecret)
    {
        var (id, secret) = request.Drawn ?? (drawnId, drawnSecret);
        var parts = request.Parts.Select((part, i) =>
            Commitment.Compute(suite, Samples.Origin, id, Commitment.PartName(i), Commitment.Salt(suite, secret, Commitment.PartName(i)), part.ToValue().ToBytes())).ToArray();
        Hash32? fieldRoot = request.Metadata is null ? null : NaiveRoot(suite, FieldTree.Commitments(suite, Samples.Origin, id, secret, request.Metadata));
        return new EvidenceRecord
        {
            Parts = parts.Length > 16 ? [] : parts, PartRoot = parts.Length > 16 ? NaiveRoot(suite, parts) : null, FieldRoot = fieldRoot,
            Facts = new LeafFacts
            {
                Kind = RecordKind.Evidence, Id = id, Chain = Samples.Origin, Received = Samples.Received.ToUnixTimeMilliseconds(),
                Sealed = Samples.Sealed.ToUnixTimeMilliseconds(), Account = "dev-agency", Key = 5, Policy = 0, Type = request.Type, Auth = AuthMethod.ClientSecret,
                Relation = request.Relation ?? Relation.None, PartCount = parts.Length, HasFields = fieldRoot is not null,
                Sent = request.Sent?.ToUnixTimeMilliseconds() ?? -1, Previous = request.Previous ?? Guid.Empty, StatementIndex = request.Statement?.Index ?? -1,
                StatementRoot = request.Statement?.Root ?? default,
            },
        };
    }

    // RFC 6962 section 2.1 as its text defines it.
    private static Hash32 NaiveRoot(Suite suite, ReadOnlySpan<Hash32> entries)
    {
        if (entries.Length == 1)
        {
            return suite.Hash([0], entries[0].ToArray());
        }

        var split = 1;
        while (split * 2 < entries.Length)
        {
            split *= 2;
        }

        return suite.Hash([1], [.. NaiveRoot(suite, entries[..split]).ToArray(), .. NaiveRoot(suite, entries[split..]).ToArray()]);
    }
}
