namespace Notary.Crypto;

/// <param name="arena">all messages</param>
/// <param name="messages">slices of the arena</param>
/// <param name="digests">one for each message</param>
public delegate void Sm3HashMany(ReadOnlySpan<byte> arena, ReadOnlySpan<Slice> messages, Span<Hash32> digests);

/// <summary>One way to compute many SM3 digests. All give the same digests.</summary>
/// <param name="Name">"plain", "avx2-8" or "avx512-16"</param>
/// <param name="Lanes">messages at a time</param>
/// <param name="Supported">true when this machine has the instructions it is written for; it runs, slowly, in any case</param>
/// <param name="HashMany">the kernel itself</param>
public sealed record Sm3Kernel(string Name, int Lanes, bool Supported, Sm3HashMany HashMany);

/// <summary>The multi-buffer SM3 kernels, and the one that this machine uses.</summary>
public static class Sm3Kernels
{
    /// <summary>From the plain one to the widest.</summary>
    public static IReadOnlyList<Sm3Kernel> All { get; } = [new Sm3Kernel("plain", 1, true, Suite.Sm.HashMany)];

    /// <summary>The widest that the machine supports; what <see cref="Suite.HashMany"/> of the suite sm runs on.</summary>
    public static Sm3Kernel Active { get; } = All.Last(k => k.Supported);
}
