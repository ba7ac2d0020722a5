using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Tests;

/// <summary>A deployment in production by the verbs alone: keys of three organisations and three officers, two chains, nodes as processes of their own; then keys and policies of a running chain.</summary>
public sealed class CeremonyTests
{
    private static readonly string[] Organisations = ["court", "notary-office", "forensic-centre"];

    [Fact]
    public async Task A_deployment_is_made_and_governed_by_officers_whose_keys_are_offline()
    {
        using var work = new Workspace();
        NetworkTests.Templates(work.Root, "main", "beijing");
        File.Copy(work.PathOf("sidechains/beijing/nodes.txt"), work.PathOf("sidechains/main/nodes.txt"), overwrite: true);
        using var made = new Deployment(work);
        await made.MakeKeysAsync();
        await MainAsync(made);
        await RegionAsync(made);

        await made.StartNodesAsync("main", "beijing");
        using ServerHost server = await ServerHost.StartAsync(work.Root, passwordFile: work.PathOf("password"));
        File.Copy(work.PathOf("data/trust.note"), work.PathOf("published.note"));
        string credential = made.Credential("beijing", server);
        await NotarizeAsync(made, "contract.txt", credential);
        CliResult verified = await made.RunAsync(0, "verify", "contract.txt.asice", "contract.txt", "--trust", "published.note");
        Assert.Contains("TOTAL-PASSED", verified.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("demonstration", verified.Output, StringComparison.OrdinalIgnoreCase);
        await KeysAsync(made, credential);
        await PoliciesAsync(made, credential);
        (await CliProcess.RunAsync(work.Root, "verify", "contract.txt.asice", "--trust", "published.note")).AssertExit(0);
    }

    // The first chain, with the first version of the trust file; what is refused on the way.
    private static async Task MainAsync(Deployment made)
    {
        string[] begin = made.Begin("main");
        await made.RefusedAsync(64, "password-needed", [.. begin[..^2]]);
        await made.RefusedAsync(66, "chain-template", [.. begin.Select(static word => word == "main" ? "beijing" : word)]);
        await made.RefusedAsync(66, "chain-template", [.. begin.Where(static word => !word.StartsWith("court=", StringComparison.Ordinal))]);
        await made.RefusedAsync(78, "chain-key", [.. begin.Select(static word => word == "2" ? "4" : word)]);
        Assert.Contains("trust-1.proposal", (await made.RunAsync(0, begin)).Output, StringComparison.Ordinal);
        byte[] genesis = File.ReadAllBytes(made.Work.PathOf("main.genesis.json"));
        await made.RefusedAsync(73, "proposal-exists", begin);

        // Interrupted before all was written: the keys are made once.
        File.Delete(made.Work.PathOf("main.proposal"));
        File.Delete(made.Work.PathOf("main.genesis.json"));
        await made.RunAsync(0, begin);
        Assert.Equal(genesis, File.ReadAllBytes(made.Work.PathOf("main.genesis.json")));
        await made.RefusedAsync(73, "chain-exists", [.. begin.Where(static word => !word.StartsWith("notary.test/governance-3+", StringComparison.Ordinal))]);

        await made.RefusedAsync(73, "chain-exists", "chain", "create", "main", "--data", "data", "--password-file", "password");
        string[] finish = ["chain", "create", "main", "--data", "data", "--password-file", "password", "--signed", "main.proposal", "--trust", "trust-1.proposal"];
        await made.RefusedAsync(65, "proposal-unsigned", finish);
        await made.SignAsync("trust", "trust-1.proposal", 1, 2);
        await made.RefusedAsync(65, "chain-not-signed", finish);
        string fingerprint = await made.SignAsync("governance", "main.proposal", 1);
        CliResult few = await made.RefusedAsync(65, "chain-not-signed", finish);
        Assert.Contains("admission is refused as governance-missing", few.Error, StringComparison.Ordinal);
        string[] sign = ["governance", "sign", "main.proposal", "--password-file", "password", "--fingerprint", fingerprint, "--key"];
        await made.RefusedAsync(64, "signed-already", [.. sign, "governance-1.pem"]);
        await made.RefusedAsync(65, "not-governance", [.. sign, "agency.pem"]);
        await made.RefusedAsync(1, "fingerprint-differs", "governance", "sign", "main.proposal", "--password-file", "password", "--key", "governance-3.pem", "--fingerprint", new string('0', 64));
        await made.SignAsync("governance", "main.proposal", 3);

        // Something else than what was signed, something missing, and what is signed for another chain.
        string text = await File.ReadAllTextAsync(made.Work.PathOf("main.proposal"));
        made.Work.Write("changed.proposal", text.Replace("\"lag\":3600", "\"lag\":3601", StringComparison.Ordinal));
        Assert.Contains("governance-missing", (await made.RefusedAsync(65, "chain-not-signed", [.. finish.Select(static word => word == "main.proposal" ? "changed.proposal" : word)])).Error, StringComparison.Ordinal);
        await made.RefusedAsync(78, "chain-not-created", [.. finish.Select(static word => word == "main" ? "beijing" : word)]);
        Assert.False(File.Exists(made.Work.PathOf("data/trust.note")));

        // What an interrupted run left.
        made.Work.Write("data/chains/.main.signing/chain.db", "half");
        made.Work.Write("data/chains/.main.signing/chain.db-wal", "half");
        CliResult created = await made.RunAsync(0, finish);
        Assert.Contains("created: notary.test/main", created.Output, StringComparison.Ordinal);
        await made.RefusedAsync(73, "chain-exists", finish);
        await made.RefusedAsync(73, "chain-exists", begin);
        await made.RunAsync(0, "fsck", "--data", "data", "--password-file", "password");
        made.Publish("main");
    }

    // A region: its version of the trust file comes into force on the running main chain first.
    private static async Task RegionAsync(Deployment made)
    {
        CliResult begun = await made.RunAsync(0, [.. made.Begin("beijing").Where(static word => word is not "--threshold" and not "2" and not "--governance" && !word.StartsWith("notary.test/governance-", StringComparison.Ordinal))]);
        Assert.Contains("trust-2.proposal", begun.Output, StringComparison.Ordinal);
        await made.SignAsync("trust", "trust-2.proposal", 2, 3);
        await made.SignAsync("governance", "beijing.proposal", 1, 2, 3);
        string[] finish = ["chain", "create", "beijing", "--data", "data", "--password-file", "password", "--signed", "beijing.proposal"];
        Assert.Contains("does not know notary.test/beijing", (await made.RefusedAsync(69, "chain-trust", finish)).Error, StringComparison.Ordinal);
        await made.RefusedAsync(69, "chain-trust", [.. finish, "--trust", "trust-2.proposal"]);
        using (await made.StartNodesAsync("main"))
        {
            using ServerHost server = await ServerHost.StartAsync(made.Work.Root, passwordFile: made.Work.PathOf("password"));
            string credential = made.Credential("main", server);
            await made.RunAsync(0, "trust", "apply", "trust-2.proposal", "--credential", credential);
            foreach (string organisation in Organisations)
            {
                await made.RunAsync(0, "trust", "update", "--trust", $"organisations/{organisation}/trust.note", "--server", server.Credential.Server.ToString());
            }
        }

        await made.RunAsync(0, finish);
        made.Publish("beijing");
    }

    private static async Task KeysAsync(Deployment made, string credential)
    {
        string[] apply = ["governance", "apply", "key.proposal", "--credential", credential];
        await made.KeygenAsync("second");
        string[] key = ["key", "propose", "--account", "agency", "--chains", "beijing", "--credential", credential, "--spki"];
        await made.RefusedAsync(65, "key-known", [.. key, "agency.pub", "--until", "2040-01-01"]);
        await made.RefusedAsync(65, "key-unknown", [.. key, "second.pub", "--revoke"]);
        await made.RefusedAsync(64, "until", [.. key, "second.pub"]);
        await made.RefusedAsync(65, "chain-unknown", [.. key.Select(static word => word == "beijing" ? "lhasa" : word), "second.pub", "--until", "2040-01-01"]);
        CliResult proposed = await made.RunAsync(0, [.. key, "second.pub", "--until", "2040-01-01", "--types", "document", "photo"]);
        Assert.Contains("adds a key of the account agency", proposed.Output, StringComparison.Ordinal);
        Assert.Contains("types document, photo", proposed.Output, StringComparison.Ordinal);
        await made.RefusedAsync(73, "proposal-exists", [.. key, "second.pub", "--until", "2040-01-01"]);
        await made.RefusedAsync(65, "proposal-unsigned", apply);
        await made.SignAsync("governance", "key.proposal", 1);
        Assert.Contains("key on notary.test/beijing: governance-missing", (await made.RefusedAsync(65, "proposal-refused", apply)).Error, StringComparison.Ordinal);
        await made.SignAsync("governance", "key.proposal", 2);
        string sealedAt = (await made.RunAsync(0, apply)).Output;
        Assert.StartsWith("sealed: key on notary.test/beijing, leaf ", sealedAt, StringComparison.Ordinal);
        Assert.Equal(sealedAt, (await made.RunAsync(0, apply)).Output);

        // Both hold at once; the newest is named. Revoked, the old one serves again.
        await NotarizeAsync(made, "second.txt", credential);
        Assert.Equal(sealedAt.Split(' ')[^1].Trim(), await KeyOfNewestAsync(made, "second.txt"));
        CliResult revoked = await made.RunAsync(0, [.. key, "second.pub", "--revoke", "--out", "revoke.proposal"]);
        Assert.Contains("revokes, as of ", revoked.Output, StringComparison.Ordinal);
        await made.SignAsync("governance", "revoke.proposal", 3, 1);
        await made.RunAsync(0, "governance", "apply", "revoke.proposal", "--credential", credential);
        await made.RefusedAsync(65, "key-revoked", [.. key, "second.pub", "--revoke", "--out", "again.proposal"]);
        await NotarizeAsync(made, "third.txt", credential);
        Assert.Equal("5", await KeyOfNewestAsync(made, "third.txt"));

        // Another record of a key that the chain has: for one type, and longer.
        CliResult longer = await made.RunAsync(0, [.. key, "agency.pub", "--supersedes", "--until", "2041-01-01T08:00:00+08:00", "--types", "document", "--out", "longer.proposal"]);
        Assert.Contains("replaces the record of leaf 5 of a key of the account agency", longer.Output, StringComparison.Ordinal);
        Assert.Contains("until before 2041-01-01T00:00:00.000Z", longer.Output, StringComparison.Ordinal);
        await made.SignAsync("governance", "longer.proposal", 1, 2, 3);
        string longerAt = (await made.RunAsync(0, "governance", "apply", "longer.proposal", "--credential", credential)).Output.Split(' ')[^1].Trim();
        await NotarizeAsync(made, "longer.txt", credential);
        Assert.Equal(longerAt, await KeyOfNewestAsync(made, "longer.txt"));
        Assert.Contains("key-supersedes", (await made.RefusedAsync(65, "proposal-refused", apply)).Error, StringComparison.Ordinal);
    }

    private static async Task PoliciesAsync(Deployment made, string credential)
    {
        string text = await File.ReadAllTextAsync(made.Work.PathOf("policies/admission/default.json"));
        foreach (int version in new[] { 2, 3 })
        {
            made.Work.Write($"admission-{version}.json", text.Replace("\"version\": 1", $"\"version\": {version}", StringComparison.Ordinal).Replace("3600", "3500", StringComparison.Ordinal));
            CliResult proposed = await made.RunAsync(0, "policy", "propose", $"admission-{version}.json", "--chains", "beijing", "main", "--credential", credential, "--out", $"policy-{version}.proposal");
            Assert.Contains("-       \"lag\": 3600,", proposed.Output, StringComparison.Ordinal);
            Assert.Contains("+       \"lag\": 3500,", proposed.Output, StringComparison.Ordinal);
            await made.SignAsync("governance", $"policy-{version}.proposal", 2, 3);
        }

        // An officer without network sees what changes against the document that he has, and no chain that his trust file knows otherwise.
        string[] look = ["governance", "sign", "policy-3.proposal", "--key", "absent.pem", "--password-file", "password", "--fingerprint", new string('0', 64), "--in-force"];
        Assert.Contains("-       \"lag\": 3600,", (await made.RefusedAsync(1, "fingerprint-differs", [.. look, "policies/admission/default.json"])).Error, StringComparison.Ordinal);
        await made.RefusedAsync(66, "file-not-found", [.. look, "absent.json"]);
        OtherLog(made, "policy-3.proposal", "other.proposal");
        await made.RefusedAsync(1, "proposal-other-chain", "governance", "sign", "other.proposal", "--key", "governance-1.pem", "--password-file", "password", "--trust", "published.note");

        CliResult applied = await made.RunAsync(0, "governance", "apply", "policy-3.proposal", "--credential", credential);
        Assert.Equal(2, applied.Output.Split('\n').Count(static line => line.StartsWith("sealed: admission on notary.test/", StringComparison.Ordinal)));
        Assert.Contains("policy-not-newer", (await made.RefusedAsync(65, "proposal-refused", "governance", "apply", "policy-2.proposal", "--credential", credential)).Error, StringComparison.Ordinal);
        await made.RefusedAsync(65, "policy-not-newer", "policy", "propose", "admission-2.json", "--chains", "beijing", "--credential", credential, "--out", "old.proposal");
        await made.RefusedAsync(65, "policy-malformed", "policy", "propose", "published.note", "--chains", "beijing", "--credential", credential, "--out", "old.proposal");
        await NotarizeAsync(made, "fourth.txt", credential);
    }

    // The same documents for chains whose genesis names another log key.
    private static void OtherLog(Deployment made, string from, string to)
    {
        Assert.Equal("", GovernanceProposal.TryParse(File.ReadAllBytes(made.Work.PathOf(from)), out GovernanceProposal? proposal));
        List<Genesis> others = [.. proposal!.Chains.Select(static chain => Genesis.Create(
            chain.Deployment, chain.Chain, chain.Code, chain.Suite, chain.K, chain.GovernanceKeys, NoteKey.Create(chain.Origin, chain.LogKey.Type, chain.GovernanceKeys[0].PublicKey), chain.Created))];
        Assert.Equal("", GovernanceProposal.TryCreate(others, proposal.Documents, out GovernanceProposal? other));
        File.WriteAllBytes(made.Work.PathOf(to), other!.ToBytes());
    }

    private static async Task NotarizeAsync(Deployment made, string name, string credential)
    {
        made.Work.Write(name, name + "\n");
        CliResult notarized = await made.RunAsync(0, "notarize", name, "--credential", credential, "--trust", "published.note");
        Assert.Contains("TOTAL-PASSED", notarized.Output, StringComparison.Ordinal);
    }

    // The key record that a record names, from the leaf in its package.
    private static async Task<string> KeyOfNewestAsync(Deployment made, string name)
    {
        CliResult shown = await made.RunAsync(0, "inspect", name + ".asice");
        return System.Text.RegularExpressions.Regex.Match(shown.Output, "^ *key: (\\d+)", System.Text.RegularExpressions.RegexOptions.Multiline) is { Success: true } match
            ? match.Groups[1].Value
            : throw new InvalidOperationException(shown.Output);
    }

    /// <summary>The officers', the organisations' and the operator's files in one workspace, and the organisations' node processes.</summary>
    private sealed class Deployment(Workspace work) : IDisposable
    {
        private readonly Dictionary<string, string> _governance = [];
        private readonly Dictionary<(string Chain, string Organisation), string> _nodes = [];
        private readonly Dictionary<string, int> _ports = Organisations.ToDictionary(static name => name, static _ => ServerHost.FreePort());
        private Running? _running;

        public Workspace Work => work;

        public async Task MakeKeysAsync()
        {
            work.Write("password", Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(24)) + "\n");
            foreach (int officer in new[] { 1, 2, 3 })
            {
                string printed = (await RunAsync(0, "keygen", $"governance-{officer}.pem", "--name", $"notary.test/governance-{officer}", "--password-file", "password")).Output;
                _governance.Add($"governance-{officer}", printed.Split('\n').First(static line => line.StartsWith("verifier key: ", StringComparison.Ordinal))[14..].Trim());
            }

            await KeygenAsync("agency");
            foreach (string organisation in Organisations)
            {
                Directory.CreateDirectory(work.PathOf("organisations/" + organisation));
                File.Copy(work.PathOf("password"), work.PathOf($"organisations/{organisation}/password"));
                foreach (string chain in new[] { "main", "beijing" })
                {
                    _nodes[(chain, organisation)] = (await RunAsync(0, "node", "keygen", $"{organisation}.test/{chain}", "--folder", $"organisations/{organisation}/{chain}", "--password-file", "password")).Output.Trim();
                }
            }
        }

        /// <summary>A key file, and beside it what keygen printed.</summary>
        public async Task KeygenAsync(string name) => work.Write(name + ".pub", (await RunAsync(0, "keygen", name + ".pem", "--password-file", "password")).Output);

        public string[] Begin(string chain) =>
        [
            "chain", "create", chain, "--data", "data", "--deployment", "notary.test", "--governance", .. _governance.Values, "--threshold", "2",
            "--node", .. Organisations.Select(organisation => $"{organisation}={_nodes[(chain, organisation)]}@http://127.0.0.1:{_ports[organisation].ToString(CultureInfo.InvariantCulture)}/mirror"),
            "--account", "agency", "--spki", "agency.pub", "--password-file", "password",
        ];

        /// <summary>Each officer signs after having been told the fingerprint; returns it.</summary>
        public async Task<string> SignAsync(string verb, string file, params int[] officers)
        {
            CliResult shown = await CliProcess.RunAsync(work.Root, verb, "sign", file, "--key", "absent.pem", "--password-file", "password", "--fingerprint", new string('0', 64));
            string fingerprint = System.Text.RegularExpressions.Regex.Match(shown.Error, "The fingerprint is ([0-9a-f]{64})").Groups[1].Value;
            Assert.True(fingerprint.Length == 64, shown.Error);
            foreach (int officer in officers)
            {
                await RunAsync(0, verb, "sign", file, "--key", $"governance-{officer}.pem", "--password-file", "password", "--fingerprint", fingerprint);
            }

            return fingerprint;
        }

        /// <summary>What the operator publishes, in each organisation's folder.</summary>
        public void Publish(string chain)
        {
            foreach (string organisation in Organisations)
            {
                File.Copy(work.PathOf(chain + ".genesis.json"), work.PathOf($"organisations/{organisation}/{chain}.genesis.json"));
                File.Copy(work.PathOf("data/trust.note"), work.PathOf($"organisations/{organisation}/trust.note"), overwrite: true);
            }
        }

        public async Task<IDisposable> StartNodesAsync(params string[] chains)
        {
            _running = new Running([.. Organisations.Select(organisation => CliProcess.Start(
                work.Root, new Dictionary<string, string>(), "node", "run", "organisations/" + organisation, "--listen", "http://127.0.0.1:" + _ports[organisation].ToString(CultureInfo.InvariantCulture)))]);
            using var http = new HttpClient();
            foreach (string organisation in Organisations)
            {
                for (var clock = Stopwatch.StartNew(); ;)
                {
                    try
                    {
                        JsonElement ready = JsonDocument.Parse(await http.GetStringAsync($"http://127.0.0.1:{_ports[organisation]}/health/ready")).RootElement;
                        Assert.All(chains, chain => Assert.Contains("notary.test/" + chain, ready.GetRawText(), StringComparison.Ordinal));
                        break;
                    }
                    catch (HttpRequestException)
                    {
                        Assert.True(clock.Elapsed < TimeSpan.FromMinutes(2), organisation + " does not answer.");
                        await Task.Delay(100);
                    }
                }
            }

            return _running;
        }

        /// <summary>The credential that the ceremony wrote, with this server's address.</summary>
        public string Credential(string chain, ServerHost server)
        {
            string path = work.PathOf($"data/credentials/{chain}.json");
            File.WriteAllText(path, File.ReadAllText(path).Replace("http://localhost:5080", server.Credential.Server.ToString().TrimEnd('/'), StringComparison.Ordinal));
            return path;
        }

        public async Task<CliResult> RunAsync(int exit, params string[] arguments) => (await CliProcess.RunAsync(work.Root, arguments)).AssertExit(exit);

        // What is signed is shown first, so the refusal is the last line.
        public async Task<CliResult> RefusedAsync(int exit, string code, params string[] arguments)
        {
            CliResult result = await RunAsync(exit, arguments);
            Assert.True(result.Error.Contains($"notary: {code}: ", StringComparison.Ordinal), $"not {code}: {result.Error}");
            return result;
        }

        public void Dispose() => _running?.Dispose();
    }

    private sealed class Running(Process[] processes) : IDisposable
    {
        public void Dispose()
        {
            foreach (Process process in processes.Where(static process => !process.HasExited))
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
            }
        }
    }
}
