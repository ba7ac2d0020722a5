using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using Notary.Crypto.Native;

namespace Notary.Chain.Index;

/// <summary>A look-up key: 16 bytes as two big-endian halves, and the index of the leaf that it leads to.</summary>
public readonly record struct IndexEntry(ulong High, ulong Low, long Leaf)
{
    /// <summary>Bytes of an entry in a run and in the feed.</summary>
    public const int Size = 24;

    /// <summary>Reads an entry from its 24 bytes.</summary>
    public static IndexEntry Read(ReadOnlySpan<byte> source) => new(
        BinaryPrimitives.ReadUInt64BigEndian(source),
        BinaryPrimitives.ReadUInt64BigEndian(source[8..]),
        BinaryPrimitives.ReadInt64BigEndian(source[16..]));

    /// <summary>Writes the entry's 24 bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
        BinaryPrimitives.WriteInt64BigEndian(destination[16..], Leaf);
    }

    /// <summary>Order of a run: key, then leaf.</summary>
    public static readonly Comparer<IndexEntry> Order = Comparer<IndexEntry>.Create(static (a, b) => a.Compare(b));

    internal int Compare(in IndexEntry other)
    {
        var order = High.CompareTo(other.High);
        order = order != 0 ? order : Low.CompareTo(other.Low);
        return order != 0 ? order : Leaf.CompareTo(other.Leaf);
    }
}

/// <summary>
/// A sorted run of look-up entries in one immutable file, covering the leaves [<see cref="From"/>, <see cref="To"/>).
/// </summary>
/// <remarks>
/// <para>Layout: pages of 4,080 bytes (170 entries of 24 bytes), then the first key of each page (16 bytes each: the fences), then a
/// footer of 40 bytes: magic <c>NTRYRUN1</c>, from, to, entries, number of pages (all big-endian 64 bit).</para>
/// <para>The file is written under a temporary name, synced, renamed, and its folder synced: a run either is there whole or is not there.
/// It is not trusted: a look-up only says where to look, and whoever asked compares what stands at that leaf.</para>
/// <para>A look-up costs one read of a page a run: the fences lie in memory (16 bytes for 170 entries).</para>
/// </remarks>
public sealed class RunFile : IDisposable
{
    internal const int EntriesPerPage = 170;
    internal const int PageBytes = EntriesPerPage * IndexEntry.Size;
    internal const int FooterBytes = 40;
    private static ReadOnlySpan<byte> Magic => "NTRYRUN1"u8;

    private readonly SafeFileHandle _file;
    private readonly ulong[] _fenceHigh;
    private readonly ulong[] _fenceLow;

    private RunFile(string path, SafeFileHandle file, long from, long to, long entries, ulong[] fenceHigh, ulong[] fenceLow)
    {
        Path = path;
        From = from;
        To = to;
        Entries = entries;
        _file = file;
        _fenceHigh = fenceHigh;
        _fenceLow = fenceLow;
    }

    /// <summary>Where the run lies.</summary>
    public string Path { get; }

    /// <summary>First leaf covered.</summary>
    public long From { get; }

    /// <summary>End of the leaves covered (exclusive).</summary>
    public long To { get; }

    /// <summary>Entries in the run.</summary>
    public long Entries { get; }

    /// <summary>The file name of a run over these leaves; sorts by <paramref name="from"/>.</summary>
    public static string Name(long from, long to) => FormattableString.Invariant($"{from:D16}-{to:D16}.run");

