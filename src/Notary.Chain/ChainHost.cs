using System.Diagnostics;
using Notary.Chain.Folders;
using Notary.Chain.Index;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain;

/// <summary>A policy in force on a chain.</summary>
/// <param name="Name">One of <see cref="PolicyNames"/>.</param>
/// <param name="Version">Its version.</param>
/// <param name="Index">Index of its leaf.</param>
/// <param name="Document">Its canonical text.</param>
public sealed record PolicyStanding(string Name, long Version, long Index, ReadOnlyMemory<byte> Document);

/// <summary>
/// One opened chain: its keys, its store, its sequencer, its reader and its digest index. Deposits go in here.
/// </summary>
public sealed class ChainHost : IDisposable
{
    /// <summary>The id of the wrapping key in item boxes; a rotation of the key counts up.</summary>
    internal const uint WrappingKeyId = 1;

    private static readonly TimeSpan SlowCommit = TimeSpan.FromSeconds(2);

    private readonly Sequencer _sequencer;
    private readonly ChainAppender _appender;
    private readonly ChainReads _reads;
    private readonly LogSigner _log;
    private readonly string _password;
    private readonly ItemCipher _cipher;
    private readonly Lock _holdGate = new();
    private int _holds;
    private volatile string? _freshnessPending;

    private ChainHost(ChainFolder folder, ChainTemplate template, Genesis genesis, LogSigner log, string password, ItemCipher cipher, Hash32 digestKey, ChainReads reads, IDigestIndex index, ChainAppender appender)
    {
        Name = folder.Name;
        Template = template;
        Genesis = genesis;
        _log = log;
        _password = password;
        _cipher = cipher;
        _reads = reads;
        _appender = appender;
        Index = index;
        // The state is read outside the lock to choose key and policy; admission decides again under the lock.
        Intake = new Intake(genesis, cipher, digestKey, () => appender.State);
        _sequencer = new Sequencer(appender, Intake.PrepareTogether, template.QueueRequests, index.Signal) { Held = () => _freshnessPending is not null, Reconnected = () => Reconnected() };
        Reader = new ChainReader(() => _sequencer.Head, reads, index, genesis, cipher, digestKey);
        index.Start(() => _sequencer.Head.Size);
    }

    /// <summary>The chain's name.</summary>
    public string Name { get; }

    /// <summary>The limits that the chain was made with.</summary>
    public ChainTemplate Template { get; }

    /// <summary>The chain's constant.</summary>
    public Genesis Genesis { get; }

    /// <summary>Reads and proofs.</summary>
    public ChainReader Reader { get; }

    /// <summary>Look-up by digest and id.</summary>
    public IDigestIndex Index { get; }

    internal Intake Intake { get; }

    /// <summary>Called when a lost database was connected to again, before anything is appended: its nodes have to be asked again.</summary>
    internal Action Reconnected { get; set; } = static () => { };

    /// <summary>Why the chain's database does not answer; null while it does. The chain goes on by itself when it is back.</summary>
    public string? DatabaseLost => _sequencer.DatabaseLost;

    /// <summary>Why the chain stopped; null while it runs.</summary>
    public StoppedState? Stopped => _sequencer.Stopped;

