using System.Text;
using Notary.Crypto;

namespace Notary.Evidence.Tests;

/// <summary>One named mutation for every way in which a leaf is not admitted.</summary>
public sealed class AdmissionTests
{
    private static readonly long Sealed = Samples.Sealed.ToUnixTimeMilliseconds();

    private static readonly Dictionary<AdmissionFailure, Func<AdmissionResult>> Mutations = new()
    {
        [AdmissionFailure.TooLarge] = static () => new TestChain().Try(new byte[16 * 1024 + 1]),
        [AdmissionFailure.NotJson] = static () => new TestChain().Try(TestChain.Evidence().ToCanonical().AsSpan()[..^1]),
        [AdmissionFailure.NotCanonical] = static () => new TestChain().Try([.. TestChain.Evidence().ToCanonical(), (byte)'\n']),
        [AdmissionFailure.UnknownKind] = static () => Replaced("\"evidence\"", "\"prophecy\""),
        [AdmissionFailure.UnknownVersion] = static () => Replaced("\"v\":1", "\"v\":2"),
        [AdmissionFailure.KindNotAccepted] = static () => Replaced("\"evidence\"", "\"grant\""),
        [AdmissionFailure.MissingMember] = static () => Replaced(",\"policy\":0", ""),
        [AdmissionFailure.UnknownMember] = static () => Replaced("\"v\":1", "\"v\":1,\"w\":1"),
        [AdmissionFailure.BadValue] = static () => Replaced("\"contract\"", "\"Contract\""),
        [AdmissionFailure.ReceivedAfterSealed] = static () => Changed(static f => f with { Received = Sealed + 1 }),
        [AdmissionFailure.IndexNotNext] = static () => new TestChain().Try(TestChain.Evidence(), 7),
        [AdmissionFailure.WrongChain] = static () => Changed(static f => f with { Chain = "notary.test/beijing" }),
        [AdmissionFailure.SealedBackwards] = static () => Changed(static f => f with { Received = f.Received - 2, Sealed = f.Received - 1 }),
        [AdmissionFailure.FirstLeavesOrder] = static () =>
        {
            var chain = new TestChain();
            return Admission.Admit(chain.Genesis, new ChainState(), chain.Policy(TestChain.Document("access"), false).Bytes.Span, 0, out _);
        },
        [AdmissionFailure.GenesisMismatch] = static () =>
        {
            var leaf = new TestChain(2).Policy(TestChain.Document("admission"), true, TestKeys.Governance);
            return Admission.Admit(new TestChain().Genesis, new ChainState(), leaf.Bytes.Span, 0, out _);
        },
        [AdmissionFailure.GenesisUnexpected] = static () => Policy(static c => c.Policy(TestChain.Newer(TestChain.Document("admission")), true)),
        [AdmissionFailure.GovernanceMissing] = static () => Policy(static c => c.Policy(TestChain.Newer(TestChain.Document("admission")), false, TestKeys.Stranger)),
        [AdmissionFailure.PolicyInvalid] = static () => Policy(static c => c.Policy(TestChain.Newer(TestChain.Document("admission")), false), "\"skew\":300", "\"skew\":-30"),
        [AdmissionFailure.PolicyNotNewer] = static () => Policy(static c => c.Policy(TestChain.Document("admission"), false)),
        [AdmissionFailure.PolicyNotInForce] = static () => Changed(static f => f with { Policy = 1 }),
        [AdmissionFailure.KeyUnknown] = static () => Changed(static f => f with { Key = 4 }),
        [AdmissionFailure.KeyOfOtherAccount] = static () => Changed(static f => f with { Account = "other-agency" }),
        [AdmissionFailure.KeyRevoked] = static () => AfterKey(static k => k with { Supersedes = 5, Revoked = Sealed }, 5),
        [AdmissionFailure.KeySuperseded] = static () => AfterKey(static k => k with { Supersedes = 5 }, 5),
        [AdmissionFailure.KeyNotYetValid] = static () => AfterKey(static k => k with { Supersedes = 5, From = Sealed + 1 }, 6),
        [AdmissionFailure.KeyExpired] = static () => AfterKey(static k => k with { Supersedes = 5, Until = Sealed }, 6),
        [AdmissionFailure.KeyNotForChain] = static () => AfterKey(static k => k with { Supersedes = 5, Chains = ["notary.test/beijing"] }, 6),
        [AdmissionFailure.KeyNotForType] = static () => AfterKey(static k => k with { Supersedes = 5, Types = ["photo"] }, 6),
        [AdmissionFailure.KeyPurpose] = static () => AfterKey(static k => k with { Supersedes = 5, Purpose = KeyPurpose.Node }, 6),
        [AdmissionFailure.KeySupersedes] = static () => Leaf(static c => c.Key(TestChain.AgencyKey)),
        [AdmissionFailure.TypeNotAccepted] = static () => UnderRule("\"types\":[\"*\"]", "\"types\":[\"photo\"]"),
        [AdmissionFailure.AuthNotAccepted] = static () => Changed(static f => f with { Auth = AuthMethod.Governance }),
        [AdmissionFailure.RelationNotAccepted] = static () => UnderRule("\"relations\":[\"none\",\"operator\",\"interested\"]", "\"relations\":[\"operator\"]"),
        [AdmissionFailure.TooManyParts] = static () => UnderRule("\"maxparts\":1000", "\"maxparts\":1", static r => r with { Parts = [Samples.Hash(1), Samples.Hash(2)], Facts = r.Facts with { PartCount = 2 } }),
        [AdmissionFailure.FieldsRequired] = static () => Changed(static f => f with { Type = "forensic-image" }),
        [AdmissionFailure.FieldsForbidden] = static () => UnderRule("\"fields\":\"optional\"", "\"fields\":\"forbidden\"", static r => r with { FieldRoot = Samples.Hash(5), Facts = r.Facts with { HasFields = true } }),
        [AdmissionFailure.SentTooLate] = static () => Changed(static f => f with { Sent = f.Received + 300_001 }),
        [AdmissionFailure.SealedTooLate] = static () => Changed(static f => f with { Sealed = f.Received + 3_600_001 }),
        [AdmissionFailure.StatementSignature] = static () => Leaf(static c => c.Statement(c.SignedStatement(3, TestKeys.Stranger))),
        [AdmissionFailure.StatementTwice] = static () => AfterStatement(static c => c.Try(c.Statement(c.SignedStatement(3)).Bytes.Span)),
        [AdmissionFailure.StatementUnknown] = static () => AfterStatement(static c => c.Try(InStatement(0, Samples.Hash(99)))),
        [AdmissionFailure.StatementOfOtherAccount] = static () => AfterStatement(static c =>
        {
            c.Append(c.Key(TestChain.AgencyKey with { Account = "other-agency", Spki = PublicKeyInfo.Format(KeyAlgorithm.Sm2, TestKeys.Stranger.PublicKey.Span) }));
            var record = InStatement(0, c.SignedStatement(3).Root);
            return c.Try(record with { Facts = record.Facts with { Account = "other-agency", Key = 7 } });
        }),
        [AdmissionFailure.StatementIndexOutside] = static () => AfterStatement(static c => c.Try(InStatement(3, c.SignedStatement(3).Root))),
        [AdmissionFailure.StatementIndexTwice] = static () => AfterStatement(static c =>
        {
            Admission.AdmitForm(InStatement(1, c.SignedStatement(3).Root).ToCanonical(), out var facts);
            c.State.Apply(facts, c.State.Size);
            return c.Try(InStatement(1, c.SignedStatement(3).Root));
        }),
        [AdmissionFailure.AnchorNotOnMain] = static () => Anchored(new MainChain("beijing"), static c => c.Anchor(3)),
        [AdmissionFailure.AnchorWithoutTrust] = static () => Anchored(new MainChain(withTrust: false), static c => c.Anchor(3)),
        [AdmissionFailure.AnchorOfItself] = static () => Anchored(new MainChain(), static c => c.Anchor(MainChain.Note(3, [0, 1], origin: c.Genesis.Origin))),
        [AdmissionFailure.AnchorOriginUnknown] = static () => Anchored(new MainChain(), static c => c.Anchor(MainChain.Note(3, [0, 1], origin: "notary.test/hainan"))),
        [AdmissionFailure.AnchorOutsideRange] = static () => Anchored(new MainChain(region: static r => r with { ToMainIndex = 5 }), static c => c.Anchor(3)),
        [AdmissionFailure.AnchorPrevious] = static () => Anchored(new MainChain(), static c => c.Anchor(MainChain.Note(3, [0, 1]), 4)),
        [AdmissionFailure.AnchorNotLarger] = static () => Anchored(new MainChain(), static c => c.Anchor(3), static c => c.Anchor(MainChain.Note(3, [0, 1]), 6)),
        [AdmissionFailure.AnchorSignature] = static () => Anchored(new MainChain(), static c => c.Anchor(MainChain.Note(3, [0, 1], log: MainChain.Stranger))),
        [AdmissionFailure.AnchorNotFinal] = static () => Anchored(new MainChain(), static c => c.Anchor(MainChain.Note(3, [2]))),
        [AdmissionFailure.AnchorNotExact] = static () => Anchored(new MainChain(), static c => c.Anchor(MainChain.Note(3, [0, 1, 2]))),
        [AdmissionFailure.AnchorInconsistent] = static () => Anchored(
            new MainChain(), static c => c.Anchor(3), static c => c.Anchor(MainChain.Note(8, [0, 1], leaf: "another history"), 6, MainChain.Extends(3, 8))),
        [AdmissionFailure.TrustOtherDeployment] = static () => Trusted(null, static c => c with { Deployment = "other.test", Chains = [MainChain.Region("other.test/guangzhou")] }),
        [AdmissionFailure.TrustWithoutChain] = static () => Trusted(null, static c => c with { Chains = [MainChain.Region()] }),
        [AdmissionFailure.TrustGovernance] = static () => Trusted(null, static c => c with { GovernanceKeys = [MainChain.Governance(2)] }, 2),
        [AdmissionFailure.TrustNotNext] = static () => Trusted([0], static c => c with { Version = c.Version + 1 }, 0),
        [AdmissionFailure.TrustOtherPrevious] = static () => Trusted([0], static c => c with { Previous = Samples.Hash(1) }, 0),
        [AdmissionFailure.TrustTooFewOfPrevious] = static () => Trusted([0, 1], static c => c with { GovernanceThreshold = 1, GovernanceKeys = [MainChain.Governance(0)] }, 0),
        [AdmissionFailure.TrustKeyUnsigned] = static () => Trusted([0], static c => c with { GovernanceThreshold = 1, GovernanceKeys = [MainChain.Governance(0), MainChain.Governance(2)] }, 0),
    };

