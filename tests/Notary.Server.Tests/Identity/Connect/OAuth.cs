using System.Buffers.Text;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.WebUtilities;
using Notary.Crypto;

namespace Notary.Server.Tests.Identity.Connect;

/// <summary>A client written out: its JWTs can be wrong in any way.</summary>
internal static partial class OAuth
{
    public const string Verifier = "a-verifier-that-is-long-enough-for-rfc-7636-0123456789";

    public static string ChallengeOf(string verifier) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));

    public static string Challenge => ChallengeOf(Verifier);

    public static long Now => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    public static JsonObject Jwk(ISigner key) => new()
    {
        ["kty"] = "EC", ["crv"] = "P-256", ["x"] = Base64Url.EncodeToString(key.PublicKey.Span[1..33]), ["y"] = Base64Url.EncodeToString(key.PublicKey.Span[33..]),
    };

    public static string Thumbprint(ISigner key)
    {
        JsonObject jwk = Jwk(key);
        return Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes($$"""{"crv":"P-256","kty":"EC","x":"{{jwk["x"]}}","y":"{{jwk["y"]}}"}""")));
    }

    /// <summary>A JWS in its compact form.</summary>
    public static string Sign(JsonObject header, JsonObject claims, Func<byte[], byte[]> sign)
    {
        string signed = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header.ToJsonString()))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims.ToJsonString()))}";
        return $"{signed}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    public static string Sign(JsonObject header, JsonObject claims, ISigner key) => Sign(header, claims, message => key.Sign(message));

    /// <summary>The claims of a good assertion.</summary>
    public static JsonObject Claims(string client, string issuer) => new()
    {
        ["iss"] = client, ["sub"] = client, ["aud"] = issuer, ["jti"] = Guid.NewGuid().ToString(), ["iat"] = Now, ["exp"] = Now + 60,
    };

    public static JsonObject Header(ISigner key) => new() { ["alg"] = key.Algorithm == KeyAlgorithm.Sm2 ? "SM2SM3" : "ES256", ["typ"] = "JWT" };

    public static string Assertion(string client, string issuer, ISigner key) => Sign(Header(key), Claims(client, issuer), key);

    /// <summary>A proof of RFC 9449, changed before it is signed.</summary>
    public static string Proof(ISigner key, string method, string address, string? accessToken = null, Action<JsonObject, JsonObject>? change = null)
    {
        var header = new JsonObject { ["typ"] = "dpop+jwt", ["alg"] = "ES256", ["jwk"] = Jwk(key) };
        var claims = new JsonObject { ["jti"] = Guid.NewGuid().ToString(), ["htm"] = method, ["htu"] = address, ["iat"] = Now };
        if (accessToken is not null)
        {
            claims["ath"] = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(accessToken)));
        }

        change?.Invoke(header, claims);
        return Sign(header, claims, key);
    }

    /// <summary>The claims of a token, unverified.</summary>
    public static JsonNode Read(string token, int part = 1) => JsonNode.Parse(Base64Url.DecodeFromChars(token.Split('.')[part]))!;

    /// <summary>Posts a form to an endpoint, with an assertion of the client's key unless the form brings its own.</summary>
    public static async Task<(HttpStatusCode Status, JsonNode Body)> PostAsync(ConnectServer host, string path, string client, string? key, string? proof, params (string Name, string Value)[] form)
    {
        var members = form.Select(static f => KeyValuePair.Create(f.Name, f.Value)).ToList();
        if (key is not null)
        {
            members.Add(new("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
            members.Add(new("client_assertion", Assertion(client, host.Issuer, host.Key(key))));
        }

        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent(members) };
        if (proof is not null)
        {
            request.Headers.Add("DPoP", proof);
        }

        using HttpResponseMessage answer = await host.Server.Client.SendAsync(request);
        Assert.True(answer.Headers.CacheControl is { NoStore: true }, $"{path}: kept");
        return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!);
    }

    /// <summary>Asks a resource with a token.</summary>
    public static async Task<HttpResponseMessage> GetAsync(ConnectServer host, string path, string scheme, string token, string? proof = null, HttpMethod? method = null, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path) { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue(scheme, token);
        if (proof is not null)
        {
            request.Headers.Add("DPoP", proof);
        }

        return await host.Server.Client.SendAsync(request);
    }

    /// <summary>The query of a good authorization request, changed.</summary>
    public static string AuthorizeQuery(string client, string scope, params (string Name, string? Value)[] changes)
    {
        var query = new Dictionary<string, string?>
        {
            ["client_id"] = client, ["redirect_uri"] = ConnectServer.Redirect, ["response_type"] = "code", ["scope"] = scope, ["state"] = "st&te", ["nonce"] = "n-0", ["code_challenge"] = Challenge, ["code_challenge_method"] = "S256",
        };
        foreach ((string name, string? value) in changes)
        {
            query[name] = value;
        }

        return QueryHelpers.AddQueryString("/connect/authorize", query.Where(static q => q.Value is not null));
    }

    /// <summary>What came back to the client's address, by name.</summary>
    public static Dictionary<string, string> Returned(HttpResponseMessage answer)
    {
        string location = answer.Headers.Location!.OriginalString;
        Assert.StartsWith("https://court.example/callback?from=notary&", location, StringComparison.Ordinal);
        return QueryHelpers.ParseQuery(new Uri(location).Query).ToDictionary(static q => q.Key, static q => q.Value.Single()!);
    }

    /// <summary>The ticket of a consent page.</summary>
    public static async Task<string> TicketAsync(HttpResponseMessage page)
    {
        string html = await page.Content.ReadAsStringAsync();
        Assert.True(page.StatusCode == HttpStatusCode.OK, $"{page.StatusCode} {page.Headers.Location} {html}");
        return TicketField().Match(html).Groups[1].Value;
    }

    public static Task<HttpResponseMessage> DecideAsync(Person person, string ticket, string decision) => person.Client.PostAsync("/connect/authorize", new FormUrlEncodedContent([new("ticket", ticket), new("decision", decision)]));

    /// <summary>Asks, allows, and takes the code.</summary>
    public static async Task<string> CodeAsync(Person person, string client, string scope, params (string Name, string? Value)[] changes)
    {
        using HttpResponseMessage page = await person.Client.GetAsync(AuthorizeQuery(client, scope, changes));
        using HttpResponseMessage decided = await DecideAsync(person, await TicketAsync(page), "allow");
        Assert.Equal(HttpStatusCode.SeeOther, decided.StatusCode);
        return Returned(decided)["code"];
    }

    [GeneratedRegex("name=\"ticket\" value=\"([A-Za-z0-9_-]{43})\"")]
    private static partial Regex TicketField();
}
