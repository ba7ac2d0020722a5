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
        var w = (Vector256<uint>*)(((nint)storage + 63) & ~63);
        var s = (Vector256<uint>*)state;
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
        ref Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> c, ref Vector256<uint> d,
        ref Vector256<uint> e, ref Vector256<uint> f, ref Vector256<uint> g, ref Vector256<uint> h, uint* t, Vector256<uint>* w)
        => Round(a, ref b, ref d, e, ref f, ref h, a ^ b ^ c, e ^ f ^ g, t, w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Late(
        ref Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> c, ref Vector256<uint> d,
        ref Vector256<uint> e, ref Vector256<uint> f, ref Vector256<uint> g, ref Vector256<uint> h, uint* t, Vector256<uint>* w)
        => Round(a, ref b, ref d, e, ref f, ref h, Majority(a, b, c), Choose(e, f, g), t, w);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(
        Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> d, Vector256<uint> e, ref Vector256<uint> f, ref Vector256<uint> h,
        Vector256<uint> ff, Vector256<uint> gg, uint* t, Vector256<uint>* w)
    {
        var a12 = Rotate(a, 12);
        var ss1 = Rotate(a12 + e + Vector256.Create(*t), 7);
        d += ff + (ss1 ^ a12) + (w[0] ^ w[4]);
        h += gg + ss1 + w[0];
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

    public static void StoreDigests(uint* state, byte* digests) => LaneTransposition.Store8(state, stride: 8, digests);
}
