using System.Security.Claims;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.People;

/// <summary>The identity of a person's request.</summary>
internal sealed class PersonIdentity(Account account, Session session)
    : ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, account.Id.ToString())], SessionHandler.Scheme, ClaimTypes.NameIdentifier, ClaimTypes.Role)
{
    /// <summary>The account.</summary>
    public Guid Account { get; } = account.Id;

    /// <summary>The account's name.</summary>
    public string AccountName { get; } = account.UserName ?? "";

    /// <summary>The account's one role.</summary>
    public Role Role { get; } = account.Role;

    /// <summary>For whom an official acts; else empty.</summary>
    public string Organisation { get; } = account.Organisation;

    /// <summary>The session.</summary>
    public Session Session { get; } = session;

    /// <summary>True while the session may do nothing but enrol factors.</summary>
    public bool IsEnrolling => Session.Methods == Sessions.Link;

    /// <summary>The caller, or null when the request is no person's.</summary>
    public static PersonIdentity? Of(HttpContext context) => context.User.Identity as PersonIdentity;
}
