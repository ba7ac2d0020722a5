using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests;

[Collection(OneServer.Name)]
public sealed class VerifyTests(ServerFixture server)
{
    private const string PackageType = "application/vnd.etsi.asic-e+zip";

    [Fact]
    public async Task A_package_without_its_files_is_consistent_and_says_what_is_missing()
    {
        JsonElement report = await ReportAsync(await PackageAsync(60_000));
        Assert.Equal("INDETERMINATE", report.GetProperty("indication").GetString());
        Assert.Equal("SIGNED_DATA_NOT_FOUND", report.GetProperty("subIndication").GetString());
        Assert.Contains("DEVELOPMENT", report.GetProperty("notice").GetProperty("en").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_package_with_its_file_passes_and_with_another_file_fails()
    {
        byte[] package = await PackageAsync(60_001);
        JsonElement passed = await ReportAsync(WithFile(package, ServerFixture.ContentOf(60_001)));
        Assert.Equal("TOTAL-PASSED", passed.GetProperty("indication").GetString());
        JsonElement failed = await ReportAsync(WithFile(package, ServerFixture.ContentOf(60_002)));
        Assert.Equal("TOTAL-FAILED", failed.GetProperty("indication").GetString());
    }

    [Fact]
    public async Task The_report_is_given_as_text_when_asked_for()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/verify") { Content = Body(await PackageAsync(60_003)) };
        request.Headers.Accept.ParseAdd("text/plain");
        using HttpResponseMessage answer = await server.Anyone.SendAsync(request);
        Assert.Equal("text/plain", answer.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith("DEVELOPMENT", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_package_may_come_as_the_file_of_a_form()
    {
        using var form = new MultipartFormDataContent { { new StringContent("x"), "note" }, { Body(await PackageAsync(60_004)), "package", "a.asice" } };
        using HttpResponseMessage answer = await server.Anyone.PostAsync("/api/verify", form);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var empty = new MultipartFormDataContent { { new StringContent("x"), "note" } };
        using HttpResponseMessage refused = await server.Anyone.PostAsync("/api/verify", empty);
        await ServerFixture.ProblemAsync(refused, "multipart-no-file");
    }

    [Fact]
    public async Task What_is_no_package_is_refused_with_its_reason_and_the_report()
    {
        byte[] package = await PackageAsync(60_005);
        foreach (byte[] bad in new[] { [], "hello"u8.ToArray(), package[..^1], package[1..], [.. package, 0], new byte[100_000], Bomb(), PathTrick(), Nested() })
        {
            using HttpResponseMessage answer = await server.Anyone.PostAsync("/api/verify", Body(bad));
            JsonElement problem = await ServerFixture.ProblemAsync(answer, "package-refused");
            Assert.NotEqual("", problem.GetProperty("reason").GetString());
            Assert.Equal("TOTAL-FAILED", problem.GetProperty("report").GetProperty("indication").GetString());
        }

        Assert.True(server.Server.PeakMemory < 1_500L * 1024 * 1024, FormattableString.Invariant($"peak {server.Server.PeakMemory >> 20} MiB"));
        Assert.Empty(Directory.EnumerateFiles(Path.GetTempPath(), "notary-verify-*"));
    }

    [Fact]
    public async Task A_flipped_byte_is_never_passed_and_never_a_fault_of_the_server()
    {
        byte[] package = WithFile(await PackageAsync(60_006), ServerFixture.ContentOf(60_006));
        var random = new Random(7);
        for (int i = 0; i < 60; i++)
        {
            byte[] changed = [.. package];
            changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
            using HttpResponseMessage answer = await server.Anyone.PostAsync("/api/verify", Body(changed));
            Assert.True(answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.UnprocessableEntity, answer.StatusCode.ToString());
            Assert.DoesNotContain("TOTAL-PASSED", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_limits_of_verification_are_kept()
    {
        using var folder = new TemporaryFolder();
        await using ServerProcess small = await ServerProcess.StartReadyAsync(
            folder.File("data"), ("Notary__Limits__VerifyBytes", "65536"), ("Notary__Limits__VerifyAtOnce", "1"), ("Notary__Limits__VerifyPerMinute", "6"), ("Notary__Limits__LookupsPerMinute", "3"));
        using (HttpResponseMessage large = await small.Client.PostAsync("/api/verify", Body(new byte[65_537])))
        {
            await ServerFixture.ProblemAsync(large, "too-large");
        }

        // One upload hangs in the middle: the place is taken.
        var hanging = new System.IO.Pipelines.Pipe();
        using var stream = new StreamContent(hanging.Reader.AsStream());
        stream.Headers.ContentType = new MediaTypeHeaderValue(PackageType);
        await hanging.Writer.WriteAsync(new byte[10]);
        Task<HttpResponseMessage> waiting = small.Client.PostAsync("/api/verify", stream);
        HttpResponseMessage busy;
        do
        {
            busy = await small.Client.PostAsync("/api/verify", Body([1]));
        }
        while (busy.StatusCode == HttpStatusCode.UnprocessableEntity);
        Assert.True(busy.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests);
        await ServerFixture.ProblemAsync(busy, busy.StatusCode == HttpStatusCode.ServiceUnavailable ? "verifier-busy" : "rate-limited");
        Assert.NotNull(busy.Headers.RetryAfter);
        await hanging.Writer.CompleteAsync();
        (await waiting).Dispose();

        HttpResponseMessage limited;
        do
        {
            limited = await small.Client.PostAsync("/api/verify", Body([1]));
        }
        while (limited.StatusCode != HttpStatusCode.TooManyRequests);
        await ServerFixture.ProblemAsync(limited, "rate-limited");

        // A signed-in account is not counted; anyone else is.
        using HttpClient agency = ServerFixture.AgencyOf(small);
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await agency.GetAsync($"/api/evidence?digest={new string('2', 64)}")).StatusCode);
        }

        HttpStatusCode[] anyone = [.. (await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => small.Client.GetAsync($"/api/evidence?digest={new string('2', 64)}")))).Select(a => a.StatusCode)];
        Assert.Equal(2, anyone.Count(s => s == HttpStatusCode.TooManyRequests));
    }

    private async Task<JsonElement> ReportAsync(byte[] package)
    {
        using HttpResponseMessage answer = await server.Anyone.PostAsync("/api/verify", Body(package));
        string body = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, body);
        return JsonDocument.Parse(body).RootElement;
    }

    private async Task<byte[]> PackageAsync(int number)
    {
        JsonElement receipt = await server.DepositAsync(ServerFixture.RequestOf(number, """{"files":["a.txt"]}"""));
        return await server.Agency.GetByteArrayAsync($"/api/evidence/{receipt.GetProperty("number").GetString()}/package");
    }

    private static ByteArrayContent Body(byte[] bytes)
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue(PackageType);
        return content;
    }

