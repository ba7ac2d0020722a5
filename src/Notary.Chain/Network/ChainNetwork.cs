using System.Collections.Concurrent;
using Notary.Chain.Folders;
using Notary.Chain.Nodes;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Network;

/// <summary>All that proves a record, as far as it has got.</summary>
/// <param name="Proof">From the leaf to a checkpoint of its chain.</param>
/// <param name="Anchor">From that checkpoint to the main chain; null before it is anchored, and for records of the main chain.</param>
/// <param name="State">How far that is.</param>
public sealed record RecordProof(TlogProof Proof, AnchorProof? Anchor, RecordState State);

/// <summary>
/// What stands around the chains of a platform: their ledger nodes, in this process or elsewhere, their finality, and their anchors on the main chain. Chains whose trust file
/// demands no quorum have none of it.
/// </summary>
public sealed class ChainNetwork : IAsyncDisposable
{
    private static readonly TimeSpan FreshnessRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan NodeTimeout = TimeSpan.FromSeconds(10);

    // How long a server that shares a chain may lag behind at its start: two seconds where nothing says that it does, a minute where the stored head does.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);
    private const int LeastLooks = 20;
    private const int MostLooks = 600;

    private readonly DataFolder _data;
    private readonly IReadOnlyDictionary<string, ChainHost> _chains;
    private readonly string _password;
    private readonly Func<PolicyWitness, INodeLink?> _remote;
    private readonly TimeProvider _time;
    private readonly TrustCarrier _carrier;
    private readonly ClosedChains _closed;
    private readonly ConcurrentDictionary<string, Finality> _finality = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ChainTrust> _trust = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, LedgerNode> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Anchoring> _anchoring = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StatementSealing> _sealing = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _starting = [];
    private int _disposed;

    private ChainNetwork(DataFolder data, IReadOnlyDictionary<string, ChainHost> chains, TrustFile trust, string password, Func<PolicyWitness, INodeLink?> remote, TimeProvider time)
    {
        _data = data;
        _chains = chains;
        _password = password;
        _remote = remote;
        _time = time;
        _closed = new ClosedChains(data, chains, time);
        _carrier = new TrustCarrier(data, chains, trust, GoneOver, _closed.StopClosed, time);
    }

    /// <summary>The nodes that run in this process, by <c>chain/folder</c>.</summary>
    public IReadOnlyDictionary<string, LedgerNode> Nodes => _nodes;

    /// <summary>The version of the trust file in force.</summary>
    public TrustFile Trust => _carrier.Trust;

    /// <summary>Why the version in force is not on every chain yet; null when it is.</summary>
    public string? TrustTrouble => _carrier.Trouble;

    /// <summary>
    /// Opens the nodes that lie in the data folder, and starts finality and anchors of all chains that have a quorum. No chain appends before it has passed its freshness check; one that
    /// the trust file does not know is stopped.
    /// </summary>
    /// <param name="data">The data folder; its nodes lie in <c>nodes/&lt;chain&gt;/&lt;node&gt;</c>.</param>
    /// <param name="chains">The open chains, by name. They outlive this object.</param>
    /// <param name="trust">The data folder's trust file; where the main chain carries a later version that follows from it, that one is in force, and is written there.</param>
    /// <param name="password">Opens the nodes' key files.</param>
    /// <param name="remote">The way to a node that does not lie here, or null; disposed with this object where it can be.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ChainRefusedException">A node cannot be opened, a log key is missing, or the trust file is not the main chain's.</exception>
    public static ChainNetwork Start(
        DataFolder data, IReadOnlyDictionary<string, ChainHost> chains, TrustFile trust, string password, Func<PolicyWitness, INodeLink?> remote, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(chains);
        ArgumentNullException.ThrowIfNull(trust);
        ArgumentNullException.ThrowIfNull(remote);
        var network = new ChainNetwork(data, chains, trust, password, remote, time);
        try
        {
            network._closed.StopClosing();
            network._closed.StopClosed();
            foreach (var (name, chain) in chains)
            {
                network.TakeTrust(name, chain);
            }

            network.OpenNodes();
            foreach (var name in network._trust.Keys)
            {
                network.Open(name, chains[name]);
            }

            network.Anchor(time);
            foreach (var (name, finality) in network._finality)
            {
                network._sealing.Add(name, new StatementSealing(chains[name], finality, NodeTimeout, time));
            }

            network._carrier.Start();
            return network;
        }
        catch
        {
            network.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }
    }

