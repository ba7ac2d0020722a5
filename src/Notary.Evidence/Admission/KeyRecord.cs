using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>What an account's key is for; one key, one purpose. Numbers frozen.</summary>
public enum KeyPurpose : byte
{
    /// <summary>Submits evidence and signs statements.</summary>
    Submitter = 1,
    /// <summary>A ledger node.</summary>
    Node = 2,
    /// <summary>Signs access tokens.</summary>
    Token = 3,
    /// <summary>Time-stamps.</summary>
    Tsa = 4,
    /// <summary>Signs reports.</summary>
    Report = 5,
    /// <summary>Signs webhooks.</summary>
    Webhook = 6,
}

/// <summary>
/// The body of a key leaf: a key of an account, where and for what it holds, and from when to when. A later record of the same key names the
/// earlier one in <see cref="Supersedes"/>; governance signs every member but id, times and chain.
/// </summary>
public sealed record KeyRecord
{
    /// <summary>Most origins and most types of a record.</summary>
    public const int MaxList = 64;

    /// <summary>Stands in <see cref="Chains"/> or <see cref="Types"/> for all.</summary>
    public const string Any = "*";

    private static readonly string[] Members =
    [
        "account", "chain", "chains", "from", "governance", "id", "key", "kind", "purpose", "received", "revoked", "sealed", "spki", "suite",
        "supersedes", "types", "until", "v",
    ];
    private static readonly string[] SignedMembers = ["account", "chains", "from", "key", "purpose", "revoked", "spki", "suite", "supersedes", "types", "until"];
    private static readonly string[] Optional = ["revoked", "supersedes"];

    /// <summary>The account.</summary>
    public required string Account { get; init; }
    /// <summary>SHA-256 of <see cref="Spki"/>, the key's id.</summary>
    public Hash32 KeyId { get; private init; }
    /// <summary>What the key is for.</summary>
    public required KeyPurpose Purpose { get; init; }
    /// <summary>Suite of the key.</summary>
    public required SuiteId SuiteId { get; init; }
    /// <summary>DER SubjectPublicKeyInfo of an SM2, P-256 or Ed25519 key.</summary>
    public required ReadOnlyMemory<byte> Spki
    {
        get;
        init
        {
            field = value;
            KeyId = Suite.Intl.Hash(value.Span);
        }
    }

    /// <summary>Origins where the key holds, sorted, or <c>*</c> alone.</summary>
    public required IReadOnlyList<string> Chains { get; init; }
    /// <summary>Evidence types for which it holds, sorted, or <c>*</c> alone.</summary>
    public required IReadOnlyList<string> Types { get; init; }
    /// <summary>First instant, milliseconds since 1970.</summary>
    public required long From { get; init; }
    /// <summary>First instant after its validity.</summary>
    public required long Until { get; init; }
    /// <summary>Index of the record of this key that this one replaces.</summary>
    public long? Supersedes { get; init; }
    /// <summary>When the key was revoked; the record then serves nothing.</summary>
    public long? Revoked { get; init; }
    /// <summary>Governance signatures over <see cref="SignedDocument"/>.</summary>
    public IReadOnlyList<GovernanceSignature> Signatures { get; init; } = [];

    /// <summary>Whether it submits on a chain at a time: its purpose, its validity, its origins, not revoked. Whether a later record of the same key replaces it, the chain's state knows.</summary>
    /// <param name="origin">The chain's.</param>
    /// <param name="time">Milliseconds since 1970.</param>
    public bool MaySubmit(string origin, long time) => Purpose == KeyPurpose.Submitter && Revoked is null && From <= time && time < Until && (Chains.Contains(Any) || Chains.Contains(origin));

    /// <summary>The canonical document that governance signs.</summary>
    public byte[] SignedDocument() => CanonicalValue.OfObject(Signed()).ToBytes();

    /// <summary>Algorithm and public key as <see cref="SignatureVerifier"/> takes them; false unless the SPKI is the one encoding that we write of a key on its curve.</summary>
    public bool TryGetPublicKey(out KeyAlgorithm algorithm, out ReadOnlyMemory<byte> publicKey)
    {
        var good = PublicKeyInfo.TryParse(Spki, out algorithm, out var raw) == PublicKeyFailure.None && PublicKeyInfo.Format(algorithm, raw).AsSpan().SequenceEqual(Spki.Span);
        publicKey = raw;
        return good;
    }

    internal IEnumerable<(string, CanonicalValue?)> ToMembers() =>
        [.. Signed(), ("governance", CanonicalValue.OfArray(Signatures.Select(static s => s.ToValue())))];

    /// <summary>Parses <see cref="SignedDocument"/>: a record without signatures.</summary>
    /// <returns>Empty, or the member where the format is broken.</returns>
    public static string TryParseDocument(ReadOnlySpan<byte> document, out KeyRecord? record)
    {
        record = null;
        if (!System.Text.Ascii.IsValid(document) || !CanonicalValue.TryParseCanonical(document, CanonicalLimits.Document, out var json).Ok || json.Type != CanonicalType.Object)
        {
            return "not canonical";
        }

        var result = LeafForm.CheckMembers(json, SignedMembers, Optional);
        result = result.Ok ? TryRead(json, [], out record) : result;
        return result.Ok ? string.Empty : result.Member.Length > 0 ? result.Member : result.Code;
    }