    // Those of custody are CustodyTests', those of closed chains IncidentTests', those of nodes' statements NodeStatementTests'.
    public static TheoryData<AdmissionFailure> Failures =>
        new(Enum.GetValues<AdmissionFailure>().Where(static f => f is not (AdmissionFailure.None or AdmissionFailure.ProofOfOther or AdmissionFailure.NodeSignature or >= AdmissionFailure.CustodyOnMain)));

    [Theory]
    [MemberData(nameof(Failures))]
    public void Mutated_leaf_is_refused_with_its_reason(AdmissionFailure failure) => Assert.Equal(failure, Mutations[failure]().Failure);

    [Fact]
    public void A_leaf_names_the_newest_key_in_force_and_one_that_is_not_valid_yet_does_not_stand_in_its_way()
    {
        var chain = new TestChain();
        var now = Samples.Received.ToUnixTimeMilliseconds();
        long? Named(long time) => chain.State.SubmitterKeyOf("dev-agency", Samples.Origin, time);
        var first = Named(now);
        Assert.NotNull(first);
        Assert.Null(chain.State.SubmitterKeyOf("nobody", Samples.Origin, now));
        KeyRecord Other(ISigner signer) => TestChain.AgencyKey with { Spki = PublicKeyInfo.Format(signer.Algorithm, signer.PublicKey.Span) };

        // A key for a node, one to come, one for another chain: the first key goes on; when the next is valid, it follows.
        var start = chain.State.Size;
        chain.Append(chain.Key(Other(TestKeys.Log) with { Purpose = KeyPurpose.Node }));
        chain.Append(chain.Key(Other(TestKeys.Governance) with { From = now + 1_000 }));
        chain.Append(chain.Key(Other(TestKeys.SecondGovernance) with { Chains = ["notary.test/elsewhere"] }));
        Assert.Equal(first, Named(now));
        Assert.Equal(start + 1, Named(now + 1_000));

        // Revoked, it counts no more; with nothing in force the newest is named, and admission says what is wrong with it.
        chain.Append(chain.Key(Other(TestKeys.Governance) with { From = now + 1_000, Supersedes = start + 1, Revoked = now }));
        Assert.Equal(first, Named(now + 1_000));
        Assert.Equal(start + 3, Named(TestChain.AgencyKey.Until));
    }

