using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Notary.Crypto.Native;
using Notary.Server.Startup;
using Npgsql;

namespace Notary.Server.Identity.Store;

/// <summary>Where the identity tables lie: a file of the data folder, or a PostgreSQL database that several servers share. Opening brings the tables up to this program's version.</summary>
internal sealed class IdentityDatabase : IDisposable
{
    private const string FileName = "identity.db";

    // Two servers that start at once: one runs the scripts, the other waits.
    private const long MigrationLock = 0x6e6f746172790001;

    private static readonly string[] Scripts = ["0001", "0002"];

    private readonly Action<DbContextOptionsBuilder> _use;
    private readonly Func<DbConnection> _connect;
    private readonly SemaphoreSlim? _gate;
    private IdentityKeys? _keys;

    private IdentityDatabase(Action<DbContextOptionsBuilder> use, Func<DbConnection> connect, string address, SemaphoreSlim? gate)
    {
        _use = use;
        _connect = connect;
        _gate = gate;
        Address = address;
    }

    /// <summary>For messages: the file, or the database's name and host.</summary>
    public string Address { get; }

    /// <summary>What is encrypted and authenticated in these tables.</summary>
    public IdentityKeys Keys => _keys ?? throw new InvalidOperationException("The identity database is not open.");

    /// <summary>Opens the database that the options name, or <c>identity.db</c> in the data folder.</summary>
    /// <param name="connectionFile">A file whose first line is a connection string of Npgsql; empty: the file in the data folder.</param>
    /// <exception cref="StartRefusedException">It cannot be opened, or is of a later version.</exception>
    public static IdentityDatabase Open(string connectionFile, string dataPath, string password)
    {
        try
        {
            IdentityDatabase database = connectionFile.Length > 0 ? OfPostgres(ConnectionOf(connectionFile)) : OfFile(Path.Combine(dataPath, FileName));
            database._keys = database.Migrate(dataPath, password);
            return database;
        }
        catch (Exception wrong) when (wrong is SqliteException or NpgsqlException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new StartRefusedException(connectionFile.Length > 0
                ? $"the identity database that '{connectionFile}' names cannot be opened ({wrong.Message}): start it, or correct the file's first line."
                : $"'{Path.Combine(dataPath, FileName)}' cannot be opened ({wrong.Message}): give this user the right to, or restore the file.");
        }
    }

    /// <summary>A context of its own, which the caller disposes.</summary>
    public IdentityContext NewContext()
    {
        var builder = new DbContextOptionsBuilder<IdentityContext>();
        Configure(builder);
        return new IdentityContext(builder.Options);
    }

    /// <summary>Begins a transaction that ends with an audit row. One runs at a time, on all servers: slow work (hashing a password) is done before.</summary>
    public Task<IdentityTransaction> BeginAsync(IdentityContext context, CancellationToken cancellation = default) => IdentityTransaction.BeginAsync(context, Keys, _gate, cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        _keys?.Dispose();
        _gate?.Dispose();
    }

