using System.Diagnostics.CodeAnalysis;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Nodes;

/// <summary>Where a node stands.</summary>
/// <param name="Pending">Size of the newest checkpoint that was taken; entries may still be missing.</param>
/// <param name="NextEntry">The first entry that is not stored.</param>
/// <param name="Cosigned">Size of the last checkpoint that it cosigned, 0 before the first.</param>
/// <param name="CosignedAt">When, Unix seconds; 0 before the first.</param>
public sealed record NodeStanding(long Pending, long NextEntry, long Cosigned, long CosignedAt)
{
    /// <summary>The largest size that the node knows the chain to have had.</summary>
    public long Held => Math.Max(Pending, NextEntry);
}

/// <summary>
/// One organisation's mirror of one chain (C2SP tlog-mirror): takes checkpoints that extend what it holds, stores entries that lie under them, runs admission on each again,
/// and cosigns with its own key what it has durably stored. It trusts nothing but the chain's genesis, and the versions of the trust file that follow from it.
/// </summary>
/// <remarks>
/// <para>Takes one turn at a time: its methods exclude each other. It never cosigns two trees of one size, nor one that does not extend what it cosigned before, whatever is sent
/// to it. Cosignatures and evidence of forks are on the disk before they are answered; pending checkpoints and entries that a power cut takes away are sent again.</para>
/// <para>Which keys the log signs by, the newest trust version says that it knows: the newest trust leaf among its entries, or one that its organisation gave it
/// (<see cref="KnowTrust"/>), for it may have been away, or not there yet, when the log's key was replaced.</para>
/// <para>A leaf that admission refuses is kept as evidence, answered by a signed statement (<see cref="Statements"/>), cosigned, and changes no state; an <c>anchor</c> or <c>trust</c> leaf that it refuses ends the cosigning, and no
/// entry behind it is stored.</para>
/// <para>Failure: after a disk error or a foreign change of its database every member throws <see cref="ChainRefusedException"/>, since what is in memory may be ahead of what is
/// stored: dispose it and open it again. A signer that fails answers <see cref="NodeStatus.Unavailable"/> and changes nothing.</para>
/// </remarks>
public sealed class LedgerNode : IDisposable
{
    /// <summary>Most statements that are handed out at once.</summary>
    public const int StatementsAtOnce = 32;

    /// <summary>Entries that an upload may repeat.</summary>
    public const int MaximumExcess = 65_536;

    /// <summary>Longest note that is taken, in bytes: with all cosignatures it must fit an anchor leaf, and what is stored must parse again.</summary>
    public const int MaximumNote = 4096;

    private const int MaximumForks = 256;
    private const int MaximumRefused = 10_000;

    private readonly Lock _turn = new();
    private readonly FileStream _held;
    private readonly NodeStore _store;
    private readonly ChainReads _reads;
    private readonly Genesis _genesis;
    private readonly ISigner _signer;
    private readonly TimeProvider _time;
    private readonly TreeHasher _hasher;
    private readonly TileEdge _edge;
    private readonly ChainState _state;
    private readonly NodeVoice _voice;
    private readonly List<LoggedCheckpoint> _pending;
    private HeadRow _head;
    private SignedNote? _cosigned;
    private Checkpoint? _mirrored;
    private long _cosignedAt;
    private long _refusedFrom;
    private long _forks;
    private long _refused;
    private bool _unheldFull;
    private Exception? _failure;
    private bool _disposed;
    private TrustFile? _given;
    private volatile LogKeySet _logKeys;

    private LedgerNode(
        FileStream held, NodeStore store, ChainReads reads, Genesis genesis, ISigner signer, NoteKey key, TimeProvider time, TileEdge edge, ChainState state, HeadRow head, SignedNote? cosigned)
    {
        _held = held;
        _store = store;
        _reads = reads;
        _genesis = genesis;
        _signer = signer;
        Key = key;
        _time = time;
        _hasher = new TreeHasher(genesis.Suite);
        _edge = edge;
        _state = state;
        _head = head;
        _cosigned = cosigned;
        _mirrored = cosigned is null ? null : CheckpointOf(cosigned);
        _cosignedAt = cosigned?.Verify([key]).Verified[0].Time ?? 0;
        _pending = store.Pending();
        _logKeys = KeysUnder(state.Trust);
        _forks = store.CountEvidence(AlarmKind.ForkedNote) + store.CountEvidence(AlarmKind.ForkedPrefix);
        _refused = store.CountEvidence(AlarmKind.LeafRefused);
        _voice = new NodeVoice(genesis.Origin, key, signer, time);
        RememberStatements();
        _refusedFrom = store.FirstEvidence(AlarmKind.TreeRefused) is >= 0 and var first ? first : long.MaxValue;
    }