    [Fact]
    public void Unmutated_leaf_is_admitted_and_names_its_rule()
    {
        var result = new TestChain().Try(TestChain.Evidence());
        Assert.Equal((AdmissionFailure.None, "any-evidence-of-a-known-account"), (result.Failure, result.Rule));
    }

    [Fact]
    public void Codes_and_numbers_are_frozen()
    {
        var frozen = File.ReadAllText(Repository.Path("docs/spec/admission.md"));
        foreach (var failure in Enum.GetValues<AdmissionFailure>().Where(static f => f != AdmissionFailure.None))
        {
            Assert.Contains($"| {(int)failure} | `{AdmissionResult.CodeOf(failure)}` |", frozen, StringComparison.Ordinal);
        }

        Assert.Equal("key-not-yet-valid", AdmissionResult.CodeOf(AdmissionFailure.KeyNotYetValid));
        Assert.Equal("not-json", AdmissionResult.CodeOf(AdmissionFailure.NotJson));
    }

    [Theory]
    [InlineData("\"dev-agency\"", "\"Dev\"")]
    [InlineData("\"client-secret\"", "\"password\"")]
    [InlineData("notary.test/guangzhou", "notary.test")]
    [InlineData("-7", "-4")]
    [InlineData("\"key\":5", "\"key\":-5")]
    [InlineData("\"key\":5", "\"key\":\"5\"")]
    [InlineData("\"policy\":0", "\"policy\":null")]
    [InlineData("\"parts\":[", "\"parts\":[\"00\",")]
    [InlineData("\"none\"", "\"friend\"")]
    [InlineData("08:30:01.007Z", "08:30:61.007Z")]
    [InlineData("\"type\":\"contract\"", "\"type\":\"\"")]
    public void Value_outside_its_grammar_is_refused(string from, string to) => Assert.Equal(AdmissionFailure.BadValue, Replaced(from, to).Failure);

