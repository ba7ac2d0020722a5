using System.Text;
using System.Text.Json;

namespace Notary.Evidence.Tests;

public sealed class CanonicalTests
{
    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"a\":1,\"b\":[true,false,null,-5,9007199254740991,-9007199254740991]}")]
    [InlineData("{\"\":\"\",\"A\":\"\\b\\t\\n\\f\\r\\u0000\\u001f\\\"\\\\/\u007f\u2028\"}")]
    [InlineData("{\"\u20ac\":1,\"\ud83d\ude00\":2,\"\ufb33\":3}")]
    [InlineData("[[[[[[[[]]]]]]]]")]
    public void Canonical_text_equals_its_reserialisation(string text) => Assert.Equal(JsonFault.None, Canonical.Check(Encoding.UTF8.GetBytes(text)).Fault);

    [Theory]
    [InlineData("", JsonFault.Truncated)]
    [InlineData("{\"b\":1,\"a\":2}", JsonFault.NotCanonical)]
    [InlineData("{\"a\": 1}", JsonFault.NotCanonical)]
    [InlineData("{}\n", JsonFault.NotCanonical)]
    [InlineData("\"\\/\"", JsonFault.NotCanonical)]
    [InlineData("\"\\u0041\"", JsonFault.NotCanonical)]
    [InlineData("\"\\u001F\"", JsonFault.NotCanonical)]
    [InlineData("\"\\u20ac\"", JsonFault.NotCanonical)]
    [InlineData("{\"a\":1,\"a\":1}", JsonFault.DuplicateName)]
    [InlineData("{\"a\":1,\"\\u0061\":1}", JsonFault.DuplicateName)]
    [InlineData("1.0", JsonFault.NumberNotInteger)]
    [InlineData("1e1", JsonFault.NumberNotInteger)]
    [InlineData("-0", JsonFault.NumberNotInteger)]
    [InlineData("9007199254740992", JsonFault.NumberOutOfRange)]
    [InlineData("-9007199254740992", JsonFault.NumberOutOfRange)]
    [InlineData("01", JsonFault.UnexpectedByte)]
    [InlineData("+1", JsonFault.UnexpectedByte)]
    [InlineData("[1,]", JsonFault.UnexpectedByte)]
    [InlineData("{\"a\"}", JsonFault.UnexpectedByte)]
    [InlineData("tru", JsonFault.UnexpectedByte)]
    [InlineData("NaN", JsonFault.UnexpectedByte)]
    [InlineData("[1", JsonFault.Truncated)]
    [InlineData("\"a", JsonFault.Truncated)]
    [InlineData("\"\\", JsonFault.Truncated)]
    [InlineData("1 2", JsonFault.TrailingBytes)]
    [InlineData("\"a\nb\"", JsonFault.ControlCharacter)]
    [InlineData("\"\\ud83d\"", JsonFault.LoneSurrogate)]
    [InlineData("\"\\ude00\"", JsonFault.LoneSurrogate)]
    [InlineData("\"\\ud83d\\u0041\"", JsonFault.LoneSurrogate)]
    [InlineData("\"\\a\"", JsonFault.BadEscape)]
    [InlineData("\"\\u12g4\"", JsonFault.BadEscape)]
    [InlineData("[[[[[[[[[]]]]]]]]]", JsonFault.TooDeep)]
    public void Other_text_is_refused_with_its_fault(string text, JsonFault fault) => Assert.Equal(fault, Canonical.Check(Encoding.UTF8.GetBytes(text)).Fault);

    [Fact]
    public void Bytes_that_are_not_utf8_and_texts_too_large_are_refused()
    {
        Assert.Equal(new CanonicalCheck(JsonFault.NotUtf8, 1), Canonical.Check([(byte)'"', 0xff, (byte)'"']));
        Assert.Equal(JsonFault.NotUtf8, Canonical.Check([(byte)'"', 0xed, 0xa0, 0x80, (byte)'"']).Fault);
        Assert.Equal(JsonFault.TooLarge, Canonical.Check(new byte[16 * 1024 + 1]).Fault);
        Assert.Equal(JsonFault.TooDeep, Canonical.Check(Encoding.ASCII.GetBytes(new string('[', 16_000))).Fault);
    }

    [Fact]
    public void Names_sort_by_utf16_code_units()
    {
        // RFC 8785 section 3.2.3: U+1F600 (surrogates d83d…) sorts before U+FB33.
        var value = CanonicalValue.OfObject(("\ufb33", CanonicalValue.Of(1)), ("\U0001f600", CanonicalValue.Of(2)), ("\u20ac", CanonicalValue.Of(3)));
        Assert.Equal("{\"\u20ac\":3,\"\U0001f600\":2,\"\ufb33\":1}", Encoding.UTF8.GetString(value.ToBytes()));
    }

    [Fact]
    public void Mutated_texts_parse_only_where_another_parser_parses()
    {
        var random = new Random(8785);
        var seed = Encoding.UTF8.GetBytes("{\"a\":[1,-2,\"x\\u00e9\\n\",{\"b\":true,\"c\":null}],\"d\":\"广州 😀\",\"e\":9007199254740991}");
        var rounds = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? 2_000_000 : 100_000;
        for (var i = 0; i < rounds; i++)
        {
            var bytes = (byte[])seed.Clone();
            for (var m = random.Next(1, 4); m > 0; m--)
            {
                bytes = Mutation.Of(random, bytes);
            }

            if (CanonicalValue.TryParse(bytes, CanonicalLimits.Leaf, out var value).Ok)
            {
                using var document = JsonDocument.Parse(bytes);
                Assert.True(Canonical.Check(value.ToBytes()).Ok);
            }
        }
    }
}