    /// <summary>Opens a chain that exists.</summary>
    /// <param name="folder">Where it lies.</param>
    /// <param name="password">Opens its key files.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ChainRefusedException">Not there, other version, keys that do not fit, contradictions: one sentence with the remedy.</exception>
    public static ChainHost Open(ChainFolder folder, string password, TimeProvider time)
    {
        var database = ChainDatabase.Of(folder);
        if (!database.Exists || !File.Exists(folder.GenesisPath))
        {
            throw new ChainRefusedException(ChainRefusal.NotCreated, $"There is no chain in '{folder.Root}': create one with 'notary chain create'.");
        }

        var problem = Genesis.TryParse(File.ReadAllBytes(folder.GenesisPath), out var genesis);
        if (genesis is null)
        {
            throw new ChainRefusedException(ChainRefusal.Inconsistent, $"'{folder.GenesisPath}' is no genesis document ({problem}): restore it from a backup.");
        }

        if (database.IsShared && File.Exists(folder.SignerAddressPath))
        {
            // A signer signs no smaller size than before, and several servers do not finish their batches in one order.
            throw new ChainRefusedException(ChainRefusal.Key, $"The chain lies in PostgreSQL, where several servers sign, and '{folder.SignerAddressPath}' names a signer, which signs for one: use a key file.");
        }

        var opened = new Stack<IDisposable>();
        try
        {
            var template = ChainTemplate.LoadCopy(folder.Root, genesis.Chain);
            var log = Own(LogSigner.Load(folder, genesis, password));
            var cipher = Own(ItemCipher.Create(genesis.Suite, WrappingKeyId, LoadKey(() => SymmetricKeyFile.Load(folder.WrappingKeyPath, password))));
            var digestKey = Hash32.FromSpan(LoadKey(() => SymmetricKeyFile.Load(folder.DigestIndexKeyPath, password)));
            var store = Own(database.OpenStore());
            var reads = Own(new ChainReads(database.OpenReader));
            var index = Own(database.OpenIndex());
            var appender = ChainAppender.Open(store, reads, genesis, log, time, () => index.DurableTo);
            return new ChainHost(folder, template, genesis, log, password, cipher, digestKey, reads, index, appender);
        }
        catch (DatabaseFailureException failure)
        {
            Close();
            throw new ChainRefusedException(ChainRefusal.Storage, $"The database '{database.Name}' cannot be opened ({failure.Message}): look at the disk, then run 'notary fsck'.", failure);
        }
        catch (Exception)
        {
            Close();
            throw;
        }

        T Own<T>(T part)
            where T : IDisposable
        {
            opened.Push(part);
            return part;
        }

        void Close()
        {
            while (opened.TryPop(out var part))
            {
                part.Dispose();
            }
        }
    }

    /// <summary>Why nothing may be appended yet: enough ledger nodes have still to say that they hold nothing else. Null once they have, and for a chain without nodes.</summary>
    public string? FreshnessPending => _freshnessPending;

    /// <summary>How an append would end at once; null when it would be queued.</summary>
    internal AppendEnding? EndsAtOnce => Stopped is not null ? AppendEnding.Stopped : DatabaseLost is not null ? AppendEnding.DatabaseLost : FreshnessPending is not null ? AppendEnding.Held : null;

    /// <summary>Whether other servers have stored what this one has not taken over yet, or their database does not answer, or confirms nothing.</summary>
    internal bool LagsBehind
    {
        get
        {
            try
            {
                return IsShared && (DatabaseLost is not null || _appender.Committing > SlowCommit || _reads.StoredSize() > Reader.Size);
            }
            catch (DatabaseFailureException)
            {
                return true;
            }
        }
    }

    /// <summary>Whether other servers append to the chain too.</summary>
    internal bool IsShared => _appender.MayReopen;

    /// <summary>Why nothing is appended at the moment, although the chain has not stopped; null while it is.</summary>
    public string? Waiting => DatabaseLost ?? FreshnessPending;

    /// <summary>The key records of an account, as far as they were appended: the newest of each key, by index, whatever its validity.</summary>
    public IReadOnlyList<(long Index, KeyRecord Key)> KeysOf(string account) => [.. _appender.State.KeysOf(account)];

    /// <summary>The newest anchor of another chain on this one, as far as it was appended; null without one.</summary>
    public AnchorInForce? LatestAnchor(string origin) => _appender.State.LatestAnchor(origin);

    /// <summary>The incident on this chain that closed an origin, as far as it was appended; null without one.</summary>
    public ClosedChain? Closed(string origin) => _appender.State.Closed(origin);

    /// <summary>The versions of the trust file that this chain carries, oldest first, as far as they were appended.</summary>
    public IReadOnlyList<TrustInForce> TrustVersions => _appender.State.TrustVersions;

