using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using Notary.Evidence;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests;

[Collection(OneServer.Name)]
public sealed class ReadTests(ServerFixture server)
{
    private static readonly string[] PublicMembers = ["number", "chain", "index", "kind", "sealed", "state"];

    [Fact]
    public async Task A_record_shows_anyone_its_place_and_only_the_depositor_its_content()
    {
        JsonElement receipt = await server.DepositAsync(ServerFixture.RequestOf(5_000, """{"title":"Lease","holder":"Zhang San"}"""));
        string number = receipt.GetProperty("number").GetString()!;
        JsonElement anyone = JsonDocument.Parse(await server.Anyone.GetStringAsync($"/api/evidence/{number}")).RootElement;
        Assert.Equal(PublicMembers, anyone.EnumerateObject().Select(m => m.Name));
        Assert.Equal("evidence", anyone.GetProperty("kind").GetString());

        JsonElement owner = JsonDocument.Parse(await server.Agency.GetStringAsync($"/api/evidence/{number}")).RootElement;
        Assert.Equal("Zhang San", owner.GetProperty("metadata").GetProperty("holder").GetString());
        Assert.Equal("dev-agency", owner.GetProperty("account").GetString());
        Assert.Equal(receipt.GetProperty("id").GetString(), owner.GetProperty("id").GetString());
        Assert.Equal(ServerFixture.Sm3(ServerFixture.ContentOf(5_000)), owner.GetProperty("parts")[0].GetProperty("sm3").GetString());
    }

    [Fact]
    public async Task A_record_is_found_by_its_id_as_by_its_number()
    {
        JsonElement receipt = await server.DepositAsync(ServerFixture.RequestOf(5_001));
        string id = receipt.GetProperty("id").GetString()!;
        await Eventually(async () => (await server.Anyone.GetAsync($"/api/evidence/{id}")).StatusCode == HttpStatusCode.OK);
        Assert.Equal(
            await server.Anyone.GetStringAsync($"/api/evidence/{receipt.GetProperty("number").GetString()}"),
            await server.Anyone.GetStringAsync($"/api/evidence/{id}"));
    }

    [Fact]
    public async Task A_receipt_can_be_fetched_again_and_names_the_same_leaf_and_secret()
    {
        JsonElement given = await server.DepositAsync(ServerFixture.RequestOf(5_002));
        byte[] again = await server.Agency.GetByteArrayAsync($"/api/evidence/{given.GetProperty("number").GetString()}/receipt");
        Assert.Equal(ReceiptProblem.None, Receipt.TryParse(again, out Receipt? receipt));
        Assert.Equal(given.GetProperty("leaf").GetString(), receipt!.LeafJson);
        Assert.Equal(given.GetProperty("secret").GetString(), receipt.Secret.ToHex());
    }

