using System.Text;
using System.Text.Json;
using Notary.Evidence;
using Notary.Ledger;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Transfers;

/// <summary>Custody over HTTP: a record of hainan goes to beijing, is declined and comes back, and what anybody else asks for is refused.</summary>
public sealed class TransferTests(NetworkServer server) : IClassFixture<NetworkServer>
{
    private static int _content = 70_000;

    [Fact]
    public async Task A_record_is_released_received_and_shown_to_both_ends()
    {
        string number = await DepositAsync();
        JsonElement released = await ActAsync(server.Hainan, $$"""{"act":"released","evidence":"{{number}}","target":"beijing"}""");
        string transfer = released.GetProperty("transfer").GetString()!;
        JsonElement incoming = await GetAsync(server.Beijing, "/api/transfers");
        Assert.Contains(incoming.GetProperty("incoming").EnumerateArray(), t => t.GetProperty("transfer").GetString() == transfer && t.GetProperty("state").GetString() == "released");

        JsonElement received = await ActAsync(server.Beijing, $$"""{"act":"received","transfer":"{{transfer}}"}""", "?wait=anchored");
        Assert.Equal(("received", "anchored", transfer), (received.GetProperty("act").GetString(), received.GetProperty("state").GetString(), received.GetProperty("transfer").GetString()));
        Verifies(received);
        foreach (HttpClient end in new[] { server.Hainan, server.Beijing })
        {
            JsonElement shown = await GetAsync(end, $"/api/transfers/{transfer}");
            Assert.Equal(("received", "notary.example/hainan", "notary.example/beijing"), (shown.GetProperty("state").GetString(), shown.GetProperty("source").GetString(), shown.GetProperty("target").GetString()));
            Assert.Equal(received.GetProperty("number").GetString(), shown.GetProperty("received").GetProperty("number").GetString());
        }

        Assert.DoesNotContain((await GetAsync(server.Beijing, "/api/transfers")).GetProperty("incoming").EnumerateArray(), t => t.GetProperty("transfer").GetString() == transfer);
        Assert.Equal("custody", (await GetAsync(server.Beijing, $"/api/evidence/{received.GetProperty("number").GetString()}")).GetProperty("kind").GetString());

        // Onward: beijing has it now, hainan has it no more.
        await RefusedAsync(server.Hainan, $$"""{"act":"released","evidence":"{{number}}","target":"beijing"}""", "refused", "custody-not-here");
        JsonElement back = await ActAsync(server.Beijing, $$"""{"act":"released","evidence":"{{number}}","target":"notary.example/hainan"}""");
        JsonElement shape = await GetAsync(server.Hainan, $"/api/transfers/{back.GetProperty("transfer").GetString()}");
        Assert.Equal(received.GetProperty("index").GetInt64(), shape.GetProperty("via").GetInt64());
    }

    [Fact]
    public async Task A_declined_transfer_is_withdrawn_with_what_another_platform_would_have_to_show()
    {
        string number = await DepositAsync();
        JsonElement released = await ActAsync(server.Hainan, $$"""{"act":"released","evidence":"{{number}}","target":"beijing"}""", "?wait=anchored");
        string transfer = released.GetProperty("transfer").GetString()!;
        await RefusedAsync(server.Hainan, $$"""{"act":"withdrawn","transfer":"{{transfer}}"}""", "not-declined");

        // As if hainan's chain lay elsewhere: with the answer to its act.
        string proof = ProofOf(released);
        await RefusedAsync(server.Beijing, $$"""{"act":"declined","transfer":"{{Guid.CreateVersion7():D}}","proof":{{proof}}}""", "refused", "proof-of-other");
        JsonElement declined = await ActAsync(server.Beijing, $$"""{"act":"declined","transfer":"{{transfer}}","source":"hainan","proof":{{proof}}}""", "?wait=anchored");
        await RefusedAsync(server.Beijing, $$"""{"act":"received","transfer":"{{transfer}}","proof":{{proof}}}""", "refused", "custody-decided");
        await RefusedAsync(server.Hainan, $$"""{"act":"withdrawn","transfer":"{{transfer}}","proof":{{proof}}}""", "refused", "proof-of-other");
        JsonElement withdrawn = await ActAsync(server.Hainan, $$"""{"act":"withdrawn","transfer":"{{transfer}}","proof":{{ProofOf(declined)}}}""", "?wait=anchored");
        Verifies(declined);
        Verifies(withdrawn);
        JsonElement shown = await GetAsync(server.Hainan, $"/api/transfers/{transfer}");
        Assert.Equal("withdrawn", shown.GetProperty("state").GetString());
        Assert.True(shown.TryGetProperty("declined", out _));
        await ActAsync(server.Hainan, $$"""{"act":"released","evidence":"{{number}}","target":"beijing"}""");
    }

