using System.Buffers;
using System.Diagnostics;
using System.Text;
using Notary.Chain.Sqlite;
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

    /// <summary>Closed by its owner.</summary>
    Closed = 6,

    /// <summary>A ledger node holds more of the chain than the database, or another history.</summary>
    Stale = 7,
}

/// <summary>A chain stopped in this append.</summary>
internal sealed class ChainStoppedException(StopReason reason, string sentence, Exception? cause = null) : Exception(sentence, cause)
{
    public StopReason Reason { get; } = reason;
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
    private readonly Genesis _genesis;
    private readonly ISigner _signer;
    private readonly ChainClock _clock;
    private readonly ChainState _state;
    private readonly TileEdge _edge;
    private HeadRow _head;
    private ChainHead _signed = new(0, default, 0, default, null!);
    private Hash32[] _hashes = new Hash32[1024];
    private byte[] _segment = new byte[1 << 20];
    private byte[] _feed = new byte[1 << 16];
    private long _trimmedTo;
    private long _requestsTrimmedMs;

    private ChainAppender(ChainStore store, Genesis genesis, ISigner signer, ChainClock clock, ChainState state, TileEdge edge, HeadRow head)
    {
        _store = store;
        _genesis = genesis;
        _signer = signer;
        _clock = clock;
        _state = state;
        _edge = edge;
        _head = head;
    }

    /// <summary>The newest signed head; behind what is committed while a batch is being finished.</summary>
    public ChainHead Head
    {
        get => Volatile.Read(ref _signed);
        private set => Volatile.Write(ref _signed, value);
    }

    /// <summary>Leaves below this are durable in the digest index: their feed rows go with the next turn.</summary>
    public Func<long> IndexDurableTo { get; init; } = static () => 0;

    /// <summary>The state of admission. Other threads read it for its policies, keys, trust file and custody only: those are replaced whole.</summary>
    public ChainState State => _state;

    /// <summary>Starts a chain without leaves, for <see cref="Folders.ChainCreation"/>.</summary>
    public static ChainAppender Create(ChainStore store, Genesis genesis, ISigner signer, TimeProvider time)
    {
        var hasher = new TreeHasher(genesis.Suite);
        var head = new HeadRow(0, hasher.Empty, [], 0, [], 0);
        store.Begin();
        store.WriteHead(head);
        store.Commit();
        return new ChainAppender(store, genesis, signer, new ChainClock(time), new ChainState(), TileEdge.Empty(hasher), head);
    }

    /// <summary>Opens a chain: checks the head against the last signed note, signs a head that a crash left unsigned, rebuilds the state of admission.</summary>
    /// <exception cref="ChainRefusedException">The stored parts contradict each other.</exception>
    public static ChainAppender Open(ChainStore store, ChainReads reads, Genesis genesis, ISigner signer, TimeProvider time, Func<long> indexDurableTo)
    {
        store.Begin();
        try
        {
            var head = store.ReadHead() ?? throw Inconsistent("its database has no head");
            var hasher = new TreeHasher(genesis.Suite);
            var tiles = OpenEdge(store, hasher, head);
            var signed = CheckNote(head, genesis, out var note);
            if (note.Size < head.Size)
            {
                ExtendNote(reads, store, hasher, note, head);
            }

            var state = RebuildState(reads, head);
            var appender = new ChainAppender(store, genesis, signer, new ChainClock(time), state, tiles, head) { IndexDurableTo = indexDurableTo };
            if (note.Size < head.Size)
            {
                appender.SignHead(head);
                appender._head = head with { Note = appender.Head.Note.ToArray(), NoteSize = head.Size };
                store.WriteHead(appender._head);
            }
            else
            {
                appender.Head = new ChainHead(head.Size, head.Root, head.SealedMs, head.Note, signed);
            }

            store.Commit();
            return appender;
        }
        catch
        {
            store.Rollback();
            throw;
        }
    }

