using System.Diagnostics.CodeAnalysis;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>Why bytes are not a genesis.</summary>
public enum GenesisProblem
{
    /// <summary>They are one.</summary>
    None = 0,
    /// <summary>Not canonical JSON within 16 KiB.</summary>
    NotCanonical = 1,
    /// <summary>A member is missing.</summary>
    MissingMember = 2,
    /// <summary>A member that the format does not have.</summary>
    UnknownMember = 3,
    /// <summary>A member's value breaks its grammar or range.</summary>
    BadValue = 4,
    /// <summary>Another version than 1.</summary>
    UnknownVersion = 5,
    /// <summary>A key that is no verifier key of the suite, or stands twice.</summary>
    BadKey = 6,
}

/// <summary>
/// The constant of a chain: canonical JSON <c>{chain, code, created, deployment, governance:{k, keys}, log, suite, v}</c>. Its fingerprint, SHA-256 over
/// these bytes in every suite, stands in leaf 0 and is what a user compares.
/// </summary>
public sealed class Genesis
{
    private Genesis(byte[] canonical, string deployment, string chain, string code, Suite suite, int k, IReadOnlyList<NoteKey> governance, NoteKey logKey, long created)
    {
        Canonical = canonical;
        Deployment = deployment;
        Chain = chain;
        Origin = deployment + "/" + chain;
        Code = code;
        Suite = suite;
        K = k;
        GovernanceKeys = governance;
        LogKey = logKey;
        Created = RecordTime.FromMilliseconds(created);
        Fingerprint = Suite.Intl.Hash(canonical);
    }

    /// <summary>The deployment, for instance <c>notary.example</c>.</summary>
    public string Deployment { get; }

    /// <summary>The chain's name inside the deployment.</summary>
    public string Chain { get; }

    /// <summary>The log's origin: deployment "/" chain.</summary>
    public string Origin { get; }

    /// <summary>2 to 4 letters that begin the chain's record numbers.</summary>
    public string Code { get; }

    /// <summary>Hash and signature suite.</summary>
    public Suite Suite { get; }

    /// <summary>How many governance keys must sign.</summary>
    public int K { get; }

    /// <summary>The governance keys, names unique.</summary>
    public IReadOnlyList<NoteKey> GovernanceKeys { get; }

    /// <summary>The log's verifier key; its name is the origin.</summary>
    public NoteKey LogKey { get; }

    /// <summary>The keys by which the log signs under a version of the trust file: those of the chain's newest entry; without a version, or an entry in it, the genesis' own.</summary>
    public IReadOnlyList<NoteKey> LogKeysUnder(TrustFile? trust) => trust?.Find(Origin)?.LogKeys ?? [LogKey];

    /// <summary>All keys by which the log ever signed, as far as the genesis and a version of the trust file know.</summary>
    public IReadOnlyList<NoteKey> AllLogKeys(TrustFile? trust) => [.. (trust?.EntriesOf(Origin) ?? []).SelectMany(static entry => entry.LogKeys).Append(LogKey).Distinct()];

    /// <summary>When the chain was created.</summary>
    public DateTimeOffset Created { get; }

    /// <summary>The file's bytes.</summary>
    public ReadOnlyMemory<byte> Canonical { get; }

    /// <summary>SHA-256 of <see cref="Canonical"/>.</summary>
    public Hash32 Fingerprint { get; }

    /// <summary>Makes the genesis of a new chain.</summary>
    /// <exception cref="ArgumentException">An argument breaks the format.</exception>
    public static Genesis Create(string deployment, string chain, string code, Suite suite, int k, IEnumerable<NoteKey> governance, NoteKey logKey, DateTimeOffset created)
    {
        var bytes = CanonicalValue.OfObject(
            ("chain", CanonicalValue.Of(chain)),
            ("code", CanonicalValue.Of(code)),
            ("created", CanonicalValue.Of(RecordTime.Format(RecordTime.ToMilliseconds(created)))),
            ("deployment", CanonicalValue.Of(deployment)),
            ("governance", CanonicalValue.OfObject(
                ("k", CanonicalValue.Of(k)),
                ("keys", CanonicalValue.OfStrings(governance.Select(static key => key.Format()))))),
            ("log", CanonicalValue.Of(logKey.Format())),
            ("suite", CanonicalValue.Of(suite.Name)),
            ("v", CanonicalValue.Of(1))).ToBytes();
        var problem = TryParse(bytes, out var genesis);
        return genesis ?? throw new ArgumentException($"These values make no genesis: {problem}.");
    }

    /// <summary>Parses and checks a genesis file.</summary>
    public static GenesisProblem TryParse(ReadOnlySpan<byte> bytes, out Genesis? genesis)
    {
        genesis = null;
        if (!CanonicalValue.TryParseCanonical(bytes, CanonicalLimits.Leaf, out var json).Ok || json.Type != CanonicalType.Object)
        {
            return GenesisProblem.NotCanonical;
        }

        string[] members = ["chain", "code", "created", "deployment", "governance", "log", "suite", "v"];
        if (json.Names.Any(name => !members.Contains(name)))
        {
            return GenesisProblem.UnknownMember;
        }

        if (json.Names.Count != members.Length)
        {
            return GenesisProblem.MissingMember;
        }

        if (json["v"]!.AsInteger != 1)
        {
            return GenesisProblem.UnknownVersion;
        }

        if (json["chain"]!.AsString is not { } chain || json["deployment"]!.AsString is not { } deployment || !Grammar.IsOrigin(deployment + "/" + chain)
            || json["code"]!.AsString is not { } code || !RecordNumber.IsCode(code)
            || json["created"]!.AsString is not { } time || !RecordTime.TryParse(time, out var created)
            || json["suite"]!.AsString is not { } suiteName || Suite.FromName(suiteName) is not { } suite
            || json["log"]!.AsString is not { } log)
        {
            return GenesisProblem.BadValue;
        }

        if (!IsGovernance(json["governance"]!, suite, out var k, out var governance))
        {
            return GenesisProblem.BadKey;
        }

        if (!TryKey(log, suite, out var logKey) || logKey.Name != deployment + "/" + chain)
        {
            return GenesisProblem.BadKey;
        }

        genesis = new Genesis(bytes.ToArray(), deployment, chain, code, suite, k, governance, logKey, created);
        return GenesisProblem.None;
    }

    private static bool IsGovernance(CanonicalValue json, Suite suite, out int k, out List<NoteKey> keys)
    {
        k = 0;
        keys = [];
        if (json.Names.Count != 2 || json["keys"] is not { Type: CanonicalType.Array, Items.Count: >= 1 and <= 32 } list || json["k"]?.AsInteger is not (>= 1 and var quorum)
            || quorum > list.Items.Count)
        {
            return false;
        }

        k = (int)quorum;
        foreach (var item in list.Items)
        {
            if (item.AsString is not { } text || !TryKey(text, suite, out var key) || keys.Any(other => other.Name == key.Name || other.PublicKey.SequenceEqual(key.PublicKey)))
            {
                return false;
            }

            keys.Add(key);
        }

        return true;
    }

    private static bool TryKey(string text, Suite suite, [NotNullWhen(true)] out NoteKey? key) =>
        NoteKey.TryParse(text, out key) == NoteKeyProblem.None && key is not null
        && key.Type == (suite.Id == SuiteId.Sm ? NoteKeyType.Sm2Note : NoteKeyType.Ed25519);
}
