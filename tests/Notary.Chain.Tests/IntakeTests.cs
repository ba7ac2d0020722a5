using System.Globalization;
using System.Text;
using System.Text.Json;
using Notary.Chain.Folders;
using Notary.Chain.Sqlite;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain.Tests;

/// <summary>Requests whose leaves are made together, and what each of them must not learn of the others.</summary>
public class IntakeTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("sm")]
    [InlineData("intl")]
    public void Each_keeps_its_own_time_and_refusal(string suite)
    {
        using var chain = new TestChain(suite);
        var random = new Random(11);
        DepositRequest[] requests =
        [
            Request(chain, TestChain.Line(random), Noon),
            Request(chain, "{", Noon),
            Request(chain, TestChain.Line(random), Noon.AddMilliseconds(-1_500)),
            Request(chain, TestChain.Line(random), Noon, account: "somebody"),
            Request(chain, TestChain.Line(random, $$""","metadata":{"title":"{{new string('x', 3_000)}}"}"""), Noon.AddMilliseconds(7)),
            Request(chain, TestChain.Line(random, ",\"x\":1"), Noon),
        ];
        chain.Host.Intake.PrepareTogether(requests);

        Assert.Equal([null, DepositOutcome.Sealed, null, DepositOutcome.NoKey, null, DepositOutcome.Sealed], requests.Select(r => r.Ended));
        Assert.Equal("json-syntax", Assert.Single(requests[1].Errors).Value.Code);
        Assert.Equal((0, "unknown-member"), (requests[5].Errors[0].Line, requests[5].Errors[0].Code));
        Assert.All(requests, r => Assert.Null(r.Failure));
        var leaves = requests[0].Leaves!;
        Assert.Same(leaves, requests[2].Leaves);
        Assert.Same(leaves, requests[4].Leaves);
        Assert.Equal([0, 1, 2], new[] { 0, 2, 4 }.Select(i => requests[i].FirstLeaf));
        leaves.Seal(Noon.AddSeconds(1).ToUnixTimeMilliseconds());
        foreach (var i in new[] { 0, 2, 4 })
        {
            Assert.True(Admission.AdmitForm(leaves.Leaf(requests[i].FirstLeaf), out var facts).Ok);
            Assert.Equal(requests[i].Deposit.Received.ToUnixTimeMilliseconds(), facts.Received);
            Assert.Equal(leaves.Facts(requests[i].FirstLeaf).Received, facts.Received);
            Assert.Equal(Noon.AddSeconds(1).ToUnixTimeMilliseconds(), facts.Sealed);
            Assert.Equal(facts.Received.ToString("x12", CultureInfo.InvariantCulture), facts.Id.ToString("N")[..12]);
            Assert.Equal(new Ledger.TreeHasher(chain.Host.Genesis.Suite).Leaf(leaves.Leaf(requests[i].FirstLeaf)), leaves.Hashes[requests[i].FirstLeaf]);
        }
    }

    [Fact]
    public void What_one_throws_is_its_own()
    {
        using var chain = new TestChain();
        var random = new Random(12);
        DepositRequest[] requests =
        [
            Request(chain, TestChain.Line(random), Noon), Request(chain, TestChain.Line(random), DateTimeOffset.MinValue), Request(chain, TestChain.Line(random), Noon),
        ];
        chain.Host.Intake.PrepareTogether(requests);
        Assert.IsAssignableFrom<ArgumentException>(requests[1].Failure);
        foreach (var i in new[] { 0, 2 })
        {
            Assert.Null(requests[i].Failure);
            Assert.Equal(1, requests[i].Leaves!.Count);
        }
    }

    [Fact]
    public async Task A_request_that_cannot_be_prepared_fails_alone_and_the_chain_goes_on()
    {
        using var chain = new TestChain();
        var deposits = Enumerable.Range(0, 90).Select(i => Task.Run(() => chain.Host.DepositAsync((i % 3) switch
        {
            0 => Request(chain, TestChain.Line(new Random(i)), chain.Time.GetUtcNow()).Deposit,
            1 => Request(chain, TestChain.Line(new Random(i)), DateTimeOffset.MinValue).Deposit,
            _ => Request(chain, "[]", chain.Time.GetUtcNow()).Deposit,
        }))).ToArray();
        await Task.WhenAll(deposits).ContinueWith(_ => { }, TaskScheduler.Default);
        for (var i = 0; i < deposits.Length; i++)
        {
            if (i % 3 == 1)
            {
                await Assert.ThrowsAnyAsync<ArgumentException>(() => deposits[i]);
                continue;
            }

            using var result = await deposits[i];
            Assert.Equal((DepositOutcome.Sealed, i % 3 == 0 ? 1 : 0), (result.Outcome, result.Count));
            Assert.Equal(i % 3 == 0 ? null : "wrong-type", result.ErrorOf(0)?.Code);
        }

        Assert.Null(chain.Host.Stopped);
        Assert.Equal(36, chain.Host.Reader.Size);
        chain.Close();
        Assert.Empty(Fsck.Run(chain.Folder, new FsckOptions { Password = TestChain.Password }).Findings);
    }

    [Fact]
    public async Task What_was_sealed_under_a_key_stays_the_answer_when_the_request_would_be_refused_now()
    {
        using var chain = new TestChain();
        var line = TestChain.Line(new Random(13));
        using (var before = await chain.Host.DepositAsync(Request(chain, line, chain.Time.GetUtcNow(), "somebody", "k").Deposit))
        {
            Assert.Equal(DepositOutcome.NoKey, before.Outcome);
        }

        using (await chain.Deposit(line, oneRequest: true))
        {
        }

        chain.Close();
        // As if the account had lost its key record since.
        using (var database = SqliteDatabase.OpenWriter(chain.Folder.DatabasePath, create: false))
        {
            database.Execute($"INSERT INTO request (account, key, digest, first, count, outcomes, at) VALUES ('somebody', 'k', x'{Suite.Intl.Hash(Encoding.UTF8.GetBytes(line)).ToHex()}', 6, 1, CAST('{{\"Lines\":1,\"Errors\":[]}}' AS BLOB), 0)");
        }

        using var again = await chain.Host.DepositAsync(Request(chain, line, chain.Time.GetUtcNow(), "somebody", "k").Deposit);
        Assert.Equal((DepositOutcome.Replayed, 6L, 1), (again.Outcome, again.First, again.Count));
        using var receipt = JsonDocument.Parse(again.ReceiptOf(0).LeafJson);
        Assert.Equal("evidence", receipt.RootElement.GetProperty("kind").GetString());
        using var other = await chain.Host.DepositAsync(Request(chain, TestChain.Line(new Random(14)), chain.Time.GetUtcNow(), "somebody", "k").Deposit);
        Assert.Equal(DepositOutcome.NoKey, other.Outcome);
    }

    [Fact]
    public async Task What_the_policy_refused_under_a_key_is_remembered_as_it_was_answered()
    {
        using var chain = new TestChain();
        var random = new Random(15);
        // The policy wants metadata for this type, which shows only under the lock.
        var refused = TestChain.Line(random).Replace("\"document\"", "\"forensic-image\"", StringComparison.Ordinal);
        var body = string.Join('\n', refused, TestChain.Line(random), refused, TestChain.Line(random));
        using var first = await chain.Deposit(body, "batch");
        Assert.Equal((DepositOutcome.Sealed, 6L, 2), (first.Outcome, first.First, first.Count));
        using var single = await chain.Deposit(refused, "single", oneRequest: true);
        Assert.Equal((DepositOutcome.Sealed, 0), (single.Outcome, single.Count));
        Assert.True(single.ErrorOf(0)!.Admission);
        using var again = await chain.Deposit(body, "batch");
        Assert.Equal((DepositOutcome.Replayed, 6L, 2, 4), (again.Outcome, again.First, again.Count, again.Lines));
        using var singleAgain = await chain.Deposit(refused, "single", oneRequest: true);
        Assert.Equal((DepositOutcome.Replayed, 0, 1), (singleAgain.Outcome, singleAgain.Count, singleAgain.Lines));
        Assert.Equal(single.ErrorOf(0), singleAgain.ErrorOf(0));
        for (var line = 0; line < 4; line++)
        {
            Assert.Equal(first.ErrorOf(line), again.ErrorOf(line));
            Assert.Equal(line % 2 == 0, first.ErrorOf(line) is { Admission: true });
        }

        Assert.Equal(8, chain.Host.Reader.Size);
    }

    [Fact]
    public async Task The_same_bytes_under_the_same_key_are_another_request_where_bodies_are_read_otherwise()
    {
        using var chain = new TestChain();
        var random = new Random(16);
        var two = TestChain.Line(random) + "\n" + TestChain.Line(random);
        using (var batch = await chain.Deposit(two, "k"))
        {
            Assert.Equal(2, batch.Count);
        }

        // Two lines are no single request: what the batch was answered is not its answer.
        using var single = await chain.Deposit(two, "k", oneRequest: true);
        Assert.Equal((DepositOutcome.Sealed, 0, 1), (single.Outcome, single.Count, single.Lines));
        Assert.Equal("json-syntax", single.ErrorOf(0)!.Code);

        var pretty = TestChain.Line(random).Replace(",", ",\n", StringComparison.Ordinal);
        using (var one = await chain.Deposit(pretty, "p", oneRequest: true))
        {
            Assert.Equal(1, one.Count);
        }

        using var asBatch = await chain.Deposit(pretty, "p");
        Assert.Equal((DepositOutcome.Sealed, 0), (asBatch.Outcome, asBatch.Count));
        Assert.True(asBatch.Lines > 1);
        Assert.Equal(9, chain.Host.Reader.Size);
    }

    [Theory]
    [InlineData("{\"type\":\"document\"}", true)]
    [InlineData("{\"type\":\"\\u0064ocument\"}", false)]
    [InlineData("{\"title\":\"租约\"}", false)]
    public void What_may_be_dear_to_read_is_read_on_its_own_thread(string body, bool shared)
    {
        Assert.Equal(shared, Intake.IsShared(Of(body, single: true)));
        Assert.False(Intake.IsShared(Of(body, single: false)));
        Assert.False(Intake.IsShared(Of(body + new string(' ', Intake.MaximumSharedBytes), single: true)));

        static Deposit Of(string body, bool single) => new()
        {
            Body = Encoding.UTF8.GetBytes(body), SingleRequest = single, Account = "a", Auth = AuthMethod.ClientSecret, Received = Noon,
        };
    }

    [Fact]
    public async Task A_result_that_is_disposed_twice_takes_nothing_from_the_others()
    {
        using var chain = new TestChain();
        DepositRequest[] requests = [.. Enumerable.Range(0, 3).Select(i => Request(chain, TestChain.Line(new Random(i)), Noon))];
        chain.Host.Intake.PrepareTogether(requests);
        var before = requests[2].Leaves!.Leaf(2).ToArray();
        using (var first = await chain.Deposit(TestChain.Line(new Random(17)), oneRequest: true))
        {
            first.Dispose();
            first.Dispose();
        }

        requests[0].Admitted = 1;
        var result = DepositResult.Sealed(chain.Host.Genesis, requests[0], null!, chain.Host.Reader);
        result.Dispose();
        result.Dispose();
        Assert.Equal(before, requests[2].Leaves!.Leaf(2).ToArray());
    }

    private static DepositRequest Request(TestChain chain, string body, DateTimeOffset received, string? account = null, string? key = null) => new(new Deposit
    {
        Body = Encoding.UTF8.GetBytes(body),
        SingleRequest = true,
        Account = account ?? chain.Created.DevelopmentAccount,
        Auth = AuthMethod.ClientSecret,
        IdempotencyKey = key,
        Received = received,
    });
}
