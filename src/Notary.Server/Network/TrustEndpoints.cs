using System.Globalization;
using System.Text.Json;
using Notary.Chain.Network;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Identity;
using Notary.Server.Logs;
using Notary.Server.OpenApi;
using Notary.Server.Startup;

namespace Notary.Server.Network;

/// <summary>
/// Versions of the trust file: each that was ever in force is read by anyone, the next one is handed in here. What brings it into force are its governance signatures alone; the account that hands
/// it in only keeps strangers from having files verified, and stands in the log.
/// </summary>
internal static class TrustEndpoints
{
    private const int RetryAfterSeconds = 2;

    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(20);

    public static void MapTrust(this IEndpointRouteBuilder routes, Platform platform, ILogger logger)
    {
        routes.MapGet("/api/trust/{version}", (HttpContext context, string version) => ReadAsync(context, platform, version))
            .WithTags("Trust").WithName("readTrustVersion").WithSummary("A version of the trust file that is or was in force. Whoever has pinned one goes forward from it, version by version, and checks each").RequireRateLimiting(RateLimits.Lookup)
            .Produces<string>(200, "text/plain").Answers(Problems.TrustNotFound, Problems.RateLimited);
        routes.MapPost("/api/trust", (Delegate)((HttpContext context) => ApplyAsync(context, platform, logger)))
            .WithTags("Trust").WithName("applyTrust").WithSummary("Brings the next version of the trust file into force, by its governance signatures. The version in force again answers where it stands. ?reach-back=true: it is meant to change what holds at indexes that the main chain has passed")
            .RequireAuthorization()
            .Accepts<string>("text/plain")
            .Produces<TrustAppliedShape>()
            .Answers(Problems.TrustRefused, Problems.TooLarge, Problems.Truncated, Problems.BodyTimeout, Problems.UnsupportedType, Problems.Unauthenticated, Problems.Internal, Problems.QueueFull, Problems.ChainStopped, Problems.FreshnessPending, Problems.DatabaseLost);
    }

    private static Task ReadAsync(HttpContext context, Platform platform, string version) =>
        long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && platform.Network.TrustVersion(number) is { } file
            ? LogAnswers.NoteAsync(context, file.ToBytes())
            : Problems.WriteAsync(context, Problems.TrustNotFound, FormattableString.Invariant($"Versions up to {platform.Trust.Content.Version} are in force or were."));

    private static async Task ApplyAsync(HttpContext context, Platform platform, ILogger logger)
    {
        if (context.Request.ContentType?.StartsWith("text/plain", StringComparison.OrdinalIgnoreCase) != true)
        {
            await Problems.WriteAsync(context, Problems.UnsupportedType, "A trust file is sent as text/plain.");
            return;
        }

        using RequestBody body = await RequestBody.ReadAsync(context, TrustFile.MaxBytes);
        if (body.End != BodyEnd.Complete)
        {
            await RequestBody.RefuseAsync(context, body.End, TrustFile.MaxBytes);
            return;
        }

        if (TrustFile.TryParse(body.Memory.Span, out TrustFile? file) is { } problem)
        {
            await Problems.WriteAsync(context, Problems.TrustRefused, $"{problem.Failure}: {problem.Detail}.", reason: Code(problem.Failure.ToString()));
            return;
        }

        bool reachBack = context.Request.Query["reach-back"] == "true";
        long before = platform.Trust.Content.Version;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        limit.CancelAfter(LongestWait);
        TrustApplied applied = await platform.Network.ApplyTrustAsync(file!, reachBack, limit.Token);
        if (applied.Refusal == TrustRefusal.NotAppended)
        {
            await Problems.WriteAsync(context, Problems.OfWaiting(platform.Chains[TrustFile.MainChain]), applied.Detail, retryAfterSeconds: RetryAfterSeconds);
            return;
        }

        if (applied.Refusal != TrustRefusal.None)
        {
            await Problems.WriteAsync(context, Problems.TrustRefused, applied.Detail, reason: Code(applied.Refusal.ToString()));
            return;
        }

        if (file!.Content.Version > before)
        {
            Log.TrustApplied(logger, file.Content.Version, file.Fingerprint.ToHex(), applied.MainIndex, ServiceAccountIdentity.Of(context)!.Account);
        }

        await Json.WriteAsync(context, StatusCodes.Status200OK, json =>
        {
            json.WriteNumber("version", file.Content.Version);
            json.WriteString("fingerprint", file.Fingerprint.ToHex());
            json.WriteNumber("mainIndex", applied.MainIndex);
            json.WriteStartArray("waiting");
            foreach (string chain in applied.Waiting)
            {
                json.WriteStringValue(chain);
            }

            json.WriteEndArray();
        });
    }

    private static string Code(string name) => JsonNamingPolicy.KebabCaseLower.ConvertName(name);
}
