using System.Buffers;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Leaf, node and empty hash of the Merkle tree of RFC 6962 section 2.1, over the hash of a suite (SM3 or SHA-256).
/// </summary>
/// <remarks>
/// <c>leaf(d) = H(0x00 ‖ d)</c>, <c>node(l, r) = H(0x01 ‖ l ‖ r)</c>, <c>empty = H("")</c>. The two prefixes are the only
/// thing that keeps an entry of 65 bytes from being passed off as a node: no other hash of the platform starts with them.
/// </remarks>
public sealed class TreeHasher
{
    /// <summary>First byte of what a leaf hash covers.</summary>
    public const byte LeafPrefix = 0x00;

    /// <summary>First byte of what a node hash covers.</summary>
    public const byte NodePrefix = 0x01;

    public TreeHasher(Suite suite)
    {
        ArgumentNullException.ThrowIfNull(suite);
        Suite = suite;
        Empty = suite.Hash([]);
    }

    public Suite Suite { get; }

    /// <summary>Root of the tree without leaves: the hash of the empty string.</summary>
    public Hash32 Empty { get; }

    /// <summary>Hash of one entry.</summary>
    public Hash32 Leaf(ReadOnlySpan<byte> entry) => Suite.Hash([LeafPrefix], entry);

    /// <summary>Hash of the node whose left child is <paramref name="left"/> and whose right child is <paramref name="right"/>.</summary>
    public Hash32 Node(in Hash32 left, in Hash32 right)
    {
        Span<byte> message = stackalloc byte[1 + (2 * Hash32.Size)];
        message[0] = NodePrefix;
        left.CopyTo(message[1..]);
        right.CopyTo(message[(1 + Hash32.Size)..]);
        return Suite.Hash(message);
    }

    /// <summary>
    /// Hashes many entries that lie in one arena. Each slice starts at the entry's <see cref="LeafPrefix"/> byte, which the
    /// caller has written in front of it, so that nothing is copied.
    /// </summary>
    /// <exception cref="ArgumentException">A slice is empty or does not start with the prefix, or the counts differ.</exception>
    public void Leaves(ReadOnlySpan<byte> arena, ReadOnlySpan<Slice> prefixedEntries, Span<Hash32> hashes)
    {
        if (prefixedEntries.Length != hashes.Length)
        {
            throw new ArgumentException("One hash a slice.", nameof(hashes));
        }

        foreach (var slice in prefixedEntries)
        {
            if (slice.Length < 1 || arena[slice.Offset] != LeafPrefix)
            {
                throw new ArgumentException("A leaf message starts with 0x00.", nameof(prefixedEntries));
            }
        }

        Suite.HashMany(arena, prefixedEntries, hashes);
    }

    /// <summary>
    /// Root of the tree over these leaf hashes (RFC 6962 <c>MTH</c>), computed level by level: a node without a sibling moves up
    /// as it is, which is what the RFC's split at the largest power of two comes to.
    /// </summary>
    public Hash32 Root(ReadOnlySpan<Hash32> leaves)
    {
        if (leaves.Length < 2)
        {
            return leaves.IsEmpty ? Empty : leaves[0];
        }

        var parents = ArrayPool<Hash32>.Shared.Rent((leaves.Length + 1) / 2);
        var next = ArrayPool<Hash32>.Shared.Rent((leaves.Length + 3) / 4);
        try
        {
            var row = leaves;
            while (row.Length > 1)
            {
                var pairs = row.Length / 2;
                Suite.HashNodes(row[..(2 * pairs)], parents.AsSpan(0, pairs));
                if (row.Length % 2 == 1)
                {
                    parents[pairs++] = row[^1];
                }

                row = parents.AsSpan(0, pairs);
                (parents, next) = (next, parents);
            }

            return row[0];
        }
        finally
        {
            ArrayPool<Hash32>.Shared.Return(parents);
            ArrayPool<Hash32>.Shared.Return(next);
        }
    }
}
