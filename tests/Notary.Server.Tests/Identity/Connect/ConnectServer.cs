using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Identity.Connect;

/// <summary>A server of the OpenID provider.</summary>
public interface IConnectServer
{
    internal ConnectServer Host { get; }
}

/// <summary>
/// A development chain with service accounts whose keys are records of it, and three web applications: one with a P-256 key, one with an SM2 key, one with a JWK. The keys of <c>agency</c> are two in force, and one each that is
/// revoked, over, not yet valid, and of another purpose.
/// </summary>
public abstract class ConnectServer : IConnectServer, IAsyncLifetime, IDisposable
{
    public const string Redirect = "https://court.example/callback?from=notary";

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, ISigner> _keys = [];
    private readonly SemaphoreSlim _auditGate = new(1, 1);
    private ServerProcess? _server;
    private Person? _auditor;
    private long _audited;

    ConnectServer IConnectServer.Host => this;

    internal ServerProcess Server => _server!;

    internal string Issuer => Server.Address.GetLeftPart(UriPartial.Authority);

    internal string KeyFolder => _folder.Path;

    private protected virtual string? Connection => null;

    /// <summary>The key that openid-client signs with, as <c>npm-portal</c> and as <c>beijing/npm</c>.</summary>
    internal ECDsa NpmKey { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private byte[] NpmPublic => NpmKey.ExportParameters(includePrivateParameters: false).Q is { } point ? [4, .. point.X!, .. point.Y!] : [];

    internal ISigner Key(string name) => _keys[name];

    internal string KeyPath(string name) => _folder.File(name + ".pem");

    public async Task InitializeAsync()
    {
        string data = _folder.File("data");
        string password;
        using (DataFolder folder = DataFolder.Take(data, create: true))
        {
            password = folder.DevelopmentPassword();
            ChainCreation.Create(folder, ChainTemplate.Load(Path.Combine(ServerProcess.Repository, "sidechains", "beijing")), "notary.example", password, TimeProvider.System);
            using ChainHost chain = ChainHost.Open(folder.Chain("beijing"), password, TimeProvider.System);
            using ISigner governance = KeyFile.Load(folder.GovernanceKeyPath, password);
            DateTimeOffset now = TimeProvider.System.GetUtcNow();
            await RegisterAsync(chain, governance, "agency", "agency-one", now, now.AddDays(1));
            await RegisterAsync(chain, governance, "agency", "agency-two", now, now.AddDays(1));
            await RegisterAsync(chain, governance, "agency", "agency-revoked", now, now.AddDays(1), revoke: true);
            await RegisterAsync(chain, governance, "agency", "agency-over", now.AddDays(-2), now.AddDays(-1));
            await RegisterAsync(chain, governance, "agency", "agency-early", now.AddDays(1), now.AddDays(2));
            await RegisterAsync(chain, governance, "agency", "agency-node", now, now.AddDays(1), KeyPurpose.Node);
            await RegisterAsync(chain, governance, "neighbour", "neighbour", now, now.AddDays(1));
            await RegisterAsync(chain, governance, "npm", NpmPublic, now, now.AddDays(1));
        }

        _keys["development"] = KeyFile.Load(Path.Combine(data, "chains", "beijing", "keys", ChainCreation.DevelopmentAccount + ".pem"), password);
        var settings = new List<(string, string)> { ("Notary__People__SignInsPerMinute", "100000"), ("Notary__Connect__RequestsPerMinute", "100000") };
        Party(settings, 0, "court-portal", KeyAlgorithm.P256, "openid profile offline_access data.read");
        Party(settings, 1, "sm-portal", KeyAlgorithm.Sm2, "openid");
        Party(settings, 2, "other-portal", KeyAlgorithm.P256, "openid offline_access", jwk: true);
        File.WriteAllText(_folder.File("npm.public"), NpmKey.ExportSubjectPublicKeyInfoPem());
        Party(settings, 3, "npm-portal", _folder.File("npm.public"), "openid profile offline_access data.read");
        if (Connection is { } connection)
        {
            await File.WriteAllTextAsync(_folder.File("connection"), connection + "\n");
            settings.Add(("Notary__People__ConnectionFile", _folder.File("connection")));
        }

        _server = await ServerProcess.StartReadyAsync(data, [.. settings]);
        _auditor = await Person.OfAsync(_server, "audit-administrator");
    }

    public async Task DisposeAsync()
    {
        _auditor?.Dispose();
        await _server!.DisposeAsync();
    }

    public void Dispose()
    {
        foreach (ISigner key in _keys.Values)
        {
            key.Dispose();
        }

        _auditGate.Dispose();
        NpmKey.Dispose();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The rows of the audit trail since the last call.</summary>
    internal async Task<IReadOnlyList<JsonNode>> AuditedAsync()
    {
        await _auditGate.WaitAsync();
        try
        {
            var rows = new List<JsonNode>();
            while (true)
            {
                JsonNode[] page = [.. (await _auditor!.GoodAsync(HttpMethod.Get, $"/api/audit?after={_audited}"))["rows"]!.AsArray().Select(static r => r!)];
                rows.AddRange(page);
                if (page.Length == 0)
                {
                    return rows;
                }

                _audited = page[^1]["number"]!.GetValue<long>();
                if (page.Length < 200)
                {
                    return rows;
                }
            }
        }
        finally
        {
            _auditGate.Release();
        }
    }

    private async Task RegisterAsync(ChainHost chain, ISigner governance, string account, string name, DateTimeOffset from, DateTimeOffset until, KeyPurpose purpose = KeyPurpose.Submitter, bool revoke = false)
    {
        ISigner signer = KeyFile.Create(KeyPath(name), KeyAlgorithm.P256, Password);
        _keys[name] = signer;
        await RegisterAsync(chain, governance, account, signer.PublicKey, from, until, purpose, revoke);
    }

    private static async Task RegisterAsync(ChainHost chain, ISigner governance, string account, ReadOnlyMemory<byte> publicKey, DateTimeOffset from, DateTimeOffset until, KeyPurpose purpose = KeyPurpose.Submitter, bool revoke = false)
    {
        Genesis genesis = chain.Genesis;
        var record = new KeyRecord
        {
            Account = account, Purpose = purpose, SuiteId = SuiteId.Intl, Spki = PublicKeyInfo.Format(KeyAlgorithm.P256, publicKey.Span), Chains = [genesis.Origin], Types = [KeyRecord.Any],
            From = RecordTime.ToMilliseconds(from), Until = RecordTime.ToMilliseconds(until),
        };
        long index = await AppendAsync(record);
        if (revoke)
        {
            await AppendAsync(record with { Supersedes = index, Revoked = RecordTime.ToMilliseconds(from) });
        }

        async Task<long> AppendAsync(KeyRecord body)
        {
            DateTimeOffset now = TimeProvider.System.GetUtcNow();
            body = body with { Signatures = [Governance.Sign(genesis, genesis.GovernanceKeys[0], governance, Governance.KeyDocument, body.SignedDocument())] };
            (long at, string reason) = await chain.AppendAsync(SystemLeaves.Key(genesis, body, Guid.CreateVersion7(now), now));
            Assert.True(at > 0, $"{account}: {reason}");
            return at;
        }
    }

    private void Party(List<(string, string)> settings, int at, string id, KeyAlgorithm algorithm, string scopes, bool jwk = false)
    {
        ISigner signer = KeyFile.Create(KeyPath(id), algorithm, Password);
        _keys[id] = signer;
        string file = _folder.File(id + ".public");
        File.WriteAllText(file, jwk ? OAuth.Jwk(signer).ToJsonString() : PemEncoding.WriteString("PUBLIC KEY", PublicKeyInfo.Format(algorithm, signer.PublicKey.Span)));
        Party(settings, at, id, file, scopes);
    }

    private static void Party(List<(string, string)> settings, int at, string id, string file, string scopes)
    {
        foreach ((string name, string value) in new[] { ("Id", id), ("Name", $"Portal <{id}>"), ("RedirectUris", Redirect + " http://127.0.0.1:7/callback"), ("KeyFile", file), ("Scopes", scopes) })
        {
            settings.Add(($"Notary__Connect__Clients__{at}__{name}", value));
        }
    }

    // 48 hex digits: a drawn password, quick to open.
    internal const string Password = "00112233445566778899aabbccddeeff0011223344556677";
}

/// <summary>Identity tables in the data folder.</summary>
public sealed class ConnectInFile : ConnectTests, IClassFixture<ConnectInFile.Fixture>
{
    public ConnectInFile(Fixture fixture)
        : base(fixture)
    {
    }

    public sealed class Fixture : ConnectServer;
}

/// <summary>Identity tables in PostgreSQL.</summary>
public sealed class ConnectInPostgres : ConnectTests, IClassFixture<ConnectInPostgres.Fixture>
{
    public ConnectInPostgres(Fixture fixture)
        : base(fixture)
    {
    }

    public sealed class Fixture : ConnectServer
    {
        private protected override string? Connection => Chain.Tests.Postgres.PostgresCluster.Shared.Database("connect");
    }
}
