using System.Globalization;
using Notary.Chain.Folders;
using Notary.Chain.Signing;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain;

/// <summary>
/// Signs a chain's checkpoints, with every log key that has to: while a key is being replaced those are two. Who knows the old key and who already knows the new one both find a line
/// that they can verify, and pass over the other.
/// </summary>
/// <remarks>
/// The private halves lie in the chain's folder, one encrypted file each: <c>keys/log.pem</c> is the genesis' key, <c>keys/log-&lt;key id&gt;.pem</c> is one that took its place. One of them may be
/// held by a process of its own instead (<see cref="SignerService"/>). A retired key's file may be taken away; a chain without any key is not opened. Safe from any thread.
/// </remarks>
internal sealed class LogSigner : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Genesis _genesis;
    private readonly ChainFolder? _folder;
    private readonly bool _owner;
    private volatile IReadOnlyList<(NoteKey Key, ISigner Signer)> _held;

    private LogSigner(Genesis genesis, ChainFolder? folder, IReadOnlyList<(NoteKey Key, ISigner Signer)> held, bool owner)
    {
        _genesis = genesis;
        _folder = folder;
        _held = held;
        _owner = owner;
    }

    /// <summary>Which keys shall sign; those without a private half here are passed over. Null: all that are here.</summary>
    public Func<IReadOnlyList<NoteKey>>? Wanted { get; set; }

    /// <summary>The keys whose private halves are here.</summary>
    public IReadOnlyList<NoteKey> Held => [.. _held.Select(static held => held.Key)];

    /// <summary>A signer with the genesis' key alone, which stays its owner's.</summary>
    public static LogSigner Of(Genesis genesis, ISigner signer) => new(genesis, null, [(genesis.LogKey, signer)], owner: false);

    /// <summary>Loads every log key of a chain's folder.</summary>
    /// <exception cref="ChainRefusedException">There is none, or a file is unreadable or holds another key than its name says.</exception>
    public static LogSigner Load(ChainFolder folder, Genesis genesis, string password)
    {
        var held = new List<(NoteKey, ISigner)>();
        try
        {
            var remote = File.Exists(folder.SignerAddressPath);
            if (remote)
            {
                var signer = RemoteSigner.Connect(folder.SignerAddressPath, genesis.Origin);
                held.Add((NoteKey.Create(genesis.Origin, NoteKey.TypeFor(signer.Algorithm, cosignature: false), signer.PublicKey.Span), signer));
                if (signer.Algorithm != genesis.LogKey.Algorithm)
                {
                    throw new ChainRefusedException(ChainRefusal.Key, $"The signer that '{folder.SignerAddressPath}' names holds a key of another suite than {genesis.Origin}.");
                }
            }

            if (File.Exists(folder.LogKeyPath) || (folder.RotatedLogKeyPaths.Count == 0 && !remote))
            {
                held.Add(Read(folder.LogKeyPath, genesis, password));
                if (!held[^1].Item1.Equals(genesis.LogKey))
                {
                    throw new ChainRefusedException(ChainRefusal.Key, $"'{folder.LogKeyPath}' is not the log key of this chain's genesis: put the right key file back.");
                }
            }

            foreach (var path in folder.RotatedLogKeyPaths)
            {
                held.Add(Read(path, genesis, password));
                if (!string.Equals(path, folder.LogKeyPathOf(held[^1].Item1), StringComparison.Ordinal))
                {
                    throw new ChainRefusedException(ChainRefusal.Key, $"'{path}' holds another log key than its name says: give it back the name that it was made with.");
                }
            }

            // With a file beside the signer nothing would be gained: a server that was taken over would use the file.
            return remote && held.Skip(1).Any(other => other.Item1.Equals(held[0].Item1))
                ? throw new ChainRefusedException(ChainRefusal.Key, $"The key that the signer of '{folder.SignerAddressPath}' holds lies in '{folder.KeyPath(string.Empty)}' too: take the file away.")
                : new LogSigner(genesis, folder, held, owner: true);
        }
        catch
        {
            held.ForEach(static one => one.Item2.Dispose());
            throw;
        }
    }

    /// <summary>Loads a key whose file was made after the chain was opened; nothing when it is here, or its file is not.</summary>
    /// <exception cref="ChainRefusedException">The file cannot be read.</exception>
    public void TryAdd(NoteKey key, string password)
    {
        lock (_gate)
        {
            if (_folder is null || _held.Any(held => held.Key.Equals(key)) || !File.Exists(_folder.LogKeyPathOf(key)))
            {
                return;
            }

            var read = Read(_folder.LogKeyPathOf(key), _genesis, password);
            if (!read.Key.Equals(key))
            {
                read.Signer.Dispose();
                throw new ChainRefusedException(ChainRefusal.Key, $"'{_folder.LogKeyPathOf(key)}' holds another log key than its name says: give it back the name that it was made with.");
            }

            _held = [.. _held, read];
        }
    }

    /// <summary>Signs the text of a checkpoint.</summary>
    /// <exception cref="InvalidOperationException">None of the keys that have to sign is here.</exception>
    public SignedNote Sign(string text)
    {
        var wanted = Wanted?.Invoke();
        var lines = new List<NoteSignature>();
        foreach (var (key, signer) in _held)
        {
            if (wanted is null || wanted.Contains(key))
            {
                lines.Add(NoteSigner.SignLine(signer, key, text));
            }
        }

        return lines.Count > 0
            ? SignedNote.Create(text, lines)
            : throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"none of the log keys in force ({string.Join(", ", (wanted ?? []).Select(static key => $"{key.Name}+{key.KeyId:x8}"))}) lies in the chain's folder"));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_owner)
        {
            foreach (var (_, signer) in _held)
            {
                signer.Dispose();
            }
        }
    }

    private static (NoteKey Key, ISigner Signer) Read(string path, Genesis genesis, string password)
    {
        try
        {
            var signer = KeyFile.Load(path, password);
            if (signer.Algorithm != genesis.LogKey.Algorithm)
            {
                signer.Dispose();
                throw new ChainRefusedException(ChainRefusal.Key, $"'{path}' holds a key of another suite than {genesis.Origin}: put the right key file back.");
            }

            return (NoteKey.Create(genesis.Origin, NoteKey.TypeFor(signer.Algorithm, cosignature: false), signer.PublicKey.Span), signer);
        }
        catch (KeyFileException failure)
        {
            throw new ChainRefusedException(ChainRefusal.Key, failure.Message, failure);
        }
    }
}
