using System.Buffers.Binary;
using System.Text;

namespace Notary.Crypto;

/// <summary>
/// What a domain-separated hash is for. The list is closed and its bytes are frozen (docs/spec/domain-separation.md): a new use
/// takes a new name, an old name never changes its meaning.
/// </summary>
public sealed class DomainPurpose
{
    private static readonly List<DomainPurpose> Table = [];

    /// <summary>A salted commitment of a part or a metadata field.</summary>
    public static readonly DomainPurpose Commitment = new("commitment");

    /// <summary>A line of an agency's origin statement.</summary>
    public static readonly DomainPurpose Statement = new("statement");

    /// <summary>The challenge of a consent credential.</summary>
    public static readonly DomainPurpose Consent = new("consent");

    /// <summary>What a governance key signs: origin, document name, canonical document.</summary>
    public static readonly DomainPurpose Governance = new("governance");

    /// <summary>What an agency's key signs for its statement: origin, account, request id, root, count.</summary>
    public static readonly DomainPurpose StatementSignature = new("statement-signature");

    /// <summary>What a ledger node's key signs for a statement of its own: the canonical statement.</summary>
    public static readonly DomainPurpose NodeStatement = new("node-statement");

    private readonly byte[] _prefix;

    private DomainPurpose(string name)
    {
        Name = name;
        _prefix = Encoding.ASCII.GetBytes("notary/v1/" + name + "\0");
        Table.Add(this);
    }

    public static IReadOnlyList<DomainPurpose> All => Table;

    public string Name { get; }

    /// <summary>"notary/v1/" ‖ name ‖ 0x00.</summary>
    public ReadOnlySpan<byte> Prefix => _prefix;

    public override string ToString() => Name;
}

/// <summary>First bytes of every HMAC message, each with its closing zero. The list is closed and frozen like <see cref="DomainPurpose"/>.</summary>
public static class HmacLabel
{
    /// <summary>HMAC(record secret, · ‖ field name): the salt of a commitment.</summary>
    public static ReadOnlySpan<byte> Salt => "notary/v1/salt\0"u8;

    /// <summary>HMAC(record secret, · ‖ field name): the commitment of an absent field.</summary>
    public static ReadOnlySpan<byte> Absent => "notary/v1/absent\0"u8;

    /// <summary>HMAC(record secret, ·): the key of the item's content.</summary>
    public static ReadOnlySpan<byte> ItemKey => "notary/v1/item-key\0"u8;

    /// <summary>HMAC(wrapping key, · ‖ iv[16]): the key that wraps one record secret (suite intl only).</summary>
    public static ReadOnlySpan<byte> ItemWrap => "notary/v1/item-wrap\0"u8;

    /// <summary>HMAC(digest-index key, · ‖ digest): the look-up key of a content digest.</summary>
    public static ReadOnlySpan<byte> DigestIndex => "notary/v1/digest-index\0"u8;

    /// <summary>HMAC(subject-index key, · ‖ number): the look-up key of a person.</summary>
    public static ReadOnlySpan<byte> SubjectIndex => "notary/v1/subject-index\0"u8;

    /// <summary>HMAC(webhook key, · ‖ salt[32]), always with SHA-256: the secret that one webhook's receiver knows.</summary>
    public static ReadOnlySpan<byte> Webhook => "notary/v1/webhook\0"u8;

    /// <summary>HMAC(identity key, ·), always with SHA-256: the AES-256-GCM key over the secrets of people's factors and the keys that sign tokens.</summary>
    public static ReadOnlySpan<byte> IdentitySeal => "notary/v1/identity-seal\0"u8;

    /// <summary>HMAC(identity key, · ‖ predecessor's MAC[32] ‖ row), always with SHA-256: what ties the rows of the audit trail together.</summary>
    public static ReadOnlySpan<byte> IdentityAudit => "notary/v1/identity-audit\0"u8;

    /// <summary>HMAC(identity key, · ‖ number of a document), always with SHA-256: finds an administrator's or official's other accounts.</summary>
    public static ReadOnlySpan<byte> IdentityPerson => "notary/v1/identity-person\0"u8;
}

