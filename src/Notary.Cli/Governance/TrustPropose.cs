using System.CommandLine;
using System.Globalization;
using Notary.Client;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Governance;

/// <summary><c>notary trust propose</c>: writes the next version of the trust file, unsigned, and says in words what it changes.</summary>
internal static class TrustPropose
{
    // Each option that changes something, with what it takes and what it does to the draft.
    private static readonly (string Name, string Takes, string Does, Func<TrustDraft, string[], string?> Change)[] s_changes =
    [
        ("--rotate-log", "CHAIN,VKEY", "The log goes over to another key, of notary chain keygen. With --from at an index that is passed: the old key is revoked from there.", static (draft, words) => draft.RotateLog(words[0], Key(words[1]))),
        ("--add-node", "CHAIN,NAME,VKEY[,URL]", "A ledger node joins; see --quorum.", static (draft, words) => draft.AddNode(words[0], words[1], Key(words[2]), words.ElementAtOrDefault(3))),
        ("--remove-node", "CHAIN,NAME", "A ledger node leaves; see --quorum.", static (draft, words) => draft.RemoveNode(words[0], words[1])),
        ("--replace-node", "CHAIN,NAME,VKEY[,URL]", "A ledger node has another key, as one has to that lost its disk, or another address.", static (draft, words) => draft.ReplaceNode(words[0], words[1], Key(words[2]), words.ElementAtOrDefault(3))),
        ("--quorum", "CHAIN,K", "How many nodes make a checkpoint final: more than half of them.", static (draft, words) => draft.Quorum(words[0], Number(words[1]))),
        ("--policy", "CHAIN,FILE", "The whole quorum policy, for one that is more than k of a group.", static (draft, words) => draft.SetPolicy(words[0], Read(words[1]))),
        ("--end-chain", "CHAIN", "Nothing that the chain anchors from --from on counts.", static (draft, words) => draft.End(words[0])),
        ("--add-chain", "GENESIS,POLICY", "A chain joins: its genesis document, and its quorum policy with the nodes' keys.", static (draft, words) => draft.AddChain(ReadGenesis(words[0]), Read(words[1]))),
        ("--add-governance", "VKEY", "Governance gets a key, whose holder has to sign too.", static (draft, words) => draft.AddGovernance(Key(words[0]))),
        ("--remove-governance", "NAME", "Governance loses a key.", static (draft, words) => draft.RemoveGovernance(words[0])),
        ("--governance-k", "K", "How many governance keys have to sign.", static (draft, words) => draft.GovernanceThreshold(Number(words[0]))),
        ("--required", "STATE", "The state that a verdict TOTAL-PASSED needs: sealed, final, anchored or time-stamped.", static (draft, words) => TrustNames.TryState(words[0], out RecordState state) ? draft.Require(state) : $"{words[0]} is no state."),
    ];

    public static Command Build()
    {
        Option<string?> trust = ClientOptions.Trust();
        var output = new Option<string?>("--out") { Description = "The proposal to write; without it trust-<version>.proposal. An existing file is never overwritten." };
        var from = new Option<long?>("--from") { Description = "The first index of the main chain at which the changes of chains hold; without it the server is asked for the main chain's size, and --ahead is added." };
        NumberOption.Between(from, 1, long.MaxValue);
        var ahead = new Option<long>("--ahead") { Description = "Leaves that the main chain may grow by until the version is signed and applied.", DefaultValueFactory = _ => 1_000 };
        NumberOption.Between(ahead, 0, 1_000_000_000);
        Option<string?> credential = ClientOptions.Credential();
        var command = new Command("propose", "Writes the next version of the trust file, unsigned, and says what it changes.") { trust, output, from, ahead, credential };
        List<(Option<string[]> Option, int Least, int Most, Func<TrustDraft, string[], string?> Change)> changes = [.. s_changes.Select(static change =>
        {
            int most = change.Takes.Split(',').Length;
            return (new Option<string[]>(change.Name) { Description = $"{change.Takes}. {change.Does}" }, change.Takes.Contains('[', StringComparison.Ordinal) ? most - 1 : most, most, change.Change);
        })];
        changes.ForEach(change => command.Add(change.Option));
        command.SetAction(async (parsed, cancel) =>
        {
            TrustFile current = Current(parsed.GetValue(trust));
            long index = parsed.GetValue(from) ?? await AheadAsync(parsed.GetValue(credential), parsed.GetValue(ahead), cancel);
            var draft = new TrustDraft(current, index);
            int made = 0;
            foreach ((Option<string[]> option, int least, int most, Func<TrustDraft, string[], string?> change) in changes)
            {
                foreach (string value in parsed.GetValue(option) ?? [])
                {
                    string[] words = value.Split(',');
                    if (words.Length < least || words.Length > most || words.Any(static word => word.Length == 0))
                    {
                        throw new CliException(ExitCode.Usage, "change-malformed", $"{option.Name} takes {option.Description!.Split(". ")[0]}, not {Terminal.Printable(value)}.");
                    }

                    made++;
                    if (change(draft, words) is { } problem)
                    {
                        throw new CliException(ExitCode.Data, "change-refused", problem);
                    }
                }
            }

            return made > 0 ? Write(draft, current, parsed.GetValue(output)) : throw new CliException(ExitCode.Usage, "nothing-changes", "A proposal changes something: see notary trust propose --help.");
        });
        return command;
    }

