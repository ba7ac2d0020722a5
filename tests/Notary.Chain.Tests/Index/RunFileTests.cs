using Notary.Chain.Index;

namespace Notary.Chain.Tests.Index;

public class RunFileTests
{
    [Fact]
    public void A_run_finds_every_key_that_was_written_and_no_other()
    {
        using var folder = new TemporaryFolder();
        var random = new Random(20261123);
        var entries = Enumerable.Range(0, 5_000).Select(i => new IndexEntry((ulong)random.NextInt64(), (ulong)random.NextInt64(), i)).ToList();
        // One key many times, across pages: a digest that was deposited again and again.
        entries.AddRange(Enumerable.Range(5_000, 400).Select(i => new IndexEntry(7, 7, i)));
        using var run = RunFile.Write(folder.Path, 0, 5_400, entries.Order(IndexEntry.Order));

        foreach (var group in entries.GroupBy(e => (e.High, e.Low)))
        {
            var found = new List<long>();
            run.Find(group.Key.High, group.Key.Low, found);
            Assert.Equal(group.Select(e => e.Leaf).Order(), found);
        }

        var none = new List<long>();
        run.Find(7, 8, none);
        run.Find(0, 0, none);
        run.Find(ulong.MaxValue, ulong.MaxValue, none);
        Assert.Empty(none);
    }

    [Fact]
    public void A_merge_holds_the_entries_of_all_its_runs_in_order()
    {
        using var folder = new TemporaryFolder();
        var random = new Random(1);
        var all = new List<IndexEntry>();
        var runs = new List<RunFile>();
        for (var r = 0; r < 5; r++)
        {
            var part = Enumerable.Range(r * 300, r == 2 ? 0 : 300).Select(i => new IndexEntry((ulong)random.Next(50), (ulong)random.Next(3), i)).ToList();
            all.AddRange(part);
            runs.Add(RunFile.Write(folder.Path, r * 300, (r + 1) * 300, part.Order(IndexEntry.Order)));
        }

        using var merged = RunFile.Merge(folder.Path, runs);
        Assert.Equal(0, merged.From);
        Assert.Equal(1_500, merged.To);
        Assert.Equal(all.Order(IndexEntry.Order), merged.Scan());
        runs.ForEach(r => r.Dispose());
    }

    [Fact]
    public void A_file_that_is_cut_or_changed_in_its_footer_is_no_run()
    {
        using var folder = new TemporaryFolder();
        string path;
        using (var run = RunFile.Write(folder.Path, 0, 10, Enumerable.Range(0, 200).Select(i => new IndexEntry((ulong)i, 0, i))))
        {
            path = run.Path;
        }

        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length; length += 97)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Null(RunFile.TryOpen(path));
        }

        for (var at = whole.Length - RunFile.FooterBytes; at < whole.Length; at++)
        {
            // Which leaves a run covers cannot be told from its length; all else in the footer can.
            if (at >= whole.Length - 32 && at < whole.Length - 16)
            {
                continue;
            }

            var changed = (byte[])whole.Clone();
            changed[at] ^= 0x40;
            File.WriteAllBytes(path, changed);
            Assert.Null(RunFile.TryOpen(path));
        }
    }
}
