using System.Net;
using System.Net.Sockets;
using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Chain.Network;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Server.Identity;
using Notary.Server.Identity.Store;
using Notary.Server.Nodes;
using Notary.Server.Options;

namespace Notary.Server.Startup;

/// <summary>Everything that is opened once and shared by all requests: data folder, chains, trust file, accounts. Closing it finishes what is in the sequencers.</summary>
public sealed class Platform : IAsyncDisposable
{
    private readonly DataFolder _data;
    private readonly Dictionary<string, ChainHost> _chains;
    private readonly HashSet<string> _known = [];

    private Platform(DataFolder data, Dictionary<string, ChainHost> chains, ChainNetwork network, ServiceAccounts accounts, IdentityDatabase identity, CreatedChain? created, bool development, string? root, string password)
    {
        Identity = identity;
        KeyPassword = password;
        _data = data;
        _chains = chains;
        Network = network;
        Accounts = accounts;
        Created = created;
        IsDevelopment = development;
        RepositoryRoot = root;
    }

    /// <summary>The data folder's path.</summary>
    public string DataPath => _data.Root;

    /// <summary>Opens the key files.</summary>
    internal string KeyPassword { get; }

    /// <summary>The open chains, by name.</summary>
    public IReadOnlyDictionary<string, ChainHost> Chains => _chains;

    /// <summary>Ledger nodes, finality and anchors of the chains; empty around development chains.</summary>
    public ChainNetwork Network { get; }

    /// <summary>The version of the trust file in force; a later one may take its place while the server runs.</summary>
    public TrustFile Trust => Network.Trust;

    /// <summary>The service accounts that may sign in.</summary>
    public ServiceAccounts Accounts { get; }

    /// <summary>The accounts of people.</summary>
    internal IdentityDatabase Identity { get; }

    /// <summary>The chain that this start created, if it did.</summary>
    public CreatedChain? Created { get; }

    /// <summary>Whether this is the Development environment.</summary>
    public bool IsDevelopment { get; }

    /// <summary>The folder that holds <c>sidechains</c>: the repository's root, when the server was started inside one.</summary>
    public string? RepositoryRoot { get; }

    /// <summary>Opens the data folder and every chain in it; in Development an empty one gets its first chain.</summary>
    /// <exception cref="StartRefusedException">The server cannot start; one sentence says why and what to do.</exception>
    /// <exception cref="ChainRefusedException">The same, found by the chain.</exception>
    public static Platform Open(ServerOptions options, bool development, TimeProvider time)
    {
        CheckLibCrypto(options.Crypto);
        CheckPort(options.Listen);
        string working = Directory.GetCurrentDirectory();
        string? root = SidechainsFolder.RootAbove(working);
        string path = options.Folders.Data.Length > 0 ? Path.GetFullPath(options.Folders.Data) : Path.Combine(root ?? working, "data");
        string? sidechains = HasChain(path) ? null : TemplatesFor(path, options.Folders, root, working, development);
        DataFolder data = DataFolder.Take(path, create: sidechains is not null);
        var chains = new Dictionary<string, ChainHost>(StringComparer.Ordinal);
        IdentityDatabase? identity = null;
        try
        {
            string password = Password(options.Folders, data, development);
            CreatedChain? created = sidechains is null
                ? null
                : ChainCreation.Create(data, ChainTemplate.Load(Path.Combine(sidechains, "beijing")), options.Folders.Deployment, password, time);
            OpenChains(data, chains, password, time);
            TrustFile trust = LoadTrust(data);
            ServiceAccounts accounts = LoadAccounts(data, chains);
            identity = IdentityDatabase.Open(options.People.ConnectionFile, data.Root, password);
            ChainNetwork network = ChainNetwork.Start(data, chains, trust, password, LinkTo, time);
            return new Platform(data, chains, network, accounts, identity, created, development, root, password);
        }
        catch
        {
            identity?.Dispose();
            foreach (ChainHost chain in chains.Values)
            {
                chain.Dispose();
            }

            data.Dispose();
            throw;
        }
    }

    /// <summary>Says which chains have stopped since the last call.</summary>
    public IEnumerable<(string Name, StoppedState State)> NewlyStopped()
    {
        foreach ((string name, ChainHost chain) in _chains)
        {
            if (chain.Stopped is { } state)
            {
                lock (_known)
                {
                    if (!_known.Add(name))
                    {
                        continue;
                    }
                }

                yield return (name, state);
            }
        }
    }

    /// <summary>Ends finality and anchors, seals what waits, stores each chain's last checkpoint and closes the chains. Called after the last request has ended.</summary>
    public async Task CloseAsync(ILogger logger)
    {
        await Network.DisposeAsync();
        foreach ((string name, ChainHost chain) in _chains)
        {
            chain.Dispose();
            Log.ChainClosed(logger, name, chain.Reader.Size);
        }

        _chains.Clear();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Network.DisposeAsync();
        foreach (ChainHost chain in _chains.Values)
        {
            chain.Dispose();
        }

        Identity.Dispose();
        _data.Dispose();
    }

    // A node of another organisation, at the address that the trust file's policy gives it.
    private static HttpNodeLink? LinkTo(Ledger.PolicyWitness witness) =>
        witness.Url is not { } url ? null
        : Uri.TryCreate(url, UriKind.Absolute, out Uri? prefix) && prefix.Scheme is "http" or "https" ? new HttpNodeLink(prefix)
        : throw new StartRefusedException($"the trust file gives the node {witness.Name} the address '{url}', which is none: it takes a submission prefix such as https://court.example/mirror.");

