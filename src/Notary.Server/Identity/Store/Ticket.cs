namespace Notary.Server.Identity.Store;

/// <summary>Something that is presented once: a one-time link, the state of a passkey ceremony, a half-done sign-in. Taking it deletes it.</summary>
internal sealed class Ticket
{
    /// <summary>SHA-256 of the 32 random bytes that the holder has.</summary>
    public byte[] KeyHash { get; set; } = [];

    /// <summary>What it is good for.</summary>
    public TicketPurpose Purpose { get; set; }

    /// <summary>For whom; null where the person is not known yet.</summary>
    public Guid? AccountId { get; set; }

    /// <summary>What the purpose keeps.</summary>
    public string State { get; set; } = "";

    /// <summary>Good until then.</summary>
    public long Expires { get; set; }
}

/// <summary>What a ticket is good for. The values are stored.</summary>
internal enum TicketPurpose
{
    /// <summary>Opens a session in which factors are enrolled.</summary>
    EnrolmentLink = 1,

    /// <summary>Opens a full session; Development only.</summary>
    DevelopmentLink = 2,

    /// <summary>The password was right; the second factor is missing.</summary>
    SecondFactor = 3,

    /// <summary>A passkey is being registered.</summary>
    PasskeyRegistration = 4,

    /// <summary>A passkey is being used.</summary>
    PasskeyAssertion = 5,

    /// <summary>A client's request waits for a fresh sign-in.</summary>
    AuthorizationRequest = 6,

    /// <summary>A client's request is shown to the person, who allows or refuses it.</summary>
    Consent = 7,
}
