using System.Text.Json;

namespace Notary.Client;

/// <summary>Where a service account's credential was found, and what it says.</summary>
/// <remarks>
/// The file is JSON: <c>{"server": "http://host:port", "account": "…", "secret": "…"}</c>. It is looked for in this order:
/// an explicit path; the path in the environment variable <see cref="EnvironmentVariable"/>; <c>data/credential.json</c> in the
/// working folder and then in each folder above it. The secret is never part of a message.
/// </remarks>
public sealed class CredentialFile
{
    /// <summary>Names a credential file when no path is given.</summary>
    public const string EnvironmentVariable = "NOTARY_CREDENTIAL";

    private const int MaxBytes = 64 * 1024;

    private CredentialFile(string path, Uri server, string account, string secret)
    {
        Path = path;
        Server = server;
        Account = account;
        Secret = secret;
    }

    /// <summary>Full path of the file that was read.</summary>
    public string Path { get; }

    /// <summary>Base address of the server, ending in a slash.</summary>
    public Uri Server { get; }

    /// <summary>Name of the service account.</summary>
    public string Account { get; }

    /// <summary>The account's secret, sent as the bearer of every request.</summary>
    public string Secret { get; }

    /// <summary>Finds and reads the credential.</summary>
    /// <param name="explicitPath">A path that wins over everything else, or null.</param>
    /// <param name="workingFolder">Where the search upward starts; null is the process's working folder.</param>
    /// <exception cref="NotaryClientException"><see cref="ClientFailure.Credential"/>: absent, unreadable or not of this form.</exception>
    public static CredentialFile Find(string? explicitPath = null, string? workingFolder = null)
    {
        string? named = explicitPath ?? Environment.GetEnvironmentVariable(EnvironmentVariable);
        if (!string.IsNullOrEmpty(named))
        {
            return Read(System.IO.Path.GetFullPath(named));
        }

        string start = workingFolder ?? Environment.CurrentDirectory;
        return Read(FindUpward(start, "credential.json") ?? throw new NotaryClientException(
            ClientFailure.Credential,
            "credential-not-found",
            $"No credential was found: there is no data/credential.json in {start} or above it, and {EnvironmentVariable} is not set; start the server here once, or name the file with --credential."));
    }

    /// <summary>A server asked by nobody in particular: for what anyone may read.</summary>
    /// <exception cref="NotaryClientException"><see cref="ClientFailure.Credential"/>: no http or https address.</exception>
    public static CredentialFile Nobody(string server)
    {
        ArgumentNullException.ThrowIfNull(server);
        return Uri.TryCreate(server.EndsWith('/') ? server : server + "/", UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
            ? new CredentialFile(string.Empty, uri, string.Empty, string.Empty)
            : throw new NotaryClientException(ClientFailure.Credential, "server-malformed", $"{server} is not an http or https address.");
    }

    /// <summary>Looks for <c>data/&lt;name&gt;</c> in a folder and in each one above it.</summary>
    public static string? FindUpward(string startFolder, string name)
    {
        for (DirectoryInfo? folder = new(System.IO.Path.GetFullPath(startFolder)); folder is not null; folder = folder.Parent)
        {
            string candidate = System.IO.Path.Combine(folder.FullName, "data", name);
            if (File.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }

    private static CredentialFile Read(string path)
    {
        byte[] bytes;
        try
        {
            var info = new FileInfo(path);
            if (info.Exists && info.Length > MaxBytes)
            {
                throw Malformed(path, $"it is larger than {MaxBytes} bytes");
            }

            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new NotaryClientException(ClientFailure.Credential, "credential-not-found", $"There is no credential file at {path}.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NotaryClientException(ClientFailure.Credential, "credential-unreadable", $"The credential file {path} cannot be read by this user.", e);
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes);
            string server = Text(document.RootElement, "server", path);
            string account = Text(document.RootElement, "account", path);
            string secret = Text(document.RootElement, "secret", path);
            if (!Uri.TryCreate(server.EndsWith('/') ? server : server + "/", UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https"))
            {
                throw Malformed(path, "\"server\" is not an http or https address");
            }

            foreach (char c in secret)
            {
                if (c is <= ' ' or > '~')
                {
                    throw Malformed(path, "\"secret\" holds a character that no header may carry");
                }
            }

            return new CredentialFile(path, uri, account, secret);
        }
        catch (JsonException e)
        {
            throw new NotaryClientException(ClientFailure.Credential, "credential-malformed", $"The credential file {path} is not JSON.", e);
        }
    }

    private static string Text(JsonElement root, string name, string path)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(name, out JsonElement value) || value.ValueKind != JsonValueKind.String || value.GetString() is not { Length: > 0 } text)
        {
            throw Malformed(path, $"\"{name}\" is missing");
        }

        return text;
    }

    private static NotaryClientException Malformed(string path, string why) =>
        new(ClientFailure.Credential, "credential-malformed", $"The credential file {path} cannot be used: {why}.");
}
