using System.Text;
using Notary.Chain.Folders;
using Notary.Chain.Store;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests;

/// <summary>Whoever has the database of a chain that nobody has open, and writes a leaf into it past admission.</summary>
internal static class ForgedLeaf
{
    /// <summary>Appends it with everything that the store keeps of a leaf; the server signs it at its next start.</summary>
    /// <returns>Its index.</returns>
    public static long Append(ChainFolder folder, string entry)
    {
        Assert.Equal(GenesisProblem.None, Genesis.TryParse(File.ReadAllBytes(folder.GenesisPath), out Genesis? genesis));
        var hasher = new TreeHasher(genesis!.Suite);
        using ChainStore store = ChainDatabase.Of(folder).OpenStore();
        store.Begin();
        HeadRow head = store.ReadHead()!;
        Assert.True(TreeEdge.TryParse(hasher, head.Size, head.Edge, out TreeEdge? tree));
        Assert.True(TileEdge.TryCreate(tree!, [.. TileEdge.PartialTiles(head.Size).Select(id => new Tile(id, store.ReadTile(id.Level, id.Index)!))], out TileEdge? edge).Ok);
        byte[] bytes = Encoding.UTF8.GetBytes(entry);
        store.WriteSegment(head.Size, 1, EntryBundle.Of([bytes]));
        foreach (Tile tile in edge!.Append([hasher.Leaf(bytes)]))
        {
            store.WriteTile(tile.Id.Level, tile.Id.Index, tile.Bytes.Span);
        }

        store.WriteHead(head with { Size = edge.Edge.Size, Root = edge.Edge.Root(), Edge = edge.Edge.ToBytes() });
        store.Commit();
        return head.Size;
    }
}
