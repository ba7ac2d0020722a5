using System.Buffers;
using System.Collections.Frozen;
using System.Text.Json;
using Notary.Evidence;

namespace Notary.Server.Http;

/// <summary>One entry of the frozen table: what a client branches on (<see cref="Code"/>), and what HTTP says beside it.</summary>
public sealed record Problem(string Code, int Status, string Title);

/// <summary>
/// Every problem that the server answers with, as RFC 9457 <c>application/problem+json</c>. Codes are frozen: they are added, never renamed
/// and never given another status. The reasons of <c>Notary.Evidence</c> for a refused request appear in the member <c>reason</c>.
/// </summary>
public static class Problems
{
    public static readonly Problem Malformed = new("malformed", 400, "The request could not be read");
    public static readonly Problem Truncated = new("truncated", 400, "The body ended before its end");
    public static readonly Problem MultipartMalformed = new("multipart-malformed", 400, "The multipart body could not be read");
    public static readonly Problem MultipartNoRequest = new("multipart-no-request", 400, "The multipart body has no field named request");
    public static readonly Problem MultipartNoFile = new("multipart-no-file", 400, "The multipart body has no file");
    public static readonly Problem IdempotencyKeyMalformed = new("idempotency-key-malformed", 400, "The Idempotency-Key is not 1 to 64 printable ASCII characters");
    public static readonly Problem DigestMalformed = new("digest-malformed", 400, "The digest is not 64 lower-case hexadecimal digits");
    public static readonly Problem NameMalformed = new("name-malformed", 400, "Neither an id nor a record number");
    public static readonly Problem TilePathMalformed = new("tile-path-malformed", 400, "Not a tile path of C2SP tlog-tiles");
    public static readonly Problem AuthorizationRefused = new("authorization-refused", 400, "The application's request cannot be shown or answered");
    public static readonly Problem Unauthenticated = new("unauthenticated", 401, "A service account's secret or access token is needed");
    public static readonly Problem SignInRefused = new("sign-in-refused", 401, "Nobody was signed in");
    public static readonly Problem SessionNeeded = new("session-needed", 401, "A signed-in person is needed");
    public static readonly Problem ProxyUnexpected = new("proxy-unexpected", 400, "A proxy passed this on, and the server expects none");
    public static readonly Problem CrossSite = new("cross-site", 403, "The request was sent by another site's page");
    public static readonly Problem RoleNotAllowed = new("role-not-allowed", 403, "The role may not do that");
    public static readonly Problem SignInAgain = new("sign-in-again", 403, "This needs a fresh sign-in");
    public static readonly Problem SameOfficer = new("same-officer", 403, "Another officer has to decide");
    public static readonly Problem SetupRefused = new("setup-refused", 403, "Only the platform's operator may do that");
    public static readonly Problem ScopeMissing = new("scope-missing", 403, "The access token is not for this");
    public static readonly Problem NotTheDepositor = new("not-the-depositor", 403, "Only the depositing account may read this");
    public static readonly Problem NotTheCustodian = new("not-the-custodian", 403, "The record or transfer is another account's");
    public static readonly Problem NoKey = new("no-key", 403, "The account has no key record in force");
    public static readonly Problem EntriesNotPublic = new("entries-not-public", 403, "Entries go to the chain's nodes and auditors only");
    public static readonly Problem WaitMalformed = new("wait-malformed", 400, "The wait is not a state that a record can reach");
    public static readonly Problem EventIdMalformed = new("event-id-malformed", 400, "The Last-Event-ID is no id of an event of this chain");
    public static readonly Problem WebhookMalformed = new("webhook-malformed", 400, "The webhook is not one that can be called");
    public static readonly Problem IncidentMalformed = new("incident-malformed", 400, "The body is no incident");
    public static readonly Problem ProposalMalformed = new("proposal-malformed", 400, "The body is no proposal");
    public static readonly Problem NotFound = new("not-found", 404, "There is nothing under this address");
    public static readonly Problem RecordNotFound = new("record-not-found", 404, "No such record");
    public static readonly Problem TransferNotFound = new("transfer-not-found", 404, "No such transfer");
    public static readonly Problem ChainNotFound = new("chain-not-found", 404, "No such chain");
    public static readonly Problem TileNotFound = new("tile-not-found", 404, "The log is not yet that large");
    public static readonly Problem TrustNotFound = new("trust-not-found", 404, "No such version of the trust file");
    public static readonly Problem WebhookNotFound = new("webhook-not-found", 404, "No such webhook");
    public static readonly Problem AccountNotFound = new("account-not-found", 404, "No such account");
    public static readonly Problem SessionNotFound = new("session-not-found", 404, "No such session");
    public static readonly Problem FactorNotFound = new("factor-not-found", 404, "No such factor");
    public static readonly Problem ActNotFound = new("act-not-found", 404, "No such act");
    public static readonly Problem Erased = new("erased", 410, "What opens this record has been erased");
    public static readonly Problem MethodNotAllowed = new("method-not-allowed", 405, "This address has no such method");
    public static readonly Problem BodyTimeout = new("body-timeout", 408, "The body came too slowly");
    public static readonly Problem IdempotencyConflict = new("idempotency-conflict", 409, "The Idempotency-Key was used with another body");
    public static readonly Problem NotDeclined = new("not-declined", 409, "The target has not declined the transfer");
    public static readonly Problem ActDecided = new("act-decided", 409, "The act was decided before, or its time is over");
    public static readonly Problem LastFactor = new("last-factor", 409, "Without this factor nobody could sign in");
    public static readonly Problem TooManyWebhooks = new("too-many-webhooks", 409, "The account has as many webhooks as allowed");
    public static readonly Problem TooLarge = new("too-large", 413, "The request is larger than allowed");
    public static readonly Problem TooManyLines = new("too-many-lines", 413, "The batch has more lines than allowed");
    public static readonly Problem UnsupportedType = new("unsupported-type", 415, "The content type is not one of those accepted here");
    public static readonly Problem Refused = new("refused", 422, "The request was understood and refused");
    public static readonly Problem AccountRefused = new("account-refused", 422, "The account is not made or changed so");
    public static readonly Problem FactorRefused = new("factor-refused", 422, "The factor is not accepted");
    public static readonly Problem PackageRefused = new("package-refused", 422, "The upload is not a package");
    public static readonly Problem TrustRefused = new("trust-refused", 422, "The trust file does not come into force");
    public static readonly Problem IncidentRefused = new("incident-refused", 422, "The incident does not close a chain");
    public static readonly Problem ProposalRefused = new("proposal-refused", 422, "The proposal is not sealed");
    public static readonly Problem RateLimited = new("rate-limited", 429, "Too many requests");
    public static readonly Problem TooManyStreams = new("too-many-streams", 429, "As many event streams as allowed are open");
    public static readonly Problem Internal = new("internal", 500, "The server failed; nothing is known to be stored");
    public static readonly Problem OutcomeUnknown = new("outcome-unknown", 503, "Whether the request was sealed is not known yet");
    public static readonly Problem QueueFull = new("queue-full", 503, "The chain's queue is full");
    public static readonly Problem ChainStopped = new("chain-stopped", 503, "The chain has stopped sealing");
    public static readonly Problem FreshnessPending = new("freshness-pending", 503, "The chain has just started and waits for its ledger nodes");
    public static readonly Problem DatabaseLost = new("database-lost", 503, "The chain's database does not answer");
    public static readonly Problem NotAnchored = new("not-anchored", 503, "What has to be proved is not anchored yet");
    public static readonly Problem TooManyWaiting = new("too-many-waiting", 503, "As many requests as allowed wait for a state");
    public static readonly Problem SignInBusy = new("sign-in-busy", 503, "Too many passwords are being checked");
    public static readonly Problem VerifierBusy = new("verifier-busy", 503, "Too many packages are being verified");

