using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Chain.Recovery;

/// <summary>Reads one mirror's copy under a checkpoint that the log has signed: what is returned hashes to its root, whoever gave it.</summary>
/// <remarks>Failure: <see cref="InvalidDataException"/> when what the mirror gives does not fit the checkpoint; whatever the way to it throws. The mirror is then of no use, another one may be.</remarks>
internal sealed class MirrorReader(IMirror mirror, TreeHasher hasher, Checkpoint target)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Level 0 is read once, at the ragged edge; above it a tile serves 65,536 entries and more.
    private readonly Dictionary<TileId, ReadOnlyMemory<byte>> _tiles = [];

    /// <summary>The root of the first <paramref name="size"/> entries of the tree that the checkpoint signs.</summary>
    public async Task<Hash32> RootAtAsync(long size, CancellationToken cancellation)
    {
        if (size == 0 || size == target.Size)
        {
            return size == 0 ? hasher.Empty : target.Root;
        }

        var nodes = TreeEdge.Nodes(size);
        var hashes = await HashesAsync(TilePlan.For(nodes, target.Size), cancellation).ConfigureAwait(false);
        var root = hashes[^1];
        for (var i = hashes.Length - 2; i >= 0; i--)
        {
            root = hasher.Node(hashes[i], root);
        }

        var proof = await ProofAsync(ConsistencyProof.Plan(size, target.Size), cancellation).ConfigureAwait(false);
        return ConsistencyProof.Check(hasher, size, target.Size, root, target.Root, proof).Ok ? root : throw Misfit("its hash tiles do not hash to the checkpoint");
    }

    /// <summary>The entries of a package, after the check that a ledger node makes of an upload: their subtree lies in the tree of the checkpoint.</summary>
    /// <param name="range">From a multiple of 256 to the checkpoint's size.</param>
    /// <param name="number">The package's place in it.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public async Task<EntryPackage> PackageAsync(UploadRange range, long number, CancellationToken cancellation)
    {
        var (start, end) = range.Subtree(number);
        var count = (int)(end - start);
        var bundle = await BoundedAsync(token => mirror.EntriesAsync(target.Origin, start / Tiles.FullWidth, count, token), cancellation).ConfigureAwait(false);
        if (!Holds(bundle.Span, count))
        {
            throw Misfit(FormattableString.Invariant($"what it gives for the entries from {start} on is no bundle of {count}"));
        }

        var package = new EntryPackage(bundle, count, await ProofAsync(SubtreeProof.Plan(start, end, target.Size), cancellation).ConfigureAwait(false));
        return package.Check(hasher, range, number, [], package.Leaves(hasher), target.Root).Ok
            ? package
            : throw Misfit(FormattableString.Invariant($"its entries {start} to {end - 1}, or its hash tiles, do not hash to the checkpoint"));
    }

    private static bool Holds(ReadOnlySpan<byte> bundle, int count)
    {
        var found = 0;
        while (EntryBundle.TryNext(ref bundle, out _))
        {
            found++;
        }

        return found == count && bundle.IsEmpty;
    }

    private async Task<Hash32[]> ProofAsync(ProofPlan plan, CancellationToken cancellation) =>
        RangeProof.Compute(hasher, plan, await HashesAsync(TilePlan.For(plan, target.Size), cancellation).ConfigureAwait(false));

    private async Task<Hash32[]> HashesAsync(TilePlan plan, CancellationToken cancellation)
    {
        var fetched = new List<ReadOnlyMemory<byte>>(plan.Tiles.Count);
        foreach (var tile in plan.Tiles)
        {
            if (!_tiles.TryGetValue(tile, out var bytes))
            {
                bytes = await BoundedAsync(token => mirror.TileAsync(target.Origin, tile, token), cancellation).ConfigureAwait(false);
                if (bytes.Length != tile.Length)
                {
                    throw Misfit(FormattableString.Invariant($"its tile at level {tile.Level}, number {tile.Index} has another length"));
                }

                _tiles.Add(tile, bytes);
            }

            fetched.Add(bytes);
        }

        return plan.TryCompute(hasher, fetched, out var hashes, out _) ? hashes : throw new InvalidOperationException("Each tile has its planned length.");
    }

    private static async Task<T> BoundedAsync<T>(Func<CancellationToken, Task<T>> request, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            return await request(limit.Token).WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException late) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException("it does not answer", late);
        }
    }

    private static InvalidDataException Misfit(string what) => new(what);
}
