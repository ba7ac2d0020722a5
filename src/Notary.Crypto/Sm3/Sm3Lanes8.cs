using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Notary.Crypto.Sm3;

/// <summary>SM3 of eight messages at once, one in each 32-bit lane of a 256-bit register (AVX2).</summary>
internal readonly unsafe struct Sm3Lanes8 : ILaneKernel
{
    public static int Lanes => 8;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(uint* state, byte** blocks, nint count)
    {
        var storage = stackalloc byte[(68 * sizeof(Vector256<uint>)) + 63];
        var words = (Vector256<uint>*)(((nint)storage + 63) & ~63);
        var s = (Vector256<uint>*)state;
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
    private static Vector256<uint> Expand(Vector256<uint>* w)
    {
        var word = P1(w[-16] ^ w[-9] ^ Rotate(w[-3], 15)) ^ Rotate(w[-13], 7) ^ w[-6];
        *w = word;
        return word;
    }

    // GM/T 0004-2012 5.3.3 with the registers renamed instead of moved: the caller passes them rotated by one each time. The sums are
    // grouped so that what arrives last (e, then ss1) is added last.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Early(
        Vector256<uint> a, ref Vector256<uint> b, Vector256<uint> c, ref Vector256<uint> d,
        Vector256<uint> e, ref Vector256<uint> f, Vector256<uint> g, ref Vector256<uint> h, uint t, Vector256<uint> w, Vector256<uint> w4)
        => Round(a, ref b, ref d, e, ref f, ref h, a ^ b ^ c, e ^ f ^ g, t, w, w4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Late(
        Vector256<uint> a, ref Vector256<uint> b, Vector256<uint> c, ref Vector256<uint> d,
        Vector256<uint> e, ref Vector256<uint> f, Vector256<uint> g, ref Vector256<uint> h, uint t, Vector256<uint> w, Vector256<uint> w4)
        => Round(a, ref b, ref d, e, ref f, ref h, Majority(a, b, c), Choose(e, f, g), t, w, w4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(
        Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> d, Vector256<uint> e, ref Vector256<uint> f, ref Vector256<uint> h,
        Vector256<uint> ff, Vector256<uint> gg, uint t, Vector256<uint> w, Vector256<uint> w4)
    {
        var a12 = Rotate(a, 12);
        var ss1 = Rotate(a12 + Vector256.Create(t) + e, 7);
        d = d + (w ^ w4) + ff + (ss1 ^ a12);
        h = h + w + gg + ss1;
        b = Rotate(b, 9);
        f = Rotate(f, 19);
        h = P0(h);
    }

    // x ^ (x <<< 9) ^ (x <<< 17); a rotation by whole bytes on top of the one before is a single shuffle.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> P0(Vector256<uint> x)
    {
        var r = Rotate(x, 9);
        return x ^ r ^ Rotate8(r);
    }

    // x ^ (x <<< 15) ^ (x <<< 23)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> P1(Vector256<uint> x)
    {
        var r = Rotate(x, 15);
        return x ^ r ^ Rotate8(r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Rotate(Vector256<uint> x, [ConstantExpected] byte n) => (x << n) | (x >>> (32 - n));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Rotate8(Vector256<uint> x)
        => Avx2.IsSupported
            ? Avx2.Shuffle(x.AsByte(), Vector256.Create(
                (byte)3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14,
                3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14)).AsUInt32()
            : Rotate(x, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Majority(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) => (a & b) | ((a | b) & c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Choose(Vector256<uint> e, Vector256<uint> f, Vector256<uint> g) => ((f ^ g) & e) ^ g;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(Vector256<uint>* w, byte** blocks, nint offset)
    {
        LaneTransposition.Load8(blocks, offset, w, stride: 1);
        LaneTransposition.Load8(blocks, offset + 32, w + 8, stride: 1);
    }

    public static void LoadStates(uint* state, uint** rows) => LaneTransposition.LoadRows8(rows, state, stride: 8);

    public static void StoreStates(uint* state, uint* rows) => LaneTransposition.StoreRows8(state, stride: 8, rows);

    public static void StoreDigests(uint* state, byte* digests) => LaneTransposition.StoreDigests8(state, stride: 8, digests);
}
