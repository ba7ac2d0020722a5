using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Notary.Crypto;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Identity.Connect;

/// <summary>The OpenID provider of a running server, clause by clause; on SQLite and on PostgreSQL. This file: discovery, client authentication, service accounts.</summary>
public abstract partial class ConnectTests(IConnectServer fixture)
{
    private ConnectServer Host => fixture.Host;

    private string TokenAddress => Host.Issuer + "/connect/token";

    private const string Development = "beijing/" + Chain.Folders.ChainCreation.DevelopmentAccount;

    private static readonly (string, string)[] ForItself = [("grant_type", "client_credentials")];

    [Fact]
    public async Task Rfc8414_3_and_Discovery_3_the_metadata_stands_at_both_addresses_and_offers_nothing_else()
    {
        JsonNode openId = JsonNode.Parse(await Host.Server.Client.GetStringAsync("/.well-known/openid-configuration"))!;
        Assert.Equal(openId.ToJsonString(), JsonNode.Parse(await Host.Server.Client.GetStringAsync("/.well-known/oauth-authorization-server"))!.ToJsonString());
        Assert.Equal(Host.Issuer, openId["issuer"]!.GetValue<string>());
        Assert.Equal("""["code"]""", openId["response_types_supported"]!.ToJsonString());
        Assert.Equal("""["authorization_code","client_credentials","refresh_token"]""", openId["grant_types_supported"]!.ToJsonString());
        Assert.Equal("""["private_key_jwt"]""", openId["token_endpoint_auth_methods_supported"]!.ToJsonString());
        Assert.Equal("""["S256"]""", openId["code_challenge_methods_supported"]!.ToJsonString());
        JsonNode keys = JsonNode.Parse(await Host.Server.Client.GetStringAsync(openId["jwks_uri"]!.GetValue<string>()))!;
        JsonNode key = Assert.Single(keys["keys"]!.AsArray())!;
        Assert.Null(key["d"]);
        Assert.Equal("ES256", key["alg"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("beijing/agency", "agency-one")]
    [InlineData("beijing/agency", "agency-two")]
    [InlineData(Development, "development")]
    public async Task Rfc7523_3_and_Rfc9068_2_a_service_account_gets_a_token_by_each_of_its_keys_in_force_and_deposits_with_it(string client, string key)
    {
        await Host.AuditedAsync();
        (HttpStatusCode status, JsonNode body) = await OAuth.PostAsync(Host, "/connect/token", client, key, null, ForItself);
        Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
        Assert.Equal("Bearer", body["token_type"]!.GetValue<string>());
        Assert.Equal(600, body["expires_in"]!.GetValue<int>());
        Assert.Null(body["refresh_token"]);
        string token = body["access_token"]!.GetValue<string>();
        Assert.Equal("at+jwt", OAuth.Read(token, 0)["typ"]!.GetValue<string>());
        JsonNode claims = OAuth.Read(token);
        Assert.Equal((client, client, "deposit", Host.Issuer + "/api"), (claims["sub"]!.GetValue<string>(), claims["client_id"]!.GetValue<string>(), claims["scope"]!.GetValue<string>(), claims["aud"]!.GetValue<string>()));

        using HttpResponseMessage deposit = await OAuth.GetAsync(Host, "/api/evidence", "Bearer", token, method: HttpMethod.Post, content: ServerFixture.Json(ServerFixture.RequestOf(Random.Shared.Next())));
        string answer = await deposit.Content.ReadAsStringAsync();
        Assert.True(deposit.StatusCode == HttpStatusCode.Created, answer);
        string leaf = JsonNode.Parse(answer)!["leaf"]!.ToJsonString();
        Assert.Contains("private-key-jwt", leaf, StringComparison.Ordinal);
        Assert.Contains(client.Split('/')[1], leaf, StringComparison.Ordinal);

        // The trail names the key that was used.
        string keyId = Convert.ToHexStringLower(SHA256.HashData(PublicKeyInfo.Format(Host.Key(key).Algorithm, Host.Key(key).PublicKey.Span)));
        Assert.Contains(await Host.AuditedAsync(), row => row["event"]!.GetValue<string>() == "token-issue" && row["actor"]!.GetValue<string>() == "service:" + client && row["target"]!.GetValue<string>() == "key:" + keyId);
    }

    [Fact]
    public async Task The_secret_still_deposits_and_its_leaf_says_so()
    {
        using HttpClient agency = ServerFixture.AgencyOf(Host.Server);
        using HttpResponseMessage deposit = await agency.PostAsync("/api/evidence", ServerFixture.Json(ServerFixture.RequestOf(Random.Shared.Next())));
        Assert.Contains("client-secret", await deposit.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    public static TheoryData<string, string> WrongAssertions => new()
    {
        { "Rfc7523_3_missing", "assertion-missing" },
        { "Rfc7523_3_9_no JWT", "assertion-malformed" },
        { "Rfc7523_3_2_sub of another", "assertion-subject" },
        { "Rfc7523_3_3_aud of the token endpoint", "assertion-aud" },
        { "Rfc7523_3_3_aud of another issuer", "assertion-aud" },
        { "Rfc7523_3_3_two audiences", "assertion-aud" },
        { "Rfc7523_3_4_expired", "assertion-expired" },
        { "Rfc7523_3_4_no exp", "assertion-expired" },
        { "Rfc7523_3_4_exp in an hour", "assertion-too-long" },
        { "Rfc7523_3_5_nbf in an hour", "assertion-future" },
        { "Rfc7523_3_6_iat in an hour", "assertion-future" },
        { "Rfc7523_3_6_iat an hour ago", "assertion-expired" },
        { "Rfc7523_3_6_no iat", "assertion-future" },
        { "Rfc7523_3_7_no jti", "assertion-jti" },
        { "Rfc7523_3_7_jti too long", "assertion-jti" },
        { "Rfc7515_4_1_11_crit", "assertion-malformed" },
        { "Rfc8725_3_1_alg none", "assertion-alg" },
        { "Rfc8725_3_1_HS256 with the public key", "assertion-alg" },
        { "Rfc8725_3_1_RS256", "assertion-alg" },
        { "Rfc8725_3_1_ES256 named SM2SM3", "assertion-alg" },
        { "Rfc8725_3_1_SM2 key named ES256", "assertion-alg" },
        { "Rfc8725_3_1_ES256 signature with the SM2 name by an SM2 account", "assertion-signature" },
        { "Rfc8725_3_11_typ of an access token", "assertion-typ" },
        { "Rfc8725_3_11_typ of a proof", "assertion-typ" },
        { "Rfc7515_10_signature of another message", "assertion-signature" },
        { "key of another account", "assertion-signature" },
        { "key of another account, named", "assertion-kid" },
        { "key revoked", "assertion-signature" },
        { "key over", "assertion-signature" },
        { "key not yet valid", "assertion-signature" },
        { "key of a node", "assertion-signature" },
        { "account without a key", "assertion-client" },
        { "chain that is not here", "assertion-client" },
        { "client_id of another", "assertion-subject" },
    };

    [Theory]
    [MemberData(nameof(WrongAssertions))]
    public async Task Rfc6749_5_2_a_client_that_does_not_prove_who_it_is_gets_invalid_client(string what, string reason)
    {
        await Host.AuditedAsync();
        string client = what.Contains("SM2 account", StringComparison.Ordinal) || what.Contains("SM2 key", StringComparison.Ordinal) ? Development : "beijing/agency";
        ISigner key = Host.Key("agency-one");
        JsonObject header = OAuth.Header(key);
        JsonObject claims = OAuth.Claims(client, Host.Issuer);
        Func<byte[], byte[]> sign = message => key.Sign(message);
        var form = new List<(string, string)> { ("grant_type", "client_credentials"), ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") };
        string? text = null;
        switch (what)
        {
            case "Rfc7523_3_9_no JWT": text = "no.jwt"; break;
            case "Rfc7523_3_2_sub of another": claims["sub"] = "beijing/neighbour"; break;
            case "Rfc7523_3_3_aud of the token endpoint": claims["aud"] = TokenAddress; break;
            case "Rfc7523_3_3_aud of another issuer": claims["aud"] = "https://notary.elsewhere"; break;
            case "Rfc7523_3_3_two audiences": claims["aud"] = new JsonArray(Host.Issuer, "https://notary.elsewhere"); break;
            case "Rfc7523_3_4_expired": claims["exp"] = OAuth.Now - 1; break;
            case "Rfc7523_3_4_no exp": claims.Remove("exp"); break;
            case "Rfc7523_3_4_exp in an hour": claims["exp"] = OAuth.Now + 3_600; break;
            case "Rfc7523_3_5_nbf in an hour": claims["nbf"] = OAuth.Now + 3_600; break;
            case "Rfc7523_3_6_iat in an hour": claims["iat"] = OAuth.Now + 3_600; break;
            case "Rfc7523_3_6_iat an hour ago": claims["iat"] = OAuth.Now - 3_600; break;
            case "Rfc7523_3_6_no iat": claims.Remove("iat"); break;
            case "Rfc7523_3_7_no jti": claims.Remove("jti"); break;
            case "Rfc7523_3_7_jti too long": claims["jti"] = new string('j', 129); break;
            case "Rfc7515_4_1_11_crit": header["crit"] = new JsonArray("b64"); header["b64"] = false; break;
            case "Rfc8725_3_1_alg none": header["alg"] = "none"; sign = static _ => []; break;
            case "Rfc8725_3_1_HS256 with the public key": header["alg"] = "HS256"; sign = message => HMACSHA256.HashData(PublicKeyInfo.Format(KeyAlgorithm.P256, key.PublicKey.Span), message); break;
            case "Rfc8725_3_1_RS256":
                header["alg"] = "RS256";
                sign = static message =>
                {
                    using var rsa = RSA.Create(2_048);
                    return rsa.SignData(message, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
                };
                break;
            case "Rfc8725_3_1_ES256 named SM2SM3": header["alg"] = "SM2SM3"; break;
            case "Rfc8725_3_1_SM2 key named ES256": sign = message => Host.Key("development").Sign(message); break;
            case "Rfc8725_3_1_ES256 signature with the SM2 name by an SM2 account": header["alg"] = "SM2SM3"; break;
            case "Rfc8725_3_11_typ of an access token": header["typ"] = "at+jwt"; break;
            case "Rfc8725_3_11_typ of a proof": header["typ"] = "dpop+jwt"; break;
            case "Rfc7515_10_signature of another message": sign = message => key.Sign([.. message, 0]); break;
            case "key of another account": sign = message => Host.Key("neighbour").Sign(message); break;
            case "key of another account, named": header["kid"] = Convert.ToHexStringLower(SHA256.HashData(PublicKeyInfo.Format(KeyAlgorithm.P256, Host.Key("neighbour").PublicKey.Span))); sign = message => Host.Key("neighbour").Sign(message); break;
            case "key revoked": sign = message => Host.Key("agency-revoked").Sign(message); break;
            case "key over": sign = message => Host.Key("agency-over").Sign(message); break;
            case "key not yet valid": sign = message => Host.Key("agency-early").Sign(message); break;
            case "key of a node": sign = message => Host.Key("agency-node").Sign(message); break;
            case "account without a key": (claims["iss"], claims["sub"]) = ("beijing/nobody", "beijing/nobody"); break;
            case "chain that is not here": (claims["iss"], claims["sub"]) = ("hainan/agency", "hainan/agency"); break;
            case "client_id of another": form.Add(("client_id", "beijing/neighbour")); break;
            default: Assert.Equal("Rfc7523_3_missing", what); break;
        }

        if (what != "Rfc7523_3_missing")
        {
            form.Add(("client_assertion", text ?? OAuth.Sign(header, claims, sign)));
        }

        (HttpStatusCode status, JsonNode body) = await OAuth.PostAsync(Host, "/connect/token", client, null, null, [.. form]);
        Assert.Equal((HttpStatusCode.Unauthorized, "invalid_client"), (status, body["error"]!.GetValue<string>()));
        await RefusedAsync("token-issue", reason);
    }

    [Fact]
    public async Task Rfc7523_3_7_an_assertion_is_accepted_once_also_when_it_comes_twice_at_once()
    {
        await Host.AuditedAsync();
        string assertion = OAuth.Assertion("beijing/agency", Host.Issuer, Host.Key("agency-one"));
        (string, string)[] form = [.. ForItself, ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), ("client_assertion", assertion)];
        (HttpStatusCode Status, JsonNode Body)[] answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => OAuth.PostAsync(Host, "/connect/token", "", null, null, form)));
        Assert.Single(answers, static a => a.Status == HttpStatusCode.OK);
        Assert.Equal(7, answers.Count(static a => a.Status == HttpStatusCode.Unauthorized && a.Body["error"]!.GetValue<string>() == "invalid_client"));
        IReadOnlyList<JsonNode> rows = await Host.AuditedAsync();
        Assert.Equal(7, rows.Count(static r => r["refused"]!.GetValue<string>() == "assertion-replayed"));
    }

    public static TheoryData<string, string, string> WrongGrants => new()
    {
        { "password", "unsupported_grant_type", "grant-type" },
        { "urn:ietf:params:oauth:grant-type:jwt-bearer", "unsupported_grant_type", "grant-type" },
        { "implicit", "unsupported_grant_type", "grant-type" },
        { "authorization_code", "unauthorized_client", "a-service" },
        { "refresh_token", "unauthorized_client", "a-service" },
    };

    [Theory]
    [MemberData(nameof(WrongGrants))]
    public async Task Rfc6749_5_2_other_grants_are_refused(string grant, string error, string reason)
    {
        await Host.AuditedAsync();
        await ErrorAsync(error, "beijing/agency", "agency-one", null, ("grant_type", grant), ("username", "a"), ("password", "b"));
        await RefusedAsync("token-issue", reason);
    }

    [Fact]
    public async Task Rfc6749_3_3_and_4_4_a_scope_that_is_not_the_clients_is_refused_and_a_web_application_gets_no_token_for_itself()
    {
        await Host.AuditedAsync();
        await ErrorAsync("invalid_scope", "beijing/agency", "agency-one", null, ("grant_type", "client_credentials"), ("scope", "openid"));
        await RefusedAsync("token-issue", "scope");
        await ErrorAsync("unauthorized_client", "court-portal", "court-portal", null, ForItself);
        await RefusedAsync("token-issue", "not-a-service");
    }

    [Fact]
    public async Task Rfc6749_3_2_a_parameter_that_comes_twice_and_a_body_of_another_type_are_invalid_request()
    {
        (HttpStatusCode status, JsonNode body) = await OAuth.PostAsync(Host, "/connect/token", "beijing/agency", "agency-one", null, ("grant_type", "client_credentials"), ("grant_type", "client_credentials"));
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_request"), (status, body["error"]!.GetValue<string>()));
        using HttpResponseMessage json = await Host.Server.Client.PostAsync("/connect/token", ServerFixture.Json("{}"));
        await ServerFixture.ProblemAsync(json, "unsupported-type");
    }

    [Fact]
    public async Task Rfc9068_4_what_is_no_access_token_of_this_issuer_in_force_opens_nothing()
    {
        (_, JsonNode body) = await OAuth.PostAsync(Host, "/connect/token", "beijing/agency", "agency-one", null, ForItself);
        string good = body["access_token"]!.GetValue<string>();
        JsonObject header = OAuth.Read(good, 0).AsObject();
        JsonObject claims = OAuth.Read(good).AsObject();
        string[] parts = good.Split('.');
        string assertion = OAuth.Assertion("beijing/agency", Host.Issuer, Host.Key("agency-one"));
        foreach (string bad in new[]
        {
            assertion,
            $"{parts[0]}.{parts[1]}.{Flip(parts[2])}",
            $"{parts[0]}.{Flip(parts[1])}.{parts[2]}",
            $"{parts[0]}.{parts[1]}.",
            OAuth.Sign(header, claims, Host.Key("agency-one")),
            OAuth.Sign(new JsonObject { ["alg"] = "none", ["typ"] = "at+jwt" }, claims, static _ => []),
            new string('.', 20_000)[..9_000],
        })
        {
            using HttpResponseMessage answer = await OAuth.GetAsync(Host, "/api/webhooks", "Bearer", bad);
            await ServerFixture.ProblemAsync(answer, "unauthenticated");
            Assert.Contains("invalid_token", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        }

        // The same bytes are good: it was they that were wrong.
        using HttpResponseMessage right = await OAuth.GetAsync(Host, "/api/webhooks", "Bearer", good);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
    }

    private static string Flip(string text) => (text[0] == 'A' ? 'B' : 'A') + text[1..];

    private async Task ErrorAsync(string error, string client, string key, string? proof, params (string, string)[] form)
    {
        (HttpStatusCode status, JsonNode body) = await OAuth.PostAsync(Host, "/connect/token", client, key, proof, form);
        Assert.True(status == (error == "invalid_client" ? HttpStatusCode.Unauthorized : HttpStatusCode.BadRequest) && body["error"]?.GetValue<string>() == error, $"{error}: {status} {body.ToJsonString()}");
    }

    // The newest row is of what was just tried, and says why it was refused.
    private async Task RefusedAsync(string what, string reason)
    {
        IReadOnlyList<JsonNode> rows = await Host.AuditedAsync();
        Assert.True(rows.Any(r => r["event"]!.GetValue<string>() == what && r["refused"]!.GetValue<string>() == reason), $"{what} {reason}: {string.Join(' ', rows.Select(static r => r.ToJsonString()))}");
    }
}
