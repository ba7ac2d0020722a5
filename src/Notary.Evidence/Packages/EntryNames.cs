using System.Globalization;
using System.Text;

namespace Notary.Evidence;

/// <summary>
/// Which names an entry may have, and how a part gets its name. A name in a package becomes a file name on somebody's disk, so
/// it must mean the same on every system and look like what it is: no paths, no devices, no invisible or direction-changing
/// characters, and normalised (NFC), so that two names are the same text only when they are the same bytes.
/// A part whose sealed name is not such a name is called by its index, see <see cref="ForParts"/>; its sealed name is still shown.
/// Rules in words: docs/spec/package.md, "Names".
/// </summary>
public static class EntryNames
{
    public const string Mimetype = "mimetype";
    public const string Leaf = "notary/leaf.json";
    public const string Openings = "notary/openings.json";
    public const string Proof = "notary/proof.txt";
    public const string Anchor = "notary/anchor.json";
    public const string AnchorProof = "notary/anchor-proof.txt";

    /// <summary>UTF-8 bytes of a name; what every common file system takes.</summary>
    public const int MaxNameBytes = 255;

    /// <summary>The media types whose derived names get an ending; every other one is <c>.bin</c>. Frozen: names are derived from it for ever.</summary>
    private static readonly Dictionary<string, string> Endings = new(StringComparer.Ordinal)
    {
        ["application/json"] = ".json",
        ["application/pdf"] = ".pdf",
        ["application/xml"] = ".xml",
        ["application/zip"] = ".zip",
        ["audio/mpeg"] = ".mp3",
        ["image/jpeg"] = ".jpg",
        ["image/png"] = ".png",
        ["message/rfc822"] = ".eml",
        ["text/csv"] = ".csv",
        ["text/plain"] = ".txt",
        ["video/mp4"] = ".mp4",
    };

    /// <summary>
    /// The entry name of every part, by rule: the sealed name where it is safe and no other part's sealed name equals it when case
    /// is ignored; else <c>part-&lt;index&gt;</c> and the ending of its media type. <paramref name="sealedNames"/> is the opened
    /// metadata field <c>files</c> (null: not opened or absent); a part beyond its end has no sealed name.
    /// </summary>
    /// <param name="mediaTypes">Media type of each part, null where the part is withheld.</param>
    public static IReadOnlyList<PartName> ForParts(IReadOnlyList<string>? sealedNames, IReadOnlyList<string?> mediaTypes)
    {
        ArgumentNullException.ThrowIfNull(mediaTypes);
        var names = new PartName[mediaTypes.Count];
        var uses = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var name in sealedNames ?? [])
        {
            var key = CaseKey(name);
            uses[key] = uses.GetValueOrDefault(key) + 1;
        }

        for (var i = 0; i < names.Length; i++)
        {
            var sealedName = sealedNames is not null && i < sealedNames.Count ? sealedNames[i] : null;
            names[i] = sealedName is not null && IsSafe(sealedName) && uses[CaseKey(sealedName)] == 1
                ? new PartName(sealedName, true)
                : new PartName(string.Create(CultureInfo.InvariantCulture, $"part-{i}{EndingOf(mediaTypes[i])}"), false);
        }

        return names;
    }

    /// <summary>Whether a name may stand at the top level of a package as a part's name.</summary>
    public static bool IsSafe(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length > 0 && Encoding.UTF8.GetByteCount(name) <= MaxNameBytes && IsSafeSegment(name) && !IsReserved(name);
    }

    /// <summary>Whether the strict zip reader takes a name at all: a safe name, or two safe segments with one slash between them.</summary>
    internal static bool IsAllowedInZip(string name)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        return slash < 0
            ? IsSafeSegment(name)
            : name.IndexOf('/', slash + 1) < 0 && IsSafeSegment(name[..slash]) && IsSafeSegment(name[(slash + 1)..]);
    }

    /// <summary>
    /// Two names with the same key would be one file on a system that ignores case. Simple mappings; one to a character that <see cref="NameCharacters"/> does not know
    /// is a later Unicode's and not applied, so that the key is the same for ever.
    /// </summary>
    internal static string CaseKey(string name)
    {
        var key = name.ToUpperInvariant();
        if (Ascii.IsValid(key))
        {
            return key;
        }

        var same = new StringBuilder(name.Length);
        foreach (var rune in name.EnumerateRunes())
        {
            var upper = Rune.ToUpperInvariant(rune);
            same.Append(upper.IsAscii || NameCharacters.IsSafe(upper.Value, first: false) ? upper : rune);
        }

        return same.ToString();
    }

    private static string EndingOf(string? mediaType)
    {
        if (mediaType is null)
        {
            return ".bin";
        }

        var end = mediaType.IndexOf(';', StringComparison.Ordinal);
        return Endings.GetValueOrDefault(end < 0 ? mediaType : mediaType[..end].TrimEnd(' '), ".bin");
    }

    private static bool IsReserved(string name)
    {
        var key = CaseKey(name);
        return key is "MIMETYPE" or "META-INF" or "NOTARY" || (key.StartsWith("PART-", StringComparison.Ordinal) && key.Length > 5 && char.IsAsciiDigit(key[5]));
    }

    private static bool IsSafeSegment(string segment)
    {
        if (segment.Length == 0 || segment is "." or ".." || segment[0] == ' ' || segment[^1] is ' ' or '.')
        {
            return false;
        }

        for (var i = 0; i < segment.Length;)
        {
            if (!Rune.TryGetRuneAt(segment, i, out var rune) || !IsSafeCharacter(rune, i == 0))
            {
                return false;
            }

            i += rune.Utf16SequenceLength;
        }

        return !IsDevice(segment) && Normalization.IsNfc(Encoding.UTF8.GetBytes(segment));
    }

    private static bool IsSafeCharacter(Rune rune, bool first)
    {
        if (rune.IsAscii)
        {
            return rune.Value >= 0x20 && rune.Value != 0x7F && !"\"*/:<>?\\|".Contains((char)rune.Value, StringComparison.Ordinal);
        }

        return NameCharacters.IsSafe(rune.Value, first);
    }

    /// <summary>Names that open a device on Windows, with or without an ending, the superscript digits included.</summary>
    private static bool IsDevice(string segment)
    {
        var dot = segment.IndexOf('.', StringComparison.Ordinal);
        var stem = (dot < 0 ? segment : segment[..dot]).TrimEnd(' ').ToUpperInvariant();
        return stem is "CON" or "PRN" or "AUX" or "NUL" or "CONIN$" or "CONOUT$" or "CLOCK$"
            || (stem.Length == 4 && (stem.StartsWith("COM", StringComparison.Ordinal) || stem.StartsWith("LPT", StringComparison.Ordinal))
                && "0123456789\u00B9\u00B2\u00B3".Contains(stem[3], StringComparison.Ordinal));
    }
}

/// <summary>The name of a part in a package, and whether the record seals it (else it is derived from the part's index and media type).</summary>
public readonly record struct PartName(string Name, bool IsSealed);
