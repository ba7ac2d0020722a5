using System.Diagnostics;
using Notary.Chain.Folders;
using Notary.Chain.Index;
using Notary.Chain.Sqlite;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain;

/// <summary>
/// One opened chain: its keys, its store, its sequencer, its reader and its digest index. Deposits go in here.
/// </summary>
public sealed class ChainHost : IDisposable
{
    /// <summary>The id of the wrapping key in item boxes; a rotation of the key counts up.</summary>
    internal const uint WrappingKeyId = 1;

    private readonly Sequencer _sequencer;
    private readonly ChainReads _reads;
    private readonly ISigner _signer;
    private readonly ItemCipher _cipher;
    private readonly Hash32 _digestKey;

    private ChainHost(ChainFolder folder, ChainTemplate template, Genesis genesis, ISigner signer, ItemCipher cipher, Hash32 digestKey, ChainReads reads, DigestIndex index, ChainAppender appender)
    {
        Name = folder.Name;
        Template = template;
        Genesis = genesis;
        _signer = signer;
        _cipher = cipher;
        _digestKey = digestKey;
        _reads = reads;
        Index = index;
        State = () => appender.State;
        _sequencer = new Sequencer(appender, template.QueueRequests, index.Signal);
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
    public DigestIndex Index { get; }

    /// <summary>Why the chain stopped; null while it runs.</summary>
    public StoppedState? Stopped => _sequencer.Stopped;

    // Read outside the lock to choose key and policy; admission decides again under the lock.
    private Func<ChainState> State { get; }

    /// <summary>Opens a chain that exists.</summary>
    /// <param name="folder">Where it lies.</param>
    /// <param name="password">Opens its key files.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ChainRefusedException">Not there, other version, keys that do not fit, contradictions: one sentence with the remedy.</exception>
    public static ChainHost Open(ChainFolder folder, string password, TimeProvider time)
    {
        if (!File.Exists(folder.DatabasePath) || !File.Exists(folder.GenesisPath))
        {
            throw new ChainRefusedException(ChainRefusal.NotCreated, $"There is no chain in '{folder.Root}': create one with 'notary chain create'.");
        }

        var problem = Genesis.TryParse(File.ReadAllBytes(folder.GenesisPath), out var genesis);
        if (genesis is null)
        {
            throw new ChainRefusedException(ChainRefusal.Inconsistent, $"'{folder.GenesisPath}' is no genesis document ({problem}): restore it from a backup.");
        }

        var opened = new Stack<IDisposable>();
        try
        {
            var template = ChainTemplate.LoadCopy(folder.Root, genesis.Chain);
            var signer = Own(LoadKey(() => KeyFile.Load(folder.LogKeyPath, password)));
            if (!signer.PublicKey.Span.SequenceEqual(genesis.LogKey.PublicKey))
            {
                throw new ChainRefusedException(ChainRefusal.Key, $"'{folder.LogKeyPath}' is not the log key of this chain's genesis: put the right key file back.");
            }

            var cipher = Own(ItemCipher.Create(genesis.Suite, WrappingKeyId, LoadKey(() => SymmetricKeyFile.Load(folder.WrappingKeyPath, password))));
            var digestKey = Hash32.FromSpan(LoadKey(() => SymmetricKeyFile.Load(folder.DigestIndexKeyPath, password)));
            var store = Own(ChainStore.Open(folder.DatabasePath));
            var reads = Own(new ChainReads(folder.DatabasePath));
            var index = Own(DigestIndex.Open(folder.IndexPath, folder.DatabasePath));
            var appender = ChainAppender.Open(store, reads, genesis, signer, time, () => index.DurableTo);
            return new ChainHost(folder, template, genesis, signer, cipher, digestKey, reads, index, appender);
        }
        catch (SqliteFailureException failure)
        {
            Close();
            throw new ChainRefusedException(ChainRefusal.Storage, $"The database '{folder.DatabasePath}' cannot be opened ({failure.Message}): look at the disk, then run 'notary fsck'.", failure);
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

    /// <summary>Seals the accepted lines of a request in one transaction, and answers when they are durable and signed.</summary>
    public async Task<DepositResult> DepositAsync(Deposit deposit)
    {
        if (Stopped is not null)
        {
            return DepositResult.Of(DepositOutcome.ChainStopped);
        }

        var state = State();
        var key = state.KeysOf(deposit.Account).Select(static k => (long?)k.Index).LastOrDefault();
        if (key is null)
        {
            return DepositResult.Of(DepositOutcome.NoKey);
        }

        var errors = new Dictionary<int, LineError>();
        int lines;
        EvidenceLeaves leaves;
        using (var requests = Parse(deposit))
        {
            if (requests.BodyProblem is { } body)
            {
                return DepositResult.Of(DepositOutcome.BodyRefused, body);
            }

            lines = requests.LineCount;
            RefuseLongMetadata(requests, state.Admission!, deposit.Account);
            CollectProblems(requests, errors);
            if (errors.Count == lines)
            {
                return DepositResult.Refused(lines, errors, Genesis, Reader);
            }

            using var activity = ChainTelemetry.Source.StartActivity("prepare");
            var submitter = new SubmitterContext
            {
                Account = deposit.Account, Key = key.Value, Policy = state.AdmissionIndex, Auth = deposit.Auth, Relation = deposit.Relation,
            };
            leaves = EvidenceLeaves.Prepare(Genesis, submitter, requests, deposit.Received, _cipher, _digestKey);
        }

        var refused = new HashSet<int>();
        var request = new AppendRequest
        {
            Leaves = leaves,
            Account = deposit.Account,
            IdempotencyKey = deposit.IdempotencyKey,
            RequestDigest = deposit.IdempotencyKey is null ? default : Suite.Intl.Hash(deposit.Body.Span),
            Refused = (leaf, result) =>
            {
                refused.Add(leaf);
                var line = leaves.Batch.LineOf(leaf);
                errors[line] = new LineError(line, result.Code, Explain(result), Admission: true);
            },
            Remember = () => DepositResult.Outcomes.Write(lines, errors),
            Outcomes = deposit.IdempotencyKey is null ? [] : DepositResult.Outcomes.Write(lines, errors),
        };
        var outcome = await _sequencer.AppendAsync(request).ConfigureAwait(false);
        ChainTelemetry.Refused.Add(errors.Count);
        switch (outcome.Ending)
        {
            case AppendEnding.QueueFull:
            case AppendEnding.Stopped:
                leaves.Dispose();
                return DepositResult.Of(outcome.Ending == AppendEnding.QueueFull ? DepositOutcome.QueueFull : DepositOutcome.ChainStopped);
            case AppendEnding.OutcomeUnknown:
                leaves.Dispose();
                return DepositResult.Of(DepositOutcome.OutcomeUnknown);
            case AppendEnding.Decided when request.Conflict:
                leaves.Dispose();
                return DepositResult.Of(DepositOutcome.IdempotencyConflict);
            case AppendEnding.Decided when request.Replay is { } row:
                leaves.Dispose();
                return DepositResult.Replayed(Genesis, row, Reader);
            default:
                int[] sealedLeaves = [.. Enumerable.Range(0, leaves.Count).Where(i => !refused.Contains(i))];
                return DepositResult.Sealed(Genesis, lines, request, leaves, sealedLeaves, errors, outcome.Batch!, Reader);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _sequencer.Dispose();
        Index.Dispose();
        _reads.Dispose();
        _cipher.Dispose();
        _signer.Dispose();
    }

    private static RequestBatch Parse(Deposit deposit)
    {
        using var activity = ChainTelemetry.Source.StartActivity("parse");
        return deposit.SingleRequest ? RequestBatch.ParseOne(deposit.Body.Span) : RequestBatch.Parse(deposit.Body);
    }

    // The leaf does not show how long its metadata is, so this rule of the policy is intake's and not AdmitState's.
    private static void RefuseLongMetadata(RequestBatch requests, AdmissionPolicy policy, string account)
    {
        for (var row = 0; row < requests.Count; row++)
        {
            ref readonly var request = ref requests.Row(row);
            if (request.HasMetadata && policy.MaxMetadata(System.Text.Encoding.ASCII.GetString(requests.TypeOf(row)), account) is var limit && request.MetadataLength > limit)
            {
                requests.Refuse(row, new RequestProblem(RequestCodes.MetadataTooLarge, $"The admission policy allows {limit} bytes of metadata for this type and account."));
            }
        }
    }

    private static void CollectProblems(RequestBatch requests, Dictionary<int, LineError> errors)
    {
        for (var line = 0; line < requests.LineCount; line++)
        {
            if (requests.ProblemOf(line) is { } problem)
            {
                errors[line] = new LineError(line, problem.Code, problem.Offset is { } offset ? $"{problem.Message} (byte {offset})" : problem.Message, Admission: false);
            }
        }
    }

    private static string Explain(AdmissionResult result) => (result.Member, result.Rule) switch
    {
        ("", "") => "Refused by the chain's admission rules.",
        (var member, "") => $"Refused by the chain's admission rules at '{member}'.",
        ("", var rule) => $"Refused by rule '{rule}' of the admission policy.",
        var (member, rule) => $"Refused by rule '{rule}' of the admission policy at '{member}'.",
    };

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
