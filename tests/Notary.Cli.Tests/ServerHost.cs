using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Notary.Client;

namespace Notary.Cli.Tests;

/// <summary>The built server as a process of its own, which may be killed. Its data folder is <c>data</c> of a workspace, so that the CLI finds credential and trust there.</summary>
internal sealed class ServerHost : IDisposable
{
    private readonly Process _process;

    private ServerHost(Process process, string data)
    {
        _process = process;
        Data = data;
    }

    public string Data { get; }

    public CredentialFile Credential => CredentialFile.Find(Path.Combine(Data, "credential.json"));

    public TrustStore Trust => TrustStore.Load(Path.Combine(Data, "trust.note"));

    public static string Dll { get; } = Path.Combine(
        Workspace.RepositoryRoot, "src", "Notary.Server", "bin", Workspace.Configuration, new DirectoryInfo(AppContext.BaseDirectory).Name, "Notary.Server.dll");

    /// <param name="root">Holds <c>data</c>.</param>
    /// <param name="waitReady">Until its chains seal; else until it answers.</param>
    /// <param name="passwordFile">Starts it outside Development, with the password of the key files in that file.</param>
    public static async Task<ServerHost> StartAsync(string root, bool waitReady = true, string? passwordFile = null)
    {
        string data = Path.Combine(root, "data");
        string url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{FreePort()}");
        var start = new ProcessStartInfo("dotnet", [Dll]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = root };
        start.Environment["ASPNETCORE_ENVIRONMENT"] = passwordFile is null ? "Development" : "Production";
        if (passwordFile is not null)
        {
            start.Environment["Notary__Folders__PasswordFile"] = passwordFile;
        }

        start.Environment["Notary__Folders__Data"] = data;
        start.Environment["Notary__Listen__Url"] = url;
        Process process = Process.Start(start)!;
        var said = new List<string?>();
        process.OutputDataReceived += (_, e) => said.Add(e.Data);
        process.ErrorDataReceived += (_, e) => said.Add(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var http = new HttpClient { BaseAddress = new Uri(url), Timeout = TimeSpan.FromSeconds(10) };
        for (long started = Stopwatch.GetTimestamp(); ;)
        {
            Assert.False(process.HasExited, "the server ended: " + string.Join('\n', said));
            Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromMinutes(2), "the server is not ready: " + string.Join('\n', said));
            try
            {
                using HttpResponseMessage answer = await http.GetAsync(waitReady ? "health/ready" : "health/live");
                if (answer.IsSuccessStatusCode)
                {
                    break;
                }
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                // Not listening yet.
            }

            await Task.Delay(50);
        }

        // The credential names the default port; here it is another one each time.
        string path = Path.Combine(data, "credential.json");
        JsonNode credential = JsonNode.Parse(File.ReadAllText(path))!;
        credential["server"] = url;
        File.WriteAllText(path, credential.ToJsonString());
        return new ServerHost(process, data);
    }

    /// <summary>The newest checkpoint, as the log serves it.</summary>
    public async Task<string> CheckpointAsync()
    {
        using var http = new HttpClient { BaseAddress = Credential.Server };
        return await http.GetStringAsync("log/beijing/checkpoint");
    }

    /// <summary>Leaves under the newest checkpoint.</summary>
    public async Task<long> SizeAsync() => long.Parse((await CheckpointAsync()).Split('\n')[1], CultureInfo.InvariantCulture);

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
