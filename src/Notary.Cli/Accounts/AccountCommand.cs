using System.CommandLine;
using System.Text.Json;
using Notary.Cli.Chains;

namespace Notary.Cli.Accounts;

/// <summary><c>notary account setup</c>: the first three administrators of a platform.</summary>
internal static class AccountCommand
{
    private static readonly string[] Roles = ["system", "security", "audit"];

    public static Command Build()
    {
        Option<string>[] names = [.. Roles.Select(static role => new Option<string>($"--{role}") { Description = $"Account name of the {role} administrator.", Required = true })];
        var documents = new Option<string?>("--documents") { Description = "File with the numbers of their identity documents, one a line in this order; without it they are asked for." };
        Option<string?> data = ChainCommand.DataOption();
        var server = new Option<string?>("--server") { Description = "The server's address; without it the one that the data folder's credential names." };
        var site = new Option<string?>("--site") { Description = "The address under which people reach the platform, for the links: where a proxy stands in front." };
        var setup = new Command("setup", "Makes the first system, security and audit administrator, and prints the enrolment link of each. May be repeated until one of them has signed in.") { names[0], names[1], names[2], documents, data, server, site };
        setup.SetAction((parsed, cancel) => RunAsync(
            [.. names.Select(name => parsed.GetValue(name)!)], parsed.GetValue(documents), ChainCommand.DataFolderPath(parsed.GetValue(data)), parsed.GetValue(server), parsed.GetValue(site), cancel));
        return new Command("account", "The accounts of people.") { setup };
    }

    private static async Task<int> RunAsync(string[] names, string? documentsPath, string dataPath, string? address, string? site, CancellationToken cancel)
    {
        string[] documents = documentsPath is null
            ? [.. names.Select(static (name, at) => Terminal.AskSecret($"Number of the identity document of {name} ({Roles[at]} administrator): ")
                ?? throw new CliException(ExitCode.Usage, "documents-missing", "Nobody can be asked for the documents' numbers: give a file with --documents."))]
            : ReadLines(documentsPath);
        using OperatorServer server = OperatorServer.Find(dataPath, address);
        using JsonDocument answer = await server.PostAsync(
            "api/operator/setup", new { accounts = names.Select((name, at) => new { name, role = $"{Roles[at]}-administrator", document = documents[at] }) }, cancel);
        foreach (JsonElement account in answer.RootElement.GetProperty("accounts").EnumerateArray())
        {
            Console.WriteLine($"{Terminal.Printable(account.GetProperty("name").GetString()!),-24} {server.PageOf(account.GetProperty("link").GetString(), site)}");
        }

        Terminal.Warn("one-time", "Each link works once, within a day: hand each to its person, and to nobody else.");
        return ExitCode.Passed;
    }

    private static string[] ReadLines(string path)
    {
        try
        {
            string[] lines = [.. File.ReadLines(path).Take(4)];
            return lines.Length == Roles.Length ? lines : throw new CliException(ExitCode.Data, "documents-missing", $"{path} does not have three lines: the documents of system, security and audit administrator.");
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.NoInput, "documents-unreadable", $"{path} cannot be read.", wrong);
        }
    }
}
