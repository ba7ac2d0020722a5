using System.Globalization;
using System.Text;
using Notary.Chain;
using Notary.Chain.Folders;

namespace Notary.Cli.Tests.Durability;

/// <summary>
/// What runs under <c>strace</c>: opens the chain of a data folder, deposits a few batches one after the other, and says on standard output what
/// was acknowledged, a line each, flushed. Then it ends without closing anything: whatever is not durable by then is lost on purpose.
/// </summary>
internal static class DepositingChild
{
    public const string Verb = "deposit";

    /// <summary>Records of each batch.</summary>
    public const int Lines = 3;

    /// <summary>Ends with this when the chain refused to open or stopped with its reason on standard error.</summary>
    public const int Refused = 3;

    public static async Task<int> RunAsync(string[] args)
    {
        if (args is not [Verb, var folder, var password, var batches, .. var rest])
        {
            Console.Error.WriteLine("usage: deposit DATA PASSWORD BATCHES [FIRST]");
            return 64;
        }

        int first = rest is [var from] ? int.Parse(from, CultureInfo.InvariantCulture) : 0;

        try
        {
            DataFolder data = DataFolder.Take(folder, create: false);
            ChainHost host = ChainHost.Open(data.Chains[0], password, TimeProvider.System);
            Say("ready");
            for (int i = first; i < first + int.Parse(batches, CultureInfo.InvariantCulture); i++)
            {
                DepositResult result = await host.DepositAsync(OwnChain.DepositOf(Body(i), Key(i)));
                if (result.Outcome is not (DepositOutcome.Sealed or DepositOutcome.Replayed))
                {
                    Console.Error.WriteLine($"{result.Outcome}: {host.Stopped?.Sentence ?? "no reason"}");
                    Environment.Exit(Refused);
                }

                for (int line = 0; line < result.Count; line++)
                {
                    Say($"acked {i} {result.First + line} {Convert.ToHexStringLower(Encoding.UTF8.GetBytes(result.ReceiptOf(line).LeafJson))}");
                }
            }

            Environment.Exit(0);
        }
        catch (ChainRefusedException e)
        {
            Console.Error.WriteLine($"{e.Refusal}: {e.Message}");
            Environment.Exit(Refused);
        }

        return 0;
    }

    /// <summary>The same batch has the same key in every run.</summary>
    public static string Key(int batch) => "child-" + batch.ToString(CultureInfo.InvariantCulture);

    /// <summary>The same batch has the same bytes in every run.</summary>
    public static byte[] Body(int batch)
    {
        var random = new Random(batch);
        var body = new StringBuilder();
        byte[] digest = new byte[32];
        for (int i = 0; i < Lines; i++)
        {
            random.NextBytes(digest);
            string hex = Convert.ToHexStringLower(digest);
            body.Append(CultureInfo.InvariantCulture, $"{{\"parts\":[{{\"media\":\"text/plain\",\"sha256\":\"{hex}\",\"size\":{i},\"sm3\":\"{hex}\"}}],\"type\":\"document\"}}\n");
        }

        return Encoding.ASCII.GetBytes(body.ToString());
    }

    private static void Say(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }
}
