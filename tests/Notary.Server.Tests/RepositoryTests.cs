using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests;

/// <summary>What the repository promises in its README and in deploy/, executed.</summary>
public sealed partial class RepositoryTests
{
    [Fact]
    public async Task The_systemd_unit_is_what_it_should_be()
    {
        (int exit, string output) = await ShellAsync(ServerProcess.Repository, "bash deploy/check-unit.sh", []);
        Assert.True(exit == 0, output);
    }

    [Fact]
    public async Task A_unit_that_lost_a_protection_is_found()
    {
        using var folder = new TemporaryFolder();
        string unit = await File.ReadAllTextAsync(Path.Combine(ServerProcess.Repository, "deploy", "notary.service"));
        Assert.Contains("NoNewPrivileges=yes\n", unit, StringComparison.Ordinal);
        await File.WriteAllTextAsync(folder.File("notary.service"), unit.Replace("NoNewPrivileges=yes\n", "", StringComparison.Ordinal));
        (int exit, string output) = await ShellAsync(ServerProcess.Repository, $"bash deploy/check-unit.sh '{folder.File("notary.service")}'", []);
        Assert.Equal(1, exit);
        Assert.Contains("NoNewPrivileges", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_unit_names_the_exit_code_and_options_that_the_server_has()
    {
        string unit = await File.ReadAllTextAsync(Path.Combine(ServerProcess.Repository, "deploy", "notary.service"));
        Assert.Contains("RestartPreventExitStatus=78", unit, StringComparison.Ordinal);
        var settings = EnvironmentLine().Matches(unit).Where(m => m.Groups[1].Value.StartsWith("Notary__", StringComparison.Ordinal)).ToDictionary(m => m.Groups[1].Value.Replace("__", ":", StringComparison.Ordinal), m => (string?)m.Groups[2].Value);
        Assert.Null(Options.OptionReader.Read(new ConfigurationBuilder().AddInMemoryCollection(settings).Build()).Problem);
    }

    /// <summary>
    /// Every command of the README, in its order, in a fresh copy of what is committed or would be. Three things differ from a reader's terminal: the server
    /// runs beside the rest, on a free port (the default one may be taken on this machine), and the test run does not start itself again.
    /// </summary>
    [Fact]
    public async Task Every_command_of_the_README_works_as_pasted()
    {
        using var folder = new TemporaryFolder();
        string copy = folder.File("notary");
        Directory.CreateDirectory(copy);
        (int copied, string trouble) = await ShellAsync(ServerProcess.Repository, $"git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t '{copy}'", []);
        Assert.True(copied == 0, trouble);

        int port = ServerProcess.FreePort();
        (string, string)[] environment = [("Notary__Listen__Url", $"http://localhost:{port}"), ("DOTNET_CLI_TELEMETRY_OPTOUT", "1"), ("MSBUILDDISABLENODEREUSE", "1"), ("UseSharedCompilation", "false")];
        string readme = await File.ReadAllTextAsync(Path.Combine(copy, "README.md"));
        string[] blocks = [.. ShellBlock().Matches(readme).Select(m => m.Groups[1].Value.Trim())];
        Assert.NotEmpty(blocks);
        Process? server = null;
        var serverOutput = new StringBuilder();
        try
        {
            foreach (string block in blocks)
            {
                if (block == "bash tests/run.sh")
                {
                    Assert.True(File.Exists(Path.Combine(copy, "tests", "run.sh")));
                    Assert.Contains("tests/run.sh", await File.ReadAllTextAsync(Path.Combine(copy, ".ci", "run")), StringComparison.Ordinal);
                }
                else if (block == "dotnet run --project src/Notary.Server")
                {
                    server = Start(copy, "exec " + block, environment);
                    server.OutputDataReceived += (_, e) => Append(serverOutput, e.Data);
                    server.ErrorDataReceived += (_, e) => Append(serverOutput, e.Data);
                    server.BeginOutputReadLine();
                    server.BeginErrorReadLine();
                    await ReadyAsync(server, port, serverOutput);
                    string credential = Path.Combine(copy, "data", "credential.json");
                    string given = await File.ReadAllTextAsync(credential);
                    await File.WriteAllTextAsync(credential, given.Replace("http://localhost:5080", $"http://localhost:{port}", StringComparison.Ordinal));
                }
                else
                {
                    (int exit, string output) = await ShellAsync(copy, "set -e\n" + block, environment);
                    Assert.True(exit == 0, $"{block}\n{exit}\n{output}\n{serverOutput}");
                    if (block.Contains("verify", StringComparison.Ordinal))
                    {
                        Assert.Contains("TOTAL-PASSED", output, StringComparison.Ordinal);
                        Assert.Contains("refused, as it must be: exit 1", output, StringComparison.Ordinal);
                    }
                }
            }

            // What the server prints as next commands are those of the README.
            string printed;
            lock (serverOutput)
            {
                printed = serverOutput.ToString();
            }

            foreach (string command in blocks.Where(b => b.Contains("Notary.Cli", StringComparison.Ordinal)).SelectMany(b => b.Split('\n')))
            {
                Assert.Contains(command.Trim(), printed, StringComparison.Ordinal);
            }
        }
        finally
        {
            if (server is not null)
            {
                server.Kill(entireProcessTree: true);
                await server.WaitForExitAsync();
                server.Dispose();
            }
        }
    }

    private static async Task ReadyAsync(Process server, int port, StringBuilder output)
    {
        using var client = new HttpClient();
        var patience = Stopwatch.StartNew();
        while (true)
        {
            Assert.False(server.HasExited, output.ToString());
            Assert.True(patience.Elapsed < TimeSpan.FromMinutes(5), output.ToString());
            try
            {
                if ((await client.GetAsync($"http://localhost:{port}/health/ready")).IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // Still building.
            }

            await Task.Delay(200);
        }
    }

    private static Process Start(string folder, string script, (string Key, string Value)[] environment)
    {
        var start = new ProcessStartInfo("bash") { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script);

        // As in a terminal: the test host's own settings are not the reader's.
        foreach (string inherited in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || k.StartsWith("ASPNETCORE", StringComparison.Ordinal)
            || k is "DOTNET_ENVIRONMENT" or "CI").ToArray())
        {
            start.Environment.Remove(inherited);
        }

        foreach ((string key, string value) in environment)
        {
            start.Environment[key] = value;
        }

        return Process.Start(start)!;
    }

    private static async Task<(int Exit, string Output)> ShellAsync(string folder, string script, (string Key, string Value)[] environment)
    {
        using Process process = Start(folder, script, environment);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await errors);
    }

    private static void Append(StringBuilder to, string? line)
    {
        lock (to)
        {
            to.AppendLine(line);
        }
    }

    [GeneratedRegex("```sh\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex ShellBlock();

    [GeneratedRegex("^Environment=([A-Za-z_]+)=(.*)$", RegexOptions.Multiline)]
    private static partial Regex EnvironmentLine();
}
