using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>How the actor was authenticated; numbers frozen, the list is closed.</summary>
public enum AuthMethod : byte
{
    /// <summary>A generated secret of a service account (development).</summary>
    ClientSecret = 1,
    /// <summary>OAuth 2 private_key_jwt.</summary>
    PrivateKeyJwt = 2,
    /// <summary>A governance signature.</summary>
    Governance = 3,
}

/// <summary>Names of authentication methods as they stand in a leaf.</summary>
public static class AuthMethods
{
    private static readonly string[] All = ["", "client-secret", "private-key-jwt", "governance"];

    /// <summary>The name.</summary>
    public static string Name(AuthMethod method) => All[(int)method];

    /// <summary>The method of a name; false for another text.</summary>
    public static bool TryParse(string name, out AuthMethod method)
    {
        var at = Array.IndexOf(All, name, 1);
        method = at < 0 ? default : (AuthMethod)at;
        return at >= 0;
    }
}

/// <summary>
/// What admission needs of a leaf whose form is right; equal for equal leaves. For evidence it holds no bytes of the leaf, so that a batch can be
/// admitted under the chain's lock without parsing again.
/// </summary>
public readonly record struct LeafFacts
{
    /// <summary>Makes facts with every index and time absent.</summary>
    public LeafFacts()
    {
    }

    /// <summary>The kind, set even when the kind is not accepted.</summary>
    public RecordKind Kind { get; init; }
    /// <summary>The record's id.</summary>
    public Guid Id { get; init; }
    /// <summary>The origin that the leaf names.</summary>
    public string Chain { get; init; } = string.Empty;
    /// <summary>Received, milliseconds since 1970.</summary>
    public long Received { get; init; }
    /// <summary>Sealed, milliseconds since 1970.</summary>
    public long Sealed { get; init; }
    /// <summary>The account, or empty.</summary>
    public string Account { get; init; } = string.Empty;
    /// <summary>Evidence, statement, custody: index of the key record, or −1.</summary>
    public long Key { get; init; } = -1;
    /// <summary>Evidence: index of the admission policy; custody: of the custody policy; or −1.</summary>
    public long Policy { get; init; } = -1;
    /// <summary>Evidence: its type.</summary>
    public string Type { get; init; } = string.Empty;
    /// <summary>Evidence, custody: how the actor was authenticated.</summary>
    public AuthMethod Auth { get; init; }
    /// <summary>Evidence: the submitter's relation to the platform.</summary>
    public Relation Relation { get; init; }
    /// <summary>Evidence: number of parts.</summary>
    public int PartCount { get; init; }
    /// <summary>Evidence: whether it has a field root.</summary>
    public bool HasFields { get; init; }
    /// <summary>Evidence: claimed time in milliseconds since 1970, or −1.</summary>
    public long Sent { get; init; } = -1;
    /// <summary>Evidence: id of the previous version, or <see cref="Guid.Empty"/>.</summary>
    public Guid Previous { get; init; }
    /// <summary>Evidence: index in its statement, or −1.</summary>
    public int StatementIndex { get; init; } = -1;
    /// <summary>Evidence: root of its statement.</summary>
    public Hash32 StatementRoot { get; init; }
    /// <summary>The body of a policy leaf.</summary>
    public PolicyRecord? PolicyRecord { get; init; }
    /// <summary>The body of a key leaf.</summary>
    public KeyRecord? KeyRecord { get; init; }
    /// <summary>The body of a statement leaf.</summary>
    public StatementRecord? StatementRecord { get; init; }
    /// <summary>The body of an anchor leaf.</summary>
    public AnchorRecord? AnchorRecord { get; init; }
    /// <summary>The body of a trust leaf.</summary>
    public TrustRecord? TrustRecord { get; init; }
    /// <summary>The body of a custody leaf.</summary>
    public CustodyRecord? CustodyRecord { get; init; }
    /// <summary>The body of an incident leaf.</summary>
    public IncidentRecord? IncidentRecord { get; init; }
    /// <summary>The body of an alarm or node leaf.</summary>
    public NodeStatement? NodeStatement { get; init; }

    /// <summary>Whether the leaf changes the chain's state beyond its size and last sealed time: whoever rebuilds the state needs these leaves only.</summary>
    public bool ChangesState => Kind != RecordKind.Evidence || StatementIndex >= 0;

    /// <summary>
    /// Index of the older leaf that is no longer needed to rebuild the state once this one is applied, or −1: of an anchor that of the same origin before it.
    /// </summary>
    public long ReplacesStateLeaf => AnchorRecord?.PrevIndex ?? -1;
}
