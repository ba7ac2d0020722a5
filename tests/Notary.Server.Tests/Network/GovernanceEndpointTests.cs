using System.Net;
using System.Text;
using System.Text.Json;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Network;

/// <summary>Policies and key records handed in over HTTP: what is refused with which reason, and what is sealed where.</summary>
public sealed class GovernanceEndpointTests(NetworkServer server) : IClassFixture<NetworkServer>
{
    [Theory]
    [InlineData("no JSON", "proposal-malformed", null)]
    [InlineData("not canonical", "proposal-malformed", null)]
    [InlineData("too long", "too-large", null)]
    [InlineData("as text", "unsupported-type", null)]
    [InlineData("unsigned", "proposal-refused", "governance-missing")]
    [InlineData("signed by a log", "proposal-refused", "governance-missing")]
    [InlineData("changed", "proposal-refused", "governance-missing")]
    [InlineData("of another genesis", "proposal-refused", "wrong-chain")]
    [InlineData("of the same version", "proposal-refused", "policy-not-newer")]
    public async Task A_proposal_that_admission_does_not_take_is_refused_with_its_reason(string how, string code, string? reason)
    {
        Genesis beijing = GenesisOf("beijing");
        GovernanceProposal good = Of(beijing, ("access", """{"default":"refuse","document":"access","v":1,"version":9}"""));
        byte[] body = how switch
        {
            "no JSON" => "{\n"u8.ToArray(),
            "not canonical" => [(byte)' ', .. Signed(good).ToBytes()],
            "too long" => new byte[GovernanceProposal.MaxBytes + 1],
            "unsigned" => good.ToBytes(),
            "signed by a log" => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(good.ToBytes()).Replace(
                "\"governance\":[],\"name\"", $"\"governance\":[{{\"key\":\"{beijing.GovernanceKeys[0].Name}\",\"signature\":\"{LogSignature(beijing, good)}\"}}],\"name\"", StringComparison.Ordinal)),
            "changed" => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(Signed(good).ToBytes()).Replace("\"version\":9", "\"version\":8", StringComparison.Ordinal)),
            "of another genesis" => Signed(Of(Genesis.Create("notary.example", "beijing", "BJ", Suite.Sm, 1, beijing.GovernanceKeys, beijing.LogKey, beijing.Created.AddDays(1)), ("access", """{"default":"refuse","document":"access","v":1,"version":9}"""))).ToBytes(),
            "of the same version" => Signed(Of(beijing, ("consent", """{"default":"refuse","document":"consent","v":1,"version":1}"""), ("access", """{"default":"refuse","document":"access","v":1,"version":9}"""))).ToBytes(),
            _ => Signed(good).ToBytes(),
        };
        if (how == "of the same version")
        {
            // Once a second version is in force the first one is refused, and with it whatever stands beside it.
            using HttpResponseMessage second = await PostAsync(Signed(Of(beijing, ("consent", """{"default":"refuse","document":"consent","v":1,"version":2}"""))).ToBytes());
            Assert.Equal(HttpStatusCode.OK, second.StatusCode);
        }

        using HttpResponseMessage answer = await server.Hainan.PostAsync("/api/governance", IncidentEndpointTests.Content(body, how == "as text" ? "text/plain" : "application/json"));
        JsonElement problem = await ServerFixture.ProblemAsync(answer, code);
        if (reason is not null)
        {
            Assert.Equal(reason, problem.GetProperty("reason").GetString());
            Assert.Contains("notary.example/beijing", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }

        JsonElement access = (await ChainAsync("beijing")).GetProperty("policies").EnumerateArray().Single(static policy => policy.GetProperty("name").GetString() == "access");
        Assert.Equal(1, access.GetProperty("version").GetInt64());
    }

    [Fact]
    public async Task A_proposal_for_two_chains_is_sealed_on_both_and_answered_the_same_again()
    {
        Genesis[] chains = [GenesisOf("hainan"), GenesisOf("main")];
        byte[] document = """{"default":"keep","document":"retention","v":1,"version":2}"""u8.ToArray();
        Assert.Equal(string.Empty, GovernanceProposal.TryCreate(chains, [.. chains.Select(chain => new GovernedDocument(chain.Origin, "retention", document, []))], out GovernanceProposal? proposal));
        byte[] signed = Signed(proposal!).ToBytes();
        string answered = string.Empty;
        for (int turn = 0; turn < 2; turn++)
        {
            using HttpResponseMessage answer = await PostAsync(signed);
            string body = await answer.Content.ReadAsStringAsync();
            Assert.True(answer.StatusCode == HttpStatusCode.OK, body);
            Assert.True(turn == 0 || body == answered);
            answered = body;
        }

        JsonElement applied = JsonDocument.Parse(answered).RootElement;
        Assert.Equal(proposal!.Fingerprint.ToHex(), applied.GetProperty("fingerprint").GetString());
        Assert.Equal(["notary.example/hainan", "notary.example/main"], applied.GetProperty("documents").EnumerateArray().Select(static one => one.GetProperty("chain").GetString()));
        foreach (JsonElement one in applied.GetProperty("documents").EnumerateArray())
        {
            JsonElement chain = await ChainAsync(one.GetProperty("chain").GetString()!.Split('/')[1]);
            JsonElement retention = chain.GetProperty("policies").EnumerateArray().Last();
            Assert.Equal((2, one.GetProperty("index").GetInt64()), (retention.GetProperty("version").GetInt64(), retention.GetProperty("index").GetInt64()));
            Assert.Equal(Encoding.UTF8.GetString(document), retention.GetProperty("document").GetString());
        }
    }

    [Fact]
    public async Task What_is_in_force_is_told_with_the_genesis_and_the_keys_of_the_account_that_was_asked_for()
    {
        JsonElement hainan = await ChainAsync("hainan", "dev-agency");
        Assert.Equal(GenesisProblem.None, Genesis.TryParse(Encoding.UTF8.GetBytes(hainan.GetProperty("genesis").GetString()!), out Genesis? genesis));
        Assert.Equal(GenesisOf("hainan").Fingerprint, genesis!.Fingerprint);
        JsonElement key = Assert.Single(hainan.GetProperty("keys").EnumerateArray());
        Assert.Equal(5, key.GetProperty("index").GetInt64());
        Assert.Equal(string.Empty, KeyRecord.TryParseDocument(Encoding.UTF8.GetBytes(key.GetProperty("document").GetString()!), out KeyRecord? record));
        Assert.Equal("dev-agency", record!.Account);
        Assert.Empty((await ChainAsync("hainan")).GetProperty("keys").EnumerateArray());
        using HttpResponseMessage malformed = await server.Hainan.GetAsync("/api/governance?account=%2F%2F");
        await ServerFixture.ProblemAsync(malformed, "malformed");
        using HttpResponseMessage nobody = await server.Anyone.GetAsync("/api/governance");
        await ServerFixture.ProblemAsync(nobody, "unauthenticated");
    }

    private async Task<JsonElement> ChainAsync(string name, string account = "") =>
        JsonDocument.Parse(await server.Hainan.GetStringAsync("/api/governance" + (account.Length > 0 ? "?account=" + account : string.Empty))).RootElement.GetProperty("chains").EnumerateArray().Single(chain => chain.GetProperty("chain").GetString() == name);

    private Task<HttpResponseMessage> PostAsync(byte[] body) => server.Hainan.PostAsync("/api/governance", IncidentEndpointTests.Content(body));

    private Genesis GenesisOf(string chain)
    {
        Assert.Equal(GenesisProblem.None, Genesis.TryParse(File.ReadAllBytes(Path.Combine(server.Data, "chains", chain, "genesis.json")), out Genesis? genesis));
        return genesis!;
    }

    private static GovernanceProposal Of(Genesis chain, params (string Name, string Document)[] documents)
    {
        Assert.Equal(string.Empty, GovernanceProposal.TryCreate([chain], [.. documents.Select(one => new GovernedDocument(chain.Origin, one.Name, Encoding.UTF8.GetBytes(one.Document), []))], out GovernanceProposal? proposal));
        return proposal!;
    }

    private ISigner Load(string file) => KeyFile.Load(Path.Combine(server.Data, file), File.ReadAllText(Path.Combine(server.Data, "passwords")).Trim());

    private GovernanceProposal Signed(GovernanceProposal proposal)
    {
        using ISigner signer = Load("keys/governance.pem");
        return proposal.SignedBy(signer, out _, out _);
    }

    private string LogSignature(Genesis chain, GovernanceProposal proposal)
    {
        using ISigner signer = Load("chains/beijing/keys/log.pem");
        return Convert.ToHexStringLower(signer.Sign(Governance.Message(chain, proposal.Documents[0].Name, proposal.Documents[0].Document.Span).AsSpan()));
    }
}
