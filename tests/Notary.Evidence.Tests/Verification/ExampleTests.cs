using System.Text;
using Notary.Crypto;

namespace Notary.Evidence.Tests.Verification;

/// <summary>
/// The worked example of docs/spec/package.md, trust-file.md and verdicts.md: files under testdata that are made again, byte for
/// byte, from fixed keys. What changes here changes a frozen format.
/// </summary>
public class ExampleTests
{
    private static readonly string Folder = Path.Combine(VerdictTableTests.Root(), "tests", "Notary.Evidence.Tests", "testdata");

    [Fact]
    public void Example_package_is_made_again_byte_for_byte() => Assert.Equal(Read("example.asice"), Deposit.Usual(World.Sm).Package());

    [Fact]
    public void Example_trust_file_is_made_again_byte_for_byte()
    {
        Assert.Equal(Read("example.trust"), World.Sm.Trust().ToBytes());
        Assert.Contains(World.Sm.Trust().Fingerprint.ToHex(), Spec("trust-file.md"), StringComparison.Ordinal);
        Assert.Contains(Encoding.UTF8.GetString(Read("example.trust")), Spec("trust-file.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void Example_leads_to_its_report()
    {
        Assert.Null(TrustFile.TryParse(Read("example.trust"), out var trust));
        var report = Situations.Verify(Read("example.asice"), trust);
        Assert.Equal(Indication.TotalPassed, report.Indication);
        Assert.Equal(Encoding.UTF8.GetString(Read("example.report.json")), report.ToJson());
    }

    [Theory]
    [InlineData("final-sm", Indication.TotalPassed)]
    [InlineData("final-intl", Indication.TotalPassed)]
    [InlineData("many", Indication.TotalPassed)]
    [InlineData("withheld", Indication.Indeterminate)]
    [InlineData("anchored", Indication.TotalPassed)]
    public void Further_examples_are_made_again_byte_for_byte_and_lead_to_their_reports(string name, Indication indication)
    {
        var (deposit, made) = Further(name);
        Assert.Equal(Read($"{name}.asice"), deposit.Package());
        Assert.Equal(Read($"{name}.trust"), made.ToBytes());
        Assert.Null(TrustFile.TryParse(Read($"{name}.trust"), out var trust));
        var report = Situations.Verify(Read($"{name}.asice"), trust);
        Assert.Equal(indication, report.Indication);
        Assert.Equal(Encoding.UTF8.GetString(Read($"{name}.report.json")), report.ToJson());
        Assert.Contains($"| `{name}` | {IndicationNames.Of(report.Indication)} | {IndicationNames.Of(report.SubIndication)} |", Spec("verdicts.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void Example_in_the_text_is_the_file()
    {
        var spec = Spec("package.md");
        Assert.Null(StrictZipReader.TryOpen(new MemoryStream(Read("example.asice")), ZipLimits.Default, out var zip));
        foreach (var entry in zip!.Entries)
        {
            Assert.Null(zip.ReadAll(entry, 1 << 20, out var content));
            Assert.Contains($"| `{entry.Name}` | {entry.HeaderOffset} | {entry.DataOffset} | {entry.Size} | `{entry.Crc32:x8}` | `{Suite.Intl.Hash(content).ToHex()}` |", spec, StringComparison.Ordinal);
        }

        var bytes = Read("example.asice");
        foreach (var piece in new[] { bytes[..66], bytes[^22..] })
        {
            Assert.Contains(Convert.ToHexStringLower(piece), spec.Replace("\n", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Zip_failures_are_frozen_and_documented()
    {
        var spec = Spec("package.md");
        Assert.Equal(Enumerable.Range(0, Enum.GetValues<ZipFailure>().Length), Enum.GetValues<ZipFailure>().Select(failure => (int)failure));
        Assert.All(Enum.GetValues<ZipFailure>().Skip(1), failure => Assert.Contains($"| {(int)failure} | {failure} |", spec, StringComparison.Ordinal));
        Assert.All(Enum.GetValues<TrustFailure>().Skip(1), failure => Assert.Contains($"| {(int)failure} | {failure} |", Spec("trust-file.md"), StringComparison.Ordinal));
    }

    private static (Deposit Deposit, TrustFile Trust) Further(string name)
    {
        if (name == "anchored")
        {
            return (Situations.AnchoredDeposit(World.Sm), MainWorld.Trust(World.Sm));
        }

        var world = name == "final-intl" ? World.Intl : World.Sm;
        var deposit = name == "many" ? Deposit.Many(world, 20) : Deposit.Usual(world);
        if (name == "withheld")
        {
            deposit.Contents[1] = null;
        }

        var final = name.StartsWith("final", StringComparison.Ordinal);
        deposit.Cosigners = final ? [0, 1] : [];
        return (deposit, final ? world.Trust(TrustMode.Production, RecordState.Final, world.PolicyTwo) : world.Trust());
    }

    private static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(Folder, name));

    private static string Spec(string name) => File.ReadAllText(Path.Combine(VerdictTableTests.Root(), "docs", "spec", name));
}
