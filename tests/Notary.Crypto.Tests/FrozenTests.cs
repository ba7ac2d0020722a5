using System.Text;

namespace Notary.Crypto.Tests;

/// <summary>What is persisted or published never changes; a change is a new version.</summary>
public class FrozenTests
{
    [Fact]
    public void Numbers_that_are_persisted_stay()
    {
        Assert.Equal(1, (int)SuiteId.Sm);
        Assert.Equal(2, (int)SuiteId.Intl);
        Assert.Equal(2, Enum.GetValues<SuiteId>().Length);
        Assert.Equal(1, (int)KeyAlgorithm.Sm2);
        Assert.Equal(2, (int)KeyAlgorithm.Ed25519);
        Assert.Equal(3, (int)KeyAlgorithm.P256);
        Assert.Equal(3, Enum.GetValues<KeyAlgorithm>().Length);
    }

    [Fact]
    public void Suites_are_found_by_their_frozen_names_and_numbers_only()
    {
        Assert.Same(Suite.Sm, Suite.FromName("sm"));
        Assert.Same(Suite.Intl, Suite.FromName("intl"));
        Assert.Null(Suite.FromName("SM"));
        Assert.Null(Suite.FromName(""));
        Assert.Same(Suite.Sm, Suite.FromId(SuiteId.Sm));
        Assert.Same(Suite.Intl, Suite.FromId(SuiteId.Intl));
        Assert.Null(Suite.FromId(0));
    }

    [Fact]
    public void Domain_prefixes_stay()
    {
        Assert.Equal(
            ["commitment", "statement", "consent", "governance", "statement-signature", "node-statement"],
            DomainPurpose.All.Select(p => p.Name));
        Assert.All(DomainPurpose.All, p => Assert.Equal("notary/v1/" + p.Name + "\0", Encoding.ASCII.GetString(p.Prefix)));
        Assert.Equal("6e6f746172792f76312f636f6d6d69746d656e7400", Convert.ToHexStringLower(DomainPurpose.Commitment.Prefix));
    }

    [Fact]
    public void Domain_messages_tell_an_empty_field_from_none_and_never_start_as_a_tree_hash()
    {
        var one = DomainHash.Compute(Suite.Sm, DomainPurpose.Consent, "a"u8);
        var two = DomainHash.Compute(Suite.Sm, DomainPurpose.Consent, "a"u8, ""u8);
        var moved = DomainHash.Compute(Suite.Sm, DomainPurpose.Consent, ""u8, "a"u8);
        Assert.Equal(3, new[] { one, two, moved }.Distinct().Count());
        Assert.All(DomainPurpose.All, p => Assert.True(p.Prefix[0] > 1));
        // Longer than what is put on the stack.
        var big = new byte[5000];
        var buffer = new byte[DomainHash.Length(DomainPurpose.Consent, 1, big.Length)];
        Assert.Equal(buffer.Length, DomainHash.Write(DomainPurpose.Consent, buffer, big));
        Assert.Equal(Suite.Sm.Hash(buffer), DomainHash.Compute(Suite.Sm, DomainPurpose.Consent, big));
    }

    [Fact]
    public void Hash32_parses_lower_case_only_and_orders_by_bytes()
    {
        var text = new string('a', 63) + "0";
        Assert.True(Hash32.TryParseHex(text, out var value));
        Assert.Equal(text, value.ToHex());
        Assert.False(Hash32.TryParseHex(text.ToUpperInvariant(), out _));
        Assert.False(Hash32.TryParseHex(text.AsSpan(1), out _));
        Assert.False(Hash32.TryParseHex(text + "0", out _));
        Assert.False(Hash32.TryParseHex(new string('g', 64), out _));
        Assert.True(default(Hash32).IsZero);
        Assert.Throws<ArgumentOutOfRangeException>(() => Hash32.FromSpan(new byte[31]));
        var random = new Random(1);
        var hashes = Enumerable.Range(0, 300).Select(_ =>
        {
            var bytes = new byte[32];
            random.NextBytes(bytes.AsSpan(random.Next(32)));
            return Hash32.FromSpan(bytes);
        }).ToArray();
        Assert.Equal(hashes.Select(h => h.ToHex()).Order(StringComparer.Ordinal), hashes.Order().Select(h => h.ToHex()));
    }
}
