namespace Notary.Server.Portal;

/// <summary>The page <c>/sign-in</c>: signing in, using a one-time link, enrolling factors. What it does is what <c>/api/session</c> and <c>/api/factors</c> do.</summary>
internal static class SignInPage
{
    public static void MapSignInPage(this IEndpointRouteBuilder routes) => routes.MapGet("/sign-in", ShowAsync).ExcludeFromDescription();

    private static Task ShowAsync(HttpContext context)
    {
        HomeTexts t = HomeTexts.Of(context.Request);
        bool zh = t.Language.StartsWith("zh", StringComparison.Ordinal);
        SecurityHeaders.Set(context);
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers.Vary = "Accept-Language";
        context.Response.Headers.ContentLanguage = t.Language;
        context.Response.ContentType = "text/html; charset=utf-8";
        string heading = zh ? "登录" : "Sign in";
        return context.Response.WriteAsync(HomePage.Frame(t, heading, "/sign-in", "sign-in.js", $"""
            <h1>{heading}</h1>
            <noscript><p>{(zh ? "登录需要 JavaScript：通行密钥只能由浏览器脚本调用。" : "Signing in needs JavaScript: only a script can ask the browser for a passkey.")}</p></noscript>
            <div id="sign-in" class="sign-in" aria-live="polite"></div>
            """));
    }
}
