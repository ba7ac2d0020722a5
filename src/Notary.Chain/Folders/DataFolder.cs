using System.Security.Cryptography;
using System.Text;
using Notary.Chain.Nodes;
using Notary.Crypto.Native;

namespace Notary.Chain.Folders;

/// <summary>
/// The data folder of a platform: one process at a time works on it.
/// </summary>
/// <remarks>
/// <code>
/// VERSION              one line: the layout's version
/// notary.lock          held by the process that works on the folder
/// passwords            0600, Development only: the password of the key files
/// credential.json      0600: server, account and secret of the development service account
/// trust.note           the trust file of these chains
/// webhooks.db          0600: the accounts' webhooks, and how far each has been told
/// identity.db          0600: people's accounts, sessions and the audit trail, where no database of its own is named for them
/// operator.secret      0600: whoever can read it is the operator
/// keys/identity.key    encrypts and authenticates what the identity tables hold; made at the first start
/// keys/webhook.key     their secrets are derived from it; made with the first one
/// keys/governance.pem  the governance key (development: online; otherwise it never lies here)
/// credentials/         0600: a credential of the development service account for each region, in an embedded network
/// chains/&lt;name&gt;/       one folder a chain, see <see cref="ChainFolder"/>
/// nodes/&lt;chain&gt;/&lt;node&gt;/ one folder a ledger node, see <see cref="NodeFolder"/>, in an embedded network
/// organisations/       one folder an organisation, see <see cref="OrganisationFolder"/>, in a demonstration whose nodes run in processes of their own
/// </code>
/// </remarks>
public sealed class DataFolder : IDisposable
{
    /// <summary>The version of the layout that this program reads and writes.</summary>
    public const string Version = "notary-data 1";

    private readonly FileStream _lock;

    private DataFolder(string path, FileStream held)
    {
        Root = path;
        _lock = held;
    }

    /// <summary>The folder.</summary>
    public string Root { get; }

    /// <summary>The trust file's path.</summary>
    public string TrustPath => Path.Combine(Root, "trust.note");

    /// <summary>The credential's path.</summary>
    public string CredentialPath => Path.Combine(Root, "credential.json");

    /// <summary>The folder of the regions' credentials, in an embedded network.</summary>
    public string CredentialsPath => Path.Combine(Root, "credentials");

    /// <summary>The development passwords' path.</summary>
    public string PasswordPath => Path.Combine(Root, "passwords");

    /// <summary>The governance key's path.</summary>
    public string GovernanceKeyPath => Path.Combine(Root, "keys", "governance.pem");

    /// <summary>The chains, by name.</summary>
    public IReadOnlyList<ChainFolder> Chains
    {
        get
        {
            var folder = Path.Combine(Root, "chains");
            return Directory.Exists(folder)
                ? [.. Directory.EnumerateDirectories(folder).Where(d => !Path.GetFileName(d).StartsWith('.')).Order(StringComparer.Ordinal).Select(d => new ChainFolder(d))]
                : [];
        }
    }

    /// <summary>True when nothing is there yet: an absent or empty folder.</summary>
    public static bool IsEmpty(string path) => !Directory.Exists(path) || !Directory.EnumerateFileSystemEntries(path).Any(e => Path.GetFileName(e) is not ("notary.lock" or "VERSION.part"));

    /// <summary>The ledger nodes of a chain that lie in this folder, by name: in an embedded network.</summary>
    public IReadOnlyList<NodeFolder> Nodes(string chain)
    {
        var folder = Path.Combine(Root, "nodes", chain);
        return Directory.Exists(folder)
            ? [.. Directory.EnumerateDirectories(folder).Where(d => !Path.GetFileName(d).StartsWith('.')).Order(StringComparer.Ordinal).Select(d => new NodeFolder(d))]
            : [];
    }

    /// <summary>The organisations whose nodes are processes of their own, by name: in a demonstration that runs as several processes.</summary>
    public IReadOnlyList<OrganisationFolder> Organisations
    {
        get
        {
            var folder = Path.Combine(Root, "organisations");
            return Directory.Exists(folder) ? [.. Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal).Select(static one => new OrganisationFolder(one))] : [];
        }
    }

    /// <summary>The folder of a chain by name, there or not.</summary>
    public ChainFolder Chain(string name) => new(Path.Combine(Root, "chains", name));

    /// <summary>Takes the folder for this process; makes it when <paramref name="create"/> says so.</summary>
    /// <exception cref="ChainRefusedException">Held by another process, of another version, or not a data folder.</exception>
    public static DataFolder Take(string path, bool create)
    {
        path = Path.GetFullPath(path);
        var empty = IsEmpty(path);
        if (empty && !create)
        {
            throw new ChainRefusedException(
                ChainRefusal.NotCreated,
                $"There is no chain in '{path}': create one with 'notary chain create', or start in the folder that holds the data.");
        }

        FileStream held;
        try
        {
            Directory.CreateDirectory(path);
            held = new FileStream(Path.Combine(path, "notary.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException busy)
        {
            throw new ChainRefusedException(
                ChainRefusal.Locked, $"Another process works on '{path}', or its lock file cannot be opened: stop that process, or choose another data folder.", busy);
        }
        catch (UnauthorizedAccessException denied)
        {
            throw new ChainRefusedException(ChainRefusal.Storage, $"The data folder '{path}' may not be written: give this user the right, or choose another folder.", denied);
        }

        try
        {
            var versionPath = Path.Combine(path, "VERSION");
            if (File.Exists(versionPath))
            {
                var found = File.ReadAllText(versionPath).TrimEnd('\n');
                if (!string.Equals(found, Version, StringComparison.Ordinal))
                {
                    throw new ChainRefusedException(
                        ChainRefusal.OtherVersion,
                        $"The data in '{path}' is of version '{Printable(found)}', this program works on '{Version}': start the program version that made it, or choose another data folder.");
                }
            }
            else if (empty)
            {
                DurableFile.Replace(versionPath, Encoding.ASCII.GetBytes(Version + "\n"));
                DurableFile.SyncFolder(path);
            }
            else
            {
                throw new ChainRefusedException(
                    ChainRefusal.OtherVersion, $"'{path}' holds files but no VERSION: it is not a data folder of Notary; choose another folder.");
            }

            return new DataFolder(path, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>The password of the development key files: read, or drawn and written (0600) the first time.</summary>
    public string DevelopmentPassword()
    {
        if (!File.Exists(PasswordPath))
        {
            DurableFile.Replace(PasswordPath, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24)) + "\n"), ownerOnly: true);
            DurableFile.SyncFolder(Root);
        }

        return File.ReadAllText(PasswordPath).Trim();
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private static string Printable(string text) => new([.. text.Take(40).Select(c => char.IsControl(c) ? '?' : c)]);
}
