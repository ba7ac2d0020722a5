namespace Notary.Server.Identity.Store;

/// <summary>An act that two officers do together: one proposes, another confirms or refuses.</summary>
internal sealed class OfficerAct
{
    /// <summary>Names the act.</summary>
    public Guid Id { get; set; }

    /// <summary>What it is.</summary>
    public ActKind Kind { get; set; }

    /// <summary>The account that it is about.</summary>
    public Guid AccountId { get; set; }

    /// <summary>Why, in the proposer's words.</summary>
    public string Reason { get; set; } = "";

    /// <summary>SHA-256 of the PIN that the proposer hands to the person: whoever confirms has the link, and neither is enough.</summary>
    public byte[] PinHash { get; set; } = [];

    /// <summary>Who proposed it.</summary>
    public Guid ProposedBy { get; set; }

    /// <summary>When.</summary>
    public long Proposed { get; set; }

    /// <summary>Can be decided until then.</summary>
    public long Expires { get; set; }

    /// <summary>Who confirmed or refused it; null while it is open.</summary>
    public Guid? DecidedBy { get; set; }

    /// <summary>When.</summary>
    public long? Decided { get; set; }

    /// <summary>Whether it was confirmed; null while it is open.</summary>
    public bool? Confirmed { get; set; }
}

/// <summary>What two officers do together. The values are stored.</summary>
internal enum ActKind
{
    /// <summary>A new account.</summary>
    Create = 1,

    /// <summary>New factors for a person who lost them.</summary>
    Recover = 2,

    /// <summary>A disabled account is to work again.</summary>
    Enable = 3,
}
