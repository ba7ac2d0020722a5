using System.Buffers.Binary;
using System.Text;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Makes signature lines; <see cref="NoteKey.Verify"/> is the twin. The signer holds the private key, the <see cref="NoteKey"/>
/// says under which name and type it signs.
/// </summary>
public static class NoteSigner
{
    /// <summary>Signs a text and returns the whole note with this one signature.</summary>
    /// <exception cref="ArgumentException">The signer is not that of the key, the key only cosigns, or the text is not a note's.</exception>
    public static string Sign(ISigner signer, NoteKey key, string text) => SignedNote.Create(text, [SignLine(signer, key, text)]).Format();

    /// <summary>Signs a text and returns the signature line.</summary>
    /// <exception cref="ArgumentException">As for <see cref="Sign"/>.</exception>
    public static NoteSignature SignLine(ISigner signer, NoteKey key, string text)
    {
        CheckPair(signer, key, cosignature: false);
        SignedNote.CheckText(text);
        return new NoteSignature(key.Name, key.KeyId, signer.Sign(Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>Cosigns a checkpoint as seen at a time and returns the signature line.</summary>
    /// <param name="signer">Holder of the cosigner's private key.</param>
    /// <param name="key">The cosigner's key, of a cosignature type.</param>
    /// <param name="text">Text of a checkpoint.</param>
    /// <param name="unixSeconds">POSIX time in seconds, not negative.</param>
    /// <exception cref="ArgumentException">The signer is not that of the key, the key does not cosign, or the text is no checkpoint.</exception>
    public static NoteSignature Cosign(ISigner signer, NoteKey key, string text, long unixSeconds)
    {
        CheckPair(signer, key, cosignature: true);
        SignedNote.CheckText(text);
        ArgumentOutOfRangeException.ThrowIfNegative(unixSeconds);
        var problem = Checkpoint.TryParse(text, out _);
        if (problem != CheckpointProblem.None)
        {
            throw new ArgumentException($"Only a checkpoint is cosigned: {problem}.", nameof(text));
        }

        var signature = signer.Sign(NoteKey.CosignatureMessage(text, unixSeconds));
        var bytes = new byte[sizeof(ulong) + signature.Length];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, (ulong)unixSeconds);
        signature.CopyTo(bytes, sizeof(ulong));
        return new NoteSignature(key.Name, key.KeyId, bytes);
    }

    private static void CheckPair(ISigner signer, NoteKey key, bool cosignature)
    {
        ArgumentNullException.ThrowIfNull(signer);
        ArgumentNullException.ThrowIfNull(key);
        if (signer.Algorithm != key.Algorithm || !signer.PublicKey.Span.SequenceEqual(key.PublicKey))
        {
            throw new ArgumentException($"The signer does not hold the private key of {key.Format()}.", nameof(signer));
        }

        if (key.IsCosignature != cosignature)
        {
            throw new ArgumentException($"{key.Type} is the wrong type for this signature.", nameof(key));
        }
    }
}
