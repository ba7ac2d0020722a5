using System.Formats.Asn1;
using System.Security.Cryptography;

namespace Notary.Crypto.Tests;

/// <summary>DER signatures and SubjectPublicKeyInfo: one encoding passes, every other has its reason.</summary>
public class EncodingTests
{
    private static readonly byte[] R = Convert.FromHexString("7f".PadRight(64, '1'));
    private static readonly byte[] S = Convert.FromHexString("80".PadRight(64, '2'));

    [Fact]
    public void SignatureDer_takes_back_what_it_gives()
    {
        var random = new Random(31);
        Span<byte> raw = stackalloc byte[64];
        for (var i = 0; i < 5000; i++)
        {
            var signature = new byte[64];
            random.NextBytes(signature.AsSpan(random.Next(32), 1));
            random.NextBytes(signature.AsSpan(random.Next(32), random.Next(1, 32)));
            random.NextBytes(signature.AsSpan(32 + random.Next(31)));
            var der = SignatureDer.FromRaw(signature);
            Assert.True(SignatureDer.TryToRaw(der, raw));
            Assert.Equal(signature, raw.ToArray());
            Assert.True(der.Length <= SignatureDer.MaxSize);
            // The base library's writer agrees.
            var writer = new AsnWriter(AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                writer.WriteIntegerUnsigned(Shortest(signature.AsSpan(0, 32)));
                writer.WriteIntegerUnsigned(Shortest(signature.AsSpan(32)));
            }
            Assert.Equal(writer.Encode(), der);
        }
    }

    public static TheoryData<string, string> NotCanonical => new()
    {
        { "empty", "" },
        { "sequence of nothing", "3000" },
        { "one integer", "3003020101" },
        { "three integers", "3009020101020101020101" },
        { "trailing byte outside", "300602010102010100" },
        { "trailing byte inside", "300702010102010100" },
        { "sequence too long", "3007020101020101" },
        { "sequence too short", "3005020101020101" },
        { "long form of the sequence's length", "308106020101020101" },
        { "long form in two bytes", "30820006020101020101" },
        { "indefinite length", "30800201010201010000" },
        { "long form of an integer's length", "300702810101020101" },
        { "empty integer", "30050200020101" },
        { "needless zero", "300702020001020101" },
        { "needless zero in s", "300702010102020001" },
        { "two zeros before a high bit", "30080203000080020101" },
        { "negative r", "3006020181020101" },
        { "negative s", "30060201010201ff" },
        { "set instead of sequence", "3106020101020101" },
        { "octet string instead of integer", "3006040101020101" },
        { "enumerated instead of integer", "3006020101" + "0a0101" },
        { "integer longer than its sequence", "3006020101020201" },
        { "r above 2^256", "3026" + "0221" + "01" + new string('0', 64) + "020101" },
        { "r of 34 bytes", "3027" + "0222" + "00" + "ff".PadRight(66, 'f') + "020101" },
    };

    [Theory]
    [MemberData(nameof(NotCanonical))]
    public void SignatureDer_refuses_any_other_encoding(string name, string hex)
    {
        Span<byte> raw = stackalloc byte[64];
        Assert.False(SignatureDer.TryToRaw(Convert.FromHexString(hex), raw), name);
        foreach (var algorithm in new[] { KeyAlgorithm.Sm2, KeyAlgorithm.P256 })
        {
            Assert.Equal(SignatureFailure.NotCanonicalDer, SignatureVerifier.CheckDer(algorithm, new byte[65], [], Convert.FromHexString(hex)));
        }
    }

    [Fact]
    public void P256_takes_the_canonical_DER_of_a_signature_and_none_of_its_variants()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var q = key.ExportParameters(false).Q;
        byte[] publicKey = [4, .. q.X!, .. q.Y!];
        var message = "message"u8.ToArray();
        for (var i = 0; i < 40; i++)
        {
            var der = key.SignData(message, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
            Assert.Equal(SignatureFailure.None, SignatureVerifier.CheckDer(KeyAlgorithm.P256, publicKey, message, der));
            // Each of these the base library or others have been known to take.
            byte[] longForm = [0x30, 0x81, .. der[1..]];
            byte[] trailing = [.. der, 0];
            byte[] padded = [0x30, (byte)(der[1] + 1), 2, (byte)(der[3] + 1), 0, .. der[4..]];
            byte[] unsigned = der[4] == 0 ? [0x30, (byte)(der[1] - 1), 2, (byte)(der[3] - 1), .. der[5..]] : trailing;
            foreach (var bad in new[] { longForm, trailing, padded, unsigned, der[..^1] })
            {
                Assert.Equal(SignatureFailure.NotCanonicalDer, SignatureVerifier.CheckDer(KeyAlgorithm.P256, publicKey, message, bad));
            }
        }
    }

