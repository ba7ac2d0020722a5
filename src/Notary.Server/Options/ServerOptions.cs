namespace Notary.Server.Options;

/// <summary>Every option of the server, one class a concern: the keys of the <c>Notary</c> section are exactly these properties and theirs.</summary>
public sealed class ServerOptions
{
    /// <summary>Where data, templates and secrets lie.</summary>
    public FolderOptions Folders { get; init; } = new();

    /// <summary>Where the server listens, and how long it waits for whom.</summary>
    public ListenOptions Listen { get; init; } = new();

    /// <summary>How much of anything one request may bring.</summary>
    public LimitOptions Limits { get; init; } = new();

    /// <summary>The native library that signs.</summary>
    public CryptoOptions Crypto { get; init; } = new();

    /// <summary>Where metrics and traces go.</summary>
    public TelemetryOptions Telemetry { get; init; } = new();

    /// <summary>The accounts of people.</summary>
    public PeopleOptions People { get; init; } = new();

    /// <summary>The OpenID provider.</summary>
    public ConnectOptions Connect { get; init; } = new();

    /// <summary>The ledger nodes that this process serves instead of chains.</summary>
    public NodeOptions Nodes { get; init; } = new();
}

/// <summary>Where data, templates and secrets lie. Paths are relative to the working folder.</summary>
public sealed class FolderOptions
{
    [Option("The data folder; empty: `data` beside the nearest `sidechains` folder from the working folder upward, or else `./data`.")]
    public string Data { get; set; } = "";

    [Option("The folder of chain templates, read only when Development creates its first chain; empty: the nearest one upward.")]
    public string Sidechains { get; set; } = "";

    [Option("The file whose first line is the password of the key files; empty: the one in the data folder, which only Development accepts.")]
    public string PasswordFile { get; set; } = "";

    [Option("The deployment's name in the origin of a chain that Development creates; it never changes afterwards.")]
    public string Deployment { get; set; } = "notary.example";
}

/// <summary>Where the server listens, and how long it waits for whom.</summary>
public sealed class ListenOptions
{
    [Option("Where to listen: http, host and port; another address than loopback is accepted only together with BehindProxy.")]
    public string Url { get; set; } = "http://localhost:5080";

    [Option("A proxy ends TLS in front: any address may be bound, and X-Forwarded-For from a loopback proxy is believed.")]
    public bool BehindProxy { get; set; }

    [Option("Connections held at once; further ones wait in the system's backlog.", Unit = "connections", Floor = 1, Ceiling = 100_000)]
    public int Connections { get; set; } = 4_096;

    [Option("How long a client may take to send its headers.", Unit = "s", Floor = 1, Ceiling = 300)]
    public int HeaderSeconds { get; set; } = 15;

    [Option("How long an idle connection is kept.", Unit = "s", Floor = 1, Ceiling = 3_600)]
    public int KeepAliveSeconds { get; set; } = 120;

    [Option("The slowest rate at which a body may come after its first five seconds.", Unit = "bytes/s", Floor = 1, Ceiling = 1_048_576)]
    public int BodyBytesPerSecond { get; set; } = 240;

    [Option("How long a stop waits for requests under way; what is in the sequencer is finished, but a COMMIT that no standby confirms is left after 20 s.", Unit = "s", Floor = 1, Ceiling = 600)]
    public int ShutdownSeconds { get; set; } = 30;
}

/// <summary>How much of anything one request may bring.</summary>
public sealed class LimitOptions
{
    [Option("The largest JSON body of a single deposit.", Unit = "bytes", Floor = 1_024, Ceiling = 524_288)]
    public int SingleBytes { get; set; } = 524_288;

    [Option("The largest body of a batch.", Unit = "bytes", Floor = 4_096, Ceiling = 16_777_216)]
    public int BatchBytes { get; set; } = 16_777_216;

    [Option("The most lines of a batch.", Unit = "lines", Floor = 1, Ceiling = 10_000)]
    public int BatchLines { get; set; } = 10_000;

    [Option("The largest multipart upload that is hashed; nothing of it is kept.", Unit = "bytes", Floor = 65_536, Ceiling = 1_099_511_627_776)]
    public long UploadBytes { get; set; } = 8_589_934_592;

