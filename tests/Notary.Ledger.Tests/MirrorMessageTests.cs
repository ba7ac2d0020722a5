using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Notary.Crypto;

namespace Notary.Ledger.Tests;

/// <summary>What a log and a mirror say to each other (C2SP tlog-witness and tlog-mirror).</summary>
public sealed class MirrorMessageTests
{
    private const string Origin = "log.example/bj";

    private static readonly TreeHasher Hasher = new(Suite.Intl);

    public static TheoryData<string, AddCheckpointProblem> WrongCheckpoints => new()
    {
        { "", AddCheckpointProblem.BadOldSize },
        { "old 3", AddCheckpointProblem.BadOldSize },
        { "old \n\nNOTE", AddCheckpointProblem.BadOldSize },
        { "old 03\n\nNOTE", AddCheckpointProblem.BadOldSize },
        { "old +3\n\nNOTE", AddCheckpointProblem.BadOldSize },
        { "old -3\n\nNOTE", AddCheckpointProblem.BadOldSize },
        { "old 3 \n\nNOTE", AddCheckpointProblem.BadOldSize },
        { "old  3\n\nNOTE", AddCheckpointProblem.BadOldSize },
        { "Old 3\n\nNOTE", AddCheckpointProblem.BadOldSize },
        { "old 3\r\n\nNOTE", AddCheckpointProblem.BadOldSize },
        { "old 4611686018427387905\n\nNOTE", AddCheckpointProblem.BadOldSize },
        { "3\n\nNOTE", AddCheckpointProblem.BadOldSize },
        { "old 3\nHASH", AddCheckpointProblem.NoSeparator },
        { "old 3\nHASH\nHASH\n", AddCheckpointProblem.NoSeparator },
        { "old 3\nHASH \n\nNOTE", AddCheckpointProblem.BadHash },
        { "old 3\nAAAA\n\nNOTE", AddCheckpointProblem.BadHash },
        { "old 3\n AAA\n\nNOTE", AddCheckpointProblem.BadHash },
        { "old 3\n63HASHES\nHASH\n\nNOTE", AddCheckpointProblem.TooManyHashes },
        { "old 3\n\n", AddCheckpointProblem.BadNote },
        { "old 3\n\n\nNOTE", AddCheckpointProblem.BadNote },
        { "old 3\n\nlog.example/bj\n7\nHASH\n", AddCheckpointProblem.BadNote },
        { "old 3\n\nlog.example/bj\n7\n\n— log.example/bj CBV/0YYl/5o5IUTk\n", AddCheckpointProblem.BadNote },
    };

    [Fact]
    public void An_offered_checkpoint_is_read_as_it_was_written()
    {
        var note = Examples.CosignedNote(Suite.Intl);
        foreach (var hashes in new[] { 0, 1, 63 })
        {
            var proof = Enumerable.Range(0, hashes).Select(i => Hasher.Leaf([(byte)i])).ToList();
            Assert.Equal(CheckpointProblem.None, Checkpoint.TryParse(note.Text, out var checkpoint));
            var bytes = new AddCheckpoint(20_852_014, proof, note, checkpoint!).ToBytes();
            Assert.StartsWith("old 20852014\n", Encoding.UTF8.GetString(bytes), StringComparison.Ordinal);
            Assert.Equal(AddCheckpointProblem.None, AddCheckpoint.TryParse(bytes, out var read));
            Assert.Equal((20_852_014L, Origin, 7L), (read!.OldSize, read.Checkpoint.Origin, read.Checkpoint.Size));
            Assert.Equal(proof, read.Proof);
            Assert.Equal(note.Format(), read.Note.Format());
            Assert.Equal(bytes, read.ToBytes());
        }

        Assert.Equal(AddCheckpointProblem.TooLong, AddCheckpoint.TryParse(new byte[AddCheckpoint.MaxLength + 1], out _));
    }

