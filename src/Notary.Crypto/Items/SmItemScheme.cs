using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Notary.Crypto.Native;

namespace Notary.Crypto;

/// <summary>
/// SM4 in counter mode (GB/T 17964 CTR) with HMAC-SM3, encrypt then MAC. Counter blocks are made here and encrypted by libcrypto as one
/// ECB run, so that all wrapped secrets of a batch cost one call.
/// </summary>
internal sealed unsafe class SmItemScheme : ItemScheme
{
    private const int Block = Sm4Blocks.BlockSize;

    private readonly byte[] _wrapKey;
    private readonly byte[] _macKey;
    private readonly ConcurrentBag<Contexts> _idle = [];
    private volatile bool _disposed;

    public SmItemScheme(ReadOnlySpan<byte> wrappingKey)
    {
        _wrapKey = wrappingKey[..16].ToArray();
        _macKey = wrappingKey[16..].ToArray();
        _idle.Add(new Contexts(_wrapKey));
    }

    public override void Seal(in ItemBatch batch)
    {
        var n = batch.Secrets.Length;
        var contexts = Rent();
        var keys = ArrayPool<Hash32>.Shared.Rent(n);
        var macs = ArrayPool<Hash32>.Shared.Rent(n);
        var slices = ArrayPool<Slice>.Shared.Rent(n);
        var keyOf = ArrayPool<int>.Shared.Rent(n);
        try
        {
            WrapSecrets(batch, contexts.Wrap);

            for (var i = 0; i < n; i++)
            {
                keyOf[i] = i;
                slices[i] = new Slice(0, HmacLabel.ItemKey.Length);
            }
            Suite.Sm.HmacMany(batch.Secrets, keyOf.AsSpan(0, n), HmacLabel.ItemKey, slices.AsSpan(0, n), keys.AsSpan(0, n));

            for (var i = 0; i < n; i++)
            {
                var box = batch.Box(i);
                var plaintext = batch.Plaintext(i);
                var ciphertext = box.Slice(ItemBox.CiphertextAt, plaintext.Length);
                contexts.XorContent(keys[i], box.Slice(ItemBox.IvAt, ItemBox.IvSize), plaintext, ciphertext);
                // The associated data lies in the MAC's place while the MAC is computed: one contiguous message.
                batch.Associated.Slice(i * ItemBox.AssociatedSize, ItemBox.AssociatedSize).CopyTo(box[(ItemBox.CiphertextAt + plaintext.Length)..]);
                slices[i] = new Slice(batch.Offsets[i], ItemBox.CiphertextAt + plaintext.Length + ItemBox.AssociatedSize);
                ToMacKey(ref keys[i]);
            }
            Suite.Sm.HmacMany(keys.AsSpan(0, n), keyOf.AsSpan(0, n), batch.Boxes, slices.AsSpan(0, n), macs.AsSpan(0, n));
            for (var i = 0; i < n; i++)
            {
                macs[i].CopyTo(batch.Box(i)[^ItemBox.MacSize..]);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(keys.AsSpan(0, n)));
            ArrayPool<Hash32>.Shared.Return(keys);
            ArrayPool<Hash32>.Shared.Return(macs);
            ArrayPool<Slice>.Shared.Return(slices);
            ArrayPool<int>.Shared.Return(keyOf);
            Return(contexts);
        }
    }

    public override bool TryOpen(ReadOnlySpan<byte> box, ReadOnlySpan<byte> associated, out Hash32 secret, out byte[] plaintext)
    {
        var contexts = Rent();
        var message = ArrayPool<byte>.Shared.Rent(box.Length);
        try
        {
            var iv = box.Slice(ItemBox.IvAt, ItemBox.IvSize);
            Span<byte> opened = stackalloc byte[Hash32.Size];
            contexts.XorWrapped(iv, box.Slice(ItemBox.WrappedAt, Hash32.Size), opened);
            secret = Hash32.FromSpan(opened);
            var key = Suite.Sm.Hmac(opened, HmacLabel.ItemKey);
            var macKey = key;
            ToMacKey(ref macKey);

            var length = box.Length - ItemBox.MacSize;
            box[..length].CopyTo(message);
            associated.CopyTo(message.AsSpan(length));
            var mac = Suite.Sm.Hmac(macKey.AsSpan(), message.AsSpan(0, length + associated.Length));
            if (!CryptographicOperations.FixedTimeEquals(mac.AsSpan(), box[length..]))
            {
                secret = default;
                plaintext = [];
                return false;
            }
            plaintext = new byte[box.Length - ItemBox.Overhead];
            contexts.XorContent(key, iv, box.Slice(ItemBox.CiphertextAt, plaintext.Length), plaintext);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(message);
            Return(contexts);
        }
    }

    public override void Dispose()
    {
        _disposed = true;
        while (_idle.TryTake(out var contexts))
        {
            contexts.Dispose();
        }
        CryptographicOperations.ZeroMemory(_wrapKey);
        CryptographicOperations.ZeroMemory(_macKey);
    }

