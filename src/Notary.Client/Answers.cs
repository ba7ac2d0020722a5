using System.Text;
using System.Text.Json;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Client;

/// <summary>
/// Proves the bytes that a server answered to a deposit. <see cref="NotaryClient"/> does it with every answer; this is for whoever kept
/// request and answer and proves them later.
/// </summary>
public static class Answers
{
    /// <summary>Proves the answer to a single deposit: a receipt.</summary>
    /// <exception cref="NotaryClientException"><see cref="ClientFailure.NotProved"/>, <see cref="ClientFailure.Malformed"/> or <see cref="ClientFailure.Trust"/>.</exception>
    public static SealedRecord CheckSingle(TrustStore trust, EvidenceRequest request, ReadOnlyMemory<byte> answer)
    {
        ArgumentNullException.ThrowIfNull(trust);
        ArgumentNullException.ThrowIfNull(request);
        return Parsing("The server's answer is no receipt.", () =>
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            JsonElement root = document.RootElement;
            return AnswerCheck.Single(
                trust, request, Text(root, "number"), Encoding.UTF8.GetBytes(Text(root, "leaf")), Secret(root), Text(root, "proof"));
        });
    }

    /// <summary>Proves the answer to a batch: NDJSON.</summary>
    /// <returns>One outcome a request, in order; nothing is returned unless all of it holds.</returns>
    /// <exception cref="NotaryClientException"><see cref="ClientFailure.NotProved"/>, <see cref="ClientFailure.Malformed"/> or <see cref="ClientFailure.Trust"/>.</exception>
    public static IReadOnlyList<LineOutcome> CheckBatch(TrustStore trust, IReadOnlyList<EvidenceRequest> requests, ReadOnlyMemory<byte> answer)
    {
        ArgumentNullException.ThrowIfNull(trust);
        ArgumentNullException.ThrowIfNull(requests);
        return Parsing("The server's answer to the batch is not of the documented form.", () => BatchAnswer.Check(trust, requests, answer));
    }

    /// <summary>Proves the answer to an act on a custody transfer.</summary>
    /// <exception cref="NotaryClientException"><see cref="ClientFailure.NotProved"/>, <see cref="ClientFailure.Malformed"/> or <see cref="ClientFailure.Trust"/>.</exception>
    public static SealedCustody CheckCustody(TrustStore trust, CustodyOrder order, ReadOnlyMemory<byte> answer)
    {
        ArgumentNullException.ThrowIfNull(trust);
        ArgumentNullException.ThrowIfNull(order);
        return Parsing("The server's answer is no sealed act of a custody transfer.", () =>
        {
            using JsonDocument document = JsonDocument.Parse(answer);
            JsonElement root = document.RootElement;
            AnchorProof? anchor = root.TryGetProperty("anchor", out JsonElement given) ? new AnchorProof(Encoding.UTF8.GetBytes(Text(given, "leaf")), Text(given, "proof")) : null;
            return AnswerCheck.Custody(trust, order, Text(root, "number"), Encoding.UTF8.GetBytes(Text(root, "leaf")), Text(root, "proof"), anchor);
        });
    }

    internal static string Text(JsonElement root, string name) => root.GetProperty(name).GetString() ?? throw new FormatException(name);

    internal static Hash32 Secret(JsonElement root) =>
        Hash32.TryParseHex(Text(root, "secret"), out Hash32 secret) ? secret : throw new FormatException("secret");

    private static T Parsing<T>(string sentence, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new NotaryClientException(ClientFailure.Malformed, "answer-malformed", sentence, e);
        }
    }
}
