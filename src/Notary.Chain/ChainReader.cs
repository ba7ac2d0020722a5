using Notary.Chain.Index;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain;

/// <summary>A record of an account as its leaf says it.</summary>
/// <param name="Index">The leaf's index.</param>
/// <param name="Id">Its id.</param>
/// <param name="Kind">Evidence or custody.</param>
/// <param name="SealedMs">Its sealed time, Unix milliseconds.</param>
public readonly record struct SubmittedRecord(long Index, Guid Id, RecordKind Kind, long SealedMs);

/// <summary>
/// Everything that can be asked of a chain without changing it: entries, tiles, proofs in the newest signed tree, look-ups, items. Safe from any
/// thread.
/// </summary>
public sealed class ChainReader
{
    private readonly Func<ChainHead> _head;
    // A look through the log reads whole batches, and no more of them than this many leaves need.
    private const int LeavesAtOnce = 4_096;

    // The newest batches that were looked through, for all who follow the chain look at the same ones.
    private const int RecentBatches = 64;
    private const int RecentBytes = 8 << 20;

    private readonly ChainReads _reads;
    private readonly IDigestIndex _index;
    private readonly Genesis _genesis;
    private readonly ItemCipher _cipher;
    private readonly Hash32 _digestKey;
    private readonly TreeHasher _hasher;
    private readonly SortedList<long, (long First, int Count, byte[] Entries)> _recent = [];
    private long _recentBytes;

    internal ChainReader(Func<ChainHead> head, ChainReads reads, IDigestIndex index, Genesis genesis, ItemCipher cipher, Hash32 digestKey)
    {
        _head = head;
        _reads = reads;
        _index = index;
        _genesis = genesis;
        _cipher = cipher;
        _digestKey = digestKey;
        _hasher = new TreeHasher(genesis.Suite);
    }

    /// <summary>The newest signed head.</summary>
    public ChainHead Head => _head();

    /// <summary>Leaves in the newest signed tree.</summary>
    public long Size => Head.Size;

    /// <summary>The newest signed checkpoint, UTF-8.</summary>
    public ReadOnlyMemory<byte> Checkpoint => Head.Note;

    /// <summary>A sealed leaf's bytes; null at or above <see cref="Size"/>.</summary>
    public byte[]? Entry(long index) => index >= 0 && index < Size ? _reads.Entry(index) : null;

    /// <summary>The sealed leaves [first, first + count), each segment read once.</summary>
    public IReadOnlyList<byte[]> Entries(long first, int count) => first >= 0 && first + count <= Size ? _reads.Entries(first, count) : [];

    /// <summary>
    /// The evidence and custody records of an account, in order of their indexes, from <paramref name="from"/> on: one look through the next batches, not all that there are.
    /// </summary>
    /// <param name="account">The account that sealed them.</param>
    /// <param name="from">The first index that is looked at.</param>
    /// <param name="until">The index at which the next look goes on; <paramref name="from"/> itself at the end of the chain.</param>
    /// <remarks>
    /// There is no index by account: whoever follows a chain reads each leaf once. A canonical leaf begins with its account, so that others' leaves cost a comparison of a few bytes.
    /// </remarks>
    public IReadOnlyList<SubmittedRecord> SubmittedBy(string account, long from, out long until)
    {
        var size = Size;
        var begin = System.Text.Encoding.ASCII.GetBytes($"{{\"account\":\"{account}\",");
        var found = new List<SubmittedRecord>();
        until = from;
        while (until < size && until - from < LeavesAtOnce)
        {
            var (first, count, entries) = RecentBatch(until);
            ReadOnlySpan<byte> bundle = entries;
            for (var index = first; index < first + count && index < size && EntryBundle.TryNext(ref bundle, out var leaf); index++)
            {
                if (index >= from && leaf.StartsWith(begin) && Admission.AdmitForm(leaf, out var facts).Ok && facts.Kind is RecordKind.Evidence or RecordKind.Custody)
                {
                    found.Add(new SubmittedRecord(index, facts.Id, facts.Kind, facts.Sealed));
                }
            }

            until = Math.Min(first + count, size);
        }

        return found;
    }

    /// <summary>A tile of the newest signed tree in exactly that width; null when the tree has no such tile.</summary>
    public byte[]? Tile(int level, long number, int width) => _reads.Tile(level, number, width, Size);

    /// <summary>A leaf's inclusion proof with the newest signed checkpoint; null at or above its size.</summary>
    public TlogProof? InclusionProof(long index)
    {
        var head = Head;
        if (index < 0 || index >= head.Size)
        {
            return null;
        }

        return InclusionProof(index, head.Parsed, head.Size);
    }

    /// <summary>A leaf's inclusion proof under a signed checkpoint of this chain, in the bytes of its note.</summary>
    /// <param name="index">Below <paramref name="size"/>.</param>
    /// <param name="note">The checkpoint's note.</param>
    /// <param name="size">The tree size that the note signs.</param>
    public TlogProof InclusionProof(long index, SignedNote note, long size) => TlogProof.Create(_genesis.Suite, index, InclusionHashes(index, 1, size), note);

    /// <summary>The range proof of leaves [first, first + count) in the tree of that size.</summary>
    public Hash32[] InclusionHashes(long first, long count, long size) => Compute(RangeProof.Plan(first, count, size), size);

    /// <summary>The consistency proof between two sizes of the chain.</summary>
    public Hash32[] ConsistencyHashes(long from, long to) => Compute(ConsistencyProof.Plan(from, to), to);

    /// <summary>The root of the tree at a size not above the newest signed head's.</summary>
    public Hash32 RootAt(long size) => TilePlan.TryRoot(_hasher, size, tile => _reads.Tile(tile.Level, tile.Index), out var root, out var tooShort)
        ? root
        : throw new ChainRefusedException(ChainRefusal.Inconsistent, $"The tile at level {tooShort.Level}, number {tooShort.Index} is missing or too short: run 'notary fsck'.");

