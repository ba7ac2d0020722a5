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
        var words = (Vector512<uint>*)(((nint)storage + 63) & ~63);
        var s = (Vector512<uint>*)state;
        fixed (uint* table = Sm3Plain.RotatedT)
        {
            for (nint block = 0; block < count; block++)
            {
                Load(words, blocks, block * Sm3Plain.BlockSize);
                var a = s[0];
                var b = s[1];
                var c = s[2];
                var d = s[3];
                var e = s[4];
                var f = s[5];
                var g = s[6];
                var h = s[7];
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

    // GM/T 0004-2012 5.3.2
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Expand(Vector512<uint>* w)
    {
        var word = P1(w[-16] ^ w[-9] ^ Rotate(w[-3], 15)) ^ Rotate(w[-13], 7) ^ w[-6];
        *w = word;
        return word;
    }

    // GM/T 0004-2012 5.3.3 with the registers renamed instead of moved: the caller passes them rotated by one each time. The sums are
    // grouped so that what arrives last (e, then ss1) is added last.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Early(
        Vector512<uint> a, ref Vector512<uint> b, Vector512<uint> c, ref Vector512<uint> d,
        Vector512<uint> e, ref Vector512<uint> f, Vector512<uint> g, ref Vector512<uint> h, uint t, Vector512<uint> w, Vector512<uint> w4)
        => Round(a, ref b, ref d, e, ref f, ref h, a ^ b ^ c, e ^ f ^ g, t, w, w4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Late(
        Vector512<uint> a, ref Vector512<uint> b, Vector512<uint> c, ref Vector512<uint> d,
        Vector512<uint> e, ref Vector512<uint> f, Vector512<uint> g, ref Vector512<uint> h, uint t, Vector512<uint> w, Vector512<uint> w4)
        => Round(a, ref b, ref d, e, ref f, ref h, Majority(a, b, c), Choose(e, f, g), t, w, w4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(
        Vector512<uint> a, ref Vector512<uint> b, ref Vector512<uint> d, Vector512<uint> e, ref Vector512<uint> f, ref Vector512<uint> h,
        Vector512<uint> ff, Vector512<uint> gg, uint t, Vector512<uint> w, Vector512<uint> w4)
    {
        var a12 = Rotate(a, 12);
        var ss1 = Rotate(a12 + Vector512.Create(t) + e, 7);
        d = d + (w ^ w4) + ff + (ss1 ^ a12);
        h = h + w + gg + ss1;
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

    public static void LoadStates(uint* state, uint** rows)
    {
        LaneTransposition.LoadRows8(rows, state, stride: 16);
        LaneTransposition.LoadRows8(rows + 8, state + 8, stride: 16);
    }

    public static void StoreStates(uint* state, uint* rows)
    {
        LaneTransposition.StoreRows8(state, stride: 16, rows);
        LaneTransposition.StoreRows8(state + 8, stride: 16, rows + 64);
    }

    public static void StoreDigests(uint* state, byte* digests)
    {
        LaneTransposition.StoreDigests8(state, stride: 16, digests);
        LaneTransposition.StoreDigests8(state + 8, stride: 16, digests + (8 * Hash32.Size));
    }
}
