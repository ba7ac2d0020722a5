using System.Security.Cryptography;
using System.Text.Json;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

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
/// trust file is marked <c>development</c>: quorum none, the governance key online in the data folder.
/// </remarks>
public static class ChainCreation
{
    /// <summary>The service account that a development chain knows.</summary>
    public const string DevelopmentAccount = "dev-agency";

    /// <summary>Where the development server listens, as the credential file says.</summary>
    public const string DevelopmentServer = "http://localhost:5080";

    private const string GovernanceName = "governance";
    private static readonly TimeSpan KeyValidity = TimeSpan.FromDays(3 * 365);

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

        if (!Grammar.IsOrigin(deployment + "/" + template.Name))
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"The deployment name must make an origin such as notary.example/{template.Name}: lower-case letters, digits, dots and hyphens.");
        }

        var policies = PolicyNames.InOrder.Select(name => ReadPolicy(template, name)).ToList();
        var building = new ChainFolder(Path.Combine(Path.GetDirectoryName(folder.Root)!, "." + template.Name + ".new"));
        try
        {
            if (Directory.Exists(building.Root))
            {
                Directory.Delete(building.Root, recursive: true);
            }

            DurableFile.CreateOwnerOnlyFolder(Path.GetDirectoryName(folder.Root)!);
            DurableFile.CreateOwnerOnlyFolder(building.Root);
            DurableFile.CreateOwnerOnlyFolder(Path.Combine(building.Root, "keys"));
            DurableFile.CreateOwnerOnlyFolder(Path.GetDirectoryName(data.GovernanceKeyPath)!);
            var created = Build(data, template, building, deployment, password, time, policies, out var trust, out var credential);
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
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ChainRefusedException(ChainRefusal.Storage, $"The chain cannot be created in '{data.Root}': {failure.Message}", failure);
        }
        catch (KeyFileException failure)
        {
            throw new ChainRefusedException(ChainRefusal.Key, failure.Message, failure);
        }
        catch (Sqlite.SqliteFailureException failure)
        {
            throw new ChainRefusedException(ChainRefusal.Storage, $"The chain's database cannot be created in '{data.Root}': {failure.Message}", failure);
        }
    }

    private static CreatedChain Build(
        DataFolder data, ChainTemplate template, ChainFolder building, string deployment, string password, TimeProvider time, List<byte[]> policies, out TrustFile trust, out byte[] credential)
    {
        var algorithm = template.Suite.Id == SuiteId.Sm ? KeyAlgorithm.Sm2 : KeyAlgorithm.Ed25519;
        var origin = deployment + "/" + template.Name;
        var keyType = NoteKey.TypeFor(algorithm, cosignature: false);
        using var governance = File.Exists(data.GovernanceKeyPath) ? KeyFile.Load(data.GovernanceKeyPath, password) : KeyFile.Create(data.GovernanceKeyPath, algorithm, password);
        using var log = KeyFile.Create(building.LogKeyPath, algorithm, password);
        // The account signs no statements yet: its secret is enough in Development, but its records name a key of its own.
        using var account = KeyFile.Create(Path.Combine(building.Root, "keys", DevelopmentAccount + ".pem"), algorithm, password);
        foreach (var path in new[] { building.WrappingKeyPath, building.DigestIndexKeyPath, building.SubjectIndexKeyPath })
        {
            CryptographicOperations.ZeroMemory(SymmetricKeyFile.Create(path, 32, password));
        }

        var governanceKey = NoteKey.Create(deployment + "/" + GovernanceName, keyType, governance.PublicKey.Span);
        var logKey = NoteKey.Create(origin, keyType, log.PublicKey.Span);
        var now = time.GetUtcNow();
        var genesis = Genesis.Create(deployment, template.Name, template.Code, template.Suite, 1, [governanceKey], logKey, now);
        DurableFile.Replace(building.GenesisPath, genesis.Canonical.Span);
        foreach (var file in new[] { "chain.json", "nodes.txt" })
        {
            DurableFile.Replace(Path.Combine(building.Root, file), File.ReadAllBytes(Path.Combine(template.Folder, file)));
        }

        SealFirstLeaves(building, genesis, log, governance, governanceKey, policies, account.PublicKey.Span, algorithm, time);
        trust = Trust(data, genesis, template, governanceKey, governance);
        var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        credential = JsonSerializer.SerializeToUtf8Bytes(new { server = DevelopmentServer, account = DevelopmentAccount, secret });
        return new CreatedChain(genesis, DevelopmentAccount, secret, trust.Fingerprint.ToHex(), []);
    }

    // Leaf 0 is signed before anything follows it; leaves 1 to 5 are the second batch.
    private static void SealFirstLeaves(
        ChainFolder building, Genesis genesis, ISigner log, ISigner governance, NoteKey governanceKey, List<byte[]> policies, ReadOnlySpan<byte> accountKey, KeyAlgorithm algorithm, TimeProvider time)
    {
        var now = time.GetUtcNow();
        var leaves = new List<SystemLeaf>();
        for (var i = 0; i < policies.Count; i++)
        {
            var signature = Governance.Sign(genesis, governanceKey, governance, PolicyNames.InOrder[i], policies[i]);
            leaves.Add(new SystemLeaf(genesis.Suite, SystemLeaves.Policy(genesis, policies[i], [signature], isFirst: i == 0, Guid.CreateVersion7(now), now)));
        }

        var key = new KeyRecord
        {
            Account = DevelopmentAccount,
            Purpose = KeyPurpose.Submitter,
            SuiteId = genesis.Suite.Id,
            Spki = PublicKeyInfo.Format(algorithm, accountKey),
            Chains = [genesis.Origin],
            Types = [KeyRecord.Any],
            From = RecordTime.ToMilliseconds(now),
            Until = RecordTime.ToMilliseconds(now + KeyValidity),
        };
        key = key with { Signatures = [Governance.Sign(genesis, governanceKey, governance, Governance.KeyDocument, key.SignedDocument())] };
        leaves.Add(new SystemLeaf(genesis.Suite, SystemLeaves.Key(genesis, key, Guid.CreateVersion7(now), now)));

        using var appender = ChainAppender.Create(ChainStore.Create(building.DatabasePath), genesis, log, time);
        appender.Finish(appender.Append([AppendRequest.Of(leaves[0])]));
        appender.Finish(appender.Append([.. leaves.Skip(1).Select(AppendRequest.Of)]));
        appender.StoreNote();
    }

    private static TrustFile Trust(DataFolder data, Genesis genesis, ChainTemplate template, NoteKey governanceKey, ISigner governance)
    {
        TrustFile? before = null;
        if (File.Exists(data.TrustPath) && TrustFile.TryParse(File.ReadAllBytes(data.TrustPath), out before) is { } problem)
        {
            throw new ChainRefusedException(ChainRefusal.Inconsistent, $"'{data.TrustPath}' is no trust file ({problem.Failure}): put the right one back before a chain is added to it.");
        }

        var chain = TrustedChain.Create(genesis.Origin, genesis.Code, genesis.Suite, [genesis.LogKey], template.NodesPolicy);
        if (before?.FindCode(genesis.Code) is { } taken && !string.Equals(taken.Origin, genesis.Origin, StringComparison.Ordinal))
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"The code {genesis.Code} is already that of {taken.Origin}: codes are never used twice.");
        }

        // An entry of this very origin was left by a creation that did not reach its end.
        var others = (before?.Content.Chains ?? []).Where(c => !string.Equals(c.Origin, genesis.Origin, StringComparison.Ordinal));
        var content = new TrustContent(
            genesis.Deployment, (before?.Content.Version ?? 0) + 1, before?.Fingerprint, TrustMode.Development, RecordState.Sealed, 1, [governanceKey], [.. others, chain]);
        return TrustFile.Create(content, governance);
    }

    private static byte[] ReadPolicy(ChainTemplate template, string name)
    {
        var path = Path.GetFullPath(Path.Combine(template.Folder, "..", "..", "policies", name, "default.json"));
        if (!File.Exists(path))
        {
            throw new ChainRefusedException(ChainRefusal.Template, $"The policy '{path}' is missing: policies lie beside sidechains.");
        }

        var check = CanonicalValue.TryParse(File.ReadAllBytes(path), new CanonicalLimits(64 * 1024, 8, false), out var json);
        var canonical = check.Ok ? json.ToBytes() : [];
        var problem = check.Ok ? PolicyDocument.TryParse(canonical, out _) : check.Fault.ToString();
        return problem.Length == 0 ? canonical : throw new ChainRefusedException(ChainRefusal.Template, $"'{path}' is no policy document: {problem}.");
    }
}
