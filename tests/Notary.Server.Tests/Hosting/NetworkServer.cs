using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using Notary.Chain.Folders;
using Notary.Server.Identity;

namespace Notary.Server.Tests.Hosting;

/// <summary>A server with a main chain, two regions and their eleven ledger nodes in its own process; an account for each region, and on Hainan one more.</summary>
public sealed class NetworkServer : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private ServerProcess? _server;
    private int _port;

    internal HttpClient Hainan { get; private set; } = null!;

    internal HttpClient Beijing { get; private set; } = null!;

    /// <summary>Another account of Hainan.</summary>
    internal HttpClient Neighbour { get; private set; } = null!;

    internal HttpClient Anyone => _server!.Client;

    internal string Data => _server!.Data;

    public async Task InitializeAsync()
    {
        string data = _folder.File("data");
        using (DataFolder folder = DataFolder.Take(data, create: true))
        {
            IEnumerable<string> templates = new[] { "main", "hainan", "beijing" }.Select(name => Path.Combine(ServerProcess.Repository, "sidechains", name));
            NetworkCreation.Create(folder, [.. templates.Select(ChainTemplate.Load)], "notary.example", folder.DevelopmentPassword(), TimeProvider.System);
        }

        string neighbour = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        ServiceAccountEntry[] accounts =
        [
            .. Directory.EnumerateFiles(Path.Combine(data, "credentials")).Select(file => new ServiceAccountEntry(Credential(file).Account, Path.GetFileNameWithoutExtension(file), ServiceAccounts.HashOf(Credential(file).Secret))),
            new ServiceAccountEntry("neighbour", "hainan", ServiceAccounts.HashOf(neighbour)),
        ];
        await File.WriteAllTextAsync(Path.Combine(data, "accounts.json"), JsonSerializer.Serialize(accounts));
        _port = ServerProcess.FreePort();
        await StartAsync();
        Hainan = Of(Credential(Path.Combine(data, "credentials", "hainan.json")).Secret);
        Beijing = Of(Credential(Path.Combine(data, "credentials", "beijing.json")).Secret);
        Neighbour = Of(neighbour);
    }

    internal async Task StartAsync(params (string Name, string Value)[] settings)
    {
        _server = ServerProcess.Start(_folder.File("data"), port: _port, settings: [("Notary__Limits__LookupsPerMinute", "100000"), .. settings]);
        await _server.WaitReadyAsync();
    }

    /// <summary>Stops the server as systemd does.</summary>
    internal async Task StopAsync()
    {
        Assert.Equal(0, await _server!.TerminateAsync());
        await _server.DisposeAsync();
    }

    public async Task DisposeAsync()
    {
        Hainan?.Dispose();
        Beijing?.Dispose();
        Neighbour?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    public void Dispose() => _folder.Dispose();

    private HttpClient Of(string secret)
    {
        var client = new HttpClient { BaseAddress = _server!.Address, Timeout = TimeSpan.FromSeconds(60) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", secret);
        return client;
    }

    private static (string Account, string Secret) Credential(string file)
    {
        using JsonDocument credential = JsonDocument.Parse(File.ReadAllBytes(file));
        return (credential.RootElement.GetProperty("account").GetString()!, credential.RootElement.GetProperty("secret").GetString()!);
    }
}
