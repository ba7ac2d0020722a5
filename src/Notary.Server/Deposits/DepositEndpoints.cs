using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.Net.Http.Headers;
using Notary.Chain;
using Notary.Chain.Network;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Identity;
using Notary.Server.OpenApi;
using Notary.Server.Options;
using Notary.Server.Startup;
using Notary.Server.Telemetry;

namespace Notary.Server.Deposits;

/// <summary>
/// Sealing: one request or a batch. These are the hot paths: the body is read into one pooled buffer, handed to the chain as bytes, and the answer
/// is written as bytes; there is no model binding, no logging and nothing per record in between.
/// </summary>
/// <remarks>
/// Once a body is handed to the chain the client's going away changes nothing: what is in the sequencer is sealed, and the client asks again with the same
/// Idempotency-Key. The pooled buffer is therefore given back only when the deposit has ended.
/// </remarks>
internal sealed class DepositEndpoints(Platform platform, LimitOptions limits, SemaphoreSlim waiting, TimeProvider time, ILogger logger)
{
    private const int RetryAfterSeconds = 1;
    private const int WaitingRetryAfterSeconds = 5;

    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _answer;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/api/evidence", (Delegate)SingleAsync)
            .WithTags("Deposit").WithName("deposit").WithSummary("Seals one record; the answer is its receipt. Header Idempotency-Key (1 to 64 printable ASCII characters) is optional; ?wait=final or ?wait=anchored answers when the record is so, or after 30 s with the state that it has reached")
            .RequireAuthorization()
            .Accepts<EvidenceRequestShape>("application/json", "multipart/form-data").WithMetadata(new OpenApiExampleOf("application/json", ExampleRequest))
            .Produces<SealedShape>(201)
            .Answers([.. Common, Problems.WaitMalformed, Problems.MultipartMalformed, Problems.MultipartNoRequest, Problems.MultipartNoFile, Problems.Refused, Problems.TooManyWaiting]);
        routes.MapPost("/api/evidence/batch", (Delegate)BatchAsync)
            .WithTags("Deposit").WithName("depositBatch").WithSummary("Seals up to 10,000 records, one JSON request a line; the answer has a line for each, and at last the range with its proof and the checkpoint")
            .RequireAuthorization()
            .Accepts<EvidenceRequestShape>("application/x-ndjson")
            .Produces<BatchLineShape>(200, "application/x-ndjson")
            .Answers([.. Common, Problems.TooManyLines]);
    }

    private static readonly Problem[] Common =
    [
        Problems.Malformed, Problems.Truncated, Problems.IdempotencyKeyMalformed, Problems.Unauthenticated, Problems.NoKey, Problems.BodyTimeout, Problems.IdempotencyConflict,
        Problems.TooLarge, Problems.UnsupportedType, Problems.Internal, Problems.OutcomeUnknown, Problems.QueueFull, Problems.ChainStopped, Problems.FreshnessPending, Problems.DatabaseLost,
    ];

    private const string ExampleRequest = """
        {"type":"contract.electronic","parts":[{"media":"application/pdf","size":3,"sm3":"66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}],"metadata":{"title":"Lease of 3 May","files":["lease.pdf"]}}
        """;

    private async Task SingleAsync(HttpContext context)
    {
        using Activity? submission = ServerTelemetry.Source.StartActivity("submission", ActivityKind.Server);
        if (!TryIdempotencyKey(context, out string? key))
        {
            await RefuseKeyAsync(context);
            return;
        }

        if (!TryWait(context, out RecordState wait))
        {
            await RefuseWaitAsync(context);
            return;
        }

        string? type = context.Request.ContentType;
        if (RequestBody.IsType(type, "application/json"))
        {
            using RequestBody body = await RequestBody.ReadAsync(context, limits.SingleBytes);
            if (body.End != BodyEnd.Complete)
            {
                await RequestBody.RefuseAsync(context, body.End, limits.SingleBytes);
                return;
            }

            await SealSingleAsync(context, body.Memory, key, wait);
        }
        else if (MediaTypeHeaderValue.TryParse(type, out MediaTypeHeaderValue? media) && media.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
        {
            RequestBody.Allow(context, limits.UploadBytes);
            string boundary = HeaderUtilities.RemoveQuotes(media.Boundary).Value ?? "";
            if (boundary.Length is 0 or > 70)
            {
                await Problems.WriteAsync(context, Problems.MultipartMalformed, "The content type names no boundary of 1 to 70 characters.");
                return;
            }

            MultipartResult read = await MultipartDeposit.ReadAsync(context, boundary, limits.SingleBytes);
            if (read.Problem is not null)
            {
                await Problems.WriteAsync(context, read.Problem, read.Detail);
                return;
            }

            await SealSingleAsync(context, read.Json, key, wait);
        }
        else
        {
            await Problems.WriteAsync(context, Problems.UnsupportedType, "Send application/json with digests, or multipart/form-data with the field request and the files.");
        }
    }

    private async Task BatchAsync(HttpContext context)
    {
        using Activity? submission = ServerTelemetry.Source.StartActivity("submission", ActivityKind.Server);
        if (!TryIdempotencyKey(context, out string? key))
        {
            await RefuseKeyAsync(context);
            return;
        }

        if (!RequestBody.IsType(context.Request.ContentType, "application/x-ndjson"))
        {
            await Problems.WriteAsync(context, Problems.UnsupportedType, "Send application/x-ndjson: one JSON request a line.");
            return;
        }

        ChainHost chain = ChainOf(context, out ServiceAccountIdentity caller);
        int limit = Math.Min(limits.BatchBytes, chain.Template.MaxBodyBytes);
        int mostLines = Math.Min(limits.BatchLines, chain.Template.MaxLines);
        RequestBody.Allow(context, limit);
        using RequestBody body = await RequestBody.ReadAsync(context, limit);
        if (body.End != BodyEnd.Complete)
        {
            await RequestBody.RefuseAsync(context, body.End, limit);
            return;
        }

        // A lower limit than the format's own; counting is a vectorised scan.
        if (mostLines < RequestLimits.MaxLines && body.Memory.Span.Count((byte)'\n') + (body.Memory.Span.EndsWith("\n"u8) ? 0 : 1) > mostLines)
        {
            await Problems.WriteAsync(context, Problems.TooManyLines, FormattableString.Invariant($"At most {mostLines} lines are accepted here."));
            return;
        }

        using DepositResult result = await chain.DepositAsync(DepositOf(body.Memory, single: false, caller, key));
        if (result.Outcome is not (DepositOutcome.Sealed or DepositOutcome.Replayed) || result.Lines == 0)
        {
            await RefuseAsync(context, result, chain);
            return;
        }

        using Activity? answer = ServerTelemetry.Source.StartActivity("answer");
        context.Response.ContentType = "application/x-ndjson";
        context.Response.Headers.CacheControl = "no-store";
        MarkReplay(context, result);
        result.WriteNdjson(context.Response.BodyWriter);
        // The answer is copied: nobody's slow reading holds the leaves of a whole batch.
        result.Dispose();
        await context.Response.BodyWriter.FlushAsync();
    }

    // Who wants to wait takes a place before anything is sealed: afterwards there is an answer to give, and it would be too late to refuse.
    private async Task SealSingleAsync(HttpContext context, ReadOnlyMemory<byte> body, string? key, RecordState wait)
    {
        if (wait <= RecordState.Sealed)
        {
            await SealAsync(context, body, key, wait);
        }
        else if (await TryTakePlaceAsync(context, waiting))
        {
            try
            {
                await SealAsync(context, body, key, wait);
            }
            finally
            {
                waiting.Release();
            }
        }
    }

    private async Task SealAsync(HttpContext context, ReadOnlyMemory<byte> body, string? key, RecordState wait)
    {
        ChainHost chain = ChainOf(context, out ServiceAccountIdentity caller);
        using DepositResult result = await chain.DepositAsync(DepositOf(body, single: true, caller, key));
        if (result.Outcome is not (DepositOutcome.Sealed or DepositOutcome.Replayed) || result.Count == 0)
        {
            await RefuseAsync(context, result, chain);
            return;
        }

        RecordProof? proof = null;
        if (wait > RecordState.Sealed)
        {
            // However long the client waits, the record is sealed: what ends the waiting is answered with the state reached.
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            limit.CancelAfter(LongestWait);
            await platform.Network.WaitAsync(chain, result.First, wait, limit.Token);
            proof = platform.Network.Prove(chain, result.First);
        }

        using Activity? answer = ServerTelemetry.Source.StartActivity("answer");
        if (!TryWrite(context, result, proof))
        {
            await Problems.WriteAsync(context, Problems.Erased, "This request was sealed, and what opens its record has been erased since.");
            return;
        }

        // The answer is copied: nobody's slow reading holds the leaves of a whole batch.
        result.Dispose();
        await context.Response.BodyWriter.FlushAsync();
    }

    // No await between taking the thread's buffer and copying it out.
    private static bool TryWrite(HttpContext context, DepositResult result, RecordProof? proof)
    {
        ArrayBufferWriter<byte> buffer = _answer ??= new ArrayBufferWriter<byte>(4_096);
        buffer.ResetWrittenCount();
        if (!result.TryWriteSingle(buffer, proof))
        {
            return false;
        }

        HttpResponse response = context.Response;
        response.StatusCode = StatusCodes.Status201Created;
        response.ContentType = "application/json";
        response.ContentLength = buffer.WrittenCount;
        response.Headers.CacheControl = "no-store";
        response.Headers.Location = "/api/evidence/" + result.Number;
        MarkReplay(context, result);
        response.BodyWriter.Write(buffer.WrittenSpan);
        return true;
    }

    private Deposit DepositOf(ReadOnlyMemory<byte> body, bool single, ServiceAccountIdentity caller, string? key) => new()
    {
        Body = body,
        SingleRequest = single,
        Account = caller.Account,
        Auth = caller.Auth,
        IdempotencyKey = key,
        Received = time.GetUtcNow(),
    };

    private ChainHost ChainOf(HttpContext context, out ServiceAccountIdentity caller)
    {
        caller = ServiceAccountIdentity.Of(context) ?? throw new InvalidOperationException("A deposit without a caller.");
        return platform.Chains[caller.Chain];
    }

    private Task RefuseAsync(HttpContext context, DepositResult result, ChainHost chain)
    {
        if (result.Outcome is DepositOutcome.ChainStopped or DepositOutcome.OutcomeUnknown)
        {
            foreach ((string name, StoppedState state) in platform.NewlyStopped())
            {
                Log.ChainStopped(logger, name, Health.HealthEndpoints.ReasonOf(state), state.Sentence);
            }
        }

        return AnswerRefusalAsync(context, result, chain);
    }

    private static Task AnswerRefusalAsync(HttpContext context, DepositResult result, ChainHost chain) => result.Outcome switch
    {
        DepositOutcome.IdempotencyConflict => Problems.WriteAsync(context, Problems.IdempotencyConflict, "A request with this Idempotency-Key had another body; a new request needs a new key."),
        DepositOutcome.QueueFull => Problems.WriteAsync(context, Problems.QueueFull, "Send it again in a moment; nothing of it is sealed.", retryAfterSeconds: RetryAfterSeconds),
        DepositOutcome.ChainStopped => Problems.StoppedAsync(context, chain),
        DepositOutcome.OutcomeUnknown => Problems.WriteAsync(context, Problems.OutcomeUnknown, "Ask again with the same Idempotency-Key when the chain runs again, or look the digest up.", retryAfterSeconds: 60),
        DepositOutcome.FreshnessPending => Problems.WriteAsync(context, Problems.FreshnessPending, chain.FreshnessPending ?? "Send it again in a moment.", retryAfterSeconds: RetryAfterSeconds),
        DepositOutcome.DatabaseLost => Problems.WriteAsync(context, Problems.DatabaseLost, "This attempt sealed nothing; an earlier one with the same Idempotency-Key may have. The chain goes on by itself when its database is back.", retryAfterSeconds: RetryAfterSeconds),
        DepositOutcome.NoKey => Problems.WriteAsync(context, Problems.NoKey, "This account has no key record in force on its chain."),
        DepositOutcome.BodyRefused when result.BodyProblem is { } body => Problems.WriteAsync(context, Problems.OfReason(body.Code), body.Message, body.Code, body.Offset),
        _ when result.ErrorOf(0) is { } error => Problems.WriteAsync(context, error.Admission ? Problems.Refused : Problems.OfReason(error.Code), error.Detail, error.Code),
        _ => Problems.WriteAsync(context, Problems.Malformed, "The body is empty."),
    };

    private static void MarkReplay(HttpContext context, DepositResult result)
    {
        if (result.Outcome == DepositOutcome.Replayed)
        {
            context.Response.Headers["Idempotency-Replayed"] = "true";
        }
    }

    internal static bool TryIdempotencyKey(HttpContext context, out string? key)
    {
        Microsoft.Extensions.Primitives.StringValues given = context.Request.Headers["Idempotency-Key"];
        key = given.Count == 0 ? null : given[0];
        return given.Count == 0 || (given.Count == 1 && key is { Length: >= 1 and <= 64 } && !key.AsSpan().ContainsAnyExceptInRange(' ', '~'));
    }

    internal static bool TryWait(HttpContext context, out RecordState wait)
    {
        // Nearly every request has no query, and parsing an empty one costs.
        wait = RecordState.Sealed;
        if (!context.Request.QueryString.HasValue || !context.Request.Query.TryGetValue("wait", out Microsoft.Extensions.Primitives.StringValues given))
        {
            return true;
        }

        return given.Count == 1 && TrustNames.TryState(given[0], out wait) && wait <= RecordState.Anchored;
    }

    internal static Task RefuseKeyAsync(HttpContext context) =>
        Problems.WriteAsync(context, Problems.IdempotencyKeyMalformed, "Send one Idempotency-Key of 1 to 64 printable ASCII characters, or none.");

    /// <summary>Takes one of the places of those who wait for a state, to be given back; answers when there is none.</summary>
    internal static async Task<bool> TryTakePlaceAsync(HttpContext context, SemaphoreSlim waiting)
    {
        if (await waiting.WaitAsync(TimeSpan.Zero))
        {
            return true;
        }

        await Problems.WriteAsync(context, Problems.TooManyWaiting, "Nothing of the request is sealed. Send it without wait, or again in a moment.", retryAfterSeconds: WaitingRetryAfterSeconds);
        return false;
    }

    internal static Task RefuseWaitAsync(HttpContext context) => Problems.WriteAsync(context, Problems.WaitMalformed, "Send wait=sealed, wait=final or wait=anchored once, or none.");
}

/// <summary>Maps the deposits.</summary>
internal static class DepositRoutes
{
    public static void MapDeposits(this IEndpointRouteBuilder routes, Platform platform, LimitOptions limits, SemaphoreSlim waiting, TimeProvider time, ILogger logger) =>
        new DepositEndpoints(platform, limits, waiting, time, logger).Map(routes);
}