    /// <summary>The node's verifier key, of a cosignature type.</summary>
    public NoteKey Key { get; }

    /// <summary>The log's origin.</summary>
    public string Origin => _genesis.Origin;

    /// <summary>Where the node stands.</summary>
    public NodeStanding Standing => InTurn(() => new NodeStanding(Newest?.Size ?? 0, _head.Size, _head.NoteSize, _cosignedAt));

    /// <summary>The newest checkpoint that this node cosigned, with the log's signature and its own: the mirror checkpoint. Null before the first.</summary>
    public SignedNote? Cosigned => InTurn(() => _cosigned);

    /// <summary>
    /// Tells the node of a version of the trust file, as its organisation knows it: never from the log. An older one than the node's entries hold changes nothing.
    /// </summary>
    public void KnowTrust(TrustFile trust)
    {
        ArgumentNullException.ThrowIfNull(trust);
        lock (_turn)
        {
            if (trust.Content.Version > (_given?.Content.Version ?? 0))
            {
                _given = trust;
                TakeLogKeys();
            }
        }
    }

    private void TakeLogKeys() => _logKeys = KeysUnder((_given?.Content.Version ?? 0) > (_state.Trust?.Content.Version ?? 0) ? _given : _state.Trust);

    private LogKeySet KeysUnder(TrustFile? trust) => new(_genesis.LogKeysUnder(trust), _genesis.AllLogKeys(trust));

    private LoggedCheckpoint? Newest => _pending.Count == 0 ? null : _pending[^1];

    /// <summary>Opens a node that was made with <see cref="NodeFolder.Create"/>; the first time this binds it to the chain.</summary>
    /// <param name="folder">The node's folder.</param>
    /// <param name="genesis">The chain, as the node's organisation knows it: never from the log.</param>
    /// <param name="password">Opens its key file.</param>
    /// <param name="time">The clock of cosignatures.</param>
    /// <exception cref="ChainRefusedException">No node, another chain's, held by another process, a folder that was copied, a copy that contradicts itself, or a disk that fails.</exception>
    public static LedgerNode Open(NodeFolder folder, Genesis genesis, string password, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(folder);
        folder.ReadVerifierKey();
        try
        {
            return Open(folder, genesis, KeyFile.Load(folder.KeyPath, password), time);
        }
        catch (KeyFileException failure)
        {
            throw new ChainRefusedException(ChainRefusal.Key, failure.Message, failure);
        }
    }

    /// <summary>The same with a signer that lies elsewhere; it is disposed with the node.</summary>
    public static LedgerNode Open(NodeFolder folder, Genesis genesis, ISigner signer, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(genesis);
        ArgumentNullException.ThrowIfNull(signer);
        var opened = new Stack<IDisposable>([signer]);
        try
        {
            var key = folder.ReadVerifierKey();
            if (key.Suite.Id != genesis.Suite.Id || !signer.PublicKey.Span.SequenceEqual(key.PublicKey))
            {
                throw new ChainRefusedException(ChainRefusal.Key, $"The key of the node in '{folder.Root}' is not the one of '{folder.VerifierKeyPath}', or of another suite than {genesis.Origin}: put the right key back.");
            }

            var held = Own(folder.Hold());
            if (!File.Exists(folder.DatabasePath))
            {
                throw new ChainRefusedException(
                    ChainRefusal.Inconsistent, $"The node in '{folder.Root}' has lost its copy: it must not sign on with this key. Make a new node with a new key, and join with it.");
            }

            folder.CheckPlace();
            var store = Own(NodeStore.Open(folder.DatabasePath));
            var reads = Own(new ChainReads(() => Sqlite.SqliteDatabase.OpenReader(folder.DatabasePath)));
            if (!store.BindGenesis(genesis.Fingerprint).Equals(genesis.Fingerprint))
            {
                throw new ChainRefusedException(ChainRefusal.Inconsistent, $"The node in '{folder.Root}' mirrors another chain than {genesis.Origin} of this genesis: a node keeps its chain for ever.");
            }

            var head = store.Chain.ReadHead() ?? throw Inconsistent("its database has no head");
            var edge = ChainAppender.OpenEdge(store.Chain, new TreeHasher(genesis.Suite), head);
            var state = ChainAppender.RebuildState(reads, head);
            var cosigned = head.Note.Length == 0 ? null : ReadCosigned(head, genesis, state.Trust, key);
            var node = new LedgerNode(held, store, reads, genesis, signer, key, time, edge, state, head, cosigned);
            node.CheckCopy();
            return node;
        }
        catch (Exception failure)
        {
            while (opened.TryPop(out var part))
            {
                part.Dispose();
            }

            if (failure is Store.DatabaseFailureException)
            {
                throw new ChainRefusedException(ChainRefusal.Storage, $"The copy in '{folder.Root}' cannot be opened: {failure.Message}", failure);
            }

            throw;
        }

        T Own<T>(T part)
            where T : IDisposable
        {
            opened.Push(part);
            return part;
        }
    }

