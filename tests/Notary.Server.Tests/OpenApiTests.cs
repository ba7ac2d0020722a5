using System.Text.Json;
using Notary.Server.Http;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests;

[Collection(OneServer.Name)]
public sealed class OpenApiTests(ServerFixture server)
{
    private async Task<JsonElement> DocumentAsync() => JsonDocument.Parse(await server.Anyone.GetStringAsync("/openapi/v1.json")).RootElement;

    [Fact]
    public async Task The_document_lists_every_mapped_address()
    {
        JsonElement document = await DocumentAsync();
        int listed = document.GetProperty("paths").EnumerateObject().Sum(static p => p.Value.EnumerateObject().Count());

        // What is mapped in the program is in the document, but for the pages, their files and the document itself. Which those are, Identity/access.tsv holds. (Ledger nodes are a process of their own, and their addresses are C2SP's.)
        var mapped = Directory.EnumerateFiles(Path.Combine(ServerProcess.Repository, "src", "Notary.Server"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal) && !f.Contains("/Nodes/", StringComparison.Ordinal))
            .Sum(f => new[] { ".MapGet(", ".MapPost(", ".MapPut(", ".MapDelete(" }.Sum(map => File.ReadAllText(f).Split(map, StringSplitOptions.None).Length - 1));
        Assert.Equal(listed + 5, mapped);
    }

    [Fact]
    public async Task Every_operation_has_a_name_a_summary_and_schemas_and_every_problem_of_the_table_appears()
    {
        JsonElement document = await DocumentAsync();
        var codes = new HashSet<string>();
        foreach (JsonElement operation in document.GetProperty("paths").EnumerateObject().SelectMany(p => p.Value.EnumerateObject()).Select(m => m.Value))
        {
            Assert.NotEqual("", operation.GetProperty("operationId").GetString());
            Assert.True(operation.GetProperty("summary").GetString()!.Length > 10);
            foreach (JsonProperty response in operation.GetProperty("responses").EnumerateObject())
            {
                if (response.Name == "204")
                {
                    continue;
                }

                JsonElement content = response.Value.GetProperty("content");
                Assert.All(content.EnumerateObject(), c => Assert.True(c.Value.TryGetProperty("schema", out _), operation.GetProperty("operationId").GetString()));
                if (content.TryGetProperty("application/problem+json", out JsonElement problem))
                {
                    codes.UnionWith(problem.GetProperty("examples").EnumerateObject().Select(e => e.Name));
                }
            }
        }

        // The rest belong to no operation: an unknown address or method, a page, and what a proxy passes on.
        Assert.Equal(["authorization-refused", "method-not-allowed", "not-found", "proxy-unexpected"], Problems.All.Keys.Except(codes).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Real_answers_have_exactly_the_members_that_the_document_shows()
    {
        JsonElement document = await DocumentAsync();
        // Nothing of a development chain is anchored.
        Equal("SealedShape", await server.DepositAsync(ServerFixture.RequestOf(40_000)), "anchor");
        JsonElement lookup = JsonDocument.Parse(await server.Anyone.GetStringAsync($"/api/evidence?digest={new string('1', 64)}")).RootElement;
        Equal("LookupShape", lookup);

        void Equal(string shape, JsonElement answer, params string[] absent) => Assert.Equal(
            document.GetProperty("components").GetProperty("schemas").GetProperty(shape).GetProperty("properties").EnumerateObject().Select(p => p.Name).Except(absent).Order(StringComparer.Ordinal),
            answer.EnumerateObject().Select(m => m.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Operations_that_need_the_secret_say_so()
    {
        JsonElement paths = (await DocumentAsync()).GetProperty("paths");
        Assert.True(paths.GetProperty("/api/evidence").GetProperty("post").TryGetProperty("security", out _));
        Assert.True(paths.GetProperty("/api/evidence/{name}/receipt").GetProperty("get").TryGetProperty("security", out _));
        Assert.False(paths.GetProperty("/api/evidence").GetProperty("get").TryGetProperty("security", out _));
    }
}
