using System.Text;
using Notary.Crypto;

namespace Notary.Evidence.Tests;

/// <summary>Fixed inputs; every byte follows from the seed.</summary>
internal static class Samples
{
    public const string Origin = "notary.test/guangzhou";

    public static readonly DateTimeOffset Received = new(2026, 3, 1, 8, 30, 0, 250, TimeSpan.Zero);

    public static readonly DateTimeOffset Sealed = new(2026, 3, 1, 8, 30, 1, 7, TimeSpan.Zero);

    public static SubmitterContext Submitter => new() { Account = "dev-agency", Key = 5, Policy = 0, Auth = AuthMethod.ClientSecret };

    public static Hash32 Hash(int seed) => Suite.Intl.Hash(Encoding.ASCII.GetBytes($"sample {seed}"));

    public static Guid Id(int seed)
    {
        var bytes = Hash(1_000_000 + seed).ToArray();
        bytes[6] = (byte)(0x70 | (bytes[6] & 0x0f));
        bytes[8] = (byte)(0x80 | (bytes[8] & 0x3f));
        return new Guid(bytes.AsSpan(0, 16), bigEndian: true);
    }

    public static EvidencePart Part(int seed) => new(PartKind.File, "application/pdf", Hash(2 * seed), Hash((2 * seed) + 1), 1000 + seed);

    public static EvidencePart Tree(int seed) => Part(seed) with { Kind = PartKind.Tree, Media = "text/csv", Root = Hash(seed + 500), Rows = 7 + seed, Rule = TreeRule.Row };

    public static Dictionary<string, CanonicalValue> Metadata(int fields, int parts)
    {
        var random = new Random(fields);
        var names = MetadataFields.Names.OrderBy(_ => random.Next()).Take(fields).ToArray();
        return names.ToDictionary(static n => n, n => n == "files"
            ? CanonicalValue.OfStrings(Enumerable.Range(0, parts).Select(static i => $"合同 {i}.pdf"))
            : CanonicalValue.Of($"{n} \"quoted\" \\ 广州\n\u0001 {new string('x', random.Next(60))}"));
    }

    /// <summary>Requests of every shape: 1, 16, 17 and 1,000 parts, trees, each optional member, 0 to 20 metadata fields.</summary>
    public static List<EvidenceRequest> Requests()
    {
        var requests = new List<EvidenceRequest>();
        foreach (var parts in (int[])[1, 2, 16, 17, 40, 1000])
        {
            foreach (var fields in (int[])[0, 1, 8, 20])
            {
                var seed = (parts * 100) + fields;
                var tree = fields == 1;
                requests.Add(new EvidenceRequest
                {
                    Type = fields == 8 ? "contract" : "screen.capture-1",
                    Parts = [.. Enumerable.Range(0, parts).Select(i => tree && i == 0 ? Tree(seed) : Part(seed + i))],
                    Metadata = fields == 0 ? null : parts > 16 ? Metadata(fields, parts).Where(static m => m.Key != "files").DefaultIfEmpty(new("title", CanonicalValue.Of("t"))).ToDictionary() : Metadata(fields, parts),
                    Sent = fields == 20 ? Received.AddSeconds(-3) : null,
                    Previous = parts == 2 ? Id(seed + 9) : null,
                    Relation = fields == 8 ? Relation.Interested : null,
                    Drawn = tree ? (Id(seed), Hash(seed + 77)) : null,
                    Statement = parts == 16 ? new StatementReference(fields, Hash(3), Hash(4)) : null,
                });
            }
        }

        return requests;
    }

    public static byte[] Body(IEnumerable<EvidenceRequest> requests) => [.. requests.SelectMany(static r => (byte[])[.. r.ToJsonLine(), (byte)'\n'])];

    public static Guid[] Ids(int count) => [.. Enumerable.Range(0, count).Select(Id)];

    public static Hash32[] Secrets(int count) => [.. Enumerable.Range(0, count).Select(static i => Hash(3_000_000 + i))];

    public static LeafBatch Build(Suite suite, RequestBatch requests) =>
        LeafBatch.Build(suite, Origin, Submitter, requests, Ids(requests.Count), Secrets(requests.Count), Received);
}
