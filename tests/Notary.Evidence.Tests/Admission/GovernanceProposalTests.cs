using System.Text;
using Notary.Crypto;

namespace Notary.Evidence.Tests;

/// <summary>Documents on their way to their signatures: what a proposal may hold, and that what is signed is what admission asks for.</summary>
public sealed class GovernanceProposalTests
{
    private static readonly TestChain Chain = new(k: 2);

    [Fact]
    public void Signed_documents_become_leaves_that_are_admitted()
    {
        var proposal = Of(Key(), Policy("admission"));
        var parsed = Parsed(proposal.ToBytes());
        Assert.Equal(proposal.ToBytes(), parsed.ToBytes());
        var first = parsed.SignedBy(TestKeys.Governance, out var signed, out var key);
        Assert.Equal((2, TestChain.GovernanceKey.Name), (signed, key!.Name));
        Assert.DoesNotContain(first.Documents, first.IsSigned);
        var both = Parsed(first.ToBytes()).SignedBy(TestKeys.SecondGovernance, out signed, out _);
        Assert.Equal(2, signed);
        Assert.All(both.Documents, document => Assert.True(both.IsSigned(document)));

        // Signatures change nothing of what officers compare.
        Assert.Equal(proposal.Fingerprint, both.Fingerprint);
        Assert.Same(both.Documents[0], both.SignedBy(TestKeys.Governance, out signed, out _).Documents[0]);
        Assert.Equal(0, signed);
        both.SignedBy(TestKeys.Stranger, out signed, out key);
        Assert.Equal((0, null), (signed, key));

        var chain = new TestChain(k: 2);
        foreach (var document in both.Documents)
        {
            Assert.Equal(-1, document.SealedAt(chain.State));
            var index = chain.State.Size;
            Assert.True(SystemLeaves.TryGoverned(chain.Genesis, document, isFirst: false, Samples.Id(9), Samples.Received, out var leaf).Ok);
            chain.Append(leaf!);
            Assert.Equal(index, document.SealedAt(chain.State));
        }

        Assert.Equal(2, chain.State.PolicyVersion("admission"));
    }

    [Fact]
    public void Document_that_was_changed_after_it_was_signed_is_not_signed()
    {
        var signed = Of(Key()).SignedBy(TestKeys.Governance, out _, out _).SignedBy(TestKeys.SecondGovernance, out _, out _);
        var text = Encoding.UTF8.GetString(signed.ToBytes());
        var changed = Parsed(Encoding.UTF8.GetBytes(text.Replace("\"account\":\"other-agency\"", "\"account\":\"third-agency\"", StringComparison.Ordinal)));
        Assert.True(signed.IsSigned(signed.Documents[0]));
        Assert.False(changed.IsSigned(changed.Documents[0]));
        Assert.NotEqual(signed.Fingerprint, changed.Fingerprint);
        Assert.True(SystemLeaves.TryGoverned(Chain.Genesis, changed.Documents[0], false, Samples.Id(9), Samples.Received, out var leaf).Ok);
        Assert.Equal(AdmissionFailure.GovernanceMissing, Chain.Try(leaf!.Bytes.Span).Failure);
    }

    [Theory]
    [InlineData("", "not one line of canonical JSON")]
    [InlineData("\n", "not one line of canonical JSON")]
    [InlineData("{}\n", "not a proposal of version 1")]
    [InlineData("without newline", "not one line of canonical JSON")]
    [InlineData("two lines", "not one line of canonical JSON")]
    [InlineData("too long", "not one line of canonical JSON")]
    [InlineData("\"kind\":\"proposal\"|\"kind\":\"incident\"", "not a proposal of version 1")]
    [InlineData("\"v\":1}\n|\"v\":2}\n", "not a proposal of version 1")]
    [InlineData("\"kind\":\"proposal\"|\"kind\":\"proposal\",\"more\":1", "not a proposal of version 1")]
    [InlineData("\"code\":\"GZ\"|\"code\":\"gz\"", "chains[0]")]
    [InlineData("\"chain\":\"notary.test/guangzhou\",\"document\"|\"chain\":\"notary.test/hainan\",\"document\"", "chains")]
    [InlineData("\"name\":\"key\"|\"name\":\"consent\"", "documents[0].document.document")]
    [InlineData("\"name\":\"key\"|\"name\":\"incident\"", "documents[0].name")]
    [InlineData("\"purpose\":\"submitter\"|\"purpose\":\"reader\"", "documents[0].document.purpose")]
    [InlineData("\"governance\":[],\"name\"|\"governance\":[{}],\"name\"", "documents[0]")]
    [InlineData("\"types\":[\"*\"]|\"types\":[]", "documents[0].document.types")]
    public void What_is_no_proposal_is_refused_with_its_place(string change, string where)
    {
        var text = Encoding.UTF8.GetString(Of(Key()).ToBytes());
        var bytes = Encoding.UTF8.GetBytes(change switch
        {
            "without newline" => text.TrimEnd('\n'),
            "two lines" => text + text,
            "too long" => new string(' ', GovernanceProposal.MaxBytes) + text,
            _ when change.Contains('|', StringComparison.Ordinal) => text.Replace(change.Split('|')[0], change.Split('|')[1], StringComparison.Ordinal),
            _ => change,
        });
        Assert.NotEqual(text, Encoding.UTF8.GetString(bytes));
        var problem = GovernanceProposal.TryParse(bytes, out var proposal);
        Assert.Null(proposal);
        Assert.Equal(where, problem);
    }

