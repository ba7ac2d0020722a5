using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// Whether a leaf may stand on the chain: a pure function of the genesis, the chain's own prefix and the leaf's bytes; no clock, no account table.
/// The sequencer runs it under the lock, every node runs it again, and a verifier without the prefix runs <see cref="AdmitForm"/> alone.
/// </summary>
public static class Admission
{
    private static readonly string[] CommonMembers = ["chain", "id", "kind", "received", "sealed", "v"];

    /// <summary>The rules that the leaf alone shows.</summary>
    /// <param name="leaf">The stored bytes.</param>
    /// <param name="facts">What <see cref="AdmitState"/> needs; of a refused leaf at most the kind is meaningful.</param>
    public static AdmissionResult AdmitForm(ReadOnlySpan<byte> leaf, out LeafFacts facts)
    {
        if (leaf.Length > CanonicalLimits.Leaf.MaxBytes)
        {
            facts = default;
            return AdmissionResult.Of(AdmissionFailure.TooLarge);
        }

        var reader = new EvidenceLeafReader(leaf);
        if (reader.TryRead(collectParts: false, out facts))
        {
            return CheckTimes(facts);
        }

        return SlowForm(leaf, reader.Failed, out facts);
    }

    /// <summary>The rules that need the chain's state.</summary>
    /// <param name="genesis">The chain's constant.</param>
    /// <param name="state">Built from the leaves below <paramref name="index"/>.</param>
    /// <param name="facts">Of a leaf that <see cref="AdmitForm"/> let through.</param>
    /// <param name="index">Where the leaf is to stand.</param>
    public static AdmissionResult AdmitState(Genesis genesis, ChainState state, in LeafFacts facts, long index)
    {
        if (index != state.Size)
        {
            return AdmissionResult.Of(AdmissionFailure.IndexNotNext);
        }

        // Usually the same string object: the batch's facts share it.
        if (facts.Chain != genesis.Origin)
        {
            return AdmissionResult.Of(AdmissionFailure.WrongChain, "chain");
        }

        if (facts.Sealed < state.LastSealed)
        {
            return AdmissionResult.Of(AdmissionFailure.SealedBackwards, "sealed");
        }

        if (index < PolicyNames.InOrder.Count && facts.PolicyRecord?.Name != PolicyNames.InOrder[(int)index])
        {
            return AdmissionResult.Of(AdmissionFailure.FirstLeavesOrder, "name");
        }

        return facts.Kind switch
        {
            RecordKind.Evidence => AdmitEvidence(genesis, state, facts),
            RecordKind.Policy => AdmitPolicy(genesis, state, facts.PolicyRecord!, index),
            RecordKind.Key => AdmitKey(genesis, state, facts.KeyRecord!),
            RecordKind.Statement => AdmitStatement(genesis, state, facts),
            RecordKind.Anchor => AdmitAnchor(genesis, state, facts.AnchorRecord!, index),
            RecordKind.Trust => AdmitTrust(genesis, state, facts.TrustRecord!.File),
            RecordKind.Custody => AdmitCustody(genesis, state, facts, index),
            RecordKind.Incident => facts.IncidentRecord!.Admit(genesis, state),
            RecordKind.Alarm or RecordKind.Node => state.Nodes.Admit(genesis.Origin, state, facts.NodeStatement!, index),
            _ => AdmissionResult.Of(AdmissionFailure.KindNotAccepted, "kind"),
        };
    }

    /// <summary>Both halves.</summary>
    public static AdmissionResult Admit(Genesis genesis, ChainState state, ReadOnlySpan<byte> leaf, long index, out LeafFacts facts)
    {
        var form = AdmitForm(leaf, out facts);
        return form.Ok ? AdmitState(genesis, state, facts, index) : form;
    }

