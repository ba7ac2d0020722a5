namespace Notary.Evidence;

/// <summary>What a rule says about metadata.</summary>
public enum FieldsDemand : byte
{
    /// <summary>May be there.</summary>
    Optional,
    /// <summary>Must be there.</summary>
    Required,
    /// <summary>Must not be there.</summary>
    Forbidden,
}

/// <summary>One rule of the admission policy. The first rule that names the type and the account decides.</summary>
public sealed record AdmissionRule
{
    /// <summary>Name of the rule, for explanations.</summary>
    public required string Id { get; init; }
    /// <summary>Evidence types, or <c>*</c>.</summary>
    public required IReadOnlyList<string> Types { get; init; }
    /// <summary>Accounts, or <c>*</c>.</summary>
    public required IReadOnlyList<string> Accounts { get; init; }
    /// <summary>Accepted purposes of the key record.</summary>
    public required IReadOnlyList<KeyPurpose> Purposes { get; init; }
    /// <summary>Accepted ways of authentication.</summary>
    public required IReadOnlyList<AuthMethod> Auth { get; init; }
    /// <summary>Accepted relations.</summary>
    public required IReadOnlyList<Relation> Relations { get; init; }
    /// <summary>Most parts, 1 to 1,000.</summary>
    public required int MaxParts { get; init; }
    /// <summary>Most bytes of metadata, 0 to 16,384. Intake checks it: the ledger does not show it.</summary>
    public required int MaxMetadata { get; init; }
    /// <summary>Whether metadata must, may or must not be there.</summary>
    public required FieldsDemand Fields { get; init; }
    /// <summary>How many seconds the claimed time may lie after the received one, 0 to 86,400.</summary>
    public required int Skew { get; init; }
    /// <summary>How many seconds may pass between receipt and sealing, 1 to 86,400.</summary>
    public required int Lag { get; init; }

    internal bool Matches(string type, string account) => Has(Types, type) && Has(Accounts, account);

    internal static bool Has(IReadOnlyList<string> list, string item)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i] == KeyRecord.Any || list[i] == item)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>The policy's decision with what it looked at, for an answer or a log.</summary>
/// <param name="Failure">Why not, or none.</param>
/// <param name="Rule">Id of the deciding rule; empty when none matched.</param>
/// <param name="Inputs">Names and values that the rule compared.</param>
public sealed record PolicyDecision(AdmissionFailure Failure, string Rule, IReadOnlyList<(string Name, string Value)> Inputs)
{
    /// <summary>Whether the policy admits.</summary>
    public bool Allowed => Failure == AdmissionFailure.None;
}

/// <summary>
/// The admission policy: canonical JSON <c>{document:"admission", rules:[…], v:1, version}</c> of at most 12 KiB. A member that the format does not
/// have is refused: a rule that nobody evaluates must not look as if it held.
/// </summary>
public sealed class AdmissionPolicy
{
    private static readonly string[] RuleMembers =
        ["accounts", "auth", "fields", "id", "lag", "maxmetadata", "maxparts", "purposes", "relations", "skew", "types"];

    private AdmissionPolicy(long version, IReadOnlyList<AdmissionRule> rules)
    {
        Version = version;
        Rules = rules;
    }

    /// <summary>Increases with every document that comes into force.</summary>
    public long Version { get; }

    /// <summary>The rules in their order.</summary>
    public IReadOnlyList<AdmissionRule> Rules { get; }

    /// <summary>Parses a document.</summary>
    /// <param name="document">Canonical bytes.</param>
    /// <param name="policy">The policy when the problem is empty.</param>
    /// <returns>Empty, or where the format is broken (a path such as <c>rules[0].skew</c>).</returns>
    public static string TryParse(ReadOnlySpan<byte> document, out AdmissionPolicy? policy)
    {
        policy = null;
        var problem = PolicyDocument.TryParse(document, out var header, out var json);
        if (problem.Length > 0)
        {
            return problem;
        }

        if (header!.Name != PolicyNames.Admission)
        {
            return "document";
        }

        if (json!.Names.Count != 4)
        {
            return "rules";
        }

        problem = PolicyRules.TryParse<AdmissionRule>(json["rules"], TryRule, static rule => rule.Id, out var rules);
        if (problem.Length > 0)
        {
            return problem;
        }

        policy = new AdmissionPolicy(header.Version, rules);
        return string.Empty;
    }

    /// <summary>Decides about an evidence leaf and its key record.</summary>
    public AdmissionResult Decide(in LeafFacts facts, KeyRecord key)
    {
        foreach (var rule in Rules)
        {
            if (rule.Matches(facts.Type, facts.Account))
            {
                var (failure, member) = Apply(rule, facts, key);
                return new AdmissionResult(failure, member, rule.Id);
            }
        }

        return AdmissionResult.Of(AdmissionFailure.TypeNotAccepted, "type");
    }

