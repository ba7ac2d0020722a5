using System.Text;
using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>
/// A chain that a trust file knows, as it holds for a range of indexes of the main chain. A chain whose keys or nodes changed has several
/// entries, with ascending ranges that do not overlap.
/// </summary>
/// <param name="Code">The letters of its record numbers; never reused.</param>
/// <param name="LogKeys">Keys whose signature on a checkpoint of this origin counts; each bears the origin as its name.</param>
/// <param name="PolicyText">The tlog-policy (C2SP) as it stands in the file; its log lines, if any, are among <paramref name="LogKeys"/>.</param>
/// <param name="FromMainIndex">First index of the main chain from which this entry holds.</param>
/// <param name="ToMainIndex">Last one, or null while it is open.</param>
public sealed record TrustedChain(
    string Origin, string Code, Suite Suite, IReadOnlyList<NoteKey> LogKeys, string PolicyText, QuorumPolicy Policy, long FromMainIndex = 0, long? ToMainIndex = null)
{
    /// <summary>Whether the entry holds at that index of the main chain.</summary>
    public bool HoldsAt(long mainIndex) => mainIndex >= FromMainIndex && (ToMainIndex is null || mainIndex <= ToMainIndex);

    /// <summary>
    /// Whether the lines of a note are those that this entry asks for: one by a log key of it, and enough by its nodes. Only whose lines they are is compared; that they verify was
    /// seen when the note was taken.
    /// </summary>
    public bool Covers(SignedNote note)
    {
        ArgumentNullException.ThrowIfNull(note);
        return note.Signatures.Any(line => LogKeys.Any(key => key.Matches(line)))
            && Policy.IsSatisfiedBy(Policy.Witnesses.Select(static witness => witness.Key).Where(key => note.Signatures.Any(key.Matches)).ToHashSet());
    }

    /// <summary>Whether both say the same of a checkpoint at an index where both hold: the same log keys and the same policy.</summary>
    public bool JudgesAs(TrustedChain other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return LogKeys.SequenceEqual(other.LogKeys) && string.Equals(PolicyText, other.PolicyText, StringComparison.Ordinal);
    }

    /// <summary>From a policy text.</summary>
    /// <exception cref="ArgumentException">The text is no tlog-policy.</exception>
    public static TrustedChain Create(string origin, string code, Suite suite, IReadOnlyList<NoteKey> logKeys, string policyText, long fromMainIndex = 0, long? toMainIndex = null)
    {
        var parse = QuorumPolicy.TryParse(policyText, out var policy);
        return parse.Ok
            ? new TrustedChain(origin, code, suite, logKeys, policyText, policy!, fromMainIndex, toMainIndex)
            : throw new ArgumentException($"no tlog-policy: {parse.Problem} in line {parse.Line}", nameof(policyText));
    }
}

/// <summary>What a trust file says, before it is signed. See docs/spec/trust-file.md.</summary>
/// <param name="Previous">Fingerprint of version n−1; null in version 1 only.</param>
/// <param name="Required">State that TOTAL-PASSED needs.</param>
/// <param name="GovernanceThreshold">How many of the governance keys must sign.</param>
public sealed record TrustContent(
    string Deployment, long Version, Hash32? Previous, TrustMode Mode, RecordState Required,
    int GovernanceThreshold, IReadOnlyList<NoteKey> GovernanceKeys, IReadOnlyList<TrustedChain> Chains);

/// <summary>
/// The trust file: one signed note whose text is <c>notary/trust/v1</c>, a newline and one line of RFC 8785 JSON. A parsed one is
/// well formed and signed by k of its own governance keys. That it is the right one only its fingerprint, compared with what the
/// deployment publishes, can say; that a version follows another needs both files: <see cref="Follows"/>.
/// </summary>
public sealed class TrustFile
{
    public const string Header = "notary/trust/v1";
    public const int MaxBytes = 256 * 1024;

    /// <summary>Name of the chain inside a deployment that anchors all others.</summary>
    public const string MainChain = "main";

    private static readonly CanonicalLimits Limits = new(MaxBytes, 6, false);

    private TrustFile(TrustContent content, SignedNote note)
    {
        Content = content;
        Note = note;
        Fingerprint = FingerprintOf(note.Text);
    }

    public TrustContent Content { get; }

    public SignedNote Note { get; }

    /// <summary>SHA-256 of the note's text (without signatures): what a user compares with the published one, once.</summary>
    public Hash32 Fingerprint { get; }

    public TrustMode Mode => Content.Mode;

    public RecordState Required => Content.Required;

    /// <summary>The newest entry of the main chain, whose origin is <c>&lt;deployment&gt;/main</c>; null when the file has none.</summary>
    public TrustedChain? Main => Find(Content.Deployment + "/" + MainChain);

