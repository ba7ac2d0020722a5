using System.Globalization;
using System.Text;
using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;
using Notary.Ledger;

namespace Notary.Chain.Tests.Network;

/// <summary>A C2SP witness beside a ledger node: it cosigns at add-checkpoint, and knows no entries.</summary>
public sealed class WitnessTests
{
    [Fact]
    public async Task A_witness_beside_a_node_counts_in_the_policy_of_an_intl_chain()
    {
        using var chain = new TestChain("intl");
        using var folder = new TemporaryFolder();
        var place = new NodeFolder(Path.Combine(folder.Path, "node"));
        var nodeKey = place.Create("court.example/beijing", Suite.Intl, TestChain.Password);
        using var node = LedgerNode.Open(place, chain.Host.Genesis, TestChain.Password, TimeProvider.System);
        using var signer = KeyFile.Create(Path.Combine(folder.Path, "witness.pem"), KeyAlgorithm.Ed25519, TestChain.Password);
        var witness = new Witness(signer, NoteKey.Create("witness.example/w1", NoteKey.TypeFor(KeyAlgorithm.Ed25519, cosignature: true), signer.PublicKey.Span), chain.Host.Genesis);
        var genesis = chain.Host.Genesis;
        var trusted = TrustedChain.Create(
            genesis.Origin, genesis.Code, genesis.Suite, [genesis.LogKey],
            $"witness court {nodeKey.Format()}\nwitness w1 {witness.Key.Format()} https://witness.example/prefix\ngroup both all court w1\nquorum both\n");
        await using var finality = new Finality(
            chain.Host.Reader, new ChainTrust(() => [trusted], static () => 0), one => one.Name == "court" ? new LocalNodeLink(node) : witness, FinalityStore.Open(Path.Combine(folder.Path, "finality.db")), TestNodes.Times, TimeProvider.System);
        Assert.True((await finality.CheckFreshnessAsync(CancellationToken.None)).Fresh);
        finality.Start();
        for (var round = 1; round <= 3; round++)
        {
            using (await chain.DepositMany(300, round))
            {
            }

            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            Assert.True(await finality.WaitAsync(chain.Host.Reader.Size, RecordState.Final, limit.Token));
            var final = finality.Newest!.Note;
            Assert.True(trusted.Policy.Evaluate(final, trusted.LogKeys).Ok);
            Assert.Equal(["court.example/beijing", "notary.test/beijing", "witness.example/w1"], final.Signatures.Select(static line => line.Name).Order(StringComparer.Ordinal));
        }

        // It lies about its size, and then forgets everything: both are its right, and corrected.
        witness.Held = 0;
        using (await chain.DepositMany(2, 9))
        {
        }

        using var again = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        Assert.True(await finality.WaitAsync(chain.Host.Reader.Size, RecordState.Final, again.Token));
        Assert.True(witness.Offers >= 5);
    }

    /// <summary>What C2SP tlog-witness says of add-checkpoint, and nothing more.</summary>
    private sealed class Witness(ISigner signer, NoteKey key, Genesis genesis) : INodeLink
    {
        private readonly TreeHasher _hasher = new(genesis.Suite);
        private Hash32 _root;

        public NoteKey Key => key;

        public long Held { get; set; }

        public int Offers { get; private set; }

        public Task<IReadOnlyList<NodeStatement>> StatementsAsync(string origin, long first, CancellationToken cancellation) => Task.FromResult<IReadOnlyList<NodeStatement>>([]);

        public Task<SignedNote?> MirrorCheckpointAsync(string origin, CancellationToken cancellation) => Task.FromResult<SignedNote?>(null);

        public Task<NodeAnswer> AddCheckpointAsync(ReadOnlyMemory<byte> body, CancellationToken cancellation)
        {
            Offers++;
            if (AddCheckpoint.TryParse(body.Span, out var request) != AddCheckpointProblem.None)
            {
                return Task.FromResult(new NodeAnswer(NodeStatus.BadRequest));
            }

            if (!request!.Note.Verify([genesis.LogKey]).Ok)
            {
                return Task.FromResult(new NodeAnswer(NodeStatus.Forbidden));
            }

            if (request.OldSize != Held)
            {
                return Task.FromResult(new NodeAnswer(NodeStatus.Conflict, Held.ToString(CultureInfo.InvariantCulture) + "\n", NodeAnswer.SizeMediaType));
            }

            if (Held > 0 && !ConsistencyProof.Check(_hasher, Held, request.Checkpoint.Size, _root, request.Checkpoint.Root, [.. request.Proof]).Ok)
            {
                return Task.FromResult(new NodeAnswer(NodeStatus.Unprocessable));
            }

            (Held, _root) = (request.Checkpoint.Size, request.Checkpoint.Root);
            return Task.FromResult(new NodeAnswer(NodeStatus.Success, NoteSigner.Cosign(signer, key, request.Note.Text, DateTimeOffset.UtcNow.ToUnixTimeSeconds()).Format()));
        }

        public Task<NodeAnswer> AddEntriesAsync(UploadRange range, IReadOnlyList<EntryPackage> packages, CancellationToken cancellation) => throw new NotSupportedException("A witness takes no entries.");
    }
}
