using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Identity;

/// <summary>A person's browser: cookies, JSON, and a code generator of its own (RFC 6238, RFC 4648).</summary>
internal sealed class Person : IDisposable
{
    private readonly SocketsHttpHandler _handler = new() { CookieContainer = new CookieContainer(), AllowAutoRedirect = false };

    public Person(Uri address) => Client = new HttpClient(_handler) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(60) };

    public HttpClient Client { get; }

    public CookieContainer Cookies => _handler.CookieContainer;

    /// <summary>A session of the role's development account.</summary>
    public static async Task<Person> OfAsync(ServerProcess server, string role)
    {
        var person = new Person(server.Address);
        await person.GoodAsync(HttpMethod.Post, "/api/session/link", new { link = await LinkAsync(server, role) });
        return person;
    }

    /// <summary>What <c>notary dev login</c> gets.</summary>
    public static async Task<string> LinkAsync(ServerProcess server, string role)
    {
        using HttpRequestMessage request = OperatorRequest(server, "/api/operator/login-link", new { role });
        using HttpResponseMessage answer = await server.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["link"]!.GetValue<string>();
    }

    public static HttpRequestMessage OperatorRequest(ServerProcess server, string path, object body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonOf(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", File.ReadAllText(Path.Combine(server.Data, "operator.secret")).Trim());
        return request;
    }

    public static StringContent JsonOf(object body) => new(JsonSerializer.Serialize(body), Encoding.UTF8, new MediaTypeHeaderValue("application/json"));

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body = null)
    {
        var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = JsonOf(body);
        }

        return Client.SendAsync(request);
    }

    /// <summary>Requires a 2xx; its JSON, or an empty object.</summary>
    public async Task<JsonNode> GoodAsync(HttpMethod method, string path, object? body = null)
    {
        using HttpResponseMessage answer = await SendAsync(method, path, body);
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{method} {path}: {(int)answer.StatusCode} {text}");
        return JsonNode.Parse(text.Length > 0 ? text : "{}")!;
    }

    /// <summary>Requires a problem of this code, and of this reason when one is given.</summary>
    public async Task RefusedAsync(string code, HttpMethod method, string path, object? body = null, string? reason = null)
    {
        using HttpResponseMessage answer = await SendAsync(method, path, body);
        JsonElement problem = await ServerFixture.ProblemAsync(answer, code);
        if (reason is not null)
        {
            Assert.Equal(reason, problem.GetProperty("reason").GetString());
        }
    }

    /// <summary>The one-time code of a key now, or some steps of 30 s away.</summary>
    public static string Code(string key, int steps = 0)
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        var bits = new List<byte>();
        int held = 0, count = 0;
        foreach (char c in key)
        {
            held = (held << 5) | Alphabet.IndexOf(c, StringComparison.Ordinal);
            count += 5;
            if (count >= 8)
            {
                count -= 8;
                bits.Add((byte)(held >> count));
                held &= (1 << count) - 1;
            }
        }

        Span<byte> step = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(step, (DateTimeOffset.UtcNow.ToUnixTimeSeconds() / 30) + steps);
#pragma warning disable CA5350 // RFC 6238's default, which code generators know.
        byte[] mac = HMACSHA1.HashData(bits.ToArray(), step);
#pragma warning restore CA5350
        int value = BinaryPrimitives.ReadInt32BigEndian(mac.AsSpan(mac[19] & 15)) & int.MaxValue;
        return (value % 1_000_000).ToString("D6", CultureInfo.InvariantCulture);
    }

    /// <summary>Sets password and code generator in an enrolling session; the generator's key.</summary>
    public async Task<string> EnrolAsync(string password)
    {
        // What follows takes codes of one step before and after the present one, which must not end meanwhile.
        if (DateTimeOffset.UtcNow.ToUnixTimeSeconds() % 30 is var second and > 21)
        {
            await Task.Delay(TimeSpan.FromSeconds(31 - second));
        }

        await GoodAsync(HttpMethod.Post, "/api/factors/password", new { password });
        string key = (await GoodAsync(HttpMethod.Post, "/api/factors/code/options", new { }))["key"]!.GetValue<string>();

        // Of the step before: the present one is left for the first sign-in, for a code is accepted once.
        await GoodAsync(HttpMethod.Post, "/api/factors/code", new { code = Code(key, -1) });
        return key;
    }

    /// <summary>Signs in with both.</summary>
    public async Task SignInAsync(string name, string password, string code)
    {
        string ticket = (await GoodAsync(HttpMethod.Post, "/api/session/password", new { name, password }))["ticket"]!.GetValue<string>();
        await GoodAsync(HttpMethod.Post, "/api/session/code", new { ticket, code });
    }

    public void Dispose() => Client.Dispose();
}
