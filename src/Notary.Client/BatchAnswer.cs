using System.Text;
using System.Text.Json;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Client;

/// <summary>A line that the server refused.</summary>
/// <param name="Code">Stable code of the reason.</param>
/// <param name="Detail">One sentence.</param>
public sealed record RefusedLine(string Code, string Detail);

/// <summary>What became of one line of a batch: exactly one of the two is set.</summary>
/// <param name="Record">The sealed and proved record.</param>
/// <param name="Refused">Why there is none.</param>
public sealed record LineOutcome(SealedRecord? Record, RefusedLine? Refused);

/// <summary>
/// Reads and proves the answer to a batch: NDJSON, a line for each line of the request in order, then one range and one checkpoint for
/// all that were sealed. Every record gets a proof of its own out of the range proof, so that it verifies alone.
/// </summary>
internal static class BatchAnswer
{
    private sealed record Line(byte[] Leaf, CanonicalValue Json, string Number, Hash32 Secret, EvidenceRequest Request);

    /// <summary>Checks the whole answer; nothing of it is handed out unless all of it holds.</summary>
    public static List<LineOutcome> Check(TrustStore trust, IReadOnlyList<EvidenceRequest> requests, ReadOnlyMemory<byte> answer)
    {
        List<ReadOnlyMemory<byte>> lines = Split(answer);
        if (lines.Count != requests.Count + 1)
        {
            throw new NotaryClientException(ClientFailure.Malformed, "answer-incomplete", $"The server answered {lines.Count - 1} lines of {requests.Count}.");
        }

        var outcomes = new List<LineOutcome>();
        var good = new List<Line>();
        var places = new List<int>();
        for (int i = 0; i < requests.Count; i++)
        {
            using JsonDocument document = JsonDocument.Parse(lines[i]);
            JsonElement root = document.RootElement;
            if (root.GetProperty("line").GetInt32() != i)
            {
                throw new NotaryClientException(ClientFailure.Malformed, "answer-order", $"Line {i} of the answer is another line's.");
            }

            if (root.TryGetProperty("error", out JsonElement error))
            {
                outcomes.Add(new LineOutcome(null, new RefusedLine(Answers.Text(error, "code"), Answers.Text(error, "detail"))));
                continue;
            }

            byte[] leaf = Encoding.UTF8.GetBytes(root.GetProperty("leaf").GetRawText());
            good.Add(new Line(leaf, AnswerCheck.ParseLeaf(leaf), Answers.Text(root, "number"), Answers.Secret(root), requests[i]));
            places.Add(i);
            outcomes.Add(new LineOutcome(null, null));
        }

        if (good.Count > 0)
        {
            SealedRecord[] records = Prove(trust, good, lines[^1]);
            for (int i = 0; i < records.Length; i++)
            {
                outcomes[places[i]] = new LineOutcome(records[i], null);
            }
        }

        return outcomes;
    }

    private static SealedRecord[] Prove(TrustStore trust, List<Line> good, ReadOnlyMemory<byte> last)
    {
        using JsonDocument document = JsonDocument.Parse(last);
        JsonElement range = document.RootElement.GetProperty("range");
        long first = range.GetProperty("first").GetInt64();
        long count = range.GetProperty("count").GetInt64();
        long size = range.GetProperty("size").GetInt64();
        Hash32[] proof = [.. range.GetProperty("proof").EnumerateArray().Select(h => Hash32.FromSpan(h.GetBytesFromBase64()))];
        NoteParse parse = SignedNote.TryParse(Encoding.UTF8.GetBytes(Answers.Text(document.RootElement, "checkpoint")), out SignedNote? note);
        if (note is null || Checkpoint.TryParse(note.Text, out Checkpoint? checkpoint) != CheckpointProblem.None)
        {
            throw AnswerCheck.NotProved("checkpoint-malformed", $"The answer's checkpoint is none ({parse.Problem}).");
        }

        TrustedChain chain = AnswerCheck.ChainOf(trust, good[0].Json);
        AnswerCheck.Signed(chain, note, checkpoint!);
        if (count != good.Count || size != checkpoint!.Size)
        {
            throw AnswerCheck.NotProved("range-mismatch", $"The range names {count} records of {size}, the answer holds {good.Count} and a checkpoint of {checkpoint!.Size}.");
        }

        var hasher = new TreeHasher(chain.Suite);
        Hash32[] leaves = [.. good.Select(l => hasher.Leaf(l.Leaf))];
        ProofCheck check = RangeProof.Check(hasher, first, size, leaves, proof, checkpoint.Root);
        if (!check.Ok)
        {
            throw AnswerCheck.NotProved("not-included", $"The range proof does not lead from the records to the checkpoint ({check.Failure}).");
        }

        var nodes = new RangeNodes(hasher, first, leaves, size, proof);
        var records = new SealedRecord[good.Count];
        for (int i = 0; i < good.Count; i++)
        {
            Line line = good[i];
            if (line.Json["chain"]?.AsString != chain.Origin)
            {
                throw AnswerCheck.NotProved("checkpoint-origin", "The records of the answer are of different chains.");
            }

            (Guid id, Openings openings) = AnswerCheck.Compare(chain, line.Json, line.Secret, line.Request);
            TlogProof inclusion = TlogProof.Create(chain.Suite, first + i, nodes.Inclusion(first + i), note);
            records[i] = new SealedRecord(chain, first + i, id, line.Leaf, line.Secret, inclusion, openings);
            if (records[i].Number != line.Number)
            {
                throw AnswerCheck.NotProved("another-record", $"The answer calls a record {line.Number} that is {records[i].Number}.");
            }
        }

        return records;
    }

    private static List<ReadOnlyMemory<byte>> Split(ReadOnlyMemory<byte> answer)
    {
        var lines = new List<ReadOnlyMemory<byte>>();
        while (answer.Length > 0)
        {
            int end = answer.Span.IndexOf((byte)'\n');
            end = end < 0 ? answer.Length : end;
            lines.Add(answer[..end]);
            answer = answer[Math.Min(end + 1, answer.Length)..];
        }

        return lines;
    }
}
