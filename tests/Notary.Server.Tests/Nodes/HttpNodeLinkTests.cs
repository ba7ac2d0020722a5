using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Chain.Tests.Nodes;
using Notary.Evidence;
using Notary.Ledger;
using Notary.Server.Nodes;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Nodes;

/// <summary>The log's way to a node: the whole of it against a real one, and what a misbehaving one may answer.</summary>
public sealed class HttpNodeLinkTests(NodeFixture fixture) : IClassFixture<NodeFixture>
{
    private ForgedLog Log => fixture.Log;

    private UploadRange Range(long start, long end) => new(Log.Genesis.Origin, start, end, default);

    private EntryPackage[] Packages(UploadRange range) => [.. Enumerable.Range(0, (int)range.PackageCount).Select(i => Log.Package(range, i))];

    [Fact]
    public async Task A_head_goes_the_whole_way_to_its_cosignature()
    {
        await using NodeServer server = await NodeServer.StartAsync(fixture);
        using var link = new HttpNodeLink(new Uri(server.Prefix.AbsoluteUri + "/"));
        var local = new LocalNodeLink(server.Node);

        // Every answer is the one that the node gives without HTTP.
        foreach (byte[] offer in new[] { "old 0\n"u8.ToArray(), Log.Offer(2, 3), Log.Offer(0, 3, Log.Note(3), [Log.Root(1)]), Log.Offer(0, 3, Log.Sign("test.other/log", 3, Log.Root(3))) })
        {
            Assert.Equal(await local.AddCheckpointAsync(offer, CancellationToken.None), await link.AddCheckpointAsync(offer, CancellationToken.None));
        }

        Assert.Equal(new NodeAnswer(NodeStatus.Success), await link.AddCheckpointAsync(Log.Offer(0, 600), CancellationToken.None));
        Assert.Equal(new NodeAnswer(NodeStatus.Conflict, "600\n", NodeAnswer.SizeMediaType), await link.AddCheckpointAsync(Log.Offer(0, 601), CancellationToken.None));

        // Where it stands, a part, the rest.
        UploadRange range = Range(0, 600);
        Assert.Equal(new NodeAnswer(NodeStatus.Conflict, "600\n0\n\n", MirrorInfo.MediaType), await link.AddEntriesAsync(Range(600, 600) with { Start = 599 }, [], CancellationToken.None));
        Assert.Equal(new NodeAnswer(NodeStatus.Accepted, "600\n256\n\n", MirrorInfo.MediaType), await link.AddEntriesAsync(range, [Log.Package(range, 0)], CancellationToken.None));
        NodeAnswer complete = await link.AddEntriesAsync(Range(256, 600), Packages(Range(256, 600)), CancellationToken.None);
        Assert.Equal(NodeStatus.Success, complete.Status);
        Assert.True(SignedNote.TryParse(Encoding.UTF8.GetBytes(Log.Note(600).Text + "\n" + complete.Body), out SignedNote? note).Ok);
        Assert.True(note!.Verify([fixture.Key]) is { Ok: true, Verified.Count: 1 });
        Assert.Equal(complete.Body, (await link.AddEntriesAsync(Range(600, 600), [], CancellationToken.None)).Body);
        Assert.Equal(server.Node.Cosigned!.Format(), (await link.MirrorCheckpointAsync(server.Node.Origin, CancellationToken.None))!.Format());
        Assert.Null(await link.MirrorCheckpointAsync("another.example/log", CancellationToken.None));
        Assert.Equal(Log.Root(600), Checkpoint.TryParse(server.Node.Cosigned!.Text, out Checkpoint? cosigned) == CheckpointProblem.None ? cosigned!.Root : default);

        server.StopNode();
        Assert.Equal(new NodeAnswer(NodeStatus.Unavailable), await link.AddCheckpointAsync(Log.Offer(600, 601), CancellationToken.None));
        await server.StopAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => link.AddCheckpointAsync(Log.Offer(600, 601), CancellationToken.None));
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    [InlineData(401)]
    [InlineData(204)]
    [InlineData(413)]
    [InlineData(418)]
    [InlineData(500)]
    public async Task A_status_that_no_mirror_has_is_named_and_no_redirect_followed(int status)
    {
        int asked = 0;
        await using WebApplication other = await PeerAsync(context =>
        {
            asked++;
            context.Response.StatusCode = status;
            context.Response.Headers.Location = "/elsewhere";
            context.Response.Headers.SetCookie = "a=b";
            return Task.CompletedTask;
        });
        using HttpNodeLink link = LinkTo(other);
        HttpRequestException refused = await Assert.ThrowsAsync<HttpRequestException>(() => link.AddCheckpointAsync(Log.Offer(0, 3), CancellationToken.None));
        Assert.Equal((HttpStatusCode)status, refused.StatusCode);
        Assert.Contains(FormattableString.Invariant($"status {status}"), refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task What_is_no_statement_of_a_node_is_not_taken_for_one()
    {
        string body = string.Empty;
        await using WebApplication other = await PeerAsync(context => context.Response.WriteAsync(body));
        using HttpNodeLink link = LinkTo(other);
        Assert.Empty(await link.StatementsAsync("notary.test/main", 0, CancellationToken.None));
        string page = await File.ReadAllTextAsync(Path.Combine(Chain.Tests.TestChain.RepositoryRoot, "docs", "spec", "admission.md"));
        string alarm = page.Split("example=alarm-statement\n")[1].Split('\n')[0];
        body = alarm + "\n";
        Assert.Equal(6, Assert.IsType<AlarmRecord>(Assert.Single(await link.StatementsAsync("notary.test/main", 0, CancellationToken.None))).Index);
        foreach (string wrong in new[] { alarm, alarm + "\n\n", "\n", alarm.Replace("\"index\":6", "\"index\":7", StringComparison.Ordinal) + "\n", string.Concat(Enumerable.Repeat(alarm + "\n", LedgerNode.StatementsAtOnce + 1)) })
        {
            body = wrong;
            await Assert.ThrowsAsync<InvalidDataException>(() => link.StatementsAsync("notary.test/main", 0, CancellationToken.None));
        }

        // What has no such address is a witness or mirror of others, and says nothing; what fails is asked again.
        foreach ((int status, bool silent) in new[] { (400, true), (404, true), (405, true), (410, true), (501, true), (500, false), (302, false) })
        {
            await using WebApplication alien = await PeerAsync(context =>
            {
                context.Response.StatusCode = status;
                return Task.CompletedTask;
            });
            using HttpNodeLink way = LinkTo(alien);
            if (silent)
            {
                Assert.Empty(await way.StatementsAsync("notary.test/main", 0, CancellationToken.None));
            }
            else
            {
                await Assert.ThrowsAsync<HttpRequestException>(() => way.StatementsAsync("notary.test/main", 0, CancellationToken.None));
            }
        }
    }

    [Fact]
    public async Task No_more_of_an_answer_is_read_than_an_answer_can_be()
    {
        long size = HttpNodeLink.MaximumAnswer;
        await using WebApplication other = await PeerAsync(async context =>
        {
            byte[] piece = new byte[1024];
            Array.Fill(piece, (byte)'a');
            for (long sent = 0; sent < size && !context.RequestAborted.IsCancellationRequested; sent += piece.Length)
            {
                await context.Response.Body.WriteAsync(piece.AsMemory(0, (int)Math.Min(piece.Length, size - sent)));
            }
        });
        using HttpNodeLink link = LinkTo(other);
        Assert.Equal(HttpNodeLink.MaximumAnswer, (await link.AddCheckpointAsync(Log.Offer(0, 3), CancellationToken.None)).Body.Length);
        size++;
        await Assert.ThrowsAsync<InvalidDataException>(() => link.AddCheckpointAsync(Log.Offer(0, 3), CancellationToken.None));
        size = long.MaxValue;
        await Assert.ThrowsAsync<InvalidDataException>(() => link.AddEntriesAsync(Range(0, 3), Packages(Range(0, 3)), CancellationToken.None));
    }

    [Fact]
    public async Task An_answer_that_is_no_text_or_does_not_come_is_none()
    {
        string mood = "binary";
        await using WebApplication other = await PeerAsync(async context =>
        {
            if (mood == "silent")
            {
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            }

            await context.Response.Body.WriteAsync(mood == "binary" ? new byte[] { 0xff, 0xfe } : "half"u8.ToArray());
            await context.Response.Body.FlushAsync();
            if (mood == "half")
            {
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            }

            if (mood == "cut")
            {
                context.Abort();
            }
        });
        using HttpNodeLink link = LinkTo(other, TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<InvalidDataException>(() => link.AddCheckpointAsync(Log.Offer(0, 3), CancellationToken.None));
        foreach (string late in new[] { "silent", "half" })
        {
            mood = late;
            TimeoutException failure = await Assert.ThrowsAsync<TimeoutException>(() => link.AddCheckpointAsync(Log.Offer(0, 3), CancellationToken.None));
            Assert.Contains("within 1 s", failure.Message, StringComparison.Ordinal);
        }

        mood = "cut";
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            try
            {
                await link.AddCheckpointAsync(Log.Offer(0, 3), CancellationToken.None);
            }
            catch (HttpRequestException cut)
            {
                throw new IOException(cut.Message, cut);
            }
        });

        // Whoever gave up is told so, not that it was late.
        mood = "silent";
        using var gaveUp = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => link.AddCheckpointAsync(Log.Offer(0, 3), gaveUp.Token));
    }

    [Theory]
    [InlineData("ftp://court.example/mirror")]
    [InlineData("mirror")]
    [InlineData("https://user:secret@court.example/mirror")]
    [InlineData("https://court.example/mirror?a=b")]
    [InlineData("https://court.example/mirror#here")]
    public void An_address_that_is_no_prefix_is_refused(string address) =>
        Assert.Throws<ArgumentException>(() => new HttpNodeLink(new Uri(address, UriKind.RelativeOrAbsolute)).Dispose());

    private static HttpNodeLink LinkTo(WebApplication peer, TimeSpan? timeout = null) => new(new Uri(peer.Urls.Single() + "/mirror"), requestTimeout: timeout);

    private static async Task<WebApplication> PeerAsync(RequestDelegate answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls(FormattableString.Invariant($"http://localhost:{ServerProcess.FreePort()}"));
        builder.Logging.ClearProviders();
        WebApplication peer = builder.Build();
        peer.Run(answer);
        await peer.StartAsync();
        return peer;
    }
}
