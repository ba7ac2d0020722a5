using System.Diagnostics;
using Notary.Chain.Folders;
using Notary.Chain.Nodes;
using Notary.Chain.Tests;
using Notary.Chain.Tests.Nodes;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;
using Notary.Server.Nodes;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Nodes;

/// <summary>The program as an organisation's ledger node: what a start says, serves and refuses.</summary>
public sealed class NodeProcessTests(NodeFixture fixture) : IClassFixture<NodeFixture>, IDisposable
{
    private readonly Hosting.TemporaryFolder _folder = new();

    private ForgedLog Log => fixture.Log;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_node_is_served_from_its_folder_and_goes_on_after_a_restart()
    {
        (string, string)[] settings = Settings();
        string line;
        await using (ServerProcess server = ServerProcess.Start("", environment: "Production", settings: settings))
        {
            await server.WaitReadyAsync();
            using var link = new HttpNodeLink(new Uri(server.Address, NodeEndpoints.Prefix));
            Assert.Equal(NodeStatus.Success, (await link.AddCheckpointAsync(Log.Offer(0, 600), CancellationToken.None)).Status);
            var range = new UploadRange(Log.Genesis.Origin, 0, 600, default);
            NodeAnswer cosigned = await link.AddEntriesAsync(range, [.. Enumerable.Range(0, 3).Select(i => Log.Package(range, i))], CancellationToken.None);
            Assert.Equal(NodeStatus.Success, cosigned.Status);
            line = cosigned.Body;

            // Nothing else is served, and no chain was made.
            foreach (string address in new[] { "/", "/trust", "/log/beijing/checkpoint", "/openapi/v1.json" })
            {
                using HttpResponseMessage nothing = await server.Client.GetAsync(address);
                await ServerFixture.ProblemAsync(nothing, "not-found");
            }

            using HttpResponseMessage deposit = await server.Client.PostAsync("/api/evidence", ServerFixture.Json(ServerFixture.RequestOf(1)));
            await ServerFixture.ProblemAsync(deposit, "not-found");

            // A second process keeps away.
            await using ServerProcess second = ServerProcess.Start("", environment: "Production", settings: settings);
            Assert.Equal(78, await second.WaitExitAsync());
            Assert.StartsWith("Notary does not start: Another process works on the node", second.Errors, StringComparison.Ordinal);
            Assert.Equal(0, await server.TerminateAsync());
            Assert.Equal("", server.Errors);
            Assert.Contains($"court.example/node+{fixture.Key.KeyId:x8} for {Log.Genesis.Origin}: 0 entries, cosigned 0", server.Output, StringComparison.Ordinal);
        }

        await using ServerProcess again = ServerProcess.Start("", environment: "Production", settings: settings);
        await again.WaitReadyAsync();
        using var after = new HttpNodeLink(new Uri(again.Address, NodeEndpoints.Prefix));
        Assert.Equal(line, (await after.AddEntriesAsync(new UploadRange(Log.Genesis.Origin, 600, 600, default), [], CancellationToken.None)).Body);
        Assert.Equal(0, await again.TerminateAsync());
        Assert.Contains("600 entries, cosigned 600", again.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_running_node_takes_no_trust_file_that_does_not_follow_the_one_it_knows_and_says_so()
    {
        string path = _folder.File("trust.note");
        Assert.Null(TrustFile.TryParse(File.ReadAllBytes(Path.Combine(fixture.Chain.DataPath, "trust.note")), out TrustFile? first));
        TrustContent second = first!.Content with { Version = 2, Previous = first.Fingerprint };
        using ISigner governance = KeyFile.Load(Path.Combine(fixture.Chain.DataPath, "keys", "governance.pem"), TestChain.Password);
        using ISigner stranger = KeyFile.Create(_folder.File("stranger.pem"), governance.Algorithm, TestChain.Password);
        NoteKey own = second.GovernanceKeys[0];
        NoteKey strange = NoteKey.Create(own.Name, own.Type, stranger.PublicKey.Span);
        TrustedChain known = second.Chains[0];
        Assert.Null(TrustFile.TryParse(OtherTrust(), out TrustFile? other));
        using ISigner others = KeyFile.Load(_folder.File("other/keys/governance.pem"), TestChain.Password);
        (TrustFile File, string Says)[] wrong =
        [
            (TrustFile.Create(other!.Content with { Version = 5, Previous = first.Fingerprint }, others), "it is of the deployment other.example, not notary.test"),
            (TrustFile.Create(second with { GovernanceKeys = [strange] }, stranger), "TooFewOfPrevious"),
            (TrustFile.Create(second with { Chains = [TrustedChain.Create("notary.test/hainan", "HN", known.Suite, [NoteKey.Create("notary.test/hainan", own.Type, stranger.PublicKey.Span)], known.PolicyText)] }, governance), "it does not know notary.test/beijing"),
            (TrustFile.Create(first.Content with { Chains = [TrustedChain.Create(known.Origin, "XY", known.Suite, known.LogKeys, known.PolicyText)] }, governance), "it is another version 1"),
        ];
        await File.WriteAllBytesAsync(path, first.ToBytes());
        await using ServerProcess server = ServerProcess.Start("", environment: "Production", settings: [.. Settings(), ("Notary__Nodes__TrustFile", path)]);
        await server.WaitReadyAsync();
        foreach ((TrustFile file, string says) in wrong)
        {
            await ReplaceAsync(file, says);
        }

        TrustFile right = TrustFile.Create(second, governance);
        await ReplaceAsync(right, $"know version 2 of the trust file ({right.Fingerprint.ToHex()})");
        Assert.Equal(wrong.Length, server.Output.Split("cannot be used, the ledger nodes go on with version 1").Length - 1);
        Assert.Equal(0, await server.TerminateAsync());

        async Task ReplaceAsync(TrustFile file, string says)
        {
            Assert.DoesNotContain(says, server.Output, StringComparison.Ordinal);
            DurableFile.Replace(path, file.ToBytes());
            for (var clock = Stopwatch.StartNew(); !server.Output.Contains(says, StringComparison.Ordinal); await Task.Delay(50))
            {
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"'{says}' was not said in time: {server.Output}");
            }
        }
    }

    [Theory]
    [InlineData("no folder", "There is no ledger node in")]
    [InlineData("no genesis", "of Notary:Nodes:Serve:0:GenesisFile cannot be read")]
    [InlineData("broken genesis", "of Notary:Nodes:Serve:0:GenesisFile is no genesis document")]
    [InlineData("wrong genesis", "mirrors another chain than")]
    [InlineData("no password file", "of Notary:Nodes:Serve:0:PasswordFile cannot be read")]
    [InlineData("empty password file", "of Notary:Nodes:Serve:0:PasswordFile is empty")]
    [InlineData("wrong password", "password")]
    [InlineData("short secret", "has 5 characters, and 32 to 256 are accepted")]
    [InlineData("same log twice", "both mirror")]
    [InlineData("copy lost", "has lost its copy")]
    [InlineData("no trust file", "of Notary:Nodes:TrustFile cannot be read")]
    [InlineData("broken trust file", "of Notary:Nodes:TrustFile is no trust file")]
    [InlineData("another deployment's trust file", "does not know " + "notary.test/beijing")]
    public async Task A_start_that_cannot_work_ends_in_one_sentence(string how, string sentence)
    {
        (string, string)[] settings = Settings();
        switch (how)
        {
            case "no folder":
                Directory.Delete(_folder.File("node"), recursive: true);
                break;
            case "no genesis":
                File.Delete(_folder.File("genesis.json"));
                break;
            case "broken genesis":
                await File.WriteAllTextAsync(_folder.File("genesis.json"), "{}");
                break;
            case "wrong genesis":
                fixture.Open(_folder.File("node")).Dispose();
                Genesis own = Log.Genesis;
                Genesis wrong = Genesis.Create(own.Deployment, own.Chain, own.Code, own.Suite, own.K, own.GovernanceKeys, own.LogKey, own.Created.AddDays(1));
                await File.WriteAllBytesAsync(_folder.File("genesis.json"), wrong.Canonical.ToArray());
                break;
            case "no password file":
                File.Delete(_folder.File("password"));
                break;
            case "empty password file":
                await File.WriteAllTextAsync(_folder.File("password"), "\n");
                break;
            case "wrong password":
                await File.WriteAllTextAsync(_folder.File("password"), "not this one\n");
                break;
            case "short secret":
                await File.WriteAllTextAsync(_folder.File("secret"), "12345\n");
                settings = [.. settings, ("Notary__Nodes__EntriesSecretFile", _folder.File("secret"))];
                break;
            case "same log twice":
                settings = [.. settings, .. settings.Select(s => (s.Item1.Replace("__0__", "__1__", StringComparison.Ordinal), s.Item2))];
                break;
            case "copy lost":
                File.Delete(_folder.File("node/mirror.db"));
                break;
            case "no trust file":
                settings = [.. settings, ("Notary__Nodes__TrustFile", _folder.File("trust.note"))];
                break;
            case "broken trust file":
                await File.WriteAllTextAsync(_folder.File("trust.note"), "notary/trust/v1\n{}\n");
                settings = [.. settings, ("Notary__Nodes__TrustFile", _folder.File("trust.note"))];
                break;
            case "another deployment's trust file":
                await File.WriteAllBytesAsync(_folder.File("trust.note"), OtherTrust());
                settings = [.. settings, ("Notary__Nodes__TrustFile", _folder.File("trust.note"))];
                break;
            default:
                throw new ArgumentException(how);
        }

        await using ServerProcess server = ServerProcess.Start("", environment: "Production", settings: settings);
        Assert.Equal(78, await server.WaitExitAsync());
        Assert.StartsWith("Notary does not start: ", server.Errors, StringComparison.Ordinal);
        Assert.Contains(sentence, server.Errors, StringComparison.Ordinal);
        Assert.Single(server.Errors.TrimEnd('\n').Split('\n'));
        Assert.DoesNotContain(TestChain.Password, server.Errors, StringComparison.Ordinal);
    }

    private byte[] OtherTrust()
    {
        using DataFolder folder = DataFolder.Take(_folder.File("other"), create: true);
        ChainCreation.Create(folder, ChainTemplate.Load(Path.Combine(TestChain.RepositoryRoot, "sidechains", "beijing")), "other.example", TestChain.Password, TimeProvider.System);
        return File.ReadAllBytes(folder.TrustPath);
    }

    private (string, string)[] Settings()
    {
        fixture.CopyTo(_folder.File("node"));
        File.WriteAllBytes(_folder.File("genesis.json"), Log.Genesis.Canonical.ToArray());
        File.WriteAllText(_folder.File("password"), TestChain.Password + "\n");
        return
        [
            ("Notary__Nodes__Serve__0__Folder", _folder.File("node")),
            ("Notary__Nodes__Serve__0__GenesisFile", _folder.File("genesis.json")),
            ("Notary__Nodes__Serve__0__PasswordFile", _folder.File("password")),
        ];
    }
}
