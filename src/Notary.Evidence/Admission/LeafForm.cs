namespace Notary.Evidence;

/// <summary>Checks that several kinds of leaf share.</summary>
internal static class LeafForm
{
    /// <summary>Exactly these members, the optional ones perhaps absent.</summary>
    public static AdmissionResult CheckMembers(CanonicalValue leaf, string[] members, string[] optional)
    {
        foreach (var name in leaf.Names)
        {
            if (Array.BinarySearch(members, name, StringComparer.Ordinal) < 0)
            {
                // The name is the sender's text: it is not repeated.
                return AdmissionResult.Of(AdmissionFailure.UnknownMember);
            }
        }

        foreach (var member in members)
        {
            if (leaf[member] is null && !optional.Contains(member))
            {
                return AdmissionResult.Of(AdmissionFailure.MissingMember, member);
            }
        }

        return default;
    }

    public static bool TryTime(CanonicalValue? json, out long milliseconds)
    {
        milliseconds = 0;
        return json?.AsString is { } text && RecordTime.TryParse(text, out milliseconds);
    }
}
