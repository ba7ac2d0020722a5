using System.Buffers;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.People;

/// <summary>
/// Making, recovering, enabling and ending accounts. What gives a right takes two: a system administrator proposes, a security administrator confirms (GB/T 22239-2019 8.1.4.2).
/// Taking one away takes one security administrator. Citizens register themselves: an account that is bound to no subject holds nothing.
/// </summary>
internal sealed class Accounts(IdentityContext context, IdentityDatabase database, UserManager<Account> users, Tickets tickets, Sessions sessions, Factors factors, SignIn signIn, TimeProvider time)
{
    /// <summary>How long a proposal can be decided.</summary>
    public static readonly TimeSpan ActLifetime = TimeSpan.FromDays(7);

    /// <summary>How long an enrolment link works.</summary>
    public static readonly TimeSpan LinkLifetime = TimeSpan.FromHours(24);

    private const int MinName = 3;
    private const int MaxName = 64;
    private const int MaxOrganisation = 64;
    private const int MaxDocument = 64;
    private const int MaxReason = 400;

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789.-_");

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Why no account can have this name; null when one can.</summary>
    public static string? NameProblem(string name) =>
        name.Length is < MinName or > MaxName || name.AsSpan().ContainsAnyExcept(NameCharacters) || !char.IsAsciiLetterLower(name[0]) ? "name-malformed" : null;

