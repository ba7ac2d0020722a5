using System.Text;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence.Tests;

/// <summary>Custody transfers between three regions: every act in every state, and whatever a party could show that is not so.</summary>
public sealed class CustodyTests
{
    [Fact]
    public void Record_moves_on_from_chain_to_chain_and_home_again()
    {
        var world = CustodyWorld.New();
        var evidence = CustodyWorld.Evidence("hainan");
        Assert.Equal((8L, 8L), (world.Append("hainan", world.Released("hainan", 1, "beijing")), world.Append("beijing", world.Received("beijing", world.Prove("hainan")))));
        Assert.Equal(new CustodyStanding(evidence.Id, true, 8), world.Regions["beijing"].State.Custody.Standing(evidence.Chain, evidence.Index));

        // Into another suite: dubai hashes with SHA-256 and checks what beijing sealed with SM3.
        world.Append("beijing", world.Released("beijing", 2, "dubai", evidence, via: 8));
        Assert.Equal(AdmissionFailure.CustodyNotHere, world.Try("beijing", world.Released("beijing", 3, "hainan", evidence, via: 8)));
        world.Append("dubai", world.Received("dubai", world.Prove("beijing")));

        // Home, and out again: by the leaf through which it came back.
        world.Append("dubai", world.Released("dubai", 4, "hainan", evidence, via: 8));
        var home = world.Append("hainan", world.Received("hainan", world.Prove("dubai")));
        Assert.Equal(AdmissionFailure.CustodyVia, world.Try("hainan", world.Released("hainan", 5, "dubai")));
        world.Append("hainan", world.Released("hainan", 5, "beijing", evidence, via: home));
        var again = world.Append("beijing", world.Received("beijing", world.Prove("hainan")));
        Assert.Equal(new CustodyStanding(evidence.Id, true, again), world.Regions["beijing"].State.Custody.Standing(evidence.Chain, evidence.Index));
        Assert.Equal([2, 4, 2], ((string[])["hainan", "beijing", "dubai"]).Select(chain => world.Regions[chain].State.Custody.Open().Count() + (chain == "hainan" ? 0 : chain == "beijing" ? 3 : 1)));
    }

    [Fact]
    public void Declined_release_is_withdrawn_and_the_record_released_again_to_another()
    {
        var world = CustodyWorld.New();
        var release = world.Append("hainan", world.Released("hainan", 1, "beijing"));
        Assert.Equal(AdmissionFailure.CustodyNotHere, world.Try("hainan", world.Released("hainan", 2, "dubai")));
        world.Append("beijing", world.Declined("beijing", 1, "hainan", release));
        var withdrawn = world.Append("hainan", world.Withdrawn("hainan", world.Prove("beijing")));
        Assert.Equal(withdrawn, world.Regions["hainan"].State.Custody.Released(CustodyWorld.Transfer(1))!.Withdrawn);
        Assert.Empty(world.Regions["hainan"].State.Custody.Open());
        var second = world.Append("hainan", world.Released("hainan", 2, "dubai"));
        world.Append("dubai", world.Received("dubai", world.Prove("hainan")));
        Assert.Equal((9L, 10L), (withdrawn, second));
    }

