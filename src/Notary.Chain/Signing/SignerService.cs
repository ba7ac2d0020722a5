using System.Globalization;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Notary.Crypto;
using Notary.Crypto.Native;
using Notary.Ledger;

namespace Notary.Chain.Signing;

/// <summary>
/// A process that holds a log's private key behind a Unix socket, and signs nothing but checkpoints of one origin that do not go back: never a smaller size than before, never another root
/// for the size that it signed last. A server that was taken over can so neither take the key away nor sign a second tree of one size; that a larger tree extends the one before only the
/// ledger nodes see.
/// </summary>
/// <remarks>
/// <para>Whoever connects must be of this process's user, for which the socket has mode 0600, or of one that was named: the system says which it is (SO_PEERCRED). Each request is in the <see cref="SignerLog"/>, on the disk, before
/// it is answered. Requests are answered at a rate; a faster log waits.</para>
/// <para>Failure: when the disk or the key fails, every further request is answered with <see cref="SignerAnswer.Failed"/>: start it again.</para>
/// </remarks>
[UnsupportedOSPlatform("windows")]
public sealed class SignerService : IAsyncDisposable
{
    /// <summary>Connections at once; further ones wait.</summary>
    public const int MaximumConnections = 8;

    private const int Backlog = 128;

    /// <summary>How long an answer may take to go.</summary>
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(10);

    private readonly ISigner _signer;
    private readonly string _origin;
    private readonly SignerLog _log;
    private readonly TimeSpan _interval;
    private readonly TimeProvider _time;
    private readonly HashSet<uint> _users;
    private readonly string _path;
    private readonly Socket _listener;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly SemaphoreSlim _places = new(MaximumConnections);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _work;
    private long _nextAt;
    private bool _failed;

    private SignerService(string path, Socket listener, ISigner signer, string origin, SignerLog log, int perSecond, IReadOnlyList<uint> users, TimeProvider time)
    {
        _path = path;
        _listener = listener;
        _signer = signer;
        _origin = origin;
        _log = log;
        _interval = TimeSpan.FromSeconds(1.0 / perSecond);
        _users = users.Count == 0 ? [CurrentUser.Id] : [.. users];
        _time = time;
        _work = Task.Run(AcceptAsync);
    }

