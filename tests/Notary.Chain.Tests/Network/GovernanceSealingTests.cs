using System.Text;
using Notary.Chain.Network;
using Notary.Chain.Tests.Postgres;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;

namespace Notary.Chain.Tests.Network;

/// <summary>Policies and key records sealed on a running chain, its tables in a SQLite file or in PostgreSQL.</summary>
public abstract class GovernanceSealingTests
{
    protected abstract TestChain NewChain();

    [Fact]
    public async Task Key_is_replaced_with_overlap_and_revoked_and_the_chain_knows_it_after_it_is_opened_again()
    {
        using var chain = NewChain();
        using var drawn = new TemporaryFolder();
        using var signer = KeyFile.Create(Path.Combine(drawn.Path, "second.pem"), KeyAlgorithm.Sm2, TestChain.Password);
        var now = RecordTime.ToMilliseconds(chain.Time.GetUtcNow());
        var key = new KeyRecord
        {
            Account = chain.Created.DevelopmentAccount, Purpose = KeyPurpose.Submitter, SuiteId = SuiteId.Sm, Spki = PublicKeyInfo.Format(KeyAlgorithm.Sm2, signer.PublicKey.Span),
            Chains = [chain.Host.Genesis.Origin], Types = [KeyRecord.Any], From = now, Until = now + 86_400_000,
        };
        Assert.Equal(5, await Submits(chain));
        var added = Proposal(chain, Governance.KeyDocument, key.SignedDocument());
        Assert.Equal(AdmissionFailure.GovernanceMissing, (await Apply(chain, added)).Outcomes[0].Refusal.Failure);
        var signed = Signed(chain, added);
        var index = (await Apply(chain, signed)).Outcomes[0].Index;
        Assert.Equal(7, index);
        Assert.Equal(index, (await Apply(chain, signed)).Outcomes[0].Index);
        Assert.Equal(8, chain.Host.Reader.Size);
        Assert.Equal(index, await Submits(chain));

        // Nothing of a proposal is sealed of which one document is refused.
        var revoked = key with { Supersedes = index, Revoked = now };
        var half = await Apply(chain, Signed(chain, Proposal(chain, (Governance.KeyDocument, revoked.SignedDocument()), (Governance.KeyDocument, (key with { Until = now + 1 }).SignedDocument()))));
        Assert.Equal([AdmissionFailure.None, AdmissionFailure.KeySupersedes], half.Outcomes.Select(static outcome => outcome.Refusal.Failure));
        Assert.True(half.Refused);
        Assert.Equal(9, chain.Host.Reader.Size);
        Assert.Equal(9, (await Apply(chain, Signed(chain, Proposal(chain, Governance.KeyDocument, revoked.SignedDocument())))).Outcomes[0].Index);
        Assert.Equal(5, await Submits(chain));
        chain.Close();
        Assert.Equal(5, await Submits(chain));
        Assert.Equal([5L, 9L], chain.Host.KeysOf(chain.Created.DevelopmentAccount).Select(static known => known.Index));
        Assert.Equal(AdmissionFailure.KeySupersedes, (await Apply(chain, signed)).Outcomes[0].Refusal.Failure);
    }

    [Fact]
    public async Task Policy_goes_forward_on_the_chain_it_was_signed_for()
    {
        using var chain = NewChain();
        var standing = chain.Host.PoliciesInForce;
        Assert.Equal(PolicyNames.InOrder, standing.Select(static policy => policy.Name));
        var second = Signed(chain, Proposal(chain, "admission", Newer(standing[0], 2)));
        var third = Signed(chain, Proposal(chain, "admission", Newer(standing[0], 3)));
        var sealedAt = (await Apply(chain, third)).Outcomes[0].Index;
        Assert.Equal((3, sealedAt), (chain.Host.PoliciesInForce[0].Version, chain.Host.PoliciesInForce[0].Index));
        Assert.Equal(AdmissionFailure.PolicyNotNewer, (await Apply(chain, second)).Outcomes[0].Refusal.Failure);
        Assert.Equal(sealedAt, (await Apply(chain, third)).Outcomes[0].Index);
        using (var result = await chain.DepositMany(3, seed: 1))
        {
            Assert.Equal(DepositOutcome.Sealed, result.Outcome);
        }

        using var other = new TestChain("intl");
        Assert.Equal(AdmissionFailure.WrongChain, (await Apply(other, third)).Outcomes[0].Refusal.Failure);
        var stopped = await chain.Host.AppendAsync(SystemLeaves.Policy(chain.Host.Genesis, Newer(standing[0], 9), [], isFirst: false, Guid.CreateVersion7(), chain.Time.GetUtcNow()));
        Assert.Equal((-1L, "governance-missing"), stopped);
    }

    private static byte[] Newer(PolicyStanding policy, int version) =>
        Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(policy.Document.Span).Replace("\"version\":1", $"\"version\":{version}", StringComparison.Ordinal));

    private static GovernanceProposal Proposal(TestChain chain, string name, byte[] document) => Proposal(chain, (name, document));

    private static GovernanceProposal Proposal(TestChain chain, params (string Name, byte[] Document)[] documents)
    {
        Assert.Equal("", GovernanceProposal.TryCreate([chain.Host.Genesis], [.. documents.Select(one => new GovernedDocument(chain.Host.Genesis.Origin, one.Name, one.Document, []))], out var proposal));
        return proposal!;
    }

    private static GovernanceProposal Signed(TestChain chain, GovernanceProposal proposal)
    {
        using var governance = KeyFile.Load(Path.Combine(chain.DataPath, "keys", "governance.pem"), TestChain.Password);
        var signed = proposal.SignedBy(governance, out var count, out _);
        Assert.Equal(proposal.Documents.Count, count);
        return signed;
    }

    private static Task<GovernanceApplied> Apply(TestChain chain, GovernanceProposal proposal) =>
        GovernanceSealing.ApplyAsync(new Dictionary<string, ChainHost> { [chain.Host.Name] = chain.Host }, proposal, chain.Time);

    // The key record that the account's next record names.
    private static async Task<long> Submits(TestChain chain)
    {
        using var result = await chain.DepositMany(1, seed: Random.Shared.Next());
        Assert.Equal((DepositOutcome.Sealed, 1), (result.Outcome, result.Count));
        Assert.True(Admission.AdmitForm(chain.Host.Reader.Entry(chain.Host.Reader.Size - 1), out var facts).Ok);
        return facts.Key;
    }
}

public sealed class SqliteGovernanceSealingTests : GovernanceSealingTests
{
    protected override TestChain NewChain() => new();
}

public sealed class PostgresGovernanceSealingTests : GovernanceSealingTests
{
    protected override TestChain NewChain() => new(postgres: PostgresCluster.Shared);
}
