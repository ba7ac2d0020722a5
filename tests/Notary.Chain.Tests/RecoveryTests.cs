using Notary.Chain.Folders;
using Notary.Chain.Sqlite;

namespace Notary.Chain.Tests;

public class RecoveryTests
{
    [Fact]
    public async Task A_head_that_a_crash_left_unsigned_is_signed_at_the_next_start_and_the_chain_goes_on()
    {
        using var chain = new TestChain();
        byte[] note;
        using (await chain.DepositMany(5, 1))
        {
            note = chain.Host.Reader.Checkpoint.ToArray();
        }

        using (await chain.DepositMany(300, 2))
        {
        }

        chain.Close();
        // What a kill between COMMIT and the next batch leaves: the stored note signs an earlier size.
        using (var database = SqliteDatabase.OpenWriter(chain.Folder.DatabasePath, create: false))
        using (var head = database.Prepare("UPDATE head SET note = ?, note_size = 11"))
        {
            head.Bind(1, note).Run();
        }

        Assert.Equal(311, chain.Host.Reader.Size);
        Assert.Contains("\n311\n", System.Text.Encoding.UTF8.GetString(chain.Host.Reader.Checkpoint.Span), StringComparison.Ordinal);
        using (var more = await chain.DepositMany(3, 3))
        {
            Assert.Equal(311, more.First);
        }

        chain.Close();
        Assert.Empty(Fsck.Run(chain.Folder, new FsckOptions { Password = TestChain.Password, Against = note }).Findings);
    }

    [Theory]
    [InlineData("UPDATE head SET root = zeroblob(32)")]
    [InlineData("UPDATE head SET edge = substr(edge, 1, length(edge) - 32)")]
    [InlineData("UPDATE head SET size = size + 1")]
    [InlineData("UPDATE head SET note = CAST(replace(CAST(note AS TEXT), 'beijing', 'qingdao') AS BLOB)")]
    [InlineData("UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 0")]
    [InlineData("DELETE FROM tile WHERE level = 0")]
    [InlineData("DELETE FROM head")]
    [InlineData("UPDATE segment SET entries = zeroblob(length(entries)) WHERE first = 1")]
    public async Task A_chain_whose_stored_parts_contradict_each_other_is_not_opened(string edit)
    {
        using var chain = new TestChain();
        using (await chain.DepositMany(20, 1))
        {
        }

        chain.Close();
        using (var database = SqliteDatabase.OpenWriter(chain.Folder.DatabasePath, create: false))
        {
            database.Execute(edit);
        }

        var refused = Assert.Throws<ChainRefusedException>(() => chain.Host);
        Assert.Equal(ChainRefusal.Inconsistent, refused.Refusal);
        Assert.Contains("notary fsck", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_digest_index_with_a_gap_is_refused_and_not_answered_from()
    {
        using var chain = new TestChain();
        using (await chain.DepositMany(20, 1))
        {
        }

        chain.Close();
        // What a lost first run leaves: the feed rows that it held are gone, and later runs are whole.
        using (var database = SqliteDatabase.OpenWriter(chain.Folder.DatabasePath, create: false))
        {
            database.Execute("DELETE FROM feed WHERE first < 6");
        }

        Assert.Contains("--rebuild-index", Assert.Throws<ChainRefusedException>(() => chain.Host).Message, StringComparison.Ordinal);
        using (Chain.Index.RunFile.Write(chain.Folder.IndexPath, 6, 26, []))
        {
        }

        Assert.Contains("--rebuild-index", Assert.Throws<ChainRefusedException>(() => chain.Host).Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(chain.Folder.IndexPath, Chain.Index.RunFile.Name(6, 26))));
    }

    [Fact]
    public async Task A_content_deposited_many_times_costs_the_index_no_more_than_any_other()
    {
        using var chain = new TestChain();
        var line = TestChain.Line(new Random(1));
        for (var i = 0; i < 4; i++)
        {
            using var result = await chain.Deposit(string.Join('\n', Enumerable.Repeat(line, 10_000)));
            Assert.Equal(10_000, result.Count);
        }

        Assert.True(await chain.Host.Index.WaitAsync(chain.Host.Reader.Size, TimeSpan.FromSeconds(60), CancellationToken.None));
        using var json = System.Text.Json.JsonDocument.Parse(line);
        Assert.True(Crypto.Hash32.TryParseHex(json.RootElement.GetProperty("parts")[0].GetProperty("sm3").GetString(), out var digest));
        Assert.Equal([6, 7, 8], chain.Host.Reader.FindDigest(digest, 3));
    }

    [Fact]
    public async Task A_head_that_somebody_else_moved_stops_the_chain_and_nothing_more_is_sealed()
    {
        using var chain = new TestChain();
        using (await chain.DepositMany(2, 1))
        {
        }

        using (var database = SqliteDatabase.OpenWriter(chain.Folder.DatabasePath, create: false))
        {
            database.Execute("UPDATE head SET note_size = note_size + 1");
        }

        using var refused = await chain.DepositMany(2, 2);
        Assert.Equal(DepositOutcome.ChainStopped, refused.Outcome);
        Assert.Equal(StopReason.HeadChanged, chain.Host.Stopped!.Reason);
        using var after = await chain.DepositMany(2, 3);
        Assert.Equal(DepositOutcome.ChainStopped, after.Outcome);
        Assert.Equal(8, chain.Host.Reader.Size);
    }

    [Fact]
    public async Task A_clock_that_jumps_or_falls_behind_stops_the_chain_and_a_small_step_back_does_not()
    {
        var time = new SteppedTime();
        using var chain = new TestChain(time: time);
        using (var first = await chain.DepositMany(1, 1))
        {
            Assert.Equal(DepositOutcome.Sealed, first.Outcome);
        }

        var before = chain.Host.Reader.Head.SealedMs;
        time.Wall -= TimeSpan.FromSeconds(4);
        using (var second = await chain.DepositMany(1, 2))
        {
            Assert.Equal(DepositOutcome.Sealed, second.Outcome);
            Assert.Equal(before, chain.Host.Reader.Head.SealedMs);
        }

        time.Wall -= TimeSpan.FromSeconds(2);
        using var third = await chain.DepositMany(1, 3);
        Assert.Equal(DepositOutcome.ChainStopped, third.Outcome);
        Assert.Equal(StopReason.Clock, chain.Host.Stopped!.Reason);

        // A restart takes new references; a clock more than 60 s behind the last sealed time still stops it.
        chain.Close();
        time.Wall -= TimeSpan.FromSeconds(70);
        using var fourth = await chain.DepositMany(1, 4);
        Assert.Equal(DepositOutcome.ChainStopped, fourth.Outcome);
        Assert.Equal(StopReason.Clock, chain.Host.Stopped!.Reason);
    }

    [Fact]
    public void A_folder_is_taken_once_and_one_of_another_version_or_kind_is_refused()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "data");
        Assert.Equal(ChainRefusal.NotCreated, Assert.Throws<ChainRefusedException>(() => DataFolder.Take(path, create: false)).Refusal);
        using (DataFolder.Take(path, create: true))
        {
            Assert.Equal(ChainRefusal.Locked, Assert.Throws<ChainRefusedException>(() => DataFolder.Take(path, create: true)).Refusal);
        }

