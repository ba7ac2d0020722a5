namespace Notary.Chain.Folders;

/// <summary>
/// Where the parts of one chain lie.
/// </summary>
/// <remarks>
/// <code>
/// genesis.json           the chain's constant, RFC 8785
/// chain.json, nodes.txt  the template that it was made from
/// chain.db               SQLite: head, segments, tiles, item boxes, requests, index feed
/// database.json          0600, instead of chain.db and index: the PostgreSQL database that holds them
/// finality.db            SQLite: the newest final and all anchored checkpoints, in a network
/// index/                 sorted runs of the digest index
/// keys/log.pem           signs checkpoints
/// keys/wrapping.key      wraps the secrets of records
/// keys/digest-index.key  keys the look-up by digest
/// keys/subject-index.key keys the look-up by subject
/// </code>
/// </remarks>
public sealed class ChainFolder(string path)
{
    /// <summary>The folder.</summary>
    public string Root { get; } = path;

    /// <summary>The chain's name: the folder's.</summary>
    public string Name => Path.GetFileName(Root);

    /// <summary>The database, where it is a file.</summary>
    public string DatabasePath => Path.Combine(Root, "chain.db");

    /// <summary>The address of the database, where it is PostgreSQL.</summary>
    public string DatabaseAddressPath => Path.Combine(Root, "database.json");

    /// <summary>The final and anchored checkpoints.</summary>
    public string FinalityPath => Path.Combine(Root, "finality.db");

    /// <summary>The genesis document.</summary>
    public string GenesisPath => Path.Combine(Root, "genesis.json");

    /// <summary>The digest index.</summary>
    public string IndexPath => Path.Combine(Root, "index");

    /// <summary>A key file by its purpose.</summary>
    public string KeyPath(string file) => Path.Combine(Root, "keys", file);

    /// <summary>The log key.</summary>
    public string LogKeyPath => KeyPath("log.pem");

    /// <summary>The wrapping key.</summary>
    public string WrappingKeyPath => KeyPath("wrapping.key");

    /// <summary>The digest-index key.</summary>
    public string DigestIndexKeyPath => KeyPath("digest-index.key");

    /// <summary>The subject-index key.</summary>
    public string SubjectIndexKeyPath => KeyPath("subject-index.key");
}
