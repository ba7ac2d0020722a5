using System.Buffers;
using System.Text;

namespace Notary.Evidence;

/// <summary>Why bytes are not JSON of the profile that this project accepts (RFC 8259 narrowed by RFC 7493, I-JSON).</summary>
public enum JsonFault : byte
{
    /// <summary>No fault.</summary>
    None = 0,
    /// <summary>The text ends inside a value.</summary>
    Truncated = 1,
    /// <summary>A byte that the grammar does not allow at this place.</summary>
    UnexpectedByte = 2,
    /// <summary>Bytes follow the value.</summary>
    TrailingBytes = 3,
    /// <summary>More nested arrays and objects than allowed.</summary>
    TooDeep = 4,
    /// <summary>More bytes than allowed.</summary>
    TooLarge = 5,
    /// <summary>Not well-formed UTF-8.</summary>
    NotUtf8 = 6,
    /// <summary>A \u escape of one half of a surrogate pair.</summary>
    LoneSurrogate = 7,
    /// <summary>An escape that RFC 8259 section 7 does not define.</summary>
    BadEscape = 8,
    /// <summary>A raw control character in a string.</summary>
    ControlCharacter = 9,
    /// <summary>A number with a fraction or exponent, or negative zero.</summary>
    NumberNotInteger = 10,
    /// <summary>An integer beyond ±(2^53−1).</summary>
    NumberOutOfRange = 11,
    /// <summary>Two members of one object with the same name.</summary>
    DuplicateName = 12,
    /// <summary>Text that is not in Unicode normalisation form C.</summary>
    NotNormalized = 13,
    /// <summary>Well formed, but not the canonical spelling (RFC 8785).</summary>
    NotCanonical = 14,
    /// <summary>A value of another JSON type than the one asked for.</summary>
    WrongType = 15,
}

