using Notary.Chain.Network;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Transfers;

/// <summary>How an act on a transfer ended. Numbers frozen.</summary>
public enum CustodyEnding
{
    /// <summary>Its leaf is sealed.</summary>
    Sealed = 1,

    /// <summary>The same request was answered before; its leaf is sealed.</summary>
    Replayed = 2,

    /// <summary>The chain's rules do not admit it: <see cref="CustodyResult.Code"/> says which.</summary>
    Refused = 3,

    /// <summary>A request with this key had another body.</summary>
    IdempotencyConflict = 4,

    /// <summary>Too much waits for the next commit; nothing is sealed.</summary>
    QueueFull = 5,

    /// <summary>The chain does not append; nothing is sealed.</summary>
    ChainStopped = 6,

    /// <summary>The chain stopped while it committed: whether the leaf is sealed shows at the next start.</summary>
    OutcomeUnknown = 7,

    /// <summary>The chain has just started and waits for its nodes; nothing is sealed.</summary>
    FreshnessPending = 8,

    /// <summary>The account has no key record in force on this chain.</summary>
    NoKey = 9,

    /// <summary>No chain here knows the record, or has released the transfer to this chain.</summary>
    NotFound = 10,

    /// <summary>The policy lets this account act on its own records and transfers only, and this is another's.</summary>
    NotTheCustodian = 11,

    /// <summary>What the leaf has to prove is not anchored yet.</summary>
    NotAnchored = 12,

    /// <summary>The target has not declined the transfer.</summary>
    NotDeclined = 13,

    /// <summary>The chain's database does not answer; nothing is sealed.</summary>
    DatabaseLost = 14,
}

/// <summary>What an act came to.</summary>
/// <param name="Ending">How it ended.</param>
/// <param name="Index">Index of its leaf, when sealed or replayed.</param>
/// <param name="Code">With <see cref="CustodyEnding.Refused"/>: the code of admission.</param>
public sealed record CustodyResult(CustodyEnding Ending, long Index = -1, string Code = "");

/// <summary>Where a transfer stands, as far as the chains of this platform show.</summary>
/// <param name="Source">The chain that released.</param>
/// <param name="Transfer">The release.</param>
/// <param name="Decision">What the target decided; null when it did not, or is not a chain of this platform.</param>
public sealed record TransferView(ChainHost Source, CustodyTransfer Transfer, CustodyDecision? Decision)
{
    /// <summary>released, received, declined or withdrawn.</summary>
    public CustodyAct State => Transfer.Withdrawn is not null ? CustodyAct.Withdrawn
        : Decision is null ? CustodyAct.Released
        : Decision.Received ? CustodyAct.Received : CustodyAct.Declined;
}

/// <summary>Where a page of transfers ended: at the release of that index on that chain. Its text is a position for whoever asks for the next one.</summary>
/// <param name="Chain">Name of the source.</param>
/// <param name="Index">Index of the release.</param>
public sealed record TransferPlace(string Chain, long Index)
{
    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Chain}:{Index}");

    /// <summary>The place that a text says; null when it says none.</summary>
    public static TransferPlace? Parse(string? text) =>
        text is { Length: <= 128 } && text.Split(':') is [{ Length: > 0 } chain, var index]
        && long.TryParse(index, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var at) && at <= RecordNumber.MaxIndex
            ? new TransferPlace(chain, at)
            : null;
}

/// <summary>Some of the transfers that were asked for.</summary>
/// <param name="Transfers">Perhaps none, also where there are more.</param>
/// <param name="Next">Where the next page begins; null when there are no more.</param>
public sealed record TransferPage(IReadOnlyList<TransferView> Transfers, TransferPlace? Next)
{
    /// <summary>Of no transfers.</summary>
    public static TransferPage Empty { get; } = new([], null);
}

