using System.Security.Cryptography;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.People;

/// <summary>
/// Signing in: a passkey with user verification, or a password and then a one-time code (RFC 6238). Each attempt is audited; all refusals look alike, whether the name, the password
/// or the account's state was the reason.
/// </summary>
internal sealed class SignIn(
    IdentityContext context, IdentityDatabase database, UserManager<Account> users, IPasskeyHandler<Account> passkeys, Tickets tickets, Sessions sessions, PasswordWork work, IHostEnvironment environment,
    TimeProvider time)
{
    private const string Passkey = "hwk user mfa";
    private const string PasswordAndCode = "pwd otp mfa";

    private static readonly TimeSpan HalfDone = TimeSpan.FromMinutes(5);

    private static string? _nobodysHash;

    /// <summary>Checks name and password; the ticket that the code then needs, or null. Busy when too many passwords are being checked.</summary>
    public async Task<(string? Ticket, bool Busy)> PasswordAsync(HttpContext http, string name, string password)
    {
        string? normalized = Accounts.NameProblem(name) is null ? users.NormalizeName(name) : null;
        string? hash = normalized is null ? null : await context.Users.AsNoTracking().Where(a => a.NormalizedUserName == normalized).Select(static a => a.PasswordHash).SingleOrDefaultAsync(http.RequestAborted);
        bool right = false;
        if (!await work.RunAsync(() => right = Verify(hash, password), http.RequestAborted))
        {
            return (null, true);
        }

        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        Account? account = normalized is null ? null : await users.FindByNameAsync(name);
        string? refused = account is null ? "name"
            : account.State != AccountState.Active || !account.TwoFactorEnabled ? "state"
            : await users.IsLockedOutAsync(account) ? "locked"
            : right && account.PasswordHash == hash ? null : "password";
        if (refused == "password")
        {
            await users.AccessFailedAsync(account!).OrThrow();
        }

        string? ticket = refused is null ? await tickets.IssueAsync(TicketPurpose.SecondFactor, account!.Id, "", HalfDone) : null;
        await transaction.CommitAsync(Row(http, account, AuditEvent.SignIn, refused ?? "code-awaited"));
        return (ticket, false);
    }

    /// <summary>Checks the code for a ticket of <see cref="PasswordAsync"/>, and opens a session; null when it is refused.</summary>
    public async Task<Session?> CodeAsync(HttpContext http, string ticketText, string code)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        Ticket? ticket = await tickets.FindAsync(TicketPurpose.SecondFactor, ticketText);
        Account? account = ticket is null ? null : await users.FindByIdAsync(ticket.AccountId.ToString()!);
        string? refused = account is null ? "ticket"
            : account.State != AccountState.Active ? "state"
            : await users.IsLockedOutAsync(account) ? "locked"
            : await AcceptCodeAsync(account, await users.GetAuthenticatorKeyAsync(account), code) ? null : "code";
        if (refused == "code")
        {
            await users.AccessFailedAsync(account!).OrThrow();
        }

        if (refused is null)
        {
            await tickets.TakeAsync(TicketPurpose.SecondFactor, ticketText);
            await users.ResetAccessFailedCountAsync(account!).OrThrow();
        }

        return await FinishAsync(http, transaction, account, PasswordAndCode, refused);
    }

    /// <summary>Whether a one-time code is right, and neither it nor a later one was used before. The caller's transaction keeps that it was used.</summary>
    public async Task<bool> AcceptCodeAsync(Account account, string? key, string code)
    {
        if (key is null || OneTimeCode.Accept(key, code, time.GetUtcNow(), account.UsedStep) is not { } step)
        {
            return false;
        }

        account.UsedStep = step;
        await users.UpdateAsync(account).OrThrow();
        return true;
    }

    /// <summary>Begins a sign-in with any passkey of this platform.</summary>
    public async Task<(string Ticket, string Options)> BeginPasskeyAsync(HttpContext http)
    {
        PasskeyRequestOptionsResult made = await passkeys.MakeRequestOptionsAsync(null, http);
        return (await tickets.IssueAsync(TicketPurpose.PasskeyAssertion, null, made.AssertionState ?? "", HalfDone), made.RequestOptionsJson);
    }

    /// <summary>Checks the assertion of a passkey, and opens a session; null when it is refused. An assertion is accepted once. An account that rests after wrong passwords is not locked out of its passkeys: nobody guesses those.</summary>
    public async Task<Session?> PasskeyAsync(HttpContext http, string ticketText, string credential)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        if (await tickets.TakeAsync(TicketPurpose.PasskeyAssertion, ticketText) is not { } ticket)
        {
            return await FinishAsync(http, transaction, null, Passkey, "ticket");
        }

        PasskeyAssertionResult<Account> result = await passkeys.PerformAssertionAsync(new PasskeyAssertionContext { HttpContext = http, CredentialJson = credential, AssertionState = ticket.State });
        Account? account = result.Succeeded ? result.User : null;
        string? refused = !result.Succeeded ? "passkey" : !result.Passkey.IsUserVerified ? "user-verification" : result.User.State != AccountState.Active ? "state" : null;
        if (refused is null)
        {
            await users.AddOrUpdatePasskeyAsync(result.User!, result.Passkey!).OrThrow();
        }

        return await FinishAsync(http, transaction, account, Passkey, refused);
    }

    /// <summary>
    /// Opens a session by a one-time link: of an account that enrols, or in Development of any. Null when the link is none, was used or has expired, or its PIN is wrong. Links of what two officers decided have
    /// a PIN, which the other of the two hands out.
    /// </summary>
    public async Task<Session?> LinkAsync(HttpContext http, string text, string? pin)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        Ticket? ticket = await tickets.FindAsync(TicketPurpose.EnrolmentLink, text) ?? (environment.IsDevelopment() ? await tickets.FindAsync(TicketPurpose.DevelopmentLink, text) : null);
        Account? account = ticket is null ? null : await users.FindByIdAsync(ticket.AccountId.ToString()!);
        bool enrols = ticket?.Purpose == TicketPurpose.EnrolmentLink;
        string? refused = account is null ? "link"
            : account.State != (enrols ? AccountState.Enrolling : AccountState.Active) ? "state"
            : await tickets.OpensAsync(ticket!, pin) ? null : "pin";
        Session? session = null;
        if (refused is null)
        {
            await tickets.TakeAsync(ticket!.Purpose, text);
            session = await sessions.OpenAsync(http, account!, enrols ? Sessions.Link : Sessions.Development);
        }

        await transaction.CommitAsync(Row(http, account, AuditEvent.LinkUse, refused ?? ""));
        return session;
    }

    /// <summary>An audit row of now about an account that signs in.</summary>
    public AuditRow Row(HttpContext http, Account? account, string what, string refused = "") => new()
    {
        Time = time.GetUtcNow().ToUnixTimeMilliseconds(),
        Actor = refused is "" or "code-awaited" ? account?.Id.ToString() ?? "" : "",
        Target = account?.Id.ToString() ?? "",
        Event = what,
        Refused = refused,
        Address = Sessions.AddressOf(http),
    };

    private async Task<Session?> FinishAsync(HttpContext http, IdentityTransaction transaction, Account? account, string methods, string? refused)
    {
        Session? session = refused is null ? await sessions.OpenAsync(http, account!, methods) : null;
        await transaction.CommitAsync(Row(http, account, AuditEvent.SignIn, refused ?? ""));
        return session;
    }

    // For a name that is not there, or has no password, another hash is verified: the time does not tell which names are.
    private bool Verify(string? hash, string password)
    {
        var nobody = new Account();
        _nobodysHash ??= users.PasswordHasher.HashPassword(nobody, Convert.ToHexString(RandomNumberGenerator.GetBytes(16)));
        return users.PasswordHasher.VerifyHashedPassword(nobody, hash ?? _nobodysHash, password) != PasswordVerificationResult.Failed && hash is not null;
    }
}
