using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Chain.Index;

namespace Notary.Cli.Chains;

/// <summary><c>notary fsck</c>: checks every chain of a data folder from its bytes, and finds a rollback by a checkpoint saved elsewhere.</summary>
internal static class FsckCommand
{
    public static Command Build()
    {
        Option<string?> data = ChainCommand.DataOption();
        var against = new Option<string?>("--against") { Description = "A checkpoint (signed note) saved elsewhere: the chain must hold and extend it." };
        var rebuild = new Option<bool>("--rebuild-index") { Description = "Then make the look-up index anew from the chain's records, if all is consistent." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object a chain." };
        Option<string?> password = ClientOptions.PasswordFile();
        var command = new Command("fsck", "Checks every record, tile, signature and item box. Ends with 0 when all is consistent, 1 when something is not.") { data, against, rebuild, json, password };
        command.SetAction((parsed, cancel) => Task.FromResult(Run(
            ChainCommand.DataFolderPath(parsed.GetValue(data)), parsed.GetValue(against), parsed.GetValue(rebuild), parsed.GetValue(json), parsed.GetValue(password), cancel)));
        return command;
    }

    private static int Run(string dataPath, string? against, bool rebuild, bool json, string? passwordFile, CancellationToken cancel)
    {
        byte[]? note = against is null ? null : ReadNote(against);

        // Nothing may change underneath the check, so the folder is taken as a server takes it.
        using DataFolder data = DataFolder.Take(dataPath, create: false);
        string? password = passwordFile is not null ? ClientOptions.ReadPassword(passwordFile) : File.Exists(data.PasswordPath) ? data.DevelopmentPassword() : null;
        bool clean = true;
        foreach (ChainFolder chain in data.Chains)
        {
            FsckReport report = Fsck.Run(chain, new FsckOptions { Against = note is null ? (ReadOnlyMemory<byte>?)null : note, Password = password, Nodes = data.Nodes(chain.Name) }, Progress(), cancel);
            clean &= report.Clean;
            Print(report, json);
            if (rebuild && report.Clean)
            {
                long covered = IndexRebuild.Run(
                    chain, password ?? throw new CliException(ExitCode.Usage, "password-needed", "The index is keyed, so making it anew needs the password of the key files; name it with --password-file."), Progress(), cancel);
                if (!json)
                {
                    Console.WriteLine($"  look-up index made anew for {covered} records");
                }
            }
        }

        return clean ? ExitCode.Passed : ExitCode.Failed;
    }

    private static byte[] ReadNote(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.NoInput, "file-unreadable", $"The checkpoint {path} cannot be read.", e);
        }
    }

    private static Progress<long>? Progress() => Terminal.ShowsProgress ? new Progress<long>(leaves => Console.Error.Write($"\r{leaves} records checked\r")) : null;

    private static void Print(FsckReport report, bool json)
    {
        if (json)
        {
            Console.WriteLine(ToJson(report));
            return;
        }

        Console.WriteLine($"{report.Chain}: {report.Size} records, root {report.Root.ToHex()}, {report.ItemsOpened} of {report.Items} item boxes opened");
        Console.WriteLine($"  freshness: {report.Freshness}");
        foreach (FsckFinding finding in report.Findings)
        {
            Console.WriteLine($"  {(finding.IsError ? "ERROR" : "remark")} {finding.Code} ({finding.Chain}, {finding.Table}{(finding.Index < 0 ? string.Empty : ", index " + finding.Index)}): {Terminal.Printable(finding.Sentence)}");
        }

        Console.WriteLine($"  {(report.Clean ? "clean" : "NOT CLEAN")}");
    }

    private static string ToJson(FsckReport report)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("chain", report.Chain);
            json.WriteNumber("size", report.Size);
            json.WriteString("root", report.Root.ToHex());
            json.WriteNumber("items", report.Items);
            json.WriteNumber("items_opened", report.ItemsOpened);
            json.WriteString("freshness", report.Freshness);
            json.WriteBoolean("clean", report.Clean);
            json.WriteStartArray("findings");
            foreach (FsckFinding finding in report.Findings)
            {
                json.WriteStartObject();
                json.WriteString("code", finding.Code);
                json.WriteBoolean("error", finding.IsError);
                json.WriteString("chain", finding.Chain);
                json.WriteNumber("index", finding.Index);
                json.WriteString("table", finding.Table);
                json.WriteString("sentence", finding.Sentence);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
