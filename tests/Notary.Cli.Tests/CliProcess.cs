using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Notary.Cli.Tests;

/// <summary>What a run of <c>notary</c> came to.</summary>
internal sealed record CliResult(int ExitCode, string Output, string Error)
{
    /// <summary>A refusal: this exit code and stable code, one sentence, no stack trace, nothing on the output.</summary>
    public void AssertRefused(int exitCode, string code)
    {
        Assert.True(exitCode == ExitCode, $"exit {ExitCode}, expected {exitCode}\n{Output}\n{Error}");
        string[] lines = Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string line = Assert.Single(lines, l => !l.StartsWith("notary: warning: ", StringComparison.Ordinal));
        Assert.Matches(new Regex($"^notary: {Regex.Escape(code)}: .+\\.$"), line);
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", Error, StringComparison.Ordinal);
    }

    public CliResult AssertExit(int exitCode)
    {
        Assert.True(exitCode == ExitCode, $"exit {ExitCode}, expected {exitCode}\n{Output}\n{Error}");
        return this;
    }
}

/// <summary>Runs <c>notary</c> as a process of its own: exit codes and streams are what a script sees.</summary>
internal static class CliProcess
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    public static string Dll { get; } = Path.Combine(
        Workspace.RepositoryRoot, "src", "Notary.Cli", "bin", Workspace.Configuration, new DirectoryInfo(AppContext.BaseDirectory).Name, "notary.dll");

    public static async Task<CliResult> RunAsync(string folder, params string[] args) => await RunAsync(folder, new Dictionary<string, string>(), args);

    public static async Task<CliResult> RunAsync(string folder, IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        using Process process = Start(folder, environment, args);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"notary {string.Join(' ', args)} did not end within {s_patience}.");
        }

        return new CliResult(process.ExitCode, await output, await error);
    }

    public static Process Start(string folder, IReadOnlyDictionary<string, string> environment, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = folder };
        start.ArgumentList.Add(Dll);
        foreach (string arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        // Nothing of the person who runs the tests may reach the program.
        start.Environment["XDG_CONFIG_HOME"] = Path.Combine(folder, "config");
        start.Environment.Remove("NOTARY_CREDENTIAL");
        start.Environment.Remove("NOTARY_TRUST");
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }
}
