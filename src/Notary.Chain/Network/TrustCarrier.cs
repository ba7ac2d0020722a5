using Notary.Chain.Folders;
using Notary.Crypto;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Network;

/// <summary>Why a version of the trust file is not sealed. Numbers frozen; the code is the name in lower case with hyphens.</summary>
public enum TrustRefusal
{
    /// <summary>It is sealed, or will be.</summary>
    None = 0,

    /// <summary>The main chain carries no trust file: a development deployment, whose file <c>chain create</c> writes.</summary>
    NotGoverned = 1,

    /// <summary>Not the version after the one in force.</summary>
    NotNextVersion = 2,

    /// <summary>It names another version before it, is of another deployment, or lacks signatures: <see cref="TrustFile.Follows"/>.</summary>
    NotAuthorised = 3,

    /// <summary>Longer than a leaf takes, or not ASCII.</summary>
    TooLarge = 4,

    /// <summary>It does not know a chain of this platform, or not by the key of its genesis.</summary>
    ChainMissing = 5,

    /// <summary>The private half of a log key that has to sign is not in the chain's folder.</summary>
    LogKeyMissing = 6,

    /// <summary>It changes what holds at an index that the main chain has passed, and whoever applied it did not say that this is meant.</summary>
    ReachesBack = 7,

    /// <summary>The main chain does not append now; the same file may be sent again.</summary>
    NotAppended = 8,
}

/// <summary>What became of a version of the trust file that was handed in.</summary>
/// <param name="Refusal">Why nothing of it is sealed; None when the main chain holds it.</param>
/// <param name="Detail">One sentence for people.</param>
/// <param name="MainIndex">Index of its leaf on the main chain.</param>
/// <param name="Waiting">Chains to which it is still to be carried: that goes on by itself.</param>
public sealed record TrustApplied(TrustRefusal Refusal, string Detail, long MainIndex, IReadOnlyList<string> Waiting)
{
    internal static TrustApplied Refused(TrustRefusal refusal, string detail) => new(refusal, detail, -1, []);
}