    /// <summary>A stored entry, whether admission took it or not; null when it is not there.</summary>
    public byte[]? Entry(long index)
    {
        ThrowIfFailed();
        return _reads.Entry(index);
    }

    /// <summary>Stored entries [first, first + count); fewer when they are not all there.</summary>
    public IReadOnlyList<byte[]> Entries(long first, int count)
    {
        ThrowIfFailed();
        return _reads.Entries(first, count);
    }

    /// <summary>A tile of the mirror checkpoint's tree in exactly that width; null when it has no such tile.</summary>
    public byte[]? Tile(int level, long number, int width) => _reads.Tile(level, number, width, Standing.Cosigned);

    /// <summary>The newest checkpoint of the log that was taken, with its lines as they were kept; entries under it may still be missing. Null before the first.</summary>
    internal SignedNote? Taken => InTurn(() => Newest is { } newest && SignedNote.TryParse(newest.Note, out var note).Ok ? note : null);

    /// <summary>A tile of the stored entries' tree in exactly that width, cosigned or not; null when it has no such tile.</summary>
    internal byte[]? StoredTile(int level, long number, int width) => _reads.Tile(level, number, width, Standing.NextEntry);

    /// <summary>How much was found wrong: counted, not read.</summary>
    public long AlarmCount => Interlocked.Read(ref _forks) + Interlocked.Read(ref _refused) + (Interlocked.Read(ref _refusedFrom) == long.MaxValue ? 0 : 1);

    /// <summary>What the node says in its own name, in the order in which it said it: at most <paramref name="limit"/> from the one of that place on. They are durable, and anyone may have them.</summary>
    public IReadOnlyList<NodeStatement> Statements(long first = 0, int limit = StatementsAtOnce) =>
        InTurn<IReadOnlyList<NodeStatement>>(() => [.. _voice.All.Skip((int)Math.Clamp(first, 0, int.MaxValue)).Take(limit)]);

    /// <summary>What was found wrong, oldest first, after the one of that id.</summary>
    public IReadOnlyList<NodeAlarm> Alarms(long after = 0, int limit = 1000) => InTurn(() => _store.Evidence(after, limit));

    /// <summary>Takes a checkpoint as the one that uploads go up to (C2SP tlog-mirror, <c>add-checkpoint</c>). Cosigns nothing.</summary>
    public NodeAnswer TakeCheckpoint(ReadOnlySpan<byte> body) =>
        AddCheckpoint.TryParse(body, out var request) == AddCheckpointProblem.None ? TakeCheckpoint(request!) : new NodeAnswer(NodeStatus.BadRequest);

    /// <summary>The same of a request that was parsed already, to learn for which log it is.</summary>
    public NodeAnswer TakeCheckpoint(AddCheckpoint request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!string.Equals(request.Checkpoint.Origin, Origin, StringComparison.Ordinal))
        {
            return NodeAnswer.UnknownLog;
        }

        // While a log key is being replaced there are two lines. Both are kept: a restart knows the new key only if the trust leaf that names it is among the entries by then.
        var (inForce, all) = _logKeys;
        var signed = request.Note.Verify(all);
        if (!signed.Ok || !signed.Verified.Any(line => inForce.Contains(line.Key)))
        {
            return new NodeAnswer(NodeStatus.Forbidden);
        }

