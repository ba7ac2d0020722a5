namespace Notary.Evidence;

/// <summary>What the rules of admission and custody documents have in common: a list of rules with names of their own, and the lists in a rule.</summary>
internal static class PolicyRules
{
    private const int MaxItems = 256;

    /// <summary>Parses one rule: empty, or the member where its format is broken.</summary>
    public delegate string TryRule<T>(CanonicalValue json, out T? rule);

    /// <summary>Parses a word of a closed list.</summary>
    public delegate bool TryName<T>(string name, out T value);

    /// <summary>Parses the member <c>rules</c>: 1 to 256, no name twice.</summary>
    /// <returns>Empty, or where the format is broken, such as <c>rules[0].skew</c>.</returns>
    public static string TryParse<T>(CanonicalValue? json, TryRule<T> tryRule, Func<T, string> nameOf, out IReadOnlyList<T> rules)
        where T : class
    {
        var parsed = new List<T>();
        rules = parsed;
        if (json is not { Type: CanonicalType.Array, Items.Count: >= 1 and <= MaxItems })
        {
            return "rules";
        }

        foreach (var item in json.Items)
        {
            var bad = tryRule(item, out var rule);
            if (bad.Length > 0 || parsed.Any(other => nameOf(other) == nameOf(rule!)))
            {
                return $"rules[{parsed.Count}].{(bad.Length > 0 ? bad : "id")}";
            }

            parsed.Add(rule!);
        }

        return string.Empty;
    }

    /// <summary>Parses a list of words of a closed list, none twice.</summary>
    public static bool TryList<T>(CanonicalValue json, TryName<T> tryName, out IReadOnlyList<T> list)
    {
        var items = new List<T>();
        list = items;
        if (!TryStrings(json, out var names))
        {
            return false;
        }

        foreach (var name in names)
        {
            if (!tryName(name, out var value))
            {
                return false;
            }

            items.Add(value);
        }

        return true;
    }

    /// <summary>Parses a list of 1 to 256 strings, none twice.</summary>
    public static bool TryStrings(CanonicalValue json, out IReadOnlyList<string> list)
    {
        list = [];
        if (json.Type != CanonicalType.Array || json.Items.Count is 0 or > MaxItems || json.Items.Any(static item => item.AsString is null))
        {
            return false;
        }

        list = [.. json.Items.Select(static item => item.AsString!)];
        return list.Distinct().Count() == list.Count;
    }
}