    /// <summary>Appends the requests' leaves in one transaction and commits it. Nothing may be answered before <see cref="Finish"/>.</summary>
    public CommittedBatch Append(IReadOnlyList<AppendRequest> requests)
    {
        var committing = false;
        try
        {
            _store.Begin();
            CheckHead();
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
            committing = true;
            _store.CommitUnsynced();
            return new CommittedBatch(_head, prover);
        }
        catch (SqliteFailureException failure)
        {
            RollbackQuietly();
            throw committing
                ? Unknown(failure)
                : new ChainStoppedException(StopReason.Storage, "The database failed: nothing of the last batch is sealed. Look at the disk, then start again.", failure);
        }
        catch (ChainStoppedException) when (!committing)
        {
            RollbackQuietly();
            throw;
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
            catch (SqliteFailureException failure)
            {
                throw Unknown(failure);
            }
        }

        if (batch.Prover is not null)
        {
            using (ChainTelemetry.Source.StartActivity("sign"))
            {
                SignHead(batch.Head);
            }
        }

        return new SealedBatch(Head, batch.Prover);
    }

    /// <summary>Stores the newest note, so that the next start has nothing to sign; at a clean close.</summary>
    public void StoreNote()
    {
        if (Head.Size != _head.Size || Head.Size == _head.NoteSize)
        {
            return;
        }

        _store.Begin();
        CheckHead();
        _head = _head with { Note = Head.Note.ToArray(), NoteSize = Head.Size };
        _store.WriteHead(_head);
        _store.Commit();
        _store.Checkpoint();
    }

    /// <inheritdoc/>
    public void Dispose() => _store.Dispose();

    // The head row is the lock: it must still be what this process wrote last, or somebody else wrote.
    private void CheckHead()
    {
        var stored = _store.ReadHead();
        if (stored is null || stored.Size != _head.Size || !stored.Root.Equals(_head.Root) || stored.NoteSize != _head.NoteSize)
        {
            throw new ChainStoppedException(
                StopReason.HeadChanged,
                FormattableString.Invariant($"The stored head (size {stored?.Size ?? -1}) is not the one that this process wrote (size {_head.Size}): another process wrote, or the database was replaced."));
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

    private void SignHead(HeadRow head)
    {
        SignedNote note;
        try
        {
            var text = new Checkpoint(_genesis.Origin, head.Size, head.Root).Format();
            note = SignedNote.Create(text, [NoteSigner.SignLine(_signer, _genesis.LogKey, text)]);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            throw new ChainStoppedException(StopReason.Signing, "The last batch is committed but could not be signed: it is signed at the next start.", failure);
        }

        Head = new ChainHead(head.Size, head.Root, head.SealedMs, Encoding.UTF8.GetBytes(note.Format()), note);
    }

    private static ChainStoppedException Unknown(SqliteFailureException failure) => new(
        StopReason.OutcomeUnknown, "The database failed while it committed: whether the last batch is sealed shows at the next start.", failure);

    private void RollbackQuietly()
    {
        try
        {
            _store.Rollback();
        }
        catch (SqliteFailureException)
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

    private static SignedNote CheckNote(HeadRow head, Genesis genesis, out Checkpoint checkpoint)
    {
        checkpoint = Verified(head.Note, genesis, out var note)
            ?? throw Inconsistent("the stored checkpoint is not signed by the chain's log key");
        if (checkpoint.Size != head.NoteSize || checkpoint.Size > head.Size || (checkpoint.Size == head.Size && !checkpoint.Root.Equals(head.Root)))
        {
            throw Inconsistent(FormattableString.Invariant($"the stored checkpoint signs size {checkpoint.Size} and another root than the head of size {head.Size} has"));
        }

        return note!;
    }

    /// <summary>The checkpoint of a note that the chain's log key signed; null when it did not.</summary>
    internal static Checkpoint? Verified(ReadOnlySpan<byte> noteBytes, Genesis genesis, out SignedNote? note)
        => SignedNote.TryParse(noteBytes, out note).Ok && note is not null
            && note.Verify([genesis.LogKey]).Ok
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
