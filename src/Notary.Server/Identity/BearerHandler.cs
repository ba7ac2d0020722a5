using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Identity.Connect;

namespace Notary.Server.Identity;

/// <summary>
/// Authentication of a service account by its secret in <c>Authorization: Bearer</c> (RFC 6750), or by an access token of the OpenID provider, as <c>Bearer</c> or bound to a key as <c>DPoP</c> (RFC 9449).
/// Endpoints know the caller only as the <see cref="ServiceAccountIdentity"/> that comes out of here.
/// </summary>
/// <remarks>
/// Without the base library's <c>AuthenticationHandler&lt;TOptions&gt;</c>: the scheme has no options and no events, and what that class looks up for them costs a
/// deposit as much as parsing it. A secret is looked for first, so that it does not wait for what a token needs.
/// </remarks>
internal sealed class BearerHandler(ServiceAccounts accounts, PresentedTokens tokens, Clients clients) : IAuthenticationHandler
{
    /// <summary>The scheme's name, here and in HTTP.</summary>
    public const string Scheme = "Bearer";

    private const string Prefix = Scheme + " ";
    private const string DpopPrefix = PresentedTokens.DpopScheme + " ";

    private static readonly Task<AuthenticateResult> NothingGiven = Task.FromResult(AuthenticateResult.NoResult());
    private static readonly Task<AuthenticateResult> NoSuchSecret = Task.FromResult(AuthenticateResult.Fail("no such secret"));

    private HttpContext _context = null!;
    private bool _scopeMissing;
    private bool _proofWrong;

    public Task InitializeAsync(AuthenticationScheme scheme, HttpContext context)
    {
        _context = context;
        return Task.CompletedTask;
    }

    public Task<AuthenticateResult> AuthenticateAsync()
    {
        string? header = _context.Request.Headers.Authorization;
        if (header is null)
        {
            return NothingGiven;
        }

        if (header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return accounts.Find(header.AsSpan(Prefix.Length).Trim()) ?? (header.Contains('.', StringComparison.Ordinal) ? ByTokenAsync(dpop: false, header[Prefix.Length..].Trim()) : NoSuchSecret);
        }

        return header.StartsWith(DpopPrefix, StringComparison.OrdinalIgnoreCase) ? ByTokenAsync(dpop: true, header[DpopPrefix.Length..].Trim()) : NoSuchSecret;
    }

    public Task ChallengeAsync(AuthenticationProperties? properties)
    {
        if (_scopeMissing)
        {
            _context.Response.Headers.WWWAuthenticate = $"Bearer realm=\"notary\", error=\"insufficient_scope\", scope=\"{Scopes.Deposit}\"";
            return Problems.WriteAsync(_context, Problems.ScopeMissing, $"The access token is not a service account's for the scope {Scopes.Deposit} on a chain of this server.");
        }

        if (_proofWrong)
        {
            _context.Response.Headers.WWWAuthenticate = $"DPoP realm=\"notary\", error=\"invalid_dpop_proof\", algs=\"{JoseKey.Es256}\"";
            return Problems.WriteAsync(_context, Problems.Unauthenticated, "The DPoP proof is missing, is none of the token's key for this request and token, or was used before.");
        }

        bool given = _context.Request.Headers.Authorization.Count > 0;
        _context.Response.Headers.WWWAuthenticate = given ? "Bearer realm=\"notary\", error=\"invalid_token\"" : "Bearer realm=\"notary\"";
        return Problems.WriteAsync(_context, Problems.Unauthenticated, given
            ? "What the Authorization header holds is no service account's secret, and no access token of this platform that is in force and was presented by the scheme it was issued for."
            : "Send the service account's secret as Authorization: Bearer <secret>; a development platform writes it to credential.json in its data folder.");
    }

    public Task ForbidAsync(AuthenticationProperties? properties) =>
        Problems.WriteAsync(_context, Problems.NotTheDepositor, "This account may not do that.");

    private async Task<AuthenticateResult> ByTokenAsync(bool dpop, string text)
    {
        PresentedToken presented = await tokens.CheckAsync(_context, dpop, text);
        if (presented.Token is not { } token)
        {
            _proofWrong = presented.IsProofWrong;
            return AuthenticateResult.Fail("no such token");
        }

        if (clients.ServiceOf(token) is not { } service || !token.Scope.Contains(Scopes.Deposit, StringComparer.Ordinal))
        {
            _scopeMissing = true;
            return AuthenticateResult.Fail("the token is not for this");
        }

        var identity = new ServiceAccountIdentity(service.Account, service.Chain, AuthMethod.PrivateKeyJwt);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme));
    }
}
