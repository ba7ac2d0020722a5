using System.Collections.Concurrent;
using System.Text;
using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Client;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Tests.Durability;

/// <summary><c>kill -9</c> of the server under load: what was acknowledged is there and proves, what was not is sealed once at most, and no history is lost.</summary>
public class KillUnderLoadTests
{
    private const int Clients = 4;
    private const int Lines = 50;

    private static int Rounds => Workspace.Long ? 30 : 5;

    private sealed record Sent(string Key, byte[] Body, IReadOnlyList<EvidenceRequest> Requests);

    [Fact]
    public async Task Every_acknowledged_record_survives_and_the_tree_extends_every_checkpoint_seen()
    {
        using var work = new Workspace();
        var acknowledged = new ConcurrentDictionary<long, byte[]>();
        var unknown = new ConcurrentQueue<Sent>();
        var random = new Random(20261123);
        string newest = string.Empty;
        for (int round = 0; round < Rounds; round++)
        {
            using (ServerHost server = await ServerHost.StartAsync(work.Root))
            {
                await RepeatUnknownAsync(server, unknown, acknowledged);
                using var stop = new CancellationTokenSource();
                Task<SealedRecord?>[] clients = [.. Enumerable.Range(0, Clients).Select(c => Task.Run(() => LoadAsync(server, (round * Clients) + c, acknowledged, unknown, stop.Token)))];
                await Task.Delay(random.Next(300, 1_500));
                server.Kill();
                await stop.CancelAsync();
                SealedRecord?[] last = await Task.WhenAll(clients);
                newest = last.Where(r => r is not null).MaxBy(r => r!.Proof.CheckpointUnverified.Size)?.Proof.Note.Format() ?? newest;
            }

            Check(work, acknowledged, newest);
        }

        Assert.NotEmpty(acknowledged);
    }

    private static async Task<SealedRecord?> LoadAsync(
        ServerHost server, int seed, ConcurrentDictionary<long, byte[]> acknowledged, ConcurrentQueue<Sent> unknown, CancellationToken stop)
    {
        using var client = new NotaryClient(server.Credential, server.Trust, new RetryPolicy { Attempts = 1 });
        var random = new Random(seed);
        SealedRecord? last = null;
        while (!stop.IsCancellationRequested)
        {
            // One client in two deposits singly: the two ways in share the commit.
            EvidenceRequest[] requests = [.. Enumerable.Range(0, seed % 2 == 0 ? Lines : 1).Select(_ => Request(random))];
            var sent = new Sent(NotaryClient.NewIdempotencyKey(), NotaryClient.ToNdjson(requests), requests);
            try
            {
                last = await DepositAsync(client, sent, acknowledged);
            }
            catch (NotaryClientException e) when (e.Failure is ClientFailure.Unreachable or ClientFailure.Busy)
            {
                unknown.Enqueue(sent);
                if (e.Failure == ClientFailure.Unreachable)
                {
                    break;
                }
            }
        }

        return last;
    }

    private static async Task<SealedRecord> DepositAsync(NotaryClient client, Sent sent, ConcurrentDictionary<long, byte[]> acknowledged)
    {
        IReadOnlyList<LineOutcome> outcomes = sent.Requests.Count == 1
            ? [new LineOutcome(await client.DepositAsync(sent.Requests[0], sent.Key), null)]
            : await client.DepositBatchAsync(sent.Requests, sent.Body, sent.Key);
        foreach (LineOutcome outcome in outcomes)
        {
            SealedRecord record = Assert.IsType<SealedRecord>(outcome.Record);
            Assert.True(acknowledged.TryAdd(record.Index, record.Leaf.ToArray()), "one index was acknowledged twice");
        }

        return outcomes[^1].Record!;
    }

    /// <summary>Requests whose answer the kill swallowed are sent again with their keys: each is sealed once, whatever had happened.</summary>
    private static async Task RepeatUnknownAsync(ServerHost server, ConcurrentQueue<Sent> unknown, ConcurrentDictionary<long, byte[]> acknowledged)
    {
        using var client = new NotaryClient(server.Credential, server.Trust);
        while (unknown.TryDequeue(out Sent? sent))
        {
            await DepositAsync(client, sent, acknowledged);
        }
    }

    private static void Check(Workspace work, ConcurrentDictionary<long, byte[]> acknowledged, string newest)
    {
        using DataFolder data = DataFolder.Take(work.PathOf("data"), create: false);
        string password = data.DevelopmentPassword();
        using (ChainHost host = ChainHost.Open(data.Chains[0], password, TimeProvider.System))
        {
            var hasher = new TreeHasher(host.Genesis.Suite);
            foreach ((long index, byte[] leaf) in acknowledged)
            {
                Assert.Equal(leaf, host.Reader.Entry(index));
            }

            foreach (long index in acknowledged.Keys.Order().Where((_, i) => i % 37 == 0))
            {
                TlogProof proof = Assert.IsType<TlogProof>(host.Reader.InclusionProof(index));
                Assert.True(proof.CheckInclusionUnverified(hasher.Leaf(acknowledged[index])).Ok);
            }
        }

        FsckReport report = Fsck.Run(data.Chains[0], new FsckOptions { Password = password, Against = newest.Length == 0 ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(newest) });
        Assert.True(report.Clean, string.Join('\n', report.Findings));
    }

    private static EvidenceRequest Request(Random random)
    {
        byte[] digest = new byte[64];
        random.NextBytes(digest);
        return new EvidenceRequest
        {
            Type = "document",
            Parts = [new EvidencePart(PartKind.File, "text/plain", Crypto.Hash32.FromSpan(digest.AsSpan(0, 32)), Crypto.Hash32.FromSpan(digest.AsSpan(32)), random.Next())],
        };
    }
}