    private static void OpenChains(DataFolder data, Dictionary<string, ChainHost> chains, string password, TimeProvider time) => Together.Run(data.Chains, folder =>
    {
        var chain = ChainHost.Open(folder, password, time);
        lock (chains)
        {
            chains.Add(folder.Name, chain);
        }
    });

    // Folders whose name begins with a dot are creations that were interrupted.
    private static bool HasChain(string path)
    {
        string chains = Path.Combine(path, "chains");
        return Directory.Exists(chains) && Directory.EnumerateDirectories(chains).Any(d => !Path.GetFileName(d).StartsWith('.'));
    }

    /// <summary>The templates that Development makes its first chain from. Outside Development creating is a verb, never a side effect of starting.</summary>
    private static string TemplatesFor(string path, FolderOptions options, string? root, string working, bool development)
    {
        if (!development)
        {
            throw new StartRefusedException(
                $"there is no chain in '{path}', and outside Development none is created by starting: run 'notary chain create', or set Notary:Folders:Data to the folder that holds the data.");
        }

        if (options.Sidechains.Length > 0)
        {
            return Path.GetFullPath(options.Sidechains);
        }

        // With a data folder named outright the program's own templates will do; without one, an unknown working folder is more likely a mistake than a wish for a second platform.
        string? found = root ?? (options.Data.Length > 0 ? SidechainsFolder.RootAbove(AppContext.BaseDirectory) : null);
        return found is null
            ? throw new StartRefusedException(
                $"there is no data in '{path}' and no sidechains folder above the working folder '{working}': start from the repository's root, or set Notary:Folders:Data (Notary__Folders__Data in the environment).")
            : Path.Combine(found, SidechainsFolder.Name);
    }

    internal static void CheckLibCrypto(CryptoOptions options)
    {
        LibCrypto.UsePath(options.LibCrypto.Length > 0 ? options.LibCrypto : null);
        if (LibCrypto.Check() is { } problem)
        {
            throw new StartRefusedException(problem.Message);
        }
    }

    /// <summary>Before anything is created: a second start on a taken port must leave no half-made platform behind.</summary>
    internal static void CheckPort(ListenOptions options)
    {
        var url = new Uri(options.Url);
        try
        {
            IPAddress address = url.Host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(url.DnsSafeHost, out IPAddress? given) ? given : IPAddress.Any;
            using var probe = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            probe.Bind(new IPEndPoint(address, url.Port));
            probe.Listen();
        }
        catch (SocketException taken)
        {
            throw new StartRefusedException(taken.SocketErrorCode == SocketError.AddressAlreadyInUse
                ? $"port {url.Port} is taken: stop the program that listens there, or set another one in Notary:Listen:Url (Notary__Listen__Url in the environment)."
                : $"'{options.Url}' cannot be bound ({taken.SocketErrorCode}): set an address of this machine in Notary:Listen:Url.");
        }
    }

    private static string Password(FolderOptions options, DataFolder data, bool development)
    {
        if (options.PasswordFile.Length > 0)
        {
            try
            {
                string line = File.ReadLines(options.PasswordFile).FirstOrDefault("").Trim();
                return line.Length > 0 ? line : throw new StartRefusedException($"the password file '{options.PasswordFile}' is empty: write the password of the key files into its first line.");
            }
            catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
            {
                throw new StartRefusedException($"the password file '{options.PasswordFile}' cannot be read: give its path in Notary:Folders:PasswordFile and this user the right to read it.");
            }
        }

        return development
            ? data.DevelopmentPassword()
            : throw new StartRefusedException("outside Development the password of the key files is not taken from the data folder: set Notary:Folders:PasswordFile.");
    }

    private static TrustFile LoadTrust(DataFolder data)
    {
        try
        {
            return TrustFile.TryParse(File.ReadAllBytes(data.TrustPath), out TrustFile? trust) is { } problem
                ? throw new StartRefusedException($"the trust file '{data.TrustPath}' is not one ({problem.Failure}): put back the one that 'notary chain create' wrote.")
                : trust!;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException($"the trust file '{data.TrustPath}' cannot be read: put back the one that 'notary chain create' wrote.");
        }
    }

    // A network has one for each region; a chain that was made alone has the data folder's.
    private static List<(string Path, string Chain)> CredentialsOf(DataFolder data, Dictionary<string, ChainHost> chains) => Directory.Exists(data.CredentialsPath)
        ? [.. chains.Keys.Select(chain => (Path.Combine(data.CredentialsPath, chain + ".json"), chain))]
        : [(data.CredentialPath, chains.Keys.First())];

    private static ServiceAccounts LoadAccounts(DataFolder data, Dictionary<string, ChainHost> chains)
    {
        string path = Path.Combine(data.Root, "accounts.json");
        return new ServiceAccounts(ServiceAccounts.Load(path, CredentialsOf(data, chains)).Select(entry =>
        {
            return chains.ContainsKey(entry.Chain)
                ? (entry.SecretHash, new ServiceAccountIdentity(entry.Account, entry.Chain))
                : throw new StartRefusedException($"the account {entry.Account} in '{path}' deposits to the chain {entry.Chain}, which is not there: correct the file.");
        }));
    }
}
