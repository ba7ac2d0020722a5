using System.Buffers;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Server.Nodes;

/// <summary>
/// A ledger node behind HTTP, from the log's side: sends the requests of C2SP tlog-mirror and hands back the answer. What the node answers is not believed: no redirect is
/// followed, no cookie kept, at most 64 KiB read; whoever gets the answer checks it.
/// </summary>
/// <remarks>Failure: <see cref="HttpRequestException"/> when the node cannot be reached or answers with a status that the specification does not know (it names it),
/// <see cref="InvalidDataException"/> when the body is too long or not UTF-8, <see cref="TimeoutException"/> when the answer does not come in time.</remarks>
public sealed class HttpNodeLink : INodeLink, IDisposable
{
    /// <summary>Most bytes of an answer that are read.</summary>
    public const int MaximumAnswer = 64 * 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly HttpClient _client;
    private readonly string _prefix;
    private readonly Uri _checkpoint;
    private readonly Uri _entries;
    private readonly TimeSpan _requestTimeout;

    /// <summary>A link to the node with that submission prefix; nothing is sent yet.</summary>
    /// <param name="prefix">http or https, for instance <c>https://court.example/mirror</c>.</param>
    /// <param name="connectTimeout">How long connecting may take; 5 s when not given.</param>
    /// <param name="requestTimeout">How long a request with its answer may take; 120 s when not given.</param>
    /// <exception cref="ArgumentException">The prefix is no such address.</exception>
    public HttpNodeLink(Uri prefix, TimeSpan? connectTimeout = null, TimeSpan? requestTimeout = null)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        if (!prefix.IsAbsoluteUri || (prefix.Scheme != Uri.UriSchemeHttp && prefix.Scheme != Uri.UriSchemeHttps) || prefix.Query.Length > 0 || prefix.Fragment.Length > 0 || prefix.UserInfo.Length > 0)
        {
            throw new ArgumentException($"'{prefix}' is no submission prefix: it takes http or https, a host and a path, as in https://court.example/mirror.", nameof(prefix));
        }

