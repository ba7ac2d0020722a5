using System.Text;
using Notary.Crypto;

namespace Notary.Ledger.Tests;

public sealed class QuorumPolicyTests
{
    private static readonly NoteKey Log = Examples.LogKey(Suite.Intl);
    private static readonly string[] Names = ["a", "b", "c", "d", "e", "f"];

    private static readonly Lazy<Dictionary<string, (NoteKey Key, NoteSignature Line)>> Witnesses = new(() =>
        Names.ToDictionary(name => name, name =>
        {
            var (key, signer) = Examples.Node(Suite.Intl, name);
            return (key, NoteSigner.Cosign(signer, key, Examples.CheckpointText(Suite.Intl), Examples.Time));
        }));

    private static readonly Lazy<SignedNote> LogNote = new(() => Examples.LogNote(Suite.Intl));

    private static string All => $"log {Log.Format()}\n" + string.Concat(Names.Select(name => $"witness {name} {Witnesses.Value[name].Key.Format()}\n"));

    [Fact]
    public void Policy_of_two_levels_is_satisfied_as_the_specification_says()
    {
        var policy = Parse(All + "group X-witnesses 2 a b c\ngroup Y-witnesses any d e f\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n");
        Assert.Equal(6, policy.Witnesses.Count);
        Assert.False(policy.QuorumNone);
        Assert.Equal("a c d", Set(policy, "f d c a"));
        Assert.Equal("a b f", Set(policy, "a b c f"));
        Assert.Null(Set(policy, "a b c"));
        Assert.Null(Set(policy, "a d e f"));
        Assert.Null(Set(policy, ""));
    }

    [Theory]
    [InlineData("quorum none\n", "", "")]
    [InlineData("quorum none\n", "a b", "")]
    [InlineData("quorum c\n", "a b", null)]
    [InlineData("quorum c\n", "a c", "c")]
    [InlineData("group g any c b a\nquorum g\n", "a b", "b")]
    [InlineData("group g all c b a\nquorum g\n", "a b c", "c b a")]
    [InlineData("group g 2 c b a\nquorum g\n", "a b c", "c b")]
    [InlineData("group i 2 a b\ngroup g any i c\nquorum g\n", "a c", "c")]
    [InlineData("group i 2 a b\ngroup j 1 c d\ngroup g 2 i j e\nquorum g\n", "a d e", "d e")]
    [InlineData("group i 2 a b\ngroup j 1 c d\ngroup g 2 i j e\nquorum g\n", "a b e", "a b e")]
    [InlineData("  # comment\n\n\t quorum \t none  \n", "", "")]
    public void First_satisfying_set_is_found_depth_first(string text, string cosigned, string? expected)
    {
        Assert.Equal(expected, Set(Parse(All + text), cosigned));
    }

    [Fact]
    public void Random_nested_policies_agree_with_a_naive_reading()
    {
        var random = new Random(17);
        for (var round = 0; round < 40; round++)
        {
            var text = new StringBuilder(All);
            var groups = new Dictionary<string, (int K, string[] Members)>();
            List<string> free = [.. Names];
            for (var i = 0; i < random.Next(1, 5) && free.Count > 1; i++)
            {
                string[] members = [.. free.OrderBy(_ => random.Next()).Take(random.Next(1, free.Count + 1))];
                var k = random.Next(1, members.Length + 1);
                free.RemoveAll(members.Contains);
                free.Add($"g{i}");
                groups[$"g{i}"] = (k, members);
                var word = random.Next(2) == 0 && (k == 1 || k == members.Length) ? (k == 1 ? "any" : "all") : $"{k}";
                text.Append($"group g{i} {word} {string.Join(' ', members)}\n");
            }

            var top = free[^1];
            var policy = Parse(text.Append($"quorum {top}\n").ToString());
            for (var mask = 0; mask < 64; mask += 1 + random.Next(24))
            {
                string[] cosigned = [.. Names.Where((_, i) => (mask >> i & 1) == 1)];
                var set = Set(policy, string.Join(' ', cosigned));
                Assert.Equal(Satisfied(top, cosigned), set is not null);
                if (set is not null)
                {
                    // The set alone satisfies, and without any of its members it does not.
                    var members = set.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                    Assert.True(Satisfied(top, members));
                    Assert.All(members, member => Assert.False(Satisfied(top, [.. members.Where(other => other != member)])));
                }
            }

            bool Satisfied(string name, string[] cosigned) => groups.TryGetValue(name, out var group)
                ? group.Members.Count(member => Satisfied(member, cosigned)) >= group.K
                : cosigned.Contains(name);
        }
    }

