using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Notary.Crypto.Sm3;

internal enum Sm3Width
{
    Plain = 1,
    Avx2 = 8,
    Avx512 = 16,
}

/// <summary>Many SM3 messages, tree nodes and HMACs on the widest kernel of this machine. Nothing is allocated; big scratch comes from the array pool.</summary>
internal static unsafe class Sm3Many
{
    // Scratch of one round of HMACs stays in the second-level cache.
    private const int HmacChunk = 1024;
    private const int NodeChunk = 16;
    private const int NodeSize = 2 * Sm3Plain.BlockSize;
    private const int StateWords = 8;

    public static void Hash(Sm3Width width, ReadOnlySpan<byte> arena, ReadOnlySpan<Slice> messages, Span<Hash32> digests)
    {
        Check(arena.Length, messages, digests.Length);
        fixed (byte* a = arena)
        fixed (Slice* m = messages)
        fixed (Hash32* d = digests)
        {
            byte none;
            Run(width, a == null ? &none : a, m, messages.Length, null, null, 0, d);
        }
    }

    /// <summary>RFC 6962 2.1: SM3(0x01 ‖ left ‖ right), 65 bytes and so two blocks, of which the second is the same but for its first byte.</summary>
    [SkipLocalsInit]
    public static void Nodes(Sm3Width width, ReadOnlySpan<Hash32> pairs, Span<Hash32> parents)
    {
        var count = pairs.Length / 2;
        ArgumentOutOfRangeException.ThrowIfLessThan(parents.Length, count, nameof(parents));
        // 65 bytes each, so that the scheduler's padding does the rest; the copy is small beside two compressions.
        var arena = stackalloc byte[NodeChunk * NodeSize];
        var slices = stackalloc Slice[NodeChunk];
        for (var i = 0; i < NodeChunk; i++)
        {
            arena[i * NodeSize] = 1;
            slices[i] = new Slice(i * NodeSize, 1 + (2 * Hash32.Size));
        }
        fixed (Hash32* p = pairs)
        fixed (Hash32* d = parents)
        {
            for (var done = 0; done < count; done += NodeChunk)
            {
                var n = Math.Min(NodeChunk, count - done);
                for (var i = 0; i < n; i++)
                {
                    Unsafe.CopyBlockUnaligned(arena + (i * NodeSize) + 1, p + (2 * (done + i)), 2 * Hash32.Size);
                }
                Run(width, arena, slices, n, null, null, 0, d + done);
            }
        }
    }

