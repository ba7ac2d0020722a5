using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Notary.Crypto.Sm3;

/// <summary>SM3, one message at a time (GM/T 0004-2012; GB/T 32905-2016). The reference that every multi-buffer kernel is compared with.</summary>
internal static unsafe class Sm3Plain
{
    public const int BlockSize = 64;

    /// <summary>GM/T 0004-2012 4.1, the initial value.</summary>
    public static ReadOnlySpan<uint> InitialState =>
    [
        0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
    ];

    /// <summary>GM/T 0004-2012 4.2: T(j) already rotated left by j mod 32.</summary>
    public static ReadOnlySpan<uint> RotatedT =>
    [
        0x79cc4519, 0xf3988a32, 0xe7311465, 0xce6228cb, 0x9cc45197, 0x3988a32f, 0x7311465e, 0xe6228cbc,
        0xcc451979, 0x988a32f3, 0x311465e7, 0x6228cbce, 0xc451979c, 0x88a32f39, 0x11465e73, 0x228cbce6,
        0x9d8a7a87, 0x3b14f50f, 0x7629ea1e, 0xec53d43c, 0xd8a7a879, 0xb14f50f3, 0x629ea1e7, 0xc53d43ce,
        0x8a7a879d, 0x14f50f3b, 0x29ea1e76, 0x53d43cec, 0xa7a879d8, 0x4f50f3b1, 0x9ea1e762, 0x3d43cec5,
        0x7a879d8a, 0xf50f3b14, 0xea1e7629, 0xd43cec53, 0xa879d8a7, 0x50f3b14f, 0xa1e7629e, 0x43cec53d,
        0x879d8a7a, 0x0f3b14f5, 0x1e7629ea, 0x3cec53d4, 0x79d8a7a8, 0xf3b14f50, 0xe7629ea1, 0xcec53d43,
        0x9d8a7a87, 0x3b14f50f, 0x7629ea1e, 0xec53d43c, 0xd8a7a879, 0xb14f50f3, 0x629ea1e7, 0xc53d43ce,
        0x8a7a879d, 0x14f50f3b, 0x29ea1e76, 0x53d43cec, 0xa7a879d8, 0x4f50f3b1, 0x9ea1e762, 0x3d43cec5,
    ];

    /// <summary>Number of 64-byte blocks of a message with its padding (one bit, zeros, 64-bit length).</summary>
    public static int BlockCount(int length) => (int)(((long)length + 9 + BlockSize - 1) / BlockSize);

