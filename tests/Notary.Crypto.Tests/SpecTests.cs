using System.Runtime.CompilerServices;

namespace Notary.Crypto.Tests;

/// <summary>The worked examples of docs/spec/domain-separation.md and item-box.md, read from the documents and computed again. They were made with
/// openssl and a few lines of Python, not with this code.</summary>
public class SpecTests
{
    [Fact]
    public void Domain_separation_examples_of_the_specification_are_what_the_code_computes()
    {
        var examples = Read("domain-separation.md");
        Assert.Equal(9, examples.Count);
        foreach (var (name, lines) in examples)
        {
            var suite = Suite.FromName(lines[0].Value)!;
            if (lines[1].Key == "key")
            {
                var key = Hex(lines[1].Value);
                for (var i = 2; i < lines.Count; i += 2)
                {
                    Assert.Equal(lines[i + 1].Value, suite.Hmac(key, Hex(lines[i].Value)).ToHex());
                }
                continue;
            }
            var purpose = DomainPurpose.All.Single(p => p.Name == lines[1].Value);
            var fields = lines.Where(l => l.Key.StartsWith("field ", StringComparison.Ordinal)).Select(l => Hex(l.Value)).ToArray();
            var message = new byte[DomainHash.Length(purpose, fields.Length, fields.Sum(f => f.Length))];
            var at = DomainHash.Begin(purpose, message);
            foreach (var field in fields)
            {
                at = DomainHash.Field(message, at, field);
            }
            Assert.Equal(message.Length, at);
            Assert.Equal((name, lines[^2].Value), (name, Convert.ToHexStringLower(message)));
            Assert.Equal((name, lines[^1].Value), (name, suite.Hash(message).ToHex()));
            Assert.Equal(suite.Hash(message), Compute(suite, purpose, fields));
        }
    }

    [Theory]
    [InlineData("box-sm")]
    [InlineData("box-intl")]
    public void Item_box_example_of_the_specification_is_what_the_code_seals_and_opens(string name)
    {
        var lines = Read("item-box.md")[name].ToDictionary();
        using var cipher = ItemCipher.Create(Suite.FromName(lines["suite"])!, Convert.ToUInt32(lines["key id"], 16), Hex(lines["wrapping key"]));
        var plaintext = Hex(lines["plaintext"]);
        var box = new byte[ItemCipher.BoxLength(plaintext.Length)];
        cipher.SealMany([Hash32.FromSpan(Hex(lines["secret"]))], Hex(lines["iv"]), plaintext, [new Slice(0, plaintext.Length)], Hex(lines["associated data"]), box, [0]);
        Assert.Equal(lines["box"], Convert.ToHexStringLower(box));
        Assert.Equal(lines["wrapped"], Convert.ToHexStringLower(box[22..54]));
        Assert.Equal(lines["ciphertext"], Convert.ToHexStringLower(box[54..^32]));
        Assert.Equal(lines["mac"], Convert.ToHexStringLower(box[^32..]));
        Assert.Equal(ItemOpenResult.Ok, cipher.TryOpen(Hex(lines["box"]), Hex(lines["associated data"]), out var secret, out var opened));
        Assert.Equal(lines["secret"], secret.ToHex());
        Assert.Equal(plaintext, opened);
    }

    [Fact]
    public void Tables_of_the_specification_are_the_tables_of_the_code()
    {
        var rows = File.ReadLines(Document("domain-separation.md")).Where(l => l.StartsWith("| `", StringComparison.Ordinal)).Select(l => l.Split('`')[1]).ToList();
        Assert.Equal(DomainPurpose.All.Select(p => p.Name).Order(StringComparer.Ordinal), rows.Where(r => !r.Contains('/')).Order(StringComparer.Ordinal));
        string[] labels = [Label(HmacLabel.Salt), Label(HmacLabel.Absent), Label(HmacLabel.ItemKey), Label(HmacLabel.ItemWrap), Label(HmacLabel.DigestIndex), Label(HmacLabel.SubjectIndex), Label(HmacLabel.Webhook), Label(HmacLabel.IdentitySeal), Label(HmacLabel.IdentityAudit), Label(HmacLabel.IdentityPerson)];
        Assert.Equal(labels, rows.Where(r => r.Contains('/')));
    }

    private static string Label(ReadOnlySpan<byte> label)
    {
        Assert.Equal(0, label[^1]);
        return System.Text.Encoding.ASCII.GetString(label[..^1]);
    }

    private static Hash32 Compute(Suite suite, DomainPurpose purpose, byte[][] f) => f.Length switch
    {
        1 => DomainHash.Compute(suite, purpose, f[0]),
        3 => DomainHash.Compute(suite, purpose, f[0], f[1], f[2]),
        4 => DomainHash.Compute(suite, purpose, f[0], f[1], f[2], f[3]),
        5 => DomainHash.Compute(suite, purpose, f[0], f[1], f[2], f[3], f[4]),
        _ => throw new ArgumentOutOfRangeException(nameof(f)),
    };

    private static byte[] Hex(string hex) => Convert.FromHexString(hex);

    // ```text example=NAME, then lines "key: value" up to ```
    private static Dictionary<string, List<KeyValuePair<string, string>>> Read(string document)
    {
        var examples = new Dictionary<string, List<KeyValuePair<string, string>>>();
        List<KeyValuePair<string, string>>? open = null;
        foreach (var line in File.ReadLines(Document(document)))
        {
            if (line.StartsWith("```text example=", StringComparison.Ordinal))
            {
                examples.Add(line[16..], open = []);
            }
            else if (line.StartsWith("```", StringComparison.Ordinal))
            {
                open = null;
            }
            else if (open is not null)
            {
                var colon = line.IndexOf(": ", StringComparison.Ordinal);
                open.Add(new(line[..colon], line[(colon + 2)..]));
            }
        }
        return examples;
    }

    private static string Document(string name, [CallerFilePath] string here = "")
        => Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "docs", "spec", name);
}
