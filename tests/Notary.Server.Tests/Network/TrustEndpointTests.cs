using System.Net;
using System.Text.Json;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Network;

/// <summary>What a version of the trust file is refused for over HTTP, with which reason; and that nothing of it is in force afterwards.</summary>
public sealed class TrustEndpointTests(NetworkServer server) : IClassFixture<NetworkServer>
{
    private string Data(string name) => Path.Combine(server.Data, name);

    private string Password => File.ReadAllText(Data("passwords")).Trim();

    private TrustFile Trust
    {
        get
        {
            Assert.Null(TrustFile.TryParse(File.ReadAllBytes(Data("trust.note")), out TrustFile? trust));
            return trust!;
        }
    }

    [Theory]
    [InlineData("no trust file", "trust-refused", null)]
    [InlineData("too long", "too-large", null)]
    [InlineData("as JSON", "unsupported-type", null)]
    [InlineData("a version too far", "trust-refused", "not-next-version")]
    [InlineData("another version before it", "trust-refused", "not-authorised")]
    [InlineData("another's signature", "trust-refused", "not-authorised")]
    [InlineData("without a chain", "trust-refused", "chain-missing")]
    [InlineData("a log key that is not here", "trust-refused", "log-key-missing")]
    [InlineData("from an index that is passed", "trust-refused", "reaches-back")]
    public async Task A_version_that_cannot_come_into_force_is_refused_with_its_reason(string how, string code, string? reason)
    {
        byte[] body = how switch
        {
            "no trust file" => "notary/trust/v1\n{}\n"u8.ToArray(),
            "too long" => new byte[TrustFile.MaxBytes + 1],
            "as JSON" => Trust.ToBytes(),
            "a version too far" => Next(content => content with { Version = 3 }),
            "another version before it" => Next(content => content with { Previous = Suite.Intl.Hash("another"u8) }),
            "another's signature" => ByAnother(),
            "without a chain" => Next(content => content with { Chains = [.. content.Chains.Where(static chain => !chain.Origin.EndsWith("/beijing", StringComparison.Ordinal))] }),
            "a log key that is not here" => Next(content => Rotated(content, 1_000_000)),
            "from an index that is passed" => Next(content => content with { Chains = [.. content.Chains.Select(static chain => chain.Origin.EndsWith("/beijing", StringComparison.Ordinal) ? chain with { ToMainIndex = 0 } : chain)] }),
            _ => throw new ArgumentException(how),
        };
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new(how == "as JSON" ? "application/json" : "text/plain");
        using HttpResponseMessage answer = await server.Hainan.PostAsync("/api/trust", content);
        JsonElement problem = await ServerFixture.ProblemAsync(answer, code);
        if (reason is not null)
        {
            Assert.Equal(reason, problem.GetProperty("reason").GetString());
        }

        Assert.Equal(1, Trust.Content.Version);
        using HttpResponseMessage none = await server.Anyone.GetAsync("/api/trust/2");
        await ServerFixture.ProblemAsync(none, "trust-not-found");
    }

    [Fact]
    public async Task The_version_in_force_answers_where_it_stands_and_nobody_unknown_hands_one_in()
    {
        byte[] file = Trust.ToBytes();
        using var anonymous = new ByteArrayContent(file);
        anonymous.Headers.ContentType = new("text/plain");
        using HttpResponseMessage refused = await server.Anyone.PostAsync("/api/trust", anonymous);
        await ServerFixture.ProblemAsync(refused, "unauthenticated");
        using var again = new ByteArrayContent(file);
        again.Headers.ContentType = new("text/plain");
        using HttpResponseMessage answer = await server.Hainan.PostAsync("/api/trust", again);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        JsonElement applied = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal((1, 0), (applied.GetProperty("version").GetInt64(), applied.GetProperty("waiting").GetArrayLength()));
        Assert.Equal(Trust.Fingerprint.ToHex(), applied.GetProperty("fingerprint").GetString());
        Assert.Equal(file, await server.Anyone.GetByteArrayAsync("/api/trust/1"));
        foreach (string version in new[] { "0", "2", "-1", "one", "99999999999999999999" })
        {
            using HttpResponseMessage none = await server.Anyone.GetAsync("/api/trust/" + version);
            await ServerFixture.ProblemAsync(none, "trust-not-found");
        }
    }

    private byte[] Next(Func<TrustContent, TrustContent> change)
    {
        using ISigner governance = KeyFile.Load(Path.Combine(Data("keys"), "governance.pem"), Password);
        TrustFile now = Trust;
        return TrustFile.Create(change(now.Content with { Version = 2, Previous = now.Fingerprint }), governance).ToBytes();
    }

    // Well formed and signed by its own governance, which is not the one of the version before.
    private byte[] ByAnother()
    {
        TrustFile now = Trust;
        string path = Path.Combine(Data("keys"), Guid.NewGuid() + ".pem");
        using ISigner other = KeyFile.Create(path, KeyAlgorithm.Sm2, Password);
        File.Delete(path);
        NoteKey key = NoteKey.Create(now.Content.GovernanceKeys[0].Name, NoteKey.TypeFor(KeyAlgorithm.Sm2, cosignature: false), other.PublicKey.Span);
        return TrustFile.Create(now.Content with { Version = 2, Previous = now.Fingerprint, GovernanceKeys = [key] }, other).ToBytes();
    }

    private TrustContent Rotated(TrustContent content, long from)
    {
        TrustedChain chain = content.Chains.Single(static one => one.Origin.EndsWith("/beijing", StringComparison.Ordinal));
        string path = Path.Combine(Data("keys"), Guid.NewGuid() + ".pem");
        using ISigner other = KeyFile.Create(path, KeyAlgorithm.Sm2, Password);
        File.Delete(path);
        NoteKey key = NoteKey.Create(chain.Origin, NoteKey.TypeFor(KeyAlgorithm.Sm2, cosignature: false), other.PublicKey.Span);
        return content with { Chains = [.. content.Chains.Where(one => one != chain), chain with { ToMainIndex = from - 1 }, chain with { LogKeys = [key], FromMainIndex = from }] };
    }
}
