using System.Text;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>What a part is; numbers frozen (they stand in the item's plaintext).</summary>
public enum PartKind : byte
{
    /// <summary>A file, known by its digests, size and media type.</summary>
    File = 1,
    /// <summary>A file of which single rows can be proved.</summary>
    Tree = 2,
}

/// <summary>How a tree part's file is cut into rows; numbers frozen. This version accepts the first two.</summary>
public enum TreeRule : byte
{
    /// <summary>None: the part is a file.</summary>
    None = 0,
    /// <summary>A row ends behind each line feed (0x0A).</summary>
    Line = 1,
    /// <summary>A row is a CSV record (RFC 4180): a line feed inside double quotes does not end it.</summary>
    Row = 2,
    /// <summary>Reserved: a field of a structured document.</summary>
    Field = 3,
    /// <summary>Reserved: a part of an e-mail.</summary>
    MailPart = 4,
}

/// <summary>One part of a record of evidence: both digests, size and media type; a tree adds root, rows and rule.</summary>
public readonly record struct EvidencePart(
    PartKind Kind, string Media, Hash32 Sm3, Hash32 Sha256, long Size, Hash32 Root = default, long Rows = 0, TreeRule Rule = TreeRule.None)
{
    /// <summary>The value that is committed to, as canonical JSON: <c>{"kind":"file","media":m,"sha256":hex,"size":n,"sm3":hex}</c>; a tree adds <c>root, rows, rule</c>.</summary>
    public CanonicalValue ToValue() => CanonicalValue.OfObject(
        ("kind", CanonicalValue.Of(Kind == PartKind.Tree ? "tree" : "file")),
        ("media", CanonicalValue.Of(Media)),
        ("root", Kind == PartKind.Tree ? CanonicalValue.Of(Root.ToHex()) : null),
        ("rows", Kind == PartKind.Tree ? CanonicalValue.Of(Rows) : null),
        ("rule", Kind == PartKind.Tree ? CanonicalValue.Of(TreeRules.Name(Rule)) : null),
        ("sha256", CanonicalValue.Of(Sha256.ToHex())),
        ("size", CanonicalValue.Of(Size)),
        ("sm3", CanonicalValue.Of(Sm3.ToHex())));

    /// <summary>Parses the committed value of a part; false unless it is exactly what <see cref="ToValue"/> writes.</summary>
    public static bool TryParse(ReadOnlySpan<byte> value, out EvidencePart part)
    {
        part = default;
        if (!CanonicalValue.TryParseCanonical(value, new CanonicalLimits(1024, 1, false), out var json).Ok || json.Type != CanonicalType.Object)
        {
            return false;
        }

        var tree = json["kind"]?.AsString == "tree";
        if (json["media"]?.AsString is not { } media || !Grammar.IsMedia(Encoding.ASCII.GetBytes(media)) || json["size"]?.AsInteger is not (>= 0 and var size)
            || !Hash32.TryParseHex(json["sha256"]?.AsString, out var sha256) || !Hash32.TryParseHex(json["sm3"]?.AsString, out var sm3))
        {
            return false;
        }

        part = new EvidencePart(PartKind.File, media, sm3, sha256, size);
        if (tree)
        {
            var rule = TreeRule.None;
            if (json["rule"]?.AsString is not { } name || !TreeRules.TryParse(Encoding.ASCII.GetBytes(name), out rule)
                || json["rows"]?.AsInteger is not (>= 1 and var rows) || !Hash32.TryParseHex(json["root"]?.AsString, out var root))
            {
                return false;
            }

            part = part with { Kind = PartKind.Tree, Root = root, Rows = rows, Rule = rule };
        }

        // Members beyond these, upper-case hex and another kind all show in the comparison with the one spelling.
        return value.SequenceEqual(part.ToValue().ToBytes());
    }
}

/// <summary>Names of tree rules as they stand in a part's value.</summary>
public static class TreeRules
{
    private static readonly string[] All = ["", "line", "row", "field", "mail-part"];

    /// <summary>The name.</summary>
    public static string Name(TreeRule rule) => All[(int)rule];

    internal static bool TryParse(ReadOnlySpan<byte> name, out TreeRule rule)
    {
        rule = name.SequenceEqual("line"u8) ? TreeRule.Line : name.SequenceEqual("row"u8) ? TreeRule.Row : TreeRule.None;
        return rule != TreeRule.None;
    }
}
