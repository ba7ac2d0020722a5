using Notary.Chain.Folders;
using Notary.Chain.Recovery;
using Notary.Evidence;

namespace Notary.Chain.Network;

/// <summary>What became of an incident that was handed in.</summary>
/// <param name="Index">Index of its leaf on the main chain; −1 when nothing is sealed.</param>
/// <param name="Refusal">Why admission does not take it; Ok where the main chain only does not append now, and the same incident may be handed in again.</param>
/// <param name="Detail">One sentence for people.</param>
public sealed record IncidentApplied(long Index, AdmissionResult Refusal, string Detail);

/// <summary>
/// Stops the chains that governance has closed, by what the main chain says, or is about to close, by the proposal in their folder; and seals incidents. What such a chain holds is read and proved on, and
/// may still become final and anchored as far as it is available.
/// </summary>
internal sealed class ClosedChains(DataFolder data, IReadOnlyDictionary<string, ChainHost> chains, TimeProvider time)
{
    private readonly ChainHost? _main = chains.GetValueOrDefault(TrustFile.MainChain);

    /// <summary>Whether a chain seals nothing more because entries of it are lost.</summary>
    public static bool IsClosed(ChainHost chain) => chain.Stopped?.Reason is StopReason.ClosedForGood or StopReason.Closing;

    /// <summary>Stops those whose proposal lies in their folder: at a start, before anything is appended.</summary>
    /// <exception cref="ChainRefusedException">What lies there is no proposal.</exception>
    public void StopClosing()
    {
        foreach (var (name, chain) in chains)
        {
            if (ChainRecovery.ReadClosing(data.Chain(name)) is { } proposal)
            {
                chain.StopClosed(StopReason.Closing, FormattableString.Invariant(
                    $"{chain.Genesis.Origin} is about to be closed, for its entries from {proposal.Size} to {proposal.LostCheckpoint.Size - 1} are lost: governance signs the proposal ('notary incident sign'), and the server seals it ('notary incident apply'). {proposal.Successor} will take its place; reading goes on."));
            }
        }
    }

    /// <summary>Stops those that the main chain says are closed, whichever server sealed that.</summary>
    public void StopClosed()
    {
        foreach (var chain in chains.Values)
        {
            if (_main?.Closed(chain.Genesis.Origin) is not { } closed)
            {
                continue;
            }

            var sentence = FormattableString.Invariant(
                $"{chain.Genesis.Origin} is closed by leaf {closed.Index} of the main chain: its entries from {closed.Record.Size} to {closed.Record.LostCheckpoint.Size - 1} are lost. {closed.Record.Successor} takes its place; reading goes on.");
            if (chain.Stopped?.Sentence != sentence)
            {
                chain.StopClosed(StopReason.ClosedForGood, sentence);
            }
        }
    }

    /// <summary>Seals an incident on the main chain; the same one again only says where it stands.</summary>
    public async Task<IncidentApplied> ApplyAsync(IncidentRecord record)
    {
        if (_main is not { } main)
        {
            return new IncidentApplied(-1, new AdmissionResult(AdmissionFailure.IncidentNotOnMain), "This platform has no main chain.");
        }

        if (main.Closed(record.Origin) is { } before && before.Record.Message(main.Genesis.Suite, main.Genesis.Origin) == record.Message(main.Genesis.Suite, main.Genesis.Origin))
        {
            return new IncidentApplied(before.Index, default, string.Empty);
        }

        var now = time.GetUtcNow();
        var result = SystemLeaves.TryIncident(main.Genesis, record, Guid.CreateVersion7(now), now, out var draft);
        if (result.Ok)
        {
            // Decided again under the lock; here so that a refusal and a chain that does not append are told apart.
            var state = main.State;
            result = Admission.AdmitState(main.Genesis, state, draft!.Facts with { Sealed = Math.Max(draft.Facts.Sealed, state.LastSealed) }, state.Size);
        }

        if (!result.Ok)
        {
            return new IncidentApplied(-1, result, $"{result.Code}: see docs/spec/admission.md, \"Incident leaf\".");
        }

        var (index, reason) = await main.AppendAsync(draft!).ConfigureAwait(false);
        if (index < 0)
        {
            return new IncidentApplied(-1, default, $"The main chain did not take it ({reason}); hand the same incident in again.");
        }

        StopClosed();
        return new IncidentApplied(index, default, string.Empty);
    }
}
