using Microsoft.AspNetCore.Identity;
using Notary.Server.Identity.People;

namespace Notary.Server.Identity.Store;

/// <summary>The account of a person. One account, one role; a name, factors and no other data of the person.</summary>
internal sealed class Account : IdentityUser<Guid>
{
    /// <summary>What the account may do.</summary>
    public Role Role { get; set; }

    /// <summary>The court, notary office, agency or counter that the person acts for; empty for citizens, parties and representatives.</summary>
    public string Organisation { get; set; } = "";

    /// <summary>How far the account has come.</summary>
    public AccountState State { get; set; }

    /// <summary>When it was proposed, Unix milliseconds, as all times of these tables.</summary>
    public long Created { get; set; }

    /// <summary>HMAC of the number of the person's document under the identity key: of administrators and officials. Nobody holds two administrators' roles.</summary>
    public byte[]? Person { get; set; }

    /// <summary>The step of 30 s whose one-time code was accepted last: no code of it or of an earlier one is accepted again (RFC 6238 section 5.2).</summary>
    public long UsedStep { get; set; }
}

/// <summary>How far an account has come. The values are stored.</summary>
internal enum AccountState
{
    /// <summary>Proposed by one administrator, not confirmed by another.</summary>
    Proposed = 1,

    /// <summary>Confirmed; the person enrols factors with a one-time link.</summary>
    Enrolling = 2,

    /// <summary>Signs in with two factors.</summary>
    Active = 3,

    /// <summary>Ended by an administrator; nothing signs in.</summary>
    Disabled = 4,

    /// <summary>Proposed and refused, or never decided; kept for the acts and the audit trail that name it.</summary>
    Refused = 5,
}
