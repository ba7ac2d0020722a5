using System.Buffers.Binary;
using System.Text;

namespace Notary.Evidence;

/// <summary>
/// The bytes of every header (APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3). There is exactly one encoding for an entry, given name,
/// method, CRC, sizes and offset: the reader takes these six from the central header, encodes both headers again and compares
/// bytes, so no field exists that a change could hide in. Fixed: version made by = needed (20, or 45 with zip64) on host 0, flag
/// bit 11 (UTF-8) and no other, 1980-01-01 00:00:00, disk 0, attributes 0, no comment, no extra field but zip64.
/// Zip64: an entry has its sizes, both, in the extra field when either is 0xFFFFFFFF or more; its offset, in the central one,
/// when that is; the end record has its 64-bit form when the directory begins there or later.
/// </summary>
internal static class ZipHeaders
{
    public const uint LocalSignature = 0x04034B50;
    public const uint CentralSignature = 0x02014B50;
    public const uint EndSignature = 0x06054B50;
    public const uint End64Signature = 0x06064B50;
    public const uint LocatorSignature = 0x07064B50;
    public const int LocalSize = 30;
    public const int CentralSize = 46;
    public const int EndSize = 22;
    public const int End64Size = 56;
    public const int LocatorSize = 20;
    public const ushort Utf8Flag = 1 << 11;
    public const int MaxHeaderName = 512;
    private const ushort FixedDate = (1 << 5) | 1;
    private const ushort Zip64Id = 1;

    public static bool NeedsZip64(long compressedSize, long size) => compressedSize >= uint.MaxValue || size >= uint.MaxValue;

    /// <summary>The local header with name and extra field.</summary>
    public static byte[] Local(ZipEntry entry)
    {
        var name = Encoding.UTF8.GetBytes(entry.Name);
        var zip64 = NeedsZip64(entry.CompressedSize, entry.Size);
        var header = new byte[LocalSize + name.Length + (zip64 ? 20 : 0)];
        BinaryPrimitives.WriteUInt32LittleEndian(header, LocalSignature);
        Common(header.AsSpan(4), entry, name.Length, zip64, zip64 ? 20 : 0);
        name.CopyTo(header.AsSpan(LocalSize));
        if (zip64)
        {
            Sizes(header.AsSpan(LocalSize + name.Length), entry, 16);
        }

        return header;
    }

    /// <summary>The central header with name and extra field.</summary>
    public static byte[] Central(ZipEntry entry)
    {
        var name = Encoding.UTF8.GetBytes(entry.Name);
        var zip64 = NeedsZip64(entry.CompressedSize, entry.Size);
        var far = entry.HeaderOffset >= uint.MaxValue;
        var data = (zip64 ? 16 : 0) + (far ? 8 : 0);
        var extra = data == 0 ? 0 : data + 4;
        var header = new byte[CentralSize + name.Length + extra];
        BinaryPrimitives.WriteUInt32LittleEndian(header, CentralSignature);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(4), zip64 || far ? (ushort)45 : (ushort)20);
        Common(header.AsSpan(6), entry, name.Length, zip64, extra);
        if (far)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(6), 45);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(42), far ? uint.MaxValue : (uint)entry.HeaderOffset);
        name.CopyTo(header.AsSpan(CentralSize));
        if (extra > 0)
        {
            var field = header.AsSpan(CentralSize + name.Length);
            if (zip64)
            {
                Sizes(field, entry, data);
            }
            else
            {
                BinaryPrimitives.WriteUInt16LittleEndian(field, Zip64Id);
                BinaryPrimitives.WriteUInt16LittleEndian(field[2..], (ushort)data);
            }

            if (far)
            {
                BinaryPrimitives.WriteInt64LittleEndian(field[(zip64 ? 20 : 4)..], entry.HeaderOffset);
            }
        }

        return header;
    }

    /// <summary>What ends the file: the 64-bit end record and its locator where needed, then the end record.</summary>
    public static byte[] End(int entries, long directoryOffset, long directorySize)
    {
        var zip64 = directoryOffset >= uint.MaxValue;
        var end = new byte[EndSize + (zip64 ? End64Size + LocatorSize : 0)];
        var at = 0;
        if (zip64)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(end, End64Signature);
            BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(4), End64Size - 12);
            BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(12), 45);
            BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(14), 45);
            BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(24), entries);
            BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(32), entries);
            BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(40), directorySize);
            BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(48), directoryOffset);
            var locator = end.AsSpan(End64Size);
            BinaryPrimitives.WriteUInt32LittleEndian(locator, LocatorSignature);
            BinaryPrimitives.WriteInt64LittleEndian(locator[8..], directoryOffset + directorySize);
            BinaryPrimitives.WriteUInt32LittleEndian(locator[16..], 1);
            at = End64Size + LocatorSize;
        }

        var last = end.AsSpan(at);
        BinaryPrimitives.WriteUInt32LittleEndian(last, EndSignature);
        BinaryPrimitives.WriteUInt16LittleEndian(last[8..], (ushort)entries);
        BinaryPrimitives.WriteUInt16LittleEndian(last[10..], (ushort)entries);
        BinaryPrimitives.WriteUInt32LittleEndian(last[12..], (uint)directorySize);
        BinaryPrimitives.WriteUInt32LittleEndian(last[16..], zip64 ? uint.MaxValue : (uint)directoryOffset);
        return end;
    }

    /// <summary>The 26 bytes that both headers share, from "version needed" to "extra length".</summary>
    private static void Common(Span<byte> field, ZipEntry entry, int nameLength, bool zip64, int extra)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(field, zip64 ? (ushort)45 : (ushort)20);
        BinaryPrimitives.WriteUInt16LittleEndian(field[2..], Utf8Flag);
        BinaryPrimitives.WriteUInt16LittleEndian(field[4..], (ushort)entry.Method);
        BinaryPrimitives.WriteUInt16LittleEndian(field[6..], 0);
        BinaryPrimitives.WriteUInt16LittleEndian(field[8..], FixedDate);
        BinaryPrimitives.WriteUInt32LittleEndian(field[10..], entry.Crc32);
        BinaryPrimitives.WriteUInt32LittleEndian(field[14..], zip64 ? uint.MaxValue : (uint)entry.CompressedSize);
        BinaryPrimitives.WriteUInt32LittleEndian(field[18..], zip64 ? uint.MaxValue : (uint)entry.Size);
        BinaryPrimitives.WriteUInt16LittleEndian(field[22..], (ushort)nameLength);
        BinaryPrimitives.WriteUInt16LittleEndian(field[24..], (ushort)extra);
    }

    private static void Sizes(Span<byte> field, ZipEntry entry, int data)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(field, Zip64Id);
        BinaryPrimitives.WriteUInt16LittleEndian(field[2..], (ushort)data);
        BinaryPrimitives.WriteInt64LittleEndian(field[4..], entry.Size);
        BinaryPrimitives.WriteInt64LittleEndian(field[12..], entry.CompressedSize);
    }
}
