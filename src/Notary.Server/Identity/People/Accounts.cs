using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.People;

/// <summary>
/// Making, recovering, enabling and ending accounts. What gives a right takes two: a system administrator proposes, a security administrator confirms (GB/T 22239-2019 8.1.4.2).
/// Taking one away takes one security administrator. Citizens register themselves: an account that is bound to no subject holds nothing.
/// </summary>
internal sealed class Accounts(
    IdentityContext context, IdentityDatabase database, UserManager<Account> users, Tickets tickets, Sessions sessions, Factors factors, SignIn signIn, IHostEnvironment environment, TimeProvider time)
{
    /// <summary>How long a proposal can be decided.</summary>
    public static readonly TimeSpan ActLifetime = TimeSpan.FromDays(7);

    /// <summary>How long an enrolment link works.</summary>
    public static readonly TimeSpan LinkLifetime = TimeSpan.FromHours(24);

    /// <summary>How the names of accounts begin that Development makes; no other account's does.</summary>
    public const string DevelopmentPrefix = "dev-";

    private const int MinName = 3;
    private const int MaxName = 64;
    private const int MaxOrganisation = 64;
    private const int MaxReason = 400;

    // An account that was begun and never used, and a session that ended, are kept for so long.
    private static readonly TimeSpan UnusedLifetime = TimeSpan.FromDays(1);
    private static readonly TimeSpan EndedSessionLifetime = TimeSpan.FromDays(180);

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789.-_");

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Why no account can have this name; null when one can.</summary>
    public static string? NameProblem(string name) =>
        name.Length is < MinName or > MaxName || name.AsSpan().ContainsAnyExcept(NameCharacters) || !char.IsAsciiLetterLower(name[0]) ? "name-malformed" : null;

    /// <summary>Whether free text can be stored and shown: no control character.</summary>
    public static bool IsText(string text, int max) => text.Length > 0 && text.Length <= max && !text.Any(char.IsControl);

    /// <summary>Proposes an account of any role but citizen. Gives the act with the PIN for the person, or the reason of a refusal.</summary>
    public async Task<(OfficerAct? Act, string Pin, string? Reason)> ProposeAsync(HttpContext http, PersonIdentity officer, NewAccount wanted, string reason)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        await sessions.EnterAsync(officer);
        await SweepAsync();
        (Account? account, string? refused) = IsText(reason, MaxReason) ? await AddAsync(wanted, AccountState.Proposed) : (null, "reason");
        (OfficerAct? act, string pin) = refused is null ? Propose(ActKind.Create, account!, officer, reason) : (null, "");
        await transaction.CommitAsync(Row(http, officer, AuditEvent.AccountPropose, account?.Id.ToString() ?? "", refused));
        return (act, pin, refused);
    }

    /// <summary>Proposes to recover an account whose person lost the factors, or to enable a disabled one.</summary>
    public async Task<(OfficerAct? Act, string Pin, string? Reason)> ProposeAsync(HttpContext http, PersonIdentity officer, ActKind kind, Guid accountId, string reason)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        await sessions.EnterAsync(officer);
        Account? account = await users.FindByIdAsync(accountId.ToString());
        string? refused = account is null ? "unknown" : account.Id == officer.Account ? "own" : !IsText(reason, MaxReason) ? "reason" : Fits(kind, account.State) ? null : "state";
        (OfficerAct? act, string pin) = refused is null ? Propose(kind, account!, officer, reason) : (null, "");
        await transaction.CommitAsync(Row(http, officer, AuditEvent.AccountPropose, accountId.ToString(), refused));
        return (act, pin, refused);
    }

    /// <summary>Confirms or refuses an act. A confirmed one gives the person's enrolment link, once; it opens only together with the PIN that the proposer has.</summary>
    public async Task<ActOutcome> DecideAsync(HttpContext http, PersonIdentity officer, Guid actId, bool confirm)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        Account self = await sessions.EnterAsync(officer);
        long now = Now;
        OfficerAct? act = await context.Acts.SingleOrDefaultAsync(a => a.Id == actId);
        Account? account = act is null ? null : await users.FindByIdAsync(act.AccountId.ToString());
        Account? proposer = act is null ? null : await users.FindByIdAsync(act.ProposedBy.ToString());
        ActOutcome outcome = act is null || account is null || proposer is null ? ActOutcome.Unknown
            : IsSame(self, proposer) || IsSame(self, account) ? ActOutcome.SameOfficer
            : act.Decided is not null || act.Expires <= now || proposer.State != AccountState.Active || !Fits(act.Kind, account.State) ? ActOutcome.Decided
            : ActOutcome.Done;
        if (outcome.Refusal is null)
        {
            (act!.Decided, act.DecidedBy, act.Confirmed) = (now, officer.Account, confirm);
            if (confirm)
            {
                await factors.ResetAsync(account!);
                await context.Acts.Where(a => a.AccountId == account!.Id && a.Id != actId && a.Decided == null).ExecuteUpdateAsync(set => set.SetProperty(a => a.Expires, now));
                outcome = outcome with { Link = await tickets.IssueAsync(TicketPurpose.EnrolmentLink, account!.Id, Tickets.StateOf(act.PinHash), LinkLifetime), AccountName = account.UserName };
            }
            else if (act.Kind == ActKind.Create)
            {
                await RefuseAsync(account!);
            }
        }

        await transaction.CommitAsync(Row(http, officer, confirm ? AuditEvent.ActConfirm : AuditEvent.ActRefuse, actId.ToString(), outcome.Refusal));
        return outcome;
    }

    /// <summary>Ends an account at once: its sessions, its links, its open acts and those it proposed. The reason when it is refused: there is none, it is the officer's own, or the last active one of its administrators' role.</summary>
    public async Task<string?> DisableAsync(HttpContext http, PersonIdentity officer, Guid accountId)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        await sessions.EnterAsync(officer);
        Account? account = accountId == officer.Account ? null : await users.FindByIdAsync(accountId.ToString());
        string? refused = account is null || account.State is AccountState.Proposed or AccountState.Refused ? "unknown-or-own"
            : account.Role.IsAdministrator() && account.State == AccountState.Active && !await context.Users.AnyAsync(a => a.Role == account.Role && a.State == AccountState.Active && a.Id != accountId) ? "last-administrator"
            : null;
        if (refused is null)
        {
            long now = Now;
            account!.State = AccountState.Disabled;
            await users.UpdateAsync(account).OrThrow();
            await sessions.EndAsync(account.Id);
            await tickets.DropAsync(account.Id);
            await context.Acts.Where(a => (a.AccountId == account.Id || a.ProposedBy == account.Id) && a.Decided == null).ExecuteUpdateAsync(set => set.SetProperty(a => a.Expires, now));
        }

        await transaction.CommitAsync(Row(http, officer, AuditEvent.AccountDisable, accountId.ToString(), refused));
        return refused;
    }

    /// <summary>Makes a citizen's account, whose session enrols factors. The reason when it is refused.</summary>
    public async Task<string?> RegisterAsync(HttpContext http, string name)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        await SweepAsync();
        (Account? account, string? refused) = await AddAsync(new NewAccount(name, Role.Citizen, "", null), AccountState.Enrolling);
        if (refused is null)
        {
            await sessions.OpenAsync(http, account!, Sessions.Link);
        }

        await transaction.CommitAsync(signIn.Row(http, account, AuditEvent.Register, refused ?? ""));
        return refused;
    }

    /// <summary>
    /// Makes the first administrators and their enrolment links, all or none; nothing once one of them has signed in. Before that it may be repeated: what it made is replaced, and its links are void. The
    /// operator's machine is what proves the right to.
    /// </summary>
    public async Task<(IReadOnlyList<(string Name, string Link)> Links, string? Reason)> SetupAsync(HttpContext http, IReadOnlyList<NewAccount> wanted)
    {
        var links = new List<(string, string)>();
        string? refused = wanted.Select(static w => w.Role).Order().SequenceEqual([Role.SystemAdministrator, Role.SecurityAdministrator, Role.AuditAdministrator]) ? null : "roles";
        if (refused is null)
        {
            await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
            IQueryable<Account> administrators = context.Users.Where(static a => a.Role >= Role.SystemAdministrator && !a.UserName!.StartsWith(DevelopmentPrefix) && (a.State == AccountState.Active || a.State == AccountState.Enrolling || a.State == AccountState.Disabled));
            refused = environment.IsDevelopment() || await administrators.AnyAsync(static a => a.State != AccountState.Enrolling) ? "done" : null;
            if (refused is null)
            {
                await administrators.ExecuteDeleteAsync();
            }

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
        }

        await RefusedAsync(http, AuditEvent.Setup, refused);
        return ([], refused);
    }

    /// <summary>Audits something that was refused before it had a transaction.</summary>
    public async Task RefusedAsync(HttpContext http, string what, string refused)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        await transaction.CommitAsync(signIn.Row(http, null, what, refused));
    }

    /// <summary>Outside Development: accounts that Development made, without factors, are ended.</summary>
    public async Task DisableDevelopmentAsync()
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        List<Account> left = await context.Users.Where(static a => a.UserName!.StartsWith(DevelopmentPrefix) && a.State != AccountState.Disabled).ToListAsync();
        foreach (Account account in left)
        {
            account.State = AccountState.Disabled;
            await users.UpdateAsync(account).OrThrow();
            await sessions.EndAsync(account.Id);
        }

        if (left.Count > 0)
        {
            await transaction.CommitAsync(new AuditRow { Time = Now, Event = AuditEvent.AccountDisable, Target = "development" });
        }
    }

    // Development only: makes one active account of each role that has none, without factors. With the first link that is asked for: most starts need none.
    private async Task EnsureDevelopmentAsync()
    {
        foreach (Role role in Roles.All)
        {
            string name = DevelopmentName(role);
            if (await users.FindByNameAsync(name) is null)
            {
                (Account? account, string? refused) = await AddAsync(new NewAccount(name, role, role.IsOfficial() ? "dev-agency" : "", FormattableString.Invariant($"DEVELOPMENT{(int)role:D2}")), AccountState.Active, reserved: true);
                if (account is null)
                {
                    throw new InvalidOperationException($"The development account {name} was not made: {refused}.");
                }
            }
        }
    }

    /// <summary>Development only: a one-time link that signs in as the role's development account.</summary>
    public async Task<string> DevelopmentLinkAsync(HttpContext http, Role role)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        await EnsureDevelopmentAsync();
        Account account = (await users.FindByNameAsync(DevelopmentName(role)))!;
        string link = await tickets.IssueAsync(TicketPurpose.DevelopmentLink, account.Id, "", TimeSpan.FromMinutes(10));
        await transaction.CommitAsync(signIn.Row(http, account, AuditEvent.DevelopmentLink));
        return link;
    }

    private static string DevelopmentName(Role role) => DevelopmentPrefix + role.Name();

    private async Task<(Account? Account, string? Reason)> AddAsync(NewAccount wanted, AccountState state, bool reserved = false)
    {
        bool documented = wanted.Role.IsOfficial() || wanted.Role.IsAdministrator();
        byte[]? person = documented && wanted.Document is { } document ? database.Keys.Person(document) : null;
        string? refused = NameProblem(wanted.Name)
            ?? (!reserved && wanted.Name.StartsWith(DevelopmentPrefix, StringComparison.Ordinal) ? "name-malformed" : null)
            ?? ((wanted.Role.IsOfficial() ? IsText(wanted.Organisation, MaxOrganisation) : wanted.Organisation.Length == 0) ? null : "organisation")
            ?? (documented && person is null ? "document" : null)
            ?? (await users.FindByNameAsync(wanted.Name) is not null ? "name-taken" : null)
            ?? (wanted.Role.IsAdministrator() && await context.Users.AnyAsync(a => a.Role >= Role.SystemAdministrator && a.Person == person) ? "administrator-already" : null);
        if (refused is not null)
        {
            return (null, refused);
        }

        var account = new Account
        {
            Id = Guid.CreateVersion7(), UserName = wanted.Name, Role = wanted.Role, Organisation = wanted.Organisation, Person = person, State = state, Created = Now,
        };
        await users.CreateAsync(account).OrThrow();
        return (account, null);
    }

    // What was begun and never finished is given up: names and documents are free again, and rows do not pile up.
    private async Task SweepAsync()
    {
        long now = Now;
        long old = now - (long)UnusedLifetime.TotalMilliseconds;
        long ended = now - (long)EndedSessionLifetime.TotalMilliseconds;
        await context.Users.Where(a => a.Role == Role.Citizen && a.State == AccountState.Enrolling && a.Created < old && !context.Acts.Any(x => x.AccountId == a.Id)).ExecuteDeleteAsync();
        await context.Sessions.Where(s => s.Expires < ended).ExecuteDeleteAsync();
        foreach (Account account in await context.Users.Where(a => a.State == AccountState.Proposed && !context.Acts.Any(x => x.AccountId == a.Id && x.Decided == null && x.Expires > now)).Take(100).ToListAsync())
        {
            await RefuseAsync(account);
        }
    }

    // The name is free again, and the person; what was proposed stays in the act and in the audit trail.
    private Task RefuseAsync(Account account)
    {
        account.State = AccountState.Refused;
        account.UserName = $"refused.{account.Id:N}";
        account.Person = null;
        return users.UpdateAsync(account).OrThrow();
    }

    private static bool Fits(ActKind kind, AccountState state) => kind switch
    {
        ActKind.Create => state == AccountState.Proposed,
        ActKind.Recover => state is AccountState.Active or AccountState.Enrolling,
        _ => state == AccountState.Disabled,
    };

    // One person may have several accounts, and is still one officer.
    private static bool IsSame(Account one, Account other) => one.Id == other.Id || (one.Person is { } person && other.Person is { } same && person.AsSpan().SequenceEqual(same));

    private (OfficerAct Act, string Pin) Propose(ActKind kind, Account account, PersonIdentity officer, string reason)
    {
        string pin = RandomNumberGenerator.GetInt32(100_000_000).ToString("D8", CultureInfo.InvariantCulture);
        var act = new OfficerAct
        {
            Id = Guid.CreateVersion7(), Kind = kind, AccountId = account.Id, Reason = reason, PinHash = SHA256.HashData(Encoding.ASCII.GetBytes(pin)),
            ProposedBy = officer.Account, Proposed = Now, Expires = Now + (long)ActLifetime.TotalMilliseconds,
        };
        context.Acts.Add(act);
        return (act, pin);
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
