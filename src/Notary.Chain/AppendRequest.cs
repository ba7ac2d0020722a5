using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain;

/// <summary>One request's part of an append: which leaves are its own, and what the append decided.</summary>
internal class AppendRequest
{
    /// <summary>The leaves that its own lie among; null while they are still to be made.</summary>
    public PreparedLeaves? Leaves { get; set; }

    /// <summary>The first of its leaves in <see cref="Leaves"/>.</summary>
    public int FirstLeaf { get; set; }

    /// <summary>Its leaves; what it is counted as while it waits.</summary>
    public int LeafCount { get; set; }

    /// <summary>Bytes that it holds while it waits, for the bounds of the queue.</summary>
    public virtual long QueuedBytes => Leaves!.LeafBytes;

    /// <summary>The account that an idempotency key belongs to.</summary>
    public string? Account { get; protected init; }

    /// <summary>The idempotency key, or null.</summary>
    public string? IdempotencyKey { get; protected init; }

    /// <summary>SHA-256 of the body, when there is a key.</summary>
    public Hash32 RequestDigest { get; protected init; }

    /// <summary>Index of its first leaf that was admitted; the others follow without a gap.</summary>
    public long First { get; set; }

    /// <summary>Leaves that were admitted.</summary>
    public int Admitted { get; set; }

    /// <summary>What a request with this key and body was answered before.</summary>
    public AnsweredRequest? Replay { get; set; }

    /// <summary>True when a request with this key had another body.</summary>
    public bool Conflict { get; set; }

    /// <summary>The request of a leaf that governance or the chain itself wrote.</summary>
    public static AppendRequest Of(SystemLeaf leaf) => new() { Leaves = leaf, LeafCount = leaf.Count };

    /// <summary>A leaf that the chain's state does not admit; called under the lock.</summary>
    /// <param name="leaf">Index in <see cref="Leaves"/>.</param>
    /// <param name="result">Why.</param>
    public virtual void Refuse(int leaf, AdmissionResult result) =>
        throw new InvalidOperationException($"A leaf of the chain itself is not admitted: {result.Code}.");

    /// <summary>What is remembered with the idempotency key: the lines and which of them were refused.</summary>
    public virtual byte[] Outcomes() => [];
}

/// <summary>A leaf that the platform itself appends to a running chain and that admission may refuse: an anchor, a trust file.</summary>
internal sealed class SystemRequest : AppendRequest
{
    public SystemRequest(SystemLeaf leaf)
    {
        Leaves = leaf;
        LeafCount = leaf.Count;
    }

    /// <summary>Why it was refused; Ok when it was not.</summary>
    public AdmissionResult Refusal { get; private set; }

    public override void Refuse(int leaf, AdmissionResult result) => Refusal = result;
}

/// <summary>A deposit on its way: its lines, and which of them were refused before or under the lock.</summary>
internal sealed class DepositRequest : AppendRequest
{
    private static readonly Dictionary<int, LineError> NoErrors = [];

    private Dictionary<int, LineError>? _errors;
    private List<int>? _refusedLeaves;
    private byte[] _outcomes = [];

    public DepositRequest(Deposit deposit)
    {
        Deposit = deposit;
        Account = deposit.Account;
        IdempotencyKey = deposit.IdempotencyKey;
        RequestDigest = deposit.IdempotencyKey is null ? default : Suite.Intl.Hash(deposit.Body.Span);
        LeafCount = 1;
    }

    public Deposit Deposit { get; }

    // Before its leaves are made, a request is held as its body; a record and its box are about as long again.
    public override long QueuedBytes => (Leaves?.LeafBytes ?? (2L * Deposit.Body.Length) + 1024) + _outcomes.Length + (256L * Errors.Count);

    /// <summary>Lines of the body.</summary>
    public int Lines { get; set; }

    /// <summary>How it ended without an append: refused as a whole, or every line of it.</summary>
    public DepositOutcome? Ended { get; set; }

    /// <summary>Why the body as a whole is refused.</summary>
    public RequestProblem? BodyProblem { get; set; }

    /// <summary>What preparing it threw; for its own caller alone.</summary>
    public Exception? Failure { get; set; }

    /// <summary>The refused lines.</summary>
    public Dictionary<int, LineError> Errors => _errors ?? NoErrors;

    /// <summary>Refuses a line.</summary>
    public void Refuse(LineError error) => (_errors ??= [])[error.Line] = error;

    public override void Refuse(int leaf, AdmissionResult result)
    {
        (_refusedLeaves ??= []).Add(leaf);
        var line = Deposit.SingleRequest ? 0 : ((EvidenceLeaves)Leaves!).Batch.LineOf(leaf);
        Refuse(new LineError(line, result.Code, Explain(result), Admission: true));
        _outcomes = [];
    }

    /// <summary>Makes what <see cref="Outcomes"/> returns before the lock is taken: that of a batch of refused lines is long. A later refusal makes it anew.</summary>
    public void Remember() => _outcomes = IdempotencyKey is null ? [] : DepositResult.Outcomes.Write(Lines, Errors);

    public override byte[] Outcomes() => _outcomes.Length > 0 ? _outcomes : DepositResult.Outcomes.Write(Lines, Errors);

    /// <summary>The sealed leaves, as indexes in <see cref="AppendRequest.Leaves"/>.</summary>
    public int[] SealedLeaves()
    {
        var leaves = new int[Admitted];
        var next = 0;
        for (var leaf = FirstLeaf; leaf < FirstLeaf + LeafCount; leaf++)
        {
            if (_refusedLeaves?.Contains(leaf) != true)
            {
                leaves[next++] = leaf;
            }
        }

        return leaves;
    }

    private static string Explain(AdmissionResult result) => (result.Member, result.Rule) switch
    {
        ("", "") => "Refused by the chain's admission rules.",
        (var member, "") => $"Refused by the chain's admission rules at '{member}'.",
        ("", var rule) => $"Refused by rule '{rule}' of the admission policy.",
        var (member, rule) => $"Refused by rule '{rule}' of the admission policy at '{member}'.",
    };
}
