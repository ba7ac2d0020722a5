using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Authentication;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Server.Startup;

namespace Notary.Server.Identity;

/// <summary>One service account as the server keeps it: the secret only as a hash (it is 256 random bits, so a plain hash cannot be guessed back).</summary>
/// <param name="Account">The account's name, as it stands in leaves.</param>
/// <param name="Chain">The name of the chain that its deposits go to.</param>
/// <param name="SecretHash">SHA-256 of the secret's UTF-8 bytes, lower-case hex.</param>
public sealed record ServiceAccountEntry(
    [property: JsonPropertyName("account")] string Account,
    [property: JsonPropertyName("chain")] string Chain,
    [property: JsonPropertyName("secret_sha256")] string SecretHash);

/// <summary>The identity that an authenticated request carries.</summary>
public sealed class ServiceAccountIdentity(string account, string chain, AuthMethod auth = AuthMethod.ClientSecret)
    : ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, account), new Claim("chain", chain)], BearerHandler.Scheme, ClaimTypes.NameIdentifier, null)
{
    /// <summary>The account's name.</summary>
    public string Account { get; } = account;

    /// <summary>The chain that its deposits go to. Which of the account's key records is in force there, the chain knows.</summary>
    public string Chain { get; } = chain;

    /// <summary>How it was authenticated, as it stands in leaves.</summary>
    public AuthMethod Auth { get; } = auth;

    /// <summary>The caller, or null when the request is anonymous.</summary>
    public static ServiceAccountIdentity? Of(HttpContext context) => context.User.Identity as ServiceAccountIdentity;
}

/// <summary>The accounts that may sign in, by the hash of their secret. Built once at start; immutable.</summary>
public sealed class ServiceAccounts
{
    private static readonly JsonSerializerOptions Strict = new()
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        WriteIndented = true,
    };

    private readonly (byte[] Hash, Task<AuthenticateResult> Result)[] _accounts;

    public ServiceAccounts(IEnumerable<(string SecretHash, ServiceAccountIdentity Identity)> accounts)
    {
        _accounts = [.. accounts.Select(a => (Convert.FromHexString(a.SecretHash), ResultOf(a.Identity)))];
    }

    /// <summary>The hash under which a secret is stored.</summary>
    public static string HashOf(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    /// <summary>
    /// The caller of a presented secret, or null. Every stored hash is compared, each in constant time: the time tells neither
    /// how much of a hash agreed nor which account it was.
    /// </summary>
    public Task<AuthenticateResult>? Find(ReadOnlySpan<char> secret)
    {
        Span<byte> text = stackalloc byte[256];
        if (!Encoding.UTF8.TryGetBytes(secret, text, out int length))
        {
            return null;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text[..length], hash);
        CryptographicOperations.ZeroMemory(text);
        Task<AuthenticateResult>? found = null;
        foreach ((byte[] stored, Task<AuthenticateResult> result) in _accounts)
        {
            if (CryptographicOperations.FixedTimeEquals(stored, hash))
            {
                found = result;
            }
        }

        return found;
    }

    /// <summary>Whether an account deposits to that chain.</summary>
    public bool Knows(string account, string chain) => _accounts.Any(a => a.Result.Result.Principal?.Identity is ServiceAccountIdentity identity && identity.Account == account && identity.Chain == chain);

    private static Task<AuthenticateResult> ResultOf(ServiceAccountIdentity identity) =>
        Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), BearerHandler.Scheme)));

    /// <summary>
    /// Reads the accounts file. When there is none yet, the credentials that <c>chain create</c> or <c>network create</c> left for clients are taken over, as hashes:
    /// from then on the server needs them no more, and they may be moved to the clients' machines. The same goes for the credential of a chain that was added later, of which the file has no account yet.
    /// </summary>
    /// <param name="accountsPath">The accounts file.</param>
    /// <param name="credentials">Credential files, each with the name of its chain; those that are not there are passed over.</param>
    /// <exception cref="StartRefusedException">Neither file is there, or one cannot be read.</exception>
    public static IReadOnlyList<ServiceAccountEntry> Load(string accountsPath, IReadOnlyList<(string Path, string Chain)> credentials)
    {
        string read = accountsPath;
        try
        {
            List<ServiceAccountEntry> first = [];
            bool exists = File.Exists(accountsPath);
            if (exists)
            {
                first.AddRange(JsonSerializer.Deserialize<ServiceAccountEntry[]>(File.ReadAllBytes(accountsPath), Strict) ?? throw new JsonException());
                if (!first.TrueForAll(e => e.SecretHash.Length == 64 && e.SecretHash.All(char.IsAsciiHexDigitLower)))
                {
                    throw new JsonException();
                }
            }

            int known = first.Count;
            foreach ((string path, string chain) in credentials.Where(c => !first.Exists(e => e.Chain == c.Chain) && File.Exists(c.Path)))
            {
                read = path;
                using JsonDocument credential = JsonDocument.Parse(File.ReadAllBytes(path));
                string account = credential.RootElement.GetProperty("account").GetString() ?? throw new JsonException();
                string secret = credential.RootElement.GetProperty("secret").GetString() ?? throw new JsonException();
                first.Add(new(account, chain, HashOf(secret)));
            }

            if (exists && first.Count == known)
            {
                return first;
            }

            if (first.Count == 0)
            {
                throw new StartRefusedException($"Neither '{accountsPath}' nor '{credentials[0].Path}' is there, so nobody could deposit: put back the credential that 'notary chain create' wrote.");
            }

            DurableFile.Replace(accountsPath, JsonSerializer.SerializeToUtf8Bytes(first, Strict), ownerOnly: true);
            DurableFile.SyncFolder(Path.GetDirectoryName(Path.GetFullPath(accountsPath))!);
            return first;
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new StartRefusedException($"'{read}' is not what this program writes there: put back the file from before it was edited.");
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException($"The accounts in '{accountsPath}' cannot be read or written: give this user the right to.");
        }
    }
}
