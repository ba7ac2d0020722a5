using System.CommandLine;
using Notary.Client;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Governance;

/// <summary><c>notary trust</c>: which trust file this user judges by, and how governance makes the next one.</summary>
internal static class TrustCommand
{
    public static Command Build() => new("trust", "Shows, pins and updates the trust files that verdicts are judged by; proposes, signs and applies the next version.")
    {
        Pin(), Show(), TrustUpdate.Build(), TrustPropose.Build(), TrustSign.Build(), TrustApply.Build(),
    };

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
        Confirm(fingerprint, given, $"Deployment {file.Content.Deployment}, version {file.Content.Version}, {file.Mode}.", "the one that the deployment publishes elsewhere");
        GoForward(file);
        string pinned = TrustStore.Pin(file);
        Console.WriteLine($"pinned: {pinned}");
        Print(new FoundTrust(pinned, TrustSource.Pinned, file));
        return ExitCode.Passed;
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

        if (file.Follows(pinned) is { } problem)
        {
            throw new CliException(ExitCode.Failed, "trust-not-next",
                $"Version {file.Content.Version} does not follow version {pinned.Content.Version} that is pinned in {path} ({problem.Failure}: {problem.Detail}); notary trust update goes forward version by version.");
        }
    }

    /// <summary>Confirms a fingerprint: as it was given, or by typing its last four digits.</summary>
    /// <param name="fingerprint">Of the file.</param>
    /// <param name="given">What the caller says that it must be, or null.</param>
    /// <param name="shown">What a person is told before the question.</param>
    /// <param name="source">With what it is to be compared.</param>
    public static void Confirm(string fingerprint, string? given, string shown, string source)
    {
        if (given is not null)
        {
            string wanted = given.Replace(":", string.Empty, StringComparison.Ordinal).Replace(" ", string.Empty, StringComparison.Ordinal).ToLowerInvariant();
            if (!Hash32.TryParseHex(wanted, out _))
            {
                throw new CliException(ExitCode.Usage, "fingerprint-malformed", "A fingerprint is 64 hexadecimal digits.");
            }

            if (!string.Equals(wanted, fingerprint, StringComparison.Ordinal))
            {
                throw new CliException(ExitCode.Failed, "fingerprint-differs", $"The fingerprint is {fingerprint}, not the one given; nothing was done.");
            }

            return;
        }

        string? answer = Terminal.Ask($"{shown}\nIts fingerprint is {fingerprint}.\nCompare it with {source}, and type its last four digits: ");
        if (answer is null)
        {
            throw new CliException(ExitCode.Usage, "fingerprint-needed", "Nobody can be asked here; give the fingerprint with --fingerprint.");
        }

        if (!string.Equals(answer.Trim(), fingerprint[^4..], StringComparison.OrdinalIgnoreCase))
        {
            throw new CliException(ExitCode.Failed, "fingerprint-not-confirmed", "The fingerprint was not confirmed; nothing was done.");
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
