using System.Text.Json;
using Notary.Chain;
using Notary.Chain.Network;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Identity;
using Notary.Server.OpenApi;
using Notary.Server.Startup;

namespace Notary.Server.Records;

/// <summary>Reading one record: what anyone may know of it, its proof, and, for the account that deposited it, receipt and package.</summary>
internal static class RecordEndpoints
{
    public static void MapRecords(this IEndpointRouteBuilder routes, Platform platform)
    {
        RouteGroupBuilder records = routes.MapGroup("/api/evidence/{name}").WithTags("Records");
        records.MapGet("", (HttpContext context, string name) => ReadAsync(context, platform, name))
            .WithName("readRecord").WithSummary("A record, as much of it as the caller may see").RequireRateLimiting(RateLimits.Lookup)
            .Produces<RecordShape>().Answers(Problems.NameMalformed, Problems.RecordNotFound, Problems.RateLimited);
        records.MapGet("/proof", (HttpContext context, string name) => ProofAsync(context, platform, name))
            .WithName("readProof").WithSummary("The inclusion proof with the checkpoint of the furthest state that the record has reached (C2SP tlog-proof); it holds hashes only").RequireRateLimiting(RateLimits.Lookup)
            .Produces<string>(200, "text/plain").Answers(Problems.NameMalformed, Problems.RecordNotFound, Problems.RateLimited);
        records.MapGet("/receipt", (HttpContext context, string name) => ReceiptAsync(context, platform, name))
            .WithName("readReceipt").WithSummary("The receipt, in the furthest state that the record has reached").RequireAuthorization()
            .Produces<ReceiptShape>().Answers(Problems.NameMalformed, Problems.Unauthenticated, Problems.NotTheDepositor, Problems.RecordNotFound, Problems.Erased);
        records.MapGet("/package", (HttpContext context, string name) => PackageAsync(context, platform, name))
            .WithName("readPackage").WithSummary("The package (ASiC-E) without the files, which this platform does not hold").RequireAuthorization()
            .Produces<byte[]>(200, "application/vnd.etsi.asic-e+zip").Answers(Problems.NameMalformed, Problems.Unauthenticated, Problems.NotTheDepositor, Problems.RecordNotFound, Problems.Erased);
    }

    private static Task ReadAsync(HttpContext context, Platform platform, string name)
    {
        (ChainHost? chain, long index, Problem? problem) = RecordName.Resolve(platform, name);
        if (problem is not null)
        {
            return RecordName.RefuseAsync(context, problem);
        }

        LeafFacts facts = FactsOf(chain!, index);
        ServiceAccountIdentity? caller = ServiceAccountIdentity.Of(context);
        OpenedItem? item = IsDepositor(caller, chain!, facts) ? chain!.Reader.OpenItem(index) : null;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.Vary = "Authorization";
        return Json.WriteAsync(context, StatusCodes.Status200OK, json =>
        {
            WritePublic(json, platform, chain!, index, facts, withKind: true);
            if (caller is null)
            {
                return;
            }

            json.WriteString("id", facts.Id.ToString("D"));
            json.WriteString("account", facts.Account);
            json.WriteString("received", RecordTime.Format(facts.Received));
            if (facts.Kind == RecordKind.Evidence)
            {
                json.WriteString("type", facts.Type);
                if (facts.Sent >= 0)
                {
                    json.WriteString("sent", RecordTime.Format(facts.Sent));
                }
            }

            if (item is not null)
            {
                json.WriteStartArray("parts");
                foreach (EvidencePart part in item.Content.Parts)
                {
                    json.WriteRawValue(part.ToValue().ToBytes());
                }

                json.WriteEndArray();
                if (!item.Content.Metadata.IsEmpty)
                {
                    json.WritePropertyName("metadata");
                    json.WriteRawValue(item.Content.Metadata.Span);
                }
            }
        });
    }

    private static Task ProofAsync(HttpContext context, Platform platform, string name)
    {
        (ChainHost? chain, long index, Problem? problem) = RecordName.Resolve(platform, name);
        if (problem is not null)
        {
            return RecordName.RefuseAsync(context, problem);
        }

        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(platform.Network.Prove(chain!, index)!.Proof.Format());
    }

