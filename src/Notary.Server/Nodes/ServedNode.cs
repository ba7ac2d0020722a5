using System.Security.Cryptography;
using System.Text;
using Notary.Chain;
using Notary.Chain.Nodes;
using Notary.Chain.Store;

namespace Notary.Server.Nodes;

/// <summary>A ledger node does not work any more: its store failed, or it was closed. Requests are answered 503 until an operator has looked.</summary>
internal sealed class NodeStoppedException(Exception failure) : Exception(failure.Message, failure);

/// <summary>
/// One ledger node behind HTTP. Callers take turns without holding a thread while they wait (the node itself excludes them with a lock), and uploads at once are bounded.
/// The node belongs to whoever opened it.
/// </summary>
internal sealed class ServedNode(LedgerNode node, int uploadsAtOnce) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly SemaphoreSlim _uploads = new(uploadsAtOnce);
    private int _stopSaid;

    /// <summary>The log's origin.</summary>
    public string Origin { get; } = node.Origin;

    /// <summary>The origin's SHA-256 in lower-case hex, the first part of every address that is read.</summary>
    public string Hash { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(node.Origin)));

    /// <summary>The node's key, for people: name and id.</summary>
    public string Key { get; } = FormattableString.Invariant($"{node.Key.Name}+{node.Key.KeyId:x8}");

    /// <summary>Does one thing with the node.</summary>
    /// <exception cref="NodeStoppedException">It has stopped.</exception>
    public async Task<T> UseAsync<T>(Func<LedgerNode, T> turn)
    {
        await _turn.WaitAsync();
        try
        {
            return turn(node);
        }
        catch (Exception failure) when (failure is ChainRefusedException or ObjectDisposedException or DatabaseFailureException)
        {
            throw new NodeStoppedException(failure);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Takes one of the places for uploads; false when none is free.</summary>
    public bool TryBeginUpload() => _uploads.Wait(0);

    /// <summary>Gives the place back.</summary>
    public void EndUpload() => _uploads.Release();

    /// <summary>Writes to the log why the node stopped, the first time.</summary>
    public void SayStopped(ILogger logger, NodeStoppedException stopped)
    {
        if (Interlocked.Exchange(ref _stopSaid, 1) == 0)
        {
            Log.NodeStopped(logger, Origin, stopped.InnerException!);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _turn.Dispose();
        _uploads.Dispose();
    }
}

/// <summary>The nodes of one process: each mirrors another log.</summary>
internal sealed class NodeSet : IDisposable
{
    private readonly Dictionary<string, ServedNode> _byOrigin = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ServedNode> _byHash = new(StringComparer.Ordinal);

    /// <summary>Serves open nodes; they stay their owner's.</summary>
    /// <exception cref="ArgumentException">Two of them mirror the same log.</exception>
    public NodeSet(IEnumerable<LedgerNode> nodes, int uploadsAtOnce)
    {
        foreach (LedgerNode node in nodes)
        {
            var served = new ServedNode(node, uploadsAtOnce);
            _byOrigin.Add(served.Origin, served);
            _byHash.Add(served.Hash, served);
        }
    }

    /// <summary>All of them.</summary>
    public IReadOnlyCollection<ServedNode> All => _byOrigin.Values;

    /// <summary>The node of a log, or null.</summary>
    public ServedNode? OfOrigin(string origin) => _byOrigin.GetValueOrDefault(origin);

    /// <summary>The node of the log whose origin has that SHA-256 (lower-case hex), or null.</summary>
    public ServedNode? OfHash(string hash) => _byHash.GetValueOrDefault(hash);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ServedNode node in _byOrigin.Values)
        {
            node.Dispose();
        }
    }
}
