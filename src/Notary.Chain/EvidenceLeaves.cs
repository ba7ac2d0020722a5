using System.Buffers;
using System.Security.Cryptography;
using Notary.Chain.Index;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;

namespace Notary.Chain;

/// <summary>
/// The accepted lines of one request, or of several small ones of one submitter, ready to be sealed: leaves with a placeholder for the sealed time, item boxes, look-up keys. All of it is computed
/// before the chain's lock is taken.
/// </summary>
internal sealed class EvidenceLeaves : PreparedLeaves
{
    private readonly Suite _suite;
    private readonly LeafBatch _batch;
    private readonly byte[] _boxes;
    private readonly int[] _boxOffsets;
    private readonly byte[] _keys;
    private readonly int[] _keyOffsets;

    private EvidenceLeaves(Suite suite, LeafBatch batch, byte[] boxes, int[] boxOffsets, byte[] keys, int[] keyOffsets)
    {
        _suite = suite;
        _batch = batch;
        _boxes = boxes;
        _boxOffsets = boxOffsets;
        _keys = keys;
        _keyOffsets = keyOffsets;
    }

    /// <summary>The leaves.</summary>
    public LeafBatch Batch => _batch;

    public override int Count => _batch.Count;

    public override long LeafBytes => _batch.LeafArena.Length + _batch.PlaintextArena.Length + _boxOffsets[_batch.Count] + _keyOffsets[_batch.Count];

    /// <summary>Makes leaves, boxes and keys of the batch's accepted requests.</summary>
    /// <param name="genesis">The chain.</param>
    /// <param name="submitter">What the records share.</param>
    /// <param name="requests">The parsed lines.</param>
    /// <param name="received">When the lines were received: one time for all, or one for each.</param>
    /// <param name="cipher">Seals the boxes.</param>
    /// <param name="digestKey">The region's key of the digest index.</param>
    public static EvidenceLeaves Prepare(
        Genesis genesis, SubmitterContext submitter, RequestBatch requests, ReadOnlySpan<DateTimeOffset> received, ItemCipher cipher, in Hash32 digestKey)
    {
        var rows = requests.Count;
        var ids = ArrayPool<Guid>.Shared.Rent(rows);
        var secrets = ArrayPool<Hash32>.Shared.Rent(rows);
        try
        {
            RandomBytes.Fill(System.Runtime.InteropServices.MemoryMarshal.AsBytes(secrets.AsSpan(0, rows)));
            DrawIds(requests, ids.AsSpan(0, rows), received);
            var batch = LeafBatch.Build(genesis, submitter, requests, ids.AsSpan(0, rows), secrets.AsSpan(0, rows), received);
            try
            {
                var boxes = Box(batch, cipher, out var boxOffsets);
                var keys = LookUpKeys(genesis.Suite, batch, requests, digestKey, out var keyOffsets);
                return new EvidenceLeaves(genesis.Suite, batch, boxes, boxOffsets, keys, keyOffsets);
            }
            catch
            {
                batch.Dispose();
                throw;
            }
        }
        finally
        {
            secrets.AsSpan(0, rows).Clear();
            ArrayPool<Hash32>.Shared.Return(secrets);
            ArrayPool<Guid>.Shared.Return(ids);
        }
    }

    public override long ReceivedMs => _batch.Received;

    protected override void Stamp(long sealedMs) => _batch.Seal(RecordTime.FromMilliseconds(sealedMs));

    public override LeafFacts Facts(int leaf) => _batch.Facts(leaf);

    public override ReadOnlySpan<byte> Leaf(int leaf) => _batch.Leaf(leaf);

    protected override void Hash(Span<Hash32> hashes) => _batch.HashLeaves(_suite, hashes);

    public override ReadOnlySpan<byte> Box(int leaf) => _boxes.AsSpan(_boxOffsets[leaf], _boxOffsets[leaf + 1] - _boxOffsets[leaf]);

    public override Span<byte> Keys(int leaf) => _keys.AsSpan(_keyOffsets[leaf], _keyOffsets[leaf + 1] - _keyOffsets[leaf]);

    protected override void Release()
    {
        ArrayPool<byte>.Shared.Return(_boxes);
        ArrayPool<int>.Shared.Return(_boxOffsets);
        ArrayPool<byte>.Shared.Return(_keys);
        ArrayPool<int>.Shared.Return(_keyOffsets);
        _batch.Dispose();
    }

