using System.Buffers;
using System.Diagnostics;
using System.Text;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain;

/// <summary>What the world may know of a chain's end: committed, signed.</summary>
/// <param name="Size">Leaves.</param>
/// <param name="Root">Root of that tree.</param>
/// <param name="SealedMs">Last sealed time, Unix milliseconds.</param>
/// <param name="Note">The signed checkpoint, UTF-8.</param>
/// <param name="Parsed">The same note, parsed.</param>
public sealed record ChainHead(long Size, Hash32 Root, long SealedMs, ReadOnlyMemory<byte> Note, SignedNote Parsed);

/// <summary>A batch that is committed and still has to be made durable and signed, or one that sealed nothing and has only to be made durable.</summary>
internal sealed record CommittedBatch(HeadRow Head, BatchProver? Prover);

/// <summary>The appended batch, for the proofs of its answers.</summary>
internal sealed record SealedBatch(ChainHead Head, BatchProver? Prover);

/// <summary>Why a chain stopped. Numbers frozen; the code is the name in lower case with hyphens.</summary>
public enum StopReason
{
    /// <summary>It runs.</summary>
    None = 0,

    /// <summary>The database failed; nothing of the batch is in the chain.</summary>
    Storage = 1,

    /// <summary>The database failed in COMMIT: whether the batch is in the chain shows at the next start.</summary>
    OutcomeUnknown = 2,

    /// <summary>The stored head is not what this process wrote last.</summary>
    HeadChanged = 3,

    /// <summary>The machine's clock cannot be believed.</summary>
    Clock = 4,

    /// <summary>The committed head could not be signed.</summary>
    Signing = 5,

    /// <summary>Its owner, the process, has closed it.</summary>
    Closed = 6,

    /// <summary>A ledger node holds more of the chain than the database, or another history.</summary>
    Stale = 7,

    /// <summary>The trust file does not know the chain.</summary>
    Untrusted = 8,

    /// <summary>Governance has closed the chain, by an incident on the main chain: entries of it are lost.</summary>
    ClosedForGood = 9,

    /// <summary>Entries of it are lost, and governance is asked to close it.</summary>
    Closing = 10,
}

/// <summary>A chain stopped in this append.</summary>
internal sealed class ChainStoppedException(StopReason reason, string sentence, Exception? cause = null) : Exception(sentence, cause)
{
    public StopReason Reason { get; } = reason;

    /// <summary>The batch whose commit was not confirmed, for <see cref="ChainAppender.Reopen"/>.</summary>
    public CommittedBatch? InDoubt { get; init; }
}

/// <summary>
/// The one writer of a chain. One turn is one transaction: take the head row, check it, give indexes and the sealed time, admit, compute, write
/// segment, tiles, items, feed and head, commit; <b>then</b> sync and sign what was committed; then answer.
/// </summary>
/// <remarks>
/// <para>Threads: <see cref="Append"/> and everything else by one thread at a time; <see cref="Finish"/>, which waits for the disk and signs, by one thread at a time
/// that may be another, in the order of the batches. So a batch can be written while the one before it is being finished. What is written on top of a batch
/// that is not yet durable is answered only after it: both become durable by the same sync, and a failure stops the chain.</para>
/// <para>Failure: a turn that throws <see cref="ChainStoppedException"/> ends this object; its state in memory may be ahead of the database. Whoever opens the chain again
/// reads the head under its lock and so learns what the commit came to.</para>
/// <para>A crash between commit and signature leaves a head above the last stored note. <see cref="Open"/> re-hashes the stored entries from the note's size on an edge
/// that must hash to the note's root, requires the head's root, and signs: the same path that a turn signs by.</para>
/// </remarks>
internal sealed class ChainAppender : IDisposable
{
    private readonly ChainStore _store;
    private readonly ChainReads? _reads;
    private readonly Genesis _genesis;
    private readonly LogSigner _log;
    private readonly ChainClock _clock;
    private ChainState _state;
    private TileEdge _edge;
    private HeadRow _head;
    private HeadRow _seen;
    private ChainHead? _unpublished;
    private ChainHead _signed = new(0, default, 0, default, null!);
    private Hash32[] _hashes = new Hash32[1024];
    private byte[] _segment = new byte[1 << 20];
    private byte[] _feed = new byte[1 << 16];
    private long _trimmedTo;
    private long _requestsTrimmedMs;
    private long _committingSince;