        var note = SignedNote.Create(request.Note.Text, [.. signed.Verified.Select(static line => line.Signature)]).ToBytes();
        return note.Length > MaximumNote
            ? new NodeAnswer(NodeStatus.BadRequest)
            : InTurn(() => Take(request, new LoggedCheckpoint(request.Checkpoint.Size, request.Checkpoint.Root, note)));
    }

    /// <summary>Begins an upload (C2SP tlog-mirror, <c>add-entries</c>): the answer when it cannot be, or null: then its packages go to <see cref="TakePackage"/>.</summary>
    public NodeAnswer? BeginUpload(UploadRange range)
    {
        ArgumentNullException.ThrowIfNull(range);
        return !string.Equals(range.Origin, Origin, StringComparison.Ordinal)
            ? NodeAnswer.UnknownLog
            : InTurn(() =>
            {
                if (Newest is not { } newest)
                {
                    return new NodeAnswer(NodeStatus.Unprocessable);
                }

                var known = TryRoot(range.End, out _);
                return !known || range.Start > _head.Size || Math.Min(range.End, _head.Size) - range.Start > MaximumExcess
                    ? Stands(NodeStatus.Conflict, known ? range.End : newest.Size)
                    : null;
            });
    }

    /// <summary>Takes one package: proves its entries under the checkpoint of the upload's end, and stores those that are new.</summary>
    /// <returns>Null when it was taken; the answer that ends the upload otherwise.</returns>
    public NodeAnswer? TakePackage(UploadRange range, long number, EntryPackage package)
    {
        ArgumentNullException.ThrowIfNull(range);
        ArgumentNullException.ThrowIfNull(package);
        var leaves = package.Leaves(_hasher);
        return InTurn(() =>
        {
            var first = range.FirstOf(number);
            if (!TryRoot(range.End, out var root) || first > _head.Size)
            {
                return Stands(NodeStatus.Conflict, Newest?.Size ?? 0);
            }

            var (start, _) = range.Subtree(number);
            if (_refusedFrom < _head.Size || !package.Check(_hasher, range, number, HeldBefore(start, first), leaves, root).Ok)
            {
                return new NodeAnswer(NodeStatus.Unprocessable);
            }

            Store(first, package, leaves);
            Speak(0);
            return null;
        });
    }

    /// <summary>Ends an upload: cosigns when everything up to its end is stored, or says where it goes on.</summary>
    /// <param name="range">The upload.</param>
    /// <param name="taken">Packages of it that were taken.</param>
    public NodeAnswer EndUpload(UploadRange range, long taken)
    {
        ArgumentNullException.ThrowIfNull(range);
        return InTurn(() =>
        {
            if (taken == 0 && range.PackageCount > 0)
            {
                return new NodeAnswer(NodeStatus.BadRequest);
            }

            if (!TryRoot(range.End, out var root))
            {
                return Stands(NodeStatus.Conflict, Newest?.Size ?? 0);
            }

            if (taken < range.PackageCount || _head.Size < range.End)
            {
                return Stands(NodeStatus.Accepted, range.End);
            }

            // What is cosigned has been answered where it is wrong: who gets the cosignature can read the alarm.
            var spoke = Speak(_refusedFrom < range.End ? 0 : range.End);
            return _refusedFrom < range.End ? new NodeAnswer(NodeStatus.Unprocessable)
                : spoke ? Cosign(range.End, root)
                : new NodeAnswer(NodeStatus.Unavailable);
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_turn)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _failure ??= new ObjectDisposedException(nameof(LedgerNode));
            _reads.Dispose();
            _store.Dispose();
            _signer.Dispose();
            _held.Dispose();
        }
    }

    private static ChainRefusedException Inconsistent(string what) => new(
        ChainRefusal.Inconsistent, $"The node's copy is not used because {what}: make a new node with a new key, and join with it.");

    private static Checkpoint CheckpointOf(SignedNote note) =>
        Checkpoint.TryParse(note.Text, out var checkpoint) == CheckpointProblem.None ? checkpoint! : throw Inconsistent("a stored checkpoint does not parse");

    // The log's line was verified when the note was taken, by a key that may have been replaced since: of any key that the log ever had is enough here.
    private static SignedNote ReadCosigned(HeadRow head, Genesis genesis, TrustFile? trust, NoteKey key)
    {
        var ok = SignedNote.TryParse(head.Note, out var note).Ok && note!.Verify([.. genesis.AllLogKeys(trust), key]) is { Ok: true, Verified.Count: >= 2 }
            && Checkpoint.TryParse(note.Text, out var checkpoint) == CheckpointProblem.None
            && checkpoint!.Origin == genesis.Origin && checkpoint.Size == head.NoteSize && head.NoteSize <= head.Size;
        return ok ? note! : throw Inconsistent("its last cosigned checkpoint is not signed by the log and this node's key");
    }

    private void CheckCopy()
    {
        if (_mirrored is not null && !RootAt(_mirrored.Size).Equals(_mirrored.Root))
        {
            throw Inconsistent("its entries do not hash to the checkpoint that it cosigned last");
        }

        if ((Newest?.Size ?? 0) < _head.Size)
        {
            throw Inconsistent("it holds entries above every checkpoint that it has taken");
        }
    }

    private T InTurn<T>(Func<T> turn)
    {
        lock (_turn)
        {
            ThrowIfFailed();
            return turn();
        }
    }

    private void ThrowIfFailed()
    {
        ObjectDisposedException.ThrowIf(_failure is ObjectDisposedException, this);
        if (_failure is { } failure)
        {
            throw new ChainRefusedException(ChainRefusal.Storage, $"The node of {Origin} stopped because its store failed ({failure.Message}): look at the disk, then open it again.", failure);
        }
    }

    // One transaction on the head that this object knows; whatever goes wrong in it ends the object.
    private void Write(bool durable, Action change)
    {
        try
        {
            _store.Chain.Begin();
            var stored = _store.Chain.ReadHead();
            if (stored is null || stored.Size != _head.Size || !stored.Root.Equals(_head.Root) || stored.NoteSize != _head.NoteSize)
            {
                throw Inconsistent("somebody else changed its database");
            }

            change();
            if (durable)
            {
                _store.Chain.Commit();
            }
            else
            {
                _store.Chain.CommitUnsynced();
            }
        }
        catch (Exception failure)
        {
            _failure = failure;
            RollbackQuietly();
            ThrowIfFailed();
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "The first failure is kept and thrown; closing the connection rolls back.")]
    private void RollbackQuietly()
    {
        try
        {
            _store.Chain.Rollback();
        }
        catch (Exception)
        {
            // The object has ended with the failure before this one.
        }
    }

    private NodeAnswer Stands(NodeStatus status, long size) => NodeAnswer.Stands(status, size, _head.Size);

    // Roots of the checkpoints under which an upload may end: the last ones taken, and the mirror checkpoint; nothing below that.
    private bool TryRoot(long size, out Hash32 root)
    {
        root = default;
        if (size < _head.NoteSize)
        {
            return false;
        }

        if (_pending.Find(p => p.Size == size) is { } pending)
        {
            root = pending.Root;
            return true;
        }

        root = _mirrored?.Root ?? default;
        return _mirrored?.Size == size;
    }

    private NodeAnswer Take(AddCheckpoint request, LoggedCheckpoint offered)
    {
        // Before anything is answered: a note that contradicts what is held is evidence, however it was sent.
        var fork = ForkOf(offered);
        if (fork is not null)
        {
            KeepFork(fork);
        }

        var held = Newest;
        var heldSize = held?.Size ?? 0;
        NodeStatus? refused = request.OldSize > offered.Size ? NodeStatus.BadRequest
            : request.OldSize != heldSize ? NodeStatus.Conflict
            : fork is not null || !Extends(request, held?.Root ?? _hasher.Empty) ? NodeStatus.Unprocessable
            : null;
        if (refused is { } status)
        {
            KeepUnheld(offered);
            return status == NodeStatus.Conflict ? NodeAnswer.Size(heldSize) : new NodeAnswer(status);
        }

        if (heldSize != offered.Size)
        {
            Write(durable: false, () => _store.WritePending(offered));
            _pending.Add(offered);
            _pending.RemoveRange(0, Math.Max(0, _pending.Count - NodeStore.PendingKept));
        }

        return new NodeAnswer(NodeStatus.Success);
    }

    private bool Extends(AddCheckpoint request, in Hash32 oldRoot) =>
        ConsistencyProof.Check(_hasher, request.OldSize, request.Checkpoint.Size, oldRoot, request.Checkpoint.Root, [.. request.Proof]).Ok
        && (request.Checkpoint.Size > 0 || request.Checkpoint.Root.Equals(_hasher.Empty));

    private NodeAlarm? ForkOf(LoggedCheckpoint offered)
    {
        if (_pending.Find(p => p.Size == offered.Size) is { } taken)
        {
            return taken.Root.Equals(offered.Root) ? null : Alarm(AlarmKind.ForkedNote, offered.Size, "forked-note", offered.Root, taken.Note, offered.Note);
        }

        if (offered.Size > _head.Size)
        {
            return null;
        }

        var root = RootAt(offered.Size);
        return root.Equals(offered.Root) ? null
            : offered.Size == _head.NoteSize && _cosigned is not null ? Alarm(AlarmKind.ForkedNote, offered.Size, "forked-note", offered.Root, _cosigned.ToBytes(), offered.Note)
            : Alarm(AlarmKind.ForkedPrefix, offered.Size, "forked-prefix", offered.Root, root.ToArray(), offered.Note);
    }

    private NodeAlarm Alarm(AlarmKind kind, long place, string reason, in Hash32 about, byte[] ours, byte[] theirs) =>
        new(kind, place, _time.GetUtcNow().ToUnixTimeMilliseconds(), reason, about, ours, theirs);

    // An operator who forks without end fills no disk: the first ones prove as much as all.
    private void KeepFork(NodeAlarm fork)
    {
        if (_forks < MaximumForks)
        {
            Write(durable: true, () => _forks += _store.WriteEvidence(fork) ? 1 : 0);
        }
    }

    private void KeepUnheld(LoggedCheckpoint offered)
    {
        if (offered.Size > _head.Size && !_unheldFull && !_pending.Exists(p => p.Size == offered.Size))
        {
            Write(durable: true, () => _unheldFull = _store.WriteUnheld(offered) >= NodeStore.UnheldKept);
        }
    }

    // The root of the stored entries at a size not above what is stored.
    private Hash32 RootAt(long size)
    {
        if (size == _head.Size)
        {
            return _head.Root;
        }

        return TilePlan.TryRoot(_hasher, size, tile => _store.Chain.ReadTile(tile.Level, tile.Index), out var root, out var tooShort)
            ? root
            : throw Inconsistent($"the tile at level {tooShort.Level}, number {tooShort.Index} is too short");
    }

    // Leaf hashes [start, first) of one tile.
    private Hash32[] HeldBefore(long start, long first)
    {
        if (first == start)
        {
            return [];
        }

        var tile = _store.Chain.ReadTile(0, start / UploadRange.PackageEntries) ?? [];
        var hashes = new Hash32[first - start];
        for (var i = 0; i < hashes.Length; i++)
        {
            hashes[i] = Hash32.FromSpan(tile.AsSpan(i * Hash32.Size, Hash32.Size));
        }

        return hashes;
    }

    private void Store(long first, EntryPackage package, Hash32[] leaves)
    {
        var known = (int)Math.Min(_head.Size - first, leaves.Length);
        if (known == leaves.Length)
        {
            return;
        }

        Write(durable: false, () =>
        {
            var rest = package.Entries.Span;
            for (var i = 0; i < known; i++)
            {
                EntryBundle.TryNext(ref rest, out _);
            }

            var fresh = leaves.AsSpan(known);
            _store.Chain.WriteSegment(_head.Size, fresh.Length, rest);
            for (var index = _head.Size; EntryBundle.TryNext(ref rest, out var entry); index++)
            {
                Admit(entry, index);
            }

            foreach (var tile in _edge.Append(fresh))
            {
                _store.Chain.WriteTile(tile.Id.Level, tile.Id.Index, tile.Bytes.Span);
            }

            _head = _head with { Size = _edge.Edge.Size, Root = _edge.Edge.Root(), Edge = _edge.Edge.ToBytes(), SealedMs = _state.LastSealed };
            _store.Chain.WriteHead(_head);
            foreach (var unheld in _store.TakeUnheld(_head.Size))
            {
                _unheldFull = false;
                if (ForkOf(unheld) is { } fork && _forks < MaximumForks && _store.WriteEvidence(fork))
                {
                    _forks++;
                }
            }
        });
    }

    private void Admit(ReadOnlySpan<byte> entry, long index)
    {
        var result = Admission.Admit(_genesis, _state, entry, index, out var facts);
        if (result.Ok)
        {
            _state.Apply(facts, index);
            if (facts.Kind == RecordKind.Trust)
            {
                TakeLogKeys();
            }

            if (facts.ChangesState)
            {
                _store.Chain.WriteStateLeaf(index, facts);
            }

            return;
        }

        _state.Skip(index);
        _voice.Owe(index, _hasher.Leaf(entry), facts.Kind, result.Failure);
        var ends = RecordKinds.EndsCosigning(facts.Kind);
        if (ends && index < _refusedFrom)
        {
            _refusedFrom = index;
            _store.WriteEvidence(Alarm(AlarmKind.TreeRefused, index, result.Code, _hasher.Leaf(entry), [], []));
        }
        else if (!ends && _refused < MaximumRefused && _store.WriteEvidence(Alarm(AlarmKind.LeafRefused, index, result.Code, _hasher.Leaf(entry), [], [])))
        {
            _refused++;
        }
    }

    // Signs what the node owes, and stores it before anyone sees it. False when the signer failed.
    private bool Speak(long size)
    {
        if (!_voice.Sign(_state, size, out var statements))
        {
            return false;
        }

        if (statements.Count > 0)
        {
            Write(durable: true, () =>
            {
                foreach (var statement in statements)
                {
                    _store.WriteStatement(statement);
                }
            });
            _voice.Made(statements);
        }

        return true;
    }

    // Those that were made, and those that are still owed: of leaves that were refused before a power cut, a signer that failed, or a program that did not answer yet.
    private void RememberStatements()
    {
        List<NodeStatement> made = [.. _store.Statements().Select(static bytes => NodeStatement.TryParse(bytes, out var statement).Ok ? statement! : throw Inconsistent("a stored statement is none of this node's"))];
        _voice.Made(made);
        var answered = made.OfType<AlarmRecord>().Select(static alarm => alarm.Index).ToHashSet();
        if (_forks + _refused + _store.CountEvidence(AlarmKind.TreeRefused) == 0)
        {
            return;
        }

        foreach (var alarm in _store.Evidence(0, int.MaxValue).Where(alarm => alarm.Kind is AlarmKind.LeafRefused or AlarmKind.TreeRefused && !answered.Contains(alarm.Place)))
        {
            if (AdmissionResult.OfCode(alarm.Reason) is not AdmissionFailure.None and var failure && _reads.Entry(alarm.Place) is { } entry)
            {
                Admission.AdmitForm(entry, out var facts);
                _voice.Owe(alarm.Place, alarm.About, facts.Kind, failure);
            }
        }
    }

    // The one sync makes the entries and the note durable; before it nothing is answered, so nothing that was signed can be lost.
    private NodeAnswer Cosign(long size, in Hash32 root)
    {
        if (size == _head.NoteSize && _cosigned is { } before)
        {
            return new NodeAnswer(NodeStatus.Success, before.Signatures[^1].Format());
        }

        var under = _pending.Find(p => p.Size == size)!;
        if (!RootAt(size).Equals(root) || !SignedNote.TryParse(under.Note, out var note).Ok)
        {
            _failure = Inconsistent(FormattableString.Invariant($"its entries do not hash to the checkpoint of size {size} under which each of them was proved"));
            throw _failure;
        }

        // A clock that was put back never makes a later cosignature the earlier one.
        var at = Math.Max(_cosignedAt, _time.GetUtcNow().ToUnixTimeSeconds());
        if (!TrySign(note!.Text, at, out var line))
        {
            return new NodeAnswer(NodeStatus.Unavailable);
        }

        var cosigned = note.With(line);
        Write(durable: true, () =>
        {
            _head = _head with { Note = cosigned.ToBytes(), NoteSize = size };
            _store.Chain.WriteHead(_head);
        });
        (_cosigned, _mirrored, _cosignedAt) = (cosigned, CheckpointOf(cosigned), at);
        return new NodeAnswer(NodeStatus.Success, line.Format());
    }

    [SuppressMessage("Design", "CA1031", Justification = "A signer may be a process of its own and fail in its own ways; the answer says that the node cannot sign now.")]
    private bool TrySign(string text, long at, [NotNullWhen(true)] out NoteSignature? line)
    {
        try
        {
            line = NoteSigner.Cosign(_signer, Key, text, at);
            return true;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            ChainTelemetry.SignerFailures.Add(1);
            line = null;
            return false;
        }
    }

    /// <summary>The log's keys as far as the node knows: by which a new checkpoint must be signed, and which there ever were.</summary>
    private sealed record LogKeySet(IReadOnlyList<NoteKey> InForce, IReadOnlyList<NoteKey> All);
}
