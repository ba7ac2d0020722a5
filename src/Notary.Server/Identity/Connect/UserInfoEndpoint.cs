using Microsoft.EntityFrameworkCore;
using Notary.Server.Http;
using Notary.Server.Identity.People;
using Notary.Server.Identity.Store;
using Notary.Server.OpenApi;

namespace Notary.Server.Identity.Connect;

/// <summary>The userinfo endpoint (OpenID Connect Core clause 5.3): who the person of an access token is, as long as what they allowed holds.</summary>
internal static class UserInfoEndpoint
{
    private static readonly Problem[] Refusals = [Problems.Unauthenticated, Problems.ScopeMissing, Problems.Internal];

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/connect/userinfo", ShowAsync).WithTags("Connect").WithName("userInfo").WithSummary("Who the person of an access token is").Produces<UserInfoShape>().Answers(Refusals);
        routes.MapPost("/connect/userinfo", ShowAsync).WithTags("Connect").WithName("userInfoPost").WithSummary("The same; the token comes in the header here too").Produces<UserInfoShape>().Answers([.. Refusals, Problems.CrossSite]);
    }

    private static async Task ShowAsync(HttpContext http, PresentedTokens tokens, IdentityContext context)
    {
        (PresentedToken presented, string scheme) = await PresentedAsync(http, tokens);
        if (presented.Token is not { } token)
        {
            await RefuseAsync(http, Problems.Unauthenticated, scheme, presented.IsProofWrong ? "invalid_dpop_proof" : "invalid_token", "Send an access token of a person's authorization that is in force, by the scheme that it was issued for.");
            return;
        }

        Account? account = token.Authorization is { } id && await context.Authorizations.AsNoTracking().AnyAsync(a => a.Id == id && a.Revoked == null)
            ? await context.Users.AsNoTracking().SingleOrDefaultAsync(a => a.Id == Guid.Parse(token.Subject) && a.State == AccountState.Active)
            : null;
        if (account is null)
        {
            await RefuseAsync(http, Problems.Unauthenticated, scheme, "invalid_token", "The token comes from no person, or what the person allowed has ended.");
            return;
        }

        if (!token.Scope.Contains(Scopes.OpenId))
        {
            await RefuseAsync(http, Problems.ScopeMissing, scheme, "insufficient_scope", $"The access token is not for the scope {Scopes.OpenId}.");
            return;
        }

        http.Response.Headers.CacheControl = "no-store";
        await Json.WriteAsync(http, StatusCodes.Status200OK, json =>
        {
            json.WriteString("sub", token.Subject);
            if (token.Scope.Contains(Scopes.Profile))
            {
                json.WriteString("preferred_username", account.UserName);
                json.WriteString("role", account.Role.Name());
                if (account.Organisation.Length > 0)
                {
                    json.WriteString("organisation", account.Organisation);
                }
            }
        });
    }

    private static async Task<(PresentedToken Token, string Scheme)> PresentedAsync(HttpContext http, PresentedTokens tokens)
    {
        string header = http.Request.Headers.Authorization.ToString();
        foreach (string scheme in (string[])[BearerHandler.Scheme, PresentedTokens.DpopScheme])
        {
            if (header.StartsWith(scheme + " ", StringComparison.OrdinalIgnoreCase))
            {
                return (await tokens.CheckAsync(http, scheme == PresentedTokens.DpopScheme, header[(scheme.Length + 1)..].Trim()), scheme);
            }
        }

        return (PresentedToken.Invalid, BearerHandler.Scheme);
    }

    private static Task RefuseAsync(HttpContext http, Problem problem, string scheme, string error, string detail)
    {
        http.Response.Headers.WWWAuthenticate = $"{scheme} realm=\"notary\", error=\"{error}\"";
        return Problems.WriteAsync(http, problem, detail);
    }
}

internal sealed record UserInfoShape(string Sub, string? Preferred_username, string? Role, string? Organisation);
