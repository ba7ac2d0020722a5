using Notary.Chain.Network;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Folders;

/// <summary>A ledger node of a chain that is being made: what its organisation has handed out.</summary>
/// <param name="Key">Of <c>notary node keygen</c>.</param>
/// <param name="Url">Where it takes submissions (C2SP tlog-mirror submission prefix).</param>
public sealed record CeremonyNode(NoteKey Key, string Url);

/// <summary>What a chain is made of that its template does not say.</summary>
/// <param name="Deployment">First part of the origin.</param>
/// <param name="Governance">The offline keys that the genesis names.</param>
/// <param name="K">How many of them sign.</param>
/// <param name="Nodes">A node for each that the template names.</param>
/// <param name="Account">The first service account's key record, without signatures, or null; its chains are set to the new one.</param>
public sealed record CeremonyParts(string Deployment, IReadOnlyList<NoteKey> Governance, int K, IReadOnlyDictionary<string, CeremonyNode> Nodes, KeyRecord? Account);

/// <summary>A chain whose keys and genesis are made, and what governance has to sign before it comes into being.</summary>
/// <param name="Genesis">Its constant.</param>
/// <param name="Documents">The five policies, and the account's key.</param>
/// <param name="Trust">The version of the trust file that knows the chain.</param>
/// <param name="Before">The version in force; null where this is the first.</param>
public sealed record BegunChain(Genesis Genesis, GovernanceProposal Documents, TrustProposal Trust, TrustFile? Before);

/// <summary>
/// The ceremony by which a chain comes into being outside a demonstration, in FORMATS' order: the organisations have made their nodes' keys; <see cref="Begin"/> makes the log's keys and the genesis, and says what
/// governance has to sign; the officers sign offline; <see cref="Finish"/> seals the first leaves.
/// </summary>
/// <remarks>
/// Between the two the chain lies in <c>chains/.&lt;name&gt;.signing</c>, which no server opens and no other verb deletes. Either half may be interrupted and is then run again: the first finds its keys, the second
/// makes the database anew, of which nothing has left the folder. The renaming at the end is what makes the chain.
/// </remarks>
public static class ChainCeremony
{
    /// <summary>Whether a chain can only be made by this in a data folder: the trust file there is of a deployment in production.</summary>
    public static bool IsProduction(DataFolder data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return InForce(data)?.Mode == TrustMode.Production;
    }

    /// <summary>The trust file of a data folder; null where there is none.</summary>
    /// <exception cref="ChainRefusedException">What lies there is none.</exception>
    public static TrustFile? InForce(DataFolder data)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (!File.Exists(data.TrustPath))
        {
            return null;
        }

