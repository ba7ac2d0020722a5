using System.Collections.Immutable;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>A sealed alarm: where its leaf stands, and what it says.</summary>
public sealed record SealedAlarm(long Index, AlarmRecord Alarm);

/// <summary>
/// What admission knows of the statements of ledger nodes on a chain: for each key whether it said that it joined, and about which leaves it gave an alarm. Never changed, replaced whole.
/// </summary>
/// <remarks>
/// Bounded: only keys that a trust version in force names get in, which governance signs, and each with one node record and <see cref="AlarmRecord.MaxOfOneKey"/> alarms at most. So neither a
/// hostile node nor a hostile operator fills a chain with them.
/// </remarks>
public sealed class NodesState
{
    internal static readonly NodesState Empty = new(ImmutableDictionary<NoteKey, Said>.Empty, 0, null);

    private readonly ImmutableDictionary<NoteKey, Said> _said;

    private NodesState(ImmutableDictionary<NoteKey, Said> said, long alarms, SealedAlarm? newest)
    {
        _said = said;
        Alarms = alarms;
        NewestAlarm = newest;
    }

    /// <summary>How many alarms are sealed.</summary>
    public long Alarms { get; }

    /// <summary>The alarm that was sealed last; null without one.</summary>
    public SealedAlarm? NewestAlarm { get; }

    /// <summary>Index of the node record of a key, or −1.</summary>
    public long JoinedAt(NoteKey key) => _said.TryGetValue(key, out var said) ? said.JoinedAt : -1;

    /// <summary>Whether the chain holds what this statement says: an alarm of the key about that leaf, or a node record of the key.</summary>
    public bool Holds(NodeStatement statement)
    {
        ArgumentNullException.ThrowIfNull(statement);
        return _said.TryGetValue(statement.Key, out var said) && (statement is AlarmRecord alarm ? said.Alarmed.Contains(alarm.Index) : said.JoinedAt >= 0);
    }

    /// <summary>Whether a statement whose form is right may be sealed; part of <see cref="Admission.AdmitState"/>.</summary>
    /// <param name="origin">The chain, which the statement names.</param>
    /// <param name="state">The chain's state, of which this is a part.</param>
    /// <param name="statement">Parsed, so that its signature is that of its key.</param>
    /// <param name="index">Where its leaf is to stand.</param>
    public AdmissionResult Admit(string origin, ChainState state, NodeStatement statement, long index)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(statement);
        if (state.Trust is not { } trust)
        {
            return AdmissionResult.Of(AdmissionFailure.NodeWithoutTrust, "key");
        }

        // Of the newest entry, not of one that ends: whoever leaves has no say from the trust leaf on that says so.
        if (!trust.NamesNode(origin, statement.Key))
        {
            return AdmissionResult.Of(AdmissionFailure.NodeUnknown, "key");
        }

        if (statement is AlarmRecord alarm)
        {
            return alarm.Index >= index ? AdmissionResult.Of(AdmissionFailure.AlarmIndex, "index")
                : Holds(alarm) ? AdmissionResult.Of(AdmissionFailure.AlarmTwice, "index")
                : _said.GetValueOrDefault(alarm.Key)?.Alarmed.Count >= AlarmRecord.MaxOfOneKey ? AdmissionResult.Of(AdmissionFailure.AlarmFull, "key")
                : default;
        }

        var record = (NodeRecord)statement;
        var joined = NodeRecord.JoinedBy(state, origin, record.Key);
        return joined?.File.Content.Version != record.Trust ? AdmissionResult.Of(AdmissionFailure.NodeTrust, "trust")
            : record.Size <= joined.Index || record.Size > index ? AdmissionResult.Of(AdmissionFailure.NodeSize, "size")
            : Holds(record) ? AdmissionResult.Of(AdmissionFailure.NodeTwice, "key")
            : default;
    }

    internal NodesState Apply(NodeStatement statement, long index)
    {
        var said = _said.GetValueOrDefault(statement.Key) ?? new Said(-1, []);
        return statement is AlarmRecord alarm
            ? new NodesState(_said.SetItem(alarm.Key, said with { Alarmed = said.Alarmed.Add(alarm.Index) }), Alarms + 1, new SealedAlarm(index, alarm))
            : new NodesState(_said.SetItem(statement.Key, said with { JoinedAt = index }), Alarms, NewestAlarm);
    }

    private sealed record Said(long JoinedAt, ImmutableHashSet<long> Alarmed);
}
