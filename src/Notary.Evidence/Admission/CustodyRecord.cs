using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>The steps of a custody transfer between two chains. Numbers frozen; a leaf carries the lower-case name.</summary>
public enum CustodyAct : byte
{
    /// <summary>The source gives a record into a transfer, to one target.</summary>
    Released = 1,
    /// <summary>The target has taken it over.</summary>
    Received = 2,
    /// <summary>The target does not take it.</summary>
    Declined = 3,
    /// <summary>The source has it back, after the target declined.</summary>
    Withdrawn = 4,
}

/// <summary>Names of acts as they stand in a leaf.</summary>
public static class CustodyActs
{
    private static readonly string[] All = ["", "released", "received", "declined", "withdrawn"];

    /// <summary>The name.</summary>
    public static string Name(CustodyAct act) => All[(int)act];

    /// <summary>The act of a name; false for another text.</summary>
    public static bool TryParse(string name, out CustodyAct act)
    {
        var at = Array.IndexOf(All, name, 1);
        act = at < 0 ? default : (CustodyAct)at;
        return at >= 0;
    }
}

/// <summary>An evidence record, wherever it was sealed: its name in every custody record that is about it, on whichever chain.</summary>
/// <param name="Chain">Origin of the chain that sealed it.</param>
/// <param name="Index">Its index there.</param>
/// <param name="Id">Its id.</param>
public sealed record EvidenceName(string Chain, long Index, Guid Id)
{
    private static readonly string[] Members = ["chain", "id", "index"];

    internal CanonicalValue ToValue() => CanonicalValue.OfObject(("chain", CanonicalValue.Of(Chain)), ("id", CanonicalValue.Of(Id.ToString("D"))), ("index", CanonicalValue.Of(Index)));

    internal static EvidenceName? TryParse(CanonicalValue json) =>
        json.Type == CanonicalType.Object && LeafForm.CheckMembers(json, Members, []).Ok && json["chain"]!.AsString is { } chain && Grammar.IsOrigin(chain)
        && json["id"]!.AsString is { } id && RecordId.TryParse(id, out var parsed) && json["index"]!.AsInteger is >= 0 and var index
            ? new EvidenceName(chain, index, parsed)
            : null;
}

/// <summary>
/// The body of a custody leaf. Each act has its own members: a <see cref="CustodyAct.Released"/> one names the record and the target, a <see cref="CustodyAct.Declined"/> one the
/// release by chain and index, and <see cref="CustodyAct.Received"/> and <see cref="CustodyAct.Withdrawn"/> carry the anchored proof of what they answer.
/// </summary>
/// <remarks>Account, key, authentication and policy are <see cref="LeafFacts"/>'; the policy is the custody document.</remarks>
public sealed record CustodyRecord
{
    private static readonly string[] Common = ["account", "act", "auth", "chain", "id", "key", "kind", "policy", "received", "sealed", "transfer", "v"];
    private static readonly string[] ReleasedMembers = [.. Sorted("evidence", "target", "via")];
    private static readonly string[] DeclinedMembers = [.. Sorted("release")];
    private static readonly string[] ProvedMembers = [.. Sorted("proof")];
    private static readonly string[] ReleaseMembers = ["chain", "index"];

    private CustodyRecord(CustodyAct act, Guid transfer)
    {
        Act = act;
        Transfer = transfer;
    }

    /// <summary>Which step.</summary>
    public CustodyAct Act { get; }

    /// <summary>Id of the transfer, drawn like a record's id by whoever releases.</summary>
    public Guid Transfer { get; }

    /// <summary>Released: the record.</summary>
    public EvidenceName? Evidence { get; private init; }

    /// <summary>Released: origin of the one chain that may receive.</summary>
    public string Target { get; private init; } = string.Empty;

    /// <summary>Released: index on this chain of the received leaf by which the record is here; null when it was sealed here and never left.</summary>
    public long? Via { get; private init; }