    /// <summary>Brings the next version of the trust file into force: seals it on the main chain, carries it to every region, and goes over to it while all chains run.</summary>
    /// <param name="file">Signed; the version in force again completes what was interrupted.</param>
    /// <param name="reachBack">Whether it may change what holds at main indexes that are passed already: a revocation.</param>
    /// <param name="cancellation">Ends the waiting for the regions; carrying goes on.</param>
    public Task<TrustApplied> ApplyTrustAsync(TrustFile file, bool reachBack, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(file);
        return _carrier.ApplyAsync(file, reachBack, cancellation);
    }

    /// <summary>Seals an incident on the main chain, and stops the chain that it closes.</summary>
    /// <param name="record">With the signatures of governance; one that is sealed already answers where it stands.</param>
    public Task<IncidentApplied> CloseChainAsync(IncidentRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return _closed.ApplyAsync(record);
    }

    /// <summary>Seals policies and key records that governance has signed, each on its chain. What stands there already answers where.</summary>
    /// <param name="proposal">With the signatures; of all or of nothing, unless a chain stops in the middle.</param>
    public Task<GovernanceApplied> ApplyGovernanceAsync(GovernanceProposal proposal)
    {
        ArgumentNullException.ThrowIfNull(proposal);
        return GovernanceSealing.ApplyAsync(_chains, proposal, _time);
    }

    /// <summary>A version of the trust file that was or is in force, as far as the main chain carries it; null for any other.</summary>
    public TrustFile? TrustVersion(long version)
    {
        var sealedOne = _chains.GetValueOrDefault(TrustFile.MainChain)?.TrustVersions.FirstOrDefault(known => known.File.Content.Version == version)?.File;
        return sealedOne ?? (Trust.Content.Version == version ? Trust : null);
    }

    /// <summary>The node of that key, when it runs in this process.</summary>
    public LedgerNode? NodeOf(NoteKey key) => _nodes.Values.FirstOrDefault(node => node.Key.Equals(key));

    /// <summary>The finality of a chain; null when its trust file demands no quorum.</summary>
    public Finality? FinalityOf(string chain) => _finality.GetValueOrDefault(chain);

    /// <summary>Why a region's newest final checkpoint is not on the main chain; null when nothing is wrong.</summary>
    public string? AnchorTrouble(string chain) => _anchoring.GetValueOrDefault(chain)?.Trouble;

    /// <summary>What the ledger nodes of a chain say and the chain does not hold, as far as they answer; empty where another server leads.</summary>
    public IReadOnlyList<UnsealedStatement> UnsealedStatements(string chain) => _sealing.GetValueOrDefault(chain)?.Unsealed ?? [];

    /// <summary>Why what a node of a chain says in its own name could not be read when it was asked last; null when it could.</summary>
    public string? Unheard(string chain, NoteKey node) => _sealing.GetValueOrDefault(chain)?.Unheard.GetValueOrDefault(node);

    /// <summary>How far a record has got.</summary>
    public RecordState StateOf(ChainHost chain, long index)
    {
        ArgumentNullException.ThrowIfNull(chain);
        if (_finality.GetValueOrDefault(chain.Name) is not { } finality)
        {
            return RecordState.Sealed;
        }

        var final = index < (finality.Newest?.Size ?? 0);
        return final && chain.Name == TrustFile.MainChain ? RecordState.Anchored
            : index < (finality.NewestAnchored?.Final.Size ?? 0) ? RecordState.Anchored
            : final ? RecordState.Final
            : RecordState.Sealed;
    }

    /// <summary>Waits until a record has got that far.</summary>
    /// <returns>False when it had not when the waiting ended.</returns>
    public async Task<bool> WaitAsync(ChainHost chain, long index, RecordState state, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(chain);
        var wanted = chain.Name == TrustFile.MainChain && state == RecordState.Anchored ? RecordState.Final : state;
        return wanted <= RecordState.Sealed
            || (_finality.GetValueOrDefault(chain.Name) is { } finality && await finality.WaitAsync(index + 1, wanted, cancellation).ConfigureAwait(false));
    }

