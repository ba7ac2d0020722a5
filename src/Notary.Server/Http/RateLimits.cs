using System.Globalization;
using System.Threading.RateLimiting;
using Notary.Server.Identity;
using Notary.Server.Options;

namespace Notary.Server.Http;

/// <summary>How often one address, or one account, may ask what costs more than it looks like. Deposits are not limited here: the sequencer's bounded queue does that.</summary>
internal static class RateLimits
{
    /// <summary>Public look-ups.</summary>
    public const string Lookup = "lookup";

    /// <summary>Verifications.</summary>
    public const string Verify = "verify";

    /// <summary>Changes of an account's webhooks: each is a synced write.</summary>
    public const string WebhookChange = "webhook-change";

    /// <summary>Attempts to sign in, and what else costs an anonymous caller nothing and the server a slow hash or a synced write.</summary>
    public const string SignIn = "sign-in";

    /// <summary>The OpenID provider: each request is a signature to verify and a synced write.</summary>
    public const string Connect = "connect";

    public static void AddRateLimits(this IServiceCollection services, LimitOptions limits, PeopleOptions people, ConnectOptions connect) => services.AddRateLimiter(options =>
    {
        options.AddPolicy(Lookup, context => ServiceAccountIdentity.Of(context) is null ? Of(context, limits.LookupsPerMinute) : RateLimitPartition.GetNoLimiter("account"));
        options.AddPolicy(Verify, context => Of(context, limits.VerifyPerMinute));
        options.AddPolicy(SignIn, context => Of(context, people.SignInsPerMinute));
        options.AddPolicy(Connect, context => Of(context, connect.RequestsPerMinute));
        options.AddPolicy(WebhookChange, context => ServiceAccountIdentity.Of(context) is { } caller
            ? Of($"{caller.Chain}/{caller.Account}", limits.WebhookChangesPerMinute)
            : throw new InvalidOperationException("A webhook without a caller."));
        options.OnRejected = (rejected, _) =>
        {
            int seconds = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan wait) ? Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)) : 60;
            return new ValueTask(Problems.WriteAsync(rejected.HttpContext, Problems.RateLimited, string.Create(CultureInfo.InvariantCulture, $"Ask again in {seconds} s."), retryAfterSeconds: seconds));
        };
    });

    private static RateLimitPartition<string> Of(HttpContext context, int perMinute) => Of(PartitionOf(context.Connection.RemoteIpAddress), perMinute);

    private static RateLimitPartition<string> Of(string partition, int perMinute) => RateLimitPartition.GetFixedWindowLimiter(
        partition, _ => new FixedWindowRateLimiterOptions { PermitLimit = perMinute, Window = TimeSpan.FromMinutes(1), QueueLimit = 0 });

    // One customer has a whole /64 of IPv6: a limit for each address would be none.
    private static string PartitionOf(System.Net.IPAddress? address) => address switch
    {
        null => "",
        { IsIPv4MappedToIPv6: true } => address.MapToIPv4().ToString(),
        { AddressFamily: System.Net.Sockets.AddressFamily.InterNetworkV6 } => Convert.ToHexStringLower(address.GetAddressBytes().AsSpan(0, 8)),
        _ => address.ToString(),
    };
}
