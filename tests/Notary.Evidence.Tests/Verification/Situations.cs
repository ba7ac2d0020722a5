using System.Collections.Concurrent;
using System.Text;
using Notary.Crypto;
using Notary.Evidence.Tests.Packages;
using Notary.Ledger;
using Notary.Ledger.Tests;

namespace Notary.Evidence.Tests.Verification;

/// <summary>A builder for every row of docs/spec/verdicts.md.</summary>
internal static class Situations
{
    private static readonly TrustFile Development = World.Sm.Trust();
    private static readonly ConcurrentDictionary<string, VerificationReport> Reports = new(StringComparer.Ordinal);

    public static IReadOnlyDictionary<string, Func<VerificationReport>> All { get; } = new Dictionary<string, Func<VerificationReport>>(StringComparer.Ordinal)
    {
        ["whole package"] = () => Package(_ => { }),
        ["whole package of an intl chain"] = () => Verify(Deposit.Usual(World.Intl).Package(), World.Intl.Trust()),
        ["record without metadata"] = () => Verify(Deposit.Many(World.Sm, 2).Package()),
        ["names that are not safe are derived"] = () => Verify(Unsafe().Package()),
        ["more than 16 parts"] = () => Verify(Deposit.Many(World.Sm, 20).Package()),
        ["tree part"] = () => Verify(Tree().Package()),
        ["metadata field withheld"] = () => Package(deposit => deposit.Openings = Withheld(deposit, "title")),
        ["files beside the package"] = () => Beside(deposit => [deposit.Contents[0]!, deposit.Contents[1]!]),
        ["files beside the package under other names and in another order"] = () => Beside(deposit => [deposit.Contents[1]!, deposit.Contents[0]!]),
        ["file beside a whole package that is one of its parts"] = () => Verify(Deposit.Usual(World.Sm).Package(), Development, Deposit.Usual(World.Sm).Contents[1]!),
        ["lines of unknown keys"] = () => WithProof(proof => Encoding.UTF8.GetBytes(proof + "— stranger.example " + Convert.ToBase64String(new byte[68]) + "\n")),
        ["nodes cosigned, final required"] = () => Nodes([0, 1], TrustMode.Production, RecordState.Final),
        ["nodes have not cosigned, sealed required"] = () => Nodes([], TrustMode.Production, RecordState.Sealed),
        ["demonstration trust file"] = () => Nodes([1, 0], TrustMode.Demonstration, RecordState.Final),
        ["quorum none, final required"] = () => Verify(Deposit.Usual(World.Sm).Package(), World.Sm.Trust(required: RecordState.Final)),
        ["receipt with openings and files"] = () =>
        {
            var deposit = Deposit.Usual(World.Sm);
            return Verifier.VerifyReceipt(deposit.Receipt(), deposit.Openings, Files([.. deposit.Contents.Select(content => content!)]), Development);
        },

        ["empty file"] = () => Verify([]),
        ["truncated package"] = () => Verify(Deposit.Usual(World.Sm).Package()[..^40]),
        ["byte behind the package"] = () => Verify([.. Deposit.Usual(World.Sm).Package(), 0]),
        ["local header differs from central header"] = () => Zip(zip => zip.Entries[2].MutateLocal = header => header[10] ^= 1),
        ["zip bomb"] = () => Zip(zip => zip.Entries.Insert(1, RawEntry.Deflated("bomb", new byte[3_000_000]))),
        ["path trick"] = () => Zip(zip => zip.Entries.Insert(1, new RawEntry("../../etc/passwd", "x"u8.ToArray()))),
        ["other media type"] = () => Zip(zip => zip.Entries[0] = new RawEntry("mimetype", "application/vnd.etsi.asic-s+zip"u8.ToArray())),
        ["mimetype not first"] = () => Zip(zip => zip.Entries.Reverse(0, 2)),
        ["entry that the record does not determine"] = () => Zip(zip => zip.Entries.Insert(3, new RawEntry("more.txt", "x"u8.ToArray()))),
        ["reserved manifest entry"] = () => Zip(zip => zip.Entries.Add(new RawEntry("META-INF/manifest.xml", "<x/>"u8.ToArray()))),
        ["file renamed"] = () => Zip(zip => zip.Entries[1].NameBytes = "other.txt"u8.ToArray()),
        ["file names exchanged"] = () => Zip(zip => (zip.Entries[1].NameBytes, zip.Entries[2].NameBytes) = (zip.Entries[2].NameBytes, zip.Entries[1].NameBytes)),
        ["entries in another order"] = () => Zip(zip => zip.Entries.Reverse(1, 2)),
        ["leaf missing"] = () => Zip(zip => zip.Entries.RemoveAt(3)),
        ["proof missing"] = () => Zip(zip => zip.Entries.RemoveAt(5)),
        ["openings not canonical"] = () => Zip(zip => zip.Entries[4] = new RawEntry(EntryNames.Openings, [.. zip.Entries[4].Data, (byte)'\n'])),
        ["openings with an unknown member"] = () => Zip(zip => Edit(zip, 4, "\"v\":1", "\"v\":1,\"w\":2")),
        ["receipt malformed"] = () => Verifier.VerifyReceipt("{\"v\":1}"u8, null, [], Development),
        ["leaf not canonical"] = () => Zip(zip => Edit(zip, 3, "{\"account\"", "{ \"account\"")),
        ["sealed leaf with an unknown member"] = () => Package(deposit => EditLeaf(deposit, "\"v\":1}", "\"v\":1,\"x\":1}")),
        ["proof malformed"] = () => WithProof(proof => Encoding.UTF8.GetBytes(proof.Replace("index 5", "index 05", StringComparison.Ordinal))),
        ["proof with extra data"] = () => WithProof(proof => Encoding.UTF8.GetBytes(proof.Replace("index 5", "extra QUJD\nindex 5", StringComparison.Ordinal))),
        ["checkpoint of another chain"] = () => Package(deposit => deposit.CheckpointOrigin = World.Deployment + "/beijing"),
        ["receipt with the number of another index"] = () => WithNumber(RecordNumber.Format("GZ", 6)),
        ["receipt with the number of another chain"] = () => WithNumber(RecordNumber.Format("BJ", 5)),
        ["proof header of the other suite"] = () => WithProof(proof => Encoding.UTF8.GetBytes(proof.Replace(TlogProof.SmHeader, TlogProof.IntlHeader, StringComparison.Ordinal))),
        ["checkpoint signature changed"] = () => WithNote(note => ChangeLine(note, 0, 10)),
        ["checkpoint root changed"] = () => WithNote(note => ChangeText(note, 2, line => (line[0] == 'A' ? "B" : "A") + line[1..])),
        ["checkpoint size changed"] = () => WithNote(note => ChangeText(note, 1, _ => "12")),
        ["cosignature changed"] = () =>
        {
            var deposit = Deposit.Usual(World.Sm);
            deposit.Cosigners = [0, 1];
            var proof = deposit.Proof();
            return Verify(deposit.Package(TlogProof.Create(Suite.Sm, proof.Index, proof.Hashes, ChangeLine(proof.Note, 2, 20))), World.Sm.Trust(TrustMode.Production, RecordState.Final, World.Sm.PolicyTwo));
        },
        ["leaf changed"] = () => Zip(zip => Edit(zip, 3, "\"agency-1\"", "\"agency-2\"")),
        ["proof index changed"] = () => WithProof(proof => Encoding.UTF8.GetBytes(proof.Replace("index 5", "index 4", StringComparison.Ordinal))),
        ["proof hash changed"] = () => ChangeProof((index, hashes) => (index, [Suite.Sm.Hash("another"u8), .. hashes.Skip(1)])),
        ["proof hash missing"] = () => ChangeProof((index, hashes) => (index, [.. hashes.Skip(1)])),
        ["part left out of the openings"] = () => Package(deposit =>
        {
            deposit.Openings = new Openings([deposit.Openings.Parts[0]], deposit.Openings.Metadata);
            deposit.Contents.RemoveAt(1);
        }),
        ["media type of a part changed"] = () => Zip(zip => Edit(zip, 4, "text/plain", "text/other")),
        ["salt of a part changed"] = () => Package(deposit => deposit.Openings = Replaced(deposit.Openings, 0,
            Opening.Open("part/0", Suite.Sm.Hash("another salt"u8), deposit.Openings.Parts[0].Value!))),
        ["commitment of a withheld part changed"] = () => Package(deposit => deposit.Openings = Replaced(deposit.Openings, 1, Opening.Closed("part/1", Suite.Sm.Hash("another"u8)))),
        ["one opening of more than 16 parts changed"] = () => Verify(Changed(Deposit.Many(World.Sm, 20), deposit => deposit.Openings = Replaced(deposit.Openings, 18,
            Opening.Open("part/18", Suite.Sm.Hash("another salt"u8), deposit.Openings.Parts[18].Value!))).Package()),
        ["metadata field changed"] = () => Zip(zip => Edit(zip, 4, "租赁合同 lease", "买卖合同 lease")),
        ["metadata field given to an absent one"] = () => Package(deposit =>
        {
            var at = MetadataFields.IndexOf("witness");
            var fields = deposit.Openings.Metadata!.ToList();
            fields[at] = Opening.Open("witness", Suite.Sm.Hash("salt"u8), CanonicalValue.Of("a notary"));
            deposit.Openings = new Openings(deposit.Openings.Parts, fields);
        }),
        ["metadata left out of the openings"] = () => Package(deposit => deposit.Openings = new Openings(deposit.Openings.Parts, null)),
        ["metadata given to a record without"] = () => Verify(Changed(Deposit.Many(World.Sm, 2), deposit =>
            deposit.Openings = new Openings(deposit.Openings.Parts, Deposit.Usual(World.Sm).Openings.Metadata)).Package()),
        ["byte of a file changed"] = () =>
        {
            var bytes = Deposit.Usual(World.Sm).Package();
            bytes[bytes.AsSpan().IndexOf("%PDF-1.7"u8) + 6] ^= 1;
            return Verify(bytes);
        },
        ["byte of a file changed and the zip made to fit"] = () => Package(deposit => deposit.Contents[1] = [(byte)'x', .. deposit.Contents[1]!.Skip(1)]),
        ["file shortened"] = () => Package(deposit => deposit.Contents[1] = deposit.Contents[1]![..^1]),
        ["one of many files changed"] = () => Verify(Changed(Deposit.Many(World.Sm, 20), deposit => deposit.Contents[18] = "part 17\n"u8.ToArray()).Package()),
        ["CRC of a file changed"] = () => Zip(zip => zip.Entries[2].Crc ^= 0x100),
        ["changed file beside the package"] = () => Beside(deposit => [deposit.Contents[0]!, [(byte)'x', .. deposit.Contents[1]!.Skip(1)]]),
        ["file beside a whole package that is none of its parts"] = () => Verify(Deposit.Usual(World.Sm).Package(), Development, "something else"u8.ToArray()),

        ["no trust file"] = () => Verify(Deposit.Usual(World.Sm).Package(), null),
        ["trust file that does not know the chain"] = () => Verify(Deposit.Usual(World.Sm).Package(), World.Intl.Trust()),
        ["checkpoint signed by another key"] = () => Package(deposit =>
        {
            deposit.CheckpointSigner = TestSigners.Of(SuiteId.Sm, "somebody else");
            deposit.CheckpointKey = World.Note(World.Sm.Origin, deposit.CheckpointSigner, false);
        }),
        ["unknown kind"] = () => Package(deposit => EditLeaf(deposit, "\"kind\":\"evidence\"", "\"kind\":\"prophecy\"")),
        ["record of a known kind without content"] = () => Verify(OfKey(withFile: false).Package()),
        ["alarm of a node"] = () => Verify(OfNode(static (chain, key) => new AlarmRecord { Chain = chain, Key = key, At = 0, Index = 3, Leaf = default, Failure = 2, Code = "not-json" }).Package()),
        ["record of a node that joined"] = () => Verify(OfNode(static (chain, key) => new NodeRecord { Chain = chain, Key = key, At = 0, Size = 9, Trust = 2 }).Package()),
        ["alarm of a node about another record than it signed"] = () =>
        {
            var deposit = OfNode(static (chain, key) => new AlarmRecord { Chain = chain, Key = key, At = 0, Index = 3, Leaf = default, Failure = 2, Code = "not-json" });
            EditLeaf(deposit, "\"index\":3", "\"index\":4");
            return Verify(deposit.Package());
        },
        ["file put beside a record of a kind that has none"] = () => Verify(OfKey(withFile: true).Package()),
        ["metadata put beside a record of a kind that has none"] = () =>
        {
            var deposit = OfKey(withFile: false);
            deposit.Openings = Openings.FromSecret(World.Sm.Suite, World.Sm.Origin, deposit.Id, deposit.Secret, [], deposit.Metadata);
            return Verify(deposit.Package());
        },
        ["unknown version"] = () => Package(deposit => EditLeaf(deposit, "\"v\":1}", "\"v\":2}")),
        ["package without files"] = () => Beside(_ => []),
        ["package without one of its files"] = () => Package(deposit => deposit.Contents[0] = null),
        ["part withheld"] = () => Package(deposit =>
        {
            deposit.Openings = Withheld(deposit, "part/1");
            deposit.Contents[1] = null;
        }),
        ["receipt alone"] = () => Verifier.VerifyReceipt(Deposit.Usual(World.Sm).Receipt().ToJson(), null, [], Development),
        ["nodes have not cosigned, final required"] = () => Nodes([], TrustMode.Production, RecordState.Final),
        ["one of two nodes cosigned, final required"] = () => Nodes([1], TrustMode.Production, RecordState.Final),
        ["anchored required"] = () => Nodes([0, 1], TrustMode.Production, RecordState.Anchored),

        ["anchored, anchored required"] = () => Anchored(),
        ["anchored package of an intl chain"] = () => Anchored(world: World.Intl),
        ["anchored receipt with openings and files"] = () => AnchoredReceipt(receipt => receipt),
        ["anchored under an entry that has ended since"] = () => Anchored(trust: Ranges(MainWorld.Index, OtherLog)),
        ["main checkpoint under an entry of main that has ended since"] = () => Anchored(trust: MainWorld.Trust(
            World.Sm, chains: [MainWorld.Region(World.Sm), MainWorld.Chain() with { ToMainIndex = MainWorld.Size - 1 }, MainWorld.Chain(MainWorld.OtherLog) with { FromMainIndex = MainWorld.Size }])),
        ["record of the main chain, anchored required"] = () => OnMain([0, 1], MainWorld.Trust(World.Sm)),
        ["record of the main chain, quorum none, anchored required"] = () => OnMain([], MainWorld.Trust(World.Sm, chains: [MainWorld.Region(World.Sm), MainWorld.Chain()]), none: true),
        ["main quorum one short, final required"] = () => Anchored(note => MainWorld.Anchor(note, [2]), MainWorld.Trust(World.Sm, RecordState.Final)),
        ["anchored without any quorum"] = () => Anchored(cosigners: [], trust: TrustFile.Create(
            World.Sm.Content(required: RecordState.Anchored) with { Chains = [MainWorld.Region(World.Sm, policy: World.Sm.PolicyNone), MainWorld.Chain(policy: World.Sm.PolicyNone)] },
            World.Sm.GovernanceSigners[0])),

        ["anchor without its proof"] = () => AnchoredZip(zip => zip.Entries.RemoveAt(7)),
        ["proof of an anchor without the anchor"] = () => AnchoredZip(zip => zip.Entries.RemoveAt(6)),
        ["anchor in another place"] = () => AnchoredZip(zip => zip.Entries.Reverse(5, 2)),
        ["receipt with half an anchor"] = () => Verifier.VerifyReceipt(
            Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(Deposit.Usual(World.Sm).Receipt().ToJson()).Replace("{\"leaf\"", "{\"anchor\":{\"leaf\":\"{}\"},\"leaf\"", StringComparison.Ordinal)), null, [], Development),
        ["anchor malformed"] = () => AnchoredZip(zip => Edit(zip, 6, "\"prev_index\":-1", "\"prev_index\":-2")),
        ["record of another kind in the place of the anchor"] = () => Anchored(_ => MainWorld.Prove(Deposit.Usual(World.Sm, MainWorld.Origin).Leaf)),
        ["anchor on the record's own chain"] = () => Anchored(note => MainWorld.Prove(MainWorld.Leaf(note, World.Sm.Origin), origin: World.Sm.Origin)),
        ["anchor beside a record of the main chain"] = () => OnMain([0, 1], MainWorld.Trust(World.Sm), note => MainWorld.Anchor(note)),
        ["anchor of another checkpoint"] = () => Anchored(_ => MainWorld.Anchor(World.Sm.Checkpoint(["another record"u8.ToArray()], null, null, null, 0, 1))),
        ["cosignature more than in the anchor"] = () => Anchored(note => MainWorld.Anchor(SignedNote.Create(note.Text, [note.Signatures[0], note.Signatures[1]]))),
        ["cosignature less than in the anchor"] = () => Anchored(note => MainWorld.Anchor(note.With(World.Line(
            World.Sm.NodeKeys[1], note.Text, () => NoteSigner.Cosign(World.Sm.NodeSigners[1], World.Sm.NodeKeys[1], note.Text, 1_795_392_000)))), cosigners: [0]),
        ["cosignatures in another order than in the anchor"] = () => Anchored(note => MainWorld.Anchor(SignedNote.Create(note.Text, [note.Signatures[0], note.Signatures[2], note.Signatures[1]]))),
        ["proof of the anchor malformed"] = () => AnchoredZip(zip => Edit(zip, 7, "index 7", "index 07")),
        ["proof of the anchor with extra data"] = () => AnchoredZip(zip => Edit(zip, 7, "index 7", "extra QUJD\nindex 7")),
        ["main checkpoint of another chain than the anchor"] = () => Anchored(note => MainWorld.Prove(MainWorld.Leaf(note), origin: World.Deployment + "/other")),
        ["proof of the anchor with the header of the other suite"] = () => AnchoredZip(zip => Edit(zip, 7, TlogProof.SmHeader, TlogProof.IntlHeader)),
        ["main checkpoint signature changed"] = () => Anchored(note => MainWorld.Prove(MainWorld.Leaf(note), change: main => ChangeLine(main, 0, 10))),
        ["main checkpoint root changed"] = () => Anchored(note => MainWorld.Prove(MainWorld.Leaf(note), change: main => ChangeText(main, 2, line => (line[0] == 'A' ? "B" : "A") + line[1..]))),
        ["main checkpoint size changed"] = () => Anchored(note => MainWorld.Prove(MainWorld.Leaf(note), change: main => ChangeText(main, 1, _ => "10"))),
        ["cosignature of main changed"] = () => Anchored(note => MainWorld.Prove(MainWorld.Leaf(note), change: main => ChangeLine(main, 2, 20))),
        ["previous index in the anchor changed"] = () => AnchoredZip(zip => Edit(zip, 6, "\"prev_index\":-1", "\"prev_index\":4")),
        ["anchor that main does not hold"] = () => Anchored(note => MainWorld.Anchor(note) with { Proof = MainWorld.Prove("another leaf"u8.ToArray()).Proof }),
        ["index of the anchor changed"] = () => AnchoredZip(zip => Edit(zip, 7, "index 7", "index 6")),
        ["no trust file for an anchored package"] = () => Verify(AnchoredPackage(), null),
        ["trust file without a main chain, anchored package"] = () => Anchored(trust: World.Sm.Trust(TrustMode.Production, RecordState.Final, World.Sm.PolicyTwo)),
        ["anchor on another main chain"] = () => Anchored(note => MainWorld.Prove(MainWorld.Leaf(note, "other.notary/main"), origin: "other.notary/main")),
        ["anchor on a chain that is not main"] = () => Anchored(
            note => MainWorld.Prove(MainWorld.Leaf(note, World.Deployment + "/hainan"), origin: World.Deployment + "/hainan"),
            MainWorld.Trust(World.Sm, chains: [MainWorld.Region(World.Sm), MainWorld.Chain(), MainWorld.Chain(origin: World.Deployment + "/hainan") with { Code = "HI" }])),
        ["main checkpoint signed by another key"] = () => Anchored(note => MainWorld.Prove(MainWorld.Leaf(note), log: MainWorld.OtherLog)),
        ["main checkpoint behind the end of main's entry"] = () => Anchored(trust: MainWorld.Trust(
            World.Sm, chains: [MainWorld.Region(World.Sm), MainWorld.Chain() with { ToMainIndex = MainWorld.Size - 2 }])),
        ["main checkpoint by a retired key behind its range"] = () => Anchored(trust: MainWorld.Trust(
            World.Sm, chains: [MainWorld.Region(World.Sm), MainWorld.Chain() with { ToMainIndex = MainWorld.Size - 2 }, MainWorld.Chain(MainWorld.OtherLog) with { FromMainIndex = MainWorld.Size - 1 }])),
        ["checkpoint by a retired key, anchored behind its range"] = () => Anchored(trust: Ranges(MainWorld.Index - 1, OtherLog)),
        ["checkpoint by the new key, anchored before its range"] = () => Anchored(log: OtherLog, trust: Ranges(MainWorld.Index, OtherLog)),
        ["checkpoint by a revoked key, anchored behind its range"] = () => Anchored(trust: Ranges(MainWorld.Index - 1, null)),
        ["checkpoint by a retired key, not anchored"] = () => Anchored(_ => null, Ranges(MainWorld.Index, OtherLog, RecordState.Final)),
        ["checkpoint by a revoked key, not anchored"] = () => Anchored(_ => null, Ranges(MainWorld.Index, null, RecordState.Final)),
        ["record of the main chain by a retired key behind its range"] = () => OnMain([0, 1], MainWorld.Trust(
            World.Sm, chains: [MainWorld.Region(World.Sm), MainWorld.Chain() with { ToMainIndex = 9 }, MainWorld.Chain(MainWorld.OtherLog) with { FromMainIndex = 10 }])),
        ["unknown version of the anchor"] = () => AnchoredZip(zip => Edit(zip, 6, "\"v\":1}", "\"v\":2}")),
        ["main quorum one short, anchored required"] = () => Anchored(note => MainWorld.Anchor(note, [2])),
        ["main not cosigned, anchored required"] = () => Anchored(note => MainWorld.Anchor(note, [])),
        ["main quorum one short, checkpoint by a retired key"] = () => Anchored(note => MainWorld.Anchor(note, [2]), Ranges(MainWorld.Index, OtherLog, RecordState.Final)),
        ["one of two nodes cosigned, anchored all the same"] = () => Anchored(cosigners: [1]),
        ["record of the main chain one cosignature short"] = () => OnMain([1], MainWorld.Trust(World.Sm)),
        ["custody released"] = () => Custody("hainan", 8),
        ["custody received"] = () => Custody("beijing", 8),
        ["custody declined"] = () => Custody("dubai", 8),
        ["custody withdrawn"] = () => Custody("hainan", 10),
        ["custody received in another suite's chain"] = () => Custody("dubai", 9),
        ["custody received, no trust file"] = () => Custody("beijing", 8, none: true),
        ["custody received from a chain that the trust file does not know"] = () => Custody("beijing", 8, CustodyWorld.TrustOf(static c => c.Origin == CustodyWorld.Origin("hainan") ? c with { Code = "-" } : c)),
        ["custody received from a chain whose entry had ended"] = () => Custody("beijing", 8, CustodyWorld.TrustOf(static c => c.Origin == CustodyWorld.Origin("hainan") ? c with { ToMainIndex = 5 } : c)),
        ["custody received with another hash in its proof"] = () => Sealed(static text => ChangeAfter(text, "\"path\":[\"", 0)),
        ["custody received with another hash in the proof of its anchor"] = () => Sealed(static text => ChangeAfter(text, "\"anchor_path\":[\"", 0)),
        ["custody received with a changed signature in its proof"] = () => Sealed(static text => ChangeAfter(text, "\u2014 notary.example/main/court ", 30)),
        ["custody received under another log key"] = () => Sealed(log: " of somebody else"),
        ["custody received under another main log key"] = () => Sealed(mainLog: " of somebody else"),
        ["custody received before it was final"] = () => Sealed(cosigners: [1]),
        ["custody received with a cosignature more"] = () => Sealed(cosigners: [0, 1, 2]),
        ["custody received by another than the target"] = () => Sealed(target: "dubai"),
        ["anchored, time-stamped required"] = () => Anchored(trust: MainWorld.Trust(World.Sm, RecordState.TimeStamped)),
    };

    private static ISigner OtherLog => TestSigners.Of(SuiteId.Sm, "the region's next log");

    /// <summary>The report of a row; each is made once.</summary>
    public static VerificationReport Report(string situation) => Reports.GetOrAdd(situation, name => All[name]());

    public static VerificationReport Verify(byte[] package) => Verify(package, Development);

    public static VerificationReport Verify(byte[] package, TrustFile? trust, params IReadOnlyList<byte[]> files)
    {
        using var stream = new MemoryStream(package);
        return Verifier.Verify(stream, Files(files), trust);
    }

    /// <summary>The entries of a package, to be put together again otherwise.</summary>
    public static RawZip Entries(byte[] package)
    {
        Assert.Null(StrictZipReader.TryOpen(new MemoryStream(package), ZipLimits.Default, out var reader));
        var zip = new RawZip();
        foreach (var entry in reader!.Entries)
        {
            Assert.Null(reader.ReadAll(entry, 1 << 20, out var content));
            zip.Entries.Add(new RawEntry(entry.Name, content));
        }

        return zip;
    }

    public static Deposit Unsafe() => new(World.Sm, [("text/plain", "a"u8.ToArray()), ("text/csv", "b"u8.ToArray()), ("image/png", "c"u8.ToArray()), ("text/plain", "d"u8.ToArray())],
        new Dictionary<string, CanonicalValue> { ["files"] = CanonicalValue.OfStrings(["Same.txt", "same.TXT", "part-9.png", "good.txt"]) });

    private static Deposit Tree()
    {
        var content = "row 1\nrow 2\n"u8.ToArray();
        var part = new EvidencePart(PartKind.Tree, "text/plain", Suite.Sm.Hash(content), Suite.Intl.Hash(content), content.Length, Suite.Sm.Hash("root of the rows"u8), 2, TreeRule.Line);
        return new Deposit(World.Sm, [("text/plain", content)], null, [part]);
    }

    private static IReadOnlyList<GivenFile> Files(IReadOnlyList<byte[]> contents) => [.. contents.Select((content, i) => new GivenFile($"given {i}", new MemoryStream(content)))];

    private static VerificationReport Package(Action<Deposit> change) => Verify(Changed(Deposit.Usual(World.Sm), change).Package());

    private static Deposit Changed(Deposit deposit, Action<Deposit> change)
    {
        change(deposit);
        return deposit;
    }

    private static VerificationReport Zip(Action<RawZip> change)
    {
        var zip = Entries(Deposit.Usual(World.Sm).Package());
        change(zip);
        return Verify(zip.Build());
    }

    private static void Edit(RawZip zip, int entry, string what, string by)
    {
        var text = Encoding.UTF8.GetString(zip.Entries[entry].Data);
        Assert.Contains(what, text, StringComparison.Ordinal);
        zip.Entries[entry] = new RawEntry(Encoding.UTF8.GetString(zip.Entries[entry].NameBytes), Encoding.UTF8.GetBytes(text.Replace(what, by, StringComparison.Ordinal)));
    }

    // What a node says instead of the evidence.
    private static Deposit OfNode(Func<string, NoteKey, NodeStatement> statement)
    {
        var world = World.Sm;
        var now = new DateTimeOffset(2026, 11, 23, 1, 2, 3, TimeSpan.Zero);
        var genesis = Genesis.Create(World.Deployment, "guangzhou", world.Code, world.Suite, 1, [world.GovernanceKeys[0]], world.LogKey, now);
        var signer = TestSigners.Of(world.Suite.Id, "court");
        var said = statement(world.Origin, NoteKey.Create("court.example/guangzhou", NoteKey.TypeFor(signer.Algorithm, true), signer.PublicKey.Span));
        var deposit = Deposit.Usual(world);
        deposit.Leaf = SystemLeaves.OfNode(genesis, said with { Signature = said.Sign(signer) }, deposit.Id, now).Bytes.ToArray();
        deposit.Contents.Clear();
        deposit.Openings = Openings.FromSecret(world.Suite, world.Origin, deposit.Id, deposit.Secret, [], null);
        return deposit;
    }

    // A key record instead of the evidence: its form is known, and it has neither parts nor metadata.
    private static Deposit OfKey(bool withFile)
    {
        var world = World.Sm;
        var now = new DateTimeOffset(2026, 11, 23, 1, 2, 3, TimeSpan.Zero);
        var genesis = Genesis.Create(World.Deployment, "guangzhou", world.Code, world.Suite, 1, [world.GovernanceKeys[0]], world.LogKey, now);
        var record = new KeyRecord
        {
            Account = "agency-1", Purpose = KeyPurpose.Submitter, SuiteId = world.Suite.Id, Spki = PublicKeyInfo.Format(world.LogSigner.Algorithm, TestSigners.Of(world.Suite.Id, "agency").PublicKey.Span),
            Chains = [world.Origin], Types = [KeyRecord.Any], From = RecordTime.ToMilliseconds(now), Until = RecordTime.ToMilliseconds(now.AddYears(1)),
        };
        record = record with { Signatures = [Governance.Sign(genesis, world.GovernanceKeys[0], world.GovernanceSigners[0], Governance.KeyDocument, record.SignedDocument())] };
        var deposit = Deposit.Usual(world);
        deposit.Leaf = SystemLeaves.Key(genesis, record, deposit.Id, now).Bytes.ToArray();
        if (!withFile)
        {
            deposit.Contents.Clear();
        }

        deposit.Openings = Openings.FromSecret(world.Suite, world.Origin, deposit.Id, deposit.Secret, withFile ? deposit.Parts : [], null);
        return deposit;
    }

    private static void EditLeaf(Deposit deposit, string what, string by)
    {
        var text = Encoding.UTF8.GetString(deposit.Leaf);
        Assert.Contains(what, text, StringComparison.Ordinal);
        deposit.Leaf = Encoding.UTF8.GetBytes(text.Replace(what, by, StringComparison.Ordinal));
    }

    private static VerificationReport Beside(Func<Deposit, IReadOnlyList<byte[]>> files)
    {
        var deposit = Deposit.Usual(World.Sm);
        var given = files(deposit);
        deposit.Contents[0] = deposit.Contents[1] = null;
        return Verify(deposit.Package(), Development, given);
    }

    private static VerificationReport Nodes(int[] cosigners, TrustMode mode, RecordState required)
    {
        var deposit = Deposit.Usual(World.Sm);
        deposit.Cosigners = cosigners;
        return Verify(deposit.Package(), World.Sm.Trust(mode, required, World.Sm.PolicyTwo));
    }

    /// <summary>The usual record, cosigned and anchored, under a trust file that demands it.</summary>
    private static VerificationReport Anchored(
        Func<SignedNote, AnchorProof?>? anchor = null, TrustFile? trust = null, int[]? cosigners = null, World? world = null, ISigner? log = null)
    {
        var deposit = AnchoredDeposit(world ?? World.Sm);
        deposit.Anchor = anchor is null ? deposit.Anchor : note => anchor(note)!;
        deposit.Cosigners = cosigners ?? deposit.Cosigners;
        deposit.CheckpointSigner = log;
        deposit.CheckpointKey = log is null ? null : World.Note(deposit.Origin, log, false);
        return Verify(deposit.Package(), trust ?? MainWorld.Trust(world ?? World.Sm));
    }

    public static Deposit AnchoredDeposit(World world)
    {
        var deposit = Deposit.Usual(world);
        deposit.Cosigners = [0, 1];
        deposit.Anchor = note => MainWorld.Anchor(note);
        return deposit;
    }

    private static readonly Lazy<CustodyWorld> Transfers = new(static () =>
    {
        var world = CustodyWorld.New();
        world.Append("hainan", world.Released("hainan", 1, "beijing"));
        world.Append("beijing", world.Received("beijing", world.Prove("hainan")));
        var second = world.Append("hainan", world.Released("hainan", 2, "dubai", CustodyWorld.Evidence("hainan") with { Index = 6 }));
        world.Append("dubai", world.Declined("dubai", 2, "hainan", second));
        world.Append("hainan", world.Withdrawn("hainan", world.Prove("dubai")));
        world.Append("beijing", world.Released("beijing", 3, "dubai", CustodyWorld.Evidence("hainan"), via: 8));
        world.Append("dubai", world.Received("dubai", world.Prove("beijing")));
        return world;
    });

    // The anchored package of a custody leaf: record, no parts, proof, anchor.
    private static VerificationReport Custody(string chain, long index, TrustFile? trust = null, bool none = false, CustodyWorld? world = null)
    {
        world ??= Transfers.Value.Copy();
        var (leaf, proof, anchor) = world.Pieces(chain, index);
        using var package = new MemoryStream();
        PackageWriter.Write(package, leaf, new Openings([], null), proof, [], anchor);
        return Verify(package.ToArray(), none ? null : trust ?? world.Trust);
    }

    // What nodes would not cosign, sealed and cosigned all the same.
    private static VerificationReport Sealed(Func<string, string>? change = null, int[]? cosigners = null, string log = "", string mainLog = "", string target = "beijing")
    {
        var world = CustodyWorld.New();
        world.Append("hainan", world.Released("hainan", 1, target));
        var text = Encoding.UTF8.GetString(world.Received(target, world.Prove("hainan", cosigners: cosigners, log: log, mainLog: mainLog)).Bytes.Span);
        text = target == "beijing" ? text : text.Replace("\"chain\":\"notary.example/dubai\"", "\"chain\":\"notary.example/beijing\"", StringComparison.Ordinal);
        world.Regions["beijing"].AppendUnadmitted(Encoding.UTF8.GetBytes(change is null ? text : change(text)));
        return Custody("beijing", 8, world: world);
    }

    private static string ChangeAfter(string text, string what, int more)
    {
        var at = text.IndexOf(what, StringComparison.Ordinal);
        Assert.True(at >= 0, what);
        at += what.Length + more;
        return text[..at] + (text[at] == '1' ? '2' : '1') + text[(at + 1)..];
    }

    public static byte[] AnchoredPackage() => AnchoredDeposit(World.Sm).Package();

    private static VerificationReport AnchoredReceipt(Func<Receipt, Receipt> change)
    {
        var deposit = AnchoredDeposit(World.Sm);
        return Verifier.VerifyReceipt(change(deposit.Receipt()).ToJson(), deposit.Openings, Files([.. deposit.Contents.Select(content => content!)]), MainWorld.Trust(World.Sm));
    }

    private static VerificationReport AnchoredZip(Action<RawZip> change)
    {
        var zip = Entries(AnchoredPackage());
        change(zip);
        return Verify(zip.Build(), MainWorld.Trust(World.Sm));
    }

    /// <summary>The region's usual key up to that main index; behind it another one, or none.</summary>
    private static TrustFile Ranges(long to, ISigner? next, RecordState required = RecordState.Anchored) => MainWorld.Trust(World.Sm, required,
    [
        MainWorld.Chain(), MainWorld.Region(World.Sm) with { ToMainIndex = to },
        .. next is null ? (TrustedChain[])[] : [MainWorld.Region(World.Sm, next) with { FromMainIndex = to + 1 }],
    ]);

    /// <summary>A record that lies on the main chain itself.</summary>
    private static VerificationReport OnMain(int[] cosigners, TrustFile trust, Func<SignedNote, AnchorProof>? anchor = null, bool none = false)
    {
        var deposit = Deposit.Usual(World.Sm, MainWorld.Origin);
        deposit.Anchor = anchor;
        if (none)
        {
            trust = TrustFile.Create(World.Sm.Content(required: RecordState.Anchored) with { Chains = [MainWorld.Chain(policy: World.Sm.PolicyNone)] }, World.Sm.GovernanceSigners[0]);
        }

        return Verify(deposit.Package(World.Sm.Prove(deposit.Leaves, deposit.Index, MainWorld.Checkpoint(deposit.Leaves, cosigners))), trust);
    }

    private static VerificationReport WithProof(Func<string, byte[]> change) => Zip(zip =>
        zip.Entries[5] = new RawEntry(EntryNames.Proof, change(Encoding.UTF8.GetString(zip.Entries[5].Data))));

    private static VerificationReport WithNote(Func<SignedNote, SignedNote> change)
    {
        var deposit = Deposit.Usual(World.Sm);
        var proof = deposit.Proof();
        return Verify(deposit.Package(TlogProof.Create(Suite.Sm, proof.Index, proof.Hashes, change(proof.Note))));
    }

    private static VerificationReport ChangeProof(Func<long, IReadOnlyList<Hash32>, (long Index, IReadOnlyList<Hash32> Hashes)> change)
    {
        var deposit = Deposit.Usual(World.Sm);
        var proof = deposit.Proof();
        var (index, hashes) = change(proof.Index, proof.Hashes);
        return Verify(deposit.Package(TlogProof.Create(Suite.Sm, index, hashes, proof.Note)));
    }

    private static VerificationReport WithNumber(string number)
    {
        var receipt = Deposit.Usual(World.Sm).Receipt();
        return Verifier.VerifyReceipt(new Receipt { Number = number, LeafJson = receipt.LeafJson, Secret = receipt.Secret, Proof = receipt.Proof }, null, [], Development);
    }

    private static SignedNote ChangeLine(SignedNote note, int line, int at)
    {
        var lines = note.Signatures.ToList();
        var signature = lines[line].Signature.ToArray();
        signature[at] ^= 1;
        lines[line] = new NoteSignature(lines[line].Name, lines[line].KeyId, signature);
        return SignedNote.Create(note.Text, lines);
    }

    private static SignedNote ChangeText(SignedNote note, int line, Func<string, string> change)
    {
        var lines = note.Text.Split('\n');
        lines[line] = change(lines[line]);
        return SignedNote.Create(string.Join('\n', lines), note.Signatures);
    }

    private static Openings Replaced(Openings openings, int part, Opening by)
    {
        var parts = openings.Parts.ToList();
        parts[part] = by;
        return new Openings(parts, openings.Metadata);
    }

    private static Openings Withheld(Deposit deposit, string name) =>
        Openings.FromSecret(deposit.World.Suite, deposit.World.Origin, deposit.Id, deposit.Secret, deposit.Parts, deposit.Metadata, other => other != name);
}