    private static AdmissionResult SlowForm(ReadOnlySpan<byte> leaf, string failed, out LeafFacts facts)
    {
        facts = new LeafFacts();
        var check = CanonicalValue.TryParseCanonical(leaf, CanonicalLimits.Leaf, out var json);
        if (!check.Ok || json.Type != CanonicalType.Object)
        {
            return new AdmissionResult(check.Fault == JsonFault.NotCanonical ? AdmissionFailure.NotCanonical : AdmissionFailure.NotJson, Offset: check.Offset);
        }

        if (json["kind"]?.AsString is not { } kindName)
        {
            return AdmissionResult.Of(json["kind"] is null ? AdmissionFailure.MissingMember : AdmissionFailure.BadValue, "kind");
        }

        var kind = RecordKinds.FromName(kindName);
        facts = facts with { Kind = kind };
        if (kind == RecordKind.Unknown)
        {
            return AdmissionResult.Of(AdmissionFailure.UnknownKind, "kind");
        }

        if (json["v"]?.AsInteger is not { } version)
        {
            return AdmissionResult.Of(json["v"] is null ? AdmissionFailure.MissingMember : AdmissionFailure.BadValue, "v");
        }

        if (version != 1)
        {
            return AdmissionResult.Of(AdmissionFailure.UnknownVersion, "v");
        }

        return kind switch
        {
            RecordKind.Evidence => EvidenceReason(json, failed),
            RecordKind.Policy or RecordKind.Key or RecordKind.Statement or RecordKind.Anchor or RecordKind.Trust or RecordKind.Custody or RecordKind.Incident or RecordKind.Alarm or RecordKind.Node =>
                SystemForm(leaf, json, kind, ref facts),
            _ => AdmissionResult.Of(AdmissionFailure.KindNotAccepted, "kind"),
        };
    }

    // Canonical JSON of kind evidence and version 1 that the reader did not take: a member too few, one too many, or a value.
    private static AdmissionResult EvidenceReason(CanonicalValue json, string failed)
    {
        var members = LeafForm.CheckMembers(json, EvidenceLeafReader.Members, EvidenceLeafReader.OptionalMembers);
        if (!members.Ok)
        {
            return members;
        }

        var many = json["partcount"] is not null;
        if (many != (json["partroot"] is not null) || many == (json["parts"] is not null))
        {
            return AdmissionResult.Of(many && json["partroot"] is null ? AdmissionFailure.MissingMember : AdmissionFailure.BadValue, many ? "partroot" : "parts");
        }

        return AdmissionResult.Of(AdmissionFailure.BadValue, failed);
    }

