namespace Notary.Server.Identity.Store;

/// <summary>One sign-in of a person on one device. The cookie's value is stored as a hash only.</summary>
internal sealed class Session
{
    /// <summary>Names the session in the person's list of devices; not the cookie's value.</summary>
    public Guid Id { get; set; }

    /// <summary>Whose it is.</summary>
    public Guid AccountId { get; set; }

    /// <summary>SHA-256 of the cookie's 32 random bytes.</summary>
    public byte[] KeyHash { get; set; } = [];

    /// <summary>Signed in.</summary>
    public long Created { get; set; }

    /// <summary>Last used, to the minute.</summary>
    public long Seen { get; set; }

    /// <summary>Ends then, used or not.</summary>
    public long Expires { get; set; }

    /// <summary>How the person was authenticated, values of RFC 8176 separated by spaces: <c>pwd otp mfa</c>, <c>hwk user mfa</c>; <c>link</c> while enrolling.</summary>
    public string Methods { get; set; } = "";

    /// <summary>User-Agent as sent, cut; empty without one.</summary>
    public string Agent { get; set; } = "";

    /// <summary>The address that it was opened from.</summary>
    public string Address { get; set; } = "";

    /// <summary>When it was ended before its time; null while it is open.</summary>
    public long? Ended { get; set; }
}
