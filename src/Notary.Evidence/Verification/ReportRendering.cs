using System.Globalization;
using System.Text;

namespace Notary.Evidence;

/// <summary>Which language a text report is written in.</summary>
public enum ReportLanguage
{
    English,
    Chinese,
    Both,
}

/// <summary>A report as JSON (canonical, schema in docs/spec/verdicts.md) and as plain text. The command line and the server share it.</summary>
public static class ReportRendering
{
    public static string ToJson(this VerificationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return Encoding.UTF8.GetString(CanonicalValue.OfObject(
            ("checks", CanonicalValue.OfArray(report.Checks.Select(CheckOf))),
            ("custody", report.Custody is not { } custody ? null : CanonicalValue.OfObject(
                ("act", Text(custody.Act)),
                ("evidence", custody.Evidence?.ToValue()),
                ("peer", Text(custody.Peer)),
                ("peerIndex", Number(custody.PeerIndex)),
                ("transfer", Text(custody.Transfer)),
                ("via", Number(custody.Via)))),
            ("decidingCheck", Text(report.DecidingCheck?.Name)),
            ("fields", CanonicalValue.OfArray(report.Fields.Select(field => CanonicalValue.OfObject(("json", Text(field.Json)), ("name", Text(field.Name)))))),
            ("indication", Text(IndicationNames.Of(report.Indication))),
            ("indicationUrn", Text(IndicationNames.UrnOf(report.Indication))),
            ("node", report.Node is not { } node ? null : CanonicalValue.OfObject(
                ("about", Number(node.About)),
                ("at", Text(node.At)),
                ("code", Text(node.Code)),
                ("key", Text(node.Key)),
                ("leaf", Text(node.Leaf?.ToHex())),
                ("says", Text(node.Says)),
                ("size", Number(node.Size)),
                ("trust", Number(node.Trust)))),
            ("notice", Text(report.Notice)),
            ("parts", CanonicalValue.OfArray(report.Parts.Select(PartOf))),
            ("record", RecordOf(report.Record)),
            ("remarks", CanonicalValue.OfArray(report.Remarks.Select(remark => Text(remark)!))),
            ("sentence", Text(report.Sentence)),
            ("state", CanonicalValue.OfObject(
                ("anchorIndex", Number(report.State.AnchorIndex)),
                ("checkpointRoot", Text(report.State.CheckpointRoot?.ToHex())),
                ("checkpointSize", Number(report.State.CheckpointSize)),
                ("noQuorum", CanonicalValue.Of(report.State.NoQuorum)),
                ("reached", Text(TrustNames.Of(report.State.Reached))),
                ("required", Text(report.State.Required is { } required ? TrustNames.Of(required) : null)))),
            ("subIndication", Text(IndicationNames.Of(report.SubIndication))),
            ("subIndicationUrn", Text(IndicationNames.UrnOf(report.SubIndication))),
            ("times", report.Times is not { } times ? null : CanonicalValue.OfObject(
                ("anchoredAt", Text(times.AnchoredAt)),
                ("finalAt", Text(times.FinalAt)),
                ("gapMilliseconds", Number(times.GapMilliseconds)),
                ("generated", Text(times.Generated)),
                ("received", Text(times.Received)),
                ("sealed", Text(times.Sealed)),
                ("sent", Text(times.Sent)))),
            ("trust", report.Trust is not { } trust ? null : CanonicalValue.OfObject(
                ("deployment", Text(trust.Deployment)),
                ("fingerprint", Text(trust.Fingerprint.ToHex())),
                ("mode", Text(TrustNames.Of(trust.Mode))),
                ("required", Text(TrustNames.Of(trust.Required))),
                ("version", Number(trust.Version)))),
            ("v", CanonicalValue.Of(1))).ToBytes());
    }

