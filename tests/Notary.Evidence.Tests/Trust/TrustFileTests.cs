using System.Text;
using Notary.Crypto;
using Notary.Evidence.Tests.Verification;
using Notary.Ledger;
using Notary.Ledger.Tests;

namespace Notary.Evidence.Tests.Trust;

public class TrustFileTests
{
    private static readonly World World = World.Sm;

    [Theory]
    [InlineData("sm")]
    [InlineData("intl")]
    public void Created_file_parses_to_the_same_bytes(string suite)
    {
        var world = suite == "sm" ? World.Sm : World.Intl;
        var file = world.Trust(TrustMode.Production, RecordState.Final, world.PolicyTwo);
        Assert.Null(TrustFile.TryParse(file.ToBytes(), out var back));
        Assert.Equal(file.ToBytes(), back!.ToBytes());
        Assert.Equal(file.Fingerprint, back.Fingerprint);
        Assert.Equal(Suite.Intl.Hash(Encoding.UTF8.GetBytes(file.Note.Text)), file.Fingerprint);
        Assert.Equal(world.Origin, back.FindCode(world.Code)!.Origin);
        Assert.Equal(RecordState.Final, back.Required);
    }

    [Fact]
    public void Required_state_has_its_default_by_mode()
    {
        Assert.Equal(RecordState.Sealed, Edited(World.Content(), "\"required\":\"sealed\",", "").Required);
        Assert.Equal(RecordState.Anchored, Edited(World.Content(TrustMode.Production, RecordState.Final, World.PolicyTwo), "\"required\":\"final\",", "").Required);
    }

    [Fact]
    public void Every_flipped_bit_of_a_file_is_refused()
    {
        var bytes = World.Trust().ToBytes();
        for (var at = 0; at < bytes.Length; at++)
        {
            bytes[at] ^= (byte)(1 << (at % 8));
            Assert.NotNull(TrustFile.TryParse(bytes, out _));
            bytes[at] ^= (byte)(1 << (at % 8));
        }
    }

    public static TheoryData<string, string, TrustFailure> Mutations() => new()
    {
        { "\"deployment\":\"test.notary\"", "\"deployment\":\"Test\"", TrustFailure.Deployment },
        { "\"deployment\":\"test.notary\"", "\"deployment\":\"other\"", TrustFailure.Origin },
        { "\"mode\":\"development\"", "\"mode\":\"Development\"", TrustFailure.Mode },
        { "\"mode\":\"development\"", "\"mode\":1", TrustFailure.Mode },
        { "\"mode\":\"development\"", "\"mode\":\"production\"", TrustFailure.Policy },
        { "\"mode\":\"development\"", "\"mode\":\"demonstration\"", TrustFailure.Policy },
        { "\"required\":\"sealed\"", "\"required\":\"none\"", TrustFailure.Required },
        { "\"required\":\"sealed\"", "\"required\":null", TrustFailure.Required },
        { "\"version\":1", "\"version\":0", TrustFailure.Version },
        { "\"version\":1", "\"version\":2", TrustFailure.Version },
        { "\"version\":1", "\"version\":\"1\"", TrustFailure.Version },
        { "\"required\"", "\"previous\":\"00\",\"required\"", TrustFailure.Version },
        { "\"version\":1", "\"version\":1,\"x\":1", TrustFailure.Json },
        { "\"version\":1", "\"version\":1.0", TrustFailure.Json },
        { "\"version\":1", "\"version\": 1", TrustFailure.Json },
        { "{\"chains\"", "{\"a\":1,\"chains\"", TrustFailure.Json },
        { "\"k\":1", "\"k\":0", TrustFailure.GovernanceThreshold },
        { "\"k\":1", "\"k\":2", TrustFailure.GovernanceThreshold },
        { "\"k\":1", "\"k\":\"1\"", TrustFailure.Json },
        { "\"keys\":[\"", "\"keys\":[\"x", TrustFailure.GovernanceKey },
        { "\"code\":\"GZ\"", "\"code\":\"gz\"", TrustFailure.Code },
        { "\"code\":\"GZ\"", "\"code\":\"G\"", TrustFailure.Code },
        { "\"code\":\"GZ\"", "\"code\":\"GZGZG\"", TrustFailure.Code },
        { "\"from\":0", "\"from\":-1", TrustFailure.MainIndex },
        { "\"suite\":\"sm\"", "\"suite\":\"intl\"", TrustFailure.LogKey },
        { "\"suite\":\"sm\"", "\"suite\":\"sm3\"", TrustFailure.Suite },
        { "\"suite\":\"sm\"", "\"suite\":\"sm\",\"to\":-1", TrustFailure.MainIndex },
        { "/guangzhou\",\"policy\"", "/beijing\",\"policy\"", TrustFailure.LogKey },
        { "/guangzhou\",\"policy\"", "\",\"policy\"", TrustFailure.Origin },
        { "quorum none\\n", "quorum none", TrustFailure.Policy },
        { "quorum none\\n", "quorum all\\n", TrustFailure.Policy },
        { "quorum none\\n", "", TrustFailure.Policy },
        { "\"log\":[\"", "\"log\":[\"x", TrustFailure.LogKey },
        { "notary/trust/v1", "notary/trust/v2", TrustFailure.UnknownVersion },
        { "notary/trust/v1", "notary/truth/v1", TrustFailure.Header },
        { "notary/trust/v1\n", "notary/trust/v1\n\n", TrustFailure.Header },
    };

