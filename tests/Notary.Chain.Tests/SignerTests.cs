using System.Net.Sockets;
using System.Runtime.Versioning;
using Notary.Chain.Signing;
using Notary.Chain.Tests.Postgres;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Ledger;

namespace Notary.Chain.Tests;

[UnsupportedOSPlatform("windows")]
public sealed class SignerTests : IAsyncDisposable
{
    private const string Origin = "notary.test/beijing";

    private readonly TemporaryFolder _folder = new();
    private readonly ISigner _key = KeyFile.Load(LogKey.Value.Path, TestChain.Password);
    private SignerLog? _log;
    private SignerService? _service;

    private static readonly Lazy<(TestChain Chain, string Path)> LogKey = new(static () =>
    {
        var chain = new TestChain();
        return (chain, chain.Folder.LogKeyPath);
    });

    private string Socket => Path.Combine(_folder.Path, "s");

    private string State => Path.Combine(_folder.Path, "state");

    private string LogPath => Path.Combine(State, "signer.log");

    [Fact]
    public async Task A_chain_signs_by_a_signer_and_neither_without_it_nor_behind_it()
    {
        using var chain = new TestChain();
        Start();
        RemoteSigner.Save(chain.Folder.SignerAddressPath, Socket);
        // The file beside the signer would be used by whoever takes the server over.
        Assert.Contains("take the file away", Assert.Throws<ChainRefusedException>(() => chain.Host).Message, StringComparison.Ordinal);
        File.Delete(chain.Folder.LogKeyPath);
        using (var first = await chain.DepositMany(3, 1))
        {
            Assert.Equal(DepositOutcome.Sealed, first.Outcome);
        }

        // It may be started again while the server runs.
        await Stop();
        var waiting = chain.DepositMany(2, 2);
        await Task.Delay(300);
        Start();
        using (var second = await waiting)
        {
            Assert.Equal((DepositOutcome.Sealed, 9L), (second.Outcome, second.First));
        }

        chain.Close();
        Assert.Empty(Fsck.Run(chain.Folder, new FsckOptions { Password = TestChain.Password }).Findings);
        var lines = File.ReadAllLines(LogPath);
        Assert.Equal(["9", "11"], lines.Select(static line => line.Split(' ')[2]).Distinct());
        Assert.All(lines, line => Assert.Contains($" done ", line, StringComparison.Ordinal));
        Assert.EndsWith(FormattableString.Invariant($"uid={Crypto.Native.CurrentUser.Id} pid={Environment.ProcessId}"), lines[^1], StringComparison.Ordinal);

        // A server on other leaves than those that were signed, as on a database that was put back.
        using (var other = new TestChain())
        {
            File.Delete(other.Folder.LogKeyPath);
            RemoteSigner.Save(other.Folder.SignerAddressPath, Socket);
            using var refused = await other.DepositMany(1, 3);
            Assert.Equal(DepositOutcome.OutcomeUnknown, refused.Outcome);
            Assert.Equal(StopReason.Signing, other.Host.Stopped!.Reason);
            Assert.Contains("size 7 is not signed after it", other.Host.Stopped.Cause!.InnerException!.Message, StringComparison.Ordinal);
        }

        await Stop();
        var away = Assert.Throws<ChainRefusedException>(() => chain.Host);
        Assert.Equal(ChainRefusal.Key, away.Refusal);
        Assert.Contains("start 'notary signer'", away.Message, StringComparison.Ordinal);
        File.WriteAllText(chain.Folder.SignerAddressPath, "{\"socket\":\"/x\",\"more\":1}");
        Assert.Contains("names no signer", Assert.Throws<ChainRefusedException>(() => chain.Host).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_signs_checkpoints_of_its_origin_that_do_not_go_back_and_nothing_else()
    {
        Start();
        using var client = Connect();
        Assert.True(SignatureVerifier.Verify(client.Algorithm, client.PublicKey.Span, Text(5, 1), client.Sign(Text(5, 1))));
        Assert.True(SignatureVerifier.Verify(client.Algorithm, client.PublicKey.Span, Text(5, 1), client.Sign(Text(5, 1))));
        client.Sign(Text(9, 2));
        foreach (var (message, code) in new (byte[], string)[]
                 {
                     (Text(8, 1), "behind"),
                     (Text(9, 3), "other-root"),
                     (Text(10, 3, "notary.test/qingdao"), "other-origin"),
                     ([.. Text(10, 3), .. "an extension\n"u8], "not-a-checkpoint"),
                     ("notary/v1/governance"u8.ToArray(), "not-a-checkpoint"),
                     (new byte[32], "not-a-checkpoint"),
                     ([0xff, 0xfe], "malformed"),
                 })
        {
            Assert.Throws<InvalidOperationException>(() => client.Sign(message));
            Assert.Equal(code, File.ReadLines(LogPath).Last().Split(' ')[1]);
        }

        Assert.Throws<ChainRefusedException>(() => Connect("notary.test/qingdao"));
        client.Sign(Text(10, 4));

        // What it has signed it knows again, whatever a crash left of the last line.
        await Stop();
        File.AppendAllText(LogPath, "2026-01-01T00:00:00.000Z done 99");
        Start();
        Assert.Equal((10L, Root(4)), (_log!.Size, _log.Root));
        using var again = Connect();
        Assert.Throws<InvalidOperationException>(() => again.Sign(Text(10, 5)));
        Assert.Throws<InvalidOperationException>(() => again.Sign(Text(9, 2)));
        again.Sign(Text(11, 5));
        Assert.DoesNotContain("done 99", File.ReadAllText(LogPath), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_one_and_its_own_user_s_and_tells_nothing_to_others()
    {
        Start();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LogPath));
        Assert.Equal(ChainRefusal.Locked, Assert.Throws<ChainRefusedException>(() => SignerLog.Open(State, TimeProvider.System)).Refusal);
        await Stop();
        Assert.False(File.Exists(Socket));

        // A user who was not named is told nothing.
        Start(users: [Crypto.Native.CurrentUser.Id + 1]);
        Assert.Throws<ChainRefusedException>(() => Connect());
        await Stop();
        Start(users: [Crypto.Native.CurrentUser.Id, 4_000_000]);
        Connect().Dispose();
        await Stop();
        Assert.Equal(ChainRefusal.Storage, Assert.Throws<ChainRefusedException>(() => SignerService.Start(Path.Combine(_folder.Path, new string('x', 200)), _key, Origin, _log!, 10, [], TimeProvider.System)).Refusal);

        // What cannot be read is not begun anew.
        File.WriteAllText(LogPath, "2026-01-01T00:00:00.000Z done 9\n");
        Assert.Equal(ChainRefusal.Inconsistent, Assert.Throws<ChainRefusedException>(() => SignerLog.Open(State, TimeProvider.System)).Refusal);
        File.WriteAllText(LogPath, new string('x', 2_000));
        Assert.Equal(ChainRefusal.Inconsistent, Assert.Throws<ChainRefusedException>(() => SignerLog.Open(State, TimeProvider.System)).Refusal);
    }

    [Fact]
    public async Task Bytes_that_are_no_frames_end_their_connection_and_nothing_else_and_the_rate_holds()
    {
        Start(perSecond: 20);
        var random = new Random(1);
        for (var round = 0; round < 50; round++)
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Socket));
            var bytes = new byte[random.Next(1, 64)];
            random.NextBytes(bytes);
            await socket.SendAsync(bytes);
        }

