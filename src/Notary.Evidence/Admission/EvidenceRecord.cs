using System.Text;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>
/// An evidence leaf of version 1, parsed in full: what a verifier compares. <see cref="LeafBatch"/> writes such leaves in bulk; <see cref="ToCanonical"/>
/// writes one, member by member, and the tests hold the two against each other.
/// </summary>
public sealed record EvidenceRecord
{
    /// <summary>The facts that admission uses.</summary>
    public required LeafFacts Facts { get; init; }

    /// <summary>Commitments of 1 to 16 parts; empty when there are more and <see cref="PartRoot"/> stands for them.</summary>
    public required IReadOnlyList<Hash32> Parts { get; init; }

    /// <summary>RFC 6962 root over the commitments of more than 16 parts.</summary>
    public Hash32? PartRoot { get; init; }

    /// <summary>Root over the commitments of the metadata fields; null for a record without metadata.</summary>
    public Hash32? FieldRoot { get; init; }

    /// <summary>Parses an evidence leaf; the result is that of <see cref="Admission.AdmitForm"/>.</summary>
    public static AdmissionResult TryParse(ReadOnlySpan<byte> leaf, out EvidenceRecord? record)
    {
        record = null;
        var result = Admission.AdmitForm(leaf, out var facts);
        if (!result.Ok)
        {
            return result;
        }

        var reader = new EvidenceLeafReader(leaf);
        if (facts.Kind != RecordKind.Evidence || !reader.TryRead(collectParts: true, out facts))
        {
            return AdmissionResult.Of(AdmissionFailure.KindNotAccepted, "kind");
        }

        record = new EvidenceRecord { Facts = facts, Parts = reader.Parts ?? [], PartRoot = reader.PartRoot, FieldRoot = reader.FieldRoot };
        return default;
    }

    /// <summary>The leaf's bytes.</summary>
    public byte[] ToCanonical() => CanonicalValue.OfObject(
        ("account", CanonicalValue.Of(Facts.Account)),
        ("auth", CanonicalValue.Of(AuthMethods.Name(Facts.Auth))),
        ("chain", CanonicalValue.Of(Facts.Chain)),
        ("fields", FieldRoot is { } fields ? CanonicalValue.Of(fields.ToHex()) : null),
        ("id", CanonicalValue.Of(Facts.Id.ToString("D"))),
        ("key", CanonicalValue.Of(Facts.Key)),
        ("kind", CanonicalValue.Of("evidence")),
        ("partcount", PartRoot is null ? null : CanonicalValue.Of(Facts.PartCount)),
        ("partroot", PartRoot is { } root ? CanonicalValue.Of(root.ToHex()) : null),
        ("parts", PartRoot is null ? CanonicalValue.OfStrings(Parts.Select(static part => part.ToHex())) : null),
        ("policy", CanonicalValue.Of(Facts.Policy)),
        ("previous", Facts.Previous == Guid.Empty ? null : CanonicalValue.Of(Facts.Previous.ToString("D"))),
        ("received", CanonicalValue.Of(RecordTime.Format(Facts.Received))),
        ("relation", CanonicalValue.Of(Relations.Name(Facts.Relation))),
        ("sealed", CanonicalValue.Of(RecordTime.Format(Facts.Sealed))),
        ("sent", Facts.Sent < 0 ? null : CanonicalValue.Of(RecordTime.Format(Facts.Sent))),
        ("statement", Facts.StatementIndex < 0 ? null : CanonicalValue.OfObject(
            ("index", CanonicalValue.Of(Facts.StatementIndex)), ("root", CanonicalValue.Of(Facts.StatementRoot.ToHex())))),
        ("type", CanonicalValue.Of(Facts.Type)),
        ("v", CanonicalValue.Of(1))).ToBytes();
}