        using (DataFolder.Take(path, create: false))
        {
        }

        File.WriteAllText(Path.Combine(path, "VERSION"), "notary-data 999\n");
        Assert.Equal(ChainRefusal.OtherVersion, Assert.Throws<ChainRefusedException>(() => DataFolder.Take(path, create: false)).Refusal);
        File.Delete(Path.Combine(path, "VERSION"));
        File.WriteAllText(Path.Combine(path, "thesis.txt"), "mine");
        Assert.Equal(ChainRefusal.OtherVersion, Assert.Throws<ChainRefusedException>(() => DataFolder.Take(path, create: true)).Refusal);
    }

    [Fact]
    public void A_chain_is_created_once_and_a_wrong_password_or_foreign_key_opens_nothing()
    {
        using var chain = new TestChain();
        using (var data = DataFolder.Take(chain.DataPath, create: false))
        {
            var template = ChainTemplate.Load(Path.Combine(TestChain.RepositoryRoot, "sidechains", "beijing"));
            Assert.Equal(ChainRefusal.Exists, Assert.Throws<ChainRefusedException>(() => ChainCreation.Create(data, template, "notary.test", TestChain.Password, TimeProvider.System)).Refusal);
        }

        Assert.Equal(ChainRefusal.Key, Assert.Throws<ChainRefusedException>(() => ChainHost.Open(chain.Folder, "wrong", TimeProvider.System)).Refusal);
        var governance = Path.Combine(chain.DataPath, "keys", "governance.pem");
        File.Copy(governance, chain.Folder.LogKeyPath, overwrite: true);
        Assert.Equal(ChainRefusal.Key, Assert.Throws<ChainRefusedException>(() => chain.Host).Refusal);
    }

    [Theory]
    [InlineData("\"code\": \"BJ\"", "\"code\": \"bj\"")]
    [InlineData("\"name\": \"beijing\"", "\"name\": \"peking\"")]
    [InlineData("\"suite\": \"sm\"", "\"suite\": \"md5\"")]
    [InlineData("\"max_lines\": 10000", "\"max_lines\": 10001")]
    [InlineData("\"v\": 1", "\"v\": 2")]
    [InlineData("\"v\": 1,", "\"v\": 1, \"colour\": 1,")]
    [InlineData("\"v\": 1,", "")]
    public void A_wrong_template_is_refused_with_the_member_that_is_wrong(string from, string to)
    {
        using var folder = new TemporaryFolder();
        var template = Path.Combine(folder.Path, "beijing");
        Directory.CreateDirectory(template);
        var source = Path.Combine(TestChain.RepositoryRoot, "sidechains", "beijing");
        var text = File.ReadAllText(Path.Combine(source, "chain.json"));
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(template, "chain.json"), text.Replace(from, to, StringComparison.Ordinal));
        File.Copy(Path.Combine(source, "nodes.txt"), Path.Combine(template, "nodes.txt"));
        Assert.Equal(ChainRefusal.Template, Assert.Throws<ChainRefusedException>(() => ChainTemplate.Load(template)).Refusal);
    }

    private sealed class SteppedTime : TimeProvider
    {
        public DateTimeOffset Wall { get; set; } = DateTimeOffset.UtcNow.AddHours(1);

        public override DateTimeOffset GetUtcNow() => Wall;

        public override long GetTimestamp() => 0;
    }
}
