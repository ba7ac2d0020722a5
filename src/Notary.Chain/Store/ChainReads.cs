using System.Collections.Concurrent;
using static System.FormattableString;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Chain.Store;

/// <summary>
/// Reads of a chain's database by any number of threads: a small pool of read-only connections, each with its prepared statements. A read
/// sees the last commit and never waits for the writer (WAL).
/// </summary>
public sealed class ChainReads(Func<Database> open) : IDisposable
{
    /// <summary>Connections kept open; more are opened under load and closed after use.</summary>
    public const int PooledConnections = 8;

    // A segment may hold several megabytes.
    private const int SegmentsAtOnce = 4;

    private readonly Func<Database> _open = open;
    private readonly ConcurrentBag<Connection> _pool = [];
    private int _pooled;

    /// <summary>The leaf at an index as it was sealed; null when there is none.</summary>
    public byte[]? Entry(long index) => With(connection =>
    {
        var statement = connection.SegmentOf;
        statement.Bind(1, index);
        try
        {
            if (!statement.Step() || index - statement.Number(0) >= statement.Number(1))
            {
                return null;
            }

            var bundle = statement.Blob(2);
            for (var skip = index - statement.Number(0); ; skip--)
            {
                if (!EntryBundle.TryNext(ref bundle, out var entry))
                {
                    return null;
                }

                if (skip == 0)
                {
                    return entry.ToArray();
                }
            }
        }
        finally
        {
            statement.Reset();
        }
    });

    /// <summary>The batch that holds the leaf of an index: first index, count, entries as stored; null when there is no such leaf.</summary>
    public (long First, int Count, byte[] Entries)? Segment(long index) => With<(long, int, byte[])?>(connection =>
    {
        var statement = connection.SegmentOf;
        statement.Bind(1, index);
        try
        {
            return statement.Step() && index - statement.Number(0) < statement.Number(1) ? (statement.Number(0), (int)statement.Number(1), statement.Blob(2).ToArray()) : null;
        }
        finally
        {
            statement.Reset();
        }
    });

    /// <summary>The leaves [first, first + count) in order, each segment read once; fewer when they are not all there.</summary>
    public IReadOnlyList<byte[]> Entries(long first, int count)
    {
        var found = new List<byte[]>(count);
        foreach (var (start, held, entries) in Segments(first))
        {
            ReadOnlySpan<byte> bundle = entries;
            for (var i = start; i < start + held && found.Count < count && EntryBundle.TryNext(ref bundle, out var entry); i++)
            {
                if (i >= first)
                {
                    found.Add(entry.ToArray());
                }
            }

            if (found.Count >= count)
            {
                break;
            }
        }

        return found;
    }

    /// <summary>The batches in order from the one that holds <paramref name="from"/>: first index, count, entries as stored.</summary>
    public IEnumerable<(long First, int Count, byte[] Entries)> Segments(long from)
    {
        using var database = _open();
        foreach (var segment in Segments(database, from))
        {
            yield return segment;
        }
    }

    /// <summary>The same over a connection; between two of them it may be used for something else.</summary>
    internal static IEnumerable<(long First, int Count, byte[] Entries)> Segments(Database database, long from)
    {
        using var begin = database.Prepare(Invariant($"SELECT first, count, entries FROM segment WHERE first >= COALESCE((SELECT MAX(first) FROM segment WHERE first <= ?), 0) ORDER BY first LIMIT {SegmentsAtOnce}"));
        using var next = database.Prepare(Invariant($"SELECT first, count, entries FROM segment WHERE first > ? ORDER BY first LIMIT {SegmentsAtOnce}"));
        var read = begin.Bind(1, from);
        while (true)
        {
            var page = new List<(long First, int Count, byte[] Entries)>(SegmentsAtOnce);
            while (read.Step())
            {
                page.Add((read.Number(0), (int)read.Number(1), read.Blob(2).ToArray()));
            }

            foreach (var segment in page)
            {
                yield return segment;
            }

            if (page.Count < SegmentsAtOnce)
            {
                yield break;
            }

            read = next.Bind(1, page[^1].First);
        }
    }

