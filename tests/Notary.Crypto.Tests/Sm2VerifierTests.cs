using System.Numerics;
using static Notary.Crypto.Tests.Sm2Reference;

namespace Notary.Crypto.Tests;

public class Sm2VerifierTests
{
    private static readonly byte[] Key = Convert.FromHexString(
        "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13");

    private static readonly byte[] Signature = Convert.FromHexString(
        "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA");

    private static readonly byte[] Message = "message digest"u8.ToArray();

    [Fact]
    public void Sm2_example_of_the_standard_verifies_raw_and_as_DER()
    {
        Assert.Equal(SignatureFailure.None, SignatureVerifier.Check(KeyAlgorithm.Sm2, Key, Message, Signature));
        Assert.Equal(SignatureFailure.None, SignatureVerifier.CheckDer(KeyAlgorithm.Sm2, Key, Message, SignatureDer.FromRaw(Signature)));
    }

    [Fact]
    public void Sm2_signature_is_refused_with_each_single_bit_changed()
    {
        for (var bit = 0; bit < 512; bit++)
        {
            var changed = Signature.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(SignatureFailure.None, SignatureVerifier.Check(KeyAlgorithm.Sm2, Key, Message, changed));
        }
        for (var bit = 0; bit < 8 * 65; bit++)
        {
            var changed = Key.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(SignatureFailure.None, SignatureVerifier.Check(KeyAlgorithm.Sm2, changed, Message, Signature));
        }
        for (var bit = 0; bit < 8 * Message.Length; bit++)
        {
            var changed = Message.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(SignatureFailure.Mismatch, SignatureVerifier.Check(KeyAlgorithm.Sm2, Key, changed, Signature));
        }
    }

    [Fact]
    public void Sm2_signature_is_refused_under_another_id()
    {
        Assert.Equal(SignatureFailure.Mismatch, Sm2Verifier.Verify(Key, Message, Signature, ""u8));
        Assert.Equal(SignatureFailure.Mismatch, Sm2Verifier.Verify(Key, Message, Signature, "1234567812345679"u8));
        Assert.Equal(SignatureFailure.BadId, Sm2Verifier.Verify(Key, Message, Signature, new byte[8192]));
    }

    [Fact]
    public void Sm2_numbers_out_of_range_are_refused()
    {
        // With a chosen digest any pair (r, s) can be made valid; here both are small, so that adding n still fits into 32 bytes.
        var random = new Random(7);
        var (r, s, k) = (new BigInteger(12345), new BigInteger(99991), Sm2Reference.Random(random));
        var d = Mod((k - s) * Invert(s + r, N), N);
        var q = Multiply(d, G)!;
        var e = Mod(r - Multiply(k, G)!.X, N);
        Assert.True(Sm2Reference.Verify(q, e, r, s));
        Assert.Equal(SignatureFailure.None, Check(q, e, r, s));
        Assert.Equal(SignatureFailure.OutOfRange, Check(q, e, r + N, s));
        Assert.Equal(SignatureFailure.OutOfRange, Check(q, e, r, s + N));
        Assert.Equal(SignatureFailure.OutOfRange, Check(q, e, 0, s));
        Assert.Equal(SignatureFailure.OutOfRange, Check(q, e, r, 0));
        Assert.Equal(SignatureFailure.OutOfRange, Check(q, e, N, s));
        Assert.Equal(SignatureFailure.OutOfRange, Check(q, e, r, N));
        Assert.Equal(SignatureFailure.OutOfRange, Check(q, e, r, N - r));
        Assert.Equal(SignatureFailure.Mismatch, Check(q, e, N - r, s));
        Assert.Equal(SignatureFailure.Mismatch, Check(q, e, r, N - s));
        // The digest itself may lie above n: it is reduced.
        Assert.Equal(SignatureFailure.None, e + N < BigInteger.One << 256 ? Check(q, e + N, r, s) : SignatureFailure.None);
    }

