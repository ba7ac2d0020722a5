using Notary.Chain.Folders;
using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Network;

/// <summary>New versions of the trust file in a running network: keys replaced and revoked, nodes that join and leave; and what that does to old and new evidence.</summary>
public sealed class GovernanceTests
{
    [Fact]
    public async Task Log_keys_of_region_and_main_are_replaced_while_records_are_sealed_and_old_evidence_stays_good()
    {
        await using var network = new TestNetwork("hainan");
        network.Open();
        var before = await Anchored(network, "hainan", 1);
        var old = network.Network.Trust;

        var keys = new Dictionary<string, NoteKey>(StringComparer.Ordinal);
        var from = network.Chains["main"].Reader.Size + 3;
        var file = Signed(network, from, draft =>
        {
            foreach (var chain in new[] { "main", "hainan" })
            {
                keys[chain] = new ChainFolder(Path.Combine(network.DataPath, "chains", chain)).CreateLogKey(TestChain.Password);
                Assert.Null(draft.RotateLog(chain, keys[chain]));
            }
        });
        var applied = await network.Apply(file);
        Assert.Equal((TrustRefusal.None, 0), (applied.Refusal, applied.Waiting.Count));
        Assert.Equal(file.ToBytes(), File.ReadAllBytes(Path.Combine(network.DataPath, "trust.note")));
        Assert.All(network.Chains.Values, chain => Assert.Equal(2, chain.TrustVersions[^1].File.Content.Version));
        Assert.Equal(file.Fingerprint, network.Network.Trust.Fingerprint);

        // Until the main chain is past the index both sign, and what was anchored by the old key is anchored under the old entry.
        Assert.Equal(2, LinesBy(network, "hainan"));
        var during = await Anchored(network, "hainan", 2);
        for (var seed = 3; network.Chains["main"].Reader.Size <= from + 1; seed++)
        {
            Assert.True(seed < 30, "the main chain does not grow");
            during.Add((await Anchored(network, "hainan", seed))[0]);
        }

        var after = await Anchored(network, "hainan", 99);
        await Eventually(() => LinesBy(network, "hainan") == 1 && LinesBy(network, "main") == 1, () => network.Deposit("hainan", TestChain.Line(new Random())));
        Assert.True(keys["hainan"].Matches(network.Chains["hainan"].Reader.Head.Parsed.Signatures[0]));
        foreach (var receipt in before.Concat(during).Concat(after))
        {
            Passes(receipt, file);
        }

        Passes(before[0], old);
        Assert.Equal(SubIndication.NoSigningCertificateFound, Verifier.VerifyReceipt(after[0], null, [], old).SubIndication);
        Assert.All(network.Network.Nodes.Values, node => Assert.Empty(node.Alarms()));

        // The old keys are destroyed; nobody needs them.
        await network.Close();
        foreach (var chain in new[] { "main", "hainan" })
        {
            File.Delete(Path.Combine(network.DataPath, "chains", chain, "keys", "log.pem"));
            var report = Fsck.Run(new ChainFolder(Path.Combine(network.DataPath, "chains", chain)), new FsckOptions());
            Assert.True(report.Clean, string.Join('\n', report.Findings));
        }

        network.Open();
        Passes((await Anchored(network, "hainan", 100))[0], file);
    }

    [Fact]
    public async Task A_revoked_key_counts_no_more_from_its_index_and_the_records_are_anchored_again()
    {
        await using var network = new TestNetwork("hainan");
        network.Open();
        var good = await Anchored(network, "hainan", 1);
        var revokedAt = network.Chains["main"].Reader.Size;
        var stolen = await Anchored(network, "hainan", 2);
        var key = new ChainFolder(Path.Combine(network.DataPath, "chains", "hainan")).CreateLogKey(TestChain.Password);
        var file = Signed(network, revokedAt, draft => Assert.Null(draft.RotateLog("hainan", key)));
        Assert.Contains(TrustChanges.Describe(network.Network.Trust, file.Content), line => line.Contains("counts only if anchored before", StringComparison.Ordinal));

        var refused = await network.Apply(file);
        Assert.Equal(TrustRefusal.ReachesBack, refused.Refusal);
        Assert.Equal(1, network.Network.Trust.Content.Version);
        Assert.Equal(TrustRefusal.None, (await network.Apply(file, reachBack: true)).Refusal);
        Passes(good[0], file);
        var report = Verifier.VerifyReceipt(stolen[0], null, [], file);
        Assert.Equal((Indication.Indeterminate, SubIndication.NoSigningCertificateFound), (report.Indication, report.SubIndication));

        // The same record, in the anchor that the new key's first checkpoint got.
        var index = TlogProof.TryParse(System.Text.Encoding.UTF8.GetBytes(stolen[0].Proof), out var proof).Ok ? proof!.Index : -1;
        Assert.True(await network.Reaches("hainan", index, RecordState.Anchored));
        Passes(network.Receipt("hainan", index), file);
        await network.Close();
        network.Open();
        Passes(network.Receipt("hainan", index), file);
        Passes((await Anchored(network, "hainan", 3))[0], file);
    }

