using System.Security.Cryptography;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;

namespace Notary.Crypto.Tests;

/// <summary>libcrypto and the base library sign, managed code verifies, over many keys and messages.</summary>
public class CrossSignatureTests
{
    [Theory]
    [InlineData(KeyAlgorithm.Sm2)]
    [InlineData(KeyAlgorithm.Ed25519)]
    public void Signatures_of_libcrypto_verify_and_their_variants_do_not(KeyAlgorithm algorithm)
    {
        var random = new Random(11);
        var keys = Limits.Long ? 2000 : 40;
        for (var i = 0; i < keys; i++)
        {
            using var signer = NativeSigner.Generate(algorithm);
            var key = signer.PublicKey.Span;
            for (var j = 0; j < 4; j++)
            {
                var message = new byte[random.Next(0, 300)];
                random.NextBytes(message);
                var signature = signer.Sign(message);
                Assert.Equal(64, signature.Length);
                Assert.Equal(SignatureFailure.None, SignatureVerifier.Check(algorithm, key, message, signature));
                signature[random.Next(64)] ^= (byte)(1 << random.Next(8));
                Assert.NotEqual(SignatureFailure.None, SignatureVerifier.Check(algorithm, key, message, signature));
            }
            Assert.Equal(PublicKeyFailure.None, PublicKeyInfo.TryParse(PublicKeyInfo.Format(algorithm, key), out var found, out var parsed));
            Assert.Equal(algorithm, found);
            Assert.Equal(key.ToArray(), parsed);
        }
    }

    [Fact]
    public void Signature_by_the_openssl_command_verifies_and_ours_verifies_there()
    {
        using var folder = new TestFolder();
        folder.Run("openssl", "genpkey -algorithm SM2 -out key.pem");
        folder.Run("openssl", "pkey -in key.pem -pubout -outform DER -out pub.der");
        folder.Run("openssl", "pkey -in key.pem -pubout -out pub.pem");
        File.WriteAllText(folder["message"], "message digest");
        folder.Run("openssl", "dgst -sm3 -sign key.pem -sigopt distid:1234567812345678 -out signature message");
        Assert.Equal(PublicKeyFailure.None, PublicKeyInfo.TryParse(File.ReadAllBytes(folder["pub.der"]), out var algorithm, out var key));
        Assert.Equal(KeyAlgorithm.Sm2, algorithm);
        Assert.True(SignatureVerifier.VerifyDer(KeyAlgorithm.Sm2, key, "message digest"u8, File.ReadAllBytes(folder["signature"])));

        using var signer = NativeSigner.Generate(KeyAlgorithm.Sm2);
        File.WriteAllBytes(folder["ours.sig"], SignatureDer.FromRaw(signer.Sign("message digest"u8)));
        File.WriteAllText(folder["ours.pem"], PemEncoding.WriteString("PUBLIC KEY", PublicKeyInfo.Format(KeyAlgorithm.Sm2, signer.PublicKey.Span)));
        folder.Run("openssl", "dgst -sm3 -verify ours.pem -sigopt distid:1234567812345678 -signature ours.sig message");
    }

    [Fact]
    public void Signers_work_from_many_threads()
    {
        using var folder = new TestFolder();
        foreach (var algorithm in new[] { KeyAlgorithm.Sm2, KeyAlgorithm.Ed25519, KeyAlgorithm.P256 })
        {
            using var signer = KeyFile.Create(folder[algorithm.ToString()], algorithm, "secret");
            Parallel.For(0, 60, i =>
            {
                var message = BitConverter.GetBytes(i);
                Assert.True(SignatureVerifier.Verify(algorithm, signer.PublicKey.Span, message, signer.Sign(message)));
            });
        }
    }
}
