using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Network;

/// <summary>Times of a chain's way to finality.</summary>
/// <param name="Interval">Between two candidates.</param>
/// <param name="CandidateTimeout">After which a candidate without quorum is replaced by a newer head.</param>
/// <param name="NodeTimeout">For one attempt with one node.</param>
public sealed record FinalityTimes(TimeSpan Interval, TimeSpan CandidateTimeout, TimeSpan NodeTimeout);

/// <summary>Whether a chain may append after its start.</summary>
/// <param name="Fresh">True when enough nodes hold nothing that the head does not extend.</param>
/// <param name="Stale">Why it must not, when a node holds more or other than the chain; null otherwise.</param>
/// <param name="Missing">Nodes that did not answer.</param>
public sealed record FreshnessCheck(bool Fresh, string? Stale, IReadOnlyList<string> Missing);

/// <summary>
/// Brings a chain's heads to finality: one candidate at a time is offered to all nodes, who cosign exactly that size; it is replaced only when a quorum has signed, or after the
/// time-out. The bytes of a final checkpoint are fixed when they are stored, and never chosen again.
/// </summary>
/// <remarks>
/// Which keys and nodes count, the trust file says, and it may change while this runs: nodes that it names are fed from then on, those that it names no more are let go, and a stored final
/// checkpoint that the entry in force does not accept is offered again under that entry.
/// Where several servers share a chain, one of them leads and does this; the others read what it has stored, and one takes its place when its connection to the database ends.
/// A node that is down, slow or hostile costs nobody but itself: each is fed by a task of its own, and takes up the newest candidate when it has ended the one before. Sealing does
/// not wait for any of this. A failure of the store is shown by <see cref="Failure"/> until it has passed; sealing goes on meanwhile.
/// </remarks>
public sealed class Finality : IAsyncDisposable
{
    private readonly ChainReader _reader;
    private readonly ChainTrust _trust;
    private readonly Func<PolicyWitness, INodeLink?> _linkTo;
    private readonly FinalityStore _store;
    private readonly FinalityTimes _times;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();

    // Taken before the gate and held while the store writes, which may wait for a standby: whoever only asks where things stand takes the gate alone.
    private readonly Lock _writing = new();
    private readonly Lock _membership = new();
    private readonly List<Task> _tasks = [];
    private volatile IReadOnlyList<QuorumMember> _members = [];
    private TaskCompletionSource _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Candidate? _candidate;
    private TrustedChain? _candidateEntry;
    private DateTimeOffset _retried;
    private SignedNote? _gathered;
    private FinalCheckpoint? _newest;
    private AnchoredCheckpoint? _anchored;
    private bool _started;
    private volatile bool _leads;
    private volatile bool _looked;
    private volatile bool _proved;
    private DateTimeOffset _leadsSince;
    private DateTimeOffset _yieldedUntil;
    private Exception? _tickFailure;

    /// <param name="reader">The chain.</param>
    /// <param name="trust">What the trust file says of it: log keys and quorum.</param>
    /// <param name="linkTo">The way to a node; a node without one counts as down. Links that can be disposed are disposed by this object.</param>
    /// <param name="store">Owned by this object from now on.</param>
    /// <param name="times">Interval and time-outs.</param>
    /// <param name="time">The clock.</param>
    public Finality(ChainReader reader, ChainTrust trust, Func<PolicyWitness, INodeLink?> linkTo, FinalityStore store, FinalityTimes times, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(trust);
        ArgumentNullException.ThrowIfNull(store);
        _reader = reader;
        _trust = trust;
        _linkTo = linkTo;
        _store = store;
        _times = times;
        _time = time;
        _newest = store.Final();
        _anchored = store.NewestAnchored();
        TakeMembers();
    }

    /// <summary>The newest final checkpoint; null before the first.</summary>
    public FinalCheckpoint? Newest => Volatile.Read(ref _newest);

    /// <summary>The newest anchored checkpoint; null before the first, and after a start until the main chain's part of its proof is at hand.</summary>
    public AnchoredCheckpoint? NewestAnchored => Volatile.Read(ref _anchored) is { } anchored && (_proved || (_proved = Provable(anchored))) ? anchored : null;

