using Notary.Chain.Index;
using Notary.Chain.Network;
using Notary.Chain.Postgres;
using Notary.Chain.Sqlite;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Native;

namespace Notary.Chain.Folders;

/// <summary>
/// Moves a chain from the file in its folder to a PostgreSQL database, where several servers may append to it. The chain must not be open.
/// </summary>
/// <remarks>
/// All rows are copied in one transaction; then the address is written as <c>database.json</c>, and the files are put aside as <c>chain.db.moved</c> and <c>finality.db.moved</c>. A move that was interrupted leaves the
/// chain where it was, or, after the commit, is completed by the same verb: a database whose head is the file's is taken as its copy.
/// </remarks>
public static class ChainMove
{
    private const int RowsOfAFlush = 2_000;

    /// <summary>Moves a chain.</summary>
    /// <param name="folder">The chain.</param>
    /// <param name="connection">The target, a connection string of Npgsql: an empty database, of one chain.</param>
    /// <param name="standbyWaived">Whether a server without a synchronous standby will do.</param>
    /// <param name="progress">Leaves copied so far.</param>
    /// <returns>Leaves of the moved chain.</returns>
    /// <exception cref="ChainRefusedException">No chain there, moved before, another chain in the database, or the server's settings will not do.</exception>
    /// <exception cref="DatabaseFailureException">One of the two databases failed: the chain is where it was.</exception>
    /// <exception cref="ArgumentException">The connection string is none.</exception>
    public static long ToPostgres(ChainFolder folder, string connection, bool standbyWaived, IProgress<long>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (File.Exists(folder.DatabaseAddressPath))
        {
            if (File.Exists(folder.DatabasePath) && HeadOf(folder) is { } left && IsCopy(PostgresChainDatabase.Load(folder.DatabaseAddressPath), left))
            {
                // Interrupted between the address and putting the file aside.
                PutAside(folder.FinalityPath);
                PutAside(folder.DatabasePath);
                return left.Size;
            }

            throw new ChainRefusedException(ChainRefusal.Exists, $"The chain '{folder.Name}' lies in PostgreSQL already: '{folder.DatabaseAddressPath}' says where.");
        }

        if (!File.Exists(folder.DatabasePath))
        {
            throw new ChainRefusedException(ChainRefusal.NotCreated, $"There is no chain in '{folder.Root}' to be moved.");
        }

        using (SqliteChainStore.Open(folder.DatabasePath))
        {
            // Opening makes durable what a crash left in the WAL.
        }

        var target = PostgresChainDatabase.Of(connection, standbyWaived);
        long size;
        using (var source = SqliteDatabase.OpenReader(folder.DatabasePath))
        {
            source.BeginSnapshot();
            var head = ChainStore.ReadHead(source) ?? throw new ChainRefusedException(ChainRefusal.Inconsistent, $"The chain in '{folder.Root}' was never finished: create it again.");
            size = head.Size;
            if (!IsCopy(target, head))
            {
                Copy(folder, source, target, head, progress);
            }
        }

        if (File.Exists(folder.FinalityPath))
        {
            using var from = FinalityStore.Open(folder.FinalityPath);
            using var to = target.OpenFinality();
            to.TakeOver(from);
        }

        PostgresChainDatabase.Save(folder.DatabaseAddressPath, connection, standbyWaived);
        DurableFile.SyncFolder(folder.Root);
        PutAside(folder.FinalityPath);
        PutAside(folder.DatabasePath);
        return size;
    }

    private static HeadRow? HeadOf(ChainFolder folder)
    {
        using var source = SqliteDatabase.OpenReader(folder.DatabasePath);
        return ChainStore.ReadHead(source);
    }

    private static void PutAside(string path)
    {
        foreach (var suffix in new[] { string.Empty, "-wal", "-shm" }.Where(suffix => File.Exists(path + suffix)))
        {
            File.Move(path + suffix, path + ".moved" + suffix, overwrite: true);
        }

        DurableFile.SyncFolder(Path.GetDirectoryName(path)!);
    }

    // What a move left that was interrupted between its commit and the address.
    private static bool IsCopy(PostgresChainDatabase target, HeadRow head)
    {
        using var writer = target.OpenWriter();
        if (!PostgresChainDatabase.HasTables(writer))
        {
            return false;
        }

        return ChainStore.ReadHead(writer) is { } there && there.Size == head.Size && there.Root.Equals(head.Root)
            ? true
            : throw new ChainRefusedException(ChainRefusal.Exists, $"There is another chain in the {target.Name}: each chain has a database of its own.");
    }

    private static void Copy(ChainFolder folder, SqliteDatabase source, PostgresChainDatabase target, HeadRow head, IProgress<long>? progress)
    {
        using var store = PostgresChainStore.Create(target);
        try
        {
            foreach (var (first, count, entries) in ChainReads.Segments(source, 0))
            {
                store.WriteSegment(first, count, entries);
                store.Flush();
                progress?.Report(first + count);
            }

            Rows("SELECT level, number, hashes FROM tile", row => store.WriteTile((int)row.Number(0), row.Number(1), row.Blob(2)));
            Rows("SELECT number, box FROM item", row => store.WriteItem(row.Number(0), row.Blob(1)));
            Rows("SELECT number FROM state_leaf", row => store.WriteStateLeaf(row.Number(0)));
            Rows("SELECT account, key, digest, first, count, outcomes, at FROM request", row => store.TryWriteRequest(
                row.Text(0), row.Text(1), new AnsweredRequest(Hash32.FromSpan(row.Blob(2)), row.Number(3), (int)row.Number(4), row.Blob(5).ToArray()), row.Number(6)));
            CopyIndex(folder, source, store);
            store.WriteHead(head);
            store.Flush();
            store.CommitUnsynced();
        }
        catch
        {
            Abandon(store);
            throw;
        }

        void Rows(string sql, Action<SqliteStatement> write)
        {
            using var rows = source.Prepare(sql);
            for (var i = 1; rows.Step(); i++)
            {
                write(rows);
                if (i % RowsOfAFlush == 0)
                {
                    store.Flush();
                }
            }

            store.Flush();
        }
    }

    // Rows that the runs hold, and those that only the feed holds.
    private static void CopyIndex(ChainFolder folder, SqliteDatabase source, PostgresChainStore store)
    {
        using var index = DigestIndex.OpenReadOnly(folder.IndexPath);
        Span<byte> row = stackalloc byte[IndexEntry.Size];
        var rows = 0;
        foreach (var entry in index.Scan())
        {
            entry.Write(row);
            store.WriteFeed(entry.Leaf, row);
            if (++rows % RowsOfAFlush == 0)
            {
                store.Flush();
            }
        }

        using var feed = source.Prepare("SELECT first, keys FROM feed WHERE first >= ? ORDER BY first");
        feed.Bind(1, index.DurableTo);
        while (feed.Step())
        {
            store.WriteFeed(feed.Number(0), feed.Blob(1));
            store.Flush();
        }
    }

    private static void Abandon(PostgresChainStore store)
    {
        try
        {
            store.Rollback();
        }
        catch (DatabaseFailureException)
        {
            // The connection is lost, and with it the transaction; the failure that led here is the one that is reported.
        }
    }
}