public sealed class NormalizationTests
{
    // UAX #15, with the cases that differ between the quick check and the whole algorithm.
    [Theory]
    [InlineData("", true)]
    [InlineData("abc", true)]
    [InlineData("é", true)]
    [InlineData("e\u0301", false)]
    [InlineData("x\u0301", true)]
    [InlineData("广州市公证处", true)]
    [InlineData("\u212b", false)] // ANGSTROM SIGN, a singleton
    [InlineData("\u0958", false)] // excluded from composition
    [InlineData("\u0915\u093c", true)]
    [InlineData("\uf900", false)] // CJK compatibility ideograph
    [InlineData("a\u0323\u0302", false)]
    [InlineData("\u00e2\u0323", false)] // composes only after decomposition and reordering
    [InlineData("q\u0307\u0323", false)] // marks out of order
    [InlineData("q\u0323\u0307", true)]
    [InlineData("\u1100\u1161", false)] // Hangul L V
    [InlineData("\uac00\u11a8", false)] // Hangul LV T
    [InlineData("\uac01\u11a8", true)]
    [InlineData("\u1161", true)]
    [InlineData("\u0301a", true)]
    [InlineData("\U0001d15e", false)] // musical symbol, excluded
    [InlineData("\U00011099\U000110ba", false)] // composes beyond the basic plane
    public void Text_is_judged_and_composed_as_UAX_15_says(string text, bool normalized)
    {
        Assert.Equal(normalized, Normalization.IsNfc(Encoding.UTF8.GetBytes(text)));
        var composed = Normalization.ToNfc(text);
        Assert.Equal(normalized, composed == text);
        Assert.True(Normalization.IsNfc(Encoding.UTF8.GetBytes(composed)));
        Assert.Equal(composed, Normalization.ToNfc(composed));
    }

    [Theory]
    [InlineData("re\u0301sume\u0301.pdf", "r\u00e9sum\u00e9.pdf")]
    [InlineData("\u1100\u1161\u11a8", "\uac01")]
    [InlineData("\u212b", "\u00c5")]
    [InlineData("a\u0323\u0302", "\u1ead")]
    public void Text_is_composed(string text, string composed) => Assert.Equal(composed, Normalization.ToNfc(text));

    // Not as data of a theory: an attribute keeps its strings as UTF-8.
    [Fact]
    public void A_lone_surrogate_is_replaced() => Assert.Equal("x\ufffd", Normalization.ToNfc("x" + '\ud800'));

    [Fact]
    public void Long_runs_of_marks_end_in_time()
    {
        var marks = new byte[2 * 60_000];
        for (var i = 0; i < marks.Length; i += 2)
        {
            (marks[i], marks[i + 1]) = (0xcc, i % 4 == 0 ? (byte)0x87 : (byte)0xa3);
        }

        Assert.False(Normalization.IsNfc([(byte)'q', .. marks]));
    }
}

