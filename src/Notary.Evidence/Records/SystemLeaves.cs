using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>Builds the leaves that are not evidence: policies, keys, statements, anchors, trust files, custody, incidents, what nodes say. Ids and times are arguments; the sealed time is set under the lock.</summary>
public static class SystemLeaves
{
    /// <summary>A policy leaf; leaf 0 names the genesis.</summary>
    /// <param name="genesis">The chain.</param>
    /// <param name="document">Canonical bytes of a policy document; its own <c>document</c> member names it.</param>
    /// <param name="signatures">Governance signatures over name and document, see <see cref="Governance.Sign"/>.</param>
    /// <param name="isFirst">True for leaf 0.</param>
    /// <param name="id">A fresh UUIDv7.</param>
    /// <param name="received">When it was received.</param>
    /// <exception cref="ArgumentException">The document is none of its format.</exception>
    public static LeafDraft Policy(
        Genesis genesis, ReadOnlyMemory<byte> document, IReadOnlyList<GovernanceSignature> signatures, bool isFirst, Guid id, DateTimeOffset received)
    {
        var problem = PolicyDocument.TryParse(document.Span, out var parsed);
        if (problem.Length > 0)
        {
            throw new ArgumentException($"Not a policy document: {problem}.", nameof(document));
        }

        var record = new PolicyRecord(parsed!.Name, document, isFirst ? genesis.Fingerprint : null, signatures);
        return Draft(genesis, RecordKind.Policy, id, received, record.ToMembers());
    }

    /// <summary>A key leaf.</summary>
    public static LeafDraft Key(Genesis genesis, KeyRecord record, Guid id, DateTimeOffset received) =>
        Draft(genesis, RecordKind.Key, id, received, record.ToMembers());

    /// <summary>The policy or key leaf of a document that came with its governance signatures. They came from outside, so a leaf that has not the form is an answer and no exception: one with too many of them.</summary>
    public static AdmissionResult TryGoverned(Genesis genesis, GovernedDocument document, bool isFirst, Guid id, DateTimeOffset received, out LeafDraft? draft)
    {
        ArgumentNullException.ThrowIfNull(genesis);
        ArgumentNullException.ThrowIfNull(document);
        return document.ToKey() is { } key
            ? TryDraft(genesis, RecordKind.Key, id, received, key.ToMembers(), out draft)
            : TryDraft(genesis, RecordKind.Policy, id, received, new PolicyRecord(document.Name, document.Document, isFirst ? genesis.Fingerprint : null, document.Signatures).ToMembers(), out draft);
    }

    /// <summary>A statement leaf.</summary>
    public static LeafDraft Statement(Genesis genesis, StatementRecord record, Guid id, DateTimeOffset received) =>
        Draft(genesis, RecordKind.Statement, id, received, record.ToMembers());

    /// <summary>An anchor leaf of the main chain.</summary>
    /// <param name="main">The main chain.</param>
    /// <param name="note">The whole final note of the other chain's checkpoint, see <see cref="Ledger.QuorumPolicy.SelectFinal(Ledger.SignedNote)"/>.</param>
    /// <param name="prevIndex">Index of that origin's previous anchor on the main chain, or −1.</param>
    /// <param name="proof">Consistency proof from the previous anchor's size, in that chain's hash; empty for the first.</param>
    /// <param name="id">A fresh UUIDv7.</param>
    /// <param name="received">When the note was received.</param>
    /// <exception cref="ArgumentException">The leaf would not have the form of an anchor.</exception>
    public static LeafDraft Anchor(Genesis main, string note, long prevIndex, IReadOnlyList<Hash32> proof, Guid id, DateTimeOffset received) =>
        Draft(main, RecordKind.Anchor, id, received, AnchorRecord.ToMembers(note, prevIndex, proof));

