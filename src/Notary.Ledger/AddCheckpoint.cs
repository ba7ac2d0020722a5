using System.Globalization;
using System.Text;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>Why bytes are no add-checkpoint request. Numbers are frozen.</summary>
public enum AddCheckpointProblem
{
    None = 0,

    /// <summary>Longer than <see cref="AddCheckpoint.MaxLength"/>.</summary>
    TooLong = 1,

    /// <summary>The first line is not <c>old</c> and a decimal without leading zeros.</summary>
    BadOldSize = 2,

    /// <summary>A proof line is not the canonical base64 of 32 bytes.</summary>
    BadHash = 3,

    /// <summary>More than <see cref="AddCheckpoint.MaxHashes"/> proof lines.</summary>
    TooManyHashes = 4,

    /// <summary>No empty line after the proof.</summary>
    NoSeparator = 5,

    /// <summary>What follows is no signed note, or its text no checkpoint.</summary>
    BadNote = 6,
}

/// <summary>
/// The body with which a log offers a checkpoint to a witness or mirror (C2SP tlog-witness, <c>add-checkpoint</c>): the size that the receiver is
/// thought to hold, the consistency proof from there, and the signed checkpoint. Parsed strictly, nothing in it verified.
/// </summary>
/// <param name="OldSize">Tree size that the proof starts from.</param>
/// <param name="Proof">Consistency proof from <paramref name="OldSize"/> to the checkpoint's size.</param>
/// <param name="Note">The offered note, with the log's signature and perhaps others.</param>
/// <param name="Checkpoint">The note's text, parsed.</param>
public sealed record AddCheckpoint(long OldSize, IReadOnlyList<Hash32> Proof, SignedNote Note, Checkpoint Checkpoint)
{
    /// <summary>Most proof lines.</summary>
    public const int MaxHashes = 63;

    /// <summary>Most bytes of a request: a note, and 4 KiB before it.</summary>
    public const int MaxLength = SignedNote.MaxLength + 4096;

    /// <summary>Parses a request.</summary>
    public static AddCheckpointProblem TryParse(ReadOnlySpan<byte> bytes, out AddCheckpoint? request)
    {
        request = null;
        if (bytes.Length > MaxLength)
        {
            return AddCheckpointProblem.TooLong;
        }

        var offset = 0;
        if (AsciiLines.Next(bytes, ref offset, out _) is not ['o', 'l', 'd', ' ', .. var decimals] || !Tiles.TryDecimal(decimals, TreeEdge.MaxSize, out var oldSize))
        {
            return AddCheckpointProblem.BadOldSize;
        }

        var proof = new List<Hash32>();
        while (true)
        {
            var line = AsciiLines.Next(bytes, ref offset, out _);
            if (line is null)
            {
                return AddCheckpointProblem.NoSeparator;
            }

            if (line.Length == 0)
            {
                break;
            }

            if (proof.Count == MaxHashes)
            {
                return AddCheckpointProblem.TooManyHashes;
            }

            if (!CanonicalBase64.TryDecodeHash(line, out var hash))
            {
                return AddCheckpointProblem.BadHash;
            }

            proof.Add(hash);
        }

        if (!SignedNote.TryParse(bytes[offset..], out var note).Ok || Checkpoint.TryParse(note!.Text, out var checkpoint) != CheckpointProblem.None)
        {
            return AddCheckpointProblem.BadNote;
        }

        request = new AddCheckpoint(oldSize, proof, note, checkpoint!);
        return AddCheckpointProblem.None;
    }

    /// <summary>The body of a 409: the size that the receiver holds, in decimal, and a newline (<c>text/x.tlog.size</c>).</summary>
    public static bool TryParseHeldSize(string body, out long size)
    {
        ArgumentNullException.ThrowIfNull(body);
        size = 0;
        return body.EndsWith('\n') && Tiles.TryDecimal(body.AsSpan(0, body.Length - 1), TreeEdge.MaxSize, out size);
    }

    /// <summary>The request as bytes; what parses formats to the same ones.</summary>
    public byte[] ToBytes()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"old {OldSize}\n");
        foreach (var hash in Proof)
        {
            text.Append(CanonicalBase64.Encode(hash)).Append('\n');
        }

        return Encoding.UTF8.GetBytes(text.Append('\n').Append(Note.Format()).ToString());
    }
}
