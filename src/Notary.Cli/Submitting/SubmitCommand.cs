using System.CommandLine;
using System.Diagnostics;
using System.Threading.Channels;
using Notary.Client;
using Notary.Evidence;

namespace Notary.Cli.Submitting;

/// <summary><c>notary submit FOLDER</c>: a record for every file of a folder, in batches, with a receipt each; a killed run is continued by the next.</summary>
internal static class SubmitCommand
{
    private const int BatchSize = 1_000;
    private const int BatchesUnderWay = 3;

    private sealed record Settings(string Folder, string Receipts, bool HashOnly, string Type, int BatchSize, RetryPolicy Retry);

    public static Command Build()
    {
        var folder = new Argument<string>("FOLDER") { Description = "The folder; folders below it are taken along, names that begin with a dot are not." };
        var output = new Option<string?>("--out") { Description = "Folder for the receipts; without it FOLDER.receipts beside it." };
        var hashOnly = new Option<bool>("--hash-only") { Description = "Do not deposit the files' names." };
        var type = new Option<string>("--type") { Description = "Evidence type.", DefaultValueFactory = _ => NotarizeCommand.DefaultType };
        var batch = new Option<int>("--batch") { Description = "Files in a request, 1 to 10,000.", DefaultValueFactory = _ => BatchSize };
        NumberOption.Between(batch, 1, RequestLimits.MaxLines);
        Option<string?> trust = ClientOptions.Trust();
        Option<string?> credential = ClientOptions.Credential();
        Option<int> attempts = ClientOptions.Attempts();
        var command = new Command("submit", "Deposits every file of a folder and writes a receipt for each; run it again after an interruption, and it goes on.")
        {
            folder, output, hashOnly, type, batch, trust, credential, attempts,
        };
        command.SetAction((parsed, cancel) =>
        {
            string path = Path.GetFullPath(parsed.GetValue(folder)!);
            var settings = new Settings(
                path,
                Path.GetFullPath(parsed.GetValue(output) ?? Path.TrimEndingDirectorySeparator(path) + ".receipts"),
                parsed.GetValue(hashOnly),
                parsed.GetValue(type)!,
                parsed.GetValue(batch),
                RetryPolicy.Default with { Attempts = parsed.GetValue(attempts) });
            return RunAsync(settings, TrustStore.Load(parsed.GetValue(trust)), CredentialFile.Find(parsed.GetValue(credential)), cancel);
        });
        return command;
    }

    private static async Task<int> RunAsync(Settings settings, TrustStore trust, CredentialFile credential, CancellationToken cancel)
    {
        if (!Directory.Exists(settings.Folder))
        {
            throw new CliException(ExitCode.NoInput, "folder-not-found", $"There is no folder {settings.Folder}.");
        }

        SubmitState state = SubmitState.Open(settings.Receipts);
        try
        {
            using var client = new NotaryClient(credential, trust, settings.Retry);
            List<string> all = FilesOf(settings);
            IReadOnlyList<SubmitBatch> left = state.Left();
            var underWay = left.SelectMany(b => b.Files).ToHashSet(StringComparer.Ordinal);
            List<string> open = [.. all.Where(f => !underWay.Contains(f) && !state.IsDone(f))];
            int done = all.Count(f => state.IsDone(f));
            WarnOfChanges(settings, state, all);
            if (done > 0 || left.Count > 0)
            {
                Console.WriteLine($"continuing: {done} of {all.Count} files have their receipt, {underWay.Count} were under way");
            }

            long started = Stopwatch.GetTimestamp();
            var tally = new SubmitTally(all.Count, done);
            await tally.ShowAsync(() => SendAllAsync(settings, client, state, left, open, tally, cancel));
            Console.WriteLine(
                $"{tally.Sealed} files sealed in {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s, {tally.Refused} refused, {tally.Unreadable} unreadable, {done} done before; receipts in {settings.Receipts}");
            return tally.Refused + tally.Unreadable == 0 ? ExitCode.Passed : ExitCode.Failed;
        }
        finally
        {
            state.Close();
        }
    }

