using System.Buffers.Binary;

namespace Notary.Ledger;

/// <summary>Entries one after another as in a C2SP entry bundle: a big-endian 16-bit length, then the bytes.</summary>
public static class EntryBundle
{
    /// <summary>Bytes that an entry takes in a bundle.</summary>
    public static int Length(int entryLength) => entryLength + 2;

    /// <summary>Writes one entry; returns the bytes written.</summary>
    public static int Write(Span<byte> destination, ReadOnlySpan<byte> entry)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, checked((ushort)entry.Length));
        entry.CopyTo(destination[2..]);
        return entry.Length + 2;
    }

    /// <summary>The bundle of entries.</summary>
    public static byte[] Of(IReadOnlyList<byte[]> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var bundle = new byte[entries.Sum(static entry => Length(entry.Length))];
        var at = 0;
        foreach (var entry in entries)
        {
            at += Write(bundle.AsSpan(at), entry);
        }

        return bundle;
    }

    /// <summary>Takes the next entry off the bundle; false at its end or when it is cut off (then the rest is not empty).</summary>
    public static bool TryNext(ref ReadOnlySpan<byte> bundle, out ReadOnlySpan<byte> entry)
    {
        entry = default;
        if (bundle.Length < 2)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(bundle);
        if (bundle.Length - 2 < length)
        {
            return false;
        }

        entry = bundle.Slice(2, length);
        bundle = bundle[(2 + length)..];
        return true;
    }
}
