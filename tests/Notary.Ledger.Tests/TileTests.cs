using Notary.Crypto;

namespace Notary.Ledger.Tests;

public sealed class TileTests
{
    private const int Large = 70_000;
    private static readonly TreeHasher Hasher = new(Suite.Intl);

    // A tree of 70,000 leaves as tiles, built by uneven batches; the example of tlog-tiles.
    private static readonly Lazy<(Dictionary<TileId, byte[]> Store, TreeEdge Edge, Hash32[] Leaves)> LargeLog = new(() =>
    {
        var random = new Random(256);
        Hash32[] leaves = [.. Enumerable.Range(0, Large).Select(i => Hasher.Leaf(BitConverter.GetBytes(i)))];
        var state = TileEdge.Empty(Hasher);
        var store = new Dictionary<TileId, byte[]>();
        for (var at = 0; at < Large;)
        {
            var count = Math.Min(random.Next(1, random.Next(2, 3000)), Large - at);
            foreach (var tile in state.Append(leaves.AsSpan(at, count)))
            {
                store[tile.Id] = tile.Bytes.ToArray();
            }

            at += count;
        }

        return (store, state.Edge, leaves);
    });

    [Fact]
    public void Tiles_of_70000_leaves_are_those_of_the_specification()
    {
        var (store, edge, leaves) = LargeLog.Value;
        Assert.Equal(273, store.Keys.Count(id => id is { Level: 0, Width: 256 }));
        Assert.Equal(1, store.Keys.Count(id => id is { Level: 1, Width: 256 }));
        Assert.Equal([new TileId(0, 273, 112), new TileId(1, 1, 17), new TileId(2, 0, 1)], TileEdge.PartialTiles(Large));
        foreach (var id in TileEdge.PartialTiles(Large))
        {
            Assert.True(store.ContainsKey(id));
        }

        foreach (var (id, bytes) in store)
        {
            Assert.Equal(id.Length, bytes.Length);
            for (var i = 0; i < id.Width; i++)
            {
                // The n-th tile at level l is MTH(D[(n·256 + i)·256^l : (n·256 + i + 1)·256^l]).
                var width = 1 << (8 * id.Level);
                var at = (int)((id.Index * 256) + i) * width;
                Assert.Equal(Hasher.Root(leaves.AsSpan(at, width)), Hash32.FromSpan(bytes.AsSpan(32 * i, 32)));
            }
        }

        Assert.Equal(Hasher.Root(leaves), edge.Root());
    }

    [Fact]
    public void A_tree_of_256_is_a_full_tile_and_a_partial_one_of_width_1()
    {
        var state = TileEdge.Empty(Hasher);
        var tiles = state.Append([.. Enumerable.Range(0, 256).Select(i => Hasher.Leaf([(byte)i]))]);
        Assert.Equal([new TileId(0, 0, 256), new TileId(1, 0, 1)], tiles.Select(tile => tile.Id));
        Assert.Equal(state.Edge.Root().ToArray(), tiles[1].Bytes.ToArray());
    }

    [Fact]
    public void Append_yields_exactly_the_tiles_that_changed()
    {
        var tree = NaiveTree.OfNumbers(Suite.Intl, 1200);
        var random = new Random(8);
        for (var round = 0; round < 60; round++)
        {
            var before = random.Next(0, 600);
            var count = random.Next(1, 600);
            var state = TileEdge.Empty(Hasher);
            state.Append([.. tree.Leaves.Take(before)]);
            var changed = state.Append([.. tree.Leaves.Skip(before).Take(count)]);
            List<TileId> expected = [];
            for (var level = 0; level < 3; level++)
            {
                for (long index = 0; Tiles.WidthAt(level, index, before + count) > 0; index++)
                {
                    var width = Tiles.WidthAt(level, index, before + count);
                    if (width != Tiles.WidthAt(level, index, before))
                    {
                        expected.Add(new TileId(level, index, width));
                    }
                }
            }

            Assert.Equal(expected, changed.Select(tile => tile.Id));
        }
    }

