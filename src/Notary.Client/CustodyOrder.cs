using System.Text;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Client;

/// <summary>An anchored custody record in the pieces that a package or an answer has: what a platform is shown of a chain that lies elsewhere.</summary>
/// <param name="Leaf">The sealed leaf.</param>
/// <param name="Proof">Its tlog-proof.</param>
/// <param name="Anchor">The way to the main chain.</param>
public sealed record CustodyProof(ReadOnlyMemory<byte> Leaf, string Proof, AnchorProof Anchor);

/// <summary>What a client asks of a custody transfer (docs/spec/custody.md). Made by <see cref="Release"/> and the others; nothing of it is checked here.</summary>
public sealed record CustodyOrder
{
    private CustodyOrder(CustodyAct act) => Act = act;

    /// <summary>The act.</summary>
    public CustodyAct Act { get; }

    /// <summary>Released: number or id of the record.</summary>
    public string? Evidence { get; private init; }

    /// <summary>Released: name or origin of the target.</summary>
    public string? Target { get; private init; }

    /// <summary>The others: the transfer.</summary>
    public Guid Transfer { get; private init; }

    /// <summary>Received, declined: name or origin of the source, or null.</summary>
    public string? Source { get; private init; }

    /// <summary>The release or refusal, when its chain lies elsewhere.</summary>
    public CustodyProof? Proof { get; private init; }

    /// <summary>Releases a record.</summary>
    public static CustodyOrder Release(string evidence, string target) => new(CustodyAct.Released) { Evidence = evidence, Target = target };

    /// <summary>Receives a release.</summary>
    public static CustodyOrder Receive(Guid transfer, string? source = null, CustodyProof? proof = null) => new(CustodyAct.Received) { Transfer = transfer, Source = source, Proof = proof };

    /// <summary>Declines a release.</summary>
    public static CustodyOrder Decline(Guid transfer, string? source = null, CustodyProof? proof = null) => new(CustodyAct.Declined) { Transfer = transfer, Source = source, Proof = proof };

    /// <summary>Withdraws a release that was declined.</summary>
    public static CustodyOrder Withdraw(Guid transfer, CustodyProof? proof = null) => new(CustodyAct.Withdrawn) { Transfer = transfer, Proof = proof };

    internal byte[] ToJson() => CanonicalValue.OfObject(
        ("act", CanonicalValue.Of(CustodyActs.Name(Act))),
        ("evidence", Text(Evidence)),
        ("proof", Proof is null ? null : CanonicalValue.OfObject(
            ("anchor", CanonicalValue.OfObject(("leaf", CanonicalValue.Of(Encoding.UTF8.GetString(Proof.Anchor.Leaf.Span))), ("proof", CanonicalValue.Of(Proof.Anchor.Proof)))),
            ("leaf", CanonicalValue.Of(Encoding.UTF8.GetString(Proof.Leaf.Span))),
            ("proof", CanonicalValue.Of(Proof.Proof)))),
        ("source", Text(Source)),
        ("target", Text(Target)),
        ("transfer", Act == CustodyAct.Released ? null : CanonicalValue.Of(Transfer.ToString("D")))).ToBytes();

    private static CanonicalValue? Text(string? text) => text is null ? null : CanonicalValue.Of(text);
}

/// <summary>
/// An act that the chain has sealed, proved: the leaf is the act that was asked for, lies at <see cref="Index"/> of the tree of the proof's checkpoint, and the checkpoint is signed by a key of the
/// trust file. What stands behind it beyond that, quorum and anchor, the verifier says of its package.
/// </summary>
public sealed class SealedCustody
{
    internal SealedCustody(TrustedChain chain, LeafFacts facts, byte[] leaf, TlogProof proof, AnchorProof? anchor)
    {
        Chain = chain;
        Facts = facts;
        Leaf = leaf;
        Proof = proof;
        Anchor = anchor;
        Number = RecordNumber.Format(chain.Code, proof.Index);
    }

    /// <summary>The chain, as the trust file knows it.</summary>
    public TrustedChain Chain { get; }

    /// <summary>What the leaf says.</summary>
    public LeafFacts Facts { get; }

    /// <summary>Id of the transfer.</summary>
    public Guid Transfer => Facts.CustodyRecord!.Transfer;

    /// <summary>Place on the chain.</summary>
    public long Index => Proof.Index;

    /// <summary>What people call the record of the act.</summary>
    public string Number { get; }

    /// <summary>The stored bytes of the leaf.</summary>
    public ReadOnlyMemory<byte> Leaf { get; }

    /// <summary>The proof of inclusion, with the checkpoint.</summary>
    public TlogProof Proof { get; }

    /// <summary>The way to the main chain, not verified; null before there is one.</summary>
    public AnchorProof? Anchor { get; }

    /// <summary>Writes the package of the act: record, proof, anchor; it has no parts.</summary>
    public void WritePackage(Stream output) => PackageWriter.Write(output, Leaf.Span, new Openings([], null), Proof, [], Anchor);
}
