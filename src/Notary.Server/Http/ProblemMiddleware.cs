using Notary.Chain.Store;
using Notary.Server.Identity.People;

namespace Notary.Server.Http;

/// <summary>
/// The outermost layer: whatever an endpoint leaves without an answer becomes a problem with a code, and no exception's text ever reaches a client.
/// </summary>
public static class ProblemMiddleware
{
    private const int RetryAfterSeconds = 2;

    public static void UseProblems(this WebApplication app)
    {
        ILogger logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Notary.Server");
        app.Use(next => context => Run(context, next, logger));
    }

    private static async Task Run(HttpContext context, RequestDelegate next, ILogger logger)
    {
        try
        {
            await next(context);
        }
        catch (BadHttpRequestException wrong)
        {
            await RequestBody.RefuseAsync(context, RequestBody.EndOf(wrong), 0);
        }
        catch (Exception gone) when (context.RequestAborted.IsCancellationRequested && gone is OperationCanceledException or IOException)
        {
            return;
        }
        catch (SessionEndedException)
        {
            await Problems.WriteAsync(context, Problems.SessionNeeded, "The session ended before the request's turn came; nothing was done.");
        }
        catch (DatabaseFailureException lost) when (lost.ConnectionLost)
        {
            Log.DatabaseLost(logger, (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "-", lost.Message);
            await Problems.WriteAsync(context, Problems.DatabaseLost, "Whether the request had an effect is not said: ask again in a moment, a deposit or transfer with the same Idempotency-Key.", retryAfterSeconds: RetryAfterSeconds);
        }
        catch (Exception failure)
        {
            Log.RequestFailed(logger, (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "-", failure);
            await Problems.WriteAsync(context, Problems.Internal, "The server's log says more.");
        }

        if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentLength: null, ContentType: null })
        {
            Problem problem = context.Response.StatusCode switch
            {
                404 => Problems.NotFound,
                405 => Problems.MethodNotAllowed,
                415 => Problems.UnsupportedType,
                _ => Problems.Malformed,
            };
            await Problems.WriteAsync(context, problem, $"{context.Request.Method} is not answered here; /openapi/v1.json lists every address.");
        }
    }
}
