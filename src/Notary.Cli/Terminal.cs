using System.Globalization;
using System.Text;

namespace Notary.Cli;

/// <summary>What may be written where. Progress, questions and colours belong to a person at a terminal; anything else gets plain lines.</summary>
internal static class Terminal
{
    /// <summary>Whether a person sees the error stream: progress is shown there.</summary>
    public static bool ShowsProgress => !Console.IsErrorRedirected && !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") is { Length: > 0 } and not "dumb";

    /// <summary>Whether a person can be asked.</summary>
    public static bool CanAsk => !Console.IsInputRedirected && !Console.IsErrorRedirected;

    /// <summary>One line on the error stream that is not a failure.</summary>
    public static void Warn(string code, string sentence) => Console.Error.WriteLine($"notary: warning: {code}: {sentence}");

    /// <summary>Text from a file or a server as it may be shown: a terminal must not obey it, so control and format characters are spelled out.</summary>
    public static string Printable(string text)
    {
        var shown = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool hidden = Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            shown.Append(hidden ? string.Create(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x}}}") : rune.ToString());
        }

        return shown.ToString();
    }

    /// <summary>Asks for a line; null when nobody can be asked or the answer is the end of the input.</summary>
    public static string? Ask(string question)
    {
        if (!CanAsk)
        {
            return null;
        }

        Console.Error.Write(question);
        return Console.ReadLine();
    }

    /// <summary>Asks for a secret without showing it; null when nobody can be asked.</summary>
    public static string? AskSecret(string question)
    {
        if (!CanAsk)
        {
            return null;
        }

        Console.Error.Write(question);
        var secret = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                secret.Length = Math.Max(0, secret.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar))
            {
                secret.Append(key.KeyChar);
            }
        }

        Console.Error.WriteLine();
        return secret.ToString();
    }
}
