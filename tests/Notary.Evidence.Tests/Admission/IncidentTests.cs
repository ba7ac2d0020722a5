using System.Text;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence.Tests;

/// <summary>A chain is closed by an incident on the main chain: what may be said, by whom, once, and what may follow.</summary>
public sealed class IncidentTests
{
    private const string Successor = "notary.test/guangzhou-2";

    private static readonly Dictionary<AdmissionFailure, Func<AdmissionResult>> Mutations = new()
    {
        [AdmissionFailure.IncidentNotOnMain] = static () => Close(new MainChain("beijing")),
        [AdmissionFailure.IncidentWithoutTrust] = static () => Close(new MainChain(withTrust: false)),
        [AdmissionFailure.IncidentOfMain] = static () => Close(new MainChain(), static chain => Of(chain, lost: MainChain.Note(9, [], origin: chain.Genesis.Origin))),
        [AdmissionFailure.IncidentOriginUnknown] = static () => Close(new MainChain(), static chain => Of(chain, lost: MainChain.Note(9, [], origin: "notary.test/hainan"))),
        [AdmissionFailure.IncidentTwice] = static () =>
        {
            var chain = new MainChain();
            chain.Append(chain.IncidentLeaf(chain.Incident(5, 9, [0])));
            return chain.Try(chain.IncidentLeaf(chain.Incident(5, 9, [0], "notary.test/guangzhou-3")));
        },
        [AdmissionFailure.IncidentSuccessor] = static () => Close(new MainChain(), static chain => chain.Incident(5, 9, [0], MainChain.RegionOrigin)),
        [AdmissionFailure.IncidentSignature] = static () => Close(new MainChain(), static chain => Of(chain, lost: MainChain.Note(9, [], log: MainChain.Stranger))),
        [AdmissionFailure.IncidentInconsistent] = static () => Anchored(3, static chain => Of(chain, MainChain.Note(5, [], leaf: "another history"), proof: MainChain.Extends(3, 5))),
        [AdmissionFailure.AnchorOfClosed] = static () =>
        {
            var chain = new MainChain();
            chain.Append(chain.IncidentLeaf(chain.Incident(5, 9, [0])));
            return chain.Try(chain.Anchor(6));
        },
    };

    public static TheoryData<AdmissionFailure> Failures => new(Enum.GetValues<AdmissionFailure>().Where(static failure => failure is >= AdmissionFailure.IncidentNotOnMain and < AdmissionFailure.NodeWithoutTrust));

