using System.Diagnostics;
using Notary.Chain;
using Notary.Chain.Nodes;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Options;
using Notary.Server.Startup;
using Notary.Server.Telemetry;

namespace Notary.Server.Nodes;

/// <summary>The program as one organisation's ledger nodes: no chains, no accounts, no page.</summary>
internal static class NodeProcess
{
    /// <summary>Serves the nodes of the options until the process is stopped; returns its exit code.</summary>
    /// <exception cref="StartRefusedException">The process cannot start; one sentence says why and what to do.</exception>
    /// <exception cref="ChainRefusedException">The same, found by a node.</exception>
    public static async Task<int> RunAsync(WebApplicationBuilder builder, ServerOptions options, Stopwatch started, TimeProvider time)
    {
        Platform.CheckLibCrypto(options.Crypto);
        Platform.CheckPort(options.Listen);
        EntriesSecret? secret = EntriesSecret.Load(options.Nodes.EntriesSecretFile);
        var open = new List<LedgerNode>();
        try
        {
            OpenAll(open, options.Nodes, time);
            await using NodeTrust? trust = options.Nodes.TrustFile.Length > 0 ? NodeTrust.Load(options.Nodes.TrustFile, open) : null;
            WebHost.ConfigureHost(builder, options);
            await using WebApplication app = builder.Build();
            using ServerTelemetry? telemetry = ServerTelemetry.Start(options.Telemetry, app.Logger);
            using var nodes = new NodeSet(open, options.Nodes.UploadsAtOnce);
            app.UseProblems();
            app.MapNodes(nodes, options.Nodes, secret, app.Logger);
            app.Lifetime.ApplicationStopping.Register(() => Log.NodesStopping(app.Logger));
            await app.StartAsync();
            trust?.Follow(app.Logger);
            Print(Console.Out, open, options, started.Elapsed);
            await app.WaitForShutdownAsync();
            return 0;
        }
        finally
        {
            foreach (LedgerNode node in open)
            {
                node.Dispose();
            }
        }
    }

    private static void OpenAll(List<LedgerNode> open, NodeOptions options, TimeProvider time)
    {
        for (int i = 0; i < options.Serve.Count; i++)
        {
            ServedNodeOptions served = options.Serve[i];
            string option = FormattableString.Invariant($"Notary:Nodes:Serve:{i}");
            Genesis genesis = ReadGenesis(served.GenesisFile, option);
            if (open.Find(n => n.Origin == genesis.Origin) is { } other)
            {
                throw new StartRefusedException($"the node in '{served.Folder}' and that of {other.Key.Name} both mirror {genesis.Origin}: serve one of them by a process of its own.");
            }

            open.Add(LedgerNode.Open(new NodeFolder(served.Folder), genesis, EntriesSecret.FirstLine(served.PasswordFile, option + ":PasswordFile"), time));
        }
    }

    private static Genesis ReadGenesis(string path, string option)
    {
        try
        {
            GenesisProblem problem = Genesis.TryParse(File.ReadAllBytes(path), out Genesis? genesis);
            return genesis ?? throw new StartRefusedException($"'{path}' of {option}:GenesisFile is no genesis document ({problem}): take the one that the chain's operator published, and compare its fingerprint.");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException($"the file '{path}' of {option}:GenesisFile cannot be read: correct the path, or give this user the right to read it.");
        }
    }

    private static void Print(TextWriter output, List<LedgerNode> nodes, ServerOptions options, TimeSpan took)
    {
        output.WriteLine(FormattableString.Invariant($"Notary serves ledger nodes at {options.Listen.Url.TrimEnd('/')}{NodeEndpoints.Prefix} after {took.TotalSeconds:0.0} s."));
        foreach (LedgerNode node in nodes)
        {
            NodeStanding at = node.Standing;
            output.WriteLine(FormattableString.Invariant($"  node    {node.Key.Name}+{node.Key.KeyId:x8} for {node.Origin}: {at.NextEntry} entries, cosigned {at.Cosigned}"));
        }

        output.Flush();
    }
}
