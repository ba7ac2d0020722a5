using System.Buffers;
using System.Text;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Nodes;

/// <summary>A log in memory under a real chain's key, which signs whatever it is told to: an operator who may be honest or not.</summary>
internal sealed class ForgedLog : IDisposable
{
    private readonly ISigner _signer;
    private readonly List<byte[]> _entries = [];

    private ForgedLog(Genesis genesis, ISigner signer)
    {
        Genesis = genesis;
        _signer = signer;
        Hasher = new TreeHasher(genesis.Suite);
    }

    public Genesis Genesis { get; }

    public TreeHasher Hasher { get; }

    public int Size => _entries.Count;

    /// <summary>The entries that the chain holds now, and its key.</summary>
    public static ForgedLog Of(TestChain chain)
    {
        var log = new ForgedLog(chain.Host.Genesis, KeyFile.Load(chain.Folder.LogKeyPath, TestChain.Password));
        log.Follow(chain);
        return log;
    }

    /// <summary>Takes what the chain has sealed since.</summary>
    public void Follow(TestChain chain) => _entries.AddRange(chain.Host.Reader.Entries(Size, (int)(chain.Host.Reader.Size - Size)));

    public void Append(string entry) => _entries.Add(Encoding.UTF8.GetBytes(entry));

    /// <summary>The same log with another entry in one place.</summary>
    public ForgedLog Fork(int at)
    {
        var fork = new ForgedLog(Genesis, _signer);
        fork._entries.AddRange(_entries);
        fork._entries[at] = Encoding.UTF8.GetBytes("another history");
        return fork;
    }

    public Hash32 Root(int size) => size == 0 ? Hasher.Empty : Hasher.Root(Leaves(0, size));

    public SignedNote Note(int size) => Sign(Genesis.Origin, size, Root(size));

    public SignedNote Sign(string origin, int size, Hash32 root, params string[] extensions)
    {
        var text = new Checkpoint(origin, size, root, extensions).Format();
        return SignedNote.Create(text, [NoteSigner.SignLine(_signer, Genesis.LogKey, text)]);
    }

    public byte[] Offer(int oldSize, int size) => Offer(oldSize, size, Note(size));

    public byte[] Offer(int oldSize, int size, SignedNote note, Hash32[]? proof = null)
    {
        Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(note.Text, out var checkpoint));
        return new AddCheckpoint(oldSize, proof ?? (oldSize > size ? [] : Proof(ConsistencyProof.Plan(oldSize, size))), note, checkpoint!).ToBytes();
    }

    public EntryPackage Package(UploadRange range, long number)
    {
        var (start, end) = range.Subtree(number);
        var bundle = new ArrayBufferWriter<byte>();
        for (var i = (int)range.FirstOf(number); i < end; i++)
        {
            bundle.Advance(EntryBundle.Write(bundle.GetSpan(EntryBundle.Length(_entries[i].Length)), _entries[i]));
        }

        return new EntryPackage(bundle.WrittenSpan.ToArray(), (int)(end - range.FirstOf(number)), Proof(SubtreeProof.Plan(start, end, range.End)));
    }

    public void Dispose() => _signer.Dispose();

    private Hash32[] Proof(ProofPlan plan) =>
        RangeProof.Compute(Hasher, plan, [.. plan.Select(node => Hasher.Root(Leaves((int)node.FirstLeaf, (int)node.EndLeaf)))]);

    private Hash32[] Leaves(int from, int to) => [.. _entries[from..to].Select(entry => Hasher.Leaf(entry))];
}
