using System.Globalization;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// The next version of a trust file while governance writes it. All changes of chains hold from one main index on: the newest entry of a chain ends below it, and a new one begins there.
/// Nothing that was said of earlier indexes is touched, so that old packages verify as before; where the index lies below the main chain's size, that is a revocation.
/// </summary>
/// <remarks>Each method returns null, or one sentence on why the change cannot be made; then nothing is changed. Not thread-safe.</remarks>
public sealed class TrustDraft
{
    private readonly TrustFile _current;
    private readonly long _from;
    private readonly List<TrustedChain> _chains;
    private readonly List<NoteKey> _governance;
    private readonly HashSet<TrustedChain> _new = [];
    private int _threshold;
    private RecordState _required;

    /// <param name="current">The version in force.</param>
    /// <param name="from">The first index of the main chain for which changes of chains hold.</param>
    public TrustDraft(TrustFile current, long from)
    {
        ArgumentNullException.ThrowIfNull(current);
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        _current = current;
        _from = from;
        _chains = [.. current.Content.Chains];
        _governance = [.. current.Content.GovernanceKeys];
        _threshold = current.Content.GovernanceThreshold;
        _required = current.Required;
    }

    /// <summary>The first version of a deployment in production, which knows its main chain and asks for <c>anchored</c>. Null when a trust file can say it.</summary>
    /// <param name="main">Genesis of the main chain, whose governance is that of the file.</param>
    /// <param name="policy">Its quorum policy.</param>
    /// <param name="proposal">What governance signs.</param>
    public static TrustProblem? First(Genesis main, string policy, out TrustProposal? proposal)
    {
        ArgumentNullException.ThrowIfNull(main);
        proposal = null;
        return Judge(main.Origin, policy, out var parsed) ?? TrustProposal.TryCreate(
            new TrustContent(main.Deployment, 1, null, TrustMode.Production, RecordState.Anchored, main.K, main.GovernanceKeys, [new TrustedChain(main.Origin, main.Code, main.Suite, [main.LogKey], policy, parsed!)]),
            out proposal);
    }

    /// <summary>A log goes over to another key; what the old one signs is judged by it up to the index before, and no further.</summary>
    /// <param name="chain">Name of the chain inside the deployment.</param>
    /// <param name="key">A log key of the chain's suite, named as its origin.</param>
    public string? RotateLog(string chain, NoteKey key) => Change(chain, entry => entry with { LogKeys = [key] });

    /// <summary>Adds a ledger node to the group that is the chain's quorum.</summary>
    /// <param name="chain">Name of the chain.</param>
    /// <param name="node">Its name in the policy.</param>
    /// <param name="key">Its cosignature key.</param>
    /// <param name="url">Where it takes submissions, or null: in the platform's own process.</param>
    public string? AddNode(string chain, string node, NoteKey key, string? url) => Edit(chain, policy =>
        policy.Witnesses.ContainsKey(node) ? $"{chain} has a node {node} already: replace it, or choose another name." : Do(() =>
        {
            policy.Witnesses[node] = Line(node, key, url);
            policy.Members.Add(node);
        }));

    /// <summary>Takes a ledger node out.</summary>
    public string? RemoveNode(string chain, string node) => Edit(chain, policy =>
        policy.Members.Remove(node) && policy.Witnesses.Remove(node) ? null : $"{chain} has no node {node} in its quorum.");

    /// <summary>Gives a ledger node another key, as one has to that lost its disk; its name stays.</summary>
    public string? ReplaceNode(string chain, string node, NoteKey key, string? url) => Edit(chain, policy =>
        policy.Witnesses.ContainsKey(node) ? Do(() => policy.Witnesses[node] = Line(node, key, url)) : $"{chain} has no node {node}.");

    /// <summary>How many of a chain's nodes make a checkpoint final: more than half of them, or two quorums could contradict each other.</summary>
    public string? Quorum(string chain, int k) => Edit(chain, policy => Do(() => policy.Threshold = k));

    /// <summary>Gives a chain a policy as it is, for one that is more than k of a group.</summary>
    public string? SetPolicy(string chain, string policy) => Change(chain, entry => entry with { PolicyText = policy });

    /// <summary>Ends a chain's newest entry without another one: nothing that it anchors from the index on counts.</summary>
    public string? End(string chain)
    {
        if (Newest(chain, out var newest) is { } problem)
        {
            return problem;
        }

        _chains[_chains.IndexOf(newest!)] = newest! with { ToMainIndex = _from - 1 };
        return null;
    }

    /// <summary>Adds a chain that the deployment does not have yet.</summary>
    public string? AddChain(Genesis genesis, string policy)
    {
        ArgumentNullException.ThrowIfNull(genesis);
        if (genesis.Deployment != _current.Content.Deployment)
        {
            return $"{genesis.Origin} is a chain of another deployment than {_current.Content.Deployment}.";
        }

        if (_current.Find(genesis.Origin) is not null)
        {
            return $"The trust file knows {genesis.Origin} already.";
        }

        // What it says is checked in the end.
        var entry = new TrustedChain(genesis.Origin, genesis.Code, genesis.Suite, [genesis.LogKey], policy, _current.Content.Chains[0].Policy, _from);
        _new.Add(entry);
        _chains.Add(entry);
        return null;
    }

    /// <summary>Adds a governance key; its holder has to sign this version too.</summary>
    public string? AddGovernance(NoteKey key)
    {
        _governance.Add(key);
        return null;
    }

    /// <summary>Takes out the governance key of that name.</summary>
    public string? RemoveGovernance(string name) => _governance.RemoveAll(key => key.Name == name) == 1 ? null : $"There is no governance key {name}, or several bear that name.";

