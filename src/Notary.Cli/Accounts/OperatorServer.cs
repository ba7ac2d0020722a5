using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Notary.Client;

namespace Notary.Cli.Accounts;

/// <summary>The running server, asked as its operator: with the secret that lies in its data folder, from the same machine.</summary>
internal sealed class OperatorServer : IDisposable
{
    private const int MaxAnswer = 64 * 1024;

    private readonly HttpClient _client;

    private OperatorServer(HttpClient client) => _client = client;

    /// <summary>The server's address, without a slash at the end.</summary>
    public string Address => _client.BaseAddress!.GetLeftPart(UriPartial.Authority);

    /// <summary>Finds secret and server.</summary>
    /// <param name="dataPath">The server's data folder.</param>
    /// <param name="server">Its address; null: the one that the folder's credential names.</param>
    public static OperatorServer Find(string dataPath, string? server)
    {
        string path = Path.Combine(dataPath, "operator.secret");
        string secret;
        try
        {
            secret = File.ReadAllText(path).Trim();
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.NoInput, "no-operator-secret", $"{path} cannot be read: start the server on this data folder once, and run this as its user.", wrong);
        }

        string credential = Path.Combine(dataPath, "credential.json");
        Uri address = CredentialFile.Nobody(server ?? (File.Exists(credential) ? CredentialFile.Find(credential).Server.AbsoluteUri : "http://localhost:5080")).Server;
        if (!address.IsLoopback)
        {
            throw new CliException(ExitCode.Usage, "not-this-machine", $"{address} is another machine: the operator's secret is never sent anywhere; run this where the server runs.");
        }

        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(30), MaxResponseContentBufferSize = MaxAnswer };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", secret);
        return new OperatorServer(client);
    }

    /// <summary>Posts; the answer's JSON.</summary>
    /// <exception cref="CliException">Not reached, or refused: with the server's code and sentence.</exception>
    public async Task<JsonDocument> PostAsync(string path, object body, CancellationToken cancel)
    {
        try
        {
            using var content = new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
            using HttpResponseMessage answer = await _client.PostAsync(new Uri(path, UriKind.Relative), content, cancel);
            JsonDocument read = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(cancel));
            if (answer.IsSuccessStatusCode)
            {
                return read;
            }

            using (read)
            {
                JsonElement problem = read.RootElement;
                string reason = problem.TryGetProperty("reason", out JsonElement r) ? $"{r.GetString()}: " : "";
                throw new CliException(
                    (int)answer.StatusCode == 403 ? ExitCode.NotPermitted : ExitCode.Data,
                    problem.GetProperty("code").GetString() ?? "refused",
                    (int)answer.StatusCode == 404
                        ? "The server does not offer this: it runs outside Development, or is of another version."
                        : Terminal.Printable($"{reason}{problem.GetProperty("detail").GetString()}"));
            }
        }
        catch (HttpRequestException away)
        {
            throw new CliException(ExitCode.Unavailable, "server-unreachable", $"{Address} does not answer: start the server, or name it with --server.", away);
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new CliException(ExitCode.Data, "answer-malformed", $"What answers at {Address} is not this platform's server.", wrong);
        }
    }

    /// <summary>The page on which a person uses a one-time link.</summary>
    /// <param name="site">The address under which people reach the platform; null: the server's own.</param>
    public string PageOf(string? link, string? site = null) => $"{site?.TrimEnd('/') ?? Address}/sign-in#link={link}";

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();
}
