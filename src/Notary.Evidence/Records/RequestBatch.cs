using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>Limits of requests; constants of version 1, each with its code in <see cref="RequestCodes"/>.</summary>
public static class RequestLimits
{
    /// <summary>A body, in bytes.</summary>
    public const int MaxBody = 16 * 1024 * 1024;
    /// <summary>Lines of a body.</summary>
    public const int MaxLines = 10_000;
    /// <summary>One line, in bytes.</summary>
    public const int MaxLine = 512 * 1024;
    /// <summary>Parts of one record.</summary>
    public const int MaxParts = 1_000;
    /// <summary>Parts whose commitments stand in the leaf one by one; more stand as a root.</summary>
    public const int MaxListedParts = 16;
    /// <summary>Lines of a statement.</summary>
    public const int MaxStatementLines = 10_000;
}

/// <summary>One accepted request, as offsets into its batch.</summary>
public struct RequestRow
{
    /// <summary>Line of the body, from 0.</summary>
    public int Line { get; internal set; }
    /// <summary>Index of the first part in the batch.</summary>
    public int PartStart { get; internal set; }
    /// <summary>Number of parts.</summary>
    public int PartCount { get; internal set; }
    /// <summary>Claimed time in milliseconds since 1970, or −1.</summary>
    public long Sent { get; internal set; }
    /// <summary>Id of the previous version, or <see cref="Guid.Empty"/>.</summary>
    public Guid Previous { get; internal set; }
    /// <summary>Id drawn by the submitter, or <see cref="Guid.Empty"/>.</summary>
    public Guid Id { get; internal set; }
    /// <summary>Secret drawn by the submitter; only with <see cref="Id"/>.</summary>
    public Hash32 Secret { get; internal set; }
    /// <summary>The relation, or null for the account's own.</summary>
    public Relation? Relation { get; internal set; }
    /// <summary>Index in the statement, or −1.</summary>
    public int StatementIndex { get; internal set; }
    /// <summary>Root of the statement.</summary>
    public Hash32 StatementRoot { get; internal set; }
    /// <summary>Nonce of the line's hash.</summary>
    public Hash32 StatementNonce { get; internal set; }

    /// <summary>Whether the record has metadata.</summary>
    public readonly bool HasMetadata => FieldMask != 0;

    internal Slice Type { get; set; }
    internal uint FieldMask { get; set; }
    internal int FieldStart { get; set; }
    /// <summary>Bytes of the metadata's canonical values together.</summary>
    public int MetadataLength { get; internal set; }
}

internal struct PartRow
{
    public Hash32 Sm3;
    public Hash32 Sha256;
    public Hash32 Root;
    public long Size;
    public long Rows;
    public Slice Media;
    public PartKind Kind;
    public TreeRule Rule;
}

/// <summary>
/// The requests of one body as arrays of rows: the product's hot path. Every line ends as a row or as a problem; nothing is allocated for a good line
/// beyond the batch's pooled arrays. Dispose returns (and clears) them.
/// </summary>
public sealed class RequestBatch : IDisposable
{
    private readonly PooledList<RequestRow> _rows;
    private readonly PooledList<PartRow> _parts;
    private readonly PooledList<Slice> _fields = new(16);
    private readonly PooledList<byte> _text;
    private readonly PooledList<int> _lines;
    private readonly List<RequestProblem> _problems = [];

    private RequestBatch(int bodyLength)
    {
        var guess = Math.Clamp(bodyLength / 200, 1, RequestLimits.MaxLines);
        _rows = new PooledList<RequestRow>(guess);
        _parts = new PooledList<PartRow>(guess);
        _lines = new PooledList<int>(guess);
        _text = new PooledList<byte>(Math.Max(bodyLength / 4, 256));
    }

    /// <summary>Why the whole body was refused, or null.</summary>
    public RequestProblem? BodyProblem { get; private set; }

    /// <summary>Lines of the body.</summary>
    public int LineCount => _lines.Count;

    /// <summary>Accepted requests.</summary>
    public int Count => _rows.Count;

    /// <summary>Parts of all accepted requests.</summary>
    public int PartTotal => _parts.Count;

    internal ReadOnlySpan<PartRow> Parts => _parts.Span;

    internal ReadOnlySpan<byte> Text => _text.Span;

    internal ReadOnlySpan<Slice> Fields => _fields.Span;

    /// <summary>Parses an NDJSON body: one request a line, lines ended by LF (a CR before it is white space), the last LF optional.</summary>
    public static RequestBatch Parse(ReadOnlyMemory<byte> body) => Parse(body.Span);

    /// <summary>Parses an NDJSON body.</summary>
    public static RequestBatch Parse(ReadOnlySpan<byte> body)
    {
        if (body.Length > RequestLimits.MaxBody)
        {
            return Refused(RequestCodes.BodyTooLarge, $"The body exceeds {RequestLimits.MaxBody} bytes.");
        }

        if (body.Count((byte)'\n') + (body.EndsWith("\n"u8) || body.IsEmpty ? 0 : 1) > RequestLimits.MaxLines)
        {
            return Refused(RequestCodes.TooManyLines, $"The body exceeds {RequestLimits.MaxLines} lines.");
        }

        var batch = new RequestBatch(body.Length);
        var parser = new RequestParser(batch._parts, batch._fields, batch._text);
        var utf8 = Utf8.IsValid(body);
        while (!body.IsEmpty)
        {
            var end = body.IndexOf((byte)'\n');
            var line = end < 0 ? body : body[..end];
            body = end < 0 ? default : body[(end + 1)..];
            batch.AddLine(parser, line, utf8);
        }

        return batch;
    }

