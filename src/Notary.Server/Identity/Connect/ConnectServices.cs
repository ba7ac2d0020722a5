using Notary.Server.Options;
using Notary.Server.Startup;

namespace Notary.Server.Identity.Connect;

/// <summary>The OpenID provider: its services and addresses.</summary>
internal static class ConnectServices
{
    /// <exception cref="StartRefusedException">A client of the options cannot be used.</exception>
    public static void AddConnect(this IServiceCollection services, Platform platform, ServerOptions options)
    {
        IReadOnlyList<Client> parties = Clients.Load(options.Connect);
        services.AddSingleton(options.Connect);
        services.AddSingleton(new ConnectIssuer(options.Connect.Issuer.Length > 0 ? options.Connect.Issuer : options.Listen.Url.TrimEnd('/')));
        services.AddSingleton(provider => new Clients(platform.Chains, parties, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<TokenKeys>();
        services.AddSingleton<AccessTokens>();
        services.AddSingleton<DpopProofs>();
        services.AddSingleton<PresentedTokens>();
        services.AddSingleton<ClientAssertions>();
        services.AddScoped<TokenGrants>();
        services.AddScoped<TokenEndpoints>();
        services.AddScoped<Authorizations>();
    }

    public static void MapConnect(this IEndpointRouteBuilder routes)
    {
        DiscoveryEndpoints.Map(routes);
        AuthorizeEndpoint.Map(routes);
        TokenEndpoints.Map(routes);
        UserInfoEndpoint.Map(routes);
    }
}