    /// <summary>Indexes of the leaves that change the state of admission, in order.</summary>
    public IReadOnlyList<long> StateLeaves()
    {
        using var database = _open();
        using var statement = database.Prepare("SELECT number FROM state_leaf ORDER BY number");
        var indexes = new List<long>();
        while (statement.Step())
        {
            indexes.Add(statement.Number(0));
        }

        return indexes;
    }

    /// <summary>A tile's hashes in the width it now has; null when absent.</summary>
    public byte[]? Tile(int level, long number) => With(connection =>
    {
        connection.TileOf.Bind(1, level).Bind(2, number);
        var hashes = connection.TileOf.Step() ? connection.TileOf.Blob(0).ToArray() : null;
        connection.TileOf.Reset();
        return hashes;
    });

    /// <summary>A tile of the tree of that size in exactly that width; null when the tree has no such tile.</summary>
    public byte[]? Tile(int level, long number, int width, long size)
    {
        if (level is < 0 or > 7 || number is < 0 or > long.MaxValue / 256 || width is < 1 or > 256 || (size >> (8 * level)) - (number * 256) < width)
        {
            return null;
        }

        var bytes = Tile(level, number);
        return bytes is null || bytes.Length < width * Hash32.Size ? null : bytes[..(width * Hash32.Size)];
    }

    /// <summary>The item box of a leaf; null when it never had one or it was erased.</summary>
    public byte[]? Item(long index) => With(connection =>
    {
        connection.ItemOf.Bind(1, index);
        var box = connection.ItemOf.Step() ? connection.ItemOf.Blob(0).ToArray() : null;
        connection.ItemOf.Reset();
        return box;
    });

    /// <summary>What a request with this idempotency key was answered; null when it is new.</summary>
    public AnsweredRequest? Request(string account, string key) => With(connection => ChainStore.ReadRequest(connection.RequestOf, account, key));

    /// <summary>The size that is stored, as far as this connection sees it.</summary>
    public long StoredSize() => With(static connection => ChainStore.ReadHead(connection.HeadOf)?.Size ?? 0);

    /// <inheritdoc/>
    public void Dispose() => Drain();

    // What lay in the pool when the database restarted is lost with it; a new connection says whether it is there again.
    private T With<T>(Func<Connection, T> read)
    {
        if (_pool.TryTake(out var pooled))
        {
            Interlocked.Decrement(ref _pooled);
            try
            {
                return Read(pooled, read);
            }
            catch (DatabaseFailureException failure) when (failure.ConnectionLost)
            {
                Drain();
            }
        }

        return Read(new Connection(_open()), read);
    }

    private T Read<T>(Connection connection, Func<Connection, T> read)
    {
        T result;
        try
        {
            result = read(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }

        if (Interlocked.Increment(ref _pooled) <= PooledConnections)
        {
            _pool.Add(connection);
        }
        else
        {
            Interlocked.Decrement(ref _pooled);
            connection.Dispose();
        }

        return result;
    }

    /// <summary>Closes what lies in the pool.</summary>
    internal void Drain()
    {
        while (_pool.TryTake(out var connection))
        {
            Interlocked.Decrement(ref _pooled);
            connection.Dispose();
        }
    }

    private sealed class Connection : IDisposable
    {
        private readonly Database _database;

        public Connection(Database database)
        {
            _database = database;
            SegmentOf = _database.Prepare("SELECT first, count, entries FROM segment WHERE first <= ? ORDER BY first DESC LIMIT 1");
            TileOf = _database.Prepare("SELECT hashes FROM tile WHERE level = ? AND number = ?");
            ItemOf = _database.Prepare("SELECT box FROM item WHERE number = ?");
            RequestOf = _database.Prepare(ChainStore.RequestQuery);
            HeadOf = _database.Prepare(ChainStore.HeadQuery);
        }

        public Statement SegmentOf { get; }

        public Statement TileOf { get; }

        public Statement ItemOf { get; }

        public Statement RequestOf { get; }

        public Statement HeadOf { get; }

        public void Dispose()
        {
            SegmentOf.Dispose();
            TileOf.Dispose();
            ItemOf.Dispose();
            RequestOf.Dispose();
            HeadOf.Dispose();
            _database.Dispose();
        }
    }
}
