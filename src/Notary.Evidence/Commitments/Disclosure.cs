using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>Why what was disclosed is not what was sealed.</summary>
public enum DisclosureFailure
{
    /// <summary>It is.</summary>
    None = 0,
    /// <summary>A name that the version does not have, or names that are not all of them once, in order.</summary>
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
public sealed record Opening(string Name, Hash32 Salt, ReadOnlyMemory<byte> Value)
{
    /// <summary>Opens a value; needs the record's secret.</summary>
    public static Opening Of(Suite suite, in Hash32 secret, string name, ReadOnlyMemory<byte> value) => new(name, Commitment.Salt(suite, secret, name), value);

    /// <summary>The commitment that the ledger must hold for this value.</summary>
    public Hash32 Commit(Suite suite, string origin, Guid id) => Commitment.Compute(suite, origin, id, Name, Salt, Value.Span);
}

/// <summary>
/// Some fields of a record opened, the others as bare commitments: an absent field and a withheld one look alike. All twenty stand here, so the root needs no proof.
/// </summary>
/// <param name="Opened">Openings in ASCII order of names.</param>
/// <param name="Hidden">Commitments of the other fields in ASCII order of names.</param>
public sealed record FieldOpenings(IReadOnlyList<Opening> Opened, IReadOnlyList<(string Name, Hash32 Commitment)> Hidden)
{
    /// <summary>The commitments of all twenty fields in their order.</summary>
    public static Hash32[] Commitments(Suite suite, string origin, Guid id, in Hash32 secret, IReadOnlyDictionary<string, CanonicalValue> metadata)
    {
        var commitments = new Hash32[MetadataFields.Count];
        for (var i = 0; i < commitments.Length; i++)
        {
            var name = MetadataFields.Names[i];
            commitments[i] = metadata.TryGetValue(name, out var value)
                ? Opening.Of(suite, secret, name, value.ToBytes()).Commit(suite, origin, id)
                : Commitment.Absent(suite, secret, name);
        }

        return commitments;
    }

    /// <summary>Opens the fields that <paramref name="disclose"/> accepts.</summary>
    public static FieldOpenings Prove(
        Suite suite, string origin, Guid id, in Hash32 secret, IReadOnlyDictionary<string, CanonicalValue> metadata, Func<string, bool> disclose)
    {
        var commitments = Commitments(suite, origin, id, secret, metadata);
        var opened = new List<Opening>();
        var hidden = new List<(string, Hash32)>();
        for (var i = 0; i < commitments.Length; i++)
        {
            var name = MetadataFields.Names[i];
            if (metadata.TryGetValue(name, out var value) && disclose(name))
            {
                opened.Add(Opening.Of(suite, secret, name, value.ToBytes()));
            }
            else
            {
                hidden.Add((name, commitments[i]));
            }
        }

        return new FieldOpenings(opened, hidden);
    }

    /// <summary>Checks against the field root of the leaf.</summary>
    public DisclosureCheck Check(Suite suite, string origin, Guid id, in Hash32 fieldRoot)
    {
        var commitments = new Hash32[MetadataFields.Count];
        var seen = 0;
        var last = -1;
        foreach (var opening in Opened)
        {
            var at = MetadataFields.IndexOf(opening.Name);
            if (at <= last)
            {
                return DisclosureCheck.Of(DisclosureFailure.Names);
            }

            if (!MetadataFields.IsValue(at, opening.Value.Span))
            {
                return DisclosureCheck.Of(DisclosureFailure.Value);
            }

            commitments[last = at] = opening.Commit(suite, origin, id);
            seen |= 1 << at;
        }

        last = -1;
        foreach (var (name, commitment) in Hidden)
        {
            var at = MetadataFields.IndexOf(name);
            if (at <= last || (seen & (1 << at)) != 0)
            {
                return DisclosureCheck.Of(DisclosureFailure.Names);
            }

            commitments[last = at] = commitment;
            seen |= 1 << at;
        }

        return seen == (1 << MetadataFields.Count) - 1
            ? DisclosureCheck.Compare(CommitmentTree.Root(suite, commitments), fieldRoot)
            : DisclosureCheck.Of(DisclosureFailure.Names);
    }
}

/// <summary>One field alone, with its inclusion proof in the tree of twenty.</summary>
public sealed record FieldDisclosure(Opening Opening, IReadOnlyList<Hash32> Proof)
{
    /// <summary>Proves one field that the record has.</summary>
    /// <exception cref="ArgumentException">The record does not have it.</exception>
    public static FieldDisclosure Prove(Suite suite, string origin, Guid id, in Hash32 secret, IReadOnlyDictionary<string, CanonicalValue> metadata, string field)
    {
        if (!metadata.TryGetValue(field, out var value))
        {
            throw new ArgumentException("The record does not have this field.", nameof(field));
        }

        var commitments = FieldOpenings.Commitments(suite, origin, id, secret, metadata);
        return new FieldDisclosure(
            Opening.Of(suite, secret, field, value.ToBytes()), CommitmentTree.Prove(suite, commitments, MetadataFields.IndexOf(field)));
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

/// <summary>The parts of a record, all opened.</summary>
/// <param name="Opened">Openings of <c>part/0</c>, <c>part/1</c>, …</param>
public sealed record PartOpenings(IReadOnlyList<Opening> Opened)
{
    /// <summary>Opens all parts.</summary>
    public static PartOpenings Prove(Suite suite, in Hash32 secret, IReadOnlyList<EvidencePart> parts)
    {
        var opened = new List<Opening>();
        for (var i = 0; i < parts.Count; i++)
        {
            opened.Add(Opening.Of(suite, secret, Commitment.PartName(i), parts[i].ToValue().ToBytes()));
        }

        return new PartOpenings(opened);
    }

    /// <summary>Checks against the leaf: every part opened, each value a part's, every commitment (or the root over them) the leaf's.</summary>
    /// <param name="suite">The chain's suite.</param>
    /// <param name="record">The parsed leaf.</param>
    /// <param name="parts">The opened parts when the check is good.</param>
    public DisclosureCheck Check(Suite suite, EvidenceRecord record, out IReadOnlyList<EvidencePart> parts)
    {
        var opened = new List<EvidencePart>();
        parts = opened;
        var commitments = new Hash32[Opened.Count];
        if (Opened.Count != record.Facts.PartCount)
        {
            return DisclosureCheck.Of(DisclosureFailure.Names);
        }

        for (var i = 0; i < Opened.Count; i++)
        {
            if (Opened[i].Name != Commitment.PartName(i))
            {
                return DisclosureCheck.Of(DisclosureFailure.Names);
            }

            if (!EvidencePart.TryParse(Opened[i].Value.Span, out var part))
            {
                return DisclosureCheck.Of(DisclosureFailure.Value);
            }

            commitments[i] = Opened[i].Commit(suite, record.Facts.Chain, record.Facts.Id);
            if (record.PartRoot is null && commitments[i] != record.Parts[i])
            {
                return DisclosureCheck.Compare(commitments[i], record.Parts[i]);
            }

            opened.Add(part);
        }

        return record.PartRoot is { } root ? DisclosureCheck.Compare(CommitmentTree.Root(suite, commitments), root) : default;
    }
}
