using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Events;

/// <summary>Webhooks over HTTP: signed, in order, at least once, each for itself.</summary>
public sealed class WebhookTests(NetworkServer server) : IClassFixture<NetworkServer>
{
    private static int _content = 2_000_000;

    private async Task<long> DepositAsync()
    {
        using HttpResponseMessage answer = await server.Hainan.PostAsync("/api/evidence", ServerFixture.Json(ServerFixture.RequestOf(Interlocked.Increment(ref _content))));
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.Created, body);
        return JsonDocument.Parse(body).RootElement.GetProperty("index").GetInt64();
    }

    private static Task<HttpResponseMessage> PutAsync(HttpClient client, string name, string url) => client.PutAsync($"/api/webhooks/{name}", ServerFixture.Json(JsonSerializer.Serialize(new { url })));

    private async Task<string> CreateAsync(string name, string url)
    {
        using HttpResponseMessage answer = await PutAsync(server.Hainan, name, url);
        JsonElement made = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal("active", made.GetProperty("state").GetString());
        return made.GetProperty("secret").GetString()!;
    }

    private async Task DeleteAsync(string name)
    {
        using HttpResponseMessage answer = await server.Hainan.DeleteAsync($"/api/webhooks/{name}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private async Task<JsonElement> StateAsync(string name) =>
        JsonDocument.Parse(await server.Hainan.GetStringAsync("/api/webhooks")).RootElement.GetProperty("webhooks").EnumerateArray().Single(w => w.GetProperty("name").GetString() == name);

    private async Task<JsonElement> StateWhenAsync(string name, Func<JsonElement, bool> condition, int seconds = 40)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            JsonElement state = await StateAsync(name);
            if (condition(state))
            {
                return state;
            }

            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(seconds), state.ToString());
            await Task.Delay(100);
        }
    }

    private static IEnumerable<(string Type, long Index)> Told(IEnumerable<Received> got) => got.Select(r => JsonDocument.Parse(r.Body).RootElement)
        .SelectMany(e => e.GetProperty("records").EnumerateArray(), (e, r) => (e.GetProperty("type").GetString()!, r.GetProperty("index").GetInt64()));

    private static Func<Received[], bool> Tells(string type, long index) => got => Told(got).Contains((type, index));

    [Fact]
    public async Task Each_state_is_delivered_signed_as_standard_webhooks_says()
    {
        await using Receiver receiver = await Receiver.StartAsync();
        string secret = await CreateAsync("signed", receiver.Url);
        long index = await DepositAsync();
        Received[] got = await receiver.UntilAsync(Tells("anchored", index));
        Assert.Equal([("sealed", index), ("final", index), ("anchored", index)], Told(got).Where(t => t.Index == index));
        Assert.Equal(got.Length, got.Select(r => r.Id).Distinct().Count());
        Assert.StartsWith("whsec_", secret, StringComparison.Ordinal);
        byte[] key = Convert.FromBase64String(secret["whsec_".Length..]);
        Assert.Equal(32, key.Length);
        foreach (Received one in got)
        {
            // Computed from the specification's words alone.
            byte[] content = [.. Encoding.UTF8.GetBytes(one.Id), (byte)'.', .. Encoding.UTF8.GetBytes(one.Timestamp), (byte)'.', .. one.Body];
            Assert.Equal("v1," + Convert.ToBase64String(HMACSHA256.HashData(key, content)), one.Signature);
            Assert.DoesNotContain('.', one.Id);
            Assert.InRange(DateTimeOffset.FromUnixTimeSeconds(long.Parse(one.Timestamp, CultureInfo.InvariantCulture)), one.At.AddSeconds(-5), one.At.AddSeconds(5));
        }

        JsonElement state = await StateWhenAsync("signed", s => s.TryGetProperty("lastDelivery", out _));
        Assert.False(state.TryGetProperty("secret", out _));
        await DeleteAsync("signed");
        await Task.Delay(1_000);
        int before = receiver.Got.Count;
        await DepositAsync();
        await Task.Delay(3_000);
        Assert.Equal(before, receiver.Got.Count);
    }

    [Fact]
    public async Task What_was_answered_500_is_sent_again_with_the_same_id_and_body_and_nothing_before_it()
    {
        await using Receiver receiver = await Receiver.StartAsync((before, context) =>
        {
            context.Response.StatusCode = before == 0 ? 500 : 200;
            return context.Response.WriteAsync(new string('x', 100_000));
        });
        await CreateAsync("failing", receiver.Url);
        long index = await DepositAsync();
        JsonElement retrying = await StateWhenAsync("failing", s => s.GetProperty("state").GetString() == "retrying");
        Assert.Equal((1, "It answered 500."), (retrying.GetProperty("attempts").GetInt32(), retrying.GetProperty("failure").GetString()));
        Assert.NotNull(retrying.GetProperty("nextTry").GetString());
        Received[] got = await receiver.UntilAsync(Tells("anchored", index));
        Assert.Equal((got[0].Id, Convert.ToHexString(got[0].Body)), (got[1].Id, Convert.ToHexString(got[1].Body)));
        Assert.NotEqual(got[0].Timestamp, got[1].Timestamp);
        Assert.NotEqual(got[0].Signature, got[1].Signature);
        Assert.InRange(got[1].At - got[0].At, TimeSpan.FromSeconds(3.5), TimeSpan.FromSeconds(15));
        await StateWhenAsync("failing", s => s.GetProperty("state").GetString() == "active");
        await DeleteAsync("failing");
    }

    [Fact]
    public async Task A_restart_between_failure_and_retry_loses_nothing_and_changes_no_id()
    {
        int port = ServerProcess.FreePort();
        string id, first;
        await using (Receiver fails = await Receiver.StartAsync((_, context) => Task.FromResult(context.Response.StatusCode = 503), port))
        {
            await CreateAsync("restart", fails.Url);
            await DepositAsync();
            Received got = (await fails.UntilAsync(got => got.Length > 0))[0];
            (id, first) = (got.Id, Encoding.UTF8.GetString(got.Body));
            await StateWhenAsync("restart", s => s.GetProperty("state").GetString() == "retrying");
        }

        // Nobody listens now: the next attempt, by this process or the next one, finds the connection refused.
        long second = await DepositAsync();
        await server.StopAsync();
        await server.StartAsync();
        JsonElement refused = await StateWhenAsync("restart", s => s.GetProperty("failure").GetString() == "No connection: ConnectionRefused.");
        Assert.Equal("retrying", refused.GetProperty("state").GetString());
        long third = await DepositAsync();
        await using Receiver receiver = await Receiver.StartAsync(port: port);
        Received[] all = await receiver.UntilAsync(Tells("anchored", third), 90);
        Assert.Equal((id, first), (all[0].Id, Encoding.UTF8.GetString(all[0].Body)));
        foreach (string state in new[] { "sealed", "final", "anchored" })
        {
            Assert.Equal([second, third], Told(all).Where(t => t.Type == state && t.Index >= second).Select(t => t.Index));
        }

        await DeleteAsync("restart");
    }

    [Fact]
    public async Task A_receiver_that_answers_410_is_left_alone_until_it_is_put_again_and_misses_nothing()
    {
        await using Receiver receiver = await Receiver.StartAsync((before, context) => Task.FromResult(context.Response.StatusCode = before == 0 ? 410 : 204));
        await CreateAsync("gone", receiver.Url);
        long index = await DepositAsync();
        JsonElement gone = await StateWhenAsync("gone", s => s.GetProperty("state").GetString() == "gone");
        Assert.False(gone.TryGetProperty("nextTry", out _));
        await Task.Delay(7_000);
        Assert.Single(receiver.Got);
        using (HttpResponseMessage again = await PutAsync(server.Hainan, "gone", receiver.Url))
        {
            Assert.Equal(HttpStatusCode.OK, again.StatusCode);
            Assert.DoesNotContain("whsec_", await again.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        await receiver.UntilAsync(Tells("anchored", index));
        await DeleteAsync("gone");
    }

    [Fact]
    public async Task An_answer_of_an_address_that_was_left_meanwhile_says_nothing_of_the_new_one()
    {
        var answer = new TaskCompletionSource();
        await using Receiver old = await Receiver.StartAsync(async (_, context) =>
        {
            await answer.Task;
            context.Response.StatusCode = 410;
        });
        await using Receiver receiver = await Receiver.StartAsync();
        await CreateAsync("moved", old.Url);
        long index = await DepositAsync();
        Received first = (await old.UntilAsync(got => got.Length > 0))[0];
        using (HttpResponseMessage moved = await PutAsync(server.Hainan, "moved", receiver.Url))
        {
            Assert.Equal(HttpStatusCode.OK, moved.StatusCode);
        }

        answer.SetResult();
        Received[] got = await receiver.UntilAsync(Tells("anchored", index), 12);
        Assert.Equal((first.Id, Convert.ToHexString(first.Body)), (got[0].Id, Convert.ToHexString(got[0].Body)));
        Assert.Single(old.Got);
        JsonElement state = await StateWhenAsync("moved", s => s.TryGetProperty("lastDelivery", out _));
        Assert.Equal("active", state.GetProperty("state").GetString());
        Assert.False(state.TryGetProperty("lastFailure", out _));
        await DeleteAsync("moved");
    }

    [Fact]
    public async Task Changes_of_webhooks_are_limited_for_each_account()
    {
        int answered = 0;
        while (true)
        {
            using HttpResponseMessage answer = await server.Neighbour.DeleteAsync("/api/webhooks/none");
            if (answer.StatusCode == HttpStatusCode.TooManyRequests)
            {
                await ServerFixture.ProblemAsync(answer, "rate-limited");
                Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
                break;
            }

            await ServerFixture.ProblemAsync(answer, "webhook-not-found");
            answered++;
        }

        // A minute may have ended in between.
        Assert.InRange(answered, 60, 120);
        using HttpResponseMessage put = await PutAsync(server.Neighbour, "a", "https://agency.example/notary");
        await ServerFixture.ProblemAsync(put, "rate-limited");
        Assert.Equal("""{"webhooks":[]}""", await server.Neighbour.GetStringAsync("/api/webhooks"));
        using HttpResponseMessage other = await server.Hainan.DeleteAsync("/api/webhooks/none");
        await ServerFixture.ProblemAsync(other, "webhook-not-found");
        using HttpResponseMessage anonymous = await server.Anyone.DeleteAsync("/api/webhooks/none");
        await ServerFixture.ProblemAsync(anonymous, "unauthenticated");
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_retry_after_is_honoured()
    {
        await using Receiver receiver = await Receiver.StartAsync((_, context) =>
        {
            context.Response.StatusCode = 307;
            context.Response.Headers.Location = "/elsewhere";
            context.Response.Headers.RetryAfter = "600";
            return Task.CompletedTask;
        });
        await CreateAsync("redirect", receiver.Url);
        await DepositAsync();
        JsonElement state = await StateWhenAsync("redirect", s => s.GetProperty("state").GetString() == "retrying");
        Assert.Equal("It answered 307: redirects are not followed.", state.GetProperty("failure").GetString());
        DateTimeOffset next = DateTimeOffset.Parse(state.GetProperty("nextTry").GetString()!, CultureInfo.InvariantCulture);
        Assert.InRange(next - DateTimeOffset.UtcNow, TimeSpan.FromSeconds(550), TimeSpan.FromSeconds(601));
        Assert.Equal(["/notary"], receiver.Got.Select(r => r.Path));
        await DeleteAsync("redirect");
    }

    [Fact]
    public async Task A_receiver_that_hangs_delays_neither_another_one_nor_sealing()
    {
        await using Receiver hangs = await Receiver.StartAsync((_, context) => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        await using Receiver quick = await Receiver.StartAsync();
        await CreateAsync("hangs", hangs.Url);
        await CreateAsync("quick", quick.Url);
        await DepositAsync();
        await hangs.UntilAsync(got => got.Length > 0);
        var took = Stopwatch.StartNew();
        long index = await DepositAsync();
        Assert.True(took.Elapsed < TimeSpan.FromSeconds(5), $"{took.Elapsed}");
        await quick.UntilAsync(Tells("anchored", index), 12);
        Assert.Single(hangs.Got);
        JsonElement state = await StateWhenAsync("hangs", s => s.GetProperty("state").GetString() == "retrying");
        Assert.Equal("It did not answer within 15 s.", state.GetProperty("failure").GetString());
        await DeleteAsync("hangs");
        await DeleteAsync("quick");
    }

    [Fact]
    public async Task An_account_has_four_webhooks_sees_its_own_only_and_only_good_ones()
    {
        const string Url = "https://agency.example/notary";
        foreach (string name in new[] { "Upper", "a_b", new string('a', 33) })
        {
            using HttpResponseMessage answer = await PutAsync(server.Beijing, name, Url);
            await ServerFixture.ProblemAsync(answer, "webhook-malformed");
        }

        foreach (string url in new[]
        {
            "", "agency", "/notary", "ftp://agency.example/", "http://agency.example/", "https://user@agency.example/", "https://agency.example/#part", "https://10.1.2.3/", "https://[fd00::1]/", "https://169.254.169.254/latest",
            "https://agency.example/" + new string('a', 2_000),
        })
        {
            using HttpResponseMessage answer = await PutAsync(server.Beijing, "a", url);
            await ServerFixture.ProblemAsync(answer, "webhook-malformed");
        }

        foreach (string body in new[] { "", "{}", "[]", "{\"url\":7}", "{\"url\":\"" + Url + "\",\"more\":1}", "{\"url\":\"" + Url + "\",\"url\":\"" + Url + "\"}", "{\"url\":\"\\ud800\"}" })
        {
            using HttpResponseMessage answer = await server.Beijing.PutAsync("/api/webhooks/a", ServerFixture.Json(body));
            await ServerFixture.ProblemAsync(answer, "malformed");
        }

        using (HttpResponseMessage large = await server.Beijing.PutAsync("/api/webhooks/a", ServerFixture.Json(new string(' ', 5_000))))
        {
            await ServerFixture.ProblemAsync(large, "too-large");
        }

        foreach (string name in new[] { "a", "b", "c", "d" })
        {
            using HttpResponseMessage made = await PutAsync(server.Beijing, name, Url);
            Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        }

        using (HttpResponseMessage fifth = await PutAsync(server.Beijing, "e", Url))
        {
            await ServerFixture.ProblemAsync(fifth, "too-many-webhooks");
        }

        Assert.Equal("""{"webhooks":[]}""", await server.Neighbour.GetStringAsync("/api/webhooks"));
        using (HttpResponseMessage others = await server.Hainan.DeleteAsync("/api/webhooks/a"))
        {
            await ServerFixture.ProblemAsync(others, "webhook-not-found");
        }

        using (HttpResponseMessage anonymous = await server.Anyone.GetAsync("/api/webhooks"))
        {
            await ServerFixture.ProblemAsync(anonymous, "unauthenticated");
        }

        // No secret lies in the database; the key that they are derived from is encrypted.
        Assert.True(File.Exists(Path.Combine(server.Data, "keys", "webhook.key")));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(server.Data, "webhooks.db")));
        }

        foreach (string name in new[] { "a", "b", "c", "d" })
        {
            using HttpResponseMessage deleted = await server.Beijing.DeleteAsync($"/api/webhooks/{name}");
            Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);
        }
    }
}
