using Notary.Chain.Sqlite;
using Notary.Chain.Store;
using Notary.Ledger;

namespace Notary.Chain.Network;

/// <summary>A checkpoint with its quorum.</summary>
/// <param name="Size">Tree size.</param>
/// <param name="Note">The final note: its bytes never change again.</param>
/// <param name="AtMs">When this process knew, Unix milliseconds.</param>
public sealed record FinalCheckpoint(long Size, SignedNote Note, long AtMs);

/// <summary>A final checkpoint that the main chain holds.</summary>
/// <param name="Final">The checkpoint.</param>
/// <param name="MainIndex">Index of the anchor leaf on the main chain.</param>
/// <param name="AtMs">When the main checkpoint over it was final, Unix milliseconds.</param>
public sealed record AnchoredCheckpoint(FinalCheckpoint Final, long MainIndex, long AtMs);

/// <summary>The database of a chain's final and anchored checkpoints, beside the chain's own: so that finality never waits for the sequencer's lock, nor the sequencer for it.</summary>
/// <remarks>Every change is synced before it returns: what was said to be final stays so, in the same bytes. Safe from any thread.</remarks>
public sealed class FinalityStore : IDisposable
{
    private const int CacheKiB = 1024;

    private readonly Lock _gate = new();
    private readonly SqliteDatabase _database;
    private readonly SqliteStatement _readFinal, _writeFinal, _replaceFinal, _writeAnchored, _readAnchored, _newestAnchored, _anchoredFrom, _removeAnchored, _readJudged, _writeJudged;
    private readonly SqliteStatement[] _all;

    private FinalityStore(SqliteDatabase database)
    {
        _database = database;
        _all =
        [
            _readFinal = database.Prepare("SELECT size, note, at FROM final WHERE one = 1"),
            _writeFinal = database.Prepare("INSERT INTO final (one, size, note, at) VALUES (1, ?, ?, ?) ON CONFLICT DO UPDATE SET size = excluded.size, note = excluded.note, at = excluded.at WHERE excluded.size > size"),
            _replaceFinal = database.Prepare("UPDATE final SET note = ?, at = ? WHERE one = 1 AND size = ?"),
            _writeAnchored = database.Prepare("INSERT INTO anchored (size, note, main_index, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"),
            _readAnchored = database.Prepare("SELECT size, note, main_index, at FROM anchored WHERE size > ? ORDER BY size LIMIT 1"),
            _newestAnchored = database.Prepare("SELECT size, note, main_index, at FROM anchored ORDER BY size DESC LIMIT 1"),
            // The later anchor on the main chain holds the larger checkpoint: downward from the newest, and no further than asked.
            _anchoredFrom = database.Prepare("SELECT size, note, main_index, at FROM anchored ORDER BY size DESC"),
            _removeAnchored = database.Prepare("DELETE FROM anchored WHERE size = ?"),
            _readJudged = database.Prepare("SELECT version FROM judged WHERE one = 1"),
            _writeJudged = database.Prepare("INSERT INTO judged (one, version) VALUES (1, ?) ON CONFLICT DO UPDATE SET version = excluded.version"),
        ];
    }