    /// <summary>The subtree proof of leaves [start, end) in the tree of that size.</summary>
    public Hash32[] SubtreeHashes(long start, long end, long size) => Compute(SubtreeProof.Plan(start, end, size), size);

    /// <summary>The index of a record's id; null when the index does not hold it. The lowest one, when an id was used twice.</summary>
    public long? FindId(Guid id)
    {
        Span<byte> entry = stackalloc byte[IndexEntry.Size];
        IndexKeys.WriteId(id, entry);
        foreach (var leaf in Find(entry))
        {
            if (Entry(leaf) is { } bytes && Admission.AdmitForm(bytes, out var facts).Failure is AdmissionFailure.None or AdmissionFailure.KindNotAccepted && facts.Id == id)
            {
                return leaf;
            }
        }

        return null;
    }

    /// <summary>The records that hold content with this digest (SM3 or SHA-256), oldest first, at most <paramref name="limit"/>.</summary>
    public IReadOnlyList<long> FindDigest(Hash32 digest, int limit)
    {
        Span<byte> entry = stackalloc byte[IndexEntry.Size];
        IndexKeys.WriteDigest(DigestMac(digest), entry);
        var found = new List<long>();
        foreach (var leaf in Find(entry))
        {
            // The index only says where to look: what counts is the item, and an erased one is not found.
            if (found.Count < limit && leaf < Size && OpenItem(leaf) is { } item && item.Content.Parts.Any(p => p.Sm3.Equals(digest) || p.Sha256.Equals(digest)))
            {
                found.Add(leaf);
            }
        }

        return found;
    }

    /// <summary>What lies beside a leaf: secret, parts, metadata; null when there is none, it was erased, or it does not open.</summary>
    public OpenedItem? OpenItem(long index) => Entry(index) is { } leaf ? OpenItem(index, leaf) : null;

    /// <summary>The same for a leaf that was read already.</summary>
    internal OpenedItem? OpenItem(long index, ReadOnlySpan<byte> leaf)
    {
        if (_reads.Item(index) is not { } box || !Admission.AdmitForm(leaf, out var facts).Ok)
        {
            return null;
        }

        return OpenedItem.TryOpen(_cipher, box, facts.Id, out var item) ? item : null;
    }

    /// <summary>The receipt of an evidence record against the newest checkpoint; null without record or item.</summary>
    public Receipt? Receipt(long index) => InclusionProof(index) is { } proof ? Receipt(index, proof, anchor: null) : null;

    /// <summary>The receipt with that proof, and the way to the main chain where there is one; null without record or item.</summary>
    public Receipt? Receipt(long index, TlogProof proof, AnchorProof? anchor)
    {
        ArgumentNullException.ThrowIfNull(proof);
        return Entry(index) is { } leaf && OpenItem(index, leaf) is { } item
            ? new Receipt
            {
                Number = RecordNumber.Format(_genesis.Code, index), LeafJson = System.Text.Encoding.UTF8.GetString(leaf), Secret = item.Secret, Proof = proof.Format(), Anchor = anchor,
            }
            : null;
    }

    internal Hash32 DigestMac(Hash32 digest)
    {
        Span<byte> message = stackalloc byte[HmacLabel.DigestIndex.Length + Hash32.Size];
        HmacLabel.DigestIndex.CopyTo(message);
        digest.CopyTo(message[HmacLabel.DigestIndex.Length..]);
        return _genesis.Suite.Hmac(_digestKey.AsSpan(), message);
    }

    // Sealed batches do not change. A look at old ones puts none of the newest out.
    private (long First, int Count, byte[] Entries) RecentBatch(long index)
    {
        lock (_recent)
        {
            for (var i = _recent.Count - 1; i >= 0; i--)
            {
                var held = _recent.GetValueAtIndex(i);
                if (index >= held.First && index < held.First + held.Count)
                {
                    return held;
                }
            }
        }

        var read = _reads.Segment(index)
            ?? throw new ChainRefusedException(ChainRefusal.Inconsistent, FormattableString.Invariant($"The batch of leaf {index} is missing: run 'notary fsck'."));
        lock (_recent)
        {
            if (_recent.TryAdd(read.First, read))
            {
                _recentBytes += read.Entries.Length;
            }

            while (_recent.Count > RecentBatches || _recentBytes > RecentBytes)
            {
                _recentBytes -= _recent.GetValueAtIndex(0).Entries.Length;
                _recent.RemoveAt(0);
            }
        }

        return read;
    }

    private IReadOnlyList<long> Find(ReadOnlySpan<byte> entry)
    {
        var key = IndexEntry.Read(entry);
        return _index.Find(key.High, key.Low);
    }

    private Hash32[] Compute(ProofPlan plan, long size)
    {
        var tiles = TilePlan.For(plan, size);
        var fetched = tiles.Tiles.Select(t => _reads.Tile(t.Level, t.Index) is { } bytes && bytes.Length >= t.Length
            ? (ReadOnlyMemory<byte>)bytes.AsMemory(0, t.Length)
            : throw new ChainRefusedException(ChainRefusal.Inconsistent, $"The tile at level {t.Level}, number {t.Index} is missing: run 'notary fsck'.")).ToList();
        return tiles.TryCompute(_hasher, fetched, out var hashes, out var tooShort)
            ? RangeProof.Compute(_hasher, plan, hashes)
            : throw new ChainRefusedException(ChainRefusal.Inconsistent, $"The tile at level {tooShort.Level}, number {tooShort.Index} is too short: run 'notary fsck'.");
    }
}