    [Fact]
    public void More_than_sixteen_parts_stand_as_count_and_root()
    {
        var record = TestChain.Evidence();
        var chain = new TestChain();
        Assert.True(chain.Try(record with { Parts = [], PartRoot = Samples.Hash(1), Facts = record.Facts with { PartCount = 17 } }).Ok);
        Assert.Equal("partcount", chain.Try(record with { Parts = [], PartRoot = Samples.Hash(1), Facts = record.Facts with { PartCount = 16 } }).Member);
        Assert.Equal("parts", chain.Try(record with { Parts = [.. Enumerable.Range(0, 17).Select(Samples.Hash)] }).Member);
        Assert.Equal("parts", chain.Try(record with { Parts = [] }).Member);
    }

    [Fact]
    public void Facts_of_an_unknown_kind_leave_the_state_alone_and_a_verifier_undecided()
    {
        var result = Replaced("\"evidence\"", "\"prophecy\"");
        Assert.True(result.Indeterminate);
        Assert.False(Replaced("\"contract\"", "\"\"").Indeterminate);
    }

    [Fact]
    public void Two_of_two_governance_needs_both_keys_once()
    {
        var chain = new TestChain(2);
        var document = TestChain.Newer(TestChain.Document("access"));
        Assert.Equal(AdmissionFailure.GovernanceMissing, chain.Try(chain.Policy(document, false, TestKeys.Governance).Bytes.Span).Failure);
        Assert.Equal(AdmissionFailure.GovernanceMissing, chain.Try(chain.Policy(document, false, TestKeys.Governance, TestKeys.Governance).Bytes.Span).Failure);
        Assert.True(chain.Try(chain.Policy(document, false, TestKeys.SecondGovernance, TestKeys.Governance).Bytes.Span).Ok);
    }

    [Fact]
    public void Later_policy_takes_force_at_its_own_index()
    {
        var chain = new TestChain();
        chain.Append(chain.Policy(TestChain.Newer(TestChain.Document("admission"), 9), false));
        Assert.Equal(6, chain.State.AdmissionIndex);
        Assert.Equal(AdmissionFailure.PolicyNotInForce, chain.Try(TestChain.Evidence()).Failure);
        Assert.Equal(AdmissionFailure.PolicyNotNewer, chain.Try(chain.Policy(TestChain.Newer(TestChain.Document("admission"), 8), false).Bytes.Span).Failure);
        var record = TestChain.Evidence();
        Assert.True(chain.Try(record with { Facts = record.Facts with { Policy = 6 } }).Ok);
    }