    /// <summary>The decision with its inputs.</summary>
    public PolicyDecision Explain(in LeafFacts facts, KeyRecord key)
    {
        var result = Decide(facts, key);
        return new PolicyDecision(result.Failure, result.Rule,
        [
            ("type", facts.Type), ("account", facts.Account), ("auth", AuthMethods.Name(facts.Auth)), ("purpose", KeyRecord.PurposeName(key.Purpose)),
            ("relation", Relations.Name(facts.Relation)), ("parts", $"{facts.PartCount}"), ("fields", facts.HasFields ? "present" : "absent"),
            ("sent", facts.Sent < 0 ? "absent" : RecordTime.Format(facts.Sent)), ("received", RecordTime.Format(facts.Received)),
            ("sealed", RecordTime.Format(facts.Sealed)),
        ]);
    }

    /// <summary>Most metadata that intake lets through for a type and account; 0 when no rule matches.</summary>
    public int MaxMetadata(string type, string account) => Rules.FirstOrDefault(rule => rule.Matches(type, account))?.MaxMetadata ?? 0;

    private static (AdmissionFailure Failure, string Member) Apply(AdmissionRule rule, in LeafFacts facts, KeyRecord key)
    {
        if (!rule.Purposes.Contains(key.Purpose))
        {
            return (AdmissionFailure.KeyPurpose, "key");
        }

        if (!rule.Auth.Contains(facts.Auth))
        {
            return (AdmissionFailure.AuthNotAccepted, "auth");
        }

        if (!rule.Relations.Contains(facts.Relation))
        {
            return (AdmissionFailure.RelationNotAccepted, "relation");
        }

        if (facts.PartCount > rule.MaxParts)
        {
            return (AdmissionFailure.TooManyParts, "parts");
        }

        if (rule.Fields == FieldsDemand.Required && !facts.HasFields)
        {
            return (AdmissionFailure.FieldsRequired, "fields");
        }

        if (rule.Fields == FieldsDemand.Forbidden && facts.HasFields)
        {
            return (AdmissionFailure.FieldsForbidden, "fields");
        }

        if (facts.Sent > facts.Received + (rule.Skew * 1000L))
        {
            return (AdmissionFailure.SentTooLate, "sent");
        }

        return facts.Sealed > facts.Received + (rule.Lag * 1000L) ? (AdmissionFailure.SealedTooLate, "sealed") : (AdmissionFailure.None, string.Empty);
    }

    private static string TryRule(CanonicalValue json, out AdmissionRule? rule)
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

        if (!PolicyRules.TryStrings(json["types"]!, out var types) || !types.All(static t => t == KeyRecord.Any || Grammar.IsName(t)))
        {
            return "types";
        }

        if (!PolicyRules.TryStrings(json["accounts"]!, out var accounts) || !accounts.All(static a => a == KeyRecord.Any || Grammar.IsName(a)))
        {
            return "accounts";
        }

        if (!PolicyRules.TryList<KeyPurpose>(json["purposes"]!, KeyRecord.TryPurpose, out var purposes))
        {
            return "purposes";
        }

        if (!PolicyRules.TryList<AuthMethod>(json["auth"]!, AuthMethods.TryParse, out var auth))
        {
            return "auth";
        }

        if (!PolicyRules.TryList<Relation>(json["relations"]!, Notary.Evidence.Relations.TryParse, out var relations))
        {
            return "relations";
        }

        if (json["fields"]!.AsString is not ("optional" or "required" or "forbidden"))
        {
            return "fields";
        }

        if (json["maxparts"]!.AsInteger is not (>= 1 and <= RequestLimits.MaxParts and var maxParts))
        {
            return "maxparts";
        }

        if (json["maxmetadata"]!.AsInteger is not (>= 0 and <= MetadataFields.MaxTotalBytes and var maxMetadata))
        {
            return "maxmetadata";
        }

        if (json["skew"]!.AsInteger is not (>= 0 and <= 86_400 and var skew))
        {
            return "skew";
        }

        if (json["lag"]!.AsInteger is not (>= 1 and <= 86_400 and var lag))
        {
            return "lag";
        }

        rule = new AdmissionRule
        {
            Id = id, Types = types, Accounts = accounts, Purposes = purposes, Auth = auth, Relations = relations, MaxParts = (int)maxParts,
            MaxMetadata = (int)maxMetadata, Skew = (int)skew, Lag = (int)lag,
            Fields = json["fields"]!.AsString switch { "required" => FieldsDemand.Required, "forbidden" => FieldsDemand.Forbidden, _ => FieldsDemand.Optional },
        };
        return string.Empty;
    }
}
