using System.Globalization;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// The checks between leaf and trust file: proof, checkpoint, signature, quorum, anchor, state. The first half needs no trust file and
/// shows inclusion under whatever checkpoint came along; only the second half says whose checkpoint it is. The anchor comes before the
/// checkpoint's own signatures: it says at which main index they are judged.
/// </summary>
internal sealed class SealChecks(CheckList checks)
{
    internal static readonly BilingualText NoTrust = new("no trust file was given", "未提供信任文件");
    internal static readonly BilingualText NoEntry = new("no entry of the trust file holds there", "信任文件中没有在该处有效的条目");

    private readonly AnchorChecks _anchor = new(checks);

    // The entry by whose keys and policy the checkpoint is judged; null when none holds.
    private TrustedChain? _entry;

    private bool _isMain;

    public TlogProof? Proof { get; private set; }

    public TrustedChain? Chain { get; private set; }

    public RecordState Reached { get; private set; }

    public bool NoQuorum { get; private set; }

    /// <summary>The number under the trust file's code; null without one.</summary>
    public string? Number { get; private set; }

    /// <summary>The checkpoint once its signature is verified.</summary>
    public Checkpoint? Verified { get; private set; }

    /// <summary>Index of the anchor on the main chain, once every hop to a final main checkpoint holds.</summary>
    public long? MainIndex => _anchor.MainIndex;

    /// <summary>Earliest time, in POSIX seconds, of the verified quorum under the record's checkpoint; null without one.</summary>
    public long? FinalAt { get; private set; }

    /// <summary>Earliest time, in POSIX seconds, of the main chain's verified quorum; null unless anchored.</summary>
    public long? AnchoredAt { get; private set; }

    public void Run(LeafView leaf, ReadOnlySpan<byte> leafBytes, ReadOnlySpan<byte> proofBytes, (byte[] Leaf, byte[] Proof)? anchor, TrustFile? trust, string? claimedNumber)
    {
        var parse = TlogProof.TryParse(proofBytes, out var proof);
        if (!parse.Ok)
        {
            checks.Failed(CheckId.ProofFormat, SubIndication.FormatFailure, reason: $"{parse.Problem} at byte {parse.Offset}");
            TrustOf(leaf, trust);
            return;
        }

        if (proof!.Extra is not null)
        {
            // C2SP leaves room for opaque data that nothing authenticates; in evidence nothing stands that is bound to nothing.
            checks.Failed(CheckId.ProofFormat, SubIndication.FormatFailure, reason: "extra data in the proof");
            TrustOf(leaf, trust);
            return;
        }

        Proof = proof;
        checks.Passed(CheckId.ProofFormat);
        checks.Compare(CheckId.CheckpointOrigin, SubIndication.FormatFailure, null,
            new Comparison("chain in the record", leaf.Chain ?? string.Empty, "origin of the checkpoint", proof.CheckpointUnverified.Origin));
        Inclusion(checks, CheckId.ProofInclusion, proof, leafBytes, "root of the checkpoint", "computed from the record and the proof");
        TrustOf(leaf, trust);
        NumberOf(proof, trust, claimedNumber);
        if (anchor is { } given)
        {
            _anchor.Run(leaf.Chain, proof, given.Leaf, given.Proof, trust);
        }

        if (Chain is not null)
        {
            EntryOf(proof, Chain, trust!);
        }

        if (_entry is not null && !checks.HasFailed(CheckId.CheckpointOrigin))
        {
            Signatures(proof, _entry);
        }
        else
        {
            checks.Open(CheckId.CheckpointSignature, SubIndication.None, CheckOutcome.CouldNotBePerformed, because: trust is null ? NoTrust : Chain is not null && _entry is null ? NoEntry : null,
                reason: LinesBy(proof));
        }

        if (trust is not null)
        {
            State(trust);
        }
    }

    private void TrustOf(LeafView leaf, TrustFile? trust)
    {
        if (trust is null)
        {
            checks.Open(CheckId.TrustFile, SubIndication.NoCertificateChainFound, CheckOutcome.NotPerformed, because: NoTrust);
            return;
        }

        checks.Open(CheckId.TrustFile, SubIndication.None, CheckOutcome.Passed, reason: "fingerprint, to compare with the published one: " + trust.Fingerprint.ToHex());
        Chain = leaf.Chain is null ? null : trust.Find(leaf.Chain);
        var compared = new Comparison("chain in the record", leaf.Chain ?? string.Empty, "chains of the trust file", Chain?.Origin ?? string.Join(", ", trust.Content.Chains.Select(chain => chain.Origin)));
        if (Chain is null)
        {
            checks.Open(CheckId.TrustChain, SubIndication.NoCertificateChainFound, CheckOutcome.Failed, compared: compared);
        }
        else
        {
            checks.Passed(CheckId.TrustChain, null, compared);
        }
    }

