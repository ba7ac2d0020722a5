using System.Globalization;
using System.Text;
using Notary.Chain.Nodes;
using Notary.Ledger;

namespace Notary.Chain.Network;

/// <summary>How an attempt to bring a node to a head ended. Numbers frozen; the code is the name in lower case with hyphens.</summary>
public enum FeedOutcome
{
    /// <summary>It holds the head.</summary>
    Cosigned = 0,

    /// <summary>No answer in time, or none that can be understood.</summary>
    Unreachable = 1,

    /// <summary>It knows a larger tree of this chain than the log has: the log was put back, or forked.</summary>
    Ahead = 2,

    /// <summary>It says that the head does not extend what it holds.</summary>
    Inconsistent = 3,

    /// <summary>It answered with another status.</summary>
    Refused = 4,

    /// <summary>It says that it mirrors no log of this origin, so that it holds nothing of it.</summary>
    UnknownLog = 5,
}

/// <summary>The ending of an attempt.</summary>
/// <param name="Outcome">Which.</param>
/// <param name="Line">Its verified cosignature, with <see cref="FeedOutcome.Cosigned"/>.</param>
/// <param name="Detail">For an operator: what was answered.</param>
public sealed record FeedResult(FeedOutcome Outcome, NoteSignature? Line = null, string Detail = "");

/// <summary>A checkpoint that a node mirrors and that the log's own key has signed, and which the chain's head does not hold.</summary>
/// <param name="Mirrored">The checkpoint.</param>
/// <param name="Sentence">What it proves, for people.</param>
internal sealed record OtherHistory(Checkpoint Mirrored, string Sentence);

/// <summary>
/// The log's side of one mirror (C2SP tlog-mirror, "Updating a Mirror"): offers a head, uploads what the node lacks, and brings back its cosignature. A witness (C2SP tlog-witness) is offered the same and
/// cosigns at once; it is sent no entries. Remembers where the node stands, so that in the ordinary case one offer and one upload suffice; whatever it remembers wrongly the node's answer corrects.
/// </summary>
/// <remarks>One attempt at a time.</remarks>
internal sealed class MirrorFeed(NoteKey key, INodeLink link)
{
    // An honest node corrects a size once; one that moves each time is no better than one that is silent.
    private const int MaximumTurns = 4;

    private long _held;
    private long _next = -1;

    /// <summary>The node's key.</summary>
    public NoteKey Key { get; } = key;

    /// <summary>Offers the head: <see cref="FeedOutcome.Cosigned"/> means here that the node has taken it, for it extends what the node holds.</summary>
    public Task<FeedResult> OfferAsync(Candidate candidate, CancellationToken cancellation) => GuardAsync(() => TakenAsync(candidate, cancellation), cancellation);

    /// <summary>Offers the head, uploads up to it, and returns the cosignature.</summary>
    public Task<FeedResult> BringAsync(Candidate candidate, CancellationToken cancellation) => GuardAsync(
        async () =>
        {
            var taken = await TakenAsync(candidate, cancellation).ConfigureAwait(false);
            return taken is { Outcome: FeedOutcome.Cosigned, Line: null } ? await UploadAsync(candidate, cancellation).ConfigureAwait(false) : taken;
        },
        cancellation);

    /// <summary>
    /// Whether the node can prove that it holds more of the chain than the candidate, or another history: its mirror checkpoint, which the log's own key has signed. What it only says proves nothing.
    /// </summary>
    /// <returns>Null when it proves nothing.</returns>
    public async Task<OtherHistory?> ProofOfOtherHistoryAsync(Candidate candidate, IReadOnlyList<NoteKey> logKeys, CancellationToken cancellation)
    {
        OtherHistory? proof = null;
        await GuardAsync(
            async () =>
            {
                var note = await link.MirrorCheckpointAsync(candidate.Origin, cancellation).ConfigureAwait(false);
                if (note is not null && note.Verify(logKeys).Ok && Checkpoint.TryParse(note.Text, out var mirrored) == CheckpointProblem.None && mirrored!.Origin == candidate.Origin)
                {
                    proof = mirrored.Size > candidate.Head.Size ? new OtherHistory(mirrored, Invariant($"it holds size {mirrored.Size}, signed by the log, which has {candidate.Head.Size}"))
                        : candidate.RootAt(mirrored.Size).Equals(mirrored.Root) ? null
                        : new OtherHistory(mirrored, Invariant($"it holds another tree of size {mirrored.Size}, signed by the log"));
                }

                return new FeedResult(FeedOutcome.Cosigned);
            },
            cancellation).ConfigureAwait(false);
        return proof;
    }

