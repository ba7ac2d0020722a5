using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.People;

/// <summary>Reading the audit trail; that it was read is a row of it.</summary>
internal sealed class AuditTrail(IdentityContext context, IdentityDatabase database, Sessions sessions, TimeProvider time)
{
    /// <summary>Rows above <paramref name="after"/>, and the first of them that does not follow its predecessor; null when all do.</summary>
    public async Task<(List<AuditRow> Rows, long? Broken)> ReadAsync(HttpContext http, PersonIdentity reader, long after, int count)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context, http.RequestAborted);
        await sessions.EnterAsync(reader);
        AuditRow? before = after == 0 ? null : await context.Audit.AsNoTracking().SingleOrDefaultAsync(r => r.Number == after);
        List<AuditRow> rows = await context.Audit.AsNoTracking().Where(r => r.Number > after).OrderBy(static r => r.Number).Take(count).ToListAsync();
        await transaction.CommitAsync(new AuditRow
        {
            Time = time.GetUtcNow().ToUnixTimeMilliseconds(), Actor = reader.Account.ToString(), Event = AuditEvent.AuditRead, Target = FormattableString.Invariant($"after {after}"), Address = Sessions.AddressOf(http),
        });
        return (rows, after > 0 && before is null && rows.Count > 0 ? after : FirstBroken(database.Keys, before, rows));
    }

    /// <summary>The number at which a run of rows does not follow; null when all do.</summary>
    /// <param name="before">The row before the first; null before row 1.</param>
    public static long? FirstBroken(IdentityKeys keys, AuditRow? before, IEnumerable<AuditRow> rows)
    {
        long number = before?.Number ?? 0;
        byte[] mac = before?.Mac ?? new byte[32];
        foreach (AuditRow row in rows)
        {
            number++;
            if (row.Number != number || !CryptographicOperations.FixedTimeEquals(keys.Mac(mac, row), row.Mac))
            {
                return number;
            }

            mac = row.Mac;
        }

        return null;
    }
}
