using System.Diagnostics;
using System.Globalization;
using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Chain.Tests.Postgres;

namespace Notary.Cli.Tests.Durability;

/// <summary>
/// Two processes append to one chain in PostgreSQL, each with a folder of its own, and each is killed at random and started again, for a minute (ten with <c>--long</c>). Every acknowledged record is
/// there, at its index and in its bytes; every batch that was ever sent is sealed once; there is no gap, and <c>fsck</c> is clean.
/// </summary>
public class SharedChainKillTests
{
    private const int Genesis = 6;
    private const int NumbersApart = 1_000_000;

    [Fact]
    public async Task Two_processes_that_are_killed_at_random_leave_no_fork_no_gap_and_lose_nothing_acknowledged()
    {
        using var work = new Workspace();
        using PostgresCluster cluster = PostgresCluster.Create();
        string first = work.PathOf("first");
        using (new OwnChain(first))
        {
        }

        string password = File.ReadAllText(Path.Combine(first, "data", "passwords")).Trim();
        using (DataFolder data = DataFolder.Take(Path.Combine(first, "data"), create: false))
        {
            ChainMove.ToPostgres(data.Chains[0], cluster.Database(), standbyWaived: true);
        }

        string second = work.PathOf("second");
        Process.Start("cp", ["-a", first, second]).WaitForExit();
        using var time = new CancellationTokenSource(Workspace.Long ? TimeSpan.FromMinutes(10) : TimeSpan.FromMinutes(1));
        Server[] servers = [new Server(first, password, 0), new Server(second, password, NumbersApart)];
        await Task.WhenAll(servers.Select(s => Task.Run(() => s.RunAsync(time.Token))));
        Assert.All(servers, s => Assert.True(s.Kills >= 3 && s.Acknowledged.Count > 0, $"{s.Kills} kills, {s.Acknowledged.Count} acknowledged: {s.Error}"));

        using DataFolder last = DataFolder.Take(Path.Combine(first, "data"), create: false);
        using (ChainHost host = ChainHost.Open(last.Chains[0], password, TimeProvider.System))
        {
            foreach ((long index, string leaf) in servers.SelectMany(s => s.Acknowledged))
            {
                Assert.True(Convert.FromHexString(leaf).AsSpan().SequenceEqual(host.Reader.Entry(index)), $"acknowledged record {index} is not there");
                Assert.NotNull(host.Reader.InclusionProof(index));
            }

            // What was sent to a process that died: sealed before or now, but once.
            var starts = new HashSet<long>();
            foreach (int batch in servers.SelectMany(s => Enumerable.Range(s.From, s.Next - s.From + 1)))
            {
                using DepositResult again = await host.DepositAsync(OwnChain.DepositOf(DepositingChild.Body(batch), DepositingChild.Key(batch)));
                Assert.True(again.Outcome is DepositOutcome.Sealed or DepositOutcome.Replayed && again.Count == DepositingChild.Lines, $"batch {batch}: {again.Outcome}");
                Assert.True(starts.Add(again.First), $"two batches begin at {again.First}");
            }

            Assert.Equal(Enumerable.Range(0, starts.Count).Select(i => (long)Genesis + (i * DepositingChild.Lines)), starts.Order());
            Assert.Equal(Genesis + (starts.Count * DepositingChild.Lines), host.Reader.Size);
        }

        FsckReport report = Fsck.Run(last.Chains[0], new FsckOptions { Password = password });
        Assert.True(report.Clean, string.Join('\n', report.Findings));
    }

    // A process that goes on where the one before was killed, with the batch that nobody acknowledged.
    private sealed class Server(string root, string password, int from)
    {
        private readonly Random _random = new(from);

        public int From { get; } = from;

        public int Next { get; private set; } = from;

        public int Kills { get; private set; }

        public string Error { get; private set; } = string.Empty;

        public List<(long Index, string Leaf)> Acknowledged { get; } = [];

        public async Task RunAsync(CancellationToken end)
        {
            while (!end.IsCancellationRequested)
            {
                var start = new ProcessStartInfo(
                    "dotnet", [typeof(SharedChainKillTests).Assembly.Location, DepositingChild.Verb, Path.Combine(root, "data"), password, "900000", Next.ToString(CultureInfo.InvariantCulture)])
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                };
                using Process process = Process.Start(start)!;
                Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None);
                Task reading = ReadAsync(process);
                await process.WaitForExitAsync(CancellationToken.None);
                await reading;
                Error += await error;
                Assert.True(process.ExitCode == 137, $"exit {process.ExitCode}: {Error}");
                Kills++;
            }
        }

        private async Task ReadAsync(Process process)
        {
            int lines = 0;
            while (await process.StandardOutput.ReadLineAsync(CancellationToken.None) is { } line)
            {
                if (line == "ready")
                {
                    _ = KillLaterAsync(process.Id, TimeSpan.FromMilliseconds(_random.Next(50, 3_000)));
                }
                else if (line.Split(' ') is ["acked", var batch, var index, { Length: > 2 } leaf] && leaf.EndsWith("7d", StringComparison.Ordinal))
                {
                    // The last line of a killed process may be cut off: a whole one ends with the leaf's brace.
                    Acknowledged.Add((long.Parse(index, CultureInfo.InvariantCulture), leaf));
                    lines = int.Parse(batch, CultureInfo.InvariantCulture) == Next ? lines + 1 : 1;
                    if (lines == DepositingChild.Lines)
                    {
                        Next++;
                        lines = 0;
                    }
                }
            }
        }

        private static async Task KillLaterAsync(int process, TimeSpan delay)
        {
            await Task.Delay(delay);
            using Process kill = Process.Start("kill", ["-KILL", process.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
        }
    }
}
