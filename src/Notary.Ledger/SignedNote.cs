using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Notary.Ledger;

/// <summary>Why bytes are no signed note.</summary>
public enum NoteProblem
{
    None = 0,

    /// <summary>Longer than <see cref="SignedNote.MaxLength"/>.</summary>
    TooLong = 1,

    /// <summary>Not valid UTF-8.</summary>
    NotUtf8 = 2,

    /// <summary>A control character below U+0020 other than newline.</summary>
    ControlCharacter = 3,

    /// <summary>No blank line between text and signatures.</summary>
    NoSeparator = 4,

    /// <summary>Nothing, or no whole line, after the last blank line.</summary>
    NoSignature = 5,

    /// <summary>A signature line is not em dash, space, name, space, base64.</summary>
    MalformedSignatureLine = 6,

    /// <summary>A key name is empty or holds a Unicode space or a plus.</summary>
    BadKeyName = 7,

    /// <summary>A signature is not canonical base64.</summary>
    BadBase64 = 8,

    /// <summary>A signature holds no byte after its key id.</summary>
    SignatureTooShort = 9,

    /// <summary>More than <see cref="SignedNote.MaxSignatures"/> signature lines.</summary>
    TooManySignatures = 10,
}

/// <summary>Result of parsing a note: the reason, and the byte offset at which it was found.</summary>
public readonly record struct NoteParse(NoteProblem Problem, int Offset)
{
    public bool Ok => Problem == NoteProblem.None;
}

/// <summary>One signature line: <c>— name base64(key id ‖ signature)</c>. Not verified by being here.</summary>
public sealed class NoteSignature
{
    private readonly byte[] _signature;

    /// <param name="name">Key name.</param>
    /// <param name="keyId">Key id.</param>
    /// <param name="signature">The bytes after the key id, at least one; copied.</param>
    /// <exception cref="ArgumentException">The name is no key name, or the signature is empty.</exception>
    public NoteSignature(string name, uint keyId, ReadOnlySpan<byte> signature)
    {
        if (!NoteKey.IsValidName(name) || signature.IsEmpty)
        {
            throw new ArgumentException("A signature line has a key name and a signature.", nameof(name));
        }

        Name = name;
        KeyId = keyId;
        _signature = signature.ToArray();
    }

    public string Name { get; }

    public uint KeyId { get; }

    /// <summary>The bytes after the key id.</summary>
    public ReadOnlySpan<byte> Signature => _signature;

    /// <summary>The line, with its newline.</summary>
    public string Format()
    {
        var bytes = new byte[sizeof(uint) + _signature.Length];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, KeyId);
        _signature.CopyTo(bytes, sizeof(uint));
        return $"\u2014 {Name} {Convert.ToBase64String(bytes)}\n";
    }

    public override string ToString() => Format();
}

/// <summary>
/// A signed note (C2SP signed-note): a text that ends in a newline, a blank line, and one or more signature lines.
/// </summary>
/// <remarks>
/// Parsing is strict and says nothing about who signed: the text of a note must be ignored until
/// <see cref="QuorumPolicy.Evaluate"/> or <see cref="Verify"/> has found the signature of a trusted key. What parses formats to the same bytes.
/// </remarks>
public sealed class SignedNote
{
    /// <summary>Most bytes of a note: 1 MiB.</summary>
    public const int MaxLength = 1 << 20;

    /// <summary>Most signature lines of a note. C2SP demands at least 16.</summary>
    public const int MaxSignatures = 100;

    private const string LinePrefix = "\u2014 ";

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly NoteSignature[] _signatures;

    private SignedNote(string text, NoteSignature[] signatures)
    {
        Text = text;
        _signatures = signatures;
    }

    /// <summary>The signed text, with its final newline.</summary>
    public string Text { get; }

    /// <summary>The signature lines in their order; lines may repeat a key.</summary>
    public IReadOnlyList<NoteSignature> Signatures => _signatures;

    /// <summary>Puts a text and signatures together.</summary>
    /// <exception cref="ArgumentException">The text or the number of signatures is not that of a note.</exception>
    public static SignedNote Create(string text, IReadOnlyList<NoteSignature> signatures)
    {
        ArgumentNullException.ThrowIfNull(signatures);
        CheckText(text);
        if (signatures.Count is 0 or > MaxSignatures)
        {
            throw new ArgumentException($"A note has 1 to {MaxSignatures} signatures.", nameof(signatures));
        }

        return new SignedNote(text, [.. signatures]);
    }

