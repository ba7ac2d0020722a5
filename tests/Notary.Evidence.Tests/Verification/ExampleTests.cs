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

    private static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(Folder, name));

    private static string Spec(string name) => File.ReadAllText(Path.Combine(VerdictTableTests.Root(), "docs", "spec", name));
}
