using System.Diagnostics;
using System.Globalization;
using Notary.Cli.Bench.Load;
using Notary.Cli.Verifying;
using Notary.Client;
using Notary.Evidence;

namespace Notary.Cli.Bench;

/// <summary>Measures the offline verifier in a warm process: one package, again and again, from its bytes to the report. Prints one JSON line.</summary>
internal static class VerifyBench
{
    // Enough for the compiler's last tier.
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(2);
    private const long MaximumPackage = 64 * 1024 * 1024;

    public static int Run(string package, string? trustPath, TimeSpan seconds)
    {
        using FileStream file = VerifyCommand.OpenInput(package);
        byte[] bytes = file.Length <= MaximumPackage ? new byte[file.Length] : throw new CliException(ExitCode.Usage, "package-too-long", FormattableString.Invariant($"{package} has more than {MaximumPackage} bytes."));
        TrustStore store = TrustStore.Load(trustPath);
        TrustFile? trust = ((EvidenceFile.OriginUnverified(file) is { } origin ? store.Find(origin) : null) ?? (store.Files.Count > 0 ? store.Files[0] : null))?.File;
        file.Position = 0;
        file.ReadExactly(bytes);
        var latencies = new LatencyHistogram();
        VerificationReport? report = null;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < WarmUp + seconds;)
        {
            long started = Stopwatch.GetTimestamp();
            using var evidence = new MemoryStream(bytes, writable: false);
            report = Verifier.Verify(evidence, [], trust);
            if (clock.Elapsed > WarmUp)
            {
                latencies.AddSince(started);
            }
        }

        var line = new JsonLine();
        line.Add("case", "verify");
        line.Add("indication", Terminal.Printable(report!.Indication.ToString()));
        line.Add("state", TrustNames.Of(report.State.Reached));
        line.Add("package_bytes", bytes.Length);
        line.Add("verify_p50_ms", latencies.Percentile(0.5));
        line.Add("verify_p99_ms", latencies.Percentile(0.99));
        line.Add("verifications", latencies.Count);
        line.Add("seconds", seconds.TotalSeconds.ToString(CultureInfo.InvariantCulture));
        Console.WriteLine(line.ToString());
        return VerifyCommand.ExitOf(report.Indication);
    }
}
