using System.Text.Json;
using Notary.Chain;
using Notary.Server.Http;
using Notary.Server.OpenApi;
using Notary.Server.Startup;

namespace Notary.Server.Health;

/// <summary>Whether the process lives, and whether its chains seal.</summary>
internal static class HealthEndpoints
{
    public static void MapHealth(this IEndpointRouteBuilder routes, Platform platform)
    {
        routes.MapGet("/health/live", (Delegate)((HttpContext context) => Json.WriteAsync(context, StatusCodes.Status200OK, json => json.WriteString("status", "live"))))
            .WithTags("Health").WithName("live").WithSummary("The process runs").Produces<HealthShape>();
        routes.MapGet("/health/ready", (Delegate)((HttpContext context) => ReadyAsync(context, platform)))
            .WithTags("Health").WithName("ready").WithSummary("Every chain that is not closed for good seals; 503 with the reason when one has stopped, waits for its ledger nodes after the start, or has lost its database").Produces<HealthShape>().Produces<HealthShape>(503);
    }

    private static Task ReadyAsync(HttpContext context, Platform platform)
    {
        // A closed chain never seals again, and the others go on: nobody is to be sent elsewhere for it.
        List<ChainHost> open = [.. platform.Chains.Values.Where(static c => c.Stopped?.Reason != StopReason.ClosedForGood)];
        bool ready = open.All(static c => c.Stopped is null && c.Waiting is null);
        context.Response.Headers.CacheControl = "no-store";
        return Json.WriteAsync(context, ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable, json =>
        {
            json.WriteString("status", ready ? "ready" : StatusOf(open.FirstOrDefault(static c => c.Stopped is not null) ?? open.First(static c => c.Waiting is not null)));
            json.WriteStartArray("chains");
            foreach ((string name, ChainHost chain) in platform.Chains)
            {
                json.WriteStartObject();
                json.WriteString("chain", name);
                json.WriteString("origin", chain.Genesis.Origin);
                json.WriteNumber("size", chain.Reader.Size);
                json.WriteString("status", StatusOf(chain));
                if (chain is { Stopped: null, Waiting: { } pending })
                {
                    json.WriteString("detail", pending);
                }

                if (chain.Stopped is { } stopped)
                {
                    json.WriteString("reason", ReasonOf(stopped));
                    json.WriteString("detail", stopped.Sentence);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    /// <summary>Whether a chain seals, as a stable code.</summary>
    public static string StatusOf(ChainHost chain) => chain.Stopped is { } stopped ? stopped.Reason == StopReason.ClosedForGood ? "closed" : "stopped" : chain.DatabaseLost is not null ? "database-lost" : chain.FreshnessPending is not null ? "freshness-pending" : "running";

    /// <summary>The stable code of a stop: its name in lower case with hyphens.</summary>
    public static string ReasonOf(StoppedState stopped) => JsonNamingPolicy.KebabCaseLower.ConvertName(stopped.Reason.ToString());
}
