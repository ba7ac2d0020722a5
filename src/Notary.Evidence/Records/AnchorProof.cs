namespace Notary.Evidence;

/// <summary>
/// What leads from a record's final checkpoint to the main chain: the anchor leaf that holds the checkpoint's note, and the proof that this leaf lies in a
/// final checkpoint of the main chain. It goes into receipts and packages beside the record's own proof. Nothing in it is verified.
/// </summary>
/// <param name="Leaf">The stored bytes of the anchor leaf, see <see cref="AnchorRecord"/>; at most 16 KiB.</param>
/// <param name="Proof">The tlog-proof text of that leaf, in the main chain's suite.</param>
public sealed record AnchorProof(ReadOnlyMemory<byte> Leaf, string Proof);
