using System.Security.Cryptography;
using Notary.Crypto.Sm3;

namespace Notary.Crypto;

/// <summary>A hash over bytes that arrive in pieces. One message per instance; not for use from two threads at once.</summary>
public sealed class StreamingHash : IDisposable
{
    private readonly IncrementalHash? _sha256;
    private Sm3Stream _sm3;
    private bool _finished;

    internal StreamingHash(Suite suite)
    {
        if (suite.Id == SuiteId.Sm)
        {
            _sm3 = Sm3Stream.Start();
        }
        else
        {
            _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        }
    }

    public void Append(ReadOnlySpan<byte> data)
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        if (_sha256 is not null)
        {
            _sha256.AppendData(data);
        }
        else
        {
            _sm3.Append(data);
        }
    }

    /// <summary>The digest. The instance takes no more data afterwards.</summary>
    public Hash32 Finish()
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        _finished = true;
        if (_sha256 is null)
        {
            return _sm3.Finish();
        }
        Span<byte> digest = stackalloc byte[Hash32.Size];
        _sha256.GetHashAndReset(digest);
        return Hash32.FromSpan(digest);
    }

    public void Dispose() => _sha256?.Dispose();
}
