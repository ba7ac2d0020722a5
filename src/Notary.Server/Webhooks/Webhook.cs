using System.Security.Cryptography;
using Notary.Server.Events;

namespace Notary.Server.Webhooks;

/// <summary>Which webhook: names are an account's own.</summary>
internal readonly record struct WebhookKey(string Account, string Chain, string Name);

/// <summary>A webhook as it is stored: where it goes, how far it has been told, and how its deliveries go. Immutable; a change is another one. Times are Unix milliseconds, 0 for never.</summary>
internal sealed record Webhook(WebhookKey Key, Uri Url, byte[] Salt, long CreatedMs, EventPosition Position)
{
    /// <summary>Why nothing is sent any more: it answered 410.</summary>
    public const string Gone = "gone";

    /// <summary>Why nothing is sent any more: no success for <see cref="GivenUpAfter"/>.</summary>
    public const string Failing = "failing";

    /// <summary>How long a webhook may fail before it is disabled.</summary>
    public static readonly TimeSpan GivenUpAfter = TimeSpan.FromDays(5);

    /// <summary>The longest that a receiver's Retry-After is followed.</summary>
    public static readonly TimeSpan LongestRetryAfter = TimeSpan.FromDays(1);

    private const string StoppedMark = ":stopped:";

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromHours(6);

    /// <summary>The id of the event that is to be delivered next, which is the position after it, for a stop with its time behind it; empty without one.</summary>
    public string PendingId { get; init; } = "";

    /// <summary>Its body.</summary>
    public byte[] Pending { get; init; } = [];

    /// <summary>Failed attempts with it.</summary>
    public int Attempts { get; init; }

    public long NextTryMs { get; init; }

    public long DeliveredMs { get; init; }

    public long FailedMs { get; init; }

    /// <summary>The first failure since the last success.</summary>
    public long FailingSinceMs { get; init; }

    /// <summary>How the last failure went, for people.</summary>
    public string Failure { get; init; } = "";

    /// <summary>Empty, <see cref="Gone"/> or <see cref="Failing"/>.</summary>
    public string Disabled { get; init; } = "";

    /// <summary>With the news that the chain has stopped, under an id of its own: the one of the position was given to the event before.</summary>
    public Webhook WithStop(byte[] json, EventPosition position, long nowMs) =>
        this with { PendingId = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{position}{StoppedMark}{nowMs}"), Pending = json, NextTryMs = 0 };

    /// <summary>What became of an attempt.</summary>
    public Webhook After(DeliveryOutcome outcome, long nowMs)
    {
        if (outcome.Failure is null)
        {
            // A stop moves nothing: the position stands before its time.
            EventPosition.TryParse(PendingId.Split(StoppedMark)[0], Key.Chain, out EventPosition position);
            return this with { Position = position, PendingId = "", Pending = [], Attempts = 0, NextTryMs = 0, DeliveredMs = nowMs, FailingSinceMs = 0 };
        }

        long since = FailingSinceMs == 0 ? nowMs : FailingSinceMs;
        TimeSpan wait = Max(DelayAfter(Attempts + 1, Random.Shared.NextDouble()), outcome.RetryAfter < LongestRetryAfter ? outcome.RetryAfter : LongestRetryAfter);
        return this with
        {
            Attempts = Attempts + 1,
            NextTryMs = nowMs + (long)wait.TotalMilliseconds,
            FailedMs = nowMs,
            FailingSinceMs = since,
            Failure = outcome.Failure,
            Disabled = outcome.Gone ? Gone : nowMs - since >= (long)GivenUpAfter.TotalMilliseconds ? Failing : "",
        };
    }

    /// <summary>How long to wait after so many failed attempts: 5 s, four times as long each time, at most 6 h; a fifth more or less, so that receivers of many webhooks do not get all at once.</summary>
    /// <param name="attempts">At least 1.</param>
    /// <param name="random">0 to 1.</param>
    public static TimeSpan DelayAfter(int attempts, double random)
    {
        double seconds = Math.Min(LongestRetry.TotalSeconds, FirstRetry.TotalSeconds * Math.Pow(4, attempts - 1));
        return TimeSpan.FromSeconds(seconds * (0.8 + (0.4 * random)));
    }

    /// <summary>
    /// The value of <c>webhook-signature</c> (Standard Webhooks 1.0.0, symmetric): <c>v1,</c> and base64 of HMAC-SHA256 over id, timestamp and body, joined by full stops; the id has none.
    /// </summary>
    /// <param name="secret">The bytes whose base64 follows <c>whsec_</c>.</param>
    /// <param name="id">As in <c>webhook-id</c>.</param>
    /// <param name="timestamp">As in <c>webhook-timestamp</c>, of this attempt: Unix seconds.</param>
    /// <param name="body">The bytes that are sent.</param>
    public static string Sign(byte[] secret, string id, string timestamp, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
        hmac.AppendData(System.Text.Encoding.ASCII.GetBytes($"{id}.{timestamp}."));
        hmac.AppendData(body);
        return "v1," + Convert.ToBase64String(hmac.GetHashAndReset());
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
