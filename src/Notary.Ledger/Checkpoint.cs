using System.Globalization;
using System.Text;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>Why a text is no checkpoint.</summary>
public enum CheckpointProblem
{
    None = 0,

    /// <summary>Fewer than three lines, or the last one does not end in a newline.</summary>
    TooFewLines = 1,

    /// <summary>The origin line is empty.</summary>
    EmptyOrigin = 2,

    /// <summary>The size is no ASCII decimal without leading zeros up to 2^62.</summary>
    BadSize = 3,

    /// <summary>The root is not the canonical base64 of 32 bytes.</summary>
    BadRoot = 4,

    /// <summary>An extension line is empty.</summary>
    EmptyExtension = 5,

    /// <summary>A control character other than newline, or a lone surrogate.</summary>
    BadCharacter = 6,
}

/// <summary>
/// The text of a log's signed head (C2SP tlog-checkpoint): origin, size, root, and opaque extension lines. The bytes that are
/// signed are <see cref="Format"/>'s; what parses formats to the same text.
/// </summary>
public sealed class Checkpoint
{
    /// <exception cref="ArgumentException">The origin or an extension is empty or holds a control character, or the size is out of range.</exception>
    public Checkpoint(string origin, long size, Hash32 root, IReadOnlyList<string>? extensions = null)
    {
        Origin = origin;
        Size = size;
        Root = root;
        Extensions = extensions is null ? [] : [.. extensions];
        if (!IsLine(origin) || Extensions.Any(line => !IsLine(line)))
        {
            throw new ArgumentException("A checkpoint's lines are neither empty nor hold control characters.", nameof(origin));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, TreeEdge.MaxSize);
    }

    public string Origin { get; }

    /// <summary>Number of leaves.</summary>
    public long Size { get; }

    /// <summary>Root of the tree of <see cref="Size"/> leaves.</summary>
    public Hash32 Root { get; }

    /// <summary>Lines after the root, without newlines. Covered by the log's signature, otherwise without meaning.</summary>
    public IReadOnlyList<string> Extensions { get; }

    /// <summary>Parses the text of a note. Nothing says that it was signed.</summary>
    public static CheckpointProblem TryParse(string text, out Checkpoint? checkpoint)
    {
        ArgumentNullException.ThrowIfNull(text);
        checkpoint = null;
        var lines = text.Split('\n');
        if (lines.Length < 4 || lines[^1].Length != 0)
        {
            return CheckpointProblem.TooFewLines;
        }

        if (lines[0].Length == 0)
        {
            return CheckpointProblem.EmptyOrigin;
        }

        if (!Tiles.TryDecimal(lines[1], TreeEdge.MaxSize, out var size))
        {
            return CheckpointProblem.BadSize;
        }

        if (!CanonicalBase64.TryDecodeHash(lines[2], out var root))
        {
            return CheckpointProblem.BadRoot;
        }

        var extensions = lines[3..^1];
        if (extensions.Any(line => line.Length == 0))
        {
            return CheckpointProblem.EmptyExtension;
        }

        if (!IsLine(lines[0]) || !extensions.All(IsLine))
        {
            return CheckpointProblem.BadCharacter;
        }

        checkpoint = new Checkpoint(lines[0], size, root, extensions);
        return CheckpointProblem.None;
    }

    /// <summary>The text to sign.</summary>
    public string Format()
    {
        var text = new StringBuilder();
        text.Append(Origin).Append('\n');
        text.Append(Size.ToString(CultureInfo.InvariantCulture)).Append('\n');
        text.Append(CanonicalBase64.Encode(Root)).Append('\n');
        foreach (var line in Extensions)
        {
            text.Append(line).Append('\n');
        }

        return text.ToString();
    }

    public override string ToString() => Format();

    private static bool IsLine(string line)
    {
        if (string.IsNullOrEmpty(line))
        {
            return false;
        }

        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] < 0x20 || (char.IsSurrogate(line[i]) && (!char.IsHighSurrogate(line[i]) || ++i == line.Length || !char.IsLowSurrogate(line[i]))))
            {
                return false;
            }
        }

        return true;
    }
}