    private ChainAppender(ChainStore store, ChainReads? reads, Genesis genesis, LogSigner log, ChainClock clock, ChainState state, TileEdge edge, HeadRow head)
    {
        _store = store;
        _reads = reads;
        _genesis = genesis;
        _log = log;
        _clock = clock;
        _state = state;
        _edge = edge;
        _head = head;
        _seen = head;
    }

    /// <summary>The newest signed head; behind what is committed while a batch is being finished.</summary>
    public ChainHead Head => Volatile.Read(ref _signed);

    /// <summary>Whether a failed database may be connected to anew: <see cref="Reopen"/>.</summary>
    public bool MayReopen => _store.IsShared;

    /// <summary>How long the COMMIT of a batch has been waited for; null while none is. What a standby does not confirm is waited for without end.</summary>
    public TimeSpan? Committing => Interlocked.Read(ref _committingSince) is > 0 and var since ? Stopwatch.GetElapsedTime(since) : null;

    /// <summary>Leaves below this are durable in the digest index: their feed rows go with the next turn.</summary>
    public Func<long> IndexDurableTo { get; init; } = static () => 0;

    /// <summary>The state of admission. Other threads read it for its policies, keys, trust file and custody only: those are replaced whole.</summary>
    public ChainState State => Volatile.Read(ref _state);

    /// <summary>Starts a chain without leaves, for <see cref="Folders.ChainCreation"/>.</summary>
    public static ChainAppender Create(ChainStore store, Genesis genesis, LogSigner log, TimeProvider time)
    {
        var hasher = new TreeHasher(genesis.Suite);
        var head = new HeadRow(0, hasher.Empty, [], 0, [], 0);
        store.Begin();
        store.WriteHead(head);
        store.Commit();
        return new ChainAppender(store, null, genesis, log, new ChainClock(time), new ChainState(), TileEdge.Empty(hasher), head);
    }

    /// <summary>Opens a chain: checks the head against the last signed note, signs a head that a crash left unsigned, rebuilds the state of admission.</summary>
    /// <exception cref="ChainRefusedException">The stored parts contradict each other.</exception>
    public static ChainAppender Open(ChainStore store, ChainReads reads, Genesis genesis, LogSigner log, TimeProvider time, Func<long> indexDurableTo)
    {
        var hasher = new TreeHasher(genesis.Suite);
        var appender = new ChainAppender(store, reads, genesis, log, new ChainClock(time), new ChainState(), TileEdge.Empty(hasher), new HeadRow(0, hasher.Empty, [], 0, [], 0)) { IndexDurableTo = indexDurableTo };
        appender.Load(null);
        return appender;
    }

    /// <summary>
    /// Connects anew after the database failed, and reads what it holds now: it must extend the largest head that this process has seen.
    /// </summary>
    /// <exception cref="ChainStoppedException">The database lost leaves that this process knew: it was restored from an old copy, or a standby without them was promoted.</exception>
    /// <exception cref="ChainRefusedException">The stored parts contradict each other, or the server's settings will not do.</exception>
    /// <exception cref="DatabaseFailureException">The database is not there yet.</exception>
    /// <param name="inDoubt">A batch whose commit was not confirmed, or null.</param>
    /// <returns>Whether that batch is in the chain, as the locked head says.</returns>
    public bool Reopen(CommittedBatch? inDoubt)
    {
        _store.Reconnect();
        _reads!.Drain();
        return Load(inDoubt);
    }

