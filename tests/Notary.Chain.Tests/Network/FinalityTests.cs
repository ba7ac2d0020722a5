using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Evidence;
using Notary.Ledger;
using Notary.Chain.Tests.Nodes;

namespace Notary.Chain.Tests.Network;

/// <summary>Heads on their way to a quorum: with all nodes, with some of them gone, slow or lying.</summary>
public sealed class FinalityTests : IDisposable
{
    private readonly TestChain _chain = new();

    public void Dispose() => _chain.Dispose();

    [Fact]
    public async Task Heads_become_final_with_exactly_the_quorum_and_keep_their_bytes()
    {
        await using var nodes = new TestNodes(_chain);
        nodes.Finality.Start();
        for (var batch = 0; batch < 4; batch++)
        {
            using (await _chain.DepositMany(batch == 2 ? 9000 : 40, batch))
            {
            }

            var size = _chain.Host.Reader.Size;
            Assert.True(await nodes.Becomes(size));
            var final = nodes.Finality.Newest!;
            Assert.Equal(size, final.Size);
            Assert.Equal(final.Note.ToBytes(), nodes.Trusted.Policy.SelectFinal(final.Note, out var verdict, nodes.Trusted.LogKeys));
            Assert.Equal(2, verdict.Cosignatures.Count);
            Assert.Equal(_chain.Host.Reader.Head.Root, verdict.Checkpoint!.Root);
        }

        var before = nodes.Finality.Newest!.Note.ToBytes();
        await nodes.Restart();
        Assert.Equal(before, nodes.Finality.Newest!.Note.ToBytes());
        Assert.Null(nodes.Finality.WaitingSince);
        Assert.All([0, 1, 2], i => Assert.Empty(nodes.Node(i).Alarms()));

        // The same size is never final a second time, in whatever other set.
        using var store = FinalityStore.Open(Path.Combine(Path.GetDirectoryName(nodes.FinalityPath)!, "other.db"));
        var first = nodes.Finality.Newest;
        Assert.True(store.WriteFinal(first));
        Assert.False(store.WriteFinal(first with { Note = SignedNote.Create(first.Note.Text, [first.Note.Signatures[0]]) }));
        Assert.False(store.WriteFinal(first with { Size = first.Size - 1 }));
        Assert.Equal(before, store.Final()!.Note.ToBytes());
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("slow")]
    [InlineData("refusing")]
    public async Task With_one_node_away_finality_follows_and_with_two_it_waits_and_recovers(string how)
    {
        await using var nodes = new TestNodes(_chain);
        nodes.Finality.Start();
        Away(nodes.Links[0]);
        using (await _chain.DepositMany(30, 1))
        {
        }

        Assert.True(await nodes.Becomes(_chain.Host.Reader.Size));
        Away(nodes.Links[2]);
        using (await _chain.DepositMany(30, 2))
        {
        }

        var size = _chain.Host.Reader.Size;
        Assert.False(await nodes.Becomes(size, seconds: 2));
        var since = nodes.Finality.WaitingSince;
        Assert.NotNull(since);
        await Task.Delay(4 * TestNodes.Times.CandidateTimeout);
        Assert.Equal(since, nodes.Finality.WaitingSince);
        if (how != "slow")
        {
            Assert.Equal(["court", "forensic-centre"], nodes.Finality.Nodes.Where(n => n.FailingSince is not null).Select(n => n.Name));
        }

        // Sealing goes on meanwhile.
        using (var sealedMore = await _chain.DepositMany(30, 3))
        {
            Assert.Equal(30, sealedMore.Count);
        }

        nodes.Links[0].Hangs = false;
        nodes.Links[0].Instead = null;
        Assert.True(await nodes.Becomes(_chain.Host.Reader.Size));
        Assert.Null(nodes.Finality.WaitingSince);

        void Away(TestLink link)
        {
            link.Hangs = how == "slow";
            link.Instead = how switch
            {
                "cut" => _ => throw new IOException("the connection was refused"),
                "refusing" => _ => new NodeAnswer(NodeStatus.Unavailable),
                _ => null,
            };
        }
    }

