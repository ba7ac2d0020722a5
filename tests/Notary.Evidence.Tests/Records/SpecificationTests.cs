using System.Text;
using System.Text.RegularExpressions;
using Notary.Crypto;
using Notary.Ledger;
using Notary.Ledger.Tests;

namespace Notary.Evidence.Tests;

/// <summary>The worked examples of docs/spec, recomputed from the pages themselves: what a stranger reads is what the code does.</summary>
public sealed class SpecificationTests
{
    private static readonly Dictionary<string, string> Record = Examples("record");
    private static readonly Dictionary<string, string> Commitments = Examples("commitment");
    private static readonly Dictionary<string, string> Chain = Examples("admission");
    private static readonly Dictionary<string, string> Context = Record["context"].Split('\n').ToDictionary(static line => line.Split(' ', 2)[0], static line => line.Split(' ', 2)[1].Trim());

    private static Guid Id => Guid.Parse(Context["id"]);

    private static Hash32 Secret => Hash(Context["secret"]);

    [Fact]
    public void Request_becomes_the_leaf_its_hash_and_the_plaintext()
    {
        using var requests = RequestBatch.ParseOne(Encoding.UTF8.GetBytes(Record["request"]));
        Assert.True(AuthMethods.TryParse(Context["auth"], out var auth));
        var submitter = new SubmitterContext
        {
            Account = Context["account"], Auth = auth, Key = long.Parse(Context["key"], null), Policy = long.Parse(Context["policy"], null),
        };
        using var batch = LeafBatch.Build(Suite.Sm, Context["origin"], submitter, requests, [Id], [Secret], Time("received"));
        batch.Seal(Time("sealed"));
        var hash = new Hash32[1];
        batch.HashLeaves(Suite.Sm, hash);
        Assert.Equal(Record["leaf"], Encoding.ASCII.GetString(batch.Leaf(0)));
        Assert.Equal(Record["leaf-hash"], hash[0].ToHex());
        Assert.Equal(Record["plaintext"].Replace("\n", "", StringComparison.Ordinal), Convert.ToHexStringLower(batch.ItemPlaintext(0)));
    }

    [Fact]
    public void Part_is_committed_to_as_written()
    {
        var value = Encoding.UTF8.GetBytes(Commitments["part-value"]);
        var salt = Commitment.Salt(Suite.Sm, Secret, "part/0");
        Assert.True(EvidencePart.TryParse(value, out _));
        Assert.Equal(Commitments["part-salt"], salt.ToHex());
        Assert.Equal(salt, Suite.Sm.Hmac(Secret.AsSpan(), "notary/v1/salt\0part/0"u8));
        Assert.Equal(Commitments["part-commitment"], Commitment.Compute(Suite.Sm, Context["origin"], Id, "part/0", salt, value).ToHex());
        Assert.Equal(Commitments["part-commitment"], Suite.Sm.Hash(Convert.FromHexString(Commitments["part-input"].Replace("\n", "", StringComparison.Ordinal))).ToHex());
        Assert.Contains($"\"parts\":[\"{Commitments["part-commitment"]}\"]", Record["leaf"], StringComparison.Ordinal);
    }

    [Fact]
    public void Fields_lead_to_the_root_and_title_is_proved_alone()
    {
        Assert.True(EvidenceRequest.TryParse(Encoding.UTF8.GetBytes(Record["request"]), out var request, out _));
        var commitments = FieldTree.Commitments(Suite.Sm, Context["origin"], Id, Secret, request!.Metadata!);
        Assert.Equal(Commitments["field-commitments"].Split('\n'), commitments.Select(static c => c.ToHex()));
        Assert.Equal(Commitments["field-root"], CommitmentTree.Root(Suite.Sm, commitments).ToHex());
        Assert.Contains($"\"fields\":\"{Commitments["field-root"]}\"", Record["leaf"], StringComparison.Ordinal);
        var title = new FieldDisclosure(
            new SaltedValue("title", Hash(Commitments["title-salt"]), Encoding.UTF8.GetBytes(Commitments["title-value"])), [.. Commitments["title-proof"].Split('\n').Select(Hash)]);
        Assert.True(title.Check(Suite.Sm, Context["origin"], Id, Hash(Commitments["field-root"])).Ok);
    }

    [Fact]
    public void Proposal_becomes_the_key_leaf()
    {
        Assert.Equal("", GovernanceProposal.TryParse(Encoding.UTF8.GetBytes(Chain["proposal"] + "\n"), out var proposal));
        Assert.Equal(Chain["proposal"] + "\n", Encoding.UTF8.GetString(proposal!.ToBytes()));
        Assert.Equal(Chain["proposal-fingerprint"], proposal.Fingerprint.ToHex());
        var document = Assert.Single(proposal.Documents);
        Assert.True(proposal.IsSigned(document));
        var leaf = Chain["leaves"].Split('\n')[5];
        Assert.True(Admission.AdmitForm(Encoding.UTF8.GetBytes(leaf), out var facts).Ok);
        Assert.True(SystemLeaves.TryGoverned(proposal.Chains[0], document, isFirst: false, facts.Id, RecordTime.FromMilliseconds(facts.Received), out var draft).Ok);
        Assert.Equal(leaf, Encoding.UTF8.GetString(draft!.Bytes.Span));
    }