    [Fact]
    public void Revoked_key_does_not_come_back()
    {
        var chain = new TestChain();
        chain.Append(chain.Key(TestChain.AgencyKey with { Supersedes = 5, Revoked = Sealed }));
        Assert.Equal(AdmissionFailure.KeyRevoked, chain.Try(chain.Key(TestChain.AgencyKey with { Supersedes = 6 }).Bytes.Span).Failure);
        Assert.Equal(AdmissionFailure.KeySupersedes, chain.Try(chain.Key(TestChain.AgencyKey with { Supersedes = 5 }).Bytes.Span).Failure);
    }

    [Fact]
    public void Fork_changes_alone_and_rebuilding_gives_the_same_state()
    {
        var chain = new TestChain();
        var changes = new List<(long, LeafFacts)>();
        var statement = chain.SignedStatement(3);
        chain.Append(chain.Statement(statement));
        var fork = chain.State.Fork();
        Admission.AdmitForm(InStatement(1, statement.Root).ToCanonical(), out var facts);
        fork.Apply(facts, 7);
        Assert.Equal((7, 8), (chain.State.Size, fork.Size));
        Assert.True(Admission.AdmitState(chain.Genesis, chain.State, facts, 7).Ok);
        Assert.Equal(AdmissionFailure.StatementIndexTwice, Admission.AdmitState(chain.Genesis, fork, facts, 8).Failure);

        var state = new ChainState();
        var source = new TestChain();
        foreach (var (name, index) in PolicyNames.InOrder.Select(static (n, i) => (n, i)))
        {
            changes.Add((index, source.Policy(TestChain.Document(name), index == 0).Facts));
        }

        changes.Add((5, source.Key(TestChain.AgencyKey).Facts));
        changes.Add((6, source.Statement(statement).Facts));
        changes.Add((7, facts));
        state = ChainState.Rebuild(changes, 100, Sealed);
        Assert.Equal((100L, 0L, 5L), (state.Size, state.AdmissionIndex, state.LatestOfKey(TestChain.AgencyKey.KeyId)));
        Assert.Equal(AdmissionFailure.StatementIndexTwice, Admission.AdmitState(chain.Genesis, state, facts, 100).Failure);
        Assert.Throws<InvalidOperationException>(() => state.Apply(facts, 99));
    }

    [Fact]
    public void Sealing_a_draft_changes_its_time_only()
    {
        var draft = new TestChain().Key(TestChain.AgencyKey with { Supersedes = 5 });
        draft.Seal(Samples.Sealed);
        Assert.True(Admission.AdmitForm(draft.Bytes.Span, out var facts).Ok);
        Assert.Equal(Sealed, facts.Sealed);
        Assert.Equal(facts with { KeyRecord = null }, draft.Facts with { KeyRecord = null });
    }

