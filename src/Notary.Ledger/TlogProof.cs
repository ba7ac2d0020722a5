using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>Why bytes are no tlog-proof.</summary>
public enum TlogProofProblem
{
    None = 0,

    /// <summary>Longer than <see cref="TlogProof.MaxLength"/>.</summary>
    TooLong = 1,

    /// <summary>The first line is neither suite's header.</summary>
    UnknownHeader = 2,

    /// <summary>The <c>extra</c> line is not canonical base64 of at least one byte.</summary>
    BadExtra = 3,

    /// <summary>The <c>index</c> line is missing or no ASCII decimal without leading zeros.</summary>
    BadIndex = 4,

    /// <summary>A proof line is not the canonical base64 of 32 bytes.</summary>
    BadHash = 5,

    /// <summary>More hashes than any tree asks for.</summary>
    TooManyHashes = 6,

    /// <summary>No empty line after the proof.</summary>
    NoSeparator = 7,

    /// <summary>What follows is no signed note: <c>Note</c> says why.</summary>
    BadNote = 8,

    /// <summary>The note is no checkpoint: <c>Checkpoint</c> says why.</summary>
    BadCheckpoint = 9,
}

/// <summary>Result of parsing a proof: the reason, the byte offset at which it was found, and the inner reason if there is one.</summary>
public readonly record struct TlogProofParse(
    TlogProofProblem Problem, int Offset, NoteProblem Note = NoteProblem.None, CheckpointProblem Checkpoint = CheckpointProblem.None)
{
    public bool Ok => Problem == TlogProofProblem.None;
}

/// <summary>Why a proof that parses was refused.</summary>
public enum TlogProofFailure
{
    None = 0,

    /// <summary>The checkpoint does not satisfy the policy: <c>Quorum</c> says why.</summary>
    PolicyNotSatisfied = 1,

    /// <summary>The header names another suite than the log's key.</summary>
    SuiteMismatch = 2,

    /// <summary>The inclusion proof does not lead from the leaf to the checkpoint's root: <c>Inclusion</c> says why.</summary>
    NotIncluded = 3,
}

/// <summary>Result of verifying a proof, with the two inner results as far as they were reached.</summary>
public sealed record TlogProofCheck(TlogProofFailure Failure, QuorumVerdict Quorum, ProofCheck? Inclusion)
{
    public bool Ok => Failure == TlogProofFailure.None;
}

/// <summary>
/// An offline-verifiable inclusion proof as text (C2SP tlog-proof): header of the suite, optional <c>extra</c>, <c>index</c>, the
/// inclusion proof from the leaf's sibling up, an empty line, and the checkpoint note verbatim.
/// </summary>
public sealed class TlogProof
{
    /// <summary>Header over SHA-256: C2SP's own.</summary>
    public const string IntlHeader = "c2sp.org/tlog-proof@v1";

    /// <summary>Header over SM3; otherwise the format is the same.</summary>
    public const string SmHeader = "notary/tlog-proof-sm3@v1";

    /// <summary>Most bytes of a proof: a note and 1 MiB.</summary>
    public const int MaxLength = SignedNote.MaxLength + (1 << 20);

    private static readonly byte[] IntlHeaderLine = Encoding.ASCII.GetBytes(IntlHeader + "\n");

    private static readonly byte[] SmHeaderLine = Encoding.ASCII.GetBytes(SmHeader + "\n");

    private TlogProof(Suite suite, byte[]? extra, long index, Hash32[] hashes, SignedNote note, Checkpoint checkpoint)
    {
        Suite = suite;
        Extra = extra is null ? default(ReadOnlyMemory<byte>?) : extra.AsMemory();
        Index = index;
        Hashes = hashes;
        Note = note;
        CheckpointUnverified = checkpoint;
    }

    /// <summary>The suite that the header names.</summary>
    public Suite Suite { get; }

    /// <summary>Opaque data that nothing authenticates, or null; never empty.</summary>
    public ReadOnlyMemory<byte>? Extra { get; }

    /// <summary>Index of the leaf.</summary>
    public long Index { get; }

    /// <summary>The inclusion proof, from the leaf's sibling up to the root's child.</summary>
    public IReadOnlyList<Hash32> Hashes { get; }

    /// <summary>The checkpoint note, as it was signed.</summary>
    public SignedNote Note { get; }

    /// <summary>The note's text, parsed. Not verified by being here.</summary>
    public Checkpoint CheckpointUnverified { get; }

    /// <summary>Puts a proof together.</summary>
    /// <exception cref="ArgumentException">The note is no checkpoint, the index is negative, or there are too many hashes.</exception>
    public static TlogProof Create(Suite suite, long index, IReadOnlyList<Hash32> hashes, SignedNote note, byte[]? extra = null)
    {
        ArgumentNullException.ThrowIfNull(suite);
        ArgumentNullException.ThrowIfNull(hashes);
        ArgumentNullException.ThrowIfNull(note);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(hashes.Count, InclusionProof.MaxLength, nameof(hashes));
        var problem = Checkpoint.TryParse(note.Text, out var checkpoint);
        return problem == CheckpointProblem.None
            ? new TlogProof(suite, extra is { Length: > 0 } ? [.. extra] : null, index, [.. hashes], note, checkpoint!)
            : throw new ArgumentException($"The note is no checkpoint: {problem}.", nameof(note));
    }

