using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Notary.Chain.Folders;
using Notary.Chain.Index;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Recovery;

/// <summary>
/// The tables of a chain that is being refilled. Each package is proved under the newest checkpoint as a ledger node proves an upload, each leaf is admitted again as by a server that takes
/// over another's batch, and both are stored in one transaction with the head: what an interruption leaves is a shorter prefix of the same history. The checkpoint is stored with the last
/// batch; nothing is signed here.
/// </summary>
internal sealed class ChainRefill : IDisposable
{
    private const int PackagesOfATransaction = 16;
    private const int BytesOfATransaction = 8 << 20;

    private readonly ChainFolder _folder;
    private readonly ChainDatabase _database;
    private readonly Genesis _genesis;
    private readonly TrustFile _trust;
    private readonly TreeHasher _hasher;
    private readonly List<string> _warnings = [];
    private readonly List<string> _from = [];
    private ChainState _state;
    private TileEdge _edge;
    private HeadRow _head;
    private ChainStore? _tables;

    /// <summary>Opens the tables where there are some, and checks what they hold as a start does.</summary>
    /// <exception cref="ChainRefusedException">They contradict themselves.</exception>
    public ChainRefill(ChainFolder folder, ChainDatabase database, Genesis genesis, TrustFile trust)
    {
        _folder = folder;
        _database = database;
        _genesis = genesis;
        _trust = trust;
        _hasher = new TreeHasher(genesis.Suite);
        _head = new HeadRow(0, _hasher.Empty, [], 0, [], 0);
        _edge = TileEdge.Empty(_hasher);
        _state = new ChainState();
        _tables = Open(database);
        if (_tables is not null)
        {
            try
            {
                Load(_tables);
            }
            catch
            {
                Dispose();
                throw;
            }
        }
    }

    /// <summary>The head that the tables hold.</summary>
    public HeadRow Head => _head;

    /// <summary>The checkpoint that lies with it, or null.</summary>
    public LoggedNote? Stored { get; private set; }

    /// <summary>Whether there is anything of the chain yet.</summary>
    public bool HasTables => _tables is not null;

    /// <summary>Names of the nodes whose entries were taken.</summary>
    public IReadOnlyList<string> From => _from;

    /// <summary>What was wrong with other nodes.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>The keys by which the log ever signed, as far as the trust file and the chain itself know.</summary>
    public IReadOnlyList<NoteKey> LogKeys => [.. _genesis.AllLogKeys(_trust).Concat(_genesis.AllLogKeys(_state.Trust)).Distinct()];

    /// <inheritdoc/>
    public void Dispose() => _tables?.Dispose();

    // Made with the first batch, where the database is lost: a refusal before that leaves nothing.
    private ChainStore Tables => _tables ??= Create();

    private void Load(ChainStore tables)
    {
        tables.Begin();
        if (tables.ReadHead() is { } head)
        {
            _head = head;
        }
        else
        {
            // What a refilling left that was interrupted before its first batch.
            tables.WriteHead(_head);
        }

        _edge = ChainAppender.OpenEdge(tables, _hasher, _head);
        using (var reads = new ChainReads(_database.OpenReader))
        {
            _state = ChainAppender.RebuildState(reads, _head);
        }

        tables.Commit();
        if (_head.Note.Length > 0)
        {
            var note = ChainAppender.Verified(_head.Note, _genesis, _state.Trust, out var signed) ?? ChainAppender.Verified(_head.Note, _genesis, _trust, out signed);
            Stored = note is not null && note.Size <= _head.Size ? new LoggedNote("the checkpoint in the database", signed!, note) : throw new ChainRefusedException(
                ChainRefusal.Inconsistent, "The stored checkpoint is not signed by the chain's log key, or is above the head: run 'notary fsck', and put an older copy of the database in the place of this one.");
        }
    }

