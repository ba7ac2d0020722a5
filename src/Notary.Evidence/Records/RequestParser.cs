using System.Buffers;
using System.Text.Unicode;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>Parses one line into its row and the batch's arrays. The first problem ends the line.</summary>
internal sealed class RequestParser
{
    private readonly PooledList<PartRow> _parts;
    private readonly PooledList<Slice> _fields;
    private readonly PooledList<byte> _text;
    private readonly ArrayBufferWriter<byte> _scratch = new(256);
    private RequestProblem _problem;
    private int _fileNames;

    public RequestParser(PooledList<PartRow> parts, PooledList<Slice> fields, PooledList<byte> text)
    {
        _parts = parts;
        _fields = fields;
        _text = text;
    }

    public bool TryParse(ReadOnlySpan<byte> line, bool knownUtf8, ref RequestRow row, out RequestProblem problem)
    {
        _problem = default;
        _fileNames = -1;
        row.Sent = -1;
        row.StatementIndex = -1;
        row.PartStart = _parts.Count;
        var good = TryLine(line, knownUtf8, ref row);
        problem = _problem;
        return good;
    }

    private bool TryLine(ReadOnlySpan<byte> line, bool knownUtf8, ref RequestRow row)
    {
        if (line.Length > RequestLimits.MaxLine)
        {
            return Fail(RequestCodes.LineTooLong, $"A request has at most {RequestLimits.MaxLine} bytes.", null);
        }

        if (!knownUtf8 && !Utf8.IsValid(line))
        {
            return Fail(RequestCodes.NotUtf8, "The request is not well-formed UTF-8.", null);
        }

        var cursor = new JsonCursor(line);
        if (cursor.Peek() == 0 && cursor.Position == line.Length)
        {
            return Fail(RequestCodes.EmptyLine, "The line holds no request.", null);
        }

        return (TryMembers(ref cursor, ref row) && cursor.TryEnd() && CheckWhole(in row)) || Fault(in cursor);
    }

    private bool TryMembers(ref JsonCursor cursor, ref RequestRow row)
    {
        if (!cursor.TryBegin((byte)'{'))
        {
            return false;
        }

        var seen = 0;
        var count = 0;
        while (cursor.TryNext((byte)'}', ref count))
        {
            var at = cursor.Position;
            if (!cursor.TryName(out var name))
            {
                return false;
            }

            var member = name switch
            {
                _ when name.SequenceEqual("type"u8) => 0,
                _ when name.SequenceEqual("parts"u8) => 1,
                _ when name.SequenceEqual("metadata"u8) => 2,
                _ when name.SequenceEqual("sent"u8) => 3,
                _ when name.SequenceEqual("previous"u8) => 4,
                _ when name.SequenceEqual("relation"u8) => 5,
                _ when name.SequenceEqual("id"u8) => 6,
                _ when name.SequenceEqual("secret"u8) => 7,
                _ when name.SequenceEqual("statement"u8) => 8,
                _ => -1,
            };
            if (!Once(member, ref seen, at))
            {
                return false;
            }

            var good = member switch
            {
                0 => TryType(ref cursor, ref row),
                1 => TryParts(ref cursor, ref row),
                2 => TryMetadata(ref cursor, ref row),
                3 => TryTime(ref cursor, ref row),
                4 => TryId(ref cursor, out var previous) && Set(row.Previous = previous),
                5 => TryRelation(ref cursor, ref row),
                6 => TryId(ref cursor, out var id) && Set(row.Id = id),
                7 => TryHash(ref cursor, out var secret) && Set(row.Secret = secret),
                _ => TryStatement(ref cursor, ref row),
            };
            if (!good)
            {
                return false;
            }
        }

        if (cursor.Fault != JsonFault.None)
        {
            return false;
        }

        if ((seen & 0b11) != 0b11)
        {
            return Fail(RequestCodes.MissingMember, "A request has the members type and parts.", null);
        }

        return (seen >> 6 & 0b11) is 0 or 0b11 || Fail(RequestCodes.IdWithoutSecret, "The members id and secret come together or not at all.", null);
    }

    // The rules that need more than one member.
    private bool CheckWhole(in RequestRow row)
    {
        if (row.Id == Guid.Empty)
        {
            foreach (ref readonly var part in _parts.Span[row.PartStart..])
            {
                if (part.Kind == PartKind.Tree)
                {
                    return Fail(RequestCodes.TreeNeedsSecret, "A tree part needs the id and secret from which its salts were made.", null);
                }
            }
        }

        return _fileNames < 0 || _fileNames == row.PartCount || Fail(RequestCodes.FilesCount, "The metadata field files names each part once.", null);
    }

