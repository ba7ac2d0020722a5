using System.Buffers.Text;
using Microsoft.AspNetCore.Identity;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Identity.Store;
using Notary.Server.OpenApi;

namespace Notary.Server.Identity.People;

/// <summary>A person's own factors. Changing those of an active account needs a sign-in of the last ten minutes.</summary>
internal static class FactorEndpoints
{
    private const int MaxName = 64;

    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(10);

    private static readonly Problem[] Change =
    [
        Problems.Malformed, Problems.Truncated, Problems.SessionNeeded, Problems.CrossSite, Problems.SignInAgain, Problems.BodyTimeout, Problems.TooLarge, Problems.UnsupportedType, Problems.FactorRefused, Problems.RateLimited,
        Problems.Internal,
    ];

    public static void MapFactors(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/factors", ListAsync).WithTags("Factors").WithName("factors").WithSummary("The person's passkeys, and whether password and code generator are set").RequireSession()
            .Produces<FactorListShape>().Answers(Problems.SessionNeeded, Problems.Internal);
        routes.MapPost("/api/factors/passkey/options", PasskeyOptionsAsync).WithTags("Factors").WithName("newPasskeyOptions").WithSummary("What navigator.credentials.create takes, and the ticket that goes with its answer")
            .RequireSession().RequireRateLimiting(RateLimits.SignIn).Produces<CeremonyShape>().Answers(Problems.SessionNeeded, Problems.CrossSite, Problems.SignInAgain, Problems.RateLimited, Problems.Internal);
        routes.MapPost("/api/factors/passkey", PasskeyAsync).WithTags("Factors").WithName("newPasskey").WithSummary("Registers a passkey, which must verify its user; an account that enrolled with it signs in with it from now on")
            .RequireSession().RequireRateLimiting(RateLimits.SignIn).Accepts<NewPasskey>("application/json").Produces(204).Answers(Change);
        routes.MapDelete("/api/factors/passkey/{id}", RemoveAsync).WithTags("Factors").WithName("removePasskey").WithSummary("Removes a passkey; never the last factor")
            .RequirePerson().Produces(204).Answers(Problems.SessionNeeded, Problems.RoleNotAllowed, Problems.CrossSite, Problems.SignInAgain, Problems.FactorNotFound, Problems.LastFactor, Problems.Internal);
        routes.MapPost("/api/factors/password", PasswordAsync).WithTags("Factors").WithName("setPassword").WithSummary("Sets the password, which signs in only beside a code generator; ends the person's other sessions")
            .RequireSession().RequireRateLimiting(RateLimits.SignIn).Accepts<NewPassword>("application/json").Produces(204).Answers([.. Change, Problems.SignInBusy]);
        routes.MapPost("/api/factors/code/options", CodeOptionsAsync).WithTags("Factors").WithName("newCodeOptions").WithSummary("Draws the key of a code generator (RFC 6238)")
            .RequireSession().RequireRateLimiting(RateLimits.SignIn).Produces<CodeKeyShape>().Answers(Problems.SessionNeeded, Problems.CrossSite, Problems.SignInAgain, Problems.RateLimited, Problems.Internal);
        routes.MapPost("/api/factors/code", CodeAsync).WithTags("Factors").WithName("newCode").WithSummary("Takes the code generator into use with its first right code")
            .RequireSession().RequireRateLimiting(RateLimits.SignIn).Accepts<NewCode>("application/json").Produces(204).Answers(Change);
    }

