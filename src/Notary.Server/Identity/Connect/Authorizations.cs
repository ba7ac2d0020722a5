using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Notary.Server.Identity.People;
using Notary.Server.Identity.Store;
using Notary.Server.Options;

namespace Notary.Server.Identity.Connect;

/// <summary>What persons allow to clients: keeping a request while the person signs in or decides, and the decision itself.</summary>
internal sealed class Authorizations(IdentityContext context, IdentityDatabase database, Tickets tickets, Sessions sessions, ConnectOptions options, TimeProvider time)
{
    // RFC 6749 clause 4.1.2 recommends ten minutes at most; a browser needs a moment.
    private static readonly TimeSpan CodeLifetime = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RequestLifetime = TimeSpan.FromMinutes(15);

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>What a consent page was made for: the request, and the session that it was shown in.</summary>
    private sealed record Shown(AuthorizationRequest Request, Guid Session);

    /// <summary>Keeps a request while the person signs in; the ticket names it.</summary>
    public Task<string> KeepAsync(AuthorizationRequest request) => tickets.IssueAsync(TicketPurpose.AuthorizationRequest, null, JsonSerializer.Serialize(request), RequestLifetime);

    /// <summary>A kept request; null when it is over.</summary>
    public async Task<AuthorizationRequest?> FindAsync(string? ticket) =>
        await tickets.FindAsync(TicketPurpose.AuthorizationRequest, ticket) is { } kept ? JsonSerializer.Deserialize<AuthorizationRequest>(kept.State) : null;

    /// <summary>The ticket of a consent page: good once, for this person in this session.</summary>
    public Task<string> AskAsync(AuthorizationRequest request, PersonIdentity person) =>
        tickets.IssueAsync(TicketPurpose.Consent, person.Account, JsonSerializer.Serialize(new Shown(request, person.Session.Id)), RequestLifetime);

    /// <summary>Whether the person has allowed the same or more to the client in this session already, and it holds.</summary>
    public async Task<bool> IsAllowedAsync(AuthorizationRequest request, PersonIdentity person)
    {
        long now = Now;
        List<string> allowed = await context.Authorizations.AsNoTracking()
            .Where(a => a.AccountId == person.Account && a.SessionId == person.Session.Id && a.Client == request.ClientId && a.Revoked == null && a.Expires > now).Select(static a => a.Scope).ToListAsync();
        return allowed.Exists(scope => !request.Scope.Except(scope.Split(' ')).Any());
    }

    /// <summary>The person's decision: the request and the code, which is null when it was refused; nothing when the page is over, was used, or is another person's or session's.</summary>
    public async Task<(AuthorizationRequest Request, string? Code)?> DecideAsync(HttpContext http, PersonIdentity person, string? ticket, bool allow)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        await sessions.EnterAsync(person);
        Ticket? taken = await tickets.TakeAsync(TicketPurpose.Consent, ticket);
        Shown? shown = taken is not null && taken.AccountId == person.Account ? JsonSerializer.Deserialize<Shown>(taken.State) : null;
        if (shown is null || shown.Session != person.Session.Id)
        {
            await transaction.CommitAsync(Row(http, person, "", "page-over"));
            return null;
        }

        string? code = allow ? await AllowAsync(shown.Request, person) : null;
        await transaction.CommitAsync(Row(http, person, "client:" + shown.Request.ClientId, allow ? "" : OAuthError.AccessDenied));
        return (shown.Request, code);
    }

    /// <summary>A code without asking, for a client that the person has allowed this much in this session.</summary>
    public async Task<string> RepeatAsync(HttpContext http, AuthorizationRequest request, PersonIdentity person)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        await sessions.EnterAsync(person);
        string code = await AllowAsync(request, person);
        await transaction.CommitAsync(Row(http, person, "client:" + request.ClientId, ""));
        return code;
    }

    /// <summary>Keeps that a client's request was refused, before a person decided.</summary>
    public async Task RefuseAsync(HttpContext http, Client? client, string reason)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        await transaction.CommitAsync(Row(http, null, client?.Actor ?? "", reason));
    }

    private async Task<string> AllowAsync(AuthorizationRequest request, PersonIdentity person)
    {
        long now = Now;

        // What can be presented no more; its secrets go with it.
        await context.Authorizations.Where(a => a.Expires < now).ExecuteDeleteAsync();
        var authorization = new ClientAuthorization
        {
            Id = Guid.CreateVersion7(time.GetUtcNow()),
            Client = request.ClientId,
            AccountId = person.Account,
            SessionId = person.Session.Id,
            Scope = string.Join(' ', request.Scope),
            RedirectUri = request.RedirectUri,
            Challenge = request.Challenge,
            Nonce = request.Nonce,
            KeyThumbprint = request.KeyThumbprint,
            AuthTime = person.Session.Created,
            Methods = person.Session.Methods,
            Created = now,
            Expires = now + (long)TimeSpan.FromDays(options.RefreshDays).TotalMilliseconds,
        };
        (string code, byte[] hash) = Tickets.NewKey();
        context.Authorizations.Add(authorization);
        context.Secrets.Add(new AuthorizationSecret { KeyHash = hash, AuthorizationId = authorization.Id, Kind = SecretKind.Code, Expires = now + (long)CodeLifetime.TotalMilliseconds });
        await context.SaveChangesAsync();
        return code;
    }

    private AuditRow Row(HttpContext http, PersonIdentity? person, string target, string refused) => new()
    {
        Time = Now, Actor = person?.Account.ToString() ?? "", Event = AuditEvent.ClientAllow, Target = target, Refused = refused, Address = Sessions.AddressOf(http),
    };
}