    // Everything is read in the session that holds the lock, where there are several servers: another connection may lead to another one.
    private bool Load(CommittedBatch? inDoubt)
    {
        using var own = _store.Reads();
        var reads = own ?? _reads!;
        _store.Begin();
        try
        {
            var head = _store.ReadHead() ?? throw Inconsistent("its database has no head");
            var hasher = new TreeHasher(_genesis.Suite);
            CheckExtendsSeen(reads, hasher, head);
            var held = inDoubt is not null && Holds(reads, hasher, head, inDoubt.Head);
            if (head.Note.Length == 0)
            {
                throw new ChainRefusedException(ChainRefusal.Inconsistent, "The chain is not opened because its refilling from a mirror was not finished: run 'notary chain recover' again.");
            }

            var tiles = OpenEdge(_store, hasher, head);
            var state = RebuildState(reads, head);
            var signed = CheckNote(head, _genesis, state.Trust, out var note);
            if (note.Size < head.Size)
            {
                ExtendNote(reads, _store, hasher, note, head);
                head = SignUnsigned(head);
            }
            else
            {
                _unpublished = new ChainHead(head.Size, head.Root, head.SealedMs, head.Note, signed);
            }

            // A shared store gets it also when nothing is new: the commit of a write waits for a standby, and with it for everything before it.
            if (note.Size < head.Size || _store.IsShared)
            {
                _store.WriteHead(head);
            }

            _store.Commit();
            _head = head;
            _edge = tiles;
            Volatile.Write(ref _state, state);
            Committed();
            return held;
        }
        catch
        {
            RollbackQuietly();
            throw;
        }
    }

    private static bool Holds(ChainReads reads, TreeHasher hasher, HeadRow head, HeadRow part) => part.Size <= head.Size
        && TilePlan.TryRoot(hasher, part.Size, tile => reads.Tile(tile.Level, tile.Index), out var root, out _) && root.Equals(part.Root);

    // What was signed or answered is in the database, or the database is not the one that it was.
    private void CheckExtendsSeen(ChainReads reads, TreeHasher hasher, HeadRow head)
    {
        var seen = _seen;
        if (head.Size < seen.Size)
        {
            throw Stale(FormattableString.Invariant($"The database holds {head.Size} leaves, and this process has seen {seen.Size}: it was restored from an old copy, or a standby that had not confirmed was promoted. Connect it to the primary that has them, or refill it with 'notary chain recover'."));
        }

        if (seen.Size > 0 && !Holds(reads, hasher, head, seen))
        {
            throw Stale(FormattableString.Invariant($"The database holds another history of the first {seen.Size} leaves than this process has seen."));
        }
    }

    /// <summary>Appends the requests' leaves in one transaction and commits it. Nothing may be answered before <see cref="Finish"/>.</summary>
    public CommittedBatch Append(IReadOnlyList<AppendRequest> requests)
    {
        var committing = false;
        CommittedBatch? inDoubt = null;
        try
        {
            _store.Begin();
            CatchUp();
            _store.ExpectRequests([.. requests.Where(static r => r is { IdempotencyKey: not null, Account: not null }).Select(static r => (r.Account!, r.IdempotencyKey!))]);
            var sealedMs = _clock.Next(_head.SealedMs)
                ?? throw new ChainStoppedException(
                    StopReason.Clock, "The machine's clock jumped or stands more than 60 s before the last sealed time: correct it, then start again.");
            var received = requests.Max(static r => r.Leaves!.ReceivedMs);
            if (received > sealedMs + (long)ChainClock.MaximumParting.TotalMilliseconds)
            {
                throw new ChainStoppedException(StopReason.Clock, "The machine's clock was put back while a request waited: correct it, then start again.");
            }

            sealedMs = Math.Max(sealedMs, received);
            BatchProver? prover;
            using (ChainTelemetry.Source.StartActivity("admit"))
            {
                prover = Write(requests, sealedMs);
            }

            // Without a prover there is nothing to seal, but refusals that an idempotency key stands for are remembered.
            _store.Flush();
            committing = true;
            inDoubt = new CommittedBatch(_head, prover);
            Interlocked.Exchange(ref _committingSince, MayReopen ? Stopwatch.GetTimestamp() : 0);
            _store.CommitUnsynced();
            Committed();
            return inDoubt;
        }
        catch (DatabaseFailureException failure)
        {
            RollbackQuietly();
            throw committing
                ? Unknown(failure, inDoubt)
                : new ChainStoppedException(StopReason.Storage, "The database failed: nothing of the last batch is sealed. Look at the disk, then start again.", failure);
        }
        catch (ChainStoppedException) when (!committing)
        {
            RollbackQuietly();
            throw;
        }
        finally
        {
            Interlocked.Exchange(ref _committingSince, 0);
        }
    }