    private static async Task<FeedResult> GuardAsync(Func<Task<FeedResult>> attempt, CancellationToken cancellation)
    {
        try
        {
            cancellation.ThrowIfCancellationRequested();
            return await attempt().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return new FeedResult(FeedOutcome.Unreachable, Detail: "no answer in time");
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Whatever a way to a node throws, and whenever: it is no answer, and nobody else's trouble.
            return new FeedResult(FeedOutcome.Unreachable, Detail: failure.Message);
        }
    }

    private async Task<FeedResult> TakenAsync(Candidate candidate, CancellationToken cancellation)
    {
        var size = candidate.Head.Size;
        for (var turn = 0; turn < MaximumTurns; turn++)
        {
            var answer = await link.AddCheckpointAsync(candidate.Offer(Math.Min(_held, size)), cancellation).ConfigureAwait(false);
            switch (answer.Status)
            {
                case NodeStatus.Success:
                    _held = size;
                    // A witness cosigns here; a mirror does when it has the entries.
                    return new FeedResult(FeedOutcome.Cosigned, Cosignature(candidate, answer.Body));
                case NodeStatus.Conflict when AddCheckpoint.TryParseHeldSize(answer.Body, out var held):
                    if (held > size)
                    {
                        return new FeedResult(FeedOutcome.Ahead, Detail: Invariant($"it holds size {held}, the log has {size}"));
                    }

                    _held = held;
                    break;
                case NodeStatus.NotFound when answer.IsUnknownLog:
                    return new FeedResult(FeedOutcome.UnknownLog, Detail: "it mirrors no log of this origin");
                case NodeStatus.Unprocessable:
                    return new FeedResult(FeedOutcome.Inconsistent, Detail: Invariant($"size {size} does not extend the size {_held} that it holds"));
                default:
                    return Refused("add-checkpoint", answer);
            }
        }

        return new FeedResult(FeedOutcome.Refused, Detail: "it names another size each time");
    }

    private async Task<FeedResult> UploadAsync(Candidate candidate, CancellationToken cancellation)
    {
        var size = candidate.Head.Size;
        ReadOnlyMemory<byte> ticket = default;
        for (var stuck = 0; stuck < MaximumTurns;)
        {
            cancellation.ThrowIfCancellationRequested();
            // Where it stands is not known yet: an upload of nothing is answered with it.
            var range = new UploadRange(candidate.Origin, _next < 0 ? size : Math.Min(_next, size), size, ticket);
            var packages = candidate.Packages(range);
            var sent = range.Start + packages.Sum(static package => (long)package.Count);
            var answer = await link.AddEntriesAsync(range, packages, cancellation).ConfigureAwait(false);
            switch (answer.Status)
            {
                case NodeStatus.Success:
                    _next = size;
                    return Cosignature(candidate, answer.Body) is { } line
                        ? new FeedResult(FeedOutcome.Cosigned, line)
                        : new FeedResult(FeedOutcome.Refused, Detail: $"no line that its key {Key.Name}+{Key.KeyId:x8} signed");
                case NodeStatus.Accepted or NodeStatus.Conflict when MirrorInfo.TryParse(Encoding.UTF8.GetBytes(answer.Body)) is { } info:
                    if (info.NextEntry > size || info.Size > size)
                    {
                        return new FeedResult(FeedOutcome.Ahead, Detail: Invariant($"it holds size {Math.Max(info.NextEntry, info.Size)}, the log has {size}"));
                    }

                    // All that was sent was taken: the upload goes on. Any other place is a correction, and one that corrects itself each time goes nowhere.
                    stuck = info.NextEntry == sent && packages.Count > 0 ? 0 : stuck + 1;
                    (_next, ticket) = (info.NextEntry, info.Ticket);
                    break;
                default:
                    _next = -1;
                    return Refused("add-entries", answer);
            }
        }

        _next = -1;
        return new FeedResult(FeedOutcome.Refused, Detail: "its next entry does not go on");
    }

    // C2SP tlog-mirror: lines by unknown keys are ignored; the node's own must verify.
    private NoteSignature? Cosignature(Candidate candidate, string body)
    {
        if (body.Length is 0 or > SignedNote.MaxLength / 2 || !SignedNote.TryParse(Encoding.UTF8.GetBytes(candidate.Head.Parsed.Text + "\n" + body), out var note).Ok)
        {
            return null;
        }

        var verified = note!.Verify([Key]);
        return verified.Ok ? verified.Verified[0].Signature : null;
    }

    private static FeedResult Refused(string request, NodeAnswer answer) => new(FeedOutcome.Refused, Detail: Invariant($"{request} was answered with {(int)answer.Status}"));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
