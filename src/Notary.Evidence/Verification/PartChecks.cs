using System.Globalization;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>A file that the user gives beside a package or receipt.</summary>
/// <param name="DisplayName">Shown in the report as given; never a name to write to.</param>
/// <param name="Content">Read once from its position; not owned.</param>
public sealed record GivenFile(string DisplayName, Stream Content);

/// <summary>The checks between leaf, openings and contents.</summary>
internal sealed class PartChecks(CheckList checks, Suite suite, LeafView leaf, Openings openings)
{
    private readonly List<ReportPart> _parts = [];

    public IReadOnlyList<ReportPart> Parts => _parts;

    public IReadOnlyList<ReportField> Fields { get; private set; } = [];

    public string? Generated { get; private set; }

    public void Run(PackageReader? package, IReadOnlyList<GivenFile> files)
    {
        var sealedParts = Commitments();
        FieldValues();
        Contents(sealedParts, package, files);
    }

    /// <summary>Which part openings lead to the sealed commitments; null where one is closed or does not.</summary>
    private EvidencePart?[] Commitments()
    {
        var values = new EvidencePart?[openings.Parts.Count];
        var count = leaf.PartCount;
        if (!checks.Compare(CheckId.PartCount, SubIndication.FormatFailure, null, new Comparison(
            "parts in the record", count.ToString(CultureInfo.InvariantCulture), "parts in the openings", openings.Parts.Count.ToString(CultureInfo.InvariantCulture))))
        {
            return values;
        }

        var computed = openings.Parts.Select(part => part.Commitment(suite, leaf.Chain!, leaf.Id!.Value)).ToArray();
        var bound = Enumerable.Repeat(true, computed.Length).ToArray();
        if (leaf.Parts is { } commitments)
        {
            for (var i = 0; i < computed.Length; i++)
            {
                bound[i] = computed[i] == commitments[i];
                Opened(i, bound[i], new Comparison($"record, parts[{i}]", commitments[i].ToHex(), $"computed from the opening of {openings.Parts[i].Name}", computed[i].ToHex()), values);
            }
        }
        else if (leaf.PartsRoot is { } root)
        {
            var whole = CommitmentTree.Root(suite, computed);
            var holds = checks.Compare(CheckId.PartsRoot, SubIndication.HashFailure, null, new Comparison("record, partroot", root.ToHex(), "computed from all openings", whole.ToHex()));
            for (var i = 0; i < computed.Length && holds; i++)
            {
                Opened(i, true, new Comparison("record, partroot", root.ToHex(), $"computed with {computed[i].ToHex()} for {openings.Parts[i].Name}", whole.ToHex()), values);
            }
        }

        return values;
    }

    private void Opened(int index, bool bound, Comparison compared, EvidencePart?[] values)
    {
        var opening = openings.Parts[index];
        if (!bound)
        {
            checks.Failed(CheckId.PartOpening, SubIndication.HashFailure, opening.Name, compared);
        }
        else if (opening.Value is not { } value)
        {
            checks.Open(CheckId.PartOpening, SubIndication.SignedDataNotFound, CheckOutcome.NotPerformed, opening.Name, compared: compared,
                because: new BilingualText("its description is withheld", "该部分的说明未披露"));
        }
        else if (!EvidencePart.TryParse(value.ToBytes(), out var part))
        {
            checks.Failed(CheckId.PartOpening, SubIndication.FormatFailure, opening.Name, compared, "the sealed value is not that of a part");
        }
        else
        {
            checks.Passed(CheckId.PartOpening, opening.Name, compared);
            values[index] = part;
        }
    }

    private void FieldValues()
    {
        if (leaf.FieldsRoot is null != openings.Metadata is null)
        {
            checks.Failed(CheckId.FieldsRoot, SubIndication.FormatFailure, null,
                new Comparison("record, fields", leaf.FieldsRoot?.ToHex() ?? "absent", "openings, metadata", openings.Metadata is null ? "absent" : "present"));
            return;
        }

        if (leaf.FieldsRoot is not { } root || openings.Metadata is not { } metadata)
        {
            checks.Open(CheckId.FieldsRoot, SubIndication.None, CheckOutcome.NotPerformed, because: new BilingualText("the record has no metadata", "该记录没有元数据"));
            return;
        }

        var computed = CommitmentTree.Root(suite, [.. metadata.Select(field => field.Commitment(suite, leaf.Chain!, leaf.Id!.Value))]);
        if (checks.Compare(CheckId.FieldsRoot, SubIndication.HashFailure, null, new Comparison("record, fields", root.ToHex(), "computed from the openings of all fields", computed.ToHex())))
        {
            Fields = [.. metadata.Where(field => field.IsOpen).Select(field => new ReportField(field.Name, System.Text.Encoding.UTF8.GetString(field.Value!.ToBytes())))];
            Generated = metadata.FirstOrDefault(field => field.Name == "generated")?.Value?.AsString;
        }
    }

