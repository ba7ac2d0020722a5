using System.Globalization;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>
/// One name of a record: opened (salt and value) or closed (its commitment alone). Nobody can tell a withheld value from an absent one.
/// </summary>
public sealed class Opening
{
    private Opening(string name, Hash32 salt, CanonicalValue? value, Hash32 commitment)
    {
        Name = name;
        Salt = salt;
        Value = value;
        ClosedCommitment = commitment;
    }

    /// <summary><c>part/&lt;i&gt;</c> or the name of a metadata field.</summary>
    public string Name { get; }

    public bool IsOpen => Value is not null;

    public Hash32 Salt { get; }

    /// <summary>The committed value, or null when closed.</summary>
    public CanonicalValue? Value { get; }

    /// <summary>What stands in the file of a closed one.</summary>
    public Hash32 ClosedCommitment { get; }

    public static Opening Open(string name, Hash32 salt, CanonicalValue value) => new(name, salt, value, default);

    public static Opening Closed(string name, Hash32 commitment) => new(name, default, null, commitment);

    /// <summary>The commitment that this opening leads to, in the record with that origin and id.</summary>
    public Hash32 Commitment(Suite suite, string origin, Guid id) =>
        Value is { } value ? Notary.Evidence.Commitment.Compute(suite, origin, id, Name, Salt, value.ToBytes()) : ClosedCommitment;
}

/// <summary>
/// <c>notary/openings.json</c>: for every part of the record, and for every metadata field of the version when the record has
/// metadata, its opening or its commitment: canonical JSON <c>{"metadata":[…],"parts":[…],"v":1}</c>, each element
/// <c>{"name","salt","value"}</c> or <c>{"commitment","name"}</c>, in the order of the record. Parsed is not yet compared: that is
/// the verifier's part.
/// </summary>
public sealed class Openings
{
    public const int MaxBytes = 16 * 1024 * 1024;

    private static readonly CanonicalLimits Limits = new(MaxBytes, 8, false);

