using System.IO.Compression;
using System.Text;
using Microsoft.Net.Http.Headers;
using Notary.Chain.Nodes;
using Notary.Evidence;
using Notary.Ledger;
using Notary.Server.Http;
using Notary.Server.Logs;
using Notary.Server.Options;

namespace Notary.Server.Nodes;

/// <summary>
/// Ledger nodes over HTTP: C2SP tlog-mirror and, to read, tlog-tiles. One process serves the mirrors of several logs; a request's origin, or the origin's hash in the address,
/// says which. Statuses and bodies are the specification's (<c>docs/spec/mirror.md</c>); only what it does not speak of is answered with a problem.
/// </summary>
/// <remarks>Entries are not public, unlike in C2SP: they need the secret of <see cref="NodeOptions.EntriesSecretFile"/>.</remarks>
internal static class NodeEndpoints
{
    /// <summary>Submission and monitoring prefix.</summary>
    public const string Prefix = "/mirror";

    /// <summary>Most bytes of an add-checkpoint body: proof, checkpoint and the lines of some hundred cosigners, who are passed over.</summary>
    public const int MaximumCheckpoint = 128 * 1024;

    private const string RetryAfterSeconds = "5";

    public static void MapNodes(this IEndpointRouteBuilder routes, NodeSet nodes, NodeOptions options, EntriesSecret? secret, ILogger logger)
    {
        RouteGroupBuilder mirror = routes.MapGroup(Prefix).WithTags("Mirror");
        mirror.MapPost("/add-checkpoint", (Delegate)((HttpContext context) => AddCheckpointAsync(context, nodes, logger)));
        mirror.MapPost("/add-entries", (Delegate)((HttpContext context) => AddEntriesAsync(context, nodes, options, logger)));
        mirror.MapGet("/{hash}/checkpoint", (HttpContext context, string hash) => CheckpointAsync(context, nodes.OfHash(hash), logger));
        mirror.MapGet("/{hash}/tile/{**path}", (HttpContext context, string hash, string path) => TileAsync(context, nodes.OfHash(hash), "tile/" + path, secret, logger));
        mirror.MapGet("/{hash}/statements/{first}", (HttpContext context, string hash, string first) => StatementsAsync(context, nodes.OfHash(hash), first, logger));
        routes.MapGet("/health/live", (Delegate)((HttpContext context) => Json.WriteAsync(context, StatusCodes.Status200OK, json => json.WriteString("status", "live"))));
        routes.MapGet("/health/ready", (Delegate)((HttpContext context) => ReadyAsync(context, nodes, logger)));
    }

    private static async Task AddCheckpointAsync(HttpContext context, NodeSet nodes, ILogger logger)
    {
        if (context.Request.Headers.ContentEncoding.Count > 0)
        {
            await Problems.WriteAsync(context, Problems.UnsupportedType, "A checkpoint is sent as it is, without a Content-Encoding.");
            return;
        }

        // What is a little too long is still read to its end by the server, so that the answer is not lost with the connection.
        RequestBody.Allow(context, 2 * MaximumCheckpoint);
        using RequestBody body = await RequestBody.ReadAsync(context, MaximumCheckpoint);
        if (body.End is BodyEnd.Truncated or BodyEnd.TooSlow)
        {
            await RequestBody.RefuseAsync(context, body.End, MaximumCheckpoint);
            return;
        }

        if (body.End != BodyEnd.Complete || AddCheckpoint.TryParse(body.Memory.Span, out AddCheckpoint? request) != AddCheckpointProblem.None)
        {
            await AnswerAsync(context, new NodeAnswer(NodeStatus.BadRequest));
            return;
        }

        await AnswerByAsync(context, nodes.OfOrigin(request!.Checkpoint.Origin), node => node.UseAsync(n => n.TakeCheckpoint(request)), logger);
    }

