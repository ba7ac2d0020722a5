using System.CommandLine;
using Notary.Client;

namespace Notary.Cli;

/// <summary>Options that more than one verb has, and what they resolve to.</summary>
internal static class ClientOptions
{
    public static Option<string?> Credential() => new("--credential")
    {
        Description = $"The service account's credential file; without it ${CredentialFile.EnvironmentVariable}, then data/credential.json here or in a folder above.",
    };

    public static Option<string?> Trust() => new("--trust")
    {
        Description = $"The only trust file to judge by; without it ${TrustStore.EnvironmentVariable}, then the pinned ones, then data/trust.note here or in a folder above.",
    };

    public static Option<string?> PasswordFile() => new("--password-file")
    {
        Description = "File whose first line is the key password.",
    };

    public static Option<int> Attempts()
    {
        var attempts = new Option<int>("--attempts") { Description = "How often a request is sent before a server that is away or busy is given up.", DefaultValueFactory = _ => RetryPolicy.Default.Attempts };
        NumberOption.Between(attempts, 1, 1_000);
        return attempts;
    }

    /// <summary>The password in a file: its first line.</summary>
    public static string ReadPassword(string path)
    {
        try
        {
            string? line = File.ReadLines(path).FirstOrDefault();
            return string.IsNullOrEmpty(line)
                ? throw new CliException(ExitCode.Configuration, "password-empty", $"The first line of {path} is empty.")
                : line;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.NoInput, "password-unreadable", $"The password file {path} cannot be read.", e);
        }
    }
}
