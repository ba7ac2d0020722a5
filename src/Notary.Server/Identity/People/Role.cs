namespace Notary.Server.Identity.People;

/// <summary>What a person's account may do: exactly one of these. The values are stored; the list grows.</summary>
internal enum Role
{
    /// <summary>A natural person whose data are held.</summary>
    Citizen = 1,

    /// <summary>A party of a case.</summary>
    Party = 2,

    /// <summary>Acts for a party or a citizen.</summary>
    Representative = 3,

    /// <summary>A judge or clerk.</summary>
    CourtOfficer = 4,

    /// <summary>A notary.</summary>
    Notary = 5,

    /// <summary>A forensic appraiser.</summary>
    Appraiser = 6,

    /// <summary>A member of an agency.</summary>
    AgencyStaff = 7,

    /// <summary>Serves citizens at a counter and checks their documents.</summary>
    CounterOfficer = 8,

    /// <summary>Makes accounts, without any right in them.</summary>
    SystemAdministrator = 9,

    /// <summary>Confirms accounts and their roles, ends them.</summary>
    SecurityAdministrator = 10,

    /// <summary>Reads the audit trail, and does nothing else.</summary>
    AuditAdministrator = 11,
}

/// <summary>Roles as they are written outside: lower-case words with hyphens.</summary>
internal static class Roles
{
    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<Role> All = Enum.GetValues<Role>();

    private static readonly Dictionary<string, Role> ByName = All.ToDictionary(static role => Name(role), StringComparer.Ordinal);

    /// <summary>How a role is written.</summary>
    public static string Name(this Role role) => role switch
    {
        Role.Citizen => "citizen",
        Role.Party => "party",
        Role.Representative => "representative",
        Role.CourtOfficer => "court-officer",
        Role.Notary => "notary",
        Role.Appraiser => "appraiser",
        Role.AgencyStaff => "agency-staff",
        Role.CounterOfficer => "counter-officer",
        Role.SystemAdministrator => "system-administrator",
        Role.SecurityAdministrator => "security-administrator",
        Role.AuditAdministrator => "audit-administrator",
        _ => throw new ArgumentOutOfRangeException(nameof(role)),
    };

    /// <summary>The role of that name; null for another.</summary>
    public static Role? Parse(string? name) => name is not null && ByName.TryGetValue(name, out Role role) ? role : null;

    /// <summary>Whether it is one of the three that nobody may hold two of (GB/T 22239-2019 8.1.4.2).</summary>
    public static bool IsAdministrator(this Role role) => role is Role.SystemAdministrator or Role.SecurityAdministrator or Role.AuditAdministrator;

    /// <summary>Whether its holder acts for an organisation, which the account then names.</summary>
    public static bool IsOfficial(this Role role) => role is Role.CourtOfficer or Role.Notary or Role.Appraiser or Role.AgencyStaff or Role.CounterOfficer;
}
