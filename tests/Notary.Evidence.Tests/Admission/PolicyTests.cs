using System.Text;
using System.Text.Json;

namespace Notary.Evidence.Tests;

/// <summary>The truth tables beside the policy documents.</summary>
public sealed class PolicyTests
{
    public static TheoryData<string> Names => new(PolicyNames.InOrder);

    [Theory]
    [MemberData(nameof(Names))]
    public void Truth_table_holds(string name)
    {
        var document = TestChain.Document(name);
        using var cases = JsonDocument.Parse(File.ReadAllBytes(Repository.Path($"policies/{name}/default.cases.json")));
        Assert.NotEqual(0, cases.RootElement.GetArrayLength());
        foreach (var row in cases.RootElement.EnumerateArray())
        {
            var expected = row.GetProperty("expect").GetString();
            if (name == PolicyNames.Custody)
            {
                AssertCustody(document, row);
                continue;
            }

            if (name != PolicyNames.Admission)
            {
                PolicyDocument.TryParse(document, out var parsed);
                Assert.Equal(expected, parsed!.Default);
                continue;
            }

            Assert.Equal("", AdmissionPolicy.TryParse(document, out var policy));
            var (facts, key) = Inputs(row);
            var decision = policy!.Explain(facts, key);
            Assert.Equal((expected, row.GetProperty("rule").GetString()), (AdmissionResult.CodeOf(decision.Failure), decision.Rule));
            Assert.Equal(10, decision.Inputs.Count);
        }
    }

    [Theory]
    [InlineData("\"types\":[\"*\"]", "\"types\":[\"*\"],\"zone\":1", "rules[1].unknown member")]
    [InlineData("{\"document\"", "{\"default\":\"refuse\",\"document\"", "unknown member")]
    [InlineData("\"skew\":300", "\"skew\":86401", "rules[0].skew")]
    [InlineData("\"lag\":3600", "\"lag\":0", "rules[0].lag")]
    [InlineData("\"maxparts\":1000", "\"maxparts\":1001", "rules[0].maxparts")]
    [InlineData("\"maxmetadata\":16384", "\"maxmetadata\":16385", "rules[0].maxmetadata")]
    [InlineData("\"fields\":\"required\"", "\"fields\":\"perhaps\"", "rules[0].fields")]
    [InlineData("\"client-secret\"", "\"password\"", "rules[0].auth")]
    [InlineData("\"submitter\"", "\"log\"", "rules[0].purposes")]
    [InlineData("\"operator\"", "\"friend\"", "rules[0].relations")]
    [InlineData("\"types\":[\"*\"]", "\"types\":[]", "rules[1].types")]
    [InlineData("\"types\":[\"*\"]", "\"types\":[\"a\",\"a\"]", "rules[1].types")]
    [InlineData("\"accounts\":[\"*\"]", "\"accounts\":[\"A\"]", "rules[0].accounts")]
    [InlineData("evidence-of-capture-has-provenance", "any-evidence-of-a-known-account", "rules[1].id")]
    [InlineData("\"version\":1", "\"version\":0", "version")]
    [InlineData("\"v\":1", "\"v\":2", "v")]
    [InlineData("\"admission\"", "\"access\"", "default")]
    [InlineData("{\"document\"", "{ \"document\"", "not canonical")]
    [InlineData("evidence-of-capture", "e\u0301", "not canonical")]
    public void Document_that_its_format_does_not_allow_is_refused(string from, string to, string problem)
    {
        var text = Encoding.UTF8.GetString(TestChain.Document("admission")).Replace(from, to, StringComparison.Ordinal);
        Assert.Equal(problem, PolicyDocument.TryParse(Encoding.UTF8.GetBytes(text), out _));
    }

