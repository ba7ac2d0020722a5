using Notary.Chain.Network;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Identity;
using Notary.Server.OpenApi;
using Notary.Server.Startup;

namespace Notary.Server.Network;

/// <summary>
/// Incidents: what closes a chain of which entries are lost. What closes it are governance's signatures alone; the account that hands the incident in only keeps strangers from having it verified,
/// and stands in the log.
/// </summary>
internal static class IncidentEndpoints
{
    private const int RetryAfterSeconds = 2;

    public static void MapIncidents(this IEndpointRouteBuilder routes, Platform platform, ILogger logger) =>
        routes.MapPost("/api/incidents", (Delegate)((HttpContext context) => ApplyAsync(context, platform, logger)))
            .WithTags("Trust").WithName("applyIncident").WithSummary("Closes a chain of which entries are lost, by the governance signatures of an incident, which the main chain seals. The same incident again answers where it stands")
            .RequireAuthorization()
            .Accepts<IncidentShape>("application/json")
            .Produces<IncidentAppliedShape>()
            .Answers(Problems.IncidentMalformed, Problems.IncidentRefused, Problems.TooLarge, Problems.Truncated, Problems.BodyTimeout, Problems.UnsupportedType, Problems.Unauthenticated, Problems.Internal, Problems.QueueFull, Problems.ChainStopped, Problems.FreshnessPending, Problems.DatabaseLost);

    private static async Task ApplyAsync(HttpContext context, Platform platform, ILogger logger)
    {
        using RequestBody body = await RequestBody.ReadJsonAsync(context, IncidentRecord.MaxProposalBytes);
        if (body.End != BodyEnd.Complete)
        {
            return;
        }

        if (!IncidentRecord.TryParseProposal(body.Memory.Span, out IncidentRecord? record, out string main))
        {
            await Problems.WriteAsync(context, Problems.IncidentMalformed, "Send the file that 'notary chain close' wrote, byte for byte.");
            return;
        }

        if (!platform.Chains.TryGetValue(TrustFile.MainChain, out Chain.ChainHost? host) || host.Genesis.Origin != main)
        {
            await Problems.WriteAsync(context, Problems.IncidentRefused, $"It is signed for another main chain than that of {platform.Trust.Content.Deployment}.", reason: AdmissionResult.CodeOf(AdmissionFailure.WrongChain));
            return;
        }

        bool before = host.Closed(record.Origin) is not null;
        IncidentApplied applied = await platform.Network.CloseChainAsync(record);
        if (!applied.Refusal.Ok)
        {
            await Problems.WriteAsync(context, Problems.IncidentRefused, applied.Detail, reason: applied.Refusal.Code);
            return;
        }

        if (applied.Index < 0)
        {
            await Problems.WriteAsync(context, Problems.OfWaiting(host), applied.Detail, retryAfterSeconds: RetryAfterSeconds);
            return;
        }

        if (!before)
        {
            Log.ChainClosedForGood(logger, record.Origin, applied.Index, record.Size, record.LostCheckpoint.Size, record.Successor, ServiceAccountIdentity.Of(context)!.Account);
        }

        await Json.WriteAsync(context, StatusCodes.Status200OK, json =>
        {
            json.WriteString("origin", record.Origin);
            json.WriteNumber("mainIndex", applied.Index);
            json.WriteNumber("available", record.Size);
            json.WriteNumber("lost", record.LostCheckpoint.Size - record.Size);
            json.WriteString("successor", record.Successor);
        });
    }
}
