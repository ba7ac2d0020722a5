using Notary.Chain.Sqlite;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain.Nodes;

/// <summary>A checkpoint that the log signed.</summary>
/// <param name="Size">Its tree size.</param>
/// <param name="Root">Its root.</param>
/// <param name="Note">The note with the log's signature alone, UTF-8.</param>
internal sealed record LoggedCheckpoint(long Size, Hash32 Root, byte[] Note);

/// <summary>
/// The database of a ledger node: the tables of the chain that it mirrors, with the last note that the node cosigned in the head row, and beside them what
/// <c>node-0001.sql</c> and <c>node-0002.sql</c> name. So what reads a chain reads a mirror.
/// </summary>
internal sealed class NodeStore : IDisposable
{
    /// <summary>Pending checkpoints that are kept: an upload that began under an older one may still end.</summary>
    public const int PendingKept = 16;

    /// <summary>Checkpoints above the stored entries that are kept although they were not taken.</summary>
    public const int UnheldKept = 64;

    // Pages in memory, in KiB: an embedded network has twenty of these, and a node reads little.
    private const int CacheKiB = 2048;
    private static readonly string[] Tables = ["node-0001.sql", "node-0002.sql"];

    private readonly SqliteStatement _readGenesis, _writeGenesis, _readPending, _writePending, _trimPending, _readUnheld, _writeUnheld, _countUnheld, _removeUnheld;
    private readonly SqliteStatement _writeEvidence, _countEvidence, _readEvidence, _firstEvidence;
    private readonly SqliteStatement _writeStatement, _readStatements;
    private readonly SqliteStatement[] _all;

    private NodeStore(SqliteChainStore chain)
    {
        Chain = chain;
        _all =
        [
            _readGenesis = Prepare("SELECT genesis FROM node WHERE one = 1"),
            _writeGenesis = Prepare("UPDATE node SET genesis = ? WHERE one = 1 AND genesis IS NULL"),
            _readPending = Prepare("SELECT size, root, note FROM pending ORDER BY size"),
            _writePending = Prepare("INSERT INTO pending (size, root, note) VALUES (?, ?, ?)"),
            _trimPending = Prepare("DELETE FROM pending WHERE size NOT IN (SELECT size FROM pending ORDER BY size DESC LIMIT ?)"),
            _readUnheld = Prepare("SELECT size, root, note FROM unheld WHERE size <= ? ORDER BY size"),
            _writeUnheld = Prepare("INSERT OR IGNORE INTO unheld (size, root, note) VALUES (?, ?, ?)"),
            _countUnheld = Prepare("SELECT COUNT(*) FROM unheld"),
            _removeUnheld = Prepare("DELETE FROM unheld WHERE size <= ?"),
            _writeEvidence = Prepare("INSERT OR IGNORE INTO evidence (kind, place, at, reason, about, ours, theirs) VALUES (?, ?, ?, ?, ?, ?, ?)"),
            _countEvidence = Prepare("SELECT COUNT(*) FROM evidence WHERE kind = ?"),
            _readEvidence = Prepare("SELECT id, kind, place, at, reason, about, ours, theirs FROM evidence WHERE id > ? ORDER BY id LIMIT ?"),
            _firstEvidence = Prepare("SELECT COALESCE(MIN(place), -1) FROM evidence WHERE kind = ?"),
            _writeStatement = Prepare("INSERT INTO statement (kind, place, bytes) VALUES (?, ?, ?)"),
            _readStatements = Prepare("SELECT bytes FROM statement ORDER BY id"),
        ];

        SqliteStatement Prepare(string sql) => chain.Database.Prepare(sql);
    }

    /// <summary>The chain's own tables.</summary>
    public SqliteChainStore Chain { get; }

    /// <summary>Makes the database of a node that holds nothing yet, on the disk when this returns.</summary>
    public static void Create(string path, Hash32 emptyRoot)
    {
        using var chain = SqliteChainStore.Create(path, Tables);
        chain.Begin();
        chain.WriteHead(new HeadRow(0, emptyRoot, [], 0, [], 0));
        chain.Commit();
        chain.Checkpoint();
    }

    /// <summary>Opens a node's database; what a process that died left is made durable first.</summary>
    /// <remarks>Beside the chain's tables, whose version the database names, stand the node's own: one that was made before there were statements gets their table.</remarks>
    public static NodeStore Open(string path)
    {
        var chain = SqliteChainStore.Open(path, CacheKiB);
        try
        {
            if (!HasStatements(chain.Database))
            {
                chain.Begin();
                chain.Database.Execute(ChainStore.Script(Tables[1]));
                chain.Commit();
            }

            return new NodeStore(chain);
        }
        catch
        {
            chain.Dispose();
            throw;
        }
    }

    /// <summary>The statements of a node whose database nobody has open, in the order in which they were made, as they are served; nothing in them is verified.</summary>
    public static IReadOnlyList<byte[]> StatementsUnverified(string path)
    {
        using var database = SqliteDatabase.OpenReader(path, CacheKiB);
        if (!HasStatements(database))
        {
            return [];
        }

        using var read = database.Prepare("SELECT bytes FROM statement ORDER BY id");
        return Blobs(read);
    }

