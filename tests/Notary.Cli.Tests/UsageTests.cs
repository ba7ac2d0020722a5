namespace Notary.Cli.Tests;

public class UsageTests
{
    [Theory]
    [InlineData("nonsense")]
    [InlineData("verify")]
    [InlineData("verify a.asice --lang fr")]
    [InlineData("verify a.asice --no-such-option")]
    [InlineData("notarize")]
    [InlineData("submit")]
    [InlineData("proof")]
    [InlineData("chain create")]
    [InlineData("keygen key.pem --algorithm rsa")]
    [InlineData("bench ingest --case nothing")]
    [InlineData("bench ingest --seconds 0")]
    [InlineData("bench ingest --connections x")]
    [InlineData("")]
    public async Task A_wrong_command_line_is_one_sentence_and_64(string line)
    {
        using var work = new Workspace();
        CliResult result = await CliProcess.RunAsync(work.Root, line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        result.AssertRefused(64, "usage");
    }

    [Fact]
    public async Task What_is_missing_is_named_with_a_stable_code()
    {
        using var work = new Workspace();
        string file = work.Write("a.txt", "content");
        (await CliProcess.RunAsync(work.Root, "verify", "absent.asice")).AssertRefused(66, "file-not-found");
        (await CliProcess.RunAsync(work.Root, "verify", work.Root)).AssertRefused(66, "file-is-folder");
        (await CliProcess.RunAsync(work.Root, "verify", file, "--trust", "absent.note")).AssertRefused(78, "trust-not-found");
        (await CliProcess.RunAsync(work.Root, "verify", file, "--trust", file)).AssertRefused(78, "trust-malformed");
        (await CliProcess.RunAsync(work.Root, "notarize", "absent.txt")).AssertRefused(66, "file-not-found");
        (await CliProcess.RunAsync(work.Root, "notarize", file)).AssertRefused(78, "credential-not-found");
        (await CliProcess.RunAsync(work.Root, "notarize", file, "--meta", "colour=red")).AssertRefused(64, "unknown-field");
        (await CliProcess.RunAsync(work.Root, "trust", "show")).AssertRefused(78, "trust-not-found");
        (await CliProcess.RunAsync(work.Root, "inspect", file)).AssertRefused(65, "package-malformed");
        (await CliProcess.RunAsync(work.Root, "proof", "BJ-0000-0000-0001-A")).AssertRefused(64, "not-a-record");
        (await CliProcess.RunAsync(work.Root, "fsck")).AssertRefused(78, "chain-not-created");
        (await CliProcess.RunAsync(work.Root, "chain", "create", "nowhere")).AssertRefused(66, "template-not-found");
        (await CliProcess.RunAsync(work.Root, "bench", "ingest", "--server", "absent.dll")).AssertRefused(66, "server-not-found");
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_named_and_69()
    {
        using var work = new Workspace();
        using (new OwnChain(work.Root))
        {
        }

        string file = work.Write("a.txt", "content");
        string credential = work.Write("credential.json", "{\"server\":\"http://127.0.0.1:1\",\"account\":\"a\",\"secret\":\"s\"}");
        CliResult result = await CliProcess.RunAsync(work.Root, new Dictionary<string, string> { ["NOTARY_CREDENTIAL"] = credential }, "notarize", file, "--attempts", "1");
        result.AssertRefused(69, "server-unreachable");
        Assert.False(File.Exists(file + ".asice"));
    }

    [Fact]
    public async Task The_selftest_passes_and_verifying_needs_no_native_library()
    {
        using var work = new Workspace();
        CliResult result = (await CliProcess.RunAsync(work.Root, "selftest")).AssertExit(0);
        Assert.Contains("[ok] verifying loads no native library of ours", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("FAILED", result.Output, StringComparison.Ordinal);
        (await CliProcess.RunAsync(work.Root, "selftest", "--managed")).AssertExit(0);
    }

    [Fact]
    public async Task Keygen_writes_a_private_file_once_and_prints_the_verifier_key()
    {
        using var work = new Workspace();
        string password = work.Write("password", "a long enough password\n");
        string key = work.PathOf("key.pem");
        CliResult result = (await CliProcess.RunAsync(work.Root, "keygen", key, "--password-file", password, "--name", "court.example/node")).AssertExit(0);
        Assert.Contains("verifier key: court.example/node+", result.Output, StringComparison.Ordinal);
        Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(key) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
        (await CliProcess.RunAsync(work.Root, "keygen", key, "--password-file", password)).AssertRefused(73, "key-exists");
        (await CliProcess.RunAsync(work.Root, "keygen", work.PathOf("other.pem"))).AssertRefused(64, "password-needed");
    }
}
