using Notary.Chain.Folders;
using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Network;

/// <summary>What ledger nodes say in their own name comes into the chain: alarms about a leaf that somebody wrote past admission, and that a key joined.</summary>
public sealed class StatementTests
{
    [Fact]
    public async Task A_leaf_that_was_written_past_admission_is_answered_by_alarms_that_are_sealed_and_finality_goes_on()
    {
        await using var network = new TestNetwork("hainan");
        network.Open();
        await Deposit(network, 1);
        Assert.True(await network.Reaches("hainan", network.Chains["hainan"].Reader.Size - 1, RecordState.Anchored));
        Assert.Equal((0L, 0), (network.Chains["hainan"].SealedStatements.Alarms, network.Network.UnsealedStatements("hainan").Count));
        await network.Close();

        var at = ForgedLeaf.Append(network.Folder("hainan"), "no JSON");
        network.Open();
        var chain = network.Chains["hainan"];
        await Eventually(() => chain.SealedStatements.Alarms == 3);
        await Deposit(network, 2);
        Assert.True(await network.Reaches("hainan", chain.Reader.Size - 1, RecordState.Anchored));
        await Eventually(() => network.Network.UnsealedStatements("hainan").Count == 0);

        var alarms = Leaves(chain).Where(static leaf => leaf.Facts.NodeStatement is AlarmRecord).ToList();
        Assert.Equal(3, alarms.Count);
        Assert.Equal(3, alarms.Select(static leaf => leaf.Facts.NodeStatement!.Key).Distinct().Count());
        Assert.All(alarms, leaf =>
        {
            var alarm = (AlarmRecord)leaf.Facts.NodeStatement!;
            Assert.Equal((at, 2, "not-json", chain.Genesis.Origin), (alarm.Index, alarm.Failure, alarm.Code, alarm.Chain));
            Assert.Equal(new TreeHasher(chain.Genesis.Suite).Leaf("no JSON"u8), alarm.Leaf);
            Assert.NotNull(network.Network.NodeOf(alarm.Key));
        });
        Assert.Equal(alarms[^1].Index, chain.SealedStatements.NewestAlarm!.Index);

        // What is sealed is not sealed again, by this process or the next; nobody has an alarm about an alarm.
        await network.Close();
        network.Open();
        chain = network.Chains["hainan"];
        Assert.Equal(3, chain.SealedStatements.Alarms);
        await Deposit(network, 3);
        Assert.True(await network.Reaches("hainan", chain.Reader.Size - 1, RecordState.Final));
        await Task.Delay(2_500);
        Assert.Equal((3L, 0), (chain.SealedStatements.Alarms, network.Network.UnsealedStatements("hainan").Count));
        Assert.All(network.Network.Nodes.Where(static node => node.Key.StartsWith("hainan/", StringComparison.Ordinal)), static node => Assert.Single(node.Value.Statements()));

        await Passes(network, chain.SealedStatements.NewestAlarm!.Index, network.Network.Trust);

        // A check of the database names the leaf, shows the alarms, and finds nothing wrong in what stands behind them.
        await network.Close();
        var report = Fsck.Run(network.Folder("hainan"), new FsckOptions { Nodes = [.. Directory.GetDirectories(Path.Combine(network.DataPath, "nodes", "hainan")).Select(static path => new NodeFolder(path))] });
        Assert.Equal((at, "leaf-form"), report.Findings.Where(static finding => finding.IsError).Select(static finding => (finding.Index, finding.Code)).Single());
        Assert.Equal(alarms.Select(static leaf => (leaf.Index, "alarm")), report.Findings.Where(static finding => !finding.IsError).Select(static finding => (finding.Index, finding.Code)));
        Assert.Contains(report.Findings, static finding => finding.Sentence.Contains("/hainan/court says that the leaf at index", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_node_that_joins_is_on_record_once_and_those_of_the_beginning_are_not()
    {
        await using var network = new TestNetwork("hainan");
        network.Open();
        await Deposit(network, 1);
        Assert.True(await network.Reaches("hainan", network.Chains["hainan"].Reader.Size - 1, RecordState.Anchored));
        var key = new NodeFolder(Path.Combine(network.DataPath, "nodes", "hainan", "archive")).Create("archive.example/hainan", Suite.Sm, TestChain.Password);
        var draft = new TrustDraft(network.Network.Trust, network.Chains["main"].Reader.Size + 2);
        Assert.Null(draft.AddNode("hainan", "archive", key, null));
        Assert.Null(draft.Quorum("hainan", 3));
        Assert.Null(draft.TryFinish(out var proposal));
        using var governance = network.Governance();
        Assert.Null(TrustFile.TryParse(proposal!.SignedBy(governance, network.Trust.Content.GovernanceKeys[0]).ToBytes(), out var second));
        Assert.Equal(TrustRefusal.None, (await network.Apply(second!)).Refusal);
        var chain = network.Chains["hainan"];
        // Appended, and then published: leaves are read from what is.
        await Eventually(() => chain.SealedStatements.JoinedAt(key) is var joinedAt and >= 0 && chain.Reader.Size > joinedAt);
        var at = chain.SealedStatements.JoinedAt(key);
        var joined = Assert.IsType<NodeRecord>(Leaves(chain).Single(leaf => leaf.Index == at).Facts.NodeStatement);
        Assert.Equal((2L, key), (joined.Trust, joined.Key));
        Assert.InRange(joined.Size, chain.TrustVersions[^1].Index + 1, at);
        Assert.Equal(joined.ToBytes(), Assert.Single(network.Network.NodeOf(key)!.Statements()).ToBytes());
        await Passes(network, at, network.Network.Trust);
        await Task.Delay(2_500);
        Assert.Single(Leaves(chain), static leaf => leaf.Facts.Kind == RecordKind.Node);
        Assert.DoesNotContain(Leaves(network.Chains["main"]), static leaf => leaf.Facts.Kind is RecordKind.Node or RecordKind.Alarm);
    }

    [Fact]
    public async Task What_a_node_says_and_the_chain_does_not_take_is_shown_with_its_reason()
    {
        // A chain whose trust file in force names other nodes than those that are asked: a stranger's words, however true, are not sealed.
        using var chain = new TestChain();
        using var log = Nodes.ForgedLog.Of(chain);
        await using var nodes = new TestNodes(chain);
        log.Append("no JSON");
        Assert.Equal(NodeStatus.Success, nodes.Node(0).TakeCheckpoint(log.Offer(0, log.Size)).Status);
        Assert.Equal(NodeStatus.Success, log.TryUpload(nodes.Node(0), 0, log.Size));
        await using var sealing = new StatementSealing(chain.Host, nodes.Finality, TimeSpan.FromSeconds(5), TimeProvider.System);
        await Eventually(() => sealing.Unsealed.Count == 1);
        Assert.Equal(("court", "node-without-trust", 6L), (sealing.Unsealed[0].Node, sealing.Unsealed[0].Reason, ((AlarmRecord)sealing.Unsealed[0].Statement).Index));
        Assert.Equal(0, chain.Host.SealedStatements.Alarms);

        var report = Fsck.Run(chain.Folder, new FsckOptions { Nodes = [nodes.Place(0), nodes.Place(1), new NodeFolder(Path.Combine(chain.Folder.Root, "none"))] });
        Assert.True(report.Clean);
        Assert.Equal([("alarm-unsealed", 6L), ("node-unreadable", -1L)], report.Findings.Select(static finding => (finding.Code, finding.Index)));
    }

    [Fact]
    public async Task A_node_passes_on_nobodys_words_but_its_own_and_is_heard_no_longer_than_an_honest_one_speaks()
    {
        using var chain = new TestChain();
        await using var nodes = new TestNodes(chain);
        using var stranger = KeyFile.Load(chain.Folder.LogKeyPath, TestChain.Password);
        var key = NoteKey.Create("stranger.example/node", NoteKeyType.Sm2Cosignature, stranger.PublicKey.Span);
        var alarm = new AlarmRecord { Chain = chain.Host.Genesis.Origin, Key = key, At = 0, Index = 1, Leaf = default, Failure = 2, Code = "not-json" };
        alarm = alarm with { Signature = alarm.Sign(stranger) };
        var asked = 0;
        nodes.Links[0].Statements = _ =>
        {
            asked++;
            return [.. Enumerable.Repeat(alarm, LedgerNode.StatementsAtOnce)];
        };
        nodes.Links[1].Statements = static _ => throw new InvalidDataException("nothing that a node says");
        nodes.Stop(2);
        await using var sealing = new StatementSealing(chain.Host, nodes.Finality, TimeSpan.FromSeconds(5), TimeProvider.System);
        await Eventually(() => asked >= 9);
        await Task.Delay(4_500);
        Assert.Equal(9, asked);
        Assert.Empty(sealing.Unsealed);
        Assert.Equal(["nothing that a node says", "the connection was refused"], sealing.Unheard.Values);
    }

    private static async Task Deposit(TestNetwork network, int number)
    {
        using var result = await network.Deposit("hainan", TestChain.Line(new Random(number)));
        Assert.Equal(DepositOutcome.Sealed, result.Outcome);
    }

    // What a court has: the package of the record, and the trust file.
    private static async Task Passes(TestNetwork network, long index, TrustFile trust)
    {
        Assert.True(await network.Reaches("hainan", index, RecordState.Anchored));
        var host = network.Chains["hainan"];
        var proof = network.Network.Prove(host, index)!;
        using var package = new MemoryStream();
        PackageWriter.Write(package, host.Reader.Entry(index), new Openings([], null), proof.Proof, [], proof.Anchor);
        package.Position = 0;
        var report = Verifier.Verify(package, [], trust);
        Assert.True(report.Indication == Indication.TotalPassed, report.ToText(ReportLanguage.English));
        Assert.Equal(RecordState.Anchored, report.State.Reached);
    }

    private static IEnumerable<(long Index, LeafFacts Facts)> Leaves(ChainHost chain)
    {
        var entries = chain.Reader.Entries(0, (int)chain.Reader.Size);
        for (var i = 0; i < entries.Count; i++)
        {
            if (Admission.AdmitForm(entries[i], out var facts).Ok)
            {
                yield return (i, facts);
            }
        }
    }

    private static async Task Eventually(Func<bool> holds)
    {
        for (var turn = 0; turn < 600 && !holds(); turn++)
        {
            await Task.Delay(50);
        }

        Assert.True(holds());
    }
}
