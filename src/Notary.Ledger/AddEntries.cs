using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>What a reader of add-entries found at the start of the bytes that it has.</summary>
public enum UploadRead
{
    /// <summary>A whole header or package.</summary>
    Whole = 0,

    /// <summary>The beginning of one: more bytes are needed.</summary>
    Incomplete = 1,

    /// <summary>None, whatever follows.</summary>
    Malformed = 2,
}

/// <summary>
/// The head of an add-entries request (C2SP tlog-mirror): which entries of which log follow, and under which checkpoint they are proved. It fixes
/// the sequence of packages: one for each multiple of 256 that the range touches.
/// </summary>
/// <param name="Origin">The log's origin.</param>
/// <param name="Start">First entry.</param>
/// <param name="End">The entry after the last, which is the size of the checkpoint of all proofs.</param>
/// <param name="Ticket">Opaque to the client, from the mirror's last answer.</param>
public sealed record UploadRange(string Origin, long Start, long End, ReadOnlyMemory<byte> Ticket)
{
    /// <summary>Entries of a whole package; they are aligned at multiples of this, as entry bundles are.</summary>
    public const int PackageEntries = Tiles.FullWidth;

    /// <summary>Most packages of one request that a client sends: 8,192 entries.</summary>
    public const int MaxPackages = 32;

    /// <summary>Most bytes of an origin, as of a key's name.</summary>
    public const int MaxOrigin = 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Packages of the whole range.</summary>
    public long PackageCount => Start == End ? 0 : ((End - 1) / PackageEntries) - (Start / PackageEntries) + 1;

    /// <summary>The leaves of a package's subtree, of which those from <see cref="Start"/> on are in the package.</summary>
    /// <param name="package">0 to <see cref="PackageCount"/> − 1.</param>
    public (long Start, long End) Subtree(long package)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)package, (ulong)PackageCount);
        var start = ((Start / PackageEntries) + package) * PackageEntries;
        return (start, Math.Min(End, start + PackageEntries));
    }

    /// <summary>First entry that a package carries.</summary>
    public long FirstOf(long package) => Math.Max(Start, Subtree(package).Start);

    /// <summary>Reads a header; <paramref name="used"/> is its length.</summary>
    public static UploadRead TryRead(ReadOnlySpan<byte> bytes, out UploadRange? range, out int used)
    {
        range = null;
        used = 0;
        var rest = bytes;
        if (!TryTake(ref rest, sizeof(ushort), out var length))
        {
            return UploadRead.Incomplete;
        }

        var originLength = BinaryPrimitives.ReadUInt16BigEndian(length);
        if (originLength is 0 or > MaxOrigin)
        {
            return UploadRead.Malformed;
        }

        if (!TryTake(ref rest, originLength, out var origin) || !TryTake(ref rest, sizeof(ulong), out var start) || !TryTake(ref rest, sizeof(ulong), out var end)
            || !TryTake(ref rest, sizeof(ushort), out var ticketLength) || !TryTake(ref rest, BinaryPrimitives.ReadUInt16BigEndian(ticketLength), out var ticket))
        {
            return UploadRead.Incomplete;
        }

        var (from, to) = (BinaryPrimitives.ReadUInt64BigEndian(start), BinaryPrimitives.ReadUInt64BigEndian(end));
        if (from > to || to > (ulong)TreeEdge.MaxSize)
        {
            return UploadRead.Malformed;
        }

        string name;
        try
        {
            name = StrictUtf8.GetString(origin);
        }
        catch (DecoderFallbackException)
        {
            return UploadRead.Malformed;
        }

        range = new UploadRange(name, (long)from, (long)to, ticket.ToArray());
        used = bytes.Length - rest.Length;
        return UploadRead.Whole;
    }

    /// <summary>Writes the header.</summary>
    /// <exception cref="ArgumentException">The range, origin or ticket does not fit.</exception>
    public void Write(IBufferWriter<byte> output)
    {
        var origin = StrictUtf8.GetBytes(Origin);
        if (origin.Length is 0 or > MaxOrigin || Ticket.Length > ushort.MaxValue || Start < 0 || Start > End || End > TreeEdge.MaxSize)
        {
            throw new ArgumentException("An upload has an origin, a range within a tree and a ticket of at most 65,535 bytes.");
        }

        var room = output.GetSpan((2 * sizeof(ushort)) + (2 * sizeof(ulong)) + origin.Length + Ticket.Length);
        BinaryPrimitives.WriteUInt16BigEndian(room, (ushort)origin.Length);
        origin.CopyTo(room[2..]);
        var at = 2 + origin.Length;
        BinaryPrimitives.WriteUInt64BigEndian(room[at..], (ulong)Start);
        BinaryPrimitives.WriteUInt64BigEndian(room[(at + 8)..], (ulong)End);
        BinaryPrimitives.WriteUInt16BigEndian(room[(at + 16)..], (ushort)Ticket.Length);
        Ticket.Span.CopyTo(room[(at + 18)..]);
        output.Advance(at + 18 + Ticket.Length);
    }

    internal static bool TryTake(ref ReadOnlySpan<byte> bytes, int count, out ReadOnlySpan<byte> taken)
    {
        taken = default;
        if (bytes.Length < count)
        {
            return false;
        }

        taken = bytes[..count];
        bytes = bytes[count..];
        return true;
    }
}