    [Fact]
    public void Chain_is_admitted_leaf_by_leaf_and_the_statement_after_it()
    {
        Assert.Equal(GenesisProblem.None, Genesis.TryParse(Encoding.UTF8.GetBytes(Chain["genesis"]), out var genesis));
        Assert.Equal(Chain["fingerprint"], genesis!.Fingerprint.ToHex());
        var state = new ChainState();
        var leaves = Chain["leaves"].Split('\n').Append(Chain["statement-leaf"]).ToArray();
        Assert.Equal(Record["leaf"], leaves[6]);
        foreach (var leaf in leaves)
        {
            var result = Admission.Admit(genesis, state, Encoding.UTF8.GetBytes(leaf), state.Size, out var facts);
            Assert.True(result.Ok, result.Code);
            state.Apply(facts, state.Size);
        }

        Assert.Equal(Chain["governance-message"], Governance.Message(genesis, "admission", state.PolicyText("admission")!.Value.Span).ToHex());
    }

    [Fact]
    public void Incident_is_what_its_log_and_governance_signed()
    {
        const string Main = "notary.example/main";
        ISigner log = TestSigners.Of(SuiteId.Sm, "guangzhou log"), governance = TestSigners.Of(SuiteId.Sm, "governance 1");
        var logKey = MainChain.Key("notary.example/guangzhou", log, false);
        var governanceKey = MainChain.Key("notary.example/governance-1", governance, false);
        var record = IncidentRecord.TryCreate(Signed(7), Signed(9), [], "notary.example/guangzhou-2", IncidentReason.Storage)!;
        var signed = record.SignedBy(governance, governanceKey, Suite.Sm, Main);
        Assert.Equal(Chain["incident-keys"], $"{logKey.Format()}\n{governanceKey.Format()}");
        Assert.Equal(Chain["incident-message"], record.Message(Suite.Sm, Main).ToHex());
        Assert.Equal(Chain["incident-proposal"] + "\n", Encoding.UTF8.GetString(signed.ToProposal(Main)));

        // What a stranger does with the page: the document is the body without proof and signatures.
        Assert.True(Admission.AdmitForm(Encoding.UTF8.GetBytes(Chain["incident-leaf"]), out var facts).Ok);
        var leaf = facts.IncidentRecord!;
        Assert.Equal(signed.ToProposal(Main), leaf.ToProposal(Main));
        Assert.Equal(Chain["incident-message"], Governance.Message(Suite.Sm, Main, "incident", Encoding.UTF8.GetBytes(Chain["incident-document"])).ToHex());
        Assert.True(Governance.Check(leaf.Message(Suite.Sm, Main), [governanceKey], 1, leaf.Signatures));
        Assert.True(leaf.Lost.Verify([logKey]).Ok && leaf.Available!.Verify([logKey]).Ok);
        Assert.Equal((7L, 9L), (leaf.Size, leaf.LostCheckpoint.Size));

        SignedNote Signed(long size)
        {
            var text = new Checkpoint(logKey.Name, size, Suite.Sm.Hash([(byte)size])).Format();
            return SignedNote.Create(text, [NoteSigner.SignLine(log, logKey, text)]);
        }
    }

    [Fact]
    public void Statement_lines_lead_to_its_hashes_root_and_message()
    {
        var facts = Statement();
        var hashes = Chain["statement-lines"].Split('\n').Select((line, i) => StatementRecord.LineHash(
            Suite.Sm, facts.Request, i, Hash32.FromSpan(Enumerable.Repeat((byte)(i + 1), 32).ToArray()), Encoding.UTF8.GetBytes(line))).ToArray();
        Assert.Equal(Chain["statement-hashes"].Split('\n'), hashes.Select(static h => h.ToHex()));
        Assert.Equal(facts.Root, StatementRecord.RootOf(Suite.Sm, hashes));
        Assert.Equal(Chain["statement-message"], StatementRecord.Message(Suite.Sm, Context["origin"], Context["account"], facts.Request, facts.Root, facts.Count).ToHex());
        Assert.True(EvidenceRequest.TryParse(Encoding.UTF8.GetBytes(Record["request"]), out var request, out _));
        Assert.Equal(Chain["statement-lines"].Split('\n')[0], Encoding.UTF8.GetString(request!.ToStatementLine(Relation.None)));
    }

