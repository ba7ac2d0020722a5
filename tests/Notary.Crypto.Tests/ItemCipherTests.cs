namespace Notary.Crypto.Tests;

public class ItemCipherTests
{
    public static TheoryData<SuiteId> Suites => [SuiteId.Sm, SuiteId.Intl];

    [Theory]
    [MemberData(nameof(Suites))]
    public void Boxes_of_a_batch_open_to_what_was_sealed(SuiteId id)
    {
        var random = new Random(21);
        using var cipher = ItemCipher.Create(Suite.FromId(id)!, 0xdeadbeef, Bytes(random, 32));
        foreach (var count in new[] { 0, 1, 2, 7, 8, 9, 100, 1000 })
        {
            var batch = new Batch(random, count, i => i == 3 ? 5000 : random.Next(0, 300));
            batch.Seal(cipher);
            for (var i = 0; i < count; i++)
            {
                var box = batch.Box(i);
                Assert.Equal(ItemOpenResult.Ok, cipher.TryOpen(box, batch.Aad(i), out var secret, out var plaintext));
                Assert.Equal(batch.Secrets[i], secret);
                Assert.True(batch.Plaintext(i).SequenceEqual(plaintext));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Box_with_any_bit_changed_or_cut_does_not_open(SuiteId id)
    {
        var random = new Random(22);
        var key = Bytes(random, 32);
        using var cipher = ItemCipher.Create(Suite.FromId(id)!, 7, key);
        var batch = new Batch(random, 1, _ => 20);
        batch.Seal(cipher);
        var box = batch.Box(0).ToArray();
        for (var bit = 0; bit < 8 * box.Length; bit++)
        {
            var changed = box.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            var result = cipher.TryOpen(changed, batch.Aad(0), out var secret, out var plaintext);
            Assert.Equal((bit / 8) switch
            {
                0 => ItemOpenResult.UnknownVersion,
                1 => ItemOpenResult.OtherSuite,
                < 6 => ItemOpenResult.OtherKey,
                _ => ItemOpenResult.NotAuthentic,
            }, result);
            Assert.True(secret.IsZero);
            Assert.Empty(plaintext);
        }
        for (var length = 0; length < box.Length; length++)
        {
            var expected = length < ItemCipher.Overhead ? ItemOpenResult.TooShort : ItemOpenResult.NotAuthentic;
            Assert.Equal(expected, cipher.TryOpen(box.AsSpan(0, length), batch.Aad(0), out _, out _));
        }
        Assert.Equal(ItemOpenResult.NotAuthentic, cipher.TryOpen([.. box, 0], batch.Aad(0), out _, out _));
        Assert.Equal(ItemOpenResult.NotAuthentic, cipher.TryOpen(box, new byte[16], out _, out _));
        Assert.Equal(ItemOpenResult.BadAssociatedData, cipher.TryOpen(box, new byte[15], out _, out _));
        for (var i = 0; i < 32; i++)
        {
            var other = key.ToArray();
            other[i] ^= 1;
            using var wrong = ItemCipher.Create(Suite.FromId(id)!, 7, other);
            Assert.Equal(ItemOpenResult.NotAuthentic, wrong.TryOpen(box, batch.Aad(0), out _, out _));
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Same_secret_with_another_iv_shares_no_key_stream(SuiteId id)
    {
        var random = new Random(23);
        using var cipher = ItemCipher.Create(Suite.FromId(id)!, 7, Bytes(random, 32));
        var first = new Batch(random, 2, _ => 64);
        first.Secrets[1] = first.Secrets[0];
        first.Arena.AsSpan().Clear();
        first.Seal(cipher);
        Assert.NotEqual(first.Box(0)[54..118].ToArray(), first.Box(1)[54..118].ToArray());
        Assert.NotEqual(first.Box(0)[22..54].ToArray(), first.Box(1)[22..54].ToArray());
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Boxes_are_sealed_and_opened_from_many_threads(SuiteId id)
    {
        using var cipher = ItemCipher.Create(Suite.FromId(id)!, 7, Bytes(new Random(24), 32));
        Parallel.For(0, 16, n =>
        {
            var batch = new Batch(new Random(n), 50, i => i);
            batch.Seal(cipher);
            for (var i = 0; i < 50; i++)
            {
                Assert.Equal(ItemOpenResult.Ok, cipher.TryOpen(batch.Box(i), batch.Aad(i), out var secret, out _));
                Assert.Equal(batch.Secrets[i], secret);
            }
        });
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Random_bytes_are_no_box_and_no_exception(SuiteId id)
    {
        var random = new Random(25);
        using var cipher = ItemCipher.Create(Suite.FromId(id)!, 0, new byte[32]);
        for (var i = 0; i < 2000; i++)
        {
            var box = Bytes(random, random.Next(0, 200));
            if (i % 2 == 0 && box.Length > 6)
            {
                new byte[] { 1, (byte)id, 0, 0, 0, 0 }.CopyTo(box, 0);
            }
            Assert.NotEqual(ItemOpenResult.Ok, cipher.TryOpen(box, Bytes(random, 16), out _, out _));
        }
    }

    [Fact]
    public void Arrays_that_do_not_fit_together_are_refused()
    {
        using var cipher = ItemCipher.Create(Suite.Sm, 7, new byte[32]);
        var one = new Hash32[1];
        Assert.ThrowsAny<ArgumentException>(() => cipher.SealMany(one, new byte[15], [], [default], new byte[16], new byte[86], [0]));
        Assert.ThrowsAny<ArgumentException>(() => cipher.SealMany(one, new byte[16], [], [default], new byte[15], new byte[86], [0]));
        Assert.ThrowsAny<ArgumentException>(() => cipher.SealMany(one, new byte[16], [], [default], new byte[16], new byte[85], [0]));
        Assert.ThrowsAny<ArgumentException>(() => cipher.SealMany(one, new byte[16], [], [new Slice(0, 1)], new byte[16], new byte[87], [0]));
        Assert.ThrowsAny<ArgumentException>(() => cipher.SealMany(one, new byte[16], [], [], new byte[16], new byte[86], [0]));
        Assert.ThrowsAny<ArgumentException>(() => ItemCipher.Create(Suite.Sm, 7, new byte[16]));
        var disposed = ItemCipher.Create(Suite.Sm, 7, new byte[32]);
        disposed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => disposed.TryOpen([1, 1, 0, 0, 0, 7, .. new byte[80]], new byte[16], out _, out _));
    }

    private static byte[] Bytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private sealed class Batch
    {
        private readonly Slice[] _plaintexts;
        private readonly byte[] _ivs;
        private readonly byte[] _aads;
        private readonly byte[] _boxes;
        private readonly int[] _offsets;

        public Batch(Random random, int count, Func<int, int> length)
        {
            Secrets = Enumerable.Range(0, count).Select(_ => Hash32.FromSpan(Bytes(random, 32))).ToArray();
            _plaintexts = new Slice[count];
            _offsets = new int[count];
            var (at, box) = (3, 5);
            for (var i = 0; i < count; i++)
            {
                _plaintexts[i] = new Slice(at, length(i));
                _offsets[i] = box;
                at += _plaintexts[i].Length;
                box += ItemCipher.BoxLength(_plaintexts[i].Length);
            }
            Arena = Bytes(random, at);
            _ivs = Bytes(random, 16 * count);
            _aads = Bytes(random, 16 * count);
            _boxes = new byte[box];
        }

        public Hash32[] Secrets { get; }

        public byte[] Arena { get; }

        public void Seal(ItemCipher cipher) => cipher.SealMany(Secrets, _ivs, Arena, _plaintexts, _aads, _boxes, _offsets);

        public ReadOnlySpan<byte> Box(int i) => _boxes.AsSpan(_offsets[i], ItemCipher.BoxLength(_plaintexts[i].Length));

        public ReadOnlySpan<byte> Aad(int i) => _aads.AsSpan(16 * i, 16);

        public ReadOnlySpan<byte> Plaintext(int i) => Arena.AsSpan(_plaintexts[i].Offset, _plaintexts[i].Length);
    }
}
