using System.Text;
using System.Text.Json;
using Notary.Crypto;
using Notary.Evidence.Tests.Packages;
using Notary.Ledger;

namespace Notary.Evidence.Tests.Verification;

/// <summary>The walk to the main chain as reports, packages and receipts show it; each way in which it may be wrong is a row of docs/spec/verdicts.md.</summary>
public class AnchorReportTests
{
    private static readonly bool Long = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1";
    private static readonly CheckId[] Hops = [.. CheckCatalogue.All.Where(id => id is >= CheckId.AnchorForm and <= CheckId.AnchorQuorum)];

    [Fact]
    public void Anchored_report_names_every_hop_with_what_was_compared()
    {
        var report = Situations.Report("anchored, anchored required");
        Assert.Equal(9, Hops.Length);
        var hops = report.Checks.Where(check => Hops.Contains(check.Id)).ToList();
        Assert.All(hops, check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
        Assert.Equal(["anchor.form", "anchor.proof"], hops.Where(check => check.Compared is null).Select(check => check.Name));
        Assert.All(hops.Where(check => check.Id is CheckId.AnchorNote or CheckId.AnchorOrigin or CheckId.AnchorMain or CheckId.AnchorSuite or CheckId.AnchorInclusion),
            check => Assert.Equal(check.Compared!.Expected, check.Compared.Actual));
        Assert.Equal((RecordState.Anchored, 7L, 11L), (report.State.Reached, report.State.AnchorIndex, report.State.CheckpointSize));
        var range = report.Checks.Single(check => check.Id == CheckId.TrustRange);
        Assert.Equal("7", range.Compared!.Expected);
        Assert.Equal("0 and later", range.Compared.Actual);
    }

    [Fact]
    public void Report_shows_when_the_first_of_each_quorum_signed()
    {
        var report = Situations.Report("anchored, anchored required");
        Assert.Equal(("2026-11-23T00:00:00.000Z", "2026-11-23T00:01:00.000Z"), (report.Times!.FinalAt, report.Times.AnchoredAt));
        using var json = JsonDocument.Parse(report.ToJson());
        Assert.Equal("2026-11-23T00:01:00.000Z", json.RootElement.GetProperty("times").GetProperty("anchoredAt").GetString());
        Assert.Equal(7, json.RootElement.GetProperty("state").GetProperty("anchorIndex").GetInt64());
        Assert.Contains("anchored (earliest cosignature) / 锚定时间(最早会签): 2026-11-23T00:01:00.000Z\n", report.ToText(), StringComparison.Ordinal);

        var sealedOnly = Situations.Report("whole package");
        Assert.Equal((null, null), (sealedOnly.Times!.FinalAt, sealedOnly.Times.AnchoredAt));
        var final = Situations.Report("main quorum one short, final required");
        Assert.Equal(("2026-11-23T00:00:00.000Z", null), (final.Times!.FinalAt, final.Times.AnchoredAt));
        Assert.Null(Situations.Report("one of two nodes cosigned, anchored all the same").Times!.FinalAt);
        var main = Situations.Report("record of the main chain, anchored required");
        Assert.Equal((main.Times!.FinalAt, RecordState.Anchored, (long?)null), (main.Times.AnchoredAt, main.State.Reached, main.State.AnchorIndex));
        Assert.Equal("2026-11-23T00:01:00.000Z", main.Times.FinalAt);
    }

    [Theory]
    [InlineData("anchored, anchored required", RecordState.Anchored)]
    [InlineData("anchored under an entry that has ended since", RecordState.Anchored)]
    [InlineData("main quorum one short, anchored required", RecordState.Final)]
    [InlineData("main checkpoint signed by another key", RecordState.Final)]
    [InlineData("anchor of another checkpoint", RecordState.Final)]
    [InlineData("anchor that main does not hold", RecordState.Final)]
    [InlineData("trust file without a main chain, anchored package", RecordState.Final)]
    [InlineData("one of two nodes cosigned, anchored all the same", RecordState.Sealed)]
    [InlineData("checkpoint by a revoked key, anchored behind its range", RecordState.None)]
    [InlineData("no trust file for an anchored package", RecordState.None)]
    public void State_goes_no_further_than_the_hops_that_hold(string situation, RecordState reached) => Assert.Equal(reached, Situations.Report(situation).State.Reached);

    [Fact]
    public void Hops_that_need_no_trust_file_are_walked_without_one()
    {
        var report = Situations.Report("no trust file for an anchored package");
        CheckOutcome Of(CheckId id) => report.Checks.Single(check => check.Id == id).Outcome;
        Assert.All([CheckId.AnchorForm, CheckId.AnchorNote, CheckId.AnchorProof, CheckId.AnchorOrigin, CheckId.AnchorInclusion], id => Assert.Equal(CheckOutcome.Passed, Of(id)));
        Assert.All([CheckId.AnchorMain, CheckId.AnchorSignature], id => Assert.Equal(CheckOutcome.CouldNotBePerformed, Of(id)));
        Assert.All(Situations.Report("whole package").Checks.Where(check => Hops.Contains(check.Id)), check => Assert.Equal(CheckOutcome.NotPerformed, check.Outcome));
    }

    [Fact]
    public void Missing_quorum_of_main_shows_who_did_sign()
    {
        var check = Situations.Report("main quorum one short, anchored required").Checks.Single(check => check.Id == CheckId.AnchorQuorum);
        Assert.Equal((CheckOutcome.Failed, SubIndication.None), (check.Outcome, check.Sub));
        Assert.StartsWith("auditor.example+", check.Compared!.Actual, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_numbers_and_names_are_frozen_and_every_one_has_its_place()
    {
        Assert.Equal(Enum.GetValues<CheckId>().Order(), CheckCatalogue.All.Order());
        Assert.Equal(
            ["28 state.required", "29 admission.state", "30 trust.range", "31 anchor.form", "32 anchor.note", "33 anchor.proof", "34 anchor.origin", "35 anchor.main",
                "36 anchor.suite", "37 anchor.signature", "38 anchor.inclusion", "39 anchor.quorum", "50 custody.trust", "51 custody.inclusion",
                "52 custody.signature", "53 custody.quorum"],
            Enum.GetValues<CheckId>().Where(id => id >= CheckId.StateRequired).Select(id => $"{(int)id} {CheckCatalogue.NameOf(id)}"));
        var order = CheckCatalogue.All.ToList();
        Assert.True(order.IndexOf(CheckId.TrustChain) + 1 == order.IndexOf(CheckId.TrustRange));
        Assert.True(order.IndexOf(CheckId.CheckpointQuorum) + 1 == order.IndexOf(CheckId.AnchorForm));
        Assert.True(order.IndexOf(CheckId.AnchorQuorum) + 1 == order.IndexOf(CheckId.CustodyTrust));
        Assert.Equal([CheckId.CustodyQuorum, CheckId.StateRequired, CheckId.AdmissionState], order[^3..]);
    }

    [Fact]
    public void Report_of_a_custody_record_says_what_moved_from_where_to_where()
    {
        var evidence = CustodyWorld.Evidence("hainan");
        Assert.Equal(
            new ReportCustody("released", CustodyWorld.Transfer(1).ToString("D"), evidence, CustodyWorld.Origin("beijing"), null, null), Situations.Report("custody released").Custody);
        Assert.Equal(
            new ReportCustody("received", CustodyWorld.Transfer(1).ToString("D"), evidence, CustodyWorld.Origin("hainan"), 8, null), Situations.Report("custody received").Custody);
        Assert.Equal(new ReportCustody("declined", CustodyWorld.Transfer(2).ToString("D"), null, CustodyWorld.Origin("hainan"), 9, null), Situations.Report("custody declined").Custody);
        Assert.Equal(new ReportCustody("withdrawn", CustodyWorld.Transfer(2).ToString("D"), null, CustodyWorld.Origin("dubai"), 8, null), Situations.Report("custody withdrawn").Custody);
        Assert.Contains($"evidence: {CustodyWorld.Origin("hainan")} 7, {evidence.Id:D}", Situations.Report("custody received").ToText(ReportLanguage.English), StringComparison.Ordinal);
        Assert.Contains("\"custody\":{\"act\":\"received\"", Situations.Report("custody received").ToJson(), StringComparison.Ordinal);
        Assert.Null(Situations.Report("anchored, anchored required").Custody);
    }

    [Fact]
    public void Report_says_whose_word_a_record_is_and_of_what()
    {
        var alarm = Situations.Report("alarm of a node");
        Assert.Equal(("alarm", 3L, "not-json", "1970-01-01T00:00:00.000Z"), (alarm.Node!.Says, alarm.Node.About, alarm.Node.Code, alarm.Node.At));
        Assert.Contains("\"node\":{\"about\":3,", alarm.ToJson(), StringComparison.Ordinal);
        Assert.Contains("about: 3, not-json, 0000", alarm.ToText(ReportLanguage.English), StringComparison.Ordinal);
        Assert.Equal(2, alarm.Remarks.Count);
        Assert.Contains("court.example/guangzhou says that the record at index 3 of this chain fails admission (not-json)", alarm.Remarks[0].En, StringComparison.Ordinal);
        Assert.Contains("索引 3 处的记录未通过准入", alarm.Remarks[0].Zh, StringComparison.Ordinal);
        Assert.Contains("No entry of the trust file names that node's key", alarm.Remarks[1].En, StringComparison.Ordinal);
        var joined = Situations.Report("record of a node that joined");
        Assert.Equal(("joined", 9L, 2L), (joined.Node!.Says, joined.Node.Size, joined.Node.Trust));
        Assert.Contains("自规模: 9", joined.ToText(ReportLanguage.Chinese), StringComparison.Ordinal);
        Assert.Null(Situations.Report("alarm of a node about another record than it signed").Node);
    }

    [Fact]
    public void Package_hands_out_the_anchor_byte_for_byte_and_limits_both_entries()
    {
        var deposit = Situations.AnchoredDeposit(World.Sm);
        var anchor = MainWorld.Anchor(deposit.Proof().Note);
        using var stream = new MemoryStream(deposit.Package());
        Assert.Null(PackageReader.TryOpen(stream, out var reader));
        Assert.Equal(anchor.Leaf.ToArray(), reader!.AnchorLeafUnverified);
        Assert.Equal(anchor.Proof, Encoding.UTF8.GetString(reader.AnchorProofUnverified!));
        using var plain = new MemoryStream(Deposit.Usual(World.Sm).Package());
        Assert.Null(PackageReader.TryOpen(plain, out reader));
        Assert.Null(reader!.AnchorLeafUnverified);
        Assert.Null(reader.AnchorProofUnverified);

        foreach (var (entry, limit) in new[] { (6, PackageReader.MaxLeafBytes), (7, TlogProof.MaxLength) })
        {
            Assert.Equal(PackageFailure.EntryTooLarge, Open(entry, new byte[limit + 1])?.Failure);
            Assert.Null(Open(entry, new byte[limit]));
        }

        PackageProblem? Open(int entry, byte[] content)
        {
            var zip = Situations.Entries(deposit.Package());
            zip.Entries[entry] = new RawEntry(Encoding.UTF8.GetString(zip.Entries[entry].NameBytes), content);
            return PackageReader.TryOpen(new MemoryStream(zip.Build()), out _);
        }
    }

    [Fact]
    public void Receipt_carries_the_anchor_and_refuses_half_of_one()
    {
        var receipt = Situations.AnchoredDeposit(World.Sm).Receipt();
        var json = receipt.ToJson();
        Assert.Equal(ReceiptProblem.None, Receipt.TryParse(json, out var back));
        Assert.Equal(json, back!.ToJson());
        Assert.Equal(receipt.Anchor!.Leaf.ToArray(), back.Anchor!.Leaf.ToArray());
        Assert.Equal(receipt.Anchor.Proof, back.Anchor.Proof);
        Assert.Equal(9, (int)ReceiptProblem.Anchor);

        var rest = Encoding.UTF8.GetString(Deposit.Usual(World.Sm).Receipt().ToJson())[1..];
        ReceiptProblem With(string anchor) => Receipt.TryParse(Encoding.UTF8.GetBytes("{\"anchor\":" + anchor + "," + rest), out _);
        Assert.Equal(ReceiptProblem.None, With("{\"proof\":\"\", \"leaf\":\"\"}"));
        foreach (var wrong in (string[])["null", "{}", "[]", "\"\"", "{\"leaf\":\"\"}", "{\"proof\":\"\"}", "{\"leaf\":{},\"proof\":\"\"}", "{\"leaf\":\"\",\"proof\":1}", "{\"leaf\":\"\",\"proof\":\"\",\"x\":1}",
            $"{{\"leaf\":\"{new string('x', (16 * 1024) + 1)}\",\"proof\":\"\"}}", $"{{\"leaf\":\"\",\"proof\":\"{new string('x', (128 * 1024) + 1)}\"}}"])
        {
            Assert.Equal(ReceiptProblem.Anchor, With(wrong));
        }
    }

    [Fact]
    public void Anchors_of_two_records_are_not_exchanged()
    {
        var one = Situations.Entries(Situations.AnchoredPackage());
        var other = Situations.AnchoredDeposit(World.Sm);
        other.Leaf = Deposit.Many(World.Sm, 2).Leaf;
        var others = Situations.Entries(other.Package());
        for (var mask = 1; mask < 8; mask++)
        {
            var mixed = new RawZip();
            for (var i = 0; i < 8; i++)
            {
                mixed.Entries.Add(i >= 5 && (mask & (1 << (i - 5))) != 0 ? others.Entries[i] : one.Entries[i]);
            }

            Assert.Equal(SubIndication.HashFailure, Situations.Verify(mixed.Build(), MainWorld.Trust(World.Sm)).SubIndication);
        }
    }

    [Fact]
    public void Every_flipped_bit_of_the_anchor_in_a_package_is_found()
    {
        var package = Situations.AnchoredPackage();
        var trust = MainWorld.Trust(World.Sm);
        var expected = Situations.Verify(package, trust).ToJson();
        for (var at = package.AsSpan().IndexOf("notary/anchor.json"u8); at < package.Length; at++)
        {
            package[at] ^= (byte)(1 << (at % 8));
            var report = Situations.Verify(package, trust);
            if (report.Indication == Indication.TotalPassed)
            {
                Assert.Equal(expected, report.ToJson());
            }

            package[at] ^= (byte)(1 << (at % 8));
        }
    }

    [Fact]
    public void Random_edits_of_the_anchor_and_its_proof_never_lead_to_another_passed_report()
    {
        // The zip is made to fit again, so that every check behind it is reached.
        var random = new Random(22);
        var package = Situations.AnchoredPackage();
        var trust = MainWorld.Trust(World.Sm);
        var expected = Situations.Verify(package, trust).ToJson();
        for (var i = 0; i < (Long ? 10_000 : 400); i++)
        {
            var zip = Situations.Entries(package);
            var entry = 6 + (i % 2);
            zip.Entries[entry] = new RawEntry(Encoding.UTF8.GetString(zip.Entries[entry].NameBytes), Mutation.Of(random, [.. zip.Entries[entry].Data]));
            var report = Situations.Verify(zip.Build(), trust);
            if (report.Indication == Indication.TotalPassed)
            {
                Assert.Equal(expected, report.ToJson());
            }
        }
    }
}
