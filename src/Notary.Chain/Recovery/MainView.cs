using Notary.Chain.Folders;
using Notary.Chain.Store;
using Notary.Evidence;

namespace Notary.Chain.Recovery;

/// <summary>What the main chain in the data folder says of a region whose database is lost.</summary>
/// <param name="Genesis">The main chain's constant.</param>
/// <param name="State">What it holds, as far as it was appended.</param>
/// <param name="Anchored">The region's checkpoint that it anchored last, or null.</param>
internal sealed record MainView(Genesis Genesis, ChainState State, LoggedNote? Anchored)
{
    /// <summary>Reads it from its database, which no server writes to; null where that is not at hand.</summary>
    /// <exception cref="ChainRefusedException">It contradicts itself.</exception>
    public static MainView? TryRead(DataFolder data, Genesis region, TrustFile trust)
    {
        var folder = data.Chain(TrustFile.MainChain);
        if (region.Chain == TrustFile.MainChain || !File.Exists(folder.GenesisPath) || Genesis.TryParse(File.ReadAllBytes(folder.GenesisPath), out var genesis) != GenesisProblem.None
            || ChainDatabase.Of(folder) is not { Exists: true } database)
        {
            return null;
        }

        try
        {
            using var reader = database.OpenReader();
            if (ChainStore.ReadHead(reader) is not { } head)
            {
                return null;
            }

            using var reads = new ChainReads(database.OpenReader);
            var state = ChainAppender.RebuildState(reads, head);
            var anchored = state.LatestAnchor(region.Origin) is { } anchor && reads.Entry(anchor.Index) is { } leaf && Admission.AdmitForm(leaf, out var facts).Ok
                ? MirrorSurvey.Logged("the checkpoint that the main chain has anchored", facts.AnchorRecord!.Note, region, region.AllLogKeys(trust))
                : null;
            return new MainView(genesis!, state, anchored);
        }
        catch (DatabaseFailureException)
        {
            // The main chain's own database is lost too: it has to be refilled first.
            return null;
        }
    }
}
