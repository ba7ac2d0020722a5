using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using Notary.Server.Http;

namespace Notary.Server.Identity;

/// <summary>
/// Authentication by a service account's secret in <c>Authorization: Bearer</c> (RFC 6750). Endpoints know the caller only as the
/// <see cref="ServiceAccountIdentity"/> that comes out of here; tokens of an OpenID provider can take the secret's place without touching them.
/// </summary>
public sealed class BearerHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, ServiceAccounts accounts)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    /// <summary>The scheme's name, here and in HTTP.</summary>
    public new const string Scheme = "Bearer";

    private const string Prefix = Scheme + " ";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        string? header = Context.Request.Headers.Authorization;
        if (header is null)
        {
            return Task.FromResult(AuthenticateResult.NoResult());
        }

        ClaimsPrincipal? principal = header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? accounts.Find(header.AsSpan(Prefix.Length).Trim()) : null;
        return Task.FromResult(principal is null
            ? AuthenticateResult.Fail("no such secret")
            : AuthenticateResult.Success(new AuthenticationTicket(principal, Scheme)));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        bool given = Context.Request.Headers.Authorization.Count > 0;
        Context.Response.Headers.WWWAuthenticate = given ? "Bearer realm=\"notary\", error=\"invalid_token\"" : "Bearer realm=\"notary\"";
        return Problems.WriteAsync(Context, Problems.Unauthenticated, given
            ? "The secret in the Authorization header belongs to no service account."
            : "Send the service account's secret as Authorization: Bearer <secret>; a development platform writes it to credential.json in its data folder.");
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        Problems.WriteAsync(Context, Problems.NotTheDepositor, "This account may not do that.");
}
