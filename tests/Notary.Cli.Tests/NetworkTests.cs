using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Notary.Evidence;

namespace Notary.Cli.Tests;

/// <summary>A whole demonstration network as a user meets it: made by one verb, served by one process, and a package of it verified with the trust file alone.</summary>
public sealed class NetworkTests
{
    [Fact]
    public async Task A_network_is_made_by_one_verb_and_what_is_notarized_in_it_is_anchored()
    {
        using var work = new Workspace();
        Templates(work.Root, "main", "beijing");
        CliResult created = (await CliProcess.RunAsync(work.Root, "network", "create")).AssertExit(0);
        Assert.Contains("2 chains, 8 ledger nodes", created.Output, StringComparison.Ordinal);
        (await CliProcess.RunAsync(work.Root, "network", "create")).AssertRefused(73, "chain-exists");
        using ServerHost server = await ServerHost.StartAsync(work.Root);
        string file = work.Write("contract.txt", "signed by both\n");
        CliResult notarized = (await CliProcess.RunAsync(work.Root, "notarize", file)).AssertExit(0);
        Assert.Contains("TOTAL-PASSED", notarized.Output, StringComparison.Ordinal);
        Assert.Contains("DEMONSTRATION", notarized.Output, StringComparison.Ordinal);

        // Somewhere else, with nothing but package and trust file.
        using var court = new Workspace();
        File.Copy(file + ".asice", Path.Combine(court.Root, "contract.asice"));
        File.Copy(Path.Combine(work.Root, "data", "trust.note"), Path.Combine(court.Root, "trust.note"));
        CliResult verified = (await CliProcess.RunAsync(court.Root, "verify", "contract.asice", "--trust", "trust.note", "--json")).AssertExit(0);
        using JsonDocument report = JsonDocument.Parse(verified.Output);
        Assert.Equal("anchored", report.RootElement.GetProperty("state").GetProperty("reached").GetString());

        CliResult measured = (await CliProcess.RunAsync(court.Root, "bench", "verify", "contract.asice", "--trust", "trust.note", "--seconds", "0.5")).AssertExit(0);
        using JsonDocument line = JsonDocument.Parse(measured.Output);
        Assert.Equal(("TotalPassed", "anchored"), (line.RootElement.GetProperty("indication").GetString(), line.RootElement.GetProperty("state").GetString()));
        Assert.True(line.RootElement.GetProperty("verifications").GetInt64() > 0);

        CliResult status = (await CliProcess.RunAsync(work.Root, "network", "status")).AssertExit(0);
        Assert.Contains("forensic-centre 0", status.Output, StringComparison.Ordinal);
        Assert.Contains("mode demonstration", status.Output, StringComparison.Ordinal);
        await HttpAsync(server);
    }