    /// <summary>Opens a run; null when the file is no whole run (cut off, other magic, lengths that do not add up).</summary>
    public static RunFile? TryOpen(string path)
    {
        var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            var length = RandomAccess.GetLength(file);
            Span<byte> footer = stackalloc byte[FooterBytes];
            if (length < FooterBytes || RandomAccess.Read(file, footer, length - FooterBytes) != FooterBytes || !footer[..8].SequenceEqual(Magic))
            {
                file.Dispose();
                return null;
            }

            var from = BinaryPrimitives.ReadInt64BigEndian(footer[8..]);
            var to = BinaryPrimitives.ReadInt64BigEndian(footer[16..]);
            var entries = BinaryPrimitives.ReadInt64BigEndian(footer[24..]);
            var pages = BinaryPrimitives.ReadInt64BigEndian(footer[32..]);
            if (from < 0 || to < from || entries < 0 || entries > length / IndexEntry.Size || pages != (entries + EntriesPerPage - 1) / EntriesPerPage
                || (entries * IndexEntry.Size) + (pages * 16) + FooterBytes != length)
            {
                file.Dispose();
                return null;
            }

            var fences = new byte[pages * 16];
            var high = new ulong[pages];
            var low = new ulong[pages];
            for (var read = 0; read < fences.Length;)
            {
                var got = RandomAccess.Read(file, fences.AsSpan(read), (entries * IndexEntry.Size) + read);
                if (got == 0)
                {
                    file.Dispose();
                    return null;
                }

                read += got;
            }

            for (var i = 0; i < pages; i++)
            {
                high[i] = BinaryPrimitives.ReadUInt64BigEndian(fences.AsSpan(i * 16));
                low[i] = BinaryPrimitives.ReadUInt64BigEndian(fences.AsSpan((i * 16) + 8));
            }

            return new RunFile(path, file, from, to, entries, high, low);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Adds the leaves that this run holds under a key, lowest first.</summary>
    public void Find(ulong high, ulong low, List<long> leaves)
    {
        // The last page whose first key is below the key may hold it, and so may the pages after it that begin with it.
        var page = FirstFenceNotBelow(high, low);
        page = page > 0 ? page - 1 : 0;
        Span<byte> bytes = stackalloc byte[PageBytes];
        for (; page < _fenceHigh.Length; page++)
        {
            var offset = (long)page * PageBytes;
            var want = (int)Math.Min(PageBytes, (Entries * IndexEntry.Size) - offset);
            var got = RandomAccess.Read(_file, bytes[..want], offset);
            for (var at = 0; at + IndexEntry.Size <= got; at += IndexEntry.Size)
            {
                var entry = IndexEntry.Read(bytes[at..]);
                if (entry.High == high && entry.Low == low)
                {
                    leaves.Add(entry.Leaf);
                }
                else if (entry.High > high || (entry.High == high && entry.Low > low))
                {
                    return;
                }
            }
        }
    }

    /// <summary>Reads the run from its start, in order, through a buffer of its own.</summary>
    internal IEnumerable<IndexEntry> Scan()
    {
        var buffer = new byte[PageBytes * 64];
        var end = Entries * IndexEntry.Size;
        for (long offset = 0; offset < end;)
        {
            var want = (int)Math.Min(buffer.Length, end - offset);
            for (var read = 0; read < want;)
            {
                var got = RandomAccess.Read(_file, buffer.AsSpan(read, want - read), offset + read);
                if (got == 0)
                {
                    throw new EndOfStreamException("A run of the digest index became shorter while it was read.");
                }

                read += got;
            }

            for (var at = 0; at < want; at += IndexEntry.Size)
            {
                yield return IndexEntry.Read(buffer.AsSpan(at));
            }

            offset += want;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>Writes a run from entries that come in order, and opens it.</summary>
    internal static RunFile Write(string folder, long from, long to, IEnumerable<IndexEntry> ordered)
    {
        var path = System.IO.Path.Combine(folder, Name(from, to));
        var temporary = path + ".tmp";
        long count = 0;
        using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1))
        {
            var buffer = new byte[PageBytes * 64];
            var used = 0;
            var fences = new MemoryStream();
            Span<byte> fence = stackalloc byte[16];
            foreach (var entry in ordered)
            {
                if (count % EntriesPerPage == 0)
                {
                    BinaryPrimitives.WriteUInt64BigEndian(fence, entry.High);
                    BinaryPrimitives.WriteUInt64BigEndian(fence[8..], entry.Low);
                    fences.Write(fence);
                }

                entry.Write(buffer.AsSpan(used));
                used += IndexEntry.Size;
                count++;
                if (used == buffer.Length)
                {
                    stream.Write(buffer, 0, used);
                    used = 0;
                }
            }

            stream.Write(buffer, 0, used);
            fences.Position = 0;
            fences.CopyTo(stream);
            Span<byte> footer = stackalloc byte[FooterBytes];
            Magic.CopyTo(footer);
            BinaryPrimitives.WriteInt64BigEndian(footer[8..], from);
            BinaryPrimitives.WriteInt64BigEndian(footer[16..], to);
            BinaryPrimitives.WriteInt64BigEndian(footer[24..], count);
            BinaryPrimitives.WriteInt64BigEndian(footer[32..], (count + EntriesPerPage - 1) / EntriesPerPage);
            stream.Write(footer);
            stream.Flush();
            DurableFile.Sync(stream.SafeFileHandle);
        }

        File.Move(temporary, path, overwrite: true);
        DurableFile.SyncFolder(folder);
        return TryOpen(path) ?? throw new InvalidOperationException("A run that was just written cannot be opened.");
    }

    /// <summary>Merges neighbouring runs, oldest first, into one that covers all their leaves.</summary>
    internal static RunFile Merge(string folder, IReadOnlyList<RunFile> runs)
        => Write(folder, runs[0].From, runs[^1].To, MergeOrdered([.. runs.Select(r => r.Scan())]));

    internal static IEnumerable<IndexEntry> MergeOrdered(IEnumerable<IndexEntry>[] sources)
    {
        // Runs are few (at most eight at a time): a scan for the smallest beats a heap.
        var readers = sources.Select(s => s.GetEnumerator()).ToArray();
        var current = new IndexEntry[readers.Length];
        var live = 0;
        try
        {
            foreach (var reader in readers)
            {
                if (reader.MoveNext())
                {
                    readers[live] = reader;
                    current[live++] = reader.Current;
                }
            }

            while (live > 0)
            {
                var smallest = 0;
                for (var i = 1; i < live; i++)
                {
                    if (current[i].Compare(current[smallest]) < 0)
                    {
                        smallest = i;
                    }
                }

                yield return current[smallest];
                if (readers[smallest].MoveNext())
                {
                    current[smallest] = readers[smallest].Current;
                }
                else
                {
                    live--;
                    (readers[smallest], readers[live]) = (readers[live], readers[smallest]);
                    current[smallest] = current[live];
                }
            }
        }
        finally
        {
            foreach (var reader in readers)
            {
                reader.Dispose();
            }
        }
    }

    private int FirstFenceNotBelow(ulong high, ulong low)
    {
        int from = 0, to = _fenceHigh.Length;
        while (from < to)
        {
            var middle = (from + to) >>> 1;
            if (_fenceHigh[middle] < high || (_fenceHigh[middle] == high && _fenceLow[middle] < low))
            {
                from = middle + 1;
            }
            else
            {
                to = middle;
            }
        }

        return from;
    }
}
