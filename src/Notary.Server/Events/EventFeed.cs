using System.Buffers;
using System.Text.Json;
using Notary.Chain;
using Notary.Chain.Network;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Startup;

namespace Notary.Server.Events;

/// <summary>What a listener is told: the event's type and its JSON, the same in a stream and in a webhook's body.</summary>
internal readonly record struct RecordEvent(string Type, byte[] Json);

/// <summary>The feeds of a platform.</summary>
internal sealed class EventFeeds(Platform platform, TimeProvider time) : IDisposable
{
    private const int LooksAtOnce = 2;

    // Whoever was away for long is caught up on few threads of each chain at once; between two looks the others have their turn, and a database that hangs holds up its own chain alone.
    private readonly Dictionary<string, SemaphoreSlim> _looks = platform.Chains.Keys.ToDictionary(static name => name, static _ => new SemaphoreSlim(LooksAtOnce, LooksAtOnce), StringComparer.Ordinal);
    private readonly AccountTurns _turns = new(time);

    /// <summary>What an account's chain has told so far: a listener that begins here is told what comes, and that what is not final yet becomes so.</summary>
    public EventPosition Now(ChainHost chain)
    {
        (long finalTo, long anchoredTo) = Reached(chain);
        long size = chain.Reader.Size;
        finalTo = Math.Min(finalTo, size);
        return new EventPosition(chain.Name, size, finalTo, Math.Min(anchoredTo, finalTo));
    }

    /// <summary>A feed of the account's records after a position.</summary>
    public EventFeed Open(string account, EventPosition position) => new(this, account, platform.Chains[position.Chain], position);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SemaphoreSlim looks in _looks.Values)
        {
            looks.Dispose();
        }

        _turns.Dispose();
    }

    internal (long Final, long Anchored) Reached(ChainHost chain)
    {
        if (platform.Network.FinalityOf(chain.Name) is not { } finality)
        {
            return (0, 0);
        }

        long finalTo = finality.Newest?.Size ?? 0;
        return (finalTo, chain.Name == TrustFile.MainChain ? finalTo : finality.NewestAnchored?.Final.Size ?? 0);
    }

    internal Finality? FinalityOf(ChainHost chain) => platform.Network.FinalityOf(chain.Name);

    internal Task<(IReadOnlyList<SubmittedRecord> Records, long Until)> LookAsync(ChainHost chain, string account, long from, CancellationToken cancellation) =>
        _turns.LookAsync(account, chain.Name, _looks[chain.Name], () => (chain.Reader.SubmittedBy(account, from, out long until), until), cancellation);
}

/// <summary>
/// Tells one listener, step by step, which records of an account reached which state. Nothing waits in it: each step reads what comes next from the log, when the listener is ready for
/// it, so that a slow one finds more records in an event and costs no more memory. While it tells, it holds the records of one look through the log: 40 bytes each, at most those of one large batch.
/// </summary>
/// <remarks>A record is told sealed before final before anchored, each once on a way without a reconnect. What waits longest for its next state comes first.</remarks>
internal sealed class EventFeed(EventFeeds feeds, string account, ChainHost chain, EventPosition position)
{
    /// <summary>Most records of one event; its JSON stays below 16 KiB.</summary>
    public const int MaxRecords = 100;

    private IReadOnlyList<SubmittedRecord> _seen = [];
    private long _from;
    private long _until;

    /// <summary>How far the listener has been told.</summary>
    public EventPosition Position { get; private set; } = position;

    /// <summary>One step: the next event, or a piece of the log without one.</summary>
    /// <returns>False when there is nothing more at the moment.</returns>
    public async Task<(bool Moved, RecordEvent? Event)> StepAsync(CancellationToken cancellation)
    {
        (long finalTo, long anchoredTo) = feeds.Reached(chain);
        if (Position.Anchored < Math.Min(anchoredTo, Position.Final))
        {
            return await TellAnchoredAsync(Math.Min(anchoredTo, Position.Final), cancellation);
        }

        if (Position.Final < Math.Min(finalTo, Position.Sealed) && feeds.FinalityOf(chain)?.Newest is { } final)
        {
            return await TellAsync("final", Position.Final, Math.Min(final.Size, Position.Sealed), final.AtMs, final.Size, -1, until => Position with { Final = until }, cancellation);
        }

        if (Position.Sealed < chain.Reader.Size)
        {
            return await TellAsync("sealed", Position.Sealed, chain.Reader.Size, null, -1, -1, until => Position with { Sealed = until }, cancellation);
        }

        // A listener that waits holds no batch meanwhile; it is read again for the next state.
        if (_seen.Count > MaxRecords)
        {
            (_seen, _from, _until) = ([], 0, 0);
        }

        return (false, null);
    }

