using Notary.Chain.Nodes;
using Notary.Evidence;
using Notary.Server.Startup;

namespace Notary.Server.Nodes;

/// <summary>
/// The trust file as an organisation knows it: told to its nodes at the start, and again whenever the file has changed. A changed file that is no trust file, of another
/// deployment, or does not follow the one before leaves them as they are, and the log says so; an older one does too.
/// </summary>
internal sealed class NodeTrust : IAsyncDisposable
{
    private const string Option = "Notary:Nodes:TrustFile";
    private const long MaximumBytes = 1 << 20;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    private readonly string _path;
    private readonly IReadOnlyList<LedgerNode> _nodes;
    private readonly CancellationTokenSource _stop = new();
    private (DateTime Written, long Length) _read;
    private TrustFile? _known;
    private Task _following = Task.CompletedTask;

    private long Version => _known?.Content.Version ?? 0;

    private NodeTrust(string path, IReadOnlyList<LedgerNode> nodes)
    {
        _path = path;
        _nodes = nodes;
    }

    /// <summary>Reads the file and tells the nodes.</summary>
    /// <exception cref="StartRefusedException">It cannot be read, is none, or does not know a log that is mirrored here.</exception>
    public static NodeTrust Load(string path, IReadOnlyList<LedgerNode> nodes)
    {
        var trust = new NodeTrust(path, nodes);
        try
        {
            TrustFile file = trust.Read(out string? problem) ?? throw new StartRefusedException($"'{path}' of {Option} is no trust file ({problem}): take the one that was published, and compare its fingerprint.");
            if (trust.Unknown(file) is { } unknown)
            {
                throw new StartRefusedException($"the trust file '{path}' of {Option} does not know {unknown.Origin}, which {unknown.Key.Name} mirrors: take the trust file of that deployment.");
            }

            trust.Tell(file);
            return trust;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException($"the file '{path}' of {Option} cannot be read: correct the path, or give this user the right to read it.");
        }
    }

    /// <summary>Looks at the file from now on.</summary>
    public void Follow(ILogger logger) => _following = Task.Run(() => FollowAsync(logger));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _following;
        _stop.Dispose();
    }

    private async Task FollowAsync(ILogger logger)
    {
        using var timer = new PeriodicTimer(Every);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                Look(logger);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The process ends.
        }
    }

    private void Look(ILogger logger)
    {
        try
        {
            if (StampOf() == _read)
            {
                return;
            }

            TrustFile? file = Read(out string? problem);
            if ((problem ?? Unfit(file!)) is { } reason)
            {
                Log.TrustUnreadable(logger, Version, reason);
            }
            else if (file!.Content.Version > Version)
            {
                Tell(file);
                Log.TrustFollowed(logger, Version, file.Fingerprint.ToHex());
            }
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // Replaced at this moment, or for good: said once, and looked at again.
            if (_read != default)
            {
                _read = default;
                Log.TrustUnreadable(logger, Version, unreadable.Message);
            }
        }
    }

    private LedgerNode? Unknown(TrustFile file) => _nodes.FirstOrDefault(node => !file.EntriesOf(node.Origin).Any());

    // Where versions lie between them, whoever wrote the file has checked each ('notary trust update'); of the next one it is seen here.
    private string? Unfit(TrustFile file)
    {
        TrustFile known = _known!;
        return file.Content.Deployment != known.Content.Deployment ? $"it is of the deployment {file.Content.Deployment}, not {known.Content.Deployment}"
            : file.Content.Version == Version && file.Fingerprint != known.Fingerprint ? $"it is another version {Version} ({file.Fingerprint.ToHex()})"
            : file.Content.Version == Version + 1 && file.Follows(known) is { } wrong ? $"{wrong.Failure}: {wrong.Detail}"
            : file.Content.Version > Version && Unknown(file) is { } unknown ? $"it does not know {unknown.Origin}, which {unknown.Key.Name} mirrors"
            : null;
    }

    private TrustFile? Read(out string? problem)
    {
        (DateTime Written, long Length) stamp = StampOf();
        TrustFile? file = null;
        problem = stamp.Length > MaximumBytes ? "it is too long"
            : TrustFile.TryParse(File.ReadAllBytes(_path), out file) is { } wrong ? $"{wrong.Failure}: {wrong.Detail}"
            : null;
        _read = stamp;
        return problem is null ? file : null;
    }

    private (DateTime Written, long Length) StampOf()
    {
        var info = new FileInfo(_path);
        return (info.LastWriteTimeUtc, info.Length);
    }

    private void Tell(TrustFile file)
    {
        foreach (LedgerNode node in _nodes)
        {
            node.KnowTrust(file);
        }

        _known = file;
    }
}
