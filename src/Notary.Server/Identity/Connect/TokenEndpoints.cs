using Notary.Server.Http;
using Notary.Server.Identity.People;
using Notary.Server.Identity.Store;
using Notary.Server.OpenApi;

namespace Notary.Server.Identity.Connect;

/// <summary>
/// The token endpoint (RFC 6749 clause 3.2) and the revocation endpoint (RFC 7009). Signatures are checked first; what is presented once, what is redeemed and the audit row are one transaction,
/// which is committed also when the request is refused.
/// </summary>
internal sealed class TokenEndpoints(
    ClientAssertions assertions, DpopProofs proofs, TokenGrants grants, AccessTokens tokens, ConnectIssuer issuer, IdentityContext context, IdentityDatabase database, TimeProvider time)
{
    private static readonly Problem[] Body = [Problems.Truncated, Problems.CrossSite, Problems.BodyTimeout, Problems.TooLarge, Problems.UnsupportedType, Problems.RateLimited, Problems.Internal];

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/connect/token", (HttpContext http, TokenEndpoints endpoints) => endpoints.TokenAsync(http)).WithTags("Connect").WithName("token").WithSummary("Tokens for a code, a refresh token or a service account (RFC 6749); errors are RFC 6749's JSON")
            .RequireRateLimiting(RateLimits.Connect).Accepts<TokenRequestShape>("application/x-www-form-urlencoded").Produces<TokenShape>().Produces<OAuthErrorShape>(400).Produces<OAuthErrorShape>(401).Answers(Body);
        routes.MapPost("/connect/revocation", (HttpContext http, TokenEndpoints endpoints) => endpoints.RevokeAsync(http)).WithTags("Connect").WithName("revokeToken").WithSummary("Ends what a refresh or access token comes from (RFC 7009)")
            .RequireRateLimiting(RateLimits.Connect).Accepts<RevocationRequestShape>("application/x-www-form-urlencoded").Produces<NothingShape>().Produces<OAuthErrorShape>(400).Produces<OAuthErrorShape>(401).Answers(Body);
    }

    private async Task TokenAsync(HttpContext http)
    {
        if (await OAuthForm.ReadAsync(http) is not { } form)
        {
            return;
        }

        ClientResult client = await assertions.CheckAsync(form);
        ProofResult proof = await proofs.CheckAsync(http.Request, issuer.Token);
        GrantResult result;
        await using (IdentityTransaction transaction = await database.BeginAsync(context))
        {
            await UsedAssertions.SweepAsync(context, Now);
            result = await AuthenticateAsync(client) ?? await ProveAsync(proof) ?? form["grant_type"] switch
            {
                "client_credentials" => TokenGrants.ForService(client.Client!, form, proof.KeyThumbprint),
                "authorization_code" when !client.Client!.IsService => await grants.RedeemCodeAsync(client.Client, form, proof.KeyThumbprint),
                "refresh_token" when !client.Client!.IsService => await grants.RefreshAsync(client.Client, form, proof.KeyThumbprint),
                "authorization_code" or "refresh_token" => GrantResult.Refuse(OAuthError.UnauthorizedClient, "a-service", "People sign in to web applications, not to service accounts."),
                _ => GrantResult.Refuse(OAuthError.UnsupportedGrantType, "grant-type", "The grant types are client_credentials, authorization_code and refresh_token."),
            };
            await transaction.CommitAsync(Row(http, AuditEvent.TokenIssue, client, result.Token is { Authorization: not null } token ? $"{token.Subject} key:{client.KeyId}" : client.KeyId.Length > 0 ? $"key:{client.KeyId}" : "", result.Reason));
        }

        if (result.Token is null)
        {
            await OAuthAnswer.RefuseAsync(http, result.Error, result.Description);
            return;
        }

        string access = await tokens.IssueAsync(result.Token);
        string? id = result.WithIdToken ? await tokens.IssueIdAsync(result.Authorization!) : null;
        await OAuthAnswer.WriteAsync(http, StatusCodes.Status200OK, json =>
        {
            json.WriteString("access_token", access);
            json.WriteString("token_type", result.Token.KeyThumbprint is null ? "Bearer" : "DPoP");
            json.WriteNumber("expires_in", tokens.Lifetime);
            json.WriteString("scope", string.Join(' ', result.Token.Scope));
            if (result.RefreshToken is not null)
            {
                json.WriteString("refresh_token", result.RefreshToken);
            }

            if (id is not null)
            {
                json.WriteString("id_token", id);
            }
        });
    }

    private async Task RevokeAsync(HttpContext http)
    {
        if (await OAuthForm.ReadAsync(http) is not { } form)
        {
            return;
        }

        ClientResult client = await assertions.CheckAsync(form);
        AccessToken? access = client.Refused.Length == 0 && form["token"] is { } text && text.Contains('.', StringComparison.Ordinal) ? await tokens.VerifyAsync(text) : null;
        GrantResult? refused;
        await using (IdentityTransaction transaction = await database.BeginAsync(context))
        {
            refused = await AuthenticateAsync(client);
            string target = "";
            if (refused is null)
            {
                (refused, target) = await EndAsync(client.Client!, form["token"], access);
            }

            await transaction.CommitAsync(Row(http, AuditEvent.TokenRevoke, client, target, refused?.Reason ?? ""));
        }

        await (refused is null ? OAuthAnswer.WriteAsync(http, StatusCodes.Status200OK, static _ => { }) : OAuthAnswer.RefuseAsync(http, refused.Error, refused.Description));
    }

    // A token that nobody knows is answered 200 (RFC 7009 clause 2.2): the client has what it wants.
    private async Task<(GrantResult? Refused, string Target)> EndAsync(Client client, string? text, AccessToken? access)
    {
        if (text is null)
        {
            return (GrantResult.Refuse(OAuthError.InvalidRequest, "token", "Name the token."), "");
        }

        (string Client, Guid? Authorization)? of = access is not null ? (access.Client, access.Authorization) : await grants.OwnerAsync(text);
        if (of is not { } owner)
        {
            return (null, "");
        }

        if (owner.Client != client.Id)
        {
            return (GrantResult.Refuse(OAuthError.UnauthorizedClient, "of-another-client", "The token was given to another client."), "");
        }

        if (owner.Authorization is not { } authorization)
        {
            return (GrantResult.Refuse(OAuthError.UnsupportedTokenType, "token-type", "A service account's access token comes from nothing that could be ended: it expires by itself."), "");
        }

        await grants.RevokeAsync(authorization);
        return (null, authorization.ToString());
    }

    private async Task<GrantResult?> AuthenticateAsync(ClientResult client)
    {
        string refused = client.Refused.Length > 0 ? client.Refused
            : await UsedAssertions.TakeAsync(context, UsedAssertions.Assertion, client.Client!.Id, client.Id, client.Expires) ? "" : "assertion-replayed";
        return refused.Length > 0
            ? GrantResult.Refuse(OAuthError.InvalidClient, refused, $"The client authenticates by a fresh private_key_jwt for the audience {issuer.Text}, signed with a key in force; this one was refused: {refused["assertion-".Length..]}.")
            : null;
    }

    private async Task<GrantResult?> ProveAsync(ProofResult proof)
    {
        string refused = proof.Refused.Length > 0 || proof.KeyThumbprint is null ? proof.Refused
            : await UsedAssertions.TakeAsync(context, UsedAssertions.Proof, proof.KeyThumbprint, proof.Id, proof.Expires) ? "" : "proof-replayed";
        return refused.Length > 0 ? GrantResult.Refuse(OAuthError.InvalidDpopProof, refused, $"The DPoP proof was refused: {refused["proof-".Length..]}.") : null;
    }

    private AuditRow Row(HttpContext http, string what, ClientResult client, string target, string refused) => new()
    {
        Time = Now,

        // Who failed to prove who it is, is what was tried, not who did it.
        Actor = client.Refused.Length == 0 && refused != "assertion-replayed" ? client.Client!.Actor : "",
        Event = what,
        Target = client.Refused.Length > 0 ? client.Client?.Actor ?? "" : target,
        Refused = refused,
        Address = Sessions.AddressOf(http),
    };
}

internal sealed record TokenRequestShape(string Grant_type, string Client_assertion_type, string Client_assertion, string? Client_id, string? Code, string? Redirect_uri, string? Code_verifier, string? Refresh_token, string? Scope);

internal sealed record RevocationRequestShape(string Token, string? Token_type_hint, string Client_assertion_type, string Client_assertion, string? Client_id);

internal sealed record TokenShape(string Access_token, string Token_type, int Expires_in, string Scope, string? Refresh_token, string? Id_token);

internal sealed record OAuthErrorShape(string Error, string Error_description);

internal sealed record NothingShape;
