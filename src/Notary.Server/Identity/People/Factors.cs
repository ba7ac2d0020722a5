using Microsoft.AspNetCore.Identity;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.People;

/// <summary>
/// The factors of a person: passkeys, or a password with a code generator. An account becomes active with the first complete set (GB/T 22239-2019 8.1.4.1 d: two techniques, at
/// least one cryptographic): a passkey that verified its user is both by itself.
/// </summary>
internal sealed class Factors(
    IdentityContext context, IdentityDatabase database, UserManager<Account> users, IUserStore<Account> store, IPasskeyHandler<Account> passkeys, Tickets tickets, Sessions sessions, SignIn signIn,
    PasswordWork work, TimeProvider time)
{
    /// <summary>The reason when too many passwords are being hashed.</summary>
    public const string Busy = "busy";

    /// <summary>Passkeys of one account.</summary>
    public const int MaxPasskeys = 10;

    // A generator that is being set up: it counts from its first right code on.
    private const string Pending = "[Notary]";
    private const string PendingKey = "PendingAuthenticatorKey";
    private const string Issuer = "Notary";

    private static readonly TimeSpan Ceremony = TimeSpan.FromMinutes(5);

    /// <summary>Begins the registration of a passkey.</summary>
    public async Task<(string Ticket, string Options)> BeginPasskeyAsync(HttpContext http, PersonIdentity person)
    {
        PasskeyCreationOptionsResult made = await passkeys.MakeCreationOptionsAsync(
            new PasskeyUserEntity { Id = person.Account.ToString(), Name = person.AccountName, DisplayName = person.AccountName }, http);
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        await sessions.EnterAsync(person);
        string ticket = await tickets.IssueAsync(TicketPurpose.PasskeyRegistration, person.Account, made.AttestationState ?? "", Ceremony);
        await transaction.CommitAsync(Row(http, person, AuditEvent.PasskeyBegin, null));
        return (ticket, made.CreationOptionsJson);
    }

    /// <summary>Completes it; the reason when it is refused.</summary>
    public async Task<string?> AddPasskeyAsync(HttpContext http, PersonIdentity person, string ticketText, string credential, string name)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        Account account = await sessions.EnterAsync(person);
        Ticket? ticket = await tickets.TakeAsync(TicketPurpose.PasskeyRegistration, ticketText);
        string? refused = ticket?.AccountId != account.Id ? "ticket" : (await users.GetPasskeysAsync(account)).Count >= MaxPasskeys ? "too-many" : null;
        if (refused is null)
        {
            PasskeyAttestationResult result = await passkeys.PerformAttestationAsync(new PasskeyAttestationContext { HttpContext = http, CredentialJson = credential, AttestationState = ticket!.State });
            refused = !result.Succeeded ? "passkey" : !result.Passkey.IsUserVerified ? "user-verification" : await users.FindByPasskeyIdAsync(result.Passkey.CredentialId) is not null ? "registered" : null;
            if (refused is null)
            {
                result.Passkey!.Name = name;
                await users.AddOrUpdatePasskeyAsync(account, result.Passkey).OrThrow();
            }
        }

        return await FinishAsync(http, transaction, person, account, AuditEvent.PasskeyAdd, refused, completes: true);
    }

    /// <summary>Removes a passkey, and ends the person's other sessions; the reason when it is refused.</summary>
    public async Task<string?> RemovePasskeyAsync(HttpContext http, PersonIdentity person, byte[] credentialId)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        Account account = await sessions.EnterAsync(person);
        IList<UserPasskeyInfo> all = await users.GetPasskeysAsync(account);
        string? refused = !all.Any(one => one.CredentialId.AsSpan().SequenceEqual(credentialId)) ? "unknown" : all.Count == 1 && !account.TwoFactorEnabled ? "last" : null;
        if (refused is null)
        {
            await users.RemovePasskeyAsync(account, credentialId).OrThrow();
            await sessions.EndAsync(account.Id, except: person.Session.Id);
        }

        return await FinishAsync(http, transaction, person, account, AuditEvent.PasskeyRemove, refused, completes: false);
    }

    /// <summary>Sets the password, and ends the person's other sessions; the reasons when it is too weak, as Identity names them, or <c>busy</c>. It signs in only beside a code generator.</summary>
    public async Task<string?> SetPasswordAsync(HttpContext http, PersonIdentity person, string password)
    {
        var judged = new Account { UserName = person.AccountName };
        foreach (IPasswordValidator<Account> validator in users.PasswordValidators)
        {
            if (await validator.ValidateAsync(users, judged, password) is { Succeeded: false } weak)
            {
                return string.Join(' ', weak.Errors.Select(static e => e.Code));
            }
        }

        string hash = "";
        if (!await work.RunAsync(() => hash = users.PasswordHasher.HashPassword(judged, password), http.RequestAborted))
        {
            return Busy;
        }

        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        Account account = await sessions.EnterAsync(person);
        account.PasswordHash = hash;
        await users.UpdateSecurityStampAsync(account).OrThrow();
        await tickets.DropAsync(account.Id);
        await sessions.EndAsync(account.Id, except: person.Session.Id);
        return await FinishAsync(http, transaction, person, account, AuditEvent.PasswordSet, null, completes: account.TwoFactorEnabled);
    }

    /// <summary>Draws the key of a code generator: base32, and the address that generators read from a QR code (Key URI Format).</summary>
    public async Task<(string Key, string Uri)> BeginCodeAsync(HttpContext http, PersonIdentity person)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        Account account = await sessions.EnterAsync(person);
        string key = users.GenerateNewAuthenticatorKey();
        await users.SetAuthenticationTokenAsync(account, Pending, PendingKey, key).OrThrow();
        await transaction.CommitAsync(Row(http, person, AuditEvent.CodeBegin, null));
        return (key, $"otpauth://totp/{Issuer}:{Uri.EscapeDataString(person.AccountName)}?secret={key}&issuer={Issuer}&digits=6&period=30");
    }

    /// <summary>Takes the generator into use with its first right code, and ends the person's other sessions; the reason when it is refused. It signs in only beside a password.</summary>
    public async Task<string?> AddCodeAsync(HttpContext http, PersonIdentity person, string code)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        Account account = await sessions.EnterAsync(person);
        string? key = await users.GetAuthenticationTokenAsync(account, Pending, PendingKey);
        string? refused = account.PasswordHash is null ? "password-first" : key is null || OneTimeCode.Accept(key, code, time.GetUtcNow(), 0) is null ? "code" : null;
        if (refused is null)
        {
            // The steps of the old generator say nothing about the new one's.
            account.UsedStep = 0;
            await signIn.AcceptCodeAsync(account, key, code);
            await ((IUserAuthenticatorKeyStore<Account>)store).SetAuthenticatorKeyAsync(account, key!, CancellationToken.None);
            await users.UpdateAsync(account).OrThrow();
            await users.RemoveAuthenticationTokenAsync(account, Pending, PendingKey).OrThrow();
            await users.SetTwoFactorEnabledAsync(account, true).OrThrow();
            await sessions.EndAsync(account.Id, except: person.Session.Id);
        }

        return await FinishAsync(http, transaction, person, account, AuditEvent.CodeAdd, refused, completes: true);
    }

    /// <summary>Takes all factors from an account, ends its sessions, and forgets its links and ceremonies: it enrols anew. Inside the caller's transaction.</summary>
    public async Task ResetAsync(Account account)
    {
        foreach (UserPasskeyInfo passkey in await users.GetPasskeysAsync(account))
        {
            await users.RemovePasskeyAsync(account, passkey.CredentialId).OrThrow();
        }

        await users.ResetAuthenticatorKeyAsync(account).OrThrow();
        await users.RemoveAuthenticationTokenAsync(account, Pending, PendingKey).OrThrow();
        account.PasswordHash = null;
        account.UsedStep = 0;
        account.TwoFactorEnabled = false;
        account.State = AccountState.Enrolling;
        account.AccessFailedCount = 0;
        account.LockoutEnd = null;
        await users.UpdateSecurityStampAsync(account).OrThrow();
        await tickets.DropAsync(account.Id);
        await sessions.EndAsync(account.Id);
    }

    private async Task<string?> FinishAsync(HttpContext http, IdentityTransaction transaction, PersonIdentity person, Account account, string what, string? refused, bool completes)
    {
        if (refused is null && completes && account.State == AccountState.Enrolling)
        {
            account.State = AccountState.Active;
            await users.UpdateAsync(account).OrThrow();

            // Whoever holds the link's session proves the factor by signing in with it; no other link of the account is good any more.
            await tickets.DropAsync(account.Id);
            await sessions.EndAsync(account.Id);
            sessions.Forget(http);
        }

        await transaction.CommitAsync(Row(http, person, what, refused));
        return refused;
    }

    private AuditRow Row(HttpContext http, PersonIdentity person, string what, string? refused)
    {
        AuditRow row = signIn.Row(http, null, what, refused ?? "");
        (row.Actor, row.Target) = (person.Account.ToString(), person.Account.ToString());
        return row;
    }
}
