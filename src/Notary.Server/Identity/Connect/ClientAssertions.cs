using Microsoft.IdentityModel.JsonWebTokens;

namespace Notary.Server.Identity.Connect;

/// <summary>A client that proved who it is, but for the one use of its assertion; or the reason why it did not.</summary>
/// <param name="Client">Who it is; when refused, who it says it is, if there is such a client.</param>
/// <param name="KeyId">The key that verified.</param>
/// <param name="Id">The assertion's <c>jti</c>, to be taken once.</param>
/// <param name="Expires">When the assertion expires, Unix milliseconds.</param>
internal sealed record ClientResult(Client? Client, string KeyId, string Id, long Expires, string Refused)
{
    public static ClientResult Bad(Client? claimed, string reason) => new(claimed, "", "", 0, "assertion-" + reason);
}

/// <summary>Client authentication by <c>private_key_jwt</c> (RFC 7523 clauses 2.2 and 3, OpenID Connect Core clause 9), and by nothing else.</summary>
internal sealed class ClientAssertions(Clients clients, ConnectIssuer issuer, TimeProvider time)
{
    /// <summary>How the form names it.</summary>
    public const string Type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    /// <summary>The longest an assertion may hold.</summary>
    public const int LongestSeconds = 300;

    /// <summary>Checks everything of an assertion but that it is presented for the first time.</summary>
    public async Task<ClientResult> CheckAsync(OAuthForm form)
    {
        if (form["client_assertion_type"] != Type || form["client_assertion"] is not { } text)
        {
            return ClientResult.Bad(null, "missing");
        }

        if (Jwt.ReadUnverified(text) is not { } read || Jwt.Text(read, "iss") is not { } id)
        {
            return ClientResult.Bad(null, "malformed");
        }

        if (clients.Find(id) is not { } client)
        {
            return ClientResult.Bad(null, "client");
        }

        if (Jwt.Text(read, "sub") != id || (form["client_id"] is { } named && named != id))
        {
            return ClientResult.Bad(client, "subject");
        }

        // Nothing of another type, which the same key may have signed for somebody else's eyes (RFC 8725 clause 3.11).
        JwtResult verified = await Jwt.VerifyAsync(read, client.Keys, "", "JWT", "client-authentication+jwt");
        if (verified.Token is not { } token)
        {
            return ClientResult.Bad(client, verified.Reason);
        }

        long now = time.GetUtcNow().ToUnixTimeSeconds();
        string? wrong = !IsForUs(token) ? "aud"
            : Jwt.Time(token, "exp") is not { } expires || expires <= now ? "expired"
            : expires > now + LongestSeconds + Jwt.SkewSeconds ? "too-long"
            : Jwt.Time(token, "iat") is not { } issued || issued > now + Jwt.SkewSeconds || (Jwt.Time(token, "nbf") ?? 0) > now + Jwt.SkewSeconds ? "future"
            : issued < now - LongestSeconds - Jwt.SkewSeconds ? "expired"
            : Jwt.Text(token, "jti") is not { Length: >= 1 and <= UsedAssertions.MaxId } ? "jti"
            : null;
        return wrong is null
            ? new ClientResult(client, token.SigningKey.KeyId, Jwt.Text(token, "jti")!, (Jwt.Time(token, "exp")!.Value + 1) * 1_000, "")
            : ClientResult.Bad(client, wrong);
    }

    // The issuer and it alone: an assertion for the address of one endpoint, or for several audiences, can be used where it was not meant for.
    private bool IsForUs(JsonWebToken token) => token.Audiences.SequenceEqual([issuer.Text]);
}