    /// <summary>Parses a note. Nothing in it is verified.</summary>
    public static NoteParse TryParse(ReadOnlySpan<byte> bytes, out SignedNote? note)
    {
        note = null;
        if (bytes.Length > MaxLength)
        {
            return new NoteParse(NoteProblem.TooLong, MaxLength);
        }

        if (!TryDecode(bytes, out var all, out var invalid))
        {
            return new NoteParse(NoteProblem.NotUtf8, invalid);
        }

        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] < 0x20 && bytes[i] != '\n')
            {
                return new NoteParse(NoteProblem.ControlCharacter, i);
            }
        }

        // The text may hold blank lines of its own: the last one separates.
        var split = all.LastIndexOf("\n\n", StringComparison.Ordinal);
        if (split < 0)
        {
            return new NoteParse(NoteProblem.NoSeparator, bytes.Length);
        }

        var text = all[..(split + 1)];
        var rest = all.AsSpan(split + 2);
        var offset = bytes.Length - Encoding.UTF8.GetByteCount(rest);
        if (rest.IsEmpty || rest[^1] != '\n')
        {
            return new NoteParse(NoteProblem.NoSignature, offset);
        }

        var signatures = new List<NoteSignature>();
        while (!rest.IsEmpty)
        {
            var line = rest[..rest.IndexOf('\n')];
            if (signatures.Count == MaxSignatures)
            {
                return new NoteParse(NoteProblem.TooManySignatures, offset);
            }

            var problem = TryParseLine(line, out var signature);
            if (problem != NoteProblem.None)
            {
                return new NoteParse(problem, offset);
            }

            signatures.Add(signature!);
            rest = rest[(line.Length + 1)..];
            offset += Encoding.UTF8.GetByteCount(line) + 1;
        }

        note = new SignedNote(text, [.. signatures]);
        return default;
    }

    /// <summary>The whole note as text; its UTF-8 bytes are the note.</summary>
    public string Format() => Text + "\n" + string.Concat(_signatures.Select(signature => signature.Format()));

    /// <summary>The whole note as bytes.</summary>
    public byte[] ToBytes() => Encoding.UTF8.GetBytes(Format());

    /// <summary>The same note with one more signature line at its end.</summary>
    public SignedNote With(NoteSignature signature) => Create(Text, [.. _signatures, signature]);

    /// <summary>
    /// Verifies every line that names one of these keys, and ignores the others, as C2SP signed-note says: one known key whose
    /// signature is wrong refuses the whole note, and so does a note without any known key. Lines that repeat a key are each
    /// verified; the first stands.
    /// </summary>
    public NoteVerification Verify(IReadOnlyList<NoteKey> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var verified = new List<VerifiedSignature>();
        foreach (var signature in _signatures)
        {
            foreach (var key in keys)
            {
                if (!key.Matches(signature))
                {
                    continue;
                }

                if (!key.Verify(Text, signature.Signature, out var time))
                {
                    return new NoteVerification(NoteVerificationFailure.SignatureInvalid, [], key, signature);
                }

                if (!verified.Exists(known => known.Key.Equals(key)))
                {
                    verified.Add(new VerifiedSignature(key, signature, time));
                }
            }
        }

        return verified.Count == 0
            ? new NoteVerification(NoteVerificationFailure.NoKnownKey, [], null, null)
            : new NoteVerification(NoteVerificationFailure.None, verified, null, null);
    }

    /// <summary>Throws unless the text can be that of a note: not empty, ends in a newline, valid UTF-16, no other control characters.</summary>
    internal static void CheckText(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0 || text[^1] != '\n' || text.AsSpan().IndexOfAnyInRange('\0', '\u0009') >= 0 || text.AsSpan().IndexOfAnyInRange('\u000b', '\u001f') >= 0)
        {
            throw new ArgumentException("A note's text ends in a newline and holds no other control characters.", nameof(text));
        }

        try
        {
            StrictUtf8.GetByteCount(text);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException("A note's text holds no lone surrogates.", nameof(text), e);
        }
    }

    private static NoteProblem TryParseLine(ReadOnlySpan<char> line, out NoteSignature? signature)
    {
        signature = null;
        if (!line.StartsWith(LinePrefix, StringComparison.Ordinal))
        {
            return NoteProblem.MalformedSignatureLine;
        }

        line = line[LinePrefix.Length..];
        var space = line.IndexOf(' ');
        if (space < 0)
        {
            return NoteProblem.MalformedSignatureLine;
        }

        var name = line[..space].ToString();
        if (!NoteKey.IsValidName(name))
        {
            return NoteProblem.BadKeyName;
        }

        if (!CanonicalBase64.TryDecode(line[(space + 1)..], out var bytes))
        {
            return NoteProblem.BadBase64;
        }

        if (bytes.Length <= sizeof(uint))
        {
            return NoteProblem.SignatureTooShort;
        }

        signature = new NoteSignature(name, BinaryPrimitives.ReadUInt32BigEndian(bytes), bytes.AsSpan(sizeof(uint)));
        return NoteProblem.None;
    }

    private static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out string? text, out int invalid)
    {
        text = null;
        invalid = -1;
        for (var at = 0; at < bytes.Length;)
        {
            if (Rune.DecodeFromUtf8(bytes[at..], out _, out var used) != System.Buffers.OperationStatus.Done)
            {
                invalid = at;
                return false;
            }

            at += used;
        }

        text = Encoding.UTF8.GetString(bytes);
        return true;
    }
}
