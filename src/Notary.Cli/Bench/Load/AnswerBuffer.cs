using System.Buffers.Text;

namespace Notary.Cli.Bench.Load;

/// <summary>
/// Collects one HTTP/1.1 answer from a socket with as little work as possible: bytes are received straight into one buffer that is kept
/// between answers; a chunked body (RFC 9112, 7.1) is closed up in place. The load generator shares its machine with the server it measures.
/// </summary>
internal sealed class AnswerBuffer
{
    private byte[] _bytes = new byte[64 * 1024];
    private int _received;
    private int _parsed;
    private int _bodyStart;
    private int _bodyEnd;
    private long _remaining;
    private Stage _stage;

    private enum Stage
    {
        Head,
        Length,
        ChunkSize,
        ChunkData,
        ChunkEnd,
        Trailer,
        Complete,
    }

    /// <summary>Status code of the answer, 0 until its head has arrived.</summary>
    public int Status { get; private set; }

    /// <summary>The body, once the answer is complete.</summary>
    public ReadOnlySpan<byte> Body => _bytes.AsSpan(_bodyStart, _bodyEnd - _bodyStart);

    /// <summary>Where the next received bytes go; never empty.</summary>
    public Memory<byte> Free
    {
        get
        {
            if (_bytes.Length - _received < 32 * 1024)
            {
                Array.Resize(ref _bytes, _bytes.Length * 2);
            }

            return _bytes.AsMemory(_received);
        }
    }

    /// <summary>Forgets the last answer.</summary>
    public void Reset()
    {
        _received = _parsed = _bodyStart = _bodyEnd = 0;
        _remaining = 0;
        _stage = Stage.Head;
        Status = 0;
    }

    /// <summary>Takes <paramref name="count"/> bytes that were put into <see cref="Free"/>; true when the answer is complete.</summary>
    /// <exception cref="InvalidDataException">The server does not speak HTTP/1.1 as expected.</exception>
    public bool Take(int count)
    {
        _received += count;
        while (_stage != Stage.Complete && Step())
        {
        }

        return _stage == Stage.Complete;
    }

    private bool Step()
    {
        switch (_stage)
        {
            case Stage.Head:
                int end = _bytes.AsSpan(0, _received).IndexOf("\r\n\r\n"u8);
                if (end < 0)
                {
                    return false;
                }

                ReadHead(_bytes.AsSpan(0, end + 2));
                _parsed = _bodyStart = _bodyEnd = end + 4;
                return true;

            case Stage.Length:
                _bodyEnd = (int)Math.Min(_received, _bodyStart + _remaining);
                if (_bodyEnd - _bodyStart < _remaining)
                {
                    return false;
                }

                _stage = Stage.Complete;
                return true;

            case Stage.ChunkSize:
                int line = _bytes.AsSpan(_parsed, _received - _parsed).IndexOf("\r\n"u8);
                if (line < 0)
                {
                    return false;
                }

                if (!Utf8Parser.TryParse(_bytes.AsSpan(_parsed, line), out int size, out _, 'x') || size < 0)
                {
                    throw new InvalidDataException("A chunk of the answer has no size.");
                }

                _parsed += line + 2;
                _remaining = size;
                _stage = size == 0 ? Stage.Trailer : Stage.ChunkData;
                return true;

            case Stage.ChunkData:
                int take = (int)Math.Min(_remaining, _received - _parsed);
                if (take == 0)
                {
                    return false;
                }

                _bytes.AsSpan(_parsed, take).CopyTo(_bytes.AsSpan(_bodyEnd));
                _bodyEnd += take;
                _parsed += take;
                _remaining -= take;
                if (_remaining == 0)
                {
                    _stage = Stage.ChunkEnd;
                }

                return true;

            case Stage.ChunkEnd:
            case Stage.Trailer:
                if (_received - _parsed < 2)
                {
                    return false;
                }

                _parsed += 2;
                _stage = _stage == Stage.Trailer ? Stage.Complete : Stage.ChunkSize;
                return true;

            default:
                throw new InvalidOperationException("The answer is complete already.");
        }
    }

    private void ReadHead(ReadOnlySpan<byte> head)
    {
        if (head.Length < 12 || !head.StartsWith("HTTP/1.1 "u8) || !Utf8Parser.TryParse(head[9..12], out int status, out _))
        {
            throw new InvalidDataException("The answer does not start with an HTTP/1.1 status line.");
        }

        Status = status;
        _stage = Stage.Length;
        _remaining = 0;
        while (head.Length > 0)
        {
            int end = head.IndexOf("\r\n"u8);
            ReadOnlySpan<byte> line = head[..end];
            head = head[(end + 2)..];
            if (Value(line, "content-length:"u8, out ReadOnlySpan<byte> value) && Utf8Parser.TryParse(value, out long length, out _))
            {
                _remaining = length;
            }
            else if (Value(line, "transfer-encoding:"u8, out value) && value.SequenceEqual("chunked"u8))
            {
                _stage = Stage.ChunkSize;
            }
        }
    }

    private static bool Value(ReadOnlySpan<byte> line, ReadOnlySpan<byte> lowerName, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (line.Length <= lowerName.Length || !System.Text.Ascii.EqualsIgnoreCase(line[..lowerName.Length], lowerName))
        {
            return false;
        }

        value = line[lowerName.Length..].Trim((byte)' ');
        return true;
    }
}