    [Fact]
    public async Task A_node_that_stopped_catches_up_with_what_it_missed()
    {
        await using var nodes = new TestNodes(_chain);
        nodes.Finality.Start();
        nodes.Stop(1);
        for (var batch = 0; batch < 3; batch++)
        {
            using (await _chain.DepositMany(3000, batch))
            {
            }

            Assert.True(await nodes.Becomes(_chain.Host.Reader.Size));
        }

        // Nothing is sealed any more: it is asked again all the same.
        nodes.Start(1);
        var size = _chain.Host.Reader.Size;
        for (var wait = 0; wait < 200 && (nodes.Finality.Nodes[1].Cosigned < size || nodes.Finality.Nodes[1].FailingSince is not null); wait++)
        {
            await Task.Delay(50);
        }

        Assert.Equal(size, nodes.Node(1).Standing.Cosigned);
        Assert.Equal(size, nodes.Finality.Nodes[1].Cosigned);
        Assert.Null(nodes.Finality.Nodes[1].FailingSince);
    }

    [Theory]
    [InlineData("garbage", FeedOutcome.Refused)]
    [InlineData("another's line", FeedOutcome.Refused)]
    [InlineData("a line over another tree", FeedOutcome.Refused)]
    [InlineData("sizes without end", FeedOutcome.Refused)]
    [InlineData("a larger tree", FeedOutcome.Ahead)]
    [InlineData("entries from nowhere", FeedOutcome.Ahead)]
    [InlineData("no progress", FeedOutcome.Refused)]
    [InlineData("inconsistent", FeedOutcome.Inconsistent)]
    public async Task A_lying_node_makes_nothing_final_and_stops_nobody(string lie, FeedOutcome outcome)
    {
        await using var nodes = new TestNodes(_chain);
        using var log = ForgedLog.Of(_chain);
        var stranger = string.Empty;
        var turn = 0;
        nodes.Links[0].Changed = answer => lie switch
        {
            "garbage" when answer.Body.Length > 0 => answer with { Body = "\0" + answer.Body },
            "another's line" when answer.Body.StartsWith('—') => answer with { Body = stranger.Length > 0 ? stranger : answer.Body.Replace("court", "other", StringComparison.Ordinal) },
            "a line over another tree" when answer.Body.StartsWith('—') => answer with { Body = log.Note(3).Signatures[0].Format() },
            _ => answer,
        };
        nodes.Links[0].Instead = request => (lie, request) switch
        {
            ("sizes without end", "checkpoint") => new NodeAnswer(NodeStatus.Conflict, $"{turn++ % 3}\n"),
            ("a larger tree", "checkpoint") => new NodeAnswer(NodeStatus.Conflict, "999999\n"),
            ("entries from nowhere", "entries") => new NodeAnswer(NodeStatus.Conflict, "999999\n999999\n\n"),
            ("no progress", "entries") => new NodeAnswer(NodeStatus.Accepted, $"{_chain.Host.Reader.Size}\n0\n\n"),
            ("inconsistent", "checkpoint") => new NodeAnswer(NodeStatus.Unprocessable),
            _ => null,
        };
        nodes.Links[1].Hangs = true;
        nodes.Finality.Start();
        using (await _chain.DepositMany(20, 1))
        {
        }

        var size = _chain.Host.Reader.Size;
        Assert.False(await nodes.Becomes(size, seconds: 2));
        Assert.Equal(outcome, nodes.Finality.Nodes[0].Outcome);
        Assert.NotEmpty(nodes.Finality.Nodes[0].Detail);
        nodes.Links[1].Hangs = false;
        Assert.True(await nodes.Becomes(size));
        Assert.Null(nodes.Finality.Failure);
    }

    [Fact]
    public async Task A_way_to_a_node_that_fails_late_costs_one_attempt_and_no_more()
    {
        await using var nodes = new TestNodes(_chain, TestNodes.Times with { NodeTimeout = TimeSpan.FromSeconds(2) });
        nodes.Links[0].FailsLate = true;
        Assert.Equal((true, null, 1), Summary(await nodes.Finality.CheckFreshnessAsync(CancellationToken.None)));
        nodes.Finality.Start();
        using (await _chain.DepositMany(3, 1))
        {
        }

        Assert.True(await nodes.Becomes(_chain.Host.Reader.Size));
        await Task.Delay(2_500);
        nodes.Links[0].FailsLate = false;
        using (await _chain.DepositMany(3, 2))
        {
        }

        var size = _chain.Host.Reader.Size;
        for (var wait = 0; wait < 200 && nodes.Finality.Nodes[0].Cosigned < size; wait++)
        {
            await Task.Delay(50);
        }

        Assert.Equal(size, nodes.Finality.Nodes[0].Cosigned);
        Assert.Null(nodes.Finality.Failure);
    }

