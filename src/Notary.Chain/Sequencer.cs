using System.Diagnostics;
using Notary.Chain.Store;

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

    /// <summary>The chain stopped in or after the commit, or no standby confirmed it in time: whether it is sealed shows at the next start, or when one does.</summary>
    OutcomeUnknown = 3,

    /// <summary>The database is not there or failed before the batch was committed; nothing of it is sealed, and the chain goes on when it is back.</summary>
    DatabaseLost = 4,

    /// <summary>The chain waits for its ledger nodes; nothing of the request is sealed.</summary>
    Held = 5,
}

/// <summary>
/// Orders the requests of a chain: a bounded queue and two threads. The writer appends whatever arrived meanwhile in one transaction; the finisher waits for
/// the disk, signs and answers. No timer: an idle chain answers at once, a busy one fills its batches by itself.
/// </summary>
/// <remarks>
/// At most one batch is being finished while one is being written. The writer goes ahead of the finisher only when enough waits to be worth a batch of its own
/// (<see cref="AheadLeaves"/>, <see cref="AheadRequests"/>): below that, one larger batch later costs less than two signatures.
/// A COMMIT that a shared store does not confirm is waited for by the writer without end, for who gives up knows less. Nobody else waits longer than <see cref="DoubtPatience"/>: those whose
/// batch it is are told that its outcome is unknown, those who queue behind it that the database is lost, and whoever closes the chain leaves it to the writer's thread.
/// </remarks>
internal sealed class Sequencer : IDisposable
{
    /// <summary>Leaves of one transaction, when more than one request waits.</summary>
    public const int MaximumTurnLeaves = 16_384;

    /// <summary>Bytes of leaves that may wait.</summary>
    public const long MaximumQueuedBytes = 64L * 1024 * 1024;

    /// <summary>Requests of one transaction whose leaves are still to be made: by the writer, while everybody waits.</summary>
    public const int MaximumTurnPreparations = 256;

    /// <summary>Leaves that must wait before a batch is written beside the one that is being finished.</summary>
    public const int AheadLeaves = 2_000;

    /// <summary>Requests that must wait for the same, when they bring fewer leaves.</summary>
    public const int AheadRequests = 32;

    /// <summary>How often a process that appends nothing looks for what others appended.</summary>
    private static readonly TimeSpan FollowInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a request waits to learn whether a commit that was not confirmed took place.</summary>
    private static readonly TimeSpan DoubtPatience = TimeSpan.FromSeconds(20);