    private void NumberOf(TlogProof proof, TrustFile? trust, string? claimed)
    {
        var index = proof.Index;
        if (claimed is not null && (!RecordNumber.TryParse(claimed, out var code, out var claimedIndex) || RecordNumber.Format(code, claimedIndex) != claimed || claimedIndex != index))
        {
            checks.Failed(CheckId.RecordNumber, SubIndication.FormatFailure, null,
                new Comparison("index in the proof", index.ToString(CultureInfo.InvariantCulture), "number in the receipt", claimed));
            return;
        }

        if (Chain is null || index > RecordNumber.MaxIndex)
        {
            checks.Open(CheckId.RecordNumber, SubIndication.None, CheckOutcome.CouldNotBePerformed, because: trust is null ? NoTrust : null);
            return;
        }

        var number = RecordNumber.Format(Chain.Code, index);
        if (checks.Compare(CheckId.RecordNumber, SubIndication.FormatFailure, null,
            new Comparison("code in the trust file and index in the proof", number, claimed is null ? "derived" : "number in the receipt", claimed ?? number)))
        {
            Number = number;
        }
    }

    private void Signatures(TlogProof proof, TrustedChain chain)
    {
        if (!checks.Compare(CheckId.CheckpointSuite, SubIndication.FormatFailure, null,
            new Comparison("suite of the chain in the trust file", chain.Suite.Name, "suite of the proof", proof.Suite.Name)))
        {
            return;
        }

        var verdict = chain.Policy.Evaluate(proof.Note, chain.LogKeys);
        if (!LogSigned(checks, CheckId.CheckpointSignature, proof, chain, verdict))
        {
            return;
        }

        Verified = verdict.Checkpoint;
        NoQuorum = chain.Policy.QuorumNone;
        Quorum(checks, CheckId.CheckpointQuorum, chain, verdict);
        if (checks.HasFailed(CheckId.ProofInclusion))
        {
            return;
        }

        FinalAt = Earliest(verdict);
        Reached = verdict.Ok && !NoQuorum ? RecordState.Final : RecordState.Sealed;
        if (_anchor.MainIndex is not null && verdict.Ok)
        {
            Reached = RecordState.Anchored;
            AnchoredAt = _anchor.At;
            NoQuorum |= _anchor.NoQuorum;
        }
        else if (_isMain && Reached == RecordState.Final)
        {
            // Nothing stands above the main chain: there anchored is final.
            Reached = RecordState.Anchored;
            AnchoredAt = FinalAt;
        }
    }

    /// <summary>The range of the entry that holds at an index of the main chain, against that index.</summary>
    internal static Comparison Range(TrustFile trust, string origin, string where, long index) => new(
        where, index.ToString(CultureInfo.InvariantCulture), "main indexes for which the trust file has an entry of the chain",
        string.Join(", ", trust.Content.Chains.Where(chain => chain.Origin == origin).Select(RangeText)));

    /// <summary>Whether a leaf lies in the tree of a proof's checkpoint; <paramref name="root"/> and <paramref name="computed"/> name the two sides of the comparison.</summary>
    internal static bool Inclusion(CheckList checks, CheckId id, TlogProof proof, ReadOnlySpan<byte> leaf, string root, string computed)
    {
        var hash = new TreeHasher(proof.Suite).Leaf(leaf);
        var check = proof.CheckInclusionUnverified(hash);
        var at = string.Create(CultureInfo.InvariantCulture, $"leaf {proof.Index} of {proof.CheckpointUnverified.Size}, leaf hash {hash.ToHex()}");
        var compared = new Comparison(root, proof.CheckpointUnverified.Root.ToHex(), computed + ", " + at,
            check.Failure is ProofFailure.None or ProofFailure.RootMismatch ? check.Computed.ToHex() : "none");
        return check.Ok ? checks.Passed(id, null, compared) : checks.Failed(id, SubIndication.HashFailure, null, compared, check.Failure.ToString());
    }

    /// <summary>Who claims to have signed a checkpoint that could not be judged.</summary>
    internal static string LinesBy(TlogProof proof) => "lines by " + string.Join(", ", proof.Note.Signatures.Select(line => $"{line.Name}+{line.KeyId:x8}"));