    /// <summary>Opens the database; an absent one is made, for all that it holds can be had again from nodes and main chain.</summary>
    /// <exception cref="ChainRefusedException">Its tables are of another version.</exception>
    /// <exception cref="SqliteFailureException">The disk failed.</exception>
    public static FinalityStore Open(string path)
    {
        var database = SqliteDatabase.OpenBeside(path, CacheKiB, ChainStore.Script("finality-0001.sql"), ChainStore.Script("finality-0002.sql"));
        try
        {
            return new FinalityStore(database);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>The newest final checkpoint, or null.</summary>
    public FinalCheckpoint? Final()
    {
        lock (_gate)
        {
            try
            {
                return _readFinal.Step() ? new FinalCheckpoint(_readFinal.Number(0), NoteOf(_readFinal.Blob(1)), _readFinal.Number(2)) : null;
            }
            finally
            {
                _readFinal.Reset();
            }
        }
    }

    /// <summary>Replaces the newest final checkpoint by a larger one.</summary>
    /// <returns>False when a size at least as large is final already: its bytes stay.</returns>
    public bool WriteFinal(FinalCheckpoint final)
    {
        lock (_gate)
        {
            _writeFinal.Bind(1, final.Size).Bind(2, final.Note.ToBytes()).Bind(3, final.AtMs).Run();
            return _database.RowsChanged > 0;
        }
    }

    /// <summary>Gives the newest final checkpoint another quorum: that of the trust entry which took the place of the one that it was final under.</summary>
    /// <returns>False when it is not of that size.</returns>
    public bool ReplaceFinal(FinalCheckpoint final)
    {
        lock (_gate)
        {
            _replaceFinal.Bind(1, final.Note.ToBytes()).Bind(2, final.AtMs).Bind(3, final.Size).Run();
            return _database.RowsChanged > 0;
        }
    }

    /// <summary>The version of the trust file under which the anchored checkpoints were looked through last; 0 before the first.</summary>
    public long JudgedVersion()
    {
        lock (_gate)
        {
            try
            {
                return _readJudged.Step() ? _readJudged.Number(0) : 0;
            }
            finally
            {
                _readJudged.Reset();
            }
        }
    }

    /// <summary>Takes out the anchored checkpoints from that main index on which do not count any more, and notes the version that says so.</summary>
    /// <returns>How many.</returns>
    public int Judge(long version, long fromMainIndex, Func<AnchoredCheckpoint, bool> counts)
    {
        lock (_gate)
        {
            var gone = new List<long>();
            try
            {
                while (_anchoredFrom.Step() && _anchoredFrom.Number(2) >= fromMainIndex)
                {
                    if (!counts(RowOf(_anchoredFrom)))
                    {
                        gone.Add(_anchoredFrom.Number(0));
                    }
                }
            }
            finally
            {
                _anchoredFrom.Reset();
            }

            _database.Execute("BEGIN IMMEDIATE");
            try
            {
                gone.ForEach(size => _removeAnchored.Bind(1, size).Run());
                _writeJudged.Bind(1, version).Run();
                _database.Execute("COMMIT");
            }
            catch
            {
                if (_database.InTransaction)
                {
                    _database.Execute("ROLLBACK");
                }

                throw;
            }

            return gone.Count;
        }
    }

    /// <summary>Adds an anchored checkpoint; one of the same size stays as it is.</summary>
    public void WriteAnchored(AnchoredCheckpoint anchored)
    {
        lock (_gate)
        {
            _writeAnchored.Bind(1, anchored.Final.Size).Bind(2, anchored.Final.Note.ToBytes()).Bind(3, anchored.MainIndex).Bind(4, anchored.AtMs).Run();
        }
    }

    /// <summary>The first anchored checkpoint that holds the leaf of that index, or null.</summary>
    public AnchoredCheckpoint? AnchorOf(long index) => Anchored(() => _readAnchored.Bind(1, index));

    /// <summary>The newest anchored checkpoint, or null.</summary>
    public AnchoredCheckpoint? NewestAnchored() => Anchored(() => _newestAnchored);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var statement in new[] { _readFinal, _writeFinal, _replaceFinal, _writeAnchored, _readAnchored, _newestAnchored })
            {
                statement.Dispose();
            }

            _database.Dispose();
        }
    }

    private static SignedNote NoteOf(ReadOnlySpan<byte> bytes) =>
        SignedNote.TryParse(bytes, out var note).Ok ? note! : throw new ChainRefusedException(ChainRefusal.Inconsistent, "A stored final checkpoint is no note: restore finality.db, or delete it so that it is made again.");

    private static AnchoredCheckpoint RowOf(SqliteStatement row) => new(new FinalCheckpoint(row.Number(0), NoteOf(row.Blob(1)), row.Number(3)), row.Number(2), row.Number(3));

    private AnchoredCheckpoint? Anchored(Func<SqliteStatement> query)
    {
        lock (_gate)
        {
            var row = query();
            try
            {
                return row.Step() ? RowOf(row) : null;
            }
            finally
            {
                row.Reset();
            }
        }
    }
}
