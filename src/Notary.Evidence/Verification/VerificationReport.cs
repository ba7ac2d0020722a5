using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>
/// What a verification found. Values of the record stand in it only when they are bound to the leaf; whether the leaf is bound to
/// a trusted chain is what <see cref="Indication"/> says. It never says that content is true or admissible.
/// </summary>
public sealed class VerificationReport
{
    internal VerificationReport(IReadOnlyList<VerificationCheck> checks)
    {
        Checks = checks;
        var deciding = Deciding(checks);
        DecidingCheck = deciding;
        SubIndication = deciding?.Sub ?? SubIndication.None;
        Indication = IndicationNames.MainOf(SubIndication);
    }

    public Indication Indication { get; }

    public SubIndication SubIndication { get; }

    /// <summary>The check that decided, or null for TOTAL-PASSED: the first, in catalogue order, that fails; if none fails the first that leaves the verdict open.</summary>
    public VerificationCheck? DecidingCheck { get; }

    /// <summary>First line of every rendering when the trust file is not a production one; null otherwise.</summary>
    public BilingualText? Notice { get; internal init; }

    /// <summary>The verdict in one sentence, as narrow as article 16 of the 人民法院在线诉讼规则.</summary>
    public required BilingualText Sentence { get; init; }

    public required IReadOnlyList<BilingualText> Remarks { get; init; }

    /// <summary>All checks in catalogue order; each id stands there at least once.</summary>
    public IReadOnlyList<VerificationCheck> Checks { get; }

    /// <summary>What was used to judge; null when no trust file was given.</summary>
    public ReportTrust? Trust { get; internal init; }

    /// <summary>The record as its leaf says; null when the leaf does not parse.</summary>
    public ReportRecord? Record { get; internal init; }

    /// <summary>What a custody record says; null of another kind.</summary>
    public ReportCustody? Custody { get; internal init; }

    /// <summary>What a ledger node says in its own name; null of another kind than alarm or node.</summary>
    public ReportNode? Node { get; internal init; }

    public required ReportState State { get; init; }

    public required IReadOnlyList<ReportPart> Parts { get; init; }

    /// <summary>Opened metadata fields that lead to the sealed field root, as canonical JSON values by name; empty when there are none or they do not.</summary>
    public required IReadOnlyList<ReportField> Fields { get; init; }

    public ReportTimes? Times { get; internal init; }

    private static VerificationCheck? Deciding(IReadOnlyList<VerificationCheck> checks) =>
        checks.FirstOrDefault(check => IndicationNames.MainOf(check.Sub) == Indication.TotalFailed)
        ?? checks.FirstOrDefault(check => check.Sub != SubIndication.None);
}

/// <summary>The trust file that was used.</summary>
public sealed record ReportTrust(string Deployment, long Version, Hash32 Fingerprint, TrustMode Mode, RecordState Required);

/// <summary>What the leaf says of the record. <paramref name="Number"/> needs the chain's code and is null without a trust file.</summary>
public sealed record ReportRecord(
    string? Number, long? Index, string? Id, string Kind, long? Version, string? Chain, string? Account, string? Auth, string? Relation, string? Type, string? Previous);

/// <summary>A step of a custody transfer, as its leaf says; whether what it proves holds, the checks say.</summary>
/// <param name="Act">released, received, declined or withdrawn.</param>
/// <param name="Transfer">Id of the transfer.</param>
/// <param name="Evidence">The record that it is about; null of a refusal, which names the release only.</param>
/// <param name="Peer">The chain at the other end.</param>
/// <param name="PeerIndex">Index there of what this step answers; null of a release, which answers nothing.</param>
/// <param name="Via">Released: index of the received leaf by which the record was here, or null.</param>
public sealed record ReportCustody(string Act, string Transfer, EvidenceName? Evidence, string Peer, long? PeerIndex, long? Via);

/// <summary>What a ledger node says in its own name, as the leaf has it: signed by the key that it names; whether it is true, the chain's entries show.</summary>
/// <param name="Says">alarm or joined.</param>
/// <param name="Key">The node's verifier key.</param>
/// <param name="At">When, by the node's clock.</param>
/// <param name="About">alarm: index of the leaf that fails admission.</param>
/// <param name="Leaf">alarm: that leaf's hash.</param>
/// <param name="Code">alarm: why it fails.</param>
/// <param name="Size">joined: the first checkpoint that counts.</param>
/// <param name="Trust">joined: the version of the trust file that brought the key.</param>
public sealed record ReportNode(string Says, string Key, string At, long? About, Hash32? Leaf, string? Code, long? Size, long? Trust);

/// <summary>How far the record got. <paramref name="NoQuorum"/>: the trust file demands no cosignatures, so "final" says no more than sealed.</summary>
/// <param name="CheckpointSize">Leaves under the checkpoint; null when it does not verify.</param>
/// <param name="AnchorIndex">Index on the main chain of the anchor by which the record is anchored; null when it is not, or is itself on the main chain.</param>
public sealed record ReportState(RecordState Reached, RecordState? Required, bool NoQuorum, long? CheckpointSize, Hash32? CheckpointRoot, long? AnchorIndex);

/// <summary>A part whose opening leads to the sealed commitment, and what its content was found to be.</summary>
/// <param name="EntryName">Name in a package, and the one to extract under.</param>
/// <param name="NameSealed">Whether the record seals that name (else derived from index and media type).</param>
/// <param name="Matches">Whether content was at hand and is what was sealed.</param>
/// <param name="Source">Where the content came from: <c>package</c>, the name of a given file, or null.</param>
public sealed record ReportPart(
    int Index, string EntryName, bool NameSealed, string Kind, string Media, long Size, Hash32 Sm3, Hash32 Sha256, bool Matches, string? Source);

/// <summary>An opened metadata field; <paramref name="Json"/> is its canonical value.</summary>
public sealed record ReportField(string Name, string Json);

/// <summary>
/// Times as the record states them, compared with nothing: only "sealed" is set by the chain, "sent" and "generated" are claims. Beside them the
/// times at which verified nodes first signed.
/// </summary>
/// <param name="Generated">The metadata field, as opened; null when closed or absent.</param>
/// <param name="GapMilliseconds">Sealed minus generated when generated is a full time; null otherwise.</param>
/// <param name="FinalAt">Earliest cosignature of the verified quorum under the record's checkpoint, to the second; null without one.</param>
/// <param name="AnchoredAt">Earliest cosignature of the verified quorum of the main chain; null unless anchored.</param>
public sealed record ReportTimes(string? Sealed, string? Received, string? Sent, string? Generated, long? GapMilliseconds, string? FinalAt, string? AnchoredAt);