/// <summary>
/// One package of an upload (C2SP tlog-mirror): up to 256 entries with the proof that the subtree which they end lies in the tree of the upload's
/// end. A mirror checks and stores one after the other, so it never holds a whole upload.
/// </summary>
/// <param name="Entries">The entries, each with its big-endian 16-bit length (<see cref="EntryBundle"/>).</param>
/// <param name="Count">How many.</param>
/// <param name="Proof">The subtree proof, see <see cref="SubtreeProof"/>.</param>
public sealed record EntryPackage(ReadOnlyMemory<byte> Entries, int Count, IReadOnlyList<Hash32> Proof)
{
    /// <summary>Most hashes of a proof.</summary>
    public const int MaxHashes = 63;

    /// <summary>Most bytes of a package: 256 entries of the longest kind and the longest proof.</summary>
    public const int MaxLength = (UploadRange.PackageEntries * (sizeof(ushort) + ushort.MaxValue)) + 1 + (MaxHashes * Hash32.Size);

    /// <summary>Reads the package of that many entries; <paramref name="used"/> is its length. The entries are copied.</summary>
    public static UploadRead TryRead(ReadOnlySpan<byte> bytes, int count, out EntryPackage? package, out int used)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, UploadRange.PackageEntries);
        package = null;
        used = 0;
        var rest = bytes;
        for (var i = 0; i < count; i++)
        {
            if (!EntryBundle.TryNext(ref rest, out _))
            {
                return UploadRead.Incomplete;
            }
        }

        var entries = bytes[..^rest.Length];
        if (!UploadRange.TryTake(ref rest, 1, out var number))
        {
            return UploadRead.Incomplete;
        }

        if (number[0] > MaxHashes)
        {
            return UploadRead.Malformed;
        }

        if (!UploadRange.TryTake(ref rest, number[0] * Hash32.Size, out var hashes))
        {
            return UploadRead.Incomplete;
        }

        var proof = new Hash32[number[0]];
        for (var i = 0; i < proof.Length; i++)
        {
            proof[i] = Hash32.FromSpan(hashes.Slice(i * Hash32.Size, Hash32.Size));
        }

        package = new EntryPackage(entries.ToArray(), count, proof);
        used = bytes.Length - rest.Length;
        return UploadRead.Whole;
    }

    /// <summary>Writes the package.</summary>
    /// <exception cref="ArgumentException">Too many hashes, or not that many entries.</exception>
    public void Write(IBufferWriter<byte> output)
    {
        CheckEntries();
        if (Proof.Count > MaxHashes)
        {
            throw new ArgumentException($"The proof has more than {MaxHashes} hashes.");
        }

        output.Write(Entries.Span);
        var room = output.GetSpan(1 + (Proof.Count * Hash32.Size));
        room[0] = (byte)Proof.Count;
        for (var i = 0; i < Proof.Count; i++)
        {
            Proof[i].CopyTo(room[(1 + (i * Hash32.Size))..]);
        }

        output.Advance(1 + (Proof.Count * Hash32.Size));
    }

    /// <summary>The leaf hashes of the entries, in order.</summary>
    /// <exception cref="ArgumentException">Not that many entries.</exception>
    public Hash32[] Leaves(TreeHasher hasher)
    {
        ArgumentNullException.ThrowIfNull(hasher);
        CheckEntries();
        var leaves = new Hash32[Count];
        var rest = Entries.Span;
        for (var i = 0; i < leaves.Length; i++)
        {
            EntryBundle.TryNext(ref rest, out var entry);
            leaves[i] = hasher.Leaf(entry);
        }

        return leaves;
    }

    /// <summary>Checks that the entries are those of the log: their subtree lies in the tree of the upload's end.</summary>
    /// <param name="hasher">The chain's hash.</param>
    /// <param name="range">The upload.</param>
    /// <param name="number">The package's place in it.</param>
    /// <param name="before">Leaf hashes of the subtree that come before the package's first entry: what the mirror holds already.</param>
    /// <param name="leaves">The package's own, from <see cref="Leaves"/>.</param>
    /// <param name="root">Root of the signed checkpoint of size <see cref="UploadRange.End"/>.</param>
    /// <exception cref="ArgumentException">Not that many hashes before it.</exception>
    public ProofCheck Check(TreeHasher hasher, UploadRange range, long number, ReadOnlySpan<Hash32> before, ReadOnlySpan<Hash32> leaves, in Hash32 root)
    {
        ArgumentNullException.ThrowIfNull(hasher);
        ArgumentNullException.ThrowIfNull(range);
        var (start, end) = range.Subtree(number);
        if (before.Length != range.FirstOf(number) - start || before.Length + leaves.Length != end - start)
        {
            throw new ArgumentException("The hashes before the package and its own do not fill its subtree.", nameof(before));
        }

        Hash32[] all = [.. before, .. leaves];
        return SubtreeProof.Check(hasher, start, end, range.End, hasher.Root(all), root, [.. Proof]);
    }

    private void CheckEntries()
    {
        var rest = Entries.Span;
        var found = 0;
        while (EntryBundle.TryNext(ref rest, out _))
        {
            found++;
        }

        if (found != Count || !rest.IsEmpty)
        {
            throw new ArgumentException($"The package says {Count} entries and holds {found}, or its last one is cut off.");
        }
    }
}

