using System.Text;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>HMAC messages of all names of version 1 in one arena, made once: records differ in their key, not in these bytes.</summary>
internal static class CommitmentNames
{
    private static readonly byte[] Bytes;
    private static readonly Slice[] FieldSalts = new Slice[MetadataFields.Count];
    private static readonly Slice[] FieldAbsents = new Slice[MetadataFields.Count];
    private static readonly Slice[] PartSalts = new Slice[RequestLimits.MaxParts];
    private static readonly byte[][] Parts = new byte[RequestLimits.MaxParts][];

    static CommitmentNames()
    {
        var bytes = new List<byte>();
        Slice Add(ReadOnlySpan<byte> label, ReadOnlySpan<byte> name)
        {
            var slice = new Slice(bytes.Count, label.Length + name.Length);
            bytes.AddRange(label);
            bytes.AddRange(name);
            return slice;
        }

        for (var i = 0; i < MetadataFields.Count; i++)
        {
            FieldSalts[i] = Add(HmacLabel.Salt, MetadataFields.NameBytes(i));
            FieldAbsents[i] = Add(HmacLabel.Absent, MetadataFields.NameBytes(i));
        }

        for (var i = 0; i < RequestLimits.MaxParts; i++)
        {
            Parts[i] = Encoding.ASCII.GetBytes(Commitment.PartName(i));
            PartSalts[i] = Add(HmacLabel.Salt, Parts[i]);
        }

        Bytes = [.. bytes];
    }

    public static ReadOnlySpan<byte> Arena => Bytes;

    public static Slice FieldSalt(int field) => FieldSalts[field];

    public static Slice FieldAbsent(int field) => FieldAbsents[field];

    public static Slice PartSalt(int part) => PartSalts[part];

    public static ReadOnlySpan<byte> Part(int part) => Parts[part];
}
