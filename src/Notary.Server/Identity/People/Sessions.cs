using Microsoft.EntityFrameworkCore;
using Notary.Server.Identity.Store;
using Notary.Server.Options;

namespace Notary.Server.Identity.People;

/// <summary>Opens, finds and ends sessions. The cookie carries 32 random bytes; everything else is in the table, so that ending a session ends it everywhere at once.</summary>
internal sealed class Sessions(IdentityContext context, ServerOptions options, IHostEnvironment environment, TimeProvider time)
{
    /// <summary>The methods of a session that was opened by an enrolment link.</summary>
    public const string Link = "link";

    /// <summary>The methods of a session that was opened by a development link; worth nothing outside Development.</summary>
    public const string Development = "link development";

    /// <summary>Open sessions of one account; a further one ends the oldest.</summary>
    public const int MaxOpen = 20;

    private const int MaxAgent = 200;
    private const long Minute = 60_000;

    // Enough to enrol; whoever walks away from it leaves nothing open.
    private static readonly TimeSpan EnrolmentLifetime = TimeSpan.FromMinutes(30);

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Opens a session and sets its cookie. Called inside a transaction, which saves it.</summary>
    public async Task<Session> OpenAsync(HttpContext http, Account account, string methods)
    {
        long now = Now;
        List<Session> open = await OpenOf(account.Id).OrderBy(static s => s.Created).ToListAsync();
        foreach (Session old in open.Take(open.Count - MaxOpen + 1))
        {
            old.Ended = now;
        }

        (string text, byte[] hash) = Tickets.NewKey();
        TimeSpan lifetime = methods == Link ? EnrolmentLifetime : TimeSpan.FromMinutes(options.People.SessionMinutes);
        string agent = http.Request.Headers.UserAgent.ToString();
        var session = new Session
        {
            Id = Guid.CreateVersion7(),
            AccountId = account.Id,
            KeyHash = hash,
            Created = now,
            Seen = now,
            Expires = now + (long)lifetime.TotalMilliseconds,
            Methods = methods,
            Agent = agent.Length > MaxAgent ? agent[..MaxAgent] : agent,
            Address = AddressOf(http),
        };
        context.Sessions.Add(session);
        await context.SaveChangesAsync();
        http.Response.Cookies.Append(CookieName, text, Cookie(lifetime));
        return session;
    }

    /// <summary>The session of a request's cookie and its account; null when it has ended, expired or rested too long, or its account does not sign in.</summary>
    public async Task<(Account Account, Session Session)?> FindAsync(HttpContext http)
    {
        if (Tickets.HashOf(http.Request.Cookies[CookieName]) is not { } hash)
        {
            return null;
        }

        long now = Now;
        long idle = now - (options.People.IdleMinutes * Minute);
        Session? session = await context.Sessions.AsNoTracking().SingleOrDefaultAsync(s => s.KeyHash == hash && s.Ended == null && s.Expires > now && s.Seen > idle);
        Account? account = session is null ? null : await context.Users.AsNoTracking().SingleOrDefaultAsync(a => a.Id == session.AccountId);
        if (session is null || account is null || !Fits(account, session))
        {
            return null;
        }

        if (now - session.Seen >= Minute)
        {
            await context.Sessions.Where(s => s.Id == session.Id).ExecuteUpdateAsync(set => set.SetProperty(s => s.Seen, now));
        }

        return (account, session);
    }

    /// <summary>
    /// The account of a person's request, inside its transaction: the first thing there. Who is signed in was asked when the request came; while its body came, or its turn was awaited, the session may have
    /// ended, or the account may have been disabled or recovered.
    /// </summary>
    /// <exception cref="SessionEndedException">It has.</exception>
    public async Task<Account> EnterAsync(PersonIdentity person)
    {
        long now = Now;
        Account? account = await context.Users.SingleOrDefaultAsync(a => a.Id == person.Account);
        Session? session = await context.Sessions.AsNoTracking().SingleOrDefaultAsync(s => s.Id == person.Session.Id && s.Ended == null && s.Expires > now);
        return account is not null && session is not null && account.Role == person.Role && Fits(account, session) ? account : throw new SessionEndedException();
    }

    /// <summary>The open sessions of an account, the newest first.</summary>
    public Task<List<Session>> ListAsync(Guid account) => OpenOf(account).AsNoTracking().OrderByDescending(static s => s.Created).ToListAsync();

    /// <summary>Ends the open sessions of an account, all or one; how many there were. With all of them ends what the person allowed to clients.</summary>
    public async Task<int> EndAsync(Guid account, Guid? only = null, Guid? except = null)
    {
        long now = Now;
        if (only is null && except is null)
        {
            await context.Authorizations.Where(a => a.AccountId == account && a.Revoked == null).ExecuteUpdateAsync(set => set.SetProperty(a => a.Revoked, now));
        }

        return await OpenOf(account).Where(s => (only == null || s.Id == only) && (except == null || s.Id != except)).ExecuteUpdateAsync(set => set.SetProperty(s => s.Ended, now));
    }

    /// <summary>Takes the cookie from the browser.</summary>
    public void Forget(HttpContext http) => http.Response.Cookies.Delete(CookieName, Cookie(null));

    /// <summary>The address that a request came from, as it is stored and audited.</summary>
    public static string AddressOf(HttpContext http) => http.Connection.RemoteIpAddress?.ToString() ?? "";

    // Who has only the link of an account that has enrolled by another one does not get in by it.
    private bool Fits(Account account, Session session) =>
        account.State == (session.Methods == Link ? AccountState.Enrolling : AccountState.Active) && (session.Methods != Development || environment.IsDevelopment());

    private IQueryable<Session> OpenOf(Guid account)
    {
        long now = Now;
        long idle = now - (options.People.IdleMinutes * Minute);
        return context.Sessions.Where(s => s.AccountId == account && s.Ended == null && s.Expires > now && s.Seen > idle);
    }

    // Behind a proxy that ends TLS the browser keeps the cookie to this host and to TLS by its very name; without one the server listens on loopback only.
    private string CookieName => options.Listen.BehindProxy ? "__Host-notary-session" : "notary-session";

    private CookieOptions Cookie(TimeSpan? lifetime) => new() { Path = "/", HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = options.Listen.BehindProxy, MaxAge = lifetime };
}
