using System.Text;

namespace Notary.Evidence;

/// <summary>
/// Whether text is in Unicode normalisation form C (UAX #15), from own tables of Unicode 14: the platform's globalization is invariant so that a
/// bare machine suffices, and <see cref="string.IsNormalized()"/> then answers true to everything.
/// </summary>
/// <remarks>A code point that a later Unicode assigns counts as a starter that neither decomposes nor composes.</remarks>
public static class Normalization
{
    private const int HangulBase = 0xAC00, HangulCount = 11172, LBase = 0x1100, VBase = 0x1161, TBase = 0x11A7, LCount = 19, VCount = 21, TCount = 28;

    private static readonly Dictionary<int, (int First, int Second)> Decompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly HashSet<int> NeverInNfc = [];
    private static readonly HashSet<int> Seconds = [];
    private static readonly Dictionary<int, byte> Classes = [];

    // Of each code point of the basic plane, whether the quick check has to look closer; most text of the world does not.
    private static readonly bool[] Watched = new bool[0x10000];

    static Normalization()
    {
        var rows = NormalizationTables.Decompositions;
        for (var i = 0; i < rows.Length; i += 3)
        {
            Decompositions.Add(rows[i], (rows[i + 1], Math.Abs(rows[i + 2])));
            if (rows[i + 2] <= 0)
            {
                NeverInNfc.Add(rows[i]);
            }
            else
            {
                Compositions.Add((rows[i + 1], rows[i + 2]), rows[i]);
                Seconds.Add(rows[i + 2]);
            }
        }

        var runs = NormalizationTables.CombiningClasses;
        for (var i = 0; i < runs.Length; i += 3)
        {
            for (var c = runs[i]; c <= runs[i + 1]; c++)
            {
                Classes.Add(c, (byte)runs[i + 2]);
            }
        }

        for (var c = 0x300; c < Watched.Length; c++)
        {
            Watched[c] = Classes.ContainsKey(c) || NeverInNfc.Contains(c) || MayCompose(c);
        }
    }

    /// <summary>Whether well-formed UTF-8 equals its normalisation form C.</summary>
    public static bool IsNfc(ReadOnlySpan<byte> utf8)
    {
        if (System.Text.Ascii.IsValid(utf8))
        {
            return true;
        }

        // UAX #15 section 9, quick check: only text with a character that may compose with an earlier one needs the whole algorithm.
        var rest = utf8;
        var last = 0;
        while (!rest.IsEmpty)
        {
            if (rest[0] < 0x80)
            {
                var run = rest.IndexOfAnyExceptInRange((byte)0, (byte)0x7f);
                rest = run < 0 ? default : rest[run..];
                last = 0;
                continue;
            }

            Rune.DecodeFromUtf8(rest, out var rune, out var used);
            rest = rest[used..];
            var c = rune.Value;
            if (c < Watched.Length && !Watched[c])
            {
                last = 0;
                continue;
            }

            var combining = Class(c);
            if (NeverInNfc.Contains(c) || (combining != 0 && last > combining))
            {
                return false;
            }

            if (MayCompose(c))
            {
                return IsNfcInFull(utf8);
            }

            last = combining;
        }

        return true;
    }

    /// <summary>
    /// Text in normalisation form C. For the submitter's side only, before anything is sealed: names of files often come decomposed (macOS). A lone surrogate becomes U+FFFD.
    /// </summary>
    public static string ToNfc(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (System.Text.Ascii.IsValid(text))
        {
            return text;
        }

        var points = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            Decompose(rune.Value, points);
        }

        Reorder(points);
        Compose(points);
        var composed = new StringBuilder(text.Length);
        foreach (var point in points)
        {
            composed.Append(new Rune(point).ToString());
        }

        return composed.ToString();
    }

    private static bool MayCompose(int c) => Seconds.Contains(c) || c is (>= VBase and < VBase + VCount) or (> TBase and < TBase + TCount);

    private static bool IsNfcInFull(ReadOnlySpan<byte> utf8)
    {
        var original = new List<int>(utf8.Length);
        var text = new List<int>(utf8.Length);
        var rest = utf8;
        while (!rest.IsEmpty)
        {
            Rune.DecodeFromUtf8(rest, out var rune, out var used);
            rest = rest[used..];
            original.Add(rune.Value);
            Decompose(rune.Value, text);
        }

        Reorder(text);
        Compose(text);
        return original.SequenceEqual(text);
    }

    private static int Class(int c) => Classes.TryGetValue(c, out var value) ? value : 0;

    private static void Decompose(int c, List<int> text)
    {
        var syllable = c - HangulBase;
        if (syllable is >= 0 and < HangulCount)
        {
            text.Add(LBase + (syllable / (VCount * TCount)));
            text.Add(VBase + (syllable % (VCount * TCount) / TCount));
            if (syllable % TCount != 0)
            {
                text.Add(TBase + (syllable % TCount));
            }
        }
        else if (Decompositions.TryGetValue(c, out var parts))
        {
            Decompose(parts.First, text);
            if (parts.Second != 0)
            {
                Decompose(parts.Second, text);
            }
        }
        else
        {
            text.Add(c);
        }
    }

    // A stable sort of each run of non-starters. Runs come from outside, so the sort must not be quadratic.
    private static void Reorder(List<int> text)
    {
        for (var start = 0; start < text.Count; start++)
        {
            var end = start;
            while (end < text.Count && Class(text[end]) != 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                var sorted = text.GetRange(start, end - start).OrderBy(Class).ToArray();
                for (var i = 0; i < sorted.Length; i++)
                {
                    text[start + i] = sorted[i];
                }
            }

            start = end;
        }
    }

    private static void Compose(List<int> text)
    {
        var length = 0;
        var starter = -1;
        var last = -1;
        foreach (var c in text.ToArray())
        {
            var combining = Class(c);
            if (starter >= 0 && (last < combining || last == -1) && TryPair(text[starter], c, out var composed))
            {
                text[starter] = composed;
                continue;
            }

            if (combining == 0)
            {
                starter = length;
                last = -1;
            }
            else
            {
                last = combining;
            }

            text[length++] = c;
        }

        text.RemoveRange(length, text.Count - length);
    }

    private static bool TryPair(int first, int second, out int composed)
    {
        if (first is >= LBase and < LBase + LCount && second is >= VBase and < VBase + VCount)
        {
            composed = HangulBase + ((((first - LBase) * VCount) + (second - VBase)) * TCount);
            return true;
        }

        var syllable = first - HangulBase;
        if (syllable is >= 0 and < HangulCount && syllable % TCount == 0 && second is > TBase and < TBase + TCount)
        {
            composed = first + (second - TBase);
            return true;
        }

        return Compositions.TryGetValue((first, second), out composed);
    }
}
