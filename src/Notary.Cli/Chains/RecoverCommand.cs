using System.CommandLine;
using System.Globalization;
using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Chain.Recovery;
using Notary.Chain.Store;
using Notary.Ledger;

namespace Notary.Cli.Chains;

/// <summary><c>notary chain recover NAME</c>: refills a chain whose database was put back or lost from its ledger nodes.</summary>
internal static class RecoverCommand
{
    private const int RangesShown = 20;

    public static Command Build()
    {
        var name = new Argument<string>("NAME") { Description = "The chain's name: its folder with genesis and keys is there." };
        Option<string[]> mirror = MirrorOption();
        Option<string[]> secret = SecretOption();
        var fewer = new Option<bool>("--fewer-mirrors") { Description = "Goes by the nodes that answer, though they are too few: what was sealed above their checkpoints gets a second history, which whoever holds a receipt of it can prove." };
        Option<string?> data = ChainCommand.DataOption();
        Option<string?> password = ClientOptions.PasswordFile();
        var command = new Command("recover", "Refills a chain whose database was put back or lost (its server stopped) from its ledger nodes, up to the largest checkpoint that the log has signed. Secrets, digests and metadata of the records do not come back.")
            { name, mirror, secret, fewer, data, password };
        command.SetAction((parsed, cancel) => RunAsync(
            parsed.GetValue(name)!, Ways(parsed.GetValue(mirror), parsed.GetValue(secret)), parsed.GetValue(fewer), parsed.GetValue(data), parsed.GetValue(password), cancel));
        return command;
    }

    /// <summary>The option that says where ledger nodes answer.</summary>
    public static Option<string[]> MirrorOption() => new("--mirror") { Description = "NAME=URL: where a ledger node answers, instead of the address in the trust file; may be repeated. A node whose folder lies in the data folder needs none." };

    /// <summary>The option that opens their entries.</summary>
    public static Option<string[]> SecretOption() => new("--entries-secret") { Description = "NAME=FILE: the secret that opens a node's entries, in the first line of a file; may be repeated." };

    /// <summary>The ways to ledger nodes that do not lie here, by these options.</summary>
    public static Func<PolicyWitness, IMirror?> Ways(string[]? mirrors, string[]? secretFiles)
    {
        Dictionary<string, Uri> prefixes = Pairs(mirrors, "--mirror").ToDictionary(static pair => pair.Key, static pair => PrefixOf(pair.Key, pair.Value), StringComparer.Ordinal);
        Dictionary<string, string> secrets = Pairs(secretFiles, "--entries-secret").ToDictionary(static pair => pair.Key, static pair => SecretOf(pair.Value), StringComparer.Ordinal);
        return witness => AddressOf(witness, prefixes) is { } prefix ? new HttpMirror(prefix, secrets.GetValueOrDefault(witness.Name)) : null;
    }

    /// <summary>The password of the key files in a data folder.</summary>
    public static string PasswordOf(DataFolder data, string? passwordFile) => passwordFile is not null ? ClientOptions.ReadPassword(passwordFile) : File.Exists(data.PasswordPath) ? data.DevelopmentPassword()
        : throw new CliException(ExitCode.Usage, "password-needed", "Name the password of the chain's key files with --password-file.");

    private static async Task<int> RunAsync(
        string name, Func<PolicyWitness, IMirror?> ways, bool fewer, string? dataPath, string? passwordFile, CancellationToken cancel)
    {
        try
        {
            ChainCommand.CheckName(name);
            using DataFolder data = DataFolder.Take(ChainCommand.DataFolderPath(dataPath), create: false);
            var options = new RecoveryOptions { Password = PasswordOf(data, passwordFile), FewerMirrors = fewer, Remote = ways };
            Print(name, await ChainRecovery.RunAsync(data, name, options, Terminal.ShowsProgress ? new Progress<long>(leaves => Console.Error.Write($"\r{leaves} leaves\r")) : null, cancel));
            return ExitCode.Passed;
        }
        catch (DatabaseFailureException e)
        {
            throw new CliException(ExitCode.Unavailable, "database", $"The database failed; what it holds is a prefix of the chain, and the same command goes on from there: {e.Message}", e);
        }
    }

    private static void Print(string name, RecoveryReport report)
    {
        foreach (string warning in report.Warnings)
        {
            Terminal.Warn("mirror", Terminal.Printable(warning) + ".");
        }

        if (report.Size == report.Before)
        {
            Console.WriteLine($"nothing to recover: {name} holds {report.Size} leaves and extends the largest checkpoint that its ledger nodes show (size {report.MirroredSize})");
        }
        else
        {
            Console.WriteLine($"recovered: {name}, leaves {report.Before} to {report.Size - 1} from {string.Join(", ", report.From.Select(Terminal.Printable))}; size {report.Size}, root {report.Root.ToHex()}, as the log signed it");
        }

        if (report.IndexRebuilt)
        {
            Console.WriteLine("look-up index made anew");
        }

        if (report.Lost.Count > 0)
        {
            string ranges = string.Join(", ", report.Lost.Take(RangesShown).Select(static range => string.Create(CultureInfo.InvariantCulture, $"{range.First} to {range.Last}")));
            string more = report.Lost.Count > RangesShown ? $" and {report.Lost.Count - RangesShown} more ranges" : string.Empty;
            Console.WriteLine($"lost with the database: secrets, digests and metadata of {report.Lost.Sum(static range => range.Count)} records (index {ranges}{more}), which no ledger node ever had. Their proofs can be had, their receipts and packages only from those who hold them; these verify as before. They are not found by digest.");
        }

        if (report.Size > report.Before)
        {
            Console.WriteLine($"lost with the database: the idempotency keys of what was sealed from leaf {report.Before} on. A request that is sent again with such a key is sealed a second time.");
            Console.WriteLine("next: notary fsck, then start the server");
        }
    }

    private static string SecretOf(string path)
    {
        string secret = ClientOptions.ReadPassword(path).Trim();
        return secret.Length > 0 && secret.All(static c => c is > ' ' and < (char)0x7F)
            ? secret
            : throw new CliException(ExitCode.Data, "entries-secret", $"The first line of {path} is no secret of a ledger node: it is printable ASCII without spaces.");
    }

    // The address that was named, else the trust file's.
    private static Uri? AddressOf(PolicyWitness witness, Dictionary<string, Uri> prefixes) =>
        prefixes.TryGetValue(witness.Name, out Uri? named) ? named : witness.Url is { } url ? PrefixOf(witness.Name, url) : null;

    private static Uri PrefixOf(string name, string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out Uri? prefix) && prefix.Scheme is "http" or "https" && prefix.Query.Length == 0 && prefix.Fragment.Length == 0 && prefix.UserInfo.Length == 0
            ? prefix
            : throw new CliException(ExitCode.Usage, "mirror-address", $"'{address}' of {name} is no address of a ledger node: it takes a submission prefix such as https://court.example/mirror.");

    private static Dictionary<string, string> Pairs(string[]? values, string option)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string value in values ?? [])
        {
            int equals = value.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == value.Length - 1 || !pairs.TryAdd(value[..equals], value[(equals + 1)..]))
            {
                throw new CliException(ExitCode.Usage, "usage", $"{option} takes the name of a ledger node, '=' and a value, each name once; '{value}' is none.");
            }
        }

        return pairs;
    }
}
