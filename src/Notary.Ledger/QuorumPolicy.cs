using System.Text;

namespace Notary.Ledger;

/// <summary>Why a checkpoint does not satisfy a policy.</summary>
public enum QuorumFailure
{
    None = 0,

    /// <summary>The note's text is no checkpoint: <c>Problem</c> says why.</summary>
    NotACheckpoint = 1,

    /// <summary>No log of the policy has the checkpoint's origin as its name.</summary>
    UnknownLog = 2,

    /// <summary>No line is by a log of the checkpoint's origin.</summary>
    LogSignatureMissing = 3,

    /// <summary>A line of a known log or witness does not verify: <c>FailedKey</c>.</summary>
    SignatureInvalid = 4,

    /// <summary>The valid cosignatures do not satisfy the quorum: <c>Cosignatures</c> are the valid ones there are.</summary>
    QuorumNotReached = 5,
}

/// <summary>
/// Result of judging a note by a policy. When it is satisfied, <see cref="Log"/> is the log's line and <see cref="Cosignatures"/>
/// the first satisfying set, in the order in which it was found; <see cref="Checkpoint"/> may be relied on then only.
/// </summary>
public sealed record QuorumVerdict(
    QuorumFailure Failure,
    Checkpoint? Checkpoint,
    VerifiedSignature? Log,
    IReadOnlyList<VerifiedSignature> Cosignatures,
    NoteKey? FailedKey = null,
    CheckpointProblem Problem = CheckpointProblem.None)
{
    public bool Ok => Failure == QuorumFailure.None;
}

/// <summary>A log of a policy; its key's name is the log's origin.</summary>
public sealed record PolicyLog(NoteKey Key, string? Url);

/// <summary>A witness of a policy, under its name in the policy (which need not be its key's).</summary>
public sealed record PolicyWitness(string Name, NoteKey Key, string? Url);

/// <summary>
/// Which logs are known and which sets of cosignatures are enough (C2SP tlog-policy). Parsed by <see cref="TryParse"/> from the
/// policy text; immutable.
/// </summary>
public sealed partial class QuorumPolicy
{
    private readonly Node? _quorum;

    private QuorumPolicy(IReadOnlyList<PolicyLog> logs, IReadOnlyList<PolicyWitness> witnesses, Node? quorum)
    {
        Logs = logs;
        Witnesses = witnesses;
        _quorum = quorum;
    }

    public IReadOnlyList<PolicyLog> Logs { get; }

    /// <summary>All witnesses, in the order of the text, whether the quorum uses them or not.</summary>
    public IReadOnlyList<PolicyWitness> Witnesses { get; }

    /// <summary>Whether the policy says <c>quorum none</c>: a log's signature alone is enough.</summary>
    public bool QuorumNone => _quorum is null;

    /// <summary>Whether cosignatures by those witnesses alone would satisfy the quorum.</summary>
    public bool IsSatisfiedBy(IReadOnlySet<NoteKey> witnesses) => _quorum is null || _quorum.IsSatisfiedBy(witnesses);

