using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Network;

/// <summary>A main chain, six regions and twenty-three nodes in one process: from a deposit to a verdict that needs the trust file alone.</summary>
public sealed class NetworkTests
{
    [Fact]
    public async Task A_record_of_any_region_is_anchored_and_verified_with_the_trust_file_alone()
    {
        await using var network = new TestNetwork();
        network.Open();
        Assert.Equal(23, network.Network.Nodes.Count);
        Assert.Equal(TrustMode.Demonstration, network.Trust.Mode);
        var regions = network.Chains.Keys.Where(name => name != "main").Order(StringComparer.Ordinal).ToList();
        Assert.Contains("shenzhen", regions);
        var sealedAt = new Dictionary<string, long>();
        foreach (var (region, i) in regions.Select((name, i) => (name, i)))
        {
            using var result = await network.Deposit(region, TestChain.Line(new Random(i)));
            Assert.Equal((DepositOutcome.Sealed, 1), (result.Outcome, result.Count));
            sealedAt[region] = result.First;
        }

        foreach (var region in regions)
        {
            Assert.True(await network.Reaches(region, sealedAt[region], RecordState.Anchored));
            var report = Verify(network, region, sealedAt[region], network.Trust);
            // The part itself is nowhere in this test: everything else passes, as the state says.
            Assert.Equal(RecordState.Anchored, report.State.Reached);
            Assert.Equal(SubIndication.SignedDataNotFound, report.SubIndication);
            Assert.DoesNotContain(report.Checks, check => check.Outcome == CheckOutcome.Failed);
            Assert.Contains("demonstration", report.Notice!.En, StringComparison.Ordinal);
        }

        // The main chain's own leaves: its trust file and every region's anchors, each admitted again by each of five nodes.
        var main = network.Chains["main"];
        Assert.Equal(regions.Count, regions.Count(region => main.LatestAnchor(network.Chains[region].Genesis.Origin) is not null));
        Assert.All(network.Network.Nodes.Values, node => Assert.Empty(node.Alarms()));
        var own = network.Network.Prove(main, 0)!;
        Assert.Equal((RecordState.Anchored, null), (own.State, own.Anchor));
    }

    [Fact]
    public async Task After_a_restart_what_was_anchored_stands_in_the_same_bytes_and_the_rest_follows()
    {
        await using var network = new TestNetwork("hainan");
        network.Open();
        long first;
        using (var result = await network.Deposit("hainan", TestChain.Line(new Random(1))))
        {
            first = result.First;
        }

        Assert.True(await network.Reaches("hainan", first, RecordState.Anchored));
        var before = network.Network.Prove(network.Chains["hainan"], first)!;
        long second;
        using (var result = await network.Deposit("hainan", TestChain.Line(new Random(2))))
        {
            second = result.First;
        }

        await network.Close();
        network.Open();
        var after = network.Network.Prove(network.Chains["hainan"], first)!;
        Assert.Equal(before.Proof.Format(), after.Proof.Format());
        Assert.Equal(before.Anchor!.Leaf.ToArray(), after.Anchor!.Leaf.ToArray());
        Assert.True(await network.Reaches("hainan", second, RecordState.Anchored));
        Assert.Equal(RecordState.Anchored, Verify(network, "hainan", second, network.Trust).State.Reached);
        Assert.Null(network.Network.AnchorTrouble("hainan"));

        // What anchored it is on the main chain; a region's store that was lost learns it from there.
        await network.Close();
        var checkedAlone = Fsck.Run(network.Folder("hainan"), new FsckOptions());
        Assert.True(checkedAlone.Clean);
        Assert.StartsWith("not compared: this asks no ledger node (court, ", checkedAlone.Freshness, StringComparison.Ordinal);
        foreach (var file in Directory.GetFiles(Path.Combine(network.DataPath, "chains", "hainan"), "finality.db*"))
        {
            File.Delete(file);
        }

        network.Open();
        Assert.True(await network.Reaches("hainan", second, RecordState.Anchored));
    }

    [Fact]
    public async Task Nothing_is_appended_until_enough_nodes_have_spoken_and_nothing_to_a_database_that_was_put_back()
    {
        await using var network = new TestNetwork("dubai");
        var nodes = Path.Combine(network.DataPath, "nodes", "dubai");
        foreach (var name in new[] { "court", "forensic-centre" })
        {
            Directory.Move(Path.Combine(nodes, name), Path.Combine(network.DataPath, name + ".away"));
        }

        network.Open();
        using (var refused = await network.Deposit("main", TestChain.Line(new Random(1))))
        {
            Assert.Equal(DepositOutcome.Sealed, refused.Outcome);
        }

        for (var wait = 0; wait < 100 && network.Chains["dubai"].FreshnessPending?.Contains("court", StringComparison.Ordinal) != true; wait++)
        {
            await Task.Delay(50);
        }

        Assert.Contains("court, forensic-centre did not answer", network.Chains["dubai"].FreshnessPending, StringComparison.Ordinal);
        await network.Close();

        // A copy of the database from before is put back under nodes that know more.
        foreach (var name in new[] { "court", "forensic-centre" })
        {
            Directory.Move(Path.Combine(network.DataPath, name + ".away"), Path.Combine(nodes, name));
        }

        var chain = Path.Combine(network.DataPath, "chains", "dubai");
        TestChain.Copy(chain, chain + ".old");
        network.Open();
        using (var result = await network.Deposit("dubai", TestChain.Line(new Random(2))))
        {
            Assert.True(await network.Reaches("dubai", result.First, RecordState.Final));
        }

        await network.Close();
        Directory.Delete(chain, recursive: true);
        Directory.Move(chain + ".old", chain);
        network.Open();
        using var stopped = await network.Deposit("dubai", TestChain.Line(new Random(3)));
        Assert.Equal(DepositOutcome.ChainStopped, stopped.Outcome);
        Assert.Equal(StopReason.Stale, network.Chains["dubai"].Stopped!.Reason);
        Assert.Contains("behind its own history", network.Chains["dubai"].Stopped!.Sentence, StringComparison.Ordinal);
    }

    private static VerificationReport Verify(TestNetwork network, string region, long index, TrustFile trust)
    {
        var chain = network.Chains[region];
        var proof = network.Network.Prove(chain, index)!;
        Assert.NotNull(proof.Anchor);
        var receipt = chain.Reader.Receipt(index, proof.Proof, proof.Anchor)!;
        Assert.Equal(ReceiptProblem.None, Receipt.TryParse(receipt.ToJson(), out var parsed));
        return Verifier.VerifyReceipt(parsed!, null, [], trust);
    }
}
