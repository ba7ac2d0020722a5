using System.Diagnostics;
using Notary.Crypto.Native;

namespace Notary.Crypto.Tests;

public class Sm3Tests
{
    public static TheoryData<string> Kernels => new(Sm3Kernels.All.Select(k => k.Name));

    [Fact]
    public void Sm3_of_every_length_to_300_agrees_with_libcrypto_in_one_piece_and_in_pieces()
    {
        var random = new Random(1);
        var data = Bytes(random, 70_000);
        foreach (var length in Enumerable.Range(0, 301).Concat([1023, 1024, 4096 + 55, 4096 + 56, 65_536, 69_999]))
        {
            var message = data.AsSpan(0, length);
            var expected = LibCrypto.HashSm3(message);
            Assert.Equal(expected, Suite.Sm.Hash(message));
            var cut = random.Next(length + 1);
            Assert.Equal(expected, Suite.Sm.Hash(message[..cut], message[cut..]));
            using var stream = Suite.Sm.CreateHash();
            for (var rest = message; !rest.IsEmpty;)
            {
                var take = Math.Min(rest.Length, random.Next(0, 150));
                stream.Append(rest[..take]);
                rest = rest[take..];
            }
            Assert.Equal(expected, stream.Finish());
        }
    }

    [Fact]
    public void Sm3_agrees_with_the_openssl_command()
    {
        using var folder = new TestFolder();
        var data = Bytes(new Random(2), 100_001);
        File.WriteAllBytes(folder["data"], data);
        var printed = folder.Run("openssl", "dgst -sm3 -r data");
        Assert.Equal(printed[..64], Suite.Sm.Hash(data).ToHex());
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Kernel_agrees_with_plain_and_libcrypto_for_random_lengths_alignments_and_lane_counts(string name)
    {
        var kernel = Sm3Kernels.All.Single(k => k.Name == name);
        var random = new Random(3);
        var arena = Bytes(random, 40_000);
        var rounds = Limits.Long ? 20_000 : 400;
        for (var round = 0; round < rounds; round++)
        {
            var count = round < 70 ? round : random.Next(1, 100);
            var uniform = random.Next(0, 301);
            var messages = new Slice[count];
            for (var i = 0; i < count; i++)
            {
                var length = (round % 4) switch
                {
                    0 => uniform,
                    1 when i % 29 == 7 => random.Next(0, 9000),
                    _ => random.Next(0, 301),
                };
                messages[i] = new Slice(random.Next(0, arena.Length - length + 1), length);
            }
            var digests = new Hash32[count];
            kernel.HashMany(arena, messages, digests);
            for (var i = 0; i < count; i++)
            {
                var message = arena.AsSpan(messages[i].Offset, messages[i].Length);
                var expected = Suite.Sm.Hash(message);
                Assert.True(expected == digests[i], $"{name}: round {round}, message {i} of {count}, length {messages[i].Length}");
                Assert.Equal(LibCrypto.HashSm3(message), expected);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Kernel_computes_HMACs_and_tree_nodes_as_one_by_one(string name)
    {
        var kernel = Sm3Kernels.All.Single(k => k.Name == name);
        var random = new Random(4);
        var arena = Bytes(random, 5_000);
        for (var count = 0; count < 70; count++)
        {
            var keys = Hashes(random, random.Next(1, 40));
            var keyOf = Enumerable.Range(0, count).Select(_ => random.Next(keys.Length)).ToArray();
            var messages = Enumerable.Range(0, count).Select(_ => new Slice(random.Next(0, 4000), random.Next(0, 1000))).ToArray();
            var macs = new Hash32[count];
            kernel.HmacMany(keys, keyOf, arena, messages, macs);
            for (var i = 0; i < count; i++)
            {
                Assert.Equal(Suite.Sm.Hmac(keys[keyOf[i]].AsSpan(), arena.AsSpan(messages[i].Offset, messages[i].Length)), macs[i]);
            }

            var pairs = Hashes(random, 2 * count);
            var parents = new Hash32[count];
            kernel.HashNodes(pairs, parents);
            for (var i = 0; i < count; i++)
            {
                Assert.Equal(Suite.Sm.Hash([1, .. pairs[2 * i].ToArray(), .. pairs[(2 * i) + 1].ToArray()]), parents[i]);
            }
        }
    }

    [Fact]
    public void Suites_compute_many_as_one_by_one()
    {
        var random = new Random(5);
        var arena = Bytes(random, 5_000);
        foreach (var suite in new[] { Suite.Sm, Suite.Intl })
        {
            const int Count = 1100;
            var keys = Hashes(random, Count);
            var keyOf = Enumerable.Range(0, Count).ToArray();
            var messages = Enumerable.Range(0, Count).Select(_ => new Slice(random.Next(0, 4000), random.Next(0, 300))).ToArray();
            var digests = new Hash32[Count];
            var macs = new Hash32[Count];
            var parents = new Hash32[Count / 2];
            suite.HashMany(arena, messages, digests);
            suite.HmacMany(keys, keyOf, arena, messages, macs);
            suite.HashNodes(keys, parents);
            for (var i = 0; i < Count; i++)
            {
                var message = arena.AsSpan(messages[i].Offset, messages[i].Length);
                Assert.Equal(suite.Hash(message), digests[i]);
                Assert.Equal(suite.Hmac(keys[i].AsSpan(), message), macs[i]);
            }
            for (var i = 0; i < parents.Length; i++)
            {
                Assert.Equal(suite.Hash([1, .. keys[2 * i].ToArray(), .. keys[(2 * i) + 1].ToArray()]), parents[i]);
            }
        }
    }

    [Fact]
    public void Hmac_takes_keys_of_any_length()
    {
        var random = new Random(6);
        foreach (var length in new[] { 0, 1, 31, 32, 63, 64, 65, 200 })
        {
            var key = Bytes(random, length);
            var block = new byte[64];
            (length > 64 ? Suite.Sm.Hash(key).ToArray() : key).CopyTo(block, 0);
            var inner = Suite.Sm.Hash([.. block.Select(b => (byte)(b ^ 0x36)), 1, 2, 3]);
            var expected = Suite.Sm.Hash([.. block.Select(b => (byte)(b ^ 0x5c)), .. inner.ToArray()]);
            Assert.Equal(expected, Suite.Sm.Hmac(key, [1, 2, 3]));
        }
    }

    [Fact]
    public void Slices_outside_the_arena_and_short_outputs_are_refused_before_anything_is_read()
    {
        var arena = new byte[10];
        var one = new Hash32[1];
        foreach (var suite in new[] { Suite.Sm, Suite.Intl })
        {
            foreach (var bad in new[] { new Slice(0, 11), new Slice(11, 0), new Slice(-1, 1), new Slice(5, -1), new Slice(1, 10), new Slice(int.MaxValue, int.MaxValue) })
            {
                Assert.ThrowsAny<ArgumentException>(() => suite.HashMany(arena, [bad], one));
                Assert.ThrowsAny<ArgumentException>(() => suite.HmacMany(one, [0], arena, [bad], one));
            }
            Assert.ThrowsAny<ArgumentException>(() => suite.HashMany(arena, [default, default], one));
            Assert.ThrowsAny<ArgumentException>(() => suite.HmacMany(one, [1], arena, [default], one));
            Assert.ThrowsAny<ArgumentException>(() => suite.HmacMany(one, [-1], arena, [default], one));
            Assert.ThrowsAny<ArgumentException>(() => suite.HashNodes(new Hash32[3], one));
            Assert.ThrowsAny<ArgumentException>(() => suite.HashNodes(new Hash32[4], one));
        }
    }

    [Fact]
    public void Many_hashes_allocate_nothing()
    {
        var arena = new byte[90_000];
        var messages = Enumerable.Range(0, 1000).Select(i => new Slice(i * 90, 90)).ToArray();
        var keyOf = Enumerable.Range(0, 1000).ToArray();
        var keys = new Hash32[1000];
        var digests = new Hash32[1000];
        void All()
        {
            Suite.Sm.HashMany(arena, messages, digests);
            Suite.Sm.HmacMany(keys, keyOf, arena, messages, digests);
            Suite.Sm.HashNodes(keys, digests);
        }
        All();
        var before = GC.GetAllocatedBytesForCurrentThread();
        All();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Fastest_kernel_that_the_processor_has_is_the_one_picked_and_run()
    {
        // The processor's own list of instructions, not the runtime's opinion of it.
        if (File.Exists("/proc/cpuinfo"))
        {
            var flags = File.ReadLines("/proc/cpuinfo").First(l => l.StartsWith("flags", StringComparison.Ordinal) || l.StartsWith("Features", StringComparison.Ordinal)).Split(' ');
            var expected = flags.Contains("avx512f") && System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated ? "avx512-16"
                : flags.Contains("avx2") ? "avx2-8"
                : "plain";
            Assert.Equal(expected, Sm3Kernels.Active.Name);
        }
        Assert.True(Sm3Kernels.Active.Supported);
        Assert.Same(Sm3Kernels.Active, Suite.Sm.Kernel);
        Assert.Null(Suite.Intl.Kernel);
        if (Sm3Kernels.Active.Lanes == 1)
        {
            return;
        }
        // That it ran shows in the time: the slowest vector kernel is more than twice as fast as the plain one.
        var arena = new byte[64 * 1000];
        var messages = Enumerable.Range(0, 64).Select(i => new Slice(i * 1000, 1000)).ToArray();
        var digests = new Hash32[64];
        var plain = Best(() => Sm3Kernels.All[0].HashMany(arena, messages, digests));
        var suite = Best(() => Suite.Sm.HashMany(arena, messages, digests));
        Assert.True(plain > 1.4 * suite, $"plain {plain} ticks, the suite {suite}");
    }

    private static long Best(Action action)
    {
        var best = long.MaxValue;
        for (var i = 0; i < 200; i++)
        {
            var start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetTimestamp() - start);
        }
        return best;
    }

    private static byte[] Bytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static Hash32[] Hashes(Random random, int count)
        => Enumerable.Range(0, count).Select(_ => Hash32.FromSpan(Bytes(random, 32))).ToArray();
}