    /// <summary>The consistency proof from a size to another one that the tables hold.</summary>
    public Hash32[] Consistency(long from, long to)
    {
        var proof = ConsistencyProof.Plan(from, to);
        var plan = TilePlan.For(proof, to);
        var tiles = plan.Tiles.Select(tile => (ReadOnlyMemory<byte>)(Tables.ReadTile(tile.Level, tile.Index) is { } bytes && bytes.Length >= tile.Length ? bytes.AsMemory(0, tile.Length) : default)).ToList();
        return plan.TryCompute(_hasher, tiles, out var hashes, out var tooShort)
            ? ConsistencyProof.Compute(_hasher, proof, hashes)
            : throw new ChainRefusedException(ChainRefusal.Inconsistent, FormattableString.Invariant($"The tile at level {tooShort.Level}, number {tooShort.Index} is missing or too short: run 'notary fsck'."));
    }

    /// <summary>Fills the tables up to the largest checkpoint that the mirrors show.</summary>
    /// <param name="survey">What the mirrors hold.</param>
    /// <param name="fewer">Whether those that answer decide, though they are too few: <see cref="RecoveryOptions.FewerMirrors"/>.</param>
    /// <param name="progress">Leaves that the tables hold.</param>
    /// <param name="cancellation">Ends it between two transactions.</param>
    /// <exception cref="ChainRefusedException">Too few mirrors, two histories, or no mirror with all entries: one sentence says which.</exception>
    public async Task FillAsync(MirrorSurvey survey, bool fewer, IProgress<long>? progress, CancellationToken cancellation)
    {
        // Before anything else: contradictions are told whoever is missing.
        if (survey.Fork() is { } fork)
        {
            throw Forked($"the log has signed two trees of one size, {fork.One} and {fork.Other}");
        }

        _warnings.AddRange(survey.Doubts);
        if (!survey.Enough && (!fewer || survey.Answering.Count == 0))
        {
            throw new ChainRefusedException(
                ChainRefusal.MirrorsMissing,
                $"Too few ledger nodes of {_genesis.Origin} say what they hold ({string.Join("; ", survey.Doubts)}): bring them back, or name where they are with --mirror. With --fewer-mirrors the others decide, and what was sealed above their checkpoints gets a second history.");
        }

        if (survey.Newest is not { Size: > 0 } newest)
        {
            throw new ChainRefusedException(ChainRefusal.EntriesLost, $"No ledger node has ever cosigned a checkpoint of {_genesis.Origin}: nothing can be had from them.");
        }

        if (_head.Size >= newest.Size)
        {
            CheckOwn(survey);
            return;
        }

        var readers = survey.Answering.Where(mirror => mirror.Entries >= newest.Size).Select(mirror => (mirror.Witness.Name, Reader: new MirrorReader(mirror.Mirror, _hasher, newest.Checkpoint))).ToList();
        if (readers.Count == 0)
        {
            throw new ChainRefusedException(
                ChainRefusal.EntriesLost,
                FormattableString.Invariant($"No ledger node holds the entries under {newest}: those from {survey.LargestHeld(_head.Size)?.Size ?? 0} to {newest.Size - 1} are lost. The chain must not seal again, for it would give those places a second history. When no node that has them can come back, governance closes it: 'notary chain close {_genesis.Chain} --successor ORIGIN'."));
        }

        await FromFirstAsync(readers, reader => CheckPrefixesAsync(reader, survey, cancellation), cancellation).ConfigureAwait(false);
        DropIndexAhead();
        var note = NoteToStore(newest);
        var range = new UploadRange(_genesis.Origin, _head.Size / UploadRange.PackageEntries * UploadRange.PackageEntries, newest.Size, default);
        var waiting = new List<EntryPackage>();
        var bytes = 0;
        for (long number = 0; number < range.PackageCount; number++)
        {
            cancellation.ThrowIfCancellationRequested();
            var package = await FromFirstAsync(readers, reader => reader.PackageAsync(range, number, cancellation), cancellation).ConfigureAwait(false);
            waiting.Add(package);
            bytes += package.Entries.Length;
            if (waiting.Count == PackagesOfATransaction || bytes >= BytesOfATransaction || number == range.PackageCount - 1)
            {
                Store(waiting, newest, note);
                progress?.Report(_head.Size);
                waiting.Clear();
                bytes = 0;
            }
        }
    }

