using System.CommandLine;
using Notary.Cli.Governance;
using Notary.Client;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Cli.Verifying;

/// <summary><c>notary verify PACKAGE|RECEIPT [FILE…]</c>: the offline verifier. No server, no network, no native library of ours.</summary>
internal static class VerifyCommand
{
    public static Command Build()
    {
        var package = new Argument<string>("PACKAGE") { Description = "A package (.asice) or a receipt (.json)." };
        var files = new Argument<string[]>("FILE") { Description = "Files beside the package, for parts that it does not hold.", Arity = ArgumentArity.ZeroOrMore };
        NumberOption.RefuseOptions(files);
        NumberOption.RefuseOptions(package);
        Option<string?> trust = ClientOptions.Trust();
        var json = new Option<bool>("--json") { Description = "Print the report as JSON." };
        var language = new Option<string>("--lang") { Description = "Language of the report: en, zh or both.", DefaultValueFactory = _ => "en" };
        language.AcceptOnlyFromAmong("en", "zh", "both");
        var extract = new Option<string?>("--extract") { Description = "Folder into which the package's files are written, also when the verdict is not TOTAL-PASSED; nothing is overwritten." };
        var command = new Command("verify", "Verifies offline. Ends with 0 for TOTAL-PASSED, 1 for TOTAL-FAILED, 2 for INDETERMINATE.") { package, files, trust, json, language, extract };
        command.SetAction(parsed =>
        {
            var language_ = parsed.GetValue(language) switch { "zh" => ReportLanguage.Chinese, "both" => ReportLanguage.Both, _ => ReportLanguage.English };
            return Run(parsed.GetValue(package)!, parsed.GetValue(files) ?? [], parsed.GetValue(trust), parsed.GetValue(json) ? null : language_, parsed.GetValue(extract));
        });
        return command;
    }

    private static int Run(string path, string[] filePaths, string? trustPath, ReportLanguage? language, string? extract)
    {
        using FileStream evidence = OpenInput(path);
        var files = new List<GivenFile>();
        try
        {
            foreach (string file in filePaths)
            {
                files.Add(new GivenFile(Path.GetFileName(file), OpenInput(file)));
            }

            bool isReceipt = EvidenceFile.IsReceipt(evidence);
            if (isReceipt && extract is not null)
            {
                throw new CliException(ExitCode.Usage, "nothing-to-extract", "A receipt holds no files; --extract needs a package.");
            }

            TrustStore store = TrustStore.Load(trustPath);
            FoundTrust? trust = (EvidenceFile.OriginUnverified(evidence) is { } origin ? store.Find(origin) : null) ?? (store.Files.Count > 0 ? store.Files[0] : null);
            evidence.Position = 0;
            VerificationReport report = isReceipt
                ? VerifyReceipt(EvidenceFile.ReadAll(evidence, Receipt.MaxLength), files, filePaths, trust?.File)
                : Verifier.Verify(evidence, files, trust?.File);
            if (language is { } shown)
            {
                Console.Write(report.ToText(shown));
                Console.WriteLine(trust is null
                    ? "\ntrust file used: none; pin one with notary trust pin, or name one with --trust"
                    : $"\ntrust file used: {trust.Path} ({TrustCommand.Describe(trust.Source)}), fingerprint {trust.File.Fingerprint.ToHex()}");
            }
            else
            {
                Console.WriteLine(report.ToJson());
            }

            if (extract is not null)
            {
                Extraction.Run(evidence, report, extract);
            }

            return ExitOf(report.Indication);
        }
        finally
        {
            foreach (GivenFile file in files)
            {
                file.Content.Dispose();
            }
        }
    }

    private static VerificationReport VerifyReceipt(byte[] bytes, List<GivenFile> files, string[] paths, TrustFile? trust)
    {
        Openings? openings = files.Count > 0 && Receipt.TryParse(bytes, out Receipt? receipt) == ReceiptProblem.None
            ? ReceiptOpenings.TryFind(receipt!, [.. paths.Select(p => FileDigest.Compute(p))])
            : null;
        if (files.Count > 0 && openings is null)
        {
            Terminal.Warn("files-not-of-receipt", "The files are not, under these names, what the receipt's record commits to; only the receipt is judged. The package says what was sealed: notary proof and the server's /package.");
        }

        return Verifier.VerifyReceipt(bytes, openings, openings is null ? [] : files, trust);
    }

    /// <summary>The exit code of a verdict.</summary>
    public static int ExitOf(Indication indication) => indication switch
    {
        Indication.TotalPassed => ExitCode.Passed,
        Indication.TotalFailed => ExitCode.Failed,
        _ => ExitCode.Indeterminate,
    };

    /// <summary>Opens a file that the user named.</summary>
    public static FileStream OpenInput(string path)
    {
        try
        {
            return Directory.Exists(path)
                ? throw new CliException(ExitCode.NoInput, "file-is-folder", $"{path} is a folder.")
                : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 64 * 1024);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CliException(ExitCode.NoInput, "file-not-found", $"There is no file {path}.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.NoInput, "file-unreadable", $"The file {path} cannot be read.", e);
        }
    }
}
