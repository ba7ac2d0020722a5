using System.Text;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence.Tests;

/// <summary>Anchor and trust leaves beyond the one mutation a failure of <see cref="AdmissionTests"/>.</summary>
public sealed class AnchorTests
{
    [Fact]
    public void Anchors_of_growing_sizes_are_admitted_each_naming_the_one_before()
    {
        var chain = new MainChain();
        Assert.Null(chain.State.LatestAnchor(MainChain.RegionOrigin));
        long before = -1;
        foreach (var size in (int[])[1, 2, 3, 7, 8, 20])
        {
            var draft = chain.Anchor(size);
            Assert.Equal((before, before), (draft.Facts.AnchorRecord!.PrevIndex, draft.Facts.ReplacesStateLeaf));
            Assert.True(draft.Facts.ChangesState);
            before = chain.State.Size;
            chain.Append(draft);
            Assert.Equal(new AnchorInForce(before, size, MainChain.RegionRoot(size)), chain.State.LatestAnchor(MainChain.RegionOrigin));
        }
    }

    [Fact]
    public void Anchor_leaf_carries_the_note_byte_for_byte()
    {
        var note = MainChain.Note(3, [0, 1]);
        var draft = new MainChain().Anchor(note);
        Assert.True(Admission.AdmitForm(draft.Bytes.Span, out var facts).Ok);
        Assert.Equal((RecordKind.Anchor, note.Format()), (facts.Kind, facts.AnchorRecord!.NoteText));
        Assert.Equal((MainChain.RegionOrigin, 3L), (facts.AnchorRecord.Checkpoint.Origin, facts.AnchorRecord.Checkpoint.Size));
        Assert.Equal(note.ToBytes(), facts.AnchorRecord.Note.ToBytes());
        var before = Encoding.UTF8.GetString(draft.Bytes.Span);
        draft.Seal(Samples.Sealed);
        Assert.True(Admission.AdmitForm(draft.Bytes.Span, out facts).Ok);
        Assert.Equal(Samples.Sealed.ToUnixTimeMilliseconds(), facts.Sealed);
        Assert.Equal(before.Replace("\"sealed\":\"2026-03-01T08:30:00.250Z", "\"sealed\":\"2026-03-01T08:30:01.007Z", StringComparison.Ordinal), Encoding.UTF8.GetString(draft.Bytes.Span));
    }

