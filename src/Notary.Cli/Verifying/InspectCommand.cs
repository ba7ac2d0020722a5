using System.CommandLine;
using System.Text;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Cli.Verifying;

/// <summary><c>notary inspect PACKAGE|RECEIPT</c>: what stands in it, without judging any of it.</summary>
internal static class InspectCommand
{
    public static Command Build()
    {
        var file = new Argument<string>("PACKAGE") { Description = "A package (.asice) or a receipt (.json)." };
        var command = new Command("inspect", "Shows what a package or receipt says, without verifying it.") { file };
        command.SetAction(parsed => Run(parsed.GetValue(file)!));
        return command;
    }

    private static int Run(string path)
    {
        using FileStream file = VerifyCommand.OpenInput(path);
        Console.WriteLine("Nothing below has been verified; notary verify does that.");
        if (EvidenceFile.IsReceipt(file))
        {
            ReceiptProblem problem = Receipt.TryParse(EvidenceFile.ReadAll(file, Receipt.MaxLength), out Receipt? receipt);
            if (receipt is null)
            {
                throw new CliException(ExitCode.Data, "receipt-malformed", $"{path} is no receipt ({problem}).");
            }

            Row("number", receipt.Number);
            Leaf(receipt.LeafBytes);
            Console.WriteLine("secret: present; whoever has it can open what the record commits to");
            Proof(Encoding.UTF8.GetBytes(receipt.Proof));
            return ExitCode.Passed;
        }

        if (PackageReader.TryOpen(file, out PackageReader? package) is { } refused)
        {
            throw new CliException(ExitCode.Data, "package-malformed", $"{path} is no package ({refused.Failure}): {Terminal.Printable(refused.Detail)}.");
        }

        Leaf(package!.LeafUnverified.Span);
        foreach (PackagePart part in package.Parts)
        {
            Opening opening = package.OpeningsUnverified.Parts[part.Index];
            Row($"part/{part.Index}", part.Name.Name + (part.Entry is { } entry ? $" ({entry.Size} bytes in the package)" : " (content not in the package)"));
            Row("  value", opening.Value is { } value ? Encoding.UTF8.GetString(value.ToBytes()) : "withheld");
        }

        foreach (Opening field in package.OpeningsUnverified.Metadata?.Where(m => m.IsOpen) ?? [])
        {
            Row(field.Name, Encoding.UTF8.GetString(field.Value!.ToBytes()));
        }

        Proof(package.ProofUnverified.Span);
        return ExitCode.Passed;
    }

    private static void Leaf(ReadOnlySpan<byte> bytes)
    {
        if (!CanonicalValue.TryParse(bytes, CanonicalLimits.Leaf, out CanonicalValue leaf).Ok || leaf.Type != CanonicalType.Object)
        {
            Row("leaf", "not readable");
            return;
        }

        Row("leaf", $"{bytes.Length} bytes");
        Members(leaf, "  ");
    }

    // A custody record holds another record, and its anchor: each member has its line.
    private static void Members(CanonicalValue json, string indent)
    {
        foreach (string name in json.Names)
        {
            CanonicalValue value = json[name]!;
            if (value.Type == CanonicalType.Object)
            {
                Row(indent + name, string.Empty);
                Members(value, indent + "  ");
            }
            else
            {
                Row(indent + name, value.AsString ?? Encoding.UTF8.GetString(value.ToBytes()));
            }
        }
    }

    private static void Proof(ReadOnlySpan<byte> bytes)
    {
        TlogProofParse parse = TlogProof.TryParse(bytes, out TlogProof? proof);
        if (proof is null)
        {
            Row("proof", $"not readable ({parse.Problem})");
            return;
        }

        Row("proof", $"index {proof.Index}, {proof.Hashes.Count} hashes, suite {proof.Suite.Name}");
        Row("checkpoint", $"{proof.CheckpointUnverified.Origin}, size {proof.CheckpointUnverified.Size}, root {proof.CheckpointUnverified.Root.ToHex()}");
        foreach (NoteSignature signature in proof.Note.Signatures)
        {
            Row("  signed", $"{signature.Name} (key {signature.KeyId:x8})");
        }
    }

    private static void Row(string name, string value) => Console.WriteLine($"{Terminal.Printable(name)}: {Terminal.Printable(value)}");
}
