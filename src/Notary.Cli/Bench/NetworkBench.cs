using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Notary.Chain.Folders;
using Notary.Cli.Bench.Load;
using Notary.Client;
using Notary.Evidence;

namespace Notary.Cli.Bench;

/// <summary>What <c>notary bench network</c> was asked for.</summary>
internal sealed record NetworkBenchOptions
{
    public required double Seconds { get; init; }

    public required double WarmUp { get; init; }

    public required int RecordsPerSecond { get; init; }

    public required long Prefill { get; init; }

    public required string Data { get; init; }

    public required string Sidechains { get; init; }

    public string? Server { get; init; }

    public bool Keep { get; init; }
}

/// <summary>
/// Measures a whole demonstration network in one server process: main chain, regions and all ledger nodes. Load comes to every region at a steady rate; beside it probes deposit single
/// records and wait until they are final, or anchored, and the time from sending to that answer is what is measured. Prints one JSON line.
/// </summary>
internal sealed class NetworkBench(NetworkBenchOptions options)
{
    private const int Lines = 40;
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(60) };
    private static readonly TimeSpan BetweenProbes = TimeSpan.FromMilliseconds(200);

    public async Task<int> RunAsync(CancellationToken cancel)
    {
        string dll = ServerProcess.FindDll(options.Server);
        string data = Path.Combine(Path.GetFullPath(options.Data), "network");
        if (Directory.Exists(data) && Directory.EnumerateFileSystemEntries(data).Any())
        {
            throw new CliException(ExitCode.Usage, "data-not-empty", $"{data} is not empty, and the measurement starts from nothing; name another folder with --data.");
        }

        try
        {
            IReadOnlyList<ChainTemplate> templates = ChainTemplate.LoadAll(options.Sidechains);
            CreatedNetwork created;
            using (DataFolder folder = DataFolder.Take(data, create: true))
            {
                DiskProbe.RefuseVolatile(data);
                created = NetworkCreation.Create(folder, templates, "bench.example", folder.DevelopmentPassword(), TimeProvider.System);
            }

            Console.WriteLine(await MeasureAsync(dll, data, created, cancel));
            return ExitCode.Passed;
        }
        finally
        {
            if (!options.Keep && Directory.Exists(data))
            {
                Directory.Delete(data, recursive: true);
            }
        }
    }

    private async Task<string> MeasureAsync(string dll, string data, CreatedNetwork created, CancellationToken cancel)
    {
        var line = new JsonLine();
        line.Add("case", "network");
        var starting = Stopwatch.StartNew();
        await using ServerProcess server = await ServerProcess.StartAsync(dll, data, cancel);
        line.Add("start_s", Math.Round(starting.Elapsed.TotalSeconds, 1));
        List<(string Name, string Bearer)> regions =
            [.. created.Chains.Where(c => c.Chain != TrustFile.MainChain).Select(c => (c.Chain, CredentialFile.Find(Path.Combine(data, "credentials", c.Chain + ".json")).Secret))];
        long total = 0;
        if (options.Prefill > 0)
        {
            LoadRun[] fills = [.. regions.Select(_ => new LoadRun())];
            Array.ForEach(fills, fill => fill.LimitTo(options.Prefill / regions.Count));
            total += await LoadAsync(server, regions, fills, 1_000, connections: 1, loads => loads.WaitAsync(cancel), cancel);
            await ProbeAsync(server, regions[0].Bearer, "anchored", cancel);
        }

        int pace = Math.Max(1, Lines * 1_000 * regions.Count / options.RecordsPerSecond);
        LoadRun[] runs = [.. regions.Select(_ => new LoadRun())];
        Array.ForEach(runs, run => run.PaceTo(pace));
        var final = new LatencyHistogram();
        var anchored = new LatencyHistogram();
        double seconds = 0;
        double cpu = 0;
        long measured = 0;
        total += await LoadAsync(server, regions, runs, Lines, connections: 2, async _ =>
        {
            await WhileAsync(runs, TimeSpan.FromSeconds(options.WarmUp), cancel);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            long records = runs.Sum(r => r.Acknowledged);
            double before = server.CpuSeconds;
            var window = Stopwatch.StartNew();
            Task[] probes =
            [
                .. regions.Select(region => ProbesAsync(server, region.Bearer, "final", final, stop.Token)),
                .. regions.Select(region => ProbesAsync(server, region.Bearer, "anchored", anchored, stop.Token)),
            ];
            await WhileAsync(runs, TimeSpan.FromSeconds(options.Seconds), cancel);
            seconds = window.Elapsed.TotalSeconds;
            cpu = server.CpuSeconds - before;
            measured = runs.Sum(r => r.Acknowledged) - records;
            await stop.CancelAsync();
            await Task.WhenAll(probes);
        }, cancel);

        line.Add("chains", created.Chains.Count);
        line.Add("nodes", created.Nodes);
        line.Add("records_per_s", Math.Round(measured / seconds));
        line.Add("finality_p50_ms", final.Percentile(0.5));
        line.Add("finality_p99_ms", final.Percentile(0.99));
        line.Add("anchored_p50_ms", anchored.Percentile(0.5));
        line.Add("anchored_p99_ms", anchored.Percentile(0.99));
        line.Add("rss_mib", server.ResidentMiB);
        line.Add("probes", final.Count + anchored.Count);
        line.Add("total_records", total);
        line.Add("seconds", Math.Round(seconds, 1));
        line.Add("server_cpu_share", Math.Round(cpu / seconds, 2));
        line.Add("fsync_ms", DiskProbe.FsyncMilliseconds(data));
        line.Add("processors", Environment.ProcessorCount);
        return line.ToString();
    }

    private static async Task<long> LoadAsync(
        ServerProcess server, List<(string Name, string Bearer)> regions, LoadRun[] runs, int lines, int connections, Func<Task, Task> during, CancellationToken cancel)
    {
        var shape = new RequestShape(lines, Metadata: false, IdempotencyKeys: true);
        Task[] loads = [.. regions.Select((region, i) => Task.Factory.StartNew(
            () => new BatchLoad(shape, server.Address, region.Bearer, connections).Run(runs[i]), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        try
        {
            await during(Task.WhenAll(loads));
        }
        finally
        {
            Array.ForEach(runs, run => run.Stop());
            await Task.WhenAll(loads);
        }

        Array.ForEach(runs, run => IngestCase.ThrowIfFailed(run, server));
        cancel.ThrowIfCancellationRequested();
        return runs.Sum(r => r.Acknowledged);
    }

    // Until the time is over or a load failed.
    private static async Task WhileAsync(LoadRun[] runs, TimeSpan time, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < time && Array.TrueForAll(runs, r => r.Failure is null))
        {
            await Task.Delay(20, cancel);
        }
    }

    private static async Task ProbesAsync(ServerProcess server, string bearer, string state, LatencyHistogram latencies, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            long started = Stopwatch.GetTimestamp();
            await ProbeAsync(server, bearer, state, CancellationToken.None);
            lock (latencies)
            {
                latencies.AddSince(started);
            }

            try
            {
                await Task.Delay(BetweenProbes, stop);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    // A probe that is answered in a lesser state is no latency but a failure of the measurement.
    private static async Task ProbeAsync(ServerProcess server, string bearer, string state, CancellationToken cancel)
    {
        string digest = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Address, "api/evidence?wait=" + state))
        {
            Content = new StringContent($$"""{"type":"document","parts":[{"media":"text/plain","size":1,"sm3":"{{digest}}","sha256":"{{digest}}"}]}""", Encoding.UTF8, "application/json"),
        };
        request.Headers.Authorization = new("Bearer", bearer);
        using HttpResponseMessage answer = await Http.SendAsync(request, cancel);
        string body = await answer.Content.ReadAsStringAsync(cancel);
        bool reached = answer.StatusCode == HttpStatusCode.Created
            && (body.Contains("\"state\":\"anchored\"", StringComparison.Ordinal) || (state == "final" && body.Contains("\"state\":\"final\"", StringComparison.Ordinal)));
        if (!reached)
        {
            throw new CliException(ExitCode.Failed, "probe-failed", string.Create(
                CultureInfo.InvariantCulture, $"A record was not {state} within the server's longest wait: {(int)answer.StatusCode} {body[..Math.Min(body.Length, 200)].ReplaceLineEndings(" ")}."));
        }
    }

}