    /// <summary>Plain text, UTF-8, lines end in a newline. Control characters of the input are shown escaped.</summary>
    public static string ToText(this VerificationReport report, ReportLanguage language = ReportLanguage.Both)
    {
        ArgumentNullException.ThrowIfNull(report);
        var text = new StringBuilder();
        Languages(text, report.Notice, language, string.Empty);
        text.Append(IndicationNames.Of(report.Indication));
        text.Append(report.SubIndication == SubIndication.None ? "\n" : $" / {IndicationNames.Of(report.SubIndication)}\n");
        Languages(text, report.Sentence, language, string.Empty);
        foreach (var remark in report.Remarks)
        {
            Languages(text, remark, language, string.Empty);
        }

        if (report.Record is { } record)
        {
            text.Append('\n');
            Row(text, language, "number", "编号", record.Number);
            Row(text, language, "id", "标识", record.Id);
            Row(text, language, "kind", "种类", record.Kind);
            Row(text, language, "chain", "链", record.Chain);
            Row(text, language, "type", "证据类型", record.Type);
            Row(text, language, "account", "提交账户", record.Account);
            Row(text, language, "relation to the platform", "与平台的关系", record.Relation);
            Row(text, language, "state", "状态", TrustNames.Of(report.State.Reached) + (report.State.NoQuorum ? " (no quorum / 无法定会签)" : string.Empty));
        }

        if (report.Custody is { } custody)
        {
            Row(text, language, "custody", "保管移交", custody.Act);
            Row(text, language, "transfer", "移交标识", custody.Transfer);
            Row(text, language, "evidence", "证据记录", custody.Evidence is { } evidence ? string.Create(CultureInfo.InvariantCulture, $"{evidence.Chain} {evidence.Index}, {evidence.Id:D}") : null);
            Row(text, language, custody.PeerIndex is null ? "to" : "answers", custody.PeerIndex is null ? "移往" : "所答复",
                custody.PeerIndex is { } answered ? string.Create(CultureInfo.InvariantCulture, $"{custody.Peer} {answered}") : custody.Peer);
        }

        if (report.Node is { } node)
        {
            Row(text, language, "node", "节点", node.Key);
            Row(text, language, "says", "声明", node.Says);
            Row(text, language, "about", "所指记录", node.About is { } about ? string.Create(CultureInfo.InvariantCulture, $"{about}, {node.Code}, {node.Leaf?.ToHex()}") : null);
            Row(text, language, "from size", "自规模", node.Size?.ToString(CultureInfo.InvariantCulture));
            Row(text, language, "by trust file version", "依信任文件版本", node.Trust?.ToString(CultureInfo.InvariantCulture));
            Row(text, language, "said (by the node's clock)", "声明时间(节点时钟)", node.At);
        }

        if (report.Times is { } times)
        {
            Row(text, language, "sealed", "封存时间", times.Sealed);
            Row(text, language, "final (earliest cosignature)", "最终确定时间(最早会签)", times.FinalAt);
            Row(text, language, "anchored (earliest cosignature)", "锚定时间(最早会签)", times.AnchoredAt);
            Row(text, language, "received", "接收时间", times.Received);
            Row(text, language, "sent (claimed)", "发送时间(自述)", times.Sent);
            Row(text, language, "generated (claimed)", "生成时间(自述)", times.Generated);
        }

        if (report.Trust is { } trust)
        {
            Row(text, language, "trust file", "信任文件", $"{trust.Deployment} v{trust.Version.ToString(CultureInfo.InvariantCulture)}, {TrustNames.Of(trust.Mode)}, {trust.Fingerprint.ToHex()}");
        }

        foreach (var part in report.Parts)
        {
            text.Append(CultureInfo.InvariantCulture, $"\npart/{part.Index}: {Printable(part.EntryName)}{(part.NameSealed ? string.Empty : " (derived name / 派生名称)")}, {part.Media}, {part.Size}\n");
            text.Append(CultureInfo.InvariantCulture, $"  SM3     {part.Sm3.ToHex()}\n  SHA-256 {part.Sha256.ToHex()}\n");
        }

        if (report.Fields.Count > 0)
        {
            text.Append('\n');
            foreach (var field in report.Fields)
            {
                Row(text, language, field.Name, field.Name, field.Json);
            }
        }

        text.Append('\n');
        foreach (var check in report.Checks)
        {
            text.Append(CultureInfo.InvariantCulture, $"[{Mark(check.Outcome)}] {check.Name}\n");
            Languages(text, check.Text, language, "    ");
            if (check.Reason is { } reason)
            {
                text.Append("    ").Append(Printable(reason)).Append('\n');
            }

            if (check.Compared is { } compared)
            {
                text.Append(CultureInfo.InvariantCulture, $"    {compared.ExpectedFrom}: {Printable(compared.Expected)}\n    {Printable(compared.ActualFrom)}: {Printable(compared.Actual)}\n");
            }
        }

        return text.ToString();
    }

