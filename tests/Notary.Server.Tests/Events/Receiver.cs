using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Events;

/// <summary>What a receiver got.</summary>
internal sealed record Received(string Path, string Id, string Timestamp, string Signature, byte[] Body, DateTimeOffset At);

/// <summary>A receiver of webhooks on a loopback port: what it answers the test says.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private Receiver(WebApplication app, int port)
    {
        _app = app;
        Url = $"http://localhost:{port}/notary";
    }

    public string Url { get; }

    public ConcurrentQueue<Received> Got { get; } = new();

    /// <summary>Listens on that port, or on a free one. The answer is given the number of requests before.</summary>
    public static async Task<Receiver> StartAsync(Func<int, HttpContext, Task>? answer = null, int port = 0)
    {
        port = port == 0 ? ServerProcess.FreePort() : port;
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://localhost:{port}");
        WebApplication app = builder.Build();
        var receiver = new Receiver(app, port);
        app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            IHeaderDictionary headers = context.Request.Headers;
            Assert.Equal(("POST", "application/json"), (context.Request.Method, context.Request.ContentType));
            int before = receiver.Got.Count;
            receiver.Got.Enqueue(new Received(context.Request.Path, headers["webhook-id"]!, headers["webhook-timestamp"]!, headers["webhook-signature"]!, body.ToArray(), DateTimeOffset.UtcNow));
            if (answer is not null)
            {
                await answer(before, context);
            }
        });
        await app.StartAsync();
        return receiver;
    }

    /// <summary>Waits until what it got satisfies.</summary>
    public async Task<Received[]> UntilAsync(Func<Received[], bool> enough, int seconds = 40)
    {
        var patience = Stopwatch.StartNew();
        while (true)
        {
            Received[] got = [.. Got];
            if (enough(got))
            {
                return got;
            }

            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(seconds), $"After {seconds} s there are {got.Length} requests.");
            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }
}
