using System.Collections.Concurrent;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using Notary.Crypto;

namespace Notary.Ledger.Tests;

/// <summary>
/// Signers with fixed private keys, so that the examples of docs/spec can be recomputed to the byte. Textbook big-integer
/// arithmetic, variable time, for tests alone.
/// </summary>
internal static class TestSigners
{
    /// <summary>Ed25519 (RFC 8032 section 5.1.6) with this text, hashed, as its seed.</summary>
    public static ISigner Ed25519(string seed) => new Ed25519Signer(SHA256.HashData(Encoding.UTF8.GetBytes(seed)));

    /// <summary>SM2 with SM3 (GB/T 32918.2-2016 clause 6), private key and nonces derived from this text.</summary>
    public static ISigner Sm2(string seed) => new Sm2Signer(seed);

    /// <summary>The signer of a suite, made once: nothing in it needs disposing.</summary>
    public static ISigner Of(SuiteId suite, string seed) => Made.GetOrAdd((suite, seed), _ => suite == SuiteId.Sm ? Sm2(seed) : Ed25519(seed));

    private static readonly ConcurrentDictionary<(SuiteId, string), ISigner> Made = new();

    private static BigInteger Mod(BigInteger a, BigInteger m) => ((a % m) + m) % m;

    private static BigInteger Hex(string hex) => BigInteger.Parse("0" + hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static byte[] Fixed(BigInteger value, bool bigEndian)
    {
        var bytes = value.ToByteArray(isUnsigned: true, isBigEndian: false);
        Array.Resize(ref bytes, 32);
        if (bigEndian)
        {
            Array.Reverse(bytes);
        }

        return bytes;
    }

    private sealed class Ed25519Signer : ISigner
    {
        private static readonly BigInteger P = BigInteger.Pow(2, 255) - 19;
        private static readonly BigInteger L = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493", CultureInfo.InvariantCulture);
        private static readonly BigInteger D = Mod(-121665 * BigInteger.ModPow(121666, P - 2, P), P);
        private static readonly (BigInteger X, BigInteger Y) B = (
            BigInteger.Parse("15112221349535400772501151409588531511454012693041857206046113283949847762202", CultureInfo.InvariantCulture),
            BigInteger.Parse("46316835694926478169428394003475163141307993866256225615783033603165251855960", CultureInfo.InvariantCulture));

        private readonly BigInteger _s;
        private readonly byte[] _prefix;
        private readonly byte[] _public;

        public Ed25519Signer(byte[] seed)
        {
            var h = SHA512.HashData(seed);
            h[0] &= 248;
            h[31] &= 127;
            h[31] |= 64;
            _s = new BigInteger(h.AsSpan(0, 32), isUnsigned: true);
            _prefix = h[32..];
            _public = Encode(Multiply(_s, B));
        }

        public KeyAlgorithm Algorithm => KeyAlgorithm.Ed25519;

        public ReadOnlyMemory<byte> PublicKey => _public;

        public byte[] Sign(ReadOnlySpan<byte> message)
        {
            var r = Number(SHA512.HashData([.. _prefix, .. message]));
            var point = Encode(Multiply(r, B));
            var k = Number(SHA512.HashData([.. point, .. _public, .. message]));
            return [.. point, .. Fixed(Mod(r + (k * _s), L), bigEndian: false)];
        }

        public void Dispose()
        {
        }

        private static BigInteger Number(byte[] hash) => new BigInteger(hash, isUnsigned: true) % L;

        private static byte[] Encode((BigInteger X, BigInteger Y) point)
        {
            var bytes = Fixed(point.Y, bigEndian: false);
            bytes[31] |= point.X.IsEven ? (byte)0 : (byte)0x80;
            return bytes;
        }

        private static (BigInteger X, BigInteger Y) Multiply(BigInteger k, (BigInteger X, BigInteger Y) point)
        {
            (BigInteger X, BigInteger Y) sum = (0, 1);
            for (; k > 0; k >>= 1)
            {
                sum = k.IsEven ? sum : Add(sum, point);
                point = Add(point, point);
            }

            return sum;
        }

        private static (BigInteger X, BigInteger Y) Add((BigInteger X, BigInteger Y) a, (BigInteger X, BigInteger Y) b)
        {
            var t = D * a.X % P * b.X % P * a.Y % P * b.Y % P;
            var x = (a.X * b.Y) + (b.X * a.Y);
            var y = (a.Y * b.Y) + (a.X * b.X);
            return (Mod(x * BigInteger.ModPow(Mod(1 + t, P), P - 2, P), P), Mod(y * BigInteger.ModPow(Mod(1 - t, P), P - 2, P), P));
        }
    }

    private sealed class Sm2Signer : ISigner
    {
        // GB/T 32918.5-2017, the recommended curve.
        private static readonly BigInteger P = Hex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF");
        private static readonly BigInteger A = P - 3;
        private static readonly BigInteger B = Hex("28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93");
        private static readonly BigInteger N = Hex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123");
        private static readonly (BigInteger X, BigInteger Y) G = (
            Hex("32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"),
            Hex("BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"));

        private readonly byte[] _seed;
        private readonly BigInteger _d;
        private readonly byte[] _public;

        public Sm2Signer(string seed)
        {
            _seed = SHA256.HashData(Encoding.UTF8.GetBytes(seed));
            _d = new BigInteger(_seed, isUnsigned: true, isBigEndian: true) % (N - 2) + 1;
            var (x, y) = Multiply(_d, G)!.Value;
            _public = [4, .. Fixed(x, bigEndian: true), .. Fixed(y, bigEndian: true)];
        }

        public KeyAlgorithm Algorithm => KeyAlgorithm.Sm2;

        public ReadOnlyMemory<byte> PublicKey => _public;

        public byte[] Sign(ReadOnlySpan<byte> message)
        {
            byte[] id = [0x00, 0x80, .. "1234567812345678"u8];
            byte[] za = [.. id, .. Big(A), .. Big(B), .. Big(G.X), .. Big(G.Y), .. _public[1..]];
            byte[] toHash = [.. Suite.Sm.Hash(za).ToArray(), .. message];
            var e = Number(Suite.Sm.Hash(toHash).ToArray());
            byte[] nonceSeed = [.. _seed, .. toHash];
            var k = (Number(SHA256.HashData(nonceSeed)) % (N - 1)) + 1;
            var r = Mod(e + Multiply(k, G)!.Value.X, N);
            var s = Mod(BigInteger.ModPow(1 + _d, N - 2, N) * (k - (r * _d)), N);
            return r.IsZero || s.IsZero || r + k == N ? throw new InvalidOperationException("Another seed.") : [.. Big(r), .. Big(s)];
        }

        public void Dispose()
        {
        }

        private static byte[] Big(BigInteger value) => Fixed(value, bigEndian: true);

        private static BigInteger Number(byte[] bytes) => new(bytes, isUnsigned: true, isBigEndian: true);

        private static (BigInteger X, BigInteger Y)? Multiply(BigInteger k, (BigInteger X, BigInteger Y) point)
        {
            (BigInteger X, BigInteger Y)? sum = null;
            (BigInteger X, BigInteger Y)? power = point;
            for (; k > 0; k >>= 1)
            {
                sum = k.IsEven ? sum : Add(sum, power);
                power = Add(power, power);
            }

            return sum;
        }

        private static (BigInteger X, BigInteger Y)? Add((BigInteger X, BigInteger Y)? left, (BigInteger X, BigInteger Y)? right)
        {
            if (left is not { } a || right is not { } b)
            {
                return left ?? right;
            }

            if (a.X == b.X && a.Y != b.Y)
            {
                return null;
            }

            var slope = a == b
                ? Mod(((3 * a.X * a.X) + A) * BigInteger.ModPow(Mod(2 * a.Y, P), P - 2, P), P)
                : Mod((b.Y - a.Y) * BigInteger.ModPow(Mod(b.X - a.X, P), P - 2, P), P);
            var x = Mod((slope * slope) - a.X - b.X, P);
            return (x, Mod((slope * (a.X - x)) - a.Y, P));
        }
    }
}
