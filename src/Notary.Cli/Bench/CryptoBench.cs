using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;

namespace Notary.Cli.Bench;

/// <summary>
/// Measures what the batch path is made of: each SM3 kernel beside libcrypto in the same run, so that the ratio does not depend on what else
/// the machine does. One thread. A table for people, and a JSON line for each figure.
/// </summary>
internal sealed class CryptoBench(TimeSpan time, bool jsonOnly, TextWriter output)
{
    private const int Messages = 4_096;
    private const int BigBytes = 64 * 1024;
    private readonly List<JsonLine> _lines = [];

    /// <summary>Runs all measurements.</summary>
    public static int Run(TimeSpan time, bool jsonOnly, TextWriter output)
    {
        if (LibCrypto.Check() is { } problem)
        {
            throw new CliException(ExitCode.Configuration, "libcrypto", problem.Message);
        }

        new CryptoBench(time, jsonOnly, output).All();
        return ExitCode.Passed;
    }

    private void All()
    {
        if (!jsonOnly)
        {
            output.WriteLine($"{LibCrypto.Version}, SM3 kernel in use: {Sm3Kernels.Active.Name}, one thread");
            output.WriteLine($"{"what",-34}{"MB/s",12}{"per second",16}{"vs libcrypto",14}");
        }

        Hashes();
        Macs();
        Signatures();
        Items();
        foreach (JsonLine line in _lines)
        {
            output.WriteLine(line);
        }
    }

    private void Hashes()
    {
        byte[] big = RandomBytesOf(BigBytes);
        byte[] small = big[..64];
        double bigNative = Rate(() => LibCrypto.HashSm3(big), 1);
        double smallNative = Rate(() => LibCrypto.HashSm3(small), 1);
        Add("sm3-libcrypto-64k", BigBytes, bigNative, null);
        Add("sm3-libcrypto-64", 64, smallNative, null);
        Add("sm3-stream-64k", BigBytes, Rate(() => Suite.Sm.Hash(big), 1), bigNative);
        Add("sm3-stream-64", 64, Rate(() => Suite.Sm.Hash(small), 1), smallNative);

        byte[] arena = RandomBytesOf(Messages * 64);
        var slices = new Slice[Messages];
        for (int i = 0; i < Messages; i++)
        {
            slices[i] = new Slice(i * 64, 64);
        }

        var digests = new Hash32[Messages];
        foreach (Sm3Kernel kernel in Sm3Kernels.All)
        {
            Add($"sm3-{kernel.Name}-64{(kernel.Supported ? string.Empty : " (emulated)")}", 64, Rate(() => kernel.HashMany(arena, slices, digests), Messages), smallNative);
        }

        var wide = new Slice[16];
        for (int i = 0; i < wide.Length; i++)
        {
            wide[i] = new Slice(i * (arena.Length / wide.Length), arena.Length / wide.Length);
        }

        var few = new Hash32[wide.Length];
        foreach (Sm3Kernel kernel in Sm3Kernels.All.Where(k => k.Supported))
        {
            Add($"sm3-{kernel.Name}-16k", wide[0].Length, Rate(() => kernel.HashMany(arena, wide, few), wide.Length), bigNative * BigBytes / wide[0].Length);
        }

        var pairs = new Hash32[Messages];
        Add("sm3-nodes", 65, Rate(() => Suite.Sm.HashNodes(pairs, digests.AsSpan(0, Messages / 2)), Messages / 2), null);
        Add("sha256-64k", BigBytes, Rate(() => Suite.Intl.Hash(big), 1), null);
        Add("sha256-64", 64, Rate(() => Suite.Intl.Hash(small), 1), null);
    }

    private void Macs()
    {
        var keys = new Hash32[Messages / 4];
        var keyOf = new int[Messages];
        var slices = new Slice[Messages];
        byte[] arena = RandomBytesOf(Messages * 32);
        for (int i = 0; i < Messages; i++)
        {
            keyOf[i] = i / 4;
            slices[i] = new Slice(i * 32, 32);
        }

        for (int i = 0; i < keys.Length; i++)
        {
            keys[i] = RandomBytes.Hash32();
        }

        var macs = new Hash32[Messages];
        byte[] key = keys[0].ToArray();
        Add("hmac-sm3-many", 32, Rate(() => Suite.Sm.HmacMany(keys, keyOf, arena, slices, macs), Messages), null);
        Add("hmac-sm3-one", 32, Rate(() => Suite.Sm.Hmac(key, arena.AsSpan(0, 32)), 1), null);
    }

