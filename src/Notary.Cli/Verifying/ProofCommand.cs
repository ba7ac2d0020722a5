using System.CommandLine;
using System.Text;
using Notary.Client;
using Notary.Evidence;

namespace Notary.Cli.Verifying;

/// <summary><c>notary proof NUMBER|ID|RECEIPT|PACKAGE</c>: the bare tlog-proof, out of a file or from the server.</summary>
internal static class ProofCommand
{
    public static Command Build()
    {
        var what = new Argument<string>("RECORD") { Description = "A record's number or id, or a receipt or package file." };
        Option<string?> credential = ClientOptions.Credential();
        var command = new Command("proof", "Prints the proof of a record (C2SP tlog-proof), from a file or from the server.") { what, credential };
        command.SetAction((parsed, cancel) => RunAsync(parsed.GetValue(what)!, parsed.GetValue(credential), cancel));
        return command;
    }

    private static async Task<int> RunAsync(string what, string? credential, CancellationToken cancel)
    {
        byte[] proof;
        if (File.Exists(what))
        {
            proof = FromFile(what);
        }
        else if (RecordNumber.TryParse(what, out _, out _) || RecordId.TryParse(what.ToLowerInvariant(), out _))
        {
            // Nothing is believed here: whoever uses the proof verifies it.
            using var client = new NotaryClient(CredentialFile.Find(credential), TrustStore.Load());
            proof = await client.FetchUnverifiedAsync(what, "proof", cancel);
        }
        else
        {
            throw new CliException(ExitCode.Usage, "not-a-record", $"{what} is no file, no record number with a right check character, and no record id.");
        }

        await using Stream output = Console.OpenStandardOutput();
        await output.WriteAsync(proof, cancel);
        return ExitCode.Passed;
    }

    private static byte[] FromFile(string path)
    {
        using FileStream file = VerifyCommand.OpenInput(path);
        if (EvidenceFile.IsReceipt(file))
        {
            return Receipt.TryParse(EvidenceFile.ReadAll(file, Receipt.MaxLength), out Receipt? receipt) == ReceiptProblem.None
                ? Encoding.UTF8.GetBytes(receipt!.Proof)
                : throw new CliException(ExitCode.Data, "receipt-malformed", $"{path} is no receipt.");
        }

        return PackageReader.TryOpen(file, out PackageReader? package) is { } problem
            ? throw new CliException(ExitCode.Data, "package-malformed", $"{path} is no package ({problem.Failure}).")
            : package!.ProofUnverified.ToArray();
    }
}
