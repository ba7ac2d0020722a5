using Notary.Crypto;
using Notary.Ledger;

namespace Notary.Evidence;

/// <summary>One document that governance signs for one chain: a policy, or what is signed of a key record.</summary>
/// <param name="Origin">The chain on which its leaf will stand.</param>
/// <param name="Name">One of <see cref="PolicyNames"/>, or <see cref="Governance.KeyDocument"/>.</param>
/// <param name="Document">Canonical bytes, at most 12 KiB.</param>
/// <param name="Signatures">Those so far; nothing about them is verified.</param>
public sealed record GovernedDocument(string Origin, string Name, ReadOnlyMemory<byte> Document, IReadOnlyList<GovernanceSignature> Signatures)
{
    /// <summary>The key record that it becomes, with the signatures so far; null for a policy.</summary>
    /// <exception cref="InvalidOperationException">The document is none of its format, which <see cref="GovernanceProposal"/> rules out.</exception>
    public KeyRecord? ToKey() => Name != Governance.KeyDocument ? null
        : KeyRecord.TryParseDocument(Document.Span, out var key).Length == 0 ? key! with { Signatures = Signatures }
        : throw new InvalidOperationException("A governed document named key holds a key record.");

    /// <summary>
    /// The index at which the chain holds exactly this document, in force: of a policy the newest of its name, of a key its newest record. −1 where it does not.
    /// </summary>
    public long SealedAt(ChainState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (ToKey() is not { } key)
        {
            return state.PolicyText(Name) is { } text && text.Span.SequenceEqual(Document.Span) ? state.PolicyIndex(Name) : -1;
        }

        var latest = state.LatestOfKey(key.KeyId);
        return latest >= 0 && state.Key(latest)!.SignedDocument().AsSpan().SequenceEqual(Document.Span) ? latest : -1;
    }
}

/// <summary>
/// Documents on their way to their governance signatures, which are given offline: one line of canonical JSON, <c>{"chains":[genesis, …],"documents":[{"chain","document","governance","name"}, …],"kind":"proposal","v":1}</c>
/// and a newline. Each document is signed for itself, so that its leaf carries all that admission asks for. See docs/spec/admission.md.
/// </summary>
/// <remarks>Parsed and well formed, not verified: <see cref="IsSigned"/> asks the genesis that the proposal brings, and a server goes by its own.</remarks>
public sealed class GovernanceProposal
{
    /// <summary>Most documents, and most chains.</summary>
    public const int MaxDocuments = 32;

    /// <summary>Most bytes of a proposal, signatures included.</summary>
    public const int MaxBytes = 256 * 1024;

    private const string Kind = "proposal";

    // Four levels above a document, which has eight at most.
    private static readonly CanonicalLimits Limits = new(MaxBytes, 12, false);
    private static readonly string[] Members = ["chains", "documents", "kind", "v"];
    private static readonly string[] DocumentMembers = ["chain", "document", "governance", "name"];

    private GovernanceProposal(IReadOnlyList<Genesis> chains, IReadOnlyList<GovernedDocument> documents)
    {
        Chains = chains;
        Documents = documents;
        Fingerprint = Suite.Intl.Hash(ToBytes(documents.Select(static document => document with { Signatures = [] })));
    }

    /// <summary>The chains that the documents are for, each once.</summary>
    public IReadOnlyList<Genesis> Chains { get; }

    /// <summary>The documents in the order in which they are sealed.</summary>
    public IReadOnlyList<GovernedDocument> Documents { get; }

    /// <summary>SHA-256 of the proposal without signatures: what officers compare before they sign.</summary>
    public Hash32 Fingerprint { get; }

    /// <summary>A proposal of documents.</summary>
    /// <returns>Empty, or where it breaks the format.</returns>
    public static string TryCreate(IReadOnlyList<Genesis> chains, IReadOnlyList<GovernedDocument> documents, out GovernanceProposal? proposal)
    {
        ArgumentNullException.ThrowIfNull(chains);
        ArgumentNullException.ThrowIfNull(documents);
        proposal = null;
        if (chains.Count is 0 or > MaxDocuments || chains.Select(static chain => chain.Origin).Distinct().Count() != chains.Count || chains.Any(chain => documents.All(document => document.Origin != chain.Origin)))
        {
            return "chains";
        }

        if (documents.Count is 0 or > MaxDocuments)
        {
            return "documents";
        }

        var seen = new HashSet<(string, string, string)>();
        for (var i = 0; i < documents.Count; i++)
        {
            if (Problem(documents[i], chains) is { Length: > 0 } problem)
            {
                return FormattableString.Invariant($"documents[{i}].{problem}");
            }

            if (!seen.Add((documents[i].Origin, documents[i].Name, Convert.ToHexString(documents[i].Document.Span))))
            {
                return FormattableString.Invariant($"documents[{i}] stands twice");
            }
        }

        var made = new GovernanceProposal([.. chains], [.. documents]);
        if (made.ToBytes().Length > MaxBytes)
        {
            return FormattableString.Invariant($"more than {MaxBytes} bytes");
        }

        proposal = made;
        return string.Empty;
    }

