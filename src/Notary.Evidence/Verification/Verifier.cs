using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>Options of a verification.</summary>
public sealed record VerifierOptions
{
    /// <summary>What the zip reader takes at most.</summary>
    public ZipLimits Limits { get; init; } = ZipLimits.Default;

    public static VerifierOptions Default { get; } = new();
}

/// <summary>
/// The one offline verifier, for the command line, the server and the tests. Bad input never throws: it ends in a report. Errors
/// of the streams themselves (a disk that does not read) are the caller's. No native code, no network, no clock.
/// </summary>
public static class Verifier
{
    private static readonly BilingualText Pointless = new("a check before it made it pointless", "因前面的检查结果,无需执行");
    private static readonly BilingualText NotHere = new("it does not apply here", "此处不适用");

    /// <summary>Verifies a package.</summary>
    /// <param name="package">Seekable; not owned.</param>
    /// <param name="files">Files beside the package, for parts that it does not hold.</param>
    /// <param name="trust">From outside the package, never out of it; null when there is none yet.</param>
    public static VerificationReport Verify(Stream package, IReadOnlyList<GivenFile> files, TrustFile? trust, VerifierOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        var checks = new CheckList();
        var problem = PackageReader.TryOpen(package, out var reader, (options ?? VerifierOptions.Default).Limits);
        if (problem is not null)
        {
            var id = problem.Failure switch
            {
                PackageFailure.Zip => CheckId.ZipStructure,
                PackageFailure.Mimetype => CheckId.ZipMimetype,
                PackageFailure.Openings => CheckId.PackageOpenings,
                _ => CheckId.PackageEntries,
            };
            foreach (var before in new[] { CheckId.ZipStructure, CheckId.ZipMimetype }.Where(before => before < id))
            {
                checks.Passed(before);
            }

            checks.Failed(id, SubIndication.FormatFailure, problem.Entry, reason: problem.Detail);
            return Report(checks, null, null, null, trust, problem);
        }

        checks.Passed(CheckId.ZipStructure);
        checks.Passed(CheckId.ZipMimetype);
        checks.Passed(CheckId.PackageEntries);
        checks.Passed(CheckId.PackageOpenings);
        return Run(checks, reader!.LeafUnverified.Span, reader.OpeningsUnverified, reader.ProofUnverified.Span,
            reader.AnchorLeafUnverified is { } anchor ? (anchor, reader.AnchorProofUnverified!) : null, null, reader, files, trust);
    }

    /// <summary>
    /// Verifies a receipt on the same path. With openings (made from the receipt's own secret, see <see cref="Openings.FromSecret"/>)
    /// and files the verdict is that of a package; alone it shows record, number, proof and seal, and stays SIGNED_DATA_NOT_FOUND.
    /// </summary>
    public static VerificationReport VerifyReceipt(Receipt receipt, Openings? openings, IReadOnlyList<GivenFile> files, TrustFile? trust)
    {
        ArgumentNullException.ThrowIfNull(receipt);
        ArgumentNullException.ThrowIfNull(files);
        var checks = new CheckList();
        checks.Passed(CheckId.ReceiptFormat);
        return Run(checks, receipt.LeafBytes, openings, System.Text.Encoding.UTF8.GetBytes(receipt.Proof),
            receipt.Anchor is { } anchor ? (anchor.Leaf.ToArray(), System.Text.Encoding.UTF8.GetBytes(anchor.Proof)) : null, receipt.Number, null, files, trust);
    }

    /// <summary>Verifies a receipt's JSON.</summary>
    public static VerificationReport VerifyReceipt(ReadOnlySpan<byte> receipt, Openings? openings, IReadOnlyList<GivenFile> files, TrustFile? trust)
    {
        var problem = Receipt.TryParse(receipt, out var parsed);
        if (problem != ReceiptProblem.None)
        {
            var checks = new CheckList();
            checks.Failed(CheckId.ReceiptFormat, SubIndication.FormatFailure, reason: problem.ToString());
            return Report(checks, null, null, null, trust, null);
        }

        return VerifyReceipt(parsed!, openings, files, trust);
    }

