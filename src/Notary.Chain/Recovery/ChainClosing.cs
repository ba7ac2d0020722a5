using Notary.Chain.Folders;
using Notary.Chain.Network;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Recovery;

/// <summary>How a chain is closed whose entries are lost.</summary>
public sealed class ClosingOptions
{
    /// <summary>How its nodes are asked.</summary>
    public required RecoveryOptions Recovery { get; init; }

    /// <summary>Origin of the chain that takes its place.</summary>
    public required string Successor { get; init; }

    /// <summary>How the entries were lost.</summary>
    public IncidentReason Reason { get; init; }

    /// <summary>Checkpoints that were saved elsewhere, each with where it lies: one that no node shows may be what shows the loss.</summary>
    public IReadOnlyList<(string Where, SignedNote Note)> Saved { get; init; } = [];
}

/// <summary>What is asked of governance.</summary>
/// <param name="Record">The incident, without signatures.</param>
/// <param name="Main">The main chain's constant.</param>
/// <param name="Before">Leaves that the database held.</param>
/// <param name="From">Names of the nodes whose entries were taken.</param>
/// <param name="Warnings">Nodes that did not answer, or gave what does not fit, for people.</param>
public sealed record ClosingReport(IncidentRecord Record, Genesis Main, long Before, IReadOnlyList<string> From, IReadOnlyList<string> Warnings);

