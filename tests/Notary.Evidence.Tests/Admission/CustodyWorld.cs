using System.Collections.Concurrent;
using System.Text;
using Notary.Crypto;
using Notary.Ledger;
using Notary.Ledger.Tests;

namespace Notary.Evidence.Tests;

/// <summary>
/// Three regions (hainan and beijing in suite sm, dubai in intl; two of three nodes make a checkpoint final) and the main chain (four of five) of one deployment, with fixed keys. Each
/// region has its five policies, an agency's key at 5, the trust file at 6 and one record of evidence at 7. A copy is cheap: each test changes its own.
/// </summary>
internal sealed class CustodyWorld
{
    public const string Deployment = "notary.example";
    public const string Account = "dev-agency";

    public static readonly DateTimeOffset Start = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    private static readonly ConcurrentDictionary<(NoteKey Key, string Text), NoteSignature> Lines = new();
    private static readonly string[] NodeNames = ["court", "notary-office", "forensic-centre", "archive", "auditor"];
    private static readonly Lazy<CustodyWorld> Original = new(static () => new CustodyWorld(null));

    private readonly List<byte[]> _main;
    private readonly Dictionary<string, (long Index, int Size)> _anchored;
    private int _ids;

    private CustodyWorld(CustodyWorld? from)
    {
        if (from is not null)
        {
            Regions = from.Regions.ToDictionary(static r => r.Key, static r => r.Value.Copy(), StringComparer.Ordinal);
            (_main, _anchored, _ids, Trust, Main) = ([.. from._main], new(from._anchored, StringComparer.Ordinal), from._ids, from.Trust, from.Main);
            return;
        }

        _main = [.. Enumerable.Range(0, 6).Select(static i => Encoding.ASCII.GetBytes($"main leaf {i}"))];
        _anchored = new(StringComparer.Ordinal);
        Main = Genesis.Create(Deployment, "main", "MN", Suite.Sm, 1, [Governance(SuiteId.Sm)], Log(Suite.Sm, "main"), Start);
        Trust = TrustOf();
        Regions = new(StringComparer.Ordinal) { ["hainan"] = Create("hainan", "HN", Suite.Sm, Trust), ["beijing"] = Create("beijing", "BJ", Suite.Sm, Trust), ["dubai"] = Create("dubai", "DXB", Suite.Intl, Trust) };
    }

    public Dictionary<string, Region> Regions { get; }

    public TrustFile Trust { get; }

    public Genesis Main { get; }

    public static CustodyWorld New() => Original.Value.Copy();

    public CustodyWorld Copy() => new(this);

    public static string Origin(string chain) => Deployment + "/" + chain;

    public static EvidenceName Evidence(string chain) => new(Origin(chain), 7, Samples.Id(chain.Length));

    public static Guid Transfer(int number) => Samples.Id(900 + number);

    public static TrustFile TrustOf(Func<TrustedChain, TrustedChain>? change = null, params TrustedChain[] more)
    {
        TrustedChain[] chains = [Chain("main", "MN", Suite.Sm, 4, 5), Chain("hainan", "HN", Suite.Sm, 2, 3), Chain("beijing", "BJ", Suite.Sm, 2, 3), Chain("dubai", "DXB", Suite.Intl, 2, 3)];
        return TrustFile.Create(
            new TrustContent(Deployment, 1, null, TrustMode.Production, RecordState.Anchored, 1, [Governance(SuiteId.Sm), Governance(SuiteId.Intl)], [.. chains.Select(change ?? (static c => c)).Where(static c => c.Code != "-"), .. more]), Signer(SuiteId.Sm), Signer(SuiteId.Intl));
    }

    public static TrustedChain Chain(string name, string code, Suite suite, int k, int m) => TrustedChain.Create(
        Origin(name), code, suite, [Log(suite, name)],
        string.Concat(NodeNames[..m].Select(node => $"witness {node} {Node(suite, name, node).Format()}\n")) + $"group nodes {k} {string.Join(' ', NodeNames[..m])}\nquorum nodes\n");

    public LeafDraft Released(string chain, int transfer, string target, EvidenceName? evidence = null, long? via = null) =>
        Draft(chain, CustodyRecord.Released(Transfer(transfer), evidence ?? Evidence(chain), via, Origin(target)));

    public LeafDraft Received(string chain, AnchoredLeaf release) => Draft(chain, CustodyRecord.Received(release));

    public LeafDraft Declined(string chain, int transfer, string source, long index) => Draft(chain, CustodyRecord.Declined(Transfer(transfer), Origin(source), index));

    public LeafDraft Withdrawn(string chain, AnchoredLeaf declined) => Draft(chain, CustodyRecord.Withdrawn(declined));