    [Fact]
    public void Sm2_x_coordinate_between_n_and_p_is_reduced()
    {
        var random = new Random(8);
        for (var i = 0; i < 4; i++)
        {
            var point = WithX(N + (i * 1000));
            Assert.True(point.X > N - 1 && point.X < P);
            var (s, t) = (Sm2Reference.Random(random), Sm2Reference.Random(random));
            var q = Multiply(Invert(t, N), Add(point, Multiply(s, G)!.Negate()))!;
            var r = Mod(t - s, N);
            var e = Mod(r - point.X, N);
            Assert.True(Sm2Reference.Verify(q, e, r, s));
            Assert.Equal(SignatureFailure.None, Check(q, e, r, s));
            Assert.Equal(SignatureFailure.Mismatch, Check(q, Mod(e + 1, N), r, s));
        }
    }

    [Fact]
    public void Sm2_keys_that_are_small_multiples_of_the_base_point_agree_with_the_reference()
    {
        var random = new Random(9);
        for (var k = 2; k <= (Limits.Long ? 41 : 11); k++)
        {
            var point = Multiply(k / 2, G)!;
            var q = k % 2 == 0 ? point : point.Negate();
            var d = k % 2 == 0 ? new BigInteger(k / 2) : Mod(-(k / 2), N);
            foreach (var s in new[] { BigInteger.One, N - 1, Sm2Reference.Random(random) })
            {
                foreach (var t in new[] { BigInteger.One, N - 1, Sm2Reference.Random(random), s, Mod(-s * Invert(d, N), N), Mod(s * Invert(d, N), N) })
                {
                    var r = Mod(t - s, N);
                    if (r.IsZero)
                    {
                        continue;
                    }
                    var sum = Add(Multiply(s, G), Multiply(t, q));
                    var e = sum is null ? BigInteger.One : Mod(r - sum.X, N);
                    Assert.Equal(sum is not null, Check(q, e, r, s) == SignatureFailure.None);
                    Assert.NotEqual(SignatureFailure.None, Check(q, Mod(e + 1, N), r, s));
                }
            }
        }
    }

    [Fact]
    public void Sm2_keys_off_the_curve_or_in_another_form_are_refused()
    {
        var off = Key.ToArray();
        off[64] ^= 1;
        Assert.Equal(SignatureFailure.KeyNotOnCurve, SignatureVerifier.Check(KeyAlgorithm.Sm2, off, Message, Signature));
        // y + p: the same residue, another encoding.
        var small = WithX(1);
        var lifted = small.X + P;
        Assert.Equal(PublicKeyFailure.None, PublicKeyInfo.Check(KeyAlgorithm.Sm2, small.Encode()));
        Assert.Equal(PublicKeyFailure.NotOnCurve, PublicKeyInfo.Check(KeyAlgorithm.Sm2, [4, .. Bytes(lifted), .. Bytes(small.Y)]));
        Assert.Equal(SignatureFailure.KeyNotOnCurve, SignatureVerifier.Check(KeyAlgorithm.Sm2, [4, .. new byte[64]], Message, Signature));
        Assert.Equal(SignatureFailure.BadKeyLength, SignatureVerifier.Check(KeyAlgorithm.Sm2, Key.AsSpan(1), Message, Signature));
        Assert.Equal(SignatureFailure.BadKeyLength, SignatureVerifier.Check(KeyAlgorithm.Sm2, [2, .. Key[1..33]], Message, Signature));
        Assert.Equal(SignatureFailure.BadKeyLength, SignatureVerifier.Check(KeyAlgorithm.Sm2, [6, .. Key[1..]], Message, Signature));
        Assert.Equal(SignatureFailure.BadSignatureLength, SignatureVerifier.Check(KeyAlgorithm.Sm2, Key, Message, Signature.AsSpan(0, 63)));
        Assert.Equal(SignatureFailure.BadSignatureLength, SignatureVerifier.Check(KeyAlgorithm.Sm2, Key, Message, [.. Signature, 0]));
        Assert.Equal(SignatureFailure.UnknownAlgorithm, SignatureVerifier.Check((KeyAlgorithm)0, Key, Message, Signature));
    }

    private static SignatureFailure Check(Point q, BigInteger e, BigInteger r, BigInteger s)
        => Sm2Verifier.Verify(q.Encode(), Hash32.FromSpan(Bytes(e)), [.. Bytes(r), .. Bytes(s)]);
}
