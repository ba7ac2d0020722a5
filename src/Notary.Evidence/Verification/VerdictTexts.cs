using System.Globalization;

namespace Notary.Evidence;

/// <summary>
/// The sentences of a verdict. They are as narrow as what was checked: 人民法院在线诉讼规则 article 16 lets a court find data unaltered
/// since it was put on chain, unless rebutted; truth before that (article 18) and admissibility (article 15) are the court's.
/// The words "true", "genuine" and "admissible" are never said of content.
/// </summary>
internal static class VerdictTexts
{
    public static BilingualText? Notice(TrustMode? mode) => mode switch
    {
        TrustMode.Development => new BilingualText(
            "DEVELOPMENT: the trust file describes a development deployment without ledger nodes; nobody but its operator stands behind this seal.",
            "开发环境:信任文件所述为没有账本节点的开发部署;除运营者外,无人为此封存作证。"),
        TrustMode.Demonstration => new BilingualText(
            "DEMONSTRATION: the trust file describes a demonstration deployment whose ledger nodes are all under one operator.",
            "演示环境:信任文件所述为演示部署,其全部账本节点由同一运营者控制。"),
        _ => null,
    };

    public static BilingualText Sentence(VerificationReport verdict, string? at, string? chain, string? number, bool noQuorum)
    {
        var state = noQuorum ? ("sealed (no quorum)", "封存(无法定会签)") : ("sealed", "封存");
        var name = number ?? chain;
        return verdict.SubIndication switch
        {
            SubIndication.None => new BilingualText(
                $"The content is consistent with what was {state.Item1} as {name} at {at}; it may be presumed unaltered since then, which can be rebutted. This says nothing of the content before that time, nor whether a court will rely on it.",
                $"内容与 {at} 以 {name} {state.Item2}的内容一致;可推定自该时起未经篡改,但可由相反证据推翻。本结论不涉及该时间之前的内容情况,也不涉及法院是否采信。"),
            SubIndication.FormatFailure => new BilingualText(
                "The file is not in the form that it must have; nothing in it can be relied on.", "文件不符合其应有的形式;其中任何内容均不可依赖。"),
            SubIndication.HashFailure => new BilingualText(
                "Something is NOT consistent with what was sealed: at least one digest differs.", "存在与封存内容不一致之处:至少一项摘要不同。"),
            SubIndication.SigCryptoFailure => new BilingualText(
                "A signature under the checkpoint does not verify: the seal is not the chain's.", "检查点上的签名未通过验证:该封存并非出自该链。"),
            SubIndication.NoCertificateChainFound => new BilingualText(
                "It cannot be said whose seal this is: no trust file from outside that knows the chain was given.", "无法判断该封存出自何处:未从外部提供包含该链的信任文件。"),
            SubIndication.NoSigningCertificateFound => new BilingualText(
                "It cannot be said whose seal this is: the checkpoint bears no signature of a key that the trust file names for the chain.", "无法判断该封存出自何处:检查点没有信任文件为该链所列密钥的签名。"),
            SubIndication.SignaturePolicyNotAvailable => new BilingualText(
                "The record is of a kind or version whose rules this verifier does not have; a newer verifier may judge it.", "该记录的种类或版本的规则不为本核验程序所知;可使用更新的核验程序。"),
            SubIndication.SignedDataNotFound => new BilingualText(
                "What was compared is consistent, but not every part was at hand to compare.", "已比对的部分一致,但并非所有部分都已提供以供比对。"),
            SubIndication.TryLater => new BilingualText(
                "The record has not yet reached, as far as this file shows, the state that the trust file requires; get a newer proof.", "就本文件所示,该记录尚未达到信任文件要求的状态;请取得更新的证明。"),
            _ => throw new ArgumentOutOfRangeException(nameof(verdict)),
        };
    }

    public static IReadOnlyList<BilingualText> Remarks(ReportTimes? times, PackageProblem? problem, NodeStatement? statement, TrustFile? trust)
    {
        var remarks = new List<BilingualText>();
        if (problem?.Zip is { } zip)
        {
            remarks.Add(new BilingualText($"The zip reader stopped: {zip}", $"ZIP 读取中止:{zip}"));
        }

        if (times is { GapMilliseconds: { } gap })
        {
            var seconds = (gap / 1000m).ToString("0.000", CultureInfo.InvariantCulture);
            remarks.Add(new BilingualText(
                $"Between the claimed time of generation and the sealing lie {seconds} s; the chain says nothing of that span.",
                $"所称生成时间与封存时间相隔 {seconds} 秒;链对此期间不作任何说明。"));
        }

        if (statement is not null)
        {
            remarks.Add(statement is AlarmRecord alarm
                ? new BilingualText(
                    FormattableString.Invariant($"The record is a ledger node's alarm: {alarm.Key.Name} says that the record at index {alarm.Index} of this chain fails admission ({alarm.Code}). That it says so is verified; that it is so, the chain's entries show."),
                    FormattableString.Invariant($"该记录是账本节点的警报:{alarm.Key.Name} 称本链索引 {alarm.Index} 处的记录未通过准入({alarm.Code})。此处核验的是该节点作出此声明;声明是否属实须以链上条目为准。"))
                : new BilingualText(
                    FormattableString.Invariant($"The record is a ledger node's own word: {statement.Key.Name} says that its key came into use on this chain."),
                    FormattableString.Invariant($"该记录是账本节点的自述:{statement.Key.Name} 称其密钥已在本链启用。")));
            if (trust is not null && !trust.EntriesOf(statement.Chain).Any(entry => entry.Policy.Witnesses.Any(witness => witness.Key.Equals(statement.Key))))
            {
                remarks.Add(new BilingualText("No entry of the trust file names that node's key for the chain.", "信任文件中该链的任何条目均未列出该节点的密钥。"));
            }
        }

        return remarks;
    }
}
