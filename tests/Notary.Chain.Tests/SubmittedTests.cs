using System.Text;
using Notary.Chain.Folders;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;

namespace Notary.Chain.Tests;

/// <summary>An account's records are found by looking through the log: all of them, nobody else's, and no piece twice.</summary>
public sealed class SubmittedTests
{
    // The name of one is the beginning of the other's.
    private const string Other = ChainCreation.DevelopmentAccount + "-2";

    [Fact]
    public async Task Looks_through_the_log_find_each_accounts_records_and_no_others()
    {
        using var chain = new TestChain();
        await Register(chain);
        var random = new Random(7);
        var expected = new Dictionary<string, List<long>> { [ChainCreation.DevelopmentAccount] = [], [Other] = [] };
        foreach (var count in new[] { 1, 5_000, 1, 1, 300, 1, 4_095, 1, 1, 2 })
        {
            foreach (var account in expected.Keys)
            {
                using var sealedOnes = await chain.Host.DepositAsync(new Deposit
                {
                    Body = Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, count).Select(_ => TestChain.Line(random)))), SingleRequest = false, Account = account,
                    Auth = AuthMethod.ClientSecret, Received = chain.Time.GetUtcNow(),
                });
                Assert.Equal((DepositOutcome.Sealed, count), (sealedOnes.Outcome, sealedOnes.Count));
                expected[account].AddRange(Enumerable.Range(0, count).Select(i => sealedOnes.First + i));
            }
        }

        var reader = chain.Host.Reader;
        foreach (var (account, indexes) in expected)
        {
            var found = new List<SubmittedRecord>();
            long from = 0;
            for (; from < reader.Size;)
            {
                found.AddRange(reader.SubmittedBy(account, from, out var until));
                Assert.InRange(until - from, 1, 4_096 + 10_000);
                from = until;
            }

            Assert.Equal(reader.Size, from);
            Assert.Equal(indexes, found.Select(f => f.Index));
            Assert.All(found.Where(f => f.Index % 97 == 0), f =>
            {
                Assert.True(Admission.AdmitForm(reader.Entry(f.Index)!, out var facts).Ok);
                Assert.Equal((facts.Id, facts.Kind, facts.Sealed, facts.Account), (f.Id, f.Kind, f.SealedMs, account));
            });

            // From the middle of a batch.
            Assert.Equal(indexes.Skip(700).Take(10), reader.SubmittedBy(account, indexes[700], out _).Take(10).Select(f => f.Index));
            Assert.Empty(reader.SubmittedBy(account, reader.Size, out var end));
            Assert.Equal(reader.Size, end);
            Assert.Empty(reader.SubmittedBy(account, reader.Size + 1_000, out end));
            Assert.Equal(reader.Size + 1_000, end);
        }

        // More batches than are kept for those who follow: each is seen when it comes, and again from before.
        var (seen, behind) = (reader.Size, reader.Size);
        var more = new List<long>();
        for (var i = 0; i < 70; i++)
        {
            using var sealedOne = await chain.Host.DepositAsync(new Deposit
            {
                Body = Encoding.UTF8.GetBytes(TestChain.Line(random)), SingleRequest = false, Account = Other, Auth = AuthMethod.ClientSecret, Received = chain.Time.GetUtcNow(),
            });
            more.Add(sealedOne.First);
            Assert.Equal([sealedOne.First], reader.SubmittedBy(Other, seen, out seen).Select(f => f.Index));
            Assert.Empty(reader.SubmittedBy(ChainCreation.DevelopmentAccount, sealedOne.First, out _));
        }

        Assert.Equal(more, reader.SubmittedBy(Other, behind, out _).Select(f => f.Index));
        Assert.Equal(expected[Other].Take(1), reader.SubmittedBy(Other, 0, out _).Take(1).Select(f => f.Index));
        Assert.Empty(reader.SubmittedBy("dev", 0, out _));
    }

    private static async Task Register(TestChain chain)
    {
        var genesis = chain.Host.Genesis;
        using var governance = KeyFile.Load(Path.Combine(chain.DataPath, "keys", "governance.pem"), TestChain.Password);
        using var account = KeyFile.Create(Path.Combine(chain.DataPath, "other.pem"), KeyAlgorithm.Sm2, TestChain.Password);
        var now = chain.Time.GetUtcNow();
        var key = new KeyRecord
        {
            Account = Other, Purpose = KeyPurpose.Submitter, SuiteId = genesis.Suite.Id, Spki = PublicKeyInfo.Format(KeyAlgorithm.Sm2, account.PublicKey.Span), Chains = [genesis.Origin], Types = [KeyRecord.Any],
            From = RecordTime.ToMilliseconds(now), Until = RecordTime.ToMilliseconds(now + TimeSpan.FromDays(1)),
        };
        key = key with { Signatures = [Governance.Sign(genesis, genesis.GovernanceKeys[0], governance, Governance.KeyDocument, key.SignedDocument())] };
        var (index, reason) = await chain.Host.AppendAsync(SystemLeaves.Key(genesis, key, Guid.CreateVersion7(now), now));
        Assert.True(index > 0, reason);
    }
}