    [Theory]
    [InlineData("\"prev_index\":-1", "\"prev_index\":-2", "prev_index")]
    [InlineData("\"prev_index\":-1", "\"prev_index\":\"-1\"", "prev_index")]
    [InlineData("\"proof\":[]", "\"proof\":null", "proof")]
    [InlineData("\"proof\":[]", "\"proof\":[\"00\"]", "proof")]
    [InlineData("\"note\":\"notary.test/guangzhou", "\"note\":\"guangzhou", "note")]
    [InlineData("\"note\":\"notary.test/guangzhou\\n3", "\"note\":\"notary.test/guangzhou\\n0", "note")]
    [InlineData("\"note\":\"notary.test/guangzhou\\n3", "\"note\":\"notary.test/guangzhou\\n03", "note")]
    [InlineData("\"note\":\"", "\"note\":\" ", "note")]
    [InlineData("\u2014 node-0.example", "\u2014 node-\u00e9.example", "note")]
    [InlineData("\u2014 node-0.example", "- node-0.example", "note")]
    [InlineData("\"chain\":\"notary.test", "\"chain\":\"notary.t\u00e9st", "chain")]
    public void Malformed_anchor_is_refused_and_still_known_as_one(string from, string to, string member)
    {
        var text = Encoding.UTF8.GetString(new MainChain().Anchor(3).Bytes.Span);
        Assert.Contains(from, text, StringComparison.Ordinal);
        var result = Admission.AdmitForm(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)), out var facts);
        Assert.Equal((AdmissionFailure.BadValue, member), (result.Failure, result.Member));
        Assert.Equal(RecordKind.Anchor, facts.Kind);
        Assert.True(RecordKinds.EndsCosigning(facts.Kind));
    }

    [Fact]
    public void Proof_has_hashes_only_where_there_is_a_previous_anchor_and_never_more_than_any_tree_asks_for()
    {
        var chain = new MainChain();
        var note = MainChain.Note(3, [0, 1]);
        Assert.Throws<ArgumentException>(() => chain.Anchor(note, -1, Samples.Hash(1)));
        Assert.Equal(AdmissionFailure.AnchorPrevious, chain.Try(chain.Anchor(note, 5, [.. Enumerable.Range(0, 63).Select(Samples.Hash)])).Failure);
        Assert.Throws<ArgumentException>(() => chain.Anchor(note, 5, [.. Enumerable.Range(0, 64).Select(Samples.Hash)]));
    }

    [Fact]
    public void Anchor_members_are_all_there_and_no_other()
    {
        var text = Encoding.UTF8.GetString(new MainChain().Anchor(3).Bytes.Span);
        AdmissionFailure Form(string from, string to) => Admission.AdmitForm(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)), out _).Failure;
        Assert.Equal(AdmissionFailure.MissingMember, Form("\"prev_index\":-1,", ""));
        Assert.Equal(AdmissionFailure.MissingMember, Form("\"proof\":[],", ""));
        Assert.Equal(AdmissionFailure.UnknownMember, Form("\"v\":1", "\"v\":1,\"w\":1"));
        Assert.Equal(AdmissionFailure.UnknownVersion, Form("\"v\":1", "\"v\":2"));
    }

    [Fact]
    public void Note_that_is_not_the_one_final_form_is_refused()
    {
        var chain = new MainChain();
        var right = MainChain.Note(3, [0, 1]);
        Assert.True(chain.Try(chain.Anchor(right)).Ok);
        Assert.Equal(AdmissionFailure.AnchorNotExact, chain.Try(chain.Anchor(MainChain.Note(3, [1, 0]))).Failure);
        Assert.Equal(AdmissionFailure.AnchorNotExact, chain.Try(chain.Anchor(right.With(new NoteSignature("stranger.example", 1, new byte[72])))).Failure);
        Assert.Equal(AdmissionFailure.AnchorNotExact, chain.Try(chain.Anchor(SignedNote.Create(right.Text, [right.Signatures[1], right.Signatures[0], right.Signatures[2]]))).Failure);
        Assert.Equal(AdmissionFailure.AnchorNotExact, chain.Try(chain.Anchor(right.With(right.Signatures[2]))).Failure);
        var wrong = right.Signatures[1].Signature.ToArray();
        wrong[20] ^= 1;
        var line = new NoteSignature(right.Signatures[1].Name, right.Signatures[1].KeyId, wrong);
        Assert.Equal(AdmissionFailure.AnchorSignature, chain.Try(chain.Anchor(SignedNote.Create(right.Text, [right.Signatures[0], line, right.Signatures[2]]))).Failure);
        // The second and third node satisfy the policy as well: whichever set came first stands.
        Assert.True(chain.Try(chain.Anchor(MainChain.Note(3, [1, 2]))).Ok);
    }

    [Fact]
    public void Proof_leads_from_the_anchor_before_and_from_no_other()
    {
        var chain = new MainChain();
        chain.Append(chain.Anchor(3));
        chain.Append(chain.Anchor(5));
        var note = MainChain.Note(9, [0, 1]);
        Assert.Equal(AdmissionFailure.AnchorPrevious, chain.Try(chain.Anchor(note, 6, MainChain.Extends(3, 9))).Failure);
        Assert.Equal(AdmissionFailure.AnchorPrevious, chain.Try(chain.Anchor(note)).Failure);
        Assert.Equal(AdmissionFailure.AnchorInconsistent, chain.Try(chain.Anchor(note, 7, MainChain.Extends(3, 9))).Failure);
        Assert.Equal(AdmissionFailure.AnchorInconsistent, chain.Try(chain.Anchor(note, 7, MainChain.Extends(5, 9)[1..])).Failure);
        Assert.Equal(AdmissionFailure.AnchorInconsistent, chain.Try(chain.Anchor(note, 7)).Failure);
        Assert.Equal(AdmissionFailure.AnchorNotLarger, chain.Try(chain.Anchor(MainChain.Note(4, [0, 1]), 7)).Failure);
        Assert.True(chain.Try(chain.Anchor(note, 7, MainChain.Extends(5, 9))).Ok);
    }

    [Fact]
    public void Anchor_is_judged_by_the_entry_that_holds_at_its_own_index()
    {
        // Leaf 6 under the old log key, from leaf 7 on another one.
        var chain = new MainChain(withTrust: false);
        var content = chain.Content(1, null, 1, [0]);
        var region = content.Chains[1];
        chain.Append(chain.TrustLeaf(TrustFile.Create(
            content with { Chains = [content.Chains[0], region with { ToMainIndex = 6 }, MainChain.Region(log: MainChain.Stranger) with { FromMainIndex = 7 }] }, MainChain.GovernanceSigner(0))));
        Assert.Equal(AdmissionFailure.AnchorSignature, chain.Try(chain.Anchor(MainChain.Note(3, [0, 1], log: MainChain.Stranger))).Failure);
        chain.Append(chain.Anchor(3));
        Assert.Equal(AdmissionFailure.AnchorSignature, chain.Try(chain.Anchor(5)).Failure);
        chain.Append(chain.Anchor(MainChain.Note(5, [0, 1], log: MainChain.Stranger), 6, MainChain.Extends(3, 5)));
    }

    [Fact]
    public void State_is_rebuilt_from_the_newest_anchor_of_each_origin()
    {
        var chain = new MainChain();
        var changes = new Dictionary<long, LeafFacts>();
        foreach (var size in (int[])[3, 5, 9])
        {
            var draft = chain.Anchor(size);
            changes.Remove(draft.Facts.ReplacesStateLeaf);
            changes[chain.State.Size] = draft.Facts;
            chain.Append(draft);
        }

        var trust = chain.TrustLeaf(chain.State.Trust!).Facts;
        Assert.Equal([8L], changes.Keys);
        var state = ChainState.Rebuild([(5, trust), (8, changes[8])], 9, chain.State.LastSealed);
        Assert.Equal(chain.State.LatestAnchor(MainChain.RegionOrigin), state.LatestAnchor(MainChain.RegionOrigin));
        Assert.Equal((5L, chain.State.Trust!.Fingerprint), (state.TrustIndex, state.Trust!.Fingerprint));
        Assert.Equal(-1, trust.ReplacesStateLeaf);

        var fork = chain.State.Fork();
        Assert.True(Admission.AdmitForm(chain.Anchor(12).Bytes.Span, out var next).Ok);
        fork.Apply(next, 9);
        Assert.Equal((12L, 9L), (fork.LatestAnchor(MainChain.RegionOrigin)!.Size, chain.State.LatestAnchor(MainChain.RegionOrigin)!.Size));
    }

    [Fact]
    public void Refused_leaf_in_the_tree_is_passed_over_and_changes_the_size_alone()
    {
        var chain = new MainChain();
        chain.Append(chain.Anchor(3));
        var anchor = chain.State.LatestAnchor(MainChain.RegionOrigin);
        chain.State.Skip(7);
        Assert.Equal((8L, Samples.Received.ToUnixTimeMilliseconds(), 5L), (chain.State.Size, chain.State.LastSealed, chain.State.TrustIndex));
        Assert.Same(anchor, chain.State.LatestAnchor(MainChain.RegionOrigin));
        Assert.Throws<InvalidOperationException>(() => chain.State.Skip(7));
        Assert.Throws<InvalidOperationException>(() => chain.State.Skip(9));
        Assert.True(chain.Try(chain.Anchor(5)).Ok);
    }

    [Fact]
    public void Only_what_other_chains_rely_on_ends_cosigning() =>
        Assert.Equal([RecordKind.Custody, RecordKind.Anchor, RecordKind.Incident, RecordKind.Trust], Enum.GetValues<RecordKind>().Where(RecordKinds.EndsCosigning));

    [Fact]
    public void Trust_versions_follow_one_another_on_the_chain()
    {
        var chain = new MainChain();
        Assert.Equal((5L, 1L), (chain.State.TrustIndex, chain.State.Trust!.Content.Version));
        var second = chain.Trust(2, chain.State.Trust, 1, [1], [0, 1]);
        chain.Append(chain.TrustLeaf(second));
        Assert.Equal((6L, second.Fingerprint), (chain.State.TrustIndex, chain.State.Trust!.Fingerprint));
        Assert.Equal(AdmissionFailure.TrustNotNext, chain.Try(chain.TrustLeaf(second)).Failure);
        // The key that version 2 dropped speaks no more.
        Assert.Equal(AdmissionFailure.TrustTooFewOfPrevious, chain.Try(chain.TrustLeaf(chain.Trust(3, second, 1, [0], [0]))).Failure);
        chain.Append(chain.TrustLeaf(chain.Trust(3, second, 1, [0], [0, 1])));
    }

    [Fact]
    public void First_trust_leaf_of_a_chain_may_be_of_any_version_but_needs_k_keys_of_its_genesis()
    {
        var before = new MainChain().State.Trust;
        var chain = new MainChain(k: 2, withTrust: false);
        Assert.Equal(AdmissionFailure.TrustGovernance, chain.Try(chain.TrustLeaf(chain.Trust(2, before, 1, [0], [0]))).Failure);
        Assert.Equal(AdmissionFailure.TrustGovernance, chain.Try(chain.TrustLeaf(chain.Trust(2, before, 1, [2], [2, 1]))).Failure);
        Assert.True(chain.Try(chain.TrustLeaf(chain.Trust(2, before, 1, [2], [2, 1, 0]))).Ok);
        chain.Append(chain.TrustLeaf(chain.Trust(2, before, 2, [0, 1], [0, 1])));
        Assert.Equal(2, chain.State.Trust!.Content.Version);
    }

    [Fact]
    public void Trust_file_names_the_log_key_of_the_chain_it_stands_on()
    {
        var chain = new MainChain(withTrust: false);
        var content = chain.Content(1, null, 1, [0]);
        var other = content.Chains[0] with { LogKeys = [MainChain.Key(chain.Genesis.Origin, TestKeys.Agency, false)] };
        AdmissionFailure With(params TrustedChain[] chains) =>
            chain.Try(chain.TrustLeaf(TrustFile.Create(content with { Chains = chains }, MainChain.GovernanceSigner(0)))).Failure;
        Assert.Equal(AdmissionFailure.TrustWithoutChain, With(other));
        Assert.Equal(AdmissionFailure.None, With(content.Chains[0] with { ToMainIndex = 3 }, other with { FromMainIndex = 4 }));
    }

    [Fact]
    public void Trust_leaf_is_ascii_and_small_enough_for_a_leaf()
    {
        var chain = new MainChain(withTrust: false);
        var content = chain.Content(1, null, 1, [0]);
        var comment = new string('x', 2_000);
        TrustFile Of(int comments, string with = "") => TrustFile.Create(
            content with { Chains = [TrustedChain.Create(chain.Genesis.Origin, "MAIN", Suite.Sm, [chain.Genesis.LogKey], string.Concat(Enumerable.Repeat($"# {comment}{with}\n", comments)) + "quorum none\n")] },
            MainChain.GovernanceSigner(0));
        Assert.True(chain.Try(chain.TrustLeaf(Of(6))).Ok);
        Assert.Throws<ArgumentException>(() => chain.TrustLeaf(Of(7)));
        Assert.Throws<ArgumentException>(() => chain.TrustLeaf(Of(1, "\u5e7f\u5dde")));
        var text = Encoding.UTF8.GetString(chain.TrustLeaf(Of(1)).Bytes.Span);
        var changed = Admission.AdmitForm(Encoding.UTF8.GetBytes(text.Replace("xxx", "xxy", StringComparison.Ordinal)), out var facts);
        Assert.Equal((AdmissionFailure.BadValue, "trust", RecordKind.Trust), (changed.Failure, changed.Member, facts.Kind));
    }

    [Fact]
    public void Mutated_anchor_and_trust_leaves_never_throw_and_are_never_admitted_otherwise_than_canonical()
    {
        var random = new Random(16);
        var chain = new MainChain();
        chain.Append(chain.Anchor(3));
        byte[][] seeds = [chain.Anchor(9).Bytes.ToArray(), chain.TrustLeaf(chain.Trust(2, chain.State.Trust, 1, [0], [0])).Bytes.ToArray()];
        var rounds = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? 200_000 : 3_000;
        for (var i = 0; i < rounds; i++)
        {
            var bytes = Mutation.Of(random, (byte[])seeds[i % 2].Clone());
            if (Admission.Admit(chain.Genesis, chain.State, bytes, chain.State.Size, out _).Ok)
            {
                Assert.True(Canonical.Check(bytes).Ok);
            }
        }
    }
}
