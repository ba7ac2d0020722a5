using System.CommandLine;

namespace Notary.Cli.Bench;

/// <summary><c>notary bench ingest</c>, <c>network</c>, <c>verify</c> and <c>crypto</c>.</summary>
internal static class BenchCommand
{
    public static Command Build() => new("bench", "Measures this machine.") { Ingest(), Network(), Verify(), Crypto() };

    private static Command Ingest()
    {
        var cases = new Option<string[]>("--case") { Description = "Which cases; without it batch, batch-metadata and single.", AllowMultipleArgumentsPerToken = true };
        cases.AcceptOnlyFromAmong(IngestBench.Batch, IngestBench.BatchMetadata, IngestBench.Single, IngestBench.Growth);
        var records = new Option<long?>("--records") { Description = "End the measured window after this many records; of growth, how far the chain grows." };
        var seconds = new Option<double>("--seconds") { Description = "Length of the measured window.", DefaultValueFactory = _ => 60 };
        var warmUp = new Option<double>("--warm-up") { Description = "Seconds of load before it.", DefaultValueFactory = _ => 10 };
        var connections = new Option<int?>("--connections") { Description = "Connections of the load; without it 8, of single 64." };
        var lines = new Option<int>("--lines") { Description = "Records a batch.", DefaultValueFactory = _ => 1_000 };
        var noKeys = new Option<bool>("--no-keys") { Description = "Send no Idempotency-Key." };
        var data = new Option<string>("--data") { Description = "Folder in which each case gets a fresh data folder; refused on a disk in memory.", DefaultValueFactory = _ => "bench-data" };
        var server = new Option<string?>("--server") { Description = "Notary.Server.dll or its folder; without it, the one beside notary or in the repository's build." };
        var keep = new Option<bool>("--keep") { Description = "Leave the data folders." };
        NumberOption.Between(records, 1, 10_000_000_000);
        NumberOption.Between(seconds, 0.5, 86_400);
        NumberOption.Between(warmUp, 0, 3_600);
        NumberOption.Between(connections, 1, 1_024);
        NumberOption.Between(lines, 2, 10_000);
        var command = new Command("ingest", "Starts a server on a fresh data folder and measures how fast it seals records.") { cases, records, seconds, warmUp, connections, lines, noKeys, data, server, keep };
        command.SetAction((parsed, cancel) =>
        {
            string[] chosen = parsed.GetValue(cases) ?? [];
            return new IngestBench(new IngestOptions
            {
                Cases = chosen.Length > 0 ? chosen : [IngestBench.Batch, IngestBench.BatchMetadata, IngestBench.Single],
                Records = parsed.GetValue(records),
                Seconds = parsed.GetValue(seconds),
                WarmUp = parsed.GetValue(warmUp),
                Connections = parsed.GetValue(connections),
                Lines = parsed.GetValue(lines),
                Keys = !parsed.GetValue(noKeys),
                Data = parsed.GetValue(data)!,
                Server = parsed.GetValue(server),
                Keep = parsed.GetValue(keep),
            }).RunAsync(cancel);
        });
        return command;
    }

    private static Command Network()
    {
        var seconds = new Option<double>("--seconds") { Description = "Length of the measured window.", DefaultValueFactory = _ => 60 };
        var warmUp = new Option<double>("--warm-up") { Description = "Seconds of load before it.", DefaultValueFactory = _ => 10 };
        var rate = new Option<int>("--rate") { Description = "Records a second, spread over the regions.", DefaultValueFactory = _ => 2_000 };
        var prefill = new Option<long>("--prefill") { Description = "Records in the chains before the measurement, spread over the regions.", DefaultValueFactory = _ => 0 };
        var data = new Option<string>("--data") { Description = "Folder in which the network gets a fresh data folder; refused on a disk in memory.", DefaultValueFactory = _ => "bench-data" };
        var sidechains = new Option<string?>("--sidechains") { Description = "Folder of templates; without it sidechains here or in a folder above." };
        var server = new Option<string?>("--server") { Description = "Notary.Server.dll or its folder; without it, the one beside notary or in the repository's build." };
        var keep = new Option<bool>("--keep") { Description = "Leave the data folder." };
        NumberOption.Between(seconds, 0.5, 86_400);
        NumberOption.Between(warmUp, 0, 3_600);
        NumberOption.Between(rate, 1, 1_000_000);
        NumberOption.Between(prefill, 0, 1_000_000_000);
        var command = new Command("network", "Starts a whole network in one server and measures how soon records are final and anchored.") { seconds, warmUp, rate, prefill, data, sidechains, server, keep };
        command.SetAction((parsed, cancel) => new NetworkBench(new NetworkBenchOptions
        {
            Seconds = parsed.GetValue(seconds),
            WarmUp = parsed.GetValue(warmUp),
            RecordsPerSecond = parsed.GetValue(rate),
            Prefill = parsed.GetValue(prefill),
            Data = parsed.GetValue(data)!,
            Sidechains = parsed.GetValue(sidechains) ?? Chains.ChainCommand.FindSidechains(),
            Server = parsed.GetValue(server),
            Keep = parsed.GetValue(keep),
        }).RunAsync(cancel));
        return command;
    }

    private static Command Verify()
    {
        var package = new Argument<string>("PACKAGE") { Description = "A package (.asice) that holds all its files." };
        Option<string?> trust = ClientOptions.Trust();
        var seconds = new Option<double>("--seconds") { Description = "Length of the measured window.", DefaultValueFactory = _ => 5 };
        NumberOption.Between(seconds, 0.5, 3_600);
        var command = new Command("verify", "Verifies a package again and again in one process, from its bytes to the report. Ends like notary verify.") { package, trust, seconds };
        command.SetAction(parsed => VerifyBench.Run(parsed.GetValue(package)!, parsed.GetValue(trust), TimeSpan.FromSeconds(parsed.GetValue(seconds))));
        return command;
    }

    private static Command Crypto()
    {
        var seconds = new Option<double>("--seconds") { Description = "Time for each figure.", DefaultValueFactory = _ => 0.5 };
        NumberOption.Between(seconds, 0.01, 60);
        var json = new Option<bool>("--json") { Description = "Only the JSON lines." };
        var command = new Command("crypto", "Measures every kernel against libcrypto in the same run.") { seconds, json };
        command.SetAction(parsed => CryptoBench.Run(TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(json), Console.Out));
        return command;
    }
}
