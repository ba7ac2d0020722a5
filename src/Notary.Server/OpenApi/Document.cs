using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Notary.Server.Http;

namespace Notary.Server.OpenApi;

/// <summary>The problems that an endpoint answers with, for the document.</summary>
internal sealed record AnswersWith(Problem[] Problems);

/// <summary>The OpenAPI document <c>/openapi/v1.json</c>: made from the mapped endpoints, so that none can be missing.</summary>
internal static class Document
{
    /// <summary>Declares which problems an endpoint answers with.</summary>
    public static TBuilder Answers<TBuilder>(this TBuilder builder, params Problem[] problems)
        where TBuilder : IEndpointConventionBuilder
        => builder.WithMetadata(new AnswersWith(problems));

    public static void AddDocument(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "Notary",
                Version = "1",
                Description = "Electronic evidence notarization: seal, prove, look up, verify. Formats byte by byte: docs/spec. Every problem is application/problem+json with a stable code.",
            };
            document.Servers = [];
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                ["Bearer"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "The secret of a service account, or its access token (docs/connect.md)." },
            };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer(Transform);
    });

    private static async Task Transform(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellation)
    {
        IList<object> metadata = context.Description.ActionDescriptor.EndpointMetadata;
        if (metadata.OfType<Microsoft.AspNetCore.Authorization.IAuthorizeData>().Any())
        {
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("Bearer", context.Document)] = [] }];
        }

        OpenApiSchema schema = await context.GetOrCreateSchemaAsync(typeof(ProblemShape), null, cancellation);
        operation.Responses ??= [];
        Problem[] problems = [.. metadata.OfType<AnswersWith>().SelectMany(a => a.Problems)];

        // Where a secret or token is needed, there may be a token that is for something else.
        foreach (IGrouping<int, Problem> status in problems.Concat(problems.Contains(Problems.Unauthenticated) ? [Problems.ScopeMissing] : []).Distinct().GroupBy(p => p.Status))
        {
            operation.Responses[status.Key.ToString(System.Globalization.CultureInfo.InvariantCulture)] = new OpenApiResponse
            {
                Description = string.Join("; ", status.Select(p => $"{p.Code}: {p.Title}")),
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    ["application/problem+json"] = new()
                    {
                        Schema = schema,
                        Examples = status.ToDictionary(p => p.Code, IOpenApiExample (p) => new OpenApiExample { Value = Example(p) }),
                    },
                },
            };
        }

        // A multipart deposit has a shape of its own; a multipart verification is its one file.
        if (operation is { OperationId: "deposit", RequestBody.Content: { } bodies } && bodies.TryGetValue("multipart/form-data", out OpenApiMediaType? multipart))
        {
            multipart.Schema = await context.GetOrCreateSchemaAsync(typeof(MultipartShape), null, cancellation);
        }

        foreach (OpenApiExampleOf example in metadata.OfType<OpenApiExampleOf>())
        {
            if (operation.RequestBody?.Content?.TryGetValue(example.MediaType, out OpenApiMediaType? body) == true)
            {
                body.Example = JsonNode.Parse(example.Json);
            }
        }
    }

    private static JsonObject Example(Problem problem) => new()
    {
        ["type"] = $"urn:notary:{problem.Code}",
        ["title"] = problem.Title,
        ["status"] = problem.Status,
        ["detail"] = problem.Title + ".",
        ["code"] = problem.Code,
    };
}

/// <summary>An example of a request body, for the document.</summary>
internal sealed record OpenApiExampleOf(string MediaType, string Json);
