using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Notary.Server.Identity.Store;

/// <summary>One transaction with its audit row: what is done and that it was done are committed together. Without <see cref="CommitAsync"/> nothing of it stays.</summary>
internal sealed class IdentityTransaction : IAsyncDisposable
{
    // Rows of the audit trail are numbered without a gap, so whoever writes one waits for the one before.
    private const long AuditLock = 0x6e6f746172790002;

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

    /// <summary>Begins. In SQLite writers wait here for each other, in the order in which they came, and not inside the library.</summary>
    public static async Task<IdentityTransaction> BeginAsync(IdentityContext context, IdentityKeys keys, SemaphoreSlim? gate)
    {
        if (gate is not null)
        {
            await gate.WaitAsync();
        }

        try
        {
            IDbContextTransaction transaction = await context.Database.BeginTransactionAsync();
            return new IdentityTransaction(context, keys, transaction, gate);
        }
        catch
        {
            gate?.Release();
            throw;
        }
    }

    /// <summary>Waits for every other writer of the trail: what is read after it is not changed by another transaction that ends with a row.</summary>
    public async Task LockAsync()
    {
        if (_context.Database.IsNpgsql())
        {
            await _context.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({AuditLock})");
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
        await LockAsync();
        AuditRow? last = await _context.Audit.AsNoTracking().OrderByDescending(static r => r.Number).FirstOrDefaultAsync();
        row.Number = (last?.Number ?? 0) + 1;
        row.Mac = _keys.Mac(last?.Mac ?? new byte[32], row);
        _context.Audit.Add(row);
        await _context.SaveChangesAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _transaction.DisposeAsync();
        _gate?.Release();
    }
}