    /// <summary>The proof of a record in the furthest state that it has reached; null at or above the chain's size.</summary>
    public RecordProof? Prove(ChainHost chain, long index)
    {
        ArgumentNullException.ThrowIfNull(chain);
        if (_finality.GetValueOrDefault(chain.Name) is { } finality)
        {
            var size = chain.Reader.Size;
            if (finality.AnchorOf(index) is { } anchored && anchored.Final.Size <= size && AnchorProofOf(anchored) is { } anchor)
            {
                return new RecordProof(chain.Reader.InclusionProof(index, anchored.Final.Note, anchored.Final.Size), anchor, RecordState.Anchored);
            }

            if (finality.Newest is { } final && index < final.Size && final.Size <= size)
            {
                return new RecordProof(
                    chain.Reader.InclusionProof(index, final.Note, final.Size), null, chain.Name == TrustFile.MainChain ? RecordState.Anchored : RecordState.Final);
            }
        }

        return chain.Reader.InclusionProof(index) is { } proof ? new RecordProof(proof, null, RecordState.Sealed) : null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        var failures = new List<Exception>();
        await TryAsync(() => new ValueTask(Task.WhenAll(_starting))).ConfigureAwait(false);
        foreach (var part in new IAsyncDisposable[] { _carrier }.Concat(_sealing.Values).Concat(_anchoring.Values).Concat(_finality.Values))
        {
            await TryAsync(part.DisposeAsync).ConfigureAwait(false);
        }

        foreach (var node in _nodes.Values)
        {
            node.Dispose();
        }

        _stop.Dispose();
        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }

