using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain.Store;

/// <summary>The head row: what the chain is at its end, and the last signed note that was stored.</summary>
/// <param name="Size">Leaves committed.</param>
/// <param name="Root">Root of the tree of that size.</param>
/// <param name="Edge">The right edge, 32 bytes a perfect subtree, largest first.</param>
/// <param name="SealedMs">Last sealed time, Unix milliseconds.</param>
/// <param name="Note">The last stored signed note, UTF-8; empty only before leaf 0 is signed.</param>
/// <param name="NoteSize">The tree size that the note signs.</param>
public sealed record HeadRow(long Size, Hash32 Root, byte[] Edge, long SealedMs, byte[] Note, long NoteSize);

/// <summary>What a request with an idempotency key was answered.</summary>
public sealed record AnsweredRequest(Hash32 Digest, long First, int Count, byte[] Outcomes);

/// <summary>
/// The writer's side of a chain's database. One instance, used by one thread at a time; every method throws
/// <see cref="DatabaseFailureException"/> when the database fails, and the sequencer decides what that means for the batch.
/// </summary>
/// <remarks>A turn is <see cref="Begin"/>, <see cref="ReadHead"/>, which takes the lock, writes, <see cref="Flush"/>, <see cref="CommitUnsynced"/>, <see cref="Sync"/>.</remarks>
public abstract class ChainStore : IDisposable
{
    internal const string HeadQuery = "SELECT size, root, edge, sealed, note, note_size FROM head WHERE one = 1";

    internal const string RequestQuery = "SELECT digest, first, count, outcomes FROM request WHERE account = ? AND key = ?";

    /// <summary>Whether other processes append to the chain too: the head may be another one in each turn, and a lost connection is made again.</summary>
    public virtual bool IsShared => false;

    /// <summary>Begins a transaction.</summary>
    public abstract void Begin();

    /// <summary>Commits, on the disk when this returns. A failure here leaves the outcome unknown.</summary>
    public virtual void Commit()
    {
        Flush();
        CommitUnsynced();
        Sync();
    }

    /// <summary>Sends all writes, so that what can fail before the commit has failed.</summary>
    public virtual void Flush()
    {
    }

    /// <summary>
    /// Commits for everybody who reads; on the disk only after <see cref="Sync"/>. A failure here leaves the outcome unknown.
    /// </summary>
    public abstract void CommitUnsynced();

    /// <summary>
    /// Waits until everything committed before this call is on the disk. The one method that may run on another thread beside the others, one call at a time.
    /// </summary>
    /// <exception cref="DatabaseFailureException">The disk failed: what was committed since the last call is in doubt.</exception>
    public virtual void Sync()
    {
    }

    /// <summary>Rolls back what is open; harmless when the database already did.</summary>
    public abstract void Rollback();

    /// <summary>Connects anew after a failure; nothing is open then. Only where <see cref="IsShared"/>.</summary>
    public virtual void Reconnect() => throw new NotSupportedException("This store has no connection to lose.");

    /// <summary>Reads through the writer's own session, to be disposed before it is used otherwise; null where every connection leads to the same file.</summary>
    public virtual ChainReads? Reads() => null;

    /// <summary>The head row, locked until the transaction ends; null in a database whose creation was not finished.</summary>
    public abstract HeadRow? ReadHead();

    /// <summary>The size of the committed head and of its note, without the lock; −1 where there is none.</summary>
    public abstract (long Size, long NoteSize) PeekHead();

    /// <summary>Replaces the head row.</summary>
    public abstract void WriteHead(HeadRow head);

    /// <summary>Stores the entries of a batch.</summary>
    public abstract void WriteSegment(long first, int count, ReadOnlySpan<byte> entries);

    /// <summary>The batches in order from the one that holds <paramref name="from"/>, as this transaction sees them. Only where <see cref="IsShared"/>.</summary>
    public virtual IEnumerable<(long First, int Count, byte[] Entries)> Segments(long from) => throw new NotSupportedException("Only this process appends to this store.");

    /// <summary>Stores a tile in its present width.</summary>
    public abstract void WriteTile(int level, long number, ReadOnlySpan<byte> hashes);

    /// <summary>A tile's hashes; null when it is absent.</summary>
    public abstract byte[]? ReadTile(int level, long number);

    /// <summary>Stores the item box of a leaf.</summary>
    public abstract void WriteItem(long index, ReadOnlySpan<byte> box);

    /// <summary>Stores look-up keys, entries of the digest index, of a batch.</summary>
    public abstract void WriteFeed(long first, ReadOnlySpan<byte> keys);

    /// <summary>Removes the feed rows that durable runs hold.</summary>
    public abstract void TrimFeed(long durableTo);

    /// <summary>Marks a leaf that changes the state of admission, and forgets the mark of the one that it takes the place of.</summary>
    public abstract void WriteStateLeaf(long index, in LeafFacts facts);

    /// <summary>Says which keys this turn will ask for; a store may fetch them together.</summary>
    public virtual void ExpectRequests(IReadOnlyList<(string Account, string Key)> keys)
    {
    }

    /// <summary>What a request with this key was answered; null when it is new.</summary>
    public abstract AnsweredRequest? ReadRequest(string account, string key);

    /// <summary>Remembers a request's answer; false when one is remembered under this key already, which stays.</summary>
    public abstract bool TryWriteRequest(string account, string key, AnsweredRequest row, long atMs);

    /// <summary>Corrects an answer of the same transaction, when leaves were refused under the lock.</summary>
    public abstract void CorrectRequest(string account, string key, int count, ReadOnlySpan<byte> outcomes);

    /// <summary>Forgets up to 1,000 requests older than the time.</summary>
    public abstract void TrimRequests(long beforeMs);

    /// <summary>At a clean close: writes back what would otherwise be read at the next start.</summary>
    public virtual void Checkpoint()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the connection.</summary>
    protected abstract void Dispose(bool disposing);

    /// <summary>The head row as a connection sees it; null in a database whose creation was not finished.</summary>
    internal static HeadRow? ReadHead(Database database)
    {
        using var statement = database.Prepare(HeadQuery);
        return ReadHead(statement);
    }

    internal static HeadRow? ReadHead(Statement statement)
    {
        return statement.Step() ? HeadOf(statement) : null;
    }

    /// <summary>The row that a statement stands at, which is reset.</summary>
    internal static HeadRow HeadOf(Statement statement)
    {
        var root = statement.Blob(1);
        var row = new HeadRow(
            statement.Number(0), root.Length == Hash32.Size ? Hash32.FromSpan(root) : default, statement.Blob(2).ToArray(), statement.Number(3), statement.Blob(4).ToArray(), statement.Number(5));
        statement.Reset();
        return row;
    }

    internal static AnsweredRequest? ReadRequest(Statement statement, string account, string key)
    {
        statement.Bind(1, account).Bind(2, key);
        var row = statement.Step()
            ? new AnsweredRequest(Hash32.FromSpan(statement.Blob(0)), statement.Number(1), (int)statement.Number(2), statement.Blob(3).ToArray())
            : null;
        statement.Reset();
        return row;
    }

    internal static string Script(string name)
    {
        using var stream = typeof(ChainStore).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException("A migration is missing from the program.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