    /// <summary>The policies in force, in the order of <see cref="PolicyNames"/>, as far as they were appended.</summary>
    public IReadOnlyList<PolicyStanding> PoliciesInForce
    {
        get
        {
            var state = _appender.State;
            return [.. PolicyNames.InOrder.Where(name => state.PolicyText(name) is not null).Select(name => new PolicyStanding(name, state.PolicyVersion(name), state.PolicyIndex(name), state.PolicyText(name)!.Value))];
        }
    }

    /// <summary>What ledger nodes said that is sealed on this chain, as far as it was appended.</summary>
    public NodesState SealedStatements => _appender.State.Nodes;

    /// <summary>The log keys whose private halves lie in the chain's folder.</summary>
    public IReadOnlyList<NoteKey> LogKeysHere => _log.Held;

    /// <summary>Loads a log key whose file was made after the chain was opened; it signs once <see cref="SignWith"/> asks for it.</summary>
    /// <exception cref="ChainRefusedException">Its file cannot be read.</exception>
    internal void LoadLogKey(NoteKey key) => _log.TryAdd(key, _password);

    /// <summary>Which log keys sign from now on, asked at each signature; those without a file here are passed over. None of them here stops the chain.</summary>
    internal void SignWith(Func<IReadOnlyList<NoteKey>> wanted) => _log.Wanted = wanted;

    /// <summary>Appends a leaf of the platform's own.</summary>
    /// <param name="draft">An anchor or trust leaf of this chain, or a node's statement.</param>
    /// <returns>Its index; or −1 and the reason: a code of admission, or how the append ended.</returns>
    public async Task<(long Index, string Reason)> AppendAsync(LeafDraft draft)
    {
        if (EndsAtOnce is { } ending)
        {
            return (-1, ending switch { AppendEnding.Stopped => "chain-stopped", AppendEnding.DatabaseLost => "database-lost", _ => "freshness-pending" });
        }

        var request = new SystemRequest(new SystemLeaf(Genesis.Suite, draft));
        var outcome = await _sequencer.AppendAsync(request).ConfigureAwait(false);
        return outcome.Ending != AppendEnding.Decided ? (-1, outcome.Ending.ToString())
            : request.Refusal.Ok ? (request.First, string.Empty)
            : (-1, request.Refusal.Code);
    }

    /// <summary>The state of admission, as far as leaves were appended; above the reader's size it is not yet durable. Read for its policies, keys, trust file and custody, and what nodes said, only: those are replaced whole.</summary>
    internal ChainState State => _appender.State;

    /// <summary>What a request with this idempotency key was answered; null when it is new. Read without the lock.</summary>
    internal Store.AnsweredRequest? Answered(string account, string key) => _reads.Request(account, key);

    /// <summary>Appends a prepared request.</summary>
    internal Task<AppendOutcome> AppendAsync(AppendRequest request) => _sequencer.AppendAsync(request);

    /// <summary>Appends nothing until the nodes have been asked.</summary>
    /// <returns>The check that may lift it: a later hold is lifted by its own check alone.</returns>
    internal int HoldForFreshness(string sentence)
    {
        lock (_holdGate)
        {
            _freshnessPending = sentence;
            return ++_holds;
        }
    }

    /// <summary>Says what a check still waits for.</summary>
    internal void StillHeld(int check, string sentence)
    {
        lock (_holdGate)
        {
            if (check == _holds)
            {
                _freshnessPending = sentence;
            }
        }
    }

    /// <summary>The nodes hold nothing that the head does not extend.</summary>
    internal void Release(int check)
    {
        lock (_holdGate)
        {
            if (check != _holds)
            {
                return;
            }

            _freshnessPending = null;
        }

        _sequencer.Wake();
    }

    /// <summary>The trust file does not know this chain: whatever it sealed could be believed by nobody.</summary>
    internal void StopUntrusted(string sentence)
    {
        _sequencer.StopFor(new StoppedState(StopReason.Untrusted, sentence));
        _freshnessPending = null;
    }

