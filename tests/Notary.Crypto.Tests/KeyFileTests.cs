using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.Pkcs;
using Notary.Crypto.Keys;

namespace Notary.Crypto.Tests;

public class KeyFileTests
{
    private const string Drawn = "0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData(KeyAlgorithm.Sm2)]
    [InlineData(KeyAlgorithm.Ed25519)]
    [InlineData(KeyAlgorithm.P256)]
    public void KeyFile_loads_what_it_created_and_keeps_it_to_the_owner(KeyAlgorithm algorithm)
    {
        using var folder = new TestFolder();
        var path = folder["key.pem"];
        using var created = KeyFile.Create(path, algorithm, "pass word");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.StartsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", File.ReadAllText(path), StringComparison.Ordinal);
        using var loaded = KeyFile.Load(path, "pass word");
        Assert.Equal(algorithm, loaded.Algorithm);
        Assert.Equal(created.PublicKey.ToArray(), loaded.PublicKey.ToArray());
        Assert.True(SignatureVerifier.Verify(algorithm, created.PublicKey.Span, "m"u8, loaded.Sign("m"u8)));

        // The same file in OpenSSL's hands, with its rounds.
        folder.Run("openssl", "pkey -in key.pem -passin \"pass:pass word\" -pubout -outform DER -out pub.der");
        Assert.Equal(PublicKeyFailure.None, PublicKeyInfo.TryParse(File.ReadAllBytes(folder["pub.der"]), out var found, out var key));
        Assert.Equal((algorithm, Convert.ToHexString(created.PublicKey.Span)), (found, Convert.ToHexString(key)));
        Assert.Contains("0927C0", folder.Run("openssl", "asn1parse -in key.pem"), StringComparison.Ordinal);

        Assert.Equal(KeyFileFailure.WrongPassword, Failure(() => KeyFile.Load(path, "pass  word")));
        Assert.Equal(KeyFileFailure.WrongPassword, Failure(() => KeyFile.Load(path, "")));
        Assert.Equal(KeyFileFailure.OtherKind, Failure(() => SymmetricKeyFile.Load(path, "pass word")));
        var bytes = File.ReadAllBytes(path);
        Assert.Equal(KeyFileFailure.Exists, Failure(() => KeyFile.Create(path, algorithm, "other")));
        Assert.Equal(KeyFileFailure.Exists, Failure(() => SymmetricKeyFile.Create(path, 32, "other")));
        Assert.Equal(bytes, File.ReadAllBytes(path));
    }

    [Fact]
    public void SymmetricKeyFile_loads_what_it_created()
    {
        using var folder = new TestFolder();
        var path = folder["wrapping.key"];
        var created = SymmetricKeyFile.Create(path, 32, "secret");
        Assert.Equal(32, created.Length);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(created, SymmetricKeyFile.Load(path, "secret"));
        Assert.Equal(KeyFileFailure.WrongPassword, Failure(() => SymmetricKeyFile.Load(path, "Secret")));
        Assert.Equal(KeyFileFailure.OtherKind, Failure(() => KeyFile.Load(path, "secret")));
        Assert.NotEqual(created, SymmetricKeyFile.Create(folder["second"], 32, "secret"));
        Assert.Throws<ArgumentOutOfRangeException>(() => SymmetricKeyFile.Create(folder["short"], 15, "secret"));
    }

