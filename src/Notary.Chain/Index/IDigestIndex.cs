namespace Notary.Chain.Index;

/// <summary>Look-up of records by content digest and by id. Safe from any thread.</summary>
public interface IDigestIndex : IDisposable
{
    /// <summary>Leaves below this are found.</summary>
    long IndexedTo { get; }

    /// <summary>Leaves below this need no row of the feed any more.</summary>
    long DurableTo { get; }

    /// <summary>Begins to index.</summary>
    /// <param name="sealedTo">Leaves below this are durable and signed: nothing may be known of a leaf that a loss of power can still take back.</param>
    void Start(Func<long> sealedTo);

    /// <summary>Says that the chain grew; cheap, from any thread.</summary>
    void Signal();

    /// <summary>The leaves under a key, lowest first; empty when there is none below <see cref="IndexedTo"/>.</summary>
    IReadOnlyList<long> Find(ulong high, ulong low);

    /// <summary>Waits until leaves below <paramref name="size"/> can be found.</summary>
    Task<bool> WaitAsync(long size, TimeSpan patience, CancellationToken cancellation);
}