    /// <summary>Compresses <paramref name="blocks"/> consecutive blocks into the state of eight words (GM/T 0004-2012 5.3).</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(uint* state, byte* data, nint blocks)
    {
        var words = stackalloc uint[68];
        fixed (uint* table = RotatedT)
        {
            for (; blocks > 0; blocks--, data += BlockSize)
            {
                for (var j = 0; j < 16; j++)
                {
                    words[j] = BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<uint>(data + (4 * j)));
                }
                uint a = state[0], b = state[1], c = state[2], d = state[3];
                uint e = state[4], f = state[5], g = state[6], h = state[7];
                var t = table;
                var w = words;
                for (; w < words + 12; t += 4, w += 4)
                {
                    Early(a, ref b, c, ref d, e, ref f, g, ref h, t[0], w[0], w[4]);
                    Early(d, ref a, b, ref c, h, ref e, f, ref g, t[1], w[1], w[5]);
                    Early(c, ref d, a, ref b, g, ref h, e, ref f, t[2], w[2], w[6]);
                    Early(b, ref c, d, ref a, f, ref g, h, ref e, t[3], w[3], w[7]);
                }
                // From here each round makes the word that it needs four places ahead: the expansion fills the waits of the rounds.
                Early(a, ref b, c, ref d, e, ref f, g, ref h, t[0], w[0], Expand(w + 4));
                Early(d, ref a, b, ref c, h, ref e, f, ref g, t[1], w[1], Expand(w + 5));
                Early(c, ref d, a, ref b, g, ref h, e, ref f, t[2], w[2], Expand(w + 6));
                Early(b, ref c, d, ref a, f, ref g, h, ref e, t[3], w[3], Expand(w + 7));
                for (t += 4, w += 4; w < words + 64; t += 4, w += 4)
                {
                    Late(a, ref b, c, ref d, e, ref f, g, ref h, t[0], w[0], Expand(w + 4));
                    Late(d, ref a, b, ref c, h, ref e, f, ref g, t[1], w[1], Expand(w + 5));
                    Late(c, ref d, a, ref b, g, ref h, e, ref f, t[2], w[2], Expand(w + 6));
                    Late(b, ref c, d, ref a, f, ref g, h, ref e, t[3], w[3], Expand(w + 7));
                }
                state[0] ^= a;
                state[1] ^= b;
                state[2] ^= c;
                state[3] ^= d;
                state[4] ^= e;
                state[5] ^= f;
                state[6] ^= g;
                state[7] ^= h;
            }
        }
    }

    // GM/T 0004-2012 5.3.2
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Expand(uint* w)
    {
        var x = w[-16] ^ w[-9] ^ BitOperations.RotateLeft(w[-3], 15);
        return *w = x ^ BitOperations.RotateLeft(x, 15) ^ BitOperations.RotateLeft(x, 23) ^ BitOperations.RotateLeft(w[-13], 7) ^ w[-6];
    }

    // One round (GM/T 0004-2012 5.3.3) with the registers renamed instead of moved: the caller passes them rotated by one each time.
    // The sums are grouped so that what arrives last (e, then ss1) is added last.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Early(uint a, ref uint b, uint c, ref uint d, uint e, ref uint f, uint g, ref uint h, uint t, uint w, uint w4)
        => Round(a, ref b, ref d, e, ref f, ref h, a ^ b ^ c, e ^ f ^ g, t, w, w4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Late(uint a, ref uint b, uint c, ref uint d, uint e, ref uint f, uint g, ref uint h, uint t, uint w, uint w4)
        => Round(a, ref b, ref d, e, ref f, ref h, (a & b) | ((a | b) & c), ((f ^ g) & e) ^ g, t, w, w4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(uint a, ref uint b, ref uint d, uint e, ref uint f, ref uint h, uint ff, uint gg, uint t, uint w, uint w4)
    {
        var a12 = BitOperations.RotateLeft(a, 12);
        var ss1 = BitOperations.RotateLeft(a12 + t + e, 7);
        d = d + (w ^ w4) + ff + (ss1 ^ a12);
        h = h + w + gg + ss1;
        b = BitOperations.RotateLeft(b, 9);
        f = BitOperations.RotateLeft(f, 19);
        h = h ^ BitOperations.RotateLeft(h, 9) ^ BitOperations.RotateLeft(h, 17);
    }

    /// <summary>Writes the padded end of a message: the <paramref name="tail"/> bytes after its last whole block, one bit, zeros and the bit length.</summary>
    /// <param name="pad">room for two blocks</param>
    /// <returns>1 or 2, the number of blocks written</returns>
    public static int WritePadding(byte* pad, byte* tailData, int tail, ulong totalLength)
    {
        var blocks = tail + 9 <= BlockSize ? 1 : 2;
        // Cleared in whole registers before the copy: cheaper than clearing exactly what is left.
        for (var i = 0; i < 2 * BlockSize; i += 32)
        {
            Vector256<byte>.Zero.Store(pad + i);
        }
        Unsafe.CopyBlockUnaligned(pad, tailData, (uint)tail);
        pad[tail] = 0x80;
        Unsafe.WriteUnaligned(pad + (blocks * BlockSize) - 8, BinaryPrimitives.ReverseEndianness(totalLength * 8));
        return blocks;
    }

    /// <summary>Digest of the message that follows <paramref name="prefixBlocks"/> blocks already in the state.</summary>
    [SkipLocalsInit]
    public static void Finish(uint* state, byte* data, int length, int prefixBlocks, byte* digest)
    {
        var whole = length / BlockSize;
        Compress(state, data, whole);
        var pad = stackalloc byte[2 * BlockSize];
        var blocks = WritePadding(pad, data + (whole * BlockSize), length % BlockSize, (ulong)length + ((ulong)prefixBlocks * BlockSize));
        Compress(state, pad, blocks);
        WriteDigest(state, digest);
    }

    public static void WriteDigest(uint* state, byte* digest)
    {
        for (var i = 0; i < 8; i++)
        {
            Unsafe.WriteUnaligned(digest + (4 * i), BinaryPrimitives.ReverseEndianness(state[i]));
        }
    }

    [SkipLocalsInit]
    public static void Hash(ReadOnlySpan<byte> message, Span<byte> digest32)
    {
        var state = stackalloc uint[8];
        InitialState.CopyTo(new Span<uint>(state, 8));
        var digest = stackalloc byte[32];
        fixed (byte* data = message)
        {
            byte none;
            Finish(state, data == null ? &none : data, message.Length, 0, digest);
        }
        new ReadOnlySpan<byte>(digest, 32).CopyTo(digest32);
    }
}