    /// <summary>Makes a committed batch durable, then signs it; after this its requests may be answered.</summary>
    public SealedBatch Finish(CommittedBatch batch)
    {
        using (ChainTelemetry.Source.StartActivity("commit"))
        {
            try
            {
                _store.Sync();
            }
            catch (DatabaseFailureException failure)
            {
                throw Unknown(failure, batch);
            }
        }

        if (batch.Prover is null)
        {
            return new SealedBatch(Head, null);
        }

        using (ChainTelemetry.Source.StartActivity("sign"))
        {
            var head = SignHead(batch.Head);
            Publish(head);
            return new SealedBatch(head, batch.Prover);
        }
    }

    /// <summary>Reads what other processes appended since, and signs it where they have not: for a process that appends nothing itself.</summary>
    public void Follow()
    {
        try
        {
            var (size, noteSize) = _store.PeekHead();
            if (size == _head.Size && noteSize == _head.NoteSize && Head.Size == size)
            {
                return;
            }

            _store.Begin();
            CatchUp();
            _store.Commit();
            Committed();
        }
        catch (DatabaseFailureException failure)
        {
            RollbackQuietly();
            throw new ChainStoppedException(StopReason.Storage, "The database failed.", failure);
        }
        catch (ChainStoppedException)
        {
            RollbackQuietly();
            throw;
        }
    }

    /// <summary>Stores the newest note, so that the next start has nothing to sign; at a clean close.</summary>
    public void StoreNote()
    {
        if (Head.Size != _head.Size || Head.Size == _head.NoteSize)
        {
            return;
        }

        _store.Begin();
        CatchUp();
        if (Head.Size != _head.Size)
        {
            _store.Rollback();
            return;
        }

        _head = _head with { Note = Head.Note.ToArray(), NoteSize = Head.Size };
        _store.WriteHead(_head);
        _store.Commit();
        Committed();
        _store.Checkpoint();
    }

    /// <inheritdoc/>
    public void Dispose() => _store.Dispose();

    // The head row is the lock. In a chain of one process it is still what that wrote last; others' batches are taken over after the same checks that a ledger node makes.
    private void CatchUp()
    {
        var stored = _store.ReadHead();
        if (stored is not null && stored.Size == _head.Size && stored.Root.Equals(_head.Root) && stored.NoteSize == _head.NoteSize)
        {
            return;
        }

        if (stored is null || !_store.IsShared || stored.Size < _head.Size || (stored.Size == _head.Size && !stored.Root.Equals(_head.Root)))
        {
            throw new ChainStoppedException(
                StopReason.HeadChanged,
                FormattableString.Invariant($"The stored head (size {stored?.Size ?? -1}) is not the one that this process wrote (size {_head.Size}): another process wrote, or the database was replaced."));
        }

        var signed = CheckNoteOf(stored, out var note);
        if (stored.Size > _head.Size)
        {
            TakeOver(stored, note);
        }

        _head = stored;
        if (note.Size == stored.Size)
        {
            _unpublished = new ChainHead(stored.Size, stored.Root, stored.SealedMs, stored.Note, signed);
        }
        else if (Head.Size < stored.Size)
        {
            _head = SignUnsigned(stored);
            _store.WriteHead(_head);
        }
    }

    // Entries that others appended: admitted again, hashed onto this process's own edge, which must come to the stored root, and on its way to the note's.
    private void TakeOver(HeadRow stored, Checkpoint note)
    {
        var hasher = new TreeHasher(_genesis.Suite);
        var hashes = new List<Hash32>();
        foreach (var (first, count, entries) in _store.Segments(_head.Size))
        {
            if (first != _edge.Edge.Size)
            {
                throw NotTaken(_edge.Edge.Size, "its batch is missing");
            }

            hashes.Clear();
            if (!SealedEntries.TryTake(_genesis, _state, hasher, first, count, entries, hashes, null, out var wrong))
            {
                throw NotTaken(wrong.Index, wrong.Why);
            }

            _edge.Append(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(hashes));
            if (_edge.Edge.Size == note.Size && !_edge.Edge.Root().Equals(note.Root))
            {
                throw NotTaken(note.Size - 1, "the stored checkpoint signs another root");
            }
        }

        if (_edge.Edge.Size != stored.Size || !_edge.Edge.Root().Equals(stored.Root))
        {
            throw NotTaken(stored.Size - 1, "the entries do not hash to the stored root");
        }

        static ChainStoppedException NotTaken(long index, string why) => new(
            StopReason.HeadChanged, FormattableString.Invariant($"What another server appended is not taken over: at leaf {index} {why}. Run 'notary fsck'."));
    }

