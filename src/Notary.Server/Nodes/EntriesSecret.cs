using System.Security.Cryptography;
using System.Text;
using Notary.Server.Startup;

namespace Notary.Server.Nodes;

/// <summary>What opens the entries of the mirrored logs: one secret that is handed to the chain's auditors and other nodes. Only its hash is kept.</summary>
internal sealed class EntriesSecret
{
    /// <summary>The fewest characters that are accepted: 128 bits in hexadecimal.</summary>
    public const int MinimumLength = 32;

    private const int MaximumLength = 256;
    private const string Prefix = "Bearer ";

    private readonly byte[] _hash;

    /// <summary>Takes the secret.</summary>
    public EntriesSecret(string secret) => _hash = SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    /// <summary>Reads it from the first line of a file; null when no file is named: then nobody reads entries.</summary>
    /// <exception cref="StartRefusedException">The file cannot be read, or what it holds could be guessed.</exception>
    public static EntriesSecret? Load(string path)
    {
        if (path.Length == 0)
        {
            return null;
        }

        string secret = FirstLine(path, "Notary:Nodes:EntriesSecretFile");
        return secret.Length is >= MinimumLength and <= MaximumLength
            ? new EntriesSecret(secret)
            : throw new StartRefusedException(FormattableString.Invariant(
                $"the secret in '{path}' has {secret.Length} characters, and {MinimumLength} to {MaximumLength} are accepted: write a random one, for instance of 'openssl rand -hex 32'."));
    }

    /// <summary>Whether the request carries the secret (<c>Authorization: Bearer</c>, RFC 6750). Hashes are compared, in constant time.</summary>
    public bool Opens(HttpRequest request)
    {
        string? header = request.Headers.Authorization;
        return header is { Length: <= MaximumLength + 16 } && header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(_hash, SHA256.HashData(Encoding.UTF8.GetBytes(header[Prefix.Length..].Trim())));
    }

    /// <summary>The first line of a secret's file.</summary>
    /// <exception cref="StartRefusedException">It cannot be read or is empty.</exception>
    internal static string FirstLine(string path, string option)
    {
        try
        {
            string line = File.ReadLines(path).FirstOrDefault("").Trim();
            return line.Length > 0 ? line : throw new StartRefusedException($"the file '{path}' of {option} is empty: write the secret into its first line.");
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new StartRefusedException($"the file '{path}' of {option} cannot be read: correct the path, or give this user the right to read it.");
        }
    }
}
