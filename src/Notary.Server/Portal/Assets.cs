using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace Notary.Server.Portal;

/// <summary>The page's style, scripts and seal: resources of the program, served with an entity tag of their bytes.</summary>
public static class Assets
{
    private static readonly FrozenDictionary<string, (byte[] Bytes, string Type, string Tag)> All = new Dictionary<string, string>
    {
        ["site.css"] = "text/css; charset=utf-8",
        ["site.js"] = "text/javascript; charset=utf-8",
        ["sign-in.js"] = "text/javascript; charset=utf-8",
        ["hash.js"] = "text/javascript; charset=utf-8",
        ["seal.svg"] = "image/svg+xml",
    }.ToFrozenDictionary(a => a.Key, a => Load(a.Key, a.Value), StringComparer.Ordinal);

    public static void MapAssets(this IEndpointRouteBuilder routes) => routes.MapGet("/assets/{name}", Serve).ExcludeFromDescription();

    private static IResult Serve(HttpContext context, string name)
    {
        if (!All.TryGetValue(name, out (byte[] Bytes, string Type, string Tag) asset))
        {
            return Results.NotFound();
        }

        // no-cache: ask again each time, answered 304. An updated server is never shown with yesterday's script.
        context.Response.Headers.CacheControl = "no-cache";
        SecurityHeaders.Set(context);
        return Results.Bytes(asset.Bytes, asset.Type, entityTag: new EntityTagHeaderValue(asset.Tag));
    }

    private static (byte[] Bytes, string Type, string Tag) Load(string name, string type)
    {
        using Stream stream = typeof(Assets).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"The resource {name} is not in the program.");
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        byte[] bytes = memory.ToArray();
        return (bytes, type, $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 12))}\"");
    }
}

/// <summary>What a browser is told about this site: nothing from elsewhere, no inline code, no frame, no referrer.</summary>
public static class SecurityHeaders
{
    /// <summary>The content security policy of the site.</summary>
    public const string Policy = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <summary>Sets them on an answer that a browser shows or runs.</summary>
    /// <param name="formTarget">Where the page's form leads: after this site, the origin that the answer sends the browser on to. Empty for a page without a form.</param>
    public static void Set(HttpContext context, string formTarget = "")
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.ContentSecurityPolicy = formTarget.Length == 0 ? Policy : Policy.Replace("form-action 'none'", $"form-action 'self' {formTarget}", StringComparison.Ordinal);
        headers.XContentTypeOptions = "nosniff";
        // A form is sent with Origin, which browsers without Fetch Metadata are known by; with no-referrer it would be null.
        headers["Referrer-Policy"] = formTarget.Length == 0 ? "no-referrer" : "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }
}
