using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests;

public sealed class TelemetryTests
{
    [Fact]
    public async Task A_submission_is_exported_as_parse_admit_commit_sign_and_answer_and_carries_no_evidence()
    {
        using var folder = new TemporaryFolder();
        using var collector = new HttpListener();
        int port = ServerProcess.FreePort();
        collector.Prefixes.Add($"http://localhost:{port}/");
        collector.Start();
        var received = new ConcurrentBag<(string Path, string Body)>();
        Task serving = Task.Run(async () =>
        {
            while (collector.IsListening)
            {
                try
                {
                    HttpListenerContext context = await collector.GetContextAsync();
                    using var body = new MemoryStream();
                    await context.Request.InputStream.CopyToAsync(body);
                    received.Add((context.Request.Url!.AbsolutePath, Encoding.Latin1.GetString(body.ToArray())));
                    context.Response.Close();
                }
                catch (Exception stopped) when (stopped is HttpListenerException or ObjectDisposedException)
                {
                    return;
                }
            }
        });

        string secret;
        await using (ServerProcess server = await ServerProcess.StartReadyAsync(folder.File("data"), ("Notary__Telemetry__Endpoint", $"http://localhost:{port}"), ("Notary__Telemetry__MetricsSeconds", "1")))
        {
            secret = ServerFixture.SecretOf(server);
            using HttpClient agency = ServerFixture.AgencyOf(server);
            (await agency.PostAsync("/api/evidence", ServerFixture.Json(ServerFixture.RequestOf(1, """{"title":"Lease of Zhang San"}""")))).EnsureSuccessStatusCode();
            Assert.Equal(0, await server.TerminateAsync());
        }

        collector.Stop();
        await serving;
        string traces = string.Concat(received.Where(r => r.Path == "/v1/traces").Select(r => r.Body));
        foreach (string span in new[] { "submission", "parse", "admit", "commit", "sign", "answer" })
        {
            // A protobuf string: its length, then its bytes.
            Assert.Contains((char)span.Length + span, traces, StringComparison.Ordinal);
        }

        string metrics = string.Concat(received.Where(r => r.Path == "/v1/metrics").Select(r => r.Body));
        Assert.Contains("notary.chain.records", metrics, StringComparison.Ordinal);
        foreach (string never in new[] { secret, "Zhang San", ServerFixture.Sm3(ServerFixture.ContentOf(1)), ServerFixture.Sha256(ServerFixture.ContentOf(1)) })
        {
            Assert.DoesNotContain(never, traces + metrics, StringComparison.Ordinal);
        }
    }
}
