using System.Security.Cryptography;
using System.Text.Json;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Folders;

/// <summary>The governance key while chains are made: online in the data folder, in Development and demonstrations alone.</summary>
internal sealed class GovernanceKey : IDisposable
{
    private const string Name = "governance";

    private GovernanceKey(ISigner signer, NoteKey key)
    {
        Signer = signer;
        Key = key;
    }

    public ISigner Signer { get; }

    public NoteKey Key { get; }

    /// <summary>Loads it, or makes it the first time.</summary>
    public static GovernanceKey Take(DataFolder data, string deployment, Suite suite, string password)
    {
        if (!Grammar.IsOrigin(deployment + "/" + TrustFile.MainChain))
        {
            throw new ChainRefusedException(ChainRefusal.Template, "The deployment name must make origins such as notary.example/beijing: lower-case letters, digits, dots and hyphens.");
        }

        DurableFile.CreateOwnerOnlyFolder(Path.GetDirectoryName(data.GovernanceKeyPath)!);
        var algorithm = NewChain.AlgorithmOf(suite);
        var signer = File.Exists(data.GovernanceKeyPath) ? KeyFile.Load(data.GovernanceKeyPath, password) : KeyFile.Create(data.GovernanceKeyPath, algorithm, password);
        return new GovernanceKey(signer, NoteKey.Create(deployment + "/" + Name, NoteKey.TypeFor(signer.Algorithm, cosignature: false), signer.PublicKey.Span));
    }

    public void Dispose() => Signer.Dispose();
}

/// <summary>A chain that is being made: keys and genesis first, its first leaves when its trust file exists.</summary>
internal sealed class NewChain : IDisposable
{
    private static readonly TimeSpan KeyValidity = TimeSpan.FromDays(3 * 365);

    private readonly ChainFolder _folder;
    private readonly List<byte[]> _policies;
    private readonly ISigner _log;
    private readonly byte[]? _accountKey;

    private NewChain(ChainTemplate template, ChainFolder folder, Genesis genesis, List<byte[]> policies, ISigner log, byte[]? accountKey)
    {
        Template = template;
        _folder = folder;
        Genesis = genesis;
        _policies = policies;
        _log = log;
        _accountKey = accountKey;
    }

    public ChainTemplate Template { get; }

    public Genesis Genesis { get; }

    /// <summary>The algorithm of a suite's log, node and governance keys.</summary>
    public static KeyAlgorithm AlgorithmOf(Suite suite) => suite.Id == SuiteId.Sm ? KeyAlgorithm.Sm2 : KeyAlgorithm.Ed25519;

    /// <summary>The five policies, canonical, in the order of leaves 0 to 4.</summary>
    /// <exception cref="ChainRefusedException">One is missing or none of its format.</exception>
    public static List<byte[]> ReadPolicies(ChainTemplate template) => [.. PolicyNames.InOrder.Select(name => ReadPolicy(template, name))];

    /// <summary>Makes folder, keys and genesis, and a key of the development account.</summary>
    public static NewChain Make(ChainTemplate template, ChainFolder folder, string deployment, GovernanceKey governance, string password, TimeProvider time) =>
        Make(template, folder, deployment, [governance.Key], 1, withAccount: true, password, time);

