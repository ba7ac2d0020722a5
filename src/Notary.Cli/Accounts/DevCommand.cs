using System.CommandLine;
using System.Text.Json;
using Notary.Cli.Chains;

namespace Notary.Cli.Accounts;

/// <summary><c>notary dev login</c>: signs in as the account of a role, on a development platform.</summary>
internal static class DevCommand
{
    public static Command Build()
    {
        var role = new Argument<string>("ROLE") { Description = "citizen, court-officer, agency-staff, counter-officer, system-administrator …; docs/identity.md has all." };
        Option<string?> data = ChainCommand.DataOption();
        var server = new Option<string?>("--server") { Description = "The server's address; without it the one that the data folder's credential names." };
        var login = new Command("login", "Prints a one-time link that signs a browser in as the role's development account.") { role, data, server };
        login.SetAction((parsed, cancel) => RunAsync(parsed.GetValue(role)!, ChainCommand.DataFolderPath(parsed.GetValue(data)), parsed.GetValue(server), cancel));
        return new Command("dev", "For a development platform on this machine.") { login };
    }

    private static async Task<int> RunAsync(string role, string dataPath, string? address, CancellationToken cancel)
    {
        using OperatorServer server = OperatorServer.Find(dataPath, address);
        using JsonDocument answer = await server.PostAsync("api/operator/login-link", new { role }, cancel);
        Console.WriteLine(server.PageOf(answer.RootElement.GetProperty("link").GetString()));
        Terminal.Warn("one-time", "The link works once, within ten minutes, in whatever browser opens it.");
        return ExitCode.Passed;
    }
}
