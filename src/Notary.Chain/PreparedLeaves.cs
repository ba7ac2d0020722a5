using System.Buffers;
using System.Buffers.Binary;
using Notary.Chain.Index;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain;

/// <summary>
/// Leaves that wait for their index and sealed time: everything that can be computed before the chain's lock is taken has been. All of them go into one
/// append; several requests may have leaves in it, and the last one's <see cref="Dispose"/> clears secrets and returns the buffers.
/// </summary>
internal abstract class PreparedLeaves : IDisposable
{
    private Hash32[] _hashes = [];
    private int _users = 1;

    /// <summary>Number of leaves.</summary>
    public abstract int Count { get; }

    /// <summary>Bytes held for all leaves, for the bounds of the queue; does not change.</summary>
    public abstract long LeafBytes { get; }

    /// <summary>When the latest of the leaves was received, Unix milliseconds: none is sealed before.</summary>
    public abstract long ReceivedMs { get; }

    /// <summary>The leaf hashes, in order; after <see cref="Seal"/>.</summary>
    public ReadOnlySpan<Hash32> Hashes => _hashes.AsSpan(0, Count);

    /// <summary>Puts the sealed time into every leaf and hashes them all, the first time it is called.</summary>
    public void Seal(long sealedMs)
    {
        if (_hashes.Length == 0)
        {
            Stamp(sealedMs);
            _hashes = ArrayPool<Hash32>.Shared.Rent(Count);
            Hash(_hashes.AsSpan(0, Count));
        }
    }

    /// <summary>What admission needs of a leaf, after <see cref="Seal"/>.</summary>
    public abstract LeafFacts Facts(int leaf);

    /// <summary>A leaf's canonical bytes, final after <see cref="Seal"/>.</summary>
    public abstract ReadOnlySpan<byte> Leaf(int leaf);

    /// <summary>A leaf's item box; empty for a leaf without one.</summary>
    public abstract ReadOnlySpan<byte> Box(int leaf);

    /// <summary>A leaf's look-up keys: 24 bytes each, the leaf index still to be written.</summary>
    public abstract Span<byte> Keys(int leaf);

    /// <summary>A leaf's look-up keys with their index.</summary>
    public ReadOnlySpan<byte> KeysAt(int leaf, long index)
    {
        var keys = Keys(leaf);
        for (var at = 0; at < keys.Length; at += IndexEntry.Size)
        {
            BinaryPrimitives.WriteInt64BigEndian(keys[(at + 16)..], index);
        }

        return keys;
    }

    /// <summary>Says how many will call <see cref="Dispose"/>; before any of them has it.</summary>
    public void Share(int users) => _users = users;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            Release();
            ArrayPool<Hash32>.Shared.Return(_hashes);
        }
    }

    /// <summary>Puts the sealed time into every leaf.</summary>
    protected abstract void Stamp(long sealedMs);

    /// <summary>Computes the leaf hashes, in order.</summary>
    protected abstract void Hash(Span<Hash32> hashes);

    /// <summary>Returns buffers.</summary>
    protected virtual void Release()
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

    protected override void Stamp(long sealedMs) => draft.Seal(RecordTime.FromMilliseconds(sealedMs));

    public override LeafFacts Facts(int leaf) => draft.Facts;

    public override ReadOnlySpan<byte> Leaf(int leaf) => draft.Bytes.Span;

    protected override void Hash(Span<Hash32> hashes) => hashes[0] = draft.Hash(suite);

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
