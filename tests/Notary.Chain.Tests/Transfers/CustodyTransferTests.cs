using Notary.Chain.Folders;
using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Chain.Tests.Network;
using Notary.Chain.Transfers;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain.Tests.Transfers;

/// <summary>Transfers in the real network: released on hainan, decided in beijing and dubai, judged by their nodes, and verified with the trust file alone.</summary>
public sealed class CustodyTransferTests
{
    [Fact]
    public async Task A_record_released_on_one_region_is_received_in_another_and_verifies_with_the_trust_file_alone()
    {
        await using var network = new TestNetwork("hainan", "beijing", "dubai");
        network.Open();
        var desk = new CustodyTransfers(network.Chains, network.Network);
        var number = await Evidence(network, "hainan", 1);
        var released = await Sealed(desk.ReleaseAsync(network.Chains["hainan"], Actor(), number, "notary.test/beijing"));
        var transfer = Assert.Single(desk.From(network.Chains["hainan"]).Transfers).Transfer;
        Assert.Equal(transfer, Assert.Single(desk.To(network.Chains["beijing"]).Transfers).Transfer);
        Assert.Empty(desk.To(network.Chains["dubai"]).Transfers);

        // It waits for the anchor by itself; nobody else can receive it.
        var received = await Sealed(desk.ReceiveAsync(network.Chains["beijing"], Actor(), transfer.Id, null, null, Patience()));
        Assert.Equal(CustodyEnding.NotFound, (await desk.ReceiveAsync(network.Chains["dubai"], Actor(), transfer.Id, null, null, Patience())).Ending);
        Assert.Equal(CustodyAct.Received, Assert.Single(desk.Find(transfer.Id)).State);
        Assert.Empty(desk.To(network.Chains["beijing"]).Transfers);

        // Custody moves on: beijing names hainan's record by its number.
        Assert.Equal(new CustodyResult(CustodyEnding.Refused, Code: "custody-not-here"), await desk.ReleaseAsync(network.Chains["hainan"], Actor(), number, "notary.test/dubai"));
        var onward = await Sealed(desk.ReleaseAsync(network.Chains["beijing"], Actor(), number, "notary.test/dubai"));
        var second = Assert.Single(desk.From(network.Chains["beijing"]).Transfers).Transfer;
        Assert.Equal((received, transfer.Evidence), (second.Via, second.Evidence));
        var last = await Sealed(desk.ReceiveAsync(network.Chains["dubai"], Actor(), second.Id, "notary.test/beijing", null, Patience()));

        foreach (var (chain, index) in ((string, long)[])[("hainan", released), ("beijing", received), ("beijing", onward), ("dubai", last)])
        {
            await Passes(network, chain, index);
        }

        Assert.All(network.Network.Nodes.Values, node => Assert.Empty(node.Alarms()));

        // After a restart the state is that of the leaves.
        await network.Close();
        network.Open();
        desk = new CustodyTransfers(network.Chains, network.Network);
        Assert.Equal(CustodyAct.Received, Assert.Single(desk.Find(transfer.Id)).State);
        Assert.Equal(second, Assert.Single(desk.From(network.Chains["beijing"]).Transfers).Transfer);
    }