    private static string Mark(CheckOutcome outcome) => outcome switch
    {
        CheckOutcome.Passed => "ok",
        CheckOutcome.Failed => "FAILED",
        CheckOutcome.NotPerformed => "--",
        _ => "??",
    };

    private static void Languages(StringBuilder text, BilingualText? value, ReportLanguage language, string indent)
    {
        if (value is null)
        {
            return;
        }

        if (language != ReportLanguage.Chinese)
        {
            text.Append(indent).Append(Printable(value.En)).Append('\n');
        }

        if (language != ReportLanguage.English)
        {
            text.Append(indent).Append(Printable(value.Zh)).Append('\n');
        }
    }

    private static void Row(StringBuilder text, ReportLanguage language, string en, string zh, string? value)
    {
        if (value is not null)
        {
            var label = language switch
            {
                ReportLanguage.English => en,
                ReportLanguage.Chinese => zh,
                _ => en == zh ? en : $"{en} / {zh}",
            };
            text.Append(label).Append(": ").Append(Printable(value)).Append('\n');
        }
    }

    /// <summary>A terminal must not obey what a package says: control and format characters (escape sequences, direction marks) are spelled out.</summary>
    private static string Printable(string value)
    {
        var text = new StringBuilder(value.Length);
        foreach (var rune in value.EnumerateRunes())
        {
            var hidden = Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            text.Append(hidden ? $"\\u{{{rune.Value:x}}}" : rune.ToString());
        }

        return text.ToString();
    }

    private static CanonicalValue CheckOf(VerificationCheck check) => CanonicalValue.OfObject(
        ("compared", check.Compared is not { } compared ? null : CanonicalValue.OfObject(
            ("actual", Text(compared.Actual)), ("actualFrom", Text(compared.ActualFrom)), ("expected", Text(compared.Expected)), ("expectedFrom", Text(compared.ExpectedFrom)))),
        ("id", Text(check.Name)),
        ("outcome", Text(CheckCatalogue.CodeOf(check.Outcome))),
        ("reason", Text(check.Reason)),
        ("subIndication", Text(IndicationNames.Of(check.Sub))),
        ("subject", Text(check.Subject)),
        ("text", Text(check.Text)));

    private static CanonicalValue PartOf(ReportPart part) => CanonicalValue.OfObject(
        ("entryName", Text(part.EntryName)),
        ("index", CanonicalValue.Of(part.Index)),
        ("kind", Text(part.Kind)),
        ("matches", CanonicalValue.Of(part.Matches)),
        ("media", Text(part.Media)),
        ("nameSealed", CanonicalValue.Of(part.NameSealed)),
        ("sha256", Text(part.Sha256.ToHex())),
        ("size", CanonicalValue.Of(part.Size)),
        ("sm3", Text(part.Sm3.ToHex())),
        ("source", Text(part.Source)));

    private static CanonicalValue? RecordOf(ReportRecord? record) => record is null ? null : CanonicalValue.OfObject(
        ("account", Text(record.Account)),
        ("auth", Text(record.Auth)),
        ("chain", Text(record.Chain)),
        ("id", Text(record.Id)),
        ("index", Number(record.Index)),
        ("kind", Text(record.Kind)),
        ("number", Text(record.Number)),
        ("previous", Text(record.Previous)),
        ("relation", Text(record.Relation)),
        ("type", Text(record.Type)),
        ("version", Number(record.Version)));

    private static CanonicalValue? Text(string? value) => value is null ? null : CanonicalValue.Of(value);

    private static CanonicalValue? Text(BilingualText? value) =>
        value is null ? null : CanonicalValue.OfObject(("en", CanonicalValue.Of(value.En)), ("zh", CanonicalValue.Of(value.Zh)));

    private static CanonicalValue? Number(long? value) => value is { } number ? CanonicalValue.Of(number) : null;
}
