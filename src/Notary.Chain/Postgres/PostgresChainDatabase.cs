using System.Text.Json;
using System.Text.Json.Serialization;
using Npgsql;
using Notary.Chain.Index;
using Notary.Chain.Network;
using Notary.Chain.Store;
using Notary.Crypto.Native;

namespace Notary.Chain.Postgres;

/// <summary>A chain in a PostgreSQL database of its own, which several servers may share.</summary>
/// <remarks>
/// The address lies in the chain's folder as <c>database.json</c> (0600): <c>{"connection":"Host=…;Database=…;Username=…","standby":"demanded"}</c>, a connection string of Npgsql and
/// whether a synchronous standby is <c>demanded</c> or <c>waived</c>. See docs/postgresql.md.
/// </remarks>
public sealed class PostgresChainDatabase : ChainDatabase
{
    /// <summary>The lowest server version that is accepted, as <c>server_version_num</c> gives it.</summary>
    public const int MinimumServerVersion = 140_000;

    private const int SchemaVersion = 2;
    private static readonly JsonSerializerOptions Strict = new() { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, PropertyNamingPolicy = JsonNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true };

    private readonly string _writer;
    private readonly string _reader;
    private readonly bool _standbyWaived;

    private PostgresChainDatabase(NpgsqlConnectionStringBuilder address, bool standbyWaived)
    {
        _standbyWaived = standbyWaived;
        Name = $"PostgreSQL database '{address.Database}' at '{address.Host}'";
        // One connection is one session: its lock and its settings are its own.
        address.Pooling = false;
        address.Enlist = false;
        address.Timeout = 5;
        if (!address.Host!.Contains('/', StringComparison.Ordinal))
        {
            // A machine that vanished while it committed is noticed by this alone. A Unix socket knows no such option.
            address.TcpKeepAlive = true;
            address.TcpKeepAliveTime = 10;
            address.TcpKeepAliveInterval = 5;
        }

        address.ApplicationName = "notary";
        address.IncludeErrorDetail = false;
        address.SearchPath = "notary, pg_catalog";
        address.MaxAutoPrepare = 32;
        address.AutoPrepareMinUsages = 2;
        address.CommandTimeout = 30;
        _reader = address.ConnectionString;
        _writer = address.ConnectionString;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override bool IsShared => true;

    /// <inheritdoc/>
    public override bool Exists => true;

    internal override (string Table, string BeyondQuery) IndexTable => ("lookup", "SELECT leaf FROM lookup WHERE leaf >= ? LIMIT 1");

    /// <summary>From the address in a chain's folder.</summary>
    /// <exception cref="ChainRefusedException">It is malformed, or others may read it.</exception>
    public static PostgresChainDatabase Load(string path)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & (UnixFileMode.GroupRead | UnixFileMode.OtherRead)) != 0)
        {
            throw new ChainRefusedException(ChainRefusal.Storage, $"'{path}' may be read by others and can hold a password: chmod 600.");
        }

        try
        {
            var address = JsonSerializer.Deserialize<Address>(File.ReadAllBytes(path), Strict) ?? throw new JsonException("null");
            return Of(address.Connection, address.Standby switch { "demanded" => false, "waived" => true, _ => throw new ArgumentException("standby is neither demanded nor waived") });
        }
        catch (Exception failure) when (failure is JsonException or ArgumentException)
        {
            throw new ChainRefusedException(
                ChainRefusal.Storage, $"'{path}' is no address of a database ({failure.Message}): it holds {{\"connection\":\"Host=…;Database=…\",\"standby\":\"demanded\"}}.", failure);
        }
    }

    /// <summary>From a connection string.</summary>
    /// <param name="connection">In the words of Npgsql; at least host and database.</param>
    /// <param name="standbyWaived">Whether a server without a synchronous standby will do.</param>
    /// <exception cref="ArgumentException">It is no connection string, or names no host or database.</exception>
    public static PostgresChainDatabase Of(string connection, bool standbyWaived)
    {
        NpgsqlConnectionStringBuilder address;
        try
        {
            address = new NpgsqlConnectionStringBuilder(connection);
        }
        catch (Exception failure) when (failure is FormatException or InvalidCastException or OverflowException or KeyNotFoundException)
        {
            throw new ArgumentException("no connection string of Npgsql", nameof(connection), failure);
        }

        return string.IsNullOrEmpty(address.Host) || string.IsNullOrEmpty(address.Database)
            ? throw new ArgumentException("a connection string names at least Host and Database", nameof(connection))
            : new PostgresChainDatabase(address, standbyWaived);
    }

    /// <summary>Writes an address into a chain's folder.</summary>
    public static void Save(string path, string connection, bool standbyWaived) =>
        DurableFile.Replace(path, JsonSerializer.SerializeToUtf8Bytes(new Address(connection, standbyWaived ? "waived" : "demanded"), Strict), ownerOnly: true);

    /// <inheritdoc/>
    public override ChainStore OpenStore() => PostgresChainStore.Open(this);

    internal override ChainStore CreateStore() => PostgresChainStore.Create(this);

    /// <inheritdoc/>
    public override Database OpenReader() => PostgresDatabase.Open(_reader);

    internal override IDigestIndex OpenIndex() => new PostgresIndex(OpenReader);

    internal override FinalityStore OpenFinality() => FinalityStore.Open(this);

    internal override IEnumerable<IReadOnlyList<long>> RepeatedKeys(Database snapshot, out long indexed)
    {
        indexed = 0;
        return Repeated(snapshot);
    }

    /// <summary>Connects for the writer, and refuses a server that does not keep what it confirmed.</summary>
    /// <exception cref="ChainRefusedException">Its settings, its version or its role; one sentence with the remedy.</exception>
    internal PostgresDatabase OpenWriter()
    {
        var database = PostgresDatabase.Open(_writer);
        try
        {
            Check(database);
            // A process that hangs inside a transaction gives up the chain's lock, not the machine's operator.
            database.Execute(
                "SET statement_timeout = 0; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'; SET client_min_messages = warning; "
                + "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3");
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Whether settings that were right when the connection was made are so no more.</summary>
    internal bool IsUnfit(string synchronousCommit, string standbys) => synchronousCommit is not ("on" or "remote_apply") || (!_standbyWaived && standbys.Length == 0);

    /// <summary>Makes the tables in the transaction that is open.</summary>
    internal static void CreateTables(PostgresDatabase database)
    {
        for (var version = 1; version <= SchemaVersion; version++)
        {
            database.Execute(ScriptOf(version));
        }
    }

    /// <summary>Whether a chain's tables are there; older ones are brought forward.</summary>
    /// <exception cref="ChainRefusedException">They are of a later version.</exception>
    internal static bool HasTables(PostgresDatabase database)
    {
        using (var there = database.Prepare("SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'notary' AND c.relname = 'schema_version'"))
        {
            there.Step();
            if (there.Number(0) == 0)
            {
                return false;
            }
        }

        if (VersionOf(database, string.Empty) is not SchemaVersion)
        {
            // Of several servers one does it.
            database.Execute("BEGIN ISOLATION LEVEL READ COMMITTED");
            for (var version = VersionOf(database, " FOR UPDATE"); version != SchemaVersion; version++)
            {
                if (version is < 1 or > SchemaVersion)
                {
                    throw new ChainRefusedException(ChainRefusal.OtherVersion, "The chain's tables in PostgreSQL are of a later version than this program writes: start the program version that made them, or upgrade this one.");
                }

                database.Execute(ScriptOf(version + 1));
            }

            database.Commit(timeoutSeconds: 30);
        }

        return true;
    }

    private static string ScriptOf(long version) => ChainStore.Script(FormattableString.Invariant($"postgres-{version:0000}.sql"));

    private static long VersionOf(PostgresDatabase database, string locking)
    {
        using var version = database.Prepare("SELECT version FROM schema_version" + locking);
        return version.Step() ? version.Number(0) : 0;
    }

    private void Check(PostgresDatabase database)
    {
        using var settings = database.Prepare(
            "SELECT current_setting('server_version_num')::bigint, pg_is_in_recovery()::int::bigint, current_setting('fsync'), current_setting('full_page_writes'), "
            + "current_setting('synchronous_commit'), current_setting('synchronous_standby_names')");
        settings.Step();
        Require(settings.Number(0) >= MinimumServerVersion, "is older than version 14", "upgrade it");
        Require(settings.Number(1) == 0, "is a standby", "name the primary in the connection string, or all hosts with 'Target Session Attributes=primary'");
        Require(settings.Text(2) == "on", "runs with fsync off", "set fsync = on");
        Require(settings.Text(3) == "on", "runs with full_page_writes off", "set full_page_writes = on");
        Require(settings.Text(4) is "on" or "remote_apply", $"commits with synchronous_commit = {settings.Text(4)}", "set it to on or remote_apply");
        Require(
            _standbyWaived || settings.Text(5).Length > 0,
            "has no synchronous standby",
            "set synchronous_standby_names, or say \"standby\":\"waived\" in database.json where one machine has to do");

        void Require(bool met, string what, string remedy)
        {
            if (!met)
            {
                throw new ChainRefusedException(ChainRefusal.Durability, $"The {Name} {what}, so a sealed record could be lost: {remedy}.");
            }
        }
    }

    private static IEnumerable<IReadOnlyList<long>> Repeated(Database snapshot)
    {
        using var statement = snapshot.Prepare("SELECT array_to_string(array_agg(leaf ORDER BY leaf), ',') FROM lookup GROUP BY high, low HAVING count(*) > 1 ORDER BY min(leaf)");
        while (statement.Step())
        {
            yield return [.. statement.Text(0).Split(',').Select(static leaf => long.Parse(leaf, System.Globalization.CultureInfo.InvariantCulture))];
        }
    }

    private sealed record Address(string Connection, string Standby);
}
