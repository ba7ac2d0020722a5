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
/// node.place   which file mirror.db is (<see cref="FileIdentity"/>): a copied folder's is another one
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

    private string PlacePath => Path.Combine(Root, "node.place");

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
            building.WritePlace();
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

    /// <summary>
    /// Lets the node go on in this folder after it was moved to another disk or machine: whoever says so answers for it that the folder is the newest, and that the one which it comes from is never started again.
    /// </summary>
    /// <returns>The node's verifier key.</returns>
    /// <exception cref="ChainRefusedException">There is no node, another process works on it, or the disk refuses.</exception>
    public NoteKey Move()
    {
        var key = ReadVerifierKey();
        using var held = Hold();
        try
        {
            WritePlace();
            DurableFile.SyncFolder(Root);
            return key;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ChainRefusedException(ChainRefusal.Storage, $"The node in '{Root}' cannot be moved: {failure.Message}", failure);
        }
    }

    /// <summary>Takes the folder for this process.</summary>
    /// <exception cref="ChainRefusedException">Another process works on it, or it may not be written.</exception>
    internal FileStream Hold()
    {
        try
        {
            return new FileStream(LockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException busy)
        {
            throw new ChainRefusedException(ChainRefusal.Locked, $"Another process works on the node in '{Root}': stop that process.", busy);
        }
        catch (UnauthorizedAccessException denied)
        {
            throw new ChainRefusedException(ChainRefusal.Storage, $"The node's folder '{Root}' may not be written: give this user the right.", denied);
        }
    }

    /// <summary>Requires that the copy is the file that the node's key works with, and no copy of that. One key on two copies would sign two histories, without either of them knowing.</summary>
    /// <exception cref="ChainRefusedException">It is not.</exception>
    internal void CheckPlace()
    {
        try
        {
            if (FileIdentity.Of(DatabasePath) is { } place && (!File.Exists(PlacePath) || File.ReadAllText(PlacePath).TrimEnd('\n') != place))
            {
                throw new ChainRefusedException(
                    ChainRefusal.Copied,
                    $"The node in '{Root}' was copied or put back from a backup, and its key may be at work elsewhere: run it where it was, or make a new node with a new key and join with it. Only if the whole folder was moved here, and where it was it never runs again: 'notary node move {Root}'.");
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ChainRefusedException(ChainRefusal.Storage, $"The copy in '{Root}' cannot be opened: {failure.Message}", failure);
        }
    }

    private void WritePlace()
    {
        if (FileIdentity.Of(DatabasePath) is { } place)
        {
            DurableFile.Replace(PlacePath, Encoding.ASCII.GetBytes(place + "\n"));
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