    // The database holds all that the mirrors do: whether it is the same history.
    private void CheckOwn(MirrorSurvey survey)
    {
        foreach (var known in survey.Known)
        {
            var whole = TilePlan.TryRoot(_hasher, known.Size, tile => Tables.ReadTile(tile.Level, tile.Index), out var root, out var tooShort);
            if (!whole)
            {
                throw new ChainRefusedException(ChainRefusal.Inconsistent, FormattableString.Invariant($"The tile at level {tooShort.Level}, number {tooShort.Index} is missing or too short: run 'notary fsck'."));
            }

            if (!root.Equals(known.Checkpoint.Root))
            {
                throw Forked(FormattableString.Invariant($"the log has signed {known}, and the first {known.Size} entries in the database have the root {root.ToHex()}"));
            }
        }
    }

    // The newest checkpoint extends the database and every other one that was shown: by hash tiles that hash to its root, so that no mirror can make it up.
    private async Task<bool> CheckPrefixesAsync(MirrorReader reader, MirrorSurvey survey, CancellationToken cancellation)
    {
        var root = await reader.RootAtAsync(_head.Size, cancellation).ConfigureAwait(false);
        if (!root.Equals(_head.Root))
        {
            throw Forked(FormattableString.Invariant($"the log has signed {survey.Newest}, whose first {_head.Size} entries have the root {root.ToHex()}, and those in the database have {_head.Root.ToHex()}"));
        }

        foreach (var known in survey.Known)
        {
            root = await reader.RootAtAsync(known.Size, cancellation).ConfigureAwait(false);
            if (!root.Equals(known.Checkpoint.Root))
            {
                throw Forked(FormattableString.Invariant($"the log has signed {known} and {survey.Newest}, whose first {known.Size} entries have the root {root.ToHex()}"));
            }
        }

        return true;
    }

    // One mirror after the other: what fails once is not asked again.
    private async Task<T> FromFirstAsync<T>(List<(string Name, MirrorReader Reader)> readers, Func<MirrorReader, Task<T>> ask, CancellationToken cancellation)
    {
        while (readers.Count > 0)
        {
            var (name, reader) = readers[0];
            try
            {
                var answer = await ask(reader).ConfigureAwait(false);
                if (answer is EntryPackage && !_from.Contains(name))
                {
                    _from.Add(name);
                }

                return answer;
            }
            catch (Exception failure) when (failure is not (ChainRefusedException { Refusal: ChainRefusal.Forked } or OutOfMemoryException) && !cancellation.IsCancellationRequested)
            {
                _warnings.Add($"{name}: {failure.Message.TrimEnd('.')}");
                readers.RemoveAt(0);
            }
        }

        throw new ChainRefusedException(
            ChainRefusal.MirrorsMissing,
            FormattableString.Invariant($"No ledger node gives entries of {_genesis.Origin} that fit what the log has signed ({string.Join("; ", _warnings)}). The database holds {_head.Size} leaves, a prefix of the chain; run the verb again when another node answers."));
    }

    // The head's note says by itself who signed it, as at any start: by a key that the genesis or the chain's own trust leaf names.
    private Func<byte[]> NoteToStore(LoggedNote newest) => () =>
    {
        var verified = newest.Note.Verify(_genesis.AllLogKeys(_state.Trust));
        return verified.Ok
            ? SignedNote.Create(newest.Note.Text, [.. verified.Verified.Select(static line => line.Signature)]).ToBytes()
            : throw new ChainRefusedException(ChainRefusal.Inconsistent, $"The log key that signed {newest} is named by no trust leaf of the chain: it must not be the last that the chain says.");
    };

