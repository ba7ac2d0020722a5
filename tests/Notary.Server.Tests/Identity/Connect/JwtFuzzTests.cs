using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Notary.Chain;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Server.Identity.Connect;
using Notary.Server.Identity.People;

namespace Notary.Server.Tests.Identity.Connect;

/// <summary>What comes from outside as a JWT or a query: odd values under a good signature, and mutated text; a reason each time, never an exception.</summary>
public sealed class JwtFuzzTests : IDisposable
{
    private const string Issuer = "https://notary.example";
    private const string Address = Issuer + "/connect/token";

    // Each stands in for a claim or a header's member: of another type, out of range, too deep, not UTF-16.
    private static readonly string[] Odd =
    [
        "null", "true", "0", "-1", "1.5", "1e400", "-1e400", "99999999999999999999999999", "9223372036854775807", "\"\"", "\"2026-11-25T08:00:00Z\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "[null]", "[\"a\",1]", "[[[[[[[[1]]]]]]]]",
        "{}", "{\"a\":{\"b\":[{}]}}", "\"" + new string('x', 4_000) + "\"", new string('[', 100) + new string(']', 100), "{\"kty\":7}", "{\"kty\":\"\\ud800\"}", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"\\udc00\"}", "7,\"typ\":\"JWT\"", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":7,\"y\":[]}",
    ];

    private readonly Hosting.TemporaryFolder _folder = new();
    private readonly ISigner _key;
    private readonly ClientAssertions _assertions;
    private readonly DpopProofs _proofs = new(TimeProvider.System);

    public JwtFuzzTests()
    {
        _key = KeyFile.Create(_folder.File("key.pem"), KeyAlgorithm.P256, ConnectServer.Password);
        var party = new Client("court-portal", "Court", [JoseKey.Of(KeyAlgorithm.P256, _key.PublicKey, "kid")!], ["openid"], ["https://court.example/"]);
        _assertions = new ClientAssertions(new Clients(new Dictionary<string, ChainHost>(), [party], TimeProvider.System), new ConnectIssuer(Issuer), TimeProvider.System);
    }

    public void Dispose()
    {
        _key.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Odd_values_under_a_good_signature_are_refused_with_a_reason()
    {
        Assert.Equal("", await AssertAsync(OAuth.Assertion("court-portal", Issuer, _key)));
        Assert.Equal("", await ProveAsync(OAuth.Proof(_key, "POST", Address)));
        int refused = 0;
        foreach (string odd in Odd)
        {
            foreach (string name in new[] { "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "alg", "typ", "kid", "crit" })
            {
                bool ofHeader = name is "alg" or "typ" or "kid" or "crit";
                string text = Sign(OAuth.Header(_key), OAuth.Claims("court-portal", Issuer), ofHeader, name, odd);
                string reason = await AssertAsync(text);
                Assert.True(reason.StartsWith("assertion-", StringComparison.Ordinal) || (reason.Length == 0 && name is "jti" or "nbf" or "kid" or "typ" or "crit"), $"{name} {odd}: {reason}");
                refused += reason.Length > 0 ? 1 : 0;
            }

            foreach (string name in new[] { "htm", "htu", "iat", "jti", "alg", "typ", "kid", "jwk", "crit" })
            {
                bool ofHeader = name is "alg" or "typ" or "kid" or "jwk" or "crit";
                JsonObject header = new() { ["typ"] = "dpop+jwt", ["alg"] = "ES256", ["jwk"] = OAuth.Jwk(_key) };
                JsonObject claims = new() { ["jti"] = "j", ["htm"] = "POST", ["htu"] = Address, ["iat"] = OAuth.Now };
                string reason = await ProveAsync(Sign(header, claims, ofHeader, name, odd));
                Assert.True(reason.StartsWith("proof-", StringComparison.Ordinal) || (reason.Length == 0 && name is "jti" or "kid"), $"{name} {odd}: {reason}");
                refused += reason.Length > 0 ? 1 : 0;
            }
        }

        Assert.InRange(refused, Odd.Length * 15, Odd.Length * 20);
    }

    [Fact]
    public async Task Mutated_text_is_refused_with_a_reason()
    {
        var random = new Random(7523);
        string[] good = [OAuth.Assertion("court-portal", Issuer, _key), OAuth.Proof(_key, "POST", Address)];
        for (int round = 0; round < 4_000; round++)
        {
            char[] text = good[round % 2].ToCharArray();
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                text[random.Next(text.Length)] = (char)(random.Next(8) == 0 ? random.Next(1, 300) : "ABCZabcz019-_.=+ {}\""[random.Next(20)]);
            }

            string mutated = new(random.Next(5) == 0 ? text[..random.Next(text.Length)] : text);
            if (good.Contains(mutated))
            {
                continue;
            }

            Assert.NotEqual("", round % 2 == 0 ? await AssertAsync(mutated) : await ProveAsync(mutated));
        }
    }

    [Fact]
    public void A_cookie_code_or_ticket_that_is_no_base64url_is_none()
    {
        Assert.NotNull(Tickets.HashOf(new string('A', 43)));
        Assert.All(new[] { new string('!', 43), new string('=', 43), new string('%', 43), new string(' ', 43), new string('\u4e2d', 43), new string('A', 42) + "=", new string('A', 42) + "\n", "", new string('A', 44) }, static text => Assert.Null(Tickets.HashOf(text)));
    }

    [Fact]
    public void Any_query_is_a_request_or_an_error()
    {
        var random = new Random(6749);
        var party = new Client("court-portal", "Court", [], ["openid"], ["https://court.example/"]);
        string good = OAuth.AuthorizeQuery("court-portal", "openid", ("prompt", "login"), ("max_age", "7")).Split('?')[1];
        for (int round = 0; round < 4_000; round++)
        {
            var text = new StringBuilder(good);
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                text[random.Next(text.Length)] = (char)(random.Next(6) == 0 ? random.Next(1, 0x3000) : "%&=+;? a0Z"[random.Next(10)]);
            }

            (AuthorizationRequest request, string error, string reason) = AuthorizationRequest.Parse(party, "https://court.example/", OAuthForm.OfQuery("?" + text));
            Assert.Equal(error.Length == 0, reason.Length == 0);
            Assert.True(error.Length > 0 || (request.Challenge.Length == 43 && request.Scope.SequenceEqual(["openid"])), text.ToString());
            Assert.StartsWith("https://court.example/?", request.Answer(Issuer, ("error", error)), StringComparison.Ordinal);
        }
    }

    // The odd value is written as it stands: the JSON classes would refuse some of them.
    private string Sign(JsonObject header, JsonObject claims, bool ofHeader, string name, string odd)
    {
        JsonObject changed = ofHeader ? header : claims;
        changed[name] = "@odd@";
        string Part(JsonObject json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json.ToJsonString().Replace("\"@odd@\"", odd, StringComparison.Ordinal)));
        string signed = $"{Part(header)}.{Part(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(_key.Sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    private async Task<string> AssertAsync(string text) => (await _assertions.CheckAsync(OAuthForm.OfQuery(
        $"client_assertion_type={Uri.EscapeDataString(ClientAssertions.Type)}&client_assertion={Uri.EscapeDataString(text)}"))).Refused;

    private async Task<string> ProveAsync(string text)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = "POST";
        context.Request.Headers["DPoP"] = text;
        return (await _proofs.CheckAsync(context.Request, Address)).Refused;
    }
}
