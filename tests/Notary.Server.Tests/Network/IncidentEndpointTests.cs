using System.Net;
using System.Text.Json;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Network;

/// <summary>What an incident is refused for over HTTP, and what closing a region does to it and to the others.</summary>
public sealed class IncidentEndpointTests(NetworkServer server) : IClassFixture<NetworkServer>
{
    private const string Main = "notary.example/main";
    private const string Closed = "notary.example/beijing";
    private const string Successor = "notary.example/beijing-2";

    private string Password => File.ReadAllText(Path.Combine(server.Data, "passwords")).Trim();

    [Theory]
    [InlineData("no JSON", "incident-malformed", null)]
    [InlineData("not canonical", "incident-malformed", null)]
    [InlineData("too long", "too-large", null)]
    [InlineData("as text", "unsupported-type", null)]
    [InlineData("for another main chain", "incident-refused", "wrong-chain")]
    [InlineData("unsigned", "incident-refused", "governance-missing")]
    [InlineData("signed by the log", "incident-refused", "governance-missing")]
    [InlineData("of the main chain", "incident-refused", "incident-of-main")]
    [InlineData("of an unknown chain", "incident-refused", "incident-origin-unknown")]
    [InlineData("with itself as successor", "incident-refused", "incident-successor")]
    [InlineData("by another log", "incident-refused", "incident-signature")]
    [InlineData("below what is anchored", "incident-refused", "incident-inconsistent")]
    public async Task An_incident_that_does_not_close_a_chain_is_refused_with_its_reason(string how, string code, string? reason)
    {
        byte[] body = how switch
        {
            "no JSON" => "{\n"u8.ToArray(),
            "not canonical" => [(byte)' ', .. Signed(Incident()).ToProposal(Main)],
            "too long" => new byte[(16 * 1024) + 2],
            "for another main chain" => Signed(Incident()).ToProposal("notary.other/main"),
            "unsigned" => Incident().ToProposal(Main),
            "signed by the log" => Signed(Incident(), "chains/beijing/keys/log.pem").ToProposal(Main),
            "of the main chain" => Signed(Incident(origin: Main)).ToProposal(Main),
            "of an unknown chain" => Signed(Incident(origin: "notary.example/lhasa")).ToProposal(Main),
            "with itself as successor" => Signed(Incident(successor: Closed)).ToProposal(Main),
            "by another log" => Signed(Incident(log: "hainan")).ToProposal(Main),
            "below what is anchored" => Signed(Incident(lost: 1, proof: [])).ToProposal(Main),
            _ => Signed(Incident()).ToProposal(Main),
        };
        if (how == "below what is anchored")
        {
            await AnchoredAsync();
        }

        using HttpResponseMessage answer = await server.Hainan.PostAsync("/api/incidents", Content(body, how == "as text" ? "text/plain" : "application/json"));
        JsonElement problem = await ServerFixture.ProblemAsync(answer, code);
        if (reason is not null)
        {
            Assert.Equal(reason, problem.GetProperty("reason").GetString());
        }
    }

    [Fact]
    public async Task Nobody_unknown_hands_one_in()
    {
        using HttpResponseMessage refused = await server.Anyone.PostAsync("/api/incidents", Content(Signed(Incident()).ToProposal(Main)));
        await ServerFixture.ProblemAsync(refused, "unauthenticated");
    }

    internal static ByteArrayContent Content(byte[] body, string type = "application/json")
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new(type);
        return content;
    }

    internal async Task<SignedNote> AnchoredAsync()
    {
        for (int wait = 0; ; wait++)
        {
            JsonElement chain = JsonDocument.Parse(await server.Anyone.GetStringAsync("/api/network")).RootElement.GetProperty("chains").EnumerateArray().Single(static one => one.GetProperty("chain").GetString() == "beijing");
            byte[] bytes = await server.Anyone.GetByteArrayAsync("/log/beijing/checkpoint");
            Assert.True(SignedNote.TryParse(bytes, out SignedNote? note).Ok);
            Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(note!.Text, out Checkpoint? checkpoint));
            if (chain.GetProperty("anchored").GetInt64() == checkpoint!.Size)
            {
                return SignedNote.Create(note.Text, [note.Signatures[0]]);
            }

            Assert.True(wait < 300, chain.GetRawText());
            await Task.Delay(100);
        }
    }

    internal IncidentRecord Incident(SignedNote? available = null, long lost = 900, string origin = Closed, string successor = Successor, string log = "beijing", Hash32[]? proof = null)
    {
        using ISigner signer = KeyFile.Load(Path.Combine(server.Data, "chains", log, "keys", "log.pem"), Password);
        string text = new Checkpoint(origin, lost, Suite.Sm.Hash("lost"u8)).Format();
        NoteKey key = NoteKey.Create(origin, NoteKey.TypeFor(signer.Algorithm, cosignature: false), signer.PublicKey.Span);
        return IncidentRecord.TryCreate(available, SignedNote.Create(text, [NoteSigner.SignLine(signer, key, text)]), proof ?? [], successor, IncidentReason.Storage)!;
    }

    internal IncidentRecord Signed(IncidentRecord record, string file = "keys/governance.pem")
    {
        using ISigner signer = KeyFile.Load(Path.Combine(server.Data, file), Password);
        Assert.Null(TrustFile.TryParse(File.ReadAllBytes(Path.Combine(server.Data, "trust.note")), out TrustFile? trust));
        return record.SignedBy(signer, trust!.Content.GovernanceKeys[0], Suite.Sm, Main);
    }
}

