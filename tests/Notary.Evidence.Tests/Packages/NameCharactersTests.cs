using System.Globalization;
using System.Text;

namespace Notary.Evidence.Tests.Packages;

public sealed class NameCharactersTests
{
    [Theory]
    [InlineData(0x4e00, true, true)] // a Han character
    [InlineData(0xe9, true, true)]
    [InlineData(0x301, false, true)] // a combining mark, not first
    [InlineData(0x200d, false, false)] // zero-width joiner, Cf
    [InlineData(0x202e, false, false)] // right-to-left override, Cf
    [InlineData(0x3000, false, false)] // ideographic space, Zs
    [InlineData(0xe000, false, false)] // private use
    [InlineData(0x1f6dc, false, false)] // assigned by Unicode 15
    [InlineData(0x31350, false, false)] // Han extension H, Unicode 15
    [InlineData(0x10ffff, false, false)]
    public void A_character_is_judged_as_Unicode_14_has_it(int codePoint, bool first, bool later)
    {
        Assert.Equal(first, NameCharacters.IsSafe(codePoint, first: true));
        Assert.Equal(later, NameCharacters.IsSafe(codePoint, first: false));
    }

    [Fact]
    public void What_the_table_allows_every_later_Unicode_allows_too()
    {
        for (var c = 0x80; c <= 0x10ffff; c++)
        {
            if (!Rune.IsValid(c) || !NameCharacters.IsSafe(c, first: false))
            {
                continue;
            }

            var category = Rune.GetUnicodeCategory(new Rune(c));
            Assert.True(category is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator), $"U+{c:X}");
            var mark = category is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
            Assert.True(mark != NameCharacters.IsSafe(c, first: true), $"U+{c:X}");
        }
    }

    [Theory]
    [InlineData("a.txt", "A.TXT")]
    [InlineData("été", "ÉTÉ")]
    [InlineData("straße", "STRAßE")] // a simple mapping, not a full one
    [InlineData("\u0264", "\u0264")] // its capital, U+A7CB, is of Unicode 16
    public void A_case_key_is_the_same_whatever_Unicode_the_machine_has(string name, string key) => Assert.Equal(key, EntryNames.CaseKey(name));
}
