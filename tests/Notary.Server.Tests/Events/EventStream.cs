using System.Net.ServerSentEvents;
using System.Text.Json;

namespace Notary.Server.Tests.Events;

/// <summary>One event as a client sees it.</summary>
internal sealed record Told(string Type, string Id, JsonElement Json)
{
    public IReadOnlyList<JsonElement> Records => [.. Json.GetProperty("records").EnumerateArray()];

    public IEnumerable<long> Indexes => Records.Select(r => r.GetProperty("index").GetInt64());
}

/// <summary>A client of <c>/api/events</c>, over the base library's parser.</summary>
internal sealed class EventStream : IAsyncDisposable
{
    private readonly HttpResponseMessage _answer;
    private readonly SseParser<string> _parser;
    private readonly IAsyncEnumerator<SseItem<string>> _events;

    private EventStream(HttpResponseMessage answer, Stream body)
    {
        _answer = answer;
        _parser = SseParser.Create(body);
        _events = _parser.EnumerateAsync().GetAsyncEnumerator();
    }

    public string LastId => _parser.LastEventId;

    public static async Task<HttpResponseMessage> AskAsync(HttpClient client, string? lastId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/events");
        if (lastId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastId);
        }

        return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public static async Task<EventStream> OpenAsync(HttpClient client, string? lastId = null)
    {
        HttpResponseMessage answer = await AskAsync(client, lastId);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.ToString());
        Assert.True(answer.Headers.CacheControl?.NoStore);
        return new EventStream(answer, await answer.Content.ReadAsStreamAsync());
    }

    /// <summary>The next event; null at a clean end of the stream.</summary>
    public async Task<Told?> NextAsync(int seconds = 30)
    {
        if (!await _events.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(seconds)))
        {
            return null;
        }

        SseItem<string> item = _events.Current;
        JsonElement json = JsonDocument.Parse(item.Data).RootElement;
        Assert.Equal(item.EventType, json.GetProperty("type").GetString());
        return new Told(item.EventType, _parser.LastEventId, json);
    }

    /// <summary>Reads until those records of that state were told, and gives everything that was read.</summary>
    public async Task<List<Told>> UntilAsync(string type, params long[] indexes)
    {
        var read = new List<Told>();
        var open = indexes.ToHashSet();
        while (open.Count > 0)
        {
            Told told = await NextAsync() ?? throw new InvalidOperationException("The stream ended.");
            read.Add(told);
            if (told.Type == type)
            {
                open.ExceptWith(told.Indexes);
            }
        }

        return read;
    }

    public ValueTask DisposeAsync()
    {
        // Without waiting for a read that is under way: the connection goes.
        _answer.Dispose();
        return ValueTask.CompletedTask;
    }
}
