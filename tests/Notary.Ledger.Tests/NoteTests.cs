using System.Text;
using Notary.Crypto;

namespace Notary.Ledger.Tests;

public sealed class NoteTests
{
    // The package comment of golang.org/x/mod/sumdb/note.
    private const string GoText = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    private const string GoKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    private const string GoLine = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    private const string EnochKey = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
    private const string EnochLine = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

    private static readonly string GoNote = GoText + "\n" + GoLine;

    [Fact]
    public void Note_of_the_Go_documentation_verifies()
    {
        var note = Parse(GoNote + EnochLine);
        Assert.Equal(GoText, note.Text);
        Assert.Equal(["PeterNeumann", "EnochRoot"], note.Signatures.Select(signature => signature.Name));
        var result = note.Verify([Key(GoKey), Key(EnochKey)]);
        Assert.True(result.Ok);
        Assert.Equal(2, result.Verified.Count);
        Assert.All(result.Verified, verified => Assert.Null(verified.Time));
        Assert.Equal(GoNote + EnochLine, note.Format());
    }

    [Fact]
    public void Note_of_the_C2SP_specification_verifies()
    {
        var note = Parse("This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n");
        Assert.True(note.Verify([Key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")]).Ok);
    }

    [Fact]
    public void Note_of_the_C2SP_specification_with_blank_lines_in_its_text_splits_at_the_last_one()
    {
        const string text = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n";
        var note = Parse(text + "\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n");
        Assert.Equal(text, note.Text);
        Assert.Equal(0x367ba04bu, Assert.Single(note.Signatures).KeyId);
    }

    [Fact]
    public void Unknown_keys_are_ignored_and_a_note_with_no_other_is_refused()
    {
        var note = Parse(GoNote + EnochLine);
        Assert.Equal("PeterNeumann", Assert.Single(note.Verify([Key(GoKey)]).Verified).Key.Name);
        Assert.Equal(NoteVerificationFailure.NoKnownKey, note.Verify([]).Failure);

        // The same name with another id is another key, and a line with a wrong signature of an unknown key is nothing.
        var other = NoteKey.Create("PeterNeumann", NoteKeyType.Ed25519, TestSigners.Ed25519("other").PublicKey.Span);
        Assert.Equal(NoteVerificationFailure.NoKnownKey, note.Verify([other]).Failure);
        var withGarbage = note.With(new NoteSignature("PeterNeumann", 1, new byte[64]));
        Assert.True(withGarbage.Verify([Key(GoKey)]).Ok);
    }

    [Fact]
    public void One_wrong_signature_of_a_known_key_refuses_the_whole_note()
    {
        var note = Parse(GoNote + EnochLine);
        var peter = Key(GoKey);
        var wrong = note.With(new NoteSignature(peter.Name, peter.KeyId, new byte[64]));
        var result = wrong.Verify([Key(EnochKey), peter]);
        Assert.Equal(NoteVerificationFailure.SignatureInvalid, result.Failure);
        Assert.Equal(peter, result.FailedKey);
        Assert.Same(wrong.Signatures[2], result.FailedSignature);
        Assert.Empty(result.Verified);
    }

    [Fact]
    public void A_repeated_line_counts_once()
    {
        var note = Parse(GoNote + GoLine);
        Assert.Equal(2, note.Signatures.Count);
        Assert.Same(note.Signatures[0], Assert.Single(note.Verify([Key(GoKey)]).Verified).Signature);
    }

    [Theory]
    [InlineData("", NoteProblem.NoSeparator, 0)]
    [InlineData("text\n", NoteProblem.NoSeparator, 5)]
    [InlineData("\n— a AAAAAAE=\n", NoteProblem.NoSeparator, 16)]
    [InlineData("text\n\n", NoteProblem.NoSignature, 6)]
    [InlineData("text\n\n— a AAAAAAE=", NoteProblem.NoSignature, 6)]
    [InlineData("text\n— a AAAAAAE=\n", NoteProblem.NoSeparator, 20)]
    [InlineData("text\n\n— a AAAAAAE=\n\n", NoteProblem.NoSignature, 22)]
    [InlineData("text\n\n- a AAAAAAE=\n", NoteProblem.MalformedSignatureLine, 6)]
    [InlineData("text\n\n—a AAAAAAE=\n", NoteProblem.MalformedSignatureLine, 6)]
    [InlineData("text\n\n— aAAAAAAE=\n", NoteProblem.MalformedSignatureLine, 6)]
    [InlineData("text\n\n— a AAAAAAE=\nmore\n", NoteProblem.MalformedSignatureLine, 21)]
    [InlineData("text\n\n—  AAAAAAE=\n", NoteProblem.BadKeyName, 6)]
    [InlineData("text\n\n— a+b AAAAAAE=\n", NoteProblem.BadKeyName, 6)]
    [InlineData("text\n\n— a\u00a0b AAAAAAE=\n", NoteProblem.BadKeyName, 6)]
    [InlineData("text\n\n— a\u3000b AAAAAAE=\n", NoteProblem.BadKeyName, 6)]
    [InlineData("text\n\n— a AAAAAAE\n", NoteProblem.BadBase64, 6)]
    [InlineData("text\n\n— a AAAAAAF=\n", NoteProblem.BadBase64, 6)]
    [InlineData("text\n\n— a AAAA AAE=\n", NoteProblem.BadBase64, 6)]
    [InlineData("text\n\n— a AAAAAAE= \n", NoteProblem.BadBase64, 6)]
    [InlineData("text\n\n— a AAAA_AE=\n", NoteProblem.BadBase64, 6)]
    [InlineData("text\n\n— a \n", NoteProblem.SignatureTooShort, 6)]
    [InlineData("text\n\n— a AAAAAA==\n", NoteProblem.SignatureTooShort, 6)]
    [InlineData("text\r\n\n— a AAAAAAE=\n", NoteProblem.ControlCharacter, 4)]
    [InlineData("te\0xt\n\n— a AAAAAAE=\n", NoteProblem.ControlCharacter, 2)]
    [InlineData("te\txt\n\n— a AAAAAAE=\n", NoteProblem.ControlCharacter, 2)]
    public void Bytes_that_are_no_note_are_refused_with_reason_and_offset(string text, NoteProblem problem, int offset)
    {
        Assert.Equal(new NoteParse(problem, offset), SignedNote.TryParse(Encoding.UTF8.GetBytes(text), out var note));
        Assert.Null(note);
    }

    [Theory]
    [InlineData("ff0a0a", 0)]
    [InlineData("61c00a0a", 1)]
    [InlineData("6161eda0800a0a", 2)]
    [InlineData("61f4908080", 1)]
    [InlineData("61e2", 1)]
    [InlineData("c0800a0a", 0)]
    public void Bytes_that_are_no_UTF8_are_refused(string hex, int offset)
    {
        Assert.Equal(new NoteParse(NoteProblem.NotUtf8, offset), SignedNote.TryParse(Convert.FromHexString(hex), out _));
    }

    [Fact]
    public void Limits_are_one_mebibyte_and_a_hundred_signatures()
    {
        const string line = "— a AAAAAAE=\n";
        Assert.Equal(100, Parse("t\n\n" + string.Concat(Enumerable.Repeat(line, 100))).Signatures.Count);
        var many = Encoding.UTF8.GetBytes("t\n\n" + string.Concat(Enumerable.Repeat(line, 101)));
        Assert.Equal(NoteProblem.TooManySignatures, SignedNote.TryParse(many, out _).Problem);
        var tail = "\n\n" + line;
        var room = SignedNote.MaxLength - Encoding.UTF8.GetByteCount(tail);
        Assert.Equal(room + 1, Parse(new string('x', room) + tail).Text.Length);
        Assert.Equal(NoteProblem.TooLong, SignedNote.TryParse(Encoding.UTF8.GetBytes(new string('x', room + 1) + tail), out _).Problem);
    }

    [Fact]
    public void Bytes_that_parse_format_to_themselves_and_none_throw()
    {
        var random = new Random(20);
        var good = Encoding.UTF8.GetBytes(Examples.CosignedNote(Suite.Intl).Format());
        var parsed = 0;
        for (var round = 0; round < 60_000; round++)
        {
            var bytes = Mutation.Of(good, random);
            if (SignedNote.TryParse(bytes, out var note).Ok)
            {
                parsed++;
                Assert.Equal(bytes, note!.ToBytes());
                if (Checkpoint.TryParse(note.Text, out var checkpoint) == CheckpointProblem.None)
                {
                    Assert.Equal(note.Text, checkpoint!.Format());
                }
            }
        }

        Assert.InRange(parsed, 1000, 59_000);
    }

    [Theory]
    [InlineData("log.example/bj\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", CheckpointProblem.None)]
    [InlineData("a b+c\n4611686018427387904\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nx\ny\n", CheckpointProblem.None)]
    [InlineData("", CheckpointProblem.TooFewLines)]
    [InlineData("o\n1\n", CheckpointProblem.TooFewLines)]
    [InlineData("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", CheckpointProblem.TooFewLines)]
    [InlineData("\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", CheckpointProblem.EmptyOrigin)]
    [InlineData("o\n\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", CheckpointProblem.BadSize)]
    [InlineData("o\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", CheckpointProblem.BadSize)]
    [InlineData("o\n-1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", CheckpointProblem.BadSize)]
    [InlineData("o\n+1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", CheckpointProblem.BadSize)]
    [InlineData("o\n1 \n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", CheckpointProblem.BadSize)]
    [InlineData("o\n٣\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", CheckpointProblem.BadSize)]
    [InlineData("o\n4611686018427387905\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", CheckpointProblem.BadSize)]
    [InlineData("o\n99999999999999999999\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", CheckpointProblem.BadSize)]
    [InlineData("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF\n", CheckpointProblem.BadRoot)]
    [InlineData("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n", CheckpointProblem.BadRoot)]
    [InlineData("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==\n", CheckpointProblem.BadRoot)]
    [InlineData("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n", CheckpointProblem.EmptyExtension)]
    [InlineData("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nx\n", CheckpointProblem.EmptyExtension)]
    [InlineData("o\t\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", CheckpointProblem.BadCharacter)]
    public void Checkpoint_is_read_strictly(string text, CheckpointProblem problem)
    {
        Assert.Equal(problem, Checkpoint.TryParse(text, out var checkpoint));
        Assert.Equal(problem == CheckpointProblem.None ? text : null, checkpoint?.Format());
    }

    [Fact]
    public void Checkpoint_of_the_C2SP_specification_parses()
    {
        var note = Parse(
            """
            example.com/behind-the-sofa
            20852163
            CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

            — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
            — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==

            """);
        Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(note.Text, out var checkpoint));
        Assert.Equal(("example.com/behind-the-sofa", 20852163L), (checkpoint!.Origin, checkpoint.Size));
        Assert.Equal("0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62", checkpoint.Root.ToHex());
        Assert.Equal(8 + 64, note.Signatures[1].Signature.Length);
    }

    private static SignedNote Parse(string text)
    {
        var parse = SignedNote.TryParse(Encoding.UTF8.GetBytes(text), out var note);
        Assert.Equal(default, parse);
        return note!;
    }

    private static NoteKey Key(string vkey)
    {
        Assert.Equal(NoteKeyProblem.None, NoteKey.TryParse(vkey, out var key));
        return key!;
    }
}
