using System.Globalization;
using System.Text.Json;

namespace Notary.Cli.Chains;

/// <summary>The state of a network as a server tells it (<c>GET /api/network</c>), as a table.</summary>
/// <param name="Lines">The table, with what is wrong under the chain that it concerns.</param>
/// <param name="Troubles">What is wrong alone; empty while all is well.</param>
internal sealed record NetworkTable(List<string> Lines, List<string> Troubles)
{
    private static readonly string[] Members = ["detail", "trouble", "waitingSince"];

    /// <summary>Reads the answer.</summary>
    /// <exception cref="InvalidOperationException">It is of another form.</exception>
    /// <exception cref="KeyNotFoundException">The same.</exception>
    public static NetworkTable Of(JsonElement root)
    {
        var table = new NetworkTable([], []);
        table.Lines.Add($"mode {Text(root, "mode")}");
        table.Lines.Add($"{"chain",-14}{"status",-20}{"sealed",12}{"final",12}{"anchored",12}  ledger nodes (leaves behind)");
        if (root.TryGetProperty("trust", out JsonElement trust) && trust.TryGetProperty("trouble", out _))
        {
            table.Add($"  trust file: {Text(trust, "trouble")}");
        }

        foreach (JsonElement chain in root.GetProperty("chains").EnumerateArray())
        {
            table.AddChain(chain);
        }

        return table;
    }

    private void AddChain(JsonElement chain)
    {
        long size = chain.GetProperty("size").GetInt64();
        string name = Text(chain, "chain");
        List<JsonElement> nodes = chain.TryGetProperty("nodes", out JsonElement list) ? [.. list.EnumerateArray()] : [];
        string shown = nodes.Count == 0 ? "none"
            : chain.TryGetProperty("leads", out JsonElement leads) && leads.ValueKind == JsonValueKind.False ? "asked by another server that shares the chain"
            : string.Join(", ", nodes.Select(node => NodeText(node, size)));
        Lines.Add($"{name,-14}{Text(chain, "status"),-20}{size,12}{Number(chain, "final"),12}{Number(chain, "anchored"),12}  {shown}");
        string[] said = [.. Members.Where(m => chain.TryGetProperty(m, out _))];
        if (Text(chain, "status") == "closed")
        {
            // Nothing is wrong any more: it stays so, and the others go on.
            Lines.Add($"  {name}: {Text(chain, "detail")}");
            return;
        }

        if (Text(chain, "status") != "running" && said.Length == 0)
        {
            Add($"  {name}: {Text(chain, "status")}");
        }

        foreach (string member in said)
        {
            Add($"  {name}: {(member == "waitingSince" ? "a head waits for its quorum since " : string.Empty)}{Text(chain, member)}");
        }

        if (chain.TryGetProperty("alarms", out JsonElement spoken))
        {
            AddAlarms(name, spoken);
        }

        foreach (JsonElement node in nodes.Where(n => n.TryGetProperty("failingSince", out _) || n.TryGetProperty("unheard", out _) || n.TryGetProperty("alarms", out _)))
        {
            string failing = node.TryGetProperty("failingSince", out _) ? $" {Text(node, "outcome")} since {Text(node, "failingSince")}: {Text(node, "detail")}"
                : node.TryGetProperty("unheard", out _) ? $" what it says cannot be read: {Text(node, "unheard")}"
                : string.Empty;
            string alarms = node.TryGetProperty("alarms", out JsonElement count) ? $" {count.GetInt64()} alarms" : string.Empty;
            Add($"  {name}/{Text(node, "node")}:{failing}{alarms}");
        }
    }

    // What is sealed is on record for ever: it is shown, and nothing waits for it.
    private void AddAlarms(string name, JsonElement said)
    {
        if (said.TryGetProperty("newest", out JsonElement newest))
        {
            Lines.Add($"  {name}: {said.GetProperty("sealed").GetInt64()} alarms sealed, the newest at index {Number(newest, "index")}: {StatementText(newest)}");
        }

        if (said.TryGetProperty("newestUnsealed", out JsonElement unsealed))
        {
            Add($"  {name}: {said.GetProperty("unsealed").GetInt64()} statements of nodes are not sealed, the last ({Text(unsealed, "reason")}): {StatementText(unsealed)}");
        }
    }

    private static string StatementText(JsonElement statement) => statement.TryGetProperty("about", out _)
        ? $"{Text(statement, "node")} says that leaf {Number(statement, "about")} fails admission, {Text(statement, "code")}"
        : $"{Text(statement, "node")} says that it joined";

    private void Add(string trouble)
    {
        Lines.Add(trouble);
        Troubles.Add(trouble);
    }

    private static string NodeText(JsonElement node, long size)
    {
        long cosigned = node.GetProperty("cosigned").GetInt64();
        return $"{Text(node, "node")} {(cosigned == 0 ? "?" : (size - cosigned).ToString(CultureInfo.InvariantCulture))}";
    }

    private static string Text(JsonElement element, string member) =>
        element.TryGetProperty(member, out JsonElement value) && value.GetString() is { } text ? Terminal.Printable(text) : string.Empty;

    private static string Number(JsonElement element, string member) =>
        element.TryGetProperty(member, out JsonElement value) ? value.GetInt64().ToString(CultureInfo.InvariantCulture) : "-";
}
