namespace Notary.Server.Http;

/// <summary>
/// A proxy that the server was not told of makes every caller look like one on this machine: limits for an address, the audit trail's addresses and cookies would all be wrong. So what such a proxy passes on is
/// refused, until <c>Notary:Listen:BehindProxy</c> is set.
/// </summary>
internal static class Proxies
{
    public static void RefuseProxies(this WebApplication app) => app.Use(static next => context => Headers(context.Request).FirstOrDefault() is { } header
        ? Problems.WriteAsync(context, Problems.ProxyUnexpected, $"The request has the header {header}: set Notary:Listen:BehindProxy, or let the proxy not send it.")
        : next(context));

    /// <summary>The headers by which a proxy says for whom it asks.</summary>
    public static IEnumerable<string> Headers(HttpRequest request) => request.Headers.Keys.Where(static name =>
        name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase) || name.StartsWith("X-Original-", StringComparison.OrdinalIgnoreCase) || name.Equals("Forwarded", StringComparison.OrdinalIgnoreCase));
}
