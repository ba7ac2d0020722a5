using System.Security.Cryptography;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Cli.Verifying;

/// <summary>
/// Writes the files of a package into a folder. Names are the ones that the verifier derived, which are safe on every system; nothing is
/// overwritten. After a verdict other than TOTAL-PASSED it warns. What is written is hashed again, because the package might have been exchanged between the
/// verification and this reading.
/// </summary>
internal static class Extraction
{
    public static void Run(FileStream evidence, VerificationReport report, string folder)
    {
        evidence.Position = 0;
        if (PackageReader.TryOpen(evidence, out PackageReader? package) is { } problem)
        {
            throw new CliException(ExitCode.Failed, "nothing-to-extract", $"Nothing can be extracted: the file is no package ({problem.Failure}).");
        }

        if (report.Indication != Indication.TotalPassed)
        {
            Terminal.Warn("extracted-unverified", $"The verdict is {IndicationNames.Of(report.Indication)}: what is extracted is not proved to be what was sealed.");
        }

        Directory.CreateDirectory(folder);
        foreach (PackagePart part in package!.Parts.Where(p => p.Entry is not null))
        {
            string target = Path.Combine(folder, part.Name.Name);
            string draft = target + ".part";
            if (File.Exists(target))
            {
                throw new CliException(ExitCode.CannotCreate, "file-exists", $"{target} exists and is not overwritten.");
            }

            ReportPart? found = report.Parts.FirstOrDefault(p => p.Index == part.Index);
            ZipProblem? unreadable;
            Hash32 digest;
            using (var output = new FileStream(draft, FileMode.Create, FileAccess.Write))
            using (var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256))
            {
                unreadable = package.Read(part, bytes =>
                {
                    output.Write(bytes);
                    hash.AppendData(bytes);
                });
                digest = Hash32.FromSpan(hash.GetHashAndReset());
            }

            bool proved = unreadable is null && found is { Matches: true } && found.Sha256 == digest;
            if (report.Indication == Indication.TotalPassed && !proved)
            {
                File.Delete(draft);
                throw new CliException(ExitCode.Failed, "package-changed", $"The package changed while it was extracted; {part.Name.Name} was not written.");
            }

            if (unreadable is not null)
            {
                File.Delete(draft);
                Terminal.Warn("part-unreadable", $"{part.Name.Name} cannot be read from the package ({unreadable.Failure}) and was not written.");
                continue;
            }

            File.Move(draft, target);
            Console.Error.WriteLine($"extracted: {target}{(proved ? string.Empty : " (not proved)")}");
        }
    }
}
