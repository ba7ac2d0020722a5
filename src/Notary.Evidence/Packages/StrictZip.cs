using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Notary.Evidence;

/// <summary>
/// Writes the one zip encoding that <see cref="StrictZipReader"/> takes. The stream must be empty, seekable and writable: sizes and
/// CRC stand before the content (no data descriptors), so the header is written again once they are known. I/O errors are the stream's.
/// </summary>
public sealed class StrictZipWriter
{
    private readonly Stream _output;
    private readonly List<ZipEntry> _entries = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private bool _finished;

    public StrictZipWriter(Stream output)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (!output.CanSeek || !output.CanWrite || output.Length != 0)
        {
            throw new ArgumentException("the stream must be empty, seekable and writable", nameof(output));
        }

        _output = output;
    }

    /// <summary>
    /// Adds an entry. With <see cref="ZipMethod.Deflate"/> the content must be seekable: where deflate does not make it smaller,
    /// or denser than the reader takes, it is read again and stored. A name that the reader would refuse throws.
    /// </summary>
    public ZipEntry Add(string name, Stream content, ZipMethod method = ZipMethod.Stored)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(content);
        ObjectDisposedException.ThrowIf(_finished, this);
        if (!EntryNames.IsAllowedInZip(name) || Encoding.UTF8.GetByteCount(name) > ZipHeaders.MaxHeaderName || !_names.Add(EntryNames.CaseKey(name)))
        {
            throw new ArgumentException($"'{name}' is not allowed as an entry name, or is there already", nameof(name));
        }

        if (_entries.Count == ZipLimits.Default.MaxEntries)
        {
            throw new InvalidOperationException("a package takes no more entries");
        }

        // Whether the header carries zip64 sizes must be known before the content; stored content of a seekable stream says its length.
        var start = _output.Position;
        var contentStart = content.CanSeek ? content.Position : 0;
        var expected = content.CanSeek ? content.Length - contentStart : 0;
        var entry = Write(name, content, method, start, ZipHeaders.NeedsZip64(expected, expected));
        if (method == ZipMethod.Deflate && (entry.CompressedSize >= entry.Size || entry.Size / Math.Max(1, entry.CompressedSize) >= ZipLimits.Default.MaxRatio))
        {
            content.Position = contentStart;
            entry = Write(name, content, ZipMethod.Stored, start, ZipHeaders.NeedsZip64(expected, expected));
        }

        _output.SetLength(_output.Position);
        _entries.Add(entry);
        return entry;
    }

    public ZipEntry Add(string name, ReadOnlySpan<byte> content)
    {
        using var stream = new MemoryStream(content.ToArray(), false);
        return Add(name, stream);
    }

    /// <summary>Writes the central directory and the end record. Flushing and closing are the caller's.</summary>
    public void Finish()
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        _finished = true;
        var directory = _output.Position;
        foreach (var entry in _entries)
        {
            _output.Write(ZipHeaders.Central(entry));
        }

        _output.Write(ZipHeaders.End(_entries.Count, directory, _output.Position - directory));
    }

    private ZipEntry Write(string name, Stream content, ZipMethod method, long start, bool zip64)
    {
        var header = ZipHeaders.Local(new ZipEntry(name, method, 0, 0, zip64 ? uint.MaxValue : 0, start, 0)).Length;
        _output.Position = start + header;
        var crc = Crc32.Start;
        long size = 0;
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 17);
        try
        {
            using var deflate = method == ZipMethod.Deflate ? new DeflateStream(_output, CompressionLevel.Optimal, true) : null;
            var target = deflate ?? _output;
            for (int read; (read = content.Read(buffer, 0, buffer.Length)) > 0;)
            {
                crc = Crc32.Append(crc, buffer.AsSpan(0, read));
                size += read;
                target.Write(buffer, 0, read);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        var end = _output.Position;
        var entry = new ZipEntry(name, method, crc, end - start - header, size, start, start + header);
        if (ZipHeaders.NeedsZip64(entry.CompressedSize, size) != zip64)
        {
            throw new InvalidOperationException("content from 4 GiB on must be a seekable stream, so that its header can be chosen before it is written");
        }

        _output.Position = start;
        _output.Write(ZipHeaders.Local(entry));
        _output.Position = end;
        return entry;
    }
}

/// <summary>
/// Reads a zip file as hostile input: one allowed encoding (see <see cref="ZipHeaders"/>), entries one after another from byte 0
/// to the central directory, which the end record follows as the last bytes of the file. Nothing is held but the entry list.
/// </summary>
public sealed class StrictZipReader
{
    private readonly Stream _input;

