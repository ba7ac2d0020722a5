using System.Text;

namespace Notary.Ledger;

/// <summary>Why a text is no policy.</summary>
public enum PolicyProblem
{
    None = 0,

    /// <summary>Longer than <see cref="QuorumPolicy.MaxLength"/>.</summary>
    TooLong = 1,

    /// <summary>An octet other than tab, newline, 0x20–0x7E and 0x80–0xFF.</summary>
    BadOctet = 2,

    /// <summary>The last line does not end in a newline.</summary>
    LineNotTerminated = 3,

    /// <summary>A line starts with no known keyword.</summary>
    UnknownKeyword = 4,

    /// <summary>A line has too few or too many items.</summary>
    WrongItemCount = 5,

    /// <summary>A verifier key does not parse: <c>Key</c> says why.</summary>
    BadKey = 6,

    /// <summary>A log's key cosigns, or a witness's key does not.</summary>
    WrongKeyType = 7,

    /// <summary>Two logs, or two witnesses, have the same public key.</summary>
    DuplicateKey = 8,

    /// <summary>A name is defined twice.</summary>
    DuplicateName = 9,

    /// <summary>The name <c>none</c> is defined, or is a group's member.</summary>
    ReservedName = 10,

    /// <summary>A name is used that no preceding line defines.</summary>
    UnknownName = 11,

    /// <summary>A name is a member twice, of one group or of two.</summary>
    MemberTwice = 12,

    /// <summary>A threshold is no decimal from 1 to the number of members.</summary>
    BadThreshold = 13,

    /// <summary>There is a second quorum line.</summary>
    SecondQuorum = 14,

    /// <summary>There is no quorum line.</summary>
    NoQuorum = 15,

    /// <summary>More logs, witnesses or groups than <see cref="QuorumPolicy.MaxEach"/>.</summary>
    TooMany = 16,
}

/// <summary>Result of parsing a policy: the reason and the line, from 1 (0: the text as a whole).</summary>
public readonly record struct PolicyParse(PolicyProblem Problem, int Line, NoteKeyProblem Key = NoteKeyProblem.None)
{
    public bool Ok => Problem == PolicyProblem.None;
}

/// <content>The text form of C2SP tlog-policy.</content>
public sealed partial class QuorumPolicy
{
    /// <summary>Most bytes of a policy: 256 KiB.</summary>
    public const int MaxLength = 1 << 18;

    /// <summary>Most logs, witnesses and groups, each. C2SP recommends at least 32.</summary>
    public const int MaxEach = 256;

