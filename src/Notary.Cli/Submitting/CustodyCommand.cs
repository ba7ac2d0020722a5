using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Notary.Cli.Verifying;
using Notary.Client;
using Notary.Crypto.Native;
using Notary.Evidence;

namespace Notary.Cli.Submitting;

/// <summary><c>notary custody release|receive|decline|withdraw|show</c>: moves a record from one region to another, and shows where transfers stand. Each act leaves a package that verifies alone.</summary>
internal static class CustodyCommand
{
    private static readonly string[] Ways = ["outgoing", "incoming"];

    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(60);

    private sealed record Settings(string? Output, TimeSpan Wait, string? Trust, string? Credential, RetryPolicy Retry);

    public static Command Build() => new("custody", "Moves the custody of a record from one region to another.") { Release(), Receive(), Decline(), Withdraw(), Show() };

    private static Command Release()
    {
        var record = new Argument<string>("RECORD") { Description = "Number or id of the record; by number also one that another region sealed and this one received." };
        NumberOption.RefuseOptions(record);
        var to = new Option<string>("--to") { Description = "The one region that may receive it, by name or origin.", Required = true };
        return Act(new Command("release", "Releases a record to another region.") { record, to }, parsed =>
            CustodyOrder.Release(RecordOf(parsed.GetValue(record)!), ChainOf(parsed.GetValue(to)!)));
    }

    private static Command Receive()
    {
        (Argument<string> transfer, Option<string?> from, Option<string?> proof) = Decision();
        return Act(new Command("receive", "Receives what another region released to this one; waits until the release is anchored.") { transfer, from, proof }, parsed =>
            CustodyOrder.Receive(TransferOf(parsed.GetValue(transfer)!), SourceOf(parsed.GetValue(from)), ProofOf(parsed.GetValue(proof))));
    }

    private static Command Decline()
    {
        (Argument<string> transfer, Option<string?> from, Option<string?> proof) = Decision();
        return Act(new Command("decline", "Declines what another region released to this one.") { transfer, from, proof }, parsed =>
            CustodyOrder.Decline(TransferOf(parsed.GetValue(transfer)!), SourceOf(parsed.GetValue(from)), ProofOf(parsed.GetValue(proof))));
    }

    private static Command Withdraw()
    {
        (Argument<string> transfer, _, Option<string?> proof) = Decision();
        return Act(new Command("withdraw", "Takes back what the target declined; waits until the refusal is anchored.") { transfer, proof }, parsed =>
            CustodyOrder.Withdraw(TransferOf(parsed.GetValue(transfer)!), ProofOf(parsed.GetValue(proof))));
    }

    private static Command Show()
    {
        var transfer = new Argument<string?>("TRANSFER") { Description = "A transfer's id; without it those under way from and to the account's chain.", Arity = ArgumentArity.ZeroOrOne };
        NumberOption.RefuseOptions(transfer);
        var limit = new Option<int>("--limit") { Description = "Of a list: about so many each way, a page of the server's at a time.", DefaultValueFactory = _ => 100 };
        NumberOption.Between(limit, 1, 1_000);
        Option<string?> credential = ClientOptions.Credential();
        var json = new Option<bool>("--json") { Description = "The server's answer as it is." };
        var command = new Command("show", "Shows where transfers stand, as the server says; what is proved stands in the packages.") { transfer, limit, credential, json };
        command.SetAction((parsed, cancel) => ShowAsync(parsed.GetValue(transfer), parsed.GetValue(limit), parsed.GetValue(credential), parsed.GetValue(json), cancel));
        return command;
    }

    private static (Argument<string> Transfer, Option<string?> From, Option<string?> Proof) Decision()
    {
        var transfer = new Argument<string>("TRANSFER") { Description = "The transfer's id." };
        NumberOption.RefuseOptions(transfer);
        return (transfer,
            new Option<string?>("--from") { Description = "The region that released it, where several drew the same id." },
            new Option<string?>("--proof") { Description = "Package of the other region's act, when another platform serves it." });
    }