/// <summary>
/// Custody transfers of a platform: makes the leaves of the four acts, fetches the proofs that they carry from the chains that lie here, and shows where transfers stand. What may be sealed admission decides under
/// the chain's lock; this class only spares it what is hopeless. A proof from a chain that lies elsewhere comes with the request.
/// </summary>
public sealed class CustodyTransfers(IReadOnlyDictionary<string, ChainHost> chains, ChainNetwork network)
{
    /// <summary>Most transfers that one page looks at.</summary>
    public const int MostLookedAt = 5_000;

    private const int DurabilityWaits = 200;

    /// <summary>Releases a record.</summary>
    /// <param name="chain">The source.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="evidence">Number of the record, whichever chain sealed it; or its id, when a chain of this platform did.</param>
    /// <param name="target">Origin of the target.</param>
    public async Task<CustodyResult> ReleaseAsync(ChainHost chain, CustodyActor actor, string evidence, string target)
    {
        if (await BeforeAsync(chain, actor).ConfigureAwait(false) is { } ended)
        {
            return ended;
        }

        if (EvidenceOf(chain, evidence) is not { } name)
        {
            return new CustodyResult(CustodyEnding.NotFound);
        }

        var via = chain.State.Custody.Standing(name.Chain, name.Index)?.Via;
        if (!IsOwn(chain, actor, CustodyAct.Released, target, via ?? (name.Chain == chain.Genesis.Origin ? name.Index : -1)))
        {
            return new CustodyResult(CustodyEnding.NotTheCustodian);
        }

        return await AppendAsync(chain, actor, CustodyRecord.Released(Guid.CreateVersion7(actor.Received), name, via, target)).ConfigureAwait(false);
    }

    /// <summary>Receives a release, once it is anchored.</summary>
    /// <param name="chain">The target.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="transfer">The transfer's id.</param>
    /// <param name="source">Origin of the source, or null: the chain of this platform that released it here.</param>
    /// <param name="given">The proved release, from elsewhere; null: from the source's chain here.</param>
    /// <param name="cancellation">Ends the waiting for the anchor.</param>
    public async Task<CustodyResult> ReceiveAsync(ChainHost chain, CustodyActor actor, Guid transfer, string? source, AnchoredLeaf? given, CancellationToken cancellation)
    {
        if (await BeforeAsync(chain, actor).ConfigureAwait(false) is { } ended)
        {
            return ended;
        }

        if (given is null)
        {
            if (ReleaseTo(chain, transfer, source) is not { } release)
            {
                return new CustodyResult(CustodyEnding.NotFound);
            }

            given = await ProveAsync(release.Source, release.Transfer.Index, cancellation).ConfigureAwait(false);
        }

        return given is null ? new CustodyResult(CustodyEnding.NotAnchored)
            : given.Facts.CustodyRecord is not { Act: CustodyAct.Released } record || record.Transfer != transfer ? Refused(AdmissionFailure.ProofOfOther)
            : await AppendAsync(chain, actor, CustodyRecord.Received(given)).ConfigureAwait(false);
    }

    /// <summary>Declines a release.</summary>
    /// <inheritdoc cref="ReceiveAsync"/>
    public async Task<CustodyResult> DeclineAsync(ChainHost chain, CustodyActor actor, Guid transfer, string? source, AnchoredLeaf? given)
    {
        if (await BeforeAsync(chain, actor).ConfigureAwait(false) is { } ended)
        {
            return ended;
        }

        if (given is not null)
        {
            return given.Facts.CustodyRecord is { Act: CustodyAct.Released } record && record.Transfer == transfer && record.Target == chain.Genesis.Origin
                ? await AppendAsync(chain, actor, CustodyRecord.Declined(transfer, given.Facts.Chain, given.Index)).ConfigureAwait(false)
                : Refused(AdmissionFailure.ProofOfOther);
        }

        return ReleaseTo(chain, transfer, source) is { } release
            ? await AppendAsync(chain, actor, CustodyRecord.Declined(transfer, release.Source.Genesis.Origin, release.Transfer.Index)).ConfigureAwait(false)
            : new CustodyResult(CustodyEnding.NotFound);
    }

