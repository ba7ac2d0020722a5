using System.Text;
using Notary.Crypto;

namespace Notary.Ledger.Tests;

public sealed class NoteKeyTests
{
    private const string Point = "0432c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0";
    private const string Ed = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    public static TheoryData<string> Suites => ["intl", "sm"];

    [Theory]
    [InlineData(NoteKeyType.Ed25519, Ed, "af8c9e60", "01")]
    [InlineData(NoteKeyType.Ed25519Cosignature, Ed, "ee474ce8", "04")]
    [InlineData(NoteKeyType.Sm2Note, Point, "938a31bb", "ff6e6f746172792f736d322d6e6f74652f7631")]
    [InlineData(NoteKeyType.Sm2Cosignature, Point, "709c9333", "ff6e6f746172792f736d322d636f7369676e61747572652f7631")]
    public void Type_bytes_and_key_ids_are_frozen(NoteKeyType type, string publicKey, string id, string identifier)
    {
        var key = NoteKey.Create("region.example/log", type, Convert.FromHexString(publicKey));
        Assert.Equal(identifier, Convert.ToHexStringLower(NoteKey.TypeIdentifier(type)));
        Assert.Equal(id, key.KeyId.ToString("x8", null));
        Assert.Equal($"region.example/log+{id}+{Convert.ToBase64String(Convert.FromHexString(identifier + publicKey))}", key.Format());
        Assert.Equal(NoteKeyProblem.None, NoteKey.TryParse(key.Format(), out var back));
        Assert.Equal(key, back);
        Assert.Equal(type, back!.Type);
    }

    [Theory]
    [InlineData("", NoteKeyProblem.Malformed)]
    [InlineData("name", NoteKeyProblem.Malformed)]
    [InlineData("name+530d903a", NoteKeyProblem.Malformed)]
    [InlineData("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", NoteKeyProblem.BadName)]
    [InlineData("example .com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", NoteKeyProblem.BadName)]
    [InlineData("example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", NoteKeyProblem.BadKeyId)]
    [InlineData("example.com/foo+530d903+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", NoteKeyProblem.BadKeyId)]
    [InlineData("example.com/foo+0x530d90+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", NoteKeyProblem.BadKeyId)]
    [InlineData("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2", NoteKeyProblem.BadBase64)]
    [InlineData("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k ", NoteKeyProblem.BadBase64)]
    [InlineData("example.com/foo+530d903a+", NoteKeyProblem.UnknownType)]
    [InlineData("example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", NoteKeyProblem.UnknownType)]
    [InlineData("example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", NoteKeyProblem.UnknownType)]
    [InlineData("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv", NoteKeyProblem.BadKey)]
    [InlineData("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", NoteKeyProblem.KeyIdMismatch)]
    [InlineData("example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", NoteKeyProblem.KeyIdMismatch)]
    [InlineData("example.com/foo+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", NoteKeyProblem.KeyIdMismatch)]
    public void Verifier_key_is_read_strictly(string vkey, NoteKeyProblem problem)
    {
        Assert.Equal(problem, NoteKey.TryParse(vkey, out var key));
        Assert.Null(key);
    }

    [Fact]
    public void Compressed_or_wrapped_SM2_points_are_no_keys()
    {
        var point = Convert.FromHexString(Point);
        Assert.Throws<ArgumentException>(() => NoteKey.Create("a", NoteKeyType.Sm2Note, [2, .. point[1..33]]));
        Assert.Throws<ArgumentException>(() => NoteKey.Create("a", NoteKeyType.Sm2Note, [6, .. point[1..]]));
        Assert.Throws<ArgumentException>(() => NoteKey.Create("a", NoteKeyType.Sm2Note, [0, .. point]));
    }

