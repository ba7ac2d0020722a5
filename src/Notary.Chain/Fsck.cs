using System.Globalization;
using Notary.Chain.Folders;
using Notary.Chain.Nodes;
using Notary.Chain.Recovery;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain;

/// <summary>What a check of a chain found. Codes are stable, in lower case with hyphens.</summary>
/// <param name="Chain">The chain's name.</param>
/// <param name="Index">Leaf index, or −1 where none is meant.</param>
/// <param name="Table">Table or file.</param>
/// <param name="Code">Stable code.</param>
/// <param name="Sentence">What contradicts what.</param>
/// <param name="IsError">False for a remark that breaks no promise (an id used twice).</param>
public sealed record FsckFinding(string Chain, long Index, string Table, string Code, string Sentence, bool IsError = true);

/// <summary>The result of a check.</summary>
/// <param name="Chain">The chain's name.</param>
/// <param name="Size">Leaves in the head.</param>
/// <param name="Root">Root computed from the entries.</param>
/// <param name="Items">Item boxes seen.</param>
/// <param name="ItemsOpened">Item boxes opened with the wrapping key and compared with their leaves.</param>
/// <param name="Freshness">What the head was compared with to find a rollback.</param>
/// <param name="Findings">At most <see cref="Fsck.MaximumFindings"/>.</param>
public sealed record FsckReport(string Chain, long Size, Hash32 Root, long Items, long ItemsOpened, string Freshness, IReadOnlyList<FsckFinding> Findings)
{
    /// <summary>No finding is an error.</summary>
    public bool Clean => !Findings.Any(f => f.IsError);
}

/// <summary>What a check compares beyond the chain itself.</summary>
public sealed class FsckOptions
{
    /// <summary>A checkpoint saved elsewhere: the chain must hold and extend it, or it was rolled back.</summary>
    public ReadOnlyMemory<byte>? Against { get; init; }

    /// <summary>Opens the key files; without it the item boxes are counted but not opened.</summary>
    public string? Password { get; init; }

    /// <summary>Ledger nodes of the chain that lie at hand and that nobody works on: what they say in their own name is compared with what is sealed.</summary>
    public IReadOnlyList<NodeFolder> Nodes { get; init; } = [];
}

/// <summary>
/// Checks a whole chain from its bytes: every entry is admitted again and hashed, every tile, the edge, the root and the signed checkpoint are compared with what
/// the entries give, every item box is opened and compared with its leaf. Reads only; the chain need not be stopped, but a check of a running one covers
/// the head that it read first.
/// </summary>
public sealed class Fsck
{
    /// <summary>After so many findings a check stops.</summary>
    public const int MaximumFindings = 1_000;

    // One changed policy or key record makes many leaves inadmissible: the first ones say it.
    private const int MaximumRefused = 100;

    private readonly ChainFolder _folder;
    private readonly ChainDatabase _tables;
    private readonly FsckOptions _options;
    private readonly IProgress<long>? _progress;
    private readonly List<FsckFinding> _findings = [];
    private string _notCompared = "no ledger node holds this chain and no saved checkpoint was given";
    private readonly ChainState _state = new();
    private readonly HashSet<long> _refused = [];
    private bool _partialTilesFit;
    private long _items;
    private long _opened;

    private Fsck(ChainFolder folder, FsckOptions options, IProgress<long>? progress)
    {
        _folder = folder;
        _tables = ChainDatabase.Of(folder);
        _options = options;
        _progress = progress;
    }

