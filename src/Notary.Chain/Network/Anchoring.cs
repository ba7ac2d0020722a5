using System.Threading.Channels;
using Notary.Evidence;

namespace Notary.Chain.Network;

/// <summary>
/// Carries a region's final checkpoints to the main chain: at each interval the newest one becomes an anchor leaf there, with its quorum and the proof that it extends the anchor
/// before. It counts as anchored when a final checkpoint of the main chain holds that leaf.
/// </summary>
/// <remarks>What is not anchored now is at the next interval: nothing is lost when main or region is away, and <see cref="Trouble"/> says why.</remarks>
internal sealed class Anchoring : IAsyncDisposable
{
    private readonly ChainHost _region;
    private readonly Finality _regionFinality;
    private readonly ChainHost _main;
    private readonly Finality _mainFinality;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<(FinalCheckpoint Final, long Index)> _appended = Channel.CreateUnbounded<(FinalCheckpoint, long)>();
    private readonly Task _work;
    private bool _resumed;

    public Anchoring(ChainHost region, Finality regionFinality, ChainHost main, Finality mainFinality, TimeProvider time)
    {
        _region = region;
        _regionFinality = regionFinality;
        _main = main;
        _mainFinality = mainFinality;
        _time = time;
        _work = Task.WhenAll(Task.Run(AnchorAsync), Task.Run(SettleAsync));
    }

    /// <summary>Why the last attempt did not anchor: a code of admission, or how the append ended; null when it did.</summary>
    public string? Trouble { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task AnchorAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(_region.Template.AnchorMs), _time);
        try
        {
            do
            {
                try
                {
                    if (_regionFinality.Leads)
                    {
                        Resume();
                        await AnchorNewestAsync().ConfigureAwait(false);
                    }
                    else
                    {
                        // Whoever leads anchors; a server that takes its place looks at what it left.
                        _resumed = false;
                    }
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    // What could not be read or appended now is tried again at the next interval, and shown until then.
                    Trouble = failure.Message;
                }
            }
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // Closing.
        }
    }

    // What the main chain holds and this region's store does not know to be anchored: a process that ended in between.
    private void Resume()
    {
        if (_resumed)
        {
            return;
        }

        if (_main.LatestAnchor(_region.Genesis.Origin) is { } latest && latest.Size > (_regionFinality.NewestAnchored?.Final.Size ?? 0)
            && _main.Reader.Entry(latest.Index) is { } leaf && Admission.AdmitForm(leaf, out var facts).Ok)
        {
            _appended.Writer.TryWrite((new FinalCheckpoint(latest.Size, facts.AnchorRecord!.Note, facts.Sealed), latest.Index));
        }

        _resumed = true;
    }

    private async Task AnchorNewestAsync()
    {
        var latest = _main.LatestAnchor(_region.Genesis.Origin);
        if (_regionFinality.Newest is not { } final || final.Size <= (latest?.Size ?? 0))
        {
            return;
        }

        var now = _time.GetUtcNow();
        var proof = latest is null ? [] : _region.Reader.ConsistencyHashes(latest.Size, final.Size);
        var draft = SystemLeaves.Anchor(_main.Genesis, final.Note.Format(), latest?.Index ?? -1, proof, Guid.CreateVersion7(now), now);
        var (index, reason) = await _main.AppendAsync(draft).ConfigureAwait(false);
        Trouble = index < 0 ? reason : null;
        if (index >= 0)
        {
            _appended.Writer.TryWrite((final, index));
        }
    }

    private async Task SettleAsync(AnchoredCheckpoint anchored)
    {
        while (true)
        {
            try
            {
                _regionFinality.Anchored(anchored);
                return;
            }
            catch (Exception failure) when (failure is not (OperationCanceledException or OutOfMemoryException))
            {
                Trouble = failure.Message;
                await Task.Delay(TimeSpan.FromMilliseconds(_region.Template.AnchorMs), _time, _stop.Token).ConfigureAwait(false);
            }
        }
    }

    private async Task SettleAsync()
    {
        try
        {
            await foreach (var (final, index) in _appended.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                if (await _mainFinality.WaitAsync(index + 1, RecordState.Final, _stop.Token).ConfigureAwait(false))
                {
                    await SettleAsync(new AnchoredCheckpoint(final, index, _time.GetUtcNow().ToUnixTimeMilliseconds())).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Closing.
        }
    }
}
