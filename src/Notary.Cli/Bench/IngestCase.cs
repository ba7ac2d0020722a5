using System.Diagnostics;
using Notary.Cli.Bench.Load;
using Notary.Client;
using Notary.Evidence;

namespace Notary.Cli.Bench;

/// <summary>What is measured, and for how long.</summary>
/// <param name="Name">The case.</param>
/// <param name="Connections">Connections of the load.</param>
/// <param name="Shape">Its requests.</param>
/// <param name="WarmUp">Load before the measured window.</param>
/// <param name="Measured">Length of the measured window.</param>
/// <param name="Records">Ends the window when this many records of it are acknowledged, if that is earlier.</param>
internal sealed record IngestPlan(string Name, int Connections, RequestShape Shape, TimeSpan WarmUp, TimeSpan Measured, long? Records)
{
    public ILoad Load(Uri server, string bearer) => Shape.Lines == 1
        ? new SingleLoad(Shape, server, bearer, Connections)
        : new BatchLoad(Shape, server, bearer, Connections);
}

/// <summary>Figures of one measured window.</summary>
internal sealed record Window(long Records, double Seconds, double ServerCpu, double LoadCpu, LatencyHistogram Latencies)
{
    public double RecordsPerSecond => Math.Round(Records / Seconds);

    public double CpuPerMillion => Math.Round(ServerCpu / Records * 1e6, 3);
}

/// <summary>Runs a load against a server and measures a window of it.</summary>
internal static class IngestCase
{
    /// <summary>Warm-up, window, and the end of the load. The run keeps samples for the checks afterwards.</summary>
    public static async Task<Window> MeasureAsync(IngestPlan plan, ServerProcess server, string bearer, LoadRun run, CancellationToken cancel)
    {
        ILoad load = plan.Load(server.Address, bearer);
        var loading = Task.Factory.StartNew(() => load.Run(run), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await WaitAsync(plan.WarmUp, () => false);
            Window window = await WindowAsync(server, run, () => WaitAsync(plan.Measured, () => false));
            return window.Records > 0
                ? window
                : throw new CliException(ExitCode.Failed, "nothing-measured", "No request was answered within the measured window; lengthen it with --seconds.");
        }
        finally
        {
            run.Stop();
            await loading;
            ThrowIfFailed(run, server);
        }

        async Task WaitAsync(TimeSpan time, Func<bool> done)
        {
            long started = Stopwatch.GetTimestamp();
            long records = run.Acknowledged;
            while (Stopwatch.GetElapsedTime(started) < time && run.Failure is null && !done() && !(run.Measuring && run.Acknowledged - records >= plan.Records))
            {
                await Task.Delay(20, cancel);
            }

            ThrowIfFailed(run, server);
        }
    }

    /// <summary>Measures what happens while <paramref name="during"/> runs.</summary>
    public static async Task<Window> WindowAsync(ServerProcess server, LoadRun run, Func<Task> during)
    {
        var own = Process.GetCurrentProcess();
        long records = run.Acknowledged;
        double cpu = server.CpuSeconds;
        double ownCpu = own.TotalProcessorTime.TotalSeconds;
        long started = Stopwatch.GetTimestamp();
        run.Measuring = true;
        await during();
        run.Measuring = false;
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        own.Refresh();
        return new Window(run.Acknowledged - records, seconds, server.CpuSeconds - cpu, own.TotalProcessorTime.TotalSeconds - ownCpu, run.Latencies());
    }

    /// <summary>The load's failure, with what the server said last, as this command's failure.</summary>
    public static void ThrowIfFailed(LoadRun run, ServerProcess server)
    {
        if (run.Failure is { } failure)
        {
            string said = server.SaidSoFar().Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault()?.Trim() ?? "nothing";
            throw new CliException(ExitCode.Failed, "load-failed", $"The load could not go on: {failure.Message} (the server said last: {said})", failure);
        }
    }
}

/// <summary>What the measured server is asked afterwards: are the answers proved, and is every digest found.</summary>
internal sealed class AfterCheck(ServerProcess server, string bearer, TrustStore trust) : IDisposable
{
    private readonly HttpClient _http = CreateHttp(server, bearer);

    /// <summary>Proves every record of the sampled exchanges against the trust file, and compares it with its request.</summary>
    /// <returns>Records proved, and the median size of their leaves.</returns>
    public (int Proved, int LeafBytes) Prove(IReadOnlyList<SampledExchange> exchanges)
    {
        var leaves = new List<int>();
        foreach (SampledExchange exchange in exchanges)
        {
            List<EvidenceRequest> requests = Lines(exchange.Request);
            if (requests.Count == 1)
            {
                leaves.Add(Answers.CheckSingle(trust, requests[0], exchange.Answer).Leaf.Length);
                continue;
            }

            foreach (LineOutcome outcome in Answers.CheckBatch(trust, requests, exchange.Answer))
            {
                leaves.Add((outcome.Record ?? throw new CliException(ExitCode.Failed, "line-refused", $"The server refused a line: {outcome.Refused!.Code}.")).Leaf.Length);
            }
        }

        leaves.Sort();
        return (leaves.Count, leaves.Count == 0 ? 0 : leaves[leaves.Count / 2]);
    }

    /// <summary>Waits until the digest index answers for a digest: leaves are indexed in their order, so with the last one all are found.</summary>
    /// <returns>Seconds waited.</returns>
    public async Task<double> WaitForIndexAsync(string digest, TimeSpan patience, CancellationToken cancel)
    {
        long started = Stopwatch.GetTimestamp();
        while (!await FoundAsync(digest, cancel))
        {
            if (Stopwatch.GetElapsedTime(started) > patience)
            {
                throw new CliException(ExitCode.Failed, "index-behind", $"The digest index did not catch up within {patience.TotalSeconds:0} seconds.");
            }

            await Task.Delay(50, cancel);
        }

        return Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 2);
    }

    /// <summary>Looks digests up, one after the other.</summary>
    public async Task<(int Found, LatencyHistogram Latencies)> LookUpAsync(IReadOnlyList<string> digests, CancellationToken cancel)
    {
        var latencies = new LatencyHistogram();
        int found = 0;
        foreach (string digest in digests)
        {
            long started = Stopwatch.GetTimestamp();
            found += await FoundAsync(digest, cancel) ? 1 : 0;
            latencies.AddSince(started);
        }

        return (found, latencies);
    }

    public void Dispose() => _http.Dispose();

    private async Task<bool> FoundAsync(string digest, CancellationToken cancel)
    {
        using HttpResponseMessage answer = await _http.GetAsync("api/evidence?digest=" + digest, cancel);
        byte[] body = await answer.Content.ReadAsByteArrayAsync(cancel);
        return answer.IsSuccessStatusCode && body.AsSpan().IndexOf("\"number\""u8) >= 0;
    }

    private static List<EvidenceRequest> Lines(byte[] body)
    {
        var requests = new List<EvidenceRequest>();
        foreach (Range range in body.AsSpan().Split((byte)'\n'))
        {
            if (body[range].Length > 0)
            {
                requests.Add(EvidenceRequest.TryParse(body[range], out EvidenceRequest? request, out RequestProblem problem)
                    ? request!
                    : throw new InvalidOperationException($"The bench sent a line that is no request: {problem.Code}."));
            }
        }

        return requests;
    }

    private static HttpClient CreateHttp(ServerProcess server, string bearer)
    {
        var http = new HttpClient { BaseAddress = server.Address, Timeout = TimeSpan.FromSeconds(30) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", bearer);
        return http;
    }
}