/// <summary>
/// Closes a chain of which nobody holds the entries under the largest checkpoint that its log has signed: gathers what is available, stops the chain, and makes the incident that governance signs
/// and the main chain seals. The chain must not be open.
/// </summary>
/// <remarks>
/// <para>First the proposal becomes durable in the chain's folder (<see cref="ChainFolder.ClosingPath"/>): from then on no server seals there, whoever of its nodes answers. Then what is available is put into
/// its database, for reading, as a refilling does. An interrupted run is completed by the next.</para>
/// <para>A chain that can be refilled after all, because a node came back before the incident was sealed, is refilled by <see cref="ChainRecovery"/>, which takes the proposal away.</para>
/// </remarks>
public static class ChainClosing
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Makes the proposal.</summary>
    /// <param name="data">The data folder, held by this process; the main chain lies in it.</param>
    /// <param name="name">The chain's name: its folder is there, with genesis and keys.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Leaves that the database holds.</param>
    /// <param name="cancellation">Ends it between two transactions.</param>
    /// <exception cref="ChainRefusedException">It is the main chain, is closed already, can be refilled, or cannot be closed so: one sentence says what next.</exception>
    /// <exception cref="DatabaseFailureException">The database failed: a further run goes on.</exception>
    public static async Task<ClosingReport> ProposeAsync(DataFolder data, string name, ClosingOptions options, IProgress<long>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        if (name == TrustFile.MainChain)
        {
            throw new ChainRefusedException(
                ChainRefusal.NotClosable,
                "The main chain cannot be closed: the incident would have to stand on it, above the entries that are lost. Refill it ('notary chain recover main'); where nobody holds its entries, the deployment ends, and another one begins under a name of its own.");
        }

        var folder = data.Chain(name);
        var genesis = ChainRecovery.ReadGenesis(folder);
        var file = ChainRecovery.ReadTrust(data);
        var main = MainView.TryRead(data, genesis, file) ?? throw new ChainRefusedException(ChainRefusal.NotCreated, "The main chain has to be at hand, for it seals the incident: refill it first ('notary chain recover main').");
        if (main.State.Closed(genesis.Origin) is { } closed)
        {
            throw new ChainRefusedException(
                ChainRefusal.Closed, FormattableString.Invariant($"{genesis.Origin} is closed already, by leaf {closed.Index} of the main chain; {closed.Record.Successor} takes its place. What is available of it comes back by 'notary chain recover {name}'."));
        }

        return await ChainRecovery.WithMirrorsAsync(
            data, name, genesis, file, options.Recovery, (trust, mirrors) => ProposeAsync(folder, genesis, file, trust, mirrors, main, options, progress, cancellation)).ConfigureAwait(false);
    }

    /// <summary>Whether the governance key and the ledger nodes of a demonstration lie in the data folder, so that <see cref="SealAsync"/> can do all of it.</summary>
    public static bool MaySeal(DataFolder data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return ChainRecovery.ReadTrust(data).Mode == TrustMode.Demonstration && File.Exists(data.GovernanceKeyPath) && data.Organisations.Count == 0;
    }

    /// <summary>
    /// Signs by the governance key that lies in a demonstration's data folder, and seals the incident on the main chain, with its nodes.
    /// </summary>
    /// <param name="data">The network's data folder, held by this process.</param>
    /// <param name="report">What <see cref="ProposeAsync(DataFolder, string, ClosingOptions, IProgress{long}?, CancellationToken)"/> made.</param>
    /// <param name="password">Opens the key files.</param>
    /// <param name="time">The clock.</param>
    /// <returns>The incident's index on the main chain.</returns>
    /// <exception cref="ChainRefusedException">The folder is none of a demonstration, or the main chain does not take the incident.</exception>
    public static async Task<long> SealAsync(DataFolder data, ClosingReport report, string password, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(time);
        if (!MaySeal(data))
        {
            throw new ChainRefusedException(ChainRefusal.Key, $"'{data.Root}' is no demonstration with its governance key and its ledger nodes: officers sign the proposal ('notary incident sign'), and the server seals it ('notary incident apply').");
        }

        ChainHost? main = null;
        ChainNetwork? network = null;
        try
        {
            using var governance = GovernanceKey.Take(data, report.Main.Deployment, report.Main.Suite, password);
            main = ChainHost.Open(data.Chain(TrustFile.MainChain), password, time);
            network = ChainNetwork.Start(data, new Dictionary<string, ChainHost> { [TrustFile.MainChain] = main }, ChainRecovery.ReadTrust(data), password, static _ => null, time);
            var record = report.Record.SignedBy(governance.Signer, governance.Key, report.Main.Suite, report.Main.Origin);
            using var limit = new CancellationTokenSource(Patience, time);
            while (true)
            {
                var applied = await network.CloseChainAsync(record).ConfigureAwait(false);
                if (applied.Index >= 0)
                {
                    return await network.WaitAsync(main, applied.Index, RecordState.Final, limit.Token).ConfigureAwait(false)
                        ? applied.Index
                        : throw new ChainRefusedException(ChainRefusal.MirrorsMissing, FormattableString.Invariant($"The chain is closed by leaf {applied.Index} of the main chain, which its ledger nodes have not all seen yet: that goes on when the server runs."));
                }

                // The main chain has just been opened, and waits for its nodes.
                if (!applied.Refusal.Ok || limit.IsCancellationRequested)
                {
                    throw new ChainRefusedException(ChainRefusal.NotClosable, $"The main chain does not take the incident: {applied.Detail}");
                }

                await Task.Delay(TimeSpan.FromMilliseconds(200), time).ConfigureAwait(false);
            }
        }
        finally
        {
            if (network is not null)
            {
                await network.DisposeAsync().ConfigureAwait(false);
            }

            main?.Dispose();
        }
    }

    /// <summary>The same with the ways to the nodes, which stay their owner's.</summary>
    internal static async Task<ClosingReport> ProposeAsync(
        ChainFolder folder, Genesis genesis, TrustFile file, ChainTrust trust, IReadOnlyList<(PolicyWitness Witness, IMirror Mirror)> mirrors, MainView main, ClosingOptions options, IProgress<long>? progress,
        CancellationToken cancellation)
    {
        ChainRecovery.CheckNamed(genesis, mirrors);
        var database = ChainRecovery.DatabaseOf(folder);
        long before;
        IncidentRecord record;
        IReadOnlyList<string> from, warnings;
        using (var refill = new ChainRefill(folder, database, genesis, file))
        {
            var here = ChainRecovery.Here(folder, database, refill, genesis, main);
            here.AddRange(options.Saved.Select(saved => MirrorSurvey.Logged(saved.Where, saved.Note, genesis, refill.LogKeys)
                ?? throw new ChainRefusedException(ChainRefusal.NotClosable, $"{saved.Where} is no checkpoint of {genesis.Origin} that its log has signed.")));
            var survey = await MirrorSurvey.AskAsync(genesis, refill.LogKeys, trust, mirrors, here, cancellation).ConfigureAwait(false);
            before = refill.Head.Size;
            var lost = LostIn(survey, refill, genesis, options);
            var available = survey.LargestHeld(refill.Head.Size);
            var logKeys = file.EntriesOf(genesis.Origin).SelectMany(static entry => entry.LogKeys).Distinct().ToList();
            record = Create([]);
            Check(Admit(main, record));
            Write(folder, main, record);
            if (available is not null)
            {
                await refill.FillAsync(survey.UpTo(available), options.Recovery.FewerMirrors, progress, cancellation).ConfigureAwait(false);
                if (main.Anchored is { } anchored && anchored.Size < available.Size)
                {
                    record = Create(refill.Consistency(anchored.Size, available.Size));
                    Write(folder, main, record);
                }
            }

            if (Admit(main, record) is { Failure: not AdmissionFailure.GovernanceMissing } refused)
            {
                throw NotClosable(refused);
            }

            (from, warnings) = (refill.From, available is null ? survey.Doubts : refill.Warnings);

            IncidentRecord Create(IReadOnlyList<Hash32> proof) =>
                IncidentRecord.TryCreate(available is null ? null : OneLine(available, logKeys), OneLine(lost, logKeys), proof, options.Successor, options.Reason)
                ?? throw new ChainRefusedException(ChainRefusal.NotClosable, $"'{options.Successor}' is no origin of a chain: it is the deployment, '/', and the chain's name.");
        }

        if (record.Available is not null)
        {
            ChainRecovery.MendIndex(folder, database, options.Recovery.Password, cancellation);
        }

        return new ClosingReport(record, main.Genesis, before, from, warnings);

        // What only the proof or the signatures lack comes later.
        static void Check(AdmissionResult first)
        {
            if (first.Failure is not (AdmissionFailure.GovernanceMissing or AdmissionFailure.IncidentInconsistent))
            {
                throw NotClosable(first);
            }
        }
    }

    private static LoggedNote LostIn(MirrorSurvey survey, ChainRefill refill, Genesis genesis, ClosingOptions options)
    {
        if (survey.Fork() is { } fork)
        {
            throw new ChainRefusedException(
                ChainRefusal.Forked, $"The log of {genesis.Origin} has signed two trees of one size, {fork.One} and {fork.Other}: that is no loss. Keep both, each is evidence; who holds the log's key has to answer for it.");
        }

        if (!survey.Enough && !options.Recovery.FewerMirrors)
        {
            throw new ChainRefusedException(
                ChainRefusal.MirrorsMissing,
                $"Too few ledger nodes of {genesis.Origin} say what they hold ({string.Join("; ", survey.Doubts)}): bring them back, or name where they are with --mirror, for they may hold what seems lost. With --fewer-mirrors governance is asked all the same.");
        }

        if (survey.Newest is not { Size: > 0 } newest)
        {
            throw new ChainRefusedException(
                ChainRefusal.Recoverable, $"Nothing shows that the log of {genesis.Origin} has signed anything: name a checkpoint that was saved elsewhere with --against.");
        }

        if (refill.Head.Size >= newest.Size)
        {
            throw new ChainRefusedException(
                ChainRefusal.Recoverable, FormattableString.Invariant($"Nothing is lost: the database of {genesis.Origin} holds {refill.Head.Size} leaves, and the largest checkpoint that anybody shows is {newest}. Start the server; 'notary fsck' checks what it holds."));
        }

        if (survey.LargestHeld(0) is { } held && held.Size == newest.Size)
        {
            throw new ChainRefusedException(
                ChainRefusal.Recoverable, FormattableString.Invariant($"The chain can be refilled, for a ledger node holds the entries under {newest}: 'notary chain recover {genesis.Chain}'."));
        }

        return newest;
    }

    private static AdmissionResult Admit(MainView main, IncidentRecord record)
    {
        var now = DateTimeOffset.UnixEpoch.AddMilliseconds(main.State.LastSealed);
        var form = SystemLeaves.TryIncident(main.Genesis, record, Guid.CreateVersion7(now), now, out var draft);
        return form.Ok ? Admission.AdmitState(main.Genesis, main.State, draft!.Facts, main.State.Size) : form;
    }

    private static ChainRefusedException NotClosable(AdmissionResult refused) => new(
        ChainRefusal.NotClosable, $"The main chain would not take the incident ({refused.Code}): see docs/spec/admission.md, \"Incident leaf\".");

    private static SignedNote OneLine(LoggedNote note, IReadOnlyList<NoteKey> logKeys) => SignedNote.Create(
        note.Note.Text, [note.Note.Signatures.FirstOrDefault(line => logKeys.Any(key => key.Matches(line)))
            ?? throw new ChainRefusedException(ChainRefusal.NotClosable, $"The trust file names no log key that signed {note}.")]);

    private static void Write(ChainFolder folder, MainView main, IncidentRecord record)
    {
        DurableFile.Replace(folder.ClosingPath, record.ToProposal(main.Genesis.Origin));
        DurableFile.SyncFolder(folder.Root);
    }
}