/// <summary>Forward reader over UTF-8 bytes that never throws on input: the first fault stays, with its offset, and every later read fails.</summary>
/// <remarks>The caller has checked that the bytes are UTF-8. Strings without escapes are slices of the input; others are decoded once.</remarks>
internal ref struct JsonCursor
{
    /// <summary>The largest integer every JSON implementation carries exactly (RFC 7493 section 2.2).</summary>
    public const long MaxInteger = (1L << 53) - 1;

    private static readonly SearchValues<byte> StringStops = SearchValues.Create(
        [(byte)'"', (byte)'\\', .. Enumerable.Range(0, 0x20).Select(static i => (byte)i)]);

    private readonly ReadOnlySpan<byte> _text;
    private int _at;

    public JsonCursor(ReadOnlySpan<byte> text)
    {
        _text = text;
        _at = 0;
        Fault = JsonFault.None;
        FaultOffset = 0;
    }

    public JsonFault Fault { get; private set; }

    public int FaultOffset { get; private set; }

    public readonly int Position => _at;

    public bool Fail(JsonFault fault, int offset)
    {
        if (Fault == JsonFault.None)
        {
            Fault = fault;
            FaultOffset = offset;
        }

        return false;
    }

    /// <summary>The next byte that is not white space, or 0 at the end.</summary>
    public byte Peek()
    {
        while (_at < _text.Length)
        {
            var c = _text[_at];
            if (c is not ((byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r'))
            {
                return c;
            }

            _at++;
        }

        return 0;
    }

    public bool TryBegin(byte open)
    {
        var c = Peek();
        if (c == open)
        {
            _at++;
            return true;
        }

        return Fail(c == 0 && _at >= _text.Length ? JsonFault.Truncated : IsValueStart(c) ? JsonFault.WrongType : JsonFault.UnexpectedByte, _at);
    }

    /// <summary>Moves to the next member or element; false at the closing byte (consumed) or on a fault.</summary>
    /// <param name="count">Members or elements read so far; the caller's counter.</param>
    public bool TryNext(byte close, ref int count)
    {
        if (Fault != JsonFault.None)
        {
            return false;
        }

        var c = Peek();
        if (c == close)
        {
            _at++;
            return false;
        }

        if (count > 0)
        {
            if (c != (byte)',')
            {
                return Fail(_at >= _text.Length ? JsonFault.Truncated : JsonFault.UnexpectedByte, _at);
            }

            _at++;
            if (Peek() == close)
            {
                return Fail(JsonFault.UnexpectedByte, _at);
            }
        }

        if (_at >= _text.Length)
        {
            return Fail(JsonFault.Truncated, _at);
        }

        count++;
        return true;
    }

    /// <summary>A member's name and the colon behind it.</summary>
    public bool TryName(out ReadOnlySpan<byte> name)
    {
        return TryString(out name) && TryColon();
    }

    /// <summary>The colon between a name and its value.</summary>
    public bool TryColon()
    {
        if (Peek() != (byte)':')
        {
            return Fail(_at >= _text.Length ? JsonFault.Truncated : JsonFault.UnexpectedByte, _at);
        }

        _at++;
        return true;
    }

    /// <summary>A string's UTF-8 bytes, escapes decoded.</summary>
    public bool TryString(out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!TryBegin((byte)'"'))
        {
            return false;
        }

        var rest = _text[_at..];
        var stop = rest.IndexOfAny(StringStops);
        if (stop < 0)
        {
            return Fail(JsonFault.Truncated, _text.Length);
        }

        if (rest[stop] == (byte)'"')
        {
            value = rest[..stop];
            _at += stop + 1;
            return true;
        }

        return TryEscapedString(out value);
    }

    /// <summary>An integer of magnitude at most 2^53−1, in the one spelling JSON has for it.</summary>
    public bool TryInteger(out long value)
    {
        value = 0;
        var first = Peek();
        var start = _at;
        var negative = first == (byte)'-';
        if (negative)
        {
            _at++;
        }

        var digits = 0;
        while (_at < _text.Length && _text[_at] is >= (byte)'0' and <= (byte)'9')
        {
            if (++digits > 16)
            {
                return Fail(JsonFault.NumberOutOfRange, start);
            }

            value = (value * 10) + (_text[_at] - '0');
            _at++;
        }

        if (digits == 0)
        {
            return Fail(_at >= _text.Length ? JsonFault.Truncated : !negative && IsValueStart(first) ? JsonFault.WrongType : JsonFault.UnexpectedByte, _at);
        }

        if (digits > 1 && _text[_at - digits] == (byte)'0')
        {
            return Fail(JsonFault.UnexpectedByte, start);
        }

        if ((_at < _text.Length && _text[_at] is (byte)'.' or (byte)'e' or (byte)'E') || (negative && value == 0))
        {
            return Fail(JsonFault.NumberNotInteger, start);
        }

        if (value > MaxInteger)
        {
            return Fail(JsonFault.NumberOutOfRange, start);
        }

        value = negative ? -value : value;
        return true;
    }

    /// <summary>One of the three literal names, whole.</summary>
    public bool TryLiteral(ReadOnlySpan<byte> literal)
    {
        Peek();
        if (!_text[_at..].StartsWith(literal))
        {
            return Fail(JsonFault.UnexpectedByte, _at);
        }

        _at += literal.Length;
        return true;
    }

    public bool TryEnd()
    {
        if (Fault != JsonFault.None)
        {
            return false;
        }

        Peek();
        return _at == _text.Length || Fail(JsonFault.TrailingBytes, _at);
    }

    private static bool IsValueStart(byte c) =>
        c is (byte)'{' or (byte)'[' or (byte)'"' or (byte)'t' or (byte)'f' or (byte)'n' or (byte)'-' or (>= (byte)'0' and <= (byte)'9');

    private bool TryEscapedString(out ReadOnlySpan<byte> value)
    {
        value = default;
        // A decoded string is never longer than its spelling; the closing quote bounds the spelling.
        var end = EndOfString(_at);
        if (end < 0)
        {
            return Fail(JsonFault.Truncated, _text.Length);
        }

        var decoded = new byte[end - _at];
        var length = 0;
        while (true)
        {
            var rest = _text[_at..];
            var stop = rest.IndexOfAny(StringStops);
            rest[..stop].CopyTo(decoded.AsSpan(length));
            length += stop;
            _at += stop;
            var c = _text[_at];
            if (c == (byte)'"')
            {
                _at++;
                value = decoded.AsSpan(0, length);
                return true;
            }

            if (c != (byte)'\\')
            {
                return Fail(JsonFault.ControlCharacter, _at);
            }

            if (!TryEscape(decoded, ref length))
            {
                return false;
            }
        }
    }

    private readonly int EndOfString(int from)
    {
        while (from < _text.Length)
        {
            var stop = _text[from..].IndexOfAny((byte)'"', (byte)'\\');
            if (stop < 0)
            {
                return -1;
            }

            if (_text[from + stop] == (byte)'"')
            {
                return from + stop;
            }

            from += stop + 2;
        }

        return -1;
    }

    private bool TryEscape(byte[] decoded, ref int length)
    {
        var start = _at;
        var kind = _text[_at + 1];
        _at += 2;
        var simple = kind switch
        {
            (byte)'"' => '"',
            (byte)'\\' => '\\',
            (byte)'/' => '/',
            (byte)'b' => '\b',
            (byte)'f' => '\f',
            (byte)'n' => '\n',
            (byte)'r' => '\r',
            (byte)'t' => '\t',
            _ => '\uffff',
        };
        if (simple != '\uffff')
        {
            decoded[length++] = (byte)simple;
            return true;
        }

        if (kind != (byte)'u' || !TryHex4(out var unit))
        {
            return Fail(JsonFault.BadEscape, start);
        }

        int scalar = unit;
        if (char.IsSurrogate(unit))
        {
            if (!char.IsHighSurrogate(unit) || !_text[_at..].StartsWith("\\u"u8))
            {
                return Fail(JsonFault.LoneSurrogate, start);
            }

            _at += 2;
            if (!TryHex4(out var low) || !char.IsLowSurrogate(low))
            {
                return Fail(JsonFault.LoneSurrogate, start);
            }

            scalar = char.ConvertToUtf32(unit, low);
        }

        length += new Rune(scalar).EncodeToUtf8(decoded.AsSpan(length));
        return true;
    }

    private bool TryHex4(out char unit)
    {
        unit = '\0';
        if (_at + 4 > _text.Length)
        {
            return false;
        }

        var value = 0;
        for (var i = 0; i < 4; i++)
        {
            var digit = HexDigit(_text[_at + i]);
            if (digit < 0)
            {
                return false;
            }

            value = (value << 4) | digit;
        }

        _at += 4;
        unit = (char)value;
        return true;
    }

    private static int HexDigit(byte c) => c switch
    {
        >= (byte)'0' and <= (byte)'9' => c - '0',
        >= (byte)'a' and <= (byte)'f' => c - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => c - 'A' + 10,
        _ => -1,
    };
}
