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

    private readonly IReadOnlyDictionary<string, ChainHost> _chains;
    private readonly Dictionary<string, Finality> _finality = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LedgerNode> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Anchoring> _anchoring = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _starting = [];
    private readonly List<INodeLink> _links = [];
    private int _disposed;

    private ChainNetwork(IReadOnlyDictionary<string, ChainHost> chains) => _chains = chains;

    /// <summary>The nodes that run in this process, by <c>chain/node</c>.</summary>
    public IReadOnlyDictionary<string, LedgerNode> Nodes => _nodes;

    /// <summary>Opens the nodes that lie in the data folder, and starts finality and anchors of all chains that have a quorum. No chain appends before it has passed its freshness check.</summary>
    /// <param name="data">The data folder; its nodes lie in <c>nodes/&lt;chain&gt;/&lt;node&gt;</c>.</param>
    /// <param name="chains">The open chains, by name. They outlive this object.</param>
    /// <param name="trust">The platform's trust file.</param>
    /// <param name="password">Opens the nodes' key files.</param>
    /// <param name="remote">The way to a node that does not lie here, or null; disposed with this object where it can be.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ChainRefusedException">A node cannot be opened.</exception>
    public static ChainNetwork Start(
        DataFolder data, IReadOnlyDictionary<string, ChainHost> chains, TrustFile trust, string password, Func<PolicyWitness, INodeLink?> remote, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(chains);
        ArgumentNullException.ThrowIfNull(trust);
        ArgumentNullException.ThrowIfNull(remote);
        var network = new ChainNetwork(chains);
        try
        {
            network.OpenNodes(data, password, time);
            foreach (var (name, chain) in chains)
            {
                if (trust.Find(chain.Genesis.Origin) is { Policy.QuorumNone: false } trusted)
                {
                    network.Open(data, name, chain, trusted, remote, time);
                }
            }

            network.Anchor(time);
            return network;
        }
        catch
        {
            network.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }
    }

    /// <summary>The finality of a chain; null when its trust file demands no quorum.</summary>
    public Finality? FinalityOf(string chain) => _finality.GetValueOrDefault(chain);

    /// <summary>Why a region's newest final checkpoint is not on the main chain; null when nothing is wrong.</summary>
    public string? AnchorTrouble(string chain) => _anchoring.GetValueOrDefault(chain)?.Trouble;

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
        foreach (var part in _anchoring.Values.Cast<IAsyncDisposable>().Concat(_finality.Values))
        {
            await TryAsync(part.DisposeAsync).ConfigureAwait(false);
        }

        foreach (var node in _nodes.Values)
        {
            node.Dispose();
        }

        foreach (var link in _links.OfType<IDisposable>())
        {
            link.Dispose();
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
        return main is not null && _finality.GetValueOrDefault(TrustFile.MainChain)?.Newest is { } final && anchored.MainIndex < final.Size && main.Reader.Entry(anchored.MainIndex) is { } leaf
            ? new AnchorProof(leaf, main.Reader.InclusionProof(anchored.MainIndex, final.Note, final.Size).Format())
            : null;
    }

    private void OpenNodes(DataFolder data, string password, TimeProvider time)
    {
        var opened = new ConcurrentDictionary<string, LedgerNode>(StringComparer.Ordinal);
        try
        {
            var folders = _chains.SelectMany(pair => data.Nodes(pair.Key).Select(folder => (Name: $"{pair.Key}/{Path.GetFileName(folder.Root)}", Folder: folder, pair.Value.Genesis)));
            Together.Run(folders, node => opened[node.Name] = LedgerNode.Open(node.Folder, node.Genesis, password, time));
        }
        finally
        {
            foreach (var (name, node) in opened)
            {
                _nodes.Add(name, node);
            }
        }
    }

    private void Open(DataFolder data, string name, ChainHost chain, TrustedChain trusted, Func<PolicyWitness, INodeLink?> remote, TimeProvider time)
    {
        var links = new Dictionary<string, INodeLink>(StringComparer.Ordinal);
        foreach (var witness in trusted.Policy.Witnesses)
        {
            var local = _nodes.GetValueOrDefault($"{name}/{witness.Name}");
            var here = local is not null && local.Key.Equals(witness.Key);
            if ((here ? new LocalNodeLink(local!) : remote(witness)) is { } link)
            {
                links.Add(witness.Name, link);
                _links.Add(link);
            }
        }

        var times = new FinalityTimes(TimeSpan.FromMilliseconds(chain.Template.CandidateMs), TimeSpan.FromMilliseconds(chain.Template.CandidateTimeoutMs), NodeTimeout);
        FinalityStore store;
        try
        {
            store = FinalityStore.Open(data.Chain(name).FinalityPath);
        }
        catch (Store.DatabaseFailureException failure)
        {
            throw new ChainRefusedException(ChainRefusal.Storage, $"The database '{data.Chain(name).FinalityPath}' cannot be opened ({failure.Message}): look at the disk.", failure);
        }

        var finality = new Finality(chain.Reader, trusted, links, store, times, time);
        _finality.Add(name, finality);
        if (finality.Contradicts(_chains.GetValueOrDefault(TrustFile.MainChain)?.LatestAnchor(chain.Genesis.Origin)) is { } contradiction)
        {
            chain.StopStale(StaleSentence(chain, contradiction));
            return;
        }

        chain.Reconnected = () =>
        {
            chain.HoldForFreshness("The chain's database was lost and is back, and its ledger nodes have not all said yet that they hold nothing else.");
            _ = Task.Run(() => PassFreshnessAsync(chain, finality));
        };
        chain.HoldForFreshness("The chain has just started, and its ledger nodes have not all said yet that they hold nothing else.");
        _starting.Add(Task.Run(() => PassFreshnessAsync(chain, finality)));
    }

    private static string StaleSentence(ChainHost chain, string why) =>
        $"The database of {chain.Genesis.Origin} is behind its own history: {why}. Restore it from a mirror, never from itself.";

    private async Task PassFreshnessAsync(ChainHost chain, Finality finality)
    {
        while (!_stop.IsCancellationRequested)
        {
            FreshnessCheck check;
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

            if (check.Stale is { } stale)
            {
                chain.StopStale(StaleSentence(chain, stale));
                return;
            }

            if (check.Fresh)
            {
                chain.Release();
                finality.Start();
                return;
            }

            chain.HoldForFreshness($"The chain has just started and waits for ledger nodes: {string.Join(", ", check.Missing)} did not answer yet.");
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
