using System.Text.Json;
using Notary.Client;
using Notary.Evidence;

namespace Notary.Cli.Governance;

/// <summary>One chain as the server describes it to whoever writes a proposal. It is believed as far as officers then see it: genesis and documents stand in the proposal, and admission decides.</summary>
/// <param name="Genesis">The chain's constant.</param>
/// <param name="Policies">Canonical documents in force, by name.</param>
/// <param name="Keys">The newest record of each of the account's keys.</param>
internal sealed record GovernanceInForce(Genesis Genesis, IReadOnlyDictionary<string, byte[]> Policies, IReadOnlyList<(long Index, KeyRecord Key)> Keys)
{
    /// <summary>Asks the server for chains by name.</summary>
    /// <exception cref="CliException">The server does not have one of them, or answers something else.</exception>
    public static async Task<IReadOnlyList<GovernanceInForce>> AskAsync(string? credentialPath, string[] names, string account, CancellationToken cancel)
    {
        using var client = new NotaryClient(CredentialFile.Find(credentialPath), TrustStore.Load());
        byte[] answer = await client.GovernanceUnverifiedAsync(account, cancel);
        try
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            Dictionary<string, JsonElement> chains = document.RootElement.GetProperty("chains").EnumerateArray().ToDictionary(static chain => chain.GetProperty("chain").GetString()!);
            return [.. names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(name => chains.TryGetValue(name, out JsonElement chain)
                ? Read(chain)
                : throw new CliException(ExitCode.Data, "chain-unknown", $"The server has no chain {Terminal.Printable(name)}; it has {Terminal.Printable(string.Join(", ", chains.Keys))}."))];
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or KeyNotFoundException or ArgumentException)
        {
            throw new CliException(ExitCode.Data, "answer-malformed", "The server's answer does not say what is in force on its chains.", wrong);
        }
    }

    private static GovernanceInForce Read(JsonElement chain)
    {
        if (Genesis.TryParse(Bytes(chain.GetProperty("genesis")), out Genesis? genesis) != GenesisProblem.None)
        {
            throw new JsonException("genesis");
        }

        var keys = new List<(long, KeyRecord)>();
        foreach (JsonElement item in chain.GetProperty("keys").EnumerateArray())
        {
            keys.Add(KeyRecord.TryParseDocument(Bytes(item.GetProperty("document")), out KeyRecord? key).Length == 0 ? (item.GetProperty("index").GetInt64(), key!) : throw new JsonException("key"));
        }

        return new GovernanceInForce(genesis!, chain.GetProperty("policies").EnumerateArray().ToDictionary(static policy => policy.GetProperty("name").GetString()!, static policy => Bytes(policy.GetProperty("document"))), keys);
    }

    private static byte[] Bytes(JsonElement text) => System.Text.Encoding.UTF8.GetBytes(text.GetString()!);
}