    private bool TryType(ref JsonCursor cursor, ref RequestRow row)
    {
        var at = cursor.Position;
        if (!cursor.TryString(out var type))
        {
            return false;
        }

        if (!Grammar.IsName(type))
        {
            return Fail(RequestCodes.TypeInvalid, $"A type has 1 to {Grammar.MaxName} characters of a-z, 0-9, '.', '-' and '_'.", at);
        }

        row.Type = Keep(type);
        return true;
    }

    private bool TryParts(ref JsonCursor cursor, ref RequestRow row)
    {
        var at = cursor.Position;
        if (!cursor.TryBegin((byte)'['))
        {
            return false;
        }

        var count = 0;
        while (cursor.TryNext((byte)']', ref count))
        {
            if (count > RequestLimits.MaxParts)
            {
                return Fail(RequestCodes.TooManyParts, $"A record has at most {RequestLimits.MaxParts} parts.", cursor.Position);
            }

            if (!TryPart(ref cursor))
            {
                return false;
            }
        }

        row.PartCount = count;
        return cursor.Fault == JsonFault.None && (count > 0 || Fail(RequestCodes.NoParts, "A record has at least one part.", at));
    }

    private bool TryPart(ref JsonCursor cursor)
    {
        const int fileMembers = 0b1111, treeMembers = 0b111_0000;
        var start = cursor.Position;
        if (!cursor.TryBegin((byte)'{'))
        {
            return false;
        }

        var part = new PartRow { Kind = PartKind.File };
        var seen = 0;
        var count = 0;
        while (cursor.TryNext((byte)'}', ref count))
        {
            var at = cursor.Position;
            if (!cursor.TryName(out var name))
            {
                return false;
            }

            var member = name switch
            {
                _ when name.SequenceEqual("media"u8) => 0,
                _ when name.SequenceEqual("sha256"u8) => 1,
                _ when name.SequenceEqual("size"u8) => 2,
                _ when name.SequenceEqual("sm3"u8) => 3,
                _ when name.SequenceEqual("root"u8) => 4,
                _ when name.SequenceEqual("rows"u8) => 5,
                _ when name.SequenceEqual("rule"u8) => 6,
                _ when name.SequenceEqual("kind"u8) => 7,
                _ => -1,
            };
            if (!Once(member, ref seen, at))
            {
                return false;
            }

            var good = member switch
            {
                0 => TryMedia(ref cursor, ref part),
                1 => TryHash(ref cursor, out part.Sha256),
                2 => TryCount(ref cursor, 0, out part.Size),
                3 => TryHash(ref cursor, out part.Sm3),
                4 => TryHash(ref cursor, out part.Root),
                5 => TryCount(ref cursor, 1, out part.Rows),
                6 => TryRule(ref cursor, ref part),
                _ => TryPartKind(ref cursor, ref part),
            };
            if (!good)
            {
                return false;
            }
        }

        if (cursor.Fault != JsonFault.None)
        {
            return false;
        }

        if ((seen & fileMembers) != fileMembers)
        {
            return Fail(RequestCodes.MissingMember, "A part has the members media, sha256, size and sm3.", start);
        }

        if ((seen & treeMembers) != (part.Kind == PartKind.Tree ? treeMembers : 0))
        {
            return Fail(RequestCodes.TreeIncomplete, "A part of kind tree, and only such a part, has the members root, rows and rule.", start);
        }

        _parts.Add(part);
        return true;
    }

    private bool TryMedia(ref JsonCursor cursor, ref PartRow part)
    {
        var at = cursor.Position;
        if (!cursor.TryString(out var media))
        {
            return false;
        }

        if (!Grammar.IsMedia(media))
        {
            return Fail(RequestCodes.MediaInvalid, $"A media type is type/subtype without parameters, at most {Grammar.MaxMedia} ASCII characters.", at);
        }

        part.Media = Keep(media);
        return true;
    }

    private bool TryPartKind(ref JsonCursor cursor, ref PartRow part)
    {
        var at = cursor.Position;
        if (!cursor.TryString(out var kind))
        {
            return false;
        }

        part.Kind = kind.SequenceEqual("tree"u8) ? PartKind.Tree : PartKind.File;
        return part.Kind == PartKind.Tree || kind.SequenceEqual("file"u8) || Fail(RequestCodes.PartKindUnknown, "A part is of kind file or tree.", at);
    }

