using System.Security.Cryptography;

namespace Notary.Crypto.Keys;

/// <summary>The one source of randomness: the base library's, which is the operating system's.</summary>
public static class RandomBytes
{
    public static void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);

    public static Hash32 Hash32()
    {
        Span<byte> bytes = stackalloc byte[Crypto.Hash32.Size];
        RandomNumberGenerator.Fill(bytes);
        return Crypto.Hash32.FromSpan(bytes);
    }
}