    [Fact]
    public void Verdict_names_why_a_note_does_not_satisfy()
    {
        var policy = Parse(All + "group g 2 a b c\nquorum g\n");
        var note = Note("a b");
        var good = policy.Evaluate(note);
        Assert.True(good.Ok);
        Assert.Equal(Examples.Size, good.Checkpoint!.Size);
        Assert.Equal(Log, good.Log!.Key);
        Assert.All(good.Cosignatures, cosignature => Assert.Equal(Examples.Time, cosignature.Time));

        Assert.Equal(QuorumFailure.NotACheckpoint, policy.Evaluate(SignedNote.Create("x\n", note.Signatures)).Failure);
        var elsewhere = new Checkpoint("other.example", 7, default).Format();
        Assert.Equal(QuorumFailure.UnknownLog, policy.Evaluate(SignedNote.Create(elsewhere, note.Signatures)).Failure);
        Assert.Equal(QuorumFailure.LogSignatureMissing, policy.Evaluate(SignedNote.Create(note.Text, [.. note.Signatures.Skip(1)])).Failure);
        var few = policy.Evaluate(Note("a d e f"));
        Assert.Equal(QuorumFailure.QuorumNotReached, few.Failure);
        Assert.Equal(["a", "d", "e", "f"], few.Cosignatures.Select(cosignature => cosignature.Key.Name[..1]));
        var other = new Checkpoint(Log.Name, 8, default).Format();
        var invalid = policy.Evaluate(SignedNote.Create(other, note.Signatures));
        Assert.Equal(QuorumFailure.SignatureInvalid, invalid.Failure);
        Assert.Equal(Log, invalid.FailedKey);

        // A known witness's bad line refuses even where the quorum is reached without it.
        var d = Witnesses.Value["d"];
        var bad = note.With(new NoteSignature(d.Key.Name, d.Key.KeyId, new byte[72]));
        Assert.Equal(d.Key, policy.Evaluate(bad).FailedKey);
        Assert.Null(policy.SelectFinal(bad, out var verdict));
        Assert.Equal(QuorumFailure.SignatureInvalid, verdict.Failure);

        // An unknown one is ignored.
        Assert.True(policy.Evaluate(note.With(new NoteSignature("z", 1, [1]))).Ok);
    }

    [Fact]
    public void A_policy_without_logs_takes_the_log_that_the_caller_knows()
    {
        var policy = Parse("quorum none\n");
        Assert.Equal(QuorumFailure.UnknownLog, policy.Evaluate(LogNote.Value).Failure);
        Assert.True(policy.Evaluate(LogNote.Value, [Log]).Ok);
        var foreign = NoteKey.Create("other.example", NoteKeyType.Ed25519, Log.PublicKey);
        Assert.Equal(QuorumFailure.UnknownLog, policy.Evaluate(LogNote.Value, [foreign]).Failure);
    }

    [Fact]
    public void Final_form_is_the_log_and_the_first_set_sorted_and_does_not_depend_on_the_order_of_lines()
    {
        var policy = Parse(All + "group g 3 f c a b\nquorum g\n");
        var expected = LogNote.Value.Format() + string.Concat(new[] { "a", "c", "f" }.Select(name => Witnesses.Value[name].Line.Format()));
        var random = new Random(3);
        for (var round = 0; round < 10; round++)
        {
            var lines = Note("a b c d e f").Signatures.OrderBy(_ => random.Next()).ToList();
            lines.Insert(random.Next(7), new NoteSignature("unknown", 7, [1, 2]));
            Assert.Equal(expected, Encoding.UTF8.GetString(policy.SelectFinal(SignedNote.Create(LogNote.Value.Text, lines))!));
        }

        Assert.Equal(LogNote.Value.ToBytes(), Parse(All + "quorum none\n").SelectFinal(Note("a b")));
        Assert.Null(policy.SelectFinal(Note("a b")));
    }

    [Fact]
    public void Final_form_sorts_by_the_bytes_of_the_name_not_by_its_characters()
    {
        // U+FF5E sorts above U+1F600 as UTF-16 and below it as UTF-8.
        var text = LogNote.Value.Text;
        var keys = new[] { "\U0001F600", "\uff5e" }.Select(name =>
        {
            var signer = TestSigners.Ed25519(name);
            var key = NoteKey.Create(name, NoteKeyType.Ed25519Cosignature, signer.PublicKey.Span);
            return (Key: key, Line: NoteSigner.Cosign(signer, key, text, 1));
        }).ToArray();
        var policy = Parse($"log {Log.Format()}\nwitness x {keys[0].Key.Format()}\nwitness y {keys[1].Key.Format()}\ngroup g all x y\nquorum g\n");
        var final = policy.SelectFinal(SignedNote.Create(text, [LogNote.Value.Signatures[0], keys[0].Line, keys[1].Line]))!;
        Assert.Equal(LogNote.Value.Format() + keys[1].Line.Format() + keys[0].Line.Format(), Encoding.UTF8.GetString(final));
    }

