using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>The JSON line of a trust file, both directions. Every member is known and has one type; an unknown one is refused.</summary>
internal static class TrustJson
{
    private const int MaxChains = 256;
    private const int MaxKeys = 64;

    public static CanonicalValue Write(TrustContent content) => CanonicalValue.OfObject(
        ("chains", CanonicalValue.OfArray(content.Chains.Select(chain => CanonicalValue.OfObject(
            ("code", CanonicalValue.Of(chain.Code)),
            ("from", CanonicalValue.Of(chain.FromMainIndex)),
            ("log", CanonicalValue.OfStrings(chain.LogKeys.Select(key => key.Format()))),
            ("origin", CanonicalValue.Of(chain.Origin)),
            ("policy", CanonicalValue.Of(chain.PolicyText)),
            ("suite", CanonicalValue.Of(chain.Suite.Name)),
            ("to", chain.ToMainIndex is { } to ? CanonicalValue.Of(to) : null))))),
        ("deployment", CanonicalValue.Of(content.Deployment)),
        ("governance", CanonicalValue.OfObject(
            ("k", CanonicalValue.Of(content.GovernanceThreshold)),
            ("keys", CanonicalValue.OfStrings(content.GovernanceKeys.Select(key => key.Format()))))),
        ("mode", CanonicalValue.Of(TrustNames.Of(content.Mode))),
        ("previous", content.Previous is { } previous ? CanonicalValue.Of(previous.ToHex()) : null),
        ("required", CanonicalValue.Of(TrustNames.Of(content.Required))),
        ("version", CanonicalValue.Of(content.Version)));

    public static TrustProblem? TryRead(CanonicalValue json, out TrustContent? content)
    {
        content = null;
        if (!HasMembers(json, ["chains", "deployment", "governance", "mode", "version"], ["previous", "required"]))
        {
            return Problem(TrustFailure.Json, "the members are not those of a trust file");
        }

        if (json["deployment"]!.AsString is not { } deployment || !Grammar.IsOrigin(deployment + "/chain"))
        {
            return Problem(TrustFailure.Deployment, "deployment");
        }

        if (json["version"]!.AsInteger is not { } version || version < 1)
        {
            return Problem(TrustFailure.Version, "version");
        }

        Hash32? previous = null;
        if (json["previous"] is { } before)
        {
            if (before.AsString is not { } hex || !Grammar.IsHex(hex, Hash32.Size, Hash32.Size) || !Hash32.TryParseHex(hex, out var hash))
            {
                return Problem(TrustFailure.Version, "previous is not a fingerprint");
            }

            previous = hash;
        }

        if (previous is null != (version == 1))
        {
            return Problem(TrustFailure.Version, "version 1 has no previous fingerprint, every later one has");
        }

        if (!TrustNames.TryMode(json["mode"]!.AsString, out var mode))
        {
            return Problem(TrustFailure.Mode, "mode");
        }

        // FORMATS: default anchored; in development nothing more than sealed can be had.
        var required = mode == TrustMode.Development ? RecordState.Sealed : RecordState.Anchored;
        if (json["required"] is { } state && !TrustNames.TryState(state.AsString, out required))
        {
            return Problem(TrustFailure.Required, "required");
        }

        if (Governance(json["governance"]!, out var k, out var keys) is { } governance)
        {
            return governance;
        }

        if (Chains(json["chains"]!, deployment, mode, out var chains) is { } refused)
        {
            return refused;
        }

        content = new TrustContent(deployment, version, previous, mode, required, k, keys, chains);
        return null;
    }

    private static TrustProblem? Governance(CanonicalValue json, out int k, out List<NoteKey> keys)
    {
        k = 0;
        keys = [];
        if (!HasMembers(json, ["k", "keys"], []) || json["keys"]!.Type != CanonicalType.Array || json["k"]!.AsInteger is not { } threshold)
        {
            return Problem(TrustFailure.Json, "governance");
        }

        foreach (var item in json["keys"]!.Items)
        {
            if (item.AsString is not { } vkey || NoteKey.TryParse(vkey, out var key) != NoteKeyProblem.None || key!.IsCosignature
                || keys.Exists(other => other.Algorithm == key.Algorithm && other.PublicKey.SequenceEqual(key.PublicKey)))
            {
                return Problem(TrustFailure.GovernanceKey, $"governance.keys[{keys.Count}]");
            }

            keys.Add(key);
        }

        if (keys.Count is 0 or > MaxKeys || threshold < 1 || threshold > keys.Count)
        {
            return Problem(TrustFailure.GovernanceThreshold, "governance.k is not between 1 and the number of keys");
        }

        k = (int)threshold;
        return null;
    }

