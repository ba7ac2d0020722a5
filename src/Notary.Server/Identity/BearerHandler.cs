using Microsoft.AspNetCore.Authentication;
using Notary.Server.Http;

namespace Notary.Server.Identity;

/// <summary>
/// Authentication by a service account's secret in <c>Authorization: Bearer</c> (RFC 6750). Endpoints know the caller only as the
/// <see cref="ServiceAccountIdentity"/> that comes out of here; tokens of an OpenID provider can take the secret's place without touching them.
/// </summary>
/// <remarks>
/// Without the base library's <c>AuthenticationHandler&lt;TOptions&gt;</c>: the scheme has no options and no events, and what that class looks up for them costs a
/// deposit as much as parsing it.
/// </remarks>
internal sealed class BearerHandler(ServiceAccounts accounts) : IAuthenticationHandler
{
    /// <summary>The scheme's name, here and in HTTP.</summary>
    public const string Scheme = "Bearer";

    private const string Prefix = Scheme + " ";

    private static readonly Task<AuthenticateResult> NothingGiven = Task.FromResult(AuthenticateResult.NoResult());
    private static readonly Task<AuthenticateResult> NoSuchSecret = Task.FromResult(AuthenticateResult.Fail("no such secret"));

    private HttpContext _context = null!;

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

        return header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? accounts.Find(header.AsSpan(Prefix.Length).Trim()) ?? NoSuchSecret : NoSuchSecret;
    }

    public Task ChallengeAsync(AuthenticationProperties? properties)
    {
        bool given = _context.Request.Headers.Authorization.Count > 0;
        _context.Response.Headers.WWWAuthenticate = given ? "Bearer realm=\"notary\", error=\"invalid_token\"" : "Bearer realm=\"notary\"";
        return Problems.WriteAsync(_context, Problems.Unauthenticated, given
            ? "The secret in the Authorization header belongs to no service account."
            : "Send the service account's secret as Authorization: Bearer <secret>; a development platform writes it to credential.json in its data folder.");
    }

    public Task ForbidAsync(AuthenticationProperties? properties) =>
        Problems.WriteAsync(_context, Problems.NotTheDepositor, "This account may not do that.");
}