    internal static AdmissionResult TryParse(CanonicalValue leaf, out KeyRecord? record)
    {
        record = null;
        var members = LeafForm.CheckMembers(leaf, Members, Optional);
        if (!members.Ok)
        {
            return members;
        }

        return Governance.TryParse(leaf["governance"], out var signatures) ? TryRead(leaf, signatures, out record) : AdmissionResult.Of(AdmissionFailure.BadValue, "governance");
    }

    private static AdmissionResult TryRead(CanonicalValue leaf, IReadOnlyList<GovernanceSignature> signatures, out KeyRecord? record)
    {
        record = null;
        static AdmissionResult Bad(string member) => AdmissionResult.Of(AdmissionFailure.BadValue, member);

        if (leaf["account"]!.AsString is not { } account || !Grammar.IsName(account))
        {
            return Bad("account");
        }

        if (leaf["purpose"]!.AsString is not { } purposeName || !TryPurpose(purposeName, out var purpose))
        {
            return Bad("purpose");
        }

        if (leaf["suite"]!.AsString is not { } suiteName || Suite.FromName(suiteName) is not { } suite)
        {
            return Bad("suite");
        }

        if (leaf["spki"]!.AsString is not { } spki || !Grammar.IsHex(spki, 1, 512))
        {
            return Bad("spki");
        }

        if (!TryList(leaf["chains"]!, Grammar.IsOrigin, out var chains))
        {
            return Bad("chains");
        }

        if (!TryList(leaf["types"]!, Grammar.IsName, out var types))
        {
            return Bad("types");
        }

        if (!LeafForm.TryTime(leaf["from"], out var from))
        {
            return Bad("from");
        }

        if (!LeafForm.TryTime(leaf["until"], out var until) || until <= from)
        {
            return Bad("until");
        }

        long revoked = 0;
        if (leaf["revoked"] is { } revokedText && !LeafForm.TryTime(revokedText, out revoked))
        {
            return Bad("revoked");
        }

        if (leaf["supersedes"] is { } supersedes && supersedes.AsInteger is not >= 0)
        {
            return Bad("supersedes");
        }

        var parsed = new KeyRecord
        {
            Account = account, Purpose = purpose, SuiteId = suite.Id, Spki = Convert.FromHexString(spki), Chains = chains, Types = types, From = from,
            Until = until, Supersedes = leaf["supersedes"]?.AsInteger, Revoked = leaf["revoked"] is null ? null : revoked, Signatures = signatures,
        };
        if (!parsed.TryGetPublicKey(out var algorithm, out _) || (algorithm == KeyAlgorithm.Sm2) != (suite.Id == SuiteId.Sm))
        {
            return Bad("spki");
        }

        if (leaf["key"]!.AsString != parsed.KeyId.ToHex())
        {
            return Bad("key");
        }

        record = parsed;
        return default;
    }

    /// <summary>The purpose of a name in a leaf; false for another text.</summary>
    public static bool TryPurpose(string name, out KeyPurpose purpose)
    {
        purpose = default;
        foreach (var value in Enum.GetValues<KeyPurpose>())
        {
            if (PurposeName(value) == name)
            {
                purpose = value;
                return true;
            }
        }

        return false;
    }

    /// <summary>The name of a purpose in a leaf.</summary>
    public static string PurposeName(KeyPurpose purpose) => purpose.ToString().ToLowerInvariant();

    private static bool TryList(CanonicalValue json, Func<string, bool> isItem, out IReadOnlyList<string> list)
    {
        list = [];
        if (json.Type != CanonicalType.Array || json.Items.Count is 0 or > MaxList)
        {
            return false;
        }

        var items = json.Items.Select(static item => item.AsString ?? string.Empty).ToArray();
        for (var i = 0; i < items.Length; i++)
        {
            if (!(items[i] == Any && items.Length == 1) && (!isItem(items[i]) || (i > 0 && string.CompareOrdinal(items[i - 1], items[i]) >= 0)))
            {
                return false;
            }
        }

        list = items;
        return true;
    }

    private IEnumerable<(string, CanonicalValue?)> Signed() =>
    [
        ("account", CanonicalValue.Of(Account)),
        ("chains", CanonicalValue.OfStrings(Chains)),
        ("from", CanonicalValue.Of(RecordTime.Format(From))),
        ("key", CanonicalValue.Of(KeyId.ToHex())),
        ("purpose", CanonicalValue.Of(PurposeName(Purpose))),
        ("revoked", Revoked is { } revoked ? CanonicalValue.Of(RecordTime.Format(revoked)) : null),
        ("spki", CanonicalValue.Of(Convert.ToHexStringLower(Spki.Span))),
        ("suite", CanonicalValue.Of(Suite.FromId(SuiteId)!.Name)),
        ("supersedes", Supersedes is { } index ? CanonicalValue.Of(index) : null),
        ("types", CanonicalValue.OfStrings(Types)),
        ("until", CanonicalValue.Of(RecordTime.Format(Until))),
    ];
}
