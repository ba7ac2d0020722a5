namespace Notary.Evidence.Tests.Packages;

/// <summary>A seekable stream that keeps only the pages that hold something other than zeros.</summary>
internal sealed class SparseStream : Stream
{
    private const int PageSize = 1 << 16;
    private readonly Dictionary<long, byte[]> _pages = [];
    private long _length;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => true;

    public override long Length => _length;

    public override long Position { get; set; }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var at = (int)(Position % PageSize);
            var piece = buffer[..Math.Min(buffer.Length, PageSize - at)];
            var known = _pages.TryGetValue(Position / PageSize, out var page);
            if (known || piece.ContainsAnyExcept((byte)0))
            {
                page ??= _pages[Position / PageSize] = new byte[PageSize];
                piece.CopyTo(page.AsSpan(at));
            }

            Position += piece.Length;
            _length = Math.Max(_length, Position);
            buffer = buffer[piece.Length..];
        }
    }

    public override int Read(Span<byte> buffer)
    {
        var at = (int)(Position % PageSize);
        var piece = buffer[..(int)Math.Min(Math.Min(buffer.Length, PageSize - at), Math.Max(0, _length - Position))];
        if (_pages.TryGetValue(Position / PageSize, out var page))
        {
            page.AsSpan(at, piece.Length).CopyTo(piece);
        }
        else
        {
            piece.Clear();
        }

        Position += piece.Length;
        return piece.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => _length = value;
}

/// <summary>So many zeros.</summary>
internal sealed class ZeroStream(long length) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position { get; set; }

    public override int Read(byte[] buffer, int offset, int count)
    {
        var read = (int)Math.Min(count, length - Position);
        buffer.AsSpan(offset, read).Clear();
        Position += read;
        return read;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
