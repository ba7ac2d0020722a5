using System.Collections.Concurrent;

namespace Notary.Server.Events;

/// <summary>
/// The listeners of one account look through a chain in turns, and after each look rest as long as it took: however many there are and however much they have to catch up, they cost half of one thread.
/// </summary>
internal sealed class AccountTurns(TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<(string Account, string Chain), Turn> _turns = new();

    /// <summary>Looks when it is the caller's turn.</summary>
    /// <param name="account">Whose listener.</param>
    /// <param name="chain">The chain that is looked through.</param>
    /// <param name="places">As many looks through the chain as go on at once, of all accounts.</param>
    /// <param name="look">The look.</param>
    /// <param name="cancellation">The listener has gone. A rest that it owes is owed by the account's next one.</param>
    public async Task<T> LookAsync<T>(string account, string chain, SemaphoreSlim places, Func<T> look, CancellationToken cancellation)
    {
        Turn turn = _turns.GetOrAdd((account, chain), static _ => new Turn());
        await turn.Gate.WaitAsync(cancellation);
        try
        {
            TimeSpan rest = turn.Took > TimeSpan.Zero ? turn.Took - time.GetElapsedTime(turn.Ended) : TimeSpan.Zero;
            if (rest > TimeSpan.Zero)
            {
                await Task.Delay(rest, time, cancellation);
            }

            await places.WaitAsync(cancellation);
            long began = time.GetTimestamp();
            try
            {
                return look();
            }
            finally
            {
                places.Release();
                turn.Ended = time.GetTimestamp();
                turn.Took = time.GetElapsedTime(began, turn.Ended);
            }
        }
        finally
        {
            turn.Gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Turn turn in _turns.Values)
        {
            turn.Gate.Dispose();
        }
    }

    // Ended and Took: of the last look, under the gate.
    private sealed class Turn
    {
        public SemaphoreSlim Gate { get; } = new(1, 1);

        public long Ended { get; set; }

        public TimeSpan Took { get; set; }
    }
}
