using System.CommandLine;
using System.Text.Json;
using Notary.Client;
using Notary.Crypto;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Governance;

/// <summary><c>notary governance</c>: how governance signs policies and key records, on machines that need no network, and how they are handed to the server.</summary>
internal static class GovernanceCommand
{
    public static Command Build() => new("governance", "Signs the policies and key records of a proposal, and hands them to the server.") { Sign(), Apply() };

    /// <summary>Shows what a proposal says.</summary>
    /// <param name="output">Where.</param>
    /// <param name="proposal">Signed or not.</param>
    /// <param name="inForce">The policy that a document replaces, as far as it is known; null where it is not.</param>
    public static void Show(TextWriter output, GovernanceProposal proposal, Func<GovernedDocument, byte[]?> inForce)
    {
        foreach (Genesis chain in proposal.Chains)
        {
            output.WriteLine($"{Terminal.Printable(chain.Origin)} ({chain.Code}, {chain.Suite.Name}), genesis {chain.Fingerprint.ToHex()}, governance {chain.K} of {chain.GovernanceKeys.Count}");
            foreach (GovernedDocument document in proposal.Documents.Where(document => document.Origin == chain.Origin))
            {
                if (document.ToKey() is { } key)
                {
                    ShowKey(output, key);
                }
                else
                {
                    ShowPolicy(output, document, inForce(document));
                }

                output.WriteLine(proposal.IsSigned(document) ? "    signed by enough" : FormattableString.Invariant($"    signed by {document.Signatures.Count} of the {chain.K} that have to, or one of the signatures does not verify"));
            }
        }
    }

    /// <summary>Writes a new proposal and names the next step.</summary>
    /// <param name="proposal">Without signatures.</param>
    /// <param name="output">Its file; an existing one is never overwritten.</param>
    /// <param name="inForce">As <see cref="Show"/> takes it.</param>
    public static int Write(GovernanceProposal proposal, string output, Func<GovernedDocument, byte[]?> inForce)
    {
        string path = Path.GetFullPath(output);
        ProposalFile.RequireNew(path);
        DurableFile.Replace(path, proposal.ToBytes());
        Show(Console.Out, proposal, inForce);
        Console.WriteLine($"fingerprint {proposal.Fingerprint.ToHex()}");
        Console.WriteLine($"proposal: {path}");
        Console.WriteLine($"next: each governance officer reads it and signs, notary governance sign {Path.GetFileName(path)} --key FILE; then notary governance apply {Path.GetFileName(path)}");
        return ExitCode.Passed;
    }

    /// <summary>Reads a proposal.</summary>
    public static GovernanceProposal Read(string path)
    {
        string problem = GovernanceProposal.TryParse(ProposalFile.Read(path, GovernanceProposal.MaxBytes, "proposal"), out GovernanceProposal? proposal);
        return problem.Length == 0 ? proposal! : throw new CliException(ExitCode.Data, "proposal-malformed", $"{path} is no proposal ({problem}).");
    }

    private static Command Sign()
    {
        var file = new Argument<string>("PROPOSAL") { Description = "What notary key propose, notary policy propose or notary chain create wrote." };
        var key = new Option<string>("--key") { Description = "The governance key's file.", Required = true };
        Option<string?> password = ClientOptions.PasswordFile();
        Option<string?> trust = ClientOptions.Trust();
        var inForce = new Option<string[]>("--in-force") { Description = "A policy document that is in force, to see what changes; may be repeated." };
        var fingerprint = new Option<string?>("--fingerprint") { Description = "The proposal's fingerprint, as the officers have agreed on it; without it you are asked." };
        var command = new Command("sign", "Shows in words what a proposal says, and adds the signature of one governance key to each of its documents.") { file, key, password, trust, inForce, fingerprint };
        command.SetAction(parsed => RunSign(parsed.GetValue(file)!, parsed.GetValue(key)!, parsed.GetValue(password), parsed.GetValue(trust), parsed.GetValue(inForce) ?? [], parsed.GetValue(fingerprint)));
        return command;
    }

    private static Command Apply()
    {
        var file = new Argument<string>("PROPOSAL") { Description = "The proposal with its signatures." };
        Option<string?> credential = ClientOptions.Credential();
        var command = new Command("apply", "Hands a signed proposal to the server, which seals each document on its chain: all of them, or none. May be repeated.") { file, credential };
        command.SetAction((parsed, cancel) => RunApplyAsync(parsed.GetValue(file)!, parsed.GetValue(credential), cancel));
        return command;
    }