    public LeafDraft Draft(string chain, CustodyRecord record, SubmitterContext? submitter = null)
    {
        var result = SystemLeaves.TryCustody(Regions[chain].Genesis, record, submitter ?? Context(), Samples.Id(500 + ++_ids), Start.AddMinutes(_ids), out var draft);
        Assert.True(result.Ok, result.Code);
        return draft!;
    }

    /// <summary>What the leaf of an act comes to by its form alone.</summary>
    public AdmissionFailure TryForm(string chain, CustodyRecord record) =>
        SystemLeaves.TryCustody(Regions[chain].Genesis, record, Context(), Samples.Id(499), Start, out _).Failure;

    public static SubmitterContext Context(long policy = 2) => new() { Account = Account, Key = 5, Policy = policy, Auth = AuthMethod.ClientSecret };

    public long Append(string chain, LeafDraft draft) => Regions[chain].Append(draft.Bytes.ToArray());

    public AdmissionFailure Try(string chain, LeafDraft draft) => Regions[chain].Try(draft.Bytes.Span).Failure;

    /// <summary>Anchors the chain as it is, and proves one of its leaves.</summary>
    /// <param name="chain">The chain.</param>
    /// <param name="index">The leaf; the newest one unless said otherwise.</param>
    /// <param name="cosigners">Nodes of the chain under its checkpoint.</param>
    /// <param name="mainCosigners">Nodes of main under its.</param>
    public AnchoredLeaf Prove(string chain, long? index = null, int[]? cosigners = null, int[]? mainCosigners = null, string log = "", string mainLog = "")
    {
        var (leaf, proof, anchor) = Pieces(chain, index, cosigners, mainCosigners, log, mainLog);
        return AnchoredLeaf.TryCreate(leaf, proof, anchor) ?? throw new InvalidOperationException("The pieces make no anchored leaf.");
    }

    /// <summary>The same in the pieces that a package has.</summary>
    public (byte[] Leaf, TlogProof Proof, AnchorProof Anchor) Pieces(string chain, long? index = null, int[]? cosigners = null, int[]? mainCosigners = null, string log = "", string mainLog = "")
    {
        var region = Regions[chain];
        var note = Note(region.Genesis.Suite, chain, region.Leaves, cosigners ?? [0, 1], log);
        var before = _anchored.TryGetValue(chain, out var known) ? known : (Index: -1L, Size: 0);
        var extends = before.Index < 0 ? [] : Extends(region.Genesis.Suite, region.Leaves, before.Size);
        _main.Add(SystemLeaves.Anchor(Main, note.Format(), before.Index, extends, Samples.Id(700 + _main.Count), Start.AddHours(_main.Count)).Bytes.ToArray());
        var at = _main.Count - 1;
        _anchored[chain] = (at, region.Leaves.Count);
        var leafIndex = index ?? region.Leaves.Count - 1;
        return (region.Leaves[(int)leafIndex], Inclusion(region.Genesis.Suite, region.Leaves, leafIndex, note),
            new AnchorProof(_main[at], Inclusion(Suite.Sm, _main, at, Note(Suite.Sm, "main", _main, mainCosigners ?? [0, 1, 2, 3], mainLog)).Format()));
    }

    private static Region Create(string chain, string code, Suite suite, TrustFile trust)
    {
        var genesis = Genesis.Create(Deployment, chain, code, suite, 1, [Governance(suite.Id)], Log(suite, chain), Start);
        var region = new Region(genesis);
        GovernanceSignature Sign(string name, byte[] document) => Notary.Evidence.Governance.Sign(genesis, Governance(suite.Id), Signer(suite.Id), name, document);
        foreach (var (name, i) in PolicyNames.InOrder.Select(static (name, i) => (name, i)))
        {
            var document = TestChain.Document(name);
            region.Append(SystemLeaves.Policy(genesis, document, [Sign(name, document)], i == 0, Samples.Id(10 + i), Start).Bytes.ToArray());
        }

        var agency = TestSigners.Of(suite.Id, "custody agency");
        var key = new KeyRecord
        {
            Account = Account, Purpose = KeyPurpose.Submitter, SuiteId = suite.Id, Spki = PublicKeyInfo.Format(agency.Algorithm, agency.PublicKey.Span), Chains = [Origin(chain)], Types = [KeyRecord.Any],
            From = RecordTime.ToMilliseconds(Start), Until = RecordTime.ToMilliseconds(Start.AddYears(2)),
        };
        region.Append(SystemLeaves.Key(genesis, key with { Signatures = [Sign(Notary.Evidence.Governance.KeyDocument, key.SignedDocument())] }, Samples.Id(20), Start).Bytes.ToArray());
        region.Append(SystemLeaves.Trust(genesis, trust, Samples.Id(21), Start).Bytes.ToArray());
        var facts = TestChain.Evidence().Facts with
        {
            Id = Evidence(chain).Id, Chain = Origin(chain), Received = RecordTime.ToMilliseconds(Start), Sealed = RecordTime.ToMilliseconds(Start), Account = Account,
        };
        region.Append((TestChain.Evidence() with { Facts = facts }).ToCanonical());
        return region;
    }