    [Fact]
    public async Task A_list_of_transfers_is_read_page_by_page_in_the_order_of_their_releases()
    {
        var released = new List<string>();
        for (int i = 0; i < 5; i++)
        {
            released.Add((await ActAsync(server.Hainan, $$"""{"act":"released","evidence":"{{await DepositAsync()}}","target":"beijing"}""")).GetProperty("transfer").GetString()!);
        }

        foreach ((HttpClient end, string way, string other) in new[] { (server.Hainan, "outgoing", "incoming"), (server.Beijing, "incoming", "outgoing") })
        {
            var listed = new List<string>();
            var indexes = new List<long>();
            for (string? next = ""; next is not null;)
            {
                JsonElement page = await GetAsync(end, $"/api/transfers?limit=2{(next.Length == 0 ? "" : $"&{way}={next}")}");
                Assert.InRange(page.GetProperty(way).GetArrayLength(), 1, 2);
                Assert.True(next.Length == 0 || page.GetProperty(other).GetArrayLength() == 0);
                listed.AddRange(page.GetProperty(way).EnumerateArray().Select(t => t.GetProperty("transfer").GetString()!));
                indexes.AddRange(page.GetProperty(way).EnumerateArray().Select(t => t.GetProperty("released").GetProperty("index").GetInt64()));
                next = page.GetProperty("next").TryGetProperty(way, out JsonElement more) ? more.GetString() : null;
                Assert.True(next is null || page.GetProperty("more").GetBoolean());
            }

            Assert.Equal(released, listed.Where(released.Contains));
            Assert.Equal(indexes.Order(), indexes);
            Assert.Equal(listed.Distinct(), listed);
        }

        foreach (string wrong in new[] { "outgoing=", "outgoing=hainan", "outgoing=hainan:-1", "incoming=hainan:1:2", "incoming=hainan:1&incoming=hainan:1", "outgoing=hainan:99999999999999999999" })
        {
            using HttpResponseMessage refused = await server.Hainan.GetAsync("/api/transfers?" + wrong);
            await ServerFixture.ProblemAsync(refused, "malformed");
        }
    }

