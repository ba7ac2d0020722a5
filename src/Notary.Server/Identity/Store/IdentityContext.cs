using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace Notary.Server.Identity.Store;

/// <summary>
/// The tables of people, their factors, sessions and the audit trail, and of what clients were allowed. The scripts <c>identity-*.sql</c> make them; a test holds both against this model.
/// </summary>
internal sealed partial class IdentityContext(DbContextOptions<IdentityContext> options) : IdentityUserContext<Account, Guid>(options)
{
    /// <summary>The schema in PostgreSQL; SQLite has none.</summary>
    public const string Schema = "identity";

    public DbSet<Session> Sessions => Set<Session>();

    public DbSet<Ticket> Tickets => Set<Ticket>();

    public DbSet<OfficerAct> Acts => Set<OfficerAct>();

    public DbSet<AuditRow> Audit => Set<AuditRow>();

    public DbSet<TokenKey> TokenKeys => Set<TokenKey>();

    public DbSet<ClientAuthorization> Authorizations => Set<ClientAuthorization>();

    public DbSet<AuthorizationSecret> Secrets => Set<AuthorizationSecret>();

    public DbSet<UsedAssertion> UsedAssertions => Set<UsedAssertion>();

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        if (Database.IsNpgsql())
        {
            builder.HasDefaultSchema(Schema);
        }

        // Nothing here knows a person's claims, mail or telephone.
        builder.Ignore<IdentityUserClaim<Guid>>();
        builder.Entity<Account>(account =>
        {
            account.ToTable("account");
            account.Ignore(a => a.Email).Ignore(a => a.NormalizedEmail).Ignore(a => a.EmailConfirmed).Ignore(a => a.PhoneNumber).Ignore(a => a.PhoneNumberConfirmed);
            account.Property(a => a.Organisation).HasMaxLength(64);
        });
        builder.Entity<IdentityUserLogin<Guid>>().ToTable("account_login");
        builder.Entity<IdentityUserToken<Guid>>().ToTable("account_token");
        builder.Entity<IdentityUserPasskey<Guid>>(passkey =>
        {
            passkey.ToTable("account_passkey");
            passkey.HasKey(p => p.CredentialId);
            passkey.OwnsOne(p => p.Data).ToJson("data");
            passkey.HasOne<Account>().WithMany().HasForeignKey(p => p.UserId);
        });
        builder.Entity<Session>(session =>
        {
            session.ToTable("session");
            session.HasIndex(s => s.KeyHash).IsUnique();
            session.HasIndex(s => s.AccountId);
            session.HasOne<Account>().WithMany().HasForeignKey(s => s.AccountId);
        });
        builder.Entity<Ticket>(ticket =>
        {
            ticket.ToTable("ticket");
            ticket.HasKey(t => t.KeyHash);
            ticket.HasIndex(t => t.Expires);
        });
        builder.Entity<OfficerAct>(act =>
        {
            act.ToTable("officer_act");
            act.HasIndex(a => a.AccountId);
            act.HasOne<Account>().WithMany().HasForeignKey(a => a.AccountId);
        });
        builder.Entity<AuditRow>(row =>
        {
            row.ToTable("audit");
            row.HasKey(r => r.Number);
            row.Property(r => r.Number).ValueGeneratedNever();
        });
        builder.Entity<TokenKey>(key =>
        {
            key.ToTable("token_key");
            key.HasKey(k => k.Number);
            key.Property(k => k.Number).ValueGeneratedNever();
        });
        builder.Entity<ClientAuthorization>(authorization =>
        {
            authorization.ToTable("client_authorization");
            authorization.HasIndex(a => a.AccountId);
            authorization.HasOne<Account>().WithMany().HasForeignKey(a => a.AccountId);
        });
        builder.Entity<AuthorizationSecret>(secret =>
        {
            secret.ToTable("authorization_secret");
            secret.HasKey(s => s.KeyHash);
            secret.HasIndex(s => s.AuthorizationId);
            secret.HasOne<ClientAuthorization>().WithMany().HasForeignKey(s => s.AuthorizationId);
        });
        builder.Entity<UsedAssertion>(used =>
        {
            used.ToTable("used_assertion");
            used.HasKey(u => u.KeyHash);
            used.HasIndex(u => u.Expires);
        });
        foreach (IMutableEntityType entity in builder.Model.GetEntityTypes().Where(static entity => !entity.IsOwned()))
        {
            foreach (IMutableProperty property in entity.GetProperties())
            {
                property.SetColumnName(WordStart().Replace(property.Name, "_$0").ToLowerInvariant());
            }
        }
    }

    [GeneratedRegex("(?<=[a-z])[A-Z]", RegexOptions.CultureInvariant)]
    private static partial Regex WordStart();
}