    [Theory]
    [MemberData(nameof(WrongCheckpoints))]
    public void An_offered_checkpoint_is_read_strictly(string text, AddCheckpointProblem problem)
    {
        var hash = Convert.ToBase64String(Hasher.Leaf([1]).ToArray());
        var bytes = Encoding.UTF8.GetBytes(text.Replace("63HASHES", string.Join('\n', Enumerable.Repeat(hash, 63)), StringComparison.Ordinal)
            .Replace("HASH", hash, StringComparison.Ordinal).Replace("NOTE", Examples.LogNote(Suite.Intl).Format(), StringComparison.Ordinal));
        Assert.Equal(problem, AddCheckpoint.TryParse(bytes, out var request));
        Assert.Null(request);
    }

    [Theory]
    [InlineData(0, 0, "")]
    [InlineData(5, 5, "")]
    [InlineData(0, 1, "0-1")]
    [InlineData(0, 256, "0-256")]
    [InlineData(255, 257, "0-256 256-257")]
    [InlineData(256, 512, "256-512")]
    [InlineData(300, 1000, "256-512 512-768 768-1000")]
    public void A_range_has_a_package_for_each_256_that_it_touches(long start, long end, string subtrees)
    {
        var range = new UploadRange(Origin, start, end, default);
        Assert.Equal(subtrees, string.Join(' ', Enumerable.Range(0, (int)range.PackageCount).Select(i => $"{range.Subtree(i).Start}-{range.Subtree(i).End}")));
        Assert.Throws<ArgumentOutOfRangeException>(() => range.Subtree(range.PackageCount));
        if (range.PackageCount > 0)
        {
            Assert.Equal(start, range.FirstOf(0));
        }
    }

    [Fact]
    public void Packages_of_every_upload_are_read_and_proved_and_nothing_else_is()
    {
        const int size = 600;
        var entries = Enumerable.Range(0, size).Select(i => Encoding.ASCII.GetBytes($"entry {i} {new string('.', i % 7)}")).ToArray();
        Hash32[] leaves = [.. entries.Select(e => Hasher.Leaf(e))];
        var tree = new NaiveTree(Suite.Intl, leaves);
        foreach (var end in new[] { 1, 2, 3, 255, 256, 257, 300, 511, 512, 513, 600 })
        {
            var root = tree.Root(end);
            foreach (var start in new[] { 0, 1, 254, 255, 256, 257, 299, 511, 512, 599 }.Where(s => s < end))
            {
                var range = new UploadRange(Origin, start, end, new byte[] { 7, 0 });
                var body = new ArrayBufferWriter<byte>();
                range.Write(body);
                for (var i = 0; i < range.PackageCount; i++)
                {
                    PackageOf(tree, entries, range, i).Write(body);
                }

                var rest = (ReadOnlySpan<byte>)body.WrittenSpan;
                Assert.Equal(UploadRead.Whole, UploadRange.TryRead(rest, out var read, out var used));
                Assert.Equal((Origin, (long)start, (long)end), (read!.Origin, read.Start, read.End));
                Assert.Equal(new byte[] { 7, 0 }, read.Ticket.ToArray());
                rest = rest[used..];
                for (var i = 0; i < range.PackageCount; i++)
                {
                    var (first, last) = range.Subtree(i);
                    var from = (int)range.FirstOf(i);
                    Assert.Equal(UploadRead.Whole, EntryPackage.TryRead(rest, (int)last - from, out var package, out used));
                    rest = rest[used..];
                    Hash32[] before = [.. leaves.Skip((int)first).Take(from - (int)first)];
                    var own = package!.Leaves(Hasher);
                    Assert.Equal(leaves.Skip(from).Take(own.Length), own);
                    Assert.True(package.Check(Hasher, range, i, before, own, root).Ok);

                    // An entry changed, one that was held changed, another root: each is refused.
                    own[^1] = Hasher.Leaf("another"u8);
                    Assert.False(package.Check(Hasher, range, i, before, own, root).Ok);
                    own[^1] = leaves[last - 1];
                    if (before.Length > 0)
                    {
                        before[0] = Hasher.Leaf("another"u8);
                        Assert.False(package.Check(Hasher, range, i, before, own, root).Ok);
                        Assert.Throws<ArgumentException>(() => package.Check(Hasher, range, i, before.AsSpan(1), own, root));
                        before[0] = leaves[first];
                    }

                    Assert.False(package.Check(Hasher, range, i, before, own, Hasher.Empty).Ok);
                }

                Assert.True(rest.IsEmpty);
            }
        }
    }