    private static SignedNote Note(Suite suite, string chain, List<byte[]> leaves, int[] cosigners, string log)
    {
        var hasher = new TreeHasher(suite);
        var text = new Checkpoint(Origin(chain), leaves.Count, hasher.Root([.. leaves.Select(leaf => hasher.Leaf(leaf))])).Format();
        var signer = TestSigners.Of(suite.Id, $"{chain} log{log}");
        var key = NoteKey.Create(Origin(chain), NoteKey.TypeFor(signer.Algorithm, false), signer.PublicKey.Span);
        var note = SignedNote.Create(text, [Lines.GetOrAdd((key, text), _ => NoteSigner.SignLine(signer, key, text))]);
        return cosigners.Select(node => NodeNames[node]).Order(StringComparer.Ordinal).Aggregate(note, (current, name) => current.With(
            Lines.GetOrAdd((Node(suite, chain, name), text), line => NoteSigner.Cosign(TestSigners.Of(suite.Id, $"{chain} {name}"), line.Key, text, Start.ToUnixTimeSeconds() + leaves.Count))));
    }

    private static TlogProof Inclusion(Suite suite, List<byte[]> leaves, long index, SignedNote note)
    {
        var plan = InclusionProof.Plan(index, leaves.Count);
        return TlogProof.Create(suite, index, InclusionProof.Compute(new TreeHasher(suite), plan, Fetch(suite, leaves, plan)), note);
    }

    private static Hash32[] Extends(Suite suite, List<byte[]> leaves, int from)
    {
        var plan = ConsistencyProof.Plan(from, leaves.Count);
        return ConsistencyProof.Compute(new TreeHasher(suite), plan, Fetch(suite, leaves, plan));
    }

    private static Hash32[] Fetch(Suite suite, List<byte[]> leaves, ProofPlan plan)
    {
        var hasher = new TreeHasher(suite);
        Hash32[] hashes = [.. leaves.Select(leaf => hasher.Leaf(leaf))];
        return [.. plan.Select(node => hasher.Root(hashes.AsSpan((int)(node.Index << node.Level), 1 << node.Level)))];
    }

    private static ISigner Signer(SuiteId suite) => TestSigners.Of(suite, "custody governance");

    private static NoteKey Governance(SuiteId suite) => NoteKey.Create($"{Deployment}/governance-{(int)suite}", NoteKey.TypeFor(Signer(suite).Algorithm, false), Signer(suite).PublicKey.Span);

    private static NoteKey Log(Suite suite, string chain)
    {
        var signer = TestSigners.Of(suite.Id, $"{chain} log");
        return NoteKey.Create(Origin(chain), NoteKey.TypeFor(signer.Algorithm, false), signer.PublicKey.Span);
    }

    // The name in a cosignature is the node's, as the network of the repository names them.
    private static NoteKey Node(Suite suite, string chain, string node)
    {
        var signer = TestSigners.Of(suite.Id, $"{chain} {node}");
        return NoteKey.Create($"{Deployment}/{chain}/{node}", NoteKey.TypeFor(signer.Algorithm, true), signer.PublicKey.Span);
    }

    internal sealed class Region(Genesis genesis)
    {
        public Genesis Genesis { get; } = genesis;

        public ChainState State { get; private set; } = new();

        public List<byte[]> Leaves { get; private set; } = [];

        public Region Copy() => new(Genesis) { State = State.Fork(), Leaves = [.. Leaves] };

        public AdmissionResult Try(ReadOnlySpan<byte> leaf) => Admission.Admit(Genesis, State, leaf, State.Size, out _);

        public long Append(byte[] leaf)
        {
            var result = Admission.Admit(Genesis, State, leaf, State.Size, out var facts);
            Assert.True(result.Ok, result.Code + " " + result.Member);
            State.Apply(facts, State.Size);
            Leaves.Add(leaf);
            return Leaves.Count - 1;
        }

        /// <summary>As an operator could who has its nodes' keys: nobody admitted it.</summary>
        public long AppendUnadmitted(byte[] leaf)
        {
            State.Skip(State.Size);
            Leaves.Add(leaf);
            return Leaves.Count - 1;
        }
    }
}