    [Theory]
    [MemberData(nameof(Failures))]
    public void Mutated_incident_or_what_follows_it_is_refused_with_its_reason(AdmissionFailure failure) => Assert.Equal(failure, Mutations[failure]().Failure);

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 8)]
    [InlineData(3, 0)]
    [InlineData(3, 2)]
    [InlineData(3, 3)]
    [InlineData(3, 8)]
    [InlineData(9, 5)]
    public void Chain_is_closed_at_any_size_below_the_lost_one_whatever_was_anchored(int anchored, int available)
    {
        var chain = new MainChain();
        if (anchored > 0)
        {
            chain.Append(chain.Anchor(anchored));
        }

        var record = chain.Incident(available, 9, [0]);
        var index = chain.State.Size;
        Assert.Null(chain.State.Closed(MainChain.RegionOrigin));
        chain.Append(chain.IncidentLeaf(record));
        var closed = chain.State.Closed(MainChain.RegionOrigin)!;
        Assert.Equal((index, (long)available, Successor, IncidentReason.Storage), (closed.Index, closed.Record.Size, closed.Record.Successor, closed.Record.Reason));
        Assert.Null(chain.State.Closed(Successor));
    }

    [Fact]
    public void Incident_contradicts_no_anchor()
    {
        // More is anchored than is said to be lost; the same size with another root; a proof where none can be; none where one must be.
        Assert.Equal(AdmissionFailure.IncidentInconsistent, Anchored(9, static chain => chain.Incident(3, 8, [0])).Failure);
        Assert.Equal(AdmissionFailure.IncidentInconsistent, Anchored(9, static chain => Of(chain, MainChain.Note(3, []), MainChain.Note(9, [], leaf: "another history"))).Failure);
        Assert.Equal(AdmissionFailure.IncidentInconsistent, Anchored(9, static chain => Of(chain, MainChain.Note(3, []), proof: MainChain.Extends(3, 9))).Failure);
        Assert.Equal(AdmissionFailure.IncidentInconsistent, Anchored(3, static chain => Of(chain, MainChain.Note(5, []))).Failure);
        Assert.Equal(AdmissionFailure.IncidentInconsistent, Anchored(5, static chain => Of(chain, MainChain.Note(5, [], leaf: "another history"))).Failure);
        Assert.Equal(AdmissionFailure.IncidentInconsistent, Close(new MainChain(), static chain => Of(chain, MainChain.Note(5, []), proof: MainChain.Extends(3, 5))).Failure);
        Assert.True(Anchored(5, static chain => Of(chain, MainChain.Note(5, []))).Ok);
        Assert.True(Anchored(9, static chain => chain.Incident(3, 9, [0])).Ok);
    }

    [Fact]
    public void Both_checkpoints_are_the_logs_own_by_any_key_that_it_ever_had()
    {
        Assert.Equal("available", Close(new MainChain(), static chain => Of(chain, MainChain.Note(5, [], log: MainChain.Stranger))).Member);
        var chain = new MainChain(withTrust: false);
        var content = chain.Content(1, null, 1, [0]);
        var region = content.Chains[1];
        chain.Append(chain.TrustLeaf(TrustFile.Create(
            content with { Chains = [content.Chains[0], region with { ToMainIndex = 3 }, MainChain.Region(log: MainChain.Stranger) with { FromMainIndex = 4, ToMainIndex = 5 }] }, MainChain.GovernanceSigner(0))));
        Assert.True(chain.Try(chain.IncidentLeaf(chain.Signed(Of(chain, MainChain.Note(5, []), MainChain.Note(9, [], log: MainChain.Stranger), sign: false), 0))).Ok);
        var wrong = MainChain.Note(9, []);
        var bytes = wrong.Signatures[0].Signature.ToArray();
        bytes[9] ^= 1;
        Assert.Equal(AdmissionFailure.IncidentSignature, chain.Try(chain.IncidentLeaf(Of(
            chain, MainChain.Note(5, []), SignedNote.Create(wrong.Text, [new NoteSignature(wrong.Signatures[0].Name, wrong.Signatures[0].KeyId, bytes)])))).Failure);
    }

    [Fact]
    public void Governance_keys_of_the_version_in_force_sign_as_many_as_have_to_and_nobody_else()
    {
        var chain = new MainChain();
        AdmissionFailure By(params int[] signers) => chain.Try(chain.IncidentLeaf(chain.Incident(5, 9, signers))).Failure;
        Assert.Equal(AdmissionFailure.GovernanceMissing, By());
        Assert.Equal(AdmissionFailure.GovernanceMissing, By(2));
        Assert.Equal(AdmissionFailure.GovernanceMissing, By(0, 0));
        // A key of the genesis that the version in force does not have; then two of two, in a version that has them.
        Assert.Equal(AdmissionFailure.GovernanceMissing, By(1));
        Assert.Equal(AdmissionFailure.None, By(0));
        chain.Append(chain.TrustLeaf(chain.Trust(2, chain.State.Trust, 2, [1, 2], [0, 1, 2])));
        Assert.Equal(AdmissionFailure.GovernanceMissing, By(0));
        Assert.Equal(AdmissionFailure.GovernanceMissing, By(1));
        Assert.Equal(AdmissionFailure.GovernanceMissing, By(0, 1, 2));
        Assert.Equal(AdmissionFailure.None, By(2, 1));
        // What was signed is what is said, for this main chain.
        var record = chain.Incident(5, 9, [1, 2]);
        Assert.NotEqual(record.Message(Suite.Sm, chain.Genesis.Origin), record.Message(Suite.Sm, "notary.other/main"));
        var other = record.Signatures.Aggregate(chain.Incident(4, 9, []), static (current, signature) => current.With(signature));
        Assert.Equal(AdmissionFailure.GovernanceMissing, chain.Try(chain.IncidentLeaf(other)).Failure);
    }

    [Theory]
    [InlineData("notary.test/main")]
    [InlineData("other.test/guangzhou-2")]
    [InlineData("notary.test.other/guangzhou-2")]
    public void Successor_is_another_region_of_the_deployment(string successor) =>
        Assert.Equal(AdmissionFailure.IncidentSuccessor, Close(new MainChain(), chain => chain.Incident(5, 9, [0], successor)).Failure);

    [Fact]
    public void Successor_is_no_chain_that_is_closed()
    {
        var chain = new MainChain(withTrust: false);
        var content = chain.Content(1, null, 1, [0]);
        chain.Append(chain.TrustLeaf(TrustFile.Create(content with { Chains = [.. content.Chains, MainChain.Region(Successor) with { Code = "GY" }] }, MainChain.GovernanceSigner(0))));
        chain.Append(chain.IncidentLeaf(chain.Incident(5, 9, [0])));
        Assert.Equal(AdmissionFailure.IncidentSuccessor, chain.Try(chain.IncidentLeaf(
            Of(chain, MainChain.Note(2, [], origin: Successor), MainChain.Note(3, [], origin: Successor), successor: MainChain.RegionOrigin))).Failure);
    }

    [Fact]
    public void What_is_available_may_still_be_anchored_and_nothing_above_it()
    {
        var chain = new MainChain();
        chain.Append(chain.Anchor(3));
        chain.Append(chain.IncidentLeaf(chain.Incident(7, 9, [0])));
        Assert.Equal(AdmissionFailure.AnchorOfClosed, chain.Try(chain.Anchor(8)).Failure);
        Assert.Equal(AdmissionFailure.AnchorOfClosed, chain.Try(chain.Anchor(9)).Failure);
        Assert.Equal(AdmissionFailure.AnchorOfClosed, chain.Try(chain.Anchor(MainChain.Note(7, [0, 1], leaf: "another history"), 6, MainChain.Extends(3, 7))).Failure);
        chain.Append(chain.Anchor(5));
        chain.Append(chain.Anchor(7));
        // Of nothing nothing is anchored.
        var empty = new MainChain();
        empty.Append(empty.IncidentLeaf(empty.Incident(0, 9, [0])));
        Assert.Equal(AdmissionFailure.AnchorOfClosed, empty.Try(empty.Anchor(1)).Failure);
    }

    [Fact]
    public void State_is_rebuilt_with_what_is_closed()
    {
        var chain = new MainChain();
        var draft = chain.IncidentLeaf(chain.Incident(5, 9, [0]));
        Assert.True(draft.Facts.ChangesState);
        chain.Append(draft);
        var state = ChainState.Rebuild([(5, chain.TrustLeaf(chain.State.Trust!).Facts), (6, draft.Facts)], 7, chain.State.LastSealed);
        Assert.Equal((6L, 5L), (state.Closed(MainChain.RegionOrigin)!.Index, state.Closed(MainChain.RegionOrigin)!.Record.Size));
        Assert.False(RecordKinds.EndsCosigning(draft.Facts.Kind));
    }

    [Theory]
    [InlineData("\"reason\":\"storage\"", "\"reason\":\"Storage\"", "reason")]
    [InlineData("\"reason\":\"storage\"", "\"reason\":\"\"", "reason")]
    [InlineData("\"reason\":\"storage\"", "\"reason\":1", "reason")]
    [InlineData("\"proof\":[]", "\"proof\":[\"00\"]", "proof")]
    [InlineData("\"proof\":[]", "\"proof\":{}", "proof")]
    [InlineData("\"successor\":\"notary.test/", "\"successor\":\"", "successor")]
    [InlineData("\"lost\":\"notary.test/guangzhou\\n9", "\"lost\":\"notary.test/guangzhou\\n5", "available")]
    [InlineData("\"available\":\"notary.test/guangzhou", "\"available\":\"notary.test/hainan", "available")]
    [InlineData("\"available\":\"notary.test/guangzhou\\n5", "\"available\":\"notary.test/guangzhou\\n0", "available")]
    [InlineData("\"lost\":\"notary.test/guangzhou\\n9", "\"lost\":\"guangzhou\\n9", "lost")]
    [InlineData("\"governance\":[{", "\"governance\":[1,{", "governance")]
    [InlineData("\"chain\":\"notary.test", "\"chain\":\"notary.t\u00e9st", "chain")]
    public void Malformed_incident_is_refused_and_still_known_as_one(string from, string to, string member)
    {
        var chain = new MainChain();
        var text = Encoding.UTF8.GetString(chain.IncidentLeaf(chain.Incident(5, 9, [0])).Bytes.Span);
        Assert.Contains(from, text, StringComparison.Ordinal);
        var result = Admission.AdmitForm(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)), out var facts);
        Assert.Equal((AdmissionFailure.BadValue, member, RecordKind.Incident), (result.Failure, result.Member, facts.Kind));
    }

    [Fact]
    public void Incident_members_are_all_there_and_no_other_and_a_checkpoint_has_one_line()
    {
        var chain = new MainChain();
        var text = Encoding.UTF8.GetString(chain.IncidentLeaf(chain.Incident(5, 9, [0])).Bytes.Span);
        AdmissionFailure Form(string from, string to) => Admission.AdmitForm(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)), out _).Failure;
        Assert.Equal(AdmissionFailure.MissingMember, Form("\"proof\":[],", ""));
        Assert.Equal(AdmissionFailure.MissingMember, Form(",\"successor\":\"notary.test/guangzhou-2\"", ""));
        Assert.Equal(AdmissionFailure.UnknownMember, Form("\"v\":1", "\"v\":1,\"w\":1"));
        Assert.Equal(AdmissionFailure.UnknownVersion, Form("\"v\":1", "\"v\":2"));
        Assert.Equal(AdmissionFailure.None, Form("\"reason\":\"storage\",", ""));
        Assert.Null(IncidentRecord.TryCreate(MainChain.Note(5, []), MainChain.Note(9, [0]), [], Successor, IncidentReason.None));
        Assert.Null(IncidentRecord.TryCreate(MainChain.Note(5, [1]), MainChain.Note(9, []), [], Successor, IncidentReason.None));
        Assert.Null(IncidentRecord.TryCreate(null, MainChain.Note(9, []), [Samples.Hash(1)], Successor, IncidentReason.None));
        Assert.Null(IncidentRecord.TryCreate(MainChain.Note(5, []), MainChain.Note(9, []), [.. Enumerable.Range(0, 64).Select(Samples.Hash)], Successor, IncidentReason.None));
        Assert.NotNull(IncidentRecord.TryCreate(MainChain.Note(5, []), MainChain.Note(9, []), [.. Enumerable.Range(0, 63).Select(Samples.Hash)], Successor, IncidentReason.None));
    }

    [Fact]
    public void Proposal_says_what_the_leaf_says_and_nothing_else_is_one()
    {
        var chain = new MainChain();
        var record = chain.Incident(5, 9, [0]);
        var bytes = record.ToProposal(chain.Genesis.Origin);
        Assert.True(IncidentRecord.TryParseProposal(bytes, out var back, out var main));
        Assert.Equal(chain.Genesis.Origin, main);
        Assert.Equal(bytes, back.ToProposal(main));
        Assert.Equal(chain.IncidentLeaf(record).Bytes.ToArray(), chain.IncidentLeaf(back).Bytes.ToArray());
        var text = Encoding.UTF8.GetString(bytes);
        foreach (var other in (string[])[text.TrimEnd(), text + "\n", " " + text, text.Replace("incident", "policy", StringComparison.Ordinal), text.Replace("\"v\":1", "\"v\":2", StringComparison.Ordinal),
                     text.Replace("\"v\":1", "\"sealed\":\"2026-03-01T08:00:00.000Z\",\"v\":1", StringComparison.Ordinal), text.Replace("notary.test/main", "main", StringComparison.Ordinal), "[]\n", "\n", ""])
        {
            Assert.False(IncidentRecord.TryParseProposal(Encoding.UTF8.GetBytes(other), out _, out _));
        }
    }

    [Fact]
    public void Numbers_and_names_of_reasons_are_frozen()
    {
        Assert.Equal(["None=0", "Storage=1", "Disaster=2", "Withheld=3"], Enum.GetValues<IncidentReason>().Select(static reason => $"{reason}={(int)reason}"));
        Assert.Equal(["", "storage", "disaster", "withheld"], Enum.GetValues<IncidentReason>().Select(IncidentRecord.Name));
        Assert.True(IncidentRecord.TryReason("withheld", out var withheld));
        Assert.Equal(IncidentReason.Withheld, withheld);
        Assert.False(IncidentRecord.TryReason("", out _));
        Assert.False(IncidentRecord.TryReason("none", out _));
    }

    [Fact]
    public void Mutated_incidents_never_throw_and_are_never_admitted_otherwise_than_canonical()
    {
        var random = new Random(19);
        var chain = new MainChain();
        chain.Append(chain.Anchor(3));
        var record = chain.Incident(5, 9, [0]);
        var seed = chain.IncidentLeaf(record).Bytes.ToArray();
        var proposal = record.ToProposal(chain.Genesis.Origin);
        var rounds = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? 200_000 : 3_000;
        for (var i = 0; i < rounds; i++)
        {
            var bytes = Mutation.Of(random, (byte[])seed.Clone());
            if (Admission.Admit(chain.Genesis, chain.State, bytes, chain.State.Size, out _).Ok)
            {
                Assert.True(Canonical.Check(bytes).Ok);
            }

            bytes = Mutation.Of(random, (byte[])proposal.Clone());
            if (IncidentRecord.TryParseProposal(bytes, out var back, out var main))
            {
                Assert.Equal(bytes, back.ToProposal(main));
            }
        }
    }

    private static IncidentRecord Of(MainChain chain, SignedNote? available = null, SignedNote? lost = null, Hash32[]? proof = null, string successor = Successor, bool sign = true)
    {
        var record = IncidentRecord.TryCreate(available, lost ?? MainChain.Note(9, []), proof ?? [], successor, IncidentReason.None)!;
        return sign ? chain.Signed(record, 0) : record;
    }

    private static AdmissionResult Close(MainChain chain, Func<MainChain, IncidentRecord>? record = null) => chain.Try(chain.IncidentLeaf((record ?? (static c => c.Incident(5, 9, [0])))(chain)));

    private static AdmissionResult Anchored(int size, Func<MainChain, IncidentRecord> record)
    {
        var chain = new MainChain();
        chain.Append(chain.Anchor(size));
        return Close(chain, record);
    }
}