    /// <summary>Parses one request; line feeds in it are white space.</summary>
    public static RequestBatch ParseOne(ReadOnlySpan<byte> json)
    {
        var batch = new RequestBatch(Math.Min(json.Length, RequestLimits.MaxLine));
        batch.AddLine(new RequestParser(batch._parts, batch._fields, batch._text), json, false);
        return batch;
    }

    /// <summary>Parses bodies of one request each as the lines of one batch.</summary>
    public static RequestBatch ParseEach(ReadOnlySpan<ReadOnlyMemory<byte>> bodies)
    {
        var length = 0;
        foreach (var body in bodies)
        {
            length = Math.Min(RequestLimits.MaxBody, length + body.Length);
        }

        var batch = new RequestBatch(length);
        var parser = new RequestParser(batch._parts, batch._fields, batch._text);
        foreach (var body in bodies)
        {
            batch.AddLine(parser, body.Span, false);
        }

        return batch;
    }

    /// <summary>The accepted request of a line, or −1 when the line was refused.</summary>
    public int RowOf(int line) => _lines[line] >= 0 ? _lines[line] : -1;

    /// <summary>Why a line was refused, or null.</summary>
    public RequestProblem? ProblemOf(int line) => line >= _lines.Count || _lines[line] >= 0 ? null : _problems[~_lines[line]];

    /// <summary>An accepted request.</summary>
    public ref readonly RequestRow Row(int row) => ref _rows[row];

    /// <summary>Refuses an accepted request after all (a rule of admission, for instance): its line then has the problem. The rows keep their numbers.</summary>
    public void Refuse(int row, RequestProblem problem)
    {
        _problems.Add(problem);
        _lines[_rows[row].Line] = ~(_problems.Count - 1);
    }

    /// <summary>The evidence type of a request, ASCII.</summary>
    public ReadOnlySpan<byte> TypeOf(int row) => Slice(_rows[row].Type);

    /// <summary>A part's digests, for the index.</summary>
    /// <param name="part">Index in the batch, see <see cref="RequestRow.PartStart"/>.</param>
    /// <param name="sm3">SM3 of the part's bytes.</param>
    /// <param name="sha256">SHA-256 of the part's bytes.</param>
    public void Digests(int part, out Hash32 sm3, out Hash32 sha256)
    {
        ref readonly var row = ref _parts[part];
        sm3 = row.Sm3;
        sha256 = row.Sha256;
    }

    /// <summary>A part as an object.</summary>
    /// <param name="part">Index in the batch.</param>
    public EvidencePart ToPart(int part)
    {
        ref readonly var row = ref _parts[part];
        return new EvidencePart(row.Kind, Encoding.ASCII.GetString(Slice(row.Media)), row.Sm3, row.Sha256, row.Size, row.Root, row.Rows, row.Rule);
    }

    /// <summary>A field's canonical value, or empty when the request does not have it.</summary>
    /// <param name="row">The request.</param>
    /// <param name="field">Position in <see cref="MetadataFields.Names"/>.</param>
    public ReadOnlySpan<byte> FieldValue(int row, int field)
    {
        ref readonly var r = ref _rows[row];
        return (r.FieldMask >> field & 1) == 0 ? default : Slice(_fields[r.FieldStart + field]);
    }

    /// <summary>A request as an object.</summary>
    public EvidenceRequest ToRequest(int row)
    {
        ref readonly var r = ref _rows[row];
        Dictionary<string, CanonicalValue>? metadata = null;
        for (var field = 0; r.HasMetadata && field < MetadataFields.Count; field++)
        {
            var value = FieldValue(row, field);
            if (!value.IsEmpty && CanonicalValue.TryParse(value, new CanonicalLimits(MetadataFields.MaxTotalBytes * 2, 2, false), out var parsed).Ok)
            {
                metadata ??= [];
                metadata.Add(MetadataFields.Names[field], parsed);
            }
        }

        var start = r.PartStart;
        return new EvidenceRequest
        {
            Type = Encoding.ASCII.GetString(Slice(r.Type)),
            Parts = [.. Enumerable.Range(start, r.PartCount).Select(ToPart)],
            Metadata = metadata,
            Sent = r.Sent < 0 ? null : RecordTime.FromMilliseconds(r.Sent),
            Previous = r.Previous == Guid.Empty ? null : r.Previous,
            Relation = r.Relation,
            Drawn = r.Id == Guid.Empty ? null : (r.Id, r.Secret),
            Statement = r.StatementIndex < 0 ? null : new StatementReference(r.StatementIndex, r.StatementRoot, r.StatementNonce),
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rows.Dispose();
        _parts.Dispose();
        _fields.Dispose();
        _text.Dispose();
        _lines.Dispose();
    }

    internal ReadOnlySpan<byte> Slice(Slice slice) => _text.Span.Slice(slice.Offset, slice.Length);

    private static RequestBatch Refused(string code, string message) => new(0) { BodyProblem = new RequestProblem(code, message) };

    private void AddLine(RequestParser parser, ReadOnlySpan<byte> line, bool knownUtf8)
    {
        var (parts, fields, text) = (_parts.Count, _fields.Count, _text.Count);
        var row = new RequestRow { Line = _lines.Count };
        if (parser.TryParse(line, knownUtf8, ref row, out var problem))
        {
            _lines.Add(_rows.Count);
            _rows.Add(row);
            return;
        }

        _parts.Truncate(parts);
        _fields.Truncate(fields);
        _text.Truncate(text);
        _problems.Add(problem);
        _lines.Add(~(_problems.Count - 1));
    }
}