    private void Store(List<EntryPackage> packages, LoggedNote newest, Func<byte[]> note)
    {
        var (state, edge, head) = (_state, _edge, _head);
        Tables.Begin();
        try
        {
            if (Tables.ReadHead() is not { } stored || stored.Size != head.Size || !stored.Root.Equals(head.Root) || stored.NoteSize != head.NoteSize)
            {
                throw new ChainRefusedException(ChainRefusal.Locked, $"Another process works on the chain in the {_database.Name}: stop every server of the chain first.");
            }

            (_state, _edge) = (state.Fork(), edge.Clone());
            packages.ForEach(Take);
            var last = _edge.Edge.Size == newest.Size;
            if (last && !_edge.Edge.Root().Equals(newest.Checkpoint.Root))
            {
                throw new InvalidOperationException("Entries that were each proved under a checkpoint hash to its root.");
            }

            _head = new HeadRow(_edge.Edge.Size, _edge.Edge.Root(), _edge.Edge.ToBytes(), _state.LastSealed, last ? note() : head.Note, last ? newest.Size : head.NoteSize);
            Tables.WriteHead(_head);
            Tables.Commit();
        }
        catch
        {
            (_state, _edge, _head) = (state, edge, head);
            RollbackQuietly();
            throw;
        }
    }

    private void Take(EntryPackage package)
    {
        // The first one begins at a multiple of 256, and may hold entries that are there already.
        var first = _edge.Edge.Size;
        var known = (int)(first % UploadRange.PackageEntries);
        var entries = package.Entries.Span;
        for (var i = 0; i < known; i++)
        {
            EntryBundle.TryNext(ref entries, out _);
        }

        var count = package.Count - known;
        var hashes = new List<Hash32>(count);
        var feed = new byte[count * IndexEntry.Size];
        if (!SealedEntries.TryTake(_genesis, _state, _hasher, first, count, entries, hashes, Beside, out var wrong))
        {
            throw new ChainRefusedException(ChainRefusal.Inconsistent, FormattableString.Invariant($"The log has signed a tree whose leaf {wrong.Index} this program does not take: {wrong.Why} Run the version that sealed it."));
        }

        Tables.WriteSegment(first, count, entries);
        Tables.WriteFeed(first, feed);
        foreach (var tile in _edge.Append(CollectionsMarshal.AsSpan(hashes)))
        {
            Tables.WriteTile(tile.Id.Level, tile.Id.Index, tile.Bytes.Span);
        }

        void Beside(long index, in LeafFacts facts)
        {
            var key = feed.AsSpan((int)(index - first) * IndexEntry.Size, IndexEntry.Size);
            IndexKeys.WriteId(facts.Id, key);
            BinaryPrimitives.WriteInt64BigEndian(key[16..], index);
            if (facts.ChangesState)
            {
                Tables.WriteStateLeaf(index, facts);
            }

            if (facts.Kind == RecordKind.Evidence)
            {
                Tables.WriteItem(index, []);
            }
        }
    }

    // Runs that reach above the database were made of entries that are about to come back in other batches: what they hold is had from these, and a start refuses the gap until it is.
    private void DropIndexAhead()
    {
        if (_database.IsShared || !Directory.Exists(_folder.IndexPath))
        {
            return;
        }

        bool ahead;
        using (var index = DigestIndex.OpenReadOnly(_folder.IndexPath))
        {
            ahead = index.DurableTo > _head.Size;
        }

        if (ahead)
        {
            Directory.Delete(_folder.IndexPath, recursive: true);
        }
    }

    // Null where it is lost: no file, or a PostgreSQL database without a chain's tables.
    private static ChainStore? Open(ChainDatabase database)
    {
        if (!database.Exists)
        {
            return null;
        }

        try
        {
            return database.OpenStore();
        }
        catch (ChainRefusedException empty) when (empty.Refusal == ChainRefusal.NotCreated)
        {
            return null;
        }
    }

    private ChainStore Create()
    {
        var tables = _database.CreateStore();
        try
        {
            tables.Begin();
            tables.WriteHead(_head);
            tables.Commit();
            DurableFile.SyncFolder(_folder.Root);
            return tables;
        }
        catch
        {
            tables.Dispose();
            throw;
        }
    }

    private void RollbackQuietly()
    {
        try
        {
            Tables.Rollback();
        }
        catch (DatabaseFailureException)
        {
            // The connection is lost, and with it the transaction; the failure that led here is the one that is reported.
        }
    }

    private static ChainRefusedException Forked(string what) => new(
        ChainRefusal.Forked, $"Nothing is refilled, for {what}: two histories are never merged. Keep the database and the notes, each is evidence; who holds the log's key has to answer for it.");
}
