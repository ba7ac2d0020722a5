using System.Net;
using System.Text.Json.Nodes;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Identity.Connect;

/// <summary>DPoP (RFC 9449), at the token endpoint and at resources.</summary>
public abstract partial class ConnectTests
{
    private static readonly (string, string)[] ForData = [("grant_type", "client_credentials"), ("scope", "data.read deposit")];

    [Fact]
    public async Task Rfc9449_5_and_6_personal_data_need_a_bound_token_and_it_names_its_key()
    {
        await Host.AuditedAsync();
        await ErrorAsync("invalid_dpop_proof", "beijing/agency", "agency-one", null, ForData);
        await RefusedAsync("token-issue", "proof-missing");
        ISigner key = Host.Key("neighbour");
        JsonNode body = await BoundAsync(key);
        Assert.Equal("DPoP", body["token_type"]!.GetValue<string>());
        string token = body["access_token"]!.GetValue<string>();
        Assert.Equal(OAuth.Thumbprint(key), OAuth.Read(token)["cnf"]!["jkt"]!.GetValue<string>());
        string address = Host.Issuer + "/api/webhooks";
        using HttpResponseMessage good = await OAuth.GetAsync(Host, "/api/webhooks?any=query", "DPoP", token, OAuth.Proof(key, "GET", address + "?query=is-not-compared", token));
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);