    private void Signatures()
    {
        byte[] message = RandomBytesOf(200);
        string folder = Directory.CreateTempSubdirectory("notary-bench-").FullName;
        try
        {
            foreach ((string name, KeyAlgorithm algorithm) in new[] { ("sm2", KeyAlgorithm.Sm2), ("ed25519", KeyAlgorithm.Ed25519), ("p256", KeyAlgorithm.P256) })
            {
                using ISigner signer = KeyFile.Create(Path.Combine(folder, name + ".pem"), algorithm, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
                byte[] signature = signer.Sign(message);
                byte[] publicKey = signer.PublicKey.ToArray();
                Add($"{name}-sign", null, Rate(() => signer.Sign(message), 1), null);
                Add($"{name}-verify", null, Rate(() => SignatureVerifier.Verify(algorithm, publicKey, message, signature), 1), null);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private void Items()
    {
        const int items = 1_000;
        const int plain = 256;
        var secrets = new Hash32[items];
        var slices = new Slice[items];
        int[] offsets = new int[items];
        for (int i = 0; i < items; i++)
        {
            secrets[i] = RandomBytes.Hash32();
            slices[i] = new Slice(i * plain, plain);
            offsets[i] = i * ItemCipher.BoxLength(plain);
        }

        byte[] ivs = RandomBytesOf(items * ItemCipher.IvSize);
        byte[] aads = RandomBytesOf(items * ItemCipher.AssociatedSize);
        byte[] arena = RandomBytesOf(items * plain);
        byte[] boxes = new byte[items * ItemCipher.BoxLength(plain)];
        foreach (Suite suite in new[] { Suite.Sm, Suite.Intl })
        {
            using ItemCipher cipher = ItemCipher.Create(suite, 1, RandomBytesOf(32));
            Add(suite.Id == SuiteId.Sm ? "item-seal-sm4-256" : "item-seal-aes-256", plain, Rate(() => cipher.SealMany(secrets, ivs, arena, slices, aads, boxes, offsets), items), null);
        }
    }

    /// <summary>Operations a second: the best of five slices of the time, after one that only warms up.</summary>
    private double Rate(Action action, int operations)
    {
        double best = 0;
        for (int round = 0; round < 6; round++)
        {
            long calls = 0;
            long started = Stopwatch.GetTimestamp();
            TimeSpan elapsed;
            do
            {
                action();
                calls++;
                elapsed = Stopwatch.GetElapsedTime(started);
            }
            while (elapsed < time / 5);
            if (round > 0)
            {
                best = Math.Max(best, calls * operations / elapsed.TotalSeconds);
            }
        }

        return best;
    }

    private void Add(string what, int? bytes, double perSecond, double? libcryptoPerSecond)
    {
        var line = new JsonLine();
        line.Add("bench", what);
        line.Add("per_s", Math.Round(perSecond));
        if (bytes is { } b)
        {
            line.Add("mb_per_s", Math.Round(perSecond * b / 1e6, 1));
        }

        if (libcryptoPerSecond is { } native)
        {
            line.Add("ratio_to_libcrypto", Math.Round(perSecond / native, 2));
        }

        _lines.Add(line);
        if (!jsonOnly)
        {
            string speed = bytes is { } n ? (perSecond * n / 1e6).ToString("N1", CultureInfo.InvariantCulture) : string.Empty;
            string ratio = libcryptoPerSecond is { } against ? (perSecond / against).ToString("0.00", CultureInfo.InvariantCulture) + "x" : string.Empty;
            output.WriteLine($"{what,-34}{speed,12}{perSecond.ToString("N0", CultureInfo.InvariantCulture),16}{ratio,14}");
        }
    }

    private static byte[] RandomBytesOf(int length)
    {
        byte[] bytes = new byte[length];
        RandomBytes.Fill(bytes);
        return bytes;
    }
}