    /// <summary>Withdraws a release that the target declined, once that is anchored.</summary>
    /// <param name="chain">The source.</param>
    /// <param name="actor">Who asks.</param>
    /// <param name="transfer">The transfer's id.</param>
    /// <param name="given">The proved refusal, from elsewhere; null: from the target's chain here.</param>
    /// <param name="cancellation">Ends the waiting for the anchor.</param>
    public async Task<CustodyResult> WithdrawAsync(ChainHost chain, CustodyActor actor, Guid transfer, AnchoredLeaf? given, CancellationToken cancellation)
    {
        if (await BeforeAsync(chain, actor).ConfigureAwait(false) is { } ended)
        {
            return ended;
        }

        if (chain.State.Custody.Released(transfer) is not { } release || release.Index >= chain.Reader.Size)
        {
            return new CustodyResult(CustodyEnding.NotFound);
        }

        if (!IsOwn(chain, actor, CustodyAct.Withdrawn, release.Target, release.Index))
        {
            return new CustodyResult(CustodyEnding.NotTheCustodian);
        }

        if (given is null)
        {
            var target = ByOrigin(release.Target);
            if (target is null || Decision(target, chain, release) is not { Received: false } declined)
            {
                return new CustodyResult(CustodyEnding.NotDeclined);
            }

            given = await ProveAsync(target, declined.Index, cancellation).ConfigureAwait(false);
        }

        return given is null ? new CustodyResult(CustodyEnding.NotAnchored)
            : given.Facts.CustodyRecord is not { Act: CustodyAct.Declined } record || record.Transfer != transfer ? Refused(AdmissionFailure.ProofOfOther)
            : await AppendAsync(chain, actor, CustodyRecord.Withdrawn(given)).ConfigureAwait(false);
    }

    /// <summary>Where the transfers of that id stand: one, unless several chains drew the same id.</summary>
    public IEnumerable<TransferView> Find(Guid transfer) =>
        chains.Values.Select(chain => (chain, Release: chain.State.Custody.Released(transfer))).Where(static pair => pair.Release is not null && pair.Release.Index < pair.chain.Reader.Size)
            .OrderBy(static pair => pair.chain.Name, StringComparer.Ordinal).Select(pair => View(pair.chain, pair.Release!));

    /// <summary>Transfers that a chain released and has not withdrawn, oldest first.</summary>
    /// <param name="chain">The source.</param>
    /// <param name="after">Where the page before ended; null for the first.</param>
    /// <param name="limit">Most transfers of a page.</param>
    public TransferPage From(ChainHost chain, TransferPlace? after = null, int limit = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(chain);
        return Page([chain], after, limit, static _ => true);
    }

    /// <summary>Transfers that the chains of this platform released to a chain and that it has not decided, oldest first for each source.</summary>
    /// <inheritdoc cref="From"/>
    public TransferPage To(ChainHost chain, TransferPlace? after = null, int limit = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(chain);
        return Page(chains.Values.OrderBy(static source => source.Name, StringComparer.Ordinal), after, limit, view => view.Transfer.Target == chain.Genesis.Origin && view.Decision is null);
    }

    // A page ends when it is full, or when it has looked at enough: releases that were decided long ago are never withdrawn, and stay open.
    private TransferPage Page(IEnumerable<ChainHost> sources, TransferPlace? after, int limit, Func<TransferView, bool> wanted)
    {
        var found = new List<TransferView>();
        var (looked, last) = (0, after);
        foreach (var source in sources.Where(source => after is null || string.CompareOrdinal(source.Name, after.Chain) >= 0))
        {
            foreach (var transfer in source.State.Custody.Open(source.Name == after?.Chain ? after.Index : -1).TakeWhile(transfer => transfer.Index < source.Reader.Size))
            {
                if (found.Count == limit || looked == MostLookedAt)
                {
                    return new TransferPage(found, last);
                }

                looked++;
                last = new TransferPlace(source.Name, transfer.Index);
                var view = View(source, transfer);
                if (wanted(view))
                {
                    found.Add(view);
                }
            }
        }

        return new TransferPage(found, null);
    }

