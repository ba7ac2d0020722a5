using System.CommandLine;
using Notary.Chain.Folders;
using Notary.Client;
using Notary.Cli.Governance;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Chains;

/// <summary>
/// <c>notary chain create</c> outside development and demonstration: with <c>--governance</c> it makes keys and genesis and writes what governance signs; with <c>--signed</c> it seals what was signed.
/// </summary>
internal sealed class ChainCeremonyVerb
{
    private readonly Option<string[]> _governance = new("--governance") { Description = "Verifier key of a governance key, which is offline; may be repeated. Without it, where a trust file is in force, those of that.", AllowMultipleArgumentsPerToken = true };
    private readonly Option<int?> _threshold = new("--threshold") { Description = "How many governance keys have to sign." };
    private readonly Option<string[]> _nodes = new("--node") { Description = "NAME=VKEY@URL: a ledger node that the template names, the key that its organisation made, and where it takes submissions; once for each.", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string?> _account = new("--account") { Description = "The first service account; with --spki." };
    private readonly Option<string?> _spki = new("--spki") { Description = "File with its public key: DER, PEM, base64, or what notary keygen printed." };
    private readonly Option<string?> _until = new("--until") { Description = "First instant after the key's validity; without it three years from now." };
    private readonly Option<string> _out = new("--out") { Description = "Folder for what governance signs; existing files are never overwritten.", DefaultValueFactory = _ => "." };
    private readonly Option<string?> _signed = new("--signed") { Description = "The proposal with its signatures: seals the first records of the chain that was begun." };
    private readonly Option<string?> _trust = new("--trust") { Description = "With --signed: the first version of the trust file with its signatures, where none is in force." };
    private readonly Option<string> _server = new("--server") { Description = "With --signed: where the server will be reached, for the credential of the first account.", DefaultValueFactory = _ => ChainCreation.DevelopmentServer };

    public ChainCeremonyVerb() => NumberOption.Between(_threshold, 1, 32);

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _governance, _threshold, _nodes, _account, _spki, _until, _out, _signed, _trust, _server })
        {
            command.Add(option);
        }
    }

    /// <summary>Whether the command line, or what lies in the data folder, asks for a ceremony.</summary>
    public bool IsAskedFor(ParseResult parsed, DataFolder data) =>
        IsSecondHalf(parsed) || parsed.GetValue(_governance) is { Length: > 0 } || parsed.GetValue(_nodes) is { Length: > 0 } || ChainCeremony.IsProduction(data);

    /// <summary>Whether it is to seal what was signed.</summary>
    public bool IsSecondHalf(ParseResult parsed) => parsed.GetValue(_signed) is not null;

    /// <summary>Runs the half that the command line asks for.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="data">Held by this process.</param>
    /// <param name="name">The chain.</param>
    /// <param name="template">Its template; null in the second half, which needs none.</param>
    /// <param name="deployment">As it was given, or the default.</param>
    /// <param name="passwordFile">Demanded: outside development no password is drawn.</param>
    public int Run(ParseResult parsed, DataFolder data, string name, ChainTemplate? template, string deployment, string? passwordFile)
    {
        string password = ClientOptions.ReadPassword(passwordFile ?? throw new CliException(ExitCode.Usage, "password-needed", "Name the password of the chain's key files with --password-file: outside development none is drawn."));
        return parsed.GetValue(_signed) is { } signed ? Finish(parsed, data, name, signed, password) : Begin(parsed, data, template!, deployment, password);
    }

    private int Begin(ParseResult parsed, DataFolder data, ChainTemplate template, string deployment, string password)
    {
        TrustFile? inForce = ChainCeremony.InForce(data);
        List<NoteKey> governance = [.. (parsed.GetValue(_governance) ?? []).Select(Key)];
        if (governance.Count == 0 && inForce is null)
        {
            throw new CliException(ExitCode.Usage, "governance-needed", "Name the verifier keys of governance with --governance, and how many have to sign with --threshold.");
        }

        // Of the trust file those of the chain's suite: a chain's genesis knows one suite.
        bool own = governance.Count > 0;
        governance = own ? governance : [.. inForce!.Content.GovernanceKeys.Where(key => key.Suite.Id == template.Suite.Id)];
        int threshold = parsed.GetValue(_threshold) ?? (own ? throw new CliException(ExitCode.Usage, "threshold-needed", "Say how many governance keys have to sign with --threshold.") : inForce!.Content.GovernanceThreshold);
        var nodes = new Dictionary<string, CeremonyNode>(StringComparer.Ordinal);
        foreach ((string node, CeremonyNode made) in (parsed.GetValue(_nodes) ?? []).Select(Node))
        {
            if (!nodes.TryAdd(node, made))
            {
                throw new CliException(ExitCode.Usage, "node-twice", $"The node {Terminal.Printable(node)} is given twice.");
            }
        }

        BegunChain begun = ChainCeremony.Begin(data, template, new CeremonyParts(inForce?.Content.Deployment ?? deployment, governance, threshold, nodes, Account(parsed)), password, TimeProvider.System);
        return Write(parsed.GetValue(_out)!, begun);
    }

    private KeyRecord? Account(ParseResult parsed)
    {
        string? account = parsed.GetValue(_account);
        string? spki = parsed.GetValue(_spki);
        if ((account is null) != (spki is null))
        {
            throw new CliException(ExitCode.Usage, "account-key", "The first service account takes --account and --spki together.");
        }

        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return account is null ? null : KeyCommand.Record(
            account, spki!, [KeyRecord.Any], [], KeyRecord.PurposeName(KeyPurpose.Submitter), RecordTime.ToMilliseconds(now),
            parsed.GetValue(_until) is { } until ? KeyCommand.Time(until, "--until") : RecordTime.ToMilliseconds(now.AddYears(3)));
    }

    // Interrupted here, the same verb again writes what is missing: the keys are made once.
    private static int Write(string folder, BegunChain begun)
    {
        string name = begun.Genesis.Chain;
        string trust = FormattableString.Invariant($"trust-{begun.Trust.Content.Version}.proposal");
        List<(string Path, byte[] Bytes)> files =
        [
            (Path.GetFullPath(Path.Combine(folder, name + ".genesis.json")), begun.Genesis.Canonical.ToArray()),
            (Path.GetFullPath(Path.Combine(folder, trust)), begun.Trust.ToBytes()),
            (Path.GetFullPath(Path.Combine(folder, name + ".proposal")), begun.Documents.ToBytes()),
        ];
        List<(string Path, byte[] Bytes)> missing = files.FindAll(static file => !File.Exists(file.Path));
        if (missing.Count == 0)
        {
            throw new CliException(ExitCode.CannotCreate, "proposal-exists", $"{files[2].Path} exists already; it may hold signatures, so it is not overwritten.");
        }

        missing.ForEach(static file => DurableFile.Replace(file.Path, file.Bytes));
        Console.WriteLine($"begun: {begun.Genesis.Origin} ({begun.Genesis.Code}, {begun.Genesis.Suite.Name}), genesis {begun.Genesis.Fingerprint.ToHex()}");

        // What lies there is signed, which an earlier run may have written.
        GovernanceProposal documents = GovernanceCommand.Read(files[2].Path);
        TrustProposal version = TrustSign.Read(files[1].Path);
        GovernanceCommand.Show(Console.Out, documents, static _ => null);
        TrustPropose.Show(Console.Out, version, begun.Before);
        files.ForEach(static file => Console.WriteLine($"  {file.Path}"));
        Console.WriteLine($"fingerprint of {name}.proposal {documents.Fingerprint.ToHex()}");
        Console.WriteLine($"fingerprint of {trust} {version.Fingerprint.ToHex()}");
        Console.WriteLine($"next: each governance officer reads and signs both, notary governance sign {name}.proposal --key FILE and notary trust sign {trust} --key FILE; each node's organisation gets {name}.genesis.json");
        Console.WriteLine(begun.Before is null
            ? $"then: notary chain create {name} --signed {name}.proposal --trust {trust}"
            : $"then, while the server runs: notary trust apply {trust}; and with the server stopped: notary chain create {name} --signed {name}.proposal");
        return ExitCode.Passed;
    }

    private int Finish(ParseResult parsed, DataFolder data, string name, string signed, string password)
    {
        GovernanceProposal documents = GovernanceCommand.Read(signed);
        string server = parsed.GetValue(_server)!;
        if (!Uri.TryCreate(server, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https"))
        {
            throw new CliException(ExitCode.Usage, "server-address", $"{Terminal.Printable(server)} is no address of a server.");
        }

        TrustFile? first = null;
        if (parsed.GetValue(_trust) is { } trust && TrustFile.TryParse(TrustSign.Read(trust).ToBytes(), out first) is { } problem)
        {
            throw new CliException(ExitCode.Data, "proposal-unsigned", $"{trust} lacks signatures ({problem.Failure}): {problem.Detail}.");
        }

        (Genesis genesis, TrustFile inForce, string? credential) = ChainCeremony.Finish(data, name, documents, first, server, password, TimeProvider.System);
        Console.WriteLine($"created: {genesis.Origin} ({genesis.Code}, {genesis.Suite.Name}), genesis {genesis.Fingerprint.ToHex()}");
        Console.WriteLine($"trust file: {data.TrustPath}, version {inForce.Content.Version}, fingerprint {inForce.Fingerprint.ToHex()}: publish it, and give each node's organisation the file");
        if (credential is not null)
        {
            Console.WriteLine($"credential: {credential}");
        }

        Console.WriteLine("next: the organisations start their nodes, notary node run FOLDER; then start the server");
        return ExitCode.Passed;
    }

    private static NoteKey Key(string vkey) => NoteKey.TryParse(vkey, out NoteKey? key) is var problem && problem == NoteKeyProblem.None
        ? key!
        : throw new CliException(ExitCode.Data, "key-malformed", $"{Terminal.Printable(vkey)} is no verifier key ({problem}).");

    // Neither a node's name has an equals sign, nor a verifier key's base64 an at.
    private static (string Name, CeremonyNode Node) Node(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        int at = text.IndexOf("@http", StringComparison.Ordinal);
        if (equals < 1 || at < equals || !Uri.TryCreate(text[(at + 1)..], UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
        {
            throw new CliException(ExitCode.Usage, "node-malformed", $"--node takes NAME=VKEY@URL with the address of the node's submissions, not {Terminal.Printable(text)}.");
        }

        return (text[..equals], new CeremonyNode(Key(text[(equals + 1)..at]), text[(at + 1)..]));
    }
}