    [Fact]
    public void Statements_of_nodes_lead_to_their_messages_and_leaves()
    {
        Genesis.TryParse(Encoding.UTF8.GetBytes(Chain["genesis"]), out var genesis);
        foreach (var kind in (string[])["alarm", "node"])
        {
            Assert.True(NodeStatement.TryParse(Encoding.UTF8.GetBytes(Chain[kind + "-statement"]), out var statement).Ok);
            Assert.Equal(Chain[kind + "-statement"], Encoding.UTF8.GetString(statement!.ToBytes()));
            Assert.True(Admission.AdmitForm(Encoding.UTF8.GetBytes(Chain[kind + "-leaf"]), out var facts).Ok);
            Assert.Equal((kind, statement.Message()), (RecordKinds.Name(facts.Kind), facts.NodeStatement!.Message()));
            Assert.Equal(Chain[kind + "-leaf"], Encoding.UTF8.GetString(SystemLeaves.OfNode(genesis!, statement, facts.Id, RecordTime.FromMilliseconds(facts.Received)).Bytes.Span));
        }

        NodeStatement.TryParse(Encoding.UTF8.GetBytes(Chain["alarm-statement"]), out var parsed);
        var alarm = (AlarmRecord)parsed!;
        Assert.Equal((Chain["alarm-document"], Chain["alarm-message"]), (Encoding.UTF8.GetString(alarm.Document()), alarm.Message().ToHex()));
        Assert.Equal(new TreeHasher(Suite.Sm).Leaf(Encoding.UTF8.GetBytes(Chain["leaves"].Split('\n')[6])), alarm.Leaf);
        Assert.Equal(AdmissionResult.CodeOf((AdmissionFailure)alarm.Failure), alarm.Code);
    }

    [Fact]
    public void Receipt_verifies_alone_with_the_log_key()
    {
        var text = Examples("receipt")["receipt"];
        Assert.Equal(ReceiptProblem.None, Receipt.TryParse(Encoding.UTF8.GetBytes(text), out var receipt));
        Assert.Equal(text, Encoding.UTF8.GetString(receipt!.ToJson()));
        Assert.Equal((Record["leaf"], Secret), (receipt.LeafJson, receipt.Secret));
        Assert.True(TlogProof.TryParse(Encoding.UTF8.GetBytes(receipt.Proof), out var proof).Ok);
        Assert.True(RecordNumber.TryParse(receipt.Number, out var code, out var index));
        Genesis.TryParse(Encoding.UTF8.GetBytes(Chain["genesis"]), out var genesis);
        Assert.Equal((genesis!.Code, proof!.Index), (code, index));
        Assert.True(proof.CheckInclusionUnverified(genesis.Suite.Hash([0], receipt.LeafBytes)).Ok);
        Assert.True(genesis.LogKey.Verify(proof.Note.Text, proof.Note.Signatures[0].Signature, out _));
        Assert.Equal(genesis.Origin, proof.CheckpointUnverified.Origin);
    }

    [Fact]
    public void Receipt_is_refused_with_its_reason()
    {
        var text = Examples("receipt")["receipt"];
        ReceiptProblem Parse(string from, string to) => Receipt.TryParse(Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)), out _);
        Assert.Equal(ReceiptProblem.None, Parse("{\"leaf\"", " {\"index\":6, \"leaf\""));
        Assert.Equal(ReceiptProblem.TooLarge, Parse("{\"leaf\"", new string(' ', Receipt.MaxLength) + "{\"leaf\""));
        Assert.Equal(ReceiptProblem.NotJson, Parse("{\"leaf\"", "{leaf"));
        Assert.Equal(ReceiptProblem.MissingMember, Parse("\"secret\"", "\"sekret\""));
        Assert.Equal(ReceiptProblem.UnknownVersion, Parse("\"v\":1}", "\"v\":2}"));
        Assert.Equal(ReceiptProblem.Number, Parse("GZ-0000", "GZ-0001"));
        Assert.Equal(ReceiptProblem.Leaf, Parse("dev-agency", "Dev-agency"));
        Assert.Equal(ReceiptProblem.Secret, Parse("0001020304", "000102030G"));
        Assert.Equal(ReceiptProblem.Proof, Parse("\"proof\":\"", "\"proof\":\"" + new string('x', 128 * 1024)));
    }

    [Fact]
    public void Numbers_have_their_check_characters()
    {
        foreach (var number in Examples("receipt")["numbers"].Split('\n'))
        {
            Assert.True(RecordNumber.TryParse(number, out var code, out var index));
            Assert.Equal(number, RecordNumber.Format(code, index));
        }
    }

    private static StatementRecord Statement()
    {
        Assert.True(Admission.AdmitForm(Encoding.UTF8.GetBytes(Chain["statement-leaf"]), out var facts).Ok);
        return facts.StatementRecord!;
    }

    private static Hash32 Hash(string hex) => Hash32.TryParseHex(hex, out var hash) ? hash : throw new FormatException(hex);

    private static DateTimeOffset Time(string name) => RecordTime.TryParse(Context[name], out var ms) ? RecordTime.FromMilliseconds(ms) : throw new FormatException(name);

    private static Dictionary<string, string> Examples(string page) => Regex
        .Matches(File.ReadAllText(Repository.Path($"docs/spec/{page}.md")), "^```text example=(\\S+)\n(.*?)\n```$", RegexOptions.Multiline | RegexOptions.Singleline)
        .ToDictionary(static m => m.Groups[1].Value, static m => m.Groups[2].Value);
}