        // Clause 7.2: as a bearer token it is nothing, and a bearer token is no bound one.
        using HttpResponseMessage downgraded = await OAuth.GetAsync(Host, "/api/webhooks", "Bearer", token);
        await ServerFixture.ProblemAsync(downgraded, "unauthenticated");
        (_, JsonNode unbound) = await OAuth.PostAsync(Host, "/connect/token", "beijing/agency", "agency-one", null, ForItself);
        string bearer = unbound["access_token"]!.GetValue<string>();
        using HttpResponseMessage upgraded = await OAuth.GetAsync(Host, "/api/webhooks", "DPoP", bearer, OAuth.Proof(key, "GET", address, bearer));
        await ServerFixture.ProblemAsync(upgraded, "unauthenticated");
    }

    public static TheoryData<string, string> WrongProofs => new()
    {
        { "4_3_2_no JWT", "proof-malformed" },
        { "4_3_4_typ", "proof-typ" },
        { "4_3_5_alg none", "proof-alg" },
        { "4_3_5_alg HS256", "proof-alg" },
        { "4_3_5_alg SM2SM3", "proof-alg" },
        { "4_3_6_signature of another key", "proof-signature" },
        { "4_3_7_private key in jwk", "proof-jwk" },
        { "4_3_7_no jwk", "proof-jwk" },
        { "4_3_7_point off the curve", "proof-jwk" },
        { "4_3_8_htm", "proof-htm" },
        { "4_3_9_htu of another endpoint", "proof-htu" },
        { "4_3_9_htu of another host", "proof-htu" },
        { "4_3_11_iat too old", "proof-iat" },
        { "4_3_11_iat to come", "proof-iat" },
        { "4_3_3_no jti", "proof-jti" },
        { "4_3_3_no iat", "proof-iat" },
    };

    [Theory]
    [MemberData(nameof(WrongProofs))]
    public async Task Rfc9449_4_3_a_wrong_proof_is_refused_at_the_token_endpoint(string what, string reason)
    {
        await Host.AuditedAsync();
        string proof = WrongProof(what, "POST", TokenAddress, null);
        await ErrorAsync("invalid_dpop_proof", "beijing/agency", "agency-one", proof, ForItself);
        await RefusedAsync("token-issue", reason);
    }

    public static TheoryData<string> WrongProofsAtResources => [.. WrongProofs.Select(static row => (string)row[0]), "4_3_10_no ath", "4_3_10_ath of another token", "7_1_another key", "7_1_none"];

    [Theory]
    [MemberData(nameof(WrongProofsAtResources))]
    public async Task Rfc9449_7_1_a_wrong_proof_opens_no_resource(string what)
    {
        await Host.AuditedAsync();
        ISigner key = Host.Key("neighbour");
        string token = (await BoundAsync(key))["access_token"]!.GetValue<string>();
        string? proof = what switch
        {
            "7_1_none" => null,
            "7_1_another key" => OAuth.Proof(Host.Key("agency-one"), "GET", Host.Issuer + "/api/webhooks", token),
            "4_3_10_no ath" => OAuth.Proof(key, "GET", Host.Issuer + "/api/webhooks"),
            "4_3_10_ath of another token" => OAuth.Proof(key, "GET", Host.Issuer + "/api/webhooks", token + "x"),
            _ => WrongProof(what, "GET", Host.Issuer + "/api/webhooks", token),
        };
        using HttpResponseMessage answer = await OAuth.GetAsync(Host, "/api/webhooks", "DPoP", token, proof);
        await ServerFixture.ProblemAsync(answer, "unauthenticated");
        Assert.Contains("invalid_dpop_proof", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        string reason = what switch
        {
            "7_1_none" => "proof-missing",
            "7_1_another key" => "proof-key",
            _ when what.Contains("ath", StringComparison.Ordinal) => "proof-ath",
            _ => (string)WrongProofs.Single(row => (string)row[0] == what)[1],
        };

        // One row a minute for each reason: the first of them is here, or was told before by another case of this test.
        JsonNode[] rows = [.. (await Host.AuditedAsync()).Where(static r => r["event"]!.GetValue<string>() == "token-use")];
        Assert.True(rows.Length == 1 ? rows[0]["refused"]!.GetValue<string>() == reason && rows[0]["target"]!.GetValue<string>() == "service:beijing/agency" : Told.ContainsKey((Host, reason)), $"{what}: {string.Join(' ', rows.Select(static r => r.ToJsonString()))}");
        Told[(Host, reason)] = true;
    }

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<(ConnectServer, string), bool> Told = new();

    [Fact]
    public async Task Rfc9449_11_1_a_proof_is_accepted_once()
    {
        await Host.AuditedAsync();
        ISigner key = Host.Key("neighbour");
        string proof = OAuth.Proof(key, "POST", TokenAddress);
        (HttpStatusCode status, JsonNode body) = await OAuth.PostAsync(Host, "/connect/token", "beijing/agency", "agency-one", proof, ForData);
        Assert.Equal(HttpStatusCode.OK, status);
        await ErrorAsync("invalid_dpop_proof", "beijing/agency", "agency-one", proof, ForData);
        await RefusedAsync("token-issue", "proof-replayed");
        string token = body["access_token"]!.GetValue<string>();
        string used = OAuth.Proof(key, "GET", Host.Issuer + "/api/webhooks", token);
        HttpResponseMessage[] answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => OAuth.GetAsync(Host, "/api/webhooks", "DPoP", token, used)));
        Assert.Single(answers, static a => a.StatusCode == HttpStatusCode.OK);
        Assert.Equal(5, answers.Count(static a => a.StatusCode == HttpStatusCode.Unauthorized));
        Array.ForEach(answers, static a => a.Dispose());
    }

    [Fact]
    public async Task Rfc9449_10_a_code_that_names_a_key_is_redeemed_by_that_key_alone_and_data_need_a_proof_at_each_refresh()
    {
        await Host.AuditedAsync();
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        ISigner key = Host.Key("neighbour");
        string code = await OAuth.CodeAsync(citizen, "court-portal", "openid data.read offline_access", ("dpop_jkt", OAuth.Thumbprint(key)));
        (HttpStatusCode status, JsonNode body) = await RedeemAsync("court-portal", code);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_dpop_proof"), (status, body["error"]!.GetValue<string>()));
        (status, JsonNode tokens) = await RedeemAsync("court-portal", code, OAuth.Proof(key, "POST", TokenAddress));
        Assert.True(status == HttpStatusCode.OK, tokens.ToJsonString());
        string access = tokens["access_token"]!.GetValue<string>();
        using HttpResponseMessage info = await OAuth.GetAsync(Host, "/connect/userinfo", "DPoP", access, OAuth.Proof(key, "GET", Host.Issuer + "/connect/userinfo", access));
        Assert.Equal(HttpStatusCode.OK, info.StatusCode);
        (status, body) = await RefreshAsync("court-portal", tokens);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_dpop_proof"), (status, body["error"]!.GetValue<string>()));
        string stolen = await OAuth.CodeAsync(citizen, "court-portal", "openid", ("dpop_jkt", OAuth.Thumbprint(key)));
        (status, body) = await RedeemAsync("court-portal", stolen, OAuth.Proof(Host.Key("agency-one"), "POST", TokenAddress));
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_grant"), (status, body["error"]!.GetValue<string>()));
        await RefusedAsync("token-issue", "code-key");
    }

    private async Task<JsonNode> BoundAsync(ISigner key)
    {
        (HttpStatusCode status, JsonNode body) = await OAuth.PostAsync(Host, "/connect/token", "beijing/agency", "agency-one", OAuth.Proof(key, "POST", TokenAddress), ForData);
        Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
        return body;
    }

    private string WrongProof(string what, string method, string address, string? token)
    {
        ISigner key = Host.Key("neighbour");
        if (what == "4_3_2_no JWT")
        {
            return "proof";
        }

        return OAuth.Proof(what == "4_3_6_signature of another key" ? Host.Key("agency-two") : key, method, address, token, (header, claims) =>
        {
            switch (what)
            {
                case "4_3_4_typ": header["typ"] = "JWT"; break;
                case "4_3_5_alg none": header["alg"] = "none"; break;
                case "4_3_5_alg HS256": header["alg"] = "HS256"; break;
                case "4_3_5_alg SM2SM3": header["alg"] = "SM2SM3"; break;
                case "4_3_6_signature of another key": header["jwk"] = OAuth.Jwk(key); break;
                case "4_3_7_private key in jwk": header["jwk"]!["d"] = header["jwk"]!["x"]!.DeepClone(); break;
                case "4_3_7_no jwk": header.Remove("jwk"); break;
                case "4_3_7_point off the curve": header["jwk"]!["y"] = header["jwk"]!["x"]!.DeepClone(); break;
                case "4_3_8_htm": claims["htm"] = "PUT"; break;
                case "4_3_9_htu of another endpoint": claims["htu"] = Host.Issuer + "/connect/revocation"; break;
                case "4_3_9_htu of another host": claims["htu"] = address.Replace("localhost", "elsewhere.example", StringComparison.Ordinal); break;
                case "4_3_11_iat too old": claims["iat"] = OAuth.Now - 120; break;
                case "4_3_11_iat to come": claims["iat"] = OAuth.Now + 120; break;
                case "4_3_3_no jti": claims.Remove("jti"); break;
                default: Assert.Equal("4_3_3_no iat", what); claims.Remove("iat"); break;
            }
        });
    }
}
