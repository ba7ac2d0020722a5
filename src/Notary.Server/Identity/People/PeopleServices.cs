using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Identity;
using Notary.Server.Identity.Store;
using Notary.Server.Options;

namespace Notary.Server.Identity.People;

/// <summary>Identity, its store and what is built on it, as services of a request.</summary>
internal static class PeopleServices
{
    public static void AddPeople(this IServiceCollection services, IdentityDatabase database, ServerOptions options, TimeProvider time)
    {
        services.AddSingleton(database);
        services.AddSingleton(options);
        services.AddSingleton(time);
        services.AddDbContext<IdentityContext>(database.Configure);
        
        // An instance: what the container makes itself, it disposes with the request.
        services.AddSingleton(database.Keys);
        services.AddIdentityCore<Account>(identity =>
        {
            identity.User.AllowedUserNameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
            identity.Password.RequiredLength = 12;
            identity.Password.RequiredUniqueChars = 5;
            identity.Lockout.MaxFailedAccessAttempts = options.People.AttemptsBeforeLock;
            identity.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(options.People.LockMinutes);
            identity.Stores.SchemaVersion = IdentitySchemaVersions.Version3;
        }).AddUserStore<AccountStore>();

        // OWASP's figure for PBKDF2-HMAC-SHA512 (2023).
        services.Configure<PasswordHasherOptions>(static hasher => hasher.IterationCount = 210_000);
        services.Configure<IdentityPasskeyOptions>(passkeys =>
        {
            passkeys.ServerDomain = options.People.Domain.Length > 0 ? options.People.Domain : null;
            passkeys.UserVerificationRequirement = "required";
            passkeys.ResidentKeyRequirement = "required";

            // The page that asked is this site's own, and not framed by another's: WebAuthn Level 3 clause 13.4.9.
            passkeys.ValidateOrigin = static origin => ValueTask.FromResult(
                !origin.CrossOrigin && origin.Origin == $"{origin.HttpContext.Request.Scheme}://{origin.HttpContext.Request.Host.Value}");
            passkeys.AuthenticatorTimeout = TimeSpan.FromMinutes(5);
        });
        services.AddScoped<IPasskeyHandler<Account>, PasskeyHandler<Account>>();
        services.AddSingleton<PasswordWork>();
        services.AddScoped<Tickets>();
        services.AddScoped<Sessions>();
        services.AddScoped<SessionAct>();
        services.AddScoped<SignIn>();
        services.AddScoped<Factors>();
        services.AddScoped<Accounts>();
        services.AddScoped<AuditTrail>();
        services.AddTransient<SessionHandler>();
        services.Configure<AuthenticationOptions>(static authentication => authentication.AddScheme<SessionHandler>(SessionHandler.Scheme, displayName: null));
    }
}