    /// <summary>Checks a chain.</summary>
    /// <param name="folder">The chain.</param>
    /// <param name="options">What to compare with.</param>
    /// <param name="progress">Leaves done so far.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public static FsckReport Run(ChainFolder folder, FsckOptions options, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        var check = new Fsck(folder, options, progress);
        try
        {
            return check.Check(cancellation);
        }
        catch (DatabaseFailureException failure)
        {
            check.Find(-1, "chain.db", "database-unreadable", failure.Message);
            return check.Report(0, default);
        }
        catch (TooManyFindings)
        {
            return check.Report(0, default);
        }
    }

    private FsckReport Check(CancellationToken cancellation)
    {
        if (!_tables.Exists || !File.Exists(_folder.GenesisPath))
        {
            Find(-1, "chain.db", "not-created", $"There is no chain in '{_folder.Root}'.");
            return Report(0, default);
        }

        var problem = Genesis.TryParse(File.ReadAllBytes(_folder.GenesisPath), out var genesis);
        if (genesis is null)
        {
            Find(-1, "genesis.json", "genesis-malformed", $"The genesis document is refused: {problem}.");
            return Report(0, default);
        }

        using var database = _tables.OpenReader();
        // One snapshot for the whole check.
        database.BeginSnapshot();
        CheckPages(database);
        var trust = NewestTrust(database);
        if (trust?.EntriesOf(genesis.Origin).LastOrDefault()?.Policy is { QuorumNone: false } policy)
        {
            _notCompared = $"this asks no ledger node ({string.Join(", ", policy.Witnesses.Select(static witness => witness.Name))}), a start does; name a checkpoint of one of them with --against";
        }

        var head = ReadHead(database, genesis, trust, out var note);
        var against = ReadAgainst(genesis, trust, head);
        using var cipher = OpenCipher(genesis);
        var root = CheckEntries(database, genesis, head, note, against, cipher, cancellation);
        CheckStatements(genesis);
        CheckBeyond(database, head);
        return Report(head.Size, root);
    }

    private void CheckPages(Database database)
    {
        foreach (var sentence in database.Damage())
        {
            Find(-1, "chain.db", "database-damaged", sentence);
        }
    }

    // Which log keys there are beside the genesis' own, the chain's newest trust leaf says; whether that leaf is admitted, the entries show below.
    private TrustFile? NewestTrust(Database database)
    {
        using var marks = database.Prepare("SELECT number FROM state_leaf ORDER BY number DESC");
        using var reads = new ChainReads(_tables.OpenReader);
        while (marks.Step())
        {
            if (reads.Entry(marks.Number(0)) is { } entry && Admission.AdmitForm(entry, out var facts).Ok && facts.TrustRecord is { } record)
            {
                return record.File;
            }
        }

        return null;
    }

    private HeadRow ReadHead(Database database, Genesis genesis, TrustFile? trust, out Checkpoint? note)
    {
        note = null;
        if (ChainStore.ReadHead(database) is not { } head)
        {
            Find(-1, "head", "head-missing", "The database has no head row.");
            return new HeadRow(0, default, [], 0, [], 0);
        }

        if (!TreeEdge.TryParse(new TreeHasher(genesis.Suite), head.Size, head.Edge, out var edge) || !edge.Root().Equals(head.Root))
        {
            Find(head.Size - 1, "head", "head-edge", "The stored edge does not hash to the stored root.");
        }

        note = ChainAppender.Verified(head.Note, genesis, trust, out _);
        if (note is null)
        {
            Find(head.NoteSize - 1, "head", "note-signature", "The stored checkpoint is not signed by the chain's log key.");
        }
        else if (note.Size != head.NoteSize || note.Size > head.Size)
        {
            Find(head.NoteSize - 1, "head", "note-size", Invariant($"The stored checkpoint signs size {note.Size}, the head row says {head.NoteSize} of {head.Size}."));
        }

        return head;
    }

    private Checkpoint? ReadAgainst(Genesis genesis, TrustFile? trust, HeadRow head)
    {
        if (_options.Against is not { } bytes)
        {
            return null;
        }

        var against = ChainAppender.Verified(bytes.Span, genesis, trust, out _);
        if (against is null)
        {
            Find(-1, "against", "against-signature", "The saved checkpoint is not signed by this chain's log key.");
        }
        else if (against.Size > head.Size)
        {
            Find(head.Size, "head", "rolled-back", Invariant($"The saved checkpoint signs {against.Size} leaves, the database holds {head.Size}: it was rolled back or restored from an old copy."));
        }

        return against;
    }

    private ItemCipher? OpenCipher(Genesis genesis)
    {
        if (_options.Password is not { } password)
        {
            return null;
        }

        var key = Crypto.Keys.SymmetricKeyFile.Load(_folder.WrappingKeyPath, password);
        return ItemCipher.Create(genesis.Suite, ChainHost.WrappingKeyId, key);
    }

    private Hash32 CheckEntries(Database database, Genesis genesis, HeadRow head, Checkpoint? note, Checkpoint? against, ItemCipher? cipher, CancellationToken cancellation)
    {
        var hasher = new TreeHasher(genesis.Suite);
        var edge = TileEdge.Empty(hasher);
        var stateLeaves = new HashSet<long>();
        // Leaves whose mark is missing: right for those that a later one replaces, as the next anchor of an origin does.
        var unmarked = new HashSet<long>();
        using (var statement = database.Prepare("SELECT number FROM state_leaf"))
        {
            while (statement.Step())
            {
                stateLeaves.Add(statement.Number(0));
            }
        }

        using var tiles = database.Prepare("SELECT hashes FROM tile WHERE level = ? AND number = ?");
        using var items = database.Prepare("SELECT box FROM item WHERE number = ?");
        _partialTilesFit = PartialTilesFit(tiles, hasher, head);
        var leaves = new List<Hash32>();
        long next = 0;
        foreach (var (first, count, entries) in ChainReads.Segments(database, 0))
        {
            cancellation.ThrowIfCancellationRequested();
            if (first != next)
            {
                Find(next, "segment", "segment-gap", Invariant($"The batch after index {next - 1} begins at {first}."));
                return edge.Edge.Root();
            }

            leaves.Clear();
            ReadOnlySpan<byte> bundle = entries;
            for (var i = 0L; i < count; i++)
            {
                if (!EntryBundle.TryNext(ref bundle, out var entry))
                {
                    Find(next, "segment", "segment-cut", Invariant($"The batch at {first} says {count} entries and ends after {i}."));
                    return edge.Edge.Root();
                }

                leaves.Add(hasher.Leaf(entry));
                var form = Admission.AdmitForm(entry, out var facts);
                if (!form.Ok)
                {
                    Refuse(next, "leaf-form", $"The leaf is not admissible by its form: {form.Code}.");
                }
                else
                {
                    var admitted = Admission.AdmitState(genesis, _state, facts, next);
                    if (admitted.Ok)
                    {
                        _state.Apply(facts, next);
                        CheckAlarm(hasher, facts, next);
                    }
                    else
                    {
                        Refuse(next, "leaf-admission", $"The leaf is not admissible at its place: {admitted.Code}.");
                    }

                    var marked = stateLeaves.Remove(next);
                    if (facts.ChangesState && !marked && admitted.Ok)
                    {
                        unmarked.Add(next);
                    }

                    if ((!facts.ChangesState && marked) || (facts.ReplacesStateLeaf >= 0 && !unmarked.Remove(facts.ReplacesStateLeaf)))
                    {
                        Find(next, "state_leaf", "state-leaf", "The list of leaves that change the state of admission does not fit this leaf.");
                    }

                    CheckItem(items, cipher, genesis, entry, facts, next);
                }

                next++;
            }

            if (!bundle.IsEmpty)
            {
                Find(next - 1, "segment", "segment-tail", Invariant($"The batch at {first} has {bundle.Length} bytes after its last entry."));
            }

            CheckMarks(edge.Edge, leaves, note, "head", "note-root");
            CheckMarks(edge.Edge, leaves, against, "against", "history-differs");
            foreach (var tile in edge.Append(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(leaves)))
            {
                CheckTile(tiles, hasher, edge, tile, head.Size);
            }

            _progress?.Report(next);
        }

        var root = edge.Edge.Root();
        if (next != head.Size)
        {
            Find(next, "segment", "segment-size", Invariant($"The segments hold {next} leaves, the head says {head.Size}."));
        }
        else if (!root.Equals(head.Root))
        {
            Find(next - 1, "head", "root-mismatch", $"The entries hash to {root.ToHex()}, the head says {head.Root.ToHex()}.");
        }

        foreach (var missing in unmarked.Order())
        {
            Find(missing, "state_leaf", "state-leaf", "The list of leaves that change the state of admission does not name this leaf.");
        }

        foreach (var left in stateLeaves)
        {
            Find(left, "state_leaf", "state-leaf", "The list of leaves that change the state of admission names an index without such a leaf.");
        }

        return root;
    }

    // Passed over, as a node does: what follows is judged by what was admitted.
    private void Refuse(long index, string code, string sentence)
    {
        _state.Skip(index);
        if (_refused.Count < MaximumRefused)
        {
            Find(index, "segment", code, sentence);
        }

        _refused.Add(index);
    }

    // A sealed alarm is shown, and with it whether it is true.
    private void CheckAlarm(TreeHasher hasher, in LeafFacts facts, long index)
    {
        if (facts.NodeStatement is not AlarmRecord alarm)
        {
            return;
        }

        using var reads = new ChainReads(_tables.OpenReader);
        var founded = _refused.Contains(alarm.Index) && reads.Entry(alarm.Index) is { } entry && hasher.Leaf(entry).Equals(alarm.Leaf);
        Find(index, "segment", founded ? "alarm" : "alarm-unfounded", Invariant($"The node {alarm.Key.Name} says that the leaf at index {alarm.Index} fails admission: {alarm.Code}.{(founded ? string.Empty : " That leaf is admitted, or is another one than the node means.")}"), isError: false);
    }

    // What the nodes at hand say and the chain does not hold: not sealed yet, or never to be.
    private void CheckStatements(Genesis genesis)
    {
        foreach (var node in _options.Nodes)
        {
            IReadOnlyList<byte[]> statements;
            try
            {
                statements = NodeStore.StatementsUnverified(node.DatabasePath);
            }
            catch (DatabaseFailureException failure)
            {
                Find(-1, "node", "node-unreadable", $"The copy of the node in '{node.Root}' cannot be read: {failure.Message}", isError: false);
                continue;
            }

            foreach (var bytes in statements)
            {
                if (!NodeStatement.TryParse(bytes, out var statement).Ok || statement!.Chain != genesis.Origin || _state.Nodes.Holds(statement))
                {
                    continue;
                }

                var alarm = statement as AlarmRecord;
                Find(alarm?.Index ?? -1, "node", alarm is null ? "node-unsealed" : "alarm-unsealed", alarm is null
                    ? $"The node {statement.Key.Name} says that it joined, and the chain does not hold that."
                    : $"The node {alarm.Key.Name} says that this leaf fails admission, {alarm.Code}, and the chain does not hold that.", isError: false);
            }
        }
    }

    // A signed checkpoint that lies inside this batch: the root at its size must be the one that it signs.
    private void CheckMarks(TreeEdge before, List<Hash32> leaves, Checkpoint? mark, string table, string code)
    {
        if (mark is null || mark.Size <= before.Size || mark.Size > before.Size + leaves.Count)
        {
            return;
        }

        var edge = before.Clone();
        edge.AppendMany(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(leaves)[..(int)(mark.Size - before.Size)]);
        var root = edge.Root();
        if (!root.Equals(mark.Root))
        {
            Find(mark.Size - 1, table, code, $"The first {mark.Size} entries hash to {root.ToHex()}, the checkpoint signs {mark.Root.ToHex()}.");
        }
    }

    // Stored against computed. The tile is final only when it is full, or the last one of its level.
    private void CheckTile(Statement tiles, TreeHasher hasher, TileEdge edge, Tile computed, long size)
    {
        var final = computed.Id.IsFull || Tiles.WidthAt(computed.Id.Level, computed.Id.Index, size) == computed.Id.Width;
        if (!final)
        {
            return;
        }

        tiles.Bind(1, computed.Id.Level).Bind(2, computed.Id.Index);
        var there = tiles.Step();
        var stored = there ? tiles.Blob(0).ToArray() : [];
        tiles.Reset();
        if (stored.AsSpan().SequenceEqual(computed.Bytes.Span))
        {
            return;
        }

        var leavesPerHash = 1L << (8 * computed.Id.Level);
        var firstLeaf = computed.Id.Index * 256 * leavesPerHash;
        if (!there || stored.Length != computed.Bytes.Length)
        {
            Find(firstLeaf, "tile", there ? "tile-width" : "tile-missing", Invariant($"The tile at level {computed.Id.Level}, number {computed.Id.Index} has {stored.Length / Hash32.Size} hashes where {computed.Id.Width} belong."));
            return;
        }

        for (var i = 0; i < computed.Id.Width; i++)
        {
            var at = i * Hash32.Size;
            if (stored.AsSpan(at, Hash32.Size).SequenceEqual(computed.Bytes.Span.Slice(at, Hash32.Size)))
            {
                continue;
            }

            // Which of the two was changed? At level 0 what stands above decides, the parent or the head's edge: the one that hashes to it is right.
            var entryIsWrong = computed.Id.Level == 0 && (computed.Id.IsFull
                ? ParentOf(tiles, computed.Id) is { } parent && Tiles.TryComputeNode(hasher, stored, new NodeId(8, computed.Id.Index), out var fromStored) && fromStored.Equals(parent)
                : _partialTilesFit);
            var sentence = Invariant($"Stored hash {Convert.ToHexStringLower(stored.AsSpan(at, Hash32.Size))}, computed {Convert.ToHexStringLower(computed.Bytes.Span.Slice(at, Hash32.Size))} (level {computed.Id.Level}, tile {computed.Id.Index}, hash {i}).");
            Find(firstLeaf + (i * leavesPerHash), entryIsWrong ? "segment" : "tile", entryIsWrong ? "entry-changed" : "tile-mismatch", sentence);
        }
    }

    private static bool PartialTilesFit(Statement tiles, TreeHasher hasher, HeadRow head)
    {
        if (!TreeEdge.TryParse(hasher, head.Size, head.Edge, out var edge))
        {
            return false;
        }

        var partial = new List<Tile>();
        foreach (var id in TileEdge.PartialTiles(head.Size))
        {
            tiles.Bind(1, id.Level).Bind(2, id.Index);
            if (tiles.Step())
            {
                partial.Add(new Tile(id, tiles.Blob(0).ToArray()));
            }

            tiles.Reset();
        }

        return TileEdge.TryCreate(edge, partial, out _).Ok;
    }

    private static Hash32? ParentOf(Statement tiles, TileId id)
    {
        tiles.Bind(1, 1).Bind(2, id.Index / 256);
        var at = (int)(id.Index % 256) * Hash32.Size;
        var hashes = tiles.Step() ? tiles.Blob(0) : default;
        Hash32? parent = hashes.Length >= at + Hash32.Size ? Hash32.FromSpan(hashes.Slice(at, Hash32.Size)) : null;
        tiles.Reset();
        return parent;
    }

    private void CheckItem(Statement items, ItemCipher? cipher, Genesis genesis, ReadOnlySpan<byte> leaf, in LeafFacts facts, long index)
    {
        if (facts.Kind != RecordKind.Evidence)
        {
            return;
        }

        items.Bind(1, index);
        if (!items.Step())
        {
            items.Reset();
            Find(index, "item", "item-missing", "The record has no item box, and nothing on the chain says that it was erased.");
            return;
        }

        var lost = items.Blob(0).IsEmpty;
        _items += lost ? 0 : 1;
        if (cipher is not null && !lost)
        {
            var opened = OpenedItem.TryOpen(cipher, items.Blob(0), facts.Id, out var item);
            if (!opened)
            {
                Find(index, "item", "item-changed", "The item box does not open: it was changed, or belongs to another record or key.");
            }
            else if (!item!.BelongsTo(genesis, leaf))
            {
                Find(index, "item", "item-mismatch", "What the item box holds is not what the leaf commits to.");
            }
            else
            {
                _opened++;
            }
        }

        items.Reset();
    }

    private void CheckBeyond(Database database, HeadRow head)
    {
        foreach (var (table, sql) in new[]
                 {
                     ("segment", "SELECT first FROM segment WHERE first >= ? LIMIT 1"),
                     ("item", "SELECT number FROM item WHERE number >= ? LIMIT 1"),
                     _tables.IndexTable,
                     ("request", "SELECT first + count FROM request WHERE first + count > ? LIMIT 1"),
                 })
        {
            using var statement = database.Prepare(sql);
            statement.Bind(1, head.Size);
            if (statement.Step())
            {
                Find(statement.Number(0), table, "beyond-head", Invariant($"The table has a row at or above the head's size {head.Size}."));
            }
        }

        foreach (var lost in LostItems.Ranges(database))
        {
            Find(lost.First, "item", "items-lost", Invariant($"The secrets, digests and metadata of {lost.Count} records, {lost.First} to {lost.Last}, are lost: the records were refilled from a ledger node."), isError: false);
        }

        foreach (var (id, first, second) in DuplicateIds(database, head.Size))
        {
            Find(second, "segment", "id-twice", Invariant($"The id {id} was used at index {first} before: it resolves to that one."), isError: false);
        }
    }

    // Neighbouring entries of a sorted run with one key; ids across runs are looked up run by run.
    private IEnumerable<(Guid Id, long First, long Second)> DuplicateIds(Database database, long size)
    {
        using var reads = new ChainReads(_tables.OpenReader);
        var repeated = _tables.RepeatedKeys(database, out var indexed);
        if (indexed > size)
        {
            Find(size, "index", "beyond-head", Invariant($"The digest index reaches to leaf {indexed}, above the head's size {size}: run 'notary fsck --rebuild-index'."));
        }

        foreach (var leaves in repeated)
        {
            foreach (var leaf in leaves.Where(l => l < size).Skip(1))
            {
                if (reads.Entry(leaf) is { } second && reads.Entry(leaves[0]) is { } first
                    && Admission.AdmitForm(second, out var a).Ok && Admission.AdmitForm(first, out var b).Ok && a.Id == b.Id)
                {
                    yield return (a.Id, leaves[0], leaf);
                }
            }
        }
    }

    private FsckReport Report(long size, Hash32 root) => new(
        _folder.Name, size, root, _items, _opened,
        _options.Against is null ? "not compared: " + _notCompared : "compared with the saved checkpoint",
        _findings);

    private void Find(long index, string table, string code, string sentence, bool isError = true)
    {
        _findings.Add(new FsckFinding(_folder.Name, index, table, code, sentence, isError));
        if (_findings.Count >= MaximumFindings)
        {
            throw new TooManyFindings();
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private sealed class TooManyFindings : Exception;
}