        using var client = Connect();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        for (var size = 1; size <= 10; size++)
        {
            client.Sign(Text(size, 1));
        }

        Assert.True(watch.Elapsed > TimeSpan.FromMilliseconds(400), watch.Elapsed.ToString());
    }

    [Fact]
    public void A_long_log_is_put_aside_and_the_new_one_knows_what_was_signed()
    {
        using (var log = SignerLog.Open(State, TimeProvider.System))
        {
            log.Write(SignerAnswer.Done, 7, Root(1), "uid=0 pid=1");
        }

        // As long as it may be: the same line again and again.
        var line = File.ReadAllBytes(LogPath);
        using (var file = new FileStream(LogPath, FileMode.Append))
        {
            for (var size = file.Length; size < SignerLog.MaximumBytes; size += line.Length)
            {
                file.Write(line);
            }
        }

        using (var log = SignerLog.Open(State, TimeProvider.System))
        {
            log.Write(SignerAnswer.Done, 8, Root(2), "uid=0 pid=1");
        }

        Assert.Equal(["done 7", "done 8"], File.ReadLines(LogPath).Select(static l => string.Join(' ', l.Split(' ')[1..3])));
        Assert.Equal(SignerLog.MaximumBytes, new FileInfo(Assert.Single(Directory.GetFiles(State, "signer-*.log"))).Length, (double)line.Length);
        using var again = SignerLog.Open(State, TimeProvider.System);
        Assert.Equal((8L, Root(2)), (again.Size, again.Root));
    }

    [Fact]
    public void Where_several_servers_sign_a_signer_is_refused()
    {
        using var chain = new TestChain(postgres: PostgresCluster.Shared);
        RemoteSigner.Save(chain.Folder.SignerAddressPath, Socket);
        var refused = Assert.Throws<ChainRefusedException>(() => chain.Host);
        Assert.Equal(ChainRefusal.Key, refused.Refusal);
        Assert.Contains("several servers sign", refused.Message, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        _key.Dispose();
        _folder.Dispose();
    }

    private static Hash32 Root(int seed) => Suite.Sm.Hash([(byte)seed]);

    private static byte[] Text(long size, int seed, string origin = Origin) => System.Text.Encoding.UTF8.GetBytes(new Checkpoint(origin, size, Root(seed)).Format());

    private RemoteSigner Connect(string origin = Origin)
    {
        var address = Path.Combine(_folder.Path, "signer.json");
        RemoteSigner.Save(address, Socket);
        return RemoteSigner.Connect(address, origin);
    }

    private void Start(int perSecond = 1_000, uint[]? users = null)
    {
        _log = SignerLog.Open(State, TimeProvider.System);
        _service = SignerService.Start(Socket, _key, Origin, _log, perSecond, users ?? [], TimeProvider.System);
    }

    private async Task Stop()
    {
        if (_service is not null)
        {
            await _service.DisposeAsync();
            _log!.Dispose();
            _service = null;
        }
    }
}