        return TrustFile.TryParse(File.ReadAllBytes(data.TrustPath), out var trust) is { } problem
            ? throw new ChainRefusedException(ChainRefusal.Inconsistent, $"'{data.TrustPath}' is no trust file ({problem.Failure}): put the right one back.")
            : trust;
    }

    /// <summary>Makes keys and genesis, or finds those that it made before, and what has to be signed.</summary>
    /// <param name="data">The data folder, held by this process.</param>
    /// <param name="template">With ledger nodes. The first chain of a deployment is its main chain.</param>
    /// <param name="parts">What the template does not say.</param>
    /// <param name="password">Protects the key files.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ChainRefusedException">It exists already, or parts and template do not fit.</exception>
    public static BegunChain Begin(DataFolder data, ChainTemplate template, CeremonyParts parts, string password, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(template);
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentNullException.ThrowIfNull(time);
        var before = InForce(data);
        Check(data, template, parts, before);
        try
        {
            var signing = Signing(data, template.Name);
            var genesis = Directory.Exists(signing.Root) ? Again(signing, parts) : Make(data, template, parts, signing, password, time);
            var documents = NewChain.ReadPolicies(template).Select((policy, i) => new GovernedDocument(genesis.Origin, PolicyNames.InOrder[i], policy, [])).ToList();
            if (parts.Account is { } account)
            {
                documents.Add(new GovernedDocument(genesis.Origin, Governance.KeyDocument, (account with { Chains = [genesis.Origin] }).SignedDocument(), []));
            }

            var problem = GovernanceProposal.TryCreate([genesis], documents, out var proposal);
            return problem.Length == 0
                ? new BegunChain(genesis, proposal!, Trust(data, genesis, template.PolicyWith(parts.Nodes.ToDictionary(static node => node.Key, static node => node.Value.Key), parts.Nodes.ToDictionary(static node => node.Key, static node => node.Value.Url)), before), before)
                : throw new ChainRefusedException(ChainRefusal.Template, $"No proposal can hold the first documents of {genesis.Origin}: {problem}.");
        }
        catch (Exception failure) when (NewChain.RefusalOf(failure, data.Root) is not null)
        {
            throw NewChain.RefusalOf(failure, data.Root)!;
        }
    }

    /// <summary>Seals the first leaves, writes a credential for the first account, and puts the chain in its place.</summary>
    /// <param name="data">The data folder, held by this process.</param>
    /// <param name="name">The chain that was begun.</param>
    /// <param name="documents">With their signatures.</param>
    /// <param name="first">The first version of the trust file; null where one is in force, which has to know the chain.</param>
    /// <param name="server">Where the server will be reached, as the credential says.</param>
    /// <param name="password">Opens the key files.</param>
    /// <param name="time">The clock.</param>
    /// <returns>Genesis, trust file and the credential's path, which is null without an account.</returns>
    /// <exception cref="ChainRefusedException">It was not begun, or what is signed is not what admission asks for: nothing is made.</exception>
    public static (Genesis Genesis, TrustFile Trust, string? Credential) Finish(
        DataFolder data, string name, GovernanceProposal documents, TrustFile? first, string server, string password, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(documents);
        ArgumentNullException.ThrowIfNull(time);
        var signing = Signing(data, name);
        if (Directory.Exists(data.Chain(name).Root))
        {
            throw new ChainRefusedException(ChainRefusal.Exists, $"The chain '{name}' exists already in '{data.Root}': a chain is created once.");
        }

        if (!Directory.Exists(signing.Root))
        {
            throw new ChainRefusedException(ChainRefusal.NotCreated, $"No chain '{name}' was begun in '{data.Root}': run 'notary chain create {name}' with the keys of governance and nodes first.");
        }

        var genesis = ReadGenesis(signing);
        var trust = TrustOf(data, genesis, first);
        var leaves = Leaves(genesis, documents, trust, time.GetUtcNow());
        try
        {
            // What an interrupted run left: nobody has seen it.
            foreach (var file in Directory.EnumerateFiles(signing.Root, Path.GetFileName(signing.DatabasePath) + "*").ToList())
            {
                File.Delete(file);
            }

            using (var log = KeyFile.Load(signing.LogKeyPath, password))
            {
                NewChain.Seal(signing, genesis, log, leaves, time);
            }

            var account = documents.Documents.Select(static document => document.ToKey()).FirstOrDefault(static key => key is not null)?.Account;
            var credential = account is null ? null : WriteCredential(data, name, account, server);
            DurableFile.Replace(data.TrustPath, trust.ToBytes());
            DurableFile.SyncFolder(data.Root);
            DurableFile.SyncFolder(signing.Root);
            Directory.Move(signing.Root, data.Chain(name).Root);
            DurableFile.SyncFolder(Path.GetDirectoryName(signing.Root)!);
            return (genesis, trust, credential);
        }
        catch (Exception failure) when (NewChain.RefusalOf(failure, data.Root) is not null)
        {
            throw NewChain.RefusalOf(failure, data.Root)!;
        }
    }

    /// <summary>Where a chain lies between the two halves, there or not.</summary>
    internal static ChainFolder Signing(DataFolder data, string name) => new(Path.Combine(data.Root, "chains", "." + name + ".signing"));

    private static Genesis ReadGenesis(ChainFolder signing) => Genesis.TryParse(File.ReadAllBytes(signing.GenesisPath), out var genesis) == GenesisProblem.None
        ? genesis!
        : throw new ChainRefusedException(ChainRefusal.Inconsistent, $"'{signing.GenesisPath}' is no genesis document: move '{signing.Root}' away, and begin anew.");

    private static void Check(DataFolder data, ChainTemplate template, CeremonyParts parts, TrustFile? before)
    {
        if (Directory.Exists(data.Chain(template.Name).Root))
        {
            throw new ChainRefusedException(ChainRefusal.Exists, $"The chain '{template.Name}' exists already in '{data.Root}': a chain is created once.");
        }

        if (before is null ? template.Name != TrustFile.MainChain : before.Mode != TrustMode.Production)
        {
            throw new ChainRefusedException(ChainRefusal.Template, before is null
                ? $"The first chain of a deployment is '{TrustFile.MainChain}', which anchors the others: begin with that one."
                : $"The trust file in '{data.Root}' is marked {TrustNames.Of(before.Mode)}: a chain under governance belongs to a deployment in production, in a data folder of its own.");
        }

        if (before is not null && before.Content.Deployment != parts.Deployment)
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"'{data.Root}' is of the deployment {before.Content.Deployment}, not {parts.Deployment}.");
        }

        if (!Grammar.IsOrigin(parts.Deployment + "/" + template.Name))
        {
            throw new ChainRefusedException(ChainRefusal.Template, "The deployment name must make origins such as notary.example/beijing: lower-case letters, digits, dots and hyphens.");
        }

        if (before?.FindCode(template.Code) is { } taken && taken.Origin != parts.Deployment + "/" + template.Name)
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"The code {template.Code} is already that of {taken.Origin}: codes are never used twice.");
        }

        CheckKeys(template, parts);
    }

    private static void CheckKeys(ChainTemplate template, CeremonyParts parts)
    {
        var algorithm = NewChain.AlgorithmOf(template.Suite);
        if (parts.Governance.Count is 0 or > 32 || parts.K < 1 || parts.K > parts.Governance.Count || parts.Governance.Any(key => key.Type != NoteKey.TypeFor(algorithm, cosignature: false))
            || parts.Governance.Select(static key => key.Name).Distinct().Count() != parts.Governance.Count)
        {
            throw new ChainRefusedException(ChainRefusal.Key, $"Governance is 1 to 32 verifier keys of the suite {template.Suite.Name} that do not cosign, with distinct names, of which 1 to all have to sign.");
        }

        if (template.Nodes.Count == 0 || !template.Nodes.Order(StringComparer.Ordinal).SequenceEqual(parts.Nodes.Keys.Order(StringComparer.Ordinal)))
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"The template '{template.Name}' names the ledger nodes {(template.Nodes.Count == 0 ? "(none)" : string.Join(", ", template.Nodes))}, and keys are given for {(parts.Nodes.Count == 0 ? "(none)" : string.Join(", ", parts.Nodes.Keys))}: give one for each, or change its nodes.txt.");
        }

        if (parts.Nodes.FirstOrDefault(node => node.Value.Key.Type != NoteKey.TypeFor(algorithm, cosignature: true)) is { Key: { } wrong })
        {
            throw new ChainRefusedException(ChainRefusal.Key, $"The key of the node {wrong} is no node's of the suite {template.Suite.Name}: its organisation makes it by 'notary node keygen --suite {template.Suite.Name}'.");
        }
    }

    private static Genesis Make(DataFolder data, ChainTemplate template, CeremonyParts parts, ChainFolder signing, string password, TimeProvider time)
    {
        var building = new ChainFolder(Path.Combine(data.Root, "chains", "." + template.Name + ".new"));
        DurableFile.CreateOwnerOnlyFolder(Path.Combine(data.Root, "chains"));
        if (Directory.Exists(building.Root))
        {
            Directory.Delete(building.Root, recursive: true);
        }

        using var chain = NewChain.Make(template, building, parts.Deployment, parts.Governance, parts.K, withAccount: false, password, time);
        DurableFile.SyncFolder(building.Root);
        Directory.Move(building.Root, signing.Root);
        DurableFile.SyncFolder(Path.GetDirectoryName(signing.Root)!);
        return chain.Genesis;
    }

    // Begun before: the keys are there, and what was asked for then is asked for now.
    private static Genesis Again(ChainFolder signing, CeremonyParts parts)
    {
        var genesis = ReadGenesis(signing);
        return genesis.Deployment == parts.Deployment && genesis.K == parts.K && genesis.GovernanceKeys.SequenceEqual(parts.Governance)
            ? genesis
            : throw new ChainRefusedException(ChainRefusal.Exists, $"'{signing.Root}' was begun for another deployment or another governance: finish it, or move it away to begin anew.");
    }

    private static TrustProposal Trust(DataFolder data, Genesis genesis, string policy, TrustFile? before)
    {
        if (before?.Find(genesis.Origin) is not null)
        {
            throw new ChainRefusedException(ChainRefusal.Exists, $"The trust file knows {genesis.Origin} already: a chain is added once.");
        }

        TrustProblem? problem;
        TrustProposal? proposal;
        if (before is null)
        {
            problem = TrustDraft.First(genesis, policy, out proposal);
        }
        else
        {
            using var reads = new Store.ChainReads(Store.ChainDatabase.Of(data.Chain(TrustFile.MainChain)).OpenReader);
            // Nothing of the chain is anchored yet, so its entry may begin where the main chain stands.
            var draft = new TrustDraft(before, Math.Max(1, reads.StoredSize()));
            problem = draft.AddChain(genesis, policy) is { } refused ? throw new ChainRefusedException(ChainRefusal.Template, refused) : draft.TryFinish(out proposal);
        }

        return problem is null ? proposal! : throw new ChainRefusedException(ChainRefusal.Template, $"No trust file can name {genesis.Origin} ({problem.Failure}): {problem.Detail}.");
    }

    // The file in force decides; where there is none yet, or an interrupted run has written it, the first one that was handed over.
    private static TrustFile TrustOf(DataFolder data, Genesis genesis, TrustFile? first)
    {
        var inForce = InForce(data);
        if (inForce is null && first is not { Content.Version: 1 })
        {
            throw new ChainRefusedException(ChainRefusal.Trust, first is null
                ? $"No trust file is in force in '{data.Root}': the first version is needed, with its signatures ('--trust')."
                : $"The trust file is version {first.Content.Version}, and none is in force in '{data.Root}': a deployment begins with version 1.");
        }

        if (inForce is not null && first is not null && inForce.Fingerprint != first.Fingerprint)
        {
            throw new ChainRefusedException(ChainRefusal.Trust, $"Version {inForce.Content.Version} of the trust file is in force in '{data.Root}': another one comes into force by 'notary trust apply', while the server runs.");
        }

        var trust = inForce ?? first!;
        return trust.Mode == TrustMode.Production && trust.Find(genesis.Origin)?.LogKeys.Contains(genesis.LogKey) == true
            ? trust
            : throw new ChainRefusedException(ChainRefusal.Trust, $"Version {trust.Content.Version} of the trust file does not know {genesis.Origin} by the log key of its genesis: bring the version into force that was proposed with the chain ('notary trust apply', while the server runs).");
    }

    private static List<SystemLeaf> Leaves(Genesis genesis, GovernanceProposal documents, TrustFile trust, DateTimeOffset now)
    {
        if (documents.Chains.Count != 1 || documents.Chains[0].Fingerprint != genesis.Fingerprint)
        {
            throw new ChainRefusedException(ChainRefusal.Inconsistent, $"The proposal is not of the chain that was begun here, whose genesis has the fingerprint {genesis.Fingerprint.ToHex()}.");
        }

        var state = new ChainState();
        var leaves = new List<SystemLeaf>();
        foreach (var document in documents.Documents)
        {
            var admitted = GovernanceSealing.Admit(genesis, state, document, now, out var leaf);
            leaves.Add(admitted.Ok ? new SystemLeaf(genesis.Suite, leaf!) : throw Unadmitted(document.Name, admitted));
        }

        if (state.Size < PolicyNames.InOrder.Count)
        {
            throw Unadmitted(PolicyNames.InOrder[(int)state.Size], new AdmissionResult(AdmissionFailure.FirstLeavesOrder));
        }

        if (trust.ToBytes().Length > TrustRecord.MaxBytes || !System.Text.Ascii.IsValid(trust.Note.Text))
        {
            throw Unadmitted("the trust file", new AdmissionResult(AdmissionFailure.TooLarge));
        }

        var draft = SystemLeaves.Trust(genesis, trust, Guid.CreateVersion7(now), now);
        var result = Admission.AdmitState(genesis, state, draft.Facts with { Sealed = Math.Max(draft.Facts.Sealed, state.LastSealed) }, state.Size);
        leaves.Add(result.Ok ? new SystemLeaf(genesis.Suite, draft) : throw Unadmitted("the trust file", result));
        return leaves;

        ChainRefusedException Unadmitted(string name, AdmissionResult refusal) => new(ChainRefusal.NotSigned, $"The first leaves of {genesis.Origin} are not admitted, so nothing is made: {name} is refused as {refusal.Code} (docs/spec/admission.md).");
    }

    private static string WriteCredential(DataFolder data, string chain, string account, string server)
    {
        NewChain.WriteCredential(out var credential, server, account);
        DurableFile.CreateOwnerOnlyFolder(data.CredentialsPath);
        var path = Path.Combine(data.CredentialsPath, chain + ".json");
        DurableFile.Replace(path, credential, ownerOnly: true);
        DurableFile.SyncFolder(data.CredentialsPath);
        if (!File.Exists(data.CredentialPath))
        {
            DurableFile.Replace(data.CredentialPath, credential, ownerOnly: true);
        }

        return path;
    }
}
