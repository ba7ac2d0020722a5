using System.Buffers.Binary;
using System.Buffers.Text;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>Appends to a span that the caller has made large enough; running past its end throws.</summary>
internal ref struct LeafWriter
{
    private readonly Span<byte> _output;

    public LeafWriter(Span<byte> output)
    {
        _output = output;
        Length = 0;
    }

    public int Length { get; private set; }

    public void Raw(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_output[Length..]);
        Length += bytes.Length;
    }

    public void Text(string ascii) => Length += System.Text.Encoding.ASCII.GetBytes(ascii, _output[Length..]);

    public void Byte(byte value) => _output[Length++] = value;

    public void Hex(in Hash32 hash)
    {
        Convert.TryToHexStringLower(hash.AsSpan(), _output[Length..], out var written);
        Length += written;
    }

    public void Hash(in Hash32 hash)
    {
        hash.CopyTo(_output[Length..]);
        Length += Hash32.Size;
    }

    public void Integer(long value)
    {
        Utf8Formatter.TryFormat(value, _output[Length..], out var written);
        Length += written;
    }

    public void Time(long milliseconds)
    {
        RecordTime.Write(milliseconds, _output[Length..]);
        Length += RecordTime.TextLength;
    }

    public void Id(Guid id)
    {
        RecordId.Write(id, _output[Length..]);
        Length += RecordId.TextLength;
    }

    public void RawId(Guid id)
    {
        RecordId.WriteRaw(id, _output[Length..]);
        Length += RecordId.Size;
    }

    public void UInt16(int value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_output[Length..], checked((ushort)value));
        Length += sizeof(ushort);
    }

    public void UInt32(int value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_output[Length..], checked((uint)value));
        Length += sizeof(uint);
    }

    /// <summary>Overwrites a length that was not known when its place was written.</summary>
    public readonly void PatchUInt32(int offset, int value) => BinaryPrimitives.WriteUInt32BigEndian(_output[offset..], checked((uint)value));

    public void UInt64(long value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(_output[Length..], checked((ulong)value));
        Length += sizeof(ulong);
    }
}