    /// <summary>Since when a candidate waits for its quorum, Unix milliseconds; null while candidates find theirs within their time-out.</summary>
    public long? WaitingSince
    {
        get
        {
            lock (_gate)
            {
                return _candidate is { } open && open.Head.Size > FinalSize && _time.GetUtcNow() - open.Since >= _times.CandidateTimeout ? open.Since.ToUnixTimeMilliseconds() : null;
            }
        }
    }

    /// <summary>Whether this process offers heads and anchors them; false while another server that shares the chain does.</summary>
    public bool Leads => _leads;

    /// <summary>Whether another server does, as far as this one has looked.</summary>
    public bool LedElsewhere => _looked && !_leads;

    /// <summary>Whether the main chain's part of an anchored checkpoint's proof is at hand: asked for what another server has stored.</summary>
    internal Func<AnchoredCheckpoint, bool> Provable { get; set; } = static _ => true;

    /// <summary>Whether this server is of use as the one that leads: not while it appends nothing for good.</summary>
    internal Func<bool> MayLead { get; set; } = static () => true;

    /// <summary>Called with a node's name and proof while too few nodes are left to make anything final that do not prove to follow another history.</summary>
    internal Func<string, OtherHistory, Task> FollowedElsewhere { get; set; } = static (_, _) => Task.CompletedTask;

    /// <summary>Why nothing can become final, when the trust file has no entry of the chain for this place of the main chain; null otherwise.</summary>
    public string? Closed => _trust.EntryOf(_reader.Head.Size) is null ? "The trust file has no entry of this chain that holds now: what it seals stays sealed." : null;

    /// <summary>Why what was cosigned last could not be stored; null while it can.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>The nodes, in the order of the policy.</summary>
    public IReadOnlyList<NodeView> Nodes
    {
        get
        {
            lock (_gate)
            {
                return [.. _members.Select(static member => member.View)];
            }
        }
    }

    /// <summary>The nodes to ask, of this moment.</summary>
    internal IReadOnlyList<QuorumMember> Members => _members;

    /// <summary>
    /// Asks the nodes whether the head extends what they hold: before the first append after a start. Enough have answered when those that did not could make nothing final by
    /// themselves (with k of m: m − k + 1 answers).
    /// </summary>
    public async Task<FreshnessCheck> CheckFreshnessAsync(CancellationToken cancellation)
    {
        TakeMembers();
        var members = _members;
        var candidate = new Candidate(_reader, _reader.Head, _time.GetUtcNow());
        var answers = await Task.WhenAll(members.Select(member => AskAsync(member, feed => feed.OfferAsync, candidate, cancellation))).ConfigureAwait(false);
        var silent = new HashSet<NoteKey>();
        var missing = new List<string>();
        string? stale = null;
        for (var i = 0; i < answers.Length; i++)
        {
            var witness = members[i].Witness;
            if (answers[i].Outcome is FeedOutcome.Cosigned or FeedOutcome.UnknownLog)
            {
                // Whoever holds nothing of the chain holds nothing else of it either.
                continue;
            }

            // A number that a node says is no proof: one hostile node would stop the chain. It counts as silent until it shows what the log has signed.
            silent.Add(witness.Key);
            missing.Add(answers[i].Outcome == FeedOutcome.Unreachable ? witness.Name : $"{witness.Name} ({answers[i].Detail})");
            if (answers[i].Outcome is FeedOutcome.Ahead or FeedOutcome.Inconsistent && await ProofOfAsync(members[i], candidate, cancellation).ConfigureAwait(false) is { } proof)
            {
                stale ??= $"the node {witness.Name} proves it: {proof.Sentence}";
            }
        }

        // A chain whose entries have ended makes nothing final; a node that is still to come cannot either.
        var fresh = _trust.EntryOf(candidate.Head.Size)?.Policy is not { QuorumNone: false } policy || !policy.IsSatisfiedBy(silent);
        return new FreshnessCheck(stale is null && fresh, stale, missing);
    }

