using Npgsql;
using Notary.Chain.Store;

namespace Notary.Chain.Postgres;

/// <summary>A call of PostgreSQL that did not succeed: SQLSTATE, where the server answered, and what was attempted.</summary>
public sealed class PostgresFailureException : DatabaseFailureException
{
    private PostgresFailureException(string message, string? sqlState, Exception? cause)
        : base(message, cause)
    {
        SqlState = sqlState;
    }

    /// <summary>The server's code (PostgreSQL, appendix A); null where it did not answer.</summary>
    public string? SqlState { get; }

    /// <inheritdoc/>
    // 08: connection; 57P: shutdown, crash, not ready; 25P03: left idle in a transaction; 53: resources; 55P03: lock not got in time; 57014: cancelled; 40: rolled back; 01: committed with a warning.
    public override bool ConnectionLost => SqlState is null or "25P03" or "55P03" or "57014" or { Length: 5 } and (['5', '3', ..] or ['4', '0', ..] or ['0', '1', ..]) || SqlState.StartsWith("08", StringComparison.Ordinal) || SqlState.StartsWith("57P", StringComparison.Ordinal);

    /// <summary>The failure of a call; null where it is another's bug.</summary>
    public static PostgresFailureException? Of(string attempted, Exception failure) => failure switch
    {
        // Only the code of a server's error: its text may name values.
        PostgresException answer => new PostgresFailureException($"PostgreSQL could not {attempted}: SQLSTATE {answer.SqlState}.", answer.SqlState, answer),
        NpgsqlException or IOException or System.Net.Sockets.SocketException or TimeoutException or ObjectDisposedException or InvalidOperationException =>
            new PostgresFailureException($"PostgreSQL could not {attempted}: the connection is lost or was refused ({failure.GetBaseException().Message}).", null, failure),
        _ => null,
    };

    /// <summary>A server that answers, and does not give what is demanded of it.</summary>
    public static PostgresFailureException Unfit(Exception refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        return new PostgresFailureException(refusal.Message, null, refusal);
    }

    /// <summary>A commit that the server answered with a warning: it stands here, but perhaps on no standby.</summary>
    public static PostgresFailureException Warned(string sqlState) => new($"PostgreSQL answered with a warning, SQLSTATE {sqlState}: no standby confirms.", sqlState, null);
}
