using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Notary.Crypto.Native;
using Notary.Server.Http;
using Notary.Server.Identity.Store;
using Notary.Server.OpenApi;

namespace Notary.Server.Identity.People;

/// <summary>
/// What only the operator does, who has the machine: a secret in the data folder (<c>operator.secret</c>, 0600) proves it, and a request from elsewhere than the machine itself is refused.
/// </summary>
internal sealed class OperatorEndpoints(string dataPath, bool development)
{
    private const string FileName = "operator.secret";

    private readonly byte[] _secret = SHA256.HashData(Encoding.ASCII.GetBytes(ReadOrMake(Path.Combine(dataPath, FileName))));

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/api/operator/setup", SetupAsync).WithTags("Operator").WithName("setup").WithSummary("Makes the first three administrators and answers their enrolment links, once")
            .RequireRateLimiting(RateLimits.SignIn).Accepts<Setup>("application/json").Produces<SetupShape>()
            .Answers(Problems.Malformed, Problems.Truncated, Problems.CrossSite, Problems.SetupRefused, Problems.BodyTimeout, Problems.TooLarge, Problems.UnsupportedType, Problems.AccountRefused, Problems.RateLimited, Problems.Internal);
        if (development)
        {
            routes.MapPost("/api/operator/login-link", LinkAsync).WithTags("Operator").WithName("developmentLink").WithSummary("Development only: a one-time link that signs in as the role's account")
                .RequireRateLimiting(RateLimits.SignIn).Accepts<RoleLink>("application/json").Produces<LinkShape>()
                .Answers(Problems.Malformed, Problems.Truncated, Problems.CrossSite, Problems.SetupRefused, Problems.BodyTimeout, Problems.TooLarge, Problems.UnsupportedType, Problems.AccountRefused, Problems.RateLimited, Problems.Internal);
        }
    }

    private async Task SetupAsync(HttpContext http, Accounts accounts)
    {
        if (!await AllowedAsync(http, accounts) || await PersonBody.ReadAsync<Setup>(http) is not { } body)
        {
            return;
        }

        NewAccount[] wanted = [.. body.Accounts.Take(4).Where(static one => one is not null).Select(static one => new NewAccount(one.Name, Roles.Parse(one.Role) ?? Role.Citizen, "", one.Document))];
        (IReadOnlyList<(string Name, string Link)> links, string? refused) = await accounts.SetupAsync(http, wanted);
        if (refused is not null)
        {
            await Problems.WriteAsync(http, Problems.AccountRefused, refused == "done"
                ? "There are administrators already: they make further accounts."
                : "Name one system administrator, one security administrator and one audit administrator, three persons with three documents.", refused);
            return;
        }

        http.Response.Headers.CacheControl = "no-store";
        await Json.WriteAsync(http, StatusCodes.Status200OK, json =>
        {
            json.WriteStartArray("accounts");
            foreach ((string name, string link) in links)
            {
                json.WriteStartObject();
                AccountEndpoints.WriteLink(json, name, link);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private async Task LinkAsync(HttpContext http, Accounts accounts)
    {
        if (!await AllowedAsync(http, accounts) || await PersonBody.ReadAsync<RoleLink>(http) is not { } body)
        {
            return;
        }

        if (Roles.Parse(body.Role) is not { } role)
        {
            await Problems.WriteAsync(http, Problems.AccountRefused, $"The roles are {string.Join(", ", Roles.All.Select(static r => r.Name()))}.", "role-unknown");
            return;
        }

        string link = await accounts.DevelopmentLinkAsync(http, role);
        http.Response.Headers.CacheControl = "no-store";
        await Json.WriteAsync(http, StatusCodes.Status200OK, json => AccountEndpoints.WriteLink(json, role.Name(), link));
    }

    private async ValueTask<bool> AllowedAsync(HttpContext http, Accounts accounts)
    {
        string given = http.Request.Headers.Authorization.ToString();
        bool right = given.StartsWith("Bearer ", StringComparison.Ordinal) && given.Length < 256
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given["Bearer ".Length..])), _secret);
        // What a proxy on this machine passes on comes from it, and is not asked here.
        bool forwarded = Proxies.Headers(http.Request).Any();
        if (right && !forwarded && http.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address))
        {
            return true;
        }

        await accounts.RefusedAsync(http, AuditEvent.OperatorRefused, right ? "elsewhere" : "secret");

        await Problems.WriteAsync(http, Problems.SetupRefused, $"Run the command on the server's machine, as the user who can read {FileName} in the data folder.");
        return false;
    }

    private static string ReadOrMake(string path)
    {
        if (!File.Exists(path))
        {
            DurableFile.Replace(path, Encoding.ASCII.GetBytes(Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)) + "\n"), ownerOnly: true);
            DurableFile.SyncFolder(Path.GetDirectoryName(path)!);
        }

        string secret = File.ReadAllText(path).Trim();
        return secret.Length >= 43 ? secret : throw new Startup.StartRefusedException($"'{path}' does not hold what this program wrote there: delete it, and the next start draws another secret.");
    }
}

internal sealed record SetupShape(LinkShape[] Accounts);

/// <summary>Maps everything about people's accounts.</summary>
internal static class PeopleRoutes
{
    public static void MapPeople(this IEndpointRouteBuilder routes, Startup.Platform platform)
    {
        routes.MapSessions();
        routes.MapFactors();
        routes.MapAccounts();
        new OperatorEndpoints(platform.DataPath, platform.IsDevelopment).Map(routes);
    }

    /// <summary>Before the first request: outside Development none of the accounts works that Development made.</summary>
    public static async Task PreparePeopleAsync(this WebApplication app, Startup.Platform platform)
    {
        if (!platform.IsDevelopment && platform.Identity.HasWorking(Accounts.DevelopmentPrefix))
        {
            await using AsyncServiceScope scope = app.Services.CreateAsyncScope();
            await scope.ServiceProvider.GetRequiredService<Accounts>().DisableDevelopmentAsync();
        }
    }
}
