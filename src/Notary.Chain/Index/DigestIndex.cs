using System.Globalization;
using Notary.Chain.Sqlite;

namespace Notary.Chain.Index;

/// <summary>
/// Look-up of records by content digest and by id, built behind the commit: the writer stores the keys of each batch in the
/// <c>feed</c> table in the batch's own transaction; this worker reads the feed, answers from memory at once, and writes sorted runs.
/// </summary>
/// <remarks>
/// <para>Keys are random (keyed hashes), so a B-tree would touch a page a key. Sorted runs are written in sequence and merged eight at a
/// time: each key is written about log8(n / 400,000) + 1 times. Memory is bounded by two tables of <see cref="RecentCapacity"/> entries
/// and the fences of the runs.</para>
/// <para>Crash: a run is durable before the feed rows that it covers may go (<see cref="DurableTo"/>); on start the runs are taken that
/// lie end to end from leaf 0 and the feed is read from there. Left-over temporary and covered files are removed. A missing or damaged run
/// whose feed rows are gone is reported by <see cref="Open"/>; <c>notary fsck --rebuild-index</c> makes the runs again from the items.</para>
/// </remarks>
public sealed class DigestIndex : IDigestIndex
{
    /// <summary>Entries in memory before a run is written; 24 MiB and a 8 MiB table, twice while a run is being written.</summary>
    public const int RecentCapacity = 1 << 20;

    /// <summary>Runs of one size class that are merged into one of the next.</summary>
    public const int MergeWidth = 8;

    private readonly string _folder;
    private readonly string _databasePath;
    private readonly AutoResetEvent _wake = new(false);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly List<TaskCompletionSource> _waiting = [];
    private Func<long> _sealedTo = static () => 0;
    private Thread? _worker;
    private Task _runWriter = Task.CompletedTask;
    private RunFile[] _runs;
    private RecentEntries _recent = new(RecentCapacity);
    private RecentEntries? _writing;
    private long _indexedTo;
    private long _durableTo;
    private Exception? _failure;

    private DigestIndex(string folder, string databasePath, RunFile[] runs)
    {
        _folder = folder;
        _databasePath = databasePath;
        _runs = runs;
        _durableTo = runs.Length == 0 ? 0 : runs[^1].To;
        _indexedTo = _durableTo;
    }

    /// <inheritdoc/>
    public long IndexedTo => Interlocked.Read(ref _indexedTo);

    /// <summary>Leaves below this are in durable runs: their feed rows may go.</summary>
    public long DurableTo => Interlocked.Read(ref _durableTo);

    /// <summary>Why the worker stopped by itself; look-ups go on with what is indexed.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Runs on disk.</summary>
    public int Runs => Volatile.Read(ref _runs).Length;

    /// <summary>Opens the runs of a chain and removes what they do not need; does not start the worker.</summary>
    public static DigestIndex Open(string folder, string databasePath)
    {
        Directory.CreateDirectory(folder);
        var runs = EndToEnd(folder);
        var reached = runs.Count == 0 ? 0 : runs[^1].To;
        try
        {
            CheckNothingIsLost(folder, databasePath, reached);
        }
        catch
        {
            runs.ForEach(static r => r.Dispose());
            throw;
        }

        foreach (var path in Directory.EnumerateFiles(folder, "*.run").Concat(Directory.EnumerateFiles(folder, "*.tmp")).ToList())
        {
            if (!runs.Exists(r => string.Equals(Path.GetFileName(r.Path), Path.GetFileName(path), StringComparison.Ordinal)))
            {
                File.Delete(path);
            }
        }

        return new DigestIndex(folder, databasePath, [.. runs]);
    }

