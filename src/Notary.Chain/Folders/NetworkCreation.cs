using System.Collections.Concurrent;
using Notary.Chain.Nodes;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Folders;

/// <summary>What the creation of a network made.</summary>
/// <param name="Trust">Its trust file, version 1.</param>
/// <param name="Chains">The chains, in the order of their names.</param>
/// <param name="Nodes">How many ledger nodes.</param>
public sealed record CreatedNetwork(TrustFile Trust, IReadOnlyList<Genesis> Chains, int Nodes);

/// <summary>Where the processes of a network listen that runs as several.</summary>
/// <param name="Server">The platform, as clients reach it.</param>
/// <param name="Organisations">Each organisation's nodes (C2SP tlog-mirror submission prefix), by the names of <see cref="NetworkCreation.Organisations"/>.</param>
public sealed record NetworkAddresses(string Server, IReadOnlyDictionary<string, string> Organisations);

/// <summary>
/// The verb that makes a whole demonstration network in one data folder: main chain, regions, and the ledger nodes of all of them, under one trust file that says
/// <c>demonstration</c>, for all nodes are under one operator. FORMATS' order of keys, genesis, trust file and first leaves, in one go.
/// </summary>
/// <remarks>
/// Everything is built in <c>chains.new</c> and <c>nodes.new</c> (or <c>organisations.new</c>) and renamed at the end, the chains last: an interrupted creation leaves no chain, and the next one starts over. Nothing that bears its final name
/// is ever deleted, for it may be the last copy of a chain: a creation that was interrupted between the two renames is cleared by hand.
/// Each chain's first leaves are its policies, the development account's key, and the trust file. With addresses given, the nodes are made to be run by processes of their own, one an organisation: in
/// <c>organisations</c> instead of <c>nodes</c>, each with its own password.
/// </remarks>
public static class NetworkCreation
{
    private static readonly string[] Places = ["chains", "nodes", "organisations"];

    /// <summary>Makes the network.</summary>
    /// <param name="data">The data folder, held by this process; it has no chain yet.</param>
    /// <param name="templates">One of them the main chain's; each with ledger nodes, all of one suite (the governance key's).</param>
    /// <param name="deployment">First part of the origins.</param>
    /// <param name="password">Protects the key files.</param>
    /// <param name="time">The clock.</param>
    /// <param name="addresses">Where the processes will listen; null: all nodes run in the server's process.</param>
    /// <exception cref="ChainRefusedException">There are chains already, a template is wrong, the folder cannot be written.</exception>
    public static CreatedNetwork Create(
        DataFolder data, IReadOnlyList<ChainTemplate> templates, string deployment, string password, TimeProvider time, NetworkAddresses? addresses = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(templates);
        ArgumentNullException.ThrowIfNull(time);
        Check(data, templates);
        var chains = Path.Combine(data.Root, "chains");
        var nodes = Path.Combine(data.Root, addresses is null ? "nodes" : "organisations");
        try
        {
            foreach (var empty in new[] { chains, nodes }.Where(Directory.Exists))
            {
                Directory.Delete(empty);
            }

            // Of either form: what was begun as one process may be begun anew as several.
            foreach (var left in Places.Select(name => Path.Combine(data.Root, name + ".new")).Where(Directory.Exists))
            {
                Directory.Delete(left, recursive: true);
            }

            DurableFile.CreateOwnerOnlyFolder(chains + ".new");
            DurableFile.CreateOwnerOnlyFolder(nodes + ".new");
            var organisations = addresses?.Organisations.Keys.ToDictionary(static name => name, name => new OrganisationFolder(Path.Combine(nodes + ".new", name)));
            var passwords = organisations?.ToDictionary(static one => one.Key, static one => one.Value.Create());
            using var governance = GovernanceKey.Take(data, deployment, templates[0].Suite, password);
            var made = new ConcurrentBag<NewChain>();
            try
            {
                var keys = new ConcurrentDictionary<(string Chain, string Node), NoteKey>();
                IEnumerable<Action> steps =
                [
                    .. templates.Select<ChainTemplate, Action>(template => () => made.Add(NewChain.Make(template, new ChainFolder(Path.Combine(chains + ".new", template.Name)), deployment, governance, password, time))),
                    .. templates.SelectMany(template => template.Nodes.Select<string, Action>(node => () => keys[(template.Name, node)] =
                        (organisations?[node].Node(template.Name) ?? new NodeFolder(Path.Combine(nodes + ".new", template.Name, node)))
                        .Create($"{deployment}/{template.Name}/{node}", template.Suite, passwords?[node] ?? password))),
                ];
                Together.Run(steps, static step => step());

                var sorted = made.OrderBy(static chain => chain.Template.Name, StringComparer.Ordinal).ToList();
                var trusted = sorted.Select(chain => TrustedChain.Create(
                    chain.Genesis.Origin, chain.Genesis.Code, chain.Genesis.Suite, [chain.Genesis.LogKey], chain.Template.PolicyWith(chain.Template.Nodes.ToDictionary(node => node, node => keys[(chain.Template.Name, node)]), addresses?.Organisations)));
                var trust = TrustFile.Create(new TrustContent(deployment, 1, null, TrustMode.Demonstration, RecordState.Anchored, 1, [governance.Key], [.. trusted]), governance.Signer);
                sorted.ForEach(chain => chain.SealFirstLeaves(governance, trust, time));
                WriteCredentials(data, sorted, addresses?.Server ?? ChainCreation.DevelopmentServer);
                DurableFile.Replace(data.TrustPath, trust.ToBytes());
                DurableFile.SyncFolder(data.Root);
                foreach (var (_, organisation) in organisations ?? [])
                {
                    organisation.Publish(sorted.Where(chain => chain.Template.Nodes.Contains(organisation.Name)).Select(static chain => chain.Genesis), trust);
                }

                sorted.ForEach(chain => DurableFile.SyncFolder(Path.Combine(chains + ".new", chain.Template.Name)));
                DurableFile.SyncFolder(chains + ".new");
                DurableFile.SyncFolder(nodes + ".new");
                Directory.Move(nodes + ".new", nodes);
                Directory.Move(chains + ".new", chains);
                DurableFile.SyncFolder(data.Root);
                return new CreatedNetwork(trust, [.. sorted.Select(static chain => chain.Genesis)], keys.Count);
            }
            finally
            {
                foreach (var chain in made)
                {
                    chain.Dispose();
                }
            }
        }
        catch (Exception failure) when (NewChain.RefusalOf(failure, data.Root) is not null)
        {
            throw NewChain.RefusalOf(failure, data.Root)!;
        }
    }

