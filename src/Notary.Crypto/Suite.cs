using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Notary.Crypto.Sm3;

namespace Notary.Crypto;

/// <summary>Persisted in item boxes and key records: frozen numbers.</summary>
public enum SuiteId : byte
{
    /// <summary>SM3, SM2 with SM3, SM4-CTR with HMAC-SM3.</summary>
    Sm = 1,

    /// <summary>SHA-256, Ed25519, ECDSA P-256, AES-256-GCM.</summary>
    Intl = 2,
}

/// <summary>
/// The hash side of a suite: SM3 (GM/T 0004-2012) or SHA-256 (FIPS 180-4), both of 32 bytes, and their HMAC (RFC 2104).
/// Both instances are stateless and may be used from any thread; the <c>…Many</c> methods allocate nothing.
/// </summary>
public sealed class Suite
{
    public static readonly Suite Sm = new(SuiteId.Sm, "sm");
    public static readonly Suite Intl = new(SuiteId.Intl, "intl");

    private readonly bool _sm;

    private Suite(SuiteId id, string name)
    {
        Id = id;
        Name = name;
        _sm = id == SuiteId.Sm;
    }

    public SuiteId Id { get; }

    /// <summary>"sm" or "intl", as written in genesis and trust files.</summary>
    public string Name { get; }

    /// <summary>What the <c>…Many</c> methods of suite sm run on; null for intl, whose hash is the base library's.</summary>
    public Sm3Kernel? Kernel => _sm ? Sm3Kernels.Active : null;

    /// <summary>Null for a name that is not a suite.</summary>
    public static Suite? FromName(string name) => name switch
    {
        "sm" => Sm,
        "intl" => Intl,
        _ => null,
    };

    /// <summary>Null for a number that is not a suite.</summary>
    public static Suite? FromId(SuiteId id) => id switch
    {
        SuiteId.Sm => Sm,
        SuiteId.Intl => Intl,
        _ => null,
    };

    [SkipLocalsInit]
    public Hash32 Hash(ReadOnlySpan<byte> message)
    {
        Span<byte> digest = stackalloc byte[Hash32.Size];
        if (_sm)
        {
            Sm3Plain.Hash(message, digest);
        }
        else
        {
            SHA256.HashData(message, digest);
        }
        return Hash32.FromSpan(digest);
    }

    /// <summary>Hash of the concatenation of <paramref name="a"/> and <paramref name="b"/>.</summary>
    [SkipLocalsInit]
    public Hash32 Hash(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (a.Length + b.Length <= 512)
        {
            Span<byte> joined = stackalloc byte[512];
            a.CopyTo(joined);
            b.CopyTo(joined[a.Length..]);
            return Hash(joined[..(a.Length + b.Length)]);
        }
        using var hash = CreateHash();
        hash.Append(a);
        hash.Append(b);
        return hash.Finish();
    }

    public StreamingHash CreateHash() => new(this);

    /// <summary>HMAC (RFC 2104; FIPS 198-1) with the suite's hash; a key of any length.</summary>
    [SkipLocalsInit]
    public Hash32 Hmac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message)
    {
        Span<byte> mac = stackalloc byte[Hash32.Size];
        if (_sm)
        {
            HmacSm3.Compute(key, message, mac);
        }
        else
        {
            HMACSHA256.HashData(key, message, mac);
        }
        return Hash32.FromSpan(mac);
    }

    /// <summary>Hashes many messages of one arena: <c>digests[i]</c> is that of <c>arena[messages[i]]</c>.</summary>
    /// <exception cref="ArgumentException">a slice lies outside the arena, or <paramref name="digests"/> is too short</exception>
    public void HashMany(ReadOnlySpan<byte> arena, ReadOnlySpan<Slice> messages, Span<Hash32> digests)
    {
        if (Kernel is { } kernel)
        {
            Sm3Many.Hash(kernel.Width, arena, messages, digests);
            return;
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(digests.Length, messages.Length, nameof(digests));
        for (var i = 0; i < messages.Length; i++)
        {
            digests[i] = Hash(arena.Slice(messages[i].Offset, messages[i].Length));
        }
    }

    /// <summary>RFC 6962 2.1 interior nodes: <c>parents[i] = H(0x01 ‖ pairs[2i] ‖ pairs[2i+1])</c>. An odd last hash is an error.</summary>
    [SkipLocalsInit]
    public void HashNodes(ReadOnlySpan<Hash32> pairs, Span<Hash32> parents)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(pairs.Length % 2, 0, nameof(pairs));
        if (Kernel is { } kernel)
        {
            Sm3Many.Nodes(kernel.Width, pairs, parents);
            return;
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(parents.Length, pairs.Length / 2, nameof(parents));
        Span<byte> node = stackalloc byte[65];
        node[0] = 1;
        for (var i = 0; i < pairs.Length / 2; i++)
        {
            MemoryMarshal.AsBytes(pairs.Slice(2 * i, 2)).CopyTo(node[1..]);
            parents[i] = Hash(node);
        }
    }

    /// <summary>
    /// HMAC of many messages with 32-byte keys: <c>macs[i] = HMAC(keys[keyOf[i]], arena[messages[i]])</c>. The two hashed key
    /// blocks of each key are computed once.
    /// </summary>
    public void HmacMany(ReadOnlySpan<Hash32> keys, ReadOnlySpan<int> keyOf, ReadOnlySpan<byte> arena, ReadOnlySpan<Slice> messages, Span<Hash32> macs)
    {
        if (Kernel is { } kernel)
        {
            Sm3Many.Hmac(kernel.Width, keys, keyOf, arena, messages, macs);
            return;
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(macs.Length, messages.Length, nameof(macs));
        ArgumentOutOfRangeException.ThrowIfLessThan(keyOf.Length, messages.Length, nameof(keyOf));
        for (var i = 0; i < messages.Length; i++)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)keyOf[i], (uint)keys.Length, nameof(keyOf));
            macs[i] = Hmac(keys[keyOf[i]].AsSpan(), arena.Slice(messages[i].Offset, messages[i].Length));
        }
    }
}
