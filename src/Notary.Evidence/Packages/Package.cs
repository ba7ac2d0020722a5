using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// Writes a package: a zip in ASiC-E layout (ETSI EN 319 162-1) with, in this order, <c>mimetype</c>, the parts at hand under
/// their names, <c>notary/leaf.json</c>, <c>notary/openings.json</c>, <c>notary/proof.txt</c>, and once the record is anchored
/// <c>notary/anchor.json</c> and <c>notary/anchor-proof.txt</c>. The same input gives the same bytes.
/// Everything is stored: a part lies in the package as it is, and a bit that flips stays one bit.
/// </summary>
public static class PackageWriter
{
    public static ReadOnlySpan<byte> MimetypeContent => "application/vnd.etsi.asic-e+zip"u8;

    /// <summary>
    /// Writes a package. Whether the parts are what the record sealed is the verifier's business, not looked at here.
    /// </summary>
    /// <param name="output">Empty, seekable, writable. The caller flushes and closes.</param>
    /// <param name="leaf">The stored bytes of the leaf.</param>
    /// <param name="files">Content of each part in order, null where it is left out; may be empty for a package without content.</param>
    /// <param name="anchor">How the checkpoint in the proof is anchored on the main chain, or null.</param>
    public static void Write(Stream output, ReadOnlySpan<byte> leaf, Openings openings, TlogProof proof, IReadOnlyList<Stream?> files, AnchorProof? anchor = null)
    {
        ArgumentNullException.ThrowIfNull(openings);
        ArgumentNullException.ThrowIfNull(proof);
        ArgumentNullException.ThrowIfNull(files);
        if (files.Count != 0 && files.Count != openings.Parts.Count)
        {
            throw new ArgumentException("one stream, or null, for each part", nameof(files));
        }

        var zip = new StrictZipWriter(output);
        zip.Add(EntryNames.Mimetype, MimetypeContent);
        var names = openings.EntryNamesOfParts();
        for (var i = 0; i < files.Count; i++)
        {
            if (files[i] is { } file)
            {
                zip.Add(names[i].Name, file);
            }
        }

        zip.Add(EntryNames.Leaf, leaf);
        zip.Add(EntryNames.Openings, openings.ToBytes());
        zip.Add(EntryNames.Proof, System.Text.Encoding.UTF8.GetBytes(proof.Format()));
        if (anchor is not null)
        {
            zip.Add(EntryNames.Anchor, anchor.Leaf.Span);
            zip.Add(EntryNames.AnchorProof, System.Text.Encoding.UTF8.GetBytes(anchor.Proof));
        }

        zip.Finish();
    }
}

/// <summary>Why bytes that are a strict zip are no package. Frozen.</summary>
public enum PackageFailure
{
    None = 0,
    /// <summary>No strict zip, or an entry of it does not read: <see cref="PackageProblem.Zip"/>.</summary>
    Zip = 1,
    /// <summary>The first entry is not <c>mimetype</c>, stored, with the one media type.</summary>
    Mimetype = 2,
    /// <summary>Leaf, openings or proof is missing, or one of the two entries of an anchor without the other.</summary>
    EntryMissing = 3,
    /// <summary>An entry that the record does not determine, or one in another place than the writer's order.</summary>
    EntryNotDerivable = 4,
    /// <summary>Leaf, openings, proof or an entry of the anchor is larger than its limit.</summary>
    EntryTooLarge = 5,
    /// <summary>The openings do not parse, so names cannot be derived.</summary>
    Openings = 6,
}

public sealed record PackageProblem(PackageFailure Failure, string? Entry, string Detail, ZipProblem? Zip = null);

/// <summary>A part of a package: its derived name, and its entry when the package holds the content.</summary>
public sealed record PackagePart(int Index, PartName Name, ZipEntry? Entry);

/// <summary>
/// Reads a package: the strict zip, its mimetype, and that it has exactly the entries that the record determines. What it hands
/// out is compared with nothing yet: names and contents may be shown or written only as the verifier's report allows.
/// </summary>
public sealed class PackageReader
{
    public const int MaxLeafBytes = 16 * 1024;

    private readonly StrictZipReader _zip;

    private PackageReader(StrictZipReader zip, byte[] leaf, Openings openings, byte[] proof, (byte[] Leaf, byte[] Proof)? anchor, IReadOnlyList<PackagePart> parts)
    {
        _zip = zip;
        LeafUnverified = leaf;
        OpeningsUnverified = openings;
        ProofUnverified = proof;
        AnchorLeafUnverified = anchor?.Leaf;
        AnchorProofUnverified = anchor?.Proof;
        Parts = parts;
    }

    public ReadOnlyMemory<byte> LeafUnverified { get; }

    public Openings OpeningsUnverified { get; }

    public ReadOnlyMemory<byte> ProofUnverified { get; }

    /// <summary>The anchor leaf, or null when the package has none; <see cref="AnchorProofUnverified"/> is null with it.</summary>
    public byte[]? AnchorLeafUnverified { get; }

    /// <summary>The bytes of the anchor leaf's proof, or null.</summary>
    public byte[]? AnchorProofUnverified { get; }

    /// <summary>Every part of the record, in order.</summary>
    public IReadOnlyList<PackagePart> Parts { get; }