    private static async Task AddEntriesAsync(HttpContext context, NodeSet nodes, NodeOptions options, ILogger logger)
    {
        context.Response.Headers.AcceptEncoding = "gzip";
        if (!MediaTypeHeaderValue.TryParse(context.Request.ContentType, out MediaTypeHeaderValue? type) || !type.MediaType.Equals("application/octet-stream", StringComparison.OrdinalIgnoreCase))
        {
            await Problems.WriteAsync(context, Problems.UnsupportedType, "Entries are sent as application/octet-stream.");
            return;
        }

        string encoding = context.Request.Headers.ContentEncoding.ToString().ToLowerInvariant();
        if (encoding is not ("" or "identity" or "gzip" or "x-gzip"))
        {
            await Problems.WriteAsync(context, Problems.UnsupportedType, "Entries are sent as they are, or with Content-Encoding: gzip.");
            return;
        }

        RequestBody.Allow(context, options.UploadBytes);

        // Not bound to the connection: what the server has received before it broke may still be taken.
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(options.UploadSeconds));
        await using Stream? inflated = encoding.EndsWith("gzip", StringComparison.Ordinal) ? new GZipStream(context.Request.Body, CompressionMode.Decompress, leaveOpen: true) : null;
        using var reader = new UploadReader(inflated ?? context.Request.Body, options.UploadBytes);
        if (await reader.ReadRangeAsync(deadline.Token) is { } range)
        {
            await AnswerByAsync(context, nodes.OfOrigin(range.Origin), node => UploadAsync(node, range, reader, deadline.Token), logger);
            return;
        }

