using System.CommandLine;
using Notary.Chain;
using Notary.Cli.Accounts;
using Notary.Cli.Bench;
using Notary.Cli.Chains;
using Notary.Cli.Governance;
using Notary.Cli.Keys;
using Notary.Cli.Submitting;
using Notary.Cli.Verifying;
using Notary.Client;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;

namespace Notary.Cli;

/// <summary>The verbs, and the one place where a failure becomes a sentence and an exit code.</summary>
internal static class CommandLine
{
    // Longer than a server that a command has started takes to finish what it has: else it would outlive the command.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    public static async Task<int> RunAsync(string[] args)
    {
        ParseResult parsed = Build().Parse(args);
        if (parsed.Errors.Count > 0)
        {
            return Fail(ExitCode.Usage, "usage", parsed.Errors[0].Message.ReplaceLineEndings(" ").TrimEnd('.') + $"; see notary {string.Join(' ', Verb(parsed))} --help.".Replace("  ", " "));
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = Patience });
        }
        catch (Exception e)
        {
            return Fail(e);
        }
    }

    private static RootCommand Build()
    {
        var root = new RootCommand("Notarizes files, and verifies what was notarized without server or network.")
        {
            NotarizeCommand.Build(),
            SubmitCommand.Build(),
            VerifyCommand.Build(),
            InspectCommand.Build(),
            ProofCommand.Build(),
            CustodyCommand.Build(),
            TrustCommand.Build(),
            IncidentCommand.Build(),
            GovernanceCommand.Build(),
            PolicyCommand.Build(),
            KeyCommand.Build(),
            KeygenCommand.Build(),
            SignerCommand.Build(),
            SelfTestCommand.Build(),
            ChainCommand.Build(),
            NetworkCommand.Build(),
            NodeCommand.Build(),
            FsckCommand.Build(),
            AccountCommand.Build(),
            DevCommand.Build(),
            BenchCommand.Build(),
        };
        return root;
    }

    private static int Fail(Exception e) => e switch
    {
        CliException own => Fail(own.ExitCode, own.Code, own.Message),
        ChainRefusedException refused => Fail(ChainCommand.Refused(refused)),
        KeyFileException key => Fail(ExitCode.Configuration, "key-file", key.Message),
        LibCryptoException library => Fail(ExitCode.Configuration, "libcrypto", library.Message),
        NotaryClientException client => Fail(CodeOf(client.Failure), client.Code, client.Message),
        OperationCanceledException => Fail(ExitCode.Interrupted, "interrupted", "Interrupted."),
        UnauthorizedAccessException => Fail(ExitCode.CannotCreate, "no-access", OneSentence(e.Message)),
        IOException => Fail(ExitCode.CannotCreate, "io", OneSentence(e.Message)),
        _ => Fail(ExitCode.Software, "internal", $"This is a fault in notary ({e.GetType().Name}): {OneSentence(e.Message)}"),
    };

    private static int Fail(int exitCode, string code, string sentence)
    {
        Console.Error.WriteLine($"notary: {code}: {sentence}");
        return exitCode;
    }

    private static int CodeOf(ClientFailure failure) => failure switch
    {
        ClientFailure.Credential or ClientFailure.Trust => ExitCode.Configuration,
        ClientFailure.LocalFile => ExitCode.NoInput,
        ClientFailure.Unreachable or ClientFailure.Busy or ClientFailure.ServerFault => ExitCode.Unavailable,
        ClientFailure.NotAuthorized => ExitCode.NotPermitted,
        ClientFailure.Refused or ClientFailure.Malformed => ExitCode.Data,
        ClientFailure.NotProved => ExitCode.Failed,
        _ => ExitCode.Software,
    };

    private static string OneSentence(string message)
    {
        string line = message.ReplaceLineEndings(" ").Trim();
        return line.EndsWith('.') ? line : line + ".";
    }

    private static Stack<string> Verb(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (System.CommandLine.Parsing.SymbolResult? at = parsed.CommandResult; at is System.CommandLine.Parsing.CommandResult { Command: not RootCommand } command; at = at.Parent)
        {
            names.Push(command.Command.Name);
        }

        return names;
    }
}