    [Fact]
    public void Names_are_octets_and_urls_are_kept()
    {
        var a = Witnesses.Value["a"].Key.Format();
        var b = Witnesses.Value["b"].Key.Format();
        var policy = Parse($"log {Log.Format()} https://log.example\nwitness K {a} https://例え.example\nwitness \u212a {b}\nquorum \u212a\n");
        Assert.Equal(("K", "https://例え.example"), (policy.Witnesses[0].Name, policy.Witnesses[0].Url));
        Assert.Equal("\u212a", policy.Witnesses[1].Name);
        Assert.Equal("https://log.example", policy.Logs[0].Url);
        Assert.Null(Set(policy, "a"));
        Assert.Equal("b", Set(policy, "b"));
    }

    [Theory]
    [InlineData("", PolicyProblem.NoQuorum, 0)]
    [InlineData("quorum none", PolicyProblem.LineNotTerminated, 1)]
    [InlineData("quorum none\n#", PolicyProblem.LineNotTerminated, 2)]
    [InlineData("# x\r\nquorum none\n", PolicyProblem.BadOctet, 1)]
    [InlineData("quorum none\u007f\n", PolicyProblem.BadOctet, 1)]
    [InlineData("quorum none\nquorum none\n", PolicyProblem.SecondQuorum, 2)]
    [InlineData("quorum\n", PolicyProblem.WrongItemCount, 1)]
    [InlineData("quorum none x\n", PolicyProblem.WrongItemCount, 1)]
    [InlineData("quorum g\n", PolicyProblem.UnknownName, 1)]
    [InlineData("Quorum none\n", PolicyProblem.UnknownKeyword, 1)]
    [InlineData("quorum\u00a0none\n", PolicyProblem.UnknownKeyword, 1)]
    [InlineData("log\n", PolicyProblem.WrongItemCount, 1)]
    [InlineData("log {log} u v\n", PolicyProblem.WrongItemCount, 1)]
    [InlineData("log x\n", PolicyProblem.BadKey, 1)]
    [InlineData("log {a}\n", PolicyProblem.WrongKeyType, 1)]
    [InlineData("log {log}\nlog {log} u\n", PolicyProblem.DuplicateKey, 2)]
    [InlineData("log {log}\nlog {renamed}\n", PolicyProblem.DuplicateKey, 2)]
    [InlineData("witness a\n", PolicyProblem.WrongItemCount, 1)]
    [InlineData("witness a {a} u v\n", PolicyProblem.WrongItemCount, 1)]
    [InlineData("witness a {log}\n", PolicyProblem.WrongKeyType, 1)]
    [InlineData("witness none {a}\n", PolicyProblem.ReservedName, 1)]
    [InlineData("witness a {a}\nwitness a {b}\n", PolicyProblem.DuplicateName, 2)]
    [InlineData("witness a {a}\nwitness b {a}\n", PolicyProblem.DuplicateKey, 2)]
    [InlineData("witness a {a}\ngroup a any a\n", PolicyProblem.DuplicateName, 2)]
    [InlineData("witness a {a}\ngroup g any\n", PolicyProblem.WrongItemCount, 2)]
    [InlineData("witness a {a}\ngroup none any a\n", PolicyProblem.ReservedName, 2)]
    [InlineData("witness a {a}\ngroup g any a none\n", PolicyProblem.ReservedName, 2)]
    [InlineData("witness a {a}\ngroup g any a b\n", PolicyProblem.UnknownName, 2)]
    [InlineData("witness a {a}\ngroup g any g\n", PolicyProblem.UnknownName, 2)]
    [InlineData("witness a {a}\ngroup g any a a\n", PolicyProblem.MemberTwice, 2)]
    [InlineData("witness a {a}\ngroup g any a\ngroup h any a\n", PolicyProblem.MemberTwice, 3)]
    [InlineData("witness a {a}\ngroup g any a\ngroup h any g\ngroup i any g\n", PolicyProblem.MemberTwice, 4)]
    [InlineData("witness a {a}\ngroup g 0 a\n", PolicyProblem.BadThreshold, 2)]
    [InlineData("witness a {a}\ngroup g 2 a\n", PolicyProblem.BadThreshold, 2)]
    [InlineData("witness a {a}\ngroup g 01 a\n", PolicyProblem.BadThreshold, 2)]
    [InlineData("witness a {a}\ngroup g -1 a\n", PolicyProblem.BadThreshold, 2)]
    [InlineData("witness a {a}\ngroup g some a\n", PolicyProblem.BadThreshold, 2)]
    [InlineData("quorum g\nwitness a {a}\ngroup g any a\n", PolicyProblem.UnknownName, 1)]
    [InlineData("witness a {a}\n", PolicyProblem.NoQuorum, 0)]
    public void Text_that_is_no_policy_is_refused_with_reason_and_line(string text, PolicyProblem problem, int line)
    {
        text = text.Replace("{log}", Log.Format(), StringComparison.Ordinal)
            .Replace("{renamed}", NoteKey.Create("renamed", Log.Type, Log.PublicKey).Format(), StringComparison.Ordinal)
            .Replace("{a}", Witnesses.Value["a"].Key.Format(), StringComparison.Ordinal)
            .Replace("{b}", Witnesses.Value["b"].Key.Format(), StringComparison.Ordinal);
        var parse = QuorumPolicy.TryParse(text, out var policy);
        Assert.Equal((problem, line), (parse.Problem, parse.Line));
        Assert.Null(policy);
    }