    /// <summary>The log's line of a checkpoint, as far as the verdict of its policy shows it; true when a log key of the entry signed.</summary>
    internal static bool LogSigned(CheckList checks, CheckId id, TlogProof proof, TrustedChain chain, QuorumVerdict verdict)
    {
        var keys = string.Join(", ", chain.LogKeys.Select(key => key.Format()));
        return verdict.Failure switch
        {
            QuorumFailure.None or QuorumFailure.QuorumNotReached => checks.Passed(
                id, null, new Comparison("log keys of the trust file", keys, "verified line of the checkpoint by", verdict.Log!.Key.Format())),
            QuorumFailure.SignatureInvalid => checks.Failed(id, SubIndication.SigCryptoFailure,
                compared: new Comparison("key of the trust file", verdict.FailedKey!.Format(), "signature line of that key over", proof.CheckpointUnverified.Root.ToHex()),
                reason: verdict.Failure.ToString()),
            _ => checks.Open(id, SubIndication.NoSigningCertificateFound, CheckOutcome.Failed, reason: verdict.Failure.ToString(),
                compared: new Comparison("log keys of the trust file", keys, "lines of the checkpoint by one of them", "none"),
                because: new BilingualText("no line is by a key that the trust file names", "没有任何一行出自信任文件所列密钥")),
        };
    }

    /// <summary>The cosignatures of a checkpoint that the log signed.</summary>
    internal static void Quorum(CheckList checks, CheckId id, TrustedChain chain, QuorumVerdict verdict)
    {
        if (chain.Policy.QuorumNone)
        {
            checks.Open(id, SubIndication.None, CheckOutcome.NotPerformed,
                because: new BilingualText("the trust file demands none: sealed (no quorum)", "信任文件不要求会签:已封存(无法定会签)"));
        }
        else if (verdict.Ok)
        {
            checks.Passed(id, null, new Comparison("policy of the trust file", chain.PolicyText, "satisfied by", Names(verdict)));
        }
        else
        {
            // Not a failure by itself: the checkpoint may be final later. StateRequired says what it means.
            checks.Open(id, SubIndication.None, CheckOutcome.Failed,
                compared: new Comparison("policy of the trust file", chain.PolicyText, "valid cosignatures by", Names(verdict)));
        }

        static string Names(QuorumVerdict verdict) =>
            verdict.Cosignatures.Count == 0 ? "none" : string.Join(", ", verdict.Cosignatures.Select(line => $"{line.Key.Name}+{line.Key.KeyId:x8} at {line.Time}"));
    }

    /// <summary>The earliest time under which a member of the satisfying set cosigned; null when the policy is not satisfied, or by nobody.</summary>
    internal static long? Earliest(QuorumVerdict verdict) => verdict.Ok ? verdict.Cosignatures.Min(line => line.Time) : null;

    private static string RangeText(TrustedChain chain) => chain.ToMainIndex is { } to
        ? string.Create(CultureInfo.InvariantCulture, $"{chain.FromMainIndex} to {to}")
        : string.Create(CultureInfo.InvariantCulture, $"{chain.FromMainIndex} and later");

    /// <summary>
    /// Which entry judges the checkpoint (docs/spec/trust-file.md, "Ranges"): that which holds at the main index of the anchor, or of a main checkpoint itself;
    /// without either the newest one, and only while it is open: what a retired key signed counts only where it was anchored in time.
    /// </summary>
    private void EntryOf(TlogProof proof, TrustedChain newest, TrustFile trust)
    {
        _isMain = newest.Origin == trust.Main?.Origin;
        Comparison compared;
        if ((_isMain ? proof.CheckpointUnverified.Size - 1 : _anchor.MainIndex) is { } index)
        {
            _entry = trust.Find(newest.Origin, index);
            compared = Range(trust, newest.Origin, _isMain ? "last index of the checkpoint" : "main index of the anchor", index);
        }
        else
        {
            _entry = newest.ToMainIndex is null ? newest : null;
            compared = new Comparison("main index of the anchor", "none, the newest entry counts while it is open", "main indexes of the newest entry", RangeText(newest));
        }

        if (_entry is not null)
        {
            checks.Passed(CheckId.TrustRange, null, compared);
        }
        else
        {
            checks.Open(CheckId.TrustRange, SubIndication.NoSigningCertificateFound, CheckOutcome.Failed, compared: compared, because: NoEntry);
        }
    }

    private void State(TrustFile trust)
    {
        // With quorum none, "final" is signed and stored, and on the main chain that is "anchored". Tokens are not part of this package version.
        var counts = NoQuorum && Reached == RecordState.Sealed ? (_isMain ? RecordState.Anchored : RecordState.Final) : Reached;
        var compared = new Comparison("state that the trust file requires", TrustNames.Of(trust.Required), "state shown by the proof", TrustNames.Of(Reached) + (NoQuorum ? " (no quorum)" : string.Empty));
        if (counts >= trust.Required)
        {
            checks.Passed(CheckId.StateRequired, null, compared);
        }
        else
        {
            checks.Open(CheckId.StateRequired, SubIndication.TryLater, CheckOutcome.Failed, compared: compared);
        }
    }
}