    /// <summary>The organisations whose nodes the templates name, by name.</summary>
    public static IReadOnlyList<string> Organisations(IReadOnlyList<ChainTemplate> templates)
    {
        ArgumentNullException.ThrowIfNull(templates);
        return [.. templates.SelectMany(static template => template.Nodes).Distinct().Order(StringComparer.Ordinal)];
    }

    private static void Check(DataFolder data, IReadOnlyList<ChainTemplate> templates)
    {
        if (data.Chains.Count > 0)
        {
            throw new ChainRefusedException(ChainRefusal.Exists, $"There are chains in '{data.Root}' already: a network is made whole, in a data folder of its own.");
        }

        // Nodes without chains are what a lost chain is refilled from, or what a creation left that was interrupted between its two last steps: never to be deleted by this.
        foreach (var part in Places.Select(name => Path.Combine(data.Root, name)))
        {
            if (Directory.Exists(part) && Directory.EnumerateFileSystemEntries(part).Any())
            {
                throw new ChainRefusedException(ChainRefusal.Exists, $"'{part}' is not empty: a network is made in a data folder of its own; nothing there is deleted for it.");
            }
        }

        if (!templates.Any(static template => template.Name == TrustFile.MainChain))
        {
            throw new ChainRefusedException(ChainRefusal.Template, "A network needs the template 'main': the chain that anchors all others.");
        }

        if (templates.FirstOrDefault(static template => template.Nodes.Count == 0) is { } bare)
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"The template '{bare.Name}' names no ledger node in its nodes.txt: in a network each chain has some.");
        }

        if (templates.FirstOrDefault(template => template.Suite.Id != templates[0].Suite.Id) is { } other)
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"The template '{other.Name}' is of another suite than '{templates[0].Name}': one governance key signs for all chains of a demonstration.");
        }

        if (templates.GroupBy(static template => template.Code).FirstOrDefault(static group => group.Count() > 1) is { } twice)
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"The code {twice.Key} is that of several templates: codes are never used twice.");
        }
    }

    // One credential for each region; the one without a name is the first region's, for a client that is told nothing.
    private static void WriteCredentials(DataFolder data, List<NewChain> chains, string server)
    {
        var folder = data.CredentialsPath;
        DurableFile.CreateOwnerOnlyFolder(folder);
        var regions = chains.Where(static chain => chain.Template.Name != TrustFile.MainChain).ToList();
        foreach (var chain in regions)
        {
            NewChain.WriteCredential(out var credential, server);
            DurableFile.Replace(Path.Combine(folder, chain.Template.Name + ".json"), credential, ownerOnly: true);
            if (chain == regions[0])
            {
                DurableFile.Replace(data.CredentialPath, credential, ownerOnly: true);
            }
        }

        DurableFile.SyncFolder(folder);
    }
}