    /// <summary>What the source and the target did with transfer 1 before, and what each act then comes to.</summary>
    /// <remarks>States: nothing; released; received; declined; declined and withdrawn; declined, withdrawn and released again as transfer 2; received and released onward.</remarks>
    public static TheoryData<string, AdmissionFailure, AdmissionFailure, AdmissionFailure, AdmissionFailure> Table() => new()
    {
        { "released", AdmissionFailure.CustodyTransferTwice, AdmissionFailure.None, AdmissionFailure.None, AdmissionFailure.CustodyOtherRelease },
        { "received", AdmissionFailure.CustodyTransferTwice, AdmissionFailure.CustodyDecided, AdmissionFailure.CustodyDecided, AdmissionFailure.CustodyOtherRelease },
        { "declined", AdmissionFailure.CustodyTransferTwice, AdmissionFailure.CustodyDecided, AdmissionFailure.CustodyDecided, AdmissionFailure.None },
        { "withdrawn", AdmissionFailure.CustodyTransferTwice, AdmissionFailure.CustodyDecided, AdmissionFailure.CustodyDecided, AdmissionFailure.CustodyTransferUnknown },
        { "again", AdmissionFailure.CustodyTransferTwice, AdmissionFailure.CustodyDecided, AdmissionFailure.CustodyDecided, AdmissionFailure.CustodyTransferUnknown },
        { "onward", AdmissionFailure.CustodyTransferTwice, AdmissionFailure.CustodyDecided, AdmissionFailure.CustodyDecided, AdmissionFailure.CustodyOtherRelease },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Each_act_in_each_state_comes_to_what_the_table_says(string state, AdmissionFailure released, AdmissionFailure received, AdmissionFailure declined, AdmissionFailure withdrawn)
    {
        var world = CustodyWorld.New();
        var release = world.Append("hainan", world.Released("hainan", 1, "beijing"));
        var proof = world.Prove("hainan");
        if (state is "received" or "onward")
        {
            world.Append("beijing", world.Received("beijing", proof));
        }
        else if (state != "released")
        {
            world.Append("beijing", world.Declined("beijing", 1, "hainan", release));
        }

        // What a dishonest target shows where it never declined: a refusal of another release, proved in order.
        var refusal = state is "declined" or "withdrawn" or "again" ? world.Prove("beijing") : Refusal(world, release + 1);
        if (state is "withdrawn" or "again")
        {
            world.Append("hainan", world.Withdrawn("hainan", refusal));
        }

        if (state == "again")
        {
            world.Append("hainan", world.Released("hainan", 2, "beijing"));
        }

        if (state == "onward")
        {
            world.Append("beijing", world.Released("beijing", 3, "dubai", CustodyWorld.Evidence("hainan"), via: 8));
        }

        Assert.Equal(
            (released, received, declined, withdrawn),
            (world.Try("hainan", world.Released("hainan", 1, "dubai")), world.Try("beijing", world.Received("beijing", proof)),
                world.Try("beijing", world.Declined("beijing", 1, "hainan", release)), world.Try("hainan", world.Withdrawn("hainan", refusal))));

        // The same proofs under a later checkpoint of the same chain are the same release.
        Assert.Equal(received, world.Try("beijing", world.Received("beijing", world.Prove("hainan", release))));
    }

    private static readonly Dictionary<AdmissionFailure, Func<AdmissionFailure>> Mutations = new()
    {
        [AdmissionFailure.ProofOfOther] = static () =>
        {
            var world = CustodyWorld.New();
            world.Append("hainan", world.Released("hainan", 1, "dubai"));
            return world.TryForm("beijing", CustodyRecord.Received(world.Prove("hainan")));
        },
        [AdmissionFailure.CustodyOnMain] = static () => OnOther("main"),
        [AdmissionFailure.CustodyWithoutTrust] = static () => OnOther("beijing"),
        [AdmissionFailure.PolicyNotInForce] = static () => Release(static w => w.Draft("hainan", CustodyRecord.Released(CustodyWorld.Transfer(1), CustodyWorld.Evidence("hainan"), null, CustodyWorld.Origin("beijing")), CustodyWorld.Context(0))),
        [AdmissionFailure.KeyUnknown] = static () => Release(static w => w.Draft("hainan", CustodyRecord.Released(CustodyWorld.Transfer(1), CustodyWorld.Evidence("hainan"), null, CustodyWorld.Origin("beijing")), CustodyWorld.Context() with { Key = 4 })),
        [AdmissionFailure.AuthNotAccepted] = static () => Release(static w => w.Draft("hainan", CustodyRecord.Released(CustodyWorld.Transfer(1), CustodyWorld.Evidence("hainan"), null, CustodyWorld.Origin("beijing")), CustodyWorld.Context() with { Auth = AuthMethod.Governance })),
        [AdmissionFailure.CustodyPeer] = static () => Release(static w => w.Released("hainan", 1, "main")),
        [AdmissionFailure.CustodyTransferTwice] = static () => Release(static w =>
        {
            w.Append("hainan", w.Released("hainan", 1, "beijing"));
            return w.Released("hainan", 1, "beijing");
        }),
        [AdmissionFailure.CustodyEvidenceIndex] = static () => Release(static w => w.Released("hainan", 1, "beijing", CustodyWorld.Evidence("hainan") with { Index = 8 })),
        [AdmissionFailure.CustodyNotHere] = static () => Release(static w => w.Released("hainan", 1, "beijing", CustodyWorld.Evidence("dubai"), via: 7)),
        [AdmissionFailure.CustodyVia] = static () => Release(static w => w.Released("hainan", 1, "beijing", via: 7)),
        [AdmissionFailure.CustodyDecided] = static () => Receive(static w =>
        {
            w.Append("beijing", w.Declined("beijing", 1, "hainan", 8));
            return w.Prove("hainan");
        }),
        // A second release of the same record, which hainan's nodes do not admit; and one of a record that was never anywhere else.
        [AdmissionFailure.CustodyHere] = static () => Receive(static w =>
        {
            w.Append("beijing", w.Received("beijing", w.Prove("hainan")));
            w.Regions["hainan"].AppendUnadmitted(w.Released("hainan", 2, "beijing").Bytes.ToArray());
            return w.Prove("hainan");
        }),
        [AdmissionFailure.CustodyOtherRelease] = static () => Receive(static w =>
        {
            w.Append("beijing", w.Received("beijing", w.Prove("hainan")));
            w.Append("beijing", w.Released("beijing", 3, "dubai", CustodyWorld.Evidence("hainan"), via: 8));
            w.Regions["hainan"].AppendUnadmitted(w.Released("hainan", 2, "beijing", CustodyWorld.Evidence("hainan") with { Id = Samples.Id(77) }).Bytes.ToArray());
            return w.Prove("hainan");
        }),
        [AdmissionFailure.CustodyTransferUnknown] = static () =>
        {
            var world = CustodyWorld.New();
            world.Append("beijing", world.Declined("beijing", 1, "hainan", 8));
            return world.Try("hainan", world.Withdrawn("hainan", world.Prove("beijing")));
        },
        [AdmissionFailure.CustodyProofUnknownChain] = static () => Under(CustodyWorld.TrustOf(static c => c.Origin.EndsWith("hainan", StringComparison.Ordinal) ? c with { Code = "-" } : c)),
        [AdmissionFailure.CustodyProofOutsideRange] = static () => Under(CustodyWorld.TrustOf(static c => c.Origin.EndsWith("hainan", StringComparison.Ordinal) ? c with { ToMainIndex = 5 } : c)),
        [AdmissionFailure.CustodyProofNotIncluded] = static () => Receive(static w => w.Prove("hainan"), "\"index\":8,\"leaf\":{\"account\"", "\"index\":6,\"leaf\":{\"account\""),
        [AdmissionFailure.CustodyProofSignature] = static () => Receive(static w => w.Prove("hainan", log: " of somebody else")),
        [AdmissionFailure.CustodyProofNotFinal] = static () => Receive(static w => w.Prove("hainan", cosigners: [2])),
        [AdmissionFailure.CustodyProofNotExact] = static () => Receive(static w => w.Prove("hainan", cosigners: [0, 1, 2])),
    };

    public static TheoryData<AdmissionFailure> Failures => new(Mutations.Keys);

    [Theory]
    [MemberData(nameof(Failures))]
    public void Mutated_custody_leaf_is_refused_with_its_reason(AdmissionFailure failure) => Assert.Equal(failure, Mutations[failure]());

    [Fact]
    public void Every_failure_of_custody_has_its_mutation() => Assert.Equal(
        Enum.GetValues<AdmissionFailure>().Where(static f => f == AdmissionFailure.ProofOfOther || (int)f is >= 80 and < 110).Except([AdmissionFailure.CustodyNotAllowed, AdmissionFailure.CustodyFull]).Order(),
        Mutations.Keys.Where(static f => f == AdmissionFailure.ProofOfOther || (int)f is >= 80 and < 110).Order());

    [Fact]
    public void Main_hop_is_judged_like_the_first()
    {
        Assert.Equal(AdmissionFailure.CustodyProofNotFinal, Receive(static w => w.Prove("hainan", mainCosigners: [0, 1, 2])));
        Assert.Equal(AdmissionFailure.CustodyProofNotExact, Receive(static w => w.Prove("hainan", mainCosigners: [0, 1, 2, 3, 4])));
        Assert.Equal(AdmissionFailure.CustodyProofSignature, Receive(static w => w.Prove("hainan", mainLog: " of somebody else")));
        Assert.Equal(AdmissionFailure.CustodyProofNotIncluded, Receive(static w => w.Prove("hainan"), "\"anchor_index\":6", "\"anchor_index\":5"));
        Assert.Equal(AdmissionFailure.CustodyProofOutsideRange, Under(CustodyWorld.TrustOf(static c => c.Origin.EndsWith("main", StringComparison.Ordinal) ? c with { ToMainIndex = 5 } : c)));
        Assert.Equal(AdmissionFailure.CustodyProofUnknownChain, Under(CustodyWorld.TrustOf(static c => c.Origin.EndsWith("main", StringComparison.Ordinal) ? c with { Code = "-" } : c)));
    }

    [Fact]
    public void Leaf_carries_only_the_proof_that_answers_it()
    {
        var world = CustodyWorld.New();
        var release = world.Append("hainan", world.Released("hainan", 1, "beijing"));
        var released = world.Prove("hainan");
        world.Append("beijing", world.Received("beijing", released));
        var received = world.Prove("beijing");
        Assert.Throws<ArgumentException>(() => CustodyRecord.Withdrawn(received));
        Assert.Throws<ArgumentException>(() => CustodyRecord.Received(received));

        // The same in bytes: a received leaf in the place of the declined one.
        var declined = Refusal(CustodyWorld.New(), release);
        var text = Encoding.UTF8.GetString(world.Draft("hainan", CustodyRecord.Withdrawn(declined)).Bytes.Span);
        Assert.True(Admission.AdmitForm(Encoding.UTF8.GetBytes(text), out _).Ok);
        var forged = Admission.AdmitForm(Encoding.UTF8.GetBytes(text.Replace("\"act\":\"declined\"", "\"act\":\"received\"", StringComparison.Ordinal)), out _);
        Assert.Equal((AdmissionFailure.BadValue, "proof"), (forged.Failure, forged.Member));
        Assert.Equal(AdmissionFailure.ProofOfOther, world.TryForm("dubai", CustodyRecord.Withdrawn(declined)));
    }

    [Fact]
    public void Two_chains_may_use_one_transfer_id_and_one_index()
    {
        var world = CustodyWorld.New();
        world.Append("hainan", world.Released("hainan", 1, "beijing"));
        world.Append("dubai", world.Released("dubai", 1, "beijing"));
        world.Append("beijing", world.Declined("beijing", 1, "dubai", 8));
        var received = world.Append("beijing", world.Received("beijing", world.Prove("hainan")));
        var custody = world.Regions["beijing"].State.Custody;
        Assert.Equal(new CustodyDecision(received, true), custody.Decided(CustodyWorld.Origin("hainan"), 8, CustodyWorld.Transfer(1)));
        Assert.False(custody.Decided(CustodyWorld.Origin("dubai"), 8, CustodyWorld.Transfer(1))!.Received);
        Assert.Equal(2, custody.Count);
    }

    [Fact]
    public void Refusal_that_names_another_index_decides_nothing()
    {
        var world = CustodyWorld.New();
        world.Append("hainan", world.Released("hainan", 1, "beijing"));
        world.Append("beijing", world.Declined("beijing", 1, "hainan", 9));
        Assert.Equal(AdmissionFailure.CustodyOtherRelease, world.Try("hainan", world.Withdrawn("hainan", world.Prove("beijing"))));
        world.Append("beijing", world.Received("beijing", world.Prove("hainan")));
    }

    [Fact]
    public void State_rebuilt_from_the_leaves_is_the_state_that_grew()
    {
        var world = CustodyWorld.New();
        var release = world.Append("hainan", world.Released("hainan", 1, "beijing"));
        world.Append("beijing", world.Declined("beijing", 1, "hainan", release));
        world.Append("hainan", world.Withdrawn("hainan", world.Prove("beijing")));
        world.Append("hainan", world.Released("hainan", 2, "beijing"));
        world.Append("beijing", world.Received("beijing", world.Prove("hainan")));
        foreach (var region in world.Regions.Values)
        {
            var changes = region.Leaves.Select(static (leaf, i) =>
            {
                Assert.True(Admission.AdmitForm(leaf, out var facts).Ok);
                return ((long)i, facts);
            }).Where(static c => c.facts.ChangesState);
            var again = ChainState.Rebuild(changes, region.State.Size, region.State.LastSealed);
            Assert.Equal((region.State.Custody.Count, region.State.CustodyPolicy!.Version), (again.Custody.Count, again.CustodyPolicy!.Version));
            Assert.Equal(region.State.Custody.Open(), again.Custody.Open());
            Assert.Equal(region.State.Custody.Standing(CustodyWorld.Origin("hainan"), 7), again.Custody.Standing(CustodyWorld.Origin("hainan"), 7));
            Assert.Equal(region.State.Custody.Decided(CustodyWorld.Origin("hainan"), release, CustodyWorld.Transfer(1)), again.Custody.Decided(CustodyWorld.Origin("hainan"), release, CustodyWorld.Transfer(1)));
        }
    }

    [Fact]
    public void Every_byte_of_a_proof_counts()
    {
        var world = CustodyWorld.New();
        world.Append("hainan", world.Released("hainan", 1, "beijing"));
        var leaf = world.Received("beijing", world.Prove("hainan")).Bytes.ToArray();
        Assert.True(world.Regions["beijing"].Try(leaf).Ok);
        var start = leaf.AsSpan().IndexOf("\"proof\":"u8);
        var end = leaf.AsSpan().LastIndexOf("\"received\":"u8);
        Assert.InRange(end - start, 2_000, 8_000);
        var random = new Random(5);
        var rounds = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? end - start : 400;
        for (var i = 0; i < rounds; i++)
        {
            var changed = (byte[])leaf.Clone();
            var at = rounds == 400 ? random.Next(start, end) : start + i;
            changed[at] = changed[at] switch { (byte)'9' => (byte)'8', (byte)'f' => (byte)'e', _ => (byte)(changed[at] ^ 1) };
            Assert.False(world.Regions["beijing"].Try(changed).Ok, $"byte {at}");
        }
    }

    [Fact]
    public void Mutated_custody_leaves_never_throw_and_are_never_admitted_otherwise_than_canonical()
    {
        var world = CustodyWorld.New();
        world.Append("hainan", world.Released("hainan", 1, "beijing"));
        var declined = Refusal(CustodyWorld.New(), 8);
        byte[][] seeds =
        [
            world.Released("beijing", 2, "hainan").Bytes.ToArray(), world.Received("beijing", world.Prove("hainan")).Bytes.ToArray(), world.Declined("beijing", 1, "hainan", 8).Bytes.ToArray(),
            world.Draft("hainan", CustodyRecord.Withdrawn(declined)).Bytes.ToArray(),
        ];
        var random = new Random(2);
        var rounds = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? 200_000 : 4_000;
        for (var i = 0; i < rounds; i++)
        {
            var bytes = Mutation.Of(random, (byte[])seeds[i % seeds.Length].Clone());
            if (Admission.Admit(world.Regions["beijing"].Genesis, world.Regions["beijing"].State, bytes, 8, out _).Ok)
            {
                Assert.True(Canonical.Check(bytes).Ok);
            }
        }
    }

    /// <summary>docs/spec/custody.md, "Size": a proof of the largest trees that this platform can grow fits, since each hash and signature stands once.</summary>
    [Theory]
    [InlineData(24, 22, 7_100)]
    [InlineData(32, 30, 8_700)]
    [InlineData(40, 40, 10_500)]
    public void Proof_fits_into_a_leaf_whatever_the_trees_have_grown_to(int depth, int mainDepth, int most)
    {
        var world = CustodyWorld.New();
        world.Append("hainan", world.Released("hainan", 1, "beijing"));
        world.Prove("hainan");
        world.Append("hainan", world.Released("hainan", 2, "beijing", CustodyWorld.Evidence("hainan") with { Index = 6 }));
        var (leaf, proof, anchor) = world.Pieces("hainan");
        var hashes = Enumerable.Range(0, 64).Select(static i => Samples.Hash(i)).ToArray();
        Assert.True(Admission.AdmitForm(anchor.Leaf.Span, out var facts).Ok);
        TlogProof.TryParse(Encoding.UTF8.GetBytes(anchor.Proof), out var main);
        var index = (1L << depth) - 2;
        var mainIndex = (1L << mainDepth) - 2;
        var larger = SystemLeaves.Anchor(world.Main, facts.AnchorRecord!.NoteText, mainIndex - 5, hashes[..(depth + 1)], facts.Id, CustodyWorld.Start);
        var long_ = AnchoredLeaf.TryCreate(leaf, TlogProof.Create(Suite.Sm, index, hashes[..depth], proof.Note), new AnchorProof(larger.Bytes, TlogProof.Create(Suite.Sm, mainIndex, hashes[..mainDepth], main!.Note).Format()));
        var received = world.Draft("beijing", CustodyRecord.Received(long_!)).Bytes.Length;
        Assert.InRange(received, most - 500, most);
    }

    [Fact]
    public void Chain_keeps_only_so_many_transfers()
    {
        var world = CustodyWorld.New();
        var custody = CustodyState.Empty;
        for (var i = 0; i < CustodyState.MaxTransfers; i++)
        {
            custody = custody.Apply(CustodyRecord.Declined(CustodyWorld.Transfer(1), CustodyWorld.Origin("hainan"), i), i + 8);
        }

        var one = CustodyRecord.Declined(CustodyWorld.Transfer(2), CustodyWorld.Origin("hainan"), 8);
        Assert.Equal(AdmissionFailure.CustodyFull, custody.Admit(CustodyWorld.Origin("beijing"), world.Trust, one, 300_000).Failure);
        Assert.Equal(AdmissionFailure.CustodyFull, custody.Admit(
            CustodyWorld.Origin("beijing"), world.Trust, CustodyRecord.Released(CustodyWorld.Transfer(2), CustodyWorld.Evidence("beijing"), null, CustodyWorld.Origin("hainan")), 300_000).Failure);
        Assert.True(CustodyState.Empty.Admit(CustodyWorld.Origin("beijing"), world.Trust, one, 300_000).Ok);
    }

    /// <summary>The worked example of docs/spec/custody.md: its leaves are made again byte for byte, and the trust file beside them is what they were judged by.</summary>
    [Fact]
    public void Worked_example_is_made_again_byte_for_byte()
    {
        var world = CustodyWorld.New();
        var release = world.Append("hainan", world.Released("hainan", 1, "beijing"));
        world.Append("beijing", world.Declined("beijing", 1, "hainan", release));
        world.Append("hainan", world.Withdrawn("hainan", world.Prove("beijing")));
        world.Append("hainan", world.Released("hainan", 2, "dubai"));
        world.Append("dubai", world.Received("dubai", world.Prove("hainan")));
        world.Append("dubai", world.Released("dubai", 3, "beijing", CustodyWorld.Evidence("hainan"), via: 8));
        var page = File.ReadAllText(Repository.Path("docs/spec/custody.md"));
        Assert.Equal(File.ReadAllBytes(Repository.Path("tests/Notary.Evidence.Tests/testdata/custody.trust")), world.Trust.ToBytes());
        foreach (var (chain, index) in ((string, int)[])[("hainan", 8), ("beijing", 8), ("hainan", 9), ("hainan", 10), ("dubai", 8), ("dubai", 9)])
        {
            Assert.Contains($"\n```text example={chain}-{index}\n{Encoding.UTF8.GetString(world.Regions[chain].Leaves[index])}\n```\n", page, StringComparison.Ordinal);
        }
    }

    private static AdmissionFailure Release(Func<CustodyWorld, LeafDraft> make)
    {
        var world = CustodyWorld.New();
        return world.Try("hainan", make(world));
    }

    // Transfer 1 is released on hainan as leaf 8; what the receiver shows is made after it.
    private static AdmissionFailure Receive(Func<CustodyWorld, AnchoredLeaf> make, string from = "", string to = "")
    {
        var world = CustodyWorld.New();
        world.Append("hainan", world.Released("hainan", 1, "beijing"));
        var leaf = world.Received("beijing", make(world)).Bytes.Span;
        if (from.Length == 0)
        {
            return world.Regions["beijing"].Try(leaf).Failure;
        }

        var text = Encoding.UTF8.GetString(leaf);
        Assert.Contains(from, text, StringComparison.Ordinal);
        return world.Regions["beijing"].Try(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal))).Failure;
    }

    // The same release, judged by another trust file.
    private static AdmissionFailure Under(TrustFile trust)
    {
        var world = CustodyWorld.New();
        world.Append("hainan", world.Released("hainan", 1, "beijing"));
        return CustodyState.Empty.Admit(CustodyWorld.Origin("beijing"), trust, CustodyRecord.Received(world.Prove("hainan")), 8).Failure;
    }

    // A chain of another name in the place of a region, without and with what a region has.
    private static AdmissionFailure OnOther(string name)
    {
        var chain = new MainChain(name, withTrust: false);
        var result = SystemLeaves.TryCustody(
            chain.Genesis, CustodyRecord.Declined(CustodyWorld.Transfer(1), MainChain.RegionOrigin, 8), CustodyWorld.Context(), Samples.Id(1), Samples.Received, out var draft);
        Assert.True(result.Ok, result.Code);
        return chain.Try(draft!).Failure;
    }

    private static AnchoredLeaf Refusal(CustodyWorld world, long release)
    {
        world.Append("beijing", world.Declined("beijing", 1, "hainan", release));
        return world.Prove("beijing");
    }
}
