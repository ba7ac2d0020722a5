using Notary.Chain;
using Notary.Crypto;
using Notary.Server.Http;
using Notary.Server.OpenApi;
using Notary.Server.Startup;

namespace Notary.Server.Records;

/// <summary>
/// The public look-up by digest. Whoever has the content learns that, when and under which number it was sealed; never by whom, as what or with
/// which metadata. Look-ups are limited by address, so that contents cannot be tried in bulk.
/// </summary>
internal static class LookupEndpoint
{
    /// <summary>The most records that one answer names, oldest first.</summary>
    public const int MaximumRecords = 100;

    public static void MapLookup(this IEndpointRouteBuilder routes, Platform platform) =>
        routes.MapGet("/api/evidence", (HttpContext context, string? digest) => FindAsync(context, platform, digest))
            .WithTags("Records").WithName("findByDigest").WithSummary("The records that hold content with this SM3 or SHA-256 digest, oldest first, at most 100")
            .RequireRateLimiting(RateLimits.Lookup)
            .Produces<LookupShape>().Answers(Problems.DigestMalformed, Problems.RateLimited);

    private static Task FindAsync(HttpContext context, Platform platform, string? text)
    {
        if (!Hash32.TryParseHex(text, out Hash32 digest))
        {
            return Problems.WriteAsync(context, Problems.DigestMalformed, "Ask as ?digest= with 64 lower-case hexadecimal digits, SM3 or SHA-256.");
        }

        context.Response.Headers.CacheControl = "no-store";
        return Json.WriteAsync(context, StatusCodes.Status200OK, json =>
        {
            json.WriteString("digest", digest.ToHex());
            long size = 0;
            long indexed = 0;
            json.WriteStartArray("records");
            foreach (ChainHost chain in platform.Chains.Values)
            {
                size += chain.Reader.Size;
                indexed += Math.Min(chain.Index.IndexedTo, chain.Reader.Size);
                foreach (long index in chain.Reader.FindDigest(digest, MaximumRecords))
                {
                    json.WriteStartObject();
                    RecordEndpoints.WritePublic(json, platform, chain, index, RecordEndpoints.FactsOf(chain, index), withKind: false);
                    json.WriteEndObject();
                }
            }

            json.WriteEndArray();
            json.WriteNumber("size", size);
            json.WriteNumber("indexed", indexed);
        });
    }
}