    /// <summary>Entries of it are lost, and governance has closed it or is about to: nothing may ever be appended to it.</summary>
    internal void StopClosed(StopReason reason, string sentence)
    {
        _sequencer.StopFor(new StoppedState(reason, sentence));
        _freshnessPending = null;
    }

    /// <summary>A node holds more than this database, or another history: nothing may be appended to it.</summary>
    internal void StopStale(string sentence)
    {
        _sequencer.StopFor(new StoppedState(StopReason.Stale, sentence));
        _freshnessPending = null;
    }

    /// <summary>Seals the accepted lines of a request in one transaction, and answers when they are durable and signed.</summary>
    public async Task<DepositResult> DepositAsync(Deposit deposit)
    {
        if (EndsAtOnce is { } ending)
        {
            return DepositResult.Of(OutcomeOf(ending));
        }

        var request = new DepositRequest(deposit);
        if (!Intake.IsShared(deposit))
        {
            Intake.Prepare(request);
        }

        var outcome = request.Ended is null ? await _sequencer.AppendAsync(request).ConfigureAwait(false) : default;
        ChainTelemetry.Refused.Add(request.Errors.Count);
        if (request.Failure is { } failure)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }

        if (request.Ended is not null)
        {
            return AnsweredBefore(request) ?? DepositResult.Refused(Genesis, request, Reader);
        }

        if (outcome.Ending == AppendEnding.Decided && !request.Conflict && request.Replay is null)
        {
            return DepositResult.Sealed(Genesis, request, outcome.Batch!, Reader);
        }

        request.Leaves?.Dispose();
        return outcome.Ending != AppendEnding.Decided ? DepositResult.Of(OutcomeOf(outcome.Ending))
            : request.Replay is { } row ? DepositResult.Replayed(Genesis, row, Reader)
            : DepositResult.Of(DepositOutcome.IdempotencyConflict);
    }

    private static DepositOutcome OutcomeOf(AppendEnding ending) => ending switch
    {
        AppendEnding.QueueFull => DepositOutcome.QueueFull,
        AppendEnding.Stopped => DepositOutcome.ChainStopped,
        AppendEnding.DatabaseLost => DepositOutcome.DatabaseLost,
        AppendEnding.Held => DepositOutcome.FreshnessPending,
        AppendEnding.OutcomeUnknown => DepositOutcome.OutcomeUnknown,
        _ => throw new InvalidOperationException($"A deposit does not end in {ending} alone."),
    };

    // What was sealed under this key before a rule or a key record changed stays the answer to the same request. The row is read without the lock, so it may
    // be of a batch that is not yet durable; and the same bytes can be another request where a body is read otherwise.
    private DepositResult? AnsweredBefore(DepositRequest request)
    {
        if (request is not { Account: { } account, IdempotencyKey: { } key } || Answered(account, key) is not { Count: > 0 } known || !known.Digest.Equals(request.RequestDigest))
        {
            return null;
        }

        var replay = DepositResult.Replayed(Genesis, known, Reader);
        var lines = request switch
        {
            { Deposit.SingleRequest: true } => 1,
            { Ended: DepositOutcome.NoKey } => replay.Lines, // the body was not read
            _ => request.Lines,
        };
        if (replay.Lines != lines)
        {
            return null;
        }

        return known.First + known.Count <= Reader.Size ? replay : DepositResult.Of(DepositOutcome.OutcomeUnknown);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The writer's connection closes last: with it goes a descriptor of the database, and with that every lock on it that this process holds. One in a COMMIT that nobody confirms is closed by
        // the writer's thread, or by the end of the process.
        _sequencer.Dispose();
        Index.Dispose();
        _reads.Dispose();
        if (!_sequencer.Abandoned)
        {
            _appender.Dispose();
        }

        _cipher.Dispose();
        _log.Dispose();
    }

    private static T LoadKey<T>(Func<T> load)
    {
        try
        {
            return load();
        }
        catch (KeyFileException failure)
        {
            throw new ChainRefusedException(ChainRefusal.Key, failure.Message, failure);
        }
    }
}
