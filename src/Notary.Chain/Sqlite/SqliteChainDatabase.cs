using Notary.Chain.Folders;
using Notary.Chain.Index;
using Notary.Chain.Network;
using Notary.Chain.Store;

namespace Notary.Chain.Sqlite;

/// <summary>A chain in a file of its folder, with the runs of the digest index beside it.</summary>
internal sealed class SqliteChainDatabase(ChainFolder folder) : ChainDatabase
{
    private readonly ChainFolder _folder = folder;

    public override string Name => _folder.DatabasePath;

    public override bool IsShared => false;

    public override bool Exists => File.Exists(_folder.DatabasePath);

    internal override (string Table, string BeyondQuery) IndexTable => ("feed", "SELECT first FROM feed WHERE first >= ? LIMIT 1");

    public override ChainStore OpenStore() => SqliteChainStore.Open(_folder.DatabasePath);

    internal override ChainStore CreateStore() => SqliteChainStore.Create(_folder.DatabasePath);

    public override Database OpenReader() => SqliteDatabase.OpenReader(_folder.DatabasePath);

    internal override IDigestIndex OpenIndex() => DigestIndex.Open(_folder.IndexPath, _folder.DatabasePath);

    internal override FinalityStore OpenFinality() => FinalityStore.Open(_folder.FinalityPath);

    internal override IEnumerable<IReadOnlyList<long>> RepeatedKeys(Database snapshot, out long indexed)
    {
        var index = DigestIndex.OpenReadOnly(_folder.IndexPath);
        indexed = index.DurableTo;
        return Repeated(index, snapshot);
    }

    private static IEnumerable<IReadOnlyList<long>> Repeated(DigestIndex index, Database snapshot)
    {
        using (index)
        {
            var beyondRuns = new List<IndexEntry>();
            using (var feed = snapshot.Prepare("SELECT keys FROM feed WHERE first >= ? ORDER BY first"))
            {
                feed.Bind(1, index.DurableTo);
                while (feed.Step())
                {
                    var keys = feed.Blob(0);
                    for (; keys.Length >= IndexEntry.Size; keys = keys[IndexEntry.Size..])
                    {
                        beyondRuns.Add(IndexEntry.Read(keys));
                    }
                }
            }

            beyondRuns.Sort(IndexEntry.Order);
            foreach (var (_, _, leaves) in index.Repeated(beyondRuns))
            {
                yield return leaves;
            }
        }
    }
}
