using System.Collections.Immutable;

namespace Notary.Evidence;

/// <summary>A transfer that a chain released.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Evidence">The record.</param>
/// <param name="Target">Origin of the one chain that may receive it.</param>
/// <param name="Index">Index of the release.</param>
/// <param name="Via">Index of the received leaf by which the record was here before; null when it was sealed here and had never left.</param>
/// <param name="Withdrawn">Index of the withdrawn leaf, or null.</param>
public sealed record CustodyTransfer(Guid Id, EvidenceName Evidence, string Target, long Index, long? Via, long? Withdrawn);

/// <summary>What a chain decided about another's release; the first decision stands.</summary>
/// <param name="Index">Index of the received or declined leaf.</param>
/// <param name="Received">True: taken over.</param>
public sealed record CustodyDecision(long Index, bool Received);

/// <summary>Where a record that was ever transferred stands on this chain.</summary>
/// <param name="Id">The record's id.</param>
/// <param name="Here">In this chain's custody.</param>
/// <param name="Via">By which received leaf it is, or was, here; null: it was sealed here and never received.</param>
public sealed record CustodyStanding(Guid Id, bool Here, long? Via);

/// <summary>
/// What admission remembers of custody on one chain: immutable, built by <see cref="Apply"/> from the chain's own custody leaves. Releases and decisions are kept for good, because a
/// proof can be shown again at any time.
/// </summary>
public sealed record CustodyState
{
    /// <summary>Most releases and decisions of a chain, together: a bound on what every process and node keeps in memory, about 100 MB.</summary>
    public const int MaxTransfers = 250_000;

    private ImmutableDictionary<Guid, CustodyTransfer> _released = ImmutableDictionary<Guid, CustodyTransfer>.Empty;
    private ImmutableDictionary<(string Chain, long Index, Guid Transfer), CustodyDecision> _decided = ImmutableDictionary<(string, long, Guid), CustodyDecision>.Empty;
    private ImmutableDictionary<(string Chain, long Index), CustodyStanding> _standing = ImmutableDictionary<(string, long), CustodyStanding>.Empty;

    // Of the releases that are not withdrawn, in the order of the log: whoever lists them sorts nothing.
    private ImmutableSortedSet<(long Index, Guid Transfer)> _open = [];

    private CustodyState()
    {
    }

    /// <summary>Of a chain without custody leaves.</summary>
    public static CustodyState Empty { get; } = new();

    /// <summary>Releases and decisions so far.</summary>
    public int Count => _released.Count + _decided.Count;

    /// <summary>The transfer of that id that this chain released, or null.</summary>
    public CustodyTransfer? Released(Guid transfer) => _released.GetValueOrDefault(transfer);

    /// <summary>Every transfer that this chain released and has not withdrawn, oldest first. Whether the target received it, the target's chain says.</summary>
    /// <param name="after">Only those whose release has a larger index.</param>
    public IEnumerable<CustodyTransfer> Open(long after = -1)
    {
        var first = _open.IndexOf((after + 1, Guid.Empty));
        for (var at = first < 0 ? ~first : first; at < _open.Count; at++)
        {
            yield return _released[_open[at].Transfer];
        }
    }

    /// <summary>What this chain decided about a release, or null.</summary>
    /// <param name="chain">Origin of the source.</param>
    /// <param name="index">Index of the release there.</param>
    /// <param name="transfer">Its transfer id.</param>
    public CustodyDecision? Decided(string chain, long index, Guid transfer) => _decided.GetValueOrDefault((chain, index, transfer));

    /// <summary>Where a record stands; null when it was never transferred from or to this chain: then it is in the custody of the chain that sealed it.</summary>
    public CustodyStanding? Standing(string chain, long index) => _standing.GetValueOrDefault((chain, index));

    /// <summary>Whether a custody leaf that policy and key allow may follow.</summary>
    /// <param name="origin">This chain's.</param>
    /// <param name="trust">The version in force on this chain.</param>
    /// <param name="record">The leaf's body.</param>
    /// <param name="index">Where the leaf is to stand.</param>
    public AdmissionResult Admit(string origin, TrustFile trust, CustodyRecord record, long index) => record.Act switch
    {
        CustodyAct.Released => AdmitReleased(origin, trust, record, index),
        CustodyAct.Received => AdmitReceived(origin, trust, record),
        CustodyAct.Declined => AdmitDeclined(trust, record),
        _ => AdmitWithdrawn(trust, record),
    };

