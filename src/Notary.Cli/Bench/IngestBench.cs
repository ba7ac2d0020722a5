using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Notary.Cli.Bench.Load;
using Notary.Client;

namespace Notary.Cli.Bench;

/// <summary>What <c>notary bench ingest</c> was asked for. Null is the case's own default.</summary>
internal sealed record IngestOptions
{
    public required IReadOnlyList<string> Cases { get; init; }

    public double Seconds { get; init; } = 60;

    public double WarmUp { get; init; } = 10;

    public long? Records { get; init; }

    public int? Connections { get; init; }

    public int Lines { get; init; } = 1_000;

    public bool? Keys { get; init; }

    public required string Data { get; init; }

    public string? Server { get; init; }

    public bool Keep { get; init; }
}

/// <summary>
/// Measures a server of its own over HTTP, each case on a fresh data folder: load with warm-up, then proofs of a sample, the wait for the
/// digest index, and look-ups. Prints one JSON line a case on standard output.
/// </summary>
internal sealed class IngestBench(IngestOptions options)
{
    public const string Batch = "batch";
    public const string BatchMetadata = "batch-metadata";
    public const string Single = "single";
    public const string Growth = "growth";

    private const long GrowthRecords = 20_000_000;
    private const long GrowthFirst = 100_000;
    private const long GrowthWindow = 1_000_000;
    private const int LookUps = 1_000;

    public async Task<int> RunAsync(CancellationToken cancel)
    {
        string dll = ServerProcess.FindDll(options.Server);
        foreach (string name in options.Cases)
        {
            string data = Path.Combine(Path.GetFullPath(options.Data), name);
            if (Directory.Exists(data) && Directory.EnumerateFileSystemEntries(data).Any())
            {
                throw new CliException(ExitCode.Usage, "data-not-empty", $"{data} is not empty, and a case starts from nothing; name another folder with --data.");
            }

            Directory.CreateDirectory(data);
            try
            {
                DiskProbe.RefuseVolatile(data);
                Console.WriteLine(await CaseAsync(name, dll, data, cancel));
            }
            finally
            {
                if (!options.Keep)
                {
                    Directory.Delete(data, recursive: true);
                }
            }
        }

        return ExitCode.Passed;
    }

    private async Task<string> CaseAsync(string name, string dll, string data, CancellationToken cancel)
    {
        double fsync = DiskProbe.FsyncMilliseconds(data);
        await using ServerProcess server = await ServerProcess.StartAsync(dll, data, cancel);
        string bearer = CredentialFile.Find(Path.Combine(data, "credential.json")).Secret;
        using var after = new AfterCheck(server, bearer, TrustStore.Load(Path.Combine(data, "trust.note")));
        long emptyBytes = DiskProbe.FolderBytes(data);
        IngestPlan plan = PlanOf(name);
        var line = new JsonLine();
        line.Add("case", name);

        LoadRun run;
        long total;
        if (name == Growth)
        {
            (run, total) = await GrowAsync(plan, server, bearer, after, line, cancel);
        }
        else
        {
            run = new LoadRun();
            Window window = await IngestCase.MeasureAsync(plan, server, bearer, run, cancel);
            total = run.Acknowledged;
            Figures(line, string.Empty, window);
            line.Add("records", window.Records);
            line.Add("seconds", Math.Round(window.Seconds, 2));
            line.Add("warm_up_s", plan.WarmUp.TotalSeconds);
            line.Add("load_cpu_s_per_million", Math.Round(window.LoadCpu / window.Records * 1e6, 3));
        }

        double lag = await after.WaitForIndexAsync(run.LastDigest()!, TimeSpan.FromMinutes(15), cancel);
        line.Add("index_lag_s", lag);
        line.Add("bytes_per_record", (DiskProbe.FolderBytes(data) - emptyBytes) / total);
        IReadOnlyList<string> digests = run.Digests();
        (int found, LatencyHistogram lookUps) = await after.LookUpAsync([.. digests.Take(LookUps)], cancel);
        (int proved, int leafBytes) = after.Prove(run.Exchanges());
        line.Add("lookups", digests.Count);
        line.Add("lookups_found", found);
        line.Add("lookup_p50_ms", lookUps.Percentile(0.5));
        line.Add("lookup_p99_ms", lookUps.Percentile(0.99));
        line.Add("proved", proved);
        line.Add("total_records", total);
        line.Add("connections", plan.Connections);
        line.Add("lines_per_request", plan.Shape.Lines);
        line.Add("record", plan.Shape.Metadata ? "1 part, SM3 and SHA-256, 8 metadata fields" : "1 part, SM3 and SHA-256, no metadata");
        line.Add("leaf_bytes", leafBytes);
        line.Add("idempotency_keys", plan.Shape.IdempotencyKeys);
        line.Add("server_rss_mib", server.ResidentMiB);
        line.Add("fsync_ms", fsync);
        line.Add("file_system", DiskProbe.FileSystem(data));
        line.Add("processors", Environment.ProcessorCount);
        return found == digests.Count
            ? line.ToString()
            : throw new CliException(ExitCode.Failed, "digests-not-found", $"{digests.Count - found} of {digests.Count} acknowledged digests were not found by look-up.");
    }

