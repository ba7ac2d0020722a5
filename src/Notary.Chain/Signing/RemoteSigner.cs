using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Notary.Crypto;
using Notary.Crypto.Native;

namespace Notary.Chain.Signing;

/// <summary>A log's key in another process, <see cref="SignerService"/>. A lost connection is made again for five seconds: asked twice for one checkpoint the signer signs it twice.</summary>
/// <remarks>
/// The chain's folder says where it listens, in <c>signer.json</c>: <c>{"socket":"/run/notary/beijing.sock"}</c>. Failure of <see cref="Sign"/>: <see cref="IOException"/> when the signer
/// does not answer, <see cref="InvalidOperationException"/> with its sentence when it refuses.
/// </remarks>
public sealed class RemoteSigner : ISigner
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(30);
    private static readonly JsonSerializerOptions Strict = new() { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, PropertyNamingPolicy = JsonNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true };

    private readonly string _path;
    private readonly Lock _gate = new();
    private readonly byte[] _publicKey;
    private NetworkStream? _stream;

    private RemoteSigner(string path, NetworkStream stream, KeyAlgorithm algorithm, byte[] publicKey)
    {
        _path = path;
        _stream = stream;
        Algorithm = algorithm;
        _publicKey = publicKey;
    }

    /// <inheritdoc/>
    public KeyAlgorithm Algorithm { get; }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> PublicKey => _publicKey;

    /// <summary>Connects to the signer that an address file names, and asks for its key.</summary>
    /// <param name="addressPath">The chain's <c>signer.json</c>.</param>
    /// <param name="origin">The chain's origin.</param>
    /// <exception cref="ChainRefusedException">The file is malformed, nobody answers there, or a signer of another origin does.</exception>
    public static RemoteSigner Connect(string addressPath, string origin)
    {
        string socket;
        try
        {
            socket = JsonSerializer.Deserialize<Address>(File.ReadAllBytes(addressPath), Strict)?.Socket ?? throw new JsonException("null");
        }
        catch (JsonException failure)
        {
            throw new ChainRefusedException(ChainRefusal.Key, $"'{addressPath}' names no signer ({failure.Message}): it holds {{\"socket\":\"/run/notary/beijing.sock\"}}.", failure);
        }

        NetworkStream? stream = null;
        try
        {
            stream = Open(socket);
            var body = Ask(stream, SignerRequest.Key, Encoding.UTF8.GetBytes(origin));
            var algorithm = (KeyAlgorithm)body[0];
            if (algorithm is not (KeyAlgorithm.Sm2 or KeyAlgorithm.Ed25519) || body.Length - 1 != (algorithm == KeyAlgorithm.Sm2 ? 65 : 32))
            {
                throw new InvalidDataException("it names no key of a log");
            }

            return new RemoteSigner(socket, stream, algorithm, body[1..]);
        }
        catch (Exception failure) when (failure is IOException or SocketException or InvalidDataException or InvalidOperationException or ArgumentException)
        {
            stream?.Dispose();
            throw new ChainRefusedException(ChainRefusal.Key, $"The signer at '{socket}' cannot be used ({failure.Message}): start 'notary signer' for {origin}, as this server's user.", failure);
        }
    }

    /// <summary>Writes the address into a chain's folder.</summary>
    public static void Save(string addressPath, string socket) => DurableFile.Replace(addressPath, JsonSerializer.SerializeToUtf8Bytes(new Address(socket), Strict));

    /// <inheritdoc/>
    public byte[] Sign(ReadOnlySpan<byte> message)
    {
        lock (_gate)
        {
            for (var since = Stopwatch.GetTimestamp(); ;)
            {
                try
                {
                    var signature = Ask(_stream ??= Open(_path), SignerRequest.Sign, message);
                    return signature.Length == 64 ? signature : throw new InvalidDataException("The signer's answer is no signature.");
                }
                catch (Exception lost) when (lost is IOException or SocketException && Stopwatch.GetElapsedTime(since) < Patience)
                {
                    Close();
                    Thread.Sleep(50);
                }
                catch (SocketException lost)
                {
                    Close();
                    throw new IOException($"The signer at '{_path}' does not answer: {lost.Message}", lost);
                }
                catch
                {
                    Close();
                    throw;
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    private void Close()
    {
        _stream?.Dispose();
        _stream = null;
    }

    private static NetworkStream Open(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static byte[] Ask(NetworkStream stream, SignerRequest request, ReadOnlySpan<byte> rest)
    {
        using var limit = new CancellationTokenSource(AnswerPatience);
        try
        {
            stream.Write(SignerFrames.Of((byte)request, rest));
            var body = SignerFrames.ReadAsync(stream, limit.Token).GetAwaiter().GetResult() ?? throw new EndOfStreamException("it closed the connection");
            return body[0] != SignerFrames.Version ? throw new InvalidDataException("it answers in another version")
                : body[1] != (byte)SignerAnswer.Done ? throw new InvalidOperationException($"the signer refuses: {Encoding.UTF8.GetString(body.AsSpan(2))}")
                : body.Length > 2 ? body[2..]
                : throw new InvalidDataException("its answer is empty");
        }
        catch (OperationCanceledException late)
        {
            throw new InvalidDataException("it does not answer", late);
        }
    }

    private sealed record Address(string Socket);
}