/// <summary>
/// Where a mirror stands, its answer to an upload that it could not take or finish (C2SP tlog-mirror, <c>text/x.tlog.mirror-info</c>).
/// </summary>
/// <param name="Size">Size of a checkpoint that an upload may end at.</param>
/// <param name="NextEntry">The first entry that it does not hold.</param>
/// <param name="Ticket">To be sent back with the next upload.</param>
public sealed record MirrorInfo(long Size, long NextEntry, ReadOnlyMemory<byte> Ticket)
{
    /// <summary>The media type.</summary>
    public const string MediaType = "text/x.tlog.mirror-info";

    /// <summary>Most bytes of the text.</summary>
    public const int MaxLength = 128 * 1024;

    /// <summary>Parses the three lines; null when they are not.</summary>
    public static MirrorInfo? TryParse(ReadOnlySpan<byte> bytes)
    {
        var offset = 0;
        return bytes.Length <= MaxLength
            && Tiles.TryDecimal(AsciiLines.Next(bytes, ref offset, out _), TreeEdge.MaxSize, out var size)
            && Tiles.TryDecimal(AsciiLines.Next(bytes, ref offset, out _), TreeEdge.MaxSize, out var next)
            && AsciiLines.Next(bytes, ref offset, out _) is { } line && CanonicalBase64.TryDecode(line, out var ticket) && offset == bytes.Length
            ? new MirrorInfo(size, next, ticket)
            : null;
    }

    /// <summary>The text.</summary>
    public string Format() => string.Create(CultureInfo.InvariantCulture, $"{Size}\n{NextEntry}\n{Convert.ToBase64String(Ticket.Span)}\n");
}
