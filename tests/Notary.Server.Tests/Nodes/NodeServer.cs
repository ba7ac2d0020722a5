using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Notary.Chain.Nodes;
using Notary.Chain.Tests;
using Notary.Chain.Tests.Nodes;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Ledger;
using Notary.Server.Http;
using Notary.Server.Nodes;
using Notary.Server.Options;
using Notary.Server.Startup;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Nodes;

/// <summary>A real chain of some hundred records and the folder of a node that has seen nothing of it. Deriving keys is slow on purpose: once for a class.</summary>
public sealed class NodeFixture : IAsyncLifetime, IDisposable
{
    private readonly Chain.Tests.TemporaryFolder _folder = new();
    private ISigner _signer = null!;

    internal TestChain Chain { get; } = new();

    internal ForgedLog Log { get; private set; } = null!;

    internal NoteKey Key { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        (await Chain.DepositMany(600, 1)).Dispose();
        Log = ForgedLog.Of(Chain);
        var original = new NodeFolder(Original);
        Key = original.Create("court.example/node", Suite.Sm, TestChain.Password);
        _signer = KeyFile.Load(original.KeyPath, TestChain.Password);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose()
    {
        _signer.Dispose();
        Log.Dispose();
        Chain.Dispose();
        _folder.Dispose();
    }

    /// <summary>A copy of the empty node's folder: key file under <see cref="TestChain.Password"/>.</summary>
    internal void CopyTo(string path) => TestChain.Copy(Original, path);

    /// <summary>Opens the node in a folder.</summary>
    internal LedgerNode Open(string path) => LedgerNode.Open(new NodeFolder(path), Chain.Host.Genesis, new EverybodysSigner(_signer), TimeProvider.System);

    private string Original => Path.Combine(_folder.Path, "node");

    private sealed class EverybodysSigner(ISigner inner) : ISigner
    {
        public KeyAlgorithm Algorithm => inner.Algorithm;

        public ReadOnlyMemory<byte> PublicKey => inner.PublicKey;

        public byte[] Sign(ReadOnlySpan<byte> message) => inner.Sign(message);

        public void Dispose()
        {
            // Every test's.
        }
    }
}

/// <summary>An own, empty node of the fixture's chain behind the real endpoints in this process.</summary>
internal sealed class NodeServer : IAsyncDisposable
{
    public const string Secret = "0123456789abcdef0123456789abcdef";

    private readonly Chain.Tests.TemporaryFolder _folder = new();
    private readonly NodeSet _set;
    private readonly WebApplication _app;
    private readonly Recorder _recorder = new();
    private bool _nodeStopped;

    private NodeServer(NodeFixture fixture, ServerOptions options, EntriesSecret? secret)
    {
        string path = Path.Combine(_folder.Path, "node");
        fixture.CopyTo(path);
        Node = fixture.Open(path);
        _set = new NodeSet([Node], options.Nodes.UploadsAtOnce);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        WebHost.ConfigureHost(builder, options);
        builder.Logging.ClearProviders().AddProvider(_recorder);
        _app = builder.Build();
        _app.UseProblems();
        _app.MapNodes(_set, options.Nodes, secret, _app.Logger);
        Address = new Uri(options.Listen.Url);
        Prefix = new Uri(options.Listen.Url + NodeEndpoints.Prefix);
        Client = new HttpClient { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(60) };
    }

    public LedgerNode Node { get; }

    public Uri Address { get; }

    public Uri Prefix { get; }

    public HttpClient Client { get; }

    /// <summary>What the server wrote to its log.</summary>
    public IReadOnlyCollection<string> Said => _recorder.Lines;

    public string Tree => $"{NodeEndpoints.Prefix}/{_set.All.Single().Hash}";

    public static async Task<NodeServer> StartAsync(NodeFixture fixture, Action<ServerOptions>? change = null, bool secret = true)
    {
        var options = new ServerOptions();
        options.Listen.Url = string.Create(CultureInfo.InvariantCulture, $"http://localhost:{ServerProcess.FreePort()}");
        change?.Invoke(options);
        var server = new NodeServer(fixture, options, secret ? new EntriesSecret(Secret) : null);
        await server._app.StartAsync();
        return server;
    }

