using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Notary.Server.Identity.People;

/// <summary>
/// Time-based one-time codes (RFC 6238 with HMAC-SHA-1, six digits, steps of 30 s, as code generators have them). The step of an accepted code is kept, which the base library's provider does not tell: a
/// code is accepted once, and none of an earlier step after it.
/// </summary>
internal static class OneTimeCode
{
    private const int Step = 30;
    private const int Digits = 6;
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>The step, one before to one after <paramref name="now"/> and above <paramref name="usedStep"/>, whose code this is; null when it is none.</summary>
    public static long? Accept(string key, string code, DateTimeOffset now, long usedStep)
    {
        if (code.Length != Digits || !code.All(char.IsAsciiDigit))
        {
            return null;
        }

        byte[] secret = Decode(key);
        byte[] given = Encoding.ASCII.GetBytes(code);
        long present = now.ToUnixTimeSeconds() / Step;
        long? found = null;
        for (long step = present - 1; step <= present + 1; step++)
        {
            if (CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Of(secret, step)), given) && step > usedStep)
            {
                found ??= step;
            }
        }

        CryptographicOperations.ZeroMemory(secret);
        return found;
    }

    /// <summary>The code of a step (RFC 4226 section 5.3).</summary>
    internal static string Of(byte[] secret, long step)
    {
        Span<byte> counter = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        Span<byte> mac = stackalloc byte[HMACSHA1.HashSizeInBytes];
#pragma warning disable CA5350 // HMAC-SHA-1 is RFC 6238's default and the only one that all generators know; collisions of SHA-1 do not matter in it.
        HMACSHA1.HashData(secret, counter, mac);
#pragma warning restore CA5350
        int value = BinaryPrimitives.ReadInt32BigEndian(mac[(mac[^1] & 15)..]) & int.MaxValue;
        return (value % 1_000_000).ToString("D6", CultureInfo.InvariantCulture);
    }

    // Base32 (RFC 4648 section 6) as Identity writes keys: capitals, no padding.
    private static byte[] Decode(string key)
    {
        byte[] bytes = new byte[key.Length * 5 / 8];
        int held = 0, count = 0, at = 0;
        foreach (char c in key)
        {
            int value = Alphabet.IndexOf(c, StringComparison.Ordinal);
            held = (held << 5) | (value >= 0 ? value : throw new InvalidOperationException("The key of a code generator is not base32."));
            if ((count += 5) >= 8)
            {
                count -= 8;
                bytes[at++] = (byte)(held >> count);
                held &= (1 << count) - 1;
            }
        }

        return bytes;
    }
}
