using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Notary.Chain.Tests.Postgres;

/// <summary>
/// A PostgreSQL server of its own, from Debian's package: a folder in the temporary one, a Unix socket, no network. As root it runs as the package's user, because a server refuses root.
/// </summary>
public sealed class PostgresCluster : IDisposable
{
    private static readonly Lazy<PostgresCluster> Common = new(() =>
    {
        var cluster = new PostgresCluster();
        cluster.Init();
        cluster.Start();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => cluster.Dispose();
        return cluster;
    });

    private static readonly string Programs = Directory.EnumerateDirectories("/usr/lib/postgresql").OrderBy(static d => d, StringComparer.Ordinal).Last() + "/bin/";
    private static int _databases;

    private readonly string _root = Directory.CreateTempSubdirectory("nt-pg-").FullName;
    private Process? _server;

    private PostgresCluster() => Own(_root);

    /// <summary>The one that tests share, each with databases of its own.</summary>
    public static PostgresCluster Shared => Common.Value;

    public string DataPath => Path.Combine(_root, "data");

    public string SocketPath => Path.Combine(_root, ".s.PGSQL.5432");

    /// <summary>A server of a test's own, started.</summary>
    public static PostgresCluster Create(params string[] settings)
    {
        var cluster = new PostgresCluster();
        cluster.Init();
        cluster.Set(settings);
        cluster.Start();
        return cluster;
    }

    /// <summary>A copy of a running server, streaming from it: a standby, started.</summary>
    public static PostgresCluster StandbyOf(PostgresCluster primary, string name)
    {
        var standby = new PostgresCluster();
        Run(Programs + "pg_basebackup", "-h", primary._root, "-U", "postgres", "-D", standby.DataPath, "-R", "-X", "stream", "-c", "fast", "-d", $"application_name={name}");
        standby.Set([$"unix_socket_directories = '{standby._root}'"]);
        standby.Start();
        return standby;
    }

    /// <summary>A connection string for a database, which is made when it is not there.</summary>
    public string Database(string? name = null)
    {
        name ??= string.Create(CultureInfo.InvariantCulture, $"chain{Interlocked.Increment(ref _databases)}");
        if (Scalar($"SELECT count(*) FROM pg_database WHERE datname = '{name}'") is 0L)
        {
            Execute($"CREATE DATABASE {name}");
        }

        return Connection(name);
    }

    public string Connection(string database) => $"Host={_root};Database={database};Username=postgres";

    public void Execute(string sql, string database = "postgres")
    {
        using var connection = new NpgsqlConnection(Connection(database) + ";Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    public object? Scalar(string sql, string database = "postgres")
    {
        using var connection = new NpgsqlConnection(Connection(database) + ";Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar();
    }

    public void Set(params string[] settings) => File.AppendAllLines(Path.Combine(DataPath, "postgresql.conf"), settings);

    public void Start()
    {
        _server = Process.Start(Command(Programs + "postgres", "-D", DataPath)) ?? throw new InvalidOperationException("postgres did not start.");
        var patience = Stopwatch.StartNew();
        while (Run(throwing: false, Programs + "pg_isready", "-q", "-h", _root) != 0)
        {
            if (_server.HasExited || patience.Elapsed > TimeSpan.FromSeconds(60))
            {
                throw new InvalidOperationException("postgres is not ready: " + File.ReadAllText(Path.Combine(_root, "log")));
            }

            Thread.Sleep(50);
        }
    }

    /// <summary>Ends the server at once, as a crash does.</summary>
    public void Kill()
    {
        if (_server is { HasExited: false })
        {
            // SIGQUIT: immediate shutdown, no checkpoint; recovery at the next start.
            Run(throwing: false, "/bin/kill", "-QUIT", _server.Id.ToString(CultureInfo.InvariantCulture));
            _server.WaitForExit();
        }

        _server?.Dispose();
        _server = null;
    }

    public void Promote() => Run(Programs + "pg_ctl", "-D", DataPath, "promote", "-w");

    /// <summary>Copies the folder of a stopped server.</summary>
    public PostgresCluster CopyStopped()
    {
        var copy = new PostgresCluster();
        Run("/bin/cp", "-a", DataPath, copy.DataPath);
        copy.Set([$"unix_socket_directories = '{copy._root}'"]);
        return copy;
    }

    public void Dispose()
    {
        Kill();
        if (Directory.Exists(_root))
        {
            Directory.Delete(_root, recursive: true);
        }
    }

    private void Init()
    {
        Run(Programs + "initdb", "-D", DataPath, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C");
        Set(
            $"unix_socket_directories = '{_root}'",
            "listen_addresses = ''",
            "max_connections = 200",
            "shared_buffers = 32MB",
            "logging_collector = off",
            $"max_wal_senders = 4");
    }

    private static void Own(string folder)
    {
        if (Environment.IsPrivilegedProcess)
        {
            using var chown = Process.Start("/bin/chown", ["postgres:postgres", folder]);
            chown.WaitForExit();
        }
    }

    private static ProcessStartInfo Command(string program, params string[] arguments)
    {
        var info = Environment.IsPrivilegedProcess
            ? new ProcessStartInfo("/usr/bin/setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", program, .. arguments])
            : new ProcessStartInfo(program, arguments);
        info.RedirectStandardOutput = true;
        info.RedirectStandardError = true;
        info.WorkingDirectory = "/";
        info.Environment["LC_ALL"] = "C";
        return info;
    }

    private static void Run(string program, params string[] arguments) => Run(throwing: true, program, arguments);

    private static int Run(bool throwing, string program, params string[] arguments)
    {
        using var process = Process.Start(Command(program, arguments)) ?? throw new Win32Exception();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return process.ExitCode == 0 || !throwing ? process.ExitCode : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {output.Result}{error.Result}");
    }
}
