namespace Notary.Ledger.Tests;

/// <summary>Seeded damage to bytes, for fuzzing parsers near what they accept.</summary>
internal static class Mutation
{
    public static byte[] Of(byte[] good, Random random)
    {
        List<byte> bytes = [.. good];
        for (var times = 1 + random.Next(3); times > 0; times--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveAt(at);
                    break;
                case 3:
                    bytes.Insert(at, "\n \t=+0Aa#—"u8[random.Next(12)]);
                    break;
                case 4:
                    bytes.RemoveRange(at, Math.Min(random.Next(20), bytes.Count - at));
                    break;
                default:
                    bytes.InsertRange(at, good.Skip(random.Next(good.Length)).Take(random.Next(80)));
                    break;
            }

            if (bytes.Count == 0)
            {
                break;
            }
        }

        return [.. bytes];
    }
}
