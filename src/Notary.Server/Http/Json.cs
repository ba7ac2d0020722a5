using System.Text.Encodings.Web;
using System.Text.Json;

namespace Notary.Server.Http;

/// <summary>How this server writes JSON: compact, Chinese as Chinese; every answer is sent as <c>application/json</c>, never inside HTML.</summary>
public static class Json
{
    /// <summary>For <see cref="Utf8JsonWriter"/>.</summary>
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes one JSON object as the whole answer.</summary>
    public static Task WriteAsync(HttpContext context, int status, Action<Utf8JsonWriter> members)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        var body = new System.Buffers.ArrayBufferWriter<byte>(1_024);
        using (var json = new Utf8JsonWriter(body, WriterOptions))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        context.Response.ContentLength = body.WrittenCount;
        return context.Response.Body.WriteAsync(body.WrittenMemory).AsTask();
    }
}
