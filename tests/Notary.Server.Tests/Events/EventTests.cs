using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Events;

/// <summary>States of an account's records as a stream: complete, in order, resumed without loss, nobody else's, bounded.</summary>
public sealed class EventTests(NetworkServer server) : IClassFixture<NetworkServer>
{
    private static readonly string[] States = ["sealed", "final", "anchored"];

    private static int _content = 1_000_000;

    private async Task<JsonElement> DepositAsync(HttpClient? client = null, string query = "")
    {
        using HttpResponseMessage answer = await (client ?? server.Hainan).PostAsync("/api/evidence" + query, ServerFixture.Json(ServerFixture.RequestOf(Interlocked.Increment(ref _content))));
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.Created, body);
        return JsonDocument.Parse(body).RootElement;
    }

    private async Task<long[]> BatchAsync(int count)
    {
        int first = Interlocked.Add(ref _content, count) - count;
        using HttpResponseMessage answer = await server.Hainan.PostAsync("/api/evidence/batch", ServerFixture.Lines([.. Enumerable.Range(first, count).Select(i => ServerFixture.RequestOf(i))]));
        string[] lines = (await answer.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(count + 1, lines.Length);
        JsonElement range = JsonDocument.Parse(lines[^1]).RootElement.GetProperty("range");
        long start = range.GetProperty("first").GetInt64();
        return [.. Enumerable.Range(0, count).Select(i => start + i)];
    }

    [Fact]
    public async Task A_record_is_told_sealed_then_final_then_anchored_with_what_stands_behind_each()
    {
        await using EventStream stream = await EventStream.OpenAsync(server.Hainan);
        JsonElement record = await DepositAsync();
        long index = record.GetProperty("index").GetInt64();
        List<Told> told = [.. (await stream.UntilAsync("anchored", index)).Where(t => t.Indexes.Contains(index))];
        Assert.Equal(States, told.Select(t => t.Type));
        foreach (Told one in told)
        {
            JsonElement shown = one.Records.Single(r => r.GetProperty("index").GetInt64() == index);
            Assert.Equal(record.GetProperty("number").GetString(), shown.GetProperty("number").GetString());
            Assert.Equal(record.GetProperty("id").GetString(), shown.GetProperty("id").GetString());
            Assert.Equal("evidence", shown.GetProperty("kind").GetString());
            Assert.Equal(JsonDocument.Parse(record.GetProperty("leaf").GetString()!).RootElement.GetProperty("sealed").GetString(), shown.GetProperty("sealed").GetString());
            Assert.Equal("hainan", one.Json.GetProperty("chain").GetString());
        }

        // Frozen: members are added, never changed.
        Assert.Equal(["type", "timestamp", "chain", "records"], told[0].Json.EnumerateObject().Select(m => m.Name));
        Assert.Equal(["type", "timestamp", "chain", "size", "records"], told[1].Json.EnumerateObject().Select(m => m.Name));
        Assert.Equal(["type", "timestamp", "chain", "size", "main", "records"], told[2].Json.EnumerateObject().Select(m => m.Name));
        Assert.Equal(["number", "id", "index", "kind", "sealed"], told[0].Records[0].EnumerateObject().Select(m => m.Name));
        Assert.True(told[1].Json.GetProperty("size").GetInt64() > index);
        Assert.True(string.CompareOrdinal(told[0].Json.GetProperty("timestamp").GetString(), told[2].Json.GetProperty("timestamp").GetString()) <= 0);
        JsonElement shownByName = JsonDocument.Parse(await server.Hainan.GetStringAsync($"/api/evidence/{record.GetProperty("number").GetString()}")).RootElement;
        Assert.Equal("anchored", shownByName.GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_batch_is_told_in_events_of_at_most_a_hundred_records_each_of_them_once_a_state()
    {
        await using EventStream stream = await EventStream.OpenAsync(server.Hainan);
        long[] batch = await BatchAsync(350);
        List<Told> told = await stream.UntilAsync("anchored", batch);
        Assert.All(told, t => Assert.InRange(t.Records.Count, 1, 100));
        Assert.All(told, t => Assert.True(Encoding.UTF8.GetByteCount(t.Json.GetRawText()) < 16 * 1024));
        foreach (string state in States)
        {
            Assert.Equal(batch, told.Where(t => t.Type == state).SelectMany(t => t.Indexes).Where(batch.Contains));
        }
    }

    [Fact]
    public async Task Nothing_is_lost_or_told_twice_over_reconnects_and_a_restart_of_the_server()
    {
        var read = new List<Told>();
        var deposited = new List<long>();
        EventStream stream = await EventStream.OpenAsync(server.Hainan);
        string lastId = "";

        // Three times: deposit, read a piece, go away in the middle, deposit while nobody listens.
        for (int turn = 0; turn < 3; turn++)
        {
            deposited.AddRange(await BatchAsync(150));
            Told first = (await stream.NextAsync())!;
            read.Add(first);
            lastId = first.Id;
            await stream.DisposeAsync();
            deposited.Add((await DepositAsync()).GetProperty("index").GetInt64());
            stream = await EventStream.OpenAsync(server.Hainan, lastId);
        }

        // A stop ends the stream as a whole answer, also while much waits to be told.
        deposited.AddRange(await BatchAsync(3_000));
        read.Add((await stream.NextAsync())!);
        Task stopped = server.StopAsync();
        while (await stream.NextAsync() is { } more)
        {
            read.Add(more);
        }

        lastId = stream.LastId;
        await stream.DisposeAsync();
        await stopped;
        await server.StartAsync();
        deposited.Add((await DepositAsync()).GetProperty("index").GetInt64());
        await using EventStream again = await EventStream.OpenAsync(server.Hainan, lastId);
        HashSet<long> anchored = [.. read.Where(t => t.Type == "anchored").SelectMany(t => t.Indexes)];
        read.AddRange(await again.UntilAsync("anchored", [.. deposited.Where(i => !anchored.Contains(i))]));
        foreach (string state in States)
        {
            Assert.Equal(deposited.Order(), read.Where(t => t.Type == state).SelectMany(t => t.Indexes).Where(deposited.Contains));
        }
    }

    [Fact]
    public async Task Nobody_sees_anothers_records_and_an_idle_stream_still_moves_on()
    {
        using HttpResponseMessage anonymous = await EventStream.AskAsync(server.Anyone);
        await ServerFixture.ProblemAsync(anonymous, "unauthenticated");

        using HttpResponseMessage answer = await EventStream.AskAsync(server.Neighbour);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        await using EventStream own = await EventStream.OpenAsync(server.Hainan);
        await using EventStream beijing = await EventStream.OpenAsync(server.Beijing);
        long index = (await DepositAsync()).GetProperty("index").GetInt64();
        long other = (await DepositAsync(server.Beijing)).GetProperty("index").GetInt64();
        Assert.All(await own.UntilAsync("anchored", index), t => Assert.Equal("hainan", t.Json.GetProperty("chain").GetString()));
        Assert.All(await beijing.UntilAsync("anchored", other), t => Assert.Equal("beijing", t.Json.GetProperty("chain").GetString()));

        // The neighbour on the same chain: a heartbeat, whose id has passed the record, and not one line of data.
        var lines = new List<string>();
        while (lines.Count(l => l.StartsWith("id: ", StringComparison.Ordinal)) < 2)
        {
            lines.Add(await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30)) ?? throw new InvalidOperationException("The stream ended."));
        }

        Assert.DoesNotContain(lines, l => l.StartsWith("data:", StringComparison.Ordinal) || l.StartsWith("event:", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith(": ", StringComparison.Ordinal));
        string[] moved = lines.Last(l => l.StartsWith("id: ", StringComparison.Ordinal))["id: ".Length..].Split(':');
        Assert.Equal("hainan", moved[0]);
        Assert.All(moved[1..], size => Assert.True(long.Parse(size, System.Globalization.CultureInfo.InvariantCulture) > index));
    }

    [Fact]
    public async Task A_record_is_told_with_the_first_anchored_checkpoint_that_holds_it_also_by_a_listener_that_comes_late()
    {
        var indexes = new List<long>();
        for (int i = 0; i < 4; i++)
        {
            indexes.Add((await DepositAsync(query: "?wait=anchored")).GetProperty("index").GetInt64());
        }

        await using EventStream stream = await EventStream.OpenAsync(server.Hainan, $"hainan:{indexes[0]}:{indexes[0]}:{indexes[0]}");
        List<Told> told = await stream.UntilAsync("anchored", [.. indexes]);
        List<Told> anchored = [.. told.Where(t => t.Type == "anchored")];
        Assert.Equal(indexes, anchored.SelectMany(t => t.Indexes));
        Assert.All(anchored.Zip(indexes, indexes.Skip(1).Append(long.MaxValue)), one => Assert.InRange(one.First.Json.GetProperty("size").GetInt64(), one.Second + 1, one.Third));
        long[] main = [.. anchored.Select(t => t.Json.GetProperty("main").GetInt64())];
        Assert.Equal(main.Distinct().Order(), main);
    }

    [Theory]
    [InlineData("7")]
    [InlineData("beijing:9:9:9")]
    [InlineData("hainan:9:9")]
    [InlineData("hainan:9:10:9")]
    [InlineData("hainan:9:8:9")]
    [InlineData("hainan:-1:-1:-1")]
    [InlineData("hainan:+9:9:9")]
    [InlineData("hainan:9:9:9:9")]
    [InlineData("hainan:99999999999999:9:9")]
    public async Task An_id_that_is_none_of_the_accounts_chain_is_refused(string id)
    {
        using HttpResponseMessage answer = await EventStream.AskAsync(server.Hainan, id);
        await ServerFixture.ProblemAsync(answer, "event-id-malformed");
    }

    [Fact]
    public async Task An_account_has_eight_streams_open_and_its_ninth_is_refused_until_one_has_ended()
    {
        var open = new List<EventStream>();
        for (int i = 0; i < 8; i++)
        {
            open.Add(await EventStream.OpenAsync(server.Beijing));
        }

        using HttpResponseMessage refused = await EventStream.AskAsync(server.Beijing);
        await ServerFixture.ProblemAsync(refused, "too-many-streams");
        Assert.True(refused.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        await using EventStream others = await EventStream.OpenAsync(server.Hainan);
        await open[0].DisposeAsync();
        var patience = Stopwatch.StartNew();
        while (true)
        {
            using HttpResponseMessage again = await EventStream.AskAsync(server.Beijing);
            if (again.IsSuccessStatusCode)
            {
                break;
            }

            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(20), "A stream that has ended still counts.");
            await Task.Delay(100);
        }

        foreach (EventStream stream in open)
        {
            await stream.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_reader_that_does_not_read_is_cut_and_finds_everything_when_it_comes_back()
    {
        string lastId;
        await using (EventStream before = await EventStream.OpenAsync(server.Hainan))
        {
            long index = (await DepositAsync()).GetProperty("index").GetInt64();
            lastId = (await before.UntilAsync("anchored", index))[^1].Id;
        }

        // A receive window of a few kilobytes, and nobody who reads.
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4_096 };
        await socket.ConnectAsync(IPAddress.Loopback, server.Anyone.BaseAddress!.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes(
            $"GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: {server.Hainan.DefaultRequestHeaders.Authorization}\r\nLast-Event-ID: {lastId}\r\n\r\n"));
        var deposited = new List<long>();
        for (int i = 0; i < 3; i++)
        {
            deposited.AddRange(await BatchAsync(10_000));
        }

        // What it gets at last is what lay in buffers, and then no end of the answer.
        await Task.Delay(TimeSpan.FromSeconds(25));
        byte[] buffer = new byte[65_536];
        var got = new StringBuilder();
        bool cut = false;
        try
        {
            for (int length; (length = await socket.ReceiveAsync(buffer).WaitAsync(TimeSpan.FromSeconds(10))) > 0;)
            {
                got.Append(Encoding.UTF8.GetString(buffer, 0, length));
            }
        }
        catch (SocketException)
        {
            cut = true;
        }

        Assert.True(cut || !got.ToString().EndsWith("0\r\n\r\n", StringComparison.Ordinal), "The answer ended as a whole one.");
        Assert.True(got.ToString().Split("\"index\":").Length < 3 * deposited.Count, "The reader was not slow.");

        await using EventStream again = await EventStream.OpenAsync(server.Hainan, lastId);
        List<Told> told = await again.UntilAsync("anchored", [.. deposited]);
        foreach (string state in States)
        {
            Assert.Equal(deposited, told.Where(t => t.Type == state).SelectMany(t => t.Indexes));
        }
    }
}
