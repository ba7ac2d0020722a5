using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Notary.Server.Http;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests;

/// <summary>The table of problems is frozen, documented, and what bad input meets: a 4xx, a code, nothing stored.</summary>
[Collection(OneServer.Name)]
public sealed class ProblemTests(ServerFixture server)
{
    // Frozen: lines are added, never changed.
    private const string Frozen = """
        account-not-found 404
        account-refused 422
        act-decided 409
        act-not-found 404
        authorization-refused 400
        body-timeout 408
        chain-not-found 404
        chain-stopped 503
        cross-site 403
        database-lost 503
        digest-malformed 400
        entries-not-public 403
        erased 410
        event-id-malformed 400
        factor-not-found 404
        factor-refused 422
        freshness-pending 503
        idempotency-conflict 409
        idempotency-key-malformed 400
        incident-malformed 400
        incident-refused 422
        internal 500
        last-factor 409
        malformed 400
        method-not-allowed 405
        multipart-malformed 400
        multipart-no-file 400
        multipart-no-request 400
        name-malformed 400
        no-key 403
        not-anchored 503
        not-declined 409
        not-found 404
        not-the-custodian 403
        not-the-depositor 403
        outcome-unknown 503
        package-refused 422
        proposal-malformed 400
        proposal-refused 422
        proxy-unexpected 400
        queue-full 503
        rate-limited 429
        record-not-found 404
        refused 422
        role-not-allowed 403
        same-officer 403
        scope-missing 403
        session-needed 401
        session-not-found 404
        setup-refused 403
        sign-in-again 403
        sign-in-busy 503
        sign-in-refused 401
        tile-not-found 404
        tile-path-malformed 400
        too-large 413
        too-many-lines 413
        too-many-streams 429
        too-many-waiting 503
        too-many-webhooks 409
        transfer-not-found 404
        truncated 400
        trust-not-found 404
        trust-refused 422
        unauthenticated 401
        unsupported-type 415
        verifier-busy 503
        wait-malformed 400
        webhook-malformed 400
        webhook-not-found 404
        """;

    [Fact]
    public void The_table_of_codes_is_the_frozen_one() =>
        Assert.Equal(Frozen.Split('\n'), Problems.All.Values.OrderBy(p => p.Code, StringComparer.Ordinal).Select(p => FormattableString.Invariant($"{p.Code} {p.Status}")));

    [Fact]
    public void Every_code_stands_in_the_documentation_with_its_status()
    {
        string page = File.ReadAllText(Path.Combine(ServerProcess.Repository, "docs", "api.md"));
        Assert.All(Problems.All.Values, p => Assert.Contains(FormattableString.Invariant($"| `{p.Code}` | {p.Status} |"), page, StringComparison.Ordinal));
    }

