using System.Buffers.Binary;

namespace Notary.Crypto;

/// <summary>Why an item box does not open.</summary>
public enum ItemOpenResult
{
    Ok,

    /// <summary>Shorter than an empty box.</summary>
    TooShort,
    UnknownVersion,

    /// <summary>Of the other suite, or of none.</summary>
    OtherSuite,

    /// <summary>Sealed under a wrapping key with another id.</summary>
    OtherKey,

    /// <summary>The associated data is not 16 bytes.</summary>
    BadAssociatedData,

    /// <summary>Box, associated data or wrapping key is not what it was sealed with.</summary>
    NotAuthentic,
}

/// <summary>Byte layout of an item box, version 1 (docs/spec/item-box.md). Frozen.</summary>
internal static class ItemBox
{
    public const byte Version = 1;
    public const int HeaderSize = 6;
    public const int IvAt = HeaderSize;
    public const int IvSize = 16;
    public const int WrappedAt = IvAt + IvSize;
    public const int CiphertextAt = WrappedAt + Hash32.Size;
    public const int MacSize = 32;
    public const int Overhead = CiphertextAt + MacSize;
    public const int AssociatedSize = 16;

    public static void WriteHeader(Span<byte> box, SuiteId suite, uint keyId)
    {
        box[0] = Version;
        box[1] = (byte)suite;
        BinaryPrimitives.WriteUInt32BigEndian(box[2..], keyId);
    }
}

/// <summary>A batch to seal; the arrays run parallel.</summary>
internal readonly ref struct ItemBatch
{
    public required ReadOnlySpan<Hash32> Secrets { get; init; }

    public required ReadOnlySpan<byte> Ivs { get; init; }

    public required ReadOnlySpan<byte> Arena { get; init; }

    public required ReadOnlySpan<Slice> Plaintexts { get; init; }

    public required ReadOnlySpan<byte> Associated { get; init; }

    public required Span<byte> Boxes { get; init; }

    public required ReadOnlySpan<int> Offsets { get; init; }

    public ReadOnlySpan<byte> Plaintext(int i) => Arena.Slice(Plaintexts[i].Offset, Plaintexts[i].Length);

    public Span<byte> Box(int i) => Boxes.Slice(Offsets[i], ItemBox.Overhead + Plaintexts[i].Length);
}

/// <summary>What differs between the suites. Header, lengths and iv are in place when these are called.</summary>
internal abstract class ItemScheme : IDisposable
{
    public abstract void Seal(in ItemBatch batch);

    public abstract bool TryOpen(ReadOnlySpan<byte> box, ReadOnlySpan<byte> associated, out Hash32 secret, out byte[] plaintext);

    public abstract void Dispose();
}

/// <summary>
/// Seals and opens item boxes: the encrypted form in which a record's secret, metadata and part data lie beside the ledger. One wrapping
/// key per chain; erasing a box erases the only copy of its record secret. Safe for use from several threads.
/// </summary>
public sealed class ItemCipher : IDisposable
{
    /// <summary>A box is this much longer than its plaintext.</summary>
    public const int Overhead = ItemBox.Overhead;

    /// <summary>Bytes of iv per box: random, never used twice under one wrapping key.</summary>
    public const int IvSize = ItemBox.IvSize;

    /// <summary>Bytes of associated data per box: the record id.</summary>
    public const int AssociatedSize = ItemBox.AssociatedSize;

    private readonly ItemScheme _scheme;
    private readonly SuiteId _suite;
    private readonly uint _keyId;

    private ItemCipher(ItemScheme scheme, SuiteId suite, uint keyId)
    {
        _scheme = scheme;
        _suite = suite;
        _keyId = keyId;
    }

    /// <param name="keyId">names the wrapping key in each box's header</param>
    /// <param name="wrappingKey32">32 random bytes; copied</param>
    /// <exception cref="Native.LibCryptoException">suite sm, and libcrypto is absent or was built without SM4</exception>
    public static ItemCipher Create(Suite suite, uint keyId, ReadOnlySpan<byte> wrappingKey32)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(wrappingKey32.Length, 32);
        ItemScheme scheme = suite.Id == SuiteId.Sm ? new SmItemScheme(wrappingKey32) : new IntlItemScheme(wrappingKey32);
        return new ItemCipher(scheme, suite.Id, keyId);
    }

    /// <summary>Length of the box of a plaintext, in bytes.</summary>
    public static int BoxLength(int plaintextLength) => checked(plaintextLength + Overhead);

    /// <summary>Seals a batch; box <c>i</c> fills <c>boxes[boxOffsets[i] ..]</c> for <see cref="BoxLength"/> bytes. Boxes may not overlap.</summary>
    /// <param name="ivs16">16 bytes each, from <see cref="Keys.RandomBytes"/></param>
    /// <param name="aads16">16 bytes each: the record ids</param>
    /// <exception cref="ArgumentException">the lengths do not fit together</exception>
    public void SealMany(
        ReadOnlySpan<Hash32> secrets,
        ReadOnlySpan<byte> ivs16,
        ReadOnlySpan<byte> arena,
        ReadOnlySpan<Slice> plaintexts,
        ReadOnlySpan<byte> aads16,
        Span<byte> boxes,
        ReadOnlySpan<int> boxOffsets)
    {
        var n = secrets.Length;
        ArgumentOutOfRangeException.ThrowIfNotEqual(plaintexts.Length, n);
        ArgumentOutOfRangeException.ThrowIfNotEqual(boxOffsets.Length, n);
        ArgumentOutOfRangeException.ThrowIfNotEqual(ivs16.Length, n * IvSize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(aads16.Length, n * AssociatedSize);
        if (n == 0)
        {
            return;
        }
        var batch = new ItemBatch
        {
            Secrets = secrets,
            Ivs = ivs16,
            Arena = arena,
            Plaintexts = plaintexts,
            Associated = aads16,
            Boxes = boxes,
            Offsets = boxOffsets,
        };
        for (var i = 0; i < n; i++)
        {
            var box = batch.Box(i);
            ItemBox.WriteHeader(box, _suite, _keyId);
            ivs16.Slice(i * IvSize, IvSize).CopyTo(box[ItemBox.IvAt..]);
        }
        _scheme.Seal(batch);
    }

    /// <summary>Opens one box from anywhere; on any failure the outputs are empty.</summary>
    /// <param name="aad">the record id, 16 bytes</param>
    public ItemOpenResult TryOpen(ReadOnlySpan<byte> box, ReadOnlySpan<byte> aad, out Hash32 secret, out byte[] plaintext)
    {
        secret = default;
        plaintext = [];
        if (box.Length < Overhead)
        {
            return ItemOpenResult.TooShort;
        }
        if (box[0] != ItemBox.Version)
        {
            return ItemOpenResult.UnknownVersion;
        }
        if (box[1] != (byte)_suite)
        {
            return ItemOpenResult.OtherSuite;
        }
        if (BinaryPrimitives.ReadUInt32BigEndian(box[2..]) != _keyId)
        {
            return ItemOpenResult.OtherKey;
        }
        if (aad.Length != AssociatedSize)
        {
            return ItemOpenResult.BadAssociatedData;
        }
        return _scheme.TryOpen(box, aad, out secret, out plaintext) ? ItemOpenResult.Ok : ItemOpenResult.NotAuthentic;
    }

    public void Dispose() => _scheme.Dispose();
}