    [Fact]
    public void Proofs_come_from_tiles_at_every_size_also_when_the_tiles_have_grown_since()
    {
        var (store, _, leaves) = LargeLog.Value;
        var random = new Random(1);
        int[] sizes = [0, 1, 2, 255, 256, 257, 511, 65_535, 65_536, 65_537, Large, .. Enumerable.Range(0, 8).Select(_ => random.Next(Large))];
        var roots = sizes.Distinct().ToDictionary(size => size, size => Hasher.Root(leaves.AsSpan(0, size)));
        foreach (var (size, old) in from size in sizes from old in sizes where size > 0 && old <= size select (size, old))
        {
            var index = random.Next(size);
            var root = roots[size];
            var plan = InclusionProof.Plan(index, size);
            var nodes = Fetch(store, plan, size, out var tiles);
            Assert.True(tiles <= 6, $"{tiles} tiles for one proof");
            Assert.True(InclusionProof.Check(Hasher, index, size, leaves[index], InclusionProof.Compute(Hasher, plan, nodes), root).Ok);

            var steps = ConsistencyProof.Plan(old, size);
            var proof = ConsistencyProof.Compute(Hasher, steps, Fetch(store, steps, size, out _));
            Assert.True(ConsistencyProof.Check(Hasher, old, size, roots[old], root, proof).Ok);

            var count = 1 + random.Next(Math.Min(2000, size - index));
            var range = RangeProof.Plan(index, count, size);
            var hashes = RangeProof.Compute(Hasher, range, Fetch(store, range, size, out _));
            Assert.True(RangeProof.Check(Hasher, index, size, leaves.AsSpan(index, count), hashes, root).Ok);
        }
    }

