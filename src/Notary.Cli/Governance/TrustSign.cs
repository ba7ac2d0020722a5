using System.CommandLine;
using Notary.Client;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Governance;

/// <summary><c>notary trust sign</c>: adds one governance signature to a proposal, on a machine that needs no network.</summary>
internal static class TrustSign
{
    public static Command Build()
    {
        var file = new Argument<string>("PROPOSAL") { Description = "What notary trust propose wrote." };
        var key = new Option<string>("--key") { Description = "The governance key's file.", Required = true };
        Option<string?> password = ClientOptions.PasswordFile();
        Option<string?> trust = ClientOptions.Trust();
        var fingerprint = new Option<string?>("--fingerprint") { Description = "The proposal's fingerprint, as the officers have agreed on it; without it you are asked." };
        var command = new Command("sign", "Shows what a proposal changes, and adds the signature of one governance key.") { file, key, password, trust, fingerprint };
        command.SetAction(parsed => Run(parsed.GetValue(file)!, parsed.GetValue(key)!, parsed.GetValue(password), parsed.GetValue(trust), parsed.GetValue(fingerprint)));
        return command;
    }

    /// <summary>Reads a proposal that follows the trust file at hand.</summary>
    public static TrustProposal Read(string path)
    {
        return TrustProposal.TryParse(ProposalFile.Read(path, TrustFile.MaxBytes, "proposal"), out TrustProposal? proposal) is { } problem
            ? throw new CliException(ExitCode.Data, "proposal-malformed", $"{path} is no proposal of a trust file ({problem.Failure}): {problem.Detail}.")
            : proposal!;
    }

    private static int Run(string path, string keyPath, string? passwordFile, string? trustPath, string? fingerprint)
    {
        TrustProposal proposal = Read(path);
        TrustFile? current = proposal.Content.Version == 1 ? null : TrustPropose.Current(trustPath);
        if (current is null && TrustStore.Load(trustPath).Files.FirstOrDefault(found => found.File.Content.Deployment == proposal.Content.Deployment) is { } known)
        {
            throw new CliException(ExitCode.Failed, "trust-not-next", $"The proposal is the first version of {Terminal.Printable(proposal.Content.Deployment)}, of which {known.Path} is version {known.File.Content.Version}: a deployment has one first version.");
        }

        if (current is not null && (proposal.Content.Previous != current.Fingerprint || proposal.Content.Version != current.Content.Version + 1))
        {
            throw new CliException(ExitCode.Failed, "trust-not-next", $"The proposal is version {proposal.Content.Version} and does not follow version {current.Content.Version} with the fingerprint {current.Fingerprint.ToHex()}; sign what follows the trust file in force.");
        }

        // What is signed is read before the key is touched.
        TrustPropose.Show(Console.Error, proposal, current);
        TrustCommand.Confirm(proposal.Fingerprint.ToHex(), fingerprint, "You are about to sign this version.", "the one that the officers have agreed on");
        using ISigner signer = Load(keyPath, passwordFile);
        NoteKey key = proposal.KeyOf(signer, current) ?? throw new CliException(ExitCode.Data, "not-governance", $"The key in {keyPath} is no governance key of this version or the one before.");
        if (proposal.IsSignedBy(key))
        {
            throw new CliException(ExitCode.Usage, "signed-already", $"{Terminal.Printable(key.Name)} has signed it already.");
        }

        TrustProposal signed = proposal.SignedBy(signer, key);
        DurableFile.Replace(Path.GetFullPath(path), signed.ToBytes());
        Console.WriteLine($"signed by {Terminal.Printable(key.Name)}: {Path.GetFullPath(path)}");
        Console.WriteLine(signed.TryFinish(current, out _) is { } missing
            ? $"not enough yet: {Terminal.Printable(missing.Detail)}"
            : current is null ? $"enough have signed; next: notary chain create {TrustFile.MainChain} --signed {TrustFile.MainChain}.proposal --trust {Path.GetFileName(path)}"
            : $"enough have signed; next: notary trust apply {Path.GetFileName(path)}");
        return ExitCode.Passed;
    }

    /// <summary>Loads a governance key.</summary>
    public static ISigner Load(string path, string? passwordFile)
    {
        string password = passwordFile is not null ? ClientOptions.ReadPassword(passwordFile)
            : Terminal.AskSecret($"Password of {path}: ") ?? throw new CliException(ExitCode.Usage, "password-needed", "Nobody can be asked for a password here; name a file with --password-file.");
        return KeyFile.Load(path, password);
    }
}
