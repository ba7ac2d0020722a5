using System.Text;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>What all records of a request share: who submits, under which key record and policy, and how the caller was authenticated.</summary>
public sealed record SubmitterContext
{
    /// <summary>The account.</summary>
    public required string Account { get; init; }
    /// <summary>Index of the account's key record.</summary>
    public required long Key { get; init; }
    /// <summary>Index of the admission policy in force.</summary>
    public required long Policy { get; init; }
    /// <summary>How the caller was authenticated.</summary>
    public required AuthMethod Auth { get; init; }
    /// <summary>The account's relation, for requests that do not say their own.</summary>
    public Relation Relation { get; init; }
}

/// <summary>
/// N requests made into N leaves together: salts, commitments and field roots through the multi-message hash, the leaves' bytes in one arena with a
/// placeholder for <c>sealed</c>, the items' plaintexts in another. A leaf does not depend on its index, so one may be left out later without a trace.
/// Nothing is allocated per record. Dispose returns and clears the arenas; the request batch may be disposed earlier.
/// </summary>
/// <remarks>Arena of leaves: before each leaf stands the byte 0x00 of RFC 6962 section 2.1, so that leaf hashes need no copy.</remarks>
public sealed class LeafBatch : IDisposable
{
    private readonly PooledList<byte> _leaves;
    private readonly PooledList<Slice> _leafSlices;
    private readonly PooledList<int> _sealedOffsets;
    private readonly PooledList<byte> _plaintexts;
    private readonly PooledList<Slice> _plaintextSlices;
    private readonly PooledList<byte> _rawIds;
    private readonly PooledList<Hash32> _secrets;
    private readonly PooledList<Row> _rows;
    private readonly List<string> _types = [];
    private readonly string _origin;
    private readonly SubmitterContext _submitter;
    private long _sealed;

    internal LeafBatch(string origin, SubmitterContext submitter, int count)
    {
        _origin = origin;
        _submitter = submitter;
        _leaves = new PooledList<byte>(count * 512);
        _leafSlices = new PooledList<Slice>(count);
        _sealedOffsets = new PooledList<int>(count);
        _plaintexts = new PooledList<byte>(count * 160);
        _plaintextSlices = new PooledList<Slice>(count);
        _rawIds = new PooledList<byte>(count * RecordId.Size);
        _secrets = new PooledList<Hash32>(count);
        _rows = new PooledList<Row>(count);
    }

    /// <summary>Number of leaves.</summary>
    public int Count => _leafSlices.Count;

    /// <summary>All leaves, each after its 0x00.</summary>
    public ReadOnlySpan<byte> LeafArena => _leaves.Span;

    /// <summary>Where each leaf lies in <see cref="LeafArena"/>, without its 0x00.</summary>
    public ReadOnlySpan<Slice> LeafSlices => _leafSlices.Span;

    /// <summary>All items' plaintexts.</summary>
    public ReadOnlySpan<byte> PlaintextArena => _plaintexts.Span;

    /// <summary>Where each item's plaintext lies in <see cref="PlaintextArena"/>.</summary>
    public ReadOnlySpan<Slice> Plaintexts => _plaintextSlices.Span;

    /// <summary>Each record's secret: the one given to Build, or the submitter's own.</summary>
    public ReadOnlySpan<Hash32> Secrets => _secrets.Span;

    /// <summary>Each record's raw id, 16 bytes, which is the item box's additional data.</summary>
    public ReadOnlySpan<byte> RawIds => _rawIds.Span;

    /// <summary>
    /// Makes the leaves of all requests that are not refused, in their order. The plaintexts and everything else is copied: the requests may be disposed.
    /// </summary>
    /// <param name="genesis">The chain.</param>
    /// <param name="submitter">What the records share.</param>
    /// <param name="requests">The parsed body.</param>
    /// <param name="ids">A fresh UUIDv7 for each row of <paramref name="requests"/>, refused ones included.</param>
    /// <param name="secrets">32 fresh random bytes for each row.</param>
    /// <param name="received">When each line of <paramref name="requests"/> was received whole; one time stands for all lines.</param>
    public static LeafBatch Build(
        Genesis genesis, SubmitterContext submitter, RequestBatch requests, ReadOnlySpan<Guid> ids, ReadOnlySpan<Hash32> secrets, params ReadOnlySpan<DateTimeOffset> received) =>
        Build(genesis.Suite, genesis.Origin, submitter, requests, ids, secrets, received);

