using System.Text.Json;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Identity.Store;
using Notary.Server.OpenApi;

namespace Notary.Server.Identity.People;

/// <summary>Signing in and out, and the list of devices.</summary>
internal static class SessionEndpoints
{
    /// <summary>The longest password that is hashed.</summary>
    public const int MaxPassword = 256;

    private const int RetryAfterSeconds = 5;

    private static readonly Problem[] Anonymous = [Problems.Malformed, Problems.Truncated, Problems.SignInRefused, Problems.CrossSite, Problems.BodyTimeout, Problems.TooLarge, Problems.UnsupportedType, Problems.RateLimited, Problems.Internal];

    public static void MapSessions(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/api/session/password", PasswordAsync).WithTags("Session").WithName("signInPassword").WithSummary("First step with a password; the answer's ticket goes with the code")
            .RequireRateLimiting(RateLimits.SignIn).Accepts<PasswordSignIn>("application/json").Produces<TicketShape>().Answers([.. Anonymous, Problems.SignInBusy]);
        routes.MapPost("/api/session/code", CodeAsync).WithTags("Session").WithName("signInCode").WithSummary("Second step: the one-time code; opens the session and sets its cookie")
            .RequireRateLimiting(RateLimits.SignIn).Accepts<CodeSignIn>("application/json").Produces<SessionShape>().Answers(Anonymous);
        routes.MapPost("/api/session/passkey/options", PasskeyOptionsAsync).WithTags("Session").WithName("signInPasskeyOptions").WithSummary("What navigator.credentials.get takes, and the ticket that goes with its answer")
            .RequireRateLimiting(RateLimits.SignIn).Produces<CeremonyShape>().Answers(Problems.CrossSite, Problems.RateLimited, Problems.Internal);
        routes.MapPost("/api/session/passkey", PasskeyAsync).WithTags("Session").WithName("signInPasskey").WithSummary("Signs in with the assertion of a passkey; sets the cookie")
            .RequireRateLimiting(RateLimits.SignIn).Accepts<PasskeySignIn>("application/json").Produces<SessionShape>().Answers(Anonymous);
        routes.MapPost("/api/session/link", LinkAsync).WithTags("Session").WithName("signInLink").WithSummary("Uses a one-time link: a session that enrols factors")
            .RequireRateLimiting(RateLimits.SignIn).Accepts<LinkSignIn>("application/json").Produces<SessionShape>().Answers(Anonymous);
        routes.MapPost("/api/register", RegisterAsync).WithTags("Session").WithName("register").WithSummary("Makes a citizen's account, which holds nothing until it is bound to a person; opens a session that enrols factors")
            .RequireRateLimiting(RateLimits.SignIn).Accepts<Registration>("application/json").Produces<SessionShape>(201)
            .Answers([.. Anonymous.Where(static p => p != Problems.SignInRefused), Problems.AccountRefused]);
        routes.MapGet("/api/session", (Delegate)ShowAsync).WithTags("Session").WithName("session").WithSummary("Who is signed in, how, and until when").RequireSession().Produces<SessionShape>().Answers(Problems.SessionNeeded, Problems.Internal);
        routes.MapDelete("/api/session", EndAsync).WithTags("Session").WithName("signOut").WithSummary("Signs out: ends this session").RequireSession().Produces(204)
            .Answers(Problems.SessionNeeded, Problems.CrossSite, Problems.Internal);
        routes.MapGet("/api/sessions", ListAsync).WithTags("Session").WithName("sessions").WithSummary("The devices on which the person is signed in").RequirePerson().Produces<SessionListShape>()
            .Answers(Problems.SessionNeeded, Problems.RoleNotAllowed, Problems.Internal);
        routes.MapDelete("/api/sessions/{id:guid}", EndOneAsync).WithTags("Session").WithName("endSession").WithSummary("Signs a device out").RequirePerson().Produces(204)
            .Answers(Problems.SessionNeeded, Problems.RoleNotAllowed, Problems.SessionNotFound, Problems.CrossSite, Problems.Internal);
    }

    private static async Task PasswordAsync(HttpContext http, SignIn signIn)
    {
        if (await PersonBody.ReadAsync<PasswordSignIn>(http) is not { } body)
        {
            return;
        }

        // Beyond what can be a password, hashing it would only be work for an attacker's taking.
        (string? ticket, bool busy) = body.Password.Length > MaxPassword ? (null, false) : await signIn.PasswordAsync(http, body.Name, body.Password);
        if (busy)
        {
            await BusyAsync(http);
            return;
        }

        if (ticket is null)
        {
            await RefuseAsync(http, "Name or password is wrong, or the account rests after wrong attempts, or it is not active.");
            return;
        }

        await Json.WriteAsync(http, StatusCodes.Status200OK, json => json.WriteString("ticket", ticket));
    }

    private static async Task CodeAsync(HttpContext http, SignIn signIn)
    {
        if (await PersonBody.ReadAsync<CodeSignIn>(http) is { } body)
        {
            await AnswerAsync(http, await signIn.CodeAsync(http, body.Ticket, body.Code), "The code is wrong or was used before, or the first step is too long ago, or the account rests after wrong attempts.");
        }
    }

    private static async Task PasskeyOptionsAsync(HttpContext http, SignIn signIn)
    {
        (string ticket, string options) = await signIn.BeginPasskeyAsync(http);
        await WriteCeremonyAsync(http, ticket, options);
    }

    private static async Task PasskeyAsync(HttpContext http, SignIn signIn)
    {
        if (await PersonBody.ReadAsync<PasskeySignIn>(http) is { } body)
        {
            await AnswerAsync(http, await signIn.PasskeyAsync(http, body.Ticket, body.Credential.GetRawText()), "The passkey is none of this platform's, did not verify its user, or its account is not active.");
        }
    }

