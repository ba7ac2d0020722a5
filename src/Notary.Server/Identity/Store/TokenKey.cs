namespace Notary.Server.Identity.Store;

/// <summary>A key that signs tokens. Servers that share the database share it.</summary>
internal sealed class TokenKey
{
    /// <summary>From 1; the next key has the next number.</summary>
    public long Number { get; set; }

    /// <summary>How tokens name it: the thumbprint of RFC 7638.</summary>
    public string Kid { get; set; } = "";

    /// <summary>PKCS #8, encrypted under the identity key.</summary>
    public string PrivateKey { get; set; } = "";

    /// <summary>Published from then on.</summary>
    public long Created { get; set; }

    /// <summary>Signs from then on, until the next key does.</summary>
    public long SignsFrom { get; set; }
}