    [Fact]
    public void Genesis_is_refused_when_any_member_is_wrong()
    {
        var text = Encoding.UTF8.GetString(new TestChain().Genesis.Canonical.Span);
        GenesisProblem Parse(string from, string to) => Genesis.TryParse(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)), out _);
        Assert.Equal(GenesisProblem.None, Parse("x", "x"));
        Assert.Equal(GenesisProblem.NotCanonical, Parse("{\"chain\"", "{ \"chain\""));
        Assert.Equal(GenesisProblem.UnknownMember, Parse("\"v\":1", "\"v\":1,\"w\":1"));
        Assert.Equal(GenesisProblem.MissingMember, Parse(",\"v\":1", ""));
        Assert.Equal(GenesisProblem.UnknownVersion, Parse("\"v\":1", "\"v\":2"));
        Assert.Equal(GenesisProblem.BadValue, Parse("\"GZ\"", "\"gz\""));
        Assert.Equal(GenesisProblem.BadValue, Parse("\"sm\"", "\"rsa\""));
        Assert.Equal(GenesisProblem.BadKey, Parse("\"sm\"", "\"intl\""));
        Assert.Equal(GenesisProblem.BadKey, Parse("\"k\":1", "\"k\":3"));
        Assert.Equal(GenesisProblem.BadKey, Parse("governance-2", "governance-1"));
        Assert.Equal(GenesisProblem.BadKey, Parse("\"chain\":\"guangzhou\"", "\"chain\":\"beijing\""));
    }

    [Fact]
    public void Mutated_leaves_are_admitted_only_as_canonical_text()
    {
        var random = new Random(6962);
        var chain = new TestChain();
        using var requests = RequestBatch.Parse(Samples.Body(Samples.Requests().Where(static r => r.Parts.Count <= 2)));
        using var batch = Samples.Build(Suite.Sm, requests);
        var seeds = Enumerable.Range(0, batch.Count).Select(i => batch.Leaf(i).ToArray())
            .Append(chain.Key(TestChain.AgencyKey).Bytes.ToArray()).Append(chain.Statement(chain.SignedStatement(3)).Bytes.ToArray())
            .Append(chain.Policy(TestChain.Document("access"), true).Bytes.ToArray()).ToArray();
        var rounds = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? 1_000_000 : 50_000;
        for (var i = 0; i < rounds; i++)
        {
            var bytes = (byte[])seeds[random.Next(seeds.Length)].Clone();
            for (var m = random.Next(1, 3); m > 0; m--)
            {
                bytes = Mutation.Of(random, bytes);
            }

            if (Admission.AdmitForm(bytes, out var facts).Ok)
            {
                Assert.True(Canonical.Check(bytes).Ok);
                if (facts.Kind == RecordKind.Evidence)
                {
                    EvidenceRecord.TryParse(bytes, out var record);
                    Assert.Equal(bytes, record!.ToCanonical());
                }
            }
        }
    }

    private static EvidenceRecord InStatement(int index, Hash32 root)
    {
        var record = TestChain.Evidence();
        return record with { Facts = record.Facts with { StatementIndex = index, StatementRoot = root } };
    }

    private static AdmissionResult Replaced(string from, string to)
    {
        var text = Encoding.ASCII.GetString(TestChain.Evidence().ToCanonical());
        var at = text.IndexOf(from, StringComparison.Ordinal);
        if (from == "-7")
        {
            at = text.IndexOf("-7", text.IndexOf("\"id\"", StringComparison.Ordinal), StringComparison.Ordinal);
        }

        Assert.True(at >= 0);
        return new TestChain().Try(Encoding.ASCII.GetBytes(text[..at] + to + text[(at + from.Length)..]));
    }

    private static AdmissionResult Changed(Func<LeafFacts, LeafFacts> change)
    {
        var record = TestChain.Evidence();
        return new TestChain().Try(record with { Facts = change(record.Facts) });
    }

    private static AdmissionResult Leaf(Func<TestChain, LeafDraft> make)
    {
        var chain = new TestChain();
        return chain.Try(make(chain).Bytes.Span);
    }

    private static AdmissionResult Policy(Func<TestChain, LeafDraft> make, string from = "", string to = "")
    {
        var chain = new TestChain();
        var text = Encoding.UTF8.GetString(make(chain).Bytes.Span);
        return chain.Try(Encoding.UTF8.GetBytes(from.Length == 0 ? text : text.Replace(from, to, StringComparison.Ordinal)));
    }

    private static AdmissionResult AfterKey(Func<KeyRecord, KeyRecord> change, long key)
    {
        var chain = new TestChain();
        chain.Append(chain.Key(change(TestChain.AgencyKey)));
        var record = TestChain.Evidence();
        return chain.Try(record with { Facts = record.Facts with { Key = key } });
    }

    private static AdmissionResult UnderRule(string from, string to, Func<EvidenceRecord, EvidenceRecord>? change = null)
    {
        var chain = new TestChain();
        var text = Encoding.UTF8.GetString(TestChain.Newer(TestChain.Document("admission")));
        chain.Append(chain.Policy(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)), false));
        var record = TestChain.Evidence();
        record = record with { Facts = record.Facts with { Policy = 6 } };
        return chain.Try(change is null ? record : change(record));
    }

    private static AdmissionResult Anchored(MainChain chain, params Func<MainChain, LeafDraft>[] anchors)
    {
        foreach (var anchor in anchors[..^1])
        {
            chain.Append(anchor(chain));
        }

        return chain.Try(anchors[^1](chain));
    }

    // The first trust leaf of a chain, or one after a version that these keys govern, all of whom must sign.
    private static AdmissionResult Trusted(int[]? before, Func<TrustContent, TrustContent> change, params int[] signers)
    {
        var chain = new MainChain(withTrust: false);
        if (before is not null)
        {
            chain.Append(chain.TrustLeaf(chain.Trust(1, null, before.Length, before, before)));
        }

        return chain.Try(chain.TrustLeaf(TrustFile.Create(
            change(chain.Content(before is null ? 1 : 2, chain.State.Trust, before?.Length ?? 1, before ?? [0])), [.. (signers.Length > 0 ? signers : [0]).Select(MainChain.GovernanceSigner)])));
    }

    private static AdmissionResult AfterStatement(Func<TestChain, AdmissionResult> then)
    {
        var chain = new TestChain();
        chain.Append(chain.Statement(chain.SignedStatement(3)));
        return then(chain);
    }
}
