namespace Notary.Crypto.Sm3;

/// <summary>SM3 over a message that arrives in pieces. A mutable value: pass it by reference, never copy it half-way.</summary>
internal unsafe struct Sm3Stream
{
    private fixed uint _state[8];
    private fixed byte _tail[Sm3Plain.BlockSize];
    private int _tailLength;
    private ulong _total;

    public static Sm3Stream Start()
    {
        var s = default(Sm3Stream);
        Sm3Plain.InitialState.CopyTo(new Span<uint>(s._state, 8));
        return s;
    }

    public void Append(ReadOnlySpan<byte> data)
    {
        _total += (ulong)data.Length;
        fixed (uint* state = _state)
        fixed (byte* tail = _tail)
        fixed (byte* start = data)
        {
            var p = start;
            var n = data.Length;
            if (_tailLength > 0)
            {
                var take = Math.Min(n, Sm3Plain.BlockSize - _tailLength);
                new ReadOnlySpan<byte>(p, take).CopyTo(new Span<byte>(tail + _tailLength, take));
                _tailLength += take;
                p += take;
                n -= take;
                if (_tailLength < Sm3Plain.BlockSize)
                {
                    return;
                }
                Sm3Plain.Compress(state, tail, 1);
                _tailLength = 0;
            }
            var whole = n / Sm3Plain.BlockSize;
            Sm3Plain.Compress(state, p, whole);
            p += whole * Sm3Plain.BlockSize;
            n -= whole * Sm3Plain.BlockSize;
            if (n > 0)
            {
                new ReadOnlySpan<byte>(p, n).CopyTo(new Span<byte>(tail, n));
                _tailLength = n;
            }
        }
    }

    /// <summary>Ends the message; the value may not be used afterwards.</summary>
    public Hash32 Finish()
    {
        var pad = stackalloc byte[2 * Sm3Plain.BlockSize];
        var digest = stackalloc byte[Hash32.Size];
        fixed (uint* state = _state)
        fixed (byte* tail = _tail)
        {
            var blocks = Sm3Plain.WritePadding(pad, tail, _tailLength, _total);
            Sm3Plain.Compress(state, pad, blocks);
            Sm3Plain.WriteDigest(state, digest);
        }
        return Hash32.FromSpan(new ReadOnlySpan<byte>(digest, Hash32.Size));
    }
}
