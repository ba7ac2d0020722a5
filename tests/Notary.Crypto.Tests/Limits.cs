using System.Diagnostics;
using System.Runtime.Versioning;

// File modes are asked for, and openssl and libcrypto.so.3 are expected to be there.
[assembly: UnsupportedOSPlatform("windows")]

namespace Notary.Crypto.Tests;

internal static class Limits
{
    /// <summary>NOTARY_LONG=1 runs the full numbers; otherwise a bounded slice.</summary>
    public static bool Long { get; } = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1";
}

/// <summary>A folder of its own for one test, removed at the end.</summary>
internal sealed class TestFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("notary-crypto-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Runs a command here; anything but exit code 0 fails the test.</summary>
    public string Run(string command, string arguments)
    {
        var start = new ProcessStartInfo(command, arguments) { WorkingDirectory = Path, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{command} {arguments}: {output}{error.Result}");
        return output;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
