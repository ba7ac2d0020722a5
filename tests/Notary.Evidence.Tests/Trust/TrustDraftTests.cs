using System.Text;
using Notary.Crypto;
using Notary.Evidence.Tests.Verification;
using Notary.Ledger;
using Notary.Ledger.Tests;

namespace Notary.Evidence.Tests.Trust;

/// <summary>A version of the trust file while it is written, described and signed: each change alone, what it leaves untouched, and what is refused.</summary>
public class TrustDraftTests
{
    private const long From = 20;

    private static readonly World World = World.Sm;
    private static readonly TrustFile Current = MainWorld.Trust(World);
    private static readonly string Chain = World.Origin[(World.Origin.IndexOf('/', StringComparison.Ordinal) + 1)..];

    private static NoteKey NodeKey(string name) => World.Note(name, TestSigners.Of(SuiteId.Sm, name), true);

    [Fact]
    public void A_log_key_is_replaced_from_an_index_on_and_the_entry_before_ends_below_it()
    {
        var next = World.Note(World.Origin, TestSigners.Of(SuiteId.Sm, "next log"), false);
        var after = Finish(draft => draft.RotateLog(Chain, next)).Content;
        Assert.Equal(Current.Content.Version + 1, after.Version);
        Assert.Equal(Current.Fingerprint, after.Previous);
        Assert.Equal([(0L, (long?)From - 1, World.LogKey), (From, null, next)], after.Chains.Where(c => c.Origin == World.Origin).Select(c => (c.FromMainIndex, c.ToMainIndex, c.LogKeys[0])));
        Assert.Equal(
            Current.EntriesOf(MainWorld.Origin).Select(static c => (c.PolicyText, c.FromMainIndex, c.ToMainIndex)), after.Chains.Where(static c => c.Origin == MainWorld.Origin).Select(static c => (c.PolicyText, c.FromMainIndex, c.ToMainIndex)));
        Assert.Contains("the log signs with", Assert.Single(TrustChanges.Describe(Current, after)), StringComparison.Ordinal);
    }

    [Fact]
    public void Several_changes_of_one_chain_make_one_entry()
    {
        var joined = NodeKey("auditor.example");
        var after = Finish(draft => draft.AddNode(Chain, "auditor", joined, "https://auditor.example/mirror") ?? draft.Quorum(Chain, 3)).Content;
        var newest = after.Chains.Last(c => c.Origin == World.Origin);
        Assert.Equal(2, after.Chains.Count(c => c.Origin == World.Origin));
        Assert.Equal(3, newest.Policy.Witnesses.Count);
        Assert.Equal("https://auditor.example/mirror", newest.Policy.Witnesses.Single(w => w.Name == "auditor").Url);
        var said = TrustChanges.Describe(Current, after);
        Assert.Contains(said, static s => s.Contains("auditor", StringComparison.Ordinal) && s.EndsWith("joins.", StringComparison.Ordinal));
        Assert.Contains(said, static s => s.Contains("final with 3 of 3 nodes", StringComparison.Ordinal));
    }

    [Fact]
    public void A_node_leaves_gets_another_key_or_another_address()
    {
        var node = Current.Find(World.Origin)!.Policy.Witnesses[0];
        var left = Finish(draft => draft.RemoveNode(Chain, node.Name) ?? draft.Quorum(Chain, 1)).Content;
        Assert.DoesNotContain(left.Chains.Last(c => c.Origin == World.Origin).Policy.Witnesses, w => w.Name == node.Name);
        Assert.Contains(TrustChanges.Describe(Current, left), s => s.Contains($"the node {node.Name} leaves", StringComparison.Ordinal));

        var key = NodeKey("another-disk.example");
        var replaced = Finish(draft => draft.ReplaceNode(Chain, node.Name, key, node.Url)).Content;
        Assert.Equal(key, replaced.Chains.Last(c => c.Origin == World.Origin).Policy.Witnesses.Single(w => w.Name == node.Name).Key);
        Assert.Contains(TrustChanges.Describe(Current, replaced), s => s.Contains($"the node {node.Name} has the key", StringComparison.Ordinal));

        var moved = Finish(draft => draft.ReplaceNode(Chain, node.Name, node.Key, "https://moved.example/mirror")).Content;
        Assert.Contains(TrustChanges.Describe(Current, moved), static s => s.Contains("is reached at https://moved.example/mirror", StringComparison.Ordinal));
    }

