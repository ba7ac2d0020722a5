using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Notary.Evidence;
using Notary.Ledger;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests;

[Collection(OneServer.Name)]
public sealed class DepositTests(ServerFixture server)
{
    [Fact]
    public async Task A_deposit_is_answered_with_a_receipt_that_verifies_alone()
    {
        using HttpResponseMessage answer = await server.Agency.PostAsync("/api/evidence", ServerFixture.Json(ServerFixture.RequestOf(1, """{"title":"租赁合同"}""")));
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        byte[] body = await answer.Content.ReadAsByteArrayAsync();
        Assert.Equal(ReceiptProblem.None, Receipt.TryParse(body, out Receipt? receipt));
        JsonElement json = JsonDocument.Parse(body).RootElement;
        Assert.Equal("sealed", json.GetProperty("state").GetString());
        Assert.Equal($"/api/evidence/{receipt!.Number}", answer.Headers.Location?.OriginalString);
        Assert.True(answer.Headers.CacheControl!.NoStore);

        JsonElement leaf = JsonDocument.Parse(receipt.LeafJson).RootElement;
        Assert.Equal(leaf.GetProperty("id").GetString(), json.GetProperty("id").GetString());
        Assert.Equal("dev-agency", leaf.GetProperty("account").GetString());
        Assert.DoesNotContain("租赁合同", receipt.LeafJson, StringComparison.Ordinal);
        Assert.True(RecordNumber.TryParse(receipt.Number, out _, out long index));
        Assert.Equal(index, json.GetProperty("index").GetInt64());

        // The proof binds the leaf to the signed root.
        Assert.True(TlogProof.TryParse(Encoding.UTF8.GetBytes(receipt.Proof), out TlogProof? proof).Ok);
        Assert.Equal(index, proof!.Index);
        Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(proof.Note.Text, out Checkpoint? checkpoint));
        var hasher = new TreeHasher(Crypto.Suite.Sm);
        Assert.True(InclusionProof.Check(hasher, index, checkpoint!.Size, hasher.Leaf(receipt.LeafBytes), proof.Hashes, checkpoint.Root).Ok);
    }

    [Fact]
    public async Task A_batch_is_answered_line_by_line_with_one_range_proof()
    {
        string[] lines = [ServerFixture.RequestOf(100), "{\"type\":1}", ServerFixture.RequestOf(101), "{\"type\":", ServerFixture.RequestOf(102)];
        using HttpResponseMessage answer = await server.Agency.PostAsync("/api/evidence/batch", ServerFixture.Lines(lines));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("application/x-ndjson", answer.Content.Headers.ContentType?.MediaType);
        JsonElement[] results = [.. (await answer.Content.ReadAsStringAsync()).TrimEnd('\n').Split('\n').Select(l => JsonDocument.Parse(l).RootElement)];
        Assert.Equal(6, results.Length);
        Assert.Equal([0, 1, 2, 3, 4], results[..5].Select(r => r.GetProperty("line").GetInt32()));
        Assert.Equal("wrong-type", results[1].GetProperty("error").GetProperty("code").GetString());
        Assert.Equal("json-syntax", results[3].GetProperty("error").GetProperty("code").GetString());

        JsonElement range = results[5].GetProperty("range");
        long first = range.GetProperty("first").GetInt64();
        Assert.Equal(3, range.GetProperty("count").GetInt32());
        var hasher = new TreeHasher(Crypto.Suite.Sm);
        var hashes = new[] { 0, 2, 4 }.Select(i => hasher.Leaf(Encoding.UTF8.GetBytes(results[i].GetProperty("leaf").GetRawText()))).ToArray();
        Checkpoint checkpoint = CheckpointOf(results[5].GetProperty("checkpoint").GetString()!);
        Assert.Equal(range.GetProperty("size").GetInt64(), checkpoint.Size);
        var proof = range.GetProperty("proof").EnumerateArray().Select(p => Crypto.Hash32.FromSpan(p.GetBytesFromBase64())).ToArray();
        Assert.True(RangeProof.Check(hasher, first, checkpoint.Size, hashes, proof, checkpoint.Root).Ok);
    }

    [Fact]
    public async Task A_batch_of_only_bad_lines_seals_nothing_and_names_each()
    {
        long before = await server.SizeAsync();
        using HttpResponseMessage answer = await server.Agency.PostAsync("/api/evidence/batch", ServerFixture.Lines("{}", "[]", ""));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        string[] lines = (await answer.Content.ReadAsStringAsync()).TrimEnd('\n').Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.All(lines[..3], l => Assert.Contains("\"error\"", l, StringComparison.Ordinal));
        Assert.Contains("\"checkpoint\"", lines[3], StringComparison.Ordinal);
        Assert.Equal(before, await server.SizeAsync());
    }

    [Fact]
    public async Task A_file_is_hashed_while_it_arrives_and_its_name_is_committed()
    {
        byte[] content = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 31))];
        using var form = new MultipartFormDataContent();
        var file = new ByteArrayContent(content);
        file.Headers.ContentType = new MediaTypeHeaderValue("application/pdf");
        form.Add(file, "file", "租赁合同.pdf");
        form.Add(new StringContent("""{"type":"contract.electronic","metadata":{"title":"Lease"}}"""), "request");
        using HttpResponseMessage answer = await server.Agency.PostAsync("/api/evidence", form);
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.Created, body);
        string number = JsonDocument.Parse(body).RootElement.GetProperty("number").GetString()!;

        JsonElement record = JsonDocument.Parse(await server.Agency.GetStringAsync($"/api/evidence/{number}")).RootElement;
        JsonElement part = record.GetProperty("parts")[0];
        Assert.Equal(ServerFixture.Sm3(content), part.GetProperty("sm3").GetString());
        Assert.Equal(ServerFixture.Sha256(content), part.GetProperty("sha256").GetString());
        Assert.Equal("application/pdf", part.GetProperty("media").GetString());
        Assert.Equal(content.Length, part.GetProperty("size").GetInt64());
        Assert.Equal("租赁合同.pdf", record.GetProperty("metadata").GetProperty("files")[0].GetString());
        Assert.Equal("Lease", record.GetProperty("metadata").GetProperty("title").GetString());
        Assert.DoesNotContain(Directory.EnumerateFiles(server.Server.Data, "*", SearchOption.AllDirectories), f => f.EndsWith(".pdf", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("re%CC%81sume%CC%81.pdf", "r\u00e9sum\u00e9.pdf")] // decomposed, as macOS writes names
    [InlineData("%EF%BF%BE.pdf", "\ufffe.pdf")] // a noncharacter
    public async Task A_file_name_of_any_form_is_committed_in_normalisation_form_C(string sent, string committed)
    {
        var body = new StringContent(
            $"--b\r\nContent-Disposition: form-data; name=\"request\"\r\n\r\n{{\"type\":\"contract.electronic\"}}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''{sent}\r\n\r\nabc\r\n--b--\r\n");
        body.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=b");
        using HttpResponseMessage answer = await server.Agency.PostAsync("/api/evidence", body);
        string sealedRecord = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.Created, sealedRecord);
        string number = JsonDocument.Parse(sealedRecord).RootElement.GetProperty("number").GetString()!;
        JsonElement record = JsonDocument.Parse(await server.Agency.GetStringAsync($"/api/evidence/{number}")).RootElement;
        Assert.Equal(committed, record.GetProperty("metadata").GetProperty("files")[0].GetString());
    }

    [Fact]
    public async Task A_request_with_the_same_idempotency_key_is_answered_again_and_sealed_once()
    {
        string key = "key " + Guid.NewGuid().ToString("N");
        using HttpResponseMessage first = await Send(ServerFixture.RequestOf(200));
        long size = await server.SizeAsync();
        using HttpResponseMessage again = await Send(ServerFixture.RequestOf(200));
        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
        Assert.Equal("true", again.Headers.GetValues("Idempotency-Replayed").Single());
        Assert.Equal(await Number(first), await Number(again));
        Assert.Equal(size, await server.SizeAsync());
        using HttpResponseMessage other = await Send(ServerFixture.RequestOf(201));
        await ServerFixture.ProblemAsync(other, "idempotency-conflict");
        Assert.Equal(size, await server.SizeAsync());

        Task<HttpResponseMessage> Send(string body)
        {
            var request = new HttpRequestMessage(HttpMethod.Post, "/api/evidence") { Content = ServerFixture.Json(body) };
            request.Headers.Add("Idempotency-Key", key);
            return server.Agency.SendAsync(request);
        }

        static async Task<string?> Number(HttpResponseMessage answer) => JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync()).RootElement.GetProperty("number").GetString();
    }

    [Fact]
    public async Task A_batch_with_the_same_idempotency_key_is_answered_with_the_same_outcomes()
    {
        string key = Guid.NewGuid().ToString("N");
        string[] first = await Send();
        long size = await server.SizeAsync();
        string[] again = await Send();
        Assert.Equal(size, await server.SizeAsync());
        Assert.Equal(first[..3], again[..3]);

        async Task<string[]> Send()
        {
            var request = new HttpRequestMessage(HttpMethod.Post, "/api/evidence/batch") { Content = ServerFixture.Lines(ServerFixture.RequestOf(300), "{}", ServerFixture.RequestOf(301)) };
            request.Headers.Add("Idempotency-Key", key);
            using HttpResponseMessage answer = await server.Agency.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return (await answer.Content.ReadAsStringAsync()).TrimEnd('\n').Split('\n');
        }
    }

    [Fact]
    public async Task Many_clients_at_once_get_indexes_that_are_all_different()
    {
        JsonElement[] receipts = await Task.WhenAll(Enumerable.Range(1_000, 200).Select(i => server.DepositAsync(ServerFixture.RequestOf(i))));
        Assert.Equal(200, receipts.Select(r => r.GetProperty("index").GetInt64()).Distinct().Count());
    }

    private static Checkpoint CheckpointOf(string note)
    {
        Assert.True(SignedNote.TryParse(Encoding.UTF8.GetBytes(note), out SignedNote? signed).Ok);
        Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(signed!.Text, out Checkpoint? checkpoint));
        return checkpoint!;
    }
}
