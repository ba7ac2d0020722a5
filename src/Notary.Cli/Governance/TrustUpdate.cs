using System.CommandLine;
using Notary.Client;
using Notary.Crypto.Native;
using Notary.Evidence;

namespace Notary.Cli.Governance;

/// <summary><c>notary trust update</c>: takes the pinned trust files forward, version by version, each checked against the one before.</summary>
internal static class TrustUpdate
{
    public static Command Build()
    {
        var trust = new Option<string?>("--trust") { Description = "The one file to take forward; without it all that are pinned." };
        var server = new Option<string?>("--server") { Description = "The server's address; without it that of the credential. What it answers is believed as far as it follows." };
        Option<string?> credential = ClientOptions.Credential();
        var command = new Command("update", "Fetches the following versions of the pinned trust files, checks that each follows the one before, and pins the last: forward only, none skipped.") { trust, server, credential };
        command.SetAction((parsed, cancel) => RunAsync(parsed.GetValue(trust), parsed.GetValue(server), parsed.GetValue(credential), cancel));
        return command;
    }

    private static async Task<int> RunAsync(string? named, string? server, string? credentialPath, CancellationToken cancel)
    {
        List<FoundTrust> pinned = named is not null ? [TrustStore.Read(Path.GetFullPath(named), TrustSource.Named)] : [.. TrustStore.Load().Files.Where(static found => found.Source != TrustSource.DataFolder)];
        if (pinned.Count == 0)
        {
            throw new CliException(ExitCode.Configuration, "trust-not-found", $"No trust file is pinned in {TrustStore.UserFolder}; pin one with notary trust pin, or name one with --trust.");
        }

        CredentialFile asked = server is not null ? CredentialFile.Nobody(server) : CredentialFile.Find(credentialPath);
        using var client = new NotaryClient(asked, TrustStore.Load(pinned[0].Path));
        foreach (FoundTrust found in pinned)
        {
            IReadOnlyList<TrustFile> following = await client.FollowingTrustAsync(found.File, cancel);
            TrustFile before = found.File;
            foreach (TrustFile next in following)
            {
                Console.WriteLine($"version {next.Content.Version} of {Terminal.Printable(next.Content.Deployment)}, fingerprint {next.Fingerprint.ToHex()}");
                foreach (string change in TrustChanges.Describe(before, next.Content))
                {
                    Console.WriteLine("  " + Terminal.Printable(change));
                }

                before = next;
            }

            if (following.Count > 0)
            {
                DurableFile.Replace(found.Path, following[^1].ToBytes());
                DurableFile.SyncFolder(Path.GetDirectoryName(found.Path)!);
            }

            Console.WriteLine(following.Count > 0 ? $"updated: {found.Path}" : $"version {found.File.Content.Version} of {Terminal.Printable(found.File.Content.Deployment)} is the newest that the server has");
        }

        return ExitCode.Passed;
    }
}
