using System.Globalization;
using System.Text;

namespace Notary.Evidence;

/// <summary>
/// The number humans use: <c>GZ-0001-2345-6789-C</c>: the chain's code (2 to 4 letters), the index in 12 digits in groups of four, and one
/// check character (ISO/IEC 7064:2003 MOD 37,36) over code and digits. It finds every single wrong character and every swap of neighbours.
/// </summary>
public static class RecordNumber
{
    /// <summary>The largest index that 12 digits hold.</summary>
    public const long MaxIndex = 999_999_999_999;

    /// <summary>Longest number, in characters.</summary>
    public const int MaxLength = 21;

    private const int Modulus = 36;
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    /// <summary>Formats a number.</summary>
    /// <param name="code">2 to 4 letters A–Z.</param>
    /// <param name="index">0 to 999,999,999,999.</param>
    /// <exception cref="ArgumentException">The code or the index is outside.</exception>
    public static string Format(string code, long index)
    {
        Span<byte> text = stackalloc byte[MaxLength];
        return Encoding.ASCII.GetString(text[..Write(code, index, text)]);
    }

    /// <summary>Writes a number as ASCII; a batch's answer holds thousands.</summary>
    /// <returns>The bytes written, at most <see cref="MaxLength"/>.</returns>
    /// <exception cref="ArgumentException">The code or the index is outside.</exception>
    public static int Write(string code, long index, Span<byte> destination)
    {
        if (!IsCode(code))
        {
            throw new ArgumentException("A code has 2 to 4 letters A to Z.", nameof(code));
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)index, (ulong)MaxIndex, nameof(index));
        var length = code.Length + 17;
        destination[..length].Fill((byte)'-');
        var product = Modulus;
        for (var i = 0; i < code.Length; i++)
        {
            destination[i] = (byte)code[i];
            product = Step(product, code[i] - 'A' + 10);
        }

        var unit = 100_000_000_000;
        for (var at = code.Length + 1; unit > 0; at++)
        {
            var digit = (int)(index / unit % 10);
            destination[at] = (byte)('0' + digit);
            product = Step(product, digit);
            unit /= 10;
            at += unit is 10_000_000 or 1_000 ? 1 : 0;
        }

        destination[length - 1] = (byte)Alphabet[(Modulus + 1 - product) % Modulus];
        return length;
    }

    /// <summary>Parses a number as <see cref="Format"/> writes it; lower-case letters are accepted, a wrong check character is not.</summary>
    public static bool TryParse(string text, out string code, out long index)
    {
        code = string.Empty;
        index = 0;
        if (text.Length is < 19 or > 21)
        {
            return false;
        }

        var upper = text.ToUpperInvariant();
        var length = upper.IndexOf('-', StringComparison.Ordinal);
        if (length is < 2 or > 4 || upper.Length != length + 17 || !IsCode(upper[..length]))
        {
            return false;
        }

        var rest = upper.AsSpan(length);
        if (rest[0] != '-' || rest[5] != '-' || rest[10] != '-' || rest[15] != '-')
        {
            return false;
        }

        var digits = string.Concat(rest[1..5], rest[6..10], rest[11..15]);
        if (!digits.All(char.IsAsciiDigit) || CheckCharacter(upper[..length] + digits) != rest[16])
        {
            return false;
        }

        code = upper[..length];
        index = long.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
        return true;
    }

    /// <summary>Whether a chain's code has its form: 2 to 4 letters A–Z.</summary>
    public static bool IsCode(string code) => code.Length is >= 2 and <= 4 && !code.AsSpan().ContainsAnyExceptInRange('A', 'Z');

    /// <summary>ISO/IEC 7064 MOD 37,36 (hybrid system, clause 9): P := ((P + a) mod 36, 36 for 0) · 2 mod 37, starting at 36.</summary>
    internal static char CheckCharacter(string text)
    {
        var product = Modulus;
        foreach (var c in text)
        {
            product = Step(product, Alphabet.IndexOf(c, StringComparison.Ordinal));
        }

        return Alphabet[(Modulus + 1 - product) % Modulus];
    }

    private static int Step(int product, int value)
    {
        var sum = (product + value) % Modulus;
        return (sum == 0 ? Modulus : sum) * 2 % (Modulus + 1);
    }
}
