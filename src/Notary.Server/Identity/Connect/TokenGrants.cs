using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Notary.Server.Identity.People;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.Connect;

/// <summary>How a grant ended: tokens, or an error of RFC 6749 with the reason that the audit trail keeps.</summary>
internal sealed record GrantResult(string Error, string Reason, string Description)
{
    /// <summary>What the access token is to say; null when refused.</summary>
    public AccessToken? Token { get; init; }

    /// <summary>The person's authorization; null for a service account's own.</summary>
    public ClientAuthorization? Authorization { get; init; }

    /// <summary>Whether an id token goes along.</summary>
    public bool WithIdToken { get; init; }

    /// <summary>The refresh token that goes along; null without one.</summary>
    public string? RefreshToken { get; init; }

    public static GrantResult Refuse(string error, string reason, string description) => new(error, reason, description);

    public static GrantResult Of(AccessToken token) => new("", "", "") { Token = token };
}

/// <summary>
/// The three grants. Each runs inside the caller's transaction, which keeps what was redeemed also when the grant is refused: a code or refresh token is good for one attempt, and of two
/// attempts at once one gets the row.
/// </summary>
internal sealed class TokenGrants(IdentityContext context, TimeProvider time)
{
    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>RFC 6749 clause 4.4: a service account for itself.</summary>
    public static GrantResult ForService(Client client, OAuthForm form, string? keyThumbprint)
    {
        if (!client.IsService)
        {
            return GrantResult.Refuse(OAuthError.UnauthorizedClient, "not-a-service", "Only service accounts get tokens for themselves.");
        }

        if (Scopes.Parse(form["scope"] ?? Scopes.Deposit, client.Scopes) is not { } scope)
        {
            return GrantResult.Refuse(OAuthError.InvalidScope, "scope", $"The scopes are {string.Join(' ', client.Scopes)}.");
        }

        return ProofMissing(scope, keyThumbprint) ?? GrantResult.Of(new AccessToken(client.Id, client.Id, scope, keyThumbprint, null));
    }

    /// <summary>RFC 6749 clause 4.1.3 with RFC 7636: a code for tokens. A code that comes a second time ends all that came of it (clause 4.1.2).</summary>
    public async Task<GrantResult> RedeemCodeAsync(Client client, OAuthForm form, string? keyThumbprint)
    {
        (ClientAuthorization? authorization, AuthorizationSecret? code, GrantResult? refused) = await FindAsync(client, form["code"], SecretKind.Code);
        refused ??= ProofMissing(authorization!.Scope.Split(' '), keyThumbprint) ?? await TakeAsync(authorization, code!);
        if (refused is not null)
        {
            return refused;
        }

        string? wrong = form["redirect_uri"] != authorization!.RedirectUri ? "redirect-uri"
            : !IsVerifier(form["code_verifier"], authorization.Challenge) ? "code-verifier"
            : authorization.KeyThumbprint.Length > 0 && authorization.KeyThumbprint != keyThumbprint ? "code-key"
            : null;
        if (wrong is not null)
        {
            return GrantResult.Refuse(OAuthError.InvalidGrant, wrong, "The code was asked for with another redirect_uri, code_challenge or DPoP key, and is used up now.");
        }

        GrantResult given = await GiveAsync(authorization, authorization.Scope.Split(' '), keyThumbprint);
        return given with { WithIdToken = authorization.Scope.Split(' ').Contains(Scopes.OpenId) };
    }

    /// <summary>RFC 6749 clause 6 with rotation (RFC 9700 clause 4.14.2): each refresh token is good once; one that comes a second time ends the family.</summary>
    public async Task<GrantResult> RefreshAsync(Client client, OAuthForm form, string? keyThumbprint)
    {
        (ClientAuthorization? authorization, AuthorizationSecret? token, GrantResult? refused) = await FindAsync(client, form["refresh_token"], SecretKind.Refresh);
        if (refused is not null)
        {
            return refused;
        }

        string[] allowed = authorization!.Scope.Split(' ');
        if (Scopes.Parse(form["scope"] ?? authorization.Scope, allowed) is not { } scope)
        {
            return GrantResult.Refuse(OAuthError.InvalidScope, "scope", "A refreshed token is not for more than the person allowed.");
        }

        return ProofMissing(scope, keyThumbprint) ?? await TakeAsync(authorization, token!) ?? await GiveAsync(authorization, scope, keyThumbprint);
    }

