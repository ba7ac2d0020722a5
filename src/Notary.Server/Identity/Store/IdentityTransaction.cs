using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Notary.Server.Identity.Store;

/// <summary>
/// One transaction with its audit row: what is done and that it was done are committed together. Without <see cref="CommitAsync"/> nothing of it stays. Of all transactions, on all servers, one runs at a
/// time: what it reads stands until it commits. Rows of the audit trail are numbered without a gap, so they would wait for each other in the end anyway.
/// </summary>
internal sealed class IdentityTransaction : IAsyncDisposable
{
    private const long Turn = 0x6e6f746172790002;

    private readonly IdentityContext _context;
    private readonly IdentityKeys _keys;
    private readonly IDbContextTransaction _transaction;
    private readonly SemaphoreSlim? _gate;

    private IdentityTransaction(IdentityContext context, IdentityKeys keys, IDbContextTransaction transaction, SemaphoreSlim? gate)
    {
        _context = context;
        _keys = keys;
        _transaction = transaction;
        _gate = gate;
    }

    /// <summary>Begins. In SQLite writers wait here for each other, in the order in which they came, and not inside the library; in PostgreSQL, for a lock of the database.</summary>
    public static async Task<IdentityTransaction> BeginAsync(IdentityContext context, IdentityKeys keys, SemaphoreSlim? gate, CancellationToken cancellation)
    {
        if (gate is not null)
        {
            await gate.WaitAsync(cancellation);
        }

        IDbContextTransaction? transaction = null;
        try
        {
            // What was read before is read again: it may have changed meanwhile.
            context.ChangeTracker.Clear();
            transaction = await context.Database.BeginTransactionAsync(cancellation);
            if (context.Database.IsNpgsql())
            {
                await context.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({Turn})", cancellation);
            }

            return new IdentityTransaction(context, keys, transaction, gate);
        }
        catch
        {
            if (transaction is not null)
            {
                await transaction.DisposeAsync();
            }

            gate?.Release();
            throw;
        }
    }

    /// <summary>Commits what was done, with the row that says so.</summary>
    public async Task CommitAsync(AuditRow row)
    {
        await AppendAsync(row);
        await _transaction.CommitAsync();
    }

    /// <summary>Adds a row without committing: for acts that consist of several.</summary>
    public async Task AppendAsync(AuditRow row)
    {
        AuditRow? last = await _context.Audit.AsNoTracking().OrderByDescending(static r => r.Number).FirstOrDefaultAsync();
        row.Number = (last?.Number ?? 0) + 1;
        row.Mac = _keys.Mac(last?.Mac ?? new byte[32], row);
        _context.Audit.Add(row);
        await _context.SaveChangesAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _transaction.DisposeAsync();
        }
        finally
        {
            _gate?.Release();
        }
    }
}

/// <summary>A result of Identity that nobody looks at hides a change that was not made.</summary>
internal static class IdentityResults
{
    /// <summary>Throws unless it was done: inside one turn only a fault makes it fail.</summary>
    public static async Task OrThrow(this Task<IdentityResult> result)
    {
        if (await result is { Succeeded: false } failed)
        {
            throw new InvalidOperationException($"Identity refused a change: {string.Join(' ', failed.Errors.Select(static e => e.Code))}.");
        }
    }
}
