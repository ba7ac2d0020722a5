namespace Notary.Evidence;

/// <summary>
/// What every policy document has: canonical, normalised JSON of at most 12 KiB with <c>document</c> (its name), <c>v</c> 1 and an increasing
/// <c>version</c>. Version 1 of access, consent and retention knows one decision for everything, <c>default</c>, and no other member; custody may have rules
/// (<see cref="CustodyPolicy"/>) before it.
/// </summary>
/// <param name="Name">One of <see cref="PolicyNames"/>.</param>
/// <param name="Version">1 or more.</param>
/// <param name="Default">The one decision; null for admission, which has rules.</param>
public sealed record PolicyDocument(string Name, long Version, string? Default)
{
    // Where no rule says otherwise, nothing of this kind is released, transferred, granted or destroyed.
    private static readonly Dictionary<string, string> OnlyDecision = new(StringComparer.Ordinal)
    {
        ["access"] = "refuse", ["custody"] = "refuse", ["consent"] = "refuse", ["retention"] = "keep",
    };

    /// <summary>The canonical bytes of a document that a person wrote: white space and member order do not matter.</summary>
    /// <param name="text">A file of <c>policies/</c>.</param>
    /// <param name="canonical">What is signed and sealed; empty when the problem is not.</param>
    /// <returns>Empty, or the member where the format is broken.</returns>
    public static string TryCanonicalize(ReadOnlySpan<byte> text, out byte[] canonical)
    {
        canonical = [];
        if (!CanonicalValue.TryParse(text, CanonicalLimits.Document with { MaxBytes = 64 * 1024 }, out var json).Ok)
        {
            return "not JSON";
        }

        var bytes = json.ToBytes();
        var problem = TryParse(bytes, out _);
        canonical = problem.Length == 0 ? bytes : [];
        return problem;
    }

    /// <summary>Parses any of the five documents.</summary>
    /// <returns>Empty, or the member where the format is broken.</returns>
    public static string TryParse(ReadOnlySpan<byte> document, out PolicyDocument? parsed)
    {
        var problem = TryParse(document, out parsed, out _);
        return (problem, parsed?.Name) switch
        {
            ({ Length: 0 }, PolicyNames.Admission) => AdmissionPolicy.TryParse(document, out _),
            ({ Length: 0 }, PolicyNames.Custody) => CustodyPolicy.TryParse(document, out _),
            _ => problem,
        };
    }

    internal static string TryParse(ReadOnlySpan<byte> document, out PolicyDocument? parsed, out CanonicalValue? json)
    {
        parsed = null;
        json = null;
        if (!CanonicalValue.TryParseCanonical(document, CanonicalLimits.Document, out var value).Ok || value.Type != CanonicalType.Object)
        {
            return "not canonical";
        }

        if (value["document"]?.AsString is not { } name || !PolicyNames.InOrder.Contains(name))
        {
            return "document";
        }

        if (value["v"]?.AsInteger != 1)
        {
            return "v";
        }

        if (value["version"]?.AsInteger is not (>= 1 and var version))
        {
            return "version";
        }

        var decision = value["default"]?.AsString;
        if (name != PolicyNames.Admission && decision != OnlyDecision[name])
        {
            return "default";
        }

        if (value.Names.Any(member => member switch
        {
            "document" or "v" or "version" => false,
            "rules" => name is not (PolicyNames.Admission or PolicyNames.Custody),
            "default" => name == PolicyNames.Admission,
            _ => true,
        }))
        {
            return "unknown member";
        }

        parsed = new PolicyDocument(name, version, decision);
        json = value;
        return string.Empty;
    }
}