    /// <summary>Whether the chain's database is behind what was final or anchored before: null when it is not, or why.</summary>
    /// <param name="anchored">The newest anchor of the chain on the main chain, where that is at hand.</param>
    public string? Contradicts(AnchorInForce? anchored)
    {
        var head = _reader.Head;
        var known = new List<(string What, long Size, Hash32 Root)>();
        if (_newest is { } final && Checkpoint.TryParse(final.Note.Text, out var checkpoint) == CheckpointProblem.None)
        {
            known.Add(("final", final.Size, checkpoint!.Root));
        }

        if (anchored is not null)
        {
            known.Add(("anchored", anchored.Size, anchored.Root));
        }

        foreach (var (what, size, root) in known)
        {
            if (size > head.Size || !_reader.RootAt(size).Equals(root))
            {
                return FormattableString.Invariant($"a checkpoint of size {size} is {what}, and this database of size {head.Size} does not extend it");
            }
        }

        return null;
    }

    /// <summary>Starts to offer heads.</summary>
    public void Start()
    {
        lock (_gate)
        {
            if (_started)
            {
                return;
            }

            _started = true;
            foreach (var member in _members)
            {
                Feed(member);
            }

            _tasks.Add(Task.Run(OfferAsync));
        }
    }

    /// <summary>
    /// Looks through what is anchored under another version of the trust file: where that reaches back, anchors count no more, and what they held is anchored again in a larger checkpoint.
    /// </summary>
    /// <param name="version">The version.</param>
    /// <param name="from">The first main index at which it judges otherwise than the one before.</param>
    /// <exception cref="Sqlite.SqliteFailureException">The disk failed.</exception>
    public void Judge(long version, long from)
    {
        lock (_writing)
        {
            _store.Judge(version, from, Counts);
            var newest = _store.NewestAnchored();
            lock (_gate)
            {
                Volatile.Write(ref _anchored, newest);
            }
        }
    }

    /// <summary>The version of the trust file that <see cref="Judge"/> was called with last; 0 before the first.</summary>
    public long JudgedVersion => _store.JudgedVersion();

