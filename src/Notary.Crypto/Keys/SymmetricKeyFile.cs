using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;

namespace Notary.Crypto.Keys;

/// <summary>
/// A symmetric key (wrapping, digest index, subject index) in the same envelope as a signing key: PrivateKeyInfo whose algorithm is
/// id-data (1.2.840.113549.1.7.1), so that neither kind opens as the other.
/// </summary>
public static class SymmetricKeyFile
{
    private const string Octets = "1.2.840.113549.1.7.1";

    /// <summary>Draws <paramref name="length"/> random bytes and writes them durably, mode 0600; an existing file is refused.</summary>
    /// <param name="length">16 to 64 bytes</param>
    /// <returns>the key; the caller clears it</returns>
    /// <exception cref="KeyFileException">the file exists or cannot be written</exception>
    public static byte[] Create(string path, int length, ReadOnlySpan<char> password)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 16);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, 64);
        var key = new byte[length];
        RandomBytes.Fill(key);
        EncryptedFile.Write(path, new Pkcs8PrivateKeyInfo(new Oid(Octets), null, key, skipCopies: true), password);
        return key;
    }

    /// <returns>the key; the caller checks its length and clears it</returns>
    /// <exception cref="KeyFileException">missing, too open, no key file, wrong password, another kind of key</exception>
    public static byte[] Load(string path, ReadOnlySpan<char> password)
    {
        var info = EncryptedFile.Read(path, password, out var digested);
        if (info.AlgorithmId.Value != Octets || info.PrivateKeyBytes.Length is < 16 or > 64)
        {
            throw new KeyFileException(KeyFileFailure.OtherKind, path, $"{path} holds a signing key, not a symmetric one.");
        }
        // Nobody else writes these, so the digest is always there.
        return digested
            ? info.PrivateKeyBytes.ToArray()
            : throw new KeyFileException(KeyFileFailure.BadKey, path, $"{path} opens, but the key inside is damaged.");
    }
}
