using System.Buffers;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Text;
using Notary.Crypto.Native;

namespace Notary.Crypto.Keys;

/// <summary>
/// One encrypted PKCS#8 key as PEM (RFC 5958, RFC 7468 clause 11): PBES2 with PBKDF2-HMAC-SHA256, 600,000 rounds, and AES-256-CBC (RFC 8018).
/// A password of exactly 48 lower-case hexadecimal digits is taken for 192 bits that a program drew, and gets 10,000 rounds: what nobody can guess gains nothing by being
/// stretched, and a network opens dozens of key files at its start. That is a guess from its form. The usual hashes print 32, 40, 64 or more digits, but some print 48 (Tiger,
/// SHA-384 cut short, <c>b2sum -l 192</c>): a password that somebody made so from a word is guessed sixty times as fast as the word itself would be.
/// CBC has no integrity of its own, and a damaged Ed25519 or symmetric key would be another, valid key: so the private key's SHA-256 lies beside it
/// inside the ciphertext, as a messageDigest attribute (RFC 2985 5.4.2 syntax), and is compared on reading. Files written by others lack it.
/// Written once, with mode 0600, and synced to the disk together with its folder before <see cref="Write"/> returns: a key that has signed
/// something must not vanish in a power cut.
/// </summary>
internal static class EncryptedFile
{
    public const int Rounds = 600_000;

    private const int DrawnDigits = 48;
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    // What we accept from a file: enough to be a real stretch, few enough that a damaged count cannot hang the start.
    private const int MinRounds = 10_000;
    private const int MaxRounds = 10_000_000;
    private const int MaxFileSize = 64 * 1024;
    private const string Label = "ENCRYPTED PRIVATE KEY";
    private const string MessageDigest = "1.2.840.113549.1.9.4";

    public static void Write(string path, Pkcs8PrivateKeyInfo info, ReadOnlySpan<char> password)
    {
        info.Attributes.Add(new AsnEncodedData(MessageDigest, DigestOf(info)));
        var der = info.Encrypt(password, new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, RoundsFor(password)));
        var text = PemEncoding.WriteString(Label, der) + "\n";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }
        var created = false;
        try
        {
            using (var file = new FileStream(path, options))
            {
                created = true;
                file.Write(Encoding.ASCII.GetBytes(text));
                file.Flush();
                DurableFile.Sync(file.SafeFileHandle);
            }
            DurableFile.SyncFolder(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (created)
            {
                File.Delete(path);
                throw new KeyFileException(KeyFileFailure.Inaccessible, path, $"{path} could not be written durably: {e.Message}", e);
            }
            throw File.Exists(path)
                ? new KeyFileException(KeyFileFailure.Exists, path, $"{path} exists already; keys are never overwritten: choose another name or move it away.", e)
                : new KeyFileException(KeyFileFailure.Inaccessible, path, $"{path} cannot be created: {e.Message}", e);
        }
    }

    /// <param name="digested">true when the file carries its key's digest, which is right</param>
    /// <exception cref="KeyFileException">every way in which the file may not serve</exception>
    public static Pkcs8PrivateKeyInfo Read(string path, ReadOnlySpan<char> password, out bool digested)
    {
        var der = ReadPem(path);
        CheckEncryption(path, der);
        try
        {
            var info = Pkcs8PrivateKeyInfo.DecryptAndDecode(password, der, out var used);
            if (used != der.Length)
            {
                throw NotAKeyFile(path);
            }
            // A damaged block may turn our attribute into another one: either there is none, or it is this one and right.
            digested = info.Attributes.Count != 0;
            if (digested && !IsDigestOf(info))
            {
                throw new KeyFileException(KeyFileFailure.BadKey, path, $"{path} opens, but the key inside is damaged.");
            }
            return info;
        }
        catch (CryptographicException e)
        {
            throw new KeyFileException(KeyFileFailure.WrongPassword, path, $"{path} does not open with this password.", e);
        }
    }

    private static int RoundsFor(ReadOnlySpan<char> password)
        => password.Length == DrawnDigits && !password.ContainsAnyExcept(HexDigits) ? MinRounds : Rounds;

    private static bool IsDigestOf(Pkcs8PrivateKeyInfo info)
        => info.Attributes.Count == 1 && info.Attributes[0] is { Oid.Value: MessageDigest, Values.Count: 1 } attribute
            && CryptographicOperations.FixedTimeEquals(attribute.Values[0].RawData, DigestOf(info));

    // OCTET STRING of 32 bytes
    private static byte[] DigestOf(Pkcs8PrivateKeyInfo info) => [4, 32, .. SHA256.HashData(info.PrivateKeyBytes.Span)];

    private static byte[] ReadPem(string path)
    {
        byte[] bytes;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            // Asked of the open file, so that it cannot be exchanged between the look and the read.
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file.SafeFileHandle) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) != 0)
            {
                throw new KeyFileException(KeyFileFailure.PermissionsTooOpen, path, $"{path} may be read by others: run chmod 600 {path}.");
            }
            if (file.Length > MaxFileSize)
            {
                throw NotAKeyFile(path);
            }
            bytes = new byte[file.Length];
            file.ReadExactly(bytes);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new KeyFileException(KeyFileFailure.Missing, path, $"{path} does not exist.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyFileException(KeyFileFailure.Inaccessible, path, $"{path} cannot be read: {e.Message}", e);
        }
        var text = Encoding.Latin1.GetString(bytes);
        if (!PemEncoding.TryFind(text, out var fields) || text[fields.Label] != Label
            || !string.IsNullOrWhiteSpace(text[..fields.Location.Start.Value]) || !string.IsNullOrWhiteSpace(text[fields.Location.End.Value..]))
        {
            throw NotAKeyFile(path);
        }
        var der = new byte[fields.DecodedDataLength];
        return Convert.TryFromBase64String(text[fields.Base64Data], der, out var length) && length == der.Length ? der : throw NotAKeyFile(path);
    }

    // EncryptedPrivateKeyInfo (RFC 5958 3) with id-PBES2 and id-PBKDF2 (RFC 8018 A.2, A.4), read as far as the count of rounds.
    private static void CheckEncryption(string path, byte[] der)
    {
        try
        {
            var reader = new AsnReader(der, AsnEncodingRules.DER);
            var outer = reader.ReadSequence();
            reader.ThrowIfNotEmpty();
            var algorithm = outer.ReadSequence();
            if (algorithm.ReadObjectIdentifier() != "1.2.840.113549.1.5.13")
            {
                throw Unsupported(path);
            }
            var kdf = algorithm.ReadSequence().ReadSequence();
            if (kdf.ReadObjectIdentifier() != "1.2.840.113549.1.5.12")
            {
                throw Unsupported(path);
            }
            var parameters = kdf.ReadSequence();
            parameters.ReadOctetString();
            if (!parameters.TryReadInt32(out var rounds) || rounds is < MinRounds or > MaxRounds)
            {
                throw Unsupported(path);
            }
            outer.ReadOctetString();
            outer.ThrowIfNotEmpty();
        }
        catch (AsnContentException)
        {
            throw NotAKeyFile(path);
        }
    }

    private static KeyFileException NotAKeyFile(string path)
        => new(KeyFileFailure.NotAKeyFile, path, $"{path} is not an encrypted PKCS#8 key file (PEM, \"{Label}\"), or it is damaged.");

    private static KeyFileException Unsupported(string path)
        => new(KeyFileFailure.UnsupportedEncryption, path, $"{path} is not encrypted by PBES2 with {MinRounds} to {MaxRounds} rounds of PBKDF2: write it again with openssl pkcs8 -topk8 -iter {Rounds}.");
}