    [Fact]
    public async Task Nodes_join_with_an_empty_store_leave_and_come_back_with_a_new_key()
    {
        await using var network = new TestNetwork("hainan");
        network.Open();
        var before = await Anchored(network, "hainan", 1);
        var nodes = Path.Combine(network.DataPath, "nodes", "hainan");
        var joins = new NodeFolder(Path.Combine(nodes, "archive")).Create("archive.example/hainan", Suite.Sm, TestChain.Password);

        // 2 of 4 could contradict itself.
        var from = network.Chains["main"].Reader.Size + 2;
        var draft = new TrustDraft(network.Network.Trust, from);
        Assert.Null(draft.AddNode("hainan", "archive", joins, null));
        Assert.Equal(TrustFailure.Policy, draft.TryFinish(out _)!.Failure);
        var second = Signed(network, from, next =>
        {
            Assert.Null(next.AddNode("hainan", "archive", joins, null));
            Assert.Null(next.Quorum("hainan", 3));
        });
        Assert.Equal(TrustRefusal.None, (await network.Apply(second)).Refusal);

        // It is fed the whole log at once, and counts from the index.
        await Eventually(() => network.Network.NodeOf(joins)?.Standing.Cosigned >= network.Chains["hainan"].Reader.Size, () => Task.CompletedTask);
        Assert.Empty(network.Network.NodeOf(joins)!.Alarms());
        var joined = await PastIndex(network, from);
        Passes(joined, second);
        Assert.Equal(3, Cosigners(joined));

        // The court loses its disk. With 3 of 4 finality goes on; a new folder and key take its place.
        await network.Close();
        Directory.Delete(Path.Combine(nodes, "court"), recursive: true);
        network.Open();
        Passes((await Anchored(network, "hainan", 50))[0], second);
        Assert.Contains(network.Network.FinalityOf("hainan")!.Nodes, node => node is { Name: "court", FailingSince: not null });
        var again = new NodeFolder(Path.Combine(nodes, "court-2")).Create("court.example/hainan-2", Suite.Sm, TestChain.Password);
        from = network.Chains["main"].Reader.Size + 2;
        var third = Signed(network, from, next =>
        {
            Assert.Null(next.ReplaceNode("hainan", "court", again, null));
            Assert.Null(next.RemoveNode("hainan", "archive"));
            Assert.Null(next.Quorum("hainan", 2));
        });
        Assert.Equal(TrustRefusal.None, (await network.Apply(third)).Refusal);
        var last = await PastIndex(network, from);
        await Eventually(() => network.Network.NodeOf(again)?.Standing.Cosigned >= network.Chains["hainan"].Reader.Size, () => Task.CompletedTask);
        foreach (var receipt in before.Append(joined).Append(last))
        {
            Passes(receipt, third);
        }

        Assert.Equal(2, Cosigners(last));
        await Eventually(() => network.Network.FinalityOf("hainan")!.Nodes.Select(node => node.Name).SequenceEqual(["court", "notary-office", "forensic-centre"]), () => Task.CompletedTask);
        Assert.Equal(again, network.Network.FinalityOf("hainan")!.Nodes[0].Key);
    }

