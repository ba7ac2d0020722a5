using System.Collections.Immutable;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>
/// What admission knows of a chain: built from the chain's own prefix by <see cref="Apply"/> and nothing else. <see cref="Fork"/> is cheap, so that a
/// batch is admitted on a fork which replaces the state when the batch has been committed. Not thread-safe.
/// </summary>
public sealed class ChainState
{
    private ImmutableDictionary<string, PolicyInForce> _policies = ImmutableDictionary<string, PolicyInForce>.Empty;
    private ImmutableDictionary<long, KeyRecord> _keys = ImmutableDictionary<long, KeyRecord>.Empty;
    private ImmutableDictionary<Hash32, long> _latestOfKey = ImmutableDictionary<Hash32, long>.Empty;
    private ImmutableDictionary<Hash32, StatementUse> _statements = ImmutableDictionary<Hash32, StatementUse>.Empty;
    private ImmutableDictionary<string, AnchorInForce> _anchors = ImmutableDictionary<string, AnchorInForce>.Empty;
    private ImmutableDictionary<string, ClosedChain> _closed = ImmutableDictionary<string, ClosedChain>.Empty;
    private ImmutableList<TrustInForce> _trust = [];

    /// <summary>Leaves below: the next index.</summary>
    public long Size { get; private set; }

    /// <summary>The last sealed time in milliseconds since 1970; 0 for an empty chain.</summary>
    public long LastSealed { get; private set; }

    /// <summary>The admission policy in force, or null before leaf 0.</summary>
    public AdmissionPolicy? Admission { get; private set; }

    /// <summary>Index of the admission policy in force, or −1.</summary>
    public long AdmissionIndex => PolicyIndex(PolicyNames.Admission);

    /// <summary>Index of the document of that name in force, or −1.</summary>
    public long PolicyIndex(string name) => _policies.TryGetValue(name, out var policy) ? policy.Index : -1;

    /// <summary>The document of that name in force, or null.</summary>
    public ReadOnlyMemory<byte>? PolicyText(string name) => _policies.TryGetValue(name, out var policy) ? policy.Document : null;

    /// <summary>The version of the trust file in force, or null before the chain's first trust leaf.</summary>
    public TrustFile? Trust => _trust.IsEmpty ? null : _trust[^1].File;

    /// <summary>Index of the trust leaf in force, or −1.</summary>
    public long TrustIndex => _trust.IsEmpty ? -1 : _trust[^1].Index;

    /// <summary>Every version of the trust file that the chain carries, oldest first: each follows the one before it. The list itself never changes.</summary>
    public IReadOnlyList<TrustInForce> TrustVersions => _trust;

    /// <summary>The custody policy in force, or null before leaf 2.</summary>
    public CustodyPolicy? CustodyPolicy { get; private set; }

    /// <summary>Transfers of custody to and from this chain.</summary>
    public CustodyState Custody { get; private set; } = CustodyState.Empty;

    /// <summary>What ledger nodes said that is sealed on this chain.</summary>
    public NodesState Nodes { get; private set; } = NodesState.Empty;

    /// <summary>The newest anchor of an origin on this chain, or null.</summary>
    public AnchorInForce? LatestAnchor(string origin) => _anchors.GetValueOrDefault(origin);

    /// <summary>The incident on this chain that closed an origin, or null.</summary>
    public ClosedChain? Closed(string origin) => _closed.GetValueOrDefault(origin);

    /// <summary>The key record at an index, or null.</summary>
    public KeyRecord? Key(long index) => _keys.GetValueOrDefault(index);

    /// <summary>Index of the newest record of a key, or −1.</summary>
    public long LatestOfKey(in Hash32 keyId) => _latestOfKey.TryGetValue(keyId, out var index) ? index : -1;

    /// <summary>Key records in force of an account, by index: the newest of each key, whatever its validity.</summary>
    public IEnumerable<(long Index, KeyRecord Key)> KeysOf(string account) =>
        _keys.Where(entry => entry.Value.Account == account && LatestOfKey(entry.Value.KeyId) == entry.Key).OrderBy(static entry => entry.Key).Select(static entry => (entry.Key, entry.Value));

    /// <summary>
    /// Index of the record that a leaf of an account names, or null: the newest with which the account may submit at that time, so that a key that is not valid yet does not stand in the way of the one that it follows.
    /// Without one the newest of all, by which admission says what is wrong.
    /// </summary>
    /// <param name="origin">This chain's.</param>
    /// <param name="time">Milliseconds since 1970.</param>
    public long? SubmitterKeyOf(string account, string origin, long time)
    {
        long? newest = null;
        long? good = null;
        foreach (var (index, key) in KeysOf(account))
        {
            newest = index;
            good = key.MaySubmit(origin, time) ? index : good;
        }

        return good ?? newest;
    }

    /// <summary>Version of the document of that name in force, or 0.</summary>
    public long PolicyVersion(string name) => _policies.TryGetValue(name, out var policy) ? policy.Version : 0;

    /// <summary>A state that starts equal and changes alone.</summary>
    public ChainState Fork() => (ChainState)MemberwiseClone();

    /// <summary>Takes in an admitted leaf.</summary>
    /// <exception cref="InvalidOperationException">The index is not the next one: leaves are applied in order, once.</exception>
    public void Apply(in LeafFacts facts, long index)
    {
        if (index != Size)
        {
            throw new InvalidOperationException($"Leaf {index} cannot follow a chain of {Size} leaves.");
        }

        ApplyChange(facts, index);
        Size = index + 1;
        LastSealed = facts.Sealed;
    }

