using Microsoft.Win32.SafeHandles;
using Notary.Crypto.Native;

namespace Notary.Chain.Sqlite;

/// <summary>
/// Writes the WAL back to the database beside the writer, so that no batch waits for a hundred megabytes of somebody else's pages.
/// </summary>
/// <remarks>
/// <para>The WAL is reused from its start only when all of it is written back at the moment when a transaction begins, and under load that moment never comes by
/// itself. So this thread writes back every <see cref="PassBytes"/> and syncs the database, in portions that the disk can take beside the writer's syncs (SQLite itself
/// syncs the database only after a portion that reaches the WAL's end: half a second, once it has gathered); when the WAL is longer than
/// <see cref="Threshold"/> it goes on until little is left and says <see cref="MayFinish"/>. The writer then writes back the few frames that came in since, between two
/// batches, and the next batch starts at the beginning of the WAL; where a reader still needs its end, SQLite goes on appending, and the next portion tries again.</para>
/// <para>Failure: the WAL keeps everything that is not written back, so nothing is lost; the failure is handed to the writer's next turn, which stops the chain.</para>
/// </remarks>
internal sealed class Checkpointer : IDisposable
{
    /// <summary>
    /// Length of the WAL, in bytes, from which it shall begin anew. Each time the writer waits for a sync of the database, so it is rare; a start after a crash reads as much.
    /// </summary>
    public const long Threshold = 128L * 1024 * 1024;

    /// <summary>Bytes written to the WAL between two portions.</summary>
    public const long PassBytes = 32L * 1024 * 1024;

    // Frames (pages of 8 KiB) of a portion after which the writer finishes, and how often the rest is tried to be brought under it.
    private const int SmallPass = 2048;
    private const int MaximumPasses = 4;

    private readonly SqliteDatabase _database;
    private readonly SafeFileHandle _file;
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _thread;
    private readonly long _frameBytes;
    private long _sincePass;
    private volatile bool _stop;
    private volatile bool _mayFinish;
    private volatile bool _busy;
    private SqliteFailureException? _failure;

    public Checkpointer(string path)
    {
        _database = SqliteDatabase.OpenWriter(path, create: false);
        try
        {
            _frameBytes = _database.FrameBytes();
            _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception failure)
        {
            _database.Dispose();
            if (failure is IOException or UnauthorizedAccessException)
            {
                throw new SqliteFailureException("open the database file", failure);
            }

            throw;
        }

        _thread = new Thread(Work) { IsBackground = true, Name = "checkpointer" };
        _thread.Start();
    }

    /// <summary>Little is left: the writer may finish between two batches, once.</summary>
    public bool MayFinish => _mayFinish;

    /// <summary>Says that so many pages were written to the WAL; from the writer's thread, after each commit.</summary>
    public void Committed(long pages)
    {
        _sincePass += pages * _frameBytes;
        if (_sincePass >= PassBytes && !_busy && !_mayFinish)
        {
            _sincePass = 0;
            _busy = true;
            _wake.Set();
        }
    }

    /// <summary>The writer tried to finish.</summary>
    public void Finished() => _mayFinish = false;

    /// <summary>For the writer, before it begins.</summary>
    /// <exception cref="SqliteFailureException">The last write-back failed.</exception>
    public void ThrowIfFailed()
    {
        if (Volatile.Read(ref _failure) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>Stops the thread; the writer's own connection may still be open.</summary>
    public void Stop()
    {
        _stop = true;
        _wake.Set();
        _thread.Join();
        _database.Dispose();
    }

    /// <summary>
    /// Closes the rest, after the writer's connection: a process that closes any descriptor of a file gives up all its locks on it (POSIX, fcntl), SQLite's too.
    /// </summary>
    public void Dispose()
    {
        _file.Dispose();
        _wake.Dispose();
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
                WriteBack();
            }
            catch (SqliteFailureException failure)
            {
                Volatile.Write(ref _failure, failure);
            }

            _busy = false;
        }
    }

    // The writer goes on meanwhile, so each pass leaves what was committed during it; the passes shrink until the rest is no wait.
    private void WriteBack()
    {
        var (frames, before) = Pass();
        if (frames * _frameBytes < Threshold)
        {
            return;
        }

        for (var pass = 0; pass < MaximumPasses; pass++)
        {
            (frames, var writtenBack) = Pass();
            if (frames - before <= SmallPass)
            {
                break;
            }

            before = writtenBack;
        }

        _mayFinish = true;
    }

    private (int Frames, int WrittenBack) Pass()
    {
        var pass = _database.CheckpointPassive();
        try
        {
            DurableFile.Sync(_file);
        }
        catch (IOException failure)
        {
            throw new SqliteFailureException("sync the database", failure);
        }

        return pass;
    }
}
