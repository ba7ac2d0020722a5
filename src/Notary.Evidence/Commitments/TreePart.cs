using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>
/// Cuts a file into rows and commits to each: row j of part i is named <c>part/&lt;i&gt;/&lt;j&gt;</c>, its value is the row's bytes as they stand in the file,
/// its terminator included, so that the rows one after the other are the file. The tree's root goes into the part's value.
/// </summary>
/// <remarks>Fed in chunks of any size; memory is 32 bytes a row and the longest row. Not thread-safe.</remarks>
public sealed class TreePartBuilder
{
    /// <summary>Longest row, in bytes.</summary>
    public const int MaxRow = 16 * 1024 * 1024;

    private readonly Suite _suite;
    private readonly string _origin;
    private readonly Guid _id;
    private readonly Hash32 _secret;
    private readonly int _part;
    private readonly TreeRule _rule;
    private readonly List<Hash32> _commitments = [];
    private readonly List<byte> _open = [];
    private bool _quoted;

    /// <summary>Starts a tree.</summary>
    /// <param name="suite">The chain's suite.</param>
    /// <param name="origin">The chain's origin.</param>
    /// <param name="id">The record's id, drawn by the submitter.</param>
    /// <param name="secret">The record's secret, drawn by the submitter.</param>
    /// <param name="part">Index of the part.</param>
    /// <param name="rule">Line or row.</param>
    public TreePartBuilder(Suite suite, string origin, Guid id, in Hash32 secret, int part, TreeRule rule)
    {
        if (rule is not (TreeRule.Line or TreeRule.Row))
        {
            throw new ArgumentOutOfRangeException(nameof(rule), "The rule of a tree is line or row.");
        }

        (_suite, _origin, _id, _secret, _part, _rule) = (suite, origin, id, secret, part, rule);
    }

    /// <summary>Rows so far that have ended.</summary>
    public int Rows => _commitments.Count;

    /// <summary>Takes in the next bytes of the file; false when a row exceeds <see cref="MaxRow"/>, after which the tree is of no use.</summary>
    public bool TryAppend(ReadOnlySpan<byte> chunk)
    {
        while (!chunk.IsEmpty)
        {
            var end = EndOfRow(chunk, _rule, ref _quoted);
            var piece = end < 0 ? chunk : chunk[..(end + 1)];
            if (_open.Count + piece.Length > MaxRow)
            {
                return false;
            }

            chunk = chunk[piece.Length..];
            if (end >= 0 && _open.Count == 0)
            {
                Commit(piece);
                continue;
            }

            _open.AddRange(piece);
            if (end >= 0)
            {
                Commit([.. _open]);
                _open.Clear();
            }
        }

        return true;
    }

    /// <summary>Ends the last row and gives the commitments of all rows; none for an empty file, which cannot be a tree.</summary>
    public IReadOnlyList<Hash32> Finish()
    {
        if (_open.Count > 0)
        {
            Commit([.. _open]);
            _open.Clear();
        }

        return _commitments;
    }

    /// <summary>Whether bytes are exactly one row by a rule: they end at their first terminator, or have none because they end the file.</summary>
    public static bool IsRow(TreeRule rule, ReadOnlySpan<byte> bytes)
    {
        var quoted = false;
        var end = EndOfRow(bytes, rule, ref quoted);
        return !bytes.IsEmpty && bytes.Length <= MaxRow && (end < 0 || end == bytes.Length - 1);
    }

    private void Commit(ReadOnlySpan<byte> row)
    {
        var name = Commitment.RowName(_part, _commitments.Count);
        _commitments.Add(Commitment.Compute(_suite, _origin, _id, name, Commitment.Salt(_suite, _secret, name), row));
    }

    // RFC 4180: a double quote opens and closes a quoted field; two in a row close and open again, which leaves the state as it was.
    private static int EndOfRow(ReadOnlySpan<byte> bytes, TreeRule rule, ref bool quoted)
    {
        if (rule == TreeRule.Line)
        {
            return bytes.IndexOf((byte)'\n');
        }

        for (var at = 0; at < bytes.Length; at++)
        {
            var next = bytes[at..].IndexOfAny((byte)'\n', (byte)'"');
            if (next < 0)
            {
                return -1;
            }

            at += next;
            if (bytes[at] == '"')
            {
                quoted = !quoted;
            }
            else if (!quoted)
            {
                return at;
            }
        }

        return -1;
    }
}

/// <summary>One row of a tree part, proved alone: the row's opening, its inclusion proof in the part's root, and the opening of the part.</summary>
public sealed record RowDisclosure(int Part, long Row, SaltedValue Opening, IReadOnlyList<Hash32> Proof, SaltedValue PartOpening)
{
    /// <summary>Proves a row.</summary>
    /// <param name="suite">The chain's suite.</param>
    /// <param name="secret">The record's secret.</param>
    /// <param name="part">The tree part.</param>
    /// <param name="partIndex">Its index in the record.</param>
    /// <param name="commitments">Of all its rows, see <see cref="TreePartBuilder.Finish"/>.</param>
    /// <param name="row">The row's index.</param>
    /// <param name="bytes">The row's bytes.</param>
    public static RowDisclosure Prove(
        Suite suite, in Hash32 secret, in EvidencePart part, int partIndex, IReadOnlyList<Hash32> commitments, int row, ReadOnlyMemory<byte> bytes) => new(
        partIndex,
        row,
        SaltedValue.Of(suite, secret, Commitment.RowName(partIndex, row), bytes),
        CommitmentTree.Prove(suite, commitments.ToArray(), row),
        SaltedValue.Of(suite, secret, Commitment.PartName(partIndex), part.ToValue().ToBytes()));

    /// <summary>Checks against the leaf. A record of more than 16 parts also needs the other parts' commitments, to reach the leaf's root.</summary>
    /// <param name="suite">The chain's suite.</param>
    /// <param name="record">The parsed leaf.</param>
    /// <param name="partProof">For a leaf with a part root: the inclusion proof of the part's commitment; empty otherwise.</param>
    public DisclosureCheck Check(Suite suite, EvidenceRecord record, IReadOnlyList<Hash32> partProof)
    {
        if (Part < 0 || Part >= record.Facts.PartCount || !EvidencePart.TryParse(PartOpening.Value.Span, out var part) || part.Kind != PartKind.Tree)
        {
            return DisclosureCheck.Of(DisclosureFailure.Absent);
        }

        if (PartOpening.Name != Commitment.PartName(Part) || Opening.Name != Commitment.RowName(Part, Row))
        {
            return DisclosureCheck.Of(DisclosureFailure.Names);
        }

        if (Row < 0 || Row >= part.Rows || !TreePartBuilder.IsRow(part.Rule, Opening.Value.Span))
        {
            return DisclosureCheck.Of(DisclosureFailure.Row);
        }

        var commitment = PartOpening.Commit(suite, record.Facts.Chain, record.Facts.Id);
        var inLeaf = record.PartRoot is { } root
            ? DisclosureCheck.Of(CommitmentTree.Check(suite, Part, record.Facts.PartCount, commitment, partProof, root))
            : DisclosureCheck.Compare(commitment, record.Parts[Part]);
        return inLeaf.Ok
            ? DisclosureCheck.Of(CommitmentTree.Check(suite, Row, part.Rows, Opening.Commit(suite, record.Facts.Chain, record.Facts.Id), Proof, part.Root))
            : inLeaf;
    }
}
