using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Server.Transfers;

/// <summary>
/// The body of <c>POST /api/transfers</c>: one JSON object, <c>{"act":"released","evidence":name,"target":chain}</c>, or
/// <c>{"act":"received"|"declined"|"withdrawn","transfer":id,"source"?:chain,"proof"?:{"leaf","proof","anchor":{"leaf","proof"}}}</c>. A member that its act does not have is refused.
/// </summary>
internal sealed record TransferRequest(CustodyAct Act, string Evidence, string Target, Guid Transfer, string? Source, AnchoredLeaf? Proof)
{
    private static readonly string[] Released = ["act", "evidence", "target"];
    private static readonly string[] Decided = ["act", "proof", "source", "transfer"];
    private static readonly string[] Withdrawn = ["act", "proof", "transfer"];

    /// <summary>Parses a body.</summary>
    /// <returns>Null, or what is wrong with it, for people.</returns>
    public static string? TryParse(ReadOnlySpan<byte> body, out TransferRequest? request)
    {
        request = null;
        if (!CanonicalValue.TryParse(body, new CanonicalLimits(body.Length, 4, false), out CanonicalValue json).Ok || json.Type != CanonicalType.Object)
        {
            return "The body is not one JSON object without duplicate members.";
        }

        if (json["act"]?.AsString is not { } actName || !CustodyActs.TryParse(actName, out CustodyAct act))
        {
            return "The member act is released, received, declined or withdrawn.";
        }

        string[] members = act switch { CustodyAct.Released => Released, CustodyAct.Withdrawn => Withdrawn, _ => Decided };
        if (json.Names.FirstOrDefault(name => !members.Contains(name)) is not null)
        {
            return $"Of a body with act {actName} the members are {string.Join(", ", members)}.";
        }

        if (act == CustodyAct.Released)
        {
            if (json["evidence"]?.AsString is not { Length: > 0 and <= 64 } evidence || json["target"]?.AsString is not { } target || !IsChain(target))
            {
                return "A release names the record in evidence, by number or id, and the target's chain or origin in target.";
            }

            request = new TransferRequest(act, evidence, target, default, null, null);
            return null;
        }

        if (json["transfer"]?.AsString is not { } text || !RecordId.TryParse(text, out Guid transfer))
        {
            return "The member transfer is the transfer's id, a UUID of version 7 in lower case.";
        }

        if (json["source"] is { } sourceJson && (sourceJson.AsString is not { } name || !IsChain(name)))
        {
            return "The member source is a chain's name or origin.";
        }

        AnchoredLeaf? proof = null;
        if (json["proof"] is { } proofJson && !TryProof(proofJson, out proof))
        {
            return "The member proof is not {\"leaf\",\"proof\",\"anchor\":{\"leaf\",\"proof\"}}, the texts of one anchored custody record.";
        }

        request = new TransferRequest(act, string.Empty, string.Empty, transfer, json["source"]?.AsString, proof);
        return null;
    }

    // The members of a receipt, so that what one platform answered is what another is shown.
    private static bool TryProof(CanonicalValue json, out AnchoredLeaf? proved)
    {
        proved = null;
        if (json.Type != CanonicalType.Object || json.Names.Count != 3 || json["leaf"]?.AsString is not { } leaf || json["proof"]?.AsString is not { } proof
            || json["anchor"] is not { Type: CanonicalType.Object, Names.Count: 2 } anchor || anchor["leaf"]?.AsString is not { } anchorLeaf || anchor["proof"]?.AsString is not { } anchorProof
            || !TlogProof.TryParse(System.Text.Encoding.UTF8.GetBytes(proof), out TlogProof? parsed).Ok)
        {
            return false;
        }

        proved = AnchoredLeaf.TryCreate(System.Text.Encoding.UTF8.GetBytes(leaf), parsed!, new AnchorProof(System.Text.Encoding.UTF8.GetBytes(anchorLeaf), anchorProof));
        return proved is not null;
    }

    private static bool IsChain(string text) => Grammar.IsName(text) || Grammar.IsOrigin(text);
}
