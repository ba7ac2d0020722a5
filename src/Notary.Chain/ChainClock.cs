namespace Notary.Chain;

/// <summary>
/// The sealed time of a chain: the later of now and the last sealed time, and a stop when the machine's clock cannot be believed.
/// </summary>
/// <remarks>
/// The clock is refused when now is more than <see cref="MaximumBehind"/> before the last sealed time, or when the wall clock and the
/// monotonic clock part by more than <see cref="MaximumParting"/> between two batches at most <see cref="Window"/> apart (a step; a slow correction by NTP, at most
/// 500 ppm, stays far below within a window).
/// </remarks>
public sealed class ChainClock(TimeProvider time)
{
    /// <summary>How far before the last sealed time the clock may stand.</summary>
    public static readonly TimeSpan MaximumBehind = TimeSpan.FromSeconds(60);

    /// <summary>How far wall clock and monotonic clock may part.</summary>
    public static readonly TimeSpan MaximumParting = TimeSpan.FromSeconds(5);

    /// <summary>After this long both clocks are read anew as the reference.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    private readonly TimeProvider _time = time;
    private DateTimeOffset _wall = time.GetUtcNow();
    private long _monotonic = time.GetTimestamp();

    /// <summary>The next sealed time in Unix milliseconds; null when the clock is refused.</summary>
    public long? Next(long lastSealedMs)
    {
        var now = _time.GetUtcNow();
        var stamp = _time.GetTimestamp();
        var elapsed = _time.GetElapsedTime(_monotonic, stamp);
        if ((now - _wall - elapsed).Duration() > MaximumParting)
        {
            return null;
        }

        if (elapsed > Window)
        {
            _wall = now;
            _monotonic = stamp;
        }

        var nowMs = now.ToUnixTimeMilliseconds();
        return nowMs < lastSealedMs - (long)MaximumBehind.TotalMilliseconds ? null : Math.Max(nowMs, lastSealedMs);
    }
}
