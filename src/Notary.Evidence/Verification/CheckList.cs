namespace Notary.Evidence;

/// <summary>Collects checks in any order and hands them out in the catalogue's; what nobody came to is "not performed".</summary>
internal sealed class CheckList
{
    private readonly List<VerificationCheck> _checks = [];

    public bool Passed(CheckId id, string? subject = null, Comparison? compared = null)
    {
        Add(id, subject, CheckOutcome.Passed, SubIndication.None, compared, null, null);
        return true;
    }

    public bool Failed(CheckId id, SubIndication sub, string? subject = null, Comparison? compared = null, string? reason = null, BilingualText? because = null)
    {
        Add(id, subject, CheckOutcome.Failed, sub, compared, reason, because);
        return false;
    }

    /// <summary>Passed when both values are equal, else failed with both.</summary>
    public bool Compare(CheckId id, SubIndication sub, string? subject, Comparison compared, string? reason = null) =>
        string.Equals(compared.Expected, compared.Actual, StringComparison.Ordinal)
            ? Passed(id, subject, compared)
            : Failed(id, sub, subject, compared, reason);

    public bool Open(CheckId id, SubIndication sub, CheckOutcome outcome, string? subject = null, string? reason = null, BilingualText? because = null, Comparison? compared = null)
    {
        Add(id, subject, outcome, sub, compared, reason, because);
        return false;
    }

    public bool HasFailed(CheckId id) => _checks.Exists(check => check.Id == id && check.Outcome == CheckOutcome.Failed);

    public bool HasPassed(CheckId id) => _checks.Exists(check => check.Id == id && check.Outcome == CheckOutcome.Passed);

    /// <summary>Whether a check that stands earlier in the catalogue went wrong.</summary>
    public bool FailedBefore(CheckId id) => _checks.Exists(check => CheckCatalogue.RankOf(check.Id) < CheckCatalogue.RankOf(id) && IndicationNames.MainOf(check.Sub) == Indication.TotalFailed);

    public IReadOnlyList<VerificationCheck> Finish(Func<CheckId, BilingualText> whyNot)
    {
        foreach (var id in CheckCatalogue.All)
        {
            if (!_checks.Exists(check => check.Id == id))
            {
                Add(id, null, CheckOutcome.NotPerformed, SubIndication.None, null, null, whyNot(id));
            }
        }

        // Stable: several subjects of one id stay in the order in which they were added.
        return [.. _checks.OrderBy(check => CheckCatalogue.RankOf(check.Id))];
    }

    private void Add(CheckId id, string? subject, CheckOutcome outcome, SubIndication sub, Comparison? compared, string? reason, BilingualText? because) =>
        _checks.Add(new VerificationCheck(id, subject, outcome, sub, compared, reason, CheckCatalogue.TextOf(id, subject, outcome, because)));
}
