using Notary.Evidence;

namespace Notary.Chain.Network;

/// <summary>What became of one document of a proposal.</summary>
/// <param name="Document">The document.</param>
/// <param name="Index">Index of its leaf; −1 while there is none.</param>
/// <param name="Refusal">Why admission does not take it; Ok where it does.</param>
public sealed record GovernedOutcome(GovernedDocument Document, long Index, AdmissionResult Refusal);

/// <summary>What became of a proposal.</summary>
/// <param name="Outcomes">One for each document, in order.</param>
/// <param name="Waiting">The chain that does not append now, so that the same proposal has to be handed in again; null when all is sealed, or refused.</param>
/// <param name="Detail">One sentence for people.</param>
public sealed record GovernanceApplied(IReadOnlyList<GovernedOutcome> Outcomes, ChainHost? Waiting, string Detail)
{
    /// <summary>Whether a document is refused; then nothing of the proposal was sealed by this.</summary>
    public bool Refused => Outcomes.Any(static outcome => !outcome.Refusal.Ok);
}

/// <summary>
/// Seals the policies and key records that governance has signed. All of a proposal is admitted before any of it is sealed; what stands on its chain already is not sealed again, so that a proposal that was
/// interrupted is handed in once more.
/// </summary>
internal static class GovernanceSealing
{
    public static async Task<GovernanceApplied> ApplyAsync(IReadOnlyDictionary<string, ChainHost> chains, GovernanceProposal proposal, TimeProvider time)
    {
        var now = time.GetUtcNow();
        var outcomes = new GovernedOutcome[proposal.Documents.Count];
        var drafts = new LeafDraft?[outcomes.Length];
        foreach (var genesis in proposal.Chains)
        {
            var chain = chains.Values.FirstOrDefault(chain => chain.Genesis.Fingerprint == genesis.Fingerprint);
            // A fork: what is asked here is decided again under the lock.
            var state = chain?.State.Fork();
            for (var i = 0; i < outcomes.Length; i++)
            {
                var document = proposal.Documents[i];
                if (document.Origin == genesis.Origin)
                {
                    outcomes[i] = chain is null
                        ? new GovernedOutcome(document, -1, new AdmissionResult(AdmissionFailure.WrongChain, "chain"))
                        : new GovernedOutcome(document, document.SealedAt(state!), default);
                    if (outcomes[i] is { Index: < 0, Refusal.Ok: true })
                    {
                        outcomes[i] = outcomes[i] with { Refusal = Admit(chain!.Genesis, state!, document, now, out drafts[i]) };
                    }
                }
            }
        }

        if (outcomes.Where(static outcome => !outcome.Refusal.Ok).Select(static outcome => $"{outcome.Document.Name} on {outcome.Document.Origin}: {outcome.Refusal.Code}").ToList() is { Count: > 0 } refused)
        {
            return new GovernanceApplied(outcomes, null, $"Nothing is sealed: {string.Join("; ", refused)}; see docs/spec/admission.md.");
        }

        for (var i = 0; i < outcomes.Length; i++)
        {
            if (drafts[i] is not { } draft)
            {
                continue;
            }

            var chain = chains.Values.First(chain => chain.Genesis.Origin == outcomes[i].Document.Origin);
            var (index, reason) = await chain.AppendAsync(draft).ConfigureAwait(false);
            if (index < 0)
            {
                return new GovernanceApplied(outcomes, chain, $"{chain.Genesis.Origin} did not take {outcomes[i].Document.Name} ({reason}); hand the same proposal in again.");
            }

            outcomes[i] = outcomes[i] with { Index = index };
        }

        return new GovernanceApplied(outcomes, null, string.Empty);
    }

    /// <summary>Admits a document's leaf on a state, and takes it in.</summary>
    /// <param name="genesis">The chain.</param>
    /// <param name="state">Below the leaf; afterwards with it, where it is admitted.</param>
    /// <param name="document">With its signatures.</param>
    /// <param name="now">When it was received.</param>
    /// <param name="draft">The leaf when the result is Ok.</param>
    public static AdmissionResult Admit(Genesis genesis, ChainState state, GovernedDocument document, DateTimeOffset now, out LeafDraft? draft)
    {
        var result = SystemLeaves.TryGoverned(genesis, document, state.Size == 0, Guid.CreateVersion7(now), now, out draft);
        if (result.Ok)
        {
            var facts = draft!.Facts with { Sealed = Math.Max(draft.Facts.Sealed, state.LastSealed) };
            result = Admission.AdmitState(genesis, state, facts, state.Size);
            if (result.Ok)
            {
                state.Apply(facts, state.Size);
            }
        }

        return result;
    }
}
