namespace Notary.Server.Identity.People;

/// <summary>
/// Hashing of passwords, which costs a processor a quarter of a second on purpose: outside any transaction, two at once for the whole process, and nobody waits longer than a few seconds. Whoever floods
/// sign-ins fills this and nothing else.
/// </summary>
internal sealed class PasswordWork : IDisposable
{
    private const int AtOnce = 2;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _free = new(AtOnce);

    /// <summary>Runs one; false when too many wait, and it was not run.</summary>
    public async Task<bool> RunAsync(Action hash, CancellationToken cancellation)
    {
        if (!await _free.WaitAsync(Patience, cancellation))
        {
            return false;
        }

        try
        {
            await Task.Run(hash, cancellation);
            return true;
        }
        finally
        {
            _free.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _free.Dispose();
}