    [Fact]
    public void Verifier_keys_that_parse_format_to_themselves_and_none_throw()
    {
        var random = new Random(4);
        foreach (var type in Enum.GetValues<NoteKeyType>())
        {
            var algorithm = NoteKey.TypeFor(KeyAlgorithm.Sm2, false) == type || NoteKey.TypeFor(KeyAlgorithm.Sm2, true) == type ? Point : Ed;
            var good = Encoding.UTF8.GetBytes(NoteKey.Create("注册.example", type, Convert.FromHexString(algorithm)).Format());
            for (var round = 0; round < 5000; round++)
            {
                var text = Encoding.UTF8.GetString(Mutation.Of(good, random));
                if (NoteKey.TryParse(text, out var key) == NoteKeyProblem.None)
                {
                    Assert.Equal(text, key!.Format());
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void What_is_signed_verifies_and_nothing_else_does(string name)
    {
        var suite = Suite.FromName(name)!;
        using var signer = TestSigners.Of(suite.Id, "signer");
        var key = NoteKey.Create("a", NoteKey.TypeFor(signer.Algorithm, false), signer.PublicKey.Span);
        Assert.False(key.IsCosignature);
        Assert.Equal(suite, key.Suite);
        var line = NoteSigner.SignLine(signer, key, "text\n");
        Assert.True(key.Matches(line));
        Assert.True(key.Verify("text\n", line.Signature, out var time));
        Assert.Null(time);
        Assert.False(key.Verify("texu\n", line.Signature, out _));
        Assert.False(key.Verify("text\n", line.Signature[1..], out _));
        Assert.False(key.Verify("text\n", [.. line.Signature, 0], out _));
        foreach (var at in Enumerable.Range(0, 64))
        {
            var bytes = line.Signature.ToArray();
            bytes[at] ^= (byte)(1 << (at % 8));
            Assert.False(key.Verify("text\n", bytes, out _));
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Cosignature_covers_its_time_and_is_no_note_signature(string name)
    {
        var suite = Suite.FromName(name)!;
        var text = Examples.CheckpointText(suite);
        var (key, signer) = Examples.Node(suite, "court");
        var line = NoteSigner.Cosign(signer, key, text, 1_679_315_147);
        Assert.Equal("00000000641850cb", Convert.ToHexStringLower(line.Signature[..8]));
        Assert.True(key.Verify(text, line.Signature, out var time));
        Assert.Equal(1_679_315_147, time);
        foreach (var at in Enumerable.Range(0, 8))
        {
            var bytes = line.Signature.ToArray();
            bytes[at] ^= 0x81;
            Assert.False(key.Verify(text, bytes, out time));
            Assert.Null(time);
        }

        // The signature is over header and time lines: neither type takes the other's.
        var note = NoteKey.Create(key.Name, NoteKey.TypeFor(key.Algorithm, false), key.PublicKey);
        Assert.NotEqual(note.KeyId, key.KeyId);
        Assert.False(note.Verify(text, line.Signature[8..], out _));
        Assert.True(note.Verify($"cosignature/v1\ntime 1679315147\n{text}", line.Signature[8..], out _));
        Assert.False(key.Verify(text, [.. line.Signature[..8], .. NoteSigner.SignLine(signer, note, text).Signature], out _));

        // Times that do not fit a signed 64-bit number are none.
        Assert.False(key.Verify(text, [0x80, .. line.Signature[1..]], out _));
    }

    [Fact]
    public void Signer_refuses_a_foreign_key_another_type_and_what_is_no_checkpoint()
    {
        using var signer = TestSigners.Ed25519("a");
        using var other = TestSigners.Ed25519("b");
        var log = NoteKey.Create("log", NoteKeyType.Ed25519, signer.PublicKey.Span);
        var node = NoteKey.Create("node", NoteKeyType.Ed25519Cosignature, signer.PublicKey.Span);
        var text = Examples.CheckpointText(Suite.Intl);
        Assert.Throws<ArgumentException>(() => NoteSigner.Sign(other, log, text));
        Assert.Throws<ArgumentException>(() => NoteSigner.Sign(signer, node, text));
        Assert.Throws<ArgumentException>(() => NoteSigner.Cosign(signer, log, text, 1));
        Assert.Throws<ArgumentException>(() => NoteSigner.Cosign(signer, node, "no checkpoint\n", 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => NoteSigner.Cosign(signer, node, text, -1));
        Assert.Throws<ArgumentException>(() => NoteSigner.Sign(signer, log, "no newline"));
        Assert.Throws<ArgumentException>(() => NoteSigner.Sign(signer, log, "tab\t\n"));
        Assert.Throws<ArgumentException>(() => NoteSigner.Sign(signer, log, "\ud800\n"));
        Assert.Throws<ArgumentException>(() => NoteSigner.Sign(signer, log, ""));
    }
}
