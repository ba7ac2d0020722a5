using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Notary.Crypto;

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

    private ChainTemplate(string folder, ChainDocument document, string nodes, Suite suite)
    {
        Folder = folder;
        Name = document.Name;
        Code = document.Code;
        MaxLines = document.MaxLines;
        MaxBodyBytes = document.MaxBodyBytes;
        QueueRequests = document.QueueRequests;
        Suite = suite;
        NodesPolicy = nodes;
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

    /// <summary>The quorum lines (C2SP tlog-policy) without the log's own line.</summary>
    public string NodesPolicy { get; }

    /// <summary>Reads and checks a template.</summary>
    /// <exception cref="ChainRefusedException">Missing, too large, unknown or wrong members.</exception>
    public static ChainTemplate Load(string folder) => Load(folder, Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))));

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
                $"'{chainPath}' is not a chain template (line {(wrong.LineNumber ?? 0) + 1}, member '{wrong.Path}'): it has the members v, name, code, suite, max_lines, max_body_bytes and queue_requests, and no others.",
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
        var suite = Suite.FromName(document.Suite) ?? throw Wrong($"The suite in '{chainPath}' must be \"sm\" or \"intl\".");
        return new ChainTemplate(folder, document, File.ReadAllText(nodesPath, Encoding.UTF8), suite);
    }

    private static void Range(string path, string member, int value, int floor, int ceiling)
    {
        if (value < floor || value > ceiling)
        {
            throw Wrong(FormattableString.Invariant($"The member {member} in '{path}' must lie between {floor} and {ceiling}."));
        }
    }

    private static ChainRefusedException Wrong(string sentence) => new(ChainRefusal.Template, sentence);

    private sealed record ChainDocument(int V, string Name, string Code, string Suite, int MaxLines, int MaxBodyBytes, int QueueRequests);
}
