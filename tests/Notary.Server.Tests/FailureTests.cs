using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Notary.Chain.Sqlite;
using Notary.Server.Tests.Events;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests;

/// <summary>What the platform's own failures look like over HTTP: each is provoked in a real server, by its database or its disk.</summary>
public sealed class FailureTests
{
    [Fact]
    public async Task A_full_queue_is_503_with_Retry_After_and_what_it_held_is_sealed()
    {
        using var folder = new TemporaryFolder();
        string data = await CreateAsync(folder);
        string template = Path.Combine(data, "chains", "beijing", "chain.json");
        await File.WriteAllTextAsync(template, Regex.Replace(await File.ReadAllTextAsync(template), "\"queue_requests\": *[0-9]+", "\"queue_requests\": 2"));
        await using ServerProcess server = await ServerProcess.StartReadyAsync(data);
        using HttpClient agency = ServerFixture.AgencyOf(server);

        // Somebody else's transaction holds the writer, so that the queue fills behind it.
        using var database = SqliteDatabase.OpenWriter(DatabaseOf(data), create: false);
        database.Execute("BEGIN IMMEDIATE");
        List<Task<HttpResponseMessage>> answers = [.. Enumerable.Range(0, 8).Select(n => agency.PostAsync("/api/evidence", ServerFixture.Json(ServerFixture.RequestOf(n))))];
        Task<HttpResponseMessage> refused = await Task.WhenAny(answers);
        await ServerFixture.ProblemAsync(await refused, "queue-full");
        Assert.Equal(TimeSpan.FromSeconds(1), (await refused).Headers.RetryAfter!.Delta);
        database.Execute("ROLLBACK");

        HttpResponseMessage[] all = await Task.WhenAll(answers);
        Assert.All(all, a => Assert.True(a.StatusCode is HttpStatusCode.Created or HttpStatusCode.ServiceUnavailable, a.StatusCode.ToString()));
        int accepted = all.Count(a => a.StatusCode == HttpStatusCode.Created);
        Assert.InRange(accepted, 2, 7);
        Assert.Equal(6 + accepted, await ServerFixture.SizeOfAsync(server));
    }

