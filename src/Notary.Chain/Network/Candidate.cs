using System.Collections.Concurrent;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Chain.Network;

/// <summary>
/// A signed head on its way to finality, and what its nodes are sent for it. All of a chain's nodes are sent much the same, so each package is read and proved once.
/// </summary>
internal sealed class Candidate(ChainReader reader, ChainHead head, DateTimeOffset since)
{
    // The nodes that keep up need the newest packages only; what one that is far behind is sent is made for it and forgotten.
    private const int KeptPackages = 2 * UploadRange.MaxPackages;

    private readonly ConcurrentDictionary<(long First, long End), Lazy<EntryPackage>> _packages = new();

    public ChainHead Head { get; } = head;

    public DateTimeOffset Since { get; } = since;

    public string Origin { get; } = CheckpointOf(head).Origin;

    /// <summary>The offer to a node that holds a tree of that size.</summary>
    public byte[] Offer(long oldSize) =>
        new AddCheckpoint(oldSize, oldSize == 0 ? [] : reader.ConsistencyHashes(oldSize, Head.Size), Head.Parsed, CheckpointOf(Head)).ToBytes();

    /// <summary>The chain's root at a size not above the head's.</summary>
    public Hash32 RootAt(long size) => reader.RootAt(size);

    /// <summary>The first packages of the upload from that entry to this head.</summary>
    public IReadOnlyList<EntryPackage> Packages(UploadRange range)
    {
        var packages = new EntryPackage[Math.Min(UploadRange.MaxPackages, range.PackageCount)];
        for (var i = 0; i < packages.Length; i++)
        {
            packages[i] = Package(range.FirstOf(i), range.Subtree(i));
        }

        return packages;
    }

    private EntryPackage Package(long first, (long Start, long End) subtree) => Head.Size - first > KeptPackages * UploadRange.PackageEntries || _packages.Count > KeptPackages
        ? Make(first, subtree)
        : _packages.GetOrAdd((first, subtree.End), _ => new Lazy<EntryPackage>(() => Make(first, subtree))).Value;

    private EntryPackage Make(long first, (long Start, long End) subtree)
    {
        var count = (int)(subtree.End - first);
        var entries = reader.Entries(first, count);
        if (entries.Count != count)
        {
            throw new ChainRefusedException(ChainRefusal.Inconsistent, FormattableString.Invariant($"Entries {first} to {subtree.End} are not all there: run 'notary fsck'."));
        }

        return new EntryPackage(EntryBundle.Of(entries), count, reader.SubtreeHashes(subtree.Start, subtree.End, Head.Size));
    }

    private static Checkpoint CheckpointOf(ChainHead head) =>
        Checkpoint.TryParse(head.Parsed.Text, out var checkpoint) == CheckpointProblem.None ? checkpoint! : throw new InvalidOperationException("A signed head is a checkpoint.");
}
