using System.Globalization;
using Notary.Chain.Store;
using SQLitePCL;

namespace Notary.Chain.Sqlite;

/// <summary>An SQLite call that did not succeed: the primary and extended result codes and what was attempted.</summary>
public sealed class SqliteFailureException : DatabaseFailureException
{
    public SqliteFailureException(int code, int extendedCode, string attempted)
        : base(string.Create(CultureInfo.InvariantCulture, $"SQLite could not {attempted}: result {code} (extended {extendedCode})."))
    {
        Code = code;
        ExtendedCode = extendedCode;
    }

    /// <summary>The store's own call for a file of the database failed.</summary>
    public SqliteFailureException(string attempted, Exception cause)
        : base($"The store could not {attempted}: {cause.Message}", cause)
    {
        Code = raw.SQLITE_IOERR;
        ExtendedCode = raw.SQLITE_IOERR_FSYNC;
    }

    /// <summary>Primary result code (sqlite3.h, SQLITE_*).</summary>
    public int Code { get; }

    /// <summary>Extended result code, which names the I/O operation that failed.</summary>
    public int ExtendedCode { get; }
}

/// <summary>
/// One connection to one database file, over the raw library: the writer binds a million blobs a minute, and an ADO.NET
/// command per row would cost more than the row. Not thread-safe: a connection belongs to one thread at a time.
/// </summary>
/// <remarks>
/// <para>Durability: WAL. SQLite itself syncs the WAL before it writes it back; after a commit <c>SqliteChainStore.Sync</c> does, before anybody is
/// answered (promise G1), so that the next batch can be written while the disk works. <c>synchronous=FULL</c> would sync in the same place, inside COMMIT.</para>
/// <para>Library 3.50.4 can corrupt a WAL database when two connections write or checkpoint at the same moment (fixed in 3.51.3
/// and 3.50.7), so an older library is refused. One connection writes; the one that checkpoints beside it belongs to the same process, which holds
/// the lock file. Readers are opened read-only and cannot checkpoint, also not on close.</para>
/// </remarks>
public sealed class SqliteDatabase : Database
{
    private readonly sqlite3 _db;

    private SqliteDatabase(sqlite3 db) => _db = db;

    static SqliteDatabase() => Batteries_V2.Init();

    private const int FrameHeaderBytes = 24; // fileformat2.html, 4.1
    private const int PagesWrittenStatus = 9; // SQLITE_DBSTATUS_CACHE_WRITE

    /// <summary>The lowest library version that is accepted: 3.51.3 mended the WAL-reset bug.</summary>
    public const int MinimumLibraryVersion = 3_051_003;

    /// <summary>Memory for pages of a writer, in KiB, where nothing else is said.</summary>
    public const int WriterCacheKiB = 65_536;

    /// <summary>The loaded library's version, as <c>sqlite3_libversion_number</c> gives it (3.50.4 is 3050004).</summary>
    public static int LibraryVersion => raw.sqlite3_libversion_number();

