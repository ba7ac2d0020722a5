using System.Text.Json;
using Notary.Chain;
using Notary.Chain.Network;
using Notary.Chain.Transfers;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Server.Deposits;
using Notary.Server.Http;
using Notary.Server.Identity;
using Notary.Server.OpenApi;
using Notary.Server.Startup;

namespace Notary.Server.Transfers;

/// <summary>
/// Custody transfers: the four acts, and where transfers stand. An account acts on the chain of its credential and sees the transfers of that chain; what it may do the chain's custody policy says.
/// </summary>
internal sealed class TransferEndpoints(Platform platform, SemaphoreSlim waiting, TimeProvider time, ILogger logger)
{
    /// <summary>Longest body: an anchored proof, and little else.</summary>
    private const int MaxBody = Receipt.MaxLength;

    private const int MaxListed = 1_000;
    private const int DefaultListed = 100;

    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private readonly CustodyTransfers _transfers = new(platform.Chains, platform.Network);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/api/transfers", (Delegate)ActAsync)
            .WithTags("Custody").WithName("actOnTransfer").WithSummary("Releases a record to another region, receives or declines it there, or withdraws it after a refusal; what a leaf has to prove is waited for up to 30 s. Idempotency-Key and ?wait= as of a deposit")
            .RequireAuthorization()
            .Accepts<TransferRequestShape>("application/json").WithMetadata(new OpenApiExampleOf("application/json", """{"act":"released","evidence":"HN-0000-0000-0007-4","target":"beijing"}"""))
            .Produces<TransferActShape>(201)
            .Answers(
                Problems.Malformed, Problems.Truncated, Problems.IdempotencyKeyMalformed, Problems.WaitMalformed, Problems.Unauthenticated, Problems.NoKey, Problems.NotTheCustodian, Problems.RecordNotFound,
                Problems.TransferNotFound, Problems.BodyTimeout, Problems.IdempotencyConflict, Problems.NotDeclined, Problems.TooLarge, Problems.UnsupportedType, Problems.Refused, Problems.Internal, Problems.OutcomeUnknown,
                Problems.QueueFull, Problems.ChainStopped, Problems.FreshnessPending, Problems.NotAnchored, Problems.DatabaseLost, Problems.TooManyWaiting);
        routes.MapGet("/api/transfers", (Delegate)ListAsync)
            .WithTags("Custody").WithName("listTransfers").WithSummary("Transfers that are under way: released by the account's chain and not withdrawn, and released to it and not decided; ?limit= up to 1,000 each way, and where there are more the next page by ?outgoing= and ?incoming=").RequireAuthorization().RequireRateLimiting(RateLimits.Lookup)
            .Produces<TransferListShape>().Answers(Problems.Malformed, Problems.Unauthenticated, Problems.RateLimited);
        routes.MapGet("/api/transfers/{id}", (HttpContext context, string id) => ReadAsync(context, id))
            .WithTags("Custody").WithName("readTransfer").WithSummary("Where one transfer stands, for the accounts of its source and target").RequireAuthorization().RequireRateLimiting(RateLimits.Lookup)
            .Produces<TransferShape>().Answers(Problems.NameMalformed, Problems.Unauthenticated, Problems.TransferNotFound, Problems.RateLimited);
    }

    private async Task ActAsync(HttpContext context)
    {
        if (!DepositEndpoints.TryIdempotencyKey(context, out string? key))
        {
            await DepositEndpoints.RefuseKeyAsync(context);
            return;
        }

        if (!DepositEndpoints.TryWait(context, out RecordState wait))
        {
            await DepositEndpoints.RefuseWaitAsync(context);
            return;
        }

        using RequestBody body = await RequestBody.ReadJsonAsync(context, MaxBody);
        if (body.End != BodyEnd.Complete)
        {
            return;
        }

        if (TransferRequest.TryParse(body.Memory.Span, out TransferRequest? request) is { } wrong)
        {
            await Problems.WriteAsync(context, Problems.Malformed, wrong);
            return;
        }

        // What carries a proof may have to wait for it too.
        if (wait <= RecordState.Sealed && request!.Act is CustodyAct.Released or CustodyAct.Declined)
        {
            await SealAsync(context, request, body, key, wait);
        }
        else if (await DepositEndpoints.TryTakePlaceAsync(context, waiting))
        {
            try
            {
                await SealAsync(context, request!, body, key, wait);
            }
            finally
            {
                waiting.Release();
            }
        }
    }

    private async Task SealAsync(HttpContext context, TransferRequest request, RequestBody body, string? key, RecordState wait)
    {
        ChainHost chain = ChainOf(context, out ServiceAccountIdentity caller);

        // A deposit's keys are the same account's: with what it is for before the body, a key that was used for one is a conflict for the other.
        var actor = new CustodyActor(caller.Account, caller.Auth, key, Suite.Intl.Hash("POST /api/transfers\n"u8, body.Memory.Span), time.GetUtcNow());
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        limit.CancelAfter(LongestWait);
        CustodyResult result = await (request.Act switch
        {
            CustodyAct.Released => _transfers.ReleaseAsync(chain, actor, request.Evidence, OriginOf(chain, request.Target)!),
            CustodyAct.Received => _transfers.ReceiveAsync(chain, actor, request.Transfer, OriginOf(chain, request.Source), request.Proof, limit.Token),
            CustodyAct.Declined => _transfers.DeclineAsync(chain, actor, request.Transfer, OriginOf(chain, request.Source), request.Proof),
            _ => _transfers.WithdrawAsync(chain, actor, request.Transfer, request.Proof, limit.Token),
        });
        if (result.Ending is not (CustodyEnding.Sealed or CustodyEnding.Replayed))
        {
            await RefuseAsync(context, chain, request.Act, result);
            return;
        }

        if (wait > RecordState.Sealed)
        {
            // However long the client waits, the leaf is sealed: what ends the waiting is answered with the state reached.
            await platform.Network.WaitAsync(chain, result.Index, wait, limit.Token);
        }

        if (result.Ending == CustodyEnding.Replayed)
        {
            context.Response.Headers["Idempotency-Replayed"] = "true";
        }

        context.Response.Headers.CacheControl = "no-store";
        RecordProof proof = platform.Network.Prove(chain, result.Index)!;
        byte[] leaf = chain.Reader.Entry(result.Index)!;
        Admission.AdmitForm(leaf, out LeafFacts facts);
        context.Response.Headers.Location = $"/api/transfers/{facts.CustodyRecord!.Transfer:D}";
        await Json.WriteAsync(context, StatusCodes.Status201Created, json =>
        {
            json.WriteNumber("v", 1);
            json.WriteString("act", CustodyActs.Name(facts.CustodyRecord.Act));
            json.WriteString("transfer", facts.CustodyRecord.Transfer.ToString("D"));
            json.WriteString("id", facts.Id.ToString("D"));
            WriteLeaf(json, chain, result.Index, facts);
            json.WriteString("leaf", leaf);
            json.WriteString("proof", proof.Proof.Format());
            if (proof.Anchor is { } anchor)
            {
                json.WriteStartObject("anchor");
                json.WriteString("leaf", anchor.Leaf.Span);
                json.WriteString("proof", anchor.Proof);
                json.WriteEndObject();
            }
        });
    }

    private Task ListAsync(HttpContext context)
    {
        int limit = DefaultListed;
        Microsoft.Extensions.Primitives.StringValues given = context.Request.Query["limit"];
        if (given.Count > 0 && (given.Count > 1 || !int.TryParse(given[0], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxListed))
        {
            return Problems.WriteAsync(context, Problems.Malformed, FormattableString.Invariant($"Send limit=1 to limit={MaxListed} once, or none."));
        }

        if (!TryPlace(context, "outgoing", out TransferPlace? outgoing) || !TryPlace(context, "incoming", out TransferPlace? incoming))
        {
            return Problems.WriteAsync(context, Problems.Malformed, "Send outgoing and incoming as the answer before gave them in next, each once, or none.");
        }

        ChainHost chain = ChainOf(context, out _);

        // Who asks for the next page of one way has that of the other already.
        bool first = outgoing is null && incoming is null;
        TransferPage from = first || outgoing is not null ? _transfers.From(chain, outgoing, limit) : TransferPage.Empty;
        TransferPage to = first || incoming is not null ? _transfers.To(chain, incoming, limit) : TransferPage.Empty;
        context.Response.Headers.CacheControl = "no-store";
        return Json.WriteAsync(context, StatusCodes.Status200OK, json =>
        {
            json.WriteString("chain", chain.Name);
            WriteList(json, "outgoing", from);
            WriteList(json, "incoming", to);
            json.WriteBoolean("more", from.Next is not null || to.Next is not null);
            json.WriteStartObject("next");
            foreach ((string way, TransferPage page) in new[] { ("outgoing", from), ("incoming", to) })
            {
                if (page.Next is { } next)
                {
                    json.WriteString(way, next.ToString());
                }
            }

            json.WriteEndObject();
        });
    }

    private static bool TryPlace(HttpContext context, string way, out TransferPlace? place)
    {
        Microsoft.Extensions.Primitives.StringValues given = context.Request.Query[way];
        place = given.Count == 1 ? TransferPlace.Parse(given[0]) : null;
        return given.Count == 0 || place is not null;
    }

    private Task ReadAsync(HttpContext context, string id)
    {
        if (!RecordId.TryParse(id, out Guid transfer))
        {
            return Problems.WriteAsync(context, Problems.NameMalformed, "A transfer is named by its id, a UUID of version 7 in lower case.");
        }

        // Whether there is a transfer between others is not said to third parties.
        ChainHost chain = ChainOf(context, out _);
        if (_transfers.Find(transfer).FirstOrDefault(view => view.Source == chain || view.Transfer.Target == chain.Genesis.Origin) is not { } found)
        {
            return Problems.WriteAsync(context, Problems.TransferNotFound, "No transfer with this id was released by or to this account's chain.");
        }

        context.Response.Headers.CacheControl = "no-store";
        return Json.WriteAsync(context, StatusCodes.Status200OK, json => WriteTransfer(json, found));
    }

    private void WriteList(Utf8JsonWriter json, string name, TransferPage page)
    {
        json.WriteStartArray(name);
        foreach (TransferView view in page.Transfers)
        {
            json.WriteStartObject();
            WriteTransfer(json, view);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteTransfer(Utf8JsonWriter json, TransferView view)
    {
        CustodyTransfer transfer = view.Transfer;
        json.WriteString("transfer", transfer.Id.ToString("D"));
        json.WriteString("state", CustodyActs.Name(view.State));
        json.WriteString("source", view.Source.Genesis.Origin);
        json.WriteString("target", transfer.Target);
        json.WriteStartObject("evidence");
        json.WriteString("chain", transfer.Evidence.Chain);
        json.WriteString("id", transfer.Evidence.Id.ToString("D"));
        json.WriteNumber("index", transfer.Evidence.Index);
        json.WriteEndObject();
        if (transfer.Via is { } via)
        {
            json.WriteNumber("via", via);
        }

        WriteStep(json, "released", view.Source, transfer.Index);
        if (view.Decision is { } decision)
        {
            WriteStep(json, decision.Received ? "received" : "declined", platform.Chains.Values.First(chain => chain.Genesis.Origin == transfer.Target), decision.Index);
        }

        if (transfer.Withdrawn is { } withdrawn && withdrawn < view.Source.Reader.Size)
        {
            WriteStep(json, "withdrawn", view.Source, withdrawn);
        }
    }

    private void WriteStep(Utf8JsonWriter json, string name, ChainHost chain, long index)
    {
        LeafFacts facts = Records.RecordEndpoints.FactsOf(chain, index);
        json.WriteStartObject(name);
        WriteLeaf(json, chain, index, facts);
        json.WriteString("account", facts.Account);
        json.WriteEndObject();
    }

    private void WriteLeaf(Utf8JsonWriter json, ChainHost chain, long index, in LeafFacts facts)
    {
        json.WriteString("number", RecordNumber.Format(chain.Genesis.Code, index));
        json.WriteNumber("index", index);
        json.WriteString("sealed", RecordTime.Format(facts.Sealed));
        json.WriteString("state", TrustNames.Of(platform.Network.StateOf(chain, index)));
    }

    private Task RefuseAsync(HttpContext context, ChainHost chain, CustodyAct act, CustodyResult result)
    {
        if (result.Ending is CustodyEnding.ChainStopped or CustodyEnding.OutcomeUnknown)
        {
            foreach ((string name, StoppedState state) in platform.NewlyStopped())
            {
                Log.ChainStopped(logger, name, Health.HealthEndpoints.ReasonOf(state), state.Sentence);
            }
        }

        return result.Ending switch
        {
            CustodyEnding.Refused => Problems.WriteAsync(context, Problems.Refused, "Refused by the chain's admission rules.", result.Code),
            CustodyEnding.NotFound when act == CustodyAct.Released => Problems.WriteAsync(context, Problems.RecordNotFound, "No record of evidence with this number or id was sealed on this account's chain or received by it; an id is found moments after it was sealed."),
            CustodyEnding.NotFound => Problems.WriteAsync(context, Problems.TransferNotFound, act == CustodyAct.Withdrawn
                ? "This account's chain released no transfer with this id."
                : "No chain here released a transfer with this id to this account's chain; of a chain elsewhere send the proof of the release."),
            CustodyEnding.NotTheCustodian => Problems.WriteAsync(context, Problems.NotTheCustodian, "The custody policy lets this account act only on what it deposited, received or released itself."),
            CustodyEnding.NotAnchored => Problems.WriteAsync(context, Problems.NotAnchored, "What this act has to prove is sealed and not yet anchored; nothing is sealed. Send it again in a moment.", retryAfterSeconds: 2),
            CustodyEnding.NotDeclined => Problems.WriteAsync(context, Problems.NotDeclined, "The target has not declined this transfer, as far as this platform sees; of a chain elsewhere send the proof of the refusal."),
            CustodyEnding.IdempotencyConflict => Problems.WriteAsync(context, Problems.IdempotencyConflict, "A request with this Idempotency-Key had another body; a new request needs a new key."),
            CustodyEnding.QueueFull => Problems.WriteAsync(context, Problems.QueueFull, "Send it again in a moment; nothing of it is sealed.", retryAfterSeconds: 1),
            CustodyEnding.ChainStopped => Problems.StoppedAsync(context, chain),
            CustodyEnding.OutcomeUnknown => Problems.WriteAsync(context, Problems.OutcomeUnknown, "Ask again with the same Idempotency-Key when the chain runs again.", retryAfterSeconds: 60),
            CustodyEnding.FreshnessPending => Problems.WriteAsync(context, Problems.FreshnessPending, chain.FreshnessPending ?? "Send it again in a moment.", retryAfterSeconds: 1),
            CustodyEnding.DatabaseLost => Problems.WriteAsync(context, Problems.DatabaseLost, "This attempt sealed nothing; an earlier one with the same Idempotency-Key may have. The chain goes on by itself when its database is back.", retryAfterSeconds: 2),
            CustodyEnding.NoKey => Problems.WriteAsync(context, Problems.NoKey, "This account has no key record in force on its chain."),
            _ => throw new InvalidOperationException($"An act does not end in {result.Ending}."),
        };
    }

    private ChainHost ChainOf(HttpContext context, out ServiceAccountIdentity caller)
    {
        caller = ServiceAccountIdentity.Of(context) ?? throw new InvalidOperationException("A transfer without a caller.");
        return platform.Chains[caller.Chain];
    }

    // A bare name is a chain of the same deployment.
    private static string? OriginOf(ChainHost chain, string? name) => name is null || name.Contains('/', StringComparison.Ordinal) ? name : chain.Genesis.Deployment + "/" + name;
}

/// <summary>Maps the transfers.</summary>
internal static class TransferRoutes
{
    public static void MapTransfers(this IEndpointRouteBuilder routes, Platform platform, SemaphoreSlim waiting, TimeProvider time, ILogger logger) => new TransferEndpoints(platform, waiting, time, logger).Map(routes);
}
