using System.Text.Json;
using System.Text.RegularExpressions;
using Notary.Client;

namespace Notary.Cli.Tests;

/// <summary>A chain with one record and its package, made once; each test works on a copy.</summary>
public sealed class SealedReport : IDisposable
{
    private readonly Workspace _work = new();

    public SealedReport()
    {
        string file = _work.Write("report.txt", "An inspection report.\n");
        using var chain = new OwnChain(_work.Root);
        Record = chain.Package(_work.PathOf("report.txt.asice"), withContent: true, file);
        Fingerprint = chain.Trust.Files[0].File.Fingerprint.ToHex();
    }

    public SealedRecord Record { get; }

    public string Fingerprint { get; }

    public void CopyTo(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(_work.Root, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(folder, Path.GetRelativePath(_work.Root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    public void Dispose() => _work.Dispose();
}

/// <summary>The verdicts of <c>notary verify</c> as a script sees them.</summary>
public sealed class VerifyTests : IClassFixture<SealedReport>, IDisposable
{
    private readonly Workspace _work = new();
    private readonly string _file;
    private readonly string _package;
    private readonly SealedRecord _record;
    private readonly string _fingerprint;

    public VerifyTests(SealedReport report)
    {
        report.CopyTo(_work.Root);
        _file = _work.PathOf("report.txt");
        _package = _work.PathOf("report.txt.asice");
        _record = report.Record;
        _fingerprint = report.Fingerprint;
    }

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task A_good_package_passes_and_says_by_which_trust_file()
    {
        CliResult result = (await Cli("verify", _package)).AssertExit(0);
        Assert.Contains("TOTAL-PASSED", result.Output, StringComparison.Ordinal);
        Assert.Contains("development", result.Output.Split('\n')[0], StringComparison.OrdinalIgnoreCase);
        Assert.Contains(_fingerprint, result.Output, StringComparison.Ordinal);
        Assert.Contains(Path.Combine("data", "trust.note"), result.Output, StringComparison.Ordinal);
        Assert.Contains(_record.Number, result.Output, StringComparison.Ordinal);
        Assert.Empty(result.Error);
        Assert.DoesNotContain('\e', result.Output);
    }

    [Fact]
    public async Task The_report_is_json_when_asked_for_and_nothing_else_is_printed()
    {
        CliResult result = (await Cli("verify", _package, "--json")).AssertExit(0);
        using JsonDocument report = JsonDocument.Parse(result.Output);
        Assert.Equal("TOTAL-PASSED", report.RootElement.GetProperty("indication").GetString());
        Assert.Equal(_fingerprint, report.RootElement.GetProperty("trust").GetProperty("fingerprint").GetString());
        Assert.NotEqual(0, report.RootElement.GetProperty("checks").GetArrayLength());
    }

    [Fact]
    public async Task The_report_speaks_the_language_that_was_asked_for()
    {
        Assert.DoesNotMatch(new Regex(@"\p{IsCJKUnifiedIdeographs}{4}"), (await Cli("verify", _package, "--lang", "en")).Output.Split("trust file used")[0].Split("\n\n")[0]);
        Assert.Matches(new Regex(@"\p{IsCJKUnifiedIdeographs}{4}"), (await Cli("verify", _package, "--lang", "zh")).Output);
        Assert.Matches(new Regex(@"\p{IsCJKUnifiedIdeographs}{4}"), (await Cli("verify", _package, "--lang", "both")).Output);
    }

    [Fact]
    public async Task A_changed_byte_fails_with_1_and_is_extracted_only_with_a_warning()
    {
        byte[] bytes = File.ReadAllBytes(_package);
        int at = bytes.AsSpan().IndexOf("inspection"u8);
        bytes[at] ^= 1;
        string changed = _work.PathOf("changed.asice");
        File.WriteAllBytes(changed, bytes);
        Assert.Contains("TOTAL-FAILED", (await Cli("verify", changed)).AssertExit(1).Output, StringComparison.Ordinal);
        CliResult extracted = (await Cli("verify", changed, "--extract", _work.PathOf("out"))).AssertExit(1);
        Assert.Contains("notary: warning: extracted-unverified:", extracted.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Extracting_a_good_package_writes_its_files_once()
    {
        string output = _work.PathOf("out");
        CliResult result = (await Cli("verify", _package, "--extract", output)).AssertExit(0);
        Assert.DoesNotContain("warning", result.Error, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(_file), File.ReadAllText(Path.Combine(output, "report.txt")));
        (await Cli("verify", _package, "--extract", output)).AssertExit(73);
    }

    [Fact]
    public async Task Without_a_trust_file_nothing_passes()
    {
        using var elsewhere = new Workspace();
        CliResult result = (await CliProcess.RunAsync(elsewhere.Root, "verify", _package)).AssertExit(2);
        Assert.Contains("INDETERMINATE / NO_CERTIFICATE_CHAIN_FOUND", result.Output, StringComparison.Ordinal);
        Assert.Contains("trust file used: none", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_package_without_content_needs_the_file_and_the_right_one()
    {
        string file = _work.Write("plan.txt", "A plan.");
        string package = _work.PathOf("plan.asice");
        using (var chain = new OwnChain(_work.Root))
        {
            chain.Package(package, withContent: false, file);
        }

        Assert.Contains("SIGNED_DATA_NOT_FOUND", (await Cli("verify", package)).AssertExit(2).Output, StringComparison.Ordinal);
        (await Cli("verify", package, file)).AssertExit(0);
        Assert.NotEqual(0, (await Cli("verify", package, _file)).ExitCode);
    }

    [Fact]
    public async Task A_receipt_alone_is_indeterminate_and_passes_with_its_file()
    {
        string receipt = _work.PathOf("receipt.json");
        File.WriteAllBytes(receipt, _record.ToReceipt().ToJson());
        (await Cli("verify", receipt)).AssertExit(2);
        (await Cli("verify", receipt, _file)).AssertExit(0);
        File.WriteAllText(_file, "Another report.\n");
        CliResult other = (await Cli("verify", receipt, _file)).AssertExit(2);
        Assert.Contains("files-not-of-receipt", other.Error, StringComparison.Ordinal);
        File.WriteAllText(receipt, "{");
        (await Cli("verify", receipt)).AssertExit(1);
    }

    [Fact]
    public async Task Bytes_that_are_no_package_fail_without_a_stack_trace()
    {
        foreach (string content in new[] { string.Empty, "PK", "no package at all", "PK\x03\x04" + new string('x', 5000) })
        {
            string file = _work.Write("noise.asice", content);
            CliResult result = (await Cli("verify", file)).AssertExit(1);
            Assert.Contains("FORMAT_FAILURE", result.Output, StringComparison.Ordinal);
            Assert.Empty(result.Error);
        }
    }

    [Fact]
    public async Task A_pinned_trust_file_wins_and_only_the_confirmed_fingerprint_is_pinned()
    {
        string note = _work.PathOf(Path.Combine("data", "trust.note"));
        (await Cli("trust", "pin", note)).AssertRefused(64, "fingerprint-needed");
        (await Cli("trust", "pin", note, "--fingerprint", "12")).AssertRefused(64, "fingerprint-malformed");
        (await Cli("trust", "pin", note, "--fingerprint", new string('0', 64))).AssertRefused(1, "fingerprint-differs");
        (await Cli("trust", "pin", note, "--fingerprint", _fingerprint)).AssertExit(0);
        Assert.Contains("pinned by you", (await Cli("verify", _package)).AssertExit(0).Output, StringComparison.Ordinal);
        Assert.Contains(_fingerprint, (await Cli("trust", "show")).AssertExit(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_and_proof_show_what_stands_in_the_file_and_judge_nothing()
    {
        CliResult inspected = (await Cli("inspect", _package)).AssertExit(0);
        Assert.StartsWith("Nothing below has been verified", inspected.Output, StringComparison.Ordinal);
        Assert.Contains("report.txt", inspected.Output, StringComparison.Ordinal);
        Assert.Equal(_record.Proof.Format(), (await Cli("proof", _package)).AssertExit(0).Output);
    }

    [Fact]
    public async Task Verifying_opens_no_native_library_of_ours()
    {
        // The dynamic loader says who opened what. The base library opens OpenSSL for itself (SHA-256); our own bindings would open it through the runtime.
        string log = _work.PathOf("loader");
        await CliProcess.RunAsync(_work.Root, new Dictionary<string, string> { ["LD_DEBUG"] = "files", ["LD_DEBUG_OUTPUT"] = log }, "verify", _package);
        string[] lines = [.. Directory.EnumerateFiles(_work.Root, "loader.*").SelectMany(File.ReadAllLines)];
        Assert.Contains(lines, l => l.Contains("libcoreclr.so", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.Contains("e_sqlite3", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.Contains("file=libcrypto", StringComparison.Ordinal) && l.Contains("dynamically loaded by", StringComparison.Ordinal) && l.Contains("libcoreclr", StringComparison.Ordinal));
    }

    private Task<CliResult> Cli(params string[] args) => CliProcess.RunAsync(_work.Root, args);
}
