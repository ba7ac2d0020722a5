using System.Net.Http.Headers;
using System.Text.Json;
using Notary.Chain.Folders;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Transfers;

/// <summary>A server with a main chain, two regions and their eleven ledger nodes in its own process; an account for each region.</summary>
public sealed class NetworkServer : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private ServerProcess? _server;

    internal HttpClient Hainan { get; private set; } = null!;

    internal HttpClient Beijing { get; private set; } = null!;

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

        _server = await ServerProcess.StartReadyAsync(data, ("Notary__Limits__LookupsPerMinute", "100000"));
        Hainan = Of("hainan");
        Beijing = Of("beijing");
    }

    public async Task DisposeAsync()
    {
        Hainan?.Dispose();
        Beijing?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    public void Dispose() => _folder.Dispose();

    private HttpClient Of(string region)
    {
        using JsonDocument credential = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Data, "credentials", region + ".json")));
        var client = new HttpClient { BaseAddress = _server!.Address, Timeout = TimeSpan.FromSeconds(60) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", credential.RootElement.GetProperty("secret").GetString());
        return client;
    }
}