    [Fact]
    public async Task A_leaf_that_was_written_past_admission_is_shown_by_status_and_fsck_with_the_nodes_alarms()
    {
        using var work = new Workspace();
        Templates(work.Root, "main", "beijing");
        (await CliProcess.RunAsync(work.Root, "network", "create")).AssertExit(0);
        var folder = new Chain.Folders.ChainFolder(Path.Combine(work.Root, "data", "chains", "beijing"));
        long at = Chain.Tests.ForgedLeaf.Append(folder, "no JSON");
        using (ServerHost server = await ServerHost.StartAsync(work.Root))
        {
            using var http = new HttpClient { BaseAddress = server.Credential.Server };
            JsonElement alarms = default;
            for (int turn = 0; turn < 300 && !(alarms.ValueKind == JsonValueKind.Object && alarms.GetProperty("sealed").GetInt64() == 3); turn++)
            {
                await Task.Delay(100);
                JsonElement beijing = JsonDocument.Parse(await http.GetStringAsync("api/network")).RootElement.GetProperty("chains")[0];
                beijing.TryGetProperty("alarms", out alarms);
            }

            JsonElement newest = alarms.GetProperty("newest");
            Assert.Equal((at, "alarm", "not-json"), (newest.GetProperty("about").GetInt64(), newest.GetProperty("kind").GetString(), newest.GetProperty("code").GetString()));
            Assert.InRange(newest.GetProperty("index").GetInt64(), at + 3, at + 20);

            // The nodes' evidence is what somebody has to look at; their alarms are on record.
            CliResult status = (await CliProcess.RunAsync(work.Root, "network", "status")).AssertExit(2);
            Assert.Contains("beijing: 3 alarms sealed, the newest at index", status.Output, StringComparison.Ordinal);
            Assert.Contains(FormattableString.Invariant($" says that leaf {at} fails admission, not-json"), status.Output, StringComparison.Ordinal);
            Assert.Contains("beijing/court: 1 alarms", status.Output, StringComparison.Ordinal);
            server.Kill();
        }

        CliResult fsck = (await CliProcess.RunAsync(work.Root, "fsck")).AssertExit(1);
        Assert.Contains(FormattableString.Invariant($"ERROR leaf-form (beijing, segment, index {at})"), fsck.Output, StringComparison.Ordinal);
        Assert.Equal(3, fsck.Output.Split("remark alarm (beijing, segment, index").Length - 1);
        Assert.DoesNotContain("unsealed", fsck.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_is_made_once_with_a_key_of_its_own()
    {
        using var work = new Workspace();
        string password = work.Write("password", "of no value\n");
        foreach (string suite in new[] { "sm", "intl" })
        {
            CliResult made = (await CliProcess.RunAsync(work.Root, "node", "keygen", "court.example/beijing", "--folder", suite, "--suite", suite, "--password-file", password)).AssertExit(0);
            Assert.Equal(Notary.Ledger.NoteKeyProblem.None, Notary.Ledger.NoteKey.TryParse(made.Output.TrimEnd(), out Notary.Ledger.NoteKey? key));
            Assert.True(key!.IsCosignature && key.Name == "court.example/beijing" && key.Suite.Name == suite);
            Assert.Equal(made.Output, File.ReadAllText(Path.Combine(work.Root, suite, "node.vkey")));
        }

        // Moved to another disk: both say so in one command, and what is no node is refused.
        string[] places = [.. new[] { "sm", "intl" }.Select(name => Path.Combine(work.Root, name, "node.place"))];
        string[] before = [.. places.Select(File.ReadAllText)];
        places.ToList().ForEach(place => File.WriteAllText(place, "1@2.000000003\n"));
        CliResult moved = (await CliProcess.RunAsync(work.Root, "node", "move", "sm", "intl")).AssertExit(0);
        Assert.Equal(before, places.Select(File.ReadAllText));
        Assert.Equal(2, moved.Output.Split('\n').Count(static line => line.StartsWith("moved: court.example/beijing+", StringComparison.Ordinal)));
        (await CliProcess.RunAsync(work.Root, "node", "move", "nowhere")).AssertRefused(78, "chain-not-created");

        (await CliProcess.RunAsync(work.Root, "node", "keygen", "court.example/beijing", "--folder", "sm", "--password-file", password)).AssertRefused(73, "chain-exists");
        (await CliProcess.RunAsync(work.Root, "node", "keygen", "two words", "--folder", "other", "--password-file", password)).AssertRefused(66, "chain-template");
        Assert.False(Directory.Exists(Path.Combine(work.Root, "other")));
    }

    [Fact]
    public async Task Templates_that_make_no_network_are_refused_and_leave_nothing()
    {
        using var work = new Workspace();
        Templates(work.Root, "beijing");
        (await CliProcess.RunAsync(work.Root, "network", "create")).AssertRefused(66, "chain-template");
        Templates(work.Root, "main");
        string nodes = Path.Combine(work.Root, "sidechains", "beijing", "nodes.txt");
        foreach ((string text, string says) in new[]
        {
            ("quorum none\n", "names no ledger node"),
            ("witness court\nwitness court\nquorum court\n", "a name of its own"),
            ("witness Court\nquorum Court\n", "a name of its own"),
            ("witness court\ngroup nodes 3 court\nquorum nodes\n", "no quorum policy"),
            ("witness court\nquorum archive\n", "no quorum policy"),
        })
        {
            File.WriteAllText(nodes, text);
            CliResult refused = await CliProcess.RunAsync(work.Root, "network", "create");
            refused.AssertRefused(66, "chain-template");
            Assert.Contains(says, refused.Error, StringComparison.Ordinal);
        }

        Assert.False(Directory.Exists(Path.Combine(work.Root, "data", "chains")));
        Assert.False(Directory.Exists(Path.Combine(work.Root, "data", "nodes")));
    }

    private static async Task HttpAsync(ServerHost server)
    {
        using var http = new HttpClient { BaseAddress = server.Credential.Server };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", server.Credential.Secret);
        foreach (string wait in new[] { "?wait=soon", "?wait=time-stamped", "?wait=none", "?wait=final&wait=final" })
        {
            using HttpResponseMessage refused = await http.PostAsync("api/evidence" + wait, Body(1));
            Assert.Equal((HttpStatusCode.BadRequest, "wait-malformed"), (refused.StatusCode, (await JsonOf(refused)).GetProperty("code").GetString()));
        }

        foreach (string state in new[] { "sealed", "final", "anchored" })
        {
            using HttpResponseMessage answer = await http.PostAsync($"api/evidence?wait={state}", Body(2));
            Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
            JsonElement receipt = await JsonOf(answer);
            RecordState reached = Reached(receipt, server);
            Assert.True(reached >= StateOf(state), $"{reached} after wait={state}");
            Assert.Equal(TrustNames.Of(reached), receipt.GetProperty("state").GetString());
        }

        // A replay waits as well.
        var first = new HttpRequestMessage(HttpMethod.Post, "api/evidence") { Content = Body(3), Headers = { { "Idempotency-Key", "once" } } };
        using HttpResponseMessage sealedAnswer = await http.SendAsync(first);
        var again = new HttpRequestMessage(HttpMethod.Post, "api/evidence?wait=anchored") { Content = Body(3), Headers = { { "Idempotency-Key", "once" } } };
        using HttpResponseMessage replay = await http.SendAsync(again);
        JsonElement replayed = await JsonOf(replay);
        Assert.Equal((await JsonOf(sealedAnswer)).GetProperty("number").GetString(), replayed.GetProperty("number").GetString());
        Assert.Equal(RecordState.Anchored, Reached(replayed, server));

        JsonElement network = JsonDocument.Parse(await http.GetStringAsync("api/network")).RootElement;
        Assert.Equal(["beijing", "main"], network.GetProperty("chains").EnumerateArray().Select(c => c.GetProperty("chain").GetString()));
        JsonElement beijing = network.GetProperty("chains")[0];
        Assert.Equal(beijing.GetProperty("size").GetInt64(), beijing.GetProperty("anchored").GetInt64());
        Assert.Equal(["court", "notary-office", "forensic-centre"], beijing.GetProperty("nodes").EnumerateArray().Select(n => n.GetProperty("node").GetString()));
        JsonElement record = JsonDocument.Parse(await http.GetStringAsync("api/evidence/" + replayed.GetProperty("number").GetString())).RootElement;
        Assert.Equal("anchored", record.GetProperty("state").GetString());
    }

    private static RecordState Reached(JsonElement receipt, ServerHost server)
    {
        Assert.Equal(ReceiptProblem.None, Receipt.TryParse(Encoding.UTF8.GetBytes(receipt.GetRawText()), out Receipt? parsed));
        VerificationReport report = Verifier.VerifyReceipt(parsed!, null, [], server.Trust.Files[0].File);
        Assert.DoesNotContain(report.Checks, check => check.Outcome == CheckOutcome.Failed && check.Name is not ("checkpoint.quorum" or "state.required"));
        return report.State.Reached;
    }

    private static RecordState StateOf(string name) => TrustNames.TryState(name, out RecordState state) ? state : throw new ArgumentException(name);

    private static async Task<JsonElement> JsonOf(HttpResponseMessage answer) => JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;

    private static StringContent Body(int size) => new(
        $$"""{"type":"document","parts":[{"media":"text/plain","size":{{size}},"sm3":"66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]}""",
        Encoding.UTF8,
        new MediaTypeHeaderValue("application/json"));

    internal static void Templates(string root, params string[] names)
    {
        foreach (string name in names)
        {
            Copy(Path.Combine(Workspace.RepositoryRoot, "sidechains", name), Path.Combine(root, "sidechains", name));
        }

        Copy(Path.Combine(Workspace.RepositoryRoot, "policies"), Path.Combine(root, "policies"));
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