    /// <summary>The fingerprint of the chain that this is a copy of; the first call binds it.</summary>
    public Hash32 BindGenesis(Hash32 fingerprint)
    {
        Chain.Begin();
        _writeGenesis.Bind(1, fingerprint.AsSpan()).Run();
        Chain.Commit();
        _readGenesis.Step();
        var bound = Hash32.FromSpan(_readGenesis.Blob(0));
        _readGenesis.Reset();
        return bound;
    }

    /// <summary>The pending checkpoints, smallest first.</summary>
    public List<LoggedCheckpoint> Pending() => Checkpoints(_readPending);

    /// <summary>Adds a pending checkpoint and forgets the oldest beyond <see cref="PendingKept"/>.</summary>
    public void WritePending(LoggedCheckpoint pending)
    {
        Bind(_writePending, pending).Run();
        _trimPending.Bind(1, PendingKept).Run();
    }

    /// <summary>Keeps a checkpoint that was not taken, each once; beyond <see cref="UnheldKept"/> none is.</summary>
    /// <returns>How many are kept.</returns>
    public long WriteUnheld(LoggedCheckpoint unheld)
    {
        if (Number(_countUnheld) < UnheldKept)
        {
            Bind(_writeUnheld, unheld).Run();
        }

        return Number(_countUnheld);
    }

    /// <summary>Takes out the kept checkpoints of sizes up to that one.</summary>
    public List<LoggedCheckpoint> TakeUnheld(long size)
    {
        var found = Checkpoints(_readUnheld.Bind(1, size));
        if (found.Count > 0)
        {
            _removeUnheld.Bind(1, size).Run();
        }

        return found;
    }

    /// <summary>Keeps evidence, the same once.</summary>
    /// <returns>Whether it is new.</returns>
    public bool WriteEvidence(NodeAlarm alarm) => Changed(_writeEvidence.Bind(1, (long)alarm.Kind).Bind(2, alarm.Place).Bind(3, alarm.AtMs).Bind(4, alarm.Reason)
        .Bind(5, alarm.About.AsSpan()).Bind(6, alarm.Ours.Span).Bind(7, alarm.Theirs.Span));

    /// <summary>Rows of evidence of a kind.</summary>
    public long CountEvidence(AlarmKind kind) => Number(_countEvidence.Bind(1, (long)kind));

    /// <summary>The lowest place of a kind's evidence, or −1.</summary>
    public long FirstEvidence(AlarmKind kind) => Number(_firstEvidence.Bind(1, (long)kind));

    /// <summary>Evidence in the order in which it was found, after the row of that id.</summary>
    public List<NodeAlarm> Evidence(long after, int limit)
    {
        var alarms = new List<NodeAlarm>();
        _readEvidence.Bind(1, after).Bind(2, limit);
        while (_readEvidence.Step())
        {
            alarms.Add(new NodeAlarm((AlarmKind)_readEvidence.Number(1), _readEvidence.Number(2), _readEvidence.Number(3), _readEvidence.Text(4),
                Hash32.FromSpan(_readEvidence.Blob(5)), _readEvidence.Blob(6).ToArray(), _readEvidence.Blob(7).ToArray()) { Id = _readEvidence.Number(0) });
        }

        return alarms;
    }

    /// <summary>Keeps a statement of the node's own.</summary>
    public void WriteStatement(NodeStatement statement) =>
        _writeStatement.Bind(1, (long)statement.Kind).Bind(2, statement is AlarmRecord alarm ? alarm.Index : 0).Bind(3, statement.ToBytes()).Run();

    /// <summary>The node's statements in the order in which they were made.</summary>
    public IReadOnlyList<byte[]> Statements() => Blobs(_readStatements);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var statement in _all)
        {
            statement.Dispose();
        }

        Chain.Dispose();
    }

    private static SqliteStatement Bind(SqliteStatement statement, LoggedCheckpoint checkpoint) =>
        statement.Bind(1, checkpoint.Size).Bind(2, checkpoint.Root.AsSpan()).Bind(3, checkpoint.Note);

    private static List<LoggedCheckpoint> Checkpoints(SqliteStatement statement)
    {
        var found = new List<LoggedCheckpoint>();
        while (statement.Step())
        {
            found.Add(new LoggedCheckpoint(statement.Number(0), Hash32.FromSpan(statement.Blob(1)), statement.Blob(2).ToArray()));
        }

        return found;
    }

    private static bool HasStatements(SqliteDatabase database)
    {
        using var look = database.Prepare("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'statement'");
        return Number(look) > 0;
    }

    private static List<byte[]> Blobs(SqliteStatement statement)
    {
        var blobs = new List<byte[]>();
        while (statement.Step())
        {
            blobs.Add(statement.Blob(0).ToArray());
        }

        return blobs;
    }

    private static long Number(SqliteStatement statement)
    {
        statement.Step();
        var number = statement.Number(0);
        statement.Reset();
        return number;
    }

    private bool Changed(SqliteStatement statement)
    {
        statement.Run();
        return Chain.Database.RowsChanged > 0;
    }
}
