using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Notary.Chain.Nodes;
using Notary.Chain.Recovery;
using Notary.Ledger;

namespace Notary.Cli.Chains;

/// <summary>
/// A ledger node's copy behind HTTP (docs/spec/mirror.md, "Over HTTP"), read by its log's operator. Nothing is believed: no redirect is followed, no more read than asked for, and whoever
/// gets the answer checks it.
/// </summary>
/// <remarks>Failure: <see cref="HttpRequestException"/> or <see cref="InvalidDataException"/>, with what the node answered.</remarks>
internal sealed class HttpMirror : IMirror
{
    private const int MaximumNote = 64 * 1024;

    private readonly HttpClient _client = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        MaxResponseHeadersLength = 16,
        UseCookies = false,
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    private readonly string _prefix;
    private readonly string? _secret;

    /// <param name="prefix">Its submission prefix: <c>http</c> or <c>https</c>.</param>
    /// <param name="secret">What opens its entries, or null.</param>
    public HttpMirror(Uri prefix, string? secret)
    {
        _prefix = prefix.AbsoluteUri.TrimEnd('/');
        _secret = secret;
    }

    public async Task<MirrorAnswer> AskAsync(string origin, CancellationToken cancellation)
    {
        (HttpStatusCode status, byte[] body, string? type) = await SendAsync(HttpMethod.Get, Address(origin, "checkpoint"), null, MaximumNote, cancellation);
        if (status == HttpStatusCode.NotFound && type == "application/problem+json" && SaysNothingIsHeld(body))
        {
            return new MirrorAnswer(null, null, 0);
        }

        return status == HttpStatusCode.OK && SignedNote.TryParse(body, out SignedNote? note).Ok && Checkpoint.TryParse(note!.Text, out Checkpoint? checkpoint) == CheckpointProblem.None
            ? new MirrorAnswer(note, null, checkpoint!.Size)
            : throw Unexpected("its checkpoint", status);
    }

    // The question that the log asks at a start: the newest checkpoint is offered as if it were held already, and the answer names the size that is.
    public async Task<long> HeldAsync(SignedNote newest, Checkpoint checkpoint, CancellationToken cancellation)
    {
        using var content = new ByteArrayContent(new AddCheckpoint(checkpoint.Size, [], newest, checkpoint).ToBytes());
        content.Headers.ContentType = new MediaTypeHeaderValue("text/plain", "utf-8");
        (HttpStatusCode status, byte[] body, string? type) = await SendAsync(HttpMethod.Post, new Uri(_prefix + "/add-checkpoint"), content, MaximumNote, cancellation);
        return status switch
        {
            HttpStatusCode.OK => checkpoint.Size,
            HttpStatusCode.NotFound when new NodeAnswer(NodeStatus.NotFound, Encoding.ASCII.GetString(body), type).IsUnknownLog => 0,
            HttpStatusCode.Conflict when AddCheckpoint.TryParseHeldSize(Encoding.ASCII.GetString(body), out long held) => held,
            HttpStatusCode.UnprocessableEntity => throw new InvalidDataException(FormattableString.Invariant($"it says that another tree of size {checkpoint.Size} was signed")),
            _ => throw Unexpected("a checkpoint", status),
        };
    }

    public async Task<ReadOnlyMemory<byte>> TileAsync(string origin, TileId tile, CancellationToken cancellation)
    {
        (HttpStatusCode status, byte[] body, _) = await SendAsync(HttpMethod.Get, Address(origin, Tiles.Path(tile)), null, Tiles.FullWidth * 32, cancellation);
        return status == HttpStatusCode.OK ? body : throw Unexpected("a hash tile", status);
    }

    public async Task<ReadOnlyMemory<byte>> EntriesAsync(string origin, long number, int width, CancellationToken cancellation)
    {
        (HttpStatusCode status, byte[] body, _) = await SendAsync(HttpMethod.Get, Address(origin, Tiles.EntriesPath(number, width)), null, EntryPackage.MaxLength, cancellation);
        return status switch
        {
            HttpStatusCode.OK => body,
            HttpStatusCode.Unauthorized => throw new InvalidDataException(_secret is null ? "it gives entries to whoever has its secret only: name the file with --entries-secret" : "it does not know the secret of --entries-secret"),
            HttpStatusCode.Forbidden => throw new InvalidDataException("it hands out no entries"),
            _ => throw Unexpected("entries", status),
        };
    }

    public void Dispose() => _client.Dispose();

    // A node's own 404, no log of that origin or nothing cosigned of it yet: that of whoever stands before it says nothing of what it holds.
    private static bool SaysNothingIsHeld(byte[] problem)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(problem);
            return document.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("code", out JsonElement code) && code.ValueKind == JsonValueKind.String && code.GetString() is ("chain-not-found" or "tile-not-found");
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static InvalidDataException Unexpected(string what, HttpStatusCode status) => new(string.Create(CultureInfo.InvariantCulture, $"asked for {what} it answered {(int)status}"));

    private Uri Address(string origin, string path) => new($"{_prefix}/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(origin)))}/{path}");

    private async Task<(HttpStatusCode Status, byte[] Body, string? Type)> SendAsync(HttpMethod method, Uri address, HttpContent? content, int limit, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, address) { Content = content };
        if (_secret is not null && method == HttpMethod.Get && address.AbsolutePath.Contains("/tile/entries/", StringComparison.Ordinal))
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _secret);
        }

        using HttpResponseMessage answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        await using Stream stream = await answer.Content.ReadAsStreamAsync(cancellation);
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        for (int read; (read = await stream.ReadAsync(buffer, cancellation)) > 0;)
        {
            if (body.Length + read > limit)
            {
                throw new InvalidDataException($"{address} answers with more than {limit} bytes");
            }

            body.Write(buffer, 0, read);
        }

        return (answer.StatusCode, body.ToArray(), answer.Content.Headers.ContentType?.MediaType);
    }
}
