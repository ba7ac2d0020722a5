using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Network;

/// <summary>What a node says and its chain does not hold.</summary>
/// <param name="Node">The node's name in the policy.</param>
/// <param name="Statement">Signed by the node's key.</param>
/// <param name="Reason">Why it is not sealed: a code of admission, or how the append ended.</param>
public sealed record UnsealedStatement(string Node, NodeStatement Statement, string Reason);

/// <summary>
/// Brings what the ledger nodes of a chain say in their own name into the chain: at each interval it asks every node for what it has not heard yet, and appends what the chain does not hold.
/// </summary>
/// <remarks>
/// The server that leads the chain's finality does it. A node that does not answer is asked again at the next interval and delays nothing but that. No node is heard longer than an honest one can speak
/// (<see cref="AlarmRecord.MaxOfOneKey"/> alarms and one node record), and what admission would refuse is not handed to the sequencer, but asked of the state again at each interval and shown as
/// <see cref="Unsealed"/>.
/// </remarks>
internal sealed class StatementSealing : IAsyncDisposable
{
    private const int Longest = AlarmRecord.MaxOfOneKey + 1;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly ChainHost _chain;
    private readonly Finality _finality;
    private readonly TimeSpan _nodeTimeout;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<NoteKey, Heard> _heard = [];
    private readonly Task _work;
    private volatile IReadOnlyList<UnsealedStatement> _unsealed = [];
    private volatile IReadOnlyDictionary<NoteKey, string> _unheard = new Dictionary<NoteKey, string>();

    public StatementSealing(ChainHost chain, Finality finality, TimeSpan nodeTimeout, TimeProvider time)
    {
        _chain = chain;
        _finality = finality;
        _nodeTimeout = nodeTimeout;
        _time = time;
        _work = Task.Run(WorkAsync);
    }

    /// <summary>What the nodes said, as far as they answered, and the chain did not hold when it was looked at last.</summary>
    public IReadOnlyList<UnsealedStatement> Unsealed => _unsealed;

    /// <summary>Why what a node says could not be read when it was asked last, by its key: it is away, or answers what no node answers.</summary>
    public IReadOnlyDictionary<NoteKey, string> Unheard => _unheard;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task WorkAsync()
    {
        using var timer = new PeriodicTimer(Interval, _time);
        try
        {
            do
            {
                if (_finality.LedElsewhere)
                {
                    _heard.Clear();
                    _unsealed = [];
                    _unheard = new Dictionary<NoteKey, string>();
                    continue;
                }

                await HearAsync().ConfigureAwait(false);
                await SealAsync().ConfigureAwait(false);
            }
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // Closing.
        }
    }

    private async Task HearAsync()
    {
        var members = _finality.Members;
        foreach (var gone in _heard.Keys.Except(members.Select(static member => member.Witness.Key)).ToList())
        {
            _heard.Remove(gone);
        }

        foreach (var member in members)
        {
            _heard.TryAdd(member.Witness.Key, new Heard(member.Witness.Name));
        }

        var whyNot = await Task.WhenAll(members.Select(member => HearAsync(member, _heard[member.Witness.Key]))).ConfigureAwait(false);
        _unheard = members.Zip(whyNot).Where(static pair => pair.Second is not null).ToDictionary(static pair => pair.First.Witness.Key, static pair => pair.Second!);
    }

    private async Task<string?> HearAsync(QuorumMember member, Heard heard)
    {
        try
        {
            while (heard.Next < Longest)
            {
                var statements = await member.StatementsAsync(_chain.Genesis.Origin, heard.Next, _nodeTimeout, _stop.Token).ConfigureAwait(false);
                if (statements.Count == 0)
                {
                    break;
                }

                heard.Next += statements.Count;

                // What it passes on of others, or says of another chain, is not what it says here.
                heard.Open.AddRange(statements.Where(statement => statement.Key.Equals(member.Witness.Key) && statement.Chain == _chain.Genesis.Origin));
            }

            return null;
        }
        catch (OperationCanceledException)
        {
            return "no answer in time";
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Shown, and asked again at the next interval.
            return failure.Message;
        }
    }

    private async Task SealAsync()
    {
        var unsealed = new List<UnsealedStatement>();
        foreach (var heard in _heard.Values)
        {
            var open = heard.Open.ToList();
            heard.Open.Clear();
            foreach (var statement in open)
            {
                if (await WhyNotAsync(statement).ConfigureAwait(false) is { } reason)
                {
                    heard.Open.Add(statement);
                    unsealed.Add(new UnsealedStatement(heard.Node, statement, reason));
                }
            }
        }

        _unsealed = unsealed;
    }

    // Null when the chain holds it now.
    private async Task<string?> WhyNotAsync(NodeStatement statement)
    {
        var state = _chain.State;
        if (state.Nodes.Holds(statement))
        {
            return null;
        }

        var admitted = state.Nodes.Admit(_chain.Genesis.Origin, state, statement, state.Size);
        if (!admitted.Ok)
        {
            return admitted.Code;
        }

        if (!_finality.Leads)
        {
            return "not-leading";
        }

        var now = _time.GetUtcNow();
        try
        {
            var (index, reason) = await _chain.AppendAsync(SystemLeaves.OfNode(_chain.Genesis, statement, Guid.CreateVersion7(now), now)).ConfigureAwait(false);
            return index >= 0 || _chain.State.Nodes.Holds(statement) ? null : reason;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // What could not be appended now is tried again at the next interval, and shown until then.
            return failure.Message;
        }
    }

    // How far a node was heard, and what of it the chain does not hold.
    private sealed class Heard(string node)
    {
        public string Node { get; } = node;

        public long Next { get; set; }

        public List<NodeStatement> Open { get; } = [];
    }
}
