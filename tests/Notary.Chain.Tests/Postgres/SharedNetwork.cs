using Notary.Chain.Folders;
using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Chain.Tests.Network;
using Notary.Evidence;

namespace Notary.Chain.Tests.Postgres;

/// <summary>Main chain and Beijing in PostgreSQL, their nodes in processes of their own as far as the servers can tell.</summary>
internal sealed class SharedNetwork : IAsyncDisposable
{
    private readonly TestNetwork _original = new("beijing");
    private readonly TemporaryFolder _folder = new();
    private readonly List<LedgerNode> _nodes = [];

    public SharedNetwork(PostgresCluster? cluster = null)
    {
        cluster ??= PostgresCluster.Shared;
        var nodes = Path.Combine(_folder.Path, "nodes");
        Directory.Move(Path.Combine(_original.DataPath, "nodes"), nodes);
        foreach (var name in Chains)
        {
            var folder = new ChainFolder(Path.Combine(_original.DataPath, "chains", name));
            var connection = cluster.Database();
            Databases.Add(new Npgsql.NpgsqlConnectionStringBuilder(connection).Database!);
            ChainMove.ToPostgres(folder, connection, standbyWaived: true);
            Assert.Equal(GenesisProblem.None, Genesis.TryParse(File.ReadAllBytes(folder.GenesisPath), out var genesis));
            foreach (var node in Directory.GetDirectories(Path.Combine(nodes, name)))
            {
                _nodes.Add(LedgerNode.Open(new NodeFolder(node), genesis!, TestChain.Password, TimeProvider.System));
                Links.Add(new TestLink { Inner = new LocalNodeLink(_nodes[^1]) });
            }
        }
    }

    public IReadOnlyList<string> Chains { get; } = ["beijing", "main"];

    public List<string> Databases { get; } = [];

    /// <summary>The ways to the nodes, of all servers.</summary>
    public List<TestLink> Links { get; } = [];

    /// <summary>What the nodes found wrong, all of them together.</summary>
    public long Alarms => _nodes.Sum(static node => node.AlarmCount);

    public static string Body(string text) =>
        $$"""{"type":"document","parts":[{"media":"text/plain","size":{{text.Length}},"sm3":"{{Notary.Crypto.Suite.Sm.Hash(System.Text.Encoding.UTF8.GetBytes(text)).ToHex()}}","sha256":"{{Notary.Crypto.Suite.Intl.Hash(System.Text.Encoding.UTF8.GetBytes(text)).ToHex()}}"}]}""" + "\n";

    public static Deposit Request(string text, string? key = null) => new()
    {
        Body = System.Text.Encoding.UTF8.GetBytes(Body(text)), SingleRequest = false, Account = ChainCreation.DevelopmentAccount, Auth = AuthMethod.ClientSecret, IdempotencyKey = key, Received = DateTimeOffset.UtcNow,
    };

    /// <summary>Opens a server in a folder of its own.</summary>
    /// <param name="name">The folder's.</param>
    /// <param name="connection">Its way to a database; the cluster's own when not given.</param>
    public Server Open(string name, Func<string, string>? connection = null)
    {
        var path = Path.Combine(_folder.Path, name);
        if (!Directory.Exists(path))
        {
            TestChain.Copy(_original.DataPath, path);
        }

        for (var i = 0; i < Chains.Count && connection is not null; i++)
        {
            Chain.Postgres.PostgresChainDatabase.Save(new ChainFolder(Path.Combine(path, "chains", Chains[i])).DatabaseAddressPath, connection(Databases[i]), standbyWaived: true);
        }

        return new Server(path, witness => Links[_nodes.FindIndex(node => node.Key.Equals(witness.Key))]);
    }

    public async ValueTask DisposeAsync()
    {
        _nodes.ForEach(static node => node.Dispose());
        await _original.DisposeAsync();
        _folder.Dispose();
    }

    internal sealed class Server : IAsyncDisposable
    {
        private readonly DataFolder _data;
        private bool _closed;

        public Server(string path, Func<Notary.Ledger.PolicyWitness, INodeLink> linkTo)
        {
            _data = DataFolder.Take(path, create: false);
            Assert.Null(TrustFile.TryParse(File.ReadAllBytes(_data.TrustPath), out var trust));
            foreach (var folder in _data.Chains)
            {
                Chains.Add(folder.Name, ChainHost.Open(folder, TestChain.Password, TimeProvider.System));
            }

            Network = ChainNetwork.Start(_data, Chains, trust!, TestChain.Password, linkTo, TimeProvider.System);
        }

        public Dictionary<string, ChainHost> Chains { get; } = new(StringComparer.Ordinal);

        public ChainNetwork Network { get; }

        public ChainFolder Folder(string name) => _data.Chain(name);

        public async Task<long> Deposit(string text, bool patient = false)
        {
            for (var turn = 0; ; turn++)
            {
                using var result = await Chains["beijing"].DepositAsync(Request(text));
                if (result.Outcome == DepositOutcome.Sealed)
                {
                    return result.First;
                }

                Assert.True((result.Outcome == DepositOutcome.FreshnessPending || (patient && result.Outcome == DepositOutcome.DatabaseLost)) && turn < 400, result.Outcome.ToString());
                await Task.Delay(50);
            }
        }

        public async Task<bool> Reaches(long index, RecordState state)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(40));
            return await Network.WaitAsync(Chains["beijing"], index, state, limit.Token);
        }

        public string Proof(long index)
        {
            var proof = Network.Prove(Chains["beijing"], index)!;
            return proof.Proof.Format() + System.Text.Encoding.UTF8.GetString(proof.Anchor!.Leaf.Span);
        }

        public async ValueTask DisposeAsync()
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            await Network.DisposeAsync();
            foreach (var chain in Chains.Values)
            {
                chain.Dispose();
            }

            _data.Dispose();
        }
    }
}
