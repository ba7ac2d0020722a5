namespace Notary.Evidence;

/// <summary>Why a zip file is refused. Numbers are frozen: they are part of the report that a verifier writes.</summary>
public enum ZipFailure
{
    None = 0,
    /// <summary>Shorter than the structure it announces, or the stream ended while it was read.</summary>
    Truncated = 1,
    /// <summary>The last 22 bytes are not an end record without comment: something follows it, or it is no zip file.</summary>
    EndRecordMissing = 2,
    /// <summary>A field of the end record (or its zip64 form) is not what the entries before it determine.</summary>
    EndRecordMismatch = 3,
    TooManyEntries = 4,
    NoEntries = 5,
    /// <summary>No central header where one must begin.</summary>
    CentralHeaderMissing = 6,
    /// <summary>A field of the central header has another value than the only one allowed (time, attributes, versions, extra fields, comment).</summary>
    CentralHeaderField = 7,
    Encrypted = 8,
    /// <summary>Flag bits other than UTF-8 names: data descriptors, patches, masked headers.</summary>
    FlagsNotAllowed = 9,
    MethodNotAllowed = 10,
    /// <summary>The entry does not begin where the one before it ends: gap, overlap, or bytes before the first.</summary>
    NotContiguous = 11,
    /// <summary>The local header is not byte for byte what the central header determines.</summary>
    LocalHeaderMismatch = 12,
    NameNotUtf8 = 13,
    NameTooLong = 14,
    /// <summary>Absolute, parent, empty, backslash, drive, control, invisible, reserved or otherwise ambiguous name.</summary>
    NameNotAllowed = 15,
    /// <summary>Two entries whose names are equal, or equal when case is ignored.</summary>
    NameDuplicate = 16,
    EntryTooLarge = 17,
    /// <summary>All entries together are larger than the limit.</summary>
    TotalTooLarge = 18,
    /// <summary>The declared size is more than the allowed multiple of the compressed one.</summary>
    RatioTooHigh = 19,
    /// <summary>Stored, but the two sizes differ.</summary>
    StoredSizeMismatch = 20,
    /// <summary>The deflate stream is malformed.</summary>
    DeflateMalformed = 21,
    /// <summary>The deflate stream holds more than the declared size; inflating stopped there.</summary>
    InflatesBeyondSize = 22,
    /// <summary>The deflate stream holds less than the declared size.</summary>
    InflatesShort = 23,
    /// <summary>Bytes follow the end of the deflate stream inside the entry, or its padding bits are not zero.</summary>
    DeflateTrailing = 24,
    CrcMismatch = 25,
}

/// <summary>A refusal with its place: the entry (its name as far as it could be read) and the offset in the file.</summary>
/// <param name="Entry">Entry name, or null when the file as a whole is meant. Never unprintable: it is shown to people.</param>
/// <param name="Offset">Offset in bytes from the start of the file.</param>
public sealed record ZipProblem(ZipFailure Failure, string? Entry, long Offset, string Detail)
{
    public override string ToString() =>
        Entry is null ? $"{Failure} at byte {Offset}: {Detail}" : $"{Failure} in '{Entry}' at byte {Offset}: {Detail}";
}

/// <summary>What a reader takes at most. Memory does not depend on sizes: contents pass through one buffer.</summary>
public sealed record ZipLimits
{
    /// <summary>Entries; default 20,000, so that the central directory stays below 10 MiB.</summary>
    public int MaxEntries { get; init; } = 20_000;

    /// <summary>Bytes of one entry, inflated; default 1 TiB.</summary>
    public long MaxEntrySize { get; init; } = 1L << 40;

    /// <summary>Bytes of all entries, inflated; default 4 TiB.</summary>
    public long MaxTotalSize { get; init; } = 1L << 42;

    /// <summary>Inflated bytes a compressed byte; default 200. Denser content has to be stored.</summary>
    public int MaxRatio { get; init; } = 200;

    public static ZipLimits Default { get; } = new();
}

/// <summary>How an entry lies in the file (APPNOTE.TXT 4.4.5).</summary>
public enum ZipMethod : ushort
{
    Stored = 0,
    Deflate = 8,
}

/// <summary>One entry, as the central and the local header agree on it.</summary>
/// <param name="HeaderOffset">Where the local header begins.</param>
/// <param name="DataOffset">Where the content begins.</param>
public sealed record ZipEntry(string Name, ZipMethod Method, uint Crc32, long CompressedSize, long Size, long HeaderOffset, long DataOffset);

/// <summary>Takes content in pieces, in order.</summary>
public delegate void ByteSink(ReadOnlySpan<byte> piece);
