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
    private readonly SemaphoreSlim? _gate;
    private IdentityKeys? _keys;

    private IdentityDatabase(Action<DbContextOptionsBuilder> use, string address, SemaphoreSlim? gate)
    {
        _use = use;
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
            using IdentityContext context = database.NewContext();
            Migrate(context, database.Address);
            database._keys = IdentityKeys.Open(dataPath, password, create: !context.Users.Any() && !context.Audit.Any());
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

    /// <summary>Begins a transaction that ends with an audit row.</summary>
    public Task<IdentityTransaction> BeginAsync(IdentityContext context) => IdentityTransaction.BeginAsync(context, Keys, _gate);

    /// <inheritdoc/>
    public void Dispose()
    {
        _keys?.Dispose();
        _gate?.Dispose();
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
        return new IdentityDatabase(builder => builder.UseNpgsql(text.ConnectionString), $"{text.Database} at {text.Host}", gate: null);
    }

    private static IdentityDatabase OfFile(string path)
    {
        if (!File.Exists(path))
        {
            DurableFile.Replace(path, [], ownerOnly: true);
            DurableFile.SyncFolder(Path.GetDirectoryName(path)!);
        }

        string connection = new SqliteConnectionStringBuilder { DataSource = path, ForeignKeys = true, DefaultTimeout = 10 }.ConnectionString;
        return new IdentityDatabase(builder => builder.UseSqlite(connection).AddInterceptors(Durable.Instance), path, new SemaphoreSlim(1, 1));
    }

    private static void Migrate(IdentityContext context, string address)
    {
        bool postgres = context.Database.IsNpgsql();
        if (!postgres)
        {
            context.Database.OpenConnection();
            context.Database.ExecuteSqlRaw("PRAGMA journal_mode=WAL");
        }

        using var transaction = context.Database.BeginTransaction();
        if (postgres)
        {
            context.Database.ExecuteSql($"SELECT pg_advisory_xact_lock({MigrationLock})");
            context.Database.ExecuteSqlRaw($"CREATE SCHEMA IF NOT EXISTS {IdentityContext.Schema}");
            context.Database.ExecuteSqlRaw($"CREATE TABLE IF NOT EXISTS {IdentityContext.Schema}.version (version INTEGER NOT NULL)");
        }

        int found = postgres
            ? context.Database.SqlQueryRaw<int>($"SELECT coalesce(max(version), 0) AS \"Value\" FROM {IdentityContext.Schema}.version").Single()
            : context.Database.SqlQueryRaw<int>("SELECT user_version AS Value FROM pragma_user_version").Single();
        if (found > Scripts.Length)
        {
            throw new StartRefusedException(FormattableString.Invariant($"the identity database {address} has tables of version {found}, this program writes version {Scripts.Length}: start the program version that made it."));
        }

        for (int at = found; at < Scripts.Length; at++)
        {
            context.Database.ExecuteSqlRaw(Resource($"identity-{(postgres ? "postgres" : "sqlite")}-{Scripts[at]}.sql"));
        }

        if (found < Scripts.Length)
        {
            context.Database.ExecuteSqlRaw(postgres
                ? FormattableString.Invariant($"DELETE FROM {IdentityContext.Schema}.version; INSERT INTO {IdentityContext.Schema}.version VALUES ({Scripts.Length})")
                : FormattableString.Invariant($"PRAGMA user_version={Scripts.Length}"));
        }

        transaction.Commit();
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

        public override void ConnectionOpened(System.Data.Common.DbConnection connection, ConnectionEndEventData eventData) => Set(connection);

        public override Task ConnectionOpenedAsync(System.Data.Common.DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            Set(connection);
            return Task.CompletedTask;
        }

        private static void Set(System.Data.Common.DbConnection connection)
        {
            using System.Data.Common.DbCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA synchronous=FULL";
            command.ExecuteNonQuery();
        }
    }
}