    private bool TryRule(ref JsonCursor cursor, ref PartRow part)
    {
        var at = cursor.Position;
        return cursor.TryString(out var rule)
            && (TreeRules.TryParse(rule, out part.Rule) || Fail(RequestCodes.TreeRuleUnknown, "The rule of a tree is line or row.", at));
    }

    private bool TryMetadata(ref JsonCursor cursor, ref RequestRow row)
    {
        var start = cursor.Position;
        if (!cursor.TryBegin((byte)'{'))
        {
            return false;
        }

        var seen = 0;
        var count = 0;
        var total = 1;
        row.FieldStart = _fields.Count;
        _fields.Extend(MetadataFields.Count).Clear();
        while (cursor.TryNext((byte)'}', ref count))
        {
            var at = cursor.Position;
            if (!cursor.TryName(out var name))
            {
                return false;
            }

            var field = MetadataFields.IndexOf(name);
            if (field < 0)
            {
                return Fail(RequestCodes.MetadataUnknownField, $"Metadata has the {MetadataFields.Count} fields of version 1 and no other.", at);
            }

            if (!Once(field, ref seen, at) || !(field == MetadataFields.FilesIndex ? TryFiles(ref cursor, out var value) : TryText(ref cursor, out value)))
            {
                return false;
            }

            _fields[row.FieldStart + field] = value;
            total += name.Length + value.Length + 4;
            if (total > MetadataFields.MaxTotalBytes)
            {
                return Fail(RequestCodes.MetadataTooLarge, $"Metadata has at most {MetadataFields.MaxTotalBytes} bytes.", at);
            }
        }

        row.FieldMask = (uint)seen;
        row.MetadataLength = total;
        return cursor.Fault == JsonFault.None && (seen != 0 || Fail(RequestCodes.MetadataEmpty, "Metadata has at least one field, or is left out.", start));
    }

    private bool TryText(ref JsonCursor cursor, out Slice value)
    {
        _scratch.ResetWrittenCount();
        var used = 0;
        var good = TryAppendText(ref cursor, ref used, out _);
        value = good ? Keep(_scratch.WrittenSpan) : default;
        return good;
    }

    private bool TryFiles(ref JsonCursor cursor, out Slice value)
    {
        value = default;
        if (!cursor.TryBegin((byte)'['))
        {
            return false;
        }

        _scratch.ResetWrittenCount();
        _scratch.Write("["u8);
        var count = 0;
        var used = 0;
        while (cursor.TryNext((byte)']', ref count))
        {
            if (count > MetadataFields.MaxFiles)
            {
                return Fail(RequestCodes.FilesCount, $"The field files has at most {MetadataFields.MaxFiles} names.", cursor.Position);
            }

            if (count > 1)
            {
                _scratch.Write(","u8);
            }

            var at = cursor.Position;
            if (!TryAppendText(ref cursor, ref used, out var name))
            {
                return false;
            }

            if (!MetadataFields.IsFileName(name))
            {
                return Fail(RequestCodes.FileNameInvalid, "A file name has 1 to 255 bytes, no path and no control character.", at);
            }
        }

        _fileNames = count;
        _scratch.Write("]"u8);
        value = Keep(_scratch.WrittenSpan);
        return cursor.Fault == JsonFault.None;
    }

    private bool TryAppendText(ref JsonCursor cursor, ref int used, out ReadOnlySpan<byte> text)
    {
        var at = cursor.Position;
        if (!cursor.TryString(out text))
        {
            return false;
        }

        used += text.Length;
        if (used > MetadataFields.MaxValueBytes)
        {
            return Fail(RequestCodes.MetadataValueTooLong, $"A field's value has at most {MetadataFields.MaxValueBytes} bytes.", at);
        }

        if (!Normalization.IsNfc(text))
        {
            return Fail(RequestCodes.NotNormalized, "Text is in Unicode normalisation form C.", at);
        }

        CanonicalValue.WriteString(text, _scratch);
        return true;
    }

    private bool TryTime(ref JsonCursor cursor, ref RequestRow row)
    {
        var at = cursor.Position;
        if (!cursor.TryString(out var text))
        {
            return false;
        }

        var good = RecordTime.TryParse(text, out var sent);
        row.Sent = sent;
        return good || Fail(RequestCodes.TimeInvalid, "A time is written yyyy-MM-ddTHH:mm:ss.fffZ, in UTC.", at);
    }

    private bool TryId(ref JsonCursor cursor, out Guid id)
    {
        var at = cursor.Position;
        id = default;
        return cursor.TryString(out var text) && (RecordId.TryParse(text, out id) || Fail(RequestCodes.IdInvalid, "An id is a UUID of version 7 in lower case.", at));
    }

