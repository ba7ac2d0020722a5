using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>Why what was disclosed is not what was sealed.</summary>
public enum DisclosureFailure
{
    /// <summary>It is.</summary>
    None = 0,
    /// <summary>A name that the version does not have, or that belongs to another part or row.</summary>
    Names = 1,
    /// <summary>A value that is not the canonical JSON of its field.</summary>
    Value = 2,
    /// <summary>The commitments lead to another root or another commitment.</summary>
    Mismatch = 3,
    /// <summary>The record has no such part, no metadata, or the part is no tree.</summary>
    Absent = 4,
    /// <summary>A row outside the tree, or bytes that are not one row by its rule.</summary>
    Row = 5,
}

/// <summary>The outcome of a check, with both hashes that were compared.</summary>
public readonly record struct DisclosureCheck(DisclosureFailure Failure, Hash32 Computed, Hash32 Expected)
{
    /// <summary>Whether the values are those that were sealed.</summary>
    public bool Ok => Failure == DisclosureFailure.None;

    internal static DisclosureCheck Compare(in Hash32 computed, in Hash32 expected) =>
        new(computed == expected ? DisclosureFailure.None : DisclosureFailure.Mismatch, computed, expected);

    internal static DisclosureCheck Of(DisclosureFailure failure) => new(failure, default, default);

    internal static DisclosureCheck Of(in ProofCheck check) => new(check.Ok ? DisclosureFailure.None : DisclosureFailure.Mismatch, check.Computed, check.Expected);
}

/// <summary>A value with the salt that opens its commitment.</summary>
/// <param name="Name">A metadata field's name, <c>part/&lt;i&gt;</c> or <c>part/&lt;i&gt;/&lt;row&gt;</c>.</param>
/// <param name="Salt">HMAC(secret, …name); it opens this name and no other.</param>
/// <param name="Value">Canonical JSON; of a row its bytes.</param>
public sealed record SaltedValue(string Name, Hash32 Salt, ReadOnlyMemory<byte> Value)
{
    /// <summary>Opens a value; needs the record's secret.</summary>
    public static SaltedValue Of(Suite suite, in Hash32 secret, string name, ReadOnlyMemory<byte> value) => new(name, Commitment.Salt(suite, secret, name), value);

    /// <summary>The commitment that the ledger must hold for this value.</summary>
    public Hash32 Commit(Suite suite, string origin, Guid id) => Commitment.Compute(suite, origin, id, Name, Salt, Value.Span);
}

/// <summary>The commitments of a record's metadata: all twenty fields of the version, the absent ones too, so that none of them tells what is there.</summary>
public static class FieldTree
{
    /// <summary>The commitments in ASCII order of names.</summary>
    public static Hash32[] Commitments(Suite suite, string origin, Guid id, in Hash32 secret, IReadOnlyDictionary<string, CanonicalValue> metadata)
    {
        var commitments = new Hash32[MetadataFields.Count];
        for (var i = 0; i < commitments.Length; i++)
        {
            var name = MetadataFields.Names[i];
            commitments[i] = metadata.TryGetValue(name, out var value)
                ? SaltedValue.Of(suite, secret, name, value.ToBytes()).Commit(suite, origin, id)
                : Commitment.Absent(suite, secret, name);
        }

        return commitments;
    }
}

/// <summary>One field alone, with its inclusion proof in the tree of twenty.</summary>
public sealed record FieldDisclosure(SaltedValue Opening, IReadOnlyList<Hash32> Proof)
{
    /// <summary>Proves one field that the record has.</summary>
    /// <exception cref="ArgumentException">The record does not have it.</exception>
    public static FieldDisclosure Prove(Suite suite, string origin, Guid id, in Hash32 secret, IReadOnlyDictionary<string, CanonicalValue> metadata, string field)
    {
        if (!metadata.TryGetValue(field, out var value))
        {
            throw new ArgumentException("The record does not have this field.", nameof(field));
        }

        var commitments = FieldTree.Commitments(suite, origin, id, secret, metadata);
        return new FieldDisclosure(
            SaltedValue.Of(suite, secret, field, value.ToBytes()), CommitmentTree.Prove(suite, commitments, MetadataFields.IndexOf(field)));
    }

    /// <summary>Checks against the field root of the leaf.</summary>
    public DisclosureCheck Check(Suite suite, string origin, Guid id, in Hash32 fieldRoot)
    {
        var at = MetadataFields.IndexOf(Opening.Name);
        return at < 0 ? DisclosureCheck.Of(DisclosureFailure.Names)
            : !MetadataFields.IsValue(at, Opening.Value.Span) ? DisclosureCheck.Of(DisclosureFailure.Value)
            : DisclosureCheck.Of(CommitmentTree.Check(suite, at, MetadataFields.Count, Opening.Commit(suite, origin, id), Proof, fieldRoot));
    }
}