    /// <summary>Declined: origin and index of the release.</summary>
    public (string Chain, long Index) Release { get; private init; } = (string.Empty, -1);

    /// <summary>Received: the release, proved. Withdrawn: the target's declined leaf, proved.</summary>
    public AnchoredLeaf? Proof { get; private init; }

    /// <summary>The chain at the other end: the target of what leaves, the source of what comes.</summary>
    public string Peer => Act switch
    {
        CustodyAct.Released => Target,
        CustodyAct.Declined => Release.Chain,
        _ => Proof!.Facts.Chain,
    };

    /// <summary>A release.</summary>
    /// <param name="transfer">A fresh UUIDv7.</param>
    /// <param name="evidence">The record.</param>
    /// <param name="via">Index of the received leaf by which it is here, or null.</param>
    /// <param name="target">Origin of the target.</param>
    public static CustodyRecord Released(Guid transfer, EvidenceName evidence, long? via, string target) =>
        new(CustodyAct.Released, transfer) { Evidence = evidence, Via = via, Target = target };

    /// <summary>The receipt of a release.</summary>
    /// <exception cref="ArgumentException">The proof is of no release.</exception>
    public static CustodyRecord Received(AnchoredLeaf release) => new(CustodyAct.Received, TransferOf(release, CustodyAct.Released)) { Proof = release };

    /// <summary>The refusal of a release.</summary>
    /// <param name="transfer">The release's transfer id.</param>
    /// <param name="chain">Origin of the source.</param>
    /// <param name="index">Index of the release there.</param>
    public static CustodyRecord Declined(Guid transfer, string chain, long index) => new(CustodyAct.Declined, transfer) { Release = (chain, index) };

    /// <summary>The source's answer to a refusal.</summary>
    /// <exception cref="ArgumentException">The proof is of no refusal.</exception>
    public static CustodyRecord Withdrawn(AnchoredLeaf declined) => new(CustodyAct.Withdrawn, TransferOf(declined, CustodyAct.Declined)) { Proof = declined };

    internal IEnumerable<(string, CanonicalValue?)> ToMembers() =>
    [
        ("act", CanonicalValue.Of(CustodyActs.Name(Act))),
        ("evidence", Evidence?.ToValue()),
        ("proof", Proof?.ToValue()),
        ("release", Release.Index < 0 ? null : CanonicalValue.OfObject(("chain", CanonicalValue.Of(Release.Chain)), ("index", CanonicalValue.Of(Release.Index)))),
        ("target", Target.Length == 0 ? null : CanonicalValue.Of(Target)),
        ("transfer", CanonicalValue.Of(Transfer.ToString("D"))),
        ("via", Via is { } via ? CanonicalValue.Of(via) : null),
    ];

