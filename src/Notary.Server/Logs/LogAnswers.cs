namespace Notary.Server.Logs;

/// <summary>What a log and a mirror of it answer alike (C2SP tlog-tiles): the newest note, and tiles; and what a node says in its own name.</summary>
internal static class LogAnswers
{
    /// <summary>A signed note, which the next one replaces.</summary>
    public static Task NoteAsync(HttpContext context, ReadOnlyMemory<byte> note)
    {
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.ContentLength = note.Length;
        return context.Response.Body.WriteAsync(note).AsTask();
    }

    /// <summary>Statements of a ledger node, one canonical JSON object a line; more may follow.</summary>
    public static Task StatementsAsync(HttpContext context, ReadOnlyMemory<byte> lines)
    {
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.ContentType = "application/x-ndjson";
        context.Response.ContentLength = lines.Length;
        return context.Response.Body.WriteAsync(lines).AsTask();
    }

    /// <summary>A tile. One of a given width never changes; what is not for everybody stays out of caches.</summary>
    public static Task TileAsync(HttpContext context, ReadOnlyMemory<byte> bytes, bool isPublic = true)
    {
        context.Response.Headers.CacheControl = isPublic ? "public, max-age=31536000, immutable" : "private, no-store";
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = bytes.Length;
        return context.Response.Body.WriteAsync(bytes).AsTask();
    }
}