    [Fact]
    public async Task Who_waits_beyond_the_limit_is_refused_before_anything_is_sealed()
    {
        await server.StopAsync();
        await server.StartAsync(("Notary__Limits__WaitingRequests", "1"));
        await DepositAsync();
        long before = await SizeAsync();
        HttpResponseMessage[] answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => server.Hainan.PostAsync("/api/evidence?wait=anchored", ServerFixture.Json(ServerFixture.RequestOf(Interlocked.Increment(ref _content))))));
        int done = answers.Count(static answer => (int)answer.StatusCode == 201);
        Assert.InRange(done, 1, 11);
        foreach (HttpResponseMessage refused in answers.Where(static answer => (int)answer.StatusCode != 201))
        {
            await ServerFixture.ProblemAsync(refused, "too-many-waiting");
            Assert.Equal(TimeSpan.FromSeconds(5), refused.Headers.RetryAfter!.Delta);
        }

        Assert.Equal(before + done, await SizeAsync());

        // The places are given back, and who does not wait needs none; an act that needs a proof waits too.
        string number = await DepositAsync();
        string transfer = (await ActAsync(server.Hainan, $$"""{"act":"released","evidence":"{{number}}","target":"beijing"}""", "?wait=anchored")).GetProperty("transfer").GetString()!;
        Task<HttpResponseMessage> waits = server.Hainan.PostAsync("/api/evidence?wait=anchored", ServerFixture.Json(ServerFixture.RequestOf(Interlocked.Increment(ref _content))));
        await Task.Delay(200);
        using (HttpResponseMessage busy = await PostAsync(server.Beijing, $$"""{"act":"received","transfer":"{{transfer}}"}"""))
        {
            await ServerFixture.ProblemAsync(busy, "too-many-waiting");
        }

        await DepositAsync();
        Assert.Equal(201, (int)(await waits).StatusCode);
        await ActAsync(server.Beijing, $$"""{"act":"received","transfer":"{{transfer}}"}""");
        await server.StopAsync();
        await server.StartAsync();

        async Task<long> SizeAsync() => (await GetAsync(server.Hainan, "/api/network")).GetProperty("chains").EnumerateArray().Single(c => c.GetProperty("chain").GetString() == "hainan").GetProperty("size").GetInt64();
    }

    [Fact]
    public async Task The_same_request_is_sealed_once()
    {
        string number = await DepositAsync();
        string body = $$"""{"act":"released","evidence":"{{number}}","target":"beijing"}""";
        string key = Guid.CreateVersion7().ToString("N");
        using HttpResponseMessage first = await PostAsync(server.Hainan, body, key: key);
        using HttpResponseMessage second = await PostAsync(server.Hainan, body, key: key);
        Assert.Equal((201, 201), ((int)first.StatusCode, (int)second.StatusCode));
        Assert.Equal("true", Assert.Single(second.Headers.GetValues("Idempotency-Replayed")));
        Assert.Equal(await IndexAsync(first), await IndexAsync(second));
        using HttpResponseMessage conflict = await PostAsync(server.Hainan, body + " ", key: key);
        await ServerFixture.ProblemAsync(conflict, "idempotency-conflict");
        using var deposit = new HttpRequestMessage(HttpMethod.Post, "/api/evidence") { Content = ServerFixture.Json(body) };
        deposit.Headers.Add("Idempotency-Key", key);
        using HttpResponseMessage other = await server.Hainan.SendAsync(deposit);
        Assert.True((int)other.StatusCode is 409 or 422, await other.Content.ReadAsStringAsync());
    }

    public static TheoryData<string, string> Bad() => new()
    {
        { "", "malformed" },
        { "[]", "malformed" },
        { """{"act":"taken"}""", "malformed" },
        { """{"act":"released","evidence":"HN-0000-0000-0007-4"}""", "malformed" },
        { """{"act":"released","evidence":"HN-0000-0000-0007-4","target":"Beijing"}""", "malformed" },
        { """{"act":"released","evidence":"HN-0000-0000-0007-4","target":"beijing","transfer":"x"}""", "malformed" },
        { """{"act":"released","act":"released","evidence":"HN-0000-0000-0007-4","target":"beijing"}""", "malformed" },
        { """{"act":"received"}""", "malformed" },
        { """{"act":"received","transfer":"0193a5f0-1234-4abc-8def-001122330002"}""", "malformed" },
        { """{"act":"received","transfer":"0193a5f0-1234-7abc-8def-001122330002","source":7}""", "malformed" },
        { """{"act":"received","transfer":"0193a5f0-1234-7abc-8def-001122330002","proof":{"leaf":"","proof":"","anchor":{"leaf":"","proof":""}}}""", "malformed" },
        { """{"act":"withdrawn","transfer":"0193a5f0-1234-7abc-8def-001122330002","source":"beijing"}""", "malformed" },
        { """{"act":"released","evidence":"nothing","target":"beijing"}""", "record-not-found" },
        { """{"act":"released","evidence":"HN-0000-0000-0005-8","target":"beijing"}""", "record-not-found" },
        { """{"act":"received","transfer":"0193a5f0-1234-7abc-8def-001122330002"}""", "transfer-not-found" },
        { """{"act":"declined","transfer":"0193a5f0-1234-7abc-8def-001122330002"}""", "transfer-not-found" },
        { """{"act":"withdrawn","transfer":"0193a5f0-1234-7abc-8def-001122330002"}""", "transfer-not-found" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public Task A_bad_request_is_refused_with_its_code(string body, string code) => RefusedAsync(server.Hainan, body, code);

    [Fact]
    public async Task Whoever_is_no_account_or_of_another_chain_learns_nothing()
    {
        string number = await DepositAsync();
        JsonElement released = await ActAsync(server.Hainan, $$"""{"act":"released","evidence":"{{number}}","target":"beijing"}""");
        string transfer = released.GetProperty("transfer").GetString()!;
        foreach (string address in new[] { "/api/transfers", $"/api/transfers/{transfer}" })
        {
            using HttpResponseMessage refused = await server.Anyone.GetAsync(address);
            await ServerFixture.ProblemAsync(refused, "unauthenticated");
        }

        using HttpResponseMessage act = await PostAsync(server.Anyone, $$"""{"act":"declined","transfer":"{{transfer}}"}""");
        await ServerFixture.ProblemAsync(act, "unauthenticated");
        await RefusedAsync(server.Beijing, $$"""{"act":"withdrawn","transfer":"{{transfer}}"}""", "transfer-not-found");
        await RefusedAsync(server.Hainan, $$"""{"act":"received","transfer":"{{transfer}}"}""", "transfer-not-found");
        using HttpResponseMessage named = await server.Hainan.GetAsync("/api/transfers/HN-0000-0000-0007-4");
        await ServerFixture.ProblemAsync(named, "name-malformed");
        using HttpResponseMessage unknown = await server.Hainan.GetAsync($"/api/transfers/{Guid.CreateVersion7():D}");
        await ServerFixture.ProblemAsync(unknown, "transfer-not-found");
        foreach (string limit in new[] { "0", "1001", "x", "-1" })
        {
            using HttpResponseMessage wrong = await server.Hainan.GetAsync($"/api/transfers?limit={limit}");
            await ServerFixture.ProblemAsync(wrong, "malformed");
        }

        JsonElement one = await GetAsync(server.Hainan, "/api/transfers?limit=1");
        Assert.Equal(1, one.GetProperty("outgoing").GetArrayLength());
        using HttpResponseMessage type = await server.Hainan.PostAsync("/api/transfers", new StringContent("{}", Encoding.UTF8, "text/plain"));
        await ServerFixture.ProblemAsync(type, "unsupported-type");
        using HttpResponseMessage large = await PostAsync(server.Hainan, new string(' ', 300_000));
        await ServerFixture.ProblemAsync(large, "too-large");
        using HttpResponseMessage key = await PostAsync(server.Hainan, "{}", key: new string('k', 65));
        await ServerFixture.ProblemAsync(key, "idempotency-key-malformed");
        using HttpResponseMessage wait = await PostAsync(server.Hainan, "{}", "?wait=tomorrow");
        await ServerFixture.ProblemAsync(wait, "wait-malformed");
    }

    [Fact]
    public async Task Real_answers_have_the_members_that_the_document_shows()
    {
        JsonElement schemas = JsonDocument.Parse(await server.Anyone.GetStringAsync("/openapi/v1.json")).RootElement.GetProperty("components").GetProperty("schemas");
        JsonElement released = await ActAsync(server.Hainan, $$"""{"act":"released","evidence":"{{await DepositAsync()}}","target":"beijing"}""", "?wait=anchored");
        Equal("TransferActShape", released);
        Equal("TransferListShape", await GetAsync(server.Hainan, "/api/transfers"));
        JsonElement shown = await GetAsync(server.Hainan, $"/api/transfers/{released.GetProperty("transfer").GetString()}");
        Equal("TransferShape", shown, "via", "received", "declined", "withdrawn");
        Equal("TransferEvidenceShape", shown.GetProperty("evidence"));
        Equal("TransferStepShape", shown.GetProperty("released"));

        void Equal(string shape, JsonElement answer, params string[] absent) => Assert.Equal(
            schemas.GetProperty(shape).GetProperty("properties").EnumerateObject().Select(p => p.Name).Except(absent).Order(StringComparer.Ordinal),
            answer.EnumerateObject().Select(m => m.Name).Order(StringComparer.Ordinal));
    }

    private static string ProofOf(JsonElement act) =>
        JsonSerializer.Serialize(new { leaf = act.GetProperty("leaf").GetString(), proof = act.GetProperty("proof").GetString(), anchor = act.GetProperty("anchor") });

    // The answer makes the package that anybody verifies with the trust file alone.
    private void Verifies(JsonElement act)
    {
        Assert.Null(TrustFile.TryParse(File.ReadAllBytes(Path.Combine(server.Data, "trust.note")), out TrustFile? trust));
        Assert.True(TlogProof.TryParse(Encoding.UTF8.GetBytes(act.GetProperty("proof").GetString()!), out TlogProof? proof).Ok);
        var anchor = new AnchorProof(Encoding.UTF8.GetBytes(act.GetProperty("anchor").GetProperty("leaf").GetString()!), act.GetProperty("anchor").GetProperty("proof").GetString()!);
        using var package = new MemoryStream();
        PackageWriter.Write(package, Encoding.UTF8.GetBytes(act.GetProperty("leaf").GetString()!), new Openings([], null), proof!, [], anchor);
        package.Position = 0;
        VerificationReport report = Verifier.Verify(package, [], trust);
        Assert.True(report.Indication == Indication.TotalPassed, report.ToText(ReportLanguage.English));
        Assert.Equal(act.GetProperty("act").GetString(), report.Custody!.Act);
    }

    private async Task<string> DepositAsync()
    {
        using HttpResponseMessage answer = await server.Hainan.PostAsync("/api/evidence", ServerFixture.Json(ServerFixture.RequestOf(Interlocked.Increment(ref _content))));
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode == 201, body);
        return JsonDocument.Parse(body).RootElement.GetProperty("number").GetString()!;
    }

    private static async Task<HttpResponseMessage> PostAsync(HttpClient client, string body, string query = "", string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/transfers" + query) { Content = ServerFixture.Json(body) };
        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        }

        return await client.SendAsync(request);
    }

    private static async Task<JsonElement> ActAsync(HttpClient client, string body, string query = "")
    {
        using HttpResponseMessage answer = await PostAsync(client, body, query);
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode == 201, text);
        JsonElement act = JsonDocument.Parse(text).RootElement;
        Assert.Equal($"/api/transfers/{act.GetProperty("transfer").GetString()}", answer.Headers.Location!.OriginalString);
        return act;
    }

    private static async Task RefusedAsync(HttpClient client, string body, string code, string? reason = null)
    {
        using HttpResponseMessage answer = await PostAsync(client, body);
        JsonElement problem = await ServerFixture.ProblemAsync(answer, code);
        Assert.Equal(reason, problem.TryGetProperty("reason", out JsonElement given) ? given.GetString() : null);
    }

    private static async Task<JsonElement> GetAsync(HttpClient client, string address) => JsonDocument.Parse(await client.GetStringAsync(address)).RootElement;

    private static async Task<long> IndexAsync(HttpResponseMessage answer) => JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("index").GetInt64();
}
