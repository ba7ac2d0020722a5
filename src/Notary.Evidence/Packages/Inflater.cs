using System.Runtime.CompilerServices;

namespace Notary.Evidence;

/// <summary>
/// RFC 1951, strict. The base library's inflater hides how many bytes it took and reads on into what follows; a package must not
/// carry bytes that nobody looks at, so this one says exactly where the stream ended. Memory: one 64 KiB window, one 32 KiB input
/// buffer, two tables. Output stops at the declared size, whatever the stream says.
/// </summary>
internal sealed class Inflater
{
    private const int WindowSize = 1 << 16;
    private const int MaxDistance = 1 << 15;
    private const int FastBits = 10;

    private static ReadOnlySpan<ushort> LengthBase =>
        [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
    private static ReadOnlySpan<byte> LengthExtra =>
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    private static ReadOnlySpan<ushort> DistanceBase =>
        [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
    private static ReadOnlySpan<byte> DistanceExtra =>
        [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
    private static ReadOnlySpan<byte> CodeLengthOrder => [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    private readonly Stream _input;
    private readonly ByteSink _sink;
    private readonly long _size;
    private readonly byte[] _window = new byte[WindowSize];
    private readonly byte[] _buffer = new byte[1 << 15];
    private readonly Code _literals = new(288);
    private readonly Code _distances = new(32);
    private long _left;
    private int _bufferAt;
    private int _bufferEnd;
    private ulong _bits;
    private int _bitCount;
    private long _written;
    private long _flushed;
    private ZipFailure _failure;

    private Inflater(Stream input, long compressedSize, long size, ByteSink sink)
    {
        _input = input;
        _left = compressedSize;
        _size = size;
        _sink = sink;
    }

    /// <summary>Inflates exactly <paramref name="compressedSize"/> bytes from the stream's position to exactly <paramref name="size"/> bytes, or says why not.</summary>
    public static ZipFailure Run(Stream input, long compressedSize, long size, ByteSink sink)
    {
        var inflater = new Inflater(input, compressedSize, size, sink);
        return inflater.Blocks() ? inflater.Finish() : inflater._failure;
    }

    private ZipFailure Finish()
    {
        Flush();
        var padding = _bitCount & 7;
        if ((_bits & ((1UL << padding) - 1)) != 0 || _bitCount >> 3 != 0 || _bufferAt != _bufferEnd || _left != 0)
        {
            return ZipFailure.DeflateTrailing;
        }

        return _written == _size ? ZipFailure.None : ZipFailure.InflatesShort;
    }

    private bool Blocks()
    {
        while (true)
        {
            if (!Take(3, out var header))
            {
                return false;
            }

            var done = (header >> 1) switch
            {
                0 => Stored(),
                1 => FixedCodes() && Compressed(),
                2 => DynamicCodes() && Compressed(),
                _ => Fail(ZipFailure.DeflateMalformed),
            };
            if (!done)
            {
                return false;
            }

            if ((header & 1) != 0)
            {
                return true;
            }
        }
    }

    private bool Stored()
    {
        // RFC 1951 3.2.4: the rest of the byte is skipped; a strict reader wants it zero.
        if (!Take(_bitCount & 7, out var skipped) || !Take(16, out var length) || !Take(16, out var complement))
        {
            return false;
        }

        if (skipped != 0 || length != (~complement & 0xFFFF))
        {
            return Fail(ZipFailure.DeflateMalformed);
        }

        for (var i = 0u; i < length; i++)
        {
            if (!Take(8, out var b) || !Put((byte)b))
            {
                return false;
            }
        }

        return true;
    }

    private bool FixedCodes()
    {
        Span<byte> lengths = stackalloc byte[288];
        lengths[..144].Fill(8);
        lengths[144..256].Fill(9);
        lengths[256..280].Fill(7);
        lengths[280..].Fill(8);
        _literals.Build(lengths);
        lengths[..30].Fill(5);
        _distances.Build(lengths[..30]);
        return true;
    }

    private bool DynamicCodes()
    {
        if (!Take(5, out var hlit) || !Take(5, out var hdist) || !Take(4, out var hclen))
        {
            return false;
        }

        var literals = (int)hlit + 257;
        var distances = (int)hdist + 1;
        if (literals > 286 || distances > 30)
        {
            return Fail(ZipFailure.DeflateMalformed);
        }

        Span<byte> lengths = stackalloc byte[286 + 30];
        lengths.Clear();
        for (var i = 0; i < (int)hclen + 4; i++)
        {
            if (!Take(3, out var length))
            {
                return false;
            }

            lengths[CodeLengthOrder[i]] = (byte)length;
        }

        if (_literals.Build(lengths[..19]) != 0)
        {
            return Fail(ZipFailure.DeflateMalformed);
        }

        lengths.Clear();
        for (var i = 0; i < literals + distances;)
        {
            if (!Decode(_literals, out var symbol))
            {
                return false;
            }

            if (symbol < 16)
            {
                lengths[i++] = (byte)symbol;
                continue;
            }

            if (!Take(symbol == 16 ? 2 : symbol == 17 ? 3 : 7, out var extra))
            {
                return false;
            }

            var repeat = (int)extra + (symbol == 18 ? 11 : 3);
            if (i + repeat > literals + distances || (symbol == 16 && i == 0))
            {
                return Fail(ZipFailure.DeflateMalformed);
            }

            lengths.Slice(i, repeat).Fill(symbol == 16 ? lengths[i - 1] : (byte)0);
            i += repeat;
        }

        if (lengths[256] == 0)
        {
            return Fail(ZipFailure.DeflateMalformed);
        }

        // An incomplete code is allowed only where it has a single symbol of one bit (RFC 1951 3.2.7), or none for distances.
        var literalsLeft = _literals.Build(lengths[..literals]);
        var distancesLeft = _distances.Build(lengths.Slice(literals, distances));
        if (literalsLeft < 0 || (literalsLeft > 0 && !_literals.SingleBit) || distancesLeft < 0 || (distancesLeft > 0 && !_distances.SingleBit && !_distances.IsEmpty))
        {
            return Fail(ZipFailure.DeflateMalformed);
        }

        return true;
    }

    private bool Compressed()
    {
        while (true)
        {
            if (!Decode(_literals, out var symbol))
            {
                return false;
            }

            if (symbol < 256)
            {
                if (!Put((byte)symbol))
                {
                    return false;
                }

                continue;
            }

            if (symbol == 256)
            {
                return true;
            }

            if (symbol > 285)
            {
                return Fail(ZipFailure.DeflateMalformed);
            }

            if (!Take(LengthExtra[symbol - 257], out var extra) || !Decode(_distances, out var code))
            {
                return false;
            }

            if (code > 29)
            {
                return Fail(ZipFailure.DeflateMalformed);
            }

            if (!Take(DistanceExtra[code], out var distanceExtra))
            {
                return false;
            }

            var length = LengthBase[symbol - 257] + (int)extra;
            var distance = DistanceBase[code] + (int)distanceExtra;
            if (distance > _written || distance > MaxDistance)
            {
                return Fail(ZipFailure.DeflateMalformed);
            }

            if (_written + length > _size)
            {
                return Fail(ZipFailure.InflatesBeyondSize);
            }

            for (var i = 0; i < length; i++)
            {
                Put(_window[(int)((_written - distance) & (WindowSize - 1))]);
            }
        }
    }

    private bool Put(byte value)
    {
        if (_written == _size)
        {
            return Fail(ZipFailure.InflatesBeyondSize);
        }

        _window[(int)(_written & (WindowSize - 1))] = value;
        _written++;
        if ((_written & (WindowSize - 1)) == 0)
        {
            Flush();
        }

        return true;
    }

    /// <summary>Called at each turn of the window at the latest, so what is pending lies in one piece.</summary>
    private void Flush()
    {
        if (_written > _flushed)
        {
            _sink(_window.AsSpan((int)(_flushed & (WindowSize - 1)), (int)(_written - _flushed)));
            _flushed = _written;
        }
    }

    private bool Fail(ZipFailure failure)
    {
        _failure = failure;
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Take(int count, out uint value)
    {
        if (_bitCount < count && !Refill(count))
        {
            value = 0;
            return Fail(ZipFailure.DeflateMalformed);
        }

        value = (uint)(_bits & ((1UL << count) - 1));
        _bits >>= count;
        _bitCount -= count;
        return true;
    }

    /// <summary>Fills up to 56 bits; false when fewer than <paramref name="need"/> are left in the entry.</summary>
    private bool Refill(int need)
    {
        while (_bitCount <= 48)
        {
            if (_bufferAt == _bufferEnd)
            {
                var want = (int)Math.Min(_left, _buffer.Length);
                var got = want == 0 ? 0 : _input.Read(_buffer, 0, want);
                if (got == 0)
                {
                    break;
                }

                _left -= got;
                _bufferAt = 0;
                _bufferEnd = got;
            }

            _bits |= (ulong)_buffer[_bufferAt++] << _bitCount;
            _bitCount += 8;
        }

        return _bitCount >= need;
    }

    private bool Decode(Code code, out int symbol)
    {
        if (_bitCount < 15)
        {
            Refill(15);
        }

        var entry = code.Fast[(int)(_bits & ((1 << FastBits) - 1))];
        if (entry != 0 && (entry & 15) <= _bitCount)
        {
            symbol = entry >> 4;
            _bits >>= entry & 15;
            _bitCount -= entry & 15;
            return true;
        }

        // Longer codes: walk the canonical code bit by bit.
        int value = 0, first = 0, index = 0;
        for (var length = 1; length <= 15 && length <= _bitCount; length++)
        {
            value |= (int)(_bits >> (length - 1)) & 1;
            var count = code.Counts[length];
            if (value - count < first)
            {
                symbol = code.Symbols[index + value - first];
                _bits >>= length;
                _bitCount -= length;
                return true;
            }

            index += count;
            first = (first + count) << 1;
            value <<= 1;
        }

        symbol = -1;
        return Fail(ZipFailure.DeflateMalformed);
    }

    /// <summary>A canonical Huffman code: counts per length, symbols in code order, and a table for the first bits (symbol times 16 plus length).</summary>
    private sealed class Code(int symbols)
    {
        public readonly ushort[] Counts = new ushort[16];
        public readonly ushort[] Symbols = new ushort[symbols];
        public readonly ushort[] Fast = new ushort[1 << FastBits];

        public bool SingleBit { get; private set; }

        public bool IsEmpty { get; private set; }

        /// <summary>0 complete, above 0 incomplete, below 0 over-subscribed.</summary>
        public int Build(ReadOnlySpan<byte> lengths)
        {
            Array.Clear(Counts);
            Array.Clear(Fast);
            foreach (var length in lengths)
            {
                Counts[length]++;
            }

            IsEmpty = Counts[0] == lengths.Length;
            SingleBit = Counts[1] == 1 && Counts[0] == lengths.Length - 1;
            Counts[0] = 0;
            var left = 1;
            for (var length = 1; length <= 15; length++)
            {
                left = (left << 1) - Counts[length];
                if (left < 0)
                {
                    return left;
                }
            }

            Span<ushort> offsets = stackalloc ushort[16];
            Span<int> next = stackalloc int[16];
            for (var length = 1; length < 15; length++)
            {
                offsets[length + 1] = (ushort)(offsets[length] + Counts[length]);
                next[length + 1] = (next[length] + Counts[length]) << 1;
            }

            for (var symbol = 0; symbol < lengths.Length; symbol++)
            {
                int length = lengths[symbol];
                if (length == 0)
                {
                    continue;
                }

                Symbols[offsets[length]++] = (ushort)symbol;
                var code = next[length]++;
                if (length > FastBits)
                {
                    continue;
                }

                var reversed = 0;
                for (var bit = 0; bit < length; bit++)
                {
                    reversed |= ((code >> bit) & 1) << (length - 1 - bit);
                }

                for (var at = reversed; at < Fast.Length; at += 1 << length)
                {
                    Fast[at] = (ushort)((symbol << 4) | length);
                }
            }

            return left;
        }
    }
}