    internal CustodyState Apply(CustodyRecord record, long index)
    {
        switch (record.Act)
        {
            case CustodyAct.Released:
                var evidence = record.Evidence!;
                return this with
                {
                    _open = _open.Add((index, record.Transfer)),
                    _released = _released.Add(record.Transfer, new CustodyTransfer(record.Transfer, evidence, record.Target, index, record.Via, null)),
                    _standing = _standing.SetItem((evidence.Chain, evidence.Index), new CustodyStanding(evidence.Id, Here: false, record.Via)),
                };
            case CustodyAct.Received:
                var release = record.Proof!;
                var received = release.Facts.CustodyRecord!.Evidence!;
                return this with
                {
                    _decided = _decided.Add((release.Facts.Chain, release.Index, record.Transfer), new CustodyDecision(index, Received: true)),
                    _standing = _standing.SetItem((received.Chain, received.Index), new CustodyStanding(received.Id, Here: true, index)),
                };
            case CustodyAct.Declined:
                return this with { _decided = _decided.Add((record.Release.Chain, record.Release.Index, record.Transfer), new CustodyDecision(index, Received: false)) };
            default:
                var transfer = _released[record.Transfer];
                return this with
                {
                    _open = _open.Remove((transfer.Index, transfer.Id)),
                    _released = _released.SetItem(transfer.Id, transfer with { Withdrawn = index }),
                    _standing = _standing.SetItem((transfer.Evidence.Chain, transfer.Evidence.Index), new CustodyStanding(transfer.Evidence.Id, Here: true, transfer.Via)),
                };
        }
    }

    private AdmissionResult AdmitReleased(string origin, TrustFile trust, CustodyRecord record, long index)
    {
        var evidence = record.Evidence!;
        if (record.Target == trust.Main?.Origin || trust.Find(record.Target) is not { ToMainIndex: null })
        {
            return AdmissionResult.Of(AdmissionFailure.CustodyPeer, "target");
        }

        if (_released.ContainsKey(record.Transfer))
        {
            return AdmissionResult.Of(AdmissionFailure.CustodyTransferTwice, "transfer");
        }

        if (evidence.Chain == origin && evidence.Index >= index)
        {
            return AdmissionResult.Of(AdmissionFailure.CustodyEvidenceIndex, "evidence");
        }

        var standing = Standing(evidence.Chain, evidence.Index) ?? (evidence.Chain == origin ? new CustodyStanding(evidence.Id, Here: true, null) : null);
        if (standing is not { Here: true } || standing.Id != evidence.Id)
        {
            return AdmissionResult.Of(AdmissionFailure.CustodyNotHere, "evidence");
        }

        return standing.Via != record.Via ? AdmissionResult.Of(AdmissionFailure.CustodyVia, "via") : Room();
    }

    private AdmissionResult AdmitReceived(string origin, TrustFile trust, CustodyRecord record)
    {
        var release = record.Proof!;
        var evidence = release.Facts.CustodyRecord!.Evidence!;
        if (Decided(release.Facts.Chain, release.Index, record.Transfer) is not null)
        {
            return AdmissionResult.Of(AdmissionFailure.CustodyDecided, "transfer");
        }

        var standing = Standing(evidence.Chain, evidence.Index);
        if (standing?.Here ?? (evidence.Chain == origin))
        {
            return AdmissionResult.Of(AdmissionFailure.CustodyHere, "proof");
        }

        if (standing is not null && standing.Id != evidence.Id)
        {
            return AdmissionResult.Of(AdmissionFailure.CustodyOtherRelease, "proof");
        }

        var room = Room();
        return room.Ok ? AdmissionResult.Of(release.Check(trust).Failure, "proof") : room;
    }

    private AdmissionResult AdmitDeclined(TrustFile trust, CustodyRecord record)
    {
        var (chain, index) = record.Release;
        return chain == trust.Main?.Origin || trust.Find(chain) is null ? AdmissionResult.Of(AdmissionFailure.CustodyPeer, "release")
            : Decided(chain, index, record.Transfer) is not null ? AdmissionResult.Of(AdmissionFailure.CustodyDecided, "transfer")
            : Room();
    }

    private AdmissionResult AdmitWithdrawn(TrustFile trust, CustodyRecord record)
    {
        var declined = record.Proof!;
        if (Released(record.Transfer) is not { Withdrawn: null } transfer)
        {
            return AdmissionResult.Of(AdmissionFailure.CustodyTransferUnknown, "transfer");
        }

        return declined.Facts.Chain != transfer.Target || declined.Facts.CustodyRecord!.Release.Index != transfer.Index
            ? AdmissionResult.Of(AdmissionFailure.CustodyOtherRelease, "proof")
            : AdmissionResult.Of(declined.Check(trust).Failure, "proof");
    }

    private AdmissionResult Room() => Count < MaxTransfers ? default : AdmissionResult.Of(AdmissionFailure.CustodyFull, "transfer");
}
