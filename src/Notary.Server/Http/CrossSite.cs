namespace Notary.Server.Http;

/// <summary>
/// Refuses what another site's page makes a browser send: a session's cookie comes along with it. Browsers say where a request comes from (Fetch Metadata, and Origin in older ones);
/// programs that are no browser send neither and are let through. Nothing here is offered to other sites' pages, so nothing is lost.
/// </summary>
internal static class CrossSite
{
    public static void UseCrossSiteCheck(this WebApplication app) => app.Use(static next => context => IsForeign(context.Request)
        ? Problems.WriteAsync(context, Problems.CrossSite, "Open this platform's own page and do it there.")
        : next(context));

    private static bool IsForeign(HttpRequest request)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method))
        {
            return false;
        }

        string site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length > 0)
        {
            return site is not ("same-origin" or "none");
        }

        string origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && !(Uri.TryCreate(origin, UriKind.Absolute, out Uri? from) && string.Equals(from.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase));
    }
}