    private static int RunSign(string path, string keyPath, string? passwordFile, string? trustPath, string[] inForce, string? fingerprint)
    {
        GovernanceProposal proposal = Read(path);
        CheckTrust(proposal, TrustStore.Load(trustPath));
        List<byte[]> policies = [.. inForce.Select(PolicyCommand.ReadPolicy)];

        // What is signed is read before the key is touched.
        Show(Console.Error, proposal, document => policies.Find(policy => PolicyDocument.TryParse(policy, out PolicyDocument? known).Length == 0 && known!.Name == document.Name));
        TrustCommand.Confirm(proposal.Fingerprint.ToHex(), fingerprint, "You are about to sign each of these documents.", "the one that the officers have agreed on");
        using ISigner signer = TrustSign.Load(keyPath, passwordFile);
        GovernanceProposal after = proposal.SignedBy(signer, out int signed, out NoteKey? key);
        if (key is null)
        {
            throw new CliException(ExitCode.Data, "not-governance", $"The key in {keyPath} is no governance key of {Terminal.Printable(string.Join(", ", proposal.Chains.Select(static chain => chain.Origin)))}.");
        }

        if (signed == 0)
        {
            throw new CliException(ExitCode.Usage, "signed-already", $"{Terminal.Printable(key.Name)} has signed it already.");
        }

        DurableFile.Replace(Path.GetFullPath(path), after.ToBytes());
        Console.WriteLine($"signed by {Terminal.Printable(key.Name)}, {signed} of {after.Documents.Count} documents: {Path.GetFullPath(path)}");
        int missing = after.Documents.Count(document => !after.IsSigned(document));
        Console.WriteLine(missing > 0
            ? $"not enough yet: {missing} documents lack signatures, or one of them does not verify"
            : $"enough have signed; next: notary governance apply {Path.GetFileName(path)}, or for a chain that is being made notary chain create NAME --signed {Path.GetFileName(path)}");
        return ExitCode.Passed;
    }

    // A chain that a trust file at hand knows is known by its log key: a genesis that names another one is of another chain.
    private static void CheckTrust(GovernanceProposal proposal, TrustStore store)
    {
        foreach (Genesis chain in proposal.Chains)
        {
            if (store.Files.FirstOrDefault(found => found.File.Find(chain.Origin) is not null) is { } known && !known.File.EntriesOf(chain.Origin).Any(entry => entry.LogKeys.Contains(chain.LogKey)))
            {
                throw new CliException(ExitCode.Failed, "proposal-other-chain", $"The trust file {known.Path} knows {Terminal.Printable(chain.Origin)} by another log key than the genesis in the proposal.");
            }
        }
    }

    private static async Task<int> RunApplyAsync(string path, string? credentialPath, CancellationToken cancel)
    {
        GovernanceProposal proposal = Read(path);
        if (proposal.Documents.Any(static document => document.Signatures.Count == 0))
        {
            throw new CliException(ExitCode.Data, "proposal-unsigned", $"{path} has documents without a signature of governance: notary governance sign.");
        }

        using var client = new NotaryClient(CredentialFile.Find(credentialPath), TrustStore.Load());
        byte[] answer = await client.ApplyGovernanceUnverifiedAsync(proposal, cancel);
        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            foreach (JsonElement one in document.RootElement.GetProperty("documents").EnumerateArray())
            {
                Console.WriteLine($"sealed: {Terminal.Printable(one.GetProperty("name").GetString()!)} on {Terminal.Printable(one.GetProperty("chain").GetString()!)}, leaf {one.GetProperty("index").GetInt64()}");
            }

            return ExitCode.Passed;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new CliException(ExitCode.Data, "answer-malformed", "The server's answer is not that of a proposal which was sealed.", wrong);
        }
    }

    private static void ShowKey(TextWriter output, KeyRecord key)
    {
        string what = key.Revoked is { } revoked ? $"revokes, as of {RecordTime.Format(revoked)}," : key.Supersedes is { } index ? FormattableString.Invariant($"replaces the record of leaf {index} of") : "adds";
        output.WriteLine($"  {what} a key of the account {Terminal.Printable(key.Account)}, for {KeyRecord.PurposeName(key.Purpose)} ({Suite.FromId(key.SuiteId)!.Name})");
        output.WriteLine($"    key {key.KeyId.ToHex()}");
        output.WriteLine($"    chains {Terminal.Printable(string.Join(", ", key.Chains))}; types {Terminal.Printable(string.Join(", ", key.Types))}");
        output.WriteLine($"    holds from {RecordTime.Format(key.From)} until before {RecordTime.Format(key.Until)}");
    }

    private static void ShowPolicy(TextWriter output, GovernedDocument document, byte[]? before)
    {
        PolicyDocument.TryParse(document.Document.Span, out PolicyDocument? policy);
        output.WriteLine(FormattableString.Invariant($"  policy {document.Name}, version {policy!.Version}, {document.Document.Length} bytes"));
        if (before is null)
        {
            output.WriteLine("    the document in force is not at hand; all of it:");
        }

        foreach (string line in PolicyDifference.Between(before ?? [], document.Document.Span))
        {
            output.WriteLine("    " + Terminal.Printable(line));
        }
    }
}
