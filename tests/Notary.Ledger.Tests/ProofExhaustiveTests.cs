using Notary.Crypto;
using Xunit.Abstractions;

namespace Notary.Ledger.Tests;

/// <summary>
/// Every tree of 1 to 300 leaves: every proof verifies and every single mutation of it is refused with the reason that an
/// independent reading of RFC 6962 predicts. SHA-256 in full; SM3, ranges above 40 leaves, and all bits of ranges and of SM3, on a slice (in full with NOTARY_LONG=1).
/// </summary>
/// <remarks>
/// A Merkle proof does not bind the tree's size: leaf 0 has the same path in a tree of 3 and of 4 leaves. A size or index that is
/// off by one is therefore tried twice: with the root that the tree of that size really has, which is always refused, and with the
/// root unchanged, which is refused exactly when the formula of the root is another one.
/// </remarks>
public sealed class ProofExhaustiveTests(ITestOutputHelper output)
{
    private const int Largest = 300;
    private const int AllBitsUpTo = 32;
    private const int AllRangesUpTo = 40;

    private static readonly bool Long = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1";

    public static TheoryData<string> Suites => ["intl", "sm"];

    [Theory]
    [MemberData(nameof(Suites))]
    public void Inclusion_of_every_leaf_verifies_and_every_mutation_is_refused(string name)
    {
        long checks = 0;
        ForEachSize(name, (hasher, tree, size) =>
        {
            for (var index = 0; index < size; index++)
            {
                var proof = Prove(hasher, tree, InclusionProof.Plan(index, size));
                Assert.Equal(tree.Path(index, 0, size), proof);
                Interlocked.Add(ref checks, new RangeCase(hasher, tree, index, 1, size, proof).Run(size <= AllBitsOf(hasher)));
            }
        });
        output.WriteLine($"{checks} checks");
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Range_of_every_position_verifies_and_every_mutation_is_refused(string name)
    {
        long checks = 0;
        ForEachSize(name, (hasher, tree, size) =>
        {
            foreach (var (first, count) in Ranges(size))
            {
                var proof = Prove(hasher, tree, RangeProof.Plan(first, count, size));
                Assert.Equal(tree.Range(first, first + count, 0, size), proof);
                Interlocked.Add(ref checks, new RangeCase(hasher, tree, first, count, size, proof).Run(size <= (Long ? AllBitsUpTo : 8)));
            }
        });
        output.WriteLine($"{checks} checks");
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Consistency_of_every_pair_of_sizes_verifies_and_every_mutation_is_refused(string name)
    {
        long checks = 0;
        ForEachSize(name, (hasher, tree, size) =>
        {
            for (var old = 1; old <= size; old++)
            {
                var proof = Prove(hasher, tree, ConsistencyProof.Plan(old, size));
                Assert.Equal(tree.Subproof(old, 0, size, true), proof);
                Interlocked.Add(ref checks, new ConsistencyCase(hasher, tree, old, size, proof).Run(size <= AllBitsOf(hasher)));
            }
        });
        output.WriteLine($"{checks} checks");
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void Subtree_of_every_position_verifies_and_every_mutation_is_refused(string name)
    {
        long checks = 0;
        ForEachSize(name, (hasher, tree, size) =>
        {
            foreach (var (start, end) in Subtrees(size))
            {
                var proof = Prove(hasher, tree, SubtreeProof.Plan(start, end, size));
                Assert.Equal(tree.SubtreeSubproof(start, end, 0, size, true), proof);
                Interlocked.Add(ref checks, new SubtreeCase(hasher, tree, start, end, size, proof).Run(size <= (Long ? AllBitsUpTo : 8)));
            }
        });
        output.WriteLine($"{checks} checks");
    }

    private static int AllBitsOf(TreeHasher hasher) => Long || hasher.Suite.Id == SuiteId.Intl ? AllBitsUpTo : 8;

    private static void ForEachSize(string name, Action<TreeHasher, NaiveTree, int> test)
    {
        var suite = Suite.FromName(name)!;
        var sizes = Enumerable.Range(1, Largest).Where(size => Long || suite.Id == SuiteId.Intl || size <= 20 || size is 63 or 64 or 255 or 256 or 257);
        Parallel.ForEach(
            sizes.Reverse(),
            () => (new TreeHasher(suite), NaiveTree.OfNumbers(suite, Largest + 2)),
            (size, _, mine) =>
            {
                test(mine.Item1, mine.Item2, size);
                return mine;
            },
            _ => { });
    }

    private static IEnumerable<(int First, int Count)> Ranges(int size)
    {
        if (size <= AllRangesUpTo)
        {
            for (var first = 0; first < size; first++)
            {
                for (var count = 1; count <= size - first; count++)
                {
                    yield return (first, count);
                }
            }
        }
        else
        {
            var random = new Random(size);
            for (var i = 0; i < (Long ? 200 : 6); i++)
            {
                var first = random.Next(size);
                yield return (first, 1 + random.Next(size - first));
            }
        }
    }

    // All of them up to 40 leaves; above, those of an entry package (C2SP tlog-mirror: aligned at 256, cut at the end) and some drawn ones.
    private static IEnumerable<(int Start, int End)> Subtrees(int size)
    {
        if (size <= AllRangesUpTo)
        {
            for (var start = 0; start < size; start++)
            {
                for (var end = start + 1; end <= size; end++)
                {
                    if (NaiveTree.SubtreeFormula(start, end, size) is not null)
                    {
                        yield return (start, end);
                    }
                }
            }

            yield break;
        }

        for (var start = 0; start < size; start += 256)
        {
            yield return (start, Math.Min(size, start + 256));
        }

        var random = new Random(size);
        for (var i = 0; i < (Long ? 100 : 6); i++)
        {
            var width = 1 << random.Next(7);
            var start = random.Next(size / width) * width;
            yield return (start, Math.Min(size, start + 1 + random.Next(width)));
        }
    }

    // plan → fetch → compute, the nodes fetched from the oracle.
    private static Hash32[] Prove(TreeHasher hasher, NaiveTree tree, ProofPlan plan)
    {
        Hash32[] fetched = [.. plan.Select(node => tree.Mth((int)node.FirstLeaf, (int)node.EndLeaf))];
        return RangeProof.Compute(hasher, plan, fetched);
    }

    private static Hash32 Flip(Hash32 hash, int bit)
    {
        var bytes = hash.ToArray();
        bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        return Hash32.FromSpan(bytes);
    }

    // Whether a formula has the proof's hash of that number in it.
    private static bool Uses(string formula, int hash) => formula.Split('(', ')', 'p', 'R').Contains($"{hash}");

    private static IEnumerable<int> Bits(bool all, int seed) => all ? Enumerable.Range(0, 256) : [new Random(seed).Next(256)];

    private static Hash32[] Without(Hash32[] hashes, int at) => [.. hashes[..at], .. hashes[(at + 1)..]];

    private static Hash32[] WithOneMore(Hash32[] hashes, int at, Hash32 hash) => [.. hashes[..at], hash, .. hashes[at..]];

    private static Hash32[] Swapped(Hash32[] hashes, int i, int j)
    {
        Hash32[] swapped = [.. hashes];
        (swapped[i], swapped[j]) = (swapped[j], swapped[i]);
        return swapped;
    }

    private sealed class RangeCase(TreeHasher hasher, NaiveTree tree, int first, int count, int size, Hash32[] proof)
    {
        private readonly Hash32 _root = tree.Root(size);
        private readonly Hash32[] _leaves = [.. tree.Leaves.Skip(first).Take(count)];
        private int _checks;

        public int Run(bool allBits)
        {
            var good = RangeProof.Check(hasher, first, size, _leaves, proof, _root);
            Assert.True(good.Ok);
            Assert.Equal(_root, good.Computed);
            for (var i = 0; i < proof.Length; i++)
            {
                foreach (var bit in Bits(allBits, (size * 1000) + i))
                {
                    Hash32[] flipped = [.. proof];
                    flipped[i] = Flip(proof[i], bit);
                    Refused(ProofFailure.RootMismatch, first, size, _leaves, flipped, _root);
                }

                Refused(ProofFailure.ProofTooShort, first, size, _leaves, Without(proof, i), _root);
                for (var j = i + 1; j < (allBits ? proof.Length : Math.Min(i + 2, proof.Length)); j++)
                {
                    // No two hashes of a proof are equal: they stand over different leaves, and all leaves differ.
                    Refused(ProofFailure.RootMismatch, first, size, _leaves, Swapped(proof, i, j), _root);
                }
            }

            for (var i = 0; i <= proof.Length; i++)
            {
                Refused(ProofFailure.ProofTooLong, first, size, _leaves, WithOneMore(proof, i, _root), _root);
            }

            // Above 16 leaves every (count / 4)th leaf: each flip hashes all of the range again.
            for (var i = 0; i < count; i += size <= 16 || Long ? 1 : Math.Max(1, count / 4))
            {
                foreach (var bit in Bits(allBits && count == 1, (size * 2000) + i))
                {
                    Hash32[] flipped = [.. _leaves];
                    flipped[i] = Flip(_leaves[i], bit);
                    Refused(ProofFailure.RootMismatch, first, size, flipped, proof, _root);
                }

                if (i + 1 < count && (i == 0 || allBits))
                {
                    Refused(ProofFailure.RootMismatch, first, size, Swapped(_leaves, i, i + 1), proof, _root);
                }
            }

            foreach (var bit in Bits(allBits, size * 3000))
            {
                Refused(ProofFailure.RootMismatch, first, size, _leaves, proof, Flip(_root, bit));
            }

            Placed(first - 1, size, _leaves);
            Placed(first + 1, size, _leaves);
            Placed(first, size - 1, _leaves);
            Placed(first, size + 1, _leaves);
            Placed(first, size, [.. _leaves, tree.Leaves[first + count]]);
            if (count > 1)
            {
                Placed(first, size, _leaves[..^1]);
                Placed(first + 1, size, _leaves[1..]);
            }

            return _checks;
        }

        // The same proof for another place: refused as the formulas predict with the root unchanged, and always under the root of that size.
        private void Placed(int otherFirst, int otherSize, Hash32[] leaves)
        {
            var mine = NaiveTree.RangeFormula(first, count, size)!;
            var other = NaiveTree.RangeFormula(otherFirst, leaves.Length, otherSize);
            var expected = other is null ? ProofFailure.IndexOutOfRange
                : NaiveTree.Hashes(other) > proof.Length ? ProofFailure.ProofTooShort
                : NaiveTree.Hashes(other) < proof.Length ? ProofFailure.ProofTooLong
                : other == mine ? ProofFailure.None
                : ProofFailure.RootMismatch;
            Refused(expected, otherFirst, otherSize, leaves, proof, _root);
            if (otherSize != size)
            {
                // A checkpoint carries size and root together, and then nothing of this is accepted.
                Refused(expected == ProofFailure.None ? ProofFailure.RootMismatch : expected, otherFirst, otherSize, leaves, proof, tree.Root(otherSize));
            }
            else
            {
                Assert.NotEqual(ProofFailure.None, expected);
            }
        }

        private void Refused(ProofFailure expected, int atFirst, int atSize, Hash32[] leaves, Hash32[] hashes, Hash32 root)
        {
            _checks++;
            var check = RangeProof.Check(hasher, atFirst, atSize, leaves, hashes, root);
            if (check.Failure != expected)
            {
                Assert.Fail($"{check.Failure} instead of {expected}: leaves {atFirst}+{leaves.Length} of {atSize}, proof for {first}+{count} of {size}");
            }

            if (expected == ProofFailure.RootMismatch && (!check.Expected.Equals(root) || check.Computed.Equals(root)))
            {
                Assert.Fail("A mismatch carries both roots.");
            }

            if (expected is ProofFailure.ProofTooShort or ProofFailure.ProofTooLong && check.ActualLength != hashes.Length)
            {
                Assert.Fail("A wrong length carries both lengths.");
            }
        }
    }

    private sealed class ConsistencyCase(TreeHasher hasher, NaiveTree tree, int old, int size, Hash32[] proof)
    {
        private readonly Hash32 _oldRoot = tree.Root(old);
        private readonly Hash32 _newRoot = tree.Root(size);
        private int _checks;

        public int Run(bool allBits)
        {
            Assert.True(ConsistencyProof.Check(hasher, old, size, _oldRoot, _newRoot, proof).Ok);
            var formula = NaiveTree.ConsistencyFormula(old, size)!.Value;
            for (var i = 0; i < proof.Length; i++)
            {
                // A hash that the older root is made of is missed there first.
                var inOld = Uses(formula.Old, i);
                foreach (var bit in Bits(allBits, (size * 1000) + i))
                {
                    Hash32[] flipped = [.. proof];
                    flipped[i] = Flip(proof[i], bit);
                    Refused(inOld ? ProofFailure.OldRootMismatch : ProofFailure.RootMismatch, old, size, _oldRoot, _newRoot, flipped);
                }

                Refused(ProofFailure.ProofTooShort, old, size, _oldRoot, _newRoot, Without(proof, i));
                for (var j = i + 1; j < (allBits ? proof.Length : Math.Min(i + 2, proof.Length)); j++)
                {
                    var reason = inOld || Uses(formula.Old, j) ? ProofFailure.OldRootMismatch : ProofFailure.RootMismatch;
                    Refused(reason, old, size, _oldRoot, _newRoot, Swapped(proof, i, j));
                }
            }

            for (var i = 0; i <= proof.Length; i++)
            {
                Refused(ProofFailure.ProofTooLong, old, size, _oldRoot, _newRoot, WithOneMore(proof, i, _newRoot));
            }

            foreach (var bit in Bits(allBits, size * 3000))
            {
                // Where the older root is itself the start of the newer one (a power of two), it is the newer root that fails.
                Refused(formula.Old == "R" ? ProofFailure.RootMismatch : ProofFailure.OldRootMismatch, old, size, Flip(_oldRoot, bit), _newRoot, proof);
                Refused(ProofFailure.RootMismatch, old, size, _oldRoot, Flip(_newRoot, bit), proof);
            }

            if (old != size)
            {
                Refused(formula.Old == "R" ? ProofFailure.RootMismatch : ProofFailure.OldRootMismatch, old, size, _newRoot, _oldRoot, proof);
            }

            Sized(old - 1, size);
            Sized(old + 1, size);
            Sized(old, size - 1);
            Sized(old, size + 1);
            return _checks;
        }

        private void Sized(int otherOld, int otherSize)
        {
            var mine = NaiveTree.ConsistencyFormula(old, size)!.Value;
            var other = NaiveTree.ConsistencyFormula(otherOld, otherSize);
            var hashes = other is { } formula ? NaiveTree.Hashes(formula.New) : 0;
            var expected = otherOld > otherSize ? ProofFailure.SizesOutOfOrder
                : hashes > proof.Length ? ProofFailure.ProofTooShort
                : hashes < proof.Length ? ProofFailure.ProofTooLong
                : other is null ? ProofFailure.OldRootMismatch
                : other == mine ? ProofFailure.None
                : other.Value.Old != mine.Old && other.Value.Old != "R" ? ProofFailure.OldRootMismatch
                : ProofFailure.RootMismatch;
            Refused(expected, otherOld, otherSize, _oldRoot, _newRoot, proof);

            // With the roots that trees of these sizes have, as checkpoints carry them, nothing is accepted.
            var check = ConsistencyProof.Check(hasher, otherOld, otherSize, tree.Root(otherOld), tree.Root(otherSize), proof);
            _checks++;
            var reallyEmpty = proof.Length == 0 && (otherOld == 0 || otherOld == otherSize);
            Assert.Equal(reallyEmpty, check.Ok);
        }

        private void Refused(ProofFailure expected, int atOld, int atSize, Hash32 oldRoot, Hash32 newRoot, Hash32[] hashes)
        {
            _checks++;
            var check = ConsistencyProof.Check(hasher, atOld, atSize, oldRoot, newRoot, hashes);
            if (check.Failure != expected)
            {
                Assert.Fail($"{check.Failure} instead of {expected}: {atOld} to {atSize}, proof for {old} to {size}");
            }

            if (expected == ProofFailure.OldRootMismatch && !check.Expected.Equals(oldRoot))
            {
                Assert.Fail("A mismatch of the older root carries it.");
            }
        }
    }

    private sealed class SubtreeCase(TreeHasher hasher, NaiveTree tree, int start, int end, int size, Hash32[] proof)
    {
        private readonly Hash32 _subtree = tree.Mth(start, end);
        private readonly Hash32 _root = tree.Root(size);
        private int _checks;

        public int Run(bool allBits)
        {
            Assert.True(SubtreeProof.Check(hasher, start, end, size, _subtree, _root, proof).Ok);
            var formula = NaiveTree.SubtreeFormula(start, end, size)!.Value;
            var missedFirst = formula.Subtree == "R" ? ProofFailure.RootMismatch : ProofFailure.OldRootMismatch;
            for (var i = 0; i < proof.Length; i++)
            {
                // A hash that the subtree is made of is missed there first.
                foreach (var bit in Bits(allBits, (size * 1000) + i))
                {
                    Hash32[] flipped = [.. proof];
                    flipped[i] = Flip(proof[i], bit);
                    Refused(Uses(formula.Subtree, i) ? ProofFailure.OldRootMismatch : ProofFailure.RootMismatch, start, end, size, _subtree, _root, flipped);
                }

                Refused(ProofFailure.ProofTooShort, start, end, size, _subtree, _root, Without(proof, i));
                for (var j = i + 1; j < (allBits ? proof.Length : Math.Min(i + 2, proof.Length)); j++)
                {
                    var reason = Uses(formula.Subtree, i) || Uses(formula.Subtree, j) ? ProofFailure.OldRootMismatch : ProofFailure.RootMismatch;
                    Refused(reason, start, end, size, _subtree, _root, Swapped(proof, i, j));
                }
            }

            for (var i = 0; i <= proof.Length; i++)
            {
                Refused(ProofFailure.ProofTooLong, start, end, size, _subtree, _root, WithOneMore(proof, i, _root));
            }

            foreach (var bit in Bits(allBits, size * 3000))
            {
                Refused(missedFirst, start, end, size, Flip(_subtree, bit), _root, proof);
                Refused(ProofFailure.RootMismatch, start, end, size, _subtree, Flip(_root, bit), proof);
            }

            Placed(start - 1, end, size);
            Placed(start + 1, end, size);
            Placed(start, end - 1, size);
            Placed(start, end + 1, size);
            Placed(start, end, size - 1);
            Placed(start, end, size + 1);
            Placed(start + (end - start), end + (end - start), size);
            return _checks;
        }

        // The same proof for another subtree or size: refused as the formulas predict with the hashes unchanged, and always with those of that place.
        private void Placed(int otherStart, int otherEnd, int otherSize)
        {
            var mine = NaiveTree.SubtreeFormula(start, end, size)!.Value;
            var other = NaiveTree.SubtreeFormula(otherStart, otherEnd, otherSize);
            var hashes = other is { } formula ? NaiveTree.Hashes(formula.Root) : 0;
            var expected = otherStart == otherEnd ? ProofFailure.RangeEmpty
                : otherStart < 0 || otherEnd > otherSize ? ProofFailure.IndexOutOfRange
                : other is null ? ProofFailure.NotASubtree
                : hashes > proof.Length ? ProofFailure.ProofTooShort
                : hashes < proof.Length ? ProofFailure.ProofTooLong
                : other == mine ? ProofFailure.None
                : other.Value.Subtree != mine.Subtree && other.Value.Subtree != "R" ? ProofFailure.OldRootMismatch
                : ProofFailure.RootMismatch;
            Refused(expected, otherStart, otherEnd, otherSize, _subtree, _root, proof);
            if (other is not null)
            {
                _checks++;
                var check = SubtreeProof.Check(hasher, otherStart, otherEnd, otherSize, tree.Mth(otherStart, otherEnd), tree.Root(otherSize), proof);
                Assert.Equal(proof.Length == 0 && otherStart == 0 && otherEnd == otherSize, check.Ok);
            }
        }

        private void Refused(ProofFailure expected, int atStart, int atEnd, int atSize, Hash32 subtree, Hash32 root, Hash32[] hashes)
        {
            _checks++;
            var check = SubtreeProof.Check(hasher, atStart, atEnd, atSize, subtree, root, hashes);
            if (check.Failure != expected)
            {
                Assert.Fail($"{check.Failure} instead of {expected}: leaves {atStart} to {atEnd} of {atSize}, proof for {start} to {end} of {size}");
            }
        }
    }
}
