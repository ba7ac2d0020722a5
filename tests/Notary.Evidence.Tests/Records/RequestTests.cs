using System.Text;
using System.Text.Json;
using Notary.Crypto;

namespace Notary.Evidence.Tests;

public sealed class RequestTests
{
    private const string Digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    private const string Part = "{\"media\":\"application/pdf\",\"sha256\":\"" + Digest + "\",\"size\":1,\"sm3\":\"" + Digest + "\"}";
    private const string Good = "{\"type\":\"contract\",\"parts\":[" + Part + "]}";
    private const string Id = "01957f3c-0000-7000-8000-000000000001";

    public static TheoryData<string, string> Refusals => new()
    {
        { "", "empty-line" },
        { "   ", "empty-line" },
        { "{", "json-syntax" },
        { Good + "x", "json-syntax" },
        { Good[..^1], "json-syntax" },
        { Good.Replace("\":", "\" ", StringComparison.Ordinal), "json-syntax" },
        { Good.Replace("]}", ",]}", StringComparison.Ordinal), "json-syntax" },
        { Good.Replace("\"contract\"", "\"con\ttract\"", StringComparison.Ordinal), "json-syntax" },
        { Good.Replace("contract", "\\x", StringComparison.Ordinal), "json-syntax" },
        { Good.Replace("contract", "\\ud800", StringComparison.Ordinal), "lone-surrogate" },
        { Good.Replace("contract", "\\udc00\\ud800", StringComparison.Ordinal), "lone-surrogate" },
        { "[]", "wrong-type" },
        { "3", "wrong-type" },
        { Good.Replace("\"contract\"", "7", StringComparison.Ordinal), "wrong-type" },
        { Good.Replace("\"size\":1", "\"size\":\"1\"", StringComparison.Ordinal), "wrong-type" },
        { Good.Replace("\"size\":1", "\"size\":1.0", StringComparison.Ordinal), "number-not-integer" },
        { Good.Replace("\"size\":1", "\"size\":1e3", StringComparison.Ordinal), "number-not-integer" },
        { Good.Replace("\"size\":1", "\"size\":-0", StringComparison.Ordinal), "number-not-integer" },
        { Good.Replace("\"size\":1", "\"size\":-1", StringComparison.Ordinal), "number-out-of-range" },
        { Good.Replace("\"size\":1", "\"size\":9007199254740992", StringComparison.Ordinal), "number-out-of-range" },
        { Good.Replace("\"size\":1", "\"size\":99999999999999999999", StringComparison.Ordinal), "number-out-of-range" },
        { Good.Replace("\"size\":1", "\"size\":01", StringComparison.Ordinal), "json-syntax" },
        { Good.Replace("\"size\":1", "\"size\":1,\"size\":1", StringComparison.Ordinal), "duplicate-member" },
        { Good.Replace("\"type\"", "\"type\":\"a\",\"type\"", StringComparison.Ordinal), "duplicate-member" },
        { Good.Replace("\"type\"", "\"note\":\"a\",\"type\"", StringComparison.Ordinal), "unknown-member" },
        { Good.Replace("\"size\"", "\"length\":1,\"size\"", StringComparison.Ordinal), "unknown-member" },
        { "{\"parts\":[" + Part + "]}", "missing-member" },
        { "{\"type\":\"contract\"}", "missing-member" },
        { Good.Replace(",\"size\":1", "", StringComparison.Ordinal), "missing-member" },
        { Good.Replace("contract", "", StringComparison.Ordinal), "type-invalid" },
        { Good.Replace("contract", "Contract", StringComparison.Ordinal), "type-invalid" },
        { Good.Replace("contract", new string('a', 65), StringComparison.Ordinal), "type-invalid" },
        { Good.Replace("contract", "合同", StringComparison.Ordinal), "type-invalid" },
        { "{\"type\":\"contract\",\"parts\":[]}", "no-parts" },
        { "{\"type\":\"contract\",\"parts\":[" + string.Join(',', Enumerable.Repeat(Part, 1001)) + "]}", "too-many-parts" },
        { Good.Replace("\"sha256\":\"0", "\"sha256\":\"g", StringComparison.Ordinal), "digest-not-hex" },
        { Good.Replace("\"sha256\":\"0", "\"sha256\":\"00", StringComparison.Ordinal), "digest-not-hex" },
        { Good.Replace("abcdef", "ABCDEF", StringComparison.Ordinal), "digest-not-hex" },
        { Good.Replace("application/pdf", "application", StringComparison.Ordinal), "media-invalid" },
        { Good.Replace("application/pdf", "text/plain; charset=utf-8", StringComparison.Ordinal), "media-invalid" },
        { Good.Replace("application/pdf", "a/" + new string('b', 126), StringComparison.Ordinal), "media-invalid" },
        { Good.Replace("\"size\"", "\"kind\":\"folder\",\"size\"", StringComparison.Ordinal), "part-kind-unknown" },
        { Good.Replace("\"size\"", "\"kind\":\"tree\",\"size\"", StringComparison.Ordinal), "tree-incomplete" },
        { Good.Replace("\"size\"", "\"rows\":1,\"size\"", StringComparison.Ordinal), "tree-incomplete" },
        { Tree("field"), "tree-rule-unknown" },
        { Tree("line"), "tree-needs-secret" },
        { With("\"relation\":\"friend\""), "relation-unknown" },
        { With("\"sent\":\"2026-03-01T08:30:00Z\""), "time-invalid" },
        { With("\"sent\":\"2026-02-30T08:30:00.000Z\""), "time-invalid" },
        { With("\"sent\":\"2026-03-01T08:30:60.000Z\""), "time-invalid" },
        { With("\"previous\":\"" + Id.ToUpperInvariant() + "x\""), "id-invalid" },
        { With("\"previous\":\"01957F3C-0000-7000-8000-000000000001\""), "id-invalid" },
        { With("\"previous\":\"01957f3c-0000-4000-8000-000000000001\""), "id-invalid" },
        { With("\"id\":\"" + Id + "\""), "id-without-secret" },
        { With("\"secret\":\"" + Digest + "\""), "id-without-secret" },
        { With("\"metadata\":{}"), "metadata-empty" },
        { With("\"metadata\":{\"colour\":\"red\"}"), "metadata-unknown-field" },
        { With("\"metadata\":{\"title\":\"a\",\"title\":\"b\"}"), "duplicate-member" },
        { With("\"metadata\":{\"title\":\"" + new string('a', 4097) + "\"}"), "metadata-value-too-long" },
        { With("\"metadata\":{" + string.Join(',', MetadataFields.Names.Where(static n => n != "files").Select(static n => $"\"{n}\":\"{new string('a', 1000)}\"")) + "}"), "metadata-too-large" },
        { With("\"metadata\":{\"title\":\"e\u0301\"}"), "not-normalized" },
        { With("\"metadata\":{\"title\":7}"), "wrong-type" },
        { With("\"metadata\":{\"files\":[]}"), "files-count" },
        { With("\"metadata\":{\"files\":[\"a\",\"b\"]}"), "files-count" },
        { With("\"metadata\":{\"files\":[" + string.Join(',', Enumerable.Repeat("\"a\"", 17)) + "]}"), "files-count" },
        { With("\"metadata\":{\"files\":[\"../a\"]}"), "file-name-invalid" },
        { With("\"metadata\":{\"files\":[\"..\"]}"), "file-name-invalid" },
        { With("\"metadata\":{\"files\":[\"\"]}"), "file-name-invalid" },
        { With("\"metadata\":{\"files\":[\"a\\u0000\"]}"), "file-name-invalid" },
        { With("\"statement\":{\"index\":0,\"root\":\"" + Digest + "\"}"), "statement-invalid" },
        { With("\"statement\":{\"index\":10000,\"nonce\":\"" + Digest + "\",\"root\":\"" + Digest + "\"}"), "statement-invalid" },
        { "{\"type\":\"contract\",\"parts\":[[[[[[[[[[" + Part, "wrong-type" },
        { new string(' ', RequestLimits.MaxLine) + Good, "line-too-long" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Line_is_refused_with_its_code(string line, string code)
    {
        using var batch = RequestBatch.ParseOne(Encoding.UTF8.GetBytes(line));
        Assert.Equal(0, batch.Count);
        Assert.Equal(code, batch.ProblemOf(0)!.Value.Code);
    }

    [Fact]
    public void Every_code_has_a_case_and_stands_in_the_specification()
    {
        var codes = typeof(RequestCodes).GetFields().Select(static f => (string)f.GetValue(null)!).ToHashSet();
        var spec = File.ReadAllText(Repository.Path("docs/spec/record.md"));
        Assert.All(codes, code => Assert.Contains($"| `{code}` |", spec, StringComparison.Ordinal));
        var tested = Refusals.Select(static row => (string)row[1]).Concat(["not-utf8", "body-too-large", "too-many-lines"]).ToHashSet();
        Assert.Equal(codes.Order(), tested.Order());
    }

    [Fact]
    public void Messages_never_repeat_what_was_sent()
    {
        foreach (var row in Refusals)
        {
            using var batch = RequestBatch.ParseOne(Encoding.UTF8.GetBytes((string)row[0]));
            Assert.DoesNotContain(Digest[..8], batch.ProblemOf(0)!.Value.Message, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("friend", batch.ProblemOf(0)!.Value.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("colour", batch.ProblemOf(0)!.Value.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Not_utf8_is_refused_alone()
    {
        using var batch = RequestBatch.Parse([.. Encoding.ASCII.GetBytes(Good), (byte)'\n', .. "{\"type\":\""u8, 0xc3, 0x28, (byte)'\n', .. Encoding.ASCII.GetBytes(Good)]);
        Assert.Equal((3, 2), (batch.LineCount, batch.Count));
        Assert.Equal("not-utf8", batch.ProblemOf(1)!.Value.Code);
    }

    [Fact]
    public void Body_beyond_its_limits_is_refused_whole()
    {
        using var large = RequestBatch.Parse(new byte[RequestLimits.MaxBody + 1]);
        Assert.Equal("body-too-large", large.BodyProblem!.Value.Code);
        using var many = RequestBatch.Parse(Encoding.ASCII.GetBytes(new string('\n', 10_001)));
        Assert.Equal("too-many-lines", many.BodyProblem!.Value.Code);
        using var most = RequestBatch.Parse(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(Good + "\r\n", 10_000))));
        Assert.Null(most.BodyProblem);
        Assert.Equal(10_000, most.Count);
    }

    [Fact]
    public void Escapes_white_space_and_member_order_do_not_matter()
    {
        var spaced = "\t{ \"parts\" : [ {\"sm3\":\"" + Digest + "\", \"size\" : 1 , \"sha256\":\"" + Digest + "\",\"media\":\"application\\/p\\u0064f\"} ],\r\n \"type\":\"con\\u0074ract\" } ";
        Assert.True(EvidenceRequest.TryParse(Encoding.UTF8.GetBytes(spaced), out var a, out _));
        Assert.True(EvidenceRequest.TryParse(Encoding.UTF8.GetBytes(Good), out var b, out _));
        Assert.Equal(b!.ToJsonLine(), a!.ToJsonLine());
    }

    [Fact]
    public void Requests_survive_writing_and_parsing()
    {
        foreach (var request in Samples.Requests())
        {
            Assert.True(EvidenceRequest.TryParse(request.ToJsonLine(), out var back, out var problem), problem.Message);
            Assert.Equal(request.ToJsonLine(), back!.ToJsonLine());
        }
    }

    [Fact]
    public void Mutated_lines_end_in_a_row_or_a_code_and_agree_with_another_parser()
    {
        var random = new Random(20260301);
        var seeds = Samples.Requests().Where(static r => r.Parts.Count <= 2).Select(static r => r.ToJsonLine()).ToArray();
        var codes = typeof(RequestCodes).GetFields().Select(static f => (string)f.GetValue(null)!).ToHashSet();
        var rounds = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? 1_000_000 : 60_000;
        for (var i = 0; i < rounds; i++)
        {
            var bytes = (byte[])seeds[random.Next(seeds.Length)].Clone();
            for (var m = random.Next(1, 4); m > 0; m--)
            {
                bytes = Mutation.Of(random, bytes);
            }

            using var batch = RequestBatch.ParseOne(bytes);
            if (batch.Count == 1)
            {
                using var document = JsonDocument.Parse(bytes);
                Assert.True(EvidenceRequest.TryParse(batch.ToRequest(0).ToJsonLine(), out _, out _));
            }
            else
            {
                Assert.Contains(batch.ProblemOf(0)!.Value.Code, codes);
            }
        }
    }

    private static string With(string member) => Good.Replace("\"type\"", member + ",\"type\"", StringComparison.Ordinal);

    private static string Tree(string rule) =>
        Good.Replace("\"size\"", "\"kind\":\"tree\",\"root\":\"" + Digest + "\",\"rows\":1,\"rule\":\"" + rule + "\",\"size\"", StringComparison.Ordinal);
}