    /// <summary>As above, with the two constants of the chain that matter here.</summary>
    public static LeafBatch Build(
        Suite suite, string origin, SubmitterContext submitter, RequestBatch requests, ReadOnlySpan<Guid> ids, ReadOnlySpan<Hash32> secrets, params ReadOnlySpan<DateTimeOffset> received)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ids.Length, requests.Count, nameof(ids));
        ArgumentOutOfRangeException.ThrowIfLessThan(secrets.Length, requests.Count, nameof(secrets));
        if (!Grammar.IsOrigin(origin) || !Grammar.IsName(submitter.Account) || submitter.Key < 0 || submitter.Policy < 0)
        {
            throw new ArgumentException("Origin, account, key or policy would not pass admission.");
        }

        if (received.Length != 1 && received.Length != requests.LineCount)
        {
            throw new ArgumentException("Give one time for all lines or one for each.", nameof(received));
        }

        var batch = new LeafBatch(origin, submitter, requests.Count);
        for (var row = 0; row < requests.Count; row++)
        {
            ref readonly var request = ref requests.Row(row);
            if (requests.RowOf(request.Line) == row)
            {
                var drawn = request.Id != Guid.Empty;
                var time = RecordTime.ToMilliseconds(received[received.Length == 1 ? 0 : request.Line]);
                batch.AddRow(requests, row, drawn ? request.Id : ids[row], drawn ? request.Secret : secrets[row], time);
            }
        }

        using var commitments = BatchCommitments.Compute(suite, origin, requests, batch);
        for (var i = 0; i < batch._rows.Count; i++)
        {
            batch.WriteLeaf(requests, i, commitments);
            batch.WritePlaintext(requests, i);
        }

        return batch;
    }

    /// <summary>A leaf's bytes.</summary>
    public ReadOnlySpan<byte> Leaf(int i) => _leaves.Span.Slice(_leafSlices[i].Offset, _leafSlices[i].Length);

    /// <summary>Offset in <see cref="LeafArena"/> of the 24 bytes of a leaf's sealed time.</summary>
    public int SealedOffset(int i) => _sealedOffsets[i];

    /// <summary>An item's plaintext.</summary>
    public ReadOnlySpan<byte> ItemPlaintext(int i) => _plaintexts.Span.Slice(_plaintextSlices[i].Offset, _plaintextSlices[i].Length);

    /// <summary>The record's id.</summary>
    public Guid Id(int i) => _rows[i].Id;

    /// <summary>The row of the request batch that a leaf was made of.</summary>
    public int RowOf(int i) => _rows[i].RequestRow;

    /// <summary>The line of the body that a leaf was made of.</summary>
    public int LineOf(int i) => _rows[i].Line;

    /// <summary>When the last of the leaves was received, Unix milliseconds.</summary>
    public long Received { get; private set; }

    /// <summary>Sets the sealed time of all leaves. It is not before <c>received</c>, nor before the chain's last sealed time.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The time lies before the received one.</exception>
    public void Seal(DateTimeOffset time)
    {
        var milliseconds = RecordTime.ToMilliseconds(time);
        ArgumentOutOfRangeException.ThrowIfLessThan(milliseconds, Received, nameof(time));
        Span<byte> text = stackalloc byte[RecordTime.TextLength];
        RecordTime.Write(milliseconds, text);
        foreach (var offset in _sealedOffsets.Span)
        {
            text.CopyTo(_leaves.Span[offset..]);
        }

        _sealed = milliseconds;
    }

    /// <summary>The leaf hashes (RFC 6962: H(0x00 ‖ leaf)) as sealed now.</summary>
    /// <param name="suite">The chain's suite.</param>
    /// <param name="hashes">At least <see cref="Count"/>.</param>
    public void HashLeaves(Suite suite, Span<Hash32> hashes)
    {
        using var prefixed = new PooledList<Slice>(Count);
        foreach (var slice in _leafSlices.Span)
        {
            prefixed.Add(new Slice(slice.Offset - 1, slice.Length + 1));
        }

        suite.HashMany(_leaves.Span, prefixed.Span, hashes[..Count]);
    }

    /// <summary>The facts of a leaf as sealed now: what <see cref="Admission.AdmitForm"/> reads from its bytes.</summary>
    public LeafFacts Facts(int i)
    {
        ref readonly var row = ref _rows[i];
        return new LeafFacts
        {
            Kind = RecordKind.Evidence, Id = row.Id, Chain = _origin, Received = row.Received, Sealed = _sealed, Account = _submitter.Account, Key = _submitter.Key,
            Policy = _submitter.Policy, Type = _types[row.Type], Auth = _submitter.Auth, Relation = row.Relation, PartCount = row.PartCount,
            HasFields = row.HasFields, Sent = row.Sent, Previous = row.Previous, StatementIndex = row.StatementIndex, StatementRoot = row.StatementRoot,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _leaves.Dispose();
        _leafSlices.Dispose();
        _sealedOffsets.Dispose();
        _plaintexts.Dispose();
        _plaintextSlices.Dispose();
        _rawIds.Dispose();
        _secrets.Dispose();
        _rows.Dispose();
    }

    internal int RecordCount => _rows.Count;

    private void AddRow(RequestBatch requests, int requestRow, Guid id, in Hash32 secret, long received)
    {
        Received = Math.Max(Received, received);
        _sealed = Received;
        ref readonly var request = ref requests.Row(requestRow);
        _rows.Add(new Row
        {
            Id = id, Received = received, RequestRow = requestRow, Line = request.Line, PartCount = request.PartCount, HasFields = request.HasMetadata, Sent = request.Sent,
            Previous = request.Previous, StatementIndex = request.StatementIndex, StatementRoot = request.StatementRoot,
            Relation = request.Relation ?? _submitter.Relation, Type = Intern(requests.TypeOf(requestRow)),
        });
        _secrets.Add(secret);
        RecordId.WriteRaw(id, _rawIds.Extend(RecordId.Size));
    }

    // A body has few types; the first few are shared, so that a hostile body costs an allocation a line and not a search.
    private int Intern(ReadOnlySpan<byte> type)
    {
        for (var i = 0; i < Math.Min(_types.Count, 16); i++)
        {
            if (Ascii.Equals(type, _types[i]))
            {
                return i;
            }
        }

        _types.Add(Encoding.ASCII.GetString(type));
        return _types.Count - 1;
    }

    private void WriteLeaf(RequestBatch requests, int i, BatchCommitments commitments)
    {
        ref readonly var row = ref _rows[i];
        var start = _leaves.Count;
        var writer = new LeafWriter(_leaves.Extend(1024 + _origin.Length + _submitter.Account.Length + (Math.Min(row.PartCount, RequestLimits.MaxListedParts) * 68)));
        writer.Byte(0);
        writer.Raw("{\"account\":\""u8);
        writer.Text(_submitter.Account);
        writer.Raw("\",\"auth\":\""u8);
        writer.Text(AuthMethods.Name(_submitter.Auth));
        writer.Raw("\",\"chain\":\""u8);
        writer.Text(_origin);
        if (row.HasFields)
        {
            writer.Raw("\",\"fields\":\""u8);
            writer.Hex(commitments.FieldRoot(i));
        }

        writer.Raw("\",\"id\":\""u8);
        writer.Id(row.Id);
        writer.Raw("\",\"key\":"u8);
        writer.Integer(_submitter.Key);
        writer.Raw(",\"kind\":\"evidence\","u8);
        WriteParts(ref writer, commitments.Parts(i), commitments);
        writer.Raw(",\"policy\":"u8);
        writer.Integer(_submitter.Policy);
        if (row.Previous != Guid.Empty)
        {
            writer.Raw(",\"previous\":\""u8);
            writer.Id(row.Previous);
            writer.Byte((byte)'"');
        }

        writer.Raw(",\"received\":\""u8);
        writer.Time(row.Received);
        writer.Raw("\",\"relation\":\""u8);
        writer.Text(Relations.Name(row.Relation));
        writer.Raw("\",\"sealed\":\""u8);
        _sealedOffsets.Add(start + writer.Length);
        writer.Time(Received);
        if (row.Sent >= 0)
        {
            writer.Raw("\",\"sent\":\""u8);
            writer.Time(row.Sent);
        }

        writer.Byte((byte)'"');
        if (row.StatementIndex >= 0)
        {
            writer.Raw(",\"statement\":{\"index\":"u8);
            writer.Integer(row.StatementIndex);
            writer.Raw(",\"root\":\""u8);
            writer.Hex(row.StatementRoot);
            writer.Raw("\"}"u8);
        }

        writer.Raw(",\"type\":\""u8);
        writer.Raw(requests.TypeOf(row.RequestRow));
        writer.Raw("\",\"v\":1}"u8);
        _leaves.Truncate(start + writer.Length);
        _leafSlices.Add(new Slice(start + 1, writer.Length - 1));
    }

    private static void WriteParts(ref LeafWriter writer, ReadOnlySpan<Hash32> parts, BatchCommitments commitments)
    {
        if (parts.Length > RequestLimits.MaxListedParts)
        {
            writer.Raw("\"partcount\":"u8);
            writer.Integer(parts.Length);
            writer.Raw(",\"partroot\":\""u8);
            writer.Hex(CommitmentTree.Root(commitments.Suite, parts));
            writer.Byte((byte)'"');
            return;
        }

        writer.Raw("\"parts\":["u8);
        for (var p = 0; p < parts.Length; p++)
        {
            writer.Raw(p == 0 ? "\""u8 : ",\""u8);
            writer.Hex(parts[p]);
            writer.Byte((byte)'"');
        }

        writer.Byte((byte)']');
    }

    private void WritePlaintext(RequestBatch requests, int i)
    {
        ref readonly var request = ref requests.Row(_rows[i].RequestRow);
        var start = _plaintexts.Count;
        var parts = requests.Parts.Slice(request.PartStart, request.PartCount);
        var room = _plaintexts.Extend(Notary.Evidence.ItemPlaintext.MaxLength(parts.Length, request.MetadataLength));
        var length = Notary.Evidence.ItemPlaintext.Write(room, requests, request, parts, _rows[i].RequestRow);
        _plaintexts.Truncate(start + length);
        _plaintextSlices.Add(new Slice(start, length));
    }

    private struct Row
    {
        public Guid Id;
        public Guid Previous;
        public Hash32 StatementRoot;
        public long Sent;
        public long Received;
        public int RequestRow;
        public int Line;
        public int PartCount;
        public int StatementIndex;
        public int Type;
        public Relation Relation;
        public bool HasFields;
    }
}
