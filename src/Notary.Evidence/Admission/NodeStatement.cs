using System.Text;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// What a ledger node says in its own name of the log that it mirrors: that a leaf fails admission (<see cref="AlarmRecord"/>), or that its key came into use there
/// (<see cref="NodeRecord"/>). The node signs it with the key of its cosignatures and serves it to anyone; sealed, the same members stand in a leaf of the chain.
/// </summary>
/// <remarks>
/// <para>The key signs the 32 bytes <c>H("notary/v1/node-statement" ‖ 0x00 ‖ L(document))</c>, the document being the canonical JSON of all members but the signature. A cosignature is made over a
/// text that is longer and begins otherwise: neither can be shown for the other.</para>
/// <para>A parsed statement is well formed and signed by the key that it names. Whether that key is a node's of this chain, <see cref="Admission.AdmitState"/> says; whether what an alarm says is
/// true, everyone who holds the chain's prefix.</para>
/// </remarks>
public abstract record NodeStatement
{
    /// <summary>Longest statement with its signature, in bytes of canonical JSON.</summary>
    public const int MaxBytes = 1536;

    /// <summary>Longest verifier key in a statement, in characters.</summary>
    public const int MaxKey = 512;

    private static readonly string[] LeafMembers = ["id", "received", "sealed"];

    private protected NodeStatement()
    {
    }

    /// <summary>The origin of the chain.</summary>
    public required string Chain { get; init; }

    /// <summary>The node's verifier key, of a cosignature type.</summary>
    public required NoteKey Key { get; init; }

    /// <summary>When it was made by the node's clock, milliseconds since 1970; compared with nothing.</summary>
    public required long At { get; init; }

    /// <summary>64 bytes over <see cref="Message"/>.</summary>
    public ReadOnlyMemory<byte> Signature { get; init; }

    /// <summary>The kind of leaf that it becomes.</summary>
    public abstract RecordKind Kind { get; }

    /// <summary>The members that only its kind has.</summary>
    private protected abstract IEnumerable<(string, CanonicalValue?)> Body { get; }

    /// <summary>What is signed: canonical JSON without the signature.</summary>
    public byte[] Document() => CanonicalValue.OfObject(
    [
        .. Body,
        ("at", CanonicalValue.Of(RecordTime.Format(At))),
        ("chain", CanonicalValue.Of(Chain)),
        ("key", CanonicalValue.Of(Key.Format())),
        ("kind", CanonicalValue.Of(RecordKinds.Name(Kind))),
        ("v", CanonicalValue.Of(1)),
    ]).ToBytes();

    /// <summary>The statement as a node serves it: <see cref="Document"/> with <c>signature</c>, canonical JSON of at most <see cref="MaxBytes"/> bytes.</summary>
    public byte[] ToBytes() => CanonicalValue.OfObject(
    [
        .. ToMembers(),
        ("chain", CanonicalValue.Of(Chain)),
        ("kind", CanonicalValue.Of(RecordKinds.Name(Kind))),
        ("v", CanonicalValue.Of(1)),
    ]).ToBytes();

    /// <summary>The 32 bytes that the node's key signs.</summary>
    public Hash32 Message() => DomainHash.Compute(Key.Suite, DomainPurpose.NodeStatement, Document());

    /// <summary>The signature of a statement, by the private half of its key.</summary>
    /// <returns>64 bytes, for <see cref="Signature"/>.</returns>
    public byte[] Sign(ISigner signer)
    {
        ArgumentNullException.ThrowIfNull(signer);
        return signer.Sign(Message().AsSpan());
    }

    /// <summary>Parses a statement as a node serves it; twin of <see cref="ToBytes"/>.</summary>
    /// <returns>Why it is none; a signature that does not verify is <see cref="AdmissionFailure.NodeSignature"/>.</returns>
    public static AdmissionResult TryParse(ReadOnlySpan<byte> bytes, out NodeStatement? statement)
    {
        statement = null;
        if (bytes.Length > MaxBytes)
        {
            return AdmissionResult.Of(AdmissionFailure.TooLarge);
        }

        var check = CanonicalValue.TryParseCanonical(bytes, CanonicalLimits.Leaf, out var json);
        if (!check.Ok || json.Type != CanonicalType.Object)
        {
            return new AdmissionResult(check.Fault == JsonFault.NotCanonical ? AdmissionFailure.NotCanonical : AdmissionFailure.NotJson, Offset: check.Offset);
        }

        var kind = RecordKinds.FromName(json["kind"]?.AsString ?? string.Empty);
        return kind is not (RecordKind.Alarm or RecordKind.Node) ? AdmissionResult.Of(AdmissionFailure.UnknownKind, "kind")
            : json["v"]?.AsInteger != 1 ? AdmissionResult.Of(AdmissionFailure.UnknownVersion, "v")
            : TryRead(json, kind, [.. MembersOf(kind).Except(LeafMembers)], out statement);
    }

    internal IEnumerable<(string, CanonicalValue?)> ToMembers() =>
    [
        .. Body,
        ("at", CanonicalValue.Of(RecordTime.Format(At))),
        ("key", CanonicalValue.Of(Key.Format())),
        ("signature", CanonicalValue.Of(Convert.ToHexStringLower(Signature.Span))),
    ];

    /// <summary>From a leaf of kind alarm or node.</summary>
    internal static AdmissionResult TryParse(CanonicalValue leaf, RecordKind kind, out NodeStatement? statement) => TryRead(leaf, kind, MembersOf(kind), out statement);

    private static string[] MembersOf(RecordKind kind) => kind == RecordKind.Alarm ? AlarmRecord.Members : NodeRecord.Members;

    private static AdmissionResult TryRead(CanonicalValue json, RecordKind kind, string[] members, out NodeStatement? statement)
    {
        statement = null;
        var shape = LeafForm.CheckMembers(json, members, []);
        if (!shape.Ok)
        {
            return shape;
        }

        if (json["chain"]!.AsString is not { } chain || !Grammar.IsOrigin(chain))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "chain");
        }

        if (!LeafForm.TryTime(json["at"], out var at))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "at");
        }

        // One spelling of a key: what is compared with the trust file's is the key, what was signed is the text.
        if (json["key"]!.AsString is not { Length: <= MaxKey } text || !Ascii.IsValid(text) || NoteKey.TryParse(text, out var key) != NoteKeyProblem.None || !key!.IsCosignature || key.Format() != text)
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "key");
        }

        if (json["signature"]!.AsString is not { } signature || !Grammar.IsHex(signature, 64, 64))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "signature");
        }

        var body = kind == RecordKind.Alarm ? AlarmRecord.TryRead(json, chain, key, at, out statement) : NodeRecord.TryRead(json, chain, key, at, out statement);
        if (!body.Ok)
        {
            return body;
        }

        statement = statement! with { Signature = Convert.FromHexString(signature) };
        if (SignatureVerifier.Verify(key.Algorithm, key.PublicKey, statement.Message().AsSpan(), statement.Signature.Span))
        {
            return default;
        }

        statement = null;
        return AdmissionResult.Of(AdmissionFailure.NodeSignature, "signature");
    }
}