    /// <summary>Begins to serve.</summary>
    /// <param name="path">Of the socket, at most 100 bytes; one that a dead signer left is replaced.</param>
    /// <param name="signer">The key; stays its owner's, as the log does.</param>
    /// <param name="origin">The one origin whose checkpoints it signs.</param>
    /// <param name="log">Its memory.</param>
    /// <param name="perSecond">Most signatures a second, 1 to 10,000.</param>
    /// <param name="users">User ids that may ask; none: this process's own.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ChainRefusedException">The socket cannot be made there.</exception>
    public static SignerService Start(string path, ISigner signer, string origin, SignerLog log, int perSecond, IReadOnlyList<uint> users, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(signer);
        ArgumentNullException.ThrowIfNull(log);
        ArgumentOutOfRangeException.ThrowIfLessThan(perSecond, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(perSecond, 10_000);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // Whoever holds the log is the only signer of this key: a socket that lies there is of one that died.
            File.Delete(path);
            listener.Bind(new UnixDomainSocketEndPoint(path));
            // Nobody is let in before listen(2). Where other users were named, the system's word for who connects decides, not the file's mode.
            const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            File.SetUnixFileMode(path, users.Count == 0 ? Owner : Owner | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite);
            listener.Listen(Backlog);
            return new SignerService(path, listener, signer, origin, log, perSecond, users, time);
        }
        catch (Exception failure) when (failure is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            listener.Dispose();
            throw new ChainRefusedException(ChainRefusal.Storage, $"The socket '{path}' cannot be made: {failure.Message}", failure);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _work.ConfigureAwait(false);
        for (var place = 0; place < MaximumConnections; place++)
        {
            await _places.WaitAsync().ConfigureAwait(false);
        }

        File.Delete(_path);
        _stop.Dispose();
        _turn.Dispose();
        _places.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _places.WaitAsync(_stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            try
            {
                var peer = await _listener.AcceptAsync(_stop.Token).ConfigureAwait(false);
                _ = Task.Run(() => ServeAsync(peer));
            }
            catch (Exception closed) when (closed is OperationCanceledException or ObjectDisposedException || _stop.IsCancellationRequested)
            {
                _places.Release();
                return;
            }
            catch (SocketException)
            {
                // One that went away before it was let in, or no descriptors just now.
                _places.Release();
                await Task.Delay(50, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private async Task ServeAsync(Socket peer)
    {
        try
        {
            using var stream = new NetworkStream(peer, ownsSocket: true);
            var (uid, who) = PeerOf(peer);
            if (!_users.Contains(uid))
            {
                return;
            }

            while (await SignerFrames.ReadAsync(stream, _stop.Token).ConfigureAwait(false) is { } body)
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                limit.CancelAfter(AnswerPatience);
                await stream.WriteAsync(await AnswerAsync(body, who, _stop.Token).ConfigureAwait(false), limit.Token).ConfigureAwait(false);
            }
        }
        catch (Exception gone) when (gone is IOException or InvalidDataException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One connection ended or sent no frames; the log makes another.
        }
        finally
        {
            _places.Release();
        }
    }

    // struct ucred of Linux: pid, uid, gid.
    private static (uint Uid, string Who) PeerOf(Socket peer)
    {
        const int SolSocket = 1;
        const int SoPeerCred = 17;
        Span<byte> credentials = stackalloc byte[12];
        if (peer.GetRawSocketOption(SolSocket, SoPeerCred, credentials) != credentials.Length)
        {
            throw new SocketException((int)SocketError.OperationNotSupported);
        }

        var pid = BitConverter.ToInt32(credentials);
        var uid = BitConverter.ToUInt32(credentials[4..]);
        return (uid, string.Create(CultureInfo.InvariantCulture, $"uid={uid} pid={pid}"));
    }

    private async Task<byte[]> AnswerAsync(byte[] body, string who, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_failed)
            {
                return SignerFrames.Refusal(SignerAnswer.Failed, "The signer's disk or key failed: start it again.");
            }

            await PaceAsync(cancellation).ConfigureAwait(false);
            return Decide(body, who);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // What is in memory may be ahead of the log on the disk.
            _failed = true;
            return SignerFrames.Refusal(SignerAnswer.Failed, failure.Message);
        }
        finally
        {
            _turn.Release();
        }
    }

    private byte[] Decide(byte[] body, string who)
    {
        if (body[0] != SignerFrames.Version || !TryText(body.AsSpan(2), out var text))
        {
            return Refuse(SignerAnswer.Malformed, "No request of version 1.", null);
        }

        switch ((SignerRequest)body[1])
        {
            case SignerRequest.Key:
                return text == _origin
                    ? SignerFrames.Key(_signer.Algorithm, _signer.PublicKey.Span)
                    : Refuse(SignerAnswer.OtherOrigin, $"This signer signs for {_origin}.", null);
            case SignerRequest.Sign:
                break;
            default:
                return Refuse(SignerAnswer.Malformed, "No request of version 1.", null);
        }

        if (Checkpoint.TryParse(text, out var checkpoint) != CheckpointProblem.None || checkpoint!.Extensions.Count > 0)
        {
            return Refuse(SignerAnswer.NotACheckpoint, "Only checkpoints are signed here.", null);
        }

        if (checkpoint.Origin != _origin)
        {
            return Refuse(SignerAnswer.OtherOrigin, $"This signer signs for {_origin}.", checkpoint);
        }

        if (checkpoint.Size < _log.Size)
        {
            return Refuse(SignerAnswer.Behind, FormattableString.Invariant($"Size {_log.Size} was signed before, size {checkpoint.Size} is not signed after it: was the database put back?"), checkpoint);
        }

        if (checkpoint.Size == _log.Size && !checkpoint.Root.Equals(_log.Root))
        {
            return Refuse(SignerAnswer.OtherRoot, FormattableString.Invariant($"Another tree of size {_log.Size} was signed before."), checkpoint);
        }

        // First what is going to be signed is on the disk, then it is signed: a crash in between forgets no signature.
        _log.Write(SignerAnswer.Done, checkpoint.Size, checkpoint.Root, who);
        return SignerFrames.Of((byte)SignerAnswer.Done, _signer.Sign(body.AsSpan(2)));

        byte[] Refuse(SignerAnswer answer, string sentence, Checkpoint? asked)
        {
            _log.Write(answer, asked?.Size ?? 0, asked?.Root, who);
            return SignerFrames.Refusal(answer, sentence);
        }
    }

    // Refusals have a line of their own too: whoever asks faster waits.
    private async Task PaceAsync(CancellationToken cancellation)
    {
        var now = _time.GetTimestamp();
        var wait = _time.GetElapsedTime(now, Math.Max(now, _nextAt));
        _nextAt = Math.Max(now, _nextAt) + (long)(_interval.TotalSeconds * _time.TimestampFrequency);
        if (wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, _time, cancellation).ConfigureAwait(false);
        }
    }

    private static bool TryText(ReadOnlySpan<byte> bytes, out string text)
    {
        text = string.Empty;
        try
        {
            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
