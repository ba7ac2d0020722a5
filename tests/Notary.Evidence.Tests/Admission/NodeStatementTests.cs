using System.Text;
using Notary.Crypto;
using Notary.Ledger;
using Notary.Ledger.Tests;

namespace Notary.Evidence.Tests;

/// <summary>What ledger nodes say in their own name: alarm and node leaves.</summary>
public sealed class NodeStatementTests
{
    private const int Old = 0;
    private const int Stays = 1;
    private const int Comes = 2;

    private static readonly ISigner[] Signers = [.. Enumerable.Range(0, 3).Select(static i => TestSigners.Of(SuiteId.Sm, $"speaking node {i}"))];
    private static readonly NoteKey[] Keys = [.. Signers.Select(static (signer, i) => MainChain.Key($"speaker-{i}.example", signer, true))];

    public static TheoryData<AdmissionFailure> Failures => new(Mutations.Keys);

    // By the number of what refuses it, each on the chain below: trust version 1 at 5, version 2 at 6, eight leaves behind them.
    private static readonly Dictionary<AdmissionFailure, Func<AdmissionResult>> Mutations = new()
    {
        [AdmissionFailure.NodeSignature] = static () => Form(Alarm(Stays, 7), "\"index\":7", "\"index\":8"),
        [AdmissionFailure.NodeWithoutTrust] = static () => new World(versions: 0).Try(Alarm(Stays, 3)),
        [AdmissionFailure.NodeUnknown] = static () => new World().Try(Alarm(Old, 7)),
        [AdmissionFailure.AlarmIndex] = static () => new World().Try(Alarm(Stays, 15)),
        [AdmissionFailure.AlarmTwice] = static () => new World().Append(Alarm(Stays, 7)).Try(Alarm(Stays, 7, failure: 31)),
        [AdmissionFailure.AlarmFull] = static () =>
        {
            var world = new World();
            world.Fill(AlarmRecord.MaxOfOneKey);
            var first = world.Chain.State.Size - AlarmRecord.MaxOfOneKey;
            for (var i = 0; i < AlarmRecord.MaxOfOneKey; i++)
            {
                world.Append(Alarm(Stays, first + i));
            }

            // Another node's alarms are counted apart, and what is sealed already stays what is said of it.
            Assert.True(world.Try(Alarm(Comes, first)).Ok);
            Assert.Equal(AdmissionFailure.AlarmTwice, world.Try(Alarm(Stays, first)).Failure);
            return world.Try(Alarm(Stays, 7));
        },
        [AdmissionFailure.NodeTrust] = static () => new World().Try(Joined(Comes, 10, trust: 1)),
        [AdmissionFailure.NodeSize] = static () => new World().Try(Joined(Comes, 6)),
        [AdmissionFailure.NodeTwice] = static () => new World().Append(Joined(Comes, 7)).Try(Joined(Comes, 8)),
        [AdmissionFailure.WrongChain] = static () => new World().TryLeaf(new World("beijing").Leaf(Alarm(Stays, 7, chain: "notary.test/beijing"))),
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Statement_is_refused_with_its_reason(AdmissionFailure failure) => Assert.Equal(failure, Mutations[failure]().Failure);

    [Fact]
    public void Every_failure_of_statements_has_its_mutation() => Assert.Equal(
        Enum.GetValues<AdmissionFailure>().Where(static f => f is AdmissionFailure.NodeSignature or >= AdmissionFailure.NodeWithoutTrust), Mutations.Keys.Except([AdmissionFailure.WrongChain]).Order());

    [Fact]
    public void Alarm_of_a_node_of_the_chain_is_admitted_once_a_node_and_leaf_and_changes_nothing_else()
    {
        var world = new World();
        var state = world.Chain.State;
        Assert.False(state.Nodes.Holds(Alarm(Stays, 7)));
        world.Append(Alarm(Stays, 7)).Append(Alarm(Comes, 7)).Append(Alarm(Stays, 8, failure: 255));
        Assert.True(state.Nodes.Holds(Alarm(Stays, 7)));
        Assert.True(state.Nodes.Holds(Alarm(Stays, 7, failure: 31)));
        Assert.False(state.Nodes.Holds(Alarm(Comes, 8)));
        Assert.Equal((3L, 17L, 8L, Keys[Stays]), (state.Nodes.Alarms, state.Nodes.NewestAlarm!.Index, state.Nodes.NewestAlarm.Alarm.Index, state.Nodes.NewestAlarm.Alarm.Key));
        Assert.Equal((6L, 2L), (state.TrustIndex, state.Trust!.Content.Version));
        Assert.Equal(-1, state.Nodes.JoinedAt(Keys[Comes]));
    }

    [Fact]
    public void Node_whose_key_a_later_version_brought_says_once_that_it_joined()
    {
        var world = new World();
        Assert.Equal(AdmissionFailure.NodeSize, world.Try(Joined(Comes, 16)).Failure);
        Assert.True(world.Try(Joined(Comes, 15)).Ok);
        world.Append(Joined(Comes, 7));
        Assert.Equal(15, world.Chain.State.Nodes.JoinedAt(Keys[Comes]));
        Assert.Equal(0, world.Chain.State.Nodes.Alarms);
        // Who was there from the first version on did not join, whichever version it names.
        Assert.Equal(AdmissionFailure.NodeTrust, world.Try(Joined(Stays, 8, trust: 1)).Failure);
        Assert.Equal(AdmissionFailure.NodeTrust, world.Try(Joined(Stays, 8, trust: 2)).Failure);
        Assert.Null(NodeRecord.JoinedBy(world.Chain.State, world.Chain.Genesis.Origin, Keys[Old]));
        Assert.Null(NodeRecord.JoinedBy(new ChainState(), world.Chain.Genesis.Origin, Keys[Comes]));
    }

    [Fact]
    public void Node_that_left_has_no_say_from_the_trust_leaf_on_that_says_so()
    {
        var world = new World(versions: 1);
        Assert.True(world.Try(Alarm(Old, 4)).Ok);
        Assert.Equal(AdmissionFailure.NodeUnknown, world.Try(Alarm(Comes, 4)).Failure);
        world.Next();
        Assert.Equal(AdmissionFailure.NodeUnknown, world.Try(Alarm(Old, 4)).Failure);
        Assert.True(world.Try(Alarm(Comes, 4)).Ok);
    }

    [Fact]
    public void State_is_rebuilt_with_what_nodes_said()
    {
        var world = new World();
        var drafts = new List<(long, LeafFacts)> { (5, world.Trusts[0]), (6, world.Trusts[1]) };
        foreach (var statement in (NodeStatement[])[Alarm(Stays, 7), Joined(Comes, 9), Alarm(Stays, 9)])
        {
            var facts = world.Leaf(statement).Facts;
            Assert.True(facts.ChangesState);
            Assert.Equal(-1, facts.ReplacesStateLeaf);
            drafts.Add((world.Chain.State.Size, facts));
            world.Append(statement);
        }

        var rebuilt = ChainState.Rebuild(drafts, world.Chain.State.Size, world.Chain.State.LastSealed);
        Assert.Equal((2L, 17L, 16L), (rebuilt.Nodes.Alarms, rebuilt.Nodes.NewestAlarm!.Index, rebuilt.Nodes.JoinedAt(Keys[Comes])));
        var fork = world.Chain.State.Fork();
        fork.Apply(world.Leaf(Alarm(Comes, 7)).Facts, fork.Size);
        Assert.Equal((3L, 2L), (fork.Nodes.Alarms, world.Chain.State.Nodes.Alarms));
    }

    [Fact]
    public void Served_statement_is_parsed_back_and_becomes_the_leaf_with_the_same_members()
    {
        foreach (var statement in (NodeStatement[])[Alarm(Stays, 7), Joined(Comes, 9)])
        {
            var bytes = statement.ToBytes();
            Assert.True(bytes.Length <= NodeStatement.MaxBytes);
            Assert.True(NodeStatement.TryParse(bytes, out var back).Ok);
            Assert.Equal(bytes, back!.ToBytes());
            Assert.Equal((statement.Key, statement.Kind, statement.At, statement.Message()), (back.Key, back.Kind, back.At, back.Message()));
            var leaf = new World().Leaf(back).Bytes;
            Assert.True(Admission.AdmitForm(leaf.Span, out var facts).Ok);
            Assert.Equal(bytes, facts.NodeStatement!.ToBytes());
            // Neither a leaf in the place of a statement, nor a statement in that of a leaf.
            Assert.Equal(AdmissionFailure.UnknownMember, NodeStatement.TryParse(leaf.Span, out _).Failure);
            Assert.Equal(AdmissionFailure.MissingMember, Admission.AdmitForm(bytes, out _).Failure);
        }
    }

    [Fact]
    public void Longest_statement_fits_its_limit()
    {
        var signer = TestSigners.Of(SuiteId.Sm, "long");
        var chain = new string('a', 127) + "/" + new string('b', 64);
        var alarm = new AlarmRecord
        {
            Chain = chain, Key = MainChain.Key(new string('n', 200), signer, true), At = 0, Index = (1L << 53) - 1, Leaf = Samples.Hash(1), Failure = 255, Code = new string('c', Grammar.MaxName),
        };
        var bytes = (alarm with { Signature = alarm.Sign(signer) }).ToBytes();
        Assert.InRange(bytes.Length, 800, NodeStatement.MaxBytes);
        Assert.True(NodeStatement.TryParse(bytes, out _).Ok);
        Assert.Equal(AdmissionFailure.TooLarge, NodeStatement.TryParse(new byte[NodeStatement.MaxBytes + 1], out _).Failure);
    }

    [Theory]
    [InlineData("\"at\":\"2026", "\"at\":\"26", "at")]
    [InlineData("\"chain\":\"notary.test/main", "\"chain\":\"notary.test", "chain")]
    [InlineData("\"code\":\"key-revoked\"", "\"code\":\"Key\"", "code")]
    [InlineData("\"failure\":32", "\"failure\":0", "failure")]
    [InlineData("\"failure\":32", "\"failure\":256", "failure")]
    [InlineData("\"index\":7", "\"index\":-1", "index")]
    [InlineData("\"index\":7", "\"index\":\"7\"", "index")]
    [InlineData("\"key\":\"speaker-1.example+", "\"key\":\"speaker-2.example+", "key")]
    [InlineData("\"key\":\"", "\"key\":\" ", "key")]
    [InlineData("\"leaf\":\"", "\"leaf\":\"0", "leaf")]
    [InlineData("\"signature\":\"", "\"signature\":\"00", "signature")]
    public void Malformed_alarm_is_refused_at_its_member(string from, string to, string member)
    {
        var result = Form(Alarm(Stays, 7), from, to);
        Assert.Equal((AdmissionFailure.BadValue, member), (result.Failure, result.Member));
    }

    [Theory]
    [InlineData("\"size\":9", "\"size\":0", "size")]
    [InlineData("\"trust\":2", "\"trust\":0", "trust")]
    [InlineData("\"what\":\"joined\"", "\"what\":\"left\"", "what")]
    public void Malformed_node_record_is_refused_at_its_member(string from, string to, string member)
    {
        var result = Form(Joined(Comes, 9), from, to);
        Assert.Equal((AdmissionFailure.BadValue, member), (result.Failure, result.Member));
    }

    [Fact]
    public void Key_of_a_note_is_no_nodes_key()
    {
        var alarm = (AlarmRecord)Alarm(Stays, 7) with { Key = MainChain.Key("speaker-1.example", Signers[Stays], false) };
        Assert.Equal("key", NodeStatement.TryParse((alarm with { Signature = alarm.Sign(Signers[Stays]) }).ToBytes(), out _).Member);
    }

    [Fact]
    public void Each_changed_member_breaks_the_signature()
    {
        foreach (var (from, to) in ((string, string)[])
                 [
                     ("\"at\":\"2026", "\"at\":\"2027"), ("\"chain\":\"notary.test/main", "\"chain\":\"notary.test/mainz"), ("key-revoked", "key-expired"), ("\"failure\":32", "\"failure\":33"),
                     ("\"index\":7", "\"index\":8"), ("\"leaf\":\"", "\"leaf\":\"f"), ("\"signature\":\"", "\"signature\":\"1"),
                 ])
        {
            var text = Encoding.ASCII.GetString(Alarm(Stays, 7).ToBytes());
            Assert.Contains(from, text, StringComparison.Ordinal);
            var at = text.IndexOf(from, StringComparison.Ordinal);
            var hex = from is "\"leaf\":\"" or "\"signature\":\"";
            var changed = hex ? text[..at] + to + text[(at + to.Length)..] : text.Replace(from, to, StringComparison.Ordinal);
            if (changed != text)
            {
                Assert.Equal(AdmissionFailure.NodeSignature, NodeStatement.TryParse(Encoding.ASCII.GetBytes(changed), out _).Failure);
            }
        }

        // Another node's signature under the same words.
        var stolen = (AlarmRecord)Alarm(Stays, 7) with { Key = Keys[Comes] };
        Assert.Equal(AdmissionFailure.NodeSignature, NodeStatement.TryParse(stolen.ToBytes(), out _).Failure);
    }

    [Fact]
    public void Refused_statement_calls_for_no_alarm() => Assert.Equal(
        [RecordKind.Node, RecordKind.Alarm], Enum.GetValues<RecordKind>().Where(static kind => !AlarmRecord.Answers(kind)));

    [Fact]
    public void Mutated_statements_never_throw_and_are_never_taken()
    {
        var random = new Random(25);
        var world = new World();
        byte[][] seeds = [Alarm(Stays, 7).ToBytes(), Joined(Comes, 9).ToBytes(), world.Leaf(Alarm(Stays, 7)).Bytes.ToArray(), world.Leaf(Joined(Comes, 9)).Bytes.ToArray()];
        var rounds = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? 100_000 : 2_000;
        for (var i = 0; i < rounds; i++)
        {
            var seed = seeds[i % 4];
            var bytes = Mutation.Of(random, (byte[])seed.Clone());
            if (i % 4 < 2)
            {
                Assert.True(!NodeStatement.TryParse(bytes, out _).Ok || bytes.AsSpan().SequenceEqual(seed));
            }
            else if (world.Chain.State is var state && Admission.Admit(world.Chain.Genesis, state, bytes, state.Size, out _).Ok)
            {
                Assert.True(Canonical.Check(bytes).Ok);
            }
        }
    }

    private static NodeStatement Alarm(int node, long index, int failure = 32, string chain = "notary.test/main")
    {
        var alarm = new AlarmRecord
        {
            Chain = chain, Key = Keys[node], At = Samples.Received.ToUnixTimeMilliseconds(), Index = index, Leaf = Samples.Hash((int)index), Failure = failure, Code = "key-revoked",
        };
        return alarm with { Signature = alarm.Sign(Signers[node]) };
    }

    private static NodeStatement Joined(int node, long size, long trust = 2)
    {
        var joined = new NodeRecord { Chain = "notary.test/main", Key = Keys[node], At = Samples.Received.ToUnixTimeMilliseconds(), Size = size, Trust = trust };
        return joined with { Signature = joined.Sign(Signers[node]) };
    }

    private static AdmissionResult Form(NodeStatement statement, string from, string to)
    {
        var text = Encoding.ASCII.GetString(new World().Leaf(statement).Bytes.Span);
        Assert.Contains(from, text, StringComparison.Ordinal);
        return Admission.AdmitForm(Encoding.ASCII.GetBytes(text.Replace(from, to, StringComparison.Ordinal)), out _);
    }

    /// <summary>A chain whose first trust version names the nodes 0 and 1, its second 1 and 2, with eight leaves behind it that were passed over.</summary>
    private sealed class World
    {
        public World(string name = "main", int versions = 2)
        {
            Chain = new MainChain(name, withTrust: false);
            for (var i = 0; i < versions; i++)
            {
                Next();
            }

            if (versions == 2)
            {
                Fill(8);
            }
        }

        public MainChain Chain { get; }

        public List<LeafFacts> Trusts { get; } = [];

        public void Next()
        {
            var content = Chain.Content(Trusts.Count + 1, Chain.State.Trust, 1, [0]);
            NoteKey[] named = Trusts.Count == 0 ? [Keys[Old], Keys[Stays]] : [Keys[Stays], Keys[Comes]];
            var policy = string.Concat(named.Select(static (key, i) => $"witness n{i} {key.Format()}\n")) + "group both 2 n0 n1\nquorum both\n";
            var own = TrustedChain.Create(Chain.Genesis.Origin, Chain.Genesis.Code, Suite.Sm, [Chain.Genesis.LogKey], policy, Trusts.Count * 3);
            TrustedChain[] ended = Trusts.Count == 0 ? [] : [.. Chain.State.Trust!.EntriesOf(Chain.Genesis.Origin).Select(entry => entry with { ToMainIndex = (Trusts.Count * 3) - 1 })];
            var draft = Chain.TrustLeaf(TrustFile.Create(content with { Chains = [.. ended, own] }, MainChain.GovernanceSigner(0)));
            Trusts.Add(draft.Facts);
            Chain.Append(draft);
        }

        public void Fill(int leaves)
        {
            for (var i = 0; i < leaves; i++)
            {
                Chain.State.Skip(Chain.State.Size);
            }
        }

        public LeafDraft Leaf(NodeStatement statement) => SystemLeaves.OfNode(Chain.Genesis, statement, Samples.Id(8), Samples.Received);

        public World Append(NodeStatement statement)
        {
            Chain.Append(Leaf(statement));
            return this;
        }

        public AdmissionResult Try(NodeStatement statement) => Chain.Try(Leaf(statement));

        public AdmissionResult TryLeaf(LeafDraft leaf) => Chain.Try(leaf);
    }
}
