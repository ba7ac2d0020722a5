namespace Notary.Chain.Index;

/// <summary>
/// The entries that no run holds yet: appended in leaf order, found by an open-addressed hash table over their keys. One writer,
/// readers under the same lock (held for nanoseconds).
/// </summary>
internal sealed class RecentEntries
{
    private readonly Lock _gate = new();
    private readonly IndexEntry[] _entries;
    private readonly int[] _slots;
    private readonly int[] _older;
    private int _count;

    public RecentEntries(int capacity)
    {
        _entries = new IndexEntry[capacity];
        _older = new int[capacity];
        _slots = new int[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)capacity * 2)];
    }

    public int Count => Volatile.Read(ref _count);

    public int Free => _entries.Length - _count;

    public void Add(ReadOnlySpan<byte> entries)
    {
        lock (_gate)
        {
            for (var at = 0; at < entries.Length; at += IndexEntry.Size)
            {
                var entry = IndexEntry.Read(entries[at..]);
                _entries[_count++] = entry;
                var slot = Home(entry.High, entry.Low);
                while (_slots[slot] is var held and not 0 && (_entries[held - 1].High != entry.High || _entries[held - 1].Low != entry.Low))
                {
                    slot = (slot + 1) & (_slots.Length - 1);
                }

                // One slot a key; entries of the same key are linked, so that a content deposited a thousand times costs no probes.
                _older[_count - 1] = _slots[slot];
                _slots[slot] = _count;
            }
        }
    }

    public void Find(ulong high, ulong low, List<long> leaves)
    {
        lock (_gate)
        {
            for (var slot = Home(high, low); _slots[slot] != 0; slot = (slot + 1) & (_slots.Length - 1))
            {
                ref readonly var entry = ref _entries[_slots[slot] - 1];
                if (entry.High == high && entry.Low == low)
                {
                    for (var at = _slots[slot]; at != 0; at = _older[at - 1])
                    {
                        leaves.Add(_entries[at - 1].Leaf);
                    }

                    return;
                }
            }
        }
    }

    /// <summary>A sorted copy. The table goes on answering while a run is written from the copy.</summary>
    public IndexEntry[] Sorted()
    {
        var sorted = _entries.AsSpan(0, _count).ToArray();
        var keys = new ulong[sorted.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = sorted[i].High;
        }

        // Sorting by a primitive key is several times faster than by comparer; equal high halves are then put right.
        Array.Sort(keys, sorted);
        for (int from = 0, to; from < sorted.Length; from = to)
        {
            for (to = from + 1; to < sorted.Length && keys[to] == keys[from]; to++)
            {
            }

            if (to - from > 1)
            {
                sorted.AsSpan(from, to - from).Sort(IndexEntry.Order);
            }
        }

        return sorted;
    }

    private int Home(ulong high, ulong low) => (int)(((high ^ (low * 0x9E3779B97F4A7C15)) * 0xD6E8FEB86659FD93 >> 33) & (uint)(_slots.Length - 1));
}
