using Microsoft.AspNetCore.Identity;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.People;

/// <summary>
/// The factors of a person: passkeys, or a password with a code generator. An account becomes active with the first complete set (GB/T 22239-2019 8.1.4.1 d: two techniques, at
/// least one cryptographic): a passkey that verified its user is both by itself.
/// </summary>
internal sealed class Factors(
    IdentityContext context, IdentityDatabase database, UserManager<Account> users, IUserStore<Account> store, IPasskeyHandler<Account> passkeys, Tickets tickets, Sessions sessions, SignIn signIn)
{
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
        return (await tickets.IssueAsync(TicketPurpose.PasskeyRegistration, person.Account, made.AttestationState ?? "", Ceremony), made.CreationOptionsJson);
    }

    /// <summary>Completes it; the reason when it is refused.</summary>
    public async Task<string?> AddPasskeyAsync(HttpContext http, PersonIdentity person, string ticketText, string credential, string name)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        Account account = await LoadAsync(person);
        Ticket? ticket = await tickets.TakeAsync(TicketPurpose.PasskeyRegistration, ticketText);
        string? refused = ticket?.AccountId != account.Id ? "ticket" : (await users.GetPasskeysAsync(account)).Count >= MaxPasskeys ? "too-many" : null;
        if (refused is null)
        {
            PasskeyAttestationResult result = await passkeys.PerformAttestationAsync(new PasskeyAttestationContext { HttpContext = http, CredentialJson = credential, AttestationState = ticket!.State });
            refused = !result.Succeeded ? "passkey" : !result.Passkey.IsUserVerified ? "user-verification" : await users.FindByPasskeyIdAsync(result.Passkey.CredentialId) is not null ? "registered" : null;
            if (refused is null)
            {
                result.Passkey!.Name = name;
                refused = (await users.AddOrUpdatePasskeyAsync(account, result.Passkey)).Succeeded ? null : "passkey";
            }
        }

        return await FinishAsync(http, transaction, account, AuditEvent.PasskeyAdd, refused, completes: true);
    }

    /// <summary>Removes a passkey; the reason when it is refused.</summary>
    public async Task<string?> RemovePasskeyAsync(HttpContext http, PersonIdentity person, byte[] credentialId)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        Account account = await LoadAsync(person);
        IList<UserPasskeyInfo> all = await users.GetPasskeysAsync(account);
        string? refused = !all.Any(one => one.CredentialId.AsSpan().SequenceEqual(credentialId)) ? "unknown" : all.Count == 1 && !account.TwoFactorEnabled ? "last" : null;
        if (refused is null)
        {
            refused = (await users.RemovePasskeyAsync(account, credentialId)).Succeeded ? null : "unknown";
        }

        return await FinishAsync(http, transaction, account, AuditEvent.PasskeyRemove, refused, completes: false);
    }

    /// <summary>Sets the password; the reasons when it is too weak, as Identity names them. It signs in only beside a code generator.</summary>
    public async Task<string?> SetPasswordAsync(HttpContext http, PersonIdentity person, string password)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        Account account = await LoadAsync(person);
        string? refused = null;
        foreach (IPasswordValidator<Account> validator in users.PasswordValidators)
        {
            IdentityResult judged = await validator.ValidateAsync(users, account, password);
            refused ??= judged.Succeeded ? null : string.Join(' ', judged.Errors.Select(static e => e.Code));
        }

        if (refused is null)
        {
            account.PasswordHash = users.PasswordHasher.HashPassword(account, password);
            refused = (await users.UpdateSecurityStampAsync(account)).Succeeded ? null : "conflict";
            await sessions.EndAsync(account.Id, except: person.Session.Id);
        }

        return await FinishAsync(http, transaction, account, AuditEvent.PasswordSet, refused, completes: account.TwoFactorEnabled);
    }

    /// <summary>Draws the key of a code generator: base32, and the address that generators read from a QR code (Key URI Format).</summary>
    public async Task<(string Key, string Uri)> BeginCodeAsync(PersonIdentity person)
    {
        Account account = await LoadAsync(person);
        string key = users.GenerateNewAuthenticatorKey();
        await users.SetAuthenticationTokenAsync(account, Pending, PendingKey, key);
        return (key, $"otpauth://totp/{Issuer}:{Uri.EscapeDataString(person.AccountName)}?secret={key}&issuer={Issuer}&digits=6&period=30");
    }

    /// <summary>Takes the generator into use with its first right code; the reason when it is refused. It signs in only beside a password.</summary>
    public async Task<string?> AddCodeAsync(HttpContext http, PersonIdentity person, string code)
    {
        await using (IdentityTransaction transaction = await database.BeginAsync(context))
        {
            Account account = await LoadAsync(person);
            if (await users.GetAuthenticationTokenAsync(account, Pending, PendingKey) is { } key && account.PasswordHash is not null)
            {
                await ((IUserAuthenticatorKeyStore<Account>)store).SetAuthenticatorKeyAsync(account, key, CancellationToken.None);
                await users.UpdateAsync(account);
                if (await signIn.AcceptCodeAsync(account, code))
                {
                    await users.RemoveAuthenticationTokenAsync(account, Pending, PendingKey);
                    await users.SetTwoFactorEnabledAsync(account, true);
                    return await FinishAsync(http, transaction, account, AuditEvent.CodeAdd, null, completes: true);
                }
            }
        }

        // What was tried is rolled back: the old generator, if there is one, goes on.
        context.ChangeTracker.Clear();
        await using IdentityTransaction refusal = await database.BeginAsync(context);
        Account unchanged = await LoadAsync(person);
        return await FinishAsync(http, refusal, unchanged, AuditEvent.CodeAdd, unchanged.PasswordHash is null ? "password-first" : "code", completes: false);
    }

    /// <summary>Takes all factors from an account and ends its sessions: it enrols anew. Inside the caller's transaction.</summary>
    public async Task ResetAsync(Account account)
    {
        foreach (UserPasskeyInfo passkey in await users.GetPasskeysAsync(account))
        {
            await users.RemovePasskeyAsync(account, passkey.CredentialId);
        }

        await users.ResetAuthenticatorKeyAsync(account);
        account.PasswordHash = null;
        account.UsedCode = null;
        account.TwoFactorEnabled = false;
        account.State = AccountState.Enrolling;
        await users.UpdateSecurityStampAsync(account);
        await users.ResetAccessFailedCountAsync(account);
        await users.SetLockoutEndDateAsync(account, null);
        await sessions.EndAsync(account.Id);
    }

    private async Task<Account> LoadAsync(PersonIdentity person) => await users.FindByIdAsync(person.Account.ToString()) ?? throw new InvalidOperationException("A session without an account.");

    private async Task<string?> FinishAsync(HttpContext http, IdentityTransaction transaction, Account account, string what, string? refused, bool completes)
    {
        if (refused is null && completes && account.State == AccountState.Enrolling)
        {
            account.State = AccountState.Active;
            await users.UpdateAsync(account);

            // Whoever holds the link's session proves the factor by signing in with it.
            await sessions.EndAsync(account.Id);
            sessions.Forget(http);
        }

        AuditRow row = signIn.Row(http, account, what, refused ?? "");
        row.Actor = account.Id.ToString();
        await transaction.CommitAsync(row);
        return refused;
    }
}