    [Fact]
    public void P256_keys_and_numbers_out_of_range_are_refused_with_their_reason()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var q = key.ExportParameters(false).Q;
        byte[] publicKey = [4, .. q.X!, .. q.Y!];
        var signature = key.SignData("m"u8.ToArray(), HashAlgorithmName.SHA256);
        var order = Convert.FromHexString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
        Assert.Equal(SignatureFailure.None, Check(publicKey, signature));
        Assert.Equal(SignatureFailure.OutOfRange, Check(publicKey, [.. new byte[32], .. signature[32..]]));
        Assert.Equal(SignatureFailure.OutOfRange, Check(publicKey, [.. signature[..32], .. new byte[32]]));
        Assert.Equal(SignatureFailure.OutOfRange, Check(publicKey, [.. order, .. signature[32..]]));
        Assert.Equal(SignatureFailure.OutOfRange, Check(publicKey, [.. signature[..32], .. order]));
        Assert.Equal(SignatureFailure.Mismatch, Check(publicKey, [.. R, .. signature[32..]]));
        Assert.Equal(SignatureFailure.BadSignatureLength, Check(publicKey, signature[..63]));
        Assert.Equal(SignatureFailure.BadKeyLength, Check(publicKey[..33], signature));
        var off = publicKey.ToArray();
        off[64] ^= 1;
        Assert.Equal(SignatureFailure.KeyNotOnCurve, Check(off, signature));
        // A key of the SM2 curve is not a key of P-256, whatever the base library makes of it.
        Assert.Equal(SignatureFailure.KeyNotOnCurve, Check(Sm2Reference.G.Encode(), signature));
        for (var bit = 0; bit < 512; bit += Limits.Long ? 1 : 7)
        {
            var changed = signature.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(SignatureFailure.None, Check(publicKey, changed));
        }