    /// <summary>Whether accounts are there whose names begin so and which are not disabled; asked without loading the model.</summary>
    public bool HasWorking(string prefix)
    {
        using DbConnection connection = _connect();
        connection.Open();
        using DbCommand command = connection.CreateCommand();
        string table = connection is NpgsqlConnection ? $"{IdentityContext.Schema}.account" : "account";
#pragma warning disable CA2100 // The table's name is a constant.
        command.CommandText = FormattableString.Invariant($"SELECT count(*) FROM {table} WHERE user_name LIKE @prefix || '%' AND state <> {(int)AccountState.Disabled}");
#pragma warning restore CA2100
        DbParameter parameter = command.CreateParameter();
        (parameter.ParameterName, parameter.Value) = ("@prefix", prefix);
        command.Parameters.Add(parameter);
        return Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture) > 0;
    }

    /// <summary>For the service collection.</summary>
    public void Configure(DbContextOptionsBuilder builder)
    {
        _use(builder);

        // A refused value would otherwise stand in the log in clear.
        builder.EnableSensitiveDataLogging(false);
        builder.ConfigureWarnings(static warnings => warnings.Ignore(CoreEventId.SaveChangesFailed, RelationalEventId.CommandError, CoreEventId.MappedEntityTypeIgnoredWarning, CoreEventId.MappedPropertyIgnoredWarning));
    }

    private static string ConnectionOf(string path)
    {
        string line = File.ReadLines(path).FirstOrDefault("").Trim();
        return line.Length > 0 ? line : throw new StartRefusedException($"'{path}' is empty: write the connection string of the identity database into its first line.");
    }

    private static IdentityDatabase OfPostgres(string connection)
    {
        var text = new NpgsqlConnectionStringBuilder(connection);
        return new IdentityDatabase(builder => builder.UseNpgsql(text.ConnectionString), () => new NpgsqlConnection(text.ConnectionString), $"{text.Database} at {text.Host}", gate: null);
    }

    private static IdentityDatabase OfFile(string path)
    {
        if (!File.Exists(path))
        {
            DurableFile.Replace(path, [], ownerOnly: true);
            DurableFile.SyncFolder(Path.GetDirectoryName(path)!);
        }

        string connection = new SqliteConnectionStringBuilder { DataSource = path, ForeignKeys = true, DefaultTimeout = 10 }.ConnectionString;
        return new IdentityDatabase(builder => builder.UseSqlite(connection).AddInterceptors(Durable.Instance), () => new SqliteConnection(connection), path, new SemaphoreSlim(1, 1));
    }

    // Without Entity Framework: a server that no person signs in to never loads it.
    private IdentityKeys Migrate(string dataPath, string password)
    {
        using DbConnection connection = _connect();
        connection.Open();
        bool postgres = connection is NpgsqlConnection;
        if (!postgres)
        {
            Run(connection, null, "PRAGMA journal_mode=WAL");
            Run(connection, null, "PRAGMA synchronous=FULL");
        }

        using DbTransaction transaction = connection.BeginTransaction();
        if (postgres)
        {
            Run(connection, transaction, FormattableString.Invariant($"SELECT pg_advisory_xact_lock({MigrationLock})"));
            Run(connection, transaction, $"CREATE SCHEMA IF NOT EXISTS {IdentityContext.Schema}; CREATE TABLE IF NOT EXISTS {IdentityContext.Schema}.version (version INTEGER NOT NULL)");
        }

        int found = Convert.ToInt32(Read(connection, transaction, postgres ? $"SELECT coalesce(max(version), 0) FROM {IdentityContext.Schema}.version" : "PRAGMA user_version"), CultureInfo.InvariantCulture);
        if (found > Scripts.Length)
        {
            throw new StartRefusedException(FormattableString.Invariant($"the identity database {Address} has tables of version {found}, this program writes version {Scripts.Length}: start the program version that made it."));
        }

        for (int at = found; at < Scripts.Length; at++)
        {
            Run(connection, transaction, Resource($"identity-{(postgres ? "postgres" : "sqlite")}-{Scripts[at]}.sql"));
        }

        if (found < Scripts.Length)
        {
            Run(connection, transaction, postgres
                ? FormattableString.Invariant($"DELETE FROM {IdentityContext.Schema}.version; INSERT INTO {IdentityContext.Schema}.version VALUES ({Scripts.Length})")
                : FormattableString.Invariant($"PRAGMA user_version={Scripts.Length}"));
        }

        // Still under the lock: of two servers that start on new tables, one draws the key and the other is told that it has another.
        string table = postgres ? $"{IdentityContext.Schema}.key_check" : "key_check";
        string? check = Read(connection, transaction, $"SELECT sealed FROM {table}") as string;
        IdentityKeys keys = IdentityKeys.Open(dataPath, password, create: check is null);
        try
        {
            if (check is null)
            {
                // Base64: nothing in it ends the text.
                Run(connection, transaction, $"INSERT INTO {table} (id, sealed) VALUES (1, '{keys.Check()}')");
            }
            else if (!keys.Opens(check))
            {
                throw new StartRefusedException($"'{Path.Combine(dataPath, "keys", "identity.key")}' is not the key that {Address} was written with: copy it from another server of this platform, or restore it together with the database.");
            }

            transaction.Commit();
            return keys;
        }
        catch
        {
            keys.Dispose();
            throw;
        }
    }

    private static void Run(DbConnection connection, DbTransaction? transaction, string sql)
    {
        using DbCommand command = Command(connection, transaction, sql);
        command.ExecuteNonQuery();
    }

    private static object? Read(DbConnection connection, DbTransaction transaction, string sql)
    {
        using DbCommand command = Command(connection, transaction, sql);
        return command.ExecuteScalar();
    }

    private static DbCommand Command(DbConnection connection, DbTransaction? transaction, string sql)
    {
        DbCommand command = connection.CreateCommand();
        command.Transaction = transaction;
#pragma warning disable CA2100 // Scripts of the program, and constants.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command;
    }

    private static string Resource(string name)
    {
        using Stream stream = typeof(IdentityDatabase).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException("A migration is missing from the program.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>What is answered is on the disk: SQLite syncs each commit. It is a setting of the connection, not of the file.</summary>
    private sealed class Durable : DbConnectionInterceptor
    {
        public static readonly Durable Instance = new();

        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData) => Set(connection);

        public override Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            Set(connection);
            return Task.CompletedTask;
        }

        private static void Set(DbConnection connection)
        {
            using DbCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA synchronous=FULL";
            command.ExecuteNonQuery();
        }
    }
}
