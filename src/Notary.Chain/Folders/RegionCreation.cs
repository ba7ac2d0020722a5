using System.Collections.Concurrent;
using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Folders;

/// <summary>What adding a region made.</summary>
/// <param name="Genesis">The new chain's constant.</param>
/// <param name="Trust">The version of the trust file that knows it.</param>
/// <param name="Nodes">How many ledger nodes.</param>
/// <param name="Waiting">Chains that do not carry the version yet; the server carries it to them.</param>
public sealed record CreatedRegion(Genesis Genesis, TrustFile Trust, int Nodes, IReadOnlyList<string> Waiting);

/// <summary>
/// The verb that adds a region to a demonstration network in one data folder: node keys, log key and genesis, the next version of the trust file signed by the governance key that lies there, first
/// leaves, and then the version sealed on the main chain and carried to every region. The network itself does the last, with its nodes: nothing is appended that they have not let pass.
/// </summary>
/// <remarks>
/// The chain is built in <c>chains/.&lt;name&gt;.new</c> and <c>nodes/.&lt;name&gt;.new</c> and renamed, the chain last. A process that ended before that leaves no chain, and the next one starts over; one that ended
/// behind it leaves a chain that the trust file does not know (a server stops it and says so), and the verb again completes it: the version lies among the chain's own first leaves.
/// </remarks>
public static class RegionCreation
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Whether a data folder holds a network that this verb adds to.</summary>
    public static bool IsNetwork(DataFolder data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return data.Chains.Any(static chain => chain.Name == TrustFile.MainChain) && File.Exists(data.TrustPath)
            && TrustFile.TryParse(File.ReadAllBytes(data.TrustPath), out var trust) is null && trust!.Mode != TrustMode.Development;
    }

    /// <summary>Adds the region.</summary>
    /// <param name="data">The network's data folder, held by this process.</param>
    /// <param name="template">With ledger nodes, of the suite of the governance key; its code is no other chain's.</param>
    /// <param name="password">Opens and protects the key files.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ChainRefusedException">It exists already, the template is wrong, the governance key is not here, or the main chain does not append.</exception>
    public static async Task<CreatedRegion> CreateAsync(DataFolder data, ChainTemplate template, string password, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(template);
        ArgumentNullException.ThrowIfNull(time);
        if (TrustFile.TryParse(File.ReadAllBytes(data.TrustPath), out var trust) is { } problem)
        {
            throw new ChainRefusedException(ChainRefusal.Inconsistent, $"'{data.TrustPath}' is no trust file ({problem.Failure}): put the right one back.");
        }

        var origin = trust!.Content.Deployment + "/" + template.Name;
        if (trust.Find(origin) is not null)
        {
            throw new ChainRefusedException(ChainRefusal.Exists, $"The trust file knows {origin} already: a chain is created once.");
        }

        Check(trust, template, data);
        var chains = new ConcurrentDictionary<string, ChainHost>(StringComparer.Ordinal);
        ChainNetwork? network = null;
        try
        {
            Together.Run(data.Chains.Where(chain => trust.Find(trust.Content.Deployment + "/" + chain.Name) is not null), folder => chains[folder.Name] = ChainHost.Open(folder, password, time));
            network = ChainNetwork.Start(data, chains, trust, password, static _ => null, time);
            var (genesis, file) = Directory.Exists(data.Chain(template.Name).Root) ? Begun(data.Chain(template.Name), network.Trust, password, time) : Build(data, template, network.Trust, chains[TrustFile.MainChain].Reader.Size, password, time);
            var applied = await ApplyAsync(network, file, time).ConfigureAwait(false);
            return new CreatedRegion(genesis, file, template.Nodes.Count, applied.Waiting);
        }
        catch (Exception failure) when (NewChain.RefusalOf(failure, data.Root) is not null)
        {
            throw NewChain.RefusalOf(failure, data.Root)!;
        }
        finally
        {
            if (network is not null)
            {
                await network.DisposeAsync().ConfigureAwait(false);
            }

            foreach (var chain in chains.Values)
            {
                chain.Dispose();
            }
        }
    }

    private static void Check(TrustFile trust, ChainTemplate template, DataFolder data)
    {
        if (trust.Mode != TrustMode.Demonstration || !File.Exists(data.GovernanceKeyPath))
        {
            throw new ChainRefusedException(
                ChainRefusal.Key, $"The governance key of {trust.Content.Deployment} does not lie in '{data.Root}': it is kept apart, so its holders add the chain by 'notary trust propose --add-chain'.");
        }

        if (data.Organisations.Count > 0)
        {
            throw new ChainRefusedException(
                ChainRefusal.Template, $"The ledger nodes of {trust.Content.Deployment} run in processes of their own: make the new region's nodes there ('notary node keygen'), and add the chain by 'notary trust propose --add-chain'.");
        }

        if (template.Nodes.Count == 0)
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"The template '{template.Name}' names no ledger node in its nodes.txt: in a network each chain has some.");
        }

        if (trust.FindCode(template.Code) is { } taken)
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"The code {template.Code} is already that of {taken.Origin}: codes are never used twice.");
        }
    }

    // A creation that ended behind the renaming: the version that it made lies among the chain's first leaves.
    private static (Genesis Genesis, TrustFile File) Begun(ChainFolder folder, TrustFile trust, string password, TimeProvider time)
    {
        using var chain = ChainHost.Open(folder, password, time);
        return chain.TrustVersions is { Count: > 0 } versions && versions[^1].File.Follows(trust) is null
            ? (chain.Genesis, versions[^1].File)
            : throw new ChainRefusedException(
                ChainRefusal.Exists, $"There is a chain in '{folder.Root}' that the trust file does not know, and the version that it was begun under does not follow version {trust.Content.Version}: move the folder and its nodes away, and create it anew.");
    }

    private static (Genesis Genesis, TrustFile File) Build(DataFolder data, ChainTemplate template, TrustFile trust, long from, string password, TimeProvider time)
    {
        var folder = data.Chain(template.Name);
        var building = new ChainFolder(Path.Combine(Path.GetDirectoryName(folder.Root)!, "." + template.Name + ".new"));
        var nodes = Path.Combine(data.Root, "nodes", template.Name);
        var nodesBuilding = Path.Combine(data.Root, "nodes", "." + template.Name + ".new");
        if (Directory.Exists(nodes))
        {
            throw new ChainRefusedException(ChainRefusal.Exists, $"'{nodes}' exists, and no chain of that name: it may be the last copy of one, so nothing there is deleted; move it away.");
        }

        foreach (var left in new[] { building.Root, nodesBuilding }.Where(Directory.Exists))
        {
            Directory.Delete(left, recursive: true);
        }

        DurableFile.CreateOwnerOnlyFolder(nodesBuilding);
        using var governance = GovernanceKey.Take(data, trust.Content.Deployment, template.Suite, password);
        var keys = new ConcurrentDictionary<string, NoteKey>(StringComparer.Ordinal);
        Together.Run(template.Nodes, node => keys[node] = new NodeFolder(Path.Combine(nodesBuilding, node)).Create($"{trust.Content.Deployment}/{template.Name}/{node}", template.Suite, password));
        using var chain = NewChain.Make(template, building, trust.Content.Deployment, governance, password, time);
        var file = Version(trust, governance, chain.Genesis, template.PolicyWith(keys), from);
        chain.SealFirstLeaves(governance, file, time);
        NewChain.WriteCredential(out var credential);
        DurableFile.CreateOwnerOnlyFolder(data.CredentialsPath);
        DurableFile.Replace(Path.Combine(data.CredentialsPath, template.Name + ".json"), credential, ownerOnly: true);
        DurableFile.SyncFolder(data.CredentialsPath);
        DurableFile.SyncFolder(building.Root);
        DurableFile.SyncFolder(nodesBuilding);
        Directory.Move(nodesBuilding, nodes);
        DurableFile.SyncFolder(Path.GetDirectoryName(nodes)!);
        Directory.Move(building.Root, folder.Root);
        DurableFile.SyncFolder(Path.GetDirectoryName(folder.Root)!);
        return (chain.Genesis, file);
    }

    private static TrustFile Version(TrustFile trust, GovernanceKey governance, Genesis genesis, string policy, long from)
    {
        var draft = new TrustDraft(trust, from);
        if (draft.AddChain(genesis, policy) is { } refused)
        {
            throw new ChainRefusedException(ChainRefusal.Template, refused);
        }

        if (draft.TryFinish(out var proposal) is { } problem)
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"No trust file can name the chain ({problem.Failure}): {problem.Detail}.");
        }

        return proposal!.KeyOf(governance.Signer, trust) is { } key && proposal.SignedBy(governance.Signer, key).TryFinish(trust, out var file) is null
            ? file!
            : throw new ChainRefusedException(ChainRefusal.Key, "The governance key in the data folder is not enough to sign the next version of the trust file: its officers add the chain by 'notary trust propose --add-chain'.");
    }

    private static async Task<TrustApplied> ApplyAsync(ChainNetwork network, TrustFile file, TimeProvider time)
    {
        using var limit = new CancellationTokenSource(Patience, time);
        while (true)
        {
            var applied = await network.ApplyTrustAsync(file, reachBack: false, limit.Token).ConfigureAwait(false);
            if (applied.Refusal == TrustRefusal.None)
            {
                return applied;
            }

            // The main chain has just been opened, and waits for its nodes.
            if (applied.Refusal != TrustRefusal.NotAppended || limit.IsCancellationRequested)
            {
                throw new ChainRefusedException(ChainRefusal.Trust, $"The chain is made, but the trust file that names it did not come into force: {applied.Detail} The same verb again goes on from here.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), time).ConfigureAwait(false);
        }
    }
}
