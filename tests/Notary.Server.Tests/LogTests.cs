using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Notary.Crypto;
using Notary.Ledger;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests;

[Collection(OneServer.Name)]
public sealed class LogTests(ServerFixture server)
{
    [Fact]
    public async Task The_public_tiles_hash_to_the_root_of_the_signed_checkpoint()
    {
        await server.Agency.PostAsync("/api/evidence/batch", ServerFixture.Lines([.. Enumerable.Range(20_000, 600).Select(i => ServerFixture.RequestOf(i))]));
        string note = await server.Anyone.GetStringAsync("/log/beijing/checkpoint");
        Assert.True(SignedNote.TryParse(Encoding.UTF8.GetBytes(note), out SignedNote? signed).Ok);
        Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(signed!.Text, out Checkpoint? checkpoint));
        TreeEdge edge = TreeEdge.Empty(new TreeHasher(Suite.Sm));
        for (long tile = 0; tile * 256 < checkpoint!.Size; tile++)
        {
            int width = (int)Math.Min(256, checkpoint.Size - (tile * 256));
            using HttpResponseMessage answer = await server.Anyone.GetAsync("/log/beijing/" + Tiles.Path(new TileId(0, tile, width)));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Contains("immutable", answer.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
            byte[] hashes = await answer.Content.ReadAsByteArrayAsync();
            Assert.Equal(width * 32, hashes.Length);
            for (int i = 0; i < width; i++)
            {
                edge.Append(Hash32.FromSpan(hashes.AsSpan(i * 32, 32)));
            }
        }

        Assert.Equal(checkpoint.Root, edge.Root());
    }

    [Fact]
    public async Task Entries_are_not_public()
    {
        using HttpResponseMessage answer = await server.Agency.GetAsync("/log/beijing/tile/entries/000.p/6");
        await ServerFixture.ProblemAsync(answer, "entries-not-public");
    }

    [Theory]
    [InlineData("/log/shanghai/checkpoint", "chain-not-found")]
    [InlineData("/log/shanghai/tile/0/000", "chain-not-found")]
    [InlineData("/log/beijing/tile/0/0", "tile-path-malformed")]
    [InlineData("/log/beijing/tile/9x/000", "tile-path-malformed")]
    [InlineData("/log/beijing/tile/0/000.p/256", "tile-path-malformed")]
    [InlineData("/log/beijing/tile/0/../../../etc/passwd", "")]
    [InlineData("/log/beijing/tile/0/x999/999", "tile-not-found")]
    [InlineData("/log/beijing/tile/5/000", "tile-not-found")]
    public async Task A_tile_or_chain_that_is_not_there_is_refused_with_its_code(string address, string code)
    {
        using HttpResponseMessage answer = await server.Anyone.GetAsync(address);
        await ServerFixture.ProblemAsync(answer, code.Length > 0 ? code : "not-found");
    }

    [Fact]
    public async Task The_trust_file_is_the_one_of_the_data_folder() =>
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(server.Server.Data, "trust.note")), await server.Anyone.GetByteArrayAsync("/trust"));

    [Fact]
    public async Task Health_says_that_the_process_lives_and_the_chain_seals()
    {
        Assert.Equal("""{"status":"live"}""", await server.Anyone.GetStringAsync("/health/live"));
        JsonElement ready = JsonDocument.Parse(await server.Anyone.GetStringAsync("/health/ready")).RootElement;
        Assert.Equal("ready", ready.GetProperty("status").GetString());
        Assert.Equal("notary.example/beijing", ready.GetProperty("chains")[0].GetProperty("origin").GetString());
        Assert.True(ready.GetProperty("chains")[0].GetProperty("size").GetInt64() >= 6);
    }

    [Fact]
    public async Task The_page_shows_the_head_in_both_languages_and_allows_nothing_from_elsewhere()
    {
        foreach (string language in new[] { "en", "zh-CN" })
        {
            using HttpResponseMessage answer = await server.Anyone.GetAsync($"/?lang={language}");
            string page = await answer.Content.ReadAsStringAsync();
            Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
            Assert.Contains($"<html lang=\"{language}\">", page, StringComparison.Ordinal);
            Assert.Contains("notary.example/beijing", page, StringComparison.Ordinal);
            Assert.Contains("id=\"drop\"", page, StringComparison.Ordinal);
            string policy = answer.Headers.GetValues("Content-Security-Policy").Single();
            Assert.StartsWith("default-src 'none'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("http:", page, StringComparison.Ordinal);
            Assert.DoesNotContain("https:", page, StringComparison.Ordinal);
            Assert.DoesNotContain("style=", page, StringComparison.Ordinal);
            foreach (string asset in new[] { "site.css", "site.js", "hash.js", "seal.svg" })
            {
                using HttpResponseMessage file = await server.Anyone.GetAsync("/assets/" + asset);
                Assert.Equal(HttpStatusCode.OK, file.StatusCode);
                using var again = new HttpRequestMessage(HttpMethod.Get, "/assets/" + asset);
                again.Headers.IfNoneMatch.Add(file.Headers.ETag!);
                using HttpResponseMessage unchanged = await server.Anyone.SendAsync(again);
                Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);
            }
        }
    }

    [Fact]
    public async Task The_page_speaks_the_readers_language_without_being_asked()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.AcceptLanguage.ParseAdd("fr, zh-TW;q=0.8, en;q=0.5");
        using HttpResponseMessage answer = await server.Anyone.SendAsync(request);
        Assert.Contains("<html lang=\"zh-CN\">", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_size_on_the_page_is_that_of_the_checkpoint()
    {
        string page = WebUtility.HtmlDecode(await server.Anyone.GetStringAsync("/?lang=en"));
        string size = page.Split("<pre tabindex=\"0\">")[1].Split('\n')[1];
        Assert.Contains($"<b>{long.Parse(size, CultureInfo.InvariantCulture).ToString("N0", CultureInfo.InvariantCulture)}</b>", page, StringComparison.Ordinal);
    }
}