        await (reader.ExceededLimit ? RequestBody.RefuseAsync(context, BodyEnd.TooLarge, options.UploadBytes) : AnswerAsync(context, new NodeAnswer(NodeStatus.BadRequest)));
    }

    // What is refused by the header alone is answered before the rest of the body has come.
    private static async Task<NodeAnswer> UploadAsync(ServedNode node, UploadRange range, UploadReader reader, CancellationToken cancellation)
    {
        if (await node.UseAsync(n => n.BeginUpload(range)) is { } away)
        {
            return away;
        }

        if (!node.TryBeginUpload())
        {
            return new NodeAnswer(NodeStatus.Unavailable);
        }

        try
        {
            long taken = 0;
            while (taken < range.PackageCount && await reader.ReadPackageAsync((int)(range.Subtree(taken).End - range.FirstOf(taken)), cancellation) is { } package)
            {
                long number = taken++;
                if (await node.UseAsync(n => n.TakePackage(range, number, package)) is { } ended)
                {
                    return ended;
                }
            }

            return await node.UseAsync(n => n.EndUpload(range, taken));
        }
        finally
        {
            node.EndUpload();
        }
    }

    private static async Task CheckpointAsync(HttpContext context, ServedNode? node, ILogger logger)
    {
        try
        {
            if (node is null || await node.UseAsync(n => n.Cosigned) is not { } note)
            {
                await (node is null ? NoMirrorAsync(context) : Problems.WriteAsync(context, Problems.TileNotFound, "This mirror has cosigned no checkpoint yet."));
                return;
            }

            await LogAnswers.NoteAsync(context, note.ToBytes());
        }
        catch (NodeStoppedException stopped)
        {
            await StoppedAsync(context, node!, stopped, logger);
        }
    }

    // What the node says in its own name is for everybody: an operator who does not seal it is shown by it.
    private static async Task StatementsAsync(HttpContext context, ServedNode? node, string first, ILogger logger)
    {
        if (!long.TryParse(first, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long from))
        {
            await Problems.WriteAsync(context, Problems.Malformed, "Statements are counted from 0 on: the address ends in the place of the first one.");
            return;
        }

        if (node is null)
        {
            await NoMirrorAsync(context);
            return;
        }

        try
        {
            using var lines = new MemoryStream();
            foreach (NodeStatement statement in await node.UseAsync(n => n.Statements(from)))
            {
                lines.Write(statement.ToBytes());
                lines.WriteByte((byte)'\n');
            }

            await LogAnswers.StatementsAsync(context, lines.ToArray());
        }
        catch (NodeStoppedException stopped)
        {
            await StoppedAsync(context, node, stopped, logger);
        }
    }

    private static async Task TileAsync(HttpContext context, ServedNode? node, string path, EntriesSecret? secret, ILogger logger)
    {
        bool entries = path.StartsWith("tile/entries/", StringComparison.Ordinal);
        if (entries && secret?.Opens(context.Request) != true)
        {
            await RefuseEntriesAsync(context, secret);
            return;
        }

        TileId tile = default;
        long number = 0;
        int width = 0;
        if (entries ? !Tiles.TryParseEntriesPath(path, out number, out width) : !Tiles.TryParsePath(path, out tile))
        {
            await Problems.WriteAsync(context, Problems.TilePathMalformed, "A tile is named <L>/<N>[.p/<W>] or entries/<N>[.p/<W>], N in groups of three digits, all but the last begun with x.");
            return;
        }

        if (node is null)
        {
            await NoMirrorAsync(context);
            return;
        }

        try
        {
            if (await node.UseAsync(n => entries ? Bundle(n, number, width) : n.Tile(tile.Level, tile.Index, tile.Width)) is not { } bytes)
            {
                await Problems.WriteAsync(context, Problems.TileNotFound, "The mirror checkpoint's tree has no such tile.");
                return;
            }

            await LogAnswers.TileAsync(context, bytes, isPublic: !entries);
        }
        catch (NodeStoppedException stopped)
        {
            await StoppedAsync(context, node, stopped, logger);
        }
    }

    // Entries of the mirror checkpoint's tree, each with its length (C2SP tlog-tiles); null when it has not that many.
    private static byte[]? Bundle(LedgerNode node, long number, int width)
    {
        if (number > node.Standing.Cosigned / Tiles.FullWidth || node.Standing.Cosigned - (number * Tiles.FullWidth) < width)
        {
            return null;
        }

        IReadOnlyList<byte[]> entries = node.Entries(number * Tiles.FullWidth, width);
        return entries.Count == width ? EntryBundle.Of(entries) : null;
    }

    private static Task RefuseEntriesAsync(HttpContext context, EntriesSecret? secret)
    {
        if (secret is null)
        {
            return Problems.WriteAsync(context, Problems.EntriesNotPublic, "This mirror hands out no entries; hash tiles are public.");
        }

        context.Response.Headers.WWWAuthenticate = context.Request.Headers.Authorization.Count > 0 ? "Bearer realm=\"mirror\", error=\"invalid_token\"" : "Bearer realm=\"mirror\"";
        return Problems.WriteAsync(context, Problems.Unauthenticated, "Entries go to whoever has this mirror's secret: send it as Authorization: Bearer <secret>.");
    }

    private static async Task ReadyAsync(HttpContext context, NodeSet nodes, ILogger logger)
    {
        var standings = new List<(ServedNode Node, NodeStanding? Standing)>();
        foreach (ServedNode node in nodes.All)
        {
            try
            {
                standings.Add((node, await node.UseAsync(n => n.Standing)));
            }
            catch (NodeStoppedException stopped)
            {
                node.SayStopped(logger, stopped);
                standings.Add((node, null));
            }
        }

        bool ready = standings.TrueForAll(s => s.Standing is not null);
        context.Response.Headers.CacheControl = "no-store";
        await Json.WriteAsync(context, ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable, json =>
        {
            json.WriteString("status", ready ? "ready" : "stopped");
            json.WriteStartArray("nodes");
            foreach ((ServedNode node, NodeStanding? standing) in standings)
            {
                json.WriteStartObject();
                json.WriteString("origin", node.Origin);
                json.WriteString("key", node.Key);
                json.WriteString("status", standing is null ? "stopped" : "running");
                if (standing is not null)
                {
                    json.WriteNumber("pending", standing.Pending);
                    json.WriteNumber("next_entry", standing.NextEntry);
                    json.WriteNumber("cosigned", standing.Cosigned);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private static async Task AnswerByAsync(HttpContext context, ServedNode? node, Func<ServedNode, Task<NodeAnswer>> ask, ILogger logger)
    {
        if (node is null)
        {
            await AnswerAsync(context, NodeAnswer.UnknownLog);
            return;
        }

        NodeAnswer answer;
        try
        {
            answer = await ask(node);
        }
        catch (NodeStoppedException stopped)
        {
            await StoppedAsync(context, node, stopped, logger);
            return;
        }

        await AnswerAsync(context, answer);
    }

    private static Task StoppedAsync(HttpContext context, ServedNode node, NodeStoppedException stopped, ILogger logger)
    {
        node.SayStopped(logger, stopped);
        return AnswerAsync(context, new NodeAnswer(NodeStatus.Unavailable));
    }

    private static Task NoMirrorAsync(HttpContext context) => Problems.WriteAsync(context, Problems.ChainNotFound, "No log of that origin hash is mirrored here.");

    private static Task AnswerAsync(HttpContext context, NodeAnswer answer)
    {
        byte[] body = Encoding.UTF8.GetBytes(answer.Body);
        HttpResponse response = context.Response;
        response.StatusCode = (int)answer.Status;
        response.Headers.CacheControl = "no-store";
        if (answer.Status == NodeStatus.Unavailable)
        {
            response.Headers.RetryAfter = RetryAfterSeconds;
        }

        if (body.Length > 0)
        {
            response.ContentType = answer.MediaType ?? "text/plain; charset=utf-8";
        }

        response.ContentLength = body.Length;
        return response.Body.WriteAsync(body).AsTask();
    }
}
