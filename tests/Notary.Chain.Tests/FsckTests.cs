using System.Text;
using Notary.Chain.Sqlite;
using Notary.Chain.Store;
using Notary.Chain.Tests.Postgres;
using Notary.Evidence;

namespace Notary.Chain.Tests;

/// <summary>One chain of 600 records is made once; every test edits a copy of its database.</summary>
public abstract class FsckTests(FsckTests.Sealed chain)
{
    public abstract class Sealed : IDisposable
    {
        protected Sealed(TestChain fresh)
        {
            Chain = fresh;
            foreach (var seed in new[] { 1, 2, 3 })
            {
                Chain.DepositMany(200, seed).Result.Dispose();
                Checkpoints.Add(Chain.Host.Reader.Checkpoint.ToArray());
            }

            Chain.Close();
        }

        public TestChain Chain { get; }

        public List<byte[]> Checkpoints { get; } = [];

        public abstract string IndexDeletion { get; }

        public abstract void Restore();

        public abstract Database Open();

        public void Dispose()
        {
            Chain.Dispose();
            GC.SuppressFinalize(this);
        }
    }

    [Fact]
    public void A_chain_that_nobody_touched_is_clean_and_every_item_belongs_to_its_leaf()
    {
        Restore();
        var report = Check(items: true);
        Assert.Empty(report.Findings);
        Assert.Equal(606, report.Size);
        Assert.Equal((600, 600), (report.Items, report.ItemsOpened));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(300)]
    [InlineData(511)]
    [InlineData(605)]
    public void A_changed_byte_of_an_entry_is_named_with_chain_index_and_table(long index)
    {
        Restore();
        Edit("segment", "entries", "first", SegmentOf(index), (blob) => blob[OffsetIn(blob, index - SegmentOf(index)) + 40] ^= 1);
        AssertNames(index, "segment");
    }

    [Theory]
    [InlineData(0, 0, 17)]
    [InlineData(0, 1, 255)]
    [InlineData(0, 2, 3)]
    [InlineData(1, 0, 1)]
    public void A_changed_byte_of_a_tile_is_named_with_chain_index_and_table(int level, long number, int hash)
    {
        Restore();
        Edit("tile", "hashes", $"level = {level} AND number", number, blob => blob[(hash * 32) + 5] ^= 9);
        var leaves = level == 0 ? 1 : 256;
        AssertNames(((number * 256) + hash) * leaves, "tile");
    }

    [Fact]
    public void Every_byte_of_the_head_row_counts()
    {
        foreach (var (column, length) in new[] { ("root", 32), ("edge", 5 * 32), ("note", 80) })
        {
            for (var at = 1; at < length; at += 13)
            {
                Restore();
                Edit("head", column, "one", 1, blob => blob[at] ^= 7);
                var report = Check();
                Assert.Contains(report.Findings, f => f.Table == "head" && f.IsError);
            }
        }

        Restore();
        Run("UPDATE head SET size = size - 1");
        Assert.False(Check().Clean);
    }

    [Fact]
    public void A_changed_byte_of_an_item_box_and_a_missing_one_are_named()
    {
        foreach (var at in new[] { 0, 1, 5, 6, 30, 60, 100, 150 })
        {
            Restore();
            Edit("item", "box", "number", 77, blob => blob[at] ^= 0x80);
            AssertNames(77, "item");
        }

        Restore();
        Run("DELETE FROM item WHERE number = 80");
        AssertNames(80, "item");
        Restore();
        Run("UPDATE item SET box = (SELECT box FROM item WHERE number = 81) WHERE number = 82");
        AssertNames(82, "item");
    }

    [Fact]
    public void A_missing_segment_a_missing_tile_and_rows_beyond_the_head_are_named()
    {
        Restore();
        Run("DELETE FROM segment WHERE first = 206");
        AssertNames(206, "segment");
        Restore();
        Run("DELETE FROM tile WHERE level = 0 AND number = 1");
        AssertNames(256, "tile");
        Restore();
        Run("INSERT INTO item (number, box) SELECT 606, box FROM item WHERE number = 80");
        AssertNames(606, "item");
    }

    [Fact]
    public void A_database_that_was_rolled_back_is_found_by_a_saved_checkpoint_and_an_older_checkpoint_agrees()
    {
        Restore();
        foreach (var checkpoint in chain.Checkpoints)
        {
            Assert.True(Check(checkpoint).Clean);
        }

        Restore();
        // The whole history of the last batch undone, consistently: only a checkpoint kept elsewhere can tell.
        using (var younger = new TestChain("intl"))
        {
            Assert.Equal("against-signature", Assert.Single(Fsck.Run(younger.Folder, new FsckOptions { Against = chain.Checkpoints[0] }).Findings).Code);
        }

        RollBack();
        Assert.True(Check().Clean);
        Assert.True(Check(chain.Checkpoints[1]).Clean);
        Assert.Equal("rolled-back", Assert.Single(Check(chain.Checkpoints[2]).Findings).Code);
    }