    /// <summary>A trust leaf: a version of the trust file, at most 14 KiB of ASCII.</summary>
    /// <exception cref="ArgumentException">The file is too long for a leaf, or not ASCII.</exception>
    public static LeafDraft Trust(Genesis genesis, TrustFile file, Guid id, DateTimeOffset received) =>
        Draft(genesis, RecordKind.Trust, id, received, new TrustRecord(file).ToMembers());

    /// <summary>An incident leaf of the main chain. What it says came from outside, so a leaf that has not the form is an answer and no exception.</summary>
    public static AdmissionResult TryIncident(Genesis main, IncidentRecord record, Guid id, DateTimeOffset received, out LeafDraft? draft)
    {
        ArgumentNullException.ThrowIfNull(record);
        return TryDraft(main, RecordKind.Incident, id, received, record.ToMembers(), out draft);
    }

    /// <summary>A custody leaf. What it proves came from outside, so a leaf that has not the form is an answer and no exception.</summary>
    /// <param name="genesis">The chain.</param>
    /// <param name="record">The act.</param>
    /// <param name="submitter">Account, key record and authentication of the actor; <see cref="SubmitterContext.Policy"/> is the index of the custody policy in force.</param>
    /// <param name="id">A fresh UUIDv7.</param>
    /// <param name="received">When the request was received whole.</param>
    /// <param name="draft">The leaf when the result is Ok.</param>
    /// <returns>Why it has not the form of a custody leaf: <see cref="AdmissionFailure.TooLarge"/> when its proof is too long, <see cref="AdmissionFailure.ProofOfOther"/> when that is of something else.</returns>
    public static AdmissionResult TryCustody(Genesis genesis, CustodyRecord record, SubmitterContext submitter, Guid id, DateTimeOffset received, out LeafDraft? draft)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(submitter);
        return TryDraft(genesis, RecordKind.Custody, id, received,
        [
            .. record.ToMembers(),
            ("account", CanonicalValue.Of(submitter.Account)),
            ("auth", CanonicalValue.Of(AuthMethods.Name(submitter.Auth))),
            ("key", CanonicalValue.Of(submitter.Key)),
            ("policy", CanonicalValue.Of(submitter.Policy)),
        ], out draft);
    }

    /// <summary>An alarm or node leaf: what a ledger node signed, which came from outside, but was parsed, so that its form is right.</summary>
    /// <exception cref="ArgumentException">The statement is not signed by its key, or is of another chain.</exception>
    public static LeafDraft OfNode(Genesis genesis, NodeStatement statement, Guid id, DateTimeOffset received)
    {
        ArgumentNullException.ThrowIfNull(statement);
        return statement.Chain == genesis.Origin
            ? Draft(genesis, statement.Kind, id, received, statement.ToMembers())
            : throw new ArgumentException($"The statement is about {statement.Chain}, not {genesis.Origin}.", nameof(statement));
    }

    private static LeafDraft Draft(Genesis genesis, RecordKind kind, Guid id, DateTimeOffset received, IEnumerable<(string, CanonicalValue?)> members)
    {
        var result = TryDraft(genesis, kind, id, received, members, out var draft);
        return draft ?? throw new ArgumentException($"The leaf would not be admitted: {result.Code} {result.Member}.");
    }

    private static AdmissionResult TryDraft(Genesis genesis, RecordKind kind, Guid id, DateTimeOffset received, IEnumerable<(string, CanonicalValue?)> members, out LeafDraft? draft)
    {
        var time = CanonicalValue.Of(RecordTime.Format(RecordTime.ToMilliseconds(received)));
        var bytes = CanonicalValue.OfObject(
        [
            .. members,
            ("chain", CanonicalValue.Of(genesis.Origin)),
            ("id", CanonicalValue.Of(id.ToString("D"))),
            ("kind", CanonicalValue.Of(RecordKinds.Name(kind))),
            ("received", time),
            ("sealed", time),
            ("v", CanonicalValue.Of(1)),
        ]).ToBytes();
        var result = Admission.AdmitForm(bytes, out var facts);
        draft = result.Ok ? new LeafDraft(bytes, facts) : null;
        return result;
    }
}