    [Fact]
    public async Task A_process_that_ended_behind_the_main_leaf_completes_the_version_at_its_next_start()
    {
        await using var network = new TestNetwork("hainan", "dubai");
        network.Open();
        await Anchored(network, "hainan", 1);
        var key = new ChainFolder(Path.Combine(network.DataPath, "chains", "hainan")).CreateLogKey(TestChain.Password);
        var file = Signed(network, network.Chains["main"].Reader.Size + 2, draft => Assert.Null(draft.RotateLog("hainan", key)));
        var other = Signed(network, network.Chains["main"].Reader.Size + 3, draft => Assert.Null(draft.RotateLog("hainan", key)));
        await network.Close();

        using (var main = ChainHost.Open(new ChainFolder(Path.Combine(network.DataPath, "chains", "main")), TestChain.Password, TimeProvider.System))
        {
            var now = DateTimeOffset.UtcNow;
            Assert.True((await main.AppendAsync(SystemLeaves.Trust(main.Genesis, file, Guid.CreateVersion7(now), now))).Index > 0);
        }

        network.Open();
        Assert.Equal(file.Fingerprint, network.Network.Trust.Fingerprint);
        Assert.Equal(file.ToBytes(), File.ReadAllBytes(Path.Combine(network.DataPath, "trust.note")));
        await Eventually(() => network.Chains.Values.All(chain => chain.TrustVersions[^1].File.Content.Version == 2), () => Task.CompletedTask);
        Assert.Null(network.Network.TrustTrouble);

        // The same file again changes nothing; another second version does not follow.
        var size = network.Chains["main"].Reader.Size;
        var again = await network.Apply(file);
        Assert.Equal((TrustRefusal.None, network.Chains["main"].TrustVersions[^1].Index), (again.Refusal, again.MainIndex));
        Assert.Equal(2, network.Chains["hainan"].TrustVersions.Count);
        Assert.Equal(TrustRefusal.NotNextVersion, (await network.Apply(other)).Refusal);
        Passes(await PastIndex(network, file.Find(network.Chains["hainan"].Genesis.Origin)!.FromMainIndex), file);
        Assert.Equal(file.Fingerprint, network.Network.TrustVersion(2)!.Fingerprint);
        Assert.Equal(1, network.Network.TrustVersion(1)!.Content.Version);
        Assert.Null(network.Network.TrustVersion(3));

        // A trust file that nobody sealed, or another one of this version, is refused at the start.
        await network.Close();
        foreach (var wrong in new[] { other, Signed(network, size + 50, draft => Assert.Null(draft.End("dubai")), file) })
        {
            File.WriteAllBytes(Path.Combine(network.DataPath, "trust.note"), wrong.ToBytes());
            Assert.Equal(ChainRefusal.Trust, Assert.Throws<ChainRefusedException>(network.Open).Refusal);
            await network.Close();
        }

        // An old copy is brought forward.
        File.WriteAllBytes(Path.Combine(network.DataPath, "trust.note"), network.Trust.ToBytes());
        network.Open();
        Assert.Equal(file.ToBytes(), File.ReadAllBytes(Path.Combine(network.DataPath, "trust.note")));
    }

    [Fact]
    public async Task What_cannot_hold_is_refused_before_anything_is_sealed()
    {
        await using var network = new TestNetwork("hainan");
        network.Open();
        var size = network.Chains["main"].Reader.Size;
        var elsewhere = NoteKey.Create(network.Chains["hainan"].Genesis.Origin, NoteKeyType.Sm2Note, network.Trust.Content.GovernanceKeys[0].PublicKey);
        var missing = await network.Apply(Signed(network, size + 5, draft => Assert.Null(draft.RotateLog("hainan", elsewhere))));
        Assert.Equal(TrustRefusal.LogKeyMissing, missing.Refusal);

        var content = Draft(network.Trust, size + 5, _ => { }).Content;
        var without = content with { Chains = [.. content.Chains.Where(chain => !chain.Origin.EndsWith("/hainan", StringComparison.Ordinal))] };
        Assert.Null(TrustProposal.TryCreate(without, out var proposal));
        Assert.Equal(TrustRefusal.ChainMissing, (await network.Apply(Signed(network, proposal!))).Refusal);

        using var stranger = KeyFile.Create(Path.Combine(network.DataPath, "stranger.pem"), KeyAlgorithm.Sm2, "of no value");
        var name = NoteKey.Create("notary.test/stranger", NoteKeyType.Sm2Note, stranger.PublicKey.Span);
        var unsigned = Draft(network.Trust, size + 5, draft => Assert.Null(draft.AddGovernance(name)));
        Assert.Equal(TrustRefusal.NotAuthorised, (await network.Apply(Signed(network, unsigned))).Refusal);
        Assert.Equal(1, network.Network.Trust.Content.Version);
        Assert.Single(network.Chains["main"].TrustVersions);

        // With the new key's signature too it is taken; then both sign.
        Assert.Null(unsigned.SignedBy(stranger, name).SignedBy(network.Governance(), network.Trust.Content.GovernanceKeys[0]).TryFinish(network.Trust, out var both));
        Assert.Equal(TrustRefusal.None, (await network.Apply(both!)).Refusal);
    }