    /// <summary>Parses a proposal, signed or not.</summary>
    /// <returns>Empty, or where it breaks the format.</returns>
    public static string TryParse(ReadOnlySpan<byte> bytes, out GovernanceProposal? proposal)
    {
        proposal = null;
        if (!bytes.EndsWith("\n"u8) || bytes.Length > MaxBytes || !CanonicalValue.TryParseCanonical(bytes[..^1], Limits, out var json).Ok || json.Type != CanonicalType.Object)
        {
            return "not one line of canonical JSON";
        }

        if (!LeafForm.CheckMembers(json, Members, []).Ok || json["kind"]!.AsString != Kind || json["v"]!.AsInteger != 1)
        {
            return "not a proposal of version 1";
        }

        if (json["chains"]!.Type != CanonicalType.Array || json["chains"]!.Items.Count > MaxDocuments)
        {
            return "chains";
        }

        var chains = new List<Genesis>();
        foreach (var item in json["chains"]!.Items)
        {
            if (Genesis.TryParse(item.ToBytes(), out var genesis) != GenesisProblem.None)
            {
                return FormattableString.Invariant($"chains[{chains.Count}]");
            }

            chains.Add(genesis!);
        }

        if (json["documents"]!.Type != CanonicalType.Array || json["documents"]!.Items.Count > MaxDocuments)
        {
            return "documents";
        }

        var documents = new List<GovernedDocument>();
        foreach (var item in json["documents"]!.Items)
        {
            if (item.Type != CanonicalType.Object || !LeafForm.CheckMembers(item, DocumentMembers, []).Ok || item["chain"]!.AsString is not { } origin || item["name"]!.AsString is not { } name
                || !Governance.TryParse(item["governance"], out var signatures))
            {
                return FormattableString.Invariant($"documents[{documents.Count}]");
            }

            documents.Add(new GovernedDocument(origin, name, item["document"]!.ToBytes(), signatures));
        }

        return TryCreate(chains, documents, out proposal);
    }

    /// <summary>The file's bytes.</summary>
    public byte[] ToBytes() => ToBytes(Documents);

    /// <summary>The chain of a document.</summary>
    public Genesis ChainOf(GovernedDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        return Chains.First(chain => chain.Origin == document.Origin);
    }

    /// <summary>Whether a document has the signatures that its chain asks for, by the genesis that the proposal brings.</summary>
    public bool IsSigned(GovernedDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        return Governance.Check(ChainOf(document), document.Name, document.Document.Span, document.Signatures);
    }

    /// <summary>
    /// The same with the signature of one more key, on every document of a chain whose governance knows it.
    /// </summary>
    /// <param name="signer">Holds the private half.</param>
    /// <param name="added">How many documents it signed; none where it is no governance key, or has signed all already.</param>
    /// <param name="key">The key, by the name that the first of the chains gives it; null where none knows it.</param>
    public GovernanceProposal SignedBy(ISigner signer, out int added, out NoteKey? key)
    {
        ArgumentNullException.ThrowIfNull(signer);
        key = Chains.Select(chain => KeyOf(chain, signer)).FirstOrDefault(static known => known is not null);
        var documents = new List<GovernedDocument>();
        added = 0;
        foreach (var document in Documents)
        {
            var chain = ChainOf(document);
            if (KeyOf(chain, signer) is { } own && !document.Signatures.Any(signature => signature.Key == own.Name))
            {
                added++;
                documents.Add(document with { Signatures = [.. document.Signatures, Governance.Sign(chain, own, signer, document.Name, document.Document.Span)] });
            }
            else
            {
                documents.Add(document);
            }
        }

        return new GovernanceProposal(Chains, documents);
    }

    private static NoteKey? KeyOf(Genesis chain, ISigner signer) =>
        chain.GovernanceKeys.FirstOrDefault(key => key.Algorithm == signer.Algorithm && key.PublicKey.SequenceEqual(signer.PublicKey.Span));

    private static string Problem(GovernedDocument document, IReadOnlyList<Genesis> chains)
    {
        if (!chains.Any(chain => chain.Origin == document.Origin))
        {
            return "chain";
        }

        if (document.Document.Length > CanonicalLimits.Document.MaxBytes)
        {
            return "document";
        }

        if (document.Name == Governance.KeyDocument)
        {
            var key = KeyRecord.TryParseDocument(document.Document.Span, out _);
            return key.Length == 0 ? string.Empty : "document." + key;
        }

        if (!PolicyNames.InOrder.Contains(document.Name))
        {
            return "name";
        }

        var problem = PolicyDocument.TryParse(document.Document.Span, out var policy);
        return problem.Length > 0 ? "document." + problem : policy!.Name == document.Name ? string.Empty : "name";
    }

    private byte[] ToBytes(IEnumerable<GovernedDocument> documents) => [.. CanonicalValue.OfObject(
        ("chains", CanonicalValue.OfArray(Chains.Select(static chain => Parsed(chain.Canonical.Span)))),
        ("documents", CanonicalValue.OfArray(documents.Select(static document => CanonicalValue.OfObject(
            ("chain", CanonicalValue.Of(document.Origin)),
            ("document", Parsed(document.Document.Span)),
            ("governance", CanonicalValue.OfArray(document.Signatures.Select(static signature => signature.ToValue()))),
            ("name", CanonicalValue.Of(document.Name)))))),
        ("kind", CanonicalValue.Of(Kind)),
        ("v", CanonicalValue.Of(1))).ToBytes(), (byte)'\n'];

    private static CanonicalValue Parsed(ReadOnlySpan<byte> canonical) => CanonicalValue.TryParseCanonical(canonical, CanonicalLimits.Leaf, out var json).Ok
        ? json
        : throw new InvalidOperationException("A genesis or a governed document is canonical.");
}
