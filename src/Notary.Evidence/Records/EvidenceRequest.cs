using System.Globalization;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>Who a submitter is to the platform (decree 法释〔2021〕12号 article 17(2)); numbers frozen.</summary>
public enum Relation : byte
{
    /// <summary>No tie.</summary>
    None = 0,
    /// <summary>The submitter operates the platform.</summary>
    Operator = 1,
    /// <summary>The submitter has an interest in the matter.</summary>
    Interested = 2,
}

/// <summary>Names of relations as they stand in leaf and request.</summary>
public static class Relations
{
    private static readonly string[] All = ["none", "operator", "interested"];

    /// <summary>The name.</summary>
    public static string Name(Relation relation) => All[(int)relation];

    /// <summary>The relation of a name; false for another text.</summary>
    public static bool TryParse(string name, out Relation relation)
    {
        var at = Array.IndexOf(All, name);
        relation = at < 0 ? default : (Relation)at;
        return at >= 0;
    }

    internal static bool TryParse(ReadOnlySpan<byte> name, out Relation relation)
    {
        relation = name.SequenceEqual("operator"u8) ? Relation.Operator : name.SequenceEqual("interested"u8) ? Relation.Interested : Relation.None;
        return relation != Relation.None || name.SequenceEqual("none"u8);
    }
}

/// <summary>A line's place in an agency's statement: its index, the statement's root and the nonce of the line's hash.</summary>
public readonly record struct StatementReference(int Index, Hash32 Root, Hash32 Nonce);

/// <summary>One request to seal evidence, as an object. The service parses whole bodies with <see cref="RequestBatch"/>; this is what a client writes.</summary>
public sealed class EvidenceRequest
{
    /// <summary>Evidence type, see <see cref="Grammar.IsName(string)"/>.</summary>
    public required string Type { get; init; }

    /// <summary>1 to 1,000 parts.</summary>
    public required IReadOnlyList<EvidencePart> Parts { get; init; }

    /// <summary>Metadata by field name; <c>files</c> is an array, every other value a string. Null when there is none.</summary>
    public IReadOnlyDictionary<string, CanonicalValue>? Metadata { get; init; }

    /// <summary>When the submitter says it sent the request.</summary>
    public DateTimeOffset? Sent { get; init; }

    /// <summary>Id of the version that this record replaces.</summary>
    public Guid? Previous { get; init; }

    /// <summary>The submitter's relation to the platform; null leaves the account's own.</summary>
    public Relation? Relation { get; init; }

    /// <summary>Id and secret drawn by the submitter; needed when a part is a tree, because its salts are made from them.</summary>
    public (Guid Id, Hash32 Secret)? Drawn { get; init; }

    /// <summary>The line's place in the agency's statement.</summary>
    public StatementReference? Statement { get; init; }

    /// <summary>The request as one line of canonical JSON without the line feed.</summary>
    public byte[] ToJsonLine() => ToValue(Relation, Drawn, Statement).ToBytes();

    /// <summary>The canonical request line that a statement's line hash covers: what the record and its openings show (no id, secret or statement; the relation always).</summary>
    public byte[] ToStatementLine(Relation accountRelation) => ToValue(Relation ?? accountRelation, null, null).ToBytes();

    /// <summary>Parses one request.</summary>
    public static bool TryParse(ReadOnlySpan<byte> json, out EvidenceRequest? request, out RequestProblem problem)
    {
        using var batch = RequestBatch.ParseOne(json);
        request = batch.Count == 1 ? batch.ToRequest(0) : null;
        problem = batch.BodyProblem ?? batch.ProblemOf(0) ?? default;
        return request is not null;
    }

    private CanonicalValue ToValue(Relation? relation, (Guid Id, Hash32 Secret)? drawn, StatementReference? statement) => CanonicalValue.OfObject(
        ("id", drawn is { } d ? CanonicalValue.Of(d.Id.ToString("D", CultureInfo.InvariantCulture)) : null),
        ("metadata", Metadata is null ? null : CanonicalValue.OfObject(Metadata.Select(static m => (m.Key, (CanonicalValue?)m.Value)))),
        ("parts", CanonicalValue.OfArray(Parts.Select(static p => p.ToValue()))),
        ("previous", Previous is { } previous ? CanonicalValue.Of(previous.ToString("D", CultureInfo.InvariantCulture)) : null),
        ("relation", relation is { } r ? CanonicalValue.Of(Relations.Name(r)) : null),
        ("secret", drawn is { } s ? CanonicalValue.Of(s.Secret.ToHex()) : null),
        ("sent", Sent is { } sent ? CanonicalValue.Of(RecordTime.Format(RecordTime.ToMilliseconds(sent))) : null),
        ("statement", statement is { } at
            ? CanonicalValue.OfObject(("index", CanonicalValue.Of(at.Index)), ("nonce", CanonicalValue.Of(at.Nonce.ToHex())), ("root", CanonicalValue.Of(at.Root.ToHex())))
            : null),
        ("type", CanonicalValue.Of(Type)));
}
