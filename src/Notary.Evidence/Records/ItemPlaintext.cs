using System.Buffers.Binary;
using System.Text;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>Why an item's plaintext cannot be read.</summary>
public enum ItemProblem
{
    /// <summary>It can.</summary>
    None = 0,
    /// <summary>It ends too early or goes on too long.</summary>
    Length = 1,
    /// <summary>Another version than 1.</summary>
    Version = 2,
    /// <summary>A part that its grammar does not allow; the offset is the part's.</summary>
    Part = 3,
    /// <summary>Metadata that is not canonical JSON of the version's fields.</summary>
    Metadata = 4,
}

/// <summary>
/// What the item box of a record holds: version u8 = 1 ‖ part count u16 ‖ the parts ‖ metadata: u32 length + canonical JSON (0 = none) ‖ statement nonce:
/// u8 length (0 or 32) + bytes. A part: kind u8, sm3[32], sha256[32], size u64, u8 length + media type; a tree adds root[32], rows u64, rule u8.
/// All integers big-endian. The record's secret is in the box's own slot, not here.
/// </summary>
public sealed class ItemPlaintext
{
    private const byte Version = 1;

    private ItemPlaintext(IReadOnlyList<EvidencePart> parts, ReadOnlyMemory<byte> metadata, Hash32? nonce)
    {
        Parts = parts;
        Metadata = metadata;
        StatementNonce = nonce;
    }

    /// <summary>The parts in their order.</summary>
    public IReadOnlyList<EvidencePart> Parts { get; }

    /// <summary>Canonical JSON of the metadata; empty when the record has none.</summary>
    public ReadOnlyMemory<byte> Metadata { get; }

    /// <summary>The nonce of the record's line in its statement, or null.</summary>
    public Hash32? StatementNonce { get; }

    /// <summary>Parses a plaintext; outside bytes, because a database holds them.</summary>
    public static ItemProblem TryParse(ReadOnlySpan<byte> bytes, out ItemPlaintext? item)
    {
        item = null;
        if (bytes.Length < 3)
        {
            return ItemProblem.Length;
        }

        if (bytes[0] != Version)
        {
            return ItemProblem.Version;
        }

        var count = BinaryPrimitives.ReadUInt16BigEndian(bytes[1..]);
        if (count is 0 or > RequestLimits.MaxParts)
        {
            return ItemProblem.Part;
        }

        var rest = bytes[3..];
        var parts = new EvidencePart[count];
        for (var i = 0; i < count; i++)
        {
            var problem = TryReadPart(ref rest, out parts[i]);
            if (problem != ItemProblem.None)
            {
                return problem;
            }
        }

        if (rest.Length < 5 || BinaryPrimitives.ReadUInt32BigEndian(rest) is var length && length > (uint)(rest.Length - 5))
        {
            return ItemProblem.Length;
        }

        var metadata = rest.Slice(4, (int)length).ToArray();
        rest = rest[(4 + (int)length)..];
        if (!(rest[0] == 0 && rest.Length == 1) && !(rest[0] == Hash32.Size && rest.Length == 1 + Hash32.Size))
        {
            return ItemProblem.Length;
        }

        if (metadata.Length > 0 && !IsMetadata(metadata))
        {
            return ItemProblem.Metadata;
        }

        item = new ItemPlaintext(parts, metadata, rest[0] == 0 ? null : Hash32.FromSpan(rest[1..]));
        return ItemProblem.None;
    }

    /// <summary>The values of the metadata fields, by name.</summary>
    public IReadOnlyDictionary<string, CanonicalValue> MetadataValues()
    {
        var values = new SortedDictionary<string, CanonicalValue>(StringComparer.Ordinal);
        if (!Metadata.IsEmpty && CanonicalValue.TryParse(Metadata.Span, MetadataLimits, out var json).Ok)
        {
            for (var i = 0; i < json.Names.Count; i++)
            {
                values.Add(json.Names[i], json.Items[i]);
            }
        }

        return values;
    }

    internal static int MaxLength(int parts, int metadata) => 64 + (parts * (130 + Grammar.MaxMedia)) + metadata;

