using System.Diagnostics;
using Notary.Chain.Postgres;
using Notary.Chain.Sqlite;
using Notary.Chain.Store;
using Notary.Ledger;

namespace Notary.Chain.Network;

/// <summary>A checkpoint with its quorum.</summary>
/// <param name="Size">Tree size.</param>
/// <param name="Note">The final note: its bytes never change again.</param>
/// <param name="AtMs">When the process that stored it knew, Unix milliseconds.</param>
public sealed record FinalCheckpoint(long Size, SignedNote Note, long AtMs);

/// <summary>A final checkpoint that the main chain holds.</summary>
/// <param name="Final">The checkpoint.</param>
/// <param name="MainIndex">Index of the anchor leaf on the main chain.</param>
/// <param name="AtMs">When the main checkpoint over it was final, Unix milliseconds.</param>
public sealed record AnchoredCheckpoint(FinalCheckpoint Final, long MainIndex, long AtMs);

/// <summary>
/// A chain's final and anchored checkpoints: in a file beside the chain's own, so that finality never waits for the sequencer's lock, nor the sequencer for it; or in the chain's PostgreSQL database, where the
/// servers that share it find the same bytes, and one of them at a time leads: it alone offers heads to nodes and anchors them.
/// </summary>
/// <remarks>
/// Every change is durable before it returns: what was said to be final stays so, in the same bytes. Who leads is a session's advisory lock, which ends with it; that two lead for a moment does no harm, for
/// the rows decide. What is asked goes over a connection of its own, so that it never waits for a commit. A connection that fails is given up, and a call a second later makes another. Safe from any thread.
/// </remarks>
public sealed class FinalityStore : IDisposable
{
    private const int CacheKiB = 1024;
    private const int CommitSeconds = 15;
    private const int RowsOfATransaction = 1_000;
    private static readonly TimeSpan UntilAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ShortestSilence = TimeSpan.FromSeconds(30);

    // Any number that nothing else in the chain's own database uses.
    private const string LeadQuery = "SELECT pg_try_advisory_lock(7265746617)::int::bigint";

    private readonly Slot _writer;
    private readonly Slot _reader;

    private FinalityStore(Func<Database> open, Func<Database> openReader)
    {
        _writer = new Slot(open);
        try
        {
            _reader = new Slot(openReader);
        }
        catch
        {
            _writer.Dispose();
            throw;
        }
    }

    /// <summary>Opens the file; an absent one is made, for all that it holds can be had again from nodes and main chain.</summary>
    /// <exception cref="ChainRefusedException">Its tables are of another version.</exception>
    /// <exception cref="SqliteFailureException">The disk failed.</exception>
    public static FinalityStore Open(string path) =>
        new(() => SqliteDatabase.OpenBeside(path, CacheKiB, ChainStore.Script("finality-0001.sql"), ChainStore.Script("finality-0002.sql")), () => SqliteDatabase.OpenReader(path, CacheKiB));

    /// <summary>Opens the tables in the chain's PostgreSQL database.</summary>
    /// <exception cref="ChainRefusedException">The server's settings will not do.</exception>
    /// <exception cref="PostgresFailureException">It does not answer.</exception>
    internal static FinalityStore Open(PostgresChainDatabase database) => new(database.OpenWriter, database.OpenReader);

    /// <summary>Whether this process is the one that offers heads and anchors them; becomes it when nobody is.</summary>
    /// <param name="may">False gives the lead up, where several share the chain.</param>
    /// <param name="interval">How often this is asked: who asks no more loses the lead.</param>
    /// <exception cref="DatabaseFailureException">The database does not answer: then it is not.</exception>
    public bool TryLead(bool may, TimeSpan interval) => _writer.Use(session => session.TryLead(may, interval));

    /// <summary>The newest final checkpoint, or null.</summary>
    public FinalCheckpoint? Final() => _reader.Use(static session => Session.Read(session.ReadFinal, static row => new FinalCheckpoint(row.Number(0), NoteOf(row.Blob(1)), row.Number(2))));

    /// <summary>Replaces the newest final checkpoint by a larger one.</summary>
    /// <returns>False when a size at least as large is final already: its bytes stay.</returns>
    public bool WriteFinal(FinalCheckpoint final)
    {
        ArgumentNullException.ThrowIfNull(final);
        return _writer.Use(session => session.Change(() => Ran(session.WriteFinal.Bind(1, final.Size).Bind(2, final.Note.ToBytes()).Bind(3, final.AtMs))));
    }

    /// <summary>Gives the newest final checkpoint another quorum: that of the trust entry which took the place of the one that it was final under.</summary>
    /// <returns>False when it is not of that size.</returns>
    public bool ReplaceFinal(FinalCheckpoint final)
    {
        ArgumentNullException.ThrowIfNull(final);
        return _writer.Use(session => session.Change(() => Ran(session.ReplaceFinal.Bind(1, final.Note.ToBytes()).Bind(2, final.AtMs).Bind(3, final.Size))));
    }

