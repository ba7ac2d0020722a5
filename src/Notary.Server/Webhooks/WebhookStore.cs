using Notary.Chain;
using Notary.Chain.Sqlite;
using Notary.Server.Events;

namespace Notary.Server.Webhooks;

/// <summary>The database of webhooks in the data folder. Every change is synced before it returns: what a receiver took is not sent again after a restart, and what it has still to take is not lost. Safe from any thread.</summary>
internal sealed class WebhookStore : IDisposable
{
    private const int CacheKiB = 1024;

    private readonly Lock _gate = new();
    private readonly SqliteDatabase _database;
    private readonly SqliteStatement _read, _write, _delete;

    private WebhookStore(SqliteDatabase database)
    {
        _database = database;
        const string Columns = "account, chain, name, url, salt, created, position, pending_id, pending, attempts, next_try, delivered, failed, failing, failure, disabled";
        _read = database.Prepare($"SELECT {Columns} FROM webhook ORDER BY account, chain, name");
        _write = database.Prepare($"INSERT OR REPLACE INTO webhook ({Columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        _delete = database.Prepare("DELETE FROM webhook WHERE account = ? AND chain = ? AND name = ?");
    }

    /// <summary>Opens the database; an absent one is made, for its owner alone: an address may hold what only its receiver should know.</summary>
    /// <exception cref="ChainRefusedException">Its tables are of a later version.</exception>
    /// <exception cref="SqliteFailureException">The disk failed.</exception>
    public static WebhookStore Open(string path)
    {
        if (!File.Exists(path))
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using var made = new FileStream(path, options);
        }

        SqliteDatabase database = SqliteDatabase.OpenBeside(path, CacheKiB, Script("webhooks-0001.sql"));
        try
        {
            return new WebhookStore(database);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>All of them.</summary>
    /// <exception cref="ChainRefusedException">A row is none that this program wrote.</exception>
    public IReadOnlyList<Webhook> All()
    {
        lock (_gate)
        {
            var all = new List<Webhook>();
            while (_read.Step())
            {
                var key = new WebhookKey(_read.Text(0), _read.Text(1), _read.Text(2));
                if (!EventPosition.TryParse(_read.Text(6), key.Chain, out EventPosition position))
                {
                    _read.Reset();
                    throw new ChainRefusedException(ChainRefusal.Inconsistent, "A row of webhooks.db holds no position of its chain: restore the file, or delete it, and put the webhooks again.");
                }

                all.Add(new Webhook(key, new Uri(_read.Text(3)), _read.Blob(4).ToArray(), _read.Number(5), position)
                {
                    PendingId = _read.Text(7), Pending = _read.Blob(8).ToArray(), Attempts = (int)_read.Number(9), NextTryMs = _read.Number(10), DeliveredMs = _read.Number(11),
                    FailedMs = _read.Number(12), FailingSinceMs = _read.Number(13), Failure = _read.Text(14), Disabled = _read.Text(15),
                });
            }

            return all;
        }
    }

    /// <summary>Stores one, in place of what was stored under its key.</summary>
    public void Write(Webhook hook)
    {
        lock (_gate)
        {
            _write.Bind(1, hook.Key.Account).Bind(2, hook.Key.Chain).Bind(3, hook.Key.Name).Bind(4, hook.Url.AbsoluteUri).Bind(5, hook.Salt).Bind(6, hook.CreatedMs)
                .Bind(7, hook.Position.ToString()).Bind(8, hook.PendingId).Bind(9, hook.Pending).Bind(10, hook.Attempts).Bind(11, hook.NextTryMs).Bind(12, hook.DeliveredMs)
                .Bind(13, hook.FailedMs).Bind(14, hook.FailingSinceMs).Bind(15, hook.Failure).Bind(16, hook.Disabled).Run();
        }
    }

    /// <summary>Forgets one.</summary>
    public void Delete(WebhookKey key)
    {
        lock (_gate)
        {
            _delete.Bind(1, key.Account).Bind(2, key.Chain).Bind(3, key.Name).Run();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _read.Dispose();
            _write.Dispose();
            _delete.Dispose();
            _database.Dispose();
        }
    }

    private static string Script(string name)
    {
        using Stream stream = typeof(WebhookStore).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException("A migration is missing from the program.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
