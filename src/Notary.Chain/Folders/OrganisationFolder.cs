using System.Security.Cryptography;
using System.Text;
using Notary.Chain.Nodes;
using Notary.Crypto.Native;
using Notary.Evidence;

namespace Notary.Chain.Folders;

/// <summary>
/// What one organisation needs to run its ledger nodes in a process of its own: their folders, the genesis documents and the trust file as it knows them, and its own secrets. In a demonstration all organisations'
/// folders are made together; in earnest each makes its own.
/// </summary>
/// <remarks>
/// <code>
/// password             0600: the password of the nodes' key files
/// entries-secret       0600: opens the entries to auditors and to a chain that lost its database
/// trust.note           the trust file as this organisation knows it; goes forward by 'notary trust update'
/// &lt;chain&gt;.genesis.json the chain's constant
/// &lt;chain&gt;/             the node, see <see cref="NodeFolder"/>
/// </code>
/// </remarks>
public sealed class OrganisationFolder(string path)
{
    private const string GenesisEnding = ".genesis.json";

    /// <summary>The folder.</summary>
    public string Root { get; } = Path.GetFullPath(path);

    /// <summary>The organisation's name, which the nodes bear in the policies.</summary>
    public string Name => Path.GetFileName(Root);

    /// <summary>The path of the password of the key files.</summary>
    public string PasswordPath => Path.Combine(Root, "password");

    /// <summary>The path of the secret that opens entries.</summary>
    public string EntriesSecretPath => Path.Combine(Root, "entries-secret");

    /// <summary>The trust file's path.</summary>
    public string TrustPath => Path.Combine(Root, "trust.note");

    /// <summary>The chains that it mirrors, by name.</summary>
    public IReadOnlyList<string> Chains =>
        [.. Directory.EnumerateFiles(Root, "*" + GenesisEnding).Select(static file => Path.GetFileName(file)[..^GenesisEnding.Length]).Order(StringComparer.Ordinal)];

    /// <summary>The genesis document of a chain, there or not.</summary>
    public string GenesisPath(string chain) => Path.Combine(Root, chain + GenesisEnding);

    /// <summary>The node of a chain, there or not.</summary>
    public NodeFolder Node(string chain) => new(Path.Combine(Root, chain));

    /// <summary>Makes the folder with secrets of its own, for nodes to be made in; returns the password.</summary>
    internal string Create()
    {
        DurableFile.CreateOwnerOnlyFolder(Root);
        DurableFile.Replace(EntriesSecretPath, Line(32), ownerOnly: true);
        DurableFile.Replace(PasswordPath, Line(24), ownerOnly: true);
        return File.ReadAllText(PasswordPath).Trim();
    }

    /// <summary>Hands it what the operator publishes, and makes all of it durable.</summary>
    internal void Publish(IEnumerable<Genesis> chains, TrustFile trust)
    {
        foreach (var genesis in chains)
        {
            DurableFile.Replace(GenesisPath(genesis.Chain), genesis.Canonical.Span);
        }

        DurableFile.Replace(TrustPath, trust.ToBytes());
        DurableFile.SyncFolder(Root);
    }

    private static byte[] Line(int bytes) => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(bytes)) + "\n");
}
