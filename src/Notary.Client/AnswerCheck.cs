using System.Text;
using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Client;

/// <summary>Decides whether what a server answered is what was asked for, and proved. The server is believed in nothing.</summary>
internal static class AnswerCheck
{
    /// <summary>The chain that a leaf names, as the user's trust files know it.</summary>
    public static TrustedChain ChainOf(TrustStore trust, CanonicalValue leaf)
    {
        string origin = leaf["chain"]?.AsString ?? throw NotProved("leaf-malformed", "The answer's leaf names no chain.");
        return trust.Find(origin)?.File.Find(origin) ?? throw new NotaryClientException(
            ClientFailure.Trust,
            trust.Files.Count == 0 ? "trust-not-found" : "chain-not-trusted",
            trust.Files.Count == 0
                ? "No trust file was found, so no answer can be believed: pin one with notary trust pin, or work in the folder of the data folder."
                : $"No trust file of this user knows the chain {origin}.");
    }

    /// <summary>Parses the leaf of an answer; it must have the form that the chain admits.</summary>
    public static CanonicalValue ParseLeaf(ReadOnlySpan<byte> bytes)
    {
        AdmissionResult form = Admission.AdmitForm(bytes, out LeafFacts facts);
        if (!form.Ok || facts.Kind != RecordKind.Evidence || !CanonicalValue.TryParseCanonical(bytes, CanonicalLimits.Leaf, out CanonicalValue leaf).Ok)
        {
            throw NotProved("leaf-malformed", $"The answer's leaf is no evidence record ({form.Code}).");
        }

        return leaf;
    }