    /// <summary>How often it is looked whether somebody has waited that long.</summary>
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);

    private readonly ChainAppender _appender;
    private readonly Action<IReadOnlyList<DepositRequest>> _prepare;
    private readonly int _maximumRequests;
    private readonly Action _appended;
    private readonly Lock _gate = new();
    private readonly Queue<Waiting> _queue = new();
    private readonly AutoResetEvent _writable = new(false);
    private readonly AutoResetEvent _finishable = new(false);
    private readonly Thread _writer;
    private readonly Thread _finisher;
    private readonly Timer? _watch;
    private long _queuedBytes;
    private int _queuedLeaves;
    private Turn? _finishing;
    private bool _closing;
    private bool _finished;
    private bool _written;
    private bool _abandoned;
    private volatile Turn? _appending;
    private volatile string? _databaseLost;
    private long _appendingSince;
    private volatile StoppedState? _stopped;

    /// <param name="appender">The chain's writer; used by this object alone until it is disposed.</param>
    /// <param name="prepare">Makes the leaves of requests that have none yet, all that a turn takes together; does not throw.</param>
    /// <param name="maximumRequests">Requests that may wait.</param>
    /// <param name="appended">Called after each batch.</param>
    public Sequencer(ChainAppender appender, Action<IReadOnlyList<DepositRequest>> prepare, int maximumRequests, Action appended)
    {
        _appender = appender;
        _prepare = prepare;
        _maximumRequests = maximumRequests;
        _appended = appended;
        _writer = new Thread(Write) { IsBackground = true, Name = "sequencer" };
        _finisher = new Thread(Finish) { IsBackground = true, Name = "finisher" };
        _writer.Start();
        _finisher.Start();
        _watch = appender.MayReopen ? new Timer(static self => ((Sequencer)self!).Watch(), this, WatchInterval, WatchInterval) : null;
    }

    /// <summary>The newest signed head.</summary>
    public ChainHead Head => _appender.Head;

    /// <summary>Why the database does not answer; null while it does.</summary>
    public string? DatabaseLost => _databaseLost ?? (_appender.Committing > DoubtPatience
        ? "No standby has confirmed the COMMIT of a batch for more than 20 s: it is waited for, and whether the batch is sealed is known when one does."
        : Interlocked.Read(ref _appendingSince) is > 0 and var since && Stopwatch.GetElapsedTime(since) > DoubtPatience
        ? "A batch has waited for the database for more than 20 s: it is slow, or another process holds the chain's lock."
        : null);

    /// <summary>Appends nothing while this says so.</summary>
    public Func<bool> Held { get; init; } = static () => false;

    /// <summary>Called when a lost database is connected to again, before anything is appended.</summary>
    public Action Reconnected { get; init; } = static () => { };

    /// <summary>Why it stopped; null while it runs.</summary>
    public StoppedState? Stopped => _stopped;

    /// <summary>Whether the appender was left to the writer's thread when this was closed: that disposes it.</summary>
    public bool Abandoned
    {
        get
        {
            lock (_gate)
            {
                return _abandoned;
            }
        }
    }

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

            if (Held())
            {
                return Task.FromResult(new AppendOutcome(AppendEnding.Held, null));
            }

            // A queue with nothing in it takes any request, whatever its size.
            if (_queue.Count > 0 && (_queue.Count >= _maximumRequests || _queuedBytes + waiting.Bytes > MaximumQueuedBytes))
            {
                return Task.FromResult(new AppendOutcome(AppendEnding.QueueFull, null));
            }

            _queue.Enqueue(waiting);
            _queuedBytes += waiting.Bytes;
            _queuedLeaves += request.LeafCount;
            WakeWriter();
        }

        return waiting.Ending.Task;
    }

    /// <summary>Says that <see cref="Held"/> may have changed.</summary>
    public void Wake() => _writable.Set();

    /// <summary>Stops the chain from outside; what is being written ends as it ends.</summary>
    public void StopFor(StoppedState state) => Stop(state);

    /// <summary>
    /// Finishes what waits and stores the newest note. A COMMIT that is not confirmed is left to the writer's thread after <see cref="DoubtPatience"/>: the database ends it, also when this process
    /// is gone, and the next start reads what it came to.
    /// </summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _closing = true;
        }

        if (Held())
        {
            EndQueue(AppendEnding.Stopped);
        }

        _writable.Set();
        while (!_writer.Join(WatchInterval) && !Abandon())
        {
        }

        _watch?.Dispose();
        lock (_gate)
        {
            _finished = true;
        }

        _finishable.Set();
        _finisher.Join();
        if (!Abandoned)
        {
            _writable.Dispose();
            _finishable.Dispose();
        }
    }

    // Whether the writer was left where it is.
    private bool Abandon()
    {
        if (_appender.Committing is not { } waited || waited <= DoubtPatience)
        {
            return false;
        }

        Watch();
        lock (_gate)
        {
            return _abandoned = !_written;
        }
    }

    private void Watch()
    {
        // In COMMIT everything of the requests has been sent: their leaves may go.
        if (_appender.Committing > DoubtPatience && _appending is { } turn)
        {
            turn.EndEarly(AppendEnding.OutcomeUnknown);
        }

        if (DatabaseLost is not null)
        {
            EndQueue(AppendEnding.DatabaseLost);
        }
    }

    private bool WorthABatch => _queuedLeaves >= AheadLeaves || _queue.Count >= AheadRequests;

    // Under the gate. A writer that could not go on anyway is left asleep: the finisher wakes it.
    private void WakeWriter()
    {
        if (_finishing is null || WorthABatch)
        {
            _writable.Set();
        }
    }

    private void Write()
    {
        WriteTurns();
        bool abandoned;
        lock (_gate)
        {
            _written = true;
            abandoned = _abandoned;
        }

        if (abandoned)
        {
            _appender.Dispose();
        }
    }

    private void WriteTurns()
    {
        Turn? turn = null;
        try
        {
            while (!Abandoned)
            {
                turn = Take(out var ended);
                if (ended)
                {
                    StoreNote();
                    return;
                }

                if (turn is null)
                {
                    Idle();
                    continue;
                }

                turn.Begin();
                turn.Prepare(_prepare);
                if (turn.Requests.Count == 0)
                {
                    turn.End(AppendEnding.Decided);
                    continue;
                }

                if (!TryAppend(turn))
                {
                    turn = null;
                    continue;
                }

                if (Abandoned)
                {
                    // Confirmed after nobody waited any more: the next start signs it.
                    return;
                }

                if (!HandOver(turn))
                {
                    // The batch before could not be finished, and this one stands on it.
                    turn.End(AppendEnding.OutcomeUnknown);
                    return;
                }
            }
        }
        catch (Exception failure)
        {
            // What is being finished was committed before this failed, and is answered as it ends.
            var ending = StopFor(failure);
            turn?.End(ending);
        }
    }

    // False when the database was lost before the batch was in it: its requests are told.
    private bool TryAppend(Turn turn)
    {
        Interlocked.Exchange(ref _appendingSince, _appender.MayReopen ? Stopwatch.GetTimestamp() : 0);
        _appending = turn;
        try
        {
            turn.Batch = _appender.Append([.. turn.Requests.Select(static w => w.Request)]);
            return true;
        }
        catch (ChainStoppedException failure) when (IsLost(failure))
        {
            turn.Batch = Reconnect(turn, failure);
            return turn.Batch is not null;
        }
        finally
        {
            _appending = null;
            Interlocked.Exchange(ref _appendingSince, 0);
        }
    }

    private void Idle()
    {
        if (!_appender.MayReopen)
        {
            _writable.WaitOne();
        }
        else if (!_writable.WaitOne(FollowInterval))
        {
            try
            {
                _appender.Follow();
                _appended();
            }
            catch (ChainStoppedException failure) when (IsLost(failure))
            {
                Reconnect(null, failure);
            }
        }
    }

    private bool IsLost(ChainStoppedException failure) => _appender.MayReopen && failure is { Reason: StopReason.Storage or StopReason.OutcomeUnknown, InnerException: DatabaseFailureException { ConnectionLost: true } };

    // Until the database is back nothing is appended and whoever asks is told at once. A batch whose commit was not confirmed waits for what the database then holds.
    private CommittedBatch? Reconnect(Turn? turn, ChainStoppedException failure)
    {
        var inDoubt = failure.InDoubt;
        if (inDoubt is null)
        {
            turn?.End(AppendEnding.DatabaseLost);
        }

        _databaseLost = failure.InnerException?.Message ?? failure.Message;
        var since = Stopwatch.GetTimestamp();
        bool held;
        while (true)
        {
            EndQueue(AppendEnding.DatabaseLost);
            if (inDoubt is not null && (_closing || _stopped is not null || Stopwatch.GetElapsedTime(since) > DoubtPatience))
            {
                turn!.End(AppendEnding.OutcomeUnknown);
                inDoubt = null;
            }

            if (_closing || _stopped is not null)
            {
                return null;
            }

            try
            {
                held = _appender.Reopen(inDoubt);
                break;
            }
            catch (DatabaseFailureException again)
            {
                _databaseLost = again.Message;
            }
            catch (ChainRefusedException unfit) when (unfit.Refusal == ChainRefusal.Durability)
            {
                _databaseLost = unfit.Message;
            }
            catch when (inDoubt is not null)
            {
                turn!.End(AppendEnding.OutcomeUnknown);
                throw;
            }

            _writable.WaitOne(FollowInterval);
        }

        if (inDoubt is not null && !held)
        {
            turn!.End(AppendEnding.DatabaseLost);
        }

        Reconnected();
        EndQueue(AppendEnding.DatabaseLost);
        _databaseLost = null;
        return held ? inDoubt : null;
    }

    // A chain that stopped by itself, or whose database is away, keeps the note that it has; the next start signs what is above it.
    private void StoreNote()
    {
        if (_stopped is null)
        {
            if (_databaseLost is null)
            {
                _appender.StoreNote();
            }

            Stop(new StoppedState(StopReason.Closed, "The chain was closed."));
        }
    }

    private void Finish()
    {
        while (true)
        {
            Turn? turn;
            lock (_gate)
            {
                turn = _finishing;
                if (turn is null && _finished)
                {
                    return;
                }
            }

            if (turn is null)
            {
                _finishable.WaitOne();
                continue;
            }

            try
            {
                var batch = turn.Finish(_appender);
                _appended();
                Finished(turn);
                turn.End(batch);
            }
            catch (Exception failure)
            {
                // Also when only what follows the answers failed, a meter's listener: who is answered stays answered.
                var ending = StopFor(failure);
                Finished(turn);
                turn.End(ending);
            }
        }
    }

    private void Finished(Turn turn)
    {
        lock (_gate)
        {
            // The next one may stand there already.
            if (ReferenceEquals(_finishing, turn))
            {
                _finishing = null;
            }
        }

        _writable.Set();
    }

    // Waits until the batch before is finished; false when that one stopped the chain.
    private bool HandOver(Turn turn)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_stopped is not null)
                {
                    return false;
                }

                if (_finishing is null)
                {
                    _finishing = turn;
                    _finishable.Set();
                    return true;
                }
            }

            _writable.WaitOne();
        }
    }

    // A chain whose memory may be ahead of its database does not go on: everybody who waits learns it, and the next start reads what the database
    // holds. Anything unexpected stops it too, and stays visible in the status.
    private AppendEnding StopFor(Exception failure)
    {
        var stop = failure as ChainStoppedException;
        Stop(new StoppedState(
            stop?.Reason ?? StopReason.OutcomeUnknown,
            stop?.Message ?? (failure as ChainRefusedException)?.Message ?? $"The sequencer failed ({failure.GetType().Name}): whether the last batch is sealed shows at the next start.",
            failure));
        return stop?.Reason is StopReason.Storage or StopReason.HeadChanged or StopReason.Clock ? AppendEnding.Stopped : AppendEnding.OutcomeUnknown;
    }

    private Turn? Take(out bool ended)
    {
        lock (_gate)
        {
            ended = _stopped is not null || (_closing && _queue.Count == 0 && _finishing is null);
            if (ended || _queue.Count == 0 || Held() || (_finishing is not null && !WorthABatch && !_closing))
            {
                return null;
            }

            var turn = new Turn();
            var leaves = 0;
            var bare = 0;
            var keys = new HashSet<(string?, string)>();
            while (_queue.TryPeek(out var next) && (turn.Requests.Count == 0 || leaves + next.Request.LeafCount <= MaximumTurnLeaves))
            {
                if (next.Request.Leaves is null && bare++ == MaximumTurnPreparations)
                {
                    break;
                }

                // Two requests with one idempotency key never share a transaction: the second must find the first's row.
                if (next.Request.IdempotencyKey is { } key && !keys.Add((next.Request.Account, key)))
                {
                    break;
                }

                _queue.Dequeue();
                _queuedBytes -= next.Bytes;
                leaves += next.Request.LeafCount;
                turn.Requests.Add(next);
            }

            _queuedLeaves -= leaves;
            return turn;
        }
    }

    private static bool LeavesDoubt(StoppedState state) => state.Reason is StopReason.OutcomeUnknown or StopReason.Signing;

    private void Stop(StoppedState state)
    {
        lock (_gate)
        {
            // The first reason is the one that is shown: what follows from it would only hide it. But where the batch before it is in doubt,
            // "nothing is sealed" would not be true; and a chain that is closed for good does not wait for anybody to mend it.
            if (_stopped is null || (LeavesDoubt(state) && !LeavesDoubt(_stopped)) || state.Reason == StopReason.ClosedForGood)
            {
                _stopped = state;
            }
        }

        _writable.Set();
        EndQueue(AppendEnding.Stopped);
    }

    private void EndQueue(AppendEnding ending)
    {
        Waiting[] rest;
        lock (_gate)
        {
            rest = [.. _queue];
            _queue.Clear();
            _queuedBytes = 0;
            _queuedLeaves = 0;
        }

        Endings.Tell(rest, new AppendOutcome(ending, null));
    }

    private sealed class Waiting(AppendRequest request)
    {
        public AppendRequest Request { get; } = request;

        public long Bytes { get; } = request.QueuedBytes;

        public ActivityContext Parent { get; } = Activity.Current?.Context ?? default;

        // What follows an ending runs where it is set: on the thread pool, see Endings.
        public TaskCompletionSource<AppendOutcome> Ending { get; } = new();
    }

    /// <summary>
    /// Tells a batch's requests how they ended, on threads of the pool that take one after the other: a work item for each request would cost as much as what
    /// most do then, write a short answer; and one that takes long holds up none but itself. Answers of many lines have a work item of their own.
    /// </summary>
    private sealed class Endings : IThreadPoolWorkItem
    {
        private const int RequestsOfOneItem = 8;

        private readonly Waiting[] _waiting;
        private readonly AppendOutcome _outcome;
        private int _next = -1;

        private Endings(Waiting[] waiting, AppendOutcome outcome)
        {
            _waiting = waiting;
            _outcome = outcome;
        }

        public static void Tell(IEnumerable<Waiting> all, AppendOutcome outcome)
        {
            foreach (var alike in all.ToLookup(static w => w.Request is DepositRequest { Deposit.SingleRequest: true }))
            {
                var endings = new Endings([.. alike], outcome);
                var items = alike.Key ? (endings._waiting.Length + RequestsOfOneItem - 1) / RequestsOfOneItem : endings._waiting.Length;
                for (var i = 0; i < items; i++)
                {
                    ThreadPool.UnsafeQueueUserWorkItem(endings, preferLocal: false);
                }
            }
        }

        public void Execute()
        {
            for (var i = Interlocked.Increment(ref _next); i < _waiting.Length; i = Interlocked.Increment(ref _next))
            {
                _waiting[i].Ending.TrySetResult(_outcome);
            }
        }
    }

    /// <summary>The requests of one batch on their way through both threads.</summary>
    private sealed class Turn
    {
        private Activity? _activity;
        private long _started;
        private bool _told;
        private int _toldEarly;

        public List<Waiting> Requests { get; } = [];

        public CommittedBatch? Batch { get; set; }

        public void Begin()
        {
            _started = Stopwatch.GetTimestamp();
            Activity.Current = null;
            // One trace covers a batch of many requests: the first request's is its parent, the others are linked.
            _activity = ChainTelemetry.Source.HasListeners()
                ? ChainTelemetry.Source.StartActivity(
                    "append", ActivityKind.Internal, Requests[0].Parent, links: Requests.Skip(1).Where(static w => w.Parent != default).Take(64).Select(static w => new ActivityLink(w.Parent)))
                : null;
        }

        /// <summary>Has the leaves made that are not there yet; what is refused by it is answered and leaves the turn.</summary>
        public void Prepare(Action<IReadOnlyList<DepositRequest>> prepare)
        {
            List<DepositRequest> bare = [.. Requests.Select(static w => w.Request).OfType<DepositRequest>().Where(static r => r.Leaves is null)];
            if (bare.Count == 0)
            {
                return;
            }

            prepare(bare);
            Endings.Tell(Requests.Where(static w => w.Request.Leaves is null), default);
            Requests.RemoveAll(static w => w.Request.Leaves is null);
        }

        public SealedBatch Finish(ChainAppender appender)
        {
            Activity.Current = _activity;
            try
            {
                return appender.Finish(Batch!);
            }
            finally
            {
                Activity.Current = null;
            }
        }

        public void End(SealedBatch batch)
        {
            long records = 0;
            foreach (var waiting in Requests)
            {
                records += waiting.Request.Admitted;
            }

            _told = true;
            Endings.Tell(Requests, new AppendOutcome(AppendEnding.Decided, batch));

            _activity?.Dispose();
            ChainTelemetry.Records.Add(records);
            ChainTelemetry.BatchRecords.Record(records);
            ChainTelemetry.CommitSeconds.Record(Stopwatch.GetElapsedTime(_started).TotalSeconds);
        }

        /// <summary>Tells whoever waits before the turn has ended, once; how it ends then is told to nobody.</summary>
        public void EndEarly(AppendEnding ending)
        {
            if (Interlocked.Exchange(ref _toldEarly, 1) == 0)
            {
                Endings.Tell(Requests, new AppendOutcome(ending, null));
            }
        }

        public void End(AppendEnding ending)
        {
            if (!_told)
            {
                Endings.Tell(Requests, new AppendOutcome(ending, null));
            }

            _activity?.Dispose();
        }
    }
}

/// <summary>What a request waited for.</summary>
internal readonly record struct AppendOutcome(AppendEnding Ending, SealedBatch? Batch);

/// <summary>A chain that does not append any more, and why.</summary>
public sealed record StoppedState(StopReason Reason, string Sentence, Exception? Cause = null);
