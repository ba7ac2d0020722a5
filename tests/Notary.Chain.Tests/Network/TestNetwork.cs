using Notary.Chain.Folders;
using Notary.Chain.Network;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;

namespace Notary.Chain.Tests.Network;

/// <summary>The repository's network and one region more, made once; each test works on a copy of it.</summary>
internal sealed class TestNetwork : IAsyncDisposable
{
    private static readonly Lazy<TemporaryFolder> Original = new(Create);

    private readonly TemporaryFolder _folder = new();
    private DataFolder? _data;

    public TestNetwork(params string[] regions)
    {
        DataPath = Path.Combine(_folder.Path, "data");
        TestChain.Copy(Path.Combine(Original.Value.Path, "data"), DataPath);
        // Fewer chains are opened where a test needs no more: their keys cost a derivation each.
        foreach (var part in new[] { "chains", "nodes" })
        {
            foreach (var folder in Directory.GetDirectories(Path.Combine(DataPath, part)).Where(f => regions.Length > 0 && Path.GetFileName(f) != "main" && !regions.Contains(Path.GetFileName(f))))
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        Assert.Null(TrustFile.TryParse(File.ReadAllBytes(Path.Combine(DataPath, "trust.note")), out var trust));
        Trust = trust!;
    }

    public string DataPath { get; }

    public TrustFile Trust { get; }

    public Dictionary<string, ChainHost> Chains { get; } = new(StringComparer.Ordinal);

    public ChainNetwork Network { get; private set; } = null!;

    public ChainFolder Folder(string chain) => new(Path.Combine(DataPath, "chains", chain));

    public void Open() => Open(null);

    public void Open(TrustFile? trust)
    {
        Assert.Null(TrustFile.TryParse(File.ReadAllBytes(Path.Combine(DataPath, "trust.note")), out var file));
        _data = DataFolder.Take(DataPath, create: false);
        Parallel.ForEach(_data.Chains, folder =>
        {
            var chain = ChainHost.Open(folder, TestChain.Password, TimeProvider.System);
            lock (Chains)
            {
                Chains.Add(chain.Name, chain);
            }
        });
        Network = ChainNetwork.Start(_data, Chains, trust ?? file!, TestChain.Password, static _ => null, TimeProvider.System);
    }

    public async Task Close()
    {
        if (_data is not null)
        {
            if (Network is not null)
            {
                await Network.DisposeAsync();
            }

            foreach (var chain in Chains.Values)
            {
                chain.Dispose();
            }

            Chains.Clear();
            _data.Dispose();
            _data = null;
        }
    }

    public ISigner Governance() => KeyFile.Load(Path.Combine(DataPath, "keys", "governance.pem"), TestChain.Password);

    /// <summary>What governance makes of a proposal.</summary>
    public TrustFile Sign(TrustProposal proposal)
    {
        using var governance = Governance();
        Assert.Null(TrustFile.TryParse(proposal.SignedBy(governance, Trust.Content.GovernanceKeys[0]).ToBytes(), out var file));
        return file!;
    }

    public async Task<TrustApplied> Apply(TrustFile file, bool reachBack = false)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await Network.ApplyTrustAsync(file, reachBack, limit.Token);
    }

    public Receipt Receipt(string chain, long index)
    {
        var proof = Network.Prove(Chains[chain], index)!;
        Assert.NotNull(proof.Anchor);
        Assert.Equal(ReceiptProblem.None, Evidence.Receipt.TryParse(Chains[chain].Reader.Receipt(index, proof.Proof, proof.Anchor)!.ToJson(), out var parsed));
        return parsed!;
    }

    public async Task<DepositResult> Deposit(string chain, string body)
    {
        for (var turn = 0; ; turn++)
        {
            var result = await Chains[chain].DepositAsync(new Deposit
            {
                Body = System.Text.Encoding.UTF8.GetBytes(body), SingleRequest = false, Account = ChainCreation.DevelopmentAccount, Auth = AuthMethod.ClientSecret, Received = DateTimeOffset.UtcNow,
            });
            if (result.Outcome != DepositOutcome.FreshnessPending || turn == 200)
            {
                return result;
            }

            await Task.Delay(50);
        }
    }

    public async Task<bool> Reaches(string chain, long index, RecordState state, int seconds = 30)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        return await Network.WaitAsync(Chains[chain], index, state, limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await Close();
        _folder.Dispose();
    }

    // "Adding a region is adding a folder and running one verb": shenzhen is in no file of this repository.
    private static TemporaryFolder Create()
    {
        var folder = new TemporaryFolder();
        var sidechains = Path.Combine(folder.Path, "repo", "sidechains");
        TestChain.Copy(Path.Combine(TestChain.RepositoryRoot, "sidechains"), sidechains);
        TestChain.Copy(Path.Combine(TestChain.RepositoryRoot, "policies"), Path.Combine(folder.Path, "repo", "policies"));
        TestChain.Copy(Path.Combine(sidechains, "hainan"), Path.Combine(sidechains, "shenzhen"));
        var path = Path.Combine(sidechains, "shenzhen", "chain.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("hainan", "shenzhen", StringComparison.Ordinal).Replace("HN", "SZ", StringComparison.Ordinal));
        using var data = DataFolder.Take(Path.Combine(folder.Path, "data"), create: true);
        var created = NetworkCreation.Create(data, [.. Directory.GetDirectories(sidechains).Select(ChainTemplate.Load)], "notary.test", TestChain.Password, TimeProvider.System);
        Assert.Equal((7, 23), (created.Chains.Count, created.Nodes));
        return folder;
    }
}
