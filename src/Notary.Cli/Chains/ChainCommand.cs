using System.CommandLine;
using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Chain.Store;
using Notary.Crypto.Keys;

namespace Notary.Cli.Chains;

/// <summary>
/// <c>notary chain create NAME</c>: the only way, outside Development, in which a chain comes into being; <c>notary chain move NAME</c>: takes its tables to PostgreSQL.
/// </summary>
internal static class ChainCommand
{
    public static Command Build() => new("chain", "Creates chains and further keys of their logs, moves their tables, refills them from their ledger nodes, and closes what cannot be refilled.") { Create(), Keygen(), Move(), RecoverCommand.Build(), CloseCommand.Build() };

    private static Command Create()
    {
        var name = new Argument<string>("NAME") { Description = "The chain's name, which is that of its template." };
        var template = new Option<string?>("--template") { Description = "Template folder; without it sidechains/NAME here or in a folder above." };
        Option<string?> data = DataOption();
        var deployment = new Option<string>("--deployment") { Description = "The deployment's name, the first part of the origin; it never changes afterwards. In a network's folder it is the network's.", DefaultValueFactory = _ => "notary.example" };
        Option<string?> password = ClientOptions.PasswordFile();
        var command = new Command("create", "Makes keys, genesis and the first records of a chain in the data folder; in the folder of a demonstration network also its ledger nodes, and the version of the trust file that knows it. Under offline governance in two halves: with --governance and --node it writes what governance signs, with --signed it makes the chain.") { name, template, data, deployment, password };
        var ceremony = new ChainCeremonyVerb();
        ceremony.AddTo(command);
        command.SetAction((parsed, _) => RunAsync(
            parsed, ceremony, parsed.GetValue(name)!, parsed.GetValue(template), parsed.GetValue(data), parsed.GetValue(deployment)!, parsed.GetValue(password)));
        return command;
    }

    private static Command Move()
    {
        var name = new Argument<string>("NAME") { Description = "The chain's name." };
        var connection = new Option<string>("--connection") { Description = "The empty PostgreSQL database, as a connection string of Npgsql without a password: \"Host=/run/postgresql;Database=notary_beijing;Username=notary\".", Required = true };
        var waive = new Option<bool>("--waive-standby") { Description = "Accepts a server without a synchronous standby: where one machine has to do." };
        Option<string?> data = DataOption();
        var command = new Command("move", "Moves a chain's tables from the file in the data folder to PostgreSQL, where several servers may append to it.") { name, connection, waive, data };
        command.SetAction(parsed => Move(parsed.GetValue(name)!, parsed.GetValue(connection)!, parsed.GetValue(waive), parsed.GetValue(data)));
        return command;
    }

    private static Command Keygen()
    {
        var name = new Argument<string>("NAME") { Description = "The chain's name." };
        Option<string?> data = DataOption();
        Option<string?> password = ClientOptions.PasswordFile();
        var command = new Command("keygen", "Makes a further log key in a chain's folder, also while a server runs on it, and prints its verifier key for notary trust propose --rotate-log.") { name, data, password };
        command.SetAction(parsed => RunKeygen(parsed.GetValue(name)!, DataFolderPath(parsed.GetValue(data)), parsed.GetValue(password)));
        return command;
    }

    private static int RunKeygen(string name, string dataPath, string? passwordFile)
    {
        CheckName(name);
        // The password of the folder's other keys: a server on it opens all of them with one.
        string drawn = Path.Combine(dataPath, "passwords");
        string password = ClientOptions.ReadPassword(passwordFile ?? (File.Exists(drawn) ? drawn
            : throw new CliException(ExitCode.Usage, "password-needed", "Name the password of the chain's key files with --password-file.")));
        Console.WriteLine(new ChainFolder(Path.Combine(dataPath, "chains", name)).CreateLogKey(password).Format());
        return ExitCode.Passed;
    }

    /// <summary>Refuses what is no name of a chain's folder.</summary>
    public static void CheckName(string name)
    {
        if (name.Length == 0 || name.Contains('/', StringComparison.Ordinal) || name.StartsWith('.'))
        {
            throw new CliException(ExitCode.Usage, "chain-name", "A chain's name is that of its folder.");
        }
    }

    /// <summary>The option that names a data folder.</summary>
    public static Option<string?> DataOption() => new("--data") { Description = "The data folder; without it data here, or in the nearest folder above that has one." };

    /// <summary>The data folder that was named, else the nearest <c>data</c> upward that holds one, else <c>./data</c>.</summary>
    public static string DataFolderPath(string? named)
    {
        if (named is not null)
        {
            return Path.GetFullPath(named);
        }

        for (DirectoryInfo? folder = new(Environment.CurrentDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "data");
            if (File.Exists(Path.Combine(candidate, "VERSION")))
            {
                return candidate;
            }
        }

        return Path.GetFullPath("data");
    }

    /// <summary>A refusal of the chain's own, as this command's failure.</summary>
    public static CliException Refused(ChainRefusedException refused) => new(
        refused.Refusal switch
        {
            ChainRefusal.Exists => ExitCode.CannotCreate,
            ChainRefusal.Inconsistent or ChainRefusal.Forked or ChainRefusal.EntriesLost or ChainRefusal.Recoverable or ChainRefusal.Closed or ChainRefusal.NotClosable => ExitCode.Failed,
            ChainRefusal.Locked => ExitCode.Unavailable,
            ChainRefusal.Template => ExitCode.NoInput,
            ChainRefusal.NotSigned => ExitCode.Data,
            ChainRefusal.Trust or ChainRefusal.MirrorsMissing => ExitCode.Unavailable,
            _ => ExitCode.Configuration,
        },
        "chain-" + Hyphenated(refused.Refusal.ToString()),
        refused.Message.ReplaceLineEndings(" "),
        refused);

