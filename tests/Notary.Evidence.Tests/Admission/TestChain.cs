using System.Text;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Ledger;

namespace Notary.Evidence.Tests;

/// <summary>Keys made once a test run: deriving the file's key takes its time by design.</summary>
internal static class TestKeys
{
    public static readonly ISigner Governance = Create(KeyAlgorithm.Sm2);
    public static readonly ISigner SecondGovernance = Create(KeyAlgorithm.Sm2);
    public static readonly ISigner Log = Create(KeyAlgorithm.Sm2);
    public static readonly ISigner Agency = Create(KeyAlgorithm.Sm2);
    public static readonly ISigner Stranger = Create(KeyAlgorithm.Sm2);

    private static ISigner Create(KeyAlgorithm algorithm)
    {
        var folder = Directory.CreateTempSubdirectory("notary-evidence-");
        try
        {
            return KeyFile.Create(Path.Combine(folder.FullName, "key.pem"), algorithm, "test password");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}

/// <summary>A chain of leaves 0 to 4 and the agency's key record at 5, admitted one after the other.</summary>
internal sealed class TestChain
{
    public static readonly NoteKey GovernanceKey = NoteKey.Create("notary.test/governance-1", NoteKeyType.Sm2Note, TestKeys.Governance.PublicKey.Span);
    public static readonly NoteKey SecondKey = NoteKey.Create("notary.test/governance-2", NoteKeyType.Sm2Note, TestKeys.SecondGovernance.PublicKey.Span);

    public TestChain(int k = 1)
    {
        Genesis = Genesis.Create(
            "notary.test", "guangzhou", "GZ", Suite.Sm, k, [GovernanceKey, SecondKey],
            NoteKey.Create(Samples.Origin, NoteKeyType.Sm2Note, TestKeys.Log.PublicKey.Span), Samples.Received.AddDays(-1));
        foreach (var name in PolicyNames.InOrder)
        {
            Append(Policy(Document(name), State.Size == 0));
        }

        Append(Key(AgencyKey));
    }

    public Genesis Genesis { get; }

    public ChainState State { get; } = new();

    public static KeyRecord AgencyKey => new()
    {
        Account = "dev-agency", Purpose = KeyPurpose.Submitter, SuiteId = SuiteId.Sm,
        Spki = PublicKeyInfo.Format(KeyAlgorithm.Sm2, TestKeys.Agency.PublicKey.Span), Chains = [Samples.Origin], Types = [KeyRecord.Any],
        From = Samples.Received.AddDays(-1).ToUnixTimeMilliseconds(), Until = Samples.Received.AddDays(365).ToUnixTimeMilliseconds(),
    };

    public static byte[] Document(string name)
    {
        var problem = PolicyDocument.TryCanonicalize(File.ReadAllBytes(Repository.Path($"policies/{name}/default.json")), out var canonical);
        Assert.Equal("", problem);
        return canonical;
    }

    public static byte[] Newer(byte[] document, int version = 2) =>
        Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(document).Replace("\"version\":1", $"\"version\":{version}", StringComparison.Ordinal));

    public LeafDraft Policy(byte[] document, bool isFirst, params ISigner[] signers)
    {
        PolicyDocument.TryParse(document, out var parsed);
        return SystemLeaves.Policy(Genesis, document, Sign(parsed!.Name, document, signers), isFirst, Samples.Id(1), Samples.Received);
    }

    public LeafDraft Key(KeyRecord record, params ISigner[] signers) =>
        SystemLeaves.Key(Genesis, record with { Signatures = Sign(Governance.KeyDocument, record.SignedDocument(), signers) }, Samples.Id(2), Samples.Received);

    public LeafDraft Statement(StatementRecord record) => SystemLeaves.Statement(Genesis, record, Samples.Id(3), Samples.Received);

    public StatementRecord SignedStatement(int count, ISigner? signer = null) => StatementRecord.Sign(
        Genesis.Suite, Genesis.Origin, "dev-agency", 5, Samples.Id(4), [.. Enumerable.Range(0, count).Select(Samples.Hash)], signer ?? TestKeys.Agency);

    public void Append(LeafDraft draft)
    {
        var result = Admission.Admit(Genesis, State, draft.Bytes.Span, State.Size, out var facts);
        Assert.True(result.Ok, result.Code);
        State.Apply(facts, State.Size);
    }

    /// <summary>An evidence leaf that is admitted, as an object to change.</summary>
    public static EvidenceRecord Evidence() => new()
    {
        Parts = [Samples.Hash(1)],
        Facts = new LeafFacts
        {
            Kind = RecordKind.Evidence, Id = Samples.Id(7), Chain = Samples.Origin, Received = Samples.Received.ToUnixTimeMilliseconds(),
            Sealed = Samples.Sealed.ToUnixTimeMilliseconds(), Account = "dev-agency", Key = 5, Policy = 0, Type = "contract", Auth = AuthMethod.ClientSecret, PartCount = 1,
        },
    };

    public AdmissionResult Try(EvidenceRecord record, long? index = null) => Try(record.ToCanonical(), index);

    public AdmissionResult Try(ReadOnlySpan<byte> leaf, long? index = null) => Admission.Admit(Genesis, State, leaf, index ?? State.Size, out _);

    private IReadOnlyList<GovernanceSignature> Sign(string name, byte[] document, ISigner[] signers)
    {
        ISigner[] chosen = signers.Length > 0 ? signers : Genesis.K == 1 ? [TestKeys.Governance] : [TestKeys.Governance, TestKeys.SecondGovernance];
        return [.. chosen.Select(s => Governance.Sign(Genesis, s == TestKeys.SecondGovernance ? SecondKey : GovernanceKey, s, name, document))];
    }
}