        // Whatever one part throws, the others are closed.
        async ValueTask TryAsync(Func<ValueTask> close)
        {
            try
            {
                await close().ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                failures.Add(failure);
            }
        }
    }

    private AnchorProof? AnchorProofOf(AnchoredCheckpoint anchored)
    {
        var main = _chains.GetValueOrDefault(TrustFile.MainChain);
        return main is not null && _finality.GetValueOrDefault(TrustFile.MainChain)?.Newest is { } final && anchored.MainIndex < final.Size && final.Size <= main.Reader.Size && main.Reader.Entry(anchored.MainIndex) is { } leaf
            ? new AnchorProof(leaf, main.Reader.InclusionProof(anchored.MainIndex, final.Note, final.Size).Format())
            : null;
    }

    // What the trust file says of a chain; none of it where it demands no quorum.
    private void TakeTrust(string name, ChainHost chain)
    {
        var origin = chain.Genesis.Origin;
        if (Trust.Find(origin) is null)
        {
            chain.StopUntrusted(FormattableString.Invariant(
                $"Version {Trust.Content.Version} of the trust file does not know {origin}, so nothing that it seals could be believed: add the chain by 'notary trust propose --add-chain', or take its folder away."));
            return;
        }

        if (Trust.EntriesOf(origin).All(static entry => entry.Policy.QuorumNone))
        {
            return;
        }

        Tuple<TrustFile, IReadOnlyList<TrustedChain>>? known = null;
        var isMain = name == TrustFile.MainChain;
        var main = _chains.GetValueOrDefault(TrustFile.MainChain);
        var trust = new ChainTrust(
            () =>
            {
                var (now, read) = (Trust, known);
                if (!ReferenceEquals(read?.Item1, now))
                {
                    known = read = Tuple.Create(now, (IReadOnlyList<TrustedChain>)[.. now.EntriesOf(origin)]);
                }

                return read!.Item2;
            },
            // Without the main chain at hand the newest entry is what counts.
            () => main?.Reader.Size ?? Trust.Find(origin)!.FromMainIndex,
            isMain);
        if (trust.EntryOf(chain.Reader.Size) is { } entry && !entry.LogKeys.Any(chain.LogKeysHere.Contains))
        {
            throw new ChainRefusedException(ChainRefusal.Key, $"None of the log keys that the trust file names for {origin} lies in the chain's folder: put the key file back.");
        }

        _trust.Add(name, trust);
        chain.SignWith(() => _carrier.SigningKeys(chain, trust, _finality.GetValueOrDefault(name)?.Newest?.Size ?? 0));
    }

    // Where the new version reaches back, anchors count no more; everything else each part sees by itself.
    private void GoneOver(TrustFile before, TrustFile after)
    {
        foreach (var (name, finality) in _finality)
        {
            finality.Judge(after.Content.Version, after.FirstChange(before, _chains[name].Genesis.Origin) ?? long.MaxValue);
        }
    }

    private void OpenNodes() => Together.Run(
        _trust.SelectMany(pair => pair.Value.Witnesses.Select(witness => (Chain: pair.Key, witness.Key))).Select(node => (node.Chain, Folder: FolderOf(node.Chain, node.Key))).Where(static node => node.Folder is not null),
        node => OpenNode(node.Chain, node.Folder!));

    private NodeFolder? FolderOf(string chain, NoteKey key) => _data.Nodes(chain).FirstOrDefault(folder => File.Exists(folder.VerifierKeyPath) && folder.ReadVerifierKey().Equals(key));

    // A node that lost its copy is no reason not to start: it is down, and says so, until another key takes its place.
    private INodeLink OpenNode(string chain, NodeFolder folder)
    {
        var name = $"{chain}/{Path.GetFileName(folder.Root)}";
        try
        {
            var host = _chains[chain];
            var node = _nodes.GetOrAdd(name, _ => LedgerNode.Open(folder, host.Genesis, _password, _time));
            if (host.TrustVersions is { Count: > 0 } versions)
            {
                // It may have been away when the log's key was replaced, or not there yet.
                node.KnowTrust(versions[^1].File);
            }

            return new LocalNodeLink(node);
        }
        catch (ChainRefusedException lost) when (lost.Refusal == ChainRefusal.Inconsistent)
        {
            return new NoNodeLink(lost.Message);
        }
    }

    private INodeLink? LinkTo(string chain, PolicyWitness witness) => FolderOf(chain, witness.Key) is { } folder ? OpenNode(chain, folder) : _remote(witness);

    private void Open(string name, ChainHost chain)
    {
        var times = new FinalityTimes(TimeSpan.FromMilliseconds(chain.Template.CandidateMs), TimeSpan.FromMilliseconds(chain.Template.CandidateTimeoutMs), NodeTimeout);
        Finality finality;
        FinalityStore? store = null;
        try
        {
            store = Store.ChainDatabase.Of(_data.Chain(name)).OpenFinality();
            finality = new Finality(chain.Reader, _trust[name], witness => LinkTo(name, witness), store, times, _time)
            {
                Provable = anchored => AnchorProofOf(anchored) is not null,
                MayLead = () => (chain.Stopped is null || ClosedChains.IsClosed(chain)) && _chains.GetValueOrDefault(TrustFile.MainChain)?.Stopped is null,
                FollowedElsewhere = (node, other) => StopUnlessHeldAsync(chain, node, other),
            };
            _finality[name] = finality;
            if (finality.JudgedVersion < Trust.Content.Version)
            {
                finality.Judge(Trust.Content.Version, 0);
            }
        }
        catch (Exception failure)
        {
            if (!_finality.ContainsKey(name))
            {
                store?.Dispose();
            }

            if (failure is Store.DatabaseFailureException)
            {
                throw new ChainRefusedException(ChainRefusal.Storage, $"The final checkpoints of {chain.Genesis.Origin} cannot be opened ({failure.Message}): look at the disk, or the database.", failure);
            }

            throw;
        }

        if (ClosedChains.IsClosed(chain))
        {
            // Nothing is appended, so nobody has to be asked first; what is available may still become final and anchored.
            if (Contradiction(chain, finality) is null)
            {
                finality.Start();
            }

            return;
        }

        // Where several servers append this one may only lag behind: that is asked again while it is held.
        if (!chain.IsShared && Contradiction(chain, finality) is { } contradiction)
        {
            chain.StopStale(StaleSentence(chain, contradiction));
            return;
        }

        chain.Reconnected = () =>
        {
            var check = chain.HoldForFreshness("The chain's database was lost and is back, and its ledger nodes have not all said yet that they hold nothing else.");
            _ = Task.Run(() => PassFreshnessAsync(chain, finality, check));
        };
        var first = chain.HoldForFreshness("The chain has just started, and its ledger nodes have not all said yet that they hold nothing else.");
        _starting.Add(Task.Run(() => PassFreshnessAsync(chain, finality, first)));
    }

    private string? Contradiction(ChainHost chain, Finality finality) => finality.Contradicts(_chains.GetValueOrDefault(TrustFile.MainChain)?.LatestAnchor(chain.Genesis.Origin));

    private static string StaleSentence(ChainHost chain, string why) =>
        $"The database of {chain.Genesis.Origin} is behind its own history: {why}. Refill it from its ledger nodes with 'notary chain recover', the server stopped.";

    private async Task PassFreshnessAsync(ChainHost chain, Finality finality, int hold)
    {
        if (chain.IsShared && Contradiction(chain, finality) is not null)
        {
            await CaughtUpAsync(chain, chain.Reader.Size).ConfigureAwait(false);
            if (Contradiction(chain, finality) is { } contradiction)
            {
                chain.StopStale(StaleSentence(chain, contradiction));
                return;
            }
        }

        while (!_stop.IsCancellationRequested)
        {
            FreshnessCheck check;
            var size = chain.Reader.Size;
            try
            {
                check = await finality.CheckFreshnessAsync(_stop.Token).ConfigureAwait(false);
            }
            catch (ChainRefusedException broken)
            {
                // Its own tiles: nothing that a node says can mend them.
                chain.StopStale(broken.Message);
                return;
            }

            if (check.Stale is { } stale && !await CaughtUpAsync(chain, size).ConfigureAwait(false))
            {
                chain.StopStale(StaleSentence(chain, stale));
                return;
            }

            if (check.Fresh)
            {
                chain.Release(hold);
                finality.Start();
                return;
            }

            chain.StillHeld(hold, $"The chain has just started and waits for ledger nodes: {string.Join(", ", check.Missing)} did not answer yet.");
            try
            {
                await Task.Delay(FreshnessRetry, _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    // What the log signed elsewhere is another server's of the same database, which is taken over in a moment, or another database's. As long as this one's does not answer nobody knows.
    private async Task StopUnlessHeldAsync(ChainHost chain, string node, OtherHistory other)
    {
        var (size, root) = (other.Mirrored.Size, other.Mirrored.Root);
        for (var wait = 0; chain.IsShared && chain.Reader.Size < size && (wait < LeastLooks || chain.LagsBehind) && wait < MostLooks && !_stop.IsCancellationRequested; wait++)
        {
            await Task.Delay(Look, CancellationToken.None).ConfigureAwait(false);
        }

        if (_stop.IsCancellationRequested || chain.Stopped is not null || (chain.Reader.Size < size ? chain.LagsBehind : chain.Reader.RootAt(size).Equals(root)))
        {
            return;
        }

        chain.StopStale(
            $"The ledger nodes of {chain.Genesis.Origin} follow another history than this database, and too few are left to make anything final here: {node} proves it, {other.Sentence}. Another database goes on under the same log key: "
            + "lead every server to the one that the nodes follow, and hand in again what was sealed here and is not there.");
    }

    // Where several servers append, a node or a row may know what another one sealed since: this one takes it over while it is held, as soon as its database lets it, and asks again.
    private async Task<bool> CaughtUpAsync(ChainHost chain, long size)
    {
        for (var wait = 0; chain.IsShared && (wait < LeastLooks || chain.LagsBehind) && wait < MostLooks && !_stop.IsCancellationRequested; wait++)
        {
            if (chain.Reader.Size > size && !chain.LagsBehind)
            {
                return true;
            }

            await Task.Delay(Look, CancellationToken.None).ConfigureAwait(false);
        }

        return chain.IsShared && chain.Reader.Size > size;
    }

    private void Anchor(TimeProvider time)
    {
        if (_chains.GetValueOrDefault(TrustFile.MainChain) is not { } main || _finality.GetValueOrDefault(TrustFile.MainChain) is not { } mainFinality)
        {
            return;
        }

        foreach (var (name, finality) in _finality)
        {
            if (name != TrustFile.MainChain)
            {
                _anchoring.Add(name, new Anchoring(_chains[name], finality, main, mainFinality, time));
            }
        }
    }
}
