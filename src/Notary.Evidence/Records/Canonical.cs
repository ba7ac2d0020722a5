using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Notary.Evidence;

/// <summary>What a parser accepts before it has seen a byte.</summary>
/// <param name="MaxBytes">Length of the whole text in bytes.</param>
/// <param name="MaxDepth">Nested arrays and objects, the outermost counted.</param>
/// <param name="RequireNormalized">Whether strings and names must be in normalisation form C (checked at intake, never in admission).</param>
public readonly record struct CanonicalLimits(int MaxBytes, int MaxDepth, bool RequireNormalized)
{
    /// <summary>A leaf: 16 KiB, depth 8.</summary>
    public static readonly CanonicalLimits Leaf = new(16 * 1024, 8, false);

    /// <summary>A policy document: 12 KiB, depth 8, normalised.</summary>
    public static readonly CanonicalLimits Document = new(12 * 1024, 8, true);
}

/// <summary>The first fault of a text, and the byte offset where it shows.</summary>
public readonly record struct CanonicalCheck(JsonFault Fault, int Offset)
{
    /// <summary>True when there is no fault.</summary>
    public bool Ok => Fault == JsonFault.None;
}

#pragma warning disable CA1720 // Integer, String and Object are JSON's own words here.
/// <summary>The JSON types of the profile.</summary>
public enum CanonicalType : byte
{
    /// <summary>null</summary>
    Null,
    /// <summary>true or false</summary>
    Boolean,
    /// <summary>An integer of magnitude at most 2^53−1.</summary>
    Integer,
    /// <summary>A string.</summary>
    String,
    /// <summary>An array.</summary>
    Array,
    /// <summary>An object.</summary>
    Object,
}

/// <summary>
/// A JSON value of the canonical profile: RFC 8785 (JCS) over I-JSON, narrowed to integers of magnitude at most 2^53−1.
/// Parsing and serialising are twins: the bytes of a canonical text parse to a value that serialises to the same bytes.
/// </summary>
public sealed class CanonicalValue
{
    private static readonly SearchValues<byte> Escaped = SearchValues.Create(
        [(byte)'"', (byte)'\\', .. Enumerable.Range(0, 0x20).Select(static i => (byte)i)]);

    private readonly long _integer;
    private readonly string? _text;
    private readonly CanonicalValue[] _items;
    private readonly string[] _names;

    private CanonicalValue(CanonicalType type, long integer, string? text, CanonicalValue[] items, string[] names)
    {
        Type = type;
        _integer = integer;
        _text = text;
        _items = items;
        _names = names;
    }

    /// <summary>The JSON type.</summary>
    public CanonicalType Type { get; }

    /// <summary>The integer, or null when the value is none.</summary>
    public long? AsInteger => Type == CanonicalType.Integer ? _integer : null;

    /// <summary>The boolean, or null when the value is none.</summary>
    public bool? AsBoolean => Type == CanonicalType.Boolean ? _integer != 0 : null;

    /// <summary>The string, or null when the value is none.</summary>
    public string? AsString => Type == CanonicalType.String ? _text : null;

    /// <summary>Elements of an array or member values of an object, in the order of <see cref="Names"/>; empty otherwise.</summary>
    public IReadOnlyList<CanonicalValue> Items => _items;

    /// <summary>Member names of an object, sorted by UTF-16 code units (RFC 8785 section 3.2.3); empty otherwise.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>The member of that name, or null.</summary>
    public CanonicalValue? this[string name]
    {
        get
        {
            var at = Array.BinarySearch(_names, name, StringComparer.Ordinal);
            return at < 0 ? null : _items[at];
        }
    }

    /// <summary>A string value.</summary>
    public static CanonicalValue Of(string text) => new(CanonicalType.String, 0, text, [], []);

