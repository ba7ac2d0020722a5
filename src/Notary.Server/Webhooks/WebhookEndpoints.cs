using System.Buffers;
using System.Text.Json;
using Notary.Evidence;
using Notary.Server.Deposits;
using Notary.Server.Http;
using Notary.Server.Identity;
using Notary.Server.OpenApi;
using Notary.Server.Options;
using Notary.Server.Startup;

namespace Notary.Server.Webhooks;

/// <summary>The webhooks of the caller's account: put, read, deleted. What they are told is what <c>/api/events</c> streams.</summary>
internal sealed class WebhookEndpoints(Platform platform, WebhookRunner webhooks, LimitOptions limits)
{
    private const int MaxBody = 4_096;
    private const int MaxName = 32;

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPut("/api/webhooks/{name}", (HttpContext context, string name) => PutAsync(context, name))
            .WithTags("Events").WithName("putWebhook").WithSummary("Creates a webhook of the account, and answers its secret once; or gives one another address, and goes on with it at once when it was disabled")
            .RequireAuthorization().RequireRateLimiting(RateLimits.WebhookChange)
            .Accepts<WebhookRequestShape>("application/json").WithMetadata(new OpenApiExampleOf("application/json", """{"url":"https://agency.example/notary"}"""))
            .Produces<WebhookShape>().Produces<WebhookShape>(201)
            .Answers(
                Problems.Malformed, Problems.Truncated, Problems.WebhookMalformed, Problems.Unauthenticated, Problems.BodyTimeout, Problems.TooManyWebhooks, Problems.TooLarge, Problems.UnsupportedType,
                Problems.RateLimited, Problems.Internal);
        routes.MapGet("/api/webhooks", (Delegate)ListAsync)
            .WithTags("Events").WithName("listWebhooks").WithSummary("The account's webhooks, and how their deliveries go").RequireAuthorization()
            .Produces<WebhookListShape>().Answers(Problems.Unauthenticated);
        routes.MapDelete("/api/webhooks/{name}", (HttpContext context, string name) => DeleteAsync(context, name))
            .WithTags("Events").WithName("deleteWebhook").WithSummary("Ends a webhook of the account").RequireAuthorization().RequireRateLimiting(RateLimits.WebhookChange)
            .Produces<WebhookShape>().Answers(Problems.Unauthenticated, Problems.WebhookNotFound, Problems.RateLimited);
    }

    private async Task PutAsync(HttpContext context, string name)
    {
        if (name.Length > MaxName || name.AsSpan().ContainsAnyExcept(NameCharacters))
        {
            await Problems.WriteAsync(context, Problems.WebhookMalformed, FormattableString.Invariant($"A webhook's name is 1 to {MaxName} lower-case letters, digits and hyphens."));
            return;
        }

        using RequestBody body = await RequestBody.ReadJsonAsync(context, MaxBody);
        if (body.End != BodyEnd.Complete)
        {
            return;
        }

        if (UrlOf(body.Memory) is not { } text)
        {
            await Problems.WriteAsync(context, Problems.Malformed, """The body is not {"url":"https://…"} and nothing else.""");
            return;
        }

        if (WebhookTargets.Parse(text, platform.IsDevelopment, out string problem) is not { } url)
        {
            await Problems.WriteAsync(context, Problems.WebhookMalformed, problem);
            return;
        }

        if (webhooks.Put(KeyOf(context, name), url, limits.WebhooksPerAccount, out string? secret) is not { } hook)
        {
            await Problems.WriteAsync(context, Problems.TooManyWebhooks, FormattableString.Invariant($"An account has at most {limits.WebhooksPerAccount}; delete one first."));
            return;
        }

        context.Response.Headers.CacheControl = "no-store";
        await Json.WriteAsync(context, secret is null ? StatusCodes.Status200OK : StatusCodes.Status201Created, json => Write(json, hook, secret));
    }

    private Task ListAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        return Json.WriteAsync(context, StatusCodes.Status200OK, json =>
        {
            WebhookKey any = KeyOf(context, "");
            json.WriteStartArray("webhooks");
            foreach (Webhook hook in webhooks.Of(any.Account, any.Chain))
            {
                json.WriteStartObject();
                Write(json, hook, secret: null);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private Task DeleteAsync(HttpContext context, string name) => webhooks.Delete(KeyOf(context, name)) is { } gone
        ? Json.WriteAsync(context, StatusCodes.Status200OK, json => Write(json, gone, secret: null))
        : Problems.WriteAsync(context, Problems.WebhookNotFound, "The account has no webhook of this name.");

    private static WebhookKey KeyOf(HttpContext context, string name)
    {
        ServiceAccountIdentity caller = ServiceAccountIdentity.Of(context) ?? throw new InvalidOperationException("A webhook without a caller.");
        return new WebhookKey(caller.Account, caller.Chain, name);
    }

    private static string? UrlOf(ReadOnlyMemory<byte> body)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(body, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 2 });
            return document.RootElement is { ValueKind: JsonValueKind.Object } root && root.GetPropertyCount() == 1 && root.TryGetProperty("url", out JsonElement url) && url.ValueKind == JsonValueKind.String
                ? url.GetString()
                : null;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            // The second is a string with a lone surrogate.
            return null;
        }
    }

    private static void Write(Utf8JsonWriter json, Webhook hook, string? secret)
    {
        json.WriteString("name", hook.Key.Name);
        json.WriteString("url", hook.Url.AbsoluteUri);
        if (secret is not null)
        {
            json.WriteString("secret", secret);
        }

        json.WriteString("created", RecordTime.Format(hook.CreatedMs));
        json.WriteString("state", hook.Disabled.Length > 0 ? hook.Disabled : hook.Attempts > 0 ? "retrying" : "active");
        json.WriteString("position", hook.Position.ToString());
        if (hook.DeliveredMs > 0)
        {
            json.WriteString("lastDelivery", RecordTime.Format(hook.DeliveredMs));
        }

        if (hook.FailedMs > 0)
        {
            json.WriteString("lastFailure", RecordTime.Format(hook.FailedMs));
            json.WriteString("failure", hook.Failure);
        }

        if (hook is { Attempts: > 0, Disabled: "" })
        {
            json.WriteNumber("attempts", hook.Attempts);
            json.WriteString("nextTry", RecordTime.Format(hook.NextTryMs));
        }
    }
}

/// <summary>Maps the webhooks.</summary>
internal static class WebhookRoutes
{
    public static void MapWebhooks(this IEndpointRouteBuilder routes, Platform platform, WebhookRunner webhooks, LimitOptions limits) =>
        new WebhookEndpoints(platform, webhooks, limits).Map(routes);
}
