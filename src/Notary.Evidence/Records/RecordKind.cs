using System.Text;

namespace Notary.Evidence;

/// <summary>Kinds of record. Numbers and names are frozen; the list only grows. A leaf carries the lower-case name.</summary>
public enum RecordKind : byte
{
    /// <summary>Not a kind of this version.</summary>
    Unknown = 0,
    /// <summary>A deposit of evidence.</summary>
    Evidence = 1,
    /// <summary>A step of a custody transfer between chains.</summary>
    Custody = 2,
    /// <summary>A court case.</summary>
    Case = 3,
    /// <summary>A party's objection.</summary>
    Objection = 4,
    /// <summary>A request for access.</summary>
    Request = 5,
    /// <summary>The decision on a request.</summary>
    Decision = 6,
    /// <summary>A citizen's grant.</summary>
    Grant = 7,
    /// <summary>The end of a grant.</summary>
    Revocation = 8,
    /// <summary>An access to personal data.</summary>
    Access = 9,
    /// <summary>A disclosure to a recipient.</summary>
    Disclosure = 10,
    /// <summary>A restriction of processing, such as a legal hold.</summary>
    Restriction = 11,
    /// <summary>The destruction of an item key.</summary>
    Erasure = 12,
    /// <summary>A policy document that comes into force.</summary>
    Policy = 13,
    /// <summary>A key of an account.</summary>
    Key = 14,
    /// <summary>A ledger node.</summary>
    Node = 15,
    /// <summary>A region's checkpoint on the main chain.</summary>
    Anchor = 16,
    /// <summary>An issued certificate page or report.</summary>
    Issuance = 17,
    /// <summary>An administrative act.</summary>
    Audit = 18,
    /// <summary>A chain of which entries are lost, closed for good, on the main chain.</summary>
    Incident = 19,
    /// <summary>A renewal of an older record's protection.</summary>
    Renewal = 20,
    /// <summary>An agency's origin receipt over its own lines.</summary>
    Statement = 21,
    /// <summary>A version of the trust file.</summary>
    Trust = 22,
    /// <summary>The binding of an account to a subject.</summary>
    Binding = 23,
    /// <summary>The enrolment of a credential.</summary>
    Credential = 24,
    /// <summary>A node's alarm.</summary>
    Alarm = 25,
}

/// <summary>Names of kinds as they stand in a leaf; both directions.</summary>
public static class RecordKinds
{
    private static readonly string[] Names = ["", .. Enum.GetNames<RecordKind>().Skip(1).Select(static n => n.ToLowerInvariant())];

    /// <summary>The name in a leaf.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The kind is <see cref="RecordKind.Unknown"/> or none.</exception>
    public static string Name(RecordKind kind) =>
        kind is > RecordKind.Unknown and <= RecordKind.Alarm ? Names[(int)kind] : throw new ArgumentOutOfRangeException(nameof(kind));

    /// <summary>
    /// Whether a leaf of this kind that is not admitted is an inconsistency, so that no node cosigns a tree that holds it: other chains rely on anchors, trust files and
    /// custody, and cannot run this chain's admission, so that its nodes' cosignatures must say that it was run. Of every other kind a leaf that
    /// fails is cosigned, answered by an alarm, and changes no state: one bad leaf does not end a chain.
    /// </summary>
    public static bool EndsCosigning(RecordKind kind) => kind is RecordKind.Anchor or RecordKind.Trust or RecordKind.Custody;

    /// <summary>The kind of a name, or <see cref="RecordKind.Unknown"/>.</summary>
    public static RecordKind FromName(string name)
    {
        var at = Array.IndexOf(Names, name, 1);
        return at < 0 ? RecordKind.Unknown : (RecordKind)at;
    }
}
