using System.Text;
using Notary.Crypto;
using Notary.Ledger;
using Notary.Ledger.Tests;

namespace Notary.Evidence.Tests.Verification;

/// <summary>
/// The main chain of the worlds' deployment: suite sm, three nodes of which two make a checkpoint final. A record's checkpoint is anchored as leaf
/// <see cref="Index"/> of <see cref="Size"/>; what a test changes it changes with an argument.
/// </summary>
internal static class MainWorld
{
    public const string Origin = World.Deployment + "/main";
    public const string Code = "MAIN";
    public const int Index = 7;
    public const int Size = 9;

    /// <summary>When main's nodes cosigned: one second after another.</summary>
    public const long CosignedAt = 1_795_392_060;

    private static readonly TreeHasher Hasher = new(Suite.Sm);
    private static readonly ISigner[] Nodes = [.. Enumerable.Range(0, 3).Select(static i => TestSigners.Of(SuiteId.Sm, $"main node {i}"))];

    public static readonly ISigner Log = TestSigners.Of(SuiteId.Sm, "main log");
    public static readonly ISigner OtherLog = TestSigners.Of(SuiteId.Sm, "another main log");
    public static readonly NoteKey[] NodeKeys = [.. Nodes.Select(static (node, i) => World.Note(((string[])["notary-office.example", "forensic.example", "auditor.example"])[i], node, true))];

    public static readonly string Policy =
        $"witness office {NodeKeys[0].Format()}\nwitness forensic {NodeKeys[1].Format()}\nwitness auditor {NodeKeys[2].Format()}\ngroup two 2 office forensic auditor\nquorum two\n";

    public static TrustedChain Chain(ISigner? log = null, string? policy = null, string origin = Origin) =>
        TrustedChain.Create(origin, Code, Suite.Sm, [World.Note(origin, log ?? Log, false)], policy ?? Policy);

    public static TrustedChain Region(World world, ISigner? log = null, string? policy = null) =>
        TrustedChain.Create(world.Origin, world.Code, world.Suite, [World.Note(world.Origin, log ?? world.LogSigner, false)], policy ?? world.PolicyTwo);

    /// <summary>A production trust file that demands anchored, with these entries; usually the world's chain and main.</summary>
    public static TrustFile Trust(World world, RecordState required = RecordState.Anchored, params TrustedChain[] chains) => TrustFile.Create(
        world.Content(TrustMode.Production, required, world.PolicyTwo) with { Chains = chains.Length > 0 ? chains : [Region(world), Chain()] }, world.GovernanceSigners[0]);

    /// <summary>The anchor leaf of a region's note.</summary>
    public static byte[] Leaf(SignedNote note, string origin = Origin, long prevIndex = -1)
    {
        var genesis = Genesis.Create(
            origin[..origin.IndexOf('/', StringComparison.Ordinal)], origin[(origin.IndexOf('/', StringComparison.Ordinal) + 1)..], Code, Suite.Sm, 1,
            [World.Sm.GovernanceKeys[0]], World.Note(origin, Log, false), DateTimeOffset.UnixEpoch);
        var draft = SystemLeaves.Anchor(
            genesis, note.Format(), prevIndex, [], Guid.Parse("0193a5f0-5678-7abc-8def-001122334455"), new DateTimeOffset(2026, 11, 23, 1, 3, 0, TimeSpan.Zero));
        return draft.Bytes.ToArray();
    }

    /// <summary>The anchor of a note: its leaf, and its proof under a main checkpoint that these nodes cosigned.</summary>
    public static AnchorProof Anchor(SignedNote note, int[]? cosigners = null) => Prove(Leaf(note), cosigners);

    /// <summary>The proof of any leaf in a main checkpoint.</summary>
    public static AnchorProof Prove(byte[] leaf, int[]? cosigners = null, int index = Index, int size = Size, string origin = Origin, ISigner? log = null, Func<SignedNote, SignedNote>? change = null)
    {
        byte[][] leaves = [.. Enumerable.Range(0, size).Select(i => i == index ? leaf : Encoding.UTF8.GetBytes($"another main leaf {i}"))];
        var note = Checkpoint(leaves, cosigners ?? [0, 1], origin, log);
        return new AnchorProof(leaf, World.Sm.Prove(leaves, index, change is null ? note : change(note)).Format());
    }

    /// <summary>A main checkpoint over these leaves.</summary>
    public static SignedNote Checkpoint(IReadOnlyList<byte[]> leaves, int[] cosigners, string origin = Origin, ISigner? log = null)
    {
        var text = new Checkpoint(origin, leaves.Count, Hasher.Root([.. leaves.Select(leaf => Hasher.Leaf(leaf))])).Format();
        var key = World.Note(origin, log ?? Log, false);
        var note = SignedNote.Create(text, [World.Line(key, text, () => NoteSigner.SignLine(log ?? Log, key, text))]);
        return cosigners.Aggregate(note, (current, node) =>
            current.With(World.Line(NodeKeys[node], text, () => NoteSigner.Cosign(Nodes[node], NodeKeys[node], text, CosignedAt + node))));
    }
}
