namespace Notary.Server.Identity.Store;

/// <summary>What a person allowed to a client at one time. Its code and all refresh tokens after it are one family, which ends together.</summary>
internal sealed class ClientAuthorization
{
    /// <summary>Names it; tokens carry it.</summary>
    public Guid Id { get; set; }

    /// <summary>To which client.</summary>
    public string Client { get; set; } = "";

    /// <summary>Who allowed it.</summary>
    public Guid AccountId { get; set; }

    /// <summary>In which session.</summary>
    public Guid SessionId { get; set; }

    /// <summary>What was allowed: scopes, sorted, separated by spaces.</summary>
    public string Scope { get; set; } = "";

    /// <summary>Where the code was sent to; the client repeats it (RFC 6749 clause 4.1.3).</summary>
    public string RedirectUri { get; set; } = "";

    /// <summary>The S256 challenge of RFC 7636.</summary>
    public string Challenge { get; set; } = "";

    /// <summary>What the client wants to find in the id token; empty without one.</summary>
    public string Nonce { get; set; } = "";

    /// <summary>The DPoP key that the code is bound to (RFC 9449 clause 10); empty when the client named none.</summary>
    public string KeyThumbprint { get; set; } = "";

    /// <summary>When the person signed in.</summary>
    public long AuthTime { get; set; }

    /// <summary>How, as in <see cref="Session.Methods"/>.</summary>
    public string Methods { get; set; } = "";

    /// <summary>When it was allowed.</summary>
    public long Created { get; set; }

    /// <summary>Nothing is refreshed after it.</summary>
    public long Expires { get; set; }

    /// <summary>When it ended before its time; null while it holds.</summary>
    public long? Revoked { get; set; }
}

/// <summary>A code or a refresh token, as a hash. A used one stays as long as its authorization: presented again, it ends the family.</summary>
internal sealed class AuthorizationSecret
{
    /// <summary>SHA-256 of the 32 random bytes that the client has.</summary>
    public byte[] KeyHash { get; set; } = [];

    /// <summary>Of which authorization.</summary>
    public Guid AuthorizationId { get; set; }

    /// <summary>What it is.</summary>
    public SecretKind Kind { get; set; }

    /// <summary>Good until then.</summary>
    public long Expires { get; set; }

    /// <summary>When it was redeemed; null before.</summary>
    public long? Used { get; set; }
}

/// <summary>What a client redeems. The values are stored.</summary>
internal enum SecretKind
{
    /// <summary>An authorization code (RFC 6749 clause 4.1.2).</summary>
    Code = 1,

    /// <summary>A refresh token (clause 6).</summary>
    Refresh = 2,
}

/// <summary>That an assertion or proof was presented: it is not accepted again while it would still be valid.</summary>
internal sealed class UsedAssertion
{
    /// <summary>SHA-256 of its kind, its sender and its <c>jti</c>.</summary>
    public byte[] KeyHash { get; set; } = [];

    /// <summary>Kept until then.</summary>
    public long Expires { get; set; }
}
