using System.Diagnostics;
using System.Net.Sockets;

namespace Notary.Cli.Bench.Load;

/// <summary>
/// Deposits single records over many connections from one thread that waits with <c>poll</c>: a commit of the server answers many
/// connections at once, so one wake-up serves many of them.
/// </summary>
internal sealed class SingleLoad(RequestShape shape, Uri server, string bearer, int connections) : ILoad
{
    public RequestShape Shape => shape;

    public int Connections => connections;

    public void Run(LoadRun run) => run.Guard(() => Drive(run));

    private void Drive(LoadRun run)
    {
        LoadCounter counter = run.NewCounter();
        var open = new Dictionary<Socket, Connection>();
        try
        {
            for (int i = 0; i < connections && run.MaySend(1); i++)
            {
                var connection = new Connection(new RequestTemplate(shape, server, bearer), server);
                open.Add(connection.Socket, connection);
                connection.Send();
            }

            var ready = new List<Socket>(connections);
            while (open.Count > 0)
            {
                ready.Clear();
                ready.AddRange(open.Keys);
                Socket.Select(ready, null, null, TimeSpan.FromSeconds(30));
                if (ready.Count == 0)
                {
                    throw new LoadFailedException("The server answered nothing for 30 seconds.");
                }

                foreach (Socket socket in ready)
                {
                    Connection connection = open[socket];
                    if (!connection.Receive())
                    {
                        continue;
                    }

                    counter.Answered(connection.Template, connection.Answer, connection.Started);
                    if (run.MaySend(1))
                    {
                        connection.Send();
                    }
                    else
                    {
                        open.Remove(socket);
                        socket.Dispose();
                    }
                }
            }
        }
        finally
        {
            foreach (Socket socket in open.Keys)
            {
                socket.Dispose();
            }
        }
    }

    private sealed class Connection
    {
        public Connection(RequestTemplate template, Uri server)
        {
            Template = template;
            Socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            Socket.Connect(server.Host, server.Port);
        }

        public Socket Socket { get; }

        public RequestTemplate Template { get; }

        public AnswerBuffer Answer { get; } = new();

        public long Started { get; private set; }

        public void Send()
        {
            Template.Renew();
            Answer.Reset();
            Started = Stopwatch.GetTimestamp();
            ReadOnlySpan<byte> request = Template.Request.Span;
            while (request.Length > 0)
            {
                request = request[Socket.Send(request)..];
            }
        }

        public bool Receive()
        {
            int received = Socket.Receive(Answer.Free.Span);
            if (received == 0)
            {
                throw new LoadFailedException("The server closed a connection in the middle of an answer.");
            }

            if (!Answer.Take(received))
            {
                return false;
            }

            return Answer.Status == 201 ? true : throw LoadFailedException.FromAnswer(Answer);
        }
    }
}