/// <summary>
/// H("notary/v1/" ‖ purpose ‖ 0x00 ‖ fields), each field preceded by its length in bytes as u32 big-endian. Two different lists of
/// fields never give the same bytes, and no such message starts as an RFC 6962 leaf (0x00) or node (0x01) does.
/// <c>Write</c> gives the bytes that are hashed, so that <see cref="Suite.HashMany"/> can take many of them from one arena.
/// </summary>
public static class DomainHash
{
    /// <summary>Writes the message with one field; returns its length.</summary>
    /// <exception cref="ArgumentException">the destination is too short (see <see cref="Length"/>)</exception>
    public static int Write(DomainPurpose purpose, Span<byte> destination, ReadOnlySpan<byte> f1)
    {
        var at = Begin(purpose, destination);
        at = Field(destination, at, f1);
        return at;
    }

    /// <summary>Writes the message with 2 fields; returns its length.</summary>
    /// <exception cref="ArgumentException">the destination is too short (see <see cref="Length"/>)</exception>
    public static int Write(DomainPurpose purpose, Span<byte> destination, ReadOnlySpan<byte> f1, ReadOnlySpan<byte> f2)
    {
        var at = Begin(purpose, destination);
        at = Field(destination, at, f1);
        at = Field(destination, at, f2);
        return at;
    }

    /// <summary>Writes the message with 3 fields; returns its length.</summary>
    /// <exception cref="ArgumentException">the destination is too short (see <see cref="Length"/>)</exception>
    public static int Write(DomainPurpose purpose, Span<byte> destination, ReadOnlySpan<byte> f1, ReadOnlySpan<byte> f2, ReadOnlySpan<byte> f3)
    {
        var at = Begin(purpose, destination);
        at = Field(destination, at, f1);
        at = Field(destination, at, f2);
        at = Field(destination, at, f3);
        return at;
    }

    /// <summary>Writes the message with 4 fields; returns its length.</summary>
    /// <exception cref="ArgumentException">the destination is too short (see <see cref="Length"/>)</exception>
    public static int Write(DomainPurpose purpose, Span<byte> destination, ReadOnlySpan<byte> f1, ReadOnlySpan<byte> f2, ReadOnlySpan<byte> f3, ReadOnlySpan<byte> f4)
    {
        var at = Begin(purpose, destination);
        at = Field(destination, at, f1);
        at = Field(destination, at, f2);
        at = Field(destination, at, f3);
        at = Field(destination, at, f4);
        return at;
    }

    /// <summary>Writes the message with 5 fields; returns its length.</summary>
    /// <exception cref="ArgumentException">the destination is too short (see <see cref="Length"/>)</exception>
    public static int Write(DomainPurpose purpose, Span<byte> destination, ReadOnlySpan<byte> f1, ReadOnlySpan<byte> f2, ReadOnlySpan<byte> f3, ReadOnlySpan<byte> f4, ReadOnlySpan<byte> f5)
    {
        var at = Begin(purpose, destination);
        at = Field(destination, at, f1);
        at = Field(destination, at, f2);
        at = Field(destination, at, f3);
        at = Field(destination, at, f4);
        at = Field(destination, at, f5);
        return at;
    }

    /// <summary>Writes the message with 6 fields; returns its length.</summary>
    /// <exception cref="ArgumentException">the destination is too short (see <see cref="Length"/>)</exception>
    public static int Write(DomainPurpose purpose, Span<byte> destination, ReadOnlySpan<byte> f1, ReadOnlySpan<byte> f2, ReadOnlySpan<byte> f3, ReadOnlySpan<byte> f4, ReadOnlySpan<byte> f5, ReadOnlySpan<byte> f6)
    {
        var at = Begin(purpose, destination);
        at = Field(destination, at, f1);
        at = Field(destination, at, f2);
        at = Field(destination, at, f3);
        at = Field(destination, at, f4);
        at = Field(destination, at, f5);
        at = Field(destination, at, f6);
        return at;
    }