    internal static int Write(Span<byte> output, RequestBatch requests, in RequestRow request, ReadOnlySpan<PartRow> parts, int row)
    {
        var writer = new LeafWriter(output);
        writer.Byte(Version);
        writer.UInt16(parts.Length);
        foreach (ref readonly var part in parts)
        {
            writer.Byte((byte)part.Kind);
            writer.Hash(part.Sm3);
            writer.Hash(part.Sha256);
            writer.UInt64(part.Size);
            writer.Byte((byte)part.Media.Length);
            writer.Raw(requests.Slice(part.Media));
            if (part.Kind == PartKind.Tree)
            {
                writer.Hash(part.Root);
                writer.UInt64(part.Rows);
                writer.Byte((byte)part.Rule);
            }
        }

        WriteMetadata(ref writer, requests, request, row);
        if (request.StatementIndex < 0)
        {
            writer.Byte(0);
        }
        else
        {
            writer.Byte(Hash32.Size);
            writer.Hash(request.StatementNonce);
        }

        return writer.Length;
    }

    // Twice the limit of a request: its escapes may be longer than the text.
    private static CanonicalLimits MetadataLimits => new(MetadataFields.MaxTotalBytes, 2, false);

    private static void WriteMetadata(ref LeafWriter writer, RequestBatch requests, in RequestRow request, int row)
    {
        var at = writer.Length;
        writer.UInt32(0);
        if (!request.HasMetadata)
        {
            return;
        }

        var first = true;
        for (var field = 0; field < MetadataFields.Count; field++)
        {
            var value = requests.FieldValue(row, field);
            if (value.IsEmpty)
            {
                continue;
            }

            writer.Raw(first ? "{\""u8 : ",\""u8);
            writer.Raw(MetadataFields.NameBytes(field));
            writer.Raw("\":"u8);
            writer.Raw(value);
            first = false;
        }

        writer.Byte((byte)'}');
        writer.PatchUInt32(at, writer.Length - at - sizeof(uint));
    }

    private static ItemProblem TryReadPart(ref ReadOnlySpan<byte> rest, out EvidencePart part)
    {
        const int head = 1 + (2 * Hash32.Size) + sizeof(ulong) + 1, tail = Hash32.Size + sizeof(ulong) + 1;
        part = default;
        if (rest.Length < head || rest.Length < head + rest[head - 1])
        {
            return ItemProblem.Length;
        }

        var kind = (PartKind)rest[0];
        var sm3 = Hash32.FromSpan(rest.Slice(1, Hash32.Size));
        var sha256 = Hash32.FromSpan(rest.Slice(1 + Hash32.Size, Hash32.Size));
        var size = BinaryPrimitives.ReadUInt64BigEndian(rest[(head - 1 - sizeof(ulong))..]);
        var media = rest.Slice(head, rest[head - 1]);
        rest = rest[(head + media.Length)..];
        if (kind is not (PartKind.File or PartKind.Tree) || size > JsonCursor.MaxInteger || !Grammar.IsMedia(media))
        {
            return ItemProblem.Part;
        }

        part = new EvidencePart(kind, Encoding.ASCII.GetString(media), sm3, sha256, (long)size);
        if (kind == PartKind.File)
        {
            return ItemProblem.None;
        }

        if (rest.Length < tail)
        {
            return ItemProblem.Length;
        }

        var rows = BinaryPrimitives.ReadUInt64BigEndian(rest[Hash32.Size..]);
        var rule = (TreeRule)rest[tail - 1];
        part = part with { Root = Hash32.FromSpan(rest[..Hash32.Size]), Rows = (long)rows, Rule = rule };
        rest = rest[tail..];
        return rows is 0 or > JsonCursor.MaxInteger || rule is not (TreeRule.Line or TreeRule.Row) ? ItemProblem.Part : ItemProblem.None;
    }

    private static bool IsMetadata(ReadOnlySpan<byte> metadata) =>
        CanonicalValue.TryParseCanonical(metadata, MetadataLimits, out var json).Ok && json.Type == CanonicalType.Object && json.Names.Count > 0
        && json.Names.All(static name => MetadataFields.IndexOf(name) >= 0)
        && json.Names.Zip(json.Items).All(static m => m.First == "files" ? m.Second.Type == CanonicalType.Array : m.Second.Type == CanonicalType.String);
}
