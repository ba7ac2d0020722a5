using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Notary.Chain;
using Notary.Chain.Folders;

namespace Notary.Cli.Tests.Durability;

/// <summary>
/// A fault at every system call that a commit makes on the database: an I/O error, and the death of the process, each at the n-th call of its
/// kind (<c>strace --inject</c>). After each, the chain opens or refuses with its reason, everything acknowledged is there, repeating all requests with their keys
/// seals each once, and <c>fsck</c> is clean.
/// </summary>
public partial class FaultInjectionTests
{
    private const int Batches = 3;
    private const int Genesis = 6;

    private static readonly string[] s_calls = ["pwrite64", "fdatasync", "fsync", "pread64", "ftruncate", "fcntl"];

    [Fact]
    public async Task A_chain_survives_an_error_or_a_kill_at_every_system_call_of_a_commit()
    {
        using var work = new Workspace();
        string pristine = work.PathOf("pristine");
        using (new OwnChain(pristine))
        {
        }

        string password = File.ReadAllText(Path.Combine(pristine, "data", "passwords")).Trim();
        Dictionary<string, int> counts = await CountAsync(work, pristine, password);
        Assert.True(counts["pwrite64"] > 0 && counts["fdatasync"] + counts["fsync"] > 0, "no system call of a commit was seen");
        List<(string Call, int At, string Fault)> points = [.. from call in s_calls
                                                              from at in Enumerable.Range(1, counts[call])
                                                              from fault in new[] { "error=EIO", "signal=KILL" }
                                                              select (call, at, fault)];
        int step = Workspace.Long ? 1 : Math.Max(1, points.Count / 6);
        foreach ((string call, int at, string fault) in points.Where((_, i) => i % step == step - 1))
        {
            string root = Copy(work, pristine);
            (int exit, string output, string error) = await TraceAsync(root, password, $"-e inject={call}:{fault}:when={at}");
            Assert.True(exit == 137 || File.ReadAllText(Path.Combine(root, "trace")).Contains("(INJECTED)", StringComparison.Ordinal), $"{call} {fault} when={at} was never reached");
            AssertSurvived(root, password, exit, output, error, $"{call} {fault} when={at}");
            Directory.Delete(root, recursive: true);
        }
    }

    private static void AssertSurvived(string root, string password, int exit, string output, string error, string what)
    {
        Assert.True(exit is 0 or DepositingChild.Refused or 137, $"{what}: exit {exit}\n{error}");
        if (exit == DepositingChild.Refused)
        {
            Assert.Matches(@"^\w+: \w.+", error);
        }

        using DataFolder data = DataFolder.Take(Path.Combine(root, "data"), create: false);
        using (ChainHost host = ChainHost.Open(data.Chains[0], password, TimeProvider.System))
        {
            foreach (Match acked in Acked().Matches(output))
            {
                long index = long.Parse(acked.Groups[2].Value, CultureInfo.InvariantCulture);
                Assert.True(Convert.FromHexString(acked.Groups[3].Value).AsSpan().SequenceEqual(host.Reader.Entry(index)), $"{what}: acknowledged record {index} is not there");
                Assert.NotNull(host.Reader.InclusionProof(index));
            }

            for (int i = 0; i < Batches; i++)
            {
                using DepositResult again = host.DepositAsync(OwnChain.DepositOf(DepositingChild.Body(i), DepositingChild.Key(i))).GetAwaiter().GetResult();
                Assert.True(again.Outcome is DepositOutcome.Sealed or DepositOutcome.Replayed && again.Count == DepositingChild.Lines, $"{what}: {again.Outcome}");
            }

            Assert.Equal(Genesis + (Batches * DepositingChild.Lines), host.Reader.Size);
        }

        FsckReport report = Fsck.Run(data.Chains[0], new FsckOptions { Password = password });
        Assert.True(report.Clean, what + "\n" + string.Join('\n', report.Findings));
    }

    /// <summary>How often the thread that makes most calls of a kind makes them: strace counts for each thread by itself.</summary>
    private static async Task<Dictionary<string, int>> CountAsync(Workspace work, string pristine, string password)
    {
        string root = Copy(work, pristine);
        (int exit, string output, string error) = await TraceAsync(root, password, string.Empty);
        Assert.True(exit == 0, error);
        Assert.Equal(Batches * DepositingChild.Lines, Acked().Count(output));
        string[] trace = File.ReadAllLines(Path.Combine(root, "trace"));
        return s_calls.ToDictionary(
            call => call,
            call => trace.Select(l => TraceLine().Match(l)).Where(m => m.Success && m.Groups[2].Value == call).GroupBy(m => m.Groups[1].Value).Select(g => g.Count()).DefaultIfEmpty(0).Max());
    }

    private static async Task<(int Exit, string Output, string Error)> TraceAsync(string root, string password, string inject)
    {
        string data = Path.Combine(root, "data");
        string database = Path.Combine(data, "chains", "beijing", "chain.db");
        string paths = $"-P {database} -P {database}-wal";
        string child = $"dotnet {typeof(FaultInjectionTests).Assembly.Location} {DepositingChild.Verb} {data} {password} {Batches}";
        var start = new ProcessStartInfo("sh", ["-c", $"exec strace -f -qq -o {root}/trace -e trace={string.Join(',', s_calls)} {paths} {inject} {child}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await process.WaitForExitAsync(patience.Token);
        return (process.ExitCode, await output, await error);
    }

    private static string Copy(Workspace work, string pristine)
    {
        string root = work.PathOf("run-" + Guid.NewGuid().ToString("N"));
        foreach (string file in Directory.EnumerateFiles(pristine, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(root, Path.GetRelativePath(pristine, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return root;
    }

    [GeneratedRegex(@"^acked (\d+) (\d+) ([0-9a-f]+)\r?$", RegexOptions.Multiline)]
    private static partial Regex Acked();

    [GeneratedRegex(@"^(\d+) +(\w+)\(")]
    private static partial Regex TraceLine();
}