    /// <summary>How many governance keys have to sign.</summary>
    public string? GovernanceThreshold(int k)
    {
        _threshold = k;
        return null;
    }

    /// <summary>The state that TOTAL-PASSED needs.</summary>
    public string? Require(RecordState state)
    {
        _required = state;
        return null;
    }

    /// <summary>The version that the changes make; what governance signs is its text. Null and a reason when no trust file can say it, or none should.</summary>
    public TrustProblem? TryFinish(out TrustProposal? proposal)
    {
        proposal = null;
        foreach (var entry in _new.ToList())
        {
            // In the end, for several changes of one chain are made one after the other.
            if (Judge(entry.Origin, entry.PolicyText, out var policy) is { } problem)
            {
                return problem;
            }

            Put(entry, entry with { Policy = policy! });
        }

        return TrustProposal.TryCreate(
            _current.Content with
            {
                Version = _current.Content.Version + 1, Previous = _current.Fingerprint, Required = _required, GovernanceThreshold = _threshold, GovernanceKeys = _governance, Chains = _chains,
            },
            out proposal);
    }

    private static TrustProblem? Judge(string origin, string text, out QuorumPolicy? policy)
    {
        var parse = QuorumPolicy.TryParse(text, out policy);
        return !parse.Ok ? new TrustProblem(TrustFailure.Policy, $"the nodes of {origin} make no quorum policy, line {parse.Line}: {parse.Problem}")
            : PolicyLines.TryRead(text) is { } lines && lines.Threshold * 2 <= lines.Members.Count
                ? new TrustProblem(TrustFailure.Policy, $"{lines.Threshold} of {lines.Members.Count} nodes of {origin} is not more than half: two quorums could contradict each other")
            : null;
    }

    private static string? Do(Action change)
    {
        change();
        return null;
    }

    private static string Line(string node, NoteKey key, string? url) => $"witness {node} {key.Format()}{(url is null ? string.Empty : " " + url)}";

    private string? Newest(string chain, out TrustedChain? newest)
    {
        var origin = _current.Content.Deployment + "/" + chain;
        newest = _chains.FindLast(entry => entry.Origin == origin);
        return newest is null ? $"The trust file knows no chain {chain}."
            : newest.ToMainIndex is not null ? $"The entries of {chain} have ended: a chain that was ended is not taken up again."
            : !_new.Contains(newest) && newest.FromMainIndex >= _from
                ? string.Create(CultureInfo.InvariantCulture, $"The newest entry of {chain} begins at main index {newest.FromMainIndex}: a change of it holds from a later one.")
            : null;
    }

    // The first change of a chain ends its newest entry and begins another; further ones are made in that.
    private string? Change(string chain, Func<TrustedChain, TrustedChain> change)
    {
        if (Newest(chain, out var newest) is { } problem)
        {
            return problem;
        }

        if (_new.Contains(newest!))
        {
            Put(newest!, change(newest!));
            return null;
        }

        var at = _chains.IndexOf(newest!);
        var changed = change(newest!) with { FromMainIndex = _from };
        _chains[at] = newest! with { ToMainIndex = _from - 1 };
        _chains.Insert(at + 1, changed);
        _new.Add(changed);
        return null;
    }

    private void Put(TrustedChain entry, TrustedChain instead)
    {
        _new.Remove(entry);
        _new.Add(instead);
        _chains[_chains.IndexOf(entry)] = instead;
    }

    private string? Edit(string chain, Func<PolicyLines, string?> edit)
    {
        if (Newest(chain, out var newest) is { } problem)
        {
            return problem;
        }

        return PolicyLines.TryRead(newest!.PolicyText) is not { } lines ? $"The quorum of {chain} is not k of a group of nodes: give the whole policy."
            : edit(lines) ?? Change(chain, entry => entry with { PolicyText = lines.Format() });
    }

    /// <summary>A policy of the usual shape: its nodes, and one group of them that is the quorum.</summary>
    private sealed class PolicyLines
    {
        private readonly List<string> _others = [];

        public Dictionary<string, string> Witnesses { get; } = new(StringComparer.Ordinal);

        public List<string> Members { get; private init; } = [];

        public int Threshold { get; set; }

        private string Group { get; init; } = string.Empty;

        public static PolicyLines? TryRead(string text)
        {
            var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(static line => !line.StartsWith('#')).ToList();
            var words = lines.ConvertAll(static line => line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries));
            var groups = words.Where(static line => line[0] == "group").ToList();
            if (groups is not [[_, var name, var k, .. var members]] || !words.Exists(line => line is ["quorum", var quorum] && quorum == name) || !words.Exists(line => line[0] == "witness" && members.Contains(line[1])))
            {
                return null;
            }

            var threshold = k == "all" ? members.Length : k == "any" ? 1 : int.TryParse(k, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
            var read = new PolicyLines { Group = name, Members = [.. members], Threshold = threshold };
            for (var i = 0; i < lines.Count; i++)
            {
                if (words[i][0] == "witness")
                {
                    read.Witnesses[words[i][1]] = lines[i];
                }
                else if (words[i][0] is not ("group" or "quorum"))
                {
                    read._others.Add(lines[i]);
                }
            }

            return read;
        }

        public string Format() => string.Concat(_others.Concat(Witnesses.Values)
            .Append(string.Create(CultureInfo.InvariantCulture, $"group {Group} {Threshold} {string.Join(' ', Members)}")).Append("quorum " + Group).Select(static line => line + "\n"));
    }
}
