using Notary.Server.Http;
using Notary.Server.Identity.People;
using Notary.Server.Identity.Store;
using Notary.Server.OpenApi;

namespace Notary.Server.Identity.Connect;

/// <summary>The authorization endpoint (RFC 6749 clause 3.1, OpenID Connect Core clause 3.1.2): code flow and nothing else, and the page on which the person decides.</summary>
internal static class AuthorizeEndpoint
{
    private const string Path = "/connect/authorize";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet(Path, AskAsync).RequireRateLimiting(RateLimits.Connect).ExcludeFromDescription();
        routes.MapPost(Path, DecideAsync).RequirePerson().RequireRateLimiting(RateLimits.Connect).ExcludeFromDescription();
    }

    private static async Task AskAsync(HttpContext http, Clients clients, ConnectIssuer issuer, Authorizations authorizations, Sessions sessions, TimeProvider time)
    {
        http.Response.Headers.CacheControl = "no-store";
        var form = OAuthForm.OfQuery(http.Request.QueryString.Value ?? "");
        AuthorizationRequest? request = null;
        Client? client;
        if (form["resume"] is { } resumed)
        {
            request = await authorizations.FindAsync(resumed);
            client = request is null ? null : clients.Find(request.ClientId);
            if (client is null)
            {
                await RefuseAsync(http, authorizations, null, "resume", "The request has been waiting for too long: go back to the application and begin again.");
                return;
            }
        }
        else
        {
            client = form["client_id"] is { } id ? clients.Find(id) : null;
            if (client is null || client.IsService)
            {
                await RefuseAsync(http, authorizations, client, "client", "This platform does not know the application that sent you here.");
                return;
            }

            // Until the address is known to be the client's own, nothing is sent there (RFC 6749 clause 3.1.2.4).
            if (form["redirect_uri"] is not { } redirect || !client.RedirectUris.Contains(redirect))
            {
                await RefuseAsync(http, authorizations, client, "redirect-uri", "The application did not name an address of its own to come back to.");
                return;
            }

            (request, string error, string reason) = AuthorizationRequest.Parse(client, redirect, form);
            if (error.Length > 0)
            {
                await authorizations.RefuseAsync(http, client, reason);
                http.Response.Redirect(request.Answer(issuer.Text, ("error", error), ("error_description", $"Refused: {reason}.")));
                return;
            }
        }

        PersonIdentity? person = await sessions.FindAsync(http) is (Account account, Session session) ? new PersonIdentity(account, session) : null;
        await GoOnAsync(http, request!, client, person is { IsEnrolling: false } ? person : null, issuer, authorizations, time.GetUtcNow().ToUnixTimeMilliseconds());
    }

    private static async Task GoOnAsync(HttpContext http, AuthorizationRequest request, Client client, PersonIdentity? person, ConnectIssuer issuer, Authorizations authorizations, long now)
    {
        bool stale = person is not null && (person.Session.Created < request.SignedInAfter || (request.Prompt == "login" && request.SignedInAfter == 0)
            || (request.SignedInAfter == 0 && request.MaxAge is { } age && now - person.Session.Created > age * 1_000));
        if (request.Prompt == "none")
        {
            // Refresh tokens are never given without being asked for (OpenID Connect Core clause 11).
            string? error = person is null || stale ? OAuthError.LoginRequired
                : request.Scope.Contains(Scopes.OfflineAccess) || !await authorizations.IsAllowedAsync(request, person) ? OAuthError.ConsentRequired : null;
            if (error is not null)
            {
                await authorizations.RefuseAsync(http, client, error.Replace('_', '-'));
            }

            http.Response.Redirect(error is null ? request.Answer(issuer.Text, ("code", await authorizations.RepeatAsync(http, request, person!))) : request.Answer(issuer.Text, ("error", error)));
            return;
        }

        if (person is null || stale)
        {
            string ticket = await authorizations.KeepAsync(stale ? request with { SignedInAfter = now } : request with { SignedInAfter = request.Prompt == "login" || request.MaxAge is not null ? now : request.SignedInAfter });
            http.Response.Redirect($"/sign-in?{(stale ? "again=1&" : "")}return={Uri.EscapeDataString($"{Path}?resume={ticket}")}");
            return;
        }

        await ConsentPage.ShowAsync(http, request, client, person, await authorizations.AskAsync(request, person));
    }

    private static async Task DecideAsync(HttpContext http, ConnectIssuer issuer, Authorizations authorizations)
    {
        http.Response.Headers.CacheControl = "no-store";
        if (await OAuthForm.ReadAsync(http) is not { } form)
        {
            return;
        }

        if (form["decision"] is not ("allow" or "refuse") || await authorizations.DecideAsync(http, PersonIdentity.Of(http)!, form["ticket"], form["decision"] == "allow") is not (AuthorizationRequest request, var code))
        {
            await Problems.WriteAsync(http, Problems.AuthorizationRefused, "This page was used before, has waited for too long, or was shown to somebody else: go back to the application and begin again.", "page");
            return;
        }

        // 303: the browser goes on with GET and leaves the form behind (RFC 9700 clause 4.12).
        http.Response.StatusCode = StatusCodes.Status303SeeOther;
        http.Response.Headers.Location = request.Answer(issuer.Text, code is null ? ("error", OAuthError.AccessDenied) : ("code", code));
    }

    private static async Task RefuseAsync(HttpContext http, Authorizations authorizations, Client? client, string reason, string detail)
    {
        await authorizations.RefuseAsync(http, client, reason);
        await (http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal)
            ? ConsentPage.RefuseAsync(http, reason)
            : Problems.WriteAsync(http, Problems.AuthorizationRefused, detail, reason));
    }
}
