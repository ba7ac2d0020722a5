using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Server.Http;

namespace Notary.Server.Deposits;

/// <summary>What a multipart deposit came to: the request as JSON, or the problem.</summary>
public readonly record struct MultipartResult(ReadOnlyMemory<byte> Json, Problem? Problem, string Detail);

/// <summary>
/// A deposit with its files (RFC 7578): a field <c>request</c> with the JSON request without <c>parts</c> and without <c>metadata.files</c>, and file parts.
/// Each file is hashed with SM3 and SHA-256 while it streams through one buffer; nothing of it is kept. What results is the JSON request that the client
/// could have sent itself, and it goes the same way from here.
/// </summary>
public static class MultipartDeposit
{
    private const int MaximumFiles = 1_000;
    private const int BufferBytes = 128 * 1024;

    /// <summary>Reads the body. The order of the fields does not matter; the order of the files is the order of the parts.</summary>
    public static async Task<MultipartResult> ReadAsync(HttpContext context, string boundary, int requestLimit)
    {
        var reader = new MultipartReader(boundary, context.Request.Body, BufferBytes) { HeadersCountLimit = 16, HeadersLengthLimit = 8_192 };
        byte[]? request = null;
        List<HashedFile> files = [];
        try
        {
            while (await reader.ReadNextSectionAsync(context.RequestAborted) is { } section)
            {
                if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out ContentDispositionHeaderValue? disposition) || disposition.DispositionType != "form-data")
                {
                    return Wrong(Problems.MultipartMalformed, "A part has no Content-Disposition: form-data.");
                }

                string? fileName = NameOf(disposition);
                if (fileName is null)
                {
                    if (HeaderUtilities.RemoveQuotes(disposition.Name) != "request" || request is not null)
                    {
                        return Wrong(Problems.MultipartMalformed, "The fields are one request and any number of files.");
                    }

                    request = await ReadFieldAsync(section.Body, requestLimit, context.RequestAborted);
                    if (request is null)
                    {
                        return Wrong(Problems.TooLarge, FormattableString.Invariant($"The field request holds at most {requestLimit} bytes."));
                    }
                }
                else if (files.Count == MaximumFiles)
                {
                    return Wrong(Problems.TooLarge, FormattableString.Invariant($"At most {MaximumFiles} files make one record."));
                }
                else
                {
                    files.Add(await HashAsync(section.Body, fileName, section.ContentType ?? "application/octet-stream", context.RequestAborted));
                }
            }
        }
        catch (InvalidDataException)
        {
            return Wrong(Problems.MultipartMalformed, "The headers of a part are larger or more than allowed.");
        }
        catch (BadHttpRequestException wrong)
        {
            return RequestBody.EndOf(wrong) switch
            {
                BodyEnd.TooLarge => Wrong(Problems.TooLarge, "The files together are larger than this server hashes; send their digests instead."),
                BodyEnd.TooSlow => Wrong(Problems.BodyTimeout, "The body stopped coming; send it again."),
                _ => Wrong(Problems.Truncated, "The connection ended before the end of the body."),
            };
        }
        catch (IOException)
        {
            return Wrong(Problems.Truncated, "The body ended before its closing boundary.");
        }

        return request is null ? Wrong(Problems.MultipartNoRequest, "Add a field request with the JSON request, without its parts.")
            : files.Count == 0 ? Wrong(Problems.MultipartNoFile, "Add at least one file, or send the digests as application/json.")
            : Merge(request, files);
    }

    /// <summary>
    /// Puts the parts and the file names into the request. Members are copied as they came, so that whatever is wrong with them is found, and
    /// named, by the one parser of requests.
    /// </summary>
    private static MultipartResult Merge(ReadOnlySpan<byte> request, List<HashedFile> files)
    {
        var output = new ArrayBufferWriter<byte>(request.Length + (files.Count * 384));
        using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Encoder = Json.WriterOptions.Encoder, SkipValidation = true });
        bool hasMetadata = false;
        try
        {
            var reader = new Utf8JsonReader(request, new JsonReaderOptions { MaxDepth = 16 });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return Wrong(Problems.Malformed, "The field request is not a JSON object.");
            }

            json.WriteStartObject();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("parts"u8))
                {
                    return Wrong(Problems.MultipartMalformed, "The request has parts of its own: send either files or parts.");
                }

                bool metadata = reader.ValueTextEquals("metadata"u8);
                WriteName(json, reader);
                reader.Read();
                if (metadata && !hasMetadata && reader.TokenType == JsonTokenType.StartObject)
                {
                    hasMetadata = true;
                    json.WriteStartObject();
                    while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                    {
                        if (reader.ValueTextEquals("files"u8))
                        {
                            return Wrong(Problems.MultipartMalformed, "The request names files of its own; their names are taken from the uploads.");
                        }

                        WriteName(json, reader);
                        reader.Read();
                        WriteRaw(json, request, ref reader);
                    }

                    WriteFileNames(json, files);
                    json.WriteEndObject();
                }
                else
                {
                    WriteRaw(json, request, ref reader);
                }
            }

            if (reader.Read())
            {
                return Wrong(Problems.Malformed, "The field request goes on after its object.");
            }
        }
        catch (JsonException)
        {
            return Wrong(Problems.Malformed, "The field request is not JSON.");
        }
        catch (InvalidOperationException)
        {
            return Wrong(Problems.Malformed, "The field request holds text that is not UTF-8.");
        }

        if (!hasMetadata && files.Count <= 16)
        {
            json.WriteStartObject("metadata");
            WriteFileNames(json, files);
            json.WriteEndObject();
        }

        json.WriteStartArray("parts");
        foreach (HashedFile file in files)
        {
            json.WriteStartObject();
            json.WriteString("kind", "file");
            json.WriteString("media", file.Media);
            json.WriteString("sha256", file.Sha256);
            json.WriteNumber("size", file.Size);
            json.WriteString("sm3", file.Sm3);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return new MultipartResult(output.WrittenMemory, null, "");
    }

    // Written as read, so that a name given twice is still found to be double.
    private static void WriteName(Utf8JsonWriter json, in Utf8JsonReader reader) => json.WritePropertyName(reader.GetString()!);

    private static void WriteRaw(Utf8JsonWriter json, ReadOnlySpan<byte> request, ref Utf8JsonReader reader)
    {
        int start = (int)reader.TokenStartIndex;
        reader.Skip();
        json.WriteRawValue(request[start..(int)reader.BytesConsumed], skipInputValidation: true);
    }

    private static void WriteFileNames(Utf8JsonWriter json, List<HashedFile> files)
    {
        if (files.Count > 16)
        {
            return;
        }

        json.WriteStartArray("files");
        foreach (HashedFile file in files)
        {
            json.WriteStringValue(file.Name);
        }

        json.WriteEndArray();
    }

    // filename* (RFC 8187) where it is given: the plain one cannot carry Chinese with certainty.
    private static string? NameOf(ContentDispositionHeaderValue disposition)
    {
        string? name = disposition.FileNameStar.HasValue ? disposition.FileNameStar.Value : HeaderUtilities.RemoveQuotes(disposition.FileName).Value;
        return string.IsNullOrEmpty(name) ? null : Normalization.ToNfc(name);
    }

    private static async Task<byte[]?> ReadFieldAsync(Stream body, int limit, CancellationToken cancellation)
    {
        byte[] field = new byte[Math.Min(limit, 4_096)];
        int length = 0;
        while (true)
        {
            int read = await body.ReadAsync(field.AsMemory(length), cancellation);
            if (read == 0)
            {
                return field[..length];
            }

            length += read;
            if (length == field.Length)
            {
                if (length == limit)
                {
                    return null;
                }

                Array.Resize(ref field, Math.Min(limit, length * 2));
            }
        }
    }

    private static async Task<HashedFile> HashAsync(Stream body, string name, string media, CancellationToken cancellation)
    {
        using var sm3 = Suite.Sm.CreateHash();
        using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            long size = 0;
            int read;
            while ((read = await body.ReadAsync(buffer, cancellation)) > 0)
            {
                sm3.Append(buffer.AsSpan(0, read));
                sha256.AppendData(buffer, 0, read);
                size += read;
            }

            return new HashedFile(name, media, size, sm3.Finish().ToHex(), Convert.ToHexStringLower(sha256.GetHashAndReset()));
        }
        finally
        {
            // The buffer held the file's content.
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }

    private static MultipartResult Wrong(Problem problem, string detail) => new(default, problem, detail);

    private sealed record HashedFile(string Name, string Media, long Size, string Sm3, string Sha256);
}
