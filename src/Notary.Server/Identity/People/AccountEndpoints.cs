using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Identity.Store;
using Notary.Server.OpenApi;

namespace Notary.Server.Identity.People;

/// <summary>Accounts, what two officers decide about them, and the audit trail.</summary>
internal static class AccountEndpoints
{
    private const int PageSize = 200;

    private static readonly Problem[] Propose =
    [
        Problems.Malformed, Problems.Truncated, Problems.SessionNeeded, Problems.CrossSite, Problems.RoleNotAllowed, Problems.BodyTimeout, Problems.TooLarge, Problems.UnsupportedType, Problems.AccountRefused, Problems.Internal,
    ];

    private static readonly Problem[] Decide = [Problems.SessionNeeded, Problems.CrossSite, Problems.RoleNotAllowed, Problems.SameOfficer, Problems.ActNotFound, Problems.ActDecided, Problems.Internal];

    public static void MapAccounts(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/accounts", ListAsync).WithTags("Accounts").WithName("accounts").WithSummary("Accounts by id, 200 a page; ?after= goes on")
            .RequirePerson(Role.SystemAdministrator, Role.SecurityAdministrator).Produces<AccountListShape>().Answers(Problems.SessionNeeded, Problems.RoleNotAllowed, Problems.Internal);
        routes.MapPost("/api/accounts", (HttpContext http, Accounts accounts) => ProposeAsync(http, accounts)).WithTags("Accounts").WithName("proposeAccount").WithSummary("Proposes an account; a security administrator confirms it")
            .RequirePerson(Role.SystemAdministrator).Accepts<AccountProposal>("application/json").Produces<ProposedShape>(202).Answers(Propose);
        routes.MapPost("/api/accounts/{id:guid}/recover", (HttpContext http, Guid id, Accounts accounts) => ProposeAsync(http, id, ActKind.Recover, accounts)).WithTags("Accounts").WithName("proposeRecovery")
            .WithSummary("Proposes new factors for a person who lost them").RequirePerson(Role.SystemAdministrator).Accepts<ActReason>("application/json").Produces<ProposedShape>(202).Answers(Propose);
        routes.MapPost("/api/accounts/{id:guid}/enable", (HttpContext http, Guid id, Accounts accounts) => ProposeAsync(http, id, ActKind.Enable, accounts)).WithTags("Accounts").WithName("proposeEnabling")
            .WithSummary("Proposes to let a disabled account work again").RequirePerson(Role.SystemAdministrator).Accepts<ActReason>("application/json").Produces<ProposedShape>(202).Answers(Propose);
        routes.MapPost("/api/accounts/{id:guid}/disable", DisableAsync).WithTags("Accounts").WithName("disableAccount").WithSummary("Ends an account at once, with its sessions")
            .RequirePerson(Role.SecurityAdministrator).Produces(204).Answers(Problems.SessionNeeded, Problems.CrossSite, Problems.RoleNotAllowed, Problems.AccountNotFound, Problems.AccountRefused, Problems.Internal);
        routes.MapGet("/api/acts", ActsAsync).WithTags("Accounts").WithName("acts").WithSummary("The acts that wait for a decision")
            .RequirePerson(Role.SystemAdministrator, Role.SecurityAdministrator).Produces<ActListShape>().Answers(Problems.SessionNeeded, Problems.RoleNotAllowed, Problems.Internal);
        routes.MapPost("/api/acts/{id:guid}/confirm", (HttpContext http, Guid id, Accounts accounts) => DecideAsync(http, id, confirm: true, accounts)).WithTags("Accounts").WithName("confirmAct")
            .WithSummary("Confirms an act that another officer proposed; answers the person's enrolment link once").RequirePerson(Role.SecurityAdministrator).Produces<LinkShape>().Answers(Decide);
        routes.MapPost("/api/acts/{id:guid}/refuse", (HttpContext http, Guid id, Accounts accounts) => DecideAsync(http, id, confirm: false, accounts)).WithTags("Accounts").WithName("refuseAct")
            .WithSummary("Refuses an act that another officer proposed").RequirePerson(Role.SecurityAdministrator).Produces(204).Answers(Decide);
        routes.MapGet("/api/audit", AuditAsync).WithTags("Audit").WithName("audit").WithSummary("The audit trail, 200 rows a page, each checked against its predecessor; ?after= goes on")
            .RequirePerson(Role.AuditAdministrator).Produces<AuditShape>().Answers(Problems.SessionNeeded, Problems.RoleNotAllowed, Problems.Internal);
    }