    private static CustodyResult Refused(AdmissionFailure failure) => new(CustodyEnding.Refused, Code: AdmissionResult.CodeOf(failure));

    // What was sealed under this key before stays the answer to the same request, whatever the state has become since.
    private static async Task<CustodyResult?> BeforeAsync(ChainHost chain, CustodyActor actor)
    {
        if (chain.EndsAtOnce is { } ending)
        {
            return new CustodyResult(EndingOf(ending));
        }

        if (actor.IdempotencyKey is not { } key || chain.Answered(actor.Account, key) is not { } known)
        {
            return null;
        }

        // Read without the lock, the row may be of a batch that is being finished: that is a matter of milliseconds.
        for (var wait = 0; known.Count > 0 && known.First >= chain.Reader.Size && wait < DurabilityWaits; wait++)
        {
            await Task.Delay(10).ConfigureAwait(false);
        }

        return Replayed(chain, known, known.Digest.Equals(actor.Digest));
    }

    private static CustodyResult Replayed(ChainHost chain, Store.AnsweredRequest known, bool same)
    {
        if (!same)
        {
            return new CustodyResult(CustodyEnding.IdempotencyConflict);
        }

        // Still not durable: the same request again will know.
        return known.Count == 0 ? new CustodyResult(CustodyEnding.Refused, Code: DepositResult.Outcomes.Read(known.Outcomes, out _).GetValueOrDefault(0)?.Code ?? string.Empty)
            : known.First < chain.Reader.Size ? new CustodyResult(CustodyEnding.Replayed, known.First)
            : new CustodyResult(CustodyEnding.OutcomeUnknown);
    }

    private static async Task<CustodyResult> AppendAsync(ChainHost chain, CustodyActor actor, CustodyRecord record)
    {
        var state = chain.State;
        if (state.SubmitterKeyOf(actor.Account, chain.Genesis.Origin, Math.Max(RecordTime.ToMilliseconds(actor.Received), state.LastSealed)) is not { } key)
        {
            return new CustodyResult(CustodyEnding.NoKey);
        }

        var submitter = new SubmitterContext { Account = actor.Account, Key = key, Policy = state.PolicyIndex(PolicyNames.Custody), Auth = actor.Auth };
        var form = SystemLeaves.TryCustody(chain.Genesis, record, submitter, Guid.CreateVersion7(actor.Received), actor.Received, out var draft);
        if (!form.Ok)
        {
            return new CustodyResult(CustodyEnding.Refused, Code: form.Code);
        }

        // Eight signatures are verified for a proof: what does not hold is not tried again under the lock, where everybody waits.
        var before = state.Trust is { } trust ? state.Custody.Admit(chain.Genesis.Origin, trust, record, state.Size) : default;
        if (!before.Ok)
        {
            return new CustodyResult(CustodyEnding.Refused, Code: before.Code);
        }

        var request = new CustodyRequest(new SystemLeaf(chain.Genesis.Suite, draft!), actor);
        var outcome = await chain.AppendAsync(request).ConfigureAwait(false);
        return outcome.Ending != AppendEnding.Decided ? new CustodyResult(EndingOf(outcome.Ending))
            : request.Conflict ? new CustodyResult(CustodyEnding.IdempotencyConflict)
            : request.Replay is { } row ? Replayed(chain, row, same: true)
            : request.Refused is { } code ? new CustodyResult(CustodyEnding.Refused, Code: code)
            : new CustodyResult(CustodyEnding.Sealed, request.First);
    }

