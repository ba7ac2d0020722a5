using System.Text.Json;

namespace Notary.Cli.Tests;

/// <summary>A region that lost entries its log had signed, at every place that held them: closed by one verb in a demonstration, or by officers.</summary>
public sealed class CloseTests
{
    private const string Successor = "notary.example/beijing-2";

    [Fact]
    public async Task A_region_that_lost_entries_is_closed_by_one_verb_and_another_succeeds_it()
    {
        using var work = new Workspace();
        using var aside = new Workspace();
        string file = await LossAsync(work, aside);
        CliResult recover = await CliProcess.RunAsync(work.Root, "chain", "recover", "beijing");
        recover.AssertRefused(1, "chain-entries-lost");
        Assert.Contains("notary chain close beijing --successor ORIGIN", recover.Error, StringComparison.Ordinal);
        (await CliProcess.RunAsync(work.Root, "chain", "close", "main", "--successor", Successor)).AssertRefused(1, "chain-not-closable");
        (await CliProcess.RunAsync(work.Root, "chain", "close", "beijing", "--successor", "notary.example/beijing")).AssertRefused(1, "chain-not-closable");
        (await CliProcess.RunAsync(work.Root, "chain", "close", "beijing", "--successor", Successor, "--reason", "fire")).AssertRefused(64, "reason-unknown");
        (await CliProcess.RunAsync(work.Root, "chain", "close", "beijing")).AssertRefused(64, "usage");
        (await CliProcess.RunAsync(work.Root, "chain", "close", "beijing", "--successor", Successor, "--against", "absent")).AssertRefused(66, "file-unreadable");

        CliResult closed = (await CliProcess.RunAsync(work.Root, "chain", "close", "beijing", "--successor", Successor, "--reason", "storage")).AssertExit(0);
        Assert.Contains("available: 7 entries, 0 to 6", closed.Output, StringComparison.Ordinal);
        Assert.Contains("lost: entries 7 to 7; the log has signed size 8", closed.Output, StringComparison.Ordinal);
        Assert.Contains("closed: notary.example/beijing, by leaf ", closed.Output, StringComparison.Ordinal);
        (await CliProcess.RunAsync(work.Root, "chain", "close", "beijing", "--successor", Successor)).AssertRefused(1, "chain-closed");

        NetworkTests.Templates(work.Root, "beijing");
        string template = Path.Combine(work.Root, "sidechains", "beijing-2");
        Directory.Move(Path.Combine(work.Root, "sidechains", "beijing"), template);
        string json = Path.Combine(template, "chain.json");
        File.WriteAllText(json, File.ReadAllText(json).Replace("\"beijing\"", "\"beijing-2\"", StringComparison.Ordinal).Replace("BJ", "BK", StringComparison.Ordinal));
        CliResult created = (await CliProcess.RunAsync(work.Root, "chain", "create", "beijing-2")).AssertExit(0);
        Assert.DoesNotContain("trust-waiting", created.Error, StringComparison.Ordinal);
        (await CliProcess.RunAsync(work.Root, "fsck")).AssertExit(0);

        using ServerHost server = await ServerHost.StartAsync(work.Root);
        CliResult refused = await CliProcess.RunAsync(work.Root, "notarize", work.Write("next.txt", "signed later\n"), "--attempts", "1");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains(Successor + " takes its place", refused.Error, StringComparison.Ordinal);
        string credential = Path.Combine(work.Root, "data", "credentials", "beijing-2.json");
        File.WriteAllText(credential, File.ReadAllText(credential).Replace("http://localhost:5080", server.Credential.Server.ToString().TrimEnd('/'), StringComparison.Ordinal));
        CliResult next = (await CliProcess.RunAsync(work.Root, "notarize", "next.txt", "--credential", credential)).AssertExit(0);
        Assert.Contains("BK-", next.Output, StringComparison.Ordinal);
        CliResult status = (await CliProcess.RunAsync(work.Root, "network", "status")).AssertExit(0);
        Assert.Matches("beijing +closed", status.Output);
        Assert.Contains(Successor + " takes its place", status.Output, StringComparison.Ordinal);

        // The lost record's package carries its whole proof.
        CliResult verified = (await CliProcess.RunAsync(work.Root, "verify", file + ".asice", file, "--trust", Path.Combine(work.Root, "data", "trust.note"))).AssertExit(0);
        Assert.Contains("TOTAL-PASSED", verified.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Officers_sign_what_closes_a_region_and_the_running_server_seals_it()
    {
        using var work = new Workspace();
        using var aside = new Workspace();
        await LossAsync(work, aside);
        string[] close = ["chain", "close", "beijing", "--successor", Successor, "--out", "beijing.incident"];
        CliResult proposed = (await CliProcess.RunAsync(work.Root, close)).AssertExit(0);
        Assert.Contains("notary incident sign beijing.incident", proposed.Output, StringComparison.Ordinal);
        (await CliProcess.RunAsync(work.Root, close)).AssertRefused(73, "proposal-exists");
        string fingerprint = proposed.Output.Split('\n').First(static line => line.StartsWith("fingerprint ", StringComparison.Ordinal))[12..];

        using ServerHost server = await ServerHost.StartAsync(work.Root, waitReady: false);
        CliResult status = await CliProcess.RunAsync(work.Root, "network", "status");
        status.AssertExit(2);
        Assert.Contains("is about to be closed", status.Output, StringComparison.Ordinal);
        (await CliProcess.RunAsync(work.Root, "incident", "apply", "beijing.incident")).AssertRefused(65, "incident-unsigned");
        (await CliProcess.RunAsync(work.Root, "incident", "apply", "absent")).AssertRefused(66, "file-not-found");
        (await CliProcess.RunAsync(work.Root, "incident", "apply", "data/trust.note")).AssertRefused(65, "incident-malformed");
        string[] sign = ["incident", "sign", "beijing.incident", "--password-file", "data/passwords", "--key"];
        await Refused([.. sign, "data/keys/governance.pem", "--fingerprint", new string('0', 64)], 1, "fingerprint-differs");
        await Refused([.. sign, "data/chains/main/keys/log.pem", "--fingerprint", fingerprint], 65, "not-governance");
        CliResult signed = (await CliProcess.RunAsync(work.Root, [.. sign, "data/keys/governance.pem", "--fingerprint", fingerprint])).AssertExit(0);
        Assert.Contains("enough have signed", signed.Output, StringComparison.Ordinal);
        Assert.Contains("closes notary.example/beijing for good", signed.Error, StringComparison.Ordinal);
        await Refused([.. sign, "data/keys/governance.pem", "--fingerprint", fingerprint], 64, "signed-already");

        // Something else than what was signed.
        string text = File.ReadAllText(work.PathOf("beijing.incident"));
        work.Write("other.incident", text.Replace(Successor, "notary.example/beijing-3", StringComparison.Ordinal));
        CliResult refused = await CliProcess.RunAsync(work.Root, "incident", "apply", "other.incident");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("governance-missing", refused.Error, StringComparison.Ordinal);
        for (int turn = 0; turn < 2; turn++)
        {
            CliResult applied = (await CliProcess.RunAsync(work.Root, "incident", "apply", "beijing.incident")).AssertExit(0);
            Assert.Contains("closed: notary.example/beijing, by leaf ", applied.Output, StringComparison.Ordinal);
        }

        using var http = new HttpClient { BaseAddress = server.Credential.Server };
        JsonElement chain = JsonDocument.Parse(await http.GetStringAsync("api/network")).RootElement.GetProperty("chains").EnumerateArray().Single(static one => one.GetProperty("chain").GetString() == "beijing");
        Assert.Equal("closed", chain.GetProperty("status").GetString());

        // What is signed is shown first, so the refusal is the last line.
        async Task Refused(string[] arguments, int exitCode, string code)
        {
            CliResult result = await CliProcess.RunAsync(work.Root, arguments);
            result.AssertExit(exitCode);
            Assert.Contains($"notary: {code}: ", result.Error, StringComparison.Ordinal);
        }
    }

    // A record is anchored; then its chain's database and all its nodes are put back to before it, as if every place had been lost and restored.
    private static async Task<string> LossAsync(Workspace work, Workspace aside)
    {
        NetworkTests.Templates(work.Root, "main", "beijing");
        (await CliProcess.RunAsync(work.Root, "network", "create")).AssertExit(0);
        using (await ServerHost.StartAsync(work.Root))
        {
            // Until the nodes hold what there is.
            for (int wait = 0; (await CliProcess.RunAsync(work.Root, "network", "status")).ExitCode != 0; wait++)
            {
                Assert.True(wait < 30);
                await Task.Delay(1_000);
            }
        }

        string[] places = ["data/chains/beijing", "data/nodes/beijing"];
        Array.ForEach(places, place => Copy(work.PathOf(place), aside.PathOf(place)));
        string file = work.Write("contract.txt", "signed by both\n");
        using (await ServerHost.StartAsync(work.Root))
        {
            (await CliProcess.RunAsync(work.Root, "notarize", file)).AssertExit(0);
        }

        (await CliProcess.RunAsync(work.Root, "chain", "close", "beijing", "--successor", Successor)).AssertRefused(1, "chain-recoverable");
        foreach (string place in places)
        {
            Directory.Delete(work.PathOf(place), recursive: true);
            Copy(aside.PathOf(place), work.PathOf(place));
        }

        (await CliProcess.RunAsync(work.Root, ["node", "move", .. Directory.GetDirectories(work.PathOf("data/nodes/beijing"))])).AssertExit(0);
        return file;
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string path in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target, overwrite: true);
        }
    }
}