    /// <param name="metadata">All fields of the version in ASCII order, or null for a record without metadata.</param>
    public Openings(IReadOnlyList<Opening> parts, IReadOnlyList<Opening>? metadata)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Where((part, i) => part.Name != PartName(i)).Any() || (metadata is not null && !metadata.Select(field => field.Name).SequenceEqual(MetadataFields.Names)))
        {
            throw new ArgumentException("openings stand in the order of the record", nameof(parts));
        }

        Parts = parts;
        Metadata = metadata;
    }

    public IReadOnlyList<Opening> Parts { get; }

    public IReadOnlyList<Opening>? Metadata { get; }

    /// <summary>The opened field <c>files</c>, or null.</summary>
    public IReadOnlyList<string>? FileNames =>
        Metadata?[MetadataFields.FilesIndex].Value is { Type: CanonicalType.Array } files ? [.. files.Items.Select(item => item.AsString ?? string.Empty)] : null;

    /// <summary>Name of part <paramref name="index"/> in commitments.</summary>
    public static string PartName(int index) => string.Create(CultureInfo.InvariantCulture, $"part/{index}");

    /// <summary>Media type of a part's value as it stands there, or null when closed or of another form.</summary>
    public static string? MediaOf(Opening part)
    {
        ArgumentNullException.ThrowIfNull(part);
        return part.Value?["media"]?.AsString;
    }

    /// <summary>The entry name of every part in a package.</summary>
    public IReadOnlyList<PartName> EntryNamesOfParts() => EntryNames.ForParts(FileNames, [.. Parts.Select(MediaOf)]);

    /// <summary>
    /// The openings of a whole record from its secret: all parts opened, metadata fields opened where they have a value.
    /// </summary>
    /// <param name="metadata">The metadata object, or null for a record without.</param>
    /// <param name="disclose">Which names are opened; null: all that have a value.</param>
    public static Openings FromSecret(
        Suite suite, string origin, Guid id, in Hash32 secret, IReadOnlyList<EvidencePart> parts, CanonicalValue? metadata, Func<string, bool>? disclose = null)
    {
        ArgumentNullException.ThrowIfNull(parts);
        var key = secret;
        var opened = parts.Select((part, i) => One(PartName(i), part.ToValue())).ToList();
        return new Openings(opened, metadata is null ? null : [.. MetadataFields.Names.Select(name => One(name, metadata[name]))]);

        Opening One(string name, CanonicalValue? value)
        {
            if (value is null)
            {
                return Opening.Closed(name, Notary.Evidence.Commitment.Absent(suite, key, name));
            }

            var salt = Notary.Evidence.Commitment.Salt(suite, key, name);
            return disclose is null || disclose(name)
                ? Opening.Open(name, salt, value)
                : Opening.Closed(name, Notary.Evidence.Commitment.Compute(suite, origin, id, name, salt, value.ToBytes()));
        }
    }

    /// <summary>As above, from a receipt: the record's id, chain and secret stand in it.</summary>
    /// <exception cref="ArgumentException">The leaf is not one of evidence.</exception>
    public static Openings FromReceipt(Suite suite, Receipt receipt, IReadOnlyList<EvidencePart> parts, CanonicalValue? metadata)
    {
        ArgumentNullException.ThrowIfNull(receipt);
        var form = EvidenceRecord.TryParse(receipt.LeafBytes, out var record);
        return form.Ok
            ? FromSecret(suite, record!.Facts.Chain, record.Facts.Id, receipt.Secret, parts, metadata)
            : throw new ArgumentException($"no leaf of evidence: {form.Code}", nameof(receipt));
    }

    /// <summary>Twin of <see cref="TryParse"/>.</summary>
    public byte[] ToBytes() => CanonicalValue.OfObject(
        ("metadata", Metadata is null ? null : CanonicalValue.OfArray(Metadata.Select(ToValue))),
        ("parts", CanonicalValue.OfArray(Parts.Select(ToValue))),
        ("v", CanonicalValue.Of(1))).ToBytes();

    /// <summary>Parses the file; on refusal <paramref name="detail"/> says which member or byte.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out Openings? openings, out string detail)
    {
        openings = null;
        var check = CanonicalValue.TryParseCanonical(bytes, Limits, out var json);
        if (!check.Ok)
        {
            detail = $"{check.Fault} at byte {check.Offset}";
            return false;
        }

        var members = json["metadata"] is null ? 2 : 3;
        if (json.Type != CanonicalType.Object || json.Names.Count != members || json["v"]?.AsInteger != 1 || json["parts"] is not { Type: CanonicalType.Array } list)
        {
            detail = "the members are not metadata, parts and v 1";
            return false;
        }

        var parts = new List<Opening>(list.Items.Count);
        foreach (var item in list.Items)
        {
            if (!TryRead(item, PartName(parts.Count), out var part))
            {
                detail = PartName(parts.Count);
                return false;
            }

            parts.Add(part!);
        }

        List<Opening>? metadata = null;
        if (json["metadata"] is { } fields)
        {
            metadata = [];
            if (fields.Type != CanonicalType.Array || fields.Items.Count != MetadataFields.Names.Count)
            {
                detail = "metadata does not hold every field once";
                return false;
            }

            foreach (var item in fields.Items)
            {
                if (!TryRead(item, MetadataFields.Names[metadata.Count], out var field))
                {
                    detail = MetadataFields.Names[metadata.Count];
                    return false;
                }

                metadata.Add(field!);
            }
        }

        openings = new Openings(parts, metadata);
        detail = string.Empty;
        return true;
    }

    private static CanonicalValue ToValue(Opening opening) => opening.IsOpen
        ? CanonicalValue.OfObject(("name", CanonicalValue.Of(opening.Name)), ("salt", CanonicalValue.Of(opening.Salt.ToHex())), ("value", opening.Value))
        : CanonicalValue.OfObject(("commitment", CanonicalValue.Of(opening.ClosedCommitment.ToHex())), ("name", CanonicalValue.Of(opening.Name)));

    private static bool TryRead(CanonicalValue item, string name, out Opening? opening)
    {
        opening = null;
        if (item.Type != CanonicalType.Object || item["name"]?.AsString != name)
        {
            return false;
        }

        if (item.Names.Count == 2 && TryHash(item["commitment"], out var commitment))
        {
            opening = Opening.Closed(name, commitment);
            return true;
        }

        if (item.Names.Count == 3 && TryHash(item["salt"], out var salt) && item["value"] is { } value)
        {
            opening = Opening.Open(name, salt, value);
            return true;
        }

        return false;
    }

    private static bool TryHash(CanonicalValue? value, out Hash32 hash)
    {
        hash = default;
        return value?.AsString is { } hex && Grammar.IsHex(hex, Hash32.Size, Hash32.Size) && Hash32.TryParseHex(hex, out hash);
    }
}
