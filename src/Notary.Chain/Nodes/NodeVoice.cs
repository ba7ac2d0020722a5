using System.Diagnostics.CodeAnalysis;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Nodes;

/// <summary>
/// What a ledger node says in its own name (<see cref="NodeStatement"/>): which statements it has made, and which it owes. It answers each refused leaf once, the first
/// <see cref="AlarmRecord.MaxOfOneKey"/> of them, and none of kind alarm or node: a hostile operator gets no more out of it.
/// </summary>
/// <remarks>Called in the node's turn; whoever signs writes before he serves: <see cref="Sign"/>, the store, <see cref="Made(IReadOnlyList{NodeStatement})"/>.</remarks>
internal sealed class NodeVoice(string origin, NoteKey key, ISigner signer, TimeProvider time)
{
    private readonly List<NodeStatement> _made = [];
    private readonly Queue<(long Index, Hash32 Leaf, AdmissionFailure Failure)> _owed = new();
    private int _alarms;
    private bool _joined;

    /// <summary>The statements in the order in which they were made.</summary>
    public IReadOnlyList<NodeStatement> All => _made;

    /// <summary>A leaf was refused, or found among what was kept before the node answered.</summary>
    public void Owe(long index, in Hash32 leaf, RecordKind kind, AdmissionFailure failure)
    {
        if (AlarmRecord.Answers(kind) && _alarms + _owed.Count < AlarmRecord.MaxOfOneKey)
        {
            _owed.Enqueue((index, leaf, failure));
        }
    }

    /// <summary>Signs what is owed; empty when nothing is.</summary>
    /// <param name="state">Of the stored entries.</param>
    /// <param name="size">Size of the checkpoint that is about to be cosigned, or 0.</param>
    /// <param name="statements">To be stored, then handed to <see cref="Made(IReadOnlyList{NodeStatement})"/>.</param>
    /// <returns>False when the signer failed: asked again the next time.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "A signer may be a process of its own and fail in its own ways; what is owed stays owed.")]
    public bool Sign(ChainState state, long size, out IReadOnlyList<NodeStatement> statements)
    {
        var at = time.GetUtcNow().ToUnixTimeMilliseconds();
        var signed = new List<NodeStatement>();
        statements = signed;
        try
        {
            foreach (var (index, leaf, failure) in _owed)
            {
                var alarm = new AlarmRecord { Chain = origin, Key = key, At = at, Index = index, Leaf = leaf, Failure = (int)failure, Code = AdmissionResult.CodeOf(failure) };
                signed.Add(alarm with { Signature = alarm.Sign(signer) });
            }

            if (!_joined && NodeRecord.JoinedBy(state, origin, key) is { } by && by.Index < size && state.Trust!.NamesNode(origin, key))
            {
                var joined = new NodeRecord { Chain = origin, Key = key, At = at, Size = size, Trust = by.File.Content.Version };
                signed.Add(joined with { Signature = joined.Sign(signer) });
            }

            return true;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            ChainTelemetry.SignerFailures.Add(1);
            statements = [];
            return false;
        }
    }

    /// <summary>They are stored: what was owed is no more.</summary>
    public void Made(IReadOnlyList<NodeStatement> statements)
    {
        foreach (var statement in statements)
        {
            _made.Add(statement);
            _joined |= statement is NodeRecord;
            if (statement is AlarmRecord)
            {
                _alarms++;
            }
        }

        _owed.Clear();
    }
}