    private static VerificationReport Run(
        CheckList checks, ReadOnlySpan<byte> leafBytes, Openings? openings, ReadOnlySpan<byte> proof, (byte[] Leaf, byte[] Proof)? anchor, string? number,
        PackageReader? package, IReadOnlyList<GivenFile> files, TrustFile? trust)
    {
        var leaf = LeafView.TryRead(checks, leafBytes);
        if (leaf is null)
        {
            return Report(checks, null, null, null, trust, null);
        }

        var seal = new SealChecks(checks);
        seal.Run(leaf, leafBytes, proof, anchor, trust, number);
        if (leaf.Custody is { } custody)
        {
            CustodyChecks.Run(checks, custody, trust);
        }

        PartChecks? parts = null;
        var suite = seal.Chain?.Suite ?? seal.Proof?.Suite;
        if (leaf.Id is not null && leaf.Chain is not null && suite is not null && !checks.HasFailed(CheckId.LeafForm))
        {
            // A record of another known kind has no parts and no metadata: what a package gives it is refused by the same comparisons.
            var isEvidence = leaf.Kind == "evidence";
            if (openings is not null && (isEvidence || checks.HasPassed(CheckId.LeafForm)))
            {
                parts = new PartChecks(checks, suite, leaf, openings);
                parts.Run(package, files);
            }
            else if (openings is null && isEvidence)
            {
                checks.Open(CheckId.PartPresent, SubIndication.SignedDataNotFound, CheckOutcome.NotPerformed,
                    because: new BilingualText("a receipt alone holds neither the parts nor their descriptions", "单独的回执既不含各部分,也不含其说明"));
            }
        }

        checks.Open(CheckId.AdmissionState, SubIndication.None, CheckOutcome.CouldNotBePerformed,
            because: new BilingualText("it needs the entries of the chain before this record, which only the chain and its nodes hold", "需要链上该记录之前的条目,仅链及其节点持有"));
        return Report(checks, leaf, seal, parts, trust, null);
    }

    private static VerificationReport Report(CheckList list, LeafView? leaf, SealChecks? seal, PartChecks? parts, TrustFile? trust, PackageProblem? problem)
    {
        if (trust is null && seal is null)
        {
            list.Open(CheckId.TrustFile, SubIndication.NoCertificateChainFound, CheckOutcome.NotPerformed, because: new BilingualText("no trust file was given", "未提供信任文件"));
        }

        var checks = list.Finish(id => list.FailedBefore(id) ? Pointless : NotHere);
        var times = Times(leaf, seal, parts);
        var deciding = new VerificationReport(checks) { Sentence = new BilingualText(string.Empty, string.Empty), Remarks = [], State = new ReportState(RecordState.None, null, false, null, null, null), Parts = [], Fields = [] };
        return new VerificationReport(checks)
        {
            Notice = VerdictTexts.Notice(trust?.Mode),
            Sentence = VerdictTexts.Sentence(deciding, times?.Sealed, leaf?.Chain, seal?.Number, seal?.NoQuorum ?? false),
            Remarks = VerdictTexts.Remarks(times, problem, leaf?.Statement, trust),
            Trust = trust is null ? null : new ReportTrust(trust.Content.Deployment, trust.Content.Version, trust.Fingerprint, trust.Mode, trust.Required),
            Record = leaf is null ? null : new ReportRecord(
                seal?.Number, seal?.Proof?.Index, leaf.IdText, leaf.Kind, leaf.Version, leaf.Chain, leaf.Text("account"), leaf.Text("auth"), leaf.Text("relation"), leaf.Text("type"), leaf.Text("previous")),
            State = new ReportState(seal?.Reached ?? RecordState.None, trust?.Required, seal?.NoQuorum ?? false, seal?.Verified?.Size, seal?.Verified?.Root, seal?.Reached == RecordState.Anchored ? seal.MainIndex : null),
            Custody = leaf?.Custody is { } custody ? CustodyOf(custody) : null,
            Node = leaf?.Statement is { } statement ? NodeOf(statement) : null,
            Parts = parts?.Parts ?? [],
            Fields = parts?.Fields ?? [],
            Times = times,
        };
    }

    private static ReportCustody CustodyOf(CustodyRecord custody)
    {
        var proved = custody.Proof;
        return new ReportCustody(
            CustodyActs.Name(custody.Act), custody.Transfer.ToString("D"), custody.Evidence ?? proved?.Facts.CustodyRecord!.Evidence, custody.Peer, proved?.Index ?? (custody.Release.Index < 0 ? null : custody.Release.Index), custody.Via);
    }

    private static ReportNode NodeOf(NodeStatement statement)
    {
        var (alarm, joined) = (statement as AlarmRecord, statement as NodeRecord);
        return new ReportNode(
            alarm is null ? NodeRecord.Joined : RecordKinds.Name(RecordKind.Alarm), statement.Key.Format(), RecordTime.Format(statement.At), alarm?.Index, alarm?.Leaf, alarm?.Code, joined?.Size, joined?.Trust);
    }

    private static ReportTimes? Times(LeafView? leaf, SealChecks? seal, PartChecks? parts)
    {
        if (leaf is null)
        {
            return null;
        }

        var at = leaf.Text("sealed");
        var generated = parts?.Generated;
        long? gap = at is not null && generated is not null && RecordTime.TryParse(at, out var end) && RecordTime.TryParse(generated, out var start) ? end - start : null;
        return new ReportTimes(at, leaf.Text("received"), leaf.Text("sent"), generated, gap, Seconds(seal?.FinalAt), Seconds(seal?.AnchoredAt));
    }

    // A node's clock may say anything: what the one time format cannot say is left out.
    private static string? Seconds(long? time) => time is >= 0 and <= RecordTime.MaxMilliseconds / 1000 ? RecordTime.Format(time.Value * 1000) : null;
}
