using Notary.Chain.Index;
using Notary.Chain.Store;

namespace Notary.Chain.Postgres;

/// <summary>The look-up table of a chain in PostgreSQL: written with each batch, so there is nothing to wait for.</summary>
internal sealed class PostgresIndex(Func<Database> open) : IDigestIndex
{
    private readonly Func<Database> _open = open;
    private readonly Lock _gate = new();
    private Func<long> _sealedTo = static () => 0;
    private Database? _database;
    private Statement? _find;

    public long IndexedTo => _sealedTo();

    public long DurableTo => 0;

    public void Start(Func<long> sealedTo) => _sealedTo = sealedTo;

    public void Signal()
    {
        // The rows are there with the commit.
    }

    public IReadOnlyList<long> Find(ulong high, ulong low)
    {
        lock (_gate)
        {
            var kept = _find is not null;
            try
            {
                return Query(high, low);
            }
            catch (DatabaseFailureException failure) when (failure.ConnectionLost && kept)
            {
                Close();
                return Query(high, low);
            }
        }
    }

    public Task<bool> WaitAsync(long size, TimeSpan patience, CancellationToken cancellation) => Task.FromResult(IndexedTo >= size);

    public void Dispose()
    {
        lock (_gate)
        {
            Close();
        }
    }

    private List<long> Query(ulong high, ulong low)
    {
        _database ??= _open();
        _find ??= _database.Prepare("SELECT leaf FROM lookup WHERE high = ? AND low = ? AND leaf < ? ORDER BY leaf");
        _find.Bind(1, unchecked((long)high)).Bind(2, unchecked((long)low)).Bind(3, IndexedTo);
        var leaves = new List<long>();
        while (_find.Step())
        {
            leaves.Add(_find.Number(0));
        }

        return leaves;
    }

    private void Close()
    {
        _find?.Dispose();
        _database?.Dispose();
        (_find, _database) = (null, null);
    }
}
