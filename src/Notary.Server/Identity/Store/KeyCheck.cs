namespace Notary.Server.Identity.Store;

/// <summary>What only the right identity key opens.</summary>
internal sealed class KeyCheck
{
    /// <summary>1: there is one row.</summary>
    public int Id { get; set; }

    /// <summary>Sealed under the identity key.</summary>
    public string Sealed { get; set; } = "";
}
