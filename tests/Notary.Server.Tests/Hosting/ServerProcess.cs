using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Notary.Server.Tests.Hosting;

/// <summary>The real server as a process of its own, on a free loopback port with a data folder of its own.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();

    private ServerProcess(Process process, string data, Uri address)
    {
        _process = process;
        Data = data;
        Address = address;
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(5) }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(60) };
        _process.OutputDataReceived += (_, e) => Append(_output, e.Data);
        _process.ErrorDataReceived += (_, e) => Append(_errors, e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The program's folder: the tests' own, where the build copies it.</summary>
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "Notary.Server.dll");

    /// <summary>The repository's root.</summary>
    public static string Repository { get; } = FindRepository();

    public string Data { get; }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public int Id => _process.Id;

    public string Output => Read(_output);

    public string Errors => Read(_errors);

    public int ExitCode => _process.ExitCode;

    /// <summary>The most memory that the process held so far, in bytes (VmHWM of proc(5)).</summary>
    public long PeakMemory => long.Parse(
        File.ReadLines($"/proc/{Id}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        System.Globalization.CultureInfo.InvariantCulture) * 1024;

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Starts the program; does not wait for anything.</summary>
    public static ServerProcess Start(string data, string? workingFolder = null, string environment = "Development", int? port = null, params (string Key, string Value)[] settings)
    {
        int bound = port ?? FreePort();
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = workingFolder ?? Repository };
        start.ArgumentList.Add(Program);
        start.Environment["ASPNETCORE_ENVIRONMENT"] = environment;
        start.Environment["DOTNET_ENVIRONMENT"] = environment;
        start.Environment["Notary__Listen__Url"] = $"http://localhost:{bound}";
        if (data.Length > 0)
        {
            start.Environment["Notary__Folders__Data"] = data;
        }

        foreach ((string key, string value) in settings)
        {
            start.Environment[key] = value;
        }

        return new ServerProcess(Process.Start(start)!, data, new Uri($"http://localhost:{bound}"));
    }

    /// <summary>Starts the program on an empty data folder and waits until it is ready.</summary>
    public static async Task<ServerProcess> StartReadyAsync(string data, params (string Key, string Value)[] settings)
    {
        ServerProcess server = Start(data, settings: settings);
        await server.WaitReadyAsync();
        return server;
    }

    public async Task WaitReadyAsync()
    {
        var patience = Stopwatch.StartNew();
        while (patience.Elapsed < TimeSpan.FromSeconds(60))
        {
            if (_process.HasExited)
            {
                throw new InvalidOperationException($"The server ended with {_process.ExitCode}: {Errors}{Output}");
            }

            try
            {
                using HttpResponseMessage ready = await Client.GetAsync("/health/ready");
                if (ready.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"The server is not ready after 60 s: {Errors}{Output}");
    }

    public async Task<int> WaitExitAsync(int seconds = 60)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    /// <summary>Asks it to stop as systemd does.</summary>
    public async Task<int> TerminateAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        return await WaitExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static void Append(StringBuilder to, string? line)
    {
        if (line is not null)
        {
            lock (to)
            {
                to.AppendLine(line);
            }
        }
    }

    private static string Read(StringBuilder from)
    {
        lock (from)
        {
            return from.ToString();
        }
    }

    private static string FindRepository()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Notary.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("The tests do not lie in the repository.");
    }
}