    /// <summary>Waits until the leaves below that size are final (and anchored, when asked for).</summary>
    /// <returns>False when the time was over first, or this object closed.</returns>
    public async Task<bool> WaitAsync(long size, RecordState state, CancellationToken cancellation)
    {
        while (true)
        {
            Task moved;
            lock (_gate)
            {
                if ((state >= RecordState.Anchored ? NewestAnchored?.Final.Size : _newest?.Size) >= size)
                {
                    return true;
                }

                if (_stop.IsCancellationRequested)
                {
                    return false;
                }

                moved = _moved.Task;
            }

            try
            {
                await moved.WaitAsync(cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }
    }

    /// <summary>Notes that the main chain holds a final checkpoint of this chain in a final checkpoint of its own.</summary>
    public void Anchored(AnchoredCheckpoint anchored)
    {
        ArgumentNullException.ThrowIfNull(anchored);
        lock (_writing)
        {
            if (!Counts(anchored))
            {
                // A later version of the trust file reached back below it.
                return;
            }

            _store.WriteAnchored(anchored);
            lock (_gate)
            {
                if (anchored.Final.Size > (_anchored?.Final.Size ?? 0))
                {
                    Volatile.Write(ref _anchored, anchored);
                }
            }
        }

        Tell();
    }

    /// <summary>The first anchored checkpoint that holds the leaf, or null.</summary>
    public AnchoredCheckpoint? AnchorOf(long index) => index < (NewestAnchored?.Final.Size ?? 0) ? _store.AnchorOf(index) : null;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        Tell();
        List<Task> tasks;
        lock (_gate)
        {
            tasks = [.. _tasks];
        }

        await Task.WhenAll(tasks).ConfigureAwait(false);
        foreach (var member in _members)
        {
            member.Dispose();
        }

        _store.Dispose();
        _stop.Dispose();
    }

    private bool Counts(AnchoredCheckpoint anchored) => _trust.EntryAt(anchored.MainIndex)?.Covers(anchored.Final.Note) == true;

    // Up to where final checkpoints count. Under the gate. One that was made under an entry which holds no more does not, unless it was anchored while that held.
    private long FinalSize => _newest is not { } newest ? 0
        : _trust.EntryOf(newest.Size) is not { } entry || entry.Covers(newest.Note) || _anchored?.Final.Size == newest.Size ? newest.Size
        : newest.Size - 1;

    // The nodes that the trust file names now: those of before go on where they stand. A way to a node is made outside the gate, for it may open files.
    private void TakeMembers()
    {
        lock (_membership)
        {
            TakeMembersInTurn();
        }
    }

    private void TakeMembersInTurn()
    {
        var witnesses = _trust.Witnesses;
        var before = _members;
        if (before.Select(static member => member.Witness).SequenceEqual(witnesses))
        {
            return;
        }

        List<QuorumMember> members = [.. witnesses.Select(witness => before.FirstOrDefault(member => member.Witness.Equals(witness)) ?? new QuorumMember(witness, LinkTo(witness), _stop.Token))];
        lock (_gate)
        {
            // Who stands in the stored final checkpoint has cosigned it, whatever process asked.
            foreach (var member in members.Where(member => _newest?.Note.Signatures.Any(member.Witness.Key.Matches) == true))
            {
                member.Signed(_newest!.Size);
            }

            _members = members;
            foreach (var gone in before.Except(members))
            {
                gone.Leave(fed: _started);
            }

            foreach (var added in members.Except(before).Where(_ => _started))
            {
                Feed(added);
                added.Waiting.Writer.TryWrite(new Candidate(_reader, _reader.Head, _time.GetUtcNow()));
            }
        }
    }

    // At the start a node that cannot be had refuses it; while the chain runs it counts as down.
    private INodeLink? LinkTo(PolicyWitness witness)
    {
        try
        {
            return _linkTo(witness);
        }
        catch (Exception failure) when (_started && failure is not OutOfMemoryException)
        {
            return new NoNodeLink(failure.Message);
        }
    }

    private void Feed(QuorumMember member)
    {
        if (member.Feed is not null)
        {
            _tasks.Add(Task.Run(() => FeedAsync(member)));
        }
    }

    private void Tell()
    {
        TaskCompletionSource before;
        lock (_gate)
        {
            before = _moved;
            _moved = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        before.TrySetResult();
    }

    private async Task OfferAsync()
    {
        using var timer = new PeriodicTimer(_times.Interval, _time);
        try
        {
            do
            {
                try
                {
                    TakeMembers();
                    if (TakeLead())
                    {
                        SettleUnderAnotherEntry();
                        OfferHead();
                    }
                }
                catch (Exception failure) when (failure is not (OperationCanceledException or OutOfMemoryException))
                {
                    // Shown until it has passed. Another server may lead from now on; this one asks again.
                    _leads = false;
                    Failure = _tickFailure = failure;
                }
            }
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // Closing.
        }
    }

    // Whether this server leads. One that does not reads what the leader has stored; one that begins to does so first.
    private bool TakeLead()
    {
        var led = _leads;
        _leads = _store.TryLead(IsOfUse(), _times.Interval);
        _looked = true;
        if (!_leads || !led)
        {
            _leadsSince = _time.GetUtcNow();
            ReadStored();
        }

        if (_tickFailure is not null && ReferenceEquals(Failure, _tickFailure))
        {
            Failure = null;
        }

        _tickFailure = null;
        return _leads;
    }

    // A server whose chain has stopped, or that reaches no quorum, leaves the lead to another one; where there is none it takes it again.
    private bool IsOfUse()
    {
        var now = _time.GetUtcNow();
        if (_leads && WaitingSince is { } since && now.ToUnixTimeMilliseconds() - Math.Max(since, _leadsSince.ToUnixTimeMilliseconds()) > 3 * _times.CandidateTimeout.TotalMilliseconds)
        {
            // What it has gathered stays: since when a head waits is told for as long as it does.
            _yieldedUntil = now + _times.CandidateTimeout;
        }

        return now >= _yieldedUntil && MayLead();
    }

    // Only ever forward: after a failover the rows may be older than what was told.
    private void ReadStored()
    {
        var (final, anchored) = (_store.Final(), _store.NewestAnchored());
        if (_leads)
        {
            lock (_writing)
            {
                WriteBack(final, anchored);
            }
        }

        // What this server has not taken over yet it cannot prove: the next look finds it.
        if (final is not null && (final.Size > _reader.Size || final.Size < _newest?.Size || (final.Size == _newest?.Size && final.AtMs <= _newest.AtMs)))
        {
            final = null;
        }

        if (final is not null && (Checkpoint.TryParse(final.Note.Text, out var checkpoint) != CheckpointProblem.None || !_reader.RootAt(final.Size).Equals(checkpoint!.Root)))
        {
            throw new ChainRefusedException(
                ChainRefusal.Inconsistent, FormattableString.Invariant($"The stored final checkpoint of size {final.Size} is of another tree than this chain's: compare it with the ledger nodes, and restore the database from a mirror."));
        }

        if (anchored is not null && (anchored.Final.Size > _reader.Size || anchored.Final.Size <= _anchored?.Final.Size || !Provable(anchored)))
        {
            anchored = null;
        }

        if (final is null && anchored is null)
        {
            return;
        }

        lock (_gate)
        {
            Volatile.Write(ref _newest, final ?? _newest);
            Volatile.Write(ref _anchored, anchored ?? _anchored);
            _candidate = null;
        }

        Tell();
    }

    private void WriteBack(FinalCheckpoint? final, AnchoredCheckpoint? anchored)
    {
        if (_newest is { } told && told.Size > (final?.Size ?? 0))
        {
            _store.WriteFinal(told);
        }

        if (_anchored is { } toldAnchored && toldAnchored.Final.Size > (anchored?.Final.Size ?? 0) && Counts(toldAnchored))
        {
            _store.WriteAnchored(toldAnchored);
        }
    }

    private void OfferHead()
    {
        var head = _reader.Head;
        lock (_gate)
        {
            var finalSize = FinalSize;
            if (head.Size == finalSize)
            {
                RetryFailing(head);
            }

            if (head.Size <= finalSize || (_candidate is { } open && open.Head.Size > finalSize && _time.GetUtcNow() - open.Since < _times.CandidateTimeout))
            {
                return;
            }

            if (_candidate?.Head.Size == head.Size)
            {
                // Nothing newer than the candidate that waits: what was gathered for it counts, and who was down is asked again.
                _candidate = new Candidate(_reader, _candidate.Head, _candidate.Since);
            }
            else
            {
                _candidate = new Candidate(_reader, head, _time.GetUtcNow());
                _gathered = head.Parsed;
            }

            foreach (var member in _members)
            {
                member.Waiting.Writer.TryWrite(_candidate);
            }
        }
    }

    // On a chain where nothing is sealed there is no next candidate to take up: who failed with the last one is asked again now and then.
    private void RetryFailing(ChainHead head)
    {
        var now = _time.GetUtcNow();
        if (now - _retried < _times.CandidateTimeout)
        {
            return;
        }

        _retried = now;
        var again = new Candidate(_reader, head, now);
        foreach (var member in _members.Where(static member => member.View.FailingSince is not null))
        {
            member.Waiting.Writer.TryWrite(again);
        }
    }

    private async Task FeedAsync(QuorumMember member)
    {
        try
        {
            await foreach (var candidate in member.Waiting.Reader.ReadAllAsync(member.Stop).ConfigureAwait(false))
            {
                try
                {
                    var result = await AskAsync(member, feed => feed.BringAsync, candidate, member.Stop).ConfigureAwait(false);
                    if (result.Line is { } line)
                    {
                        Gather(member, candidate, line);
                        Failure = null;
                    }
                    else if (result.Outcome is FeedOutcome.Ahead or FeedOutcome.Inconsistent)
                    {
                        await LookElsewhereAsync(member, candidate).ConfigureAwait(false);
                    }
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    // A full disk passes: shown until it has, and tried again with the next candidate.
                    Failure = failure;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Closing, or the trust file names it no more.
        }

        member.Dispose();
    }

    // Two databases that both go on are two histories under one log key. A node that follows the other one is one that counts no more; without a quorum of the rest nothing here becomes final again.
    private async Task LookElsewhereAsync(QuorumMember member, Candidate candidate)
    {
        var other = await ProofOfAsync(member, candidate, member.Stop).ConfigureAwait(false);
        bool without;
        lock (_gate)
        {
            member.Other = other;
            without = other is not null && _trust.EntryOf(candidate.Head.Size)?.Policy is { QuorumNone: false } policy
                && !policy.IsSatisfiedBy(_members.Where(static one => one.Other is null).Select(static one => one.Witness.Key).ToHashSet());
        }

        if (without)
        {
            await FollowedElsewhere(member.Witness.Name, other!).ConfigureAwait(false);
        }
    }

    private async Task<FeedResult> AskAsync(QuorumMember member, Func<MirrorFeed, Func<Candidate, CancellationToken, Task<FeedResult>>> request, Candidate candidate, CancellationToken cancellation)
    {
        FeedResult result;
        if (member.Feed is { } feed)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(_times.NodeTimeout);
            try
            {
                // A local disk that hangs does not look at the token.
                result = await request(feed)(candidate, limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                result = new FeedResult(FeedOutcome.Unreachable, Detail: "no answer in time");
            }
        }
        else
        {
            result = new FeedResult(FeedOutcome.Unreachable, Detail: "no way to it is configured");
        }

        lock (_gate)
        {
            member.Saw(result, _time.GetUtcNow().ToUnixTimeMilliseconds());
        }

        return result;
    }

    private async Task<OtherHistory?> ProofOfAsync(QuorumMember member, Candidate candidate, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_times.NodeTimeout);
        return member.Feed is { } feed ? await feed.ProofOfOtherHistoryAsync(candidate, _trust.AllLogKeys, limit.Token).ConfigureAwait(false) : null;
    }

    private void Gather(QuorumMember member, Candidate candidate, NoteSignature line)
    {
        lock (_gate)
        {
            member.Signed(candidate.Head.Size);
            if (_candidate?.Head.Size != candidate.Head.Size || candidate.Head.Size <= FinalSize)
            {
                // Late for its candidate: the node counts again from the next one on.
                return;
            }

            // A node that is asked again for the candidate repeats itself.
            _gathered = _gathered!.Signatures.Any(member.Witness.Key.Matches) ? _gathered : _gathered.With(line);
        }

        Settle();
    }

    // The entry in force may have changed since the last line came: what is gathered may be enough under the new one.
    private void SettleUnderAnotherEntry()
    {
        lock (_gate)
        {
            if (_candidate is not { } open || open.Head.Size <= FinalSize || ReferenceEquals(_trust.EntryOf(open.Head.Size), _candidateEntry))
            {
                return;
            }
        }

        Settle();
    }

    // Makes the candidate final when what was gathered for it is enough. Stored before it is told.
    private void Settle()
    {
        lock (_writing)
        {
            FinalCheckpoint final;
            bool replaces;
            lock (_gate)
            {
                if (_candidate is not { } open || open.Head.Size <= FinalSize)
                {
                    return;
                }

                _candidateEntry = _trust.EntryOf(open.Head.Size);
                if (_candidateEntry?.Policy.SelectFinal(_gathered!, out _, _candidateEntry.LogKeys) is not { } bytes)
                {
                    return;
                }

                SignedNote.TryParse(bytes, out var note);
                final = new FinalCheckpoint(open.Head.Size, note!, _time.GetUtcNow().ToUnixTimeMilliseconds());
                replaces = final.Size == _newest?.Size;
            }

            if (!(replaces ? _store.ReplaceFinal(final) : _store.WriteFinal(final)))
            {
                // Another server that shares the chain was first: its bytes are the final ones, once this one holds their tree.
                ReadStored();
                return;
            }

            lock (_gate)
            {
                Volatile.Write(ref _newest, final);
                // What it was sent for it is not needed any more.
                _candidate = null;
            }
        }

        Tell();
    }
}
