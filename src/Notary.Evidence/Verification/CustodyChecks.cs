using System.Globalization;

namespace Notary.Evidence;

/// <summary>
/// The checks of the proof that a received or withdrawn custody leaf carries: the same walk as admission's, under the verifier's trust file. A leaf whose form is right was admitted by its
/// chain's nodes only if it held then; here it is seen to hold.
/// </summary>
internal static class CustodyChecks
{
    private static readonly CheckId[] InOrder = [CheckId.CustodyTrust, CheckId.CustodyInclusion, CheckId.CustodySignature, CheckId.CustodyQuorum];

    public static void Run(CheckList checks, CustodyRecord custody, TrustFile? trust)
    {
        if (custody.Proof is not { } proof)
        {
            return;
        }

        if (trust is null)
        {
            checks.Open(CheckId.CustodyTrust, SubIndication.None, CheckOutcome.CouldNotBePerformed, because: SealChecks.NoTrust);
            return;
        }

        var check = proof.Check(trust);
        var (failed, sub) = check.Failure switch
        {
            AdmissionFailure.None => (default(CheckId?), SubIndication.None),
            AdmissionFailure.CustodyProofUnknownChain => (CheckId.CustodyTrust, SubIndication.NoCertificateChainFound),
            AdmissionFailure.CustodyProofOutsideRange => (CheckId.CustodyTrust, SubIndication.NoSigningCertificateFound),
            AdmissionFailure.CustodyProofNotIncluded => (CheckId.CustodyInclusion, SubIndication.HashFailure),
            AdmissionFailure.CustodyProofSignature => (CheckId.CustodySignature, check.LineInvalid ? SubIndication.SigCryptoFailure : SubIndication.NoSigningCertificateFound),
            AdmissionFailure.CustodyProofNotFinal or AdmissionFailure.CustodyProofNotExact => (CheckId.CustodyQuorum, SubIndication.FormatFailure),
            _ => throw new InvalidOperationException($"A carried proof does not end in {check.Failure}."),
        };
        foreach (var id in InOrder.TakeWhile(id => id != failed))
        {
            checks.Passed(id, null, Compared(id, proof, trust));
        }

        if (failed is { } at)
        {
            // A checkpoint that lacks its quorum is sealed for good in this leaf: it will not be final later.
            checks.Open(at, sub, CheckOutcome.Failed, compared: Compared(at, proof, trust), reason: AdmissionResult.CodeOf(check.Failure) + (check.OnMain ? " on the main chain" : $" on {proof.Facts.Chain}"));
        }
    }

    private static Comparison Compared(CheckId id, AnchoredLeaf proof, TrustFile trust)
    {
        var (region, main) = (proof.Checkpoint, proof.MainCheckpoint);
        return id switch
        {
            CheckId.CustodyTrust => new Comparison(
                "chains of the trust file", string.Join(", ", trust.Content.Chains.Select(chain => chain.Origin).Distinct()),
                "chains of the proof", string.Create(CultureInfo.InvariantCulture, $"{proof.Facts.Chain} at main index {proof.MainIndex}, {main.Origin} at {main.Size - 1}")),
            CheckId.CustodyInclusion => new Comparison(
                "roots of the two checkpoints", $"{region.Root.ToHex()}, {main.Root.ToHex()}",
                "proved under them", string.Create(CultureInfo.InvariantCulture, $"leaf {proof.Index} of {region.Size}, anchor {proof.MainIndex} of {main.Size}")),
            CheckId.CustodySignature => new Comparison("log keys of the trust file", Keys(trust, region.Origin, proof.MainIndex) + ", " + Keys(trust, main.Origin, main.Size - 1), "lines", proof.Lines),
            _ => new Comparison("policies of the trust file", Policy(trust, region.Origin, proof.MainIndex) + ", " + Policy(trust, main.Origin, main.Size - 1), "lines", proof.Lines),
        };
    }

    private static string Keys(TrustFile trust, string origin, long index) => string.Join(", ", trust.Find(origin, index)?.LogKeys.Select(static key => key.Format()) ?? []);

    private static string Policy(TrustFile trust, string origin, long index) => trust.Find(origin, index)?.PolicyText ?? "none";
}
