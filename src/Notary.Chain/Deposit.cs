using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain;

/// <summary>One request to seal evidence.</summary>
public sealed class Deposit
{
    /// <summary>The raw body: one JSON request, or NDJSON lines. Read only until the deposit's task ends.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>True when the body is one JSON request, which may contain line feeds.</summary>
    public required bool SingleRequest { get; init; }

    /// <summary>The authenticated account.</summary>
    public required string Account { get; init; }

    /// <summary>How it was authenticated.</summary>
    public required AuthMethod Auth { get; init; }

    /// <summary>The account's relation to the platform, for requests that do not say their own.</summary>
    public Relation Relation { get; init; }

    /// <summary>The idempotency key, 1 to 64 printable ASCII characters, or null.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>When the body was received whole.</summary>
    public required DateTimeOffset Received { get; init; }
}

/// <summary>How a deposit ended. Numbers frozen.</summary>
public enum DepositOutcome
{
    /// <summary>Every accepted line is sealed; there may be none.</summary>
    Sealed = 1,

    /// <summary>A request with this key and body was answered before: the same outcomes, perhaps with a newer checkpoint.</summary>
    Replayed = 2,

    /// <summary>A request with this key had another body.</summary>
    IdempotencyConflict = 3,

    /// <summary>Too much waits for the next commit; try again.</summary>
    QueueFull = 4,

    /// <summary>The chain does not append; nothing of the request is sealed.</summary>
    ChainStopped = 5,

    /// <summary>The chain stopped while it committed: whether the request is sealed shows at the next start. Ask again with the same idempotency key.</summary>
    OutcomeUnknown = 6,

    /// <summary>The body as a whole is refused.</summary>
    BodyRefused = 7,

    /// <summary>The account has no key record in force on this chain.</summary>
    NoKey = 8,

    /// <summary>The chain has just started, and too few ledger nodes have said that they hold nothing else; nothing of the request is sealed.</summary>
    FreshnessPending = 9,

    /// <summary>The chain's database does not answer, or failed before the commit; nothing of the request is sealed, and the chain goes on when it is back.</summary>
    DatabaseLost = 10,
}

/// <summary>A refused line.</summary>
/// <param name="Line">Line of the body, from 0.</param>
/// <param name="Code">Stable code.</param>
/// <param name="Detail">What is wrong; never a value from the request.</param>
/// <param name="Admission">True when the chain's policy or state refused it, false when its form is wrong.</param>
public sealed record LineError(int Line, string Code, string Detail, bool Admission);

/// <summary>
/// What a deposit came to. Holds the leaves' buffers until it is disposed.
/// </summary>
public sealed class DepositResult : IDisposable
{
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _proof;

    private readonly Genesis? _genesis;
    private EvidenceLeaves? _leaves;
    private readonly int[] _sealedLeaves;
    private readonly SealedBatch? _batch;
    private readonly ChainReader? _reader;
    private readonly Dictionary<int, LineError> _errors;

    private DepositResult(
        DepositOutcome outcome, int lines, long first, int count, Dictionary<int, LineError> errors, Genesis? genesis = null, EvidenceLeaves? leaves = null, int[]? sealedLeaves = null, SealedBatch? batch = null, ChainReader? reader = null)
    {
        Outcome = outcome;
        Lines = lines;
        First = first;
        Count = count;
        _errors = errors;
        _genesis = genesis;
        _leaves = leaves;
        _sealedLeaves = sealedLeaves ?? [];
        _batch = batch;
        _reader = reader;
    }

    /// <summary>The ending.</summary>
    public DepositOutcome Outcome { get; }

    /// <summary>Lines of the body.</summary>
    public int Lines { get; }

    /// <summary>Index of the first sealed line; the others follow it without a gap.</summary>
    public long First { get; }

    /// <summary>Sealed lines.</summary>
    public int Count { get; }

    /// <summary>Why the whole body was refused, with <see cref="DepositOutcome.BodyRefused"/>.</summary>
    public RequestProblem? BodyProblem { get; private init; }

    /// <summary>Why a line was refused; null when it is sealed.</summary>
    public LineError? ErrorOf(int line) => _errors.GetValueOrDefault(line);

    internal static DepositResult Of(DepositOutcome outcome) => new(outcome, 0, 0, 0, []);

    internal static DepositResult Sealed(Genesis genesis, DepositRequest request, SealedBatch batch, ChainReader reader) => new(
        DepositOutcome.Sealed, request.Lines, request.First, request.Admitted, request.Errors, genesis, (EvidenceLeaves)request.Leaves!, request.SealedLeaves(), batch, reader);

    internal static DepositResult Refused(Genesis genesis, DepositRequest request, ChainReader reader)
        => new(request.Ended!.Value, request.Lines, 0, 0, request.Errors, genesis, reader: reader) { BodyProblem = request.BodyProblem };

