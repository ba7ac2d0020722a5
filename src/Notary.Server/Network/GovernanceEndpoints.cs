using Notary.Chain;
using Notary.Chain.Network;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Identity;
using Notary.Server.OpenApi;
using Notary.Server.Startup;

namespace Notary.Server.Network;

/// <summary>
/// Policies and key records of running chains: what is in force, for whoever proposes the next one, and where a proposal is handed in with its governance signatures. They alone decide; the account that hands it in
/// only keeps strangers from having it verified, and stands in the log.
/// </summary>
internal static class GovernanceEndpoints
{
    private const int RetryAfterSeconds = 2;

    public static void MapGovernance(this IEndpointRouteBuilder routes, Platform platform, ILogger logger)
    {
        routes.MapGet("/api/governance", (Delegate)((HttpContext context) => ReadAsync(context, platform)))
            .WithTags("Trust").WithName("readGovernance").WithSummary("Each chain's genesis and the policies in force there; with ?account= also the newest record of each of that account's keys")
            .RequireAuthorization()
            .Produces<GovernanceShape>()
            .Answers(Problems.Malformed, Problems.Unauthenticated);
        routes.MapPost("/api/governance", (Delegate)((HttpContext context) => ApplyAsync(context, platform, logger)))
            .WithTags("Trust").WithName("applyGovernance").WithSummary("Seals policies and key records by their governance signatures, each on its chain: all of them or, where one is refused, none. The same proposal again answers where they stand")
            .RequireAuthorization()
            .Accepts<ProposalShape>("application/json")
            .Produces<GovernanceAppliedShape>()
            .Answers(Problems.ProposalMalformed, Problems.ProposalRefused, Problems.TooLarge, Problems.Truncated, Problems.BodyTimeout, Problems.UnsupportedType, Problems.Unauthenticated, Problems.Internal, Problems.QueueFull, Problems.ChainStopped, Problems.FreshnessPending, Problems.DatabaseLost);
    }

    private static async Task ReadAsync(HttpContext context, Platform platform)
    {
        context.Response.Headers.CacheControl = "no-store";
        string account = context.Request.Query["account"].ToString();
        if (account.Length > 0 && !Grammar.IsName(account))
        {
            await Problems.WriteAsync(context, Problems.Malformed, "The account is no name of one.");
            return;
        }

        await Json.WriteAsync(context, StatusCodes.Status200OK, json =>
        {
            json.WriteStartArray("chains");
            foreach ((string name, ChainHost chain) in platform.Chains.OrderBy(static pair => pair.Key, StringComparer.Ordinal))
            {
                json.WriteStartObject();
                json.WriteString("chain", name);
                json.WriteString("genesis", chain.Genesis.Canonical.Span);
                json.WriteStartArray("policies");
                foreach (PolicyStanding policy in chain.PoliciesInForce)
                {
                    json.WriteStartObject();
                    json.WriteString("name", policy.Name);
                    json.WriteNumber("version", policy.Version);
                    json.WriteNumber("index", policy.Index);
                    json.WriteString("document", policy.Document.Span);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteStartArray("keys");
                foreach ((long index, KeyRecord key) in chain.KeysOf(account))
                {
                    json.WriteStartObject();
                    json.WriteNumber("index", index);
                    json.WriteString("document", key.SignedDocument());
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private static async Task ApplyAsync(HttpContext context, Platform platform, ILogger logger)
    {
        using RequestBody body = await RequestBody.ReadJsonAsync(context, GovernanceProposal.MaxBytes);
        if (body.End != BodyEnd.Complete)
        {
            return;
        }

        if (GovernanceProposal.TryParse(body.Memory.Span, out GovernanceProposal? proposal) is { Length: > 0 } problem)
        {
            await Problems.WriteAsync(context, Problems.ProposalMalformed, $"{problem}: send the proposal byte for byte.");
            return;
        }

        GovernanceApplied applied = await platform.Network.ApplyGovernanceAsync(proposal!);
        if (applied.Refused)
        {
            await Problems.WriteAsync(context, Problems.ProposalRefused, applied.Detail, reason: applied.Outcomes.First(static outcome => !outcome.Refusal.Ok).Refusal.Code);
            return;
        }

        if (applied.Waiting is { } waiting)
        {
            await Problems.WriteAsync(context, Problems.OfWaiting(waiting), applied.Detail, retryAfterSeconds: RetryAfterSeconds);
            return;
        }

        Log.GovernanceApplied(logger, proposal!.Fingerprint.ToHex(), applied.Outcomes.Count, ServiceAccountIdentity.Of(context)!.Account);
        await Json.WriteAsync(context, StatusCodes.Status200OK, json =>
        {
            json.WriteString("fingerprint", proposal.Fingerprint.ToHex());
            json.WriteStartArray("documents");
            foreach (GovernedOutcome outcome in applied.Outcomes)
            {
                json.WriteStartObject();
                json.WriteString("chain", outcome.Document.Origin);
                json.WriteString("name", outcome.Document.Name);
                json.WriteNumber("index", outcome.Index);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }
}