/// <summary>
/// Brings versions of the trust file into force: seals them on the main chain, writes <c>trust.note</c>, and carries them to each region with their signatures. The leaf on the main chain is the
/// one step that decides; everything behind it is repeated until it is done, in this process or the next.
/// </summary>
internal sealed class TrustCarrier : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly DataFolder _data;
    private readonly IReadOnlyDictionary<string, ChainHost> _chains;
    private readonly ChainHost? _main;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Action<TrustFile, TrustFile> _goneOver;
    private readonly Action _looked;
    private volatile TrustFile _trust;
    private volatile TrustFile? _coming;
    private TrustFile? _unjudged;
    private Task _work = Task.CompletedTask;

    /// <param name="data">The data folder.</param>
    /// <param name="chains">The open chains.</param>
    /// <param name="file">The trust file that lies in the data folder.</param>
    /// <param name="goneOver">Called after the version in force has changed, with the one before and the new one.</param>
    /// <param name="looked">Called every time that the main chain is looked at for what other servers sealed there.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ChainRefusedException">The file is not the main chain's, and does not lead to it.</exception>
    public TrustCarrier(DataFolder data, IReadOnlyDictionary<string, ChainHost> chains, TrustFile file, Action<TrustFile, TrustFile> goneOver, Action looked, TimeProvider time)
    {
        _data = data;
        _chains = chains;
        _main = chains.GetValueOrDefault(TrustFile.MainChain);
        _goneOver = goneOver;
        _looked = looked;
        _time = time;
        _trust = AtStart(file);
    }

    /// <summary>The version in force.</summary>
    public TrustFile Trust => _trust;

    /// <summary>Why it is not on all chains yet; null when it is.</summary>
    public string? Trouble { get; private set; }

    /// <summary>The keys by which a log has to sign: of its entries in force and to come, and those by which its nodes still know it.</summary>
    public IReadOnlyList<NoteKey> SigningKeys(ChainHost chain, ChainTrust trust, long finalSize)
    {
        // Nodes learn a new key from the trust leaf among their entries: a quorum has that once it is final.
        var seen = chain.TrustVersions.LastOrDefault(version => version.Index < finalSize)?.File;
        return [.. trust.LogKeys.Concat(chain.Genesis.LogKeysUnder(seen)).Concat(_coming is { } coming ? chain.Genesis.LogKeysUnder(coming) : []).Distinct()];
    }

    /// <summary>Begins to carry what is still to be carried.</summary>
    public void Start()
    {
        if (_main is { TrustVersions.Count: > 0 })
        {
            _work = Task.Run(WorkAsync);
        }
    }

    /// <summary>Seals the next version and waits until every chain carries it, or the time is over; the same file again only waits.</summary>
    /// <param name="file">Signed.</param>
    /// <param name="reachBack">Whether it may change what holds at main indexes that are passed already: a revocation.</param>
    /// <param name="cancellation">Ends the waiting, not the carrying.</param>
    public async Task<TrustApplied> ApplyAsync(TrustFile file, bool reachBack, CancellationToken cancellation)
    {
        if (_main is not { TrustVersions.Count: > 0 })
        {
            return TrustApplied.Refused(TrustRefusal.NotGoverned, "The main chain of this platform carries no trust file: it is a development deployment.");
        }

        try
        {
            await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return TrustApplied.Refused(TrustRefusal.NotAppended, "Another version is being carried to the regions; hand the same file in again.");
        }

        try
        {
            if (file.Fingerprint != _trust.Fingerprint)
            {
                if (Refuse(file, _main, reachBack) is { } refused)
                {
                    return refused;
                }

                _coming = file;
                var now = _time.GetUtcNow();
                var (index, reason) = await _main.AppendAsync(SystemLeaves.Trust(_main.Genesis, file, Guid.CreateVersion7(now), now)).ConfigureAwait(false);
                if (index < 0)
                {
                    return TrustApplied.Refused(TrustRefusal.NotAppended, $"The main chain did not take it ({reason}); hand the same file in again.");
                }

                try
                {
                    GoOver(file);
                }
                catch (Store.DatabaseFailureException failure)
                {
                    // It is in force all the same; the carrying tries again.
                    Trouble = failure.Message;
                }
            }
        }
        finally
        {
            _coming = null;
            _turn.Release();
        }

        await CarryToAllAsync(cancellation).ConfigureAwait(false);
        var at = _main.TrustVersions.First(version => version.File.Fingerprint == file.Fingerprint).Index;
        return new TrustApplied(TrustRefusal.None, string.Empty, at, Waiting());
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _work.ConfigureAwait(false);
        _stop.Dispose();
        _turn.Dispose();
    }

    private static ChainRefusedException Refused(string sentence) => new(ChainRefusal.Trust, sentence);

    // The main chain's newest trust leaf says what is in force. A process that ended between that leaf and trust.note left the file behind; anything else was put there by hand.
    private TrustFile AtStart(TrustFile file)
    {
        if (_main is not { TrustVersions: { Count: > 0 } versions })
        {
            return file;
        }

        var newest = versions[^1].File;
        if (newest.Fingerprint == file.Fingerprint)
        {
            return file;
        }

        var content = file.Content;
        if (content.Deployment != newest.Content.Deployment || content.Version >= newest.Content.Version)
        {
            throw Refused(
                $"'{_data.TrustPath}' is version {content.Version} of {content.Deployment} with the fingerprint {file.Fingerprint.ToHex()}, and the main chain carries version {newest.Content.Version} with {newest.Fingerprint.ToHex()}: put that one back; a new version comes into force by 'notary trust apply'.");
        }

        var leads = versions.FirstOrDefault(version => version.File.Content.Version == content.Version) is { } same
            ? same.File.Fingerprint == file.Fingerprint
            : versions[0].File.Follows(file) is null;
        if (!leads)
        {
            throw Refused($"'{_data.TrustPath}' is version {content.Version}, and no version that the main chain carries follows from it: put back a copy of the deployment's own trust file.");
        }

        WriteNote(newest);
        return newest;
    }

    private TrustApplied? Refuse(TrustFile file, ChainHost main, bool reachBack)
    {
        if (file.Follows(_trust) is { } problem)
        {
            return TrustApplied.Refused(problem.Failure == TrustFailure.NotNextVersion ? TrustRefusal.NotNextVersion : TrustRefusal.NotAuthorised, $"{problem.Failure}: {problem.Detail}.");
        }

        if (file.ToBytes().Length > TrustRecord.MaxBytes || !System.Text.Ascii.IsValid(file.Note.Text))
        {
            return TrustApplied.Refused(TrustRefusal.TooLarge, $"It has {file.ToBytes().Length} bytes; a leaf takes {TrustRecord.MaxBytes}, of ASCII.");
        }

        // The index that the leaf gets at least.
        var next = main.Reader.Size;
        foreach (var chain in _chains.Values.Where(chain => _trust.Find(chain.Genesis.Origin) is not null).OrderBy(static chain => chain.Name, StringComparer.Ordinal))
        {
            if (RefuseFor(chain, file, reachBack, next) is { } refused)
            {
                return refused;
            }
        }

        return null;
    }

    private TrustApplied? RefuseFor(ChainHost chain, TrustFile file, bool reachBack, long next)
    {
        var origin = chain.Genesis.Origin;
        if (!file.EntriesOf(origin).Any(entry => entry.LogKeys.Contains(chain.Genesis.LogKey)))
        {
            return TrustApplied.Refused(TrustRefusal.ChainMissing, $"It has no entry of {origin} with the log key of its genesis: entries are ended, never left out.");
        }

        foreach (var entry in file.EntriesOf(origin).Where(entry => entry.ToMainIndex is null || entry.ToMainIndex >= next))
        {
            try
            {
                foreach (var key in entry.LogKeys)
                {
                    chain.LoadLogKey(key);
                }
            }
            catch (ChainRefusedException unusable)
            {
                return TrustApplied.Refused(TrustRefusal.LogKeyMissing, unusable.Message);
            }

            if (!entry.LogKeys.Any(chain.LogKeysHere.Contains))
            {
                return TrustApplied.Refused(TrustRefusal.LogKeyMissing, $"None of the log keys of {origin} from main index {entry.FromMainIndex} on lies in the chain's folder: make one there with 'notary chain keygen', and propose that one.");
            }
        }

        return file.FirstChange(_trust, origin) is { } first && first < next && !reachBack
            ? TrustApplied.Refused(TrustRefusal.ReachesBack, $"It changes {origin} from main index {first} on, and the main chain has {next} leaves already: what was anchored since would count no more. Propose a later index, or say that this is meant.")
            : null;
    }

    private void GoOver(TrustFile file)
    {
        _unjudged ??= _trust;
        _trust = file;
        WriteNote(file);
        Judge();
    }

    private void Judge()
    {
        if (_unjudged is { } before)
        {
            _goneOver(before, _trust);
            _unjudged = null;
        }
    }

    private void WriteNote(TrustFile file)
    {
        try
        {
            DurableFile.Replace(_data.TrustPath, file.ToBytes());
            DurableFile.SyncFolder(_data.Root);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The main chain holds it: the next start writes the file.
            Trouble = $"'{_data.TrustPath}' cannot be written: {failure.Message}";
        }
    }

    private async Task WorkAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(Interval, _time);
            do
            {
                try
                {
                    await CarryAsync(_stop.Token).ConfigureAwait(false);
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    Trouble = failure.Message;
                }
            }
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // Closing.
        }
    }

    private async Task CarryToAllAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                await CarryAsync(cancellation).ConfigureAwait(false);
                if (Waiting().Count == 0)
                {
                    return;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(100), _time, cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The time is over; carrying goes on.
        }
    }

    // Also what another process sealed on the main chain of a database that both write to.
    private async Task CarryAsync(CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            _looked();
            var versions = _main!.TrustVersions;
            foreach (var version in versions.Where(version => version.File.Content.Version > _trust.Content.Version))
            {
                GoOver(version.File);
            }

            // Where it failed before: a disk that was full.
            Judge();
            Trouble = null;
            await Task.WhenAll(_chains.Values.Where(chain => chain != _main && MayCarry(chain)).Select(chain => CarryToAsync(chain, versions))).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task CarryToAsync(ChainHost chain, IReadOnlyList<TrustInForce> versions)
    {
        var carried = chain.TrustVersions is { Count: > 0 } own ? own[^1].File.Content.Version : versions[^1].File.Content.Version - 1;
        foreach (var version in versions.Where(version => version.File.Content.Version > carried))
        {
            var now = _time.GetUtcNow();
            var (index, reason) = await chain.AppendAsync(SystemLeaves.Trust(chain.Genesis, version.File, Guid.CreateVersion7(now), now)).ConfigureAwait(false);
            if (index < 0)
            {
                Trouble = $"Version {version.File.Content.Version} of the trust file is not on {chain.Genesis.Origin} yet ({reason}).";
                return;
            }
        }
    }

    // A chain that is closed seals nothing more, no version of the trust file either.
    private bool MayCarry(ChainHost chain) => _trust.Find(chain.Genesis.Origin) is not null && !ClosedChains.IsClosed(chain);

    private List<string> Waiting() => [.. _chains.Values
        .Where(chain => MayCarry(chain) && (chain.TrustVersions.Count == 0 || chain.TrustVersions[^1].File.Content.Version < _trust.Content.Version))
        .Select(static chain => chain.Name).Order(StringComparer.Ordinal)];
}
