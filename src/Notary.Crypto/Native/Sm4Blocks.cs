using System.Security.Cryptography;

namespace Notary.Crypto.Native;

/// <summary>
/// Bare SM4 (GM/T 0002-2012) over blocks that the caller has made counters of, with a key that can be changed cheaply: one libcrypto
/// context with the cipher fetched once. Not for use from two threads at once.
/// </summary>
internal sealed unsafe class Sm4Blocks : IDisposable
{
    public const int BlockSize = 16;

    private static nint Cipher;
    private nint _context;

    /// <exception cref="LibCryptoException">libcrypto is absent or was built without SM4</exception>
    public Sm4Blocks(ReadOnlySpan<byte> key16)
    {
        if (LibCrypto.Check() is { } problem)
        {
            throw new LibCryptoException(problem);
        }
        // Fetched once and never freed; two threads that race fetch the same object twice.
        if (Cipher == 0)
        {
            Cipher = Evp.NotNull(Evp.EVP_CIPHER_fetch(0, "SM4-ECB", null));
        }
        ArgumentOutOfRangeException.ThrowIfNotEqual(key16.Length, BlockSize);
        _context = Evp.NotNull(Evp.EVP_CIPHER_CTX_new());
        fixed (byte* key = key16)
        {
            Evp.Ok(Evp.EVP_EncryptInit_ex2(_context, Cipher, key, null, 0));
        }
        Evp.Ok(Evp.EVP_CIPHER_CTX_set_padding(_context, 0));
    }

    ~Sm4Blocks() => Free();

    /// <summary>Another key; everything else stays, which is the cheapest way that libcrypto has.</summary>
    public void SetKey(byte* key16) => Evp.Ok(Evp.EVP_EncryptInit_ex2(_context, 0, key16, null, 0));

    /// <summary>Encrypts whole blocks in place.</summary>
    public void Encrypt(byte* data, int length)
    {
        var written = 0;
        Evp.Ok(Evp.EVP_EncryptUpdate(_context, data, &written, data, length));
        if (written != length)
        {
            throw new CryptographicException("libcrypto kept back a part of whole SM4 blocks.");
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        Evp.EVP_CIPHER_CTX_free(Interlocked.Exchange(ref _context, 0));
    }
}
