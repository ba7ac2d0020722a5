using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Network;

/// <summary>
/// What the trust file says of one chain at this moment: the file may be followed by its next version, and the main chain grows past the bounds of entries. A region's checkpoint is
/// judged by the entry at the main index that its anchor will get, the main chain's by that at its own last index (docs/spec/trust-file.md, "Ranges").
/// </summary>
/// <param name="entries">The chain's entries in the version in force, in ascending order.</param>
/// <param name="mainSize">Size of the main chain: the index of its next leaf.</param>
/// <param name="isMain">Whether the chain is the main chain itself.</param>
public sealed class ChainTrust(Func<IReadOnlyList<TrustedChain>> entries, Func<long> mainSize, bool isMain = false)
{
    /// <summary>The entry that judges a checkpoint of that size now; null when none holds.</summary>
    public TrustedChain? EntryOf(long size) => EntryAt(isMain ? size - 1 : mainSize());

    /// <summary>The entry that holds at an index of the main chain, or null.</summary>
    public TrustedChain? EntryAt(long mainIndex) => entries().FirstOrDefault(entry => entry.HoldsAt(mainIndex));

    /// <summary>The newest entry, open or the last one; null for a chain that the file does not know.</summary>
    public TrustedChain? Newest => entries() is [.., var last] ? last : null;

    /// <summary>The nodes of the entry in force and of those to come: a node is fed from the version that names it, and counts from its entry's first index.</summary>
    public IReadOnlyList<PolicyWitness> Witnesses
    {
        get
        {
            var witnesses = new List<PolicyWitness>();
            foreach (var witness in Entries.SelectMany(static entry => entry.Policy.Witnesses))
            {
                // The later entry knows the better address.
                witnesses.RemoveAll(other => other.Key.Equals(witness.Key));
                witnesses.Add(witness);
            }

            return witnesses;
        }
    }

    /// <summary>The log keys of the entry in force and of those to come.</summary>
    public IReadOnlyList<NoteKey> LogKeys => [.. Entries.SelectMany(static entry => entry.LogKeys).Distinct()];

    /// <summary>All log keys that the chain ever had.</summary>
    public IReadOnlyList<NoteKey> AllLogKeys => [.. entries().SelectMany(static entry => entry.LogKeys).Distinct()];

    private IEnumerable<TrustedChain> Entries
    {
        get
        {
            // The main chain's newest checkpoint is judged one below its size; for a region that is an index too many and harms nothing.
            var from = mainSize() - 1;
            return entries().Where(entry => entry.ToMainIndex is null || entry.ToMainIndex >= from);
        }
    }
}
