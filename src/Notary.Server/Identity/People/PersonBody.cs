using System.Text.Json;
using System.Text.Json.Serialization;
using Notary.Server.Http;

namespace Notary.Server.Identity.People;

// What people's pages send. A member too many, too few, twice or of another type is refused as malformed.
internal sealed record PasswordSignIn([property: JsonPropertyName("name")] string Name, [property: JsonPropertyName("password")] string Password);

internal sealed record CodeSignIn([property: JsonPropertyName("ticket")] string Ticket, [property: JsonPropertyName("code")] string Code);

internal sealed record PasskeySignIn([property: JsonPropertyName("ticket")] string Ticket, [property: JsonPropertyName("credential")] JsonElement Credential);

internal sealed record LinkSignIn([property: JsonPropertyName("link")] string Link, [property: JsonPropertyName("pin")] string? Pin = null);

internal sealed record Registration([property: JsonPropertyName("name")] string Name);

internal sealed record NewPasskey(
    [property: JsonPropertyName("ticket")] string Ticket, [property: JsonPropertyName("credential")] JsonElement Credential, [property: JsonPropertyName("name")] string Name);

internal sealed record NewPassword([property: JsonPropertyName("password")] string Password);

internal sealed record NewCode([property: JsonPropertyName("code")] string Code);

internal sealed record AccountProposal(
    [property: JsonPropertyName("name")] string Name, [property: JsonPropertyName("role")] string Role, [property: JsonPropertyName("reason")] string Reason,
    [property: JsonPropertyName("organisation")] string Organisation = "", [property: JsonPropertyName("document")] string? Document = null);

internal sealed record ActReason([property: JsonPropertyName("reason")] string Reason);

internal sealed record SetupAccount([property: JsonPropertyName("name")] string Name, [property: JsonPropertyName("role")] string Role, [property: JsonPropertyName("document")] string Document);

internal sealed record Setup([property: JsonPropertyName("accounts")] SetupAccount[] Accounts);

internal sealed record RoleLink([property: JsonPropertyName("role")] string Role);

/// <summary>Reads them.</summary>
internal static class PersonBody
{
    private const int Limit = 32_768;

    private static readonly JsonSerializerOptions Strict = new()
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, AllowDuplicateProperties = false, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, MaxDepth = 8,
    };

    /// <summary>The body, or null when the request was refused, and answered.</summary>
    public static async ValueTask<T?> ReadAsync<T>(HttpContext context)
        where T : class
    {
        using RequestBody body = await RequestBody.ReadJsonAsync(context, Limit);
        if (body.End != BodyEnd.Complete)
        {
            return null;
        }

        try
        {
            if (JsonSerializer.Deserialize<T>(body.Memory.Span, Strict) is { } read)
            {
                return read;
            }
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException)
        {
            // Answered below: the text of the exception may hold what was sent.
        }

        string members = string.Join(", ", typeof(T).GetProperties().SelectMany(static p => p.GetCustomAttributes(typeof(JsonPropertyNameAttribute), false)).Cast<JsonPropertyNameAttribute>().Select(static n => n.Name));
        await Problems.WriteAsync(context, Problems.Malformed, $"The body is a JSON object with the members {members} and nothing else.");
        return null;
    }
}
