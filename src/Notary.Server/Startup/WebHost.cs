using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.HttpOverrides;
using Notary.Server.Http;
using Notary.Server.Identity;
using Notary.Server.Identity.Connect;
using Notary.Server.Identity.People;
using Notary.Server.OpenApi;
using Notary.Server.Options;

namespace Notary.Server.Startup;

/// <summary>How Kestrel, logging and the services are set up; what the server answers is not decided here.</summary>
internal static class WebHost
{
    public static void Configure(WebApplicationBuilder builder, ServerOptions options, Platform platform, TimeProvider time)
    {
        ConfigureHost(builder, options);
        builder.Services.AddSingleton(platform.Accounts);
        builder.Services.AddTransient<BearerHandler>();
        builder.Services.AddAuthentication(options =>
        {
            options.DefaultScheme = BearerHandler.Scheme;
            options.AddScheme<BearerHandler>(BearerHandler.Scheme, displayName: null);
        });
        builder.Services.AddSingleton<IPolicyEvaluator, CallerEvaluator>();
        builder.Services.AddAuthorization();
        builder.Services.AddPeople(platform.Identity, options, time);
        builder.Services.AddConnect(platform, options);
        builder.Services.AddRateLimits(options.Limits, options.People, options.Connect);
        builder.Services.AddDocument();
    }

    /// <summary>What every process of this program has, whatever it serves: Kestrel with its limits, and the console log.</summary>
    public static void ConfigureHost(WebApplicationBuilder builder, ServerOptions options)
    {
        builder.WebHost.UseUrls(options.Listen.Url);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = options.Listen.Connections;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(options.Listen.HeaderSeconds);
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(options.Listen.KeepAliveSeconds);
            kestrel.Limits.MaxRequestHeaderCount = 64;
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
            kestrel.Limits.MaxRequestLineSize = 4 * 1024;
            kestrel.Limits.MaxRequestBodySize = options.Limits.SingleBytes;
            kestrel.Limits.MinRequestBodyDataRate = new(options.Listen.BodyBytesPerSecond, TimeSpan.FromSeconds(5));
        });
        builder.Host.ConfigureHostOptions(host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.Listen.ShutdownSeconds));

        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });

        // Nothing is logged for each request. With its logger off, hosting makes no activity and no scope for each request either.
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        builder.Logging.AddFilter("Microsoft.AspNetCore.Diagnostics", LogLevel.None);
    }

    /// <summary>The layers around every endpoint, outermost first.</summary>
    public static void UseLayers(this WebApplication app, ServerOptions options)
    {
        app.UseProblems();
        if (options.Listen.BehindProxy)
        {
            app.UseForwardedHeaders(new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto, ForwardLimit = 1 });
        }

        else
        {
            app.RefuseProxies();
        }

        app.UseCrossSiteCheck();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseRateLimiter();
    }
}
