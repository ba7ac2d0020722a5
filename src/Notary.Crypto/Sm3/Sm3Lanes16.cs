using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Notary.Crypto.Sm3;

/// <summary>
/// SM3 of sixteen messages at once, one in each 32-bit lane of a 512-bit register (AVX-512F). Only the rotation and the three-input logic
/// are instructions of their own; without the hardware the same code runs, slowly, on smaller registers, so that it can be compared anywhere.
/// </summary>
internal readonly unsafe struct Sm3Lanes16 : ILaneKernel
{
    public static int Lanes => 16;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(uint* state, byte** blocks, nint count)
    {
        var storage = stackalloc byte[(68 * sizeof(Vector512<uint>)) + 63];
        var w = (Vector512<uint>*)(((nint)storage + 63) & ~63);
        var s = (Vector512<uint>*)state;
        fixed (uint* t = Sm3Plain.RotatedT)
        {
            for (nint block = 0; block < count; block++)
            {
                Load(w, blocks, block * Sm3Plain.BlockSize);
                for (var j = 16; j < 68; j++)
                {
                    var x = w[j - 16] ^ w[j - 9] ^ Rotate(w[j - 3], 15);
                    w[j] = P1(x) ^ Rotate(w[j - 13], 7) ^ w[j - 6];
                }
                var a = s[0];
                var b = s[1];
                var c = s[2];
                var d = s[3];
                var e = s[4];
                var f = s[5];
                var g = s[6];
                var h = s[7];
                for (var j = 0; j < 16; j += 4)
                {
                    Early(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, t + j, w + j);
                    Early(ref d, ref a, ref b, ref c, ref h, ref e, ref f, ref g, t + j + 1, w + j + 1);
                    Early(ref c, ref d, ref a, ref b, ref g, ref h, ref e, ref f, t + j + 2, w + j + 2);
                    Early(ref b, ref c, ref d, ref a, ref f, ref g, ref h, ref e, t + j + 3, w + j + 3);
                }
                for (var j = 16; j < 64; j += 4)
                {
                    Late(ref a, ref b, ref c, ref d, ref e, ref f, ref g, ref h, t + j, w + j);
                    Late(ref d, ref a, ref b, ref c, ref h, ref e, ref f, ref g, t + j + 1, w + j + 1);
                    Late(ref c, ref d, ref a, ref b, ref g, ref h, ref e, ref f, t + j + 2, w + j + 2);
                    Late(ref b, ref c, ref d, ref a, ref f, ref g, ref h, ref e, t + j + 3, w + j + 3);
                }
                s[0] ^= a;
                s[1] ^= b;
                s[2] ^= c;
                s[3] ^= d;
                s[4] ^= e;
                s[5] ^= f;
                s[6] ^= g;
                s[7] ^= h;
            }
        }
    }

    // GM/T 0004-2012 5.3.3 with the registers renamed instead of moved: the caller passes them rotated by one each time.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Early(
        ref Vector512<uint> a, ref Vector512<uint> b, ref Vector512<uint> c, ref Vector512<uint> d,
        ref Vector512<uint> e, ref Vector512<uint> f, ref Vector512<uint> g, ref Vector512<uint> h, uint* t, Vector512<uint>* w)
        => Round(a, ref b, ref d, e, ref f, ref h, a ^ b ^ c, e ^ f ^ g, t, w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Late(
        ref Vector512<uint> a, ref Vector512<uint> b, ref Vector512<uint> c, ref Vector512<uint> d,
        ref Vector512<uint> e, ref Vector512<uint> f, ref Vector512<uint> g, ref Vector512<uint> h, uint* t, Vector512<uint>* w)
        => Round(a, ref b, ref d, e, ref f, ref h, Majority(a, b, c), Choose(e, f, g), t, w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(
        Vector512<uint> a, ref Vector512<uint> b, ref Vector512<uint> d, Vector512<uint> e, ref Vector512<uint> f, ref Vector512<uint> h,
        Vector512<uint> ff, Vector512<uint> gg, uint* t, Vector512<uint>* w)
    {
        var a12 = Rotate(a, 12);
        var ss1 = Rotate(a12 + e + Vector512.Create(*t), 7);
        d += ff + (ss1 ^ a12) + (w[0] ^ w[4]);
        h += gg + ss1 + w[0];
        b = Rotate(b, 9);
        f = Rotate(f, 19);
        h = P0(h);
    }

    // x ^ (x <<< 9) ^ (x <<< 17)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> P0(Vector512<uint> x) => Xor(x, Rotate(x, 9), Rotate(x, 17));

    // x ^ (x <<< 15) ^ (x <<< 23)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> P1(Vector512<uint> x) => Xor(x, Rotate(x, 15), Rotate(x, 23));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Rotate(Vector512<uint> x, [ConstantExpected] byte n)
        => Avx512F.IsSupported ? Avx512F.RotateLeft(x, n) : (x << n) | (x >>> (32 - n));

    // The control byte is the truth table over (a, b, c) = 111 … 000 (Intel SDM, VPTERNLOG).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Xor(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c)
        => Avx512F.IsSupported ? Avx512F.TernaryLogic(a, b, c, 0x96) : a ^ b ^ c;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Majority(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c)
        => Avx512F.IsSupported ? Avx512F.TernaryLogic(a, b, c, 0xe8) : (a & b) | ((a | b) & c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Choose(Vector512<uint> e, Vector512<uint> f, Vector512<uint> g)
        => Avx512F.IsSupported ? Avx512F.TernaryLogic(e, f, g, 0xca) : ((f ^ g) & e) ^ g;

    // Transposed by the eight-lane code in halves: a small part of the work, and the same instructions on every machine.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(Vector512<uint>* w, byte** blocks, nint offset)
    {
        var halves = (Vector256<uint>*)w;
        LaneTransposition.Load8(blocks, offset, halves, stride: 2);
        LaneTransposition.Load8(blocks + 8, offset, halves + 1, stride: 2);
        LaneTransposition.Load8(blocks, offset + 32, halves + 16, stride: 2);
        LaneTransposition.Load8(blocks + 8, offset + 32, halves + 17, stride: 2);
    }

    public static void StoreDigests(uint* state, byte* digests)
    {
        LaneTransposition.Store8(state, stride: 16, digests);
        LaneTransposition.Store8(state + 8, stride: 16, digests + (8 * Hash32.Size));
    }
}