    // What no run covers must still stand in the feed, or a sealed digest would be answered as unknown.
    private static void CheckNothingIsLost(string folder, string databasePath, long reached)
    {
        // A run that ends above what is covered was not made superfluous by a merge: something before it is missing or damaged.
        var beyond = Directory.EnumerateFiles(folder, "*.run").Select(static p => Path.GetFileNameWithoutExtension(p))
            .Any(name => name.Length != 33 || !long.TryParse(name.AsSpan(17), NumberStyles.None, CultureInfo.InvariantCulture, out var to) || to > reached);
        using var database = SqliteDatabase.OpenReader(databasePath);
        using var next = database.Prepare("SELECT (SELECT size FROM head), (SELECT MIN(first) FROM feed WHERE first >= ?)");
        next.Bind(1, reached);
        next.Step();
        var size = next.Number(0);
        // Every leaf has its id in the feed, so the rows above the runs begin where the runs end, within one batch of many leaves.
        var missing = reached == 0 && size > 0 && (next.IsNull(1) || next.Number(1) != 0);
        if (reached > size)
        {
            // A database restored from before the index: leaves that are sealed from here on would never be read from the feed.
            throw new ChainRefusedException(
                ChainRefusal.Inconsistent, FormattableString.Invariant($"The digest index in '{folder}' reaches to leaf {reached}, the chain only to {size}: its database was put back. Refill it with 'notary chain recover'; a chain without ledger nodes makes its index anew with 'notary fsck --rebuild-index'."));
        }

        if (beyond || missing)
        {
            throw new ChainRefusedException(
                ChainRefusal.Inconsistent, FormattableString.Invariant($"The digest index in '{folder}' has a gap at leaf {reached}: run 'notary fsck --rebuild-index'."));
        }
    }

    /// <summary>Opens the runs without touching the folder, for a check.</summary>
    public static DigestIndex OpenReadOnly(string folder) => new(folder, string.Empty, [.. EndToEnd(folder)]);

    /// <summary>The keys that lead to more than one leaf, with their leaves in order.</summary>
    /// <param name="beyondRuns">Entries that no run holds, in order.</param>
    internal IEnumerable<(ulong High, ulong Low, IReadOnlyList<long> Leaves)> Repeated(IEnumerable<IndexEntry> beyondRuns)
    {
        var leaves = new List<long>();
        IndexEntry? last = null;
        foreach (var entry in RunFile.MergeOrdered([.. _runs.Select(r => r.Scan()), beyondRuns]))
        {
            if (last is { } key && (key.High != entry.High || key.Low != entry.Low))
            {
                if (leaves.Count > 1)
                {
                    yield return (key.High, key.Low, [.. leaves]);
                }

                leaves.Clear();
            }

            last = entry;
            leaves.Add(entry.Leaf);
        }

        if (last is { } end && leaves.Count > 1)
        {
            yield return (end.High, end.Low, [.. leaves]);
        }
    }

    /// <summary>All entries of the runs, run by run.</summary>
    internal IEnumerable<IndexEntry> Scan() => _runs.SelectMany(static run => run.Scan());

    // End to end from leaf 0; where a merge was interrupted, the longest run from the same start wins and covers the shorter ones.
    private static List<RunFile> EndToEnd(string folder)
    {
        var runs = new List<RunFile>();
        var paths = Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.run").ToList() : [];
        for (long reached = 0; ;)
        {
            var prefix = FormattableString.Invariant($"{reached:D16}-");
            var next = paths.Where(p => Path.GetFileName(p).StartsWith(prefix, StringComparison.Ordinal)).OrderDescending(StringComparer.Ordinal)
                .Select(RunFile.TryOpen).FirstOrDefault(r => r is not null && r.From == reached && r.To > reached);
            if (next is null)
            {
                return runs;
            }

            runs.Add(next);
            reached = next.To;
        }
    }

    /// <inheritdoc/>
    public void Start(Func<long> sealedTo)
    {
        _sealedTo = sealedTo;
        _worker = new Thread(Work) { IsBackground = true, Name = "digest-index", Priority = ThreadPriority.BelowNormal };
        _worker.Start();
        Signal();
    }

    /// <inheritdoc/>
    public void Signal() => _wake.Set();

    /// <inheritdoc/>
    public IReadOnlyList<long> Find(ulong high, ulong low)
    {
        var leaves = new List<long>();
        lock (_gate)
        {
            foreach (var run in _runs)
            {
                run.Find(high, low, leaves);
            }

            _writing?.Find(high, low, leaves);
            _recent.Find(high, low, leaves);
        }

        leaves.Sort();
        return leaves;
    }