    [Fact]
    public async Task A_proof_is_public_and_holds_nothing_but_hashes_and_the_checkpoint()
    {
        JsonElement receipt = await server.DepositAsync(ServerFixture.RequestOf(5_003));
        using HttpResponseMessage answer = await server.Anyone.GetAsync($"/api/evidence/{receipt.GetProperty("number").GetString()}/proof");
        Assert.Equal("text/plain", answer.Content.Headers.ContentType?.MediaType);
        string proof = await answer.Content.ReadAsStringAsync();
        Assert.StartsWith("notary/tlog-proof-sm3@v1\n", proof, StringComparison.Ordinal);
        Assert.DoesNotContain("dev-agency", proof, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_package_holds_the_leaf_its_openings_and_its_proof_and_no_file()
    {
        JsonElement receipt = await server.DepositAsync(ServerFixture.RequestOf(5_004, """{"title":"Lease"}"""));
        string number = receipt.GetProperty("number").GetString()!;
        using HttpResponseMessage answer = await server.Agency.GetAsync($"/api/evidence/{number}/package");
        Assert.Equal("application/vnd.etsi.asic-e+zip", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal($"{number}.asice", answer.Content.Headers.ContentDisposition?.FileName?.Trim('"'));
        byte[] package = await answer.Content.ReadAsByteArrayAsync();
        using var zip = new ZipArchive(new MemoryStream(package));
        Assert.Equal(["mimetype", "notary/leaf.json", "notary/openings.json", "notary/proof.txt"], zip.Entries.Select(e => e.FullName));
        using var leaf = new StreamReader(zip.GetEntry("notary/leaf.json")!.Open(), Encoding.UTF8);
        Assert.Equal(receipt.GetProperty("leaf").GetString(), await leaf.ReadToEndAsync());
    }

    [Fact]
    public async Task Receipt_and_package_are_refused_to_anyone_else()
    {
        JsonElement receipt = await server.DepositAsync(ServerFixture.RequestOf(5_005));
        foreach (string what in new[] { "receipt", "package" })
        {
            using HttpResponseMessage anyone = await server.Anyone.GetAsync($"/api/evidence/{receipt.GetProperty("number").GetString()}/{what}");
            await ServerFixture.ProblemAsync(anyone, "unauthenticated");
            Assert.Contains("Bearer", anyone.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);

            // Leaf 0 is a policy: nobody deposited it.
            using HttpResponseMessage policy = await server.Agency.GetAsync($"/api/evidence/{RecordNumber.Format("BJ", 0)}/{what}");
            await ServerFixture.ProblemAsync(policy, "not-the-depositor");
        }
    }

    [Theory]
    [InlineData("BJ-0000-0000-0006", "name-malformed")]
    [InlineData("hello", "name-malformed")]
    [InlineData("0197A0B4-0000-7000-8000-000000000000", "name-malformed")]
    [InlineData("0197a0b4-0000-7000-8000-000000000000", "record-not-found")]
    public async Task A_name_that_means_no_record_is_refused_with_its_code(string name, string code)
    {
        foreach (string what in new[] { "", "/proof", "/receipt", "/package" })
        {
            using HttpResponseMessage answer = await server.Agency.GetAsync($"/api/evidence/{name}{what}");
            await ServerFixture.ProblemAsync(answer, code);
        }
    }

    [Fact]
    public async Task A_number_beyond_the_log_or_of_another_chain_is_not_found()
    {
        foreach (string number in new[] { RecordNumber.Format("BJ", 999_999_999_999), RecordNumber.Format("GZ", 1) })
        {
            using HttpResponseMessage answer = await server.Anyone.GetAsync($"/api/evidence/{number}");
            await ServerFixture.ProblemAsync(answer, "record-not-found");
        }
    }

    [Fact]
    public async Task A_digest_is_found_by_either_hash_and_tells_nothing_about_the_depositor()
    {
        byte[] content = ServerFixture.ContentOf(5_006);
        JsonElement receipt = await server.DepositAsync(ServerFixture.RequestOf(content, """{"title":"Lease","holder":"Zhang San"}"""));
        foreach (string digest in new[] { ServerFixture.Sm3(content), ServerFixture.Sha256(content) })
        {
            JsonElement found = default;
            await Eventually(async () => (found = JsonDocument.Parse(await server.Anyone.GetStringAsync($"/api/evidence?digest={digest}")).RootElement).GetProperty("records").GetArrayLength() == 1);
            Assert.Equal(["digest", "records", "size", "indexed"], found.EnumerateObject().Select(m => m.Name));
            JsonElement record = found.GetProperty("records")[0];
            Assert.Equal(["number", "chain", "index", "sealed", "state"], record.EnumerateObject().Select(m => m.Name));
            Assert.Equal(receipt.GetProperty("number").GetString(), record.GetProperty("number").GetString());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("?digest=")]
    [InlineData("?digest=66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0")]
    [InlineData("?digest=66c7")]
    public async Task A_digest_that_is_none_is_refused(string query)
    {
        using HttpResponseMessage answer = await server.Anyone.GetAsync("/api/evidence" + query);
        await ServerFixture.ProblemAsync(answer, "digest-malformed");
    }

    [Fact]
    public async Task An_unknown_digest_is_answered_with_no_records()
    {
        JsonElement found = JsonDocument.Parse(await server.Anyone.GetStringAsync($"/api/evidence?digest={new string('0', 64)}")).RootElement;
        Assert.Equal(0, found.GetProperty("records").GetArrayLength());
    }

    private static async Task Eventually(Func<Task<bool>> holds)
    {
        for (int i = 0; i < 200; i++)
        {
            if (await holds())
            {
                return;
            }

            await Task.Delay(50);
        }

        Assert.Fail("It did not come to hold within 10 s.");
    }
}
