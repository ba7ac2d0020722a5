using System.Globalization;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

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
/// signer.json            where a signer holds the log key, instead of keys/log.pem
/// closing.json           governance is asked to close the chain: while it lies here nothing is sealed; the proposal without signatures
/// finality.db            SQLite: the newest final and all anchored checkpoints, in a network
/// index/                 sorted runs of the digest index
/// keys/log.pem           signs checkpoints; the genesis names it
/// keys/log-&lt;key id&gt;.pem  a log key that takes its place, once the trust file names it
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

    /// <summary>The address of a signer process that holds a log key.</summary>
    public string SignerAddressPath => Path.Combine(Root, "signer.json");

    /// <summary>The final and anchored checkpoints.</summary>
    public string FinalityPath => Path.Combine(Root, "finality.db");

    /// <summary>What governance is asked to close the chain by, see <see cref="IncidentRecord.ToProposal"/>.</summary>
    public string ClosingPath => Path.Combine(Root, "closing.json");

    /// <summary>The genesis document.</summary>
    public string GenesisPath => Path.Combine(Root, "genesis.json");

    /// <summary>The digest index.</summary>
    public string IndexPath => Path.Combine(Root, "index");

    /// <summary>A key file by its purpose.</summary>
    public string KeyPath(string file) => Path.Combine(Root, "keys", file);

    /// <summary>The log key that the genesis names.</summary>
    public string LogKeyPath => KeyPath("log.pem");

    /// <summary>The files of log keys that were made later.</summary>
    public IReadOnlyList<string> RotatedLogKeyPaths => Directory.Exists(KeyPath(string.Empty)) ? [.. Directory.EnumerateFiles(KeyPath(string.Empty), "log-*.pem").Order(StringComparer.Ordinal)] : [];

    /// <summary>Where a log key that was made later lies.</summary>
    public string LogKeyPathOf(NoteKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return KeyPath(string.Create(CultureInfo.InvariantCulture, $"log-{key.KeyId:x8}.pem"));
    }

    /// <summary>Makes a further log key for this chain. It signs nothing before the trust file names it; other keys and the running chain are not touched.</summary>
    /// <returns>The verifier key for the proposal.</returns>
    /// <exception cref="ChainRefusedException">There is no chain, or the disk refuses.</exception>
    public NoteKey CreateLogKey(string password)
    {
        if (!File.Exists(GenesisPath) || Genesis.TryParse(File.ReadAllBytes(GenesisPath), out var genesis) != GenesisProblem.None)
        {
            throw new ChainRefusedException(ChainRefusal.NotCreated, $"There is no chain in '{Root}': create one with 'notary chain create'.");
        }

        // The file is named after a key that is not drawn yet: it is made beside its place, and moved in.
        var draft = KeyPath("log.pem.new");
        try
        {
            File.Delete(draft);
            using var signer = KeyFile.Create(draft, genesis!.LogKey.Algorithm, password);
            var key = NoteKey.Create(genesis.Origin, genesis.LogKey.Type, signer.PublicKey.Span);
            File.Move(draft, LogKeyPathOf(key));
            DurableFile.SyncFolder(Path.GetDirectoryName(draft)!);
            return key;
        }
        catch (KeyFileException failure)
        {
            throw new ChainRefusedException(ChainRefusal.Key, failure.Message, failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ChainRefusedException(ChainRefusal.Storage, $"The key cannot be made in '{Root}': {failure.Message}", failure);
        }
    }

    /// <summary>The wrapping key.</summary>
    public string WrappingKeyPath => KeyPath("wrapping.key");

    /// <summary>The digest-index key.</summary>
    public string DigestIndexKeyPath => KeyPath("digest-index.key");

    /// <summary>The subject-index key.</summary>
    public string SubjectIndexKeyPath => KeyPath("subject-index.key");
}
