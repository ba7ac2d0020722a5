using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>The members of a leaf that a verifier compares or shows, read from its canonical JSON; what is missing or of another type is null.</summary>
internal sealed class LeafView
{
    private readonly CanonicalValue _json;

    private LeafView(CanonicalValue json, CustodyRecord? custody, NodeStatement? statement)
    {
        _json = json;
        Custody = custody;
        Statement = statement;
    }

    /// <summary>The body of a custody leaf; null of another kind, or when its form is unknown.</summary>
    public CustodyRecord? Custody { get; }

    /// <summary>The body of an alarm or node leaf; null of another kind, or when its form is unknown.</summary>
    public NodeStatement? Statement { get; }

    public string Kind => Text("kind") ?? string.Empty;

    public long? Version => _json["v"]?.AsInteger;

    public string? Chain => Text("chain");

    public string? IdText => Text("id");

    public Guid? Id => IdText is { } text && RecordId.TryParse(text, out var id) ? id : null;

    public string? Text(string name) => _json[name]?.AsString;

    /// <summary>The part commitments, or null when the leaf has a root over them instead, or no parts.</summary>
    public IReadOnlyList<Hash32>? Parts => _json["parts"] is { Type: CanonicalType.Array } parts ? [.. parts.Items.Select(Hash).OfType<Hash32>()] : null;

    public long PartCount => _json["partcount"]?.AsInteger ?? Parts?.Count ?? 0;

    public Hash32? PartsRoot => Hash(_json["partroot"]);

    public Hash32? FieldsRoot => Hash(_json["fields"]);

    public bool HasFields => _json["fields"] is not null;

    /// <summary>Parses canonical JSON and runs AdmitForm; both outcomes go into the list. Null when there is nothing to go on with.</summary>
    public static LeafView? TryRead(CheckList checks, ReadOnlySpan<byte> leaf)
    {
        var check = CanonicalValue.TryParseCanonical(leaf, CanonicalLimits.Leaf, out var json);
        if (!check.Ok || json.Type != CanonicalType.Object)
        {
            checks.Failed(CheckId.LeafCanonical, SubIndication.FormatFailure, reason: check.Ok ? "not an object" : $"{check.Fault} at byte {check.Offset}");
            return null;
        }

        checks.Passed(CheckId.LeafCanonical);
        var form = Admission.AdmitForm(leaf, out var facts);
        if (form.Ok)
        {
            checks.Passed(CheckId.LeafForm);
        }
        else if (form.Indeterminate)
        {
            checks.Open(CheckId.LeafForm, SubIndication.SignaturePolicyNotAvailable, CheckOutcome.CouldNotBePerformed, reason: Reason(form),
                because: new BilingualText("the record is of a kind or version whose rules this verifier does not have", "本核验程序没有该种类或版本的规则"));
        }
        else
        {
            checks.Failed(CheckId.LeafForm, SubIndication.FormatFailure, reason: Reason(form));
            return null;
        }

        return new LeafView(json, form.Ok ? facts.CustodyRecord : null, form.Ok ? facts.NodeStatement : null);
    }

    internal static string Reason(AdmissionResult form) =>
        form.Code + (form.Member.Length > 0 ? " " + form.Member : string.Empty) + (form.Offset >= 0 ? $" at byte {form.Offset}" : string.Empty);

    private static Hash32? Hash(CanonicalValue? value) =>
        value?.AsString is { } hex && Grammar.IsHex(hex, Hash32.Size, Hash32.Size) && Hash32.TryParseHex(hex, out var hash) ? hash : null;
}