    private static void WrapSecrets(in ItemBatch batch, Sm4Blocks wrap)
    {
        var n = batch.Secrets.Length;
        var stream = ArrayPool<byte>.Shared.Rent(n * Hash32.Size);
        try
        {
            fixed (byte* p = stream)
            {
                for (var i = 0; i < n; i++)
                {
                    FillCounters(batch.Ivs.Slice(i * ItemBox.IvSize, ItemBox.IvSize), p + (i * Hash32.Size), Hash32.Size);
                }
                wrap.Encrypt(p, n * Hash32.Size);
                for (var i = 0; i < n; i++)
                {
                    Xor(batch.Secrets[i].AsSpan(), p + (i * Hash32.Size), batch.Box(i).Slice(ItemBox.WrappedAt, Hash32.Size));
                }
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(stream.AsSpan(0, n * Hash32.Size));
            ArrayPool<byte>.Shared.Return(stream);
        }
    }

    // MAC key = second half of the wrapping key ‖ second half of the item key.
    private void ToMacKey(ref Hash32 key)
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<Hash32>(ref key));
        _macKey.CopyTo(bytes);
    }

    // iv, iv+1, … as 128-bit big-endian numbers.
    private static void FillCounters(ReadOnlySpan<byte> iv, byte* blocks, int length)
    {
        var high = BinaryPrimitives.ReadUInt64BigEndian(iv);
        var low = BinaryPrimitives.ReadUInt64BigEndian(iv[8..]);
        for (var at = 0; at < length; at += Block)
        {
            Unsafe.WriteUnaligned(blocks + at, BinaryPrimitives.ReverseEndianness(high));
            Unsafe.WriteUnaligned(blocks + at + 8, BinaryPrimitives.ReverseEndianness(low));
            if (++low == 0)
            {
                high++;
            }
        }
    }

    private static void Xor(ReadOnlySpan<byte> input, byte* stream, Span<byte> output)
    {
        fixed (byte* a = input)
        fixed (byte* b = output)
        {
            var i = 0;
            for (; i + 8 <= input.Length; i += 8)
            {
                Unsafe.WriteUnaligned(b + i, Unsafe.ReadUnaligned<ulong>(a + i) ^ Unsafe.ReadUnaligned<ulong>(stream + i));
            }
            for (; i < input.Length; i++)
            {
                b[i] = (byte)(a[i] ^ stream[i]);
            }
        }
    }

    private Contexts Rent()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _idle.TryTake(out var contexts) ? contexts : new Contexts(_wrapKey);
    }

    private void Return(Contexts contexts)
    {
        if (_disposed)
        {
            contexts.Dispose();
        }
        else
        {
            _idle.Add(contexts);
        }
    }

    /// <summary>The two libcrypto contexts of one thread's turn: one keyed for good with the wrapping key, one re-keyed per item.</summary>
    private sealed class Contexts : IDisposable
    {
        private const int ChunkSize = 64 * Block;

        private readonly Sm4Blocks _content = new(stackalloc byte[Block]);

        public Contexts(ReadOnlySpan<byte> wrapKey) => Wrap = new Sm4Blocks(wrapKey);

        public Sm4Blocks Wrap { get; }

        [SkipLocalsInit]
        public void XorWrapped(ReadOnlySpan<byte> iv, ReadOnlySpan<byte> input, Span<byte> output)
        {
            var stream = stackalloc byte[Hash32.Size];
            FillCounters(iv, stream, Hash32.Size);
            Wrap.Encrypt(stream, Hash32.Size);
            Xor(input, stream, output);
        }

        /// <summary>SM4-CTR with the first 16 bytes of the item key, counting from the iv.</summary>
        [SkipLocalsInit]
        public void XorContent(in Hash32 key, ReadOnlySpan<byte> iv, ReadOnlySpan<byte> input, Span<byte> output)
        {
            if (input.IsEmpty)
            {
                return;
            }
            fixed (byte* k = key.AsSpan())
            {
                _content.SetKey(k);
            }
            var stream = stackalloc byte[ChunkSize];
            Span<byte> counter = stackalloc byte[Block];
            iv.CopyTo(counter);
            while (true)
            {
                var take = Math.Min(input.Length, ChunkSize);
                var blocks = (take + Block - 1) / Block;
                FillCounters(counter, stream, blocks * Block);
                _content.Encrypt(stream, blocks * Block);
                Xor(input[..take], stream, output);
                if (take == input.Length)
                {
                    return;
                }
                input = input[take..];
                output = output[take..];
                BinaryPrimitives.WriteUInt128BigEndian(counter, BinaryPrimitives.ReadUInt128BigEndian(counter) + (uint)blocks);
            }
        }

        public void Dispose()
        {
            Wrap.Dispose();
            _content.Dispose();
        }
    }
}
