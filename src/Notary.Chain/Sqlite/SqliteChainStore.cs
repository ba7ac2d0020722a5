using Microsoft.Win32.SafeHandles;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Native;
using Notary.Evidence;

namespace Notary.Chain.Sqlite;

/// <summary>The store of one process on one machine: a file, whose lock no other process gets.</summary>
public sealed class SqliteChainStore : ChainStore
{
    /// <summary>The version of the tables; kept in the database's <c>user_version</c>.</summary>
    public const int SchemaVersion = 1;

    private readonly SqliteDatabase _database;
    private readonly List<SqliteStatement> _statements = [];
    private readonly SqliteStatement _begin, _commit, _rollback;
    private readonly SqliteStatement _readHead, _writeHead, _writeSegment, _writeTile, _readTile, _writeItem, _writeFeed, _trimFeed, _writeStateLeaf, _removeStateLeaf;
    private readonly SqliteStatement _readRequest, _writeRequest, _correctRequest, _trimRequests;

    private readonly Checkpointer _checkpointer;
    private readonly string _walPath;
    private SafeFileHandle? _wal;

    private SqliteChainStore(SqliteDatabase database, string path)
    {
        _database = database;
        _checkpointer = new Checkpointer(path);
        _walPath = path + "-wal";
        // IMMEDIATE takes the write lock before the head is read: the row is read for update.
        _begin = Prepare("BEGIN IMMEDIATE");
        _commit = Prepare("COMMIT");
        _rollback = Prepare("ROLLBACK");
        _readHead = Prepare(HeadQuery);
        _writeHead = Prepare("INSERT OR REPLACE INTO head (one, size, root, edge, sealed, note, note_size) VALUES (1, ?, ?, ?, ?, ?, ?)");
        _writeSegment = Prepare("INSERT INTO segment (first, count, entries) VALUES (?, ?, ?)");
        _writeTile = Prepare("INSERT OR REPLACE INTO tile (level, number, hashes) VALUES (?, ?, ?)");
        _readTile = Prepare("SELECT hashes FROM tile WHERE level = ? AND number = ?");
        _writeItem = Prepare("INSERT INTO item (number, box) VALUES (?, ?)");
        _writeFeed = Prepare("INSERT INTO feed (first, keys) VALUES (?, ?)");
        _writeStateLeaf = Prepare("INSERT INTO state_leaf (number) VALUES (?)");
        _removeStateLeaf = Prepare("DELETE FROM state_leaf WHERE number = ?");
        _trimFeed = Prepare("DELETE FROM feed WHERE first < ?");
        _readRequest = Prepare(RequestQuery);
        _writeRequest = Prepare("INSERT INTO request (account, key, digest, first, count, outcomes, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
        _correctRequest = Prepare("UPDATE request SET count = ?, outcomes = ? WHERE account = ? AND key = ?");
        _trimRequests = Prepare("DELETE FROM request WHERE (account, key) IN (SELECT account, key FROM request WHERE at < ? LIMIT 1000)");
    }

    /// <summary>The connection, for what stands beside the chain's tables and changes in its transactions.</summary>
    internal SqliteDatabase Database => _database;

    /// <summary>Makes the tables in a new file. Only the creation of a chain or of a ledger node calls this.</summary>
    /// <param name="path">The file.</param>
    /// <param name="beside">Scripts of further tables: a node's.</param>
    public static SqliteChainStore Create(string path, params IReadOnlyList<string> beside)
    {
        var database = SqliteDatabase.OpenWriter(path, create: true);
        database.Execute("BEGIN IMMEDIATE");
        database.Execute(Script("sqlite-0001.sql"));
        foreach (var script in beside)
        {
            database.Execute(Script(script));
        }

        database.Execute(FormattableString.Invariant($"PRAGMA user_version={SchemaVersion}"));
        database.Execute("COMMIT");
        return new SqliteChainStore(database, path);
    }

    /// <summary>
    /// Opens an existing database. What a process that died left in the WAL is written back and synced before anything is read: a commit whose sync failed may
    /// stand in the page cache alone, and a second sync of the same file would say nothing of it.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="cacheKiB">Pages that are kept in memory, in KiB.</param>
    /// <exception cref="ChainRefusedException">The tables are of another version.</exception>
    /// <exception cref="SqliteFailureException">The disk failed, or another program holds the database.</exception>
    public static SqliteChainStore Open(string path, int cacheKiB = SqliteDatabase.WriterCacheKiB)
    {
        var database = SqliteDatabase.OpenWriter(path, create: false, cacheKiB);
        try
        {
            using (var version = database.Prepare("PRAGMA user_version"))
            {
                version.Step();
                var found = version.Number(0);
                if (found != SchemaVersion)
                {
                    throw new ChainRefusedException(
                        ChainRefusal.OtherVersion,
                        FormattableString.Invariant($"The chain's database has tables of version {found}, this program writes version {SchemaVersion}: start the program version that made it, or upgrade this one."));
                }
            }

            database.Checkpoint();
            return new SqliteChainStore(database, path);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Takes the write lock; before it, between two batches, finishes a write-back of the WAL that is due.</summary>
    public override void Begin()
    {
        _checkpointer.ThrowIfFailed();
        if (_checkpointer.MayFinish)
        {
            _database.CheckpointPassive();
            _checkpointer.Finished();
        }

        _begin.Run();
    }

    /// <summary>
    /// Commits for this process's connections; on the disk only after <see cref="Sync"/>. A loss of power in between loses the newest such commits, never an
    /// older one: the frames of the WAL are chained by their checksums. A failure here leaves the outcome unknown.
    /// </summary>
    public override void CommitUnsynced()
    {
        _commit.Run();
        _checkpointer.Committed(_database.TakePagesWritten());
    }

    /// <inheritdoc/>
    public override void Sync()
    {
        try
        {
            // fsync(2) is of the file, whoever wrote it. The WAL stays the same file for as long as a connection is open.
            _wal ??= File.OpenHandle(_walPath, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            DurableFile.Sync(_wal);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new SqliteFailureException("sync the WAL", failure);
        }
    }

    /// <inheritdoc/>
    public override void Rollback()
    {
        if (_database.InTransaction)
        {
            _rollback.Run();
        }
    }

    /// <inheritdoc/>
    public override HeadRow? ReadHead() => ReadHead(_readHead);

    /// <inheritdoc/>
    public override (long Size, long NoteSize) PeekHead()
    {
        var found = _readHead.Step() ? (_readHead.Number(0), _readHead.Number(5)) : (-1, -1);
        _readHead.Reset();
        return found;
    }

    /// <inheritdoc/>
    public override void WriteHead(HeadRow head)
    {
        Span<byte> root = stackalloc byte[Hash32.Size];
        head.Root.CopyTo(root);
        _writeHead.Bind(1, head.Size).Bind(2, root).Bind(3, head.Edge).Bind(4, head.SealedMs).Bind(5, head.Note).Bind(6, head.NoteSize).Run();
    }

    /// <inheritdoc/>
    public override void WriteSegment(long first, int count, ReadOnlySpan<byte> entries)
    {
        _writeSegment.Bind(1, first).Bind(2, count).Bind(3, entries).Run();
    }

    /// <inheritdoc/>
    public override void WriteTile(int level, long number, ReadOnlySpan<byte> hashes) => _writeTile.Bind(1, level).Bind(2, number).Bind(3, hashes).Run();

    /// <inheritdoc/>
    public override byte[]? ReadTile(int level, long number)
    {
        _readTile.Bind(1, level).Bind(2, number);
        var hashes = _readTile.Step() ? _readTile.Blob(0).ToArray() : null;
        _readTile.Reset();
        return hashes;
    }

    /// <inheritdoc/>
    public override void WriteItem(long index, ReadOnlySpan<byte> box)
    {
        _writeItem.Bind(1, index).Bind(2, box).Run();
    }

    /// <inheritdoc/>
    public override void WriteFeed(long first, ReadOnlySpan<byte> keys) => _writeFeed.Bind(1, first).Bind(2, keys).Run();

    /// <inheritdoc/>
    public override void WriteStateLeaf(long index, in LeafFacts facts)
    {
        _writeStateLeaf.Bind(1, index).Run();
        if (facts.ReplacesStateLeaf >= 0)
        {
            _removeStateLeaf.Bind(1, facts.ReplacesStateLeaf).Run();
        }
    }

    /// <inheritdoc/>
    public override void TrimFeed(long durableTo) => _trimFeed.Bind(1, durableTo).Run();

    /// <inheritdoc/>
    public override AnsweredRequest? ReadRequest(string account, string key) => ReadRequest(_readRequest, account, key);

    /// <inheritdoc/>
    public override bool TryWriteRequest(string account, string key, AnsweredRequest row, long atMs)
    {
        Span<byte> digest = stackalloc byte[Hash32.Size];
        row.Digest.CopyTo(digest);
        _writeRequest.Bind(1, account).Bind(2, key).Bind(3, digest).Bind(4, row.First).Bind(5, row.Count).Bind(6, row.Outcomes).Bind(7, atMs).Run();
        return _database.RowsChanged > 0;
    }

    /// <inheritdoc/>
    public override void CorrectRequest(string account, string key, int count, ReadOnlySpan<byte> outcomes) =>
        _correctRequest.Bind(1, count).Bind(2, outcomes).Bind(3, account).Bind(4, key).Run();

    /// <inheritdoc/>
    public override void TrimRequests(long beforeMs) => _trimRequests.Bind(1, beforeMs).Run();

    /// <inheritdoc/>
    public override void Checkpoint() => _database.Checkpoint();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _checkpointer.Stop();
        foreach (var statement in _statements)
        {
            statement.Dispose();
        }

        _wal?.Dispose();
        _database.Dispose();
        _checkpointer.Dispose();
    }

    private SqliteStatement Prepare(string sql)
    {
        var statement = _database.Prepare(sql);
        _statements.Add(statement);
        return statement;
    }
}