    /// <summary>An integer value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The magnitude exceeds 2^53−1.</exception>
    public static CanonicalValue Of(long integer)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Math.Abs(integer), JsonCursor.MaxInteger, nameof(integer));
        return new CanonicalValue(CanonicalType.Integer, integer, null, [], []);
    }

    /// <summary>A boolean value.</summary>
    public static CanonicalValue Of(bool boolean) => new(CanonicalType.Boolean, boolean ? 1 : 0, null, [], []);

    /// <summary>An array.</summary>
    public static CanonicalValue OfArray(IEnumerable<CanonicalValue> items) => new(CanonicalType.Array, 0, null, [.. items], []);

    /// <summary>An array of strings.</summary>
    public static CanonicalValue OfStrings(IEnumerable<string> items) => OfArray(items.Select(Of));

    /// <summary>An object; a member whose value is null is left out.</summary>
    /// <exception cref="ArgumentException">Two members have one name.</exception>
    public static CanonicalValue OfObject(params IEnumerable<(string Name, CanonicalValue? Value)> members)
    {
        var sorted = new SortedList<string, CanonicalValue>(StringComparer.Ordinal);
        foreach (var (name, value) in members)
        {
            if (value is not null)
            {
                sorted.Add(name, value);
            }
        }

        return new CanonicalValue(CanonicalType.Object, 0, null, [.. sorted.Values], [.. sorted.Keys]);
    }

    /// <summary>Parses a text that need not be canonical: white space and any member order are accepted, everything else of the profile holds.</summary>
    public static CanonicalCheck TryParse(ReadOnlySpan<byte> text, CanonicalLimits limits, out CanonicalValue value)
    {
        value = new CanonicalValue(CanonicalType.Null, 0, null, [], []);
        if (text.Length > limits.MaxBytes)
        {
            return new CanonicalCheck(JsonFault.TooLarge, limits.MaxBytes);
        }

        if (!Utf8.IsValid(text))
        {
            return new CanonicalCheck(JsonFault.NotUtf8, FirstInvalid(text));
        }

        var cursor = new JsonCursor(text);
        var parsed = Parse(ref cursor, limits, 1);
        if (parsed is null || !cursor.TryEnd())
        {
            return new CanonicalCheck(cursor.Fault, cursor.FaultOffset);
        }

        value = parsed;
        return default;
    }

    /// <summary>Parses a text and demands that it equals its own re-serialisation, byte by byte.</summary>
    public static CanonicalCheck TryParseCanonical(ReadOnlySpan<byte> text, CanonicalLimits limits, out CanonicalValue value)
    {
        var check = TryParse(text, limits, out value);
        if (!check.Ok)
        {
            return check;
        }

        var again = value.ToBytes();
        var common = text.CommonPrefixLength(again);
        return common == text.Length && common == again.Length ? default : new CanonicalCheck(JsonFault.NotCanonical, common);
    }

    /// <summary>The RFC 8785 bytes.</summary>
    public byte[] ToBytes()
    {
        var output = new ArrayBufferWriter<byte>(256);
        Write(output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Writes a string as RFC 8785 section 3.2.2.2 spells it, quotes included.</summary>
    /// <param name="text">Well-formed UTF-8.</param>
    /// <param name="output">Receives the bytes.</param>
    public static void WriteString(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        output.Write("\""u8);
        while (true)
        {
            var stop = text.IndexOfAny(Escaped);
            if (stop < 0)
            {
                output.Write(text);
                break;
            }

            output.Write(text[..stop]);
            WriteEscape(text[stop], output);
            text = text[(stop + 1)..];
        }

        output.Write("\""u8);
    }

    private static void WriteEscape(byte c, IBufferWriter<byte> output)
    {
        switch (c)
        {
            case (byte)'"':
                output.Write("\\\""u8);
                break;
            case (byte)'\\':
                output.Write("\\\\"u8);
                break;
            case (byte)'\b':
                output.Write("\\b"u8);
                break;
            case (byte)'\t':
                output.Write("\\t"u8);
                break;
            case (byte)'\n':
                output.Write("\\n"u8);
                break;
            case (byte)'\f':
                output.Write("\\f"u8);
                break;
            case (byte)'\r':
                output.Write("\\r"u8);
                break;
            default:
                output.Write([(byte)'\\', (byte)'u', (byte)'0', (byte)'0', (byte)('0' + (c >> 4)), "0123456789abcdef"u8[c & 15]]);
                break;
        }
    }

    private void Write(ArrayBufferWriter<byte> output)
    {
        switch (Type)
        {
            case CanonicalType.Null:
                output.Write("null"u8);
                break;
            case CanonicalType.Boolean:
                output.Write(_integer != 0 ? "true"u8 : "false"u8);
                break;
            case CanonicalType.Integer:
                output.Write(Encoding.ASCII.GetBytes(_integer.ToString(CultureInfo.InvariantCulture)));
                break;
            case CanonicalType.String:
                WriteString(Encoding.UTF8.GetBytes(_text!), output);
                break;
            case CanonicalType.Array:
            case CanonicalType.Object:
                WriteItems(output);
                break;
            default:
                throw new InvalidOperationException("A canonical value has one of six types.");
        }
    }

    private void WriteItems(ArrayBufferWriter<byte> output)
    {
        var isObject = Type == CanonicalType.Object;
        output.Write(isObject ? "{"u8 : "["u8);
        for (var i = 0; i < _items.Length; i++)
        {
            if (i > 0)
            {
                output.Write(","u8);
            }

            if (isObject)
            {
                WriteString(Encoding.UTF8.GetBytes(_names[i]), output);
                output.Write(":"u8);
            }

            _items[i].Write(output);
        }

        output.Write(isObject ? "}"u8 : "]"u8);
    }

    private static CanonicalValue? Parse(ref JsonCursor cursor, CanonicalLimits limits, int depth)
    {
        switch (cursor.Peek())
        {
            case (byte)'{':
                return ParseObject(ref cursor, limits, depth);
            case (byte)'[':
                return ParseArray(ref cursor, limits, depth);
            case (byte)'"':
                return ParseText(ref cursor, limits, out var text) ? Of(text) : null;
            case (byte)'t':
                return cursor.TryLiteral("true"u8) ? Of(true) : null;
            case (byte)'f':
                return cursor.TryLiteral("false"u8) ? Of(false) : null;
            case (byte)'n':
                return cursor.TryLiteral("null"u8) ? new CanonicalValue(CanonicalType.Null, 0, null, [], []) : null;
            default:
                return cursor.TryInteger(out var integer) ? Of(integer) : null;
        }
    }

    private static CanonicalValue? ParseArray(ref JsonCursor cursor, CanonicalLimits limits, int depth)
    {
        if (depth > limits.MaxDepth)
        {
            cursor.Fail(JsonFault.TooDeep, cursor.Position);
            return null;
        }

        cursor.TryBegin((byte)'[');
        var items = new List<CanonicalValue>();
        var count = 0;
        while (cursor.TryNext((byte)']', ref count))
        {
            if (Parse(ref cursor, limits, depth + 1) is not { } item)
            {
                return null;
            }

            items.Add(item);
        }

        return cursor.Fault == JsonFault.None ? OfArray(items) : null;
    }

    private static CanonicalValue? ParseObject(ref JsonCursor cursor, CanonicalLimits limits, int depth)
    {
        if (depth > limits.MaxDepth)
        {
            cursor.Fail(JsonFault.TooDeep, cursor.Position);
            return null;
        }

        cursor.TryBegin((byte)'{');
        var names = new List<string>();
        var items = new List<CanonicalValue>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var count = 0;
        while (cursor.TryNext((byte)'}', ref count))
        {
            var at = cursor.Position;
            if (!ParseText(ref cursor, limits, out var name))
            {
                return null;
            }

            if (!seen.Add(name))
            {
                cursor.Fail(JsonFault.DuplicateName, at);
                return null;
            }

            if (!cursor.TryColon() || Parse(ref cursor, limits, depth + 1) is not { } item)
            {
                return null;
            }

            names.Add(name);
            items.Add(item);
        }

        if (cursor.Fault != JsonFault.None)
        {
            return null;
        }

        string[] keys = [.. names];
        CanonicalValue[] values = [.. items];
        Array.Sort(keys, values, StringComparer.Ordinal);
        return new CanonicalValue(CanonicalType.Object, 0, null, values, keys);
    }

    private static bool ParseText(ref JsonCursor cursor, CanonicalLimits limits, out string text)
    {
        text = string.Empty;
        var at = cursor.Position;
        if (!cursor.TryString(out var utf8))
        {
            return false;
        }

        if (limits.RequireNormalized && !Normalization.IsNfc(utf8))
        {
            return cursor.Fail(JsonFault.NotNormalized, at);
        }

        text = Encoding.UTF8.GetString(utf8);
        return true;
    }

    private static int FirstInvalid(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (at < text.Length && Rune.DecodeFromUtf8(text[at..], out _, out var used) == OperationStatus.Done)
        {
            at += used;
        }

        return at;
    }
}

/// <summary>The check that every stored leaf must pass: its bytes equal their own re-serialisation (RFC 8785).</summary>
public static class Canonical
{
    /// <summary>Checks bytes against the leaf's limits.</summary>
    public static CanonicalCheck Check(ReadOnlySpan<byte> text) => Check(text, CanonicalLimits.Leaf);

    /// <summary>Checks bytes against given limits.</summary>
    public static CanonicalCheck Check(ReadOnlySpan<byte> text, CanonicalLimits limits) => CanonicalValue.TryParseCanonical(text, limits, out _);
}
