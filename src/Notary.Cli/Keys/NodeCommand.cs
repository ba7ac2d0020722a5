using System.CommandLine;
using Notary.Chain;
using Notary.Chain.Nodes;
using Notary.Cli.Chains;
using Notary.Crypto;
using Notary.Crypto.Native;
using Notary.Ledger;

namespace Notary.Cli.Keys;

/// <summary><c>notary node keygen NAME</c>: what an organisation does before the chain whose node it will be is made.</summary>
internal static class NodeCommand
{
    public static Command Build() => new("node", "Makes ledger nodes; the server's process runs them.") { Keygen() };

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

    private static int Run(string name, string folder, string suite, string passwordFile)
    {
        try
        {
            NoteKey key = new NodeFolder(folder).Create(name, Suite.FromName(suite)!, ClientOptions.ReadPassword(passwordFile));
            Console.WriteLine(key.Format());
            return ExitCode.Passed;
        }
        catch (ChainRefusedException e)
        {
            throw ChainCommand.Refused(e);
        }
        catch (LibCryptoException e)
        {
            throw new CliException(ExitCode.Configuration, "libcrypto", e.Message, e);
        }
    }
}
