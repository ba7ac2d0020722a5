using System.CommandLine;
using Notary.Cli.Verifying;
using Notary.Client;
using Notary.Crypto.Native;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Submitting;

/// <summary><c>notary notarize FILE…</c>: deposits files and writes for each a package that verifies alone.</summary>
internal static class NotarizeCommand
{
    /// <summary>Evidence type of a file about which nothing else is said.</summary>
    public const string DefaultType = "document";

    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(60);

    private sealed record Plan(IReadOnlyList<string> Files, string Package);

    private sealed record Settings(bool HashOnly, TimeSpan Wait, string Type, IReadOnlyDictionary<string, CanonicalValue> Metadata, string? Trust, string? Credential, RetryPolicy Retry);

    public static Command Build()
    {
        var files = new Argument<string[]>("FILE") { Description = "The files.", Arity = ArgumentArity.OneOrMore };
        NumberOption.RefuseOptions(files);
        var output = new Option<string?>("--out") { Description = "Folder for the packages; without it each lies beside its file." };
        var hashOnly = new Option<bool>("--hash-only") { Description = "Leave the file, and its name, out of everything: the package holds digests only." };
        var together = new Option<string?>("--together") { Description = "Make one record of all files (at most 16), in a package of this name." };
        var wait = new Option<int?>("--wait") { Description = "Seconds to wait for the state that the trust file requires.", DefaultValueFactory = _ => null, Arity = ArgumentArity.ZeroOrOne };
        var type = new Option<string>("--type") { Description = "Evidence type.", DefaultValueFactory = _ => DefaultType };
        var meta = new Option<string[]>("--meta") { Description = "A metadata field, as name=value; may be repeated." };
        Option<string?> trust = ClientOptions.Trust();
        Option<string?> credential = ClientOptions.Credential();
        Option<int> attempts = ClientOptions.Attempts();
        var command = new Command("notarize", "Deposits files and writes for each a package (FILE.asice) that verifies without server or network.")
        {
            files, output, hashOnly, together, wait, type, meta, trust, credential, attempts,
        };
        command.SetAction((parsed, cancel) =>
        {
            var settings = new Settings(
                parsed.GetValue(hashOnly),
                parsed.GetValue(wait) is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 86_400)) : s_wait,
                parsed.GetValue(type)!,
                Metadata(parsed.GetValue(meta) ?? []),
                parsed.GetValue(trust),
                parsed.GetValue(credential),
                RetryPolicy.Default with { Attempts = parsed.GetValue(attempts) });
            return RunAsync(PlansOf(parsed.GetValue(files)!, parsed.GetValue(output), parsed.GetValue(together)), settings, cancel);
        });
        return command;
    }

    private static async Task<int> RunAsync(IReadOnlyList<Plan> plans, Settings settings, CancellationToken cancel)
    {
        // Everything that can be wrong on this side is found before the first record is sealed for ever.
        List<FileDigest[]> digests = [.. plans.Select(p => p.Files.Select(f => FileDigest.Compute(f, cancel: cancel)).ToArray())];
        TrustStore trust = TrustStore.Load(settings.Trust);
        using var client = new NotaryClient(CredentialFile.Find(settings.Credential), trust, settings.Retry);
        int exit = ExitCode.Passed;
        for (int i = 0; i < plans.Count; i++)
        {
            SealedRecord record = await client.DepositAsync(RequestOf(digests[i], settings), NotaryClient.NewIdempotencyKey(), cancel);
            FoundTrust judge = trust.Find(record.Chain.Origin)!;
            (VerificationReport report, string? kept) = await WriteAsync(client, record, plans[i], settings, judge, cancel);
            Console.WriteLine($"{string.Join(", ", plans[i].Files.Select(f => Terminal.Printable(Path.GetFileName(f))))}: {record.Number}, {IndicationNames.Of(report.Indication)}, {plans[i].Package}");
            if (report.Notice is { } notice)
            {
                Console.WriteLine($"  {notice.En}");
            }

            if (kept is not null)
            {
                Console.WriteLine($"  the earlier package was kept as {kept}");
            }

            if (report.Indication != Indication.TotalPassed && !(settings.HashOnly && report.SubIndication == SubIndication.SignedDataNotFound))
            {
                Terminal.Warn("not-passed", $"{plans[i].Package} is {IndicationNames.Of(report.Indication)} / {IndicationNames.Of(report.SubIndication)}: {report.Sentence.En}");
                exit = report.Indication == Indication.TotalFailed || exit == ExitCode.Failed ? ExitCode.Failed : ExitCode.Indeterminate;
            }
        }

        return exit;
    }

    /// <summary>Writes the package beside its place, verifies it there, waits for the required state, and moves it in. A package that fails stays away.</summary>
    private static async Task<(VerificationReport Report, string? Kept)> WriteAsync(
        NotaryClient client, SealedRecord record, Plan plan, Settings settings, FoundTrust judge, CancellationToken cancel)
    {
        string draft = plan.Package + ".part";
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(plan.Package))!);
        DateTime until = DateTime.UtcNow + settings.Wait;
        TlogProof proof = record.Proof;
        AnchorProof? anchor = null;
        while (true)
        {
            VerificationReport report = WriteAndVerify(record, proof, anchor, plan, settings, draft, judge);
            if (report.Indication == Indication.TotalFailed)
            {
                File.Delete(draft);
                throw new CliException(ExitCode.Failed, "package-not-proved", $"The package of {record.Number} does not verify, so it was not written ({report.DecidingCheck?.Name}): {report.Sentence.En}");
            }

            if (report.SubIndication != SubIndication.TryLater || DateTime.UtcNow >= until)
            {
                return (report, MoveIn(draft, plan.Package));
            }

            await Task.Delay(TimeSpan.FromSeconds(1), cancel);
            if (Receipt.TryParse(await client.FetchUnverifiedAsync(record.Number, "receipt", cancel), out Receipt? newer) == ReceiptProblem.None
                && TlogProof.TryParse(System.Text.Encoding.UTF8.GetBytes(newer!.Proof), out TlogProof? further).Ok)
            {
                (proof, anchor) = (further!, newer.Anchor);
            }
        }
    }

    private static VerificationReport WriteAndVerify(SealedRecord record, TlogProof proof, AnchorProof? anchor, Plan plan, Settings settings, string draft, FoundTrust judge)
    {
        var contents = new List<FileStream>();
        try
        {
            if (!settings.HashOnly)
            {
                contents.AddRange(plan.Files.Select(VerifyCommand.OpenInput));
            }

            using var package = new FileStream(draft, FileMode.Create, FileAccess.ReadWrite);
            PackageWriter.Write(package, record.Leaf.Span, record.Openings, proof, contents, anchor);
            package.Flush();
            DurableFile.Sync(package.SafeFileHandle);
            package.Position = 0;
            return Verifier.Verify(package, [], judge.File);
        }
        finally
        {
            contents.ForEach(c => c.Dispose());
        }
    }

    /// <summary>Nothing that proves an earlier sealing is overwritten: an existing package gets a number.</summary>
    internal static string? MoveIn(string draft, string package)
    {
        string? kept = null;
        if (File.Exists(package))
        {
            int n = 1;
            do
            {
                kept = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Path.ChangeExtension(package, null)}.{n++}.asice");
            }
            while (File.Exists(kept));
            File.Move(package, kept);
        }

        File.Move(draft, package);
        DurableFile.SyncFolder(Path.GetDirectoryName(Path.GetFullPath(package))!);
        return kept;
    }

    private static EvidenceRequest RequestOf(FileDigest[] digests, Settings settings)
    {
        var metadata = new Dictionary<string, CanonicalValue>(settings.Metadata, StringComparer.Ordinal);
        if (!settings.HashOnly)
        {
            metadata["files"] = CanonicalValue.OfStrings(digests.Select(d => Normalization.ToNfc(d.Name)));
        }

        return new EvidenceRequest
        {
            Type = settings.Type,
            Parts = [.. digests.Select(d => new EvidencePart(PartKind.File, d.Media, d.Sm3, d.Sha256, d.Size))],
            Metadata = metadata.Count > 0 ? metadata : null,
            Sent = DateTimeOffset.UtcNow,
        };
    }

    private static List<Plan> PlansOf(string[] files, string? output, string? together)
    {
        string PackageOf(string name) => Path.Combine(output ?? Path.GetDirectoryName(name) ?? string.Empty, Path.GetFileName(name) + ".asice");
        if (together is not null)
        {
            return files.Length <= MetadataFields.MaxFiles
                ? [new Plan(files, PackageOf(together.EndsWith(".asice", StringComparison.Ordinal) ? together[..^6] : together))]
                : throw new CliException(ExitCode.Usage, "too-many-files", $"One record takes at most {MetadataFields.MaxFiles} named files; use submit for more.");
        }

        List<Plan> plans = [.. files.Select(f => new Plan([f], PackageOf(f)))];
        return plans.DistinctBy(p => Path.GetFullPath(p.Package)).Count() == plans.Count
            ? plans
            : throw new CliException(ExitCode.Usage, "same-name", "Two files would get the same package; notarize them apart, or with different --out folders.");
    }

    private static Dictionary<string, CanonicalValue> Metadata(string[] given)
    {
        var metadata = new Dictionary<string, CanonicalValue>(StringComparer.Ordinal);
        foreach (string pair in given)
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? pair : pair[..equals];
            if (equals < 0 || name == "files" || MetadataFields.IndexOf(name) < 0)
            {
                throw new CliException(ExitCode.Usage, "unknown-field", $"--meta takes name=value with one of these names: {string.Join(", ", MetadataFields.Names.Where(n => n != "files"))}.");
            }

            metadata[name] = CanonicalValue.Of(Normalization.ToNfc(pair[(equals + 1)..]));
        }

        return metadata;
    }
}
