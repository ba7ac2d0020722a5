using System.Text;
using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>
/// Salts, commitments and field roots of many records at once, through the multi-message hash. It computes what <see cref="Commitment"/> and
/// <see cref="CommitmentTree"/> define for one; the tests hold the two against each other.
/// </summary>
internal sealed class BatchCommitments : IDisposable
{
    private const int EntryLength = 1 + Hash32.Size;

    private readonly PooledList<Hash32> _parts;
    private readonly PooledList<int> _partStarts;
    private readonly PooledList<int> _rootOf;
    private readonly PooledList<Hash32> _roots;

    private BatchCommitments(Suite suite, int records, int parts)
    {
        Suite = suite;
        _parts = new PooledList<Hash32>(parts);
        _partStarts = new PooledList<int>(records + 1);
        _rootOf = new PooledList<int>(records);
        _roots = new PooledList<Hash32>(16);
    }

    public Suite Suite { get; }

    public ReadOnlySpan<Hash32> Parts(int i) => _parts.Span[_partStarts[i].._partStarts[i + 1]];

    public Hash32 FieldRoot(int i) => _roots[_rootOf[i]];

    public static BatchCommitments Compute(Suite suite, string origin, RequestBatch requests, LeafBatch batch)
    {
        var records = batch.RecordCount;
        var result = new BatchCommitments(suite, records, requests.PartTotal);
        using var keyOf = new PooledList<int>(requests.PartTotal + 16);
        using var names = new PooledList<Slice>(requests.PartTotal + 16);
        Plan(requests, batch, keyOf, names);

        using var macs = new PooledList<Hash32>(names.Count);
        macs.Extend(names.Count);
        suite.HmacMany(batch.Secrets, keyOf.Span, CommitmentNames.Arena, names.Span, macs.Span);

        using var arena = new PooledList<byte>(names.Count * 352);
        using var inputs = new PooledList<Slice>(names.Count);
        WriteInputs(origin, requests, batch, macs.Span, arena, inputs);
        using var hashes = new PooledList<Hash32>(inputs.Count);
        hashes.Extend(inputs.Count);
        suite.HashMany(arena.Span, inputs.Span, hashes.Span);

        result.Distribute(requests, batch, macs.Span, hashes.Span);
        return result;
    }

    public void Dispose()
    {
        _parts.Dispose();
        _partStarts.Dispose();
        _rootOf.Dispose();
        _roots.Dispose();
    }

    // The macs in their order: of each record its parts' salts, then of each of the twenty fields the salt or the absent value.
    private static void Plan(RequestBatch requests, LeafBatch batch, PooledList<int> keyOf, PooledList<Slice> names)
    {
        for (var i = 0; i < batch.RecordCount; i++)
        {
            ref readonly var request = ref requests.Row(batch.RowOf(i));
            for (var part = 0; part < request.PartCount; part++)
            {
                keyOf.Add(i);
                names.Add(CommitmentNames.PartSalt(part));
            }

            for (var field = 0; request.HasMetadata && field < MetadataFields.Count; field++)
            {
                keyOf.Add(i);
                names.Add((request.FieldMask >> field & 1) != 0 ? CommitmentNames.FieldSalt(field) : CommitmentNames.FieldAbsent(field));
            }
        }
    }

    private static void WriteInputs(string origin, RequestBatch requests, LeafBatch batch, ReadOnlySpan<Hash32> macs, PooledList<byte> arena, PooledList<Slice> inputs)
    {
        Span<byte> head = stackalloc byte[64 + Grammar.MaxOrigin];
        var writer = new LeafWriter(head);
        writer.Raw(DomainPurpose.Commitment.Prefix);
        writer.UInt32(origin.Length);
        writer.Text(origin);
        writer.UInt32(RecordId.Size);
        head = head[..writer.Length];

        var mac = 0;
        for (var i = 0; i < batch.RecordCount; i++)
        {
            ref readonly var request = ref requests.Row(batch.RowOf(i));
            var id = batch.RawIds.Slice(i * RecordId.Size, RecordId.Size);
            for (var part = 0; part < request.PartCount; part++)
            {
                ref readonly var row = ref requests.Parts[request.PartStart + part];
                var start = arena.Count;
                var input = new LeafWriter(arena.Extend(head.Length + 512 + row.Media.Length));
                WriteName(ref input, head, id, CommitmentNames.Part(part), macs[mac++]);
                WritePart(ref input, row, requests);
                inputs.Add(new Slice(start, input.Length));
                arena.Truncate(start + input.Length);
            }

            for (var field = 0; request.HasMetadata && field < MetadataFields.Count; field++, mac++)
            {
                if ((request.FieldMask >> field & 1) == 0)
                {
                    continue;
                }

                var value = requests.FieldValue(batch.RowOf(i), field);
                var start = arena.Count;
                var input = new LeafWriter(arena.Extend(head.Length + 128 + value.Length));
                WriteName(ref input, head, id, MetadataFields.NameBytes(field), macs[mac]);
                input.UInt32(value.Length);
                input.Raw(value);
                inputs.Add(new Slice(start, input.Length));
                arena.Truncate(start + input.Length);
            }
        }
    }

