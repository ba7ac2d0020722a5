using System.Diagnostics;
using System.Text;

namespace Notary.Cli.Bench.Load;

/// <summary>A way to put load on a server: batches over threads, or single records from one thread.</summary>
internal interface ILoad
{
    /// <summary>What its requests look like.</summary>
    RequestShape Shape { get; }

    /// <summary>Connections it holds.</summary>
    int Connections { get; }

    /// <summary>Sends until <see cref="LoadRun.MaySend"/> says no, and returns when the last answer is in.</summary>
    void Run(LoadRun run);
}

/// <summary>The load could not go on: the server refused, failed or vanished.</summary>
internal sealed class LoadFailedException(string message) : Exception(message)
{
    public static LoadFailedException FromAnswer(AnswerBuffer answer)
    {
        ReadOnlySpan<byte> body = answer.Body;
        int error = body.IndexOf("\"error\":"u8);
        ReadOnlySpan<byte> shown = error < 0 ? body : body[error..];
        return new LoadFailedException($"The server answered {answer.Status}: {Encoding.UTF8.GetString(shown[..Math.Min(shown.Length, 300)]).ReplaceLineEndings(" ")}");
    }
}

/// <summary>One request and its answer, kept to be verified in full when the load is over.</summary>
internal sealed record SampledExchange(byte[] Request, byte[] Answer);

/// <summary>What the threads of one load share: how long they go on, what counts, and what is kept of it.</summary>
internal sealed class LoadRun
{
    private const int SampledExchanges = 24;
    private const int SampledDigests = 1_000;
    private readonly Lock _lock = new();
    private readonly List<LoadCounter> _counters = [];
    private long _sent;
    private long _limit = long.MaxValue;
    private long _pace;
    private volatile bool _stopped;
    private volatile bool _measuring;

    /// <summary>The failure that ended the load, null while there is none.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Whether answers that come now belong to the measured window.</summary>
    public bool Measuring
    {
        get => _measuring;
        set => _measuring = value;
    }

    /// <summary>Records acknowledged so far.</summary>
    public long Acknowledged
    {
        get
        {
            lock (_lock)
            {
                return _counters.Sum(c => c.Acknowledged);
            }
        }
    }

    /// <summary>Stamp of the first answer, 0 before it.</summary>
    public long FirstAnswer
    {
        get
        {
            lock (_lock)
            {
                return _counters.Where(c => c.FirstAnswer != 0).Select(c => c.FirstAnswer).DefaultIfEmpty(0).Min();
            }
        }
    }

    /// <summary>No request is begun that would bring the records sent above this number.</summary>
    public void LimitTo(long records) => Interlocked.Exchange(ref _limit, records);

    /// <summary>Spreads the sending: at least this many milliseconds between two requests of the whole load; 0 is as fast as it goes.</summary>
    public void PaceTo(int milliseconds) => Interlocked.Exchange(ref _pace, milliseconds);

    /// <summary>Lets the requests that are on their way finish, and begins no other.</summary>
    public void Stop() => _stopped = true;

    /// <summary>Asks for leave to send a request of <paramref name="records"/> records.</summary>
    public bool MaySend(int records)
    {
        long pace = Interlocked.Read(ref _pace);
        if (pace > 0)
        {
            lock (_lock)
            {
                Thread.Sleep((int)pace);
            }
        }

        return !_stopped && Interlocked.Add(ref _sent, records) <= Interlocked.Read(ref _limit);
    }

    /// <summary>A counter for one thread.</summary>
    public LoadCounter NewCounter()
    {
        lock (_lock)
        {
            var counter = new LoadCounter(this, _counters.Count, SampledExchanges, SampledDigests);
            _counters.Add(counter);
            return counter;
        }
    }

    /// <summary>Latencies of the measured window.</summary>
    public LatencyHistogram Latencies()
    {
        var all = new LatencyHistogram();
        lock (_lock)
        {
            foreach (LoadCounter counter in _counters)
            {
                all.Merge(counter.Latencies);
            }
        }

        return all;
    }

    /// <summary>Exchanges spread over the whole load.</summary>
    public IReadOnlyList<SampledExchange> Exchanges() => Sampled(c => c.Exchanges, SampledExchanges);

    /// <summary>SM3 digests, as hexadecimal text, of acknowledged records spread over the whole load.</summary>
    public IReadOnlyList<string> Digests() => Sampled(c => c.Digests, SampledDigests);

    /// <summary>SM3 digest of the record acknowledged last, null before the first.</summary>
    public string? LastDigest()
    {
        lock (_lock)
        {
            return _counters.Where(c => c.LastDigest is not null).MaxBy(c => c.LastAnswer)?.LastDigest;
        }
    }

    /// <summary>Runs a thread's work; its failure stops the whole load and is kept.</summary>
    public void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (Exception e)
        {
            lock (_lock)
            {
                Failure ??= e;
            }

            Stop();
        }
    }

    private List<T> Sampled<T>(Func<LoadCounter, IReadOnlyList<T>> of, int wanted)
    {
        lock (_lock)
        {
            var all = new List<T>();
            for (int i = 0; all.Count < wanted; i++)
            {
                int before = all.Count;
                foreach (LoadCounter counter in _counters)
                {
                    if (i < of(counter).Count && all.Count < wanted)
                    {
                        all.Add(of(counter)[i]);
                    }
                }

                if (all.Count == before)
                {
                    break;
                }
            }

            return all;
        }
    }
}

/// <summary>What one thread of a load counts and keeps. Written by that thread only.</summary>
internal sealed class LoadCounter(LoadRun run, int seed, int exchanges, int digests)
{
    private readonly Random _random = new(seed);
    private readonly List<SampledExchange> _exchanges = [];
    private readonly List<string> _digests = [];
    private readonly byte[] _last = new byte[64];
    private long _acknowledged;
    private long _requests;

    public LatencyHistogram Latencies { get; } = new();

    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    public long FirstAnswer { get; private set; }

    public long LastAnswer { get; private set; }

    public string? LastDigest => FirstAnswer == 0 ? null : Encoding.ASCII.GetString(_last);

    public IReadOnlyList<SampledExchange> Exchanges => _exchanges;

    public IReadOnlyList<string> Digests => _digests;

    /// <summary>Counts a good answer; keeps the exchange and a digest now and then (reservoir sampling).</summary>
    public void Answered(RequestTemplate template, AnswerBuffer answer, long started)
    {
        if (run.Measuring)
        {
            Latencies.AddSince(started);
        }

        LastAnswer = Stopwatch.GetTimestamp();
        FirstAnswer = FirstAnswer == 0 ? LastAnswer : FirstAnswer;
        _requests++;
        Interlocked.Add(ref _acknowledged, template.Lines);
        Keep(_exchanges, exchanges, () => new SampledExchange(template.SentBody.ToArray(), answer.Body.ToArray()));
        Keep(_digests, digests, () => template.Sm3(_random.Next(template.Lines)));
        template.CopySm3(template.Lines - 1, _last);
    }

    private void Keep<T>(List<T> kept, int wanted, Func<T> make)
    {
        if (kept.Count < wanted)
        {
            kept.Add(make());
            return;
        }

        long at = _random.NextInt64(_requests);
        if (at < wanted)
        {
            kept[(int)at] = make();
        }
    }
}
