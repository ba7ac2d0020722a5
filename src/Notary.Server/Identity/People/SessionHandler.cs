using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Notary.Server.Http;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.People;

/// <summary>Authentication of a person by the session cookie.</summary>
internal sealed class SessionHandler(Sessions sessions) : IAuthenticationHandler
{
    /// <summary>The scheme's name.</summary>
    public const string Scheme = "Session";

    private HttpContext _context = null!;

    public Task InitializeAsync(AuthenticationScheme scheme, HttpContext context)
    {
        _context = context;
        return Task.CompletedTask;
    }

    public async Task<AuthenticateResult> AuthenticateAsync() => await sessions.FindAsync(_context) is (Account account, Session session)
        ? AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new PersonIdentity(account, session)), Scheme))
        : AuthenticateResult.NoResult();

    public Task ChallengeAsync(AuthenticationProperties? properties) => Problems.WriteAsync(_context, Problems.SessionNeeded, "Sign in at /sign-in; a session also ends by itself when it is not used.");

    public Task ForbidAsync(AuthenticationProperties? properties) => PersonIdentity.Of(_context) is { IsEnrolling: true }
        ? Problems.WriteAsync(_context, Problems.RoleNotAllowed, "This session is for enrolling factors only: enrol a passkey, or a password with a code generator, and sign in with them.")
        : Problems.WriteAsync(_context, Problems.RoleNotAllowed, "The account's role may not do that.");
}

/// <summary>Which persons an endpoint is for.</summary>
internal static class PersonPolicies
{
    /// <summary>For a signed-in person of one of these roles; without any, of every role.</summary>
    public static TBuilder RequirePerson<TBuilder>(this TBuilder builder, params Role[] roles)
        where TBuilder : IEndpointConventionBuilder => builder.RequireAuthorization(policy => policy.AddAuthenticationSchemes(SessionHandler.Scheme).RequireAssertion(
            context => context.User.Identity is PersonIdentity { IsEnrolling: false } person && (roles.Length == 0 || roles.Contains(person.Role))).RequireAuthenticatedUser());

    /// <summary>For a signed-in person, and for one who is enrolling.</summary>
    public static TBuilder RequireSession<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.RequireAuthorization(static policy => policy.AddAuthenticationSchemes(SessionHandler.Scheme).RequireAuthenticatedUser());
}
