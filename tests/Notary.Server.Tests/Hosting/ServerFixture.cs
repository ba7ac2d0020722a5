using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Notary.Crypto;

namespace Notary.Server.Tests.Hosting;

/// <summary>One running server for the tests that leave it as it was, but for records more.</summary>
public sealed class ServerFixture : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private ServerProcess? _server;

    internal ServerProcess Server => _server!;

    /// <summary>Anonymous.</summary>
    internal HttpClient Anyone => Server.Client;

    /// <summary>The development account.</summary>
    internal HttpClient Agency { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        _server = await ServerProcess.StartReadyAsync(_folder.File("data"), ("Notary__Limits__LookupsPerMinute", "100000"), ("Notary__Limits__VerifyPerMinute", "100000"), ("Notary__People__SignInsPerMinute", "100000"), ("Notary__Connect__RequestsPerMinute", "100000"));
        Agency = AgencyOf(_server);
    }

    public async Task DisposeAsync()
    {
        Agency.Dispose();
        await Server.DisposeAsync();
    }

    public void Dispose() => _folder.Dispose();

    internal static HttpClient AgencyOf(ServerProcess server)
    {
        var client = new HttpClient { BaseAddress = server.Address, Timeout = TimeSpan.FromSeconds(60) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", SecretOf(server));
        return client;
    }

    internal static string SecretOf(ServerProcess server)
    {
        using JsonDocument credential = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(server.Data, "credential.json")));
        return credential.RootElement.GetProperty("secret").GetString()!;
    }

    /// <summary>A request over content that is different for each number.</summary>
    internal static string RequestOf(int number, string? metadata = null) => RequestOf(ContentOf(number), metadata);

    internal static byte[] ContentOf(int number) => Encoding.UTF8.GetBytes("content " + number.ToString(CultureInfo.InvariantCulture));

    internal static string RequestOf(byte[] content, string? metadata = null) =>
        $$"""{"type":"contract.electronic","parts":[{"media":"text/plain","size":{{content.Length}},"sm3":"{{Sm3(content)}}","sha256":"{{Sha256(content)}}"}]{{(metadata is null ? "" : ",\"metadata\":" + metadata)}}}""";

    internal static string Sm3(byte[] content) => Suite.Sm.Hash(content).ToHex();

    internal static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    internal static StringContent Json(string text) => new(text, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));

    internal static StringContent Lines(params string[] lines) => new(string.Join('\n', lines) + "\n", Encoding.UTF8, new MediaTypeHeaderValue("application/x-ndjson"));

    /// <summary>Records in the log, from the signed checkpoint.</summary>
    internal Task<long> SizeAsync() => SizeOfAsync(Server);

    internal static async Task<long> SizeOfAsync(ServerProcess server) =>
        long.Parse((await server.Client.GetStringAsync("/log/beijing/checkpoint")).Split('\n')[1], CultureInfo.InvariantCulture);

    internal async Task<JsonElement> DepositAsync(string request)
    {
        using HttpResponseMessage answer = await Agency.PostAsync("/api/evidence", Json(request));
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode == 201, body);
        return JsonDocument.Parse(body).RootElement;
    }

    /// <summary>Requires a problem with exactly this code and what the table says of it.</summary>
    internal static async Task<JsonElement> ProblemAsync(HttpResponseMessage answer, string code)
    {
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.Content.Headers.ContentType?.MediaType == "application/problem+json", $"{(int)answer.StatusCode} {body}");
        JsonElement problem = JsonDocument.Parse(body).RootElement;
        Assert.Equal(code, problem.GetProperty("code").GetString());
        Assert.Equal("urn:notary:" + code, problem.GetProperty("type").GetString());
        Assert.Equal((int)answer.StatusCode, problem.GetProperty("status").GetInt32());
        Assert.Equal(Http.Problems.All[code].Status, (int)answer.StatusCode);
        Assert.NotEqual("", problem.GetProperty("detail").GetString());
        return problem;
    }
}

/// <summary>The tests that share one server.</summary>
[CollectionDefinition(Name)]
public sealed class OneServer : ICollectionFixture<ServerFixture>
{
    public const string Name = "one server";
}