/// <summary>The same with a server of its own, for it ends a region.</summary>
public sealed class ClosedRegionTests(NetworkServer server) : IClassFixture<NetworkServer>
{
    [Fact]
    public async Task A_closed_region_seals_nothing_more_and_the_others_go_on()
    {
        var incidents = new IncidentEndpointTests(server);
        using (HttpResponseMessage before = await DepositAsync(server.Beijing))
        {
            Assert.Equal(HttpStatusCode.Created, before.StatusCode);
        }

        SignedNote available = await incidents.AnchoredAsync();
        byte[] proposal = incidents.Signed(incidents.Incident(available)).ToProposal("notary.example/main");
        string answered = string.Empty;
        for (int turn = 0; turn < 2; turn++)
        {
            using HttpResponseMessage answer = await server.Hainan.PostAsync("/api/incidents", IncidentEndpointTests.Content(proposal));
            string body = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.StatusCode == HttpStatusCode.OK, body);
            Assert.True(turn == 0 || body == answered);
            answered = body;
        }

        JsonElement applied = JsonDocument.Parse(answered).RootElement;
        Assert.Equal(("notary.example/beijing", "notary.example/beijing-2"), (applied.GetProperty("origin").GetString(), applied.GetProperty("successor").GetString()));
        Assert.Equal(900, applied.GetProperty("available").GetInt64() + applied.GetProperty("lost").GetInt64());
        using (HttpResponseMessage twice = await server.Hainan.PostAsync("/api/incidents", IncidentEndpointTests.Content(incidents.Signed(incidents.Incident(available, 901)).ToProposal("notary.example/main"))))
        {
            Assert.Equal("incident-twice", (await ServerFixture.ProblemAsync(twice, "incident-refused")).GetProperty("reason").GetString());
        }

        await SaysClosedAsync(applied.GetProperty("mainIndex").GetInt64());
        await server.StopAsync();
        await server.StartAsync();
        await SaysClosedAsync(applied.GetProperty("mainIndex").GetInt64());
    }

    private async Task SaysClosedAsync(long index)
    {
        using HttpResponseMessage refused = await DepositAsync(server.Beijing);
        JsonElement problem = await ServerFixture.ProblemAsync(refused, "chain-stopped");
        Assert.Null(refused.Headers.RetryAfter);
        Assert.Contains($"is closed by leaf {index} of the main chain", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Contains("notary.example/beijing-2 takes its place", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        JsonElement chain = JsonDocument.Parse(await server.Anyone.GetStringAsync("/api/network")).RootElement.GetProperty("chains").EnumerateArray().Single(static one => one.GetProperty("chain").GetString() == "beijing");
        Assert.Equal("closed", chain.GetProperty("status").GetString());
        Assert.Contains("notary.example/beijing-2", chain.GetProperty("detail").GetString(), StringComparison.Ordinal);

        // Ready: the other regions seal, and nobody waits for this one.
        JsonElement ready = JsonDocument.Parse(await server.Anyone.GetStringAsync("/health/ready")).RootElement;
        JsonElement health = ready.GetProperty("chains").EnumerateArray().Single(static one => one.GetProperty("chain").GetString() == "beijing");
        Assert.Equal(("ready", "closed", "closed-for-good"), (ready.GetProperty("status").GetString(), health.GetProperty("status").GetString(), health.GetProperty("reason").GetString()));
        using HttpResponseMessage other = await DepositAsync(server.Hainan);
        Assert.Equal(HttpStatusCode.Created, other.StatusCode);
        using HttpResponseMessage log = await server.Anyone.GetAsync("/log/beijing/checkpoint");
        Assert.Equal(HttpStatusCode.OK, log.StatusCode);
    }

    private static Task<HttpResponseMessage> DepositAsync(HttpClient client) => client.PostAsync("/api/evidence", ServerFixture.Json(ServerFixture.RequestOf(Random.Shared.Next())));
}
