using System.Buffers.Binary;
using Npgsql;
using NpgsqlTypes;
using Notary.Chain.Index;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain.Postgres;

/// <summary>
/// The store of a chain that several processes append to. What a turn writes is gathered and sent as one batch of statements, so that a turn is four round trips: lock and head, known
/// requests, writes, commit.
/// </summary>
internal sealed class PostgresChainStore : ChainStore
{
    private const string LockQuery =
        "SELECT size, root, edge, sealed, note, note_size, current_setting('synchronous_commit'), current_setting('synchronous_standby_names') FROM head WHERE one = 1 FOR UPDATE";

    private readonly PostgresChainDatabase _address;
    private readonly Dictionary<(string Account, string Key), AnsweredRequest?> _known = [];
    private readonly Dictionary<(string Account, string Key), (AnsweredRequest Row, long AtMs)> _requests = [];
    private readonly List<(long First, int Count, byte[] Entries)> _segments = [];
    private readonly Dictionary<(int Level, long Number), byte[]> _tiles = [];
    private readonly List<long> _itemNumbers = [];
    private readonly List<byte[]> _itemBoxes = [];
    private readonly List<long> _high = [];
    private readonly List<long> _low = [];
    private readonly List<long> _leaf = [];
    private readonly List<long> _stateLeaves = [];
    private readonly List<long> _replacedStateLeaves = [];
    private HeadRow? _head;
    private long? _trimRequestsBefore;
    private PostgresDatabase _database;
    private Statement? _lockHead, _peekHead, _readTile, _readRequest;
    private bool _begun;

    private PostgresChainStore(PostgresChainDatabase address, PostgresDatabase database)
    {
        _address = address;
        _database = database;
    }

    /// <inheritdoc/>
    public override bool IsShared => true;