    [Fact]
    public async Task A_chain_whose_head_somebody_else_moved_answers_chain_stopped_and_is_not_ready()
    {
        using var folder = new TemporaryFolder();
        await using ServerProcess server = await ServerProcess.StartReadyAsync(folder.File("data"));
        using HttpClient agency = ServerFixture.AgencyOf(server);
        await using EventStream stream = await EventStream.OpenAsync(agency);
        await using Receiver receiver = await Receiver.StartAsync((before, context) => Task.FromResult(context.Response.StatusCode = before == 1 ? 500 : 200));
        using (HttpResponseMessage put = await agency.PutAsync("/api/webhooks/stop", ServerFixture.Json(JsonSerializer.Serialize(new { url = receiver.Url }))))
        {
            Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        }

        using (HttpResponseMessage sealedOne = await agency.PostAsync("/api/evidence", ServerFixture.Json(ServerFixture.RequestOf(9))))
        {
            Assert.Equal(HttpStatusCode.Created, sealedOne.StatusCode);
        }

        Assert.Equal("sealed", (await stream.NextAsync())!.Type);
        await receiver.UntilAsync(static got => got.Length == 1);
        using (var database = SqliteDatabase.OpenWriter(DatabaseOf(server.Data), create: false))
        {
            database.Execute("UPDATE head SET note_size = note_size - 1");
        }

        for (int n = 0; n < 2; n++)
        {
            using HttpResponseMessage answer = await agency.PostAsync("/api/evidence", ServerFixture.Json(ServerFixture.RequestOf(n)));
            JsonElement problem = await ServerFixture.ProblemAsync(answer, "chain-stopped");
            Assert.Contains("another process wrote", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }

        using HttpResponseMessage ready = await server.Client.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.Contains("head-changed", await ready.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Told told = (await stream.NextAsync())!;
        Assert.Equal(("stopped", "beijing:7:0:0", "head-changed"), (told.Type, told.Id, told.Json.GetProperty("reason").GetString()));
        Assert.Equal(["type", "timestamp", "chain", "reason", "detail"], told.Json.EnumerateObject().Select(m => m.Name));

        // The webhook is told the same, under an id of its own, until it has taken it, and once.
        Received[] got = await receiver.UntilAsync(static got => got.Length == 3);
        JsonElement delivered = JsonDocument.Parse(got[1].Body).RootElement;
        Assert.Equal(("stopped", "head-changed"), (delivered.GetProperty("type").GetString(), delivered.GetProperty("reason").GetString()));
        Assert.Equal((got[1].Id, Convert.ToHexString(got[1].Body)), (got[2].Id, Convert.ToHexString(got[2].Body)));
        Assert.Equal("stop:beijing:7:0:0", got[0].Id);
        Assert.Matches("^stop:beijing:7:0:0:stopped:[0-9]+$", got[1].Id);
        await Task.Delay(1_000);
        Assert.Equal(3, receiver.Got.Count);
        Assert.Contains("\"active\"", await agency.GetStringAsync("/api/webhooks"), StringComparison.Ordinal);
        Assert.Equal(7, await ServerFixture.SizeOfAsync(server));
    }

    [Fact]
    public async Task A_disk_that_fails_in_the_sync_of_a_commit_is_outcome_unknown_and_the_same_key_tells_after_the_next_start()
    {
        using var folder = new TemporaryFolder();
        string data = folder.File("data");
        await using (ServerProcess server = await ServerProcess.StartReadyAsync(data))
        {
            using HttpClient agency = ServerFixture.AgencyOf(server);
            using HttpResponseMessage good = await DepositAsync(agency, 1, "first");
            Assert.Equal(HttpStatusCode.Created, good.StatusCode);
            using Process strace = await FailSyncsAsync(folder, server);
            using HttpResponseMessage answer = await DepositAsync(agency, 2, "second");
            await ServerFixture.ProblemAsync(answer, "outcome-unknown");
            Assert.Equal(TimeSpan.FromSeconds(60), answer.Headers.RetryAfter!.Delta);

            // From now on nothing is taken any more, and what was sealed before is still proved.
            using HttpResponseMessage next = await DepositAsync(agency, 3, "third");
            await ServerFixture.ProblemAsync(next, "chain-stopped");
            Assert.Equal(7, await ServerFixture.SizeOfAsync(server));
            strace.Kill();
            await strace.WaitForExitAsync();
        }

        await using ServerProcess again = await ServerProcess.StartReadyAsync(data);
        using HttpClient client = ServerFixture.AgencyOf(again);
        using HttpResponseMessage known = await DepositAsync(client, 2, "second");
        Assert.Equal(HttpStatusCode.Created, known.StatusCode);
        using HttpResponseMessage more = await DepositAsync(client, 3, "third");
        Assert.Equal(HttpStatusCode.Created, more.StatusCode);
        Assert.Equal(9, await ServerFixture.SizeOfAsync(again));
    }

    [Fact]
    public async Task A_replay_whose_record_was_erased_says_so()
    {
        using var folder = new TemporaryFolder();
        await using ServerProcess server = await ServerProcess.StartReadyAsync(folder.File("data"));
        using HttpClient agency = ServerFixture.AgencyOf(server);
        using (HttpResponseMessage first = await DepositAsync(agency, 1, "key"))
        {
            Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        }

        using (var database = SqliteDatabase.OpenWriter(DatabaseOf(server.Data), create: false))
        {
            database.Execute("DELETE FROM item WHERE number = 6");
        }

        using HttpResponseMessage replay = await DepositAsync(agency, 1, "key");
        await ServerFixture.ProblemAsync(replay, "erased");
    }

    [Fact]
    public async Task A_body_that_stops_coming_is_body_timeout_and_nothing_is_stored()
    {
        using var folder = new TemporaryFolder();
        await using ServerProcess server = await ServerProcess.StartReadyAsync(folder.File("data"));
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, server.Address.Port);
        await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /api/evidence HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ServerFixture.SecretOf(server)}\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{{\"type\""));
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var reader = new StreamReader(connection.GetStream());
        string answer = await reader.ReadToEndAsync(patience.Token);
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"body-timeout\"", answer, StringComparison.Ordinal);
        Assert.Equal(6, await ServerFixture.SizeOfAsync(server));
    }

    [Fact]
    public async Task An_unexpected_failure_is_internal_and_tells_the_client_nothing_of_it()
    {
        using var folder = new TemporaryFolder();
        await using ServerProcess server = await ServerProcess.StartReadyAsync(folder.File("data"));
        using HttpClient agency = ServerFixture.AgencyOf(server);
        using HttpResponseMessage first = await DepositAsync(agency, 1, "key");
        string number = JsonDocument.Parse(await first.Content.ReadAsStringAsync()).RootElement.GetProperty("number").GetString()!;
        using (var database = SqliteDatabase.OpenWriter(DatabaseOf(server.Data), create: false))
        {
            database.Execute("DROP TABLE item");
        }

        using HttpResponseMessage answer = await agency.GetAsync($"/api/evidence/{number}/receipt");
        JsonElement problem = await ServerFixture.ProblemAsync(answer, "internal");
        Assert.DoesNotContain("item", problem.GetProperty("detail").GetString(), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("SQL", problem.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    // A start that makes the chain, and an orderly stop.
    private static async Task<string> CreateAsync(TemporaryFolder folder)
    {
        await using ServerProcess server = await ServerProcess.StartReadyAsync(folder.File("data"));
        Assert.Equal(0, await server.TerminateAsync());
        return server.Data;
    }

    /// <summary>From here on each fsync of the server's WAL ends in an I/O error.</summary>
    private static async Task<Process> FailSyncsAsync(TemporaryFolder folder, ServerProcess server)
    {
        string trace = folder.File("trace");
        var start = new ProcessStartInfo("strace") { RedirectStandardError = true };
        string id = server.Id.ToString(CultureInfo.InvariantCulture);
        foreach (string argument in new[] { "-f", "-o", trace, "-P", DatabaseOf(server.Data) + "-wal", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO", "-p", id })
        {
            start.ArgumentList.Add(argument);
        }

        Process strace = Process.Start(start)!;
        // "Process … attached": from then on the calls are seen.
        string? said = await strace.StandardError.ReadLineAsync();
        Assert.Contains("attached", said, StringComparison.Ordinal);
        return strace;
    }

    private static string DatabaseOf(string data) => Path.Combine(data, "chains", "beijing", "chain.db");

    private static async Task<HttpResponseMessage> DepositAsync(HttpClient agency, int number, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/evidence") { Content = ServerFixture.Json(ServerFixture.RequestOf(number)) };
        request.Headers.Add("Idempotency-Key", key);
        return await agency.SendAsync(request);
    }
}
