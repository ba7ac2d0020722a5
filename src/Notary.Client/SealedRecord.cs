using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Client;

/// <summary>
/// A record that the chain has sealed, proved: the leaf commits to exactly what was asked for, lies at <see cref="Index"/> of the tree of the
/// proof's checkpoint, and the checkpoint is signed by a key of the trust file. Only <see cref="AnswerCheck"/> makes one.
/// </summary>
public sealed class SealedRecord
{
    internal SealedRecord(TrustedChain chain, long index, Guid id, byte[] leaf, Hash32 secret, TlogProof proof, Openings openings)
    {
        Chain = chain;
        Index = index;
        Id = id;
        Leaf = leaf;
        Secret = secret;
        Proof = proof;
        Openings = openings;
        Number = RecordNumber.Format(chain.Code, index);
    }

    /// <summary>The chain, as the trust file knows it.</summary>
    public TrustedChain Chain { get; }

    /// <summary>Place on the chain.</summary>
    public long Index { get; }

    /// <summary>The record's id.</summary>
    public Guid Id { get; }

    /// <summary>What people call the record.</summary>
    public string Number { get; }

    /// <summary>The stored bytes of the leaf.</summary>
    public ReadOnlyMemory<byte> Leaf { get; }

    /// <summary>The record's secret: whoever has it can open, or guess, what the commitments hide.</summary>
    public Hash32 Secret { get; }

    /// <summary>The proof of inclusion, with the checkpoint.</summary>
    public TlogProof Proof { get; }

    /// <summary>Every value of the record, opened.</summary>
    public Openings Openings { get; }

    /// <summary>What a submitter keeps: it verifies alone.</summary>
    public Receipt ToReceipt() => new() { Number = Number, LeafJson = System.Text.Encoding.UTF8.GetString(Leaf.Span), Secret = Secret, Proof = Proof.Format() };

    /// <summary>Writes a package: <paramref name="files"/> holds the content of each part in order, null where it is left out; empty leaves out all.</summary>
    /// <param name="output">Empty, seekable, writable; the caller flushes and closes.</param>
    /// <param name="files">See above.</param>
    public void WritePackage(Stream output, IReadOnlyList<Stream?> files) => PackageWriter.Write(output, Leaf.Span, Openings, Proof, files);
}
