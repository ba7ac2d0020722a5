using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// A node's word that its key came into use: once a key, by a node that joined a running chain or came back with a new key after it lost its copy. Nodes that the chain's first trust leaf names were
/// there from the beginning, and say nothing.
/// </summary>
public sealed record NodeRecord : NodeStatement
{
    /// <summary>The only value of <c>what</c> in version 1.</summary>
    public const string Joined = "joined";

    internal static readonly string[] Members = ["at", "chain", "id", "key", "kind", "received", "sealed", "signature", "size", "trust", "v", "what"];

    /// <summary>
    /// Size of the checkpoint that the key was about to cosign when the node knew from its own entries that the key is named: the first one that counts. It held no more than that.
    /// </summary>
    public required long Size { get; init; }

    /// <summary>The version of the trust file by which the key came to this chain.</summary>
    public required long Trust { get; init; }

    /// <inheritdoc/>
    public override RecordKind Kind => RecordKind.Node;

    /// <inheritdoc/>
    private protected override IEnumerable<(string, CanonicalValue?)> Body =>
    [
        ("size", CanonicalValue.Of(Size)),
        ("trust", CanonicalValue.Of(Trust)),
        ("what", CanonicalValue.Of(Joined)),
    ];

    /// <summary>The trust leaf by which a key joined: the first on the chain that names it; null for a key of the chain's first trust leaf, and for one that none names.</summary>
    public static TrustInForce? JoinedBy(ChainState state, string origin, NoteKey key)
    {
        ArgumentNullException.ThrowIfNull(state);
        var versions = state.TrustVersions;
        var first = versions.FirstOrDefault(version => version.File.NamesNode(origin, key));
        return versions.Count > 0 && ReferenceEquals(first, versions[0]) ? null : first;
    }

    internal static AdmissionResult TryRead(CanonicalValue json, string chain, NoteKey key, long at, out NodeStatement? statement)
    {
        statement = null;
        if (json["size"]!.AsInteger is not (>= 1 and var size))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "size");
        }

        if (json["trust"]!.AsInteger is not (>= 1 and var trust))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "trust");
        }

        if (json["what"]!.AsString != Joined)
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "what");
        }

        statement = new NodeRecord { Chain = chain, Key = key, At = at, Size = size, Trust = trust };
        return default;
    }
}
