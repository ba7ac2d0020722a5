using Notary.Ledger;

namespace Notary.Evidence.Tests;

/// <summary>The first version of a deployment in production, from its proposal to the signed file.</summary>
public sealed class FirstVersionTests
{
    private static readonly NoteKey Node = NoteKey.Create("court.test/main", NoteKeyType.Sm2Cosignature, TestKeys.Agency.PublicKey.Span);
    private static readonly NoteKey OtherNode = NoteKey.Create("archive.test/main", NoteKeyType.Sm2Cosignature, TestKeys.Stranger.PublicKey.Span);

    [Fact]
    public void First_version_is_the_trust_file_once_enough_of_its_governance_have_signed()
    {
        var main = OfMain();
        Assert.Null(TrustDraft.First(main, Policy(2), out var proposal));
        Assert.Equal((1, TrustMode.Production, RecordState.Anchored, 2), (proposal!.Content.Version, proposal.Content.Mode, proposal.Content.Required, proposal.Content.GovernanceThreshold));
        Assert.Equal(TrustFailure.TooFewSignatures, proposal.TryFinish(null, out _)!.Failure);
        var one = proposal.SignedBy(TestKeys.Governance, proposal.KeyOf(TestKeys.Governance, null)!);
        Assert.Equal(TrustFailure.TooFewSignatures, one.TryFinish(null, out _)!.Failure);
        Assert.Null(one.KeyOf(TestKeys.Log, null));
        Assert.Null(one.SignedBy(TestKeys.SecondGovernance, one.KeyOf(TestKeys.SecondGovernance, null)!).TryFinish(null, out var file));
        Assert.Equal(main.LogKey, Assert.Single(file!.Main!.LogKeys));
        Assert.Equal(proposal.Fingerprint, file.Fingerprint);

        // A later version is no first one.
        Assert.Null(new TrustDraft(file, 7).GovernanceThreshold(1));
        var draft = new TrustDraft(file, 7);
        draft.Require(RecordState.Final);
        Assert.Null(draft.TryFinish(out var second));
        var signed = second!.SignedBy(TestKeys.Governance, TestChain.GovernanceKey).SignedBy(TestKeys.SecondGovernance, TestChain.SecondKey);
        Assert.Equal(TrustFailure.NotNextVersion, signed.TryFinish(null, out _)!.Failure);
        Assert.Null(signed.TryFinish(file, out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public void First_version_takes_no_quorum_that_could_contradict_itself(int k)
    {
        Assert.Equal(TrustFailure.Policy, TrustDraft.First(OfMain(), k == 0 ? "quorum court\n" : Policy(k), out var proposal)!.Failure);
        Assert.Null(proposal);
    }

    private static string Policy(int k) => FormattableString.Invariant($"witness court {Node.Format()} https://court.test/mirror\nwitness archive {OtherNode.Format()} https://archive.test/mirror\ngroup nodes {k} court archive\nquorum nodes\n");

    private static Genesis OfMain() => Genesis.Create(
        "notary.test", "main", "MN", Notary.Crypto.Suite.Sm, 2, [TestChain.GovernanceKey, TestChain.SecondKey], NoteKey.Create("notary.test/main", NoteKeyType.Sm2Note, TestKeys.Log.PublicKey.Span), Samples.Received);
}
