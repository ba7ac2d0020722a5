using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Notary.Crypto.Sm3;

/// <summary>Between eight messages side by side and eight registers that hold the same word of every message.</summary>
internal static unsafe class LaneTransposition
{
    /// <summary>Loads 32 bytes of each of eight messages as big-endian words: afterwards <c>target[k·stride]</c> holds word k of all.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load8(byte** messages, nint offset, Vector256<uint>* target, int stride)
    {
        if (!Avx2.IsSupported)
        {
            Load8Slow(messages, offset, (uint*)target, stride);
            return;
        }
        Transpose8(
            Swap(Vector256.Load(messages[0] + offset)).AsUInt32(), Swap(Vector256.Load(messages[1] + offset)).AsUInt32(),
            Swap(Vector256.Load(messages[2] + offset)).AsUInt32(), Swap(Vector256.Load(messages[3] + offset)).AsUInt32(),
            Swap(Vector256.Load(messages[4] + offset)).AsUInt32(), Swap(Vector256.Load(messages[5] + offset)).AsUInt32(),
            Swap(Vector256.Load(messages[6] + offset)).AsUInt32(), Swap(Vector256.Load(messages[7] + offset)).AsUInt32(),
            target, stride);
    }

    /// <summary>Eight rows of eight words into <c>state[word · stride + lane]</c>, lanes 0 to 7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void LoadRows8(uint** rows, uint* state, int stride)
    {
        if (!Avx2.IsSupported)
        {
            for (var lane = 0; lane < 8; lane++)
            {
                for (var word = 0; word < 8; word++)
                {
                    state[(word * stride) + lane] = rows[lane][word];
                }
            }
            return;
        }
        Transpose8(
            Vector256.Load(rows[0]), Vector256.Load(rows[1]), Vector256.Load(rows[2]), Vector256.Load(rows[3]),
            Vector256.Load(rows[4]), Vector256.Load(rows[5]), Vector256.Load(rows[6]), Vector256.Load(rows[7]),
            (Vector256<uint>*)state, stride / 8);
    }

    /// <summary>The eight states at <c>state[word · stride + lane]</c>, lanes 0 to 7, as eight rows of eight words one behind the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StoreRows8(uint* state, int stride, uint* rows)
    {
        if (!Avx2.IsSupported)
        {
            for (var lane = 0; lane < 8; lane++)
            {
                for (var word = 0; word < 8; word++)
                {
                    rows[(8 * lane) + word] = state[(word * stride) + lane];
                }
            }
            return;
        }
        Transpose8(
            Vector256.Load(state), Vector256.Load(state + stride), Vector256.Load(state + (2 * stride)), Vector256.Load(state + (3 * stride)),
            Vector256.Load(state + (4 * stride)), Vector256.Load(state + (5 * stride)), Vector256.Load(state + (6 * stride)), Vector256.Load(state + (7 * stride)),
            (Vector256<uint>*)rows, 1);
    }

    /// <summary>As <see cref="StoreRows8"/>, the words big-endian: eight digests of 32 bytes.</summary>
    public static void StoreDigests8(uint* state, int stride, byte* digests)
    {
        StoreRows8(state, stride, (uint*)digests);
        for (var i = 0; i < 8; i++)
        {
            var digest = digests + (i * 32);
            if (Avx2.IsSupported)
            {
                Swap(Vector256.Load(digest)).Store(digest);
            }
            else
            {
                var words = new Span<uint>(digest, 8);
                BinaryPrimitives.ReverseEndianness(words, words);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Swap(Vector256<byte> x) => Avx2.Shuffle(x, Vector256.Create(
        (byte)3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12,
        3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose8(
        Vector256<uint> r0, Vector256<uint> r1, Vector256<uint> r2, Vector256<uint> r3,
        Vector256<uint> r4, Vector256<uint> r5, Vector256<uint> r6, Vector256<uint> r7, Vector256<uint>* target, int stride)
    {
        // Pairs of words, then of double words, inside each half; at last the halves.
        var a0 = Avx2.UnpackLow(r0, r1).AsUInt64();
        var a1 = Avx2.UnpackHigh(r0, r1).AsUInt64();
        var a2 = Avx2.UnpackLow(r2, r3).AsUInt64();
        var a3 = Avx2.UnpackHigh(r2, r3).AsUInt64();
        var a4 = Avx2.UnpackLow(r4, r5).AsUInt64();
        var a5 = Avx2.UnpackHigh(r4, r5).AsUInt64();
        var a6 = Avx2.UnpackLow(r6, r7).AsUInt64();
        var a7 = Avx2.UnpackHigh(r6, r7).AsUInt64();
        var b0 = Avx2.UnpackLow(a0, a2);
        var b1 = Avx2.UnpackHigh(a0, a2);
        var b2 = Avx2.UnpackLow(a1, a3);
        var b3 = Avx2.UnpackHigh(a1, a3);
        var b4 = Avx2.UnpackLow(a4, a6);
        var b5 = Avx2.UnpackHigh(a4, a6);
        var b6 = Avx2.UnpackLow(a5, a7);
        var b7 = Avx2.UnpackHigh(a5, a7);
        target[0] = Avx2.Permute2x128(b0, b4, 0x20).AsUInt32();
        target[stride] = Avx2.Permute2x128(b1, b5, 0x20).AsUInt32();
        target[2 * stride] = Avx2.Permute2x128(b2, b6, 0x20).AsUInt32();
        target[3 * stride] = Avx2.Permute2x128(b3, b7, 0x20).AsUInt32();
        target[4 * stride] = Avx2.Permute2x128(b0, b4, 0x31).AsUInt32();
        target[5 * stride] = Avx2.Permute2x128(b1, b5, 0x31).AsUInt32();
        target[6 * stride] = Avx2.Permute2x128(b2, b6, 0x31).AsUInt32();
        target[7 * stride] = Avx2.Permute2x128(b3, b7, 0x31).AsUInt32();
    }

    private static void Load8Slow(byte** messages, nint offset, uint* target, int stride)
    {
        for (var lane = 0; lane < 8; lane++)
        {
            for (var word = 0; word < 8; word++)
            {
                target[(word * stride * 8) + lane] = BinaryPrimitives.ReverseEndianness(
                    Unsafe.ReadUnaligned<uint>(messages[lane] + offset + (4 * word)));
            }
        }
    }
}