    private static Command Act(Command command, Func<ParseResult, CustodyOrder> order)
    {
        var output = new Option<string?>("--out") { Description = "The package to write; without it NUMBER.asice here." };
        var wait = new Option<int>("--wait") { Description = "Seconds to wait for the state that the trust file requires.", DefaultValueFactory = _ => (int)s_wait.TotalSeconds };
        NumberOption.Between(wait, 0, 86_400);
        Option<string?> trust = ClientOptions.Trust();
        Option<string?> credential = ClientOptions.Credential();
        Option<int> attempts = ClientOptions.Attempts();
        foreach (Option option in new Option[] { output, wait, trust, credential, attempts })
        {
            command.Add(option);
        }

        command.SetAction((parsed, cancel) => RunAsync(
            order(parsed),
            new Settings(parsed.GetValue(output), TimeSpan.FromSeconds(parsed.GetValue(wait)), parsed.GetValue(trust), parsed.GetValue(credential), RetryPolicy.Default with { Attempts = parsed.GetValue(attempts) }),
            cancel));
        return command;
    }

    private static async Task<int> RunAsync(CustodyOrder order, Settings settings, CancellationToken cancel)
    {
        TrustStore trust = TrustStore.Load(settings.Trust);
        using var client = new NotaryClient(CredentialFile.Find(settings.Credential), trust, settings.Retry);
        string key = NotaryClient.NewIdempotencyKey();
        DateTime until = DateTime.UtcNow + settings.Wait;
        while (true)
        {
            // The same key: what is sealed is answered again, with the proof of the state that it has reached meanwhile.
            SealedCustody act = await client.ActOnTransferAsync(order, key, settings.Wait > TimeSpan.Zero ? RecordState.Anchored : RecordState.Sealed, cancel);
            using var package = new MemoryStream();
            act.WritePackage(package);
            package.Position = 0;
            VerificationReport report = Verifier.Verify(package, [], trust.Find(act.Chain.Origin)!.File);
            if (report.Indication == Indication.TotalFailed)
            {
                throw new CliException(ExitCode.Failed, "package-not-proved", $"The package of {act.Number} does not verify, so it was not written ({report.DecidingCheck?.Name}): {report.Sentence.En}");
            }

            if (report.SubIndication == SubIndication.TryLater && DateTime.UtcNow < until)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), cancel);
                continue;
            }

            return Report(act, report, settings.Output ?? act.Number + ".asice", package);
        }
    }

    private static int Report(SealedCustody act, VerificationReport report, string path, MemoryStream package)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        DurableFile.Replace(path + ".part", package.ToArray());
        string? kept = NotarizeCommand.MoveIn(path + ".part", path);
        CustodyRecord custody = act.Facts.CustodyRecord!;
        string direction = custody.Act == CustodyAct.Released ? "to " + custody.Target : custody.Act == CustodyAct.Withdrawn ? "declined by " + custody.Peer : "from " + custody.Peer;
        Console.WriteLine($"{CustodyActs.Name(custody.Act)}: {act.Number}, transfer {act.Transfer:D} {direction}, {IndicationNames.Of(report.Indication)}, {path}");
        if (report.Notice is { } notice)
        {
            Console.WriteLine($"  {notice.En}");
        }

        if (kept is not null)
        {
            Console.WriteLine($"  the earlier package was kept as {kept}");
        }

        if (report.Indication == Indication.TotalPassed)
        {
            return ExitCode.Passed;
        }

        Terminal.Warn("not-passed", $"{path} is {IndicationNames.Of(report.Indication)} / {IndicationNames.Of(report.SubIndication)}: {report.Sentence.En}");
        return ExitCode.Indeterminate;
    }

    private static async Task<int> ShowAsync(string? transfer, int limit, string? credential, bool asJson, CancellationToken cancel)
    {
        using var client = new NotaryClient(CredentialFile.Find(credential), TrustStore.Load());
        Guid? one = transfer is null ? null : TransferOf(transfer);
        (string? outgoing, string? incoming, int shown) = (null, null, 0);
        try
        {
            do
            {
                using JsonDocument document = JsonDocument.Parse(await client.TransfersUnverifiedAsync(one, limit, outgoing, incoming, cancel));
                JsonElement root = document.RootElement;
                if (asJson)
                {
                    Console.WriteLine(root.GetRawText());
                }
                else if (one is not null)
                {
                    One(root);
                }
                else
                {
                    List(root);
                }

                if (one is null)
                {
                    // A page may be short although there are more.
                    shown += Ways.Max(way => root.GetProperty(way).GetArrayLength());
                    (outgoing, incoming) = (NextOf(root, "outgoing"), NextOf(root, "incoming"));
                }
            }
            while ((outgoing ?? incoming) is not null && shown < limit);

            if ((outgoing ?? incoming) is not null)
            {
                Terminal.Warn("more-transfers", "There are more than were shown; see --limit.");
            }

            return ExitCode.Passed;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new CliException(ExitCode.Data, "answer-malformed", "The server's answer about transfers is not of the documented form.", e);
        }
    }

    private static string? NextOf(JsonElement root, string way) => root.GetProperty("next").TryGetProperty(way, out JsonElement place) ? place.GetString() : null;

    private static void List(JsonElement root)
    {
        foreach (string way in Ways)
        {
            foreach (JsonElement view in root.GetProperty(way).EnumerateArray())
            {
                Console.WriteLine($"{way}: {Text(view, "transfer")} {Text(view, "state")}, {Text(view, "source")} to {Text(view, "target")}, record {RecordText(view)}");
            }
        }
    }

    private static void One(JsonElement view)
    {
        Console.WriteLine($"transfer {Text(view, "transfer")} {Text(view, "state")}, {Text(view, "source")} to {Text(view, "target")}");
        Console.WriteLine($"record {RecordText(view)}");
        foreach (string act in Enum.GetValues<CustodyAct>().Select(CustodyActs.Name))
        {
            if (view.TryGetProperty(act, out JsonElement step))
            {
                Console.WriteLine($"{act}: {Text(step, "number")} at {Text(step, "sealed")} by {Text(step, "account")}, {Text(step, "state")}");
            }
        }
    }

    private static string RecordText(JsonElement view)
    {
        JsonElement evidence = view.GetProperty("evidence");
        return string.Create(CultureInfo.InvariantCulture, $"{evidence.GetProperty("index").GetInt64()} of {Text(evidence, "chain")}, {Text(evidence, "id")}");
    }

    private static string Text(JsonElement json, string name) => Terminal.Printable(json.GetProperty(name).GetString() ?? throw new FormatException(name));

    private static string RecordOf(string text) => RecordNumber.TryParse(text, out string code, out long index) ? RecordNumber.Format(code, index)
        : RecordId.TryParse(text.ToLowerInvariant(), out Guid id) ? id.ToString("D")
        : throw new CliException(ExitCode.Usage, "not-a-record", $"{text} is no record number with a right check character, and no record id.");

    private static Guid TransferOf(string text) => RecordId.TryParse(text.ToLowerInvariant(), out Guid id)
        ? id
        : throw new CliException(ExitCode.Usage, "not-a-transfer", $"{text} is no transfer id: a UUID of version 7.");

    private static string ChainOf(string text) => Grammar.IsName(text) || Grammar.IsOrigin(text)
        ? text
        : throw new CliException(ExitCode.Usage, "not-a-chain", $"{text} is neither a chain's name nor an origin.");

    private static string? SourceOf(string? text) => text is null ? null : ChainOf(text);

    private static CustodyProof? ProofOf(string? path)
    {
        if (path is null)
        {
            return null;
        }

        using FileStream file = VerifyCommand.OpenInput(path);
        return PackageReader.TryOpen(file, out PackageReader? package) is null && package!.AnchorLeafUnverified is { } anchor
            ? new CustodyProof(package.LeafUnverified, System.Text.Encoding.UTF8.GetString(package.ProofUnverified.Span), new AnchorProof(anchor, System.Text.Encoding.UTF8.GetString(package.AnchorProofUnverified!)))
            : throw new CliException(ExitCode.Data, "package-malformed", $"{path} is no package of an anchored record.");
    }
}
