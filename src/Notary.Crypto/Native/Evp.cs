using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Notary.Crypto.Native;

/// <summary>The libcrypto calls in use (OpenSSL 3.0 names and signatures), and the few lines that make each safe to call.</summary>
internal static unsafe partial class Evp
{
    /// <summary>SM2 signer ID of GB/T 32918.2; libcrypto 3.0's default is empty, so it is always set.</summary>
    public static ReadOnlySpan<byte> Sm2Id => "1234567812345678"u8;

    private static nint Sm3Digest;

    public static bool HasDigest(string name)
    {
        var md = EVP_MD_fetch(0, name, null);
        EVP_MD_free(md);
        ERR_clear_error();
        return md != 0;
    }

    public static bool HasCipher(string name)
    {
        var cipher = EVP_CIPHER_fetch(0, name, null);
        EVP_CIPHER_free(cipher);
        ERR_clear_error();
        return cipher != 0;
    }

    public static bool HasKeyType(string name)
    {
        var context = EVP_PKEY_CTX_new_from_name(0, name, null);
        EVP_PKEY_CTX_free(context);
        ERR_clear_error();
        return context != 0;
    }

    [SkipLocalsInit]
    public static Hash32 HashSm3(ReadOnlySpan<byte> message)
    {
        // Fetched once and never freed; two threads that race fetch the same object twice.
        if (Sm3Digest == 0)
        {
            Sm3Digest = NotNull(EVP_MD_fetch(0, "SM3", null));
        }
        var digest = stackalloc byte[Hash32.Size];
        fixed (byte* p = message)
        {
            Ok(EVP_Digest(p, (nuint)message.Length, digest, null, Sm3Digest, 0));
        }
        return Hash32.FromSpan(new ReadOnlySpan<byte>(digest, Hash32.Size));
    }

    public static void Ok(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != 1)
        {
            ERR_clear_error();
            throw new CryptographicException("libcrypto refused " + Called(call));
        }
    }

    public static nint NotNull(nint pointer, [CallerArgumentExpression(nameof(pointer))] string call = "")
    {
        if (pointer == 0)
        {
            ERR_clear_error();
            throw new CryptographicException("libcrypto refused " + Called(call));
        }
        return pointer;
    }

    private static string Called(string call) => call.IndexOf('(', StringComparison.Ordinal) is > 0 and var i ? call[..i] : call;

    [LibraryImport(LibCrypto.Name)]
    public static partial byte* OpenSSL_version(int type);

    [LibraryImport(LibCrypto.Name)]
    public static partial void ERR_clear_error();

    [LibraryImport(LibCrypto.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint EVP_MD_fetch(nint library, string algorithm, string? properties);

    [LibraryImport(LibCrypto.Name)]
    public static partial void EVP_MD_free(nint md);

    [LibraryImport(LibCrypto.Name)]
    public static partial int EVP_Digest(byte* data, nuint count, byte* md, uint* size, nint type, nint engine);

    [LibraryImport(LibCrypto.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint EVP_CIPHER_fetch(nint library, string algorithm, string? properties);

    [LibraryImport(LibCrypto.Name)]
    public static partial void EVP_CIPHER_free(nint cipher);

    [LibraryImport(LibCrypto.Name)]
    public static partial nint EVP_CIPHER_CTX_new();

    [LibraryImport(LibCrypto.Name)]
    public static partial void EVP_CIPHER_CTX_free(nint context);

    [LibraryImport(LibCrypto.Name)]
    public static partial int EVP_CIPHER_CTX_set_padding(nint context, int padding);

    [LibraryImport(LibCrypto.Name)]
    public static partial int EVP_EncryptInit_ex2(nint context, nint cipher, byte* key, byte* iv, nint parameters);

    [LibraryImport(LibCrypto.Name)]
    public static partial int EVP_EncryptUpdate(nint context, byte* output, int* outputLength, byte* input, int inputLength);

    [LibraryImport(LibCrypto.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint EVP_PKEY_CTX_new_from_name(nint library, string name, string? properties);

    [LibraryImport(LibCrypto.Name)]
    public static partial void EVP_PKEY_CTX_free(nint context);

    [LibraryImport(LibCrypto.Name)]
    public static partial int EVP_PKEY_keygen_init(nint context);

    [LibraryImport(LibCrypto.Name)]
    public static partial int EVP_PKEY_generate(nint context, nint* key);

    [LibraryImport(LibCrypto.Name)]
    public static partial void EVP_PKEY_free(nint key);

    [LibraryImport(LibCrypto.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int EVP_PKEY_is_a(nint key, string name);

    [LibraryImport(LibCrypto.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int EVP_PKEY_get_octet_string_param(nint key, string name, byte* buffer, nuint size, nuint* length);

    [LibraryImport(LibCrypto.Name)]
    public static partial nint EVP_PKEY2PKCS8(nint key);

    [LibraryImport(LibCrypto.Name)]
    public static partial nint EVP_PKCS82PKEY(nint info);

    [LibraryImport(LibCrypto.Name)]
    public static partial nint d2i_PKCS8_PRIV_KEY_INFO(nint reuse, byte** der, nint length);

    [LibraryImport(LibCrypto.Name)]
    public static partial int i2d_PKCS8_PRIV_KEY_INFO(nint info, byte** der);

    [LibraryImport(LibCrypto.Name)]
    public static partial void PKCS8_PRIV_KEY_INFO_free(nint info);

    [LibraryImport(LibCrypto.Name)]
    public static partial nint d2i_PUBKEY(nint reuse, byte** der, nint length);

    [LibraryImport(LibCrypto.Name)]
    public static partial nint EVP_MD_CTX_new();

    [LibraryImport(LibCrypto.Name)]
    public static partial void EVP_MD_CTX_free(nint context);

    [LibraryImport(LibCrypto.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int EVP_DigestSignInit_ex(nint context, nint* keyContext, string? digest, nint library, string? properties, nint key, nint parameters);

    [LibraryImport(LibCrypto.Name)]
    public static partial int EVP_DigestSign(nint context, byte* signature, nuint* signatureLength, byte* data, nuint length);

    [LibraryImport(LibCrypto.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int EVP_DigestVerifyInit_ex(nint context, nint* keyContext, string? digest, nint library, string? properties, nint key, nint parameters);

    [LibraryImport(LibCrypto.Name)]
    public static partial int EVP_DigestVerify(nint context, byte* signature, nuint signatureLength, byte* data, nuint length);

    [LibraryImport(LibCrypto.Name)]
    public static partial int EVP_PKEY_CTX_set1_id(nint context, byte* id, int length);
}
