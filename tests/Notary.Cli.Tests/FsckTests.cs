using Notary.Client;

namespace Notary.Cli.Tests;

public class FsckTests
{
    [Fact]
    public async Task A_lost_index_is_made_anew_and_every_digest_and_id_is_found_again()
    {
        using var work = new Workspace();
        string[] files = [.. Enumerable.Range(0, 5).Select(i => work.Write($"f{i}.txt", $"content {i}"))];
        SealedRecord[] records;
        using (var chain = new OwnChain(work.Root))
        {
            records = [.. files.Select(f => chain.Seal(f)), chain.Seal(files)];
        }

        string index = work.PathOf(Path.Combine("data", "chains", "beijing", "index"));
        Directory.Delete(index, recursive: true);
        CliResult result = (await CliProcess.RunAsync(work.Root, "fsck", "--rebuild-index")).AssertExit(0);
        Assert.Contains("look-up index made anew for 12 records", result.Output, StringComparison.Ordinal);
        Assert.NotEmpty(Directory.EnumerateFiles(index, "*.run"));
        using (var chain = new OwnChain(work.Root))
        {
            for (int i = 0; i < files.Length; i++)
            {
                FileDigest digest = FileDigest.Compute(files[i]);
                Assert.Equal([records[i].Index, records[^1].Index], chain.Host.Reader.FindDigest(digest.Sm3, 10));
                Assert.Equal([records[i].Index, records[^1].Index], chain.Host.Reader.FindDigest(digest.Sha256, 10));
                Assert.Equal(records[i].Index, chain.Host.Reader.FindId(records[i].Id));
            }

            // The index goes on behind the rebuilt runs.
            string next = work.Write("next.txt", "one more");
            SealedRecord more = chain.Seal(next);
            Assert.True(await chain.Host.Index.WaitAsync(chain.Host.Reader.Size, TimeSpan.FromSeconds(20), CancellationToken.None));
            Assert.Equal([more.Index], chain.Host.Reader.FindDigest(FileDigest.Compute(next).Sm3, 10));
        }
    }

    [Fact]
    public async Task A_chain_is_created_once_and_a_checkpoint_of_another_one_is_not_its_history()
    {
        using var work = new Workspace();
        string template = Path.Combine(Workspace.RepositoryRoot, "sidechains", "beijing");
        (await CliProcess.RunAsync(work.Root, "chain", "create", "beijing", "--template", template)).AssertExit(0);
        (await CliProcess.RunAsync(work.Root, "chain", "create", "beijing", "--template", template)).AssertRefused(73, "chain-exists");
        (await CliProcess.RunAsync(work.Root, "fsck")).AssertExit(0);
        using var other = new Workspace();
        using var chain = new OwnChain(other.Root);
        string saved = work.PathOf("saved.note");
        File.WriteAllBytes(saved, chain.Host.Reader.Checkpoint.ToArray());
        CliResult result = (await CliProcess.RunAsync(work.Root, "fsck", "--against", saved)).AssertExit(1);
        Assert.Contains("NOT CLEAN", result.Output, StringComparison.Ordinal);
    }
}