    [Option("The largest package that is verified.", Unit = "bytes", Floor = 65_536, Ceiling = 1_073_741_824)]
    public long VerifyBytes { get; set; } = 268_435_456;

    [Option("Packages that are verified at once; further ones are answered 503.", Unit = "packages", Floor = 1, Ceiling = 64)]
    public int VerifyAtOnce { get; set; } = 2;

    [Option("Packages one address may have verified.", Unit = "a minute", Floor = 1, Ceiling = 100_000)]
    public int VerifyPerMinute { get; set; } = 60;

    [Option("Public look-ups (by digest, number or id) one address may make; a signed-in account is not counted.", Unit = "a minute", Floor = 1, Ceiling = 1_000_000)]
    public int LookupsPerMinute { get; set; } = 1_200;

    [Option("Requests that wait for a state at once (?wait=, or an act's proof); further ones are answered 503 before anything is sealed.", Unit = "requests", Floor = 1, Ceiling = 100_000)]
    public int WaitingRequests { get; set; } = 1_024;

    [Option("Event streams that are open at once; further ones are answered 429.", Unit = "streams", Floor = 1, Ceiling = 10_000)]
    public int EventStreams { get; set; } = 256;

    [Option("Event streams of one account that are open at once; further ones are answered 429.", Unit = "streams", Floor = 1, Ceiling = 1_000)]
    public int EventStreamsPerAccount { get; set; } = 8;

    [Option("Webhooks that one account may have; further ones are answered 409.", Unit = "webhooks", Floor = 1, Ceiling = 100)]
    public int WebhooksPerAccount { get; set; } = 4;

    [Option("How often one account may put or delete webhooks.", Unit = "a minute", Floor = 1, Ceiling = 100_000)]
    public int WebhookChangesPerMinute { get; set; } = 60;
}

/// <summary>The native library that signs.</summary>
public sealed class CryptoOptions
{
    [Option("The path of an OpenSSL 3 libcrypto with SM2; empty: the system's.")]
    public string LibCrypto { get; set; } = "";
}

/// <summary>Where metrics and traces go.</summary>
public sealed class TelemetryOptions
{
    [Option("The OTLP collector's base address (http/protobuf); empty: nothing is measured or sent.")]
    public string Endpoint { get; set; } = "";

    [Option("The share of requests that are traced.", Unit = "of 1,000", Floor = 0, Ceiling = 1_000)]
    public int TracesPerThousand { get; set; } = 1_000;

    [Option("How often metrics are sent.", Unit = "s", Floor = 1, Ceiling = 3_600)]
    public int MetricsSeconds { get; set; } = 15;
}

/// <summary>The accounts of people: where they lie, how long they stay signed in.</summary>
public sealed class PeopleOptions
{
    [Option("A file whose first line is the connection string (Npgsql) of the identity database that several servers share; empty: identity.db in the data folder.")]
    public string ConnectionFile { get; set; } = "";

    [Option("The domain that passkeys are bound to; it never changes afterwards. Empty: the host that the browser asked.")]
    public string Domain { get; set; } = "";

    [Option("How long a person stays signed in.", Unit = "minutes", Floor = 5, Ceiling = 1_440)]
    public int SessionMinutes { get; set; } = 480;

    [Option("How long a session lives without being used.", Unit = "minutes", Floor = 1, Ceiling = 480)]
    public int IdleMinutes { get; set; } = 30;

    [Option("Wrong passwords or codes in a row after which an account rests.", Unit = "attempts", Floor = 3, Ceiling = 20)]
    public int AttemptsBeforeLock { get; set; } = 5;

    [Option("How long an account rests then.", Unit = "minutes", Floor = 1, Ceiling = 1_440)]
    public int LockMinutes { get; set; } = 15;

    [Option("Sign-ins, registrations and uses of links one address may try.", Unit = "a minute", Floor = 1, Ceiling = 100_000)]
    public int SignInsPerMinute { get; set; } = 60;
}

