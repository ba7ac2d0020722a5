using System.Diagnostics;
using Notary.Client;
using Spectre.Console;

namespace Notary.Cli.Submitting;

/// <summary>Counts what becomes of the files, and shows it: a bar for a person at a terminal, a plain line every few seconds for anything else.</summary>
internal sealed class SubmitTally(int files, int doneBefore)
{
    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(5);
    private int _hashed;
    private int _sealed;
    private int _refused;
    private int _unreadable;

    public int Sealed => _sealed;

    public int Refused => _refused;

    public int Unreadable => _unreadable;

    public void Hashed() => Interlocked.Increment(ref _hashed);

    public void CannotRead(NotaryClientException why)
    {
        Interlocked.Increment(ref _unreadable);
        Terminal.Warn(why.Code, why.Message);
    }

    public void Answered(SubmitBatch batch, IReadOnlyList<LineOutcome> outcomes)
    {
        for (int i = 0; i < outcomes.Count; i++)
        {
            if (outcomes[i].Refused is { } refused)
            {
                Interlocked.Increment(ref _refused);
                Terminal.Warn(refused.Code, $"{Terminal.Printable(batch.Files[i])} was refused: {Terminal.Printable(refused.Detail)}");
            }
            else
            {
                Interlocked.Increment(ref _sealed);
            }
        }
    }

    /// <summary>Shows the counts while <paramref name="work"/> runs.</summary>
    public async Task ShowAsync(Func<Task> work)
    {
        if (!Terminal.ShowsProgress)
        {
            await ShowPlainAsync(work());
            return;
        }

        await AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                int open = Math.Max(1, files - doneBefore);
                ProgressTask hashing = context.AddTask("hashed", maxValue: open);
                ProgressTask sealing = context.AddTask("sealed", maxValue: open);
                Task running = work();
                do
                {
                    await Task.WhenAny(running, Task.Delay(100));
                    hashing.Value = _hashed;
                    sealing.Value = _sealed + _refused + _unreadable;
                }
                while (!running.IsCompleted);
                await running;
            });
    }

    private async Task ShowPlainAsync(Task running)
    {
        long last = Stopwatch.GetTimestamp();
        while (!running.IsCompleted)
        {
            await Task.WhenAny(running, Task.Delay(TimeSpan.FromMilliseconds(200)));
            if (Stopwatch.GetElapsedTime(last) > s_every)
            {
                last = Stopwatch.GetTimestamp();
                Console.WriteLine($"{doneBefore + _sealed} of {files} sealed");
            }
        }

        await running;
    }
}
