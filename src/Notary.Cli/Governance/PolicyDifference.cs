using System.Text.Json;

namespace Notary.Cli.Governance;

/// <summary>What a policy document changes, line by line of its indented text.</summary>
internal static class PolicyDifference
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The lines that go, with a minus, and those that come, with a plus; of what stays nothing. Without a document before, all of the new one.</summary>
    /// <param name="before">Canonical, or empty.</param>
    /// <param name="after">Canonical, at most 12 KiB: a few hundred lines, so that the table below stays small.</param>
    public static IEnumerable<string> Between(ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        string[] old = Lines(before);
        string[] now = Lines(after);

        // Longest common subsequence, from the end.
        int[,] common = new int[old.Length + 1, now.Length + 1];
        for (int i = old.Length - 1; i >= 0; i--)
        {
            for (int j = now.Length - 1; j >= 0; j--)
            {
                common[i, j] = old[i] == now[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
            }
        }

        var lines = new List<string>();
        for (int i = 0, j = 0; i < old.Length || j < now.Length;)
        {
            if (i < old.Length && j < now.Length && old[i] == now[j])
            {
                (i, j) = (i + 1, j + 1);
            }
            else if (j == now.Length || (i < old.Length && common[i + 1, j] >= common[i, j + 1]))
            {
                lines.Add("- " + old[i++]);
            }
            else
            {
                lines.Add("+ " + now[j++]);
            }
        }

        return lines;
    }

    private static string[] Lines(ReadOnlySpan<byte> document) =>
        document.IsEmpty ? [] : JsonSerializer.Serialize(JsonSerializer.Deserialize<JsonElement>(document), s_indented).ReplaceLineEndings("\n").Split('\n');
}