    // The second batch's state rebuilt from the entries, signed head and all: what an old backup of the file looks like.
    private void RollBack()
    {
        using var database = chain.Open();
        var hasher = new Ledger.TreeHasher(chain.Chain.Created.Genesis.Suite);
        var edge = Ledger.TileEdge.Empty(hasher);
        using (var segments = database.Prepare("SELECT entries FROM segment WHERE first < 406 ORDER BY first"))
        {
            while (segments.Step())
            {
                var bundle = segments.Blob(0);
                while (Ledger.EntryBundle.TryNext(ref bundle, out var entry))
                {
                    edge.Append([hasher.Leaf(entry)]);
                }
            }
        }

        database.Execute(chain.IndexDeletion);
        database.Execute("DELETE FROM segment WHERE first >= 406; DELETE FROM item WHERE number >= 406; DELETE FROM tile WHERE level = 0 AND number = 2");
        using (var tile = database.Prepare("UPDATE tile SET hashes = ? WHERE level = ? AND number = ?"))
        {
            foreach (var partial in edge.Partial())
            {
                tile.Bind(1, partial.Bytes.Span).Bind(2, partial.Id.Level).Bind(3, partial.Id.Index).Run();
            }
        }

        using var head = database.Prepare("UPDATE head SET size = 406, note_size = 406, root = ?, edge = ?, note = ?");
        head.Bind(1, edge.Edge.Root().AsSpan()).Bind(2, edge.Edge.ToBytes()).Bind(3, chain.Checkpoints[1]).Run();
    }

    // Only where items are looked at: opening the wrapping key is slow on purpose.
    protected FsckReport Check(byte[]? against = null, bool items = false) => Fsck.Run(
        chain.Chain.Folder, new FsckOptions { Password = items ? TestChain.Password : null, Against = against is null ? (ReadOnlyMemory<byte>?)null : against });

    private void AssertNames(long index, string table)
    {
        var report = Check(items: table == "item");
        Assert.Contains(report.Findings, f => f.Chain == "beijing" && f.Index == index && f.Table == table && f.IsError);
    }

    private void Restore() => chain.Restore();

    private void Run(string sql)
    {
        using var database = chain.Open();
        database.Execute(sql);
    }

    private void Edit(string table, string column, string key, long row, Action<byte[]> change)
    {
        using var database = chain.Open();
        byte[] blob;
        using (var read = database.Prepare($"SELECT {column} FROM {table} WHERE {key} = {row}"))
        {
            Assert.True(read.Step());
            blob = read.Blob(0).ToArray();
        }

        change(blob);
        using (var write = database.Prepare($"UPDATE {table} SET {column} = ? WHERE {key} = {row}"))
        {
            write.Bind(1, blob).Run();
        }

    }

    private static long SegmentOf(long index) => index == 0 ? 0 : index < 6 ? 1 : 6 + ((index - 6) / 200 * 200);

    private static int OffsetIn(byte[] blob, long entry)
    {
        var at = 0;
        for (; entry > 0; entry--)
        {
            at += 2 + (blob[at] << 8) + blob[at + 1];
        }

        return at + 2;
    }
}

public sealed class SqliteFsckTests(SqliteFsckTests.File chain) : FsckTests(chain), IClassFixture<SqliteFsckTests.File>
{
    private readonly File _chain = chain;

    public sealed class File : Sealed
    {
        public File()
            : base(new TestChain())
        {
            Bytes = System.IO.File.ReadAllBytes(Chain.Folder.DatabasePath);
        }

        public byte[] Bytes { get; }

        public override string IndexDeletion => "DELETE FROM feed WHERE first >= 406";

        public override void Restore() => Restore(Bytes);

        public void Restore(byte[] bytes)
        {
            foreach (var suffix in new[] { "-wal", "-shm" })
            {
                System.IO.File.Delete(Chain.Folder.DatabasePath + suffix);
            }

            System.IO.File.WriteAllBytes(Chain.Folder.DatabasePath, bytes);
        }

        public override Database Open() => SqliteDatabase.OpenWriter(Chain.Folder.DatabasePath, create: false);
    }

    [Fact]
    public void A_damaged_file_is_reported_and_not_thrown()
    {
        var bytes = (byte[])_chain.Bytes.Clone();
        for (var at = 100; at < 4_000; at += 7)
        {
            bytes[at] ^= 0x55;
        }

        _chain.Restore(bytes);
        Assert.False(Check().Clean);
        _chain.Restore(bytes[..20_000]);
        Assert.False(Check().Clean);
    }
}

public sealed class PostgresFsckTests(PostgresFsckTests.Template chain) : FsckTests(chain), IClassFixture<PostgresFsckTests.Template>
{
    public sealed class Template : Sealed
    {
        private readonly string _name;

        public Template()
            : base(new TestChain(postgres: PostgresCluster.Shared))
        {
            _name = Chain.DatabaseName!;
            PostgresCluster.Shared.Execute($"ALTER DATABASE {_name} RENAME TO {_name}_first");
        }

        public override string IndexDeletion => "DELETE FROM lookup WHERE leaf >= 406";

        public override void Restore()
        {
            PostgresCluster.Shared.Execute($"DROP DATABASE IF EXISTS {_name} WITH (FORCE)");
            PostgresCluster.Shared.Execute($"CREATE DATABASE {_name} TEMPLATE {_name}_first");
        }

        public override Database Open() => ChainDatabase.Of(Chain.Folder).OpenReader();
    }
}