    private static Task ReceiptAsync(HttpContext context, Platform platform, string name)
    {
        (ChainHost? chain, long index, Problem? problem, string detail) = Own(context, platform, name);
        RecordProof? proof = problem is null ? platform.Network.Prove(chain!, index) : null;
        if (proof is not null && chain!.Reader.Receipt(index, proof.Proof, proof.Anchor) is { } receipt)
        {
            context.Response.ContentType = "application/json";
            context.Response.Headers.CacheControl = "no-store";
            return context.Response.Body.WriteAsync(receipt.ToJson()).AsTask();
        }

        return problem is null ? Problems.WriteAsync(context, Problems.Erased, "The secret of this record is gone; the proof can still be had.") : Problems.WriteAsync(context, problem, detail);
    }

    private static async Task PackageAsync(HttpContext context, Platform platform, string name)
    {
        (ChainHost? chain, long index, Problem? problem, string detail) = Own(context, platform, name);
        if (problem is not null)
        {
            await Problems.WriteAsync(context, problem, detail);
            return;
        }

        if (chain!.Reader.OpenItem(index) is not { } item)
        {
            await Problems.WriteAsync(context, Problems.Erased, "What opens this record is gone; the proof can still be had.");
            return;
        }

        CanonicalValue? metadata = null;
        if (!item.Content.Metadata.IsEmpty && !CanonicalValue.TryParse(item.Content.Metadata.Span, new CanonicalLimits(item.Content.Metadata.Length, 8, false), out metadata).Ok)
        {
            throw new InvalidOperationException($"The metadata of the item at index {index} does not parse.");
        }

        using var package = new MemoryStream();
        var openings = Openings.FromSecret(chain.Genesis.Suite, chain.Genesis.Origin, item.Id, item.Secret, item.Content.Parts, metadata);
        RecordProof proof = platform.Network.Prove(chain, index)!;
        PackageWriter.Write(package, chain.Reader.Entry(index)!, openings, proof.Proof, [], proof.Anchor);
        context.Response.ContentType = "application/vnd.etsi.asic-e+zip";
        context.Response.ContentLength = package.Length;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.ContentDisposition = $"attachment; filename=\"{RecordNumber.Format(chain.Genesis.Code, index)}.asice\"";
        await context.Response.Body.WriteAsync(package.GetBuffer().AsMemory(0, (int)package.Length));
    }

    /// <summary>The members that anyone may see of any record.</summary>
    public static void WritePublic(Utf8JsonWriter json, Platform platform, ChainHost chain, long index, in LeafFacts facts, bool withKind)
    {
        json.WriteString("number", RecordNumber.Format(chain.Genesis.Code, index));
        json.WriteString("chain", chain.Genesis.Origin);
        json.WriteNumber("index", index);
        if (withKind)
        {
            json.WriteString("kind", RecordKinds.Name(facts.Kind));
        }

        json.WriteString("sealed", RecordTime.Format(facts.Sealed));
        json.WriteString("state", TrustNames.Of(platform.Network.StateOf(chain, index)));
    }

    /// <summary>The facts of a sealed leaf. One that does not parse was never admitted: a contradiction inside, not an outside fault.</summary>
    public static LeafFacts FactsOf(ChainHost chain, long index)
    {
        byte[] leaf = chain.Reader.Entry(index) ?? throw new InvalidOperationException($"No entry at index {index} below the size.");
        AdmissionResult form = Admission.AdmitForm(leaf, out LeafFacts facts);
        return form.Ok || form.Indeterminate ? facts : throw new InvalidOperationException($"The entry at index {index} is no leaf: {form.Code}.");
    }

    // An account is one of a chain: the same name on another chain is somebody else.
    private static bool IsDepositor(ServiceAccountIdentity? caller, ChainHost chain, in LeafFacts facts) =>
        caller is not null && facts.Kind == RecordKind.Evidence
        && string.Equals(caller.Account, facts.Account, StringComparison.Ordinal) && string.Equals(caller.Chain, chain.Name, StringComparison.Ordinal);

    private static (ChainHost? Chain, long Index, Problem? Problem, string Detail) Own(HttpContext context, Platform platform, string name)
    {
        (ChainHost? chain, long index, Problem? problem) = RecordName.Resolve(platform, name);
        if (problem is not null)
        {
            return (null, 0, problem, "A record is named by its number with check character, or by its id as a UUID in lower case.");
        }

        LeafFacts facts = FactsOf(chain!, index);
        return IsDepositor(ServiceAccountIdentity.Of(context), chain!, facts)
            ? (chain, index, null, "")
            : (null, 0, Problems.NotTheDepositor, "Receipt and package are given to the account that deposited the evidence, and to no other.");
    }
}
