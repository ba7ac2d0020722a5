using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Notary.Evidence;

namespace Notary.Cli.Tests;

/// <summary>The verbs that need a server, against a real one.</summary>
public class ServerTests
{
    [Fact]
    public async Task Notarize_writes_a_package_that_verifies_when_the_server_is_gone()
    {
        using var work = new Workspace();
        string file = work.Write("minutes.txt", "Minutes of a meeting.\n");
        string second = work.Write("annex.pdf", "%PDF-1.7 annex");
        using (ServerHost server = await ServerHost.StartAsync(work.Root))
        {
            CliResult first = (await CliProcess.RunAsync(work.Root, "notarize", file, second, "--meta", "case=(2026) 1")).AssertExit(0);
            Assert.Equal(2, first.Output.Split("TOTAL-PASSED").Length - 1);
            CliResult again = (await CliProcess.RunAsync(work.Root, "notarize", "minutes.txt")).AssertExit(0);
            Assert.Contains("kept as minutes.txt.1.asice", again.Output, StringComparison.Ordinal);
            (await CliProcess.RunAsync(work.Root, "notarize", file, second, "--together", "both", "--out", work.PathOf("out"))).AssertExit(0);
            (await CliProcess.RunAsync(work.Root, "notarize", file, "--hash-only", "--out", work.PathOf("bare"))).AssertExit(0);

            string number = first.Output.Split(": ")[1].Split(',')[0];
            CliResult proof = (await CliProcess.RunAsync(work.Root, "proof", number)).AssertExit(0);
            Assert.Contains("index ", proof.Output, StringComparison.Ordinal);
            (await CliProcess.RunAsync(work.Root, "proof", RecordNumber.Format("BJ", 999_999))).AssertRefused(65, "record-not-found");
        }

        (await CliProcess.RunAsync(work.Root, "verify", "minutes.txt.asice")).AssertExit(0);
        (await CliProcess.RunAsync(work.Root, "verify", "minutes.txt.1.asice")).AssertExit(0);
        (await CliProcess.RunAsync(work.Root, "verify", "annex.pdf.asice")).AssertExit(0);
        (await CliProcess.RunAsync(work.Root, "verify", Path.Combine("out", "both.asice"))).AssertExit(0);
        (await CliProcess.RunAsync(work.Root, "verify", Path.Combine("bare", "minutes.txt.asice"))).AssertExit(2);
        (await CliProcess.RunAsync(work.Root, "verify", Path.Combine("bare", "minutes.txt.asice"), file)).AssertExit(0);
        CliResult check = (await CliProcess.RunAsync(work.Root, "fsck", "--json")).AssertExit(0);
        using JsonDocument report = JsonDocument.Parse(check.Output);
        Assert.True(report.RootElement.GetProperty("clean").GetBoolean());
        Assert.Equal(report.RootElement.GetProperty("items").GetInt64(), report.RootElement.GetProperty("items_opened").GetInt64());
    }