    /// <summary>
    /// Grows the chain and compares what acknowledging costs near its beginning and at its end. The first records come slowly, so that the
    /// compiler has done its work before the first window; at half the way the load rests until the digest index has caught up.
    /// </summary>
    private async Task<(LoadRun Run, long Total)> GrowAsync(IngestPlan plan, ServerProcess server, string bearer, AfterCheck after, JsonLine line, CancellationToken cancel)
    {
        long target = options.Records ?? GrowthRecords;
        long window = Math.Min(GrowthWindow, target / 20);
        long total = await FillAsync(GrowthFirst, paceMilliseconds: 100);
        var early = new LoadRun();
        Window first = await IngestCase.MeasureAsync(plan with { Records = window }, server, bearer, early, cancel);
        total += early.Acknowledged;
        long started = early.FirstAnswer;

        LoadRun half = await RunToAsync((target / 2) - total);
        total += half.Acknowledged;
        await after.WaitForIndexAsync(half.LastDigest()!, TimeSpan.FromMinutes(15), cancel);
        line.Add("index_caught_up_at", total);
        line.Add("index_caught_up_s", Math.Round(System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds, 1));
        line.Add("index_caught_up_rss_mib", server.ResidentMiB);

        total += (await RunToAsync(target - total)).Acknowledged;
        var late = new LoadRun();
        Window last = await IngestCase.MeasureAsync(plan with { Records = window }, server, bearer, late, cancel);
        long lateFrom = total;
        total += late.Acknowledged;
        Figures(line, string.Empty, last);
        Figures(line, "early_", first);
        line.Add("early_from", GrowthFirst);
        line.Add("late_from", lateFrom);
        line.Add("cpu_ratio", Math.Round(last.CpuPerMillion / first.CpuPerMillion, 3));
        line.Add("p50_ratio", Math.Round(last.Latencies.Percentile(0.5) / first.Latencies.Percentile(0.5), 3));
        return (late, total);

        async Task<long> FillAsync(long records, int paceMilliseconds)
        {
            var run = new LoadRun();
            run.PaceTo(paceMilliseconds);
            run.LimitTo(records);
            await LoadAsync(run);
            return run.Acknowledged;
        }

        async Task<LoadRun> RunToAsync(long records)
        {
            var run = new LoadRun();
            run.LimitTo(records);
            await LoadAsync(run);
            return run;
        }

        async Task LoadAsync(LoadRun run)
        {
            await using CancellationTokenRegistration stop = cancel.Register(run.Stop);
            await Task.Factory.StartNew(() => plan.Load(server.Address, bearer).Run(run), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            IngestCase.ThrowIfFailed(run, server);
            cancel.ThrowIfCancellationRequested();
        }
    }

    private IngestPlan PlanOf(string name)
    {
        bool single = name == Single;
        var shape = new RequestShape(single ? 1 : options.Lines, Metadata: name == BatchMetadata, IdempotencyKeys: options.Keys ?? true);
        bool growth = name == Growth;
        return new IngestPlan(
            name,
            options.Connections ?? (single ? 64 : 8),
            shape,
            growth ? TimeSpan.Zero : TimeSpan.FromSeconds(options.WarmUp),
            growth ? TimeSpan.FromMinutes(10) : TimeSpan.FromSeconds(options.Seconds),
            growth ? null : options.Records);
    }

    private static void Figures(JsonLine line, string prefix, Window window)
    {
        line.Add(prefix + "records_per_s", window.RecordsPerSecond);
        line.Add(prefix + "p50_ms", window.Latencies.Percentile(0.5));
        line.Add(prefix + "p99_ms", window.Latencies.Percentile(0.99));
        line.Add(prefix + "cpu_s_per_million", window.CpuPerMillion);
    }
}

/// <summary>One JSON object on one line, members in the order in which they were added.</summary>
internal sealed class JsonLine
{
    private readonly List<(string Name, object Value)> _members = [];

    public void Add(string name, object value) => _members.Add((name, value));

    public override string ToString()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            foreach ((string name, object value) in _members)
            {
                json.WritePropertyName(name);
                switch (value)
                {
                    case bool b: json.WriteBooleanValue(b); break;
                    case int or long: json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture)); break;
                    case double d: json.WriteRawValue(d.ToString("0.###", CultureInfo.InvariantCulture)); break;
                    default: json.WriteStringValue(value.ToString()); break;
                }
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
