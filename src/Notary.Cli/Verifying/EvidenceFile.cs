using Notary.Evidence;

namespace Notary.Cli.Verifying;

/// <summary>Looks into a package or receipt before it is verified, only to tell which of the two it is and which trust file to ask.</summary>
internal static class EvidenceFile
{
    /// <summary>A receipt is JSON, so it begins with a brace, perhaps after white space; a zip never does.</summary>
    public static bool IsReceipt(FileStream file)
    {
        file.Position = 0;
        int first;
        do
        {
            first = file.ReadByte();
        }
        while (first is ' ' or '\t' or '\r' or '\n');
        file.Position = 0;
        return first == '{';
    }

    /// <summary>The origin that the leaf names, or null when it names none; nothing about it is verified.</summary>
    public static string? OriginUnverified(FileStream file)
    {
        ReadOnlyMemory<byte> leaf = default;
        if (IsReceipt(file))
        {
            if (Receipt.TryParse(ReadAll(file, Receipt.MaxLength), out Receipt? receipt) == ReceiptProblem.None)
            {
                leaf = receipt!.LeafBytes;
            }
        }
        else if (PackageReader.TryOpen(file, out PackageReader? package) is null)
        {
            leaf = package!.LeafUnverified;
        }

        return CanonicalValue.TryParse(leaf.Span, CanonicalLimits.Leaf, out CanonicalValue value).Ok && value.Type == CanonicalType.Object ? value["chain"]?.AsString : null;
    }

    /// <summary>All bytes, at most one more than <paramref name="limit"/>: whoever parses them refuses what is longer.</summary>
    public static byte[] ReadAll(FileStream file, int limit)
    {
        file.Position = 0;
        byte[] bytes = new byte[Math.Min(file.Length, limit + 1)];
        file.ReadExactly(bytes);
        return bytes;
    }
}
