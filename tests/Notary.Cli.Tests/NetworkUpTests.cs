using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Notary.Cli.Tests;

/// <summary>A network as several processes: what it does while some of them stand still, and while a log key is replaced behind the back of one.</summary>
public sealed class NetworkUpTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task The_network_goes_on_while_processes_stand_still_and_a_node_that_was_away_follows_a_new_log_key()
    {
        using var work = new Workspace();
        NetworkTests.Templates(work.Root, "main", "beijing");
        using Process up = CliProcess.Start(work.Root, new Dictionary<string, string>(), "network", "up", "--port", FreePorts(6).ToString(CultureInfo.InvariantCulture));
        var said = new Said(up);
        try
        {
            await said.UntilAsync("Next: ");
            string archive = Path.Combine(work.Root, "data", "organisations", "archive", "trust.note");
            byte[] before = File.ReadAllBytes(archive);
            Dictionary<string, int> pids = Regex.Matches(said.Text, @"^([a-z-]+) +http://127\.0\.0\.1:\d+ +process (\d+)", RegexOptions.Multiline).ToDictionary(m => m.Groups[1].Value, m => int.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture));
            Assert.Equal(["archive", "auditor", "court", "forensic-centre", "notary-office", "platform"], pids.Keys.Order(StringComparer.Ordinal));
            await NotarizeAsync(work, "first.txt", 0);

            // m − k of each chain stand still: everything goes on, and the status says who and since when. Meanwhile the log of the region gets another key.
            Signal(pids["court"], "STOP");
            await NotarizeAsync(work, "second.txt", 0);
            string key = (await CliProcess.RunAsync(work.Root, "chain", "keygen", "beijing")).AssertExit(0).Output.Trim();
            CliResult proposed = (await CliProcess.RunAsync(work.Root, "trust", "propose", "--rotate-log", "beijing," + key, "--ahead", "1", "--out", "next")).AssertExit(0);
            string fingerprint = proposed.Output.Split('\n').First(line => line.StartsWith("fingerprint ", StringComparison.Ordinal))[12..];
            (await CliProcess.RunAsync(work.Root, "trust", "sign", "next", "--key", "data/keys/governance.pem", "--password-file", "data/passwords", "--fingerprint", fingerprint)).AssertExit(0);
            (await CliProcess.RunAsync(work.Root, "trust", "apply", "next")).AssertExit(0);
            await NotarizeAsync(work, "third.txt", 0);
            await StatusAsync(work, 2, "beijing/court: ");

            // One more: receipts are sealed, finality waits.
            Signal(pids["notary-office"], "STOP");
            CliResult waiting = await NotarizeAsync(work, "fourth.txt", 2, "--wait", "3");
            Assert.Contains("INDETERMINATE", waiting.Output, StringComparison.Ordinal);
            await StatusAsync(work, 2, "beijing: a head waits for its quorum since");

            Signal(pids["court"], "CONT");
            Signal(pids["notary-office"], "CONT");
            await NotarizeAsync(work, "fifth.txt", 0);
            await StatusAsync(work, 0, "court 0, notary-office 0, forensic-centre 0");
            foreach (string organisation in Directory.EnumerateDirectories(Path.Combine(work.Root, "data", "organisations")))
            {
                Assert.Equal(File.ReadAllBytes(Path.Combine(work.Root, "data", "trust.note")), File.ReadAllBytes(Path.Combine(organisation, "trust.note")));
            }

            // A process that dies is started again, and knows the new key from its own trust file at once.
            Signal(pids["forensic-centre"], "KILL");
            await said.UntilAsync("forensic-centre: ended with code 137");
            await StatusAsync(work, 0, "forensic-centre 0");
            Signal(up.Id, "TERM");
            using var patience = new CancellationTokenSource(Patience);
            await up.WaitForExitAsync(patience.Token);
            Assert.Equal(0, up.ExitCode);
            await said.UntilAsync("All processes of the network have ended.");
            Assert.DoesNotContain(pids.Values, pid => Directory.Exists($"/proc/{pid}"));

            // Ended before it had carried the version to everybody, it does so the next time; what cannot be written is said and tried again.
            await File.WriteAllBytesAsync(archive, before);
            Directory.CreateDirectory(archive + ".part");
            await UpAsync(work, async again =>
            {
                await again.UntilAsync("archive: its trust file stays behind version 2: ");
                Assert.Equal(before, File.ReadAllBytes(archive));
                Directory.Delete(archive + ".part");
                byte[] after = File.ReadAllBytes(Path.Combine(work.Root, "data", "trust.note"));
                for (var clock = Stopwatch.StartNew(); !after.AsSpan().SequenceEqual(File.ReadAllBytes(archive)); await Task.Delay(100))
                {
                    Assert.True(clock.Elapsed < Patience, "The version was not carried to the archive.");
                }
            });
            await AssertRunsAloneAsync(work);
        }
        finally
        {
            if (!up.HasExited)
            {
                up.Kill(entireProcessTree: true);
            }
        }
    }

    // An organisation's folder is all that its node process needs.
    private static async Task AssertRunsAloneAsync(Workspace work)
    {
        (await CliProcess.RunAsync(work.Root, "node", "run", "data")).AssertRefused(66, "no-nodes");
        using Process alone = CliProcess.Start(work.Root, new Dictionary<string, string>(), "node", "run", "data/organisations/archive", "--listen", $"http://127.0.0.1:{FreePorts(1)}");
        var said = new Said(alone);
        try
        {
            await said.UntilAsync("archive+");
            Assert.Contains("for notary.example/main:", said.Text, StringComparison.Ordinal);
            Signal(alone.Id, "TERM");
            using var patience = new CancellationTokenSource(Patience);
            await alone.WaitForExitAsync(patience.Token);
            Assert.Equal(0, alone.ExitCode);
        }
        finally
        {
            if (!alone.HasExited)
            {
                alone.Kill(entireProcessTree: true);
            }
        }
    }

    [Fact]
    public async Task A_network_of_one_process_is_not_run_as_several()
    {
        using var work = new Workspace();
        NetworkTests.Templates(work.Root, "main", "beijing");
        (await CliProcess.RunAsync(work.Root, "network", "create")).AssertExit(0);
        (await CliProcess.RunAsync(work.Root, "network", "up")).AssertRefused(78, "network-in-one-process");
    }

    [Fact]
    public async Task An_interrupted_creation_is_begun_anew_and_what_may_be_the_last_copy_of_something_is_left_alone()
    {
        using var work = new Workspace();
        NetworkTests.Templates(work.Root, "main", "beijing");
        work.Write("data/VERSION", "notary-data 1\n");
        string password = new('7', 48);
        work.Write("data/passwords", password + "\n");
        work.Write("data/chains.new/beijing/genesis.json", "half");
        work.Write("data/organisations.new/court/password", "half");
        work.Write("data/nodes.new/beijing/court/node.vkey", "half");
        string nodes = work.Write("data/organisations/court/beijing/mirror.db", "kept");
        CliResult refused = await CliProcess.RunAsync(work.Root, "network", "up");
        refused.AssertRefused(73, "chain-exists");
        Assert.Contains("is not empty", refused.Error, StringComparison.Ordinal);
        Assert.Equal("kept", await File.ReadAllTextAsync(nodes));

        Directory.Delete(Path.Combine(work.Root, "data", "organisations"), recursive: true);
        await UpAsync(work, async _ => await NotarizeAsync(work, "first.txt", 0), "--port", FreePorts(6).ToString(CultureInfo.InvariantCulture));
        Assert.Equal(password + "\n", await File.ReadAllTextAsync(Path.Combine(work.Root, "data", "passwords")));
        Assert.Equal(["beijing", "main"], Directory.EnumerateDirectories(Path.Combine(work.Root, "data", "chains")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Empty(Directory.EnumerateDirectories(Path.Combine(work.Root, "data"), "*.new"));
    }

    // Runs the network, and stops it as a person does.
    private static async Task UpAsync(Workspace work, Func<Said, Task> meanwhile, params string[] more)
    {
        using Process up = CliProcess.Start(work.Root, new Dictionary<string, string>(), ["network", "up", .. more]);
        var said = new Said(up);
        try
        {
            await said.UntilAsync("Next: ");
            await meanwhile(said);
            Signal(up.Id, "TERM");
            using var patience = new CancellationTokenSource(Patience);
            await up.WaitForExitAsync(patience.Token);
            Assert.Equal(0, up.ExitCode);
        }
        finally
        {
            if (!up.HasExited)
            {
                up.Kill(entireProcessTree: true);
            }
        }
    }

    private static async Task<CliResult> NotarizeAsync(Workspace work, string name, int exit, params string[] more) =>
        (await CliProcess.RunAsync(work.Root, ["notarize", work.Write(name, name + "\n"), .. more])).AssertExit(exit);

    // Until it says so: a node that comes back is asked again after a while.
    private static async Task StatusAsync(Workspace work, int exit, string says)
    {
        for (var clock = Stopwatch.StartNew(); ;)
        {
            CliResult status = await CliProcess.RunAsync(work.Root, "network", "status");
            if (status.ExitCode == exit && status.Output.Contains(says, StringComparison.Ordinal))
            {
                return;
            }

            Assert.True(clock.Elapsed < Patience, $"exit {exit} and '{says}' did not come in time:\n{status.Output}");
        }
    }

    private static void Signal(int pid, string signal)
    {
        using Process kill = Process.Start("kill", ["-" + signal, pid.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    // The first of so many ports in a row that are free at this moment.
    private static int FreePorts(int count)
    {
        for (int port = 21_000 + Random.Shared.Next(10_000); port < 60_000; port += count)
        {
            try
            {
                foreach (int one in Enumerable.Range(port, count))
                {
                    using var listener = new TcpListener(IPAddress.Loopback, one);
                    listener.Start();
                }

                return port;
            }
            catch (SocketException)
            {
                // Taken.
            }
        }

        throw new InvalidOperationException("No ports are free.");
    }

    /// <summary>What a process writes, as it comes.</summary>
    private sealed class Said
    {
        private readonly System.Text.StringBuilder _text = new();

        public Said(Process process)
        {
            process.OutputDataReceived += Add;
            process.ErrorDataReceived += Add;
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }

        public string Text
        {
            get
            {
                lock (_text)
                {
                    return _text.ToString();
                }
            }
        }

        public async Task UntilAsync(string line)
        {
            for (var clock = Stopwatch.StartNew(); !Text.Contains(line, StringComparison.Ordinal); await Task.Delay(50))
            {
                Assert.True(clock.Elapsed < Patience, $"'{line}' was not said in time:\n{Text}");
            }
        }

        private void Add(object sender, DataReceivedEventArgs e)
        {
            lock (_text)
            {
                _text.AppendLine(e.Data);
            }
        }
    }
}
