using Notary.Chain.Folders;
using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Chain.Recovery;
using Notary.Chain.Store;
using Notary.Chain.Tests.Network;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Recovery;

/// <summary>A main chain and hainan with three nodes, of which two are the quorum; its database is put back, lost or changed while nothing runs.</summary>
internal sealed class RecoveringNetwork : IAsyncDisposable
{
    public const string Region = "hainan";

    private readonly TemporaryFolder _aside = new();

    public TestNetwork Network { get; } = new(Region);

    public ChainFolder Folder => new(Path.Combine(Network.DataPath, "chains", Region));

    public string NodesPath => Path.Combine(Network.DataPath, "nodes", Region);

    public Genesis Genesis => Genesis.TryParse(File.ReadAllBytes(Folder.GenesisPath), out var genesis) == GenesisProblem.None ? genesis! : throw new InvalidOperationException();

    /// <summary>The database's head row.</summary>
    public HeadRow Head
    {
        get
        {
            using var database = ChainDatabase.Of(Folder).OpenReader();
            return ChainStore.ReadHead(database)!;
        }
    }

    /// <summary>Deposits so many records of that seed; their leaves, once a quorum holds them and all that the chain has.</summary>
    public async Task<List<byte[]>> Grow(int count, int seed)
    {
        Network.Open();
        var random = new Random(seed);
        using var result = await Network.Deposit(Region, string.Join('\n', Enumerable.Range(0, count).Select(_ => TestChain.Line(random))));
        Assert.Equal((DepositOutcome.Sealed, count), (result.Outcome, result.Count));
        Assert.True(await Network.Reaches(Region, result.First + count - 1, RecordState.Anchored));
        // All three, so that any of them can give it back.
        for (var wait = 0; Network.Network.FinalityOf(Region)!.Nodes.Any(node => node.Cosigned < result.First + count) && wait < 200; wait++)
        {
            await Task.Delay(50);
        }

        var leaves = Network.Chains[Region].Reader.Entries(0, (int)Network.Chains[Region].Reader.Size).ToList();
        await Network.Close();
        return leaves;
    }

    /// <summary>Keeps a copy of the database, as a backup does.</summary>
    public void Backup() => CopyDatabase(Folder.Root, _aside.Path);

    /// <summary>Puts that copy back.</summary>
    public void Restore()
    {
        LoseDatabase();
        CopyDatabase(_aside.Path, Folder.Root);
    }

    public void LoseDatabase()
    {
        foreach (var file in Directory.GetFiles(Folder.Root, "chain.db*"))
        {
            File.Delete(file);
        }
    }

