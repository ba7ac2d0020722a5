using System.Buffers;
using Notary.Ledger;

namespace Notary.Server.Nodes;

/// <summary>
/// Reads an add-entries body piece by piece (C2SP tlog-mirror): its header, then one package after the other. Holds the bytes of one package that have come so far and nothing
/// behind it; memory grows with what has come, never with what was announced.
/// </summary>
/// <remarks>
/// A body that ends, breaks off, comes too slowly, does not inflate, is too large or is not of the format gives null: what was read before it stands, the rest is discarded, as
/// the specification demands. Only <see cref="ExceededLimit"/> is told apart.
/// </remarks>
internal sealed class UploadReader(Stream body, long limit) : IDisposable
{
    private const int FirstBuffer = 16 * 1024;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
    private int _start;
    private int _end;
    private long _left = limit;
    private bool _over;

    private delegate UploadRead Parse<T>(ReadOnlySpan<byte> bytes, out T? parsed, out int used);

    /// <summary>The body, as it was sent or inflated, is larger than the limit.</summary>
    public bool ExceededLimit { get; private set; }

    /// <summary>Reads the header; null when the body has none.</summary>
    public ValueTask<UploadRange?> ReadRangeAsync(CancellationToken cancellation) => ReadAsync<UploadRange>(UploadRange.TryRead, cancellation);

    /// <summary>Reads the next package, of that many entries; null when no whole one comes.</summary>
    public ValueTask<EntryPackage?> ReadPackageAsync(int count, CancellationToken cancellation) => ReadAsync(
        (ReadOnlySpan<byte> bytes, out EntryPackage? package, out int used) => EntryPackage.TryRead(bytes, count, out package, out used), cancellation);

    /// <inheritdoc/>
    public void Dispose() => Replace([]);

    private async ValueTask<T?> ReadAsync<T>(Parse<T> parse, CancellationToken cancellation)
        where T : class
    {
        while (!_over)
        {
            switch (parse(_buffer.AsSpan(_start.._end), out T? parsed, out int used))
            {
                case UploadRead.Whole:
                    _start += used;
                    return parsed;
                case UploadRead.Malformed:
                    _over = true;
                    break;
                default:
                    _over = !await FillAsync(cancellation);
                    break;
            }
        }

        return null;
    }

    private async ValueTask<bool> FillAsync(CancellationToken cancellation)
    {
        MakeRoom();
        int room = (int)Math.Min(_buffer.Length - _end, _left);
        if (room == 0)
        {
            ExceededLimit = true;
            return false;
        }

        try
        {
            int read = await body.ReadAsync(_buffer.AsMemory(_end, room), cancellation);
            _end += read;
            _left -= read;
            return read > 0;
        }
        catch (BadHttpRequestException wrong)
        {
            ExceededLimit = wrong.StatusCode == StatusCodes.Status413PayloadTooLarge;
            return false;
        }
        catch (Exception gone) when (gone is IOException or InvalidDataException or OperationCanceledException)
        {
            return false;
        }
    }

    // No header and no package is longer than the longest package, so a buffer of that length always holds a whole one.
    private void MakeRoom()
    {
        if (_end < _buffer.Length)
        {
            return;
        }

        if (_start > 0)
        {
            _buffer.AsSpan(_start.._end).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
            return;
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Min(2 * _buffer.Length, EntryPackage.MaxLength));
        _buffer.CopyTo(larger, 0);
        Replace(larger);
    }

    // What was uploaded does not stay behind in the pool.
    private void Replace(byte[] by)
    {
        if (_buffer.Length > 0)
        {
            _buffer.AsSpan(0, _end).Clear();
            ArrayPool<byte>.Shared.Return(_buffer);
        }

        _buffer = by;
    }
}