    private StrictZipReader(Stream input, IReadOnlyList<ZipEntry> entries)
    {
        _input = input;
        Entries = entries;
    }

    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<ZipEntry> Entries { get; }

    /// <summary>Checks the structure of the whole file: every header, none of the contents. The stream must be seekable; the reader does not own it.</summary>
    public static ZipProblem? TryOpen(Stream input, ZipLimits limits, out StrictZipReader? reader)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(limits);
        reader = null;
        if (!input.CanSeek)
        {
            throw new ArgumentException("the stream must be seekable", nameof(input));
        }

        var problem = Directory(input, limits, out var entries);
        if (problem is null)
        {
            reader = new StrictZipReader(input, entries);
        }

        return problem;
    }

    /// <summary>
    /// Passes the content of an entry to <paramref name="sink"/>, which may have seen a prefix of it when a problem is returned:
    /// what it computed counts only when the answer is null.
    /// </summary>
    public ZipProblem? Read(ZipEntry entry, ByteSink sink)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ArgumentNullException.ThrowIfNull(sink);
        _input.Position = entry.DataOffset;
        var crc = Crc32.Start;
        ByteSink counted = piece =>
        {
            crc = Crc32.Append(crc, piece);
            sink(piece);
        };
        var failure = entry.Method == ZipMethod.Deflate
            ? Inflater.Run(_input, entry.CompressedSize, entry.Size, counted)
            : Stored(entry.Size, counted);
        if (failure == ZipFailure.None && crc != entry.Crc32)
        {
            failure = ZipFailure.CrcMismatch;
        }

        return failure == ZipFailure.None
            ? null
            : new ZipProblem(failure, entry.Name, entry.DataOffset, failure == ZipFailure.CrcMismatch ? $"declared {entry.Crc32:x8}, computed {crc:x8}" : "the content is not what the header declares");
    }

    /// <summary>The content of a small entry, at most <paramref name="limit"/> bytes.</summary>
    public ZipProblem? ReadAll(ZipEntry entry, int limit, out byte[] content)
    {
        ArgumentNullException.ThrowIfNull(entry);
        content = [];
        if (entry.Size > limit)
        {
            return new ZipProblem(ZipFailure.EntryTooLarge, entry.Name, entry.HeaderOffset, $"{entry.Size} bytes, at most {limit} are taken here");
        }

        var buffer = new byte[entry.Size];
        var filled = 0;
        var problem = Read(entry, piece =>
        {
            piece.CopyTo(buffer.AsSpan(filled));
            filled += piece.Length;
        });
        if (problem is null)
        {
            content = buffer;
        }

        return problem;
    }

    private ZipFailure Stored(long size, ByteSink sink)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 17);
        try
        {
            for (var left = size; left > 0;)
            {
                var read = _input.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
                if (read == 0)
                {
                    return ZipFailure.Truncated;
                }

                sink(buffer.AsSpan(0, read));
                left -= read;
            }

            return ZipFailure.None;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static ZipProblem? Directory(Stream input, ZipLimits limits, out List<ZipEntry> entries)
    {
        entries = [];
        var length = input.Length;
        if (length < ZipHeaders.EndSize + ZipHeaders.CentralSize + ZipHeaders.LocalSize)
        {
            return new ZipProblem(ZipFailure.Truncated, null, length, "too short for a zip file with one entry");
        }

        if (!TryRead(input, length - ZipHeaders.EndSize, ZipHeaders.EndSize, out var end)
            || BinaryPrimitives.ReadUInt32LittleEndian(end) != ZipHeaders.EndSignature)
        {
            return new ZipProblem(ZipFailure.EndRecordMissing, null, length - ZipHeaders.EndSize, "the last 22 bytes are not an end record without comment");
        }

        int count = BinaryPrimitives.ReadUInt16LittleEndian(end.AsSpan(10));
        if (count == 0 || count > limits.MaxEntries)
        {
            return new ZipProblem(count == 0 ? ZipFailure.NoEntries : ZipFailure.TooManyEntries, null, length - 12, $"{count} entries, 1 to {limits.MaxEntries} are taken");
        }

        long directorySize = BinaryPrimitives.ReadUInt32LittleEndian(end.AsSpan(12));
        long directory = BinaryPrimitives.ReadUInt32LittleEndian(end.AsSpan(16));
        if (directory == uint.MaxValue)
        {
            // The offset stands in the 64-bit record; its place follows from the fixed sizes, so the locator is not followed but compared.
            var at = length - ZipHeaders.EndSize - ZipHeaders.LocatorSize - ZipHeaders.End64Size;
            if (at < 0 || !TryRead(input, at, ZipHeaders.End64Size, out var end64))
            {
                return new ZipProblem(ZipFailure.Truncated, null, length, "no room for the zip64 end record");
            }

            directory = BinaryPrimitives.ReadInt64LittleEndian(end64.AsSpan(48));
        }

        if (directory < 0 || directory > length || directory + directorySize > length || directorySize < (long)count * ZipHeaders.CentralSize)
        {
            return new ZipProblem(ZipFailure.EndRecordMismatch, null, length - 10, "the central directory does not lie in the file");
        }

        var expectedEnd = ZipHeaders.End(count, directory, directorySize);
        if (directory + directorySize + expectedEnd.Length != length
            || !TryRead(input, length - expectedEnd.Length, expectedEnd.Length, out var actualEnd) || !actualEnd.AsSpan().SequenceEqual(expectedEnd))
        {
            return new ZipProblem(ZipFailure.EndRecordMismatch, null, Math.Max(0, length - expectedEnd.Length), "the end record is not the one that directory and entries determine, or bytes lie before or behind it");
        }

        return ReadEntries(input, limits, count, directory, directorySize, entries);
    }

    private static ZipProblem? ReadEntries(Stream input, ZipLimits limits, int count, long directory, long directorySize, List<ZipEntry> entries)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        long at = directory, next = 0, total = 0;
        for (var i = 0; i < count; i++)
        {
            var problem = Central(input, at, directory + directorySize, next, out var entry, out var used)
                ?? Checks(entry!, at, limits, names, ref total)
                ?? LocalHeader(input, entry!);
            if (problem is not null)
            {
                return problem;
            }

            next = entry!.DataOffset + entry.CompressedSize;
            if (next > directory)
            {
                return new ZipProblem(ZipFailure.NotContiguous, entry.Name, entry.HeaderOffset, "the entry reaches into the central directory");
            }

            entries.Add(entry);
            at += used;
        }

        if (next != directory)
        {
            return new ZipProblem(ZipFailure.NotContiguous, null, next, "bytes lie between the last entry and the central directory");
        }

        return at == directory + directorySize ? null : new ZipProblem(ZipFailure.EndRecordMismatch, null, at, "bytes lie behind the last central header");
    }

    private static ZipProblem? Central(Stream input, long at, long end, long expectedOffset, out ZipEntry? entry, out int used)
    {
        entry = null;
        used = 0;
        if (at + ZipHeaders.CentralSize > end || !TryRead(input, at, ZipHeaders.CentralSize, out var header)
            || BinaryPrimitives.ReadUInt32LittleEndian(header) != ZipHeaders.CentralSignature)
        {
            return new ZipProblem(ZipFailure.CentralHeaderMissing, null, at, "no central header where one must begin");
        }

        var flags = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(8));
        var method = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(10));
        int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(28));
        int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(30));
        int commentLength = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(32));
        if (nameLength is 0 or > ZipHeaders.MaxHeaderName)
        {
            return new ZipProblem(ZipFailure.NameTooLong, null, at + 28, $"{nameLength} bytes, 1 to {ZipHeaders.MaxHeaderName} are taken");
        }

        used = ZipHeaders.CentralSize + nameLength + extraLength + commentLength;
        if (at + used > end || !TryRead(input, at + ZipHeaders.CentralSize, nameLength + extraLength, out var variable))
        {
            return new ZipProblem(ZipFailure.Truncated, null, at, "the central header does not end inside the directory");
        }

        if (!TryName(variable.AsSpan(0, nameLength), out var name))
        {
            return new ZipProblem(ZipFailure.NameNotUtf8, null, at + ZipHeaders.CentralSize, "the name is not UTF-8");
        }

        if (!EntryNames.IsAllowedInZip(name))
        {
            return new ZipProblem(ZipFailure.NameNotAllowed, Printable(name), at + ZipHeaders.CentralSize, "the name is not allowed");
        }

        if ((flags & 0x2041) != 0)
        {
            return new ZipProblem(ZipFailure.Encrypted, name, at + 8, $"flags {flags:x4}");
        }

        if (flags != ZipHeaders.Utf8Flag)
        {
            return new ZipProblem(ZipFailure.FlagsNotAllowed, name, at + 8, $"flags {flags:x4}, only {ZipHeaders.Utf8Flag:x4} is taken");
        }

        if (method is not ((ushort)ZipMethod.Stored or (ushort)ZipMethod.Deflate))
        {
            return new ZipProblem(ZipFailure.MethodNotAllowed, name, at + 10, $"method {method}, only 0 and 8 are taken");
        }

        long compressed = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(20));
        long size = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(24));
        if (compressed == uint.MaxValue && size == uint.MaxValue && extraLength >= 20)
        {
            size = BinaryPrimitives.ReadInt64LittleEndian(variable.AsSpan(nameLength + 4));
            compressed = BinaryPrimitives.ReadInt64LittleEndian(variable.AsSpan(nameLength + 12));
        }

        if (size < 0 || compressed < 0 || compressed > input.Length)
        {
            return new ZipProblem(ZipFailure.Truncated, name, at + 20, "the entry is larger than the file");
        }

        var candidate = new ZipEntry(name, (ZipMethod)method, BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(16)), compressed, size, expectedOffset, 0);
        var expected = ZipHeaders.Central(candidate);
        long storedOffset = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(42));
        if (expectedOffset < uint.MaxValue && storedOffset != expectedOffset)
        {
            return new ZipProblem(ZipFailure.NotContiguous, name, at + 42, $"begins at {storedOffset}, the entry before it ends at {expectedOffset}");
        }

        if (expected.Length != used || !expected.AsSpan(0, ZipHeaders.CentralSize).SequenceEqual(header) || !expected.AsSpan(ZipHeaders.CentralSize).SequenceEqual(variable))
        {
            return new ZipProblem(ZipFailure.CentralHeaderField, name, at, "a field has another value than the only one allowed");
        }

        entry = candidate with { DataOffset = expectedOffset + ZipHeaders.Local(candidate).Length };
        return null;
    }

    private static ZipProblem? Checks(ZipEntry entry, long at, ZipLimits limits, HashSet<string> names, ref long total)
    {
        if (!names.Add(EntryNames.CaseKey(entry.Name)))
        {
            return new ZipProblem(ZipFailure.NameDuplicate, entry.Name, at, "another entry has this name, or one that differs in case only");
        }

        if (entry.Size > limits.MaxEntrySize)
        {
            return new ZipProblem(ZipFailure.EntryTooLarge, entry.Name, at, $"{entry.Size} bytes, at most {limits.MaxEntrySize} are taken");
        }

        total += entry.Size;
        if (total > limits.MaxTotalSize)
        {
            return new ZipProblem(ZipFailure.TotalTooLarge, entry.Name, at, $"more than {limits.MaxTotalSize} bytes together");
        }

        if (entry.Method == ZipMethod.Stored && entry.Size != entry.CompressedSize)
        {
            return new ZipProblem(ZipFailure.StoredSizeMismatch, entry.Name, at, $"{entry.Size} and {entry.CompressedSize} bytes");
        }

        return entry.Size / Math.Max(1, entry.CompressedSize) > limits.MaxRatio
            ? new ZipProblem(ZipFailure.RatioTooHigh, entry.Name, at, $"{entry.CompressedSize} bytes claim to hold {entry.Size}")
            : null;
    }

    private static ZipProblem? LocalHeader(Stream input, ZipEntry entry)
    {
        var expected = ZipHeaders.Local(entry);
        return TryRead(input, entry.HeaderOffset, expected.Length, out var actual) && actual.AsSpan().SequenceEqual(expected)
            ? null
            : new ZipProblem(ZipFailure.LocalHeaderMismatch, entry.Name, entry.HeaderOffset, "the local header is not what the central header determines");
    }

    private static bool TryRead(Stream input, long offset, int count, out byte[] bytes)
    {
        bytes = new byte[count];
        if (offset < 0 || offset + count > input.Length)
        {
            return false;
        }

        input.Position = offset;
        return input.ReadAtLeast(bytes, count, false) == count;
    }

    private static bool TryName(ReadOnlySpan<byte> bytes, out string name)
    {
        name = Encoding.UTF8.GetString(bytes);
        return System.Text.Unicode.Utf8.IsValid(bytes);
    }

    /// <summary>A refused name for people: what could change how it is read is replaced.</summary>
    private static string Printable(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var rune in name.EnumerateRunes())
        {
            var plain = rune.IsAscii ? rune.Value is >= 0x20 and < 0x7F : Rune.IsLetterOrDigit(rune);
            text.Append(plain ? rune.ToString() : $"\\u{{{rune.Value:x}}}");
        }

        return text.ToString();
    }
}