    /// <summary>Makes folder, keys and genesis.</summary>
    public static NewChain Make(ChainTemplate template, ChainFolder folder, string deployment, IReadOnlyList<NoteKey> governance, int k, bool withAccount, string password, TimeProvider time)
    {
        var policies = ReadPolicies(template);
        DurableFile.CreateOwnerOnlyFolder(folder.Root);
        DurableFile.CreateOwnerOnlyFolder(Path.Combine(folder.Root, "keys"));
        var algorithm = AlgorithmOf(template.Suite);
        var log = KeyFile.Create(folder.LogKeyPath, algorithm, password);
        try
        {
            // The account signs no statements yet: its secret is enough in Development, but its records name a key of its own.
            using var account = withAccount ? KeyFile.Create(folder.KeyPath(ChainCreation.DevelopmentAccount + ".pem"), algorithm, password) : null;
            foreach (var path in new[] { folder.WrappingKeyPath, folder.DigestIndexKeyPath, folder.SubjectIndexKeyPath })
            {
                CryptographicOperations.ZeroMemory(SymmetricKeyFile.Create(path, 32, password));
            }

            var logKey = NoteKey.Create(deployment + "/" + template.Name, NoteKey.TypeFor(algorithm, cosignature: false), log.PublicKey.Span);
            var genesis = Genesis.Create(deployment, template.Name, template.Code, template.Suite, k, governance, logKey, time.GetUtcNow());
            DurableFile.Replace(folder.GenesisPath, genesis.Canonical.Span);
            foreach (var file in new[] { "chain.json", "nodes.txt" })
            {
                DurableFile.Replace(Path.Combine(folder.Root, file), File.ReadAllBytes(Path.Combine(template.Folder, file)));
            }

            return new NewChain(template, folder, genesis, policies, log, account?.PublicKey.ToArray());
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Seals the five policies, the development account's key and, when there is one, the trust file.
    /// </summary>
    public void SealFirstLeaves(GovernanceKey governance, TrustFile? trust, TimeProvider time)
    {
        var now = time.GetUtcNow();
        var leaves = new List<SystemLeaf>();
        for (var i = 0; i < _policies.Count; i++)
        {
            var signature = Governance.Sign(Genesis, governance.Key, governance.Signer, PolicyNames.InOrder[i], _policies[i]);
            Add(SystemLeaves.Policy(Genesis, _policies[i], [signature], isFirst: i == 0, Guid.CreateVersion7(now), now));
        }

        var key = new KeyRecord
        {
            Account = ChainCreation.DevelopmentAccount,
            Purpose = KeyPurpose.Submitter,
            SuiteId = Genesis.Suite.Id,
            Spki = PublicKeyInfo.Format(AlgorithmOf(Genesis.Suite), _accountKey!),
            Chains = [Genesis.Origin],
            Types = [KeyRecord.Any],
            From = RecordTime.ToMilliseconds(now),
            Until = RecordTime.ToMilliseconds(now + KeyValidity),
        };
        key = key with { Signatures = [Governance.Sign(Genesis, governance.Key, governance.Signer, Governance.KeyDocument, key.SignedDocument())] };
        Add(SystemLeaves.Key(Genesis, key, Guid.CreateVersion7(now), now));
        if (trust is not null)
        {
            Add(SystemLeaves.Trust(Genesis, trust, Guid.CreateVersion7(now), now));
        }

        Seal(_folder, Genesis, _log, leaves, time);

        void Add(LeafDraft draft) => leaves.Add(new SystemLeaf(Genesis.Suite, draft));
    }

    /// <summary>Makes a chain's database of its first leaves. Leaf 0 is signed before anything follows it; the others are the second batch.</summary>
    public static void Seal(ChainFolder folder, Genesis genesis, ISigner log, IReadOnlyList<SystemLeaf> leaves, TimeProvider time)
    {
        using var appender = ChainAppender.Create(Sqlite.SqliteChainStore.Create(folder.DatabasePath), genesis, LogSigner.Of(genesis, log), time);
        appender.Finish(appender.Append([AppendRequest.Of(leaves[0])]));
        appender.Finish(appender.Append([.. leaves.Skip(1).Select(AppendRequest.Of)]));
        appender.StoreNote();
    }

    /// <summary>Draws a service account's secret.</summary>
    /// <param name="credential">The credential file of the client.</param>
    /// <param name="server">Where it finds the server.</param>
    /// <param name="account">The account.</param>
    /// <returns>The secret.</returns>
    public static string WriteCredential(out byte[] credential, string server = ChainCreation.DevelopmentServer, string account = ChainCreation.DevelopmentAccount)
    {
        var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        credential = JsonSerializer.SerializeToUtf8Bytes(new { server, account, secret });
        return secret;
    }

    public void Dispose() => _log.Dispose();

    /// <summary>A failure of files, keys or database as the refusal of a creation; null when it is none of them.</summary>
    public static ChainRefusedException? RefusalOf(Exception failure, string root) => failure switch
    {
        KeyFileException key => new ChainRefusedException(ChainRefusal.Key, key.Message, key),
        IOException or UnauthorizedAccessException => new ChainRefusedException(ChainRefusal.Storage, $"The chain cannot be created in '{root}': {failure.Message}", failure),
        Store.DatabaseFailureException => new ChainRefusedException(ChainRefusal.Storage, $"The chain's database cannot be created in '{root}': {failure.Message}", failure),
        _ => null,
    };

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
