using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Notary.Server.Identity.Connect;

/// <summary>What an access token says.</summary>
/// <param name="Client">Whose it is.</param>
/// <param name="Subject">For whom: a person's account, or the client itself.</param>
/// <param name="Scope">What it is for.</param>
/// <param name="KeyThumbprint">The DPoP key that it is bound to; null for a bearer token.</param>
/// <param name="Authorization">The person's authorization that it comes from; null for a service account's own.</param>
internal sealed record AccessToken(string Client, string Subject, IReadOnlyList<string> Scope, string? KeyThumbprint, Guid? Authorization);

/// <summary>Issues and verifies access tokens (RFC 9068) and issues id tokens. Verifying needs no database.</summary>
internal sealed class AccessTokens(TokenKeys keys, ConnectIssuer issuer, Options.ConnectOptions options, TimeProvider time)
{
    /// <summary>The <c>typ</c> of an access token.</summary>
    public const string Type = "at+jwt";

    // Tokens that were verified already, by hash: an agency sends the same one with each of its deposits. Emptied when it is full, for forgetting costs one verification.
    private const int MostKnown = 1_024;

    private static readonly JsonWebTokenHandler Handler = new() { SetDefaultTimesOnTokenCreation = false };

    private readonly ConcurrentDictionary<string, (AccessToken Token, long Expires)> _known = new(StringComparer.Ordinal);

    private long Now => time.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>How long a token holds, in seconds.</summary>
    public int Lifetime => options.AccessMinutes * 60;

    /// <summary>An access token (RFC 9068 clause 2).</summary>
    public Task<string> IssueAsync(AccessToken token) => SignAsync(Type, json =>
    {
        json.WriteString("aud", issuer.Audience);
        json.WriteString("sub", token.Subject);
        json.WriteString("client_id", token.Client);
        json.WriteString("jti", Guid.CreateVersion7(time.GetUtcNow()).ToString());
        json.WriteString("scope", string.Join(' ', token.Scope));
        if (token.Authorization is { } authorization)
        {
            json.WriteString("authorization", authorization.ToString());
        }

        if (token.KeyThumbprint is not null)
        {
            json.WriteStartObject("cnf");
            json.WriteString("jkt", token.KeyThumbprint);
            json.WriteEndObject();
        }
    });

    /// <summary>An id token (OpenID Connect Core clause 2).</summary>
    public Task<string> IssueIdAsync(Identity.Store.ClientAuthorization authorization) => SignAsync("JWT", json =>
    {
        json.WriteString("aud", authorization.Client);
        json.WriteString("sub", authorization.AccountId.ToString());
        json.WriteNumber("auth_time", authorization.AuthTime / 1_000);
        json.WriteString("acr", Authentication.ClassOf(authorization.Methods));
        json.WriteStartArray("amr");
        foreach (string method in authorization.Methods.Split(' '))
        {
            json.WriteStringValue(method);
        }

        json.WriteEndArray();
        if (authorization.Nonce.Length > 0)
        {
            json.WriteString("nonce", authorization.Nonce);
        }
    });

    /// <summary>Verifies an access token as RFC 9068 clause 4 says; null when it is none of this platform's, or has expired.</summary>
    public async Task<AccessToken?> VerifyAsync(string text)
    {
        if (text.Length > Jwt.MaxLength)
        {
            return null;
        }

        string known = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        if (_known.TryGetValue(known, out (AccessToken Token, long Expires) entry))
        {
            return Now < entry.Expires ? entry.Token : null;
        }

        if (Jwt.ReadUnverified(text) is not { } read
            || (await Jwt.VerifyAsync(read, (await keys.GetAsync()).Verifying, Type, "application/" + Type)).Token is not { } token
            || Jwt.Text(token, "iss") != issuer.Text || Jwt.Text(token, "aud") != issuer.Audience || Jwt.Time(token, "exp") is not { } expires || expires <= Now
            || Jwt.Text(token, "sub") is not { } subject || Jwt.Text(token, "client_id") is not { } client || Jwt.Text(token, "scope") is not { } scope)
        {
            return null;
        }

        string? thumbprint = null;
        if (token.TryGetPayloadValue("cnf", out JsonElement bound) && (thumbprint = bound.TryGetProperty("jkt", out JsonElement jkt) ? jkt.GetString() : null) is null)
        {
            return null;
        }

        var good = new AccessToken(client, subject, scope.Split(' '), thumbprint, Guid.TryParse(Jwt.Text(token, "authorization"), out Guid authorization) ? authorization : null);
        if (_known.Count >= MostKnown)
        {
            _known.Clear();
        }

        _known[known] = (good, expires);
        return good;
    }

    private async Task<string> SignAsync(string type, Action<Utf8JsonWriter> claims)
    {
        var body = new System.Buffers.ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(body))
        {
            long now = Now;
            json.WriteStartObject();
            json.WriteString("iss", issuer.Text);
            json.WriteNumber("iat", now);
            json.WriteNumber("exp", now + Lifetime);
            claims(json);
            json.WriteEndObject();
        }

        return Handler.CreateToken(Encoding.UTF8.GetString(body.WrittenSpan), (await keys.GetAsync()).Signing, new Dictionary<string, object> { ["typ"] = type });
    }
}

/// <summary>The issuer and the addresses below it.</summary>
/// <param name="Text">As tokens name it, without a slash at its end.</param>
internal sealed record ConnectIssuer(string Text)
{
    /// <summary>The audience of access tokens: this platform's interfaces.</summary>
    public string Audience { get; } = Text + "/api";

    public string Authorize { get; } = Text + "/connect/authorize";

    public string Token { get; } = Text + "/connect/token";

    public string UserInfo { get; } = Text + "/connect/userinfo";

    public string Revocation { get; } = Text + "/connect/revocation";

    public string Keys { get; } = Text + "/connect/jwks";
}

/// <summary>How a person was authenticated, in the words of OpenID Connect.</summary>
internal static class Authentication
{
    /// <summary>A passkey that verified its user: phishing-resistant (OpenID Connect Extended Authentication Profile ACR Values 1.0).</summary>
    public const string PhishingResistant = "phr";

    /// <summary>Password and one-time code.</summary>
    public const string TwoFactors = "urn:notary:acr:two-factors";

    /// <summary>A development link: no factor at all.</summary>
    public const string Development = "urn:notary:acr:development";

    /// <summary>The <c>acr</c> of a session's methods.</summary>
    public static string ClassOf(string methods) => methods.Split(' ') switch
    {
        var m when m.Contains("hwk") => PhishingResistant,
        var m when m.Contains("mfa") => TwoFactors,
        _ => Development,
    };
}
