using System.Text.Json;

namespace Notary.Cli.Tests;

/// <summary>A version of the trust file as officers make it, and a region that joins, in a real deployment's folder.</summary>
public sealed class GovernanceTests
{
    [Fact]
    public async Task A_log_key_is_replaced_by_four_verbs_and_a_region_is_added_by_one()
    {
        using var work = new Workspace();
        foreach (string name in new[] { "main", "beijing" })
        {
            Copy(Path.Combine(Workspace.RepositoryRoot, "sidechains", name), Path.Combine(work.Root, "sidechains", name));
        }

        Copy(Path.Combine(Workspace.RepositoryRoot, "policies"), Path.Combine(work.Root, "policies"));
        (await CliProcess.RunAsync(work.Root, "network", "create")).AssertExit(0);
        File.Copy(Path.Combine(work.Root, "data", "trust.note"), Path.Combine(work.Root, "pinned.note"));
        string file = work.Write("contract.txt", "signed by both\n");
        using (ServerHost server = await ServerHost.StartAsync(work.Root))
        {
            (await CliProcess.RunAsync(work.Root, "notarize", file)).AssertExit(0);
            string key = (await CliProcess.RunAsync(work.Root, "chain", "keygen", "beijing")).AssertExit(0).Output.Trim();
            CliResult proposed = (await CliProcess.RunAsync(work.Root, "trust", "propose", "--rotate-log", "beijing," + key, "--ahead", "1", "--out", "next")).AssertExit(0);
            Assert.Contains("beijing: the log signs with", proposed.Output, StringComparison.Ordinal);
            (await CliProcess.RunAsync(work.Root, "trust", "apply", "next")).AssertRefused(65, "proposal-unsigned");
            string fingerprint = proposed.Output.Split('\n').First(line => line.StartsWith("fingerprint ", StringComparison.Ordinal))[12..];
            string[] sign = ["trust", "sign", "next", "--key", "data/keys/governance.pem", "--password-file", "data/passwords", "--fingerprint"];
            (await CliProcess.RunAsync(work.Root, [.. sign, new string('0', 64)])).AssertExit(1);
            (await CliProcess.RunAsync(work.Root, [.. sign, fingerprint])).AssertExit(0);
            CliResult applied = (await CliProcess.RunAsync(work.Root, "trust", "apply", "next")).AssertExit(0);
            Assert.Contains("version 2 is in force", applied.Output, StringComparison.Ordinal);
            (await CliProcess.RunAsync(work.Root, "trust", "apply", "next")).AssertExit(0);

            // Whoever pinned version 1 goes forward, and old evidence verifies as before.
            string address = server.Credential.Server.ToString();
            (await CliProcess.RunAsync(work.Root, "trust", "update", "--trust", "pinned.note", "--server", address)).AssertExit(0);
            Assert.Equal(File.ReadAllBytes(Path.Combine(work.Root, "data", "trust.note")), File.ReadAllBytes(Path.Combine(work.Root, "pinned.note")));
            CliResult newest = (await CliProcess.RunAsync(work.Root, "trust", "update", "--trust", "pinned.note", "--server", address)).AssertExit(0);
            Assert.Contains("is the newest", newest.Output, StringComparison.Ordinal);
            (await CliProcess.RunAsync(work.Root, "verify", file + ".asice", "--trust", "pinned.note")).AssertExit(0);
            using var http = new HttpClient { BaseAddress = server.Credential.Server };
            using HttpResponseMessage none = await http.GetAsync("api/trust/3");
            Assert.Equal("trust-not-found", JsonDocument.Parse(await none.Content.ReadAsStringAsync()).RootElement.GetProperty("code").GetString());
        }

        // Adding a region is adding a folder and running one verb.
        string template = Path.Combine(work.Root, "sidechains", "shenzhen");
        Copy(Path.Combine(work.Root, "sidechains", "beijing"), template);
        string chain = Path.Combine(template, "chain.json");
        File.WriteAllText(chain, File.ReadAllText(chain).Replace("beijing", "shenzhen", StringComparison.Ordinal).Replace("BJ", "SZ", StringComparison.Ordinal));
        CliResult created = (await CliProcess.RunAsync(work.Root, "chain", "create", "shenzhen")).AssertExit(0);
        Assert.Contains("version 3", created.Output, StringComparison.Ordinal);
        (await CliProcess.RunAsync(work.Root, "chain", "create", "shenzhen")).AssertRefused(73, "chain-exists");
        using (ServerHost server = await ServerHost.StartAsync(work.Root))
        {
            string credential = Path.Combine(work.Root, "data", "credentials", "shenzhen.json");
            File.WriteAllText(credential, File.ReadAllText(credential).Replace("http://localhost:5080", server.Credential.Server.ToString().TrimEnd('/'), StringComparison.Ordinal));
            string second = work.Write("lease.txt", "of a year\n");
            CliResult notarized = (await CliProcess.RunAsync(work.Root, "notarize", second, "--credential", "data/credentials/shenzhen.json")).AssertExit(0);
            Assert.Contains("TOTAL-PASSED", notarized.Output, StringComparison.Ordinal);
            Assert.Contains("SZ-", notarized.Output, StringComparison.Ordinal);
            (await CliProcess.RunAsync(work.Root, "verify", file + ".asice", "--trust", "data/trust.note")).AssertExit(0);
        }
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        }

        foreach (string folder in Directory.EnumerateDirectories(from))
        {
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
        }
    }
}