    // What the command line does: the same entries with the local file put in after the mimetype.
    private static byte[] WithFile(byte[] package, byte[] file)
    {
        Assert.Null(Evidence.PackageReader.TryOpen(new MemoryStream(package), out Evidence.PackageReader? reader));
        Assert.True(Ledger.TlogProof.TryParse(reader!.ProofUnverified.Span, out Ledger.TlogProof? proof).Ok);
        using var output = new MemoryStream();
        Evidence.PackageWriter.Write(output, reader.LeafUnverified.Span, reader.OpeningsUnverified, proof!, [new MemoryStream(file)]);
        return output.ToArray();
    }

    private static byte[] Zip(params (string Name, byte[] Content, CompressionLevel Level)[] entries)
    {
        using var output = new MemoryStream();
        using (var zip = new ZipArchive(output, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] content, CompressionLevel level) in entries)
            {
                using Stream entry = zip.CreateEntry(name, level).Open();
                entry.Write(content);
            }
        }

        return output.ToArray();
    }

    private static byte[] Bomb() => Zip(("mimetype", Encoding.ASCII.GetBytes(PackageType), CompressionLevel.NoCompression), ("notary/leaf.json", new byte[300_000_000], CompressionLevel.SmallestSize));

    private static byte[] PathTrick() => Zip(("mimetype", Encoding.ASCII.GetBytes(PackageType), CompressionLevel.NoCompression), ("../../etc/passwd", "x"u8.ToArray(), CompressionLevel.NoCompression));

    private static byte[] Nested() => Zip(("mimetype", Encoding.ASCII.GetBytes(PackageType), CompressionLevel.NoCompression), ("inner.zip", Bomb(), CompressionLevel.NoCompression));
}