    [Fact]
    public void Limits_of_a_proposal_hold()
    {
        Assert.Equal("chains", Try([], [Chain.Genesis], out _));
        Assert.Equal("chains", Try([Key()], [], out _));
        Assert.Equal("chains", Try([Key()], [Chain.Genesis, Chain.Genesis], out _));
        Assert.Equal("documents[1] stands twice", Try([Key(), Key()], [Chain.Genesis], out _));
        Assert.Equal("documents", Try([.. Enumerable.Range(0, GovernanceProposal.MaxDocuments + 1).Select(static i => Key($"agency-{i}"))], [Chain.Genesis], out _));
        Assert.Equal("", Try([.. Enumerable.Range(0, GovernanceProposal.MaxDocuments).Select(static i => Key($"agency-{i}"))], [Chain.Genesis], out var largest));
        Assert.Equal(GovernanceProposal.MaxDocuments, Parsed(largest!.ToBytes()).Documents.Count);

        // As many signatures as a leaf takes, and as many bytes.
        var many = new GovernedDocument(Samples.Origin, "key", Key().Document, [.. Enumerable.Range(0, 32).Select(static _ => new GovernanceSignature(new string('k', 255), new byte[64]))]);
        Assert.Equal("", Try([many], [Chain.Genesis], out _));
        Assert.Equal(AdmissionFailure.None, SystemLeaves.TryGoverned(Chain.Genesis, many, false, Samples.Id(9), Samples.Received, out _).Failure);
        Assert.StartsWith("more than", Try([.. Enumerable.Range(0, 32).Select(i => many with { Document = Key($"agency-{i}").Document })], [Chain.Genesis], out _), StringComparison.Ordinal);
    }

    [Fact]
    public void Newest_key_that_holds_submits_and_a_revoked_one_does_not_come_before_it()
    {
        var chain = new TestChain();
        var now = Samples.Received.ToUnixTimeMilliseconds();
        Assert.Null(chain.State.SubmitterKeyOf("nobody", Samples.Origin, now));
        Assert.Equal(5, chain.State.SubmitterKeyOf("dev-agency", Samples.Origin, now));

        // Overlap: the new one is taken from its first instant on, and the old one holds until then.
        var second = TestChain.AgencyKey with { Spki = PublicKeyInfo.Format(KeyAlgorithm.Sm2, TestKeys.Stranger.PublicKey.Span), From = now + 1_000 };
        chain.Append(chain.Key(second));
        Assert.Equal(5, chain.State.SubmitterKeyOf("dev-agency", Samples.Origin, now));
        Assert.Equal(6, chain.State.SubmitterKeyOf("dev-agency", Samples.Origin, now + 1_000));
        Assert.Equal(6, chain.State.SubmitterKeyOf("dev-agency", Samples.Origin, second.Until));
        Assert.Equal(6, chain.State.SubmitterKeyOf("dev-agency", "notary.test/hainan", now + 1_000));
        chain.Append(chain.Key(second with { Supersedes = 6, Revoked = now }));
        Assert.Equal(5, chain.State.SubmitterKeyOf("dev-agency", Samples.Origin, now + 1_000));
        Assert.Equal(7, chain.State.SubmitterKeyOf("dev-agency", Samples.Origin, TestChain.AgencyKey.Until));
    }

    private static GovernedDocument Key(string account = "other-agency") => new(Samples.Origin, Governance.KeyDocument, (TestChain.AgencyKey with
    {
        Account = account, Spki = PublicKeyInfo.Format(KeyAlgorithm.Sm2, TestKeys.Stranger.PublicKey.Span),
    }).SignedDocument(), []);

    private static GovernedDocument Policy(string name) => new(Samples.Origin, name, TestChain.Newer(TestChain.Document(name)), []);

    private static GovernanceProposal Of(params GovernedDocument[] documents)
    {
        Assert.Equal("", Try(documents, [Chain.Genesis], out var proposal));
        return proposal!;
    }

    private static string Try(GovernedDocument[] documents, Genesis[] chains, out GovernanceProposal? proposal) => GovernanceProposal.TryCreate(chains, documents, out proposal);

    private static GovernanceProposal Parsed(byte[] bytes)
    {
        Assert.Equal("", GovernanceProposal.TryParse(bytes, out var proposal));
        return proposal!;
    }
}
