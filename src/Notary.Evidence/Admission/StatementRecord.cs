using System.Buffers.Binary;
using System.Text;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>
/// The body of a statement leaf, an agency's origin receipt: its key signs the Merkle root over nonced hashes of its own lines before any of them is
/// sealed. Each record of the request then names root and index.
/// </summary>
public sealed record StatementRecord
{
    private static readonly string[] Members =
        ["account", "chain", "count", "id", "key", "kind", "received", "request", "root", "sealed", "signature", "v"];

    /// <summary>The account whose key signs.</summary>
    public required string Account { get; init; }
    /// <summary>Index of the account's key record.</summary>
    public required long Key { get; init; }
    /// <summary>Id of the agency's request, any UUIDv7.</summary>
    public required Guid Request { get; init; }
    /// <summary>Lines, 1 to 10,000.</summary>
    public required int Count { get; init; }
    /// <summary>RFC 6962 root over the line hashes.</summary>
    public required Hash32 Root { get; init; }
    /// <summary>64 bytes over <see cref="Message"/>.</summary>
    public required ReadOnlyMemory<byte> Signature { get; init; }

    /// <summary>The hash of line i: <c>H("notary/v1/statement" ‖ 0x00 ‖ request id[16], u32 i, nonce[32], canonical request line)</c>.</summary>
    public static Hash32 LineHash(Suite suite, Guid request, int index, in Hash32 nonce, ReadOnlySpan<byte> line)
    {
        Span<byte> id = stackalloc byte[RecordId.Size];
        Span<byte> number = stackalloc byte[4];
        RecordId.WriteRaw(request, id);
        BinaryPrimitives.WriteInt32BigEndian(number, index);
        return DomainHash.Compute(suite, DomainPurpose.Statement, id, number, nonce.AsSpan(), line);
    }

    /// <summary>The root over the line hashes in their order.</summary>
    public static Hash32 RootOf(Suite suite, ReadOnlySpan<Hash32> lines) => CommitmentTree.Root(suite, lines);

    /// <summary>What the agency's key signs: <c>H("notary/v1/statement-signature" ‖ 0x00 ‖ origin, account, request id[16], root, u32 count)</c>.</summary>
    public static Hash32 Message(Suite suite, string origin, string account, Guid request, in Hash32 root, int count)
    {
        Span<byte> id = stackalloc byte[RecordId.Size];
        Span<byte> number = stackalloc byte[4];
        RecordId.WriteRaw(request, id);
        BinaryPrimitives.WriteInt32BigEndian(number, count);
        return DomainHash.Compute(
            suite, DomainPurpose.StatementSignature, Encoding.ASCII.GetBytes(origin), Encoding.ASCII.GetBytes(account), id, root.AsSpan(), number);
    }

    /// <summary>Signs a statement with the agency's key.</summary>
    public static StatementRecord Sign(Suite suite, string origin, string account, long key, Guid request, ReadOnlySpan<Hash32> lines, ISigner signer)
    {
        var root = RootOf(suite, lines);
        return new StatementRecord
        {
            Account = account, Key = key, Request = request, Count = lines.Length, Root = root,
            Signature = signer.Sign(Message(suite, origin, account, request, root, lines.Length).AsSpan()),
        };
    }

    /// <summary>Whether the key record's key signed this statement.</summary>
    public bool Verify(Suite suite, string origin, KeyRecord key) => key.TryGetPublicKey(out var algorithm, out var publicKey)
        && SignatureVerifier.Verify(algorithm, publicKey.Span, Message(suite, origin, Account, Request, Root, Count).AsSpan(), Signature.Span);

    internal IEnumerable<(string, CanonicalValue?)> ToMembers() =>
    [
        ("account", CanonicalValue.Of(Account)),
        ("count", CanonicalValue.Of(Count)),
        ("key", CanonicalValue.Of(Key)),
        ("request", CanonicalValue.Of(Request.ToString("D"))),
        ("root", CanonicalValue.Of(Root.ToHex())),
        ("signature", CanonicalValue.Of(Convert.ToHexStringLower(Signature.Span))),
    ];

    internal static AdmissionResult TryParse(CanonicalValue leaf, out StatementRecord? record)
    {
        record = null;
        var members = LeafForm.CheckMembers(leaf, Members, []);
        if (!members.Ok)
        {
            return members;
        }

        static AdmissionResult Bad(string member) => AdmissionResult.Of(AdmissionFailure.BadValue, member);

        if (leaf["account"]!.AsString is not { } account || !Grammar.IsName(account))
        {
            return Bad("account");
        }

        if (leaf["count"]!.AsInteger is not (>= 1 and <= RequestLimits.MaxStatementLines and var count))
        {
            return Bad("count");
        }

        if (leaf["key"]!.AsInteger is not (>= 0 and var key))
        {
            return Bad("key");
        }

        if (leaf["request"]!.AsString is not { } requestText || !RecordId.TryParse(requestText, out var request))
        {
            return Bad("request");
        }

        if (!Hash32.TryParseHex(leaf["root"]!.AsString, out var root))
        {
            return Bad("root");
        }

        if (leaf["signature"]!.AsString is not { } signature || !Grammar.IsHex(signature, 64, 64))
        {
            return Bad("signature");
        }

        record = new StatementRecord
        {
            Account = account, Count = (int)count, Key = key, Request = request, Root = root, Signature = Convert.FromHexString(signature),
        };
        return default;
    }
}
