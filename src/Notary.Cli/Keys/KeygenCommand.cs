using System.CommandLine;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;
using Notary.Ledger;

namespace Notary.Cli.Keys;

/// <summary><c>notary keygen FILE</c>: a new signing key in an encrypted file, and its public half.</summary>
internal static class KeygenCommand
{
    private static readonly Dictionary<string, KeyAlgorithm> s_algorithms = new(StringComparer.Ordinal)
    {
        ["sm2"] = KeyAlgorithm.Sm2,
        ["ed25519"] = KeyAlgorithm.Ed25519,
        ["p256"] = KeyAlgorithm.P256,
    };

    public static Command Build()
    {
        var file = new Argument<string>("FILE") { Description = "The key file to create; an existing file is never overwritten." };
        var algorithm = new Option<string>("--algorithm") { Description = "sm2, ed25519 or p256.", DefaultValueFactory = _ => "sm2" };
        algorithm.AcceptOnlyFromAmong([.. s_algorithms.Keys]);
        var name = new Option<string?>("--name") { Description = "Name of the key in signed notes: prints its verifier key (vkey)." };
        var cosigner = new Option<bool>("--cosigner") { Description = "The verifier key is that of a ledger node, which signs with a time." };
        Option<string?> password = ClientOptions.PasswordFile();
        var command = new Command("keygen", "Creates a signing key in an encrypted file (PKCS#8, mode 0600) and prints its public half.") { file, algorithm, name, cosigner, password };
        command.SetAction(parsed => Run(
            parsed.GetValue(file)!, s_algorithms[parsed.GetValue(algorithm)!], parsed.GetValue(name), parsed.GetValue(cosigner), parsed.GetValue(password)));
        return command;
    }

    private static int Run(string file, KeyAlgorithm algorithm, string? name, bool cosigner, string? passwordFile)
    {
        if (name is not null && (!NoteKey.IsValidName(name) || algorithm == KeyAlgorithm.P256))
        {
            throw new CliException(ExitCode.Usage, "key-name", algorithm == KeyAlgorithm.P256
                ? "A P-256 key signs no notes, so it has no verifier key; leave out --name."
                : "A note key's name is not empty and has no spaces and no plus sign.");
        }

        string password = passwordFile is not null ? ClientOptions.ReadPassword(passwordFile) : AskTwice();
        try
        {
            using ISigner signer = KeyFile.Create(file, algorithm, password);
            Console.WriteLine($"key file: {Path.GetFullPath(file)}");
            Console.WriteLine($"public key (SubjectPublicKeyInfo, base64): {Convert.ToBase64String(PublicKeyInfo.Format(algorithm, signer.PublicKey.Span))}");
            if (name is not null)
            {
                Console.WriteLine($"verifier key: {NoteKey.Create(name, NoteKey.TypeFor(algorithm, cosigner), signer.PublicKey.Span).Format()}");
            }

            return ExitCode.Passed;
        }
        catch (KeyFileException e)
        {
            throw new CliException(ExitCode.CannotCreate, e.Failure == KeyFileFailure.Exists ? "key-exists" : "key-file", e.Message, e);
        }
        catch (LibCryptoException e)
        {
            throw new CliException(ExitCode.Configuration, "libcrypto", e.Message, e);
        }
    }

    private static string AskTwice()
    {
        string password = Terminal.AskSecret("Password for the new key: ")
            ?? throw new CliException(ExitCode.Usage, "password-needed", "Nobody can be asked for a password here; name a file with --password-file.");
        if (password.Length == 0 || Terminal.AskSecret("Once more: ") != password)
        {
            throw new CliException(ExitCode.Usage, "password-differs", password.Length == 0 ? "An empty password protects nothing." : "The two passwords are not the same.");
        }

        return password;
    }
}
