using Npgsql;
using NpgsqlTypes;
using Notary.Chain.Store;

namespace Notary.Chain.Postgres;

/// <summary>One connection to a chain's PostgreSQL database.</summary>
public sealed class PostgresDatabase : Database
{
    private readonly NpgsqlConnection _connection;
    private string? _warning;

    private PostgresDatabase(NpgsqlConnection connection)
    {
        _connection = connection;
        _connection.Notice += (_, notice) => _warning = notice.Notice.SqlState;
    }

    internal NpgsqlConnection Connection => _connection;

    /// <summary>Connects.</summary>
    /// <exception cref="PostgresFailureException">The server does not answer, or refuses.</exception>
    public static PostgresDatabase Open(string connectionString)
    {
        var connection = new NpgsqlConnection(connectionString);
        try
        {
            Guarded("connect", connection.Open);
            return new PostgresDatabase(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Execute(string sql) => Guarded("run a statement", () =>
    {
        using var command = new NpgsqlCommand(sql, _connection);
        command.ExecuteNonQuery();
    });

    /// <summary>Commits. A warning is as good as a failure: it says that no standby confirmed.</summary>
    /// <param name="timeoutSeconds">After how long it is given up, 0 for never: who gives up knows less than who waits.</param>
    public void Commit(int timeoutSeconds)
    {
        _warning = null;
        Guarded("commit", () =>
        {
            using var command = new NpgsqlCommand("COMMIT", _connection) { CommandTimeout = timeoutSeconds };
            command.ExecuteNonQuery();
        });
        if (_warning is { } sqlState)
        {
            throw PostgresFailureException.Warned(sqlState);
        }
    }

    /// <inheritdoc/>
    public override PostgresStatement Prepare(string sql) => new(this, sql);

    /// <inheritdoc/>
    public override void BeginSnapshot() => Execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");

    /// <inheritdoc/>
    /// <remarks>Nothing: checksums of pages are the server's, and pg_amcheck needs an extension and a superuser.</remarks>
    public override IReadOnlyList<string> Damage() => [];

    internal static void Guarded(string attempted, Action call) => Guarded(attempted, () =>
    {
        call();
        return 0;
    });

    internal static T Guarded<T>(string attempted, Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception failure) when (PostgresFailureException.Of(attempted, failure) is { } known)
        {
            throw known;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _connection.Dispose();
        }
    }
}

/// <summary>A statement of PostgreSQL. All rows are read at the first step, so that another statement may run between two of them: what may be long is read in pages.</summary>
public sealed class PostgresStatement : Statement
{
    private readonly NpgsqlCommand _command;
    private readonly NpgsqlParameter[] _parameters;
    private readonly List<object?[]> _rows = [];
    private bool _prepared;
    private int _at = -1;

    internal PostgresStatement(PostgresDatabase database, string sql)
    {
        var parts = sql.Split('?');
        _parameters = [.. parts.Skip(1).Select(static _ => new NpgsqlParameter())];
        _command = new NpgsqlCommand(parts[0] + string.Concat(parts.Skip(1).Select(static (part, i) => FormattableString.Invariant($"${i + 1}{part}"))), database.Connection);
        _command.Parameters.AddRange(_parameters);
    }

    /// <inheritdoc/>
    public override PostgresStatement Bind(int parameter, long value) => Bind(parameter, NpgsqlDbType.Bigint, value);

    /// <inheritdoc/>
    public override PostgresStatement Bind(int parameter, ReadOnlySpan<byte> value) => Bind(parameter, NpgsqlDbType.Bytea, value.ToArray());

    /// <inheritdoc/>
    public override PostgresStatement Bind(int parameter, string value) => Bind(parameter, NpgsqlDbType.Text, value);

    /// <inheritdoc/>
    public override void Run() => PostgresDatabase.Guarded("change the database", () =>
    {
        Reset();
        Prepare();
        _command.ExecuteNonQuery();
    });

    /// <inheritdoc/>
    public override bool Step()
    {
        if (_at < 0)
        {
            PostgresDatabase.Guarded("read the database", Read);
        }

        if (++_at < _rows.Count)
        {
            return true;
        }

        Reset();
        return false;
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        _rows.Clear();
        _at = -1;
    }

    /// <inheritdoc/>
    public override long Number(int column) => (long)_rows[_at][column]!;

    /// <inheritdoc/>
    public override bool IsNull(int column) => _rows[_at][column] is null;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Blob(int column) => (byte[])_rows[_at][column]!;

    /// <inheritdoc/>
    public override string Text(int column) => (string)_rows[_at][column]!;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _command.Dispose();
        }
    }

    private PostgresStatement Bind(int parameter, NpgsqlDbType type, object value)
    {
        _parameters[parameter - 1].NpgsqlDbType = type;
        _parameters[parameter - 1].Value = value;
        return this;
    }

    private void Prepare()
    {
        if (!_prepared)
        {
            _command.Prepare();
            _prepared = true;
        }
    }

    private void Read()
    {
        Prepare();
        _rows.Clear();
        using var reader = _command.ExecuteReader();
        while (reader.Read())
        {
            var row = new object?[reader.FieldCount];
            for (var i = 0; i < row.Length; i++)
            {
                row[i] = reader.IsDBNull(i) ? null : reader.GetValue(i);
            }

            _rows.Add(row);
        }
    }
}