    private static async Task ListAsync(HttpContext http, IdentityContext context, Guid? after = null)
    {
        // Ids are UUIDv7: their order is that of creation. SQLite orders them as text, PostgreSQL as uuid, and both come to the same.
        List<Account> page = await context.Users.AsNoTracking().OrderBy(static a => a.Id).Where(a => a.Id > (after ?? Guid.Empty)).Take(PageSize).ToListAsync();
        await WriteListAsync(http, "accounts", page, static (json, account) =>
        {
            json.WriteString("id", account.Id.ToString());
            json.WriteString("name", account.UserName);
            json.WriteString("role", account.Role.Name());
            json.WriteString("organisation", account.Organisation);
            json.WriteString("state", account.State.ToString().ToLowerInvariant());
            json.WriteString("created", RecordTime.Format(account.Created));
        });
    }

    private static async Task ProposeAsync(HttpContext http, Accounts accounts)
    {
        if (await PersonBody.ReadAsync<AccountProposal>(http) is not { } body)
        {
            return;
        }

        (OfficerAct? act, string pin, string? refused) = Roles.Parse(body.Role) is not { } role ? (null, "", "role-unknown")
            : role == Role.Citizen ? (null, "", "citizens-register")
            : await accounts.ProposeAsync(http, PersonIdentity.Of(http)!, new NewAccount(body.Name, role, body.Organisation, body.Document), body.Reason);
        await AnswerAsync(http, act, pin, refused);
    }

    private static async Task ProposeAsync(HttpContext http, Guid id, ActKind kind, Accounts accounts)
    {
        if (await PersonBody.ReadAsync<ActReason>(http) is { } body)
        {
            (OfficerAct? act, string pin, string? refused) = await accounts.ProposeAsync(http, PersonIdentity.Of(http)!, kind, id, body.Reason);
            await AnswerAsync(http, act, pin, refused);
        }
    }

    private static Task AnswerAsync(HttpContext http, OfficerAct? act, string pin, string? refused)
    {
        if (act is null)
        {
            return Problems.WriteAsync(http, Problems.AccountRefused, "docs/identity.md lists the reasons.", refused);
        }

        http.Response.Headers.CacheControl = "no-store";
        return Json.WriteAsync(http, StatusCodes.Status202Accepted, json =>
        {
            Write(json, act);
            json.WriteString("pin", pin);
        });
    }

