using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Notary.Server.Webhooks;

/// <summary>What became of one attempt.</summary>
/// <param name="Failure">Null when the receiver took it (2xx); otherwise one sentence.</param>
/// <param name="RetryAfter">What the receiver asked for; zero when nothing.</param>
/// <param name="Gone">It wants no more of them (410).</param>
internal readonly record struct DeliveryOutcome(string? Failure, TimeSpan RetryAfter = default, bool Gone = false);

/// <summary>Sends events to receivers: one request an attempt, no redirect, no cookie, no proxy, and nothing of an answer but its status and Retry-After.</summary>
internal sealed class WebhookDelivery : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly HttpClient _client;
    private readonly TimeProvider _time;

    public WebhookDelivery(bool development, TimeProvider time)
    {
        _time = time;
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            MaxResponseHeadersLength = 16,
            MaxResponseDrainSize = 4_096,
            ResponseDrainTimeout = TimeSpan.FromSeconds(1),
            ConnectCallback = (context, cancellation) => WebhookTargets.ConnectAsync(context.DnsEndPoint, development, cancellation),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>One attempt.</summary>
    /// <param name="hook">With a pending event.</param>
    /// <param name="secret">Signs it.</param>
    /// <param name="cancellation">The server stops: the attempt counts as none.</param>
    public async Task<DeliveryOutcome> SendAsync(Webhook hook, byte[] secret, CancellationToken cancellation)
    {
        // Two webhooks of one account may cut the same records into other events: the name is part of the id.
        string id = $"{hook.Key.Name}:{hook.PendingId}";
        string timestamp = _time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        using var request = new HttpRequestMessage(HttpMethod.Post, hook.Url) { Content = new ByteArrayContent(hook.Pending) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("Notary-Webhook", "1"));
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", timestamp);
        request.Headers.Add("webhook-signature", Webhook.Sign(secret, id, timestamp, hook.Pending));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            using HttpResponseMessage answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            int status = (int)answer.StatusCode;
            return status is >= 200 and < 300 ? default
                : new DeliveryOutcome(
                    status is >= 300 and < 400 ? FormattableString.Invariant($"It answered {status}: redirects are not followed.") : FormattableString.Invariant($"It answered {status}."),
                    RetryAfterOf(answer.Headers.RetryAfter), answer.StatusCode == HttpStatusCode.Gone);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new DeliveryOutcome(FormattableString.Invariant($"It did not answer within {Patience.TotalSeconds:0} s."));
        }
        catch (HttpRequestException failure)
        {
            return new DeliveryOutcome(failure switch
            {
                { InnerException: TargetRefusedException } => "Its name resolves to no public address.",
                { InnerException: SocketException socket } => $"No connection: {socket.SocketErrorCode}.",
                _ => $"No answer: {failure.HttpRequestError}.",
            });
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private TimeSpan RetryAfterOf(RetryConditionHeaderValue? given)
    {
        TimeSpan wait = given?.Delta ?? (given?.Date is { } date ? date - _time.GetUtcNow() : TimeSpan.Zero);
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }
}
