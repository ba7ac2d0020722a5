using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.People;

/// <summary>
/// Signing in: a passkey with user verification, or a password and then a one-time code (RFC 6238). Each attempt is audited; all refusals look alike, whether the name, the password
/// or the account's state was the reason.
/// </summary>
internal sealed class SignIn(
    IdentityContext context, IdentityDatabase database, UserManager<Account> users, IPasskeyHandler<Account> passkeys, Tickets tickets, Sessions sessions, TimeProvider time)
{
    private const string Passkey = "hwk user mfa";
    private const string PasswordAndCode = "pwd otp mfa";

    private static readonly TimeSpan HalfDone = TimeSpan.FromMinutes(5);

    // Verified for names that are not there, so that the time does not tell which names are.
    private static string? _nobodysHash;

    /// <summary>Checks name and password; the ticket that the code then needs, or null.</summary>
    public async Task<string?> PasswordAsync(HttpContext http, string name, string password)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        Account? account = await users.FindByNameAsync(name);
        if (account?.PasswordHash is null)
        {
            var nobody = new Account();
            _nobodysHash ??= users.PasswordHasher.HashPassword(nobody, Convert.ToHexString(RandomNumberGenerator.GetBytes(16)));
            users.PasswordHasher.VerifyHashedPassword(nobody, _nobodysHash, password);
            await transaction.CommitAsync(Row(http, account, AuditEvent.SignIn, account is null ? "name" : "password"));
            return null;
        }

        // The password is verified in any state: a locked account answers after the same time.
        bool right = await users.CheckPasswordAsync(account, password);
        string? refused = account.State != AccountState.Active || !account.TwoFactorEnabled ? "state" : await users.IsLockedOutAsync(account) ? "locked" : right ? null : "password";
        if (refused == "password")
        {
            await users.AccessFailedAsync(account);
        }

        if (refused is not null)
        {
            await transaction.CommitAsync(Row(http, account, AuditEvent.SignIn, refused));
            return null;
        }

        string ticket = await tickets.IssueAsync(TicketPurpose.SecondFactor, account.Id, "", HalfDone);
        await transaction.CommitAsync(Row(http, account, AuditEvent.SignIn, "code-awaited"));
        return ticket;
    }

    /// <summary>Checks the code for a ticket of <see cref="PasswordAsync"/>, and opens a session; null when it is refused.</summary>
    public async Task<Session?> CodeAsync(HttpContext http, string ticketText, string code)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        Ticket? ticket = await tickets.FindAsync(TicketPurpose.SecondFactor, ticketText);
        Account? account = ticket is null ? null : await users.FindByIdAsync(ticket.AccountId.ToString()!);
        string? refused = account is null ? "ticket"
            : account.State != AccountState.Active ? "state"
            : await users.IsLockedOutAsync(account) ? "locked"
            : await AcceptCodeAsync(account, code) ? null : "code";
        if (refused == "code")
        {
            await users.AccessFailedAsync(account!);
        }

        if (refused is null && await tickets.TakeAsync(TicketPurpose.SecondFactor, ticketText) is null)
        {
            refused = "ticket";
        }

        return await FinishAsync(http, transaction, account, PasswordAndCode, refused);
    }

    /// <summary>Whether a one-time code is right and was not used before. The caller's transaction keeps that it was used.</summary>
    public async Task<bool> AcceptCodeAsync(Account account, string code)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(code));
        if (account.UsedCode is { } used && CryptographicOperations.FixedTimeEquals(used, hash))
        {
            return false;
        }

        if (!await users.VerifyTwoFactorTokenAsync(account, TokenOptions.DefaultAuthenticatorProvider, code))
        {
            return false;
        }

        account.UsedCode = hash;
        return (await users.UpdateAsync(account)).Succeeded;
    }

    /// <summary>Begins a sign-in with any passkey of this platform.</summary>
    public async Task<(string Ticket, string Options)> BeginPasskeyAsync(HttpContext http)
    {
        PasskeyRequestOptionsResult made = await passkeys.MakeRequestOptionsAsync(null, http);
        return (await tickets.IssueAsync(TicketPurpose.PasskeyAssertion, null, made.AssertionState ?? "", HalfDone), made.RequestOptionsJson);
    }

    /// <summary>Checks the assertion of a passkey, and opens a session; null when it is refused. An assertion is accepted once.</summary>
    public async Task<Session?> PasskeyAsync(HttpContext http, string ticketText, string credential)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        if (await tickets.TakeAsync(TicketPurpose.PasskeyAssertion, ticketText) is not { } ticket)
        {
            return await FinishAsync(http, transaction, null, Passkey, "ticket");
        }

        PasskeyAssertionResult<Account> result = await passkeys.PerformAssertionAsync(new PasskeyAssertionContext { HttpContext = http, CredentialJson = credential, AssertionState = ticket.State });
        Account? account = result.Succeeded ? result.User : null;
        string? refused = !result.Succeeded ? "passkey"
            : !result.Passkey.IsUserVerified ? "user-verification"
            : result.User.State != AccountState.Active ? "state"
            : await users.IsLockedOutAsync(result.User) ? "locked"
            : (await users.AddOrUpdatePasskeyAsync(result.User, result.Passkey)).Succeeded ? null : "passkey";
        return await FinishAsync(http, transaction, account, Passkey, refused);
    }

    /// <summary>Opens a session by a one-time link: of an account that enrols, or in Development of any. Null when the link is none, was used or has expired.</summary>
    public async Task<Session?> LinkAsync(HttpContext http, string text)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        Ticket? ticket = await tickets.TakeAsync(TicketPurpose.EnrolmentLink, text) ?? await tickets.TakeAsync(TicketPurpose.DevelopmentLink, text);
        Account? account = ticket is null ? null : await users.FindByIdAsync(ticket.AccountId.ToString()!);
        bool enrols = ticket?.Purpose == TicketPurpose.EnrolmentLink;
        string? refused = account is null ? "link" : account.State != (enrols ? AccountState.Enrolling : AccountState.Active) ? "state" : null;
        Session? session = refused is null ? await sessions.OpenAsync(http, account!, enrols ? Sessions.Link : "link development") : null;
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
        Session? session = null;
        if (refused is null)
        {
            await users.ResetAccessFailedCountAsync(account!);
            session = await sessions.OpenAsync(http, account!, methods);
        }

        await transaction.CommitAsync(Row(http, account, AuditEvent.SignIn, refused ?? ""));
        return session;
    }
}