    /// <summary>Proposes an account of any role but citizen. Gives the act, or the reason of a refusal.</summary>
    public async Task<(OfficerAct? Act, string? Reason)> ProposeAsync(HttpContext http, PersonIdentity officer, NewAccount wanted, string reason)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        (Account? account, string? refused) = reason.Length is 0 or > MaxReason ? (null, "reason-length") : await AddAsync(wanted, AccountState.Proposed);
        OfficerAct? act = refused is null ? Propose(ActKind.Create, account!, officer, reason) : null;
        await transaction.CommitAsync(Row(http, officer, AuditEvent.AccountPropose, act is null ? wanted.Name : account!.Id.ToString(), refused));
        return (act, refused);
    }

    /// <summary>Proposes to recover an account whose person lost the factors, or to enable a disabled one.</summary>
    public async Task<(OfficerAct? Act, string? Reason)> ProposeAsync(HttpContext http, PersonIdentity officer, ActKind kind, Guid accountId, string reason)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        Account? account = await users.FindByIdAsync(accountId.ToString());
        string? refused = account is null ? "unknown"
            : account.Id == officer.Account ? "own"
            : reason.Length is 0 or > MaxReason ? "reason-length"
            : kind == ActKind.Recover && account.State is not (AccountState.Active or AccountState.Enrolling) ? "state"
            : kind == ActKind.Enable && account.State != AccountState.Disabled ? "state" : null;
        OfficerAct? act = refused is null ? Propose(kind, account!, officer, reason) : null;
        await transaction.CommitAsync(Row(http, officer, AuditEvent.AccountPropose, accountId.ToString(), refused));
        return (act, refused);
    }

    /// <summary>Confirms or refuses an act. A confirmed creation, recovery or enabling gives the person's enrolment link, once.</summary>
    public async Task<ActOutcome> DecideAsync(HttpContext http, PersonIdentity officer, Guid actId, bool confirm)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        OfficerAct? act = await context.Acts.AsNoTracking().SingleOrDefaultAsync(a => a.Id == actId);
        Account? account = act is null ? null : await users.FindByIdAsync(act.AccountId.ToString());
        long now = Now;
        ActOutcome outcome = act is null || account is null ? ActOutcome.Unknown
            : act.ProposedBy == officer.Account || account.Id == officer.Account ? ActOutcome.SameOfficer
            : act.Decided is not null || act.Expires <= now ? ActOutcome.Decided
            : await context.Acts.Where(a => a.Id == actId && a.Decided == null)
                .ExecuteUpdateAsync(set => set.SetProperty(a => a.Decided, now).SetProperty(a => a.DecidedBy, officer.Account).SetProperty(a => a.Confirmed, confirm)) == 1 ? ActOutcome.Done : ActOutcome.Decided;
        string? refused = outcome.Refusal;
        if (refused is null && !confirm && act!.Kind == ActKind.Create)
        {
            // The name is free again; what was proposed stays in the act and in the audit trail.
            account!.State = AccountState.Disabled;
            account.UserName = $"refused.{account.Id:N}";
            account.Person = null;
            await users.UpdateAsync(account);
        }

        if (refused is null && confirm)
        {
            await factors.ResetAsync(account!);
            outcome = outcome with { Link = await tickets.IssueAsync(TicketPurpose.EnrolmentLink, account!.Id, "", LinkLifetime), AccountName = account.UserName };
        }

        await transaction.CommitAsync(Row(http, officer, confirm ? AuditEvent.ActConfirm : AuditEvent.ActRefuse, actId.ToString(), refused));
        return outcome;
    }

    /// <summary>Ends an account at once: its sessions, its links, its open acts. False when there is none, or it is the officer's own.</summary>
    public async Task<bool> DisableAsync(HttpContext http, PersonIdentity officer, Guid accountId)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        Account? account = accountId == officer.Account ? null : await users.FindByIdAsync(accountId.ToString());
        if (account is not null)
        {
            long now = Now;
            account.State = AccountState.Disabled;
            await users.UpdateAsync(account);
            await sessions.EndAsync(account.Id);
            await context.Tickets.Where(t => t.AccountId == account.Id).ExecuteDeleteAsync();
            await context.Acts.Where(a => a.AccountId == account.Id && a.Decided == null).ExecuteUpdateAsync(set => set.SetProperty(a => a.Expires, now));
        }

        await transaction.CommitAsync(Row(http, officer, AuditEvent.AccountDisable, accountId.ToString(), account is null ? "unknown-or-own" : null));
        return account is not null;
    }

    /// <summary>Makes a citizen's account, whose session enrols factors. The reason when it is refused.</summary>
    public async Task<string?> RegisterAsync(HttpContext http, string name)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        (Account? account, string? refused) = await AddAsync(new NewAccount(name, Role.Citizen, "", null), AccountState.Enrolling);
        if (refused is null)
        {
            await sessions.OpenAsync(http, account!, Sessions.Link);
        }

        await transaction.CommitAsync(signIn.Row(http, account, AuditEvent.Register, refused ?? ""));
        return refused;
    }

    /// <summary>Makes the first administrators and their enrolment links, all or none; nothing when there is an administrator already. The operator's machine is what proves the right to.</summary>
    public async Task<(IReadOnlyList<(string Name, string Link)> Links, string? Reason)> SetupAsync(HttpContext http, IReadOnlyList<NewAccount> wanted)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        string? refused = await context.Users.AnyAsync(a => a.Role >= Role.SystemAdministrator && a.State != AccountState.Proposed) ? "done"
            : wanted.Select(static w => w.Role).Order().SequenceEqual([Role.SystemAdministrator, Role.SecurityAdministrator, Role.AuditAdministrator]) ? null : "roles";
        var links = new List<(string, string)>();
        foreach (NewAccount one in wanted)
        {
            if (refused is null)
            {
                (Account? account, refused) = await AddAsync(one, AccountState.Enrolling);
                if (refused is null)
                {
                    links.Add((one.Name, await tickets.IssueAsync(TicketPurpose.EnrolmentLink, account!.Id, "", LinkLifetime)));
                }
            }
        }

        if (refused is null)
        {
            await transaction.CommitAsync(signIn.Row(http, null, AuditEvent.Setup));
            return (links, null);
        }

        return ([], refused);
    }

    /// <summary>Development only: makes one active account of each role that has none, without factors.</summary>
    public async Task EnsureDevelopmentAsync()
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        int made = 0;
        foreach (Role role in Roles.All)
        {
            string name = DevelopmentName(role);
            if (await users.FindByNameAsync(name) is null)
            {
                (_, string? refused) = await AddAsync(new NewAccount(name, role, role.IsOfficial() ? "dev-agency" : "", role == Role.Citizen ? null : name), AccountState.Active);
                made += refused is null ? 1 : throw new InvalidOperationException($"The development account {name} was not made: {refused}.");
            }
        }

        if (made > 0)
        {
            await transaction.CommitAsync(new AuditRow { Time = Now, Event = AuditEvent.Setup, Target = "development" });
        }
    }

    /// <summary>Development only: a one-time link that signs in as the role's development account.</summary>
    public async Task<string> DevelopmentLinkAsync(HttpContext http, Role role)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        Account account = await users.FindByNameAsync(DevelopmentName(role)) ?? throw new InvalidOperationException("A development account is missing.");
        string link = await tickets.IssueAsync(TicketPurpose.DevelopmentLink, account.Id, "", TimeSpan.FromMinutes(10));
        await transaction.CommitAsync(signIn.Row(http, account, AuditEvent.DevelopmentLink));
        return link;
    }

    private static string DevelopmentName(Role role) => $"dev-{role.Name()}";

    private async Task<(Account? Account, string? Reason)> AddAsync(NewAccount wanted, AccountState state)
    {
        bool named = wanted.Role.IsOfficial();
        bool documented = named || wanted.Role.IsAdministrator();
        string? refused = NameProblem(wanted.Name)
            ?? (named != wanted.Organisation.Length > 0 || wanted.Organisation.Length > MaxOrganisation ? "organisation" : null)
            ?? (documented && wanted.Document is not { Length: > 0 and <= MaxDocument } ? "document-missing" : null)
            ?? (await users.FindByNameAsync(wanted.Name) is not null ? "name-taken" : null);
        byte[]? person = documented && refused is null ? database.Keys.Person(wanted.Document!) : null;
        if (refused is null && wanted.Role.IsAdministrator() && await context.Users.AnyAsync(a => a.Role >= Role.SystemAdministrator && a.Person == person))
        {
            refused = "administrator-already";
        }

        if (refused is not null)
        {
            return (null, refused);
        }

        var account = new Account
        {
            Id = Guid.CreateVersion7(), UserName = wanted.Name, Role = wanted.Role, Organisation = wanted.Organisation, Person = person, State = state, Created = Now,
        };
        IdentityResult made = await users.CreateAsync(account);
        return made.Succeeded ? (account, null) : (null, string.Join(' ', made.Errors.Select(static e => e.Code)));
    }

    private OfficerAct Propose(ActKind kind, Account account, PersonIdentity officer, string reason)
    {
        var act = new OfficerAct
        {
            Id = Guid.CreateVersion7(), Kind = kind, AccountId = account.Id, Reason = reason, ProposedBy = officer.Account, Proposed = Now, Expires = Now + (long)ActLifetime.TotalMilliseconds,
        };
        context.Acts.Add(act);
        return act;
    }

    private AuditRow Row(HttpContext http, PersonIdentity officer, string what, string target, string? refused) => new()
    {
        Time = Now, Actor = officer.Account.ToString(), Event = what, Target = target, Refused = refused ?? "", Address = Sessions.AddressOf(http),
    };
}

/// <summary>What an account is to be.</summary>
/// <param name="Document">The number of the person's document, of officials and administrators: kept as an HMAC only.</param>
internal sealed record NewAccount(string Name, Role Role, string Organisation, string? Document);

/// <summary>How a decision about an act went.</summary>
internal sealed record ActOutcome(string? Refusal)
{
    public static readonly ActOutcome Done = new((string?)null);
    public static readonly ActOutcome Unknown = new("unknown");
    public static readonly ActOutcome SameOfficer = new("same-officer");
    public static readonly ActOutcome Decided = new("decided");

    /// <summary>The person's one-time enrolment link.</summary>
    public string? Link { get; init; }

    /// <summary>For whom it is.</summary>
    public string? AccountName { get; init; }
}
