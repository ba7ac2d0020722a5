namespace Notary.Chain.Store;

/// <summary>A database call that did not succeed: what was attempted, and the database's own code.</summary>
/// <remarks>Never carries SQL text or values: it may be logged.</remarks>
public abstract class DatabaseFailureException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Whether the connection is lost and another one may succeed.</summary>
    public virtual bool ConnectionLost => false;
}

/// <summary>
/// One connection to the tables of a chain, in SQLite or PostgreSQL. What is read through it is written once, in the SQL that both know: parameters are question marks.
/// Not thread-safe: a connection belongs to one thread at a time.
/// </summary>
public abstract class Database : IDisposable
{
    /// <summary>Runs statements that return nothing of interest.</summary>
    public abstract void Execute(string sql);

    /// <summary>Prepares a statement that lives as long as the caller keeps it; dispose it before the database.</summary>
    public abstract Statement Prepare(string sql);

    /// <summary>What is read from now on is of one moment.</summary>
    public abstract void BeginSnapshot();

    /// <summary>What the database finds wrong with its own pages: a sentence each, at most twenty.</summary>
    public abstract IReadOnlyList<string> Damage();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the connection; prepared statements must be gone.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>A prepared statement. Parameters are numbered from 1, columns from 0, as in SQLite's own interface.</summary>
public abstract class Statement : IDisposable
{
    /// <summary>Binds an integer.</summary>
    public abstract Statement Bind(int parameter, long value);

    /// <summary>Binds bytes; they are copied.</summary>
    public abstract Statement Bind(int parameter, ReadOnlySpan<byte> value);

    /// <summary>Binds text.</summary>
    public abstract Statement Bind(int parameter, string value);

    /// <summary>Runs to the end and resets; for statements without rows.</summary>
    public abstract void Run();

    /// <summary>Steps to the next row; false (and reset) after the last.</summary>
    public abstract bool Step();

    /// <summary>Makes the statement ready to be bound and run again; ends its hold on what it reads.</summary>
    public abstract void Reset();

    /// <summary>Column as an integer.</summary>
    public abstract long Number(int column);

    /// <summary>Whether the column is NULL.</summary>
    public abstract bool IsNull(int column);

    /// <summary>Column as bytes; valid until the next step or reset.</summary>
    public abstract ReadOnlySpan<byte> Blob(int column);

    /// <summary>Column as text.</summary>
    public abstract string Text(int column);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the statement.</summary>
    protected abstract void Dispose(bool disposing);
}