        string address = prefix.AbsoluteUri.TrimEnd('/');
        _prefix = address;
        (_checkpoint, _entries) = (new Uri(address + "/add-checkpoint"), new Uri(address + "/add-entries"));
        _requestTimeout = requestTimeout ?? TimeSpan.FromSeconds(120);
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = connectTimeout ?? TimeSpan.FromSeconds(5),
            MaxConnectionsPerServer = 4,
            MaxResponseDrainSize = 0,
            MaxResponseHeadersLength = 16,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            UseCookies = false,
        })
        { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <inheritdoc/>
    public Task<NodeAnswer> AddCheckpointAsync(ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        var content = new ReadOnlyMemoryContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("text/plain", "utf-8");
        return SendAsync(HttpMethod.Post, _checkpoint, content, cancellation);
    }

    /// <inheritdoc/>
    public Task<NodeAnswer> AddEntriesAsync(UploadRange range, IReadOnlyList<EntryPackage> packages, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(range);
        ArgumentNullException.ThrowIfNull(packages);
        return SendAsync(HttpMethod.Post, _entries, new UploadContent(range, packages), cancellation);
    }

    /// <inheritdoc/>
    public async Task<SignedNote?> MirrorCheckpointAsync(string origin, CancellationToken cancellation)
    {
        NodeAnswer answer = await SendAsync(HttpMethod.Get, new Uri($"{_prefix}/{HashOf(origin)}/checkpoint"), content: null, cancellation);
        return answer.Status switch
        {
            NodeStatus.NotFound => null,
            NodeStatus.Success when SignedNote.TryParse(Encoding.UTF8.GetBytes(answer.Body), out SignedNote? note).Ok => note,
            _ => throw new InvalidDataException(FormattableString.Invariant($"{_prefix} gave no checkpoint of {origin} ({(int)answer.Status}).")),
        };
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<NodeStatement>> StatementsAsync(string origin, long first, CancellationToken cancellation)
    {
        NodeAnswer answer;
        try
        {
            answer = await SendAsync(HttpMethod.Get, new Uri(FormattableString.Invariant($"{_prefix}/{HashOf(origin)}/statements/{first}")), content: null, cancellation);
        }
        catch (HttpRequestException alien) when (alien.StatusCode is HttpStatusCode.MethodNotAllowed or HttpStatusCode.Gone or HttpStatusCode.NotImplemented)
        {
            // A C2SP witness or mirror, which has no such address.
            return [];
        }

        if (answer.Status is NodeStatus.NotFound or NodeStatus.BadRequest)
        {
            return [];
        }

        string[] lines = answer.Status == NodeStatus.Success ? answer.Body.Split('\n', LedgerNode.StatementsAtOnce + 2) : ["no statements"];
        var statements = new List<NodeStatement>();
        foreach (string line in lines[..^1])
        {
            statements.Add(NodeStatement.TryParse(Encoding.UTF8.GetBytes(line), out NodeStatement? statement).Ok ? statement! : throw NoStatements());
        }

        // Each line ends in a newline, so that nothing stands behind the last one.
        return lines[^1].Length == 0 && statements.Count <= LedgerNode.StatementsAtOnce ? statements : throw NoStatements();

        InvalidDataException NoStatements() => new(FormattableString.Invariant($"{_prefix} gave no statements about {origin} ({(int)answer.Status})."));
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    private static string HashOf(string origin) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(origin)));

    private async Task<NodeAnswer> SendAsync(HttpMethod method, Uri address, HttpContent? content, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, address) { Content = content };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_requestTimeout);
        try
        {
            using HttpResponseMessage answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            var status = (NodeStatus)(int)answer.StatusCode;
            if (!Enum.IsDefined(status))
            {
                throw new HttpRequestException(FormattableString.Invariant($"{address} answered with status {(int)answer.StatusCode}, which is none of a mirror."), null, answer.StatusCode);
            }

            return new NodeAnswer(status, await ReadAsync(answer.Content, address, limit.Token), answer.Content.Headers.ContentType?.MediaType);
        }
        catch (OperationCanceledException late) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException(FormattableString.Invariant($"{address} did not answer within {_requestTimeout.TotalSeconds:0.#} s."), late);
        }
    }

    private static async Task<string> ReadAsync(HttpContent content, Uri address, CancellationToken cancellation)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(MaximumAnswer + 1);
        try
        {
            await using Stream stream = await content.ReadAsStreamAsync(cancellation);
            int length = await stream.ReadAtLeastAsync(buffer.AsMemory(0, MaximumAnswer + 1), MaximumAnswer + 1, throwOnEndOfStream: false, cancellation);
            return length <= MaximumAnswer
                ? StrictUtf8.GetString(buffer, 0, length)
                : throw new InvalidDataException(FormattableString.Invariant($"{address} answered with more than {MaximumAnswer} bytes."));
        }
        catch (DecoderFallbackException wrong)
        {
            throw new InvalidDataException($"{address} answered with bytes that are not UTF-8.", wrong);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // Compressed on its way out, one package after the other.
    private sealed class UploadContent : HttpContent
    {
        private readonly UploadRange _range;
        private readonly IReadOnlyList<EntryPackage> _packages;

        public UploadContent(UploadRange range, IReadOnlyList<EntryPackage> packages)
        {
            (_range, _packages) = (range, packages);
            Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
            Headers.ContentEncoding.Add("gzip");
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await using var gzip = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true);
            var piece = new ArrayBufferWriter<byte>();
            _range.Write(piece);
            await gzip.WriteAsync(piece.WrittenMemory, cancellationToken);
            foreach (EntryPackage package in _packages)
            {
                piece.ResetWrittenCount();
                package.Write(piece);
                await gzip.WriteAsync(piece.WrittenMemory, cancellationToken);
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