/// <summary>The OpenID provider: who it is, how long what it gives out lasts, and the web applications that people may sign in to with it.</summary>
public sealed class ConnectOptions
{
    [Option("The issuer that tokens name: the address under which clients and browsers reach this platform, without a slash at its end; https, or http on this machine. It never changes afterwards. Empty: Notary:Listen:Url.")]
    public string Issuer { get; set; } = "";

    [Option("How long an access token or id token holds.", Unit = "minutes", Floor = 5, Ceiling = 10)]
    public int AccessMinutes { get; set; } = 10;

    [Option("How long after a person's consent a client may refresh its tokens.", Unit = "days", Floor = 1, Ceiling = 90)]
    public int RefreshDays { get; set; } = 30;

    [Option("How long a key signs tokens; the next one is published an hour before it follows.", Unit = "days", Floor = 1, Ceiling = 397)]
    public int KeyDays { get; set; } = 90;

    [Option("Requests for authorization, tokens and revocation that one address may make.", Unit = "a minute", Floor = 1, Ceiling = 1_000_000)]
    public int RequestsPerMinute { get; set; } = 600;

    [Option("The web applications of courts and agencies that people may sign in to: Id, Name, RedirectUris, KeyFile and Scopes.", Unit = "clients", Ceiling = 256)]
    public List<ConnectClientOptions> Clients { get; } = [];
}

/// <summary>One web application.</summary>
public sealed class ConnectClientOptions
{
    [Option("Its client_id: 3 to 64 of a to z, 0 to 9, '.' and '-', beginning with a letter.", Required = true)]
    public string Id { get; set; } = "";

    [Option("What the consent page calls it, 1 to 64 characters.", Required = true)]
    public string Name { get; set; } = "";

    [Option("Where people may be sent back to, at most 8 addresses separated by spaces; compared character by character; https, or http on this machine.", Required = true)]
    public string RedirectUris { get; set; } = "";

    [Option("A file with the public key of its assertions: a JWK (P-256), or PEM (SubjectPublicKeyInfo, P-256 or SM2). Two keys in a PEM file while one follows the other. Relative to the working folder.", Required = true)]
    public string KeyFile { get; set; } = "";

    [Option("What it may ask for, separated by spaces: openid, profile, offline_access, data.read.", Required = true)]
    public string Scopes { get; set; } = "";
}

/// <summary>The ledger nodes that this process serves. With one of them it serves nothing else: no chains, no accounts, no page.</summary>
public sealed class NodeOptions
{
    [Option("The nodes, each of another log: Folder, GenesisFile and PasswordFile. One is enough to make the process serve nodes and nothing else.", Unit = "nodes", Ceiling = 64)]
    public List<ServedNodeOptions> Serve { get; } = [];

    [Option("The trust file as this organisation knows it; read again when it changes ('notary trust update --trust FILE'), so that a node follows a log key that is replaced. Empty: only what the log's entries say.")]
    public string TrustFile { get; set; } = "";

    [Option("The file whose first line is the secret that opens entries (Authorization: Bearer); empty: no entries are handed out.")]
    public string EntriesSecretFile { get; set; } = "";

    [Option("The largest upload of entries, as it is sent and inflated; what came before the limit is kept.", Unit = "bytes", Floor = 33_554_432, Ceiling = 17_179_869_184)]
    public long UploadBytes { get; set; } = 268_435_456;

    [Option("How long an upload may take; what came before is kept, and the log goes on from there.", Unit = "s", Floor = 1, Ceiling = 3_600)]
    public int UploadSeconds { get; set; } = 60;

    [Option("Uploads that one node takes at once; further ones are answered 503.", Unit = "uploads", Floor = 1, Ceiling = 64)]
    public int UploadsAtOnce { get; set; } = 4;
}

/// <summary>One ledger node. Paths are relative to the working folder.</summary>
public sealed class ServedNodeOptions
{
    [Option("The node's folder, as 'notary node keygen' made it.", Required = true)]
    public string Folder { get; set; } = "";

    [Option("The chain's genesis document, as this organisation knows it: never fetched from the log.", Required = true)]
    public string GenesisFile { get; set; } = "";

    [Option("The file whose first line is the password of the node's key file.", Required = true)]
    public string PasswordFile { get; set; } = "";
}