    [Fact]
    public void Lines_after_the_quorum_line_may_define_more()
    {
        var a = Witnesses.Value["a"].Key.Format();
        Assert.Single(Parse($"quorum none\nlog {Log.Format()}\nwitness a {a}\n").Witnesses);
    }

    [Fact]
    public void Limits_are_above_what_the_specification_recommends_and_below_what_hurts()
    {
        var text = new StringBuilder();
        for (var i = 0; i < 256; i++)
        {
            byte[] key = [(byte)i, .. new byte[31]];
            text.Append($"witness w{i} {NoteKey.Create("w", NoteKeyType.Ed25519Cosignature, key).Format()}\n");
        }

        Assert.True(QuorumPolicy.TryParse(text + "quorum w255\n", out _).Ok);
        var deep = text.ToString() + "group g0 any w0\n" + string.Concat(Enumerable.Range(1, 255).Select(i => $"group g{i} all g{i - 1} w{i}\n")) + "quorum g255\n";
        Assert.True(QuorumPolicy.TryParse(deep, out var policy).Ok);
        Assert.Equal(QuorumFailure.UnknownLog, policy!.Evaluate(LogNote.Value).Failure);
        Assert.Equal(QuorumFailure.QuorumNotReached, policy.Evaluate(LogNote.Value, [Log]).Failure);
        text.Append($"witness more {NoteKey.Create("w", NoteKeyType.Ed25519Cosignature, new byte[32].Select(_ => (byte)9).ToArray()).Format()}\n");
        Assert.Equal(PolicyProblem.TooMany, QuorumPolicy.TryParse(text + "quorum none\n", out _).Problem);
        Assert.Equal(PolicyProblem.TooLong, QuorumPolicy.TryParse(new byte[QuorumPolicy.MaxLength + 1], out _).Problem);
    }

    [Fact]
    public void Damaged_policies_never_throw()
    {
        var good = Encoding.UTF8.GetBytes(Examples.PolicyText(Suite.Intl));
        var random = new Random(5);
        var problems = new HashSet<PolicyProblem>();
        for (var round = 0; round < 20_000; round++)
        {
            problems.Add(QuorumPolicy.TryParse(Mutation.Of(good, random), out _).Problem);
        }

        Assert.True(problems.Count > 8, string.Join(' ', problems));
    }

    private static SignedNote Note(string cosigned) => cosigned.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Aggregate(LogNote.Value, (note, name) => note.With(Witnesses.Value[name].Line));

    private static QuorumPolicy Parse(string text)
    {
        Assert.Equal(default, QuorumPolicy.TryParse(text, out var policy));
        return policy!;
    }

    // The satisfying set, in the order found, as the first letters of the key names.
    private static string? Set(QuorumPolicy policy, string cosigned)
    {
        var verdict = policy.Evaluate(Note(cosigned));
        Assert.True(verdict.Ok || verdict.Failure == QuorumFailure.QuorumNotReached, $"{verdict.Failure}");
        return verdict.Ok ? string.Join(' ', verdict.Cosignatures.Select(cosignature => cosignature.Key.Name[..1])) : null;
    }
}
