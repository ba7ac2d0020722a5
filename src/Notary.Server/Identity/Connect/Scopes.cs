namespace Notary.Server.Identity.Connect;

/// <summary>What a token may be for. The list is closed and grows.</summary>
internal static class Scopes
{
    /// <summary>Deposits and what belongs to them, by a service account.</summary>
    public const string Deposit = "deposit";

    /// <summary>Personal data of others. Only with a DPoP-bound token.</summary>
    public const string DataRead = "data.read";

    /// <summary>Who the person is, as an id token (OpenID Connect Core clause 3.1.2.1).</summary>
    public const string OpenId = "openid";

    /// <summary>Name of the account, role and organisation.</summary>
    public const string Profile = "profile";

    /// <summary>Refresh tokens (OpenID Connect Core clause 11).</summary>
    public const string OfflineAccess = "offline_access";

    private const int MaxLength = 256;

    /// <summary>All of them, sorted.</summary>
    public static readonly IReadOnlyList<string> All = [DataRead, Deposit, OfflineAccess, OpenId, Profile];

    /// <summary>What service accounts may ask for.</summary>
    public static readonly IReadOnlyList<string> OfServices = [DataRead, Deposit];

    /// <summary>What a web application may be allowed to ask for.</summary>
    public static readonly IReadOnlyList<string> OfParties = [DataRead, OfflineAccess, OpenId, Profile];

    /// <summary>The scopes of a parameter, sorted and each once; null when it is empty, too long, or names one that is not among <paramref name="allowed"/>.</summary>
    public static string[]? Parse(string text, IReadOnlyList<string> allowed)
    {
        string[] asked = text.Length <= MaxLength ? [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Distinct().Order(StringComparer.Ordinal)] : [];
        return asked.Length > 0 && Array.TrueForAll(asked, allowed.Contains) ? asked : null;
    }

    /// <summary>Whether a token for it has to be bound to a key.</summary>
    public static bool NeedsProof(IEnumerable<string> scope) => scope.Contains(DataRead, StringComparer.Ordinal);
}