    /// <summary>
    /// Opens a package. The stream must stay open and unchanged while the reader is used; it is not owned.
    /// Null when it is one.
    /// </summary>
    public static PackageProblem? TryOpen(Stream input, out PackageReader? package, ZipLimits? limits = null)
    {
        package = null;
        if (StrictZipReader.TryOpen(input, limits ?? ZipLimits.Default, out var zip) is { } structure)
        {
            return OfZip(structure);
        }

        if (Mimetype(zip!) is { } mimetype)
        {
            return mimetype;
        }

        var entries = zip!.Entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        byte[] openingBytes = [], proof = [];
        var problem = Small(zip, entries, EntryNames.Leaf, MaxLeafBytes, out var leaf)
            ?? Small(zip, entries, EntryNames.Openings, Openings.MaxBytes, out openingBytes)
            ?? Small(zip, entries, EntryNames.Proof, TlogProof.MaxLength, out proof);
        (byte[] Leaf, byte[] Proof)? anchor = null;
        if (problem is null && (entries.ContainsKey(EntryNames.Anchor) || entries.ContainsKey(EntryNames.AnchorProof)))
        {
            byte[] anchorProof = [];
            problem = Small(zip, entries, EntryNames.Anchor, MaxLeafBytes, out var anchorLeaf)
                ?? Small(zip, entries, EntryNames.AnchorProof, TlogProof.MaxLength, out anchorProof);
            anchor = (anchorLeaf, anchorProof);
        }

        if (problem is not null)
        {
            return problem;
        }

        if (!Openings.TryParse(openingBytes, out var openings, out var detail))
        {
            return new PackageProblem(PackageFailure.Openings, EntryNames.Openings, detail);
        }

        if (Derivable(zip, entries, openings!, anchor is not null, out var parts) is { } strange)
        {
            return strange;
        }

        package = new PackageReader(zip, leaf, openings!, proof, anchor, parts);
        return null;
    }

    /// <summary>Passes a part's content to the sink; counts only when the answer is null.</summary>
    public ZipProblem? Read(PackagePart part, ByteSink sink)
    {
        ArgumentNullException.ThrowIfNull(part);
        return _zip.Read(part.Entry ?? throw new ArgumentException("the package does not hold this part's content", nameof(part)), sink);
    }

    private static PackageProblem? Mimetype(StrictZipReader zip)
    {
        var first = zip.Entries[0];
        if (first.Name != EntryNames.Mimetype || first.Method != ZipMethod.Stored || first.Size != PackageWriter.MimetypeContent.Length)
        {
            return new PackageProblem(PackageFailure.Mimetype, first.Name, "the first entry is not mimetype, stored");
        }

        if (zip.ReadAll(first, PackageWriter.MimetypeContent.Length, out var content) is { } problem)
        {
            return OfZip(problem);
        }

        return content.AsSpan().SequenceEqual(PackageWriter.MimetypeContent)
            ? null
            : new PackageProblem(PackageFailure.Mimetype, first.Name, "the media type is not application/vnd.etsi.asic-e+zip");
    }

    private static PackageProblem? Small(StrictZipReader zip, Dictionary<string, ZipEntry> entries, string name, int limit, out byte[] content)
    {
        content = [];
        if (!entries.TryGetValue(name, out var entry))
        {
            return new PackageProblem(PackageFailure.EntryMissing, name, "the entry is missing");
        }

        if (entry.Size > limit)
        {
            return new PackageProblem(PackageFailure.EntryTooLarge, name, $"{entry.Size} bytes, at most {limit} are taken");
        }

        return zip.ReadAll(entry, limit, out content) is { } problem ? OfZip(problem) : null;
    }

    /// <summary>The entries are, in this order: mimetype, any of the parts in their order, leaf, openings, proof, and both of the anchor or none. Nothing else.</summary>
    private static PackageProblem? Derivable(StrictZipReader zip, Dictionary<string, ZipEntry> entries, Openings openings, bool anchored, out PackagePart[] parts)
    {
        var names = openings.EntryNamesOfParts();
        parts = [.. names.Select((name, i) => new PackagePart(i, name, entries.GetValueOrDefault(name.Name)))];
        string[] expected =
        [
            EntryNames.Mimetype, .. parts.Where(part => part.Entry is not null).Select(part => part.Name.Name), EntryNames.Leaf, EntryNames.Openings, EntryNames.Proof,
            .. anchored ? (string[])[EntryNames.Anchor, EntryNames.AnchorProof] : [],
        ];
        for (var i = 0; i < Math.Max(expected.Length, zip.Entries.Count); i++)
        {
            var actual = i < zip.Entries.Count ? zip.Entries[i].Name : null;
            if (i >= expected.Length || actual != expected[i])
            {
                return new PackageProblem(PackageFailure.EntryNotDerivable, actual, i < expected.Length
                    ? $"entry {i} is '{actual}', the record determines '{expected[i]}'"
                    : $"entry {i} is '{actual}', the record determines none there");
            }
        }

        return null;
    }

    private static PackageProblem OfZip(ZipProblem problem) => new(PackageFailure.Zip, problem.Entry, problem.ToString(), problem);
}