    private SignedNote CheckNoteOf(HeadRow stored, out Checkpoint note)
    {
        try
        {
            return CheckNote(stored, _genesis, _state.Trust, out note);
        }
        catch (ChainRefusedException refused)
        {
            throw new ChainStoppedException(StopReason.HeadChanged, refused.Message, refused);
        }
    }

    private HeadRow SignUnsigned(HeadRow head)
    {
        _unpublished = SignHead(head);
        return head with { Note = _unpublished.Note.ToArray(), NoteSize = head.Size };
    }

    // What was taken over is known to the world only after a commit: that of others may stand on no standby before it.
    private void Committed()
    {
        _seen = _head;
        if (_unpublished is { } head)
        {
            _unpublished = null;
            Publish(head);
        }
    }

    // Never back: a batch is signed when another server's after it may be known already.
    private void Publish(ChainHead head)
    {
        while (true)
        {
            var known = Head;
            if (head.Size < known.Size || (head.Size == known.Size && known.Parsed is not null) || Interlocked.CompareExchange(ref _signed, head, known) == known)
            {
                return;
            }
        }
    }

    private BatchProver? Write(IReadOnlyList<AppendRequest> requests, long sealedMs)
    {
        var first = _head.Size;
        var next = first;
        var segmentUsed = 0;
        var feedUsed = 0;
        foreach (var request in requests)
        {
            if (IsNew(request, next, sealedMs))
            {
                next = WriteRequest(request, sealedMs, first, next, ref segmentUsed, ref feedUsed);
            }
        }

        var count = (int)(next - first);
        if (count == 0)
        {
            return null;
        }

        _store.WriteSegment(first, count, _segment.AsSpan(0, segmentUsed));
        _store.WriteFeed(first, _feed.AsSpan(0, feedUsed));
        var tiles = _edge.Append(_hashes.AsSpan(0, count), out var prover);
        foreach (var tile in tiles)
        {
            _store.WriteTile(tile.Id.Level, tile.Id.Index, tile.Bytes.Span);
        }

        var durable = IndexDurableTo();
        if (durable > _trimmedTo)
        {
            _store.TrimFeed(durable);
            _trimmedTo = durable;
        }

        if (sealedMs - _requestsTrimmedMs > 60_000)
        {
            _store.TrimRequests(sealedMs - (30L * 24 * 3600 * 1000));
            _requestsTrimmedMs = sealedMs;
        }

        // Each batch stores the newest note there is, its predecessor's or, while that is being finished, the one before: a signature is never waited
        // for inside a transaction.
        var signed = Head;
        var noted = signed.Size > _head.NoteSize;
        _head = new HeadRow(
            next, prover.Root, _edge.Edge.ToBytes(), sealedMs, noted ? signed.Note.ToArray() : _head.Note, noted ? signed.Size : _head.NoteSize);
        _store.WriteHead(_head);
        return prover;
    }

    private long WriteRequest(AppendRequest request, long sealedMs, long batchFirst, long next, ref int segmentUsed, ref int feedUsed)
    {
        var leaves = request.Leaves!;
        leaves.Seal(sealedMs);
        request.First = next;
        var at = (int)(next - batchFirst);
        if (_hashes.Length < at + request.LeafCount)
        {
            Array.Resize(ref _hashes, Math.Max(_hashes.Length * 2, at + request.LeafCount));
        }

        var hashes = _hashes.AsSpan(at, request.LeafCount);
        for (var i = request.FirstLeaf; i < request.FirstLeaf + request.LeafCount; i++)
        {
            var facts = leaves.Facts(i);
            var admitted = Admission.AdmitState(_genesis, _state, facts, next);
            if (!admitted.Ok)
            {
                request.Refuse(i, admitted);
                continue;
            }

            _state.Apply(facts, next);
            hashes[request.Admitted] = leaves.Hashes[i];
            var leaf = leaves.Leaf(i);
            Reserve(ref _segment, segmentUsed, EntryBundle.Length(leaf.Length));
            segmentUsed += EntryBundle.Write(_segment.AsSpan(segmentUsed), leaf);
            var box = leaves.Box(i);
            if (!box.IsEmpty)
            {
                _store.WriteItem(next, box);
            }

            if (facts.ChangesState)
            {
                _store.WriteStateLeaf(next, facts);
            }

            var keys = leaves.KeysAt(i, next);
            Reserve(ref _feed, feedUsed, keys.Length);
            keys.CopyTo(_feed.AsSpan(feedUsed));
            feedUsed += keys.Length;
            request.Admitted++;
            next++;
        }

        if (request.Admitted < request.LeafCount && request is { IdempotencyKey: { } key, Account: { } account })
        {
            _store.CorrectRequest(account, key, request.Admitted, request.Outcomes());
        }

        return next;
    }

