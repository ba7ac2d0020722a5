using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Client;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Chains;

/// <summary>
/// <c>notary network up</c>: a demonstration network as it is run in earnest, one process for the platform and one for each organisation's ledger nodes, on the loopback of this machine. Shows where it stands
/// until it is interrupted. A process that ends by itself is started again; until then the network shows what it can do without it.
/// </summary>
internal sealed class NetworkUp(string data, string dll)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan UntilRestart = TimeSpan.FromSeconds(10);

    private readonly List<Part> _parts = [];
    private string _shown = string.Empty;
    private int _drawn;
    private long _trust;

    public static Command Build()
    {
        Option<string?> data = ChainCommand.DataOption();
        var sidechains = new Option<string?>("--sidechains") { Description = "Folder of templates, read when the network is made; without it sidechains here or in a folder above." };
        var port = new Option<int>("--port") { Description = "Port of the platform; the organisations get those that follow. Counts when the network is made: the trust file names the addresses from then on.", DefaultValueFactory = _ => 5080 };
        NumberOption.Between(port, 1_024, 65_000);
        var server = new Option<string?>("--server") { Description = "Notary.Server.dll or its folder; without it, the one beside notary or in the repository's build." };
        var command = new Command("up", "Runs a demonstration network on this machine, the platform and each organisation's ledger nodes as a process of its own, and shows where it stands; an empty data folder gets one first.") { data, sidechains, port, server };
        command.SetAction((parsed, cancel) => RunAsync(parsed.GetValue(data), parsed.GetValue(sidechains), parsed.GetValue(port), parsed.GetValue(server), cancel));
        return command;
    }

    private static async Task<int> RunAsync(string? dataPath, string? sidechains, int port, string? server, CancellationToken cancel)
    {
        string dll = ServerProcess.FindDll(server);
        string path = Path.GetFullPath(dataPath ?? "data");
        var up = new NetworkUp(path, dll);
        up.ReadParts(sidechains, port);
        return await up.RunAsync(cancel);
    }

    private void ReadParts(string? sidechains, int port)
    {
        using DataFolder folder = DataFolder.Take(data, create: DataFolder.IsEmpty(data));
        if (folder.Chains.Count == 0)
        {
            // Also what an interrupted creation left: it is begun anew, and refuses what it must not touch.
            IReadOnlyList<ChainTemplate> templates = ChainTemplate.LoadAll(sidechains ?? ChainCommand.FindSidechains());
            Dictionary<string, string> organisations = NetworkCreation.Organisations(templates).Select((name, i) => (name, Address: Loopback(port + 1 + i) + "/mirror")).ToDictionary(one => one.name, one => one.Address);
            CreatedNetwork created = NetworkCreation.Create(folder, templates, "notary.example", folder.DevelopmentPassword(), TimeProvider.System, new NetworkAddresses(Loopback(port), organisations));
            NetworkCommand.Say(folder, templates, created);
        }

        if (folder.Organisations.Count == 0)
        {
            throw new CliException(ExitCode.Configuration, "network-in-one-process", $"What lies in {data} runs in one process: start the server on it, or name an empty folder with --data.");
        }

        TrustFile trust = TrustStore.Read(folder.TrustPath, TrustSource.DataFolder).File;
        // What the verb did not carry to everybody before it ended, it carries now.
        _trust = folder.Organisations.Min(organisation => TrustStore.Read(organisation.TrustPath, TrustSource.Named).File.Content.Version);
        foreach (OrganisationFolder organisation in folder.Organisations)
        {
            _parts.Add(new Part(organisation.Name, FormattableString.Invariant($"{organisation.Chains.Count} ledger node{(organisation.Chains.Count == 1 ? string.Empty : "s")}"), AddressOf(organisation, trust), Settings(organisation)));
        }

        _parts.Add(new Part("platform", FormattableString.Invariant($"{folder.Chains.Count} chains"), CredentialFile.Find(folder.CredentialPath).Server, [("Notary__Folders__Data", data)]));
    }

    private static string Loopback(int port) => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");

    private static Uri AddressOf(OrganisationFolder organisation, TrustFile trust) =>
        trust.Content.Chains.OrderBy(chain => chain.FromMainIndex).SelectMany(chain => chain.Policy.Witnesses).LastOrDefault(witness => witness.Name == organisation.Name && witness.Url is not null) is { } found
        && Uri.TryCreate(found.Url, UriKind.Absolute, out Uri? address) && address.IsLoopback
            ? address
            : throw new CliException(ExitCode.Configuration, "network-address", $"The trust file gives {organisation.Name} no address on this machine, so its nodes cannot be served where they are looked for.");

    /// <summary>What the server is told, as environment variables, to serve an organisation's nodes.</summary>
    public static List<(string Name, string Value)> Settings(OrganisationFolder organisation)
    {
        List<(string Name, string Value)> settings = [.. new[] { ("Notary__Nodes__TrustFile", organisation.TrustPath), ("Notary__Nodes__EntriesSecretFile", organisation.EntriesSecretPath) }.Where(static setting => File.Exists(setting.Item2))];
        IReadOnlyList<string> chains = organisation.Chains;
        for (int i = 0; i < chains.Count; i++)
        {
            string prefix = FormattableString.Invariant($"Notary__Nodes__Serve__{i}__");
            settings.Add((prefix + "Folder", organisation.Node(chains[i]).Root));
            settings.Add((prefix + "GenesisFile", organisation.GenesisPath(chains[i])));
            settings.Add((prefix + "PasswordFile", organisation.PasswordPath));
        }

        return settings;
    }

    private async Task<int> RunAsync(CancellationToken cancel)
    {
        CredentialFile credential = CredentialFile.Find(Path.Combine(data, "credential.json"));
        using var client = new NotaryClient(credential, TrustStore.Load(Path.Combine(data, "trust.note")));
        try
        {
            // The nodes first: the chains ask them at their start.
            await Task.WhenAll(_parts.SkipLast(1).Select(part => part.StartAsync(dll, cancel)));
            await _parts[^1].StartAsync(dll, cancel);
            foreach (Part part in _parts)
            {
                Console.WriteLine($"{part.Name,-18}{part.Address.GetLeftPart(UriPartial.Authority),-26}process {part.Id,-8}{part.What}");
            }

            string other = Directory.EnumerateFiles(Path.Combine(data, "credentials"), "*.json").Order(StringComparer.Ordinal).Last();
            Console.WriteLine($"Next: notary notarize FILE --credential {Path.GetRelativePath(Environment.CurrentDirectory, other)}; stop a process to see what the network does without it; Ctrl-C ends all of them.");
            while (true)
            {
                await ShowAsync(client, cancel);
                await Task.Delay(Every, cancel);
                foreach (Part part in _parts)
                {
                    await part.RestartAsync(dll, cancel);
                }
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return ExitCode.Passed;
        }
        finally
        {
            // The platform first, then all others at once.
            try
            {
                await _parts[^1].DisposeAsync();
            }
            finally
            {
                await Task.WhenAll(_parts.SkipLast(1).Select(part => part.DisposeAsync().AsTask()));
            }

            Console.WriteLine("All processes of the network have ended.");
        }
    }

    private async Task ShowAsync(NotaryClient client, CancellationToken cancel)
    {
        List<string> lines;
        List<string> troubles = [.. _parts.Where(part => part.Trouble is not null).Select(part => $"  {part.Name}: {part.Trouble}")];
        try
        {
            using JsonDocument answer = JsonDocument.Parse(await client.NetworkUnverifiedAsync(cancel));
            NetworkTable table = NetworkTable.Of(answer.RootElement);
            troubles.AddRange(await CarryTrustAsync(client, answer.RootElement.GetProperty("trust").GetProperty("version").GetInt64(), cancel));
            lines = [.. table.Lines, .. troubles];
            troubles.AddRange(table.Troubles);
        }
        catch (Exception wrong) when (wrong is NotaryClientException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            troubles.Add("  the platform does not say where the network stands: " + Terminal.Printable(wrong.Message));
            lines = troubles;
        }

        Draw(lines, string.Join('\n', troubles));
    }

    // At a terminal one table that changes; elsewhere a new one whenever something goes wrong or is well again.
    private void Draw(List<string> lines, string troubles)
    {
        if (Terminal.ShowsProgress)
        {
            Console.Write(_drawn > 0 ? FormattableString.Invariant($"\u001b[{_drawn}A\u001b[J") : "\n");
            int width = Math.Max(40, Console.WindowWidth - 1);
            lines.ForEach(line => Console.WriteLine(line.Length > width ? line[..width] : line));
            _drawn = lines.Count;
        }
        else if (_shown.Length == 0 || _shown != troubles + "\n")
        {
            Console.WriteLine($"{DateTimeOffset.UtcNow:HH:mm:ss} UTC");
            lines.ForEach(Console.WriteLine);
            _shown = troubles + "\n";
        }
    }

    // What each organisation's administrator does by 'notary trust update': forward only, each version checked against the one before. What could not be done is said, and tried again in the next round.
    private async Task<List<string>> CarryTrustAsync(NotaryClient client, long version, CancellationToken cancel)
    {
        if (version <= _trust)
        {
            return [];
        }

        long carried = version;
        var troubles = new List<string>();
        foreach (OrganisationFolder organisation in new DirectoryInfo(Path.Combine(data, "organisations")).EnumerateDirectories().Select(folder => new OrganisationFolder(folder.FullName)))
        {
            try
            {
                TrustFile known = TrustStore.Read(organisation.TrustPath, TrustSource.Named).File;
                IReadOnlyList<TrustFile> following = await client.FollowingTrustAsync(known, cancel);
                if (following.Count > 0)
                {
                    DurableFile.Replace(organisation.TrustPath, following[^1].ToBytes());
                    DurableFile.SyncFolder(organisation.Root);
                    known = following[^1];
                }

                carried = Math.Min(carried, known.Content.Version);
            }
            catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException or NotaryClientException)
            {
                carried = _trust;
                troubles.Add($"  {organisation.Name}: its trust file stays behind version {version}: {Terminal.Printable(wrong.Message)}");
            }
        }

        _trust = carried;
        return troubles;
    }

    /// <summary>One process of the network.</summary>
    private sealed class Part(string name, string what, Uri address, List<(string Name, string Value)> settings) : IAsyncDisposable
    {
        private ServerProcess? _process;
        private string? _ended;
        private DateTime _again;

        public string Name => name;

        public string What => what;

        public Uri Address => address;

        public int Id => _process?.Id ?? 0;

        /// <summary>Why it does not run, or null.</summary>
        public string? Trouble => _ended is null ? null : _ended + " It is started again.";

        public async Task StartAsync(string dll, CancellationToken cancel) => _process = await ServerProcess.StartAsync(dll, address, settings, cancel);

        /// <summary>Notices that the process has ended, and starts it again after a while.</summary>
        public async Task RestartAsync(string dll, CancellationToken cancel)
        {
            if (_process?.Ended is { } ended)
            {
                await _process.DisposeAsync();
                (_process, _ended, _again) = (null, ended, DateTime.UtcNow + UntilRestart);
            }

            if (_process is null && DateTime.UtcNow >= _again)
            {
                try
                {
                    await StartAsync(dll, cancel);
                    _ended = null;
                }
                catch (CliException refused)
                {
                    (_ended, _again) = (refused.Message, DateTime.UtcNow + UntilRestart);
                }
            }
        }

        public async ValueTask DisposeAsync()
        {
            if (_process is not null)
            {
                await _process.DisposeAsync();
            }
        }
    }
}