    /// <summary>Connects to a chain's tables.</summary>
    /// <exception cref="ChainRefusedException">There are none, or the server's settings will not do.</exception>
    public static PostgresChainStore Open(PostgresChainDatabase address)
    {
        var database = address.OpenWriter();
        try
        {
            return PostgresChainDatabase.HasTables(database)
                ? new PostgresChainStore(address, database)
                : throw new ChainRefusedException(ChainRefusal.NotCreated, $"There is no chain in the {address.Name}: move one there with 'notary chain move'.");
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Connects and makes the tables, in a transaction that the caller ends.</summary>
    /// <exception cref="ChainRefusedException">There are tables already, or the server's settings will not do.</exception>
    public static PostgresChainStore Create(PostgresChainDatabase address)
    {
        var database = address.OpenWriter();
        try
        {
            if (PostgresChainDatabase.HasTables(database))
            {
                throw new ChainRefusedException(ChainRefusal.Exists, $"There is a chain in the {address.Name} already: each chain has a database of its own.");
            }

            database.Execute("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 0");
            PostgresChainDatabase.CreateTables(database);
            return new PostgresChainStore(address, database) { _begun = true };
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Begin() => Forget();

    /// <inheritdoc/>
    public override ChainReads? Reads() => new(() => new Borrowed(_database));

    /// <summary>Commits what can be written again; a server that does not confirm within 15 s is asked anew.</summary>
    public override void Commit()
    {
        Flush();
        Commit(timeoutSeconds: 15);
    }

    /// <inheritdoc/>
    public override HeadRow? ReadHead()
    {
        if (!_begun)
        {
            _database.Execute("BEGIN ISOLATION LEVEL READ COMMITTED");
            _begun = true;
        }

        _lockHead ??= _database.Prepare(LockQuery);
        if (!_lockHead.Step())
        {
            return null;
        }

        if (_address.IsUnfit(_lockHead.Text(6), _lockHead.Text(7)))
        {
            // The settings changed under a running server: the next connection says which.
            _lockHead.Reset();
            throw PostgresFailureException.Warned("01000");
        }

        return HeadOf(_lockHead);
    }

    /// <inheritdoc/>
    public override (long Size, long NoteSize) PeekHead()
    {
        _peekHead ??= _database.Prepare("SELECT size, note_size FROM head WHERE one = 1");
        var found = _peekHead.Step() ? (_peekHead.Number(0), _peekHead.Number(1)) : (-1, -1);
        _peekHead.Reset();
        return found;
    }

    /// <inheritdoc/>
    public override void WriteHead(HeadRow head) => _head = head;

    /// <inheritdoc/>
    public override void WriteSegment(long first, int count, ReadOnlySpan<byte> entries) => _segments.Add((first, count, entries.ToArray()));

    /// <inheritdoc/>
    public override IEnumerable<(long First, int Count, byte[] Entries)> Segments(long from) => ChainReads.Segments(_database, from);

    /// <inheritdoc/>
    public override void WriteTile(int level, long number, ReadOnlySpan<byte> hashes) => _tiles[(level, number)] = hashes.ToArray();

    /// <inheritdoc/>
    public override byte[]? ReadTile(int level, long number)
    {
        _readTile ??= _database.Prepare("SELECT hashes FROM tile WHERE level = ? AND number = ?");
        _readTile.Bind(1, level).Bind(2, number);
        var hashes = _readTile.Step() ? _readTile.Blob(0).ToArray() : null;
        _readTile.Reset();
        return hashes;
    }

    /// <inheritdoc/>
    public override void WriteItem(long index, ReadOnlySpan<byte> box)
    {
        _itemNumbers.Add(index);
        _itemBoxes.Add(box.ToArray());
    }

    /// <inheritdoc/>
    public override void WriteFeed(long first, ReadOnlySpan<byte> keys)
    {
        for (; keys.Length >= IndexEntry.Size; keys = keys[IndexEntry.Size..])
        {
            _high.Add(BinaryPrimitives.ReadInt64BigEndian(keys));
            _low.Add(BinaryPrimitives.ReadInt64BigEndian(keys[8..]));
            _leaf.Add(BinaryPrimitives.ReadInt64BigEndian(keys[16..]));
        }
    }

    /// <summary>Removes all look-up keys, in the transaction that is open.</summary>
    public void ClearFeed() => _database.Execute("DELETE FROM lookup");

    /// <inheritdoc/>
    public override void TrimFeed(long durableTo)
    {
        // There is no feed: the look-up table is written with the batch.
    }

    /// <inheritdoc/>
    public override void WriteStateLeaf(long index, in LeafFacts facts)
    {
        _stateLeaves.Add(index);
        if (facts.ReplacesStateLeaf >= 0)
        {
            _replacedStateLeaves.Add(facts.ReplacesStateLeaf);
        }
    }

    /// <summary>Marks a leaf that changes the state of admission.</summary>
    public void WriteStateLeaf(long index) => _stateLeaves.Add(index);

    /// <inheritdoc/>
    public override void ExpectRequests(IReadOnlyList<(string Account, string Key)> keys)
    {
        if (keys.Count == 0)
        {
            return;
        }

        foreach (var key in keys)
        {
            _known[key] = null;
        }

        PostgresDatabase.Guarded("read the database", () =>
        {
            using var command = new NpgsqlCommand(
                "SELECT account, key, digest, first, count, outcomes FROM request WHERE (account, key) IN (SELECT * FROM unnest($1, $2))", _database.Connection);
            command.Parameters.Add(Many(NpgsqlDbType.Text, keys.Select(static key => key.Account)));
            command.Parameters.Add(Many(NpgsqlDbType.Text, keys.Select(static key => key.Key)));
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                _known[(reader.GetString(0), reader.GetString(1))] =
                    new AnsweredRequest(Hash32.FromSpan((byte[])reader.GetValue(2)), reader.GetInt64(3), (int)reader.GetInt64(4), (byte[])reader.GetValue(5));
            }
        });
    }

    /// <inheritdoc/>
    public override AnsweredRequest? ReadRequest(string account, string key)
    {
        if (_requests.TryGetValue((account, key), out var written))
        {
            return written.Row;
        }

        return _known.TryGetValue((account, key), out var known) ? known : _known[(account, key)] = ReadRequest(_readRequest ??= _database.Prepare(RequestQuery), account, key);
    }

    /// <inheritdoc/>
    public override bool TryWriteRequest(string account, string key, AnsweredRequest row, long atMs) =>
        ReadRequest(account, key) is null && _requests.TryAdd((account, key), (row, atMs));

    /// <inheritdoc/>
    public override void CorrectRequest(string account, string key, int count, ReadOnlySpan<byte> outcomes)
    {
        var (row, atMs) = _requests[(account, key)];
        _requests[(account, key)] = (row with { Count = count, Outcomes = outcomes.ToArray() }, atMs);
    }

    /// <inheritdoc/>
    public override void TrimRequests(long beforeMs) => _trimRequestsBefore = beforeMs;

    /// <inheritdoc/>
    public override void Flush()
    {
        using var batch = new NpgsqlBatch(_database.Connection);
        foreach (var (first, count, entries) in _segments)
        {
            Add("INSERT INTO segment (first, count, entries) VALUES ($1, $2, $3)", One(first), One(count), One(entries));
        }

        AddMany(
            _tiles.Count,
            "INSERT INTO tile (level, number, hashes) SELECT * FROM unnest($1, $2, $3) ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
            () => [Many(NpgsqlDbType.Bigint, _tiles.Keys.Select(static id => (long)id.Level)), Many(NpgsqlDbType.Bigint, _tiles.Keys.Select(static id => id.Number)), Many(NpgsqlDbType.Bytea, _tiles.Values)]);
        AddMany(_itemNumbers.Count, "INSERT INTO item (number, box) SELECT * FROM unnest($1, $2)", () => [Many(NpgsqlDbType.Bigint, _itemNumbers), Many(NpgsqlDbType.Bytea, _itemBoxes)]);
        AddMany(
            _leaf.Count,
            "INSERT INTO lookup (high, low, leaf) SELECT * FROM unnest($1, $2, $3) ON CONFLICT DO NOTHING",
            () => [Many(NpgsqlDbType.Bigint, _high), Many(NpgsqlDbType.Bigint, _low), Many(NpgsqlDbType.Bigint, _leaf)]);
        AddMany(_stateLeaves.Count, "INSERT INTO state_leaf (number) SELECT * FROM unnest($1)", () => [Many(NpgsqlDbType.Bigint, _stateLeaves)]);
        AddMany(_replacedStateLeaves.Count, "DELETE FROM state_leaf WHERE number = ANY($1)", () => [Many(NpgsqlDbType.Bigint, _replacedStateLeaves)]);
        AddMany(
            _requests.Count,
            "INSERT INTO request (account, key, digest, first, count, outcomes, at) SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)",
            () =>
            [
                Many(NpgsqlDbType.Text, _requests.Keys.Select(static id => id.Account)),
                Many(NpgsqlDbType.Text, _requests.Keys.Select(static id => id.Key)),
                Many(NpgsqlDbType.Bytea, _requests.Values.Select(static r => r.Row.Digest.ToArray())),
                Many(NpgsqlDbType.Bigint, _requests.Values.Select(static r => r.Row.First)),
                Many(NpgsqlDbType.Bigint, _requests.Values.Select(static r => (long)r.Row.Count)),
                Many(NpgsqlDbType.Bytea, _requests.Values.Select(static r => r.Row.Outcomes)),
                Many(NpgsqlDbType.Bigint, _requests.Values.Select(static r => r.AtMs)),
            ]);
        if (_trimRequestsBefore is { } before)
        {
            Add("DELETE FROM request WHERE (account, key) IN (SELECT account, key FROM request WHERE at < $1 LIMIT 1000)", One(before));
        }

        if (_head is { } head)
        {
            Add(
                "INSERT INTO head (one, size, root, edge, sealed, note, note_size) VALUES (1, $1, $2, $3, $4, $5, $6) ON CONFLICT (one) DO UPDATE SET "
                + "size = excluded.size, root = excluded.root, edge = excluded.edge, sealed = excluded.sealed, note = excluded.note, note_size = excluded.note_size",
                One(head.Size),
                One(head.Root.ToArray()),
                One(head.Edge),
                One(head.SealedMs),
                One(head.Note),
                One(head.NoteSize));
        }

        if (batch.BatchCommands.Count > 0)
        {
            PostgresDatabase.Guarded("write a batch", batch.ExecuteNonQuery);
        }

        Forget();

        void AddMany(int rows, string sql, Func<NpgsqlParameter[]> parameters)
        {
            if (rows > 0)
            {
                Add(sql, parameters());
            }
        }

        void Add(string sql, params NpgsqlParameter[] parameters)
        {
            var command = new NpgsqlBatchCommand(sql);
            command.Parameters.AddRange(parameters);
            batch.BatchCommands.Add(command);
        }
    }

    /// <inheritdoc/>
    public override void CommitUnsynced() => Commit(timeoutSeconds: 0);

    /// <inheritdoc/>
    public override void Rollback()
    {
        Forget();
        if (_begun)
        {
            _begun = false;
            _database.Execute("ROLLBACK");
        }
    }

    /// <inheritdoc/>
    public override void Reconnect()
    {
        Forget();
        Close();
        _begun = false;
        _database = _address.OpenWriter();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Close();
        }
    }

    // A pool's connection that is the writer's own.
    private sealed class Borrowed(PostgresDatabase owner) : Database
    {
        public override void Execute(string sql) => owner.Execute(sql);

        public override Statement Prepare(string sql) => owner.Prepare(sql);

        public override void BeginSnapshot() => throw new NotSupportedException("The writer's session has a transaction of its own.");

        public override IReadOnlyList<string> Damage() => [];

        protected override void Dispose(bool disposing)
        {
            // The owner closes it.
        }
    }

    private void Close()
    {
        foreach (var statement in new[] { _lockHead, _peekHead, _readTile, _readRequest })
        {
            statement?.Dispose();
        }

        (_lockHead, _peekHead, _readTile, _readRequest) = (null, null, null, null);
        _database.Dispose();
    }

    private void Commit(int timeoutSeconds)
    {
        if (_begun)
        {
            _begun = false;
            _database.Commit(timeoutSeconds);
        }
    }

    private void Forget()
    {
        _known.Clear();
        _requests.Clear();
        _segments.Clear();
        _tiles.Clear();
        _itemNumbers.Clear();
        _itemBoxes.Clear();
        _high.Clear();
        _low.Clear();
        _leaf.Clear();
        _stateLeaves.Clear();
        _replacedStateLeaves.Clear();
        _head = null;
        _trimRequestsBefore = null;
    }

    private static NpgsqlParameter<T> One<T>(T value) => new() { TypedValue = value };

    private static NpgsqlParameter Many<T>(NpgsqlDbType type, IEnumerable<T> values) => new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = values.ToArray() };
}
