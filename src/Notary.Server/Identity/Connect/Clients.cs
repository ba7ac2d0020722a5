using System.Collections.Frozen;
using System.Text.RegularExpressions;
using Notary.Chain;
using Notary.Evidence;
using Notary.Server.Options;
using Notary.Server.Startup;

namespace Notary.Server.Identity.Connect;

/// <summary>Who asks for tokens: a web application of the options, or a service account of a chain.</summary>
/// <param name="Id">The client_id.</param>
/// <param name="Name">What people read.</param>
/// <param name="Keys">The keys that its assertions may be signed with now.</param>
/// <param name="Scopes">What it may ask for.</param>
/// <param name="RedirectUris">Where people may be sent back to; none for a service account.</param>
internal sealed record Client(string Id, string Name, IReadOnlyList<JoseKey> Keys, IReadOnlyList<string> Scopes, IReadOnlyList<string> RedirectUris)
{
    /// <summary>Whether it is a service account: <c>chain/account</c>.</summary>
    public bool IsService => RedirectUris.Count == 0;

    /// <summary>How the audit trail names it.</summary>
    public string Actor => (IsService ? "service:" : "client:") + Id;
}

/// <summary>The clients: those of the options, fixed at the start, and the service accounts, whose keys are what their chain says at the moment.</summary>
internal sealed partial class Clients
{
    private const int MaxRedirectUris = 8;
    private const int MaxUri = 512;
    private const int MaxKeyFile = 16_384;

    private readonly IReadOnlyDictionary<string, ChainHost> _chains;
    private readonly FrozenDictionary<string, Client> _parties;
    private readonly TimeProvider _time;

    public Clients(IReadOnlyDictionary<string, ChainHost> chains, IEnumerable<Client> parties, TimeProvider time)
    {
        _chains = chains;
        _parties = parties.ToFrozenDictionary(static p => p.Id, StringComparer.Ordinal);
        _time = time;
    }

    /// <summary>The web applications of the options.</summary>
    /// <exception cref="StartRefusedException">One of them cannot be used; the sentence names the option.</exception>
    public static IReadOnlyList<Client> Load(ConnectOptions options)
    {
        var parties = new List<Client>();
        foreach (ConnectClientOptions given in options.Clients)
        {
            string place = $"the client '{given.Id}' of Notary:Connect:Clients";
            string[] uris = given.RedirectUris.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string? wrong = !IdForm().IsMatch(given.Id) ? "has an Id that is not 3 to 64 of a to z, 0 to 9, '.' and '-', beginning with a letter"
                : parties.Exists(p => p.Id == given.Id) ? "is there twice"
                : given.Name.Trim().Length is 0 or > 64 ? "has a Name that is not 1 to 64 characters"
                : uris.Length is 0 or > MaxRedirectUris || !Array.TrueForAll(uris, IsRedirectUri) ? $"has RedirectUris that are not 1 to {MaxRedirectUris} addresses with https (http on this machine only), without user and fragment, separated by spaces"
                : Connect.Scopes.Parse(given.Scopes, Connect.Scopes.OfParties) is null ? $"has Scopes that are not of {string.Join(", ", Connect.Scopes.OfParties)}"
                : null;
            if (wrong is not null)
            {
                throw new StartRefusedException($"{place} {wrong}: correct it.");
            }

            parties.Add(new Client(given.Id, given.Name.Trim(), KeysOf(given.KeyFile, place), Connect.Scopes.Parse(given.Scopes, Connect.Scopes.OfParties)!, uris));
        }

        return parties;
    }

    /// <summary>The client of an id; null when there is none, or a service account has no key record in force.</summary>
    public Client? Find(string id)
    {
        if (_parties.TryGetValue(id, out Client? party))
        {
            return party;
        }

        if (Split(id) is not { } service)
        {
            return null;
        }

        JoseKey[] keys = [.. InForce(service.Chain, service.Account)];
        return keys.Length == 0 ? null : new Client(id, id, keys, Connect.Scopes.OfServices, []);
    }

    /// <summary>The account of a service account's own token, on a chain that this server has; null for any other token.</summary>
    public (string Account, string Chain)? ServiceOf(AccessToken token) =>
        token.Authorization is null && token.Subject == token.Client && Split(token.Client) is { } service ? (service.Account, service.Chain.Name) : null;

    // Nothing is deposited on the main chain.
    private (string Account, ChainHost Chain)? Split(string id)
    {
        int slash = id.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && _chains.TryGetValue(id[..slash], out ChainHost? chain) && chain.Name != TrustFile.MainChain ? (id[(slash + 1)..], chain) : null;
    }

    // The rules of admission, at the clock's time instead of a leaf's: the newest record of each key, in its validity, for this chain, not revoked.
    private IEnumerable<JoseKey> InForce(ChainHost chain, string account)
    {
        long now = RecordTime.ToMilliseconds(_time.GetUtcNow());
        foreach ((long _, KeyRecord key) in chain.KeysOf(account))
        {
            if (key.MaySubmit(chain.Genesis.Origin, now) && key.TryGetPublicKey(out Crypto.KeyAlgorithm algorithm, out ReadOnlyMemory<byte> publicKey)
                && JoseKey.Of(algorithm, publicKey, key.KeyId.ToHex()) is { } usable)
            {
                yield return usable;
            }
        }
    }

    private static IReadOnlyList<JoseKey> KeysOf(string path, string place)
    {
        try
        {
            string text = new FileInfo(path).Length <= MaxKeyFile ? File.ReadAllText(path) : "";
            return JoseKey.OfFile(text) ?? throw new StartRefusedException($"{place} has the KeyFile '{path}', which is neither one JWK (P-256, without its private part) nor one or two public keys in PEM (P-256 or SM2): write the public key there.");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new StartRefusedException($"{place} has the KeyFile '{path}', which cannot be read: give its path and this user the right to read it.");
        }
    }

    private static bool IsRedirectUri(string text) => text.Length <= MaxUri && text.All(static c => c is > ' ' and < (char)127 and not ('"' or '\'' or '<' or '>' or '\\' or ';' or ',')) && Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
        && (uri.Scheme == "https" || (uri.Scheme == "http" && uri.IsLoopback)) && uri.UserInfo.Length == 0 && !text.Contains('#', StringComparison.Ordinal);

    [GeneratedRegex("^[a-z][a-z0-9.-]{2,63}$", RegexOptions.CultureInvariant)]
    private static partial Regex IdForm();
}