    // UUIDv7 (RFC 9562, 5.7) of the time of receipt, with 74 bits from one draw for the whole batch.
    private static void DrawIds(RequestBatch requests, Span<Guid> ids, ReadOnlySpan<DateTimeOffset> received)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(ids.Length * 16);
        var drawn = bytes.AsSpan(0, ids.Length * 16);
        RandomBytes.Fill(drawn);
        Span<byte> time = stackalloc byte[8];
        for (var i = 0; i < ids.Length; i++)
        {
            var at = received.Length == 1 ? received[0] : received[requests.Row(i).Line];
            System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(time, at.ToUnixTimeMilliseconds());
            var id = drawn.Slice(i * 16, 16);
            time[2..].CopyTo(id);
            id[6] = (byte)(0x70 | (id[6] & 0x0f));
            id[8] = (byte)(0x80 | (id[8] & 0x3f));
            ids[i] = new Guid(id, bigEndian: true);
        }

        ArrayPool<byte>.Shared.Return(bytes);
    }

    private static byte[] Box(LeafBatch batch, ItemCipher cipher, out int[] offsets)
    {
        offsets = ArrayPool<int>.Shared.Rent(batch.Count + 1);
        var total = 0;
        var plaintexts = batch.Plaintexts;
        for (var i = 0; i < plaintexts.Length; i++)
        {
            offsets[i] = total;
            total += ItemCipher.BoxLength(plaintexts[i].Length);
        }

        offsets[plaintexts.Length] = total;
        var boxes = ArrayPool<byte>.Shared.Rent(total);
        var ivs = ArrayPool<byte>.Shared.Rent(batch.Count * ItemCipher.IvSize);
        RandomBytes.Fill(ivs.AsSpan(0, batch.Count * ItemCipher.IvSize));
        cipher.SealMany(
            batch.Secrets, ivs.AsSpan(0, batch.Count * ItemCipher.IvSize), batch.PlaintextArena, plaintexts, batch.RawIds, boxes.AsSpan(0, total), offsets.AsSpan(0, batch.Count));
        ArrayPool<byte>.Shared.Return(ivs);
        return boxes;
    }

    // Of each record its id, and both digests of each part under the region's key.
    private static byte[] LookUpKeys(Suite suite, LeafBatch batch, RequestBatch requests, in Hash32 digestKey, out int[] offsets)
    {
        var label = HmacLabel.DigestIndex;
        var messageLength = label.Length + Hash32.Size;
        var digests = 2 * requests.PartTotal;
        var arena = ArrayPool<byte>.Shared.Rent(Math.Max(1, digests * messageLength));
        var messages = ArrayPool<Slice>.Shared.Rent(Math.Max(1, digests));
        var keyOf = ArrayPool<int>.Shared.Rent(Math.Max(1, digests));
        var macs = ArrayPool<Hash32>.Shared.Rent(Math.Max(1, digests));
        offsets = ArrayPool<int>.Shared.Rent(batch.Count + 1);
        var entries = ArrayPool<byte>.Shared.Rent((batch.Count + digests) * IndexEntry.Size);
        var n = 0;
        for (var i = 0; i < batch.Count; i++)
        {
            ref readonly var row = ref requests.Row(batch.RowOf(i));
            for (var part = row.PartStart; part < row.PartStart + row.PartCount; part++)
            {
                requests.Digests(part, out var sm3, out var sha256);
                Add(sm3);
                Add(sha256);
            }
        }

        void Add(in Hash32 digest)
        {
            var at = n * messageLength;
            HmacLabel.DigestIndex.CopyTo(arena.AsSpan(at));
            digest.CopyTo(arena.AsSpan(at + HmacLabel.DigestIndex.Length));
            messages[n] = new Slice(at, messageLength);
            keyOf[n++] = 0;
        }

        suite.HmacMany([digestKey], keyOf.AsSpan(0, n), arena, messages.AsSpan(0, n), macs.AsSpan(0, n));
        var used = 0;
        n = 0;
        for (var i = 0; i < batch.Count; i++)
        {
            offsets[i] = used;
            IndexKeys.WriteId(batch.Id(i), entries.AsSpan(used));
            used += IndexEntry.Size;
            for (var end = n + (2 * requests.Row(batch.RowOf(i)).PartCount); n < end; n++)
            {
                IndexKeys.WriteDigest(macs[n], entries.AsSpan(used));
                used += IndexEntry.Size;
            }
        }

        offsets[batch.Count] = used;
        ArrayPool<byte>.Shared.Return(arena);
        ArrayPool<Slice>.Shared.Return(messages);
        ArrayPool<int>.Shared.Return(keyOf);
        ArrayPool<Hash32>.Shared.Return(macs);
        return entries;
    }
}
