using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Notary.Server.Http;

/// <summary>How reading a body ended.</summary>
public enum BodyEnd
{
    /// <summary>All of it is there.</summary>
    Complete = 1,

    /// <summary>It is larger than allowed; the rest was not read.</summary>
    TooLarge = 2,

    /// <summary>The client stopped before the end that it had announced.</summary>
    Truncated = 3,

    /// <summary>It came more slowly than the server waits.</summary>
    TooSlow = 4,
}

/// <summary>A whole request body in a pooled array. Dispose gives the array back: nothing may hold <see cref="Memory"/> after that.</summary>
public struct RequestBody : IDisposable
{
    private byte[]? _array;

    /// <summary>How reading ended; <see cref="Memory"/> is empty unless complete.</summary>
    public BodyEnd End { get; private init; }

    /// <summary>The body's bytes.</summary>
    public ReadOnlyMemory<byte> Memory { get; private init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_array is { } array)
        {
            _array = null;
            Return(array, Memory.Length);
        }
    }

    /// <summary>Reads the body, at most <paramref name="limit"/> bytes of it. Memory grows with what has come, never with what was announced.</summary>
    public static async ValueTask<RequestBody> ReadAsync(HttpContext context, int limit)
    {
        if (context.Request.ContentLength > limit)
        {
            return new RequestBody { End = BodyEnd.TooLarge };
        }

        PipeReader reader = context.Request.BodyReader;
        byte[]? array = null;
        int length = 0;
        try
        {
            while (true)
            {
                ReadResult result = await reader.ReadAsync(CancellationToken.None);
                ReadOnlySequence<byte> piece = result.Buffer;
                if (length + piece.Length > limit)
                {
                    reader.AdvanceTo(piece.End);
                    return Failed(array, length, BodyEnd.TooLarge);
                }

                int needed = length + (int)piece.Length;
                if (needed > (array?.Length ?? 0))
                {
                    array = Grow(array, length, result.IsCompleted ? needed : (int)Math.Min(limit, Math.Max(needed * 2L, Math.Min(context.Request.ContentLength ?? 0, 65_536))));
                }

                if (array is not null)
                {
                    piece.CopyTo(array.AsSpan(length));
                }

                length = needed;
                reader.AdvanceTo(piece.End);
                if (result.IsCompleted)
                {
                    return new RequestBody { End = BodyEnd.Complete, _array = array, Memory = array.AsMemory(0, length) };
                }
            }
        }
        catch (BadHttpRequestException wrong)
        {
            return Failed(array, length, EndOf(wrong));
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException)
        {
            return Failed(array, length, BodyEnd.Truncated);
        }
    }

    /// <summary>Reads a JSON body. With another end than <see cref="BodyEnd.Complete"/> the request was refused, and answered.</summary>
    public static async ValueTask<RequestBody> ReadJsonAsync(HttpContext context, int limit)
    {
        if (!IsType(context.Request.ContentType, "application/json"))
        {
            await Problems.WriteAsync(context, Problems.UnsupportedType, "Send application/json.");
            return new RequestBody { End = BodyEnd.Truncated };
        }

        RequestBody body = await ReadAsync(context, limit);
        if (body.End != BodyEnd.Complete)
        {
            await RefuseAsync(context, body.End, limit);
        }

        return body;
    }

    /// <summary>Whether a Content-Type is that media type, in UTF-8 where it names a charset.</summary>
    public static bool IsType(string? type, string wanted)
    {
        if (string.Equals(type, wanted, StringComparison.Ordinal))
        {
            return true;
        }

        return MediaTypeHeaderValue.TryParse(type, out MediaTypeHeaderValue? media) && media.MediaType.Equals(wanted, StringComparison.OrdinalIgnoreCase)
            && (!media.Charset.HasValue || media.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>What Kestrel's refusal of a body means.</summary>
    public static BodyEnd EndOf(BadHttpRequestException wrong) => wrong.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => BodyEnd.TooLarge,
        StatusCodes.Status408RequestTimeout => BodyEnd.TooSlow,
        _ => BodyEnd.Truncated,
    };

    /// <summary>Answers with the problem of a body that did not come whole.</summary>
    public static Task RefuseAsync(HttpContext context, BodyEnd end, long limit) => end switch
    {
        BodyEnd.TooLarge => Problems.WriteAsync(context, Problems.TooLarge, FormattableString.Invariant($"At most {limit} bytes are accepted here.")),
        BodyEnd.TooSlow => Problems.WriteAsync(context, Problems.BodyTimeout, "The body stopped coming; send it again."),
        _ => Problems.WriteAsync(context, Problems.Truncated, "The connection ended, or the chunked encoding broke, before the end of the body."),
    };

    /// <summary>Lets this one request bring more or less than the server's general limit.</summary>
    public static void Allow(HttpContext context, long limit)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
        {
            feature.MaxRequestBodySize = limit;
        }
    }

    private static RequestBody Failed(byte[]? array, int length, BodyEnd end)
    {
        if (array is not null)
        {
            Return(array, length);
        }

        return new RequestBody { End = end };
    }

    private static byte[] Grow(byte[]? old, int length, int size)
    {
        byte[] grown = ArrayPool<byte>.Shared.Rent(size);
        if (old is not null)
        {
            old.AsSpan(0, length).CopyTo(grown);
            Return(old, length);
        }

        return grown;
    }

    // What the client wrote, metadata in clear, does not stay behind in the pool.
    private static void Return(byte[] array, int length)
    {
        array.AsSpan(0, length).Clear();
        ArrayPool<byte>.Shared.Return(array);
    }
}
