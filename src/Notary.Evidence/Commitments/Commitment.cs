using System.Globalization;
using System.Text;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// What the ledger holds instead of a value: <c>H("notary/v1/commitment" ‖ 0x00 ‖ origin, record id[16], name, salt[32], canonical value)</c>, each
/// field preceded by its length as u32 big-endian. The salt is HMAC(record secret, …name), so that without the secret no candidate value can be tried.
/// </summary>
public static class Commitment
{
    /// <summary>The name of a part: <c>part/&lt;i&gt;</c>.</summary>
    public static string PartName(int part) => "part/" + part.ToString(CultureInfo.InvariantCulture);

    /// <summary>The name of a row of a tree part: <c>part/&lt;i&gt;/&lt;row&gt;</c>.</summary>
    public static string RowName(int part, long row) => PartName(part) + "/" + row.ToString(CultureInfo.InvariantCulture);

    /// <summary>HMAC(secret, "notary/v1/salt" ‖ 0x00 ‖ name).</summary>
    public static Hash32 Salt(Suite suite, in Hash32 secret, string name) => Mac(suite, secret, HmacLabel.Salt, name);

    /// <summary>The commitment of a field that the record does not have: HMAC(secret, "notary/v1/absent" ‖ 0x00 ‖ name).</summary>
    public static Hash32 Absent(Suite suite, in Hash32 secret, string name) => Mac(suite, secret, HmacLabel.Absent, name);

    /// <summary>The commitment of a value.</summary>
    /// <param name="suite">The chain's suite.</param>
    /// <param name="origin">The chain's origin.</param>
    /// <param name="id">The record.</param>
    /// <param name="name">A metadata field's name, <see cref="PartName"/> or <see cref="RowName"/>.</param>
    /// <param name="salt">See <see cref="Salt"/>.</param>
    /// <param name="value">RFC 8785 bytes; of a row its raw bytes.</param>
    public static Hash32 Compute(Suite suite, string origin, Guid id, string name, in Hash32 salt, ReadOnlySpan<byte> value)
    {
        Span<byte> raw = stackalloc byte[RecordId.Size];
        RecordId.WriteRaw(id, raw);
        return DomainHash.Compute(suite, DomainPurpose.Commitment, Encoding.ASCII.GetBytes(origin), raw, Encoding.ASCII.GetBytes(name), salt.AsSpan(), value);
    }

    private static Hash32 Mac(Suite suite, in Hash32 secret, ReadOnlySpan<byte> label, string name)
    {
        Span<byte> message = stackalloc byte[label.Length + name.Length];
        label.CopyTo(message);
        Encoding.ASCII.GetBytes(name, message[label.Length..]);
        return suite.Hmac(secret.AsSpan(), message);
    }
}

/// <summary>RFC 6962 section 2.1 tree whose entries are 32-byte commitments (leaf hash = H(0x00 ‖ commitment)): fields, parts beyond 16, rows, statement lines.</summary>
public static class CommitmentTree
{
    /// <summary>The root over commitments in their order; of none the hash of the empty text.</summary>
    public static Hash32 Root(Suite suite, ReadOnlySpan<Hash32> commitments)
    {
        if (commitments.IsEmpty)
        {
            return suite.Hash([]);
        }

        var level = Leaves(suite, commitments);
        while (level.Length > 1)
        {
            level = Parents(suite, level);
        }

        return level[0];
    }

    /// <summary>The inclusion proof of one commitment, from the leaf's side upwards.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The index is outside.</exception>
    public static Hash32[] Prove(Suite suite, ReadOnlySpan<Hash32> commitments, int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)commitments.Length, nameof(index));
        var proof = new List<Hash32>();
        var level = Leaves(suite, commitments);
        while (level.Length > 1)
        {
            var sibling = index ^ 1;
            if (sibling < level.Length)
            {
                proof.Add(level[sibling]);
            }

            level = Parents(suite, level);
            index >>= 1;
        }

        return [.. proof];
    }

    /// <summary>Checks an inclusion proof of one commitment.</summary>
    public static ProofCheck Check(Suite suite, long index, long size, in Hash32 commitment, IReadOnlyList<Hash32> proof, in Hash32 root)
    {
        var hasher = new TreeHasher(suite);
        return InclusionProof.Check(hasher, index, size, hasher.Leaf(commitment.AsSpan()), proof, root);
    }

    private static Hash32[] Leaves(Suite suite, ReadOnlySpan<Hash32> commitments)
    {
        const int entry = 1 + Hash32.Size;
        var arena = new byte[commitments.Length * entry];
        var slices = new Slice[commitments.Length];
        for (var i = 0; i < commitments.Length; i++)
        {
            commitments[i].CopyTo(arena.AsSpan((i * entry) + 1));
            slices[i] = new Slice(i * entry, entry);
        }

        var leaves = new Hash32[commitments.Length];
        suite.HashMany(arena, slices, leaves);
        return leaves;
    }

    // An odd last node moves up unchanged: the same tree as RFC 6962's split at the largest power of two.
    private static Hash32[] Parents(Suite suite, ReadOnlySpan<Hash32> level)
    {
        var parents = new Hash32[(level.Length + 1) / 2];
        var even = level.Length & ~1;
        suite.HashNodes(level[..even], parents.AsSpan(0, even / 2));
        if (even != level.Length)
        {
            parents[^1] = level[^1];
        }

        return parents;
    }
}