    /// <summary>The version of the trust file under which the anchored checkpoints were looked through last; 0 before the first.</summary>
    public long JudgedVersion() => _reader.Use(static session => Session.Read(session.ReadJudged, static row => (long?)row.Number(0)) ?? 0);

    /// <summary>Takes out the anchored checkpoints from that main index on which do not count any more, and notes the version that says so.</summary>
    /// <returns>How many.</returns>
    public int Judge(long version, long fromMainIndex, Func<AnchoredCheckpoint, bool> counts) => _writer.Use(session => session.Change(() =>
    {
        var gone = new List<long>();
        var below = long.MaxValue;
        for (var more = true; more;)
        {
            session.AnchoredBelow.Bind(1, below);
            more = Session.Read(session.AnchoredBelow, row =>
            {
                do
                {
                    if (row.Number(2) < fromMainIndex)
                    {
                        return false;
                    }

                    below = row.Number(0);
                    if (!counts(RowOf(row)))
                    {
                        gone.Add(below);
                    }
                }
                while (row.Step());
                return true;
            });
        }

        gone.ForEach(size => session.RemoveAnchored.Bind(1, size).Run());
        session.WriteJudged.Bind(1, version).Run();
        return gone.Count;
    }));

    /// <summary>Adds an anchored checkpoint; one of the same size stays as it is.</summary>
    public void WriteAnchored(AnchoredCheckpoint anchored)
    {
        ArgumentNullException.ThrowIfNull(anchored);
        _writer.Use(session => session.Change(() =>
        {
            session.Add(anchored);
            return true;
        }));
    }

    /// <summary>The first anchored checkpoint that holds the leaf of that index, or null.</summary>
    public AnchoredCheckpoint? AnchorOf(long index) => _reader.Use(session =>
    {
        session.ReadAnchored.Bind(1, index);
        return Session.Read(session.ReadAnchored, RowOf);
    });

    /// <summary>The newest anchored checkpoint, or null.</summary>
    public AnchoredCheckpoint? NewestAnchored() => _reader.Use(static session => Session.Read(session.NewestAnchored, RowOf));

    /// <summary>Takes over what another store holds, as far as it is not here: when a chain moves.</summary>
    internal void TakeOver(FinalityStore other)
    {
        for (var anchored = other.AnchorOf(-1); anchored is not null;)
        {
            _writer.Use(session => session.Change(() =>
            {
                for (var rows = 0; rows < RowsOfATransaction && anchored is not null; rows++, anchored = other.AnchorOf(anchored.Final.Size))
                {
                    session.Add(anchored);
                }

                return true;
            }));
        }

        if (other.Final() is { } final)
        {
            WriteFinal(final);
        }

        Judge(other.JudgedVersion(), long.MaxValue, static _ => true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer.Dispose();
        _reader.Dispose();
    }

    // A statement that returns a row for what it changed.
    private static bool Ran(Statement statement)
    {
        var changed = false;
        while (statement.Step())
        {
            changed = true;
        }

        return changed;
    }

    private static SignedNote NoteOf(ReadOnlySpan<byte> bytes) =>
        SignedNote.TryParse(bytes, out var note).Ok ? note! : throw new ChainRefusedException(ChainRefusal.Inconsistent, "A stored final checkpoint is no note: restore finality.db, or delete it so that it is made again.");

    private static AnchoredCheckpoint RowOf(Statement row) => new(new FinalCheckpoint(row.Number(0), NoteOf(row.Blob(1)), row.Number(3)), row.Number(2), row.Number(3));

    /// <summary>A connection that is made anew after it failed; one caller at a time.</summary>
    private sealed class Slot : IDisposable
    {
        private readonly Lock _turn = new();
        private readonly Func<Database> _open;
        private Session? _session;
        private DatabaseFailureException? _failure;
        private long _failedAt;
        private bool _disposed;

        public Slot(Func<Database> open)
        {
            _open = open;
            _session = new Session(open());
        }

        public T Use<T>(Func<Session, T> call)
        {
            lock (_turn)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                var session = _session ??= Opened();
                try
                {
                    return call(session);
                }
                catch (DatabaseFailureException)
                {
                    // Whatever it has begun ends with it.
                    session.Dispose();
                    _session = null;
                    throw;
                }
            }
        }

        public void Dispose()
        {
            lock (_turn)
            {
                _disposed = true;
                _session?.Dispose();
                _session = null;
            }
        }

        // Whoever asks while the database is away is told at once, not after a time-out each.
        private Session Opened()
        {
            if (_failure is not null && Stopwatch.GetElapsedTime(_failedAt) < UntilAgain)
            {
                throw _failure;
            }

            try
            {
                var session = new Session(_open());
                _failure = null;
                return session;
            }
            catch (Exception away) when (away is DatabaseFailureException or ChainRefusedException { Refusal: ChainRefusal.Durability })
            {
                // A primary without what is demanded of it is as good as none, until it has that again.
                _failure = away as DatabaseFailureException ?? PostgresFailureException.Unfit(away);
                _failedAt = Stopwatch.GetTimestamp();
                throw _failure;
            }
        }
    }