    [Fact]
    public async Task A_killed_submit_goes_on_and_gives_every_file_exactly_one_record_and_receipt()
    {
        const int files = 1_200;
        using var work = new Workspace();
        for (int i = 0; i < files; i++)
        {
            work.Write(Path.Combine("in", (i % 7).ToString(CultureInfo.InvariantCulture), $"f{i}.txt"), $"content {i}");
        }

        using ServerHost server = await ServerHost.StartAsync(work.Root);
        long before = await server.SizeAsync();
        string receipts = work.PathOf("in.receipts");
        for (int round = 0; round < 2; round++)
        {
            int seen = Count(receipts);
            using Process submit = CliProcess.Start(work.Root, new Dictionary<string, string>(), "submit", "in", "--batch", "50");
            _ = submit.StandardOutput.ReadToEndAsync();
            _ = submit.StandardError.ReadToEndAsync();
            while (!submit.HasExited && Count(receipts) < seen + 150)
            {
                await Task.Delay(1);
            }

            submit.Kill();
            await submit.WaitForExitAsync();
        }

        Assert.InRange(Count(receipts), 150, files - 1);
        CliResult last = (await CliProcess.RunAsync(work.Root, "submit", "in", "--batch", "50")).AssertExit(0);
        Assert.Contains("continuing:", last.Output, StringComparison.Ordinal);
        Assert.Equal(files, Count(receipts));
        Assert.Equal(before + files, await server.SizeAsync());
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(receipts, ".submit"), "*.json"));
        Assert.Empty(Directory.EnumerateFiles(receipts, "*.part", SearchOption.AllDirectories));

        string receipt = Path.Combine(receipts, "3", "f10.txt.receipt.json");
        (await CliProcess.RunAsync(work.Root, "verify", receipt, Path.Combine("in", "3", "f10.txt"))).AssertExit(0);
        CliResult nothing = (await CliProcess.RunAsync(work.Root, "submit", "in")).AssertExit(0);
        Assert.Contains("0 files sealed", nothing.Output, StringComparison.Ordinal);

        static int Count(string folder) => Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.receipt.json", SearchOption.AllDirectories).Count() : 0;
    }

    [Fact]
    public async Task Bench_ingest_measures_each_case_and_prints_one_json_line_for_it()
    {
        using var work = new Workspace();
        foreach (string name in new[] { "batch", "single" })
        {
            CliResult result = (await CliProcess.RunAsync(work.Root, "bench", "ingest", "--case", name, "--seconds", "3", "--warm-up", "1", "--lines", "100")).AssertExit(0);
            using JsonDocument line = JsonDocument.Parse(Assert.Single(result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
            Assert.Equal(name, line.RootElement.GetProperty("case").GetString());
            foreach (string key in new[] { "records_per_s", "p50_ms", "p99_ms", "cpu_s_per_million", "bytes_per_record", "index_lag_s", "leaf_bytes", "fsync_ms", "proved", "lookups_found" })
            {
                Assert.True(line.RootElement.GetProperty(key).GetDouble() >= 0, key);
            }

            Assert.True(line.RootElement.GetProperty("records_per_s").GetDouble() > 0);
            Assert.True(line.RootElement.GetProperty("proved").GetInt32() > 0);
            Assert.Equal(line.RootElement.GetProperty("lookups").GetInt32(), line.RootElement.GetProperty("lookups_found").GetInt32());
            Assert.True(line.RootElement.TryGetProperty("idempotency_keys", out _));
            Assert.False(Directory.Exists(Path.Combine(work.Root, "bench-data", name)));
        }

        if (Directory.Exists("/dev/shm"))
        {
            string memory = Directory.CreateDirectory($"/dev/shm/notary-test-{Environment.ProcessId}").FullName;
            try
            {
                (await CliProcess.RunAsync(work.Root, "bench", "ingest", "--case", "batch", "--data", memory)).AssertRefused(78, "volatile-disk");
            }
            finally
            {
                Directory.Delete(memory, recursive: true);
            }
        }
    }

    [Fact]
    public async Task Bench_crypto_prints_every_kernel_beside_libcrypto()
    {
        using var work = new Workspace();
        CliResult result = (await CliProcess.RunAsync(work.Root, "bench", "crypto", "--seconds", "0.02", "--json")).AssertExit(0);
        string[] lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (string line in lines)
        {
            using JsonDocument json = JsonDocument.Parse(line);
            Assert.True(json.RootElement.GetProperty("per_s").GetDouble() > 0);
        }

        foreach (string name in new[] { "sm3-libcrypto-64", "sm3-plain-64", "sha256-64", "sm2-sign", "sm2-verify", "ed25519-sign", "ed25519-verify", "hmac-sm3-many", "item-seal-sm4-256" })
        {
            Assert.Contains(lines, l => l.Contains($"\"{name}", StringComparison.Ordinal));
        }
    }
}