    [Fact]
    public async Task A_record_that_was_released_under_one_log_key_is_received_under_the_next_and_both_verify()
    {
        await using var network = new TestNetwork("hainan", "beijing");
        network.Open();
        var desk = new CustodyTransfers(network.Chains, network.Network);
        var released = await Sealed(desk.ReleaseAsync(network.Chains["hainan"], Actor(), await Evidence(network, "hainan", 7), "notary.test/beijing"));
        var transfer = Assert.Single(desk.From(network.Chains["hainan"]).Transfers).Transfer;
        Assert.True(await network.Reaches("hainan", released, RecordState.Anchored));

        // Both ends and main go over to new log keys while the transfer is under way.
        var from = network.Chains["main"].Reader.Size + 1;
        var draft = new TrustDraft(network.Network.Trust, from);
        foreach (var chain in new[] { "main", "hainan", "beijing" })
        {
            Assert.Null(draft.RotateLog(chain, network.Folder(chain).CreateLogKey(TestChain.Password)));
        }

        Assert.Null(draft.TryFinish(out var proposal));
        var trust = network.Sign(proposal!);
        Assert.Equal(TrustRefusal.None, (await network.Apply(trust)).Refusal);
        for (var seed = 50; network.Chains["main"].Reader.Size <= from + 1; seed++)
        {
            Assert.True(seed < 80, "the main chain does not grow");
            await Evidence(network, "hainan", seed);
            Assert.True(await network.Reaches("hainan", network.Chains["hainan"].Reader.Size - 1, RecordState.Anchored));
        }

        var received = await Sealed(desk.ReceiveAsync(network.Chains["beijing"], Actor(), transfer.Id, null, null, Patience()));
        Assert.Equal(CustodyAct.Received, Assert.Single(desk.Find(transfer.Id)).State);
        await Passes(network, "hainan", released, trust);
        await Passes(network, "beijing", received, trust);

        // Back again: what is proved is signed by the new keys alone.
        var back = await Sealed(desk.ReleaseAsync(network.Chains["beijing"], Actor(), RecordNumber.Format("HN", transfer.Evidence.Index), "notary.test/hainan"));
        var last = await Sealed(desk.ReceiveAsync(network.Chains["hainan"], Actor(), Assert.Single(desk.From(network.Chains["beijing"]).Transfers).Transfer.Id, null, null, Patience()));
        await Passes(network, "beijing", back, trust);
        await Passes(network, "hainan", last, trust);
        Assert.All(network.Network.Nodes.Values, node => Assert.Empty(node.Alarms()));
    }

    [Fact]
    public async Task A_declined_release_is_withdrawn_and_the_record_released_again()
    {
        await using var network = new TestNetwork("hainan", "beijing", "dubai");
        network.Open();
        var desk = new CustodyTransfers(network.Chains, network.Network);
        var (hainan, beijing) = (network.Chains["hainan"], network.Chains["beijing"]);
        var number = await Evidence(network, "hainan", 2);
        await Sealed(desk.ReleaseAsync(hainan, Actor(), number, "notary.test/beijing"));
        var transfer = Assert.Single(desk.From(hainan).Transfers).Transfer;
        Assert.Equal(CustodyEnding.NotDeclined, (await desk.WithdrawAsync(hainan, Actor(), transfer.Id, null, Patience())).Ending);
        var declined = await Sealed(desk.DeclineAsync(beijing, Actor(), transfer.Id, null, null));
        Assert.Equal("custody-decided", (await desk.ReceiveAsync(beijing, Actor(), transfer.Id, null, null, Patience())).Code);
        var withdrawn = await Sealed(desk.WithdrawAsync(hainan, Actor(), transfer.Id, null, Patience()));
        Assert.Equal("custody-transfer-unknown", (await desk.WithdrawAsync(hainan, Actor(), transfer.Id, null, Patience())).Code);
        Assert.Equal(CustodyAct.Withdrawn, Assert.Single(desk.Find(transfer.Id)).State);
        await Sealed(desk.ReleaseAsync(hainan, Actor(), number, "notary.test/dubai"));
        await Sealed(desk.ReceiveAsync(network.Chains["dubai"], Actor(), Assert.Single(desk.From(hainan).Transfers).Transfer.Id, null, null, Patience()));
        await Passes(network, "beijing", declined);
        await Passes(network, "hainan", withdrawn);
        Assert.All(network.Network.Nodes.Values, node => Assert.Empty(node.Alarms()));
    }

