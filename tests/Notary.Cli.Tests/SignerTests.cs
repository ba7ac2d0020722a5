using System.Diagnostics;

namespace Notary.Cli.Tests;

/// <summary>The log's key in a process of its own, as an operator sets it up.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class SignerTests
{
    [Fact]
    public async Task A_server_whose_key_a_signer_holds_seals_and_the_signer_ends_in_order()
    {
        using var work = new Workspace();
        using (new OwnChain(work.Root))
        {
        }

        string password = work.PathOf("data/passwords");
        string key = work.PathOf("log.pem");
        File.Move(work.PathOf("data/chains/beijing/keys/log.pem"), key);
        string socket = work.PathOf("s");
        string[] command = ["signer", "--key", key, "--origin", "notary.example/beijing", "--socket", socket, "--folder", "signed", "--password-file", password];
        (await CliProcess.RunAsync(work.Root, [.. command, "--rate", "0"])).AssertRefused(64, "usage");
        (await CliProcess.RunAsync(work.Root, [.. command[..4], "Beijing", .. command[5..]])).AssertRefused(64, "origin");
        (await CliProcess.RunAsync(work.Root, [.. command[..2], work.PathOf("absent"), .. command[3..]])).AssertRefused(78, "key-file");
        using Process signer = CliProcess.Start(work.Root, new Dictionary<string, string>(), command);
        try
        {
            Assert.Equal($"signing for notary.example/beijing at {socket}; nothing was signed before", await signer.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1)));
            (await CliProcess.RunAsync(work.Root, command)).AssertRefused(69, "chain-locked");
            work.Write("data/chains/beijing/signer.json", $"{{\"socket\":\"{socket}\"}}");
            string file = work.Write("contract.txt", "signed by both\n");
            using (await ServerHost.StartAsync(work.Root))
            {
                CliResult notarized = (await CliProcess.RunAsync(work.Root, "notarize", file)).AssertExit(0);
                Assert.Contains("TOTAL-PASSED", notarized.Output, StringComparison.Ordinal);
            }

            Assert.Contains(" done 7 ", File.ReadLines(work.PathOf("signed/signer.log")).Last(), StringComparison.Ordinal);
            using Process term = Process.Start("/bin/kill", ["-TERM", signer.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await term.WaitForExitAsync();
            await signer.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
            Assert.Equal(0, signer.ExitCode);
            Assert.False(File.Exists(socket));
        }
        finally
        {
            if (!signer.HasExited)
            {
                signer.Kill();
            }
        }
    }
}
