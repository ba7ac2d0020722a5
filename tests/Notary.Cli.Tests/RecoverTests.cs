using System.Diagnostics;
using System.Globalization;

namespace Notary.Cli.Tests;

/// <summary>A region of a demonstration network that lost its database, and gets it back from its ledger nodes: those that lie here, and one that is served by a process of its own.</summary>
public sealed class RecoverTests
{
    [Fact]
    public async Task A_region_whose_database_was_put_back_or_lost_is_refilled_from_its_nodes_and_goes_on()
    {
        using var work = new Workspace();
        NetworkTests.Templates(work.Root, "main", "beijing");
        (await CliProcess.RunAsync(work.Root, "network", "create")).AssertExit(0);
        string chain = work.PathOf(Path.Combine("data", "chains", "beijing"));
        using var backup = new Workspace();
        Copy(chain, backup.Root);
        string file = work.Write("contract.txt", "signed by both\n");
        using (await ServerHost.StartAsync(work.Root))
        {
            (await CliProcess.RunAsync(work.Root, "chain", "recover", "beijing")).AssertRefused(69, "chain-locked");
            (await CliProcess.RunAsync(work.Root, "notarize", file)).AssertExit(0);
        }

        CliResult nothing = (await CliProcess.RunAsync(work.Root, "chain", "recover", "beijing")).AssertExit(0);
        Assert.StartsWith("nothing to recover: beijing holds 8 leaves", nothing.Output, StringComparison.Ordinal);

        Lose(chain);
        Copy(backup.Root, chain);
        CliResult recovered = (await CliProcess.RunAsync(work.Root, "chain", "recover", "beijing")).AssertExit(0);
        Assert.StartsWith("recovered: beijing, leaves 7 to 7 from ", recovered.Output, StringComparison.Ordinal);
        Assert.Contains("secrets, digests and metadata of 1 records (index 7 to 7)", recovered.Output, StringComparison.Ordinal);
        Assert.Contains("is sealed a second time", recovered.Output, StringComparison.Ordinal);
        CliResult check = (await CliProcess.RunAsync(work.Root, "fsck")).AssertExit(0);
        Assert.Contains("remark items-lost (beijing, item, index 7)", check.Output, StringComparison.Ordinal);
        using (await ServerHost.StartAsync(work.Root))
        {
            string next = work.Write("next.txt", "signed later\n");
            CliResult notarized = (await CliProcess.RunAsync(work.Root, "notarize", next)).AssertExit(0);
            Assert.Contains("TOTAL-PASSED", notarized.Output, StringComparison.Ordinal);
        }

        // What was handed out before proves as it did.
        (await CliProcess.RunAsync(work.Root, "verify", file + ".asice", file, "--trust", Path.Combine(work.Root, "data", "trust.note"))).AssertExit(0);

        // Everything is gone, and one node alone answers, over HTTP.
        Lose(chain);
        foreach (string name in new[] { "notary-office", "forensic-centre" })
        {
            Directory.Move(work.PathOf($"data/nodes/beijing/{name}"), work.PathOf(name));
        }

        string secret = work.Write("secret", new string('s', 40) + "\n");
        using var node = await NodeProcess.StartAsync(work.PathOf("data/nodes/beijing/court"), Path.Combine(chain, "genesis.json"), work.PathOf("data/passwords"), secret);
        string[] recover = ["chain", "recover", "beijing", "--mirror", "court=" + node.Prefix];
        (await CliProcess.RunAsync(work.Root, recover)).AssertRefused(69, "chain-mirrors-missing");
        (await CliProcess.RunAsync(work.Root, [.. recover, "--fewer-mirrors"])).AssertRefused(69, "chain-mirrors-missing");
        string wrong = work.Write("wrong", new string('w', 40) + "\n");
        CliResult closed = await CliProcess.RunAsync(work.Root, [.. recover, "--fewer-mirrors", "--entries-secret", "court=" + wrong]);
        closed.AssertRefused(69, "chain-mirrors-missing");
        Assert.Contains("does not know the secret", closed.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(chain, "chain.db")));
        CliResult whole = (await CliProcess.RunAsync(work.Root, [.. recover, "--fewer-mirrors", "--entries-secret", "court=" + secret])).AssertExit(0);
        Assert.StartsWith("recovered: beijing, leaves 0 to 8 from court;", whole.Output, StringComparison.Ordinal);
        Assert.Contains("notary: warning: mirror: notary-office: no way to it is known.", whole.Error, StringComparison.Ordinal);
        (await CliProcess.RunAsync(work.Root, "fsck")).AssertExit(0);
    }

    [Fact]
    public async Task What_is_no_chain_address_or_secret_is_refused()
    {
        using var work = new Workspace();
        NetworkTests.Templates(work.Root, "main", "beijing");
        (await CliProcess.RunAsync(work.Root, "chain", "recover", "beijing")).AssertRefused(78, "chain-not-created");
        (await CliProcess.RunAsync(work.Root, "network", "create")).AssertExit(0);
        (await CliProcess.RunAsync(work.Root, "chain", "recover", "lhasa")).AssertRefused(78, "chain-not-created");
        (await CliProcess.RunAsync(work.Root, "chain", "recover", "../main")).AssertRefused(64, "chain-name");
        (await CliProcess.RunAsync(work.Root, "chain", "recover", "beijing", "--mirror", "court")).AssertRefused(64, "usage");
        (await CliProcess.RunAsync(work.Root, "chain", "recover", "beijing", "--mirror", "court=ftp://court.example")).AssertRefused(64, "mirror-address");
        (await CliProcess.RunAsync(work.Root, "chain", "recover", "beijing", "--entries-secret", "court=absent")).AssertRefused(66, "password-unreadable");
        string spaced = work.Write("spaced", "two words\n");
        CliResult refused = await CliProcess.RunAsync(work.Root, "chain", "recover", "beijing", "--entries-secret", "court=" + spaced);
        refused.AssertRefused(65, "entries-secret");
        Assert.DoesNotContain("two words", refused.Error, StringComparison.Ordinal);
    }

    private static void Lose(string chain)
    {
        foreach (string path in Directory.GetFiles(chain, "*.db*"))
        {
            File.Delete(path);
        }

        if (Directory.Exists(Path.Combine(chain, "index")))
        {
            Directory.Delete(Path.Combine(chain, "index"), recursive: true);
        }
    }

    private static void Copy(string from, string to)
    {
        foreach (string path in Directory.GetFiles(from, "chain.db*"))
        {
            File.Copy(path, Path.Combine(to, Path.GetFileName(path)), overwrite: true);
        }
    }

    /// <summary>The server's program as one organisation's ledger node.</summary>
    private sealed class NodeProcess : IDisposable
    {
        private readonly Process _process;

        private NodeProcess(Process process, string prefix)
        {
            _process = process;
            Prefix = prefix;
        }

        public string Prefix { get; }

        public static async Task<NodeProcess> StartAsync(string folder, string genesis, string password, string secret)
        {
            string url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ServerHost.FreePort()}");
            var start = new ProcessStartInfo("dotnet", [ServerHost.Dll]) { RedirectStandardOutput = true, WorkingDirectory = folder };
            start.Environment["Notary__Nodes__Serve__0__Folder"] = folder;
            start.Environment["Notary__Nodes__Serve__0__GenesisFile"] = genesis;
            start.Environment["Notary__Nodes__Serve__0__PasswordFile"] = password;
            start.Environment["Notary__Nodes__EntriesSecretFile"] = secret;
            start.Environment["Notary__Listen__Url"] = url;
            Process process = Process.Start(start)!;
            string? line = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1));
            Assert.Contains("serves ledger nodes", line, StringComparison.Ordinal);
            return new NodeProcess(process, url + "/mirror");
        }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