    private static async Task ListAsync(HttpContext http, UserManager<Account> users)
    {
        http.Response.Headers.CacheControl = "no-store";
        Account account = (await users.FindByIdAsync(PersonIdentity.Of(http)!.Account.ToString()))!;
        IList<UserPasskeyInfo> passkeys = await users.GetPasskeysAsync(account);
        await Json.WriteAsync(http, StatusCodes.Status200OK, json =>
        {
            json.WriteStartArray("passkeys");
            foreach (UserPasskeyInfo passkey in passkeys)
            {
                json.WriteStartObject();
                json.WriteString("id", Base64Url.EncodeToString(passkey.CredentialId));
                json.WriteString("name", passkey.Name);
                json.WriteString("created", RecordTime.Format(passkey.CreatedAt.ToUnixTimeMilliseconds()));
                json.WriteBoolean("backedUp", passkey.IsBackedUp);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteBoolean("password", account.PasswordHash is not null);
            json.WriteBoolean("code", account.TwoFactorEnabled);
        });
    }

    private static async Task PasskeyOptionsAsync(HttpContext http, Factors factors, TimeProvider time)
    {
        if (await FreshAsync(http, time))
        {
            (string ticket, string options) = await factors.BeginPasskeyAsync(http, PersonIdentity.Of(http)!);
            await SessionEndpoints.WriteCeremonyAsync(http, ticket, options);
        }
    }

    private static async Task PasskeyAsync(HttpContext http, Factors factors, TimeProvider time)
    {
        if (await FreshAsync(http, time) && await PersonBody.ReadAsync<NewPasskey>(http) is { } body)
        {
            string? refused = !Accounts.IsText(body.Name, MaxName) ? "name" : await factors.AddPasskeyAsync(http, PersonIdentity.Of(http)!, body.Ticket, body.Credential.GetRawText(), body.Name);
            await AnswerAsync(http, refused, FormattableString.Invariant($"A passkey answers its own ceremony within five minutes, verifies its user, is registered nowhere else here, has a name of 1 to {MaxName} characters, and is one of at most {Factors.MaxPasskeys}."));
        }
    }

    private static async Task RemoveAsync(HttpContext http, string id, Factors factors, TimeProvider time)
    {
        if (!await FreshAsync(http, time))
        {
            return;
        }

        byte[] credential = id.Length <= 1_400 && Base64Url.IsValid(id) ? Base64Url.DecodeFromChars(id) : [];
        switch (await factors.RemovePasskeyAsync(http, PersonIdentity.Of(http)!, credential))
        {
            case null:
                http.Response.StatusCode = StatusCodes.Status204NoContent;
                return;
            case "last":
                await Problems.WriteAsync(http, Problems.LastFactor, "Register another passkey, or a password with a code generator, first.");
                return;
            default:
                await Problems.WriteAsync(http, Problems.FactorNotFound, "The account has no passkey of this id.");
                return;
        }
    }

    private static async Task PasswordAsync(HttpContext http, Factors factors, TimeProvider time)
    {
        if (await FreshAsync(http, time) && await PersonBody.ReadAsync<NewPassword>(http) is { } body)
        {
            string? refused = body.Password.Length > SessionEndpoints.MaxPassword ? "PasswordTooLong" : await factors.SetPasswordAsync(http, PersonIdentity.Of(http)!, body.Password);
            if (refused == Factors.Busy)
            {
                await SessionEndpoints.BusyAsync(http);
                return;
            }

            await AnswerAsync(http, refused, "A password has 12 to 256 characters, among them a capital and a small letter, a digit and a sign.");
        }
    }

    private static async Task CodeOptionsAsync(HttpContext http, Factors factors, TimeProvider time)
    {
        if (await FreshAsync(http, time))
        {
            (string key, string uri) = await factors.BeginCodeAsync(http, PersonIdentity.Of(http)!);
            http.Response.Headers.CacheControl = "no-store";
            await Json.WriteAsync(http, StatusCodes.Status200OK, json =>
            {
                json.WriteString("key", key);
                json.WriteString("uri", uri);
            });
        }
    }

    private static async Task CodeAsync(HttpContext http, Factors factors, TimeProvider time)
    {
        if (await FreshAsync(http, time) && await PersonBody.ReadAsync<NewCode>(http) is { } body)
        {
            await AnswerAsync(http, await factors.AddCodeAsync(http, PersonIdentity.Of(http)!, body.Code), "Set a password first; then enter the six digits that the generator shows now.");
        }
    }

    // Who finds an open browser must not be able to make the account their own.
    private static async ValueTask<bool> FreshAsync(HttpContext http, TimeProvider time)
    {
        PersonIdentity person = PersonIdentity.Of(http)!;
        if (person.IsEnrolling || time.GetUtcNow().ToUnixTimeMilliseconds() - person.Session.Created <= Fresh.TotalMilliseconds)
        {
            return true;
        }

        await Problems.WriteAsync(http, Problems.SignInAgain, "Sign in again, and change factors within ten minutes.");
        return false;
    }

    private static Task AnswerAsync(HttpContext http, string? refused, string detail)
    {
        if (refused is not null)
        {
            return Problems.WriteAsync(http, Problems.FactorRefused, detail, refused);
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }
}

internal sealed record PasskeyShape(string Id, string Name, string Created, bool BackedUp);

internal sealed record FactorListShape(PasskeyShape[] Passkeys, bool Password, bool Code);

internal sealed record CodeKeyShape(string Key, string Uri);