    /// <summary>Parses a policy text.</summary>
    public static PolicyParse TryParse(ReadOnlySpan<byte> text, out QuorumPolicy? policy)
    {
        policy = null;
        if (text.Length > MaxLength)
        {
            return new PolicyParse(PolicyProblem.TooLong, 0);
        }

        var parser = new Parser();
        for (var number = 1; !text.IsEmpty; number++)
        {
            var end = text.IndexOf((byte)'\n');
            if (end < 0)
            {
                return new PolicyParse(PolicyProblem.LineNotTerminated, number);
            }

            var (problem, key) = parser.TakeLine(text[..end]);
            if (problem != PolicyProblem.None)
            {
                return new PolicyParse(problem, number, key);
            }

            text = text[(end + 1)..];
        }

        if (!parser.HasQuorum)
        {
            return new PolicyParse(PolicyProblem.NoQuorum, 0);
        }

        policy = new QuorumPolicy(parser.Logs, parser.Witnesses, parser.Quorum);
        return default;
    }

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out QuorumPolicy?)"/>
    public static PolicyParse TryParse(string text, out QuorumPolicy? policy) => TryParse(Encoding.UTF8.GetBytes(text), out policy);

    private sealed class Parser
    {
        private const string None = "none";

        // Names are opaque octets; as Latin-1 each octet is one character, and equal strings are equal octets.
        private readonly Dictionary<string, Node> _names = new(StringComparer.Ordinal);
        private readonly HashSet<string> _members = new(StringComparer.Ordinal);
        private int _groups;

        public List<PolicyLog> Logs { get; } = [];

        public List<PolicyWitness> Witnesses { get; } = [];

        public Node? Quorum { get; private set; }

        public bool HasQuorum { get; private set; }

        public (PolicyProblem Problem, NoteKeyProblem Key) TakeLine(ReadOnlySpan<byte> line)
        {
            foreach (var octet in line)
            {
                if (octet is < 0x20 and not (byte)'\t' or 0x7f)
                {
                    return (PolicyProblem.BadOctet, default);
                }
            }

            var items = Encoding.Latin1.GetString(line).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (items.Length == 0 || items[0][0] == '#')
            {
                return default;
            }

            return items[0] switch
            {
                "log" => TakeLog(items),
                "witness" => TakeWitness(items),
                "group" => (TakeGroup(items), default),
                "quorum" => (TakeQuorum(items), default),
                _ => (PolicyProblem.UnknownKeyword, default),
            };
        }

        private (PolicyProblem, NoteKeyProblem) TakeLog(string[] items)
        {
            if (items.Length is not (2 or 3))
            {
                return (PolicyProblem.WrongItemCount, default);
            }

            var problem = TakeKey(items[1], cosignature: false, Logs.Select(log => log.Key), out var key);
            if (problem.Item1 == PolicyProblem.None)
            {
                Logs.Add(new PolicyLog(key!, items.Length == 3 ? Display(items[2]) : null));
            }

            return Logs.Count > MaxEach ? (PolicyProblem.TooMany, default) : problem;
        }

        private (PolicyProblem, NoteKeyProblem) TakeWitness(string[] items)
        {
            if (items.Length is not (3 or 4))
            {
                return (PolicyProblem.WrongItemCount, default);
            }

            var name = CheckNewName(items[1]);
            if (name != PolicyProblem.None)
            {
                return (name, default);
            }

            var problem = TakeKey(items[2], cosignature: true, Witnesses.Select(witness => witness.Key), out var key);
            if (problem.Item1 == PolicyProblem.None)
            {
                Witnesses.Add(new PolicyWitness(Display(items[1]), key!, items.Length == 4 ? Display(items[3]) : null));
                _names.Add(items[1], new Node { Witness = key });
            }

            return Witnesses.Count > MaxEach ? (PolicyProblem.TooMany, default) : problem;
        }

        private PolicyProblem TakeGroup(string[] items)
        {
            if (items.Length < 4)
            {
                return PolicyProblem.WrongItemCount;
            }

            var name = CheckNewName(items[1]);
            if (name != PolicyProblem.None)
            {
                return name;
            }

            var members = new List<Node>();
            foreach (var member in items[3..])
            {
                if (member == None)
                {
                    return PolicyProblem.ReservedName;
                }

                if (!_names.TryGetValue(member, out var node))
                {
                    return PolicyProblem.UnknownName;
                }

                if (!_members.Add(member))
                {
                    return PolicyProblem.MemberTwice;
                }

                members.Add(node);
            }

            long threshold;
            switch (items[2])
            {
                case "any":
                    threshold = 1;
                    break;
                case "all":
                    threshold = members.Count;
                    break;
                default:
                    if (!Tiles.TryDecimal(items[2], members.Count, out threshold) || threshold == 0)
                    {
                        return PolicyProblem.BadThreshold;
                    }

                    break;
            }

            _names.Add(items[1], new Node { Threshold = (int)threshold, Members = members });
            return ++_groups > MaxEach ? PolicyProblem.TooMany : PolicyProblem.None;
        }

        private PolicyProblem TakeQuorum(string[] items)
        {
            if (HasQuorum)
            {
                return PolicyProblem.SecondQuorum;
            }

            if (items.Length != 2)
            {
                return PolicyProblem.WrongItemCount;
            }

            HasQuorum = true;
            if (items[1] == None)
            {
                return PolicyProblem.None;
            }

            if (!_names.TryGetValue(items[1], out var node))
            {
                return PolicyProblem.UnknownName;
            }

            Quorum = node;
            return PolicyProblem.None;
        }

        private PolicyProblem CheckNewName(string name)
        {
            if (name == None)
            {
                return PolicyProblem.ReservedName;
            }

            return _names.ContainsKey(name) ? PolicyProblem.DuplicateName : PolicyProblem.None;
        }

        // Duplicate means the same public key, whatever the key's name and id.
        private static (PolicyProblem, NoteKeyProblem) TakeKey(string item, bool cosignature, IEnumerable<NoteKey> others, out NoteKey? key)
        {
            var problem = NoteKey.TryParse(Display(item), out key);
            if (problem != NoteKeyProblem.None)
            {
                return (PolicyProblem.BadKey, problem);
            }

            if (key!.IsCosignature != cosignature)
            {
                return (PolicyProblem.WrongKeyType, default);
            }

            foreach (var other in others)
            {
                if (other.Algorithm == key.Algorithm && other.PublicKey.SequenceEqual(key.PublicKey))
                {
                    return (PolicyProblem.DuplicateKey, default);
                }
            }

            return default;
        }

        private static string Display(string octets) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(octets));
    }
}
