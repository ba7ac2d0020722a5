using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Notary.Cli;

/// <summary>A server of this machine that was started by the command and ends with it: a platform, or an organisation's ledger nodes.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const string Dll = "Notary.Server.dll";
    private readonly Process _process;
    private readonly StringBuilder _said = new();
    private volatile string? _complaint;

    private ServerProcess(Process process, Uri address)
    {
        _process = process;
        Address = address;
        process.OutputDataReceived += Said;
        process.ErrorDataReceived += (sender, line) =>
        {
            _complaint = string.IsNullOrWhiteSpace(line.Data) ? _complaint : line.Data.Trim();
            Said(sender, line);
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Base address, ending in a slash.</summary>
    public Uri Address { get; }

    public int Id => _process.Id;

    /// <summary>How it ended, with the last of its complaints; null while it runs.</summary>
    public string? Ended => _process.HasExited ? FormattableString.Invariant($"ended with code {_process.ExitCode}{(_complaint is { } said ? ": " + said : ".")}") : null;

    /// <summary>User and system CPU seconds that the process has used.</summary>
    public double CpuSeconds
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime.TotalSeconds;
        }
    }

    /// <summary>Resident memory in MiB.</summary>
    public long ResidentMiB
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64 >> 20;
        }
    }

    /// <summary>Path of the server's assembly: as named, else beside this program, else where a build of the repository puts it.</summary>
    public static string FindDll(string? named)
    {
        if (named is not null)
        {
            string path = Directory.Exists(named) ? Path.Combine(named, Dll) : Path.GetFullPath(named);
            return File.Exists(path) ? path : throw new CliException(ExitCode.NoInput, "server-not-found", $"There is no {path}.");
        }

        string beside = Path.Combine(AppContext.BaseDirectory, Dll);
        if (File.Exists(beside))
        {
            return beside;
        }

        // …/src/Notary.Cli/bin/<configuration>/<framework>/ → …/src/Notary.Server/bin/<configuration>/<framework>/
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        string? configuration = own.Parent?.Name;
        for (DirectoryInfo? folder = own; folder is not null && configuration is not null; folder = folder.Parent)
        {
            string built = Path.Combine(folder.FullName, "src", "Notary.Server", "bin", configuration, own.Name, Dll);
            if (File.Exists(built))
            {
                return built;
            }
        }

        throw new CliException(ExitCode.NoInput, "server-not-found", $"{Dll} was not found beside notary or in a build of the repository; build it (dotnet build src/Notary.Server -c {configuration}), or name it with --server.");
    }

    /// <summary>Starts a platform in Development on a free port of the loopback and waits until it is ready.</summary>
    /// <param name="dll">The assembly, see <see cref="FindDll"/>.</param>
    /// <param name="data">Its data folder; created by the development start when empty.</param>
    /// <param name="cancel">Ends the wait; the process is then stopped.</param>
    public static Task<ServerProcess> StartAsync(string dll, string data, CancellationToken cancel) =>
        StartAsync(dll, new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{FreePort()}/")), [("Notary__Folders__Data", data)], cancel);

    /// <summary>Starts the program in Development with settings, and waits until it is ready.</summary>
    /// <param name="dll">The assembly, see <see cref="FindDll"/>.</param>
    /// <param name="address">Where it listens.</param>
    /// <param name="settings">Environment variables, which win over every configuration file beside the server.</param>
    /// <param name="cancel">Ends the wait; the process is then stopped.</param>
    public static async Task<ServerProcess> StartAsync(string dll, Uri address, IEnumerable<(string Name, string Value)> settings, CancellationToken cancel)
    {
        ProcessStartInfo start = Command(dll, [("ASPNETCORE_ENVIRONMENT", "Development"), ("DOTNET_ENVIRONMENT", "Development"), ("Notary__Listen__Url", address.GetLeftPart(UriPartial.Authority)), .. settings]);
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        Process process = Launch(start);
        var server = new ServerProcess(process, address);
        try
        {
            await server.WaitReadyAsync(cancel);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>The program with settings, which win over every configuration file beside it.</summary>
    public static ProcessStartInfo Command(string dll, IEnumerable<(string Name, string Value)> settings)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet") { WorkingDirectory = Path.GetDirectoryName(dll) };
        start.ArgumentList.Add(dll);
        foreach ((string name, string value) in settings)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    /// <summary>Starts a process.</summary>
    /// <exception cref="CliException">There is no such program, or no process more for this user.</exception>
    public static Process Launch(ProcessStartInfo start)
    {
        Win32Exception? refused = null;
        try
        {
            if (Process.Start(start) is { } process)
            {
                return process;
            }
        }
        catch (Win32Exception failure)
        {
            refused = failure;
        }

        throw new CliException(ExitCode.Unavailable, "server-not-started", $"{start.FileName} could not be started{(refused is null ? "." : ": " + refused.Message)}", refused);
    }

    /// <summary>What the process has written so far.</summary>
    public string SaidSoFar()
    {
        lock (_said)
        {
            return _said.ToString();
        }
    }

    /// <summary>Asks the server to stop (SIGTERM), waits 30 seconds, then kills it.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(_process);
        _process.Dispose();
    }

    /// <summary>The same of any process.</summary>
    public static async Task StopAsync(Process process)
    {
        if (process.HasExited)
        {
            return;
        }

        try
        {
            using Process term = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
            await term.WaitForExitAsync(CancellationToken.None);
        }
        catch (Win32Exception)
        {
            // No process can be made to ask it: it ends without being asked.
            process.Kill(entireProcessTree: true);
        }

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
        }
    }

    private async Task WaitReadyAsync(CancellationToken cancel)
    {
        using var http = new HttpClient { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(5) };
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            if (_process.HasExited)
            {
                throw new CliException(ExitCode.Unavailable, "server-not-started", $"The server at {Address.Authority} {Ended}");
            }

            try
            {
                using HttpResponseMessage answer = await http.GetAsync("health/ready", cancel);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancel.IsCancellationRequested)
            {
                // Not listening yet.
            }

            if (Stopwatch.GetElapsedTime(started) > TimeSpan.FromSeconds(60))
            {
                throw new CliException(ExitCode.Unavailable, "server-not-ready", $"The server at {Address.Authority} was not ready after 60 seconds: {LastLine()}");
            }

            await Task.Delay(100, cancel);
        }
    }

    private string LastLine() => SaidSoFar().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault() ?? "it said nothing.";

    private void Said(object sender, DataReceivedEventArgs e)
    {
        lock (_said)
        {
            if (e.Data is not null && _said.Length < 1 << 20)
            {
                _said.AppendLine(e.Data);
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