    // Remembers the request under its idempotency key as if every leaf of it were admitted, as nearly always; or finds what was answered under the key before.
    private bool IsNew(AppendRequest request, long next, long sealedMs)
    {
        if (request is not { IdempotencyKey: { } key, Account: { } account }
            || _store.TryWriteRequest(account, key, new AnsweredRequest(request.RequestDigest, next, request.LeafCount, request.Outcomes()), sealedMs))
        {
            return true;
        }

        var known = _store.ReadRequest(account, key) ?? throw new InvalidOperationException("A request's key is taken and not there.");
        request.Conflict = !known.Digest.Equals(request.RequestDigest);
        request.Replay = request.Conflict ? null : known;
        return false;
    }

    private ChainHead SignHead(HeadRow head)
    {
        SignedNote note;
        try
        {
            var text = new Checkpoint(_genesis.Origin, head.Size, head.Root).Format();
            note = _log.Sign(text);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            throw new ChainStoppedException(StopReason.Signing, "The last batch is committed but could not be signed: it is signed at the next start.", failure);
        }

        return new ChainHead(head.Size, head.Root, head.SealedMs, Encoding.UTF8.GetBytes(note.Format()), note);
    }

    private static ChainStoppedException Stale(string sentence) => new(StopReason.Stale, sentence);

    private static ChainStoppedException Unknown(DatabaseFailureException failure, CommittedBatch? inDoubt) => new(
        StopReason.OutcomeUnknown, "The database failed while it committed: whether the last batch is sealed shows at the next start.", failure)
    { InDoubt = inDoubt };

    private void RollbackQuietly()
    {
        _unpublished = null;
        try
        {
            _store.Rollback();
        }
        catch (DatabaseFailureException)
        {
            // The chain stops anyway, and closing the connection rolls back; the first failure is the one that is reported.
        }
    }

    private static void Reserve(ref byte[] buffer, int used, int more)
    {
        if (buffer.Length - used < more)
        {
            Array.Resize(ref buffer, Math.Max(buffer.Length * 2, used + more));
        }
    }

    /// <summary>The stored edge with the partial tiles that belong to it; the edge must hash to the head's root, the tiles to the edge.</summary>
    /// <exception cref="ChainRefusedException">They do not.</exception>
    internal static TileEdge OpenEdge(ChainStore store, TreeHasher hasher, HeadRow head)
    {
        if (!TreeEdge.TryParse(hasher, head.Size, head.Edge, out var edge) || !edge.Root().Equals(head.Root))
        {
            throw Inconsistent("the stored edge does not hash to the stored root");
        }

        var joined = TileEdge.TryCreate(edge, TileEdge.PartialTiles(head.Size).Select(id => new Tile(id, Stored(store, id))).ToList(), out var tiles);
        return joined.Ok ? tiles! : throw Inconsistent($"the tile at level {joined.Tile.Level}, number {joined.Tile.Index} does not belong to the head ({joined.Failure})");
    }

    private static SignedNote CheckNote(HeadRow head, Genesis genesis, TrustFile? trust, out Checkpoint checkpoint)
    {
        checkpoint = Verified(head.Note, genesis, trust, out var note)
            ?? throw Inconsistent("the stored checkpoint is not signed by the chain's log key");
        if (checkpoint.Size != head.NoteSize || checkpoint.Size > head.Size || (checkpoint.Size == head.Size && !checkpoint.Root.Equals(head.Root)))
        {
            throw Inconsistent(FormattableString.Invariant($"the stored checkpoint signs size {checkpoint.Size} and another root than the head of size {head.Size} has"));
        }

        return note!;
    }