    [Fact]
    public void A_chain_ends_and_another_begins_and_an_ended_one_is_not_taken_up_again()
    {
        var ended = Finish(draft => draft.End(Chain)).Content;
        Assert.Equal(From - 1, ended.Chains.Single(c => c.Origin == World.Origin).ToMainIndex);
        Assert.Contains("ends", Assert.Single(TrustChanges.Describe(Current, ended)), StringComparison.Ordinal);
        var draft = new TrustDraft(Signed(ended), From + 10);
        Assert.Contains("not taken up again", draft.RotateLog(Chain, World.LogKey), StringComparison.Ordinal);
        Assert.Contains("not taken up again", draft.End(Chain), StringComparison.Ordinal);

        var origin = World.Deployment + "/shenzhen";
        var genesis = Genesis.Create(World.Deployment, "shenzhen", "SZ", Suite.Sm, 1, [World.GovernanceKeys[0]], World.Note(origin, TestSigners.Of(SuiteId.Sm, "shenzhen log"), false), DateTimeOffset.UnixEpoch);
        var added = Finish(d => d.AddChain(genesis, World.PolicyTwo)).Content;
        Assert.Equal((From, null), added.Chains.Where(c => c.Origin == origin).Select(static c => (c.FromMainIndex, c.ToMainIndex)).Single());
        Assert.StartsWith("New chain shenzhen (SZ, sm)", Assert.Single(TrustChanges.Describe(Current, added)), StringComparison.Ordinal);
        Assert.Contains("already", new TrustDraft(Signed(added), From + 1).AddChain(genesis, World.PolicyTwo), StringComparison.Ordinal);
        var foreign = Genesis.Create("other.example", "shenzhen", "SZ", Suite.Sm, 1, [World.GovernanceKeys[0]], World.Note("other.example/shenzhen", TestSigners.Of(SuiteId.Sm, "s"), false), DateTimeOffset.UnixEpoch);
        Assert.Contains("another deployment", new TrustDraft(Current, From).AddChain(foreign, World.PolicyTwo), StringComparison.Ordinal);
    }

