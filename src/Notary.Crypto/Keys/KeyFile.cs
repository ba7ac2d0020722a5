using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using System.Formats.Asn1;
using Notary.Crypto.Native;

namespace Notary.Crypto.Keys;

/// <summary>A private signing key in an encrypted PKCS#8 file (see <see cref="KeyFileFailure"/> for what may be wrong with one).</summary>
public static class KeyFile
{
    /// <summary>Generates a key and writes it durably, mode 0600; an existing file is refused.</summary>
    /// <exception cref="KeyFileException">the file exists or cannot be written</exception>
    /// <exception cref="LibCryptoException">SM2 or Ed25519, and libcrypto is absent or cannot do it</exception>
    public static ISigner Create(string path, KeyAlgorithm algorithm, ReadOnlySpan<char> password)
    {
        if (File.Exists(path))
        {
            // Said before a key is generated; the write itself decides.
            throw new KeyFileException(KeyFileFailure.Exists, path, $"{path} exists already; keys are never overwritten: choose another name or move it away.");
        }
        ISigner signer;
        byte[] pkcs8;
        if (algorithm == KeyAlgorithm.P256)
        {
            var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            signer = new P256Signer(key);
            pkcs8 = key.ExportPkcs8PrivateKey();
        }
        else
        {
            var native = NativeSigner.Generate(algorithm);
            signer = native;
            pkcs8 = native.ToPkcs8();
        }
        try
        {
            EncryptedFile.Write(path, Pkcs8PrivateKeyInfo.Decode(pkcs8, out _, skipCopy: true), password);
            return Checked(signer, path);
        }
        catch
        {
            signer.Dispose();
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    /// <exception cref="KeyFileException">missing, too open, no key file, wrong password, another kind of key</exception>
    /// <exception cref="LibCryptoException">SM2 or Ed25519, and libcrypto is absent or cannot do it</exception>
    public static ISigner Load(string path, ReadOnlySpan<char> password)
    {
        var info = EncryptedFile.Read(path, password, out _);
        if (AlgorithmOf(info) is not { } algorithm)
        {
            throw new KeyFileException(KeyFileFailure.OtherKind, path, $"{path} holds no SM2, Ed25519 or P-256 signing key.");
        }
        var pkcs8 = info.Encode();
        try
        {
            return Checked(Open(path, algorithm, pkcs8), path);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    private static ISigner Open(string path, KeyAlgorithm algorithm, byte[] pkcs8)
    {
        if (algorithm != KeyAlgorithm.P256)
        {
            return NativeSigner.FromPkcs8(pkcs8, algorithm) ?? throw BadKey(path, null);
        }
        var key = ECDsa.Create();
        try
        {
            key.ImportPkcs8PrivateKey(pkcs8, out _);
            return new P256Signer(key);
        }
        catch (CryptographicException e)
        {
            key.Dispose();
            throw BadKey(path, e);
        }
    }

    // The pair is tried once: a file whose public half does not belong to its private half would sign what nobody can verify.
    private static ISigner Checked(ISigner signer, string path)
    {
        var message = "notary/v1/key-check"u8;
        if (SignatureVerifier.Verify(signer.Algorithm, signer.PublicKey.Span, message, signer.Sign(message)))
        {
            return signer;
        }
        signer.Dispose();
        throw BadKey(path, null);
    }

    private static KeyFileException BadKey(string path, Exception? inner)
        => new(KeyFileFailure.BadKey, path, $"{path} opens, but the key inside is not valid.", inner);

    private static KeyAlgorithm? AlgorithmOf(Pkcs8PrivateKeyInfo info)
    {
        switch (info.AlgorithmId.Value)
        {
            case PublicKeyInfo.Ed25519:
                return KeyAlgorithm.Ed25519;
            case PublicKeyInfo.Sm2Curve:
                return KeyAlgorithm.Sm2;
            case PublicKeyInfo.EcPublicKey when info.AlgorithmParameters is { } parameters:
                try
                {
                    return AsnDecoder.ReadObjectIdentifier(parameters.Span, AsnEncodingRules.DER, out _) switch
                    {
                        PublicKeyInfo.Sm2Curve => KeyAlgorithm.Sm2,
                        PublicKeyInfo.P256Curve => KeyAlgorithm.P256,
                        _ => null,
                    };
                }
                catch (AsnContentException)
                {
                    return null;
                }
            default:
                return null;
        }
    }
}

/// <summary>P-256 by the base library.</summary>
internal sealed class P256Signer : ISigner
{
    private readonly ECDsa _key;
    private readonly byte[] _publicKey;
    private readonly Lock _gate = new();

    public P256Signer(ECDsa key)
    {
        _key = key;
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        _publicKey = [4, .. point.X!, .. point.Y!];
    }

    public KeyAlgorithm Algorithm => KeyAlgorithm.P256;

    public ReadOnlyMemory<byte> PublicKey => _publicKey;

    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        // The base library does not promise that one ECDsa object may be used from two threads.
        lock (_gate)
        {
            return _key.SignData(message.ToArray(), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
    }

    public void Dispose() => _key.Dispose();
}