    [Fact]
    public async Task A_chain_is_fresh_when_the_silent_nodes_alone_could_make_nothing_final()
    {
        await using var nodes = new TestNodes(_chain);
        Assert.Equal((true, (string?)null, 0), Summary(await nodes.Finality.CheckFreshnessAsync(CancellationToken.None)));
        nodes.Links[0].Instead = _ => throw new IOException("down");
        Assert.Equal((true, null, 1), Summary(await nodes.Finality.CheckFreshnessAsync(CancellationToken.None)));
        nodes.Links[1].Instead = _ => throw new IOException("down");
        // A number that one node says stops nobody: it is no proof.
        nodes.Links[0].Instead = _ => new NodeAnswer(NodeStatus.Conflict, "999999999\n");
        nodes.Links[1].Instead = null;
        var claimed = await nodes.Finality.CheckFreshnessAsync(CancellationToken.None);
        Assert.Equal((true, null, 1), Summary(claimed));
        Assert.Contains("999999999", claimed.Missing[0], StringComparison.Ordinal);
        nodes.Links[0].Instead = _ => throw new IOException("down");
        nodes.Links[1].Instead = _ => throw new IOException("down");
        var waits = await nodes.Finality.CheckFreshnessAsync(CancellationToken.None);
        Assert.Equal((false, null, 2), Summary(waits));
        Assert.Equal(["court", "notary-office"], waits.Missing);

        // "Unknown log" is an answer, where the node itself says it: the 404 of whoever stands before it is none.
        nodes.Links[1].Instead = _ => new NodeAnswer(NodeStatus.NotFound, "<html>", "text/html");
        Assert.Equal((false, null, 2), Summary(await nodes.Finality.CheckFreshnessAsync(CancellationToken.None)));
        nodes.Links[1].Instead = _ => new NodeAnswer(NodeStatus.NotFound);
        Assert.Equal((false, null, 2), Summary(await nodes.Finality.CheckFreshnessAsync(CancellationToken.None)));
        nodes.Links[1].Instead = _ => NodeAnswer.UnknownLog;
        Assert.Equal((true, null, 1), Summary(await nodes.Finality.CheckFreshnessAsync(CancellationToken.None)));
        Assert.Equal(FeedOutcome.UnknownLog, nodes.Finality.Nodes[1].Outcome);
    }

    [Fact]
    public async Task A_database_that_was_put_back_is_told_by_its_nodes()
    {
        await using var nodes = new TestNodes(_chain);
        using (var log = ForgedLog.Of(_chain))
        {
            // One node holds leaves that this database does not have any more, another one a different history of the same size.
            log.Append("lost");
            Cosign(nodes.Node(1), log, 0);
        }

        var stale = await nodes.Finality.CheckFreshnessAsync(CancellationToken.None);
        Assert.False(stale.Fresh);
        Assert.Contains("notary-office", stale.Stale, StringComparison.Ordinal);

        nodes.Links[1].Instead = _ => throw new IOException("down");
        using (var log = ForgedLog.Of(_chain))
        {
            log.Append("another history");
            Cosign(nodes.Node(2), log, log.Size - 1);
        }

        using (await _chain.DepositMany(3, 1))
        {
        }

        var forked = await nodes.Finality.CheckFreshnessAsync(CancellationToken.None);
        Assert.False(forked.Fresh);
        Assert.Contains("forensic-centre", forked.Stale, StringComparison.Ordinal);
    }

    private static void Cosign(LedgerNode node, ForgedLog log, int held)
    {
        Assert.Equal(NodeStatus.Success, node.TakeCheckpoint(log.Offer(held, log.Size)).Status);
        var range = new UploadRange(log.Genesis.Origin, 0, log.Size, default);
        Assert.Null(node.TakePackage(range, 0, log.Package(range, 0)));
        Assert.Equal(NodeStatus.Success, node.EndUpload(range, 1).Status);
    }

    private static (bool, string?, int) Summary(FreshnessCheck check) => (check.Fresh, check.Stale, check.Missing.Count);
}
