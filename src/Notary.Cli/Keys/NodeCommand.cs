using System.CommandLine;
using System.Diagnostics;
using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Chain.Nodes;
using Notary.Cli.Chains;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Cli.Keys;

/// <summary><c>notary node keygen NAME</c>: what an organisation does before the chain whose node it will be is made; <c>notary node run FOLDER</c>: runs its nodes; <c>notary node move FOLDER</c>: lets one go on in another place.</summary>
internal static class NodeCommand
{
    public static Command Build() => new("node", "Makes and runs an organisation's ledger nodes.") { Keygen(), Run(), Move() };

    private static Command Keygen()
    {
        var name = new Argument<string>("NAME") { Description = "Name of the key, which bears the organisation's own domain, for instance court.example/beijing." };
        var folder = new Option<string>("--folder") { Description = "The node's folder, which must not exist: key and copy of the chain lie in it, and are never separated or copied.", DefaultValueFactory = _ => "node" };
        var suite = new Option<string>("--suite") { Description = "The chain's suite.", DefaultValueFactory = _ => "sm" };
        suite.AcceptOnlyFromAmong("sm", "intl");
        Option<string?> password = ClientOptions.PasswordFile();
        password.Required = true;
        var command = new Command("keygen", "Makes a node's key and its empty copy, and prints the verifier key for the chain's quorum policy.") { name, folder, suite, password };
        command.SetAction(parsed => Run(parsed.GetValue(name)!, parsed.GetValue(folder)!, parsed.GetValue(suite)!, parsed.GetValue(password)!));
        return command;
    }

    private static Command Run()
    {
        var folder = new Argument<string>("FOLDER") { Description = "The organisation's folder: NODE/ and NODE.genesis.json for each chain, password, and if there are some trust.note and entries-secret." };
        var listen = new Option<string>("--listen") { Description = "Where to serve them: http, host and port; a proxy ends TLS in front.", DefaultValueFactory = _ => "http://localhost:5081" };
        var server = new Option<string?>("--server") { Description = "Notary.Server.dll or its folder; without it, the one beside notary or in the repository's build." };
        var command = new Command("run", "Runs an organisation's ledger nodes until it is interrupted: the server in its node mode, told where everything lies in the folder.") { folder, listen, server };
        command.SetAction((parsed, cancel) => RunAsync(parsed.GetValue(folder)!, parsed.GetValue(listen)!, parsed.GetValue(server), cancel));
        return command;
    }

    private static Command Move()
    {
        var folders = new Argument<string[]>("FOLDER") { Description = "The node's folder, where it is now.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("move", "Lets a node go on that was moved to another disk or machine: only if the folder is the newest, and never runs again where it was. A key at work in two places signs two histories.") { folders };
        command.SetAction(parsed =>
        {
            foreach (string folder in parsed.GetValue(folders)!)
            {
                Console.WriteLine($"moved: {new NodeFolder(folder).Move().Format()}");
            }

            return ExitCode.Passed;
        });
        return command;
    }

    private static async Task<int> RunAsync(string path, string listen, string? server, CancellationToken cancel)
    {
        var organisation = new OrganisationFolder(path);
        if (!Directory.Exists(organisation.Root) || organisation.Chains.Count == 0)
        {
            throw new CliException(ExitCode.NoInput, "no-nodes", $"There is no CHAIN.genesis.json in {organisation.Root}: put the genesis documents there that the chains' operators published, each beside its node's folder.");
        }

        var start = ServerProcess.Command(ServerProcess.FindDll(server), [.. NetworkUp.Settings(organisation), ("Notary__Listen__Url", listen)]);
        using Process process = ServerProcess.Launch(start);
        try
        {
            await process.WaitForExitAsync(cancel);
            return process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            await ServerProcess.StopAsync(process);
            return ExitCode.Passed;
        }
    }

    private static int Run(string name, string folder, string suite, string passwordFile)
    {
        NoteKey key = new NodeFolder(folder).Create(name, Suite.FromName(suite)!, ClientOptions.ReadPassword(passwordFile));
        Console.WriteLine(key.Format());
        return ExitCode.Passed;
    }
}