    [Fact]
    public async Task Of_decisions_made_at_once_one_is_sealed_and_stands()
    {
        await using var network = new TestNetwork("hainan", "beijing");
        network.Open();
        var desk = new CustodyTransfers(network.Chains, network.Network);
        var (hainan, beijing) = (network.Chains["hainan"], network.Chains["beijing"]);
        await Sealed(desk.ReleaseAsync(hainan, Actor(), await Evidence(network, "hainan", 3), "notary.test/beijing"));
        var release = Assert.Single(desk.From(hainan).Transfers).Transfer;
        Assert.True(await network.Reaches("hainan", release.Index, RecordState.Anchored));
        var before = beijing.Reader.Size;
        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => i % 2 == 0
            ? desk.ReceiveAsync(beijing, Actor(), release.Id, null, null, Patience())
            : desk.DeclineAsync(beijing, Actor(), release.Id, null, null))));
        Assert.Single(all, static result => result.Ending == CustodyEnding.Sealed);
        Assert.All(all.Where(static result => result.Ending != CustodyEnding.Sealed), static result => Assert.Equal((CustodyEnding.Refused, "custody-decided"), (result.Ending, result.Code)));
        Assert.Equal(before + 1, beijing.Reader.Size);
        var decision = Assert.Single(desk.Find(release.Id)).Decision!;
        Assert.Equal((before, all[1].Ending != CustodyEnding.Sealed && all[3].Ending != CustodyEnding.Sealed && all[5].Ending != CustodyEnding.Sealed && all[7].Ending != CustodyEnding.Sealed), (decision.Index, decision.Received));
    }

    [Fact]
    public async Task The_same_request_is_answered_with_the_same_leaf_and_another_body_is_a_conflict()
    {
        await using var network = new TestNetwork("hainan", "beijing");
        network.Open();
        var desk = new CustodyTransfers(network.Chains, network.Network);
        var hainan = network.Chains["hainan"];
        var number = await Evidence(network, "hainan", 4);
        var first = await desk.ReleaseAsync(hainan, Actor("key", 1), number, "notary.test/beijing");
        var size = hainan.Reader.Size;
        Assert.Equal(new CustodyResult(CustodyEnding.Replayed, first.Index), await desk.ReleaseAsync(hainan, Actor("key", 1), number, "notary.test/beijing"));
        Assert.Equal(CustodyEnding.IdempotencyConflict, (await desk.ReleaseAsync(hainan, Actor("key", 2), number, "notary.test/beijing")).Ending);
        Assert.Equal(size, hainan.Reader.Size);

        // At once: one leaf, and the others are its replays.
        var other = await Evidence(network, "hainan", 5);
        var all = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => desk.ReleaseAsync(hainan, Actor("other", 3), other, "notary.test/beijing"))));
        Assert.Single(all.Select(static result => result.Index).Distinct());
        Assert.Single(all, static result => result.Ending == CustodyEnding.Sealed);
        Assert.Equal(2, desk.From(hainan).Transfers.Count);
    }

    [Fact]
    public async Task Only_what_the_policy_and_the_ledger_allow_is_released()
    {
        await using var network = new TestNetwork("hainan", "beijing");
        network.Open();
        var desk = new CustodyTransfers(network.Chains, network.Network);
        var (hainan, beijing) = (network.Chains["hainan"], network.Chains["beijing"]);
        var number = await Evidence(network, "hainan", 6);
        Assert.Equal(CustodyEnding.NotTheCustodian, (await desk.ReleaseAsync(hainan, Actor() with { Account = "somebody-else" }, number, "notary.test/beijing")).Ending);
        Assert.Equal("custody-peer", (await desk.ReleaseAsync(hainan, Actor(), number, "notary.test/main")).Code);
        Assert.Equal("custody-peer", (await desk.ReleaseAsync(hainan, Actor(), number, "notary.test/atlantis")).Code);
        Assert.Equal("bad-value", (await desk.ReleaseAsync(hainan, Actor(), number, "notary.test/hainan")).Code);
        Assert.Equal(CustodyEnding.NotFound, (await desk.ReleaseAsync(beijing, Actor(), number, "notary.test/hainan")).Ending);
        Assert.Equal(CustodyEnding.NotFound, (await desk.ReleaseAsync(hainan, Actor(), RecordNumber.Format("HN", 5), "notary.test/beijing")).Ending);
        Assert.Equal(CustodyEnding.NotFound, (await desk.ReleaseAsync(hainan, Actor(), "nothing", "notary.test/beijing")).Ending);
        var given = await Given(desk, network, number);
        Assert.Equal(CustodyEnding.NoKey, (await desk.DeclineAsync(beijing, Actor() with { Account = "somebody-else" }, given.Facts.CustodyRecord!.Transfer, null, given)).Ending);
        Assert.Equal("custody-decided", (await desk.DeclineAsync(beijing, Actor(), given.Facts.CustodyRecord.Transfer, null, given)).Code);
        Assert.Equal(CustodyEnding.NotFound, (await desk.WithdrawAsync(beijing, Actor(), Guid.CreateVersion7(), null, Patience())).Ending);
    }

    // A proved release, as another platform would send it.
    private static async Task<AnchoredLeaf> Given(CustodyTransfers desk, TestNetwork network, string number)
    {
        var hainan = network.Chains["hainan"];
        var index = await Sealed(desk.ReleaseAsync(hainan, Actor(), number, "notary.test/beijing"));
        Assert.True(await network.Reaches("hainan", index, RecordState.Anchored));
        var proof = network.Network.Prove(hainan, index)!;
        var given = AnchoredLeaf.TryCreate(hainan.Reader.Entry(index), proof.Proof, proof.Anchor!)!;
        var id = given.Facts.CustodyRecord!.Transfer;
        Assert.Equal("proof-of-other", (await desk.ReceiveAsync(network.Chains["beijing"], Actor(), Guid.CreateVersion7(), null, given, Patience())).Code);
        Assert.Equal("proof-of-other", (await desk.DeclineAsync(network.Chains["beijing"], Actor(), Guid.CreateVersion7(), null, given)).Code);
        await Sealed(desk.ReceiveAsync(network.Chains["beijing"], Actor(), id, null, given, Patience()));
        return given;
    }

    private static async Task<string> Evidence(TestNetwork network, string chain, int seed)
    {
        using var result = await network.Deposit(chain, TestChain.Line(new Random(seed)));
        Assert.Equal((DepositOutcome.Sealed, 1), (result.Outcome, result.Count));
        foreach (var other in network.Chains.Values)
        {
            for (var turn = 0; turn < 200 && other.FreshnessPending is not null; turn++)
            {
                await Task.Delay(50);
            }
        }

        return RecordNumber.Format(network.Chains[chain].Genesis.Code, result.First);
    }

    private static async Task<long> Sealed(Task<CustodyResult> act)
    {
        var result = await act;
        Assert.True(result.Ending == CustodyEnding.Sealed, $"{result.Ending} {result.Code}");
        return result.Index;
    }

    // What a court has: the package of the custody record, and the trust file.
    private static async Task Passes(TestNetwork network, string chain, long index, TrustFile? trust = null)
    {
        Assert.True(await network.Reaches(chain, index, RecordState.Anchored));
        var host = network.Chains[chain];
        var proof = network.Network.Prove(host, index)!;
        using var package = new MemoryStream();
        PackageWriter.Write(package, host.Reader.Entry(index), new Openings([], null), proof.Proof, [], proof.Anchor);
        package.Position = 0;
        var report = Verifier.Verify(package, [], trust ?? network.Trust);
        Assert.True(report.Indication == Indication.TotalPassed, report.ToText(ReportLanguage.English));
        Assert.Equal((RecordState.Anchored, "custody"), (report.State.Reached, report.Record!.Kind));
        Assert.NotNull(report.Custody);
        Assert.InRange(host.Reader.Entry(index)!.Length, 300, 5_000);
    }

    private static CustodyActor Actor(string? key = null, int body = 0) =>
        new(ChainCreation.DevelopmentAccount, AuthMethod.ClientSecret, key, Suite.Intl.Hash([(byte)body]), DateTimeOffset.UtcNow);

    private static CancellationToken Patience() => new CancellationTokenSource(TimeSpan.FromSeconds(30)).Token;
}