    [Fact]
    public void Reader_names_the_tile_that_is_too_short()
    {
        var plan = TilePlan.For(InclusionProof.Plan(0, 300), 300);
        var bytes = plan.Tiles.Select(tile => (ReadOnlyMemory<byte>)new byte[tile.Length]).ToArray();
        Assert.True(plan.TryCompute(Hasher, bytes, out _, out _));
        bytes[^1] = bytes[^1].Slice(1);
        Assert.False(plan.TryCompute(Hasher, bytes, out var hashes, out var tooShort));
        Assert.Equal(plan.Tiles[^1], tooShort);
        Assert.Empty(hashes);
        Assert.Throws<ArgumentException>(() => plan.TryCompute(Hasher, bytes[..^1], out _, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => TilePlan.For([new NodeId(0, 300)], 300));
        Assert.Throws<ArgumentOutOfRangeException>(() => TilePlan.For([new NodeId(9, 0)], 300));
    }

    [Fact]
    public void Node_in_its_tile_has_the_hash_of_the_definition()
    {
        var (store, _, leaves) = LargeLog.Value;
        for (var level = 0; level <= 16; level++)
        {
            for (long index = 0; (index + 1) << level <= Large; index += 1 + (97 >> level))
            {
                var node = new NodeId(level, index);
                var tile = Tiles.TileOf(node, Large);
                Assert.True(Tiles.TryComputeNode(Hasher, store[tile], node, out var hash));
                Assert.Equal(Hasher.Root(leaves.AsSpan((int)node.FirstLeaf, 1 << level)), hash);
            }
        }
    }

    [Fact]
    public void Stored_state_is_taken_up_again_only_when_tiles_and_edge_agree()
    {
        var tree = NaiveTree.OfNumbers(Suite.Intl, 1000);
        for (var size = 0; size < 600; size += 37)
        {
            var state = TileEdge.Empty(Hasher);
            state.Append([.. tree.Leaves.Take(size)]);
            var partial = state.Partial();
            Assert.Equal(TileEdge.PartialTiles(size), partial.Select(tile => tile.Id));
            Assert.True(TileEdge.TryCreate(state.Edge.Clone(), partial, out var again).Ok);
            Hash32[] more = [.. tree.Leaves.Skip(size).Take(300)];
            var expected = state.Clone().Append(more);
            var actual = again!.Append(more);
            Assert.Equal(expected.Select(tile => tile.Id), actual.Select(tile => tile.Id));
            Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First.Bytes.ToArray(), pair.Second.Bytes.ToArray()));
            for (var i = 0; i < partial.Count; i++)
            {
                var others = partial.Where((_, at) => at != i);
                var bytes = partial[i].Bytes.ToArray();
                Refused(TileEdgeFailure.TileMissing, others);
                Refused(TileEdgeFailure.TileUnexpected, [.. partial, partial[i]]);
                Refused(TileEdgeFailure.TileLength, [.. others, partial[i] with { Bytes = bytes.AsMemory(1) }]);
                Refused(TileEdgeFailure.TileUnexpected, [.. others, new Tile(partial[i].Id with { Width = partial[i].Id.Width + 1 }, bytes)]);
                for (var at = 0; at < bytes.Length; at += 31)
                {
                    bytes[at] ^= 1;
                    Refused(TileEdgeFailure.TileMismatch, [.. others, partial[i] with { Bytes = bytes.ToArray() }]);
                    bytes[at] ^= 1;
                }
            }

            void Refused(TileEdgeFailure failure, IEnumerable<Tile> tiles)
            {
                var check = TileEdge.TryCreate(state.Edge.Clone(), tiles, out var refused);
                Assert.Equal(failure, check.Failure);
                Assert.Null(refused);
                Assert.Equal(failure == TileEdgeFailure.TileMismatch, !check.Computed.Equals(check.Expected));
            }
        }
    }

    [Theory]
    [InlineData("tile/0/000", 0, 0, 256)]
    [InlineData("tile/0/x001/x234/067", 0, 1234067, 256)]
    [InlineData("tile/1/x001/x234/067.p/17", 1, 1234067, 17)]
    [InlineData("tile/63/999.p/255", 63, 999, 255)]
    [InlineData("tile/0/x001/000.p/1", 0, 1000, 1)]
    [InlineData("tile/0/x009/x223/x372/x036/x854/x775/807", 0, long.MaxValue, 256)]
    public void Path_is_written_and_read_as_tlog_tiles_has_it(string path, int level, long index, int width)
    {
        Assert.Equal(path, Tiles.Path(new TileId(level, index, width)));
        Assert.True(Tiles.TryParsePath(path, out var tile));
        Assert.Equal(new TileId(level, index, width), tile);
        var entries = "tile/entries/" + path[(path.IndexOf('/', 5) + 1)..];
        Assert.Equal(entries, Tiles.EntriesPath(index, width));
        Assert.True(Tiles.TryParseEntriesPath(entries, out var i, out var w));
        Assert.Equal((index, width), (i, w));
    }

    [Theory]
    [InlineData("")]
    [InlineData("tile/")]
    [InlineData("tile/0")]
    [InlineData("tile/0/")]
    [InlineData("/tile/0/000")]
    [InlineData("tile/00/000")]
    [InlineData("tile/64/000")]
    [InlineData("tile/-1/000")]
    [InlineData("tile/0/0")]
    [InlineData("tile/0/00")]
    [InlineData("tile/0/0000")]
    [InlineData("tile/0/x000/001")]
    [InlineData("tile/0/001/002")]
    [InlineData("tile/0/x001")]
    [InlineData("tile/0/x001/")]
    [InlineData("tile/0/x001/x002")]
    [InlineData("tile/0/X001/002")]
    [InlineData("tile/0/000.p/0")]
    [InlineData("tile/0/000.p/256")]
    [InlineData("tile/0/000.p/01")]
    [InlineData("tile/0/000.p/")]
    [InlineData("tile/0/000.p/1/")]
    [InlineData("tile/0/000.p/1.p/1")]
    [InlineData("tile/0/000/")]
    [InlineData("tile/0/٠٠٠")]
    [InlineData("tile/0/x009/x223/x372/x036/x854/x775/808")]
    [InlineData("tile/0/x999/x999/x999/x999/x999/x999/x999/999")]
    public void Path_that_no_tile_has_is_refused(string path)
    {
        Assert.False(Tiles.TryParsePath(path, out _));
    }

    [Fact]
    public void Paths_that_parse_format_to_themselves()
    {
        var random = new Random(67);
        const string alphabet = "tile/0123x./p9";
        for (var round = 0; round < 200_000; round++)
        {
            var text = "tile/" + (random.Next(3) == 0 ? "0/" : "") + new string([.. Enumerable.Range(0, random.Next(14)).Select(_ => alphabet[random.Next(alphabet.Length)])]);
            if (Tiles.TryParsePath(text, out var tile))
            {
                Assert.Equal(text, Tiles.Path(tile));
            }
        }
    }

    private static Hash32[] Fetch(Dictionary<TileId, byte[]> store, ProofPlan plan, long size, out int tiles)
    {
        var tilePlan = TilePlan.For(plan, size);
        tiles = tilePlan.Tiles.Count;
        ReadOnlyMemory<byte>[] bytes = [.. tilePlan.Tiles.Select(id => new ReadOnlyMemory<byte>(
            store[id with { Width = Tiles.WidthAt(id.Level, id.Index, Large) }]))];
        Assert.True(tilePlan.TryCompute(Hasher, bytes, out var hashes, out _));
        return hashes;
    }
}