    private async Task<(bool, RecordEvent?)> TellAnchoredAsync(long to, CancellationToken cancellation)
    {
        Finality finality = feeds.FinalityOf(chain)!;
        (FinalCheckpoint? held, long atMs, long mainIndex) = (finality.Newest, finality.Newest?.AtMs ?? 0, -1);
        if (chain.Name != TrustFile.MainChain)
        {
            // The store is asked only for the anchors of the account's own records: there may be thousands between two of them.
            await LookAsync(Position.Anchored, cancellation);
            if (Next(Position.Anchored, Math.Min(_until, to)) is not { } next)
            {
                return await TellAsync("anchored", Position.Anchored, to, atMs, -1, -1, until => Position with { Anchored = until }, cancellation);
            }

            (held, atMs, mainIndex) = finality.AnchorOf(next.Index) is { } anchored ? (anchored.Final, anchored.AtMs, anchored.MainIndex) : (null, 0, -1);
        }

        // A version of the trust file that reached back may have taken the anchor out since.
        return held is null
            ? (false, null)
            : await TellAsync("anchored", Position.Anchored, Math.Min(held.Size, Position.Final), atMs, held.Size, mainIndex, until => Position with { Anchored = until }, cancellation);
    }

    private SubmittedRecord? Next(long from, long until)
    {
        foreach (SubmittedRecord record in _seen)
        {
            if (record.Index >= from)
            {
                return record.Index < until ? record : null;
            }
        }

        return null;
    }

    private async Task LookAsync(long from, CancellationToken cancellation)
    {
        if (from < _from || from >= _until)
        {
            (_seen, _until) = await feeds.LookAsync(chain, account, from, cancellation);
            _from = from;
        }
    }

    private async Task<(bool, RecordEvent?)> TellAsync(string type, long from, long to, long? atMs, long size, long mainIndex, Func<long, EventPosition> move, CancellationToken cancellation)
    {
        await LookAsync(from, cancellation);
        long until = Math.Min(_until, to);
        List<SubmittedRecord> records = [.. _seen.Where(record => record.Index >= from && record.Index < until).Take(MaxRecords + 1)];
        if (records.Count > MaxRecords)
        {
            until = records[MaxRecords].Index;
            records.RemoveAt(MaxRecords);
        }

        if (until <= from)
        {
            return (false, null);
        }

        Position = move(until);
        return (true, records.Count == 0 ? null : new RecordEvent(type, JsonOf(type, atMs ?? records[^1].SealedMs, size, mainIndex, records)));
    }

    private byte[] JsonOf(string type, long atMs, long size, long mainIndex, List<SubmittedRecord> records) => Write(json =>
    {
        json.WriteString("type", type);
        json.WriteString("timestamp", RecordTime.Format(atMs));
        json.WriteString("chain", chain.Name);
        if (size >= 0)
        {
            json.WriteNumber("size", size);
        }

        if (mainIndex >= 0)
        {
            json.WriteNumber("main", mainIndex);
        }

        json.WriteStartArray("records");
        foreach (SubmittedRecord record in records)
        {
            json.WriteStartObject();
            json.WriteString("number", RecordNumber.Format(chain.Genesis.Code, record.Index));
            json.WriteString("id", record.Id.ToString("D"));
            json.WriteNumber("index", record.Index);
            json.WriteString("kind", RecordKinds.Name(record.Kind));
            json.WriteString("sealed", RecordTime.Format(record.SealedMs));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    /// <summary>That the chain has stopped sealing.</summary>
    public static RecordEvent StoppedOf(ChainHost chain, StoppedState stopped, DateTimeOffset now) => new("stopped", Write(json =>
    {
        json.WriteString("type", "stopped");
        json.WriteString("timestamp", RecordTime.Format(now.ToUnixTimeMilliseconds()));
        json.WriteString("chain", chain.Name);
        json.WriteString("reason", Health.HealthEndpoints.ReasonOf(stopped));
        json.WriteString("detail", stopped.Sentence);
    }));

    /// <summary>One JSON object.</summary>
    internal static byte[] Write(Action<Utf8JsonWriter> members)
    {
        var body = new ArrayBufferWriter<byte>(1_024);
        using (var json = new Utf8JsonWriter(body, Json.WriterOptions))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return body.WrittenSpan.ToArray();
    }
}