    /// <summary>The newest entry of that origin, open or the last one; null when the file does not know the origin.</summary>
    public TrustedChain? Find(string origin) => Content.Chains.LastOrDefault(chain => string.Equals(chain.Origin, origin, StringComparison.Ordinal));

    /// <summary>
    /// The entry of that origin that holds at an index of the main chain, or null. A checkpoint of a region is judged at the index of its anchor, one of
    /// the main chain at the last index it holds, its size − 1.
    /// </summary>
    public TrustedChain? Find(string origin, long mainIndex) =>
        Content.Chains.FirstOrDefault(chain => string.Equals(chain.Origin, origin, StringComparison.Ordinal) && chain.HoldsAt(mainIndex));

    /// <summary>The newest entry of the chain whose record numbers begin with that code, or null.</summary>
    public TrustedChain? FindCode(string code) => Content.Chains.LastOrDefault(chain => string.Equals(chain.Code, code, StringComparison.Ordinal));

    /// <summary>All entries of that origin, in ascending order.</summary>
    public IEnumerable<TrustedChain> EntriesOf(string origin) => Content.Chains.Where(chain => string.Equals(chain.Origin, origin, StringComparison.Ordinal));

    /// <summary>Whether a key is that of a node (or witness) of a chain, in the chain's newest entry.</summary>
    public bool NamesNode(string origin, NoteKey key) => Find(origin)?.Policy.Witnesses.Any(witness => witness.Key.Equals(key)) == true;

    /// <summary>
    /// The first index of the main chain at which this file judges a chain otherwise than <paramref name="previous"/> does; null where it nowhere does, and for a chain that one of
    /// them does not know. Below the main chain's size it takes back what was judged already.
    /// </summary>
    public long? FirstChange(TrustFile previous, string origin)
    {
        ArgumentNullException.ThrowIfNull(previous);
        if (Find(origin) is null || previous.Find(origin) is null)
        {
            return null;
        }

        // Between two bounds of entries nothing changes.
        var bounds = EntriesOf(origin).Concat(previous.EntriesOf(origin)).SelectMany(static entry => entry.ToMainIndex is { } to and < long.MaxValue ? new[] { entry.FromMainIndex, to + 1 } : [entry.FromMainIndex]);
        foreach (var index in bounds.Append(0).Distinct().Order())
        {
            var (after, before) = (Find(origin, index), previous.Find(origin, index));
            if (after is null != before is null || (after is not null && !after.JudgesAs(before!)))
            {
                return index;
            }
        }

        return null;
    }

    /// <summary>
    /// Whether the holder of a key signed this file: a line under the key's own name, or under that which this file's governance gives to the same
    /// public key, and every such line verifies.
    /// </summary>
    public bool IsSignedBy(NoteKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        NoteKey[] names = [key, .. Content.GovernanceKeys.Where(other => SameKey(other, key))];
        var signed = false;
        foreach (var line in Note.Signatures)
        {
            if (names.FirstOrDefault(name => name.Matches(line)) is { } name)
            {
                if (!name.Verify(Note.Text, line.Signature, out _))
                {
                    return false;
                }

                signed = true;
            }
        }

        return signed;
    }

    /// <summary>
    /// Whether this version may take the place of <paramref name="previous"/>: of the same deployment, the next version, naming the fingerprint of that one,
    /// signed by k of that one's governance keys and by every governance key that it adds. Null when it may. Admission of trust leaves and whoever
    /// updates a pinned file go by this one rule; it never goes back, and never skips a version.
    /// </summary>
    public TrustProblem? Follows(TrustFile previous)
    {
        ArgumentNullException.ThrowIfNull(previous);
        if (!string.Equals(Content.Deployment, previous.Content.Deployment, StringComparison.Ordinal))
        {
            return new TrustProblem(TrustFailure.Deployment, $"{Content.Deployment}, not {previous.Content.Deployment}");
        }

        if (Content.Version - 1 != previous.Content.Version)
        {
            return new TrustProblem(TrustFailure.NotNextVersion, $"version {Content.Version} does not follow version {previous.Content.Version}");
        }

        if (Content.Previous != previous.Fingerprint)
        {
            return new TrustProblem(TrustFailure.OtherPrevious, $"previous is {Content.Previous?.ToHex()}, the version before has the fingerprint {previous.Fingerprint.ToHex()}");
        }

        var signed = previous.Content.GovernanceKeys.Count(IsSignedBy);
        if (signed < previous.Content.GovernanceThreshold)
        {
            return new TrustProblem(TrustFailure.TooFewOfPrevious, $"{signed} of the governance keys of the version before signed, {previous.Content.GovernanceThreshold} must");
        }

        var unsigned = Content.GovernanceKeys.FirstOrDefault(key => !previous.Content.GovernanceKeys.Any(other => SameKey(other, key)) && !IsSignedBy(key));
        return unsigned is null ? null : new TrustProblem(TrustFailure.AddedKeyUnsigned, unsigned.Format());
    }