        static SignatureFailure Check(byte[] key, byte[] signature) => SignatureVerifier.Check(KeyAlgorithm.P256, key, "m"u8, signature);
    }

    private const string Ec = "1.2.840.10045.2.1";
    private const string Sm2 = "1.2.156.10197.1.301";
    private const string P256 = "1.2.840.10045.3.1.7";

    [Fact]
    public void PublicKeyInfo_takes_both_SM2_spellings_and_only_P256_beside_them()
    {
        var point = Sm2Reference.G.Encode();
        Assert.Equal((PublicKeyFailure.None, KeyAlgorithm.Sm2), Parse(Spki(Ec, Sm2, point)));
        Assert.Equal((PublicKeyFailure.None, KeyAlgorithm.Sm2), Parse(Spki(Sm2, null, point)));
        Assert.Equal((PublicKeyFailure.None, KeyAlgorithm.Sm2), Parse(Spki(Sm2, "NULL", point)));
        Assert.Equal((PublicKeyFailure.None, KeyAlgorithm.Sm2), Parse(Spki(Sm2, Sm2, point)));
        Assert.Equal(PublicKeyFailure.CurveMismatch, Parse(Spki(Sm2, P256, point)).Failure);
        Assert.Equal(PublicKeyFailure.NotOnCurve, Parse(Spki(Ec, P256, point)).Failure);
        Assert.Equal(PublicKeyFailure.UnknownCurve, Parse(Spki(Ec, null, point)).Failure);
        Assert.Equal(PublicKeyFailure.UnknownCurve, Parse(Spki(Ec, "NULL", point)).Failure);
        // secp256k1, P-384, brainpoolP256r1
        Assert.Equal(PublicKeyFailure.UnknownCurve, Parse(Spki(Ec, "1.3.132.0.10", point)).Failure);
        Assert.Equal(PublicKeyFailure.UnknownCurve, Parse(Spki(Ec, "1.3.132.0.34", point)).Failure);
        Assert.Equal(PublicKeyFailure.UnknownCurve, Parse(Spki(Ec, "1.3.36.3.3.2.8.1.1.7", point)).Failure);
        // RSA, Ed448, X25519
        Assert.Equal(PublicKeyFailure.UnknownAlgorithm, Parse(Spki("1.2.840.113549.1.1.1", null, point)).Failure);
        Assert.Equal(PublicKeyFailure.UnknownAlgorithm, Parse(Spki("1.3.101.113", null, point)).Failure);
        Assert.Equal(PublicKeyFailure.UnknownAlgorithm, Parse(Spki("1.3.101.110", null, new byte[32])).Failure);
        Assert.Equal(PublicKeyFailure.NotUncompressed, Parse(Spki(Ec, Sm2, [2, .. point[1..33]])).Failure);
        Assert.Equal(PublicKeyFailure.NotUncompressed, Parse(Spki(Ec, Sm2, point[..64])).Failure);
        Assert.Equal(PublicKeyFailure.NotUncompressed, Parse(Spki("1.3.101.112", null, new byte[31])).Failure);
        Assert.Equal(PublicKeyFailure.NotOnCurve, Parse(Spki("1.3.101.112", null, new byte[32])).Failure);
        // RFC 8410 3: the parameters of Ed25519 must be absent.
        Assert.Equal(PublicKeyFailure.NotDer, Parse(Spki("1.3.101.112", "NULL", new byte[32])).Failure);
        Assert.Equal(PublicKeyFailure.NotDer, Parse([.. Spki(Ec, Sm2, point), 0]).Failure);
    }

    [Fact]
    public void PublicKeyInfo_of_the_base_library_parses_for_P256_and_not_for_another_curve()
    {
        using var p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Equal((PublicKeyFailure.None, KeyAlgorithm.P256), Parse(p256.ExportSubjectPublicKeyInfo()));
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.Equal(PublicKeyFailure.UnknownCurve, Parse(p384.ExportSubjectPublicKeyInfo()).Failure);
        using var explicitCurve = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var parameters = explicitCurve.ExportExplicitParameters(false);
        using var again = ECDsa.Create(parameters);
        Assert.Equal(PublicKeyFailure.UnknownCurve, Parse(again.ExportSubjectPublicKeyInfo()).Failure);
    }

    [Fact]
    public void Parsers_answer_any_bytes_with_a_reason()
    {
        var random = new Random(32);
        byte[][] seeds = [Spki(Ec, Sm2, Sm2Reference.G.Encode()), Spki(Sm2, "NULL", Sm2Reference.G.Encode()), SignatureDer.FromRaw([.. R, .. S]), new byte[65], [4, .. new byte[64]], new byte[32]];
        var raw = new byte[64];
        var rounds = Limits.Long ? 200_000 : 3_000;
        for (var i = 0; i < rounds; i++)
        {
            var bytes = Mutation(random, seeds[random.Next(seeds.Length)]);
            PublicKeyInfo.TryParse(bytes, out _, out _);
            SignatureDer.TryToRaw(bytes, raw);
            var other = Mutation(random, seeds[random.Next(seeds.Length)]);
            for (var algorithm = 0; algorithm < 5; algorithm++)
            {
                Assert.NotEqual(SignatureFailure.None, SignatureVerifier.Check((KeyAlgorithm)algorithm, bytes, other, Mutation(random, raw)));
                Assert.NotEqual(SignatureFailure.None, SignatureVerifier.CheckDer((KeyAlgorithm)algorithm, bytes, other, Mutation(random, seeds[2])));
            }
        }
    }

    private static byte[] Mutation(Random random, byte[] seed)
    {
        var bytes = seed.ToList();
        for (var n = random.Next(1, 5); n > 0; n--)
        {
            switch (random.Next(4))
            {
                case 0 when bytes.Count > 0:
                    bytes[random.Next(bytes.Count)] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when bytes.Count > 0:
                    bytes.RemoveAt(random.Next(bytes.Count));
                    break;
                case 2:
                    bytes.Insert(random.Next(bytes.Count + 1), (byte)random.Next(256));
                    break;
                default:
                    bytes = bytes.Take(random.Next(bytes.Count + 1)).ToList();
                    break;
            }
        }
        return [.. bytes];
    }

    private static (PublicKeyFailure Failure, KeyAlgorithm Algorithm) Parse(byte[] spki)
        => (PublicKeyInfo.TryParse(spki, out var algorithm, out _), algorithm);

    private static byte[] Spki(string algorithm, string? parameters, byte[] bits)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(algorithm);
                if (parameters == "NULL")
                {
                    writer.WriteNull();
                }
                else if (parameters is not null)
                {
                    writer.WriteObjectIdentifier(parameters);
                }
            }
            writer.WriteBitString(bits);
        }
        return writer.Encode();
    }

    private static byte[] Shortest(ReadOnlySpan<byte> number)
    {
        while (number.Length > 1 && number[0] == 0)
        {
            number = number[1..];
        }
        return number.ToArray();
    }
}
