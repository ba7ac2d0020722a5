using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// A node's alarm: a leaf stands on the chain that admission refuses. The node cosigns a tree that holds it (an anchor, trust or custody leaf excepted), passes over it, and says so.
/// </summary>
/// <remarks>
/// It gives none about a leaf of kind alarm or node, so that no statement can call for another one; and at most <see cref="MaxOfOneKey"/> of one key are made, and admitted: the first ones prove as
/// much as all.
/// </remarks>
public sealed record AlarmRecord : NodeStatement
{
    /// <summary>Most alarms of one node key on a chain.</summary>
    public const int MaxOfOneKey = 256;

    internal static readonly string[] Members = ["at", "chain", "code", "failure", "id", "index", "key", "kind", "leaf", "received", "sealed", "signature", "v"];

    /// <summary>Index of the refused leaf.</summary>
    public required long Index { get; init; }

    /// <summary>Its leaf hash, in the chain's hash.</summary>
    public required Hash32 Leaf { get; init; }

    /// <summary>Why it is refused: the number of an <see cref="AdmissionFailure"/>, 1 to 255, perhaps one that this version does not know.</summary>
    public required int Failure { get; init; }

    /// <summary>The failure's code, for people; compared with nothing, for the list grows.</summary>
    public required string Code { get; init; }

    /// <inheritdoc/>
    public override RecordKind Kind => RecordKind.Alarm;

    /// <inheritdoc/>
    private protected override IEnumerable<(string, CanonicalValue?)> Body =>
    [
        ("code", CanonicalValue.Of(Code)),
        ("failure", CanonicalValue.Of(Failure)),
        ("index", CanonicalValue.Of(Index)),
        ("leaf", CanonicalValue.Of(Leaf.ToHex())),
    ];

    /// <summary>Whether a refused leaf of that kind is answered by an alarm.</summary>
    public static bool Answers(RecordKind kind) => kind is not (RecordKind.Alarm or RecordKind.Node);

    internal static AdmissionResult TryRead(CanonicalValue json, string chain, NoteKey key, long at, out NodeStatement? statement)
    {
        statement = null;
        if (json["index"]!.AsInteger is not (>= 0 and var index))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "index");
        }

        if (!Hash32.TryParseHex(json["leaf"]!.AsString, out var leaf))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "leaf");
        }

        if (json["failure"]!.AsInteger is not (>= 1 and <= byte.MaxValue and var failure))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "failure");
        }

        if (json["code"]!.AsString is not { } code || !Grammar.IsName(code))
        {
            return AdmissionResult.Of(AdmissionFailure.BadValue, "code");
        }

        statement = new AlarmRecord { Chain = chain, Key = key, At = at, Index = index, Leaf = leaf, Failure = (int)failure, Code = code };
        return default;
    }
}
