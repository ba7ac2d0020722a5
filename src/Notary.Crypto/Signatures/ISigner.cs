namespace Notary.Crypto;

/// <summary>Persisted in key records: frozen numbers.</summary>
public enum KeyAlgorithm : byte
{
    /// <summary>SM2 with SM3, ID "1234567812345678" (GB/T 32918.2).</summary>
    Sm2 = 1,

    /// <summary>Pure Ed25519 (RFC 8032).</summary>
    Ed25519 = 2,

    /// <summary>ECDSA on P-256 with SHA-256 (FIPS 186-5).</summary>
    P256 = 3,
}

/// <summary>Holds a private key and signs with it; the key itself never leaves. Safe for use from several threads.</summary>
public interface ISigner : IDisposable
{
    KeyAlgorithm Algorithm { get; }

    /// <summary>Sm2 and P256: 04‖X‖Y, 65 bytes. Ed25519: 32 bytes.</summary>
    ReadOnlyMemory<byte> PublicKey { get; }

    /// <summary>64 bytes: r‖s big-endian, or the Ed25519 signature. The message is hashed inside.</summary>
    byte[] Sign(ReadOnlySpan<byte> message);
}
