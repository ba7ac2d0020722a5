using Notary.Chain.Sqlite;

namespace Notary.Chain.Store;

/// <summary>
/// Writes the WAL back to the database beside the writer, so that no batch waits for a hundred megabytes of somebody else's pages.
/// </summary>
/// <remarks>
/// <para>The WAL is reused from its start only when all of it is written back at the moment when a transaction begins, and under load that moment never comes by
/// itself. So this thread writes back the bulk and syncs it, then says <see cref="MayFinish"/>; the writer writes back the few frames that came in since, between two
/// batches, and the next batch starts at the beginning of the WAL. The WAL stays near <see cref="Threshold"/>.</para>
/// <para>Failure: the WAL keeps everything that is not written back, so nothing is lost; the failure is handed to the writer's next turn, which stops the chain.</para>
/// </remarks>
internal sealed class Checkpointer : IDisposable
{
    /// <summary>Bytes committed since the WAL last began anew, before it is written back.</summary>
    public const long Threshold = 64L * 1024 * 1024;

    // Frames (pages of 16 KiB) of a pass after which the writer finishes, and how often the bulk is tried to be brought under it.
    private const int SmallPass = 256;
    private const int MaximumPasses = 8;

    private readonly SqliteDatabase _database;
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _thread;
    private volatile bool _stop;
    private volatile bool _mayFinish;
    private volatile bool _busy;
    private SqliteFailureException? _failure;

    public Checkpointer(string path)
    {
        _database = SqliteDatabase.OpenWriter(path, create: false);
        _thread = new Thread(Work) { IsBackground = true, Name = "checkpointer" };
        _thread.Start();
    }

    /// <summary>The bulk is written back: the writer may finish between two batches, once.</summary>
    public bool MayFinish => _mayFinish;

    /// <summary>Says that so much was committed since the WAL began anew; from the writer's thread.</summary>
    /// <exception cref="SqliteFailureException">The last write-back failed.</exception>
    public void Committed(long bytes)
    {
        if (Volatile.Read(ref _failure) is { } failure)
        {
            throw failure;
        }

        if (bytes >= Threshold && !_busy && !_mayFinish)
        {
            _busy = true;
            _wake.Set();
        }
    }

    /// <summary>The writer finished.</summary>
    public void Finished() => _mayFinish = false;

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop = true;
        _wake.Set();
        _thread.Join();
        _database.Dispose();
        _wake.Dispose();
    }

    // The writer goes on meanwhile, so each pass leaves what was committed during it; the passes shrink until the rest is no wait.
    private void WriteBackBulk()
    {
        var before = 0;
        for (var pass = 0; pass < MaximumPasses; pass++)
        {
            var (frames, writtenBack) = _database.CheckpointPassive();
            if (frames - before <= SmallPass)
            {
                return;
            }

            before = writtenBack;
        }
    }

    private void Work()
    {
        while (true)
        {
            _wake.WaitOne();
            if (_stop)
            {
                return;
            }

            try
            {
                WriteBackBulk();
                _mayFinish = true;
            }
            catch (SqliteFailureException failure)
            {
                Volatile.Write(ref _failure, failure);
            }

            _busy = false;
        }
    }
}
