using System.Diagnostics;
using System.Text;
using Notary.Crypto;

namespace Notary.Evidence.Tests.Verification;

/// <summary>Whatever happens to the bytes of a package: never TOTAL-PASSED with an extracted byte or a shown value changed, never an exception.</summary>
public class TamperingTests
{
    private static readonly bool Long = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1";
    private static readonly TrustFile Trust = World.Sm.Trust();

    [Fact]
    public void Every_flipped_bit_of_a_small_package_is_found()
    {
        var package = Deposit.Usual(World.Sm).Package();
        var expected = Shown(package, out var passed);
        Assert.True(passed);
        for (var at = 0; at < package.Length; at++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                // Every byte, one bit of it in turn; all of them in the long run.
                if (Long || bit == at % 8)
                {
                    package[at] ^= (byte)(1 << bit);
                    if (Shown(package, out var accepted) is var shown && accepted)
                    {
                        Assert.Equal(expected, shown);
                    }

                    package[at] ^= (byte)(1 << bit);
                }
            }
        }
    }

    [Fact]
    public void Random_flips_in_a_large_package_are_found()
    {
        var random = new Random(20_261_123);
        var big = new byte[Long ? 40_000_000 : 200_000];
        random.NextBytes(big);
        var deposit = new Deposit(World.Sm, [("application/octet-stream", big), ("text/plain", "small\n"u8.ToArray())], null);
        var package = deposit.Package();
        var expected = Shown(package, out var passed);
        Assert.True(passed);
        for (var i = 0; i < (Long ? 2_000 : 200); i++)
        {
            // Half of them behind the big part, where the format is.
            var at = i % 2 == 0 ? random.Next(package.Length) : package.Length - 1 - random.Next(4_000);
            var mask = (byte)(1 << random.Next(8));
            package[at] ^= mask;
            if (Shown(package, out var accepted) is var shown && accepted)
            {
                Assert.Equal(expected, shown);
            }

            package[at] ^= mask;
        }
    }

    [Fact]
    public void Random_edits_of_the_inner_texts_are_found()
    {
        // The zip around them is made to fit again, so that every layer behind it is reached.
        var random = new Random(7);
        var whole = Deposit.Usual(World.Sm).Package();
        var expected = Shown(whole, out _);
        for (var i = 0; i < (Long ? 20_000 : 600); i++)
        {
            var zip = Situations.Entries(whole);
            var entry = 1 + (i % 5);
            var content = zip.Entries[entry].Data.ToList();
            for (var edits = random.Next(1, 3); edits > 0; edits--)
            {
                var at = random.Next(content.Count);
                switch (random.Next(4))
                {
                    case 0: content[at] ^= (byte)(1 << random.Next(8)); break;
                    case 1: content.RemoveAt(at); break;
                    case 2: content.Insert(at, content[random.Next(content.Count)]); break;
                    default: content.RemoveRange(at, Math.Min(random.Next(1, 40), content.Count - at)); break;
                }

                if (content.Count == 0)
                {
                    content.Add((byte)'x');
                }
            }

            zip.Entries[entry] = new Packages.RawEntry(Encoding.UTF8.GetString(zip.Entries[entry].NameBytes), [.. content]);
            if (Shown(zip.Build(), out var accepted) is var shown && accepted)
            {
                Assert.Equal(expected, shown);
            }
        }
    }

    [Fact]
    public void Pieces_of_two_records_do_not_make_a_third()
    {
        var one = Situations.Entries(Deposit.Usual(World.Sm).Package());
        var other = Situations.Entries(new Deposit(World.Sm, [("text/plain", "x"u8.ToArray()), ("application/pdf", "y"u8.ToArray())],
            new Dictionary<string, CanonicalValue> { ["files"] = CanonicalValue.OfStrings(["合同.txt", "scan.pdf"]) }).Package());
        for (var mask = 1; mask < 31; mask++)
        {
            var mixed = new Packages.RawZip();
            for (var i = 0; i < 6; i++)
            {
                mixed.Entries.Add(i > 0 && (mask & (1 << (i - 1))) != 0 ? other.Entries[i] : one.Entries[i]);
            }

            Shown(mixed.Build(), out var accepted);
            Assert.False(accepted);
        }
    }

    [Fact]
    public void Random_bytes_and_truncations_end_in_a_report()
    {
        var random = new Random(3);
        var package = Deposit.Usual(World.Sm).Package();
        for (var i = 0; i < 200; i++)
        {
            var noise = new byte[random.Next(2_000)];
            random.NextBytes(noise);
            Shown(noise, out var accepted);
            Assert.False(accepted);
            Shown(package[..random.Next(package.Length)], out accepted);
            Assert.False(accepted);
            var report = Verifier.VerifyReceipt(noise, null, [], Trust);
            Assert.Equal(Indication.TotalFailed, report.Indication);
        }
    }

    [Fact]
    public void Flipped_bytes_of_a_receipt_are_found()
    {
        var deposit = Deposit.Usual(World.Sm);
        var receipt = deposit.Receipt().ToJson();
        var right = Verify(receipt);
        Assert.Equal(Indication.TotalPassed, right.Indication);
        var shown = right.ToText();
        for (var at = 0; at < receipt.Length; at += Long ? 1 : 5)
        {
            receipt[at] ^= (byte)(1 << (at % 8));
            var report = Verify(receipt);
            if (report.Indication == Indication.TotalPassed)
            {
                Assert.Equal(shown, report.ToText());
            }

            receipt[at] ^= (byte)(1 << (at % 8));
        }

        VerificationReport Verify(byte[] bytes) =>
            Verifier.VerifyReceipt(bytes, deposit.Openings, [.. deposit.Contents.Select((content, i) => new GivenFile($"{i}", new MemoryStream(content!)))], Trust);
    }

    [Fact]
    public void A_deeply_nested_opening_ends_in_a_report()
    {
        var zip = Situations.Entries(Deposit.Usual(World.Sm).Package());
        zip.Entries[4] = new Packages.RawEntry(EntryNames.Openings, [.. Enumerable.Repeat((byte)'[', 1_000_000)]);
        Assert.Equal(SubIndication.FormatFailure, Situations.Verify(zip.Build()).SubIndication);
    }

    [Fact]
    public void Verifying_is_fast()
    {
        var package = Deposit.Usual(World.Sm).Package();
        Shown(package, out _);
        var watch = Stopwatch.StartNew();
        const int rounds = 10;
        for (var i = 0; i < rounds; i++)
        {
            Shown(package, out var accepted);
            Assert.True(accepted);
        }

        // 50 ms in a release build; the bound leaves room for a debug build on a busy machine.
        Assert.InRange(watch.ElapsedMilliseconds / rounds, 0, 500);
    }

    /// <summary>Everything that a person or a program gets to see or extract.</summary>
    private static string Shown(byte[] package, out bool passed)
    {
        using var stream = new MemoryStream(package);
        var report = Verifier.Verify(stream, [], Trust);
        passed = report.Indication == Indication.TotalPassed;
        if (!passed)
        {
            return string.Empty;
        }

        var text = new StringBuilder(report.ToJson()).Append(report.ToText());
        Assert.Null(PackageReader.TryOpen(stream, out var reader));
        foreach (var part in reader!.Parts)
        {
            using var hash = Suite.Intl.CreateHash();
            Assert.Null(reader.Read(part, hash.Append));
            text.Append(part.Name.Name).Append(hash.Finish().ToHex());
        }

        return text.ToString();
    }
}