    private bool TryRelation(ref JsonCursor cursor, ref RequestRow row)
    {
        var at = cursor.Position;
        if (!cursor.TryString(out var text))
        {
            return false;
        }

        var good = Relations.TryParse(text, out var relation);
        row.Relation = relation;
        return good || Fail(RequestCodes.RelationUnknown, "A relation is none, operator or interested.", at);
    }

    private bool TryStatement(ref JsonCursor cursor, ref RequestRow row)
    {
        var start = cursor.Position;
        if (!cursor.TryBegin((byte)'{'))
        {
            return false;
        }

        var seen = 0;
        var count = 0;
        while (cursor.TryNext((byte)'}', ref count))
        {
            var at = cursor.Position;
            if (!cursor.TryName(out var name))
            {
                return false;
            }

            var member = name.SequenceEqual("index"u8) ? 0 : name.SequenceEqual("root"u8) ? 1 : name.SequenceEqual("nonce"u8) ? 2 : -1;
            if (!Once(member, ref seen, at))
            {
                return false;
            }

            long index = row.StatementIndex;
            var (root, nonce) = (row.StatementRoot, row.StatementNonce);
            var good = member switch
            {
                0 => TryCount(ref cursor, 0, out index),
                1 => TryHash(ref cursor, out root),
                _ => TryHash(ref cursor, out nonce),
            };
            if (!good)
            {
                return false;
            }

            if (index >= RequestLimits.MaxStatementLines)
            {
                return Fail(RequestCodes.StatementInvalid, $"A statement has at most {RequestLimits.MaxStatementLines} lines.", at);
            }

            row.StatementIndex = (int)index;
            (row.StatementRoot, row.StatementNonce) = (root, nonce);
        }

        return cursor.Fault == JsonFault.None && (seen == 0b111 || Fail(RequestCodes.StatementInvalid, "A statement reference has the members index, nonce and root.", start));
    }

    private bool TryHash(ref JsonCursor cursor, out Hash32 hash)
    {
        var at = cursor.Position;
        hash = default;
        return cursor.TryString(out var text) && (Hex.TryParse(text, out hash) || Fail(RequestCodes.DigestNotHex, "A digest or secret has 64 lower-case hex digits.", at));
    }

    private bool TryCount(ref JsonCursor cursor, long least, out long value)
    {
        var at = cursor.Position;
        return cursor.TryInteger(out value) && (value >= least || Fail(RequestCodes.NumberOutOfRange, $"The number is an integer from {least} to 2^53-1.", at));
    }

    private bool Once(int member, ref int seen, int at)
    {
        if (member < 0)
        {
            return Fail(RequestCodes.UnknownMember, "The format has no member of this name.", at);
        }

        if ((seen & (1 << member)) != 0)
        {
            return Fail(RequestCodes.DuplicateMember, "A member stands twice.", at);
        }

        seen |= 1 << member;
        return true;
    }

    private Slice Keep(ReadOnlySpan<byte> text)
    {
        var slice = new Slice(_text.Count, text.Length);
        text.CopyTo(_text.Extend(text.Length));
        return slice;
    }

    private static bool Set<T>(T value) => value is not null;

    private bool Fail(string code, string message, int? offset)
    {
        _problem = new RequestProblem(code, message, offset);
        return false;
    }

    // A fault of the JSON itself, unless a rule has already spoken.
    private bool Fault(in JsonCursor cursor) => _problem.Code is not null ? false : cursor.Fault switch
    {
        JsonFault.WrongType => Fail(RequestCodes.WrongType, "The value has another JSON type than this member needs.", cursor.FaultOffset),
        JsonFault.NumberNotInteger => Fail(RequestCodes.NumberNotInteger, "A number is an integer without fraction or exponent.", cursor.FaultOffset),
        JsonFault.NumberOutOfRange => Fail(RequestCodes.NumberOutOfRange, "An integer is at most 2^53-1.", cursor.FaultOffset),
        JsonFault.LoneSurrogate => Fail(RequestCodes.LoneSurrogate, "An escape names half of a surrogate pair.", cursor.FaultOffset),
        JsonFault.Truncated => Fail(RequestCodes.JsonSyntax, "The JSON ends too early.", cursor.FaultOffset),
        JsonFault.TrailingBytes => Fail(RequestCodes.JsonSyntax, "Bytes follow the JSON value.", cursor.FaultOffset),
        _ => Fail(RequestCodes.JsonSyntax, "The bytes are not JSON.", cursor.FaultOffset),
    };
}
