using System.CommandLine;
using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Chain.Recovery;
using Notary.Chain.Store;
using Notary.Cli.Governance;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Chains;

/// <summary><c>notary chain close NAME --successor ORIGIN</c>: asks governance to close a chain of which entries are lost; in a demonstration it does all of it.</summary>
internal static class CloseCommand
{
    public static Command Build()
    {
        var name = new Argument<string>("NAME") { Description = "The chain's name: its folder with genesis and keys is there, and the main chain beside it." };
        var successor = new Option<string>("--successor") { Description = "Origin of the chain that takes its place, deployment/name; it may be created later.", Required = true };
        var reason = new Option<string?>("--reason") { Description = "How the entries were lost: storage, disaster or withheld." };
        var against = new Option<string[]>("--against") { Description = "A checkpoint (signed note) of the chain that was saved elsewhere, and may be what shows the loss; may be repeated." };
        var output = new Option<string?>("--out") { Description = "The proposal to write, for governance to sign; without it NAME.incident, and in a demonstration none: there the chain is closed at once. An existing file is never overwritten." };
        Option<string[]> mirror = RecoverCommand.MirrorOption();
        Option<string[]> secret = RecoverCommand.SecretOption();
        var fewer = new Option<bool>("--fewer-mirrors") { Description = "Goes by the nodes that answer, though they are too few: those that do not may hold what is then called lost." };
        Option<string?> data = ChainCommand.DataOption();
        Option<string?> password = ClientOptions.PasswordFile();
        var command = new Command("close", "Closes a chain of which nobody holds the entries under a checkpoint that its log has signed (its server stopped): puts what is available into its database, stops it, and writes what governance signs.")
            { name, successor, reason, against, output, mirror, secret, fewer, data, password };
        command.SetAction((parsed, cancel) => RunAsync(
            parsed.GetValue(name)!,
            password => new ClosingOptions
            {
                Recovery = new RecoveryOptions { Password = password, FewerMirrors = parsed.GetValue(fewer), Remote = RecoverCommand.Ways(parsed.GetValue(mirror), parsed.GetValue(secret)) },
                Successor = parsed.GetValue(successor)!,
                Reason = ReasonOf(parsed.GetValue(reason)),
                Saved = [.. (parsed.GetValue(against) ?? []).Select(static path => (path, ReadNote(path)))],
            },
            parsed.GetValue(output), parsed.GetValue(data), parsed.GetValue(password), cancel));
        return command;
    }

    private static async Task<int> RunAsync(string name, Func<string, ClosingOptions> optionsOf, string? output, string? dataPath, string? passwordFile, CancellationToken cancel)
    {
        try
        {
            ChainCommand.CheckName(name);
            using DataFolder data = DataFolder.Take(ChainCommand.DataFolderPath(dataPath), create: false);
            ClosingOptions options = optionsOf(RecoverCommand.PasswordOf(data, passwordFile));
            string path = Path.GetFullPath(output ?? name + ".incident");
            bool atOnce = output is null && ChainClosing.MaySeal(data);
            if (!atOnce)
            {
                ProposalFile.RequireNew(path);
            }

            ClosingReport report = await ChainClosing.ProposeAsync(
                data, name, options, Terminal.ShowsProgress ? new Progress<long>(leaves => Console.Error.Write($"\r{leaves} leaves\r")) : null, cancel);
            foreach (string warning in report.Warnings)
            {
                Terminal.Warn("mirror", Terminal.Printable(warning) + ".");
            }

            if (report.Record.Size > report.Before)
            {
                Console.WriteLine($"put into the database: leaves {report.Before} to {report.Record.Size - 1} from {string.Join(", ", report.From.Select(Terminal.Printable))}, without secrets, digests and metadata");
            }

            IncidentCommand.Show(Console.Out, report.Record);
            if (atOnce)
            {
                long index = await ChainClosing.SealAsync(data, report, options.Recovery.Password, options.Recovery.Time);
                Console.WriteLine($"closed: {report.Record.Origin}, by leaf {index} of the main chain");
                Console.WriteLine($"next: notary chain create {report.Record.Successor.Split('/')[1]}, unless it is there; then start the server");
            }
            else
            {
                DurableFile.Replace(path, report.Record.ToProposal(report.Main.Origin));
                Console.WriteLine($"fingerprint {report.Record.Message(report.Main.Suite, report.Main.Origin).ToHex()}");
                Console.WriteLine($"proposal: {path}");
                Console.WriteLine($"next: start the server, which reads the chain on and seals nothing there; each governance officer signs, notary incident sign {Path.GetFileName(path)} --key FILE; then notary incident apply {Path.GetFileName(path)}");
            }

            if (report.Record.Available is null)
            {
                Terminal.Warn("nothing-available", $"No entry is available: before the server starts, move {data.Chain(name).Root} away, and take its accounts out of accounts.json.");
            }

            return ExitCode.Passed;
        }
        catch (DatabaseFailureException e)
        {
            throw new CliException(ExitCode.Unavailable, "database", $"The database failed; what it holds is a prefix of the chain, and the same command goes on from there: {e.Message}", e);
        }
    }

    private static IncidentReason ReasonOf(string? name) => name is null ? IncidentReason.None
        : IncidentRecord.TryReason(name, out IncidentReason reason) ? reason
        : throw new CliException(ExitCode.Usage, "reason-unknown", $"A reason is storage, disaster or withheld, not {Terminal.Printable(name)}.");

    private static SignedNote ReadNote(string path)
    {
        byte[] bytes;
        try
        {
            bytes = new FileInfo(path) is { Exists: true, Length: > SignedNote.MaxLength } ? throw new CliException(ExitCode.Data, "file-too-large", $"{path} is larger than a checkpoint.") : File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.NoInput, "file-unreadable", $"The checkpoint {path} cannot be read.", e);
        }

        return SignedNote.TryParse(bytes, out SignedNote? note).Ok ? note! : throw new CliException(ExitCode.Data, "checkpoint-malformed", $"{path} is no checkpoint.");
    }
}
