using System.CommandLine;
using System.Text.Json;
using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Client;
using Notary.Evidence;

namespace Notary.Cli.Chains;

/// <summary><c>notary network create</c> makes all chains and ledger nodes of a demonstration; <c>notary network status</c> shows where they stand; <c>notary network up</c> runs one as several processes.</summary>
internal static class NetworkCommand
{
    public static Command Build() => new("network", "Makes a demonstration network, and shows where it stands.") { Create(), Status(), NetworkUp.Build() };

    private static Command Create()
    {
        var sidechains = new Option<string?>("--sidechains") { Description = "Folder of templates; without it sidechains here or in a folder above." };
        Option<string?> data = ChainCommand.DataOption();
        var deployment = new Option<string>("--deployment") { Description = "The deployment's name, the first part of every origin; it never changes afterwards.", DefaultValueFactory = _ => "notary.example" };
        Option<string?> password = ClientOptions.PasswordFile();
        var command = new Command("create", "Makes keys, chains, ledger nodes and trust file of every template in an empty data folder; all of it under one operator, which every verdict then says.") { sidechains, data, deployment, password };
        command.SetAction(parsed => Run(parsed.GetValue(sidechains), parsed.GetValue(data), parsed.GetValue(deployment)!, parsed.GetValue(password)));
        return command;
    }

    private static Command Status()
    {
        Option<string?> credential = ClientOptions.Credential();
        var json = new Option<bool>("--json") { Description = "The server's answer as it is." };
        var command = new Command("status", "Shows the chains of a running server: sizes, what is final and anchored, which ledger nodes answer. Exit code 2 while something waits or fails.") { credential, json };
        command.SetAction((parsed, cancel) => ShowAsync(parsed.GetValue(credential), parsed.GetValue(json), cancel));
        return command;
    }

    private static int Run(string? sidechains, string? dataPath, string deployment, string? passwordFile)
    {
        IReadOnlyList<ChainTemplate> all = ChainTemplate.LoadAll(sidechains ?? ChainCommand.FindSidechains());
        using DataFolder data = DataFolder.Take(dataPath is null ? Path.GetFullPath("data") : Path.GetFullPath(dataPath), create: true);
        string password = passwordFile is not null ? ClientOptions.ReadPassword(passwordFile) : data.DevelopmentPassword();
        Say(data, all, NetworkCreation.Create(data, all, deployment, password, TimeProvider.System));
        if (passwordFile is null)
        {
            Terminal.Warn("development-password", $"The keys' password was drawn and lies in {data.PasswordPath}; only a server in Development takes it from there.");
        }

        return ExitCode.Passed;
    }

    /// <summary>What was made, chain by chain.</summary>
    public static void Say(DataFolder data, IReadOnlyList<ChainTemplate> templates, CreatedNetwork created)
    {
        foreach (Genesis genesis in created.Chains)
        {
            ChainTemplate template = templates.Single(t => t.Name == genesis.Chain);
            Console.WriteLine($"created: {genesis.Origin} ({genesis.Code}, {genesis.Suite.Name}), ledger nodes {string.Join(", ", template.Nodes)}");
        }

        Console.WriteLine($"trust file: {data.TrustPath}, fingerprint {created.Trust.Fingerprint.ToHex()}");
        Console.WriteLine($"{created.Chains.Count} chains, {created.Nodes} ledger nodes, all under one operator: the trust file says demonstration.");
    }

    private static async Task<int> ShowAsync(string? credentialPath, bool json, CancellationToken cancel)
    {
        CredentialFile credential = CredentialFile.Find(credentialPath);
        using var client = new NotaryClient(credential, TrustStore.Load());
        byte[] answer = await client.NetworkUnverifiedAsync(cancel);
        if (json)
        {
            Console.WriteLine(System.Text.Encoding.UTF8.GetString(answer));
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            if (json)
            {
                return ExitCode.Passed;
            }

            NetworkTable table = NetworkTable.Of(document.RootElement);
            table.Lines.ForEach(Console.WriteLine);
            return table.Troubles.Count == 0 ? ExitCode.Passed : ExitCode.Indeterminate;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new CliException(ExitCode.Unavailable, "answer-malformed", "The server's answer is not the state of a network.", wrong);
        }
    }
}
