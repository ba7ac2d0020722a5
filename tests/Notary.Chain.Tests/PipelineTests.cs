using System.Diagnostics.Metrics;
using Notary.Chain.Index;

namespace Notary.Chain.Tests;

/// <summary>What two threads, a write-ahead log and an index beside them could get wrong. Alone: a listener of the chain's meters hears every chain of the process.</summary>
[Collection(Alone.Name)]
public class PipelineTests
{
    [Fact]
    public async Task Batches_that_are_written_ahead_are_answered_in_order_and_prove()
    {
        using var chain = new TestChain();
        // More than the writer needs to go ahead of the finisher, several times over.
        var results = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(() => chain.DepositMany(1_500, i))));
        var ranges = results.Select(r => (r.Outcome, r.First, r.Count)).OrderBy(r => r.First).ToList();
        var next = 6L;
        foreach (var (outcome, first, count) in ranges)
        {
            Assert.Equal((DepositOutcome.Sealed, next, 1_500), (outcome, first, count));
            next += count;
        }

        Assert.Equal(next, chain.Host.Reader.Size);
        foreach (var result in results)
        {
            var receipt = result.ReceiptOf(result.Count - 1);
            Assert.True(Ledger.TlogProof.TryParse(System.Text.Encoding.UTF8.GetBytes(receipt.Proof), out var proof).Ok);
            Assert.True(proof!.CheckInclusionUnverified(new Ledger.TreeHasher(chain.Host.Genesis.Suite).Leaf(receipt.LeafBytes)).Ok);
            result.Dispose();
        }

        chain.Close();
        Assert.Empty(Fsck.Run(chain.Folder, new FsckOptions { Password = TestChain.Password }).Findings);
    }

    [Fact]
    public async Task Nobody_waits_for_ever_when_a_listener_of_the_meters_throws()
    {
        using var chain = new TestChain();
        Assert.Equal(6, chain.Host.Reader.Size);
        var thrown = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, to) =>
        {
            if (instrument.Meter.Name == ChainTelemetry.Name)
            {
                to.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, _, _, _) =>
        {
            if (instrument.Name == "notary.chain.records" && Interlocked.Exchange(ref thrown, 1) == 0)
            {
                Thread.Sleep(50); // so that the next batch has been handed over
                throw new InvalidOperationException("a listener's own mistake");
            }
        });
        listener.Start();
        var deposits = Enumerable.Range(0, 20).Select(i => Task.Run(() => chain.DepositMany(1_000, i))).ToArray();
        var all = Task.WhenAll(deposits);
        Assert.Same(all, await Task.WhenAny(all, Task.Delay(TimeSpan.FromSeconds(60))));
        Assert.Equal(1, thrown);
        var answered = (await all).Count(r => r.Outcome == DepositOutcome.Sealed);
        Assert.InRange(answered, 1, 20);
        Assert.Equal(6 + (answered * 1_000), chain.Host.Reader.Size);
        Assert.Contains(nameof(InvalidOperationException), chain.Host.Stopped!.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_small_batches_are_written_back_too()
    {
        using var chain = new TestChain();
        Assert.Equal(6, chain.Host.Reader.Size);
        var before = new FileInfo(chain.Folder.DatabasePath).Length;
        // A batch of one record writes a dozen pages whole: what counts is the WAL's bytes, not the records'.
        for (var i = 0; i < 1_500; i++)
        {
            using var one = await chain.DepositMany(1, i);
            Assert.Equal(DepositOutcome.Sealed, one.Outcome);
        }

        var wal = new FileInfo(chain.Folder.DatabasePath + "-wal").Length;
        Assert.True(wal > Sqlite.Checkpointer.PassBytes, $"the WAL holds {wal} bytes: the test writes too little");
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (new FileInfo(chain.Folder.DatabasePath).Length <= before && patience.Elapsed < TimeSpan.FromSeconds(20))
        {
            await Task.Delay(50);
        }

        Assert.True(new FileInfo(chain.Folder.DatabasePath).Length > before, "nothing was written back");
    }

    [Fact]
    public async Task An_index_that_reaches_above_the_head_is_refused_found_and_made_anew()
    {
        using var chain = new TestChain();
        using (await chain.DepositMany(20, 1))
        {
        }

        chain.Close();
        // What a database leaves that was restored from before its index.
        using (RunFile.Write(chain.Folder.IndexPath, 0, 40, []))
        {
        }

        Assert.Contains("--rebuild-index", Assert.Throws<ChainRefusedException>(() => chain.Host).Message, StringComparison.Ordinal);
        Assert.Contains(Fsck.Run(chain.Folder, new FsckOptions { Password = TestChain.Password }).Findings, f => f is { Table: "index", Code: "beyond-head" });
        Assert.Equal(26, IndexRebuild.Run(chain.Folder, TestChain.Password));
        using (await chain.DepositMany(2, 2))
        {
        }

        Assert.True(await chain.Host.Index.WaitAsync(28, TimeSpan.FromSeconds(20), CancellationToken.None));
        Assert.NotNull(chain.Host.Reader.FindId(Notary.Evidence.RecordId.TryParse(IdAt(27), out var id) ? id : default));

        string IdAt(long index)
        {
            using var leaf = System.Text.Json.JsonDocument.Parse(chain.Host.Reader.Entry(index)!);
            return leaf.RootElement.GetProperty("id").GetString()!;
        }
    }
}

/// <summary>Tests that no other test of this project runs beside.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "alone";
}