    /// <summary>One connection and its statements.</summary>
    private sealed class Session : IDisposable
    {
        private readonly Database _database;
        private readonly List<Statement> _all = [];
        private bool _leads;

        public Session(Database database)
        {
            _database = database;
            try
            {
                ReadFinal = Prepare("SELECT size, note, at FROM final WHERE one = 1");
                WriteFinal = Prepare(
                    "INSERT INTO final (one, size, note, at) VALUES (1, ?, ?, ?) ON CONFLICT (one) DO UPDATE SET size = excluded.size, note = excluded.note, at = excluded.at WHERE excluded.size > final.size RETURNING size");
                ReplaceFinal = Prepare("UPDATE final SET note = ?, at = ? WHERE one = 1 AND size = ? RETURNING size");
                WriteAnchored = Prepare("INSERT INTO anchored (size, note, main_index, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING");
                ReadAnchored = Prepare("SELECT size, note, main_index, at FROM anchored WHERE size > ? ORDER BY size LIMIT 1");
                // The later anchor on the main chain holds the larger checkpoint: downward from the newest, and no further than asked.
                AnchoredBelow = Prepare("SELECT size, note, main_index, at FROM anchored WHERE size < ? ORDER BY size DESC LIMIT 100");
                NewestAnchored = Prepare("SELECT size, note, main_index, at FROM anchored ORDER BY size DESC LIMIT 1");
                RemoveAnchored = Prepare("DELETE FROM anchored WHERE size = ?");
                ReadJudged = Prepare("SELECT version FROM judged WHERE one = 1");
                WriteJudged = Prepare("INSERT INTO judged (one, version) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET version = excluded.version");
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public Statement ReadFinal { get; }

        public Statement WriteFinal { get; }

        public Statement ReplaceFinal { get; }

        public Statement WriteAnchored { get; }

        public Statement ReadAnchored { get; }

        public Statement AnchoredBelow { get; }

        public Statement NewestAnchored { get; }

        public Statement RemoveAnchored { get; }

        public Statement ReadJudged { get; }

        public Statement WriteJudged { get; }

        public bool TryLead(bool may, TimeSpan interval)
        {
            if (_database is not PostgresDatabase)
            {
                // The lock of the data folder.
                return true;
            }

            if (!may)
            {
                if (_leads)
                {
                    _database.Execute("SELECT pg_advisory_unlock_all()");
                    _leads = false;
                }

                return false;
            }

            // Once held it is held by this session; whether that lives still is asked each time. A process that hangs asks no more, and the server ends its session.
            var led = _leads;
            using (var lead = _database.Prepare(led ? "SELECT 1::bigint" : LeadQuery))
            {
                _leads = lead.Step() && lead.Number(0) == 1;
            }

            if (_leads && !led)
            {
                var silence = Math.Max(ShortestSilence.TotalMilliseconds, 3 * interval.TotalMilliseconds);
                _database.Execute(FormattableString.Invariant($"SET idle_session_timeout = {(int)silence}"));
            }

            return _leads;
        }

        public void Add(AnchoredCheckpoint anchored) =>
            WriteAnchored.Bind(1, anchored.Final.Size).Bind(2, anchored.Final.Note.ToBytes()).Bind(3, anchored.MainIndex).Bind(4, anchored.AtMs).Run();

        /// <summary>The first row, as something else; null without one.</summary>
        public static T? Read<T>(Statement statement, Func<Statement, T> row)
        {
            try
            {
                return statement.Step() ? row(statement) : default;
            }
            finally
            {
                statement.Reset();
            }
        }

        /// <summary>One transaction, durable when it returns.</summary>
        public T Change<T>(Func<T> change)
        {
            _database.Execute("BEGIN");
            T done;
            try
            {
                done = change();
            }
            catch (Exception failure) when (failure is not DatabaseFailureException)
            {
                _database.Execute("ROLLBACK");
                throw;
            }

            if (_database is PostgresDatabase shared)
            {
                // Also on the standby: a warning is a failure.
                shared.Commit(CommitSeconds);
            }
            else
            {
                _database.Execute("COMMIT");
            }

            return done;
        }

        public void Dispose()
        {
            _all.ForEach(static statement => statement.Dispose());
            _database.Dispose();
        }

        private Statement Prepare(string sql)
        {
            var statement = _database.Prepare(sql);
            _all.Add(statement);
            return statement;
        }
    }
}