    private static AdmissionResult SystemForm(ReadOnlySpan<byte> leaf, CanonicalValue json, RecordKind kind, ref LeafFacts facts)
    {
        // The notes in an anchor, a trust, a custody and an incident leaf have the em dash of their signature lines; beside it these leaves are ASCII, member by member.
        if ((kind is RecordKind.Key or RecordKind.Statement or RecordKind.Alarm or RecordKind.Node) && !System.Text.Ascii.IsValid(leaf))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue);
        }

        foreach (var member in CommonMembers)
        {
            if (json[member] is null)
            {
                return AdmissionResult.Of(AdmissionFailure.MissingMember, member);
            }
        }

        if (json["chain"]!.AsString is not { } chain || !Grammar.IsOrigin(chain))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "chain");
        }

        if (json["id"]!.AsString is not { } idText || !RecordId.TryParse(idText, out var id))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "id");
        }

        if (!LeafForm.TryTime(json["received"], out var received))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "received");
        }

        if (!LeafForm.TryTime(json["sealed"], out var sealedAt))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "sealed");
        }

        if (kind == RecordKind.Custody)
        {
            facts = new LeafFacts { Kind = kind, Id = id, Chain = chain, Received = received, Sealed = sealedAt };
            var custody = CustodyRecord.TryParse(json, chain, ref facts);
            return custody.Ok ? CheckTimes(facts) : custody;
        }

        PolicyRecord? policy = null;
        KeyRecord? key = null;
        StatementRecord? statement = null;
        AnchorRecord? anchor = null;
        TrustRecord? trust = null;
        IncidentRecord? incident = null;
        NodeStatement? node = null;
        var body = kind switch
        {
            RecordKind.Policy => PolicyRecord.TryParse(json, out policy),
            RecordKind.Key => KeyRecord.TryParse(json, out key),
            RecordKind.Statement => StatementRecord.TryParse(json, out statement),
            RecordKind.Anchor => AnchorRecord.TryParse(json, out anchor),
            RecordKind.Incident => IncidentRecord.TryParse(json, out incident),
            RecordKind.Trust => TrustRecord.TryParse(json, out trust),
            _ => NodeStatement.TryParse(json, kind, out node),
        };
        if (!body.Ok)
        {
            return body;
        }

        facts = new LeafFacts
        {
            Kind = kind, Id = id, Chain = chain, Received = received, Sealed = sealedAt, PolicyRecord = policy, KeyRecord = key, StatementRecord = statement,
            AnchorRecord = anchor, TrustRecord = trust, IncidentRecord = incident, NodeStatement = node,
            Account = key?.Account ?? statement?.Account ?? string.Empty, Key = statement?.Key ?? -1,
        };
        return CheckTimes(facts);
    }

    private static AdmissionResult CheckTimes(in LeafFacts facts) =>
        facts.Received > facts.Sealed ? AdmissionResult.Of(AdmissionFailure.ReceivedAfterSealed, "received") : default;

    private static AdmissionResult AdmitEvidence(Genesis genesis, ChainState state, in LeafFacts facts)
    {
        if (facts.Policy != state.AdmissionIndex)
        {
            return AdmissionResult.Of(AdmissionFailure.PolicyNotInForce, "policy");
        }

        var failure = CheckKey(genesis, state, facts, out var key);
        if (failure != AdmissionFailure.None)
        {
            return AdmissionResult.Of(failure, "key");
        }

        if (!Allows(key!.Types, facts.Type))
        {
            return AdmissionResult.Of(AdmissionFailure.KeyNotForType, "key");
        }

        var decision = state.Admission!.Decide(facts, key);
        if (!decision.Ok || facts.StatementIndex < 0)
        {
            return decision;
        }

        var statement = state.Statement(facts.StatementRoot);
        failure = statement is null ? AdmissionFailure.StatementUnknown
            : statement.Record.Account != facts.Account ? AdmissionFailure.StatementOfOtherAccount
            : facts.StatementIndex >= statement.Record.Count ? AdmissionFailure.StatementIndexOutside
            : statement.IsUsed(facts.StatementIndex) ? AdmissionFailure.StatementIndexTwice
            : AdmissionFailure.None;
        return failure == AdmissionFailure.None ? decision : AdmissionResult.Of(failure, "statement");
    }

    private static AdmissionFailure CheckKey(Genesis genesis, ChainState state, in LeafFacts facts, out KeyRecord? key)
    {
        key = state.Key(facts.Key);
        return key is null ? AdmissionFailure.KeyUnknown
            : key.Account != facts.Account ? AdmissionFailure.KeyOfOtherAccount
            : key.Revoked is not null ? AdmissionFailure.KeyRevoked
            : state.LatestOfKey(key.KeyId) != facts.Key ? Superseded(state, key)
            : facts.Sealed < key.From ? AdmissionFailure.KeyNotYetValid
            : facts.Sealed >= key.Until ? AdmissionFailure.KeyExpired
            : !Allows(key.Chains, genesis.Origin) ? AdmissionFailure.KeyNotForChain
            : AdmissionFailure.None;
    }

    // A key whose newest record revokes it is revoked, by whichever record it is named.
    private static AdmissionFailure Superseded(ChainState state, KeyRecord key) =>
        state.Key(state.LatestOfKey(key.KeyId))!.Revoked is not null ? AdmissionFailure.KeyRevoked : AdmissionFailure.KeySuperseded;

    private static bool Allows(IReadOnlyList<string> list, string item)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i] == KeyRecord.Any || list[i] == item)
            {
                return true;
            }
        }

        return false;
    }

    private static AdmissionResult AdmitPolicy(Genesis genesis, ChainState state, PolicyRecord record, long index)
    {
        if ((record.Genesis is not null) != (index == 0))
        {
            return AdmissionResult.Of(index == 0 ? AdmissionFailure.GenesisMismatch : AdmissionFailure.GenesisUnexpected, "genesis");
        }

        if (record.Genesis is { } fingerprint && fingerprint != genesis.Fingerprint)
        {
            return AdmissionResult.Of(AdmissionFailure.GenesisMismatch, "genesis");
        }

        if (PolicyDocument.TryParse(record.Document.Span, out var document).Length > 0 || document!.Name != record.Name)
        {
            return AdmissionResult.Of(AdmissionFailure.PolicyInvalid, "document");
        }

        if (state.Policy(record.Name) is { } inForce && document.Version <= inForce.Version)
        {
            return AdmissionResult.Of(AdmissionFailure.PolicyNotNewer, "document");
        }

        return Governance.Check(genesis, record.Name, record.Document.Span, record.Signatures)
            ? default
            : AdmissionResult.Of(AdmissionFailure.GovernanceMissing, "governance");
    }

    private static AdmissionResult AdmitKey(Genesis genesis, ChainState state, KeyRecord record)
    {
        var latest = state.LatestOfKey(record.KeyId);
        if ((record.Supersedes ?? -1) != latest)
        {
            return AdmissionResult.Of(AdmissionFailure.KeySupersedes, "supersedes");
        }

        if (latest >= 0 && state.Key(latest)!.Account != record.Account)
        {
            return AdmissionResult.Of(AdmissionFailure.KeyOfOtherAccount, "account");
        }

        if (latest >= 0 && state.Key(latest)!.Revoked is not null)
        {
            return AdmissionResult.Of(AdmissionFailure.KeyRevoked, "supersedes");
        }

        return Governance.Check(genesis, Governance.KeyDocument, record.SignedDocument(), record.Signatures)
            ? default
            : AdmissionResult.Of(AdmissionFailure.GovernanceMissing, "governance");
    }

    private static AdmissionResult AdmitStatement(Genesis genesis, ChainState state, in LeafFacts facts)
    {
        var failure = CheckKey(genesis, state, facts, out var key);
        if (failure != AdmissionFailure.None)
        {
            return AdmissionResult.Of(failure, "key");
        }

        if (key!.Purpose != KeyPurpose.Submitter)
        {
            return AdmissionResult.Of(AdmissionFailure.KeyPurpose, "key");
        }

        var statement = facts.StatementRecord!;
        if (state.Statement(statement.Root) is not null)
        {
            return AdmissionResult.Of(AdmissionFailure.StatementTwice, "root");
        }

        return statement.Verify(genesis.Suite, genesis.Origin, key) ? default : AdmissionResult.Of(AdmissionFailure.StatementSignature, "signature");
    }

    // What a main node checks of another chain: that its newest final checkpoint extends the one anchored before. The cheap questions come first.
    private static AdmissionResult AdmitAnchor(Genesis genesis, ChainState state, AnchorRecord record, long index)
    {
        var checkpoint = record.Checkpoint;
        if (genesis.Chain != TrustFile.MainChain)
        {
            return AdmissionResult.Of(AdmissionFailure.AnchorNotOnMain, "kind");
        }

        if (state.Trust is null)
        {
            return AdmissionResult.Of(AdmissionFailure.AnchorWithoutTrust, "note");
        }

        if (checkpoint.Origin == genesis.Origin)
        {
            return AdmissionResult.Of(AdmissionFailure.AnchorOfItself, "note");
        }

        if (state.Trust.Find(checkpoint.Origin, index) is not { } chain)
        {
            return AdmissionResult.Of(state.Trust.Find(checkpoint.Origin) is null ? AdmissionFailure.AnchorOriginUnknown : AdmissionFailure.AnchorOutsideRange, "note");
        }

        var before = state.LatestAnchor(checkpoint.Origin);
        if (record.PrevIndex != (before?.Index ?? -1))
        {
            return AdmissionResult.Of(AdmissionFailure.AnchorPrevious, "prev_index");
        }

        if (before is not null && checkpoint.Size <= before.Size)
        {
            return AdmissionResult.Of(AdmissionFailure.AnchorNotLarger, "note");
        }

        // What is available of a closed chain may still be anchored; above it nobody can show what stood there first.
        if (state.Closed(checkpoint.Origin)?.Record is { } closed && !closed.Leaves(checkpoint))
        {
            return AdmissionResult.Of(AdmissionFailure.AnchorOfClosed, "note");
        }

        var final = chain.Policy.SelectFinal(record.Note, out var verdict, chain.LogKeys);
        if (final is null)
        {
            return AdmissionResult.Of(verdict.Failure == QuorumFailure.QuorumNotReached ? AdmissionFailure.AnchorNotFinal : AdmissionFailure.AnchorSignature, "note");
        }

        if (!final.AsSpan().SequenceEqual(record.Note.ToBytes()))
        {
            return AdmissionResult.Of(AdmissionFailure.AnchorNotExact, "note");
        }

        return before is null || ConsistencyProof.Check(new TreeHasher(chain.Suite), before.Size, checkpoint.Size, before.Root, checkpoint.Root, [.. record.Proof]).Ok
            ? default
            : AdmissionResult.Of(AdmissionFailure.AnchorInconsistent, "proof");
    }

    private static AdmissionResult AdmitCustody(Genesis genesis, ChainState state, in LeafFacts facts, long index)
    {
        if (genesis.Chain == TrustFile.MainChain)
        {
            return AdmissionResult.Of(AdmissionFailure.CustodyOnMain, "kind");
        }

        if (state.Trust is null)
        {
            return AdmissionResult.Of(AdmissionFailure.CustodyWithoutTrust, "kind");
        }

        if (facts.Policy != state.PolicyIndex(PolicyNames.Custody))
        {
            return AdmissionResult.Of(AdmissionFailure.PolicyNotInForce, "policy");
        }

        var failure = CheckKey(genesis, state, facts, out var key);
        if (failure != AdmissionFailure.None)
        {
            return AdmissionResult.Of(failure, "key");
        }

        var decision = state.CustodyPolicy!.Decide(facts, key!);
        if (!decision.Ok)
        {
            return decision;
        }

        var custody = state.Custody.Admit(genesis.Origin, state.Trust, facts.CustodyRecord!, index);
        return custody.Ok ? decision : custody;
    }

    private static AdmissionResult AdmitTrust(Genesis genesis, ChainState state, TrustFile file)
    {
        if (file.Content.Deployment != genesis.Deployment)
        {
            return AdmissionResult.Of(AdmissionFailure.TrustOtherDeployment, "trust");
        }

        if (!file.Content.Chains.Any(chain => chain.Origin == genesis.Origin && chain.LogKeys.Contains(genesis.LogKey)))
        {
            return AdmissionResult.Of(AdmissionFailure.TrustWithoutChain, "trust");
        }

        if (state.Trust is null)
        {
            // Whichever version a chain begins with, the keys that its own genesis names must stand behind it.
            return genesis.GovernanceKeys.Count(file.IsSignedBy) >= genesis.K ? default : AdmissionResult.Of(AdmissionFailure.TrustGovernance, "trust");
        }

        return file.Follows(state.Trust) switch
        {
            null => default,
            { Failure: TrustFailure.NotNextVersion } => AdmissionResult.Of(AdmissionFailure.TrustNotNext, "trust"),
            { Failure: TrustFailure.OtherPrevious } => AdmissionResult.Of(AdmissionFailure.TrustOtherPrevious, "trust"),
            { Failure: TrustFailure.TooFewOfPrevious } => AdmissionResult.Of(AdmissionFailure.TrustTooFewOfPrevious, "trust"),
            { Failure: TrustFailure.AddedKeyUnsigned } => AdmissionResult.Of(AdmissionFailure.TrustKeyUnsigned, "trust"),
            var other => throw new InvalidOperationException($"Both files are of this chain's deployment: {other}."),
        };
    }
}