    /// <summary>HMAC-SM3 with 32-byte keys. The key's two blocks are compressed once per key, lanes abreast.</summary>
    public static void Hmac(Sm3Width width, ReadOnlySpan<Hash32> keys, ReadOnlySpan<int> keyOf, ReadOnlySpan<byte> arena, ReadOnlySpan<Slice> messages, Span<Hash32> macs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keyOf.Length, messages.Length, nameof(keyOf));
        Check(arena.Length, messages, macs.Length);
        for (var i = 0; i < messages.Length; i++)
        {
            if ((uint)keyOf[i] >= (uint)keys.Length)
            {
                throw new ArgumentOutOfRangeException(nameof(keyOf), keyOf[i], "no such key");
            }
        }
        if (messages.IsEmpty)
        {
            return;
        }
        var rented = ArrayPool<uint>.Shared.Rent(2 * StateWords * keys.Length);
        try
        {
            fixed (uint* inner = rented)
            fixed (Hash32* k = keys)
            fixed (int* of = keyOf)
            fixed (byte* a = arena)
            fixed (Slice* m = messages)
            fixed (Hash32* d = macs)
            {
                byte none;
                var outer = inner + (StateWords * keys.Length);
                Midstates(width, k, keys.Length, 0x3636363636363636, inner);
                Midstates(width, k, keys.Length, 0x5c5c5c5c5c5c5c5c, outer);
                Run(width, a == null ? &none : a, m, messages.Length, inner, of, 1, d);
                Outer(width, d, messages.Length, outer, of);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(rented.AsSpan(0, 2 * StateWords * keys.Length)));
            ArrayPool<uint>.Shared.Return(rented);
        }
    }

    // The second hash of each HMAC: over the 32 bytes of the first, which the result replaces.
    [SkipLocalsInit]
    private static void Outer(Sm3Width width, Hash32* macs, int count, uint* outer, int* keyOf)
    {
        var slices = stackalloc Slice[HmacChunk];
        for (var i = 0; i < Math.Min(HmacChunk, count); i++)
        {
            slices[i] = new Slice(i * Hash32.Size, Hash32.Size);
        }
        for (var done = 0; done < count; done += HmacChunk)
        {
            Run(width, (byte*)(macs + done), slices, Math.Min(HmacChunk, count - done), outer, keyOf + done, 1, macs + done);
        }
    }

    private static void Midstates(Sm3Width width, Hash32* keys, int count, ulong mask, uint* states)
    {
        switch (width)
        {
            case Sm3Width.Avx512:
                Midstates<Sm3Lanes16>(keys, count, mask, states);
                break;
            case Sm3Width.Avx2:
                Midstates<Sm3Lanes8>(keys, count, mask, states);
                break;
            default:
                Midstates<Sm3Lanes1>(keys, count, mask, states);
                break;
        }
    }

    [SkipLocalsInit]
    private static void Midstates<TKernel>(Hash32* keys, int count, ulong mask, uint* states)
        where TKernel : struct, ILaneKernel
    {
        const int MaxLanes = 16;
        var storage = stackalloc byte[(StateWords * MaxLanes * sizeof(uint)) + 63];
        var state = (uint*)(((nint)storage + 63) & ~63);
        var blocks = stackalloc byte[MaxLanes * Sm3Plain.BlockSize];
        var at = stackalloc byte*[MaxLanes];
        var lanes = TKernel.Lanes;
        for (var lane = 0; lane < lanes; lane++)
        {
            at[lane] = blocks + (lane * Sm3Plain.BlockSize);
            new Span<ulong>(at[lane], 8).Fill(mask);
        }
        var initial = stackalloc uint[StateWords];
        Sm3Plain.InitialState.CopyTo(new Span<uint>(initial, StateWords));
        var rows = stackalloc uint*[MaxLanes];
        new Span<nint>(rows, MaxLanes).Fill((nint)initial);
        var last = stackalloc uint[StateWords * MaxLanes];
        for (var done = 0; done < count; done += lanes)
        {
            var n = Math.Min(lanes, count - done);
            for (var lane = 0; lane < n; lane++)
            {
                var key = (ulong*)(keys + done + lane);
                var block = (ulong*)at[lane];
                block[0] = key[0] ^ mask;
                block[1] = key[1] ^ mask;
                block[2] = key[2] ^ mask;
                block[3] = key[3] ^ mask;
            }
            TKernel.LoadStates(state, rows);
            TKernel.Compress(state, at, 1);
            if (n == lanes)
            {
                TKernel.StoreStates(state, states + (StateWords * done));
            }
            else
            {
                TKernel.StoreStates(state, last);
                Unsafe.CopyBlockUnaligned(states + (StateWords * done), last, (uint)(n * StateWords * sizeof(uint)));
            }
        }
        new Span<byte>(blocks, MaxLanes * Sm3Plain.BlockSize).Clear();
    }

    private static void Run(Sm3Width width, byte* arena, Slice* messages, int count, uint* start, int* keyOf, int prefixBlocks, Hash32* digests)
    {
        switch (width)
        {
            case Sm3Width.Avx512:
                LaneScheduler<Sm3Lanes16>.Run(arena, messages, count, start, keyOf, prefixBlocks, digests);
                break;
            case Sm3Width.Avx2:
                LaneScheduler<Sm3Lanes8>.Run(arena, messages, count, start, keyOf, prefixBlocks, digests);
                break;
            default:
                Plain(arena, messages, count, start, keyOf, prefixBlocks, digests);
                break;
        }
    }

    private static void Plain(byte* arena, Slice* messages, int count, uint* start, int* keyOf, int prefixBlocks, Hash32* digests)
    {
        var state = stackalloc uint[StateWords];
        for (var i = 0; i < count; i++)
        {
            var from = start == null ? Sm3Plain.InitialState : new ReadOnlySpan<uint>(start + (StateWords * (nint)keyOf[i]), StateWords);
            from.CopyTo(new Span<uint>(state, StateWords));
            Sm3Plain.Finish(state, arena + messages[i].Offset, messages[i].Length, prefixBlocks, (byte*)(digests + i));
        }
    }

    // Everything behind this works with pointers, so nothing may pass that does not lie inside.
    private static void Check(int arenaLength, ReadOnlySpan<Slice> messages, int outputs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, messages.Length, nameof(outputs));
        foreach (ref readonly var m in messages)
        {
            if ((m.Offset | m.Length) < 0 || m.Offset > arenaLength - m.Length)
            {
                throw new ArgumentOutOfRangeException(nameof(messages), m, "a message lies outside the arena");
            }
        }
    }
}

/// <summary>The plain code in the shape of a kernel of one lane.</summary>
internal readonly unsafe struct Sm3Lanes1 : ILaneKernel
{
    public static int Lanes => 1;

    public static void Compress(uint* state, byte** blocks, nint count) => Sm3Plain.Compress(state, blocks[0], count);

    public static void LoadStates(uint* state, uint** rows) => Unsafe.CopyBlockUnaligned(state, rows[0], 32);

    public static void StoreStates(uint* state, uint* rows) => Unsafe.CopyBlockUnaligned(rows, state, 32);

    public static void StoreDigests(uint* state, byte* digests) => Sm3Plain.WriteDigest(state, digests);
}