    // Reasons that say "this is not JSON of the profile": everything else was understood and is refused.
    private static readonly FrozenSet<string> Unreadable = new[]
    {
        RequestCodes.EmptyLine, RequestCodes.NotUtf8, RequestCodes.JsonSyntax, RequestCodes.LoneSurrogate, RequestCodes.WrongType, RequestCodes.DuplicateMember,
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Says why a chain has stopped. One that is closed for good does not come back, so nobody is told to send again.</summary>
    public static Task StoppedAsync(HttpContext context, Chain.ChainHost chain) => WriteAsync(
        context, ChainStopped, chain.Stopped?.Sentence ?? "The chain is closing.", retryAfterSeconds: chain.Stopped?.Reason == Chain.StopReason.ClosedForGood ? null : 60);

    /// <summary>Why a chain does not append now.</summary>
    public static Problem OfWaiting(Chain.ChainHost chain) =>
        chain.Stopped is not null ? ChainStopped : chain.DatabaseLost is not null ? DatabaseLost : chain.FreshnessPending is not null ? FreshnessPending : QueueFull;

    /// <summary>The problem that a request's reason (see <see cref="RequestCodes"/>) belongs to.</summary>
    public static Problem OfReason(string reason) => reason switch
    {
        RequestCodes.BodyTooLarge or RequestCodes.LineTooLong => TooLarge,
        RequestCodes.TooManyLines => TooManyLines,
        _ when Unreadable.Contains(reason) => Malformed,
        _ => Refused,
    };

    /// <summary>The table, by code.</summary>
    public static readonly FrozenDictionary<string, Problem> All = typeof(Problems).GetFields()
        .Where(f => f.FieldType == typeof(Problem)).Select(f => (Problem)f.GetValue(null)!).ToFrozenDictionary(p => p.Code, StringComparer.Ordinal);

    /// <summary>
    /// Answers with <paramref name="problem"/>. <paramref name="detail"/> is for people, <paramref name="reason"/> and <paramref name="offset"/>
    /// are the evidence for programs. Nothing is written when the answer has begun: then the connection is cut, so that no one takes half an answer for a whole one.
    /// </summary>
    public static Task WriteAsync(HttpContext context, Problem problem, string detail, string? reason = null, int? offset = null, int? retryAfterSeconds = null, Action<Utf8JsonWriter>? more = null)
    {
        HttpResponse response = context.Response;
        if (response.HasStarted)
        {
            context.Abort();
            return Task.CompletedTask;
        }

        Telemetry.ServerTelemetry.Refused(problem.Code);
        response.StatusCode = problem.Status;
        response.ContentType = "application/problem+json";
        response.Headers.CacheControl = "no-store";
        if (retryAfterSeconds is { } seconds)
        {
            response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        var body = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(body, Json.WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("type", $"urn:notary:{problem.Code}");
            json.WriteString("title", problem.Title);
            json.WriteNumber("status", problem.Status);
            json.WriteString("detail", detail);
            json.WriteString("code", problem.Code);
            if (reason is not null)
            {
                json.WriteString("reason", reason);
            }

            if (offset is { } at)
            {
                json.WriteNumber("offset", at);
            }

            more?.Invoke(json);
            json.WriteEndObject();
        }

        response.ContentLength = body.WrittenCount;
        return response.Body.WriteAsync(body.WrittenMemory).AsTask();
    }
}