    private static ChainTemplate TemplateOf(string name, string? folder)
    {
        ChainTemplate template = ChainTemplate.Load(folder ?? FindTemplate(name));
        return string.Equals(template.Name, name, StringComparison.Ordinal)
            ? template
            : throw new CliException(ExitCode.Usage, "template-name", $"The template {template.Folder} is of the chain {template.Name}, not {name}.");
    }

    private static async Task<int> RunAsync(ParseResult parsed, ChainCeremonyVerb ceremony, string name, string? templateFolder, string? dataPath, string deployment, string? passwordFile)
    {
        try
        {
            CheckName(name);
            ChainTemplate? template = ceremony.IsSecondHalf(parsed) ? null : TemplateOf(name, templateFolder);
            using DataFolder data = DataFolder.Take(DataFolderPath(dataPath), create: true);
            if (ceremony.IsAskedFor(parsed, data))
            {
                return ceremony.Run(parsed, data, name, template, deployment, passwordFile);
            }

            string password = passwordFile is not null ? ClientOptions.ReadPassword(passwordFile) : data.DevelopmentPassword();
            if (RegionCreation.IsNetwork(data))
            {
                return await AddRegionAsync(data, template!, password);
            }

            CreatedChain created = ChainCreation.Create(data, template!, deployment, password, TimeProvider.System);
            Console.WriteLine($"created: {created.Genesis.Origin} ({created.Genesis.Code}, {created.Genesis.Suite.Name}), genesis {created.Genesis.Fingerprint.ToHex()}");
            Console.WriteLine($"trust file: {data.TrustPath}, fingerprint {created.TrustFingerprint}");
            foreach (string file in created.Files)
            {
                Console.WriteLine($"  {file}");
            }

            if (passwordFile is null)
            {
                Terminal.Warn("development-password", $"The keys' password was drawn and lies in {data.PasswordPath}; only a server in Development takes it from there.");
            }

            return ExitCode.Passed;
        }
        catch (KeyFileException e)
        {
            throw new CliException(ExitCode.CannotCreate, "key-file", e.Message, e);
        }
    }

    private static int Move(string name, string connection, bool waiveStandby, string? dataPath)
    {
        if (connection.Contains("password", StringComparison.OrdinalIgnoreCase))
        {
            throw new CliException(
                ExitCode.Usage, "password-on-command-line", "Everybody on this machine sees a password on a command line: leave it out; Npgsql reads it from the file that Passfile or PGPASSFILE names.");
        }

        try
        {
            using DataFolder data = DataFolder.Take(DataFolderPath(dataPath), create: false);
            ChainFolder folder = data.Chain(name);
            long size = ChainMove.ToPostgres(folder, connection, waiveStandby);
            Console.WriteLine($"moved: {name}, {size} leaves, to PostgreSQL; the address lies in {folder.DatabaseAddressPath}");
            Console.WriteLine($"The file it lay in is {folder.DatabasePath}.moved: keep it until 'notary fsck' is clean, and never start a server on it again.");
            return ExitCode.Passed;
        }
        catch (DatabaseFailureException e)
        {
            throw new CliException(ExitCode.Unavailable, "database", $"The chain is where it was: {e.Message}", e);
        }
        catch (ArgumentException e)
        {
            throw new CliException(ExitCode.Usage, "connection-string", $"'{connection}' is {e.Message}.", e);
        }
    }

    private static async Task<int> AddRegionAsync(DataFolder data, ChainTemplate template, string password)
    {
        CreatedRegion created = await RegionCreation.CreateAsync(data, template, password, TimeProvider.System);
        Console.WriteLine($"created: {created.Genesis.Origin} ({created.Genesis.Code}, {created.Genesis.Suite.Name}), genesis {created.Genesis.Fingerprint.ToHex()}, ledger nodes {string.Join(", ", template.Nodes)}");
        Console.WriteLine($"trust file: {data.TrustPath}, version {created.Trust.Content.Version}, fingerprint {created.Trust.Fingerprint.ToHex()}");
        Console.WriteLine($"credential: {Path.Combine(data.CredentialsPath, template.Name + ".json")}");
        if (created.Waiting.Count > 0)
        {
            Terminal.Warn("trust-waiting", $"The version is not yet on {string.Join(", ", created.Waiting)}; the server carries it there when it starts.");
        }

        return ExitCode.Passed;
    }

    /// <summary>The nearest folder <c>sidechains</c> here or above.</summary>
    public static string FindSidechains() => FindAbove("sidechains")
        ?? throw new CliException(ExitCode.NoInput, "template-not-found", "There is no sidechains folder here or in a folder above; name it with --sidechains.");

    private static string FindTemplate(string name) => FindAbove(Path.Combine("sidechains", name))
        ?? throw new CliException(ExitCode.NoInput, "template-not-found", $"There is no sidechains/{name} here or in a folder above; name the template with --template.");

    private static string? FindAbove(string relative)
    {
        for (DirectoryInfo? folder = new(Environment.CurrentDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, relative);
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }

    private static string Hyphenated(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? string.Empty : "-") + char.ToLowerInvariant(c) : c.ToString()));
}
