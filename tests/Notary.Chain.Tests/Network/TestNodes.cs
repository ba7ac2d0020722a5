using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Network;

/// <summary>A test chain with ledger nodes of its own, each behind a link that can be cut or made to lie.</summary>
internal sealed class TestNodes : IAsyncDisposable
{
    public static readonly FinalityTimes Times = new(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(400), TimeSpan.FromSeconds(5));

    private static readonly string[] Names = ["court", "notary-office", "forensic-centre"];

    // Deriving a key file's key is slow on purpose: the nodes are made once, and copied for every test.
    private static readonly Lazy<(TemporaryFolder Folder, NoteKey[] Keys)> Originals = new(static () =>
    {
        var folder = new TemporaryFolder();
        NoteKey[] keys = [.. Names.Select(name => new NodeFolder(Path.Combine(folder.Path, name)).Create($"{name}.example/beijing", Suite.Sm, TestChain.Password))];
        return (folder, keys);
    });

    private static readonly Lazy<ISigner[]> Signers = new(static () => [.. Names.Select(name => KeyFile.Load(new NodeFolder(Path.Combine(Originals.Value.Folder.Path, name)).KeyPath, TestChain.Password))]);

    private readonly TemporaryFolder _folder = new();
    private readonly TestChain _chain;
    private readonly LedgerNode?[] _nodes = new LedgerNode?[Names.Length];

    private readonly FinalityTimes _times;

    public TestNodes(TestChain chain, FinalityTimes? times = null)
    {
        _chain = chain;
        _times = times ?? Times;
        for (var i = 0; i < Names.Length; i++)
        {
            TestChain.Copy(Path.Combine(Originals.Value.Folder.Path, Names[i]), Path.Combine(_folder.Path, Names[i]));
            Links.Add(new TestLink());
            Start(i);
        }

        var genesis = chain.Host.Genesis;
        var witnesses = string.Concat(Names.Select((name, i) => $"witness {name} {Originals.Value.Keys[i].Format()}\n"));
        Trusted = TrustedChain.Create(genesis.Origin, genesis.Code, genesis.Suite, [genesis.LogKey], $"{witnesses}group nodes 2 {string.Join(' ', Names)}\nquorum nodes\n");
        Finality = Open();
    }

    public TrustedChain Trusted { get; }

    public List<TestLink> Links { get; } = [];

    public Finality Finality { get; private set; }

    public LedgerNode Node(int i) => _nodes[i]!;

    public NodeFolder Place(int i) => new(Path.Combine(_folder.Path, Names[i]));

    public string FinalityPath => Path.Combine(_folder.Path, "finality.db");

    public void Start(int i)
    {
        _nodes[i] = LedgerNode.Open(new NodeFolder(Path.Combine(_folder.Path, Names[i])), _chain.Host.Genesis, new SharedSigner(Signers.Value[i]), TimeProvider.System);
        Links[i].Inner = new LocalNodeLink(_nodes[i]!);
    }

    public void Stop(int i)
    {
        _nodes[i]?.Dispose();
        _nodes[i] = null;
        Links[i].Inner = null;
    }

    public async Task Restart()
    {
        await Finality.DisposeAsync();
        Finality = Open();
    }

    public async Task<bool> Becomes(long size, int seconds = 20)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        return await Finality.WaitAsync(size, RecordState.Final, limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await Finality.DisposeAsync();
        for (var i = 0; i < _nodes.Length; i++)
        {
            _nodes[i]?.Dispose();
        }

        _folder.Dispose();
    }

    private Finality Open() => new(
        _chain.Host.Reader, new ChainTrust(() => [Trusted], static () => 0), witness => Links[Array.IndexOf(Names, witness.Name)], FinalityStore.Open(FinalityPath), _times, TimeProvider.System);

    private sealed class SharedSigner(ISigner inner) : ISigner
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

/// <summary>A way to a node that may be cut, slow, or answered by somebody else.</summary>
internal sealed class TestLink : INodeLink
{
    public INodeLink? Inner { get; set; }

    /// <summary>Answers in the node's place when it gives one: the request is "checkpoint" or "entries".</summary>
    public Func<string, NodeAnswer?>? Instead { get; set; }

    /// <summary>What is said in the node's place, from that statement on.</summary>
    public Func<long, IReadOnlyList<NodeStatement>>? Statements { get; set; }

    /// <summary>Changes what the node answered.</summary>
    public Func<NodeAnswer, NodeAnswer>? Changed { get; set; }

    public bool Hangs { get; set; }

    /// <summary>Fails after the time-out of the attempt, and not by being cancelled.</summary>
    public bool FailsLate { get; set; }

    public async Task<SignedNote?> MirrorCheckpointAsync(string origin, CancellationToken cancellation) =>
        await (Inner ?? throw new IOException("the connection was refused")).MirrorCheckpointAsync(origin, cancellation);

    public async Task<IReadOnlyList<NodeStatement>> StatementsAsync(string origin, long first, CancellationToken cancellation) =>
        Statements is { } instead ? instead(first) : await (Inner ?? throw new IOException("the connection was refused")).StatementsAsync(origin, first, cancellation);

    public async Task<NodeAnswer> AddCheckpointAsync(ReadOnlyMemory<byte> body, CancellationToken cancellation) =>
        await Answer("checkpoint", inner => inner.AddCheckpointAsync(body, cancellation), cancellation);

    public async Task<NodeAnswer> AddEntriesAsync(UploadRange range, IReadOnlyList<EntryPackage> packages, CancellationToken cancellation) =>
        await Answer("entries", inner => inner.AddEntriesAsync(range, packages, cancellation), cancellation);

    private async Task<NodeAnswer> Answer(string request, Func<INodeLink, Task<NodeAnswer>> ask, CancellationToken cancellation)
    {
        if (Hangs)
        {
            await Task.Delay(Timeout.Infinite, cancellation);
        }

        if (FailsLate)
        {
            await Task.Delay(500, CancellationToken.None);
            throw new IOException("late");
        }

        var answer = Instead?.Invoke(request) ?? await ask(Inner ?? throw new IOException("the connection was refused"));
        return Changed?.Invoke(answer) ?? answer;
    }
}