public sealed class RecordNumberTests
{
    [Fact]
    public void Example_of_the_design_has_its_form()
    {
        var number = RecordNumber.Format("GZ", 123456789);
        Assert.StartsWith("GZ-0001-2345-6789-", number, StringComparison.Ordinal);
        Assert.True(RecordNumber.TryParse(number, out var code, out var index));
        Assert.Equal(("GZ", 123456789L), (code, index));
        Assert.True(RecordNumber.TryParse(number.ToLowerInvariant(), out _, out _));
    }

    [Fact]
    public void Check_character_is_that_of_iso_7064()
    {
        // The example of ISO/IEC 7064 for MOD 37,36, as reprinted for the GRid identifier (IFPI, GRid standard v2.1, section 9).
        Assert.Equal('M', RecordNumber.CheckCharacter("A12425GABC1234002"));
    }

    [Fact]
    public void Every_wrong_character_and_every_swap_of_neighbours_is_found()
    {
        foreach (var index in (long[])[0, 1, 987654321, RecordNumber.MaxIndex])
        {
            var number = RecordNumber.Format("HN", index);
            for (var i = 0; i < number.Length; i++)
            {
                foreach (var c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-".Where(c => c != number[i]))
                {
                    Assert.False(RecordNumber.TryParse(number[..i] + c + number[(i + 1)..], out _, out _));
                }
            }

            var plain = number.Replace("-", "", StringComparison.Ordinal);
            for (var i = 0; i + 1 < plain.Length; i++)
            {
                if (plain[i] != plain[i + 1])
                {
                    var swapped = plain[..i] + plain[i + 1] + plain[i] + plain[(i + 2)..];
                    Assert.False(RecordNumber.TryParse($"{swapped[..2]}-{swapped[2..6]}-{swapped[6..10]}-{swapped[10..14]}-{swapped[14..]}", out _, out _));
                }
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("GZ")]
    [InlineData("G-0001-2345-6789-0")]
    [InlineData("GUANG-0001-2345-6789-0")]
    [InlineData("GZ-0001-2345-67890")]
    [InlineData("GZ-0001-2345-678９-0")]
    [InlineData("GZ-0001-2345-6789-")]
    public void Other_text_is_no_number(string text) => Assert.False(RecordNumber.TryParse(text, out _, out _));
}

public sealed class RecordKindTests
{
    [Fact]
    public void Numbers_and_names_are_frozen()
    {
        string[] frozen =
        [
            "evidence", "custody", "case", "objection", "request", "decision", "grant", "revocation", "access", "disclosure", "restriction", "erasure",
            "policy", "key", "node", "anchor", "issuance", "audit", "incident", "renewal", "statement", "trust", "binding", "credential", "alarm",
        ];
        Assert.Equal(frozen, Enumerable.Range(1, 25).Select(static n => RecordKinds.Name((RecordKind)n)));
        Assert.All(frozen, static name => Assert.Equal(name, RecordKinds.Name(RecordKinds.FromName(name))));
        Assert.Equal(RecordKind.Unknown, RecordKinds.FromName("Evidence"));
        Assert.Equal(RecordKind.Unknown, RecordKinds.FromName(""));
        Assert.Equal(26, Enum.GetValues<RecordKind>().Length);
    }

    [Fact]
    public void Other_persisted_numbers_are_frozen()
    {
        Assert.Equal((1, 2, 3), ((int)AuthMethod.ClientSecret, (int)AuthMethod.PrivateKeyJwt, (int)AuthMethod.Governance));
        Assert.Equal((0, 1, 2), ((int)Relation.None, (int)Relation.Operator, (int)Relation.Interested));
        Assert.Equal((1, 2), ((int)PartKind.File, (int)PartKind.Tree));
        Assert.Equal((1, 2, 3, 4), ((int)TreeRule.Line, (int)TreeRule.Row, (int)TreeRule.Field, (int)TreeRule.MailPart));
        Assert.Equal(
            "authority,case,collected,collector,description,environment,files,generated,generator,holder,mechanism,method,personal,related,source,storage,title,tool,transport,witness",
            string.Join(',', MetadataFields.Names));
    }
}
