using System.Buffers.Binary;
using Notary.Chain.Folders;
using Notary.Chain.Postgres;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;
using Notary.Evidence;

namespace Notary.Chain.Index;

/// <summary>
/// Makes the runs of the digest index anew from the leaves and the item boxes: the feed rows of what a run held are gone, so a lost or damaged run
/// can be had from nowhere else. The chain must not be open. The old runs stay until the new ones are durable; a crash leaves the one or the
/// other, or none, and the rebuild is then run again. Memory: one table of <see cref="DigestIndex.RecentCapacity"/> entries.
/// </summary>
public static class IndexRebuild
{
    /// <summary>Rebuilds the index of a chain that <see cref="Fsck"/> found clean.</summary>
    /// <param name="folder">The chain.</param>
    /// <param name="password">Opens its wrapping and digest-index keys.</param>
    /// <param name="progress">Leaves done so far.</param>
    /// <param name="cancellation">Stops between batches; the old runs are kept.</param>
    /// <returns>Leaves that the index now covers.</returns>
    /// <exception cref="KeyFileException">A key file does not open.</exception>
    /// <exception cref="ChainRefusedException">The chain is not there, or a leaf or item contradicts itself: fsck says which.</exception>
    public static long Run(ChainFolder folder, string password, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        if (!File.Exists(folder.GenesisPath) || Genesis.TryParse(File.ReadAllBytes(folder.GenesisPath), out var genesis) != GenesisProblem.None)
        {
            throw new ChainRefusedException(ChainRefusal.NotCreated, $"There is no chain in '{folder.Root}'.");
        }

        using var cipher = ItemCipher.Create(genesis!.Suite, ChainHost.WrappingKeyId, SymmetricKeyFile.Load(folder.WrappingKeyPath, password));
        var digestKey = SymmetricKeyFile.Load(folder.DigestIndexKeyPath, password);
        var tables = ChainDatabase.Of(folder);
        using (var store = tables.OpenStore())
        {
            // Opening makes durable what a crash left in the WAL: no run may know of a leaf that can still be lost.
            if (store is PostgresChainStore shared)
            {
                return FillTable(shared, Keys(tables, genesis, cipher, digestKey, progress, cancellation));
            }
        }

        var draft = folder.IndexPath + ".new";
        if (Directory.Exists(draft))
        {
            Directory.Delete(draft, recursive: true);
        }

        Directory.CreateDirectory(draft);
        var table = new RecentEntries(DigestIndex.RecentCapacity);
        long from = 0;
        long next = 0;
        foreach (var keys in Keys(tables, genesis, cipher, digestKey, progress, cancellation))
        {
            if (table.Free < keys.Length / IndexEntry.Size)
            {
                RunFile.Write(draft, from, next, table.Sorted()).Dispose();
                table = new RecentEntries(DigestIndex.RecentCapacity);
                from = next;
            }

            table.Add(keys);
            next++;
        }

        if (next > from)
        {
            RunFile.Write(draft, from, next, table.Sorted()).Dispose();
        }

        // The old one goes last: a crash in between leaves a gap that the next start reports, and both folders.
        var aside = folder.IndexPath + ".old";
        if (Directory.Exists(aside))
        {
            Directory.Delete(aside, recursive: true);
        }

        if (Directory.Exists(folder.IndexPath))
        {
            Directory.Move(folder.IndexPath, aside);
        }

        Directory.Move(draft, folder.IndexPath);
        DurableFile.SyncFolder(folder.Root);
        if (Directory.Exists(aside))
        {
            Directory.Delete(aside, recursive: true);
        }

        return next;
    }

    // In one transaction, under the chain's lock: whoever looks up meanwhile finds the old rows.
    private static long FillTable(PostgresChainStore store, IEnumerable<byte[]> keys)
    {
        const int LeavesOfAFlush = 10_000;
        store.Begin();
        try
        {
            store.ReadHead();
            store.ClearFeed();
            long next = 0;
            foreach (var of in keys)
            {
                store.WriteFeed(next, of);
                if (++next % LeavesOfAFlush == 0)
                {
                    store.Flush();
                }
            }

            store.Commit();
            return next;
        }
        catch
        {
            store.Rollback();
            throw;
        }
    }

    // What intake writes to the feed, leaf by leaf.
    private static IEnumerable<byte[]> Keys(ChainDatabase tables, Genesis genesis, ItemCipher cipher, byte[] digestKey, IProgress<long>? progress, CancellationToken cancellation)
    {
        using var database = tables.OpenReader();
        using var items = database.Prepare("SELECT box FROM item WHERE number = ?");
        long next = 0;
        foreach (var (_, _, entries) in ChainReads.Segments(database, 0))
        {
            cancellation.ThrowIfCancellationRequested();
            for (var at = 0; at + 2 <= entries.Length;)
            {
                int length = BinaryPrimitives.ReadUInt16BigEndian(entries.AsSpan(at));
                yield return KeysOf(genesis, cipher, digestKey, items, entries.AsSpan(at + 2, length), next);
                at += 2 + length;
                next++;
            }

            progress?.Report(next);
        }
    }

    // The record's id, and of an evidence record whose item was neither erased nor lost both digests of each part: what intake writes to the feed.
    private static byte[] KeysOf(Genesis genesis, ItemCipher cipher, byte[] digestKey, Statement items, ReadOnlySpan<byte> leaf, long index)
    {
        if (Admission.AdmitForm(leaf, out var facts).Failure is not (AdmissionFailure.None or AdmissionFailure.KindNotAccepted))
        {
            throw new ChainRefusedException(ChainRefusal.Inconsistent, $"The leaf at index {index} is of no known form: run 'notary fsck'.");
        }

        OpenedItem? item = null;
        items.Bind(1, index);
        if (items.Step() && items.Blob(0) is { IsEmpty: false } box && !OpenedItem.TryOpen(cipher, box, facts.Id, out item))
        {
            throw new ChainRefusedException(ChainRefusal.Inconsistent, $"The item box at index {index} does not open: run 'notary fsck'.");
        }

        items.Reset();
        var keys = new byte[(1 + (2 * (item?.Content.Parts.Count ?? 0))) * IndexEntry.Size];
        IndexKeys.WriteId(facts.Id, keys);
        var at = IndexEntry.Size;
        foreach (var part in item?.Content.Parts ?? [])
        {
            foreach (var digest in new[] { part.Sm3, part.Sha256 })
            {
                IndexKeys.WriteDigest(genesis.Suite.Hmac(digestKey, [.. HmacLabel.DigestIndex, .. digest.ToArray()]), keys.AsSpan(at));
                at += IndexEntry.Size;
            }
        }

        for (at = 16; at < keys.Length; at += IndexEntry.Size)
        {
            BinaryPrimitives.WriteInt64BigEndian(keys.AsSpan(at), index);
        }

        return keys;
    }
}
