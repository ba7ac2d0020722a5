using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Notary.Crypto.Sm3;

/// <summary>HMAC-SM3 of one message (RFC 2104; GM/T 0042-2015 annex D).</summary>
internal static unsafe class HmacSm3
{
    /// <summary>The states after the key's inner (0x36) and outer (0x5c) block.</summary>
    public static void Midstates(ReadOnlySpan<byte> key, uint* inner, uint* outer)
    {
        var block = stackalloc byte[Sm3Plain.BlockSize];
        var bytes = new Span<byte>(block, Sm3Plain.BlockSize);
        bytes.Clear();
        if (key.Length > Sm3Plain.BlockSize)
        {
            Sm3Plain.Hash(key, bytes[..Hash32.Size]);
        }
        else
        {
            key.CopyTo(bytes);
        }
        Absorb(bytes, 0x36, block, inner);
        Absorb(bytes, 0x36 ^ 0x5c, block, outer);
        CryptographicOperations.ZeroMemory(bytes);
    }

    private static void Absorb(Span<byte> bytes, byte mask, byte* block, uint* state)
    {
        foreach (ref var b in bytes)
        {
            b ^= mask;
        }
        Sm3Plain.InitialState.CopyTo(new Span<uint>(state, 8));
        Sm3Plain.Compress(state, block, 1);
    }

    [SkipLocalsInit]
    public static void Compute(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, Span<byte> mac32)
    {
        var states = stackalloc uint[16];
        var digest = stackalloc byte[Hash32.Size];
        Midstates(key, states, states + 8);
        fixed (byte* data = message)
        {
            byte none;
            Sm3Plain.Finish(states, data == null ? &none : data, message.Length, 1, digest);
        }
        Sm3Plain.Finish(states + 8, digest, Hash32.Size, 1, digest);
        new ReadOnlySpan<byte>(digest, Hash32.Size).CopyTo(mac32);
        new Span<uint>(states, 16).Clear();
    }
}