    /// <summary>The whole note: the file's bytes.</summary>
    public byte[] ToBytes() => Note.ToBytes();

    /// <summary>
    /// Signs a trust file: twin of <see cref="TryParse"/>, which must take what this makes. The signers are those of governance keys, at least k.
    /// </summary>
    /// <exception cref="ArgumentException">The content breaks a rule, a signer is no governance key's, or there are too few.</exception>
    public static TrustFile Create(TrustContent content, params IReadOnlyList<ISigner> signers)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(signers);
        var text = Header + "\n" + Encoding.UTF8.GetString(TrustJson.Write(content).ToBytes()) + "\n";
        var lines = new List<NoteSignature>();
        foreach (var signer in signers)
        {
            var key = content.GovernanceKeys.FirstOrDefault(key => key.Algorithm == signer.Algorithm && key.PublicKey.SequenceEqual(signer.PublicKey.Span))
                ?? throw new ArgumentException("a signer is not that of a governance key", nameof(signers));
            lines.Add(NoteSigner.SignLine(signer, key, text));
        }

        var problem = TryParse(SignedNote.Create(text, lines).ToBytes(), out var file);
        return problem is null ? file! : throw new ArgumentException($"no trust file can say this: {problem}", nameof(content));
    }

    /// <summary>Parses and checks a trust file as far as one file allows; null when it holds.</summary>
    public static TrustProblem? TryParse(ReadOnlySpan<byte> bytes, out TrustFile? file)
    {
        file = null;
        if (bytes.Length > MaxBytes)
        {
            return new TrustProblem(TrustFailure.NotANote, $"{bytes.Length} bytes, at most {MaxBytes} are taken");
        }

        var parse = SignedNote.TryParse(bytes, out var note);
        if (!parse.Ok)
        {
            return new TrustProblem(TrustFailure.NotANote, $"{parse.Problem} at byte {parse.Offset}");
        }

        var problem = TryReadText(note!.Text, out var content) ?? Signatures(note, content!);
        if (problem is null)
        {
            file = new TrustFile(content!, note);
        }

        return problem;
    }

    /// <summary>The text of a trust file without its signatures; null when it holds.</summary>
    internal static TrustProblem? TryReadText(string text, out TrustContent? content)
    {
        content = null;
        var lines = text.Split('\n');
        if (lines[0] != Header)
        {
            var later = lines[0].StartsWith("notary/trust/v", StringComparison.Ordinal);
            return new TrustProblem(later ? TrustFailure.UnknownVersion : TrustFailure.Header, "the first line is not notary/trust/v1");
        }

        if (lines.Length != 3)
        {
            return new TrustProblem(TrustFailure.Header, "the text is not two lines");
        }

        var check = CanonicalValue.TryParseCanonical(Encoding.UTF8.GetBytes(lines[1]), Limits, out var json);
        return check.Ok ? TrustJson.TryRead(json, out content) : new TrustProblem(TrustFailure.Json, $"{check.Fault} at byte {check.Offset} of the second line");
    }

    internal static Hash32 FingerprintOf(string text) => Suite.Intl.Hash(Encoding.UTF8.GetBytes(text));

    // Names are the files' own; what is one key is its public half.
    private static bool SameKey(NoteKey one, NoteKey other) => one.Algorithm == other.Algorithm && one.PublicKey.SequenceEqual(other.PublicKey);

    /// <summary>
    /// k of the file's own governance keys. In version 1 nobody else can have signed; from version 2 on the lines of the keys of
    /// the version before stand here too, and only whoever holds that version can check them.
    /// </summary>
    private static TrustProblem? Signatures(SignedNote note, TrustContent content)
    {
        var signed = new HashSet<NoteKey>();
        foreach (var line in note.Signatures)
        {
            var key = content.GovernanceKeys.FirstOrDefault(key => key.Matches(line));
            if (key is null)
            {
                if (content.Version == 1)
                {
                    return new TrustProblem(TrustFailure.UnknownSigner, $"{line.Name} is no governance key");
                }

                continue;
            }

            if (!key.Verify(note.Text, line.Signature, out _))
            {
                return new TrustProblem(TrustFailure.SignatureInvalid, key.Format());
            }

            signed.Add(key);
        }

        return signed.Count >= content.GovernanceThreshold
            ? null
            : new TrustProblem(TrustFailure.TooFewSignatures, $"{signed.Count} of the governance keys signed, {content.GovernanceThreshold} must");
    }
}