    [Fact]
    public void What_is_cut_off_is_incomplete_and_what_cannot_be_is_malformed()
    {
        var entries = Enumerable.Range(0, 300).Select(i => Encoding.ASCII.GetBytes($"entry {i}")).ToArray();
        var tree = new NaiveTree(Suite.Intl, [.. entries.Select(e => Hasher.Leaf(e))]);
        var range = new UploadRange(Origin, 290, 300, "ticket"u8.ToArray());
        var header = new ArrayBufferWriter<byte>();
        range.Write(header);
        for (var length = 0; length < header.WrittenCount; length++)
        {
            Assert.Equal(UploadRead.Incomplete, UploadRange.TryRead(header.WrittenSpan[..length], out _, out _));
        }

        var package = new ArrayBufferWriter<byte>();
        PackageOf(tree, entries, range, 0).Write(package);
        for (var length = 0; length < package.WrittenCount; length++)
        {
            Assert.Equal(UploadRead.Incomplete, EntryPackage.TryRead(package.WrittenSpan[..length], 10, out _, out _));
        }

        var bytes = package.WrittenSpan.ToArray();
        var hashes = bytes.Length - 1 - (PackageOf(tree, entries, range, 0).Proof.Count * Hash32.Size);
        bytes[hashes] = 64;
        Assert.Equal(UploadRead.Malformed, EntryPackage.TryRead(bytes, 10, out _, out _));

        Assert.Equal(UploadRead.Malformed, UploadRange.TryRead(Header(Origin, 5, 4), out _, out _));
        Assert.Equal(UploadRead.Malformed, UploadRange.TryRead(Header(Origin, 0, (1UL << 62) + 1), out _, out _));
        Assert.Equal(UploadRead.Malformed, UploadRange.TryRead(Header(Origin, ulong.MaxValue, ulong.MaxValue), out _, out _));
        Assert.Equal(UploadRead.Malformed, UploadRange.TryRead(Header("", 0, 1), out _, out _));
        Assert.Equal(UploadRead.Malformed, UploadRange.TryRead(Header(new string('x', 1025), 0, 1), out _, out _));
        Assert.Equal(UploadRead.Malformed, UploadRange.TryRead([0, 1, 0xff, .. new byte[18]], out _, out _));
        Assert.Throws<ArgumentException>(() => new UploadRange(Origin, 0, 1, new byte[65_536]).Write(new ArrayBufferWriter<byte>()));
        Assert.Throws<ArgumentException>(() => new EntryPackage(new byte[] { 0, 1, 65 }, 2, []).Write(new ArrayBufferWriter<byte>()));
        Assert.Throws<ArgumentException>(() => new EntryPackage(new byte[] { 0, 1, 65, 0, 0 }, 1, []).Write(new ArrayBufferWriter<byte>()));
        Assert.Throws<ArgumentException>(() => new EntryPackage(new byte[] { 0, 1, 65 }, 2, []).Leaves(Hasher));
        Assert.Throws<ArgumentException>(() => new EntryPackage(new byte[] { 0, 1, 65, 0 }, 1, []).Leaves(Hasher));

        static byte[] Header(string origin, ulong start, ulong end)
        {
            var header = new byte[2 + origin.Length + 18];
            BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)origin.Length);
            Encoding.ASCII.GetBytes(origin, header.AsSpan(2));
            BinaryPrimitives.WriteUInt64BigEndian(header.AsSpan(2 + origin.Length), start);
            BinaryPrimitives.WriteUInt64BigEndian(header.AsSpan(10 + origin.Length), end);
            return header;
        }
    }

    [Theory]
    [InlineData("7\n3\n\n", true)]
    [InlineData("0\n0\nAQI=\n", true)]
    [InlineData("7\n3\n", false)]
    [InlineData("7\n3\n\n\n", false)]
    [InlineData("07\n3\n\n", false)]
    [InlineData("7\n-3\n\n", false)]
    [InlineData("7\n3\nAQI\n", false)]
    [InlineData("7\r\n3\n\n", false)]
    [InlineData("", false)]
    public void Where_a_mirror_stands_is_read_strictly(string text, bool good)
    {
        var info = MirrorInfo.TryParse(Encoding.ASCII.GetBytes(text));
        Assert.Equal(good, info is not null);
        if (info is not null)
        {
            Assert.Equal(text, info.Format());
        }
    }

    [Fact]
    public void Damaged_messages_are_refused_or_mean_what_they_say()
    {
        var random = new Random(20_261_125);
        Checkpoint.TryParse(Examples.LogNote(Suite.Intl).Text, out var checkpoint);
        var offered = new AddCheckpoint(3, [Hasher.Leaf([1]), Hasher.Leaf([2])], Examples.LogNote(Suite.Intl), checkpoint!).ToBytes();
        var entries = Enumerable.Range(0, 20).Select(i => Encoding.ASCII.GetBytes($"entry {i}")).ToArray();
        var tree = new NaiveTree(Suite.Intl, [.. entries.Select(e => Hasher.Leaf(e))]);
        var range = new UploadRange(Origin, 3, 20, "ticket"u8.ToArray());
        var header = Written(range.Write);
        var package = Written(PackageOf(tree, entries, range, 0).Write);
        var rounds = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? 1_000_000 : 20_000;
        for (var i = 0; i < rounds; i++)
        {
            var bytes = Mutation.Of(offered, random);
            if (AddCheckpoint.TryParse(bytes, out var request) == AddCheckpointProblem.None)
            {
                Assert.Equal(bytes, request!.ToBytes());
            }

            bytes = Mutation.Of(header, random);
            if (UploadRange.TryRead(bytes, out var read, out var used) == UploadRead.Whole)
            {
                Assert.Equal(bytes[..used], Written(read!.Write));
            }

            bytes = Mutation.Of(package, random);
            if (EntryPackage.TryRead(bytes, 17, out var some, out used) == UploadRead.Whole)
            {
                Assert.Equal(bytes[..used], Written(some!.Write));
                var intact = bytes.AsSpan(0, used).SequenceEqual(package);
                Assert.Equal(intact, some.Check(Hasher, range, 0, [.. tree.Leaves.Take(3)], some.Leaves(Hasher), tree.Root(20)).Ok);
            }
        }
    }

    private static byte[] Written(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return output.WrittenSpan.ToArray();
    }

    private static EntryPackage PackageOf(NaiveTree tree, byte[][] entries, UploadRange range, long number)
    {
        var (start, end) = range.Subtree(number);
        var plan = SubtreeProof.Plan(start, end, range.End);
        Hash32[] fetched = [.. plan.Select(node => tree.Mth((int)node.FirstLeaf, (int)node.EndLeaf))];
        var bundle = new ArrayBufferWriter<byte>();
        for (var i = range.FirstOf(number); i < end; i++)
        {
            var room = bundle.GetSpan(EntryBundle.Length(entries[i].Length));
            bundle.Advance(EntryBundle.Write(room, entries[i]));
        }

        return new EntryPackage(bundle.WrittenSpan.ToArray(), (int)(end - range.FirstOf(number)), SubtreeProof.Compute(Hasher, plan, fetched));
    }
}