    private static TrustProblem? Chains(CanonicalValue json, string deployment, TrustMode mode, out List<TrustedChain> chains)
    {
        chains = [];
        if (json.Type != CanonicalType.Array || json.Items.Count is 0 or > MaxChains)
        {
            return Problem(TrustFailure.NoChains, $"chains is not a list of 1 to {MaxChains}");
        }

        foreach (var item in json.Items)
        {
            var at = $"chains[{chains.Count}]";
            if (!HasMembers(item, ["code", "from", "log", "origin", "policy", "suite"], ["to"]))
            {
                return Problem(TrustFailure.Json, at);
            }

            if (item["origin"]!.AsString is not { } origin || !Grammar.IsOrigin(origin) || !origin.StartsWith(deployment + "/", StringComparison.Ordinal))
            {
                return Problem(TrustFailure.Origin, at + ".origin");
            }

            // A chain keeps code and suite for good: its record numbers and its tree are made with them.
            var before = chains.FindLast(chain => chain.Origin == origin);
            if (item["code"]!.AsString is not { } code || !RecordNumber.IsCode(code) || chains.Exists(chain => (chain.Code == code) != (chain.Origin == origin)))
            {
                return Problem(TrustFailure.Code, at + ".code");
            }

            if (item["suite"]!.AsString is not { } name || Suite.FromName(name) is not { } suite || (before is not null && before.Suite != suite))
            {
                return Problem(TrustFailure.Suite, at + ".suite");
            }

            // Ascending without overlap, and all but the last one closed: at most one entry holds at an index.
            if (item["from"]!.AsInteger is not { } from || from < 0 || (before is not null && !(before.ToMainIndex < from)))
            {
                return Problem(TrustFailure.MainIndex, at + ".from");
            }

            var to = item["to"]?.AsInteger;
            if (item["to"] is not null && (to is null || to < from))
            {
                return Problem(TrustFailure.MainIndex, at + ".to");
            }

            if (LogKeys(item["log"]!, origin, suite, at, out var keys) is { } badKey)
            {
                return badKey;
            }

            if (Policy(item["policy"]!, keys, mode, at, out var policy) is { } badPolicy)
            {
                return badPolicy;
            }

            chains.Add(new TrustedChain(origin, code, suite, keys, item["policy"]!.AsString!, policy!, from, to));
        }

        return null;
    }

    private static TrustProblem? LogKeys(CanonicalValue json, string origin, Suite suite, string at, out List<NoteKey> keys)
    {
        keys = [];
        foreach (var item in json.Items)
        {
            if (item.AsString is not { } vkey || NoteKey.TryParse(vkey, out var key) != NoteKeyProblem.None || key!.IsCosignature
                || key.Suite.Id != suite.Id || key.Name != origin || keys.Contains(key))
            {
                return Problem(TrustFailure.LogKey, $"{at}.log[{keys.Count}]");
            }

            keys.Add(key);
        }

        return json.Type == CanonicalType.Array && keys.Count is > 0 and <= MaxKeys ? null : Problem(TrustFailure.LogKey, at + ".log");
    }

    private static TrustProblem? Policy(CanonicalValue json, List<NoteKey> logKeys, TrustMode mode, string at, out QuorumPolicy? policy)
    {
        policy = null;
        if (json.AsString is not { } text)
        {
            return Problem(TrustFailure.Policy, at + ".policy");
        }

        var parse = QuorumPolicy.TryParse(text, out policy);
        if (!parse.Ok)
        {
            return Problem(TrustFailure.Policy, $"{at}.policy line {parse.Line}: {parse.Problem}");
        }

        if (policy!.Logs.Any(log => !logKeys.Contains(log.Key)))
        {
            return Problem(TrustFailure.Policy, at + ".policy names a log key that is not in log");
        }

        return policy.QuorumNone && mode != TrustMode.Development ? Problem(TrustFailure.Policy, at + ".policy: quorum none outside development") : null;
    }

    private static bool HasMembers(CanonicalValue json, ReadOnlySpan<string> needed, ReadOnlySpan<string> optional)
    {
        if (json.Type != CanonicalType.Object)
        {
            return false;
        }

        foreach (var name in needed)
        {
            if (json[name] is null)
            {
                return false;
            }
        }

        foreach (var name in json.Names)
        {
            if (!needed.Contains(name) && !optional.Contains(name))
            {
                return false;
            }
        }

        return true;
    }

    private static TrustProblem Problem(TrustFailure failure, string detail) => new(failure, detail);
}