    public static TheoryData<string, string, string> BadJson()
    {
        const string Part = """{"media":"text/plain","size":1,"sm3":"66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}""";
        string good = ServerFixture.RequestOf(1);
        return new TheoryData<string, string, string>
        {
            { "", "malformed", "" },
            { "{", "malformed", "json-syntax" },
            { good[..^1], "malformed", "json-syntax" },
            { good[..(good.Length / 2)], "malformed", "json-syntax" },
            { good + good, "malformed", "json-syntax" },
            { good + "x", "malformed", "json-syntax" },
            { new string('[', 100_000), "malformed", "" },
            { "{\"type\":" + new string('[', 50_000) + new string(']', 50_000) + "}", "malformed", "" },
            { "[]", "malformed", "wrong-type" },
            { "null", "malformed", "wrong-type" },
            { "\"text\"", "malformed", "wrong-type" },
            { $$"""{"type":7,"parts":[{{Part}}]}""", "malformed", "wrong-type" },
            { """{"type":"contract.electronic","parts":"all"}""", "malformed", "wrong-type" },
            { $$"""{"type":"contract.electronic","type":"contract.electronic","parts":[{{Part}}]}""", "malformed", "duplicate-member" },
            { $$"""{"type":"contract.electronic","parts":[{{Part}}],"metadata":{"title":"a","title":"b"} }""", "malformed", "duplicate-member" },
            { $$"""{"type":"contract.electronic","parts":[{{Part}}],"metadata":{"title":"\ud800"} }""", "malformed", "lone-surrogate" },
            { $$"""{"type":"contract.electronic","parts":[{{Part}}],"colour":"red"}""", "refused", "unknown-member" },
            { """{"type":"contract.electronic"}""", "refused", "missing-member" },
            { """{"type":"contract.electronic","parts":[]}""", "refused", "no-parts" },
            { $$"""{"type":"Not A Type","parts":[{{Part}}]}""", "refused", "type-invalid" },
            { $$"""{"type":"contract.electronic","parts":[{{Part.Replace("66c7", "66C7", StringComparison.Ordinal)}}]}""", "refused", "digest-not-hex" },
            { $$"""{"type":"contract.electronic","parts":[{{Part.Replace("\"size\":1", "\"size\":1.5", StringComparison.Ordinal)}}]}""", "refused", "number-not-integer" },
            { $$"""{"type":"contract.electronic","parts":[{{Part.Replace("\"size\":1", "\"size\":-1", StringComparison.Ordinal)}}]}""", "refused", "number-out-of-range" },
            { $$"""{"type":"contract.electronic","parts":[{{Part}}],"sent":"yesterday"}""", "refused", "time-invalid" },
            { $$"""{"type":"contract.electronic","parts":[{{Part}}],"metadata":{"salary":"1"} }""", "refused", "metadata-unknown-field" },
            { $$"""{"type":"contract.electronic","parts":[{{Part}}],"metadata":{"title":"{{new string('a', 5_000)}}"} }""", "refused", "metadata-value-too-long" },
            { $$"""{"type":"contract.electronic","parts":[{{Part}}],"metadata":{"files":["../../etc/passwd"]} }""", "refused", "file-name-invalid" },
            { $$"""{"type":"contract.electronic","parts":[{{Part}}],"sent":"2099-01-01T00:00:00.000Z"}""", "refused", "" },
        };
    }

    [Theory]
    [MemberData(nameof(BadJson))]
    public async Task A_bad_request_is_refused_with_its_code_and_reason_and_nothing_is_stored(string body, string code, string reason)
    {
        long before = await server.SizeAsync();
        using HttpResponseMessage answer = await server.Agency.PostAsync("/api/evidence", ServerFixture.Json(body));
        JsonElement problem = await ServerFixture.ProblemAsync(answer, code);
        if (reason.Length > 0)
        {
            Assert.Equal(reason, problem.GetProperty("reason").GetString());
        }

        Assert.Equal(before, await server.SizeAsync());
    }

    [Fact]
    public async Task Bytes_that_are_not_utf8_are_refused()
    {
        byte[] body = Encoding.UTF8.GetBytes(ServerFixture.RequestOf(1, """{"title":"abc"}"""));
        body[Array.LastIndexOf(body, (byte)'b')] = 0xff;
        await RefusedAsync("/api/evidence", Bytes(body, "application/json"), "malformed", "not-utf8");
    }

    [Fact]
    public async Task Too_large_bodies_are_refused_before_they_are_read()
    {
        await RefusedAsync("/api/evidence", Bytes(new byte[600_000], "application/json"), "too-large");
        await RefusedAsync("/api/evidence/batch", Bytes(new byte[16_777_217], "application/x-ndjson"), "too-large");
        await RefusedAsync("/api/evidence/batch", ServerFixture.Lines([.. Enumerable.Repeat("{}", 10_001)]), "too-many-lines");
    }

