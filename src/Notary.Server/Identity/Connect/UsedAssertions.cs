using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.Connect;

/// <summary>Accepts each assertion and each proof once (RFC 7523 clause 3, RFC 9449 clause 11.1), also among servers that share the database.</summary>
internal static class UsedAssertions
{
    /// <summary>The longest <c>jti</c> that is accepted, in characters.</summary>
    public const int MaxId = 128;

    /// <summary>A client's assertion.</summary>
    public const string Assertion = "assertion";

    /// <summary>A DPoP proof.</summary>
    public const string Proof = "proof";

    /// <summary>Forgets those that have expired.</summary>
    public static Task SweepAsync(IdentityContext context, long now) => context.UsedAssertions.Where(u => u.Expires < now).ExecuteDeleteAsync();

    /// <summary>Takes one; false when it was taken before.</summary>
    /// <param name="kind">Keeps assertions and proofs apart.</param>
    /// <param name="sender">The client, or the thumbprint of the proof's key.</param>
    /// <param name="expires">When it would be refused anyway, Unix milliseconds.</param>
    public static async Task<bool> TakeAsync(IdentityContext context, string kind, string sender, string id, long expires)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{kind}\0{sender}\0{id}"));
        return await context.Database.ExecuteSqlRawAsync(
            context.Database.IsNpgsql()
                ? "INSERT INTO identity.used_assertion (key_hash, expires) VALUES ({0}, {1}) ON CONFLICT DO NOTHING"
                : "INSERT INTO used_assertion (key_hash, expires) VALUES ({0}, {1}) ON CONFLICT DO NOTHING",
            hash, expires) == 1;
    }
}