    private void Contents(EvidencePart?[] values, PackageReader? package, IReadOnlyList<GivenFile> files)
    {
        var names = openings.EntryNamesOfParts();
        var given = files.Select(file => (file.DisplayName, Digests: ContentDigests.Of(file.Content), Used: false)).ToArray();
        var found = new (ContentDigests Digests, string Source)?[values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            if (package?.Parts[i].Entry is { } entry && values[i] is not null)
            {
                using var sums = new ContentHasher();
                var problem = package.Read(package.Parts[i], sums.Append);
                if (problem is null)
                {
                    checks.Passed(CheckId.PartContent, openings.Parts[i].Name);
                }
                else
                {
                    checks.Failed(CheckId.PartContent, SubIndication.FormatFailure, openings.Parts[i].Name, reason: problem.ToString());
                }

                found[i] = problem is null || problem.Failure == ZipFailure.CrcMismatch ? (sums.Finish(), "package") : null;
            }
        }

        // Files beside the package: by digests first, whatever they are called; what is left is compared, in order, with the parts that are left.
        for (var f = 0; f < given.Length; f++)
        {
            var i = Array.FindIndex(values, part => part is { } value && given[f].Digests.Matches(value));
            if (i < 0)
            {
                continue;
            }

            given[f].Used = true;
            checks.Passed(CheckId.FileGiven, given[f].DisplayName, new Comparison($"sealed SM3 of {openings.Parts[i].Name}", values[i]!.Value.Sm3.ToHex(), "SM3 of the file", given[f].Digests.Sm3.ToHex()));
            found[i] ??= (given[f].Digests, given[f].DisplayName);
        }

        foreach (var file in given.Where(file => !file.Used))
        {
            var i = Enumerable.Range(0, values.Length).FirstOrDefault(i => found[i] is null && values[i] is not null, -1);
            var candidate = i >= 0 ? i : Array.FindIndex(values, value => value is not null);
            checks.Failed(CheckId.FileGiven, SubIndication.HashFailure, file.DisplayName, new Comparison(
                candidate < 0 ? "no part to compare with" : $"sealed SM3 of {openings.Parts[candidate].Name}", candidate < 0 ? "none" : values[candidate]!.Value.Sm3.ToHex(), "SM3 of the file", file.Digests.Sm3.ToHex()));
            if (i >= 0)
            {
                found[i] = (file.Digests, file.DisplayName);
            }
        }

        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] is { } value)
            {
                One(i, value, names[i], found[i]);
            }
        }
    }

    private void One(int index, EvidencePart value, PartName name, (ContentDigests Digests, string Source)? content)
    {
        var subject = openings.Parts[index].Name;
        var matches = false;
        if (content is { } found)
        {
            checks.Passed(CheckId.PartPresent, subject);
            matches = checks.Compare(CheckId.PartSize, SubIndication.HashFailure, subject, Of("size", value.Size.ToString(CultureInfo.InvariantCulture), found.Digests.Size.ToString(CultureInfo.InvariantCulture)))
                & checks.Compare(CheckId.PartSm3, SubIndication.HashFailure, subject, Of("SM3", value.Sm3.ToHex(), found.Digests.Sm3.ToHex()))
                & checks.Compare(CheckId.PartSha256, SubIndication.HashFailure, subject, Of("SHA-256", value.Sha256.ToHex(), found.Digests.Sha256.ToHex()));
        }
        else if (!checks.HasFailed(CheckId.PartContent))
        {
            checks.Open(CheckId.PartPresent, SubIndication.SignedDataNotFound, CheckOutcome.Failed, subject,
                because: new BilingualText("it is neither in the package nor given beside it", "证据包内没有,亦未随附提供"));
        }

        if (value.Kind == PartKind.Tree)
        {
            checks.Open(CheckId.PartTree, SubIndication.None, CheckOutcome.CouldNotBePerformed, subject,
                because: new BilingualText("the salts of the rows are not in a package; the whole content is compared by its digests", "证据包不含各行的盐值;内容整体已按摘要比对"));
        }

        _parts.Add(new ReportPart(index, name.Name, name.IsSealed, value.Kind == PartKind.Tree ? "tree" : "file", value.Media, value.Size, value.Sm3, value.Sha256, matches, content?.Source));

        Comparison Of(string what, string expected, string actual) => new($"sealed {what} of {subject}", expected, $"computed over the content from {content!.Value.Source}", actual);
    }
}

/// <summary>Size and both digests of a content.</summary>
internal readonly record struct ContentDigests(long Size, Hash32 Sm3, Hash32 Sha256)
{
    public static ContentDigests Of(Stream content)
    {
        using var hasher = new ContentHasher();
        var buffer = new byte[1 << 17];
        for (int read; (read = content.Read(buffer, 0, buffer.Length)) > 0;)
        {
            hasher.Append(buffer.AsSpan(0, read));
        }

        return hasher.Finish();
    }

    public bool Matches(in EvidencePart part) => Size == part.Size && Sm3 == part.Sm3 && Sha256 == part.Sha256;
}

/// <summary>Both digests in one pass.</summary>
internal sealed class ContentHasher : IDisposable
{
    private readonly StreamingHash _sm3 = Suite.Sm.CreateHash();
    private readonly StreamingHash _sha256 = Suite.Intl.CreateHash();
    private long _size;

    public void Append(ReadOnlySpan<byte> piece)
    {
        _sm3.Append(piece);
        _sha256.Append(piece);
        _size += piece.Length;
    }

    public ContentDigests Finish() => new(_size, _sm3.Finish(), _sha256.Finish());

    public void Dispose()
    {
        _sm3.Dispose();
        _sha256.Dispose();
    }
}
