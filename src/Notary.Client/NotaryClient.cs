using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Client;

/// <summary>
/// Deposits evidence with a Notary platform and believes nothing that is not proved: every answer is compared with its request and verified
/// against the user's trust file before it is returned. Safe for use from many threads.
/// </summary>
public sealed class NotaryClient : IDisposable
{
    private const string NdJson = "application/x-ndjson";

    // A client that was away for longer asks again.
    private const int MaximumVersions = 1_000;

    private readonly HttpClient _http;
    private readonly TrustStore _trust;
    private readonly RetryPolicy _retry;
    private readonly TimeProvider _time;

    /// <summary>Creates a client.</summary>
    /// <param name="credential">Server and secret.</param>
    /// <param name="trust">What answers are verified against.</param>
    /// <param name="retry">When to send again; null is <see cref="RetryPolicy.Default"/>.</param>
    /// <param name="handler">How requests travel; null is a handler of its own. It is disposed with the client.</param>
    /// <param name="time">The clock of the waits between attempts.</param>
    public NotaryClient(CredentialFile credential, TrustStore trust, RetryPolicy? retry = null, HttpMessageHandler? handler = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(credential);
        ArgumentNullException.ThrowIfNull(trust);
        _trust = trust;
        _retry = retry ?? RetryPolicy.Default;
        _time = time ?? TimeProvider.System;
        _http = new HttpClient(handler ?? new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5), AllowAutoRedirect = false })
        {
            BaseAddress = credential.Server,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        if (credential.Secret.Length > 0)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", credential.Secret);
        }

        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("notary-client", typeof(NotaryClient).Assembly.GetName().Version?.ToString(3)));
    }

    /// <summary>A key for one request: a fresh UUIDv7 in 32 hexadecimal digits; keys that begin with their time lie together in the server's table.</summary>
    public static string NewIdempotencyKey() => Guid.CreateVersion7().ToString("N");

    /// <summary>Deposits one record and proves the answer.</summary>
    /// <param name="request">What to seal.</param>
    /// <param name="idempotencyKey">The same key and request, sent again after any failure, are sealed once.</param>
    /// <param name="cancel">Gives up; whether the record was sealed is then unknown.</param>
    /// <exception cref="NotaryClientException">See <see cref="ClientFailure"/>.</exception>
    public async Task<SealedRecord> DepositAsync(EvidenceRequest request, string idempotencyKey, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        byte[] body = request.ToJsonLine();
        byte[] answer = await SendAsync(() => Post("api/evidence", body, "application/json", idempotencyKey), cancel).ConfigureAwait(false);
        return Answers.CheckSingle(_trust, request, answer);
    }

    /// <summary>Deposits many records in one request, which is sealed as a whole except for the lines that are refused, and proves the answer.</summary>
    /// <param name="requests">1 to 10,000 requests.</param>
    /// <param name="body">Their NDJSON, as <see cref="ToNdjson"/> writes it; a repetition must send the same bytes.</param>
    /// <param name="idempotencyKey">The same key and body, sent again after any failure, are sealed once.</param>
    /// <param name="cancel">Gives up; whether the records were sealed is then unknown.</param>
    /// <returns>One outcome a request, in order.</returns>
    /// <exception cref="NotaryClientException">See <see cref="ClientFailure"/>.</exception>
    public async Task<IReadOnlyList<LineOutcome>> DepositBatchAsync(
        IReadOnlyList<EvidenceRequest> requests, ReadOnlyMemory<byte> body, string idempotencyKey, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        byte[] answer = await SendAsync(() => Post("api/evidence/batch", body, NdJson, idempotencyKey), cancel).ConfigureAwait(false);
        return Answers.CheckBatch(_trust, requests, answer);
    }

    /// <summary>The body of a batch: one canonical JSON line a request.</summary>
    public static byte[] ToNdjson(IReadOnlyList<EvidenceRequest> requests)
    {
        ArgumentNullException.ThrowIfNull(requests);
        using var body = new MemoryStream();
        foreach (EvidenceRequest request in requests)
        {
            body.Write(request.ToJsonLine());
            body.WriteByte((byte)'\n');
        }

        return body.ToArray();
    }

    /// <summary>Fetches something of a record: <c>receipt</c>, <c>proof</c> or <c>package</c>. The bytes are not verified.</summary>
    /// <param name="record">Number or id.</param>
    /// <param name="what">The last segment of the address; null is the record itself.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="NotaryClientException">See <see cref="ClientFailure"/>.</exception>
    public Task<byte[]> FetchUnverifiedAsync(string record, string? what = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(record);
        string path = "api/evidence/" + Uri.EscapeDataString(record) + (what is null ? string.Empty : "/" + what);
        return SendAsync(() => new HttpRequestMessage(HttpMethod.Get, path), cancel);
    }

    /// <summary>Asks for an act on a custody transfer and proves the answer.</summary>
    /// <param name="order">What to seal.</param>
    /// <param name="idempotencyKey">The same key and order, sent again after any failure, are sealed once; sent again later, they are answered with the proof of the state reached then.</param>
    /// <param name="wait">The state for which the server waits, up to 30 s, before it answers.</param>
    /// <param name="cancel">Gives up; whether the act was sealed is then unknown.</param>
    /// <exception cref="NotaryClientException">See <see cref="ClientFailure"/>.</exception>
    public async Task<SealedCustody> ActOnTransferAsync(CustodyOrder order, string idempotencyKey, RecordState wait = RecordState.Sealed, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(order);
        byte[] body = order.ToJson();
        string path = "api/transfers?wait=" + TrustNames.Of(wait);
        byte[] answer = await SendAsync(() => Post(path, body, "application/json", idempotencyKey), cancel).ConfigureAwait(false);
        return Answers.CheckCustody(_trust, order, answer);
    }

    /// <summary>Where transfers stand; the answer's JSON, not verified.</summary>
    /// <param name="transfer">One of them; null lists those under way from and to the account's chain.</param>
    /// <param name="limit">Of a list: at most so many each way, 1 to 1,000.</param>
    /// <param name="outgoing">Of a list: where its next page of those that go out begins, as the page before said.</param>
    /// <param name="incoming">The same of those that come in.</param>
    /// <param name="cancel">Gives up.</param>
    public Task<byte[]> TransfersUnverifiedAsync(Guid? transfer = null, int limit = 100, string? outgoing = null, string? incoming = null, CancellationToken cancel = default)
    {
        string path = transfer is { } id ? $"api/transfers/{id:D}"
            : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"api/transfers?limit={limit}") + Next("outgoing", outgoing) + Next("incoming", incoming);
        static string Next(string way, string? place) => place is null ? string.Empty : $"&{way}={Uri.EscapeDataString(place)}";
        return SendAsync(() => new HttpRequestMessage(HttpMethod.Get, path), cancel);
    }

    /// <summary>Where the server's chains, ledger nodes and anchors stand; the answer's JSON, not verified.</summary>
    public Task<byte[]> NetworkUnverifiedAsync(CancellationToken cancel = default) => SendAsync(static () => new HttpRequestMessage(HttpMethod.Get, "api/network"), cancel);

    /// <summary>The versions of the trust file that follow a pinned one on the server, oldest first; each is checked to follow the one before it, so that one only goes forward and skips none.</summary>
    /// <exception cref="NotaryClientException"><see cref="ClientFailure.NotProved"/>: the server has a version that does not follow; those before it may be taken by asking again.</exception>
    public async Task<IReadOnlyList<TrustFile>> FollowingTrustAsync(TrustFile pinned, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(pinned);
        var following = new List<TrustFile>();
        for (TrustFile last = pinned; following.Count < MaximumVersions; last = following[^1])
        {
            long version = last.Content.Version + 1;
            byte[] bytes;
            try
            {
                bytes = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, FormattableString.Invariant($"api/trust/{version}")), cancel).ConfigureAwait(false);
            }
            catch (NotaryClientException none) when (none.Code == "trust-not-found")
            {
                return following;
            }

            if ((TrustFile.TryParse(bytes, out TrustFile? next) ?? next!.Follows(last)) is { } problem)
            {
                throw new NotaryClientException(
                    ClientFailure.NotProved, "trust-not-next", FormattableString.Invariant($"What {_http.BaseAddress} gives as version {version} does not follow version {last.Content.Version} ({problem.Failure}: {problem.Detail})."));
            }

            following.Add(next!);
        }

        return following;
    }

    /// <summary>Hands a signed trust file in; the answer's JSON, not verified.</summary>
    /// <param name="file">The version after the one in force.</param>
    /// <param name="reachBack">Whether it is meant to change what holds at indexes that the main chain has passed: a revocation.</param>
    /// <param name="cancel">Gives up; whether it came into force is then unknown, and the same file may be handed in again.</param>
    public Task<byte[]> ApplyTrustUnverifiedAsync(TrustFile file, bool reachBack, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        return SendAsync(
            () => new HttpRequestMessage(HttpMethod.Post, "api/trust" + (reachBack ? "?reach-back=true" : string.Empty))
            {
                Content = new ReadOnlyMemoryContent(file.ToBytes()) { Headers = { ContentType = new MediaTypeHeaderValue("text/plain", "utf-8") } },
            },
            cancel);
    }

    /// <summary>Hands in an incident that closes a chain; the server seals it on the main chain. The answer's JSON, not verified.</summary>
    /// <param name="record">With the signatures of governance.</param>
    /// <param name="main">Origin of the main chain for which they signed.</param>
    /// <param name="cancel">Gives up; whether the chain is closed is then unknown, and the same incident may be handed in again.</param>
    public Task<byte[]> CloseChainUnverifiedAsync(IncidentRecord record, string main, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(record);
        return SendAsync(
            () => new HttpRequestMessage(HttpMethod.Post, "api/incidents")
            {
                Content = new ReadOnlyMemoryContent(record.ToProposal(main)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
            },
            cancel);
    }

    /// <summary>Hands in policies and key records with their governance signatures; the server seals them. The answer's JSON, not verified.</summary>
    /// <param name="proposal">With the signatures.</param>
    /// <param name="cancel">Gives up; what is sealed is then unknown, and the same proposal may be handed in again.</param>
    public Task<byte[]> ApplyGovernanceUnverifiedAsync(GovernanceProposal proposal, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(proposal);
        return SendAsync(
            () => new HttpRequestMessage(HttpMethod.Post, "api/governance")
            {
                Content = new ReadOnlyMemoryContent(proposal.ToBytes()) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
            },
            cancel);
    }

    /// <summary>Genesis and policies in force of the server's chains, and the newest record of each key of an account; the answer's JSON, not verified.</summary>
    public Task<byte[]> GovernanceUnverifiedAsync(string account, CancellationToken cancel = default) =>
        SendAsync(() => new HttpRequestMessage(HttpMethod.Get, "api/governance?account=" + Uri.EscapeDataString(account)), cancel);

    /// <summary>How many leaves the server says that its main chain has: where a change of the trust file may begin. Not verified.</summary>
    public async Task<long> MainSizeUnverifiedAsync(CancellationToken cancel = default)
    {
        byte[] note = await SendAsync(static () => new HttpRequestMessage(HttpMethod.Get, "log/main/checkpoint"), cancel).ConfigureAwait(false);
        return Ledger.SignedNote.TryParse(note, out Ledger.SignedNote? parsed).Ok && Ledger.Checkpoint.TryParse(parsed!.Text, out Ledger.Checkpoint? checkpoint) == Ledger.CheckpointProblem.None
            ? checkpoint!.Size
            : throw new NotaryClientException(ClientFailure.Malformed, "answer-malformed", $"What {_http.BaseAddress} gives as its main chain's checkpoint is none.");
    }

    /// <summary>Looks records up by a digest of one of their parts; the answer's JSON, not verified.</summary>
    public Task<byte[]> FindDigestUnverifiedAsync(Hash32 digest, CancellationToken cancel = default) =>
        SendAsync(() => new HttpRequestMessage(HttpMethod.Get, "api/evidence?digest=" + digest.ToHex()), cancel);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static HttpRequestMessage Post(string path, ReadOnlyMemory<byte> body, string media, string key)
    {
        var content = new ReadOnlyMemoryContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(media);
        var message = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        message.Headers.Add("Idempotency-Key", key);
        return message;
    }

    private async Task<byte[]> SendAsync(Func<HttpRequestMessage> make, CancellationToken cancel)
    {
        for (int attempt = 1; ; attempt++)
        {
            NotaryClientException failure;
            TimeSpan? retryAfter = null;
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            timeout.CancelAfter(_retry.AttemptTimeout);
            try
            {
                using HttpRequestMessage request = make();
                using HttpResponseMessage answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token).ConfigureAwait(false);
                byte[] body = await answer.Content.ReadAsByteArrayAsync(timeout.Token).ConfigureAwait(false);
                if (answer.IsSuccessStatusCode)
                {
                    return body;
                }

                failure = Refusal(answer, body);
                retryAfter = answer.Headers.RetryAfter?.Delta;
                if (answer.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout))
                {
                    throw failure;
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                string why = e is OperationCanceledException ? $"no answer came within {_retry.AttemptTimeout.TotalSeconds:0} seconds" : e.GetBaseException().Message.TrimEnd('.');
                failure = new NotaryClientException(ClientFailure.Unreachable, "server-unreachable", $"The server {_http.BaseAddress} cannot be reached: {why}.", e);
            }

            if (attempt >= _retry.Attempts)
            {
                throw failure;
            }

            await Task.Delay(_retry.WaitAfter(attempt, retryAfter), _time, cancel).ConfigureAwait(false);
        }
    }

    private NotaryClientException Refusal(HttpResponseMessage answer, byte[] body)
    {
        int status = (int)answer.StatusCode;
        string code = "http-" + status.ToString(System.Globalization.CultureInfo.InvariantCulture);
        string detail = answer.ReasonPhrase ?? "no reason given";
        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                code = Member(document.RootElement, "code") ?? code;
                detail = Member(document.RootElement, "detail") ?? Member(document.RootElement, "title") ?? detail;
            }
        }
        catch (JsonException)
        {
            // Not this server's problem document: a proxy's page, say. The status is all there is.
        }

        ClientFailure failure = answer.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ClientFailure.NotAuthorized,
            HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests => ClientFailure.Busy,
            HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout => ClientFailure.Unreachable,
            >= HttpStatusCode.InternalServerError => ClientFailure.ServerFault,
            _ => ClientFailure.Refused,
        };
        string line = detail.ReplaceLineEndings(" ").TrimEnd('.');
        return new NotaryClientException(failure, code, $"{_http.BaseAddress} answered {status}: {line}.") { Status = status };
    }

    private static string? Member(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
