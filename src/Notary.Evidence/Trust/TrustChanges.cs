using System.Globalization;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>What a version of the trust file changes, in words for those who sign it and for those who go over to it.</summary>
public static class TrustChanges
{
    /// <summary>One sentence a change, the gravest first: what rewrites the past stands before everything else.</summary>
    public static IReadOnlyList<string> Describe(TrustFile before, TrustContent after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        var grave = new List<string>();
        var changes = new List<string>();
        Whole(before.Content, after, changes);
        foreach (var origin in before.Content.Chains.Concat(after.Chains).Select(static entry => entry.Origin).Distinct(StringComparer.Ordinal))
        {
            Chain(origin[(origin.IndexOf('/', StringComparison.Ordinal) + 1)..], [.. before.EntriesOf(origin)], [.. after.Chains.Where(entry => entry.Origin == origin)], grave, changes);
        }

        return [.. grave, .. changes];
    }

    private static void Whole(TrustContent before, TrustContent after, List<string> changes)
    {
        foreach (var key in after.GovernanceKeys.Where(key => !before.GovernanceKeys.Contains(key)))
        {
            changes.Add($"Governance gets the key {Short(key)}.");
        }

        foreach (var key in before.GovernanceKeys.Where(key => !after.GovernanceKeys.Contains(key)))
        {
            changes.Add($"Governance loses the key {Short(key)}.");
        }

        if ((before.GovernanceThreshold, before.GovernanceKeys.Count) != (after.GovernanceThreshold, after.GovernanceKeys.Count))
        {
            changes.Add(Text($"Governance is {after.GovernanceThreshold} of {after.GovernanceKeys.Count} keys, no longer {before.GovernanceThreshold} of {before.GovernanceKeys.Count}."));
        }

        if (before.Mode != after.Mode)
        {
            changes.Add($"The deployment's mode is {TrustNames.Of(after.Mode)}, no longer {TrustNames.Of(before.Mode)}.");
        }

        if (before.Required != after.Required)
        {
            changes.Add($"A verdict TOTAL-PASSED needs the state {TrustNames.Of(after.Required)}, no longer {TrustNames.Of(before.Required)}.");
        }
    }

    private static void Chain(string name, List<TrustedChain> before, List<TrustedChain> after, List<string> grave, List<string> changes)
    {
        if (before.Count == 0)
        {
            changes.Add(Text($"New chain {name} ({after[0].Code}, {after[0].Suite.Name}) with the log key {string.Join(", ", after[0].LogKeys.Select(Short))}: final with {Quorum(after[0])}."));
            before = [after[0]];
        }

        // Entries are ended and added, and nothing else: what else happens to one takes back what was said of the past.
        for (var i = 0; i < before.Count; i++)
        {
            var (old, now) = (before[i], i < after.Count ? after[i] : null);
            if (now is null || now.FromMainIndex != old.FromMainIndex || !now.JudgesAs(old))
            {
                grave.Add(Text($"REWRITES what holds for {name} from main index {old.FromMainIndex} on: old packages may not verify any more."));
                return;
            }

            if (now.ToMainIndex != old.ToMainIndex)
            {
                if (i < before.Count - 1)
                {
                    grave.Add(Text($"REWRITES where an earlier entry of {name} ends: {To(now)}, not {To(old)}."));
                }
                else if (i == after.Count - 1)
                {
                    changes.Add(Text($"{name} ends: nothing that it anchors behind main index {now.ToMainIndex} counts."));
                }
            }
        }

        for (var i = before.Count; i < after.Count; i++)
        {
            Entry(name, after[i - 1], after[i], changes);
        }
    }

    private static void Entry(string name, TrustedChain before, TrustedChain after, List<string> changes)
    {
        var from = Text($"From main index {after.FromMainIndex} on, {name}");
        var count = changes.Count;
        if (!before.LogKeys.SequenceEqual(after.LogKeys))
        {
            changes.Add($"{from}: the log signs with {string.Join(", ", after.LogKeys.Select(Short))}; what {string.Join(", ", before.LogKeys.Except(after.LogKeys).Select(Short))} signed counts only if anchored before.");
        }

        foreach (var witness in after.Policy.Witnesses.Where(witness => before.Policy.Witnesses.All(other => !other.Key.Equals(witness.Key))))
        {
            changes.Add(before.Policy.Witnesses.FirstOrDefault(other => other.Name == witness.Name) is { } replaced && after.Policy.Witnesses.All(other => !other.Key.Equals(replaced.Key))
                ? $"{from}: the node {witness.Name} has the key {Short(witness.Key)}, no longer {Short(replaced.Key)}."
                : $"{from}: the node {witness.Name} with the key {Short(witness.Key)} joins.");
        }

        foreach (var witness in before.Policy.Witnesses.Where(witness => after.Policy.Witnesses.All(other => !other.Key.Equals(witness.Key) && other.Name != witness.Name)))
        {
            changes.Add($"{from}: the node {witness.Name} leaves.");
        }

        foreach (var witness in after.Policy.Witnesses)
        {
            if (before.Policy.Witnesses.FirstOrDefault(other => other.Key.Equals(witness.Key)) is { } known && known.Url != witness.Url)
            {
                changes.Add($"{from}: the node {witness.Name} is reached at {witness.Url ?? "the platform's own process"}.");
            }
        }

        if (Quorum(before) is var old && Quorum(after) is var now && old != now)
        {
            changes.Add($"{from}: final with {now}, no longer with {old}.");
        }

        if (changes.Count == count)
        {
            changes.Add($"{from}: a new entry that says the same as the one before, or the policy in another form.");
        }
    }

    private static string Quorum(TrustedChain chain)
    {
        var lines = chain.PolicyText.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(static line => !line.StartsWith('#')).Select(static line => line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)).ToList();
        return lines.Where(static line => line[0] == "group").ToList() is [[_, var group, var k, .. var members]] && lines.Exists(line => line is ["quorum", var quorum] && quorum == group)
            ? Text($"{k} of {members.Length} nodes ({string.Join(", ", members)})")
            : string.Join("; ", lines.Where(static line => line[0] is "group" or "quorum").Select(static line => string.Join(' ', line)));
    }

    private static string Short(NoteKey key) => string.Create(CultureInfo.InvariantCulture, $"{key.Name}+{key.KeyId:x8}");

    private static string To(TrustedChain entry) => entry.ToMainIndex?.ToString(CultureInfo.InvariantCulture) ?? "open";

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
