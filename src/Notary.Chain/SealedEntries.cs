using Notary.Crypto;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain;

/// <summary>What is done with a sealed leaf that was admitted again.</summary>
internal delegate void SealedEntry(long index, in LeafFacts facts);

/// <summary>Entries that this process did not append itself, another server's or a mirror's: each is admitted again before it counts.</summary>
internal static class SealedEntries
{
    /// <summary>Admits the entries of a batch into the state, in order, and adds their leaf hashes.</summary>
    /// <param name="genesis">The chain.</param>
    /// <param name="state">The state of admission before the batch; in the midst of it when this is false.</param>
    /// <param name="hasher">The chain's hash.</param>
    /// <param name="first">Index of the first entry.</param>
    /// <param name="count">Entries that the batch says it has.</param>
    /// <param name="entries">The batch, as in an entry bundle.</param>
    /// <param name="hashes">Gets the leaf hashes.</param>
    /// <param name="taken">Called for each admitted leaf, or null.</param>
    /// <param name="wrong">When this is false, which entry is not taken, and why.</param>
    public static bool TryTake(
        Genesis genesis, ChainState state, TreeHasher hasher, long first, int count, ReadOnlySpan<byte> entries, List<Hash32> hashes, SealedEntry? taken, out (long Index, string Why) wrong)
    {
        for (var index = first; index < first + count; index++)
        {
            if (!EntryBundle.TryNext(ref entries, out var entry))
            {
                wrong = (index, "its batch is cut off");
                return false;
            }

            var admitted = Admission.Admit(genesis, state, entry, index, out var facts);
            if (!admitted.Ok)
            {
                wrong = (index, $"admission refuses it ({admitted.Code}); do all servers run one version?");
                return false;
            }

            state.Apply(facts, index);
            hashes.Add(hasher.Leaf(entry));
            taken?.Invoke(index, facts);
        }

        wrong = default;
        return true;
    }
}
