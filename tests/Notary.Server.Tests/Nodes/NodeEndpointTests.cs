using System.Buffers;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Notary.Chain.Nodes;
using Notary.Chain.Tests.Nodes;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;
using Notary.Server.Nodes;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Nodes;

/// <summary>Ledger nodes over HTTP, in the order of C2SP tlog-witness, tlog-mirror and tlog-tiles.</summary>
public sealed class NodeEndpointTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private ForgedLog Log => fixture.Log;

    private UploadRange Range(long start, long end) => new(Log.Genesis.Origin, start, end, default);

    private static byte[] Bytes(UploadRange range, params EntryPackage[] packages)
    {
        var body = new ArrayBufferWriter<byte>();
        range.Write(body);
        foreach (EntryPackage package in packages)
        {
            package.Write(body);
        }

        return body.WrittenSpan.ToArray();
    }

    private byte[] Whole(UploadRange range) => Bytes(range, [.. Enumerable.Range(0, (int)range.PackageCount).Select(i => Log.Package(range, i))]);

    private static byte[] Gzip(params byte[][] pieces)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
        {
            foreach (byte[] piece in pieces)
            {
                gzip.Write(piece);
            }
        }

        return compressed.ToArray();
    }

    private async Task AssertCosignedAsync(HttpResponseMessage answer, int size)
    {
        string line = await answer.Content.ReadAsStringAsync();
        Assert.Equal((HttpStatusCode.OK, "text/plain"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        AssertCosigned(line, size);
    }

    private void AssertCosigned(string line, int size)
    {
        Assert.StartsWith("— court.example/node ", line, StringComparison.Ordinal);
        Assert.True(SignedNote.TryParse(Encoding.UTF8.GetBytes(Log.Note(size).Text + "\n" + line), out SignedNote? note).Ok);
        Assert.True(note!.Verify([fixture.Key]) is { Ok: true, Verified.Count: 1 });
    }

    private static async Task AssertStandsAsync(HttpResponseMessage answer, HttpStatusCode status, long size, long next)
    {
        Assert.Equal((status, MirrorInfo.MediaType), (answer.StatusCode, answer.Content.Headers.ContentType?.ToString()));
        Assert.Equal(FormattableString.Invariant($"{size}\n{next}\n\n"), await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_checkpoint_is_answered_with_the_statuses_of_the_specification()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        SignedNote unsigned = SignedNote.Create(Log.Note(3).Text, [new NoteSignature("somebody", 1, [1, 2, 3])]);
        SignedNote broken = SignedNote.Create(Log.Note(3).Text, [Log.Note(4).Signatures[0]]);
        Hash32[] wrong = [Log.Root(1), Log.Root(2)];
        foreach ((int status, byte[] body, string text) in new (int, byte[], string)[]
        {
            (400, [], ""),
            (400, "old 0\n"u8.ToArray(), ""),
            (400, new byte[NodeEndpoints.MaximumCheckpoint + 1], ""),
            (404, Log.Offer(0, 3, Log.Sign("test.other/log", 3, Log.Root(3))), "0\n"),
            (403, Log.Offer(0, 3, unsigned), ""),
            (403, Log.Offer(0, 3, broken), ""),
            (400, Log.Offer(4, 3), ""),
            (409, Log.Offer(2, 3), "0\n"),
            (422, Log.Offer(0, 3, Log.Note(3), [Log.Root(1)]), ""),
            (200, Log.Offer(0, 3), ""),
            (200, Log.Offer(3, 3), ""),
            (409, Log.Offer(0, 5), "3\n"),
            (422, Log.Offer(3, 5, Log.Note(5), wrong), ""),
            (200, Log.Offer(3, 5), ""),
        })
        {
            using HttpResponseMessage answer = await server.OfferAsync(body);
            Assert.Equal((status, text), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()));
            Assert.Equal(text.Length > 0 ? NodeAnswer.SizeMediaType : null, answer.Content.Headers.ContentType?.ToString());
            Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
        }

        Assert.Equal(new NodeStanding(5, 0, 0, 0), server.Node.Standing);
        using HttpResponseMessage get = await server.Client.GetAsync(NodeEndpoints.Prefix + "/add-checkpoint");
        await ServerFixture.ProblemAsync(get, "method-not-allowed");
    }

    [Fact]
    public async Task What_the_node_says_in_its_own_name_is_served_to_anyone_in_pieces()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        using var link = new HttpNodeLink(server.Prefix);
        Assert.Equal("", await server.Client.GetStringAsync($"{server.Tree}/statements/0"));

        // An operator who changed forty leaves: the node cosigns the tree, and says what it thinks of it.
        ForgedLog log = Enumerable.Range(500, 40).Aggregate(Log, (before, at) => before.Fork(at));
        UploadRange range = Range(0, 600);
        await server.TakeAsync(log, 600);
        using HttpResponseMessage upload = await server.UploadAsync(Bytes(range, [.. Enumerable.Range(0, (int)range.PackageCount).Select(i => log.Package(range, i))]));
        Assert.Equal(HttpStatusCode.OK, upload.StatusCode);
        IReadOnlyList<NodeStatement> all = server.Node.Statements(limit: 1000);
        Assert.Equal(Enumerable.Range(500, 40).Select(i => (long)i), all.Cast<AlarmRecord>().Select(alarm => alarm.Index));
        var read = new List<NodeStatement>();
        while (await link.StatementsAsync(Log.Genesis.Origin, read.Count, CancellationToken.None) is { Count: > 0 } more)
        {
            Assert.InRange(more.Count, 1, LedgerNode.StatementsAtOnce);
            read.AddRange(more);
        }

        Assert.Equal(all.Select(s => Convert.ToHexString(s.ToBytes())), read.Select(s => Convert.ToHexString(s.ToBytes())));
        using HttpResponseMessage first = await server.Client.GetAsync($"{server.Tree}/statements/39");
        Assert.Equal((HttpStatusCode.OK, "application/x-ndjson", "no-cache"), (first.StatusCode, first.Content.Headers.ContentType?.ToString(), first.Headers.CacheControl?.ToString()));
        Assert.Equal(Encoding.UTF8.GetString(all[39].ToBytes()) + "\n", await first.Content.ReadAsStringAsync());
        Assert.Equal("", await server.Client.GetStringAsync($"{server.Tree}/statements/{long.MaxValue}"));
        foreach (string place in new[] { "-1", "first", "99999999999999999999", "1.0", "%201" })
        {
            using HttpResponseMessage refused = await server.Client.GetAsync($"{server.Tree}/statements/{place}");
            await ServerFixture.ProblemAsync(refused, "malformed");
        }

        using HttpResponseMessage elsewhere = await server.Client.GetAsync($"{NodeEndpoints.Prefix}/{new string('0', 64)}/statements/0");
        await ServerFixture.ProblemAsync(elsewhere, "chain-not-found");
        Assert.Empty(await link.StatementsAsync("another.example/log", 0, CancellationToken.None));
        server.StopNode();
        await Assert.ThrowsAsync<InvalidDataException>(() => link.StatementsAsync(Log.Genesis.Origin, 0, CancellationToken.None));
    }

    [Fact]
    public async Task An_upload_is_answered_with_the_statuses_of_the_specification()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        UploadRange range = Range(0, 600);
        using (HttpResponseMessage early = await server.UploadAsync(Whole(range)))
        {
            Assert.Equal((HttpStatusCode.UnprocessableEntity, ""), (early.StatusCode, await early.Content.ReadAsStringAsync()));
        }

        await server.TakeAsync(Log, 600);
        ForgedLog fork = Log.Fork(4);
        foreach ((int status, byte[] body) in new[]
        {
            (400, []),
            (400, Bytes(range)[..^1]),
            (400, Bytes(range)),
            (400, Bytes(range, Log.Package(range, 0))[..^1]),
            (404, Bytes(range with { Origin = "test.other/log" })),
            (409, Bytes(Range(1, 600))),
            (409, Bytes(Range(0, 599))),
            (422, Bytes(range, fork.Package(range, 0))),
            (202, Bytes(range, Log.Package(range, 0))),
            (422, Bytes(Range(256, 600), Log.Package(range, 0))),
            (202, Bytes(Range(256, 600), Log.Package(range, 1))),
        })
        {
            using HttpResponseMessage answer = await server.UploadAsync(body);
            Assert.Equal(status, (int)answer.StatusCode);
            Assert.Equal("gzip", answer.Headers.GetValues("Accept-Encoding").Single());
            if (status is 202 or 409)
            {
                await AssertStandsAsync(answer, (HttpStatusCode)status, 600, server.Node.Standing.NextEntry);
            }
            else
            {
                Assert.Equal(status == 404 ? "0\n" : "", await answer.Content.ReadAsStringAsync());
            }
        }

        Assert.Equal(new NodeStanding(600, 512, 0, 0), server.Node.Standing);
        using (HttpResponseMessage last = await server.UploadAsync(Whole(Range(500, 600))))
        {
            await AssertCosignedAsync(last, 600);
        }

        // Nothing new to the size that it cosigned: the same line; below it: where it stands.
        using (HttpResponseMessage again = await server.UploadAsync(Bytes(Range(600, 600))))
        {
            await AssertCosignedAsync(again, 600);
        }

        using HttpResponseMessage below = await server.UploadAsync(Bytes(Range(0, 512)));
        await AssertStandsAsync(below, HttpStatusCode.Conflict, 600, 600);
    }

    [Fact]
    public async Task What_the_specification_does_not_speak_of_is_answered_with_a_problem()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture, o => o.Nodes.UploadBytes = 33_554_432);
        await server.TakeAsync(Log, 3);
        using HttpResponseMessage type = await server.UploadAsync(Whole(Range(0, 3)), type: "text/plain");
        await ServerFixture.ProblemAsync(type, "unsupported-type");
        using HttpResponseMessage encoding = await server.UploadAsync(Whole(Range(0, 3)), "br");
        await ServerFixture.ProblemAsync(encoding, "unsupported-type");
        Assert.Equal("gzip", encoding.Headers.GetValues("Accept-Encoding").Single());
        var compressed = new ByteArrayContent(Gzip(Log.Offer(3, 3)));
        compressed.Headers.ContentEncoding.Add("gzip");
        using HttpResponseMessage checkpoint = await server.Client.PostAsync(NodeEndpoints.Prefix + "/add-checkpoint", compressed);
        await ServerFixture.ProblemAsync(checkpoint, "unsupported-type");
        using var large = new RawUpload(server.Address, 33_554_433);
        (int status, _, string body) = await large.AnswerAsync();
        Assert.Equal(413, status);
        Assert.Contains("\"code\":\"too-large\"", body, StringComparison.Ordinal);
        Assert.Equal(0, server.Node.Standing.NextEntry);
    }

    [Fact]
    public async Task A_refusal_does_not_wait_for_the_body()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        Assert.Equal(422, (await Refusal(Range(0, 600))).Status);
        await server.TakeAsync(Log, 600);
        Assert.Equal(404, (await Refusal(Range(0, 600) with { Origin = "test.other/log" })).Status);
        (int status, string headers, string body) = await Refusal(Range(1, 600));
        Assert.Equal((409, "600\n0\n\n"), (status, body));
        Assert.Contains("Content-Type: text/x.tlog.mirror-info\r\n", headers, StringComparison.Ordinal);
        ForgedLog fork = Log.Fork(4);
        Assert.Equal(422, (await Refusal(Range(0, 600), fork.Package(Range(0, 600), 0))).Status);

        async Task<(int Status, string Headers, string Body)> Refusal(UploadRange range, params EntryPackage[] packages)
        {
            using var upload = new RawUpload(server.Address, 50_000_000);
            await upload.SendAsync(Bytes(range, packages));
            return await upload.AnswerAsync(seconds: 4);
        }
    }

    [Fact]
    public async Task A_body_that_breaks_off_keeps_its_whole_packages_and_no_more()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        await server.TakeAsync(Log, 600);
        byte[] body = Whole(Range(0, 600));
        byte[] two = Bytes(Range(0, 600), Log.Package(Range(0, 600), 0), Log.Package(Range(0, 600), 1));
        int header = Bytes(Range(0, 600)).Length;
        int first = Bytes(Range(0, 600), Log.Package(Range(0, 600), 0)).Length;
        foreach (int cut in new[] { 0, 1, header - 1, header, header + 1000 })
        {
            (int none, _, string nothing) = await BreakAsync(cut);
            Assert.Equal((400, ""), (none, nothing));
            Assert.Equal(0, server.Node.Standing.NextEntry);
        }

        (int status, string headers, string text) = await BreakAsync(two.Length - 1);
        Assert.Equal((202, "600\n256\n\n"), (status, text));
        Assert.Contains("Content-Type: text/x.tlog.mirror-info\r\n", headers, StringComparison.Ordinal);

        // A connection that is cut gets no answer; what was taken before is kept all the same.
        using (var upload = new RawUpload(server.Address, body.Length))
        {
            await upload.SendAsync(body.AsMemory(0, body.Length - 1));
            for (int wait = 0; wait < 200 && server.Node.Standing.NextEntry < 512; wait++)
            {
                await Task.Delay(20);
            }

            upload.Cut();
        }

        Assert.Equal(new NodeStanding(600, 512, 0, 0), server.Node.Standing);

        // Nothing is left of the interrupted ones: the rest completes it.
        using HttpResponseMessage rest = await server.UploadAsync(Whole(Range(512, 600)));
        await AssertCosignedAsync(rest, 600);
        Assert.Empty(server.Said);

        async Task<(int Status, string Headers, string Body)> BreakAsync(int length)
        {
            using var upload = new RawUpload(server.Address, null);
            await upload.SendAsync(body.AsMemory(0, length));
            for (int wait = 0; length >= first && wait < 200 && server.Node.Standing.NextEntry == 0; wait++)
            {
                await Task.Delay(20);
            }

            await upload.BreakChunksAsync();
            return await upload.AnswerAsync();
        }
    }

    [Fact]
    public async Task A_body_that_stops_coming_ends_as_one_that_breaks_off()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture, o => o.Nodes.UploadSeconds = 1);
        await server.TakeAsync(Log, 600);
        UploadRange range = Range(0, 600);
        using var silent = new RawUpload(server.Address, 50_000_000);
        await silent.SendAsync(Bytes(range));
        Assert.Equal(400, (await silent.AnswerAsync(seconds: 4)).Status);
        using var stalled = new RawUpload(server.Address, 50_000_000);
        await stalled.SendAsync(Bytes(range, Log.Package(range, 0)));
        (int status, _, string body) = await stalled.AnswerAsync(seconds: 4);
        Assert.Equal((202, "600\n256\n\n"), (status, body));
    }

    [Fact]
    public async Task A_body_that_drips_is_ended_by_the_slowest_rate()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture, o => o.Listen.BodyBytesPerSecond = 1_048_576);
        await server.TakeAsync(Log, 600);
        UploadRange range = Range(0, 600);
        using var upload = new RawUpload(server.Address, 50_000_000);
        await upload.SendAsync(Bytes(range, Log.Package(range, 0)));
        Task<(int Status, string Headers, string Body)> answer = upload.AnswerAsync();
        for (int i = 0; i < 200 && !answer.IsCompleted; i++)
        {
            await upload.SendAsync(new byte[] { 0 });
            await Task.Delay(100);
        }

        Assert.Equal((202, "600\n256\n\n"), ((await answer).Status, (await answer).Body));
    }

    [Fact]
    public async Task A_compressed_upload_is_taken_and_a_broken_one_keeps_its_whole_packages()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        await server.TakeAsync(Log, 600);
        UploadRange range = Range(0, 600);
        byte[] first = Gzip(Bytes(range, Log.Package(range, 0)));
        foreach (byte[] broken in new byte[][] { [], [1, 2, 3], first[..20], first[..(first.Length / 2)], [.. first[..10], .. new byte[500]] })
        {
            using HttpResponseMessage refused = await server.UploadAsync(broken, "gzip");
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        }

        Assert.Equal(0, server.Node.Standing.NextEntry);
        byte[] whole = Gzip(Whole(range));
        using (HttpResponseMessage cut = await server.UploadAsync(whole[..(whole.Length * 4 / 5)], "gzip"))
        {
            await AssertStandsAsync(cut, HttpStatusCode.Accepted, 600, server.Node.Standing.NextEntry);
            Assert.Equal(256, server.Node.Standing.NextEntry % 512);
        }

        using HttpResponseMessage taken = await server.UploadAsync(whole, "gzip");
        await AssertCosignedAsync(taken, 600);
    }

    [Fact]
    public async Task A_compressed_body_without_end_costs_one_package()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        await server.TakeAsync(Log, 600);
        byte[] ones = new byte[1 << 20];
        Array.Fill(ones, (byte)0xff);
        byte[] bomb = Gzip([Bytes(Range(0, 600)), .. Enumerable.Repeat(ones, 512)]);
        Assert.True(bomb.Length < 8 << 20);
        using HttpResponseMessage answer = await server.UploadAsync(bomb, "gzip");
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);

        var endless = new Endless();
        using var reader = new UploadReader(endless, long.MaxValue);
        Assert.Null(await reader.ReadPackageAsync(256, CancellationToken.None));
        Assert.False(reader.ExceededLimit);
        Assert.InRange(endless.Given, EntryPackage.MaxLength - (EntryPackage.MaxHashes * Hash32.Size) - 1, 2L * EntryPackage.MaxLength);
    }

    [Fact]
    public async Task A_body_larger_than_the_limit_is_read_up_to_it()
    {
        byte[] body = Whole(Range(0, 600));
        int one = Bytes(Range(0, 600), Log.Package(Range(0, 600), 0)).Length;
        using var exact = new UploadReader(new MemoryStream(body), one);
        Assert.Equal(600, (await exact.ReadRangeAsync(CancellationToken.None))!.End);
        Assert.Equal(256, (await exact.ReadPackageAsync(256, CancellationToken.None))!.Count);
        Assert.False(exact.ExceededLimit);
        Assert.Null(await exact.ReadPackageAsync(256, CancellationToken.None));
        Assert.True(exact.ExceededLimit);
        using var less = new UploadReader(new MemoryStream(body), one - 1);
        Assert.NotNull(await less.ReadRangeAsync(CancellationToken.None));
        Assert.Null(await less.ReadPackageAsync(256, CancellationToken.None));
        Assert.True(less.ExceededLimit);
    }

    [Fact]
    public async Task A_package_with_too_many_hashes_is_none()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        await server.TakeAsync(Log, 600);
        UploadRange range = Range(0, 600);
        EntryPackage first = Log.Package(range, 0);
        byte[] overlong = [.. Log.Package(range, 1).Entries.Span, 64, .. new byte[64 * 32]];
        using HttpResponseMessage alone = await server.UploadAsync([.. Bytes(range), .. first.Entries.Span, 64, .. new byte[64 * 32]]);
        Assert.Equal(HttpStatusCode.BadRequest, alone.StatusCode);
        using HttpResponseMessage second = await server.UploadAsync([.. Bytes(range, first), .. overlong]);
        await AssertStandsAsync(second, HttpStatusCode.Accepted, 600, 256);
    }

    [Fact]
    public async Task Two_uploads_at_once_end_with_the_same_line()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        await server.TakeAsync(Log, 600);
        byte[] body = Whole(Range(0, 600));
        int half = Bytes(Range(0, 600), Log.Package(Range(0, 600), 0)).Length + 1000;
        using var paused = new RawUpload(server.Address, body.Length);
        await paused.SendAsync(body.AsMemory(0, half));
        for (int wait = 0; wait < 100 && server.Node.Standing.NextEntry == 0; wait++)
        {
            await Task.Delay(20);
        }

        Assert.Equal(256, server.Node.Standing.NextEntry);
        using HttpResponseMessage overtaking = await server.UploadAsync(body);
        await AssertCosignedAsync(overtaking, 600);
        await paused.SendAsync(body.AsMemory(half));
        (int status, _, string line) = await paused.AnswerAsync();
        Assert.Equal(200, status);
        Assert.Equal(await overtaking.Content.ReadAsStringAsync(), line);
        AssertCosigned(line, 600);

        // Overtaken by a larger cosigned tree, an upload is told where to go on.
        using var older = new RawUpload(server.Address, body.Length);
        await older.SendAsync(body.AsMemory(0, half));
        await server.TakeAsync(Log, 602);
        using HttpResponseMessage larger = await server.UploadAsync(Whole(Range(600, 602)));
        await AssertCosignedAsync(larger, 602);
        await older.SendAsync(body.AsMemory(half));
        (status, _, string stands) = await older.AnswerAsync();
        Assert.Equal((409, "602\n602\n\n"), (status, stands));
    }

    [Fact]
    public async Task Many_uploads_at_once_are_all_answered()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture, o => o.Nodes.UploadsAtOnce = 64);
        await server.TakeAsync(Log, 600);
        byte[] body = Whole(Range(0, 600));
        HttpResponseMessage[] answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => i % 2 == 0 ? server.UploadAsync(body) : server.UploadAsync(Gzip(body), "gzip")));
        string[] lines = await Task.WhenAll(answers.Select(a => a.Content.ReadAsStringAsync()));
        Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
        AssertCosigned(Assert.Single(lines.Distinct()), 600);
    }

    [Fact]
    public async Task More_uploads_than_allowed_are_sent_away_for_a_moment()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture, o => o.Nodes.UploadsAtOnce = 1);
        await server.TakeAsync(Log, 600);
        byte[] body = Whole(Range(0, 600));
        int half = Bytes(Range(0, 600), Log.Package(Range(0, 600), 0)).Length;
        using (var first = new RawUpload(server.Address, body.Length))
        {
            await first.SendAsync(body.AsMemory(0, half));
            for (int wait = 0; wait < 100 && server.Node.Standing.NextEntry == 0; wait++)
            {
                await Task.Delay(20);
            }

            using HttpResponseMessage second = await server.UploadAsync(body);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, second.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(5), second.Headers.RetryAfter?.Delta);

            // A checkpoint and reading are not held up.
            await server.TakeAsync(Log, 602);
            await first.SendAsync(body.AsMemory(half));
            Assert.Equal(200, (await first.AnswerAsync()).Status);
        }

        using HttpResponseMessage third = await server.UploadAsync(Whole(Range(600, 602)));
        await AssertCosignedAsync(third, 602);
    }

    [Fact]
    public async Task The_mirrors_tiles_hash_to_its_cosigned_checkpoint()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        using (HttpResponseMessage none = await server.Client.GetAsync(server.Tree + "/checkpoint"))
        {
            await ServerFixture.ProblemAsync(none, "tile-not-found");
        }

        await server.TakeAsync(Log, 600);
        (await server.UploadAsync(Bytes(Range(0, 600), Log.Package(Range(0, 600), 0)))).Dispose();
        using (HttpResponseMessage pending = await server.Client.GetAsync(server.Tree + "/tile/0/000"))
        {
            await ServerFixture.ProblemAsync(pending, "tile-not-found");
        }

        (await server.UploadAsync(Whole(Range(256, 600)))).Dispose();
        using HttpResponseMessage checkpoint = await server.Client.GetAsync(server.Tree + "/checkpoint");
        Assert.Equal(("text/plain; charset=utf-8", "no-cache"), (checkpoint.Content.Headers.ContentType?.ToString(), checkpoint.Headers.CacheControl?.ToString()));
        Assert.True(SignedNote.TryParse(await checkpoint.Content.ReadAsByteArrayAsync(), out SignedNote? note).Ok);
        Assert.True(note!.Verify([Log.Genesis.LogKey, fixture.Key]) is { Ok: true, Verified.Count: 2 });
        Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(note.Text, out Checkpoint? parsed));
        Assert.Equal((600L, Log.Root(600)), (parsed!.Size, parsed.Root));
        TreeEdge edge = TreeEdge.Empty(Log.Hasher);
        foreach ((long index, int width) in new[] { (0L, 256), (1L, 256), (2L, 88) })
        {
            using HttpResponseMessage tile = await server.Client.GetAsync(server.Tree + "/" + Tiles.Path(new TileId(0, index, width)));
            Assert.Equal("public, max-age=31536000, immutable", tile.Headers.CacheControl!.ToString());
            byte[] hashes = await tile.Content.ReadAsByteArrayAsync();
            Assert.Equal(width * 32, hashes.Length);
            for (int i = 0; i < width; i++)
            {
                edge.Append(Hash32.FromSpan(hashes.AsSpan(i * 32, 32)));
            }
        }

        Assert.Equal(parsed.Root, edge.Root());
        foreach ((string address, string code) in new[]
        {
            (server.Tree + "/tile/0/002.p/89", "tile-not-found"),
            (server.Tree + "/tile/0/003", "tile-not-found"),
            (server.Tree + "/tile/0/3", "tile-path-malformed"),
            ($"{NodeEndpoints.Prefix}/{new string('0', 64)}/tile/0/000", "chain-not-found"),
            ($"{NodeEndpoints.Prefix}/{new string('0', 64)}/checkpoint", "chain-not-found"),
            (server.Tree.ToUpperInvariant().Replace("/MIRROR", "/mirror", StringComparison.Ordinal) + "/checkpoint", "chain-not-found"),
        })
        {
            using HttpResponseMessage answer = await server.Client.GetAsync(address);
            await ServerFixture.ProblemAsync(answer, code);
        }
    }

    [Fact]
    public async Task Entries_are_read_with_the_secret_only()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        await server.TakeAsync(Log, 600);
        (await server.UploadAsync(Whole(Range(0, 600)))).Dispose();
        foreach (string? given in new[] { null, "Basic " + NodeServer.Secret, "Bearer", "Bearer ", "Bearer " + NodeServer.Secret[1..], "Bearer " + NodeServer.Secret + "0", "Bearer " + new string('x', 5000) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, server.Tree + "/tile/entries/000");
            if (given is not null)
            {
                Assert.True(request.Headers.TryAddWithoutValidation("Authorization", given));
            }

            using HttpResponseMessage answer = await server.Client.SendAsync(request);
            await ServerFixture.ProblemAsync(answer, "unauthenticated");
            Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.Single().Scheme);
        }

        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", NodeServer.Secret);
        foreach ((string path, int first, int count) in new[] { ("000", 0, 256), ("001", 256, 256), ("002.p/88", 512, 88), ("000.p/7", 0, 7) })
        {
            using HttpResponseMessage bundle = await server.Client.GetAsync(server.Tree + "/tile/entries/" + path);
            Assert.Equal((HttpStatusCode.OK, "application/octet-stream"), (bundle.StatusCode, bundle.Content.Headers.ContentType?.ToString()));
            Assert.True(bundle.Headers.CacheControl is { Private: true, NoStore: true });
            byte[] bytes = await bundle.Content.ReadAsByteArrayAsync();
            UploadRange range = Range(first, first + count);
            Assert.Equal(Log.Package(range, 0).Entries.ToArray(), bytes);
        }

        foreach ((string path, string code) in new[] { ("002", "tile-not-found"), ("002.p/89", "tile-not-found"), ("x999/x999/x999/x999/x999/999", "tile-not-found"), ("2", "tile-path-malformed"), ("000.p/256", "tile-path-malformed") })
        {
            using HttpResponseMessage answer = await server.Client.GetAsync(server.Tree + "/tile/entries/" + path);
            await ServerFixture.ProblemAsync(answer, code);
        }

        await using NodeServer closed = await NodeServer.StartAsync(fixture, secret: false);
        closed.Client.DefaultRequestHeaders.Authorization = server.Client.DefaultRequestHeaders.Authorization;
        using HttpResponseMessage nobody = await closed.Client.GetAsync(closed.Tree + "/tile/entries/000");
        await ServerFixture.ProblemAsync(nobody, "entries-not-public");
    }

    [Fact]
    public async Task A_node_that_has_stopped_is_unavailable_and_said_once()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        await server.TakeAsync(Log, 600);
        using (HttpResponseMessage ready = await server.Client.GetAsync("/health/ready"))
        {
            Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
            Assert.Contains("\"pending\":600,\"next_entry\":0,\"cosigned\":0", await ready.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        server.StopNode();
        HttpResponseMessage[] answers =
        [
            await server.OfferAsync(Log.Offer(600, 602)),
            await server.UploadAsync(Whole(Range(0, 600))),
            await server.Client.GetAsync(server.Tree + "/checkpoint"),
            await server.Client.GetAsync(server.Tree + "/tile/0/000"),
        ];
        foreach (HttpResponseMessage answer in answers)
        {
            Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(5)), (answer.StatusCode, answer.Headers.RetryAfter?.Delta));
            answer.Dispose();
        }

        using HttpResponseMessage stopped = await server.Client.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, stopped.StatusCode);
        Assert.Equal($"Error 20 The ledger node of {Log.Genesis.Origin} has stopped; its requests are answered 503.", Assert.Single(server.Said));
    }

    // Entries of the greatest length, and then more hashes than there may be.
    private sealed class Endless : Stream
    {
        public long Given { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill(0xff);
            Given += count;
            return count;
        }
    }
}