    private static async Task LinkAsync(HttpContext http, SignIn signIn)
    {
        if (await PersonBody.ReadAsync<LinkSignIn>(http) is { } body)
        {
            await AnswerAsync(http, await signIn.LinkAsync(http, body.Link, body.Pin), "The link was used, has expired, or is none, or the PIN that goes with it is wrong.");
        }
    }

    private static async Task RegisterAsync(HttpContext http, Accounts accounts)
    {
        if (await PersonBody.ReadAsync<Registration>(http) is not { } body)
        {
            return;
        }

        if (await accounts.RegisterAsync(http, body.Name) is { } refused)
        {
            await Problems.WriteAsync(http, Problems.AccountRefused, "A name is 3 to 64 of a to z, 0 to 9, '.', '-' and '_', begins with a letter, and is nobody else's.", refused);
            return;
        }

        await Json.WriteAsync(http, StatusCodes.Status201Created, json => json.WriteString("name", body.Name));
    }

    private static Task ShowAsync(HttpContext http)
    {
        http.Response.Headers.CacheControl = "no-store";
        PersonIdentity person = PersonIdentity.Of(http)!;
        return Json.WriteAsync(http, StatusCodes.Status200OK, json =>
        {
            json.WriteString("account", person.Account.ToString());
            json.WriteString("name", person.AccountName);
            json.WriteString("role", person.Role.Name());
            json.WriteString("organisation", person.Organisation);
            json.WriteBoolean("enrolling", person.IsEnrolling);
            Write(json, person.Session);
        });
    }

    private static async Task EndAsync(HttpContext http, SessionAct act)
    {
        await act.EndAsync(http, PersonIdentity.Of(http)!, PersonIdentity.Of(http)!.Session.Id, AuditEvent.SignOut);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static async Task ListAsync(HttpContext http, Sessions sessions)
    {
        http.Response.Headers.CacheControl = "no-store";
        PersonIdentity person = PersonIdentity.Of(http)!;
        List<Session> open = await sessions.ListAsync(person.Account);
        await Json.WriteAsync(http, StatusCodes.Status200OK, json =>
        {
            json.WriteStartArray("sessions");
            foreach (Session session in open)
            {
                json.WriteStartObject();
                json.WriteString("id", session.Id.ToString());
                json.WriteBoolean("current", session.Id == person.Session.Id);
                Write(json, session);
                json.WriteString("seen", RecordTime.Format(session.Seen));
                json.WriteString("agent", session.Agent);
                json.WriteString("address", session.Address);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private static async Task EndOneAsync(HttpContext http, Guid id, SessionAct act)
    {
        if (!await act.EndAsync(http, PersonIdentity.Of(http)!, id, AuditEvent.SessionEnd))
        {
            await Problems.WriteAsync(http, Problems.SessionNotFound, "No open session of yours has this id.");
            return;
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static Task AnswerAsync(HttpContext http, Session? session, string refusal) => session is null ? RefuseAsync(http, refusal) : Json.WriteAsync(http, StatusCodes.Status200OK, json => Write(json, session));

    private static Task RefuseAsync(HttpContext http, string detail) => Problems.WriteAsync(http, Problems.SignInRefused, detail);

    /// <summary>Answers that too many passwords are being checked.</summary>
    public static Task BusyAsync(HttpContext http) => Problems.WriteAsync(http, Problems.SignInBusy, "Try again in a moment; a passkey signs in at once.", retryAfterSeconds: RetryAfterSeconds);

    /// <summary>Writes a ticket and the options of a ceremony, which Identity made as JSON.</summary>
    public static Task WriteCeremonyAsync(HttpContext http, string ticket, string options)
    {
        http.Response.Headers.CacheControl = "no-store";
        return Json.WriteAsync(http, StatusCodes.Status200OK, json =>
        {
            json.WriteString("ticket", ticket);
            json.WritePropertyName("options");
            json.WriteRawValue(options);
        });
    }

    private static void Write(Utf8JsonWriter json, Session session)
    {
        json.WriteStartArray("methods");
        foreach (string method in session.Methods.Split(' '))
        {
            json.WriteStringValue(method);
        }

        json.WriteEndArray();
        json.WriteString("created", RecordTime.Format(session.Created));
        json.WriteString("expires", RecordTime.Format(session.Expires));
    }
}

/// <summary>Ends one session of a person, with its audit row.</summary>
internal sealed class SessionAct(IdentityContext context, IdentityDatabase database, Sessions sessions, SignIn signIn)
{
    /// <summary>False when the person has no such open session.</summary>
    public async Task<bool> EndAsync(HttpContext http, PersonIdentity person, Guid id, string what)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        await sessions.EnterAsync(person);
        bool ended = await sessions.EndAsync(person.Account, only: id) == 1;
        if (ended && id == person.Session.Id)
        {
            sessions.Forget(http);
        }

        AuditRow row = signIn.Row(http, null, what, ended ? "" : "unknown");
        row.Actor = person.Account.ToString();
        row.Target = id.ToString();
        await transaction.CommitAsync(row);
        return ended;
    }
}

internal sealed record TicketShape(string Ticket);

internal sealed record CeremonyShape(string Ticket, JsonElement Options);

internal sealed record SessionShape(string Account, string Name, string Role, string Organisation, bool Enrolling, string[] Methods, string Created, string Expires);

internal sealed record DeviceShape(string Id, bool Current, string[] Methods, string Created, string Expires, string Seen, string Agent, string Address);

internal sealed record SessionListShape(DeviceShape[] Sessions);
