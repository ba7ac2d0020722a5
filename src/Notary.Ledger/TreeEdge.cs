using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>The new nodes of one level that an append has completed, in order; <paramref name="first"/> is the index of the first.</summary>
public delegate void CompletedNodes(int level, long first, ReadOnlySpan<Hash32> nodes);

/// <summary>
/// The right edge of a tree (a compact range from leaf 0): one hash for each set bit of the size, all that is needed to append
/// and to know the root. Mutable; one owner.
/// </summary>
/// <remarks>
/// Bytes, as the head row stores them: the hashes of the perfect subtrees of <c>[0, size)</c> from the largest (left) to the
/// smallest (right), 32 bytes each, no header; the size is stored beside them.
/// </remarks>
public sealed class TreeEdge
{
    /// <summary>Sizes go up to 2^62: far beyond use, and no sum of two of them overflows.</summary>
    public const long MaxSize = 1L << 62;

    private readonly TreeHasher _hasher;

    // _nodes[l] is the subtree of 2^l leaves when bit l of the size is set, and stale otherwise.
    private readonly Hash32[] _nodes;

    private TreeEdge(TreeHasher hasher, long size, Hash32[] nodes)
    {
        _hasher = hasher;
        Size = size;
        _nodes = nodes;
    }

    /// <summary>Number of leaves.</summary>
    public long Size { get; private set; }

    public TreeHasher Hasher => _hasher;

    /// <summary>The edge of the tree without leaves.</summary>
    public static TreeEdge Empty(TreeHasher hasher)
    {
        ArgumentNullException.ThrowIfNull(hasher);
        return new TreeEdge(hasher, 0, new Hash32[63]);
    }

    /// <summary>
    /// Reads back <see cref="ToBytes"/>. False when the size is out of range or the bytes are not exactly one hash a set bit of it;
    /// whether the hashes are the right ones shows only against a signed root.
    /// </summary>
    public static bool TryParse(TreeHasher hasher, long size, ReadOnlySpan<byte> hashes, [NotNullWhen(true)] out TreeEdge? edge)
    {
        ArgumentNullException.ThrowIfNull(hasher);
        edge = null;
        if (size < 0 || size > MaxSize || hashes.Length != BitOperations.PopCount((ulong)size) * Hash32.Size)
        {
            return false;
        }

        var nodes = new Hash32[63];
        for (var level = 62; level >= 0; level--)
        {
            if ((size >> level & 1) == 1)
            {
                nodes[level] = Hash32.FromSpan(hashes[..Hash32.Size]);
                hashes = hashes[Hash32.Size..];
            }
        }

        edge = new TreeEdge(hasher, size, nodes);
        return true;
    }

    /// <summary>The nodes on the edge of the tree of <paramref name="size"/> leaves, largest (left) first: in the order of <see cref="ToBytes"/>.</summary>
    public static IReadOnlyList<NodeId> Nodes(long size)
    {
        var nodes = new List<NodeId>();
        NodeId.Cover(0, size, nodes);
        return nodes;
    }

    /// <inheritdoc cref="TryParse"/>
    public byte[] ToBytes()
    {
        var bytes = new byte[BitOperations.PopCount((ulong)Size) * Hash32.Size];
        var offset = 0;
        for (var level = 62; level >= 0; level--)
        {
            if (TryGetNode(level, out var hash))
            {
                hash.CopyTo(bytes.AsSpan(offset));
                offset += Hash32.Size;
            }
        }

        return bytes;
    }

    /// <summary>An independent copy: append to it, and keep it only when the batch has been committed.</summary>
    public TreeEdge Clone() => new(_hasher, Size, (Hash32[])_nodes.Clone());

    /// <summary>The subtree of <c>2^level</c> leaves on the edge; false when that bit of the size is not set.</summary>
    public bool TryGetNode(int level, out Hash32 hash)
    {
        var set = level is >= 0 and <= 62 && (Size >> level & 1) == 1;
        hash = set ? _nodes[level] : default;
        return set;
    }

    /// <summary>Root of the tree of <see cref="Size"/> leaves (RFC 6962 <c>MTH</c>).</summary>
    public Hash32 Root()
    {
        if (Size == 0)
        {
            return _hasher.Empty;
        }

        var level = BitOperations.TrailingZeroCount(Size);
        var root = _nodes[level];
        for (level++; level <= 62; level++)
        {
            if ((Size >> level & 1) == 1)
            {
                root = _hasher.Node(_nodes[level], root);
            }
        }

        return root;
    }

    /// <summary>Appends one leaf hash.</summary>
    public void Append(in Hash32 leaf)
    {
        CheckRoom(1);
        var hash = leaf;
        var level = 0;
        for (; (Size >> level & 1) == 1; level++)
        {
            hash = _hasher.Node(_nodes[level], hash);
        }

        _nodes[level] = hash;
        Size++;
    }

    /// <summary>
    /// Appends leaf hashes, a level of the tree at a time, so that a batch costs one multi-buffer call a level.
    /// <paramref name="completed"/>, when given, is called once for each level that has new perfect subtrees, from level 0
    /// (the leaves themselves) upwards; the span is valid during the call only.
    /// </summary>
    public void AppendMany(ReadOnlySpan<Hash32> leaves, CompletedNodes? completed = null)
    {
        if (leaves.IsEmpty)
        {
            return;
        }

        CheckRoom(leaves.Length);

        // Slot 0 of a buffer is for the edge's own hash, when the first new node is a right child.
        var current = ArrayPool<Hash32>.Shared.Rent(leaves.Length + 1);
        var parents = ArrayPool<Hash32>.Shared.Rent((leaves.Length / 2) + 2);
        try
        {
            leaves.CopyTo(current.AsSpan(1));
            var count = leaves.Length;
            var position = Size;
            for (var level = 0; count > 0; level++, position >>= 1)
            {
                completed?.Invoke(level, position, current.AsSpan(1, count));
                var odd = (int)(position & 1);
                if (odd == 1)
                {
                    current[0] = _nodes[level];
                }

                var row = current.AsSpan(1 - odd, count + odd);
                var pairs = row.Length / 2;
                if (row.Length % 2 == 1)
                {
                    _nodes[level] = row[^1];
                }

                _hasher.Suite.HashNodes(row[..(2 * pairs)], parents.AsSpan(1, pairs));
                (current, parents) = (parents, current);
                count = pairs;
            }

            Size += leaves.Length;
        }
        finally
        {
            ArrayPool<Hash32>.Shared.Return(current);
            ArrayPool<Hash32>.Shared.Return(parents);
        }
    }

    private void CheckRoom(int more)
    {
        if (Size > MaxSize - more)
        {
            throw new InvalidOperationException("The tree is full (2^62 leaves).");
        }
    }
}
