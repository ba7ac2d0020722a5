using System.CommandLine;
using Notary.Evidence;

namespace Notary.Cli.Governance;

/// <summary><c>notary policy propose</c>: writes the next versions of policies for governance to sign.</summary>
internal static class PolicyCommand
{
    // A document that a person wrote has white space.
    private const int MaximumText = 64 * 1024;

    public static Command Build() => new("policy", "Proposes the next version of a chain's policies.") { Propose() };

    /// <summary>Reads a policy document and gives its canonical bytes.</summary>
    public static byte[] ReadPolicy(string path)
    {
        string problem = PolicyDocument.TryCanonicalize(ProposalFile.Read(path, MaximumText, "policy"), out byte[] canonical);
        return problem.Length == 0 ? canonical : throw new CliException(ExitCode.Data, "policy-malformed", $"{path} is no policy document ({problem}).");
    }

    private static Command Propose()
    {
        var files = new Argument<string[]>("FILE") { Description = "Policy documents, each of a name of its own.", Arity = ArgumentArity.OneOrMore };
        NumberOption.RefuseOptions(files);
        var chains = new Option<string[]>("--chains") { Description = "The chains that they are for, by name.", Required = true, AllowMultipleArgumentsPerToken = true };
        var output = new Option<string>("--out") { Description = "The proposal to write; an existing file is never overwritten.", DefaultValueFactory = _ => "policy.proposal" };
        Option<string?> credential = ClientOptions.Credential();
        var command = new Command("propose", "Writes a proposal of policy documents, unsigned, and shows what each changes on each chain; the server is asked what is in force.") { files, chains, output, credential };
        command.SetAction((parsed, cancel) => RunAsync(parsed.GetValue(files)!, parsed.GetValue(chains)!, parsed.GetValue(output)!, parsed.GetValue(credential), cancel));
        return command;
    }

    private static async Task<int> RunAsync(string[] files, string[] names, string output, string? credential, CancellationToken cancel)
    {
        List<(string Path, byte[] Document, PolicyDocument Policy)> policies = [];
        foreach (string file in files)
        {
            byte[] document = ReadPolicy(file);
            PolicyDocument.TryParse(document, out PolicyDocument? policy);
            if (policies.Exists(other => other.Policy.Name == policy!.Name))
            {
                throw new CliException(ExitCode.Usage, "policy-twice", $"{file} is a second document named {policy!.Name}.");
            }

            policies.Add((file, document, policy!));
        }

        IReadOnlyList<GovernanceInForce> chains = await GovernanceInForce.AskAsync(credential, names, string.Empty, cancel);
        var documents = new List<GovernedDocument>();
        foreach (GovernanceInForce chain in chains)
        {
            foreach ((string path, byte[] document, PolicyDocument policy) in policies)
            {
                if (chain.Policies.TryGetValue(policy.Name, out byte[]? before) && PolicyDocument.TryParse(before, out PolicyDocument? inForce).Length == 0 && policy.Version <= inForce!.Version)
                {
                    throw new CliException(ExitCode.Data, "policy-not-newer", $"{path} is version {policy.Version}, and version {inForce.Version} of {policy.Name} is in force on {Terminal.Printable(chain.Genesis.Origin)}.");
                }

                documents.Add(new GovernedDocument(chain.Genesis.Origin, policy.Name, document, []));
            }
        }

        string problem = GovernanceProposal.TryCreate([.. chains.Select(static chain => chain.Genesis)], documents, out GovernanceProposal? proposal);
        return problem.Length == 0
            ? GovernanceCommand.Write(proposal!, output, document => chains.First(chain => chain.Genesis.Origin == document.Origin).Policies.GetValueOrDefault(document.Name))
            : throw new CliException(ExitCode.Data, "proposal-refused", $"No proposal can hold these documents ({problem}).");
    }
}
