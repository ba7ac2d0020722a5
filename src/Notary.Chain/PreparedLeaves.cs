using System.Buffers;
using System.Buffers.Binary;
using Notary.Chain.Index;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain;

/// <summary>
/// Leaves that wait for their index and sealed time: everything that can be computed before the chain's lock is taken has been. Owned by one
/// append at a time; <see cref="Dispose"/> clears secrets and returns the buffers.
/// </summary>
public abstract class PreparedLeaves : IDisposable
{
    /// <summary>Number of leaves.</summary>
    public abstract int Count { get; }

    /// <summary>Bytes held for all leaves, for the bounds of the queue; does not change.</summary>
    public abstract long LeafBytes { get; }

    /// <summary>When the latest of the leaves was received, Unix milliseconds: none is sealed before.</summary>
    public abstract long ReceivedMs { get; }

    /// <summary>Puts the sealed time into every leaf.</summary>
    public abstract void Seal(long sealedMs);

    /// <summary>What admission needs of a leaf, after <see cref="Seal"/>.</summary>
    public abstract LeafFacts Facts(int leaf);

    /// <summary>A leaf's canonical bytes, final after <see cref="Seal"/>.</summary>
    public abstract ReadOnlySpan<byte> Leaf(int leaf);

    /// <summary>The leaf hashes, in order; after <see cref="Seal"/>.</summary>
    public abstract void Hash(Span<Hash32> hashes);

    /// <summary>A leaf's item box; empty for a leaf without one.</summary>
    public abstract ReadOnlySpan<byte> Box(int leaf);

    /// <summary>A leaf's look-up keys: 24 bytes each, the leaf index still to be written.</summary>
    public abstract Span<byte> Keys(int leaf);

    /// <summary>A leaf's look-up keys with their index.</summary>
    internal ReadOnlySpan<byte> KeysAt(int leaf, long index)
    {
        var keys = Keys(leaf);
        for (var at = 0; at < keys.Length; at += IndexEntry.Size)
        {
            BinaryPrimitives.WriteInt64BigEndian(keys[(at + 16)..], index);
        }

        return keys;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Returns buffers.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>A single leaf that governance or the chain itself wrote: a policy, a key. It has no item.</summary>
internal sealed class SystemLeaf(Suite suite, LeafDraft draft) : PreparedLeaves
{
    private readonly byte[] _keys = IndexKeys.OfId(draft.Facts.Id);

    public override int Count => 1;

    public override long LeafBytes => draft.Bytes.Length;

    public override long ReceivedMs => draft.Facts.Received;

    public override void Seal(long sealedMs) => draft.Seal(RecordTime.FromMilliseconds(sealedMs));

    public override LeafFacts Facts(int leaf) => draft.Facts;

    public override ReadOnlySpan<byte> Leaf(int leaf) => draft.Bytes.Span;

    public override void Hash(Span<Hash32> hashes) => hashes[0] = draft.Hash(suite);

    public override ReadOnlySpan<byte> Box(int leaf) => default;

    public override Span<byte> Keys(int leaf) => _keys;
}

/// <summary>The look-up keys of records.</summary>
internal static class IndexKeys
{
    /// <summary>The key of an id: its random half first, so that keys of one moment are spread over a run.</summary>
    public static void WriteId(Guid id, Span<byte> entry)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        bytes[8..].CopyTo(entry);
        bytes[..8].CopyTo(entry[8..]);
        entry.Slice(16, 8).Clear();
    }

    /// <summary>One entry for an id.</summary>
    public static byte[] OfId(Guid id)
    {
        var entry = new byte[IndexEntry.Size];
        WriteId(id, entry);
        return entry;
    }

    /// <summary>Half of an HMAC (128 of 256 bits): what a digest is looked up by.</summary>
    public static void WriteDigest(in Hash32 mac, Span<byte> entry)
    {
        Span<byte> bytes = stackalloc byte[Hash32.Size];
        mac.CopyTo(bytes);
        bytes[..16].CopyTo(entry);
        entry.Slice(16, 8).Clear();
    }
}
