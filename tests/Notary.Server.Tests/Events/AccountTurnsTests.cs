using System.Collections.Concurrent;
using System.Diagnostics;
using Notary.Server.Events;

namespace Notary.Server.Tests.Events;

/// <summary>What the listeners of one account may cost a server.</summary>
public sealed class AccountTurnsTests
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task An_accounts_listeners_look_one_after_another_and_rest_as_long_while_others_go_on()
    {
        using var turns = new AccountTurns(TimeProvider.System);
        using var places = new SemaphoreSlim(2, 2);
        var looks = new ConcurrentQueue<(TimeSpan Began, TimeSpan Ended)>();
        var clock = Stopwatch.StartNew();
        int LookOnce()
        {
            TimeSpan began = clock.Elapsed;
            Thread.Sleep(Look);
            looks.Enqueue((began, clock.Elapsed));
            return 7;
        }

        Task<int>[] greedy = [.. Enumerable.Range(0, 8).Select(_ => Task.Run(() => turns.LookAsync("greedy", "hainan", places, LookOnce, CancellationToken.None)))];
        Task<TimeSpan> other = Task.Run(() => turns.LookAsync("other", "hainan", places, () => clock.Elapsed, CancellationToken.None));
        Assert.All(await Task.WhenAll(greedy), answer => Assert.Equal(7, answer));
        Assert.True(await other < looks.ElementAt(4).Began, "Another account waited for this one's listeners.");
        (TimeSpan Began, TimeSpan Ended)[] inOrder = [.. looks.OrderBy(look => look.Began)];
        Assert.All(inOrder.Zip(inOrder.Skip(1)), pair => Assert.True(pair.Second.Began - pair.First.Ended >= 0.8 * (pair.First.Ended - pair.First.Began), $"{pair}"));
        Assert.Equal(2, places.CurrentCount);
    }

    [Fact]
    public async Task A_listener_that_goes_leaves_its_rest_to_the_next_one_and_holds_nobody_up()
    {
        using var turns = new AccountTurns(TimeProvider.System);
        using var places = new SemaphoreSlim(2, 2);
        await Assert.ThrowsAsync<InvalidOperationException>(() => turns.LookAsync<int>("a", "hainan", places, () =>
        {
            Thread.Sleep(Look);
            throw new InvalidOperationException();
        }, CancellationToken.None));
        var clock = Stopwatch.StartNew();
        using var gone = new CancellationTokenSource();
        Task<int> leaves = turns.LookAsync("a", "hainan", places, () => 1, gone.Token);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaves);
        Assert.Equal(2, await turns.LookAsync("a", "hainan", places, () => 2, CancellationToken.None));
        Assert.True(clock.Elapsed >= 0.8 * Look, $"{clock.Elapsed}");
        Assert.Equal(3, await turns.LookAsync("a", "beijing", places, () => 3, CancellationToken.None));
        Assert.Equal(2, places.CurrentCount);
    }
}
