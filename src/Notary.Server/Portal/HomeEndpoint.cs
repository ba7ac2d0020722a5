using Notary.Chain;
using Notary.Evidence;
using Notary.Server.Health;
using Notary.Server.Records;
using Notary.Server.Startup;

namespace Notary.Server.Portal;

/// <summary>The page <c>/</c>.</summary>
internal static class HomeEndpoint
{
    public static void MapPortal(this IEndpointRouteBuilder routes, Platform platform)
    {
        routes.MapGet("/", (HttpContext context) => ShowAsync(context, platform)).ExcludeFromDescription();
        routes.MapSignInPage();
        routes.MapAssets();
    }

    private static Task ShowAsync(HttpContext context, Platform platform)
    {
        HomeTexts texts = HomeTexts.Of(context.Request);
        SecurityHeaders.Set(context);
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers.Vary = "Accept-Language";
        context.Response.Headers.ContentLanguage = texts.Language;
        context.Response.ContentType = "text/html; charset=utf-8";
        return context.Response.WriteAsync(HomePage.Render(texts, [.. platform.Chains.Values.Select(View)], platform.Trust.Mode == TrustMode.Development));
    }

    private static ChainView View(ChainHost chain)
    {
        ChainHead head = chain.Reader.Head;
        return new ChainView(
            chain.Name,
            chain.Genesis.Origin,
            chain.Genesis.Suite.Name == "sm" ? "SM2 · SM3 · SM4" : "Ed25519 · SHA-256 · AES",
            head.Size,
            head.Root.ToHex(),
            RecordTime.Format(head.SealedMs),
            System.Text.Encoding.UTF8.GetString(head.Note.Span),
            chain.Stopped is { } stopped ? HealthEndpoints.ReasonOf(stopped) : null);
    }
}
