using System.Globalization;
using System.Numerics;

namespace Notary.Crypto.Tests;

public class Ed25519VerifierTests
{
    private static readonly BigInteger L = BigInteger.Parse("7237005577332262213973186563042994240857116359379907606001950938285454250989", CultureInfo.InvariantCulture);
    private static readonly byte[] Key = Convert.FromHexString("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");

    private static readonly byte[] Signature = Convert.FromHexString(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");

    private static readonly byte[] Message = [0x72];

    // RFC 8032 7.1, TEST SHA(abc): the message is 64 bytes; the others are in the self-test.
    [Fact]
    public void Ed25519_example_over_a_long_message_verifies()
    {
        var key = Convert.FromHexString("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf");
        var message = Convert.FromHexString("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
        var signature = Convert.FromHexString("dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704");
        Assert.Equal(SignatureFailure.None, SignatureVerifier.Check(KeyAlgorithm.Ed25519, key, message, signature));
    }

    [Fact]
    public void Ed25519_signature_is_refused_with_each_single_bit_changed()
    {
        Assert.Equal(SignatureFailure.None, SignatureVerifier.Check(KeyAlgorithm.Ed25519, Key, Message, Signature));
        for (var bit = 0; bit < 512; bit++)
        {
            var changed = Signature.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(SignatureFailure.None, SignatureVerifier.Check(KeyAlgorithm.Ed25519, Key, Message, changed));
        }
        for (var bit = 0; bit < 256; bit++)
        {
            var changed = Key.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(SignatureFailure.None, SignatureVerifier.Check(KeyAlgorithm.Ed25519, changed, Message, Signature));
        }
    }

    [Fact]
    public void Ed25519_S_at_or_above_the_order_is_refused()
    {
        var s = new BigInteger(Signature.AsSpan(32), isUnsigned: true);
        for (var i = 1; s + (i * L) < BigInteger.One << 256; i++)
        {
            var lifted = (s + (i * L)).ToByteArray(isUnsigned: true);
            byte[] changed = [.. Signature[..32], .. lifted, .. new byte[32 - lifted.Length]];
            Assert.Equal(SignatureFailure.OutOfRange, SignatureVerifier.Check(KeyAlgorithm.Ed25519, Key, Message, changed));
        }
    }

    // The eight torsion points and their non-canonical spellings, as in "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko 2020), table 6.
    [Theory]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000080")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000080")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")]
    [InlineData("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85")]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")]
    [InlineData("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa")]
    public void Ed25519_key_of_small_order_or_non_canonical_is_no_key(string hex)
    {
        var key = Convert.FromHexString(hex);
        Assert.False(Ed25519Verifier.IsUsableKey(key));
        // With the neutral element as key, R = neutral and S = 0 would be a signature of every message.
        byte[] signature = [1, .. new byte[63]];
        Assert.Equal(SignatureFailure.KeyNotOnCurve, SignatureVerifier.Check(KeyAlgorithm.Ed25519, key, Message, signature));
    }

    [Fact]
    public void Ed25519_bytes_of_another_length_or_off_the_curve_are_refused()
    {
        Assert.Equal(SignatureFailure.BadKeyLength, SignatureVerifier.Check(KeyAlgorithm.Ed25519, Key.AsSpan(1), Message, Signature));
        Assert.Equal(SignatureFailure.BadSignatureLength, SignatureVerifier.Check(KeyAlgorithm.Ed25519, Key, Message, Signature.AsSpan(0, 63)));
        Assert.Equal(SignatureFailure.BadSignatureLength, SignatureVerifier.Check(KeyAlgorithm.Ed25519, Key, Message, [.. Signature, 0]));
        // y = 2 is on no point.
        Assert.Equal(SignatureFailure.KeyNotOnCurve, SignatureVerifier.Check(KeyAlgorithm.Ed25519, [2, .. new byte[31]], Message, Signature));
        Assert.Equal(SignatureFailure.UnknownAlgorithm, SignatureVerifier.CheckDer(KeyAlgorithm.Ed25519, Key, Message, Signature));
    }
}