    [Fact]
    public async Task A_body_without_an_announced_length_is_cut_off_at_the_limit()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/evidence") { Content = Bytes(new byte[600_000], "application/json") };
        request.Headers.TransferEncodingChunked = true;
        using HttpResponseMessage answer = await server.Agency.SendAsync(request);
        await ServerFixture.ProblemAsync(answer, "too-large");
    }

    [Fact]
    public async Task An_empty_batch_is_refused() => await RefusedAsync("/api/evidence/batch", Bytes([], "application/x-ndjson"), "malformed");

    [Theory]
    [InlineData("/api/evidence", "text/plain")]
    [InlineData("/api/evidence", "application/x-ndjson")]
    [InlineData("/api/evidence", "application/json; charset=gb18030")]
    [InlineData("/api/evidence/batch", "application/json")]
    [InlineData("/api/verify", "application/json")]
    public async Task Another_content_type_is_refused(string address, string type) =>
        await RefusedAsync(address, Bytes(Encoding.UTF8.GetBytes(ServerFixture.RequestOf(1)), type), "unsupported-type");

    [Theory]
    [InlineData("")]
    [InlineData("tab\there")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123x")]
    public async Task An_idempotency_key_that_is_none_is_refused(string key)
    {
        foreach (string address in new[] { "/api/evidence", "/api/evidence/batch" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = BodyFor(address) };
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
            using HttpResponseMessage answer = await server.Agency.SendAsync(request);
            await ServerFixture.ProblemAsync(answer, "idempotency-key-malformed");
        }
    }

    [Fact]
    public async Task Two_idempotency_keys_are_refused()
    {
        // The base library's client joins them into one.
        string answer = await RawAsync("Content-Type: application/json\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 2\r\n\r\n{}");
        Assert.Contains("\"code\":\"idempotency-key-malformed\"", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer")]
    [InlineData("Bearer wrong")]
    [InlineData("Basic ZGV2LWFnZW5jeTp4")]
    public async Task Nobody_deposits_without_the_secret(string? authorization)
    {
        long before = await server.SizeAsync();
        foreach (string address in new[] { "/api/evidence", "/api/evidence/batch" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = BodyFor(address) };
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
            using HttpResponseMessage answer = await server.Anyone.SendAsync(request);
            await ServerFixture.ProblemAsync(answer, "unauthenticated");
            Assert.Contains("realm=\"notary\"", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        }

        Assert.Equal(before, await server.SizeAsync());
    }

    [Fact]
    public async Task A_truncated_body_stores_nothing()
    {
        long before = await server.SizeAsync();
        string body = ServerFixture.RequestOf(1);
        using (var connection = new System.Net.Sockets.TcpClient())
        {
            await connection.ConnectAsync(IPAddress.Loopback, server.Server.Address.Port);
            await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /api/evidence HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ServerFixture.SecretOf(server.Server)}\r\nContent-Type: application/json\r\nContent-Length: {body.Length + 10}\r\n\r\n{body}"));
        }

        await Task.Delay(200);
        Assert.Equal(before, await server.SizeAsync());
    }

    [Fact]
    public async Task Broken_chunks_are_refused_as_truncated()
    {
        string answer = await RawAsync("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_multipart_body_that_is_none_is_refused_with_what_is_wrong()
    {
        await RefusedAsync("/api/evidence", Bytes("x"u8.ToArray(), "multipart/form-data"), "multipart-malformed");
        await RefusedAsync("/api/evidence", Multipart("no boundary in here"), "truncated");
        await RefusedAsync("/api/evidence", Multipart("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc"), "truncated");
        await RefusedAsync("/api/evidence", Multipart("--b\r\nContent-Disposition: attachment\r\n\r\nabc\r\n--b--\r\n"), "multipart-malformed");
        await RefusedAsync("/api/evidence", Multipart("--b\r\nContent-Disposition: form-data; name=\"colour\"\r\n\r\nred\r\n--b--\r\n"), "multipart-malformed");
        await RefusedAsync("/api/evidence", Multipart("--b\r\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"X-{i}: y\r\n")) + "\r\nabc\r\n--b--\r\n"), "multipart-malformed");
        await RefusedAsync("/api/evidence", Multipart(File("a") + "--b--\r\n"), "multipart-no-request");
        await RefusedAsync("/api/evidence", Multipart(Field("{\"type\":\"contract.electronic\"}") + "--b--\r\n"), "multipart-no-file");
        await RefusedAsync("/api/evidence", Multipart(Field("{\"type\":") + File("a") + "--b--\r\n"), "malformed");
        await RefusedAsync("/api/evidence", Multipart(Field("[]") + File("a") + "--b--\r\n"), "malformed");
        await RefusedAsync("/api/evidence", Multipart(Field("{\"type\":\"contract.electronic\"}{}") + File("a") + "--b--\r\n"), "malformed");
        await RefusedAsync("/api/evidence", Multipart(Field("{\"type\":\"contract.electronic\",\"parts\":[]}") + File("a") + "--b--\r\n"), "multipart-malformed");
        await RefusedAsync("/api/evidence", Multipart(Field("{\"type\":\"contract.electronic\",\"metadata\":{\"files\":[\"b\"]}}") + File("a") + "--b--\r\n"), "multipart-malformed");
        await RefusedAsync("/api/evidence", Multipart(Field("{\"type\":\"contract.electronic\",\"type\":\"contract.electronic\"}") + File("a") + "--b--\r\n"), "malformed", "duplicate-member");
        await RefusedAsync("/api/evidence", Multipart(Field("{\"type\":\"contract.electronic\"}") + File("../a") + "--b--\r\n"), "refused", "file-name-invalid");
        await RefusedAsync("/api/evidence", Multipart(Field(new string(' ', 600_000)) + File("a") + "--b--\r\n"), "too-large");

        static string Field(string json) => $"--b\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{json}\r\n";
        static string File(string name) => $"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\nabc\r\n";
        static HttpContent Multipart(string body) => Bytes(Encoding.UTF8.GetBytes(body), "multipart/form-data; boundary=b");
    }

    [Fact]
    public async Task An_address_or_method_that_is_not_there_is_answered_with_a_problem()
    {
        using HttpResponseMessage nowhere = await server.Anyone.GetAsync("/api/nothing");
        await ServerFixture.ProblemAsync(nowhere, "not-found");
        using HttpResponseMessage method = await server.Anyone.DeleteAsync("/health/live");
        await ServerFixture.ProblemAsync(method, "method-not-allowed");
    }

    [Fact]
    public async Task Memory_stays_bounded_under_a_rain_of_bad_bodies()
    {
        await Task.WhenAll(Enumerable.Range(0, 24).Select(async i =>
        {
            using HttpContent body = i % 3 == 0 ? Bytes(new byte[16_000_000], "application/x-ndjson")
                : i % 3 == 1 ? ServerFixture.Lines([.. Enumerable.Repeat(new string('[', 1_600), 9_999)])
                : Bytes(Encoding.UTF8.GetBytes("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n" + new string('x', 30_000_000)), "multipart/form-data; boundary=b");
            using HttpResponseMessage answer = await server.Agency.PostAsync(i % 3 == 2 ? "/api/evidence" : "/api/evidence/batch", body);
            Assert.True((int)answer.StatusCode is 200 or (>= 400 and < 500), answer.StatusCode.ToString());
        }));
        Assert.True(server.Server.PeakMemory < 1_500L * 1024 * 1024, FormattableString.Invariant($"peak {server.Server.PeakMemory >> 20} MiB"));
    }

    private async Task<string> RawAsync(string request)
    {
        using var connection = new System.Net.Sockets.TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, server.Server.Address.Port);
        await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /api/evidence HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {ServerFixture.SecretOf(server.Server)}\r\n{request}"));
        using var reader = new StreamReader(connection.GetStream());
        return await reader.ReadToEndAsync();
    }

    private async Task RefusedAsync(string address, HttpContent content, string code, string? reason = null)
    {
        long before = await server.SizeAsync();
        // The server answers before it reads what it will not take: a client that waits for "100 Continue" is spared sending it.
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = content };
        request.Headers.ExpectContinue = content.Headers.ContentLength > 100_000;
        using (HttpResponseMessage answer = await server.Agency.SendAsync(request))
        {
            JsonElement problem = await ServerFixture.ProblemAsync(answer, code);
            if (reason is not null)
            {
                Assert.Equal(reason, problem.GetProperty("reason").GetString());
            }
        }

        Assert.Equal(before, await server.SizeAsync());
    }

    private static StringContent BodyFor(string address) =>
        address.EndsWith("batch", StringComparison.Ordinal) ? ServerFixture.Lines(ServerFixture.RequestOf(1)) : ServerFixture.Json(ServerFixture.RequestOf(1));

    private static ByteArrayContent Bytes(byte[] body, string type)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return content;
    }
}
