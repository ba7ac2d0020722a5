using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain.Transfers;

/// <summary>Who acts on a transfer, and with which request.</summary>
/// <param name="Account">The authenticated account, of the chain on which it acts.</param>
/// <param name="Auth">How it was authenticated.</param>
/// <param name="IdempotencyKey">1 to 64 printable ASCII characters, or null.</param>
/// <param name="Digest">SHA-256 of the request's body, when there is a key.</param>
/// <param name="Received">When the request had been received whole.</param>
public sealed record CustodyActor(string Account, AuthMethod Auth, string? IdempotencyKey, Hash32 Digest, DateTimeOffset Received);

/// <summary>A custody leaf on its way: one leaf, which the chain's state may refuse, under the account's idempotency key.</summary>
internal sealed class CustodyRequest : AppendRequest
{
    private AdmissionResult _refusal;

    public CustodyRequest(SystemLeaf leaf, CustodyActor actor)
    {
        Leaves = leaf;
        LeafCount = leaf.Count;
        Account = actor.Account;
        IdempotencyKey = actor.IdempotencyKey;
        RequestDigest = actor.Digest;
    }

    /// <summary>The code of the refusal; null when the leaf was admitted.</summary>
    public string? Refused => _refusal.Ok ? null : _refusal.Code;

    public override void Refuse(int leaf, AdmissionResult result) => _refusal = result;

    public override byte[] Outcomes() => DepositResult.Outcomes.Write(1, Refused is { } code ? new() { [0] = new LineError(0, code, string.Empty, Admission: true) } : []);
}
