using System.Text;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;
using Notary.Ledger;

namespace Notary.Chain.Nodes;

/// <summary>
/// The folder of one ledger node: one organisation's copy of one chain, and the key that cosigns it. Key and copy are made together and never apart: a node that lost its
/// copy must not sign on with the same key, for it could sign a second history; it is made again, with a new key, and joins anew.
/// </summary>
/// <remarks>
/// <code>
/// node.vkey    the verifier key (C2SP signed-note), one line: what the organisation hands out
/// node.pem     signs cosignatures
/// mirror.db    SQLite: the copy, see <see cref="NodeStore"/>
/// node.lock    held by the process that works on the folder
/// </code>
/// </remarks>
public sealed class NodeFolder(string path)
{
    /// <summary>The folder.</summary>
    public string Root { get; } = Path.GetFullPath(path);

    /// <summary>The private key's path.</summary>
    public string KeyPath => Path.Combine(Root, "node.pem");

    /// <summary>The verifier key's path.</summary>
    public string VerifierKeyPath => Path.Combine(Root, "node.vkey");

    internal string DatabasePath => Path.Combine(Root, "mirror.db");

    internal string LockPath => Path.Combine(Root, "node.lock");

    /// <summary>Makes key and empty copy. An interrupted creation leaves no node.</summary>
    /// <param name="name">Name of the key, for instance <c>court.example/beijing</c>.</param>
    /// <param name="suite">The chain's suite.</param>
    /// <param name="password">Protects the key file.</param>
    /// <returns>The verifier key.</returns>
    /// <exception cref="ChainRefusedException">The folder exists, the name is none, or the disk refuses.</exception>
    public NoteKey Create(string name, Suite suite, string password)
    {
        ArgumentNullException.ThrowIfNull(suite);
        if (!NoteKey.IsValidName(name) || !Ascii.IsValid(name) || name.Length > 200)
        {
            throw new ChainRefusedException(ChainRefusal.Template, "A node's name is up to 200 ASCII characters without spaces and plus signs, for instance court.example/beijing.");
        }

        if (Directory.Exists(Root) || File.Exists(Root))
        {
            throw new ChainRefusedException(ChainRefusal.Exists, $"'{Root}' exists already: a node is made once, in a folder of its own.");
        }

        var parent = Path.GetDirectoryName(Root)!;
        var building = new NodeFolder(Path.Combine(parent, "." + Path.GetFileName(Root) + ".new"));
        try
        {
            if (Directory.Exists(building.Root))
            {
                Directory.Delete(building.Root, recursive: true);
            }

            DurableFile.CreateOwnerOnlyFolder(parent);
            DurableFile.CreateOwnerOnlyFolder(building.Root);
            var algorithm = suite.Id == SuiteId.Sm ? KeyAlgorithm.Sm2 : KeyAlgorithm.Ed25519;
            using var signer = KeyFile.Create(building.KeyPath, algorithm, password);
            var key = NoteKey.Create(name, NoteKey.TypeFor(algorithm, cosignature: true), signer.PublicKey.Span);
            DurableFile.Replace(building.VerifierKeyPath, Encoding.ASCII.GetBytes(key.Format() + "\n"));
            NodeStore.Create(building.DatabasePath, new TreeHasher(suite).Empty);
            DurableFile.SyncFolder(building.Root);
            Directory.Move(building.Root, Root);
            DurableFile.SyncFolder(parent);
            return key;
        }
        catch (KeyFileException failure)
        {
            throw new ChainRefusedException(ChainRefusal.Key, failure.Message, failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or Store.DatabaseFailureException)
        {
            throw new ChainRefusedException(ChainRefusal.Storage, $"The node cannot be made in '{Root}': {failure.Message}", failure);
        }
    }

    /// <summary>The verifier key that the folder was made with.</summary>
    /// <exception cref="ChainRefusedException">There is no node, or its file is damaged.</exception>
    public NoteKey ReadVerifierKey()
    {
        try
        {
            return NoteKey.TryParse(File.ReadAllText(VerifierKeyPath).TrimEnd('\n'), out var key) == NoteKeyProblem.None && key!.IsCosignature
                ? key
                : throw new ChainRefusedException(ChainRefusal.Inconsistent, $"'{VerifierKeyPath}' holds no verifier key of a node: put the right file back.");
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            throw new ChainRefusedException(ChainRefusal.NotCreated, $"There is no ledger node in '{Root}': make one with 'notary node keygen'.", missing);
        }
    }
}
