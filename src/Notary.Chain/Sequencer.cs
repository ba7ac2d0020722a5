using System.Diagnostics;

namespace Notary.Chain;

/// <summary>How an append ended for one request.</summary>
internal enum AppendEnding
{
    /// <summary>Sealed, replayed or in conflict: see the request.</summary>
    Decided = 0,

    /// <summary>The queue was full; nothing happened.</summary>
    QueueFull = 1,

    /// <summary>The chain stopped before the batch was committed; nothing of it is sealed.</summary>
    Stopped = 2,

    /// <summary>The chain stopped in or after the commit: whether it is sealed shows at the next start.</summary>
    OutcomeUnknown = 3,
}

/// <summary>
/// Orders the requests of a chain: a bounded queue and one thread that appends whatever arrived while the last batch committed. No timer: an
/// idle chain answers at once, a busy one fills its batches by itself.
/// </summary>
internal sealed class Sequencer : IDisposable
{
    /// <summary>Leaves of one transaction, when more than one request waits.</summary>
    public const int MaximumTurnLeaves = 16_384;

    /// <summary>Bytes of leaves that may wait.</summary>
    public const long MaximumQueuedBytes = 64L * 1024 * 1024;

    private readonly ChainAppender _appender;
    private readonly int _maximumRequests;
    private readonly Action _appended;
    private readonly Lock _gate = new();
    private readonly Queue<Waiting> _queue = new();
    private readonly AutoResetEvent _arrived = new(false);
    private readonly Thread _thread;
    private long _queuedBytes;
    private bool _closing;
    private volatile ChainHead _head;
    private volatile StoppedState? _stopped;

    public Sequencer(ChainAppender appender, int maximumRequests, Action appended)
    {
        _appender = appender;
        _maximumRequests = maximumRequests;
        _appended = appended;
        _head = appender.Head;
        _thread = new Thread(Work) { IsBackground = true, Name = "sequencer" };
        _thread.Start();
    }

    /// <summary>The newest signed head.</summary>
    public ChainHead Head => _head;

    /// <summary>Why it stopped; null while it runs.</summary>
    public StoppedState? Stopped => _stopped;

    /// <summary>Queues a request and waits for its ending.</summary>
    public Task<AppendOutcome> AppendAsync(AppendRequest request)
    {
        var waiting = new Waiting(request);
        lock (_gate)
        {
            if (_stopped is not null || _closing)
            {
                return Task.FromResult(new AppendOutcome(AppendEnding.Stopped, null));
            }

            // A queue with nothing in it takes any request, whatever its size.
            if (_queue.Count > 0 && (_queue.Count >= _maximumRequests || _queuedBytes + request.Leaves.LeafBytes > MaximumQueuedBytes))
            {
                return Task.FromResult(new AppendOutcome(AppendEnding.QueueFull, null));
            }

            _queue.Enqueue(waiting);
            _queuedBytes += request.Leaves.LeafBytes;
            _arrived.Set();
        }

        return waiting.Ending.Task;
    }

    /// <summary>Finishes what waits, stores the newest note and closes the database.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _closing = true;
        }

        _arrived.Set();
        _thread.Join();
        _appender.Dispose();
        _arrived.Dispose();
    }

    private void Work()
    {
        var turn = new List<Waiting>();
        try
        {
            while (true)
            {
                if (!Take(turn))
                {
                    if (_closing)
                    {
                        _appender.StoreNote();
                        Stop(new StoppedState(StopReason.Closed, "The chain was closed."));
                        return;
                    }

                    _arrived.WaitOne();
                    continue;
                }

                Append(turn);
                turn.Clear();
            }
        }
        catch (Exception failure)
        {
            // A chain whose memory may be ahead of its database does not go on: everybody who waits learns it, and the next start
            // reads what the database holds. Anything unexpected stops it too, and stays visible in the status.
            var stop = failure as ChainStoppedException;
            Stop(new StoppedState(
                stop?.Reason ?? StopReason.OutcomeUnknown,
                stop?.Message ?? $"The sequencer failed ({failure.GetType().Name}): whether the last batch is sealed shows at the next start.",
                failure));
            var unknown = stop?.Reason is not (StopReason.Storage or StopReason.HeadChanged or StopReason.Clock);
            foreach (var waiting in turn)
            {
                waiting.Ending.TrySetResult(new AppendOutcome(unknown ? AppendEnding.OutcomeUnknown : AppendEnding.Stopped, null));
            }
        }
    }

    private void Append(List<Waiting> turn)
    {
        var started = Stopwatch.GetTimestamp();
        // One trace covers a batch of many requests: the first request's is its parent, the others are linked.
        using var activity = ChainTelemetry.Source.StartActivity("append", ActivityKind.Internal, turn[0].Parent, links: turn.Count == 1 ? null : [.. turn.Skip(1).Where(w => w.Parent != default).Take(64).Select(w => new ActivityLink(w.Parent))]);
        var batch = _appender.Append([.. turn.Select(w => w.Request)]);
        _head = batch.Head;
        _appended();
        var outcome = new AppendOutcome(AppendEnding.Decided, batch);
        long records = 0;
        foreach (var waiting in turn)
        {
            records += waiting.Request.Admitted;
            waiting.Ending.TrySetResult(outcome);
        }

        ChainTelemetry.Records.Add(records);
        ChainTelemetry.BatchRecords.Record(records);
        ChainTelemetry.CommitSeconds.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    private bool Take(List<Waiting> turn)
    {
        lock (_gate)
        {
            var leaves = 0;
            var keys = new HashSet<(string?, string)>();
            while (_queue.TryPeek(out var next) && (turn.Count == 0 || leaves + next.Request.Leaves.Count <= MaximumTurnLeaves))
            {
                // Two requests with one idempotency key never share a transaction: the second must find the first's row.
                if (next.Request.IdempotencyKey is { } key && !keys.Add((next.Request.Account, key)))
                {
                    break;
                }

                _queue.Dequeue();
                _queuedBytes -= next.Request.Leaves.LeafBytes;
                leaves += next.Request.Leaves.Count;
                turn.Add(next);
            }

            return turn.Count > 0;
        }
    }

    private void Stop(StoppedState state)
    {
        Waiting[] rest;
        lock (_gate)
        {
            _stopped = state;
            rest = [.. _queue];
            _queue.Clear();
            _queuedBytes = 0;
        }

        foreach (var waiting in rest)
        {
            waiting.Ending.TrySetResult(new AppendOutcome(AppendEnding.Stopped, null));
        }
    }

    private sealed class Waiting(AppendRequest request)
    {
        public AppendRequest Request { get; } = request;

        public ActivityContext Parent { get; } = Activity.Current?.Context ?? default;

        public TaskCompletionSource<AppendOutcome> Ending { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>What a request waited for.</summary>
internal readonly record struct AppendOutcome(AppendEnding Ending, SealedBatch? Batch);

/// <summary>A chain that does not append any more, and why.</summary>
public sealed record StoppedState(StopReason Reason, string Sentence, Exception? Cause = null);
