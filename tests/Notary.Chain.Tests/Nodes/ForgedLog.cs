using System.Buffers;
using System.Text;
using Notary.Chain.Nodes;
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
    public static ForgedLog Of(TestChain chain) => Of(chain.Host, KeyFile.Load(chain.Folder.LogKeyPath, TestChain.Password));

    /// <summary>The same of any chain.</summary>
    /// <param name="chain">Open.</param>
    /// <param name="signer">Its log key; disposed with the log.</param>
    public static ForgedLog Of(ChainHost chain, ISigner signer)
    {
        var log = new ForgedLog(chain.Genesis, signer);
        log._entries.AddRange(chain.Reader.Entries(0, (int)chain.Reader.Size));
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

    /// <summary>The same log without one entry.</summary>
    public ForgedLog Without(int at)
    {
        var shorter = new ForgedLog(Genesis, _signer);
        shorter._entries.AddRange(_entries);
        shorter._entries.RemoveAt(at);
        return shorter;
    }

    public Hash32[] Consistency(int from, int to) => Proof(ConsistencyProof.Plan(from, to));

    /// <summary>Sends entries up to a checkpoint that the node has taken; the answer to the whole upload.</summary>
    public NodeAnswer Upload(LedgerNode node, int start, int end)
    {
        var range = new UploadRange(Genesis.Origin, start, end, default);
        if (node.BeginUpload(range) is { } away)
        {
            return away;
        }

        for (var i = 0; i < range.PackageCount; i++)
        {
            if (node.TakePackage(range, i, Package(range, i)) is { } refused)
            {
                return refused;
            }
        }

        return node.EndUpload(range, range.PackageCount);
    }

    /// <summary>The same where only the status is of interest.</summary>
    public NodeStatus TryUpload(LedgerNode node, int start, int end) => Upload(node, start, end).Status;

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
        return new AddCheckpoint(oldSize, proof ?? (oldSize > size ? [] : Consistency(oldSize, size)), note, checkpoint!).ToBytes();
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