    /// <summary>
    /// Judges a note: it is a checkpoint, signed by a log whose name is its origin, every line of a known log or witness
    /// verifies, and the witnesses' lines satisfy the quorum.
    /// </summary>
    /// <param name="note">A parsed note.</param>
    /// <param name="logs">Log keys in place of the policy's own, where the log is known from elsewhere; null: the policy's.</param>
    public QuorumVerdict Evaluate(SignedNote note, IReadOnlyList<NoteKey>? logs = null)
    {
        ArgumentNullException.ThrowIfNull(note);
        var problem = Checkpoint.TryParse(note.Text, out var checkpoint);
        if (problem != CheckpointProblem.None)
        {
            return new QuorumVerdict(QuorumFailure.NotACheckpoint, null, null, [], Problem: problem);
        }

        var known = (logs ?? [.. Logs.Select(log => log.Key)])
            .Where(key => string.Equals(key.Name, checkpoint!.Origin, StringComparison.Ordinal)).ToList();
        if (known.Count == 0)
        {
            return new QuorumVerdict(QuorumFailure.UnknownLog, checkpoint, null, []);
        }

        var verification = note.Verify([.. known, .. Witnesses.Select(witness => witness.Key)]);
        if (verification.Failure == NoteVerificationFailure.SignatureInvalid)
        {
            return new QuorumVerdict(QuorumFailure.SignatureInvalid, checkpoint, null, [], verification.FailedKey);
        }

        // Of several keys of one log (a rotation), the first that the policy lists.
        var byKey = verification.Verified.ToDictionary(verified => verified.Key);
        var log = known.Where(byKey.ContainsKey).Select(key => byKey[key]).FirstOrDefault();
        if (log is null)
        {
            return new QuorumVerdict(QuorumFailure.LogSignatureMissing, checkpoint, null, []);
        }

        var set = new List<VerifiedSignature>();
        if (_quorum is null || _quorum.TrySatisfy(byKey, set))
        {
            return new QuorumVerdict(QuorumFailure.None, checkpoint, log, set);
        }

        VerifiedSignature[] valid = [.. Witnesses.Where(witness => byKey.ContainsKey(witness.Key)).Select(witness => byKey[witness.Key])];
        return new QuorumVerdict(QuorumFailure.QuorumNotReached, checkpoint, log, valid);
    }

    /// <summary>
    /// The final form of a note that satisfies the policy: its text, the log's line, then the lines of the first satisfying set
    /// sorted by the bytes of the key name, then by key id; no other lines. Null when the policy is not satisfied
    /// (<paramref name="verdict"/> says why). These bytes are fixed once, where finality is recorded.
    /// </summary>
    public byte[]? SelectFinal(SignedNote note, out QuorumVerdict verdict, IReadOnlyList<NoteKey>? logs = null)
    {
        verdict = Evaluate(note, logs);
        if (!verdict.Ok)
        {
            return null;
        }

        var set = verdict.Cosignatures.Select(cosignature => cosignature.Signature).ToList();
        set.Sort((a, b) =>
        {
            var byName = Encoding.UTF8.GetBytes(a.Name).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b.Name));
            return byName != 0 ? byName : a.KeyId.CompareTo(b.KeyId);
        });
        return SignedNote.Create(note.Text, [verdict.Log!.Signature, .. set]).ToBytes();
    }

    /// <inheritdoc cref="SelectFinal(SignedNote, out QuorumVerdict, IReadOnlyList{NoteKey})"/>
    public byte[]? SelectFinal(SignedNote note) => SelectFinal(note, out _);

    /// <summary>A witness, or a group of which <see cref="Threshold"/> members must be satisfied.</summary>
    private sealed class Node
    {
        public NoteKey? Witness { get; init; }

        public int Threshold { get; init; }

        public IReadOnlyList<Node> Members { get; init; } = [];

        public bool IsSatisfiedBy(IReadOnlySet<NoteKey> witnesses) =>
            Witness is null ? Members.Count(member => member.IsSatisfiedBy(witnesses)) >= Threshold : witnesses.Contains(Witness);

        // Depth first, members in the order of the text, and no further than the threshold: the first satisfying set.
        public bool TrySatisfy(Dictionary<NoteKey, VerifiedSignature> verified, List<VerifiedSignature> set)
        {
            if (Witness is not null)
            {
                if (verified.TryGetValue(Witness, out var signature))
                {
                    set.Add(signature);
                    return true;
                }

                return false;
            }

            var before = set.Count;
            var satisfied = 0;
            foreach (var member in Members)
            {
                if (satisfied == Threshold)
                {
                    break;
                }

                satisfied += member.TrySatisfy(verified, set) ? 1 : 0;
            }

            if (satisfied == Threshold)
            {
                return true;
            }

            set.RemoveRange(before, set.Count - before);
            return false;
        }
    }
}