/// <summary>
/// Reads an evidence leaf in its one canonical spelling, byte by byte in member order, without a tree of values in between. It accepts nothing that the
/// general canonical parser refuses; why it refused is found by that parser.
/// </summary>
internal ref struct EvidenceLeafReader
{
    internal static readonly string[] Members =
    [
        "account", "auth", "chain", "fields", "id", "key", "kind", "partcount", "partroot", "parts", "policy", "previous", "received", "relation",
        "sealed", "sent", "statement", "type", "v",
    ];

    internal static readonly string[] OptionalMembers = ["fields", "partcount", "partroot", "parts", "previous", "sent", "statement"];

    private ReadOnlySpan<byte> _rest;

    public EvidenceLeafReader(ReadOnlySpan<byte> leaf)
    {
        _rest = leaf;
        Failed = string.Empty;
    }

    /// <summary>The member at which reading stopped.</summary>
    public string Failed { get; private set; }

    public List<Hash32>? Parts { get; private set; }

    public Hash32? PartRoot { get; private set; }

    public Hash32? FieldRoot { get; private set; }

    public bool TryRead(bool collectParts, out LeafFacts facts)
    {
        facts = default;
        Parts = collectParts ? [] : null;
        if (!Take("{"u8) || !Name("\"account\":"u8, "account") || !Text(out var account) || !Grammar.IsName(account)
            || !Name(",\"auth\":"u8, "auth") || !Text(out var authText) || !TryAuth(authText, out var auth)
            || !Name(",\"chain\":"u8, "chain") || !Text(out var chain) || !Grammar.IsOrigin(chain))
        {
            return false;
        }

        if (Optional(",\"fields\":"u8, "fields"))
        {
            if (!Hash(out var fields))
            {
                return false;
            }

            FieldRoot = fields;
        }

        if (!Name(",\"id\":"u8, "id") || !Id(out var id)
            || !Name(",\"key\":"u8, "key") || !Integer(JsonCursor.MaxInteger, out var key)
            || !Name(",\"kind\":"u8, "kind") || !Take("\"evidence\""u8)
            || !TryParts(out var partCount)
            || !Name(",\"policy\":"u8, "policy") || !Integer(JsonCursor.MaxInteger, out var policy))
        {
            return false;
        }

        Guid previous = default;
        if (Optional(",\"previous\":"u8, "previous") && !Id(out previous))
        {
            return false;
        }

        if (!Name(",\"received\":"u8, "received") || !Time(out var received)
            || !Name(",\"relation\":"u8, "relation") || !Text(out var relationText) || !Relations.TryParse(relationText, out var relation)
            || !Name(",\"sealed\":"u8, "sealed") || !Time(out var sealedAt))
        {
            return false;
        }

        long sent = -1;
        if (Optional(",\"sent\":"u8, "sent") && !Time(out sent))
        {
            return false;
        }

        long statementIndex = -1;
        Hash32 statementRoot = default;
        if (Optional(",\"statement\":"u8, "statement") && (!Take("{\"index\":"u8) || !Integer(RequestLimits.MaxStatementLines - 1, out statementIndex)
            || !Take(",\"root\":"u8) || !Hash(out statementRoot) || !Take("}"u8)))
        {
            return false;
        }

        if (!Name(",\"type\":"u8, "type") || !Text(out var type) || !Grammar.IsName(type) || !Name(",\"v\":"u8, "v") || !Take("1}"u8) || !_rest.IsEmpty)
        {
            return false;
        }

        facts = new LeafFacts
        {
            Kind = RecordKind.Evidence, Id = id, Chain = Encoding.ASCII.GetString(chain), Received = received, Sealed = sealedAt,
            Account = Encoding.ASCII.GetString(account), Key = key, Policy = policy, Type = Encoding.ASCII.GetString(type), Auth = auth, Relation = relation,
            PartCount = partCount, HasFields = FieldRoot is not null, Sent = sent, Previous = previous, StatementIndex = (int)statementIndex,
            StatementRoot = statementRoot,
        };
        return true;
    }

    private bool TryParts(out int count)
    {
        count = 0;
        if (Optional(",\"partcount\":"u8, "partcount"))
        {
            if (!Integer(RequestLimits.MaxParts, out var many) || many <= RequestLimits.MaxListedParts || !Name(",\"partroot\":"u8, "partroot") || !Hash(out var root))
            {
                return false;
            }

            PartRoot = root;
            count = (int)many;
            return true;
        }

        if (!Name(",\"parts\":"u8, "parts") || !Take("["u8))
        {
            return false;
        }

        do
        {
            if (++count > RequestLimits.MaxListedParts || !Hash(out var part))
            {
                return false;
            }

            Parts?.Add(part);
        }
        while (Take(","u8));
        return Take("]"u8);
    }

    private bool Take(ReadOnlySpan<byte> text)
    {
        if (!_rest.StartsWith(text))
        {
            return false;
        }

        _rest = _rest[text.Length..];
        return true;
    }

    private bool Name(ReadOnlySpan<byte> text, string member)
    {
        Failed = member;
        return Take(text);
    }

    private bool Optional(ReadOnlySpan<byte> text, string member)
    {
        var there = Take(text);
        Failed = there ? member : Failed;
        return there;
    }

    // Every grammar of a leaf's strings excludes quotes, backslashes and controls, so a value ends at the next quote.
    private bool Text(out ReadOnlySpan<byte> text)
    {
        text = default;
        if (!Take("\""u8))
        {
            return false;
        }

        var end = _rest.IndexOf((byte)'"');
        if (end < 0)
        {
            return false;
        }

        text = _rest[..end];
        _rest = _rest[(end + 1)..];
        return true;
    }

    private bool Hash(out Hash32 hash)
    {
        hash = default;
        return Text(out var text) && Hex.TryParse(text, out hash);
    }

    private bool Id(out Guid id)
    {
        id = default;
        return Text(out var text) && RecordId.TryParse(text, out id);
    }

    private bool Time(out long milliseconds)
    {
        milliseconds = 0;
        return Text(out var text) && RecordTime.TryParse(text, out milliseconds);
    }

    private bool Integer(long most, out long value)
    {
        value = 0;
        var digits = 0;
        while (digits < _rest.Length && digits < 17 && _rest[digits] is >= (byte)'0' and <= (byte)'9')
        {
            value = (value * 10) + (_rest[digits++] - '0');
        }

        if (digits == 0 || (digits > 1 && _rest[0] == (byte)'0') || value > most)
        {
            return false;
        }

        _rest = _rest[digits..];
        return true;
    }

    private static bool TryAuth(ReadOnlySpan<byte> text, out AuthMethod auth)
    {
        auth = text.SequenceEqual("client-secret"u8) ? AuthMethod.ClientSecret
            : text.SequenceEqual("private-key-jwt"u8) ? AuthMethod.PrivateKeyJwt
            : text.SequenceEqual("governance"u8) ? AuthMethod.Governance : default;
        return auth != default;
    }
}
