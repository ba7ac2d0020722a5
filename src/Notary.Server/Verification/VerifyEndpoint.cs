using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.OpenApi;
using Notary.Server.Options;
using Notary.Server.Startup;
using Notary.Server.Telemetry;

namespace Notary.Server.Verification;

/// <summary>
/// Verifies a package against this platform's trust file. The upload goes to a file that is deleted with the request: a package may be larger than memory,
/// and the verifier reads it more than once. Whoever does not want to trust this server verifies the same package offline.
/// </summary>
internal sealed class VerifyEndpoint(Platform platform, LimitOptions limits) : IDisposable
{
    private const string PackageType = "application/vnd.etsi.asic-e+zip";
    private const int BufferBytes = 128 * 1024;

    // A package may say that it inflates to a thousand times its size; what is inflated is bounded by what may be uploaded.
    private readonly VerifierOptions _options = new() { Limits = ZipLimits.Default with { MaxEntrySize = 4 * limits.VerifyBytes, MaxTotalSize = 4 * limits.VerifyBytes } };
    private readonly SemaphoreSlim _free = new(limits.VerifyAtOnce);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/api/verify", (Delegate)VerifyAsync)
            .WithTags("Verify").WithName("verify").WithSummary("Verifies a package; the answer is the report (Accept: text/plain gives it as text). Nothing is kept")
            .RequireRateLimiting(RateLimits.Verify)
            .Accepts<byte[]>(PackageType, "application/zip", "application/octet-stream", "multipart/form-data")
            .Produces<ReportShape>().Produces<string>(200, "text/plain")
            .Answers(Problems.Truncated, Problems.MultipartMalformed, Problems.MultipartNoFile, Problems.BodyTimeout, Problems.TooLarge, Problems.UnsupportedType, Problems.PackageRefused, Problems.RateLimited, Problems.VerifierBusy);
    }

    public void Dispose() => _free.Dispose();

    private static readonly TimeSpan ReceiveAtMost = TimeSpan.FromSeconds(120);

    private async Task VerifyAsync(HttpContext context)
    {
        if (!MediaTypeHeaderValue.TryParse(context.Request.ContentType, out MediaTypeHeaderValue? type)
            || type.MediaType.Value?.ToLowerInvariant() is not (PackageType or "application/zip" or "application/octet-stream" or "multipart/form-data"))
        {
            await Problems.WriteAsync(context, Problems.UnsupportedType, $"Send the package as {PackageType}, or as the file of a multipart/form-data body.");
            return;
        }

        if (context.Request.ContentLength > limits.VerifyBytes + BufferBytes)
        {
            await RequestBody.RefuseAsync(context, BodyEnd.TooLarge, limits.VerifyBytes);
            return;
        }

        if (!await _free.WaitAsync(TimeSpan.Zero))
        {
            await Problems.WriteAsync(context, Problems.VerifierBusy, "Try again in a moment, or verify offline with the command notary verify.", retryAfterSeconds: 2);
            return;
        }

        try
        {
            RequestBody.Allow(context, limits.VerifyBytes + BufferBytes);
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                BufferSize = 0,
                Options = FileOptions.DeleteOnClose | FileOptions.Asynchronous,
            };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            await using var upload = new FileStream(Path.Combine(Path.GetTempPath(), $"notary-verify-{Guid.NewGuid():N}"), options);
            if (await ReceiveAsync(context, type, upload) is { } problem)
            {
                await Problems.WriteAsync(context, problem.Problem, problem.Detail);
                return;
            }

            await AnswerAsync(context, upload);
        }
        finally
        {
            _free.Release();
        }
    }

    private async Task<(Problem Problem, string Detail)?> ReceiveAsync(HttpContext context, MediaTypeHeaderValue type, FileStream upload)
    {
        // A slot is held while a package comes in: two slow senders must not take the verifier from everybody.
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        deadline.CancelAfter(ReceiveAtMost);
        try
        {
            Stream source = context.Request.Body;
            if (type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            {
                string boundary = HeaderUtilities.RemoveQuotes(type.Boundary).Value ?? "";
                if (boundary.Length is 0 or > 70)
                {
                    return (Problems.MultipartMalformed, "The content type names no boundary of 1 to 70 characters.");
                }

                var reader = new MultipartReader(boundary, context.Request.Body, BufferBytes) { HeadersCountLimit = 16, HeadersLengthLimit = 8_192 };
                MultipartSection? section;
                do
                {
                    section = await reader.ReadNextSectionAsync(deadline.Token);
                }
                while (section is not null && section.GetContentDispositionHeader()?.IsFileDisposition() != true);
                if (section is null)
                {
                    return (Problems.MultipartNoFile, "The multipart body has no file.");
                }

                source = section.Body;
            }

            byte[] buffer = new byte[BufferBytes];
            int read;
            while ((read = await source.ReadAsync(buffer, deadline.Token)) > 0)
            {
                if (upload.Position + read > limits.VerifyBytes)
                {
                    return (Problems.TooLarge, FormattableString.Invariant($"Packages up to {limits.VerifyBytes} bytes are verified here; verify larger ones offline with the command notary verify."));
                }

                try
                {
                    await upload.WriteAsync(buffer.AsMemory(0, read), deadline.Token);
                }
                catch (IOException full)
                {
                    // The server's disk, not the sender's connection: an internal failure, with its cause in the log.
                    throw new InvalidOperationException("The temporary folder does not take an upload.", full);
                }
            }

            return null;
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            return (Problems.BodyTimeout, FormattableString.Invariant($"A package is received within {ReceiveAtMost.TotalSeconds:0} s; send it again, or verify offline with the command notary verify."));
        }
        catch (InvalidDataException)
        {
            return (Problems.MultipartMalformed, "The headers of a part are larger or more than allowed.");
        }
        catch (BadHttpRequestException wrong)
        {
            return RequestBody.EndOf(wrong) switch
            {
                BodyEnd.TooLarge => (Problems.TooLarge, FormattableString.Invariant($"Packages up to {limits.VerifyBytes} bytes are verified here.")),
                BodyEnd.TooSlow => (Problems.BodyTimeout, "The body stopped coming; send it again."),
                _ => (Problems.Truncated, "The connection ended before the end of the body."),
            };
        }
        catch (IOException)
        {
            return (Problems.Truncated, "The body ended before its end.");
        }
    }

    private async Task AnswerAsync(HttpContext context, FileStream upload)
    {
        long started = Stopwatch.GetTimestamp();
        upload.Position = 0;
        PackageProblem? refused = PackageReader.TryOpen(upload, out _, _options.Limits);
        upload.Position = 0;
        VerificationReport report = Verifier.Verify(upload, [], platform.Trust, _options);
        ServerTelemetry.Verified(Stopwatch.GetElapsedTime(started), IndicationNames.Of(report.Indication));
        context.Response.Headers.CacheControl = "no-store";
        bool text = context.Request.GetTypedHeaders().Accept.Any(a => a.MediaType == "text/plain");
        if (text)
        {
            context.Response.StatusCode = refused is null ? StatusCodes.Status200OK : Problems.PackageRefused.Status;
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(report.ToText()));
        }
        else if (refused is null)
        {
            context.Response.ContentType = "application/json";
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(report.ToJson()));
        }
        else
        {
            // The bytes are no package at all: a problem for programs, with the same report for people.
            await Problems.WriteAsync(context, Problems.PackageRefused, refused.Detail, ReasonOf(refused), more: json =>
            {
                json.WritePropertyName("report");
                json.WriteRawValue(report.ToJson());
            });
        }
    }

    private static string ReasonOf(PackageProblem refused)
    {
        string name = refused.Zip is { } zip ? zip.Failure.ToString() : refused.Failure.ToString();
        return JsonNamingPolicy.KebabCaseLower.ConvertName(name);
    }
}

/// <summary>Maps the verification.</summary>
internal static class VerifyRoutes
{
    public static void MapVerify(this IEndpointRouteBuilder routes, VerifyEndpoint endpoint) => endpoint.Map(routes);
}
