using System.CommandLine;
using System.Text.Json;
using Notary.Client;
using Notary.Evidence;

namespace Notary.Cli.Governance;

/// <summary><c>notary trust apply</c>: hands a signed version to the running server, which brings it into force.</summary>
internal static class TrustApply
{
    public static Command Build()
    {
        var file = new Argument<string>("PROPOSAL") { Description = "The proposal with its signatures." };
        Option<string?> credential = ClientOptions.Credential();
        var reachBack = new Option<bool>("--reach-back") { Description = "It is meant to change what holds at indexes that the main chain has passed: a revocation." };
        var command = new Command("apply", "Hands a signed version to the server, which seals it on the main chain, carries it to every region and goes over to it. May be repeated.") { file, credential, reachBack };
        command.SetAction((parsed, cancel) => RunAsync(parsed.GetValue(file)!, parsed.GetValue(credential), parsed.GetValue(reachBack), cancel));
        return command;
    }

    private static async Task<int> RunAsync(string path, string? credentialPath, bool reachBack, CancellationToken cancel)
    {
        TrustProposal proposal = TrustSign.Read(path);
        if (TrustFile.TryParse(proposal.ToBytes(), out TrustFile? file) is { } problem)
        {
            throw new CliException(ExitCode.Data, "proposal-unsigned", $"{path} lacks signatures ({problem.Failure}): {problem.Detail}.");
        }

        using var client = new NotaryClient(CredentialFile.Find(credentialPath), TrustStore.Load());
        byte[] answer = await client.ApplyTrustUnverifiedAsync(file!, reachBack, cancel);
        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            Console.WriteLine($"version {file!.Content.Version} is in force by leaf {document.RootElement.GetProperty("mainIndex").GetInt64()} of the main chain");
            Console.WriteLine($"fingerprint {file.Fingerprint.ToHex()}: publish it where the deployment publishes the others");
            List<string> waiting = [.. document.RootElement.GetProperty("waiting").EnumerateArray().Select(static chain => chain.GetString() ?? string.Empty)];
            if (waiting.Count == 0)
            {
                return ExitCode.Passed;
            }

            Terminal.Warn("trust-waiting", $"Not yet on {Terminal.Printable(string.Join(", ", waiting))}; the server goes on by itself, and notary network status shows it.");
            return ExitCode.Indeterminate;
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new CliException(ExitCode.Data, "answer-malformed", "The server's answer is not that of a trust file which came into force.", wrong);
        }
    }
}