    /// <inheritdoc/>
    public async Task<bool> WaitAsync(long size, TimeSpan patience, CancellationToken cancellation)
    {
        var until = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        while (IndexedTo < size && Failure is null)
        {
            var left = until - Environment.TickCount64;
            if (left <= 0)
            {
                return false;
            }

            var signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_waiting)
            {
                _waiting.Add(signal);
            }

            if (IndexedTo >= size)
            {
                return true;
            }

            await Task.WhenAny(signal.Task, Task.Delay(TimeSpan.FromMilliseconds(left), cancellation)).ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
        }

        return IndexedTo >= size;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        Signal();
        _worker?.Join();
        _runWriter.Wait();
        foreach (var run in _runs)
        {
            run.Dispose();
        }

        _wake.Dispose();
        _stop.Dispose();
    }

    private void Work()
    {
        try
        {
            using var database = SqliteDatabase.OpenReader(_databasePath);
            using var next = database.Prepare("SELECT first, keys FROM feed WHERE first >= ? ORDER BY first LIMIT 64");
            while (!_stop.IsCancellationRequested)
            {
                // Dispose signals after it has asked to stop.
                _wake.WaitOne();
                while (Failure is null && ReadFeed(next) && !_stop.IsCancellationRequested)
                {
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Asked to stop: what no run holds is read from the feed again at the next start.
        }
        catch (Exception failure) when (failure is IOException or SqliteFailureException or UnauthorizedAccessException)
        {
            Volatile.Write(ref _failure, failure);
            Release();
        }
    }

    // The size is read before the rows: rows sealed since belong to the next round. Leaves without keys have no row.
    private bool ReadFeed(SqliteStatement next)
    {
        var size = _sealedTo();
        if (size <= _indexedTo)
        {
            return false;
        }

        var reached = _indexedTo;
        var rows = 0;
        var full = false;
        next.Bind(1, _indexedTo);
        while (next.Step())
        {
            var first = next.Number(0);
            if (first >= size)
            {
                break;
            }

            var keys = next.Blob(1);
            if (_recent.Free < keys.Length / IndexEntry.Size)
            {
                full = true;
                break;
            }

            _recent.Add(keys);
            rows++;
            reached = first + 1;
        }

        next.Reset();
        Interlocked.Exchange(ref _indexedTo, rows < 64 && !full ? size : reached);
        Release();
        if (full)
        {
            WriteRun(reached);
        }

        return rows == 64 || full;
    }

    // Runs are written and merged beside the worker, so that look-ups of new leaves do not wait for a merge of old ones. One run
    // at a time: a worker that fills the next table first waits here, which bounds the memory and shows as lag.
    private void WriteRun(long to)
    {
        _runWriter.Wait(_stop.Token);
        if (Failure is not null)
        {
            return;
        }

        var from = _durableTo;
        var table = _recent;
        lock (_gate)
        {
            _writing = table;
            _recent = new RecentEntries(RecentCapacity);
        }

        _runWriter = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    var run = RunFile.Write(_folder, from, to, table.Sorted());
                    lock (_gate)
                    {
                        _runs = [.. _runs, run];
                        _writing = null;
                    }

                    Interlocked.Exchange(ref _durableTo, to);
                    MergeIfDue();
                }
                catch (Exception failure)
                {
                    // A full or failing disk, or no memory: the index stops growing and says so; the feed keeps what no run holds.
                    Volatile.Write(ref _failure, failure);
                    Release();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    // Size classes by entries: the newest MergeWidth runs of about one size become one.
    private void MergeIfDue()
    {
        while (true)
        {
            var runs = _runs;
            var width = MergeWidth;
            if (runs.Length < width)
            {
                return;
            }

            var newest = runs[^width..];
            if (newest[0].Entries > newest[^1].Entries * 4)
            {
                return;
            }

            var merged = RunFile.Merge(_folder, newest);
            lock (_gate)
            {
                _runs = [.. runs[..^width], merged];
            }

            foreach (var old in newest)
            {
                old.Dispose();
                File.Delete(old.Path);
            }
        }
    }

    private void Release()
    {
        TaskCompletionSource[] waiting;
        lock (_waiting)
        {
            waiting = [.. _waiting];
            _waiting.Clear();
        }

        foreach (var signal in waiting)
        {
            signal.TrySetResult();
        }
    }
}
