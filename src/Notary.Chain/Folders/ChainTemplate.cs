using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Chain.Folders;

/// <summary>
/// A chain's template, <c>sidechains/&lt;name&gt;/</c>: data without keys, from which <see cref="ChainCreation"/> makes a chain.
/// </summary>
public sealed class ChainTemplate
{
    private const int MaximumFileBytes = 64 * 1024;

    private static readonly JsonSerializerOptions Strict = new()
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        ReadCommentHandling = JsonCommentHandling.Disallow,
    };

    private ChainTemplate(string folder, ChainDocument document, string nodes, IReadOnlyList<string> nodeNames, Suite suite)
    {
        Folder = folder;
        Name = document.Name;
        Code = document.Code;
        MaxLines = document.MaxLines;
        MaxBodyBytes = document.MaxBodyBytes;
        QueueRequests = document.QueueRequests;
        Suite = suite;
        NodesText = nodes;
        Nodes = nodeNames;
        CandidateMs = document.CandidateMs;
        CandidateTimeoutMs = document.CandidateTimeoutMs;
        AnchorMs = document.AnchorMs;
    }

    /// <summary>The template's folder.</summary>
    public string Folder { get; }

    /// <summary>The chain's name, the folder's: up to 32 lower-case ASCII letters, digits and hyphens, a letter first.</summary>
    public string Name { get; }

    /// <summary>The letters of record numbers: 2 to 4 upper-case ASCII letters.</summary>
    public string Code { get; }

    /// <summary>Records in one batch request, 1 to 10,000.</summary>
    public int MaxLines { get; }

    /// <summary>Bytes of one request body, 64 KiB to 16 MiB.</summary>
    public int MaxBodyBytes { get; }

    /// <summary>Requests that may wait for the next commit, 1 to 65,536.</summary>
    public int QueueRequests { get; }

    /// <summary>The suite; a chain keeps it for ever.</summary>
    public Suite Suite { get; }

    /// <summary>The quorum lines (C2SP tlog-policy) without the log's own line and without the keys of its ledger nodes.</summary>
    public string NodesText { get; }

    /// <summary>The ledger nodes: the names of the witness lines that have no key yet.</summary>
    public IReadOnlyList<string> Nodes { get; }

    /// <summary>Milliseconds between two heads that are offered to the nodes, 10 to 600,000.</summary>
    public int CandidateMs { get; }

    /// <summary>Milliseconds after which a head without quorum is replaced by a newer one, 100 to 3,600,000.</summary>
    public int CandidateTimeoutMs { get; }

    /// <summary>Milliseconds between two anchors of this chain on the main chain, 100 to 86,400,000.</summary>
    public int AnchorMs { get; }

    /// <summary>The quorum policy (C2SP tlog-policy) with the keys that the nodes have made.</summary>
    /// <param name="keys">A verifier key for each of <see cref="Nodes"/>.</param>
    /// <param name="addresses">Where the node of each organisation takes checkpoints, put behind its key; null: nowhere but in this process.</param>
    public string PolicyWith(IReadOnlyDictionary<string, NoteKey> keys, IReadOnlyDictionary<string, string>? addresses = null)
    {
        ArgumentNullException.ThrowIfNull(keys);
        return string.Concat(NodesText.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(static line => !line.StartsWith('#')).Select(line =>
            line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries) is ["witness", var name] ? $"witness {name} {keys[name].Format()}{(addresses is null ? "" : " " + addresses[name])}\n" : line + "\n"));
    }

    /// <summary>Reads and checks a template.</summary>
    /// <exception cref="ChainRefusedException">Missing, too large, unknown or wrong members.</exception>
    public static ChainTemplate Load(string folder) => Load(folder, Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))));

    /// <summary>Reads every template of a folder <c>sidechains</c>, by name.</summary>
    /// <exception cref="ChainRefusedException">One of them is wrong.</exception>
    public static IReadOnlyList<ChainTemplate> LoadAll(string sidechains) =>
        [.. Directory.EnumerateDirectories(sidechains).Order(StringComparer.Ordinal).Where(static folder => File.Exists(Path.Combine(folder, "chain.json"))).Select(Load)];

    /// <summary>Reads the copy that a chain's own folder keeps.</summary>
    internal static ChainTemplate LoadCopy(string folder, string chain) => Load(folder, chain);

    private static ChainTemplate Load(string folder, string name)
    {
        var chainPath = Path.Combine(folder, "chain.json");
        var nodesPath = Path.Combine(folder, "nodes.txt");
        foreach (var path in new[] { chainPath, nodesPath })
        {
            if (!File.Exists(path))
            {
                throw Wrong($"'{path}' is missing: a template is a folder with chain.json and nodes.txt.");
            }

            if (new FileInfo(path).Length > MaximumFileBytes)
            {
                throw Wrong($"'{path}' is larger than 64 KiB.");
            }
        }

        ChainDocument document;
        try
        {
            document = JsonSerializer.Deserialize<ChainDocument>(File.ReadAllBytes(chainPath), Strict) ?? throw new JsonException("null");
        }
        catch (JsonException wrong)
        {
            throw new ChainRefusedException(
                ChainRefusal.Template,
                $"'{chainPath}' is not a chain template (line {(wrong.LineNumber ?? 0) + 1}, member '{wrong.Path}'): it has the members v, name, code, suite, max_lines, max_body_bytes and queue_requests, perhaps candidate_ms, candidate_timeout_ms and anchor_ms, and no others.",
                wrong);
        }

        if (document.Name.Length is < 1 or > 32 || !char.IsAsciiLetterLower(document.Name[0])
            || !document.Name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')
            || !string.Equals(document.Name, name, StringComparison.Ordinal))
        {
            throw Wrong($"The name in '{chainPath}' must be the folder's: up to 32 lower-case letters, digits and hyphens, a letter first.");
        }

        if (document.Code.Length is < 2 or > 4 || !document.Code.All(char.IsAsciiLetterUpper))
        {
            throw Wrong($"The code in '{chainPath}' must be 2 to 4 upper-case ASCII letters.");
        }

        if (document.V != 1)
        {
            throw Wrong($"The member v in '{chainPath}' must be 1: this program knows no other version of the template.");
        }

        Range(chainPath, "max_lines", document.MaxLines, 1, 10_000);
        Range(chainPath, "max_body_bytes", document.MaxBodyBytes, 64 * 1024, 16 * 1024 * 1024);
        Range(chainPath, "queue_requests", document.QueueRequests, 1, 65_536);
        Range(chainPath, "candidate_ms", document.CandidateMs, 10, 600_000);
        Range(chainPath, "candidate_timeout_ms", document.CandidateTimeoutMs, 100, 3_600_000);
        Range(chainPath, "anchor_ms", document.AnchorMs, 100, 86_400_000);
        var suite = Suite.FromName(document.Suite) ?? throw Wrong($"The suite in '{chainPath}' must be \"sm\" or \"intl\".");
        var text = File.ReadAllText(nodesPath, Encoding.UTF8);
        var nodes = NodesOf(text, nodesPath);
        var template = new ChainTemplate(folder, document, text, nodes, suite);
        CheckPolicy(template, nodesPath);
        return template;
    }

    private static List<string> NodesOf(string text, string path)
    {
        var nodes = new List<string>();
        foreach (var line in text.Split('\n'))
        {
            if (line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries) is not ["witness", var name])
            {
                continue;
            }

            // The name is a folder's and the end of a key's name.
            if (name.Length > 32 || !char.IsAsciiLetterLower(name[0]) || !name.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') || nodes.Contains(name))
            {
                throw Wrong($"The node '{name}' in '{path}' must have a name of its own of up to 32 lower-case letters, digits and hyphens, a letter first.");
            }

            nodes.Add(name);
        }

        return nodes;
    }

    // With a key of its own for each node, drawn from its number: what can be wrong with the text shows before a real key is made.
    private static void CheckPolicy(ChainTemplate template, string path)
    {
        var type = NoteKey.TypeFor(KeyAlgorithm.Ed25519, cosignature: true);
        var keys = template.Nodes.Select((name, i) => (name, Key: NoteKey.Create(name, type, Suite.Intl.Hash(BitConverter.GetBytes(i)).AsSpan()))).ToDictionary(static pair => pair.name, static pair => pair.Key);
        var parse = QuorumPolicy.TryParse(template.PolicyWith(keys), out _);
        if (!parse.Ok)
        {
            throw Wrong($"'{path}' is no quorum policy: {parse.Problem}.");
        }
    }

    private static void Range(string path, string member, int value, int floor, int ceiling)
    {
        if (value < floor || value > ceiling)
        {
            throw Wrong(FormattableString.Invariant($"The member {member} in '{path}' must lie between {floor} and {ceiling}."));
        }
    }

    private static ChainRefusedException Wrong(string sentence) => new(ChainRefusal.Template, sentence);

    private sealed record ChainDocument(int V, string Name, string Code, string Suite, int MaxLines, int MaxBodyBytes, int QueueRequests, int CandidateMs = 500, int CandidateTimeoutMs = 10_000, int AnchorMs = 2_000);
}
