using Notary.Chain.Folders;
using Notary.Chain.Index;
using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Recovery;

/// <summary>How a chain is refilled.</summary>
public sealed class RecoveryOptions
{
    /// <summary>Opens the key files of the nodes that lie here, and of the look-up index.</summary>
    public required string Password { get; init; }

    /// <summary>The way to a node that does not lie here or cannot be opened, or null; disposed by the recovery.</summary>
    public Func<PolicyWitness, IMirror?> Remote { get; init; } = static _ => null;

    /// <summary>
    /// Goes by the nodes that answer, though they are too few, or one says that it holds more than it shows. What was sealed above the largest checkpoint that these show then gets a second
    /// history, and whoever holds a receipt of it can prove that the log forked.
    /// </summary>
    public bool FewerMirrors { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>What a refilling came to.</summary>
/// <param name="Origin">The chain.</param>
/// <param name="Before">Leaves that the database held.</param>
/// <param name="Size">Leaves that it holds now.</param>
/// <param name="Root">Root of that tree.</param>
/// <param name="MirroredSize">Size of the largest checkpoint of the log that a node shows; at most <paramref name="Size"/>.</param>
/// <param name="From">Names of the nodes whose entries were taken.</param>
/// <param name="Warnings">Nodes that did not answer, or gave what does not fit, for people.</param>
/// <param name="Lost">All records of the chain whose secrets, digests and metadata are lost, this time or before.</param>
/// <param name="IndexRebuilt">Whether the look-up index was made anew.</param>
public sealed record RecoveryReport(
    string Origin, long Before, long Size, Hash32 Root, long MirroredSize, IReadOnlyList<string> From, IReadOnlyList<string> Warnings, IReadOnlyList<LostRange> Lost, bool IndexRebuilt);

/// <summary>
/// Refills a chain whose database was put back or lost from the copies of its ledger nodes, up to the largest checkpoint that the log has signed. The chain must not be open.
/// </summary>
/// <remarks>
/// <para>What is taken is checked as ledger nodes and other servers check it, and stored batch by batch (<see cref="ChainRefill"/>): a run that is interrupted is completed by the next.</para>
/// <para>Nothing is merged: where the database, two mirrors or a stored final checkpoint contradict each other, nothing is written and both sides are named.</para>
/// <para>Mirrors hold entries. What lay beside them does not come back: item boxes (secrets, digests, metadata), which are marked as lost (<see cref="LostItems"/>), and idempotency keys.</para>
/// </remarks>
public static class ChainRecovery
{
    /// <summary>Refills a chain.</summary>
    /// <param name="data">The data folder, held by this process.</param>
    /// <param name="name">The chain's name: its folder is there, with genesis and keys.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Leaves that the database holds.</param>
    /// <param name="cancellation">Ends it between two transactions.</param>
    /// <exception cref="ChainRefusedException">Nothing was written, or a valid prefix: one sentence says why and what next.</exception>
    /// <exception cref="DatabaseFailureException">The database failed: a further run goes on.</exception>
    public static async Task<RecoveryReport> RunAsync(DataFolder data, string name, RecoveryOptions options, IProgress<long>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        var folder = data.Chain(name);
        var genesis = ReadGenesis(folder);
        var file = ReadTrust(data);
        var main = MainView.TryRead(data, genesis, file);
        return await WithMirrorsAsync(
            data, name, genesis, file, options, (trust, mirrors) => RunAsync(folder, genesis, file, trust, mirrors, options, progress, cancellation, main)).ConfigureAwait(false);
    }

    /// <summary>Does something with the ways to the chain's nodes.</summary>
    internal static async Task<T> WithMirrorsAsync<T>(
        DataFolder data, string name, Genesis genesis, TrustFile file, RecoveryOptions options, Func<ChainTrust, IReadOnlyList<(PolicyWitness Witness, IMirror Mirror)>, Task<T>> use)
    {
        var trust = new ChainTrust(() => [.. file.EntriesOf(genesis.Origin)], () => MainSize(data, file), name == TrustFile.MainChain);
        var mirrors = new List<(PolicyWitness, IMirror)>();
        try
        {
            mirrors.AddRange(trust.Witnesses.Select(witness => (witness, MirrorOf(data, name, witness, genesis, file, options))));
            return await use(trust, mirrors).ConfigureAwait(false);
        }
        finally
        {
            mirrors.ForEach(static mirror => mirror.Item2.Dispose());
        }
    }

    /// <summary>The same with the ways to the nodes, which stay their owner's.</summary>
    internal static async Task<RecoveryReport> RunAsync(
        ChainFolder folder, Genesis genesis, TrustFile file, ChainTrust trust, IReadOnlyList<(PolicyWitness Witness, IMirror Mirror)> mirrors, RecoveryOptions options, IProgress<long>? progress,
        CancellationToken cancellation, MainView? main = null)
    {
        CheckNamed(genesis, mirrors);
        var closed = main?.State.Closed(genesis.Origin);
        var database = DatabaseOf(folder);
        MirrorSurvey survey;
        long before;
        HeadRow head;
        IReadOnlyList<string> from, warnings;
        using (var refill = new ChainRefill(folder, database, genesis, file))
        {
            survey = await MirrorSurvey.AskAsync(genesis, refill.LogKeys, trust, mirrors, Here(folder, database, refill, genesis, main), cancellation).ConfigureAwait(false);
            before = refill.Head.Size;
            await refill.FillAsync(closed is null ? survey : survey.UpTo(AvailableOf(closed, genesis, refill.LogKeys)), options.FewerMirrors, progress, cancellation).ConfigureAwait(false);
            (head, from, warnings) = (refill.Head, refill.From, refill.Warnings);
        }

        var rebuilt = MendIndex(folder, database, options.Password, cancellation);
        if (closed is null && File.Exists(folder.ClosingPath))
        {
            // All that the log is known to have signed is there again, what the proposal showed as lost included: the chain goes on, and the proposal is void.
            File.Delete(folder.ClosingPath);
            DurableFile.SyncFolder(folder.Root);
        }

        using var reader = database.OpenReader();
        return new RecoveryReport(genesis.Origin, before, head.Size, head.Root, survey.Shown, from, warnings, [.. LostItems.Ranges(reader)], rebuilt);
    }

    internal static bool MendIndex(ChainFolder folder, ChainDatabase database, string password, CancellationToken cancellation)
    {
        try
        {
            using var index = database.OpenIndex();
            return false;
        }
        catch (ChainRefusedException gap) when (gap.Refusal == ChainRefusal.Inconsistent)
        {
            IndexRebuild.Run(folder, password, cancellation: cancellation);
            return true;
        }
    }

    internal static void CheckNamed(Genesis genesis, IReadOnlyList<(PolicyWitness Witness, IMirror Mirror)> mirrors)
    {
        if (mirrors.Count == 0)
        {
            throw new ChainRefusedException(ChainRefusal.MirrorsMissing, $"The trust file names no ledger node of {genesis.Origin}, so nothing holds a copy of it: restore the database from its newest backup.");
        }
    }

    /// <summary>The checkpoints that lie in the data folder: in the database, among the final ones, in the main chain, and in a proposal to close the chain.</summary>
    internal static List<LoggedNote> Here(ChainFolder folder, ChainDatabase database, ChainRefill refill, Genesis genesis, MainView? main)
    {
        var closing = ReadClosing(folder) is { } proposal ? MirrorSurvey.Logged("the checkpoint that the proposal to close the chain shows", proposal.Lost, genesis, refill.LogKeys) : null;
        return [.. new[] { refill.Stored, FinalHere(folder, database, refill, genesis), main?.Anchored, closing }.OfType<LoggedNote>()];
    }

    /// <summary>What governance is asked to close the chain by, or null.</summary>
    internal static IncidentRecord? ReadClosing(ChainFolder folder) => !File.Exists(folder.ClosingPath) ? null
        : IncidentRecord.TryParseProposal(File.ReadAllBytes(folder.ClosingPath), out var proposal, out _) ? proposal
        : throw new ChainRefusedException(ChainRefusal.Inconsistent, $"'{folder.ClosingPath}' is no proposal to close the chain: put back the one that 'notary chain close' wrote, or move it away and run that again with the same checkpoints.");

    internal static TrustFile ReadTrust(DataFolder data)
    {
        TrustFile? file = null;
        return File.Exists(data.TrustPath) && TrustFile.TryParse(File.ReadAllBytes(data.TrustPath), out file) is null
            ? file!
            : throw new ChainRefusedException(ChainRefusal.Trust, $"There is no trust file in '{data.TrustPath}': put the newest one there; it says which ledger nodes hold the chain.");
    }

    private static LoggedNote AvailableOf(ClosedChain closed, Genesis genesis, IReadOnlyList<NoteKey> logKeys) =>
        closed.Record.Available is { } available && MirrorSurvey.Logged("what is available of the closed chain", available, genesis, logKeys) is { } note
            ? note
            : throw new ChainRefusedException(ChainRefusal.Closed, FormattableString.Invariant($"{genesis.Origin} is closed by leaf {closed.Index} of the main chain, and no entry of it is available: move its folder away. {closed.Record.Successor} takes its place."));

    internal static Genesis ReadGenesis(ChainFolder folder)
    {
        if (!File.Exists(folder.GenesisPath))
        {
            throw new ChainRefusedException(ChainRefusal.NotCreated, $"There is no chain in '{folder.Root}': its folder with genesis.json and keys has to be there; put them back from a backup.");
        }

        var problem = Genesis.TryParse(File.ReadAllBytes(folder.GenesisPath), out var genesis);
        return genesis ?? throw new ChainRefusedException(ChainRefusal.Inconsistent, $"'{folder.GenesisPath}' is no genesis document ({problem}): restore it from a backup.");
    }

    internal static ChainDatabase DatabaseOf(ChainFolder folder)
    {
        var database = ChainDatabase.Of(folder);
        if (!database.Exists)
        {
            if (File.Exists(folder.DatabasePath + ".moved"))
            {
                throw new ChainRefusedException(ChainRefusal.Storage, $"The chain '{folder.Name}' lies in PostgreSQL, and '{folder.DatabaseAddressPath}', which says where, is gone: write it again.");
            }

            if (File.Exists(folder.DatabasePath + "-wal"))
            {
                throw new ChainRefusedException(ChainRefusal.Storage, $"'{folder.DatabasePath}-wal' is there without its database: put both back from one copy, or move it away when the database is lost.");
            }
        }

        return database;
    }

    private static LoggedNote? FinalHere(ChainFolder folder, ChainDatabase database, ChainRefill refill, Genesis genesis)
    {
        if (database.IsShared ? !refill.HasTables : !File.Exists(folder.FinalityPath))
        {
            return null;
        }

        using var store = database.OpenFinality();
        return store.Final() is { } final ? MirrorSurvey.Logged("the final checkpoint that was stored here", final.Note, genesis, refill.LogKeys) : null;
    }

    // Without the main chain at hand the newest entry is what counts, as at a start.
    private static long MainSize(DataFolder data, TrustFile trust)
    {
        var folder = data.Chain(TrustFile.MainChain);
        var newest = trust.Main?.FromMainIndex ?? 0;
        if (!Directory.Exists(folder.Root) || ChainDatabase.Of(folder) is not { Exists: true } main)
        {
            return newest;
        }

        try
        {
            using var reader = main.OpenReader();
            return ChainStore.ReadHead(reader)?.Size ?? newest;
        }
        catch (DatabaseFailureException)
        {
            // The main chain's own database is lost too.
            return newest;
        }
    }

    private static IMirror MirrorOf(DataFolder data, string chain, PolicyWitness witness, Genesis genesis, TrustFile trust, RecoveryOptions options)
    {
        var why = "no way to it is known";
        try
        {
            if (data.Nodes(chain).FirstOrDefault(folder => File.Exists(folder.VerifierKeyPath) && folder.ReadVerifierKey().Equals(witness.Key)) is { } folder)
            {
                var node = LedgerNode.Open(folder, genesis, options.Password, options.Time);
                node.KnowTrust(trust);
                return new NodeMirror(node);
            }
        }
        catch (ChainRefusedException unusable)
        {
            // Served by a process of its own, or without its copy.
            why = unusable.Message;
        }

        return options.Remote(witness) ?? new NoMirror(why);
    }

    /// <summary>A node that cannot be asked: each question says why.</summary>
    private sealed class NoMirror(string why) : IMirror
    {
        public Task<MirrorAnswer> AskAsync(string origin, CancellationToken cancellation) => Task.FromException<MirrorAnswer>(new IOException(why));

        public Task<long> HeldAsync(SignedNote newest, Checkpoint checkpoint, CancellationToken cancellation) => Task.FromException<long>(new IOException(why));

        public Task<ReadOnlyMemory<byte>> TileAsync(string origin, TileId tile, CancellationToken cancellation) => Task.FromException<ReadOnlyMemory<byte>>(new IOException(why));

        public Task<ReadOnlyMemory<byte>> EntriesAsync(string origin, long number, int width, CancellationToken cancellation) => Task.FromException<ReadOnlyMemory<byte>>(new IOException(why));

        public void Dispose()
        {
            // Nothing was opened.
        }
    }
}
