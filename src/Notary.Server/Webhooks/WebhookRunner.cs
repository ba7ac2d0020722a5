using System.Collections.Concurrent;
using System.Security.Cryptography;
using Notary.Chain;
using Notary.Chain.Store;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Crypto.Native;
using Notary.Server.Events;
using Notary.Server.Startup;

namespace Notary.Server.Webhooks;

/// <summary>
/// The webhooks of this server's accounts. Each is served by a task of its own, one event after another: a receiver that is down, slow or hostile delays nobody, and what it has not taken
/// yet waits in the log, not here. An event is stored before its first attempt and until it was taken, so that each attempt, also after a restart, sends the same bytes under the same id.
/// </summary>
internal sealed class WebhookRunner : IAsyncDisposable
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Remember = TimeSpan.FromMinutes(1);

    private readonly Platform _platform;
    private readonly EventFeeds _feeds;
    private readonly WebhookStore _store;
    private readonly WebhookDelivery _delivery;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<WebhookKey, Webhook> _hooks;
    private readonly ConcurrentDictionary<Task, bool> _running = [];
    private readonly CancellationTokenSource _stop = new();
    private byte[] _key;
    private bool _disposed;

    private WebhookRunner(Platform platform, EventFeeds feeds, WebhookStore store, byte[] key, TimeProvider time, ILogger logger)
    {
        _platform = platform;
        _feeds = feeds;
        _store = store;
        _key = key;
        _time = time;
        _logger = logger;
        _delivery = new WebhookDelivery(platform.IsDevelopment, time);
        _hooks = store.All().ToDictionary(static hook => hook.Key);
    }

    /// <summary>Opens what is stored, and goes on with it. Webhooks of an account that the server does not know any more are kept and rest.</summary>
    /// <exception cref="ChainRefusedException">The database is of another version, or no such one.</exception>
    /// <exception cref="StartRefusedException">The webhook key or the database cannot be opened.</exception>
    public static WebhookRunner Start(Platform platform, EventFeeds feeds, TimeProvider time, ILogger logger)
    {
        WebhookStore? store = null;
        try
        {
            store = WebhookStore.Open(Path.Combine(platform.DataPath, "webhooks.db"));
            string path = KeyPath(platform);
            // The key is made with the first webhook: without any there is nothing to derive, and opening it would cost every start a derivation.
            byte[] key = store.All().Count > 0 ? SymmetricKeyFile.Load(path, platform.KeyPassword) : [];
            var runner = new WebhookRunner(platform, feeds, store, key, time, logger);
            foreach (Webhook hook in runner._hooks.Values.Where(hook => platform.Accounts.Knows(hook.Key.Account, hook.Key.Chain)))
            {
                runner.Run(hook);
            }

            return runner;
        }
        catch (Exception wrong) when (wrong is KeyFileException or DatabaseFailureException or IOException or UnauthorizedAccessException)
        {
            store?.Dispose();
            throw new StartRefusedException($"the webhooks in '{platform.DataPath}' cannot be opened ({wrong.Message}): restore webhooks.db and keys/webhook.key together.");
        }
        catch
        {
            store?.Dispose();
            throw;
        }
    }

    /// <summary>An account's webhooks, by name.</summary>
    public IReadOnlyList<Webhook> Of(string account, string chain)
    {
        lock (_gate)
        {
            return [.. _hooks.Values.Where(hook => hook.Key.Account == account && hook.Key.Chain == chain).OrderBy(static hook => hook.Key.Name, StringComparer.Ordinal)];
        }
    }

    /// <summary>Creates a webhook that begins now; or gives the one of that name another address, and goes on with it at once, also where it was disabled.</summary>
    /// <param name="key">Which.</param>
    /// <param name="url">Where it goes.</param>
    /// <param name="most">How many the account may have.</param>
    /// <param name="secret">The new one's secret; null for one that was there, which keeps its own.</param>
    /// <returns>Null when the account has as many as allowed.</returns>
    public Webhook? Put(WebhookKey key, Uri url, int most, out string? secret)
    {
        secret = null;
        lock (_gate)
        {
            if (_hooks.TryGetValue(key, out Webhook? known))
            {
                return Store(known with { Url = url, Attempts = 0, NextTryMs = 0, FailingSinceMs = 0, Disabled = "" });
            }

            if (_hooks.Values.Count(hook => hook.Key.Account == key.Account && hook.Key.Chain == key.Chain) >= most)
            {
                return null;
            }

            if (_key.Length == 0)
            {
                string path = KeyPath(_platform);
                DurableFile.CreateOwnerOnlyFolder(Path.GetDirectoryName(path)!);
                _key = File.Exists(path) ? SymmetricKeyFile.Load(path, _platform.KeyPassword) : SymmetricKeyFile.Create(path, Hash32.Size, _platform.KeyPassword);
            }

            byte[] salt = RandomNumberGenerator.GetBytes(Hash32.Size);
            Webhook made = Store(new Webhook(key, url, salt, _time.GetUtcNow().ToUnixTimeMilliseconds(), _feeds.Now(_platform.Chains[key.Chain])));
            secret = "whsec_" + Convert.ToBase64String(SecretOf(made));
            Run(made);
            return made;
        }
    }

    /// <summary>Forgets a webhook; an attempt that is under way ends by itself.</summary>
    /// <returns>What was forgotten; null when there is none.</returns>
    public Webhook? Delete(WebhookKey key)
    {
        lock (_gate)
        {
            if (_hooks.GetValueOrDefault(key) is not { } known)
            {
                return null;
            }

            _store.Delete(key);
            _hooks.Remove(key);
            return known;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await _stop.CancelAsync();
        await Task.WhenAll(_running.Keys);
        _delivery.Dispose();
        _store.Dispose();
        _stop.Dispose();
        CryptographicOperations.ZeroMemory(_key);
    }

    private static string KeyPath(Platform platform) => Path.Combine(platform.DataPath, "keys", "webhook.key");

    private byte[] SecretOf(Webhook hook) => HMACSHA256.HashData(_key, (byte[])[.. HmacLabel.Webhook, .. hook.Salt]);

    // Under the gate.
    private Webhook Store(Webhook hook)
    {
        _store.Write(hook);
        _hooks[hook.Key] = hook;
        return hook;
    }

    private void Run(Webhook hook)
    {
        Task task = Task.Run(() => RunAsync(hook.Key, hook.Salt));
        _running[task] = true;
        task.ContinueWith(ended => _running.TryRemove(ended, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private async Task RunAsync(WebhookKey key, byte[] salt)
    {
        EventFeed? feed = null;
        StoppedState? told = null;
        long remembered = _time.GetTimestamp();
        while (Current() is { } hook)
        {
            TimeSpan wait;
            try
            {
                wait = await StepAsync(hook);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (DatabaseFailureException lost) when (lost.ConnectionLost)
            {
                // The chain goes on by itself when its database is back, and so does this.
                (wait, feed) = (AfterFailure, null);
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                Log.WebhookFailed(_logger, key.Name, key.Account, key.Chain, failure);
                // An event that could not be stored is read again.
                (wait, feed) = (AfterFailure, null);
            }

            try
            {
                await Task.Delay(wait, _time, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }

        async Task<TimeSpan> StepAsync(Webhook hook)
        {
            if (hook.Disabled.Length > 0)
            {
                return LookAgain;
            }

            if (hook.PendingId.Length > 0)
            {
                return _time.GetUtcNow().ToUnixTimeMilliseconds() < hook.NextTryMs ? LookAgain : await AttemptAsync(hook);
            }

            feed ??= _feeds.Open(key.Account, hook.Position);
            (bool moved, RecordEvent? next) = await feed.StepAsync(_stop.Token);
            if (next is { } happened)
            {
                Change(now => now with { PendingId = feed.Position.ToString(), Pending = happened.Json, NextTryMs = 0 });
                return TimeSpan.Zero;
            }

            // After what is there to be told. Once for each stop that this process sees: after a restart on a chain that still does not seal it is news again.
            if (!moved && _platform.Chains[key.Chain] is { Stopped: { } stopped } chain && !ReferenceEquals(stopped, told))
            {
                DateTimeOffset now = _time.GetUtcNow();
                byte[] json = EventFeed.StoppedOf(chain, stopped, now).Json;
                Change(hook => hook.WithStop(json, feed.Position, now.ToUnixTimeMilliseconds()));
                told = stopped;
                return TimeSpan.Zero;
            }

            // What was looked through without finding a record of the account is not looked through again after each restart.
            if (feed.Position != hook.Position && _time.GetElapsedTime(remembered) >= Remember)
            {
                remembered = _time.GetTimestamp();
                Change(now => now with { Position = feed.Position });
            }

            return moved ? TimeSpan.Zero : LookAgain;
        }

        async Task<TimeSpan> AttemptAsync(Webhook hook)
        {
            DeliveryOutcome outcome = await _delivery.SendAsync(hook, SecretOf(hook), _stop.Token);
            if (outcome.Failure is not null)
            {
                // The next success may be days away: what was read of the log is not held until then.
                feed = null;
            }

            // A failure at an address that it left meanwhile says nothing of the new one.
            Webhook? after = Change(now => outcome.Failure is null || now.Url == hook.Url ? now.After(outcome, _time.GetUtcNow().ToUnixTimeMilliseconds()) : now);
            if (after is { Disabled: { Length: > 0 } reason })
            {
                Log.WebhookDisabled(_logger, key.Name, key.Account, key.Chain, reason);
            }

            return TimeSpan.Zero;
        }

        // Null once it was deleted, also when another one has its name since.
        Webhook? Current()
        {
            lock (_gate)
            {
                return _hooks.TryGetValue(key, out Webhook? now) && now.Salt.AsSpan().SequenceEqual(salt) ? now : null;
            }
        }

        Webhook? Change(Func<Webhook, Webhook> change)
        {
            lock (_gate)
            {
                return Current() is { } now ? Store(change(now)) : null;
            }
        }
    }
}