    internal static DepositResult Replayed(Genesis genesis, Store.AnsweredRequest row, ChainReader reader)
    {
        var errors = Outcomes.Read(row.Outcomes, out var lines);
        return new(DepositOutcome.Replayed, lines, row.First, row.Count, errors, genesis, reader: reader);
    }

    /// <summary>Index of a sealed leaf.</summary>
    /// <param name="sealedLine">0 to <see cref="Count"/> − 1.</param>
    public long IndexOf(int sealedLine) => First + sealedLine;

    /// <summary>The receipt of a sealed line, with its own inclusion proof.</summary>
    public Receipt ReceiptOf(int sealedLine)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)sealedLine, (uint)Count);
        var index = IndexOf(sealedLine);
        if (_leaves is null)
        {
            return _reader!.Receipt(index) ?? throw new InvalidOperationException($"The record at index {index} has no receipt any more.");
        }

        var leaf = _sealedLeaves[sealedLine];
        var proof = new ArrayBufferWriter<byte>(2_048);
        WriteProof(proof, index);
        return new Receipt
        {
            Number = RecordNumber.Format(_genesis!.Code, index),
            LeafJson = Encoding.UTF8.GetString(_leaves.Leaf(leaf)),
            Secret = _leaves.Batch.Secrets[leaf],
            Proof = Encoding.UTF8.GetString(proof.WrittenSpan),
        };
    }

    /// <summary>The number of the record that a single request became.</summary>
    public string Number => RecordNumber.Format(_genesis!.Code, First);

    /// <summary>
    /// The answer to a single request: <c>{"id","index","leaf","number","proof","secret","state","v":1}</c>, which is a receipt, with the member <c>anchor</c> where there is one.
    /// </summary>
    /// <param name="output">Gets the answer.</param>
    /// <param name="reached">The proof in the state that the record has reached; null: sealed, with its own proof.</param>
    /// <returns>False when it was sealed, and what opens the record has been erased since.</returns>
    public bool TryWriteSingle(IBufferWriter<byte> output, Network.RecordProof? reached = null)
    {
        if (reached is not null)
        {
            return TryWriteReached(output, reached);
        }

        if (_leaves is not null)
        {
            var proof = _proof ??= new ArrayBufferWriter<byte>(2_048);
            proof.ResetWrittenCount();
            WriteProof(proof, First);
            WriteSingle(output, _leaves.Leaf(_sealedLeaves[0]), proof.WrittenSpan, _leaves.Batch.Secrets[_sealedLeaves[0]]);
            return true;
        }

        if (_reader!.Receipt(First) is not { } receipt)
        {
            return false;
        }

        WriteSingle(output, receipt.LeafBytes, Encoding.UTF8.GetBytes(receipt.Proof), receipt.Secret);
        return true;
    }

    /// <summary>
    /// The answer to a batch: a line for each line of the body in order, <c>{"line","leaf","number","secret"}</c> or <c>{"error":{"code","detail"},"line"}</c>, and at last
    /// <c>{"checkpoint":note,"range":{"count","first","proof":[base64…],"size"}}</c> when anything was sealed, or <c>{"checkpoint":note}</c>.
    /// </summary>
    public void WriteNdjson(IBufferWriter<byte> output)
    {
        var stored = _leaves is null && Count > 0 ? _reader!.Entries(First, Count) : [];
        var sealedLine = 0;
        for (var line = 0; line < Lines; line++)
        {
            if (_errors.TryGetValue(line, out var error))
            {
                WriteError(output, error);
            }
            else
            {
                WriteSealed(output, line, sealedLine++, stored);
            }
        }

        var head = _batch?.Head ?? _reader!.Head;
        using var writer = new Utf8JsonWriter(output, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        writer.WriteStartObject();
        writer.WriteString("checkpoint", head.Note.Span);
        if (Count > 0)
        {
            var proof = _batch?.Prover is { } prover ? prover.Range(First, Count) : _reader!.InclusionHashes(First, Count, head.Size);
            writer.WriteStartObject("range");
            writer.WriteNumber("count", Count);
            writer.WriteNumber("first", First);
            writer.WriteStartArray("proof");
            foreach (var hash in proof)
            {
                writer.WriteBase64StringValue(hash.AsSpan());
            }

            writer.WriteEndArray();
            writer.WriteNumber("size", head.Size);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.Flush();
        output.Write("\n"u8);
    }

    private bool TryWriteReached(IBufferWriter<byte> output, Network.RecordProof reached)
    {
        if (_reader!.Receipt(First, reached.Proof, reached.Anchor) is not { } receipt)
        {
            return false;
        }

        var id = CanonicalValue.TryParseCanonical(receipt.LeafBytes, CanonicalLimits.Leaf, out var leaf).Ok ? leaf["id"] : null;
        output.Write(CanonicalValue.OfObject([.. receipt.ToMembers(), ("id", id), ("index", CanonicalValue.Of(First)), ("state", CanonicalValue.Of(TrustNames.Of(reached.State)))]).ToBytes());
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => Interlocked.Exchange(ref _leaves, null)?.Dispose();

    private void WriteProof(IBufferWriter<byte> output, long index)
        => TlogProof.Write(output, _genesis!.Suite, index, _batch!.Prover!.Inclusion(index), _batch.Head.Note.Span);

    private void WriteSingle(IBufferWriter<byte> output, ReadOnlySpan<byte> leaf, ReadOnlySpan<byte> proof, in Hash32 secret)
    {
        // The leaf is canonical: quotes inside its strings are escaped, so the first ,"id":" is the member.
        var id = leaf.Slice(leaf.IndexOf(",\"id\":\""u8) + 7, 36);
        output.Write("{\"id\":\""u8);
        output.Write(id);
        output.Write("\",\"index\":"u8);
        Utf8Formatter.TryFormat(First, output.GetSpan(20), out var written);
        output.Advance(written);
        output.Write(",\"leaf\":"u8);
        CanonicalValue.WriteString(leaf, output);
        output.Write(",\"number\":\""u8);
        output.Advance(RecordNumber.Write(_genesis!.Code, First, output.GetSpan(RecordNumber.MaxLength)));
        output.Write("\",\"proof\":"u8);
        CanonicalValue.WriteString(proof, output);
        output.Write(",\"secret\":\""u8);
        Convert.TryToHexStringLower(secret.AsSpan(), output.GetSpan(2 * Hash32.Size), out written);
        output.Advance(written);
        output.Write("\",\"state\":\"sealed\",\"v\":1}"u8);
    }

    private void WriteSealed(IBufferWriter<byte> output, int line, int sealedLine, IReadOnlyList<byte[]> stored)
    {
        var index = IndexOf(sealedLine);
        ReadOnlySpan<byte> leaf;
        Hash32 secret;
        if (_leaves is not null)
        {
            leaf = _leaves.Leaf(_sealedLeaves[sealedLine]);
            secret = _leaves.Batch.Secrets[_sealedLeaves[sealedLine]];
        }
        else
        {
            leaf = sealedLine < stored.Count ? stored[sealedLine] : throw new InvalidOperationException($"The leaf at index {index} is gone.");
            // An erased item leaves the record without its secret: the replay says so by leaving it out.
            secret = _reader!.OpenItem(index, leaf)?.Secret ?? default;
        }

        var span = output.GetSpan(leaf.Length + 192);
        var used = 0;
        used += Put(span[used..], "{\"leaf\":"u8);
        used += Put(span[used..], leaf);
        used += Put(span[used..], ",\"line\":"u8);
        Utf8Formatter.TryFormat(line, span[used..], out var digits);
        used += digits;
        used += Put(span[used..], ",\"number\":\""u8);
        used += RecordNumber.Write(_genesis!.Code, index, span[used..]);
        if (!secret.IsZero)
        {
            used += Put(span[used..], "\",\"secret\":\""u8);
            Convert.TryToHexStringLower(secret.AsSpan(), span[used..], out var written);
            used += written;
        }

        used += Put(span[used..], "\"}\n"u8);
        output.Advance(used);
    }

    private static void WriteError(IBufferWriter<byte> output, LineError error)
    {
        using var writer = new Utf8JsonWriter(output);
        writer.WriteStartObject();
        writer.WriteStartObject("error");
        writer.WriteString("code", error.Code);
        writer.WriteString("detail", error.Detail);
        writer.WriteEndObject();
        writer.WriteNumber("line", error.Line);
        writer.WriteEndObject();
        writer.Flush();
        output.Write("\n"u8);
    }

    private static int Put(Span<byte> destination, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(destination);
        return bytes.Length;
    }

    /// <summary>The refused lines of a request, as remembered with its idempotency key: <c>{"errors":[…],"lines":n}</c>.</summary>
    internal static class Outcomes
    {
        private static readonly byte[] OneGoodLine = Format(1, []);

        public static byte[] Write(int lines, Dictionary<int, LineError> errors)
            => lines == 1 && errors.Count == 0 ? OneGoodLine : Format(lines, errors);

        private static byte[] Format(int lines, Dictionary<int, LineError> errors)
            => JsonSerializer.SerializeToUtf8Bytes(new Stored(lines, [.. errors.Values.OrderBy(e => e.Line)]));

        public static Dictionary<int, LineError> Read(ReadOnlySpan<byte> bytes, out int lines)
        {
            var stored = JsonSerializer.Deserialize<Stored>(bytes)!;
            lines = stored.Lines;
            return stored.Errors.ToDictionary(e => e.Line);
        }

        private sealed record Stored(int Lines, LineError[] Errors);
    }
}