    /// <summary>Ends an authorization and so its family; false when it had ended before.</summary>
    public async Task<bool> RevokeAsync(Guid authorization)
    {
        long now = Now;
        return await context.Authorizations.Where(a => a.Id == authorization && a.Revoked == null).ExecuteUpdateAsync(set => set.SetProperty(a => a.Revoked, now)) == 1;
    }

    /// <summary>Whose a refresh token is, used or not; null for another text.</summary>
    public async Task<(string Client, Guid? Authorization)?> OwnerAsync(string text)
    {
        byte[]? hash = Tickets.HashOf(text);
        AuthorizationSecret? secret = hash is null ? null : await context.Secrets.AsNoTracking().SingleOrDefaultAsync(s => s.KeyHash == hash && s.Kind == SecretKind.Refresh);
        return secret is null ? null : (await context.Authorizations.Where(a => a.Id == secret.AuthorizationId).Select(static a => a.Client).SingleAsync(), secret.AuthorizationId);
    }

    private async Task<(ClientAuthorization?, AuthorizationSecret?, GrantResult?)> FindAsync(Client client, string? text, SecretKind kind)
    {
        byte[]? hash = Tickets.HashOf(text);
        AuthorizationSecret? secret = hash is null ? null : await context.Secrets.AsNoTracking().SingleOrDefaultAsync(s => s.KeyHash == hash && s.Kind == kind);
        ClientAuthorization? authorization = secret is null ? null : await context.Authorizations.AsNoTracking().SingleAsync(a => a.Id == secret.AuthorizationId);
        return authorization is null ? (null, null, GrantResult.Refuse(OAuthError.InvalidGrant, "unknown", "This code or refresh token was not given out, or is long over."))

            // Not taken: whoever holds another's code must not be able to spoil it.
            : authorization.Client != client.Id ? (null, null, GrantResult.Refuse(OAuthError.InvalidGrant, "of-another-client", "This code or refresh token was given to another client."))
            : (authorization, secret, null);
    }

    // Takes the secret: of two that present it at once the database lets one change the row. Null when it is taken and good.
    private async Task<GrantResult?> TakeAsync(ClientAuthorization authorization, AuthorizationSecret secret)
    {
        long now = Now;
        if (await context.Secrets.Where(s => s.KeyHash == secret.KeyHash && s.Used == null).ExecuteUpdateAsync(set => set.SetProperty(s => s.Used, now)) != 1)
        {
            await RevokeAsync(authorization.Id);
            return GrantResult.Refuse(OAuthError.InvalidGrant, "replayed", "It was used before: somebody else may have it. Everything that came of it has ended.");
        }

        bool active = await context.Users.AsNoTracking().AnyAsync(a => a.Id == authorization.AccountId && a.State == AccountState.Active);
        bool revoked = await context.Authorizations.AsNoTracking().AnyAsync(a => a.Id == authorization.Id && a.Revoked != null);
        string? over = secret.Expires <= now || authorization.Expires <= now ? "expired" : revoked ? "revoked" : active ? null : "account";
        return over is null ? null : GrantResult.Refuse(OAuthError.InvalidGrant, over, "It has expired, was revoked, or the person's account does not sign in any more.");
    }

    private async Task<GrantResult> GiveAsync(ClientAuthorization authorization, string[] scope, string? keyThumbprint)
    {
        string? refresh = null;
        if (authorization.Scope.Split(' ').Contains(Scopes.OfflineAccess))
        {
            (refresh, byte[] hash) = Tickets.NewKey();
            context.Secrets.Add(new AuthorizationSecret { KeyHash = hash, AuthorizationId = authorization.Id, Kind = SecretKind.Refresh, Expires = authorization.Expires });
            await context.SaveChangesAsync();
        }

        var token = new AccessToken(authorization.Client, authorization.AccountId.ToString(), scope, keyThumbprint, authorization.Id);
        return GrantResult.Of(token) with { Authorization = authorization, RefreshToken = refresh };
    }

    private static GrantResult? ProofMissing(IEnumerable<string> scope, string? keyThumbprint) => keyThumbprint is null && Scopes.NeedsProof(scope)
        ? GrantResult.Refuse(OAuthError.InvalidDpopProof, "proof-missing", $"Tokens for {Scopes.DataRead} are bound to a key: send a DPoP proof.")
        : null;

    // RFC 7636 clause 4.6, S256.
    private static bool IsVerifier(string? verifier, string challenge) => verifier is { Length: >= 43 and <= 128 } && verifier.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~')
        && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)))), Encoding.ASCII.GetBytes(challenge));
}
