namespace Notary.Evidence;

/// <summary>On which records an account may act, by a rule of the custody policy.</summary>
public enum CustodyWhose : byte
{
    /// <summary>Only on records that it deposited or received itself, and on transfers that it released.</summary>
    Own,
    /// <summary>On every record of the chain: a keeper's office.</summary>
    Any,
}

/// <summary>One rule of the custody policy. The first rule that names act, account and peer decides.</summary>
public sealed record CustodyRule
{
    /// <summary>Name of the rule, for explanations.</summary>
    public required string Id { get; init; }
    /// <summary>Acts.</summary>
    public required IReadOnlyList<CustodyAct> Acts { get; init; }
    /// <summary>Accounts, or <c>*</c>.</summary>
    public required IReadOnlyList<string> Accounts { get; init; }
    /// <summary>Origins at the other end, or <c>*</c>.</summary>
    public required IReadOnlyList<string> Peers { get; init; }
    /// <summary>Accepted purposes of the key record.</summary>
    public required IReadOnlyList<KeyPurpose> Purposes { get; init; }
    /// <summary>Accepted ways of authentication.</summary>
    public required IReadOnlyList<AuthMethod> Auth { get; init; }
    /// <summary>Whose records, of released and withdrawn. Intake checks it: the ledger's state does not hold who deposited what.</summary>
    public required CustodyWhose Whose { get; init; }
    /// <summary>How many seconds may pass between receipt and sealing, 1 to 86,400.</summary>
    public required int Lag { get; init; }

    internal bool Matches(CustodyAct act, string account, string peer) => Acts.Contains(act) && AdmissionRule.Has(Accounts, account) && AdmissionRule.Has(Peers, peer);
}

/// <summary>
/// The custody policy: canonical JSON <c>{default:"refuse", document:"custody", rules:[…], v:1, version}</c> of at most 12 KiB; without <c>rules</c>, or where none matches,
/// nothing is transferred.
/// </summary>
public sealed class CustodyPolicy
{
    private static readonly string[] RuleMembers = ["accounts", "acts", "auth", "id", "lag", "peers", "purposes", "whose"];

    private CustodyPolicy(long version, IReadOnlyList<CustodyRule> rules)
    {
        Version = version;
        Rules = rules;
    }

    /// <summary>Increases with every document that comes into force.</summary>
    public long Version { get; }

    /// <summary>The rules in their order.</summary>
    public IReadOnlyList<CustodyRule> Rules { get; }

    /// <summary>Parses a document.</summary>
    /// <param name="document">Canonical bytes.</param>
    /// <param name="policy">The policy when the problem is empty.</param>
    /// <returns>Empty, or where the format is broken (a path such as <c>rules[0].acts</c>).</returns>
    public static string TryParse(ReadOnlySpan<byte> document, out CustodyPolicy? policy)
    {
        policy = null;
        var problem = PolicyDocument.TryParse(document, out var header, out var json);
        if (problem.Length > 0)
        {
            return problem;
        }

        if (header!.Name != PolicyNames.Custody)
        {
            return "document";
        }

        IReadOnlyList<CustodyRule> rules = [];
        if (json!["rules"] is { } list)
        {
            problem = PolicyRules.TryParse<CustodyRule>(list, TryRule, static rule => rule.Id, out rules);
            if (problem.Length > 0)
            {
                return problem;
            }
        }

        policy = new CustodyPolicy(header.Version, rules);
        return string.Empty;
    }

    /// <summary>The rule that decides about an act; null when none matches.</summary>
    public CustodyRule? RuleFor(CustodyAct act, string account, string peer) => Rules.FirstOrDefault(rule => rule.Matches(act, account, peer));

    /// <summary>Decides about a custody leaf and its key record, as far as the chain's state shows.</summary>
    public AdmissionResult Decide(in LeafFacts facts, KeyRecord key)
    {
        var custody = facts.CustodyRecord!;
        if (RuleFor(custody.Act, facts.Account, custody.Peer) is not { } rule)
        {
            return AdmissionResult.Of(AdmissionFailure.CustodyNotAllowed, "act");
        }

        var (failure, member) = !rule.Purposes.Contains(key.Purpose) ? (AdmissionFailure.KeyPurpose, "key")
            : !rule.Auth.Contains(facts.Auth) ? (AdmissionFailure.AuthNotAccepted, "auth")
            : facts.Sealed > facts.Received + (rule.Lag * 1000L) ? (AdmissionFailure.SealedTooLate, "sealed")
            : (AdmissionFailure.None, string.Empty);
        return new AdmissionResult(failure, member, rule.Id);
    }

    private static string TryRule(CanonicalValue json, out CustodyRule? rule)
    {
        rule = null;
        var members = LeafForm.CheckMembers(json, RuleMembers, []);
        if (!members.Ok)
        {
            return members.Failure == AdmissionFailure.MissingMember ? members.Member : "unknown member";
        }

        if (json["id"]!.AsString is not { } id || !Grammar.IsName(id))
        {
            return "id";
        }

        if (!PolicyRules.TryList<CustodyAct>(json["acts"]!, CustodyActs.TryParse, out var acts))
        {
            return "acts";
        }

        if (!PolicyRules.TryStrings(json["accounts"]!, out var accounts) || !accounts.All(static a => a == KeyRecord.Any || Grammar.IsName(a)))
        {
            return "accounts";
        }

        if (!PolicyRules.TryStrings(json["peers"]!, out var peers) || !peers.All(static p => p == KeyRecord.Any || Grammar.IsOrigin(p)))
        {
            return "peers";
        }

        if (!PolicyRules.TryList<KeyPurpose>(json["purposes"]!, KeyRecord.TryPurpose, out var purposes))
        {
            return "purposes";
        }

        if (!PolicyRules.TryList<AuthMethod>(json["auth"]!, AuthMethods.TryParse, out var auth))
        {
            return "auth";
        }

        if (json["whose"]!.AsString is not ("own" or "any"))
        {
            return "whose";
        }

        if (json["lag"]!.AsInteger is not (>= 1 and <= 86_400 and var lag))
        {
            return "lag";
        }

        rule = new CustodyRule
        {
            Id = id, Acts = acts, Accounts = accounts, Peers = peers, Purposes = purposes, Auth = auth, Lag = (int)lag,
            Whose = json["whose"]!.AsString == "own" ? CustodyWhose.Own : CustodyWhose.Any,
        };
        return string.Empty;
    }
}