    // Every ending by its name: one that is not known here must not count as sealed.
    private static CustodyEnding EndingOf(AppendEnding ending) => ending switch
    {
        AppendEnding.QueueFull => CustodyEnding.QueueFull,
        AppendEnding.Stopped => CustodyEnding.ChainStopped,
        AppendEnding.OutcomeUnknown => CustodyEnding.OutcomeUnknown,
        AppendEnding.DatabaseLost => CustodyEnding.DatabaseLost,
        AppendEnding.Held => CustodyEnding.FreshnessPending,
        _ => throw new InvalidOperationException($"An act does not end in {ending} alone."),
    };

    private async Task<AnchoredLeaf?> ProveAsync(ChainHost chain, long index, CancellationToken cancellation)
    {
        await network.WaitAsync(chain, index, RecordState.Anchored, cancellation).ConfigureAwait(false);
        return network.Prove(chain, index) is { Anchor: { } anchor } proof && chain.Reader.Entry(index) is { } leaf
            ? AnchoredLeaf.TryCreate(leaf, proof.Proof, anchor) ?? throw new InvalidOperationException($"The proof of leaf {index} of {chain.Genesis.Origin} does not fit its leaf.")
            : null;
    }

    private TransferView View(ChainHost source, CustodyTransfer transfer) =>
        new(source, transfer, ByOrigin(transfer.Target) is { } target ? Decision(target, source, transfer) : null);

    // What a batch that is still being written decided is told when it is durable.
    private static CustodyDecision? Decision(ChainHost target, ChainHost source, CustodyTransfer transfer) =>
        target.State.Custody.Decided(source.Genesis.Origin, transfer.Index, transfer.Id) is { } decision && decision.Index < target.Reader.Size ? decision : null;

    private ChainHost? ByOrigin(string origin) => chains.Values.FirstOrDefault(chain => chain.Genesis.Origin == origin);

    private TransferView? ReleaseTo(ChainHost chain, Guid transfer, string? source) =>
        Find(transfer).FirstOrDefault(view => view.Transfer.Target == chain.Genesis.Origin && (source is null || view.Source.Genesis.Origin == source));

    // A number says chain and index by itself; of another chain's record, the leaf by which it came here knows the id.
    private EvidenceName? EvidenceOf(ChainHost chain, string name)
    {
        string? origin = null;
        if (RecordNumber.TryParse(name, out var code, out var index))
        {
            origin = chain.State.Trust?.FindCode(code)?.Origin;
        }
        else if (RecordId.TryParse(name, out var id) && chains.Values.Select(c => (c.Genesis.Origin, Index: c.Reader.FindId(id))).FirstOrDefault(static found => found.Index is not null) is { Origin: { } found, Index: { } at })
        {
            (origin, index) = (found, at);
        }

        if (origin is null)
        {
            return null;
        }

        if (origin == chain.Genesis.Origin)
        {
            return chain.Reader.Entry(index) is { } leaf && Admission.AdmitForm(leaf, out var facts).Ok && facts.Kind == RecordKind.Evidence ? new EvidenceName(origin, index, facts.Id) : null;
        }

        return chain.State.Custody.Standing(origin, index) is { } standing ? new EvidenceName(origin, index, standing.Id) : null;
    }

    /// <param name="chain">Where it acts.</param>
    /// <param name="actor">Who.</param>
    /// <param name="act">Released or withdrawn.</param>
    /// <param name="peer">The other end.</param>
    /// <param name="index">The leaf whose account the record or transfer is.</param>
    private static bool IsOwn(ChainHost chain, CustodyActor actor, CustodyAct act, string peer, long index) =>
        chain.State.CustodyPolicy?.RuleFor(act, actor.Account, peer) is not { Whose: CustodyWhose.Own }
        || (chain.Reader.Entry(index) is { } leaf && Admission.AdmitForm(leaf, out var facts).Ok && facts.Account == actor.Account);
}
