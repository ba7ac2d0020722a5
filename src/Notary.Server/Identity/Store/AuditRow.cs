namespace Notary.Server.Identity.Store;

/// <summary>
/// One audited event (GB/T 22239-2019 8.1.4.3: date and time, user, event type, success or failure, other relevant information). Rows are numbered without a gap, and each carries an
/// HMAC over itself and its predecessor's, so that a row that was changed, removed or put in between is found by whoever has the key.
/// </summary>
internal sealed class AuditRow
{
    /// <summary>From 1, without a gap.</summary>
    public long Number { get; set; }

    /// <summary>When.</summary>
    public long Time { get; set; }

    /// <summary>Who: an account's id, a service account as <c>service:chain/name</c>, a relying party as <c>client:name</c>, or empty when unknown.</summary>
    public string Actor { get; set; } = "";

    /// <summary>What was tried, from the closed list <see cref="AuditEvent"/>.</summary>
    public string Event { get; set; } = "";

    /// <summary>About whom or what: an account's, session's or act's id, or empty.</summary>
    public string Target { get; set; } = "";

    /// <summary>Empty when it was done, else the stable code of the refusal.</summary>
    public string Refused { get; set; } = "";

    /// <summary>The caller's address.</summary>
    public string Address { get; set; } = "";

    /// <summary>HMAC-SHA256 over the predecessor's and this row.</summary>
    public byte[] Mac { get; set; } = [];
}
