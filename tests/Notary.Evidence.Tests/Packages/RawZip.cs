using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Notary.Evidence.Tests.Packages;

/// <summary>Writes zips field by field, right by default, so that a test can break exactly one of them.</summary>
internal sealed class RawZip
{
    public List<RawEntry> Entries { get; } = [];

    public byte[] Leading { get; set; } = [];

    public byte[] BeforeDirectory { get; set; } = [];

    public byte[] AfterDirectory { get; set; } = [];

    public byte[] Trailing { get; set; } = [];

    public byte[] Comment { get; set; } = [];

    public Action<byte[]>? MutateEnd { get; set; }

    public static RawZip Of(params (string Name, string Content)[] entries)
    {
        var zip = new RawZip();
        foreach (var (name, content) in entries)
        {
            zip.Entries.Add(new RawEntry(name, Encoding.UTF8.GetBytes(content)));
        }

        return zip;
    }

    public byte[] Build()
    {
        using var output = new MemoryStream();
        output.Write(Leading);
        foreach (var entry in Entries)
        {
            entry.Offset = (uint)output.Position;
            output.Write(entry.LocalHeader());
            output.Write(entry.Data);
            output.Write(entry.AfterData);
        }

        output.Write(BeforeDirectory);
        var directory = output.Position;
        foreach (var entry in Entries)
        {
            output.Write(entry.CentralHeader());
        }

        var size = output.Position - directory;
        output.Write(AfterDirectory);
        var end = new byte[22];
        BinaryPrimitives.WriteUInt32LittleEndian(end, 0x06054B50);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(8), (ushort)Entries.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(10), (ushort)Entries.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(12), (uint)size);
        BinaryPrimitives.WriteUInt32LittleEndian(end.AsSpan(16), (uint)directory);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(20), (ushort)Comment.Length);
        MutateEnd?.Invoke(end);
        output.Write(end);
        output.Write(Comment);
        output.Write(Trailing);
        return output.ToArray();
    }
}

internal sealed class RawEntry
{
    public RawEntry(string name, byte[] content)
    {
        NameBytes = Encoding.UTF8.GetBytes(name);
        Data = content;
        Size = (uint)content.Length;
        Crc = Crc32Of(content);
    }

    public byte[] NameBytes { get; set; }

    public byte[] Data { get; set; }

    public byte[] AfterData { get; set; } = [];

    public uint Size { get; set; }

    public uint Crc { get; set; }

    public ushort Method { get; set; }

    public ushort Flags { get; set; } = 0x0800;

    public uint Offset { get; set; }

    public byte[] Extra { get; set; } = [];

    public byte[] LocalExtra { get; set; } = [];

    public byte[] Comment { get; set; } = [];

    public Action<byte[]>? MutateLocal { get; set; }

    public Action<byte[]>? MutateCentral { get; set; }

    public static RawEntry Deflated(string name, byte[] content, uint? declaredSize = null)
    {
        using var packed = new MemoryStream();
        using (var deflate = new DeflateStream(packed, CompressionLevel.SmallestSize, true))
        {
            deflate.Write(content);
        }

        return new RawEntry(name, content) { Method = 8, Data = packed.ToArray(), Size = declaredSize ?? (uint)content.Length };
    }

    public byte[] LocalHeader()
    {
        var header = new byte[30];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0x04034B50);
        Common(header.AsSpan(4), LocalExtra.Length);
        byte[] whole = [.. header, .. NameBytes, .. LocalExtra];
        MutateLocal?.Invoke(whole);
        return whole;
    }

    public byte[] CentralHeader()
    {
        var header = new byte[46];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0x02014B50);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(4), 20);
        Common(header.AsSpan(6), Extra.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(32), (ushort)Comment.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(42), Offset);
        byte[] whole = [.. header, .. NameBytes, .. Extra, .. Comment];
        MutateCentral?.Invoke(whole);
        return whole;
    }

    private void Common(Span<byte> field, int extra)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(field, 20);
        BinaryPrimitives.WriteUInt16LittleEndian(field[2..], Flags);
        BinaryPrimitives.WriteUInt16LittleEndian(field[4..], Method);
        BinaryPrimitives.WriteUInt16LittleEndian(field[8..], 0x0021);
        BinaryPrimitives.WriteUInt32LittleEndian(field[10..], Crc);
        BinaryPrimitives.WriteUInt32LittleEndian(field[14..], (uint)Data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(field[18..], Size);
        BinaryPrimitives.WriteUInt16LittleEndian(field[22..], (ushort)NameBytes.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(field[24..], (ushort)extra);
    }

    /// <summary>Bit by bit, as the definition reads: the oracle of the table-driven one.</summary>
    public static uint Crc32Of(ReadOnlySpan<byte> bytes)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var i = 0; i < 8; i++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
            }
        }

        return ~crc;
    }
}
