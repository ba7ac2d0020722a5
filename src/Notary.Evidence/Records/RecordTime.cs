namespace Notary.Evidence;

/// <summary>The one time format: <c>yyyy-MM-ddTHH:mm:ss.fffZ</c>, 24 ASCII characters, UTC, years 1970 to 9999, no leap second.</summary>
public static class RecordTime
{
    /// <summary>Length of the text in bytes.</summary>
    public const int TextLength = 24;

    /// <summary>The last representable millisecond, 9999-12-31T23:59:59.999Z.</summary>
    public const long MaxMilliseconds = 253402300799999;

    /// <summary>Milliseconds since 1970-01-01T00:00:00Z; what is finer is cut off.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The time lies before 1970.</exception>
    public static long ToMilliseconds(DateTimeOffset time)
    {
        var milliseconds = time.ToUnixTimeMilliseconds();
        ArgumentOutOfRangeException.ThrowIfNegative(milliseconds, nameof(time));
        return milliseconds;
    }

    /// <summary>The time of a number of milliseconds since 1970.</summary>
    public static DateTimeOffset FromMilliseconds(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    /// <summary>The text of a time.</summary>
    public static string Format(long milliseconds) => string.Create(TextLength, milliseconds, static (text, value) =>
    {
        Span<byte> ascii = stackalloc byte[TextLength];
        Write(value, ascii);
        for (var i = 0; i < text.Length; i++)
        {
            text[i] = (char)ascii[i];
        }
    });

    /// <summary>Writes the 24 bytes of a time.</summary>
    /// <param name="milliseconds">Since 1970, 0 to <see cref="MaxMilliseconds"/>.</param>
    /// <param name="text">At least 24 bytes.</param>
    public static void Write(long milliseconds, Span<byte> text)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)milliseconds, (ulong)MaxMilliseconds, nameof(milliseconds));
        var time = DateTime.UnixEpoch.AddTicks(milliseconds * TimeSpan.TicksPerMillisecond);
        time.Deconstruct(out DateOnly date, out TimeOnly clock);
        Digits(text, 0, 4, date.Year);
        text[4] = (byte)'-';
        Digits(text, 5, 2, date.Month);
        text[7] = (byte)'-';
        Digits(text, 8, 2, date.Day);
        text[10] = (byte)'T';
        Digits(text, 11, 2, clock.Hour);
        text[13] = (byte)':';
        Digits(text, 14, 2, clock.Minute);
        text[16] = (byte)':';
        Digits(text, 17, 2, clock.Second);
        text[19] = (byte)'.';
        Digits(text, 20, 3, clock.Millisecond);
        text[23] = (byte)'Z';
    }

    /// <summary>Parses exactly this format; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out long milliseconds)
    {
        milliseconds = 0;
        if (text.Length != TextLength || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != '.' || text[23] != 'Z')
        {
            return false;
        }

        var year = Number(text, 0, 4);
        var month = Number(text, 5, 2);
        var day = Number(text, 8, 2);
        var hour = Number(text, 11, 2);
        var minute = Number(text, 14, 2);
        var second = Number(text, 17, 2);
        var fraction = Number(text, 20, 3);
        if (year < 1970 || month is < 1 or > 12 || day < 1 || hour is < 0 or > 23 || minute is < 0 or > 59 || second is < 0 or > 59 || fraction < 0
            || day > DateTime.DaysInMonth(year, month))
        {
            return false;
        }

        var time = new DateTime(year, month, day, hour, minute, second, fraction, DateTimeKind.Utc);
        milliseconds = (time - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMillisecond;
        return true;
    }

    /// <summary>Parses exactly this format; false for anything else.</summary>
    public static bool TryParse(string text, out long milliseconds)
    {
        Span<byte> ascii = stackalloc byte[TextLength];
        milliseconds = 0;
        if (text.Length != TextLength)
        {
            return false;
        }

        for (var i = 0; i < TextLength; i++)
        {
            ascii[i] = text[i] < 0x80 ? (byte)text[i] : (byte)0;
        }

        return TryParse(ascii, out milliseconds);
    }

    private static void Digits(Span<byte> text, int at, int count, int value)
    {
        for (var i = at + count - 1; i >= at; i--)
        {
            text[i] = (byte)('0' + (value % 10));
            value /= 10;
        }
    }

    private static int Number(ReadOnlySpan<byte> text, int at, int count)
    {
        var value = 0;
        for (var i = at; i < at + count; i++)
        {
            var digit = text[i] - '0';
            if ((uint)digit > 9)
            {
                return -1;
            }

            value = (value * 10) + digit;
        }

        return value;
    }
}
