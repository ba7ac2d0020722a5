using System.CommandLine;
using System.Text.Json;
using Notary.Client;
using Notary.Crypto;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Governance;

/// <summary><c>notary incident</c>: how governance signs what <c>notary chain close</c> wrote, on machines that need no network, and how it is handed to the server.</summary>
internal static class IncidentCommand
{
    public static Command Build() => new("incident", "Signs what closes a chain of which entries are lost, and hands it to the server.") { Sign(), Apply() };

    /// <summary>Shows what an incident says.</summary>
    public static void Show(TextWriter output, IncidentRecord record)
    {
        output.WriteLine($"closes {Terminal.Printable(record.Origin)} for good");
        output.WriteLine(record.AvailableCheckpoint is { } available
            ? $"  available: {available.Size} entries, 0 to {available.Size - 1}, root {available.Root.ToHex()}"
            : "  available: nothing");
        output.WriteLine($"  lost: entries {record.Size} to {record.LostCheckpoint.Size - 1}; the log has signed size {record.LostCheckpoint.Size}, root {record.LostCheckpoint.Root.ToHex()}");
        output.WriteLine($"  successor: {Terminal.Printable(record.Successor)}");
        if (record.Reason != IncidentReason.None)
        {
            output.WriteLine($"  reason: {IncidentRecord.Name(record.Reason)}");
        }
    }

    private static Command Sign()
    {
        var file = new Argument<string>("INCIDENT") { Description = "What notary chain close wrote." };
        var key = new Option<string>("--key") { Description = "The governance key's file.", Required = true };
        Option<string?> password = ClientOptions.PasswordFile();
        Option<string?> trust = ClientOptions.Trust();
        var fingerprint = new Option<string?>("--fingerprint") { Description = "The incident's fingerprint, as the officers have agreed on it; without it you are asked." };
        var command = new Command("sign", "Shows what an incident says, and adds the signature of one governance key.") { file, key, password, trust, fingerprint };
        command.SetAction(parsed => RunSign(parsed.GetValue(file)!, parsed.GetValue(key)!, parsed.GetValue(password), parsed.GetValue(trust), parsed.GetValue(fingerprint)));
        return command;
    }

    private static Command Apply()
    {
        var file = new Argument<string>("INCIDENT") { Description = "The incident with its signatures." };
        Option<string?> credential = ClientOptions.Credential();
        var command = new Command("apply", "Hands a signed incident to the server, which seals it on the main chain and stops the chain for good. May be repeated.") { file, credential };
        command.SetAction((parsed, cancel) => RunApplyAsync(parsed.GetValue(file)!, parsed.GetValue(credential), cancel));
        return command;
    }

    private static int RunSign(string path, string keyPath, string? passwordFile, string? trustPath, string? fingerprint)
    {
        (IncidentRecord record, string main) = Read(path);
        TrustFile trust = TrustPropose.Current(trustPath);
        if (trust.Main is not { } mainChain || mainChain.Origin != main)
        {
            throw new CliException(ExitCode.Failed, "incident-other-main", $"The incident is for the main chain {Terminal.Printable(main)}, and the trust file is of {trust.Content.Deployment}.");
        }

        // That the log has signed both checkpoints each officer sees here; what nobody holds, only people can find out.
        List<NoteKey> logKeys = [.. trust.EntriesOf(record.Origin).SelectMany(static entry => entry.LogKeys).Distinct()];
        if (!record.Lost.Verify(logKeys).Ok || (record.Available is { } available && !available.Verify(logKeys).Ok))
        {
            throw new CliException(ExitCode.Failed, "incident-signature", $"The trust file names no log key of {Terminal.Printable(record.Origin)} that signed the checkpoints of the incident.");
        }

        Show(Console.Error, record);
        Hash32 message = record.Message(mainChain.Suite, main);
        TrustCommand.Confirm(message.ToHex(), fingerprint, "You are about to close this chain.", "the one that the officers have agreed on");
        using ISigner signer = TrustSign.Load(keyPath, passwordFile);
        NoteKey key = trust.Content.GovernanceKeys.FirstOrDefault(one => one.Algorithm == signer.Algorithm && one.PublicKey.SequenceEqual(signer.PublicKey.Span))
            ?? throw new CliException(ExitCode.Data, "not-governance", $"The key in {keyPath} is no governance key of version {trust.Content.Version}.");
        if (record.Signatures.Any(signature => signature.Key == key.Name))
        {
            throw new CliException(ExitCode.Usage, "signed-already", $"{Terminal.Printable(key.Name)} has signed it already.");
        }

        IncidentRecord signed = record.SignedBy(signer, key, mainChain.Suite, main);
        DurableFile.Replace(Path.GetFullPath(path), signed.ToProposal(main));
        Console.WriteLine($"signed by {Terminal.Printable(key.Name)}: {Path.GetFullPath(path)}");
        Console.WriteLine(Evidence.Governance.Check(message, trust.Content.GovernanceKeys, trust.Content.GovernanceThreshold, signed.Signatures)
            ? $"enough have signed; next: notary incident apply {Path.GetFileName(path)}"
            : $"not enough yet: {signed.Signatures.Count} of the {trust.Content.GovernanceThreshold} governance keys of version {trust.Content.Version} that have to, or one of the signatures does not verify");
        return ExitCode.Passed;
    }

    private static async Task<int> RunApplyAsync(string path, string? credentialPath, CancellationToken cancel)
    {
        (IncidentRecord record, string main) = Read(path);
        if (record.Signatures.Count == 0)
        {
            throw new CliException(ExitCode.Data, "incident-unsigned", $"{path} has no signature of governance: notary incident sign.");
        }

        using var client = new NotaryClient(CredentialFile.Find(credentialPath), TrustStore.Load());
        byte[] answer = await client.CloseChainUnverifiedAsync(record, main, cancel);
        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            Console.WriteLine($"closed: {Terminal.Printable(record.Origin)}, by leaf {document.RootElement.GetProperty("mainIndex").GetInt64()} of the main chain");
            Console.WriteLine($"next: notary chain create {Terminal.Printable(record.Successor.Split('/')[1])}, unless it is there, and say where the deployment is published that it succeeds");
            return ExitCode.Passed;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new CliException(ExitCode.Data, "answer-malformed", "The server's answer is not that of a chain which was closed.", wrong);
        }
    }

    private static (IncidentRecord Record, string Main) Read(string path)
    {
        return IncidentRecord.TryParseProposal(ProposalFile.Read(path, IncidentRecord.MaxProposalBytes, "incident"), out IncidentRecord? record, out string main)
            ? (record, main)
            : throw new CliException(ExitCode.Data, "incident-malformed", $"{path} is no incident as notary chain close writes it.");
    }
}
