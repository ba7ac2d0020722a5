using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// The checks of the walk from a record's checkpoint to the main chain: region checkpoint → anchor leaf → main checkpoint. The first half needs no trust
/// file; the second says whose main chain it is. Only when every hop holds, the quorum's included, is there a main index by which the region may be judged.
/// </summary>
internal sealed class AnchorChecks(CheckList checks)
{
    /// <summary>Index of the anchor on the main chain, once every hop to a final main checkpoint holds; null otherwise.</summary>
    public long? MainIndex { get; private set; }

    /// <summary>Whether the main chain's policy demands no cosignatures.</summary>
    public bool NoQuorum { get; private set; }

    /// <summary>Earliest time, in POSIX seconds, of the main chain's quorum; null while it is not reached, or when none is demanded.</summary>
    public long? At { get; private set; }

    /// <param name="recordChain">The origin that the record names.</param>
    /// <param name="recordProof">The record's own proof, whose checkpoint is to be the anchored one.</param>
    /// <param name="leaf">The anchor leaf.</param>
    /// <param name="proofBytes">Its proof.</param>
    public void Run(string? recordChain, TlogProof recordProof, ReadOnlySpan<byte> leaf, ReadOnlySpan<byte> proofBytes, TrustFile? trust)
    {
        if (Form(recordChain, leaf) is not { } facts)
        {
            return;
        }

        // Text for text is byte for byte: what parses as a note formats to the same bytes.
        var same = checks.Compare(CheckId.AnchorNote, SubIndication.HashFailure, null,
            new Comparison("checkpoint note in the record's proof", recordProof.Note.Format(), "note in the anchor", facts.AnchorRecord!.NoteText));
        var parse = TlogProof.TryParse(proofBytes, out var proof);
        if (!parse.Ok || proof!.Extra is not null)
        {
            checks.Failed(CheckId.AnchorProof, SubIndication.FormatFailure, reason: parse.Ok ? "extra data in the proof" : $"{parse.Problem} at byte {parse.Offset}");
            return;
        }

        checks.Passed(CheckId.AnchorProof);
        var checkpoint = proof.CheckpointUnverified;
        var bound = checks.Compare(CheckId.AnchorOrigin, SubIndication.FormatFailure, null,
            new Comparison("chain in the anchor", facts.Chain, "origin of the main checkpoint", checkpoint.Origin));
        var included = SealChecks.Inclusion(checks, CheckId.AnchorInclusion, proof, leaf, "root of the main checkpoint", "computed from the anchor and its proof");
        if (Main(facts.Chain, trust) is not { } newest)
        {
            checks.Open(CheckId.AnchorSignature, SubIndication.None, CheckOutcome.CouldNotBePerformed, because: trust is null ? SealChecks.NoTrust : null,
                reason: SealChecks.LinesBy(proof));
            return;
        }

        if (bound && Signatures(proof, newest, trust!) && same && included)
        {
            MainIndex = proof.Index;
        }
    }

    private LeafFacts? Form(string? recordChain, ReadOnlySpan<byte> leaf)
    {
        var form = Admission.AdmitForm(leaf, out var facts);
        if (facts.Kind == RecordKind.Anchor && form.Failure == AdmissionFailure.UnknownVersion)
        {
            checks.Open(CheckId.AnchorForm, SubIndication.SignaturePolicyNotAvailable, CheckOutcome.CouldNotBePerformed, reason: LeafView.Reason(form),
                because: new BilingualText("the anchor is of a version whose rules this verifier does not have", "本核验程序没有该版本锚定记录的规则"));
            return null;
        }

        // Its own chain cannot vouch for a record: the main chain has no anchors of itself, and needs none.
        var reason = facts.Kind != RecordKind.Anchor && (form.Ok || form.Indeterminate) ? "of another kind"
            : !form.Ok ? LeafView.Reason(form)
            : facts.Chain == recordChain ? "on the record's own chain"
            : null;
        if (reason is null)
        {
            checks.Passed(CheckId.AnchorForm);
            return facts;
        }

        checks.Failed(CheckId.AnchorForm, SubIndication.FormatFailure, reason: reason);
        return null;
    }

    private TrustedChain? Main(string origin, TrustFile? trust)
    {
        if (trust is null)
        {
            checks.Open(CheckId.AnchorMain, SubIndication.None, CheckOutcome.CouldNotBePerformed, because: SealChecks.NoTrust);
            return null;
        }

        var main = trust.Main;
        var compared = new Comparison("main chain of the trust file", main?.Origin ?? "none", "chain in the anchor", origin);
        if (main is null || main.Origin != origin)
        {
            checks.Open(CheckId.AnchorMain, SubIndication.NoCertificateChainFound, CheckOutcome.Failed, compared: compared);
            return null;
        }

        checks.Passed(CheckId.AnchorMain, null, compared);
        return main;
    }

    private bool Signatures(TlogProof proof, TrustedChain newest, TrustFile trust)
    {
        if (!checks.Compare(CheckId.AnchorSuite, SubIndication.FormatFailure, null,
            new Comparison("suite of the main chain in the trust file", newest.Suite.Name, "suite of the anchor's proof", proof.Suite.Name)))
        {
            return false;
        }

        var last = proof.CheckpointUnverified.Size - 1;
        if (trust.Find(newest.Origin, last) is not { } main)
        {
            return checks.Open(CheckId.AnchorSignature, SubIndication.NoSigningCertificateFound, CheckOutcome.Failed, compared: SealChecks.Range(trust, newest.Origin, "last index of the main checkpoint", last),
                because: SealChecks.NoEntry);
        }

        var verdict = main.Policy.Evaluate(proof.Note, main.LogKeys);
        if (!SealChecks.LogSigned(checks, CheckId.AnchorSignature, proof, main, verdict))
        {
            return false;
        }

        NoQuorum = main.Policy.QuorumNone;
        SealChecks.Quorum(checks, CheckId.AnchorQuorum, main, verdict);
        At = SealChecks.Earliest(verdict);
        return verdict.Ok;
    }
}