    [Fact]
    public void Files_that_are_missing_open_or_no_keys_are_refused_with_their_reason()
    {
        using var folder = new TestFolder();
        Assert.Equal(KeyFileFailure.Missing, Failure(() => KeyFile.Load(folder["none"], "x")));
        Assert.Equal(KeyFileFailure.Missing, Failure(() => KeyFile.Load(folder["none/none"], "x")));
        Assert.Equal(KeyFileFailure.Inaccessible, Failure(() => KeyFile.Create(folder["none/key"], KeyAlgorithm.P256, "x")));
        Assert.Equal(KeyFileFailure.Inaccessible, Failure(() => KeyFile.Load(folder.Path, "x")));

        var path = folder["key"];
        KeyFile.Create(path, KeyAlgorithm.P256, "x").Dispose();
        var text = File.ReadAllText(path);
        foreach (var mode in new[] { UnixFileMode.GroupRead, UnixFileMode.OtherRead, UnixFileMode.GroupWrite, UnixFileMode.OtherWrite })
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | mode);
            Assert.Equal(KeyFileFailure.PermissionsTooOpen, Failure(() => KeyFile.Load(path, "x")));
        }
        File.SetUnixFileMode(path, UnixFileMode.UserRead);
        KeyFile.Load(path, "x").Dispose();
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);

        foreach (var bad in new[]
        {
            "", "no key", text[..^40], text.Replace("ENCRYPTED ", "", StringComparison.Ordinal), text + text, "junk\n" + text, text + "junk", text.Replace("\nMI", "\nNI", StringComparison.Ordinal),
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n", new string('x', 100_000),
        })
        {
            File.WriteAllText(path, bad);
            Assert.Equal(KeyFileFailure.NotAKeyFile, Failure(() => KeyFile.Load(path, "x")));
        }
    }

    [Fact]
    public void Keys_written_by_openssl_load_when_they_are_stretched_enough()
    {
        using var folder = new TestFolder();
        folder.Run("openssl", "genpkey -algorithm SM2 -out sm2.pem");
        folder.Run("openssl", "genpkey -algorithm ED25519 -out ed25519.pem");
        folder.Run("openssl", "genpkey -algorithm RSA -out rsa.pem");
        folder.Run("openssl", "ecparam -name secp256k1 -genkey -noout -out k1.pem");
        foreach (var name in new[] { "sm2", "ed25519", "rsa", "k1" })
        {
            folder.Run("openssl", $"pkcs8 -topk8 -in {name}.pem -out {name}.key -passout pass:x -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 20000");
            File.SetUnixFileMode(folder[name + ".key"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        using var sm2 = KeyFile.Load(folder["sm2.key"], "x");
        Assert.Equal(KeyAlgorithm.Sm2, sm2.Algorithm);
        using var ed25519 = KeyFile.Load(folder["ed25519.key"], "x");
        Assert.Equal(KeyAlgorithm.Ed25519, ed25519.Algorithm);
        Assert.Equal(KeyFileFailure.OtherKind, Failure(() => KeyFile.Load(folder["rsa.key"], "x")));
        Assert.Equal(KeyFileFailure.OtherKind, Failure(() => KeyFile.Load(folder["k1.key"], "x")));

        folder.Run("openssl", "pkcs8 -topk8 -in sm2.pem -out weak.key -passout pass:x -v2 aes-256-cbc -iter 2048");
        File.SetUnixFileMode(folder["weak.key"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(KeyFileFailure.UnsupportedEncryption, Failure(() => KeyFile.Load(folder["weak.key"], "x")));
        folder.Run("openssl", "pkcs8 -topk8 -in sm2.pem -out old.key -passout pass:x -v1 PBE-SHA1-3DES");
        File.SetUnixFileMode(folder["old.key"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(KeyFileFailure.UnsupportedEncryption, Failure(() => KeyFile.Load(folder["old.key"], "x")));
    }

    [Theory]
    [InlineData(Drawn, 10_000)]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdeF", 600_000)]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0", 600_000)]
    [InlineData("pass word", 600_000)]
    public void Only_what_can_have_been_drawn_is_stretched_less(string password, int rounds)
    {
        using var folder = new TestFolder();
        KeyFile.Create(folder["key"], KeyAlgorithm.Ed25519, password).Dispose();

        // EncryptedPrivateKeyInfo → AlgorithmIdentifier → PBES2-params → keyDerivationFunc → PBKDF2-params → iterationCount
        var kdf = new AsnReader(Der(folder["key"]), AsnEncodingRules.DER).ReadSequence().ReadSequence();
        kdf.ReadObjectIdentifier();
        var derivation = kdf.ReadSequence().ReadSequence();
        derivation.ReadObjectIdentifier();
        var parameters = derivation.ReadSequence();
        parameters.ReadOctetString();
        Assert.True(parameters.TryReadInt32(out var found));
        Assert.Equal(rounds, found);
        using var loaded = KeyFile.Load(folder["key"], password);
    }

    [Fact]
    public void Damaged_files_end_in_a_reason_and_never_in_another_key()
    {
        using var folder = new TestFolder();
        using var key = KeyFile.Create(folder["signing"], KeyAlgorithm.Ed25519, Drawn);
        var symmetric = SymmetricKeyFile.Create(folder["symmetric"], 32, Drawn);
        var signing = Der(folder["signing"]);
        var wrapping = Der(folder["symmetric"]);
        var random = new Random(41);
        for (var i = 0; i < (Limits.Long ? 5_000 : 150); i++)
        {
            var name = i % 2 == 0 ? "signing" : "symmetric";
            var der = (name == "signing" ? signing : wrapping).ToArray();
            // Mostly in the ciphertext, which ends the file.
            der[random.Next(i % 3 == 0 ? 0 : der.Length - 130, der.Length)] ^= (byte)(1 << random.Next(8));
            var path = folder["damaged"];
            File.WriteAllText(path, PemEncoding.WriteString("ENCRYPTED PRIVATE KEY", i % 20 == 0 ? der.AsSpan(0, random.Next(der.Length)) : der));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            try
            {
                if (name == "signing")
                {
                    using var loaded = KeyFile.Load(path, Drawn);
                    Assert.Equal(key.PublicKey.ToArray(), loaded.PublicKey.ToArray());
                }
                else
                {
                    Assert.Equal(symmetric, SymmetricKeyFile.Load(path, Drawn));
                }
            }
            catch (KeyFileException e)
            {
                Assert.NotEqual(KeyFileFailure.Missing, e.Failure);
            }
        }
    }

        private static byte[] Der(string path) => Convert.FromBase64String(string.Concat(File.ReadAllLines(path)[1..^1]));

private static KeyFileFailure Failure(Action action)
    {
        var exception = Assert.Throws<KeyFileException>(action);
        Assert.DoesNotContain("pass word", exception.Message, StringComparison.Ordinal);
        return exception.Failure;
    }
}
