using Notary.Crypto.Native;
using Notary.Evidence;

namespace Notary.Chain.Folders;

/// <summary>What a creation made.</summary>
/// <param name="Genesis">The new chain's constant.</param>
/// <param name="DevelopmentAccount">The service account whose key the chain holds.</param>
/// <param name="DevelopmentSecret">Its secret, also in the credential file.</param>
/// <param name="TrustFingerprint">SHA-256 of the trust file's text, hex: what a user compares once.</param>
/// <param name="Files">The files written, full paths.</param>
public sealed record CreatedChain(Genesis Genesis, string DevelopmentAccount, string DevelopmentSecret, string TrustFingerprint, IReadOnlyList<string> Files);

/// <summary>
/// The verb that creates a chain: keys, genesis, the first six leaves (the five policies and the development account's key), trust file, credential. A chain is never
/// created by itself.
/// </summary>
/// <remarks>
/// The chain is built in <c>chains/.&lt;name&gt;.new</c> and renamed at the end: an interrupted creation leaves no chain, and the next one starts over. The
/// trust file is marked <c>development</c>: quorum none, whatever nodes the template names, and the governance key online in the data folder. A network with ledger nodes is made
/// whole, by <see cref="NetworkCreation"/>.
/// </remarks>
public static class ChainCreation
{
    /// <summary>The service account that a development chain knows.</summary>
    public const string DevelopmentAccount = "dev-agency";

    /// <summary>Where the development server listens, as the credential file says.</summary>
    public const string DevelopmentServer = "http://localhost:5080";

    /// <summary>Creates a chain.</summary>
    /// <param name="data">The data folder, held by this process.</param>
    /// <param name="template">From <c>sidechains/&lt;name&gt;</c>; the policies are taken from <c>policies</c> beside <c>sidechains</c>.</param>
    /// <param name="deployment">First part of the origin, for instance <c>notary.example</c>.</param>
    /// <param name="password">Protects the key files.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ChainRefusedException">It exists already, the template or a policy is wrong, the folder cannot be written.</exception>
    public static CreatedChain Create(DataFolder data, ChainTemplate template, string deployment, string password, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(template);
        ArgumentNullException.ThrowIfNull(time);
        var folder = data.Chain(template.Name);
        if (Directory.Exists(folder.Root))
        {
            throw new ChainRefusedException(ChainRefusal.Exists, $"The chain '{template.Name}' exists already in '{data.Root}': a chain is created once.");
        }

        if (Directory.Exists(ChainCeremony.Signing(data, template.Name).Root))
        {
            throw new ChainRefusedException(ChainRefusal.Exists, $"The chain '{template.Name}' waits in '{data.Root}' for its governance signatures: a development chain is made in a data folder of its own.");
        }

        var building = new ChainFolder(Path.Combine(Path.GetDirectoryName(folder.Root)!, "." + template.Name + ".new"));
        try
        {
            if (Directory.Exists(building.Root))
            {
                Directory.Delete(building.Root, recursive: true);
            }

            DurableFile.CreateOwnerOnlyFolder(Path.GetDirectoryName(folder.Root)!);
            var created = Build(data, template, building, deployment, password, time, out var trust, out var credential);
            // Before the rename: a chain that is there has its trust file and credential. What a creation that was interrupted here left is overwritten by the next.
            DurableFile.Replace(data.TrustPath, trust.ToBytes());
            DurableFile.Replace(data.CredentialPath, credential, ownerOnly: true);
            DurableFile.SyncFolder(data.Root);
            DurableFile.SyncFolder(building.Root);
            Directory.Move(building.Root, folder.Root);
            DurableFile.SyncFolder(Path.GetDirectoryName(folder.Root)!);
            return created with
            {
                Files = [data.TrustPath, data.CredentialPath, data.GovernanceKeyPath, folder.GenesisPath, folder.DatabasePath, folder.LogKeyPath, folder.WrappingKeyPath, folder.DigestIndexKeyPath, folder.SubjectIndexKeyPath],
            };
        }
        catch (Exception failure) when (NewChain.RefusalOf(failure, data.Root) is not null)
        {
            throw NewChain.RefusalOf(failure, data.Root)!;
        }
    }

    private static CreatedChain Build(
        DataFolder data, ChainTemplate template, ChainFolder building, string deployment, string password, TimeProvider time, out TrustFile trust, out byte[] credential)
    {
        using var governance = GovernanceKey.Take(data, deployment, template.Suite, password);
        using var chain = NewChain.Make(template, building, deployment, governance, password, time);
        chain.SealFirstLeaves(governance, trust: null, time);
        trust = Trust(data, chain.Genesis, governance);
        var secret = NewChain.WriteCredential(out credential);
        return new CreatedChain(chain.Genesis, DevelopmentAccount, secret, trust.Fingerprint.ToHex(), []);
    }

    private static TrustFile Trust(DataFolder data, Genesis genesis, GovernanceKey governance)
    {
        TrustFile? before = null;
        if (File.Exists(data.TrustPath) && TrustFile.TryParse(File.ReadAllBytes(data.TrustPath), out before) is { } problem)
        {
            throw new ChainRefusedException(ChainRefusal.Inconsistent, $"'{data.TrustPath}' is no trust file ({problem.Failure}): put the right one back before a chain is added to it.");
        }

        var chain = TrustedChain.Create(genesis.Origin, genesis.Code, genesis.Suite, [genesis.LogKey], "quorum none\n");
        if (before?.FindCode(genesis.Code) is { } taken && !string.Equals(taken.Origin, genesis.Origin, StringComparison.Ordinal))
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"The code {genesis.Code} is already that of {taken.Origin}: codes are never used twice.");
        }

        // An entry of this very origin was left by a creation that did not reach its end.
        var others = (before?.Content.Chains ?? []).Where(c => !string.Equals(c.Origin, genesis.Origin, StringComparison.Ordinal));
        var content = new TrustContent(
            genesis.Deployment, (before?.Content.Version ?? 0) + 1, before?.Fingerprint, TrustMode.Development, RecordState.Sealed, 1, [governance.Key], [.. others, chain]);
        return TrustFile.Create(content, governance.Signer);
    }
}
