using System.Text;
using Notary.Chain.Folders;
using Notary.Chain.Tests.Postgres;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain.Tests;

/// <summary>A real chain in a folder of its own, its tables in a SQLite file or in PostgreSQL.</summary>
public sealed class TestChain : IDisposable
{
    /// <summary>Of the form that is taken as drawn, so that opening dozens of key files takes no time.</summary>
    public const string Password = "0123456789abcdef0123456789abcdef0123456789abcdef";

    private readonly TemporaryFolder _folder = new();
    private ChainHost? _host;

    // Deriving the key files' keys is slow on purpose, so a chain of each suite is created once and copied for every test.
    private static readonly Dictionary<string, Lazy<(TemporaryFolder Folder, CreatedChain Created)>> Originals = new(StringComparer.Ordinal)
    {
        ["sm"] = new(() => Create("sm")),
        ["intl"] = new(() => Create("intl")),
    };

    public TestChain(string suite = "sm", TimeProvider? time = null, PostgresCluster? postgres = null)
    {
        Time = time ?? TimeProvider.System;
        var (original, created) = Originals[suite].Value;
        Created = created;
        DataPath = Path.Combine(_folder.Path, "data");
        Copy(Path.Combine(original.Path, "data"), DataPath);
        Folder = new ChainFolder(Path.Combine(DataPath, "chains", "beijing"));
        if (postgres is not null)
        {
            var connection = postgres.Database();
            DatabaseName = new Npgsql.NpgsqlConnectionStringBuilder(connection).Database;
            ChainMove.ToPostgres(Folder, connection, standbyWaived: true);
        }
    }

    /// <summary>Another server on the same database: its folder is a copy.</summary>
    public TestChain(TestChain other)
    {
        Time = other.Time;
        Created = other.Created;
        DataPath = Path.Combine(_folder.Path, "data");
        Copy(other.DataPath, DataPath);
        Folder = new ChainFolder(Path.Combine(DataPath, "chains", "beijing"));
        DatabaseName = other.DatabaseName;
    }

    /// <summary>The database, where it is PostgreSQL.</summary>
    public string? DatabaseName { get; }

    public static string RepositoryRoot { get; } = FindRoot();

    public TimeProvider Time { get; }

    public string DataPath { get; }

    public CreatedChain Created { get; }

    public ChainFolder Folder { get; }

    /// <summary>Takes another way to the database from the next opening on.</summary>
    public void Connect(string connection) => Chain.Postgres.PostgresChainDatabase.Save(Folder.DatabaseAddressPath, connection, standbyWaived: true);

    /// <summary>The chain, opened at its first use; tests with many callers come here at once.</summary>
    public ChainHost Host
    {
        get
        {
            lock (_folder)
            {
                return _host ??= ChainHost.Open(Folder, Password, Time);
            }
        }
    }

    public void Close()
    {
        _host?.Dispose();
        _host = null;
    }

    /// <summary>One request line with fresh digests.</summary>
    public static string Line(Random random, string extra = "")
    {
        var digests = new byte[64];
        random.NextBytes(digests);
        return $$"""{"parts":[{"kind":"file","media":"application/pdf","sha256":"{{Convert.ToHexStringLower(digests.AsSpan(32))}}","size":{{random.Next(1, 1_000_000)}},"sm3":"{{Convert.ToHexStringLower(digests.AsSpan(0, 32))}}"}]{{extra}},"type":"document"}""";
    }

    public Task<DepositResult> Deposit(string body, string? key = null, bool oneRequest = false) => Host.DepositAsync(new Deposit
    {
        Body = Encoding.UTF8.GetBytes(body),
        SingleRequest = oneRequest,
        Account = Created.DevelopmentAccount,
        Auth = AuthMethod.ClientSecret,
        IdempotencyKey = key,
        Received = Time.GetUtcNow(),
    });

    public Task<DepositResult> DepositMany(int count, int seed, string? key = null)
    {
        var random = new Random(seed);
        return Deposit(string.Join('\n', Enumerable.Range(0, count).Select(_ => Line(random))), key);
    }

    public void Dispose()
    {
        Close();
        _folder.Dispose();
    }

    private static (TemporaryFolder Folder, CreatedChain Created) Create(string suite)
    {
        var folder = new TemporaryFolder();
        var template = Path.Combine(folder.Path, "repo", "sidechains", "beijing");
        Copy(Path.Combine(RepositoryRoot, "sidechains", "beijing"), template);
        Copy(Path.Combine(RepositoryRoot, "policies"), Path.Combine(folder.Path, "repo", "policies"));
        var path = Path.Combine(template, "chain.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"sm\"", $"\"{suite}\"", StringComparison.Ordinal));
        using var data = DataFolder.Take(Path.Combine(folder.Path, "data"), create: true);
        var created = ChainCreation.Create(data, ChainTemplate.Load(template), "notary.test", Password, TimeProvider.System);
        return (folder, created);
    }

    internal static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
        {
            // With its mode: key files are refused when others may read them.
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        // A copied node is told that it was moved: what runs of it runs once in a test, or is meant to run twice.
        if (File.Exists(Path.Combine(to, "node.place")))
        {
            new Chain.Nodes.NodeFolder(to).Move();
        }

        foreach (var folder in Directory.EnumerateDirectories(from))
        {
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
        }
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Notary.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("The tests run inside the repository.");
    }
}