    /// <summary>The checkpoint of a note that a log key of the chain signed, the genesis' or one of the trust version that the chain carries; null when none did.</summary>
    internal static Checkpoint? Verified(ReadOnlySpan<byte> noteBytes, Genesis genesis, TrustFile? trust, out SignedNote? note)
        => SignedNote.TryParse(noteBytes, out note).Ok && note is not null
            && note.Verify(genesis.AllLogKeys(trust)).Ok
            && Checkpoint.TryParse(note.Text, out var checkpoint) == CheckpointProblem.None && checkpoint is not null
            && string.Equals(checkpoint.Origin, genesis.Origin, StringComparison.Ordinal)
            ? checkpoint
            : null;

    private static ReadOnlyMemory<byte> Stored(ChainStore store, TileId id)
    {
        var bytes = store.ReadTile(id.Level, id.Index);
        return bytes is null || bytes.Length < id.Length ? throw Inconsistent($"the tile at level {id.Level}, number {id.Index} is missing or too short") : bytes.AsMemory(0, id.Length);
    }

    // FORMATS, "Head, signature, freshness": the entries above the note go onto an edge that must hash to the note's root.
    private static void ExtendNote(ChainReads reads, ChainStore store, TreeHasher hasher, Checkpoint note, HeadRow head)
    {
        var edge = TreeEdge.Empty(hasher);
        if (note.Size > 0)
        {
            var nodes = TreeEdge.Nodes(note.Size);
            var plan = TilePlan.For(nodes, note.Size);
            var bytes = new byte[nodes.Count * Hash32.Size];
            if (!plan.TryCompute(hasher, [.. plan.Tiles.Select(t => Stored(store, t))], out var hashes, out var tooShort))
            {
                throw Inconsistent($"the tile at level {tooShort.Level}, number {tooShort.Index} is too short");
            }

            for (var i = 0; i < hashes.Length; i++)
            {
                hashes[i].CopyTo(bytes.AsSpan(i * Hash32.Size));
            }

            if (!TreeEdge.TryParse(hasher, note.Size, bytes, out edge) || !edge.Root().Equals(note.Root))
            {
                throw Inconsistent("the stored tiles do not hash to the last signed checkpoint");
            }
        }

        foreach (var (first, count, entries) in reads.Segments(note.Size))
        {
            var bundle = (ReadOnlySpan<byte>)entries;
            for (var index = first; index < first + count; index++)
            {
                if (!EntryBundle.TryNext(ref bundle, out var entry))
                {
                    throw Inconsistent($"the segment from index {first} is cut off");
                }

                if (index >= note.Size && index < head.Size)
                {
                    edge.Append(hasher.Leaf(entry));
                }
            }
        }

        if (edge.Size != head.Size || !edge.Root().Equals(head.Root))
        {
            throw Inconsistent("the entries above the last signed checkpoint do not hash to the head's root");
        }
    }

    /// <summary>The state of admission at the head, from the leaves that changed it.</summary>
    /// <exception cref="ChainRefusedException">One of them is missing or malformed.</exception>
    internal static ChainState RebuildState(ChainReads reads, HeadRow head)
    {
        return ChainState.Rebuild(Changes(), head.Size, head.SealedMs);

        // One at a time: a custody leaf carries a proof of several kilobytes, of which the state keeps nothing.
        IEnumerable<(long, LeafFacts)> Changes()
        {
            foreach (var index in reads.StateLeaves())
            {
                var entry = reads.Entry(index);
                if (index >= head.Size || entry is null || !Admission.AdmitForm(entry, out var facts).Ok || !facts.ChangesState)
                {
                    throw Inconsistent(FormattableString.Invariant($"the leaf at index {index}, which changes the state of admission, is missing or malformed"));
                }

                yield return (index, facts);
            }
        }
    }

    private static ChainRefusedException Inconsistent(string what) => new(
        ChainRefusal.Inconsistent, $"The chain is not opened because {what}: run 'notary fsck' on a copy of the data folder, and restore what it names from a backup or a mirror.");
}
