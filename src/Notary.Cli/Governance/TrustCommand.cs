using System.CommandLine;
using Notary.Client;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Keys;

/// <summary><c>notary trust pin</c> and <c>trust show</c>: which trust file this user judges by.</summary>
internal static class TrustCommand
{
    public static Command Build() => new("trust", "Shows and pins the trust files that verdicts are judged by.") { Pin(), Show() };

    private static Command Pin()
    {
        var file = new Argument<string>("FILE") { Description = "The trust file." };
        var fingerprint = new Option<string?>("--fingerprint") { Description = "The fingerprint that the deployment publishes, 64 hexadecimal digits; without it you are asked." };
        var command = new Command("pin", "Pins a trust file for this user, after its fingerprint was compared with the published one.") { file, fingerprint };
        command.SetAction(parsed => PinFile(parsed.GetValue(file)!, parsed.GetValue(fingerprint)));
        return command;
    }

    private static Command Show()
    {
        Option<string?> trust = ClientOptions.Trust();
        var command = new Command("show", "Shows the trust files in the order in which they are asked.") { trust };
        command.SetAction(parsed =>
        {
            TrustStore store = TrustStore.Load(parsed.GetValue(trust));
            foreach (FoundTrust found in store.Files)
            {
                Print(found);
            }

            return store.Files.Count > 0
                ? ExitCode.Passed
                : throw new CliException(ExitCode.Configuration, "trust-not-found", $"No trust file is pinned in {TrustStore.UserFolder}, and there is no data/trust.note here or above.");
        });
        return command;
    }

    private static int PinFile(string path, string? given)
    {
        TrustFile file = TrustStore.Read(Path.GetFullPath(path), TrustSource.Named).File;
        string fingerprint = file.Fingerprint.ToHex();
        if (given is not null)
        {
            string wanted = given.Replace(":", string.Empty, StringComparison.Ordinal).Replace(" ", string.Empty, StringComparison.Ordinal).ToLowerInvariant();
            if (!Hash32.TryParseHex(wanted, out _))
            {
                throw new CliException(ExitCode.Usage, "fingerprint-malformed", "A fingerprint is 64 hexadecimal digits.");
            }

            if (!string.Equals(wanted, fingerprint, StringComparison.Ordinal))
            {
                throw new CliException(ExitCode.Failed, "fingerprint-differs", $"The fingerprint of {path} is {fingerprint}, not the one given; nothing was pinned.");
            }
        }
        else
        {
            Confirm(file, fingerprint);
        }

        GoForward(file);
        string pinned = TrustStore.Pin(file);
        Console.WriteLine($"pinned: {pinned}");
        Print(new FoundTrust(pinned, TrustSource.Pinned, file));
        return ExitCode.Passed;
    }

    private static void Confirm(TrustFile file, string fingerprint)
    {
        string? answer = Terminal.Ask(
            $"Deployment {file.Content.Deployment}, version {file.Content.Version}, {file.Mode}.\nIts fingerprint is {fingerprint}.\n" +
            "Compare it with the one that the deployment publishes elsewhere, and type its last four digits: ");
        if (answer is null)
        {
            throw new CliException(ExitCode.Usage, "fingerprint-needed", "Nobody can be asked here; give the fingerprint that the deployment publishes with --fingerprint.");
        }

        if (!string.Equals(answer.Trim(), fingerprint[^4..], StringComparison.OrdinalIgnoreCase))
        {
            throw new CliException(ExitCode.Failed, "fingerprint-not-confirmed", "The fingerprint was not confirmed; nothing was pinned.");
        }
    }

    /// <summary>From a pinned version one only goes forward: to a higher one that names it and that enough of its governance keys signed.</summary>
    private static void GoForward(TrustFile file)
    {
        string path = Path.Combine(TrustStore.UserFolder, file.Content.Deployment + ".note");
        if (!File.Exists(path))
        {
            return;
        }

        TrustFile pinned = TrustStore.Read(path, TrustSource.Pinned).File;
        if (pinned.Fingerprint == file.Fingerprint)
        {
            return;
        }

        int signed = pinned.Content.GovernanceKeys.Count(key => file.Note.Signatures.Any(s => key.Matches(s) && key.Verify(file.Note.Text, s.Signature, out _)));
        if (file.Content.Version != pinned.Content.Version + 1 || file.Content.Previous is not { } previous || previous != pinned.Fingerprint || signed < pinned.Content.GovernanceThreshold)
        {
            throw new CliException(ExitCode.Failed, "trust-not-next",
                $"Version {file.Content.Version} does not follow version {pinned.Content.Version} that is pinned in {path}: it must be the next one, name its fingerprint and be signed by its governance keys.");
        }
    }

    private static void Print(FoundTrust found)
    {
        TrustContent content = found.File.Content;
        Console.WriteLine($"{found.Path} ({Describe(found.Source)})");
        Console.WriteLine($"  deployment  {Terminal.Printable(content.Deployment)}, version {content.Version}, {found.File.Mode.ToString().ToLowerInvariant()}, required: {found.File.Required.ToString().ToLowerInvariant()}");
        Console.WriteLine($"  fingerprint {found.File.Fingerprint.ToHex()}");
        foreach (TrustedChain chain in content.Chains)
        {
            Console.WriteLine($"  chain       {Terminal.Printable(chain.Origin)} ({chain.Code}, {chain.Suite.Name})");
        }
    }

    /// <summary>How a trust file came to be used, in words.</summary>
    public static string Describe(TrustSource source) => source switch
    {
        TrustSource.Named => "named by you",
        TrustSource.Pinned => "pinned by you",
        _ => "found in the data folder, not pinned",
    };
}
