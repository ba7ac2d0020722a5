using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.People;

/// <summary>What is presented once. The holder has 32 random bytes in base64url, the table their hash.</summary>
internal sealed class Tickets(IdentityContext context, TimeProvider time)
{
    private const int KeySize = 32;
    private const int MaxWrongPins = 4;

    /// <summary>Draws a key; the table gets its hash, the holder its text.</summary>
    public static (string Text, byte[] Hash) NewKey()
    {
        byte[] key = RandomNumberGenerator.GetBytes(KeySize);
        return (Base64Url.EncodeToString(key), SHA256.HashData(key));
    }

    /// <summary>The hash under which a presented key is stored; null when it is none.</summary>
    public static byte[]? HashOf(string? text)
    {
        Span<byte> key = stackalloc byte[KeySize];

        // Its name promises it, but decoding throws for what is no base64url.
        return text is { Length: 43 } && Base64Url.IsValid(text) && Base64Url.TryDecodeFromChars(text, key, out int length) && length == KeySize ? SHA256.HashData(key) : null;
    }

    /// <summary>Makes one; the caller saves. Those that have expired are swept by the way.</summary>
    public async Task<string> IssueAsync(TicketPurpose purpose, Guid? account, string state, TimeSpan lifetime)
    {
        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        await context.Tickets.Where(t => t.Expires < now).ExecuteDeleteAsync();
        (string text, byte[] hash) = NewKey();
        context.Tickets.Add(new Ticket { KeyHash = hash, Purpose = purpose, AccountId = account, State = state, Expires = now + (long)lifetime.TotalMilliseconds });
        await context.SaveChangesAsync();
        return text;
    }

    /// <summary>Looks at one without taking it; null when it is not there, has expired, or is for something else.</summary>
    public async Task<Ticket?> FindAsync(TicketPurpose purpose, string? text)
    {
        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return HashOf(text) is { } hash ? await context.Tickets.AsNoTracking().SingleOrDefaultAsync(t => t.KeyHash == hash && t.Purpose == purpose && t.Expires > now) : null;
    }

    /// <summary>What a ticket that has a PIN keeps: its hash, and how often a wrong one was tried.</summary>
    public static string StateOf(byte[] pinHash) => Convert.ToHexStringLower(pinHash);

    /// <summary>Whether the PIN is that of a ticket; without one nothing is needed. After five wrong ones the ticket is gone.</summary>
    public async Task<bool> OpensAsync(Ticket ticket, string? pin)
    {
        if (ticket.State.Length == 0)
        {
            return true;
        }

        string[] parts = ticket.State.Split(' ');
        if (pin is not null && CryptographicOperations.FixedTimeEquals(Convert.FromHexString(parts[0]), SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(pin))))
        {
            return true;
        }

        IQueryable<Ticket> row = context.Tickets.Where(t => t.KeyHash == ticket.KeyHash);
        if (parts.Length > MaxWrongPins)
        {
            await row.ExecuteDeleteAsync();
        }
        else
        {
            string tried = ticket.State + " x";
            await row.ExecuteUpdateAsync(set => set.SetProperty(t => t.State, tried));
        }

        return false;
    }

    /// <summary>Forgets all of an account: half-done sign-ins, ceremonies and links.</summary>
    public Task DropAsync(Guid account) => context.Tickets.Where(t => t.AccountId == account).ExecuteDeleteAsync();

    /// <summary>Takes one: of two that present the same ticket at once, one gets it.</summary>
    public async Task<Ticket?> TakeAsync(TicketPurpose purpose, string? text)
    {
        Ticket? ticket = await FindAsync(purpose, text);
        return ticket is not null && await context.Tickets.Where(t => t.KeyHash == ticket.KeyHash).ExecuteDeleteAsync() == 1 ? ticket : null;
    }
}
