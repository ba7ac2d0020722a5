using Notary.Chain;
using Notary.Ledger;
using Notary.Server.Http;
using Notary.Server.OpenApi;
using Notary.Server.Startup;

namespace Notary.Server.Logs;

/// <summary>The log's public part by C2SP tlog-tiles: checkpoints and hash tiles. Entries are not public: they go to the chain's nodes and auditors.</summary>
internal static class LogEndpoints
{
    public static void MapLogs(this IEndpointRouteBuilder routes, Platform platform)
    {
        RouteGroupBuilder logs = routes.MapGroup("/log/{chain}").WithTags("Log");
        logs.MapGet("/checkpoint", (HttpContext context, string chain) => CheckpointAsync(context, platform, chain))
            .WithName("readCheckpoint").WithSummary("The newest signed checkpoint (C2SP tlog-checkpoint)")
            .Produces<string>(200, "text/plain").Answers(Problems.ChainNotFound);
        logs.MapGet("/tile/{**path}", (HttpContext context, string chain, string path) => TileAsync(context, platform, chain, path))
            .WithName("readTile").WithSummary("A hash tile, <L>/<N>[.p/<W>] (C2SP tlog-tiles): 32 bytes a hash")
            .Produces<byte[]>(200, "application/octet-stream").Answers(Problems.ChainNotFound, Problems.TilePathMalformed, Problems.EntriesNotPublic, Problems.TileNotFound);
        routes.MapGet("/trust", (Delegate)((HttpContext context) => TrustAsync(context, platform)))
            .WithTags("Log").WithName("readTrust").WithSummary("This platform's trust file. Compare its fingerprint by another way before you rely on it")
            .Produces<string>(200, "text/plain");
    }

    private static Task CheckpointAsync(HttpContext context, Platform platform, string name)
    {
        if (!platform.Chains.TryGetValue(name, out ChainHost? chain))
        {
            return ChainNotFoundAsync(context);
        }

        return LogAnswers.NoteAsync(context, chain.Reader.Checkpoint);
    }

    private static Task TileAsync(HttpContext context, Platform platform, string name, string path)
    {
        if (!platform.Chains.TryGetValue(name, out ChainHost? chain))
        {
            return ChainNotFoundAsync(context);
        }

        if (path.StartsWith("entries/", StringComparison.Ordinal))
        {
            return Problems.WriteAsync(context, Problems.EntriesNotPublic, "Entry bundles are not part of the public log; hash tiles are.");
        }

        if (!Tiles.TryParsePath("tile/" + path, out TileId tile))
        {
            return Problems.WriteAsync(context, Problems.TilePathMalformed, "A tile is named <L>/<N>[.p/<W>], N in groups of three digits, all but the last begun with x.");
        }

        if (chain.Reader.Tile(tile.Level, tile.Index, tile.Width) is not { } bytes)
        {
            return Problems.WriteAsync(context, Problems.TileNotFound, FormattableString.Invariant($"The log of {chain.Reader.Size} entries has no such tile."));
        }

        return LogAnswers.TileAsync(context, bytes);
    }

    private static Task TrustAsync(HttpContext context, Platform platform) => LogAnswers.NoteAsync(context, platform.Trust.ToBytes());

    private static Task ChainNotFoundAsync(HttpContext context) => Problems.WriteAsync(context, Problems.ChainNotFound, "This platform has no chain of that name.");
}
