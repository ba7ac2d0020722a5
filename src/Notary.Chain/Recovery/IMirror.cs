using Notary.Chain.Nodes;
using Notary.Ledger;

namespace Notary.Chain.Recovery;

/// <summary>What a mirror says of its copy. Nothing in it is verified.</summary>
/// <param name="Mirrored">Its mirror checkpoint, with the log's line and its own; null before its first.</param>
/// <param name="Taken">The newest checkpoint of the log that it has taken, where it shows one; its entries may still be missing.</param>
/// <param name="Entries">Entries that it can hand out, from the first on.</param>
public sealed record MirrorAnswer(SignedNote? Mirrored, SignedNote? Taken, long Entries);

/// <summary>
/// The way to one ledger node's copy of a chain, for reading: a folder here, or C2SP tlog-mirror over HTTP. Whatever goes wrong on the way is an exception, and nothing that comes back is
/// believed: the caller checks it against what the log has signed.
/// </summary>
public interface IMirror : IDisposable
{
    /// <summary>What it holds of the log of that origin.</summary>
    Task<MirrorAnswer> AskAsync(string origin, CancellationToken cancellation);

    /// <summary>The largest size that it says the log has had, asked with the newest checkpoint that is known.</summary>
    Task<long> HeldAsync(SignedNote newest, Checkpoint checkpoint, CancellationToken cancellation);

    /// <summary>A hash tile in exactly that width.</summary>
    Task<ReadOnlyMemory<byte>> TileAsync(string origin, TileId tile, CancellationToken cancellation);

    /// <summary>An entry bundle (<see cref="EntryBundle"/>) of exactly that many entries, from index 256 · <paramref name="number"/> on.</summary>
    Task<ReadOnlyMemory<byte>> EntriesAsync(string origin, long number, int width, CancellationToken cancellation);
}

/// <summary>A ledger node whose folder lies here and is opened by nobody else. Disposes the node.</summary>
public sealed class NodeMirror(LedgerNode node) : IMirror
{
    /// <inheritdoc/>
    public Task<MirrorAnswer> AskAsync(string origin, CancellationToken cancellation) =>
        Task.Run(() => new MirrorAnswer(node.Cosigned, node.Taken, node.Standing.NextEntry), cancellation);

    /// <inheritdoc/>
    public Task<long> HeldAsync(SignedNote newest, Checkpoint checkpoint, CancellationToken cancellation) => Task.Run(() => node.Standing.Held, cancellation);

    /// <inheritdoc/>
    public Task<ReadOnlyMemory<byte>> TileAsync(string origin, TileId tile, CancellationToken cancellation) => Task.Run<ReadOnlyMemory<byte>>(
        () => node.StoredTile(tile.Level, tile.Index, tile.Width) ?? throw new InvalidDataException(FormattableString.Invariant($"it has no tile at level {tile.Level}, number {tile.Index}")), cancellation);

    /// <inheritdoc/>
    public Task<ReadOnlyMemory<byte>> EntriesAsync(string origin, long number, int width, CancellationToken cancellation) => Task.Run<ReadOnlyMemory<byte>>(
        () =>
        {
            var entries = node.Entries(number * Tiles.FullWidth, width);
            return entries.Count == width ? EntryBundle.Of(entries) : throw new InvalidDataException(FormattableString.Invariant($"it has only {entries.Count} of the {width} entries from {number * Tiles.FullWidth} on"));
        },
        cancellation);

    /// <inheritdoc/>
    public void Dispose() => node.Dispose();
}
