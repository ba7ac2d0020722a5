using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Notary.Cli.Tests;

/// <summary>Custody as an officer meets it: two regions of one network, each with its own credential, and a court that has packages and a trust file.</summary>
public sealed partial class CustodyTests
{
    [Fact]
    public async Task A_record_goes_from_region_to_region_and_every_step_verifies_elsewhere()
    {
        using var work = new Workspace();
        NetworkTests.Templates(work.Root, "main", "hainan", "beijing");
        (await CliProcess.RunAsync(work.Root, "network", "create")).AssertExit(0);
        using ServerHost server = await ServerHost.StartAsync(work.Root);
        string hainan = Credential(server, "hainan");
        string beijing = Credential(server, "beijing");
        string file = work.Write("contract.txt", "signed by both\n");
        CliResult notarized = (await CliProcess.RunAsync(work.Root, "notarize", file, "--credential", hainan)).AssertExit(0);
        string number = Number().Match(notarized.Output).Value;

        // Declined, withdrawn, released again, received: six packages' worth of acts.
        string first = TransferOf(await Act(work, "released", "release", number, "--to", "beijing", "--credential", hainan, "--out", "1.asice"));
        (await CliProcess.RunAsync(work.Root, "custody", "withdraw", first, "--credential", hainan)).AssertRefused(65, "not-declined");
        await Act(work, "declined", "decline", first, "--credential", beijing, "--out", "2.asice");
        (await CliProcess.RunAsync(work.Root, "custody", "receive", first, "--credential", beijing)).AssertRefused(65, "refused");
        await Act(work, "withdrawn", "withdraw", first, "--credential", hainan, "--proof", "2.asice", "--out", "3.asice");
        string second = TransferOf(await Act(work, "released", "release", number, "--to", "notary.example/beijing", "--credential", hainan, "--out", "4.asice"));
        CliResult list = (await CliProcess.RunAsync(work.Root, "custody", "show", "--credential", beijing)).AssertExit(0);
        Assert.Contains($"incoming: {second} released, notary.example/hainan to notary.example/beijing, record", list.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(first, list.Output, StringComparison.Ordinal);
        await Act(work, "received", "receive", second, "--from", "hainan", "--credential", beijing, "--out", "5.asice");
        CliResult shown = (await CliProcess.RunAsync(work.Root, "custody", "show", second, "--credential", hainan)).AssertExit(0);
        Assert.Contains($"transfer {second} received, notary.example/hainan to notary.example/beijing", shown.Output, StringComparison.Ordinal);
        Assert.Contains("received: BJ-", shown.Output, StringComparison.Ordinal);
        CliResult withdrawn = (await CliProcess.RunAsync(work.Root, "custody", "show", first, "--credential", hainan, "--json")).AssertExit(0);
        Assert.Equal("withdrawn", JsonDocument.Parse(withdrawn.Output).RootElement.GetProperty("state").GetString());
        (await CliProcess.RunAsync(work.Root, "custody", "release", number, "--to", "beijing", "--credential", hainan)).AssertRefused(65, "refused");

        // Somewhere else, with nothing but packages and trust file.
        using var court = new Workspace();
        File.Copy(Path.Combine(work.Root, "data", "trust.note"), Path.Combine(court.Root, "trust.note"));
        foreach ((string name, string act) in new[] { ("1", "released"), ("2", "declined"), ("3", "withdrawn"), ("4", "released"), ("5", "received") })
        {
            string package = Path.Combine(court.Root, name + ".asice");
            File.Copy(Path.Combine(work.Root, name + ".asice"), package);
            CliResult verified = (await CliProcess.RunAsync(court.Root, "verify", package, "--trust", "trust.note", "--json")).AssertExit(0);
            JsonElement report = JsonDocument.Parse(verified.Output).RootElement;
            Assert.Equal(("anchored", act), (report.GetProperty("state").GetProperty("reached").GetString(), report.GetProperty("custody").GetProperty("act").GetString()));
        }

        CliResult text = (await CliProcess.RunAsync(court.Root, "verify", "5.asice", "--trust", "trust.note")).AssertExit(0);
        Assert.Contains("custody: received", text.Output, StringComparison.Ordinal);
        Assert.Contains("[ok] custody.inclusion", text.Output, StringComparison.Ordinal);
        CliResult inspected = (await CliProcess.RunAsync(court.Root, "inspect", "5.asice")).AssertExit(0);
        Assert.Contains("act: received", inspected.Output, StringComparison.Ordinal);
        Assert.Contains("      act: released", inspected.Output, StringComparison.Ordinal);

        // One character of the sealed proof, and it is another record.
        byte[] bytes = await File.ReadAllBytesAsync(Path.Combine(court.Root, "5.asice"));
        bytes[bytes.AsSpan().IndexOf("\"act\":\"released\""u8) + 8] ^= 1;
        await File.WriteAllBytesAsync(Path.Combine(court.Root, "forged.asice"), bytes);
        (await CliProcess.RunAsync(court.Root, "verify", "forged.asice", "--trust", "trust.note")).AssertExit(1);
    }

    [Theory]
    [InlineData(64, "usage", "custody release HN-0000-0000-0007-4")]
    [InlineData(64, "not-a-record", "custody release HN-0000-0000-0007-5 --to beijing")]
    [InlineData(64, "not-a-chain", "custody release HN-0000-0000-0007-4 --to Beijing")]
    [InlineData(64, "not-a-transfer", "custody receive 7")]
    [InlineData(64, "not-a-transfer", "custody show 0193a5f0-1234-4abc-8def-001122330002 --credential credential.json")]
    [InlineData(64, "usage", "custody show --limit 1001")]
    [InlineData(66, "file-not-found", "custody withdraw 0193a5f0-1234-7abc-8def-001122330002 --proof absent.asice")]
    [InlineData(65, "package-malformed", "custody decline 0193a5f0-1234-7abc-8def-001122330002 --proof credential.json")]
    [InlineData(78, "credential-not-found", "custody decline 0193a5f0-1234-7abc-8def-001122330002 --credential absent.json")]
    public async Task A_wrong_order_is_refused_before_anything_is_sent(int exit, string code, string line)
    {
        using var work = new Workspace();
        work.Write("credential.json", "{\"server\":\"http://127.0.0.1:1\",\"account\":\"a\",\"secret\":\"s\"}");
        (await CliProcess.RunAsync(work.Root, line.Split(' '))).AssertRefused(exit, code);
    }

    private static async Task<string> Act(Workspace work, string act, params string[] args)
    {
        CliResult result = (await CliProcess.RunAsync(work.Root, ["custody", .. args])).AssertExit(0);
        Assert.StartsWith(act + ": ", result.Output, StringComparison.Ordinal);
        Assert.Contains("TOTAL-PASSED", result.Output, StringComparison.Ordinal);
        Assert.Contains("DEMONSTRATION", result.Output, StringComparison.Ordinal);
        return result.Output;
    }

    private static string TransferOf(string output) => Transfer().Match(output).Groups[1].Value;

    // A region's credential, with the address at which the server is this time.
    private static string Credential(ServerHost server, string region)
    {
        string path = Path.Combine(server.Data, "credentials", region + ".json");
        JsonNode credential = JsonNode.Parse(File.ReadAllText(path))!;
        credential["server"] = server.Credential.Server.ToString();
        File.WriteAllText(path, credential.ToJsonString());
        return path;
    }

    [GeneratedRegex("HN-\\d{4}-\\d{4}-\\d{4}-[0-9A-Z]")]
    private static partial Regex Number();

    [GeneratedRegex("transfer ([0-9a-f-]{36})")]
    private static partial Regex Transfer();
}
