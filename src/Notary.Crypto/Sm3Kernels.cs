using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Notary.Crypto.Sm3;

namespace Notary.Crypto;

/// <param name="arena">all messages</param>
/// <param name="messages">slices of the arena</param>
/// <param name="digests">one for each message</param>
public delegate void Sm3HashMany(ReadOnlySpan<byte> arena, ReadOnlySpan<Slice> messages, Span<Hash32> digests);

/// <summary>HMAC-SM3 with the arguments of <see cref="Suite.HmacMany"/>.</summary>
public delegate void Sm3HmacMany(ReadOnlySpan<Hash32> keys, ReadOnlySpan<int> keyOf, ReadOnlySpan<byte> arena, ReadOnlySpan<Slice> messages, Span<Hash32> macs);

/// <summary>Interior nodes with the arguments of <see cref="Suite.HashNodes"/>.</summary>
public delegate void Sm3HashNodes(ReadOnlySpan<Hash32> pairs, Span<Hash32> parents);

/// <summary>One way to compute many SM3 digests. All give the same digests, and all run on every machine; one that is not supported runs slowly.</summary>
public sealed class Sm3Kernel
{
    private readonly Sm3Width _width;

    internal Sm3Kernel(string name, Sm3Width width, bool supported)
    {
        _width = width;
        Name = name;
        Supported = supported;
        HashMany = (arena, messages, digests) => Sm3Many.Hash(_width, arena, messages, digests);
        HmacMany = (keys, keyOf, arena, messages, macs) => Sm3Many.Hmac(_width, keys, keyOf, arena, messages, macs);
        HashNodes = (pairs, parents) => Sm3Many.Nodes(_width, pairs, parents);
    }

    /// <summary>"plain", "avx2-8" or "avx512-16".</summary>
    public string Name { get; }

    /// <summary>Messages at a time.</summary>
    public int Lanes => (int)_width;

    /// <summary>True when this machine has the instructions that it is written for.</summary>
    public bool Supported { get; }

    public Sm3HashMany HashMany { get; }

    public Sm3HmacMany HmacMany { get; }

    public Sm3HashNodes HashNodes { get; }

    internal Sm3Width Width => _width;

    public override string ToString() => Name;
}

/// <summary>The multi-buffer SM3 kernels, and the one that this machine uses.</summary>
public static class Sm3Kernels
{
    // Vector512.IsHardwareAccelerated is false on the early AVX-512 processors that lower their clock for 512-bit work: they take eight lanes.

    /// <summary>From the plain one to the widest.</summary>
    public static IReadOnlyList<Sm3Kernel> All { get; } =
    [
        new Sm3Kernel("plain", Sm3Width.Plain, supported: true),
        new Sm3Kernel("avx2-8", Sm3Width.Avx2, Avx2.IsSupported),
        new Sm3Kernel("avx512-16", Sm3Width.Avx512, Vector512.IsHardwareAccelerated && Avx512F.IsSupported),
    ];

    /// <summary>The widest that the machine supports. <see cref="Suite"/> "sm" hands every batch to this very object.</summary>
    public static Sm3Kernel Active { get; } = All.Last(k => k.Supported);
}
