using System.Diagnostics;
using System.Numerics;

namespace Notary.Cli.Bench.Load;

/// <summary>Latencies in microseconds, in 64 linear steps an octave: any percentile within 1.6 %. One writer; merge after the run.</summary>
internal sealed class LatencyHistogram
{
    private const int StepBits = 6;
    private const int Steps = 1 << StepBits;
    private readonly long[] _counts = new long[Steps * (34 - StepBits)];

    /// <summary>Number of latencies added.</summary>
    public long Count { get; private set; }

    /// <summary>Adds the time from a <see cref="Stopwatch"/> stamp until now.</summary>
    public void AddSince(long started)
    {
        long micros = (Stopwatch.GetTimestamp() - started) * 1_000_000 / Stopwatch.Frequency;
        _counts[Math.Min(IndexOf(micros), _counts.Length - 1)]++;
        Count++;
    }

    /// <summary>Adds another histogram's counts to this one.</summary>
    public void Merge(LatencyHistogram other)
    {
        for (int i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        Count += other.Count;
    }

    /// <summary>The latency, in milliseconds, that <paramref name="share"/> (0 to 1) of the values do not exceed; 0 without values.</summary>
    public double Percentile(double share)
    {
        long wanted = (long)Math.Ceiling(Count * share);
        long seen = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (_counts[i] > 0 && seen >= wanted)
            {
                return Math.Round(ValueOf(i) / 1000.0, 3);
            }
        }

        return 0;
    }

    private static int IndexOf(long micros)
    {
        if (micros < Steps)
        {
            return (int)Math.Max(0, micros);
        }

        int shift = BitOperations.Log2((ulong)micros) - StepBits;
        return (shift * Steps) + (int)(micros >> shift);
    }

    private static long ValueOf(int index)
    {
        if (index < Steps)
        {
            return index;
        }

        int shift = (index / Steps) - 1;
        return (long)(index - (shift * Steps)) << shift;
    }
}