    public static Hash32 Compute(Suite suite, DomainPurpose purpose, ReadOnlySpan<byte> f1)
    {
        var size = Length(purpose, 1, f1.Length);
        var buffer = size <= StackLimit ? stackalloc byte[StackLimit] : new byte[size];
        return suite.Hash(buffer[..Write(purpose, buffer, f1)]);
    }

    public static Hash32 Compute(Suite suite, DomainPurpose purpose, ReadOnlySpan<byte> f1, ReadOnlySpan<byte> f2)
    {
        var size = Length(purpose, 2, f1.Length + f2.Length);
        var buffer = size <= StackLimit ? stackalloc byte[StackLimit] : new byte[size];
        return suite.Hash(buffer[..Write(purpose, buffer, f1, f2)]);
    }

    public static Hash32 Compute(Suite suite, DomainPurpose purpose, ReadOnlySpan<byte> f1, ReadOnlySpan<byte> f2, ReadOnlySpan<byte> f3)
    {
        var size = Length(purpose, 3, f1.Length + f2.Length + f3.Length);
        var buffer = size <= StackLimit ? stackalloc byte[StackLimit] : new byte[size];
        return suite.Hash(buffer[..Write(purpose, buffer, f1, f2, f3)]);
    }

    public static Hash32 Compute(Suite suite, DomainPurpose purpose, ReadOnlySpan<byte> f1, ReadOnlySpan<byte> f2, ReadOnlySpan<byte> f3, ReadOnlySpan<byte> f4)
    {
        var size = Length(purpose, 4, f1.Length + f2.Length + f3.Length + f4.Length);
        var buffer = size <= StackLimit ? stackalloc byte[StackLimit] : new byte[size];
        return suite.Hash(buffer[..Write(purpose, buffer, f1, f2, f3, f4)]);
    }

    public static Hash32 Compute(Suite suite, DomainPurpose purpose, ReadOnlySpan<byte> f1, ReadOnlySpan<byte> f2, ReadOnlySpan<byte> f3, ReadOnlySpan<byte> f4, ReadOnlySpan<byte> f5)
    {
        var size = Length(purpose, 5, f1.Length + f2.Length + f3.Length + f4.Length + f5.Length);
        var buffer = size <= StackLimit ? stackalloc byte[StackLimit] : new byte[size];
        return suite.Hash(buffer[..Write(purpose, buffer, f1, f2, f3, f4, f5)]);
    }

    public static Hash32 Compute(Suite suite, DomainPurpose purpose, ReadOnlySpan<byte> f1, ReadOnlySpan<byte> f2, ReadOnlySpan<byte> f3, ReadOnlySpan<byte> f4, ReadOnlySpan<byte> f5, ReadOnlySpan<byte> f6)
    {
        var size = Length(purpose, 6, f1.Length + f2.Length + f3.Length + f4.Length + f5.Length + f6.Length);
        var buffer = size <= StackLimit ? stackalloc byte[StackLimit] : new byte[size];
        return suite.Hash(buffer[..Write(purpose, buffer, f1, f2, f3, f4, f5, f6)]);
    }

    /// <summary>Length of the message with <paramref name="fields"/> fields of <paramref name="bytes"/> bytes in all.</summary>
    public static int Length(DomainPurpose purpose, int fields, int bytes) => purpose.Prefix.Length + (4 * fields) + bytes;

    /// <summary>Writes the prefix alone; further fields follow with <see cref="Field"/>. Returns the offset behind it.</summary>
    public static int Begin(DomainPurpose purpose, Span<byte> destination)
    {
        purpose.Prefix.CopyTo(destination);
        return purpose.Prefix.Length;
    }

    /// <summary>Writes one length-prefixed field at <paramref name="at"/>; returns the offset behind it.</summary>
    public static int Field(Span<byte> destination, int at, ReadOnlySpan<byte> field)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination[at..], (uint)field.Length);
        field.CopyTo(destination[(at + 4)..]);
        return at + 4 + field.Length;
    }

    private const int StackLimit = 512;
}
