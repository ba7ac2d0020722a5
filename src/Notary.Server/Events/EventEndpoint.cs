using System.Text;
using Notary.Chain;
using Notary.Chain.Store;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Identity;
using Notary.Server.OpenApi;
using Notary.Server.Options;
using Notary.Server.Startup;

namespace Notary.Server.Events;

/// <summary>
/// States of an account's records as server-sent events (HTML standard, 9.2), in <c>text/event-stream</c>. Written by hand: the base library's formatter has neither comments nor events
/// that only carry an id, and its result waits for a slow reader without end.
/// </summary>
internal sealed class EventEndpoint(Platform platform, EventFeeds feeds, LimitOptions limits, TimeProvider time, CancellationToken stopping)
{
    private const int RetryAfterSeconds = 30;

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan SlowestWrite = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan SlowestLastWrite = TimeSpan.FromSeconds(2);

    private readonly Dictionary<(string Account, string Chain), int> _open = [];
    private int _total;

    public void Map(IEndpointRouteBuilder routes) => routes.MapGet("/api/events", (Delegate)StreamAsync)
        .WithTags("Events").WithName("streamEvents").WithSummary("The states of the account's records as server-sent events, from now on or after Last-Event-ID; each data line is one event")
        .RequireAuthorization()
        .Produces<RecordEventShape>(200, "text/event-stream")
        .Answers(Problems.EventIdMalformed, Problems.Unauthenticated, Problems.TooManyStreams);

    private async Task StreamAsync(HttpContext context)
    {
        ServiceAccountIdentity caller = ServiceAccountIdentity.Of(context) ?? throw new InvalidOperationException("Events without a caller.");
        ChainHost chain = platform.Chains[caller.Chain];
        Microsoft.Extensions.Primitives.StringValues given = context.Request.Headers["Last-Event-ID"];
        EventPosition position = feeds.Now(chain);
        if (given.Count > 1 || (given is [{ Length: > 0 } text] && !EventPosition.TryParse(text, chain.Name, out position)))
        {
            await Problems.WriteAsync(context, Problems.EventIdMalformed, "Send the id of an event of this account's chain once, or no Last-Event-ID.");
            return;
        }

        if (!TryOpen(caller))
        {
            await Problems.WriteAsync(
                context, Problems.TooManyStreams, FormattableString.Invariant($"An account has at most {limits.EventStreamsPerAccount} streams open, all of them together at most {limits.EventStreams}."),
                retryAfterSeconds: RetryAfterSeconds);
            return;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        try
        {
            await WriteAsync(context, chain, feeds.Open(caller.Account, position), stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The client has gone, or the server stops: what was written is whole events, and the last id says where to go on.
        }
        catch (OperationCanceledException)
        {
            // It reads more slowly than it is waited for: it goes on after the last event that it got, and finds more in each.
            context.Abort();
        }
        finally
        {
            Close(caller);
        }
    }

    private async Task WriteAsync(HttpContext context, ChainHost chain, EventFeed feed, CancellationToken stop)
    {
        HttpResponse response = context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        response.Headers["X-Accel-Buffering"] = "no";
        await SendAsync(response, $"retry: 2000\nid: {feed.Position}\n\n");
        long sent = time.GetTimestamp();
        bool toldStopped = false;
        while (!stop.IsCancellationRequested)
        {
            (bool moved, RecordEvent? next) = await StepAsync(feed, stop);
            if (next is { } happened)
            {
                await SendAsync(response, Text(happened, feed.Position));
                sent = time.GetTimestamp();
            }
            else if (!moved && !toldStopped && chain.Stopped is { } stopped)
            {
                toldStopped = true;
                await SendAsync(response, Text(EventFeed.StoppedOf(chain, stopped, time.GetUtcNow()), feed.Position));
            }
            else if (time.GetElapsedTime(sent) >= Heartbeat)
            {
                // An event without data is none, but its id counts: who is told nothing for long does not go back to where it began.
                await SendAsync(response, $": {RecordTime.Format(time.GetUtcNow().ToUnixTimeMilliseconds())}\nid: {feed.Position}\n\n");
                sent = time.GetTimestamp();
            }
            else if (!moved)
            {
                await Task.Delay(LookAgain, time, stop);
            }
        }
    }

    private static async Task<(bool Moved, RecordEvent? Event)> StepAsync(EventFeed feed, CancellationToken stop)
    {
        try
        {
            return await feed.StepAsync(stop);
        }
        catch (DatabaseFailureException lost) when (lost.ConnectionLost)
        {
            // The chain goes on by itself when its database is back, and so does this.
            return (false, null);
        }
    }

    // JSON as it is written here has no line ends.
    private static string Text(RecordEvent happened, EventPosition position) => $"event: {happened.Type}\nid: {position}\ndata: {Encoding.UTF8.GetString(happened.Json)}\n\n";

    // A write whose token is cancelled costs the connection: a stop lets the event that is under way arrive, so that the answer ends as a whole one, but waits for no slow reader.
    private async Task SendAsync(HttpResponse response, string text)
    {
        using var patience = new CancellationTokenSource(SlowestWrite, time);
        await using CancellationTokenRegistration hurry = stopping.Register(() => patience.CancelAfter(SlowestLastWrite));
        await response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), patience.Token);
        await response.Body.FlushAsync(patience.Token);
    }

    private bool TryOpen(ServiceAccountIdentity caller)
    {
        lock (_open)
        {
            int known = _open.GetValueOrDefault((caller.Account, caller.Chain));
            if (known >= limits.EventStreamsPerAccount || _total >= limits.EventStreams)
            {
                return false;
            }

            _open[(caller.Account, caller.Chain)] = known + 1;
            _total++;
            return true;
        }
    }

    private void Close(ServiceAccountIdentity caller)
    {
        lock (_open)
        {
            _total--;
            if (--_open[(caller.Account, caller.Chain)] == 0)
            {
                _open.Remove((caller.Account, caller.Chain));
            }
        }
    }
}

/// <summary>Maps the events.</summary>
internal static class EventRoutes
{
    public static void MapEvents(this WebApplication app, Platform platform, EventFeeds feeds, LimitOptions limits, TimeProvider time) =>
        new EventEndpoint(platform, feeds, limits, time, app.Lifetime.ApplicationStopping).Map(app);
}