    private static async Task DisableAsync(HttpContext http, Guid id, Accounts accounts)
    {
        if (await accounts.DisableAsync(http, PersonIdentity.Of(http)!, id) is { } refused)
        {
            await (refused == "last-administrator"
                ? Problems.WriteAsync(http, Problems.AccountRefused, "It is the last active account of its administrators' role: appoint another one first.", refused)
                : Problems.WriteAsync(http, Problems.AccountNotFound, "No account that works has this id, or it is your own."));
            return;
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static async Task ActsAsync(HttpContext http, IdentityContext context, TimeProvider time)
    {
        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        List<OfficerAct> open = await context.Acts.AsNoTracking().Where(a => a.Decided == null && a.Expires > now).OrderBy(static a => a.Proposed).Take(PageSize).ToListAsync();
        await WriteListAsync(http, "acts", open, Write);
    }

    private static async Task DecideAsync(HttpContext http, Guid id, bool confirm, Accounts accounts)
    {
        ActOutcome outcome = await accounts.DecideAsync(http, PersonIdentity.Of(http)!, id, confirm);
        if (outcome.Refusal is not null)
        {
            (Problem problem, string detail) = outcome.Refusal == ActOutcome.Unknown.Refusal ? (Problems.ActNotFound, "No act has this id.")
                : outcome.Refusal == ActOutcome.SameOfficer.Refusal ? (Problems.SameOfficer, "Neither who proposed an act nor whom it is about can decide it.")
                : (Problems.ActDecided, "Propose it again.");
            await Problems.WriteAsync(http, problem, detail);
            return;
        }

        http.Response.Headers.CacheControl = "no-store";
        if (outcome.Link is null)
        {
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        await Json.WriteAsync(http, StatusCodes.Status200OK, json => WriteLink(json, outcome.AccountName!, outcome.Link));
    }

    private static async Task AuditAsync(HttpContext http, AuditTrail trail, long after = 0)
    {
        after = Math.Max(0, after);
        (List<AuditRow> rows, long? broken) = await trail.ReadAsync(http, PersonIdentity.Of(http)!, after, PageSize);
        http.Response.Headers.CacheControl = "no-store";
        await Json.WriteAsync(http, StatusCodes.Status200OK, json =>
        {
            json.WriteBoolean("intact", broken is null);
            if (broken is { } number)
            {
                json.WriteNumber("brokenAt", number);
            }

            json.WriteStartArray("rows");
            foreach (AuditRow row in rows)
            {
                json.WriteStartObject();
                json.WriteNumber("number", row.Number);
                json.WriteString("time", RecordTime.Format(row.Time));
                json.WriteString("actor", row.Actor);
                json.WriteString("event", row.Event);
                json.WriteString("target", row.Target);
                json.WriteString("refused", row.Refused);
                json.WriteString("address", row.Address);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    /// <summary>Writes for whom a one-time link is, and the link.</summary>
    public static void WriteLink(Utf8JsonWriter json, string name, string link)
    {
        json.WriteString("name", name);
        json.WriteString("link", link);
    }

    private static void Write(Utf8JsonWriter json, OfficerAct act)
    {
        json.WriteString("id", act.Id.ToString());
        json.WriteString("kind", act.Kind.ToString().ToLowerInvariant());
        json.WriteString("account", act.AccountId.ToString());
        json.WriteString("reason", act.Reason);
        json.WriteString("proposedBy", act.ProposedBy.ToString());
        json.WriteString("proposed", RecordTime.Format(act.Proposed));
        json.WriteString("expires", RecordTime.Format(act.Expires));
    }

    private static Task WriteListAsync<T>(HttpContext http, string name, List<T> all, Action<Utf8JsonWriter, T> write)
    {
        http.Response.Headers.CacheControl = "no-store";
        return Json.WriteAsync(http, StatusCodes.Status200OK, json =>
        {
            json.WriteStartArray(name);
            foreach (T one in all)
            {
                json.WriteStartObject();
                write(json, one);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }
}

internal sealed record AccountShape(string Id, string Name, string Role, string Organisation, string State, string Created);

internal sealed record AccountListShape(AccountShape[] Accounts);

internal sealed record ActShape(string Id, string Kind, string Account, string Reason, string ProposedBy, string Proposed, string Expires);

internal sealed record ProposedShape(string Id, string Kind, string Account, string Reason, string ProposedBy, string Proposed, string Expires, string Pin);

internal sealed record ActListShape(ActShape[] Acts);

internal sealed record LinkShape(string Name, string Link);

internal sealed record AuditRowShape(long Number, string Time, string Actor, string Event, string Target, string Refused, string Address);

internal sealed record AuditShape(bool Intact, long? BrokenAt, AuditRowShape[] Rows);
