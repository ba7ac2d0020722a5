namespace Notary.Client;

/// <summary>
/// When a request is sent again. Only what may have been lost on the way, or was refused for want of time, is: transport failures, and
/// the statuses 429, 502, 503 and 504. A deposit is repeated with the same idempotency key and the same bytes, so that a request whose outcome is
/// unknown is sealed once whatever happened to the first.
/// </summary>
public sealed record RetryPolicy
{
    /// <summary>Ten attempts within two minutes.</summary>
    public static readonly RetryPolicy Default = new();

    /// <summary>Total number of times a request is sent, at least 1.</summary>
    public int Attempts { get; init; } = 10;

    /// <summary>Wait before the second attempt; it doubles from then on.</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest wait; a longer <c>Retry-After</c> of the server is cut to it.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Time for one attempt, until the last byte of its answer.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(100);

    /// <summary>The wait after attempt <paramref name="attempt"/> (from 1), with a jitter of a quarter so that clients do not come back together.</summary>
    public TimeSpan WaitAfter(int attempt, TimeSpan? retryAfter)
    {
        double wait = FirstWait.TotalMilliseconds * Math.Pow(2, Math.Min(attempt - 1, 20));
        wait = Math.Max(wait, retryAfter?.TotalMilliseconds ?? 0) * (1 + (Random.Shared.NextDouble() / 4));
        return TimeSpan.FromMilliseconds(Math.Min(wait, LongestWait.TotalMilliseconds));
    }
}