    /// <param name="leaf">Canonical JSON with every common member of its right form but account, auth, key and policy.</param>
    /// <param name="chain">The origin that the leaf names.</param>
    /// <param name="facts">Gets account, auth, key, policy and the record.</param>
    internal static AdmissionResult TryParse(CanonicalValue leaf, string chain, ref LeafFacts facts)
    {
        if (leaf["act"]?.AsString is not { } name)
        {
            return AdmissionResult.Of(leaf["act"] is null ? AdmissionFailure.MissingMember : AdmissionFailure.BadValue, "act");
        }

        if (!CustodyActs.TryParse(name, out var act))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "act");
        }

        var members = act switch
        {
            CustodyAct.Released => LeafForm.CheckMembers(leaf, ReleasedMembers, ["via"]),
            CustodyAct.Declined => LeafForm.CheckMembers(leaf, DeclinedMembers, []),
            _ => LeafForm.CheckMembers(leaf, ProvedMembers, []),
        };
        if (!members.Ok)
        {
            return members;
        }

        if (leaf["account"]!.AsString is not { } account || !Grammar.IsName(account))
        {
            return Bad("account");
        }

        if (leaf["auth"]!.AsString is not { } authText || !AuthMethods.TryParse(authText, out var auth))
        {
            return Bad("auth");
        }

        if (leaf["key"]!.AsInteger is not (>= 0 and var key))
        {
            return Bad("key");
        }

        if (leaf["policy"]!.AsInteger is not (>= 0 and var policy))
        {
            return Bad("policy");
        }

        if (leaf["transfer"]!.AsString is not { } transferText || !RecordId.TryParse(transferText, out var transfer))
        {
            return Bad("transfer");
        }

        CustodyRecord? record;
        var body = act switch
        {
            CustodyAct.Released => TryReleased(leaf, chain, transfer, out record),
            CustodyAct.Declined => TryDeclined(leaf, chain, transfer, out record),
            _ => TryProved(leaf, chain, act, transfer, out record),
        };
        facts = facts with { Account = account, Auth = auth, Key = key, Policy = policy, CustodyRecord = record };
        return body;
    }

    private static AdmissionResult TryReleased(CanonicalValue leaf, string chain, Guid transfer, out CustodyRecord? record)
    {
        record = null;
        if (EvidenceName.TryParse(leaf["evidence"]!) is not { } evidence)
        {
            return Bad("evidence");
        }

        if (leaf["target"]!.AsString is not { } target || !Grammar.IsOrigin(target) || target == chain)
        {
            return Bad("target");
        }

        // A record of another chain is here by a transfer, or it is not here.
        if (leaf["via"] is { AsInteger: not >= 0 } || (leaf["via"] is null && evidence.Chain != chain))
        {
            return Bad("via");
        }

        record = Released(transfer, evidence, leaf["via"]?.AsInteger, target);
        return default;
    }

    private static AdmissionResult TryDeclined(CanonicalValue leaf, string chain, Guid transfer, out CustodyRecord? record)
    {
        record = null;
        var release = leaf["release"]!;
        if (release.Type != CanonicalType.Object || !LeafForm.CheckMembers(release, ReleaseMembers, []).Ok || release["chain"]!.AsString is not { } source || !Grammar.IsOrigin(source) || source == chain
            || release["index"]!.AsInteger is not (>= 0 and var index))
        {
            return Bad("release");
        }

        record = Declined(transfer, source, index);
        return default;
    }

    private static AdmissionResult TryProved(CanonicalValue leaf, string chain, CustodyAct act, Guid transfer, out CustodyRecord? record)
    {
        record = null;
        var wanted = act == CustodyAct.Received ? CustodyAct.Released : CustodyAct.Declined;
        var proof = leaf["proof"]!;

        // Before anything in the proof is parsed as a leaf: neither of the two that may stand there carries a proof itself.
        if (proof.Type != CanonicalType.Object || proof["leaf"]?["act"]?.AsString != CustodyActs.Name(wanted) || !AnchoredLeaf.TryParse(proof, out var parsed))
        {
            return Bad("proof");
        }

        var proved = parsed!.Facts.CustodyRecord;
        if (proved is null || proved.Transfer != transfer || (act == CustodyAct.Received ? proved.Target : proved.Release.Chain) != chain)
        {
            return AdmissionResult.Of(AdmissionFailure.ProofOfOther, "proof");
        }

        record = new CustodyRecord(act, transfer) { Proof = parsed };
        return default;
    }

    private static Guid TransferOf(AnchoredLeaf proof, CustodyAct wanted)
    {
        ArgumentNullException.ThrowIfNull(proof);
        return proof.Facts.CustodyRecord is { } record && record.Act == wanted ? record.Transfer : throw new ArgumentException($"The proof is of no {CustodyActs.Name(wanted)} leaf.", nameof(proof));
    }

    private static AdmissionResult Bad(string member) => AdmissionResult.Of(AdmissionFailure.BadValue, member);

    private static IEnumerable<string> Sorted(params string[] own) => Common.Concat(own).Order(StringComparer.Ordinal);
}
