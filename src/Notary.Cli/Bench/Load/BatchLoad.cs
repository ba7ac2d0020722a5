using System.Diagnostics;
using System.Net.Sockets;

namespace Notary.Cli.Bench.Load;

/// <summary>
/// Deposits batches over a few connections, each with a thread of its own and blocking sockets: with requests of a thousand records the
/// system calls are few, and nothing is cheaper than a thread that sleeps in <c>recv</c>.
/// </summary>
internal sealed class BatchLoad(RequestShape shape, Uri server, string bearer, int connections) : ILoad
{
    public RequestShape Shape => shape;

    public int Connections => connections;

    public void Run(LoadRun run)
    {
        var threads = new Thread[connections];
        for (int i = 0; i < connections; i++)
        {
            threads[i] = new Thread(() => run.Guard(() => Drive(run))) { IsBackground = true, Name = $"load {i}" };
            threads[i].Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }
    }

    private void Drive(LoadRun run)
    {
        var template = new RequestTemplate(shape, server, bearer);
        var answer = new AnswerBuffer();
        LoadCounter counter = run.NewCounter();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(server.Host, server.Port);
        while (run.MaySend(template.Lines))
        {
            template.Renew();
            long started = Stopwatch.GetTimestamp();
            ReadOnlySpan<byte> request = template.Request.Span;
            while (request.Length > 0)
            {
                request = request[socket.Send(request)..];
            }

            answer.Reset();
            int received;
            do
            {
                received = socket.Receive(answer.Free.Span);
                if (received == 0)
                {
                    throw new LoadFailedException("The server closed a connection in the middle of an answer.");
                }
            }
            while (!answer.Take(received));

            // The last line is the range; a refused line would carry an "error" member.
            ReadOnlySpan<byte> body = answer.Body;
            if (answer.Status != 200 || body.Count((byte)'\n') != template.Lines + 1 || body.IndexOf("\"error\":"u8) >= 0)
            {
                throw LoadFailedException.FromAnswer(answer);
            }

            counter.Answered(template, answer, started);
        }
    }
}
