using Notary.Chain.Nodes;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Network;

/// <summary>
/// The way from a log to one ledger node: the two requests of C2SP tlog-mirror. A node in the same process and one behind HTTP look the same. Whatever goes wrong on the way is an
/// exception; the caller takes it as no answer.
/// </summary>
public interface INodeLink
{
    /// <summary>Offers a checkpoint.</summary>
    /// <param name="body">An <see cref="AddCheckpoint"/> request.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    Task<NodeAnswer> AddCheckpointAsync(ReadOnlyMemory<byte> body, CancellationToken cancellation);

    /// <summary>Uploads entries: the first packages of the range, perhaps not all.</summary>
    Task<NodeAnswer> AddEntriesAsync(UploadRange range, IReadOnlyList<EntryPackage> packages, CancellationToken cancellation);

    /// <summary>The node's mirror checkpoint of the log of that origin, with the log's signature and its own; null before its first. Nothing in it is verified.</summary>
    Task<SignedNote?> MirrorCheckpointAsync(string origin, CancellationToken cancellation);

    /// <summary>
    /// What the node says in its own name, from the statement of that place on: at most <see cref="LedgerNode.StatementsAtOnce"/>. Each is signed by the key that it names; whether that is the node's, and
    /// about which chain it is, the caller looks. Empty of a C2SP mirror or witness, which says nothing.
    /// </summary>
    Task<IReadOnlyList<NodeStatement>> StatementsAsync(string origin, long first, CancellationToken cancellation);
}

/// <summary>A node in this process.</summary>
public sealed class LocalNodeLink(LedgerNode node) : INodeLink
{
    /// <inheritdoc/>
    public Task<NodeAnswer> AddCheckpointAsync(ReadOnlyMemory<byte> body, CancellationToken cancellation) =>
        Task.Run(() => node.TakeCheckpoint(body.Span), cancellation);

    /// <inheritdoc/>
    public Task<NodeAnswer> AddEntriesAsync(UploadRange range, IReadOnlyList<EntryPackage> packages, CancellationToken cancellation) => Task.Run(
        () =>
        {
            if (node.BeginUpload(range) is { } away)
            {
                return away;
            }

            for (var i = 0; i < packages.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                if (node.TakePackage(range, i, packages[i]) is { } ended)
                {
                    return ended;
                }
            }

            return node.EndUpload(range, packages.Count);
        },
        cancellation);

    /// <inheritdoc/>
    public Task<SignedNote?> MirrorCheckpointAsync(string origin, CancellationToken cancellation) => Task.Run(() => node.Cosigned, cancellation);

    /// <inheritdoc/>
    public Task<IReadOnlyList<NodeStatement>> StatementsAsync(string origin, long first, CancellationToken cancellation) => Task.Run(() => node.Statements(first), cancellation);
}

/// <summary>The way to a node that is here and cannot be used: each attempt says why.</summary>
internal sealed class NoNodeLink(string why) : INodeLink
{
    /// <inheritdoc/>
    public Task<NodeAnswer> AddCheckpointAsync(ReadOnlyMemory<byte> body, CancellationToken cancellation) => Task.FromException<NodeAnswer>(new IOException(why));

    /// <inheritdoc/>
    public Task<NodeAnswer> AddEntriesAsync(UploadRange range, IReadOnlyList<EntryPackage> packages, CancellationToken cancellation) => Task.FromException<NodeAnswer>(new IOException(why));

    /// <inheritdoc/>
    public Task<SignedNote?> MirrorCheckpointAsync(string origin, CancellationToken cancellation) => Task.FromException<SignedNote?>(new IOException(why));

    /// <inheritdoc/>
    public Task<IReadOnlyList<NodeStatement>> StatementsAsync(string origin, long first, CancellationToken cancellation) => Task.FromException<IReadOnlyList<NodeStatement>>(new IOException(why));
}