    public Task<HttpResponseMessage> OfferAsync(byte[] body) => Client.PostAsync(NodeEndpoints.Prefix + "/add-checkpoint", new ByteArrayContent(body));

    public Task<HttpResponseMessage> UploadAsync(byte[] body, string? encoding = null, string type = "application/octet-stream")
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new(type);
        if (encoding is not null)
        {
            content.Headers.ContentEncoding.Add(encoding);
        }

        return Client.PostAsync(NodeEndpoints.Prefix + "/add-entries", content);
    }

    /// <summary>Has the log's checkpoint taken.</summary>
    public async Task TakeAsync(ForgedLog log, int size)
    {
        using HttpResponseMessage answer = await OfferAsync(log.Offer((int)Node.Standing.Pending, size));
        Assert.Equal((HttpStatusCode.OK, 0L), (answer.StatusCode, answer.Content.Headers.ContentLength));
    }

    /// <summary>Closes the node under the running server.</summary>
    public void StopNode()
    {
        _nodeStopped = true;
        Node.Dispose();
    }

    /// <summary>Stops listening.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
        _set.Dispose();
        if (!_nodeStopped)
        {
            Node.Dispose();
        }

        _folder.Dispose();
    }

    private sealed class Recorder : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IReadOnlyCollection<string> Lines => _lines;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue($"{logLevel} {eventId.Id} {formatter(state, exception)}");

        public void Dispose()
        {
            // Nothing is held.
        }
    }
}

/// <summary>An upload whose bytes the test sends when it likes.</summary>
internal sealed class RawUpload : IDisposable
{
    private readonly TcpClient _connection = new();
    private readonly NetworkStream _stream;
    private readonly bool _chunked;

    /// <summary>Sends the headers.</summary>
    /// <param name="address">The server.</param>
    /// <param name="announced">The body's length; null: in chunks.</param>
    public RawUpload(Uri address, long? announced)
    {
        _chunked = announced is null;
        _connection.Connect("localhost", address.Port);
        _stream = _connection.GetStream();
        string length = announced is { } bytes ? string.Create(CultureInfo.InvariantCulture, $"Content-Length: {bytes}") : "Transfer-Encoding: chunked";
        _stream.Write(Encoding.ASCII.GetBytes($"POST {NodeEndpoints.Prefix}/add-entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n{length}\r\n\r\n"));
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        if (!_chunked)
        {
            await _stream.WriteAsync(bytes);
        }
        else if (bytes.Length > 0)
        {
            await _stream.WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{bytes.Length:x}\r\n")));
            await _stream.WriteAsync(bytes);
            await _stream.WriteAsync("\r\n"u8.ToArray());
        }
    }

    /// <summary>Breaks the chunks: the body ends here, and the connection stands.</summary>
    public ValueTask BreakChunksAsync() => _stream.WriteAsync("no chunk\r\n"u8.ToArray());

    /// <summary>Cuts the connection.</summary>
    public void Cut() => _connection.Close();

    /// <summary>The answer, which must come although the body is not finished.</summary>
    public async Task<(int Status, string Headers, string Body)> AnswerAsync(int seconds = 30)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var text = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (true)
        {
            string all = text.ToString();
            int end = all.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end > 0)
            {
                string headers = all[..end];
                int length = int.Parse(headers.Split("Content-Length: ")[1].Split("\r\n")[0], CultureInfo.InvariantCulture);
                if (Encoding.UTF8.GetByteCount(all[(end + 4)..]) >= length)
                {
                    return (int.Parse(headers.AsSpan(9, 3), CultureInfo.InvariantCulture), headers, all[(end + 4)..]);
                }
            }

            int read = await _stream.ReadAsync(buffer, patience.Token);
            Assert.True(read > 0, "The connection ended without an answer: " + all);
            text.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }
    }

    public void Dispose() => _connection.Dispose();
}