    [Fact]
    public async Task A_chain_that_the_trust_file_does_not_know_is_stopped_and_says_so()
    {
        await using var network = new TestNetwork("hainan", "dubai");
        network.Open();
        await network.Close();
        var trust = network.Trust.Content;
        var without = TrustFile.Create(trust with { Chains = [.. trust.Chains.Where(chain => !chain.Origin.EndsWith("/dubai", StringComparison.Ordinal))] }, network.Governance());
        Directory.Delete(Path.Combine(network.DataPath, "chains", "main"), recursive: true);
        File.WriteAllBytes(Path.Combine(network.DataPath, "trust.note"), without.ToBytes());
        network.Open(without);
        using var refused = await network.Deposit("dubai", TestChain.Line(new Random(1)));
        Assert.Equal(DepositOutcome.ChainStopped, refused.Outcome);
        Assert.Equal(StopReason.Untrusted, network.Chains["dubai"].Stopped!.Reason);
        using var taken = await network.Deposit("hainan", TestChain.Line(new Random(1)));
        Assert.Equal(DepositOutcome.Sealed, taken.Outcome);
    }

    private static async Task<List<Receipt>> Anchored(TestNetwork network, string region, int seed)
    {
        using var result = await network.Deposit(region, TestChain.Line(new Random(seed)));
        Assert.Equal(DepositOutcome.Sealed, result.Outcome);
        Assert.True(await network.Reaches(region, result.First, RecordState.Anchored), network.Network.AnchorTrouble(region) ?? network.Network.FinalityOf(region)!.Failure?.Message ?? "not anchored");
        return [network.Receipt(region, result.First)];
    }

    private static async Task<Receipt> PastIndex(TestNetwork network, long index)
    {
        for (var seed = 200; ; seed++)
        {
            Assert.True(seed < 230, "the main chain does not grow");
            var receipt = (await Anchored(network, "hainan", seed))[0];
            if (Verifier.VerifyReceipt(receipt, null, [], network.Network.Trust).State.AnchorIndex >= index)
            {
                return receipt;
            }
        }
    }

    private static async Task Eventually(Func<bool> holds, Func<Task> between)
    {
        for (var wait = 0; !holds(); wait++)
        {
            Assert.True(wait < 300, "it does not come about");
            await Task.Delay(100);
            if (wait % 20 == 19)
            {
                await between();
            }
        }
    }

    private static void Passes(Receipt receipt, TrustFile trust)
    {
        var report = Verifier.VerifyReceipt(receipt, null, [], trust);
        // The part itself is nowhere in this test.
        Assert.Equal((RecordState.Anchored, SubIndication.SignedDataNotFound), (report.State.Reached, report.SubIndication));
        Assert.DoesNotContain(report.Checks, check => check.Outcome == CheckOutcome.Failed);
    }

    private static int LinesBy(TestNetwork network, string chain) => network.Chains[chain].Reader.Head.Parsed.Signatures.Count;

    private static int Cosigners(Receipt receipt) => TlogProof.TryParse(System.Text.Encoding.UTF8.GetBytes(receipt.Proof), out var proof).Ok ? proof!.Note.Signatures.Count - 1 : -1;

    private static TrustProposal Draft(TrustFile current, long from, Action<TrustDraft> changes)
    {
        var draft = new TrustDraft(current, from);
        changes(draft);
        Assert.Null(draft.TryFinish(out var proposal));
        return proposal!;
    }

    private static TrustFile Signed(TestNetwork network, long from, Action<TrustDraft> changes, TrustFile? current = null) =>
        Signed(network, Draft(current ?? network.Network.Trust, from, changes));

    private static TrustFile Signed(TestNetwork network, TrustProposal proposal) => network.Sign(proposal);
}
