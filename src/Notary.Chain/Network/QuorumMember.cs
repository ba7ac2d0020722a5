using System.Threading.Channels;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Network;

/// <summary>A node as its log sees it.</summary>
/// <param name="Name">Its name in the policy.</param>
/// <param name="Key">Its key: while a node is being replaced, two bear one name.</param>
/// <param name="Cosigned">The largest size that it is known to have cosigned: since this process started, or in the stored final checkpoint; 0 before the first.</param>
/// <param name="FailingSince">Since when attempts with it end badly, Unix milliseconds; null while they end well.</param>
/// <param name="Outcome">How the last attempt ended.</param>
/// <param name="Detail">What it answered, when that was no cosignature.</param>
public sealed record NodeView(string Name, NoteKey Key, long Cosigned, long? FailingSince, FeedOutcome Outcome, string Detail);

/// <summary>One node of a chain's quorum as <see cref="Finality"/> works with it: the way to it, what it shall be brought to, and how the last attempt ended.</summary>
internal sealed class QuorumMember : IDisposable
{
    private readonly INodeLink? _link;
    private readonly CancellationTokenSource _stop;
    private long _cosigned;
    private long? _failingSince;
    private FeedResult _last = new(FeedOutcome.Unreachable, Detail: "not asked yet");

    public QuorumMember(PolicyWitness witness, INodeLink? link, CancellationToken stop)
    {
        Witness = witness;
        _link = link;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Stop = _stop.Token;
        Feed = link is null ? null : new MirrorFeed(witness.Key, link);
    }

    public PolicyWitness Witness { get; }

    public MirrorFeed? Feed { get; }

    /// <summary>Ends its feeding.</summary>
    public CancellationToken Stop { get; }

    /// <summary>What it shall be brought to next: only ever the newest.</summary>
    public Channel<Candidate> Waiting { get; } = Channel.CreateBounded<Candidate>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    public NodeView View => new(Witness.Name, Witness.Key, _cosigned, _failingSince, _last.Outcome, Other is { } other ? $"{_last.Detail}: {other.Sentence}" : _last.Detail);

    /// <summary>The history other than the chain's that it follows, as it proved last; null while it proves none.</summary>
    public OtherHistory? Other { get; set; }

    /// <summary>What it says in its own name, from the statement of that place on; empty without a way to it. Whatever goes wrong is an exception.</summary>
    public async Task<IReadOnlyList<NodeStatement>> StatementsAsync(string origin, long first, TimeSpan timeout, CancellationToken cancellation)
    {
        if (_link is null)
        {
            return [];
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);

        // A local disk that hangs does not look at the token.
        return await _link.StatementsAsync(origin, first, limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
    }

    /// <summary>The trust file names it no more: whoever feeds it ends, and disposes it.</summary>
    public void Leave(bool fed)
    {
        if (fed && Feed is not null)
        {
            _stop.Cancel();
        }
        else
        {
            Dispose();
        }
    }

    public void Dispose()
    {
        (_link as IDisposable)?.Dispose();
        _stop.Dispose();
    }

    public void Signed(long size) => _cosigned = Math.Max(_cosigned, size);

    public void Saw(FeedResult result, long nowMs)
    {
        _last = result;
        Other = result.Outcome == FeedOutcome.Cosigned ? null : Other;
        _failingSince = result.Outcome == FeedOutcome.Cosigned ? null : _failingSince ?? nowMs;
    }
}
