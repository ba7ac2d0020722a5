using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Server.Identity.Store;
using Notary.Server.Startup;

namespace Notary.Server.Identity;

/// <summary>What is derived from the identity key (<c>keys/identity.key</c>, made at the first start). Servers that share a database have the same key.</summary>
internal sealed class IdentityKeys : IDisposable
{
    private const int NonceSize = 12;
    private const int TagSize = 16;
    private const int MinDocument = 6;
    private const int MaxDocument = 32;

    private readonly byte[] _key;
    private readonly AesGcm _seal;

    private IdentityKeys(byte[] key)
    {
        _key = key;
        byte[] seal = HMACSHA256.HashData(key, HmacLabel.IdentitySeal);
        _seal = new AesGcm(seal, TagSize);
        CryptographicOperations.ZeroMemory(seal);
    }

    /// <summary>Opens the key file; an absent one is made when <paramref name="create"/> says that nothing was encrypted yet.</summary>
    /// <exception cref="StartRefusedException">It is missing, or does not open.</exception>
    public static IdentityKeys Open(string dataPath, string password, bool create)
    {
        string path = Path.Combine(dataPath, "keys", "identity.key");
        try
        {
            if (File.Exists(path))
            {
                return new IdentityKeys(SymmetricKeyFile.Load(path, password));
            }

            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            return create
                ? new IdentityKeys(SymmetricKeyFile.Create(path, 32, password))
                : throw new StartRefusedException($"'{path}' is missing, and the identity database was written with it: restore both together, or copy the key from another server of this platform.");
        }
        catch (Exception wrong) when (wrong is KeyFileException or IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException($"'{path}' cannot be opened ({wrong.Message}): restore it together with the identity database.");
        }
    }

    /// <summary>
    /// The look-up key of a person by the number of a document; null when it is no such number. Spaces and case do not matter, and nothing else than A to Z and 0 to 9 is taken: else one person
    /// could be spelled in several ways.
    /// </summary>
    public byte[]? Person(string document)
    {
        string number = document.Replace(" ", "", StringComparison.Ordinal).ToUpperInvariant();
        return number.Length is >= MinDocument and <= MaxDocument && number.All(char.IsAsciiLetterOrDigit) ? HMACSHA256.HashData(_key, (byte[])[.. HmacLabel.IdentityPerson, .. Encoding.ASCII.GetBytes(number)]) : null;
    }

    /// <summary>The MAC of an audit row after a row with <paramref name="previous"/>; 32 zero bytes stand before the first.</summary>
    public byte[] Mac(ReadOnlySpan<byte> previous, AuditRow row)
    {
        using var message = new MemoryStream();
        message.Write(HmacLabel.IdentityAudit);
        message.Write(previous);
        Span<byte> number = stackalloc byte[8];
        foreach (long value in (ReadOnlySpan<long>)[row.Number, row.Time])
        {
            BinaryPrimitives.WriteInt64BigEndian(number, value);
            message.Write(number);
        }

        foreach (string text in (ReadOnlySpan<string>)[row.Actor, row.Event, row.Target, row.Refused, row.Address])
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt32BigEndian(number, bytes.Length);
            message.Write(number[..4]);
            message.Write(bytes);
        }

        return HMACSHA256.HashData(_key, message.ToArray());
    }

    /// <summary>Encrypts a factor's secret for one account and name (AES-256-GCM; both are authenticated with it).</summary>
    public string Seal(Guid account, string name, string secret)
    {
        byte[] plain = Encoding.UTF8.GetBytes(secret);
        byte[] box = new byte[NonceSize + plain.Length + TagSize];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceSize));
        _seal.Encrypt(box.AsSpan(0, NonceSize), plain, box.AsSpan(NonceSize, plain.Length), box.AsSpan(NonceSize + plain.Length), AssociatedData(account, name));
        CryptographicOperations.ZeroMemory(plain);
        return Convert.ToBase64String(box);
    }

    /// <summary>Decrypts what <see cref="Seal"/> made.</summary>
    /// <exception cref="CryptographicException">It was changed, or is another account's.</exception>
    public string Unseal(Guid account, string name, string sealedText)
    {
        byte[] box = Convert.FromBase64String(sealedText);
        if (box.Length < NonceSize + TagSize)
        {
            throw new CryptographicException("A sealed secret is too short.");
        }

        byte[] plain = new byte[box.Length - NonceSize - TagSize];
        _seal.Decrypt(box.AsSpan(0, NonceSize), box.AsSpan(NonceSize, plain.Length), box.AsSpan(NonceSize + plain.Length), plain, AssociatedData(account, name));
        return Encoding.UTF8.GetString(plain);
    }

    /// <summary>What only this key opens, in base64: stored beside what it encrypts.</summary>
    public string Check() => Seal(Guid.Empty, "key-check", "identity");

    /// <summary>Whether this is the key that made a <see cref="Check"/>.</summary>
    public bool Opens(string check)
    {
        try
        {
            return Unseal(Guid.Empty, "key-check", check) == "identity";
        }
        catch (Exception wrong) when (wrong is CryptographicException or FormatException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _seal.Dispose();
        CryptographicOperations.ZeroMemory(_key);
    }

    private static byte[] AssociatedData(Guid account, string name) => [.. account.ToByteArray(bigEndian: true), .. Encoding.UTF8.GetBytes(name)];
}
