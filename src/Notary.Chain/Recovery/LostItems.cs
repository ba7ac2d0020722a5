using Notary.Chain.Store;

namespace Notary.Chain.Recovery;

/// <summary>A run of evidence records whose item boxes are lost: secrets, digests and metadata.</summary>
/// <param name="First">Index of the first.</param>
/// <param name="Last">Index of the last; leaves of other kinds may lie between.</param>
/// <param name="Count">Records.</param>
public sealed record LostRange(long First, long Last, long Count);

/// <summary>
/// Marks of what a mirror cannot give back. A record that was refilled has an item row with an empty box, written with its entry: so that a check tells it from
/// one whose row is missing. It is the database's own word, and proves no loss.
/// </summary>
internal static class LostItems
{
    private const int RowsAtOnce = 4096;

    /// <summary>The lost records, in runs between records that have their box.</summary>
    public static IEnumerable<LostRange> Ranges(Database database)
    {
        using var least = database.Prepare("SELECT COALESCE(MIN(number), -1) FROM item WHERE length(box) = 0");
        least.Step();
        var next = least.Number(0);
        least.Reset();
        using var rows = database.Prepare(FormattableString.Invariant(
            $"SELECT number, CASE WHEN length(box) = 0 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END FROM item WHERE number >= ? ORDER BY number LIMIT {RowsAtOnce}"));
        LostRange? open = null;
        for (var full = next >= 0; full;)
        {
            rows.Bind(1, next);
            var count = 0;
            for (; rows.Step(); count++)
            {
                var (number, lost) = (rows.Number(0), rows.Number(1) == 1);
                next = number + 1;
                if (lost)
                {
                    open = open is null ? new LostRange(number, number, 1) : open with { Last = number, Count = open.Count + 1 };
                }
                else if (open is not null)
                {
                    yield return open;
                    open = null;
                }
            }

            full = count == RowsAtOnce;
        }

        if (open is not null)
        {
            yield return open;
        }
    }
}
