using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain;

/// <summary>What lies beside an evidence record, opened: its secret, the values of its parts, its metadata.</summary>
public sealed class OpenedItem
{
    private OpenedItem(Guid id, Hash32 secret, ItemPlaintext content)
    {
        Id = id;
        Secret = secret;
        Content = content;
    }

    /// <summary>The record.</summary>
    public Guid Id { get; }

    /// <summary>The record's secret: whoever holds it can open every commitment.</summary>
    public Hash32 Secret { get; }

    /// <summary>Parts, metadata and the statement's nonce.</summary>
    public ItemPlaintext Content { get; }

    /// <summary>Opens a box; false when it was changed, belongs to another record or key, or holds nothing of its format.</summary>
    internal static bool TryOpen(ItemCipher cipher, ReadOnlySpan<byte> box, Guid id, out OpenedItem? item)
    {
        Span<byte> associated = stackalloc byte[16];
        id.TryWriteBytes(associated, bigEndian: true, out _);
        item = cipher.TryOpen(box, associated, out var secret, out var plaintext) == ItemOpenResult.Ok
            && ItemPlaintext.TryParse(plaintext, out var content) == ItemProblem.None
            ? new OpenedItem(id, secret, content!)
            : null;
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(plaintext);
        return item is not null;
    }

    /// <summary>Whether the leaf commits to exactly this content under this secret.</summary>
    public bool BelongsTo(Genesis genesis, ReadOnlySpan<byte> leaf)
    {
        if (!EvidenceRecord.TryParse(leaf, out var record).Ok || record!.Facts.Id != Id || record.Facts.PartCount != Content.Parts.Count)
        {
            return false;
        }

        var suite = genesis.Suite;
        var parts = new Hash32[Content.Parts.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = Of(genesis, Commitment.PartName(i), Content.Parts[i].ToValue().ToBytes());
        }

        if (record.PartRoot is { } root ? !CommitmentTree.Root(suite, parts).Equals(root) : !record.Parts.SequenceEqual(parts))
        {
            return false;
        }

        var values = Content.MetadataValues();
        if (values.Count == 0)
        {
            return record.FieldRoot is null;
        }

        var fields = MetadataFields.Names.Select(
            name => values.TryGetValue(name, out var value) ? Of(genesis, name, value.ToBytes()) : Commitment.Absent(suite, Secret, name)).ToArray();
        return record.FieldRoot is { } fieldRoot && CommitmentTree.Root(suite, fields).Equals(fieldRoot);
    }

    private Hash32 Of(Genesis genesis, string name, ReadOnlySpan<byte> value)
        => Commitment.Compute(genesis.Suite, genesis.Origin, Id, name, Commitment.Salt(genesis.Suite, Secret, name), value);
}
