using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Notary.Crypto.Native;

/// <summary>A key inside libcrypto (<c>EVP_PKEY</c>).</summary>
internal sealed class PrivateKeyHandle : SafeHandle
{
    public PrivateKeyHandle()
        : base(0, ownsHandle: true)
    {
    }

    public PrivateKeyHandle(nint key)
        : this() => SetHandle(key);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Evp.EVP_PKEY_free(handle);
        return true;
    }
}

/// <summary>An SM2 or Ed25519 private key held by libcrypto. The secret number never enters managed memory, except as the DER of a key file.</summary>
internal sealed unsafe class NativeSigner : ISigner
{
    private const int MaxDer = 1024;

    private readonly PrivateKeyHandle _key;
    private readonly byte[] _publicKey;

    private NativeSigner(PrivateKeyHandle key, KeyAlgorithm algorithm)
    {
        _key = key;
        Algorithm = algorithm;
        _publicKey = ReadPublicKey(key, algorithm);
    }

    public KeyAlgorithm Algorithm { get; }

    public ReadOnlyMemory<byte> PublicKey => _publicKey;

    /// <exception cref="LibCryptoException">libcrypto is absent or cannot do the algorithm</exception>
    public static NativeSigner Generate(KeyAlgorithm algorithm)
    {
        Require();
        var context = Evp.NotNull(Evp.EVP_PKEY_CTX_new_from_name(0, TypeName(algorithm), null));
        try
        {
            Evp.Ok(Evp.EVP_PKEY_keygen_init(context));
            nint key = 0;
            Evp.Ok(Evp.EVP_PKEY_generate(context, &key));
            return new NativeSigner(new PrivateKeyHandle(key), algorithm);
        }
        finally
        {
            Evp.EVP_PKEY_CTX_free(context);
        }
    }

    /// <param name="pkcs8">DER PrivateKeyInfo (RFC 5958) that the caller has read the algorithm from</param>
    /// <returns>null when libcrypto does not take it as a key of that algorithm</returns>
    public static NativeSigner? FromPkcs8(ReadOnlySpan<byte> pkcs8, KeyAlgorithm algorithm)
    {
        Require();
        fixed (byte* start = pkcs8)
        {
            var p = start;
            var info = Evp.d2i_PKCS8_PRIV_KEY_INFO(0, &p, pkcs8.Length);
            if (info == 0)
            {
                Evp.ERR_clear_error();
                return null;
            }
            var key = Evp.EVP_PKCS82PKEY(info);
            Evp.PKCS8_PRIV_KEY_INFO_free(info);
            Evp.ERR_clear_error();
            if (key == 0)
            {
                return null;
            }
            var handle = new PrivateKeyHandle(key);
            if (Evp.EVP_PKEY_is_a(key, TypeName(algorithm)) != 1)
            {
                handle.Dispose();
                return null;
            }
            return new NativeSigner(handle, algorithm);
        }
    }

    /// <summary>DER PrivateKeyInfo. The caller clears it.</summary>
    public byte[] ToPkcs8()
    {
        using var use = new Use(_key);
        var info = Evp.NotNull(Evp.EVP_PKEY2PKCS8(use.Key));
        try
        {
            var buffer = stackalloc byte[MaxDer];
            var p = buffer;
            var length = Evp.i2d_PKCS8_PRIV_KEY_INFO(info, null);
            if (length is <= 0 or > MaxDer || Evp.i2d_PKCS8_PRIV_KEY_INFO(info, &p) != length)
            {
                throw new CryptographicException("libcrypto gave no PKCS#8 form of the key.");
            }
            var der = new Span<byte>(buffer, length);
            var copy = der.ToArray();
            CryptographicOperations.ZeroMemory(der);
            return copy;
        }
        finally
        {
            Evp.PKCS8_PRIV_KEY_INFO_free(info);
        }
    }

    [SkipLocalsInit]
    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        using var use = new Use(_key);
        var context = Evp.NotNull(Evp.EVP_MD_CTX_new());
        try
        {
            nint keyContext = 0;
            Evp.Ok(Evp.EVP_DigestSignInit_ex(context, &keyContext, Algorithm == KeyAlgorithm.Sm2 ? "SM3" : null, 0, null, use.Key, 0));
            if (Algorithm == KeyAlgorithm.Sm2)
            {
                fixed (byte* id = Evp.Sm2Id)
                {
                    Evp.Ok(Evp.EVP_PKEY_CTX_set1_id(keyContext, id, Evp.Sm2Id.Length));
                }
            }
            const int Room = 128;
            var signature = stackalloc byte[Room];
            nuint length = Room;
            byte none = 0;
            fixed (byte* data = message)
            {
                Evp.Ok(Evp.EVP_DigestSign(context, signature, &length, data == null ? &none : data, (nuint)message.Length));
            }
            var signed = new ReadOnlySpan<byte>(signature, (int)length);
            if (Algorithm == KeyAlgorithm.Ed25519)
            {
                return signed.ToArray();
            }
            var raw = new byte[SignatureDer.RawSize];
            return SignatureDer.TryToRaw(signed, raw) ? raw : throw new CryptographicException("libcrypto gave a signature that is not DER.");
        }
        finally
        {
            Evp.EVP_MD_CTX_free(context);
        }
    }

    public void Dispose() => _key.Dispose();

    private static void Require()
    {
        if (LibCrypto.Check() is { } problem)
        {
            throw new LibCryptoException(problem);
        }
    }

    private static string TypeName(KeyAlgorithm algorithm) => algorithm switch
    {
        KeyAlgorithm.Sm2 => "SM2",
        KeyAlgorithm.Ed25519 => "ED25519",
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "libcrypto signs SM2 and Ed25519 only"),
    };

    private static byte[] ReadPublicKey(PrivateKeyHandle key, KeyAlgorithm algorithm)
    {
        using var use = new Use(key);
        var buffer = stackalloc byte[128];
        nuint length = 0;
        Evp.Ok(Evp.EVP_PKEY_get_octet_string_param(use.Key, "pub", buffer, 128, &length));
        var bytes = new ReadOnlySpan<byte>(buffer, (int)length);
        if (bytes.Length != PublicKeyInfo.RawLength(algorithm) || (algorithm == KeyAlgorithm.Sm2 && bytes[0] != 4))
        {
            throw new CryptographicException("libcrypto gave a public key of another form.");
        }
        return bytes.ToArray();
    }

    /// <summary>Keeps the handle alive while a raw pointer to it is in use.</summary>
    private readonly ref struct Use
    {
        private readonly PrivateKeyHandle _handle;

        public Use(PrivateKeyHandle handle)
        {
            var added = false;
            handle.DangerousAddRef(ref added);
            _handle = handle;
        }

        public nint Key => _handle.DangerousGetHandle();

        public void Dispose() => _handle.DangerousRelease();
    }
}