    /// <summary>
    /// Compares a leaf with the request that it is to answer: type, times, previous version, and every commitment, which are computed anew from
    /// the record's secret.
    /// </summary>
    /// <returns>The record's id and all its openings.</returns>
    public static (Guid Id, Openings Openings) Compare(TrustedChain chain, CanonicalValue leaf, in Hash32 secret, EvidenceRequest request)
    {
        if (leaf["id"]?.AsString is not { } text || !RecordId.TryParse(text, out Guid id))
        {
            throw NotProved("leaf-malformed", "The answer's leaf has no id.");
        }

        Same("type", leaf["type"]?.AsString, request.Type);
        Same("sent", leaf["sent"]?.AsString, request.Sent is { } sent ? RecordTime.Format(RecordTime.ToMilliseconds(sent)) : null);
        Same("previous", leaf["previous"]?.AsString, request.Previous?.ToString("D"));
        if (request.Relation is { } relation)
        {
            Same("relation", leaf["relation"]?.AsString, Relations.Name(relation));
        }

        if (request.Drawn is { } drawn)
        {
            Same("id", text, drawn.Id.ToString("D"));
            Same("secret", secret.ToHex(), drawn.Secret.ToHex());
        }

        CanonicalValue? metadata = request.Metadata is null ? null : CanonicalValue.OfObject(request.Metadata.Select(static m => (m.Key, (CanonicalValue?)m.Value)));
        Openings openings = Openings.FromSecret(chain.Suite, chain.Origin, id, secret, request.Parts, metadata);
        Hash32[] parts = [.. openings.Parts.Select(p => p.Commitment(chain.Suite, chain.Origin, id))];
        if (parts.Length <= RequestLimits.MaxListedParts)
        {
            Same("parts", string.Join(',', leaf["parts"]?.Items.Select(i => i.AsString) ?? []), string.Join(',', parts.Select(p => p.ToHex())));
        }
        else
        {
            Same("partcount", leaf["partcount"]?.AsInteger?.ToString(System.Globalization.CultureInfo.InvariantCulture), parts.Length.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Same("partroot", leaf["partroot"]?.AsString, CommitmentTree.Root(chain.Suite, parts).ToHex());
        }

        Hash32[]? fields = openings.Metadata is { } opened ? [.. opened.Select(f => f.Commitment(chain.Suite, chain.Origin, id))] : null;
        Same("fields", leaf["fields"]?.AsString, fields is null ? null : CommitmentTree.Root(chain.Suite, fields).ToHex());
        return (id, openings);
    }

    /// <summary>Checks that the checkpoint of a proof is one of this chain, signed under the trust file.</summary>
    public static void Signed(TrustedChain chain, SignedNote note, Checkpoint checkpoint)
    {
        if (!string.Equals(checkpoint.Origin, chain.Origin, StringComparison.Ordinal))
        {
            throw NotProved("checkpoint-origin", $"The checkpoint is of {checkpoint.Origin}, the record of {chain.Origin}.");
        }

        QuorumVerdict verdict = chain.Policy.Evaluate(note, chain.LogKeys);
        // Sealed is what is proved here: the quorum's cosignatures come later, and the verifier says whether they are there.
        if (verdict.Failure is not (QuorumFailure.None or QuorumFailure.QuorumNotReached))
        {
            throw NotProved("checkpoint-signature", $"The checkpoint's signatures do not satisfy the trust file ({verdict.Failure}); if the deployment has replaced its keys, go forward with notary trust update.");
        }
    }

    /// <summary>Checks the answer to a single deposit.</summary>
    public static SealedRecord Single(TrustStore trust, EvidenceRequest request, string number, byte[] leafBytes, in Hash32 secret, string proofText)
    {
        CanonicalValue leaf = ParseLeaf(leafBytes);
        TrustedChain chain = ChainOf(trust, leaf);
        TlogProof proof = Proved(chain, leafBytes, proofText);
        (Guid id, Openings openings) = Compare(chain, leaf, secret, request);
        var record = new SealedRecord(chain, proof.Index, id, leafBytes, secret, proof, openings);
        Same("number", number, record.Number);
        return record;
    }

    /// <summary>Checks the answer to an act on a custody transfer.</summary>
    public static SealedCustody Custody(TrustStore trust, CustodyOrder order, string number, byte[] leafBytes, string proofText, AnchorProof? anchor)
    {
        AdmissionResult form = Admission.AdmitForm(leafBytes, out LeafFacts facts);
        if (!form.Ok || facts.CustodyRecord is not { } custody || !CanonicalValue.TryParseCanonical(leafBytes, CanonicalLimits.Leaf, out CanonicalValue leaf).Ok)
        {
            throw NotProved("leaf-malformed", $"The answer's leaf is no custody record ({form.Code}).");
        }

        TrustedChain chain = ChainOf(trust, leaf);
        TlogProof proof = Proved(chain, leafBytes, proofText);
        Same("act", CustodyActs.Name(custody.Act), CustodyActs.Name(order.Act));
        if (order.Act == CustodyAct.Released)
        {
            Same("target", custody.Target, order.Target!.Contains('/', StringComparison.Ordinal) ? order.Target : OriginOf(chain, order.Target));
            Same("evidence", order.Evidence, RecordId.TryParse(order.Evidence!, out _)
                ? custody.Evidence!.Id.ToString("D")
                : trust.Find(custody.Evidence!.Chain)?.File.Find(custody.Evidence.Chain) is { } known ? RecordNumber.Format(known.Code, custody.Evidence.Index) : null);
        }
        else
        {
            Same("transfer", custody.Transfer.ToString("D"), order.Transfer.ToString("D"));
        }

        var record = new SealedCustody(chain, facts, leafBytes, proof, anchor);
        Same("number", number, record.Number);
        return record;
    }

    // A bare name is a chain of the same deployment.
    private static string OriginOf(TrustedChain chain, string name) => chain.Origin[..(chain.Origin.IndexOf('/', StringComparison.Ordinal) + 1)] + name;

    private static TlogProof Proved(TrustedChain chain, byte[] leafBytes, string proofText)
    {
        TlogProofParse parse = TlogProof.TryParse(Encoding.UTF8.GetBytes(proofText), out TlogProof? proof);
        if (proof is null || proof.Suite.Id != chain.Suite.Id)
        {
            throw NotProved("proof-malformed", $"The answer's proof is none of this chain ({parse.Problem}).");
        }

        Signed(chain, proof.Note, proof.CheckpointUnverified);
        ProofCheck inclusion = proof.CheckInclusionUnverified(new TreeHasher(chain.Suite).Leaf(leafBytes));
        return inclusion.Ok ? proof : throw NotProved("not-included", $"The proof does not lead from the record to the checkpoint ({inclusion.Failure}).");
    }

    public static NotaryClientException NotProved(string code, string sentence) => new(ClientFailure.NotProved, code, sentence);

    private static void Same(string member, string? answered, string? asked)
    {
        if (!string.Equals(answered, asked, StringComparison.Ordinal))
        {
            throw NotProved("another-record", $"The sealed record is not the one that was asked for: {member} is {answered ?? "absent"}, expected {asked ?? "absent"}.");
        }
    }
}
