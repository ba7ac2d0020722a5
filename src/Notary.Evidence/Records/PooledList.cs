using System.Buffers;

namespace Notary.Evidence;

/// <summary>A growing array from the pool; cleared before it goes back, because it holds digests, metadata and secrets.</summary>
internal sealed class PooledList<T> : IDisposable
    where T : unmanaged
{
    private T[] _items;

    public PooledList(int capacity) => _items = ArrayPool<T>.Shared.Rent(Math.Max(capacity, 16));

    public int Count { get; private set; }

    public Span<T> Span => _items.AsSpan(0, Count);

    public ReadOnlyMemory<T> Memory => _items.AsMemory(0, Count);

    public ref T this[int index] => ref _items.AsSpan(0, Count)[index];

    /// <summary>Appends room for that many items; its content is whatever lay there, so the caller writes all of it.</summary>
    public Span<T> Extend(int count)
    {
        if (Count + count > _items.Length)
        {
            var larger = ArrayPool<T>.Shared.Rent(Math.Max(checked(Count + count), _items.Length * 2));
            Span.CopyTo(larger);
            Release();
            _items = larger;
        }

        Count += count;
        return _items.AsSpan(Count - count, count);
    }

    public void Add(in T item) => Extend(1)[0] = item;

    public void Truncate(int count) => Count = Math.Min(Count, count);

    public void Dispose()
    {
        Release();
        _items = [];
        Count = 0;
    }

    private void Release()
    {
        if (_items.Length > 0)
        {
            Array.Clear(_items, 0, Count);
            ArrayPool<T>.Shared.Return(_items);
        }
    }
}