    /// <summary>Parses a proof. Nothing in it is verified.</summary>
    public static TlogProofParse TryParse(ReadOnlySpan<byte> bytes, out TlogProof? proof)
    {
        proof = null;
        if (bytes.Length > MaxLength)
        {
            return new TlogProofParse(TlogProofProblem.TooLong, MaxLength);
        }

        var offset = 0;
        var line = AsciiLines.Next(bytes, ref offset, out var start);
        var suite = line switch
        {
            IntlHeader => Suite.Intl,
            SmHeader => Suite.Sm,
            _ => null,
        };
        if (suite is null)
        {
            return new TlogProofParse(TlogProofProblem.UnknownHeader, start);
        }

        byte[]? extra = null;
        line = AsciiLines.Next(bytes, ref offset, out start);
        if (line is not null && line.StartsWith("extra ", StringComparison.Ordinal))
        {
            if (!CanonicalBase64.TryDecode(line.AsSpan("extra ".Length), out extra) || extra.Length == 0)
            {
                return new TlogProofParse(TlogProofProblem.BadExtra, start);
            }

            line = AsciiLines.Next(bytes, ref offset, out start);
        }

        if (line is null || !line.StartsWith("index ", StringComparison.Ordinal)
            || !Tiles.TryDecimal(line.AsSpan("index ".Length), TreeEdge.MaxSize, out var index))
        {
            return new TlogProofParse(TlogProofProblem.BadIndex, start);
        }

        var hashes = new List<Hash32>();
        for (line = AsciiLines.Next(bytes, ref offset, out start); line is not ""; line = AsciiLines.Next(bytes, ref offset, out start))
        {
            if (line is null)
            {
                return new TlogProofParse(TlogProofProblem.NoSeparator, start);
            }

            if (hashes.Count == InclusionProof.MaxLength)
            {
                return new TlogProofParse(TlogProofProblem.TooManyHashes, start);
            }

            if (!CanonicalBase64.TryDecodeHash(line, out var hash))
            {
                return new TlogProofParse(TlogProofProblem.BadHash, start);
            }

            hashes.Add(hash);
        }

        var parse = SignedNote.TryParse(bytes[offset..], out var note);
        if (!parse.Ok)
        {
            return new TlogProofParse(TlogProofProblem.BadNote, offset + parse.Offset, parse.Problem);
        }

        var problem = Checkpoint.TryParse(note!.Text, out var checkpoint);
        if (problem != CheckpointProblem.None)
        {
            return new TlogProofParse(TlogProofProblem.BadCheckpoint, offset, Checkpoint: problem);
        }

        proof = new TlogProof(suite, extra, index, [.. hashes], note, checkpoint!);
        return default;
    }

    /// <summary>The proof as text; its UTF-8 bytes are the proof. What parses formats to the same bytes.</summary>
    public string Format()
    {
        var text = new ArrayBufferWriter<byte>(1024);
        Write(text, Suite, Index, [.. Hashes], Encoding.UTF8.GetBytes(Note.Format()), Extra is { } extra ? extra.Span : default);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    /// <summary>Writes a proof whose parts its issuer has at hand, the note in its bytes: nothing is parsed or checked again.</summary>
    public static void Write(IBufferWriter<byte> output, Suite suite, long index, ReadOnlySpan<Hash32> hashes, ReadOnlySpan<byte> note) =>
        Write(output, suite, index, hashes, note, extra: default);

    private static void Write(IBufferWriter<byte> output, Suite suite, long index, ReadOnlySpan<Hash32> hashes, ReadOnlySpan<byte> note, ReadOnlySpan<byte> extra)
    {
        output.Write(suite.Id == SuiteId.Sm ? SmHeaderLine : IntlHeaderLine);
        if (!extra.IsEmpty)
        {
            output.Write("extra "u8);
            output.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(extra)));
            output.Write("\n"u8);
        }

        const int longestNumber = 19;
        var text = output.GetSpan("index \n\n".Length + longestNumber + (hashes.Length * (CanonicalBase64.HashLength + 1)));
        "index "u8.CopyTo(text);
        Utf8Formatter.TryFormat(index, text[6..], out var digits);
        var used = 6 + digits;
        text[used++] = (byte)'\n';
        foreach (var hash in hashes)
        {
            CanonicalBase64.Encode(hash, text[used..]);
            used += CanonicalBase64.HashLength;
            text[used++] = (byte)'\n';
        }

        text[used++] = (byte)'\n';
        output.Advance(used);
        output.Write(note);
    }

    /// <summary>
    /// Checks the inclusion of a leaf hash under the checkpoint's root and nothing else: who signed the checkpoint is not looked at.
    /// </summary>
    public ProofCheck CheckInclusionUnverified(in Hash32 leaf) =>
        InclusionProof.Check(new TreeHasher(Suite), Index, CheckpointUnverified.Size, leaf, Hashes, CheckpointUnverified.Root);

    /// <summary>
    /// Verifies the proof as C2SP tlog-proof says: the checkpoint under the policy, then the inclusion of the leaf hash.
    /// The header's suite must be that of the log's key.
    /// </summary>
    public TlogProofCheck Verify(in Hash32 leaf, QuorumPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var quorum = policy.Evaluate(Note);
        if (!quorum.Ok)
        {
            return new TlogProofCheck(TlogProofFailure.PolicyNotSatisfied, quorum, null);
        }

        if (quorum.Log!.Key.Suite != Suite)
        {
            return new TlogProofCheck(TlogProofFailure.SuiteMismatch, quorum, null);
        }

        var inclusion = CheckInclusionUnverified(leaf);
        return new TlogProofCheck(inclusion.Ok ? TlogProofFailure.None : TlogProofFailure.NotIncluded, quorum, inclusion);
    }
}