    /// <summary>
    /// Passes over a leaf that was refused but stands in the tree: nodes cosign it, answer it with an alarm, and it changes nothing but the size.
    /// </summary>
    /// <exception cref="InvalidOperationException">The index is not the next one.</exception>
    public void Skip(long index)
    {
        if (index != Size)
        {
            throw new InvalidOperationException($"Leaf {index} cannot follow a chain of {Size} leaves.");
        }

        Size = index + 1;
    }

    /// <summary>
    /// Rebuilds without the leaves that change nothing: <paramref name="changes"/> are those with <see cref="LeafFacts.ChangesState"/> in index order,
    /// but for those that a later one replaced (<see cref="LeafFacts.ReplacesStateLeaf"/>); the rest is known by the head.
    /// </summary>
    public static ChainState Rebuild(IEnumerable<(long Index, LeafFacts Facts)> changes, long size, long lastSealed)
    {
        var state = new ChainState();
        foreach (var (index, facts) in changes)
        {
            if (index < state.Size || index >= size)
            {
                throw new InvalidOperationException($"Leaf {index} is out of order in a chain of {size} leaves.");
            }

            state.ApplyChange(facts, index);
            state.Size = index + 1;
        }

        state.Size = size;
        state.LastSealed = lastSealed;
        return state;
    }

    internal StatementUse? Statement(in Hash32 root) => _statements.GetValueOrDefault(root);

    internal PolicyInForce? Policy(string name) => _policies.GetValueOrDefault(name);

    private void ApplyChange(in LeafFacts facts, long index)
    {
        switch (facts.Kind)
        {
            case RecordKind.Policy:
                ApplyPolicy(facts.PolicyRecord!, index);
                break;
            case RecordKind.Key:
                _keys = _keys.Add(index, facts.KeyRecord!);
                _latestOfKey = _latestOfKey.SetItem(facts.KeyRecord!.KeyId, index);
                break;
            case RecordKind.Statement:
                _statements = _statements.Add(facts.StatementRecord!.Root, new StatementUse(facts.StatementRecord, index, this));
                break;
            case RecordKind.Evidence when facts.StatementIndex >= 0:
                var use = _statements[facts.StatementRoot].For(this);
                use.Mark(facts.StatementIndex);
                _statements = _statements.SetItem(facts.StatementRoot, use);
                break;
            case RecordKind.Anchor:
                var checkpoint = facts.AnchorRecord!.Checkpoint;
                _anchors = _anchors.SetItem(checkpoint.Origin, new AnchorInForce(index, checkpoint.Size, checkpoint.Root));
                break;
            case RecordKind.Trust:
                _trust = _trust.Add(new TrustInForce(index, facts.TrustRecord!.File));
                break;
            case RecordKind.Incident:
                _closed = _closed.Add(facts.IncidentRecord!.Origin, new ClosedChain(index, facts.IncidentRecord));
                break;
            case RecordKind.Custody:
                Custody = Custody.Apply(facts.CustodyRecord!, index);
                break;
            case RecordKind.Alarm or RecordKind.Node:
                Nodes = Nodes.Apply(facts.NodeStatement!, index);
                break;
            default:
                break;
        }
    }

    private void ApplyPolicy(PolicyRecord record, long index)
    {
        if (PolicyDocument.TryParse(record.Document.Span, out var document).Length > 0)
        {
            throw new InvalidOperationException("An admitted policy leaf holds a document of its format.");
        }

        _policies = _policies.SetItem(record.Name, new PolicyInForce(index, document!.Version, record.Document));
        if (record.Name == PolicyNames.Admission)
        {
            AdmissionPolicy.TryParse(record.Document.Span, out var policy);
            Admission = policy;
        }
        else if (record.Name == PolicyNames.Custody)
        {
            CustodyPolicy.TryParse(record.Document.Span, out var policy);
            CustodyPolicy = policy;
        }
    }
}

/// <summary>The newest anchor of a chain on the main chain: where its leaf stands, and the size and root that it anchored.</summary>
public sealed record AnchorInForce(long Index, long Size, Hash32 Root);

/// <summary>A chain that is closed: where the incident stands on the main chain, and what it says.</summary>
public sealed record ClosedChain(long Index, IncidentRecord Record);

/// <summary>A version of the trust file on a chain: where its leaf stands; it is in force from the index behind it.</summary>
public sealed record TrustInForce(long Index, TrustFile File);

internal sealed record PolicyInForce(long Index, long Version, ReadOnlyMemory<byte> Document);

/// <summary>A statement on the chain and which of its lines have a record. A fork copies it before its first change.</summary>
internal sealed class StatementUse
{
    private readonly ulong[] _used;
    private readonly ChainState _owner;

    public StatementUse(StatementRecord record, long index, ChainState owner)
        : this(record, index, new ulong[(record.Count + 63) / 64], owner)
    {
    }

    private StatementUse(StatementRecord record, long index, ulong[] used, ChainState owner)
    {
        Record = record;
        Index = index;
        _used = used;
        _owner = owner;
    }

    public StatementRecord Record { get; }

    public long Index { get; }

    public bool IsUsed(int line) => (_used[line / 64] >> (line % 64) & 1) != 0;

    public void Mark(int line) => _used[line / 64] |= 1UL << (line % 64);

    public StatementUse For(ChainState state) => ReferenceEquals(state, _owner) ? this : new StatementUse(Record, Index, (ulong[])_used.Clone(), state);
}