    [Fact]
    public void Governance_gets_and_loses_keys_and_needs_the_new_ones_signature()
    {
        var joining = TestSigners.Of(SuiteId.Sm, "joining governance");
        var key = World.Note("governance-joining", joining, false);
        var proposal = Finish(draft => draft.AddGovernance(key) ?? draft.GovernanceThreshold(2));
        Assert.Equal(["Governance gets", "Governance is 2"], TrustChanges.Describe(Current, proposal.Content).Select(static s => string.Join(' ', s.Split(' ')[..(s.StartsWith("Governance gets", StringComparison.Ordinal) ? 2 : 3)])));

        var old = World.GovernanceSigners[0];
        Assert.Equal(key, proposal.KeyOf(joining, Current));
        Assert.Null(proposal.KeyOf(TestSigners.Of(SuiteId.Sm, "nobody's"), Current));
        Assert.Equal(TrustFailure.TooFewSignatures, proposal.TryFinish(Current, out _)!.Failure);
        var half = proposal.SignedBy(old, World.GovernanceKeys[0]);
        Assert.True(half.IsSignedBy(World.GovernanceKeys[0]));
        Assert.False(half.IsSignedBy(key));
        Assert.NotNull(half.TryFinish(Current, out var early));
        Assert.Null(early);
        Assert.Null(half.SignedBy(joining, key).TryFinish(Current, out var file));
        Assert.Equal(2, file!.Content.GovernanceThreshold);

        // A line that is there twice, and one by a key that is in neither version, change nothing.
        Assert.Null(TrustFile.TryParse(file.ToBytes(), out var back));
        Assert.Equal(file.Fingerprint, back!.Fingerprint);
        Assert.Null(new TrustDraft(file, From + 1).RemoveGovernance("governance-joining"));
        Assert.Contains("no governance key", new TrustDraft(file, From + 1).RemoveGovernance("governance-nobody"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_proposal_reads_back_signed_and_unsigned_and_what_makes_no_trust_file_is_none()
    {
        var proposal = Finish(static draft => draft.Require(RecordState.Final));
        Assert.Null(TrustProposal.TryParse(proposal.ToBytes(), out var unsigned));
        Assert.Equal(proposal.Fingerprint, unsigned!.Fingerprint);
        Assert.Empty(unsigned.Signatures);
        var signed = proposal.SignedBy(World.GovernanceSigners[0], World.GovernanceKeys[0]);
        Assert.Null(TrustProposal.TryParse(signed.ToBytes(), out var back));
        Assert.Single(back!.Signatures);
        Assert.Equal(proposal.Fingerprint, back.Fingerprint);
        Assert.Equal(TrustFailure.NotANote, TrustProposal.TryParse(Encoding.UTF8.GetBytes(proposal.Text), out _)!.Failure);
        Assert.Equal(TrustFailure.NotANote, TrustProposal.TryParse(new byte[TrustFile.MaxBytes + 1], out _)!.Failure);
        Assert.Equal(TrustFailure.NotANote, TrustProposal.TryParse([0xff, .. "\n\n"u8], out _)!.Failure);
        Assert.NotNull(TrustProposal.TryParse("notary/trust/v1\n{}\n\n"u8, out var empty));
        Assert.Null(empty);
    }

    public static TheoryData<string, string> Refusals() => new()
    {
        { "unknown-chain", "knows no chain" },
        { "node-again", "already" },
        { "node-unknown", "has no node" },
        { "replace-unknown", "has no node" },
        { "too-early", "holds from a later one" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_cannot_be_changed_is_refused_with_its_reason_and_leaves_the_draft_as_it_was(string what, string reason)
    {
        var draft = new TrustDraft(Current, what == "too-early" ? 0 : From);
        var refused = what switch
        {
            "unknown-chain" => draft.RotateLog("nowhere", World.LogKey),
            "node-again" => draft.AddNode(Chain, Current.Find(World.Origin)!.Policy.Witnesses[0].Name, NodeKey("x"), null),
            "node-unknown" => draft.RemoveNode(Chain, "nobody"),
            "replace-unknown" => draft.ReplaceNode(Chain, "nobody", NodeKey("x"), null),
            _ => draft.Quorum(Chain, 2),
        };
        Assert.Contains(reason, refused, StringComparison.Ordinal);
        Assert.Null(draft.TryFinish(out var proposal));
        Assert.Empty(TrustChanges.Describe(Current, proposal!.Content));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(0)]
    public void A_quorum_of_half_or_less_or_of_more_than_there_are_is_no_version(int k)
    {
        var draft = new TrustDraft(Current, From);
        Assert.Null(draft.Quorum(Chain, k));
        Assert.Equal(TrustFailure.Policy, draft.TryFinish(out var proposal)!.Failure);
        Assert.Null(proposal);
    }

    [Fact]
    public void What_rewrites_the_past_is_described_first()
    {
        var content = Current.Content with { Version = 2, Previous = Current.Fingerprint, Required = RecordState.Final };
        var other = World.Note(World.Origin, TestSigners.Of(SuiteId.Sm, "another log"), false);
        var rewritten = content with { Chains = [content.Chains[0] with { LogKeys = [other] }, content.Chains[1]] };
        Assert.StartsWith("REWRITES what holds", TrustChanges.Describe(Current, rewritten)[0], StringComparison.Ordinal);
        Assert.StartsWith("REWRITES what holds", TrustChanges.Describe(Current, content with { Chains = [content.Chains[1]] })[0], StringComparison.Ordinal);

        var rotated = Signed(Finish(draft => draft.RotateLog(Chain, other)).Content);
        var moved = rotated.Content with { Chains = [.. rotated.Content.Chains.Select(static c => c.ToMainIndex == From - 1 ? c with { ToMainIndex = From - 5 } : c)] };
        Assert.StartsWith("REWRITES where an earlier entry", TrustChanges.Describe(rotated, moved)[0], StringComparison.Ordinal);
    }

    private static TrustProposal Finish(Func<TrustDraft, string?> change)
    {
        var draft = new TrustDraft(Current, From);
        Assert.Null(change(draft));
        var problem = draft.TryFinish(out var proposal);
        Assert.True(problem is null, problem?.Detail);
        return proposal!;
    }

    private static TrustFile Signed(TrustContent content)
    {
        Assert.Null(TrustProposal.TryCreate(content, out var proposal));
        Assert.Null(proposal!.SignedBy(World.GovernanceSigners[0], World.GovernanceKeys[0]).TryFinish(Current, out var file));
        return file!;
    }
}
