using Notary.Chain.Folders;
using Notary.Chain.Nodes;
using Notary.Evidence;

namespace Notary.Chain.Tests.Network;

/// <summary>Adding a region by one verb, ended where a process can end.</summary>
public sealed class RegionCreationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Ended_behind_its_renaming_the_same_verb_completes_it()
    {
        await using var network = new TestNetwork("hainan");
        var before = Path.Combine(_folder.Path, "before");
        TestChain.Copy(network.DataPath, before);
        var first = await CreateAsync(network);

        // Chain and nodes of the new region are there; everything else is as it was before.
        foreach (var part in new[] { "chains/main", "chains/hainan", "nodes/main", "nodes/hainan" })
        {
            Directory.Delete(Path.Combine(network.DataPath, part), recursive: true);
            TestChain.Copy(Path.Combine(before, part), Path.Combine(network.DataPath, part));
        }

        File.Copy(Path.Combine(before, "trust.note"), Path.Combine(network.DataPath, "trust.note"), overwrite: true);
        Array.ForEach([.. Directory.GetDirectories(Path.Combine(network.DataPath, "nodes", "main")), .. Directory.GetDirectories(Path.Combine(network.DataPath, "nodes", "hainan"))], static node => new NodeFolder(node).Move());

        var second = await CreateAsync(network);
        Assert.Equal(first.Genesis.Fingerprint, second.Genesis.Fingerprint);
        Assert.Equal(first.Trust.Fingerprint, second.Trust.Fingerprint);
        network.Open();
        Assert.Equal(second.Trust.Fingerprint, network.Network.Trust.Fingerprint);
        using var result = await network.Deposit("wuhan", TestChain.Line(new Random(1)));
        Assert.Equal((DepositOutcome.Sealed, 1), (result.Outcome, result.Count));
        Assert.True(await network.Reaches("wuhan", network.Chains["wuhan"].Reader.Size - 1, RecordState.Anchored));
    }

    [Fact]
    public async Task Ended_before_it_nothing_is_left_of_it_and_what_may_be_a_last_copy_is_not_touched()
    {
        await using var network = new TestNetwork("hainan");
        var unfinished = Path.Combine(network.DataPath, "chains", ".wuhan.new");
        Directory.CreateDirectory(unfinished);
        File.WriteAllText(Path.Combine(unfinished, "genesis.json"), "half");
        Directory.CreateDirectory(Path.Combine(network.DataPath, "nodes", ".wuhan.new", "court"));

        // Between the two renamings: nodes of a chain that is not there.
        var nodes = Path.Combine(network.DataPath, "nodes", "wuhan", "court");
        Directory.CreateDirectory(nodes);
        File.WriteAllText(Path.Combine(nodes, "mirror.db"), "a copy");
        var refused = await Assert.ThrowsAsync<ChainRefusedException>(() => CreateAsync(network));
        Assert.Equal(ChainRefusal.Exists, refused.Refusal);
        Assert.Equal("a copy", File.ReadAllText(Path.Combine(nodes, "mirror.db")));

        Directory.Move(Path.Combine(network.DataPath, "nodes", "wuhan"), Path.Combine(_folder.Path, "aside"));
        var created = await CreateAsync(network);
        Assert.Equal((2L, 3), (created.Trust.Content.Version, created.Nodes));
        Assert.False(Directory.Exists(unfinished));
        Assert.False(Directory.Exists(Path.Combine(network.DataPath, "nodes", ".wuhan.new")));
        Assert.Equal(ChainRefusal.Exists, (await Assert.ThrowsAsync<ChainRefusedException>(() => CreateAsync(network))).Refusal);
    }

    private async Task<CreatedRegion> CreateAsync(TestNetwork network)
    {
        var sidechains = Path.Combine(_folder.Path, "repo", "sidechains");
        if (!Directory.Exists(sidechains))
        {
            TestChain.Copy(Path.Combine(TestChain.RepositoryRoot, "sidechains", "hainan"), Path.Combine(sidechains, "wuhan"));
            TestChain.Copy(Path.Combine(TestChain.RepositoryRoot, "policies"), Path.Combine(_folder.Path, "repo", "policies"));
            var path = Path.Combine(sidechains, "wuhan", "chain.json");
            File.WriteAllText(path, File.ReadAllText(path).Replace("hainan", "wuhan", StringComparison.Ordinal).Replace("HN", "WH", StringComparison.Ordinal));
        }

        using var data = DataFolder.Take(network.DataPath, create: false);
        return await RegionCreation.CreateAsync(data, ChainTemplate.Load(Path.Combine(sidechains, "wuhan")), TestChain.Password, TimeProvider.System);
    }
}