    private static void WriteName(ref LeafWriter input, scoped ReadOnlySpan<byte> head, scoped ReadOnlySpan<byte> id, scoped ReadOnlySpan<byte> name, in Hash32 salt)
    {
        input.Raw(head);
        input.Raw(id);
        input.UInt32(name.Length);
        input.Raw(name);
        input.UInt32(Hash32.Size);
        input.Hash(salt);
    }

    // The canonical value of a part behind its length, which is known only afterwards.
    private static void WritePart(ref LeafWriter input, in PartRow part, RequestBatch requests)
    {
        var at = input.Length;
        input.UInt32(0);
        input.Raw(part.Kind == PartKind.Tree ? "{\"kind\":\"tree\",\"media\":\""u8 : "{\"kind\":\"file\",\"media\":\""u8);
        input.Raw(requests.Slice(part.Media));
        if (part.Kind == PartKind.Tree)
        {
            input.Raw("\",\"root\":\""u8);
            input.Hex(part.Root);
            input.Raw("\",\"rows\":"u8);
            input.Integer(part.Rows);
            input.Raw(",\"rule\":\""u8);
            input.Text(TreeRules.Name(part.Rule));
        }

        input.Raw("\",\"sha256\":\""u8);
        input.Hex(part.Sha256);
        input.Raw("\",\"size\":"u8);
        input.Integer(part.Size);
        input.Raw(",\"sm3\":\""u8);
        input.Hex(part.Sm3);
        input.Raw("\"}"u8);
        input.PatchUInt32(at, input.Length - at - sizeof(uint));
    }

    private void Distribute(RequestBatch requests, LeafBatch batch, ReadOnlySpan<Hash32> macs, ReadOnlySpan<Hash32> hashes)
    {
        using var entries = new PooledList<byte>(16);
        using var slices = new PooledList<Slice>(16);
        var (mac, hash) = (0, 0);
        for (var i = 0; i < batch.RecordCount; i++)
        {
            ref readonly var request = ref requests.Row(batch.RowOf(i));
            _partStarts.Add(_parts.Count);
            hashes.Slice(hash, request.PartCount).CopyTo(_parts.Extend(request.PartCount));
            hash += request.PartCount;
            mac += request.PartCount;
            _rootOf.Add(request.HasMetadata ? slices.Count / MetadataFields.Count : -1);
            for (var field = 0; request.HasMetadata && field < MetadataFields.Count; field++, mac++)
            {
                var commitment = (request.FieldMask >> field & 1) != 0 ? hashes[hash++] : macs[mac];
                slices.Add(new Slice(entries.Count, EntryLength));
                var entry = entries.Extend(EntryLength);
                entry[0] = 0;
                commitment.CopyTo(entry[1..]);
            }
        }

        _partStarts.Add(_parts.Count);
        using var leaves = new PooledList<Hash32>(slices.Count);
        leaves.Extend(slices.Count);
        Suite.HashMany(entries.Span, slices.Span, leaves.Span);
        FoldFields(leaves.Span);
    }

    // Twenty leaves a record: 20 → 10 → 5 → 3 → 2 → 1, the odd last node moving up; each level of all records in one call.
    private void FoldFields(Span<Hash32> level)
    {
        var records = level.Length / MetadataFields.Count;
        _roots.Extend(records);
        using var pairs = new PooledList<Hash32>(level.Length);
        using var parents = new PooledList<Hash32>(level.Length);
        pairs.Extend(level.Length);
        parents.Extend(level.Length);
        for (var width = MetadataFields.Count; width > 1; width = (width + 1) / 2)
        {
            var even = width & ~1;
            for (var r = 0; r < records; r++)
            {
                level.Slice(r * width, even).CopyTo(pairs.Span[(r * even)..]);
            }

            Suite.HashNodes(pairs.Span[..(records * even)], parents.Span[..(records * even / 2)]);
            var next = (width + 1) / 2;
            for (var r = 0; r < records; r++)
            {
                // The write position never passes the read position: next is smaller than width.
                var odd = level[(r * width) + width - 1];
                parents.Span.Slice(r * even / 2, even / 2).CopyTo(level[(r * next)..]);
                if (even != width)
                {
                    level[(r * next) + next - 1] = odd;
                }
            }
        }

        level[..records].CopyTo(_roots.Span);
    }
}