    /// <summary>What was under way goes first. Then one task hashes, with all processors, and a few others send.</summary>
    private static async Task SendAllAsync(
        Settings settings, NotaryClient client, SubmitState state, IReadOnlyList<SubmitBatch> left, List<string> open, SubmitTally tally, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Channel<SubmitBatch> batches = Channel.CreateBounded<SubmitBatch>(BatchesUnderWay);
        Task hashing = Task.Run(
            async () =>
            {
                try
                {
                    foreach (SubmitBatch batch in left)
                    {
                        await batches.Writer.WriteAsync(batch, stop.Token);
                    }

                    foreach (string[] files in open.Chunk(settings.BatchSize))
                    {
                        if (Hash(settings, files, tally, stop.Token) is { } batch)
                        {
                            state.Begin(batch);
                            await batches.Writer.WriteAsync(batch, stop.Token);
                        }
                    }
                }
                finally
                {
                    batches.Writer.Complete();
                }
            },
            stop.Token);
        Task[] sending = [.. Enumerable.Range(0, BatchesUnderWay).Select(_ => Task.Run(
            async () =>
            {
                try
                {
                    await foreach (SubmitBatch batch in batches.Reader.ReadAllAsync(stop.Token))
                    {
                        IReadOnlyList<LineOutcome> outcomes = await client.DepositBatchAsync(batch.Requests(), batch.Body, batch.Key, stop.Token);
                        state.Finish(batch, outcomes);
                        tally.Answered(batch, outcomes);
                    }
                }
                catch
                {
                    await stop.CancelAsync();
                    throw;
                }
            },
            stop.Token))];

        // The first real failure is the one to report; the cancellations that follow from it are not.
        Task[] tasks = [hashing, .. sending];
        await Task.WhenAll(tasks).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        Exception? failure = tasks.SelectMany(t => t.Exception?.InnerExceptions ?? Enumerable.Empty<Exception>()).FirstOrDefault(e => e is not OperationCanceledException);
        if (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }

        cancel.ThrowIfCancellationRequested();
    }

    private static SubmitBatch? Hash(Settings settings, string[] files, SubmitTally tally, CancellationToken cancel)
    {
        var requests = new EvidenceRequest?[files.Length];
        Parallel.For(0, files.Length, new ParallelOptions { CancellationToken = cancel }, i =>
        {
            try
            {
                FileDigest digest = FileDigest.Compute(Path.Combine(settings.Folder, files[i]), cancel: cancel);
                requests[i] = new EvidenceRequest
                {
                    Type = settings.Type,
                    Parts = [new EvidencePart(PartKind.File, digest.Media, digest.Sm3, digest.Sha256, digest.Size)],
                    Metadata = settings.HashOnly ? null : new Dictionary<string, CanonicalValue> { ["files"] = CanonicalValue.OfStrings([Normalization.ToNfc(digest.Name)]) },
                    Sent = DateTimeOffset.UtcNow,
                };
                tally.Hashed();
            }
            catch (NotaryClientException e) when (e.Failure == ClientFailure.LocalFile)
            {
                tally.CannotRead(e);
            }
        });
        List<int> good = [.. Enumerable.Range(0, files.Length).Where(i => requests[i] is not null)];
        return good.Count == 0
            ? null
            : new SubmitBatch(NotaryClient.NewIdempotencyKey(), [.. good.Select(i => files[i])], NotaryClient.ToNdjson([.. good.Select(i => requests[i]!)]));
    }

    private static List<string> FilesOf(Settings settings)
    {
        var files = new List<string>();
        var options = new EnumerationOptions { AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Device, RecurseSubdirectories = true, IgnoreInaccessible = false };
        string inside = settings.Receipts + Path.DirectorySeparatorChar;
        foreach (string path in Directory.EnumerateFiles(settings.Folder, "*", options))
        {
            string relative = Path.GetRelativePath(settings.Folder, path).Replace(Path.DirectorySeparatorChar, '/');
            if (!path.StartsWith(inside, StringComparison.Ordinal) && !relative.Split('/').Any(s => s.StartsWith('.')))
            {
                files.Add(relative);
            }
        }

        files.Sort(StringComparer.Ordinal);
        return files;
    }

    private static void WarnOfChanges(Settings settings, SubmitState state, List<string> files)
    {
        foreach (string file in files)
        {
            var receipt = new FileInfo(state.ReceiptPath(file));
            if (receipt.Exists && File.GetLastWriteTimeUtc(Path.Combine(settings.Folder, file)) > receipt.LastWriteTimeUtc)
            {
                Terminal.Warn("file-changed", $"{Terminal.Printable(file)} is newer than its receipt, which proves the earlier content; move the receipt away to deposit the new one.");
            }
        }
    }
}
