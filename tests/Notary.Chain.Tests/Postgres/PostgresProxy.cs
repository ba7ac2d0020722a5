using System.Net;
using System.Net.Sockets;

namespace Notary.Chain.Tests.Postgres;

/// <summary>What becomes of the next COMMIT that passes.</summary>
public enum CommitFate
{
    Passes = 0,

    /// <summary>The connection breaks before the server gets it.</summary>
    LostBefore = 1,

    /// <summary>The server gets it, and the connection breaks before its answer.</summary>
    LostAfter = 2,
}

/// <summary>Stands between a chain and its server, and breaks connections where it is told to.</summary>
public sealed class PostgresProxy : IDisposable
{
    private static readonly byte[] Commit = "\0COMMIT\0"u8.ToArray();

    private volatile PostgresCluster _cluster;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _open = [];
    private volatile bool _down;
    private byte[] _prepared = Commit;
    private int _fate;

    public PostgresProxy(PostgresCluster cluster)
    {
        _cluster = cluster;
        _listener.Start();
        _ = Task.Run(AcceptAsync);
    }

    public CommitFate NextCommit
    {
        set => Volatile.Write(ref _fate, (int)value);
    }

    /// <summary>Leads to another server from now on, as an address does that moves with a failover.</summary>
    public void LeadTo(PostgresCluster cluster)
    {
        _cluster = cluster;
        Break();
    }

    /// <summary>Commits that were lost.</summary>
    public int Lost { get; private set; }

    /// <summary>Takes no connection while it is set.</summary>
    public bool Down
    {
        set
        {
            _down = value;
            if (value)
            {
                Break();
            }
        }
    }

    public string Connection(string database) =>
        FormattableString.Invariant($"Host=127.0.0.1;Port={((IPEndPoint)_listener.LocalEndpoint).Port};Database={database};Username=postgres;SSL Mode=Disable");

    public void Break()
    {
        lock (_open)
        {
            _open.ForEach(static socket => socket.Close());
            _open.Clear();
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        Break();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await _listener.AcceptSocketAsync();
            }
            catch (Exception closed) when (closed is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }

            if (_down)
            {
                client.Close();
                continue;
            }

            var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await server.ConnectAsync(new UnixDomainSocketEndPoint(_cluster.SocketPath));
            lock (_open)
            {
                _open.Add(client);
                _open.Add(server);
            }

            _ = Task.Run(() => ForwardAsync(client, server, fromClient: true));
            _ = Task.Run(() => ForwardAsync(server, client, fromClient: false));
        }
    }

    // Parse names the statement before its text; once it is prepared, Bind names it alone (PostgreSQL, protocol message formats).
    private bool IsCommit(ReadOnlySpan<byte> message)
    {
        var text = message.IndexOf(Commit);
        if (text < 0)
        {
            return message.IndexOf(_prepared) >= 0;
        }

        var name = message[..text];
        name = name[(name.LastIndexOf((byte)0) + 1)..];
        if (name.IndexOf((byte)'_') is var at and >= 0)
        {
            _prepared = [0, .. name[at..], 0];
        }

        return true;
    }

    private async Task ForwardAsync(Socket from, Socket to, bool fromClient)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            int read;
            while ((read = await from.ReceiveAsync(buffer)) > 0)
            {
                var fate = CommitFate.Passes;
                if (fromClient && IsCommit(buffer.AsSpan(0, read)))
                {
                    fate = (CommitFate)Interlocked.Exchange(ref _fate, 0);
                }

                if (fate == CommitFate.LostBefore)
                {
                    Lost++;
                    break;
                }

                await to.SendAsync(buffer.AsMemory(0, read));
                if (fate == CommitFate.LostAfter)
                {
                    Lost++;
                    // The client's side breaks at once; the server's stays until it has done what it was told.
                    from.Close();
                    await Task.Delay(500);
                    break;
                }
            }
        }
        catch (Exception broken) when (broken is SocketException or ObjectDisposedException)
        {
            // One side closed: so does the other.
        }

        from.Close();
        to.Close();
    }
}