    /// <summary>The trust file in force, as this user has it: the named one, or the only one.</summary>
    public static TrustFile Current(string? named)
    {
        TrustStore store = TrustStore.Load(named);
        return store.Files.Count switch
        {
            0 => throw new CliException(ExitCode.Configuration, "trust-not-found", "No trust file is at hand; name the one in force with --trust."),
            1 => store.Files[0].File,
            _ when store.Files.All(found => found.File.Fingerprint == store.Files[0].File.Fingerprint) => store.Files[0].File,
            _ => throw new CliException(ExitCode.Usage, "trust-ambiguous", "Several trust files are at hand; name the one in force with --trust."),
        };
    }

    /// <summary>Shows what a version changes, and who has to sign it still; of a first version, which follows none, what it says.</summary>
    public static void Show(TextWriter output, TrustProposal proposal, TrustFile? current)
    {
        if (current is null)
        {
            ShowFirst(output, proposal);
            return;
        }

        output.WriteLine($"version {proposal.Content.Version} of {Terminal.Printable(proposal.Content.Deployment)}, after version {current.Content.Version}");
        output.WriteLine($"fingerprint {proposal.Fingerprint.ToHex()}");
        foreach (string change in TrustChanges.Describe(current, proposal.Content))
        {
            output.WriteLine("  " + Terminal.Printable(change));
        }

        int signed = current.Content.GovernanceKeys.Count(key => proposal.IsSignedBy(key));
        output.WriteLine($"signed by {signed} of the {current.Content.GovernanceThreshold} governance keys of version {current.Content.Version} that have to");
        foreach (NoteKey key in proposal.Content.GovernanceKeys.Where(key => !current.Content.GovernanceKeys.Any(old => old.Algorithm == key.Algorithm && old.PublicKey.SequenceEqual(key.PublicKey)) && !proposal.IsSignedBy(key)))
        {
            output.WriteLine($"the new governance key {Terminal.Printable(key.Name)} has to sign too");
        }
    }

    private static void ShowFirst(TextWriter output, TrustProposal proposal)
    {
        TrustContent content = proposal.Content;
        output.WriteLine($"the first version of {Terminal.Printable(content.Deployment)}: {TrustNames.Of(content.Mode)}, required: {TrustNames.Of(content.Required)}");
        output.WriteLine($"fingerprint {proposal.Fingerprint.ToHex()}");
        foreach (NoteKey key in content.GovernanceKeys)
        {
            output.WriteLine("  governance: " + Terminal.Printable(key.Format()));
        }

        foreach (TrustedChain chain in content.Chains)
        {
            output.WriteLine($"  {Terminal.Printable(chain.Origin)} ({chain.Code}, {chain.Suite.Name}): the log signs with {Terminal.Printable(string.Join(", ", chain.LogKeys.Select(static key => key.Format())))}; its quorum policy:");
            foreach (string line in chain.PolicyText.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                output.WriteLine("    " + Terminal.Printable(line));
            }
        }

        output.WriteLine($"signed by {content.GovernanceKeys.Count(proposal.IsSignedBy)} of the {content.GovernanceThreshold} governance keys that have to");
    }

    private static int Write(TrustDraft draft, TrustFile current, string? output)
    {
        if (draft.TryFinish(out TrustProposal? proposal) is { } problem)
        {
            throw new CliException(ExitCode.Data, "proposal-refused", $"No trust file can say that ({problem.Failure}): {problem.Detail}.");
        }

        string path = Path.GetFullPath(output ?? FormattableString.Invariant($"trust-{proposal!.Content.Version}.proposal"));
        ProposalFile.RequireNew(path);
        DurableFile.Replace(path, proposal!.ToBytes());
        Show(Console.Out, proposal, current);
        if (proposal.ToBytes().Length > TrustRecord.MaxBytes * 3 / 4)
        {
            Terminal.Warn("trust-grows", $"It has {proposal.ToBytes().Length} bytes before its signatures; a leaf takes {TrustRecord.MaxBytes}.");
        }

        Console.WriteLine($"proposal: {path}");
        Console.WriteLine($"next: each governance officer reads it and signs, notary trust sign {Path.GetFileName(path)} --key FILE; then notary trust apply {Path.GetFileName(path)}");
        return ExitCode.Passed;
    }

    private static async Task<long> AheadAsync(string? credentialPath, long ahead, CancellationToken cancel)
    {
        using var client = new NotaryClient(CredentialFile.Find(credentialPath), TrustStore.Load());
        return await client.MainSizeUnverifiedAsync(cancel) + ahead;
    }

    private static NoteKey Key(string vkey) => NoteKey.TryParse(vkey, out NoteKey? key) is var problem && problem == NoteKeyProblem.None
        ? key!
        : throw new CliException(ExitCode.Data, "key-malformed", $"{Terminal.Printable(vkey)} is no verifier key ({problem}).");

    private static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
        ? number
        : throw new CliException(ExitCode.Usage, "change-malformed", $"{Terminal.Printable(text)} is no number.");

    private static string Read(string path)
    {
        try
        {
            return new FileInfo(path).Length <= TrustFile.MaxBytes ? File.ReadAllText(path) : throw new CliException(ExitCode.Data, "file-too-large", $"{path} is larger than a trust file.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.NoInput, "file-not-found", $"The file {path} cannot be read.", e);
        }
    }

    private static Genesis ReadGenesis(string path) => Genesis.TryParse(System.Text.Encoding.UTF8.GetBytes(Read(path)), out Genesis? genesis) is var problem && problem == GenesisProblem.None
        ? genesis!
        : throw new CliException(ExitCode.Data, "genesis-malformed", $"{path} is no genesis document ({problem}).");
}