    /// <summary>Seals records under the log's key that no node ever sees.</summary>
    public void SealUnseen(int count, int seed)
    {
        using var chain = ChainHost.Open(Folder, TestChain.Password, TimeProvider.System);
        var random = new Random(seed);
        using var result = chain.DepositAsync(new Deposit
        {
            Body = System.Text.Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, count).Select(_ => TestChain.Line(random)))),
            SingleRequest = false, Account = ChainCreation.DevelopmentAccount, Auth = AuthMethod.ClientSecret, Received = DateTimeOffset.UtcNow,
        }).Result;
        Assert.Equal(DepositOutcome.Sealed, result.Outcome);
    }

    public async Task<RecoveryReport> Recover(bool fewer = false, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        using var data = DataFolder.Take(Network.DataPath, create: false);
        return await ChainRecovery.RunAsync(data, Region, new RecoveryOptions { Password = TestChain.Password, FewerMirrors = fewer }, progress, cancellation);
    }

    /// <summary>The same with the ways to the nodes changed by a test.</summary>
    public async Task<RecoveryReport> Recover(Action<string, ChangedMirror> change, bool fewer = false)
    {
        var entries = Network.Trust.EntriesOf(Genesis.Origin).ToList();
        var mirrors = new List<(PolicyWitness, IMirror)>();
        try
        {
            foreach (var witness in entries[^1].Policy.Witnesses)
            {
                var folder = Directory.GetDirectories(NodesPath).Select(static path => new NodeFolder(path)).Single(node => node.ReadVerifierKey().Equals(witness.Key));
                var mirror = new ChangedMirror(new NodeMirror(LedgerNode.Open(folder, Genesis, TestChain.Password, TimeProvider.System)));
                change(witness.Name, mirror);
                mirrors.Add((witness, mirror));
            }

            return await ChainRecovery.RunAsync(
                Folder, Genesis, Network.Trust, new ChainTrust(() => entries, static () => 0), mirrors, new RecoveryOptions { Password = TestChain.Password, FewerMirrors = fewer }, null, CancellationToken.None);
        }
        finally
        {
            mirrors.ForEach(static mirror => mirror.Item2.Dispose());
        }
    }

    /// <summary>What closes the chain: what is available in its database, and the proposal.</summary>
    public async Task<ClosingReport> Propose(bool fewer = false, string successor = "notary.test/hainan-2", string name = Region, IProgress<long>? progress = null, CancellationToken cancellation = default, params SignedNote[] saved)
    {
        using var data = DataFolder.Take(Network.DataPath, create: false);
        return await ChainClosing.ProposeAsync(data, name, new ClosingOptions
        {
            Recovery = new RecoveryOptions { Password = TestChain.Password, FewerMirrors = fewer }, Successor = successor, Saved = [.. saved.Select(static note => ("the saved checkpoint", note))],
        }, progress, cancellation);
    }

    /// <summary>Signed by the governance key that lies in the folder.</summary>
    public IncidentRecord Signed(ClosingReport report)
    {
        using var signer = Network.Governance();
        return report.Record.SignedBy(signer, Network.Trust.Content.GovernanceKeys[0], report.Main.Suite, report.Main.Origin);
    }

    /// <summary>Hands an incident in as soon as the main chain appends.</summary>
    public async Task<IncidentApplied> Close(IncidentRecord record)
    {
        for (var turn = 0; ; turn++)
        {
            var applied = await Network.Network.CloseChainAsync(record);
            if (applied.Index >= 0 || !applied.Refusal.Ok || turn == 200)
            {
                return applied;
            }

            await Task.Delay(50);
        }
    }

    public SignedNote StoredNote => SignedNote.TryParse(Head.Note, out var note).Ok ? note! : throw new InvalidOperationException();

    /// <summary>Keeps a copy of the nodes, or puts it back, as nobody ever should.</summary>
    public void CopyNodes(bool back)
    {
        var aside = Path.Combine(_aside.Path, "nodes");
        var (from, to) = back ? (aside, NodesPath) : (NodesPath, aside);
        if (Directory.Exists(to))
        {
            Directory.Delete(to, recursive: true);
        }

        TestChain.Copy(from, to);
        if (back)
        {
            // Their operators say that the folders were moved here, which is what lets a restored node run at all.
            Array.ForEach(Directory.GetDirectories(NodesPath), static node => new NodeFolder(node).Move());
        }
    }

    /// <summary>What the log's key signs when its holder lies.</summary>
    public SignedNote Sign(long size, Hash32 root)
    {
        using var signer = KeyFile.Load(Folder.LogKeyPath, TestChain.Password);
        var text = new Checkpoint(Genesis.Origin, size, root).Format();
        return SignedNote.Create(text, [NoteSigner.SignLine(signer, Genesis.LogKey, text)]);
    }

    public FsckReport Check() => Fsck.Run(Folder, new FsckOptions { Password = TestChain.Password });

    /// <summary>The chain starts, passes freshness, seals, and its nodes go on.</summary>
    public async Task GoesOn(IReadOnlyList<byte[]> leaves)
    {
        Network.Open();
        var chain = Network.Chains[Region];
        Assert.Equal(leaves, chain.Reader.Entries(0, leaves.Count));
        using var more = await Network.Deposit(Region, TestChain.Line(new Random(99)));
        Assert.Equal((DepositOutcome.Sealed, (long)leaves.Count), (more.Outcome, more.First));
        Assert.True(await Network.Reaches(Region, more.First, RecordState.Anchored));
        Assert.All(Network.Network.Nodes.Values, static node => Assert.Empty(node.Alarms()));
        Assert.NotNull(Network.Receipt(Region, more.First));
        await Network.Close();
    }

    public async ValueTask DisposeAsync()
    {
        await Network.DisposeAsync();
        _aside.Dispose();
    }

    private static void CopyDatabase(string from, string to)
    {
        foreach (var file in Directory.GetFiles(from, "chain.db*"))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        }
    }
}

/// <summary>A node's copy, seen through a way that may lie.</summary>
internal sealed class ChangedMirror(IMirror inner) : IMirror
{
    public Func<MirrorAnswer, MirrorAnswer> Answer { get; set; } = static answer => answer;

    public Func<long, long> Held { get; set; } = static held => held;

    public Func<TileId, ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Tile { get; set; } = static (_, bytes) => bytes;

    public Func<long, ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Entries { get; set; } = static (_, bytes) => bytes;

    public async Task<MirrorAnswer> AskAsync(string origin, CancellationToken cancellation) => Answer(await inner.AskAsync(origin, cancellation));

    public async Task<long> HeldAsync(SignedNote newest, Checkpoint checkpoint, CancellationToken cancellation) => Held(await inner.HeldAsync(newest, checkpoint, cancellation));

    public async Task<ReadOnlyMemory<byte>> TileAsync(string origin, TileId tile, CancellationToken cancellation) => Tile(tile, await inner.TileAsync(origin, tile, cancellation));

    public async Task<ReadOnlyMemory<byte>> EntriesAsync(string origin, long number, int width, CancellationToken cancellation) => Entries(number, await inner.EntriesAsync(origin, number, width, cancellation));

    public void Dispose() => inner.Dispose();
}