    [Theory]
    [MemberData(nameof(Mutations))]
    public void Wrong_content_is_refused_though_rightly_signed(string what, string by, TrustFailure failure)
    {
        Assert.Equal(failure, TrustFile.TryParse(Resigned(World.Content(), what, by), out _)?.Failure);
    }

    [Fact]
    public void Two_chains_never_share_origin_or_code()
    {
        var content = World.Content();
        var other = World.Origin + "-2";
        var chain = TrustedChain.Create(other, "GZ", Suite.Sm, [NoteKey.Create(other, NoteKeyType.Sm2Note, World.LogKey.PublicKey)], World.PolicyNone);
        Assert.Throws<ArgumentException>(() => TrustFile.Create(content with { Chains = [content.Chains[0], chain] }, World.GovernanceSigners[0]));
        Assert.Throws<ArgumentException>(() => TrustFile.Create(content with { Chains = [content.Chains[0], content.Chains[0] with { Code = "BJ" }] }, World.GovernanceSigners[0]));
        Assert.Equal(2, TrustFile.Create(content with { Chains = [content.Chains[0], chain with { Code = "BJ" }] }, World.GovernanceSigners[0]).Content.Chains.Count);
    }

    [Fact]
    public void Entries_of_one_chain_are_ascending_ranges_of_the_main_chain()
    {
        var first = World.Content().Chains[0] with { FromMainIndex = 3, ToMainIndex = 9 };
        var second = first with { FromMainIndex = 12, ToMainIndex = 12 };
        var third = first with { FromMainIndex = 13, ToMainIndex = null };
        var main = Chain("main", "MAIN");
        var file = Of(first, main, second, third);
        Assert.Equal([null, 3, 3, null, null, 12, 13, 13], new long[] { 2, 3, 9, 10, 11, 12, 13, long.MaxValue }.Select(index => file.Find(World.Origin, index)?.FromMainIndex));
        Assert.Equal(13, file.Find(World.Origin)!.FromMainIndex);
        Assert.Equal(13, file.FindCode(World.Code)!.FromMainIndex);
        Assert.Equal(12, Of(first, second).Find(World.Origin)!.FromMainIndex);
        Assert.Null(file.Find(World.Origin + "-2", 3));
        Assert.Equal($"{World.Deployment}/main", file.Main!.Origin);
        Assert.Null(Of(first).Main);
        Assert.Equal(file.Content.Chains.Count, Back(file).Content.Chains.Count);

        Assert.Equal(TrustFailure.MainIndex, Refused(first, second with { FromMainIndex = 9 }));
        Assert.Equal(TrustFailure.MainIndex, Refused(second, first));
        Assert.Equal(TrustFailure.MainIndex, Refused(first with { ToMainIndex = null }, second));
        Assert.Equal(TrustFailure.MainIndex, Refused(first, third, second with { FromMainIndex = 20, ToMainIndex = null }));
        Assert.Equal(TrustFailure.Code, Refused(first, second with { Code = "BJ" }));
        Assert.Equal(TrustFailure.Code, Refused(first, second, Chain("beijing", World.Code)));
        Assert.Equal(TrustFailure.Suite, Refused(first, TrustedChain.Create(
            World.Origin, World.Code, Suite.Intl, [World.Note(World.Origin, TestSigners.Of(SuiteId.Intl, "log"), false)], World.PolicyNone, 20)));

        static TrustedChain Chain(string name, string code) => TrustedChain.Create(
            $"{World.Deployment}/{name}", code, Suite.Sm, [World.Note($"{World.Deployment}/{name}", World.LogSigner, false)], World.PolicyNone);
        static TrustFile Of(params TrustedChain[] chains) => TrustFile.Create(World.Content() with { Chains = chains }, World.GovernanceSigners[0]);
        static TrustFailure Refused(params TrustedChain[] chains)
        {
            var exception = Assert.Throws<ArgumentException>(() => Of(chains));
            return Enum.GetValues<TrustFailure>().Single(failure => exception.Message.Contains($": {failure}:", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Version_follows_when_enough_of_the_one_before_and_all_added_keys_signed()
    {
        var first = Version(1, null, 2, [0, 1, 2], [0, 1]);
        Assert.Null(Version(2, first, 2, [0, 1, 2], [0, 1]).Follows(first));
        Assert.Null(Version(2, first, 2, [1, 2, 3, 4], [1, 2, 3, 4]).Follows(first));
        // The k of the version before counts, not the new one's, and a key that goes may still sign.
        Assert.Null(Version(2, first, 1, [2], [0, 1, 2]).Follows(first));
        var second = Version(2, first, 1, [2], [0, 1, 2]);
        Assert.Null(Version(3, second, 1, [2, 3], [2, 3]).Follows(second));
    }

    [Fact]
    public void Version_that_goes_back_skips_or_forgets_is_refused_with_its_reason()
    {
        var first = Version(1, null, 2, [0, 1, 2], [0, 1]);
        var second = Version(2, first, 2, [0, 1, 3], [0, 1, 3]);
        var third = Version(3, second, 2, [0, 1, 3], [0, 1]);
        Assert.Equal(TrustFailure.NotNextVersion, third.Follows(first)?.Failure);
        Assert.Equal(TrustFailure.NotNextVersion, first.Follows(second)?.Failure);
        Assert.Equal(TrustFailure.NotNextVersion, second.Follows(second)?.Failure);
        Assert.Equal(TrustFailure.OtherPrevious, Version(3, first, 2, [0, 1, 3], [0, 1]).Follows(second)?.Failure);
        // Removed by version 2, the key no longer counts for version 3.
        Assert.Equal(TrustFailure.TooFewOfPrevious, Version(3, second, 1, [0], [0, 2]).Follows(second)?.Failure);
        Assert.Equal(TrustFailure.TooFewOfPrevious, Version(2, first, 1, [0], [0]).Follows(first)?.Failure);
        Assert.Equal(TrustFailure.AddedKeyUnsigned, Version(2, first, 2, [0, 1, 3, 4], [0, 1, 3]).Follows(first)?.Failure);
        var other = TrustFile.Create(
            World.Content() with { Deployment = "other.notary", Chains = [Renamed("other.notary")], Version = 2, Previous = first.Fingerprint }, World.GovernanceSigners[0]);
        Assert.Equal(TrustFailure.Deployment, other.Follows(first)?.Failure);

        static TrustedChain Renamed(string deployment) => TrustedChain.Create(
            deployment + "/guangzhou", "GZ", Suite.Sm, [World.Note(deployment + "/guangzhou", World.LogSigner, false)], World.PolicyNone);
    }

    [Fact]
    public void Signature_of_a_key_counts_under_either_name_and_never_when_one_line_is_wrong()
    {
        var first = Version(1, null, 1, [0], [0]);
        var second = Version(2, first, 1, [1], [1]);
        Assert.Equal(TrustFailure.TooFewOfPrevious, second.Follows(first)?.Failure);
        var before = Key(0);
        Assert.Null(With(second, NoteSigner.SignLine(Signer(0), before, second.Note.Text)).Follows(first));
        Assert.Equal(TrustFailure.TooFewOfPrevious, With(second, NoteSigner.SignLine(Signer(0), World.Note("stranger", Signer(0), false), second.Note.Text)).Follows(first)?.Failure);
        var wrong = new NoteSignature(before.Name, before.KeyId, second.Note.Signatures[0].Signature);
        Assert.Equal(TrustFailure.TooFewOfPrevious, With(second, wrong).Follows(first)?.Failure);
        Assert.False(With(second, NoteSigner.SignLine(Signer(0), before, second.Note.Text), wrong).IsSignedBy(before));

        // Renamed by the new version, it is still the same key.
        var renamed = World.Note("governance-renamed", Signer(0), false);
        var third = TrustFile.Create(World.Content() with { Version = 2, Previous = first.Fingerprint, GovernanceKeys = [renamed] }, Signer(0));
        Assert.Null(third.Follows(first));

        static TrustFile With(TrustFile file, params NoteSignature[] lines)
        {
            Assert.Null(TrustFile.TryParse(lines.Aggregate(file.Note, (note, line) => note.With(line)).ToBytes(), out var back));
            return back!;
        }
    }

    [Fact]
    public void Too_few_governance_signatures_are_refused()
    {
        var content = World.Content() with { GovernanceKeys = World.GovernanceKeys, GovernanceThreshold = 2 };
        var file = TrustFile.Create(content, World.GovernanceSigners[0], World.GovernanceSigners[1]);
        var one = SignedNote.Create(file.Note.Text, [file.Note.Signatures[0]]);
        Assert.Equal(TrustFailure.TooFewSignatures, TrustFile.TryParse(one.ToBytes(), out _)?.Failure);
        var twice = SignedNote.Create(file.Note.Text, [file.Note.Signatures[0], file.Note.Signatures[0]]);
        Assert.Equal(TrustFailure.TooFewSignatures, TrustFile.TryParse(twice.ToBytes(), out _)?.Failure);
        var wrong = SignedNote.Create(file.Note.Text, [file.Note.Signatures[0], new NoteSignature(World.GovernanceKeys[1].Name, World.GovernanceKeys[1].KeyId, file.Note.Signatures[0].Signature)]);
        Assert.Equal(TrustFailure.SignatureInvalid, TrustFile.TryParse(wrong.ToBytes(), out _)?.Failure);
    }

    [Fact]
    public void Strangers_sign_later_versions_only()
    {
        // From version 2 on the keys of the version before sign as well; one file cannot know them.
        var stranger = TestSigners.Of(SuiteId.Sm, "governance of the version before");
        var first = World.Trust();
        var line = NoteSigner.SignLine(stranger, World.Note("old-governance", stranger, false), first.Note.Text);
        Assert.Equal(TrustFailure.UnknownSigner, TrustFile.TryParse(first.Note.With(line).ToBytes(), out _)?.Failure);
        var second = TrustFile.Create(World.Content() with { Version = 2, Previous = first.Fingerprint }, World.GovernanceSigners[0]);
        line = NoteSigner.SignLine(stranger, World.Note("old-governance", stranger, false), second.Note.Text);
        Assert.Null(TrustFile.TryParse(second.Note.With(line).ToBytes(), out var back));
        Assert.Equal(first.Fingerprint, back!.Content.Previous);
    }

    [Fact]
    public void Random_edits_never_throw()
    {
        var random = new Random(11);
        var right = World.Trust().ToBytes();
        for (var i = 0; i < 2_000; i++)
        {
            var bytes = right.ToList();
            for (var edits = random.Next(1, 5); edits > 0 && bytes.Count > 1; edits--)
            {
                var at = random.Next(bytes.Count);
                if (random.Next(2) == 0)
                {
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 30), bytes.Count - at));
                }
                else
                {
                    bytes.Insert(at, (byte)random.Next(256));
                }
            }

            if (!bytes.SequenceEqual(right))
            {
                Assert.NotNull(TrustFile.TryParse([.. bytes], out _));
            }
        }
    }

    [Fact]
    public void Names_and_numbers_are_frozen()
    {
        Assert.Equal(["1 development", "2 demonstration", "3 production"], Enum.GetValues<TrustMode>().Select(mode => $"{(int)mode} {TrustNames.Of(mode)}"));
        Assert.Equal(["0 none", "1 sealed", "2 final", "3 anchored", "4 time-stamped"], Enum.GetValues<RecordState>().Select(state => $"{(int)state} {TrustNames.Of(state)}"));
    }

    private static ISigner Signer(int key) => TestSigners.Of(SuiteId.Sm, $"governance key {key}");

    private static NoteKey Key(int key) => World.Note($"governance-key-{key}", Signer(key), false);

    /// <summary>A version with these governance keys, signed by these of them, and by keys of a version before under their own names.</summary>
    private static TrustFile Version(int version, TrustFile? previous, int k, int[] keys, int[] signers)
    {
        var content = World.Content() with { Version = version, Previous = previous?.Fingerprint, GovernanceThreshold = k, GovernanceKeys = [.. keys.Select(Key)] };
        var file = TrustFile.Create(content, [.. signers.Where(keys.Contains).Select(Signer)]);
        var note = signers.Where(key => !keys.Contains(key)).Aggregate(file.Note, (current, key) => current.With(NoteSigner.SignLine(Signer(key), Key(key), current.Text)));
        Assert.Null(TrustFile.TryParse(note.ToBytes(), out var back));
        return back!;
    }

    private static TrustFile Back(TrustFile file)
    {
        Assert.Null(TrustFile.TryParse(file.ToBytes(), out var back));
        return back!;
    }

    private static TrustFile Edited(TrustContent content, string what, string by)
    {
        Assert.Null(TrustFile.TryParse(Resigned(content, what, by), out var file));
        return file!;
    }

    private static byte[] Resigned(TrustContent content, string what, string by)
    {
        var text = TrustFile.Create(content, World.GovernanceSigners[0]).Note.Text;
        Assert.Contains(what, text, StringComparison.Ordinal);
        var at = text.IndexOf(what, StringComparison.Ordinal);
        text = text[..at] + by + text[(at + what.Length)..];
        return Encoding.UTF8.GetBytes(NoteSigner.Sign(World.GovernanceSigners[0], World.GovernanceKeys[0], text));
    }
}
