using Notary.Chain.Network;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Recovery;

/// <summary>A checkpoint that the log has signed, and where it lies.</summary>
internal sealed record LoggedNote(string Where, SignedNote Note, Checkpoint Checkpoint)
{
    public long Size => Checkpoint.Size;

    public override string ToString() => FormattableString.Invariant($"{Where} (size {Size}, root {Checkpoint.Root.ToHex()})");
}

/// <summary>A mirror that answered, and how many entries it can hand out.</summary>
internal sealed record AnsweringMirror(PolicyWitness Witness, IMirror Mirror, long Entries);

/// <summary>
/// What a chain's ledger nodes hold of it: the question that freshness asks at a start, asked of them for the sake of the answer. A checkpoint counts by the log's signature, wherever it
/// lies; a node's answer counts by its own key; a size without a signature proves nothing, and is not passed over.
/// </summary>
/// <param name="Newest">The largest checkpoint that the log has signed, as far as anybody shows one.</param>
/// <param name="Shown">Size of the largest one that a mirror shows; 0 when none shows any.</param>
/// <param name="Known">All there are, here and at mirrors.</param>
/// <param name="Answering">The mirrors that answered.</param>
/// <param name="Doubts">What speaks against the answers, for people: nodes that are missing, and sizes that are only said.</param>
/// <param name="Enough">Whether those that are missing, or say more than they show, could make nothing final by themselves, and none says more.</param>
internal sealed record MirrorSurvey(LoggedNote? Newest, long Shown, IReadOnlyList<LoggedNote> Known, IReadOnlyList<AnsweringMirror> Answering, IReadOnlyList<string> Doubts, bool Enough)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Asks.</summary>
    /// <param name="genesis">The chain.</param>
    /// <param name="logKeys">The keys by which the log ever signed.</param>
    /// <param name="trust">What the trust file says of the chain.</param>
    /// <param name="mirrors">The ways to its nodes.</param>
    /// <param name="here">Checkpoints that lie here.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public static async Task<MirrorSurvey> AskAsync(
        Genesis genesis, IReadOnlyList<NoteKey> logKeys, ChainTrust trust, IReadOnlyList<(PolicyWitness Witness, IMirror Mirror)> mirrors, IReadOnlyList<LoggedNote> here, CancellationToken cancellation)
    {
        var answering = new List<AnsweringMirror>();
        var known = new List<LoggedNote>();
        var doubts = new List<string>();
        var silent = new HashSet<NoteKey>();
        var saysMore = false;
        var answers = await Task.WhenAll(mirrors.Select(one => TryAsync(async token => (MirrorAnswer?)await one.Mirror.AskAsync(genesis.Origin, token).ConfigureAwait(false), cancellation))).ConfigureAwait(false);
        for (var i = 0; i < answers.Length; i++)
        {
            var (answer, why) = answers[i];
            if (answer is not null && TryRead(answer, genesis, logKeys, mirrors[i].Witness, known) is { } wrong)
            {
                (answer, why) = (null, wrong);
            }

            if (answer is null)
            {
                Doubt(mirrors[i].Witness, why);
            }
            else
            {
                answering.Add(new AnsweringMirror(mirrors[i].Witness, mirrors[i].Mirror, answer.Entries));
            }
        }

        var shown = known.Count == 0 ? 0 : known.Max(static note => note.Size);
        known.AddRange(here);
        var newest = known.MaxBy(static note => note.Size);
        if (newest is not null)
        {
            foreach (var mirror in answering.ToList())
            {
                var (held, why) = await TryAsync(token => mirror.Mirror.HeldAsync(newest.Note, newest.Checkpoint, token), cancellation).ConfigureAwait(false);
                if (why.Length > 0)
                {
                    answering.Remove(mirror);
                    Doubt(mirror.Witness, why);
                }
                else if (held > newest.Size)
                {
                    saysMore = true;
                    Doubt(mirror.Witness, FormattableString.Invariant($"says that the log has had size {held}, and shows nothing that the log has signed above {newest.Size}"));
                }
            }
        }

        // As at a start: with k of m at least m − k + 1 have to answer.
        var enough = !saysMore && (trust.EntryOf(newest?.Size ?? 0) ?? trust.Newest) is { Policy: { QuorumNone: false } policy } && !policy.IsSatisfiedBy(silent);
        return new MirrorSurvey(newest, shown, known, answering, doubts, enough);

        void Doubt(PolicyWitness witness, string why)
        {
            silent.Add(witness.Key);
            doubts.Add($"{witness.Name}: {why}");
        }
    }

    /// <summary>The largest checkpoint under which a mirror, or a database of so many entries, has every entry; null when nobody has one.</summary>
    public LoggedNote? LargestHeld(long here)
    {
        var most = Answering.Select(static mirror => mirror.Entries).Append(here).Max();
        return Known.Where(note => note.Size > 0 && note.Size <= most).MaxBy(static note => note.Size);
    }

    /// <summary>The same up to a checkpoint above which nothing is wanted: whoever is missing does not matter then.</summary>
    public MirrorSurvey UpTo(LoggedNote note) => this with { Newest = note, Known = [.. Known.Where(known => known.Size <= note.Size)], Enough = true };

    /// <summary>Two notes of one size with different roots, or null.</summary>
    public (LoggedNote One, LoggedNote Other)? Fork()
    {
        foreach (var alike in Known.GroupBy(static note => note.Size))
        {
            if (alike.FirstOrDefault(note => !note.Checkpoint.Root.Equals(alike.First().Checkpoint.Root)) is { } other)
            {
                return (alike.First(), other);
            }
        }

        return null;
    }

    /// <summary>A note that a log key of the chain signed, or null.</summary>
    public static LoggedNote? Logged(string where, SignedNote note, Genesis genesis, IReadOnlyList<NoteKey> logKeys) =>
        note.Verify(logKeys).Ok && Checkpoint.TryParse(note.Text, out var checkpoint) == CheckpointProblem.None && checkpoint!.Origin == genesis.Origin ? new LoggedNote(where, note, checkpoint) : null;

    // Why the answer does not count, or null.
    private static string? TryRead(MirrorAnswer answer, Genesis genesis, IReadOnlyList<NoteKey> logKeys, PolicyWitness witness, List<LoggedNote> known)
    {
        if (answer.Mirrored is { } mirrored)
        {
            if (!mirrored.Verify([witness.Key]).Ok)
            {
                return "its checkpoint is not signed by its key";
            }

            if (Logged($"the checkpoint that {witness.Name} cosigned", mirrored, genesis, logKeys) is not { } note)
            {
                return "its checkpoint is not signed by the log";
            }

            known.Add(note);
        }

        if (answer.Taken is { } taken && Logged($"the checkpoint that {witness.Name} has taken", taken, genesis, logKeys) is { } other)
        {
            known.Add(other);
        }

        return null;
    }

    private static async Task<(T? Answer, string Why)> TryAsync<T>(Func<CancellationToken, Task<T>> question, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            return (await question(limit.Token).WaitAsync(limit.Token).ConfigureAwait(false), string.Empty);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (default, "does not answer");
        }
        catch (Exception failure) when (failure is not (OutOfMemoryException or OperationCanceledException))
        {
            // Whatever a way to a node throws: it is no answer, and says why.
            return (default, failure.Message.TrimEnd('.'));
        }
    }
}
