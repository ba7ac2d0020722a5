using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Notary.Chain.Tests.Postgres;
using Notary.Crypto;
using Notary.Server.Identity.Connect;
using Notary.Server.Identity.Store;
using Notary.Server.Options;
using Notary.Server.Startup;

namespace Notary.Server.Tests.Identity.Connect;

/// <summary>How token keys follow each other, on both stores and with two servers; and the clients of the options.</summary>
public sealed class TokenKeyTests : IDisposable
{
    private readonly Hosting.TemporaryFolder _folder = new();
    private readonly Clock _clock = new();

    public static TheoryData<bool> Stores => [false, true];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_key_is_published_an_hour_before_it_signs_and_the_old_one_verifies_until_what_it_signed_is_over(bool postgres)
    {
        using IdentityDatabase database = Open(postgres);
        var options = new ConnectOptions { KeyDays = 7 };
        using var one = new TokenKeys(database, options, _clock, NullLogger<TokenKeys>.Instance);
        using var two = new TokenKeys(database, options, _clock, NullLogger<TokenKeys>.Instance);
        var issuer = new ConnectIssuer("https://notary.example");
        var tokens = new AccessTokens(one, issuer, options, _clock);
        var elsewhere = new AccessTokens(two, issuer, options, _clock);
        var content = new AccessToken("beijing/agency", "beijing/agency", ["deposit"], null, null);
        string first = await tokens.IssueAsync(content);
        string firstKid = Assert.Single(await KidsAsync(one));
        Assert.Equal([firstKid], await KidsAsync(two));
        Assert.Equal("beijing/agency", (await elsewhere.VerifyAsync(first))?.Client);

        // What lies in the table does not open without the identity key.
        await using (IdentityContext context = database.NewContext())
        {
            byte[] box = Convert.FromBase64String((await context.TokenKeys.SingleAsync()).PrivateKey);
            using var key = ECDsa.Create();
            Assert.ThrowsAny<CryptographicException>(() => key.ImportPkcs8PrivateKey(box, out _));
        }

        _clock.Now += TimeSpan.FromDays(7) - TimeSpan.FromMinutes(61);
        Assert.Single(await KidsAsync(one));
        _clock.Now += TimeSpan.FromMinutes(2);
        string[] both = await KidsAsync(one);
        Assert.Equal((2, firstKid), (both.Length, both[0]));
        Assert.Equal(both, await KidsAsync(two));
        Assert.Equal(firstKid, await SignerAsync(tokens, content));
        _clock.Now += TimeSpan.FromMinutes(58);
        string last = await tokens.IssueAsync(content);
        Assert.Equal(firstKid, OAuth.Read(last, 0)["kid"]!.GetValue<string>());
        _clock.Now += TimeSpan.FromMinutes(2);
        Assert.Equal(both[1], await SignerAsync(tokens, content));
        Assert.Equal(both, await KidsAsync(two));
        Assert.NotNull(await elsewhere.VerifyAsync(last));
        _clock.Now += TimeSpan.FromMinutes(9);
        Assert.Null(await elsewhere.VerifyAsync(last));
        _clock.Now += TimeSpan.FromMinutes(10);
        Assert.Equal([both[1]], await KidsAsync(one));

        // With the next one the first is gone from the table too; each has its row in the trail.
        _clock.Now += TimeSpan.FromDays(7);
        Assert.Equal(2, (await KidsAsync(two)).Length);
        await using IdentityContext after = database.NewContext();
        long[] numbers = await after.TokenKeys.OrderBy(static k => k.Number).Select(static k => k.Number).ToArrayAsync();
        Assert.Equal([2, 3], numbers);
        Assert.Equal(3, await after.Audit.CountAsync(static r => r.Event == AuditEvent.TokenKey));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Servers_that_start_at_once_make_one_key(bool postgres)
    {
        using IdentityDatabase database = Open(postgres);
        TokenKeys[] servers = [.. Enumerable.Range(0, 6).Select(_ => new TokenKeys(database, new ConnectOptions(), _clock, NullLogger<TokenKeys>.Instance))];
        string[][] kids = await Task.WhenAll(servers.Select(KidsAsync));
        Assert.Single(kids.SelectMany(static k => k).Distinct());
        Array.ForEach(servers, static s => s.Dispose());
    }

    [Theory]
    [InlineData("Id", "Portal", "Id")]
    [InlineData("Id", "po", "Id")]
    [InlineData("Id", "beijing/agency", "Id")]
    [InlineData("Name", " ", "Name")]
    [InlineData("RedirectUris", "http://court.example/callback", "RedirectUris")]
    [InlineData("RedirectUris", "https://court.example/#x", "RedirectUris")]
    [InlineData("RedirectUris", "https://user@court.example/", "RedirectUris")]
    [InlineData("RedirectUris", "https://court.example/;script-src", "RedirectUris")]
    [InlineData("RedirectUris", "javascript:alert(1)", "RedirectUris")]
    [InlineData("RedirectUris", "https://a.example https://b.example https://c.example https://d.example https://e.example https://f.example https://g.example https://h.example https://i.example", "RedirectUris")]
    [InlineData("Scopes", "openid deposit", "Scopes")]
    [InlineData("Scopes", "everything", "Scopes")]
    [InlineData("KeyFile", "missing.pem", "cannot be read")]
    [InlineData("KeyFile", "private.pem", "neither")]
    [InlineData("KeyFile", "private.jwk", "neither")]
    [InlineData("KeyFile", "p384.pem", "neither")]
    [InlineData("KeyFile", "text", "neither")]
    public void A_client_that_cannot_be_used_stops_the_start(string option, string value, string named)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        File.WriteAllText(_folder.File("good.pem"), key.ExportSubjectPublicKeyInfoPem());
        File.WriteAllText(_folder.File("two.pem"), key.ExportSubjectPublicKeyInfoPem() + "\n" + key.ExportSubjectPublicKeyInfoPem());
        File.WriteAllText(_folder.File("private.pem"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(_folder.File("p384.pem"), other.ExportSubjectPublicKeyInfoPem());
        File.WriteAllText(_folder.File("text"), "key");
        ECParameters whole = key.ExportParameters(includePrivateParameters: true);
        var jwk = new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["x"] = Base64(whole.Q.X!), ["y"] = Base64(whole.Q.Y!), ["d"] = Base64(whole.D!) };
        File.WriteAllText(_folder.File("private.jwk"), jwk.ToJsonString());
        ConnectClientOptions Client(string file) => new() { Id = "court-portal", Name = "Court", RedirectUris = "https://court.example/callback http://localhost:7/x", KeyFile = _folder.File(file), Scopes = "openid" };
        var options = new ConnectOptions { Clients = { Client("good.pem") } };
        Assert.Equal(KeyAlgorithm.P256, Assert.Single(Assert.Single(Clients.Load(options)).Keys).KeyAlgorithm);
        options.Clients[0] = Client("two.pem");
        Assert.Equal(2, Clients.Load(options)[0].Keys.Count);
        options.Clients[0] = Client("good.pem");
        typeof(ConnectClientOptions).GetProperty(option)!.SetValue(options.Clients[0], option == "KeyFile" ? _folder.File(value) : value);
        Assert.Contains(named, Assert.Throws<StartRefusedException>(() => Clients.Load(options)).Message, StringComparison.Ordinal);
        options.Clients.Clear();
        options.Clients.AddRange([Client("good.pem"), Client("good.pem")]);
        Assert.Contains("twice", Assert.Throws<StartRefusedException>(() => Clients.Load(options)).Message, StringComparison.Ordinal);
    }

    private static string Base64(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);

    private static async Task<string> SignerAsync(AccessTokens tokens, AccessToken content) => OAuth.Read(await tokens.IssueAsync(content), 0)["kid"]!.GetValue<string>();

    private static async Task<string[]> KidsAsync(TokenKeys keys)
    {
        TokenKeySet set = await keys.GetAsync();
        string[] published = [.. JsonNode.Parse(set.Published.Span)!["keys"]!.AsArray().Select(static k => k!["kid"]!.GetValue<string>())];
        Assert.Equal(set.Verifying.Select(static k => k.KeyId), published);
        return published;
    }

    private IdentityDatabase Open(bool postgres)
    {
        string file = "";
        if (postgres)
        {
            file = _folder.File("connection");
            File.WriteAllText(file, PostgresCluster.Shared.Database($"connect_{Guid.NewGuid():N}") + "\n");
        }

        return IdentityDatabase.Open(file, _folder.Path, ConnectServer.Password);
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 11, 25, 8, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
