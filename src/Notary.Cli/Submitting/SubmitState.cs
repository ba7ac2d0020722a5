using System.Text;
using System.Text.Json;
using Notary.Client;
using Notary.Crypto.Native;
using Notary.Evidence;

namespace Notary.Cli.Submitting;

/// <summary>A batch on its way: its key, the exact bytes that were or will be sent, and the file of each line.</summary>
/// <param name="Key">Idempotency key.</param>
/// <param name="Files">Path of each line's file below the folder, with forward slashes.</param>
/// <param name="Body">NDJSON.</param>
internal sealed record SubmitBatch(string Key, IReadOnlyList<string> Files, byte[] Body)
{
    /// <summary>The requests of the body.</summary>
    public IReadOnlyList<EvidenceRequest> Requests()
    {
        using RequestBatch batch = RequestBatch.Parse(Body);
        return batch.BodyProblem is null && batch.Count == Files.Count
            ? [.. Enumerable.Range(0, batch.Count).Select(batch.ToRequest)]
            : throw new InvalidOperationException("A batch of submit is no NDJSON of as many lines as files.");
    }
}

/// <summary>
/// What <c>submit</c> remembers between two runs, in the receipts folder. A file is done when its receipt is there. Before a batch is sent for
/// the first time, its key and bytes are made durable in <c>.submit/&lt;key&gt;.json</c>; the file goes when all its receipts are durable. Whatever instant the process dies
/// at, the next run first sends the batches that are left there again, with the same key and bytes: the server seals them once, and
/// every file gets one receipt.
/// </summary>
internal sealed class SubmitState
{
    private const string Suffix = ".receipt.json";
    private readonly string _receipts;
    private readonly string _pending;
    private readonly FileStream _lock;

    private SubmitState(string receipts, string pending, FileStream held)
    {
        _receipts = receipts;
        _pending = pending;
        _lock = held;
    }

    /// <summary>Opens the state in a receipts folder, which is made when absent. One process at a time.</summary>
    public static SubmitState Open(string receipts)
    {
        string pending = Path.Combine(receipts, ".submit");
        Directory.CreateDirectory(pending);
        try
        {
            var held = new FileStream(Path.Combine(pending, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            // A run that was killed while it wrote a batch for the first time never sent it: the draft is nobody's.
            foreach (string draft in Directory.EnumerateFiles(pending, "*.part"))
            {
                File.Delete(draft);
            }

            return new SubmitState(receipts, pending, held);
        }
        catch (IOException e)
        {
            throw new CliException(ExitCode.Unavailable, "submit-running", $"Another submit works on {receipts}; wait for it, or name another folder with --out.", e);
        }
    }

    /// <summary>Where the receipt of a file lies.</summary>
    public string ReceiptPath(string file) => Path.Combine(_receipts, file.Replace('/', Path.DirectorySeparatorChar) + Suffix);

    /// <summary>Whether the file has its receipt.</summary>
    public bool IsDone(string file) => File.Exists(ReceiptPath(file));

    /// <summary>The batches that an earlier run left, in the order of their files.</summary>
    public IReadOnlyList<SubmitBatch> Left() => [.. Directory.EnumerateFiles(_pending, "*.json").Select(Read).OrderBy(b => b.Files[0], StringComparer.Ordinal)];

    /// <summary>Makes a batch durable; only then may it be sent.</summary>
    public void Begin(SubmitBatch batch)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("v", 1);
            json.WriteString("key", batch.Key);
            json.WriteStartArray("files");
            foreach (string file in batch.Files)
            {
                json.WriteStringValue(file);
            }

            json.WriteEndArray();
            json.WriteString("body", Encoding.UTF8.GetString(batch.Body));
            json.WriteEndObject();
        }

        DurableFile.Replace(PathOf(batch), bytes.ToArray());
        DurableFile.SyncFolder(_pending);
    }

    /// <summary>Writes the receipts of a batch, makes them durable, and forgets the batch.</summary>
    public void Finish(SubmitBatch batch, IReadOnlyList<LineOutcome> outcomes)
    {
        var folders = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < outcomes.Count; i++)
        {
            if (outcomes[i].Record is not null)
            {
                string folder = Path.GetDirectoryName(ReceiptPath(batch.Files[i]))!;
                if (folders.Add(folder))
                {
                    Directory.CreateDirectory(folder);
                }
            }
        }

        // The file system's journal takes many syncs at once for hardly more than one.
        Parallel.For(0, outcomes.Count, new ParallelOptions { MaxDegreeOfParallelism = 16 }, i =>
        {
            if (outcomes[i].Record is { } record)
            {
                DurableFile.Replace(ReceiptPath(batch.Files[i]), record.ToReceipt().ToJson());
            }
        });
        foreach (string folder in folders)
        {
            DurableFile.SyncFolder(folder);
        }

        File.Delete(PathOf(batch));
    }

    /// <summary>Lets another process work on the folder.</summary>
    public void Close() => _lock.Dispose();

    private string PathOf(SubmitBatch batch) => Path.Combine(_pending, batch.Key + ".json");

    private static SubmitBatch Read(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            return new SubmitBatch(
                root.GetProperty("key").GetString()!,
                [.. root.GetProperty("files").EnumerateArray().Select(f => f.GetString()!)],
                Encoding.UTF8.GetBytes(root.GetProperty("body").GetString()!));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentNullException)
        {
            throw new CliException(ExitCode.Data, "submit-state", $"{path} is not what submit writes; put it back, or ask the server which of its files were sealed before you delete it.", e);
        }
    }
}
