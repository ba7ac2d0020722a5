using System.Text;
using Notary.Chain.Folders;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Network;

/// <summary>The main chain of a deployment under offline governance, in either suite: what makes it, and what does not.</summary>
public sealed class ChainCeremonyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<ISigner> _signers = [];

    [Theory]
    [InlineData("sm")]
    [InlineData("intl")]
    public async Task Chain_is_made_of_what_governance_signed_and_takes_records_of_the_first_account(string suite)
    {
        var (template, parts) = Parts(suite);
        using var data = DataFolder.Take(Path.Combine(_folder.Path, "data"), create: true);
        var begun = ChainCeremony.Begin(data, template, parts, TestChain.Password, TimeProvider.System);
        Assert.Empty(data.Chains);
        Assert.Equal([.. PolicyNames.InOrder, "key"], begun.Documents.Documents.Select(static document => document.Name));
        Assert.Equal(begun.Genesis.Fingerprint, ChainCeremony.Begin(data, template, parts, TestChain.Password, TimeProvider.System).Genesis.Fingerprint);

        var (made, trust, credential) = ChainCeremony.Finish(data, "main", Signed(begun.Documents), Signed(begun.Trust), "https://notary.test", TestChain.Password, TimeProvider.System);
        Assert.Equal(begun.Genesis.Fingerprint, made.Fingerprint);
        Assert.Contains("\"account\":\"agency\"", await File.ReadAllTextAsync(credential!), StringComparison.Ordinal);
        Assert.True(ChainCeremony.IsProduction(data));
        using var host = ChainHost.Open(Assert.Single(data.Chains), TestChain.Password, TimeProvider.System);
        Assert.Equal(7, host.Reader.Size);
        Assert.Equal(trust.Fingerprint, Assert.Single(host.TrustVersions).File.Fingerprint);
        using var result = await host.DepositAsync(new Deposit { Body = Encoding.UTF8.GetBytes(TestChain.Line(new Random(1))), SingleRequest = true, Account = "agency", Auth = AuthMethod.ClientSecret, Received = DateTimeOffset.UtcNow });
        Assert.Equal((DepositOutcome.Sealed, 1), (result.Outcome, result.Count));
    }

    [Theory]
    [InlineData("a policy is missing", "consent is refused as first-leaves-order")]
    [InlineData("the last policy is missing", "retention is refused as first-leaves-order")]
    [InlineData("the policies stand in another order", "access is refused as first-leaves-order")]
    [InlineData("the key is unsigned", "key is refused as governance-missing")]
    [InlineData("a policy is signed by one of two", "custody is refused as governance-missing")]
    [InlineData("of another chain", "not of the chain that was begun here")]
    public void Nothing_is_made_of_what_admission_does_not_take(string what, string sentence)
    {
        var (template, parts) = Parts("sm");
        using var data = DataFolder.Take(Path.Combine(_folder.Path, "data"), create: true);
        var begun = ChainCeremony.Begin(data, template, parts, TestChain.Password, TimeProvider.System);
        List<GovernedDocument> documents = [.. Signed(begun.Documents).Documents];
        var genesis = begun.Genesis;
        switch (what)
        {
            case "a policy is missing":
                documents.RemoveAt(2);
                break;
            case "the last policy is missing":
                documents.RemoveRange(4, 2);
                break;
            case "the policies stand in another order":
                (documents[0], documents[1]) = (documents[1], documents[0]);
                break;
            case "the key is unsigned":
                documents[5] = documents[5] with { Signatures = [] };
                break;
            case "a policy is signed by one of two":
                documents[2] = documents[2] with { Signatures = [documents[2].Signatures[0]] };
                break;
            default:
                genesis = Genesis.Create(genesis.Deployment, genesis.Chain, genesis.Code, genesis.Suite, genesis.K, genesis.GovernanceKeys, genesis.LogKey, genesis.Created.AddSeconds(1));
                break;
        }

        Assert.Equal("", GovernanceProposal.TryCreate([genesis], documents, out var proposal));
        var refused = Assert.Throws<ChainRefusedException>(() => ChainCeremony.Finish(data, "main", proposal!, Signed(begun.Trust), "https://notary.test", TestChain.Password, TimeProvider.System));
        Assert.Contains(sentence, refused.Message, StringComparison.Ordinal);
        Assert.Empty(data.Chains);
        Assert.False(File.Exists(data.TrustPath));
        Assert.False(Directory.Exists(data.CredentialsPath));
    }

    [Fact]
    public void Trust_file_that_does_not_know_the_chain_makes_none()
    {
        var (template, parts) = Parts("sm");
        using var data = DataFolder.Take(Path.Combine(_folder.Path, "data"), create: true);
        var begun = ChainCeremony.Begin(data, template, parts, TestChain.Password, TimeProvider.System);
        var other = Genesis.Create("notary.test", "main", "MN", Suite.Sm, 2, begun.Genesis.GovernanceKeys, NoteKey.Create("notary.test/main", NoteKeyType.Sm2Note, begun.Genesis.GovernanceKeys[2].PublicKey), begun.Genesis.Created);
        Assert.Null(TrustDraft.First(other, begun.Trust.Content.Chains[0].PolicyText, out var wrong));
        foreach (var file in new[] { null, Signed(wrong!) })
        {
            var refused = Assert.Throws<ChainRefusedException>(() => ChainCeremony.Finish(data, "main", Signed(begun.Documents), file, "https://notary.test", TestChain.Password, TimeProvider.System));
            Assert.Equal(ChainRefusal.Trust, refused.Refusal);
        }

        Assert.Empty(data.Chains);
    }

    public void Dispose()
    {
        _signers.ForEach(static signer => signer.Dispose());
        _folder.Dispose();
    }

    private (ChainTemplate Template, CeremonyParts Parts) Parts(string suite)
    {
        var folder = Path.Combine(_folder.Path, "repo", "sidechains", "main");
        TestChain.Copy(Path.Combine(TestChain.RepositoryRoot, "sidechains", "main"), folder);
        TestChain.Copy(Path.Combine(TestChain.RepositoryRoot, "policies"), Path.Combine(_folder.Path, "repo", "policies"));
        var json = Path.Combine(folder, "chain.json");
        File.WriteAllText(json, File.ReadAllText(json).Replace("\"sm\"", $"\"{suite}\"", StringComparison.Ordinal));
        var template = ChainTemplate.Load(folder);
        var algorithm = suite == "sm" ? KeyAlgorithm.Sm2 : KeyAlgorithm.Ed25519;
        for (var officer = 1; officer <= 3; officer++)
        {
            _signers.Add(Key($"governance-{officer}"));
        }

        using var agency = Key("agency");
        var account = new KeyRecord
        {
            Account = "agency", Purpose = KeyPurpose.Submitter, SuiteId = template.Suite.Id, Spki = PublicKeyInfo.Format(algorithm, agency.PublicKey.Span), Chains = [KeyRecord.Any], Types = [KeyRecord.Any],
            From = DateTimeOffset.UtcNow.AddMinutes(-1).ToUnixTimeMilliseconds(), Until = DateTimeOffset.UtcNow.AddDays(1).ToUnixTimeMilliseconds(),
        };
        var nodes = template.Nodes.ToDictionary(static node => node, node =>
        {
            using var key = Key(node);
            return new CeremonyNode(NoteKey.Create(node + ".test/main", NoteKey.TypeFor(algorithm, cosignature: true), key.PublicKey.Span), $"https://{node}.test/mirror");
        });
        return (template, new CeremonyParts("notary.test", [.. _signers.Select((signer, i) => NoteKey.Create($"notary.test/governance-{i + 1}", NoteKey.TypeFor(algorithm, cosignature: false), signer.PublicKey.Span))], 2, nodes, account));

        ISigner Key(string name) => KeyFile.Create(Path.Combine(_folder.Path, name + ".pem"), algorithm, TestChain.Password);
    }

    private GovernanceProposal Signed(GovernanceProposal proposal) => proposal.SignedBy(_signers[0], out _, out _).SignedBy(_signers[2], out _, out _);

    private TrustFile Signed(TrustProposal proposal)
    {
        Assert.Null(proposal.SignedBy(_signers[0], proposal.KeyOf(_signers[0], null)!).SignedBy(_signers[1], proposal.KeyOf(_signers[1], null)!).TryFinish(null, out var file));
        return file!;
    }
}
