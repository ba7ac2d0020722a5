using Notary.Chain;
using Notary.Chain.Network;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.OpenApi;
using Notary.Server.Startup;

namespace Notary.Server.Network;

/// <summary>Where chains, nodes and anchors stand: what an operator looks at, and what anyone may know, for it holds sizes and names only.</summary>
internal static class NetworkEndpoints
{
    public static void MapNetwork(this IEndpointRouteBuilder routes, Platform platform) =>
        routes.MapGet("/api/network", (Delegate)((HttpContext context) => StatusAsync(context, platform)))
            .WithTags("Network").WithName("readNetwork").WithSummary("Where chains, ledger nodes and anchors stand").RequireRateLimiting(RateLimits.Lookup)
            .Produces<NetworkShape>().Answers(Problems.RateLimited);

    private static Task StatusAsync(HttpContext context, Platform platform)
    {
        context.Response.Headers.CacheControl = "no-store";
        return Json.WriteAsync(context, StatusCodes.Status200OK, json =>
        {
            TrustFile trust = platform.Trust;
            json.WriteString("mode", TrustNames.Of(trust.Mode));
            json.WriteStartObject("trust");
            json.WriteNumber("version", trust.Content.Version);
            json.WriteString("fingerprint", trust.Fingerprint.ToHex());
            if (platform.Network.TrustTrouble is { } late)
            {
                json.WriteString("trouble", late);
            }

            json.WriteEndObject();
            json.WriteStartArray("chains");
            foreach ((string name, ChainHost chain) in platform.Chains.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                json.WriteStartObject();
                json.WriteString("chain", name);
                json.WriteString("origin", chain.Genesis.Origin);
                json.WriteNumber("size", chain.Reader.Size);
                json.WriteString("status", Health.HealthEndpoints.StatusOf(chain));
                if (chain.TrustVersions is { Count: > 0 } versions)
                {
                    json.WriteNumber("trust", versions[^1].File.Content.Version);
                }

                if ((chain.Stopped?.Sentence ?? chain.Waiting) is { } detail)
                {
                    json.WriteString("detail", detail);
                }

                if (platform.Network.FinalityOf(name) is { } finality)
                {
                    WriteFinality(json, platform, name, finality);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private static void WriteFinality(System.Text.Json.Utf8JsonWriter json, Platform platform, string name, Finality finality)
    {
        json.WriteNumber("final", finality.Newest?.Size ?? 0);
        if (name != TrustFile.MainChain)
        {
            json.WriteNumber("anchored", finality.NewestAnchored?.Final.Size ?? 0);
        }

        if (finality.LedElsewhere)
        {
            json.WriteBoolean("leads", false);
        }

        if (finality.WaitingSince is { } waiting)
        {
            json.WriteString("waitingSince", RecordTime.Format(waiting));
        }

        if ((finality.Closed ?? finality.Failure?.Message ?? platform.Network.AnchorTrouble(name)) is { } trouble)
        {
            json.WriteString("trouble", trouble);
        }

        WriteAlarms(json, platform, name);
        json.WriteStartArray("nodes");
        foreach (NodeView node in finality.Nodes)
        {
            json.WriteStartObject();
            json.WriteString("node", node.Name);
            json.WriteNumber("cosigned", node.Cosigned);
            if (node.FailingSince is { } since)
            {
                json.WriteString("failingSince", RecordTime.Format(since));
                json.WriteString("outcome", System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(node.Outcome.ToString()));
                json.WriteString("detail", node.Detail);
            }

            if (platform.Network.Unheard(name, node.Key) is { } unheard)
            {
                json.WriteString("unheard", unheard);
            }

            if (platform.Network.NodeOf(node.Key) is { AlarmCount: > 0 and var alarms })
            {
                json.WriteNumber("alarms", alarms);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    // What nodes said in their own name: an alarm on the chain stays for ever, one that is not there yet is what an operator has to look at.
    private static void WriteAlarms(System.Text.Json.Utf8JsonWriter json, Platform platform, string name)
    {
        NodesState said = platform.Chains[name].SealedStatements;
        IReadOnlyList<UnsealedStatement> unsealed = platform.Network.UnsealedStatements(name);
        if (said.Alarms == 0 && unsealed.Count == 0)
        {
            return;
        }

        json.WriteStartObject("alarms");
        json.WriteNumber("sealed", said.Alarms);
        if (said.NewestAlarm is { } newest)
        {
            json.WriteStartObject("newest");
            WriteStatement(json, newest.Alarm);
            json.WriteNumber("index", newest.Index);
            json.WriteEndObject();
        }

        if (unsealed.Count > 0)
        {
            json.WriteNumber("unsealed", unsealed.Count);
            json.WriteStartObject("newestUnsealed");
            WriteStatement(json, unsealed[^1].Statement);
            json.WriteString("reason", unsealed[^1].Reason);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteStatement(System.Text.Json.Utf8JsonWriter json, NodeStatement statement)
    {
        json.WriteString("kind", RecordKinds.Name(statement.Kind));
        json.WriteString("node", statement.Key.Name);
        json.WriteString("at", RecordTime.Format(statement.At));
        if (statement is AlarmRecord alarm)
        {
            json.WriteNumber("about", alarm.Index);
            json.WriteString("code", alarm.Code);
        }
    }
}
