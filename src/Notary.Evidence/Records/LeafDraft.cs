using Notary.Crypto;

namespace Notary.Evidence;

/// <summary>One leaf before it is sealed: its bytes with a placeholder for <c>sealed</c>, and its facts. Not thread-safe.</summary>
public sealed class LeafDraft
{
    private readonly byte[] _bytes;
    private readonly int _sealedOffset;

    internal LeafDraft(byte[] bytes, LeafFacts facts)
    {
        _bytes = bytes;
        Facts = facts;
        // Members are sorted, and no value behind this member is an object; in a string a quote is escaped, which these bytes are not: the last match is the member.
        _sealedOffset = bytes.AsSpan().LastIndexOf("\"sealed\":\""u8) + "\"sealed\":\"".Length;
    }

    /// <summary>The leaf as sealed now.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>The facts as sealed now.</summary>
    public LeafFacts Facts { get; private set; }

    /// <summary>Sets the sealed time.</summary>
    public void Seal(DateTimeOffset time)
    {
        var milliseconds = RecordTime.ToMilliseconds(time);
        ArgumentOutOfRangeException.ThrowIfLessThan(milliseconds, Facts.Received, nameof(time));
        RecordTime.Write(milliseconds, _bytes.AsSpan(_sealedOffset));
        Facts = Facts with { Sealed = milliseconds };
    }

    /// <summary>The leaf hash as sealed now: H(0x00 ‖ leaf).</summary>
    public Hash32 Hash(Suite suite) => suite.Hash([0], _bytes);
}