    /// <summary>Opens the file for writing; it is created only when <paramref name="create"/> says so.</summary>
    /// <exception cref="SqliteFailureException">The file is absent, is no database, or cannot be read.</exception>
    public static SqliteDatabase OpenWriter(string path, bool create, int cacheKiB = WriterCacheKiB)
    {
        if (LibraryVersion < MinimumLibraryVersion)
        {
            throw new SqliteFailureException(raw.SQLITE_MISUSE, LibraryVersion, "use this version of the library");
        }

        var flags = raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_NOMUTEX | (create ? raw.SQLITE_OPEN_CREATE : 0);
        var database = Open(path, flags);
        try
        {
            if (create)
            {
                // 8 KiB: a batch of a few records writes a dozen pages whole, and one of thousands has blobs of megabytes, whose pages cost the same whatever their size.
                database.Execute("PRAGMA page_size=8192");
            }

            database.Execute("PRAGMA journal_mode=WAL");
            database.Execute("PRAGMA synchronous=NORMAL");
            // An erased row's bytes are overwritten, not only unlinked.
            database.Execute("PRAGMA secure_delete=ON");
            database.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA cache_size=-{cacheKiB}"));
            // The Checkpointer decides when the WAL is written back, not the commit that happens to fill it.
            database.Execute("PRAGMA wal_autocheckpoint=0");
            database.Execute("PRAGMA journal_size_limit=1073741824");
            database.Execute("PRAGMA foreign_keys=ON");
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Opens a small database that stands beside the chains: one connection, each change synced before it returns. An absent file is made, an older one brought to the newest version.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cacheKiB">Pages that are kept in memory, in KiB.</param>
    /// <param name="scripts">What makes each version of the tables from the one before, from version 1 on.</param>
    /// <exception cref="ChainRefusedException">Its tables are of a later version.</exception>
    /// <exception cref="SqliteFailureException">The disk failed.</exception>
    public static SqliteDatabase OpenBeside(string path, int cacheKiB, params IReadOnlyList<string> scripts)
    {
        ArgumentNullException.ThrowIfNull(scripts);
        var database = OpenWriter(path, create: true, cacheKiB);
        try
        {
            // Few rows: SQLite syncs and writes back by itself.
            database.Execute("PRAGMA synchronous=FULL");
            database.Execute("PRAGMA wal_autocheckpoint=1000");
            long found;
            using (var version = database.Prepare("PRAGMA user_version"))
            {
                version.Step();
                found = version.Number(0);
            }

            if (found < 0 || found > scripts.Count)
            {
                throw new ChainRefusedException(
                    ChainRefusal.OtherVersion,
                    string.Create(CultureInfo.InvariantCulture, $"'{path}' has tables of version {found}, this program writes version {scripts.Count}: start the program version that made it."));
            }

            for (; found < scripts.Count; found++)
            {
                database.Execute("BEGIN IMMEDIATE");
                database.Execute(scripts[(int)found]);
                database.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version={found + 1}"));
                database.Execute("COMMIT");
            }

            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Opens the file for reading only; never creates, writes or checkpoints it.</summary>
    public static SqliteDatabase OpenReader(string path, int cacheKiB = 8_192)
    {
        var database = Open(path, raw.SQLITE_OPEN_READONLY | raw.SQLITE_OPEN_NOMUTEX);
        try
        {
            database.Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA cache_size=-{cacheKiB}"));
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Execute(string sql)
    {
        var code = raw.sqlite3_exec(_db, sql);
        if (code != raw.SQLITE_OK)
        {
            throw Failure(code, "run a statement");
        }
    }

    /// <inheritdoc/>
    public override SqliteStatement Prepare(string sql)
    {
        var code = raw.sqlite3_prepare_v2(_db, sql, out var statement);
        return code == raw.SQLITE_OK ? new SqliteStatement(this, statement) : throw Failure(code, "prepare a statement");
    }

    /// <inheritdoc/>
    public override void BeginSnapshot() => Execute("BEGIN");

    /// <inheritdoc/>
    public override IReadOnlyList<string> Damage()
    {
        using var statement = Prepare("PRAGMA integrity_check(20)");
        var found = new List<string>();
        while (statement.Step())
        {
            found.Add(statement.Text(0));
        }

        return found is ["ok"] ? [] : found;
    }

    /// <summary>Rows that the last INSERT, UPDATE or DELETE changed.</summary>
    public int RowsChanged => raw.sqlite3_changes(_db);

    /// <summary>True while a transaction is open on this connection.</summary>
    public bool InTransaction => raw.sqlite3_get_autocommit(_db) == 0;

    /// <summary>Writes back what no reader still needs of the WAL, without waiting for anybody.</summary>
    /// <returns>Frames in the WAL, and how many of them are written back.</returns>
    public (int Frames, int WrittenBack) CheckpointPassive()
    {
        var code = raw.sqlite3_wal_checkpoint_v2(_db, null, raw.SQLITE_CHECKPOINT_PASSIVE, out var frames, out var writtenBack);
        return code is raw.SQLITE_OK or raw.SQLITE_BUSY ? (frames, writtenBack) : throw Failure(code, "write the WAL back");
    }

    /// <summary>Writes every WAL frame back, syncs the database, and empties the WAL. Only for the writer, before its first batch and after its last.</summary>
    /// <exception cref="SqliteFailureException">The disk failed, or another program reads the database and does not end (SQLITE_BUSY).</exception>
    public void Checkpoint()
    {
        var code = raw.sqlite3_wal_checkpoint_v2(_db, null, raw.SQLITE_CHECKPOINT_TRUNCATE, out _, out _);
        if (code != raw.SQLITE_OK)
        {
            throw Failure(code, "write the WAL back");
        }
    }

    /// <summary>Bytes of a frame in the WAL: a page and its header.</summary>
    public long FrameBytes()
    {
        using var size = Prepare("PRAGMA page_size");
        size.Step();
        return size.Number(0) + FrameHeaderBytes;
    }

    /// <summary>Pages that this connection wrote to the WAL since the last call.</summary>
    public long TakePagesWritten()
    {
        var code = raw.sqlite3_db_status(_db, PagesWrittenStatus, out var pages, out _, 1);
        return code == raw.SQLITE_OK ? pages : throw Failure(code, "count written pages");
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        raw.sqlite3_close_v2(_db);
        _db.Dispose();
    }

    internal SqliteFailureException Failure(int code, string attempted) => new(code & 0xff, raw.sqlite3_extended_errcode(_db), attempted);

    private static SqliteDatabase Open(string path, int flags)
    {
        var code = raw.sqlite3_open_v2(path, out var db, flags, null);
        if (code != raw.SQLITE_OK)
        {
            db?.Dispose();
            throw new SqliteFailureException(code & 0xff, code, "open the database file");
        }

        raw.sqlite3_extended_result_codes(db, 1);
        raw.sqlite3_busy_timeout(db, 10_000);
        return new SqliteDatabase(db);
    }
}

/// <summary>A prepared statement of SQLite.</summary>
public sealed class SqliteStatement : Statement
{
    private readonly SqliteDatabase _database;
    private readonly sqlite3_stmt _statement;

    internal SqliteStatement(SqliteDatabase database, sqlite3_stmt statement)
    {
        _database = database;
        _statement = statement;
    }

    /// <inheritdoc/>
    public override SqliteStatement Bind(int parameter, long value)
    {
        raw.sqlite3_bind_int64(_statement, parameter, value);
        return this;
    }

    /// <inheritdoc/>
    public override SqliteStatement Bind(int parameter, ReadOnlySpan<byte> value)
    {
        // An empty span is an empty blob, never NULL.
        var code = value.IsEmpty ? raw.sqlite3_bind_zeroblob(_statement, parameter, 0) : raw.sqlite3_bind_blob(_statement, parameter, value);
        return code == raw.SQLITE_OK ? this : throw _database.Failure(code, "bind a value");
    }

    /// <inheritdoc/>
    public override SqliteStatement Bind(int parameter, string value)
    {
        raw.sqlite3_bind_text(_statement, parameter, value);
        return this;
    }

    /// <inheritdoc/>
    public override void Run()
    {
        var code = raw.sqlite3_step(_statement);
        raw.sqlite3_reset(_statement);
        if (code is not (raw.SQLITE_DONE or raw.SQLITE_ROW))
        {
            throw _database.Failure(code, "change the database");
        }
    }

    /// <inheritdoc/>
    public override bool Step()
    {
        var code = raw.sqlite3_step(_statement);
        if (code == raw.SQLITE_ROW)
        {
            return true;
        }

        raw.sqlite3_reset(_statement);
        return code == raw.SQLITE_DONE ? false : throw _database.Failure(code, "read the database");
    }

    /// <inheritdoc/>
    public override void Reset() => raw.sqlite3_reset(_statement);

    /// <inheritdoc/>
    public override long Number(int column) => raw.sqlite3_column_int64(_statement, column);

    /// <inheritdoc/>
    public override bool IsNull(int column) => raw.sqlite3_column_type(_statement, column) == raw.SQLITE_NULL;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(_statement, column);

    /// <inheritdoc/>
    public override string Text(int column) => raw.sqlite3_column_text(_statement, column).utf8_to_string();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _statement.Dispose();
}
