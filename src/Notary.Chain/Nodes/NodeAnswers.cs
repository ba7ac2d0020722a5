using System.Globalization;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Chain.Nodes;

/// <summary>The HTTP statuses of C2SP tlog-witness and tlog-mirror that a node answers with; the numbers are theirs.</summary>
public enum NodeStatus
{
    /// <summary>Done; the body holds cosignature lines where there are any.</summary>
    Success = 200,

    /// <summary>Part of the upload is stored; the body says where it goes on.</summary>
    Accepted = 202,

    /// <summary>Not what the specification calls a request.</summary>
    BadRequest = 400,

    /// <summary>No valid signature of the log.</summary>
    Forbidden = 403,

    /// <summary>Another log.</summary>
    NotFound = 404,

    /// <summary>The node stands elsewhere; the body says where.</summary>
    Conflict = 409,

    /// <summary>A proof does not hold, or the tree must not be cosigned.</summary>
    Unprocessable = 422,

    /// <summary>The node cannot sign or store just now; the same request may be sent again.</summary>
    Unavailable = 503,
}

/// <summary>A node's answer.</summary>
/// <param name="Status">The status.</param>
/// <param name="Body">The body, perhaps empty.</param>
/// <param name="MediaType">Its media type, or null.</param>
public sealed record NodeAnswer(NodeStatus Status, string Body = "", string? MediaType = null)
{
    /// <summary>The media type of a tree size (C2SP tlog-witness).</summary>
    public const string SizeMediaType = "text/x.tlog.size";

    /// <summary>
    /// That no log of that origin is mirrored here: C2SP's 404, and with it the size that is held of it. A 404 without that may be anybody's between log and node, and says nothing of what the node holds.
    /// </summary>
    public static NodeAnswer UnknownLog { get; } = new(NodeStatus.NotFound, "0\n", SizeMediaType);

    /// <summary>Whether the node itself says that it does not know the log.</summary>
    public bool IsUnknownLog => this == UnknownLog;

    internal static NodeAnswer Size(long size) => new(NodeStatus.Conflict, string.Create(CultureInfo.InvariantCulture, $"{size}\n"), SizeMediaType);

    internal static NodeAnswer Stands(NodeStatus status, long size, long nextEntry) => new(status, new MirrorInfo(size, nextEntry, default).Format(), MirrorInfo.MediaType);
}

/// <summary>What a node found wrong. Numbers frozen.</summary>
public enum AlarmKind
{
    /// <summary>Two notes of the log for one size with different roots: ours the taken one, theirs the other.</summary>
    ForkedNote = 1,

    /// <summary>A note of the log whose root differs from that of the stored entries of its size: ours the root, theirs the note.</summary>
    ForkedPrefix = 2,

    /// <summary>A leaf that admission refuses. It is cosigned and changes no state.</summary>
    LeafRefused = 3,

    /// <summary>An anchor or trust leaf that admission refuses: no tree that holds it is cosigned.</summary>
    TreeRefused = 4,
}

/// <summary>Evidence that a node keeps.</summary>
/// <param name="Kind">What is wrong.</param>
/// <param name="Place">Tree size, or index of the leaf.</param>
/// <param name="AtMs">When it was found, Unix milliseconds.</param>
/// <param name="Reason">A stable code.</param>
/// <param name="About">The other root, or the hash of the leaf.</param>
/// <param name="Ours">What the node holds: its note, or the root of its entries; empty for a leaf, which is among them.</param>
/// <param name="Theirs">The note that contradicts it; empty for a leaf.</param>
public sealed record NodeAlarm(AlarmKind Kind, long Place, long AtMs, string Reason, Hash32 About, ReadOnlyMemory<byte> Ours, ReadOnlyMemory<byte> Theirs)
{
    /// <summary>Counts up in the order in which a node found things; 0 before it is kept.</summary>
    public long Id { get; init; }
}