    [Fact]
    public void Documents_for_which_no_evaluator_exists_cannot_look_as_if_they_allowed_anything()
    {
        foreach (var name in PolicyNames.InOrder.Skip(1).Where(static n => n != PolicyNames.Custody))
        {
            var text = Encoding.UTF8.GetString(TestChain.Document(name));
            Assert.Equal("default", PolicyDocument.TryParse(Encoding.UTF8.GetBytes(text.Replace("refuse", "allow", StringComparison.Ordinal).Replace("keep", "allow", StringComparison.Ordinal)), out _));
            Assert.Equal("unknown member", PolicyDocument.TryParse(Encoding.UTF8.GetBytes(text.Replace("\"v\":1", "\"rules\":[],\"v\":1", StringComparison.Ordinal)), out _));
        }
    }

    [Theory]
    [InlineData("\"acts\":[\"released\",", "\"acts\":[\"taken\",", "rules[0].acts")]
    [InlineData("\"accounts\":[\"*\"]", "\"accounts\":[\"A\"]", "rules[0].accounts")]
    [InlineData("\"peers\":[\"*\"]", "\"peers\":[\"beijing\"]", "rules[0].peers")]
    [InlineData("\"peers\":[\"*\"]", "\"peers\":[]", "rules[0].peers")]
    [InlineData("\"submitter\"", "\"log\"", "rules[0].purposes")]
    [InlineData("\"client-secret\"", "\"password\"", "rules[0].auth")]
    [InlineData("\"whose\":\"own\"", "\"whose\":\"mine\"", "rules[0].whose")]
    [InlineData("\"whose\":\"own\"", "\"whose\":\"own\",\"x\":1", "rules[0].unknown member")]
    [InlineData(",\"whose\":\"own\"", "", "rules[0].whose")]
    [InlineData("\"lag\":3600", "\"lag\":0", "rules[0].lag")]
    [InlineData("an-account-transfers-its-own", "An account", "rules[0].id")]
    [InlineData("\"default\":\"refuse\"", "\"default\":\"allow\"", "default")]
    [InlineData("\"version\":1", "\"version\":0", "version")]
    public void Custody_document_that_its_format_does_not_allow_is_refused(string from, string to, string problem)
    {
        var text = Encoding.UTF8.GetString(TestChain.Document("custody"));
        Assert.Contains(from, text, StringComparison.Ordinal);
        Assert.Equal(problem, PolicyDocument.TryParse(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)), out _));
    }

    [Fact]
    public void Custody_without_a_rule_that_matches_is_refused_and_the_first_that_matches_decides()
    {
        static CustodyPolicy Parse(string text)
        {
            Assert.Equal("", CustodyPolicy.TryParse(Encoding.UTF8.GetBytes(text), out var policy));
            return policy!;
        }

        var (facts, key) = CustodyInputs(CustodyAct.Released);
        Assert.Equal(AdmissionFailure.CustodyNotAllowed, Parse("{\"default\":\"refuse\",\"document\":\"custody\",\"v\":1,\"version\":1}").Decide(facts, key).Failure);
        const string Rule = "{\"accounts\":[ACCOUNT],\"acts\":[\"released\"],\"auth\":[\"client-secret\"],\"id\":\"ID\",\"lag\":60,\"peers\":[PEER],\"purposes\":[\"PURPOSE\"],\"whose\":\"any\"}";
        string Of(string id, string account, string peer, string purpose) => Rule.Replace("ACCOUNT", $"\"{account}\"", StringComparison.Ordinal)
            .Replace("ID", id, StringComparison.Ordinal).Replace("PEER", $"\"{peer}\"", StringComparison.Ordinal).Replace("PURPOSE", purpose, StringComparison.Ordinal);
        var policy = Parse($"{{\"default\":\"refuse\",\"document\":\"custody\",\"rules\":[{Of("one", "other", "*", "submitter")},{Of("two", "*", "notary.example/dubai", "submitter")},{Of("three", "*", "notary.example/beijing", "node")},{Of("four", "*", "*", "submitter")}],\"v\":1,\"version\":1}}");
        Assert.Equal((AdmissionFailure.KeyPurpose, "three"), (policy.Decide(facts, key).Failure, policy.Decide(facts, key).Rule));
        Assert.Equal("four", policy.RuleFor(CustodyAct.Released, "dev-agency", "notary.example/hainan")!.Id);
        Assert.Equal((CustodyWhose.Any, null), (policy.RuleFor(CustodyAct.Released, "other", "notary.example/dubai")!.Whose, policy.RuleFor(CustodyAct.Received, "other", "notary.example/dubai")));
        Assert.Equal(AdmissionFailure.CustodyNotAllowed, policy.Decide(CustodyInputs(CustodyAct.Declined).Facts, key).Failure);
    }

    private static void AssertCustody(byte[] document, JsonElement row)
    {
        string Text(string name, string otherwise) => row.TryGetProperty(name, out var value) ? value.GetString()! : otherwise;
        Assert.Equal("", CustodyPolicy.TryParse(document, out var policy));
        Assert.True(CustodyActs.TryParse(Text("act", ""), out var act));
        Assert.True(AuthMethods.TryParse(Text("auth", "client-secret"), out var auth));
        Assert.True(KeyRecord.TryPurpose(Text("purpose", "submitter"), out var purpose));
        var (facts, key) = CustodyInputs(act);
        var result = policy!.Decide(
            facts with { Auth = auth, Sealed = facts.Received + (row.TryGetProperty("sealed", out var sealedAt) ? 1000L * sealedAt.GetInt32() : 0) }, key with { Purpose = purpose });
        Assert.Equal((Text("expect", ""), Text("rule", "")), (result.Code, result.Rule));
        Assert.Equal(Text("whose", ""), policy.RuleFor(act, facts.Account, facts.CustodyRecord!.Peer)!.Whose.ToString().ToLowerInvariant());
    }

    private static (LeafFacts Facts, KeyRecord Key) CustodyInputs(CustodyAct act)
    {
        var world = CustodyWorld.New();
        var release = world.Append("hainan", world.Released("hainan", 1, "beijing"));
        var proof = world.Prove("hainan");
        world.Append("beijing", world.Declined("beijing", 1, "hainan", release));
        var draft = act switch
        {
            CustodyAct.Released => world.Released("hainan", 2, "beijing"),
            CustodyAct.Received => world.Received("beijing", proof),
            CustodyAct.Declined => world.Declined("beijing", 2, "hainan", release),
            _ => world.Withdrawn("hainan", world.Prove("beijing")),
        };
        return (draft.Facts, TestChain.AgencyKey);
    }

    private static (LeafFacts Facts, KeyRecord Key) Inputs(JsonElement row)
    {
        string Text(string name, string otherwise) => row.TryGetProperty(name, out var value) ? value.GetString()! : otherwise;
        Assert.True(AuthMethods.TryParse(Text("auth", "client-secret"), out var auth));
        Assert.True(Relations.TryParse(Text("relation", "none"), out var relation));
        Assert.True(KeyRecord.TryPurpose(Text("purpose", "submitter"), out var purpose));
        var facts = TestChain.Evidence().Facts;
        return (facts with
        {
            Type = Text("type", "contract"), Account = Text("account", "dev-agency"), Auth = auth, Relation = relation,
            PartCount = row.TryGetProperty("parts", out var parts) ? parts.GetInt32() : 1,
            HasFields = row.TryGetProperty("fields", out var fields) && fields.GetBoolean(),
            Sent = row.TryGetProperty("sent", out var sent) ? facts.Received + (1000L * sent.GetInt32()) : -1,
            Sealed = row.TryGetProperty("sealed", out var sealedAt) ? facts.Received + (1000L * sealedAt.GetInt32()) : facts.Sealed,
        }, TestChain.AgencyKey with { Purpose = purpose });
    }
}
