using System.Text.Json;

namespace Notary.Evidence.Tests.Verification;

/// <summary>docs/spec/verdicts.md drives these: its last table is the list of cases, its check table the list of ids.</summary>
public class VerdictTableTests
{
    public static TheoryData<string, string, string, string> Rows()
    {
        var data = new TheoryData<string, string, string, string>();
        foreach (var row in Table("## The table"))
        {
            data.Add(row[0], row[1], row[2], row[3]);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Verdict_is_what_the_table_says(string situation, string indication, string sub, string check)
    {
        Assert.True(Situations.All.ContainsKey(situation), $"no builder for '{situation}'");
        var report = Situations.Report(situation);
        Assert.Equal((indication, sub, check), (IndicationNames.Of(report.Indication), IndicationNames.Of(report.SubIndication) ?? "", report.DecidingCheck?.Name ?? ""));
        AssertWellFormed(report);
    }

    [Fact]
    public void Every_builder_has_its_row() =>
        Assert.Equal(Situations.All.Keys.Order(StringComparer.Ordinal), Table("## The table").Select(row => row[0]).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_check_is_documented_and_no_other()
    {
        var documented = Table("## Checks").SelectMany(row => row[0].Split(',')).Select(id => id.Trim(' ', '`'));
        Assert.Equal(CheckCatalogue.All.Select(CheckCatalogue.NameOf).Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_indication_is_documented_and_no_other()
    {
        var documented = Table("## Indications").Select(row => (row[0], row[1]));
        var known = Enum.GetValues<SubIndication>().Select(sub => (IndicationNames.Of(IndicationNames.MainOf(sub)), IndicationNames.Of(sub) ?? ""));
        Assert.Equal(known.Order(), documented.Order());
    }

    [Fact]
    public void Notice_is_the_first_line_unless_the_trust_file_is_a_production_one()
    {
        Assert.StartsWith("DEVELOPMENT", Situations.Report("whole package").ToText(), StringComparison.Ordinal);
        Assert.StartsWith("DEMONSTRATION", Situations.Report("demonstration trust file").ToText(), StringComparison.Ordinal);
        Assert.StartsWith("演示环境", Situations.Report("demonstration trust file").ToText(ReportLanguage.Chinese), StringComparison.Ordinal);
        Assert.StartsWith("TOTAL-PASSED", Situations.Report("nodes cosigned, final required").ToText(), StringComparison.Ordinal);
        Assert.StartsWith("DEVELOPMENT", Situations.Report("byte of a file changed").ToText(), StringComparison.Ordinal);
    }

    [Fact]
    public void Sentence_is_as_narrow_as_the_rule()
    {
        var report = Situations.Report("whole package");
        Assert.Contains("consistent with what was sealed (no quorum) as GZ-0000-0000-0005-", report.Sentence.En, StringComparison.Ordinal);
        Assert.Contains("2026-11-23T01:02:03.456Z", report.Sentence.En, StringComparison.Ordinal);
        Assert.Contains("consistent with what was sealed as GZ", Situations.Report("nodes cosigned, final required").Sentence.En, StringComparison.Ordinal);
        foreach (var situation in Situations.All.Keys)
        {
            var every = Situations.Report(situation);
            Assert.DoesNotMatch(@"\b(true|genuine|authentic|admissible)\b", every.Sentence.En);
            Assert.DoesNotMatch("真实|可采|属实", every.Sentence.Zh);
        }
    }

    [Fact]
    public void Passed_report_shows_what_was_sealed_and_nothing_else()
    {
        var report = Situations.Report("whole package");
        Assert.Equal(["case", "files", "generated", "title"], report.Fields.Select(field => field.Name));
        Assert.Equal("\"租赁合同 lease\"", report.Fields[3].Json);
        Assert.Equal(["合同.txt", "scan.pdf"], report.Parts.Select(part => part.EntryName));
        Assert.All(report.Parts, part => Assert.True(part.NameSealed && part.Matches && part.Source == "package"));
        Assert.Equal(TimeSpan.FromDays(2) + TimeSpan.FromHours(17) + TimeSpan.FromMilliseconds(123_456), TimeSpan.FromMilliseconds(report.Times!.GapMilliseconds!.Value));
        Assert.Equal(["case", "files", "generated"], Situations.Report("metadata field withheld").Fields.Select(field => field.Name));
        Assert.Empty(Situations.Report("metadata field changed").Fields);
        Assert.Equal(["part/1"], Situations.Report("media type of a part changed").Parts.Select(part => $"part/{part.Index}"));
    }

    [Fact]
    public void Unsafe_and_colliding_names_are_derived_by_rule() =>
        Assert.Equal(
            [("part-0.txt", false), ("part-1.csv", false), ("part-2.png", false), ("good.txt", true)],
            Situations.Report("names that are not safe are derived").Parts.Select(part => (part.EntryName, part.NameSealed)));

    [Fact]
    public void Report_text_shows_no_control_characters()
    {
        var report = Situations.Verify(Situations.Entries(Deposit.Usual(World.Sm).Package()).Build(), null, "x"u8.ToArray());
        Assert.DoesNotContain(report.ToText(), c => char.IsControl(c) && c != '\n');
        using var stream = new MemoryStream(Deposit.Usual(World.Sm).Package());
        var tricky = Verifier.Verify(stream, [new GivenFile("\u001b[2J\u202Etxt", new MemoryStream([1]))], null);
        Assert.DoesNotContain(tricky.ToText(), c => (char.IsControl(c) && c != '\n') || c == '\u202E');
    }

    internal static void AssertWellFormed(VerificationReport report)
    {
        using var json = JsonDocument.Parse(report.ToJson());
        Assert.Equal(1, json.RootElement.GetProperty("v").GetInt32());
        Assert.Equal(IndicationNames.Of(report.Indication), json.RootElement.GetProperty("indication").GetString());
        Assert.Equal(CheckCatalogue.All, report.Checks.Select(check => check.Id).Distinct());
        Assert.All(report.Checks, check => Assert.True(check.Text.En.Length > 0 && check.Text.Zh.Length > 0));
        Assert.All(report.Checks, check => Assert.False(check.Outcome == CheckOutcome.Passed && check.Sub != SubIndication.None));
        foreach (var language in Enum.GetValues<ReportLanguage>())
        {
            Assert.Contains(IndicationNames.Of(report.Indication), report.ToText(language), StringComparison.Ordinal);
        }
    }

    private static IEnumerable<string[]> Table(string heading)
    {
        var lines = File.ReadAllLines(Path.Combine(Root(), "docs", "spec", "verdicts.md"));
        return lines.SkipWhile(line => line != heading).Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(line => line.StartsWith('|')).Skip(2).Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray());
    }

    internal static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Notary.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("the tests run outside the repository");
        }

        return folder.FullName;
    }
}
