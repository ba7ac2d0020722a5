using System.Text;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// A version of the trust file on its way to its signatures: the text that governance signs, and the lines it has so far. Its bytes are those of the trust file with as many lines as there
/// are, perhaps none; with the last one that is needed it is the trust file.
/// </summary>
public sealed class TrustProposal
{
    private TrustProposal(string text, IReadOnlyList<NoteSignature> signatures, TrustContent content)
    {
        Text = text;
        Signatures = signatures;
        Content = content;
        Fingerprint = TrustFile.FingerprintOf(text);
    }

    /// <summary>The text that is signed: two lines.</summary>
    public string Text { get; }

    /// <summary>The lines so far; nothing about them is verified.</summary>
    public IReadOnlyList<NoteSignature> Signatures { get; }

    /// <summary>What it says.</summary>
    public TrustContent Content { get; }

    /// <summary>The fingerprint that the trust file will have.</summary>
    public Hash32 Fingerprint { get; }

    /// <summary>A proposal without signatures. Null when it holds; what makes no trust file is no proposal either.</summary>
    public static TrustProblem? TryCreate(TrustContent content, out TrustProposal? proposal)
    {
        ArgumentNullException.ThrowIfNull(content);
        return TryRead(TrustFile.Header + "\n" + Encoding.UTF8.GetString(TrustJson.Write(content).ToBytes()) + "\n", [], out proposal);
    }

    /// <summary>Parses a proposal, signed or not; null when it holds.</summary>
    public static TrustProblem? TryParse(ReadOnlySpan<byte> bytes, out TrustProposal? proposal)
    {
        proposal = null;
        if (bytes.Length > TrustFile.MaxBytes)
        {
            return new TrustProblem(TrustFailure.NotANote, $"{bytes.Length} bytes, at most {TrustFile.MaxBytes} are taken");
        }

        if (SignedNote.TryParse(bytes, out var note).Ok)
        {
            return TryRead(note!.Text, note.Signatures, out proposal);
        }

        // Without a line it is no note yet: the text and the empty line behind it.
        return bytes.EndsWith("\n\n"u8) && System.Text.Unicode.Utf8.IsValid(bytes)
            ? TryRead(Encoding.UTF8.GetString(bytes[..^1]), [], out proposal)
            : new TrustProblem(TrustFailure.NotANote, "neither a signed note nor the text of one with an empty line");
    }

    /// <summary>The file's bytes.</summary>
    public byte[] ToBytes() => Encoding.UTF8.GetBytes(Text + "\n" + string.Concat(Signatures.Select(static line => line.Format())));

    /// <summary>The governance key of a signer, in this version or the one before, where there is one; null when it is in neither.</summary>
    public NoteKey? KeyOf(ISigner signer, TrustFile? previous)
    {
        ArgumentNullException.ThrowIfNull(signer);
        return Content.GovernanceKeys.Concat(previous?.Content.GovernanceKeys ?? []).FirstOrDefault(key => key.Algorithm == signer.Algorithm && key.PublicKey.SequenceEqual(signer.PublicKey.Span));
    }

    /// <summary>Whether a line of that key is there and verifies.</summary>
    public bool IsSignedBy(NoteKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Signatures.Any(line => key.Matches(line) && key.Verify(Text, line.Signature, out _));
    }

    /// <summary>The same with the line of one more key.</summary>
    public TrustProposal SignedBy(ISigner signer, NoteKey key) => new(Text, [.. Signatures, NoteSigner.SignLine(signer, key, Text)], Content);

    /// <summary>The trust file, once it may follow the one before, or be the first one; else why not yet.</summary>
    public TrustProblem? TryFinish(TrustFile? previous, out TrustFile? file)
    {
        file = null;
        if (Signatures.Count == 0)
        {
            return new TrustProblem(TrustFailure.TooFewSignatures, "nobody has signed yet");
        }

        var problem = TrustFile.TryParse(ToBytes(), out var parsed) ?? (previous is not null ? parsed!.Follows(previous)
            : Content.Version == 1 ? null : new TrustProblem(TrustFailure.NotNextVersion, $"version {Content.Version} follows another one"));
        file = problem is null ? parsed : null;
        return problem;
    }

    private static TrustProblem? TryRead(string text, IReadOnlyList<NoteSignature> signatures, out TrustProposal? proposal)
    {
        var problem = TrustFile.TryReadText(text, out var content);
        proposal = problem is null ? new TrustProposal(text, signatures, content!) : null;
        return problem;
    }
}
